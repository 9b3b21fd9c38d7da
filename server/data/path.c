/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/path.h"
#include "crypto/cbc.h"
#include "data/peers.h"

enum { ETHERNET_AND_TAG = 18, IP4_AND_TCP = 40, LEAST_L3 = 1180, UDP = 8, IP4 = 20, IP6 = 40 };
enum { LEAST = LEAST_L3 + ETHERNET_AND_TAG };

_Static_assert(LEAST_L3 >= (int)DBR_IPC_MAX_L3_MIN, "a limit that frag takes");

size_t path_overhead(const struct peer *p)
{
    const struct dbr_slot *slot = &p->primary->slot;
    return dbr_slot_headroom(slot) + (p->framing == DBR_FRAMING_NONE ? 0 : DBR_FRAMING_HEADROOM) +
           (slot->cbc ? DBR_CBC_BLOCK : 0) + (p->piece ? DBR_FRAGMENT_HEADER : 0);
}

/* The longest payload, or piece of one, as control has it; 0 = any. */
static unsigned told_limit(const struct peer *p)
{
    unsigned l3 = p->told.max_l3 ? p->told.max_l3 : p->told.mss_v4 ? p->told.mss_v4 + IP4_AND_TCP : 0;
    return p->told.fragment ? p->told.fragment : l3 ? l3 + ETHERNET_AND_TAG : 0;
}

/* The limit less so many bytes, but not less than `least` on account of them. */
static uint16_t less(uint16_t limit, int by, int least)
{
    int left = (int)limit - by;
    if (by > 0 && left < least)
        left = limit < least ? limit : least;
    return limit ? (uint16_t)left : 0;
}

void path_apply(struct peer *p)
{
    int by = p->path_shrink;
    if (p->told_family && p->addr.family)
        by += ((int)p->addr.family - (int)p->told_family) / 2 * (IP6 - IP4);
    p->mss.v4 = less(p->told.mss_v4, by, LEAST_L3 - IP4_AND_TCP);
    p->mss.v6 = less(p->told.mss_v6, by, LEAST_L3 - IP4_AND_TCP - (IP6 - IP4));
    p->max_l3 = less(p->told.max_l3, by, LEAST_L3);
    p->piece = less(p->told.fragment, by, LEAST_L3);
}

void path_refused(struct peer *p, size_t len, uint64_t now_ns)
{
    if (!p->primary)
        return;
    size_t headers = UDP + (p->addr.family == 6 ? IP6 : IP4);
    size_t mtu = (len + headers - 1) / PATH_STEP * PATH_STEP; /* the next lower that is tried */
    size_t limit = told_limit(p), longest = limit + path_overhead(p) + headers;
    if (!limit || mtu >= longest || longest - mtu <= p->path_shrink)
        return;
    size_t most = limit > LEAST ? limit - LEAST : 0;
    p->path_shrink = (uint16_t)(longest - mtu < most ? longest - mtu : most);
    p->path_until_ns = now_ns + PATH_LIFE_NS;
    path_apply(p);
}

void path_age(struct peer *p, uint64_t now_ns)
{
    if (!p->path_shrink || now_ns < p->path_until_ns)
        return;
    p->path_shrink = 0;
    path_apply(p);
}
