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
    bool tcp, unsummed;
};

struct item {
    int32_t first, last;
    uint32_t frames;
    size_t payload; /* of all frames */
    uint16_t l3, l4, head, segment;
    uint32_t hash;
    uint8_t version;
    bool tcp, open, push, unsummed; /* unsummed: the first frame */
    enum { UNKNOWN, GOOD, BAD } first_checksum;
};

struct slot {
    uint32_t epoch;
    int32_t item;
};

/* What the next piece of an item looks like: its headers, and which bits of them are compared. */
struct next {
    int32_t item;
    uint64_t pseudo; /* sum of the pseudo header without its length */
    size_t words;    /* of 8 bytes */
    uint8_t want[HEAD_MAX], mask[HEAD_MAX];
};

struct dbr_gro {
    uint32_t kinds, cap;
    uint32_t nframes, nitems;
    int32_t last; /* the item that the last frame went to, if it can be continued */
    struct next next;
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
    g->last = g->next.item = NOBODY;
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
    g->last = g->next.item = NOBODY;
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

static enum sort sort_frame(const struct dbr_gro *g, struct piece *p, const uint8_t *data, size_t n,
                            bool unsummed)
{
    struct dbr_eth_view v;
    *p = (struct piece){.data = data, .unsummed = unsummed};
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

static bool ip_good(uint8_t version, const uint8_t *ip)
{
    return version != 4 || csum_fold(csum_bytes(0, ip, (size_t)(ip[0] & 15) * 4)) == 0xffff;
}

static bool checksums_good(const uint8_t *data, size_t l3, size_t l4, size_t len, uint8_t version, bool tcp)
{
    if (!ip_good(version, data + l3))
        return false;
    uint64_t sum = csum_pseudo(version, data + l3, tcp ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP, (uint32_t)len);
    return csum_fold(csum_bytes(sum, data + l4, len)) == 0xffff;
}

static bool piece_good(const struct piece *p)
{
    return p->unsummed
               ? ip_good(p->version, p->data + p->l3)
               : checksums_good(p->data, p->l3, p->l4, p->head - p->l4 + p->payload, p->version, p->tcp);
}

/* The first frame is only verified when a second one asks. */
static bool first_good(const struct dbr_gro *g, struct item *it)
{
    const struct frame *f = &g->frame[it->first];
    const struct piece p = {.data = f->data,
                            .l3 = it->l3,
                            .l4 = it->l4,
                            .head = it->head,
                            .payload = f->payload,
                            .version = it->version,
                            .tcp = it->tcp,
                            .unsummed = it->unsummed};
    if (it->first_checksum == UNKNOWN)
        it->first_checksum = piece_good(&p) ? GOOD : BAD;
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
           piece_good(p);
}

static bool pushes(const struct piece *p)
{
    return p->tcp && p->data[p->l4 + TCP_FLAGS] & TCP_PSH;
}

static void join(struct dbr_gro *g, struct item *it, size_t payload, bool push, int32_t frame)
{
    g->frame[it->last].next = frame;
    it->last = frame;
    it->frames++;
    it->payload += payload;
    it->push = push;
    it->open = !push && payload == it->segment;
}

static int32_t add_item(struct dbr_gro *g, enum sort s, const struct piece *p, int32_t frame)
{
    int32_t at = (int32_t)g->nitems++;
    g->item[at] = (struct item){.first = frame,
                                .last = frame,
                                .frames = 1,
                                .l4 = (uint16_t)p->l4,
                                .tcp = p->tcp,
                                .unsummed = p->unsummed};
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
                                    .unsummed = p->unsummed,
                                    .open = !pushes(p)};
    return at;
}

static struct item *current_item(struct dbr_gro *g, const struct slot *slot)
{
    return slot->epoch == g->epoch ? &g->item[slot->item] : NULL;
}

static int add(struct dbr_gro *g, const uint8_t *data, size_t n, bool unsummed)
{
    g->last = NOBODY; /* also when the frame is refused: who asks next may be somebody else */
    if (n < DBR_ETH_HEADER || n > DBR_ETH_MAX)
        return DBR_ERR_SHAPE;
    if (g->nframes == g->cap)
        return DBR_ERR_LIMIT;
    struct piece p;
    enum sort s = sort_frame(g, &p, data, n, unsummed);
    if (unsummed && s == NAMELESS)
        return DBR_ERR_SHAPE;
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
        join(g, it, p.payload, pushes(&p), frame);
    else
        *slot = (struct slot){.epoch = g->epoch, .item = add_item(g, s, &p, frame)};
    if (s == DATA)
        g->last = slot->item;
    return 0;
}

int dbr_gro_add(struct dbr_gro *g, const uint8_t *data, size_t n)
{
    return add(g, data, n, false);
}

int dbr_gro_add_unsummed(struct dbr_gro *g, const uint8_t *data, size_t n)
{
    return add(g, data, n, true);
}

/* --- the next piece of the same flow, without parsing it --- */

static void ignore(struct next *x, size_t at, size_t n)
{
    memset(x->mask + at, 0, n);
}

/* What may differ from piece to piece: the fields that same_ip() and same_upper() leave out. */
static void foresee(struct dbr_gro *g, int32_t index)
{
    const struct item *it = &g->item[index];
    const uint8_t *first = g->frame[it->first].data;
    struct next *x = &g->next;
    x->item = index;
    x->words = ((size_t)it->head + 7) / 8;
    x->pseudo = csum_pseudo(it->version, first + it->l3, it->tcp ? IPPROTO_NUM_TCP : IPPROTO_NUM_UDP, 0);
    memset(x->mask, 0xff, it->head);
    memset(x->mask + it->head, 0, x->words * 8 - it->head);
    memcpy(x->want, first, it->head);
    if (it->version == 4) {
        ignore(x, it->l3 + IP4_TOTAL, IP4_FRAG - IP4_TOTAL);
        ignore(x, it->l3 + IP4_CHECK, 2);
    } else
        ignore(x, it->l3 + IP6_LENGTH, 2);
    if (!it->tcp) {
        ignore(x, it->l4 + UDP_LENGTH, 4);
        return;
    }
    ignore(x, it->l4 + TCP_SEQ, 4);
    ignore(x, it->l4 + TCP_CHECK, 2);
    x->mask[it->l4 + TCP_FLAGS] = (uint8_t)~TCP_PSH;
}

static bool as_foreseen(const struct next *x, const uint8_t *data)
{
    uint64_t differ = 0;
    for (size_t i = 0; i < x->words * 8; i += 8) {
        uint64_t have, want, mask;
        memcpy(&have, data + i, 8);
        memcpy(&want, x->want + i, 8);
        memcpy(&mask, x->mask + i, 8);
        differ |= (have ^ want) & mask;
    }
    return !differ;
}

/* The lengths that stand in the headers are those of the frame, and its checksums hold. */
static bool sound(const struct item *it, uint64_t pseudo, const uint8_t *data, size_t n, bool unsummed)
{
    const uint8_t *ip = data + it->l3, *upper = data + it->l4;
    size_t len = n - it->l4;
    if (it->version == 4) {
        if (dbr_get16(ip + IP4_TOTAL) != n - it->l3 || !ip_good(4, ip))
            return false;
    } else if (dbr_get16(ip + IP6_LENGTH) != n - it->l3 - IP6_HEADER)
        return false;
    if (!it->tcp && dbr_get16(upper + UDP_LENGTH) != len)
        return false;
    if (unsummed)
        return true;
    if (!it->tcp && !dbr_get16(upper + UDP_CHECK))
        return false;
    return csum_fold(csum_bytes(csum_value(pseudo, (uint16_t)len), upper, len)) == 0xffff;
}

bool dbr_gro_extend(struct dbr_gro *g, const uint8_t *data, size_t n, bool unsummed)
{
    if (g->last == NOBODY || g->nframes == g->cap)
        return false;
    struct item *it = &g->item[g->last];
    if (g->next.item != g->last)
        foresee(g, g->last);
    if (!it->open || it->frames == DBR_GRO_PIECES || n <= it->head || n > (size_t)it->head + it->segment ||
        n < g->next.words * 8 || n - it->l3 + it->payload > IP_MAX || !as_foreseen(&g->next, data))
        return false;
    const struct piece p = {.data = data,
                            .l3 = it->l3,
                            .l4 = it->l4,
                            .head = it->head,
                            .payload = n - it->head,
                            .version = it->version,
                            .tcp = it->tcp};
    const uint8_t *first = g->frame[it->first].data;
    if (!next_id(first, &p, it->frames) || !next_seq(first, &p, it->payload) || !first_good(g, it) ||
        !sound(it, g->next.pseudo, data, n, unsummed))
        return false;
    int32_t frame = (int32_t)g->nframes++;
    g->frame[frame] = (struct frame){.data = data,
                                     .len = (uint32_t)n,
                                     .payload_at = it->head,
                                     .payload = (uint32_t)p.payload,
                                     .next = NOBODY};
    join(g, it, p.payload, pushes(&p), frame);
    return true;
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
    struct dbr_vnet v = {0};
    if (it->unsummed)
        v = (struct dbr_vnet){.flags = DBR_VNET_NEEDS_CSUM,
                              .csum_start = it->l4,
                              .csum_offset = it->tcp ? TCP_CHECK : UDP_CHECK};
    dbr_vnet_write(&v, g->head);
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
