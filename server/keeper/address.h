/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Addresses and state of one interface over rtnetlink: what the client role needs for its TAP, and what
 * mending needs. Blocking calls of well under a millisecond; CAP_NET_ADMIN. Each call opens and closes its
 * own socket.
 */
#ifndef DBR_KEEPER_ADDRESS_H
#define DBR_KEEPER_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct if_address {
    uint8_t family; /* 4, 6 or 0 = none */
    uint8_t prefix; /* bits */
    uint8_t ip[16]; /* network order */
};

/* Adds the address beside those that are there; one that is there already is good. 0 or DBR_ERR_IO, errno has
 * the cause. */
int if_address_add(int ifindex, const struct if_address *a);
/* Removes it; one that is not there, or an interface that is gone, is good. */
int if_address_del(int ifindex, const struct if_address *a);
/* Sets the link up (it is never set down here); mtu 0 = leave. */
int if_up(int ifindex, uint32_t mtu);

/* Length of a contiguous netmask in network order, or -1. */
int prefix_of_mask(const uint8_t mask[4]);

#endif
