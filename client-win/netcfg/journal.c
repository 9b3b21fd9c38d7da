/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/journal.h"

#include "base/err.h"
#include "base/sockets.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char first_line[] = "drawbridge-network 1";
static const char *const was_word[] = {
    [DBR_NET_ABSENT] = "absent", [DBR_NET_PRESENT] = "present", [DBR_NET_BY_DHCP] = "dhcp"};

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

bool dbr_net_guid_is_good(const char *guid)
{
    static const char shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == 'x' ? !is_hex(guid[i]) : guid[i] != shape[i])
            return false;
    return true;
}

size_t dbr_net_journal_head(const char *guid, uint64_t luid, char out[DBR_NET_LINE])
{
    return (size_t)snprintf(out, DBR_NET_LINE, "%s\nadapter %s %016" PRIx64 "\n", first_line, guid, luid);
}

static const char *or_dash(const char *s)
{
    return s[0] ? s : "-";
}

size_t dbr_net_journal_line(const struct dbr_net_op *o, char out[DBR_NET_LINE])
{
    char dst[DBR_NET_TEXT], via[DBR_NET_TEXT];
    int n = 0;
    switch (o->kind) {
    case DBR_NET_OP_IFACE:
        n = snprintf(out, DBR_NET_LINE, "iface %u metric %u mtu %u %s was %u %s %u %s %s\n", o->family,
                     (unsigned)o->metric, (unsigned)o->mtu, o->no_default ? "closed" : "open",
                     (unsigned)o->old_metric, o->old_auto ? "auto" : "fixed", (unsigned)o->old_mtu,
                     o->old_no_default ? "closed" : "open", was_word[o->was]);
        break;
    case DBR_NET_OP_ADDRESS:
        n = snprintf(out, DBR_NET_LINE, "address %u %s %s\n", o->family, dbr_net_text(&o->dst, dst),
                     was_word[o->was]);
        break;
    case DBR_NET_OP_DHCP: n = snprintf(out, DBR_NET_LINE, "renew\n"); break;
    case DBR_NET_OP_ROUTE:
        n = snprintf(out, DBR_NET_LINE, "route %u %s via %s metric %u on %016" PRIx64 " %s\n", o->family,
                     dbr_net_text(&o->dst, dst), dbr_net_ip_text(o->family, o->via, via), (unsigned)o->metric,
                     o->luid, was_word[o->was]);
        break;
    case DBR_NET_OP_SEARCH:
        n = snprintf(out, DBR_NET_LINE, "search %s was %s\n", or_dash(o->list), or_dash(o->old_list));
        break;
    case DBR_NET_OP_DNS:
        n = snprintf(out, DBR_NET_LINE, "dns %u %s was %s\n", o->family, or_dash(o->list),
                     or_dash(o->old_list));
        break;
    case DBR_NET_OP_WALL: n = snprintf(out, DBR_NET_LINE, "wall\n"); break;
    }
    return (size_t)n;
}

/* A line as words between single blanks. */
struct words {
    char *at; /* NULL: no more */
    bool bad;
};

static const char *word(struct words *w)
{
    char *p = w->at;
    if (!p || !*p) {
        w->bad = true;
        return "";
    }
    char *end = strchr(p, ' ');
    w->at = end ? end + 1 : NULL;
    if (end)
        *end = 0;
    return p;
}

static void expect(struct words *w, const char *what)
{
    if (strcmp(word(w), what) != 0)
        w->bad = true;
}

static uint32_t number(struct words *w, uint32_t max)
{
    const char *s = word(w);
    uint64_t v = 0;
    size_t n = strlen(s);
    if (n == 0 || n > 10)
        w->bad = true;
    for (; *s && n <= 10; s++) {
        if (*s < '0' || *s > '9')
            w->bad = true;
        v = v * 10 + (uint64_t)(*s - '0');
    }
    if (v > max)
        w->bad = true;
    return w->bad ? 0 : (uint32_t)v;
}

static uint64_t hex(struct words *w)
{
    const char *s = word(w);
    uint64_t v = 0;
    if (strlen(s) != 16)
        w->bad = true;
    for (; *s && !w->bad; s++) {
        if (!is_hex(*s))
            w->bad = true;
        v = v << 4 | (uint64_t)(*s <= '9' ? *s - '0' : (*s | 0x20) - 'a' + 10);
    }
    return w->bad ? 0 : v;
}

static uint8_t family(struct words *w)
{
    uint32_t f = number(w, 6);
    if (f != 4 && f != 6)
        w->bad = true;
    return (uint8_t)f;
}

static void ip(struct words *w, uint8_t family, const char *s, uint8_t out[16])
{
    if (inet_pton(family == 4 ? AF_INET : AF_INET6, s, out) != 1)
        w->bad = true;
}

static void net(struct words *w, uint8_t family, struct dbr_net_ip *out)
{
    char text[DBR_NET_TEXT] = "";
    const char *s = word(w), *slash = strchr(s, '/');
    if (!slash || (size_t)(slash - s) >= sizeof text) {
        w->bad = true;
        return;
    }
    memcpy(text, s, (size_t)(slash - s));
    out->family = family;
    ip(w, family, text, out->ip);
    struct words rest = {.at = (char *)slash + 1};
    out->prefix = (uint8_t)number(&rest, family == 4 ? 32 : 128);
    w->bad = w->bad || rest.bad;
}

