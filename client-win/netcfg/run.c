/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/run.h"

#include <string.h>

static int note_head(const struct dbr_net_backend *b, const char *guid, uint64_t luid)
{
    char text[DBR_NET_LINE];
    return b->note(b->ctx, text, dbr_net_journal_head(guid, luid, text));
}

static int step(const struct dbr_net_backend *b, struct dbr_net_op *op, bool *begun)
{
    char text[DBR_NET_LINE];
    int err = b->look(b->ctx, op);
    if (err)
        return err;
    err = b->note(b->ctx, text, dbr_net_journal_line(op, text));
    if (err || op->was == DBR_NET_PRESENT)
        return err;
    *begun = true;
    return b->act(b->ctx, op);
}

int dbr_net_run(const struct dbr_net_backend *b, const char *guid, struct dbr_net_plan *p)
{
    char why[DBR_NET_WHY] = "";
    size_t done = 0;
    int err = note_head(b, guid, p->luid);
    while (!err && done < p->ops) {
        bool begun = false;
        err = step(b, &p->op[done], &begun);
        if (!err || begun)
            done++;
    }
    if (!err)
        return 0;
    memcpy(why, b->why, sizeof why);
    if (dbr_net_undo(b, p->op, done) == 0)
        memcpy(b->why, why, sizeof why); /* what went wrong first is what the user can do something about */
    return err;
}

int dbr_net_undo(const struct dbr_net_backend *b, const struct dbr_net_op *op, size_t n)
{
    char why[DBR_NET_WHY];
    int first = 0;
    while (n--) {
        if (op[n].was == DBR_NET_PRESENT)
            continue;
        int err = b->undo(b->ctx, &op[n]);
        if (err && !first) {
            first = err;
            memcpy(why, b->why, sizeof why);
        }
    }
    if (!first)
        return b->forget(b->ctx);
    memcpy(b->why, why, sizeof why);
    return first;
}
