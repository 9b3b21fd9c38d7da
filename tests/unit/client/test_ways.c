/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server may say to a client: routes, name servers and temporary refusals, as text and as what is made
 * of it.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "client/names.h"
#include "client/ways.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define GATEWAY 0xc0a84d01u /* 192.168.77.1 */

static const struct {
    const char *line;
    bool good;
    uint32_t what, dst, via, metric;
    uint8_t prefix;
} routes[] = {
    {"10.50.0.0 255.255.0.0", true, DBR_WAY_TUNNEL, 0x0a320000, GATEWAY, 7, 16},
    {"10.50.0.9", true, DBR_WAY_TUNNEL, 0x0a320009, GATEWAY, 7, 32},
    {"10.50.0.9 default", true, DBR_WAY_TUNNEL, 0x0a320009, GATEWAY, 7, 32},
    {" 10.50.0.0\t255.255.255.0  vpn_gateway ", true, DBR_WAY_TUNNEL, 0x0a320000, GATEWAY, 7, 24},
    {"10.50.0.0 255.255.0.0 192.168.77.9 42", true, DBR_WAY_TUNNEL, 0x0a320000, 0xc0a84d09, 42, 16},
    {"10.50.0.0 255.255.0.0 default default", true, DBR_WAY_TUNNEL, 0x0a320000, GATEWAY, 7, 16},
    {"10.50.0.0 255.255.0.0 net_gateway 1", true, DBR_WAY_AROUND, 0x0a320000, 0, 1, 16},
    {"0.0.0.0 0.0.0.0", true, DBR_WAY_TUNNEL, 0, GATEWAY, 7, 0},
    {"128.0.0.0 128.0.0.0", true, DBR_WAY_TUNNEL, 0x80000000, GATEWAY, 7, 1},
    {"", false},
    {"   ", false},
    {"office.example 255.255.0.0", false},
    {"10.50.0.0 255.0.255.0", false}, /* a mask with a hole */
    {"10.50.0.1 255.255.0.0", false}, /* an address beyond its mask */
    {"10.50.0.0 0.0.255.255", false}, /* a wildcard mask */
    {"10.50.0.0 255.255.0.0 nowhere", false},
    {"10.50.0.0 255.255.0.0 192.168.77.1 1x", false},
    {"10.50.0.0 255.255.0.0 192.168.77.1 4294967296", false},
    {"10.50.0.0 255.255.0.0 192.168.77.1 1 more", false},
    {"10.50.0.0/16", false},
};

static void routes_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct dbr_way r;
        int err = dbr_way_parse(&r, routes[i].line, GATEWAY, 7);
        if ((err == 0) != routes[i].good)
            fail_msg("[%s]: %d", routes[i].line, err);
        if (err)
            continue;
        assert_int_equal(r.what, routes[i].what);
        assert_int_equal(dbr_get32(r.dst), routes[i].dst);
        assert_int_equal(dbr_get32(r.via), routes[i].via);
        assert_int_equal(r.metric, routes[i].metric);
        assert_int_equal(r.prefix, routes[i].prefix);
    }
}

static void long_lines_are_refused(void **state)
{
    (void)state;
    char line[300];
    struct dbr_way r;
    memset(line, ' ', sizeof line);
    memcpy(line, "10.50.0.0 255.255.0.0", 21);
    line[sizeof line - 1] = 0;
    assert_int_equal(dbr_way_parse(&r, line, GATEWAY, 0), DBR_ERR_SHAPE);
    line[100] = 0;
    assert_int_equal(dbr_way_parse(&r, line, GATEWAY, 0), 0);
}

static void temporary_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *rest;
        int wait_s;
        bool advance;
    } cases[] = {
        {"TEMP", 0, true},
        {"TEMP:later", 0, true},
        {"TEMP[backoff 42]:later", 42, true},
        {"TEMP[backoff 42,advance no]:later", 42, false},
        {"TEMP[advance no]", 0, false},
        {"TEMP[advance addr,backoff 7]", 7, true},
        {"TEMP[backoff 99999999]", 3600, true},
        {"TEMP[backoff -5]", 0, true},
        {"TEMP[backoff x]", 0, true},
        {"TEMP[]:backoff 9,advance no", 0, true}, /* words of the text are not flags */
        {"TEMP[backoff 9", 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool advance = false;
        int s = dbr_temp_parse(cases[i].rest, &advance);
        if (s != cases[i].wait_s || advance != cases[i].advance)
            fail_msg("%s: %d s, advance %d", cases[i].rest, s, advance);
    }
}

