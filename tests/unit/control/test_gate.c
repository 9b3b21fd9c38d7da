/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What strangers send: who is answered, what it costs, and what is remembered of them (nothing). Cases C1 to
 * C8 and C13 of the hostile catalogue, each with the counter that must move.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { A = 0x0a000001, IP_UDP = 28, IP6_UDP = 48, SID = 0x11223344 };

/* control has kept nothing and said nothing, and exactly this counter has moved. */
static void quiet(struct rig *rig, const char *what, size_t counter, uint64_t want)
{
    uint64_t got;
    memcpy(&got, (const char *)&rig->ctl->tally + counter, sizeof got);
    if (rig->sent || rig->ctl->n_half_open || got != want)
        fail_msg("%s: %llu datagrams, %u half open, counter %llu instead of %llu", what,
                 (unsigned long long)rig->sent, rig->ctl->n_half_open, (unsigned long long)got,
                 (unsigned long long)want);
}

#define COUNTER(name) offsetof(struct tally, name)

static uint64_t all(const struct rig *rig)
{
    const struct tally *t = &rig->ctl->tally;
    return t->shape + t->auth + t->replayed + t->seen + t->throttled + t->cookie + t->state + t->full;
}

/* C1: nothing that is not well formed and sealed with the right key gets a byte back, whatever it says. */
static void test_unsealed(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t good[RIG_DGRAM], bad[65536] = {0};
    size_t n = rig_reset(rig, SID, 0, 1, good);
    for (size_t len = 0; len < n; len++)
        rig_hand(rig, good, len, &from);
    quiet(rig, "truncated", COUNTER(shape), n);
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(bad, good, n);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!dbr_opcode_is_data(dbr_opcode_of(bad[0])))
            rig_hand(rig, bad, n, &from);
    }
    assert_int_equal(rig->sent, 0);
    assert_true(rig->ctl->tally.auth >= n * 8 - 8);
    for (unsigned first = 0; first < 256; first++) {
        memset(bad, (int)first, 200);
        if (!dbr_opcode_is_data(dbr_opcode_of((uint8_t)first)))
            rig_hand(rig, bad, 200, &from);
    }
    memcpy(bad, good, n);
    rig_hand(rig, bad, 65535, &from); /* trailing bytes up to the largest datagram */
    from.port = 0;
    rig_hand(rig, good, n, &from);
    assert_int_equal(rig->sent, 0);
    assert_int_equal(rig->ctl->n_half_open, 0);
    rig_free(rig);
}

/* C1: sealed with our key, but not what a stranger may say. */
static void test_sealed_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct dbr_control c;
        size_t counter;
    } cases[] = {
        {"reset with packet id 2",
         {.opcode = DBR_OP_RESET_CLIENT, .sid = SID, .has_id = true, .id = 2},
         COUNTER(shape)},
        {"reset that acknowledges",
         {.opcode = DBR_OP_RESET_CLIENT, .sid = SID, .has_id = true, .n_acks = 1, .peer_sid = 5},
         COUNTER(shape)},
        {"server's reset", {.opcode = DBR_OP_RESET_SERVER, .sid = SID, .has_id = true}, COUNTER(cookie)},
        {"soft reset",
         {.opcode = DBR_OP_SOFT_RESET, .key_id = 1, .sid = SID, .has_id = true},
         COUNTER(cookie)},
        {"control without a cookie",
         {.opcode = DBR_OP_CONTROL, .sid = SID, .has_id = true, .id = 1},
         COUNTER(cookie)},
        {"acknowledgement of an id that is not ours",
         {.opcode = DBR_OP_ACK, .sid = SID, .n_acks = 1, .peer_sid = 99},
         COUNTER(cookie)},
        {"control with key id 3 before a session",
         {.opcode = DBR_OP_CONTROL,
          .key_id = 3,
          .sid = SID,
          .has_id = true,
          .id = 1,
          .n_acks = 1,
          .peer_sid = 9},
         COUNTER(cookie)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_plain("");
        struct dbr_addr from = rig_addr(A, 4000);
        uint8_t dgram[RIG_DGRAM];
        size_t n = rig_packet(rig, &cases[i].c, 1, dgram);
        rig_hand(rig, dgram, n, &from);
        quiet(rig, cases[i].what, cases[i].counter, 1);
        assert_int_equal(all(rig), 1);
        rig_free(rig);
    }
}

