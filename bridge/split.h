/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Split tunnel, done for a client that bridges: what the LAN's DHCP servers and routers say reaches it
 * without the default route and without name servers, so that it keeps its own. Addresses and routes to
 * networks stay. Pure; any thread.
 *
 *   DHCP (RFC 2131)    options 3, 6, 15, 119 become padding; of 121 and 249 only the default route goes
 *   DHCPv6 (RFC 8415)  options 23 and 24 go
 *   RA (RFC 4861)      router lifetime 0; RDNSS and DNSSL (RFC 8106) and a default route (RFC 4191) go
 */
#ifndef DBR_BRIDGE_SPLIT_H
#define DBR_BRIDGE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/guard.h"

enum {
    DBR_SPLIT_CLASSES = DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_RA, /* frames to judge */
    DBR_SPLIT_MAX = 9216 + DBR_ETH_HEADER + DBR_VLAN_TAG, /* longer ones are none of these */
};

/* Rewrites the frame of *n bytes (of one of DBR_SPLIT_CLASSES, checksums finished) in place; *n may become
 * less. Checksums are right afterwards; a UDP checksum that was not there stays so. False: it cannot be
 * read (a fragment, cut short, an option that runs over), and must not go to the client. */
bool dbr_split_frame(uint8_t *frame, size_t *n);

#endif
