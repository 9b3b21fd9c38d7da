/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: which server to call, when to call again, what the server's answer means for our TAP. Names
 * are resolved while control may still open sockets and files; when every address has failed for long,
 * control ends and keeper starts it anew, which resolves them again.
 */
#include "control/state.h"
#include "crypto/mac.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SECOND_NS 1000000000ull
enum { MAX_TARGETS = 64, ROUNDS_BEFORE_RESOLVING = 8 };

struct calls {
    struct dbr_addr targets[MAX_TARGETS];
    size_t n, next;
    unsigned failures;  /* calls since the last one that worked */
    uint64_t call_ns;   /* when to call; UINT64_MAX: a call is up */
    uint64_t answer_ns; /* server-poll-timeout of the call that is up; UINT64_MAX: it was answered */
    struct client *client;
    struct dbr_config pulled;
    bool has_pulled;
    bool leave; /* AUTH_FAILED or HALT: do not call again */
};

/* ---- targets ---- */

static int family_of(int proto)
{
    return proto == DBR_CONF_PROTO_UDP4 ? AF_INET : proto == DBR_CONF_PROTO_UDP6 ? AF_INET6 : AF_UNSPEC;
}

static int resolve(struct control *ctl, struct calls *calls, const struct dbr_conf_remote *r)
{
    char port[8];
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_DGRAM};
    hint.ai_family = family_of(r->proto >= 0 ? r->proto : ctl->cfg->proto);
    snprintf(port, sizeof port, "%d", r->port ? r->port : ctl->cfg->rport);
    int err = getaddrinfo(r->host, port, &hint, &list);
    if (err) {
        dbr_log(ctl->log, DBR_LOG_ERROR, "RESOLVE: Cannot resolve host address: %s:%s (%s)", r->host, port,
                gai_strerror(err));
        return DBR_ERR_NOTFOUND;
    }
    for (struct addrinfo *a = list; a && calls->n < MAX_TARGETS; a = a->ai_next)
        if (!dbr_addr_from_sockaddr(&calls->targets[calls->n], a->ai_addr, a->ai_addrlen))
            calls->n++;
    freeaddrinfo(list);
    return 0;
}

static void shuffle(struct calls *calls)
{
    for (size_t i = calls->n; i > 1; i--) {
        uint32_t r;
        if (dbr_random(&r, sizeof r))
            return;
        struct dbr_addr a = calls->targets[i - 1];
        calls->targets[i - 1] = calls->targets[r % i];
        calls->targets[r % i] = a;
    }
}

int calls_load(struct control *ctl)
{
    struct calls *calls = ctl->calls = calloc(1, sizeof *calls);
    if (!calls)
        return DBR_ERR_NOMEM;
    calls->call_ns = calls->answer_ns = UINT64_MAX;
    for (size_t i = 0; i < ctl->cfg->remote.n; i++)
        resolve(ctl, calls, &ctl->cfg->remote.v[i]);
    if (ctl->cfg->remote_random)
        shuffle(calls);
    if (calls->n)
        return 0;
    dbr_log(ctl->log, DBR_LOG_FATAL, "no remote can be resolved; check the name and the resolver");
    return DBR_ERR_CONFIG;
}

void calls_free(struct control *ctl)
{
    if (!ctl->calls)
        return;
    if (ctl->calls->has_pulled)
        dbr_config_free(&ctl->calls->pulled);
    free(ctl->calls);
    ctl->calls = NULL;
}

/* ---- calling ---- */

static struct client *new_call(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    const struct dbr_addr *to = &calls->targets[calls->next++ % calls->n];
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
    c->session = dbr_session_new_client(&ctl->session, c, &ctl->now);
    if (c->session)
        return c;
    client_free(c);
    return NULL;
}

static void call_later(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    const struct dbr_conf_count *retry = &ctl->cfg->connect_retry;
    uint64_t wait_s = (uint64_t)retry->n;
    for (unsigned i = calls->n; i < calls->failures && wait_s < (uint64_t)retry->secs; i++)
        wait_s *= 2;
    if (retry->secs && wait_s > (uint64_t)retry->secs)
        wait_s = (uint64_t)retry->secs;
    calls->call_ns = ctl->now.ns + wait_s * SECOND_NS;
    calls->answer_ns = UINT64_MAX;
}

void calls_begin(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    calls->call_ns = UINT64_MAX;
    calls->client = new_call(ctl);
    if (!calls->client) {
        call_later(ctl);
        return;
    }
    calls->answer_ns = ctl->now.ns + (uint64_t)ctl->cfg->server_poll_timeout * SECOND_NS;
    control_reschedule(calls->client);
}

static void stop(struct control *ctl, int code)
{
    ctl->exit_code = code;
    keeper_say(ctl, DBR_STATE_DONE, code);
    ctl->stop = true;
}

