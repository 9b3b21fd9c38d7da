/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A journal that something else wrote over: it is refused, or each of its lines comes out as it went in, but
 * for the form of addresses and numbers, and then stays as it is.
 */
#include "client-win/netcfg/journal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_net_journal j, again;
    static char text[DBR_NET_OPS * DBR_NET_LINE];
    size_t line, n;
    if (dbr_net_journal_parse(&j, (const char *)data, size, &line) != 0 || !dbr_net_guid_is_good(j.guid))
        return 0;
    n = dbr_net_journal_head(j.guid, j.luid, text);
    for (size_t i = 0; i < j.ops; i++)
        n += dbr_net_journal_line(&j.op[i], text + n);
    if (dbr_net_journal_parse(&again, text, n, &line) != 0 || memcmp(&again.op, &j.op, sizeof j.op) != 0)
        abort();
    return 0;
}
