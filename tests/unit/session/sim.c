/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim.h"
#include "proto/keymsg.h"
#include "pki.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_NS 1000000ull

static struct pki_id *ca, *server_id, *client_id;
static struct dbr_tls_ctx *client_tls[2], *server_tls[2]; /* [1]: TLS 1.2 at most */
static uint8_t static_key[DBR_STATIC_KEY_LEN];
static int64_t born_s; /* wall clock of virtual time 0: when the certificates were made */

/* ---- certificates ---- */

static enum dbr_verify verify(void *arg, void *session_arg, const struct dbr_x509 *chain, size_t n, char *why,
                              size_t cap)
{
    (void)arg;
    (void)chain;
    (void)n;
    struct sim_end *end = dbr_session_owner(session_arg);
    if (!end->server || !end->sim->opt.revoked)
        return end->server ? end->sim->opt.chain : DBR_VERIFY_OK;
    snprintf(why, cap, "certificate revoked");
    return DBR_VERIFY_REVOKED;
}

static struct dbr_tls_ctx *make_tls(bool server, const struct pki_id *id, int version_max)
{
    char why[512];
    struct dbr_tls_ctx *ctx;
    struct dbr_tls_config t = {.server = server,
                               .ca = ca->pem,
                               .ca_len = ca->pem_len,
                               .cert = id->pem,
                               .cert_len = id->pem_len,
                               .key = id->key_pem,
                               .key_len = id->key_pem_len,
                               .version_max = version_max,
                               .verify = verify};
    if (dbr_tls_ctx_new(&ctx, &t, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    return ctx;
}

void sim_pki(void)
{
    if (ca)
        return;
    born_s = time(NULL);
    ca = pki_root("Test CA");
    server_id = pki_server("gate.example", ca);
    client_id = pki_client("alice", ca);
    for (int i = 0; i < 2; i++) {
        server_tls[i] = make_tls(true, server_id, i ? 12 : 0);
        client_tls[i] = make_tls(false, client_id, i ? 12 : 0);
    }
    for (size_t i = 0; i < sizeof static_key; i++)
        static_key[i] = (uint8_t)(i * 7 + 1);
}

void sim_pki_free(void)
{
    for (int i = 0; i < 2; i++) {
        dbr_tls_ctx_put(server_tls[i]);
        dbr_tls_ctx_put(client_tls[i]);
    }
    pki_free(client_id);
    pki_free(server_id);
    pki_free(ca);
    ca = NULL;
}

/* ---- the wire ---- */

uint64_t sim_random(struct sim *sim)
{
    sim->rng += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = sim->rng;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool chance(struct sim *sim, unsigned percent)
{
    return sim_random(sim) % 100 < percent;
}

static void enqueue(struct sim *sim, bool to_server, const uint8_t *dgram, size_t len)
{
    if (sim->n_queue == SIM_MAX_QUEUE || len > SIM_MAX_DGRAM)
        return;
    const struct sim_wire *w = &sim->opt.wire;
    struct sim_dgram *d = &sim->queue[sim->n_queue++];
    uint64_t delay = w->delay_ms + (w->jitter_ms ? sim_random(sim) % w->jitter_ms : 0);
    if (chance(sim, w->reorder))
        delay += 20 + sim_random(sim) % 200;
    d->at_ns = sim->now.ns + delay * MS_NS;
    d->order = sim->order++;
    d->to_server = to_server;
    d->len = len;
    memcpy(d->bytes, dgram, len);
    if (chance(sim, w->corrupt))
        d->bytes[sim_random(sim) % len] ^= (uint8_t)(1u << (sim_random(sim) % 8));
}

static void op_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    (void)s;
    struct sim_end *end = arg;
    struct sim *sim = end->sim;
    end->sent++;
    if (sim->spy) {
        struct sim_dgram d = {.to_server = !end->server, .len = len};
        memcpy(d.bytes, dgram, len);
        sim->spy(sim, &d);
    }
    if (chance(sim, sim->opt.wire.loss))
        return;
    enqueue(sim, !end->server, dgram, len);
    if (chance(sim, sim->opt.wire.dup))
        enqueue(sim, !end->server, dgram, len);
}

/* ---- the owner of each end ---- */

static int op_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    struct sim_end *end = arg;
    if (end->sim->opt.authorize == DBR_ERR_CERT)
        snprintf(reason, cap, "not today");
    dbr_session_set_peer_id(s, 7);
    return end->sim->opt.authorize;
}

static int op_reauthorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    struct sim_end *end = arg;
    end->n_asked++;
    snprintf(end->heard, sizeof end->heard, "%s/%s", dbr_session_username(s), dbr_session_password(s));
    if (end->sim->opt.reauthorize == DBR_ERR_CERT)
        snprintf(reason, cap, "not any more");
    return end->sim->opt.reauthorize;
}

