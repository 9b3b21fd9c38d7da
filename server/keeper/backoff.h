/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a dead child is started again: at once for one that lived well, later and later for one that keeps
 * dying. Pure; time is a parameter (monotonic ns).
 */
#ifndef DBR_KEEPER_BACKOFF_H
#define DBR_KEEPER_BACKOFF_H

#include <stdint.h>

struct backoff {
    unsigned deaths; /* in a row, each within BACKOFF_CALM_S of the one before */
    uint64_t last_ns;
};

enum { BACKOFF_CALM_S = 60, BACKOFF_MAX_S = 30 };

/* Notes a death at now_ns and returns how long to wait before the restart: 0, 100 ms, 500 ms (three deaths
 * within 1 s are mended within 1 s), then 1 s doubled each time up to BACKOFF_MAX_S. A process that stayed
 * alive for BACKOFF_CALM_S begins anew. */
uint64_t backoff_death(struct backoff *b, uint64_t now_ns);

#endif
