/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both ends of the control channel over good and bad wires.
 */
#include "sim.h"
#include "base/err.h"
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct sim_wire good = {.delay_ms = 10};
static const struct sim_wire bad20 = {
    .loss = 20, .dup = 10, .corrupt = 5, .reorder = 20, .delay_ms = 15, .jitter_ms = 10};

/* Every gate, digest, direction, cipher and TLS version gives a session with matching keys. */
static void test_combinations(void **state)
{
    (void)state;
    static const struct sim_options cases[] = {
        {.gate = DBR_GATE_NONE},
        {.gate = DBR_GATE_TLS_AUTH, .direction = 0},
        {.gate = DBR_GATE_TLS_AUTH, .direction = 1, .digest = "SHA256"},
        {.gate = DBR_GATE_TLS_AUTH, .direction = -1, .digest = "SHA512"},
        {.gate = DBR_GATE_TLS_CRYPT},
        {.gate = DBR_GATE_TLS_CRYPT, .v2 = true},
        {.gate = DBR_GATE_TLS_CRYPT, .v2 = true, .metadata = 9, .tls_max = 12},
        {.gate = DBR_GATE_TLS_CRYPT, .v2 = true, .metadata = DBR_WKC_METADATA_MAX},
        {.gate = DBR_GATE_TLS_CRYPT, .tls_max = 12},
        {.gate = DBR_GATE_TLS_AUTH, .tls_max = 12, .ciphers_client = "CHACHA20-POLY1305"},
        {.gate = DBR_GATE_TLS_AUTH, .ciphers_client = "AES-128-GCM", .no_dyn_tls_crypt = true},
        {.gate = DBR_GATE_TLS_AUTH,
         .ciphers_client = "AES-256-CBC",
         .ciphers_server = "AES-256-GCM:AES-256-CBC"},
        {.gate = DBR_GATE_TLS_AUTH,
         .digest = "SHA512",
         .ciphers_client = "AES-128-CBC",
         .ciphers_server = "AES-128-CBC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o = cases[i];
        o.wire = good;
        struct sim *sim = sim_new(&o, i);
        if (!sim_connect(sim, 10))
            fail_msg("case %zu: client %d, server %d", i, dbr_session_state(sim->client.session),
                     sim->server.session ? (int)dbr_session_state(sim->server.session) : -1);
        assert_true(sim_keys_match(sim, 0));
        assert_int_equal(sim->client.n_push, 1);
        assert_non_null(strstr(sim->client.pushed, "route-gateway 192.0.2.1"));
        assert_int_equal(dbr_session_peer_id(sim->client.session), 7);
        assert_string_equal(dbr_session_peer(sim->server.session)->cn, "alice");
        assert_string_equal(dbr_session_peer(sim->client.session)->cn, "gate.example");
        if (o.ciphers_client)
            assert_int_equal(sim->client.keys[0].cipher,
                             dbr_cipher_by_name(o.ciphers_client, strlen(o.ciphers_client)));
        /* a connect on a good wire takes few round trips: no timer was waited for */
        assert_true(sim->now.ns < 1000000000ull + 500 * 1000000ull);
        sim_free(sim);
    }
}

static void test_no_common_cipher(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good,
                            .gate = DBR_GATE_TLS_AUTH,
                            .ciphers_client = "AES-128-GCM",
                            .ciphers_server = "CHACHA20-POLY1305"};
    struct sim *sim = sim_new(&o, 1);
    assert_false(sim_connect(sim, 30));
    assert_false(sim->server.has_key[0]);
    assert_non_null(strstr(sim->client.last_message, "no shared cipher"));
    sim_free(sim);
}