static enum dbr_net_was was(struct words *w)
{
    const char *s = word(w);
    for (enum dbr_net_was i = DBR_NET_ABSENT; i <= DBR_NET_BY_DHCP; i++)
        if (strcmp(s, was_word[i]) == 0)
            return i;
    w->bad = true;
    return DBR_NET_PRESENT;
}

/* Addresses or domains: what goes back into the registry is no free text either. */
static void list(struct words *w, char out[DBR_NET_LIST])
{
    const char *s = word(w);
    size_t n = strlen(s);
    if (n >= DBR_NET_LIST)
        w->bad = true;
    for (size_t i = 0; i < n; i++)
        if (!is_hex(s[i]) && !(s[i] >= 'g' && s[i] <= 'z') && !(s[i] >= 'G' && s[i] <= 'Z') &&
            !strchr(".:,-_%", s[i]))
            w->bad = true;
    if (!w->bad && strcmp(s, "-") != 0)
        memcpy(out, s, n + 1);
}

static bool either(struct words *w, const char *yes, const char *no)
{
    const char *s = word(w);
    bool is = strcmp(s, yes) == 0;
    if (!is && strcmp(s, no) != 0)
        w->bad = true;
    return is;
}

static void iface(struct words *w, struct dbr_net_op *o)
{
    o->family = family(w);
    expect(w, "metric");
    o->metric = number(w, 9999);
    expect(w, "mtu");
    o->mtu = number(w, DBR_NET_MTU_MAX);
    o->no_default = either(w, "closed", "open");
    expect(w, "was");
    o->old_metric = number(w, UINT32_MAX);
    o->old_auto = either(w, "auto", "fixed");
    o->old_mtu = number(w, UINT32_MAX);
    o->old_no_default = either(w, "closed", "open");
    o->was = was(w);
    if (o->was == DBR_NET_BY_DHCP)
        w->bad = true;
}

static void address(struct words *w, struct dbr_net_op *o)
{
    o->family = family(w);
    net(w, o->family, &o->dst);
    o->was = was(w);
    if (o->was == DBR_NET_BY_DHCP && o->family != 4)
        w->bad = true;
}

static void route(struct words *w, struct dbr_net_op *o)
{
    o->family = family(w);
    net(w, o->family, &o->dst);
    expect(w, "via");
    ip(w, o->family, word(w), o->via);
    expect(w, "metric");
    o->metric = number(w, 9999);
    expect(w, "on");
    o->luid = hex(w);
    o->was = was(w);
    if (o->was == DBR_NET_BY_DHCP)
        w->bad = true;
}

static void search(struct words *w, struct dbr_net_op *o)
{
    o->family = 4;
    list(w, o->list);
    expect(w, "was");
    list(w, o->old_list);
}

static void dns(struct words *w, struct dbr_net_op *o)
{
    o->family = family(w);
    list(w, o->list);
    expect(w, "was");
    list(w, o->old_list);
}

static void nothing_more(struct words *w, struct dbr_net_op *o)
{
    (void)w;
    o->family = o->kind == DBR_NET_OP_DHCP ? 4 : 0;
}

static bool parse_op(char *text, struct dbr_net_op *o)
{
    static const struct {
        const char *name;
        enum dbr_net_kind kind;
        void (*parse)(struct words *, struct dbr_net_op *);
    } rows[] = {
        {"iface", DBR_NET_OP_IFACE, iface},       {"address", DBR_NET_OP_ADDRESS, address},
        {"renew", DBR_NET_OP_DHCP, nothing_more}, {"route", DBR_NET_OP_ROUTE, route},
        {"search", DBR_NET_OP_SEARCH, search},    {"dns", DBR_NET_OP_DNS, dns},
        {"wall", DBR_NET_OP_WALL, nothing_more},
    };
    struct words w = {.at = text};
    const char *name = word(&w);
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        o->kind = rows[i].kind;
        rows[i].parse(&w, o);
        return !w.bad && w.at == NULL;
    }
    return false;
}

static bool parse_adapter(char *text, struct dbr_net_journal *j)
{
    struct words w = {.at = text};
    expect(&w, "adapter");
    const char *guid = word(&w);
    if (strlen(guid) != DBR_NET_GUID - 1 || !dbr_net_guid_is_good(guid))
        return false;
    memcpy(j->guid, guid, DBR_NET_GUID);
    j->luid = hex(&w);
    return !w.bad && w.at == NULL;
}

static bool parse_line(struct dbr_net_journal *j, size_t number, char *text)
{
    if (number == 1)
        return strcmp(text, first_line) == 0;
    if (number == 2)
        return parse_adapter(text, j);
    if (j->ops == DBR_NET_OPS || !parse_op(text, &j->op[j->ops]))
        return false;
    j->ops++;
    return true;
}

int dbr_net_journal_parse(struct dbr_net_journal *j, const char *text, size_t n, size_t *line)
{
    char one[DBR_NET_LINE];
    memset(j, 0, sizeof *j);
    *line = 0;
    for (const char *end; (end = memchr(text, '\n', n)); n -= (size_t)(end + 1 - text), text = end + 1) {
        size_t len = (size_t)(end - text);
        ++*line;
        if (len >= sizeof one || memchr(text, 0, len))
            return DBR_ERR_SHAPE;
        memcpy(one, text, len);
        one[len] = 0;
        if (!parse_line(j, *line, one))
            return DBR_ERR_SHAPE;
    }
    return 0;
}
