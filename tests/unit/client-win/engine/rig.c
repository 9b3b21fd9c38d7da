/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rig.h"

#include "base/err.h"
#include "pki.h"
#include "proto/keymsg.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS_NS 1000000ull

enum { DELAY_MS = 10, PROFILE = 32768 };

static struct pki_id *ca, *other_ca, *server_id, *stranger_id, *client_id;
static uint8_t static_key[DBR_STATIC_KEY_LEN];
static const uint8_t wrap_key[DBR_WKC_SERVER_KEY_LEN] = {1, 2, 3};
static int64_t born_s;

/* ---- certificates ---- */

void rig_pki(void)
{
    if (ca)
        return;
    born_s = time(NULL);
    ca = pki_root("Test CA");
    other_ca = pki_root("Other CA");
    server_id = pki_server("gate.example", ca);
    stranger_id = pki_server("gate.example", other_ca);
    client_id = pki_client("alice", ca);
    for (size_t i = 0; i < sizeof static_key; i++)
        static_key[i] = (uint8_t)(i * 7 + 1);
}

void rig_pki_free(void)
{
    struct pki_id *all[] = {client_id, stranger_id, server_id, other_ca, ca};
    for (size_t i = 0; i < 5; i++)
        pki_free(all[i]);
    ca = NULL;
}

static uint64_t rnd(struct rig *r)
{
    r->rng += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = r->rng;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void random_bytes(void *arg, void *out, size_t n)
{
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)rnd(arg);
}

static void clock_to(struct rig *r, uint64_t ns)
{
    if (ns > r->now.ns)
        r->now.ns = ns;
    r->now.unix_s = born_s + (int64_t)(r->now.ns / 1000000000);
}

/* ---- the wire ---- */

static void enqueue(struct rig *r, bool to_server, const struct dbr_addr *from, const struct dbr_addr *to,
                    const uint8_t *bytes, size_t len)
{
    if (r->n_queue == RIG_QUEUE || len > RIG_DGRAM || rnd(r) % 100 < r->opt.loss)
        return;
    struct rig_dgram *d = &r->queue[r->n_queue++];
    *d = (struct rig_dgram){.at_ns = r->now.ns + DELAY_MS * MS_NS,
                            .order = r->order++,
                            .to_server = to_server,
                            .from = *from,
                            .to = *to,
                            .len = len};
    memcpy(d->bytes, bytes, len);
}

/* ---- the server: what its session asks ---- */

static void srv_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    struct rig *r = arg;
    (void)s;
    enqueue(r, false, &r->server_addr, &r->client_addr, dgram, len);
}

static int judge(struct rig *r, struct dbr_session *s, char *reason, size_t cap)
{
    snprintf(r->user, sizeof r->user, "%s", dbr_session_username(s));
    snprintf(r->pass, sizeof r->pass, "%s", dbr_session_password(s));
    r->logins++;
    dbr_session_set_peer_id(s, 7);
    if (r->opt.refuse) {
        snprintf(reason, cap, "%s", r->opt.refuse);
        return DBR_ERR_CERT;
    }
    bool good = !r->opt.user || (strcmp(r->user, r->opt.user) == 0 && strcmp(r->pass, r->opt.pass) == 0);
    snprintf(reason, cap, "%s", "");
    return good ? 0 : DBR_ERR_CERT;
}

static int srv_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    return judge(arg, s, reason, cap);
}

static int srv_reauthorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    struct rig *r = arg;
    r->renegotiations++;
    return judge(r, s, reason, cap);
}

static int srv_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    struct rig *r = arg;
    (void)s;
    dbr_slot_fini(&r->slots[keys->key_id]);
    if (r->primary < 0)
        r->primary = keys->key_id;
    return dbr_slot_init(&r->slots[keys->key_id], dbr_aead_backend_best(), keys, 64);
}

static void srv_swap(void *arg, struct dbr_session *s, uint8_t key_id)
{
    struct rig *r = arg;
    (void)s;
    r->primary = key_id;
}