/* A server may push a cipher that the client offered, or its fallback; nothing else. */
static void test_pushed_cipher(void **state)
{
    static const struct {
        const char *offered, *pushed;
        enum dbr_cipher fallback;
        bool good;
    } cases[] = {
        {"AES-256-GCM", "cipher AES-256-GCM", DBR_CIPHER_NONE, true},
        {"AES-256-GCM", "cipher AES-128-CBC", DBR_CIPHER_NONE, false},
        {"AES-256-GCM", "cipher AES-128-GCM", DBR_CIPHER_NONE, false},
        {"AES-256-GCM:AES-128-CBC", "cipher AES-128-CBC", DBR_CIPHER_NONE, true},
        {"AES-256-GCM", "cipher AES-128-CBC", DBR_AES_128_CBC, true},
        {"AES-256-GCM", "cipher none", DBR_CIPHER_NONE, false},
        {"AES-256-GCM", "cipher BF-CBC", DBR_CIPHER_NONE, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o = {.wire = good,
                                .gate = DBR_GATE_TLS_AUTH,
                                .ciphers_client = cases[i].offered,
                                .fallback_client = cases[i].fallback,
                                .extra_push = cases[i].pushed};
        struct sim *sim = sim_new(&o, i);
        bool up = sim_connect(sim, 30);
        if (up != cases[i].good)
            fail_msg("%s offered, %s", cases[i].offered, cases[i].pushed);
        assert_int_equal(sim->client.has_key[0], cases[i].good);
        const char *name = cases[i].pushed + 7;
        assert_true(!up || sim->client.keys[0].cipher == dbr_cipher_by_name(name, strlen(name)));
        sim_free(sim);
    }
}

/* Both ends come to the same framing from what the client's own configuration has, whatever is pushed. */
static void test_framing(void **state)
{
    static const struct {
        enum dbr_framing own;
        const char *extra_push, *pushed;
        enum dbr_framing want;
    } cases[] = {
        {DBR_FRAMING_NONE, NULL, NULL, DBR_FRAMING_OFFLOAD},
        {DBR_FRAMING_COMP_LZO, NULL, "compress stub-v2", DBR_FRAMING_STUB_V2},
        {DBR_FRAMING_COMPRESS_SWAP, NULL, "compress stub-v2", DBR_FRAMING_STUB_V2},
        {DBR_FRAMING_STUB_V2, NULL, "compress stub-v2", DBR_FRAMING_STUB_V2},
        {DBR_FRAMING_NONE, "compress lz4-v2", NULL, DBR_FRAMING_OFFLOAD},
        {DBR_FRAMING_NONE, "comp-lzo yes", NULL, DBR_FRAMING_OFFLOAD},
        {DBR_FRAMING_COMP_LZO, "comp-lzo yes", "compress stub-v2", DBR_FRAMING_STUB_V2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o = {.wire = good,
                                .gate = DBR_GATE_TLS_AUTH,
                                .framing_client = cases[i].own,
                                .extra_push = cases[i].extra_push};
        struct sim *sim = sim_new(&o, i);
        assert_true(sim_connect(sim, 30));
        const char *comp = strstr(sim->client.pushed, "comp");
        if (!comp != !cases[i].pushed ||
            (comp && strncmp(comp, cases[i].pushed, strlen(cases[i].pushed)) != 0))
            fail_msg("case %zu: %s", i, sim->client.pushed);
        assert_int_equal(dbr_session_framing(sim->client.session), cases[i].want);
        assert_int_equal(dbr_session_framing(sim->server.session), cases[i].want);
        sim_free(sim);
    }
}

/* 20 % loss with duplicates, reordering and flipped bits: every seed completes within the hand window. */
static void test_bad_wire(void **state)
{
    (void)state;
    unsigned seeds = getenv("SIM_SEEDS") ? (unsigned)atoi(getenv("SIM_SEEDS")) : 1000;
    uint64_t total = 0;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        struct sim_options o = {.wire = bad20,
                                .gate = seed % 3 ? DBR_GATE_TLS_AUTH : DBR_GATE_TLS_CRYPT,
                                .v2 = seed % 6 == 0,
                                .metadata = seed % 12 ? 9 : DBR_WKC_METADATA_MAX};
        struct sim *sim = sim_new(&o, seed);
        if (!sim_connect(sim, 60))
            fail_msg("seed %u did not connect: client %s, server %s", seed,
                     dbr_session_why(sim->client.session),
                     sim->server.session ? dbr_session_why(sim->server.session) : "no session");
        if (!sim_keys_match(sim, 0))
            fail_msg("seed %u: keys differ", seed);
        total += sim->now.ns;
        sim_free(sim);
    }
    print_message("%u seeds at 20 %% loss, mean %.2f s of virtual time\n", seeds,
                  (double)total / seeds / 1e9 - 1);
}

static void test_40_percent(void **state)
{
    (void)state;
    unsigned done = 0, seeds = 100;
    for (unsigned seed = 1; seed <= seeds; seed++) {
        struct sim_options o = {.wire = {.loss = 40, .delay_ms = 15}, .gate = DBR_GATE_TLS_AUTH};
        struct sim *sim = sim_new(&o, seed);
        done += sim_connect(sim, 60) && sim_keys_match(sim, 0);
        sim_free(sim);
    }
    print_message("%u of %u seeds at 40 %% loss\n", done, seeds);
    assert_true(done >= seeds * 80 / 100);
}

/* Same seed, same run: the datagrams that leave are the same in number and end at the same instant. */
static void test_deterministic(void **state)
{
    (void)state;
    uint64_t sent[2], at[2];
    for (int i = 0; i < 2; i++) {
        struct sim_options o = {.wire = {.loss = 20, .delay_ms = 15}, .gate = DBR_GATE_TLS_AUTH};
        struct sim *sim = sim_new(&o, 77);
        assert_true(sim_connect(sim, 60));
        sent[i] = sim->client.sent + sim->server.sent;
        at[i] = sim->now.ns;
        sim_free(sim);
    }
    assert_int_equal(sent[0], sent[1]);
    assert_int_equal(at[0], at[1]);
}

static void check_wrap(struct sim *sim, unsigned rounds)
{
    unsigned seen7 = 0;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned before = sim->server.n_keys;
        for (int ms = 0;
             ms < 60000 && (sim->server.n_keys == before || sim->client.n_keys < sim->server.n_keys);
             ms += 100) {
            sim_run(sim, 100);
            uint8_t s = sim->server.send_key;
            if (dbr_session_state(sim->client.session) == DBR_SESSION_ACTIVE && sim->client.has_key[s])
                dbr_session_key_used(sim->client.session, s, &sim->now);
        }
        assert_true(sim->server.n_keys > before);
        seen7 += sim->server.has_key[7];
        /* whatever key an end sends with, the other end has */
        assert_true(sim->client.has_key[sim->server.send_key]);
        assert_true(sim->server.has_key[sim->client.send_key]);
        assert_true(sim_keys_match(sim, sim->server.send_key));
    }
    assert_true(seen7 > 0);
}

