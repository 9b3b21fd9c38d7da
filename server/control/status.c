/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The status file in OpenVPN's versions 1, 2 and 3: the same titles, columns and order, so that every
 * existing tool reads it. Asked for on a timer; written when all workers have sent their statistics.
 */
#include "control/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

struct page {
    char *text;
    size_t len, cap;
    bool bad;
    char sep; /* ',' or tab */
};

static void add(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct page *p, const char *fmt, ...)
{
    va_list ap;
    if (p->cap - p->len < 1024) {
        char *more = realloc(p->text, p->cap + 65536);
        if (!more)
            p->bad = true;
        else {
            p->text = more;
            p->cap += 65536;
        }
    }
    if (p->bad)
        return;
    size_t from = p->len;
    va_start(ap, fmt);
    int n = vsnprintf(p->text + p->len, p->cap - p->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < p->cap - p->len)
        p->len += (size_t)n;
    for (; p->sep != ',' && from < p->len; from++)
        if (p->text[from] == ',')
            p->text[from] = p->sep;
}

static const char *when(int64_t unix_s, char out[32])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    localtime_r(&t, &tm); /* the zone was read at start */
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return out;
}

/* A name with a comma must not make a column more. */
static const char *name_text(const struct client *c, char out[DBR_IPC_CN_MAX])
{
    memcpy(out, c->adm->cn, DBR_IPC_CN_MAX);
    for (char *p = out; *p; p++)
        if (*p == ',')
            *p = '_';
    return out;
}

enum { USER_TEXT = 256 };

/* Its user name, in the same way; UNDEF: it said none. */
static const char *user_text(const struct client *c, char out[USER_TEXT])
{
    const char *user = *login_user(c) ? login_user(c) : "UNDEF";
    dbr_log_escape(out, USER_TEXT, user, strlen(user));
    for (char *p = out; *p; p++)
        if (*p == ',')
            *p = '_';
    return out;
}

static bool shown(const struct client *c)
{
    return c && c->stage == STAGE_ADMITTED && c->adm && c->in_data;
}

static void routing_rows(struct page *p, const struct client *c, bool v1)
{
    char at[DBR_ADDR_TEXT], t[32], cn[DBR_IPC_CN_MAX];
    dbr_addr_text(&c->addr, at);
    name_text(c, cn);
    for (size_t i = 0; i < c->adm->n_macs; i++) {
        const struct shown_mac *m = &c->adm->macs[i];
        const uint8_t *b = m->mac;
        add(p, "%s%02x:%02x:%02x:%02x:%02x:%02x@%u,%s,%s,%s", v1 ? "" : "ROUTING_TABLE,", b[0], b[1], b[2],
            b[3], b[4], b[5], m->vlan, cn, at, when(m->last_s, t));
        if (!v1)
            add(p, ",%lld", (long long)m->last_s);
        add(p, "\n");
    }
}

static void each(struct control *ctl, struct page *p, void (*row)(struct page *, const struct client *, bool),
                 bool v1)
{
    for (uint32_t i = 0; i < ctl->max_clients; i++)
        if (shown(ctl->by_peer[i]))
            row(p, ctl->by_peer[i], v1);
}

static void client_row(struct page *p, const struct client *c, bool v1)
{
    char at[DBR_ADDR_TEXT], ip4[DBR_ADDR_TEXT], ip6[DBR_ADDR_TEXT], t[32], cn[DBR_IPC_CN_MAX];
    char user[USER_TEXT];
    const struct dbr_ipc_stats *s = &c->adm->stats;
    dbr_addr_text(&c->addr, at);
    if (v1) {
        add(p, "%s,%s,%llu,%llu,%s\n", name_text(c, cn), at, (unsigned long long)s->rx_bytes,
            (unsigned long long)s->tx_bytes, when(c->since_s, t));
        return;
    }
    add(p, "CLIENT_LIST,%s,%s,%s,%s,%llu,%llu,%s,%lld,%s,%llu,%u,%s\n", name_text(c, cn), at,
        seen_ip4(c, ip4), seen_ip6(c, ip6), (unsigned long long)s->rx_bytes, (unsigned long long)s->tx_bytes,
        when(c->since_s, t), (long long)c->since_s, user_text(c, user), (unsigned long long)c->id, c->peer_id,
        c->session ? dbr_cipher_name(dbr_session_cipher(c->session)) : "");
}

