/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reliability layer: its edges by table, and two ends over a bad wire on virtual time for 1,000 seeds.
 */
#include "helpers.h"

#include "proto/reliable.h"

static const uint64_t second = 1000000000;

static void put(struct dbr_reliable *r, uint32_t value, uint64_t now)
{
    uint8_t payload[4];
    dbr_put32(payload, value);
    assert_int_equal(dbr_reliable_send(r, DBR_OP_CONTROL, payload, 4, now), 0);
}

/* The id of the packet due, or -1. */
static int64_t due(struct dbr_reliable *r, uint64_t now)
{
    uint8_t opcode;
    uint32_t id;
    const uint8_t *payload;
    size_t len;
    return dbr_reliable_due(r, now, &opcode, &id, &payload, &len) ? (int64_t)id : -1;
}

/* --- sending --- */

static void send_window(void **state)
{
    struct dbr_reliable r;
    (void)state;
    dbr_reliable_init(&r, 2 * second);
    assert_int_equal(dbr_reliable_deadline(&r), UINT64_MAX);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(dbr_reliable_can_send(&r));
        put(&r, i, 10);
    }
    assert_false(dbr_reliable_can_send(&r));
    assert_int_equal(dbr_reliable_send(&r, 4, NULL, 0, 10), DBR_ERR_AGAIN);
    assert_int_equal(dbr_reliable_deadline(&r), 10);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(due(&r, 10), i); /* oldest first, each once */
    assert_int_equal(due(&r, 10), -1);
    assert_int_equal(dbr_reliable_deadline(&r), 10 + 2 * second);
    uint32_t acks[] = {1, 2, 3, 4, 5};
    dbr_reliable_acked(&r, acks, 5, 11);
    assert_false(dbr_reliable_can_send(&r)); /* 0 is still out: the window does not move */
    uint32_t zero = 0;
    dbr_reliable_acked(&r, &zero, 1, 11);
    assert_true(dbr_reliable_can_send(&r));
    assert_true(dbr_reliable_all_acked(&r));
    put(&r, 6, 12);
    assert_int_equal(due(&r, 12), 6);
    dbr_reliable_fini(&r);
    dbr_reliable_fini(&r);
}

static void payload_is_copied(void **state)
{
    struct dbr_reliable r;
    uint8_t text[] = {1, 2, 3}, opcode;
    const uint8_t *payload;
    uint32_t id;
    size_t len;
    (void)state;
    dbr_reliable_init(&r, second);
    assert_int_equal(dbr_reliable_send(&r, DBR_OP_SOFT_RESET, text, 3, 0), 0);
    memset(text, 0, sizeof text);
    assert_true(dbr_reliable_due(&r, 0, &opcode, &id, &payload, &len));
    assert_int_equal(opcode, DBR_OP_SOFT_RESET);
    assert_int_equal(len, 3);
    assert_memory_equal(payload, "\1\2\3", 3);
    dbr_reliable_fini(&r);
}

/* 1, 2, 4, 4, 4 s after tls-timeout 1. */
static void back_off(void **state)
{
    static const uint64_t gaps[] = {1, 2, 4, 4, 4, 4, 4, 4, 4};
    struct dbr_reliable r;
    uint64_t now = 5 * second;
    (void)state;
    dbr_reliable_init(&r, second);
    put(&r, 0, now);
    assert_int_equal(due(&r, now), 0);
    for (size_t i = 0; i < COUNT(gaps); i++) {
        now += gaps[i] * second;
        assert_int_equal(due(&r, now - 1), -1);
        CHECK(dbr_reliable_deadline(&r) == now, "gap %zu", i);
        assert_int_equal(due(&r, now), 0);
        assert_int_equal(due(&r, now), -1);
    }
    dbr_reliable_fini(&r);
}

/* A tls-timeout above the longest back-off is neither doubled nor cut. */
static void back_off_of_a_long_timeout(void **state)
{
    struct dbr_reliable r;
    uint64_t now = 0;
    (void)state;
    dbr_reliable_init(&r, 10 * second);
    put(&r, 0, now);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(due(&r, now), 0);
        now += 10 * second;
        assert_int_equal(dbr_reliable_deadline(&r), now);
    }
    dbr_reliable_fini(&r);
}

