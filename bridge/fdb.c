/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How readers stay right without a lock. A slot is (key, port, seen). A writer empties a slot by storing key
 * 0, and fills it in the order port, seen, key. A reader that finds its key loads the port and then the key
 * once more: if the slot was given to another address in between, the key differs and the reader goes on.
 * When both buckets of a new key are full, an entry is carried to its other bucket: first the copy, then
 * `moves` is raised, then the original goes; a reader that found nothing looks again if `moves` has changed,
 * so that no entry is ever missed.
 */
#include "bridge/fdb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "bridge/eth.h"

enum { WAYS = 4, LINE = 64, MACS_MIN = 16, MACS_MAX = 1 << 20, PORTS_MAX = 1 << 24, VID_MAX = 4095 };

struct slot {
    _Atomic uint64_t key; /* vid << 48 | mac48; 0 = free */
    _Atomic uint32_t port;
    _Atomic uint32_t seen;
};

struct bucket {
    struct slot way[WAYS];
};
_Static_assert(sizeof(struct bucket) == LINE, "a bucket is one cache line");

struct port_use {
    _Atomic uint32_t count, limit;
};

struct dbr_fdb {
    struct bucket *bucket; /* aligned to LINE, inside memory */
    uint32_t mask;         /* buckets - 1 */
    uint32_t macs, ports;
    uint64_t key[2];
    _Atomic uint32_t moves;
    _Atomic uint32_t count;
    struct port_use *use; /* ports, and one for the LAN */
    pthread_mutex_t writers;
    uint32_t sweep_at; /* under writers */
    void *memory;
};

/* The two halves of a product are as good a mixer as the multiplier is unknown; two rounds under a secret
 * key. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t hash_key(const struct dbr_fdb *f, uint64_t key)
{
    return mix(mix(key ^ f->key[0], f->key[1]) ^ f->key[0], 0x9e3779b97f4a7c15U);
}

static struct bucket *first_bucket(const struct dbr_fdb *f, uint64_t hash)
{
    return &f->bucket[(uint32_t)hash & f->mask];
}

static struct bucket *second_bucket(const struct dbr_fdb *f, uint64_t hash)
{
    return &f->bucket[(uint32_t)(hash >> 32) & f->mask];
}

static uint64_t make_key(uint64_t mac, uint16_t vid)
{
    return (uint64_t)vid << 48 | mac;
}

static struct port_use *use_of(const struct dbr_fdb *f, uint32_t port)
{
    if (port == DBR_PORT_LAN)
        return &f->use[f->ports];
    return port < f->ports ? &f->use[port] : NULL;
}

static uint32_t buckets_for(uint32_t macs)
{
    uint32_t n = 1;
    while (n * WAYS < macs * 2)
        n *= 2;
    return n;
}

static bool allocate(struct dbr_fdb *f, uint32_t buckets)
{
    f->memory = calloc(1, (size_t)buckets * sizeof(struct bucket) + LINE);
    f->use = calloc((size_t)f->ports + 1, sizeof *f->use);
    if (!f->memory || !f->use)
        return false;
    f->bucket = (struct bucket *)(((uintptr_t)f->memory + LINE - 1) & ~(uintptr_t)(LINE - 1));
    f->mask = buckets - 1;
    return true;
}

struct dbr_fdb *dbr_fdb_new(const struct dbr_fdb_config *config)
{
    if (config->macs < MACS_MIN || config->macs > MACS_MAX || config->ports < 1 || config->ports > PORTS_MAX)
        return NULL;
    struct dbr_fdb *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->macs = config->macs;
    f->ports = config->ports;
    f->key[0] = dbr_get64(config->key);
    f->key[1] = dbr_get64(config->key + 8) | 1;
    pthread_mutex_init(&f->writers, NULL);
    if (!allocate(f, buckets_for(f->macs))) {
        dbr_fdb_free(f);
        return NULL;
    }
    dbr_fdb_port_limit(f, DBR_PORT_LAN, config->lan_macs ? config->lan_macs : config->macs / 4 * 3);
    return f;
}

void dbr_fdb_free(struct dbr_fdb *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->writers);
    free(f->memory);
    free(f->use);
    free(f);
}

static unsigned way_is(const struct bucket *b, int way, uint64_t key)
{
    return (unsigned)(atomic_load_explicit(&b->way[way].key, memory_order_acquire) == key) << way;
}

/* All four ways at once: which one holds the key is not to be guessed by the branch predictor. */
static struct slot *find_in(struct bucket *b, uint64_t key, uint32_t *port)
{
    unsigned hit = way_is(b, 0, key) | way_is(b, 1, key) | way_is(b, 2, key) | way_is(b, 3, key);
    if (!hit)
        return NULL;
    struct slot *s = &b->way[__builtin_ctz(hit)];
    *port = atomic_load_explicit(&s->port, memory_order_acquire);
    return atomic_load_explicit(&s->key, memory_order_acquire) == key ? s : NULL;
}

