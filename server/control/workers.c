/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages to and from the data workers. A message that a worker does not take means that data hangs:
 * keeper's watchdog deals with that; here the session concerned is given up, and everybody else goes on.
 */
#include "bridge/guard.h"
#include "control/revocation.h"
#include "control/state.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "control/calls.h"
#include "client/occ.h"
#include "client/wrap.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 100,
    PAUSE_NS = 1000000000,
    OFFER_AGAIN_NS = 50000000,
    READ_ROUNDS = 256,
    LOOP_OVER_S = 30
};

unsigned worker_of(const struct control *ctl, uint32_t peer_id)
{
    return peer_id % ctl->boot->n_workers;
}

/* A worker whose queue is full is waited for, but not longer than PATIENCE_MS in a second, whoever asks. */
static int tell_worker(struct control *ctl, unsigned worker, const void *msg)
{
    int sock = ctl->boot->ipc_control[worker];
    int err = dbr_ipc_send(sock, msg, -1);
    if (err != DBR_ERR_AGAIN || ctl->now.ns < ctl->busy_ns[worker])
        return err;
    struct pollfd p = {.fd = sock, .events = POLLOUT};
    if (poll(&p, 1, PATIENCE_MS) == 1)
        err = dbr_ipc_send(sock, msg, -1);
    if (err)
        ctl->busy_ns[worker] = ctl->now.ns + PAUSE_NS;
    return err;
}

static int tell(struct client *c, const void *msg)
{
    int err = tell_worker(c->ctl, worker_of(c->ctl, c->peer_id), msg);
    if (err)
        c->untold = true;
    return err;
}

/* ---- what is owed: a PEER_DEL is never lost, and its peer id not given away before it is told ---- */

static int tell_del(struct control *ctl, uint32_t peer_id, uint32_t reason)
{
    struct dbr_ipc_peer_del m = {.head = dbr_ipc_head(DBR_IPC_PEER_DEL, sizeof m, peer_id), .reason = reason};
    return tell_worker(ctl, worker_of(ctl, peer_id), &m);
}

static void settle_debt(struct control *ctl, uint32_t id)
{
    ctl->ids.owed[id] = 0;
    if (!ctl->by_peer[id])
        peer_id_free(ctl, id);
}

void workers_pay(struct control *ctl)
{
    bool more = false;
    for (uint32_t id = 0; id < ctl->max_clients; id++) {
        uint8_t owed = ctl->ids.owed[id];
        if (owed && tell_del(ctl, id, owed - 1u))
            more = true;
        else if (owed)
            settle_debt(ctl, id);
    }
    ctl->owed_ns = more ? ctl->now.ns + OFFER_AGAIN_NS : 0;
}

void workers_forgive(struct control *ctl)
{
    for (uint32_t id = 0; id < ctl->max_clients; id++)
        if (ctl->ids.owed[id])
            settle_debt(ctl, id);
    ctl->owed_ns = 0;
}

/* ---- peers ---- */

static bool file_or(bool has, bool file, bool global)
{
    return has ? file : global;
}

/* Of the message; 0 is "never" there, and must not come of a long time. */
static uint16_t seconds(int s)
{
    return (uint16_t)(s <= 0 ? 0 : s < UINT16_MAX ? s : UINT16_MAX);
}

static void fill_keepalive(const struct client *c, struct dbr_ipc_peer *m)
{
    const struct dbr_config *cfg = c->ctl->cfg, *pulled = calls_pulled(c->ctl);
    int ping = cfg->ping, timeout = cfg->ping_restart ? cfg->ping_restart : cfg->ping_exit;
    int inactive = cfg->inactive;
    m->inactive_bytes = cfg->inactive_bytes;
    if (pulled) {
        ping = *DBR_PULLED(pulled, cfg, ping);
        inactive = *DBR_PULLED(pulled, cfg, inactive);
    }
    if (c->ctl->calls)
        timeout = calls_patience_s(c->ctl);
    if (c->adm && c->adm->has_file && c->adm->file.has.inactive) {
        inactive = c->adm->file.inactive;
        m->inactive_bytes = c->adm->file.inactive_bytes;
    }
    m->ping_s = seconds(ping);
    m->timeout_s = seconds(timeout);
    m->inactive_s = (uint32_t)(inactive > 0 ? inactive : 0);
}

