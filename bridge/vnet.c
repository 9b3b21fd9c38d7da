/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/vnet.h"

#include <string.h>

#include "base/err.h"
#include "bridge/csum.h"
#include "bridge/eth.h"
#include "bridge/inet.h"
#include "bridge/tcp.h"

enum { KNOWN_FLAGS = 1 | 2 | 4 /* RSC_INFO, ignored */ };

static uint16_t native16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static void put_native16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, 2);
}

void dbr_vnet_parse(struct dbr_vnet *v, const uint8_t *p)
{
    *v = (struct dbr_vnet){.flags = p[0],
                           .gso_type = p[1],
                           .hdr_len = native16(p + 2),
                           .gso_size = native16(p + 4),
                           .csum_start = native16(p + 6),
                           .csum_offset = native16(p + 8)};
}

void dbr_vnet_write(const struct dbr_vnet *v, uint8_t *p)
{
    p[0] = v->flags;
    p[1] = v->gso_type;
    put_native16(p + 2, v->hdr_len);
    put_native16(p + 4, v->gso_size);
    put_native16(p + 6, v->csum_start);
    put_native16(p + 8, v->csum_offset);
}

int dbr_vnet_check(const struct dbr_vnet *v, size_t n)
{
    if (v->flags & ~KNOWN_FLAGS)
        return DBR_ERR_SHAPE;
    bool partial = v->flags & DBR_VNET_NEEDS_CSUM;
    if (partial && (size_t)v->csum_start + v->csum_offset + 2 > n)
        return DBR_ERR_SHAPE;
    switch (v->gso_type & ~DBR_VNET_GSO_ECN) {
    case DBR_VNET_GSO_NONE: return v->gso_type == 0 ? 0 : DBR_ERR_SHAPE;
    case DBR_VNET_GSO_TCPV4:
    case DBR_VNET_GSO_TCPV6: return partial && v->gso_size ? 0 : DBR_ERR_SHAPE;
    case DBR_VNET_GSO_UDP_L4:
        return partial && v->gso_size && !(v->gso_type & DBR_VNET_GSO_ECN) ? 0 : DBR_ERR_SHAPE;
    }
    return DBR_ERR_SHAPE;
}

int dbr_vnet_finish(struct dbr_vnet *v, uint8_t *frame, size_t n)
{
    if (dbr_vnet_check(v, n) < 0 || v->gso_type != DBR_VNET_GSO_NONE)
        return DBR_ERR_SHAPE;
    if (!(v->flags & DBR_VNET_NEEDS_CSUM))
        return 0;
    uint16_t sum = (uint16_t)~csum_fold(csum_bytes(0, frame + v->csum_start, n - v->csum_start));
    if (!sum && v->csum_offset == UDP_CHECK)
        sum = 0xffff; /* zero would mean "no checksum" (RFC 768) */
    csum_store(frame + v->csum_start + v->csum_offset, sum);
    v->flags &= (uint8_t)~DBR_VNET_NEEDS_CSUM;
    return 0;
}

int dbr_vnet_unsummed(struct dbr_vnet *v, uint8_t *frame, size_t n)
{
    struct dbr_eth_view view;
    if (dbr_eth_parse(&view, frame, n) < 0)
        return DBR_ERR_SHAPE;
    struct inet in = inet_parse(frame, n, view.l3, view.ethertype);
    if (!in.version || in.fragment || in.cut || in.short_len || in.routing || in.end != n)
        return DBR_ERR_SHAPE;
    bool tcp = in.proto == IPPROTO_NUM_TCP;
    if ((!tcp && in.proto != IPPROTO_NUM_UDP) || n - in.l4 < (tcp ? (size_t)TCP_HEADER : (size_t)UDP_HEADER))
        return DBR_ERR_SHAPE;
    *v = (struct dbr_vnet){.flags = DBR_VNET_NEEDS_CSUM,
                           .csum_start = (uint16_t)in.l4,
                           .csum_offset = tcp ? TCP_CHECK : UDP_CHECK};
    uint64_t sum = csum_pseudo(in.version, frame + in.l3, in.proto, (uint32_t)(n - in.l4));
    csum_store(frame + in.l4 + v->csum_offset, csum_fold(sum));
    return 0;
}
