/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/news.h"
#include "base/err.h"

#include <string.h>

#define NS_PER_S 1000000000ULL

enum { STRAYS_PER_S = 1000, LEARNED_PER_S = 1000, SEEN_PER_S = 100, SEEN_AGAIN_S = 60, OCC_PER_S = 10 };

void news_init(struct news *n, int control, int keeper)
{
    memset(n, 0, sizeof *n);
    n->control = control;
    n->keeper = keeper;
}

/* ---- to control ---- */

/* False when the message has to wait. A control that is gone takes everything. */
static bool tell_control(struct news *n, const void *msg)
{
    if (n->control < 0)
        return true;
    int err = n->control_full ? DBR_ERR_AGAIN : dbr_ipc_send(n->control, msg, -1);
    n->control_full = err == DBR_ERR_AGAIN;
    if (err && err != DBR_ERR_AGAIN)
        n->lost++;
    return err != DBR_ERR_AGAIN;
}

/* The same for what is dropped rather than kept. */
static void mention(struct news *n, const void *msg)
{
    if (!tell_control(n, msg))
        n->lost++;
}

void news_urgent(struct news *n, struct peer *p, uint32_t bits)
{
    p->tell |= bits;
    if (p->in_urgent)
        return;
    p->in_urgent = true;
    p->urgent_next = n->urgent;
    n->urgent = p;
}

void news_slow(struct news *n, struct peer *p, uint32_t bits)
{
    p->tell |= bits;
    if (p->in_slow)
        return;
    p->in_slow = true;
    p->slow_next = n->slow;
    n->slow = p;
}

/* True if control may be told of a float again. */
static bool float_due(const struct peer *p, uint64_t now_ns)
{
    return !p->float_told_ns || now_ns - p->float_told_ns >= NS_PER_S;
}

void news_float(struct news *n, struct peer *p, uint64_t now_ns)
{
    if (float_due(p, now_ns))
        news_urgent(n, p, TELL_FLOAT);
    else
        news_slow(n, p, TELL_FLOAT);
}

void news_forget(struct news *n, struct peer *p)
{
    for (struct peer **at = &n->urgent; p->in_urgent && *at; at = &(*at)->urgent_next)
        if (*at == p) {
            *at = p->urgent_next;
            break;
        }
    for (struct peer **at = &n->slow; p->in_slow && *at; at = &(*at)->slow_next)
        if (*at == p) {
            *at = p->slow_next;
            break;
        }
    p->in_urgent = p->in_slow = false;
    p->tell = 0;
}

void news_guard(struct news *n, struct peer *p, enum dbr_guard g, uint64_t mac, uint16_t vid)
{
    p->stats.drops_guard++;
    n->guarded[g]++;
    p->guard_count[g]++;
    p->guard_mac[g] = mac;
    p->guard_vid[g] = vid;
    news_slow(n, p, TELL_GUARD);
}

static bool tell_float(struct news *n, struct peer *p, uint64_t now_ns)
{
    struct dbr_ipc_float m = {.head = dbr_ipc_head(DBR_IPC_FLOAT, sizeof m, p->id), .addr = p->addr};
    if (!tell_control(n, &m))
        return false;
    p->float_told_ns = now_ns;
    return true;
}

static bool tell_timeout(struct news *n, struct peer *p)
{
    struct dbr_ipc_peer_del m = {.head = dbr_ipc_head(DBR_IPC_TIMEOUT, sizeof m, p->id),
                                 .reason = p->timeout_reason};
    return tell_control(n, &m);
}

static bool tell_key(struct news *n, const struct peer *p, const struct peer_key *k, uint16_t type)
{
    struct dbr_ipc_key_ref m = {.head = dbr_ipc_head(type, sizeof m, p->id), .key_id = k->slot.key_id};
    return tell_control(n, &m);
}

static bool tell_keys(struct news *n, struct peer *p)
{
    for (unsigned i = 0; i < PEER_KEYS; i++) {
        struct peer_key *k = &p->keys[i];
        if (!k->slot.live)
            continue;
        if (k->was_used && !k->used_told && !(k->used_told = tell_key(n, p, k, DBR_IPC_KEY_USED)))
            return false;
        if (k->at_limit && !k->limit_told && !(k->limit_told = tell_key(n, p, k, DBR_IPC_KEY_LIMIT)))
            return false;
    }
    return true;
}

