/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/hurry.h"

#define SPAN_NS (DBR_HURRY_S * 1000000000ull)

bool dbr_hurry_may(struct dbr_hurry *h, uint64_t now_ns)
{
    if (!h->n || now_ns - h->since_ns >= SPAN_NS)
        *h = (struct dbr_hurry){.since_ns = now_ns};
    if (h->n >= DBR_HURRIES)
        return false;
    h->n++;
    return true;
}
