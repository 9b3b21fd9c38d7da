/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * TLS as a function on memory: cipher bytes go in with feed, come out with drain, and step drives the
 * handshake. No socket, no file (except capath). Mutual certificates always; TLS 1.2 and 1.3; no tickets, no
 * session cache, no renegotiation, no compression, no early data. One struct dbr_tls belongs to one session
 * and one thread; a struct dbr_tls_ctx is counted and may be replaced while sessions made from the old one
 * live on.
 *
 *     feed(bytes of CONTROL_V1) -> step -> drain(into CONTROL_V1) ... until step gives 0, then read and write
 *
 * A failure is final: every later call gives it again, but there may still be an alert to drain. Every
 * failure has its reason in dbr_tls_why(). One session's failure never shows in another's (the library's
 * error queue is emptied before each call; CVE-2005-2531).
 */
#ifndef DBR_CRYPTO_TLS_H
#define DBR_CRYPTO_TLS_H

#include "crypto/x509.h"

#include "crypto/sign_request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DBR_TLS_WHY_MAX 512

/* What the verify function says; each but OK goes to the peer as the TLS alert beside it. */
enum dbr_verify {
    DBR_VERIFY_OK,
    DBR_VERIFY_REVOKED,    /* certificate_revoked 44 */
    DBR_VERIFY_EXPIRED,    /* certificate_expired 45 */
    DBR_VERIFY_BAD,        /* bad_certificate 42: names, purposes, policy */
    DBR_VERIFY_UNKNOWN_CA, /* unknown_ca 48 */
};

/* Called once per handshake after the chain check succeeded; chain[0] is the peer's own, the last the root;
 * borrowed for the call. On refusal it writes its reason into why ("certificate revoked"): it becomes the
 * error= of the line "VERIFY ERROR: depth=0, error=REASON: SUBJECT, serial=N"; a text that begins with
 * "VERIFY " is taken as the whole line. */
typedef enum dbr_verify dbr_tls_verify_fn(void *arg, void *session_arg, const struct dbr_x509 *chain,
                                          size_t n, char *why, size_t why_cap);

/* Somebody else has the private key and is to sign this; the answer comes by dbr_tls_signed(), later. */
typedef void dbr_tls_sign_fn(void *arg, void *session_arg, const struct dbr_sign_request *r);

struct dbr_tls_to_sign {
    uint16_t scheme;        /* crypto/tls_scheme.h */
    const uint8_t *key_id;  /* of our certificate's key, 32 bytes: crypto/signkey.h */
    const uint8_t *message; /* whole, not its digest */
    size_t n;
};
/* The same for a process of our own, which looks at what it signs; `what` is borrowed for the call. */
typedef void dbr_tls_ask_fn(void *arg, void *session_arg, const struct dbr_tls_to_sign *what);

/* Text inputs are borrowed for the call of dbr_tls_ctx_new() only. PEM texts may hold other text around the
 * blocks. */
struct dbr_tls_config {
    bool server;
    const char *ca; /* PEM: trusted roots; with capath NULL one is needed */
    size_t ca_len;
    const char *capath; /* folder in OpenSSL's hashed form, read at handshakes; or NULL */
    const char *cert;   /* PEM: own certificate, and the chain to send after it */
    size_t cert_len;
    const char *extra_certs; /* PEM: more of the chain, or NULL */
    size_t extra_certs_len;
    const char *key; /* PEM: private key */
    size_t key_len;
    const char *key_pass;  /* pass phrase of key or pkcs12; NULL: none */
    dbr_tls_sign_fn *sign; /* instead of key: management-external-key; NULL: key is here */
    unsigned signer;       /* what he can do, enum dbr_signer */
    dbr_tls_ask_fn *ask;   /* instead of key and pkcs12: the signer process; NULL: key is here */
    const uint8_t *key_id; /* of the key that it has; must be our certificate's. NULL: not looked at */
    const uint8_t *pkcs12; /* DER, instead of ca (where absent), cert and key; or NULL */
    size_t pkcs12_len;
    int version_min, version_max;   /* 12 or 13; 0: 12 and 13 */
    const char *cipher_list;        /* tls-cipher: OpenSSL's or IANA's names, ':' between; NULL: default */
    const char *ciphersuites;       /* tls-ciphersuites (TLS 1.3); NULL: default */
    const char *groups;             /* tls-groups; NULL: default */
    const char *cert_profile;       /* insecure, legacy, preferred, suiteb; NULL: preferred (112 bits) */
    bool fingerprint;               /* no CA: the verify function decides about the peer's own certificate */
    const char *const *name_fields; /* x509-username-field, or NULL: the CN */
    size_t n_name_fields;
    int64_t now;               /* unix seconds, for "our certificate has expired"; 0: do not look */
    dbr_tls_verify_fn *verify; /* NULL: the chain check alone decides */
    void *arg;
};

struct dbr_tls_ctx;

/* Parses and cross-checks everything. 0, or DBR_ERR_CONFIG, DBR_ERR_NOMEM, DBR_ERR_CRYPTO with one line in
 * why: which input, what is wrong, the way out. The caller holds one reference. */
