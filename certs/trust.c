/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/trust.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "certs/issuers.h"
#include "certs/say.h"

/* The lists in force at one moment; never changes once it is published. */
struct set {
    atomic_uint refs;
    size_t n;
    struct dbr_crl *v[DBR_CRL_MAX_LISTS];
};

/* What was accepted last under one key, in this run or an earlier one. */
struct memory {
    uint8_t key[32]; /* of the CA that signed it */
    uint8_t number[DBR_SERIAL_MAX];
    bool numbered;
    int64_t this_update;
    uint8_t digest[32];
};

struct dbr_trust {
    pthread_mutex_t lock; /* guards all below; held for a pointer copy on the side of the checks */
    struct set *set;
    enum dbr_stale stale;
    int64_t grace_s;
    struct memory memory[DBR_CRL_MAX_ISSUERS];
    size_t memories;
};

static const struct {
    bool good;
    const char *text;
} verdicts[] = {
    [DBR_VERDICT_OK] = {true, "certificate not revoked"},
    [DBR_VERDICT_OK_STALE] = {true, "certificate not revoked as of an expired CRL"},
    [DBR_VERDICT_REVOKED] = {false, "certificate revoked"},
    [DBR_VERDICT_NO_CRL] = {false, "no CRL of the certificate's issuer"},
    [DBR_VERDICT_STALE] = {false, "the CRL has expired"},
    [DBR_VERDICT_NOT_YET] = {false, "the CRL is not yet valid"},
    [DBR_VERDICT_BAD_SERIAL] = {false, "bad serial number"},
};

int dbr_verdict_good(enum dbr_verdict v)
{
    return verdicts[v].good;
}

const char *dbr_verdict_text(enum dbr_verdict v)
{
    return verdicts[v].text;
}

/* --- sets
 * ----------------------------------------------------------------------------------------------------- */

static void set_put(struct set *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        dbr_crl_free(s->v[i]);
    free(s);
}

static struct set *set_get(struct dbr_trust *t, enum dbr_stale *stale, int64_t *grace_s)
{
    pthread_mutex_lock(&t->lock);
    struct set *s = t->set;
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    *stale = t->stale;
    *grace_s = t->grace_s;
    pthread_mutex_unlock(&t->lock);
    return s;
}

/* A set with the lists of `from` (may be NULL) for which keep() says so. */
static struct set *set_copy(const struct set *from, bool (*keep)(const struct dbr_crl *, const void *),
                            const void *arg)
{
    struct set *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    for (size_t i = 0; from && i < from->n; i++)
        if (keep(from->v[i], arg))
            s->v[s->n++] = dbr_crl_ref(from->v[i]);
    return s;
}

