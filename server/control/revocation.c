/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Lists in control. Fetch verifies, control decides: an image is mapped, held against what was accepted
 * before, swapped in by pointer, and held against every live session. Several sources feed the same place,
 * and the newest valid list of each issuer counts.
 */
#include "control/revocation.h"
#include "ipc/crlstate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum {
    WHY = 512,
    MINUTE_S = 60,
    DAY_S = 86400,
    READ_ROUNDS = 256,
    SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE
};

static const char *name_of(const struct control *ctl, uint32_t source)
{
    const struct dbr_config *cfg = ctl->cfg;
    if (source == DBR_CRL_FROM_URL)
        return cfg->crl_url.path ? cfg->crl_url.path : "crl-url";
    if (source == DBR_CRL_FROM_PUSH)
        return "pushed CRL";
    if (cfg->crl_verify.path)
        return cfg->crl_verify.path;
    return cfg->capath ? cfg->capath : "inline";
}

/* ---- to fetch ---- */

int revocation_ca(struct control *ctl, const void *pem, size_t len)
{
    int fd = memfd_create("ca", MFD_CLOEXEC);
    if (fd < 0 || write(fd, pem, len) != (ssize_t)len) {
        if (fd >= 0)
            close(fd);
        return DBR_ERR_NOMEM;
    }
    if (ctl->ca_fd > 0)
        close(ctl->ca_fd);
    ctl->ca_fd = fd;
    return 0;
}

void revocation_tell(struct control *ctl)
{
    struct dbr_ipc_fetch_set m = {.head = dbr_ipc_head(DBR_IPC_FETCH_SET, sizeof m, 0),
                                  .recalled = ctl->crl_recalled};
    const struct dbr_conf_file *url = &ctl->cfg->crl_url;
    if (ctl->boot->ipc_fetch < 0)
        return;
    if (url->path && strlen(url->path) < sizeof m.url) {
        snprintf(m.url, sizeof m.url, "%s", url->path);
        m.period_s = (uint32_t)url->secs;
    } else if (url->path) {
        dbr_log(ctl->log, DBR_LOG_ERROR, "crl-url: longer than %d bytes; nothing is fetched",
                DBR_IPC_URL_MAX - 1);
    }
    if (dbr_ipc_send(ctl->boot->ipc_fetch, &m, ctl->ca_fd > 0 ? ctl->ca_fd : -1))
        dbr_log(ctl->log, DBR_LOG_ERROR, "ALARM: fetch does not listen; no CRL is fetched");
    ocsp_ask_again(ctl);
}

bool revocation_verify(struct control *ctl, int fd, enum dbr_crl_source source, uint32_t *ticket)
{
    struct dbr_ipc_crl_verify m = {.head = dbr_ipc_head(DBR_IPC_CRL_VERIFY, sizeof m, 0), .source = source};
    if (ctl->boot->ipc_fetch < 0)
        return false;
    ctl->crl_ticket = (ctl->crl_ticket + 1) & 0x7fffffff;
    m.ticket = ctl->crl_ticket;
    if (ticket)
        *ticket = m.ticket;
    return dbr_ipc_send(ctl->boot->ipc_fetch, &m, fd) == 0;
}

/* What became of an image, with the memory as it is now. */
static void tell_outcome(struct control *ctl, uint32_t ticket, bool taken)
{
    struct dbr_ipc_crl_taken m = {.ticket = ticket, .taken = taken};
    int n = taken ? dbr_trust_state_write(ctl->trust, m.text, sizeof m.text) : 0;
    if (n < 0)
        dbr_log(ctl->log, DBR_LOG_ERROR, "ALARM: more CAs than can be remembered on disk");
    m.n = n > 0 ? (uint32_t)n : 0;
    m.head = dbr_ipc_head(DBR_IPC_CRL_TAKEN, offsetof(struct dbr_ipc_crl_taken, text) + m.n, 0);
    dbr_ipc_send(ctl->boot->ipc_fetch, &m, -1);
}

/* ---- taking ---- */

