/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/gro.h"

#include <stdlib.h>

#include "bridge/eth.h"
#include "bridge/gso.h"
#include "frames.h"
#include "test.h"

enum { ALL = DBR_GRO_TCP4 | DBR_GRO_TCP6 | DBR_GRO_UDP4 | DBR_GRO_UDP6, BATCH = 512 };

/* The frames put in, each in a block of its own. */
static struct {
    uint8_t *b;
    size_t n;
} in[BATCH];
static size_t nin;
static struct dbr_gro *gro;
static struct dbr_gro *twin; /* gets the same frames, by dbr_gro_extend() where that takes them */
static unsigned extended;
static struct frame f;

static int set_up(void **state)
{
    (void)state;
    gro = dbr_gro_new(BATCH, ALL);
    twin = dbr_gro_new(BATCH, ALL);
    nin = extended = 0;
    return 0;
}

static void forget(void)
{
    for (; nin; nin--)
        free(in[nin - 1].b);
    dbr_gro_clear(gro);
    dbr_gro_clear(twin);
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    dbr_gro_free(gro);
    dbr_gro_free(twin);
    return 0;
}

static void put(const struct frame *frame)
{
    in[nin].b = malloc(frame->n);
    in[nin].n = frame->n;
    memcpy(in[nin].b, frame->b, frame->n);
    assert_int_equal(dbr_gro_add(gro, in[nin].b, in[nin].n), 0);
    if (dbr_gro_extend(twin, in[nin].b, in[nin].n, false))
        extended++;
    else
        assert_int_equal(dbr_gro_add(twin, in[nin].b, in[nin].n), 0);
    nin++;
}

/* Whoever asks dbr_gro_extend() first gets the same items. */
static void expect_twins(void)
{
    uint8_t head[256];
    assert_int_equal(dbr_gro_count(gro), dbr_gro_count(twin));
    for (size_t i = 0; i < dbr_gro_count(gro); i++) {
        struct dbr_gro_item a = dbr_gro_item(gro, i), b = dbr_gro_item(twin, i);
        assert_int_equal(a.niov, b.niov);
        assert_int_equal(a.len, b.len);
        assert_int_equal(a.frames, b.frames);
        assert_int_equal(a.iov[0].iov_len, b.iov[0].iov_len);
        memcpy(head, a.iov[0].iov_base, a.iov[0].iov_len);
        assert_memory_equal(head, b.iov[0].iov_base, b.iov[0].iov_len);
        for (unsigned k = 1; k < a.niov; k++) {
            assert_ptr_equal(a.iov[k].iov_base, b.iov[k].iov_base);
            assert_int_equal(a.iov[k].iov_len, b.iov[k].iov_len);
        }
    }
}

/* The bytes of item i as the kernel would get them. */
static uint8_t wire[2 * FRAME_CAP];

static size_t gather(size_t i, unsigned *frames)
{
    struct dbr_gro_item item = dbr_gro_item(gro, i);
    size_t n = 0;
    for (unsigned k = 0; k < item.niov; k++) {
        memcpy(wire + n, item.iov[k].iov_base, item.iov[k].iov_len);
        n += item.iov[k].iov_len;
    }
    assert_int_equal(n, item.len);
    if (frames)
        *frames = item.frames;
    return n;
}

static unsigned frames_of(size_t i)
{
    unsigned frames;
    gather(i, &frames);
    return frames;
}

/* What super frames and lone frames become again on the other side of the kernel. */
static struct {
    uint8_t b[2048];
    size_t n;
} back[BATCH + 1]; /* the last call of each item writes nothing, but needs a place */

static size_t segment_all(void)
{
    size_t nback = 0;
    expect_twins();
    for (size_t i = 0; i < dbr_gro_count(gro); i++) {
        struct dbr_vnet v;
        struct dbr_gso g;
        unsigned frames, got = 0;
        size_t n = gather(i, &frames) - DBR_VNET_LEN;
        dbr_vnet_parse(&v, wire);
        assert_int_equal(dbr_vnet_check(&v, n), 0);
        assert_int_equal(v.gso_type != 0, frames > 1);
        assert_int_equal(dbr_gso_init(&g, &v, wire + DBR_VNET_LEN, n, (struct dbr_mss){0, 0}), 0);
        for (int len; (len = dbr_gso_next(&g, back[nback].b, sizeof back[nback].b)) > 0; got++)
            back[nback++].n = (size_t)len;
        assert_int_equal(got, frames);
    }
    return nback;
}

