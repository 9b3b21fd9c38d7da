/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/gso.h"

#include <string.h>

#include "base/err.h"
#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"

enum { SEGMENT_MIN = 8 };

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
    g->base = pseudo_base(in, g->frame);
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

static void finish_ip(const struct dbr_gso *g, uint8_t *out, size_t n)
{
    uint8_t *ip = out + g->l3;
    if (g->version == 6) {
        dbr_put16(ip + IP6_LENGTH, (uint16_t)(n - g->l3 - IP6_HEADER));
        return;
    }
    dbr_put16(ip + IP4_TOTAL, (uint16_t)(n - g->l3));
    dbr_put16(ip + IP4_ID, (uint16_t)(dbr_get16(ip + IP4_ID) + g->index));
    dbr_put16(ip + IP4_CHECK, 0);
    csum_store(ip + IP4_CHECK, (uint16_t)~csum_fold(csum_bytes(0, ip, (size_t)(ip[0] & 15) * 4)));
}

/* The urgent pointer counts from the segment's own sequence number (RFC 9293). */
static void finish_urgent(uint8_t *tcp, size_t at)
{
    uint16_t urgent = dbr_get16(tcp + TCP_URGENT);
    if (!(tcp[TCP_FLAGS] & TCP_URG))
        return;
    if (urgent < at)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_URG;
    dbr_put16(tcp + TCP_URGENT, urgent < at ? 0 : (uint16_t)(urgent - at));
}

static void finish_tcp(const struct dbr_gso *g, uint8_t *tcp, size_t n, bool last)
{
    dbr_put32(tcp + TCP_SEQ, dbr_get32(tcp + TCP_SEQ) + (uint32_t)g->at);
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (g->index > 0)
        tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
    finish_urgent(tcp, g->at);
    dbr_put16(tcp + TCP_CHECK, 0);
    csum_store(tcp + TCP_CHECK, (uint16_t)~csum_fold(csum_bytes(csum_value(g->base, (uint16_t)n), tcp, n)));
}

static void finish_udp(const struct dbr_gso *g, uint8_t *udp, size_t n)
{
    dbr_put16(udp + UDP_LENGTH, (uint16_t)n);
    dbr_put16(udp + UDP_CHECK, 0);
    uint16_t check = (uint16_t)~csum_fold(csum_bytes(csum_value(g->base, (uint16_t)n), udp, n));
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
        finish_tcp(g, out + g->l4, g->head - g->l4 + n, n == left);
    else
        finish_udp(g, out + g->l4, g->head - g->l4 + n);
    g->at += n;
    g->index++;
    return (int)(g->head + n);
}