struct dbr_trust *dbr_trust_new(enum dbr_stale stale, int64_t grace_s)
{
    struct dbr_trust *t = calloc(1, sizeof *t);
    struct set *s = t ? set_copy(NULL, NULL, NULL) : NULL;
    if (!s) {
        free(t);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    t->set = s;
    t->stale = stale;
    t->grace_s = grace_s;
    return t;
}

void dbr_trust_free(struct dbr_trust *trust)
{
    if (!trust)
        return;
    set_put(trust->set);
    pthread_mutex_destroy(&trust->lock);
    free(trust);
}

void dbr_trust_policy(struct dbr_trust *trust, enum dbr_stale stale, int64_t grace_s)
{
    pthread_mutex_lock(&trust->lock);
    trust->stale = stale;
    trust->grace_s = grace_s;
    pthread_mutex_unlock(&trust->lock);
}

/* --- accepting
 * ------------------------------------------------------------------------------------------------ */

static bool by_other_key(const struct dbr_crl *crl, const void *arg)
{
    return memcmp(dbr_crl_key_id(crl), dbr_crl_key_id(arg), 32) != 0;
}

static bool by_known_key(const struct dbr_crl *crl, const void *arg)
{
    return dbr_issuers_have_key(arg, dbr_crl_key_id(crl));
}

static struct dbr_crl *in_force(const struct dbr_trust *t, const struct dbr_crl *like)
{
    for (size_t i = 0; i < t->set->n; i++)
        if (!by_other_key(t->set->v[i], like))
            return t->set->v[i];
    return NULL;
}

static struct memory *remembered(struct dbr_trust *t, const uint8_t key[32])
{
    for (size_t i = 0; i < t->memories; i++)
        if (memcmp(t->memory[i].key, key, 32) == 0)
            return &t->memory[i];
    return NULL;
}

static void number_of(const struct dbr_crl *crl, struct memory *m)
{
    size_t len;
    const uint8_t *n = dbr_crl_number(crl, &len);
    memset(m->number, 0, sizeof m->number);
    m->numbered = len > 0;
    if (len)
        memcpy(m->number + DBR_SERIAL_MAX - len, n, len);
}

/* The rule of dbr_crl_newer against what is remembered; the very same list may come back after a restart. */
static int against_memory(const struct memory *m, const struct dbr_crl *fresh, char *why, size_t cap)
{
    struct memory f;
    if (memcmp(m->digest, dbr_crl_digest(fresh), 32) == 0)
        return 0;
    number_of(fresh, &f);
    int d = memcmp(f.number, m->number, DBR_SERIAL_MAX);
    if (m->numbered && (!f.numbered || d < 0))
        return dbr_say(DBR_ERR_REPLAY, why, cap, "its crlNumber is below the last one accepted, or missing");
    if (m->numbered && d == 0)
        return dbr_say(DBR_ERR_CERT, why, cap, "the last crlNumber accepted again, with other content");
    if (dbr_crl_this_update(fresh) < m->this_update + (f.numbered ? 0 : 1))
        return dbr_say(DBR_ERR_REPLAY, why, cap, "its thisUpdate is not after that of the last one accepted");
    return 0;
}

static int remember(struct dbr_trust *t, const struct dbr_crl *crl, char *why, size_t cap)
{
    struct memory *m = remembered(t, dbr_crl_key_id(crl));
    if (!m && t->memories == DBR_CRL_MAX_ISSUERS)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "more than %d CAs remembered", DBR_CRL_MAX_ISSUERS);
    if (!m)
        m = &t->memory[t->memories++];
    memcpy(m->key, dbr_crl_key_id(crl), 32);
    memcpy(m->digest, dbr_crl_digest(crl), 32);
    m->this_update = dbr_crl_this_update(crl);
    number_of(crl, m);
    return 0;
}

static int accept_locked(struct dbr_trust *t, struct dbr_crl *crl, struct set *next, char *why, size_t cap)
{
    const struct dbr_crl *old = in_force(t, crl);
    const struct memory *m = remembered(t, dbr_crl_key_id(crl));
    int err = old ? dbr_crl_newer(old, crl, why, cap) : 0;
    if (!err && !old && m)
        err = against_memory(m, crl, why, cap);
    if (!err && next->n == DBR_CRL_MAX_LISTS)
        err = dbr_say(DBR_ERR_LIMIT, why, cap, "CRLs of more than %d CAs", DBR_CRL_MAX_LISTS);
    if (!err)
        err = remember(t, crl, why, cap);
    if (!err) {
        next->v[next->n++] = dbr_crl_ref(crl);
        t->set = next;
    }
    return err;
}

int dbr_trust_accept(struct dbr_trust *trust, struct dbr_crl *crl, char *why, size_t cap)
{
    pthread_mutex_lock(&trust->lock);
    struct set *old = trust->set, *next = set_copy(old, by_other_key, crl);
    int err = next ? accept_locked(trust, crl, next, why, cap) : DBR_ERR_NOMEM;
    pthread_mutex_unlock(&trust->lock);
    set_put(err ? next : old);
    return err;
}

int dbr_trust_retain(struct dbr_trust *trust, const struct dbr_issuers *keep)
{
    pthread_mutex_lock(&trust->lock);
    struct set *old = trust->set, *next = set_copy(old, by_known_key, keep);
    if (next)
        trust->set = next;
    pthread_mutex_unlock(&trust->lock);
    if (!next)
        return DBR_ERR_NOMEM;
    set_put(old);
    return 0;
}

