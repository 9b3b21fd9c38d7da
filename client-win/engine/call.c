/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Whom to call, and when again. The remotes come in turn, of each all its addresses; a name is resolved
 * before each turn, as the network may be another one by then, and where the resolver is silent (it may be
 * behind the tunnel that is gone) the address that answered last counts. A server that was up is called again
 * at once, and first.
 */
#include "client-win/engine/priv.h"

#include "base/err.h"
#include "base/sockets.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum {
    RESOLVE_PATIENCE_S = 20,
    QUESTIONS = 3,
    QUESTION_EVERY_NS = 400000000,
    SETTLE_NS = 30000000, /* several addresses and routes come in a row */
};

static size_t remote_index(const struct call *c)
{
    return c->order[c->next % c->n];
}

static const struct dbr_conf_remote *remote_of(const struct dbr_engine *e)
{
    return &e->cfg.remote.v[remote_index(&e->call)];
}

/* ---- the next call ---- */

static uint64_t back_off_s(const struct dbr_engine *e)
{
    const struct dbr_conf_count *retry = &e->cfg.connect_retry;
    uint64_t wait_s = (uint64_t)retry->n, most = retry->secs > 0 ? (uint64_t)retry->secs : wait_s;
    for (unsigned i = 1; i < e->call.rounds && wait_s < most; i++)
        wait_s *= 2;
    return wait_s > most ? most : wait_s;
}

static void call_later(struct dbr_engine *e, bool wait)
{
    struct call *c = &e->call;
    c->call_ns = e->now.ns + (wait && !c->soon ? back_off_s(e) * SECOND_NS : 0);
    if (c->call_ns < c->pause_ns)
        c->call_ns = c->pause_ns;
    c->soon = false;
}

static void next_remote(struct call *c)
{
    c->n_addrs = c->next_addr = 0;
    c->next = (c->next + 1) % c->n;
    c->rounds += !c->next;
}

static int family_of(const struct dbr_engine *e)
{
    const struct dbr_conf_remote *r = remote_of(e);
    int proto = r->proto >= 0 ? r->proto : e->cfg.proto;
    return proto == DBR_CONF_PROTO_UDP4 ? 4 : proto == DBR_CONF_PROTO_UDP6 ? 6 : 0;
}

