/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/gso.h"

#include <string.h>

#include "base/err.h"
#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"

enum { SEGMENT_MIN = 8, HEADER_MAX = 60 /* of IPv4 and of TCP: their length fields have four bits */ };

/* Which headers a type of super frame must have. */
static bool fits_type(uint8_t gso_type, const struct inet *in)
{
    switch (gso_type & ~DBR_VNET_GSO_ECN) {
    case DBR_VNET_GSO_TCPV4: return in->version == 4 && in->proto == IPPROTO_NUM_TCP;
    case DBR_VNET_GSO_TCPV6: return in->version == 6 && in->proto == IPPROTO_NUM_TCP;
    case DBR_VNET_GSO_UDP_L4: return in->version != 0 && in->proto == IPPROTO_NUM_UDP;
    }
    return false;
}

static bool is_whole(const struct inet *in)
{
    return in->version && !in->fragment && !in->cut && !in->short_len;
}

/* Bytes of the TCP or UDP header at l4, 0 if it does not fit. */
static size_t upper_header(const struct inet *in, const uint8_t *frame)
{
    size_t left = in->end - in->l4;
    if (in->proto == IPPROTO_NUM_UDP)
        return left >= UDP_HEADER ? UDP_HEADER : 0;
    if (left < TCP_HEADER)
        return 0;
    size_t n = (size_t)(frame[in->l4 + TCP_OFFSET] >> 4) * 4;
    return n >= TCP_HEADER && n <= left ? n : 0;
}

/* The sum of the pseudo header without its length. Behind a routing header the destination is not in the IP
 * header; there the field that the kernel left has the whole sum, from which the length is taken off again.
 */
static uint64_t pseudo_base(const struct inet *in, const uint8_t *frame)
{
    if (!in->routing)
        return csum_pseudo(in->version, frame + in->l3, in->proto, 0);
    size_t check = in->proto == IPPROTO_NUM_TCP ? TCP_CHECK : UDP_CHECK;
    uint64_t sum = csum_bytes(0, frame + in->l4 + check, 2);
    return csum_value(sum, (uint16_t) ~(in->end - in->l4));
}

/* The sum of n header bytes (at most HEADER_MAX) without the fields at those offsets. */
static uint64_t sum_without(const uint8_t *header, size_t n, const uint8_t fields[], size_t count)
{
    uint8_t rest[HEADER_MAX];
    memcpy(rest, header, n);
    for (size_t i = 0; i < count; i++)
        memset(rest + fields[i], 0, 2);
    return csum_bytes(0, rest, n);
}

static uint64_t ip_sum(const struct dbr_gso *g)
{
    static const uint8_t vary[] = {IP4_TOTAL, IP4_ID, IP4_CHECK};
    const uint8_t *ip = g->frame + g->l3;
    return g->version == 4 ? sum_without(ip, (size_t)(ip[0] & 15) * 4, vary, sizeof vary) : 0;
}

static uint64_t upper_sum(const struct dbr_gso *g)
{
    static const uint8_t tcp[] = {TCP_SEQ, TCP_SEQ + 2, TCP_OFFSET, TCP_CHECK, TCP_URGENT};
    static const uint8_t udp[] = {UDP_LENGTH, UDP_CHECK};
    return sum_without(g->frame + g->l4, (size_t)(g->head - g->l4), g->tcp ? tcp : udp,
                       g->tcp ? sizeof tcp : sizeof udp);
}

static bool set_up(struct dbr_gso *g, const struct inet *in, size_t segment)
{
    size_t upper = upper_header(in, g->frame), head = in->l4 + upper;
    if (!upper || head > UINT16_MAX)
        return false;
    g->version = in->version;
    g->tcp = in->proto == IPPROTO_NUM_TCP;
    g->l3 = (uint16_t)in->l3;
    g->l4 = (uint16_t)in->l4;
    g->head = (uint16_t)head;
    g->len = in->end;
    g->payload = in->end - head;
    g->segment = segment;
    g->routing = in->routing;
    g->ip_base = ip_sum(g);
    g->base = csum_add64(pseudo_base(in, g->frame), upper_sum(g));
    return true;
}

