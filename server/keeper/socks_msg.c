/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/socks_msg.h"
#include "base/bytes.h"
#include "base/err.h"

#include <string.h>

enum { VERSION = 5, NO_LOGIN = 0, LOGIN = 2, UDP_ASSOCIATE = 3, IPV4 = 1, NAME = 3, IPV6 = 4 };

size_t socks_methods(uint8_t out[4], bool login)
{
    out[0] = VERSION;
    out[1] = login ? 2 : 1;
    out[2] = NO_LOGIN;
    out[3] = LOGIN;
    return login ? 4 : 3;
}

int socks_method(const uint8_t in[2], bool login)
{
    if (in[0] != VERSION)
        return DBR_ERR_SHAPE;
    bool good = in[1] == NO_LOGIN || (login && in[1] == LOGIN);
    return good ? in[1] : DBR_ERR_AUTH;
}

size_t socks_login(uint8_t out[SOCKS_LOGIN_MAX], const char *user, const char *pass)
{
    size_t u = strlen(user), p = strlen(pass);
    if (!u || !p || u > SOCKS_WORD_MAX || p > SOCKS_WORD_MAX)
        return 0;
    out[0] = 1;
    out[1] = (uint8_t)u;
    memcpy(out + 2, user, u);
    out[2 + u] = (uint8_t)p;
    memcpy(out + 3 + u, pass, p);
    return 3 + u + p;
}

void socks_associate(uint8_t out[SOCKS_ASSOCIATE_LEN])
{
    memset(out, 0, SOCKS_ASSOCIATE_LEN);
    out[0] = VERSION;
    out[1] = UDP_ASSOCIATE;
    out[3] = IPV4;
}

/* Kind, address and port from in[3] on; where it ends, DBR_ERR_AGAIN or DBR_ERR_SHAPE. */
static int take_address(const uint8_t *in, size_t n, struct dbr_addr *a)
{
    memset(a, 0, sizeof *a);
    if (n < 5)
        return DBR_ERR_AGAIN;
    const size_t name = 1 + (size_t)in[4];
    size_t len = in[3] == IPV4 ? 4 : in[3] == IPV6 ? 16 : in[3] == NAME ? name : 0;
    if (!len)
        return DBR_ERR_SHAPE;
    if (n < 4 + len + 2)
        return DBR_ERR_AGAIN;
    if (in[3] != NAME) {
        a->family = in[3] == IPV4 ? 4 : 6;
        memcpy(a->ip, in + 4, len);
    }
    a->port = dbr_get16(in + 4 + len);
    return (int)(4 + len + 2);
}

int socks_reply(const uint8_t *in, size_t n, struct dbr_addr *at, uint8_t *code)
{
    static const uint8_t nowhere[16];
    if (n >= 1 && in[0] != VERSION)
        return DBR_ERR_SHAPE;
    *code = n >= 2 ? in[1] : 0;
    if (*code)
        return DBR_ERR_AUTH;
    int end = take_address(in, n, at);
    if (end > 0 && memcmp(at->ip, nowhere, sizeof at->ip) == 0)
        at->family = 0;
    if (end > 0 && !at->port)
        return DBR_ERR_SHAPE;
    return end;
}

const char *socks_refusal(uint8_t code)
{
    static const char *const words[] = {
        [1] = "general failure",     [2] = "its rules do not allow it",
        [3] = "network unreachable", [4] = "host unreachable",
        [5] = "connection refused",  [6] = "TTL expired",
        [7] = "it does not do UDP",  [8] = "it does not know this kind of address"};
    return code && code < sizeof words / sizeof words[0] ? words[code] : "for a reason that it does not tell";
}

size_t socks_header(uint8_t out[SOCKS_HEADER_MAX], const struct dbr_addr *to)
{
    const size_t len = to->family == 6 ? 16 : 4;
    memset(out, 0, 3);
    out[3] = to->family == 6 ? IPV6 : IPV4;
    memcpy(out + 4, to->ip, len);
    dbr_put16(out + 4 + len, to->port);
    return 4 + len + 2;
}

int socks_unwrap(const uint8_t *in, size_t n, struct dbr_addr *from)
{
    if (n < 4 || in[0] || in[1] || in[2])
        return DBR_ERR_SHAPE;
    int end = take_address(in, n, from);
    return end < 0 ? DBR_ERR_SHAPE : end;
}
