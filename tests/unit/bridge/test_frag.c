/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/frag.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "frames.h"
#include "test.h"

static struct frame in, sum;

enum { DF = 0x4000, MF = 0x2000, OFFSET = 0x1fff };

static struct frame_spec udp_spec(uint8_t version)
{
    return (struct frame_spec){.version = version,
                               .proto = 17,
                               .dst = HOST_A,
                               .src = HOST_B,
                               .host = 9,
                               .id = 0xbeef,
                               .sport = 1000,
                               .dport = 2000};
}

/* Writes the IPv4 header's checksum anew after a test changed a field; the upper one stays as it was. */
static void mend(struct frame *f)
{
    uint8_t *ip = f->b + f->l3;
    size_t n = (size_t)(ip[0] & 15) * 4;
    dbr_put16(ip + 10, 0);
    dbr_put16(ip + 10, (uint16_t)~plain_fold(plain_sum(ip, n)));
}

static enum dbr_frag_kind kind_of(const struct frame *f, uint16_t max)
{
    struct dbr_frag c;
    uint8_t *exact = malloc(f->n); /* no byte is read beyond the frame */
    memcpy(exact, f->b, f->n);
    enum dbr_frag_kind kind = dbr_frag_init(&c, exact, f->n, max);
    free(exact);
    return kind;
}

/* ---- cutting ---- */

/* Cuts `in` and puts the fragments together in `sum` by their offsets; checks each by plain sums. */
static void cut_and_join(uint16_t max)
{
    struct dbr_frag c;
    assert_int_equal(dbr_frag_init(&c, in.b, in.n, max), DBR_FRAG_CUT);
    size_t left = dbr_frag_left(&c), most = dbr_frag_frame_len(&c), first = 0;
    uint16_t was = dbr_get16(in.b + in.l3 + 6);
    assert_true(most <= in.l3 + max && left > 1);
    memcpy(sum.b, in.b, in.l4);
    for (uint8_t *out = malloc(most);; left--) {
        int n = dbr_frag_next(&c, out, most);
        if (!n) {
            free(out);
            break;
        }
        assert_true(n > 0 && (size_t)n <= most && left > 0);
        const uint8_t *ip = out + in.l3;
        size_t header = (size_t)(ip[0] & 15) * 4, total = dbr_get16(ip + 2);
        uint16_t frag = dbr_get16(ip + 6);
        assert_int_equal(total, (size_t)n - in.l3);
        assert_int_equal(plain_fold(plain_sum(ip, header)), 0xffff);
        assert_memory_equal(out, in.b, in.l3);
        assert_memory_equal(ip + 4, in.b + in.l3 + 4, 2);
        assert_memory_equal(ip + 8, in.b + in.l3 + 8, 2);
        assert_memory_equal(ip + 12, in.b + in.l3 + 12, 8);
        size_t at = ((size_t)(frag & OFFSET) - (was & OFFSET)) * 8;
        assert_int_equal(at, first);
        assert_true(left == 1 ? (frag & MF) == (was & MF) : (frag & MF) && (total - header) % 8 == 0);
        memcpy(sum.b + in.l4 + at, ip + header, total - header);
        first = at + total - header;
    }
    assert_int_equal(left, 0);
    assert_int_equal(first, in.n - in.l4);
    assert_memory_equal(sum.b, in.b, in.n);
}

static void build(const struct frame_spec *s, size_t payload)
{
    frame_build(&in, s, NULL, payload);
    in.l4 = in.l3 + (size_t)(in.b[in.l3] & 15) * 4; /* what is cut is the payload of IP */
}

static void test_fragments_are_the_packet(void **state)
{
    (void)state;
    uint64_t seed = 4711;
    for (int i = 0; i < 20000; i++) {
        struct frame_spec s = udp_spec(4);
        s.tagged = below(&seed, 2);
        s.vid = (uint16_t)below(&seed, 4096);
        s.ip_options = (uint8_t)(below(&seed, 11) * 4);
        s.id = (uint16_t)noise(&seed);
        uint16_t max = (uint16_t)(DBR_FRAG_MIN + below(&seed, 1000));
        size_t head = 28u + s.ip_options, least = max - head + 1;
        build(&s, least + below(&seed, i % 50 ? 2000 : 60000));
        cut_and_join(max);
    }
}

