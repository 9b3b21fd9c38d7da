/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the commands of managers do to the control process, and what it tells them without being asked.
 */
#include "control/mgmt_io.h"
#include "base/secret.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS_NS 1000000ull
enum { FRESH_MS = 50, ASK_AGAIN_MS = 1000 };

/* ---- clients ---- */

static bool shown(const struct client *c)
{
    return c && c->stage == STAGE_ADMITTED && c->adm && c->in_data;
}

static bool host_fresh(void *arg)
{
    struct control *ctl = arg;
    struct management *g = ctl->management;
    if (!ctl->n_admitted || (g->fresh_ns && ctl->now.ns - g->fresh_ns < FRESH_MS * MS_NS))
        return true;
    if (!g->asked_ns || ctl->now.ns - g->asked_ns >= ASK_AGAIN_MS * MS_NS) {
        g->asked_ns = ctl->now.ns;
        workers_ask_stats(ctl);
    }
    return !ctl->status_answers; /* no worker takes the question */
}

void management_stats(struct control *ctl)
{
    struct management *g = ctl->management;
    if (!g)
        return;
    g->fresh_ns = ctl->now.ns;
    g->asked_ns = 0;
    mgmt_fresh(g->mgmt, ctl->now.ns);
}

static void host_status(void *arg, int version, int seat)
{
    struct control *ctl = arg;
    size_t n;
    char *text = status_text(ctl, version, &n);
    if (text)
        mgmt_text(ctl->management->mgmt, seat, text, n);
    else
        mgmt_say(ctl->management->mgmt, seat, "ERROR: out of memory");
    free(text);
}

static void host_totals(void *arg, unsigned *clients, uint64_t *in, uint64_t *out)
{
    struct control *ctl = arg;
    *clients = 0;
    *in = ctl->management->in;
    *out = ctl->management->out;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        const struct client *c = ctl->by_peer[i];
        if (!shown(c))
            continue;
        ++*clients;
        *in += c->adm->stats.rx_bytes;
        *out += c->adm->stats.tx_bytes;
    }
}

static void host_bytes(void *arg, int seat)
{
    struct control *ctl = arg;
    struct mgmt *m = ctl->management->mgmt;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        const struct client *c = ctl->by_peer[i];
        if (!c || !c->adm || !c->in_data)
            continue;
        unsigned long long in = c->adm->stats.rx_bytes, out = c->adm->stats.tx_bytes;
        if (ctl->boot->client)
            mgmt_say(m, seat, ">BYTECOUNT:%llu,%llu", in, out);
        else
            mgmt_say(m, seat, ">BYTECOUNT_CLI:%llu,%llu,%llu", (unsigned long long)c->id, in, out);
    }
}

static void end_client(struct client *c, const char *message)
{
    client_kick(c, message, "SIGTERM[soft,management-exit] received, client-instance exiting");
}

static bool is_meant(const struct client *c, const char *whom, bool address)
{
    char at[DBR_ADDR_TEXT];
    return strcmp(address ? dbr_addr_text(&c->addr, at) : c->adm->cn, whom) == 0;
}

static unsigned host_kill(void *arg, const char *whom, bool address)
{
    struct control *ctl = arg;
    unsigned n = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!shown(c) || !is_meant(c, whom, address))
            continue;
        end_client(c, "RESTART");
        n++;
    }
    return n;
}

static bool host_client_kill(void *arg, uint64_t cid, const char *message)
{
    struct control *ctl = arg;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!shown(c) || c->id != cid)
            continue;
        end_client(c, message);
        return true;
    }
    return false;
}

static void tell_client(struct client *c, const char *what);

/* ---- admission ---- */

