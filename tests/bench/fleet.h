/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fleet: many clients of one server in one process, each from an address of its own, over one socket. It
 * loads a server with handshakes, sessions and frames for little work of its own. One thread, one epoll loop.
 *
 *   fleet.c          arguments, loop, arrivals, report      fleet_member.c   a client: session, keys, frames
 *   fleet_setup.c    files into gate and TLS                fleet_net.c      the socket
 */
#ifndef DBR_BENCH_FLEET_H
#define DBR_BENCH_FLEET_H

#include "base/heap.h"
#include "proto/session.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND_NS 1000000000ull
enum { MAX_CERTS = 64, MEMBER_KEYS = 3, FRAME_MAX = 1500, DGRAM_MAX = 2048 };

struct options {
    struct in_addr server, base; /* member i has address base + 1 + i */
    uint16_t port, source_port;
    const char *ca, *static_key, *auth, *ciphers;
    const char *cert[MAX_CERTS], *key[MAX_CERTS];
    size_t n_certs, n_keys;
    bool crypt; /* static_key is for tls-crypt */
    uint32_t count;
    double rate;           /* arrivals a second; 0: all at once */
    double wait_s, hold_s; /* for the connections; after them */
    double frames_s;       /* frames a second of the whole fleet, in turn; 0: none */
    size_t frame_len;      /* bytes of one */
    uint8_t to_mac[6];     /* their destination */
    bool deaf;             /* what data comes in is counted and not opened */
    bool verbose;          /* the sessions' log lines to stderr */
};

enum stage { STAGE_AWAITED, STAGE_CALLING, STAGE_IN, STAGE_OUT };

struct fleet;

struct member {
    struct fleet *fleet;
    struct dbr_session *session;
    struct dbr_heap_entry timer;
    enum stage stage;
    uint64_t began_ns, took_ns; /* the first hard reset; from there to the installed keys */
    uint64_t ping_ns, ping_every_ns;
    struct dbr_slot slots[MEMBER_KEYS];
    struct dbr_slot *primary;
};

struct tally {
    uint32_t connected, failed, lost; /* lost: after they were connected */
    uint64_t renegotiated, pings_in, pings_out, frames_in, frames_out, bad_in, send_errors;
};

struct fleet {
    struct options opt;
    int sock, epoll, signals;
    struct dbr_now now;
    struct dbr_gate *gate;
    uint8_t static_key[256];
    struct dbr_session_config cfg[MAX_CERTS]; /* one for each certificate */
    const struct dbr_aead_backend *aead;
    struct member *members; /* opt.count */
    struct dbr_heap timers;
    struct tally tally;
    uint32_t n_begun;
    uint64_t start_ns, all_in_ns; /* all_in_ns: when the last of them was in; 0 before */
    uint64_t next_frame_ns;
    uint32_t next_sender;
    bool stop;
};

/* fleet_setup.c: gate, certificates and sessions' configuration. 0 or -1 after a line on stderr. */
int fleet_setup(struct fleet *f);
void fleet_teardown(struct fleet *f);

/* fleet_net.c: the socket; 0 or -1 after a line on stderr. */
int fleet_open(struct fleet *f);
/* One datagram to the server from that member's address. */
void fleet_send(struct fleet *f, const struct member *m, const uint8_t *dgram, size_t len);
/* Takes what has arrived, at most a few hundred datagrams. */
void fleet_receive(struct fleet *f);

/* fleet_member.c */
extern const struct dbr_session_ops member_ops;
void member_call(struct member *m);                             /* begins its session */
void member_take(struct member *m, uint8_t *dgram, size_t len); /* a datagram for it */
void member_tick(struct member *m);                             /* its timer is due */
void member_frame(struct member *m, uint32_t index);            /* sends one frame of the load */
void member_free(struct member *m);

#endif