/* Key ids run 0, 1 .. 7, 1 ..: server, client or both start it; dyn-tls-crypt on and off. */
static void test_renegotiation(void **state)
{
    (void)state;
    static const struct {
        uint32_t client, server;
        unsigned loss;
        bool no_dyn;
    } cases[] = {{0, 10, 0, false}, {10, 0, 0, false}, {10, 10, 0, true}, {12, 11, 20, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_options o = {.wire = {.delay_ms = 10, .loss = cases[i].loss},
                                .gate = DBR_GATE_TLS_AUTH,
                                .reneg_client_s = cases[i].client,
                                .reneg_server_s = cases[i].server,
                                .no_dyn_tls_crypt = cases[i].no_dyn};
        struct sim *sim = sim_new(&o, 5 + i);
        assert_true(sim_connect(sim, 60));
        check_wrap(sim, 12);
        assert_int_equal(dbr_session_state(sim->client.session), DBR_SESSION_ACTIVE);
        assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_ACTIVE);
        sim_free(sim);
    }
}

/* A renegotiation that somebody thinks about: the old key serves, nothing else begins, and the answer counts.
 */
static void test_renegotiation_is_judged(void **state)
{
    (void)state;
    for (int good_end = 0; good_end < 2; good_end++) {
        struct sim_options o = {.wire = good,
                                .gate = DBR_GATE_TLS_AUTH,
                                .reneg_client_s = good_end ? 10 : 0,
                                .reneg_server_s = 10,
                                .reauthorize = DBR_ERR_AGAIN};
        struct sim *sim = sim_new(&o, 1);
        assert_true(sim_connect(sim, 20));
        assert_false(dbr_session_waits(sim->server.session));
        sim_run(sim, 12000);
        assert_true(dbr_session_waits(sim->server.session));
        assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_ACTIVE);
        assert_int_equal(sim->server.n_asked, 1);
        assert_string_equal(sim->server.heard, "alice/secret");
        assert_string_equal(dbr_session_password(sim->server.session), "");
        assert_true(sim->server.has_key[0] && !sim->server.has_key[1]);
        assert_int_equal(sim->server.send_key, 0);
        dbr_session_verdict(sim->server.session, good_end ? 0 : DBR_ERR_CERT, "no", &sim->now);
        assert_int_equal(sim->server.has_key[1], good_end);
        assert_int_equal(sim->server.has_key[0], good_end);
        assert_false(dbr_session_waits(sim->server.session));
        sim->opt.reauthorize = 0;
        sim_run(sim, 30000);
        assert_int_equal(dbr_session_state(sim->server.session),
                         good_end ? DBR_SESSION_ACTIVE : DBR_SESSION_DEAD);
        if (good_end)
            assert_true(sim->server.n_asked > 1);
        else
            assert_non_null(strstr(sim->client.last_message, ",no"));
        sim_free(sim);
    }
}

