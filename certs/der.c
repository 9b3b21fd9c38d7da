/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/der.h"

int dbr_der_peek(const struct dbr_reader *r)
{
    return dbr_reader_left(r) ? r->p[0] : -1;
}

/* Reads the length octets; definite and minimal only (X.690, 10.1). */
static size_t take_length(struct dbr_reader *r)
{
    uint8_t first = dbr_read8(r);
    if (first < 0x80)
        return first;
    size_t n = first & 0x7f, len = 0;
    const uint8_t *p = (n >= 1 && n <= 4) ? dbr_read_bytes(r, n) : NULL;
    for (size_t i = 0; p && i < n; i++)
        len = len << 8 | p[i];
    if (!p || p[0] == 0 || len < 0x80)
        r->bad = true;
    return len;
}

bool dbr_der_take(struct dbr_reader *r, int tag, struct dbr_der *out)
{
    memset(out, 0, sizeof *out);
    if (dbr_der_peek(r) != tag) {
        r->bad = true;
        return false;
    }
    const uint8_t *start = r->p;
    dbr_read8(r);
    size_t len = take_length(r);
    const uint8_t *body = dbr_read_bytes(r, len);
    if (!body)
        return false;
    *out = (struct dbr_der){start, (size_t)(r->p - start), body, len};
    return true;
}

bool dbr_der_enter(struct dbr_reader *r, int tag, struct dbr_reader *body)
{
    struct dbr_der e;
    bool ok = dbr_der_take(r, tag, &e);
    dbr_reader_init(body, ok ? e.body : (const uint8_t *)"", e.len);
    body->bad = !ok;
    return ok;
}

bool dbr_der_optional(struct dbr_reader *r, int tag, struct dbr_der *out)
{
    return dbr_der_peek(r) == tag && dbr_der_take(r, tag, out);
}

bool dbr_der_unsigned(struct dbr_reader *r, size_t max, const uint8_t **mag, size_t *len)
{
    struct dbr_der e;
    *mag = NULL;
    *len = 0;
    if (!dbr_der_take(r, DBR_DER_INTEGER, &e))
        return false;
    bool negative = e.len == 0 || (e.body[0] & 0x80);
    bool padded = e.len > 1 && e.body[0] == 0;
    bool minimal = !padded || (e.body[1] & 0x80);
    size_t n = e.len - (padded ? 1 : 0);
    if (negative || !minimal || n > max) {
        r->bad = true;
        return false;
    }
    *mag = e.body + (padded ? 1 : 0);
    *len = n;
    return true;
}

bool dbr_der_is(const struct dbr_der *e, const void *bytes, size_t n)
{
    return e->len == n && memcmp(e->body, bytes, n) == 0;
}

int64_t dbr_days_from_civil(int year, int month, int day)
{
    /* Years begin in March, so that the leap day is the last one. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

bool dbr_date_valid(int year, int month, int day)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Two decimal digits, or -1. */
static int two(const uint8_t *p)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return -1;
    return (p[0] - '0') * 10 + (p[1] - '0');
}

bool dbr_der_time(struct dbr_reader *r, int64_t *unix_seconds)
{
    struct dbr_der e;
    int tag = dbr_der_peek(r);
    size_t year_digits = tag == DBR_DER_GENTIME ? 4 : 2;
    *unix_seconds = 0;
    if ((tag != DBR_DER_UTCTIME && tag != DBR_DER_GENTIME) || !dbr_der_take(r, tag, &e) ||
        e.len != year_digits + 11 || e.body[e.len - 1] != 'Z') {
        r->bad = true;
        return false;
    }
    int f[7]; /* pairs: [century] year month day hour minute second */
    size_t n = (e.len - 1) / 2, bad = 0;
    for (size_t i = 0; i < n; i++) {
        f[i] = two(e.body + 2 * i);
        bad += f[i] < 0;
    }
    const int *d = f + (year_digits == 4);
    int year = year_digits == 4 ? f[0] * 100 + f[1] : f[0] + (f[0] < 50 ? 2000 : 1900);
    if (bad || !dbr_date_valid(year, d[1], d[2]) || d[3] > 23 || d[4] > 59 || d[5] > 59) {
        r->bad = true;
        return false;
    }
    *unix_seconds = dbr_days_from_civil(year, d[1], d[2]) * 86400 + d[3] * 3600 + d[4] * 60 + d[5];
    return true;
}
