/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stateless session id: one good case and one bad case for everything it binds (CVE-2025-13086 lived
 * behind a test that had only the good one, and that one wrong).
 */
#include "helpers.h"
#include "vectors.h"

#include "proto/cookie.h"

static struct dbr_cookie cookie = {.slot_seconds = 30};
static struct dbr_addr client = {.family = 4, .port = 1194, .ip = {192, 0, 2, 7}};
static const uint64_t client_sid = 0x0102030405060708, now_s = 1700000000;
static uint64_t sid;

static int set_up(void **state)
{
    (void)state;
    fill_pattern(cookie.key, sizeof cookie.key, 40);
    sid = dbr_cookie_make(&cookie, now_s, &client, client_sid);
    return 0;
}

static bool check(const struct dbr_addr *addr, uint64_t csid, uint64_t ssid)
{
    return dbr_cookie_check(&cookie, now_s, addr, csid, ssid);
}

static void known_answer(void **state)
{
    (void)state;
    assert_true(sid == COOKIE_VECTOR);
    assert_true(check(&client, client_sid, sid));
}

static void each_bit_of_the_cookie(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++)
        CHECK(!check(&client, client_sid, sid ^ 1ull << bit), "bit %d", bit);
    assert_false(check(&client, client_sid, 0));
    assert_false(check(&client, client_sid, ~sid));
}

static void each_bit_of_the_client_sid(void **state)
{
    (void)state;
    for (int bit = 0; bit < 64; bit++)
        CHECK(!check(&client, client_sid ^ 1ull << bit, sid), "bit %d", bit);
}

static void other_address(void **state)
{
    (void)state;
    for (int family = 4; family <= 6; family += 2) {
        struct dbr_addr here = client;
        here.family = (uint8_t)family;
        uint64_t good = dbr_cookie_make(&cookie, now_s, &here, client_sid);
        assert_true(check(&here, client_sid, good));
        for (int bit = 0; bit < (family == 4 ? 32 : 128); bit++) {
            struct dbr_addr other = here;
            other.ip[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(!check(&other, client_sid, good), "family %d bit %d", family, bit);
        }
        struct dbr_addr other = here;
        other.family = (uint8_t)(10 - family);
        assert_false(check(&other, client_sid, good));
        other = here;
        other.scope = 2;
        assert_false(check(&other, client_sid, good));
        other = here;
        other.via = 1; /* our own end must not count */
        other.home[3] = 1;
        assert_true(check(&other, client_sid, good));
    }
}

static void other_port(void **state)
{
    (void)state;
    for (unsigned port = 0; port < 65536; port++) {
        struct dbr_addr other = client;
        other.port = (uint16_t)port;
        CHECK(check(&other, client_sid, sid) == (port == client.port), "port %u", port);
    }
}

static void other_key(void **state)
{
    (void)state;
    for (int bit = 0; bit < 128; bit++) {
        struct dbr_cookie other = cookie;
        other.key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!dbr_cookie_check(&other, now_s, &client, client_sid, sid), "bit %d", bit);
    }
}

/* Made in slot t: good in t, t+1 and t+2, and in no other slot before or after. */
static void slots(void **state)
{
    uint64_t slot = now_s / cookie.slot_seconds;
    (void)state;
    for (int64_t later = -5; later <= 5; later++) {
        uint64_t begins = (slot + (uint64_t)later) * cookie.slot_seconds;
        uint64_t seconds[] = {begins, begins + 1, begins + cookie.slot_seconds - 1};
        for (size_t i = 0; i < COUNT(seconds); i++)
            CHECK(dbr_cookie_check(&cookie, seconds[i], &client, client_sid, sid) ==
                      (later >= 0 && later <= 2),
                  "slot %+d second %zu", (int)later, i);
    }
}

static void the_first_slots_of_a_clock(void **state)
{
    (void)state;
    for (uint64_t made = 0; made < 5; made++)
        for (uint64_t now = 0; now < 8; now++) {
            uint64_t c = dbr_cookie_make(&cookie, made * 30, &client, client_sid);
            CHECK(dbr_cookie_check(&cookie, now * 30, &client, client_sid, c) ==
                      (made <= now && now <= made + 2),
                  "made %d now %d", (int)made, (int)now);
        }
}

static void never_zero_and_spread(void **state)
{
    uint64_t seen_or = 0, seen_and = UINT64_MAX;
    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t c = dbr_cookie_make(&cookie, now_s, &client, i);
        assert_true(c != 0);
        seen_or |= c;
        seen_and &= c;
    }
    assert_true(seen_or == UINT64_MAX && seen_and == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answer),
        cmocka_unit_test(each_bit_of_the_cookie),
        cmocka_unit_test(each_bit_of_the_client_sid),
        cmocka_unit_test(other_address),
        cmocka_unit_test(other_port),
        cmocka_unit_test(other_key),
        cmocka_unit_test(slots),
        cmocka_unit_test(the_first_slots_of_a_clock),
        cmocka_unit_test(never_zero_and_spread),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