static int op_credentials(void *arg, struct dbr_session *s, char *user, char *pass)
{
    (void)arg;
    (void)s;
    snprintf(user, DBR_USERPASS_MAX, "alice");
    snprintf(pass, DBR_USERPASS_MAX, "secret");
    return 0;
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    (void)s;
    struct sim_end *end = arg;
    end->keys[keys->key_id] = *keys;
    end->has_key[keys->key_id] = true;
    if (!end->n_keys++)
        end->send_key = keys->key_id;
    return 0;
}

static void op_swap(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)s;
    struct sim_end *end = arg;
    end->send_key = key_id;
    end->n_swaps++;
}

static void op_drop(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)s;
    struct sim_end *end = arg;
    end->has_key[key_id] = false;
    end->n_drops++;
}

static size_t op_push_options(void *arg, struct dbr_session *s, const char **opts, size_t max)
{
    (void)s;
    (void)max;
    struct sim_end *end = arg;
    end->n_push++;
    opts[0] = "route-gateway 192.0.2.1";
    opts[1] = "ping 10";
    opts[2] = end->sim->opt.extra_push;
    return opts[2] ? 3 : 2;
}

static int op_pushed(void *arg, struct dbr_session *s, const char *options)
{
    (void)s;
    struct sim_end *end = arg;
    end->n_push++;
    snprintf(end->pushed, sizeof end->pushed, "%s", options);
    return 0;
}

static void op_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    (void)s;
    struct sim_end *end = arg;
    snprintf(end->last_message, sizeof end->last_message, "%d,%s", kind, rest);
}

static void op_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    (void)s;
    (void)level;
    struct sim_end *end = arg;
    if (getenv("SIM_LOG"))
        fprintf(stderr, "%10.3f %s %s\n", (double)end->sim->now.ns / 1e9, end->server ? "server" : "client",
                line);
}

static void op_random(void *arg, void *out, size_t n)
{
    struct sim_end *end = arg;
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)sim_random(end->sim);
}

static const struct dbr_session_ops ops = {.send = op_send,
                                           .authorize = op_authorize,
                                           .reauthorize = op_reauthorize,
                                           .credentials = op_credentials,
                                           .keys = op_keys,
                                           .swap = op_swap,
                                           .drop = op_drop,
                                           .push_options = op_push_options,
                                           .pushed = op_pushed,
                                           .message = op_message,
                                           .log = op_log,
                                           .random = op_random};

/* ---- the server's door ---- */

/* The gate of a datagram: with tls-crypt-v2 the one whose key it brings along. NULL: it brings none that is
 * good. Borrowed, or in *own for free. */
static struct dbr_gate *gate_of(struct sim *sim, uint8_t *dgram, size_t *len, struct dbr_client_key *key,
                                struct dbr_gate **own)
{
    size_t tail = dbr_wkc_tail(dgram, *len);
    if (!sim->opt.v2)
        return sim->server.gate;
    if (!dbr_opcode_has_wkc(dbr_opcode_of(dgram[0])) || !tail ||
        dbr_wkc_open(sim->server.wkc, dgram + *len - tail, tail, key) ||
        dbr_gate_new(own, DBR_GATE_TLS_CRYPT, key->key, 0, NULL))
        return NULL;
    *len -= tail;
    return *own;
}

static void answer_reset(struct sim *sim, struct dbr_gate *gate, const struct dbr_gated *g,
                         const struct dbr_control *c, uint64_t now_s)
{
    uint8_t answer[256];
    uint64_t sid = dbr_cookie_make(&sim->cookie, now_s, &sim->client_addr, c->sid);
    int n = dbr_session_answer_reset(gate, sid, g, c->id, sim->now.unix_s, answer, sizeof answer);
    sim->answers++;
    if (n > 0)
        op_send(&sim->server, NULL, answer, (size_t)n);
}