static void test_fragments_are_cut_further(void **state)
{
    (void)state;
    static const uint16_t fields[] = {MF, MF | 7, 7, 8191 - 200, MF | 1234, 0x8000};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct frame_spec s = udp_spec(4);
        build(&s, 1472);
        dbr_put16(in.b + in.l3 + 6, fields[i]);
        mend(&in);
        cut_and_join(1422);
        cut_and_join(576);
    }
}

/* Only what a router must copy is in the later fragments. */
static void test_options(void **state)
{
    (void)state;
    static const uint8_t options[12] = {0x94, 4, 0, 0, 7, 3, 4, 1, 0x82, 3, 5, 0};
    static const uint8_t later[8] = {0x94, 4, 0, 0, 0x82, 3, 5, 0};
    struct frame_spec s = udp_spec(4);
    struct dbr_frag c;
    uint8_t out[1600];
    s.ip_options = sizeof options;
    frame_build(&in, &s, NULL, 1472);
    memcpy(in.b + in.l3 + 20, options, sizeof options);
    mend(&in);
    assert_int_equal(dbr_frag_init(&c, in.b, in.n, 1000), DBR_FRAG_CUT);
    int n = dbr_frag_next(&c, out, sizeof out);
    assert_int_equal(n, 14 + 32 + 968);
    assert_memory_equal(out + 34, options, sizeof options);
    n = dbr_frag_next(&c, out, sizeof out);
    assert_int_equal(out[14], 0x47);
    assert_memory_equal(out + 34, later, sizeof later);
    assert_int_equal(n, 14 + 28 + 1480 - 968);
    assert_int_equal(plain_fold(plain_sum(out + 14, 28)), 0xffff);
    assert_int_equal(dbr_frag_next(&c, out, sizeof out), 0);
}

static void test_malformed_options_pass(void **state)
{
    (void)state;
    static const uint8_t bad[][4] = {{0x94, 0, 0, 0}, {0x94, 1, 0, 0}, {0x94, 5, 0, 0}, {1, 1, 1, 0x94}};
    struct frame_spec s = udp_spec(4);
    s.ip_options = 4;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        frame_build(&in, &s, NULL, 1472);
        memcpy(in.b + in.l3 + 20, bad[i], 4);
        assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    struct frame_spec s = udp_spec(4);
    struct dbr_frag c;
    uint8_t out[1600], again[1600];
    build(&s, 1472);
    dbr_frag_init(&c, in.b, in.n, 1422);
    size_t most = dbr_frag_frame_len(&c);
    assert_int_equal(dbr_frag_next(&c, out, most - 1), DBR_ERR_SPACE);
    assert_int_equal(dbr_frag_next(&c, again, most), most);
    s.dont_fragment = true;
    build(&s, 1472);
    dbr_frag_init(&c, in.b, in.n, 1422);
    assert_int_equal(dbr_frag_answer(&c, out, 14 + 575), DBR_ERR_SPACE);
    assert_int_equal(dbr_frag_answer(&c, out, 14 + 576), 14 + 576);
}

/* With DF, when nobody is to be told: whole without DF behind it, one id in all fragments, never 0; not IPv6.
 */
