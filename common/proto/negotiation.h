/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One key negotiation of a session: its reliability layer, its TLS object and the two key messages. Private
 * to the session (session.c, session_msg.c); owner and thread are the session's.
 */
#ifndef DBR_PROTO_NEGOTIATION_H
#define DBR_PROTO_NEGOTIATION_H

#include "crypto/tls.h"
#include "proto/keymsg.h"
#include "proto/reliable.h"

enum neg_state {
    NEG_FREE,
    NEG_RESET, /* waits for the peer's reset */
    NEG_TLS,   /* TLS handshake; a server has no TLS object before the first TLS bytes */
    NEG_KEYS,  /* key messages */
    NEG_DONE,  /* both key messages are there; control messages flow */
    NEG_FAILED /* only what TLS still has to say (an alert) is delivered */
};

struct negotiation {
    enum neg_state state;
    uint8_t key_id;
    bool installed; /* data keys were handed to the owner and not dropped since */
    bool at_server; /* our role in TLS */
    size_t wkc_due; /* client, tls-crypt-v2: bytes of wrapped key that the next CONTROL packet brings along */
    struct dbr_reliable rel;
    struct dbr_tls *tls;
    struct dbr_keymsg *mine, *theirs; /* until the keys are derived */
    uint64_t began_ns;
    uint64_t until_ns; /* must be done by then */
    uint64_t drop_ns;  /* the data key is forgotten then; UINT64_MAX = it serves */
    uint64_t heard_ns; /* the peer's last packet that asks for an acknowledgement */
    uint64_t ack_ns;   /* what nothing has taken along is acknowledged then; UINT64_MAX = all is */
    bool acks_held;    /* for an answer that waits for a signature */
    uint64_t again_ns; /* acknowledgements are sent once more then; UINT64_MAX = never */
    unsigned agains;   /* how often that was done */
};

/* Begins with the message ids that follow from who has sent what already. */
void negotiation_init(struct negotiation *n, uint8_t key_id, bool at_server, uint64_t now_ns,
                      uint32_t hand_window_s, uint32_t tls_timeout_s);
void negotiation_fini(struct negotiation *n); /* wipes; state FREE; callable twice */

/* Moves packets that arrived in order into TLS, making the TLS object when its first bytes are there, and
 * advances the handshake. 0, DBR_ERR_AGAIN, or an error after which state is FAILED. */
int negotiation_advance(struct negotiation *n, struct dbr_tls_ctx *ctx, void *session_arg, int64_t unix_s);

/* Cuts TLS output into CONTROL packets of at most mtu payload bytes, as far as the send window allows. */
int negotiation_flush(struct negotiation *n, size_t mtu, uint64_t now_ns);

/* Everything said was acknowledged and nothing waits inside TLS. */
bool negotiation_idle(const struct negotiation *n);

/* Wipes and frees the key messages. */
void negotiation_forget(struct negotiation *n);

/* Frees TLS and key messages; acknowledgements of late retransmissions go on. */
void negotiation_retire(struct negotiation *n);

#endif