static bool tell_guard(struct news *n, struct peer *p)
{
    for (unsigned g = 0; g < DBR_GUARD_COUNT; g++) {
        if (!p->guard_count[g])
            continue;
        struct dbr_ipc_guard m = {.head = dbr_ipc_head(DBR_IPC_GUARD, sizeof m, p->id),
                                  .reason = g,
                                  .count = p->guard_count[g],
                                  .vlan = p->guard_vid[g]};
        dbr_mac_write(m.mac, p->guard_mac[g]);
        if (!tell_control(n, &m))
            return false;
        p->guard_count[g] = 0;
    }
    return true;
}

/* Sends those of `bits` that are set (a float only when the last one is a second old); false when control is
 * full. */
static bool tell_bits(struct news *n, struct peer *p, uint32_t bits, uint64_t now_ns)
{
    if (!float_due(p, now_ns))
        bits &= ~(uint32_t)TELL_FLOAT;
    if (p->tell & bits & TELL_TIMEOUT && !tell_timeout(n, p))
        return false;
    p->tell &= ~(bits & TELL_TIMEOUT);
    if (p->tell & bits & TELL_KEYS && !tell_keys(n, p))
        return false;
    p->tell &= ~(bits & TELL_KEYS);
    if (p->tell & bits & TELL_FLOAT && !tell_float(n, p, now_ns))
        return false;
    p->tell &= ~(bits & TELL_FLOAT);
    if (p->tell & bits & TELL_GUARD && !tell_guard(n, p))
        return false;
    p->tell &= ~(bits & TELL_GUARD);
    return true;
}

void news_stray(struct news *n, const struct dgram *d, uint64_t now_ns)
{
    struct dbr_ipc_datagram m;
    if (d->len > sizeof m.bytes || !dbr_storm_allow(&n->strays, STRAYS_PER_S, now_ns)) {
        n->lost++;
        return;
    }
    m.head = dbr_ipc_head(DBR_IPC_DATAGRAM, offsetof(struct dbr_ipc_datagram, bytes) + d->len, 0);
    m.addr = d->origin->addr;
    m.n = (uint32_t)d->len;
    memcpy(m.bytes, d->bytes, d->len);
    mention(n, &m);
}

void news_occ(struct news *n, struct peer *p, const uint8_t *text, size_t len, uint64_t now_ns)
{
    struct dbr_ipc_blob m = {.head = dbr_ipc_head(DBR_IPC_PAYLOAD, sizeof m, p->id), .n = (uint32_t)len};
    if (len > sizeof m.bytes || !dbr_storm_allow(&p->occ, OCC_PER_S, now_ns)) {
        n->lost++;
        return;
    }
    memcpy(m.bytes, text, len);
    mention(n, &m);
}

void news_learned(struct news *n, uint64_t mac, uint16_t vid, uint32_t peer, uint8_t what, uint64_t now_ns)
{
    struct dbr_ipc_learned m = {
        .head = dbr_ipc_head(DBR_IPC_LEARNED, sizeof m, peer), .vlan = vid, .what = what};
    n->n_learned += what != DBR_LEARNED_GONE;
    if (!dbr_storm_allow(&n->learned, LEARNED_PER_S, now_ns)) {
        n->lost++;
        return;
    }
    dbr_mac_write(m.mac, mac);
    mention(n, &m);
}

/* ---- addresses ---- */

static struct news_seen *place_of(struct news *n, const struct dbr_snoop *s)
{
    uint64_t h = s->mac ^ dbr_get64(s->ip) ^ dbr_get64(s->ip + 8) ^ s->vid;
    return &n->told[h * 0x9e3779b97f4a7c15u >> 56];
}

void news_seen(struct news *n, const struct dbr_snoop *s, uint32_t peer, bool leased, struct dbr_tick now)
{
    struct news_seen *t = place_of(n, s);
    bool known = t->told_s && t->mac == s->mac && t->vid == s->vid && t->peer == peer &&
                 memcmp(t->ip, s->ip, sizeof t->ip) == 0;
    if (known && !leased && now.s - t->told_s < SEEN_AGAIN_S)
        return;
    struct dbr_ipc_seen m = {.head = dbr_ipc_head(DBR_IPC_SEEN, sizeof m, peer),
                             .vlan = s->vid,
                             .family = s->family,
                             .leased = leased};
    if (!dbr_storm_allow(&n->seen, SEEN_PER_S, now.ns)) {
        n->lost++;
        return;
    }
    *t = (struct news_seen){.mac = s->mac, .peer = peer, .told_s = now.s ? now.s : 1, .vid = s->vid};
    memcpy(t->ip, s->ip, sizeof t->ip);
    dbr_mac_write(m.mac, s->mac);
    memcpy(m.ip, s->ip, sizeof m.ip);
    mention(n, &m);
}

