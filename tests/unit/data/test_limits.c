/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a worker naps (pace.h), and what the path to a peer takes (path.h). Both are
 * pure.
 */
#include "data/pace.h"
#include "data/path.h"
#include "data/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define US 1000ULL
#define S  1000000000ULL

/* ---- pace ---- */

static struct pace busy(uint64_t *now)
{
    struct pace p = {0};
    *now = S;
    pace_nap(&p, *now, 1);
    for (int i = 1; i < PACE_ROUNDS; i++)
        assert_false(pace_nap(&p, *now += 10 * US, 1));
    assert_true(pace_nap(&p, *now += 10 * US, 1));
    return p;
}

static void test_quick_short_rounds_begin_it(void **state)
{
    (void)state;
    uint64_t now;
    busy(&now);
}

static void test_a_lone_frame_is_never_held(void **state)
{
    (void)state;
    struct pace p = {0};
    for (uint64_t now = S; now < 2 * S; now += PACE_QUICK_NS)
        assert_false(pace_nap(&p, now, 1));
}

static void test_one_gap_starts_the_count_anew(void **state)
{
    (void)state;
    struct pace p = {0};
    uint64_t now = S;
    for (int i = 0; i < 10 * PACE_ROUNDS; i++)
        assert_false(pace_nap(&p, now += i % PACE_ROUNDS ? 10 * US : 100 * US, 1));
}

static void test_long_rounds_are_batches_already(void **state)
{
    (void)state;
    struct pace p = {0};
    uint64_t now = S;
    for (int i = 0; i < 10 * PACE_ROUNDS; i++)
        assert_false(pace_nap(&p, now += 10 * US, PACE_SHORT + 1));
}

static void test_poor_naps_in_a_row_end_it(void **state)
{
    (void)state;
    for (unsigned items = 0; items <= PACE_WORTH; items++) {
        uint64_t now;
        struct pace p = busy(&now);
        for (int i = 1; i < PACE_POOR; i++)
            assert_true(pace_nap(&p, now += PACE_NAP_NS, items));
        assert_true(pace_nap(&p, now += PACE_NAP_NS, PACE_WORTH)); /* counts anew */
        for (int i = 1; i < PACE_POOR; i++)
            assert_true(pace_nap(&p, now += PACE_NAP_NS, items));
        assert_int_equal(pace_nap(&p, now += PACE_NAP_NS, items), items == PACE_WORTH);
        if (items < PACE_WORTH)
            assert_false(pace_nap(&p, now + 10 * US, 1));
    }
}

static void test_timers_do_not_count(void **state)
{
    (void)state;
    struct pace p = {0};
    uint64_t now = S;
    for (int i = 0; i < 10 * PACE_ROUNDS; i++)
        assert_false(pace_nap(&p, now += 10 * US, 0));
}

/* ---- path ---- */

enum { OVERHEAD = 24, L3 = 1422 }; /* AES-256-GCM in P_DATA_V2; of an outer MTU of 1,492 over IPv4 */

static struct peer peer_of(uint8_t family, struct peer_key *k)
{
    struct peer p = {.primary = k};
    struct dbr_data_keys keys = {.cipher = DBR_AES_256_GCM, .use_v2 = 1};
    assert_int_equal(dbr_slot_init(&k->slot, dbr_aead_backend_best(), &keys, 64), 0);
    p.addr.family = p.told_family = family;
    p.told.mss_v4 = L3 - 40;
    p.told.mss_v6 = L3 - 60;
    p.told.max_l3 = L3;
    path_apply(&p);
    return p;
}

static void limits(const struct peer *p, unsigned l3)
{
    assert_int_equal(p->max_l3, l3);
    assert_int_equal(p->mss.v4, l3 - 40);
    assert_int_equal(p->mss.v6, l3 - 60);
}

/* The datagram of a full frame, with a tag, and what must be true of it after a refusal. */
static size_t datagram(unsigned l3)
{
    return l3 + 18 + OVERHEAD;
}

static void test_steps_down_to_what_fits(void **state)
{
    (void)state;
    static const struct {
        uint8_t family;
        unsigned headers, mtu;
    } table[] = {{4, 28, 1400}, {4, 28, 1480}, {4, 28, 1280}, {6, 48, 1400}, {6, 48, 1280}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct peer_key k = {0};
        struct peer p = peer_of(table[i].family, &k);
        int steps = 0;
        while (datagram(p.max_l3) + table[i].headers > table[i].mtu) {
            unsigned before = p.max_l3;
            path_refused(&p, datagram(p.max_l3), S);
            assert_true(p.max_l3 < before && before - p.max_l3 <= PATH_STEP);
            assert_true(++steps < 20);
        }
        assert_true(datagram(p.max_l3) + table[i].headers > table[i].mtu - PATH_STEP);
        limits(&p, p.max_l3);
        dbr_slot_fini(&k.slot);
    }
}

