/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The text, family by family. Families are tables: what control counts (ipc/metrics.h), then what there is
 * once per process, guard, list, name and session; each row says how its value is found.
 */
#include "metrics/page.h"
#include "bridge/guard.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_MAX = 1024, GROW = 1 << 16, LINE_MAX_ = 6144 };

enum type { COUNTER, GAUGE, COUNTER_NS };
static const char *const type_names[] = {"counter", "gauge", "counter"};

struct page {
    char *text;
    size_t len, cap;
    bool bad;
};

/* ---- lines ---- */

static void put(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *fmt, ...)
{
    va_list ap;
    if (!p->bad && p->cap - p->len < LINE_MAX_) {
        char *more = realloc(p->text, p->cap + GROW);
        p->bad = !more;
        p->text = more ? more : p->text;
        p->cap += more ? GROW : 0;
    }
    if (p->bad)
        return;
    va_start(ap, fmt);
    int n = vsnprintf(p->text + p->len, p->cap - p->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= p->cap - p->len)
        p->bad = true;
    else
        p->len += (size_t)n;
}

static void head(struct page *p, const char *family, enum type type, const char *help)
{
    put(p, "# HELP drawbridge_%s %s\n# TYPE drawbridge_%s %s\n", family, help, family, type_names[type]);
}

static void integer(struct page *p, const char *family, const char *labels, int64_t v)
{
    put(p, "drawbridge_%s%s%s%s %" PRId64 "\n", family, *labels ? "{" : "", labels, *labels ? "}" : "", v);
}

static void seconds(struct page *p, const char *family, const char *labels, int64_t ns)
{
    put(p, "drawbridge_%s%s%s%s %" PRId64 ".%09" PRId64 "\n", family, *labels ? "{" : "", labels,
        *labels ? "}" : "", ns / 1000000000, ns % 1000000000);
}

/* ---- labels ---- */

/* Bytes of the UTF-8 character at s; 0 if there is none (Unicode, table 3-7). */
static size_t utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char from, to, next_from, next_to, len;
    } forms[] = {
        {0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t at = 2;
        if (s[0] < forms[i].from || s[0] > forms[i].to)
            continue;
        if (forms[i].len == 1)
            return 1;
        if (s[1] < forms[i].next_from || s[1] > forms[i].next_to)
            return 0;
        while (at < forms[i].len && (s[at] & 0xc0) == 0x80)
            at++;
        return at == forms[i].len ? at : 0;
    }
    return 0;
}

const char *page_label(char *out, size_t cap, const char *value)
{
    const unsigned char *s = (const unsigned char *)value;
    size_t o = 0;
    while (*s) {
        size_t n = utf8_len(s);
        bool escaped = *s == '\\' || *s == '"' || *s == '\n';
        if (o + (n ? n : 1) + escaped >= cap)
            break;
        if (escaped)
            out[o++] = '\\';
        if (n) {
            memcpy(out + o, s, n);
            out[o] = *s == '\n' ? 'n' : out[o];
        } else {
            out[o] = '?';
        }
        o += n ? n : 1;
        s += n ? n : 1;
    }
    out[o] = 0;
    return out;
}

/* ---- what control counts ---- */

static const struct {
    const char *family, *labels, *help;
    enum type type;
} counted[DBR_METRICS] = {
#define X(name, family, type, labels, help) {family, labels, help, type},
    DBR_METRIC_LIST(X)
#undef X
};

static void write_counted(struct page *p, const struct snapshot *s)
{
    const char *family = "";
    for (int i = 0; i < DBR_METRICS; i++) {
        if (strcmp(family, counted[i].family) != 0)
            head(p, counted[i].family, counted[i].type, counted[i].help);
        family = counted[i].family;
        (counted[i].type == COUNTER_NS ? seconds : integer)(p, family, counted[i].labels,
                                                            s->numbers.value[i]);
    }
}

