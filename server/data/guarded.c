/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose addresses no peer gets: the gateway's, the bridge's, this host's. keeper says which, at the start and
 * whenever the kernel says that they changed. The main thread is the switch's only writer here; the workers
 * read on meanwhile, so that what is new is guarded before what is old is let go.
 */
#include "data/worker.h"

#include <string.h>

static const uint8_t none[16];

static bool has_ip4(const struct dbr_ipc_guarded *m, uint32_t ip)
{
    bool found = false;
    for (size_t i = 0; i < DBR_IPC_GUARDED_IPS; i++)
        found = found || m->ip4[i] == ip;
    return found;
}

static bool has_ip6(const struct dbr_ipc_guarded *m, const uint8_t ip[16])
{
    bool found = false;
    for (size_t i = 0; i < DBR_IPC_GUARDED_IPS; i++)
        found = found || memcmp(m->ip6[i], ip, 16) == 0;
    return found;
}

static void guard_all(struct dbr_switch *sw, const struct dbr_ipc_guarded *m)
{
    for (size_t i = 0; i < DBR_IPC_GUARDED_IPS; i++) {
        dbr_switch_guard_ip4(sw, m->ip4[i], true); /* zeros are refused */
        dbr_switch_guard_ip6(sw, m->ip6[i], true);
    }
    dbr_switch_guard_mac(sw, dbr_get48(m->gateway_mac), DBR_ROLE_GATEWAY);
}

/* A gateway that turns out to be one of our own addresses stays ours. */
static void let_go(struct dbr_switch *sw, const struct dbr_ipc_guarded *old, const struct dbr_ipc_guarded *m)
{
    for (size_t i = 0; i < DBR_IPC_GUARDED_IPS; i++) {
        if (!has_ip4(m, old->ip4[i]))
            dbr_switch_guard_ip4(sw, old->ip4[i], false);
        if (!has_ip6(m, old->ip6[i]))
            dbr_switch_guard_ip6(sw, old->ip6[i], false);
    }
    if (memcmp(old->gateway_mac, m->gateway_mac, 6) != 0)
        dbr_switch_guard_mac(sw, dbr_get48(old->gateway_mac), DBR_ROLE_NONE);
}

void guarded_take(struct shared *s, const struct dbr_ipc_guarded *m)
{
    struct dbr_ipc_guarded wanted = *m;
    if (memcmp(m->gateway_mac, none, 6) == 0 || memcmp(m->gateway_mac, s->boot->bridge_mac, 6) == 0 ||
        memcmp(m->gateway_mac, s->boot->tap_mac, 6) == 0)
        memcpy(wanted.gateway_mac, s->guarded.gateway_mac, sizeof wanted.gateway_mac);
    guard_all(&s->sw, &wanted);
    let_go(&s->sw, &s->guarded, &wanted);
    s->guarded = wanted;
}
