/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Packets against the table, judged as the Windows Filtering Platform does within one sublayer: the rule with
 * the highest weight that fits decides; none: it passes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client-win/netcfg/wall.h"
#include "wish.h"

struct packet {
    enum dbr_wall_way way;
    bool on_tap, loopback;
    uint8_t protocol;
    uint16_t local_port, remote_port;
    const char *local, *remote;
};

static bool fits(const struct dbr_wall_rule *r, const struct packet *p)
{
    uint8_t local[16], remote[16];
    uint8_t family = wish_ip(p->remote, remote, NULL);
    wish_ip(p->local, local, NULL);
    return r->way == p->way && r->family == family && (!r->loopback || p->loopback) &&
           (r->where == DBR_WALL_ANYWHERE || (r->where == DBR_WALL_ON_TAP) == p->on_tap) &&
           (!r->protocol || r->protocol == p->protocol) &&
           (!r->local_port || r->local_port == p->local_port) &&
           (!r->remote_port || r->remote_port == p->remote_port) &&
           (!r->has_local || memcmp(r->local, local, 16) == 0) &&
           (!r->remote.family || dbr_net_holds(&r->remote, family, remote));
}

static bool passes(const struct dbr_wall_rule *r, size_t n, const struct packet *p)
{
    int best = -1;
    bool permit = true;
    for (size_t i = 0; i < n; i++) {
        if (!fits(&r[i], p))
            continue;
        /* two that contradict each other with the same weight would be up to chance */
        assert_true(r[i].weight != best || r[i].permit == permit);
        if (r[i].weight > best) {
            best = r[i].weight;
            permit = r[i].permit;
        }
    }
    return permit;
}

#define SPLIT   "address 192.0.2.9/24;route 10.0.0.0/8"
#define FULL    "address 192.0.2.9/24;around 198.51.100.7/32;route 0.0.0.0/0 192.0.2.1"
#define FULL46  FULL ";address 2001:db8::9/64;route 2000::/3"
#define OUT_LAN DBR_WALL_OUT, false, false
#define OUT_TAP DBR_WALL_OUT, true, false
#define IN_LAN  DBR_WALL_IN, false, false
#define IN_TAP  DBR_WALL_IN, true, false

