/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/plan.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* Adds an empty operation. There is room: DBR_NET_OPS is what a full struct dbr_netcfg makes at most. */
static struct dbr_net_op *add(struct dbr_net_plan *p, enum dbr_net_kind kind, uint8_t family)
{
    struct dbr_net_op *o = &p->op[p->ops++];
    memset(o, 0, sizeof *o);
    o->kind = kind;
    o->family = family;
    return o;
}

static bool wants_family(const struct dbr_netcfg *n, uint8_t family)
{
    if (family == 4 && n->dhcp)
        return true;
    for (size_t i = 0; i < n->addresses; i++)
        if (n->address[i].family == family)
            return true;
    for (size_t i = 0; i < n->routes; i++)
        if (n->route[i].dst.family == family && !n->route[i].around)
            return true;
    return false;
}

/* True if the routes into the tunnel hold the whole of `net`, alone or in halves. */
static bool tunnel_holds(const struct dbr_netcfg *n, const struct dbr_net_ip *net, unsigned depth)
{
    for (size_t i = 0; i < n->routes; i++) {
        const struct dbr_net_route *r = &n->route[i];
        if (!r->around && r->dst.prefix <= net->prefix && dbr_net_holds(&r->dst, net->family, net->ip))
            return true;
    }
    if (depth == 0)
        return false;
    struct dbr_net_ip half = *net;
    half.prefix++;
    if (!tunnel_holds(n, &half, depth - 1))
        return false;
    half.ip[net->prefix / 8] |= (uint8_t)(0x80 >> (net->prefix % 8));
    return tunnel_holds(n, &half, depth - 1);
}

/* A full tunnel holds all addresses; of IPv6 all that are given out on the Internet. */
static bool is_full(const struct dbr_netcfg *n, uint8_t family)
{
    struct dbr_net_ip all = {.family = family};
    if (family == 6) {
        all.prefix = 3;
        all.ip[0] = 0x20;
    }
    return tunnel_holds(n, &all, 2);
}

static bool is_own_net(const struct dbr_netcfg *n, const struct dbr_net_ip *dst)
{
    for (size_t i = 0; i < n->addresses; i++)
        if (n->address[i].prefix == dst->prefix && dbr_net_holds(&n->address[i], dst->family, dst->ip))
            return true;
    return false;
}

static bool gateway_is_near(const struct dbr_netcfg *n, const struct dbr_net_route *r)
{
    if (dbr_net_is_zero(r->via) || (r->dst.family == 4 && n->dhcp))
        return true;
    if (r->dst.family == 6 && r->via[0] == 0xfe && (r->via[1] & 0xc0) == 0x80)
        return true;
    for (size_t i = 0; i < n->addresses; i++)
        if (dbr_net_holds(&n->address[i], r->dst.family, r->via) && memcmp(n->address[i].ip, r->via, 16) != 0)
            return true;
    return false;
}

static int check_routes(const struct dbr_netcfg *n, char why[DBR_NET_WHY])
{
    char net[DBR_NET_TEXT], via[DBR_NET_TEXT];
    for (size_t i = 0; i < n->routes; i++) {
        const struct dbr_net_route *r = &n->route[i];
        if (r->around || gateway_is_near(n, r))
            continue;
        snprintf(why, DBR_NET_WHY,
                 "the gateway %s of the route to %s is not in the network of the tunnel; tell the server's "
                 "administrator",
                 dbr_net_ip_text(r->dst.family, r->via, via), dbr_net_text(&r->dst, net));
        return DBR_ERR_SHAPE;
    }
    return 0;
}

static int check(const struct dbr_netcfg *n, const struct dbr_net_plan *p, char why[DBR_NET_WHY])
{
    for (size_t i = 0; i < n->addresses && n->dhcp; i++)
        if (n->address[i].family == 4) {
            snprintf(why, DBR_NET_WHY, "the server gave both an address and DHCP; tell its administrator");
            return DBR_ERR_SHAPE;
        }
    if (n->mtu && n->mtu < 1280 && wants_family(n, 6)) {
        snprintf(why, DBR_NET_WHY, "IPv6 needs an MTU of 1280 or more, not %u; change tun-mtu",
                 (unsigned)n->mtu);
        return DBR_ERR_SHAPE;
    }
    if ((p->full4 || p->full6) && p->besides == 0) {
        snprintf(why, DBR_NET_WHY,
                 "all traffic should go into the tunnel, but no way past it to the server is "
                 "known; connect again");
        return DBR_ERR_SHAPE;
    }
    return check_routes(n, why);
}

