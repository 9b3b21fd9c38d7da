/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "client-win/netcfg/journal.h"
#include "wish.h"

enum { TAP = 0x1234 };

/* The operations as journal lines, as nothing was there before. */
static void lines(const struct dbr_net_plan *p, char *out, size_t cap)
{
    out[0] = 0;
    for (size_t i = 0; i < p->ops; i++) {
        char line[DBR_NET_LINE];
        dbr_net_journal_line(&p->op[i], line);
        size_t n = strlen(out);
        snprintf(out + n, cap - n, "%s", line);
    }
}

#define ON   " on 0000000000001234 absent\n"
#define PAST " via 0.0.0.0 metric 0 on 0000000000000000 absent\n"

#define IFACE(family, metric, mtu, how)                                                                      \
    "iface " #family " metric " #metric " mtu " #mtu " " how " was 0 fixed 0 open absent\n"
#define SHUT4(metric, mtu) IFACE(4, metric, mtu, "closed")
#define SHUT6(metric, mtu) IFACE(6, metric, mtu, "closed")
#define OPEN4(metric, mtu) IFACE(4, metric, mtu, "open")
#define OPEN6(metric, mtu) IFACE(6, metric, mtu, "open")

static void plans(void **state)
{
    (void)state;
    static const struct {
        const char *wish, *want;
    } row[] = {
        {"", ""},
        {"address 192.0.2.9/24", "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.9/24 absent\n"},
        /* twice the same counts once; the own network needs no route; the MTU is the driver's at most */
        {"address 192.0.2.9/24;address 192.0.2.9/24;route 192.0.2.0/24;route 10.0.0.0/8 192.0.2.1;"
         "route 10.0.0.0/8 192.0.2.2;mtu 9000",
         "wall\n" SHUT4(0, 1500) SHUT6(0, 1500) "address 4 192.0.2.9/24 absent\n"
                                                "route 4 10.0.0.0/8 via 192.0.2.1 metric 0" ON},
        /* host bits go */
        {"address 192.0.2.9/24;route 10.1.2.3/8",
         "wall\n" SHUT4(0, 0)
             SHUT6(0, 0) "address 4 192.0.2.9/24 absent\nroute 4 10.0.0.0/8 via 0.0.0.0 metric 0" ON},
        /* a default route in halves, after the way past it, the wall between them */
        {"address 192.0.2.9/24;route 0.0.0.0/0 192.0.2.1;around 198.51.100.7/32;dns 192.0.2.1;dns "
         "2001:db8::1;"
         "dns 192.0.2.2;search office.example;search example.org",
         "route 4 198.51.100.7/32" PAST "wall\n" OPEN4(3, 0) SHUT6(
             3, 0) "address 4 192.0.2.9/24 absent\nroute 4 0.0.0.0/1 via 192.0.2.1 metric 0" ON
                   "route 4 128.0.0.0/1 via 192.0.2.1 metric 0" ON "search office.example,example.org was -\n"
                   "dns 4 192.0.2.1,192.0.2.2 was -\ndns 6 2001:db8::1 was -\n"},
        {"address 2001:db8::9/64;route ::/0 fe80::1;around 198.51.100.7/32",
         "route 4 198.51.100.7/32" PAST "wall\n" SHUT4(3, 0)
             OPEN6(3, 0) "address 6 2001:db8::9/64 absent\nroute 6 ::/1 via fe80::1 metric 0" ON
                         "route 6 8000::/1 via fe80::1 metric 0" ON},
        /* IPv6 is left out of an MTU that is too small for it */
        {"dhcp;mtu 1000", SHUT4(0, 1000) SHUT6(0, 0) "renew\n"},
        {"dhcp;route 10.0.0.0/8 192.0.2.1",
         SHUT4(0, 0) SHUT6(0, 0) "renew\nroute 4 10.0.0.0/8 via 192.0.2.1 metric 0" ON},
        /* everything by DHCP: the lease's router is taken, halves to nobody are not */
        {"dhcp;around 198.51.100.7/32;route 0.0.0.0/1;route 128.0.0.0/1",
         "route 4 198.51.100.7/32" PAST "wall\n" OPEN4(3, 0) SHUT6(3, 0) "renew\n"},
        {"dhcp;around 198.51.100.7/32;route 0.0.0.0/0 192.0.2.1",
         "route 4 198.51.100.7/32" PAST "wall\n" OPEN4(3, 0)
             SHUT6(3, 0) "renew\nroute 4 0.0.0.0/1 via 192.0.2.1 metric 0" ON
                         "route 4 128.0.0.0/1 via 192.0.2.1 metric 0" ON},
        {"address 192.0.2.9/24;around 172.16.0.0/12",
         "route 4 172.16.0.0/12" PAST "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.9/24 absent\n"},
        {"address 192.0.2.9/24;block", "wall\n" SHUT4(3, 0) SHUT6(3, 0) "address 4 192.0.2.9/24 absent\n"},
        {"address 192.0.2.9/24;clear", ""},
        /* what comes after NET_APPLY is a new set */
        {"address 192.0.2.9/24;apply;apply",
         "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.9/24 absent\n"},
        {"address 192.0.2.9/24;dns 192.0.2.1;block;apply;address 192.0.2.10/24;mtu 1400",
         "wall\n" SHUT4(0, 1400) SHUT6(0, 1400) "address 4 192.0.2.10/24 absent\n"},
        /* of the own network's length, or a part of it: no route of the network itself */
        {"address 192.0.2.9/24;route 198.51.100.0/24;route 192.0.2.128/25",
         "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.9/24 absent\n"
                                          "route 4 198.51.100.0/24 via 0.0.0.0 metric 0" ON
                                          "route 4 192.0.2.128/25 via 0.0.0.0 metric 0" ON},
        {"address 192.0.2.8/31", "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.8/31 absent\n"},
        {"address 192.0.2.255/32", "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 4 192.0.2.255/32 absent\n"},
        {"address 2001:db8::/64", "wall\n" SHUT4(0, 0) SHUT6(0, 0) "address 6 2001:db8::/64 absent\n"},
        {"around 2001:db8::7/128;mtu 1000",
         "route 6 2001:db8::7/128 via :: metric 0 on 0000000000000000 absent\n" SHUT4(0, 1000) SHUT6(0, 0)},
        {"dhcp;around 198.51.100.7/32;route ::/0",
         "route 4 198.51.100.7/32" PAST "wall\n" SHUT4(3, 0)
             OPEN6(3, 0) "renew\nroute 6 ::/1 via :: metric 0" ON "route 6 8000::/1 via :: metric 0" ON},
        {"dhcp;search Office.EXAMPLE", SHUT4(0, 0) SHUT6(0, 0) "renew\nsearch Office.EXAMPLE was -\n"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0};
        static struct dbr_net_plan p;
        char why[DBR_NET_WHY], got[8192];
        assert_int_equal(wish_all(&n, row[i].wish, why), 0);
        assert_int_equal(dbr_netcfg_plan(&n, TAP, &p, why), 0);
        lines(&p, got, sizeof got);
        assert_string_equal(got, row[i].want);
    }
}

