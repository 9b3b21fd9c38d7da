/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A data worker: one thread with one UDP socket, its TAP queues (lanes), one pair to control, its peers, its
 * keys and its counters. It owns everything in struct worker; what all workers share is in struct shared and
 * is either constant, lock-free (switch, steering slots, mailboxes) or under a mutex that is taken at most
 * once per batch (address book, learning in the MAC table).
 *
 * The spines are in worker.c, the loop around them in loop.c. Messages from control are carried out in
 * orders.c, those to control and keeper are in news.c.
 */
#ifndef DBR_DATA_WORKER_H
#define DBR_DATA_WORKER_H

#include "bridge/forward.h"
#include "bridge/gro.h"
#include "bridge/gso.h"
#include "bridge/loop.h"
#include "data/book.h"
#include "data/data.h"
#include "data/inbox.h"
#include "data/mailbox.h"
#include "data/news.h"
#include "data/outbox.h"
#include "data/pace.h"
#include "data/peers.h"
#include "data/wheel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TAP_BUF = DBR_VNET_LEN + DBR_ETH_MAX,
    RUN_MAX = 16,           /* datagrams opened as one batch */
    LAN_FRAMES = 1024,      /* frames collected for the TAP */
    EXPAND_BYTES = 1 << 18, /* room for what LZO expands in one batch */
    EXPAND_FRAME = 16384,   /* and for one frame of it */
    MAILS_PER_ROUND = 64,   /* taken from each other worker */
    LANES = 8,              /* at most */
    TAP_READS = 64,         /* frames read from the TAP in one round */
    TAP_ROUND_BYTES = 1 << 18,
    TAP_TURN_READS = 16, /* and of one lane before it is the next one's turn */
    TAP_TURN_BYTES = 60000,
    TALLIED_CLASSES = 7,                    /* rows of totals.c */
    LAN_ROOM = DBR_VNET_LEN + DBR_VLAN_TAG, /* in front of a frame for worker_to_lan() */
};

struct worker;

struct shared {
    const struct dbr_boot *boot;
    struct dbr_data_limits limits;
    const struct dbr_aead_backend *aead;
    struct dbr_fdb *fdb;
    struct dbr_switch sw;
    struct dbr_ipc_guarded guarded; /* what sw was told last; the main thread's */
    struct dbr_loop loop;
    struct book book;
    unsigned n_workers;
    bool client;
    int main_wake;         /* eventfd of the main thread */
    _Atomic int verdict;   /* exit code asked for by a worker, -1 = none */
    _Atomic bool go, stop; /* the threads may work; must end */
    struct worker *workers[DBR_MAX_WORKERS];
};

/* Consecutive datagrams under one key, collected to be opened as one batch. */
struct run {
    struct peer *peer;
    struct peer_key *key;
    unsigned n;
    struct dbr_aead_job jobs[RUN_MAX];
    uint32_t ids[RUN_MAX];
    struct dgram dgrams[RUN_MAX];
};

/* What may have something for us: bits of worker.ready. */
enum ready {
    READY_ORDERS = 1 << 0,
    READY_NETWORK = 1 << 1,
    READY_MAIL = 1 << 2,
    READY_LANE_0 = 1 << 8, /* and so on for the others */
    READY_LAN = ((1 << LANES) - 1) * READY_LANE_0,
};

struct worker {
    struct shared *shared;
    unsigned index;
    int udp, ipc;
    unsigned n_lanes;
    int lanes[LANES]; /* queues of the TAP; what goes to the LAN is written to the first */
    int epoll, wake;  /* wake: eventfd, rung by the other workers and by the main thread */
    pthread_t thread;
    bool started;

    struct dbr_tick now;
    uint32_t ready; /* enum ready */
    struct pace pace;
    unsigned items; /* datagrams and frames of this round */
    uint64_t housekeeping_ns;
    uint64_t tap_again_ns; /* the TAP is down: look again then; 0 = it is not */
    unsigned n_more;       /* sockets of further `local` lines */
    int more[DBR_MAX_LOCALS - 1];
    uint32_t watched_more[DBR_MAX_LOCALS - 1];
    uint32_t watched_udp, watched_ipc, watched_wake, watched_lanes[LANES]; /* events asked of epoll */

