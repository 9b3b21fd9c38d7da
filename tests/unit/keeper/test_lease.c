/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Leases as DHCP clients tell them, networks that look alike, and which keys want a passphrase.
 */
#include "base/err.h"
#include "keeper/lease.h"
#include "keeper/passphrase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct {
    const char *text;
    int err;
    uint8_t family, prefix, ip[4], router[4];
    size_t n_dns;
    uint8_t last[4]; /* name server */
    const char *domain;
} lines[] = {
    {"192.168.77.9 24 192.168.77.1 - -\n", 0, 4, 24, {192, 168, 77, 9}, {192, 168, 77, 1}, 0, {0}, ""},
    {"192.168.77.9 24 192.168.77.1 10.0.0.1,10.0.0.2 office.example\n",
     0,
     4,
     24,
     {192, 168, 77, 9},
     {192, 168, 77, 1},
     2,
     {10, 0, 0, 2},
     "office.example"},
    {"10.0.0.1 32 0.0.0.0 1.1.1.1 -\n", 0, 4, 32, {10, 0, 0, 1}, {0}, 1, {1, 1, 1, 1}, ""},
    {"192.168.77.9 24 192.168.77.1\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1 -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 1.1.1.300 -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 , -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 1.1.1.1 $(x)\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 1.1.1.1 -x\n", DBR_ERR_SHAPE},
    {"none\n", 0, 0, 0, {0}, {0}},
    {"", DBR_ERR_SHAPE},
    {"none", DBR_ERR_SHAPE},
    {"192.168.77.9 24\n", DBR_ERR_SHAPE},
    {"192.168.77.9 0 192.168.77.1 - -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 33 192.168.77.1 - -\n", DBR_ERR_SHAPE},
    {"192.168.77.900 24 192.168.77.1 - -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 router - -\n", DBR_ERR_SHAPE},
    {"192.168.77.9 24 192.168.77.1 - - more\n", DBR_ERR_SHAPE},
    {"fe80::1 64 fe80::2 - -\n", DBR_ERR_SHAPE},
};

static void lease_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct lease l;
        int err = lease_parse(lines[i].text, &l);
        if (err != lines[i].err)
            fail_msg("[%s]: %d", lines[i].text, err);
        if (err)
            continue;
        assert_int_equal(l.address.family, lines[i].family);
        assert_int_equal(l.address.prefix, lines[i].prefix);
        assert_memory_equal(l.address.ip, lines[i].ip, 4);
        assert_memory_equal(l.router, lines[i].router, 4);
        assert_int_equal(l.n_dns, lines[i].n_dns);
        if (l.n_dns)
            assert_memory_equal(l.dns[l.n_dns - 1], lines[i].last, 4);
        assert_string_equal(l.domain, lines[i].domain ? lines[i].domain : "");
    }
}

/* ---- as a script ---- */

static const char *const names[] = {
    "reason", "new_ip_address", "new_subnet_mask",         "new_routers",    "ip", "subnet", "router",
    "dns",    "domain",         "new_domain_name_servers", "new_domain_name"};

struct told {
    const char *why; /* udhcpc's argument */
    const char *env[14];
    int code;
    const char *line; /* NULL: no file */
};