static struct slot *find(const struct dbr_fdb *f, uint64_t key, uint32_t *port)
{
    uint64_t hash = hash_key(f, key);
    for (;;) {
        uint32_t moves = atomic_load_explicit(&f->moves, memory_order_acquire);
        struct slot *s = find_in(first_bucket(f, hash), key, port);
        if (!s)
            s = find_in(second_bucket(f, hash), key, port);
        if (s || atomic_load_explicit(&f->moves, memory_order_relaxed) == moves)
            return s;
    }
}

uint32_t dbr_fdb_lookup(const struct dbr_fdb *f, uint64_t mac, uint16_t vid, uint32_t *seen_s)
{
    uint32_t port;
    const struct slot *s = mac ? find(f, make_key(mac, vid), &port) : NULL;
    if (!s)
        return DBR_PORT_NONE;
    if (seen_s)
        *seen_s = atomic_load_explicit(&s->seen, memory_order_relaxed);
    return port;
}

uint32_t dbr_fdb_refresh(struct dbr_fdb *f, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s)
{
    uint32_t owner;
    struct slot *s = mac ? find(f, make_key(mac, vid), &owner) : NULL;
    if (!s)
        return DBR_PORT_NONE;
    if (owner == port && atomic_load_explicit(&s->seen, memory_order_relaxed) != now_s)
        atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
    return owner;
}

/* --- writers: everything below runs under f->writers unless it says otherwise --- */

static void fill(struct slot *s, uint64_t key, uint32_t port, uint32_t seen)
{
    atomic_store_explicit(&s->port, port, memory_order_release);
    atomic_store_explicit(&s->seen, seen, memory_order_release);
    atomic_store_explicit(&s->key, key, memory_order_release);
}

static void count_port(struct dbr_fdb *f, uint32_t port, int by)
{
    struct port_use *u = use_of(f, port);
    atomic_fetch_add_explicit(&u->count, (uint32_t)by, memory_order_relaxed);
}

static struct dbr_fdb_entry entry_of(const struct slot *s)
{
    uint64_t key = atomic_load_explicit(&s->key, memory_order_acquire);
    return (struct dbr_fdb_entry){.mac = key & 0xffffffffffffU,
                                  .vid = (uint16_t)(key >> 48),
                                  .port = atomic_load_explicit(&s->port, memory_order_relaxed),
                                  .seen_s = atomic_load_explicit(&s->seen, memory_order_relaxed)};
}

static void remove_slot(struct dbr_fdb *f, struct slot *s, dbr_fdb_visit *visit, void *arg)
{
    struct dbr_fdb_entry e = entry_of(s);
    atomic_store_explicit(&s->key, 0, memory_order_release);
    count_port(f, e.port, -1);
    atomic_fetch_sub_explicit(&f->count, 1, memory_order_relaxed);
    if (visit)
        visit(arg, &e);
}

static struct slot *free_way(struct bucket *b)
{
    for (int i = 0; i < WAYS; i++)
        if (!atomic_load_explicit(&b->way[i].key, memory_order_relaxed))
            return &b->way[i];
    return NULL;
}

