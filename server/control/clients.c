/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Life of a client: half open, admitted, going. Teardown is always: keys and peer out of data, session to its
 * end, then the memory.
 */
#include "control/gatekey.h"
#include "control/revocation.h"
#include "control/state.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- birth and death ---- */

bool client_fixed(const struct client *c)
{
    return c->ctl->boot->client && !calls_float(c->ctl);
}

struct client *client_new(struct control *ctl, const struct dbr_addr *addr)
{
    if (ctl->n_half_open >= MAX_HALF_OPEN)
        client_free(ctl->oldest_half_open);
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ctl = ctl;
    c->addr = *addr;
    c->peer_id = DBR_PEER_ID_NONE;
    c->since_s = ctl->now.unix_s;
    half_open_add(c);
    return c;
}

static void leave_data(struct client *c, enum dbr_del_reason reason)
{
    management_gone(c);
    hook_gone(c);
    if (c->in_data)
        workers_peer_del(c, reason);
    c->in_data = false;
}

void client_free(struct client *c)
{
    struct control *ctl = c->ctl;
    metrics_ended(c);
    leave_data(c, DBR_DEL_USER);
    half_open_remove(c);
    dbr_heap_remove(&ctl->timers, &c->timer);
    client_remove_sid(c);
    client_strike(c);
    ocsp_forget(c);
    hook_forget(c);
    management_sign_forget(c);
    signer_forget(c);
    chain_free(c);
    dbr_session_free(c->session);
    free(c->gate_id);
    free(c->metadata);
    realm_put(ctl, c->realm);
    options_release(c);
    if (c->adm) {
        dbr_client_config_free(&c->adm->file);
        free(c->adm->more);
        login_free(c->adm);
        free(c->adm->issuer);
        free(c->adm->macs);
        free(c->adm);
    }
    free(c);
}

void client_settle(struct client *c)
{
    struct control *ctl = c->ctl;
    if (!c->session) {
        control_reschedule(c);
        return;
    }
    if (c->untold)
        dbr_session_close(c->session, "RESTART", "a data worker takes no messages: session ended", &ctl->now);
    enum dbr_session_state state = dbr_session_state(c->session);
    if (state >= DBR_SESSION_CLOSING)
        leave_data(c, DBR_DEL_USER);
    if (state != DBR_SESSION_DEAD) {
        control_reschedule(c);
        return;
    }
    if (ctl->boot->client)
        calls_ended(c);
    else
        client_free(c);
}

void client_tick(struct client *c)
{
    dbr_heap_remove(&c->ctl->timers, &c->timer);
    if (c->session)
        dbr_session_tick(c->session, &c->ctl->now);
    login_tick(c);
    client_settle(c);
}

bool clients_idle(const struct control *ctl)
{
    for (uint32_t i = 0; i < ctl->max_clients; i++)
        if (ctl->by_peer[i] && ctl->by_peer[i]->session)
            return false;
    return true;
}

/* ---- admission ---- */

/* Where there is one peer, the newest session lives, whatever its name. */
static void replace_only(struct client *c)
{
    struct client *o = client_by_peer(c->ctl, 0);
    if (!o || o == c)
        return;
    client_log(c, DBR_LOG_NOTICE, "new connection by '%s': the session of '%s' ends", c->adm->cn, o->adm->cn);
    leave_data(o, DBR_DEL_REPLACED);
    client_free(o);
}

/* Without duplicate-cn the newest session of a name is the one that lives; with it, only a session from the
 * same address and port is known to be over. */
static void replace_older(struct client *c)
{
    struct control *ctl = c->ctl;
    const char *cn = c->adm->cn;
    for (struct client *o = client_named(ctl, cn, NULL), *next; o; o = next) {
        next = client_named(ctl, cn, o);
        if (o == c || (ctl->cfg->duplicate_cn && !dbr_addr_equal(&o->addr, &c->addr)))
            continue;
        client_log(
            c, DBR_LOG_NOTICE,
            "MULTI: new connection by client '%s' will cause previous active sessions by this client to be "
            "dropped.",
            cn);
        leave_data(o, DBR_DEL_REPLACED);
        client_free(o);
    }
}

/* The name as logs, messages and tables hold it. One that does not fit when escaped ends in a hash of the
 * whole, so that two names stay two. */
static void keep_name(struct admitted *a, const char *cn)
{
    char whole[4 * DBR_X509_CN_MAX + 1];
    dbr_log_escape(whole, sizeof whole, cn, strlen(cn));
    size_t room = sizeof a->cn - 1;
    if (strlen(whole) <= room) {
        memcpy(a->cn, whole, strlen(whole) + 1);
        return;
    }
    uint8_t hash[32];
    struct dbr_part part = {whole, strlen(whole)};
    dbr_sha256(&part, 1, hash);
    snprintf(a->cn, sizeof a->cn, "%.*s~%02x%02x%02x%02x%02x%02x%02x%02x", (int)room - 17, whole, hash[0],
             hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]);
}

