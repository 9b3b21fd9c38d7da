/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whom no peer may pass itself off as: the gateway behind the bridge, and this host on it. data is born with
 * what is known then, and told when the kernel says that an address or a default route has changed: a lease
 * that comes late, an address that moves to the bridge, another router.
 */
#include "keeper/keeper.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

enum { AGAIN_S = 2 };

static void add_own(struct guarded_ips *g, const char *name, size_t n4, size_t n6)
{
    struct ifaddrs *list;
    if (getifaddrs(&list))
        return;
    for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
        if (!a->ifa_addr || strcmp(a->ifa_name, name) != 0)
            continue;
        if (a->ifa_addr->sa_family == AF_INET && n4 < GUARDED_IPS)
            g->ip4[n4++] = ntohl(((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr.s_addr);
        if (a->ifa_addr->sa_family == AF_INET6 && n6 < GUARDED_IPS)
            memcpy(g->ip6[n6++], &((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr, 16);
    }
    freeifaddrs(list);
}

/* Asked here and not in the child, which would share our netlink socket. */
void neighbours_find(struct keeper *k)
{
    struct guarded_ips *g = &k->guarded;
    size_t n4 = 0, n6 = 0;
    memset(g, 0, sizeof *g);
    k->gateway_mac = 0;
    if (!k->bridged)
        return;
    if (!dbr_gateway_get(k->netlink, k->bridge.ifindex, &g->ip4[0], &k->gateway_mac))
        n4 = 1;
    if (!dbr_gateway6_get(k->netlink, k->bridge.ifindex, g->ip6[0]))
        n6 = 1;
    add_own(g, k->bridge.name, n4, n6);
    /* The kernel finds out the gateway's MAC when it has something to say to it. */
    k->neighbours_ns = g->ip4[0] && n4 && !k->gateway_mac ? monotonic_ns() + AGAIN_S * S_NS : 0;
}

static int tell_data(struct keeper *k)
{
    struct dbr_ipc_guarded m = {.head = dbr_ipc_head(DBR_IPC_GUARDED, sizeof m, 0)};
    memcpy(m.ip4, k->guarded.ip4, sizeof m.ip4);
    memcpy(m.ip6, k->guarded.ip6, sizeof m.ip6);
    for (int i = 0; i < 6; i++)
        m.gateway_mac[i] = (uint8_t)(k->gateway_mac >> (40 - 8 * i));
    return dbr_ipc_send(k->child[CHILD_DATA].ipc, &m, -1);
}

void neighbours_tell(struct keeper *k)
{
    struct guarded_ips before = k->guarded;
    uint64_t gateway = k->gateway_mac;
    neighbours_find(k);
    bool same = memcmp(&before, &k->guarded, sizeof before) == 0 && gateway == k->gateway_mac;
    if (same || k->client || k->child[CHILD_DATA].ipc < 0)
        return;
    if (tell_data(k)) { /* data is busy: as if nothing had been seen yet */
        k->guarded = before;
        k->gateway_mac = gateway;
        k->neighbours_ns = monotonic_ns() + AGAIN_S * S_NS;
    }
}
