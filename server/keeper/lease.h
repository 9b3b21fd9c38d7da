/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a DHCP client tells about its lease. It calls this very program in the place of the script that it
 * comes with: the lease goes into a file of keeper's, which sets the address itself and leaves out what a
 * split tunnel must not have, the far LAN's router and name servers. Keeper only.
 */
#ifndef DBR_KEEPER_LEASE_H
#define DBR_KEEPER_LEASE_H

#include "keeper/address.h"

#include <stddef.h>

/* The variable that tells the program to be the script; its value is the file. */
#define LEASE_VARIABLE "DBR_LEASE_FILE"

enum { LEASE_DNS = 4, LEASE_DOMAIN = 128 };

struct lease {
    struct if_address address; /* family 0: there is none (any more) */
    uint8_t router[4];         /* zero: none */
    uint8_t dns[LEASE_DNS][4]; /* n_dns name servers: for a full tunnel */
    size_t n_dns;
    char domain[LEASE_DOMAIN]; /* letters, digits, '.', '-', '_'; "" = none */
};

/* As the DHCP client's script: reads the environment that dhclient, dhcpcd or udhcpc made (why is udhcpc's
 * argument, or NULL) and writes the file. The exit code. */
int lease_main(const char *file, const char *why);

/* The line of the file: "ADDRESS BITS ROUTER DNS[,DNS] DOMAIN", - for none of the last two, or "none". 0 or
 * DBR_ERR_SHAPE. Pure. */
int lease_parse(const char *text, struct lease *out);
/* Reads the file. 0; DBR_ERR_NOTFOUND as long as there is none; DBR_ERR_SHAPE. */
int lease_read(const char *file, struct lease *out);

#endif