void client_rename(struct client *c, const char *name)
{
    keep_name(c->adm, name);
}

static int keep_certificate(struct admitted *a, const struct dbr_x509 *peer)
{
    uint8_t *issuer = malloc(peer->issuer_len ? peer->issuer_len : 1);
    if (!issuer)
        return DBR_ERR_NOMEM;
    free(a->issuer);
    a->issuer = issuer;
    a->issuer_len = peer->issuer_len;
    memcpy(a->issuer, peer->issuer, peer->issuer_len);
    struct dbr_part part = {a->issuer, a->issuer_len};
    dbr_sha256(&part, 1, a->issuer_hash);
    memcpy(a->serial, peer->serial, peer->serial_len);
    a->serial_len = peer->serial_len;
    a->not_after = peer->not_after;
    return 0;
}

static int refuse(char *reason, size_t cap, const char *text)
{
    snprintf(reason, cap, "%s", text);
    return DBR_ERR_CERT;
}

static void let_in(struct client *c)
{
    struct control *ctl = c->ctl;
    char at[DBR_ADDR_TEXT];
    half_open_remove(c);
    c->stage = STAGE_ADMITTED;
    c->id = c->adm->has_id ? c->id : ctl->next_client_id++;
    dbr_session_set_peer_id(c->session, c->peer_id);
    if (c->charged)
        dbr_buckets_give(ctl->buckets, &c->addr);
    c->charged = false;
    options_address(c);
    client_log(c, DBR_LOG_NOTICE, "[%s] Peer Connection Initiated with [AF_INET%s]%s", c->adm->cn,
               c->addr.family == 6 ? "6" : "", dbr_addr_text(&c->addr, at));
}

int client_admit(struct client *c, char *reason, size_t cap)
{
    struct control *ctl = c->ctl;
    if (!verdict_stands(c)) /* a list came in since the handshake looked */
        return refuse(reason, cap, "Certificate revoked");
    if (gate_key_withdrawn(c))
        return refuse(reason, cap, "Gate key withdrawn");
    int err = options_file(c, client_name(c), reason, cap);
    if (!err)
        err = login_override(c);
    if (err)
        return err;
    if (ctl->boot->single)
        replace_only(c);
    else
        replace_older(c); /* first, for its address and its place are the new one's */
    if (!client_enlist(c)) {
        client_log(c, DBR_LOG_NOTICE,
                   "MULTI: new incoming connection would exceed maximum number of clients (%u)",
                   ctl->max_clients);
        return refuse(reason, cap, "the server is full");
    }
    let_in(c);
    return 0;
}

static int op_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    (void)arg;
    struct client *c = dbr_session_owner(s);
    const struct dbr_x509 *peer = dbr_session_peer(s);
    c->adm = calloc(1, sizeof *c->adm);
    if (!c->adm || keep_certificate(c->adm, peer))
        return DBR_ERR_NOMEM;
    keep_name(c->adm, peer->cn);
    if (login_heard(c))
        return DBR_ERR_NOMEM;
    chain_adopt(c);
    c->fault = DBR_METRIC_HS_REFUSED; /* from here on a verdict, whatever it is */
    return admit_begin(c, reason, cap);
}

static int op_reauthorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    (void)arg;
    struct client *c = dbr_session_owner(s);
    chain_adopt(c);
    return login_heard(c) ? DBR_ERR_NOMEM : admit_again(c, reason, cap);
}

