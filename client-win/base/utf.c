/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * UTF-8 by a table of its four lengths (RFC 3629, section 3).
 */
#include "client-win/base/utf.h"

#include "base/err.h"

#include <string.h>

/* A first byte with `mark` under `mask` starts `len` bytes, which may not say less than `least`. */
static const struct {
    uint8_t mask, mark, len;
    int32_t least;
} lengths[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static int32_t decode(const uint8_t *p, size_t left, size_t *len)
{
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if ((p[0] & lengths[i].mask) != lengths[i].mark)
            continue;
        *len = lengths[i].len;
        if (*len > left)
            return -1;
        int32_t c = p[0] & (uint8_t)~lengths[i].mask;
        for (size_t k = 1; k < *len; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return -1;
            c = c << 6 | (p[k] & 0x3f);
        }
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        return c < lengths[i].least || c > 0x10ffff || surrogate ? -1 : c;
    }
    return -1;
}

int32_t dbr_utf8_next(const char **at, const char *end)
{
    if (*at >= end)
        return -1;
    size_t len = 0;
    int32_t c = decode((const uint8_t *)*at, (size_t)(end - *at), &len);
    if (c >= 0)
        *at += len;
    return c;
}

static bool may_stand(int32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && !(c >= 0x2028 && c <= 0x202e) &&
           !(c >= 0x2066 && c <= 0x2069);
}

bool dbr_utf8_is_line(const char *s, size_t n)
{
    const char *end = s + n;
    while (s < end)
        if (!may_stand(dbr_utf8_next(&s, end)))
            return false;
    return true;
}

void dbr_utf8_line(char *out, size_t cap, const char *src)
{
    memset(out, 0, cap);
    const char *end = src ? src + strlen(src) : src;
    for (size_t n = 0; src < end;) {
        const char *from = src;
        int32_t c = dbr_utf8_next(&src, end);
        bool good = may_stand(c);
        if (c < 0)
            src++;
        size_t len = good ? (size_t)(src - from) : 1;
        if (n + len >= cap)
            return;
        if (good)
            memcpy(out + n, from, len);
        else
            out[n] = '?';
        n += len;
    }
}

int dbr_utf16_from8(dbr_utf16 *out, size_t cap, const char *s)
{
    if (!cap)
        return DBR_ERR_SPACE;
    size_t n = 0;
    int err = 0;
    for (const char *end = s + strlen(s); s < end && !err;) {
        int32_t c = dbr_utf8_next(&s, end);
        size_t units = c >= 0x10000 ? 2 : 1;
        if (c < 0)
            err = DBR_ERR_SHAPE;
        else if (n + units >= cap)
            err = DBR_ERR_SPACE;
        else if (units == 1)
            out[n++] = (dbr_utf16)c;
        else {
            out[n++] = (dbr_utf16)(0xd800 + ((c - 0x10000) >> 10));
            out[n++] = (dbr_utf16)(0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    out[err ? 0 : n] = 0;
    return err;
}

/* The character at *w, or -1 for half of a pair. */
static int32_t next16(const dbr_utf16 **w)
{
    int32_t c = *(*w)++;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    int32_t low = **w;
    if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return -1;
    (*w)++;
    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static size_t encode(char out[4], int32_t c)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t k = len - 1; k > 0; k--, c >>= 6)
        out[k] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lengths[len - 1].mark | c);
    return len;
}

int dbr_utf8_from16(char *out, size_t cap, const dbr_utf16 *w)
{
    if (!cap)
        return DBR_ERR_SPACE;
    size_t n = 0;
    int err = 0;
    while (*w && !err) {
        char one[4];
        int32_t c = next16(&w);
        size_t len = c < 0 ? 0 : encode(one, c);
        if (!len)
            err = DBR_ERR_SHAPE;
        else if (n + len >= cap)
            err = DBR_ERR_SPACE;
        else {
            memcpy(out + n, one, len);
            n += len;
        }
    }
    out[err ? 0 : n] = 0;
    return err;
}
