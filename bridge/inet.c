/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/inet.h"

static size_t clip_end(struct inet *in, size_t end, size_t n)
{
    in->short_len = end > n;
    return end > n ? n : end;
}

static void parse_ip4(struct inet *in, const uint8_t *frame, size_t n)
{
    const uint8_t *ip = frame + in->l3;
    if (n - in->l3 < IP4_HEADER || ip[0] >> 4 != 4)
        return;
    size_t header = (size_t)(ip[0] & 15) * 4, total = dbr_get16(ip + 2);
    if (header < IP4_HEADER || header > n - in->l3 || total < header)
        return;
    uint16_t frag = dbr_get16(ip + 6);
    in->version = 4;
    in->proto = ip[9];
    in->later = (frag & 0x1fff) != 0;
    in->fragment = (frag & 0x3fff) != 0;
    in->l4 = in->l3 + header;
    in->end = clip_end(in, in->l3 + total, n);
}

/* Bytes of the extension header at p of this type, 0 if it is not one we can step over. */
static size_t extension_len(uint8_t type, const uint8_t *p)
{
    switch (type) {
    case IPPROTO_NUM_HOPOPTS:
    case IPPROTO_NUM_ROUTING:
    case IPPROTO_NUM_DSTOPTS:
    case IPPROTO_NUM_MOBILITY:
    case IPPROTO_NUM_HIP:
    case IPPROTO_NUM_SHIM6: return ((size_t)p[1] + 1) * 8;
    case IPPROTO_NUM_AH: return ((size_t)p[1] + 2) * 4;
    case IPPROTO_NUM_FRAGMENT: return 8;
    }
    return 0;
}

static bool is_extension(uint8_t type)
{
    static const uint8_t any_len[2] = {0, 0};
    return extension_len(type, any_len) > 0;
}

static void walk_chain(struct inet *in, const uint8_t *frame)
{
    for (int i = 0; is_extension(in->proto); i++) {
        const uint8_t *p = frame + in->l4;
        size_t left = in->end - in->l4;
        size_t len = left < 8 ? 8 : extension_len(in->proto, p);
        if (i == INET_CHAIN_MAX || len > left) {
            in->cut = true;
            return;
        }
        if (in->proto == IPPROTO_NUM_FRAGMENT) {
            uint16_t frag = dbr_get16(p + 2);
            in->fragment = true;
            in->later = (frag & 0xfff8) != 0;
        }
        in->routing |= in->proto == IPPROTO_NUM_ROUTING;
        in->proto = p[0];
        in->l4 += len;
        if (in->later)
            return;
    }
}

static void parse_ip6(struct inet *in, const uint8_t *frame, size_t n)
{
    const uint8_t *ip = frame + in->l3;
    if (n - in->l3 < IP6_HEADER || ip[0] >> 4 != 6)
        return;
    in->version = 6;
    in->proto = ip[6];
    in->l4 = in->l3 + IP6_HEADER;
    in->end = clip_end(in, in->l4 + dbr_get16(ip + 4), n);
    walk_chain(in, frame);
}

struct inet inet_parse(const uint8_t *frame, size_t n, size_t l3, uint16_t ethertype)
{
    struct inet in = {.l3 = l3, .l4 = l3, .end = n};
    if (l3 > n)
        return in;
    if (ethertype == DBR_ETHERTYPE_IPV4)
        parse_ip4(&in, frame, n);
    else if (ethertype == DBR_ETHERTYPE_IPV6)
        parse_ip6(&in, frame, n);
    return in;
}