/* Each is refused, and leaves what was collected as it was. */
static void refused_alone(void **state)
{
    (void)state;
    static const char *const row[] = {
        "address 0.0.0.9/24",
        "address 127.0.0.1/24",
        "address 224.0.0.1/24",
        "address 255.255.255.255/32",
        "address 192.0.2.0/24",
        "address 192.0.2.255/24",
        "address 10.0.0.1/7",
        "address ::/64",
        "address ::1/64",
        "address ff02::1/64",
        "address ::ffff:192.0.2.1/96",
        "route 224.0.0.0/8",
        "route 127.0.0.0/8",
        "route ff00::/8",
        "route 10.0.0.0/7 127.0.0.1",
        "route 10.0.0.0/8 224.0.0.1",
        "around 10.0.0.0/7",
        "around 0.0.0.0/0",
        "around 198.51.100.7/32 192.0.2.1",
        "around 127.0.0.1/32",
        "around 2001::/15",
        "dns 0.0.0.0",
        "dns 127.0.0.1",
        "dns 255.255.255.255",
        "dns ff02::1",
        "dns ::1",
        "search .example",
        "search a..b",
        "search",
        "search a,b",
        "search a;",
        "mtu 575",
        "search 0123456789012345678901234567890123456789012345678901234567890123.example",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0}, before;
        char why[DBR_NET_WHY];
        assert_int_equal(wish_all(&n, "address 192.0.2.9/24;dns 192.0.2.1", why), 0);
        before = n;
        struct dbr_pm m = wish_message(row[i]);
        if (strcmp(row[i], "search a;") == 0)
            strcpy(m.net_search.domain, "a b");
        assert_int_equal(dbr_netcfg_take(&n, &m, why), DBR_ERR_SHAPE);
        assert_true(strlen(why) > 10);
        assert_memory_equal(&n, &before, sizeof n);
    }
}

