/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics/snapshot.h"

#include <stdlib.h>
#include <string.h>

void snapshot_begin(struct snapshot *s, uint32_t ticket)
{
    s->ticket = ticket;
    s->begun = s->whole = s->processes_known = false;
    s->n_lists = s->n_clients = s->n_names = 0;
}

static void take_numbers(struct snapshot *s, const void *msg)
{
    const struct dbr_ipc_metrics *m = msg;
    if (m->ticket != s->ticket)
        return;
    s->numbers = *m;
    s->begun = true;
}

static void take_list(struct snapshot *s, const void *msg)
{
    const struct dbr_ipc_metrics_crl *m = msg;
    if (m->ticket == s->ticket && s->begun && s->n_lists < DBR_IPC_LISTS_MAX)
        s->list[s->n_lists++] = *m;
}

static void take_clients(struct snapshot *s, const void *msg)
{
    const struct dbr_ipc_metrics_clients *m = msg;
    for (uint32_t i = 0; i < m->n; i++)
        if (m->ticket == s->ticket && s->begun && s->n_clients < DBR_METRICS_CLIENTS_MAX)
            s->client[s->n_clients++] = m->row[i];
}

static void take_end(struct snapshot *s, const void *msg)
{
    const struct dbr_ipc_metrics_get *m = msg;
    s->whole = s->whole || (m->ticket == s->ticket && s->begun);
}

static void take_processes(struct snapshot *s, const void *msg)
{
    const struct dbr_ipc_processes *m = msg;
    if (m->ticket != s->ticket)
        return;
    s->processes = *m;
    s->processes_known = true;
}

void snapshot_feed(struct snapshot *s, const struct dbr_ipc_head *msg)
{
    static void (*const take[DBR_IPC_TYPES])(struct snapshot *, const void *) = {
        [DBR_IPC_METRICS] = take_numbers,         [DBR_IPC_METRICS_CRL] = take_list,
        [DBR_IPC_METRICS_CLIENTS] = take_clients, [DBR_IPC_METRICS_END] = take_end,
        [DBR_IPC_PROCESSES] = take_processes,
    };
    if (take[msg->type] && !s->whole)
        take[msg->type](s, msg);
    else if (msg->type == DBR_IPC_PROCESSES)
        take_processes(s, msg);
}

bool snapshot_ready(const struct snapshot *s)
{
    return s->whole && s->processes_known;
}

static int by_name(const void *a, const void *b)
{
    const struct dbr_ipc_metrics_client *x = a, *y = b;
    int names = strcmp(x->cn, y->cn);
    return names ? names : memcmp(&x->addr, &y->addr, sizeof x->addr);
}

static void add(struct dbr_ipc_metrics_client *to, const struct dbr_ipc_metrics_client *c)
{
    to->rx_bytes += c->rx_bytes;
    to->tx_bytes += c->tx_bytes;
    to->rx_frames += c->rx_frames;
    to->tx_frames += c->tx_frames;
    to->drops_auth += c->drops_auth;
    to->drops_replay += c->drops_replay;
    to->drops_guard += c->drops_guard;
    to->drops_queue += c->drops_queue;
    to->macs += c->macs;
    if (c->since_s < to->since_s)
        to->since_s = c->since_s;
}

void snapshot_names(struct snapshot *s)
{
    qsort(s->client, s->n_clients, sizeof s->client[0], by_name);
    s->n_names = 0;
    for (size_t i = 0; i < s->n_clients; i++) {
        struct named *last = s->n_names ? &s->name[s->n_names - 1] : NULL;
        if (last && strcmp(last->sum.cn, s->client[i].cn) == 0) {
            add(&last->sum, &s->client[i]);
            last->sessions++;
        } else {
            s->name[s->n_names++] = (struct named){.sum = s->client[i], .sessions = 1};
        }
    }
}