/* Sends one packet, acknowledges it after rtt, and returns the first timeout of the next one. */
static uint64_t timeout_after(struct dbr_reliable *r, uint64_t *now, uint64_t rtt)
{
    uint32_t id = r->next_send_id;
    put(r, id, *now);
    assert_int_equal(due(r, *now), id);
    *now += rtt;
    dbr_reliable_acked(r, &id, 1, *now);
    put(r, id + 1, *now);
    assert_int_equal(due(r, *now), id + 1);
    uint64_t timeout = dbr_reliable_deadline(r) - *now;
    id++;
    dbr_reliable_acked(r, &id, 1, *now); /* at once: no round trip */
    return timeout;
}

static void timeout_follows_the_round_trip(void **state)
{
    static const struct {
        uint64_t rtt_ms, timeout_ms;
    } cases[] = {{100, 400},  {60, 240},   {50, 200},    {10, 200},
                 {499, 1996}, {500, 2000}, {1900, 2000}, {0, 2000}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_reliable r;
        uint64_t now = second;
        dbr_reliable_init(&r, 2 * second);
        uint64_t got = timeout_after(&r, &now, cases[i].rtt_ms * 1000000);
        CHECK(got == cases[i].timeout_ms * 1000000, "row %zu: %d ms", i, (int)(got / 1000000));
        dbr_reliable_fini(&r);
    }
    struct dbr_reliable r; /* smoothed: seven parts old, one part new */
    uint64_t now = second;
    dbr_reliable_init(&r, 2 * second);
    timeout_after(&r, &now, second / 10);
    assert_int_equal(timeout_after(&r, &now, 2 * second / 10), 450 * 1000000);
    dbr_reliable_fini(&r);
}

/* The ack of a packet that was sent twice may be that of either (Karn): it measures nothing. */
static void retransmissions_measure_nothing(void **state)
{
    struct dbr_reliable r;
    uint32_t id = 0;
    (void)state;
    dbr_reliable_init(&r, second);
    put(&r, 0, 0);
    assert_int_equal(due(&r, 0), 0);
    assert_int_equal(due(&r, second), 0);
    dbr_reliable_acked(&r, &id, 1, second + second / 10);
    assert_int_equal(r.rtt_ns, 0);
    dbr_reliable_fini(&r);
}

static void early_resend_after_three(void **state)
{
    struct dbr_reliable r;
    (void)state;
    dbr_reliable_init(&r, 2 * second);
    for (uint32_t i = 0; i < 6; i++)
        put(&r, i, 0);
    for (int i = 0; i < 6; i++)
        due(&r, 0);
    uint32_t two[] = {1, 2}, again[] = {1, 2, 1, 2, 1}, third = 3, unknown[] = {77, 6, 0x80000000};
    dbr_reliable_acked(&r, two, 2, 5);
    dbr_reliable_acked(&r, again, 5, 5); /* repeated acks tell nothing new */
    dbr_reliable_acked(&r, unknown, 3, 5);
    assert_int_equal(due(&r, 5), -1);
    dbr_reliable_acked(&r, &third, 1, 5);
    assert_int_equal(dbr_reliable_deadline(&r), 5);
    assert_int_equal(due(&r, 5), 0);
    assert_int_equal(due(&r, 5), -1); /* 4 and 5 were overtaken by nothing */
    uint32_t more[] = {4, 5};
    dbr_reliable_acked(&r, more, 2, 6); /* counted anew since it was sent again */
    assert_int_equal(due(&r, 6), -1);
    assert_int_equal(dbr_reliable_deadline(&r), 5 + 4 * second);
    dbr_reliable_fini(&r);
}

