/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/inet.h"

#include <stdlib.h>

#include "frames.h"
#include "test.h"

static struct frame f;

static struct inet parse(void)
{
    struct dbr_eth_view v;
    uint8_t *exact = malloc(f.n);
    memcpy(exact, f.b, f.n);
    assert_int_equal(dbr_eth_parse(&v, exact, f.n), 0);
    struct inet in = inet_parse(exact, f.n, v.l3, v.ethertype);
    free(exact);
    return in;
}

static void start(uint8_t version)
{
    struct frame_spec s = {.version = version, .proto = 6, .tagged = true, .vid = 3};
    frame_build(&f, &s, NULL, 10);
}

static void test_plain(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        start(version);
        frame_fill(&f, 0, 9); /* padding */
        struct inet in = parse();
        assert_int_equal(in.version, version);
        assert_int_equal(in.proto, 6);
        assert_int_equal(in.l3, 18);
        assert_int_equal(in.l4, f.l4);
        assert_int_equal(in.end, f.n - 9);
        assert_false(in.fragment || in.later || in.cut || in.routing || in.short_len);
        f.n -= 10; /* one byte less than IP says */
        in = parse();
        assert_true(in.short_len && in.end == f.n);
    }
}

/* Byte `at` of the IP header set to a value: is it still IP? */
static void test_headers(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, at, value, want;
    } cases[] = {
        {4, 0, 0x45, 4}, {4, 0, 0x65, 0}, {4, 0, 0x44, 0}, {4, 0, 0x40, 0},
        {4, 0, 0x4f, 0}, /* 60 bytes of header in 50 bytes of packet */
        {4, 3, 19, 0},   /* total below the header */
        {4, 3, 20, 4},   {6, 0, 0x60, 6}, {6, 0, 0x45, 0}, {6, 5, 0, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(cases[i].version);
        f.b[f.l3 + cases[i].at] = cases[i].value;
        if (parse().version != cases[i].want)
            fail_msg("case %zu", i);
    }
    start(4);
    f.b[f.l3] = 0x4f;
    frame_fill(&f, 0, 30); /* the header is in the frame, but longer than the packet */
    assert_int_equal(parse().version, 0);
    start(4);
    f.b[13] = 0x06; /* EtherTypes of others */
    f.b[17] = 0x06;
    assert_int_equal(parse().version, 0);
}

static void test_short_frames(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        start(version);
        size_t header = version == 4 ? 20 : 40;
        for (; f.n >= f.l3; f.n--) {
            struct inet in = parse();
            assert_int_equal(in.version, f.n >= f.l3 + header ? version : 0);
            assert_true(in.end <= f.n && in.l4 <= f.n);
        }
    }
    struct inet in = inet_parse(f.b, 10, 14, DBR_ETHERTYPE_IPV4);
    assert_int_equal(in.version, 0);
}

static void test_fragments_of_ip4(void **state)
{
    (void)state;
    static const struct {
        uint8_t high, low;
        bool fragment, later;
    } cases[] = {{0x40, 0, false, false}, {0x80, 0, false, false}, {0x20, 0, true, false},
                 {0x20, 1, true, true},   {0, 1, true, true},      {0x10, 0, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(4);
        f.b[f.l3 + 6] = cases[i].high;
        f.b[f.l3 + 7] = cases[i].low;
        struct inet in = parse();
        if (in.fragment != cases[i].fragment || in.later != cases[i].later)
            fail_msg("case %zu", i);
    }
}

/* n bytes behind the fixed IPv6 header. */
static struct inet chain(uint8_t next, const uint8_t *p, size_t n)
{
    uint8_t ip[40] = {0x60, 0, 0, 0, 0, (uint8_t)n, next};
    frame_start(&f, HOST_B, HOST_A, 0x86dd);
    frame_bytes(&f, ip, 40);
    frame_bytes(&f, p, n);
    return parse();
}

#define CHAIN(next, ...) chain(next, (uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

static void test_chains(void **state)
{
    (void)state;
    struct inet in = CHAIN(0, 6, 0, 0, 0, 0, 0, 0, 0); /* exactly to the end */
    assert_true(!in.cut && in.proto == 6 && in.l4 == 62 && in.end == 62);
    in = CHAIN(0, 6, 1, 0, 0, 0, 0, 0, 0);
    assert_true(in.cut);
    in = CHAIN(0, 6, 0, 0, 0, 0, 0, 0);
    assert_true(in.cut);
    in = CHAIN(51, 17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9);
    assert_true(!in.cut && in.proto == 17 && in.l4 == 66);
    in = CHAIN(43, 17, 0, 0, 0, 0, 0, 0, 0, 9);
    assert_true(in.routing && in.proto == 17);
    in = CHAIN(44, 17, 0, 0, 1, 1, 2, 3, 4, 9);
    assert_true(in.fragment && !in.later && in.proto == 17 && in.l4 == 62);
    in = CHAIN(44, 60, 0, 0, 8, 1, 2, 3, 4, 6, 0, 0, 0, 0, 0, 0, 0);
    assert_true(in.fragment && in.later && in.proto == 60 && in.l4 == 62); /* nothing to walk in there */
    in = CHAIN(59, 0);
    assert_true(!in.cut && in.proto == 59 && in.l4 == 54);
}

/* INET_CHAIN_MAX headers are walked, one more is not. */
static void test_longest_chain(void **state)
{
    (void)state;
    uint8_t p[(INET_CHAIN_MAX + 1) * 8] = {0};
    for (size_t i = 0; i <= INET_CHAIN_MAX; i++)
        p[i * 8] = 60;
    p[(INET_CHAIN_MAX - 1) * 8] = 6;
    assert_false(chain(60, p, INET_CHAIN_MAX * 8).cut);
    p[(INET_CHAIN_MAX - 1) * 8] = 60;
    p[INET_CHAIN_MAX * 8] = 6;
    assert_true(chain(60, p, (INET_CHAIN_MAX + 1) * 8).cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),         cmocka_unit_test(test_headers),
        cmocka_unit_test(test_short_frames),  cmocka_unit_test(test_chains),
        cmocka_unit_test(test_longest_chain), cmocka_unit_test(test_fragments_of_ip4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
