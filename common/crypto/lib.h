/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: the algorithms fetched once by dbr_crypto_init(), and how reasons are written.
 */
#ifndef DBR_CRYPTO_LIB_H
#define DBR_CRYPTO_LIB_H

#include "base/format.h"
#include "crypto/aead.h"
#include "crypto/init.h"

#include <openssl/types.h>

#include <stddef.h>

struct fetched {
    EVP_CIPHER *cipher[DBR_CIPHER_END]; /* by enum dbr_cipher; NULL where the library lacks it */
    EVP_MAC *hmac;
    EVP_KDF *tls1_prf, *hkdf;
    EVP_MD *sha256;
};

/* The fetched algorithms; only after dbr_crypto_init() gave 0. */
const struct fetched *fetched(void);

/* Writes one line into why (cap may be 0) and returns err, so that a check can end with it. */
int say(char *why, size_t cap, int err, const char *fmt, ...) DBR_PRINTF(4, 5);

/* Text of the oldest error in this thread's queue ("bad decrypt"), "unknown reason" without one; empties the
 * queue. */
const char *library_reason(void);

/* "2026-11-21 20:52:00 UTC" of unix seconds. Returns out. */
const char *utc_text(int64_t unix_s, char *out, size_t cap);

/* "2048 bits RSA", "256 bits EC, curve prime256v1"; key may be NULL. */
void key_text(EVP_PKEY *key, char *out, size_t cap);

#endif
