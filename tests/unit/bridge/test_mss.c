/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/mss.h"

#include <stdlib.h>

#include "frames.h"
#include "test.h"

static struct frame f, before;
static const struct dbr_mss limit = {.v4 = 1368, .v6 = 1348};

/* A SYN whose options are these bytes (padded by the test to a multiple of 4). */
static void syn(struct frame_spec s, const uint8_t *options, uint8_t n)
{
    s.proto = 6;
    s.dst = HOST_B;
    s.src = HOST_A;
    s.flags = s.flags ? s.flags : 2;
    s.tcp_options = n;
    frame_build(&f, &s, NULL, 0);
    memcpy(f.b + f.l4 + 20, options, n);
    frame_finish(&f);
    before = f;
}

static bool clamp(void)
{
    uint8_t *exact = malloc(f.n);
    memcpy(exact, f.b, f.n);
    bool changed = dbr_mss_clamp(exact, f.n, limit, false);
    memcpy(f.b, exact, f.n);
    free(exact);
    return changed;
}

static void expect_mss(size_t at, uint16_t value)
{
    assert_true(clamp());
    assert_int_equal(f.b[f.l4 + at] << 8 | f.b[f.l4 + at + 1], value);
    assert_true(frame_good(f.b, f.n, f.l3, f.l4, 6));
    memcpy(before.b + f.l4 + at, f.b + f.l4 + at, 2); /* nothing else but the checksum has changed */
    memcpy(before.b + f.l4 + 16, f.b + f.l4 + 16, 2);
    assert_memory_equal(f.b, before.b, f.n);
    assert_false(clamp()); /* once is enough */
}

static void expect_untouched(void)
{
    assert_false(clamp());
    assert_memory_equal(f.b, before.b, f.n);
}

static const uint8_t plain[4] = {2, 4, 5, 180}; /* 1460 */

static void test_all_headers(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int tagged = 0; tagged < 2; tagged++)
            for (uint8_t extra = 0; extra <= 10; extra++) {
                struct frame_spec s = {.version = version, .tagged = tagged, .vid = 5};
                if (version == 4)
                    s.ip_options = (uint8_t)(extra * 4);
                else
                    s.ext_headers = extra;
                syn(s, plain, 4);
                expect_mss(22, version == 4 ? 1368 : 1348);
            }
}

static void test_option_places(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, (uint8_t[]){1, 2, 4, 5, 180, 1, 1, 0}, 8); /* at an odd offset */
    expect_mss(23, 1368);
    syn(s, (uint8_t[]){3, 3, 7, 4, 2, 2, 4, 5, 180, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0}, 20);
    expect_mss(27, 1368);
    syn(s, (uint8_t[]){2, 4, 5, 180, 2, 4, 6, 0}, 8); /* twice: the first counts */
    expect_mss(22, 1368);
    s.flags = 0x12; /* SYN ACK: the other direction */
    syn(s, plain, 4);
    expect_mss(22, 1368);
    syn(s, (uint8_t[]){2, 4, 5, 89}, 4); /* 1369 */
    expect_mss(22, 1368);
}

static void test_left_alone(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, (uint8_t[]){2, 4, 5, 88}, 4); /* exactly the limit */
    expect_untouched();
    syn(s, (uint8_t[]){2, 4, 0, 100}, 4);
    expect_untouched();
    syn(s, (uint8_t[]){1, 1, 1, 1}, 4); /* no option */
    expect_untouched();
    syn(s, plain, 0);
    expect_untouched();
    s.flags = 0x10; /* not a SYN */
    syn(s, plain, 4);
    expect_untouched();
    struct frame_spec u = {.version = 4, .proto = 17, .dst = HOST_B, .src = HOST_A};
    frame_build(&f, &u, (uint8_t[]){0, 0, 0, 0, 0x60, 2, 0, 0, 0, 0, 0, 0, 2, 4, 5, 180}, 16);
    before = f;
    expect_untouched();
}

