/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: which server to call, and when to call again. Names are resolved while control may still open
 * sockets and files; when every address has failed for long, control ends and keeper starts it anew, which
 * resolves them again.
 *
 * Each call comes from a port of its own, unless `lport` says otherwise: OpenVPN 2.6.14 answers a second
 * session from an address and port that it knows, and then never pushes. Keeper opens the port.
 */
#include "control/calls.h"
#include "crypto/mac.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_NS 1000000000ull
enum { ROUNDS_BEFORE_RESOLVING = 8, RESOLVE_PAUSE_S = 5, PORT_PATIENCE_S = 2 };

/* ---- targets ---- */

static int family_of(int proto)
{
    return proto == DBR_CONF_PROTO_UDP4 ? AF_INET : proto == DBR_CONF_PROTO_UDP6 ? AF_INET6 : AF_UNSPEC;
}

/* remote-random-hostname: a name of its own in the zone of `host`; numbers stay. */
static const char *random_host(const struct control *ctl, const char *host, char *out, size_t cap)
{
    uint8_t r[6], ip[16];
    bool number = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
    if (!ctl->cfg->remote_random_hostname || number || dbr_random(r, sizeof r))
        return host;
    int n = snprintf(out, cap, "%02x%02x%02x%02x%02x%02x.%s", r[0], r[1], r[2], r[3], r[4], r[5], host);
    return n > 0 && (size_t)n < cap ? out : host;
}

static int resolve(struct control *ctl, struct calls *calls, const struct dbr_conf_remote *r)
{
    char port[8], name[300];
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_DGRAM};
    hint.ai_family = family_of(r->proto >= 0 ? r->proto : ctl->cfg->proto);
    const char *host = random_host(ctl, r->host, name, sizeof name);
    snprintf(port, sizeof port, "%d", r->port ? r->port : ctl->cfg->rport);
    int err = getaddrinfo(host, port, &hint, &list);
    if (err) {
        dbr_log(ctl->log, DBR_LOG_ERROR, "RESOLVE: Cannot resolve host address: %s:%s (%s)", r->host, port,
                gai_strerror(err));
        return DBR_ERR_NOTFOUND;
    }
    for (struct addrinfo *a = list; a && calls->n < MAX_TARGETS; a = a->ai_next) {
        struct target *t = &calls->targets[calls->n];
        t->remote = r;
        if (!dbr_addr_from_sockaddr(&t->addr, a->ai_addr, a->ai_addrlen))
            calls->n++;
    }
    freeaddrinfo(list);
    return 0;
}

static void shuffle(struct calls *calls)
{
    for (size_t i = calls->n; i > 1; i--) {
        uint32_t r;
        if (dbr_random(&r, sizeof r))
            return;
        struct target t = calls->targets[i - 1];
        calls->targets[i - 1] = calls->targets[r % i];
        calls->targets[r % i] = t;
    }
}

/* True when keeper has something to say meanwhile, which can only be the end. */
static bool pause_for(struct control *ctl, int seconds)
{
    struct pollfd p = {.fd = ctl->boot->ipc_keeper, .events = POLLIN};
    return poll(&p, 1, seconds * 1000) > 0;
}

/* All remotes, until one of them has an address: resolv-retry seconds, or for good. */
static int resolve_all(struct control *ctl, struct calls *calls)
{
    const struct dbr_conf_remotes *remotes = &ctl->cfg->remote;
    for (int waited = 0;; waited += RESOLVE_PAUSE_S) {
        for (size_t i = 0; i < remotes->n; i++)
            resolve(ctl, calls, &remotes->v[i]);
        if (calls->n)
            return 0;
        if (waited >= ctl->cfg->resolv_retry || pause_for(ctl, RESOLVE_PAUSE_S))
            break;
    }
    dbr_log(ctl->log, DBR_LOG_FATAL,
            "no remote can be resolved; check the name and the resolver (resolv-retry says how long to try)");
    return DBR_ERR_CONFIG;
}

