/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A session: the control state of one far end, server or client side. Datagrams in, datagrams out, one
 * deadline; time and randomness are parameters. It carries up to three key negotiations (the one that serves,
 * the next one, the old one that fades), each with its own reliability layer and TLS object, and tells its
 * owner which data keys to install, to send with and to drop. One session is one object: a new hard reset
 * makes a new session, never reuses one, and an outgoing datagram is handed to send() whole and is not
 * referred to afterwards.
 *
 *   server                                    client
 *   (cookie proved) new_server()              new_client() -> RESET_CLIENT
 *   feed()  TLS handshake                     feed()  RESET_SERVER, TLS handshake
 *   feed()  client's key message              sends its key message
 *     -> authorize()                          feed()  server's key message
 *     -> keys(), PUSH_REPLY                   feed()  PUSH_REPLY -> pushed(), keys()
 *   state ACTIVE                              state ACTIVE
 *
 * Owner: the control process, one thread. Callbacks must not free the session; look at dbr_session_state()
 * after each call. Source: openvpn-wire-protocol; OpenVPN 2.6 ssl.c, push.c.
 */
#ifndef DBR_PROTO_SESSION_H
#define DBR_PROTO_SESSION_H

#include "base/addr.h"
#include "crypto/tls.h"
#include "proto/ctrlmsg.h"
#include "proto/data.h"
#include "proto/gate.h"
#include "proto/negotiate.h"
#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The clocks, read once per event by the program. */
struct dbr_now {
    uint64_t ns;    /* monotonic nanoseconds */
    int64_t unix_s; /* wall clock */
};

enum dbr_session_state {
    DBR_SESSION_HANDSHAKE, /* TLS and key messages of the first negotiation */
    DBR_SESSION_VERDICT,   /* server: authorize() said DBR_ERR_AGAIN; waits for dbr_session_verdict() */
    DBR_SESSION_PUSH,      /* authorized; push request or reply outstanding */
    DBR_SESSION_ACTIVE,    /* data keys are installed on both sides */
    DBR_SESSION_CLOSING,   /* last words are being delivered; no data keys any more */
    DBR_SESSION_DEAD,      /* free it */
};

struct dbr_session;

/* What a session asks of its owner. All are required unless said. */
struct dbr_session_ops {
    /* One whole datagram for the peer; send or copy it now. */
    void (*send)(void *arg, struct dbr_session *s, const uint8_t *dgram, size_t len);
    /* Server: the first negotiation has a verified certificate (dbr_session_peer) and the peer info. 0: let
     * in; DBR_ERR_AGAIN: the verdict comes later; else refused, reason (cap bytes) goes out as
     * AUTH_FAILED,reason. */
    int (*authorize)(void *arg, struct dbr_session *s, char *reason, size_t cap);
    /* Server: the same for a renegotiation. Until the verdict the data keys so far serve; a refusal ends the
     * session. NULL: a verified certificate is enough. */
    int (*reauthorize)(void *arg, struct dbr_session *s, char *reason, size_t cap);
    /* Install these keys: the first ones become primary, later ones secondary. 0 or an error that ends the
     * session. The keys are wiped after the call. */
    int (*keys)(void *arg, struct dbr_session *s, const struct dbr_data_keys *keys);
    /* Send with this key from now on. / Forget this key. */
    void (*swap)(void *arg, struct dbr_session *s, uint8_t key_id);
    void (*drop)(void *arg, struct dbr_session *s, uint8_t key_id);
    /* Server: the options to push (ifconfig, route-gateway, ping ...) into opts (max entries); returns their
     * number. What the protocol itself needs (peer-id, cipher, protocol-flags, tun-mtu, compress) is added by
     * the session. The strings must stay until the next call. */
    size_t (*push_options)(void *arg, struct dbr_session *s, const char **opts, size_t max);
    /* Client: user name and password of the next key message, DBR_USERPASS_MAX bytes each, "" for none. 0 or
     * an error that ends the session. NULL: there are none. */
    int (*credentials)(void *arg, struct dbr_session *s, char *user, char *pass);
    /* Client: the options of a complete PUSH_REPLY, comma separated, after the session took its own; "" where
     * there is none (p2p). 0 or an error that ends the session. */
    int (*pushed)(void *arg, struct dbr_session *s, const char *options);
    /* A control message that is the owner's business: EXIT, RESTART, HALT, AUTH_FAILED, INFO,
     * and on a client that is ACTIVE another PUSH_REPLY ... */
    void (*message)(void *arg, struct dbr_session *s, enum dbr_ctrlmsg kind, const char *rest);
    /* A line for the log; peer-chosen bytes in it are escaped. */
    void (*log)(void *arg, struct dbr_session *s, int level, const char *line);
    /* n random bytes. */
    void (*random)(void *arg, void *out, size_t n);
};

