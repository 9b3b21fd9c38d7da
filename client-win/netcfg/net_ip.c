/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/plan.h"

#include "base/sockets.h"

#include <stdio.h>
#include <string.h>

static unsigned bits_of(uint8_t family)
{
    return family == 4 ? 32 : 128;
}

bool dbr_net_is_zero(const uint8_t ip[16])
{
    static const uint8_t zero[16];
    return memcmp(ip, zero, 16) == 0;
}

static bool tail_is_zero(const uint8_t *p, size_t n)
{
    while (n)
        if (p[--n])
            return false;
    return true;
}

bool dbr_net_is_unicast(uint8_t family, const uint8_t ip[16])
{
    if (family == 4)
        return tail_is_zero(ip + 4, 12) && ip[0] != 0 && ip[0] != 127 && ip[0] < 224;
    if (family != 6 || ip[0] == 0xff)
        return false;
    return !tail_is_zero(ip, 10); /* ::, ::1, and what holds an IPv4 address */
}

bool dbr_net_holds(const struct dbr_net_ip *net, uint8_t family, const uint8_t ip[16])
{
    if (net->family != family || net->prefix > bits_of(family))
        return false;
    size_t whole = net->prefix / 8;
    unsigned rest = net->prefix % 8;
    if (memcmp(net->ip, ip, whole) != 0)
        return false;
    return rest == 0 || (net->ip[whole] ^ ip[whole]) >> (8 - rest) == 0;
}

void dbr_net_mask(struct dbr_net_ip *net)
{
    for (size_t i = 0; i < 16; i++) {
        unsigned before = (unsigned)i * 8;
        if (net->prefix <= before)
            net->ip[i] = 0;
        else if (net->prefix < before + 8)
            net->ip[i] &= (uint8_t)(0xff00 >> (net->prefix - before));
    }
}

const char *dbr_net_ip_text(uint8_t family, const uint8_t ip[16], char out[DBR_NET_TEXT])
{
    if (!inet_ntop(family == 4 ? AF_INET : AF_INET6, ip, out, DBR_NET_TEXT))
        out[0] = 0; /* never: out is long enough for both */
    return out;
}

const char *dbr_net_text(const struct dbr_net_ip *net, char out[DBR_NET_TEXT])
{
    dbr_net_ip_text(net->family, net->ip, out);
    size_t n = strlen(out);
    snprintf(out + n, DBR_NET_TEXT - n, "/%u", net->prefix);
    return out;
}
