/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A timer wheel: 512 slots of 2^27 ns (134 ms). Setting and cancelling cost a few stores, whatever the number
 * of timers; nothing ever scans them all. A deadline beyond the wheel's 68 s fires early: the owner looks at
 * what is due and sets the timer anew, which is also what makes it lazy (traffic never touches the wheel).
 * Owned by one worker thread; the clock is the caller's.
 */
#ifndef DBR_DATA_WHEEL_H
#define DBR_DATA_WHEEL_H

#include <stdint.h>

enum { WHEEL_SLOTS = 512, WHEEL_SHIFT = 27 };

#define WHEEL_NEVER UINT64_MAX

struct wheel_node {
    struct wheel_node *prev, *next; /* NULL = not set */
    uint64_t tick;
};

struct wheel {
    uint64_t tick; /* everything up to here has fired */
    uint64_t now;  /* of the last wheel_pop(): what is set during its round fires in a later one */
    uint64_t occupied[WHEEL_SLOTS / 64];
    struct wheel_node slots[WHEEL_SLOTS]; /* heads of circular lists */
};

/* Empty wheel at now_ns (monotonic). */
void wheel_init(struct wheel *w, uint64_t now_ns);

/* Sets or moves the timer to fire at deadline_ns or up to one slot later; WHEEL_NEVER cancels it. */
void wheel_set(struct wheel *w, struct wheel_node *n, uint64_t deadline_ns);
void wheel_cancel(struct wheel *w, struct wheel_node *n); /* a timer that is not set is fine */

/* Takes one timer that is due at now_ns out of the wheel, or NULL when no more are due. */
struct wheel_node *wheel_pop(struct wheel *w, uint64_t now_ns);

/* When wheel_pop() will have something, or WHEEL_NEVER. */
uint64_t wheel_next(const struct wheel *w);

#endif