static struct frame_spec flow(uint8_t version, uint8_t proto)
{
    return (struct frame_spec){.version = version,
                               .proto = proto,
                               .dst = HOST_B,
                               .src = HOST_A,
                               .sport = 4000,
                               .dport = 80,
                               .flags = 0x10,
                               .window = 501,
                               .tcp_options = 12,
                               .seq = 1000,
                               .ack = 5,
                               .id = 7};
}

static void put_next(struct frame_spec *s, size_t n)
{
    frame_build(&f, s, NULL, n);
    put(&f);
    s->seq += (uint32_t)n;
    s->id++;
}

static void test_plain_merge(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11)
            for (int tagged = 0; tagged < 2; tagged++) {
                struct frame_spec s = flow(version, (uint8_t)proto);
                s.tagged = tagged;
                s.vid = 9;
                for (int i = 0; i < 5; i++)
                    put_next(&s, i < 4 ? 1000 : 333); /* the last one may be shorter */
                assert_int_equal(dbr_gro_count(gro), 1);
                assert_int_equal(frames_of(0), 5);
                struct dbr_vnet v;
                dbr_vnet_parse(&v, wire);
                assert_int_equal(v.gso_size, 1000);
                assert_int_equal(v.hdr_len, frame_head(&s));
                assert_int_equal(v.csum_start, f.l4);
                assert_int_equal(v.flags, DBR_VNET_NEEDS_CSUM);
                uint16_t pseudo =
                    plain_fold(plain_pseudo(wire + 10 + f.l3, (uint8_t)proto, 4333 + frame_head(&s) - f.l4));
                const uint8_t *check = wire + 10 + f.l4 + v.csum_offset;
                assert_int_equal(check[0] << 8 | check[1], pseudo);
                assert_int_equal(segment_all(), 5);
                for (size_t i = 0; i < 5; i++)
                    assert_memory_equal(back[i].b, in[i].b, in[i].n);
                forget();
            }
}

/* One frame after two good ones, changed in one place: it must not join. fix: its checksums are right all the
 * same. */
struct change {
    const char *what;
    size_t at; /* from l2 (0), l3 (1) or l4 (2) */
    int layer;
    uint8_t flip;
    bool fix;
};

static void expect_change_stands_alone(uint8_t version, uint8_t proto, const struct change *c)
{
    struct frame_spec s = flow(version, proto);
    put_next(&s, 500);
    put_next(&s, 500);
    frame_build(&f, &s, NULL, 500);
    size_t base = c->layer == 0 ? 0 : c->layer == 1 ? f.l3 : f.l4;
    f.b[base + c->at] ^= c->flip;
    if (c->fix)
        frame_finish(&f);
    put(&f);
    if (dbr_gro_count(gro) != 2 || frames_of(0) != 2 || frames_of(1) != 1)
        fail_msg("%s joined (IPv%d, protocol %d)", c->what, version, proto);
    forget();
}

static void test_what_must_not_join(void **state)
{
    (void)state;
    static const struct change both[] = {
        {"destination MAC", 5, 0, 1, false},
        {"source MAC", 11, 0, 1, false},
        {"a port", 1, 2, 1, true},
        {"payload byte with a bad checksum", 100, 2, 1, false},
    };
    static const struct change ip4[] = {
        {"TOS", 1, 1, 4, true},           {"TTL", 8, 1, 1, true},          {"DF", 6, 1, 0x40, true},
        {"source", 15, 1, 1, true},       {"destination", 19, 1, 1, true}, {"identification", 5, 1, 2, true},
        {"IP checksum", 10, 1, 1, false},
    };
    static const struct change ip6[] = {
        {"traffic class", 1, 1, 0x10, true}, {"flow label", 3, 1, 1, true},   {"hop limit", 7, 1, 1, true},
        {"source", 23, 1, 1, true},          {"destination", 39, 1, 1, true},
    };
    static const struct change tcp[] = {
        {"sequence number", 7, 2, 1, true},
        {"ACK number", 11, 2, 1, true},
        {"FIN", 13, 2, 1, true},
        {"SYN", 13, 2, 2, true},
        {"RST", 13, 2, 4, true},
        {"no ACK", 13, 2, 0x10, true},
        {"URG", 13, 2, 0x20, true},
        {"ECE", 13, 2, 0x40, true},
        {"CWR", 13, 2, 0x80, true},
        {"window", 15, 2, 1, true},
        {"urgent pointer", 19, 2, 1, true},
        {"timestamp", 27, 2, 1, true},
        {"TCP checksum", 16, 2, 1, false},
    };
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        for (uint8_t version = 4; version <= 6; version += 2) {
            expect_change_stands_alone(version, 6, &both[i]);
            expect_change_stands_alone(version, 17, &both[i]);
        }
    for (size_t i = 0; i < sizeof ip4 / sizeof *ip4; i++) {
        expect_change_stands_alone(4, 6, &ip4[i]);
        expect_change_stands_alone(4, 17, &ip4[i]);
    }
    for (size_t i = 0; i < sizeof ip6 / sizeof *ip6; i++) {
        expect_change_stands_alone(6, 6, &ip6[i]);
        expect_change_stands_alone(6, 17, &ip6[i]);
    }
    for (size_t i = 0; i < sizeof tcp / sizeof *tcp; i++) {
        expect_change_stands_alone(4, 6, &tcp[i]);
        expect_change_stands_alone(6, 6, &tcp[i]);
    }
}

