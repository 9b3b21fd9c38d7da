/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address book: which live peer sends from which UDP address. It answers two questions: whose is a
 * P_DATA_V1 datagram (these carry no peer id), and is an address taken when a peer floats onto it. One per
 * data process, shared by all workers under a mutex: asked at most once per received batch, never per frame.
 */
#ifndef DBR_DATA_BOOK_H
#define DBR_DATA_BOOK_H

#include "base/addr.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define BOOK_NOBODY UINT32_MAX

struct book_entry {
    struct dbr_addr addr;
    uint32_t peer; /* BOOK_NOBODY = free */
};

struct book {
    pthread_mutex_t lock;
    struct book_entry *entries; /* open addressing, linear probing; a power of two, at most half full */
    uint32_t mask;
    uint32_t used, limit;
    uint8_t key[16];
};

/* Room for `peers` addresses. key: 16 random bytes, so that a stranger cannot pile addresses up. 0 or
 * DBR_ERR_NOMEM. */
int book_init(struct book *b, uint32_t peers, const uint8_t key[16]);
void book_fini(struct book *b);

/* The peer at addr, or BOOK_NOBODY. */
uint32_t book_find(struct book *b, const struct dbr_addr *addr);
/* From now on addr is peer's, whoever had it. An address without family is ignored. */
void book_put(struct book *b, const struct dbr_addr *addr, uint32_t peer);
/* Moves peer from one address to another in one step. False, and nothing changed, if the new one belongs to
 * another live peer. */
bool book_move(struct book *b, const struct dbr_addr *from, const struct dbr_addr *to, uint32_t peer);
/* Takes addr out if it is still peer's. */
void book_remove(struct book *b, const struct dbr_addr *addr, uint32_t peer);

#endif
