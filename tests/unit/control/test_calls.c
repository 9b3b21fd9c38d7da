/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server may say to a client about name servers, as the variables of scripts.
 */
#include "base/bytes.h"
#include "control/calls.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static char variables[1024];

static void put_variable(struct control *ctl, const char *name, const char *value)
{
    (void)ctl;
    size_t n = strlen(variables);
    snprintf(variables + n, sizeof variables - n, "%s=%s;", name, value);
}

static const struct {
    const char *dns[4], *dhcp[4];
    const char *variables;
} dns_variables[] = {
    {{"server 2 address 10.0.0.2:53", "server -1 address 10.0.0.1 fd00::1 [fd00::2]:853",
      "server 2 resolve-domains o.example p.example", "search-domains x y"},
     {"DNS 10.0.0.9"},
     "dns_server_2_address_1=10.0.0.2;dns_server_2_port_1=53;dns_server_1_address_1=10.0.0.1;"
     "dns_server_1_address_2=fd00::1;dns_server_1_address_3=fd00::2;dns_server_1_port_3=853;"
     "dns_server_2_resolve_domain_1=o.example;dns_server_2_resolve_domain_2=p.example;"
     "dns_search_domain_1=x;dns_search_domain_2=y;"},
    {{"server 1 dnssec yes", "server 1 transport DoT", "server 1 sni a.example"},
     {NULL},
     "dns_server_1_dnssec=yes;dns_server_1_transport=DoT;dns_server_1_sni=a.example;"},
    {{NULL},
     {"DNS 10.0.0.9", "DNS6 fd00::1", "DOMAIN a.example", "NTP 10.0.0.1"},
     "dns_server_1_address_1=10.0.0.9;dns_server_1_address_2=fd00::1;dns_search_domain_1=a.example;"},
    {{"server 1 address $(reboot)", "search-domains `x`"}, {NULL}, ""},
};

static void name_servers_as_variables(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dns_variables / sizeof dns_variables[0]; i++) {
        static struct calls calls;
        static struct control ctl;
        static const struct dbr_config cfg;
        ctl.cfg = &cfg;
        ctl.calls = &calls;
        struct dbr_conf_list *dns = &calls.pulled.dns, *dhcp = &calls.pulled.dhcp_option;
        *dns = (struct dbr_conf_list){.v = (char **)(uintptr_t)dns_variables[i].dns};
        *dhcp = (struct dbr_conf_list){.v = (char **)(uintptr_t)dns_variables[i].dhcp};
        while (dns->n < 4 && dns->v[dns->n])
            dns->n++;
        while (dhcp->n < 4 && dhcp->v[dhcp->n])
            dhcp->n++;
        *variables = 0;
        calls_dns_env(&ctl, put_variable);
        assert_string_equal(variables, dns_variables[i].variables);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_servers_as_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