/* A first frame with a bad checksum: nothing joins it. */
static void test_bad_first(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    frame_build(&f, &s, NULL, 500);
    f.b[f.n - 1] ^= 1;
    put(&f);
    s.seq += 500;
    s.id++;
    put_next(&s, 500);
    put_next(&s, 500);
    assert_int_equal(dbr_gro_count(gro), 2);
    assert_int_equal(frames_of(0), 1);
    assert_memory_equal(wire + DBR_VNET_LEN, in[0].b, in[0].n);
    assert_int_equal(frames_of(1), 2);
    expect_twins();
}

static void test_ends(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    put_next(&s, 500);
    s.flags = 0x18; /* PSH ends the super frame and is kept */
    put_next(&s, 500);
    s.flags = 0x10;
    put_next(&s, 500);
    put_next(&s, 400); /* so does a shorter one */
    put_next(&s, 400);
    put_next(&s, 401); /* larger than the segments of this one */
    assert_int_equal(dbr_gro_count(gro), 4);
    assert_int_equal(frames_of(0), 2);
    assert_int_equal(wire[DBR_VNET_LEN + f.l4 + 13], 0x18);
    assert_int_equal(frames_of(1), 2);
    assert_int_equal(frames_of(2), 1);
    assert_int_equal(frames_of(3), 1);
    assert_int_equal(segment_all(), 6);
    for (size_t i = 0; i < 6; i++)
        assert_memory_equal(back[i].b, in[i].b, in[i].n);
}

static void test_pure_ack_keeps_its_place(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    put_next(&s, 500);
    put_next(&s, 0);
    put_next(&s, 500);
    put_next(&s, 500);
    assert_int_equal(dbr_gro_count(gro), 3);
    assert_int_equal(frames_of(2), 2);
}

/* Frames of no nameable flow close all: a fragment of this very flow could be among them. */
static void test_nameless_closes_all(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 17);
    put_next(&s, 500);
    frame_build(&f, &s, NULL, 500);
    f.b[f.l3 + 6] = 0x20;
    put(&f);
    s.id++;
    put_next(&s, 500);
    assert_int_equal(dbr_gro_count(gro), 3);
}

/* Broken frames in the middle of a flow: nothing behind them joins what was before. */
static void test_broken_frames_close_all(void **state)
{
    (void)state;
    static const struct {
        uint8_t version;
        int layer;
        size_t at;
        uint8_t value;
    } cases[] = {
        {4, 1, 7, 9},                      /* a later fragment: what stands where the ports were is payload */
        {4, 1, 2, 0xf0},                   /* IP longer than the frame */
        {6, 1, 4, 0xf0},  {4, 1, 0, 0x65}, /* not IPv4 at all */
        {4, 1, 9, 1},                      /* ICMP */
        {4, 2, 12, 0x40},                  /* TCP header of 16 bytes */
        {4, 2, 12, 0xf0},                  /* longer than the packet, below */
        {6, 1, 6, 44},                     /* a fragment header whose chain goes wrong */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_spec s = flow(cases[i].version, 6);
        put_next(&s, 500);
        struct frame_spec other = s;
        other.sport = 77; /* of another flow, even */
        frame_build(&f, &other, NULL, 20);
        f.b[(cases[i].layer == 1 ? f.l3 : f.l4) + cases[i].at] = cases[i].value;
        put(&f);
        put_next(&s, 500);
        if (dbr_gro_count(gro) != 3)
            fail_msg("case %zu: %zu items", i, dbr_gro_count(gro));
        forget();
    }
}

