/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/engine/wire.h"

#include "client-win/base/utf.h"
#include "client/ways.h"

#include <string.h>

enum { METRIC_MAX = 9999, MTU_MIN = 576, MTU_MAX = 9000, LEVEL_MAX = 11 };

_Static_assert((int)DBR_ENGINE_FAILED == (int)DBR_PM_FAILED &&
                   (int)DBR_ENGINE_CONNECTED == (int)DBR_PM_CONNECTED &&
                   (int)DBR_ENGINE_ASKING == (int)DBR_PM_ASKING,
               "states have one number");
_Static_assert((int)DBR_ENGINE_ASK_PASSPHRASE == (int)DBR_PM_ASK_PASSPHRASE &&
                   (int)DBR_ENGINE_ASK_CHALLENGE == (int)DBR_PM_ASK_CHALLENGE,
               "questions have one number");
_Static_assert((int)DBR_WAY_TUNNEL == (int)DBR_PM_ROUTE_TUNNEL &&
                   (int)DBR_WAY_AROUND == (int)DBR_PM_ROUTE_AROUND,
               "ways have one number");

static const uint16_t types[] = {
    [DBR_NET_CLEAR] = DBR_PM_NET_CLEAR, [DBR_NET_ADDRESS] = DBR_PM_NET_ADDRESS,
    [DBR_NET_DHCP] = DBR_PM_NET_DHCP,   [DBR_NET_ROUTE] = DBR_PM_NET_ROUTE,
    [DBR_NET_DNS] = DBR_PM_NET_DNS,     [DBR_NET_SEARCH] = DBR_PM_NET_SEARCH,
    [DBR_NET_MTU] = DBR_PM_NET_MTU,     [DBR_NET_BLOCK_OUTSIDE_DNS] = DBR_PM_NET_BLOCK_OUTSIDE_DNS,
    [DBR_NET_APPLY] = DBR_PM_NET_APPLY};

static uint32_t within(uint32_t n, uint32_t least, uint32_t most)
{
    return n < least ? least : n > most ? most : n;
}

static void put_route(struct dbr_pm *m, const struct dbr_net_step *s)
{
    m->net_route.family = s->family;
    m->net_route.prefix = s->prefix;
    m->net_route.what = s->what;
    m->net_route.metric = within(s->value, 0, METRIC_MAX);
    memcpy(m->net_route.dst, s->ip, sizeof s->ip);
    if (s->what == DBR_WAY_TUNNEL)
        memcpy(m->net_route.via, s->via, sizeof s->via);
}

bool dbr_wire_step(struct dbr_pm *m, const struct dbr_net_step *s)
{
    uint8_t out[DBR_PM_MAX];
    memset(m, 0, sizeof *m);
    m->type = types[s->kind];
    switch ((enum dbr_net_kind)s->kind) {
    case DBR_NET_ADDRESS:
        m->net_address.family = s->family;
        m->net_address.prefix = s->prefix;
        memcpy(m->net_address.ip, s->ip, sizeof s->ip);
        break;
    case DBR_NET_ROUTE: put_route(m, s); break;
    case DBR_NET_DNS:
        m->net_dns.family = s->family;
        memcpy(m->net_dns.ip, s->ip, sizeof s->ip);
        break;
    case DBR_NET_SEARCH: memcpy(m->net_search.domain, s->domain, sizeof s->domain); break;
    case DBR_NET_MTU: m->net_mtu.mtu = within(s->value, MTU_MIN, MTU_MAX); break;
    case DBR_NET_CLEAR:
    case DBR_NET_DHCP:
    case DBR_NET_BLOCK_OUTSIDE_DNS:
    case DBR_NET_APPLY: break;
    }
    return dbr_pm_encode(m, DBR_PM_ENGINE_TO_SERVICE, out) != 0;
}

void dbr_wire_state(struct dbr_pm *m, enum dbr_engine_state state, const char *id, const char *text,
                    int64_t since_unix_s, const char *address)
{
    memset(m, 0, sizeof *m);
    m->type = DBR_PM_STATE;
    m->state.state = state;
    m->state.since_unix_s = since_unix_s;
    dbr_utf8_line(m->state.profile, sizeof m->state.profile, id);
    dbr_utf8_line(m->state.text, sizeof m->state.text, text);
    dbr_utf8_line(m->state.address, sizeof m->state.address, address);
}

void dbr_wire_ask(struct dbr_pm *m, enum dbr_engine_ask kind, bool echo, const char *text, const char *user)
{
    memset(m, 0, sizeof *m);
    m->type = DBR_PM_ASK;
    m->ask.kind = kind;
    m->ask.echo = echo;
    dbr_utf8_line(m->ask.text, sizeof m->ask.text, text);
    dbr_utf8_line(m->ask.user, sizeof m->ask.user, user);
}

void dbr_wire_log(struct dbr_pm *m, int level, const char *line)
{
    memset(m, 0, sizeof *m);
    m->type = DBR_PM_LOG;
    m->log.level = within((uint32_t)(level < 0 ? 0 : level), 0, LEVEL_MAX);
    dbr_utf8_line(m->log.line, sizeof m->log.line, line);
}
