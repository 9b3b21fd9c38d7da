/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: what the server says, and what it means for this machine: the address of the TAP, routes, the
 * variables of scripts. Keeper does it; here it is read, bounded and judged. A server may route networks to
 * itself; a route of its own for everything needs redirect-gateway (split tunnel otherwise).
 */
#include "control/calls.h"
#include "base/bytes.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
enum { ROUTE_LINE = 128, ROUTES_MAX = 64 };

/* ---- routes ---- */

_Static_assert((int)DBR_WAY_TUNNEL == (int)DBR_ROUTE_TUNNEL && (int)DBR_WAY_AROUND == (int)DBR_ROUTE_AROUND,
               "keeper and the room below say the same");

void calls_send_way(struct control *ctl, const struct dbr_way *w)
{
    struct dbr_ipc_route r = {.head = dbr_ipc_head(DBR_IPC_ROUTE, sizeof r, 0),
                              .what = w->what,
                              .metric = w->metric,
                              .family = w->family,
                              .prefix = w->prefix};
    memcpy(r.dst, w->dst, sizeof r.dst);
    memcpy(r.via, w->via, sizeof r.via);
    keeper_tell(ctl, &r);
}

static void clear_routes(struct control *ctl)
{
    struct dbr_ipc_route r = {.head = dbr_ipc_head(DBR_IPC_ROUTE, sizeof r, 0), .what = DBR_ROUTE_CLEAR};
    keeper_tell(ctl, &r);
}

/* One half of everything, twice: the default route that is there stays, for the end. */
static void send_everything(struct control *ctl, uint32_t gateway, uint32_t metric)
{
    static const char *const halves[] = {"0.0.0.0 128.0.0.0", "128.0.0.0 128.0.0.0"};
    struct dbr_way r;
    for (size_t i = 0; i < 2; i++)
        if (!dbr_way_parse(&r, halves[i], gateway, metric))
            calls_send_way(ctl, &r);
}

void calls_keep_way(struct control *ctl)
{
    const struct calls *calls = ctl->calls;
    struct dbr_way r = {.what = DBR_WAY_AROUND};
    if (!calls->target)
        return;
    const struct dbr_addr *server = calls->client ? &calls->client->addr : &calls->target->addr;
    if (!calls->full && !(server->family == 6 && calls_has_routes6(ctl)))
        return;
    r.family = server->family;
    r.prefix = server->family == 6 ? 128 : 32;
    memcpy(r.dst, server->ip, server->family == 6 ? 16 : 4);
    calls_send_way(ctl, &r);
}

/* "remote_host 255.255.255.255 net_gateway" with the address of the server; NULL: it has none of IPv4. */
static const char *name_server(const struct control *ctl, const char *line, char out[ROUTE_LINE])
{
    static const char word[] = "remote_host";
    char ip[DBR_ADDR_TEXT];
    const struct target *t = ctl->calls->target;
    if (strncmp(line, word, sizeof word - 1) != 0)
        return line;
    if (!t || t->addr.family != 4)
        return NULL;
    snprintf(out, ROUTE_LINE, "%s%s", dbr_addr_ip_text(&t->addr, ip), line + sizeof word - 1);
    return out;
}

static void send_list(struct control *ctl, const struct dbr_conf_list *list, uint32_t gateway,
                      uint32_t metric, bool full)
{
    struct dbr_way r;
    char named[ROUTE_LINE];
    for (size_t i = 0; i < list->n && i < ROUTES_MAX; i++) {
        const char *line = name_server(ctl, list->v[i], named);
        if (!line)
            continue;
        if (dbr_way_parse(&r, line, gateway, metric))
            dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: route %s is not understood and is left out",
                    list->v[i]);
        else if (r.prefix == 0 && !full)
            dbr_log(ctl->log, DBR_LOG_WARN,
                    "WARNING: route %s would take all traffic and is left out; write `redirect-gateway` if "
                    "that is meant",
                    list->v[i]);
        else
            calls_send_way(ctl, &r);
    }
}

/* A flag of redirect-gateway or redirect-private, here or pushed. */
static bool has_flag(const struct control *ctl, const char *flag)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    const struct dbr_conf_list *lists[] = {&ctl->cfg->redirect_gateway, &pulled->redirect_gateway,
                                           &ctl->cfg->redirect_private, &pulled->redirect_private};
    for (size_t l = 0; l < 4; l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            if (strcmp(lists[l]->v[i], flag) == 0)
                return true;
    return false;
}

static bool wants_everything(const struct control *ctl)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    return DBR_IS_SET(ctl->cfg, redirect_gateway) || DBR_IS_SET(pulled, redirect_gateway);
}

static bool wants_way(const struct control *ctl)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    bool any = wants_everything(ctl) || DBR_IS_SET(ctl->cfg, redirect_private) ||
               DBR_IS_SET(pulled, redirect_private);
    return any && !has_flag(ctl, "local");
}

