/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packets, timers and life of a session. What the messages inside TLS mean is in session_msg.c, keys and
 * their renewal are in session_keys.c.
 */
#include "proto/session_priv.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "base/secret.h"
#include "proto/wkc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_REPLAY_ID = 64, /* our stateless answer used an id below: see dbr_session_answer_reset */
    LAST_WORDS_S = 5,
    RENEG_RETRY_S = 10,
    ACK_AGAIN = 3,
    ACK_SIGNING_NS = 20000000, /* far less than after what peers send again */
    PUSH_RETRY_S = 5,
    STATELESS_ID_MASK = 31,
    /* tls-crypt-v2: the first replay id of a client that understands early negotiation, and what is in it */
    EARLY_START = 0x0f000000,
    EARLY_FLAGS = 1,
    EARLY_RESEND_WKC = 1,
};

void session_log(struct dbr_session *s, int level, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    s->cfg->ops->log(s->cfg->arg, s, level, line);
}

/* ---- sending ---- */

static bool later_gate_for(const struct dbr_session *s, uint8_t key_id)
{
    return key_id > 0 && s->later_gate;
}

static struct dbr_gate *gate_for(const struct dbr_session *s, uint8_t key_id)
{
    if (later_gate_for(s, key_id))
        return s->later_gate;
    return s->own_gate ? s->own_gate : s->cfg->gate;
}

/* The wrapped key goes behind the datagram, in the clear. */
static size_t append_wkc(const struct dbr_session *s, uint8_t opcode, uint8_t *end)
{
    if (!dbr_opcode_has_wkc(opcode))
        return 0;
    memcpy(end, s->cfg->wkc, s->cfg->wkc_len);
    return s->cfg->wkc_len;
}

static void send_packet(struct dbr_session *s, const struct dbr_control *c, const struct dbr_now *now)
{
    uint8_t inner[DBR_CONTROL_MTU], dgram[DBR_CONTROL_MTU + DBR_GATE_MAX_OVERHEAD + DBR_WKC_MAX];
    size_t g = later_gate_for(s, c->key_id) ? GATE_LATER : GATE_FIRST;
    int n = dbr_control_write(c, inner, sizeof inner);
    if (n < 0)
        return;
    if (!s->replay_time)
        s->replay_time = (uint32_t)now->unix_s;
    n = dbr_gate_seal(gate_for(s, c->key_id), dbr_first_byte(c->opcode, c->key_id), s->local_sid,
                      ++s->replay_id[g], s->replay_time, inner, (size_t)n, dgram, sizeof dgram - DBR_WKC_MAX);
    if (n > 0)
        s->cfg->ops->send(s->cfg->arg, s, dgram, (size_t)n + append_wkc(s, c->opcode, dgram + n));
}

static void fill_acks(struct dbr_session *s, struct negotiation *n, struct dbr_control *c, size_t max)
{
    c->n_acks = (uint8_t)dbr_reliable_take_acks(&n->rel, c->acks, max, max < DBR_MAX_ACKS);
    c->sid = s->local_sid;
    c->peer_sid = s->remote_sid;
    c->key_id = n->key_id;
}

static void send_due(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    struct dbr_control c = {.has_id = true};
    while (dbr_reliable_due(&n->rel, now->ns, &c.opcode, &c.id, &c.payload, &c.payload_len)) {
        fill_acks(s, n, &c, s->remote_sid ? DBR_MAX_ACKS_PIGGYBACK : 0);
        send_packet(s, &c, now);
    }
}

/* Acknowledgements by themselves. */
static void send_acks(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    while (dbr_reliable_acks_pending(&n->rel)) {
        struct dbr_control ack = {.opcode = DBR_OP_ACK};
        fill_acks(s, n, &ack, DBR_MAX_ACKS);
        send_packet(s, &ack, now);
    }
    n->ack_ns = UINT64_MAX;
}

