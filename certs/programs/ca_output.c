/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <inttypes.h>
#include <string.h>

#include "certs/say.h"

static void put_string(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
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
