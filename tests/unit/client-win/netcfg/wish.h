/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an engine may ask for, as text: "address 192.0.2.9/24", "route 10.0.0.0/8 192.0.2.1", "around
 * 198.51.100.7/32", "dns 192.0.2.1", "search office.example", "mtu 1400", "dhcp", "block". For tests.
 */
#ifndef TEST_CW_NETCFG_WISH_H
#define TEST_CW_NETCFG_WISH_H

#include "base/sockets.h"
#include "client-win/netcfg/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void wish_copy(char *out, size_t cap, const char *text)
{
    size_t n = strlen(text);
    if (n >= cap)
        abort();
    memcpy(out, text, n + 1);
}

static inline uint8_t wish_ip(const char *text, uint8_t ip[16], uint8_t *prefix)
{
    char one[64];
    wish_copy(one, sizeof one, text);
    char *slash = strchr(one, '/');
    if (slash)
        *slash++ = 0;
    uint8_t family = strchr(one, ':') ? 6 : 4;
    memset(ip, 0, 16);
    if (inet_pton(family == 4 ? AF_INET : AF_INET6, one, ip) != 1)
        abort();
    if (prefix)
        *prefix = (uint8_t)(slash ? atoi(slash) : family == 4 ? 32 : 128);
    return family;
}

static inline struct dbr_pm wish_message(const char *text)
{
    struct dbr_pm m = {0};
    char verb[16] = "", a[300] = "", b[64] = "";
    sscanf(text, "%15s %299s %63s", verb, a, b);
    if (strcmp(verb, "address") == 0) {
        m.type = DBR_PM_NET_ADDRESS;
        m.net_address.family = wish_ip(a, m.net_address.ip, &m.net_address.prefix);
    } else if (strcmp(verb, "route") == 0 || strcmp(verb, "around") == 0) {
        m.type = DBR_PM_NET_ROUTE;
        m.net_route.what = verb[0] == 'r' ? DBR_PM_ROUTE_TUNNEL : DBR_PM_ROUTE_AROUND;
        m.net_route.family = wish_ip(a, m.net_route.dst, &m.net_route.prefix);
        if (b[0])
            wish_ip(b, m.net_route.via, NULL);
    } else if (strcmp(verb, "dns") == 0) {
        m.type = DBR_PM_NET_DNS;
        m.net_dns.family = wish_ip(a, m.net_dns.ip, NULL);
    } else if (strcmp(verb, "search") == 0) {
        m.type = DBR_PM_NET_SEARCH;
        wish_copy(m.net_search.domain, sizeof m.net_search.domain, a);
    } else if (strcmp(verb, "mtu") == 0) {
        m.type = DBR_PM_NET_MTU;
        m.net_mtu.mtu = (uint32_t)atoi(a);
    } else {
        m.type = strcmp(verb, "dhcp") == 0    ? DBR_PM_NET_DHCP
                 : strcmp(verb, "block") == 0 ? DBR_PM_NET_BLOCK_OUTSIDE_DNS
                 : strcmp(verb, "apply") == 0 ? DBR_PM_NET_APPLY
                                              : DBR_PM_NET_CLEAR;
    }
    return m;
}

/* All wishes of a text, separated by ';'. The first error, or 0. */
static inline int wish_all(struct dbr_netcfg *n, const char *text, char why[DBR_NET_WHY])
{
    char all[4096], *save = NULL;
    snprintf(all, sizeof all, "%s", text);
    for (char *one = strtok_r(all, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
        struct dbr_pm m = wish_message(one);
        int err = dbr_netcfg_take(n, &m, why);
        if (err)
            return err;
    }
    return 0;
}

#endif
