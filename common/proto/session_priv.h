/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside of a session, shared by session.c (packets, timers, life) and session_msg.c (key and control
 * messages).
 */
#ifndef DBR_PROTO_SESSION_PRIV_H
#define DBR_PROTO_SESSION_PRIV_H

#include "base/format.h"
#include "proto/negotiation.h"
#include "proto/session.h"

#define SECOND_NS    1000000000ull
#define ACK_AGAIN_NS (SECOND_NS / 10) /* behind a renegotiation, doubled each time */

enum { SESSION_SLOTS = 3, SESSION_WHY = 192, GATE_FIRST = 0, GATE_LATER = 1, GATES = 2 };

struct dbr_session {
    const struct dbr_session_config *cfg;
    void *owner;
    enum dbr_session_state state;
    uint64_t local_sid, remote_sid;
    uint32_t peer_id;
    struct negotiation neg[SESSION_SLOTS];
    struct negotiation *current; /* the one whose data key we send with; NULL before the first */
    struct negotiation *talk;    /* the newest one that is DONE: control messages go through it */
    struct negotiation *judged;  /* a renegotiation that waits for its verdict: it is `talk` then; or NULL */
    const struct dbr_keymsg *login; /* while the owner is asked for a verdict */
    uint8_t last_key_id;

    /* Gate of key id 0, and of later ones where dyn-tls-crypt was agreed on. */
    struct dbr_gate *later_gate;
    struct dbr_gate *own_gate; /* server, tls-crypt-v2: of this client alone, instead of the config's */
    uint8_t *own_key;          /* its 256 bytes */
    struct dbr_replay_long replay[GATES];
    uint32_t replay_id[GATES]; /* last one sent */
    uint32_t replay_time;      /* unix seconds at our first packet */

    uint64_t reneg_ns; /* when we renegotiate; UINT64_MAX: never */
    uint64_t swap_ns;  /* when we send with the new key at the latest */
    uint64_t push_ns;  /* client: next PUSH_REQUEST */
    uint64_t close_ns; /* CLOSING: dead then */
    uint64_t die_ns;   /* renegotiation overdue for good */

    bool authorized, use_ekm, use_v2, dyn_tls_crypt, cc_exit, has_tls, pushed;
    bool unpushed; /* server: this client takes no pushed options */
    enum dbr_cipher cipher;
    enum dbr_framing framing;
    bool fragment;
    const char *framing_push;
    struct dbr_x509 *peer;
    struct dbr_peer_info info;
    char *peer_options;
    struct dbr_push_collect push;
    char why[SESSION_WHY];
};

/* --- session.c --- */
void session_log(struct dbr_session *s, int level, const char *fmt, ...) DBR_PRINTF(3, 4);
void session_fail(struct dbr_session *s, const struct dbr_now *now, const char *fmt, ...) DBR_PRINTF(3, 4);
/* What the negotiation's TLS has to say becomes packets. */
void session_flush(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now);
/* Its data key ends at the owner's. */
void session_drop_key(struct dbr_session *s, struct negotiation *n);

/* --- session_keys.c --- */
/* Derives and hands out the data keys of a negotiation. */
int session_install(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now);
void session_active(struct dbr_session *s, const struct dbr_now *now);
void session_swap_when_safe(struct dbr_session *s, const struct dbr_now *now);
/* The peer's SOFT_RESET for a key id that we do not have yet; NULL: not now, or none. */
struct negotiation *session_peer_renegotiates(struct dbr_session *s, const struct dbr_control *c,
                                              const struct dbr_now *now);

/* --- session_msg.c --- */
/* TLS of this negotiation is up: a client sends its key message. */
int session_tls_up(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now);
/* Reads what TLS has: the key message, then control messages. */
int session_read(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now);
int session_write_text(struct dbr_session *s, const char *text);
int session_admitted(struct dbr_session *s, const struct dbr_now *now);
void session_refused(struct dbr_session *s, const char *reason, const struct dbr_now *now);

/* --- session_p2p.c --- */
/* Our peer info for an end that takes no pushed options; its length or a negative error. */
int session_p2p_info(const struct dbr_session *s, char *out, size_t cap);
/* Server with `mode server`: the client (`tls-client` without `pull`) negotiates as if it were alone with us,
 * but here the peer id in a packet must say who it is. Without our bit 5 it takes P_DATA_V1 and the PRF. */
void session_p2p_downgrade(struct dbr_session *s);
/* What both can do, from s->info and s->peer_options. DBR_ERR_NEGOTIATE: no cipher. */
int session_p2p_settle(struct dbr_session *s, struct negotiation *n);
int session_p2p_begin(struct dbr_session *s, struct negotiation *n, const struct dbr_now *now);

#endif
