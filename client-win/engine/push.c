/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the server pushes, and what it means for this machine: address, routes, name servers, as steps. A
 * server may route networks to itself; a route of its own for everything needs redirect-gateway. The same
 * steps as before are not told again: a reconnect that changes nothing leaves Windows alone.
 */
#include "client-win/engine/priv.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sockets.h"
#include "base/log.h"
#include "client/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 64, ROUTE_LINE = 160 };

static const uint8_t none[16];

/* ---- steps ---- */

static struct dbr_net_step *add(struct dbr_engine *e, enum dbr_net_kind kind)
{
    struct net *n = &e->net;
    static struct dbr_net_step spare;
    if (n->n == MAX_STEPS) {
        n->dropped = true;
        return &spare;
    }
    struct dbr_net_step *s = &n->steps[n->n++];
    memset(s, 0, sizeof *s);
    s->kind = (uint8_t)kind;
    return s;
}

static unsigned prefix_of(uint32_t mask)
{
    unsigned bits = 0;
    for (; mask & 0x80000000u; mask <<= 1)
        bits++;
    return bits;
}

static void add_way(struct dbr_engine *e, const struct dbr_way *w)
{
    struct dbr_net_step *s = add(e, DBR_NET_ROUTE);
    s->family = w->family;
    s->prefix = w->prefix;
    s->what = (uint8_t)w->what;
    s->value = w->metric;
    memcpy(s->ip, w->dst, sizeof s->ip);
    memcpy(s->via, w->via, sizeof s->via);
}

/* ---- address ---- */

static void add_addresses(struct dbr_engine *e)
{
    const struct dbr_conf_ifconfig *ip = DBR_PULLED(&e->pulled, &e->cfg, ifconfig);
    const struct dbr_conf_ipv6 *ip6 = DBR_PULLED(&e->pulled, &e->cfg, ifconfig_ipv6);
    add(e, DBR_NET_MTU)->value = (uint32_t)*DBR_PULLED(&e->pulled, &e->cfg, tun_mtu);
    if (e->cfg.ifconfig_noexec)
        return;
    if (ip->local) {
        struct dbr_net_step *s = add(e, DBR_NET_ADDRESS);
        s->family = 4;
        s->prefix = (uint8_t)prefix_of(ip->netmask);
        dbr_put32(s->ip, ip->local);
    } else {
        add(e, DBR_NET_DHCP);
    }
    if (ip6->bits) {
        struct dbr_net_step *s = add(e, DBR_NET_ADDRESS);
        s->family = 6;
        s->prefix = ip6->bits;
        memcpy(s->ip, ip6->ip, sizeof s->ip);
    }
}

/* ---- routes ---- */