/* Shared by all sessions of a daemon; borrowed. A reload changes tls, the others stay. */
struct dbr_session_config {
    bool server;
    bool p2p; /* no options are pushed or pulled: one far end, keys at once after the key messages */
    struct dbr_gate *gate;     /* not NULL; kind NONE for an ungated server */
    const uint8_t *static_key; /* the gate's 256 bytes for dyn-tls-crypt, or NULL */
    const uint8_t *wkc;        /* client, tls-crypt-v2: the wrapped key to bring along; gate is tls-crypt */
    size_t wkc_len;            /* 0: no tls-crypt-v2 */
    struct dbr_tls_ctx *tls;
    const char *data_ciphers;  /* colon list in preference order */
    enum dbr_cipher fallback;  /* DBR_CIPHER_NONE: refuse peers without a common cipher */
    const char *auth, *cipher; /* for the options string; auth: the digest beside a CBC cipher too */
    enum dbr_framing framing;  /* client, p2p: what its own comp-lzo or compress line means */
    int key_direction;         /* likewise */
    bool fragment;             /* we have `fragment`: in force where the peer has it too */
    uint32_t tun_mtu;
    uint32_t hand_window_s, tran_window_s, tls_timeout_s;
    uint32_t reneg_s;      /* 0 = never by time */
    bool push_peer_info;   /* client: reserved words beyond the needed ones */
    bool no_dyn_tls_crypt; /* do not offer it */
    const char *platform;  /* IV_PLAT, "linux" or "win" */
    const char *sso;       /* client: IV_SSO, the questions it can show; NULL: none */
    const struct dbr_session_ops *ops;
    void *arg;
};

/* Server: a client proved its cookie, which is our session id. reset_id is the packet id of its hard reset
 * (0; 1 for MikroTik). Feed the proving datagram next. peer_id is what the client is told to use. NULL
 * without memory. */
struct dbr_session *dbr_session_new_server(const struct dbr_session_config *cfg, uint64_t local_sid,
                                           uint64_t remote_sid, uint32_t reset_id, void *owner,
                                           const struct dbr_now *now);
/* Server, tls-crypt-v2, before anything is fed: this client has a gate (consumed, also on error) and a key of
 * its own. 0 or DBR_ERR_NOMEM. */
int dbr_session_take_gate(struct dbr_session *s, struct dbr_gate *gate,
                          const uint8_t key[DBR_STATIC_KEY_LEN]);
/* Server, tls-crypt-v2 with a client that brings its wrapped key only once: sends the answer to its hard
 * reset from within the session, which was made without a proof of the client's address. 0 or
 * DBR_ERR_NOMEM. */
int dbr_session_answer_at_once(struct dbr_session *s, uint32_t reset_id, const struct dbr_now *now);
/* Client: makes a session id and sends its hard reset. */
struct dbr_session *dbr_session_new_client(const struct dbr_session_config *cfg, void *owner,
                                           const struct dbr_now *now);
/* Whether that is the answer to r, which the TLS context's sign function was asked for this session: as
 * dbr_tls_check_signature(). */
int dbr_session_check_signature(const struct dbr_session *s, const struct dbr_sign_request *r,
                                const uint8_t *sig, size_t n);
/* The answer to what the TLS context's sign function was asked for this session: n bytes, 0: nobody signs. */
void dbr_session_signed(struct dbr_session *s, const uint8_t *sig, size_t n, const struct dbr_now *now);
/* The same to what its ask function was asked for, by the message: a negotiation that was begun anew
 * meanwhile does not get the signature of the one before. */
void dbr_session_signed_message(struct dbr_session *s, const uint8_t *message, size_t message_len,
                                const uint8_t *sig, size_t n, const struct dbr_now *now);
/* Wipes and frees; NULL is fine. Data keys are not dropped by this. */
void dbr_session_free(struct dbr_session *s);

/* One datagram of the control channel that carries this session's remote sid (client: anything from the
 * server). Opens the gate in place. 0 if it was fresh and authentic; else the peer's error, to be counted:
 * nothing has changed. */
int dbr_session_feed(struct dbr_session *s, uint8_t *dgram, size_t len, const struct dbr_now *now);
/* The same behind the gate, for the datagram that made the session. */
int dbr_session_feed_gated(struct dbr_session *s, const struct dbr_gated *g, const struct dbr_now *now);

