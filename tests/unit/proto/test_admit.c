/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The memory of recorded resets and the buckets of source prefixes.
 */
#include "helpers.h"

#include "proto/admit.h"

static const uint8_t key[16] = {1, 2, 3};
static const uint64_t second = 1000000000;

/* --- seen --- */

static void seen_once_then_known(void **state)
{
    struct dbr_seen *s = dbr_seen_new(key, 30);
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        CHECK(!dbr_seen_before(s, i * 0x9e3779b97f4a7c15u, 100), "new %d", (int)i);
    for (uint64_t i = 0; i < 1000; i++)
        CHECK(dbr_seen_before(s, i * 0x9e3779b97f4a7c15u, 101), "known %d", (int)i);
    for (int bit = 0; bit < 64; bit++) /* close to one that is known */
        CHECK(!dbr_seen_before(s, 7 * 0x9e3779b97f4a7c15u ^ 1ull << bit, 101), "bit %d", bit);
    dbr_seen_free(s);
}

static void seen_lasts_one_to_two_generations(void **state)
{
    (void)state;
    for (uint64_t born = 0; born < 30; born += 29)
        for (uint64_t later = 0; later < 100; later++) {
            struct dbr_seen *s = dbr_seen_new(key, 30);
            dbr_seen_before(s, 77, 1000); /* begins a generation */
            assert_false(dbr_seen_before(s, 5, 1000 + born));
            bool known = dbr_seen_before(s, 5, 1000 + born + later);
            if (later < 30)
                CHECK(known, "born %d later %d", (int)born, (int)later);
            if (later >= 60)
                CHECK(!known, "born %d later %d", (int)born, (int)later);
            dbr_seen_free(s);
        }
}

static void seen_stays_while_replayed(void **state)
{
    struct dbr_seen *s = dbr_seen_new(key, 30);
    (void)state;
    assert_false(dbr_seen_before(s, 5, 1000));
    for (uint64_t t = 1010; t < 3000; t += 10)
        CHECK(dbr_seen_before(s, 5, t), "second %d", (int)t);
    assert_false(dbr_seen_before(s, 5, 3100));
    dbr_seen_free(s);
}

static void seen_takes_zero_and_a_clock_that_stands(void **state)
{
    struct dbr_seen *s = dbr_seen_new(key, 0);
    (void)state;
    assert_false(dbr_seen_before(s, 0, 0));
    assert_true(dbr_seen_before(s, 0, 0));
    dbr_seen_free(s);
    dbr_seen_free(NULL);
}

/* More packets than slots: what is forgotten may pass again, what is new must never be taken for known. */
static void seen_never_refuses_the_new(void **state)
{
    struct dbr_seen *s = dbr_seen_new(key, 30);
    uint64_t rng = 1;
    (void)state;
    for (int i = 0; i < 300000; i++)
        CHECK(!dbr_seen_before(s, next_random(&rng), 100), "packet %d", i);
    rng = 1;
    int known = 0;
    for (int i = 0; i < 300000; i++) {
        uint64_t old = next_random(&rng);
        known += i >= 280000 && dbr_seen_before(s, old, 100);
    }
    CHECK(known > 12000, "%d of the latest 20,000 are known", known);
    dbr_seen_free(s);
}

/* --- buckets --- */

static struct dbr_addr v4(uint32_t ip, uint16_t port)
{
    struct dbr_addr a = {.family = 4, .port = port};
    dbr_put32(a.ip, ip);
    return a;
}

static struct dbr_addr v6(uint64_t net, uint64_t host)
{
    struct dbr_addr a = {.family = 6, .port = 1};
    dbr_put64(a.ip, net);
    dbr_put64(a.ip + 8, host);
    return a;
}

static int take_all(struct dbr_buckets *b, const struct dbr_addr *a, uint64_t now, int most)
{
    int n = 0;
    while (n < most && dbr_buckets_take(b, a, now))
        n++;
    return n;
}

static void bucket_empties_and_refills(void **state)
{
    struct dbr_buckets *b = dbr_buckets_new(key, 100, 10);
    struct dbr_addr a = v4(0xc0000201, 1);
    uint64_t t = 1000 * second;
    (void)state;
    assert_int_equal(take_all(b, &a, t, 1000), 100);
    assert_false(dbr_buckets_take(b, &a, t + second / 10 - 1));
    assert_true(dbr_buckets_take(b, &a, t + second / 10));
    assert_false(dbr_buckets_take(b, &a, t + second / 10));
    assert_int_equal(take_all(b, &a, t + 5 * second, 1000), 49);
    assert_int_equal(take_all(b, &a, t + 3600 * second, 1000), 100); /* never more than the rate */
    assert_int_equal(take_all(b, &a, t, 1000), 0); /* a clock that goes back gives nothing */
    dbr_buckets_free(b);
}

