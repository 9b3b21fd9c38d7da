/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OCSP: one question, one answer. A responder that did not answer is left alone for a while, so that a dead
 * one delays a client once and not every client by the whole time limit.
 */
#include "fetch/parts.h"
#include "certs/ocsp.h"

#include <openssl/rand.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_SECONDS = 4, REST_MS = 10000, NONCE = 32, SHA1_IDS = 20, MAX_AGE_S = 3600 };

static struct ask_job *next_job(struct fetch *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->asks)
        pthread_cond_wait(&f->ask, &f->lock);
    struct ask_job *job = f->asks;
    f->asks = job->next;
    if (!f->asks)
        f->asks_end = &f->asks;
    f->n_asks--;
    pthread_mutex_unlock(&f->lock);
    return job;
}

static bool rests(struct fetch *f, const char *url)
{
    bool yes = false;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < RESPONDERS; i++)
        yes |= f->down[i].until_ms > fetch_now_ms() && strcmp(f->down[i].url, url) == 0;
    pthread_mutex_unlock(&f->lock);
    return yes;
}

static void let_rest(struct fetch *f, const char *url)
{
    pthread_mutex_lock(&f->lock);
    size_t oldest = 0;
    for (size_t i = 0; i < RESPONDERS; i++)
        if (f->down[i].until_ms < f->down[oldest].until_ms)
            oldest = i;
    snprintf(f->down[oldest].url, sizeof f->down[oldest].url, "%s", url);
    f->down[oldest].until_ms = fetch_now_ms() + REST_MS;
    pthread_mutex_unlock(&f->lock);
}

/* The trust to look the responder's own certificate up in; NULL where no list was ever accepted. */
static struct dbr_trust *trust_of(struct fetch *f)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = dbr_trust_lists(f->trust, lists);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    return n ? f->trust : NULL;
}

static int ask(struct fetch *f, const struct dbr_ipc_ocsp_ask *m, struct dbr_ocsp_verdict *v, char *why,
               size_t cap)
{
    static const struct http_limits limits = {DBR_OCSP_MAX_ANSWER, ASK_SECONDS};
    uint8_t request[DBR_OCSP_MAX_REQUEST], nonce[NONCE];
    struct dbr_ocsp_question q = {.issuer = m->issuer,
                                  .issuer_len = m->n,
                                  .nonce = nonce,
                                  .nonce_len = sizeof nonce,
                                  .max_age_s = MAX_AGE_S,
                                  .trust = trust_of(f)};
    struct http_body answer;
    snprintf(why, cap, "the question could not be made");
    if (!dbr_serial_set(&q.serial, m->serial, m->serial_len) || RAND_bytes(nonce, sizeof nonce) != 1)
        return DBR_ERR_SHAPE;
    int n = dbr_ocsp_request_write(m->issuer, m->n, &q.serial, SHA1_IDS, nonce, sizeof nonce, request,
                                   sizeof request);
    if (n < 0)
        return n;
    struct setting *s = setting_get(f);
    int err = http_post_ocsp(&answer, m->url, s ? s->tls : NULL, request, (size_t)n, &limits, why, cap);
    setting_put(f, s);
    if (err) {
        if (err == DBR_ERR_TIMEOUT || err == DBR_ERR_IO)
            let_rest(f, m->url);
        return err;
    }
    q.now = fetch_unix();
    err = dbr_ocsp_check(&q, answer.bytes, answer.len, v, why, cap);
    free(answer.bytes);
    return err;
}

static void answer_one(struct fetch *f, const struct dbr_ipc_ocsp_ask *m)
{
    struct dbr_ipc_ocsp_answer a = {.head = dbr_ipc_head(DBR_IPC_OCSP_ANSWER, sizeof a, 0), .id = m->id};
    struct dbr_ocsp_verdict v = {.status = DBR_OCSP_UNKNOWN};
    if (rests(f, m->url)) {
        a.err = DBR_ERR_TIMEOUT;
        snprintf(a.why, sizeof a.why, "the responder did not answer a moment ago");
    } else {
        a.err = ask(f, m, &v, a.why, sizeof a.why);
    }
    a.status = v.status;
    a.next_update = v.next_update;
    if (!a.err)
        a.why[0] = 0;
    fetch_send(f, &a, -1);
}

void *ask_main(void *fetch)
{
    struct fetch *f = fetch;
    for (;;) {
        struct ask_job *job = next_job(f);
        answer_one(f, &job->ask);
        free(job);
    }
    return NULL;
}