/* --- checking
 * ------------------------------------------------------------------------------------------------- */

/* Names that differ only in string type or case are the same (RFC 5280, 7.1). */
static bool same_name(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    if (a_len == b_len && memcmp(a, b, a_len) == 0)
        return true;
    const uint8_t *p = a, *q = b;
    X509_NAME *x = d2i_X509_NAME(NULL, &p, (long)a_len), *y = d2i_X509_NAME(NULL, &q, (long)b_len);
    bool same = x && y && p == a + a_len && X509_NAME_cmp(x, y) == 0;
    X509_NAME_free(x);
    X509_NAME_free(y);
    return same;
}

static enum dbr_verdict judge(const struct dbr_crl *crl, const void *serial, size_t len, int64_t now,
                              enum dbr_stale stale, int64_t grace_s, struct dbr_crl_entry *entry)
{
    int64_t late = now - dbr_crl_next_update(crl);
    if (dbr_crl_lookup(crl, serial, len, entry))
        return DBR_VERDICT_REVOKED;
    if (dbr_crl_this_update(crl) > now + DBR_CRL_SKEW_S)
        return DBR_VERDICT_NOT_YET;
    if (late < 0)
        return DBR_VERDICT_OK;
    if (stale == DBR_STALE_KEEP || (stale == DBR_STALE_GRACE && late < grace_s))
        return DBR_VERDICT_OK_STALE;
    return DBR_VERDICT_STALE;
}

static bool serial_ok(const uint8_t *serial, size_t len)
{
    while (len > 0 && *serial == 0) {
        serial++;
        len--;
    }
    return len >= 1 && len <= DBR_SERIAL_MAX;
}

/* From best to worst, for two CAs of one name. */
static int badness(enum dbr_verdict v)
{
    static const int rank[] = {
        [DBR_VERDICT_NO_CRL] = 0,     [DBR_VERDICT_OK] = 1,    [DBR_VERDICT_OK_STALE] = 2,
        [DBR_VERDICT_NOT_YET] = 3,    [DBR_VERDICT_STALE] = 4, [DBR_VERDICT_REVOKED] = 5,
        [DBR_VERDICT_BAD_SERIAL] = 6,
    };
    return rank[v];
}

enum dbr_verdict dbr_trust_check(struct dbr_trust *trust, const void *issuer, size_t issuer_len,
                                 const void *serial, size_t serial_len, int64_t now,
                                 struct dbr_crl_entry *entry)
{
    enum dbr_stale stale;
    int64_t grace_s;
    enum dbr_verdict worst = DBR_VERDICT_NO_CRL;
    if (!serial_ok(serial, serial_len))
        return DBR_VERDICT_BAD_SERIAL;
    struct set *s = set_get(trust, &stale, &grace_s);
    for (size_t i = 0; i < s->n; i++) {
        size_t len;
        const uint8_t *name = dbr_crl_issuer(s->v[i], &len);
        if (!same_name(issuer, issuer_len, name, len))
            continue;
        enum dbr_verdict v = judge(s->v[i], serial, serial_len, now, stale, grace_s, entry);
        if (badness(v) > badness(worst))
            worst = v;
    }
    set_put(s);
    return worst;
}

size_t dbr_trust_lists(struct dbr_trust *trust, struct dbr_crl *out[DBR_CRL_MAX_LISTS])
{
    pthread_mutex_lock(&trust->lock);
    size_t n = trust->set->n;
    for (size_t i = 0; i < n; i++)
        out[i] = dbr_crl_ref(trust->set->v[i]);
    pthread_mutex_unlock(&trust->lock);
    return n;
}

