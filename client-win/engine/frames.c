/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The data channel. From the network: open in place, replay window, join pieces, strip the framing, lower the
 * MSS, TAP. From the TAP: lower the MSS, cut what is too long for the outer path, framing, pieces, seal in
 * place, send. Pings and the patience with a silent server are here, too.
 */
#include "client-win/engine/priv.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"
#include "bridge/eth.h"
#include "bridge/frag.h"
#include "bridge/vnet.h"
#include "client/occ.h"
#include "client/wrap.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROOM = DBR_ENGINE_HEADROOM + DBR_ENGINE_FRAME_MAX + DBR_ENGINE_TAILROOM,
    REPLAY_MIN = 64,
};

_Static_assert((int)DBR_ENGINE_HEADROOM >=
                   (int)DBR_SLOT_HEADROOM + DBR_FRAMING_HEADROOM + DBR_FRAGMENT_HEADER,
               "all that may stand in front of a frame has room");
_Static_assert((int)DBR_ENGINE_TAILROOM >= (int)DBR_CBC_BLOCK + DBR_FRAMING_TAILROOM, "and behind it");
_Static_assert((int)DBR_ENGINE_FRAME_MAX >= (int)DBR_PAYLOAD_MAX, "a payload of pieces has room");

/* ---- life ---- */

int frames_init(struct dbr_engine *e)
{
    e->data.scratch = malloc(ROOM);
    e->data.expand = malloc(ROOM);
    return e->data.scratch && e->data.expand ? 0 : DBR_ERR_NOMEM;
}

void frames_down(struct dbr_engine *e)
{
    struct data *d = &e->data;
    for (size_t i = 0; i < KEYS; i++) {
        dbr_slot_fini(&d->keys[i].slot);
        memset(&d->keys[i], 0, sizeof d->keys[i]);
    }
    dbr_fragments_free(d->fragments);
    d->fragments = NULL;
    d->primary = NULL;
    d->up = false;
}

void frames_free(struct dbr_engine *e)
{
    frames_down(e);
    free(e->data.scratch);
    free(e->data.expand);
}

/* ---- keys ---- */

static uint32_t seconds(int n)
{
    return n > 0 ? (uint32_t)n : 0;
}

static void set_timers(struct dbr_engine *e)
{
    struct data *d = &e->data;
    const struct dbr_config *p = e->has_pulled ? &e->pulled : &e->cfg, *own = &e->cfg;
    uint32_t restart = seconds(*DBR_PULLED(p, own, ping_restart)),
             leave = seconds(*DBR_PULLED(p, own, ping_exit));
    d->ping_s = seconds(*DBR_PULLED(p, own, ping));
    d->silence_s = restart ? restart : leave;
    d->inactive_s = seconds(*DBR_PULLED(p, own, inactive));
    d->inactive_bytes = DBR_IS_SET(p, inactive) ? p->inactive_bytes : own->inactive_bytes;
    d->session_s = seconds(*DBR_PULLED(p, own, session_timeout));
}

/* What lies around a frame of this session, and what fits. */
static int set_limits(struct dbr_engine *e)
{
    struct data *d = &e->data;
    const struct dbr_session *s = e->call.session;
    const struct dbr_config *p = e->has_pulled ? &e->pulled : &e->cfg;
    struct dbr_wrap wrap = {.family = e->call.to.family,
                            .fragment = dbr_session_fragment(s),
                            .framing = (uint16_t)dbr_session_framing(s),
                            .cipher = dbr_session_cipher(s),
                            .auth = e->cfg.auth};
    struct dbr_limits l;
    dbr_limits_of(&l, &e->cfg, *DBR_PULLED(p, &e->cfg, tun_mtu), &wrap);
    d->framing = dbr_session_framing(s);
    d->mss = (struct dbr_mss){l.mss_v4, l.mss_v6};
    d->max_l3 = l.max_l3;
    d->piece = l.piece;
    e->ops->random(e->arg, &d->sequence, sizeof d->sequence); /* pieces of a life before must not fit */
    dbr_fragments_free(d->fragments);
    d->fragments = wrap.fragment ? dbr_fragments_new(l.payload_max) : NULL;
    return wrap.fragment && !d->fragments ? DBR_ERR_NOMEM : 0;
}

