/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/pace.h"

bool pace_nap(struct pace *p, uint64_t now_ns, unsigned items)
{
    uint64_t gap = now_ns - p->last_ns;
    if (!items && !p->napping)
        return false; /* a timer */
    p->last_ns = now_ns;
    if (p->napping) {
        p->poor = items < PACE_WORTH ? p->poor + 1 : 0;
        p->napping = p->poor < PACE_POOR;
    } else {
        p->quick = items <= PACE_SHORT && gap < PACE_QUICK_NS ? p->quick + 1 : 0;
        p->napping = p->quick >= PACE_ROUNDS;
    }
    if (!p->napping)
        p->poor = 0;
    else
        p->quick = 0;
    return p->napping;
}

bool pace_look(struct pace *p, uint64_t now_ns)
{
    if (p->near < PACE_NEAR || now_ns - p->looked_ns < PACE_LOOKS_NS)
        return false;
    p->looked_ns = now_ns;
    return true;
}

void pace_answered(struct pace *p, uint64_t waited_ns)
{
    if (waited_ns > PACE_NEAR_NS)
        p->near -= p->near > 0;
    else
        p->near += p->near < PACE_NEAR_MAX;
}