/* Does what is due; call at or after the deadline. Acknowledgements that no packet takes along leave here:
 * the end of a batch is the time for it. */
void dbr_session_tick(struct dbr_session *s, const struct dbr_now *now);
/* Monotonic nanoseconds; UINT64_MAX: nothing to wait for. Any other call may change it. */
uint64_t dbr_session_deadline(const struct dbr_session *s);

/* Server, where authorize() or reauthorize() said DBR_ERR_AGAIN: err 0 lets the client in, or lets it stay;
 * else it is refused with the reason. */
void dbr_session_verdict(struct dbr_session *s, int err, const char *reason, const struct dbr_now *now);
/* The data side saw the first valid datagram under this key. */
void dbr_session_key_used(struct dbr_session *s, uint8_t key_id, const struct dbr_now *now);
/* Client: the server takes this many seconds more until it pushes; for a session that stands nothing. */
void dbr_session_wait(struct dbr_session *s, unsigned seconds, const struct dbr_now *now);
/* Starts a renegotiation now, unless one is running or the session is not active. */
void dbr_session_renegotiate(struct dbr_session *s, const struct dbr_now *now);
/* Sends a control message ("RESTART,[N]") if TLS is up. 0 or DBR_ERR_STATE. */
int dbr_session_say(struct dbr_session *s, const char *text, const struct dbr_now *now);
/* Drops all data keys at once, then delivers text (may be NULL) within 5 s and dies. why goes to the log
 * at once. */
void dbr_session_close(struct dbr_session *s, const char *text, const char *why, const struct dbr_now *now);

/* Server, in authorize() or before the verdict: the peer id that the client is told to use. In p2p both ends
 * have derived one: then it stays. */
void dbr_session_set_peer_id(struct dbr_session *s, uint32_t peer_id);

enum dbr_session_state dbr_session_state(const struct dbr_session *s);
/* True while dbr_session_verdict() is waited for. */
bool dbr_session_waits(const struct dbr_session *s);
/* Server, during authorize() and reauthorize() only: user name and password of the client's key message as
 * they came, "" for none. The password is wiped when that call returns. */
const char *dbr_session_username(const struct dbr_session *s);
const char *dbr_session_password(const struct dbr_session *s);
/* True once a certificate was verified and the peer authorized. */
bool dbr_session_authenticated(const struct dbr_session *s);
/* True when the first TLS bytes of the peer have arrived: before that a session is half open. */
bool dbr_session_has_tls(const struct dbr_session *s);
const char *dbr_session_why(const struct dbr_session *s); /* reason of closing; "" */
uint64_t dbr_session_local_sid(const struct dbr_session *s);
uint64_t dbr_session_remote_sid(const struct dbr_session *s);
uint32_t
dbr_session_peer_id(const struct dbr_session *s); /* server: given; client: pushed, or DBR_PEER_ID_NONE */
void *dbr_session_owner(const struct dbr_session *s);
/* Certificate, options and peer info of the far end; NULL before they are known. */
const struct dbr_x509 *dbr_session_peer(const struct dbr_session *s);
const struct dbr_peer_info *dbr_session_peer_info(const struct dbr_session *s);
/* Writes our options-consistency string for this peer; its length or a negative error. */
int dbr_session_options(const struct dbr_session *s, char *out, size_t cap);
enum dbr_cipher dbr_session_cipher(const struct dbr_session *s);
enum dbr_framing dbr_session_framing(const struct dbr_session *s);
bool dbr_session_fragment(const struct dbr_session *s); /* payloads have the header of proto/fragment.h */
enum dbr_gate_kind dbr_session_gate_kind(const struct dbr_session *s); /* of key id 0 */
bool dbr_session_cc_exit(const struct dbr_session *s); /* both sides speak EXIT on the control channel */

/* Writes the answer to a hard reset without keeping state: RESET_SERVER with the cookie as session id,
 * acknowledging reset_id. Behind tls-crypt-v2 it asks for the wrapped key again, with the packet that proves
 * the cookie. Returns the datagram's length or a negative error. */
int dbr_session_answer_reset(struct dbr_gate *gate, uint64_t cookie, const struct dbr_gated *reset,
                             uint32_t reset_id, int64_t unix_s, uint8_t *out, size_t cap);

/* tls-crypt-v2: a reset with this replay id comes from a client that brings its wrapped key a second time
 * (OpenVPN 2.6 and newer). */
bool dbr_early_negotiation(uint32_t replay_id);

#endif