static int come_up(struct dbr_engine *e)
{
    struct data *d = &e->data;
    int err = set_limits(e);
    if (err)
        return err;
    set_timers(e);
    d->up = true;
    d->rx_ns = d->tx_ns = d->active_ns = e->now.ns;
    d->since_ns = e->now.ns ? e->now.ns : 1;
    d->active_bytes = 0;
    engine_log(e, DBR_LOG_NOTICE, "Initialization Sequence Completed");
    push_steps(e);
    return 0;
}

int frames_key(struct dbr_engine *e, const struct dbr_data_keys *keys)
{
    struct data *d = &e->data;
    struct key *k = &d->keys[keys->key_id % KEYS];
    uint32_t window = seconds(e->cfg.replay_window.n);
    if (k->slot.live)
        return DBR_ERR_EXISTS; /* a key is never installed twice: its counter would start again */
    memset(k, 0, sizeof *k);
    int err =
        dbr_slot_init(&k->slot, dbr_aead_backend_best(), keys, window < REPLAY_MIN ? REPLAY_MIN : window);
    if (err)
        return err;
    k->age = d->keys_ever++;
    d->peer_id = keys->peer_id;
    if (d->primary)
        return 0;
    d->primary = k;
    engine_log(e, DBR_LOG_INFO, "Data Channel: cipher '%s', peer-id: %u",
               dbr_cipher_name((enum dbr_cipher)keys->cipher), keys->peer_id);
    return d->up ? 0 : come_up(e);
}

void frames_swap(struct dbr_engine *e, uint8_t key_id)
{
    struct key *k = &e->data.keys[key_id % KEYS];
    if (k->slot.live)
        e->data.primary = k;
}

void frames_drop(struct dbr_engine *e, uint8_t key_id)
{
    struct key *k = &e->data.keys[key_id % KEYS];
    if (e->data.primary == k)
        e->data.primary = NULL;
    dbr_slot_fini(&k->slot);
}

static void watch_limit(struct dbr_engine *e, struct key *k)
{
    if (k->at_limit || !dbr_slot_wants_rekey(&k->slot))
        return;
    k->at_limit = true;
    dbr_session_renegotiate(e->call.session, &e->now);
}

static void active(struct dbr_engine *e, size_t n)
{
    struct data *d = &e->data;
    d->active_bytes += n;
    if (d->active_bytes < d->inactive_bytes)
        return;
    d->active_bytes = 0;
    d->active_ns = e->now.ns;
}

/* ---- out ---- */

/* Seals the len bytes at text, which have their room, and sends them. */
static void seal(struct dbr_engine *e, uint8_t *text, size_t len)
{
    struct key *k = e->data.primary;
    struct dbr_aead_job job;
    size_t head = dbr_slot_headroom(&k->slot);
    if (dbr_slot_seal_prepare(&k->slot, text, (uint32_t)len, &job))
        return;
    dbr_aead_seal(k->slot.seal, &job, 1);
    if (job.err)
        return;
    e->ops->send(e->arg, &e->call.to, job.text - head, head + job.len);
    e->data.tx_ns = e->now.ns;
    watch_limit(e, k);
}

static void seal_pieces(struct dbr_engine *e, const uint8_t *text, size_t len)
{
    struct data *d = &e->data;
    struct dbr_fragment_cut cut;
    if (dbr_fragment_plan(&cut, len, d->piece))
        return;
    d->sequence += cut.n > 1;
    for (uint32_t i = 0; i < cut.n; i++) {
        size_t at = (size_t)i * cut.size, n = len - at < cut.size ? len - at : cut.size;
        uint8_t *p = d->expand + DBR_ENGINE_HEADROOM;
        dbr_fragment_header(p, &cut, d->sequence, i);
        memcpy(p + DBR_FRAGMENT_HEADER, text + at, n);
        seal(e, p, DBR_FRAGMENT_HEADER + n);
    }
}

/* One payload that fits. */
static void send_payload(struct dbr_engine *e, uint8_t *text, size_t len)
{
    dbr_framing_add(e->data.framing, &text, &len);
    if (e->data.piece)
        seal_pieces(e, text, len);
    else
        seal(e, text, len);
}