static void unknown_acks_change_nothing(void **state)
{
    struct dbr_reliable r, before;
    (void)state;
    dbr_reliable_init(&r, second);
    r.next_send_id = 100;
    put(&r, 1, 0);
    put(&r, 2, 0);
    before = r;
    for (uint32_t id = 0; id < 300; id++)
        if (id != 100 && id != 101)
            dbr_reliable_acked(&r, &id, 1, 1);
    assert_memory_equal(&r, &before, sizeof r);
    assert_false(dbr_reliable_all_acked(&r));
    uint32_t both[] = {101, 100};
    dbr_reliable_acked(&r, both, 2, 1);
    assert_true(dbr_reliable_all_acked(&r));
    dbr_reliable_fini(&r);
}

/* --- receiving --- */

static int take(struct dbr_reliable *r, uint32_t id)
{
    uint8_t payload[4];
    dbr_put32(payload, id);
    return dbr_reliable_receive(r, DBR_OP_CONTROL, id, payload, 4);
}

static int64_t pop(struct dbr_reliable *r)
{
    const uint8_t *payload;
    uint8_t opcode;
    size_t len;
    if (!dbr_reliable_peek(r, &opcode, &payload, &len))
        return -1;
    uint32_t value = dbr_get32(payload);
    assert_int_equal(opcode, DBR_OP_CONTROL);
    assert_int_equal(len, 4);
    dbr_reliable_pop(r);
    return value;
}

static void receive_window_edges(void **state)
{
    static const uint32_t starts[] = {0, 1, 5, 0x7ffffffa, 0x80000000, 0xfffffff0, 0xffffffff};
    (void)state;
    for (size_t s = 0; s < COUNT(starts); s++)
        for (int off = -13; off <= 30; off++) {
            struct dbr_reliable r;
            dbr_reliable_init(&r, second);
            r.next_recv_id = starts[s];
            int want = off < 0 ? DBR_ERR_REPLAY : off < 12 ? 0 : DBR_ERR_LIMIT;
            CHECK(take(&r, starts[s] + (uint32_t)off) == want, "start %u offset %d", starts[s], off);
            assert_int_equal(r.n_pending, want == DBR_ERR_LIMIT ? 0 : 1);
            CHECK(take(&r, starts[s] + (uint32_t)off) == (want ? want : DBR_ERR_REPLAY), "again: %d", off);
            CHECK(pop(&r) == (off ? -1 : (int64_t)starts[s]), "start %u offset %d", starts[s], off);
            dbr_reliable_fini(&r);
        }
}

static void receive_in_order_and_full(void **state)
{
    struct dbr_reliable r;
    uint32_t acks[16];
    (void)state;
    dbr_reliable_init(&r, second);
    for (uint32_t id = 11; id > 0; id--)
        assert_int_equal(take(&r, id), 0);
    assert_int_equal(pop(&r), -1);
    assert_int_equal(take(&r, 12), DBR_ERR_LIMIT);
    assert_int_equal(take(&r, 0), 0);
    for (uint32_t id = 0; id < 12; id++)
        assert_int_equal(pop(&r), id);
    assert_int_equal(pop(&r), -1);
    dbr_reliable_pop(&r); /* nothing there: nothing happens */
    assert_int_equal(r.next_recv_id, 12);
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 16, false), 12);
    assert_int_equal(acks[0], 11);
    assert_int_equal(acks[11], 0);
    assert_int_equal(take(&r, 12), 0);
    dbr_reliable_fini(&r);
}

static void empty_payloads(void **state)
{
    struct dbr_reliable r;
    const uint8_t *payload;
    uint8_t opcode;
    size_t len = 9;
    (void)state;
    dbr_reliable_init(&r, second);
    assert_int_equal(dbr_reliable_receive(&r, DBR_OP_RESET_CLIENT, 0, NULL, 0), 0);
    assert_true(dbr_reliable_peek(&r, &opcode, &payload, &len));
    assert_int_equal(len, 0);
    assert_int_equal(dbr_reliable_send(&r, DBR_OP_RESET_SERVER, NULL, 0, 0), 0);
    dbr_reliable_fini(&r);
}

/* --- acknowledgements --- */