static bool is_number(const char *host)
{
    uint8_t ip[16];
    return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

static void dial(struct dbr_engine *e);

static void resolve(struct dbr_engine *e)
{
    const struct dbr_conf_remote *r = remote_of(e);
    struct call *c = &e->call;
    char name[300];
    uint8_t d[6];
    const char *host = r->host;
    if (e->net.is_applied && e->net.full) { /* no name is resolved beside a full tunnel */
        if (c->known[remote_index(c)].family && !c->rounds) {
            c->n_addrs = 1;
            c->addrs[0] = c->known[remote_index(c)];
            dial(e);
            return;
        }
        if (!is_number(host)) {
            engine_log(e, DBR_LOG_WARN,
                       "WARNING: the full tunnel is taken back to look for the server's name");
            push_clear(e);
        }
    }
    if (e->cfg.remote_random_hostname && strspn(host, "0123456789.") < strlen(host) && !strchr(host, ':')) {
        e->ops->random(e->arg, d, sizeof d);
        snprintf(name, sizeof name, "%02x%02x%02x%02x%02x%02x.%.250s", d[0], d[1], d[2], d[3], d[4], d[5],
                 host);
        host = name;
    }
    c->call_ns = NEVER;
    c->resolve_ns = e->now.ns + RESOLVE_PATIENCE_S * SECOND_NS;
    e->ops->resolve(e->arg, ++c->ticket, host, (uint16_t)(r->port ? r->port : e->cfg.rport), family_of(e));
}

bool call_may_float(const struct dbr_engine *e)
{
    int own = remote_of(e)->float_;
    return own >= 0 ? own : e->cfg.float_;
}

static void failed(struct dbr_engine *e);

static void dial(struct dbr_engine *e)
{
    struct call *c = &e->call;
    char text[DBR_ADDR_TEXT];
    c->call_ns = NEVER;
    c->to = c->addrs[c->next_addr++];
    dbr_addr_text(&c->to, text);
    push_way(e);
    if (e->ops->open(e->arg, &c->to, call_may_float(e))) {
        engine_log(e, DBR_LOG_NOTICE, "%s cannot be called from here", text);
        failed(e);
        return;
    }
    engine_log(e, DBR_LOG_NOTICE, "UDPv%u link remote: [AF_INET%s]%s", c->to.family,
               c->to.family == 6 ? "6" : "", text);
    c->session = dbr_session_new_client(&e->session, e, &e->now);
    if (!c->session) {
        failed(e);
        return;
    }
    int own = remote_of(e)->connect_timeout;
    c->answer_ns = e->now.ns + (uint64_t)(own > 0 ? own : e->cfg.server_poll_timeout) * SECOND_NS;
}

void call_begin(struct dbr_engine *e)
{
    struct call *c = &e->call;
    c->call_ns = NEVER;
    if (c->session || c->leave || !login_ready(e))
        return;
    if (c->next_addr < c->n_addrs)
        dial(e);
    else
        resolve(e);
}

void dbr_engine_resolved(struct dbr_engine *e, unsigned ticket, const struct dbr_addr *addrs, size_t n,
                         const struct dbr_now *now)
{
    struct call *c = &e->call;
    e->now = *now;
    if (c->resolve_ns == NEVER || ticket != c->ticket || c->session || e->over || e->stopping)
        return;
    c->resolve_ns = NEVER;
    const struct dbr_addr *known = &c->known[remote_index(c)];
    if (!n && known->family) {
        addrs = known;
        n = 1;
    }
    if (!n)
        engine_log(e, DBR_LOG_NOTICE, "RESOLVE: Cannot resolve host address: %s", remote_of(e)->host);
    c->n_addrs = n < MAX_ADDRS ? n : MAX_ADDRS;
    c->next_addr = 0;
    for (size_t i = 0; i < c->n_addrs; i++)
        c->addrs[i] = addrs[i];
    if (n)
        dial(e);
    else
        failed(e);
}

/* ---- the end of a call ---- */

static void again_later(struct dbr_engine *e, const char *text)
{
    if (e->state == DBR_ENGINE_CONNECTED || e->net.is_applied || e->call.rounds)
        engine_state(e, DBR_ENGINE_RECONNECTING, text);
}

/* A call came to nothing. */
static void failed(struct dbr_engine *e)
{
    struct call *c = &e->call;
    bool wait = c->next_addr >= c->n_addrs;
    int max = e->cfg.connect_retry_max;
    if (wait)
        next_remote(c);
    c->failures++;
    if (max && c->rounds >= (unsigned)max)
        engine_fail(e, "The server does not answer. Check your internet connection and try again later.");
    else {
        again_later(e, e->net.full && !e->net.is_applied
                           ? "The server does not answer. Your traffic goes past the tunnel until it does."
                           : "The server does not answer. Trying again ...");
        call_later(e, wait);
    }
}

/* The session was up: that server first, and with fresh addresses. */
static void lost(struct dbr_engine *e)
{
    struct call *c = &e->call;
    if (c->again)
        c->n_addrs = c->next_addr = 0;
    else
        next_remote(c);
    c->failures = c->rounds = 0;
    engine_state(e, DBR_ENGINE_RECONNECTING, "The connection was lost. Connecting again ...");
    call_later(e, true);
}

static void ended(struct dbr_engine *e)
{
    struct call *c = &e->call;
    bool was_up = dbr_session_authenticated(c->session) && e->data.since_ns;
    frames_down(e);
    dbr_session_free(c->session);
    c->session = NULL;
    c->answer_ns = c->question_ns = NEVER;
    e->data.since_ns = 0;
    login_over(e, was_up);
    if (e->stopping)
        return;
    if (c->soon && !e->waits_for)
        c->soon = dbr_hurry_may(&c->hurry, e->now.ns);
    if (c->leave)
        engine_fail(e, c->why);
    else if (e->waits_for)
        c->call_ns = NEVER; /* the answer begins the next call */
    else if (was_up)
        lost(e);
    else if (c->again && (c->soon || c->pause_ns > e->now.ns)) {
        c->next_addr -= c->next_addr > 0;
        call_later(e, false);
    } else
        failed(e);
    c->soon = c->again = false;
}

/* The first answer of this server. */
static void heard(struct dbr_engine *e)
{
    struct call *c = &e->call;
    if (c->answer_ns == NEVER || !dbr_session_has_tls(c->session))
        return;
    c->answer_ns = NEVER;
    if (!e->waits_for)
        engine_state(e, DBR_ENGINE_AUTHENTICATING, "");
}

void call_is_up(struct dbr_engine *e)
{
    struct call *c = &e->call;
    c->failures = c->rounds = 0;
    c->answer_ns = NEVER;
    c->known[remote_index(c)] = c->to;
}

void call_settle(struct dbr_engine *e)
{
    struct call *c = &e->call;
    if (!c->session)
        return;
    heard(e);
    enum dbr_session_state state = dbr_session_state(c->session);
    if (state >= DBR_SESSION_CLOSING)
        frames_down(e);
    if (state == DBR_SESSION_DEAD)
        ended(e);
}

void call_end(struct dbr_engine *e, const char *why)
{
    if (e->call.session)
        dbr_session_close(e->call.session, NULL, why, &e->now);
}

void call_goodbye(struct dbr_engine *e)
{
    struct call *c = &e->call;
    c->call_ns = c->resolve_ns = NEVER;
    if (!c->session)
        return;
    int own = remote_of(e)->explicit_exit_notify;
    int global =
        e->has_pulled ? *DBR_PULLED(&e->pulled, &e->cfg, explicit_exit_notify) : e->cfg.explicit_exit_notify;
    int times = dbr_session_state(c->session) == DBR_SESSION_ACTIVE ? (own >= 0 ? own : global) : 0;
    bool on_control = times && dbr_session_cc_exit(c->session);
    for (int i = 0; i < times && !on_control; i++)
        frames_send_occ(e, DBR_OCC_EXIT);
    dbr_session_close(c->session, on_control ? "EXIT" : NULL, "the user has disconnected", &e->now);
    call_settle(e);
}

void call_free(struct dbr_engine *e)
{
    dbr_session_free(e->call.session);
    e->call.session = NULL;
}

/* ---- what the server says ---- */

static void stay_out(struct dbr_engine *e, const char *head, const char *rest, const char *tail)
{
    char safe[128];
    struct call *c = &e->call;
    c->leave = true;
    dbr_log_escape(safe, sizeof safe, rest, strlen(rest));
    snprintf(c->why, sizeof c->why, "%s%s%s%s", head, *safe ? ": " : "", safe, tail);
}

static void auth_failed(struct dbr_engine *e, const char *rest)
{
    struct call *c = &e->call;
    char safe[256];
    bool temporary = strncmp(rest, "TEMP", 4) == 0, advance = true;
    int wait_s = temporary ? dbr_temp_parse(rest, &advance) : 0;
    engine_log(e, DBR_LOG_NOTICE, "AUTH: Received control message: AUTH_FAILED%s%s", *rest ? "," : "",
               dbr_log_escape(safe, sizeof safe, rest, strlen(rest)));
    enum login_fate fate = temporary ? LOGIN_LATER : login_failed(e, rest);
    if (fate == LOGIN_OVER)
        stay_out(e, "The server does not let you in", rest, ". Ask your administrator.");
    c->soon = fate == LOGIN_AT_ONCE;
    c->again = !advance || fate == LOGIN_AT_ONCE;
    c->pause_ns = e->now.ns + (uint64_t)wait_s * SECOND_NS;
    call_end(e, fate == LOGIN_OVER ? "SIGTERM[soft,auth-failure] received"
                                   : "SIGUSR1[soft,auth-failure] received");
}

static void restarts(struct dbr_engine *e, const char *rest)
{
    struct call *c = &e->call;
    c->again = strstr(rest, "[N]") == NULL;
    c->soon = strstr(rest, "[A]") != NULL && dbr_session_authenticated(c->session);
    call_end(e, "SIGUSR1[soft,server-pushed-connection-reset] received, restarting");
}

static void halts(struct dbr_engine *e, const char *rest)
{
    stay_out(e, "The server has ended your connection", rest,
             ". Connect again later, or ask your administrator.");
    call_end(e, "SIGTERM[soft,server-pushed-halt] received");
}

static void pending(struct dbr_engine *e, const char *rest)
{
    int seconds = dbr_pending_parse(rest);
    dbr_session_wait(e->call.session, (unsigned)seconds, &e->now);
    engine_log(e, DBR_LOG_NOTICE, "the server waits for something to let us in (%d s)", seconds);
}

void call_message(struct dbr_engine *e, enum dbr_ctrlmsg kind, const char *rest)
{
    static const struct {
        enum dbr_ctrlmsg kind;
        void (*take)(struct dbr_engine *e, const char *rest);
    } table[] = {{DBR_MSG_AUTH_FAILED, auth_failed},
                 {DBR_MSG_AUTH_PENDING, pending},
                 {DBR_MSG_INFO_PRE, login_info},
                 {DBR_MSG_PUSH_REPLY, push_later},
                 {DBR_MSG_RESTART, restarts},
                 {DBR_MSG_EXIT, restarts},
                 {DBR_MSG_HALT, halts}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].kind == kind)
            table[i].take(e, rest);
}