/* True if own went to a session. */
static bool knock(struct sim *sim, uint8_t *dgram, size_t len, struct dbr_gate **own)
{
    struct dbr_gated g;
    struct dbr_control c;
    struct dbr_client_key key;
    uint64_t now_s = sim->now.ns / 1000000000;
    if (dbr_wire_prefilter(dgram, len, dbr_gate_overhead(sim->server.gate)))
        return false;
    struct dbr_gate *gate = gate_of(sim, dgram, &len, &key, own);
    if (!gate || dbr_gate_open(gate, dgram, len, &g) ||
        dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len))
        return false;
    if (c.opcode == DBR_OP_RESET_CLIENT || c.opcode == DBR_OP_RESET_CLIENT_V3) {
        if (c.opcode == DBR_OP_RESET_CLIENT_V3 && !dbr_early_negotiation(g.replay_id))
            exit(1);
        answer_reset(sim, gate, &g, &c, now_s);
        return false;
    }
    if (!c.n_acks || c.key_id || !dbr_cookie_check(&sim->cookie, now_s, &sim->client_addr, c.sid, c.peer_sid))
        return false;
    sim->server.session =
        dbr_session_new_server(&sim->server.cfg, c.peer_sid, c.sid, 0, &sim->server, &sim->now);
    sim->sessions_made++;
    if (*own && dbr_session_take_gate(sim->server.session, *own, key.key))
        exit(1);
    dbr_session_feed_gated(sim->server.session, &g, &sim->now);
    return *own != NULL;
}

static void stranger(struct sim *sim, uint8_t *dgram, size_t len)
{
    struct dbr_gate *own = NULL;
    if (!knock(sim, dgram, len, &own))
        dbr_gate_free(own);
}

static void deliver(struct sim *sim, struct sim_dgram *d)
{
    struct dbr_session *s = sim->server.session;
    if (!d->to_server)
        dbr_session_feed(sim->client.session, d->bytes, d->len, &sim->now);
    else if (s && d->len > 9 && dbr_opcode_of(d->bytes[0]) != DBR_OP_RESET_CLIENT &&
             dbr_opcode_of(d->bytes[0]) != DBR_OP_RESET_CLIENT_V3)
        dbr_session_feed(s, d->bytes, d->len, &sim->now);
    else if (!s)
        stranger(sim, d->bytes, d->len);
}

void sim_inject(struct sim *sim, bool to_server, const uint8_t *dgram, size_t len)
{
    struct sim_dgram d = {.to_server = to_server, .len = len};
    memcpy(d.bytes, dgram, len);
    deliver(sim, &d);
}

/* ---- time ---- */

static size_t earliest(const struct sim *sim)
{
    size_t best = SIM_MAX_QUEUE;
    for (size_t i = 0; i < sim->n_queue; i++)
        if (best == SIM_MAX_QUEUE || sim->queue[i].at_ns < sim->queue[best].at_ns ||
            (sim->queue[i].at_ns == sim->queue[best].at_ns && sim->queue[i].order < sim->queue[best].order))
            best = i;
    return best;
}

static void set_clock(struct sim *sim, uint64_t ns)
{
    if (ns > sim->now.ns)
        sim->now.ns = ns;
    sim->now.unix_s = born_s + (int64_t)(sim->now.ns / 1000000000);
}

static uint64_t deadline_of(const struct sim_end *end)
{
    return end->session ? dbr_session_deadline(end->session) : UINT64_MAX;
}

/* The next event at or before limit; false if there is none. */
static bool step(struct sim *sim, uint64_t limit_ns)
{
    size_t i = sim->frozen ? SIM_MAX_QUEUE : earliest(sim);
    uint64_t wire = i < SIM_MAX_QUEUE ? sim->queue[i].at_ns : UINT64_MAX;
    uint64_t c = deadline_of(&sim->client), s = deadline_of(&sim->server);
    uint64_t at = wire < c ? wire : c;
    at = s < at ? s : at;
    if (at > limit_ns)
        return false;
    set_clock(sim, at);
    if (at == wire) {
        struct sim_dgram d = sim->queue[i];
        sim->queue[i] = sim->queue[--sim->n_queue];
        deliver(sim, &d);
    } else {
        dbr_session_tick(at == c ? sim->client.session : sim->server.session, &sim->now);
    }
    return true;
}

static bool dead(const struct sim_end *end)
{
    return end->session && dbr_session_state(end->session) == DBR_SESSION_DEAD;
}

static bool active(const struct sim_end *end)
{
    return end->session && dbr_session_state(end->session) == DBR_SESSION_ACTIVE;
}

bool sim_connect(struct sim *sim, unsigned limit_s)
{
    uint64_t limit = sim->now.ns + limit_s * 1000 * MS_NS;
    while (!dead(&sim->client) && !dead(&sim->server) && !(active(&sim->client) && active(&sim->server)))
        if (!step(sim, limit))
            break;
    return active(&sim->client) && active(&sim->server);
}

void sim_run(struct sim *sim, uint64_t ms)
{
    uint64_t limit = sim->now.ns + ms * MS_NS;
    while (!dead(&sim->client) && !dead(&sim->server) && step(sim, limit))
        ;
    set_clock(sim, limit);
}