static void acks_are_repeated(void **state)
{
    struct dbr_reliable r;
    uint32_t acks[8];
    (void)state;
    dbr_reliable_init(&r, second);
    assert_false(dbr_reliable_acks_pending(&r));
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 8, true), 0);
    for (uint32_t id = 0; id < 6; id++)
        take(&r, id);
    take(&r, 3); /* again: acknowledged once */
    assert_int_equal(r.n_pending, 6);
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 4, true), 4);
    assert_memory_equal(acks, ((uint32_t[]){0, 1, 2, 3}), 16);
    assert_true(dbr_reliable_acks_pending(&r));
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 4, true), 4);
    assert_memory_equal(acks, ((uint32_t[]){4, 5, 0, 1}), 16); /* the rest, then the latest sent */
    assert_false(dbr_reliable_acks_pending(&r));
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 8, false), 0);
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 8, true), 6);
    assert_memory_equal(acks, ((uint32_t[]){4, 5, 0, 1, 2, 3}), 24);
    take(&r, 2);
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 8, true), 6);
    assert_memory_equal(acks, ((uint32_t[]){2, 4, 5, 0, 1, 3}), 24); /* moved to the front, not doubled */
    dbr_reliable_fini(&r);
}

static void recent_acks_are_bounded(void **state)
{
    struct dbr_reliable r;
    uint32_t acks[8];
    (void)state;
    dbr_reliable_init(&r, second);
    for (uint32_t id = 0; id < 40; id++) {
        take(&r, id);
        pop(&r);
        assert_int_equal(dbr_reliable_take_acks(&r, acks, 1, true), 1);
        assert_int_equal(acks[0], id);
    }
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 8, true), 8);
    assert_memory_equal(acks, ((uint32_t[]){39, 38, 37, 36, 35, 34, 33, 32}), 32);
    assert_int_equal(dbr_reliable_take_acks(&r, acks, 3, true), 3);
    dbr_reliable_fini(&r);
}

static void pending_acks_are_bounded(void **state)
{
    struct dbr_reliable r;
    (void)state;
    dbr_reliable_init(&r, second);
    for (uint32_t id = 0; id < 200; id++) {
        assert_int_equal(take(&r, id), 0);
        assert_int_equal(pop(&r), id);
    }
    assert_int_equal(r.n_pending, 12);
    assert_int_equal(take(&r, 100), DBR_ERR_REPLAY);
    assert_int_equal(r.n_pending, 12);
    dbr_reliable_fini(&r);
}

/* --- two ends over a bad wire --- */

enum { AIR = 4096, MESSAGES = 60 };
struct packet {
    uint64_t at;
    int to;
    bool has_id;
    uint32_t id, value, acks[8];
    size_t n_acks;
};
struct end {
    struct dbr_reliable r;
    uint32_t next_to_send, next_expected;
};
struct world {
    struct end ends[2];
    struct packet air[AIR];
    size_t n_air;
    uint64_t rng, now;
    unsigned loss, dup; /* percent */
    uint32_t first_id;
};

static bool chance(struct world *w, unsigned percent)
{
    return next_random(&w->rng) % 100 < percent;
}

static void throw(struct world * w, const struct packet *p)
{
    int copies = chance(w, w->loss) ? 0 : chance(w, w->dup) ? 2 : 1;
    for (; copies > 0; copies--) {
        assert_true(w->n_air < AIR);
        w->air[w->n_air] = *p;
        w->air[w->n_air++].at = w->now + second / 1000 * (1 + next_random(&w->rng) % 200); /* reorders */
    }
}

static void transmit(struct world *w, int from)
{
    struct end *e = &w->ends[from];
    const uint8_t *payload;
    uint8_t opcode;
    size_t len;
    while (e->next_to_send < MESSAGES && dbr_reliable_can_send(&e->r))
        put(&e->r, e->next_to_send++, w->now);
    for (struct packet p = {.to = !from, .has_id = true};
         dbr_reliable_due(&e->r, w->now, &opcode, &p.id, &payload, &len);) {
        assert_int_equal(len, 4);
        p.value = dbr_get32(payload);
        assert_int_equal(p.value + w->first_id, p.id);
        p.n_acks = dbr_reliable_take_acks(&e->r, p.acks, 4, true);
        throw(w, &p);
    }
    if (dbr_reliable_acks_pending(&e->r)) {
        struct packet p = {.to = !from};
        p.n_acks = dbr_reliable_take_acks(&e->r, p.acks, 8, true);
        throw(w, &p);
    }
}

