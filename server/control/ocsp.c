/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OCSP in control: one entry for each certificate that is asked about. A client whose certificate has no
 * answer yet waits in its session's VERDICT state, without data keys; whoever comes with the same certificate
 * meanwhile waits for the same answer. Answers are kept until their nextUpdate; before it passes, the
 * certificates of live sessions are asked about again.
 *
 *     ocsp_admit -> asked --answer--> GOOD ... near its end: asked again ... REVOKED, UNKNOWN: sessions end
 *                        \--none----> soft: let in with a line, asked again in 30 s; hard: refused
 */
#include "control/revocation.h"
#include "certs/ocsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
enum {
    BUCKETS = 1024,
    ENTRIES_MAX = 65536,
    ANSWER_WAIT_S = 10,
    RETRY_S = 30,
    MARGIN_S = 60,
    KNOWN_BAD_S = 60,      /* so long a refusal is repeated without asking */
    LONGEST_S = 7 * 86400, /* an answer for longer is asked for again all the same */
};

enum standing { NEVER_ASKED, NO_ANSWER, GOOD, REVOKED, UNKNOWN };

struct ocsp_entry {
    struct ocsp_entry *next;
    struct client *users; /* who waits, and who lives on the answer */
    uint8_t key[32];      /* SHA-256 of the certificate */
    uint32_t id;          /* of the last question */
    bool asked;
    uint64_t asked_ns;
    enum standing standing;
    uint64_t due_ns; /* asked: no answer will come any more; else: when to ask again */
    int64_t until_s; /* the standing counts until then */
    char why[DBR_IPC_WHY_MAX];
};

struct ocsp_table {
    struct ocsp_entry *bucket[BUCKETS];
    size_t n;
    uint32_t next_id;
};

/* ---- entries ---- */

static struct ocsp_entry **bucket_of(struct control *ctl, const uint8_t key[32])
{
    return &ctl->ocsp->bucket[(key[0] | key[1] << 8) % BUCKETS];
}

/* Drops what nobody uses and what has run out. */
static void sweep(struct control *ctl)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ocsp_entry **at = &ctl->ocsp->bucket[i], *e; (e = *at);) {
            if (e->users || e->asked || (e->standing != NO_ANSWER && ctl->now.unix_s < e->until_s)) {
                at = &e->next;
                continue;
            }
            *at = e->next;
            free(e);
            ctl->ocsp->n--;
        }
}

static struct ocsp_entry *entry_for(struct control *ctl, const uint8_t key[32])
{
    if (!ctl->ocsp && !(ctl->ocsp = calloc(1, sizeof *ctl->ocsp)))
        return NULL;
    struct ocsp_entry **head = bucket_of(ctl, key), *e = *head;
    while (e && memcmp(e->key, key, sizeof e->key) != 0)
        e = e->next;
    if (e)
        return e;
    if (ctl->ocsp->n >= ENTRIES_MAX)
        sweep(ctl);
    e = ctl->ocsp->n < ENTRIES_MAX ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    memcpy(e->key, key, sizeof e->key);
    e->next = *head;
    *head = e;
    ctl->ocsp->n++;
    return e;
}

void ocsp_forget(struct client *c)
{
    if (!c->ocsp)
        return;
    struct client **at = &c->ocsp->users;
    while (*at != c)
        at = &(*at)->ocsp_next;
    *at = c->ocsp_next;
    c->ocsp = NULL;
    c->ocsp_next = NULL;
}

static void use(struct client *c, struct ocsp_entry *e)
{
    ocsp_forget(c);
    c->ocsp = e;
    c->ocsp_next = e->users;
    e->users = c;
}

void ocsp_free(struct control *ctl)
{
    for (size_t i = 0; ctl->ocsp && i < BUCKETS; i++)
        while (ctl->ocsp->bucket[i]) {
            struct ocsp_entry *e = ctl->ocsp->bucket[i];
            ctl->ocsp->bucket[i] = e->next;
            free(e);
        }
    free(ctl->ocsp);
    ctl->ocsp = NULL;
}

/* ---- asking ---- */

static const char *url_for(const struct client *c)
{
    const char *fixed = c->ctl->cfg->ocsp.url;
    return fixed ? fixed : c->chain->ocsp_url;
}

/* The standing when no answer is to be had. */
static void no_answer(struct control *ctl, struct ocsp_entry *e, const char *why)
{
    e->asked = false;
    if (e->standing != GOOD || ctl->now.unix_s >= e->until_s)
        e->standing = NO_ANSWER;
    e->due_ns = ctl->now.ns + RETRY_S * SECOND_NS;
    snprintf(e->why, sizeof e->why, "%s", why);
}