/* ---- life ---- */

static void make_v2(struct sim *sim, struct sim_end *end)
{
    static const uint8_t server_key[DBR_WKC_SERVER_KEY_LEN] = {1, 2, 3};
    static const uint8_t metadata[DBR_WKC_METADATA_MAX] = {DBR_WKC_TYPE_TIME};
    if (dbr_wkc_new(&end->wkc, server_key))
        exit(1);
    if (end->server)
        return;
    int n = dbr_wkc_seal(end->wkc, static_key, metadata, sim->opt.metadata, end->own_wkc);
    if (n < 0)
        exit(1);
    end->cfg.wkc = end->own_wkc;
    end->cfg.wkc_len = (size_t)n;
}

static void make_end(struct sim *sim, struct sim_end *end, bool server)
{
    const struct sim_options *o = &sim->opt;
    int direction = o->direction < 0 ? -1 : server ? o->direction : !o->direction;
    if (o->gate == DBR_GATE_TLS_CRYPT)
        direction = server ? 0 : 1;
    end->sim = sim;
    end->server = server;
    if (dbr_gate_new(&end->gate, o->gate, static_key, direction, o->digest ? o->digest : "SHA1"))
        exit(1);
    end->cfg = (struct dbr_session_config){.server = server,
                                           .gate = end->gate,
                                           .static_key = o->gate == DBR_GATE_NONE ? NULL : static_key,
                                           .tls = (server ? server_tls : client_tls)[o->tls_max == 12],
                                           .data_ciphers = server ? o->ciphers_server : o->ciphers_client,
                                           .auth = o->digest ? o->digest : "SHA1",
                                           .fallback = server ? o->fallback_server : o->fallback_client,
                                           .framing = server && !o->p2p_server ? DBR_FRAMING_NONE
                                                                               : o->framing_client,
                                           .key_direction = direction,
                                           .tun_mtu = 1500,
                                           .hand_window_s = o->hand_window_s ? o->hand_window_s : 60,
                                           .tran_window_s = 3600,
                                           .tls_timeout_s = 2,
                                           .reneg_s = server ? o->reneg_server_s : o->reneg_client_s,
                                           .platform = "linux",
                                           .no_dyn_tls_crypt = o->no_dyn_tls_crypt,
                                           .p2p = server ? o->p2p_server : o->p2p_client,
                                           .ops = &ops,
                                           .arg = end};
    if (o->v2)
        make_v2(sim, end);
    if (!end->cfg.data_ciphers)
        end->cfg.data_ciphers = "AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305";
}

struct sim *sim_new(const struct sim_options *opt, uint64_t seed)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        exit(1);
    sim_pki();
    sim->opt = *opt;
    sim->rng = seed * 0x2545f4914f6cdd1du + 1;
    set_clock(sim, 1000 * MS_NS);
    memset(sim->cookie.key, 0x5c, sizeof sim->cookie.key);
    sim->cookie.slot_seconds = 30;
    sim->client_addr = (struct dbr_addr){.family = 4, .port = 40000, .ip = {192, 0, 2, 99}};
    make_end(sim, &sim->client, false);
    make_end(sim, &sim->server, true);
    sim->client.session = dbr_session_new_client(&sim->client.cfg, &sim->client, &sim->now);
    return sim;
}

void sim_free(struct sim *sim)
{
    dbr_session_free(sim->client.session);
    dbr_session_free(sim->server.session);
    dbr_gate_free(sim->client.gate);
    dbr_gate_free(sim->server.gate);
    dbr_wkc_free(sim->client.wkc);
    dbr_wkc_free(sim->server.wkc);
    free(sim);
}

bool sim_keys_match(const struct sim *sim, uint8_t key_id)
{
    const struct dbr_data_keys *c = &sim->client.keys[key_id], *s = &sim->server.keys[key_id];
    return sim->client.has_key[key_id] && sim->server.has_key[key_id] && c->cipher == s->cipher &&
           memcmp(c->send_key, s->recv_key, 32) == 0 && memcmp(c->recv_key, s->send_key, 32) == 0 &&
           memcmp(c->send_hmac, s->recv_hmac, 64) == 0 && memcmp(c->recv_hmac, s->send_hmac, 64) == 0 &&
           c->digest == s->digest && memcmp(c->send_iv, s->recv_iv, 8) == 0 &&
           memcmp(c->recv_iv, s->send_iv, 8) == 0 && memcmp(c->send_key, c->recv_key, 32) != 0;
}
