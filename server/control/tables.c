/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is found by what: sessions by their far end's id, clients by name and by peer id, strangers by age. All
 * in constant time, because a storm of handshakes goes through every one of them.
 */
#include "control/state.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <string.h>

/* ---- by remote session id ---- */

static size_t sid_bucket(const struct control *ctl, uint64_t sid)
{
    return dbr_siphash(ctl->hash_key, &sid, sizeof sid) % SID_BUCKETS;
}

/* A client chooses its id itself, so two may have the same: the one at this address counts, else one whose
 * certificate was verified, which may have moved. Nobody keeps another out by taking its id first. */
struct client *client_by_sid(struct control *ctl, uint64_t remote_sid, const struct dbr_addr *from)
{
    struct client *moved = NULL;
    for (struct client *c = ctl->by_sid[sid_bucket(ctl, remote_sid)]; c; c = c->next_sid) {
        if (dbr_session_remote_sid(c->session) != remote_sid)
            continue;
        if (dbr_addr_equal(&c->addr, from))
            return c;
        if (dbr_session_authenticated(c->session))
            moved = c;
    }
    return moved;
}

void client_add_sid(struct client *c, uint64_t remote_sid)
{
    struct client **head = &c->ctl->by_sid[sid_bucket(c->ctl, remote_sid)];
    c->next_sid = *head;
    *head = c;
}

void client_remove_sid(struct client *c)
{
    if (!c->session || c->ctl->boot->client)
        return;
    struct client **at = &c->ctl->by_sid[sid_bucket(c->ctl, dbr_session_remote_sid(c->session))];
    while (*at && *at != c)
        at = &(*at)->next_sid;
    if (*at)
        *at = c->next_sid;
}

/* ---- strangers who proved a cookie, by age ---- */

void half_open_add(struct client *c)
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

void half_open_remove(struct client *c)
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

/* ---- peer ids: a ring through the free ones, the one that was free longest first ---- */

static void ring_remove(struct peer_ids *r, uint32_t id)
{
    r->next[r->prev[id]] = r->next[id];
    r->prev[r->next[id]] = r->prev[id];
    r->next[id] = r->prev[id] = id;
}

static void ring_append(struct peer_ids *r, uint32_t id)
{
    uint32_t head = r->n, last = r->prev[head];
    r->prev[id] = last;
    r->next[id] = head;
    r->next[last] = r->prev[head] = id;
}

int tables_init(struct control *ctl, uint32_t max_clients)
{
    struct peer_ids *r = &ctl->ids;
    ctl->max_clients = r->n = max_clients;
    ctl->by_peer = calloc(max_clients, sizeof *ctl->by_peer);
    r->next = calloc(max_clients + 1u, sizeof *r->next);
    r->prev = calloc(max_clients + 1u, sizeof *r->prev);
    r->owed = calloc(max_clients, 1);
    if (!ctl->by_peer || !r->next || !r->prev || !r->owed)
        return DBR_ERR_NOMEM;
    r->next[max_clients] = r->prev[max_clients] = max_clients;
    for (uint32_t id = 0; id < max_clients; id++)
        ring_append(r, id);
    return 0;
}

void tables_free(struct control *ctl)
{
    free(ctl->by_peer);
    free(ctl->ids.next);
    free(ctl->ids.prev);
    free(ctl->ids.owed);
}

struct client *client_by_peer(struct control *ctl, uint32_t peer_id)
{
    return peer_id < ctl->max_clients ? ctl->by_peer[peer_id] : NULL;
}

void peer_id_free(struct control *ctl, uint32_t id)
{
    ring_append(&ctl->ids, id);
}

/* ---- admitted clients: peer id and name ---- */

static struct client **name_bucket(struct control *ctl, const char *cn)
{
    return &ctl->by_name[dbr_siphash(ctl->hash_key, cn, strlen(cn)) % NAME_BUCKETS];
}

struct client *client_named(struct control *ctl, const char *cn, const struct client *after)
{
    struct client *c = after ? after->next_name : *name_bucket(ctl, cn);
    while (c && strcmp(c->adm->cn, cn) != 0)
        c = c->next_name;
    return c;
}

bool client_enlist_as(struct client *c, uint32_t id)
{
    struct control *ctl = c->ctl;
    struct peer_ids *r = &ctl->ids;
    if (id >= ctl->max_clients || ctl->by_peer[id] || r->owed[id])
        return false;
    ring_remove(r, id);
    ctl->by_peer[id] = c;
    ctl->n_admitted++;
    c->peer_id = id;
    struct client **head = name_bucket(ctl, c->adm->cn);
    c->next_name = *head;
    *head = c;
    return true;
}

bool client_enlist(struct client *c)
{
    return client_enlist_as(c, c->ctl->ids.next[c->ctl->max_clients]);
}

void client_strike(struct client *c)
{
    struct control *ctl = c->ctl;
    if (c->peer_id >= ctl->max_clients || ctl->by_peer[c->peer_id] != c)
        return;
    struct client **at = name_bucket(ctl, c->adm->cn);
    while (*at != c)
        at = &(*at)->next_name;
    *at = c->next_name;
    ctl->by_peer[c->peer_id] = NULL;
    ctl->n_admitted--;
    if (!ctl->ids.owed[c->peer_id])
        peer_id_free(ctl, c->peer_id);
    c->peer_id = DBR_PEER_ID_NONE;
}