static void ask(struct control *ctl, struct ocsp_entry *e, const struct client *c)
{
    struct dbr_ipc_ocsp_ask m = {.id = ++ctl->ocsp->next_id};
    const char *url = url_for(c);
    const struct chain *h = c->chain;
    if (!*url || strlen(url) >= sizeof m.url || !h->issuer_cert_len || ctl->boot->ipc_fetch < 0) {
        no_answer(ctl, e,
                  *url ? "the certificate's issuer cannot be asked about"
                       : "the certificate names no responder; write `ocsp URL` instead of `ocsp aia`");
        return;
    }
    snprintf(m.url, sizeof m.url, "%s", url);
    memcpy(m.serial, h->link[0].serial, h->link[0].serial_len);
    m.serial_len = h->link[0].serial_len;
    memcpy(m.issuer, h->issuer_cert, h->issuer_cert_len);
    m.n = (uint32_t)h->issuer_cert_len;
    m.head = dbr_ipc_head(DBR_IPC_OCSP_ASK, offsetof(struct dbr_ipc_ocsp_ask, issuer) + m.n, 0);
    e->id = m.id;
    e->asked = true;
    e->asked_ns = ctl->now.ns;
    ctl->metric[DBR_METRIC_OCSP_ASKED]++;
    e->due_ns = ctl->now.ns + ANSWER_WAIT_S * SECOND_NS;
    if (dbr_ipc_send(ctl->boot->ipc_fetch, &m, -1))
        no_answer(ctl, e, "too many questions wait");
    if (!ctl->ocsp_tick_ns)
        ctl->ocsp_tick_ns = ctl->now.ns + SECOND_NS;
}

/* ---- what a standing means ---- */

static bool known(const struct control *ctl, const struct ocsp_entry *e)
{
    return e->standing > NO_ANSWER && ctl->now.unix_s < e->until_s;
}

/* 0, or an error with what to tell the client. */
static int judge(struct client *c, const struct ocsp_entry *e, char *reason, size_t cap)
{
    bool hard = c->ctl->cfg->ocsp.hard;
    if (e->standing == GOOD)
        return 0;
    if (e->standing == REVOKED || e->standing == UNKNOWN) {
        snprintf(reason, cap, e->standing == REVOKED ? "Certificate revoked" : "Certificate unknown");
        client_log(c, DBR_LOG_NOTICE, "OCSP: %s",
                   e->standing == REVOKED ? "revoked" : "unknown to the responder");
        return DBR_ERR_CERT;
    }
    client_log(c, DBR_LOG_WARN, "WARNING: OCSP: no valid answer (%s): %s", e->why,
               hard ? "refused (ocsp hard)" : "let in all the same (ocsp soft)");
    snprintf(reason, cap, "Certificate could not be checked");
    return hard ? DBR_ERR_CERT : 0;
}

int ocsp_admit(struct client *c, char *reason, size_t cap)
{
    struct control *ctl = c->ctl;
    struct ocsp_entry *e = c->chain ? entry_for(ctl, c->chain->fingerprint) : NULL;
    if (!e) {
        snprintf(reason, cap, "Certificate could not be checked");
        return DBR_ERR_NOMEM;
    }
    use(c, e);
    if (!known(ctl, e) && !e->asked)
        ask(ctl, e, c);
    return e->asked && !known(ctl, e) ? DBR_ERR_AGAIN : judge(c, e, reason, cap);
}

void ocsp_follow(struct client *c)
{
    struct control *ctl = c->ctl;
    if (!c->ocsp || memcmp(c->ocsp->key, c->chain->fingerprint, sizeof c->ocsp->key) == 0)
        return;
    struct ocsp_entry *e = entry_for(ctl, c->chain->fingerprint);
    if (!e)
        return;
    use(c, e);
    if (!e->asked) /* also when it is known: the answer ends the session where it must */
        ask(ctl, e, c);
}

static bool waits(const struct client *c)
{
    return c->session && dbr_session_state(c->session) == DBR_SESSION_VERDICT && admit_waits_for_ocsp(c);
}

