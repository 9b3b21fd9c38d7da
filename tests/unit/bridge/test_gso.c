/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/gso.h"

#include <stdlib.h>

#include "frames.h"
#include "test.h"

static struct frame super;
static uint8_t out[FRAME_CAP];

/* The super frame of a spec and the header the kernel would give it. */
static struct dbr_vnet make_super(const struct frame_spec *s, size_t payload, uint16_t size)
{
    frame_build(&super, s, NULL, payload);
    size_t at = super.l4 + (s->proto == 6 ? 16 : 6);
    uint16_t sum = plain_fold(plain_pseudo(super.b + super.l3, s->proto, super.n - super.l4));
    super.b[at] = (uint8_t)(sum >> 8);
    super.b[at + 1] = (uint8_t)sum;
    uint8_t type = s->proto == 17    ? DBR_VNET_GSO_UDP_L4
                   : s->version == 4 ? DBR_VNET_GSO_TCPV4
                                     : DBR_VNET_GSO_TCPV6;
    return (struct dbr_vnet){.flags = DBR_VNET_NEEDS_CSUM,
                             .gso_type = type,
                             .hdr_len = (uint16_t)frame_head(s),
                             .gso_size = size,
                             .csum_start = (uint16_t)super.l4,
                             .csum_offset = (uint16_t)(at - super.l4)};
}

/* What segment i must look like, built by the test itself. */
static void build_expected(struct frame *want, struct frame_spec s, size_t i, size_t at, size_t n, bool last)
{
    uint8_t flags = s.flags;
    if (s.proto == 6) {
        if (!last)
            flags &= (uint8_t) ~(1 | 8);
        if (i > 0)
            flags &= 0x7f;
        if (flags & 0x20) {
            bool passed = s.urgent < at;
            s.urgent = passed ? 0 : (uint16_t)(s.urgent - at);
            if (passed)
                flags &= (uint8_t)~0x20;
        }
    }
    s.flags = flags;
    size_t head = frame_head(&s);
    s.id = (uint16_t)(s.id + i);
    s.seq += (uint32_t)at;
    frame_build(want, &s, super.b + head + at, n);
}

static void expect_segments(const struct frame_spec *s, const struct dbr_vnet *v, struct dbr_mss max,
                            size_t size)
{
    static struct frame want;
    struct dbr_gso g;
    uint8_t *exact = malloc(super.n);
    memcpy(exact, super.b, super.n);
    assert_int_equal(dbr_gso_init(&g, v, exact, super.n, max), 0);
    size_t head = frame_head(s), payload = super.n - head, at = 0, i = 0;
    size_t count = payload ? (payload + size - 1) / size : 1;
    assert_int_equal(dbr_gso_count(&g), count);
    assert_int_equal(dbr_gso_frame_len(&g), head + (payload < size ? payload : size));
    for (int n; (n = dbr_gso_next(&g, out, sizeof out)) > 0; i++) {
        size_t part = payload - at < size ? payload - at : size;
        build_expected(&want, *s, i, at, part, at + part == payload);
        assert_int_equal(n, want.n);
        assert_memory_equal(out, want.b, want.n);
        assert_true(frame_good(out, want.n, want.l3, want.l4, s->proto));
        at += part;
    }
    assert_int_equal(i, count);
    assert_int_equal(dbr_gso_next(&g, out, sizeof out), 0);
    free(exact);
}

static struct frame_spec random_spec(uint64_t *seed)
{
    struct frame_spec s = {
        .version = below(seed, 2) ? 4 : 6,
        .proto = below(seed, 4) ? 6 : 17,
        .dst = HOST_B,
        .src = HOST_A,
        .tagged = below(seed, 3) == 0,
        .vid = (uint16_t)below(seed, 4095),
        .tos = (uint8_t)noise(seed),
        .dont_fragment = below(seed, 2),
        .id = (uint16_t)noise(seed),
        .host = (uint8_t)noise(seed),
        .sport = (uint16_t)noise(seed),
        .dport = (uint16_t)noise(seed),
        .seq = (uint32_t)noise(seed),
        .ack = (uint32_t)noise(seed),
        .window = (uint16_t)noise(seed),
        .tcp_options = (uint8_t)(4 * below(seed, 11)),
        .flags = 0x10,
    };
    static const uint8_t extra[] = {1, 8, 9, 0x40, 0x80, 0x89, 0x20};
    if (below(seed, 2))
        s.flags |= extra[below(seed, sizeof extra)];
    if (s.flags & 0x20)
        s.urgent = (uint16_t)(1 + below(seed, 3000));
    if (s.version == 4)
        s.ip_options = (uint8_t)(4 * below(seed, 11));
    else
        s.ext_headers = (uint8_t)below(seed, 4);
    return s;
}

