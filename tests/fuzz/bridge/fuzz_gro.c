/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A batch of frames made from the input: raw ones, or the next frame of one of a few flows with one byte
 * changed. What comes out, cut again by gso, must be the frames that went in: all of them, in order within
 * their item, byte for byte (but padding, and the IPv4 identification of frames with DF).
 *
 *   op byte: 0x00..0x7f  flow (2 bits), fix checksums after the change (bit 2), then size (2), offset (1),
 * xor (1) 0x80..0xff  raw frame: length (2 bytes), bytes
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bridge/eth.h"
#include "bridge/gro.h"
#include "bridge/gso.h"
#include "frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BATCH = 64, FLOWS = 4 };

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static struct {
    uint8_t *b;
    size_t n;
    bool out;
} in[BATCH];
static size_t nin;
static struct frame f;
static uint8_t wire[2 * FRAME_CAP], cut[FRAME_CAP];

static const struct frame_spec flows[FLOWS] = {
    {.version = 4,
     .proto = 6,
     .dst = HOST_B,
     .src = HOST_A,
     .sport = 1,
     .flags = 16,
     .tcp_options = 12,
     .dont_fragment = true},
    {.version = 6,
     .proto = 6,
     .dst = HOST_B,
     .src = HOST_A,
     .sport = 2,
     .flags = 16,
     .ext_headers = 1,
     .tagged = true,
     .vid = 4},
    {.version = 4, .proto = 17, .dst = HOST_B, .src = HOST_A, .sport = 3, .ip_options = 4},
    {.version = 6, .proto = 17, .dst = HOST_B, .src = HOST_A, .sport = 4},
};

static void put(struct dbr_gro *g, const uint8_t *b, size_t n)
{
    in[nin].b = malloc(n ? n : 1);
    in[nin].n = n;
    in[nin].out = false;
    memcpy(in[nin].b, b, n);
    if (dbr_gro_extend(g, in[nin].b, n, false) || dbr_gro_add(g, in[nin].b, n) == 0)
        nin++;
    else
        free(in[nin].b);
}

/* The input frame whose bytes start at p (or contain it, for the payload pieces). */
static size_t owner_of(const uint8_t *p)
{
    for (size_t i = 0; i < nin; i++)
        if (p >= in[i].b && p < in[i].b + in[i].n)
            return i;
    abort();
}

static void expect_frame(size_t i, const uint8_t *got, size_t n)
{
    struct dbr_eth_view v;
    REQUIRE(!in[i].out && n <= in[i].n && dbr_eth_parse(&v, in[i].b, in[i].n) == 0);
    in[i].out = true;
    uint8_t *want = malloc(in[i].n);
    memcpy(want, in[i].b, in[i].n);
    if (v.ethertype == DBR_ETHERTYPE_IPV4 && n >= v.l3 + 20u && want[v.l3 + 6] & 0x40) {
        memcpy(want + v.l3 + 4, got + v.l3 + 4, 2);
        memcpy(want + v.l3 + 10, got + v.l3 + 10, 2);
    }
    REQUIRE(memcmp(want, got, n) == 0);
    free(want);
}

static void check_item(struct dbr_gro *g, size_t i)
{
    struct dbr_gro_item item = dbr_gro_item(g, i);
    size_t n = 0, last = 0;
    for (unsigned k = 0; k < item.niov; k++) {
        memcpy(wire + n, item.iov[k].iov_base, item.iov[k].iov_len);
        n += item.iov[k].iov_len;
    }
    REQUIRE(n == item.len && item.niov == item.frames + 1);
    if (item.frames == 1) {
        size_t at = owner_of(item.iov[1].iov_base);
        REQUIRE(n == DBR_VNET_LEN + in[at].n);
        expect_frame(at, wire + DBR_VNET_LEN, in[at].n);
        return;
    }
    struct dbr_vnet v;
    struct dbr_gso s;
    dbr_vnet_parse(&v, wire);
    REQUIRE(dbr_gso_init(&s, &v, wire + DBR_VNET_LEN, n - DBR_VNET_LEN, (struct dbr_mss){0, 0}) == 0);
    REQUIRE(dbr_gso_count(&s) == item.frames);
    for (unsigned k = 1; k < item.niov; k++) {
        int len = dbr_gso_next(&s, cut, sizeof cut);
        size_t at = owner_of(item.iov[k].iov_base);
        REQUIRE(len > 0 && (k == 1 || at > last));
        expect_frame(at, cut, (size_t)len);
        last = at;
    }
}

static size_t add_flow_frame(struct dbr_gro *g, struct frame_spec *flow, const uint8_t *op, size_t left)
{
    if (left < 5)
        return left;
    struct frame_spec *s = &flow[op[0] % FLOWS];
    size_t n = dbr_get16(op + 1) % 1500;
    frame_build(&f, s, NULL, n);
    f.b[op[3] % f.n] ^= op[4];
    if (op[0] & 4 && f.b[f.l3] == (s->version == 4 ? 0x45 + s->ip_options / 4 : 0x60))
        frame_finish(&f);
    s->seq += (uint32_t)n;
    s->id++;
    put(g, f.b, f.n);
    return 5;
}

static size_t add_raw_frame(struct dbr_gro *g, const uint8_t *op, size_t left)
{
    if (left < 3)
        return left;
    size_t n = dbr_get16(op + 1);
    n = n > left - 3 ? left - 3 : n;
    put(g, op + 3, n);
    return 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_spec flow[FLOWS];
    memcpy(flow, flows, sizeof flow);
    struct dbr_gro *g = dbr_gro_new(BATCH, DBR_GRO_TCP4 | DBR_GRO_TCP6 | DBR_GRO_UDP4 | DBR_GRO_UDP6);
    REQUIRE(g);
    for (size_t at = 0; at < size && nin < BATCH;)
        at += data[at] & 0x80 ? add_raw_frame(g, data + at, size - at)
                              : add_flow_frame(g, flow, data + at, size - at);
    for (size_t i = 0; i < dbr_gro_count(g); i++)
        check_item(g, i);
    for (; nin; nin--) {
        REQUIRE(in[nin - 1].out);
        free(in[nin - 1].b);
    }
    dbr_gro_free(g);
    return 0;
}
