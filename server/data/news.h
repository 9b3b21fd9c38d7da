/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a worker tells control and keeper. Nothing here waits: when a socket is full, news about a peer stays
 * with the peer as bits and counters and goes out when there is room again, so that it is bounded by the
 * number of peers and never lost; FDB entries for keeper wait in a ring of their own. Only what control can
 * do without is dropped (stray datagrams, OCC texts, learned and seen addresses), and counted.
 *
 * Urgent news (timeout, keys, a float after a quiet second) goes out in the same round, slow news (guard
 * counters, further floats) once a second.
 */
#ifndef DBR_DATA_NEWS_H
#define DBR_DATA_NEWS_H

#include "bridge/fdb.h"
#include "bridge/forward.h"
#include "bridge/snoop.h"
#include "data/inbox.h"
#include "data/peers.h"

#include <stdbool.h>
#include <stdint.h>

enum { NEWS_FDB = 4096 };

struct news_fdb {
    uint64_t mac;
    uint16_t vid, type; /* DBR_IPC_FDB_ADD or _DEL */
    uint32_t peer;
};

/* An answer to STATS_GET or PEERS_GET that is under way. */
struct news_list {
    bool on;
    uint32_t at;      /* next place of peers.all */
    const void *last; /* a message to send behind the peers, before the end; NULL: none, or sent */
};

enum { NEWS_SEEN = 256 };

/* An address that control was told of. */
struct news_seen {
    uint64_t mac;
    uint32_t peer, told_s;
    uint16_t vid;
    uint8_t ip[16];
};

struct news {
    int control, keeper; /* sockets, borrowed; -1 when the other side is gone */
    bool control_full;   /* the caller clears it when the socket is writable again */
    struct peer *urgent, *slow;
    struct news_list stats, back;
    struct dbr_storm strays, learned, seen; /* limits per worker */
    uint64_t lost;                          /* messages that nobody could take */
    uint32_t fdb_head, fdb_n;
    struct news_fdb fdb[NEWS_FDB];
    struct news_seen told[NEWS_SEEN]; /* what control has heard lately; by a hash of MAC and address */
    uint64_t n_learned, guarded[DBR_GUARD_COUNT];
    struct dbr_ipc_stats gone; /* of peers that have gone, summed up */
    struct dbr_ipc_worker totals;
};

void news_init(struct news *n, int control, int keeper);

/* Something of `bits` (enum tell) is new about p. */
void news_urgent(struct news *n, struct peer *p, uint32_t bits);
void news_slow(struct news *n, struct peer *p, uint32_t bits);
/* p has a new address: told now, or a second after the last time. */
void news_float(struct news *n, struct peer *p, uint64_t now_ns);
/* p goes: nothing about it is told any more. */
void news_forget(struct news *n, struct peer *p);

/* A frame of p was dropped by a guard. */
void news_guard(struct news *n, struct peer *p, enum dbr_guard g, uint64_t mac, uint16_t vid);

/* Passes a control packet that came to the data socket; at most 1,000 a second, others are dropped. */
void news_stray(struct news *n, const struct dgram *d, uint64_t now_ns);
/* Passes an OCC message of the peer; at most 10 a second of each peer. */
void news_occ(struct news *n, struct peer *p, const uint8_t *text, size_t len, uint64_t now_ns);
/* A MAC is new at peer, has moved there, or is gone; what is enum dbr_learned_what. At most 1,000 a second.
 */
void news_learned(struct news *n, uint64_t mac, uint16_t vid, uint32_t peer, uint8_t what, uint64_t now_ns);
/* The MAC, which is at peer, has this address; leased: a DHCP server said so. Told once a minute; at most 100
 * a second. */
void news_seen(struct news *n, const struct dbr_snoop *s, uint32_t peer, bool leased, struct dbr_tick now);
/* Control is new and has heard of no address. */
void news_unsee(struct news *n);
/* The last statistics of a peer that is about to be removed. */
void news_farewell(struct news *n, struct peer *p, const struct dbr_fdb *fdb);
/* Adds or removes the FDB entry of a peer's MAC on the TAP's port. */
void news_bridge(struct news *n, uint64_t mac, uint16_t vid, uint32_t peer, bool add);

/* Sends what can be sent: urgent news, running answers, FDB entries. False when something
 * waits: call again when control is writable, at the latest after a second. */
bool news_flush(struct news *n, struct peers *t, const struct dbr_fdb *fdb, uint64_t now_ns);
/* Sends the slow news; once a second. */
void news_flush_slow(struct news *n, uint64_t now_ns);

#endif
