/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The client side of the protocol without input and output: a profile goes in, then datagrams, frames,
 * answers of the user and the time; datagrams, frames, network steps, states and questions come out by
 * callbacks. It decides whom to call and when again, says who we are, keeps the data keys, and turns what the
 * server pushes into steps for Windows. No socket, no clock, no file: the same object runs in drawbridge.exe,
 * in the tests on virtual time and in the fuzzers.
 *
 *   new(profile) -> start -> ask? -> resolve -> open -> send ... feed ... -> net steps -> net_done ->
 * CONNECTED ^                                                |
 *                              +---- a pause, the next remote <---- lost -------+
 *
 * Owned by one thread. Callbacks must not call back into the engine, but for what is said below.
 */
#ifndef DBR_CW_ENGINE_H
#define DBR_CW_ENGINE_H

#include "base/addr.h"
#include "proto/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room that a frame needs around it when it is handed to dbr_engine_frame(). */
enum { DBR_ENGINE_HEADROOM = 128, DBR_ENGINE_TAILROOM = 32, DBR_ENGINE_FRAME_MAX = 16384 };

enum dbr_engine_state {
    DBR_ENGINE_IDLE,
    DBR_ENGINE_CONNECTING,
    DBR_ENGINE_AUTHENTICATING,
    DBR_ENGINE_ASKING,
    DBR_ENGINE_CONNECTED,
    DBR_ENGINE_RECONNECTING,
    DBR_ENGINE_DISCONNECTING,
    DBR_ENGINE_FAILED, /* for good: the text says why and what to do */
};

enum dbr_engine_ask {
    DBR_ENGINE_ASK_PASSPHRASE = 1, /* of the private key */
    DBR_ENGINE_ASK_LOGIN,          /* user name and password */
    DBR_ENGINE_ASK_CHALLENGE,      /* the text is the question */
};

enum dbr_net_kind {
    DBR_NET_CLEAR, /* all before is taken back */
    DBR_NET_ADDRESS,
    DBR_NET_DHCP,
    DBR_NET_ROUTE,
    DBR_NET_DNS,
    DBR_NET_SEARCH,
    DBR_NET_MTU,
    DBR_NET_BLOCK_OUTSIDE_DNS,
    DBR_NET_APPLY, /* what came since the last one counts now, in the place of what did */
};

/* One step; members that a kind does not have are zero. */
struct dbr_net_step {
    uint8_t kind;            /* enum dbr_net_kind */
    uint8_t family, prefix;  /* ADDRESS, ROUTE, DNS: 4 or 6, bits */
    uint8_t what;            /* ROUTE: enum dbr_way_what */
    uint8_t ip[16], via[16]; /* network order; IPv4 has the first four bytes */
    uint32_t value;          /* ROUTE: metric; MTU: bytes */
    char domain[256];        /* SEARCH */
};

struct dbr_engine;

struct dbr_engine_ops {
    /* The addresses of a host, for dbr_engine_resolved(), which must not be called from within. family: 4, 6
     * or 0 for both. ticket goes back with the answer. */
    void (*resolve)(void *arg, unsigned ticket, const char *host, uint16_t port, int family);
    /* A socket from a port of its own, for datagrams to and from `to`; any before is closed. anyone: answers
     * of other addresses are let through (`float`). 0 or an error: then this address is left out. */
    int (*open)(void *arg, const struct dbr_addr *to, bool anyone);
    /* One datagram; send or copy it now. */
    void (*send)(void *arg, const struct dbr_addr *to, const uint8_t *dgram, size_t len);
    /* One Ethernet frame for the TAP; write or copy it now. */
    void (*tap)(void *arg, const uint8_t *frame, size_t len);
    void (*net)(void *arg, const struct dbr_net_step *step);
    /* text is for the user, UTF-8, at most 255 bytes. */
    void (*state)(void *arg, enum dbr_engine_state state, const char *text);
    void (*ask)(void *arg, enum dbr_engine_ask kind, bool echo, const char *text, const char *user);
    /* One line; what others chose is escaped. */
    void (*log)(void *arg, int level, const char *line);
    /* n random bytes. */
    void (*random)(void *arg, void *out, size_t n);
};

/* Reads a profile of len bytes (a whole configuration with inline keys; borrowed for the call). 0 with *out,
 * or DBR_ERR_CONFIG with one line in why: what is wrong and the way out; DBR_ERR_NOMEM. Each complaint goes
 * to ops->log, too. */
int dbr_engine_new(struct dbr_engine **out, const char *profile, size_t len, const struct dbr_engine_ops *ops,
                   void *arg, char *why, size_t cap);
void dbr_engine_free(struct dbr_engine *e); /* wipes; NULL is fine */

/* Begins: asks, or calls. */
void dbr_engine_start(struct dbr_engine *e, const struct dbr_now *now);
/* Says goodbye to the server and takes the network steps back; then the state is IDLE. */
void dbr_engine_stop(struct dbr_engine *e, const struct dbr_now *now);
/* It is of no use to go on: the server is left, and the state will be FAILED with this text for the user. */
void dbr_engine_fail(struct dbr_engine *e, const char *text, const struct dbr_now *now);
/* True once it is IDLE after a stop, or FAILED: nothing will happen any more. */
bool dbr_engine_over(const struct dbr_engine *e);

/* One datagram from the network, opened in place. */
void dbr_engine_feed(struct dbr_engine *e, uint8_t *dgram, size_t len, const struct dbr_addr *from,
                     const struct dbr_now *now);
/* One frame from the TAP, changed in place; DBR_ENGINE_HEADROOM bytes in front of it and DBR_ENGINE_TAILROOM
 * behind are written to. */
void dbr_engine_frame(struct dbr_engine *e, uint8_t *frame, size_t len, const struct dbr_now *now);

/* What was asked for; others are left alone. Strings are copied; the caller wipes its own. */
void dbr_engine_answer(struct dbr_engine *e, enum dbr_engine_ask kind, const char *user, const char *secret,
                       const struct dbr_now *now);
/* n addresses of what was to be resolved with this ticket; 0: there are none. What comes too late, when
 * another name was asked for, is left alone. */
void dbr_engine_resolved(struct dbr_engine *e, unsigned ticket, const struct dbr_addr *addrs, size_t n,
                         const struct dbr_now *now);
/* The steps up to APPLY are done (err 0), or all of them were taken back: text is for the user, and it is
 * over. */
void dbr_engine_net_done(struct dbr_engine *e, uint32_t err, const char *text, const struct dbr_now *now);
/* There may be another way out, or the machine has slept: is the server still there? why is for the log. */
void dbr_engine_network(struct dbr_engine *e, const char *why, const struct dbr_now *now);

/* Does what is due; call at or after the deadline, and at the end of a batch of datagrams. */
void dbr_engine_tick(struct dbr_engine *e, const struct dbr_now *now);
/* Monotonic nanoseconds; UINT64_MAX: nothing to wait for. Any other call may change it. */
uint64_t dbr_engine_deadline(const struct dbr_engine *e);

enum dbr_engine_state dbr_engine_state(const struct dbr_engine *e);
/* Our IPv4 address in the tunnel in text, "" where there is none. Returns out. */
const char *dbr_engine_address(const struct dbr_engine *e, char out[DBR_ADDR_TEXT]);

#endif