int revocation_take(struct control *ctl, struct dbr_crl *const *lists, size_t n, const char *name,
                    unsigned *fresh, char *why, size_t cap)
{
    char text[160];
    int err = 0;
    *fresh = 0;
    for (size_t i = 0; i < n; i++) {
        char line[WHY];
        int took = dbr_trust_accept(ctl->trust, lists[i], line, sizeof line);
        if (!took) {
            dbr_log(ctl->log, DBR_LOG_NOTICE, "CRL: loaded %zu CRLs from file %s (%s)", n, name,
                    dbr_crl_text(lists[i], text, sizeof text));
            ++*fresh;
            ctl->metric[DBR_METRIC_CRL_ACCEPTED]++;
            ctl->metric[DBR_METRIC_CRL_ACCEPTED_AT] = ctl->now.unix_s;
        } else if (took != DBR_ERR_EXISTS && !err) {
            err = took;
            snprintf(why, cap, "%s", line);
        }
    }
    if (*fresh)
        ctl->crl_alarm_ns = ctl->now.ns; /* the next alarm belongs to the new list */
    return err;
}

/* An image is mapped once and let go with the last list in it. */
struct mapping {
    unsigned refs;
    void *at;
    size_t len;
};

static void unmap(void *arg)
{
    struct mapping *m = arg;
    if (--m->refs)
        return;
    munmap(m->at, m->len);
    free(m);
}

static struct mapping *map_image(int fd, size_t want)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (fstat(fd, &st) || (uint64_t)st.st_size != want || seals < 0 || (seals & SEALS) != SEALS)
        return NULL;
    struct mapping *m = malloc(sizeof *m);
    void *at = m ? mmap(NULL, want, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED) {
        free(m);
        return NULL;
    }
    *m = (struct mapping){.refs = 1, .at = at, .len = want};
    return m;
}

static uint64_t padded(uint64_t n)
{
    return (n + 7) & ~7ull;
}

/* The lists of an image, or an error; *n of them are the caller's. */
static int open_image(const struct dbr_ipc_crl_image *m, int fd, struct dbr_crl **lists, size_t *n)
{
    uint64_t want = 0, at = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->size[i] > DBR_CRL_MAX_BYTES)
            return DBR_ERR_SHAPE;
        want += padded(m->size[i]);
    }
    struct mapping *map = map_image(fd, want);
    if (!map)
        return DBR_ERR_SHAPE;
    int err = 0;
    for (*n = 0; *n < m->n && !err; at += padded(m->size[*n]), ++*n) {
        err = dbr_crl_from_image(&lists[*n], (const uint8_t *)map->at + at, m->size[*n], unmap, map);
        if (err)
            break;
        map->refs++;
    }
    unmap(map);
    return err;
}

static void say_refused(struct control *ctl, uint32_t source, int err, const char *why)
{
    /* A web server may well lag behind a list that was pushed. */
    if (source == DBR_CRL_FROM_URL && err == DBR_ERR_REPLAY)
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: crl-url %s is behind the list in force: %s",
                name_of(ctl, source), why);
    else
        dbr_log(ctl->log, DBR_LOG_ERROR,
                "ALARM: CRL file %s refused: %s; the last accepted list stays in force", name_of(ctl, source),
                why);
}

static void take_image(struct control *ctl, const struct dbr_ipc_crl_image *m, int fd)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS] = {0};
    char why[WHY], text[WHY + 64];
    size_t n = 0;
    unsigned fresh = 0, ended = 0;
    int err = !ctl->trust ? DBR_ERR_STATE : m->err;
    snprintf(why, sizeof why, "%s", m->err ? m->why : "its image is not whole");
    if (!err)
        err = fd >= 0 ? open_image(m, fd, lists, &n) : DBR_ERR_SHAPE;
    bool whole = !err;
    if (whole)
        err = revocation_take(ctl, lists, n, name_of(ctl, m->source), &fresh, why, sizeof why);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    if (whole)
        tell_outcome(ctl, m->ticket, fresh || !err);
    if (err)
        say_refused(ctl, m->source, err, why);
    ctl->metric[DBR_METRIC_CRL_REFUSED] += err != 0;
    if (fresh)
        ended = clients_revoke(ctl);
    if (err)
        snprintf(text, sizeof text, "ERROR: CRL refused: %s\n", why);
    else
        snprintf(text, sizeof text, "SUCCESS: CRL accepted, %u session(s) ended\n", ended);
    if (m->source == DBR_CRL_FROM_PUSH)
        ctl_answer(ctl, m->ticket, text);
}