static void test_random_super_frames(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        uint64_t rng = seed;
        struct frame_spec s = random_spec(&rng);
        size_t room = 65535 - (frame_head(&s) - 14);
        size_t payload = 1 + below(&rng, below(&rng, 4) ? 6000 : room - 20);
        uint16_t size = (uint16_t)(8 + below(&rng, 1480));
        struct dbr_vnet v = make_super(&s, payload, size);
        expect_segments(&s, &v, (struct dbr_mss){0, 0}, size);
    }
}

static void test_sizes_around_a_segment(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x18, .tcp_options = 12};
    for (size_t payload = 0; payload < 3 * 100 + 2; payload++) {
        struct dbr_vnet v = make_super(&s, payload, 100);
        expect_segments(&s, &v, (struct dbr_mss){0, 0}, 100);
    }
}

static void test_largest(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10, .id = 0xfff0, .seq = 0xffffff00};
    struct dbr_vnet v = make_super(&s, 65535 - 40, 1448);
    expect_segments(&s, &v, (struct dbr_mss){0, 0}, 1448);
    s.version = 6;
    v = make_super(&s, 65535 - 20, 1428);
    expect_segments(&s, &v, (struct dbr_mss){0, 0}, 1428);
}

static void test_trailing_padding(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    struct dbr_vnet v = make_super(&s, 250, 100), w = v;
    struct dbr_gso g;
    frame_fill(&super, 0xee, 7);
    assert_int_equal(dbr_gso_init(&g, &w, super.b, super.n, (struct dbr_mss){0, 0}), 0);
    size_t total = 0;
    for (int n; (n = dbr_gso_next(&g, out, sizeof out)) > 0;)
        total += (size_t)n - 54;
    assert_int_equal(total, 250);
}

/* mssfix while segmenting: the options count against the MSS, UDP is left alone. */
static void test_smaller_segments(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x18, .tcp_options = 12};
    struct dbr_vnet v = make_super(&s, 5000, 1448);
    expect_segments(&s, &v, (struct dbr_mss){.v4 = 1368, .v6 = 1}, 1356);
    expect_segments(&s, &v, (struct dbr_mss){.v4 = 2000, .v6 = 1}, 1448);
    expect_segments(&s, &v, (struct dbr_mss){.v4 = 5, .v6 = 1}, 8); /* never to nothing */
    s.version = 6;
    v = make_super(&s, 5000, 1428);
    expect_segments(&s, &v, (struct dbr_mss){.v4 = 1, .v6 = 1348}, 1336);
    s.proto = 17;
    v = make_super(&s, 5000, 1400);
    expect_segments(&s, &v, (struct dbr_mss){.v4 = 100, .v6 = 100}, 1400);
}

static void expect_copy(const struct dbr_vnet *v, struct dbr_mss max)
{
    struct dbr_gso g;
    assert_int_equal(dbr_gso_init(&g, v, super.b, super.n, max), 0);
    assert_int_equal(dbr_gso_count(&g), 1);
    assert_int_equal(dbr_gso_frame_len(&g), super.n);
    assert_int_equal(dbr_gso_next(&g, out, super.n - 1), DBR_ERR_SPACE);
    assert_int_equal(dbr_gso_next(&g, out, super.n), super.n);
    assert_int_equal(dbr_gso_next(&g, out, sizeof out), 0);
}

static void test_ordinary_frames(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    struct dbr_vnet v = make_super(&s, 1000, 1448);
    v.gso_type = 0;
    v.gso_size = 0;
    expect_copy(&v, (struct dbr_mss){0, 0}); /* its partial checksum is finished on the way */
    assert_true(frame_good(out, super.n, super.l3, super.l4, 6));
    frame_finish(&super);
    expect_copy(&(struct dbr_vnet){0}, (struct dbr_mss){1000, 1000});
    assert_memory_equal(out, super.b, super.n);
    frame_start(&super, BROADCAST, HOST_A, 0x0806);
    frame_fill(&super, 7, 46);
    expect_copy(&(struct dbr_vnet){0}, (struct dbr_mss){100, 100});
    assert_memory_equal(out, super.b, super.n);
}