static void test_headers_only(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    s.tcp_options = 0;
    s.dont_fragment = true;
    put_next(&s, 0); /* a TCP header and nothing else still names its flow */
    s.sport++;
    put_next(&s, 500);
    s.sport--;
    put_next(&s, 0);
    s.sport++;
    put_next(&s, 500);
    assert_int_equal(dbr_gro_count(gro), 3);
    forget();
    s = flow(4, 17);
    struct frame_spec empty = s;
    empty.sport = 9;
    put_next(&s, 500);
    put_next(&empty, 0); /* an empty datagram, likewise */
    put_next(&s, 500);
    assert_int_equal(dbr_gro_count(gro), 2);
}

static void test_df_needs_no_id(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    s.dont_fragment = true;
    for (int i = 0; i < 3; i++) {
        s.id = 0;
        put_next(&s, 500);
    }
    assert_int_equal(dbr_gro_count(gro), 1);
}

static void test_udp_without_checksum(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 17);
    for (int i = 0; i < 2; i++) {
        frame_build(&f, &s, NULL, 500);
        f.b[f.l4 + 6] = f.b[f.l4 + 7] = 0;
        put(&f);
        s.id++;
    }
    assert_int_equal(dbr_gro_count(gro), 2);
}

static void test_udp_length_field(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 17);
    put_next(&s, 500);
    frame_build(&f, &s, NULL, 500);
    f.b[f.l4 + 5]--;
    put(&f);
    assert_int_equal(dbr_gro_count(gro), 2);
    forget();
    for (int i = 0; i < 2; i++) { /* the checksums hold all the same: the sum of all is 0xffff */
        frame_build(&f, &s, NULL, 500);
        f.b[f.l4 + 5]--;
        f.b[f.n - 1] = f.b[f.n - 2] = 0;
        f.b[f.l4 + 6] = f.b[f.l4 + 7] = 0;
        uint32_t sum = plain_pseudo(f.b + f.l3, 17, f.n - f.l4) + plain_sum(f.b + f.l4, f.n - f.l4);
        uint16_t check = (uint16_t)~plain_fold(sum);
        f.b[f.l4 + 6] = (uint8_t)(check >> 8);
        f.b[f.l4 + 7] = (uint8_t)check;
        put(&f);
        s.id++;
    }
    assert_int_equal(dbr_gro_count(gro), 2);
}

/* Headers longer than those that are kept for a super frame: such frames stay alone. */
static void test_long_headers(void **state)
{
    (void)state;
    struct frame_spec s = flow(6, 6);
    s.ext_headers = 10;
    for (s.tcp_options = 36; s.tcp_options <= 40; s.tcp_options += 4) {
        put_next(&s, 100);
        put_next(&s, 100);
        assert_int_equal(frame_head(&s), s.tcp_options == 36 ? 190 : 194); /* 192 are kept */
        assert_int_equal(dbr_gro_count(gro), s.tcp_options == 36 ? 1 : 2);
        expect_twins();
        forget();
    }
}

/* Short frames are padded on the wire; the padding is no payload. */
static void test_padding(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 17);
    s.tcp_options = 0;
    for (int i = 0; i < 3; i++) {
        frame_build(&f, &s, NULL, 10);
        frame_fill(&f, 0xee, 60 - f.n);
        put(&f);
        s.id++;
    }
    assert_int_equal(dbr_gro_count(gro), 1);
    assert_int_equal(segment_all(), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back[i].n, 52);
        assert_memory_equal(back[i].b, in[i].b, 52);
    }
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, proto;
        uint32_t kind;
    } cases[] = {{4, 6, DBR_GRO_TCP4}, {6, 6, DBR_GRO_TCP6}, {4, 17, DBR_GRO_UDP4}, {6, 17, DBR_GRO_UDP6}};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            dbr_gro_free(gro);
            gro = dbr_gro_new(8, cases[k].kind);
            struct frame_spec s = flow(cases[i].version, cases[i].proto);
            put_next(&s, 500);
            put_next(&s, 500);
            assert_int_equal(dbr_gro_count(gro), i == k ? 1 : 2);
            forget();
        }
}

