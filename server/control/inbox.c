/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Datagrams in and out. The order for what a stranger sends: shape, gate (tls-crypt-v2: first his key is
 * unwrapped), seen before, bucket, cookie; only then is there a session. Whoever is refused on the way hears
 * nothing.
 */
#include "control/gatekey.h"
#include "control/state.h"
#include "base/bytes.h"
#include "ipc/home.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define SECOND_NS 1000000000ull
enum {
    BUFFER = 65536,
    MAX_ROUNDS = 4,
    TALLY_EVERY_S = 10,
    RESET_IDS = 2,
    ANSWER_MAX = 256,
    FIRST_MESSAGES = 1 /* a later one before the first is sent again */
};

/* ---- strangers ---- */

/* The lines that fail2ban's filters know; at most one of each kind in ten seconds, whoever knocks. */
static void log_knock(struct control *ctl, int err, const struct dbr_addr *from)
{
    bool hmac = err == DBR_ERR_AUTH;
    uint64_t *next = hmac ? &ctl->knock_auth_ns : &ctl->knock_shape_ns;
    char at[DBR_ADDR_TEXT];
    if (ctl->now.ns < *next)
        return;
    *next = ctl->now.ns + TALLY_EVERY_S * SECOND_NS;
    dbr_log(ctl->log, DBR_LOG_NOTICE, "TLS Error: %s from [AF_INET%s]%s",
            hmac ? "incoming packet authentication failed" : "cannot locate HMAC in incoming packet",
            from->family == 6 ? "6" : "", dbr_addr_text(from, at));
}

static void count(struct control *ctl, uint64_t *counter)
{
    ++*counter;
    if (!ctl->tally_log_ns)
        ctl->tally_log_ns = ctl->now.ns + TALLY_EVERY_S * SECOND_NS;
}

void control_log_tally(struct control *ctl)
{
    const struct tally *t = &ctl->tally;
    dbr_log(ctl->log, DBR_LOG_VERBOSE,
            "dropped so far: %llu malformed, %llu failed HMAC, %llu replayed, %llu recorded resets, %llu "
            "over the "
            "rate of their prefix, %llu without cookie, %llu out of state, %llu for lack of room",
            (unsigned long long)t->shape, (unsigned long long)t->auth, (unsigned long long)t->replayed,
            (unsigned long long)t->seen, (unsigned long long)t->throttled, (unsigned long long)t->cookie,
            (unsigned long long)t->state, (unsigned long long)t->full);
    ctl->tally_log_ns = 0;
}

/* The cookie of a reset with this packet id: MikroTik's resets have id 1, everybody else's 0. */
static uint64_t cookie_sid(uint64_t client_sid, uint32_t reset_id)
{
    return client_sid + ((uint64_t)reset_id << 32);
}

/* What a stranger sent, opened. */
struct knock {
    struct realm *realm;
    struct visitor visitor; /* with a key of his own, else empty */
    struct dbr_gated g;
    struct dbr_control c;
    const struct dbr_addr *from;
};

static struct dbr_gate *gate_of(const struct knock *k)
{
    return k->visitor.gate ? k->visitor.gate : k->realm->gate;
}

/* A genuine retransmission has a new replay id and so a new HMAC; the same HMAC again is a recording. */
static bool recorded(struct control *ctl, const struct knock *k)
{
    const struct dbr_gated *g = &k->g;
    if (dbr_gate_kind_of(gate_of(k)) == DBR_GATE_NONE ||
        !dbr_seen_before(ctl->seen, g->mac_prefix, control_second(ctl)))
        return false;
    count(ctl, &ctl->tally.seen);
    return true;
}

static bool proves_cookie(struct control *ctl, const struct dbr_control *c, const struct dbr_addr *from,
                          uint32_t *reset_id)
{
    bool first = c->opcode == DBR_OP_CONTROL || c->opcode == DBR_OP_ACK || c->opcode == DBR_OP_CONTROL_WKC;
    if (!c->n_acks || c->key_id || !first)
        return false;
    for (*reset_id = 0; *reset_id < RESET_IDS; ++*reset_id)
        if (dbr_cookie_check(&ctl->cookie, control_second(ctl), from, cookie_sid(c->sid, *reset_id),
                             c->peer_sid))
            return true;
    return false;
}

/* A first packet of a new session acknowledges our reset (id 0) only, and carries one of the first messages.
 */
static bool plausible_first(const struct dbr_control *c, uint32_t reset_id)
{
    for (size_t i = 0; i < c->n_acks; i++)
        if (c->acks[i] != 0)
            return false;
    return !c->has_id || (c->id > reset_id && c->id <= reset_id + FIRST_MESSAGES);
}