static void test_cut_in_spite_of_df(void **state)
{
    (void)state;
    static const uint16_t ids[] = {0, 0xbeef};
    for (size_t i = 0; i < 2; i++) {
        struct frame_spec s = udp_spec(4);
        struct dbr_frag c;
        uint8_t out[1600], joined[1600];
        uint16_t id = 0;
        size_t got = 0;
        s.dont_fragment = true;
        s.id = ids[i];
        build(&s, 1472);
        assert_int_equal(dbr_frag_init(&c, in.b, in.n, 1422), DBR_FRAG_ANSWER);
        assert_true(dbr_frag_cut_anyway(&c));
        assert_int_equal(dbr_frag_left(&c), 2);
        for (int n; (n = dbr_frag_next(&c, out, sizeof out)) > 0;) {
            const uint8_t *ip = out + in.l3;
            assert_int_equal(dbr_get16(ip + 6) & DF, 0);
            assert_int_equal((dbr_get16(ip + 6) & OFFSET) * 8u, got);
            assert_int_equal(plain_fold(plain_sum(ip, 20)), 0xffff);
            assert_true(dbr_get16(ip + 4) != 0 && (!id || id == dbr_get16(ip + 4)));
            id = dbr_get16(ip + 4);
            memcpy(joined + got, ip + 20, (size_t)n - in.l3 - 20);
            got += (size_t)n - in.l3 - 20;
        }
        assert_true(!ids[i] || id == ids[i]);
        assert_int_equal(got, 1480);
        assert_memory_equal(joined, in.b + in.l3 + 20, got);
    }
    struct frame_spec s = udp_spec(6);
    struct dbr_frag c;
    build(&s, 1440);
    assert_int_equal(dbr_frag_init(&c, in.b, in.n, 1422), DBR_FRAG_ANSWER);
    assert_false(dbr_frag_cut_anyway(&c));
}

/* ---- answering ---- */

static void test_fragmentation_needed(void **state)
{
    (void)state;
    for (int tagged = 0; tagged < 2; tagged++) {
        struct frame_spec s = udp_spec(4);
        struct dbr_frag c;
        uint8_t out[DBR_FRAG_ANSWER_MAX];
        s.tagged = tagged;
        s.vid = 42;
        s.dont_fragment = true;
        frame_build(&in, &s, NULL, 1472);
        assert_int_equal(dbr_frag_init(&c, in.b, in.n, 1422), DBR_FRAG_ANSWER);
        int n = dbr_frag_answer(&c, out, sizeof out);
        const uint8_t *was = in.b + in.l3, *ip = out + in.l3, *icmp = ip + 20;
        assert_int_equal(n, in.l3 + 576);
        assert_memory_equal(out, in.b + 6, 6);
        assert_memory_equal(out + 6, in.b, 6);
        assert_memory_equal(out + 12, in.b + 12, in.l3 - 12);
        assert_int_equal(ip[0], 0x45);
        assert_int_equal(dbr_get16(ip + 2), 576);
        assert_int_equal(ip[9], 1);
        assert_memory_equal(ip + 12, was + 16, 4);
        assert_memory_equal(ip + 16, was + 12, 4);
        assert_int_equal(plain_fold(plain_sum(ip, 20)), 0xffff);
        assert_int_equal(dbr_get16(icmp), 0x0304);
        assert_int_equal(dbr_get32(icmp + 4), 1422);
        assert_int_equal(plain_fold(plain_sum(icmp, 556)), 0xffff);
        assert_memory_equal(icmp + 8, was, 548);
    }
}

static void test_packet_too_big(void **state)
{
    (void)state;
    static const uint16_t max[] = {1422, 1280, 1000};
    for (size_t i = 0; i < 3; i++) {
        struct frame_spec s = udp_spec(6);
        struct dbr_frag c;
        uint8_t out[DBR_FRAG_ANSWER_MAX];
        s.ext_headers = (uint8_t)i;
        frame_build(&in, &s, NULL, 1440);
        assert_int_equal(dbr_frag_init(&c, in.b, in.n, max[i]), DBR_FRAG_ANSWER);
        int n = dbr_frag_answer(&c, out, sizeof out);
        const uint8_t *was = in.b + in.l3, *ip = out + in.l3, *icmp = ip + 40;
        assert_int_equal(n, in.l3 + 1280);
        assert_int_equal(ip[0], 0x60);
        assert_int_equal(dbr_get16(ip + 4), 1240);
        assert_int_equal(ip[6], 58);
        assert_memory_equal(ip + 8, was + 24, 16);
        assert_memory_equal(ip + 24, was + 8, 16);
        assert_int_equal(dbr_get16(icmp), 0x0200);
        assert_int_equal(dbr_get32(icmp + 4), max[i] < 1280 ? 1280 : max[i]);
        assert_int_equal(plain_fold(plain_pseudo(ip, 58, 1240) + plain_sum(icmp, 1240)), 0xffff);
        assert_memory_equal(icmp + 8, was, 1232);
    }
}

