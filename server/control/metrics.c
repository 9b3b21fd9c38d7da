/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The numbers for the metrics process. It asks, at most once a second; control asks the workers for theirs
 * and answers when they have come, or without them. An answer that is not taken is cut off, never waited for:
 * then its end is missing, and the other side throws it away.
 */
#include "control/revocation.h"
#include "control/state.h"
#include "base/bytes.h"
#include "crypto/x509.h"

#include <stdio.h>
#include <string.h>

enum { WORKERS_WAIT_NS = 300000000, READ_ROUNDS = 16 };

void metrics_ended(struct client *c)
{
    static const char timeout[] = "TLS Error: TLS key negotiation failed";
    struct control *ctl = c->ctl;
    enum dbr_metric why = DBR_METRIC_HS_TLS;
    if (!c->session || c->had_keys || ctl->boot->client)
        return;
    if (!dbr_session_has_tls(c->session))
        why = DBR_METRIC_HS_SILENT;
    else if (c->fault)
        why = (enum dbr_metric)c->fault;
    else if (strncmp(dbr_session_why(c->session), timeout, sizeof timeout - 1) == 0)
        why = DBR_METRIC_HS_TIMEOUT;
    ctl->metric[why]++;
}

/* ---- the answer ---- */

struct answer {
    struct control *ctl;
    uint32_t ticket;
    int err; /* nothing more is sent */
};

static void put(struct answer *a, const void *msg)
{
    if (!a->err)
        a->err = dbr_ipc_send(a->ctl->boot->ipc_metrics, msg, -1);
}

/* Who is at place i of 0 .. max_clients - 1 and has rows; NULL: nobody. In the client role that is the
 * server. */
static const struct client *listed(struct control *ctl, uint32_t i)
{
    bool calling = ctl->boot->client;
    const struct client *c = calling ? calls_client(ctl) : ctl->by_peer[i];
    return c && (calling || c->stage == STAGE_ADMITTED) && c->adm && c->in_data ? c : NULL;
}

/* What control has counted all along, what it knows now, what the workers sum up. */
static void fill_own(const struct control *ctl, int64_t *v)
{
    const struct tally *t = &ctl->tally;
    const uint64_t drops[] = {t->shape,     t->auth,   t->replayed, t->seen,
                              t->throttled, t->cookie, t->state,    t->full};
    memcpy(v, ctl->metric, sizeof ctl->metric);
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++)
        v[DBR_METRIC_CTL_SHAPE + i] = (int64_t)drops[i];
    v[DBR_METRIC_CLIENTS_MAX] = ctl->max_clients;
    v[DBR_METRIC_HALF_OPEN] = ctl->n_half_open;
    v[DBR_METRIC_STARTED] = ctl->started_s;
    v[DBR_METRIC_CRL_CHECKED] = ctl->crl_wanted;
    v[DBR_METRIC_CRL_FETCHED_AT] = ctl->crl_good_s;
    v[DBR_METRIC_CRL_FAILURES] = ctl->crl_failures;
}

static void fill_workers(const struct control *ctl, struct dbr_ipc_metrics *m)
{
    for (unsigned i = 0; i < ctl->boot->n_workers; i++) {
        const struct dbr_ipc_worker *w = &ctl->worker_sums[i];
        for (int s = 0; s < DBR_WORKER_SUMS; s++)
            m->value[DBR_METRIC_IN_BYTES + s] += (int64_t)w->sum[s];
        for (int g = 0; g < DBR_IPC_GUARDS; g++)
            m->guard[g] += w->guard[g];
    }
}

static void put_numbers(struct answer *a, size_t lists)
{
    struct control *ctl = a->ctl;
    struct dbr_ipc_metrics m = {.head = dbr_ipc_head(DBR_IPC_METRICS, sizeof m, 0), .ticket = a->ticket};
    fill_own(ctl, m.value);
    fill_workers(ctl, &m);
    m.value[DBR_METRIC_CRL_LISTS] = (int64_t)lists;
    for (uint32_t i = 0; i < ctl->max_clients; i++)
        m.value[DBR_METRIC_CLIENTS] += listed(ctl, i) != NULL;
    if (m.value[DBR_METRIC_CLIENTS] > DBR_METRICS_CLIENTS_MAX)
        m.value[DBR_METRIC_CLIENTS_UNLISTED] = m.value[DBR_METRIC_CLIENTS] - DBR_METRICS_CLIENTS_MAX;
    put(a, &m);
}