void news_unsee(struct news *n)
{
    memset(n->told, 0, sizeof n->told);
}

/* ---- answers ---- */

static bool tell_stats(struct news *n, struct peer *p, const struct dbr_fdb *fdb)
{
    struct dbr_ipc_stats m = p->stats;
    m.head = dbr_ipc_head(DBR_IPC_STATS, sizeof m, p->id);
    m.last_rx_ns = p->stats.last_rx_ns;
    m.macs = dbr_fdb_port_count(fdb, p->id);
    return tell_control(n, &m);
}

void news_farewell(struct news *n, struct peer *p, const struct dbr_fdb *fdb)
{
    (void)tell_stats(n, p, fdb); /* control that is full does without */
}

static bool tell_back(struct news *n, struct peer *p, const struct dbr_fdb *fdb)
{
    (void)fdb;
    struct dbr_ipc_peer m = p->told;
    m.head = dbr_ipc_head(DBR_IPC_PEER_BACK, sizeof m, p->id);
    return tell_control(n, &m);
}

/* Goes on with an answer, until control is full. True when nothing of it is left. */
static bool answer(struct news *n, struct news_list *l, struct peers *t, const struct dbr_fdb *fdb,
                   bool (*tell)(struct news *, struct peer *, const struct dbr_fdb *))
{
    for (; l->on && l->at < t->n_all; l->at++)
        if (t->all[l->at].live && !tell(n, &t->all[l->at], fdb))
            return false;
    if (l->on && l->last && !tell_control(n, l->last))
        return false;
    l->last = NULL;
    struct dbr_ipc_head end = dbr_ipc_head(DBR_IPC_STATS_END, sizeof end, 0);
    if (l->on && !tell_control(n, &end))
        return false;
    l->on = false;
    return true;
}

/* ---- to keeper ---- */

void news_bridge(struct news *n, uint64_t mac, uint16_t vid, uint32_t peer, bool add)
{
    if (n->fdb_n == NEWS_FDB) {
        n->lost++;
        return;
    }
    n->fdb[(n->fdb_head + n->fdb_n++) % NEWS_FDB] = (struct news_fdb){
        .mac = mac, .vid = vid, .peer = peer, .type = add ? DBR_IPC_FDB_ADD : DBR_IPC_FDB_DEL};
}

static bool flush_bridge(struct news *n)
{
    for (; n->fdb_n; n->fdb_n--, n->fdb_head = (n->fdb_head + 1) % NEWS_FDB) {
        const struct news_fdb *f = &n->fdb[n->fdb_head];
        struct dbr_ipc_learned m = {.head = dbr_ipc_head(f->type, sizeof m, f->peer), .vlan = f->vid};
        dbr_mac_write(m.mac, f->mac);
        if (dbr_ipc_send(n->keeper, &m, -1) == DBR_ERR_AGAIN)
            return false;
    }
    return true;
}

bool news_flush(struct news *n, struct peers *t, const struct dbr_fdb *fdb, uint64_t now_ns)
{
    while (n->urgent) {
        struct peer *p = n->urgent;
        if (!tell_bits(n, p, TELL_TIMEOUT | TELL_KEYS | TELL_FLOAT, now_ns))
            break;
        n->urgent = p->urgent_next;
        p->in_urgent = false;
    }
    bool stats = answer(n, &n->stats, t, fdb, tell_stats);
    bool back = answer(n, &n->back, t, fdb, tell_back);
    return flush_bridge(n) && stats && back && !n->urgent;
}

void news_flush_slow(struct news *n, uint64_t now_ns)
{
    for (struct peer **at = &n->slow; *at;) {
        struct peer *p = *at;
        if (!tell_bits(n, p, TELL_FLOAT | TELL_GUARD, now_ns))
            return;
        if (p->tell & TELL_FLOAT) { /* not due yet */
            at = &p->slow_next;
            continue;
        }
        *at = p->slow_next;
        p->in_slow = false;
    }
}
