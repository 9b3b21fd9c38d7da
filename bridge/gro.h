/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Coalescing: the frames of one batch that are consecutive pieces of one TCP or UDP flow become one super
 * frame for the TAP, without copying payload. Owned by one worker thread; no clock, no I/O.
 *
 *   in   A1 B1 A2 ack A3 B2            out   [vnet|headers of A1] A1 A2   [vnet|headers of B1] B1 B2   ack A3
 *
 * Order within a flow is kept: a frame that cannot be merged closes its flow's super frame, one that belongs
 * to no flow we can name (fragments, ICMP, ARP) closes all. Merged is only what is plainly mergeable: same
 * addresses, tag, IP header, options, ACK number, window and flags; next sequence number; checksums verified
 * (the kernel trusts a super frame's). Everything else passes untouched.
 */
#ifndef DBR_BRIDGE_GRO_H
#define DBR_BRIDGE_GRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct dbr_gro;

enum {
    DBR_GRO_TCP4 = 1 << 0, /* what may be merged, by what the kernel accepted for the TAP */
    DBR_GRO_TCP6 = 1 << 1,
    DBR_GRO_UDP4 = 1 << 2,
    DBR_GRO_UDP6 = 1 << 3,

    DBR_GRO_PIECES = 64, /* frames in one super frame */
};

/* Room for `frames` frames per batch (1..65,536), allocated once. NULL: out of memory or out of range. */
struct dbr_gro *dbr_gro_new(uint32_t frames, uint32_t kinds);
void dbr_gro_free(struct dbr_gro *g); /* NULL is fine */

/* Adds a frame (n bytes, 14..DBR_ETH_MAX) at the end of the batch. Keeps the pointer until dbr_gro_clear().
 * 0; DBR_ERR_LIMIT: the batch is full, write it out first; DBR_ERR_SHAPE: shorter than an Ethernet header. */
int dbr_gro_add(struct dbr_gro *g, const uint8_t *frame, size_t n);

/* The same for a frame that dbr_vnet_unsummed() took: nobody verifies its checksum, the kernel fills it in.
 * DBR_ERR_SHAPE also for what is no TCP or UDP. */
int dbr_gro_add_unsummed(struct dbr_gro *g, const uint8_t *frame, size_t n);

/* The same for a frame that is the plain next piece of the flow that the last dbr_gro_add() or
 * dbr_gro_extend() was about, at a fraction of the price: its headers are compared, not parsed. False: it is
 * not, and nothing has happened. True: dbr_gro_add() would have merged it, so whoever let the last one pass
 * need not look at this one again. unsummed: its checksum is left out, the field may hold anything. */
bool dbr_gro_extend(struct dbr_gro *g, const uint8_t *frame, size_t n, bool unsummed);

/* What came out: write items 0..count-1 in this order, each with one writev() to the TAP. */
size_t dbr_gro_count(const struct dbr_gro *g);
struct dbr_gro_item {
    const struct iovec *iov; /* the virtio_net_hdr (with the headers of a super frame), then the rest */
    unsigned niov;
    size_t len;      /* sum of the pieces, virtio_net_hdr included */
    unsigned frames; /* how many frames it carries */
};
/* Item i; its iovec array is valid until the next call. */
struct dbr_gro_item dbr_gro_item(struct dbr_gro *g, size_t i);

/* Empties the batch. */
void dbr_gro_clear(struct dbr_gro *g);

#endif