static void test_never_below_the_least(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    path_refused(&p, 100, S);
    limits(&p, 1180);
    dbr_slot_fini(&k.slot);
}

static void test_what_is_off_stays_off(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    p.told.max_l3 = p.told.mss_v4 = p.told.mss_v6 = 0;
    path_apply(&p);
    path_refused(&p, 1400, S);
    assert_int_equal(p.path_shrink, 0);
    assert_int_equal(p.max_l3 | p.mss.v4 | p.mss.v6, 0);
    dbr_slot_fini(&k.slot);
}

/* Limits that are lower than the least are nobody's to raise. */
static void test_low_limits_stay(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    p.told.max_l3 = 600;
    p.told.mss_v4 = 560;
    p.told.mss_v6 = 540;
    for (int i = 0; i < 2; i++) {
        path_apply(&p);
        limits(&p, 600);
        path_refused(&p, 500, S);
        p.addr.family = 6;
    }
    dbr_slot_fini(&k.slot);
}

/* Where payloads are cut, the path decides how long their pieces are. */
static void test_pieces_fit_the_path(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    p.fragments = dbr_fragments_new(1532);
    p.told.max_l3 = 0;
    p.told.fragment = 1440;
    path_apply(&p);
    assert_int_equal(p.piece, 1440);
    path_refused(&p, 1440u + DBR_FRAGMENT_HEADER + OVERHEAD, S);
    assert_in_range(p.piece, 1440 - PATH_STEP, 1439);
    path_refused(&p, 100, S);
    assert_in_range(p.piece, 1180, 1200);
    path_age(&p, S + PATH_LIFE_NS);
    assert_int_equal(p.piece, 1440);
    dbr_fragments_free(p.fragments);
    dbr_slot_fini(&k.slot);
}

static void test_is_forgotten_in_time(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    path_refused(&p, datagram(L3), S);
    unsigned low = p.max_l3;
    assert_true(low < L3);
    path_age(&p, S + PATH_LIFE_NS - 1);
    limits(&p, low);
    path_age(&p, S + PATH_LIFE_NS);
    limits(&p, L3);
    dbr_slot_fini(&k.slot);
}

static void test_a_longer_one_does_not_widen(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    path_refused(&p, 1300, S);
    unsigned low = p.max_l3;
    path_refused(&p, 1400, S); /* was on its way already */
    limits(&p, low);
    dbr_slot_fini(&k.slot);
}

static void test_ipv6_takes_its_longer_header(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    p.addr.family = 6;
    path_apply(&p);
    limits(&p, L3 - 20);
    p.addr.family = 4;
    path_apply(&p);
    limits(&p, L3);
    dbr_slot_fini(&k.slot);
}

static void test_a_new_address_is_a_new_path(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    struct dbr_addr there = {.family = 4, .port = 5000, .ip = {10, 1, 2, 3}};
    path_refused(&p, datagram(L3), S);
    peer_set_addr(&p, &there);
    limits(&p, L3);
    dbr_slot_fini(&k.slot);
}

static void test_without_a_key_nothing_happens(void **state)
{
    (void)state;
    struct peer_key k = {0};
    struct peer p = peer_of(4, &k);
    p.primary = NULL;
    path_refused(&p, 1000, S);
    limits(&p, L3);
    dbr_slot_fini(&k.slot);
}

/* Looks only where answers came soon lately. */
static struct pace near_server(void)
{
    struct pace p = {0};
    for (unsigned i = 0; i < 100; i++)
        pace_answered(&p, 1);
    return p;
}

static void test_looks_for_near_answers(void **state)
{
    (void)state;
    uint64_t now = 1000000 * US;
    struct pace p = {0};
    for (unsigned i = 0; i < PACE_NEAR; i++) {
        assert_false(pace_look(&p, now += 5000 * US));
        pace_answered(&p, PACE_NEAR_NS);
    }
    assert_true(pace_look(&p, now += 5000 * US));
    pace_answered(&p, PACE_NEAR_NS + 1); /* one that came late */
    assert_false(pace_look(&p, now += 5000 * US));
    p = near_server();
    for (unsigned i = 0; i < PACE_NEAR_MAX - PACE_NEAR; i++) {
        assert_true(pace_look(&p, now += 5000 * US));
        pace_answered(&p, 20000 * US);
    }
    assert_true(pace_look(&p, now += 5000 * US));
    pace_answered(&p, 20000 * US);
    assert_false(pace_look(&p, now += 5000 * US)); /* the server is far away now */
}

