/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Offsets and bits of the TCP, UDP and IPv4 headers that gso and gro rewrite. For this room only.
 */
#ifndef DBR_BRIDGE_TCP_H
#define DBR_BRIDGE_TCP_H

enum {
    TCP_SEQ = 4,
    TCP_ACK = 8,
    TCP_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_WINDOW = 14,
    TCP_CHECK = 16,
    TCP_URGENT = 18,

    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_HAS_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,

    UDP_LENGTH = 4,
    UDP_CHECK = 6,

    IP4_TOTAL = 2,
    IP4_ID = 4,
    IP4_FRAG = 6,
    IP4_CHECK = 10,
    IP4_DONT_FRAGMENT = 0x4000,
    IP6_LENGTH = 4,
};

#endif
