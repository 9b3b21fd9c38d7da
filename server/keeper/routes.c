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

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

static const uint8_t nowhere[4];

static const char *route_text(const struct if_route *r, char out[64])
{
    char dst[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, r->dst, dst, sizeof dst);
    inet_ntop(AF_INET, r->via, via, sizeof via);
    snprintf(out, 64, "%s/%u via %s", dst, r->prefix, via);
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
    char text[64];
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
    memcpy(r.dst, m->dst, 4);
    memcpy(r.via, m->via, 4);
    r.prefix = m->prefix;
    r.metric = m->metric;
    return r;
}

static void set_tunnel(struct keeper *k, struct own_route *r)
{
    struct if_route want = wanted(&r->said);
    want.ifindex = tap_or_bridge(k);
    if (memcmp(want.via, nowhere, 4) == 0)
        memcpy(want.via, k->lease.router, 4);
    if (memcmp(want.via, nowhere, 4) != 0)
        set(k, r, &want);
}

/* True for a neighbour, whom no default route concerns. */
static bool on_link(const struct keeper *k, const uint8_t ip[4])
{
    struct ifaddrs *list;
    bool yes = false;
    if (getifaddrs(&list))
        return false;
    for (const struct ifaddrs *a = list; a && !yes; a = a->ifa_next)
        yes = is_elsewhere(k, a) && if_networks_overlap(ip, 32, address_of(a), prefix_of_interface(a));
    freeifaddrs(list);
    return yes;
}

static void set_around(struct keeper *k, struct own_route *r)
{
    struct if_route want = wanted(&r->said), out;
    if (on_link(k, r->said.dst)) {
        unset(r);
        return;
    }
    if (if_route_default(tap_or_bridge(k), &out))
        return; /* no network right now: the next word of control comes with it */
    want.ifindex = out.ifindex;
    memcpy(want.via, out.via, 4);
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
        if (have->what == m->what && have->prefix == m->prefix && memcmp(have->dst, m->dst, 4) == 0)
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