static void srv_drop(void *arg, struct dbr_session *s, uint8_t key_id)
{
    struct rig *r = arg;
    (void)s;
    dbr_slot_fini(&r->slots[key_id]);
    if (r->primary == key_id)
        r->primary = -1;
}

static size_t srv_push(void *arg, struct dbr_session *s, const char **opts, size_t max)
{
    struct rig *r = arg;
    size_t n = 0;
    (void)s;
    while (n < 128 && n < max && r->opt.push[n]) {
        opts[n] = r->opt.push[n];
        n++;
    }
    return n;
}

static void srv_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    struct rig *r = arg;
    snprintf(r->said, sizeof r->said, "%d,%s", kind, rest);
    if (kind == DBR_MSG_EXIT)
        dbr_session_close(s, NULL, "exit", &r->now);
}

static void srv_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    struct rig *r = arg;
    (void)s;
    (void)level;
    if (getenv("RIG_LOG"))
        fprintf(stderr, "%10.3f server %s\n", (double)r->now.ns / 1e9, line);
}

static const struct dbr_session_ops server_ops = {.send = srv_send,
                                                  .authorize = srv_authorize,
                                                  .reauthorize = srv_reauthorize,
                                                  .keys = srv_keys,
                                                  .swap = srv_swap,
                                                  .drop = srv_drop,
                                                  .push_options = srv_push,
                                                  .message = srv_message,
                                                  .log = srv_log,
                                                  .random = random_bytes};

/* ---- the server's door ---- */

static void forget_session(struct rig *r)
{
    dbr_session_free(r->session);
    r->session = NULL;
    r->primary = -1;
    for (size_t i = 0; i < 8; i++)
        dbr_slot_fini(&r->slots[i]);
}

static bool knock(struct rig *r, struct rig_dgram *d, struct dbr_gate **own)
{
    struct dbr_gated g;
    struct dbr_control c;
    struct dbr_client_key key;
    uint8_t answer[256];
    uint64_t now_s = r->now.ns / 1000000000;
    struct dbr_gate *gate = r->gate;
    size_t tail = r->opt.v2 ? dbr_wkc_tail(d->bytes, d->len) : 0;
    if (dbr_wire_prefilter(d->bytes, d->len, dbr_gate_overhead(r->gate)))
        return false;
    if (r->opt.v2) {
        if (!tail || dbr_wkc_open(r->wkc, d->bytes + d->len - tail, tail, &key) ||
            dbr_gate_new(own, DBR_GATE_TLS_CRYPT, key.key, 0, NULL))
            return false;
        d->len -= tail;
        gate = *own;
    }
    if (dbr_gate_open(gate, d->bytes, d->len, &g) ||
        dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len))
        return false;
    if (c.opcode == DBR_OP_RESET_CLIENT || c.opcode == DBR_OP_RESET_CLIENT_V3) {
        uint64_t sid = dbr_cookie_make(&r->cookie, now_s, &d->from, c.sid);
        int n = dbr_session_answer_reset(gate, sid, &g, c.id, r->now.unix_s, answer, sizeof answer);
        if (n > 0)
            enqueue(r, false, &r->server_addr, &d->from, answer, (size_t)n);
        return false;
    }
    if (!c.n_acks || c.key_id || !dbr_cookie_check(&r->cookie, now_s, &d->from, c.sid, c.peer_sid))
        return false;
    forget_session(r);
    r->client_addr = d->from;
    r->session = dbr_session_new_server(&r->cfg, c.peer_sid, c.sid, 0, r, &r->now);
    r->sessions++;
    if (*own && dbr_session_take_gate(r->session, *own, key.key))
        exit(1);
    dbr_session_feed_gated(r->session, &g, &r->now);
    return *own != NULL;
}

