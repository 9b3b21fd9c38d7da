/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"
#include "base/err.h"
#include "base/sockets.h"

#include <stdio.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

const char *dbr_addr_ip_text(const struct dbr_addr *a, char out[DBR_ADDR_TEXT])
{
    if (a->family != 4 && a->family != 6)
        snprintf(out, DBR_ADDR_TEXT, "[no address]");
    else if (!inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, out, DBR_ADDR_TEXT))
        snprintf(out, DBR_ADDR_TEXT, "?");
    return out;
}

const char *dbr_addr_text(const struct dbr_addr *a, char out[DBR_ADDR_TEXT])
{
    dbr_addr_ip_text(a, out);
    size_t n = strlen(out);
    if (a->family)
        snprintf(out + n, DBR_ADDR_TEXT - n, ":%u", a->port);
    return out;
}

int dbr_addr_from_sockaddr(struct dbr_addr *a, const struct sockaddr *sa, size_t len)
{
    memset(a, 0, sizeof *a);
    if (sa->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const void *)sa;
        a->family = 4;
        a->port = ntohs(in->sin_port);
        memcpy(a->ip, &in->sin_addr, 4);
        return 0;
    }
    if (sa->sa_family != AF_INET6 || len < sizeof(struct sockaddr_in6))
        return DBR_ERR_SHAPE;
    const struct sockaddr_in6 *in6 = (const void *)sa;
    a->port = ntohs(in6->sin6_port);
    if (memcmp(&in6->sin6_addr, mapped_prefix, 12) == 0) {
        a->family = 4;
        memcpy(a->ip, (const uint8_t *)&in6->sin6_addr + 12, 4);
        return 0;
    }
    a->family = 6;
    a->scope = IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ? in6->sin6_scope_id : 0;
    memcpy(a->ip, &in6->sin6_addr, 16);
    return 0;
}

size_t dbr_addr_to_sockaddr6(const struct dbr_addr *a, struct sockaddr *sa)
{
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
    if (a->family == 4) {
        memcpy(&in6.sin6_addr, mapped_prefix, 12);
        memcpy((uint8_t *)&in6.sin6_addr + 12, a->ip, 4);
    } else {
        memcpy(&in6.sin6_addr, a->ip, 16);
    }
    memcpy(sa, &in6, sizeof in6);
    return sizeof in6;
}
