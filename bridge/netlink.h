/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Linux bridge over rtnetlink (keeper's work, CAP_NET_ADMIN): raise it, put interfaces and the TAP into
 * it, move addresses and routes of an enslaved interface without a moment when the host is without them, undo
 * all of it from a journal, watch what others do to it. One thread; blocking calls of a few milliseconds.
 *
 * The journal is written and synced before anything is touched, and has what was there before: whoever finds
 * it (the same process, a watchdog, the next start) can put everything back with dbr_bridge_undo().
 */
#ifndef DBR_BRIDGE_NETLINK_H
#define DBR_BRIDGE_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/why.h"

enum { DBR_IF_NAME = 16, DBR_BRIDGE_IFS_MAX = 16 };

struct dbr_netlink; /* a request socket and its caches */

/* NULL with the reason in why. */
struct dbr_netlink *dbr_netlink_open(struct dbr_why *why);
void dbr_netlink_close(struct dbr_netlink *nl); /* NULL is fine */

struct dbr_bridge_plan {
    const char *bridge;                  /* name; created unless it exists */
    const char *ifs[DBR_BRIDGE_IFS_MAX]; /* interfaces to enslave; those already in it are left alone */
    size_t nifs;
    uint32_t mtu;            /* 0 = that of the first interface */
    bool take_default_route; /* allow an interface that carries the default route, and move that with it */
    const char *journal_dir; /* existing folder; the file is <journal_dir>/bridge-<name>.journal */
};

/* What was done, for the log and for the caller's own checks. */
struct dbr_bridge_state {
    char name[DBR_IF_NAME];
    int ifindex;
    uint64_t mac; /* mac48, pinned */
    uint32_t mtu;
    bool created;                         /* by us */
    unsigned enslaved, addresses, routes; /* moved by us */
};

/* Raises the bridge by plan. Order: journal, bridge with the first interface's MAC (stp off, forward delay
 * 0), up, enslave, addresses added to the bridge, routes replaced, and only then addresses removed from the
 * interface. Any step that fails is undone from the journal. An existing journal of the same bridge is undone
 * first. DBR_ERR_STATE: refused (default route without take_default_route; interface in another bridge;
 * wireless or without an Ethernet address; loopback), DBR_ERR_NOTFOUND: no such interface, DBR_ERR_IO: kernel
 * or file. */
int dbr_bridge_raise(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan,
                     struct dbr_bridge_state *state, struct dbr_why *why);

/* Puts back what the journal has: addresses and routes to their interface, interfaces out of the bridge, the
 * bridge deleted if we had made it; then removes the journal. Goes on after single failures and names the
 * first in why. 0, DBR_ERR_NOTFOUND: no journal, DBR_ERR_SHAPE: journal not readable, DBR_ERR_IO: something
 * could not be put back (the journal stays). Safe to call twice and after a crash at any point of raise or
 * undo. */
int dbr_bridge_undo(struct dbr_netlink *nl, const char *journal_dir, const char *bridge, struct dbr_why *why);

/* Puts the TAP into the bridge: kernel learning off, MTU that of the bridge, the bridge's MAC unchanged. */
int dbr_bridge_attach(struct dbr_netlink *nl, int bridge_ifindex, int tap_ifindex, struct dbr_why *why);
int dbr_bridge_detach(struct dbr_netlink *nl, int tap_ifindex, struct dbr_why *why);

/* One static extern_learn entry of the kernel's table per accepted address of a peer on the TAP port, so that
 * the host's own unicast to it is not flooded onto the LAN. vid 0 = untagged. Adding one that exists, or
 * deleting one that does not, is good. */
int dbr_bridge_fdb_add(struct dbr_netlink *nl, int tap_ifindex, uint64_t mac, uint16_t vid,
                       struct dbr_why *why);
int dbr_bridge_fdb_del(struct dbr_netlink *nl, int tap_ifindex, uint64_t mac, uint16_t vid,
                       struct dbr_why *why);

/* Interface facts by name. DBR_ERR_NOTFOUND. */
struct dbr_link {
    char name[DBR_IF_NAME];
    int ifindex, master; /* master: ifindex of the bridge it is in, 0 = none */
    uint64_t mac;
    uint32_t mtu;
    bool up, running, promisc, is_bridge, is_tap, is_wireless;
};
int dbr_link_get(struct dbr_netlink *nl, const char *name, struct dbr_link *out, struct dbr_why *why);

/* IPv4 address of the next hop of the default route through ifindex and its MAC from the neighbour table, for
 * the gateway guard. Either may stay 0 when not known (yet). DBR_ERR_NOTFOUND: no default route there. */
int dbr_gateway_get(struct dbr_netlink *nl, int ifindex, uint32_t *ip4, uint64_t *mac);
/* The same of IPv6: the next hop of the best default route, or 16 zeros. DBR_ERR_NOTFOUND: none there. */
int dbr_gateway6_get(struct dbr_netlink *nl, int ifindex, uint8_t ip6[16]);

/* `drawbridge-ctl bridge check`: one finding per call of the visitor. level: 0 fine, 1 warning, 2 problem. */
typedef void dbr_check_visit(void *arg, int level, const char *what);
/* tap may be NULL. Looks at: who manages the interfaces (systemd-networkd, NetworkManager, ifupdown, netplan,
 * DHCP client hints), br_netfilter's calls, STP, MAC pinning, MTUs, promiscuous mode, TAP learning,
 * hypervisor, left-over journals. */
int dbr_bridge_check(struct dbr_netlink *nl, const struct dbr_bridge_plan *plan, const char *tap,
                     dbr_check_visit *visit, void *arg);

/* `drawbridge-ctl bridge probe`: was an ARP probe for target (host order) on this interface answered, sent
 * from its own address and from `foreign`, which is nobody's? Needs CAP_NET_RAW; takes up to 2 s. DBR_ERR_IO.
 */
struct dbr_probe {
    bool own, foreign;
};
int dbr_bridge_probe(const struct dbr_link *link, uint64_t foreign, uint32_t target, struct dbr_probe *out,
                     struct dbr_why *why);

/* Watching: what was undone by others. */
enum dbr_link_event {
    DBR_LINK_TAP_GONE = 1, /* the TAP was deleted */
    DBR_LINK_TAP_DOWN = 2, /* set down by somebody */
    DBR_LINK_TAP_LEFT = 3, /* taken out of the bridge, or put into another */
    DBR_LINK_BRIDGE_GONE = 4,
    DBR_LINK_BRIDGE_DOWN = 5,
    DBR_LINK_PORT_LEFT = 6,   /* an enslaved interface left the bridge or went away */
    DBR_LINK_MAC_CHANGED = 7, /* of the bridge */
    DBR_LINK_MTU_CHANGED = 8, /* of the bridge */
    DBR_LINK_ADDRESS = 9, /* an address of bridge or TAP came or went, or a default route did: no trouble */
    DBR_LINK_LOST = 10,   /* the socket overflowed: look at everything again */
};
const char *dbr_link_event_text(enum dbr_link_event e);

struct dbr_linkmon; /* one rtnetlink socket; works without any capability */

struct dbr_linkmon_config {
    int tap_ifindex;
    int bridge_ifindex;            /* 0 = the TAP is in no bridge */
    int ports[DBR_BRIDGE_IFS_MAX]; /* ifindexes of the enslaved interfaces */
    size_t nports;
};

/* NULL with the reason. The descriptor is non-blocking; poll it for reading, then drain. */
struct dbr_linkmon *dbr_linkmon_open(const struct dbr_linkmon_config *config, struct dbr_why *why);
int dbr_linkmon_fd(const struct dbr_linkmon *m);
/* Calls visit for each change since the last call, ifindex = whose. Returns 0 or DBR_ERR_IO (errno). */
typedef void dbr_link_visit(void *arg, enum dbr_link_event e, int ifindex);
int dbr_linkmon_drain(struct dbr_linkmon *m, dbr_link_visit *visit, void *arg);
void dbr_linkmon_close(struct dbr_linkmon *m); /* NULL is fine */

#endif
