/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Name servers and search domains that a configuration and a server name. `dns` counts before `dhcp-option`
 * (OpenVPN 2.6, man page "dns"): of several servers the one with the lowest number. Pure; any thread.
 *
 *   dhcp-option DNS 10.0.0.1        dns server 0 address 10.0.0.1:53 fd00::1
 *   dhcp-option DNS6 fd00::1        dns server 0 resolve-domains office.example
 *   dhcp-option DOMAIN x, DOMAIN-SEARCH x        dns search-domains x y
 */
#ifndef DBR_CLIENT_NAMES_H
#define DBR_CLIENT_NAMES_H

#include "conf/config.h"

#include <stddef.h>
#include <stdint.h>

enum { DBR_NAMES_SERVERS = 8, DBR_NAMES_DOMAINS = 256 };

struct dbr_name_server {
    uint8_t family; /* 4 or 6 */
    uint8_t ip[16];
};
struct dbr_names {
    uint32_t n;
    struct dbr_name_server server[DBR_NAMES_SERVERS];
    char domains[DBR_NAMES_DOMAINS]; /* letters, digits, '.', '-', '_', with blanks between them */
};

/* Of the two lists of each directive, the configuration's and the pushed one. */
void dbr_names_collect(struct dbr_names *m, const struct dbr_conf_list *const dns[2],
                       const struct dbr_conf_list *const dhcp[2]);

#endif