/* mac-limit before max-routes-per-client, the client's file before the main configuration; 0: as the port
 * kind has it. */
static uint16_t mac_limit(const struct dbr_config *cfg, const struct dbr_client_config *f)
{
    int n = f->has.mac_limit                         ? f->mac_limit
            : f->has.max_routes_per_client           ? f->max_routes_per_client
            : DBR_IS_SET(cfg, mac_limit)             ? cfg->mac_limit
            : DBR_IS_SET(cfg, max_routes_per_client) ? cfg->max_routes_per_client
                                                     : 0;
    return (uint16_t)(n > UINT16_MAX ? UINT16_MAX : n);
}

static void fill_port(const struct client *c, struct dbr_ipc_peer *m)
{
    const struct dbr_config *cfg = c->ctl->cfg;
    const struct admitted *a = c->adm;
    static const struct dbr_client_config none;
    const struct dbr_client_config *f = a && a->has_file ? &a->file : &none;
    if ((f->has.port_kind ? f->port_kind : cfg->port_kind) == DBR_PORT_KIND_SITE)
        m->flags |= DBR_PEER_SITE;
    if (file_or(f->has.source_guard, f->source_guard, cfg->source_guard))
        m->flags |= DBR_PEER_SOURCE_GUARD;
    if ((f->has.tunnel ? f->tunnel : cfg->tunnel) == DBR_TUNNEL_SPLIT)
        m->flags |= DBR_PEER_SPLIT;
    if (cfg->vlan_tagging)
        m->vlan = (uint16_t)(f->has.vlan_pvid ? f->vlan_pvid : cfg->vlan_pvid);
    m->mac_limit = mac_limit(cfg, f);
    m->storm_pps = (uint32_t)(f->has.storm_limit ? f->storm_limit : cfg->storm_limit);
    if (f->has.rate) {
        m->rate_up = f->rate.up;
        m->rate_down = f->rate.down;
    }
}

static void fill_identity(const struct client *c, struct dbr_ipc_peer *m)
{
    const struct admitted *a = c->adm;
    if (!a)
        return;
    snprintf(m->cn, sizeof m->cn, "%s", a->cn);
    memcpy(m->serial, a->serial, a->serial_len);
    m->serial_len = a->serial_len;
    memcpy(m->issuer_hash, a->issuer_hash, sizeof m->issuer_hash);
    m->not_after = expiry_of(c);
}

static struct dbr_wrap wrap_of(const struct client *c)
{
    return (struct dbr_wrap){.family = c->addr.family,
                             .fragment = dbr_session_fragment(c->session),
                             .framing = (uint16_t)dbr_session_framing(c->session),
                             .cipher = dbr_session_cipher(c->session),
                             .auth = c->ctl->cfg->auth};
}

static void fill_limits(const struct client *c, struct dbr_ipc_peer *m)
{
    const struct dbr_config *cfg = c->ctl->cfg, *pulled = calls_pulled(c->ctl);
    struct dbr_wrap wrap = wrap_of(c);
    struct dbr_limits l;
    dbr_limits_of(&l, cfg, pulled ? *DBR_PULLED(pulled, cfg, tun_mtu) : cfg->tun_mtu, &wrap);
    m->mss_v4 = l.mss_v4;
    m->mss_v6 = l.mss_v6;
    m->payload_max = l.payload_max;
    m->fragment = l.piece;
    m->max_l3 = l.max_l3;
    if (cfg->inner_df == DBR_INNER_DF_TELL)
        m->flags |= DBR_PEER_TELL_MTU;
}