static void server_data(struct rig *r, struct rig_dgram *d)
{
    struct dbr_slot *s = &r->slots[dbr_key_id_of(d->bytes[0])];
    struct dbr_aead_job job;
    uint32_t id;
    uint8_t key_id = s->key_id;
    if (!s->live || dbr_slot_open_prepare(s, d->bytes, (uint32_t)d->len, &job, &id) ||
        dbr_aead_open(s->open, &job, 1) != 1 || !dbr_slot_opened(s, &job, &id))
        return;
    uint8_t *text = job.text, scratch[64];
    size_t len = job.len;
    if (dbr_framing_strip(dbr_session_framing(r->session), &text, &len, scratch, sizeof scratch) < 0)
        return;
    r->client_addr = d->from;
    if (key_id != r->primary)
        dbr_session_key_used(r->session, key_id, &r->now);
    if (dbr_payload_kind(text, len) == DBR_PAYLOAD_PING) {
        r->pings++;
        return;
    }
    if (dbr_payload_kind(text, len) == DBR_PAYLOAD_OCC && text[16] == DBR_OCC_REQUEST) {
        uint8_t reply[17];
        memcpy(reply, dbr_occ_magic, 16);
        reply[16] = DBR_OCC_REPLY;
        rig_server_frame(r, reply, sizeof reply);
    }
    r->frames++;
    r->frame_len = len < sizeof r->frame ? len : 0;
    memcpy(r->frame, text, r->frame_len);
}

static bool is_own(const struct rig *r, const struct rig_dgram *d)
{
    uint8_t sid[8];
    uint64_t want = r->session ? dbr_session_remote_sid(r->session) : 0;
    for (int i = 0; i < 8; i++)
        sid[i] = (uint8_t)(want >> (56 - 8 * i));
    return r->session && d->len > 9 && memcmp(d->bytes + 1, sid, 8) == 0;
}

static void to_server(struct rig *r, struct rig_dgram *d)
{
    struct dbr_gate *own = NULL;
    uint8_t op = dbr_opcode_of(d->bytes[0]);
    if (!r->server_up || !dbr_addr_equal(&d->to, &r->server_addr))
        return;
    if (op == DBR_OP_DATA_V1 || op == DBR_OP_DATA_V2)
        server_data(r, d);
    else if (is_own(r, d) && op != DBR_OP_RESET_CLIENT && op != DBR_OP_RESET_CLIENT_V3)
        dbr_session_feed(r->session, d->bytes, d->len, &r->now);
    else if (!knock(r, d, &own))
        dbr_gate_free(own);
    if (r->session && dbr_session_state(r->session) == DBR_SESSION_DEAD)
        forget_session(r);
}

/* ---- what the engine asks ---- */

static void on_resolve(void *arg, unsigned ticket, const char *host, uint16_t port, int family)
{
    struct rig *r = arg;
    (void)family;
    (void)port;
    snprintf(r->host, sizeof r->host, "%s", host);
    r->ticket = ticket;
    r->resolves += !r->hold_names;
}

static int on_open(void *arg, const struct dbr_addr *to, bool anyone)
{
    struct rig *r = arg;
    (void)to;
    (void)anyone;
    r->own.port++;
    r->opens++;
    return 0;
}

static void on_send(void *arg, const struct dbr_addr *to, const uint8_t *dgram, size_t len)
{
    struct rig *r = arg;
    enqueue(r, true, &r->own, to, dgram, len);
}

static void on_tap(void *arg, const uint8_t *frame, size_t len)
{
    struct rig *r = arg;
    r->taps++;
    r->tap_len = len < sizeof r->tap ? len : 0;
    memcpy(r->tap, frame, r->tap_len);
}

static void on_net(void *arg, const struct dbr_net_step *step)
{
    struct rig *r = arg;
    r->n_clears += step->kind == DBR_NET_CLEAR;
    r->n_applies += step->kind == DBR_NET_APPLY;
    if (step->kind == DBR_NET_CLEAR || (r->n_steps && r->steps[r->n_steps - 1].kind == DBR_NET_APPLY))
        r->n_steps = 0;
    if (step->kind != DBR_NET_CLEAR && r->n_steps < RIG_STEPS)
        r->steps[r->n_steps++] = *step;
    r->net_due |= step->kind == DBR_NET_APPLY && !r->opt.hold_net;
}