int calls_load(struct control *ctl)
{
    struct calls *calls = ctl->calls = calloc(1, sizeof *calls);
    if (!calls)
        return DBR_ERR_NOMEM;
    calls->call_ns = calls->answer_ns = calls->question_ns = UINT64_MAX;
    calls->news = calls->jump = -1;
    calls->port_used = ctl->boot->restarted;
    calls->bound_known = !ctl->boot->restarted;
    dbr_conf_binding(&calls->bound, ctl->cfg, &ctl->cfg->remote.v[0]); /* as keeper has opened it */
    calls_login_load(ctl);
    int err = resolve_all(ctl, calls);
    if (err)
        return err;
    if (ctl->cfg->remote_random)
        shuffle(calls);
    return calls_net_open(ctl);
}

int calls_watch(struct control *ctl)
{
    int err = 0;
    if (ctl->calls->news >= 0)
        err = control_watch(ctl, ctl->calls->news, NETWORK_EVENT);
    if (!err && ctl->calls->jump >= 0)
        err = control_watch(ctl, ctl->calls->jump, JUMP_EVENT);
    return err;
}

void calls_free(struct control *ctl)
{
    if (!ctl->calls)
        return;
    calls_net_close(ctl->calls);
    calls_login_free(ctl->calls);
    if (ctl->calls->has_pulled)
        dbr_config_free(&ctl->calls->pulled);
    free(ctl->calls);
    ctl->calls = NULL;
}

/* ---- calling ---- */

/* After a restart of control, data may still serve the peer of the time before. */
static void forget_older(struct control *ctl)
{
    struct client *old = client_by_peer(ctl, 0);
    if (old)
        client_free(old);
}

static struct client *new_call(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    calls->target = calls->told.remote ? &calls->told : &calls->targets[calls->next % calls->n];
    calls->next++;
    const struct dbr_addr *to = &calls->target->addr;
    forget_older(ctl);
    struct client *c = client_new(ctl, to);
    if (!c)
        return NULL;
    c->adm = calloc(1, sizeof *c->adm);
    if (!c->adm || !client_enlist_as(c, 0)) {
        client_free(c);
        return NULL;
    }
    char text[DBR_ADDR_TEXT];
    dbr_log(ctl->log, DBR_LOG_NOTICE, "UDPv%u link remote: [AF_INET%s]%s", to->family,
            to->family == 6 ? "6" : "", dbr_addr_text(to, text));
    management_state(ctl, "WAIT", "");
    calls_keep_way(ctl);
    c->realm = realm_get(ctl->realm);
    c->session = dbr_session_new_client(&c->realm->session, c, &ctl->now);
    ctl->metric[DBR_METRIC_HS_BEGUN]++;
    if (c->session)
        return c;
    client_free(c);
    return NULL;
}

static uint64_t back_off_s(const struct calls *calls, const struct dbr_conf_count *retry)
{
    uint64_t wait_s = (uint64_t)retry->n;
    for (unsigned i = (unsigned)calls->n; i < calls->failures && wait_s < (uint64_t)retry->secs; i++)
        wait_s *= 2;
    return retry->secs && wait_s > (uint64_t)retry->secs ? (uint64_t)retry->secs : wait_s;
}

static void call_later(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    bool at_once = calls->soon && dbr_hurry_may(&calls->hurry, ctl->now.ns);
    uint64_t wait_s = at_once ? 0 : back_off_s(calls, &ctl->cfg->connect_retry);
    calls->soon = false;
    calls->call_ns = ctl->now.ns + wait_s * SECOND_NS;
    if (calls->call_ns < calls->pause_ns)
        calls->call_ns = calls->pause_ns;
    calls->answer_ns = UINT64_MAX;
}