    struct peers peers;
    struct wheel wheel;
    struct news news;
    struct inbox in;
    struct outbox out;
    struct run run;
    uint64_t looked_ns;      /* the round in which a datagram's key was missed and orders were looked for */
    bool lone_sent;          /* the last thing done was to send one small frame of the LAN */
    bool lan_was_lone;       /* the last round from the TAP had at most one frame */
    unsigned lane;           /* that was read last */
    uint64_t bulk_ns[LANES]; /* when it last had more than its turn */
    uint64_t hurry_ns;       /* until then rounds are short (worker_from_lan) */
    struct dbr_gro *lan;     /* frames for the TAP */
    const struct peer *striding; /* whose frame was the last one there, passed by the switch; or NULL */
    uint8_t *tap_buf;            /* one frame or super frame with its header */
    uint8_t *uncut;              /* one frame that is too long for its peer */
    uint8_t *expand;
    size_t expanded;

    _Atomic bool asleep;     /* in or about to enter epoll_wait() */
    _Atomic uint32_t n_live; /* peers.n_live, for the others */
    uint32_t mailed;         /* workers that got mail in this round */
    struct mailbox *inbound; /* [n_workers], from each of the others */
    struct origin mail_origins[MAILS_PER_ROUND];
    struct dbr_storm announced; /* limit of what the LAN is told of new addresses */
    struct dbr_storm too_long;  /* and of what senders are told of frames that are too long */
    uint64_t drops_unknown, drops_shape, drops_mail, drops_tap;
    uint64_t routed[DBR_TO_FLOOD + 1]; /* frames by where the switch sent them */
    uint64_t classed[TALLIED_CLASSES]; /* frames by class, totals.c */
};

/* Guards what keeper says in place of what it said before (guarded.c); the main thread. */
void guarded_take(struct shared *s, const struct dbr_ipc_guarded *m);

/* Once a second: probes to the LAN and to this worker's sites (loopguard.c). */
void loopguard_probe(struct worker *w);
/* Of a frame from p, or from the LAN (NULL): true when it goes no further, as a probe or since the port is
 * closed. A probe that came back closes the port. */
bool loopguard_takes(struct worker *w, struct peer *p, const struct dbr_eth_view *v);

/* Makes worker `index` of s ready to run. 0, DBR_ERR_NOMEM or DBR_ERR_IO; call worker_fini() either way. */
int worker_init(struct worker *w, struct shared *s, unsigned index);
void worker_fini(struct worker *w);

/* The thread's life: until shared.stop. */
void worker_run(struct worker *w);
/* Wakes it up; any thread. */
void worker_ring(struct worker *w);

/* Serves what control sent (orders.c); a bounded number of messages. */
void orders_serve(struct worker *w);

/* Frame counters, and what they add up to (totals.c). */
void totals_classes(struct worker *w, uint32_t classes);    /* a frame of these classes (bridge/guard.h) */
void totals_retire(struct worker *w, const struct peer *p); /* p goes, its figures stay */
void totals_sum(struct worker *w);                          /* into news.totals */

/* One bounded batch from each side, worked on to its end (worker.c). */
void worker_from_network(struct worker *w);
void worker_from_lan(struct worker *w);
void worker_from_mailboxes(struct worker *w);

/* Writes one frame of our own to the LAN at once. There must be LAN_ROOM bytes of room in front of it; vid is
 * the VLAN that it is for, 0 = as it is. */
void worker_to_lan(struct worker *w, uint8_t *bytes, size_t len, uint16_t vid);
/* For orders.c: handles one datagram as if it had come from the socket, and everything that follows of it. */
void worker_datagram(struct worker *w, struct dgram *d);
/* For orders.c: seals and sends len bytes to p (an OCC message). */
void worker_send(struct worker *w, struct peer *p, const uint8_t *text, size_t len);
/* For orders.c: (re)sets the timer of p. */
void worker_arm(struct worker *w, struct peer *p);

#endif
