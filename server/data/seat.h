/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A lone packet that arrives on one processor and wakes a worker that sleeps on another costs an interrupt
 * between them and, where that one has gone to sleep, its awakening: most of what a lone packet costs at all.
 * So a worker that has little to do moves to where its packets come from (SEAT_TIMES in a row from the same
 * processor) and stays; as soon as there is more, or more often, it may run anywhere again, so that it does
 * not share a processor with who makes the packets, and does not move for SEAT_REST_NS.
 *
 * Pure; owned by one worker.
 */
#ifndef DBR_DATA_SEAT_H
#define DBR_DATA_SEAT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SEAT_TIMES = 3,
    SEAT_GAP_NS = 300000, /* packets less apart than this are not lone */
    SEAT_REST_NS = 100000000,
    SEAT_STAY = -2, /* no change */
    SEAT_FREE = -1, /* from now on anywhere */
};

struct seat {
    int at;         /* 1 + processor that the worker is bound to; 0 = none */
    int seen;       /* 1 + processor of the last lone packet */
    unsigned times; /* in a row */
    uint64_t lone_ns, rest_ns;
};

/* A worker was woken at now_ns by a packet of the side that it follows; it came alone, and on processor `cpu`
 * (0.., -1 = not known). Returns the processor to go to and stay at, or SEAT_STAY, or SEAT_FREE. */
int seat_lone(struct seat *f, uint64_t now_ns, int cpu);
/* There was more than a lone packet. SEAT_STAY or SEAT_FREE. */
int seat_busy(struct seat *f, uint64_t now_ns);

#endif