/* Ids; OpenVPN takes 0 to 65,536 of them in its configuration. */
static uint32_t replay_window(int wanted)
{
    return wanted < DBR_IPC_REPLAY_MIN   ? DBR_IPC_REPLAY_MIN
           : wanted > DBR_IPC_REPLAY_MAX ? DBR_IPC_REPLAY_MAX
                                         : (uint32_t)wanted;
}

static int tell_peer(struct client *c, enum dbr_ipc_type type)
{
    struct dbr_ipc_peer m = {.head = dbr_ipc_head(type, sizeof m, c->peer_id)};
    m.addr = c->addr;
    m.wire_peer_id = dbr_session_peer_id(c->session);
    m.framing = (uint16_t)dbr_session_framing(c->session);
    m.replay_window = replay_window(c->ctl->cfg->replay_window.n);
    if (c->ctl->boot->client)
        m.flags |= DBR_PEER_UPLINK | (c->ctl->cfg->port_kind == DBR_PORT_KIND_SITE ? DBR_PEER_SITE : 0u);
    else
        fill_port(c, &m);
    if (client_fixed(c))
        m.flags |= DBR_PEER_FIXED;
    fill_keepalive(c, &m);
    fill_limits(c, &m);
    fill_identity(c, &m);
    return tell(c, &m);
}

int workers_peer_new(struct client *c)
{
    return tell_peer(c, DBR_IPC_PEER_NEW);
}

int workers_peer_set(struct client *c)
{
    return tell_peer(c, DBR_IPC_PEER_SET);
}

void workers_peer_del(struct client *c, enum dbr_del_reason reason)
{
    struct control *ctl = c->ctl;
    if (!tell_del(ctl, c->peer_id, reason))
        return;
    ctl->ids.owed[c->peer_id] = (uint8_t)(reason + 1);
    if (!ctl->owed_ns)
        ctl->owed_ns = ctl->now.ns + OFFER_AGAIN_NS;
}

int workers_key_new(struct client *c, const struct dbr_data_keys *k)
{
    struct dbr_ipc_key m = {.head = dbr_ipc_head(DBR_IPC_KEY_NEW, sizeof m, c->peer_id),
                            .cipher = k->cipher,
                            .key_id = k->key_id,
                            .use_v2 = k->use_v2,
                            .digest = k->digest,
                            .tx_peer_id = k->peer_id};
    memcpy(m.send_key, k->send_key, sizeof m.send_key);
    memcpy(m.recv_key, k->recv_key, sizeof m.recv_key);
    memcpy(m.send_iv, k->send_iv, sizeof m.send_iv);
    memcpy(m.recv_iv, k->recv_iv, sizeof m.recv_iv);
    memcpy(m.send_hmac, k->send_hmac, sizeof m.send_hmac);
    memcpy(m.recv_hmac, k->recv_hmac, sizeof m.recv_hmac);
    int err = tell(c, &m);
    dbr_wipe(&m, sizeof m);
    return err;
}

void workers_key_ref(struct client *c, uint16_t type, uint8_t key_id)
{
    struct dbr_ipc_key_ref m = {.head = dbr_ipc_head(type, sizeof m, c->peer_id), .key_id = key_id};
    if (c->in_data)
        tell(c, &m);
}

void workers_send_payload(struct client *c, const uint8_t *bytes, size_t n)
{
    struct dbr_ipc_blob m = {.head = dbr_ipc_head(DBR_IPC_SEND, sizeof m, c->peer_id), .n = (uint32_t)n};
    if (!c->in_data || n > sizeof m.bytes)
        return;
    memcpy(m.bytes, bytes, n);
    tell(c, &m);
}

void workers_datagram(struct control *ctl, unsigned worker, const uint8_t *dgram, size_t len,
                      const struct dbr_addr *from)
{
    struct dbr_ipc_datagram m = {.addr = *from, .n = (uint32_t)len};
    if (len > sizeof m.bytes)
        return;
    m.head = dbr_ipc_head(DBR_IPC_DATAGRAM, offsetof(struct dbr_ipc_datagram, bytes) + len, 0);
    memcpy(m.bytes, dgram, len);
    dbr_ipc_send(ctl->boot->ipc_control[worker], &m, -1);
}