static void write_v1(struct control *ctl, struct page *p)
{
    char t[32];
    add(p, "OpenVPN CLIENT LIST\nUpdated,%s\n", when(ctl->now.unix_s, t));
    add(p, "Common Name,Real Address,Bytes Received,Bytes Sent,Connected Since\n");
    each(ctl, p, client_row, true);
    add(p, "ROUTING TABLE\nVirtual Address,Common Name,Real Address,Last Ref\n");
    each(ctl, p, routing_rows, true);
    add(p, "GLOBAL STATS\nMax bcast/mcast queue length,0\nEND\n");
}

static void write_v2(struct control *ctl, struct page *p)
{
    char t[32];
    add(p, "TITLE,Drawbridge %s\n", DBR_VERSION);
    add(p, "TIME,%s,%lld\n", when(ctl->now.unix_s, t), (long long)ctl->now.unix_s);
    add(p, "HEADER,CLIENT_LIST,Common Name,Real Address,Virtual Address,Virtual IPv6 Address,Bytes "
           "Received,Bytes "
           "Sent,Connected Since,Connected Since (time_t),Username,Client ID,Peer ID,Data Channel Cipher\n");
    each(ctl, p, client_row, false);
    add(p, "HEADER,ROUTING_TABLE,Virtual Address,Common Name,Real Address,Last Ref,Last Ref (time_t)\n");
    each(ctl, p, routing_rows, false);
    add(p, "GLOBAL_STATS,Max bcast/mcast queue length,0\nGLOBAL_STATS,dco_enabled,0\nEND\n");
}

static void write_client(struct control *ctl, struct page *p)
{
    struct client *c = calls_client(ctl);
    char t[32];
    const struct dbr_ipc_stats none = {0}, *s = c && c->adm ? &c->adm->stats : &none;
    add(p, "OpenVPN STATISTICS\nUpdated,%s\n", when(ctl->now.unix_s, t));
    add(p, "TUN/TAP read bytes,%llu\nTUN/TAP write bytes,%llu\n", (unsigned long long)s->tx_bytes,
        (unsigned long long)s->rx_bytes);
    add(p, "TCP/UDP read bytes,%llu\nTCP/UDP write bytes,%llu\nAuth read bytes,%llu\nEND\n",
        (unsigned long long)s->rx_bytes, (unsigned long long)s->tx_bytes, (unsigned long long)s->rx_bytes);
}

void status_due(struct control *ctl)
{
    int secs = ctl->cfg->status.secs > 0 ? ctl->cfg->status.secs : 60;
    ctl->status_ns = ctl->now.ns + (uint64_t)secs * SECOND_NS;
    workers_ask_stats(ctl);
    if (!ctl->status_answers)
        status_write(ctl);
}

char *status_text(struct control *ctl, int version, size_t *len)
{
    struct page p = {.sep = version == 3 ? '\t' : ','};
    if (ctl->boot->client)
        write_client(ctl, &p);
    else if (version >= 2)
        write_v2(ctl, &p);
    else
        write_v1(ctl, &p);
    if (p.bad) {
        free(p.text);
        return NULL;
    }
    *len = p.len;
    return p.text;
}

void status_write(struct control *ctl)
{
    size_t len;
    if (ctl->boot->status_fd < 0)
        return;
    char *text = status_text(ctl, ctl->cfg->status_version, &len);
    if (text && pwrite(ctl->boot->status_fd, text, len, 0) == (ssize_t)len &&
        ftruncate(ctl->boot->status_fd, (off_t)len))
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: status file cannot be cut to its length");
    free(text);
}
