/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: routes through the tunnel, and those that keep the concentrator outside of it. Each is undone
 * at the end, or when control begins a new list. What the kernel refuses is told once and left out.
 *
 *     TUNNEL   dst through the TAP, by a gateway of the far LAN (the lease's, where the route names none)
 *     AROUND   dst by the gateway of this machine's own default route; follows when that changes
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "keeper/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t nowhere[16];

enum { ROUTE_TEXT = 2 * INET6_ADDRSTRLEN + 16 };

static const char *route_text(const struct if_route *r, char out[ROUTE_TEXT])
{
    char dst[INET6_ADDRSTRLEN], via[INET6_ADDRSTRLEN];
    int family = r->family == 6 ? AF_INET6 : AF_INET;
    inet_ntop(family, r->dst, dst, sizeof dst);
    inet_ntop(family, r->via, via, sizeof via);
    snprintf(out, ROUTE_TEXT, "%s/%u via %s", dst, r->prefix, via);
    return out;
}

static void unset(struct own_route *r)
{
    if (r->set)
        if_route_del(&r->now);
    r->set = false;
}

static void set(struct keeper *k, struct own_route *r, const struct if_route *want)
{
    char text[ROUTE_TEXT];
    if (r->set && memcmp(&r->now, want, sizeof *want) == 0)
        return;
    unset(r);
    r->now = *want;
    int err = if_route_add(want);
    r->set = !err;
    if (err && err != DBR_ERR_EXISTS)
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot set route %s: %s", route_text(want, text), strerror(errno));
    else if (err)
        dbr_log(&k->log, DBR_LOG_INFO, "route %s is there already", route_text(want, text));
    else
        dbr_log(&k->log, DBR_LOG_INFO, "route %s", route_text(want, text));
}

static struct if_route wanted(const struct dbr_ipc_route *m)
{
    struct if_route r;
    memset(&r, 0, sizeof r); /* it is compared as bytes */
    memcpy(r.dst, m->dst, sizeof r.dst);
    memcpy(r.via, m->via, sizeof r.via);
    r.family = m->family;
    r.prefix = m->prefix;
    r.metric = m->metric;
    return r;
}

static void set_tunnel(struct keeper *k, struct own_route *r)
{
    struct if_route want = wanted(&r->said);
    want.ifindex = tap_or_bridge(k);
    if (want.family == 4 && memcmp(want.via, nowhere, sizeof nowhere) == 0)
        memcpy(want.via, k->lease.router, 4);
    if (memcmp(want.via, nowhere, sizeof nowhere) != 0)
        set(k, r, &want);
}

/* True for an address that is on the link of an interface that is not ours. */
static bool is_neighbour6(const struct keeper *k, const struct ifaddrs *a, const uint8_t ip[16])
{
    if (!a->ifa_addr || !a->ifa_netmask || a->ifa_addr->sa_family != AF_INET6 || is_ours(k, a->ifa_name) ||
        a->ifa_flags & IFF_LOOPBACK)
        return false;
    const uint8_t *own = ((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr.s6_addr;
    const uint8_t *mask = ((const struct sockaddr_in6 *)(const void *)a->ifa_netmask)->sin6_addr.s6_addr;
    for (size_t i = 0; i < 16; i++)
        if ((own[i] ^ ip[i]) & mask[i])
            return false;
    return true;
}

/* True for a neighbour, whom no default route concerns. */
static bool on_link(const struct keeper *k, const struct dbr_ipc_route *m)
{
    struct ifaddrs *list;
    bool yes = false;
    if (getifaddrs(&list))
        return false;
    for (const struct ifaddrs *a = list; a && !yes; a = a->ifa_next)
        yes = m->family == 6 ? is_neighbour6(k, a, m->dst)
                             : is_elsewhere(k, a) &&
                                   if_networks_overlap(m->dst, 32, address_of(a), prefix_of_interface(a));
    freeifaddrs(list);
    return yes;
}

static void set_around(struct keeper *k, struct own_route *r)
{
    struct dbr_ipc_route said = r->said;
    if (!socks_route(k, &said)) {
        unset(r);
        return;
    }
    struct if_route want = wanted(&said), out;
    if (on_link(k, &said)) {
        unset(r);
        return;
    }
    if (if_route_default(tap_or_bridge(k), want.family, &out))
        return; /* no network right now: the next word of control comes with it */
    want.ifindex = out.ifindex;
    memcpy(want.via, out.via, sizeof want.via);
    set(k, r, &want);
}

static void set_one(struct keeper *k, struct own_route *r)
{
    if (r->said.what == DBR_ROUTE_AROUND)
        set_around(k, r);
    else
        set_tunnel(k, r);
}

void routes_again(struct keeper *k)
{
    for (size_t i = 0; i < k->n_routes; i++) {
        if (k->routes[i].said.what == DBR_ROUTE_TUNNEL)
            unset(&k->routes[i]);
        set_one(k, &k->routes[i]);
    }
}

void routes_forget(struct keeper *k)
{
    for (size_t i = 0; i < k->n_routes; i++)
        unset(&k->routes[i]);
    k->n_routes = 0;
}

static struct own_route *same_destination(struct keeper *k, const struct dbr_ipc_route *m)
{
    for (size_t i = 0; i < k->n_routes; i++) {
        const struct dbr_ipc_route *have = &k->routes[i].said;
        if (have->what == m->what && have->family == m->family && have->prefix == m->prefix &&
            memcmp(have->dst, m->dst, sizeof m->dst) == 0)
            return &k->routes[i];
    }
    return NULL;
}

void route_take(struct keeper *k, const struct dbr_ipc_route *m)
{
    if (m->what == DBR_ROUTE_CLEAR) {
        routes_forget(k);
        return;
    }
    struct own_route *r = same_destination(k, m);
    if (!r && k->n_routes < ROUTES_MAX)
        r = &k->routes[k->n_routes++];
    if (!r)
        return;
    r->said = *m;
    set_one(k, r);
}