static void note(struct rig *r, char kind, unsigned number, bool echo, const char *text)
{
    if (getenv("RIG_LOG"))
        fprintf(stderr, "%10.3f %c %u %s\n", (double)r->now.ns / 1e9, kind, number, text);
    if (r->n_events == RIG_EVENTS)
        return;
    struct rig_event *e = &r->events[r->n_events++];
    *e = (struct rig_event){.kind = kind, .number = number, .echo = echo};
    snprintf(e->text, sizeof e->text, "%s", text);
}

static void on_state(void *arg, enum dbr_engine_state state, const char *text)
{
    note(arg, 's', state, false, text);
}

static void on_ask(void *arg, enum dbr_engine_ask kind, bool echo, const char *text, const char *user)
{
    (void)user;
    note(arg, 'a', kind, echo, text);
}

static void on_log(void *arg, int level, const char *line)
{
    struct rig *r = arg;
    size_t n = strlen(r->logs);
    (void)level;
    if (getenv("RIG_LOG"))
        fprintf(stderr, "%10.3f client %s\n", (double)r->now.ns / 1e9, line);
    snprintf(r->logs + n, sizeof r->logs - n, "%s\n", line);
}

static const struct dbr_engine_ops engine_ops = {.resolve = on_resolve,
                                                 .open = on_open,
                                                 .send = on_send,
                                                 .tap = on_tap,
                                                 .net = on_net,
                                                 .state = on_state,
                                                 .ask = on_ask,
                                                 .log = on_log,
                                                 .random = random_bytes};

/* ---- time ---- */

static uint64_t wire_at(const struct rig *r, size_t *which)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < r->n_queue; i++)
        if (at == UINT64_MAX || r->queue[i].at_ns < at ||
            (r->queue[i].at_ns == at && r->queue[i].order < r->queue[*which].order)) {
            at = r->queue[i].at_ns;
            *which = i;
        }
    return at;
}

static void deliver(struct rig *r, size_t which)
{
    struct rig_dgram d = r->queue[which];
    r->queue[which] = r->queue[--r->n_queue];
    if (d.to_server)
        to_server(r, &d);
    else if (dbr_addr_equal(&d.to, &r->own))
        dbr_engine_feed(r->engine, d.bytes, d.len, &d.from, &r->now);
}

/* What the surroundings do at once, but not from within a callback. */
static bool surroundings(struct rig *r)
{
    if (r->resolves) {
        r->resolves = 0;
        dbr_engine_resolved(r->engine, r->ticket, r->names, r->no_names ? 0 : r->n_names, &r->now);
        return true;
    }
    if (r->net_due) {
        r->net_due = false;
        dbr_engine_net_done(r->engine, 0, "", &r->now);
        return true;
    }
    return false;
}

static bool step(struct rig *r, uint64_t limit_ns)
{
    size_t which = 0;
    if (surroundings(r))
        return true;
    uint64_t wire = wire_at(r, &which), client = dbr_engine_deadline(r->engine),
             server = r->session && r->server_up ? dbr_session_deadline(r->session) : UINT64_MAX;
    uint64_t at = wire < client ? wire : client;
    at = server < at ? server : at;
    if (at > limit_ns)
        return false;
    clock_to(r, at);
    if (at == wire)
        deliver(r, which);
    else if (at == client)
        dbr_engine_tick(r->engine, &r->now);
    else {
        dbr_session_tick(r->session, &r->now);
        if (dbr_session_state(r->session) == DBR_SESSION_DEAD)
            forget_session(r);
    }
    return true;
}

void rig_run(struct rig *r, uint64_t ms)
{
    uint64_t limit = r->now.ns + ms * MS_NS;
    while (step(r, limit))
        ;
    clock_to(r, limit);
}

bool rig_until(struct rig *r, enum dbr_engine_state state, unsigned limit_s)
{
    uint64_t limit = r->now.ns + limit_s * 1000 * MS_NS;
    while (dbr_engine_state(r->engine) != state && step(r, limit))
        ;
    return dbr_engine_state(r->engine) == state;
}

/* ---- hands ---- */

void rig_start(struct rig *r)
{
    dbr_engine_start(r->engine, &r->now);
}

void rig_answer(struct rig *r, enum dbr_engine_ask kind, const char *user, const char *secret)
{
    dbr_engine_answer(r->engine, kind, user, secret, &r->now);
}