/* What nothing took along waits for the owner's next tick, which is the end of the batch: of datagrams that
 * came together, the last one's answer has the acknowledgements of all. While somebody signs for us, it is
 * the signature that the answer waits for. */
static void put_off_acks(struct negotiation *n, const struct dbr_now *now)
{
    bool signs = n->tls && dbr_tls_wants_signature(n->tls);
    if (!dbr_reliable_acks_pending(&n->rel))
        n->ack_ns = UINT64_MAX;
    else if (n->ack_ns == UINT64_MAX || n->acks_held != signs)
        n->ack_ns = now->ns + (signs ? ACK_SIGNING_NS : 0);
    n->acks_held = signs;
}

/* Payload bytes of a CONTROL packet so that the datagram stays within DBR_CONTROL_MTU. */
static size_t control_mtu(const struct dbr_session *s, const struct negotiation *n)
{
    size_t gate = dbr_gate_overhead(gate_for(s, n->key_id));
    return DBR_CONTROL_MTU - (1 + DBR_SID_LEN + gate) - (1 + 4 * DBR_MAX_ACKS_PIGGYBACK + DBR_SID_LEN + 4) -
           n->wkc_due;
}

void session_flush(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    if (n->state == NEG_FREE)
        return;
    if (negotiation_flush(n, control_mtu(s, n), now->ns))
        snprintf(s->why, sizeof s->why, "out of memory");
    send_due(s, n, now);
    put_off_acks(n, now);
}

/* After a renegotiation the peer waits for our last acknowledgement, and nothing that follows would repeat
 * it: three copies, so that a lossy path does not cost the peer its tls-timeout. */
static void ack_again(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    struct dbr_control ack = {.opcode = DBR_OP_ACK};
    if (now->ns < n->again_ns)
        return;
    fill_acks(s, n, &ack, DBR_MAX_ACKS_PIGGYBACK);
    if (ack.n_acks)
        send_packet(s, &ack, now);
    n->again_ns = ++n->agains < ACK_AGAIN ? now->ns + (ACK_AGAIN_NS << n->agains) : UINT64_MAX;
}

/* ---- life ---- */

static struct dbr_session *session_new(const struct dbr_session_config *cfg, void *owner,
                                       const struct dbr_now *now)
{
    struct dbr_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->cfg = cfg;
    s->owner = owner;
    s->peer_id = DBR_PEER_ID_NONE;
    s->framing = cfg->server ? DBR_FRAMING_NONE : cfg->framing;
    s->fragment = cfg->fragment;
    s->replay_id[GATE_FIRST] = FIRST_REPLAY_ID;
    s->reneg_ns = s->swap_ns = s->push_ns = s->close_ns = s->die_ns = UINT64_MAX;
    negotiation_init(&s->neg[0], 0, cfg->server, now->ns, cfg->hand_window_s, cfg->tls_timeout_s);
    return s;
}

struct dbr_session *dbr_session_new_server(const struct dbr_session_config *cfg, uint64_t local_sid,
                                           uint64_t remote_sid, uint32_t reset_id, void *owner,
                                           const struct dbr_now *now)
{
    struct dbr_session *s = session_new(cfg, owner, now);
    if (!s)
        return NULL;
    s->local_sid = local_sid;
    s->remote_sid = remote_sid;
    s->neg[0].state = NEG_TLS; /* both resets have passed, statelessly */
    s->neg[0].rel.next_send_id = 1;
    s->neg[0].rel.next_recv_id = reset_id + 1;
    return s;
}

int dbr_session_take_gate(struct dbr_session *s, struct dbr_gate *gate, const uint8_t key[DBR_STATIC_KEY_LEN])
{
    s->own_gate = gate;
    s->own_key = malloc(DBR_STATIC_KEY_LEN);
    if (!s->own_key)
        return DBR_ERR_NOMEM;
    memcpy(s->own_key, key, DBR_STATIC_KEY_LEN);
    return 0;
}