static void write_guards(struct page *p, const struct snapshot *s)
{
    char labels[64];
    head(p, "guard_drops_total", COUNTER, "Frames of clients that a guard dropped, by the guard.");
    for (int g = DBR_GUARD_PASS + 1; g < DBR_GUARD_COUNT; g++) {
        snprintf(labels, sizeof labels, "guard=\"%s\"", dbr_guard_name((enum dbr_guard)g));
        integer(p, "guard_drops_total", labels, (int64_t)s->numbers.guard[g]);
    }
}

/* ---- rows of a table: one family per column ---- */

struct column {
    const char *family, *labels, *help; /* labels beside those of the row */
    enum type type;
    int64_t (*value)(const void *row);
};

/* Writes the n rows, `size` bytes apart; name_row() writes the labels of one. */
static void write_columns(struct page *p, const struct column *c, size_t columns, const void *rows, size_t n,
                          size_t size, void (*name_row)(char out[LABEL_MAX + 512], const void *row))
{
    char name[LABEL_MAX + 512], labels[LABEL_MAX + 600];
    for (size_t i = 0; i < columns && n; i++) {
        if (!i || strcmp(c[i].family, c[i - 1].family) != 0)
            head(p, c[i].family, c[i].type, c[i].help);
        else
            continue; /* a further column of the family: written with its first */
        for (size_t r = 0; r < n; r++) {
            const void *row = (const char *)rows + r * size;
            name_row(name, row);
            for (size_t j = i; j < columns && strcmp(c[i].family, c[j].family) == 0; j++) {
                snprintf(labels, sizeof labels, "%s%s%s", name, *c[j].labels ? "," : "", c[j].labels);
                (c[j].type == COUNTER_NS ? seconds : integer)(p, c[j].family, labels, c[j].value(row));
            }
        }
    }
}

#define COLUMNS(table) table, sizeof(table) / sizeof(table)[0]
#define VALUE(fn, of, expression)                                                                            \
    static int64_t fn(const void *row)                                                                       \
    {                                                                                                        \
        const struct of *r = row;                                                                            \
        return (int64_t)(expression);                                                                        \
    }

/* ---- processes ---- */

struct process {
    const char *name;
    uint32_t up, restarts;
    uint64_t cpu_ns, rss;
};
VALUE(process_up, process, r->up)
VALUE(process_restarts, process, r->restarts)
VALUE(process_cpu, process, r->cpu_ns)
VALUE(process_rss, process, r->rss)

static const struct column process_columns[] = {
    {"process_up", "", "1 if the process runs.", GAUGE, process_up},
    {"process_restarts_total", "", "Times that the process was started again.", COUNTER, process_restarts},
    {"process_cpu_seconds_total", "", "CPU time, those before a restart included.", COUNTER_NS, process_cpu},
};
static const struct column memory_columns[] = {
    {"process_resident_memory_bytes", "", "Resident memory; pages that processes share count in each.", GAUGE,
     process_rss},
};

static void name_process(char out[LABEL_MAX + 512], const void *row)
{
    const struct process *r = row;
    char value[64];
    snprintf(out, LABEL_MAX + 512, "process=\"%s\"", page_label(value, sizeof value, r->name));
}

/* Where /proc is closed to keeper (`ProtectProc` in a systemd unit) it knows no memory, and no row says so.
 */
static void write_processes(struct page *p, const struct snapshot *s)
{
    struct process rows[DBR_IPC_PROCESSES_MAX], known[DBR_IPC_PROCESSES_MAX];
    uint32_t n = s->processes.n, n_known = 0;
    for (uint32_t i = 0; i < n; i++) {
        rows[i] =
            (struct process){s->processes.row[i].name, s->processes.row[i].up, s->processes.row[i].restarts,
                             s->processes.row[i].cpu_ns, s->processes.row[i].rss};
        if (rows[i].rss)
            known[n_known++] = rows[i];
    }
    write_columns(p, COLUMNS(process_columns), rows, n, sizeof rows[0], name_process);
    write_columns(p, COLUMNS(memory_columns), known, n_known, sizeof known[0], name_process);
}

