/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Life of a client: half open, admitted, going. Teardown is always: keys and peer out of data, session to its
 * end, then the memory.
 */
#include "control/state.h"
#include "base/siphash.h"
#include "crypto/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

static size_t sid_bucket(const struct control *ctl, uint64_t sid)
{
    return dbr_siphash(ctl->hash_key, &sid, sizeof sid) % SID_BUCKETS;
}

struct client *client_by_sid(struct control *ctl, uint64_t remote_sid)
{
    struct client *c = ctl->by_sid[sid_bucket(ctl, remote_sid)];
    while (c && dbr_session_remote_sid(c->session) != remote_sid)
        c = c->next_sid;
    return c;
}

void client_add_sid(struct client *c, uint64_t remote_sid)
{
    struct client **head = &c->ctl->by_sid[sid_bucket(c->ctl, remote_sid)];
    c->next_sid = *head;
    *head = c;
}

static void remove_sid(struct client *c)
{
    if (!c->session || c->ctl->boot->client)
        return;
    struct client **at = &c->ctl->by_sid[sid_bucket(c->ctl, dbr_session_remote_sid(c->session))];
    while (*at && *at != c)
        at = &(*at)->next_sid;
    if (*at)
        *at = c->next_sid;
}

struct client *client_by_peer(struct control *ctl, uint32_t peer_id)
{
    return peer_id < ctl->max_clients ? ctl->by_peer[peer_id] : NULL;
}

static void link_half_open(struct client *c)
{
    struct control *ctl = c->ctl;
    c->older = ctl->newest_half_open;
    if (c->older)
        c->older->newer = c;
    else
        ctl->oldest_half_open = c;
    ctl->newest_half_open = c;
    ctl->n_half_open++;
}

static void unlink_half_open(struct client *c)
{
    struct control *ctl = c->ctl;
    if (c->stage != STAGE_HALF_OPEN)
        return;
    *(c->older ? &c->older->newer : &ctl->oldest_half_open) = c->newer;
    *(c->newer ? &c->newer->older : &ctl->newest_half_open) = c->older;
    c->older = c->newer = NULL;
    c->stage = STAGE_GOING;
    ctl->n_half_open--;
}

/* ---- birth and death ---- */

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
    link_half_open(c);
    return c;
}

static void leave_data(struct client *c, enum dbr_del_reason reason)
{
    if (c->in_data)
        workers_peer_del(c, reason);
    c->in_data = false;
}

void client_free(struct client *c)
{
    struct control *ctl = c->ctl;
    leave_data(c, DBR_DEL_USER);
    unlink_half_open(c);
    dbr_heap_remove(&ctl->timers, &c->timer);
    remove_sid(c);
    dbr_session_free(c->session);
    options_release(c);
    if (c->peer_id < ctl->max_clients && ctl->by_peer[c->peer_id] == c) {
        ctl->by_peer[c->peer_id] = NULL;
        ctl->n_admitted--;
    }
    if (c->adm) {
        dbr_client_config_free(&c->adm->file);
        free(c->adm->issuer);
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
    enum dbr_session_state state = dbr_session_state(c->session);
    if (state >= DBR_SESSION_CLOSING)
        leave_data(c, DBR_DEL_USER);
    if (state != DBR_SESSION_DEAD) {
        control_reschedule(c);
        return;
    }
    client_log(c, DBR_LOG_NOTICE, "%s",
               *dbr_session_why(c->session) ? dbr_session_why(c->session) : "session ended");
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

/* A peer id that was free longest, so that late datagrams of the one before find nobody. */
static bool take_peer_id(struct client *c)
{
    struct control *ctl = c->ctl;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        uint32_t id = (ctl->next_peer_id + i) % ctl->max_clients;
        if (ctl->by_peer[id])
            continue;
        ctl->next_peer_id = id + 1;
        ctl->by_peer[id] = c;
        ctl->n_admitted++;
        c->peer_id = id;
        return true;
    }
    return false;
}

/* Without duplicate-cn the newest session of a name is the one that lives. */
static void replace_older(struct client *c)
{
    struct control *ctl = c->ctl;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *o = ctl->by_peer[i];
        if (!o || o == c || !o->adm || strcmp(o->adm->cn, c->adm->cn) != 0)
            continue;
        bool same_place = dbr_addr_equal(&o->addr, &c->addr);
        if (ctl->cfg->duplicate_cn && !same_place)
            continue;
        client_log(
            c, DBR_LOG_NOTICE,
            "MULTI: new connection by client '%s' will cause previous active sessions by this client to be "
            "dropped.",
            c->adm->cn);
        leave_data(o, DBR_DEL_REPLACED);
        client_free(o);
    }
}