static void test_bounds(void **state)
{
    (void)state;
    assert_null(dbr_gro_new(0, ALL));
    assert_null(dbr_gro_new(65537, ALL));
    dbr_gro_free(NULL);
    struct frame_spec s = flow(4, 6);
    for (int i = 0; i < 60; i++) /* 65,535 bytes of IP hold 45 of 1,448 */
        put_next(&s, 1448);
    assert_int_equal(dbr_gro_count(gro), 2);
    assert_in_range(dbr_gro_item(gro, 0).len, 60000, 65535 + 14 + DBR_VNET_LEN);
    expect_twins();
    forget();
    s = flow(4, 6);
    for (int i = 0; i < 70; i++)
        put_next(&s, 100);
    assert_int_equal(frames_of(0), DBR_GRO_PIECES);
    expect_twins();
    forget();
    for (int i = 0; i < BATCH; i++)
        put_next(&s, 1);
    assert_int_equal(dbr_gro_add(gro, f.b, f.n), DBR_ERR_LIMIT);
    assert_int_equal(dbr_gro_add(gro, f.b, 13), DBR_ERR_SHAPE);
}

/* Of 40 frames in a row all but the first are the plain next piece; a change in any header byte is none. */
static void test_extend(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11) {
            struct frame_spec s = flow(version, (uint8_t)proto);
            extended = 0;
            for (int i = 0; i < 40; i++)
                put_next(&s, 1000);
            assert_int_equal(extended, 39);
            assert_int_equal(frames_of(0), 40);
            expect_twins();
            forget();
            for (size_t at = 0; at < frame_head(&s); at++) {
                uint8_t b[1200];
                put_next(&s, 1000);
                frame_build(&f, &s, NULL, 1000);
                memcpy(b, f.b, f.n);
                b[at] ^= 0x40;
                assert_false(dbr_gro_extend(twin, b, f.n, false));
                assert_true(dbr_gro_extend(twin, f.b, f.n, false));
                forget();
            }
            put_next(&s, 1000);
            frame_build(&f, &s, NULL, 1001); /* longer than the first */
            assert_false(dbr_gro_extend(twin, f.b, f.n, false));
            frame_build(&f, &s, NULL, 1000);
            f.b[f.n - 1] ^= 1; /* a bad checksum */
            assert_false(dbr_gro_extend(twin, f.b, f.n, false));
            assert_false(dbr_gro_extend(twin, f.b, frame_head(&s), false));
            forget();
            assert_false(dbr_gro_extend(twin, f.b, f.n, false)); /* nothing to extend */
        }
}

/* A frame in between, of another flow or of none, ends what can be extended. */
static void test_extend_only_the_last(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6), other = flow(4, 6);
    other.sport = 5000;
    put_next(&s, 500);
    put_next(&other, 500);
    put_next(&s, 500);
    assert_int_equal(extended, 0);
    put_next(&s, 500);
    assert_int_equal(extended, 1);
    s.flags = 0x11;
    put_next(&s, 500);
    s.flags = 0x10;
    put_next(&s, 500);
    assert_int_equal(extended, 1);
    expect_twins();
}

/* A frame whose TCP or UDP checksum is left out, as it comes from another Drawbridge. */
static void blank_sum(void)
{
    memset(f.b + f.l4 + (f.proto == 6 ? 16 : 6), 0, 2);
}

/* Frames without checksum give the very super frame that those with checksums give. */
static void test_unsummed(void **state)
{
    (void)state;
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int proto = 6; proto <= 17; proto += 11) {
            struct frame_spec s = flow(version, (uint8_t)proto);
            uint8_t want[8192];
            static uint8_t piece[6][1200];
            for (int i = 0; i < 6; i++)
                put_next(&s, 1000);
            size_t n = gather(0, NULL);
            memcpy(want, wire, n);
            dbr_gro_clear(gro);
            s = flow(version, (uint8_t)proto);
            for (int i = 0; i < 6; i++, s.seq += 1000, s.id++) {
                struct dbr_vnet v;
                frame_build(&f, &s, NULL, 1000);
                blank_sum();
                memcpy(piece[i], f.b, f.n);
                assert_int_equal(i > 0 && dbr_gro_extend(gro, piece[i], f.n, false), false);
                if (i % 2 && dbr_gro_extend(gro, piece[i], f.n, true))
                    continue;
                assert_int_equal(i % 2, 0);
                assert_int_equal(dbr_vnet_unsummed(&v, piece[i], f.n), 0);
                assert_int_equal(dbr_gro_add_unsummed(gro, piece[i], f.n), 0);
            }
            assert_int_equal(dbr_gro_count(gro), 1);
            assert_int_equal(gather(0, NULL), n);
            assert_memory_equal(wire, want, n);
            forget();
        }
}

