/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/challenge.h"

#include "base/err.h"
#include "crypto/b64.h"

#include <stdio.h>
#include <string.h>

/* Copies the field up to the next ':' and steps behind it. */
static int take_field(const char **at, char *out, size_t cap)
{
    size_t n = strcspn(*at, ":");
    if ((*at)[n] != ':')
        return DBR_ERR_SHAPE;
    if (n >= cap)
        return DBR_ERR_SPACE;
    memcpy(out, *at, n);
    out[n] = 0;
    *at += n + 1;
    return 0;
}

static int take_head(struct dbr_challenge *c, const char **at, const char *name)
{
    char flags[32];
    size_t n = strlen(name);
    *c = (struct dbr_challenge){.answer = false};
    if (strncmp(*at, name, n) != 0)
        return DBR_ERR_SHAPE;
    *at += n;
    int err = take_field(at, flags, sizeof flags);
    c->answer = !err && strchr(flags, 'R');
    c->echo = !err && strchr(flags, 'E');
    return err;
}

static int take_text(struct dbr_challenge *c, const char *text)
{
    if (strlen(text) >= sizeof c->text)
        return DBR_ERR_SPACE;
    memcpy(c->text, text, strlen(text) + 1);
    return 0;
}

int dbr_challenge_parse(struct dbr_challenge *c, const char *text)
{
    char user[DBR_CHALLENGE_USER * 4 / 3 + 4];
    int err = take_head(c, &text, "CRV1:");
    if (!err)
        err = take_field(&text, c->state, sizeof c->state);
    if (!err)
        err = take_field(&text, user, sizeof user);
    if (!err) {
        int n = dbr_b64_decode(user, strlen(user), c->user, sizeof c->user);
        err = n < 0 ? n : 0;
    }
    return err ? err : take_text(c, text);
}

int dbr_challenge_parse_text(struct dbr_challenge *c, const char *text)
{
    int err = take_head(c, &text, "CR_TEXT:");
    return err ? err : take_text(c, text);
}

static int fits(int n, size_t cap)
{
    return n < 0 || (size_t)n >= cap ? DBR_ERR_SPACE : n;
}

int dbr_challenge_reply(const struct dbr_challenge *c, const char *answer, char *out, size_t cap)
{
    return fits(snprintf(out, cap, "CRV1::%s::%s", c->state, answer), cap);
}

/* Puts base64 of text behind the n bytes that out has; the new length. */
static int add_b64(const char *text, char *out, size_t cap, int n)
{
    if (n < 0 || (size_t)n >= cap)
        return DBR_ERR_SPACE;
    int more = dbr_b64_encode(text, strlen(text), out + n, cap - (size_t)n);
    return more < 0 ? more : n + more;
}

int dbr_challenge_static(const char *password, const char *answer, char *out, size_t cap)
{
    int n = add_b64(password, out, cap, snprintf(out, cap, "SCRV1:"));
    if (n < 0 || (size_t)n + 2 > cap)
        return DBR_ERR_SPACE;
    out[n++] = ':';
    return add_b64(answer, out, cap, n);
}

int dbr_challenge_response(const char *answer, char *out, size_t cap)
{
    return add_b64(answer, out, cap, snprintf(out, cap, "CR_RESPONSE,"));
}