static int remember_certificate(struct client *c, const struct dbr_x509 *peer)
{
    struct admitted *a = c->adm;
    dbr_log_escape(a->cn, sizeof a->cn, peer->cn, strlen(peer->cn));
    memcpy(a->serial, peer->serial, peer->serial_len);
    a->serial_len = peer->serial_len;
    a->not_after = peer->not_after;
    a->issuer = malloc(peer->issuer_len ? peer->issuer_len : 1);
    if (!a->issuer)
        return DBR_ERR_NOMEM;
    memcpy(a->issuer, peer->issuer, peer->issuer_len);
    a->issuer_len = peer->issuer_len;
    return 0;
}

static int op_authorize(void *arg, struct dbr_session *s, char *reason, size_t cap)
{
    struct control *ctl = arg;
    struct client *c = dbr_session_owner(s);
    c->adm = calloc(1, sizeof *c->adm);
    if (!c->adm || remember_certificate(c, dbr_session_peer(s)))
        return DBR_ERR_NOMEM;
    int err = options_admit(c, reason, cap);
    if (err)
        return err;
    replace_older(c);
    unlink_half_open(c);
    if (!take_peer_id(c)) {
        snprintf(reason, cap, "the server is full");
        client_log(c, DBR_LOG_NOTICE,
                   "MULTI: new incoming connection would exceed maximum number of clients (%u)",
                   ctl->max_clients);
        return DBR_ERR_LIMIT;
    }
    c->stage = STAGE_ADMITTED;
    c->id = ctl->next_client_id++;
    dbr_session_set_peer_id(s, c->peer_id);
    if (c->charged)
        dbr_buckets_give(ctl->buckets, &c->addr);
    c->charged = false;
    char at[DBR_ADDR_TEXT];
    client_log(c, DBR_LOG_NOTICE, "[%s] Peer Connection Initiated with [AF_INET%s]%s", c->adm->cn,
               c->addr.family == 6 ? "6" : "", dbr_addr_text(&c->addr, at));
    return 0;
}

static int op_keys(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys)
{
    (void)arg;
    struct client *c = dbr_session_owner(s);
    if (!c->in_data) {
        int err = workers_peer_new(c);
        if (err)
            return err;
        c->in_data = true;
        client_log(c, DBR_LOG_INFO, "Data Channel: cipher '%s', peer-id: %u",
                   dbr_cipher_name((enum dbr_cipher)keys->cipher), keys->peer_id);
    }
    return workers_key_new(c, keys);
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

const struct dbr_session_ops control_session_ops = {
    .send = op_send,
    .authorize = op_authorize,
    .keys = op_keys,
    .swap = op_swap,
    .drop = op_drop,
    .push_options = op_push_options,
    .pushed = op_pushed,
    .message = op_message,
    .log = op_log,
    .random = op_random,
};

/* ---- revocation ---- */

static bool still_good(struct client *c)
{
    struct admitted *a = c->adm;
    enum dbr_verdict v = dbr_trust_check(c->ctl->trust, a->issuer, a->issuer_len, a->serial, a->serial_len,
                                         c->ctl->now.unix_s, NULL);
    return v != DBR_VERDICT_REVOKED;
}

void client_kick(struct client *c, const char *text, const char *why)
{
    leave_data(c, DBR_DEL_REVOKED); /* first the frames stop, then comes the explanation */
    if (!c->session) {
        client_log(c, DBR_LOG_NOTICE, "%s", why);
        client_free(c);
        return;
    }
    dbr_session_close(c->session, text, why, &c->ctl->now);
    client_settle(c);
}

unsigned clients_revoke(struct control *ctl)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c || !c->in_data || !c->adm || !c->adm->issuer || still_good(c))
            continue;
        client_kick(c, "AUTH_FAILED,Certificate revoked", "certificate revoked: session ended");
        n++;
    }
    return n;
}