/* Carries one entry of a full bucket to its other bucket; returns the slot it left, NULL if none could go. */
static struct slot *make_way(struct dbr_fdb *f, struct bucket *b)
{
    for (int i = 0; i < WAYS; i++) {
        struct slot *from = &b->way[i];
        uint64_t key = atomic_load_explicit(&from->key, memory_order_relaxed);
        uint64_t hash = hash_key(f, key);
        struct bucket *other = first_bucket(f, hash) == b ? second_bucket(f, hash) : first_bucket(f, hash);
        struct slot *to = free_way(other);
        if (!to)
            continue;
        fill(to, key, atomic_load_explicit(&from->port, memory_order_relaxed),
             atomic_load_explicit(&from->seen, memory_order_relaxed));
        atomic_fetch_add_explicit(&f->moves, 1, memory_order_release);
        atomic_store_explicit(&from->key, 0, memory_order_release);
        return from;
    }
    return NULL;
}

/* The first bucket whenever it has room: nearly every look-up then ends there. */
static struct slot *slot_for(struct dbr_fdb *f, uint64_t key)
{
    uint64_t hash = hash_key(f, key);
    struct bucket *a = first_bucket(f, hash), *b = second_bucket(f, hash);
    struct slot *s = free_way(a);
    if (!s)
        s = free_way(b);
    if (!s)
        s = make_way(f, a);
    return s ? s : make_way(f, b);
}

static bool port_is_full(const struct port_use *u)
{
    return atomic_load_explicit(&u->count, memory_order_relaxed) >=
           atomic_load_explicit(&u->limit, memory_order_relaxed);
}

static int insert(struct dbr_fdb *f, uint64_t key, uint32_t port, uint32_t now_s)
{
    if (atomic_load_explicit(&f->count, memory_order_relaxed) >= f->macs)
        return DBR_ERR_LIMIT;
    struct slot *s = slot_for(f, key);
    if (!s)
        return DBR_ERR_LIMIT;
    fill(s, key, port, now_s);
    count_port(f, port, 1);
    atomic_fetch_add_explicit(&f->count, 1, memory_order_relaxed);
    return 0;
}

static void move_to(struct dbr_fdb *f, struct slot *s, uint32_t from, uint32_t port, uint32_t now_s)
{
    count_port(f, from, -1);
    count_port(f, port, 1);
    atomic_store_explicit(&s->port, port, memory_order_release);
    atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
}

enum expect { ANY_OWNER, THIS_OWNER };

static int learn_locked(struct dbr_fdb *f, uint64_t key, uint32_t port, uint32_t now_s, enum expect expect,
                        uint32_t *owner)
{
    uint32_t have = DBR_PORT_NONE;
    struct slot *s = find(f, key, &have);
    if (!s)
        have = DBR_PORT_NONE;
    if (expect == THIS_OWNER && have != *owner)
        return DBR_ERR_AGAIN;
    *owner = have;
    if (have == port) {
        atomic_store_explicit(&s->seen, now_s, memory_order_relaxed);
        return 0;
    }
    if (port_is_full(use_of(f, port)))
        return DBR_ERR_LIMIT;
    if (!s)
        return insert(f, key, port, now_s);
    move_to(f, s, have, port, now_s);
    return 1;
}

static int learn(struct dbr_fdb *f, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s,
                 enum expect expect, uint32_t *owner)
{
    const struct port_use *u = use_of(f, port);
    if (!u || !mac || mac > DBR_MAC_BROADCAST || dbr_mac_is_group(mac) || vid > VID_MAX)
        return DBR_ERR_SHAPE;
    /* A port at its limit must not make everybody queue at the lock for nothing. */
    if (expect == THIS_OWNER && *owner != port && port_is_full(u))
        return DBR_ERR_LIMIT;
    pthread_mutex_lock(&f->writers);
    int err = learn_locked(f, make_key(mac, vid), port, now_s, expect, owner);
    pthread_mutex_unlock(&f->writers);
    return err;
}