void workers_ask_stats(struct control *ctl)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof m, 0);
    ctl->status_answers = 0;
    for (unsigned i = 0; i < ctl->boot->n_workers; i++)
        if (!tell_worker(ctl, i, &m))
            ctl->status_answers++;
}

void workers_ask_peers(struct control *ctl)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_PEERS_GET, sizeof m, 0);
    for (unsigned i = 0; i < ctl->boot->n_workers; i++)
        tell_worker(ctl, i, &m);
}

/* ---- what workers say ---- */

static void on_float(struct client *c, const void *buf)
{
    const struct dbr_ipc_float *m = buf;
    char was[DBR_ADDR_TEXT], is[DBR_ADDR_TEXT];
    client_log(c, DBR_LOG_NOTICE, "Float requested for peer %u: %s -> %s", c->peer_id,
               dbr_addr_text(&c->addr, was), dbr_addr_text(&m->addr, is));
    c->addr = m->addr;
    if (c->ctl->calls) {
        calls_keep_way(c->ctl);
        hook_address(c);
    }
    c->ctl->metric[DBR_METRIC_FLOATS]++;
}

static void on_timeout(struct client *c, const void *buf)
{
    const struct dbr_ipc_peer_del *m = buf;
    bool inactive = m->reason == DBR_DEL_INACTIVE;
    bool over = c->ctl->calls && calls_silence(c->ctl, inactive);
    const char *why = inactive ? "Inactivity timeout (--inactive), exiting"
                      : over   ? "Inactivity timeout (--ping-exit), exiting"
                               : "Inactivity timeout (--ping-restart), restarting";
    if (c->session)
        dbr_session_close(c->session, NULL, why, &c->ctl->now);
    else
        client_free(c);
}

static void on_key_limit(struct client *c, const void *buf)
{
    (void)buf;
    if (c->session)
        dbr_session_renegotiate(c->session, &c->ctl->now);
}

static void on_key_used(struct client *c, const void *buf)
{
    const struct dbr_ipc_key_ref *m = buf;
    if (c->session)
        dbr_session_key_used(c->session, m->key_id, &c->ctl->now);
}

static void on_stats(struct client *c, const void *buf)
{
    if (c->adm)
        memcpy(&c->adm->stats, buf, sizeof c->adm->stats);
}

static void mac_text(const uint8_t *m, char out[24], uint16_t vlan)
{
    snprintf(out, 24, "%02x:%02x:%02x:%02x:%02x:%02x@%u", m[0], m[1], m[2], m[3], m[4], m[5], vlan);
}

/* Room for one more address, cleared; most clients have one or two. */
static bool has_room(struct admitted *a)
{
    if (a->n_macs == a->cap_macs) {
        size_t cap = a->cap_macs ? 2 * a->cap_macs : 2;
        struct shown_mac *macs = realloc(a->macs, cap * sizeof *macs);
        if (!macs)
            return false;
        a->macs = macs;
        a->cap_macs = cap;
    }
    a->macs[a->n_macs] = (struct shown_mac){0};
    return true;
}

/* Where the address is in the list; n_macs: it is not. */
static size_t shown_at(const struct admitted *a, const struct dbr_ipc_learned *m)
{
    size_t i = 0;
    while (i < a->n_macs && (memcmp(a->macs[i].mac, m->mac, 6) != 0 || a->macs[i].vlan != m->vlan))
        i++;
    return i;
}

static void forget_mac(struct admitted *a, const struct dbr_ipc_learned *m)
{
    size_t i = shown_at(a, m);
    if (i < a->n_macs)
        a->macs[i] = a->macs[--a->n_macs];
}

