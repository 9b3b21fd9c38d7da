/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses and their texts: a table, and on systems that have them inet_ntop and inet_pton beside ours.
 */
#include "base/ip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#ifndef _WIN32
#include <arpa/inet.h>
#endif

/* text, and what it is written as: the shortest form; NULL: refused */
static const struct {
    const char *text, *shown;
} rows6[] = {
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
    {"2001:DB8::00ab:1", "2001:db8::ab:1"},
    {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
    {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
    {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
    {"0:1:2:3:4:5:6:7", "0:1:2:3:4:5:6:7"},
    {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
    {"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
    {"::ffff:c000:201", "::ffff:192.0.2.1"},
    {"::192.0.2.1", "::192.0.2.1"},
    {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
    {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"", NULL},
    {":", NULL},
    {":::", NULL},
    {":1", NULL},
    {"1:", NULL},
    {"1::2:", NULL},
    {":1::2", NULL},
    {"1::2::3", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8::", NULL},
    {"::1:2:3:4:5:6:7:8", NULL},
    {"12345::", NULL},
    {"g::", NULL},
    {"1 ::", NULL},
    {"fe80::1%2", NULL},
    {"::1.2.3", NULL},
    {"::1.2.3.256", NULL},
    {"::1.2.3.4:5", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"1.2.3.4", NULL},
    {"::1/64", NULL},
};

static const struct {
    const char *text;
    bool good;
} rows4[] = {
    {"0.0.0.0", true},    {"255.255.255.255", true}, {"192.0.2.1", true},   {"", false},
    {"1.2.3", false},     {"1.2.3.4.5", false},      {"1.2.3.", false},     {".1.2.3", false},
    {"1..2.3", false},    {"1.2.3.256", false},      {"1.2.3.1000", false}, {"01.2.3.4", false},
    {"1.2.3.00", false},  {"1.2.3.4 ", false},       {" 1.2.3.4", false},   {"1.2.3.-4", false},
    {"1.2.3.0x4", false}, {"4294967295", false},
};

static void untouched(const uint8_t *ip, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ip[i], 0xa5);
}

static void table6(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows6 / sizeof *rows6; i++) {
        uint8_t ip[16];
        char text[DBR_IP6_TEXT];
        memset(ip, 0xa5, sizeof ip);
        bool good = dbr_ip6_parse(rows6[i].text, ip);
        if (good != (rows6[i].shown != NULL))
            fail_msg("'%s'", rows6[i].text);
        if (good)
            assert_string_equal(dbr_ip6_text(ip, text), rows6[i].shown);
        else
            untouched(ip, sizeof ip);
    }
}

static void table4(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows4 / sizeof *rows4; i++) {
        uint8_t ip[4];
        char text[DBR_IP4_TEXT];
        memset(ip, 0xa5, sizeof ip);
        if (dbr_ip4_parse(rows4[i].text, ip) != rows4[i].good)
            fail_msg("'%s'", rows4[i].text);
        if (rows4[i].good)
            assert_string_equal(dbr_ip4_text(ip, text), rows4[i].text);
        else
            untouched(ip, sizeof ip);
    }
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    return *s ^= *s << 17;
}

/* Many zeros, so that gaps of all kinds come. */
static void random_ip(uint64_t *seed, uint8_t ip[16])
{
    for (int i = 0; i < 8; i++) {
        uint64_t r = next_random(seed);
        uint16_t g = r % 4 == 0 ? (uint16_t)(r >> 8) : r % 4 == 1 ? 0xffff : 0;
        ip[2 * i] = (uint8_t)(g >> 8);
        ip[2 * i + 1] = (uint8_t)g;
    }
}

static void there_and_back(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t ip[16], back[16];
        char text[DBR_IP6_TEXT];
        random_ip(&seed, ip);
        if (!dbr_ip6_parse(dbr_ip6_text(ip, text), back) || memcmp(ip, back, 16))
            fail_msg("case %d: %s", i, text);
    }
}

#ifndef _WIN32
static void shown_as_by_libc(void **state)
{
    uint64_t seed = 2;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t ip[16];
        char ours[DBR_IP6_TEXT], theirs[INET6_ADDRSTRLEN];
        random_ip(&seed, ip);
        assert_string_equal(dbr_ip6_text(ip, ours), inet_ntop(AF_INET6, ip, theirs, sizeof theirs));
        assert_string_equal(dbr_ip4_text(ip, ours), inet_ntop(AF_INET, ip, theirs, sizeof theirs));
    }
}

/* Texts near the border: an address with one or two characters changed. */
static void read_as_by_libc(void **state)
{
    static const char chars[] = "0123456789abcdefF:::...%/ x";
    uint64_t seed = 3;
    int good = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        uint8_t ip[16], ours[16], theirs[16];
        char text[DBR_IP6_TEXT + 3] = "";
        random_ip(&seed, ip);
        (i % 4 ? dbr_ip6_text : dbr_ip4_text)(ip, text);
        for (uint64_t n = next_random(&seed) % 3; n; n--)
            text[next_random(&seed) % (strlen(text) + 1)] = chars[next_random(&seed) % (sizeof chars - 1)];
        text[sizeof text - 1] = 0;
        bool ours6 = dbr_ip6_parse(text, ours);
        if (ours6 != (inet_pton(AF_INET6, text, theirs) == 1) || (ours6 && memcmp(ours, theirs, 16)))
            fail_msg("case %d: '%s'", i, text);
        bool ours4 = dbr_ip4_parse(text, ours);
        if (ours4 != (inet_pton(AF_INET, text, theirs) == 1) || (ours4 && memcmp(ours, theirs, 4)))
            fail_msg("case %d: '%s'", i, text);
        good += ours6 + ours4;
    }
    assert_in_range(good, 20000, 180000);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table6),           cmocka_unit_test(table4),
        cmocka_unit_test(there_and_back),
#ifndef _WIN32
        cmocka_unit_test(shown_as_by_libc), cmocka_unit_test(read_as_by_libc),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
