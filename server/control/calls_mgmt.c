/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: what managers are asked before a call, and what they may answer. A question stands until
 * somebody answers it; the call waits. Names that only a manager knows cannot be resolved any more, as
 * control has no right to: an address, or the name of a remote of the configuration.
 */
#include "control/calls.h"
#include "control/mgmt_io.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAID_MAX = 1024 };

static struct mgmt *managers(const struct control *ctl)
{
    return ctl->management ? ctl->management->mgmt : NULL;
}

void calls_tell_managers(struct control *ctl, const char *head, const char *text, const char *tail)
{
    char clean[SAID_MAX];
    size_t n = 0;
    if (!managers(ctl))
        return;
    for (; text[n] && n < sizeof clean - 1; n++)
        clean[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f ? ' ' : text[n];
    clean[n] = 0;
    mgmt_tell(managers(ctl), "%s%s%s", head, clean, tail);
}

/* ---- user name and password ---- */

bool calls_login_asks_managers(const struct control *ctl)
{
    const struct dbr_conf_blob *own = &ctl->cfg->auth_user_pass;
    return managers(ctl) && ctl->cfg->management_query_passwords && !own->path && !own->text;
}

/* static-challenge TEXT ECHO [concat] */
void calls_login_ask_managers(struct control *ctl)
{
    const struct dbr_conf_list *c = &ctl->cfg->static_challenge;
    if (c->n < 2) {
        mgmt_ask(managers(ctl), MGMT_ASK_LOGIN, "username/password");
        return;
    }
    int flags = (strcmp(c->v[1], "1") == 0 ? 1 : 0) | (c->n > 2 && strcmp(c->v[2], "concat") == 0 ? 2 : 0);
    mgmt_ask(managers(ctl), MGMT_ASK_LOGIN, "username/password SC:%d,%s", flags, c->v[0]);
}

static bool host_login(void *arg, const char *user, const char *pass)
{
    struct control *ctl = arg;
    if (!calls_login_told(ctl, user, pass))
        return false;
    mgmt_unask(managers(ctl), MGMT_ASK_LOGIN);
    return true;
}

static bool host_response(void *arg, const char *base64)
{
    struct control *ctl = arg;
    return ctl->calls && calls_login_response(ctl, base64);
}

static bool host_retry(void *arg, const char *mode)
{
    static const char *const modes[] = {[DBR_AUTH_RETRY_NONE] = "none",
                                        [DBR_AUTH_RETRY_INTERACT] = "interact",
                                        [DBR_AUTH_RETRY_NOINTERACT] = "nointeract"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(modes[i], mode) != 0)
            continue;
        ((struct control *)arg)->own_cfg->auth_retry = i;
        return true;
    }
    return false;
}

/* ---- whom to call ---- */

static const struct target *next_target(const struct calls *calls)
{
    return &calls->targets[calls->next % calls->n];
}

bool calls_remote_ready(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    const struct target *t = next_target(calls);
    if (managers(ctl) && ctl->cfg->management_query_remote && !calls->chosen) {
        mgmt_ask(managers(ctl), MGMT_ASK_REMOTE, "%s,%u,udp", t->remote->host, (unsigned)t->addr.port);
        return false;
    }
    if (managers(ctl) && ctl->cfg->management_query_proxy && !calls->no_proxy) {
        mgmt_ask(managers(ctl), MGMT_ASK_PROXY, "%zu,UDP,%s", calls->next % calls->n + 1, t->remote->host);
        return false;
    }
    return true;
}

static void go_on(struct control *ctl, enum mgmt_question answered)
{
    mgmt_unask(managers(ctl), answered);
    ctl->calls->call_ns = ctl->now.ns;
}

/* An address in numbers, or a remote's name; with a port. */
static bool find_target(struct control *ctl, const char *host, const char *port, struct target *out)
{
    const struct calls *calls = ctl->calls;
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    struct dbr_addr a = {0};
    if (*end || !number || number > UINT16_MAX)
        return false;
    a.family = inet_pton(AF_INET, host, a.ip) == 1 ? 4 : inet_pton(AF_INET6, host, a.ip) == 1 ? 6 : 0;
    for (size_t i = 0; i < calls->n && !a.family; i++)
        if (strcmp(calls->targets[i].remote->host, host) == 0)
            a = calls->targets[i].addr;
    if (!a.family)
        return false;
    a.port = (uint16_t)number;
    *out = (struct target){a, next_target(calls)->remote};
    return true;
}

static const char *host_remote(void *arg, const char *action, const char *host, const char *port,
                               uint64_t count)
{
    struct control *ctl = arg;
    struct calls *calls = ctl->calls;
    if (strcmp(action, "MOD") == 0 && !find_target(ctl, host, port, &calls->told))
        return "give an address in numbers, or the name of a remote of the configuration, and a port";
    if (strcmp(action, "SKIP") == 0)
        calls->next += count;
    else
        calls->chosen = true;
    go_on(ctl, MGMT_ASK_REMOTE);
    return NULL;
}

static const char *host_proxy(void *arg, const char *type)
{
    struct control *ctl = arg;
    if (strcmp(type, "NONE") != 0)
        return "only NONE: calls go by UDP, and a proxy is for the configuration to name";
    ctl->calls->no_proxy = true;
    go_on(ctl, MGMT_ASK_PROXY);
    return NULL;
}

static bool host_remote_entry(void *arg, uint64_t i, char *out, size_t cap)
{
    const struct control *ctl = arg;
    const struct dbr_conf_remotes *r = &ctl->cfg->remote;
    if (i >= r->n)
        return false;
    snprintf(out, cap, "%s,%d,udp,enabled", r->v[i].host, r->v[i].port ? r->v[i].port : ctl->cfg->rport);
    return true;
}

void management_client_host(struct mgmt_host *h)
{
    h->login = host_login;
    h->remote = host_remote;
    h->proxy = host_proxy;
    h->remote_entry = host_remote_entry;
    h->response = host_response;
    h->retry = host_retry;
}