static const struct told told[] = {
    {NULL,
     {"reason", "BOUND", "new_ip_address", "192.168.77.9", "new_subnet_mask", "255.255.255.0", "new_routers",
      "192.168.77.1 192.168.77.2"},
     0,
     "192.168.77.9 24 192.168.77.1 - -\n"},
    {NULL,
     {"reason", "RENEW", "new_ip_address", "192.168.77.9", "new_subnet_mask", "255.255.0.0"},
     0,
     "192.168.77.9 16 0.0.0.0 - -\n"},
    {"bound",
     {"ip", "10.1.2.3", "subnet", "255.0.0.0", "router", "10.0.0.1"},
     0,
     "10.1.2.3 8 10.0.0.1 - -\n"},
    {"bound",
     {"ip", "10.1.2.3", "subnet", "255.0.0.0", "dns", "10.0.0.9 fe80::1 10.0.0.8", "domain",
      "office.example"},
     0,
     "10.1.2.3 8 0.0.0.0 10.0.0.9,10.0.0.8 office.example\n"},
    {NULL,
     {"reason", "BOUND", "new_ip_address", "10.1.2.3", "new_subnet_mask", "255.0.0.0",
      "new_domain_name_servers", "10.0.0.9", "new_domain_name", "a;b"},
     0,
     "10.1.2.3 8 0.0.0.0 10.0.0.9 -\n"},
    {"deconfig", {"ip", "10.1.2.3"}, 0, "none\n"},
    {NULL, {"reason", "EXPIRE"}, 0, "none\n"},
    {NULL, {"reason", "PREINIT"}, 0, NULL},
    {NULL, {NULL}, 0, NULL},
    {"leasefail", {NULL}, 0, NULL},
    {"bound", {"ip", "10.1.2.3; rm -rf /", "subnet", "x"}, 1, NULL},
    {"bound", {"ip", "10.1.2.3", "subnet", "255.0.255.0"}, 1, NULL},
    {"bound", {"subnet", "255.0.0.0"}, 1, NULL},
    {"bound",
     {"ip", "10.1.2.3", "subnet", "255.0.0.0", "router", "$(reboot)"},
     0,
     "10.1.2.3 8 0.0.0.0 - -\n"},
};

static void clients_tell_their_lease(void **state)
{
    (void)state;
    char file[] = "/tmp/lease.XXXXXX", text[80];
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        unlink(file);
        for (size_t n = 0; n < sizeof names / sizeof names[0]; n++)
            unsetenv(names[n]);
        for (size_t n = 0; told[i].env[n]; n += 2)
            setenv(told[i].env[n], told[i].env[n + 1], 1);
        if (lease_main(file, told[i].why) != told[i].code)
            fail_msg("case %zu: not %d", i, told[i].code);
        FILE *f = fopen(file, "re");
        if (!f != !told[i].line)
            fail_msg("case %zu: %s file", i, f ? "a" : "no");
        if (!f)
            continue;
        assert_non_null(fgets(text, sizeof text, f));
        fclose(f);
        assert_string_equal(text, told[i].line);
    }
    unlink(file);
}

static void no_file_is_no_lease(void **state)
{
    (void)state;
    struct lease l;
    assert_int_equal(lease_read("/nonexistent/lease", &l), DBR_ERR_NOTFOUND);
}

/* ---- networks, keys ---- */

static void networks(void **state)
{
    (void)state;
    static const struct {
        uint8_t a[4], prefix_a, b[4], prefix_b;
        bool overlap;
    } cases[] = {
        {{192, 168, 1, 20}, 24, {192, 168, 1, 200}, 24, true},
        {{192, 168, 1, 20}, 24, {192, 168, 2, 20}, 24, false},
        {{192, 168, 1, 20}, 24, {192, 168, 2, 20}, 16, true},
        {{192, 168, 1, 20}, 16, {192, 168, 2, 20}, 24, true},
        {{192, 168, 1, 1}, 25, {192, 168, 1, 129}, 25, false},
        {{192, 168, 1, 1}, 25, {192, 168, 1, 129}, 24, true},
        {{10, 0, 0, 1}, 32, {10, 0, 0, 1}, 32, true},
        {{10, 0, 0, 1}, 32, {10, 0, 0, 2}, 32, false},
        {{10, 0, 0, 1}, 0, {192, 168, 1, 1}, 24, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (if_networks_overlap(cases[i].a, cases[i].prefix_a, cases[i].b, cases[i].prefix_b) !=
            cases[i].overlap)
            fail_msg("case %zu", i);
}

static void keys(void **state)
{
    (void)state;
    assert_true(passphrase_needed("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n"));
    assert_true(passphrase_needed("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"));
    assert_false(passphrase_needed("-----BEGIN PRIVATE KEY-----\nMIIF\n"));
    assert_false(passphrase_needed(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lease_lines),
        cmocka_unit_test(clients_tell_their_lease),
        cmocka_unit_test(no_file_is_no_lease),
        cmocka_unit_test(networks),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
