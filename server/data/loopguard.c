/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ports that lead back to us. Once a second worker 0 sends a probe (bridge/loop.h) to the LAN, and each
 * worker one to each site of its own. A port through which one comes back is closed for ten seconds, both
 * ways, and stays so as long as probes come back: they are looked for before anything is dropped. What is one
 * frame a second on the LAN finds every peer that is joined to it; only sites that are joined to each other
 * need probes of their own.
 */
#include "data/worker.h"

#define CLOSED_NS 10000000000ULL

static bool anybody_there(const struct worker *w)
{
    bool any = false;
    for (unsigned i = 0; i < w->shared->n_workers; i++)
        any = any || atomic_load_explicit(&w->shared->workers[i]->n_live, memory_order_relaxed);
    return any;
}

static void probe_lan(struct worker *w, uint16_t vid)
{
    uint8_t buf[LAN_ROOM + DBR_LOOP_FRAME] = {0};
    dbr_loop_write(&w->shared->loop, buf + LAN_ROOM, DBR_PORT_LAN, w->now.ns);
    worker_to_lan(w, buf + LAN_ROOM, DBR_LOOP_FRAME, vid);
}

/* Each VLAN is a LAN of its own. */
static void probe_vlans(struct worker *w)
{
    uint64_t told[(DBR_VLAN_NONE + 1) / 64] = {0};
    for (uint32_t i = 0; i < w->peers.n_live; i++) {
        uint16_t vid = w->peers.live[i]->policy.pvid;
        if (vid && !(told[vid / 64] >> vid % 64 & 1))
            probe_lan(w, vid);
        told[vid / 64] |= 1ULL << vid % 64;
    }
}

static void probe_sites(struct worker *w)
{
    for (uint32_t i = 0; i < w->peers.n_live; i++) {
        struct peer *p = w->peers.live[i];
        uint8_t frame[DBR_LOOP_FRAME];
        if (p->policy.kind != DBR_KIND_SITE || !p->primary)
            continue;
        dbr_loop_write(&w->shared->loop, frame, p->id, w->now.ns);
        worker_send(w, p, frame, sizeof frame);
    }
}

void loopguard_probe(struct worker *w)
{
    if (!w->shared->limits.loop_guard || w->shared->client)
        return;
    if (w->shared->sw.vlan.mask)
        probe_vlans(w);
    else if (w->index == 0 && anybody_there(w))
        probe_lan(w, 0);
    probe_sites(w);
}

bool loopguard_takes(struct worker *w, struct peer *p, const struct dbr_eth_view *v)
{
    uint32_t egress;
    bool closed = p && p->closed_until_ns > w->now.ns;
    bool probe = v->ethertype == DBR_LOOP_ETHERTYPE && w->shared->limits.loop_guard &&
                 dbr_loop_read(&w->shared->loop, v, w->now.ns, &egress);
    if (probe && p && dbr_loop_blames(egress, p->id, p->policy.kind == DBR_KIND_SITE)) {
        p->closed_until_ns = w->now.ns + CLOSED_NS;
        closed = true;
    }
    if (closed)
        news_guard(&w->news, p, DBR_GUARD_LOOP, v->src, v->vid);
    return closed || probe;
}
