/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Both tables are eight-way sets chosen by a keyed hash: a stranger can neither aim at a set nor make one
 * lookup cost more than eight comparisons. A full set gives up one of its entries, never the newcomer.
 */
#include "proto/admit.h"

#include "base/secret.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, ENTRIES = 65536, SETS = ENTRIES / WAYS };

/* --- resets seen before --- */

struct dbr_seen {
    uint8_t key[16];
    uint64_t rotate_s;
    uint64_t started_s; /* when the current generation began */
    unsigned current;   /* 0 or 1 */
    uint64_t slots[2][ENTRIES];
};

struct dbr_seen *dbr_seen_new(const uint8_t key[16], uint32_t rotate_seconds)
{
    struct dbr_seen *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    memcpy(s->key, key, sizeof s->key);
    s->rotate_s = rotate_seconds ? rotate_seconds : 1;
    return s;
}

void dbr_seen_free(struct dbr_seen *s)
{
    if (s)
        dbr_wipe(s->key, sizeof s->key);
    free(s);
}

static void seen_rotate(struct dbr_seen *s, uint64_t now_s)
{
    uint64_t age = now_s > s->started_s ? now_s - s->started_s : 0;
    if (age < s->rotate_s)
        return;
    if (age >= 2 * s->rotate_s)
        memset(s->slots[s->current], 0, sizeof s->slots[0]);
    s->current ^= 1;
    memset(s->slots[s->current], 0, sizeof s->slots[0]);
    s->started_s = now_s;
}

static bool set_has(const uint64_t *set, uint64_t value)
{
    for (int i = 0; i < WAYS; i++)
        if (set[i] == value)
            return true;
    return false;
}

static void set_add(uint64_t *set, uint64_t value, unsigned victim)
{
    for (unsigned i = 0; i < WAYS; i++)
        if (!set[i]) {
            set[i] = value;
            return;
        }
    set[victim] = value;
}

bool dbr_seen_before(struct dbr_seen *s, uint64_t mac_prefix, uint64_t now_s)
{
    uint64_t value = mac_prefix ? mac_prefix : 1; /* 0 is an empty slot */
    uint64_t hash = dbr_siphash(s->key, &value, sizeof value);
    size_t at = hash % SETS * WAYS;
    seen_rotate(s, now_s);
    uint64_t *now_set = &s->slots[s->current][at];
    if (set_has(now_set, value))
        return true;
    bool before = set_has(&s->slots[s->current ^ 1][at], value);
    set_add(now_set, value, hash >> 32 & (WAYS - 1));
    return before;
}

/* --- token buckets --- */

/* A bucket is one number: the time at which it is full again. Taking a token moves it one interval on. */
struct bucket {
    uint64_t prefix; /* keyed hash of the prefix; 0 = never used */
    uint64_t full_at_ns;
};

struct dbr_buckets {
    uint8_t key[16];
    uint64_t interval_ns; /* one token comes back in this time; 0 = no limit */
    uint64_t period_ns;   /* all tokens */
    uint64_t dice;
    struct bucket entries[ENTRIES];
};

struct dbr_buckets *dbr_buckets_new(const uint8_t key[16], uint32_t rate, uint32_t period_s)
{
    struct dbr_buckets *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    memcpy(b->key, key, sizeof b->key);
    if (rate && period_s) {
        b->interval_ns = period_s * 1000000000ull / rate;
        b->interval_ns += b->interval_ns == 0;
        b->period_ns = b->interval_ns * rate;
    }
    b->dice = dbr_siphash(key, "dice", 4) | 1;
    return b;
}

void dbr_buckets_free(struct dbr_buckets *b)
{
    if (b)
        dbr_wipe(b->key, sizeof b->key);
    free(b);
}

static uint64_t prefix_of(const struct dbr_buckets *b, const struct dbr_addr *addr)
{
    uint8_t text[9] = {addr->family};
    memcpy(text + 1, addr->ip, addr->family == 4 ? 4 : 8);
    uint64_t prefix = dbr_siphash(b->key, text, sizeof text);
    return prefix ? prefix : 1;
}

static struct bucket *find_bucket(struct dbr_buckets *b, uint64_t prefix)
{
    struct bucket *set = &b->entries[prefix % SETS * WAYS];
    for (int i = 0; i < WAYS; i++)
        if (set[i].prefix == prefix)
            return &set[i];
    return NULL;
}

/* A bucket for a new prefix: one that is full again, else one of the set by lot. */
static struct bucket *claim_bucket(struct dbr_buckets *b, uint64_t prefix, uint64_t now_ns)
{
    struct bucket *set = &b->entries[prefix % SETS * WAYS], *take = NULL;
    for (int i = 0; i < WAYS && !take; i++)
        if (set[i].full_at_ns <= now_ns)
            take = &set[i];
    if (!take) {
        b->dice ^= b->dice << 13;
        b->dice ^= b->dice >> 7;
        b->dice ^= b->dice << 17;
        take = &set[b->dice % WAYS];
    }
    *take = (struct bucket){.prefix = prefix, .full_at_ns = now_ns};
    return take;
}

bool dbr_buckets_take(struct dbr_buckets *b, const struct dbr_addr *addr, uint64_t now_ns)
{
    uint64_t prefix = prefix_of(b, addr);
    if (!b->interval_ns)
        return true;
    struct bucket *e = find_bucket(b, prefix);
    if (!e)
        e = claim_bucket(b, prefix, now_ns);
    if (e->full_at_ns < now_ns)
        e->full_at_ns = now_ns;
    if (e->full_at_ns - now_ns + b->interval_ns > b->period_ns)
        return false;
    e->full_at_ns += b->interval_ns;
    return true;
}

void dbr_buckets_give(struct dbr_buckets *b, const struct dbr_addr *addr)
{
    struct bucket *e = find_bucket(b, prefix_of(b, addr));
    if (e)
        e->full_at_ns -= e->full_at_ns > b->interval_ns ? b->interval_ns : e->full_at_ns;
}