static void take_alarm(struct control *ctl, const struct dbr_ipc_alarm *m)
{
    ctl->crl_failures = m->failures;
    ctl->crl_good_s = m->good_s;
}

void revocation_read(struct control *ctl)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    for (int i = 0; i < READ_ROUNDS; i++) {
        int fd, err = dbr_ipc_recv(ctl->boot->ipc_fetch, buf, &fd);
        if (err == DBR_ERR_SHAPE)
            continue;
        if (err)
            return;
        if (head->type == DBR_IPC_CRL_IMAGE)
            take_image(ctl, (const void *)buf, fd);
        else if (head->type == DBR_IPC_OCSP_ANSWER)
            ocsp_answer(ctl, (const void *)buf);
        else if (head->type == DBR_IPC_ALARM)
            take_alarm(ctl, (const void *)buf);
        if (fd >= 0)
            close(fd);
    }
}

/* ---- what an earlier run accepted ---- */

/* False if what is there cannot be used. */
static bool recall_part(struct control *ctl, const struct dbr_crlstate *s, enum dbr_crlstate_part part)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    char why[WHY];
    size_t n = 0;
    unsigned fresh;
    if (!s->part[part].len)
        return true;
    int err = dbr_crl_parse_file(lists, &n, ctl->issuers, s->part[part].bytes, s->part[part].len,
                                 ctl->now.unix_s, why, sizeof why);
    if (!err)
        err = revocation_take(ctl, lists, n, "of the last run", &fresh, why, sizeof why);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    return !err;
}

void revocation_recall(struct control *ctl)
{
    struct dbr_crlstate s;
    int err = dbr_crlstate_read(&s, ctl->boot->crl_state);
    if (!err && s.part[DBR_CRLSTATE_TEXT].len)
        err = dbr_trust_state_load(ctl->trust, (const char *)s.part[DBR_CRLSTATE_TEXT].bytes,
                                   s.part[DBR_CRLSTATE_TEXT].len);
    if (err)
        dbr_log(ctl->log, DBR_LOG_ERROR,
                "ALARM: the memory of accepted CRLs cannot be read (%s): an older list would be believed",
                dbr_err_text(err));
    bool url = recall_part(ctl, &s, DBR_CRLSTATE_URL), push = recall_part(ctl, &s, DBR_CRLSTATE_PUSH);
    ctl->crl_recalled = !err && url && push ? s.generation : 0;
    dbr_crlstate_free(&s);
}

void revocation_free(struct control *ctl)
{
    if (ctl->ca_fd > 0)
        close(ctl->ca_fd);
    ctl->ca_fd = 0;
    ocsp_free(ctl);
}

/* ---- policy ---- */

int revocation_policy(struct control *ctl)
{
    static const enum dbr_stale stale[] = {[DBR_CRL_STALE_REFUSE] = DBR_STALE_REFUSE,
                                           [DBR_CRL_STALE_GRACE] = DBR_STALE_GRACE,
                                           [DBR_CRL_STALE_KEEP] = DBR_STALE_KEEP};
    const struct dbr_conf_stale *c = &ctl->cfg->crl_stale;
    if (ctl->trust)
        dbr_trust_policy(ctl->trust, stale[c->mode], c->secs);
    else if (ctl->crl_wanted && !(ctl->trust = dbr_trust_new(stale[c->mode], c->secs)))
        return DBR_ERR_NOMEM;
    return 0;
}

/* ---- alarms ---- */

static const char *when(int64_t unix_s, char out[32])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return out;
}

