/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Control's side of the signer: handshakes that need a signature stand in a queue, the first of them are with
 * the signer, and everything else goes on. When it dies, the signatures that it had in hand fail at once,
 * with a line; the others wait for the next one.
 */
#include "control/revocation.h"
#include "control/state.h"
#include "base/secret.h"
#include "ipc/sign.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    QUEUE_MAX = 1024,
    WINDOW =
        32, /* with the signer at once: it never waits for control's turn, and its socket is never full */
    START_S = 30, /* until it says at the start which key it has */
};

struct asking {
    struct asking *next;
    struct client *client; /* NULL: it has gone */
    uint32_t ticket;
    bool sent, refused;
    uint16_t scheme;
    uint8_t key[DBR_SIGN_KEY_ID];
    uint32_t n;
    uint8_t message[];
};

struct signer {
    struct asking *first, **end;
    unsigned n, sent, refused;
    uint32_t ticket;
    bool down;
    bool answered; /* the key is known, or why not */
    int key_err;
    struct signer_key key;
    char *certs; /* the texts of key */
    int bundle;  /* of a reload that waits for the key; -1: none */
    uint8_t *buf;
};

static struct signer *signer_of(const struct control *ctl)
{
    return ctl->real ? ctl->real->signer : ctl->signer;
}

bool signer_there(const struct control *ctl)
{
    return signer_of(ctl);
}

const struct signer_key *signer_key(const struct control *ctl)
{
    const struct signer *s = signer_of(ctl);
    return s && s->answered && !s->key_err ? &s->key : NULL;
}

/* ---- the queue ---- */

static struct asking *detach(struct signer *s, struct asking **at)
{
    struct asking *a = *at;
    *at = a->next;
    if (s->end == &a->next)
        s->end = at;
    s->n--;
    s->sent -= a->sent;
    s->refused -= a->refused;
    return a;
}

/* Sends what the window has room for. */
static void push(struct control *ctl)
{
    struct signer *s = ctl->signer;
    int err = 0;
    for (struct asking *a = s->first; a && !err && !s->down && s->sent < WINDOW; a = a->next) {
        if (a->sent || a->refused)
            continue;
        struct dbr_sign_head h = {.type = DBR_SIGN_ASK, .scheme = a->scheme, .ticket = a->ticket, .n = a->n};
        memcpy(h.key, a->key, sizeof h.key);
        err = dbr_sign_send(ctl->boot->ipc_signer, &h, a->message);
        a->sent = !err;
        a->refused = err && err != DBR_ERR_AGAIN;
        s->sent += a->sent;
        s->refused += a->refused;
    }
}

void signer_ask(void *arg, void *session_arg, const struct dbr_tls_to_sign *what)
{
    struct control *ctl = arg;
    struct signer *s = ctl->signer;
    const bool full = s && (s->n >= QUEUE_MAX || what->n > DBR_SIGN_BYTES_MAX);
    struct asking *a = s ? calloc(1, sizeof *a + what->n) : NULL;
    if (!a)
        return; /* its hand-window ends it */
    a->client = dbr_session_owner(session_arg);
    a->ticket = ++s->ticket;
    a->scheme = what->scheme;
    a->refused = full;
    memcpy(a->key, what->key_id, sizeof a->key);
    a->n = (uint32_t)what->n;
    memcpy(a->message, what->message, what->n);
    *s->end = a;
    s->end = &a->next;
    s->n++;
    s->refused += full;
    push(ctl);
}

/* Ends an asking: the handshake goes on with n bytes of signature, or, without any, fails. */
static void settle(struct control *ctl, struct asking **at, const uint8_t *sig, size_t n, const char *why)
{
    struct asking *a = detach(ctl->signer, at);
    struct client *c = a->client;
    if (c && c->session) {
        if (!n)
            client_log(c, DBR_LOG_NOTICE, "no signature for this handshake: %s", why);
        dbr_session_signed_message(c->session, a->message, a->n, sig, n, &ctl->now);
        client_settle(c);
    }
    free(a);
}

/* The first of those who are with the signer, or of those who are refused; NULL: none. */
static struct asking **find(struct signer *s, bool sent)
{
    for (struct asking **at = &s->first; *at; at = &(*at)->next)
        if (sent ? (*at)->sent : (*at)->refused)
            return at;
    return NULL;
}

/* What fails or succeeds may bring new questions, and end others: each time from the front. */
static void settle_all(struct control *ctl, bool sent, const char *why)
{
    const uint8_t none[1] = {0};
    struct asking **at;
    for (unsigned n = sent ? ctl->signer->sent : ctl->signer->refused; n && (at = find(ctl->signer, sent));
         n--)
        settle(ctl, at, none, 0, why);
}

void signer_turn(struct control *ctl)
{
    if (ctl->signer && ctl->signer->refused)
        settle_all(ctl, false, "too many wait for one");
}

void signer_forget(struct client *c)
{
    struct signer *s = c->ctl->signer;
    for (struct asking **at = s && s->n ? &s->first : NULL; at && *at;) {
        struct asking *a = *at;
        if (a->client == c && a->sent)
            a->client = NULL; /* its answer will come */
        if (a->client == c)
            free(detach(s, at));
        else
            at = &a->next;
    }
}

static void take_signature(struct control *ctl, const struct dbr_sign_head *h, const uint8_t *sig)
{
    struct asking **at = &ctl->signer->first;
    while (*at && (*at)->ticket != h->ticket)
        at = &(*at)->next;
    if (*at && (*at)->sent)
        settle(ctl, at, sig, h->err ? 0 : h->n,
               h->err == DBR_ERR_NOTFOUND ? "the signer does not have this key, or it does not sign so"
                                          : "the signer refuses it");
}