static uint64_t number_of(const struct dbr_crl *crl)
{
    size_t n;
    const uint8_t *p = dbr_crl_number(crl, &n);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (v >> 56)
            return UINT64_MAX;
        v = v << 8 | p[i];
    }
    return v;
}

static void put_list(struct answer *a, const struct dbr_crl *crl)
{
    struct dbr_ipc_metrics_crl m = {.head = dbr_ipc_head(DBR_IPC_METRICS_CRL, sizeof m, 0),
                                    .ticket = a->ticket,
                                    .this_update = dbr_crl_this_update(crl),
                                    .next_update = dbr_crl_next_update(crl),
                                    .now = a->ctl->now.unix_s,
                                    .number = number_of(crl),
                                    .entries = dbr_crl_count(crl)};
    size_t n;
    const uint8_t *issuer = dbr_crl_issuer(crl, &n);
    dbr_x509_name_text(issuer, n, m.issuer, sizeof m.issuer);
    put(a, &m);
}

static void fill_client(const struct client *c, struct dbr_ipc_metrics_client *r)
{
    const struct admitted *a = c->adm;
    const struct dbr_ipc_stats *s = &a->stats;
    *r = (struct dbr_ipc_metrics_client){.addr = c->addr,
                                         .since_s = c->since_s,
                                         .rx_bytes = s->rx_bytes,
                                         .tx_bytes = s->tx_bytes,
                                         .rx_frames = s->rx_frames,
                                         .tx_frames = s->tx_frames,
                                         .drops_auth = s->drops_auth,
                                         .drops_replay = s->drops_replay,
                                         .drops_guard = s->drops_guard,
                                         .drops_queue = s->drops_queue,
                                         .macs = s->macs};
    memcpy(r->cn, a->cn, sizeof r->cn);
    const struct dbr_x509 *server = c->ctl->boot->client && c->session ? dbr_session_peer(c->session) : NULL;
    if (server)
        dbr_log_escape(r->cn, sizeof r->cn, server->cn, strlen(server->cn));
    seen_addresses(c, r->ip4, r->ip6);
    if (c->session)
        snprintf(r->cipher, sizeof r->cipher, "%s", dbr_cipher_name(dbr_session_cipher(c->session)));
}

static void put_rows(struct answer *a, struct dbr_ipc_metrics_clients *m)
{
    m->head = dbr_ipc_head(DBR_IPC_METRICS_CLIENTS,
                           offsetof(struct dbr_ipc_metrics_clients, row) + m->n * sizeof m->row[0], 0);
    if (m->n)
        put(a, m);
    m->n = 0;
}

static void put_clients(struct answer *a)
{
    struct control *ctl = a->ctl;
    struct dbr_ipc_metrics_clients m = {.ticket = a->ticket};
    unsigned left = DBR_METRICS_CLIENTS_MAX;
    for (uint32_t i = 0; i < ctl->max_clients && left && !a->err; i++) {
        const struct client *c = listed(ctl, i);
        if (!c)
            continue;
        fill_client(c, &m.row[m.n++]);
        left--;
        if (m.n == DBR_IPC_CLIENT_ROWS)
            put_rows(a, &m);
    }
    put_rows(a, &m);
}

void metrics_send(struct control *ctl)
{
    struct answer a = {.ctl = ctl, .ticket = ctl->metrics_ticket};
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = ctl->trust ? dbr_trust_lists(ctl->trust, lists) : 0;
    ctl->metrics_ns = 0;
    put_numbers(&a, n);
    for (size_t i = 0; i < n; i++) {
        put_list(&a, lists[i]);
        dbr_crl_free(lists[i]);
    }
    put_clients(&a);
    struct dbr_ipc_metrics_get end = {.head = dbr_ipc_head(DBR_IPC_METRICS_END, sizeof end, 0),
                                      .ticket = a.ticket};
    put(&a, &end);
}

/* ---- the question ---- */

void metrics_read(struct control *ctl)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_metrics_get *m = (const void *)buf;
    for (int i = 0; i < READ_ROUNDS; i++) {
        int err = dbr_ipc_recv(ctl->boot->ipc_metrics, buf, NULL);
        if (err && err != DBR_ERR_SHAPE)
            return;
        if (err || m->head.type != DBR_IPC_METRICS_GET)
            continue;
        ctl->metrics_ticket = m->ticket;
        if (!ctl->metrics_ns)
            ctl->metrics_ns = ctl->now.ns + WORKERS_WAIT_NS;
        workers_ask_stats(ctl);
        if (!ctl->status_answers)
            metrics_send(ctl);
    }
}