/* The address has come to c: nobody else shows it. */
static void forget_elsewhere(const struct client *c, const struct dbr_ipc_learned *m)
{
    for (uint32_t id = 0; id < c->ctl->max_clients; id++) {
        struct client *o = c->ctl->by_peer[id];
        if (o && o != c && o->adm)
            forget_mac(o->adm, m);
    }
}

static void on_learned(struct client *c, const void *buf)
{
    const struct dbr_ipc_learned *m = buf;
    struct admitted *a = c->adm;
    char text[24];
    if (!a)
        return;
    size_t i = shown_at(a, m);
    hook_learned(c, m, i < a->n_macs);
    if (m->what == DBR_LEARNED_GONE) {
        forget_mac(a, m);
        return;
    }
    if (m->what == DBR_LEARNED_MOVED)
        forget_elsewhere(c, m);
    mac_text(m->mac, text, m->vlan);
    client_log(c, DBR_LOG_INFO, "MULTI: Learn: %s -> %s", text, a->cn);
    if (i == a->n_macs && a->n_macs < MACS_SHOWN)
        a->n_macs += has_room(a);
    if (i < a->n_macs) {
        memcpy(a->macs[i].mac, m->mac, 6);
        a->macs[i].vlan = m->vlan;
        a->macs[i].last_s = c->ctl->now.unix_s;
    }
}

static void on_seen(struct client *c, const void *buf)
{
    if (c->adm)
        seen_take(c, buf);
}

/* data tells every second while the port is closed; it opens when nothing was told for longer. */
static void say_loop(struct client *c)
{
    if (!c->adm)
        return;
    int64_t before = c->adm->loop_s;
    c->adm->loop_s = c->ctl->now.unix_s;
    if (!before || c->adm->loop_s - before > LOOP_OVER_S)
        client_log(
            c, DBR_LOG_WARN,
            "WARNING: loop: our own frames come back through this client: it is joined to the LAN, or to "
            "another site, by a second way. Its port is closed until that is ended (`loop-guard`)");
}

static void on_guard(struct client *c, const void *buf)
{
    const struct dbr_ipc_guard *m = buf;
    char text[24];
    if (m->reason == DBR_GUARD_LOOP) {
        say_loop(c);
        return;
    }
    mac_text(m->mac, text, m->vlan);
    client_log(c, DBR_LOG_NOTICE, "guard: dropped %u frames from %s (%s)", m->count, text,
               dbr_guard_name((enum dbr_guard)m->reason));
}

/* ---- OCC: the messages of the data channel ---- */

void workers_send_occ(struct client *c, enum dbr_occ op)
{
    uint8_t out[DBR_OCC_HEAD];
    dbr_occ_write(out, op);
    workers_send_payload(c, out, sizeof out);
}

static void answer_occ(struct client *c, const struct dbr_ipc_blob *m)
{
    uint8_t out[DBR_IPC_BLOB_MAX];
    size_t n = dbr_occ_answer(c->session, m->bytes, m->n, out, sizeof out);
    if (n)
        workers_send_payload(c, out, n);
}

static void on_payload(struct client *c, const void *buf)
{
    const struct dbr_ipc_blob *m = buf;
    if (dbr_occ_read(m->bytes, m->n) < 0 || !c->session)
        return;
    if (m->bytes[DBR_OCC_HEAD - 1] == DBR_OCC_REPLY && c->ctl->calls)
        calls_answered(c);
    if (m->bytes[DBR_OCC_HEAD - 1] == DBR_OCC_EXIT)
        dbr_session_close(c->session, NULL,
                          c->ctl->boot->client
                              ? "SIGTERM[soft,remote-exit] received, server exiting"
                              : "SIGTERM[soft,remote-exit] received, client-instance exiting",
                          &c->ctl->now);
    else
        answer_occ(c, m);
}