static void bucket_of_a_prefix(void **state)
{
    struct dbr_buckets *b = dbr_buckets_new(key, 10, 10);
    uint64_t t = 1000 * second;
    (void)state;
    struct dbr_addr a = v4(0xc0000201, 1), same = v4(0xc0000201, 65535);
    assert_int_equal(take_all(b, &a, t, 99), 10);
    assert_false(dbr_buckets_take(b, &same, t)); /* another port */
    for (int bit = 0; bit < 32; bit++) {
        struct dbr_addr other = v4(0xc0000201 ^ 1u << bit, 1);
        CHECK(take_all(b, &other, t, 99) == 10, "bit %d", bit);
    }
    struct dbr_addr net = v6(0x20010db800000001, 1), same_net = v6(0x20010db800000001, 2);
    assert_int_equal(take_all(b, &net, t, 99), 10);
    assert_false(dbr_buckets_take(b, &same_net, t));
    for (int bit = 0; bit < 64; bit++) {
        struct dbr_addr other = v6(0x20010db800000001 ^ 1ull << bit, 1);
        CHECK(take_all(b, &other, t, 99) == 10, "bit %d", bit);
    }
    struct dbr_addr as_v6 = v6(0xc000020100000000, 0); /* the same first bytes, other family */
    assert_int_equal(take_all(b, &as_v6, t, 99), 10);
    dbr_buckets_free(b);
}

static void bucket_takes_back(void **state)
{
    struct dbr_buckets *b = dbr_buckets_new(key, 10, 10);
    struct dbr_addr a = v4(1, 1), stranger = v4(2, 1);
    uint64_t t = 1000 * second;
    (void)state;
    assert_int_equal(take_all(b, &a, t, 99), 10);
    dbr_buckets_give(b, &a);
    dbr_buckets_give(b, &a);
    assert_int_equal(take_all(b, &a, t, 99), 2);
    for (int i = 0; i < 100; i++)
        dbr_buckets_give(b, &a);
    assert_int_equal(take_all(b, &a, t, 99), 10); /* never above the rate */
    dbr_buckets_give(b, &stranger);
    assert_int_equal(take_all(b, &stranger, t, 99), 10);
    for (int i = 0; i < 5000; i++) { /* a handshake that completes costs nothing */
        struct dbr_addr nat = v4(3, (uint16_t)i);
        CHECK(dbr_buckets_take(b, &nat, t), "client %d behind one NAT", i);
        dbr_buckets_give(b, &nat);
    }
    dbr_buckets_free(b);
}

/* A flood from more prefixes than there are buckets exhausts nobody else. */
static void bucket_flood_denies_nobody(void **state)
{
    struct dbr_buckets *b = dbr_buckets_new(key, 100, 10);
    uint64_t t = 1000 * second;
    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        struct dbr_addr a = v4(i, 1);
        CHECK(dbr_buckets_take(b, &a, t), "prefix %u", i);
    }
    struct dbr_addr greedy = v4(0xdeadbeef, 1);
    assert_int_equal(take_all(b, &greedy, t, 1000), 100);
    assert_false(dbr_buckets_take(b, &greedy, t));
    dbr_buckets_free(b);
}

/* With room for all, nobody's bucket is taken over before it is full again. */
static void bucket_is_kept_while_it_counts(void **state)
{
    struct dbr_buckets *b = dbr_buckets_new(key, 1, 10);
    uint64_t t = 1000 * second;
    (void)state;
    for (uint32_t i = 0; i < 8000; i++) {
        struct dbr_addr a = v4(i, 1);
        assert_true(dbr_buckets_take(b, &a, t));
    }
    int denied = 0;
    for (uint32_t i = 0; i < 8000; i++) {
        struct dbr_addr a = v4(i, 1);
        denied += !dbr_buckets_take(b, &a, t + 9 * second);
    }
    assert_true(denied >= 7990); /* a set of eight rarely gets a ninth */
    dbr_buckets_free(b);
}

static void bucket_rates(void **state)
{
    static const uint32_t rates[] = {1, 2, 3, 7, 100, 1000, 99999};
    struct dbr_addr a = v4(1, 1);
    (void)state;
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct dbr_buckets *b = dbr_buckets_new(key, rates[i], 10);
        CHECK(take_all(b, &a, second, 200000) == (int)rates[i], "rate %u", rates[i]);
        dbr_buckets_free(b);
    }
    struct dbr_buckets *none = dbr_buckets_new(key, 0, 10);
    assert_int_equal(take_all(none, &a, second, 1000), 1000);
    dbr_buckets_free(none);
    dbr_buckets_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seen_once_then_known),
        cmocka_unit_test(seen_lasts_one_to_two_generations),
        cmocka_unit_test(seen_stays_while_replayed),
        cmocka_unit_test(seen_takes_zero_and_a_clock_that_stands),
        cmocka_unit_test(seen_never_refuses_the_new),
        cmocka_unit_test(bucket_empties_and_refills),
        cmocka_unit_test(bucket_of_a_prefix),
        cmocka_unit_test(bucket_takes_back),
        cmocka_unit_test(bucket_flood_denies_nobody),
        cmocka_unit_test(bucket_is_kept_while_it_counts),
        cmocka_unit_test(bucket_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
