/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does a plan and takes it back, over a small table of functions: Windows' (apply_win.c) or, in the tests,
 * one that fails at any step. The thread that calls it waits until it is done.
 *
 *   look(op)  how is it now?      note(line)  into the journal, on the disk      act(op)  change it
 *
 * A step that fails takes everything before it back, itself as well: half of it may have been done.
 */
#ifndef DBR_CW_NETCFG_RUN_H
#define DBR_CW_NETCFG_RUN_H

#include "client-win/netcfg/journal.h"

/* Each returns 0 or an error of base/err.h and says why in `why`. */
struct dbr_net_backend {
    void *ctx;
    char *why; /* DBR_NET_WHY bytes, filled where something fails */
    /* Fills what was before, and for a route around the tunnel the interface and gateway. Changes nothing. */
    int (*look)(void *ctx, struct dbr_net_op *op);
    int (*act)(void *ctx, const struct dbr_net_op *op);
    /* Makes it as it was before. What is so already, or is gone with its adapter, is good: 0. */
    int (*undo)(void *ctx, const struct dbr_net_op *op);
    /* Adds n bytes to the journal, which is on the disk when this returns. */
    int (*note)(void *ctx, const char *text, size_t n);
    /* Removes the journal; none: 0. */
    int (*forget)(void *ctx);
};

/* Does plan p on the adapter guid, whose journal is empty. p->op is changed: what was before. On an error all
 * is as before, or, if that failed too, the journal stays for dbr_net_undo. */
int dbr_net_run(const struct dbr_net_backend *b, const char *guid, struct dbr_net_plan *p);

/* Takes the operations back, the last one first. One that fails does not keep the others from it; the journal
 * goes when all is as before. The first error. Callable any number of times. */
int dbr_net_undo(const struct dbr_net_backend *b, const struct dbr_net_op *op, size_t n);

#endif