int management_judge(struct client *c)
{
    struct control *ctl = c->ctl;
    if (!ctl->management || !mgmt_anybody(ctl->management->mgmt)) {
        client_log(c, DBR_LOG_NOTICE,
                   "MULTI: management-client-auth: no manager is there to admit this client");
        return DBR_ERR_NOTFOUND;
    }
    if (!c->adm->again)
        c->id = ctl->next_client_id++;
    c->adm->has_id = true;
    c->told = true;
    hook_wait(c, WAITS_FOR_MANAGERS, (unsigned)ctl->cfg->hand_window);
    tell_client(c, c->adm->again ? "REAUTH" : "CONNECT");
    return DBR_ERR_AGAIN;
}

/* The key id counts the questions about one client: 0 when it comes, then one for each renegotiation. */
static struct client *who_waits(struct control *ctl, uint64_t cid, uint64_t kid)
{
    struct client *c = ctl->hook_waiters;
    while (c && (c->adm->waits_for != WAITS_FOR_MANAGERS || c->id != cid || c->adm->kid != kid))
        c = c->hook_next;
    return c;
}

static bool host_admit(void *arg, uint64_t cid, uint64_t kid, const char *lines)
{
    struct client *c = who_waits(arg, cid, kid);
    if (!c)
        return false;
    hook_forget(c);
    bool good = c->adm->again || !admit_more(c, lines, strlen(lines)); /* options are given once */
    client_verdict(c, good ? 0 : DBR_ERR_NOMEM, good ? "" : "out of memory");
    return good;
}

static bool host_deny(void *arg, uint64_t cid, uint64_t kid, const char *reason, const char *client_reason)
{
    struct client *c = who_waits(arg, cid, kid);
    if (!c)
        return false;
    hook_forget(c);
    client_log(c, DBR_LOG_NOTICE, "MULTI: connection rejected: %s", reason);
    client_verdict(c, DBR_ERR_CERT, client_reason);
    return true;
}

/* The client is told what it is to do meanwhile (INFO_PRE), and that it takes longer. */
static bool host_pending(void *arg, uint64_t cid, uint64_t kid, const char *extra, unsigned timeout_s)
{
    struct control *ctl = arg;
    struct client *c = who_waits(ctl, cid, kid);
    if (!c)
        return false;
    hook_wait(c, WAITS_FOR_MANAGERS, timeout_s);
    int err = login_say_pending(c, timeout_s, extra);
    client_settle(c);
    return !err;
}

/* ---- the daemon ---- */

static int host_verb(void *arg, int level)
{
    struct control *ctl = arg;
    if (level >= 0)
        ctl->own_log.verb = level;
    return ctl->own_log.verb;
}