/* The gateway of routes; 0: the one of the DHCP lease. */
static uint32_t gateway_of(const struct control *ctl)
{
    const char *text = *DBR_PULLED(&ctl->calls->pulled, ctl->cfg, route_gateway);
    uint32_t ip = 0;
    return text && !dbr_way_ip4(text, &ip) ? ip : 0;
}

static void tell_routes(struct control *ctl)
{
    struct calls *calls = ctl->calls;
    uint32_t gateway = gateway_of(ctl),
             metric = (uint32_t)*DBR_PULLED(&calls->pulled, ctl->cfg, route_metric);
    bool full = wants_everything(ctl);
    if (ctl->cfg->route_noexec)
        return;
    calls->full = wants_way(ctl);
    clear_routes(ctl);
    calls_keep_way(ctl);
    send_list(ctl, &ctl->cfg->route, gateway, metric, full);
    send_list(ctl, &calls->pulled.route, gateway, metric, full);
    if (full && !has_flag(ctl, "!ipv4"))
        send_everything(ctl, gateway, metric);
    calls_tell_routes6(ctl, full && has_flag(ctl, "ipv6"));
}

/* ---- scripts ---- */

static void tell_env(struct control *ctl, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void tell_env(struct control *ctl, const char *name, const char *fmt, ...)
{
    struct dbr_ipc_env m = {.head = dbr_ipc_head(DBR_IPC_ENV, sizeof m, 0)};
    char text[sizeof m.value];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(m.name, sizeof m.name, "%s", name);
    dbr_log_escape(m.value, sizeof m.value, text, strlen(text));
    keeper_tell(ctl, &m);
}

static void put_env(struct control *ctl, const char *name, const char *value)
{
    tell_env(ctl, name, "%s", value);
}

static void tell_server_env(struct control *ctl)
{
    const struct target *t = ctl->calls->target;
    char ip[DBR_ADDR_TEXT];
    dbr_addr_ip_text(&t->addr, ip);
    tell_env(ctl, t->addr.family == 6 ? "trusted_ip6" : "trusted_ip", "%s", ip);
    tell_env(ctl, "trusted_port", "%u", t->addr.port);
    tell_env(ctl, "remote_1", "%s", t->remote->host);
    tell_env(ctl, "remote_port_1", "%u", t->addr.port);
    tell_env(ctl, "proto_1", "udp");
    const struct dbr_x509 *peer = dbr_session_peer(ctl->calls->client->session);
    if (peer)
        tell_env(ctl, "common_name", "%s", peer->cn);
}

/* What OpenVPN's `up` scripts find in their environment (man page, section environmental variables). */
static void tell_script(struct control *ctl)
{
    const struct dbr_config *pulled = &ctl->calls->pulled;
    const struct dbr_conf_list *lists[] = {&ctl->cfg->dhcp_option, &pulled->dhcp_option};
    const char *gateway = *DBR_PULLED(pulled, ctl->cfg, route_gateway);
    char name[32];
    unsigned n = 0;
    tell_env(ctl, "", "%s", "");
    tell_server_env(ctl);
    if (gateway && strcmp(gateway, "dhcp") != 0)
        tell_env(ctl, "route_vpn_gateway", "%s", gateway);
    calls_dns_env(ctl, put_env);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < lists[l]->n && n < ROUTES_MAX; i++) {
            snprintf(name, sizeof name, "foreign_option_%u", ++n);
            tell_env(ctl, name, "dhcp-option %s", lists[l]->v[i]);
        }
}

/* ---- address ---- */

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    client_log(arg, severity == DBR_CONF_ERROR ? DBR_LOG_ERROR : DBR_LOG_INFO, "%s", line);
}

void calls_tell_tap(struct control *ctl)
{
    const struct dbr_config *pulled = &ctl->calls->pulled, *own = ctl->cfg;
    struct dbr_ipc_tap_address m = {.head = dbr_ipc_head(DBR_IPC_TAP_ADDRESS, sizeof m, 0), .up = 1};
    const struct dbr_conf_ifconfig *ip = DBR_PULLED(pulled, own, ifconfig);
    char *const *gateway = DBR_PULLED(pulled, own, route_gateway);
    m.noexec = own->ifconfig_noexec;
    m.full = wants_everything(ctl);
    for (int i = 0; i < 4; i++) {
        m.v4[i] = (uint8_t)(ip->local >> (24 - 8 * i));
        m.mask4[i] = (uint8_t)(ip->netmask >> (24 - 8 * i));
    }
    const struct dbr_conf_ipv6 *ip6 = DBR_PULLED(pulled, own, ifconfig_ipv6);
    memcpy(m.v6, ip6->ip, sizeof m.v6);
    m.prefix6 = own->ifconfig_noexec ? 0 : ip6->bits;
    m.dhcp = !ip->local && !own->ifconfig_noexec && *gateway && strcmp(*gateway, "dhcp") == 0;
    m.mtu = (uint16_t)*DBR_PULLED(pulled, own, tun_mtu);
    keeper_tell(ctl, &m);
}

/* ---- messages ---- */

