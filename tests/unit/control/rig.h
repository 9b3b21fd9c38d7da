/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The control process inside of a test: a boot whose keeper and workers are socketpairs that the test holds,
 * certificates made here, real client sessions as callers, and a wire and a clock of the test's own (the rig
 * takes the place of server/control/outside.c). One thread, virtual time, nothing sleeps.
 *
 *     caller (dbr_session_new_client) --> queue --> control_datagram
 *     control_send --> queue --> caller of that address, or rig->answers for the addresses of strangers
 *     control --> worker[i] --> rig->told[], in the order in which control said it
 */
#ifndef DBR_TESTS_CONTROL_RIG_H
#define DBR_TESTS_CONTROL_RIG_H

#include "conf/config.h"
#include "control/state.h"
#include "pki.h"

enum { RIG_WORKERS = 2, RIG_QUEUE = 4096, RIG_DGRAM = 2048, RIG_CALLERS = 1024, RIG_LOG = 1 << 20 };

struct rig_told {
    unsigned worker;
    uint64_t message[DBR_IPC_MAX / 8];
};

struct rig_dgram {
    struct dbr_addr addr; /* the far address */
    bool to_server;
    size_t len;
    uint8_t bytes[RIG_DGRAM];
};

struct caller {
    struct rig *rig;
    struct dbr_addr addr;
    struct dbr_session *session;
    struct dbr_session_config cfg;
    char pushed[2048], message[256];
    struct dbr_data_keys keys;
    bool has_keys;
    const char *user, *pass; /* what it says in its next key messages; NULL: nothing */
    unsigned rounds;         /* datagrams received */
};

struct rig_options {
    const char *config;      /* lines more, or instead of the bridge line when it has server-bridge */
    enum dbr_gate_kind gate; /* TLS_AUTH or NONE; [0 = NONE] use rig_plain for the usual */
    bool crl;                /* crl-verify with an empty list */
    const char *revoked;     /* then with this name's certificate on it; NULL: nobody's */
    bool fetch;              /* there is a fetch process: the test, at rig->fetch */
    bool restarted;
    int rsa_bits;    /* server key; 0: P-256 */
    const char *ccd; /* folder */
    bool status, ctl, management, metrics;
    int ipc_signer; /* end of its pair with the signer, which the test closes; 0: control has the key */
};

struct rig {
    struct dbr_config cfg;
    struct dbr_boot boot;
    struct control *ctl;
    int keeper, worker[RIG_WORKERS], wire, ctl_listener;
    int metrics, fetch;    /* those processes' ends; -1: there is none */
    struct dbr_gate *gate; /* as a client's */
    uint8_t static_key[DBR_STATIC_KEY_LEN];
    const uint8_t *wkc; /* callers bring it along, then gate is tls-crypt; NULL: no tls-crypt-v2 */
    size_t wkc_len;
    struct caller *callers[RIG_CALLERS];
    size_t n_callers;
    struct rig_dgram *queue;
    size_t head, n_queue;
    bool keep_answers; /* what control sends goes to answers, not to callers */
    struct rig_dgram *answers;
    size_t n_answers;
    struct rig_told *told;
    size_t n_told, cap_told;
    bool deaf; /* nobody reads the workers' sockets */
    char *log;
    size_t log_len;
    unsigned log_lines;
    uint64_t sent, sent_bytes; /* datagrams of control */
    void (*spy)(struct rig *rig, const struct rig_dgram *d);
    uint64_t rng;
};

extern struct dbr_now rig_now; /* the clock of everything */

struct rig *rig_new(const struct rig_options *opt);
void rig_free(struct rig *rig);
/* The usual: tls-auth, server-bridge with a pool of 50. */
struct rig *rig_plain(const char *config);

/* A caller with a certificate of this name (made once per name) at 10.x.y.z:port; it has sent its reset. */
struct caller *rig_call(struct rig *rig, const char *cn, uint32_t ip, uint16_t port);
/* The same with this certificate. */
struct caller *rig_call_as(struct rig *rig, struct dbr_tls_ctx *tls, uint32_t ip, uint16_t port);
struct dbr_tls_ctx *rig_tls(const struct pki_id *id);
const struct pki_id *rig_ca(void);
const struct pki_id *rig_server(void); /* P-256 */
const struct pki_id *rig_id(const char *cn);
void rig_hang_up(struct caller *c); /* without a word; frees it */
/* rig_call and rig_run until it is up; fails the test otherwise. */
struct caller *rig_connect(struct rig *rig, const char *cn, uint32_t ip, uint16_t port);
bool rig_up(const struct caller *c);
/* control's client of this name, or NULL. */
struct client *rig_client(struct rig *rig, const char *cn);

/* Delivers what is on the wire and what the workers were told until nothing moves. */
void rig_settle(struct rig *rig);
/* The same, and lets so much time pass, timer by timer. */
void rig_run(struct rig *rig, uint64_t ms);

/* ---- raw datagrams ---- */
struct dbr_addr rig_addr(uint32_t ip, uint16_t port);
/* A sealed control packet of a stranger into out; its length. */
size_t rig_packet(struct rig *rig, const struct dbr_control *c, uint32_t replay_id, uint8_t out[RIG_DGRAM]);
size_t rig_reset(struct rig *rig, uint64_t sid, uint32_t id, uint32_t replay_id, uint8_t out[RIG_DGRAM]);
/* Hands it to control at once, as from this address; the bytes are copied first. */
void rig_hand(struct rig *rig, const uint8_t *dgram, size_t len, const struct dbr_addr *from);
/* Reset, answer, and the packet that proves the cookie into out; its length, 0 without answer. */
size_t rig_proof(struct rig *rig, uint64_t sid, const struct dbr_addr *from, uint8_t out[RIG_DGRAM]);

/* ---- workers and keeper ---- */
void rig_say(struct rig *rig, unsigned worker, const void *message); /* as the worker; control reads it */
void rig_keeper_says(struct rig *rig, const void *message, int fd);
void rig_state(struct rig *rig, enum dbr_state what);
/* The i-th message of this type about this peer (UINT32_MAX: any) that control told a worker since the last
 * rig_forget(), or NULL; *place (may be NULL) is its place among all. */
const void *rig_told(struct rig *rig, uint16_t type, uint32_t peer_id, size_t i, size_t *place);
void rig_forget(struct rig *rig);

/* ---- certificates and lists ---- */
/* A signed CRL with these serials, for free(). */
uint8_t *rig_crl(unsigned number, const struct pki_id *const *revoked, size_t n, size_t *len);
/* A file with these bytes, as keeper passes it. */
int rig_file(const void *bytes, size_t len);
/* keeper brings a CRL. */
void rig_take_crl(struct rig *rig, unsigned number, const struct pki_id *const *revoked, size_t n);

/* Bytes on the heap; not under a sanitizer, whose heap is its own: there rig_can_count() is false. */
size_t rig_heap(void);
bool rig_can_count(void);

bool rig_logged(const struct rig *rig, const char *text);
void rig_pki_free(void);

#endif
