/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TCP's maximum segment size of bridged connections: lowering the option in SYN frames, and the value that
 * fits the outer path. Both directions of a connection pass here, so both SYNs are clamped. Pure; any thread.
 */
#ifndef DBR_BRIDGE_MSS_H
#define DBR_BRIDGE_MSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dbr_mss {
    uint16_t v4, v6; /* largest MSS for TCP over IPv4 and IPv6; 0 = leave alone */
};

/* Lowers the MSS option of a TCP SYN inside an Ethernet frame of n bytes, in place, and mends the TCP
 * checksum incrementally (RFC 1624). Looks through one 802.1Q tag, IPv4 options and IPv6 extension headers.
 * csum_partial: the frame came with VIRTIO_NET_HDR_F_NEEDS_CSUM, so its checksum field has only the pseudo
 * header and stays. Leaves every other frame untouched: fragments but the first, bad lengths, bad options,
 * SYNs without the option (RFC 9293: 536 or 1,220 then). Never reads beyond n. Returns true if it changed the
 * frame. */
bool dbr_mss_clamp(uint8_t *frame, size_t n, struct dbr_mss max, bool csum_partial);

enum dbr_mss_mode {
    DBR_MSS_PAYLOAD = 0, /* `mssfix N`: outer UDP payload at most N */
    DBR_MSS_MTU = 1,     /* `mssfix N mtu`, and the default 1492: outer IP packet at most N */
    DBR_MSS_FIXED = 2,   /* `mssfix N fixed`: inner IP packet at most N */
};

enum { DBR_MSS_DEFAULT = 1492, DBR_TAP_EXTRA = 32 /* OpenVPN's tun-mtu-extra for TAP */ };

/* What stands between an inner frame and the wire. */
struct dbr_mss_fit {
    uint16_t value;       /* the directive's number; 0 = off */
    uint8_t mode;         /* enum dbr_mss_mode */
    uint8_t outer_family; /* 4 or 6 */
    uint16_t datagram;    /* added outside the cipher: opcode/peer id, packet id, tag, IV, HMAC */
    uint16_t inside;      /* added to the frame inside the cipher: compression byte; CBC: packet id */
    uint16_t block;       /* CBC: cipher block size (padding); 0 or 1 otherwise */
    uint16_t extra;       /* beyond the inner IP packet: DBR_TAP_EXTRA as stock OpenVPN counts, or 14/18 */
    bool tcp;             /* outer TCP instead of UDP (20 bytes; datagram then has the 2 length bytes) */
};

/* The MSS as OpenVPN 2.6 computes it (facts: src/openvpn/mss.c and mtu.c of v2.6.14): with AES-256-GCM,
 * P_DATA_V2, UDP over IPv4 and the default 1492 it is 1368 for inner IPv4 and 1348 for IPv6. Too small a
 * value never wraps: both are then at least 1. {0, 0} when value is 0. */
struct dbr_mss dbr_mss_compute(const struct dbr_mss_fit *m);

#endif
