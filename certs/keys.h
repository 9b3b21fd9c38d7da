/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Private keys: made, written as encrypted PKCS#8 (PBES2, AES-256-CBC, PBKDF2 with HMAC-SHA256 and 600,000
 * rounds, which every OpenVPN client can read), read back. Passphrases come as bytes and are borrowed. One
 * thread.
 */
#ifndef DBR_CERTS_KEYS_H
#define DBR_CERTS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

enum { DBR_KEY_ITERATIONS = 600000, DBR_KEY_FILE_MAX = 65536 };

/* "rsa:2048", "rsa:3072", "rsa:4096", "P-256", "P-384", "ed25519" (either case). */
bool dbr_key_type_known(const char *type);
/* Makes a key; NULL: unknown type or failure of the library. */
EVP_PKEY *dbr_key_generate(const char *type);
/* The name above that fits this public key, or NULL if it is none we accept (RSA of 2048..4096 bits with a
 * usual exponent, the two curves by name, Ed25519). */
const char *dbr_key_type_of(const EVP_PKEY *key);
/* The digest to sign with: NULL for Ed25519. */
const EVP_MD *dbr_key_digest(const EVP_PKEY *key);

/* A passphrase, or none (p == NULL). */
struct dbr_pass {
    const char *p;
    size_t n;
};

/* PEM of the key on the heap, encrypted unless pass->p is NULL. The caller wipes (dbr_wipe) and frees. */
int dbr_key_write(const EVP_PKEY *key, const struct dbr_pass *pass, uint8_t **pem, size_t *len);

/* A key from PEM (PKCS#8, plain or encrypted, or the older forms). DBR_ERR_AUTH: wrong passphrase, or one is
 * needed and pass->p is NULL. DBR_ERR_SHAPE: no key in it. */
int dbr_key_read(EVP_PKEY **out, const uint8_t *pem, size_t len, const struct dbr_pass *pass, char *why,
                 size_t cap);

/* How a key file is protected. */
enum dbr_key_protection {
    DBR_KEY_PLAIN,
    DBR_KEY_STRONG, /* PBES2 with AES-256 and a KDF of at least 100,000 rounds, or scrypt */
    DBR_KEY_WEAK,   /* anything else: DES, RC2, the old PEM encryption, few rounds */
    DBR_KEY_NONE,   /* no private key in it */
};
enum dbr_key_protection dbr_key_protection(const uint8_t *pem, size_t len);

#endif