static const struct {
    void (*take)(struct client *c, const void *buf);
    bool settle;
} handlers[DBR_IPC_TYPES] = {
    [DBR_IPC_FLOAT] = {on_float, false},      [DBR_IPC_KEY_LIMIT] = {on_key_limit, true},
    [DBR_IPC_KEY_USED] = {on_key_used, true}, [DBR_IPC_STATS] = {on_stats, false},
    [DBR_IPC_LEARNED] = {on_learned, false},  [DBR_IPC_GUARD] = {on_guard, false},
    [DBR_IPC_PAYLOAD] = {on_payload, true},   [DBR_IPC_SEEN] = {on_seen, false},
};

static void back_for_good(struct client *c)
{
    options_address(c);
    expiry_note(c);
}

/* Control is new: a peer that data still serves is kept as a client without session, so that a revocation or
 * a new session of the same name finds it, and nobody else gets its address. */
static void on_peer_back(struct control *ctl, const struct dbr_ipc_peer *m)
{
    char reason[64];
    struct client *c = calloc(1, sizeof *c);
    struct admitted *a = calloc(1, sizeof *a);
    if (!c || !a) {
        free(c);
        free(a);
        return;
    }
    c->ctl = ctl;
    c->addr = m->addr;
    c->adm = a;
    c->stage = STAGE_ADMITTED;
    c->since_s = ctl->now.unix_s;
    memcpy(a->cn, m->cn, sizeof a->cn);
    memcpy(a->serial, m->serial, m->serial_len);
    a->serial_len = m->serial_len;
    memcpy(a->issuer_hash, m->issuer_hash, sizeof a->issuer_hash);
    a->not_after = m->not_after;
    c->peer_id = DBR_PEER_ID_NONE;
    if (!client_enlist_as(c, m->head.peer_id)) {
        client_free(c);
        return;
    }
    c->in_data = c->told = a->hooked = true;
    c->id = ctl->next_client_id++;
    client_log(c, DBR_LOG_NOTICE, "taken over from the data process");
    if (!verdict_stands(c))
        client_kick(c, NULL, "certificate revoked: session ended");
    else if (options_file(c, a->cn, reason, sizeof reason))
        client_kick(c, NULL, reason);
    else
        back_for_good(c);
}

static void from_worker(struct control *ctl, unsigned worker, const void *buf)
{
    const struct dbr_ipc_head *head = buf;
    if (head->type == DBR_IPC_DATAGRAM) {
        struct dbr_ipc_datagram m;
        memcpy(&m, buf, head->len);
        if (m.n && !dbr_opcode_is_data(dbr_opcode_of(m.bytes[0])))
            control_datagram(ctl, m.bytes, m.n, &m.addr);
        return;
    }
    if (head->type == DBR_IPC_PEER_BACK) {
        on_peer_back(ctl, buf);
        return;
    }
    if (head->type == DBR_IPC_STATS_END) {
        if (ctl->status_answers && --ctl->status_answers == 0) {
            status_write(ctl);
            management_stats(ctl);
        }
        if (!ctl->status_answers && ctl->metrics_ns)
            metrics_send(ctl);
        return;
    }
    if (head->type == DBR_IPC_WORKER) {
        memcpy(&ctl->worker_sums[worker], buf, sizeof ctl->worker_sums[worker]);
        return;
    }
    struct client *c = client_by_peer(ctl, head->peer_id);
    if (!c || !c->in_data) {
        if (head->type == DBR_IPC_STATS)
            hook_last_figures(ctl, buf);
        return;
    }
    if (head->type == DBR_IPC_TIMEOUT) {
        bool lives = c->session;
        on_timeout(c, buf);
        if (lives)
            client_settle(c);
    } else if (handlers[head->type].take) {
        handlers[head->type].take(c, buf);
        if (handlers[head->type].settle)
            client_settle(c);
    }
}

void workers_read(struct control *ctl, unsigned worker)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    for (int i = 0; i < READ_ROUNDS; i++) {
        int err = dbr_ipc_recv(ctl->boot->ipc_control[worker], buf, NULL);
        if (!err)
            from_worker(ctl, worker, buf);
        else if (err != DBR_ERR_SHAPE)
            return;
    }
}