/* A live session under a standing that has come. */
static void review(struct client *c, const struct ocsp_entry *e)
{
    bool over = e->standing == NO_ANSWER && c->ctl->cfg->ocsp.hard;
    if (!c->session || dbr_session_state(c->session) >= DBR_SESSION_CLOSING)
        return;
    if (e->standing == REVOKED)
        client_kick(c, "AUTH_FAILED,Certificate revoked", "certificate revoked (OCSP): session ended");
    else if (e->standing == UNKNOWN)
        client_kick(c, "AUTH_FAILED,Certificate unknown", "certificate unknown (OCSP): session ended");
    else if (over)
        client_kick(c, "AUTH_FAILED,Certificate could not be checked",
                    "no valid OCSP answer (ocsp hard): session ended");
}

static void tell_one(struct client *c, const struct ocsp_entry *e)
{
    char reason[64] = "";
    if (!waits(c)) {
        review(c, e);
        return;
    }
    int err = judge(c, e, reason, sizeof reason);
    client_verdict(c, err, reason);
}

/* Everybody who uses the entry hears of it. What is done to one may end another, so the list is begun anew
 * after each. */
static void tell_users(struct ocsp_entry *e)
{
    struct client *c;
    for (c = e->users; c; c = c->ocsp_next)
        c->ocsp_due = true;
    for (;;) {
        for (c = e->users; c && !c->ocsp_due;)
            c = c->ocsp_next;
        if (!c)
            return;
        c->ocsp_due = false;
        tell_one(c, e);
    }
}

/* ---- answers and time ---- */

static struct ocsp_entry *entry_by_id(struct control *ctl, uint32_t id)
{
    for (size_t i = 0; ctl->ocsp && i < BUCKETS; i++)
        for (struct ocsp_entry *e = ctl->ocsp->bucket[i]; e; e = e->next)
            if (e->asked && e->id == id)
                return e;
    return NULL;
}

/* When to ask again: before the answer ends, but not at once for one that lives short. */
static uint64_t again_ns(const struct control *ctl, const struct ocsp_entry *e)
{
    int64_t left = e->until_s - ctl->now.unix_s, life = left < LONGEST_S ? left : LONGEST_S;
    int64_t margin = life / 4 < MARGIN_S ? life / 4 : MARGIN_S;
    return ctl->now.ns + (uint64_t)(life > margin ? life - margin : 1) * SECOND_NS;
}

void ocsp_answer(struct control *ctl, const struct dbr_ipc_ocsp_answer *m)
{
    static const enum standing standings[] = {
        [DBR_OCSP_GOOD] = GOOD, [DBR_OCSP_REVOKED] = REVOKED, [DBR_OCSP_UNKNOWN] = UNKNOWN};
    struct ocsp_entry *e = entry_by_id(ctl, m->id);
    if (!e)
        return;
    ctl->metric[m->err ? DBR_METRIC_OCSP_NONE : DBR_METRIC_OCSP_GOOD + m->status]++;
    ctl->metric[DBR_METRIC_OCSP_TIME] += (int64_t)(ctl->now.ns - e->asked_ns);
    if (m->err) {
        char safe[DBR_IPC_WHY_MAX];
        no_answer(ctl, e, dbr_log_escape(safe, sizeof safe, m->why, strlen(m->why)));
    } else {
        e->asked = false;
        e->standing = standings[m->status];
        e->until_s = e->standing == GOOD ? m->next_update : ctl->now.unix_s + KNOWN_BAD_S;
        e->due_ns = again_ns(ctl, e);
    }
    tell_users(e);
}

void ocsp_ask_again(struct control *ctl)
{
    for (size_t i = 0; ctl->ocsp && i < BUCKETS; i++)
        for (struct ocsp_entry *e = ctl->ocsp->bucket[i]; e; e = e->next)
            if (e->asked && e->users)
                ask(ctl, e, e->users);
}

static void tick_entry(struct control *ctl, struct ocsp_entry *e)
{
    if (ctl->now.ns < e->due_ns && !(e->standing == GOOD && ctl->now.unix_s >= e->until_s && !e->asked))
        return;
    if (e->asked) {
        no_answer(ctl, e, "none in time");
        ctl->metric[DBR_METRIC_OCSP_NONE]++;
        tell_users(e);
    } else if (e->users && e->users->chain) {
        ask(ctl, e, e->users);
        if (!e->asked)
            tell_users(e);
    }
}

void ocsp_tick(struct control *ctl)
{
    if (!ctl->ocsp_tick_ns || ctl->now.ns < ctl->ocsp_tick_ns)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ocsp_entry *e = ctl->ocsp->bucket[i]; e; e = e->next)
            tick_entry(ctl, e);
    sweep(ctl);
    ctl->ocsp_tick_ns = ctl->ocsp->n ? ctl->now.ns + SECOND_NS : 0;
}
