/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/withdrawn.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, DBR_WKC_ID_LEN); /* ids are no secret */
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The id at the beginning of a line; NULL, or what is wrong with it. */
static const char *read_id(const char *p, const char *end, uint8_t id[DBR_WKC_ID_LEN])
{
    size_t n = 0;
    for (; p < end && !is_blank(*p); p++) {
        int v = digit_value(*p);
        if (*p == ':' && n && n % 2 == 0)
            continue;
        if (v < 0)
            return "a character that is not a hex digit";
        if (n == 2 * DBR_WKC_ID_LEN)
            return "more than 64 hex digits";
        id[n / 2] = (uint8_t)(n % 2 ? id[n / 2] | v : v << 4);
        n++;
    }
    return n == 2 * DBR_WKC_ID_LEN ? NULL : "less than 64 hex digits";
}

static size_t count_lines(const char *text, size_t len)
{
    size_t n = 1;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

static int refuse(struct dbr_withdrawn *w, unsigned line, const char *wrong, char *why, size_t cap)
{
    dbr_withdrawn_free(w);
    if (cap)
        snprintf(why, cap, "line %u: %s; `drawbridge-ca gate-key v2 show FILE` prints the SHA-256 of a key",
                 line, wrong);
    return DBR_ERR_SHAPE;
}

int dbr_withdrawn_parse(struct dbr_withdrawn *w, const char *text, size_t len, char *why, size_t cap)
{
    const char *p = text, *end = text + len;
    *w = (struct dbr_withdrawn){0};
    w->ids = calloc(count_lines(text, len), DBR_WKC_ID_LEN);
    if (!w->ids)
        return DBR_ERR_NOMEM;
    for (unsigned line = 1; p < end; line++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p)), *stop = newline ? newline : end;
        while (p < stop && is_blank(*p))
            p++;
        const char *wrong = p < stop && *p != '#' ? read_id(p, stop, w->ids[w->n++]) : NULL;
        if (wrong)
            return refuse(w, line, wrong, why, cap);
        p = newline ? newline + 1 : end;
    }
    qsort(w->ids, w->n, DBR_WKC_ID_LEN, compare);
    return 0;
}

void dbr_withdrawn_free(struct dbr_withdrawn *w)
{
    free(w->ids);
    *w = (struct dbr_withdrawn){0};
}

bool dbr_withdrawn_has(const struct dbr_withdrawn *w, const uint8_t id[DBR_WKC_ID_LEN])
{
    return w->n && bsearch(id, w->ids, w->n, DBR_WKC_ID_LEN, compare);
}