/* One byte of a good too long packet changed: at offset from the start, from IP or from the upper layer. */
struct change {
    char from; /* 'e', 'i', 'u', or 0 = nothing */
    uint8_t at, value;
    enum dbr_frag_kind kind;
};

static void expect_kinds(uint8_t version, uint8_t proto, const struct change *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct frame_spec s = udp_spec(version);
        s.dont_fragment = true;
        s.proto = proto;
        frame_build(&in, &s, NULL, 1480);
        size_t at = rows[i].from == 'e' ? 0 : rows[i].from == 'i' ? in.l3 : in.l4;
        if (rows[i].from)
            in.b[at + rows[i].at] = rows[i].value;
        assert_int_equal(kind_of(&in, 1422), rows[i].kind);
    }
}

#define Y DBR_FRAG_ANSWER
#define N DBR_FRAG_PASS
#define C DBR_FRAG_CUT

static void test_who_is_answered(void **state)
{
    (void)state;
    static const struct change any4[] = {
        {0, 0, 0, Y},      {'e', 0, 3, N},    {'e', 6, 3, N},    {'i', 12, 0, N},   {'i', 12, 127, N},
        {'i', 12, 224, N}, {'i', 12, 255, N}, {'i', 12, 223, Y}, {'i', 16, 0, N},   {'i', 16, 127, N},
        {'i', 16, 224, N}, {'i', 16, 255, N}, {'i', 6, 0x60, Y}, {'i', 6, 0x41, N}, {'i', 7, 1, N},
        {'i', 6, 0, C},    {'i', 0, 0x55, N}, {'i', 2, 0xff, N}, {'e', 12, 9, N},
    };
    static const struct change icmp4[] = {
        {'u', 0, 8, Y}, {'u', 0, 0, Y}, {'u', 0, 3, N},  {'u', 0, 4, N},
        {'u', 0, 5, N}, {'u', 0, 9, Y}, {'u', 0, 11, N}, {'u', 0, 12, N},
    };
    static const struct change any6[] = {
        {0, 0, 0, Y},      {'e', 0, 0x33, N},  {'e', 6, 3, N},
        {'i', 8, 0xff, N}, {'i', 24, 0xff, N}, {'i', 6, 0, N}, /* a chain longer than the packet */
    };
    static const struct change icmp6[] = {
        {'u', 0, 128, Y}, {'u', 0, 129, Y}, {'u', 0, 1, N},
        {'u', 0, 127, N}, {'u', 0, 137, N}, {'u', 0, 136, Y},
    };
    expect_kinds(4, 17, any4, sizeof any4 / sizeof *any4);
    expect_kinds(4, 1, icmp4, sizeof icmp4 / sizeof *icmp4);
    expect_kinds(6, 17, any6, sizeof any6 / sizeof *any6);
    expect_kinds(6, 58, icmp6, sizeof icmp6 / sizeof *icmp6);
}

/* The unspecified address and the loopback are nobody's; a first fragment is answered, a later one not. */
static void test_ipv6_nobody_and_fragments(void **state)
{
    (void)state;
    struct frame_spec s = udp_spec(6);
    for (uint8_t last = 0; last < 3; last++) {
        frame_build(&in, &s, NULL, 1440);
        memset(in.b + in.l3 + 8, 0, 16);
        in.b[in.l3 + 23] = last;
        assert_int_equal(kind_of(&in, 1422), last == 2 ? DBR_FRAG_ANSWER : DBR_FRAG_PASS);
    }
    for (uint8_t offset = 0; offset < 16; offset += 8) {
        s.ext_headers = 1;
        frame_build(&in, &s, NULL, 1440);
        in.b[in.l3 + 6] = 44;
        memcpy(in.b + in.l3 + 40, (uint8_t[]){17, 0, 0, (uint8_t)(offset | 1), 0, 0, 0, 1}, 8);
        assert_int_equal(kind_of(&in, 1422), offset ? DBR_FRAG_PASS : DBR_FRAG_ANSWER);
    }
}