static void verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *wish;
        bool pass;
        struct packet p;
    } row[] = {
        /* a split tunnel leaves the rest alone ... */
        {SPLIT, true, {OUT_LAN, 6, 50000, 443, "172.20.0.5", "203.0.113.1"}},
        {SPLIT, true, {OUT_LAN, 17, 50000, 53, "172.20.0.5", "172.20.0.1"}},
        {SPLIT, true, {OUT_LAN, 6, 50000, 443, "2001:db8:9::5", "2001:db8:1::1"}},
        /* ... but who writes to the tunnel's address comes by the tunnel */
        {SPLIT, false, {IN_LAN, 6, 445, 50000, "192.0.2.9", "172.20.0.66"}},
        {SPLIT, true, {IN_TAP, 6, 445, 50000, "192.0.2.9", "192.0.2.66"}},
        {SPLIT, true, {IN_LAN, 6, 445, 50000, "172.20.0.5", "172.20.0.66"}},
        {SPLIT, true, {DBR_WALL_IN, false, true, 6, 445, 50000, "192.0.2.9", "192.0.2.9"}},
        {SPLIT ";block", false, {OUT_LAN, 17, 50000, 53, "172.20.0.5", "172.20.0.1"}},
        {SPLIT ";block", false, {OUT_LAN, 6, 50000, 53, "172.20.0.5", "203.0.113.8"}},
        {SPLIT ";block", false, {OUT_LAN, 17, 50000, 53, "2001:db8:9::5", "2001:db8:9::1"}},
        {SPLIT ";block", true, {OUT_TAP, 17, 50000, 53, "192.0.2.9", "192.0.2.1"}},
        {SPLIT ";block", true, {OUT_LAN, 6, 50000, 443, "172.20.0.5", "203.0.113.1"}},
        {SPLIT ";block", true, {DBR_WALL_OUT, false, true, 17, 50000, 53, "127.0.0.1", "127.0.0.1"}},
        /* full: a route of option 121, or a local network with the office's addresses, leads nowhere */
        {FULL, false, {OUT_LAN, 6, 50000, 443, "172.20.0.5", "203.0.113.1"}},
        {FULL, false, {OUT_LAN, 6, 50000, 443, "10.1.2.5", "10.1.2.3"}},
        {FULL, false, {OUT_LAN, 17, 50000, 53, "172.20.0.5", "172.20.0.1"}},
        {FULL, false, {OUT_LAN, 1, 8, 0, "172.20.0.5", "203.0.113.1"}},
        {FULL, false, {IN_LAN, 6, 445, 50000, "172.20.0.5", "172.20.0.66"}},
        {FULL, true, {OUT_LAN, 17, 50000, 1194, "172.20.0.5", "198.51.100.7"}},
        {FULL, true, {OUT_TAP, 6, 50000, 443, "192.0.2.9", "203.0.113.1"}},
        {FULL, true, {DBR_WALL_OUT, false, true, 6, 50000, 80, "127.0.0.1", "127.0.0.1"}},
        {FULL, true, {OUT_LAN, 17, 68, 67, "172.20.0.5", "172.20.0.1"}},
        {FULL, true, {IN_LAN, 17, 68, 67, "255.255.255.255", "172.20.0.1"}},
        {FULL, false, {OUT_LAN, 6, 68, 67, "172.20.0.5", "172.20.0.1"}},
        {FULL, false, {OUT_LAN, 17, 69, 67, "172.20.0.5", "172.20.0.1"}},
        {FULL, false, {IN_LAN, 17, 445, 50000, "192.0.2.9", "198.51.100.8"}},
        {FULL ";around 172.20.8.0/24", true, {OUT_LAN, 6, 50000, 443, "172.20.0.5", "172.20.8.77"}},
        {FULL ";around 172.20.8.0/24", false, {OUT_LAN, 6, 50000, 443, "172.20.0.5", "172.20.9.77"}},
        /* IPv6 beside a tunnel for IPv4 */
        {FULL, false, {OUT_LAN, 6, 50000, 443, "2001:db8:9::5", "2001:db8:1::1"}},
        {FULL, true, {OUT_LAN, 58, 135, 0, "fe80::5", "ff02::1"}},
        {FULL, true, {IN_LAN, 58, 134, 0, "fe80::5", "fe80::1"}},
        {FULL, false, {OUT_LAN, 58, 128, 0, "fe80::5", "fe80::1"}},
        {FULL, true, {OUT_LAN, 17, 546, 547, "fe80::5", "ff02::1"}},
        {FULL46, true, {OUT_TAP, 6, 50000, 443, "2001:db8::9", "2001:db8:1::1"}},
        {FULL46, false, {OUT_LAN, 6, 50000, 443, "2001:db8:9::5", "2001:db8:1::1"}},
        {FULL46, false, {IN_LAN, 6, 445, 50000, "2001:db8::9", "2001:db8:9::66"}},
        /* for IPv6 alone: IPv4 is left alone */
        {"address 2001:db8::9/64;around 198.51.100.7/32;route ::/0",
         true,
         {OUT_LAN, 6, 50000, 443, "172.20.0.5", "203.0.113.1"}},
        {"address 2001:db8::9/64;around 198.51.100.7/32;route ::/0",
         false,
         {OUT_LAN, 6, 50000, 443, "2001:db8:9::5", "2001:db8:1::1"}},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0};
        static struct dbr_net_plan p;
        static struct dbr_wall_rule rule[DBR_WALL_RULES];
        char why[DBR_NET_WHY];
        assert_int_equal(wish_all(&n, row[i].wish, why), 0);
        assert_int_equal(dbr_netcfg_plan(&n, 1, &p, why), 0);
        size_t rules = dbr_wall_make(&p, rule);
        if (passes(rule, rules, &row[i].p) != row[i].pass)
            fail_msg("row %zu: %s", i, row[i].wish);
    }
}

static void has_room(void **state)
{
    (void)state;
    static struct dbr_net_plan p;
    static struct dbr_wall_rule rule[DBR_WALL_RULES];
    memset(&p, 0, sizeof p);
    assert_int_equal(dbr_wall_make(&p, rule), 0);
    p.full4 = p.full6 = p.block_outside_dns = true;
    p.selves = DBR_NET_ADDRESSES;
    p.besides = DBR_NET_ROUTES;
    for (size_t i = 0; i < p.besides; i++)
        p.beside[i].family = 6;
    for (size_t i = 0; i < p.selves; i++)
        p.self[i].family = 4;
    assert_true(dbr_wall_make(&p, rule) <= DBR_WALL_RULES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts), cmocka_unit_test(has_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
