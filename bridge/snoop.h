/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which IP address a MAC address has, as ARP, neighbour discovery and DHCP tell in passing: for the status
 * table. What is read here is a claim of whoever sent the frame: to be shown, not to be trusted. Pure; any
 * thread.
 */
#ifndef DBR_BRIDGE_SNOOP_H
#define DBR_BRIDGE_SNOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/eth.h"

struct dbr_snoop {
    uint64_t mac;
    uint16_t vid;
    uint8_t family; /* 4 or 6 */
    uint8_t ip[16]; /* network order; family 4 uses the first 4, the rest is 0 */
};

/* True if the frame says so, and out is filled: ARP (its sender), IPv6 neighbour advertisement (its target,
 * for the Ethernet source), DHCP ACK over IPv4 (the lease, RFC 2131). classes: from dbr_guard_classify(); a
 * frame that is in none of those costs nothing. */
bool dbr_snoop(const struct dbr_eth_view *v, uint32_t classes, struct dbr_snoop *out);

#endif
