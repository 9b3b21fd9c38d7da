/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whose turn it is at the bridge. keeper, the process that watches over its trial (trial.c) and a keeper that
 * is started after a crash all work on the same journal: one at a time, or the one would take away what the
 * other has just written.
 */
#ifndef DBR_KEEPER_TURN_H
#define DBR_KEEPER_TURN_H

enum { TURN_PATIENCE_MS = 10000 };

/* Waits for the turn in this run folder, for patience_ms at most. A descriptor that holds it until it is
 * closed, in every process that has inherited it; -1 with errno, EWOULDBLOCK when somebody else has it all
 * the time. */
int turn_take(const char *run_dir, int patience_ms);
void turn_end(int *turn); /* callable twice */

#endif