/* A lone one is left to the kernel; the bytes it gets become the frame that was meant. */
static void test_unsummed_alone(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    struct dbr_vnet v;
    for (uint8_t flags = 0x10; flags < 0x12; flags++) {
        static struct frame meant;
        s.flags = flags;
        frame_build(&meant, &s, NULL, 700);
        frame_build(&f, &s, NULL, 700);
        blank_sum();
        assert_int_equal(dbr_vnet_unsummed(&v, f.b, f.n), 0);
        assert_int_equal(dbr_gro_add_unsummed(gro, f.b, f.n), 0);
        assert_int_equal(gather(0, NULL), DBR_VNET_LEN + f.n);
        dbr_vnet_parse(&v, wire);
        assert_int_equal(v.flags, DBR_VNET_NEEDS_CSUM);
        assert_int_equal(dbr_vnet_finish(&v, wire + DBR_VNET_LEN, f.n), 0);
        assert_memory_equal(wire + DBR_VNET_LEN, meant.b, f.n);
        forget();
    }
    frame_start(&f, HOST_B, HOST_A, DBR_ETHERTYPE_ARP);
    frame_fill(&f, 1, 46);
    assert_int_equal(dbr_gro_add_unsummed(gro, f.b, f.n), DBR_ERR_SHAPE);
    assert_int_equal(dbr_gro_count(gro), 0);
}

/* A frame that is refused ends what can be extended: the one behind it is another sender's, perhaps. */
static void test_refused_is_not_extended(void **state)
{
    (void)state;
    static struct frame next;
    struct frame_spec s = flow(4, 6);
    put_next(&s, 500);
    frame_build(&next, &s, NULL, 500);
    frame_build(&f, &s, NULL, 500);
    f.b[f.l4 + 12] = 0x10; /* no TCP header is so short */
    assert_int_equal(dbr_gro_add_unsummed(gro, f.b, f.n), DBR_ERR_SHAPE);
    assert_false(dbr_gro_extend(gro, next.b, next.n, false));
    assert_false(dbr_gro_extend(gro, next.b, next.n, true));
    assert_true(
        dbr_gro_extend(twin, next.b, next.n, false)); /* without it in between: the plain next piece */
}

static void test_epoch_wrap(void **state)
{
    (void)state;
    struct frame_spec s = flow(4, 6);
    for (int round = 0; round < 3; round++) {
        put_next(&s, 500);
        put_next(&s, 500);
        assert_int_equal(dbr_gro_count(gro), 1);
        forget();
        assert_int_equal(dbr_gro_count(gro), 0);
    }
}

/* --- the property: many flows, everything mixed; gso(gro(x)) is x, flow by flow and in order --- */

enum { FLOWS = 6 };

static struct frame_spec random_flow(uint64_t *rng, int i)
{
    struct frame_spec s = flow(below(rng, 2) ? 4 : 6, below(rng, 3) ? 6 : 17);
    s.sport = (uint16_t)(1000 + i);
    s.host = (uint8_t)below(rng, 2);
    s.tagged = below(rng, 4) == 0;
    s.vid = (uint16_t)(1 + below(rng, 2));
    s.tcp_options = (uint8_t)(4 * below(rng, 11));
    s.seq = (uint32_t)noise(rng);
    s.id = (uint16_t)noise(rng);
    if (s.version == 4)
        s.ip_options = (uint8_t)(4 * below(rng, 4));
    else
        s.ext_headers = (uint8_t)below(rng, 3);
    return s;
}