/* Data learns of another certificate, so that after a restart of control its revocation and its end count. */
static int follow_certificate(struct client *c, const struct dbr_x509 *peer)
{
    struct admitted *a = c->adm;
    uint8_t serial[DBR_IPC_SERIAL_MAX], issuer[sizeof a->issuer_hash], n = a->serial_len;
    int64_t end_s = a->not_after;
    memcpy(serial, a->serial, n);
    memcpy(issuer, a->issuer_hash, sizeof issuer);
    if (keep_certificate(a, peer))
        return DBR_ERR_NOMEM;
    bool same = n == a->serial_len && memcmp(serial, a->serial, n) == 0 && end_s == a->not_after &&
                memcmp(issuer, a->issuer_hash, sizeof issuer) == 0;
    return same ? 0 : workers_peer_set(c);
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    (void)arg;
    struct client *c = dbr_session_owner(s);
    enum dbr_cipher cipher = (enum dbr_cipher)keys->cipher;
    struct control *ctl = c->ctl;
    chain_adopt(c);
    ctl->metric[c->had_keys ? DBR_METRIC_RENEGOTIATIONS : DBR_METRIC_HS_DONE]++;
    c->had_keys = true;
    client_log(c, DBR_LOG_VERBOSE, "Outgoing Data Channel: Cipher '%s' initialized with %zu bit key",
               dbr_cipher_name(cipher), 8 * dbr_cipher_key_len(cipher));
    client_log(c, DBR_LOG_VERBOSE, "Incoming Data Channel: Cipher '%s' initialized with %zu bit key",
               dbr_cipher_name(cipher), 8 * dbr_cipher_key_len(cipher));
    if (!c->in_data) {
        c->in_data = true; /* also when the message cannot be told: then its end is owed */
        int err = workers_peer_new(c);
        if (err)
            return err;
        client_log(c, DBR_LOG_INFO, "Data Channel: cipher '%s', peer-id: %u", dbr_cipher_name(cipher),
                   keys->peer_id);
        management_up(c);
        hook_up(c);
        return workers_key_new(c, keys);
    }
    int err = c->adm->issuer ? follow_certificate(c, dbr_session_peer(s)) : 0; /* it may be a renewed one */
    if (!err)
        err = workers_key_new(c, keys);
    if (!err)
        login_renewed(c);
    return err;
}

static void op_swap(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)arg;
    workers_key_ref(dbr_session_owner(s), DBR_IPC_KEY_SWAP, key_id);
}

static void op_drop(void *arg, struct dbr_session *s, uint8_t key_id)
{
    (void)arg;
    workers_key_ref(dbr_session_owner(s), DBR_IPC_KEY_DEL, key_id);
}

static void op_send(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len)
{
    struct client *c = dbr_session_owner(s);
    control_send(arg, &c->addr, dgram, len);
}

static size_t op_push_options(void *arg, struct dbr_session *s, const char **opts, size_t max)
{
    (void)arg;
    return options_push(dbr_session_owner(s), opts, max);
}

static int op_pushed(void *arg, struct dbr_session *s, const char *options)
{
    (void)arg;
    return calls_pushed(dbr_session_owner(s), options);
}

static void op_message(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest)
{
    struct control *ctl = arg;
    struct client *c = dbr_session_owner(s);
    if (ctl->boot->client)
        calls_message(c, kind, rest);
    else if (kind == DBR_MSG_CR_RESPONSE)
        login_answer(c, rest);
    else if (kind == DBR_MSG_EXIT)
        dbr_session_close(s, NULL, "SIGTERM[soft,remote-exit] received, client-instance exiting", &ctl->now);
}

static void op_log(void *arg, struct dbr_session *s, int level, const char *line)
{
    (void)arg;
    client_log(dbr_session_owner(s), level, "%s", line);
}

static void op_random(void *arg, void *out, size_t n)
{
    (void)arg;
    if (n && dbr_random(out, n))
        abort(); /* a machine without random numbers cannot make keys */
}

static int op_credentials(void *arg, struct dbr_session *s, char *user, char *pass)
{
    struct control *ctl = arg;
    (void)s;
    return ctl->calls ? calls_credentials(ctl, user, pass) : 0;
}

const struct dbr_session_ops control_session_ops = {
    .credentials = op_credentials,
    .send = op_send,
    .authorize = op_authorize,
    .reauthorize = op_reauthorize,
    .keys = op_keys,
    .swap = op_swap,
    .drop = op_drop,
    .push_options = op_push_options,
    .pushed = op_pushed,
    .message = op_message,
    .log = op_log,
    .random = op_random,
};

const char *client_parting(const struct client *c, const char *text)
{
    bool exits = c->ctl->cfg->p2p && c->session && dbr_session_cc_exit(c->session);
    return exits ? "EXIT" : text;
}

/* ---- revocation ---- */

void client_kick(struct client *c, const char *text, const char *why)
{
    c->ctl->metric[DBR_METRIC_CUT]++;
    leave_data(c, DBR_DEL_REVOKED); /* first the frames stop, then comes the explanation */
    if (!c->session) {
        client_log(c, DBR_LOG_NOTICE, "%s", why);
        client_free(c);
        return;
    }
    dbr_session_close(c->session, text, why, &c->ctl->now);
    client_settle(c);
}

static bool going(const struct client *c)
{
    return c->session && dbr_session_state(c->session) >= DBR_SESSION_CLOSING;
}

unsigned clients_revoke(struct control *ctl)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c || going(c) || verdict_stands(c))
            continue;
        client_kick(c, "AUTH_FAILED,Certificate revoked", "certificate revoked: session ended");
        n++;
    }
    return n;
}
