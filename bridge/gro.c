/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A batch is a list of frames and a list of items; each item chains the frames it carries. A small
 * direct-mapped table leads from the hash of a flow to the latest item of whatever flow had that hash: a
 * frame may only join that item, and only if it is of the same flow, so nothing ever overtakes within a flow,
 * and a collision costs a merge, not order. Slots of an older epoch are empty: raising the epoch closes every
 * flow at once.
 */
#include "bridge/gro.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"
#include "bridge/vnet.h"

enum { FRAMES_MAX = 65536, HEAD_MAX = 192, SLOTS_MIN = 64, SLOTS_MAX = 4096, IP_MAX = 65535, NOBODY = -1 };

struct frame {
    const uint8_t *data;
    uint32_t len, payload_at, payload;
    int32_t next; /* in its item */
};

/* What was read from one frame of a flow. */
struct piece {
    const uint8_t *data;
    size_t l3, l4, head, payload;
    uint32_t hash;
    uint8_t version;
    bool tcp;
};

struct item {
    int32_t first, last;
    uint32_t frames;
    size_t payload; /* of all frames */
    uint16_t l3, l4, head, segment;
    uint32_t hash;
    uint8_t version;
    bool tcp, open, push;
    enum { UNKNOWN, GOOD, BAD } first_checksum;
};

struct slot {
    uint32_t epoch;
    int32_t item;
};

struct dbr_gro {
    uint32_t kinds, cap;
    uint32_t nframes, nitems;
    uint32_t epoch, slot_mask;
    struct frame *frame;
    struct item *item;
    struct slot *slot;
    struct iovec iov[1 + DBR_GRO_PIECES];
    uint8_t head[DBR_VNET_LEN + HEAD_MAX]; /* of the item last asked for */
};

struct dbr_gro *dbr_gro_new(uint32_t frames, uint32_t kinds)
{
    if (frames < 1 || frames > FRAMES_MAX)
        return NULL;
    struct dbr_gro *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    uint32_t slots = SLOTS_MIN;
    while (slots < 2 * frames && slots < SLOTS_MAX)
        slots *= 2;
    g->kinds = kinds;
    g->cap = frames;
    g->epoch = 1;
    g->slot_mask = slots - 1;
    g->frame = calloc(frames, sizeof *g->frame);
    g->item = calloc(frames, sizeof *g->item);
    g->slot = calloc(slots, sizeof *g->slot);
    if (!g->frame || !g->item || !g->slot) {
        dbr_gro_free(g);
        return NULL;
    }
    return g;
}

void dbr_gro_free(struct dbr_gro *g)
{
    if (!g)
        return;
    free(g->frame);
    free(g->item);
    free(g->slot);
    free(g);
}

static void close_all(struct dbr_gro *g)
{
    if (++g->epoch)
        return;
    memset(g->slot, 0, (g->slot_mask + 1) * sizeof *g->slot);
    g->epoch = 1;
}

void dbr_gro_clear(struct dbr_gro *g)
{
    g->nframes = g->nitems = 0;
    close_all(g);
}

size_t dbr_gro_count(const struct dbr_gro *g)
{
    return g->nitems;
}

/* --- what a frame is --- */

enum sort {
    NAMELESS, /* of no flow we can name: closes all */
    ALONE,    /* of a flow, but never merged */
    DATA,     /* may be merged */
};

static uint32_t hash_flow(const struct piece *p, uint8_t proto)
{
    const uint8_t *ip = p->data + p->l3;
    uint64_t h = csum_bytes(proto, p->version == 4 ? ip + 12 : ip + 8, p->version == 4 ? 8 : 32);
    h ^= (uint64_t)dbr_get32(p->data + p->l4) * 0x9e3779b97f4a7c15U;
    return (uint32_t)((h * 0xff51afd7ed558ccdU) >> 32);
}

