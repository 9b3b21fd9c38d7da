/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The network settings of one connection: applied to its TAP, and taken back. For the service, one thread;
 * the calls wait for Windows, a second at most as a rule. The journal lies in
 * %ProgramData%\Drawbridge\journal, one file per adapter; the folder is there and only administrators write
 * in it (`drawbridge install`).
 *
 *   struct dbr_netcfg_job job = {.luid = tap.luid};   strcpy(job.guid, tap.guid);
 *   dbr_netcfg_take(&wanted, message, why) ...        NET_*
 *   dbr_netcfg_apply(&job, &wanted, why)              NET_APPLY; again: the new settings instead of the old
 *   dbr_netcfg_undo(&job, why)                        NET_CLEAR, and when the engine has ended
 */
#ifndef DBR_CW_NETCFG_APPLY_H
#define DBR_CW_NETCFG_APPLY_H

#include "client-win/netcfg/journal.h"

struct dbr_netcfg_job {
    char guid[DBR_NET_GUID]; /* of the TAP */
    uint64_t luid;
    void *wall; /* the filters' session; NULL: none. Its process' end takes it away */
};

/* Applies what is wanted; what an earlier apply did is taken back first, but for its filters, which stand
 * until the new ones do. The TAP's media status is up already, or Windows waits with its addresses. 0, or an
 * error of base/err.h with one line in why; all is as before then. */
int dbr_netcfg_apply(struct dbr_netcfg_job *job, const struct dbr_netcfg *wanted, char why[DBR_NET_WHY]);

/* Takes everything back. 0, also where there is nothing; else what failed first: the rest is back, the
 * journal stays and dbr_netcfg_recover tries again. Callable twice. */
int dbr_netcfg_undo(struct dbr_netcfg_job *job, char why[DBR_NET_WHY]);

/* Once at the service's start, before any connection: what a service that ended without its undo left behind.
 * How many adapters were put back, or a negative error with one line in why. */
int dbr_netcfg_recover(char why[DBR_NET_WHY]);

/* How many journals wait for dbr_netcfg_recover (for `drawbridge check`); DBR_ERR_AUTH: only administrators
 * may look. */
int dbr_netcfg_leftovers(void);

#endif
