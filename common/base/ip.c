/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ip.h"
#include "base/bytes.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { GROUPS = 8, DIGITS = 4 };

const char *dbr_ip4_text(const uint8_t ip[4], char out[DBR_IP4_TEXT])
{
    snprintf(out, DBR_IP4_TEXT, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    return out;
}

/* The longest run of two or more groups of 0, the first of the longest; *n is 0 when there is none. */
static int longest_gap(const uint16_t g[GROUPS], int *n)
{
    int best = GROUPS, run = 0;
    *n = 1;
    for (int i = 0; i < GROUPS; i++) {
        run = g[i] ? 0 : run + 1;
        if (run > *n) {
            *n = run;
            best = i + 1 - run;
        }
    }
    *n = best == GROUPS ? 0 : *n;
    return best;
}

const char *dbr_ip6_text(const uint8_t ip[16], char out[DBR_IP6_TEXT])
{
    uint16_t g[GROUPS];
    char *at = out;
    int n, gap;
    for (int i = 0; i < GROUPS; i++)
        g[i] = dbr_get16(ip + 2 * i);
    gap = longest_gap(g, &n);
    bool dots = gap == 0 && (n == 6 || (n == 5 && g[5] == 0xffff));
    int end = dots ? GROUPS - 2 : GROUPS;
    *at = 0;
    for (int i = 0; i < end; i++) {
        if (i == gap) {
            at += snprintf(at, 3, "::");
            i += n - 1;
            continue;
        }
        at += snprintf(at, DIGITS + 2, "%s%x", i && i != gap + n ? ":" : "", g[i]);
    }
    if (dots) {
        if (n == 5)
            *at++ = ':';
        dbr_ip4_text(ip + 12, at);
    }
    return out;
}

/* One number from 0 to 255 without leading zeros; moves on behind it. */
static bool take_byte(const char **text, uint8_t *out)
{
    const char *p = *text;
    unsigned v = 0;
    for (; isdigit((unsigned char)*p) && p - *text < 3; p++)
        v = 10 * v + (unsigned)(*p - '0');
    if (p == *text || v > 255 || (**text == '0' && p - *text > 1))
        return false;
    *text = p;
    *out = (uint8_t)v;
    return true;
}

bool dbr_ip4_parse(const char *text, uint8_t ip[4])
{
    uint8_t v[4];
    for (int i = 0; i < 4; i++)
        if ((i && *text++ != '.') || !take_byte(&text, &v[i]))
            return false;
    if (*text)
        return false;
    memcpy(ip, v, 4);
    return true;
}

/* An address under way: n bytes of it, and where "::" stood among them, or -1. */
struct halves {
    uint8_t v[16];
    int n, gap;
};

/* One to four hex digits; moves on behind them. */
static bool take_group(const char **text, struct halves *h)
{
    const char *p = *text;
    unsigned v = 0;
    for (; isxdigit((unsigned char)*p) && p - *text < DIGITS; p++)
        v = v << 4 | (unsigned)(isdigit((unsigned char)*p) ? *p - '0' : (*p | 32) - 'a' + 10);
    if (p == *text || h->n > 14)
        return false;
    *text = p;
    dbr_put16(h->v + h->n, (uint16_t)v);
    h->n += 2;
    return true;
}

/* What stands before a group: "::" once, else ':' and more behind it, or nothing before the first. */
static bool take_separator(const char **text, struct halves *h)
{
    if (strncmp(*text, "::", 2) == 0) {
        bool first = h->gap < 0;
        h->gap = h->n;
        *text += 2;
        return first;
    }
    return h->n == 0 || (*(*text)++ == ':' && **text);
}

static bool take_groups(const char *text, struct halves *h)
{
    do {
        if (!take_separator(&text, h))
            return false;
        if (!*text)
            return true;
        if (h->n <= 12 && dbr_ip4_parse(text, h->v + h->n)) {
            h->n += 4;
            return true;
        }
        if (!take_group(&text, h))
            return false;
    } while (*text);
    return true;
}

bool dbr_ip6_parse(const char *text, uint8_t ip[16])
{
    struct halves h = {.gap = -1};
    if (!take_groups(text, &h) || (h.gap < 0 ? h.n != 16 : h.n > 14))
        return false;
    size_t head = h.gap < 0 ? 16 : (size_t)h.gap, tail = (size_t)h.n - (h.gap < 0 ? 16 : head);
    memset(ip, 0, 16);
    memcpy(ip, h.v, head);
    memcpy(ip + 16 - tail, h.v + head, tail);
    return true;
}
