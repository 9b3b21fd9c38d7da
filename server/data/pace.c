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

static bool is_near(const struct pace *p, uint64_t now_ns)
{
    return p->near >= PACE_NEAR && now_ns >= p->shy_ns;
}

void pace_active(struct pace *p, uint64_t now_ns)
{
    p->active_ns = now_ns;
}

bool pace_courtesy(const struct pace *p, uint64_t now_ns)
{
    return is_near(p, now_ns) && now_ns - p->active_ns >= PACE_QUIET_NS;
}

bool pace_look(struct pace *p, uint64_t now_ns)
{
    p->saved_ns += (now_ns - p->saved_at_ns) / PACE_SHARE;
    p->saved_at_ns = now_ns;
    if (p->saved_ns > PACE_SAVED_NS)
        p->saved_ns = PACE_SAVED_NS;
    return is_near(p, now_ns) && p->saved_ns >= PACE_NEAR_NS;
}

void pace_looked(struct pace *p, uint64_t took_ns)
{
    p->saved_ns -= took_ns < p->saved_ns ? took_ns : p->saved_ns;
}

static void shy(struct pace *p, uint64_t now_ns)
{
    bool again = p->shy_for_ns && now_ns - p->shy_ns < PACE_SHY_AGAIN * p->shy_for_ns;
    uint64_t twice = 2 * p->shy_for_ns < PACE_SHY_MAX_NS ? 2 * p->shy_for_ns : PACE_SHY_MAX_NS;
    p->shy_for_ns = again ? twice : PACE_SHY_NS;
    p->shy_ns = now_ns + p->shy_for_ns;
}

void pace_yielded(struct pace *p, uint64_t now_ns, uint64_t took_ns)
{
    if (took_ns > PACE_NEAR_NS)
        shy(p, now_ns);
}

void pace_answered(struct pace *p, uint64_t waited_ns)
{
    if (waited_ns > PACE_NEAR_NS)
        p->near -= p->near > 0;
    else
        p->near += p->near < PACE_NEAR_MAX;
}
