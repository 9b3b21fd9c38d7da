/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The multi-queue TAP and its steering program (Linux; keeper's work, needs CAP_NET_ADMIN, and CAP_BPF for
 * the program). Keeper holds the descriptors for good; the data process inherits them.
 *
 * Without a program the kernel moves a flow to the queue last written, which tears flows apart as soon as two
 * workers write. The program instead reads the destination MAC of each frame, hashes it to one of 4,096 slots
 * of an array that the data process has mapped, and takes the queue from there: a frame arrives at the queue
 * of the worker that owns the peer. A shared slot or an unknown MAC only means that a worker hands the frame
 * over.
 *
 * Each worker has several queues, its lanes, so that a lone frame does not stand behind a bulk transfer's
 * super frames: lane 0 is for what is neither TCP nor UDP (ARP, ICMP, neighbour discovery), the others share
 * the flows by a hash of addresses and TCP ports. A flow keeps its lane, so its order is kept. UDP goes by
 * addresses alone, since of its fragments only the first has ports.
 */
#ifndef DBR_BRIDGE_TAP_H
#define DBR_BRIDGE_TAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "bridge/why.h"

enum { DBR_TAP_QUEUES_MAX = 64, DBR_TAP_LANES_MAX = 8, DBR_TAP_NAME = 16, DBR_STEER_SLOTS = 4096 };

/* What the kernel was made to accept (TUNSETOFFLOAD), in both directions. */
enum dbr_tap_offload {
    DBR_TAP_CSUM = 1 << 0,
    DBR_TAP_TSO4 = 1 << 1,
    DBR_TAP_TSO6 = 1 << 2,
    DBR_TAP_ECN = 1 << 3,
    DBR_TAP_USO4 = 1 << 4,
    DBR_TAP_USO6 = 1 << 5,
};

struct dbr_tap_config {
    const char *name;    /* "tap0", or "tap%d" to have the kernel number it */
    unsigned queues;     /* 1..DBR_TAP_QUEUES_MAX */
    uint32_t mtu;        /* 0 = leave (1500) */
    uint64_t mac;        /* mac48; 0 = the kernel's random one */
    uint32_t txqueuelen; /* frames; 0 = leave */
    bool offload;        /* ask for super frames; false: none, but the header stays */
    bool up;             /* set the link up */
};

struct dbr_tap {
    char name[DBR_TAP_NAME];
    int ifindex;
    unsigned queues;
    uint32_t offload;           /* set of enum dbr_tap_offload */
    int fd[DBR_TAP_QUEUES_MAX]; /* non-blocking, close-on-exec; fd[i] is queue i; -1 = none */
};

/* Opens all queues (IFF_TAP, IFF_NO_PI, IFF_VNET_HDR with the 10-byte header, IFF_MULTI_QUEUE), takes the
 * best set of offloads the kernel has, sets MTU, MAC, queue length, up. DBR_ERR_IO with the reason, nothing
 * left open. */
int dbr_tap_open(struct dbr_tap *t, const struct dbr_tap_config *config, struct dbr_why *why);
void dbr_tap_close(struct dbr_tap *t); /* callable twice */

/* The map of slots as the data process sees it: entry i belongs to slot i. (8 bytes each: the kernel's
 * stride.) */
typedef _Atomic uint64_t dbr_steer_slots;

struct dbr_steer {
    int map_fd, prog_fd; /* -1 = none */
};

/* Slot of a destination MAC, 0..DBR_STEER_SLOTS-1; the same arithmetic as the program's. */
static inline unsigned dbr_steer_slot(uint64_t mac)
{
    uint32_t h = (uint32_t)(mac >> 16) * 0x9e3779b1U;
    h ^= h >> 15;
    h = (h + ((uint32_t)mac & 0xffff)) * 0x85ebca77U;
    return h >> 20;
}

/* Sends frames for mac to the lanes of `worker` from now on. Any thread. */
static inline void dbr_steer_set(dbr_steer_slots *slots, uint64_t mac, unsigned worker)
{
    atomic_store_explicit(&slots[dbr_steer_slot(mac)], worker, memory_order_relaxed);
}

/* Makes map and program for a TAP where lane l of worker w, each with `lanes` (1..DBR_TAP_LANES_MAX), is
 * queue w * lanes + l. DBR_ERR_UNSUPPORTED: the kernel or our rights do not allow it (reason in why): the
 * caller goes on with the kernel's own choice of queue, and one lane. */
int dbr_steer_open(struct dbr_steer *s, unsigned lanes, struct dbr_why *why);
/* Puts the program on the TAP (all queues). DBR_ERR_UNSUPPORTED as above. */
int dbr_steer_attach(const struct dbr_steer *s, const struct dbr_tap *t, struct dbr_why *why);
void dbr_steer_close(struct dbr_steer *s); /* callable twice; an attached program stays with the TAP */

/* Maps the slots shared (before seccomp). NULL on failure, errno has the cause. */
dbr_steer_slots *dbr_steer_map(int map_fd);
void dbr_steer_unmap(dbr_steer_slots *slots);

#endif