static bool has_flag(const struct dbr_engine *e, const char *flag)
{
    const struct dbr_conf_list *lists[] = {&e->cfg.redirect_gateway, &e->pulled.redirect_gateway,
                                           &e->cfg.redirect_private, &e->pulled.redirect_private};
    for (size_t l = 0; l < 4; l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            if (strcmp(lists[l]->v[i], flag) == 0)
                return true;
    return false;
}

static bool wants_everything(const struct dbr_engine *e)
{
    return DBR_IS_SET(&e->cfg, redirect_gateway) || DBR_IS_SET(&e->pulled, redirect_gateway);
}

static bool wants_way(const struct dbr_engine *e)
{
    bool any = wants_everything(e) || DBR_IS_SET(&e->cfg, redirect_private) ||
               DBR_IS_SET(&e->pulled, redirect_private);
    return any && !has_flag(e, "local");
}

/* The server itself stays outside. */
static void add_server(struct dbr_engine *e)
{
    const struct dbr_addr *to = &e->call.to;
    struct dbr_way w = {.what = DBR_WAY_AROUND, .family = to->family, .prefix = to->family == 6 ? 128 : 32};
    memcpy(w.dst, to->ip, to->family == 6 ? 16 : 4);
    add_way(e, &w);
}

/* "remote_host 255.255.255.255 net_gateway" with the address of the server; NULL: it has none of IPv4. */
static const char *name_server(const struct dbr_engine *e, const char *line, char out[ROUTE_LINE])
{
    static const char word[] = "remote_host";
    char ip[DBR_ADDR_TEXT];
    if (strncmp(line, word, sizeof word - 1) != 0)
        return line;
    if (e->call.to.family != 4)
        return NULL;
    snprintf(out, ROUTE_LINE, "%s%s", dbr_addr_ip_text(&e->call.to, ip), line + sizeof word - 1);
    return out;
}

static uint32_t metric_of(const struct dbr_engine *e)
{
    return (uint32_t)*DBR_PULLED(&e->pulled, &e->cfg, route_metric);
}

static void add_routes(struct dbr_engine *e, const struct dbr_conf_list *list, uint32_t gateway, bool full)
{
    struct dbr_way w;
    char named[ROUTE_LINE];
    for (size_t i = 0; i < list->n && i < ROUTES_MAX; i++) {
        const char *line = name_server(e, list->v[i], named);
        if (!line)
            continue;
        if (dbr_way_parse(&w, line, gateway, metric_of(e)))
            engine_log(e, DBR_LOG_WARN, "WARNING: route %s is not understood and is left out", list->v[i]);
        else if (w.prefix == 0 && w.what == DBR_WAY_TUNNEL && !full)
            engine_log(
                e, DBR_LOG_WARN,
                "WARNING: route %s would take all traffic and is left out; write `redirect-gateway` if "
                "that is meant",
                list->v[i]);
        else
            add_way(e, &w);
    }
}

static void add_routes6(struct dbr_engine *e, const struct dbr_conf_list *list, const uint8_t gateway[16],
                        bool full)
{
    struct dbr_way w;
    for (size_t i = 0; i < list->n && i < ROUTES_MAX; i++) {
        int err = dbr_way6_parse(&w, list->v[i], gateway, metric_of(e));
        bool all = !err && w.prefix == 0 && w.what == DBR_WAY_TUNNEL && !full;
        if (err || all)
            engine_log(e, DBR_LOG_WARN, "WARNING: route-ipv6 %s %s and is left out", list->v[i],
                       all                       ? "would take all traffic"
                       : err == DBR_ERR_NOTFOUND ? "has no gateway"
                                                 : "is not understood");
        else
            add_way(e, &w);
    }
}

static void find_gateway6(const struct dbr_engine *e, uint8_t gateway[16])
{
    const char *text = *DBR_PULLED(&e->pulled, &e->cfg, route_ipv6_gateway);
    const struct dbr_conf_ipv6 *address = DBR_PULLED(&e->pulled, &e->cfg, ifconfig_ipv6);
    if (!text || inet_pton(AF_INET6, text, gateway) != 1)
        memcpy(gateway, address->has_remote ? address->remote : none, 16);
}

static void add_everything6(struct dbr_engine *e)
{
    /* what OpenVPN sets for `redirect-gateway ipv6`: all that is routed, more specific than a default route
     */
    static const char *const everything[] = {"::/3", "2000::/4", "3000::/4", "fc00::/7"};
    uint8_t gateway[16];
    struct dbr_way w;
    find_gateway6(e, gateway);
    for (size_t i = 0; memcmp(gateway, none, 16) != 0 && i < sizeof everything / sizeof *everything; i++)
        if (!dbr_way6_parse(&w, everything[i], gateway, metric_of(e)))
            add_way(e, &w);
}

/* One half of everything, twice: the default route that is there stays, for the end. */
static void add_everything(struct dbr_engine *e, uint32_t gateway)
{
    static const char *const halves[] = {"0.0.0.0 128.0.0.0", "128.0.0.0 128.0.0.0"};
    struct dbr_way w;
    for (size_t i = 0; i < 2; i++)
        if (!dbr_way_parse(&w, halves[i], gateway, metric_of(e)))
            add_way(e, &w);
}

static uint32_t gateway_of(const struct dbr_engine *e)
{
    const char *text = *DBR_PULLED(&e->pulled, &e->cfg, route_gateway);
    uint32_t gateway = 0;
    return text && !dbr_way_ip4(text, &gateway) ? gateway : 0;
}

/* What keeps traffic from going past the tunnel has its place before what a server may push any number of. */
static void add_full(struct dbr_engine *e)
{
    bool full = wants_everything(e);
    if (e->cfg.route_noexec)
        return;
    e->net.full = full;
    if (full || wants_way(e))
        add_server(e);
    if (full && !has_flag(e, "!ipv4"))
        add_everything(e, gateway_of(e));
    if (full && has_flag(e, "ipv6"))
        add_everything6(e);
}

static void add_ways(struct dbr_engine *e)
{
    bool full = wants_everything(e), full6 = full && has_flag(e, "ipv6");
    uint8_t gateway[16];
    if (e->cfg.route_noexec)
        return;
    find_gateway6(e, gateway);
    add_routes(e, &e->cfg.route, gateway_of(e), full);
    add_routes(e, &e->pulled.route, gateway_of(e), full);
    add_routes6(e, &e->cfg.route_ipv6, gateway, full6);
    add_routes6(e, &e->pulled.route_ipv6, gateway, full6);
}

/* ---- names ---- */

static void add_names(struct dbr_engine *e)
{
    const struct dbr_conf_list *const dns[] = {&e->cfg.dns, &e->pulled.dns};
    const struct dbr_conf_list *const dhcp[] = {&e->cfg.dhcp_option, &e->pulled.dhcp_option};
    struct dbr_names names;
    dbr_names_collect(&names, dns, dhcp);
    for (size_t i = 0; i < names.n; i++) {
        struct dbr_net_step *s = add(e, DBR_NET_DNS);
        s->family = names.server[i].family;
        memcpy(s->ip, names.server[i].ip, sizeof s->ip);
    }
    for (char *word = names.domains; *word;) {
        size_t n = strcspn(word, " ");
        snprintf(add(e, DBR_NET_SEARCH)->domain, sizeof names.domains, "%.*s", (int)n, word);
        word += n + (word[n] == ' ');
    }
    if (DBR_IS_SET(&e->cfg, block_outside_dns) || DBR_IS_SET(&e->pulled, block_outside_dns))
        add(e, DBR_NET_BLOCK_OUTSIDE_DNS);
}

/* ---- telling ---- */

static void tell(struct dbr_engine *e, enum dbr_net_kind kind)
{
    struct dbr_net_step s = {.kind = (uint8_t)kind};
    e->ops->net(e->arg, &s);
}

static void collect(struct dbr_engine *e)
{
    e->net.n = 0;
    e->net.dropped = false;
    add_addresses(e);
    add_full(e);
    add_names(e);
    add_ways(e);
    if (e->net.dropped)
        engine_log(e, DBR_LOG_WARN,
                   "WARNING: the server pushes more settings than fit; the last ones are left out");
}

void push_steps(struct dbr_engine *e)
{
    struct net *n = &e->net;
    collect(e);
    bool same =
        n->is_applied && n->n == n->n_applied && memcmp(n->steps, n->applied, n->n * sizeof *n->steps) == 0;
    if (same && !n->pending) {
        engine_state(e, DBR_ENGINE_CONNECTED, "");
        return;
    }
    n->waits = true;
    if (same)
        return;
    for (size_t i = 0; i < n->n; i++) /* in the place of those before */
        e->ops->net(e->arg, &n->steps[i]);
    tell(e, DBR_NET_APPLY);
    n->pending++;
    memcpy(n->applied, n->steps, n->n * sizeof *n->steps);
    n->n_applied = n->n;
    n->is_applied = true;
}

void push_clear(struct dbr_engine *e)
{
    if (e->net.is_applied)
        tell(e, DBR_NET_CLEAR);
    e->net.is_applied = e->net.waits = false;
    e->net.n = 0;
}

/* In a full tunnel that still stands, the server that is called next must be reached around it. */
void push_way(struct dbr_engine *e)
{
    struct net *n = &e->net;
    if (!n->is_applied || !n->full || !e->has_pulled)
        return;
    collect(e);
    if (n->n == n->n_applied && memcmp(n->steps, n->applied, n->n * sizeof *n->steps) == 0)
        return;
    push_steps(e);
    n->waits = false; /* nobody is connected by that */
}

/* ---- messages ---- */

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    engine_log(arg, severity == DBR_CONF_ERROR ? DBR_LOG_ERROR : DBR_LOG_INFO, "%s", line);
}

