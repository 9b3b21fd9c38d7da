/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does a process still turn? Each of its loops raises a counter in memory shared with keeper. One that moved
 * once and then stands still for too long belongs to a process that hangs: in an endless loop, or waiting for
 * what never comes. Pure; time is a parameter (monotonic ns).
 */
#ifndef DBR_KEEPER_PULSE_H
#define DBR_KEEPER_PULSE_H

#include <stdbool.h>
#include <stdint.h>

enum { PULSE_PERIOD_S = 1, PULSE_PATIENCE_S = 10 };

struct pulse {
    uint64_t count;    /* at the last look */
    uint64_t since_ns; /* when it was first seen at that count */
};

/* Looks at the counter: true when it stands still for PULSE_PATIENCE_S. Counters at 0 have not begun. */
bool pulse_stands(struct pulse *p, uint64_t count, uint64_t now_ns);
/* The time up to now does not count (the process was stopped by a signal). */
void pulse_excuse(struct pulse *p, uint64_t now_ns);

#endif
