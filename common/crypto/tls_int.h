/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: what the three files of TLS share. tls_ctx.c builds a context from the
 * configuration, tls.c drives one session, tls_verify.c judges the peer's chain; tls_pipe.c carries the bytes
 * between them and us.
 */
#ifndef DBR_CRYPTO_TLS_INT_H
#define DBR_CRYPTO_TLS_INT_H

#include "base/format.h"
#include "crypto/lib.h"
#include "crypto/tls.h"

#include <openssl/ssl.h>

#include <stdatomic.h>

enum {
    CHAIN_MAX = 8,             /* intermediates between a leaf and its root */
    CERT_LIST_MAX = 32 * 1024, /* bytes of the peer's Certificate message */
    UNREAD_MAX = 64 * 1024,    /* cipher bytes fed and not yet taken */
    OUT_MAX = 64 * 1024,       /* cipher bytes not yet drained before write waits */
    HANDSHAKE_MAX = 64 * 1024, /* cipher bytes of a whole handshake */
    LATE_MESSAGES_MAX = 32,    /* KeyUpdate and NewSessionTicket in the life of a session */
};

/* A queue of bytes: pushed at the end, pulled at the front; gives its memory back when it is empty. */
struct pipe {
    uint8_t *data;
    size_t start, len, cap;
};
bool pipe_push(struct pipe *p, const void *data, size_t n); /* false: no memory; nothing was pushed */
size_t pipe_pull(struct pipe *p, void *out, size_t cap);
void pipe_fini(struct pipe *p); /* wipes */

struct dbr_tls_ctx {
    atomic_uint refs;
    SSL_CTX *ssl_ctx;
    bool server, fingerprint;
    const char **name_fields; /* own copy */
    size_t n_name_fields;
    dbr_tls_verify_fn *verify;
    dbr_tls_sign_fn *sign;
    unsigned signer;
    dbr_tls_ask_fn *ask;
    uint8_t key_id[32]; /* beside ask */
    void *arg;
    struct dbr_x509 cert;
};

/* A signature that the handshake waits for. */
struct tls_signing {
    struct dbr_sign_request request;   /* for sign */
    struct dbr_tls_to_sign what;       /* for ask; the message is in the job that waits */
    const struct dbr_to_sign *to_sign; /* what request was made of; there, too */
    bool said, answered;               /* to its owner; by him */
    uint8_t sig[DBR_SIGNATURE_MAX];
    size_t n;
};

struct dbr_tls {
    SSL *ssl;
    struct dbr_tls_ctx *ctx;
    void *session_arg;
    struct pipe in, out;
    size_t handshake_bytes;
    unsigned late_messages;
    int alert;   /* fatal alert the peer sent, or -1 */
    int failure; /* 0, or the error every call gives from now on */
    bool done;
    bool stop;                   /* the peer did what we do not serve: the pipe runs dry at once */
    struct tls_signing *signing; /* NULL: none */
    bool signed_once;            /* there is one signature of ours in a handshake */
    struct dbr_x509 peer;
    char *why; /* of DBR_TLS_WHY_MAX bytes, made when there is one */
};

/* The BIO method whose both ends are the pipes of the struct dbr_tls in its data; NULL without memory. Made
 * once. */
const BIO_METHOD *tls_pipe_method(void);

/* Keeps the first reason; later ones are consequences. */
void tls_because(struct dbr_tls *t, const char *fmt, ...) DBR_PRINTF(2, 3);

/* SSL_CTX_set_cert_verify_callback. */
int tls_verify_chain(X509_STORE_CTX *store, void *unused);

/* SSL_CTX_set_info_callback, SSL_CTX_set_msg_callback. */
void tls_on_info(const SSL *ssl, int where, int ret);
void tls_on_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl, void *unused);

#endif