/* The order is shape, HMAC, seen before, bucket: what fails early costs the later ones nothing. */
static void test_order(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("connect-freq-initial 3 10");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM], bad[RIG_DGRAM];
    size_t n = rig_reset(rig, SID, 0, 1, dgram);
    for (int i = 0; i < 50; i++) {
        memcpy(bad, dgram, n);
        bad[20] ^= 1;
        rig_hand(rig, bad, n, &from); /* a forger takes no token from the prefix that he names */
    }
    assert_int_equal(rig->ctl->tally.auth, 50);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->sent, 1);
    for (int i = 0; i < 50; i++)
        rig_hand(rig, dgram, n, &from); /* and neither does who replays what he heard */
    assert_int_equal(rig->ctl->tally.seen, 50);
    assert_int_equal(rig->sent, 1);
    for (uint32_t i = 0; i < 2; i++) {
        n = rig_reset(rig, SID, 0, 2 + i, dgram);
        rig_hand(rig, dgram, n, &from);
    }
    assert_int_equal(rig->sent, 3); /* the other two tokens were still there */
    n = rig_reset(rig, SID, 0, 9, dgram);
    rig_hand(rig, dgram, n, &from);
    assert_int_equal(rig->sent, 3);
    assert_int_equal(rig->ctl->tally.throttled, 1);
    assert_int_equal(all(rig), 101);
    rig_free(rig);
}