/* ---- lists ---- */

#define LEFT(r) ((r)->next_update > (r)->now ? (r)->next_update - (r)->now : 0)
#define LIFE(r) ((r)->next_update - (r)->this_update)
VALUE(crl_this_update, dbr_ipc_metrics_crl, r->this_update)
VALUE(crl_next_update, dbr_ipc_metrics_crl, r->next_update)
VALUE(crl_age, dbr_ipc_metrics_crl, r->now - r->this_update)
VALUE(crl_left, dbr_ipc_metrics_crl, r->next_update - r->now)
VALUE(crl_number, dbr_ipc_metrics_crl, r->number > INT64_MAX ? INT64_MAX : r->number)
VALUE(crl_entries, dbr_ipc_metrics_crl, r->entries)
/* In the same steps as the alarms of the log. */
VALUE(crl_alarm_50, dbr_ipc_metrics_crl, r->now >= r->next_update - LIFE(r) / 2)
VALUE(crl_alarm_25, dbr_ipc_metrics_crl, r->now >= r->next_update - LIFE(r) / 4)
VALUE(crl_expired, dbr_ipc_metrics_crl, r->now >= r->next_update)

static const struct column crl_columns[] = {
    {"crl_this_update_timestamp_seconds", "", "When the list was made, Unix time.", GAUGE, crl_this_update},
    {"crl_next_update_timestamp_seconds", "", "When the list expires, Unix time.", GAUGE, crl_next_update},
    {"crl_age_seconds", "", "Time since the list was made.", GAUGE, crl_age},
    {"crl_expires_in_seconds", "", "Time until the list expires; negative when it has.", GAUGE, crl_left},
    {"crl_number", "", "The list's crlNumber; 0: it has none.", GAUGE, crl_number},
    {"crl_entries", "", "Certificates that the list names.", GAUGE, crl_entries},
    {"crl_alarm", "level=\"50\"", "1 when no more of the list's life is left than that percentage.", GAUGE,
     crl_alarm_50},
    {"crl_alarm", "level=\"25\"", "", GAUGE, crl_alarm_25},
    {"crl_alarm", "level=\"0\"", "", GAUGE, crl_expired},
};

static void name_list(char out[LABEL_MAX + 512], const void *row)
{
    const struct dbr_ipc_metrics_crl *r = row;
    char value[LABEL_MAX];
    snprintf(out, LABEL_MAX + 512, "issuer=\"%s\"", page_label(value, sizeof value, r->issuer));
}

static void write_lists(struct page *p, const struct snapshot *s)
{
    char labels[LABEL_MAX + 512];
    write_columns(p, COLUMNS(crl_columns), s->list, s->n_lists, sizeof s->list[0], name_list);
    if (s->n_lists)
        head(p, "crl_life_left_ratio", GAUGE, "Part of the list's life that is left, 1 to 0.");
    for (size_t i = 0; i < s->n_lists; i++) {
        const struct dbr_ipc_metrics_crl *r = &s->list[i];
        name_list(labels, r);
        put(p, "drawbridge_crl_life_left_ratio{%s} %.6f\n", labels,
            LIFE(r) > 0 ? (double)(LEFT(r) < LIFE(r) ? LEFT(r) : LIFE(r)) / (double)LIFE(r) : 0.0);
    }
}

/* ---- clients ---- */

VALUE(client_sessions, named, r->sessions)
VALUE(client_since, named, r->sum.since_s)
VALUE(client_macs, named, r->sum.macs)
VALUE(client_rx_bytes, named, r->sum.rx_bytes)
VALUE(client_tx_bytes, named, r->sum.tx_bytes)
VALUE(client_rx_frames, named, r->sum.rx_frames)
VALUE(client_tx_frames, named, r->sum.tx_frames)
VALUE(client_drops_auth, named, r->sum.drops_auth)
VALUE(client_drops_replay, named, r->sum.drops_replay)
VALUE(client_drops_guard, named, r->sum.drops_guard)
VALUE(client_drops_queue, named, r->sum.drops_queue)

