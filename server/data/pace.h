/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a peer sends datagram by datagram, a worker that sleeps as soon as it is done is woken for each of
 * them, and the wake-up costs more than the work. So after many short rounds in quick succession the worker
 * naps before it looks again, as a network card moderates its interrupts, and takes what has come meanwhile
 * as one batch. A few naps in a row that bring little end it. A frame that comes alone is never held: it
 * takes PACE_ROUNDS wake-ups in a row, each less than PACE_QUICK_NS after the last, to begin.
 *
 *   wake  1 datagram, 12 us later: wake 2, 15 us later: wake 1, ... PACE_ROUNDS times
 *   nap PACE_NAP_NS, wake 7; nap, wake 6; nap, wake 1 ... PACE_POOR times: sleep until there is something
 *
 * Pure; owned by one worker.
 */
#ifndef DBR_DATA_PACE_H
#define DBR_DATA_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_NAP_NS = 100000,
    PACE_QUICK_NS = 50000, /* rounds less apart than this are in quick succession */
    PACE_ROUNDS = 16,      /* of them begin it */
    PACE_SHORT = 16,       /* datagrams and frames of a short round; a longer one is a batch already */
    PACE_WORTH = 3,        /* fewer after a nap are poor */
    PACE_POOR = 4,         /* such naps in a row end it */
};

struct pace {
    uint64_t last_ns; /* when the last round that had something began */
    unsigned quick, poor;
    bool napping;
};

/* A round that began at now_ns is over and nothing is left; it had so many datagrams and frames. True if the
 * worker shall nap for PACE_NAP_NS before it looks again. */
bool pace_nap(struct pace *p, uint64_t now_ns, unsigned items);

#endif