/* ---- the key ---- */

static void ask_who(struct control *ctl)
{
    const char *told = management_key_pass(ctl);
    struct dbr_sign_head pass = {.type = DBR_SIGN_PASS, .n = told ? (uint32_t)strlen(told) : 0},
                         who = {.type = DBR_SIGN_WHO};
    if (pass.n)
        dbr_sign_send(ctl->boot->ipc_signer, &pass, told);
    dbr_sign_send(ctl->boot->ipc_signer, &who, NULL);
}

static void take_key(struct control *ctl, const struct dbr_sign_head *h, const uint8_t *text)
{
    struct signer *s = ctl->signer;
    const size_t cert_len = h->n - h->n_ca;
    free(s->certs);
    s->key = (struct signer_key){0};
    s->certs = h->n ? malloc(h->n) : NULL;
    s->answered = true;
    s->key_err = h->err ? h->err : h->n && !s->certs ? DBR_ERR_NOMEM : 0;
    memcpy(s->key.id, h->key, sizeof s->key.id);
    if (!s->certs)
        return;
    memcpy(s->certs, text, h->n);
    s->key.cert = cert_len ? s->certs : NULL;
    s->key.cert_len = cert_len;
    s->key.ca = h->n_ca ? s->certs + cert_len : NULL;
    s->key.ca_len = h->n_ca;
}

void signer_use(struct control *ctl)
{
    struct dbr_sign_head h = {.type = DBR_SIGN_USE, .ticket = (uint32_t)ctl->cfg->hand_window};
    if (!ctl->signer || !signer_key(ctl))
        return;
    memcpy(h.key, ctl->signer->key.id, sizeof h.key);
    dbr_sign_send(ctl->boot->ipc_signer, &h, NULL);
}

/* An answer that comes while we serve: to a reload, or from a signer that was started again. */
static void key_is_known(struct control *ctl)
{
    struct signer *s = ctl->signer;
    int fd = s->bundle;
    s->bundle = -1;
    if (fd >= 0) {
        control_reload(ctl, fd);
        close(fd);
    } else if (!s->key_err &&
               memcmp(s->key.id, dbr_tls_ctx_key_id(ctl->realm->session.tls), sizeof s->key.id)) {
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: the file of the private key has changed: the certificate is read again, too");
        keeper_say(ctl, DBR_STATE_SIGNAL, SIGHUP);
    } else {
        signer_use(ctl);
    }
}

int signer_reload(struct control *ctl, int bundle)
{
    struct signer *s = ctl->signer;
    if (!s) {
        control_reload(ctl, bundle);
        return bundle;
    }
    if (s->bundle >= 0)
        close(s->bundle);
    s->bundle = bundle;
    ask_who(ctl);
    return -1;
}

/* ---- its life ---- */

void signer_gone(struct control *ctl)
{
    if (!ctl->signer)
        return;
    ctl->signer->down = true;
    settle_all(ctl, true, "the signer process has ended, and is started again");
}

void signer_new(struct control *ctl)
{
    if (!ctl->signer)
        return;
    ctl->signer->down = false;
    ask_who(ctl);
    push(ctl);
}

void signer_read(struct control *ctl)
{
    struct signer *s = ctl->signer;
    struct dbr_sign_head h;
    const uint8_t *bytes;
    for (int i = 0; i < 2 * WINDOW; i++) {
        int err = dbr_sign_recv(ctl->boot->ipc_signer, s->buf, &h, &bytes);
        if (err == DBR_ERR_SHAPE)
            continue;
        if (err)
            break;
        if (h.type == DBR_SIGN_DONE) {
            take_signature(ctl, &h, bytes);
        } else if (h.type == DBR_SIGN_KEY) {
            take_key(ctl, &h, bytes);
            key_is_known(ctl);
        }
    }
    push(ctl);
}

/* False: keeper wants the end. */
static bool wait_for_key(struct control *ctl)
{
    struct signer *s = ctl->signer;
    struct dbr_sign_head h;
    const uint8_t *bytes;
    char one;
    for (int second = 0; !s->answered && second < START_S; second++) {
        struct pollfd p = {.fd = ctl->boot->ipc_signer, .events = POLLIN};
        ask_who(ctl); /* again: the one that was asked may have died */
        poll(&p, 1, 1000);
        while (!s->answered && !dbr_sign_recv(ctl->boot->ipc_signer, s->buf, &h, &bytes))
            if (h.type == DBR_SIGN_KEY)
                take_key(ctl, &h, bytes);
        if (!s->answered && recv(ctl->boot->ipc_keeper, &one, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            return false;
    }
    return true;
}

int signer_open(struct control *ctl)
{
    if (ctl->boot->ipc_signer <= 0)
        return 0;
    struct signer *s = ctl->signer = calloc(1, sizeof *s);
    if (!s)
        return DBR_ERR_NOMEM;
    s->end = &s->first;
    s->bundle = -1;
    s->buf = malloc(DBR_SIGN_MAX);
    if (!s->buf)
        return DBR_ERR_NOMEM;
    if (!wait_for_key(ctl))
        return DBR_ERR_STATE;
    if (s->answered)
        return s->key_err;
    dbr_log(ctl->log, DBR_LOG_FATAL, "the signer does not say within %d s which private key it has", START_S);
    return DBR_ERR_CONFIG;
}

void signer_free(struct control *ctl)
{
    struct signer *s = ctl->signer;
    if (!s)
        return;
    while (s->first)
        free(detach(s, &s->first));
    if (s->bundle >= 0)
        close(s->bundle);
    free(s->certs);
    free(s->buf);
    free(s);
    ctl->signer = NULL;
}
