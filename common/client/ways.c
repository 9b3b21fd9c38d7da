/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/ways.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/sockets.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTE_WORDS = 4, ROUTE6_WORDS = 3, ROUTE_LINE = 128, ROUTE6_LINE = 160, TEMP_WAIT_MAX_S = 3600 };

static const uint8_t none[16];

static bool is_word(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

int dbr_way_ip4(const char *text, uint32_t *ip)
{
    struct in_addr a;
    if (inet_pton(AF_INET, text, &a) != 1)
        return DBR_ERR_SHAPE;
    *ip = ntohl(a.s_addr);
    return 0;
}

static int prefix_of(uint32_t mask)
{
    int bits = 0;
    for (; mask & 0x80000000u; mask <<= 1)
        bits++;
    return mask ? DBR_ERR_SHAPE : bits;
}

size_t dbr_words(char *line, const char **words, size_t most)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *w = strtok_r(line, " \t", &rest); w && n < most; w = strtok_r(NULL, " \t", &rest))
        words[n++] = w;
    return n;
}

static int take_gateway(struct dbr_way *r, const char *word, uint32_t gateway)
{
    uint32_t via = gateway;
    r->what = strcmp(word, "net_gateway") == 0 ? DBR_WAY_AROUND : DBR_WAY_TUNNEL;
    if (!is_word(word, "vpn_gateway", "default") && r->what == DBR_WAY_TUNNEL && dbr_way_ip4(word, &via))
        return DBR_ERR_SHAPE;
    dbr_put32(r->via, r->what == DBR_WAY_AROUND ? 0 : via);
    return 0;
}

int dbr_way_parse(struct dbr_way *r, const char *line, uint32_t gateway, uint32_t metric)
{
    char text[ROUTE_LINE];
    const char *w[ROUTE_WORDS + 1] = {0};
    uint32_t dst, mask = UINT32_MAX;
    *r = (struct dbr_way){.metric = metric};
    if (strlen(line) >= sizeof text)
        return DBR_ERR_SHAPE;
    memcpy(text, line, strlen(line) + 1);
    size_t n = dbr_words(text, w, ROUTE_WORDS + 1);
    if (n < 1 || n > ROUTE_WORDS || dbr_way_ip4(w[0], &dst))
        return DBR_ERR_SHAPE;
    if (n > 1 && strcmp(w[1], "default") != 0 && dbr_way_ip4(w[1], &mask))
        return DBR_ERR_SHAPE;
    int prefix = prefix_of(mask);
    if (prefix < 0 || dst & ~mask || take_gateway(r, n > 2 ? w[2] : "vpn_gateway", gateway))
        return DBR_ERR_SHAPE;
    if (n > 3 && strcmp(w[3], "default") != 0) {
        char *end;
        unsigned long m = strtoul(w[3], &end, 10);
        if (*end || m > INT32_MAX)
            return DBR_ERR_SHAPE;
        r->metric = (uint32_t)m;
    }
    r->prefix = (uint8_t)prefix;
    r->family = 4;
    dbr_put32(r->dst, dst);
    return 0;
}

/* "fd00:77::/64": no bit beyond the prefix. */
static int take_network(struct dbr_way *r, char *word)
{
    char *slash = strchr(word, '/'), *end = NULL;
    unsigned long bits = slash ? strtoul(slash + 1, &end, 10) : 129;
    if (!slash || end == slash + 1 || *end || bits > 128)
        return DBR_ERR_SHAPE;
    *slash = 0;
    if (inet_pton(AF_INET6, word, r->dst) != 1)
        return DBR_ERR_SHAPE;
    r->prefix = (uint8_t)bits;
    for (size_t i = 0; i < 16; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i < 8 ? (unsigned)(bits - 8 * i) : 8 : 0;
        if (r->dst[i] & (0xff >> kept))
            return DBR_ERR_SHAPE;
    }
    return 0;
}

int dbr_way6_parse(struct dbr_way *r, const char *line, const uint8_t gateway[16], uint32_t metric)
{
    char text[ROUTE6_LINE], *end;
    const char *w[ROUTE6_WORDS + 1] = {0};
    *r = (struct dbr_way){.what = DBR_WAY_TUNNEL, .metric = metric, .family = 6};
    if (strlen(line) >= sizeof text)
        return DBR_ERR_SHAPE;
    memcpy(text, line, strlen(line) + 1);
    size_t n = dbr_words(text, w, ROUTE6_WORDS + 1);
    if (n < 1 || n > ROUTE6_WORDS || take_network(r, text + (w[0] - text)))
        return DBR_ERR_SHAPE;
    bool named = n > 1 && strcmp(w[1], "default") != 0 && strcmp(w[1], "vpn_gateway") != 0;
    if (named && strcmp(w[1], "net_gateway") == 0)
        r->what = DBR_WAY_AROUND;
    else if (named && inet_pton(AF_INET6, w[1], r->via) != 1)
        return DBR_ERR_SHAPE;
    else if (!named)
        memcpy(r->via, gateway, 16);
    unsigned long m = n > 2 ? strtoul(w[2], &end, 10) : metric;
    if (n > 2 && (*end || m > INT32_MAX))
        return DBR_ERR_SHAPE;
    r->metric = (uint32_t)m;
    return r->what == DBR_WAY_TUNNEL && memcmp(r->via, none, 16) == 0 ? DBR_ERR_NOTFOUND : 0;
}

int dbr_temp_parse(const char *rest, bool *advance)
{
    const char *flags = rest + strlen("TEMP");
    char *end;
    *advance = true;
    if (strncmp(rest, "TEMP[", 5) != 0)
        return 0;
    const char *close = strchr(flags, ']');
    const char *no = strstr(flags, "advance no"), *wait = strstr(flags, "backoff ");
    *advance = !(close && no && no < close);
    long s = close && wait && wait < close ? strtol(wait + strlen("backoff "), &end, 10) : 0;
    return s < 0 ? 0 : s > TEMP_WAIT_MAX_S ? TEMP_WAIT_MAX_S : (int)s;
}

int dbr_pending_parse(const char *rest)
{
    const char *timeout = strncmp(rest, "timeout ", 8) == 0 ? rest + 8 : NULL;
    char *end;
    long s = timeout ? strtol(timeout, &end, 10) : 0;
    return s < 0 ? 0 : s > TEMP_WAIT_MAX_S ? TEMP_WAIT_MAX_S : (int)s;
}