static void arrive(struct world *w, const struct packet *p)
{
    struct end *e = &w->ends[p->to];
    dbr_reliable_acked(&e->r, p->acks, p->n_acks, w->now);
    if (p->has_id) {
        uint8_t payload[4];
        dbr_put32(payload, p->value);
        dbr_reliable_receive(&e->r, DBR_OP_CONTROL, p->id, payload, 4);
    }
    for (int64_t v; (v = pop(&e->r)) >= 0;)
        assert_int_equal(v, e->next_expected++); /* in order, each once */
}

static bool step(struct world *w)
{
    uint64_t next = UINT64_MAX;
    size_t which = 0;
    bool packet = false;
    for (size_t i = 0; i < w->n_air; i++)
        if (w->air[i].at < next) {
            next = w->air[i].at;
            which = i;
            packet = true;
        }
    for (int i = 0; i < 2; i++)
        if (dbr_reliable_deadline(&w->ends[i].r) < next) {
            next = dbr_reliable_deadline(&w->ends[i].r);
            packet = false;
        }
    if (next == UINT64_MAX)
        return false;
    w->now = next > w->now ? next : w->now;
    if (packet) {
        struct packet p = w->air[which];
        w->air[which] = w->air[--w->n_air];
        arrive(w, &p);
    }
    transmit(w, 0);
    transmit(w, 1);
    return true;
}

static bool finished(const struct world *w)
{
    for (int i = 0; i < 2; i++)
        if (w->ends[i].next_expected < MESSAGES || !dbr_reliable_all_acked(&w->ends[i].r))
            return false;
    return true;
}

static uint64_t run_world(uint64_t seed, unsigned loss, unsigned dup, uint32_t first_id)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.rng = seed;
    w.loss = loss;
    w.dup = dup;
    w.first_id = first_id;
    for (int i = 0; i < 2; i++) {
        dbr_reliable_init(&w.ends[i].r, second);
        w.ends[i].r.next_send_id = w.ends[i].r.next_recv_id = first_id;
    }
    transmit(&w, 0);
    transmit(&w, 1);
    for (int i = 0; !finished(&w); i++) {
        CHECK(step(&w), "seed %d: nothing to wait for, not finished", (int)seed);
        CHECK(i < 200000, "seed %d: no end", (int)seed);
        CHECK(w.now < 3600 * second, "seed %d: an hour", (int)seed);
    }
    for (int i = 0; i < 2; i++)
        dbr_reliable_fini(&w.ends[i].r);
    return w.now;
}

static void a_thousand_seeds(void **state)
{
    static const struct {
        unsigned loss, dup;
    } wires[] = {{0, 0}, {5, 5}, {20, 0}, {20, 20}, {40, 10}};
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++)
        run_world(seed, wires[seed % COUNT(wires)].loss, wires[seed % COUNT(wires)].dup, 0);
}

static void ids_wrap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++)
        run_world(seed, 20, 10, 0xffffffff - (uint32_t)(seed % MESSAGES));
}

static void same_seed_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        assert_int_equal(run_world(seed, 20, 20, 0), run_world(seed, 20, 20, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(send_window),
        cmocka_unit_test(payload_is_copied),
        cmocka_unit_test(back_off),
        cmocka_unit_test(back_off_of_a_long_timeout),
        cmocka_unit_test(timeout_follows_the_round_trip),
        cmocka_unit_test(retransmissions_measure_nothing),
        cmocka_unit_test(early_resend_after_three),
        cmocka_unit_test(unknown_acks_change_nothing),
        cmocka_unit_test(receive_window_edges),
        cmocka_unit_test(receive_in_order_and_full),
        cmocka_unit_test(empty_payloads),
        cmocka_unit_test(acks_are_repeated),
        cmocka_unit_test(recent_acks_are_bounded),
        cmocka_unit_test(pending_acks_are_bounded),
        cmocka_unit_test(a_thousand_seeds),
        cmocka_unit_test(ids_wrap),
        cmocka_unit_test(same_seed_same_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
