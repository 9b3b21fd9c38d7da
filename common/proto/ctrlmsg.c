/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/ctrlmsg.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum dbr_ctrlmsg kind;
} messages[] = {
    {"PUSH_REQUEST", DBR_MSG_PUSH_REQUEST},
    {"PUSH_REPLY", DBR_MSG_PUSH_REPLY},
    {"PUSH_UPDATE", DBR_MSG_PUSH_UPDATE},
    {"AUTH_FAILED", DBR_MSG_AUTH_FAILED},
    {"AUTH_PENDING", DBR_MSG_AUTH_PENDING},
    {"RESTART", DBR_MSG_RESTART},
    {"HALT", DBR_MSG_HALT},
    {"EXIT", DBR_MSG_EXIT},
    {"INFO", DBR_MSG_INFO},
    {"INFO_PRE", DBR_MSG_INFO_PRE},
    {"CR_RESPONSE", DBR_MSG_CR_RESPONSE},
};

static bool is_control_char(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_clean(const char *text)
{
    while (*text && !is_control_char(*text))
        text++;
    return !text[strspn(text, "\r\n")];
}

enum dbr_ctrlmsg dbr_ctrlmsg_parse(const char *text, const char **rest)
{
    size_t name_len = strcspn(text, ",\r\n");
    const char *behind = text + name_len;
    *rest = *behind == ',' ? behind + 1 : text + strlen(text);
    if (!is_clean(text))
        return DBR_MSG_UNKNOWN;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (strlen(messages[i].name) == name_len && !memcmp(messages[i].name, text, name_len))
            return messages[i].kind;
    return DBR_MSG_UNKNOWN;
}

/* --- PUSH_REPLY, server --- */

/* What OpenVPN keeps free at the end of a chunk (push.c send_push_reply); with the same number a set of
 * options is cut at the same places. */
enum { CHUNK_RESERVE = 84, CHUNK_FILL = DBR_PUSH_CHUNK - CHUNK_RESERVE };
static const char reply[] = "PUSH_REPLY";

static bool option_fits(const char *option)
{
    size_t n = strlen(option);
    if (!n || sizeof reply - 1 + n >= CHUNK_FILL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (option[i] == ',' || is_control_char(option[i]))
            return false;
    return true;
}

struct chunk {
    char text[DBR_PUSH_CHUNK];
    size_t len;
};

static void chunk_add(struct chunk *c, const char *separator, const char *text)
{
    c->len += (size_t)snprintf(c->text + c->len, sizeof c->text - c->len, "%s%s", separator, text);
}

int dbr_push_reply_write(const char *const *options, size_t n, int (*emit)(void *arg, const char *text),
                         void *arg)
{
    struct chunk c = {.len = 0};
    bool several = false;
    for (size_t i = 0; i < n; i++)
        if (!option_fits(options[i]))
            return DBR_ERR_CONFIG;
    chunk_add(&c, "", reply);
    for (size_t i = 0; i < n; i++) {
        if (c.len + strlen(options[i]) >= CHUNK_FILL) {
            chunk_add(&c, ",", "push-continuation 2");
            int err = emit(arg, c.text);
            if (err)
                return err;
            several = true;
            c.len = 0;
            chunk_add(&c, "", reply);
        }
        chunk_add(&c, ",", options[i]);
    }
    if (several)
        chunk_add(&c, ",", "push-continuation 1");
    return emit(arg, c.text);
}

/* --- PUSH_REPLY, client --- */

enum { COLLECT_MAX = 65536 };

/* Makes room for n more bytes, a comma and a NUL. */
static int collect_grow(struct dbr_push_collect *c, size_t n)
{
    if (c->len + n + 2 > COLLECT_MAX)
        return DBR_ERR_LIMIT;
    char *bigger = realloc(c->options, c->len + n + 2);
    if (!bigger)
        return DBR_ERR_NOMEM;
    c->options = bigger;
    return 0;
}

/* True if the n bytes at option are a continuation word; *more says what it tells. */
static bool is_continuation(const char *option, size_t n, bool *more)
{
    static const char word[] = "push-continuation";
    size_t w = sizeof word - 1;
    if (n < w || memcmp(option, word, w) || (n > w && option[w] != ' '))
        return false;
    *more = n == w + 2 && option[w + 1] == '2';
    return true;
}

static void collect_option(struct dbr_push_collect *c, const char *option, size_t n)
{
    if (!n)
        return;
    if (c->len)
        c->options[c->len++] = ',';
    memcpy(c->options + c->len, option, n);
    c->len += n;
}

int dbr_push_collect_add(struct dbr_push_collect *c, const char *reply_rest)
{
    bool more = false;
    int err = collect_grow(c, strlen(reply_rest));
    if (err)
        return err;
    while (*reply_rest) {
        size_t n = strcspn(reply_rest, ",");
        if (!is_continuation(reply_rest, n, &more))
            collect_option(c, reply_rest, n);
        reply_rest += n + (reply_rest[n] == ',');
    }
    c->options[c->len] = 0;
    return more ? DBR_ERR_AGAIN : 0;
}

void dbr_push_collect_fini(struct dbr_push_collect *c)
{
    free(c->options);
    *c = (struct dbr_push_collect){NULL, 0};
}