int dbr_session_answer_at_once(struct dbr_session *s, uint32_t reset_id, const struct dbr_now *now)
{
    struct dbr_reliable *rel = &s->neg[0].rel;
    rel->next_send_id = 0;
    rel->next_recv_id = reset_id;
    int err = dbr_reliable_receive(rel, DBR_OP_RESET_CLIENT_V3, reset_id, NULL, 0);
    if (!err)
        err = dbr_reliable_send(rel, DBR_OP_RESET_SERVER, NULL, 0, now->ns);
    dbr_reliable_pop(rel);
    if (!err)
        session_flush(s, &s->neg[0], now);
    return err;
}

struct dbr_session *dbr_session_new_client(const struct dbr_session_config *cfg, void *owner,
                                           const struct dbr_now *now)
{
    struct dbr_session *s = session_new(cfg, owner, now);
    if (!s)
        return NULL;
    s->replay_id[GATE_FIRST] = cfg->wkc_len ? EARLY_START : 0;
    s->neg[0].rel.steady = true;
    while (!s->local_sid)
        cfg->ops->random(cfg->arg, &s->local_sid, sizeof s->local_sid);
    uint8_t reset = cfg->wkc_len ? DBR_OP_RESET_CLIENT_V3 : DBR_OP_RESET_CLIENT;
    if (dbr_reliable_send(&s->neg[0].rel, reset, NULL, 0, now->ns)) {
        dbr_session_free(s);
        return NULL;
    }
    session_flush(s, &s->neg[0], now);
    return s;
}

void dbr_session_free(struct dbr_session *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        negotiation_fini(&s->neg[i]);
    dbr_gate_free(s->later_gate);
    dbr_gate_free(s->own_gate);
    if (s->own_key)
        dbr_wipe(s->own_key, DBR_STATIC_KEY_LEN);
    free(s->own_key);
    dbr_push_collect_fini(&s->push);
    if (s->peer)
        dbr_x509_fini(s->peer);
    free(s->peer);
    free(s->peer_options);
    dbr_wipe(s, sizeof *s);
    free(s);
}

void session_drop_key(struct dbr_session *s, struct negotiation *n)
{
    if (n->installed)
        s->cfg->ops->drop(s->cfg->arg, s, n->key_id);
    n->installed = false;
}

static void set_state_closing(struct dbr_session *s, const struct dbr_now *now)
{
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        if (s->neg[i].state != NEG_FREE)
            session_drop_key(s, &s->neg[i]);
    s->state = DBR_SESSION_CLOSING;
    s->judged = NULL;
    s->close_ns = now->ns + LAST_WORDS_S * SECOND_NS;
    s->reneg_ns = s->swap_ns = s->push_ns = s->die_ns = UINT64_MAX;
}

/* Dead once the last words are acknowledged, or when nothing could be said. */
static void settle(struct dbr_session *s)
{
    bool idle = true;
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        if (s->neg[i].state != NEG_FREE && !negotiation_idle(&s->neg[i]))
            idle = false;
    if (s->state == DBR_SESSION_CLOSING && idle)
        s->state = DBR_SESSION_DEAD;
}

void dbr_session_close(struct dbr_session *s, const char *text, const char *why, const struct dbr_now *now)
{
    if (s->state >= DBR_SESSION_CLOSING)
        return;
    snprintf(s->why, sizeof s->why, "%s", why);
    session_log(s, DBR_LOG_NOTICE, "%s", s->why);
    bool said = text && session_write_text(s, text) == 0;
    struct negotiation *talk = s->talk;
    set_state_closing(s, now);
    if (said)
        session_flush(s, talk, now);
    else
        s->state = DBR_SESSION_DEAD;
    settle(s);
}

/* Ends the session by itself; an alert that TLS has ready is delivered. */
void session_fail(struct dbr_session *s, const struct dbr_now *now, const char *fmt, ...)
{
    va_list ap;
    if (s->state >= DBR_SESSION_CLOSING)
        return;
    va_start(ap, fmt);
    vsnprintf(s->why, sizeof s->why, fmt, ap);
    va_end(ap);
    session_log(s, DBR_LOG_NOTICE, "%s", s->why);
    set_state_closing(s, now);
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        session_flush(s, &s->neg[i], now);
        send_acks(s, &s->neg[i], now);
    }
    settle(s);
}