static enum sort sort_tcp(struct piece *p, const struct inet *in)
{
    const uint8_t *tcp = p->data + in->l4;
    size_t left = in->end - in->l4, header = left < TCP_HEADER ? 0 : (size_t)(tcp[TCP_OFFSET] >> 4) * 4;
    if (header < TCP_HEADER || header > left)
        return NAMELESS;
    p->head = in->l4 + header;
    p->payload = left - header;
    uint8_t flags = tcp[TCP_FLAGS] & (uint8_t) ~(TCP_PSH | TCP_ECE);
    return p->payload && flags == TCP_HAS_ACK ? DATA : ALONE;
}

static enum sort sort_udp(struct piece *p, const struct inet *in)
{
    const uint8_t *udp = p->data + in->l4;
    size_t left = in->end - in->l4;
    if (left < UDP_HEADER)
        return NAMELESS;
    p->head = in->l4 + UDP_HEADER;
    p->payload = left - UDP_HEADER;
    return p->payload && dbr_get16(udp + UDP_LENGTH) == left && dbr_get16(udp + UDP_CHECK) ? DATA : ALONE;
}

static uint32_t kind_bit(const struct inet *in)
{
    if (in->proto == IPPROTO_NUM_TCP)
        return in->version == 4 ? DBR_GRO_TCP4 : DBR_GRO_TCP6;
    return in->version == 4 ? DBR_GRO_UDP4 : DBR_GRO_UDP6;
}

static enum sort sort_frame(const struct dbr_gro *g, struct piece *p, const uint8_t *data, size_t n)
{
    struct dbr_eth_view v;
    *p = (struct piece){.data = data};
    if (dbr_eth_parse(&v, data, n) < 0)
        return NAMELESS;
    struct inet in = inet_parse(data, n, v.l3, v.ethertype);
    if (!in.version || in.fragment || in.cut || in.short_len ||
        (in.proto != IPPROTO_NUM_TCP && in.proto != IPPROTO_NUM_UDP))
        return NAMELESS;
    p->l3 = in.l3;
    p->l4 = in.l4;
    p->version = in.version;
    p->tcp = in.proto == IPPROTO_NUM_TCP;
    enum sort s = p->tcp ? sort_tcp(p, &in) : sort_udp(p, &in);
    if (s == NAMELESS)
        return s;
    p->hash = hash_flow(p, in.proto);
    bool wanted = g->kinds & kind_bit(&in) && !in.routing && p->head <= HEAD_MAX;
    return wanted ? s : ALONE;
}

/* --- may it join? --- */

static bool same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    return memcmp(a + from, b + from, to - from) == 0;
}

/* All but lengths, identification and checksum. */
static bool same_ip(const uint8_t *a, const uint8_t *b, const struct piece *p)
{
    size_t end = p->l4 - p->l3;
    a += p->l3;
    b += p->l3;
    if (p->version == 6)
        return same(a, b, 0, IP6_LENGTH) && same(a, b, IP6_LENGTH + 2, end);
    return same(a, b, 0, IP4_TOTAL) && same(a, b, IP4_FRAG, IP4_CHECK) && same(a, b, IP4_CHECK + 2, end);
}

/* All but sequence number, PSH and checksum; UDP: the ports. */
static bool same_upper(const uint8_t *a, const uint8_t *b, const struct piece *p)
{
    a += p->l4;
    b += p->l4;
    if (!p->tcp)
        return same(a, b, 0, UDP_LENGTH);
    return same(a, b, 0, TCP_SEQ) && same(a, b, TCP_ACK, TCP_FLAGS) &&
           ((a[TCP_FLAGS] ^ b[TCP_FLAGS]) & ~TCP_PSH) == 0 && same(a, b, TCP_WINDOW, TCP_CHECK) &&
           same(a, b, TCP_URGENT, p->head - p->l4);
}

/* With DF the identification means nothing (RFC 6864 4.1); without, it must go on counting. */
static bool next_id(const uint8_t *first, const struct piece *p, uint32_t frames)
{
    const uint8_t *ip = p->data + p->l3;
    if (p->version == 6 || dbr_get16(ip + IP4_FRAG) & IP4_DONT_FRAGMENT)
        return true;
    return dbr_get16(ip + IP4_ID) == (uint16_t)(dbr_get16(first + p->l3 + IP4_ID) + frames);
}

