/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/peers.h"
#include "data/path.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_S 1000000000ULL

enum { RATE_BURST_MIN = 128 * 1024, RATE_BURST_PER_S = 10 /* a tenth of a second's bytes */ };

bool rate_allow(struct rate *r, uint64_t bytes, uint64_t now_ns)
{
    if (!r->bytes_per_s)
        return true;
    uint64_t full = r->bytes_per_s / RATE_BURST_PER_S;
    if (full < RATE_BURST_MIN)
        full = RATE_BURST_MIN;
    uint64_t passed = now_ns - r->last_ns;
    r->last_ns = now_ns;
    r->tokens =
        passed > NS_PER_S ? full : r->tokens + (uint64_t)((double)passed * (double)r->bytes_per_s / 1e9);
    if (r->tokens > full)
        r->tokens = full;
    if (r->tokens < bytes)
        return false;
    r->tokens -= bytes;
    return true;
}

int peers_init(struct peers *t, uint32_t max_peers, unsigned n_workers, unsigned index)
{
    memset(t, 0, sizeof *t);
    t->n_workers = n_workers;
    t->index = index;
    t->n_all = max_peers > index ? (max_peers - index - 1) / n_workers + 1 : 0;
    t->all = calloc(t->n_all + 1, sizeof *t->all); /* never of no size */
    t->live = calloc(t->n_all + 1, sizeof *t->live);
    return t->all && t->live ? 0 : DBR_ERR_NOMEM;
}

static void drop_fragments(struct peer *p)
{
    dbr_fragments_free(p->fragments);
    p->fragments = NULL;
    p->piece = 0;
}

static void wipe_keys(struct peer *p)
{
    p->primary = NULL;
    for (unsigned i = 0; i < PEER_KEYS; i++)
        if (p->keys[i].slot.live)
            dbr_slot_fini(&p->keys[i].slot);
}

void peers_fini(struct peers *t)
{
    for (uint32_t i = 0; i < t->n_live; i++) {
        wipe_keys(t->live[i]);
        drop_fragments(t->live[i]);
    }
    t->n_live = 0;
    free(t->live);
    free(t->all);
    t->live = NULL;
    t->all = NULL;
    t->n_all = 0;
}

static void set_rate(struct rate *r, uint64_t bits_per_s)
{
    if (r->bytes_per_s != bits_per_s / 8)
        *r = (struct rate){.bytes_per_s = bits_per_s / 8};
}

void peer_set(struct peer *p, const struct dbr_ipc_peer *m)
{
    bool site = m->flags & DBR_PEER_SITE;
    dbr_guard_policy_default(&p->policy, site ? DBR_KIND_SITE : DBR_KIND_LAPTOP);
    if (m->mac_limit)
        p->policy.mac_limit = m->mac_limit;
    if (m->storm_pps)
        p->policy.storm_pps = m->storm_pps;
    p->policy.source_guard = (m->flags & DBR_PEER_SOURCE_GUARD) != 0;
    p->policy.isolated = (m->flags & DBR_PEER_ISOLATED) != 0;
    p->uplink = (m->flags & DBR_PEER_UPLINK) != 0;
    p->fixed = (m->flags & DBR_PEER_FIXED) != 0;
    if (p->uplink && !site) /* the office is not a guest here */
        p->policy.deny_in = p->policy.deny_out = 0;
    dbr_vlan_access(&p->policy, m->vlan);
    p->wire_id = m->wire_peer_id;
    p->framing = (enum dbr_framing)m->framing;
    p->tell_mtu = m->flags & DBR_PEER_TELL_MTU;
    p->rewrites = m->flags & DBR_PEER_SPLIT ? DBR_SPLIT_CLASSES : 0;
    set_rate(&p->up, m->rate_up);
    set_rate(&p->down, m->rate_down);
    p->told = *m;
    p->told.fragment = !p->fragments ? 0 : m->fragment ? m->fragment : p->piece;
    p->told.addr = p->addr;
    p->told_family = p->addr.family ? p->addr.family : m->addr.family;
    path_apply(p);
}

void peer_set_addr(struct peer *p, const struct dbr_addr *addr)
{
    p->addr = *addr;
    p->told.addr = *addr;
    p->gso_max = UINT32_MAX; /* another path, another MTU */
    p->path_shrink = 0;
    path_apply(p);
    if (addr->family)
        dbr_addr_to_sockaddr6(addr, (struct sockaddr *)&p->to);
    p->home_len = dbr_home_write(addr, p->home);
}

