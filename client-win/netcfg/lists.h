/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lists of name servers and domains as Windows keeps them: text in the registry, separated by commas or
 * blanks, written by whoever was there before. What comes out may stand in the journal and in a command line.
 * Pure.
 */
#ifndef DBR_CW_NETCFG_LISTS_H
#define DBR_CW_NETCFG_LISTS_H

#include "client-win/netcfg/plan.h"

/* The addresses of the family in text, separated by commas; what is none is left out. Those that no longer
 * fit as well. */
void dbr_net_keep_addresses(uint8_t family, const char *text, char out[DBR_NET_LIST]);
/* The domains in text, likewise. */
void dbr_net_keep_domains(const char *text, char out[DBR_NET_LIST]);

/* Letters, digits, '-', '_' in labels of 1 to 63, 255 bytes at most, no dot at an end but one at the last. */
bool dbr_net_is_domain(const char *s);

/* The item of this number (from 0) of a comma's list; false: there are fewer. */
bool dbr_net_item(const char *list, size_t number, char out[DBR_NET_LIST]);

#endif