static void test_ordinary_frames_above_the_mss(void **state)
{
    (void)state;
    const struct dbr_mss max = {.v4 = 600, .v6 = 580};
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x18};
    frame_build(&super, &s, NULL, 1460);
    expect_segments(&s, &(struct dbr_vnet){0}, max, 600);
    super.b[super.n - 1] ^= 1; /* a bad checksum must not be mended */
    expect_copy(&(struct dbr_vnet){0}, max);
    assert_memory_equal(out, super.b, super.n);
    struct dbr_vnet partial = make_super(&s, 1460, 1);
    partial.gso_type = 0;
    expect_segments(&s, &partial, (struct dbr_mss){.v4 = 600}, 600); /* not finished yet: nothing to verify */
    s.version = 6;
    frame_build(&super, &s, NULL, 1460);
    expect_segments(&s, &(struct dbr_vnet){0}, (struct dbr_mss){.v6 = 580}, 580);
    s.ext_headers = 1;
    frame_build(&super, &s, NULL, 1460);
    super.b[super.l3 + 6] = 43; /* a routing header: what the checksum covers is not in the frame */
    expect_copy(&(struct dbr_vnet){0}, max);
    s.ext_headers = 0;
    s.version = 4;
    s.flags = 0x02; /* SYN with data: one piece */
    frame_build(&super, &s, NULL, 1460);
    expect_copy(&(struct dbr_vnet){0}, max);
    s.flags = 0x14; /* so is RST */
    frame_build(&super, &s, NULL, 1460);
    expect_copy(&(struct dbr_vnet){0}, max);
    s.flags = 0x10;
    frame_build(&super, &s, NULL, 1460);
    super.b[super.l3 + 6] = 0x20; /* a fragment */
    expect_copy(&(struct dbr_vnet){0}, max);
}

static void test_space(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    struct dbr_vnet v = make_super(&s, 250, 100);
    struct dbr_gso g;
    dbr_gso_init(&g, &v, super.b, super.n, (struct dbr_mss){0, 0});
    assert_int_equal(dbr_gso_next(&g, out, 153), DBR_ERR_SPACE);
    assert_int_equal(dbr_gso_next(&g, out, 154), 154);
    assert_int_equal(dbr_gso_next(&g, out, 154), 154);
    assert_int_equal(dbr_gso_next(&g, out, 104), 104); /* the last is shorter */
    assert_int_equal(dbr_gso_next(&g, out, 0), 0);
}

/* Behind a routing header the destination of the pseudo header is not in the IP header: the kernel's sum
 * counts. */
static void test_routing_header(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 6, .proto = 6, .flags = 0x10, .ext_headers = 1};
    struct dbr_vnet v = make_super(&s, 250, 100);
    super.b[super.l3 + 6] = 43; /* the options header becomes a routing header */
    uint8_t final_ip[40];
    memcpy(final_ip, super.b + super.l3, 40);
    final_ip[39] = 99;
    uint16_t sum = plain_fold(plain_pseudo(final_ip, 6, super.n - super.l4));
    super.b[super.l4 + 16] = (uint8_t)(sum >> 8);
    super.b[super.l4 + 17] = (uint8_t)sum;
    struct dbr_gso g;
    assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, (struct dbr_mss){0, 0}), 0);
    assert_false(dbr_gso_leave_sums(&g)); /* the far end could not know the destination either */
    for (int n; (n = dbr_gso_next(&g, out, sizeof out)) > 0;) {
        size_t len = (size_t)n - super.l4;
        assert_int_equal(plain_fold(plain_pseudo(final_ip, 6, len) + plain_sum(out + super.l4, len)), 0xffff);
    }
}

