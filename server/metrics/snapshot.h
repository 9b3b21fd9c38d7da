/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One answer of control and keeper, put together from its messages. Pure; owned by the metrics process.
 */
#ifndef DBR_METRICS_SNAPSHOT_H
#define DBR_METRICS_SNAPSHOT_H

#include "ipc/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A name's clients; with duplicate-cn several sessions bear one name. */
struct named {
    struct dbr_ipc_metrics_client sum; /* figures of all of them; the rest is that of the first */
    uint32_t sessions;
};

struct snapshot {
    uint32_t ticket; /* of the question that is being answered */
    bool begun, whole, processes_known;
    struct dbr_ipc_metrics numbers;
    struct dbr_ipc_processes processes;
    size_t n_lists, n_clients, n_names;
    struct dbr_ipc_metrics_crl list[DBR_IPC_LISTS_MAX];
    struct dbr_ipc_metrics_client client[DBR_METRICS_CLIENTS_MAX];
    struct named name[DBR_METRICS_CLIENTS_MAX]; /* by name; made by snapshot_names() */
};

/* Forgets everything and waits for the answer to this ticket. */
void snapshot_begin(struct snapshot *s, uint32_t ticket);
/* Takes one message that dbr_ipc_check() let pass; those of another ticket, or out of order, change nothing.
 */
void snapshot_feed(struct snapshot *s, const struct dbr_ipc_head *msg);
bool snapshot_ready(const struct snapshot *s);
/* Sorts clients by name and address, and sums up those of one name. */
void snapshot_names(struct snapshot *s);

#endif
