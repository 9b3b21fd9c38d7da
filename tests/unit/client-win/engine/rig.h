/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine and a server in memory over a bad wire, on virtual time. The server end has gate, cookie,
 * sessions and data keys; the service and the user are tables. One seed gives one run, always the same.
 */
#ifndef DBR_TESTS_CW_ENGINE_RIG_H
#define DBR_TESTS_CW_ENGINE_RIG_H

#include "client-win/engine/engine.h"
#include "proto/cookie.h"
#include "proto/framing.h"
#include "proto/session.h"
#include "proto/wkc.h"

enum { RIG_QUEUE = 256, RIG_DGRAM = 2048, RIG_EVENTS = 256, RIG_STEPS = 128 };

struct rig_options {
    enum dbr_gate_kind gate;
    bool v2;
    const char *profile;     /* more lines for the client */
    const char *push[128];   /* options that the server pushes */
    const char *ciphers;     /* of both, colon list */
    const char *refuse;      /* AUTH_FAILED,refuse */
    const char *user, *pass; /* that the server wants; NULL: it does not look */
    const char *passphrase;  /* of the client's key */
    bool stranger;           /* the server's certificate is of another CA */
    bool hold_net;           /* the service does not answer NET_APPLY */
    unsigned loss;           /* percent */
};

struct rig_event {
    char kind; /* 's' state, 'a' ask */
    unsigned number;
    bool echo;
    char text[300];
};

struct rig_dgram {
    uint64_t at_ns, order;
    bool to_server;
    struct dbr_addr from, to;
    size_t len;
    uint8_t bytes[RIG_DGRAM];
};

struct rig {
    struct rig_options opt;
    uint64_t rng, order;
    struct dbr_now now;
    struct dbr_engine *engine;
    char why[512];

    /* the server */
    bool server_up;
    struct dbr_gate *gate;
    struct dbr_wkc *wkc;
    struct dbr_cookie cookie;
    struct dbr_session_config cfg;
    struct dbr_session *session;
    struct dbr_addr server_addr, client_addr; /* client_addr: as the server knows it */
    struct dbr_slot slots[8];
    int primary;
    unsigned sessions, logins, renegotiations;
    char user[128], pass[600]; /* of the last login */
    char said[300];            /* the last message of the client */
    uint8_t frame[4096];       /* the last payload of the client */
    size_t frame_len;
    unsigned frames, pings;

    /* the client's surroundings */
    struct dbr_addr own; /* where it calls from */
    unsigned opens, resolves, ticket;
    bool no_names, hold_names; /* the resolver says there is none, or nothing at all */
    char host[128];            /* that was asked for last */
    struct dbr_addr names[4];  /* what its server's name means */
    size_t n_names;
    uint8_t tap[4096];
    size_t tap_len;
    unsigned taps;
    struct dbr_net_step steps[RIG_STEPS];
    size_t n_steps, n_applies, n_clears;
    struct rig_event events[RIG_EVENTS];
    size_t n_events;
    bool net_due;
    char logs[16384];

    struct rig_dgram queue[RIG_QUEUE];
    size_t n_queue;
};

void rig_pki(void);
void rig_pki_free(void);

/* The engine is not started. It may be NULL where the profile is refused: then why has the reason. */
struct rig *rig_new(const struct rig_options *opt, uint64_t seed);
void rig_free(struct rig *r);

void rig_start(struct rig *r);
void rig_run(struct rig *r, uint64_t ms);
/* Until the engine is in this state; false: not within so many virtual seconds. */
bool rig_until(struct rig *r, enum dbr_engine_state state, unsigned limit_s);
void rig_answer(struct rig *r, enum dbr_engine_ask kind, const char *user, const char *secret);

void rig_server_dies(struct rig *r); /* forgets everything, answers nothing */
void rig_server_lives(struct rig *r);
void rig_server_says(struct rig *r, const char *text);
void rig_client_frame(struct rig *r, const uint8_t *frame, size_t len);
void rig_server_frame(struct rig *r, const uint8_t *payload, size_t len);
void rig_server_raw(struct rig *r, const uint8_t *payload, size_t len); /* without framing */

/* Events of a kind and number so far; the text of the last one of that kind. */
unsigned rig_count(const struct rig *r, char kind, unsigned number);
const char *rig_last(const struct rig *r, char kind);

#endif
