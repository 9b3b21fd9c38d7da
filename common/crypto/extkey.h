/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: a private key that somebody else has, as a key of OpenSSL's. A provider of our own
 * (provider-base(7)) beside the algorithms of TLS has the public part and hands each signature on to the
 * struct dbr_tls whose handshake needs it. That handshake runs in a job of OpenSSL's (ASYNC_start_job(3)),
 * which stands still until the signature has come, while the thread goes on with others. One thread.
 */
#ifndef DBR_CRYPTO_EXTKEY_H
#define DBR_CRYPTO_EXTKEY_H

#include "crypto/sign_request.h"

#include <openssl/types.h>

struct dbr_tls;

/* The key whose public part this certificate has, for lean_ctx(). NULL: no memory, or a kind
 * that TLS does not sign with. */
EVP_PKEY *extkey_new(X509 *cert);

/* tls.c: puts the request before the owner of the TLS session that is being driven and waits in its job. The
 * length of the signature, 0: there is none. */
size_t tls_ask_signature(const struct dbr_to_sign *what, uint8_t *sig, size_t cap);

#endif
