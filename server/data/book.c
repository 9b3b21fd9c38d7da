/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/book.h"
#include "base/err.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

int book_init(struct book *b, uint32_t peers, const uint8_t key[16])
{
    uint32_t n = 16;
    while (n < 2 * peers)
        n *= 2;
    memset(b, 0, sizeof *b);
    b->entries = malloc(n * sizeof *b->entries);
    if (!b->entries)
        return DBR_ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++)
        b->entries[i] = (struct book_entry){.peer = BOOK_NOBODY};
    b->mask = n - 1;
    b->limit = n / 2;
    memcpy(b->key, key, sizeof b->key);
    pthread_mutex_init(&b->lock, NULL);
    return 0;
}

void book_fini(struct book *b)
{
    if (!b->entries)
        return;
    free(b->entries);
    b->entries = NULL;
    pthread_mutex_destroy(&b->lock);
}

static uint32_t home_of(const struct book *b, const struct dbr_addr *addr)
{
    uint8_t far[24] = {addr->family}; /* what dbr_addr_equal() compares */
    memcpy(far + 2, &addr->port, 2);
    memcpy(far + 4, &addr->scope, 4);
    memcpy(far + 8, addr->ip, 16);
    return (uint32_t)dbr_siphash(b->key, far, sizeof far) & b->mask;
}

/* The entry of addr, or the free one where it would stand. */
static uint32_t place_of(const struct book *b, const struct dbr_addr *addr)
{
    uint32_t i = home_of(b, addr);
    while (b->entries[i].peer != BOOK_NOBODY && !dbr_addr_equal(&b->entries[i].addr, addr))
        i = (i + 1) & b->mask;
    return i;
}

/* Frees entry i and moves those behind it up that would not be found any more. */
static void free_place(struct book *b, uint32_t i)
{
    b->used--;
    for (uint32_t j = (i + 1) & b->mask; b->entries[j].peer != BOOK_NOBODY; j = (j + 1) & b->mask) {
        uint32_t home = home_of(b, &b->entries[j].addr);
        if (((j - home) & b->mask) >= ((j - i) & b->mask)) {
            b->entries[i] = b->entries[j];
            i = j;
        }
    }
    b->entries[i].peer = BOOK_NOBODY;
}

static void put_locked(struct book *b, const struct dbr_addr *addr, uint32_t peer)
{
    uint32_t i = place_of(b, addr);
    if (b->entries[i].peer == BOOK_NOBODY && b->used == b->limit)
        return; /* cannot be: every peer has one address */
    b->used += b->entries[i].peer == BOOK_NOBODY;
    b->entries[i] = (struct book_entry){.addr = *addr, .peer = peer};
}

static void remove_locked(struct book *b, const struct dbr_addr *addr, uint32_t peer)
{
    uint32_t i = place_of(b, addr);
    if (b->entries[i].peer == peer)
        free_place(b, i);
}

uint32_t book_find(struct book *b, const struct dbr_addr *addr)
{
    pthread_mutex_lock(&b->lock);
    uint32_t peer = b->entries[place_of(b, addr)].peer;
    pthread_mutex_unlock(&b->lock);
    return peer;
}

void book_put(struct book *b, const struct dbr_addr *addr, uint32_t peer)
{
    if (!addr->family)
        return;
    pthread_mutex_lock(&b->lock);
    put_locked(b, addr, peer);
    pthread_mutex_unlock(&b->lock);
}

bool book_move(struct book *b, const struct dbr_addr *from, const struct dbr_addr *to, uint32_t peer)
{
    pthread_mutex_lock(&b->lock);
    uint32_t owner = b->entries[place_of(b, to)].peer;
    bool free_to_take = owner == BOOK_NOBODY || owner == peer;
    if (free_to_take) {
        remove_locked(b, from, peer);
        put_locked(b, to, peer);
    }
    pthread_mutex_unlock(&b->lock);
    return free_to_take;
}

void book_remove(struct book *b, const struct dbr_addr *addr, uint32_t peer)
{
    if (!addr->family)
        return;
    pthread_mutex_lock(&b->lock);
    remove_locked(b, addr, peer);
    pthread_mutex_unlock(&b->lock);
}