static void test_bad_options(void **state)
{
    (void)state;
    static const struct {
        uint8_t n, options[12];
    } cases[] = {
        {4, {2, 3, 5, 180}}, /* wrong length of its own */
        {4, {2, 0, 5, 180}}, /* length 0: would loop */
        {4, {2, 1, 5, 180}},
        {8, {3, 0, 2, 4, 5, 180, 0, 0}},
        {8, {2, 4, 5, 180, 3, 40, 0, 0}},  /* good one first, broken one behind */
        {8, {8, 200, 1, 1, 2, 4, 5, 180}}, /* beyond the header */
        {4, {1, 1, 1, 2}},                 /* kind without length */
        {8, {0, 0, 0, 0, 2, 4, 5, 180}},   /* after the end of the list */
        {8, {2, 8, 5, 180, 0, 0, 0, 0}},
        {4, {1, 2, 4, 5}}, /* MSS cut by the end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_spec s = {.version = 4};
        syn(s, cases[i].options, cases[i].n);
        if (clamp() || memcmp(f.b, before.b, f.n) != 0)
            fail_msg("case %zu", i);
    }
}

static void test_bad_headers(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, plain, 4);
    f.b[f.l4 + 12] = 0x40; /* header of 16 bytes */
    before = f;
    expect_untouched();
    f.b[f.l4 + 12] = 0xf0; /* longer than the packet */
    before = f;
    expect_untouched();
    syn(s, plain, 4);
    f.b[f.l3 + 3] = 255; /* IP length beyond the frame */
    before = f;
    expect_untouched();
    syn(s, plain, 4);
    f.b[f.l3 + 7] = 1; /* a later fragment */
    before = f;
    expect_untouched();
    syn(s, plain, 4);
    f.b[f.l3] = 0x44; /* IP header of 16 bytes */
    before = f;
    expect_untouched();
    s.version = 6;
    s.ext_headers = 1;
    syn(s, plain, 4);
    f.b[f.l3 + 41] = 99; /* extension header beyond the frame */
    before = f;
    expect_untouched();
}

/* Every cut of a good frame: no over-read, no change. */
static void test_every_length(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct frame_spec s = {.version = version, .tagged = true, .vid = 1};
        syn(s, plain, 4);
        for (f.n--; f.n > 0; f.n--)
            expect_untouched();
    }
}

static void test_first_fragment(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, plain, 4);
    f.b[f.l3 + 6] = 0x20; /* its checksum cannot be checked here, but the option is */
    assert_true(clamp());
}

static void test_partial_checksum(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, plain, 4);
    uint16_t pseudo = plain_fold(plain_pseudo(f.b + f.l3, 6, f.n - f.l4));
    f.b[f.l4 + 16] = (uint8_t)(pseudo >> 8);
    f.b[f.l4 + 17] = (uint8_t)pseudo;
    assert_true(dbr_mss_clamp(f.b, f.n, limit, true));
    assert_int_equal(f.b[f.l4 + 16] << 8 | f.b[f.l4 + 17], pseudo); /* the kernel's half stays the kernel's */
    assert_int_equal(f.b[f.l4 + 22] << 8 | f.b[f.l4 + 23], 1368);
}

static void test_off(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4};
    syn(s, plain, 4);
    assert_false(dbr_mss_clamp(f.b, f.n, (struct dbr_mss){0, 0}, false));
}

/* The rows marked "seen" are what OpenVPN 2.6.14 logs for a TAP ("mss_fix:", --verb 4); the others follow its
 * formula. */
static void test_compute(void **state)
{
    (void)state;
    static const struct {
        struct dbr_mss_fit in;
        uint16_t v4, v6;
    } cases[] = {
        /* AES-256-GCM: 4 opcode and peer id, 4 packet id, 16 tag */
        {{1492, DBR_MSS_MTU, 4, 24, 0, 0, 32, false}, 1368, 1348}, /* seen */
        {{1400, DBR_MSS_MTU, 4, 24, 0, 0, 32, false}, 1276, 1256}, /* seen */
        {{1492, DBR_MSS_MTU, 6, 24, 0, 0, 32, false}, 1348, 1328},
        {{1400, DBR_MSS_PAYLOAD, 4, 24, 0, 0, 32, false}, 1304, 1284}, /* seen */
        {{1400, DBR_MSS_FIXED, 4, 24, 0, 0, 32, false}, 1360, 1340},   /* seen */
        {{1492, DBR_MSS_MTU, 4, 24, 1, 0, 32, false}, 1367, 1347},     /* a compression byte */
        /* AES-256-CBC with SHA256: 4, 16 IV, 32 HMAC; packet id inside; (1492-28-52)/16*16-1-4-32-40 */
        {{1492, DBR_MSS_MTU, 4, 52, 4, 16, 32, false}, 1331, 1311}, /* seen */
        /* TCP outside: 20+20 and 2 bytes of length */
        {{1492, DBR_MSS_MTU, 4, 26, 0, 0, 32, true}, 1354, 1334},
        {{0, DBR_MSS_MTU, 4, 24, 0, 0, 32, false}, 0, 0},
        {{65535, DBR_MSS_MTU, 4, 24, 0, 0, 32, false}, 65411, 65391},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dbr_mss m = dbr_mss_compute(&cases[i].in);
        if (m.v4 != cases[i].v4 || m.v6 != cases[i].v6)
            fail_msg("case %zu: %u %u", i, m.v4, m.v6);
    }
    for (unsigned v = 1; v <= 200;
         v++) /* CVE-2023-46849's kin: small values neither wrap nor divide by zero */
        for (uint8_t mode = 0; mode < 3; mode++) {
            struct dbr_mss_fit in = {(uint16_t)v, mode, 6, 52, 4, 16, 32, false};
            struct dbr_mss m = dbr_mss_compute(&in);
            assert_in_range(m.v4, 1, 200);
            assert_in_range(m.v6, 1, 200);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_headers),
        cmocka_unit_test(test_option_places),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_first_fragment),
        cmocka_unit_test(test_partial_checksum),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_compute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