static void test_looking_costs_a_tenth_at_most(void **state)
{
    (void)state;
    uint64_t now = 1000000 * US, spent = 0, first = now;
    struct pace p = near_server();
    for (; now < first + 1000000 * US; now += 600 * US) /* a second of questions that nobody answers */
        if (pace_look(&p, now)) {
            pace_looked(&p, PACE_NEAR_NS);
            spent += PACE_NEAR_NS;
        }
    assert_in_range(spent, 95000 * US, 106000 * US);
    pace_look(&p, now);
    pace_looked(&p, 1000000 * US); /* stopped meanwhile: not in debt for ever */
    assert_false(pace_look(&p, now));
    assert_false(pace_look(&p, now += PACE_SHARE * PACE_NEAR_NS - 1));
    assert_true(pace_look(&p, now += PACE_SHARE));
    for (unsigned i = 0; i < 20000;
         i++, now += 110 * US) { /* answers after 10 us each cost next to nothing */
        assert_true(pace_look(&p, now));
        pace_looked(&p, 10 * US);
    }
}

static void test_lets_who_sent_a_lone_frame_go_to_sleep(void **state)
{
    (void)state;
    uint64_t now = 1000000 * US;
    struct pace p = near_server(), far = {0};
    pace_active(&p, now);
    pace_active(&far, now);
    assert_true(pace_courtesy(&p, now + PACE_QUIET_NS));
    assert_false(pace_courtesy(&p, now + PACE_QUIET_NS - 1)); /* one of many */
    assert_false(pace_courtesy(&far, now + PACE_QUIET_NS));
}

static void test_does_not_yield_to_who_never_sleeps(void **state)
{
    (void)state;
    uint64_t now = 1000000 * US;
    struct pace p = near_server();
    pace_yielded(&p, now, PACE_NEAR_NS);
    assert_true(pace_courtesy(&p, now));
    assert_true(pace_look(&p, now));
    pace_yielded(&p, now, PACE_NEAR_NS + 1);
    assert_false(pace_courtesy(&p, now + PACE_SHY_NS - 1));
    assert_false(pace_look(&p, now + PACE_SHY_NS - 1));
    assert_true(pace_courtesy(&p, now + PACE_SHY_NS));
    assert_true(pace_look(&p, now + PACE_SHY_NS));
}

/* Somebody who sends a frame a second beside such a program waits for it less and less often. */
static void test_gets_shyer(void **state)
{
    (void)state;
    uint64_t now = 1000000 * US, first = now, last = now;
    struct pace p = near_server();
    unsigned met = 0;
    for (; now < first + 64 * S; now += S)
        if (pace_courtesy(&p, now)) {
            pace_yielded(&p, now, PACE_NEAR_NS + 1);
            met++;
            last = now;
        }
    assert_int_equal(met, 8); /* after 0, 1, 3, 7, 15, 31, 47, 63 s */
    assert_int_equal(last, first + 63 * S);
    now = last + PACE_SHY_MAX_NS + PACE_SHY_AGAIN * PACE_SHY_MAX_NS;
    struct pace soon = p;
    pace_yielded(&soon, now - 1, PACE_NEAR_NS + 1);
    assert_false(pace_courtesy(&soon, now + PACE_SHY_MAX_NS - 2));
    pace_yielded(&p, now, PACE_NEAR_NS + 1); /* it has been away */
    assert_false(pace_courtesy(&p, now + PACE_SHY_NS - 1));
    assert_true(pace_courtesy(&p, now + PACE_SHY_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_looks_for_near_answers),
        cmocka_unit_test(test_looking_costs_a_tenth_at_most),
        cmocka_unit_test(test_lets_who_sent_a_lone_frame_go_to_sleep),
        cmocka_unit_test(test_does_not_yield_to_who_never_sleeps),
        cmocka_unit_test(test_gets_shyer),
        cmocka_unit_test(test_quick_short_rounds_begin_it),
        cmocka_unit_test(test_a_lone_frame_is_never_held),
        cmocka_unit_test(test_one_gap_starts_the_count_anew),
        cmocka_unit_test(test_long_rounds_are_batches_already),
        cmocka_unit_test(test_poor_naps_in_a_row_end_it),
        cmocka_unit_test(test_timers_do_not_count),
        cmocka_unit_test(test_steps_down_to_what_fits),
        cmocka_unit_test(test_never_below_the_least),
        cmocka_unit_test(test_what_is_off_stays_off),
        cmocka_unit_test(test_low_limits_stay),
        cmocka_unit_test(test_pieces_fit_the_path),
        cmocka_unit_test(test_is_forgotten_in_time),
        cmocka_unit_test(test_a_longer_one_does_not_widen),
        cmocka_unit_test(test_ipv6_takes_its_longer_header),
        cmocka_unit_test(test_a_new_address_is_a_new_path),
        cmocka_unit_test(test_without_a_key_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