void frames_send_payload(struct dbr_engine *e, const uint8_t *bytes, size_t len)
{
    uint8_t *p = e->data.scratch + DBR_ENGINE_HEADROOM;
    if (!e->data.primary || len > DBR_ENGINE_FRAME_MAX)
        return;
    memcpy(p, bytes, len);
    send_payload(e, p, len);
}

void frames_send_occ(struct dbr_engine *e, enum dbr_occ op)
{
    uint8_t out[DBR_OCC_HEAD];
    dbr_occ_write(out, op);
    frames_send_payload(e, out, sizeof out);
}

static void answer_too_long(struct dbr_engine *e, const struct dbr_frag *c)
{
    uint8_t out[DBR_FRAG_ANSWER_MAX];
    int n = dbr_frag_answer(c, out, sizeof out);
    if (n > 0)
        e->ops->tap(e->arg, out, (size_t)n);
}

/* True when the frame was too long for the outer path, and has been dealt with. */
static bool send_cut(struct dbr_engine *e, const uint8_t *frame, size_t len)
{
    struct dbr_frag c;
    enum dbr_frag_kind kind = dbr_frag_init(&c, frame, len, e->data.max_l3);
    if (kind == DBR_FRAG_ANSWER && e->cfg.inner_df != DBR_INNER_DF_TELL && dbr_frag_cut_anyway(&c))
        kind = DBR_FRAG_CUT;
    if (kind == DBR_FRAG_ANSWER)
        answer_too_long(e, &c);
    if (kind != DBR_FRAG_CUT)
        return kind == DBR_FRAG_ANSWER;
    uint8_t *p = e->data.scratch + DBR_ENGINE_HEADROOM;
    for (int n; (n = dbr_frag_next(&c, p, DBR_ENGINE_FRAME_MAX)) > 0;)
        send_payload(e, p, (size_t)n);
    return true;
}

void dbr_engine_frame(struct dbr_engine *e, uint8_t *frame, size_t len, const struct dbr_now *now)
{
    struct dbr_eth_view v;
    struct data *d = &e->data;
    e->now = *now;
    if (!d->primary || !e->call.session || len > DBR_ENGINE_FRAME_MAX || dbr_eth_parse(&v, frame, len))
        return;
    active(e, len);
    dbr_mss_clamp(frame, len, d->mss, false);
    if (d->max_l3 && len > v.l3 + (size_t)d->max_l3 && send_cut(e, frame, len))
        return;
    send_payload(e, frame, len);
    call_settle(e);
}

/* ---- in ---- */

static void take_occ(struct dbr_engine *e, const uint8_t *bytes, size_t len)
{
    uint8_t out[1024];
    int op = dbr_occ_read(bytes, len);
    if (op == DBR_OCC_REPLY)
        call_answered(e);
    if (op == DBR_OCC_EXIT) {
        e->call.again = true;
        call_end(e, "SIGTERM[soft,remote-exit] received, server exiting");
        return;
    }
    size_t n = dbr_occ_answer(e->call.session, bytes, len, out, sizeof out);
    if (n)
        frames_send_payload(e, out, n);
}

/* unsummed: the far end has left the checksum to us (another Drawbridge, DBR_FRAMING_OFFLOAD). */
static void take_frame(struct dbr_engine *e, uint8_t *bytes, size_t len, bool unsummed)
{
    struct dbr_eth_view v;
    struct dbr_vnet vnet;
    if (dbr_eth_parse(&v, bytes, len) || len > DBR_ENGINE_FRAME_MAX ||
        (unsummed && (dbr_vnet_unsummed(&vnet, bytes, len) || dbr_vnet_finish(&vnet, bytes, len))))
        return;
    active(e, len);
    dbr_mss_clamp(bytes, len, e->data.mss, false);
    e->ops->tap(e->arg, bytes, len);
}

