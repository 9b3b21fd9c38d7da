/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `fragment`: the data channel's own fragmentation, for peers that have the directive too. Every payload gets
 * a header of four bytes in big endian, inside the encryption and outside the compression framing:
 *
 *    31     29 28           15 14      10 9          2 1  0
 *   | 0         | size / 4      | piece    | sequence   | type |     type 0 whole, 1 piece, 2 last piece, 3
 * test
 *
 * All pieces of a payload but the last have the same length, a multiple of four; only the last one says it
 * (size), since it may come first. Piece n begins at n * size. A payload of 1,000 bytes where 600 fit:
 *
 *   | type 1, seq 7, piece 0 | 500 bytes |     | type 2, seq 7, piece 1, size 500 | 500 bytes |
 *
 * Putting together. The last DBR_FRAGMENT_WINDOW sequence numbers have a place each; what is unfinished after
 * DBR_FRAGMENT_LIFE_NS is given up, and so is all of it when a number comes that is in no window. A piece
 * whose length is no multiple of four, or that ends behind the place, is dropped; one that contradicts those
 * that are there (another length, behind the last, another last) takes them with it: no payload is made of
 * pieces that do not fit. Memory is taken once per peer, none per frame. Source: OpenVPN 2.6.14 fragment.h
 * and fragment.c (layout, and that the header of a whole payload is zero). Pure; a struct dbr_fragments is
 * its owner's thread's.
 */
#ifndef DBR_PROTO_FRAGMENT_H
#define DBR_PROTO_FRAGMENT_H

#include <stddef.h>
#include <stdint.h>

enum {
    DBR_FRAGMENT_HEADER = 4,
    DBR_FRAGMENT_PIECES = 32, /* of a payload, at most */
    DBR_FRAGMENT_ROUND = 4,   /* lengths are multiples of it */
    DBR_FRAGMENT_WINDOW = 16,
    DBR_FRAGMENT_SIZE_MAX = 0x3fff * DBR_FRAGMENT_ROUND,
};

#define DBR_FRAGMENT_LIFE_NS 2000000000ULL

/* ---- sending ---- */

/* How a payload is cut: n pieces of size bytes, the last one shorter or as long. */
struct dbr_fragment_cut {
    uint32_t n, size;
};

/* Cuts len bytes (at least 1) into pieces of at most max bytes, all about equally long; n is 1 when nothing
 * is to be cut. 0, or DBR_ERR_LIMIT: it would be more than DBR_FRAGMENT_PIECES, or max is less than
 * DBR_FRAGMENT_ROUND. */
int dbr_fragment_plan(struct dbr_fragment_cut *cut, size_t len, size_t max);

/* Writes the header of piece `piece` of the payload `sequence`; of a payload that is not cut all zeros. */
void dbr_fragment_header(uint8_t out[DBR_FRAGMENT_HEADER], const struct dbr_fragment_cut *cut,
                         uint8_t sequence, uint32_t piece);

/* ---- receiving ---- */

struct dbr_fragments;

/* Room for payloads of up to max bytes (1 to 65,535) of one peer. NULL: no memory. */
struct dbr_fragments *dbr_fragments_new(size_t max);
void dbr_fragments_free(struct dbr_fragments *f); /* NULL is good */

/* Takes the header off a payload of len bytes at *p that is authentic.
 *   0              *p and *len are a whole payload: it lies where it lay, or in out (max bytes of
 *                  dbr_fragments_new(), not touched otherwise)
 *   DBR_ERR_AGAIN  it was a piece, and more are to come
 *   DBR_ERR_SHAPE  no header, nothing behind it, a type that is not in use, or pieces that contradict each
 * other DBR_ERR_EXISTS this piece, or its whole payload, was there already */
int dbr_fragments_take(struct dbr_fragments *f, uint8_t **p, size_t *len, uint8_t *out, uint64_t now_ns);

#endif
