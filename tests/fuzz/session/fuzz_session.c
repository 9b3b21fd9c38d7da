/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Stateful fuzzing of the whole control channel: the input is a script that a man with the gate key plays
 * between two real ends. Each step lets time pass, drops, repeats, swaps or mutates the oldest datagram on
 * the wire (mutations behind the gate are sealed again, so that they pass it), injects a packet of his own,
 * starts a renegotiation, or closes. Held all the time: what leaves an end carries its own session id, keys
 * are only handed out after admission, no crash, no leak, and an end that is CLOSING dies within its five
 * seconds.
 */
#include "sim.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_STEPS = 400 };

struct script {
    struct dbr_reader r;
    struct sim *sim;
    struct dbr_gate *forger; /* seals as either side */
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void spy(struct sim *sim, const struct sim_dgram *d)
{
    struct sim_end *end = d->to_server ? &sim->client : &sim->server;
    if (end->session && dbr_session_local_sid(end->session))
        must(dbr_get64(d->bytes + 1) == dbr_session_local_sid(end->session));
}

static size_t oldest(const struct sim *sim)
{
    size_t best = 0;
    for (size_t i = 1; i < sim->n_queue; i++)
        if (sim->queue[i].order < sim->queue[best].order)
            best = i;
    return best;
}

/* Opens, changes up to 4 bytes or the length behind the gate, and seals with a fresh replay id. */
static void mutate_behind_gate(struct script *s, struct sim_dgram *d)
{
    struct dbr_gated g;
    struct sim_dgram copy = *d;
    uint8_t inner[SIM_MAX_DGRAM];
    if (dbr_opcode_is_data(dbr_opcode_of(d->bytes[0])) || dbr_gate_open(s->forger, copy.bytes, copy.len, &g))
        return;
    size_t len = g.inner_len;
    memcpy(inner, g.inner, len);
    for (unsigned n = dbr_read8(&s->r) % 5; n && len; n--) {
        size_t at = dbr_read16(&s->r) % len;
        inner[at] = dbr_read8(&s->r);
    }
    if (dbr_read8(&s->r) % 8 == 0 && len)
        len = dbr_read16(&s->r) % (len + 1);
    if (dbr_read8(&s->r) % 8 == 0)
        g.first = dbr_read8(&s->r);
    int n = dbr_gate_seal(s->forger, g.first, g.sid, g.replay_id + dbr_read8(&s->r) % 4, g.replay_time, inner,
                          len, d->bytes, sizeof d->bytes);
    d->len = n > 0 ? (size_t)n : d->len;
}

/* A packet of the forger's own making, with the right session ids. */
static void inject(struct script *s)
{
    struct sim *sim = s->sim;
    bool to_server = dbr_read8(&s->r) & 1;
    struct sim_end *from = to_server ? &sim->client : &sim->server,
                   *to = to_server ? &sim->server : &sim->client;
    uint8_t payload[256], inner[512], dgram[1024];
    struct dbr_control c = {.opcode = dbr_read8(&s->r) % 12, .key_id = dbr_read8(&s->r) & 7, .has_id = true};
    if (!from->session || !to->session)
        return;
    c.n_acks = dbr_read8(&s->r) % 9;
    for (size_t i = 0; i < c.n_acks && i < DBR_MAX_ACKS; i++)
        c.acks[i] = dbr_read8(&s->r);
    c.peer_sid = dbr_session_local_sid(to->session);
    c.id = dbr_read8(&s->r);
    c.payload_len = dbr_read8(&s->r);
    for (size_t i = 0; i < c.payload_len; i++)
        payload[i] = dbr_read8(&s->r);
    c.payload = payload;
    if (c.opcode == DBR_OP_ACK)
        c.has_id = false;
    int n = dbr_control_write(&c, inner, sizeof inner);
    if (n < 0)
        return;
    n = dbr_gate_seal(s->forger, dbr_first_byte(c.opcode, c.key_id), dbr_session_local_sid(from->session),
                      10000 + dbr_read16(&s->r), (uint32_t)sim->now.unix_s, inner, (size_t)n, dgram,
                      sizeof dgram);
    if (n > 0)
        sim_inject(sim, to_server, dgram, (size_t)n);
}

static void wire_step(struct script *s, unsigned what)
{
    struct sim *sim = s->sim;
    if (!sim->n_queue)
        return;
    size_t i = oldest(sim);
    switch (what) {
    case 0: sim->queue[i] = sim->queue[--sim->n_queue]; break;
    case 1:
        if (sim->n_queue < SIM_MAX_QUEUE)
            sim->queue[sim->n_queue++] = sim->queue[i];
        break;
    case 2: sim->queue[i].at_ns += (uint64_t)dbr_read8(&s->r) * 10000000; break;
    case 3: mutate_behind_gate(s, &sim->queue[i]); break;
    case 4:
        if (sim->queue[i].len)
            sim->queue[i].bytes[dbr_read16(&s->r) % sim->queue[i].len] ^= dbr_read8(&s->r);
        break;
    }
}

static struct sim_end *pick(struct script *s)
{
    struct sim_end *end = dbr_read8(&s->r) & 1 ? &s->sim->server : &s->sim->client;
    return end->session ? end : &s->sim->client;
}

static void step(struct script *s)
{
    struct sim *sim = s->sim;
    uint8_t op = dbr_read8(&s->r) % 16;
    if (op < 6) {
        sim_run(sim, (uint64_t)dbr_read8(&s->r) * (op == 5 ? 400 : 5));
    } else if (op < 11) {
        wire_step(s, op - 6);
    } else if (op == 11) {
        inject(s);
    } else if (op == 12) {
        dbr_session_renegotiate(pick(s)->session, &sim->now);
    } else if (op == 13) {
        dbr_session_key_used(pick(s)->session, dbr_read8(&s->r) & 7, &sim->now);
    } else if (op == 14) {
        dbr_session_verdict(pick(s)->session, dbr_read8(&s->r) & 1 ? 0 : DBR_ERR_CERT, "no", &sim->now);
    } else if (dbr_read8(&s->r) % 16 == 0) {
        dbr_session_close(pick(s)->session, "RESTART", "test", &sim->now);
    }
    if (sim->server.session && !dbr_session_authenticated(sim->server.session))
        must(sim->server.n_keys == 0 && sim->server.n_push == 0);
    must(!sim->opt.p2p_server || sim->server.n_push == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int verdicts[] = {0, 0, 0, DBR_ERR_AGAIN, DBR_ERR_CERT};
    struct script s;
    struct sim_options o = {.wire = {.delay_ms = 5}, .gate = DBR_GATE_TLS_AUTH, .direction = -1};
    dbr_reader_init(&s.r, data, size);
    uint8_t flags = dbr_read8(&s.r);
    o.authorize = verdicts[flags % 5];
    o.tls_max = flags & 64 ? 12 : 0;
    o.no_dyn_tls_crypt = flags & 128;
    o.p2p_client = flags & 8;
    o.p2p_server = flags & 16;
    s.sim = sim_new(&o, 1);
    s.sim->spy = spy;
    s.forger = s.sim->server.gate; /* without direction both sides use one key */
    if (flags & 32)
        sim_connect(s.sim, 60);
    for (int i = 0; i < MAX_STEPS && dbr_reader_left(&s.r); i++)
        step(&s);
    if (s.sim->server.session && dbr_session_state(s.sim->server.session) == DBR_SESSION_CLOSING) {
        sim_run(s.sim, 5001);
        must(dbr_session_state(s.sim->server.session) == DBR_SESSION_DEAD ||
             dbr_session_state(s.sim->client.session) == DBR_SESSION_DEAD);
    }
    sim_free(s.sim);
    return 0;
}
