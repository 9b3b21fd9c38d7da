/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key file of tls-auth and tls-crypt, as `openvpn --genkey` writes it:
 *
 *   # 2048 bit OpenVPN static key              comments: anything before the first marker
 *   -----BEGIN OpenVPN Static key V1-----
 *   016be2b6...                                16 lines of 32 hex digits; any line length is taken
 *   -----END OpenVPN Static key V1-----
 */
#include "base/err.h"
#include "base/secret.h"
#include "proto/gate.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "-----BEGIN OpenVPN Static key V1-----";
static const char foot[] = "-----END OpenVPN Static key V1-----";

struct cursor {
    const char *p, *end;
    unsigned line;
};

/* The next line without its end and without blanks around it; false behind the last. */
static bool next_line(struct cursor *c, const char **text, size_t *len)
{
    if (c->p == c->end)
        return false;
    const char *newline = memchr(c->p, '\n', (size_t)(c->end - c->p));
    const char *from = c->p, *to = newline ? newline : c->end;
    c->p = newline ? newline + 1 : c->end;
    c->line++;
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (from < to && isspace((unsigned char)to[-1]))
        to--;
    *text = from;
    *len = (size_t)(to - from);
    return true;
}

static bool is_marker(const char *text, size_t len, const char *marker)
{
    return len == strlen(marker) && !memcmp(text, marker, len);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct digits {
    uint8_t *key;
    size_t n; /* hex digits read */
};

static const char *add_digits(struct digits *d, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int v = digit_value(text[i]);
        if (isspace((unsigned char)text[i]))
            continue;
        if (v < 0)
            return "a character that is not a hex digit";
        if (d->n == 2 * DBR_STATIC_KEY_LEN)
            return "more than 256 bytes of key";
        uint8_t *byte = &d->key[d->n / 2];
        *byte = (uint8_t)(d->n % 2 ? *byte | v : v << 4);
        d->n++;
    }
    return NULL;
}

static const char *read_key(struct cursor *c, struct digits *d)
{
    const char *text, *wrong = NULL;
    size_t len;
    bool inside = false;
    while (!wrong && next_line(c, &text, &len)) {
        if (inside && is_marker(text, len, foot))
            return d->n == 2 * DBR_STATIC_KEY_LEN ? NULL : "less than 256 bytes of key";
        if (inside)
            wrong = add_digits(d, text, len);
        inside = inside || is_marker(text, len, head);
    }
    if (wrong)
        return wrong;
    return inside ? "no line \"-----END OpenVPN Static key V1-----\""
                  : "no line \"-----BEGIN OpenVPN Static key V1-----\"";
}

int dbr_static_key_parse(uint8_t key[DBR_STATIC_KEY_LEN], const char *text, size_t len, char *why, size_t cap)
{
    struct cursor c = {text, text + len, 0};
    struct digits d = {key, 0};
    const char *wrong = read_key(&c, &d);
    if (!wrong)
        return 0;
    dbr_wipe(key, DBR_STATIC_KEY_LEN);
    if (cap)
        snprintf(why, cap, "line %u: %s (make a key with: openvpn --genkey secret ta.key)", c.line, wrong);
    return DBR_ERR_SHAPE;
}
