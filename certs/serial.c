/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/serial.h"

#include <string.h>

#include "certs/say.h"

bool dbr_serial_set(struct dbr_serial *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    while (n > 0 && *p == 0) {
        p++;
        n--;
    }
    memset(s, 0, sizeof *s);
    if (n > DBR_SERIAL_MAX)
        return false;
    if (n)
        memcpy(s->b + DBR_SERIAL_MAX - n, p, n);
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool dbr_serial_parse(struct dbr_serial *s, const char *hex, size_t n)
{
    memset(s, 0, sizeof *s);
    while (n > 0 && (hex[n - 1] == '\n' || hex[n - 1] == '\r'))
        n--;
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int d = digit(hex[i]);
        if (d < 0 || s->b[0] > 0x0f)
            return false;
        for (size_t k = 0; k < DBR_SERIAL_MAX; k++)
            s->b[k] = (uint8_t)(s->b[k] << 4 | (k + 1 < DBR_SERIAL_MAX ? s->b[k + 1] >> 4 : d));
    }
    return true;
}

const uint8_t *dbr_serial_bytes(const struct dbr_serial *s, size_t *len)
{
    size_t skip = 0;
    while (skip < DBR_SERIAL_MAX && s->b[skip] == 0)
        skip++;
    *len = DBR_SERIAL_MAX - skip;
    return s->b + skip;
}

const char *dbr_serial_text(const struct dbr_serial *s, char out[DBR_SERIAL_TEXT])
{
    size_t n;
    const uint8_t *p = dbr_serial_bytes(s, &n);
    return n ? dbr_hex_text(p, n, out, DBR_SERIAL_TEXT) : strcpy(out, "00");
}

int dbr_serial_compare(const struct dbr_serial *a, const struct dbr_serial *b)
{
    return memcmp(a->b, b->b, DBR_SERIAL_MAX);
}

bool dbr_serial_equal(const struct dbr_serial *a, const struct dbr_serial *b)
{
    return dbr_serial_compare(a, b) == 0;
}

bool dbr_serial_zero(const struct dbr_serial *s)
{
    static const struct dbr_serial zero;
    return dbr_serial_equal(s, &zero);
}

bool dbr_serial_next(struct dbr_serial *s)
{
    struct dbr_serial n = *s;
    size_t i = DBR_SERIAL_MAX;
    while (i > 0 && ++n.b[i - 1] == 0)
        i--;
    if (i == 0 || (n.b[0] & 0x80))
        return false;
    *s = n;
    return true;
}