void rig_server_dies(struct rig *r)
{
    r->server_up = false;
    forget_session(r);
}

void rig_server_lives(struct rig *r)
{
    r->server_up = true;
}

void rig_server_says(struct rig *r, const char *text)
{
    if (r->session)
        dbr_session_say(r->session, text, &r->now);
}

void rig_client_frame(struct rig *r, const uint8_t *frame, size_t len)
{
    uint8_t room[DBR_ENGINE_HEADROOM + RIG_DGRAM * 2 + DBR_ENGINE_TAILROOM];
    memcpy(room + DBR_ENGINE_HEADROOM, frame, len);
    dbr_engine_frame(r->engine, room + DBR_ENGINE_HEADROOM, len, &r->now);
}

static void server_sends(struct rig *r, const uint8_t *payload, size_t len, bool framed)
{
    uint8_t room[DBR_SLOT_HEADROOM + DBR_FRAMING_HEADROOM + RIG_DGRAM + DBR_CBC_BLOCK];
    uint8_t *text = room + DBR_SLOT_HEADROOM + DBR_FRAMING_HEADROOM;
    struct dbr_aead_job job;
    if (r->primary < 0)
        return;
    struct dbr_slot *s = &r->slots[r->primary];
    memcpy(text, payload, len);
    if (framed)
        dbr_framing_add(dbr_session_framing(r->session), &text, &len);
    if (dbr_slot_seal_prepare(s, text, (uint32_t)len, &job))
        return;
    dbr_aead_seal(s->seal, &job, 1);
    size_t head = dbr_slot_headroom(s);
    enqueue(r, false, &r->server_addr, &r->client_addr, job.text - head, head + job.len);
}

void rig_server_frame(struct rig *r, const uint8_t *payload, size_t len)
{
    server_sends(r, payload, len, true);
}

void rig_server_raw(struct rig *r, const uint8_t *payload, size_t len)
{
    server_sends(r, payload, len, false);
}

unsigned rig_count(const struct rig *r, char kind, unsigned number)
{
    unsigned n = 0;
    for (size_t i = 0; i < r->n_events; i++)
        n += r->events[i].kind == kind && r->events[i].number == number;
    return n;
}

const char *rig_last(const struct rig *r, char kind)
{
    for (size_t i = r->n_events; i-- > 0;)
        if (r->events[i].kind == kind)
            return r->events[i].text;
    return "";
}

/* ---- life ---- */

/* The client's key as its profile has it: locked where there is a passphrase. */
static void key_text(const char *passphrase, char *out, size_t cap)
{
    if (!passphrase) {
        snprintf(out, cap, "%s", client_id->key_pem);
        return;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    PEM_write_bio_PKCS8PrivateKey(bio, client_id->key, EVP_aes_256_cbc(), passphrase, (int)strlen(passphrase),
                                  NULL, NULL);
    long n = BIO_get_mem_data(bio, &text);
    snprintf(out, cap, "%.*s", (int)n, text);
    BIO_free(bio);
}

static size_t static_key_text(char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, "-----BEGIN OpenVPN Static key V1-----\n");
    for (size_t i = 0; i < sizeof static_key; i++)
        n += (size_t)snprintf(out + n, cap - n, "%02x%s", static_key[i], i % 16 == 15 ? "\n" : "");
    return n + (size_t)snprintf(out + n, cap - n, "-----END OpenVPN Static key V1-----\n");
}

static void gate_text(const struct rig *r, char *out, size_t cap)
{
    char key[4096];
    static_key_text(key, sizeof key);
    *out = 0;
    if (r->opt.v2) {
        struct dbr_own_key own;
        static const uint8_t metadata[1] = {DBR_WKC_TYPE_TIME};
        memcpy(own.key, static_key, sizeof own.key);
        int n = dbr_wkc_seal(r->wkc, static_key, metadata, sizeof metadata, own.wkc);
        own.wkc_len = (size_t)n;
        if (n < 0 || dbr_own_key_write(&own, key, sizeof key) < 0)
            exit(1);
        snprintf(out, cap, "<tls-crypt-v2>\n%s</tls-crypt-v2>\n", key);
    } else if (r->opt.gate == DBR_GATE_TLS_CRYPT)
        snprintf(out, cap, "<tls-crypt>\n%s</tls-crypt>\n", key);
    else if (r->opt.gate == DBR_GATE_TLS_AUTH)
        snprintf(out, cap, "key-direction 1\n<tls-auth>\n%s</tls-auth>\n", key);
}

