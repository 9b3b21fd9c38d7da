/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which packets Windows lets pass while a plan is in force, as a table; wall_win.c hands it to the Windows
 * Filtering Platform. Pure; any thread.
 *
 * What it is against:
 *   a DHCP server of the local network that draws routes out of a full tunnel (option 121, CVE-2024-3661), a
 *   local network with the addresses of the one behind the server, and IPv6 beside a tunnel for IPv4 only
 *   (TunnelCrack): what is not on the TAP goes to the server, to loopback, or nowhere
 *   name queries beside the tunnel: port 53 on the TAP only
 *   packets from the local network to the tunnel's address (CVE-2019-14899): they do not come by the TAP
 */
#ifndef DBR_CW_NETCFG_WALL_H
#define DBR_CW_NETCFG_WALL_H

#include "client-win/netcfg/plan.h"

enum { DBR_WALL_RULES = DBR_NET_ROUTES * 2 + DBR_NET_ADDRESSES + 32 };

enum dbr_wall_way {
    DBR_WALL_OUT, /* this computer begins (FWPM_LAYER_ALE_AUTH_CONNECT) */
    DBR_WALL_IN,  /* somebody else begins (FWPM_LAYER_ALE_AUTH_RECV_ACCEPT) */
};
enum dbr_wall_where {
    DBR_WALL_ANYWHERE,
    DBR_WALL_ON_TAP,
    DBR_WALL_NOT_ON_TAP,
};

/* All that is named must fit. The rule with the highest weight that fits decides. */
struct dbr_wall_rule {
    enum dbr_wall_way way;
    uint8_t family;
    bool permit, loopback; /* loopback: only such packets */
    uint8_t weight;        /* 0 to 15 */
    enum dbr_wall_where where;
    uint8_t protocol;                 /* 0: any */
    uint16_t local_port, remote_port; /* 0: any; ICMPv6: local_port is the type */
    bool has_local;                   /* one host */
    uint8_t local[16];
    struct dbr_net_ip remote; /* a network; family 0: any */
};

/* Fills rule with what the plan needs; returns how many, none where nothing has to be kept out. */
size_t dbr_wall_make(const struct dbr_net_plan *p, struct dbr_wall_rule rule[DBR_WALL_RULES]);

#endif