static bool next_seq(const uint8_t *first, const struct piece *p, size_t payload)
{
    return !p->tcp ||
           dbr_get32(p->data + p->l4 + TCP_SEQ) == dbr_get32(first + p->l4 + TCP_SEQ) + (uint32_t)payload;
}

static bool checksums_good(const uint8_t *data, size_t l3, size_t l4, size_t len, uint8_t version, bool tcp)
{
    if (version == 4 && csum_fold(csum_bytes(0, data + l3, (size_t)(data[l3] & 15) * 4)) != 0xffff)
        return false;
    uint64_t sum = csum_pseudo(version, data + l3, tcp ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP, (uint32_t)len);
    return csum_fold(csum_bytes(sum, data + l4, len)) == 0xffff;
}

/* The first frame is only verified when a second one asks. */
static bool first_good(const struct dbr_gro *g, struct item *it)
{
    const struct frame *f = &g->frame[it->first];
    if (it->first_checksum == UNKNOWN)
        it->first_checksum =
            checksums_good(f->data, it->l3, it->l4, it->head - it->l4 + f->payload, it->version, it->tcp)
                ? GOOD
                : BAD;
    return it->first_checksum == GOOD;
}

static bool may_join(const struct dbr_gro *g, struct item *it, const struct piece *p)
{
    const uint8_t *first = g->frame[it->first].data;
    if (!it->open || it->hash != p->hash || it->version != p->version || it->tcp != p->tcp ||
        it->l3 != p->l3 || it->l4 != p->l4 || it->head != p->head)
        return false;
    if (p->payload > it->segment || it->frames == DBR_GRO_PIECES ||
        p->head - p->l3 + it->payload + p->payload > IP_MAX)
        return false;
    return same(first, p->data, 0, p->l3) && same_ip(first, p->data, p) && same_upper(first, p->data, p) &&
           next_id(first, p, it->frames) && next_seq(first, p, it->payload) && first_good(g, it) &&
           checksums_good(p->data, p->l3, p->l4, p->head - p->l4 + p->payload, p->version, p->tcp);
}

static bool pushes(const struct piece *p)
{
    return p->tcp && p->data[p->l4 + TCP_FLAGS] & TCP_PSH;
}

static void join(struct dbr_gro *g, struct item *it, const struct piece *p, int32_t frame)
{
    g->frame[it->last].next = frame;
    it->last = frame;
    it->frames++;
    it->payload += p->payload;
    it->push = pushes(p);
    it->open = !it->push && p->payload == it->segment;
}

static int32_t add_item(struct dbr_gro *g, enum sort s, const struct piece *p, int32_t frame)
{
    int32_t at = (int32_t)g->nitems++;
    g->item[at] = (struct item){.first = frame, .last = frame, .frames = 1};
    if (s == DATA)
        g->item[at] = (struct item){.first = frame,
                                    .last = frame,
                                    .frames = 1,
                                    .payload = p->payload,
                                    .l3 = (uint16_t)p->l3,
                                    .l4 = (uint16_t)p->l4,
                                    .head = (uint16_t)p->head,
                                    .segment = (uint16_t)p->payload,
                                    .hash = p->hash,
                                    .version = p->version,
                                    .tcp = p->tcp,
                                    .open = !pushes(p)};
    return at;
}

static struct item *current_item(struct dbr_gro *g, const struct slot *slot)
{
    return slot->epoch == g->epoch ? &g->item[slot->item] : NULL;
}

int dbr_gro_add(struct dbr_gro *g, const uint8_t *data, size_t n)
{
    if (n < DBR_ETH_HEADER || n > DBR_ETH_MAX)
        return DBR_ERR_SHAPE;
    if (g->nframes == g->cap)
        return DBR_ERR_LIMIT;
    struct piece p;
    enum sort s = sort_frame(g, &p, data, n);
    int32_t frame = (int32_t)g->nframes++;
    g->frame[frame] = (struct frame){.data = data,
                                     .len = (uint32_t)n,
                                     .payload_at = (uint32_t)p.head,
                                     .payload = (uint32_t)p.payload,
                                     .next = NOBODY};
    if (s == NAMELESS) {
        close_all(g);
        add_item(g, s, &p, frame);
        return 0;
    }
    struct slot *slot = &g->slot[p.hash & g->slot_mask];
    struct item *it = current_item(g, slot);
    if (s == DATA && it && may_join(g, it, &p))
        join(g, it, &p, frame);
    else
        *slot = (struct slot){.epoch = g->epoch, .item = add_item(g, s, &p, frame)};
    return 0;
}