/* For the log: escaped, and a token is not shown. */
static const char *without_token(char *out, size_t cap, const char *options)
{
    static const char word[] = "auth-token ";
    dbr_log_escape(out, cap, options, strlen(options));
    char *at = strstr(out, word);
    if (at) {
        at += sizeof word - 1;
        size_t n = strcspn(at, ",");
        memset(at, '*', n < 8 ? n : 8);
        if (n > 8)
            memmove(at + 8, at + n, strlen(at + n) + 1);
    }
    return out;
}

static void log_push(struct client *c, const char *options)
{
    char safe[1024];
    client_log(c, DBR_LOG_INFO, "PUSH: Received control message: 'PUSH_REPLY,%s'",
               without_token(safe, sizeof safe, options));
}

/* What a server pushes to a session that stands: a new token. */
static void later_push(struct client *c, const char *options)
{
    struct control *ctl = c->ctl;
    struct dbr_config fresh;
    struct dbr_conf_diag diag = {.say = say, .arg = c};
    log_push(c, options);
    if (dbr_config_init(&fresh))
        return;
    if (!dbr_config_parse_pushed(&fresh, ctl->cfg, options, strlen(options), &diag))
        calls_login_pushed(ctl, &fresh);
    dbr_config_free(&fresh);
}

int calls_pushed(struct client *c, const char *options)
{
    struct control *ctl = c->ctl;
    struct calls *calls = ctl->calls;
    struct dbr_conf_diag diag = {.say = say, .arg = c};
    if (!ctl->cfg->p2p)
        log_push(c, options);
    if (calls->has_pulled)
        dbr_config_free(&calls->pulled);
    calls->has_pulled = true;
    int err = dbr_config_init(&calls->pulled);
    if (!err)
        err = dbr_config_parse_pushed(&calls->pulled, ctl->cfg, options, strlen(options), &diag);
    if (err)
        return err;
    calls_login_pushed(ctl, &calls->pulled);
    calls->failures = 0;
    calls->answer_ns = UINT64_MAX;
    tell_script(ctl);
    hook_address(c);
    calls_tell_tap(ctl);
    tell_routes(ctl);
    calls_tell_dns(ctl, wants_everything(ctl));
    dbr_log(ctl->log, DBR_LOG_NOTICE, "Initialization Sequence Completed");
    management_state(ctl, "CONNECTED", "SUCCESS");
    keeper_say(ctl, DBR_STATE_CONNECTED, 0);
    return 0;
}

static void same_server_again(struct calls *calls)
{
    if (calls->next)
        calls->next--;
}

static void auth_failed(struct client *c, const char *rest)
{
    struct calls *calls = c->ctl->calls;
    char safe[256];
    bool temporary = strncmp(rest, "TEMP", 4) == 0, advance = true;
    int wait_s = temporary ? dbr_temp_parse(rest, &advance) : 0;
    enum login_fate fate = temporary ? LOGIN_LATER : calls_login_failed(c->ctl, rest);
    client_log(c, DBR_LOG_NOTICE, "AUTH: Received control message: AUTH_FAILED%s%s", *rest ? "," : "",
               dbr_log_escape(safe, sizeof safe, rest, strlen(rest)));
    calls->leave = fate == LOGIN_OVER;
    calls->soon = fate == LOGIN_AT_ONCE;
    calls->pause_ns = c->ctl->now.ns + (uint64_t)wait_s * SECOND_NS;
    if (!advance || fate == LOGIN_AT_ONCE)
        same_server_again(calls);
    dbr_session_close(c->session, NULL,
                      calls->leave ? "SIGTERM[soft,auth-failure] received, process exiting"
                                   : "SIGUSR1[soft,auth-failure] received, trying again",
                      &c->ctl->now);
}

void calls_message(struct client *c, enum dbr_ctrlmsg kind, const char *rest)
{
    struct control *ctl = c->ctl;
    if (kind == DBR_MSG_AUTH_FAILED) {
        auth_failed(c, rest);
    } else if (kind == DBR_MSG_AUTH_PENDING) {
        dbr_session_wait(c->session, (unsigned)dbr_pending_parse(rest), &ctl->now);
        client_log(c, DBR_LOG_NOTICE, "the server waits for something to let us in (%d s)",
                   dbr_pending_parse(rest));
    } else if (kind == DBR_MSG_INFO_PRE) {
        calls_login_info(c, rest);
    } else if (kind == DBR_MSG_PUSH_REPLY) {
        later_push(c, rest);
    } else if (kind == DBR_MSG_RESTART || kind == DBR_MSG_EXIT) {
        if (strstr(rest, "[N]") == NULL)
            same_server_again(ctl->calls);
        ctl->calls->soon = strstr(rest, "[A]") != NULL && dbr_session_authenticated(c->session);
        dbr_session_close(c->session, NULL,
                          "SIGUSR1[soft,server-pushed-connection-reset] received, restarting", &ctl->now);
    } else if (kind == DBR_MSG_HALT) {
        ctl->calls->leave = true;
        client_log(c, DBR_LOG_NOTICE, "Halt command was pushed by server");
        dbr_session_close(c->session, NULL, "SIGTERM[soft,server-pushed-halt] received, exiting", &ctl->now);
    }
}