static void dial(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    calls->waits_for = NULL;
    calls->port_used = true;
    calls->call_ns = UINT64_MAX;
    calls->client = new_call(ctl);
    if (!calls->client) {
        call_later(ctl);
        return;
    }
    int own = calls->target->remote->connect_timeout;
    int patience = own > 0 ? own : ctl->cfg->server_poll_timeout;
    calls->answer_ns = ctl->now.ns + (uint64_t)patience * SECOND_NS;
    control_reschedule(calls->client);
}

/* The socket that we have is not bound as this call wants it, or its port has served a call. */
static bool needs_socket(const struct control *ctl, const struct dbr_conf_remote *r)
{
    const struct calls *calls = ctl->calls;
    struct dbr_conf_binding want;
    dbr_conf_binding(&want, ctl->cfg, r);
    bool fits = calls->bound_known && dbr_conf_binding_same(&want, &calls->bound);
    return !fits || (!want.port && calls->port_used);
}

void calls_begin(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (management_holds(ctl) || !calls_remote_ready(ctl) || !calls_login_ready(ctl)) {
        calls->call_ns = UINT64_MAX; /* until calls_released(), calls_login_take() or what managers say */
        return;
    }
    const struct dbr_conf_remote *r = calls->targets[calls->next % calls->n].remote;
    if (calls->waits_for || !needs_socket(ctl, r)) {
        dial(ctl);
        return;
    }
    calls->waits_for = r;
    calls->call_ns = ctl->now.ns + PORT_PATIENCE_S * SECOND_NS; /* else with the old one */
    keeper_say(ctl, DBR_STATE_NEW_PORT, (int32_t)(r - ctl->cfg->remote.v));
}

void calls_released(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (!calls->client && !calls->waits_for && calls->call_ns == UINT64_MAX)
        calls->call_ns = ctl->now.ns;
}

void calls_have_port(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (!calls->waits_for)
        return;
    dbr_conf_binding(&calls->bound, ctl->cfg, calls->waits_for);
    calls->bound_known = true;
    dial(ctl);
}

/* ---- the end of a call ---- */

void calls_stop(struct control *ctl, int code)
{
    ctl->exit_code = code;
    keeper_say(ctl, DBR_STATE_DONE, code);
    ctl->stop = true;
}

void calls_ended(struct client *c)
{
    struct control *ctl = c->ctl;
    struct calls *calls = ctl->calls;
    bool was_up = dbr_session_authenticated(c->session), talked = dbr_session_has_tls(c->session);
    calls->client = NULL;
    calls->question_ns = UINT64_MAX;
    calls->chosen = calls->no_proxy = false;
    calls->told.remote = NULL;
    calls_login_over(ctl);
    client_free(c);
    if (ctl->shutdown_ns)
        return;
    calls->failures = was_up ? 0 : calls->failures + 1;
    int max = ctl->cfg->connect_retry_max;
    if (calls->leave) {
        calls_stop(ctl, calls->leave_well ? 0 : 1);
    } else if (ctl->cfg->tls_exit && talked && !was_up) {
        dbr_log(ctl->log, DBR_LOG_FATAL, "SIGTERM[soft,tls-error] received, process exiting (tls-exit)");
        calls_stop(ctl, 1);
    } else if (max && calls->failures >= (unsigned)max * calls->n) {
        dbr_log(ctl->log, DBR_LOG_FATAL,
                "All connections have been connect-retry-max (%d) times unsuccessful, exiting", max);
        calls_stop(ctl, 1);
    } else if (calls->failures && calls->failures % (ROUNDS_BEFORE_RESOLVING * calls->n) == 0) {
        dbr_log(ctl->log, DBR_LOG_NOTICE, "no server answers; their names are resolved again");
        ctl->stop = true; /* keeper starts control again, with fresh addresses */
    } else {
        management_state(ctl, "RECONNECTING", was_up ? "connection-lost" : "no-answer");
        call_later(ctl);
    }
}