/* --- what comes out --- */

static void write_ip(const struct item *it, uint8_t *head)
{
    uint8_t *ip = head + it->l3;
    size_t total = it->head - it->l3 + it->payload;
    if (it->version == 6) {
        dbr_put16(ip + IP6_LENGTH, (uint16_t)(total - IP6_HEADER));
        return;
    }
    dbr_put16(ip + IP4_TOTAL, (uint16_t)total);
    dbr_put16(ip + IP4_CHECK, 0);
    csum_store(ip + IP4_CHECK, (uint16_t)~csum_fold(csum_bytes(0, ip, (size_t)(ip[0] & 15) * 4)));
}

/* The checksum field of a super frame has the sum of its pseudo header, not complemented; the kernel does the
 * rest. */
static void write_upper(const struct item *it, uint8_t *head)
{
    uint8_t *upper = head + it->l4;
    uint32_t len = (uint32_t)(it->head - it->l4 + it->payload);
    uint64_t sum = csum_pseudo(it->version, head + it->l3, it->tcp ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP, len);
    csum_store(upper + (it->tcp ? TCP_CHECK : UDP_CHECK), csum_fold(sum));
    if (it->tcp && it->push)
        upper[TCP_FLAGS] |= TCP_PSH;
    if (!it->tcp)
        dbr_put16(upper + UDP_LENGTH, (uint16_t)len);
}

static void write_vnet(const struct item *it, uint8_t *p)
{
    static const uint8_t tcp_types[] = {[4] = DBR_VNET_GSO_TCPV4, [6] = DBR_VNET_GSO_TCPV6};
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = it->tcp ? tcp_types[it->version] : DBR_VNET_GSO_UDP_L4,
                         .hdr_len = it->head,
                         .gso_size = it->segment,
                         .csum_start = it->l4,
                         .csum_offset = it->tcp ? TCP_CHECK : UDP_CHECK};
    dbr_vnet_write(&v, p);
}

static void piece_out(struct dbr_gro *g, unsigned i, const void *base, size_t len)
{
    g->iov[i] = (struct iovec){.iov_base = (void *)base, .iov_len = len};
}

static struct dbr_gro_item lone_item(struct dbr_gro *g, const struct item *it)
{
    const struct frame *f = &g->frame[it->first];
    memset(g->head, 0, DBR_VNET_LEN);
    piece_out(g, 0, g->head, DBR_VNET_LEN);
    piece_out(g, 1, f->data, f->len);
    return (struct dbr_gro_item){.iov = g->iov, .niov = 2, .len = DBR_VNET_LEN + f->len, .frames = 1};
}

struct dbr_gro_item dbr_gro_item(struct dbr_gro *g, size_t i)
{
    const struct item *it = &g->item[i];
    if (it->frames == 1)
        return lone_item(g, it);
    memcpy(g->head + DBR_VNET_LEN, g->frame[it->first].data, it->head);
    write_vnet(it, g->head);
    write_ip(it, g->head + DBR_VNET_LEN);
    write_upper(it, g->head + DBR_VNET_LEN);
    unsigned n = 0;
    piece_out(g, n++, g->head, (size_t)DBR_VNET_LEN + it->head);
    for (int32_t f = it->first; f != NOBODY; f = g->frame[f].next)
        piece_out(g, n++, g->frame[f].data + g->frame[f].payload_at, g->frame[f].payload);
    return (struct dbr_gro_item){
        .iov = g->iov, .niov = n, .len = (size_t)DBR_VNET_LEN + it->head + it->payload, .frames = it->frames};
}