static size_t profile_text(const struct rig *r, char *out, size_t cap)
{
    char key[8192], gate[8192];
    key_text(r->opt.passphrase, key, sizeof key);
    gate_text(r, gate, sizeof gate);
    return (size_t)snprintf(
        out, cap,
        "client\ndev tap\nproto udp\nremote gate.example 1194\nnobind\nremote-cert-tls server\n"
        "auth SHA256\ndata-ciphers %s\nserver-poll-timeout 10\nconnect-retry 1 8\n%s\n<ca>\n%s</ca>\n"
        "<cert>\n%s</cert>\n<key>\n%s</key>\n%s",
        r->cfg.data_ciphers, r->opt.profile ? r->opt.profile : "", ca->pem, client_id->pem, key, gate);
}

static void make_server(struct rig *r)
{
    char why[512];
    const struct rig_options *o = &r->opt;
    const struct pki_id *id = o->stranger ? stranger_id : server_id;
    enum dbr_gate_kind kind = o->v2 ? DBR_GATE_TLS_CRYPT : o->gate;
    struct dbr_tls_config t = {.server = true,
                               .ca = ca->pem,
                               .ca_len = ca->pem_len,
                               .cert = id->pem,
                               .cert_len = id->pem_len,
                               .key = id->key_pem,
                               .key_len = id->key_pem_len};
    r->cfg =
        (struct dbr_session_config){.server = true,
                                    .static_key = kind == DBR_GATE_NONE ? NULL : static_key,
                                    .data_ciphers = o->ciphers ? o->ciphers : "AES-256-GCM:CHACHA20-POLY1305",
                                    .auth = "SHA256",
                                    .key_direction = 0,
                                    .tun_mtu = 1500,
                                    .hand_window_s = 60,
                                    .tran_window_s = 3600,
                                    .tls_timeout_s = 2,
                                    .platform = "linux",
                                    .ops = &server_ops,
                                    .arg = r};
    if (dbr_tls_ctx_new(&r->cfg.tls, &t, why, sizeof why) || dbr_wkc_new(&r->wkc, wrap_key) ||
        dbr_gate_new(&r->gate, kind, static_key, 0, "SHA256")) {
        fprintf(stderr, "%s\n", why);
        exit(1);
    }
    r->cfg.gate = r->gate;
    memset(r->cookie.key, 0x5c, sizeof r->cookie.key);
    r->cookie.slot_seconds = 30;
    r->primary = -1;
    r->server_up = true;
}

struct rig *rig_new(const struct rig_options *opt, uint64_t seed)
{
    static char profile[PROFILE];
    struct rig *r = calloc(1, sizeof *r);
    if (!r)
        exit(1);
    rig_pki();
    r->opt = *opt;
    r->rng = seed * 0x2545f4914f6cdd1du + 1;
    clock_to(r, 1000 * MS_NS);
    r->server_addr = (struct dbr_addr){.family = 4, .port = 1194, .ip = {10, 9, 0, 1}};
    r->own = (struct dbr_addr){.family = 4, .port = 40000, .ip = {10, 9, 0, 11}};
    r->names[r->n_names++] = r->server_addr;
    make_server(r);
    size_t n = profile_text(r, profile, sizeof profile);
    dbr_engine_new(&r->engine, profile, n, &engine_ops, r, r->why, sizeof r->why);
    return r;
}

void rig_free(struct rig *r)
{
    dbr_engine_free(r->engine);
    forget_session(r);
    dbr_tls_ctx_put(r->cfg.tls);
    dbr_gate_free(r->gate);
    dbr_wkc_free(r->wkc);
    free(r);
}
