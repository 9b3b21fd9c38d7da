/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/pulse.h"

bool pulse_stands(struct pulse *p, uint64_t count, uint64_t now_ns)
{
    if (count == 0 || count != p->count) {
        p->count = count;
        p->since_ns = now_ns;
        return false;
    }
    return now_ns - p->since_ns >= PULSE_PATIENCE_S * 1000000000ull;
}

void pulse_excuse(struct pulse *p, uint64_t now_ns)
{
    p->since_ns = now_ns;
}
