/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What managers are asked, and the commands that answer. Several managers may hear a question; the first good
 * answer counts, and a later one is told that nothing is asked any more. The heads are OpenVPN's
 * (management-notes.txt); how a signature is asked for depends on the version that the manager has said.
 */
#include "base/secret.h"
#include "control/mgmt_seat.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const heads[MGMT_QUESTIONS] = {
    [MGMT_ASK_LOGIN] = ">PASSWORD:Need 'Auth' ",
    [MGMT_ASK_REMOTE] = ">REMOTE:",
    [MGMT_ASK_PROXY] = ">PROXY:",
    [MGMT_ASK_CERTIFICATE] = ">NEED-CERTIFICATE:",
    [MGMT_ASK_SIGNATURE] = ">PK_SIGN:",
};

/* The question as this manager understands it: before version 2 a signature had another name, before 3 no
 * algorithm. */
static void say_question(struct mgmt *m, int seat, int q)
{
    const char *text = m->asked[q], *head = heads[q];
    unsigned version = m->seats[seat].version;
    bool old = q == MGMT_ASK_SIGNATURE && version < 3;
    size_t n = old ? strcspn(text, ",") : strlen(text);
    if (old && version < 2)
        head = ">RSA_SIGN:";
    mgmt_tell_one(m, seat, "%s%.*s", head, (int)n, text);
}

void mgmt_questions_say(struct mgmt *m, int seat)
{
    for (int q = 0; q < MGMT_QUESTIONS; q++)
        if (m->asked[q])
            say_question(m, seat, q);
}

void mgmt_version_known(struct mgmt *m, int seat)
{
    if (m->asked[MGMT_ASK_SIGNATURE])
        say_question(m, seat, MGMT_ASK_SIGNATURE);
}

void mgmt_ask(struct mgmt *m, enum mgmt_question q, const char *fmt, ...)
{
    va_list ap;
    char *text;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    mgmt_unask(m, q);
    if (n < 0)
        return;
    m->asked[q] = text;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (mgmt_listens(&m->seats[i]))
            say_question(m, i, q);
}

void mgmt_unask(struct mgmt *m, enum mgmt_question q)
{
    free(m->asked[q]);
    m->asked[q] = NULL;
}

bool mgmt_asks(const struct mgmt *m, enum mgmt_question q)
{
    return m->asked[q];
}

/* ---- user name and password ---- */

static bool about_login(const struct call *c)
{
    return mgmt_asks(c->m, MGMT_ASK_LOGIN) && strcmp(c->argv[1], "Auth") == 0;
}

bool mgmt_username(struct call *c)
{
    if (!about_login(c))
        return false;
    free(c->s->user);
    c->s->user = strdup(c->argv[2]);
    SAY(c, "SUCCESS: 'Auth' username entered, but not yet verified");
    return true;
}

bool mgmt_login(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    if (!about_login(c))
        return false;
    if (!c->s->user)
        SAY(c, "ERROR: give the username first");
    else if (!h->login(h->arg, c->s->user, c->argv[2]))
        SAY(c, "ERROR: username or password is too long");
    else
        SAY(c, "SUCCESS: 'Auth' password entered, but not yet verified");
    dbr_wipe(c->argv[2], strlen(c->argv[2]));
    if (!mgmt_asks(c->m, MGMT_ASK_LOGIN)) {
        free(c->s->user);
        c->s->user = NULL;
    }
    return true;
}

void mgmt_response(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    if (h->response && h->response(h->arg, c->argv[1]))
        SAY(c, "SUCCESS: cr-response command succeeded");
    else
        SAY(c, "ERROR: cr-response command failed");
}

/* ---- whom to call ---- */

static void decided(struct call *c, const char *why)
{
    if (why)
        SAY(c, "ERROR: %s: %s", c->argv[0], why);
    else
        SAY(c, "SUCCESS: %s command succeeded", c->argv[0]);
}

void mgmt_remote(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    const char *action = c->argv[1];
    const bool other = strcmp(action, "MOD") == 0, skip = strcmp(action, "SKIP") == 0;
    uint64_t count = 1;
    if (!mgmt_asks(c->m, MGMT_ASK_REMOTE))
        SAY(c, "ERROR: remote: nothing is asked");
    else if (!other && !skip && strcmp(action, "ACCEPT") != 0)
        SAY(c, "ERROR: remote: ACCEPT, SKIP or MOD is expected");
    else if (other != (c->argc == 4))
        SAY(c, "ERROR: remote: MOD, and only MOD, takes a host and a port");
    else if (skip && c->argc > 2 && (!mgmt_number(c->argv[2], 1000, &count) || !count))
        SAY(c, "ERROR: remote: cannot parse the count");
    else
        decided(c, h->remote(h->arg, action, other ? c->argv[2] : "", other ? c->argv[3] : "", count));
}

void mgmt_proxy(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    if (!mgmt_asks(c->m, MGMT_ASK_PROXY))
        SAY(c, "ERROR: proxy: nothing is asked");
    else
        decided(c, h->proxy(h->arg, c->argv[1]));
}

static uint64_t count_remotes(const struct mgmt_host *h)
{
    char text[512];
    uint64_t n = 0;
    while (h->remote_entry && h->remote_entry(h->arg, n, text, sizeof text))
        n++;
    return n;
}

void mgmt_remote_count(struct call *c)
{
    SAY(c, "%llu", (unsigned long long)count_remotes(&c->m->host));
    SAY(c, "END");
}

void mgmt_remote_get(struct call *c)
{
    const struct mgmt_host *h = &c->m->host;
    const bool all = strcmp(c->argv[1], "all") == 0;
    uint64_t n = count_remotes(h), from = 0, to = n;
    char text[512];
    if (!all && !mgmt_number(c->argv[1], UINT32_MAX, &from)) {
        SAY(c, "ERROR: remote-entry-get: cannot parse the index");
        return;
    }
    if (!all)
        to = from + 1;
    if (!all && c->argc > 2 && !mgmt_number(c->argv[2], UINT32_MAX, &to)) {
        SAY(c, "ERROR: remote-entry-get: cannot parse the index");
        return;
    }
    for (uint64_t i = from; i < to && i < n; i++)
        if (h->remote_entry(h->arg, i, text, sizeof text))
            SAY(c, "%llu,%s", (unsigned long long)i, text);
    SAY(c, "END");
}

/* ---- certificate and signature ---- */

static bool take_certificate(struct mgmt *m, const struct seat *s)
{
    return mgmt_asks(m, MGMT_ASK_CERTIFICATE) && s->n_lines && m->host.certificate(m->host.arg, s->lines);
}

void mgmt_certificate(struct call *c)
{
    mgmt_collect(c, "certificate", take_certificate);
}

static bool take_signature(struct mgmt *m, const struct seat *s)
{
    return mgmt_asks(m, MGMT_ASK_SIGNATURE) && s->n_lines && m->host.signature(m->host.arg, s->lines);
}

void mgmt_signature(struct call *c)
{
    mgmt_collect(c, "pk-sig", take_signature);
}