void calls_ended(struct client *c)
{
    struct control *ctl = c->ctl;
    struct calls *calls = ctl->calls;
    bool was_up = dbr_session_authenticated(c->session);
    calls->client = NULL;
    client_free(c);
    if (ctl->shutdown_ns)
        return;
    calls->failures = was_up ? 0 : calls->failures + 1;
    int max = ctl->cfg->connect_retry_max;
    if (calls->leave)
        stop(ctl, 1);
    else if (max && calls->failures >= (unsigned)max * calls->n) {
        dbr_log(ctl->log, DBR_LOG_FATAL,
                "All connections have been connect-retry-max (%d) times unsuccessful, exiting", max);
        stop(ctl, 1);
    } else if (calls->failures && calls->failures % (ROUNDS_BEFORE_RESOLVING * calls->n) == 0) {
        ctl->stop = true; /* keeper starts control again, with fresh addresses */
    } else {
        call_later(ctl);
    }
}

void calls_tick(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    if (calls->client && dbr_session_has_tls(calls->client->session))
        calls->answer_ns = UINT64_MAX;
    if (ctl->now.ns >= calls->answer_ns && calls->client) {
        calls->answer_ns = UINT64_MAX;
        dbr_session_close(calls->client->session, NULL, "no answer from this server; trying the next",
                          &ctl->now);
        client_settle(calls->client);
    }
    if (ctl->now.ns >= calls->call_ns)
        calls_begin(ctl);
}

uint64_t calls_deadline(const struct control *ctl)
{
    const struct calls *c = ctl->calls;
    return c->call_ns < c->answer_ns ? c->call_ns : c->answer_ns;
}

struct client *calls_client(struct control *ctl)
{
    return ctl->calls ? ctl->calls->client : NULL;
}

const struct dbr_config *calls_pulled(struct control *ctl)
{
    return ctl->calls && ctl->calls->has_pulled ? &ctl->calls->pulled : NULL;
}

/* ---- what the server says ---- */

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    client_log(arg, severity == DBR_CONF_ERROR ? DBR_LOG_ERROR : DBR_LOG_INFO, "%s", line);
}

static void tell_tap(struct control *ctl)
{
    const struct dbr_config *pulled = &ctl->calls->pulled, *own = ctl->cfg;
    struct dbr_ipc_tap_address m = {.head = dbr_ipc_head(DBR_IPC_TAP_ADDRESS, sizeof m, 0), .up = 1};
    const struct dbr_conf_ifconfig *ip = DBR_PULLED(pulled, own, ifconfig);
    char *const *gateway = DBR_PULLED(pulled, own, route_gateway);
    for (int i = 0; i < 4 && !own->ifconfig_noexec; i++) {
        m.v4[i] = (uint8_t)(ip->local >> (24 - 8 * i));
        m.mask4[i] = (uint8_t)(ip->netmask >> (24 - 8 * i));
    }
    m.dhcp = !ip->local && !own->ifconfig_noexec && *gateway && strcmp(*gateway, "dhcp") == 0;
    m.mtu = (uint16_t)*DBR_PULLED(pulled, own, tun_mtu);
    keeper_tap_address(ctl, &m);
}

int calls_pushed(struct client *c, const char *options)
{
    struct control *ctl = c->ctl;
    struct calls *calls = ctl->calls;
    struct dbr_conf_diag diag = {.say = say, .arg = c};
    char safe[1024];
    client_log(c, DBR_LOG_INFO, "PUSH: Received control message: 'PUSH_REPLY,%s'",
               dbr_log_escape(safe, sizeof safe, options, strlen(options)));
    if (calls->has_pulled)
        dbr_config_free(&calls->pulled);
    calls->has_pulled = true;
    int err = dbr_config_init(&calls->pulled);
    if (!err)
        err = dbr_config_parse_pushed(&calls->pulled, ctl->cfg, options, strlen(options), &diag);
    if (err)
        return err;
    calls->failures = 0;
    calls->answer_ns = UINT64_MAX;
    tell_tap(ctl);
    dbr_log(ctl->log, DBR_LOG_NOTICE, "Initialization Sequence Completed");
    keeper_say(ctl, DBR_STATE_CONNECTED, 0);
    return 0;
}

static void auth_failed(struct client *c, const char *rest)
{
    char safe[256];
    bool temporary = strncmp(rest, "TEMP", 4) == 0;
    client_log(c, DBR_LOG_NOTICE, "AUTH: Received control message: AUTH_FAILED%s%s", *rest ? "," : "",
               dbr_log_escape(safe, sizeof safe, rest, strlen(rest)));
    c->ctl->calls->leave = !temporary && c->ctl->cfg->auth_retry == DBR_AUTH_RETRY_NONE;
    dbr_session_close(c->session, NULL, "SIGTERM[soft,auth-failure] received, process exiting", &c->ctl->now);
}

void calls_message(struct client *c, enum dbr_ctrlmsg kind, const char *rest)
{
    struct control *ctl = c->ctl;
    if (kind == DBR_MSG_AUTH_FAILED) {
        auth_failed(c, rest);
    } else if (kind == DBR_MSG_RESTART || kind == DBR_MSG_EXIT) {
        if (strstr(rest, "[N]") == NULL && ctl->calls->next)
            ctl->calls->next--; /* the same server again */
        dbr_session_close(c->session, NULL,
                          "SIGUSR1[soft,server-pushed-connection-reset] received, restarting", &ctl->now);
    } else if (kind == DBR_MSG_HALT) {
        ctl->calls->leave = true;
        dbr_session_close(c->session, NULL, "SIGTERM[soft,server-pushed-halt] received, exiting", &ctl->now);
    }
}