static void test_renegotiation_refused(void **state)
{
    (void)state;
    struct sim_options o = {
        .wire = good, .gate = DBR_GATE_TLS_AUTH, .reneg_client_s = 10, .reauthorize = DBR_ERR_CERT};
    struct sim *sim = sim_new(&o, 1);
    assert_true(sim_connect(sim, 20));
    sim_run(sim, 30000);
    assert_int_equal(sim->server.n_asked, 1);
    assert_false(sim->server.has_key[0] || sim->server.has_key[1]);
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_DEAD);
    sim_free(sim);
}

/* Frames in flight, one a millisecond from each end: under which key each was sent. */
struct flight {
    uint8_t key[2][1024];
    unsigned lost;
};

/* One millisecond: what was sent DELAY ms ago arrives; the data process tells of the first frame under a key.
 */
static void one_ms(struct sim *sim, struct flight *f, unsigned t, unsigned delay)
{
    struct sim_end *ends[] = {&sim->client, &sim->server};
    for (unsigned i = 0; i < 2; i++) {
        struct sim_end *to = ends[!i];
        if (t >= delay) {
            uint8_t id = f->key[i][(t - delay) % 1024];
            f->lost += !to->has_key[id];
            if (to->has_key[id] && id != to->send_key)
                dbr_session_key_used(to->session, id, &sim->now);
        }
        f->key[i][t % 1024] = ends[i]->send_key;
    }
    sim_run(sim, 1);
}

