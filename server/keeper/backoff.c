/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/backoff.h"

static const uint64_t S = 1000000000;

uint64_t backoff_death(struct backoff *b, uint64_t now_ns)
{
    static const uint64_t first_ms[] = {0, 100, 500};
    enum { N_FIRST = sizeof first_ms / sizeof first_ms[0], MAX_DOUBLINGS = 5 };
    if (!b->deaths || now_ns - b->last_ns >= BACKOFF_CALM_S * S)
        b->deaths = 0;
    b->last_ns = now_ns;
    unsigned n = b->deaths;
    if (b->deaths < N_FIRST + MAX_DOUBLINGS)
        b->deaths++;
    if (n < N_FIRST)
        return first_ms[n] * 1000000;
    uint64_t wait = S << (n - N_FIRST);
    return wait < BACKOFF_MAX_S * S ? wait : BACKOFF_MAX_S * S;
}