struct peer *peers_new(struct peers *t, const struct dbr_ipc_peer *m, uint64_t now_ns)
{
    uint32_t id = m->head.peer_id;
    if (!peers_owns(t, id) || id / t->n_workers >= t->n_all)
        return NULL;
    struct peer *p = &t->all[id / t->n_workers];
    memset(p, 0, sizeof *p);
    p->id = id;
    p->rx_ns = p->tx_ns = p->active_ns = now_ns;
    p->sequence = (uint8_t)(now_ns >> 10); /* any: pieces of a life before must not fit */
    if (m->fragment && !(p->fragments = dbr_fragments_new(m->payload_max)))
        return NULL;
    peer_set(p, m);
    peer_set_addr(p, &m->addr);
    p->live = true;
    p->live_at = t->n_live;
    t->live[t->n_live++] = p;
    if (p->uplink)
        t->uplink = p;
    return p;
}

void peers_del(struct peers *t, struct peer *p)
{
    if (!p->live)
        return;
    wipe_keys(p);
    drop_fragments(p);
    t->live[p->live_at] = t->live[--t->n_live];
    t->live[p->live_at]->live_at = p->live_at;
    p->live = false;
    if (t->uplink == p)
        t->uplink = NULL;
}

void peers_forgive(struct peers *t, uint64_t gap_ns)
{
    for (uint32_t i = 0; i < t->n_live; i++) {
        t->live[i]->rx_ns += gap_ns;
        t->live[i]->active_ns += gap_ns;
    }
}

/* A free place for a key, or that of the oldest one that we do not send with. */
static struct peer_key *place_for_key(struct peer *p)
{
    struct peer_key *oldest = NULL;
    for (unsigned i = 0; i < PEER_KEYS; i++) {
        struct peer_key *k = &p->keys[i];
        if (!k->slot.live)
            return k;
        if (k != p->primary && (!oldest || k->age < oldest->age))
            oldest = k;
    }
    return oldest;
}

int peer_key_new(struct peer *p, const struct dbr_aead_backend *backend, const struct dbr_ipc_key *m)
{
    if (peer_key(p, m->key_id))
        return DBR_ERR_EXISTS;
    struct dbr_data_keys keys = {.cipher = m->cipher,
                                 .key_id = m->key_id,
                                 .use_v2 = m->use_v2,
                                 .digest = m->digest,
                                 .peer_id = m->tx_peer_id};
    memcpy(keys.send_key, m->send_key, sizeof keys.send_key);
    memcpy(keys.recv_key, m->recv_key, sizeof keys.recv_key);
    memcpy(keys.send_iv, m->send_iv, sizeof keys.send_iv);
    memcpy(keys.recv_iv, m->recv_iv, sizeof keys.recv_iv);
    memcpy(keys.send_hmac, m->send_hmac, sizeof keys.send_hmac);
    memcpy(keys.recv_hmac, m->recv_hmac, sizeof keys.recv_hmac);
    struct peer_key *k = place_for_key(p);
    if (k->slot.live)
        dbr_slot_fini(&k->slot);
    memset(k, 0, sizeof *k);
    int err = dbr_slot_init(&k->slot, backend, &keys, p->told.replay_window);
    dbr_wipe(&keys, sizeof keys);
    if (err)
        return err;
    k->age = p->keys_ever++;
    if (!p->primary)
        p->primary = k;
    return 0;
}

int peer_key_swap(struct peer *p, uint8_t key_id)
{
    struct peer_key *k = peer_key(p, key_id);
    if (!k)
        return DBR_ERR_NOTFOUND;
    p->primary = k;
    return 0;
}

int peer_key_del(struct peer *p, uint8_t key_id)
{
    struct peer_key *k = peer_key(p, key_id);
    if (!k)
        return DBR_ERR_NOTFOUND;
    if (p->primary == k)
        p->primary = NULL;
    dbr_slot_fini(&k->slot);
    return 0;
}

/* One row per timer: from when on it counts, and how long. */
static uint64_t ping_at(const struct peer *p)
{
    return p->told.ping_s && p->primary ? p->tx_ns + p->told.ping_s * NS_PER_S : WHEEL_NEVER;
}

static uint64_t timeout_at(const struct peer *p)
{
    return p->told.timeout_s ? p->rx_ns + p->told.timeout_s * NS_PER_S : WHEEL_NEVER;
}

static uint64_t inactive_at(const struct peer *p)
{
    return p->told.inactive_s ? p->active_ns + p->told.inactive_s * NS_PER_S : WHEEL_NEVER;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t peer_deadline(const struct peer *p)
{
    uint64_t end = p->timed_out ? WHEEL_NEVER : least(timeout_at(p), inactive_at(p));
    return least(ping_at(p), end);
}

bool peer_ping_due(const struct peer *p, uint64_t now_ns)
{
    return ping_at(p) <= now_ns;
}

bool peer_timed_out(struct peer *p, uint64_t now_ns, uint8_t *reason)
{
    bool silent = timeout_at(p) <= now_ns, idle = inactive_at(p) <= now_ns;
    if (p->timed_out || (!silent && !idle))
        return false;
    p->timed_out = true;
    *reason = silent ? DBR_DEL_TIMEOUT : DBR_DEL_INACTIVE;
    return true;
}
