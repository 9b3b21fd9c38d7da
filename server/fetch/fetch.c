/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fetch/fetch.h"
#include "fetch/parts.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TURN_MS = 1000, SEND_WAIT_MS = 10000, CA_MAX = 4 << 20 };

uint64_t fetch_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int64_t fetch_unix(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec;
}

void fetch_send(struct fetch *f, const void *msg, int fd)
{
    struct pollfd p = {.fd = f->boot->ipc_fetch, .events = POLLOUT};
    uint64_t end = fetch_now_ms() + SEND_WAIT_MS;
    int err;
    while ((err = dbr_ipc_send(f->boot->ipc_fetch, msg, fd)) == DBR_ERR_AGAIN && fetch_now_ms() < end)
        poll(&p, 1, TURN_MS);
    if (err)
        dbr_log(f->log, DBR_LOG_ERROR, "fetch: control does not take what was fetched (%s)",
                dbr_err_text(err));
}

/* ---- settings ---- */

struct setting *setting_get(struct fetch *f)
{
    pthread_mutex_lock(&f->lock);
    struct setting *s = f->setting;
    if (s)
        s->refs++;
    pthread_mutex_unlock(&f->lock);
    return s;
}

void setting_put(struct fetch *f, struct setting *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&f->lock);
    bool last = --s->refs == 0;
    pthread_mutex_unlock(&f->lock);
    if (!last)
        return;
    dbr_issuers_free(s->issuers);
    SSL_CTX_free(s->tls);
    free(s);
}

static char *read_ca(int fd, size_t *len)
{
    struct stat st;
    *len = 0;
    if (fd < 0 || fstat(fd, &st) || st.st_size <= 0 || st.st_size > CA_MAX)
        return NULL;
    char *text = malloc((size_t)st.st_size);
    ssize_t n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
    if (n == st.st_size) {
        *len = (size_t)n;
        return text;
    }
    free(text);
    return NULL;
}

static void name_setting(struct setting *s, const char *ca, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL) ||
        !EVP_DigestUpdate(md, s->url, strlen(s->url) + 1) || !EVP_DigestUpdate(md, ca, len) ||
        !EVP_DigestFinal_ex(md, s->id, NULL))
        memset(s->id, 0, sizeof s->id);
    EVP_MD_CTX_free(md);
}

static void take_ca(struct fetch *f, struct setting *s, int fd)
{
    char why[DBR_IPC_WHY_MAX];
    size_t len;
    char *text = read_ca(fd, &len);
    if (!text)
        return;
    if (dbr_issuers_parse(&s->issuers, text, len, why, sizeof why))
        dbr_log(f->log, DBR_LOG_ERROR, "fetch: ca: %s", why);
    s->tls = http_pin(text, len);
    name_setting(s, text, len);
    free(text);
}

static void take_setting(struct fetch *f, const struct dbr_ipc_fetch_set *m, int fd)
{
    char why[DBR_IPC_WHY_MAX];
    struct setting *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->refs = 1;
    s->period_s = m->period_s;
    s->recalled = m->recalled;
    memcpy(s->url, m->url, sizeof s->url);
    take_ca(f, s, fd);
    if (s->period_s && http_url_ok(s->url, why, sizeof why)) {
        dbr_log(f->log, DBR_LOG_ERROR, "crl-url: %s", why);
        s->period_s = 0;
    }
    pthread_mutex_lock(&f->lock);
    struct setting *old = f->setting;
    f->setting = s;
    f->settings++;
    pthread_cond_broadcast(&f->set);
    pthread_mutex_unlock(&f->lock);
    setting_put(f, old);
}

/* ---- messages from control ---- */

/* What became of an offer is never turned away: the list that control has taken is remembered by it. */
static void queue_file(struct fetch *f, struct file_job *job)
{
    pthread_mutex_lock(&f->lock);
    bool room = job->fd < 0 || f->n_files < FILES_MAX;
    if (room) {
        *f->files_end = job;
        f->files_end = &job->next;
        f->n_files++;
        pthread_cond_signal(&f->file);
    }
    pthread_mutex_unlock(&f->lock);
    if (room)
        return;
    close(job->fd);
    lists_refuse(f, job->ticket, job->source, DBR_ERR_LIMIT, "too many lists wait to be verified");
    free(job);
}

static void take_file(struct fetch *f, const struct dbr_ipc_crl_verify *m, int *fd)
{
    struct file_job *job = calloc(1, sizeof *job);
    if (!job || *fd < 0) {
        free(job);
        lists_refuse(f, m->ticket, m->source, DBR_ERR_NOMEM, "out of memory");
        return;
    }
    job->fd = *fd;
    job->ticket = m->ticket;
    job->source = m->source;
    *fd = -1;
    queue_file(f, job);
}

static void take_outcome(struct fetch *f, const struct dbr_ipc_crl_taken *m)
{
    struct file_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->fd = -1;
    job->ticket = m->ticket;
    job->taken = m->taken;
    job->n = m->n;
    memcpy(job->text, m->text, m->n);
    queue_file(f, job);
}