int dbr_fdb_learn(struct dbr_fdb *f, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s,
                  uint32_t *from)
{
    uint32_t owner = DBR_PORT_NONE;
    int err = learn(f, mac, vid, port, now_s, ANY_OWNER, &owner);
    if (err == 1 && from)
        *from = owner;
    return err;
}

int dbr_fdb_learn_if(struct dbr_fdb *f, uint64_t mac, uint16_t vid, uint32_t port, uint32_t now_s,
                     uint32_t expected)
{
    return learn(f, mac, vid, port, now_s, THIS_OWNER, &expected);
}

int dbr_fdb_delete(struct dbr_fdb *f, uint64_t mac, uint16_t vid)
{
    uint32_t port;
    pthread_mutex_lock(&f->writers);
    struct slot *s = mac ? find(f, make_key(mac, vid), &port) : NULL;
    if (s)
        remove_slot(f, s, NULL, NULL);
    pthread_mutex_unlock(&f->writers);
    return s ? 0 : DBR_ERR_NOTFOUND;
}

int dbr_fdb_port_limit(struct dbr_fdb *f, uint32_t port, uint32_t limit)
{
    struct port_use *u = use_of(f, port);
    if (!u)
        return DBR_ERR_SHAPE;
    atomic_store_explicit(&u->limit, limit, memory_order_relaxed);
    return 0;
}

uint32_t dbr_fdb_port_count(const struct dbr_fdb *f, uint32_t port)
{
    const struct port_use *u = use_of(f, port);
    return u ? atomic_load_explicit(&u->count, memory_order_relaxed) : 0;
}

uint32_t dbr_fdb_count(const struct dbr_fdb *f)
{
    return atomic_load_explicit(&f->count, memory_order_relaxed);
}

uint32_t dbr_fdb_slots(const struct dbr_fdb *f)
{
    return (f->mask + 1) * WAYS;
}

static struct slot *slot_at(const struct dbr_fdb *f, uint32_t i)
{
    return &f->bucket[i / WAYS].way[i % WAYS];
}

static bool slot_used(const struct slot *s)
{
    return atomic_load_explicit(&s->key, memory_order_relaxed) != 0;
}

uint32_t dbr_fdb_flush_port(struct dbr_fdb *f, uint32_t port, dbr_fdb_visit *visit, void *arg)
{
    uint32_t removed = 0;
    pthread_mutex_lock(&f->writers);
    for (uint32_t i = 0; dbr_fdb_port_count(f, port) && i < dbr_fdb_slots(f); i++) {
        struct slot *s = slot_at(f, i);
        if (!slot_used(s) || atomic_load_explicit(&s->port, memory_order_relaxed) != port)
            continue;
        remove_slot(f, s, visit, arg);
        removed++;
    }
    pthread_mutex_unlock(&f->writers);
    return removed;
}

uint32_t dbr_fdb_sweep(struct dbr_fdb *f, uint32_t now_s, uint32_t age_s, uint32_t slots,
                       dbr_fdb_visit *visit, void *arg)
{
    uint32_t removed = 0, all = dbr_fdb_slots(f);
    if (!slots || slots > all)
        slots = all;
    pthread_mutex_lock(&f->writers);
    for (; slots; slots--) {
        struct slot *s = slot_at(f, f->sweep_at);
        f->sweep_at = (f->sweep_at + 1) & (all - 1);
        if (!slot_used(s))
            continue;
        /* signed: a worker may have seen a later second than the sweeper */
        int32_t idle = (int32_t)(now_s - atomic_load_explicit(&s->seen, memory_order_relaxed));
        if (idle < 0 || (uint32_t)idle < age_s)
            continue;
        remove_slot(f, s, visit, arg);
        removed++;
    }
    pthread_mutex_unlock(&f->writers);
    return removed;
}

size_t dbr_fdb_list(const struct dbr_fdb *f, uint32_t *cursor, struct dbr_fdb_entry *out, size_t cap)
{
    size_t n = 0;
    for (; n < cap && *cursor < dbr_fdb_slots(f); ++*cursor) {
        struct dbr_fdb_entry e = entry_of(slot_at(f, *cursor));
        if (e.mac)
            out[n++] = e;
    }
    return n;
}