/* ---- receiving ---- */

static struct negotiation *find_negotiation(struct dbr_session *s, uint8_t key_id)
{
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        if (s->neg[i].state != NEG_FREE && s->neg[i].key_id == key_id)
            return &s->neg[i];
    return NULL;
}

static void tls_failed(struct dbr_session *s, struct negotiation *n, int err, const struct dbr_now *now)
{
    const char *why = n->tls ? dbr_tls_why(n->tls) : "";
    if (*why)
        session_log(s, DBR_LOG_NOTICE, "%s", why);
    session_fail(s, now, "TLS Error: TLS handshake failed%s%s", *why ? "" : ": ",
                 *why ? "" : dbr_err_text(err));
}

/* Lets the negotiation get as far as it can with what has arrived. */
static void drive(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    if (s->state < DBR_SESSION_CLOSING) {
        enum neg_state before = n->state;
        int err = negotiation_advance(n, s->cfg->tls, s, now->unix_s);
        if (n->tls)
            s->has_tls = true;
        if (!err && before < NEG_KEYS && n->state == NEG_KEYS)
            err = session_tls_up(s, n, now);
        if (!err && (n->state == NEG_KEYS || n->state == NEG_DONE) && n->tls)
            err = session_read(s, n, now);
        if (err && err != DBR_ERR_AGAIN)
            tls_failed(s, n, err, now);
    }
    session_flush(s, n, now);
    if (s->state >= DBR_SESSION_CLOSING) /* for the peer's last words: there may be no tick any more */
        send_acks(s, n, now);
    settle(s);
}

int dbr_session_check_signature(const struct dbr_session *s, const struct dbr_sign_request *r,
                                const uint8_t *sig, size_t n)
{
    int err = DBR_ERR_STATE;
    for (size_t i = 0; i < SESSION_SLOTS && err == DBR_ERR_STATE; i++)
        if (s->neg[i].tls)
            err = dbr_tls_check_signature(s->neg[i].tls, r, sig, n);
    return err;
}

void dbr_session_signed(struct dbr_session *s, const uint8_t *sig, size_t n, const struct dbr_now *now)
{
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct negotiation *g = &s->neg[i];
        if (!g->tls || !dbr_tls_wants_signature(g->tls))
            continue;
        dbr_tls_signed(g->tls, sig, n);
        drive(s, g, now);
        return;
    }
}

void dbr_session_signed_message(struct dbr_session *s, const uint8_t *message, size_t message_len,
                                const uint8_t *sig, size_t n, const struct dbr_now *now)
{
    for (size_t i = 0; i < SESSION_SLOTS; i++) {
        struct negotiation *g = &s->neg[i];
        if (!g->tls || !dbr_tls_wants_signature_of(g->tls, message, message_len))
            continue;
        dbr_tls_signed(g->tls, sig, n);
        drive(s, g, now);
        return;
    }
}

/* The sender must be the far end of this session, and mean this session. */
static int check_sids(struct dbr_session *s, const struct dbr_control *c)
{
    if (c->n_acks && c->peer_sid != s->local_sid)
        return DBR_ERR_AUTH;
    if (s->remote_sid)
        return c->sid == s->remote_sid ? 0 : DBR_ERR_AUTH;
    /* A p2p server with `remote` has sent its reset unasked: then our own is acknowledged alone. */
    bool answers = c->opcode == DBR_OP_RESET_SERVER || (s->cfg->p2p && c->opcode == DBR_OP_ACK);
    return answers && c->n_acks ? 0 : DBR_ERR_STATE;
}