/* ---- is the server still there? ---- */

static bool can_ask(const struct dbr_engine *e)
{
    return e->call.session && e->data.up && dbr_session_state(e->call.session) == DBR_SESSION_ACTIVE;
}

static void call_now(struct dbr_engine *e, const char *why)
{
    struct call *c = &e->call;
    c->soon = c->again = true;
    call_end(e, why);
    call_settle(e);
}

void dbr_engine_network(struct dbr_engine *e, const char *why, const struct dbr_now *now)
{
    struct call *c = &e->call;
    e->now = *now;
    if (e->over || e->stopping || !e->started || e->waits_for)
        return;
    if (can_ask(e)) {
        engine_log(e, DBR_LOG_INFO, "%s: is the server still there?", why);
        if (e->ops->open(e->arg, &c->to, call_may_float(e))) /* from the address that we have now */
            engine_log(e, DBR_LOG_NOTICE, "the server cannot be reached from here at the moment");
        c->asked = 0;
        c->question_ns = e->now.ns + SETTLE_NS;
    } else if (c->session) {
        call_now(e, why);
    } else if (c->call_ns != NEVER) {
        c->call_ns = e->now.ns < c->pause_ns ? c->pause_ns : e->now.ns;
    }
}

void call_answered(struct dbr_engine *e)
{
    if (e->call.question_ns != NEVER)
        engine_log(e, DBR_LOG_INFO, "the server is there");
    e->call.question_ns = NEVER;
}

static void ask_server(struct dbr_engine *e)
{
    struct call *c = &e->call;
    c->question_ns = NEVER;
    if (!can_ask(e))
        return;
    if (c->asked++ >= QUESTIONS) {
        call_now(e, "the server does not answer any more: calling again");
        return;
    }
    frames_send_occ(e, DBR_OCC_REQUEST);
    c->question_ns = e->now.ns + QUESTION_EVERY_NS;
}

/* ---- time ---- */

void call_tick(struct dbr_engine *e)
{
    struct call *c = &e->call;
    if (c->session && e->now.ns >= c->answer_ns) {
        c->answer_ns = NEVER;
        call_end(e, "no answer from this server; trying the next");
        call_settle(e);
    }
    if (e->now.ns >= c->resolve_ns)
        dbr_engine_resolved(e, c->ticket, NULL, 0, &e->now);
    if (e->now.ns >= c->question_ns)
        ask_server(e);
    if (!e->over && !e->stopping && e->now.ns >= c->call_ns)
        call_begin(e);
}

uint64_t call_deadline(const struct dbr_engine *e)
{
    const struct call *c = &e->call;
    return sooner(sooner(c->call_ns, c->resolve_ns), sooner(c->answer_ns, c->question_ns));
}
