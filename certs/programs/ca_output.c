/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <inttypes.h>
#include <string.h>

#include "certs/say.h"

/* Bytes of the character at s, which begins with 0x80 or more; 0: not UTF-8 (RFC 3629, 4). */
static size_t utf8_length(const char *s)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t n;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (p[0] < rows[i].from || p[0] > rows[i].to)
            continue;
        if (p[1] < rows[i].second_from || p[1] > rows[i].second_to)
            return 0;
        size_t n = 2;
        while (n < rows[i].n && (p[n] & 0xc0) == 0x80)
            n++;
        return n == rows[i].n ? n : 0;
    }
    return 0;
}

/* A byte that is no UTF-8, as old tools left it in index.txt, is taken for Latin-1. */
static void put_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        size_t n = c >= 0x80 ? utf8_length(s) : 0;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !n))
            printf("\\u%04x", c);
        else
            putchar(c);
        for (; n > 1; n--)
            putchar(*++s);
    }
    putchar('"');
}

static void put_key(struct json *j, const char *key)
{
    if (j->comma)
        putchar(',');
    j->comma = true;
    if (key) {
        put_string(key);
        putchar(':');
    }
}

void json_begin(struct json *j, const char *key, char bracket)
{
    put_key(j, key);
    putchar(bracket);
    j->comma = false;
}

void json_end(struct json *j, char bracket)
{
    putchar(bracket);
    j->comma = true;
}

void json_text(struct json *j, const char *key, const char *value)
{
    put_key(j, key);
    put_string(value);
}

void json_number(struct json *j, const char *key, int64_t value)
{
    put_key(j, key);
    printf("%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    put_key(j, key);
    fputs(value ? "true" : "false", stdout);
}

const char *entry_state(const struct dbr_index_entry *e, int64_t now)
{
    if (e->status == 'R')
        return "revoked";
    return e->status == 'E' || e->expires <= now ? "expired" : "valid";
}

static void print_object(const struct dbr_index_entry *e, const char *profile, int64_t now, struct json *j,
                         const char *cn, const char *serial)
{
    json_begin(j, NULL, '{');
    json_text(j, "name", cn);
    json_text(j, "serial", serial);
    if (profile)
        json_text(j, "profile", profile);
    json_text(j, "state", entry_state(e, now));
    json_number(j, "expires", e->expires);
    if (e->status == 'R') {
        json_number(j, "revoked", e->revoked_at);
        json_text(j, "reason", dbr_reason_name(e->reason));
    }
    json_text(j, "subject", e->subject);
    json_end(j, '}');
}

void print_entry(const struct dbr_index_entry *e, const char *profile, int64_t now, struct json *j)
{
    char cn[256] = "?", serial[DBR_SERIAL_TEXT], until[40], shown[256];
    dbr_subject_cn(e->subject, cn, sizeof cn);
    dbr_serial_text(&e->serial, serial);
    if (j) {
        print_object(e, profile, now, j, cn, serial);
        return;
    }
    dbr_say(0, shown, sizeof shown, "%s", cn); /* a terminal shows what it is given */
    printf("%-32s %-8s %-7s %-23s %s%s%s\n", shown, entry_state(e, now), profile ? profile : "-",
           dbr_time_text(e->expires, until), serial, e->status == 'R' ? " " : "",
           e->status == 'R' ? dbr_reason_name(e->reason) : "");
}
