/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the registry says about name servers and domains: what is kept of it is stable, and has no character
 * that means something in a command line or in the journal.
 */
#include "client-win/netcfg/lists.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(uint8_t family, const char *text)
{
    char once[DBR_NET_LIST], twice[DBR_NET_LIST], item[DBR_NET_LIST];
    if (family) {
        dbr_net_keep_addresses(family, text, once);
        dbr_net_keep_addresses(family, once, twice);
    } else {
        dbr_net_keep_domains(text, once);
        dbr_net_keep_domains(once, twice);
    }
    if (strcmp(once, twice) != 0 || strpbrk(once, " \"'&|<>^%;/\\\n\r\t"))
        abort();
    size_t n = 0, len = 0;
    for (; dbr_net_item(once, n, item); n++)
        len += strlen(item) + 1;
    if (n && len != strlen(once) + 1)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[2048];
    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    judge(4, text);
    judge(6, text);
    judge(0, text);
    return 0;
}