/* Without sums a segment is what it is with them, but for that field. */
static void test_leave_sums(void **state)
{
    (void)state;
    static uint8_t summed[4000];
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11) {
            struct frame_spec s = {.version = version, .proto = (uint8_t)proto, .flags = 0x18, .seq = 9};
            struct dbr_vnet v = make_super(&s, 3500, 1000);
            struct dbr_gso g, h;
            size_t at = super.l4 + (proto == 6 ? 16 : 6);
            assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, (struct dbr_mss){0, 0}), 0);
            assert_int_equal(dbr_gso_init(&h, &v, super.b, super.n, (struct dbr_mss){0, 0}), 0);
            assert_true(dbr_gso_leave_sums(&h));
            for (int n; (n = dbr_gso_next(&g, summed, sizeof summed)) > 0;) {
                assert_int_equal(dbr_gso_next(&h, out, sizeof out), n);
                assert_int_equal(out[at] << 8 | out[at + 1], 0);
                memcpy(out + at, summed + at, 2);
                assert_memory_equal(out, summed, n);
            }
            assert_int_equal(dbr_gso_next(&h, out, sizeof out), 0);
        }
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    make_super(&s, 100, 100);
    struct dbr_vnet plain = {0};
    struct dbr_gso g;
    assert_int_equal(dbr_gso_init(&g, &plain, super.b, super.n, (struct dbr_mss){0, 0}), 0);
    assert_false(dbr_gso_leave_sums(&g));
}

/* A super frame with CWR comes with the mark of ECN (RFC 3168): the first segment has CWR, all have ECE. */
static void test_congestion_marks(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct frame_spec s = {.version = version, .proto = 6, .flags = 0xd0};
        struct dbr_vnet v = make_super(&s, 250, 100);
        v.gso_type |= DBR_VNET_GSO_ECN;
        expect_segments(&s, &v, (struct dbr_mss){0, 0}, 100);
    }
}

/* In UDP a checksum of 0 means none (RFC 768): one that is 0 leaves as 0xffff. */
static void test_udp_checksum_of_zero(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2) {
        struct frame_spec s = {.version = version, .proto = 17};
        uint8_t payload[200] = {0};
        frame_build(&super, &s, payload, 100);
        size_t at = super.l4 + 6;
        payload[0] = payload[100] = super.b[at]; /* the sum of the rest is the complement of this */
        payload[1] = payload[101] = super.b[at + 1];
        frame_build(&super, &s, payload, sizeof payload);
        struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                             .gso_type = DBR_VNET_GSO_UDP_L4,
                             .hdr_len = (uint16_t)frame_head(&s),
                             .gso_size = 100,
                             .csum_start = (uint16_t)super.l4,
                             .csum_offset = 6};
        struct dbr_gso g;
        assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, (struct dbr_mss){0, 0}), 0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(dbr_gso_next(&g, out, sizeof out), frame_head(&s) + 100);
            assert_int_equal(out[at] << 8 | out[at + 1], 0xffff);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    struct dbr_vnet good = make_super(&s, 250, 100), v;
    struct dbr_gso g;
    const struct dbr_mss none = {0, 0};
    assert_int_equal(dbr_gso_init(&g, &good, super.b, super.n, none), 0);
    v = good;
    v.gso_type = DBR_VNET_GSO_TCPV6;
    assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, none), DBR_ERR_SHAPE);
    v.gso_type = DBR_VNET_GSO_UDP_L4;
    assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, none), DBR_ERR_SHAPE);
    v = good;
    v.gso_size = 0;
    assert_int_equal(dbr_gso_init(&g, &v, super.b, super.n, none), DBR_ERR_SHAPE);
    super.b[super.l3 + 6] = 0x20;
    assert_int_equal(dbr_gso_init(&g, &good, super.b, super.n, none), DBR_ERR_SHAPE);
    super.b[super.l3 + 6] = 0;
    super.b[super.l4 + 12] = 0x40;
    assert_int_equal(dbr_gso_init(&g, &good, super.b, super.n, none), DBR_ERR_SHAPE);
    super.b[super.l4 + 12] = 0x50;
    super.b[super.l3 + 2] = 0xff; /* IP longer than the frame */
    assert_int_equal(dbr_gso_init(&g, &good, super.b, super.n, none), DBR_ERR_SHAPE);
    assert_int_equal(dbr_gso_init(&g, &good, super.b, 13, none), DBR_ERR_SHAPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_super_frames),
        cmocka_unit_test(test_sizes_around_a_segment),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_trailing_padding),
        cmocka_unit_test(test_smaller_segments),
        cmocka_unit_test(test_ordinary_frames),
        cmocka_unit_test(test_ordinary_frames_above_the_mss),
        cmocka_unit_test(test_space),
        cmocka_unit_test(test_routing_header),
        cmocka_unit_test(test_leave_sums),
        cmocka_unit_test(test_congestion_marks),
        cmocka_unit_test(test_udp_checksum_of_zero),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
