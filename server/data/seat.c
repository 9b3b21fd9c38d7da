/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/seat.h"

int seat_busy(struct seat *f, uint64_t now_ns)
{
    bool bound = f->at;
    f->times = 0;
    f->at = 0;
    f->rest_ns = now_ns + SEAT_REST_NS;
    return bound ? SEAT_FREE : SEAT_STAY;
}

int seat_lone(struct seat *f, uint64_t now_ns, int cpu)
{
    uint64_t gap = now_ns - f->lone_ns;
    f->lone_ns = now_ns;
    if (gap < SEAT_GAP_NS)
        return seat_busy(f, now_ns);
    if (cpu < 0 || now_ns < f->rest_ns)
        return SEAT_STAY;
    f->times = f->seen == cpu + 1 ? f->times + 1 : 1;
    f->seen = cpu + 1;
    if (f->times < SEAT_TIMES || f->at == cpu + 1)
        return SEAT_STAY;
    f->at = cpu + 1;
    return cpu;
}