/* For the log: escaped, and a token is not shown. */
static void log_push(struct dbr_engine *e, const char *options)
{
    static const char word[] = "auth-token ";
    char safe[1000];
    dbr_log_escape(safe, sizeof safe, options, strlen(options));
    char *at = strstr(safe, word);
    if (at) {
        at += sizeof word - 1;
        memset(at, '*', strcspn(at, ","));
    }
    engine_log(e, DBR_LOG_INFO, "PUSH: Received control message: 'PUSH_REPLY,%s'", safe);
}

static int read_options(struct dbr_engine *e, struct dbr_config *pulled, const char *options)
{
    struct dbr_conf_diag diag = {.say = say, .arg = e};
    int err = dbr_config_init(pulled);
    return err ? err : dbr_config_parse_pushed(pulled, &e->cfg, options, strlen(options), &diag);
}

int push_take(struct dbr_engine *e, const char *options)
{
    if (!e->cfg.p2p)
        log_push(e, options);
    if (e->has_pulled)
        dbr_config_free(&e->pulled);
    e->has_pulled = true;
    int err = read_options(e, &e->pulled, options);
    if (err)
        return err;
    login_pushed(e, &e->pulled);
    call_is_up(e);
    e->waits_for = 0; /* whatever the server wanted to know, it has let us in */
    return 0;
}

/* What a server pushes to a session that stands: a new token. */
void push_later(struct dbr_engine *e, const char *options)
{
    struct dbr_config fresh;
    log_push(e, options);
    if (!read_options(e, &fresh, options))
        login_pushed(e, &fresh);
    dbr_config_free(&fresh);
}
