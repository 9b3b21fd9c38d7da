/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A data process in a thread, with everything around it played by the test: control and keeper at the other
 * ends of socket pairs, a socket pair of SOCK_SEQPACKET as TAP queue, and peers with UDP sockets of their own
 * on the loopback. The test is one thread; waiting is by poll() with a limit, never by sleeping.
 */
#ifndef DBR_TESTS_DATA_RIG_H
#define DBR_TESTS_DATA_RIG_H

#include "bridge/vnet.h"
#include "data/data.h"
#include "ipc/messages.h"
#include "proto/data.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef RIG_QUICK /* mutations.sh: what does not come is what it looks for */
enum { RIG_WAIT_MS = 2000 };
#else
enum { RIG_WAIT_MS = 30000 }; /* a busy machine */
#endif
enum { RIG_FRAME_MAX = 65600 };

struct rig {
    struct dbr_boot boot;
    struct dbr_data_limits limits;
    pthread_t thread;
    bool running;
    int code;                     /* what dbr_data_main() returned */
    int lan[DBR_MAX_QUEUES];      /* our ends of the TAP queues */
    int control[DBR_MAX_WORKERS]; /* our ends of the pairs */
    int keeper;
    uint16_t port[DBR_MAX_WORKERS]; /* of the workers' UDP sockets, on ::1 */
    _Atomic uint64_t steer[4096];
    uint8_t announced[64]; /* the last RARP announcement, and how many there were */
    unsigned announcements;
    uint8_t vnet[DBR_VNET_LEN]; /* header of the last frame that rig_lan_read() gave */
};

/* A far end: its socket and the mirror image of its keys. */
struct rig_peer {
    int sock;
    struct dbr_addr addr; /* of sock */
    uint32_t id;          /* sent in P_DATA_V2 */
    struct dbr_slot slot;
};

/* Starts a data process with n workers; limits may be changed before (rig_init, then rig_start). */
void rig_init(struct rig *r, unsigned workers);
void rig_init_lanes(struct rig *r, unsigned workers, unsigned lanes);
void rig_start(struct rig *r);
/* Closes keeper's end and waits; returns the exit code. */
int rig_stop(struct rig *r);
/* Closes everything of a data process that never ran. */
void rig_close(struct rig *r);
/* Waits for the end without asking for it. */
int rig_wait_end(struct rig *r);

/* ---- control ---- */
void rig_tell(struct rig *r, unsigned worker, const void *msg);
/* The next message of that type from the worker; others are skipped. Fails the test when none comes. */
void rig_hear(struct rig *r, unsigned worker, uint16_t type, void *out, size_t n);
/* Number of messages of that type among those that are there now. */
unsigned rig_count(struct rig *r, unsigned worker, uint16_t type);
/* Waits until the worker has handled all that was told before. */
void rig_sync(struct rig *r, unsigned worker);
void rig_hear_keeper(struct rig *r, uint16_t type, void *out, size_t n);

/* ---- peers ---- */
/* A socket on ::1, no keys yet. */
void rig_peer_open(struct rig_peer *p, uint32_t id);
void rig_peer_close(struct rig_peer *p);
/* Moves the far end to another port. */
void rig_peer_rebind(struct rig_peer *p);
/* A PEER_NEW with usual values, to be changed and told. */
struct dbr_ipc_peer rig_peer_message(const struct rig_peer *p);
/* Tells PEER_NEW and KEY_NEW 0. */
void rig_peer_install(struct rig *r, struct rig_peer *p);
/* Tells KEY_NEW with keys made of the seed, and gives the far end the other half. */
void rig_key_install(struct rig *r, struct rig_peer *p, uint8_t key_id, bool v2, uint8_t seed);
/* The datagram that carries len bytes; returns its length. */
size_t rig_seal(struct rig_peer *p, const void *text, size_t len, uint8_t *out);
void rig_send_raw(struct rig *r, struct rig_peer *p, unsigned worker, const void *dgram, size_t len);
/* Several datagrams of seg bytes (the last may be shorter) as one message with UDP_SEGMENT. */
void rig_send_train(struct rig *r, struct rig_peer *p, unsigned worker, const void *bytes, size_t len,
                    uint16_t seg);
/* Seals and sends a frame. */
void rig_send(struct rig *r, struct rig_peer *p, unsigned worker, const void *text, size_t len);
/* The next raw datagram for the peer; its length. Fails the test when none comes. */
size_t rig_receive_raw(struct rig_peer *p, uint8_t *out);
/* The next datagram, opened; fails the test if it is not genuine. */
size_t rig_receive(struct rig_peer *p, uint8_t *out);
/* True when nothing is waiting for the peer. Only meaningful behind something that came later. */
bool rig_quiet(struct rig_peer *p);

/* ---- the LAN ---- */
void rig_lan_write(struct rig *r, unsigned queue, const struct dbr_vnet *v, const void *frame, size_t len);
/* The next frame on the queue; its header is in r->vnet. Fails the test when none comes. */
size_t rig_lan_read(struct rig *r, unsigned queue, uint8_t *out);
bool rig_lan_quiet(struct rig *r, unsigned queue);

/* ---- frames ---- */
/* Ethernet frame of len bytes (at least 14) with an experimental type and the number in its payload. */
size_t rig_frame(uint8_t *out, const char *dst, const char *src, size_t len, uint32_t number);
uint32_t rig_frame_number(const uint8_t *frame);
#define BROADCAST "ff:ff:ff:ff:ff:ff"

#endif
