/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/wheel.h"

#include <stddef.h>
#include <string.h>

void wheel_init(struct wheel *w, uint64_t now_ns)
{
    memset(w, 0, sizeof *w);
    w->tick = w->now = now_ns >> WHEEL_SHIFT;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        w->slots[i].prev = w->slots[i].next = &w->slots[i];
}

void wheel_cancel(struct wheel *w, struct wheel_node *n)
{
    if (!n->next)
        return;
    unsigned slot = n->tick % WHEEL_SLOTS;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
    if (w->slots[slot].next == &w->slots[slot])
        w->occupied[slot / 64] &= ~(1ULL << slot % 64);
}

void wheel_set(struct wheel *w, struct wheel_node *n, uint64_t deadline_ns)
{
    wheel_cancel(w, n);
    if (deadline_ns == WHEEL_NEVER)
        return;
    uint64_t tick = (deadline_ns >> WHEEL_SHIFT) + 1; /* the whole slot lies behind the deadline */
    if (tick <= w->now)
        tick = w->now + 1;
    if (tick > w->tick + WHEEL_SLOTS - 1)
        tick = w->tick + WHEEL_SLOTS - 1;
    unsigned slot = tick % WHEEL_SLOTS;
    struct wheel_node *head = &w->slots[slot];
    n->tick = tick;
    n->next = head;
    n->prev = head->prev;
    head->prev->next = n;
    head->prev = n;
    w->occupied[slot / 64] |= 1ULL << slot % 64;
}

/* The first occupied tick after w->tick, or WHEEL_NEVER. */
static uint64_t next_tick(const struct wheel *w)
{
    unsigned from = (w->tick + 1) % WHEEL_SLOTS;
    for (unsigned i = 0; i <= WHEEL_SLOTS / 64;
         i++) { /* the first word comes twice: its head, then its tail */
        unsigned word = (from / 64 + i) % (WHEEL_SLOTS / 64);
        uint64_t bits = w->occupied[word];
        if (i == 0)
            bits &= ~0ULL << from % 64;
        if (bits) {
            unsigned slot = word * 64 + (unsigned)__builtin_ctzll(bits);
            return w->tick + 1 + (slot + WHEEL_SLOTS - from) % WHEEL_SLOTS;
        }
    }
    return WHEEL_NEVER;
}

struct wheel_node *wheel_pop(struct wheel *w, uint64_t now_ns)
{
    uint64_t tick = next_tick(w);
    if (now_ns >> WHEEL_SHIFT > w->now)
        w->now = now_ns >> WHEEL_SHIFT;
    if (tick > w->now) {
        w->tick = w->now;
        return NULL;
    }
    w->tick = tick - 1; /* its other timers come with the next calls */
    struct wheel_node *n = w->slots[tick % WHEEL_SLOTS].next;
    wheel_cancel(w, n);
    return n;
}

uint64_t wheel_next(const struct wheel *w)
{
    uint64_t tick = next_tick(w);
    return tick == WHEEL_NEVER ? WHEEL_NEVER : tick << WHEEL_SHIFT;
}
