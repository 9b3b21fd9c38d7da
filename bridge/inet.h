/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the IP header of a frame ends and what follows it: the one walk over IPv4 options and IPv6 extension
 * headers, used by guard, mss, gso and gro. For this room only. Pure.
 */
#ifndef DBR_BRIDGE_INET_H
#define DBR_BRIDGE_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/eth.h"

enum {
    IPPROTO_NUM_HOPOPTS = 0,
    IPPROTO_NUM_ICMP = 1,
    IPPROTO_NUM_TCP = 6,
    IPPROTO_NUM_UDP = 17,
    IPPROTO_NUM_ROUTING = 43,
    IPPROTO_NUM_FRAGMENT = 44,
    IPPROTO_NUM_AH = 51,
    IPPROTO_NUM_ICMP6 = 58,
    IPPROTO_NUM_DSTOPTS = 60,
    IPPROTO_NUM_MOBILITY = 135,
    IPPROTO_NUM_HIP = 139,
    IPPROTO_NUM_SHIM6 = 140,

    IP4_HEADER = 20,
    IP6_HEADER = 40,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    INET_CHAIN_MAX = 16, /* IPv6 extension headers we walk over; nobody sends so many */
};

struct inet {
    uint8_t version; /* 4 or 6; 0 = not IP, or its fixed header is not whole */
    uint8_t proto;   /* of the upper layer, after extension headers */
    bool fragment;   /* part of a fragmented packet */
    bool later;      /* a fragment with an offset: the upper-layer header is in another one */
    bool cut;        /* the IPv6 header chain is longer than the frame or than INET_CHAIN_MAX */
    bool routing;    /* an IPv6 routing header: the checksum's destination is not the one in the header */
    bool short_len;  /* the IP length field exceeds the frame */
    size_t l3, l4;   /* offsets in the frame; l4 <= end unless cut */
    size_t end;      /* where the IP packet ends: the frame's padding starts there */
};

/* Parses what stands at offset l3 of a frame of n bytes with this EtherType. */
struct inet inet_parse(const uint8_t *frame, size_t n, size_t l3, uint16_t ethertype);

#endif
