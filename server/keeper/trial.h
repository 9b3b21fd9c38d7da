/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `bridge-takeover` moves the addresses of the interface that the admin may have come by. Until somebody says
 * by `drawbridge-ctl bridge confirm` that this host is still reached, the move is on trial: a process of its
 * own, forked before anything is touched, puts everything back from the journal when `bridge-confirm` seconds
 * are over. It lives on when keeper is killed, at whatever step. A confirmation is remembered for this bridge
 * and these interfaces, so that later starts need none.
 */
#ifndef DBR_KEEPER_TRIAL_H
#define DBR_KEEPER_TRIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper;

enum { TRIAL_EXIT = 4 }; /* keeper's exit code when the move was undone; the unit does not restart it then */

struct trial {
    pid_t pid;                 /* 0 = nothing is on trial */
    int pidfd;                 /* -1 = none */
    int word;                  /* to the watching process; -1 = none */
    _Atomic uint32_t *undoing; /* shared with it: the links change by its hand */
};

/* Before the bridge is raised: starts the watching process where the configuration wants one. */
int trial_arm(struct keeper *k);
/* After it: good, the time runs; else there is nothing to put back. Called without a trial it does nothing.
 */
void trial_raised(struct keeper *k, bool good);
bool trial_undoes(const struct keeper *k);
void trial_ended(
    struct keeper *k); /* the watching process is gone: confirmed, or undone, which stops keeper */
void trial_close(struct keeper *k); /* callable twice; the process sees that the journal is gone, and ends */

#endif