/* Of datagrams that come together one answer acknowledges all, or one packet at the owner's next tick. */
static void test_acknowledged_together(void **state)
{
    (void)state;
    struct sim_options o = {.gate = DBR_GATE_TLS_AUTH};
    struct sim *sim = sim_new(&o, 4);
    assert_true(sim_connect(sim, 20));
    sim_run(sim, 1000);
    uint64_t sent = sim->client.sent;
    struct sim_dgram both[2];
    assert_int_equal(sim->n_queue, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(dbr_session_say(sim->server.session, "INFO,lunch is ready", &sim->now), 0);
    assert_int_equal(sim->n_queue, 2);
    memcpy(both, sim->queue, sizeof both);
    sim->n_queue = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(dbr_session_feed(sim->client.session, both[i].bytes, both[i].len, &sim->now), 0);
    assert_int_equal(sim->client.sent, sent);
    assert_int_equal(dbr_session_deadline(sim->client.session), sim->now.ns);
    dbr_session_tick(sim->client.session, &sim->now);
    assert_int_equal(sim->client.sent, sent + 1);
    assert_true(dbr_session_deadline(sim->client.session) > sim->now.ns);
    sim_free(sim);
}

/* Counts acknowledgements of key id 1 alone, by direction. */
static void count_acks(struct sim *sim, const struct sim_dgram *d)
{
    unsigned *n = sim->spy_arg;
    if (dbr_opcode_of(d->bytes[0]) == DBR_OP_ACK && dbr_key_id_of(d->bytes[0]) == 1)
        n[d->to_server]++;
}

/* The last acknowledgement of a renegotiation is said three times more; stock OpenVPN waits for it. And the
 * time to swap waits until the peer has been quiet for its tls-timeout. */
static void test_last_acknowledgement_is_repeated(void **state)
{
    (void)state;
    struct sim_options o = {
        .wire = {.delay_ms = 10}, .gate = DBR_GATE_TLS_AUTH, .reneg_client_s = 5, .hand_window_s = 60};
    struct sim *sim = sim_new(&o, 3);
    unsigned acks[2] = {0};
    assert_true(sim_connect(sim, 60));
    sim->spy = count_acks;
    sim->spy_arg = acks;
    while (!sim->client.has_key[1])
        sim_run(sim, 1);
    uint64_t installed_ns = sim->now.ns;
    sim_run(sim, 60);
    unsigned early = acks[1];
    sim_run(sim, 900);
    assert_int_equal(acks[1], early + 3);
    sim_run(sim, 1400);
    assert_int_equal(acks[1], early + 3);
    assert_int_equal(sim->client.n_swaps, 0); /* half of reneg-sec would be 2.5 s after the beginning */
    while (!sim->client.n_swaps)
        sim_run(sim, 1);
    assert_true(sim->now.ns - installed_ns > 2400000000 && sim->now.ns - installed_ns < 2700000000);
    sim_free(sim);
}

/* Each end sends with a key only when the other has it, however long the key messages are on their way. */
static void test_no_frame_is_lost_by_new_keys(void **state)
{
    (void)state;
    static const struct {
        uint32_t client, server;
        unsigned loss;
    } cases[] = {{5, 5, 5}, {5, 5, 25}, {0, 5, 25}, {5, 0, 25}, {5, 5, 40}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned seed = 0; seed < 6; seed++) {
            struct sim_options o = {.wire = {.delay_ms = 10, .loss = cases[i].loss},
                                    .gate = DBR_GATE_TLS_AUTH,
                                    .reneg_client_s = cases[i].client,
                                    .reneg_server_s = cases[i].server};
            struct sim *sim = sim_new(&o, 70 + seed);
            struct flight f = {.lost = 0};
            assert_true(sim_connect(sim, 100));
            for (unsigned t = 0; t < 60000; t++)
                one_ms(sim, &f, t, 10);
            if (f.lost)
                fail_msg("case %zu, seed %u: %u frames came under a key that was not there", i, seed, f.lost);
            assert_true(sim->server.n_swaps >= 2 && sim->client.n_swaps >= 2);
            sim_free(sim);
        }
}

/* A revoked certificate hears the TLS alert and gets no key. */
static void test_revoked(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .revoked = true};
    struct sim *sim = sim_new(&o, 1);
    assert_false(sim_connect(sim, 30));
    assert_false(sim->server.has_key[0]);
    assert_false(sim->client.has_key[0]);
    assert_false(dbr_session_authenticated(sim->server.session));
    sim_free(sim);
}

static void test_refused(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .authorize = DBR_ERR_CERT};
    struct sim *sim = sim_new(&o, 1);
    assert_false(sim_connect(sim, 30));
    assert_false(sim->server.has_key[0]);
    assert_string_equal(sim->client.last_message, "4,not today");
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_DEAD);
    sim_free(sim);
}

/* While the verdict is out there is no data key and no push, however often the client asks. */
static void test_verdict(void **state)
{
    (void)state;
    for (int good_end = 0; good_end < 2; good_end++) {
        struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .authorize = DBR_ERR_AGAIN};
        struct sim *sim = sim_new(&o, 1);
        assert_false(sim_connect(sim, 20));
        assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_VERDICT);
        assert_int_equal(sim->server.n_push, 0);
        assert_false(sim->server.has_key[0]);
        dbr_session_verdict(sim->server.session, good_end ? 0 : DBR_ERR_CERT, "no", &sim->now);
        assert_int_equal(sim_connect(sim, 20), good_end);
        assert_int_equal(sim->server.has_key[0], good_end);
        sim_free(sim);
    }
}

/* C18: each answer of chain and lists, of the policy, and of what was asked elsewhere. Options and data keys
 * are there only when all of them are good, however often the client asks in between. */