static void refused_fields(void **state)
{
    (void)state;
    char why[DBR_NET_WHY];
    struct dbr_netcfg n = {0};
    struct dbr_pm good = wish_message("route 10.0.0.0/8 192.0.2.1"), m;
    assert_int_equal(dbr_netcfg_take(&n, &good, why), 0);
#define BAD(change)                                                                                          \
    do {                                                                                                     \
        m = good;                                                                                            \
        change;                                                                                              \
        assert_int_equal(dbr_netcfg_take(&n, &m, why), DBR_ERR_SHAPE);                                       \
    } while (0)
    BAD(m.net_route.family = 5);
    BAD(m.net_route.family = 0);
    BAD(m.net_route.prefix = 33);
    BAD(m.net_route.what = 0);
    BAD(m.net_route.what = 3);
    BAD(m.net_route.metric = 10000);
    BAD(m.net_route.dst[4] = 1); /* behind an IPv4 address there is nothing */
    BAD(m.net_route.via[15] = 1);
    good = wish_message("address 192.0.2.9/24");
    BAD(m.net_address.family = 7);
    BAD(m.net_address.prefix = 33);
    BAD(m.net_address.ip[12] = 1);
    good = wish_message("address 2001:db8::9/64");
    BAD(m.net_address.prefix = 129);
    good = wish_message("dns 192.0.2.1");
    BAD(m.net_dns.family = 9);
    BAD(m.net_dns.ip[4] = 1);
    good = wish_message("search a");
    BAD(memset(m.net_search.domain, 'a', sizeof m.net_search.domain));
    m.type = DBR_PM_STATE;
    assert_int_equal(dbr_netcfg_take(&n, &m, why), DBR_ERR_STATE);
}

static void too_many(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        unsigned most;
    } row[] = {{"address 10.0.%u.9/24", DBR_NET_ADDRESSES},
               {"route 10.0.%u.0/24", DBR_NET_ROUTES},
               {"dns 10.0.%u.1", DBR_NET_SERVERS},
               {"search d%u.example", DBR_NET_DOMAINS}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0};
        char why[DBR_NET_WHY], text[64];
        for (unsigned k = 0; k <= row[i].most; k++) {
            snprintf(text, sizeof text, row[i].format, k);
            struct dbr_pm m = wish_message(text);
            assert_int_equal(dbr_netcfg_take(&n, &m, why), k < row[i].most ? 0 : DBR_ERR_LIMIT);
        }
    }
}

static void refused_together(void **state)
{
    (void)state;
    static const char *const row[] = {
        "dhcp;address 192.0.2.9/24",
        "address 192.0.2.9/24;route 10.0.0.0/8 198.51.100.1", /* a gateway elsewhere */
        "address 192.0.2.9/24;route 10.0.0.0/8 192.0.2.9",    /* itself */
        "address 2001:db8::9/64;route 2001:db8:1::/48 2001:db8:2::1",
        "address 2001:db8::9/64;mtu 1279",
        "address 192.0.2.9/24;route 2001:db8::/32;mtu 1279",
        "address 2001:db8::9/64;route 2001:db8:1::/48 fe00::1",
        "address 2001:db8::9/64;route 2001:db8:1::/48 2080::1",
        "address 192.0.2.9/24;route 0.0.0.0/0", /* no way to the server */
        "address 192.0.2.9/24;route 0.0.0.0/1;route 128.0.0.0/1",
        "address 2001:db8::9/64;route 2000::/4;route 3000::/4",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0};
        static struct dbr_net_plan p;
        char why[DBR_NET_WHY];
        assert_int_equal(wish_all(&n, row[i], why), 0);
        assert_int_equal(dbr_netcfg_plan(&n, TAP, &p, why), DBR_ERR_SHAPE);
        assert_true(strlen(why) > 10);
    }
}

