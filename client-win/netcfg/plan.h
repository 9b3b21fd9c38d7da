/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From what an engine asks for (NET_* messages) to the list of operations on this computer, in the order in
 * which they are done. The engine runs as the user and speaks with a server: nothing it says is believed
 * before it is checked here. Pure; owned by the service, whichever thread serves that engine.
 *
 *   NET_ADDRESS 192.0.2.9/24   NET_ROUTE around 198.51.100.7   NET_ROUTE tunnel 0.0.0.0/0   NET_DNS 192.0.2.1
 *   -> route 198.51.100.7/32 by the gateway that is there | wall | interface: metric, MTU |
 *      address 192.0.2.9/24 | route 0.0.0.0/1 | route 128.0.0.0/1 | name server
 *
 * The wall comes as soon as the server can be reached past the tunnel, and goes last: at no moment does a
 * packet that belongs into the tunnel leave beside it.
 */
#ifndef DBR_CW_NETCFG_PLAN_H
#define DBR_CW_NETCFG_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client-win/pipe/message.h"

enum {
    DBR_NET_ADDRESSES = 4,
    DBR_NET_ROUTES = 64,
    DBR_NET_SERVERS = 4,
    DBR_NET_DOMAINS = 4,
    DBR_NET_OPS = 2 * DBR_NET_ROUTES + 16,
    DBR_NET_LIST = 512,     /* bytes of a list of name servers or domains, with its NUL */
    DBR_NET_WHY = 256,      /* bytes of a reason, as NET_DONE carries it */
    DBR_NET_METRIC = 3,     /* of the interface, when it goes before all others */
    DBR_NET_MTU_MAX = 1500, /* of tap-windows6 */
};

/* An IP address or network: family 4 or 6; family 4 uses the first 4 bytes, the rest is zero. */
struct dbr_net_ip {
    uint8_t family, prefix;
    uint8_t ip[16];
};

struct dbr_net_route {
    struct dbr_net_ip dst;
    bool around;
    uint8_t via[16];
    uint32_t metric;
};

/* What one engine wants. All zero: nothing. */
struct dbr_netcfg {
    struct dbr_net_ip address[DBR_NET_ADDRESSES];
    struct dbr_net_route route[DBR_NET_ROUTES];
    struct dbr_net_ip server[DBR_NET_SERVERS];
    char domain[DBR_NET_DOMAINS][DBR_PM_DOMAIN];
    size_t addresses, routes, servers, domains;
    uint32_t mtu; /* 0: as it is */
    bool dhcp, block_outside_dns;
    bool complete; /* NET_APPLY was there: what comes next begins a new set */
};

enum dbr_net_kind {
    DBR_NET_OP_IFACE = 1, /* metric and MTU of the TAP in one family */
    DBR_NET_OP_ADDRESS,
    DBR_NET_OP_DHCP, /* Windows' own client is asked to renew; changes nothing that stays */
    DBR_NET_OP_ROUTE,
    DBR_NET_OP_SEARCH,
    DBR_NET_OP_DNS,
    DBR_NET_OP_WALL, /* filters that go with the process that set them */
};

/* How it was before; says what undoing means. */
enum dbr_net_was {
    DBR_NET_ABSENT = 0, /* undo: take it away */
    DBR_NET_PRESENT,    /* was there already: nothing is done, nothing undone */
    DBR_NET_BY_DHCP,    /* ADDRESS: the adapter had DHCP; undo: give it back */
};

/* One step. What was before is filled by the backend's look() and lies in the journal before act(). */
struct dbr_net_op {
    enum dbr_net_kind kind;
    uint8_t family;
    enum dbr_net_was was;
    struct dbr_net_ip dst; /* ADDRESS, ROUTE */
    uint8_t via[16];       /* ROUTE; zero: on the link */
    uint64_t luid;         /* ROUTE: of the interface; 0 before look(): around */
    uint32_t metric, mtu;  /* IFACE: to set, 0: as it is; ROUTE: metric */
    uint32_t old_metric, old_mtu;
    bool old_auto;                   /* IFACE: the metric was automatic */
    bool no_default, old_no_default; /* IFACE: a default route that DHCP or a router gives is not taken */
    char list[DBR_NET_LIST];         /* DNS, SEARCH: "192.0.2.1,192.0.2.2" */
    char old_list[DBR_NET_LIST];     /* empty: by DHCP */
};

struct dbr_net_plan {
    uint64_t luid; /* of the TAP */
    struct dbr_net_op op[DBR_NET_OPS];
    size_t ops;
    bool full4, full6, block_outside_dns; /* what the wall is for */
    struct dbr_net_ip self[DBR_NET_ADDRESSES],
        beside[DBR_NET_ROUTES]; /* our addresses; servers past the tunnel */
    size_t selves, besides;
};

/* Takes one NET_* message that was decoded (dbr_pm_decode) into n. NET_CLEAR empties n; NET_APPLY changes
 * nothing, but what comes after it begins anew. 0, or DBR_ERR_SHAPE (not sane), DBR_ERR_LIMIT (too many),
 * DBR_ERR_STATE (no NET_* message) with one line in why; n is unchanged then. */
int dbr_netcfg_take(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY]);

/* The operations for n on the TAP `luid` (not 0). 0, or DBR_ERR_SHAPE with one line in why, where parts of n
 * contradict each other. */
int dbr_netcfg_plan(const struct dbr_netcfg *n, uint64_t luid, struct dbr_net_plan *p, char why[DBR_NET_WHY]);

/* True for an address that one host can have: not zero, loopback, multicast, broadcast, nor IPv4 in IPv6. */
bool dbr_net_is_unicast(uint8_t family, const uint8_t ip[16]);
bool dbr_net_is_zero(const uint8_t ip[16]);
/* True if net (with its prefix) holds ip of the same family. */
bool dbr_net_holds(const struct dbr_net_ip *net, uint8_t family, const uint8_t ip[16]);
/* Sets the bits behind the prefix to 0. */
void dbr_net_mask(struct dbr_net_ip *net);
/* "192.0.2.0/24"; returns out. */
enum { DBR_NET_TEXT = 72 };
const char *dbr_net_text(const struct dbr_net_ip *net, char out[DBR_NET_TEXT]);
const char *dbr_net_ip_text(uint8_t family, const uint8_t ip[16], char out[DBR_NET_TEXT]);

#endif