static void test_every_verdict(void **state)
{
    (void)state;
    static const enum dbr_verify chains[] = {DBR_VERIFY_OK, DBR_VERIFY_BAD, DBR_VERIFY_REVOKED};
    static const int policies[] = {0, DBR_ERR_AGAIN, DBR_ERR_CERT, DBR_ERR_NOMEM};
    enum { GOOD, BAD, NEVER, LATER };
    for (int i = 0; i < 3 * 4 * LATER; i++) {
        enum dbr_verify chain = chains[i % 3];
        int policy = policies[i / 3 % 4], later = i / 12;
        struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .chain = chain, .authorize = policy};
        struct sim *sim = sim_new(&o, 1);
        bool at_once = chain == DBR_VERIFY_OK && policy == 0;
        bool pending = chain == DBR_VERIFY_OK && policy == DBR_ERR_AGAIN;
        bool up = sim_connect(sim, 12); /* two PUSH_REQUESTs long */
        if (up != at_once || sim->server.has_key[0] != at_once || (sim->server.n_push > 0) != at_once)
            fail_msg("case %d: %s, %u pushes", i, up ? "up" : "not up", sim->server.n_push);
        if (later != NEVER && sim->server.session) /* says nothing to a session that does not wait for it */
            dbr_session_verdict(sim->server.session, later == GOOD ? 0 : DBR_ERR_CERT, "no", &sim->now);
        sim_connect(sim, 12);
        bool good_end = at_once || (pending && later == GOOD);
        if (sim->server.has_key[0] != good_end || (sim->server.n_push > 0) != good_end ||
            sim->client.has_key[0] != good_end)
            fail_msg("case %d, in the end: %u pushes", i, sim->server.n_push);
        sim_free(sim);
    }
}

/* Two ends without push: keys at once, all that both can do, one peer id out of the exporter. */
static void test_p2p(void **state)
{
    (void)state;
    for (int no_dyn = 0; no_dyn < 2; no_dyn++) {
        struct sim_options o = {.wire = good,
                                .gate = DBR_GATE_TLS_AUTH,
                                .p2p_client = true,
                                .p2p_server = true,
                                .framing_client = DBR_FRAMING_COMP_LZO,
                                .no_dyn_tls_crypt = no_dyn,
                                .reneg_client_s = 30};
        struct sim *sim = sim_new(&o, (uint64_t)no_dyn);
        assert_true(sim_connect(sim, 2));
        const struct dbr_data_keys *c = &sim->client.keys[0], *s = &sim->server.keys[0];
        assert_true(sim_keys_match(sim, 0) && c->use_v2 && s->use_v2);
        assert_int_equal(c->peer_id, s->peer_id);
        assert_true(c->peer_id != DBR_PEER_ID_NONE && c->peer_id != 0x76706e);
        assert_int_equal(dbr_session_peer_id(sim->server.session), s->peer_id);
        assert_int_equal(dbr_session_framing(sim->server.session), DBR_FRAMING_COMP_LZO);
        assert_true(dbr_session_cc_exit(sim->client.session) && dbr_session_cc_exit(sim->server.session));
        assert_int_equal(sim->server.n_push, 0);
        assert_string_equal(sim->client.pushed, "");
        sim_run(sim, 40000);
        assert_true(sim_keys_match(sim, 1));
        assert_int_equal(sim->client.keys[1].peer_id, c->peer_id);
        sim_free(sim);
    }
}

/* A client that takes no options at a server for many: P_DATA_V1, the PRF, and no exit by control message. */
static void test_p2p_client_alone(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .p2p_client = true};
    struct sim *sim = sim_new(&o, 1);
    assert_true(sim_connect(sim, 2));
    assert_true(sim_keys_match(sim, 0));
    assert_false(sim->client.keys[0].use_v2 || sim->server.keys[0].use_v2);
    assert_false(dbr_session_cc_exit(sim->client.session) || dbr_session_cc_exit(sim->server.session));
    assert_int_equal(sim->server.n_push, 0);
    dbr_session_renegotiate(sim->client.session, &sim->now);
    sim_run(sim, 5000);
    assert_true(sim_keys_match(sim, 1));
    sim_free(sim);
}