static const struct {
    const char *line;
    int err;
    uint32_t what, metric;
    uint8_t prefix, dst0, via15; /* first byte of the network, last one of the gateway */
} routes6[] = {
    {"fd50::/32", 0, DBR_WAY_TUNNEL, 7, 32, 0xfd, 1},
    {"fd50::/32 default 9", 0, DBR_WAY_TUNNEL, 9, 32, 0xfd, 1},
    {" fd50::/32\tfd77::10  42", 0, DBR_WAY_TUNNEL, 42, 32, 0xfd, 0x10},
    {"fd50::1/128 net_gateway", 0, DBR_WAY_AROUND, 7, 128, 0xfd, 0},
    {"::/0", 0, DBR_WAY_TUNNEL, 7, 0, 0, 1},
    {"2000::/3", 0, DBR_WAY_TUNNEL, 7, 3, 0x20, 1},
    {"3000::/3", DBR_ERR_SHAPE}, /* a bit beyond the prefix */
    {"fd50::1/32", DBR_ERR_SHAPE},
    {"fd50::/129", DBR_ERR_SHAPE},
    {"fd50::/-1", DBR_ERR_SHAPE},
    {"fd50::/", DBR_ERR_SHAPE},
    {"fd50::", DBR_ERR_SHAPE},
    {"fd50::/32x", DBR_ERR_SHAPE},
    {"10.0.0.0/8", DBR_ERR_SHAPE},
    {"fd50::/32 nowhere", DBR_ERR_SHAPE},
    {"fd50::/32 fd77::1 1x", DBR_ERR_SHAPE},
    {"fd50::/32 fd77::1 1 more", DBR_ERR_SHAPE},
    {"", DBR_ERR_SHAPE},
};

static void ipv6_routes_are_read(void **state)
{
    static const uint8_t gateway[16] = {0xfd, 0x77, [15] = 1}, none[16];
    struct dbr_way r;
    (void)state;
    for (size_t i = 0; i < sizeof routes6 / sizeof routes6[0]; i++) {
        int err = dbr_way6_parse(&r, routes6[i].line, gateway, 7);
        if (err != routes6[i].err)
            fail_msg("[%s]: %d", routes6[i].line, err);
        if (err)
            continue;
        assert_int_equal(r.family, 6);
        assert_int_equal(r.what, routes6[i].what);
        assert_int_equal(r.metric, routes6[i].metric);
        assert_int_equal(r.prefix, routes6[i].prefix);
        assert_int_equal(r.dst[0], routes6[i].dst0);
        assert_int_equal(r.via[15], routes6[i].via15);
    }
    assert_int_equal(dbr_way6_parse(&r, "fd50::/32", none, 7), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_way6_parse(&r, "fd50::/32 fd77::1", none, 7), 0);
    assert_int_equal(dbr_way6_parse(&r, "fd50::/32 net_gateway", none, 7), 0);
}

static const struct {
    const char *dns[4], *dhcp[4];
    const char *servers, *domains;
} name_servers[] = {
    {{NULL}, {"DNS 10.0.0.1", "DNS 10.0.0.2", "DOMAIN a.example"}, "10.0.0.1 10.0.0.2", "a.example"},
    {{NULL}, {"DNS6 fd00::1", "DOMAIN-SEARCH a b", "NTP 10.0.0.9"}, "fd00::1", "a b"},
    {{"search-domains x y", "server 1 address 10.0.0.1:53 [fd00::1]:853"},
     {"DNS 10.0.0.9"},
     "10.0.0.1 fd00::1",
     "x y"},
    {{"server 2 address 10.0.0.2", "server -1 address 10.0.0.1", "server 3 address 10.0.0.3"},
     {NULL},
     "10.0.0.1",
     ""},
    {{"server 0 resolve-domains o.example", "server 0 address 10.0.0.1", "server 0 dnssec yes"},
     {NULL},
     "10.0.0.1",
     "o.example"},
    {{"server 1 address 10.0.0.1", "server 1 resolve-domains other.example", "server 0 address 10.0.0.2"},
     {NULL},
     "10.0.0.2", /* whom nothing is said of */
     ""},
    {{"server one address 10.0.0.1"}, {NULL}, "", ""},
    {{"search-domains x"}, {"DNS 10.0.0.9"}, "10.0.0.9", "x"},
    {{"server 0 address nobody", "server", "server 0"},
     {"DNS", "DNS 10.0.0.300", "DOMAIN $(x)", "DOMAIN -x"},
     "",
     ""},
};

static void name_servers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof name_servers / sizeof name_servers[0]; i++) {
        struct dbr_conf_list none = {0}, dns = {.v = (char **)(uintptr_t)name_servers[i].dns},
                             dhcp = {.v = (char **)(uintptr_t)name_servers[i].dhcp};
        struct dbr_names m;
        char text[256] = "", ip[INET6_ADDRSTRLEN];
        while (dns.n < 4 && dns.v[dns.n])
            dns.n++;
        while (dhcp.n < 4 && dhcp.v[dhcp.n])
            dhcp.n++;
        dbr_names_collect(&m, (const struct dbr_conf_list *const[]){&none, &dns},
                          (const struct dbr_conf_list *const[]){&none, &dhcp});
        for (size_t s = 0; s < m.n; s++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", s ? " " : "",
                     inet_ntop(m.server[s].family == 6 ? AF_INET6 : AF_INET, m.server[s].ip, ip, sizeof ip));
        assert_string_equal(text, name_servers[i].servers);
        assert_string_equal(m.domains, name_servers[i].domains);
    }
}

static void pending_is_bounded(void **state)
{
    static const struct {
        const char *rest;
        int seconds;
    } cases[] = {{"", 0},          {"timeout 42", 42}, {"timeout -1", 0}, {"timeout 99999999", 3600},
                 {"timeout x", 0}, {"timeout", 0},     {"wait 42", 0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(dbr_pending_parse(cases[i].rest), cases[i].seconds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_read),        cmocka_unit_test(ipv6_routes_are_read),
        cmocka_unit_test(name_servers_are_read),  cmocka_unit_test(pending_is_bounded),
        cmocka_unit_test(long_lines_are_refused), cmocka_unit_test(temporary_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
