/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/derout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certs/der.h"

void dbr_derout_free(struct dbr_derout *o)
{
    free(o->p);
    memset(o, 0, sizeof *o);
}

bool dbr_derout_ok(const struct dbr_derout *o)
{
    return !o->bad && o->depth == 0;
}

void dbr_derout_raw(struct dbr_derout *o, const void *bytes, size_t n)
{
    if (o->bad)
        return;
    if (n > o->cap - o->n) {
        size_t cap = (o->n + n) * 2 + 256;
        uint8_t *p = realloc(o->p, cap);
        if (!p) {
            o->bad = true;
            return;
        }
        o->p = p;
        o->cap = cap;
    }
    if (n)
        memcpy(o->p + o->n, bytes, n);
    o->n += n;
}

void dbr_derout_begin(struct dbr_derout *o, int tag)
{
    uint8_t t = (uint8_t)tag;
    if (o->depth == DBR_DEROUT_DEPTH)
        o->bad = true;
    dbr_derout_raw(o, &t, 1);
    if (!o->bad)
        o->open[o->depth++] = o->n;
}

/* Length octets of X.690, 10.1; how many. */
static size_t length_octets(size_t len, uint8_t b[1 + sizeof(size_t)])
{
    size_t n = 0;
    if (len < 0x80) {
        b[0] = (uint8_t)len;
        return 1;
    }
    for (size_t v = len; v; v >>= 8)
        n++;
    b[0] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++)
        b[1 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
    return n + 1;
}

void dbr_derout_end(struct dbr_derout *o)
{
    uint8_t b[1 + sizeof(size_t)];
    if (o->bad || o->depth == 0) {
        o->bad = true;
        return;
    }
    size_t at = o->open[--o->depth], len = o->n - at, n = length_octets(len, b);
    dbr_derout_raw(o, b, n); /* makes the room */
    if (o->bad)
        return;
    memmove(o->p + at + n, o->p + at, len);
    memcpy(o->p + at, b, n);
}

void dbr_derout_tlv(struct dbr_derout *o, int tag, const void *body, size_t n)
{
    dbr_derout_begin(o, tag);
    dbr_derout_raw(o, body, n);
    dbr_derout_end(o);
}

void dbr_derout_unsigned(struct dbr_derout *o, const void *mag, size_t n)
{
    const uint8_t *p = mag;
    while (n > 1 && *p == 0) {
        p++;
        n--;
    }
    dbr_derout_begin(o, DBR_DER_INTEGER);
    if (n == 0 || (*p & 0x80))
        dbr_derout_raw(o, "\0", 1);
    dbr_derout_raw(o, p, n);
    dbr_derout_end(o);
}

/* The last n characters of "YYYYMMDDHHMMSSZ". */
static void put_time(struct dbr_derout *o, int tag, size_t n, int64_t unix_seconds)
{
    char text[80];
    time_t t = (time_t)unix_seconds;
    struct tm tm = {0};
    bool known = gmtime_r(&t, &tm) != NULL && tm.tm_year >= -1899 && tm.tm_year <= 8099;
    int len = snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (!known || len != 15) {
        o->bad = true;
        return;
    }
    dbr_derout_tlv(o, tag, text + 15 - n, n);
}

void dbr_derout_gentime(struct dbr_derout *o, int64_t unix_seconds)
{
    put_time(o, DBR_DER_GENTIME, 15, unix_seconds);
}

void dbr_derout_time(struct dbr_derout *o, int64_t unix_seconds)
{
    bool utc = unix_seconds >= -631152000 && unix_seconds < 2524608000; /* 1950 .. 2049 */
    put_time(o, utc ? DBR_DER_UTCTIME : DBR_DER_GENTIME, utc ? 13 : 15, unix_seconds);
}