/* C2: one answer, not larger than 1.25 times the question with IP and UDP headers, and no second one. */
static void test_amplification(void **state)
{
    (void)state;
    static const struct {
        enum dbr_gate_kind gate;
        const char *config;
    } cases[] = {{DBR_GATE_NONE, ""},
                 {DBR_GATE_TLS_AUTH, ""},
                 {DBR_GATE_TLS_AUTH, "auth SHA256"},
                 {DBR_GATE_TLS_AUTH, "auth SHA512"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_new(&(struct rig_options){.config = cases[i].config, .gate = cases[i].gate});
        struct dbr_addr from = rig_addr(A, 4000);
        uint8_t dgram[RIG_DGRAM];
        rig->keep_answers = true;
        size_t n = rig_reset(rig, SID, 0, 1, dgram);
        rig_hand(rig, dgram, n, &from);
        assert_int_equal(rig->sent, 1);
        double ratio = (double)(rig->sent_bytes + IP_UDP) / (double)(n + IP_UDP);
        if (ratio > 1.25 && cases[i].gate != DBR_GATE_NONE)
            fail_msg("case %zu: %.3f", i, ratio);
        assert_true(ratio <= 1.30); /* without a gate the protocol's own 14 -> 26 bytes: 54 / 42 */
        rig_run(rig, 70000);
        assert_int_equal(rig->sent, 1);
        assert_int_equal(rig->ctl->n_half_open, 0);
        rig_free(rig);
    }
}

/* C3: a flood in the name of one /32 (one /64) is answered within its rate; all others do not notice. */
static void test_prefixes(void **state)
{
    (void)state;
    static const struct {
        struct dbr_addr flood, same, other;
    } cases[] = {
        {{.family = 4, .ip = {10, 0, 0, 1}},
         {.family = 4, .ip = {10, 0, 0, 1}},
         {.family = 4, .ip = {10, 0, 0, 2}}},
        {{.family = 6, .ip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9}},
         {.family = 6, .ip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8}},
         {.family = 6, .ip = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_plain("connect-freq-initial 100 10");
        struct dbr_addr from = cases[i].flood;
        uint8_t dgram[RIG_DGRAM];
        uint32_t k = 1;
        rig->keep_answers = true;
        for (; k <= 5000; k++) {
            from.port = (uint16_t)(1000 + k);
            rig_hand(rig, dgram, rig_reset(rig, SID + k, 0, k, dgram), &from);
        }
        assert_int_equal(rig->sent, 100);
        assert_int_equal(rig->ctl->tally.throttled, 4900);
        from = cases[i].same;
        from.port = 7;
        rig_hand(rig, dgram, rig_reset(rig, SID, 0, k++, dgram), &from);
        assert_int_equal(rig->sent, 100);
        from = cases[i].other;
        from.port = 7;
        rig_hand(rig, dgram, rig_reset(rig, SID, 0, k++, dgram), &from);
        assert_int_equal(rig->sent, 101);
        rig_now.ns += 1000000000; /* ten a second come back */
        from = cases[i].same;
        for (int n = 0; n < 50; n++) {
            from.port = (uint16_t)(100 + n);
            rig_hand(rig, dgram, rig_reset(rig, SID, 0, k++, dgram), &from);
        }
        assert_in_range(rig->sent, 110, 112);
        rig_free(rig);
    }
}

/* C4, C5: the packet that proves the cookie, wrong in each single way, makes no session. */
static void prove(struct rig *rig, struct dbr_control c, const struct dbr_addr *from, bool good,
                  const char *what)
{
    static uint32_t replay = 1000;
    uint8_t dgram[RIG_DGRAM];
    uint32_t before = rig->ctl->n_half_open;
    rig_hand(rig, dgram, rig_packet(rig, &c, ++replay, dgram), from);
    if ((rig->ctl->n_half_open > before) != good)
        fail_msg("%s: %s", what, good ? "no session" : "a session");
}

static uint64_t sid_at(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static uint64_t ask(struct rig *rig, uint64_t sid, uint32_t reset_id, const struct dbr_addr *from)
{
    static uint32_t replay = 1;
    uint8_t dgram[RIG_DGRAM];
    rig->keep_answers = true;
    rig->n_answers = 0;
    rig_hand(rig, dgram, rig_reset(rig, sid, reset_id, ++replay, dgram), from);
    assert_int_equal(rig->n_answers, 1);
    return sid_at(rig->answers[0].bytes + 1);
}

static void test_cookie(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("hand-window 60");
    struct dbr_addr from = rig_addr(A, 4000), other = from;
    struct dbr_control ack = {.opcode = DBR_OP_ACK, .sid = SID, .n_acks = 1}, c;
    ack.peer_sid = ask(rig, SID, 0, &from);

    for (int bit = 0; bit < 64; bit++) {
        c = ack;
        c.peer_sid ^= 1ull << bit;
        prove(rig, c, &from, false, "a bit of the cookie");
    }
    other.port++;
    prove(rig, ack, &other, false, "another port");
    other = from;
    other.ip[3]++;
    prove(rig, ack, &other, false, "another address");
    c = ack;
    c.sid++;
    prove(rig, c, &from, false, "another client id");
    c = ack;
    c.acks[0] = 1;
    prove(rig, c, &from, false, "acknowledges a message that we never sent");
    c = ack;
    c.n_acks = 2;
    c.acks[1] = 3;
    prove(rig, c, &from, false, "acknowledges one message too many");
    c = (struct dbr_control){.opcode = DBR_OP_CONTROL, .sid = SID, .has_id = true, .n_acks = 1};
    c.peer_sid = ack.peer_sid;
    prove(rig, c, &from, false, "message 0 again");
    c.id = 13;
    prove(rig, c, &from, false, "message far ahead");
    c.opcode = DBR_OP_SOFT_RESET;
    c.key_id = 1;
    c.id = 1;
    prove(rig, c, &from, false, "a soft reset");
    c.opcode = DBR_OP_CONTROL;
    prove(rig, c, &from, false, "a later key");
    c.opcode = DBR_OP_RESET_SERVER;
    c.key_id = 0;
    prove(rig, c, &from, false, "a server's reset");
    uint64_t refused = rig->ctl->tally.cookie;
    assert_int_equal(refused, 64 + 10);
    prove(rig, ack, &from, true, "the right one");
    assert_int_equal(rig->ctl->tally.cookie, refused);
    rig_free(rig);
}

/* C4: slots of half the hand-window: the current one and two before it. */
static void test_cookie_age(void **state)
{
    (void)state;
    static const struct {
        unsigned age_s;
        bool good;
    } cases[] = {{0, true}, {29, true}, {60, true}, {95, false}, {3600, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rig *rig = rig_plain("hand-window 60");
        struct dbr_addr from = rig_addr(A, 4000);
        struct dbr_control ack = {.opcode = DBR_OP_ACK, .sid = SID, .n_acks = 1};
        ack.peer_sid = ask(rig, SID, 0, &from);
        rig_now.ns += cases[i].age_s * 1000000000ull;
        prove(rig, ack, &from, cases[i].good, "age");
        rig_free(rig);
    }
}

/* A recorded proof makes no second session once the first is gone. */
static void test_recorded_proof(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("hand-window 60");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t proof[RIG_DGRAM];
    size_t n = rig_proof(rig, SID, &from, proof);
    assert_true(n > 0);
    rig_hand(rig, proof, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 1);
    client_free(rig->ctl->oldest_half_open);
    rig_hand(rig, proof, n, &from);
    assert_int_equal(rig->ctl->n_half_open, 0);
    assert_int_equal(rig->ctl->tally.seen, 1);
    rig_free(rig);
}

/* C6: a recorded reset replayed from many ports, while a real client of the same address connects. */
static void test_recorded_reset(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t dgram[RIG_DGRAM];
    size_t n = rig_reset(rig, SID, 0, 1, dgram);
    rig->keep_answers = true;
    for (unsigned i = 0; i < 20000; i++) {
        from.port = (uint16_t)(1024 + i);
        rig_hand(rig, dgram, n, &from);
    }
    assert_int_equal(rig->sent, 1);
    assert_int_equal(rig->ctl->tally.seen, 19999);
    rig->keep_answers = false;
    uint64_t before = rig_now.ns;
    struct caller *c = rig_call(rig, "alice", A, 5000);
    rig_settle(rig);
    assert_true(rig_up(c));
    assert_int_equal(rig_now.ns, before); /* not one timer was waited for */
    rig_free(rig);
}

/* Two resets of one client, a moment apart, get answers with replay ids of their own. */
static void test_answers_differ(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    struct dbr_gate *as_client;
    struct dbr_gated a, b;
    uint8_t dgram[RIG_DGRAM];
    assert_int_equal(dbr_gate_new(&as_client, DBR_GATE_TLS_AUTH, rig->static_key, 1, rig->cfg.auth), 0);
    rig->keep_answers = true;
    rig_hand(rig, dgram, rig_reset(rig, SID, 0, 1, dgram), &from);
    rig_now.ns += 14000000;
    rig_hand(rig, dgram, rig_reset(rig, SID, 0, 2, dgram), &from);
    assert_int_equal(rig->n_answers, 2);
    assert_int_equal(dbr_gate_open(as_client, rig->answers[0].bytes, rig->answers[0].len, &a), 0);
    assert_int_equal(dbr_gate_open(as_client, rig->answers[1].bytes, rig->answers[1].len, &b), 0);
    assert_int_not_equal(a.replay_id, b.replay_id);
    assert_int_equal(a.replay_time, b.replay_time);
    assert_int_equal(a.sid, b.sid); /* and the same cookie */
    dbr_gate_free(as_client);
    rig_free(rig);
}

/* C7: rejects of each kind leave no memory behind. */
static void test_rejects_cost_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    uint8_t reset[RIG_DGRAM], bad[RIG_DGRAM], wrong[RIG_DGRAM];
    struct dbr_control ack = {.opcode = DBR_OP_ACK, .sid = SID, .n_acks = 1, .peer_sid = 77};
    size_t n = rig_reset(rig, SID, 0, 1, reset), n_wrong = rig_packet(rig, &ack, 5, wrong);
    memcpy(bad, reset, n);
    bad[15] ^= 4;
    rig->keep_answers = true;
    rig_hand(rig, reset, n, &from);
    size_t before = rig_heap();
    for (int i = 0; i < 20000; i++) {
        from.port = (uint16_t)(i + 1);
        rig_hand(rig, bad, n, &from);
        rig_hand(rig, reset, n, &from);
        rig_hand(rig, reset, 9, &from);
        rig_hand(rig, wrong, n_wrong, &from);
    }
    assert_int_equal(rig_heap(), before);
    assert_int_equal(rig->sent, 1);
    assert_true(rig->log_lines < 20);
    rig_free(rig);
}

static void half_open(struct rig *rig, uint32_t i)
{
    struct dbr_addr from = rig_addr(A + i, 4000);
    uint8_t proof[RIG_DGRAM];
    size_t n = rig_proof(rig, SID + i, &from, proof);
    assert_true(n > 0);
    rig_hand(rig, proof, n, &from);
}

/* C8: proved cookies, then silence. Small, bounded, gone after the hand-window, and no established one pays.
 */
static void test_half_open(void **state)
{
    (void)state;
    enum { MANY = 10000 };
    struct rig *rig = rig_plain("hand-window 60");
    rig_connect(rig, "alice", 0x0b000001, 5000);
    rig->keep_answers = true;
    half_open(rig, MANY); /* warms what is made once */
    size_t before = rig_heap();
    for (uint32_t i = 0; i < MANY; i++)
        half_open(rig, i);
    size_t each = (rig_heap() - before) / MANY;
    print_message("half open: %zu bytes each\n", each);
    assert_int_equal(rig->ctl->n_half_open, MANY + 1);
    assert_true(!rig_can_count() || (each > 0 && each <= 4096));
    for (uint32_t i = MANY + 1; i < MAX_HALF_OPEN + 500; i++)
        half_open(rig, i);
    assert_int_equal(rig->ctl->n_half_open, MAX_HALF_OPEN);
    struct dbr_addr first = rig_addr(A, 4000), last = rig_addr(A + MAX_HALF_OPEN, 4000);
    assert_null(client_by_sid(rig->ctl, SID, &first));
    assert_non_null(client_by_sid(rig->ctl, SID + MAX_HALF_OPEN, &last));
    assert_true(rig_client(rig, "alice")->in_data);
    unsigned lines = rig->log_lines;
    rig_run(rig, 70000);
    assert_int_equal(rig->ctl->n_half_open, 0);
    assert_true(rig->log_lines - lines < 1000);
    assert_true(rig_client(rig, "alice")->in_data);
    rig->keep_answers = false;
    assert_true(rig_heap() <
                before + 2 * MAX_HALF_OPEN * sizeof(void *)); /* the timers' heap keeps its size */
    rig_free(rig);
}

/* C13: MikroTik's hard reset has packet id 1 and its first message id 2. */
static void test_reset_id_one(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr from = rig_addr(A, 4000);
    struct dbr_control ack = {.opcode = DBR_OP_ACK, .sid = SID, .n_acks = 1};
    ack.peer_sid = ask(rig, SID, 1, &from);
    struct dbr_control hello = {
        .opcode = DBR_OP_CONTROL, .sid = SID, .has_id = true, .id = 1, .n_acks = 1, .peer_sid = ack.peer_sid};
    prove(rig, hello, &from, false, "its first message cannot have the reset's id");
    prove(rig, ack, &from, true, "the acknowledgement");
    rig_free(rig);
}

/* A caller whose packet ids all begin one later, as MikroTik's do: shifted on the wire, both ways. */
static size_t shift(struct dbr_gate *open_with, struct dbr_gate *seal_with, const struct rig_dgram *d,
                    bool up, uint8_t out[RIG_DGRAM])
{
    struct rig_dgram copy = *d;
    struct dbr_gated g;
    struct dbr_control c;
    uint8_t inner[RIG_DGRAM];
    assert_int_equal(dbr_gate_open(open_with, copy.bytes, copy.len, &g), 0);
    assert_int_equal(dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len), 0);
    if (up && c.has_id)
        c.id++;
    for (size_t i = 0; !up && i < c.n_acks; i++)
        c.acks[i]--;
    int n = dbr_control_write(&c, inner, sizeof inner);
    n = dbr_gate_seal(seal_with, g.first, g.sid, g.replay_id, g.replay_time, inner, (size_t)n, out,
                      RIG_DGRAM);
    return (size_t)n;
}

static void test_reset_id_one_connects(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_gate *server_side;
    uint8_t dgram[RIG_DGRAM];
    assert_int_equal(dbr_gate_new(&server_side, DBR_GATE_TLS_AUTH, rig->static_key, 0, rig->cfg.auth), 0);
    struct caller *c = rig_call(rig, "alice", A, 4000);
    rig->keep_answers = true;
    for (int round = 0; round < 200 && !rig_up(c); round++) {
        while (rig->n_queue) { /* client to server */
            struct rig_dgram d = rig->queue[rig->head];
            rig->head = (rig->head + 1) % RIG_QUEUE;
            rig->n_queue--;
            size_t n = shift(server_side, rig->gate, &d, true, dgram);
            rig_hand(rig, dgram, n, &d.addr);
        }
        size_t answers = rig->n_answers;
        rig->n_answers = 0;
        for (size_t i = 0; i < answers; i++) {
            size_t n = shift(rig->gate, server_side, &rig->answers[i], false, dgram);
            dbr_session_feed(c->session, dgram, n, &rig_now);
        }
        rig_now.ns += 1000000;
    }
    assert_true(rig_up(c));
    assert_non_null(strstr(c->pushed, "ifconfig 192.168.50."));
    dbr_gate_free(server_side);
    rig_free(rig);
}

/* The token of a handshake that completes comes back: a NAT with many honest clients is never throttled. */
static void test_token_returns(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("connect-freq-initial 2 3600\nduplicate-cn");
    for (uint16_t i = 0; i < 20; i++)
        rig_connect(rig, "alice", A, (uint16_t)(5000 + i));
    assert_int_equal(rig->ctl->tally.throttled, 0);
    assert_int_equal(rig->ctl->n_admitted, 20);
    uint8_t dgram[RIG_DGRAM];
    struct dbr_addr from = rig_addr(A, 9);
    rig->keep_answers = true;
    for (uint32_t k = 0; k < 5; k++) /* whereas those who do not complete get two */
        rig_hand(rig, dgram, rig_reset(rig, SID, 0, 100 + k, dgram), &from);
    assert_int_equal(rig->n_answers, 2);
    assert_int_equal(rig->ctl->tally.throttled, 3);
    rig_free(rig);
}

/* Somebody hears the reset of a client and takes its session id first; the client gets in all the same. */
static void test_stolen_sid(void **state)
{
    (void)state;
    struct rig *rig = rig_plain("");
    struct dbr_addr thief = rig_addr(0x0c000001, 6000);
    struct caller *c = rig_call(rig, "alice", A, 4000);
    uint64_t sid = dbr_session_local_sid(c->session);
    uint8_t proof[RIG_DGRAM];
    size_t n = rig_proof(rig, sid, &thief, proof);
    rig_hand(rig, proof, n, &thief);
    assert_int_equal(rig->ctl->n_half_open, 1);
    rig_run(rig, 3000); /* its reset is known by now; the next one is not */
    assert_true(rig_up(c));
    rig_free(rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsealed),
        cmocka_unit_test(test_sealed_nonsense),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_amplification),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_cookie),
        cmocka_unit_test(test_cookie_age),
        cmocka_unit_test(test_recorded_proof),
        cmocka_unit_test(test_recorded_reset),
        cmocka_unit_test(test_answers_differ),
        cmocka_unit_test(test_rejects_cost_nothing),
        cmocka_unit_test(test_half_open),
        cmocka_unit_test(test_reset_id_one),
        cmocka_unit_test(test_reset_id_one_connects),
        cmocka_unit_test(test_token_returns),
        cmocka_unit_test(test_stolen_sid),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rig_pki_free();
    return failed;
}
