/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The text that remembers what was there before: one line per operation, on the disk before the operation is
 * begun. After a crash the last line may or may not have been done, and a line that has no end was not. Pure.
 *
 *   drawbridge-network 1
 *   adapter {0F2C6A7D-...} 0006000001000000
 *   route 4 198.51.100.7/32 via 192.0.2.1 metric 0 on 0006008002000000 absent
 *   wall
 *   iface 4 metric 3 mtu 1400 closed was 25 auto 1500 open absent
 *   address 4 192.0.2.9/24 dhcp
 *   dns 4 192.0.2.1,192.0.2.2 was -
 *   search office.example was -
 *   renew
 */
#ifndef DBR_CW_NETCFG_JOURNAL_H
#define DBR_CW_NETCFG_JOURNAL_H

#include "client-win/netcfg/plan.h"

enum { DBR_NET_GUID = 39, DBR_NET_LINE = 2 * DBR_NET_LIST + 256, DBR_NET_JOURNAL = 256 * 1024 };

struct dbr_net_journal {
    char guid[DBR_NET_GUID]; /* "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}", as the registry has it */
    uint64_t luid;
    struct dbr_net_op op[DBR_NET_OPS];
    size_t ops;
};

/* A GUID in braces. */
bool dbr_net_guid_is_good(const char *guid);

/* The first two lines, and one operation's line; the length without the NUL. */
size_t dbr_net_journal_head(const char *guid, uint64_t luid, char out[DBR_NET_LINE]);
size_t dbr_net_journal_line(const struct dbr_net_op *o, char out[DBR_NET_LINE]);

/* Reads n bytes. 0; DBR_ERR_SHAPE for anything but such a text, with the line's number in *line. A last line
 * without its end is left out. A text that ends within the head is empty: no operation. */
int dbr_net_journal_parse(struct dbr_net_journal *j, const char *text, size_t n, size_t *line);

#endif
