/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a worker has counted since it began, for the metrics. The hot path only counts up; sums are made when
 * control asks for them.
 */
#include "data/worker.h"

_Static_assert((int)DBR_GUARD_COUNT <= (int)DBR_IPC_GUARDS, "the message has room for every guard");

static const struct {
    uint32_t classes;
    enum dbr_worker_sum sum;
} rows[TALLIED_CLASSES] = {
    {DBR_CLASS_ARP, DBR_SUM_CLASS_ARP},
    {DBR_CLASS_NA, DBR_SUM_CLASS_ND},
    {DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP_CLIENT, DBR_SUM_CLASS_DHCP},
    {DBR_CLASS_DHCP6_SERVER | DBR_CLASS_DHCP6_CLIENT, DBR_SUM_CLASS_DHCP6},
    {DBR_CLASS_RA | DBR_CLASS_RS | DBR_CLASS_REDIRECT, DBR_SUM_CLASS_ROUTER},
    {DBR_CLASS_LINK_LOCAL, DBR_SUM_CLASS_LINK_LOCAL},
    {DBR_CLASS_TAGGED, DBR_SUM_CLASS_TAGGED},
};

void totals_classes(struct worker *w, uint32_t classes)
{
    for (int i = 0; i < TALLIED_CLASSES; i++)
        w->classed[i] += (classes & rows[i].classes) != 0;
}

static void add(struct dbr_ipc_stats *to, const struct dbr_ipc_stats *s)
{
    to->rx_bytes += s->rx_bytes;
    to->tx_bytes += s->tx_bytes;
    to->rx_frames += s->rx_frames;
    to->tx_frames += s->tx_frames;
    to->drops_auth += s->drops_auth;
    to->drops_replay += s->drops_replay;
    to->drops_queue += s->drops_queue;
}

void totals_retire(struct worker *w, const struct peer *p)
{
    add(&w->news.gone, &p->stats);
}

static void put_peers(uint64_t *sum, const struct dbr_ipc_stats *s)
{
    sum[DBR_SUM_RX_BYTES] = s->rx_bytes;
    sum[DBR_SUM_TX_BYTES] = s->tx_bytes;
    sum[DBR_SUM_RX_FRAMES] = s->rx_frames;
    sum[DBR_SUM_TX_FRAMES] = s->tx_frames;
    sum[DBR_SUM_DROPS_AUTH] = s->drops_auth;
    sum[DBR_SUM_DROPS_REPLAY] = s->drops_replay;
    sum[DBR_SUM_DROPS_QUEUE] = s->drops_queue;
}

static void put_own(uint64_t *sum, const struct worker *w)
{
    sum[DBR_SUM_DROPS_UNKNOWN] = w->drops_unknown;
    sum[DBR_SUM_DROPS_SHAPE] = w->drops_shape;
    sum[DBR_SUM_DROPS_MAIL] = w->drops_mail;
    sum[DBR_SUM_DROPS_TAP] = w->drops_tap;
    sum[DBR_SUM_NEWS_LOST] = w->news.lost;
    sum[DBR_SUM_LEARNED] = w->news.n_learned;
    for (int i = 0; i <= DBR_TO_FLOOD; i++)
        sum[DBR_SUM_TO_DROP + i] = w->routed[i];
    for (int i = 0; i < TALLIED_CLASSES; i++)
        sum[rows[i].sum] = w->classed[i];
}

void totals_sum(struct worker *w)
{
    struct dbr_ipc_worker *m = &w->news.totals;
    struct dbr_ipc_stats all = w->news.gone;
    *m = (struct dbr_ipc_worker){.head = dbr_ipc_head(DBR_IPC_WORKER, sizeof *m, 0)};
    for (uint32_t i = 0; i < w->peers.n_live; i++) {
        add(&all, &w->peers.live[i]->stats);
        m->sum[DBR_SUM_MACS] += dbr_fdb_port_count(w->shared->fdb, w->peers.live[i]->id);
    }
    put_peers(m->sum, &all);
    put_own(m->sum, w);
    for (int i = 0; i < DBR_GUARD_COUNT; i++)
        m->guard[i] = w->news.guarded[i];
}