static int check_opcode(const struct dbr_session *s, const struct dbr_control *c)
{
    if (c->opcode == DBR_OP_RESET_CLIENT || c->opcode == DBR_OP_RESET_CLIENT_V3)
        return DBR_ERR_STATE;
    if (c->opcode == DBR_OP_CONTROL_WKC)
        return s->own_gate ? 0 : DBR_ERR_STATE;
    if (c->opcode == DBR_OP_RESET_SERVER)
        return s->cfg->server || c->key_id ? DBR_ERR_STATE : 0;
    return 0;
}

/* What the server's reset asks for: | type 2 | length 2 | value | ..., of which we know the flags (type 1):
 * bit 0 wants the wrapped key with our next packet. Other types are skipped. */
static int take_early(struct dbr_session *s, const struct dbr_control *c)
{
    struct dbr_reader r;
    bool resend = false;
    dbr_reader_init(&r, c->payload, c->payload_len);
    while (dbr_reader_left(&r)) {
        uint16_t type = dbr_read16(&r), len = dbr_read16(&r);
        const uint8_t *value = dbr_read_bytes(&r, len);
        if (value && type == EARLY_FLAGS && len != 2)
            return DBR_ERR_SHAPE;
        if (value && type == EARLY_FLAGS)
            resend = dbr_get16(value) & EARLY_RESEND_WKC;
    }
    if (!dbr_reader_ok(&r))
        return DBR_ERR_SHAPE;
    if (resend && s->neg[0].state == NEG_RESET)
        s->neg[0].wkc_due = s->cfg->wkc_len;
    return 0;
}

int dbr_session_feed_gated(struct dbr_session *s, const struct dbr_gated *g, const struct dbr_now *now)
{
    struct dbr_control c;
    int err = dbr_control_parse(&c, g->first, g->sid, g->inner, g->inner_len);
    if (!err)
        err = check_opcode(s, &c);
    if (!err)
        err = check_sids(s, &c);
    if (err || s->state == DBR_SESSION_DEAD)
        return err ? err : DBR_ERR_STATE;
    struct negotiation *n = find_negotiation(s, c.key_id);
    size_t window = later_gate_for(s, c.key_id) ? GATE_LATER : GATE_FIRST;
    if (dbr_gate_kind_of(gate_for(s, c.key_id)) != DBR_GATE_NONE)
        if (!dbr_replay_long_accept(&s->replay[window], g->replay_time, g->replay_id))
            return DBR_ERR_REPLAY;
    if (!n)
        n = session_peer_renegotiates(s, &c, now);
    if (!n)
        return DBR_ERR_STATE;
    if (c.opcode == DBR_OP_RESET_SERVER && (err = take_early(s, &c)))
        return err;
    if (!s->remote_sid)
        s->remote_sid = c.sid;
    dbr_reliable_acked(&n->rel, c.acks, c.n_acks, now->ns);
    if (c.has_id) {
        n->heard_ns = now->ns;
        err = dbr_reliable_receive(&n->rel, c.opcode, c.id, c.payload, c.payload_len);
        if (err && err != DBR_ERR_REPLAY)
            return err;
    }
    drive(s, n, now);
    return 0;
}

int dbr_session_feed(struct dbr_session *s, uint8_t *dgram, size_t len, const struct dbr_now *now)
{
    struct dbr_gated g;
    if (len < 1)
        return DBR_ERR_SHAPE;
    struct dbr_gate *gate = gate_for(s, dbr_key_id_of(dgram[0]));
    int err = dbr_wire_prefilter(dgram, len, dbr_gate_overhead(gate));
    if (!err && dbr_opcode_has_wkc(dbr_opcode_of(dgram[0]))) { /* sent again: we have the key */
        size_t tail = dbr_wkc_tail(dgram, len);
        err = tail && s->own_gate ? 0 : DBR_ERR_SHAPE;
        len -= tail;
    }
    if (!err)
        err = dbr_gate_open(gate, dgram, len, &g);
    return err ? err : dbr_session_feed_gated(s, &g, now);
}

/* ---- time ---- */