/* ICMPv6 whose type is not there: what stands in the padding is not it. */
static void test_icmp_without_a_type(void **state)
{
    (void)state;
    struct frame_spec s = udp_spec(6);
    s.proto = 0;
    frame_build(&in, &s, NULL, 1440);
    in.b[in.l3 + 6] = 60;
    memcpy(in.b + in.l3 + 40, (uint8_t[]){58, 1440 / 8 - 1}, 2);
    frame_fill(&in, 128, 8);
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    in.b[in.l3 + 41] = 1440 / 8 - 2;
    in.b[in.l3 + 40 + 1432] = 128;
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_ANSWER);
}

/* ---- limits ---- */

static void test_what_fits_passes(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        bool df;
        size_t l3;
        uint16_t max;
        enum dbr_frag_kind kind;
    } rows[] = {
        {4, false, 1422, 1422, DBR_FRAG_PASS},  {4, false, 1423, 1422, DBR_FRAG_CUT},
        {4, true, 1422, 1422, DBR_FRAG_PASS},   {4, true, 1423, 1422, DBR_FRAG_ANSWER},
        {6, false, 1422, 1422, DBR_FRAG_PASS},  {6, false, 1423, 1422, DBR_FRAG_ANSWER},
        {6, false, 1280, 1000, DBR_FRAG_PASS},  {6, false, 1281, 1000, DBR_FRAG_ANSWER},
        {4, false, 576, 1, DBR_FRAG_PASS},      {4, false, 577, 1, DBR_FRAG_CUT},
        {4, false, 1500, 65535, DBR_FRAG_PASS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct frame_spec s = udp_spec(rows[i].version);
        s.dont_fragment = rows[i].df;
        frame_build(&in, &s, NULL, rows[i].l3 - (rows[i].version == 4 ? 28 : 48));
        assert_int_equal(kind_of(&in, rows[i].max), rows[i].kind);
        s.tagged = true;
        frame_build(&in, &s, NULL, rows[i].l3 - (rows[i].version == 4 ? 28 : 48));
        assert_int_equal(kind_of(&in, rows[i].max), rows[i].kind);
    }
}

/* A short packet in a long frame is padding; not IP, and lengths beyond the frame, are not ours to judge. */
static void test_odd_frames_pass(void **state)
{
    (void)state;
    struct frame_spec s = udp_spec(4);
    frame_build(&in, &s, NULL, 1000);
    frame_fill(&in, 0, 460);
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    frame_build(&in, &s, NULL, 1472);
    dbr_put16(in.b + 12, 0x8864);
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    frame_build(&in, &s, NULL, 1472);
    dbr_put16(in.b + in.l3 + 2, 1501);
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    frame_build(&in, &s, NULL, 1472);
    dbr_put16(in.b + in.l3 + 6, MF | 8191); /* beyond 64 KiB */
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    frame_build(&in, &s, NULL, 1471);
    dbr_put16(in.b + in.l3 + 6, MF); /* more to come, but not a multiple of 8 */
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
    in.n = 13;
    assert_int_equal(kind_of(&in, 1422), DBR_FRAG_PASS);
}

/* The padding of a long frame is not carried into the fragments. */
static void test_padding_is_left_out(void **state)
{
    (void)state;
    struct frame_spec s = udp_spec(4);
    struct dbr_frag c;
    uint8_t out[1600];
    frame_build(&in, &s, NULL, 1472);
    frame_fill(&in, 0xee, 30);
    assert_int_equal(dbr_frag_init(&c, in.b, in.n, 1422), DBR_FRAG_CUT);
    size_t carried = 0;
    for (int n; (n = dbr_frag_next(&c, out, sizeof out)) > 0;)
        carried += (size_t)n - 34;
    assert_int_equal(carried, 1480);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments_are_the_packet),
        cmocka_unit_test(test_fragments_are_cut_further),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_cut_in_spite_of_df),
        cmocka_unit_test(test_malformed_options_pass),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_fragmentation_needed),
        cmocka_unit_test(test_packet_too_big),
        cmocka_unit_test(test_who_is_answered),
        cmocka_unit_test(test_ipv6_nobody_and_fragments),
        cmocka_unit_test(test_icmp_without_a_type),
        cmocka_unit_test(test_what_fits_passes),
        cmocka_unit_test(test_odd_frames_pass),
        cmocka_unit_test(test_padding_is_left_out),
    };
    return cmocka_run_group_tests_name("bridge frag", tests, NULL, NULL);
}
