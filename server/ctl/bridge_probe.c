/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "bridge/netlink.h"
#include "bridge_check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>

enum { CANNOT_LOOK = 2 };

/* The LAN's router, as the interface or its bridge knows it. */
static uint32_t find_target(struct dbr_netlink *nl, const struct dbr_link *link)
{
    uint32_t ip4 = 0;
    uint64_t mac;
    if (dbr_gateway_get(nl, link->ifindex, &ip4, &mac) && link->master)
        dbr_gateway_get(nl, link->master, &ip4, &mac);
    return ip4;
}

static int tell(const struct dbr_link *link, const struct dbr_probe *p)
{
    if (!p->own) {
        printf(
            "PROBLEM  nobody answers on %s, not even its own address: name a host of this LAN that is up\n",
            link->name);
        return CANNOT_LOOK;
    }
    if (p->foreign) {
        printf("ok       the LAN answers foreign addresses behind %s: peers will be heard\n", link->name);
        return 0;
    }
    printf("PROBLEM  the LAN answers %s, but no foreign address behind it: allow promiscuous mode and forged "
           "transmits "
           "(MAC address spoofing) on its port of the virtual switch, or turn port security off\n",
           link->name);
    return 1;
}

static int probe_with(struct dbr_netlink *nl, const char *name, const char *target, struct dbr_why *why)
{
    struct dbr_link link;
    struct dbr_probe p = {false, false};
    struct in_addr at = {0};
    uint64_t random = 0;
    if (dbr_link_get(nl, name, &link, why))
        return CANNOT_LOOK;
    uint32_t ip4 = target && inet_aton(target, &at) ? ntohl(at.s_addr) : 0;
    if (!target)
        ip4 = find_target(nl, &link);
    if (!ip4) {
        dbr_why(why, DBR_ERR_NOTFOUND, "no router is known behind %s: name an IPv4 address of that LAN",
                name);
        return CANNOT_LOOK;
    }
    if (getrandom(&random, 5, 0) != 5)
        return CANNOT_LOOK;
    if (dbr_bridge_probe(&link, 0x020000000000 | (random & 0xffffffffff), ip4, &p, why))
        return CANNOT_LOOK;
    return tell(&link, &p);
}

int bridge_probe(const char *name, const char *target)
{
    struct dbr_why why = {""};
    struct dbr_netlink *nl = dbr_netlink_open(&why);
    int code = nl ? probe_with(nl, name, target, &why) : CANNOT_LOOK;
    dbr_netlink_close(nl);
    if (*why.text)
        fprintf(stderr, "drawbridge-ctl: %s\n", why.text);
    return code;
}
