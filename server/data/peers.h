/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A worker's peers: a flat array by peer id / N, their key slots, and the list of those that live. The owner
 * worker is the only thread that touches a peer; what all workers must agree on (MAC table, address book) is
 * in struct shared.
 *
 * Key slots. A peer has up to three keys, told apart by their key id: the primary, with which we send; a
 * newer one that waits for KEY_SWAP; an old one that still opens. All live slots open.
 *
 *   KEY_NEW 0         [0*]                 * primary
 *   KEY_NEW 1         [0*][1 ]             first valid datagram under 1 -> KEY_USED 1
 *   KEY_SWAP 1        [0 ][1*]
 *   KEY_DEL 0         [1*]
 */
#ifndef DBR_DATA_PEERS_H
#define DBR_DATA_PEERS_H

#include "base/addr.h"
#include "bridge/guard.h"
#include "bridge/mss.h"
#include "bridge/split.h"
#include "bridge/vlan.h"
#include "data/wheel.h"
#include "ipc/home.h"
#include "ipc/messages.h"
#include "proto/data.h"
#include "proto/fragment.h"
#include "proto/framing.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { PEER_KEYS = 3 };

/* What control has still to be told about a peer: bits of peer.tell. */
enum tell {
    TELL_FLOAT = 1 << 0,
    TELL_TIMEOUT = 1 << 1,
    TELL_KEYS = 1 << 2,
    TELL_GUARD = 1 << 3,
};

struct peer_key {
    struct dbr_slot slot;
    uint32_t age; /* count of KEY_NEW when it came: the smallest is the oldest */
    bool was_used, used_told;
    bool at_limit, limit_told;
};

/* A token bucket in bytes; a policer for `rate`. */
struct rate {
    uint64_t bytes_per_s; /* 0 = no limit */
    uint64_t tokens, last_ns;
};
bool rate_allow(struct rate *r, uint64_t bytes, uint64_t now_ns);

struct peer {
    uint32_t id;
    uint32_t wire_id; /* in datagrams that we receive */
    bool live;
    bool isolated, uplink, fixed;
    enum dbr_framing framing;
    uint16_t piece;   /* longest piece of a payload for it; 0 = payloads have no header of fragments */
    uint8_t sequence; /* of the last payload that was cut */
    struct dbr_fragments *fragments; /* beside piece: what it has sent in pieces */
    struct peer_key *primary;        /* NULL = no key yet */
    struct dbr_mss mss;
    uint16_t max_l3;   /* longest IP packet for it; 0 = any */
    uint32_t rewrites; /* classes of frames that lose the LAN's default route on the way to it */
    bool tell_mtu;     /* a sender that sets DF hears the limit; else its packet is cut all the same */
    struct sockaddr_in6 to;
    size_t home_len; /* of home; 0 = the kernel chooses the source address */
    _Alignas(struct cmsghdr) uint8_t home[DBR_HOME_SPACE];
    uint64_t rx_ns, tx_ns; /* last valid datagram, last one sent; when the peer was made at first */
    struct dbr_ipc_stats stats;

    /* outbox: frames for the peer that are not sealed yet, as indices + 1 of its pieces, and their number */
    uint32_t out_first, out_last, out_count;
    uint32_t gso_max;      /* segments longer than this go out one by one ... */
    uint64_t gso_until_ns; /* ... until then */

    /* what the path takes (path.h) */
    uint8_t told_family; /* of the address that control's limits are for */
    uint16_t path_shrink;
    uint64_t path_until_ns;

    /* guards and limits */
    struct dbr_guard_policy policy;
    struct dbr_storm storm, occ;
    uint64_t closed_until_ns; /* the port leads back to us: nothing passes until then */
    struct rate up, down;

    /* timers */
    struct wheel_node timer;
    uint64_t active_ns, active_bytes; /* for inactive: when enough bytes had passed, and since then */
    bool timed_out;
    uint8_t timeout_reason;

