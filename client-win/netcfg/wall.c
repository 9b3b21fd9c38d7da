/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/wall.h"

#include <string.h>

enum { UDP = 17, ICMP6 = 58, ROUTER_SOLICIT = 133, NEIGHBOUR_ADVERT = 136, DNS = 53 };
enum { BLOCK_ALL = 0, ALLOW_SOME = 12, DNS_ON_TAP = 13, KEEP_OUT = 14, ALLOW_ALWAYS = 15 };

struct wall {
    struct dbr_wall_rule *rule;
    size_t n;
};

static struct dbr_wall_rule *add(struct wall *w, enum dbr_wall_way way, uint8_t family, bool permit,
                                 uint8_t weight)
{
    struct dbr_wall_rule *r = &w->rule[w->n++];
    memset(r, 0, sizeof *r);
    r->way = way;
    r->family = family;
    r->permit = permit;
    r->weight = weight;
    return r;
}

/* The client of DHCP, or of DHCPv6, keeps the local network alive. */
static void allow_dhcp(struct wall *w, enum dbr_wall_way way, uint8_t family)
{
    struct dbr_wall_rule *r = add(w, way, family, true, ALLOW_SOME);
    r->protocol = UDP;
    r->local_port = family == 4 ? 68 : 546;
    r->remote_port = family == 4 ? 67 : 547;
}

/* Without neighbour discovery there is no IPv6 to the server. IPv4's ARP does not pass these layers. */
static void allow_neighbours(struct wall *w, enum dbr_wall_way way)
{
    for (uint16_t type = ROUTER_SOLICIT; type <= NEIGHBOUR_ADVERT; type++) {
        struct dbr_wall_rule *r = add(w, way, 6, true, ALLOW_SOME);
        r->protocol = ICMP6;
        r->local_port = type;
    }
}

static void shut(struct wall *w, const struct dbr_net_plan *p, enum dbr_wall_way way, uint8_t family)
{
    add(w, way, family, true, ALLOW_SOME)->where = DBR_WALL_ON_TAP;
    allow_dhcp(w, way, family);
    if (family == 6)
        allow_neighbours(w, way);
    for (size_t i = 0; i < p->besides; i++)
        if (p->beside[i].family == family)
            add(w, way, family, true, ALLOW_ALWAYS)->remote = p->beside[i];
    add(w, way, family, false, BLOCK_ALL);
}

static void keep_names_in(struct wall *w, uint8_t family)
{
    struct dbr_wall_rule *r = add(w, DBR_WALL_OUT, family, true, DNS_ON_TAP);
    r->remote_port = DNS;
    r->where = DBR_WALL_ON_TAP;
    r = add(w, DBR_WALL_OUT, family, false, KEEP_OUT);
    r->remote_port = DNS;
    r->where = DBR_WALL_NOT_ON_TAP;
}

static void keep_strangers_out(struct wall *w, const struct dbr_net_ip *self)
{
    struct dbr_wall_rule *r = add(w, DBR_WALL_IN, self->family, false, KEEP_OUT);
    r->where = DBR_WALL_NOT_ON_TAP;
    r->has_local = true;
    memcpy(r->local, self->ip, 16);
}

size_t dbr_wall_make(const struct dbr_net_plan *p, struct dbr_wall_rule rule[DBR_WALL_RULES])
{
    struct wall w = {.rule = rule};
    for (uint8_t family = 4; family <= 6; family += 2) {
        /* A full tunnel for IPv4 alone shuts IPv6, too: else half of the Internet is reached beside it. */
        bool full = family == 4 ? p->full4 : p->full4 || p->full6;
        for (enum dbr_wall_way way = DBR_WALL_OUT; way <= DBR_WALL_IN && full; way++)
            shut(&w, p, way, family);
        if (p->block_outside_dns)
            keep_names_in(&w, family);
    }
    for (size_t i = 0; i < p->selves; i++)
        keep_strangers_out(&w, &p->self[i]);
    for (uint8_t family = 4; family <= 6 && w.n; family += 2) {
        add(&w, DBR_WALL_OUT, family, true, ALLOW_ALWAYS)->loopback = true;
        add(&w, DBR_WALL_IN, family, true, ALLOW_ALWAYS)->loopback = true;
    }
    return w.n;
}
