/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/keyblock.h"
#include "base/base64.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

/* The place of "-----WORD LABEL-----" in the text, or NULL. */
static const char *find_marker(const char *text, size_t len, const char *word, const char *label, size_t *n)
{
    char marker[80];
    *n = (size_t)snprintf(marker, sizeof marker, "-----%s %s-----", word, label);
    for (; len >= *n; text++, len--)
        if (*text == '-' && memcmp(text, marker, *n) == 0)
            return text;
    return NULL;
}

long keyblock_read(const char *text, size_t len, const char *label, uint8_t *out, size_t cap,
                   const char **wrong)
{
    size_t n_begin, n_end;
    const char *begin = find_marker(text, len, "BEGIN", label, &n_begin);
    *wrong = "no BEGIN line of";
    if (!begin)
        return DBR_ERR_SHAPE;
    begin += n_begin;
    const char *end = find_marker(begin, len - (size_t)(begin - text), "END", label, &n_end);
    *wrong = "no END line of";
    if (!end)
        return DBR_ERR_SHAPE;
    long n = dbr_base64_decode(begin, (size_t)(end - begin), out, cap);
    *wrong = n == DBR_ERR_SPACE ? "too many bytes in" : "bytes that are not base64 in";
    return n;
}

int keyblock_refuse(char *why, size_t cap, const char *wrong, const char *label, const char *way_out)
{
    if (cap)
        snprintf(why, cap, "%s \"%s\" (make one with: %s)", wrong, label, way_out);
    return DBR_ERR_SHAPE;
}
