/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Timers: a binary heap of entries embedded in what waits. Setting, moving and removing cost O(log n); the
 * earliest is at hand. Times are nanoseconds of a monotonic clock. One thread.
 */
#ifndef DBR_BASE_HEAP_H
#define DBR_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct dbr_heap_entry {
    uint64_t at;  /* ns */
    size_t place; /* index + 1; 0: not in the heap */
};

struct dbr_heap {
    struct dbr_heap_entry **v;
    size_t n, cap;
};

void dbr_heap_init(struct dbr_heap *h);
void dbr_heap_fini(struct dbr_heap *h); /* entries are not touched */

/* Puts e in, or moves it, so that it is due at `at`; UINT64_MAX takes it out. 0 or DBR_ERR_NOMEM. */
int dbr_heap_set(struct dbr_heap *h, struct dbr_heap_entry *e, uint64_t at);
void dbr_heap_remove(struct dbr_heap *h, struct dbr_heap_entry *e); /* not in the heap: nothing */

/* The earliest entry, or NULL. */
static inline struct dbr_heap_entry *dbr_heap_first(const struct dbr_heap *h)
{
    return h->n ? h->v[0] : NULL;
}

#endif