/* TCP payload per segment under an MSS, which does not count the options (RFC 6691). */
static size_t clip_segment(size_t segment, const struct inet *in, const uint8_t *frame, struct dbr_mss max)
{
    size_t mss = in->version == 6 ? max.v6 : max.v4, upper = upper_header(in, frame);
    if (!mss || in->proto != IPPROTO_NUM_TCP || !upper)
        return segment;
    size_t options = upper - TCP_HEADER;
    size_t limit = mss > options + SEGMENT_MIN ? mss - options : SEGMENT_MIN;
    return segment < limit ? segment : limit;
}

static bool checksum_good(const struct dbr_vnet *v, const struct inet *in, const uint8_t *frame)
{
    if (v->flags & DBR_VNET_NEEDS_CSUM)
        return true;
    if (in->routing)
        return false;
    size_t len = in->end - in->l4;
    uint64_t sum = csum_pseudo(in->version, frame + in->l3, in->proto, (uint32_t)len);
    return csum_fold(csum_bytes(sum, frame + in->l4, len)) == 0xffff;
}

/* An ordinary TCP frame larger than the MSS is cut too, unless that would hide a bad checksum. */
static void cut_ordinary(struct dbr_gso *g, const struct inet *in, struct dbr_mss max)
{
    size_t upper = is_whole(in) && in->proto == IPPROTO_NUM_TCP ? upper_header(in, g->frame) : 0;
    if (!upper || g->frame[in->l4 + TCP_FLAGS] & (TCP_SYN | TCP_RST))
        return;
    size_t payload = in->end - in->l4 - upper, segment = clip_segment(payload, in, g->frame, max);
    if (segment < payload && checksum_good(&g->vnet, in, g->frame))
        set_up(g, in, segment);
}

int dbr_gso_init(struct dbr_gso *g, const struct dbr_vnet *v, const uint8_t *frame, size_t n,
                 struct dbr_mss max)
{
    struct dbr_eth_view view;
    *g = (struct dbr_gso){.frame = frame, .len = n, .vnet = *v};
    if (dbr_vnet_check(v, n) < 0 || dbr_eth_parse(&view, frame, n) < 0)
        return DBR_ERR_SHAPE;
    if (v->gso_type == DBR_VNET_GSO_NONE) {
        if (max.v4 || max.v6) {
            struct inet in = inet_parse(frame, n, view.l3, view.ethertype);
            cut_ordinary(g, &in, max);
        }
        return 0;
    }
    struct inet in = inet_parse(frame, n, view.l3, view.ethertype);
    if (!fits_type(v->gso_type, &in) || !is_whole(&in))
        return DBR_ERR_SHAPE;
    return set_up(g, &in, clip_segment(v->gso_size, &in, frame, max)) ? 0 : DBR_ERR_SHAPE;
}

bool dbr_gso_leave_sums(struct dbr_gso *g)
{
    g->unsummed = g->version && !g->routing;
    return g->unsummed;
}

size_t dbr_gso_count(const struct dbr_gso *g)
{
    return g->version && g->payload ? (g->payload + g->segment - 1) / g->segment : 1;
}

size_t dbr_gso_frame_len(const struct dbr_gso *g)
{
    if (!g->version)
        return g->len;
    return g->head + (g->payload < g->segment ? g->payload : g->segment);
}

/* What differs from segment to segment is taken from the super frame and added to the sums of the rest: what
 * was just written to out is not read again, it would have to be waited for. */