/* A peer that does not say bit 5 gets P_DATA_V1; one that wants options hears that there are none. */
static void test_p2p_server_alone(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .p2p_server = true};
    struct sim *sim = sim_new(&o, 1);
    assert_false(sim_connect(sim, 5));
    assert_true(sim->server.has_key[0]);
    assert_false(sim->server.keys[0].use_v2);
    assert_int_equal(sim->server.n_push, 0);
    assert_non_null(strstr(dbr_session_why(sim->client.session), "pushes no options"));
    sim_free(sim);
}

static void test_p2p_no_common_cipher(void **state)
{
    (void)state;
    for (int fallback = 0; fallback < 2; fallback++) {
        enum dbr_cipher c = fallback ? DBR_AES_256_CBC : DBR_CIPHER_NONE;
        struct sim_options o = {.wire = good,
                                .gate = DBR_GATE_TLS_AUTH,
                                .p2p_client = true,
                                .p2p_server = true,
                                .ciphers_client = "AES-128-GCM",
                                .ciphers_server = "CHACHA20-POLY1305",
                                .fallback_client = c,
                                .fallback_server = c};
        struct sim *sim = sim_new(&o, 1);
        assert_int_equal(sim_connect(sim, 5), fallback);
        assert_int_equal(sim->server.has_key[0], fallback);
        assert_true(fallback ? sim_keys_match(sim, 0) : !sim->client.has_key[0]);
        sim_free(sim);
    }
}

/* A p2p server that has sent its reset unasked acknowledges ours in a packet of its own: that names it. No
 * other client takes a server's session id from there. */
static void test_lone_ack(void **state)
{
    (void)state;
    for (int p2p = 0; p2p < 2; p2p++) {
        for (int mine = 0; mine < 2; mine++) {
            struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .p2p_client = p2p};
            struct sim *sim = sim_new(&o, 1);
            uint8_t inner[128], dgram[256];
            uint64_t local = dbr_session_local_sid(sim->client.session);
            struct dbr_control ack = {.opcode = DBR_OP_ACK,
                                      .sid = 77,
                                      .n_acks = 1,
                                      .acks = {0},
                                      .peer_sid = mine ? local : local + 1};
            int n = dbr_control_write(&ack, inner, sizeof inner);
            n = dbr_gate_seal(sim->server.gate, dbr_first_byte(DBR_OP_ACK, 0), 77, 9,
                              (uint32_t)sim->now.unix_s, inner, (size_t)n, dgram, sizeof dgram);
            assert_true(n > 0);
            sim_inject(sim, false, dgram, (size_t)n);
            assert_int_equal(dbr_session_remote_sid(sim->client.session), p2p && mine ? 77 : 0);
            sim_free(sim);
        }
    }
}

/* Closing takes the data keys away at once, then delivers the words. */
static void test_close(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH};
    struct sim *sim = sim_new(&o, 1);
    assert_true(sim_connect(sim, 20));
    dbr_session_close(sim->server.session, "AUTH_FAILED,Certificate revoked", "revoked", &sim->now);
    assert_false(sim->server.has_key[0]);
    sim_run(sim, 100);
    assert_string_equal(sim->client.last_message, "4,Certificate revoked");
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_DEAD);
    sim_free(sim);
}

/* A killed session ends at its first deadline whatever the client goes on sending (CVE-2024-28882). */
static void test_close_deadline(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .reneg_client_s = 1};
    struct sim *sim = sim_new(&o, 1);
    assert_true(sim_connect(sim, 20));
    sim->frozen = true; /* nothing is acknowledged */
    dbr_session_close(sim->server.session, "AUTH_FAILED", "killed", &sim->now);
    sim_run(sim, 4900);
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_CLOSING);
    sim_run(sim, 200);
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_DEAD);
    sim_free(sim);
}

/* Nobody answers: a reset every tls-timeout, then an end with the known line. */
static void test_silence(void **state)
{
    (void)state;
    struct sim_options o = {.wire = {.loss = 100}, .gate = DBR_GATE_TLS_AUTH};
    struct sim *sim = sim_new(&o, 1);
    assert_false(sim_connect(sim, 70));
    assert_int_equal(dbr_session_state(sim->client.session), DBR_SESSION_DEAD);
    assert_non_null(strstr(dbr_session_why(sim->client.session), "failed to occur within 60 seconds"));
    assert_in_range(sim->client.sent, 25, 35); /* a caller does not back off: its network may come back */
    sim_free(sim);
}