static void expire_negotiation(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    if (!s->current || n->key_id == 0) {
        session_fail(s, now,
                     "TLS Error: TLS key negotiation failed to occur within %u seconds (check your network "
                     "connectivity)",
                     s->cfg->hand_window_s);
        return;
    }
    session_log(s, DBR_LOG_NOTICE, "TLS Error: renegotiation of key id %u did not finish within %u seconds",
                n->key_id, s->cfg->hand_window_s);
    s->last_key_id = s->current->key_id;
    negotiation_fini(n);
    s->reneg_ns = now->ns + RENEG_RETRY_S * SECOND_NS;
}

static void tick_negotiation(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now)
{
    if (n->state == NEG_FREE)
        return;
    if (n->state != NEG_DONE && s->state < DBR_SESSION_CLOSING && s->state != DBR_SESSION_VERDICT &&
        now->ns >= n->until_ns) {
        expire_negotiation(s, n, now);
        return;
    }
    if (now->ns >= n->drop_ns) {
        session_drop_key(s, n);
        negotiation_fini(n);
        return;
    }
    session_flush(s, n, now);
    if (now->ns >= n->ack_ns)
        send_acks(s, n, now);
    ack_again(s, n, now);
}

void dbr_session_wait(struct dbr_session *s, unsigned seconds, const struct dbr_now *now)
{
    uint64_t until = now->ns + seconds * SECOND_NS;
    if (s->state == DBR_SESSION_PUSH && s->talk && until > s->talk->until_ns)
        s->talk->until_ns = until;
}

/* Client: the server has not pushed yet. */
static void ask_for_options(struct dbr_session *s, const struct dbr_now *now)
{
    s->push_ns = now->ns + PUSH_RETRY_S * SECOND_NS;
    if (now->ns > s->talk->until_ns + s->cfg->hand_window_s * SECOND_NS)
        session_fail(s, now, "no PUSH_REPLY from the server");
    else if (!session_write_text(s, "PUSH_REQUEST"))
        session_flush(s, s->talk, now);
}