void calls_now(struct control *ctl, const char *why)
{
    struct calls *calls = ctl->calls;
    if (calls->leave || ctl->shutdown_ns)
        return;
    if (!calls->client) {
        calls->call_ns = calls->waits_for ? calls->call_ns : ctl->now.ns;
        return;
    }
    if (calls->next)
        calls->next--; /* the same server: it is not its fault */
    calls->soon = true;
    dbr_session_close(calls->client->session, NULL, why, &ctl->now);
    client_settle(calls->client);
}

/* Seconds of `ping-restart`, or of `ping-exit`, as the server pushed them or the file has them. */
static int restart_s(struct control *ctl)
{
    const struct dbr_config *pulled = calls_pulled(ctl);
    return pulled ? *DBR_PULLED(pulled, ctl->cfg, ping_restart) : ctl->cfg->ping_restart;
}

static int exit_s(struct control *ctl)
{
    const struct dbr_config *pulled = calls_pulled(ctl);
    return pulled ? *DBR_PULLED(pulled, ctl->cfg, ping_exit) : ctl->cfg->ping_exit;
}

int calls_patience_s(struct control *ctl)
{
    return restart_s(ctl) > 0 ? restart_s(ctl) : exit_s(ctl);
}

bool calls_silence(struct control *ctl, bool inactive)
{
    if (!inactive && restart_s(ctl) > 0)
        return false;
    ctl->calls->leave = ctl->calls->leave_well = true;
    return true;
}

void calls_restart(struct control *ctl)
{
    calls_now(ctl, "SIGUSR1[hard,] received, process restarting");
}

int calls_goodbyes(struct control *ctl)
{
    const struct calls *calls = ctl->calls;
    int own = calls->target ? calls->target->remote->explicit_exit_notify : -1;
    if (own >= 0)
        return own;
    return calls->has_pulled ? *DBR_PULLED(&calls->pulled, ctl->cfg, explicit_exit_notify)
                             : ctl->cfg->explicit_exit_notify;
}

/* The server is told on the channel that both agreed on. */
void calls_shutdown(struct control *ctl)
{
    struct client *c = ctl->calls->client;
    ctl->calls->leave = true;
    if (!c || !c->session)
        return;
    bool active = dbr_session_state(c->session) == DBR_SESSION_ACTIVE;
    int times = active ? calls_goodbyes(ctl) : 0;
    bool control_channel = times && dbr_session_cc_exit(c->session);
    for (int i = 0; i < times && !control_channel; i++)
        workers_send_occ(c, DBR_OCC_EXIT);
    dbr_session_close(c->session, control_channel ? "EXIT" : NULL,
                      times ? "SIGTERM[soft,exit-with-notification] received, process exiting"
                            : "SIGTERM[hard,] received, process exiting",
                      &ctl->now);
    client_settle(c);
}

/* ---- time ---- */

void calls_tick(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (calls->client && calls->answer_ns != UINT64_MAX && dbr_session_has_tls(calls->client->session)) {
        calls->answer_ns = UINT64_MAX;
        management_state(ctl, "AUTH", "");
    }
    if (ctl->now.ns >= calls->answer_ns && calls->client) {
        calls->answer_ns = UINT64_MAX;
        dbr_session_close(calls->client->session, NULL, "no answer from this server; trying the next",
                          &ctl->now);
        client_settle(calls->client);
    }
    calls_net_tick(ctl);
    if (ctl->now.ns >= calls->call_ns)
        calls_begin(ctl);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t calls_deadline(const struct control *ctl)
{
    const struct calls *c = ctl->calls;
    return sooner(c->question_ns, sooner(c->call_ns, c->answer_ns));
}

bool calls_float(const struct control *ctl)
{
    const struct target *t = ctl->calls->target;
    return t && t->remote->float_ >= 0 ? t->remote->float_ : ctl->cfg->float_;
}

struct client *calls_client(struct control *ctl)
{
    return ctl->calls ? ctl->calls->client : NULL;
}

const struct dbr_config *calls_pulled(struct control *ctl)
{
    return ctl->calls && ctl->calls->has_pulled ? &ctl->calls->pulled : NULL;
}
