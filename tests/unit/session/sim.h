/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two sessions in memory over a bad wire, on virtual time: the client end and a server end with gate, cookie
 * and stateless answer. One seed gives one run, always the same. Nothing sleeps and nothing touches a socket.
 */
#ifndef DBR_TESTS_SIM_H
#define DBR_TESTS_SIM_H

#include "proto/admit.h"
#include "proto/cookie.h"
#include "proto/session.h"
#include "proto/wkc.h"

struct sim_wire { /* chances in percent, delays in milliseconds */
    unsigned loss, dup, corrupt, reorder;
    unsigned delay_ms, jitter_ms;
};

struct sim_options {
    struct sim_wire wire;
    enum dbr_gate_kind gate;
    bool v2;         /* tls-crypt-v2 instead; gate is TLS_CRYPT */
    size_t metadata; /* bytes in its wrapped key */
    const char *digest;
    int direction; /* of the server: 0, 1 or -1 */
    const char *ciphers_client, *ciphers_server;
    uint32_t reneg_client_s, reneg_server_s, hand_window_s;
    int tls_max;           /* 12, 13 or 0 */
    bool revoked;          /* the server refuses the client's certificate */
    enum dbr_verify chain; /* else: what the server says of the chain */
    int authorize;         /* what authorize() says: 0, DBR_ERR_AGAIN, DBR_ERR_CERT */
    int reauthorize;       /* the same of a renegotiation */
    bool no_dyn_tls_crypt;
    bool p2p_client, p2p_server; /* this end takes, or gives, no options */
    enum dbr_cipher fallback_client, fallback_server;
    enum dbr_framing framing_client;
    const char *extra_push; /* one more option of the server's administrator */
};

enum { SIM_MAX_QUEUE = 512, SIM_MAX_DGRAM = 2048 };

struct sim_dgram {
    uint64_t at_ns, order;
    bool to_server;
    size_t len;
    uint8_t bytes[SIM_MAX_DGRAM];
};

struct sim_end {
    struct sim *sim;
    bool server;
    struct dbr_session *session;
    struct dbr_session_config cfg;
    struct dbr_gate *gate;
    struct dbr_wkc *wkc;          /* server, v2 */
    uint8_t own_wkc[DBR_WKC_MAX]; /* client, v2 */
    struct dbr_data_keys keys[8];
    bool has_key[8];
    uint8_t send_key; /* id of the key we send with */
    unsigned n_keys, n_swaps, n_drops;
    unsigned n_asked; /* questions about renegotiations */
    char heard[64];   /* user name and password of the last one */
    unsigned n_push;  /* times the options were pushed or received */
    char last_message[256];
    char pushed[2048];
    uint64_t sent; /* datagrams */
};

struct sim {
    uint64_t rng;
    struct sim_options opt;
    struct dbr_now now;
    struct sim_end client, server;
    struct dbr_cookie cookie;
    struct dbr_addr client_addr;
    struct sim_dgram queue[SIM_MAX_QUEUE];
    size_t n_queue;
    uint64_t order;
    unsigned sessions_made;                                  /* server sessions created */
    unsigned answers;                                        /* stateless answers given */
    bool frozen;                                             /* nothing is delivered */
    void (*spy)(struct sim *sim, const struct sim_dgram *d); /* sees every datagram sent */
    void *spy_arg;
};

/* Certificates are made once for the whole program. */
void sim_pki(void);
void sim_pki_free(void);

struct sim *sim_new(const struct sim_options *opt, uint64_t seed);
void sim_free(struct sim *sim);

/* Runs until both ends are ACTIVE, one is dead, or limit_s virtual seconds have passed. True if both are
 * ACTIVE. */
bool sim_connect(struct sim *sim, unsigned limit_s);
/* Runs for so many virtual milliseconds. */
void sim_run(struct sim *sim, uint64_t ms);
/* Both ends hold matching keys of this id. */
bool sim_keys_match(const struct sim *sim, uint8_t key_id);
/* A datagram into the server as if it had come over the wire now. */
void sim_inject(struct sim *sim, bool to_server, const uint8_t *dgram, size_t len);
uint64_t sim_random(struct sim *sim);

#endif