    /* news for control */
    uint32_t tell;
    struct peer *urgent_next, *slow_next; /* queues of struct news */
    bool in_urgent, in_slow;
    uint64_t float_told_ns;
    uint32_t guard_count[DBR_GUARD_COUNT];
    uint64_t guard_mac[DBR_GUARD_COUNT];
    uint16_t guard_vid[DBR_GUARD_COUNT];

    struct dbr_addr addr;
    struct dbr_ipc_peer told; /* as control gave it, for PEER_BACK */
    uint32_t live_at;         /* place in peers.live */
    uint32_t keys_ever;
    struct peer_key keys[PEER_KEYS];
};

struct peers {
    struct peer *all; /* [max_peers / N, rounded up]; untouched ones cost no memory */
    uint32_t n_all;
    unsigned n_workers, index;
    struct peer **live; /* dense, for floods and lists */
    uint32_t n_live;
    struct peer *uplink; /* client role, or NULL */
};

/* Room for peers with id % n_workers == index and id < max_peers. 0 or DBR_ERR_NOMEM. */
int peers_init(struct peers *t, uint32_t max_peers, unsigned n_workers, unsigned index);
void peers_fini(struct peers *t); /* wipes all keys; callable twice */

static inline bool peers_owns(const struct peers *t, uint32_t id)
{
    return id % t->n_workers == t->index;
}

/* The live peer of this worker with that id, or NULL (foreign ids too). */
static inline struct peer *peers_find(const struct peers *t, uint32_t id)
{
    uint32_t i = id / t->n_workers;
    if (!peers_owns(t, id) || i >= t->n_all || !t->all[i].live)
        return NULL;
    return &t->all[i];
}

/* Makes the peer of m (which must not live) at now_ns, without keys. NULL: the id is not this worker's, or no
 * memory for pieces of its payloads. */
struct peer *peers_new(struct peers *t, const struct dbr_ipc_peer *m, uint64_t now_ns);
/* Takes over what a PEER_NEW or PEER_SET says, all but the address. */
void peer_set(struct peer *p, const struct dbr_ipc_peer *m);
/* Sets where we send to. */
void peer_set_addr(struct peer *p, const struct dbr_addr *addr);
/* Takes p off the live list and wipes its keys. It must be in no queue, timer or book any more. */
void peers_del(struct peers *t, struct peer *p);

/* The process was stopped for gap_ns: the silence of that time is not the peers'. */
void peers_forgive(struct peers *t, uint64_t gap_ns);

/* The live key with that id, or NULL. */
static inline struct peer_key *peer_key(struct peer *p, uint8_t key_id)
{
    for (unsigned i = 0; i < PEER_KEYS; i++)
        if (p->keys[i].slot.live && p->keys[i].slot.key_id == key_id)
            return &p->keys[i];
    return NULL;
}

/* Installs a key; the oldest that is not the primary makes room. DBR_ERR_EXISTS: a key with this id lives (it
 * is never installed twice: its counter would start again); else as dbr_slot_init(). */
int peer_key_new(struct peer *p, const struct dbr_aead_backend *backend, const struct dbr_ipc_key *m);
/* Sends with this key from now on. DBR_ERR_NOTFOUND. */
int peer_key_swap(struct peer *p, uint8_t key_id);
/* Wipes the key. DBR_ERR_NOTFOUND. */
int peer_key_del(struct peer *p, uint8_t key_id);

/* When something is due for p: ping, timeout or inactivity; WHEEL_NEVER if nothing ever is. */
uint64_t peer_deadline(const struct peer *p);
bool peer_ping_due(const struct peer *p, uint64_t now_ns);
/* True once when the peer has been silent or idle for too long; *reason is enum dbr_del_reason. */
bool peer_timed_out(struct peer *p, uint64_t now_ns, uint8_t *reason);
/* n bytes of frames passed, either way. */
static inline void peer_active(struct peer *p, uint64_t n, uint64_t now_ns)
{
    p->active_bytes += n;
    if (p->active_bytes >= p->told.inactive_bytes) {
        p->active_bytes = 0;
        p->active_ns = now_ns;
    }
}

#endif
