/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/vnet.h"

#include "frames.h"
#include "test.h"

static struct frame f;

static void test_round_trip(void **state)
{
    (void)state;
    struct dbr_vnet v = {1, 0x81, 66, 1448, 34, 16}, w;
    uint8_t b[DBR_VNET_LEN];
    dbr_vnet_write(&v, b);
    dbr_vnet_parse(&w, b);
    assert_memory_equal(&v, &w, sizeof v);
    uint16_t native;
    memcpy(&native, b + 4, 2);
    assert_int_equal(native, 1448);
}

static void test_check(void **state)
{
    (void)state;
    static const struct {
        struct dbr_vnet v;
        int want;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0}, 0},
        {{2, 0, 0, 0, 0, 0}, 0},
        {{1, 0, 0, 0, 34, 16}, 0},
        {{1, 0, 0, 0, 82, 16}, 0}, /* the last two bytes of 100 */
        {{1, 0, 0, 0, 83, 16}, DBR_ERR_SHAPE},
        {{1, 0, 0, 0, 65535, 65535}, DBR_ERR_SHAPE},
        {{8, 0, 0, 0, 0, 0}, DBR_ERR_SHAPE}, /* flags from a future kernel */
        {{1, 1, 54, 1448, 34, 16}, 0},
        {{1, 4, 74, 1428, 54, 16}, 0},
        {{1, 0x81, 54, 1448, 34, 16}, 0},
        {{1, 5, 42, 1200, 34, 6}, 0},
        {{1, 0x85, 42, 1200, 34, 6}, DBR_ERR_SHAPE},
        {{1, 0x80, 0, 0, 34, 16}, DBR_ERR_SHAPE},
        {{0, 1, 54, 1448, 34, 16}, DBR_ERR_SHAPE}, /* a super frame always has a partial checksum */
        {{1, 1, 54, 0, 34, 16}, DBR_ERR_SHAPE},
        {{1, 2, 54, 1448, 34, 16}, DBR_ERR_SHAPE},
        {{1, 3, 54, 1448, 34, 6}, DBR_ERR_SHAPE}, /* UFO was never asked for */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (dbr_vnet_check(&cases[i].v, 100) != cases[i].want)
            fail_msg("case %zu", i);
}

/* The frame as the kernel gives it: the field has the sum of the pseudo header. */
static struct dbr_vnet make_partial(const struct frame_spec *s, size_t payload)
{
    frame_build(&f, s, NULL, payload);
    size_t at = f.l4 + (s->proto == 6 ? 16 : 6);
    uint16_t sum = plain_fold(plain_pseudo(f.b + f.l3, s->proto, f.n - f.l4));
    f.b[at] = (uint8_t)(sum >> 8);
    f.b[at + 1] = (uint8_t)sum;
    return (struct dbr_vnet){
        .flags = DBR_VNET_NEEDS_CSUM, .csum_start = (uint16_t)f.l4, .csum_offset = (uint16_t)(at - f.l4)};
}

static void test_finish(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11)
            for (size_t n = 0; n < 200; n++) {
                struct frame_spec s = {.version = version,
                                       .proto = (uint8_t)proto,
                                       .sport = 5,
                                       .tagged = n & 1,
                                       .vid = 3,
                                       .flags = 16,
                                       .seq = (uint32_t)n * 77,
                                       .tcp_options = n & 2 ? 12 : 0};
                struct dbr_vnet v = make_partial(&s, n);
                assert_false(frame_good(f.b, f.n, f.l3, f.l4, f.proto) && n > 100);
                assert_int_equal(dbr_vnet_finish(&v, f.b, f.n), 0);
                assert_true(frame_good(f.b, f.n, f.l3, f.l4, f.proto));
                assert_int_equal(v.flags, 0);
                assert_int_equal(dbr_vnet_finish(&v, f.b, f.n), 0); /* nothing left to do */
                assert_true(frame_good(f.b, f.n, f.l3, f.l4, f.proto));
            }
}

/* A UDP checksum that comes out as zero is sent as 0xffff; TCP's zero stays. */
static void test_zero(void **state)
{
    (void)state;
    for (int proto = 6; proto <= 17; proto += 11) {
        struct frame_spec s = {.version = 4, .proto = (uint8_t)proto, .flags = 16};
        frame_build(&f, &s, (uint8_t[]){0, 0}, 2);
        size_t at = f.l4 + (proto == 6 ? 16 : 6);
        memcpy(f.b + f.n - 2, f.b + at, 2); /* now the sum of all is 0xffff */
        frame_finish(&f);
        uint16_t sum = plain_fold(plain_pseudo(f.b + f.l3, (uint8_t)proto, f.n - f.l4));
        struct dbr_vnet v = {.flags = 1, .csum_start = (uint16_t)f.l4, .csum_offset = (uint16_t)(at - f.l4)};
        f.b[at] = (uint8_t)(sum >> 8);
        f.b[at + 1] = (uint8_t)sum;
        assert_int_equal(dbr_vnet_finish(&v, f.b, f.n), 0);
        assert_int_equal(f.b[at] << 8 | f.b[at + 1], proto == 17 ? 0xffff : 0);
    }
}

