/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/lists.h"

#include "base/sockets.h"

#include <stdio.h>
#include <string.h>

bool dbr_net_is_domain(const char *s)
{
    size_t label = 0, n = strnlen(s, DBR_PM_DOMAIN);
    if (n == 0 || n == DBR_PM_DOMAIN)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                      (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '_';
        if (!letter && (s[i] != '.' || label == 0))
            return false;
        label = letter ? label + 1 : 0;
        if (label > 63)
            return false;
    }
    return true;
}

static bool is_address(uint8_t family, const char *s)
{
    uint8_t ip[16];
    return inet_pton(family == 4 ? AF_INET : AF_INET6, s, ip) == 1;
}

/* Family 0: domains. */
static void keep(uint8_t family, const char *text, char out[DBR_NET_LIST])
{
    size_t used = 0;
    out[0] = 0;
    while (*text) {
        char item[DBR_PM_DOMAIN] = "";
        size_t n = strcspn(text, ", ;\t");
        if (n < sizeof item)
            memcpy(item, text, n);
        text += n + (text[n] != 0);
        if (!item[0] || !(family ? is_address(family, item) : dbr_net_is_domain(item)))
            continue;
        if (used + n + 2 > DBR_NET_LIST)
            return;
        used += (size_t)snprintf(out + used, DBR_NET_LIST - used, "%s%s", used ? "," : "", item);
    }
}

void dbr_net_keep_addresses(uint8_t family, const char *text, char out[DBR_NET_LIST])
{
    keep(family, text, out);
}

void dbr_net_keep_domains(const char *text, char out[DBR_NET_LIST])
{
    keep(0, text, out);
}

bool dbr_net_item(const char *list, size_t number, char out[DBR_NET_LIST])
{
    for (; number && *list; number--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    size_t n = strcspn(list, ",");
    if (n == 0 || n >= DBR_NET_LIST)
        return false;
    memcpy(out, list, n);
    out[n] = 0;
    return true;
}