/* A client and its session; NULL where there is no room. */
static struct client *make_session(struct control *ctl, struct knock *k, uint64_t sid, uint32_t reset_id)
{
    const struct dbr_control *c = &k->c;
    char at[DBR_ADDR_TEXT];
    struct client *client = client_new(ctl, k->from);
    if (!client) {
        count(ctl, &ctl->tally.full);
        return NULL;
    }
    client->realm = realm_get(k->realm);
    client->session = dbr_session_new_server(&k->realm->session, sid, c->sid, reset_id, client, &ctl->now);
    if (!client->session || (k->visitor.gate && visitor_enter(&k->visitor, client))) {
        client_free(client);
        count(ctl, &ctl->tally.full);
        return NULL;
    }
    client->charged = true;
    ctl->metric[DBR_METRIC_HS_BEGUN]++;
    client_add_sid(client, c->sid);
    client_log(client, DBR_LOG_INFO, "TLS: Initial packet from [AF_INET%s]%s, sid=%08x %08x",
               k->from->family == 6 ? "6" : "", dbr_addr_text(k->from, at), (unsigned)(c->sid >> 32),
               (unsigned)c->sid);
    return client;
}

static void begin_session(struct control *ctl, struct knock *k)
{
    uint32_t reset_id;
    if (!proves_cookie(ctl, &k->c, k->from, &reset_id) || !plausible_first(&k->c, reset_id)) {
        count(ctl, &ctl->tally.cookie);
        return;
    }
    if (recorded(ctl, k)) /* the session that it made may be gone: it makes no second one */
        return;
    struct client *client = make_session(ctl, k, k->c.peer_sid, reset_id);
    if (!client)
        return;
    dbr_session_feed_gated(client->session, &k->g, &ctl->now);
    client_settle(client);
}

/* A client of tls-crypt-v2 before OpenVPN 2.6 brings its key only once: who lets it in keeps a state for it
 * before it has proved its address. */
static bool brings_key_once(const struct knock *k)
{
    return k->visitor.gate && !dbr_early_negotiation(k->g.replay_id);
}

static void answer_reset(struct control *ctl, struct knock *k)
{
    uint8_t dgram[ANSWER_MAX];
    const struct dbr_control *c = &k->c;
    bool once = brings_key_once(k);
    if (c->id >= RESET_IDS || c->n_acks) {
        count(ctl, &ctl->tally.shape);
        return;
    }
    if (once && !ctl->cfg->tls_crypt_v2.noncookie) {
        count(ctl, &ctl->tally.cookie);
        return;
    }
    if (recorded(ctl, k))
        return;
    if (!dbr_buckets_take(ctl->buckets, k->from, ctl->now.ns)) {
        count(ctl, &ctl->tally.throttled);
        return;
    }
    uint64_t sid = dbr_cookie_make(&ctl->cookie, control_second(ctl), k->from, cookie_sid(c->sid, c->id));
    if (once) {
        struct client *client = make_session(ctl, k, sid, c->id);
        if (client && !dbr_session_answer_at_once(client->session, c->id, &ctl->now))
            client_settle(client);
        else if (client)
            client_free(client);
        return;
    }
    int n = dbr_session_answer_reset(gate_of(k), sid, &k->g, c->id, ctl->now.unix_s, dgram, sizeof dgram);
    if (n > 0)
        control_send(ctl, k->from, dgram, (size_t)n);
}

/* Where tls-crypt-v2 is the only gate, whoever brings no key has none. */
static int open_in(struct control *ctl, struct realm *r, struct knock *k, uint8_t *dgram, size_t len)
{
    k->realm = r;
    if (visitor_carries_key(dgram, len))
        return visitor_open(ctl, r, &k->visitor, dgram, len, k->from, &k->g);
    return r->v2_only ? DBR_ERR_AUTH : dbr_gate_open(r->gate, dgram, len, &k->g);
}

static int open_knock(struct control *ctl, struct knock *k, uint8_t *dgram, size_t len)
{
    int err = open_in(ctl, ctl->realm, k, dgram, len);
    if (err == DBR_ERR_AUTH && ctl->old_realm) { /* the key before the last */
        visitor_fini(&k->visitor);
        err = open_in(ctl, ctl->old_realm, k, dgram, len);
    }
    return err ? err : dbr_control_parse(&k->c, k->g.first, k->g.sid, k->g.inner, k->g.inner_len);
}

static bool is_first_reset(const struct dbr_control *c)
{
    return (c->opcode == DBR_OP_RESET_CLIENT || c->opcode == DBR_OP_RESET_CLIENT_V3) && c->key_id == 0;
}

static void stranger(struct control *ctl, uint8_t *dgram, size_t len, const struct dbr_addr *from)
{
    struct knock k = {.from = from};
    int err = open_knock(ctl, &k, dgram, len);
    if (err) {
        count(ctl, err == DBR_ERR_SHAPE ? &ctl->tally.shape : &ctl->tally.auth);
        if (err == DBR_ERR_SHAPE || err == DBR_ERR_AUTH)
            log_knock(ctl, err, from);
    } else if (ctl->boot->client || ctl->shutdown_ns || management_holds(ctl) || !callers_may(ctl, from)) {
        count(ctl, &ctl->tally.state);
    } else if (is_first_reset(&k.c)) {
        answer_reset(ctl, &k);
    } else {
        begin_session(ctl, &k);
    }
    visitor_fini(&k.visitor);
}

/* ---- dispatch ---- */