static const struct column client_columns[] = {
    {"client_sessions", "", "Sessions of this name.", GAUGE, client_sessions},
    {"client_connected_timestamp_seconds", "", "When the oldest of them began, Unix time.", GAUGE,
     client_since},
    {"client_macs", "", "MAC addresses behind the client.", GAUGE, client_macs},
    {"client_bytes_total", "direction=\"in\"", "Bytes of data datagrams from (in) and to (out) the client.",
     COUNTER, client_rx_bytes},
    {"client_bytes_total", "direction=\"out\"", "", COUNTER, client_tx_bytes},
    {"client_frames_total", "direction=\"in\"", "Frames from (in) and to (out) the client.", COUNTER,
     client_rx_frames},
    {"client_frames_total", "direction=\"out\"", "", COUNTER, client_tx_frames},
    {"client_drops_total", "reason=\"authentication\"", "What was dropped of the client's.", COUNTER,
     client_drops_auth},
    {"client_drops_total", "reason=\"replay\"", "", COUNTER, client_drops_replay},
    {"client_drops_total", "reason=\"guard\"", "", COUNTER, client_drops_guard},
    {"client_drops_total", "reason=\"queue\"", "", COUNTER, client_drops_queue},
};

static void name_client(char out[LABEL_MAX + 512], const void *row)
{
    const struct named *r = row;
    char value[LABEL_MAX];
    snprintf(out, LABEL_MAX + 512, "common_name=\"%s\"", page_label(value, sizeof value, r->sum.cn));
}

static const char *address(uint8_t family, const uint8_t *ip, char out[DBR_ADDR_TEXT])
{
    static const uint8_t none[16];
    struct dbr_addr a = {.family = family};
    out[0] = 0;
    if (memcmp(ip, none, family == 4 ? 4 : 16) == 0)
        return out;
    memcpy(a.ip, ip, family == 4 ? 4 : 16);
    return dbr_addr_ip_text(&a, out);
}

static void write_client_info(struct page *p, const struct snapshot *s)
{
    char cn[LABEL_MAX], cipher[96], at[DBR_ADDR_TEXT], ip4[DBR_ADDR_TEXT], ip6[DBR_ADDR_TEXT];
    if (s->n_clients)
        head(p, "client_info", GAUGE, "1 for each session, with its addresses and cipher.");
    for (size_t i = 0; i < s->n_clients; i++) {
        const struct dbr_ipc_metrics_client *c = &s->client[i];
        put(p,
            "drawbridge_client_info{common_name=\"%s\",real_address=\"%s\",virtual_address=\"%s\","
            "virtual_ipv6_address=\"%s\",cipher=\"%s\"} 1\n",
            page_label(cn, sizeof cn, c->cn), dbr_addr_text(&c->addr, at), address(4, c->ip4, ip4),
            address(6, c->ip6, ip6), page_label(cipher, sizeof cipher, c->cipher));
    }
}

/* ---- the page ---- */

char *page_write(const struct snapshot *s, const char *version, size_t *len)
{
    struct page p = {0};
    char value[64];
    head(&p, "build_info", GAUGE, "The version that runs.");
    put(&p, "drawbridge_build_info{version=\"%s\"} 1\n", page_label(value, sizeof value, version));
    write_processes(&p, s);
    write_counted(&p, s);
    write_guards(&p, s);
    write_lists(&p, s);
    write_columns(&p, COLUMNS(client_columns), s->name, s->n_names, sizeof s->name[0], name_client);
    write_client_info(&p, s);
    if (p.bad) {
        free(p.text);
        return NULL;
    }
    *len = p.len;
    return p.text;
}