int dbr_tls_ctx_new(struct dbr_tls_ctx **out, const struct dbr_tls_config *config, char *why, size_t cap);
struct dbr_tls_ctx *dbr_tls_ctx_get(struct dbr_tls_ctx *ctx); /* one reference more; any thread */
void dbr_tls_ctx_put(struct dbr_tls_ctx *ctx);                /* one less; NULL is fine */

/* Own certificate of the context (for its expiry date and the log); lives as long as ctx. */
const struct dbr_x509 *dbr_tls_ctx_cert(const struct dbr_tls_ctx *ctx);

const uint8_t *dbr_tls_ctx_key_id(const struct dbr_tls_ctx *ctx); /* beside config.ask: 32 bytes; as long */

struct dbr_tls;

/* A session before its handshake; keeps a reference to ctx; session_arg is handed to the verify function. 0,
 * DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_tls_new(struct dbr_tls **out, struct dbr_tls_ctx *ctx, void *session_arg);
void dbr_tls_free(struct dbr_tls *tls); /* wipes; NULL is fine */

/* The time certificates are judged at, unix seconds (default: the system's clock at the handshake). Before
 * the first step. */
void dbr_tls_set_time(struct dbr_tls *tls, int64_t unix_s);

/* Takes n cipher bytes from the peer; copied. 0, DBR_ERR_LIMIT (over 64 kB unread, or in one handshake; the
 * session has failed), DBR_ERR_NOMEM (it has failed too), or the error of an earlier failure. */
int dbr_tls_feed(struct dbr_tls *tls, const uint8_t *data, size_t n);

/* Moves up to cap cipher bytes for the peer to out; returns how many, 0: none. Also after a failure (the
 * alert). */
size_t dbr_tls_drain(struct dbr_tls *tls, uint8_t *out, size_t cap);
size_t dbr_tls_pending_out(const struct dbr_tls *tls);

/* Drives the handshake with what was fed. 0: done (again and again), DBR_ERR_AGAIN: more input needed,
 * DBR_ERR_CERT: the peer's certificate was refused by us, DBR_ERR_TLS: anything else. A client's first step
 * makes its ClientHello. */
int dbr_tls_step(struct dbr_tls *tls);
bool dbr_tls_done(const struct dbr_tls *tls);

/* The answer to dbr_tls_sign_fn, n bytes, 0: nobody signs, and the handshake fails. dbr_tls_step() goes on
 * with it. 0, or DBR_ERR_STATE: none was asked for. */
int dbr_tls_signed(struct dbr_tls *tls, const uint8_t *sig, size_t n);
bool dbr_tls_wants_signature(const struct dbr_tls *tls);
/* Beside config.ask: it waits for one over this message. */
bool dbr_tls_wants_signature_of(const struct dbr_tls *tls, const uint8_t *message, size_t n);
/* Before that: 0: this is the signature that r asked for; DBR_ERR_AUTH: it does not verify; DBR_ERR_STATE:
 * that is not what tls waits for (any more). Nothing changes. */
int dbr_tls_check_signature(const struct dbr_tls *tls, const struct dbr_sign_request *r, const uint8_t *sig,
                            size_t n);

/* Plain bytes after the handshake. read: 0 with *n in 1..cap, DBR_ERR_AGAIN (nothing complete, or handshake
 * not done), DBR_ERR_TLS (failed or closed by the peer). Call it until DBR_ERR_AGAIN. write: all n bytes (at
 * most 64 kB) or none: 0, DBR_ERR_AGAIN (with these over 64 kB would wait to be drained), DBR_ERR_STATE
 * (handshake not done), DBR_ERR_TLS. */
int dbr_tls_read(struct dbr_tls *tls, uint8_t *buf, size_t cap, size_t *n);
int dbr_tls_write(struct dbr_tls *tls, const uint8_t *buf, size_t n);

/* Sends close_notify (to be drained); nothing more can be written. */
void dbr_tls_close(struct dbr_tls *tls);

/* Reason of the failure in one line ("" without one), safe for logs: "VERIFY ERROR: depth=0,
 * error=certificate has expired: CN=alice, serial=7", "peer sent alert: unknown ca". Lives until the next
 * call on tls. */
const char *dbr_tls_why(const struct dbr_tls *tls);

/* Keying material (RFC 5705, RFC 8446 section 7.5) of n bytes under the label, without context as OpenVPN
 * does it ("EXPORTER-OpenVPN-datakeys", 256). 0, DBR_ERR_STATE (handshake not done) or DBR_ERR_CRYPTO (out
 * wiped). */
int dbr_tls_export(struct dbr_tls *tls, const char *label, uint8_t *out, size_t n);

/* The peer's certificate once verified, or NULL; lives as long as tls. */
const struct dbr_x509 *dbr_tls_peer(const struct dbr_tls *tls);

/* Line for the log once done: "Control Channel: TLSv1.3, cipher TLSv1.3 TLS_AES_256_GCM_SHA384, peer
 * certificate: 2048 bits RSA, signature: RSA-SHA256, peer temporary key: 253 bits X25519". Returns out. */
const char *dbr_tls_describe(struct dbr_tls *tls, char *out, size_t cap);

#endif
