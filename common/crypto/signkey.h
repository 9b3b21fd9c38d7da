/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A private key alone, without a TLS context: for the process that signs and does nothing else. What it hands
 * out is public: the certificates that came with the key, its id, signatures. One thread.
 */
#ifndef DBR_CRYPTO_SIGNKEY_H
#define DBR_CRYPTO_SIGNKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_KEY_ID_LEN = 32 }; /* SHA-256 of the public key's SubjectPublicKeyInfo */

/* Borrowed for the call of dbr_signkey_new() only. */
struct dbr_signkey_config {
    const char *key; /* PEM, or NULL */
    size_t key_len;
    const uint8_t *pkcs12; /* DER, in its place; or NULL */
    size_t pkcs12_len;
    const char *pass; /* NULL: none */
};

struct dbr_signkey;

/* Keys that are made from now on lie in memory that is locked, as far as the limits allow, is in no core dump
 * and has guard pages around it. Once, before the first key. False: there is no such memory. */
bool dbr_signkey_guard(void);

/* 0, or DBR_ERR_CONFIG, DBR_ERR_NOMEM, DBR_ERR_CRYPTO with one line in why: which input, what is wrong, the
 * way out. */
int dbr_signkey_new(struct dbr_signkey **out, const struct dbr_signkey_config *config, char *why, size_t cap);
void dbr_signkey_free(struct dbr_signkey *k); /* wipes; NULL is fine */

const uint8_t *dbr_signkey_id(const struct dbr_signkey *k); /* DBR_KEY_ID_LEN bytes */
/* PEM of the PKCS#12 file: own certificate and what is between it and the root; the roots. NULL and 0: none.
 */
const char *dbr_signkey_cert(const struct dbr_signkey *k, size_t *len);
const char *dbr_signkey_ca(const struct dbr_signkey *k, size_t *len);

/* Signs n bytes as the scheme of this number says (crypto/tls_scheme.h); *len is the room at sig, then the
 * length. 0; DBR_ERR_NOTFOUND: no such scheme, or not for this kind of key; DBR_ERR_CRYPTO. What the bytes
 * are is for the caller to judge. */
int dbr_signkey_sign(struct dbr_signkey *k, uint16_t scheme, const uint8_t *message, size_t n, uint8_t *sig,
                     size_t *len);

#endif
