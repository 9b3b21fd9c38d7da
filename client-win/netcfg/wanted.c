/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One message at a time: what can be judged without the others.
 */
#include "client-win/netcfg/plan.h"

#include "base/err.h"
#include "base/format.h"
#include "client-win/netcfg/lists.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int refuse(char why[DBR_NET_WHY], int err, const char *fmt, ...) DBR_PRINTF(3, 4);
static int refuse(char why[DBR_NET_WHY], int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, DBR_NET_WHY, fmt, ap);
    va_end(ap);
    return err;
}

static bool family_is_good(uint8_t family, uint8_t prefix, const uint8_t ip[16])
{
    static const uint8_t zero[12];
    if (family == 4)
        return prefix <= 32 && memcmp(ip + 4, zero, 12) == 0;
    return family == 6 && prefix <= 128;
}

static bool same_net(const struct dbr_net_ip *a, const struct dbr_net_ip *b)
{
    return a->family == b->family && a->prefix == b->prefix && memcmp(a->ip, b->ip, 16) == 0;
}

/* First and last address of an IPv4 network name the network and everybody in it. */
static bool names_all(const struct dbr_net_ip *a)
{
    if (a->family != 4 || a->prefix > 30)
        return false;
    uint32_t ip = (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 | a->ip[3];
    uint32_t host = UINT32_MAX >> a->prefix;
    return (ip & host) == 0 || (ip & host) == host;
}

static int take_address(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    const struct dbr_pm_net_address *b = &m->net_address;
    struct dbr_net_ip a = {.family = b->family, .prefix = b->prefix};
    memcpy(a.ip, b->ip, 16);
    char text[DBR_NET_TEXT];
    if (!family_is_good(a.family, a.prefix, a.ip))
        return refuse(why, DBR_ERR_SHAPE, "the server gave an address that is none; tell its administrator");
    if (a.prefix < 8 || !dbr_net_is_unicast(a.family, a.ip) || names_all(&a))
        return refuse(why, DBR_ERR_SHAPE,
                      "the server gave the address %s, which no computer can have; tell its administrator",
                      dbr_net_text(&a, text));
    for (size_t i = 0; i < n->addresses; i++)
        if (n->address[i].family == a.family && memcmp(n->address[i].ip, a.ip, 16) == 0)
            return 0;
    if (n->addresses == DBR_NET_ADDRESSES)
        return refuse(why, DBR_ERR_LIMIT, "the server gave more than %d addresses; tell its administrator",
                      DBR_NET_ADDRESSES);
    n->address[n->addresses++] = a;
    return 0;
}

static int route_is_sane(const struct dbr_net_route *r, char why[DBR_NET_WHY])
{
    char text[DBR_NET_TEXT];
    bool group = r->dst.ip[0] >= (r->dst.family == 4 ? 224 : 0xff);
    bool loop = r->dst.family == 4 && r->dst.ip[0] == 127;
    if (r->dst.prefix && (group || loop))
        return refuse(why, DBR_ERR_SHAPE,
                      "the server gave a route to %s, where no route leads; tell its "
                      "administrator",
                      dbr_net_text(&r->dst, text));
    if (!dbr_net_is_zero(r->via) && !dbr_net_is_unicast(r->dst.family, r->via))
        return refuse(why, DBR_ERR_SHAPE,
                      "the server gave a route to %s by a gateway that is none; tell its "
                      "administrator",
                      dbr_net_text(&r->dst, text));
    if (!r->around)
        return 0;
    /* Past the tunnel lie the server and, with `net_gateway`, single networks: never half of the Internet. */
    if (r->dst.prefix < (r->dst.family == 4 ? 8 : 16) || !dbr_net_is_unicast(r->dst.family, r->dst.ip))
        return refuse(why, DBR_ERR_SHAPE, "%s is too much to go past the tunnel; write smaller networks",
                      dbr_net_text(&r->dst, text));
    if (!dbr_net_is_zero(r->via))
        return refuse(why, DBR_ERR_SHAPE, "the gateway past the tunnel is chosen by Windows, not named");
    return 0;
}

static int take_route(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    const struct dbr_pm_net_route *b = &m->net_route;
    struct dbr_net_route r = {.dst = {.family = b->family, .prefix = b->prefix}, .metric = b->metric};
    memcpy(r.dst.ip, b->dst, 16);
    memcpy(r.via, b->via, 16);
    r.around = b->what == DBR_PM_ROUTE_AROUND;
    if ((!r.around && b->what != DBR_PM_ROUTE_TUNNEL) || b->metric > 9999 ||
        !family_is_good(r.dst.family, r.dst.prefix, r.dst.ip) || !family_is_good(r.dst.family, 0, r.via))
        return refuse(why, DBR_ERR_SHAPE, "the server gave a route that is none; tell its administrator");
    dbr_net_mask(&r.dst);
    int err = route_is_sane(&r, why);
    if (err)
        return err;
    for (size_t i = 0; i < n->routes; i++)
        if (same_net(&n->route[i].dst, &r.dst) && n->route[i].around == r.around)
            return 0; /* the first one counts */
    if (n->routes == DBR_NET_ROUTES)
        return refuse(why, DBR_ERR_LIMIT, "the server gave more than %d routes; tell its administrator",
                      DBR_NET_ROUTES);
    n->route[n->routes++] = r;
    return 0;
}

static int take_dns(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    const struct dbr_pm_net_dns *b = &m->net_dns;
    if (!family_is_good(b->family, 0, b->ip) || !dbr_net_is_unicast(b->family, b->ip))
        return refuse(why, DBR_ERR_SHAPE,
                      "the server gave a name server that no computer can be; tell its administrator");
    struct dbr_net_ip s = {.family = b->family};
    memcpy(s.ip, b->ip, 16);
    for (size_t i = 0; i < n->servers; i++)
        if (same_net(&n->server[i], &s))
            return 0;
    if (n->servers == DBR_NET_SERVERS)
        return refuse(why, DBR_ERR_LIMIT, "the server gave more than %d name servers; tell its administrator",
                      DBR_NET_SERVERS);
    n->server[n->servers++] = s;
    return 0;
}

static int take_search(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    const char *s = m->net_search.domain;
    if (!dbr_net_is_domain(s))
        return refuse(why, DBR_ERR_SHAPE, "the server gave a domain that is none; tell its administrator");
    size_t total = strlen(s) + 1;
    for (size_t i = 0; i < n->domains; i++) {
        if (strcmp(n->domain[i], s) == 0)
            return 0;
        total += strlen(n->domain[i]) + 1;
    }
    if (n->domains == DBR_NET_DOMAINS || total > DBR_NET_LIST)
        return refuse(why, DBR_ERR_LIMIT, "the server gave more than %d domains; tell its administrator",
                      DBR_NET_DOMAINS);
    strcpy(n->domain[n->domains++], s);
    return 0;
}

static int take_mtu(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    uint32_t mtu = m->net_mtu.mtu;
    if (mtu < 576)
        return refuse(why, DBR_ERR_SHAPE, "an MTU of %u is too small, 576 is the least; change tun-mtu",
                      (unsigned)mtu);
    n->mtu = mtu > DBR_NET_MTU_MAX ? DBR_NET_MTU_MAX : mtu;
    return 0;
}

static int take_dhcp(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    (void)m;
    (void)why;
    n->dhcp = true;
    return 0;
}

static int take_block(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    (void)m;
    (void)why;
    n->block_outside_dns = true;
    return 0;
}

static int take_clear(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    (void)m;
    (void)why;
    memset(n, 0, sizeof *n);
    return 0;
}

static int take_apply(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    (void)m;
    (void)why;
    n->complete = true;
    return 0;
}

int dbr_netcfg_take(struct dbr_netcfg *n, const struct dbr_pm *m, char why[DBR_NET_WHY])
{
    static const struct {
        uint16_t type;
        int (*take)(struct dbr_netcfg *, const struct dbr_pm *, char *);
    } rows[] = {
        {DBR_PM_NET_ADDRESS, take_address},
        {DBR_PM_NET_DHCP, take_dhcp},
        {DBR_PM_NET_ROUTE, take_route},
        {DBR_PM_NET_DNS, take_dns},
        {DBR_PM_NET_SEARCH, take_search},
        {DBR_PM_NET_MTU, take_mtu},
        {DBR_PM_NET_BLOCK_OUTSIDE_DNS, take_block},
        {DBR_PM_NET_APPLY, take_apply},
        {DBR_PM_NET_CLEAR, take_clear},
    };
    static const struct dbr_netcfg nothing;
    why[0] = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].type != m->type)
            continue;
        if (n->complete && m->type != DBR_PM_NET_APPLY)
            *n = nothing;
        return rows[i].take(n, m, why);
    }
    return refuse(why, DBR_ERR_STATE, "not a message about the network");
}