static const char *stale_text(const struct control *ctl)
{
    static const char *const texts[] = {
        [DBR_CRL_STALE_REFUSE] = "nobody can connect until a fresh one is here",
        [DBR_CRL_STALE_GRACE] = "it is believed for the time of crl-stale, then nobody can connect",
        [DBR_CRL_STALE_KEEP] = "it is believed all the same (crl-stale keep)"};
    return texts[ctl->cfg->crl_stale.mode];
}

/* Says what is due about one list and lowers *next_s to the moment of its next alarm. */
static void alarm_list(struct control *ctl, const struct dbr_crl *crl, int64_t *next_s)
{
    int64_t now = ctl->now.unix_s, end = dbr_crl_next_update(crl), life = end - dbr_crl_this_update(crl);
    int64_t half = end - life / 2, quarter = end - life / 4, next = half;
    char text[160], t[32];
    dbr_crl_text(crl, text, sizeof text);
    if (now >= end) {
        dbr_log(
            ctl->log, DBR_LOG_ERROR,
            "ALARM: the CRL (%s) expired at %s: %s; run `drawbridge-ca crl` and `drawbridge-ca publish`, or "
            "`drawbridge-ctl crl-push < crl.pem`",
            text, when(end, t), stale_text(ctl));
        next = now + MINUTE_S;
    } else if (now >= half) {
        dbr_log(ctl->log, DBR_LOG_ERROR,
                "ALARM: less than %d %% of the CRL's life is left (%s); run `drawbridge-ca crl` and "
                "`drawbridge-ca publish`",
                now >= quarter ? 25 : 50, text);
        next = now >= quarter ? end : quarter;
    }
    if (next < *next_s)
        *next_s = next;
}

void revocation_tick(struct control *ctl)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    int64_t next_s = ctl->now.unix_s + DAY_S;
    if (!ctl->trust || ctl->now.ns < ctl->crl_alarm_ns)
        return;
    size_t n = dbr_trust_lists(ctl->trust, lists);
    for (size_t i = 0; i < n; i++) {
        alarm_list(ctl, lists[i], &next_s);
        dbr_crl_free(lists[i]);
    }
    if (!n) {
        dbr_log(ctl->log, DBR_LOG_ERROR,
                "ALARM: there is no CRL yet: nobody can connect; see the lines about crl-url and crl-verify");
        next_s = ctl->now.unix_s + MINUTE_S;
    }
    int64_t wait_s = next_s > ctl->now.unix_s ? next_s - ctl->now.unix_s : 1;
    ctl->crl_alarm_ns = ctl->now.ns + (uint64_t)wait_s * SECOND_NS;
}

uint64_t revocation_deadline(const struct control *ctl)
{
    uint64_t at = ctl->trust ? ctl->crl_alarm_ns : UINT64_MAX;
    if (ctl->expiry_s) {
        int64_t left = ctl->expiry_s - ctl->now.unix_s + 1; /* 99991231235959Z is a date, too */
        left = left < 0 ? 0 : left < DAY_S ? left : DAY_S;
        uint64_t end = ctl->now.ns + (uint64_t)left * SECOND_NS;
        at = end < at ? end : at;
    }
    return ctl->ocsp_tick_ns && ctl->ocsp_tick_ns < at ? ctl->ocsp_tick_ns : at;
}

/* ---- status ---- */

bool revocation_status(struct control *ctl, size_t i, char *line, size_t cap)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    char text[160], t[32];
    size_t n = ctl->trust ? dbr_trust_lists(ctl->trust, lists) : 0;
    bool more = true;
    if (i < n)
        snprintf(line, cap, "crl: %s, %d %% of its life left", dbr_crl_text(lists[i], text, sizeof text),
                 dbr_crl_life_percent(lists[i], ctl->now.unix_s));
    else if (i == n && ctl->trust && !n)
        snprintf(line, cap, "crl: none yet, nobody can connect");
    else if (i == (n ? n : 1) && ctl->cfg->crl_url.path)
        snprintf(line, cap, "crl-url: last fetched %s, %u failure(s) since",
                 ctl->crl_good_s ? when(ctl->crl_good_s, t) : "never", ctl->crl_failures);
    else
        more = false;
    for (size_t j = 0; j < n; j++)
        dbr_crl_free(lists[j]);
    return more;
}
