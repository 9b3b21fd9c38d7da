/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/fragment.h"

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WHOLE, PIECE, LAST };
enum { TYPE = 3, SEQUENCE_AT = 2, PIECE_AT = 10, PIECE_MASK = 31, SIZE_AT = 15, SIZE_MASK = 0x3fff };

/* ---- sending ---- */

static uint32_t round_up(size_t n)
{
    return (uint32_t)((n + DBR_FRAGMENT_ROUND - 1) / DBR_FRAGMENT_ROUND * DBR_FRAGMENT_ROUND);
}

int dbr_fragment_plan(struct dbr_fragment_cut *cut, size_t len, size_t max)
{
    *cut = (struct dbr_fragment_cut){.n = 1, .size = (uint32_t)len};
    if (len <= max)
        return 0;
    if (max > DBR_FRAGMENT_SIZE_MAX)
        max = DBR_FRAGMENT_SIZE_MAX;
    max -= max % DBR_FRAGMENT_ROUND;
    if (!max || len > max * DBR_FRAGMENT_PIECES)
        return DBR_ERR_LIMIT;
    cut->n = (uint32_t)((len + max - 1) / max);
    cut->size = round_up((len + cut->n - 1) / cut->n);
    return 0;
}

void dbr_fragment_header(uint8_t out[DBR_FRAGMENT_HEADER], const struct dbr_fragment_cut *cut,
                         uint8_t sequence, uint32_t piece)
{
    uint32_t head = 0;
    if (cut->n > 1) {
        bool last = piece + 1 == cut->n;
        head = (uint32_t)(last ? LAST : PIECE) | (uint32_t)sequence << SEQUENCE_AT | piece << PIECE_AT;
        head |= last ? cut->size / DBR_FRAGMENT_ROUND << SIZE_AT : 0;
    }
    dbr_put32(out, head);
}

/* ---- receiving ---- */

/* A payload that is being put together, or (done) was. Its sequence number follows from its place. */
struct place {
    uint64_t born_ns;
    uint32_t have;              /* bit i: piece i is there; 0 = the place is free */
    uint32_t size, n, last_len; /* n 0: the last piece has not come */
    bool done;
};

struct dbr_fragments {
    size_t max;
    uint8_t newest; /* sequence number */
    struct place places[DBR_FRAGMENT_WINDOW];
    uint8_t bytes[]; /* max for each place */
};

struct piece {
    uint32_t index, size, len;
    bool last;
    const uint8_t *bytes;
};

struct dbr_fragments *dbr_fragments_new(size_t max)
{
    struct dbr_fragments *f = malloc(sizeof *f + DBR_FRAGMENT_WINDOW * max);
    if (f) {
        memset(f, 0, sizeof *f);
        f->max = max;
    }
    return f;
}

void dbr_fragments_free(struct dbr_fragments *f)
{
    free(f);
}

static struct place *place_of(struct dbr_fragments *f, uint8_t sequence, uint64_t now_ns)
{
    int ahead = (int8_t)(uint8_t)(sequence - f->newest);
    if (ahead >= DBR_FRAGMENT_WINDOW || ahead <= -DBR_FRAGMENT_WINDOW) {
        memset(f->places, 0, sizeof f->places);
        f->newest = sequence;
    }
    for (; f->newest != sequence && ahead > 0; ahead--)
        f->places[++f->newest % DBR_FRAGMENT_WINDOW].have = 0;
    struct place *at = &f->places[sequence % DBR_FRAGMENT_WINDOW];
    if (at->have && now_ns - at->born_ns > DBR_FRAGMENT_LIFE_NS)
        at->have = 0;
    return at;
}

/* True if the piece cannot be one of those that are there. */
static bool contradicts(const struct place *at, const struct piece *piece)
{
    if (piece->size != at->size)
        return true;
    if (!piece->last)
        return at->n && piece->index >= at->n - 1;
    return at->n ? piece->index != at->n - 1 || piece->len != at->last_len : at->have >> piece->index != 0;
}

static bool complete(const struct place *at)
{
    return at->n && at->have == UINT32_MAX >> (DBR_FRAGMENT_PIECES - at->n);
}

static int add_piece(struct place *at, uint8_t *room, const struct piece *piece, uint64_t now_ns)
{
    if (!at->have)
        *at = (struct place){.born_ns = now_ns, .size = piece->size};
    else if (contradicts(at, piece)) {
        at->have = 0;
        return DBR_ERR_SHAPE;
    }
    if (at->have >> piece->index & 1)
        return DBR_ERR_EXISTS;
    at->have |= 1u << piece->index;
    if (piece->last) {
        at->n = piece->index + 1;
        at->last_len = piece->len;
    }
    memcpy(room + piece->index * piece->size, piece->bytes, piece->len);
    return complete(at) ? 0 : DBR_ERR_AGAIN;
}

static int take_piece(struct dbr_fragments *f, uint32_t head, uint8_t **p, size_t *len, uint8_t *out,
                      uint64_t now_ns)
{
    struct piece piece = {.index = head >> PIECE_AT & PIECE_MASK,
                          .last = (head & TYPE) == LAST,
                          .len = (uint32_t)*len,
                          .bytes = *p};
    piece.size = piece.last ? (head >> SIZE_AT & SIZE_MASK) * DBR_FRAGMENT_ROUND : piece.len;
    if (piece.size % DBR_FRAGMENT_ROUND || piece.len > piece.size || piece.index * piece.size + *len > f->max)
        return DBR_ERR_SHAPE;
    struct place *at = place_of(f, (uint8_t)(head >> SEQUENCE_AT), now_ns);
    uint8_t *room = f->bytes + (size_t)(at - f->places) * f->max;
    if (at->have && at->done)
        return DBR_ERR_EXISTS;
    int err = add_piece(at, room, &piece, now_ns);
    if (err)
        return err;
    at->done = true;
    *len = (at->n - 1) * at->size + at->last_len;
    memcpy(out, room, *len);
    *p = out;
    return 0;
}

int dbr_fragments_take(struct dbr_fragments *f, uint8_t **p, size_t *len, uint8_t *out, uint64_t now_ns)
{
    if (*len <= DBR_FRAGMENT_HEADER)
        return DBR_ERR_SHAPE;
    uint32_t head = dbr_get32(*p);
    *p += DBR_FRAGMENT_HEADER;
    *len -= DBR_FRAGMENT_HEADER;
    switch (head & TYPE) {
    case WHOLE: return head ? DBR_ERR_SHAPE : 0;
    case PIECE:
    case LAST: return take_piece(f, head, p, len, out, now_ns);
    default: return DBR_ERR_SHAPE;
    }
}
