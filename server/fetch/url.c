/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crl-url: one thread that fetches the list at once when control says where, then on its timer, sooner after
 * a failure. What did not change costs a 304 where the server knows ETag or Last-Modified, else it is known
 * by its digest. After a restart the first question shows the tag of the list that is remembered on disk.
 */
#include "fetch/parts.h"
#include "fetch/plan.h"
#include "fetch/tag.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FETCH_SECONDS = 120, DIGEST = 32 };

struct url {
    struct fetch *f;
    unsigned settings; /* of the one in use */
    uint32_t failures;
    int64_t good_s;
    uint64_t due_ms;
    bool known; /* a list under this setting was verified; both below are its */
    uint8_t digest[DIGEST];
    struct http_tag tag;
};

/* Waits until something is to be fetched; the setting is counted for the caller. */
static struct setting *wait_for_turn(struct url *u)
{
    struct fetch *f = u->f;
    pthread_mutex_lock(&f->lock);
    for (;;) {
        if (f->setting && f->settings != u->settings) {
            u->settings = f->settings;
            u->failures = 0;
            u->due_ms = 0;
            u->known = false;
            lists_tag(f, f->setting, &u->tag);
        }
        if (f->setting && f->setting->period_s && fetch_now_ms() >= u->due_ms)
            break;
        if (f->setting && f->setting->period_s) {
            struct timespec t = {(time_t)(u->due_ms / 1000), (long)(u->due_ms % 1000) * 1000000};
            pthread_cond_timedwait(&f->set, &f->lock, &t);
        } else {
            pthread_cond_wait(&f->set, &f->lock);
        }
    }
    struct setting *s = f->setting;
    s->refs++;
    pthread_mutex_unlock(&f->lock);
    return s;
}

static bool same_as_last(struct url *u, const struct http_body *b)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(b->bytes, b->len, digest, NULL, EVP_sha256(), NULL))
        return false;
    bool same = u->known && memcmp(digest, u->digest, DIGEST) == 0;
    memcpy(u->digest, digest, DIGEST);
    return same;
}

static uint32_t next_ticket(struct fetch *f)
{
    pthread_mutex_lock(&f->lock);
    uint32_t ticket = URL_TICKETS | (f->url_ticket++ & (URL_TICKETS - 1));
    pthread_mutex_unlock(&f->lock);
    return ticket;
}

static int fetch_list(struct url *u, const struct setting *s, char *why, size_t cap)
{
    static const struct http_limits limits = {DBR_CRL_MAX_BYTES, FETCH_SECONDS};
    struct http_body b;
    struct http_tag tag = u->tag;
    int err = http_get(&b, s->url, s->tls, &limits, &tag, why, cap);
    if (err == HTTP_SAME) {
        dbr_log(u->f->log, DBR_LOG_INFO, "crl-url: %s has nothing newer (304)", s->url);
        return 0;
    }
    if (err)
        return err;
    dbr_log(u->f->log, DBR_LOG_INFO, "crl-url: %zu bytes from %s", b.len, s->url);
    if (same_as_last(u, &b)) {
        free(b.bytes);
        u->tag = tag;
        return 0;
    }
    err = lists_offer(u->f, s, next_ticket(u->f), DBR_CRL_FROM_URL, b.bytes, b.len, &tag, why, cap);
    u->known = !err;
    u->tag = err ? (struct http_tag){0} : tag;
    return err;
}

static void tell(struct url *u, const char *why)
{
    struct dbr_ipc_alarm m = {
        .head = dbr_ipc_head(DBR_IPC_ALARM, sizeof m, 0), .failures = u->failures, .good_s = u->good_s};
    snprintf(m.why, sizeof m.why, "%s", why);
    fetch_send(u->f, &m, -1);
}

static void plan_next(struct url *u, const struct setting *s, int err, const char *why)
{
    uint32_t noise = 0;
    (void)RAND_bytes((unsigned char *)&noise, sizeof noise);
    u->failures = err ? u->failures + 1 : 0;
    uint64_t wait_ms = plan_wait_ms(s->period_s, u->failures, noise);
    u->due_ms = fetch_now_ms() + wait_ms;
    if (err)
        dbr_log(u->f->log, DBR_LOG_WARN,
                "ALARM: crl-url: %s: %s; the last accepted list stays in force, next attempt in %llu s",
                s->url, why, (unsigned long long)(wait_ms + 999) / 1000);
    else
        u->good_s = fetch_unix();
    tell(u, err ? why : "");
}

void *url_main(void *fetch)
{
    struct url u = {.f = fetch};
    for (;;) {
        char why[DBR_IPC_WHY_MAX] = "";
        struct setting *s = wait_for_turn(&u);
        int err = fetch_list(&u, s, why, sizeof why);
        plan_next(&u, s, err, why);
        setting_put(u.f, s);
    }
    return NULL;
}