/* Every datagram of an end carries its own session id, and none is sent twice with the same replay id. */
static void spy_sid(struct sim *sim, const struct sim_dgram *d)
{
    struct sim_end *end = d->to_server ? &sim->client : &sim->server;
    if (end->session && dbr_session_local_sid(end->session))
        assert_true(dbr_get64(d->bytes + 1) == dbr_session_local_sid(end->session));
}

static void test_own_sid(void **state)
{
    (void)state;
    struct sim_options o = {
        .wire = bad20, .gate = DBR_GATE_TLS_AUTH, .reneg_server_s = 5, .reneg_client_s = 6};
    struct sim *sim = sim_new(&o, 9);
    assert_true(sim_connect(sim, 60));
    sim->spy = spy_sid;
    sim_run(sim, 60000);
    sim_free(sim);
}

/* A recorded datagram changes nothing the second time; one for another session changes nothing at all. */
static struct sim_dgram recorded[64];
static size_t n_recorded;
static void spy_record(struct sim *sim, const struct sim_dgram *d)
{
    (void)sim;
    if (d->to_server && n_recorded < 64)
        recorded[n_recorded++] = *d;
}

static void test_replay(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH};
    struct sim *sim = sim_new(&o, 1);
    n_recorded = 0;
    sim->spy = spy_record;
    assert_true(sim_connect(sim, 20));
    sim_run(sim, 1000);
    sim->spy = NULL;
    assert_true(n_recorded >= 3); /* hello, certificate, acknowledgement of the last word */
    uint64_t sent = sim->server.sent;
    for (size_t i = 0; i < n_recorded; i++) {
        uint8_t copy[SIM_MAX_DGRAM];
        memcpy(copy, recorded[i].bytes, recorded[i].len);
        assert_int_not_equal(dbr_session_feed(sim->server.session, copy, recorded[i].len, &sim->now), 0);
    }
    assert_int_equal(sim->server.sent, sent);
    assert_int_equal(dbr_session_state(sim->server.session), DBR_SESSION_ACTIVE);
    sim_free(sim);
}

/* One flipped bit anywhere in a control packet: refused, and nothing answered. */
static void test_flipped_bits(void **state)
{
    (void)state;
    struct sim_options o = {.wire = good, .gate = DBR_GATE_TLS_AUTH, .digest = "SHA256"};
    struct sim *fresh = sim_new(&o, 2);
    recorded[0] = fresh->queue[0]; /* its hard reset */
    fresh->frozen = true;
    for (size_t bit = 0; bit < recorded[0].len * 8; bit++) {
        recorded[0].bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        sim_inject(fresh, true, recorded[0].bytes, recorded[0].len);
        recorded[0].bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(fresh->answers, 0);
    assert_int_equal(fresh->sessions_made, 0);
    sim_inject(fresh, true, recorded[0].bytes, recorded[0].len);
    assert_int_equal(fresh->answers, 1); /* the whole one is answered: the test can fail */
    sim_free(fresh);
}

static int teardown(void **state)
{
    (void)state;
    sim_pki_free();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_combinations),
        cmocka_unit_test(test_no_common_cipher),
        cmocka_unit_test(test_pushed_cipher),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_bad_wire),
        cmocka_unit_test(test_40_percent),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_renegotiation),
        cmocka_unit_test(test_renegotiation_is_judged),
        cmocka_unit_test(test_renegotiation_refused),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_p2p),
        cmocka_unit_test(test_p2p_client_alone),
        cmocka_unit_test(test_p2p_server_alone),
        cmocka_unit_test(test_p2p_no_common_cipher),
        cmocka_unit_test(test_lone_ack),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_every_verdict),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_deadline),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_own_sid),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_no_frame_is_lost_by_new_keys),
        cmocka_unit_test(test_acknowledged_together),
        cmocka_unit_test(test_last_acknowledgement_is_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