static void host_raise(void *arg, enum mgmt_signal sig)
{
    static const int numbers[MGMT_SIGNALS] = {SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
    keeper_say(arg, DBR_STATE_SIGNAL, numbers[sig]);
}

static void host_release(void *arg)
{
    struct control *ctl = arg;
    if (ctl->calls)
        calls_released(ctl);
}

static bool host_password(void *arg, const char *what, const char *text)
{
    struct management *g = ((struct control *)arg)->management;
    (void)what; /* only one is ever asked for */
    if (strlen(text) >= sizeof g->key_pass)
        return false;
    memcpy(g->key_pass, text, strlen(text) + 1);
    g->has_key_pass = true;
    return true;
}

bool management_holds(struct control *ctl)
{
    return ctl->management && mgmt_held(ctl->management->mgmt, ctl->boot->client);
}

struct mgmt *management_make(struct control *ctl, const uint8_t *password)
{
    const bool judges = ctl->cfg->management_client_auth;
    struct mgmt_host host = {
        .arg = ctl,
        .client = ctl->boot->client,
        .pid = (int)getppid(), /* keeper's, as in writepid */
        .fresh = host_fresh,
        .status = host_status,
        .totals = host_totals,
        .bytes = host_bytes,
        .kill = host_kill,
        .client_kill = host_client_kill,
        .verb = host_verb,
        .raise = host_raise,
        .release = host_release,
        .password = host_password,
        .admit = judges ? host_admit : NULL,
        .deny = judges ? host_deny : NULL,
        .pending = judges ? host_pending : NULL,
    };
    management_sign_host(&host);
    if (ctl->boot->client)
        management_client_host(&host);
    const struct mgmt_config config = {.password = password,
                                       .logs_kept = (unsigned)ctl->cfg->management_log_cache,
                                       .hold = ctl->cfg->management_hold && !ctl->boot->restarted,
                                       .version = "Drawbridge " DBR_VERSION};
    return mgmt_new(&host, &config);
}

/* ---- news ---- */

/* NAME,DETAIL,TUNNEL ADDRESS,REMOTE ADDRESS,REMOTE PORT,OWN ADDRESS,OWN PORT */
void management_state(struct control *ctl, const char *name, const char *detail)
{
    char text[160], tunnel[16] = "", remote[DBR_ADDR_TEXT] = ",", *colon;
    const struct dbr_config *cfg = ctl->cfg, *pulled = calls_pulled(ctl);
    const struct client *c = calls_client(ctl);
    if (!ctl->management)
        return;
    uint32_t ip = pulled ? DBR_PULLED(pulled, cfg, ifconfig)->local : cfg->ifconfig.local;
    if (ip && strcmp(name, "CONNECTED") == 0)
        snprintf(tunnel, sizeof tunnel, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    if (c && (colon = strrchr(dbr_addr_text(&c->addr, remote) ? remote : "", ':')))
        *colon = ',';
    bool serves = !ctl->boot->client && strcmp(name, "CONNECTED") == 0;
    const char *local = serves && cfg->local.n ? cfg->local.v[0].host : "";
    char port[8] = "";
    if (serves)
        snprintf(port, sizeof port, "%d", cfg->lport);
    snprintf(text, sizeof text, "%s,%s,%s,%s,%s,%s", name, detail, tunnel, remote, local, port);
    mgmt_state(ctl->management->mgmt, ctl->now.unix_s, text);
}

static void tell_env(void *arg, const char *name, const char *value)
{
    mgmt_tell(arg, ">CLIENT:ENV,%s=%s", name, value);
}

static void tell_client(struct client *c, const char *what)
{
    struct mgmt *m = c->ctl->management->mgmt;
    char kid[16] = "";
    bool asks = c->adm->waits_for == WAITS_FOR_MANAGERS && strcmp(what, "DISCONNECT") != 0;
    if (asks)
        snprintf(kid, sizeof kid, ",%u", c->adm->kid);
    mgmt_tell(m, ">CLIENT:%s,%llu%s", what, (unsigned long long)c->id, kid);
    client_env(c, tell_env, m);
    if (asks && *login_password(c))
        tell_env(m, "password", login_password(c));
    mgmt_tell(m, ">CLIENT:ENV,END");
}

void management_up(struct client *c)
{
    if (!c->ctl->management || c->ctl->boot->client)
        return;
    c->told = true;
    if (mgmt_anybody(c->ctl->management->mgmt))
        tell_client(c, "ESTABLISHED");
}

void management_answer(struct client *c, const char *text)
{
    struct management *g = c->ctl->management;
    if (!g || !mgmt_anybody(g->mgmt) || !c->ctl->cfg->management_client_auth || !c->adm->has_id)
        return;
    mgmt_tell(g->mgmt, ">CLIENT:CR_RESPONSE,%llu,%u,%s", (unsigned long long)c->id, c->adm->kid, text);
    client_env(c, tell_env, g->mgmt);
    mgmt_tell(g->mgmt, ">CLIENT:ENV,END");
}

void management_gone(struct client *c)
{
    struct management *g = c->ctl->management;
    if (!g || !c->told)
        return;
    c->told = false;
    g->in += c->adm->stats.rx_bytes;
    g->out += c->adm->stats.tx_bytes;
    if (mgmt_anybody(g->mgmt))
        tell_client(c, "DISCONNECT");
}