static void plan_around(const struct dbr_netcfg *n, struct dbr_net_plan *p)
{
    for (size_t i = 0; i < n->routes; i++)
        if (n->route[i].around) {
            add(p, DBR_NET_OP_ROUTE, n->route[i].dst.family)->dst = n->route[i].dst;
            p->beside[p->besides++] = n->route[i].dst;
        }
}

/* Before all others goes an interface that has a default route or name servers: Windows asks the name servers
 * of the interface with the lowest metric first. Unless the tunnel is a full one, the router that the LAN
 * behind it names, by DHCP or by an advertisement, is not for us: its default route would draw everything
 * into the tunnel, the packets of the tunnel itself as well. */
static void plan_iface(const struct dbr_netcfg *n, struct dbr_net_plan *p, uint8_t family)
{
    if (n->addresses == 0 && !n->dhcp && n->routes == 0 && n->servers == 0)
        return;
    bool first = p->full4 || p->full6 || n->servers || n->block_outside_dns;
    struct dbr_net_op *o = add(p, DBR_NET_OP_IFACE, family);
    o->metric = first ? DBR_NET_METRIC : 0;
    o->mtu = family == 4 || n->mtu >= 1280 ? n->mtu : 0;
    o->no_default = family == 4 ? !p->full4 : !p->full6;
}

static void plan_addresses(const struct dbr_netcfg *n, struct dbr_net_plan *p)
{
    for (size_t i = 0; i < n->addresses; i++) {
        add(p, DBR_NET_OP_ADDRESS, n->address[i].family)->dst = n->address[i];
        p->self[p->selves++] = n->address[i];
    }
    if (n->dhcp)
        add(p, DBR_NET_OP_DHCP, 4);
}

static void plan_route(struct dbr_net_plan *p, const struct dbr_net_route *r, const struct dbr_net_ip *dst)
{
    struct dbr_net_op *o = add(p, DBR_NET_OP_ROUTE, dst->family);
    o->dst = *dst;
    o->luid = p->luid;
    o->metric = r->metric;
    memcpy(o->via, r->via, 16);
}

/* With DHCP the lease names the router; halves on the link would go before it, to nobody. */
static bool is_the_leases(const struct dbr_netcfg *n, const struct dbr_net_route *r)
{
    return n->dhcp && r->dst.family == 4 && r->dst.prefix <= 1 && dbr_net_is_zero(r->via);
}

/* A default route is made of two halves: they win against the one that is there, which stays as it was. */
static void plan_tunnel(const struct dbr_netcfg *n, struct dbr_net_plan *p)
{
    for (size_t i = 0; i < n->routes; i++) {
        const struct dbr_net_route *r = &n->route[i];
        struct dbr_net_ip dst = r->dst;
        if (r->around || is_own_net(n, &dst) || is_the_leases(n, r))
            continue;
        if (dst.prefix == 0) {
            dst.prefix = 1;
            plan_route(p, r, &dst);
            dst.ip[0] = 0x80;
        }
        plan_route(p, r, &dst);
    }
}

static void append(char list[DBR_NET_LIST], const char *item)
{
    size_t n = strlen(list);
    snprintf(list + n, DBR_NET_LIST - n, "%s%s", n ? "," : "", item);
}

static void plan_names(const struct dbr_netcfg *n, struct dbr_net_plan *p)
{
    char text[DBR_NET_TEXT];
    struct dbr_net_op *o = n->domains ? add(p, DBR_NET_OP_SEARCH, 4) : NULL;
    for (size_t i = 0; i < n->domains; i++)
        append(o->list, n->domain[i]);
    for (uint8_t family = 4; family <= 6; family += 2) {
        o = NULL;
        for (size_t i = 0; i < n->servers; i++) {
            if (n->server[i].family != family)
                continue;
            if (!o)
                o = add(p, DBR_NET_OP_DNS, family);
            append(o->list, dbr_net_ip_text(family, n->server[i].ip, text));
        }
    }
}

int dbr_netcfg_plan(const struct dbr_netcfg *n, uint64_t luid, struct dbr_net_plan *p, char why[DBR_NET_WHY])
{
    memset(p, 0, sizeof *p);
    why[0] = 0;
    p->luid = luid;
    p->full4 = is_full(n, 4);
    p->full6 = is_full(n, 6);
    p->block_outside_dns = n->block_outside_dns;
    plan_around(n, p);
    int err = check(n, p, why);
    if (err)
        return err;
    if (p->full4 || p->full6 || n->block_outside_dns || n->addresses)
        add(p, DBR_NET_OP_WALL, 0);
    plan_iface(n, p, 4);
    plan_iface(n, p, 6);
    plan_addresses(n, p);
    plan_tunnel(n, p);
    plan_names(n, p);
    return 0;
}