static void knows_a_full_tunnel(void **state)
{
    (void)state;
    static const struct {
        const char *wish;
        bool full4, full6;
    } row[] = {
        {"route 0.0.0.0/0", true, false},
        {"route 0.0.0.0/1;route 128.0.0.0/1", true, false},
        {"route 0.0.0.0/2;route 64.0.0.0/2;route 128.0.0.0/1", true, false},
        {"route 0.0.0.0/1", false, false},
        {"route 128.0.0.0/1;route 10.0.0.0/8", false, false},
        {"route ::/0", false, true},
        {"route 2000::/3", false, true},
        {"route 2000::/4;route 3000::/4", false, true},
        {"route 2000::/4", false, false},
        {"route 0.0.0.0/0;route ::/1", true, true},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct dbr_netcfg n = {0};
        static struct dbr_net_plan p;
        char why[DBR_NET_WHY];
        assert_int_equal(wish_all(&n, "address 192.0.2.9/24;around 198.51.100.7/32", why), 0);
        assert_int_equal(wish_all(&n, row[i].wish, why), 0);
        assert_int_equal(dbr_netcfg_plan(&n, TAP, &p, why), 0);
        assert_int_equal(p.full4, row[i].full4);
        assert_int_equal(p.full6, row[i].full6);
    }
}

/* As much as can be asked for finds room. */
static void the_most(void **state)
{
    (void)state;
    struct dbr_netcfg n = {0};
    static struct dbr_net_plan p;
    char why[DBR_NET_WHY], text[64];
    assert_int_equal(
        wish_all(&n,
                 "address 10.0.0.1/8;address 192.0.2.9/24;address 2001:db8::1/64;address "
                 "2001:db8:1::1/64;around 198.51.100.7/32;route 0.0.0.0/0;route ::/0;dns 192.0.2.1;"
                 "dns 2001:db8::2;search a;block;mtu 1400",
                 why),
        0);
    for (unsigned i = 0; i < DBR_NET_ROUTES - 3; i++) {
        snprintf(text, sizeof text, "around 203.0.113.%u/32", i + 1);
        struct dbr_pm m = wish_message(text);
        assert_int_equal(dbr_netcfg_take(&n, &m, why), 0);
    }
    assert_int_equal(dbr_netcfg_plan(&n, TAP, &p, why), 0);
    assert_int_equal(p.ops, DBR_NET_ROUTES + 2 + 1 + 2 + 4 + 1 + 2);
    assert_true(p.ops <= DBR_NET_OPS);
}

static void masks(void **state)
{
    (void)state;
    for (unsigned prefix = 0; prefix <= 128; prefix++) {
        struct dbr_net_ip net = {.family = 6, .prefix = (uint8_t)prefix};
        memset(net.ip, 0xff, 16);
        dbr_net_mask(&net);
        for (unsigned bit = 0; bit < 128; bit++)
            assert_int_equal(net.ip[bit / 8] >> (7 - bit % 8) & 1, bit < prefix);
        uint8_t in[16], out[16];
        memset(in, 0xff, 16);
        memset(out, 0xff, 16);
        assert_true(dbr_net_holds(&net, 6, in));
        assert_false(dbr_net_holds(&net, 4, in));
        if (prefix) {
            out[(prefix - 1) / 8] ^= (uint8_t)(0x80 >> ((prefix - 1) % 8));
            assert_false(dbr_net_holds(&net, 6, out));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(refused_alone),
        cmocka_unit_test(refused_fields),
        cmocka_unit_test(too_many),
        cmocka_unit_test(refused_together),
        cmocka_unit_test(knows_a_full_tunnel),
        cmocka_unit_test(the_most),
        cmocka_unit_test(masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
