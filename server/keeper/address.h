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
    bool no_route;  /* the network is not reached through the interface by this address alone */
    uint8_t ip[16]; /* network order */
};

/* A route of the main table through an interface. */
struct if_route {
    int ifindex;
    uint8_t dst[16], via[16]; /* network order; via zero: the destination is on the link */
    uint8_t family;           /* 4 or 6 */
    uint8_t prefix;           /* bits */
    uint32_t metric;
};

/* Adds the address beside those that are there; one that is there already is good. 0 or DBR_ERR_IO, errno has
 * the cause. */
int if_address_add(int ifindex, const struct if_address *a);
/* Removes it; one that is not there, or an interface that is gone, is good. */
int if_address_del(int ifindex, const struct if_address *a);
/* Sets or removes a route. An equal one of somebody else is DBR_ERR_EXISTS when adding; one that is not there
 * is good when removing. DBR_ERR_IO: errno has the cause. */
int if_route_add(const struct if_route *r);
int if_route_del(const struct if_route *r);
/* The default route of this family with the best metric that does not go through `but`: its interface and
 * gateway into *r. DBR_ERR_NOTFOUND. */
int if_route_default(int but, uint8_t family, struct if_route *r);
/* Sets the link up (it is never set down here); mtu 0 = leave. */
int if_up(int ifindex, uint32_t mtu);

/* True if the two networks have an address in common. Pure. */
bool if_networks_overlap(const uint8_t a[4], uint8_t prefix_a, const uint8_t b[4], uint8_t prefix_b);

/* Length of a contiguous netmask in network order, or -1. */
int prefix_of_mask(const uint8_t mask[4]);

#endif
