/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the path to a peer takes. control says what fits the MTU it was told (mssfix, inner-mtu); the kernel
 * knows better where an interface or a router on the way has a smaller one: it then refuses a datagram
 * (EMSGSIZE) that may not be fragmented. So the peer's limits for what it is sent are control's, less
 *
 *   20 bytes  when the peer has moved from IPv4 to IPv6 (more, when it moved back)
 *   shrink    what the refused datagrams were too long, in steps of PATH_STEP bytes; forgotten after
 *             PATH_LIFE_NS, as the kernel forgets its own (RFC 1191 6.3)
 *
 * but never below 1,180 bytes, which IPv6's least MTU of 1,280 takes: a forged ICMP message costs no more.
 * Owned by the peer's worker.
 */
#ifndef DBR_DATA_PATH_H
#define DBR_DATA_PATH_H

#include <stddef.h>
#include <stdint.h>

struct peer;

#define PATH_LIFE_NS 600000000000ULL

enum {
    PATH_STEP = 20,    /* bytes of outer MTU that are tried less each time */
    PATH_PROBE = 1000, /* datagrams of so many bytes ask the kernel whether they fit */
};

/* Bytes that a frame to p grows by at most: header, tag or MAC, padding, framing. p has a key. */
size_t path_overhead(const struct peer *p);

/* Sets p's limits (mss, max_l3) from what control said, from its address, and from what was refused. */
void path_apply(struct peer *p);

/* The kernel refused a datagram of len bytes to p as too long. */
void path_refused(struct peer *p, size_t len, uint64_t now_ns);

/* Forgets what was refused when it is old. */
void path_age(struct peer *p, uint64_t now_ns);

#endif