/* A control packet from a new address of a known session: the gate vouches for the sender and the replay
 * window for its freshness, so answers follow it; without a gate nothing does, and they go to the old
 * address. A server that we call with `float` may answer from anywhere: it knows our session id. */
static void feed(struct client *c, uint8_t *dgram, size_t len, const struct dbr_addr *from)
{
    struct dbr_addr was = c->addr;
    bool moved = !dbr_addr_equal(&was, from);
    bool may_move = !client_fixed(c) && (dbr_session_authenticated(c->session)
                                             ? dbr_session_gate_kind(c->session) != DBR_GATE_NONE
                                             : c->ctl->boot->client);
    if (moved && !may_move) {
        count(c->ctl, &c->ctl->tally.state);
        return;
    }
    c->addr = *from;
    int err = dbr_session_feed(c->session, dgram, len, &c->ctl->now);
    if (err) {
        c->addr = was;
        struct tally *t = &c->ctl->tally;
        count(c->ctl, err == DBR_ERR_AUTH     ? &t->auth
                      : err == DBR_ERR_REPLAY ? &t->replayed
                      : err == DBR_ERR_SHAPE  ? &t->shape
                                              : &t->state);
    }
    client_settle(c);
}

static size_t overhead_of(const struct realm *r, const uint8_t *dgram, size_t len)
{
    return visitor_carries_key(dgram, len) ? DBR_TLS_CRYPT_OVERHEAD : dbr_gate_overhead(r->gate);
}

void control_datagram(struct control *ctl, uint8_t *dgram, size_t len, const struct dbr_addr *from)
{
    uint8_t opcode = len ? dbr_opcode_of(dgram[0]) : 0;
    if (dbr_opcode_is_data(opcode)) {
        bool v2 = opcode == DBR_OP_DATA_V2 && len >= DBR_DATA_V2_HEADER;
        workers_datagram(ctl, v2 ? worker_of(ctl, dbr_get24(dgram + 1)) : 0, dgram, len, from);
        return;
    }
    if (len < 1 + DBR_SID_LEN || !from->port) {
        count(ctl, &ctl->tally.shape);
        return;
    }
    struct client *c = ctl->boot->client ? calls_client(ctl) : client_by_sid(ctl, dbr_get64(dgram + 1), from);
    bool reset = opcode == DBR_OP_RESET_CLIENT || opcode == DBR_OP_RESET_CLIENT_V3;
    if (c && c->session && !reset)
        feed(c, dgram, len, from);
    else if (c && reset)
        count(ctl, &ctl->tally.replayed);
    else if (dbr_wire_prefilter(dgram, len, overhead_of(ctl->realm, dgram, len))) {
        count(ctl, &ctl->tally.shape);
        log_knock(ctl, DBR_ERR_SHAPE, from);
    } else
        stranger(ctl, dgram, len, from);
}

/* Size of the pieces of a GRO batch; the whole for a single datagram. */
static size_t segment_size(struct msghdr *mh, size_t len)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        int size;
        if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO)
            continue;
        memcpy(&size, CMSG_DATA(c), sizeof size);
        return size > 0 ? (size_t)size : len;
    }
    return len;
}

static void take_batch(struct control *ctl, struct mmsghdr *m, unsigned via)
{
    struct dbr_addr from;
    uint8_t *p = m->msg_hdr.msg_iov->iov_base;
    size_t left = m->msg_len, size = segment_size(&m->msg_hdr, left);
    if (dbr_addr_from_sockaddr(&from, m->msg_hdr.msg_name, m->msg_hdr.msg_namelen))
        return;
    from.via = (uint8_t)via;
    if (ctl->boot->multihome)
        dbr_home_read(&from, &m->msg_hdr);
    while (left) {
        size_t n = size < left ? size : left;
        control_datagram(ctl, p, n, &from);
        p += n;
        left -= n;
    }
}

int control_socket(const struct control *ctl, unsigned via)
{
    return via && via <= ctl->boot->n_more ? ctl->boot->more[via - 1][0] : ctl->udp;
}

void control_read_socket(struct control *ctl, unsigned via)
{
    struct mmsghdr m[SOCKET_BATCH];
    struct iovec iov[SOCKET_BATCH];
    struct sockaddr_storage sa[SOCKET_BATCH];
    union {
        char space[CMSG_SPACE(sizeof(int)) + DBR_HOME_SPACE];
        struct cmsghdr align;
    } cmsg[SOCKET_BATCH];
    for (int round = 0; round < MAX_ROUNDS; round++) {
        for (int i = 0; i < SOCKET_BATCH; i++) {
            iov[i] = (struct iovec){ctl->batch + (size_t)i * BUFFER, BUFFER};
            m[i].msg_hdr = (struct msghdr){.msg_name = &sa[i],
                                           .msg_namelen = sizeof sa[i],
                                           .msg_iov = &iov[i],
                                           .msg_iovlen = 1,
                                           .msg_control = &cmsg[i],
                                           .msg_controllen = sizeof cmsg[i]};
        }
        int n = recvmmsg(control_socket(ctl, via), m, SOCKET_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            take_batch(ctl, &m[i], via);
        if (n < SOCKET_BATCH)
            return;
    }
}