/* Behind the cipher: pieces, framing, then what it is. */
static void take_payload(struct dbr_engine *e, uint8_t *text, size_t len)
{
    struct data *d = &e->data;
    if (d->fragments && dbr_fragments_take(d->fragments, &text, &len, d->scratch, e->now.ns))
        return;
    int stripped = dbr_framing_strip(d->framing, &text, &len, d->expand, DBR_ENGINE_FRAME_MAX);
    if (stripped < 0)
        return;
    switch (dbr_payload_kind(text, len)) {
    case DBR_PAYLOAD_FRAME: take_frame(e, text, len, stripped == DBR_FRAMING_UNSUMMED); break;
    case DBR_PAYLOAD_PING: break;
    case DBR_PAYLOAD_OCC: take_occ(e, text, len); break;
    }
}

/* True if a genuine datagram from there may be used; the newest one moves the server (`float`). */
static bool follow(struct dbr_engine *e, const struct dbr_addr *from, bool newest)
{
    char text[DBR_ADDR_TEXT];
    if (dbr_addr_equal(from, &e->call.to))
        return true;
    if (!call_may_float(e))
        return false;
    if (!newest)
        return true;
    e->call.to = *from;
    engine_log(e, DBR_LOG_INFO, "the server has moved to %s", dbr_addr_text(from, text));
    return true;
}

/* The server has the key, as it sends with it. */
static void saw_key(struct dbr_engine *e, struct key *k)
{
    struct data *d = &e->data;
    if (k == d->primary || k->was_used || (d->primary && k->age < d->primary->age))
        return;
    k->was_used = true;
    dbr_session_key_used(e->call.session, k->slot.key_id, &e->now);
}

void frames_feed(struct dbr_engine *e, uint8_t *dgram, size_t len, const struct dbr_addr *from)
{
    struct data *d = &e->data;
    struct key *k = &d->keys[dbr_key_id_of(dgram[0]) % KEYS];
    struct dbr_aead_job job;
    uint32_t id;
    bool v2 = dbr_opcode_of(dgram[0]) == DBR_OP_DATA_V2;
    if (!k->slot.live || (v2 && (len < DBR_DATA_V2_HEADER || dbr_get24(dgram + 1) != d->peer_id)) ||
        dbr_slot_open_prepare(&k->slot, dgram, (uint32_t)len, &job, &id))
        return;
    if (dbr_aead_open(k->slot.open, &job, 1) != 1 || !dbr_slot_opened(&k->slot, &job, &id) ||
        !follow(e, from, id == k->slot.replay.newest))
        return;
    d->rx_ns = e->now.ns;
    watch_limit(e, k);
    saw_key(e, k);
    take_payload(e, job.text, job.len);
}

/* ---- time ---- */

static uint64_t due(uint32_t after_s, uint64_t since_ns)
{
    return after_s ? since_ns + after_s * SECOND_NS : NEVER;
}

uint64_t frames_deadline(const struct dbr_engine *e)
{
    const struct data *d = &e->data;
    if (!d->up)
        return NEVER;
    uint64_t ping = d->primary ? due(d->ping_s, d->tx_ns) : NEVER, silence = due(d->silence_s, d->rx_ns);
    return sooner(sooner(ping, silence),
                  sooner(due(d->inactive_s, d->active_ns), due(d->session_s, d->since_ns)));
}

static void end_for_good(struct dbr_engine *e, const char *text, const char *why)
{
    e->call.leave = true;
    memcpy(e->call.why, text, strlen(text) + 1);
    call_end(e, why);
}

void frames_tick(struct dbr_engine *e)
{
    struct data *d = &e->data;
    uint64_t now = e->now.ns;
    if (!d->up || dbr_session_state(e->call.session) >= DBR_SESSION_CLOSING)
        return;
    if (d->primary && now >= due(d->ping_s, d->tx_ns))
        frames_send_payload(e, dbr_ping_magic, sizeof dbr_ping_magic);
    if (now >= due(d->silence_s, d->rx_ns)) {
        e->call.again = true;
        call_end(e, "Inactivity timeout (--ping-restart), restarting");
    } else if (now >= due(d->inactive_s, d->active_ns)) {
        end_for_good(e, "Nothing was sent for a long time, so the connection was ended. Connect again.",
                     "Inactivity timeout (--inactive), exiting");
    } else if (now >= due(d->session_s, d->since_ns)) {
        end_for_good(e, "The time for this connection is over. Connect again.", "session-timeout, exiting");
    }
}