/* What may happen in the middle of a flow. */
static size_t disturb(struct frame_spec *s, uint64_t *rng, size_t size)
{
    static const uint8_t flags[] = {0x18, 0x11, 0x50, 0x90, 0x30, 0x02, 0x04, 0x19};
    switch (below(rng, 24)) {
    case 0: s->flags = flags[below(rng, sizeof flags)]; break;
    case 1: s->ack += 1000; break;
    case 2: s->window++; break;
    case 3: s->seq += 77; break;
    case 4: s->tos ^= 2; break;
    case 5: return 0;
    case 6: return 1 + below(rng, size);
    case 7: return size + 1;
    case 8: s->ttl = (uint8_t)(30 + below(rng, 3)); break;
    case 9: s->tcp_options = (uint8_t)(4 * below(rng, 11)); break;
    case 10: s->id += 5; break;
    default: s->flags = 0x10;
    }
    if (s->flags & 0x20)
        s->urgent = 3;
    else
        s->urgent = 0;
    return size;
}

/* The flow a frame belongs to: by its source port (or 0 for what has none). */
static unsigned flow_of(const uint8_t *b, size_t n)
{
    struct dbr_eth_view v;
    assert_int_equal(dbr_eth_parse(&v, b, n), 0);
    size_t at = v.l3 + (v.ethertype == 0x0800 ? (size_t)(b[v.l3] & 15) * 4 : 40);
    for (uint8_t next = b[v.l3 + 6]; v.ethertype == 0x86dd && next == 60; at += 8)
        next = b[at];
    return v.ethertype == 0x0806 ? 0 : (unsigned)(b[at] << 8 | b[at + 1]);
}

static void expect_same_flow_order(size_t nback, uint64_t seed)
{
    for (unsigned port = 1000; port < 1000 + FLOWS; port++) {
        size_t i = 0, k = 0;
        for (;;) {
            while (i < nin && flow_of(in[i].b, in[i].n) != port)
                i++;
            while (k < nback && flow_of(back[k].b, back[k].n) != port)
                k++;
            if (i == nin || k == nback)
                break;
            if (in[i].n != back[k].n || memcmp(in[i].b, back[k].b, in[i].n) != 0)
                fail_msg("seed %llu: frame %zu came back as another", (unsigned long long)seed, i);
            i++;
            k++;
        }
        if (i != nin || k != nback)
            fail_msg("seed %llu: flow %u lost or gained frames", (unsigned long long)seed, port);
    }
}

static void test_segmenting_gives_everything_back(void **state)
{
    (void)state;
#ifdef DBR_SANITIZED
    const uint64_t seeds = 60;
#else
    const uint64_t seeds = 300;
#endif
    size_t merged = 0, total = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t rng = seed;
        struct frame_spec s[FLOWS];
        size_t size[FLOWS];
        for (int i = 0; i < FLOWS; i++) {
            s[i] = random_flow(&rng, i);
            size[i] = 1 + below(&rng, 1400);
        }
        for (int n = 0; n < 150; n++) {
            int i = (int)below(&rng, FLOWS);
            for (size_t burst = 1 + below(&rng, 5); burst && nin < BATCH; burst--)
                put_next(&s[i], disturb(&s[i], &rng, size[i]));
            if (below(&rng, 30) == 0 && nin < BATCH) { /* something else in between */
                frame_start(&f, BROADCAST, HOST_A, 0x0806);
                frame_fill(&f, 0, 46);
                put(&f);
            }
        }
        size_t nback = segment_all();
        assert_int_equal(nback, nin);
        expect_same_flow_order(nback, seed);
        total += nin;
        merged += nin - dbr_gro_count(gro);
        forget();
    }
    assert_true(merged > total / 10); /* and it does merge */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain_merge),
        TEST(test_what_must_not_join),
        TEST(test_bad_first),
        TEST(test_ends),
        TEST(test_pure_ack_keeps_its_place),
        TEST(test_nameless_closes_all),
        TEST(test_broken_frames_close_all),
        TEST(test_headers_only),
        TEST(test_df_needs_no_id),
        TEST(test_udp_without_checksum),
        TEST(test_udp_length_field),
        TEST(test_long_headers),
        TEST(test_padding),
        TEST(test_kinds),
        TEST(test_bounds),
        TEST(test_extend),
        TEST(test_extend_only_the_last),
        TEST(test_unsummed),
        TEST(test_unsummed_alone),
        TEST(test_refused_is_not_extended),
        TEST(test_epoch_wrap),
        TEST(test_segmenting_gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
