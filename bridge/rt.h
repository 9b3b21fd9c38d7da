/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One rtnetlink request at a time, over libnl: build a message, send it, hand each answer to a visitor,
 * return the kernel's verdict. For this room only; owned by one thread.
 */
#ifndef DBR_BRIDGE_RT_H
#define DBR_BRIDGE_RT_H

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/eth.h"
#include "bridge/netlink.h"

/* Called for each message of an answer; a negative result stops the request with it. */
typedef int rt_visit(void *arg, const struct nlmsghdr *msg);

/* Sends msg (consumes it; NULL = out of memory) and waits for the verdict. 0 or a negative DBR_ERR_*:
 * NOTFOUND for ENODEV, ENOENT, ESRCH, EADDRNOTAVAIL; EXISTS for EEXIST; AGAIN: a dump was interrupted, ask
 * again; IO for the rest with errno set. visit may be NULL. */
int rt_request(struct dbr_netlink *nl, struct nl_msg *msg, rt_visit *visit, void *arg);

/* Dumps all objects of a family (AF_UNSPEC = all): type is RTM_GETLINK, _GETADDR, _GETROUTE or _GETNEIGH. A
 * dump that was interrupted by a change is begun again after calling restart(arg) (may be NULL), a few times.
 */
int rt_dump(struct dbr_netlink *nl, int type, int family, rt_visit *visit, void (*restart)(void *arg),
            void *arg);

/* A message about one link: RTM_NEWLINK with these flags, ifi_family, ifindex (0 = by name, add IFLA_IFNAME).
 */
struct nl_msg *rt_link_msg(int type, int flags, int family, int ifindex);

/* Sets IFF_UP of a link on or off. */
int rt_set_up(struct dbr_netlink *nl, int ifindex, bool up);
int rt_set_u32(struct dbr_netlink *nl, int ifindex, int attr, uint32_t value); /* IFLA_MASTER, IFLA_MTU */
int rt_set_mac(struct dbr_netlink *nl, int ifindex, uint64_t mac);

/* dbr_link and what only this room needs. */
struct link_facts {
    struct dbr_link link;
    uint16_t arp_type; /* ARPHRD_* */
    bool loopback;
    int stp_state; /* of a bridge; -1 = none */
    int learning;  /* of a bridge port; -1 = none */
};
/* Reads a RTM_NEWLINK message. */
void rt_read_link(const struct nlmsghdr *msg, struct link_facts *out);
int rt_get_link(struct dbr_netlink *nl, const char *name, struct link_facts *out);
/* 0 if there is none. */
int rt_ifindex(struct dbr_netlink *nl, const char *name);

#endif