static void finish_ip(const struct dbr_gso *g, uint8_t *out, size_t n)
{
    const uint8_t *from = g->frame + g->l3;
    uint8_t *ip = out + g->l3;
    if (g->version == 6) {
        dbr_put16(ip + IP6_LENGTH, (uint16_t)(n - g->l3 - IP6_HEADER));
        return;
    }
    uint16_t total = (uint16_t)(n - g->l3), id = (uint16_t)(dbr_get16(from + IP4_ID) + g->index);
    dbr_put16(ip + IP4_TOTAL, total);
    dbr_put16(ip + IP4_ID, id);
    csum_store(ip + IP4_CHECK, (uint16_t)~csum_fold(csum_value(csum_value(g->ip_base, total), id)));
}

/* The urgent pointer counts from the segment's own sequence number (RFC 9293). */
static uint16_t segment_urgent(const uint8_t *from, size_t at, uint8_t *flags)
{
    uint16_t urgent = dbr_get16(from + TCP_URGENT);
    if (!(*flags & TCP_URG))
        return urgent;
    if (urgent < at)
        *flags &= (uint8_t)~TCP_URG;
    return urgent < at ? 0 : (uint16_t)(urgent - at);
}

static void finish_tcp(const struct dbr_gso *g, uint8_t *tcp, size_t payload, bool last)
{
    const uint8_t *from = g->frame + g->l4;
    uint32_t seq = dbr_get32(from + TCP_SEQ) + (uint32_t)g->at;
    uint8_t flags = from[TCP_FLAGS];
    if (!last)
        flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (g->index > 0)
        flags &= (uint8_t)~TCP_CWR;
    uint16_t urgent = segment_urgent(from, g->at, &flags);
    dbr_put32(tcp + TCP_SEQ, seq);
    tcp[TCP_FLAGS] = flags;
    dbr_put16(tcp + TCP_URGENT, urgent);
    dbr_put16(tcp + TCP_CHECK, 0);
    if (g->unsummed)
        return;
    uint64_t sum = csum_value(g->base, (uint16_t)(g->head - g->l4 + payload));
    sum = csum_value(csum_value(sum, (uint16_t)(seq >> 16)), (uint16_t)seq);
    sum = csum_value(csum_value(sum, (uint16_t)(from[TCP_OFFSET] << 8 | flags)), urgent);
    csum_store(tcp + TCP_CHECK, (uint16_t)~csum_fold(csum_bytes(sum, g->frame + g->head + g->at, payload)));
}

static void finish_udp(const struct dbr_gso *g, uint8_t *udp, size_t payload)
{
    uint16_t len = (uint16_t)(UDP_HEADER + payload);
    dbr_put16(udp + UDP_LENGTH, len);
    dbr_put16(udp + UDP_CHECK, 0);
    if (g->unsummed)
        return;
    uint64_t sum = csum_value(csum_value(g->base, len), len); /* of the pseudo header and of this one */
    uint16_t check = (uint16_t)~csum_fold(csum_bytes(sum, g->frame + g->head + g->at, payload));
    csum_store(udp + UDP_CHECK, check ? check : 0xffff);
}

static int copy_whole(struct dbr_gso *g, uint8_t *out, size_t cap)
{
    if (cap < g->len)
        return DBR_ERR_SPACE;
    memcpy(out, g->frame, g->len);
    int err = dbr_vnet_finish(&g->vnet, out, g->len);
    g->index = 1;
    return err ? err : (int)g->len;
}

int dbr_gso_next(struct dbr_gso *g, uint8_t *out, size_t cap)
{
    if (g->index && g->at >= g->payload)
        return 0;
    if (!g->version)
        return copy_whole(g, out, cap);
    size_t left = g->payload - g->at, n = left < g->segment ? left : g->segment;
    if (cap < g->head + n)
        return DBR_ERR_SPACE;
    memcpy(out, g->frame, g->head);
    memcpy(out + g->head, g->frame + g->head + g->at, n);
    finish_ip(g, out, g->head + n);
    if (g->tcp)
        finish_tcp(g, out + g->l4, n, n == left);
    else
        finish_udp(g, out + g->l4, n);
    g->at += n;
    g->index++;
    return (int)(g->head + n);
}
