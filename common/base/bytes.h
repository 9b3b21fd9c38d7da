/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Big-endian access, and two cursors that cannot leave their buffer. A cursor that was asked for more than it
 * has turns bad and stays bad: parse everything, then check once with dbr_reader_ok() / dbr_writer_ok().
 */
#ifndef DBR_BASE_BYTES_H
#define DBR_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t dbr_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t dbr_get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint32_t dbr_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t dbr_get48(const uint8_t *p)
{
    return (uint64_t)dbr_get16(p) << 32 | dbr_get32(p + 2);
}
static inline uint64_t dbr_get64(const uint8_t *p)
{
    return (uint64_t)dbr_get32(p) << 32 | dbr_get32(p + 4);
}
static inline void dbr_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void dbr_put24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}
static inline void dbr_put32(uint8_t *p, uint32_t v)
{
    dbr_put16(p, (uint16_t)(v >> 16));
    dbr_put16(p + 2, (uint16_t)v);
}
static inline void dbr_put64(uint8_t *p, uint64_t v)
{
    dbr_put32(p, (uint32_t)(v >> 32));
    dbr_put32(p + 4, (uint32_t)v);
}

/* Reads forward over n bytes it does not own. */
struct dbr_reader {
    const uint8_t *p, *end;
    bool bad;
};

static inline void dbr_reader_init(struct dbr_reader *r, const void *data, size_t len)
{
    r->p = data;
    r->end = r->p + len;
    r->bad = false;
}
static inline size_t dbr_reader_left(const struct dbr_reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->p);
}
static inline bool dbr_reader_ok(const struct dbr_reader *r)
{
    return !r->bad;
}
/* The next n bytes, or NULL (and bad) when fewer are left. */
static inline const uint8_t *dbr_read_bytes(struct dbr_reader *r, size_t n)
{
    if (r->bad || n > (size_t)(r->end - r->p)) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    r->p += n;
    return at;
}
static inline uint8_t dbr_read8(struct dbr_reader *r)
{
    const uint8_t *p = dbr_read_bytes(r, 1);
    return p ? p[0] : 0;
}
static inline uint16_t dbr_read16(struct dbr_reader *r)
{
    const uint8_t *p = dbr_read_bytes(r, 2);
    return p ? dbr_get16(p) : 0;
}
static inline uint32_t dbr_read32(struct dbr_reader *r)
{
    const uint8_t *p = dbr_read_bytes(r, 4);
    return p ? dbr_get32(p) : 0;
}
static inline uint64_t dbr_read64(struct dbr_reader *r)
{
    const uint8_t *p = dbr_read_bytes(r, 8);
    return p ? dbr_get64(p) : 0;
}

/* Writes forward into cap bytes it does not own. */
struct dbr_writer {
    uint8_t *start, *p, *end;
    bool bad;
};

static inline void dbr_writer_init(struct dbr_writer *w, void *data, size_t cap)
{
    w->start = w->p = data;
    w->end = w->p + cap;
    w->bad = false;
}
static inline bool dbr_writer_ok(const struct dbr_writer *w)
{
    return !w->bad;
}
static inline size_t dbr_writer_len(const struct dbr_writer *w)
{
    return (size_t)(w->p - w->start);
}
/* Room for n bytes to be filled by the caller, or NULL (and bad). */
static inline uint8_t *dbr_write_room(struct dbr_writer *w, size_t n)
{
    if (w->bad || n > (size_t)(w->end - w->p)) {
        w->bad = true;
        return NULL;
    }
    uint8_t *at = w->p;
    w->p += n;
    return at;
}
static inline void dbr_write_bytes(struct dbr_writer *w, const void *data, size_t n)
{
    uint8_t *p = dbr_write_room(w, n);
    if (p && n)
        memcpy(p, data, n);
}
static inline void dbr_write8(struct dbr_writer *w, uint8_t v)
{
    uint8_t *p = dbr_write_room(w, 1);
    if (p)
        *p = v;
}
static inline void dbr_write16(struct dbr_writer *w, uint16_t v)
{
    uint8_t *p = dbr_write_room(w, 2);
    if (p)
        dbr_put16(p, v);
}
static inline void dbr_write32(struct dbr_writer *w, uint32_t v)
{
    uint8_t *p = dbr_write_room(w, 4);
    if (p)
        dbr_put32(p, v);
}
static inline void dbr_write64(struct dbr_writer *w, uint64_t v)
{
    uint8_t *p = dbr_write_room(w, 8);
    if (p)
        dbr_put64(p, v);
}

#endif
