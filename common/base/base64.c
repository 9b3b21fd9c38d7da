/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base64.h"

#include "base/err.h"

#include <stdbool.h>
#include <string.h>

enum { LINE = 64, PADDING = 64, SKIPPED = -1, WRONG = -2 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    switch (c) {
    case '+': return 62;
    case '/': return 63;
    case '=': return PADDING;
    case ' ':
    case '\t':
    case '\r':
    case '\n': return SKIPPED;
    default: return WRONG;
    }
}

/* Bytes of a group of four digits: 3, less one for each '=' at its end; 0 where '=' stands elsewhere. */
static size_t bytes_of(const int v[4])
{
    if (v[0] == PADDING || v[1] == PADDING)
        return 0;
    if (v[2] == PADDING)
        return v[3] == PADDING ? 1 : 0;
    return v[3] == PADDING ? 2 : 3;
}

long dbr_base64_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
    int v[4];
    size_t have = 0, n = 0;
    bool ended = false;
    for (size_t i = 0; i < len; i++) {
        int d = value_of(text[i]);
        if (d == SKIPPED)
            continue;
        if (d == WRONG || ended)
            return DBR_ERR_SHAPE;
        v[have++] = d;
        if (have < 4)
            continue;
        size_t bytes = bytes_of(v);
        if (!bytes)
            return DBR_ERR_SHAPE;
        if (bytes > cap - n)
            return DBR_ERR_SPACE;
        uint32_t group =
            (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)(v[2] & 63) << 6 | (uint32_t)(v[3] & 63);
        for (size_t b = 0; b < bytes; b++)
            out[n++] = (uint8_t)(group >> (16 - 8 * b));
        ended = bytes < 3;
        have = 0;
    }
    return have ? DBR_ERR_SHAPE : (long)n;
}

long dbr_base64_encode(const uint8_t *bytes, size_t n, char *out, size_t cap)
{
    size_t digits = (n + 2) / 3 * 4, need = digits + (digits + LINE - 1) / LINE + 1, at = 0;
    if (cap < need)
        return DBR_ERR_SPACE;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        for (size_t d = 0; d < 4; d++)
            out[at++] = d <= left ? alphabet[group >> (18 - 6 * d) & 63] : '=';
        if ((i + 3) % (LINE / 4 * 3) == 0 || left <= 3)
            out[at++] = '\n';
    }
    out[at] = 0;
    return (long)at;
}
