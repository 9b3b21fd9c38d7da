/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Two TLS ends in memory, and a raw OpenSSL end that may misbehave in place of one of ours.
 */
#ifndef DBR_TESTS_WIRE_H
#define DBR_TESTS_WIRE_H

#include "crypto/tls.h"
#include "pki.h"

#include <openssl/ssl.h>

/* A context of ours that trusts ca and shows own; config may be NULL (defaults) and is completed. Fails the
 * test. */
struct dbr_tls_ctx *wire_ctx(bool server, const struct pki_id *ca, const struct pki_id *own,
                             const struct dbr_tls_config *config);

/* A session; ends the test on failure. The context may be put afterwards. */
struct dbr_tls *wire_session(struct dbr_tls_ctx *ctx, void *session_arg);

/* Moves all waiting cipher bytes, in pieces of at most chunk bytes; returns how many. */
size_t wire_move(struct dbr_tls *from, struct dbr_tls *to, size_t chunk);

/* Steps and moves until both ends are done or nothing moves any more. Results of the last steps. */
struct wire_result {
    int client, server;
};
struct wire_result wire_handshake(struct dbr_tls *client, struct dbr_tls *server, size_t chunk);

/* Both ends done, or the test fails with the reasons. */
void wire_must_connect(struct dbr_tls *client, struct dbr_tls *server);

/* A raw end: own and ca may be NULL. */
SSL *raw_end(bool server, const struct pki_id *ca, const struct pki_id *own, int version);
void raw_free(SSL *raw);
size_t raw_to_ours(SSL *raw, struct dbr_tls *ours);
size_t ours_to_raw(struct dbr_tls *ours, SSL *raw);

/* Steps both until nothing moves; returns the last step of ours. */
int raw_handshake(SSL *raw, struct dbr_tls *ours);

#endif