static void test_finish_refuses(void **state)
{
    (void)state;
    uint8_t b[60] = {0};
    struct dbr_vnet outside = {.flags = 1, .csum_start = 50, .csum_offset = 9};
    assert_int_equal(dbr_vnet_finish(&outside, b, 60), DBR_ERR_SHAPE);
    struct dbr_vnet super = {.flags = 1, .gso_type = 1, .gso_size = 10, .csum_start = 34, .csum_offset = 16};
    assert_int_equal(dbr_vnet_finish(&super, b, 60), DBR_ERR_SHAPE);
    for (size_t i = 0; i < sizeof b; i++)
        assert_int_equal(b[i], 0);
}

/* Takes back what finish does, for every kind of whole TCP and UDP packet. */
static void test_unsummed(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11)
            for (size_t n = 0; n < 200; n++) {
                static struct frame whole;
                struct frame_spec s = {.version = version,
                                       .proto = (uint8_t)proto,
                                       .sport = 5,
                                       .tagged = n & 1,
                                       .vid = 3,
                                       .flags = 16,
                                       .seq = (uint32_t)n * 77,
                                       .ip_options = version == 4 && n & 4 ? 8 : 0,
                                       .ext_headers = version == 6 && n & 4 ? 1 : 0,
                                       .tcp_options = n & 2 ? 12 : 0};
                struct dbr_vnet v;
                frame_build(&whole, &s, NULL, n);
                frame_build(&f, &s, NULL, n);
                memset(f.b + f.l4 + (proto == 6 ? 16 : 6), (int)n, 2);
                assert_int_equal(dbr_vnet_unsummed(&v, f.b, f.n), 0);
                assert_int_equal(v.flags, DBR_VNET_NEEDS_CSUM);
                assert_int_equal(v.gso_type, DBR_VNET_GSO_NONE);
                assert_int_equal(dbr_vnet_finish(&v, f.b, f.n), 0);
                assert_memory_equal(f.b, whole.b, f.n);
            }
}

static void unsummed_refuses(size_t n)
{
    static uint8_t before[FRAME_CAP];
    struct dbr_vnet v;
    memcpy(before, f.b, f.n);
    assert_int_equal(dbr_vnet_unsummed(&v, f.b, n), DBR_ERR_SHAPE);
    assert_memory_equal(f.b, before, f.n);
}

static void test_unsummed_refuses(void **state)
{
    (void)state;
    struct dbr_vnet v;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 16},
                      six = {.version = 6, .proto = 17, .ext_headers = 1};
    frame_build(&f, &s, NULL, 100);
    assert_int_equal(dbr_vnet_unsummed(&v, f.b, f.n), 0);
    for (size_t n = 0; n < f.n; n++)
        unsummed_refuses(n); /* cut anywhere */
    frame_bytes(&f, "x", 1);
    unsummed_refuses(f.n); /* something behind the packet */
    frame_build(&f, &s, NULL, 100);
    f.b[f.l3 + 6] = 0x20; /* a fragment */
    unsummed_refuses(f.n);
    f.b[f.l3 + 6] = 0;
    f.b[f.l3 + 9] = 1; /* ICMP */
    unsummed_refuses(f.n);
    frame_build(&f, &s, NULL, 0);
    f.b[f.l3 + 3] = 20 + 19; /* no room for a TCP header */
    unsummed_refuses(f.n - 1);
    frame_build(&f, &six, NULL, 100);
    assert_int_equal(dbr_vnet_unsummed(&v, f.b, f.n), 0);
    f.b[f.l3 + 6] = 43; /* routing header */
    unsummed_refuses(f.n);
    frame_start(&f, BROADCAST, HOST_A, 0x0806);
    frame_fill(&f, 0, 46);
    unsummed_refuses(f.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_check),
        cmocka_unit_test(test_finish),           cmocka_unit_test(test_zero),
        cmocka_unit_test(test_finish_refuses),   cmocka_unit_test(test_unsummed),
        cmocka_unit_test(test_unsummed_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