static void answer_busy(struct fetch *f, uint32_t id)
{
    struct dbr_ipc_ocsp_answer a = {
        .head = dbr_ipc_head(DBR_IPC_OCSP_ANSWER, sizeof a, 0), .id = id, .err = DBR_ERR_LIMIT};
    snprintf(a.why, sizeof a.why, "too many questions wait");
    fetch_send(f, &a, -1);
}

static void take_question(struct fetch *f, const struct dbr_ipc_ocsp_ask *m)
{
    struct ask_job *job = calloc(1, sizeof *job);
    if (job)
        memcpy(&job->ask, m, m->head.len);
    pthread_mutex_lock(&f->lock);
    bool room = job && f->n_asks < ASKS_MAX;
    if (room) {
        *f->asks_end = job;
        f->asks_end = &job->next;
        f->n_asks++;
        pthread_cond_signal(&f->ask);
    }
    pthread_mutex_unlock(&f->lock);
    if (room)
        return;
    free(job);
    answer_busy(f, m->id);
}

static void read_control(struct fetch *f)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    int fd, err;
    while (!(err = dbr_ipc_recv(f->boot->ipc_fetch, buf, &fd)) || err == DBR_ERR_SHAPE) {
        if (err)
            continue;
        if (head->type == DBR_IPC_FETCH_SET)
            take_setting(f, (const void *)buf, fd);
        else if (head->type == DBR_IPC_CRL_VERIFY)
            take_file(f, (const void *)buf, &fd);
        else if (head->type == DBR_IPC_CRL_TAKEN)
            take_outcome(f, (const void *)buf);
        else if (head->type == DBR_IPC_OCSP_ASK)
            take_question(f, (const void *)buf);
        if (fd >= 0)
            close(fd);
    }
}

/* ---- life ---- */

static void serve(struct fetch *f)
{
    struct pollfd p[2] = {{.fd = f->boot->ipc_keeper, .events = POLLIN},
                          {.fd = f->boot->ipc_fetch, .events = POLLIN}};
    uint64_t buf[DBR_IPC_MAX / 8];
    for (;;) {
        if (f->boot->alive)
            atomic_fetch_add_explicit(&f->boot->alive[0], 1, memory_order_relaxed);
        poll(p, 2, TURN_MS);
        if (p[0].revents) {
            int err = dbr_ipc_recv(f->boot->ipc_keeper, buf, NULL);
            if (err == DBR_ERR_NOTFOUND || err == DBR_ERR_IO)
                return;
        }
        if (p[1].revents & POLLIN)
            read_control(f);
    }
}

static int start_thread(void *(*run)(void *), struct fetch *f)
{
    pthread_t t;
    int err = pthread_create(&t, NULL, run, f);
    if (!err)
        err = pthread_detach(t);
    return err ? DBR_ERR_NOMEM : 0;
}

static int start_threads(struct fetch *f)
{
    int err = start_thread(lists_main, f);
    if (!err)
        err = start_thread(url_main, f);
    for (int i = 0; i < ASKERS && !err; i++)
        err = start_thread(ask_main, f);
    return err;
}

static int init_locks(struct fetch *f)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    int err = pthread_mutex_init(&f->lock, NULL) | pthread_cond_init(&f->set, &monotonic) |
              pthread_cond_init(&f->file, &monotonic) | pthread_cond_init(&f->ask, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return err ? DBR_ERR_NOMEM : 0;
}

/* What the libraries load on first use is loaded now, while files can still be opened. */
static void warm_up(void)
{
    static const struct addrinfo hint = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    uint8_t one;
    setenv("RES_OPTIONS", "timeout:2 attempts:2", 0);
    if (!getaddrinfo("localhost", "http", &hint, &list))
        freeaddrinfo(list);
    (void)RAND_bytes(&one, 1);
    SSL_CTX_free(SSL_CTX_new(TLS_client_method()));
    ERR_load_crypto_strings();
    ERR_clear_error();
}

int dbr_fetch_main(const struct dbr_boot *boot)
{
    static struct fetch f; /* the threads hang on it to the end of the process */
    f.boot = boot;
    f.log = &boot->log;
    f.files_end = &f.files;
    f.asks_end = &f.asks;
    /* the process ends while threads may still wait for a server: nothing may be taken from under them */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    warm_up();
    f.trust = dbr_trust_new(DBR_STALE_KEEP, 0);
    int err = f.trust ? init_locks(&f) : DBR_ERR_NOMEM;
    if (!err)
        lists_recall(&f);
    if (!err)
        err = start_threads(&f);
    if (!err)
        err = boot->lock_down(boot);
    if (err) {
        dbr_log(f.log, DBR_LOG_FATAL, "fetch: cannot start: %s", dbr_err_text(err));
        return 1;
    }
    struct dbr_ipc_head ready = dbr_ipc_head(DBR_IPC_READY, sizeof ready, 0);
    dbr_ipc_send(boot->ipc_keeper, &ready, -1);
    serve(&f);
    return 0;
}
