/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What one worker hands to another: a bounded ring of records with one producer thread and one consumer
 * thread, without a lock. There is one per ordered pair of workers, so that the order of a flow is kept.
 *
 *   bytes    | mail bytes.. | mail bytes..... |          free           | mail bytes |
 *            ^ released     ^ read            ^ posted  ^ written                      (positions only grow)
 *
 * The consumer works on the records in place and gives them back in one go. A full ring drops: frames are
 * never held.
 */
#ifndef DBR_DATA_MAILBOX_H
#define DBR_DATA_MAILBOX_H

#include "base/addr.h"
#include "bridge/vnet.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mail_kind {
    MAIL_GAP,      /* nothing: the rest of the memory up to its end */
    MAIL_DATAGRAM, /* a datagram of the reader's peer, from addr */
    MAIL_FRAME,    /* a frame for the reader's peer */
    MAIL_FLOOD,    /* a frame for all of the reader's peers but origin */
};

struct mail {
    uint32_t size; /* of the record, this head included; a multiple of 16 */
    uint32_t kind; /* enum mail_kind */
    uint32_t len;  /* of bytes */
    uint32_t peer;
    uint32_t origin;  /* port where the frame came in */
    uint32_t classes; /* of the frame, bridge/guard.h */
    struct dbr_vnet vnet;
    uint16_t vlan; /* of the frame; 0 = VLANs are not looked at */
    struct dbr_addr addr;
    _Alignas(16) uint8_t bytes[];
};

struct mailbox {
    uint8_t *bytes;
    uint64_t mask; /* their number - 1 */
    /* producer */
    _Alignas(64) _Atomic uint64_t posted;
    uint64_t written;
    uint64_t released_seen;
    /* consumer */
    _Alignas(64) _Atomic uint64_t released;
    uint64_t read;
    uint64_t posted_seen;
};

/* Allocates the ring of `bytes` bytes, a power of two of at least 128 KiB; pages are touched as they are
 * first used. 0 or DBR_ERR_NOMEM. */
int mailbox_init(struct mailbox *m, size_t bytes);
void mailbox_fini(struct mailbox *m);

/* Producer: room for a record with len bytes (len is filled in, the rest is the caller's), or NULL when the
 * ring is full or the record would take more than half of it. The consumer sees it after mailbox_post(). */
struct mail *mailbox_write(struct mailbox *m, uint32_t len);
/* Producer: shows the consumer everything written. */
void mailbox_post(struct mailbox *m);

/* Consumer: the next record, or NULL. It stays valid, and may be changed, until mailbox_release(). */
struct mail *mailbox_read(struct mailbox *m);
/* Consumer: gives back everything read. */
void mailbox_release(struct mailbox *m);
/* Consumer: true if mailbox_read() would give NULL. Sequentially consistent with mailbox_post(). */
bool mailbox_empty(struct mailbox *m);

#endif