void dbr_session_tick(struct dbr_session *s, const struct dbr_now *now)
{
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        tick_negotiation(s, &s->neg[i], now);
    if (now->ns >= s->swap_ns)
        session_swap_when_safe(s, now);
    if (now->ns >= s->reneg_ns)
        dbr_session_renegotiate(s, now);
    if (now->ns >= s->push_ns)
        ask_for_options(s, now);
    if (now->ns >= s->die_ns)
        session_fail(s, now, "TLS Error: no renegotiation succeeded within the transition window");
    if (s->state == DBR_SESSION_CLOSING && now->ns >= s->close_ns)
        s->state = DBR_SESSION_DEAD;
    settle(s);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t negotiation_deadline(const struct dbr_session *s, const struct negotiation *n)
{
    if (n->state == NEG_FREE)
        return UINT64_MAX;
    uint64_t at =
        earlier(earlier(dbr_reliable_deadline(&n->rel), n->drop_ns), earlier(n->ack_ns, n->again_ns));
    bool bounded = n->state != NEG_DONE && s->state < DBR_SESSION_CLOSING && s->state != DBR_SESSION_VERDICT;
    return bounded ? earlier(at, n->until_ns) : at;
}

uint64_t dbr_session_deadline(const struct dbr_session *s)
{
    uint64_t at =
        earlier(earlier(s->reneg_ns, s->swap_ns), earlier(s->push_ns, earlier(s->close_ns, s->die_ns)));
    if (s->state == DBR_SESSION_DEAD)
        return 0;
    for (size_t i = 0; i < SESSION_SLOTS; i++)
        at = earlier(at, negotiation_deadline(s, &s->neg[i]));
    return at;
}

/* ---- owner's calls ---- */

void dbr_session_verdict(struct dbr_session *s, int err, const char *reason, const struct dbr_now *now)
{
    if (!dbr_session_waits(s))
        return;
    struct negotiation *n = s->talk;
    bool first = s->state == DBR_SESSION_VERDICT;
    s->judged = NULL;
    if (err)
        session_refused(s, reason, now);
    else if (first ? session_admitted(s, now) : session_install(s, n, now))
        session_fail(s, now, "TLS Error: data channel keys could not be installed");
    session_flush(s, n, now);
    settle(s);
}

int dbr_session_say(struct dbr_session *s, const char *text, const struct dbr_now *now)
{
    if (s->state >= DBR_SESSION_CLOSING)
        return DBR_ERR_STATE;
    int err = session_write_text(s, text);
    if (!err)
        session_flush(s, s->talk, now);
    return err;
}

int dbr_session_answer_reset(struct dbr_gate *gate, uint64_t cookie, const struct dbr_gated *reset,
                             uint32_t reset_id, int64_t unix_s, uint8_t *out, size_t cap)
{
    static const uint8_t again[] = {0, EARLY_FLAGS, 0, 2, 0, EARLY_RESEND_WKC};
    uint8_t inner[64];
    bool v2 = dbr_opcode_of(reset->first) == DBR_OP_RESET_CLIENT_V3;
    struct dbr_control c = {.opcode = DBR_OP_RESET_SERVER,
                            .sid = cookie,
                            .n_acks = 1,
                            .acks = {reset_id},
                            .peer_sid = reset->sid,
                            .has_id = true,
                            .payload = again,
                            .payload_len = v2 ? sizeof again : 0};
    int n = dbr_control_write(&c, inner, sizeof inner);
    if (n < 0)
        return n;
    /* Each of a client's resets gets an answer of its own replay id, below those of the session to come. */
    uint32_t id = 1 + (reset->replay_id & STATELESS_ID_MASK);
    return dbr_gate_seal(gate, dbr_first_byte(DBR_OP_RESET_SERVER, 0), cookie, id, (uint32_t)unix_s, inner,
                         (size_t)n, out, cap);
}

bool dbr_early_negotiation(uint32_t replay_id)
{
    return (replay_id & 0xff000000) == EARLY_START;
}

/* ---- views ---- */

enum dbr_gate_kind dbr_session_gate_kind(const struct dbr_session *s)
{
    return dbr_gate_kind_of(gate_for(s, 0));
}

enum dbr_session_state dbr_session_state(const struct dbr_session *s)
{
    return s->state;
}
bool dbr_session_waits(const struct dbr_session *s)
{
    return s->state == DBR_SESSION_VERDICT || s->judged;
}
bool dbr_session_authenticated(const struct dbr_session *s)
{
    return s->authorized;
}
bool dbr_session_has_tls(const struct dbr_session *s)
{
    return s->has_tls;
}
const char *dbr_session_why(const struct dbr_session *s)
{
    return s->why;
}
uint64_t dbr_session_local_sid(const struct dbr_session *s)
{
    return s->local_sid;
}
uint64_t dbr_session_remote_sid(const struct dbr_session *s)
{
    return s->remote_sid;
}
void dbr_session_set_peer_id(struct dbr_session *s, uint32_t peer_id)
{
    if (!s->cfg->p2p)
        s->peer_id = peer_id;
}
uint32_t dbr_session_peer_id(const struct dbr_session *s)
{
    return s->peer_id;
}
void *dbr_session_owner(const struct dbr_session *s)
{
    return s->owner;
}
const struct dbr_x509 *dbr_session_peer(const struct dbr_session *s)
{
    return s->peer;
}
const struct dbr_peer_info *dbr_session_peer_info(const struct dbr_session *s)
{
    return s->peer_options ? &s->info : NULL;
}
enum dbr_cipher dbr_session_cipher(const struct dbr_session *s)
{
    return s->cipher;
}
enum dbr_framing dbr_session_framing(const struct dbr_session *s)
{
    return s->framing;
}
bool dbr_session_fragment(const struct dbr_session *s)
{
    return s->fragment;
}
bool dbr_session_cc_exit(const struct dbr_session *s)
{
    return s->cc_exit;
}