int dbr_trust_life_percent(struct dbr_trust *trust, int64_t now, int64_t *next_update)
{
    struct dbr_crl *v[DBR_CRL_MAX_LISTS];
    size_t n = dbr_trust_lists(trust, v);
    int least = 100;
    *next_update = 0;
    for (size_t i = 0; i < n; i++) {
        int percent = dbr_crl_life_percent(v[i], now);
        int64_t next = dbr_crl_next_update(v[i]);
        if (i == 0 || percent < least || (percent == least && next < *next_update)) {
            least = percent;
            *next_update = next;
        }
        dbr_crl_free(v[i]);
    }
    return least;
}

/* --- the memory as text
 * --------------------------------------------------------------------------------------- */

int dbr_trust_state_write(struct dbr_trust *trust, char *out, size_t cap)
{
    size_t at = 0;
    pthread_mutex_lock(&trust->lock);
    for (size_t i = 0; i < trust->memories && at < cap; i++) {
        const struct memory *m = &trust->memory[i];
        char key[65], number[41], digest[65];
        dbr_hex_text(m->key, 32, key, sizeof key);
        dbr_hex_text(m->number, DBR_SERIAL_MAX, number, sizeof number);
        dbr_hex_text(m->digest, 32, digest, sizeof digest);
        int n = snprintf(out + at, cap - at, "%s %s %" PRId64 " %s\n", key, m->numbered ? number : "-",
                         m->this_update, digest);
        at += (size_t)n;
    }
    pthread_mutex_unlock(&trust->lock);
    if (at >= cap)
        return DBR_ERR_SPACE;
    out[at] = 0;
    return (int)at;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *p = c ? strchr(digits, c) : NULL;
    return p ? (int)(p - digits) : -1;
}

/* Exactly n bytes of upper-case hex, ended by a NUL. */
static bool unhex(const char *s, uint8_t *out, size_t n)
{
    if (strlen(s) != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int a = hex_digit(s[2 * i]), b = hex_digit(s[2 * i + 1]);
        if (a < 0 || b < 0)
            return false;
        out[i] = (uint8_t)(a << 4 | b);
    }
    return true;
}

static bool parse_memory(const char *line, struct memory *m)
{
    char key[65], number[41], digest[65];
    int end = 0;
    memset(m, 0, sizeof *m);
    if (sscanf(line, "%64[0-9A-F] %40[0-9A-F-] %" SCNd64 " %64[0-9A-F]%n", key, number, &m->this_update,
               digest, &end) != 4 ||
        line[end])
        return false;
    m->numbered = strcmp(number, "-") != 0;
    return unhex(key, m->key, 32) && unhex(digest, m->digest, 32) &&
           (!m->numbered || unhex(number, m->number, DBR_SERIAL_MAX));
}

static int parse_memories(const char *text, size_t len, struct memory *out, size_t *n)
{
    char line[256];
    while (len > 0) {
        const char *nl = memchr(text, '\n', len);
        size_t part = nl ? (size_t)(nl - text) : 0;
        if (!nl || part >= sizeof line || *n == DBR_CRL_MAX_ISSUERS || memchr(text, 0, part))
            return DBR_ERR_SHAPE;
        memcpy(line, text, part);
        line[part] = 0;
        if (!parse_memory(line, &out[(*n)++]))
            return DBR_ERR_SHAPE;
        text += part + 1;
        len -= part + 1;
    }
    return 0;
}

int dbr_trust_state_load(struct dbr_trust *trust, const char *text, size_t len)
{
    struct memory *v = calloc(DBR_CRL_MAX_ISSUERS, sizeof *v);
    size_t n = 0;
    int err = v ? parse_memories(text, len, v, &n) : DBR_ERR_NOMEM;
    pthread_mutex_lock(&trust->lock);
    for (size_t i = 0; !err && i < n; i++) {
        struct memory *m = remembered(trust, v[i].key);
        if (!m && trust->memories == DBR_CRL_MAX_ISSUERS)
            err = DBR_ERR_LIMIT;
        else
            *(m ? m : &trust->memory[trust->memories++]) = v[i];
    }
    pthread_mutex_unlock(&trust->lock);
    free(v);
    return err;
}
