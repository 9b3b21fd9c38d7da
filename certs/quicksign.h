/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A key that signs often: what OpenSSL looks up and sets up for a signature is done once and kept, so that an
 * OCSP answer costs the signature and little else. Internal to the room. One thread.
 */
#ifndef DBR_CERTS_QUICKSIGN_H
#define DBR_CERTS_QUICKSIGN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "certs/derout.h"

struct quick_signer {
    EVP_PKEY *key;     /* a reference */
    EVP_PKEY_CTX *ctx; /* NULL: the key hashes by itself (Ed25519) */
    EVP_MD *md;
    EVP_MD_CTX *hash;
    struct dbr_derout algorithm; /* AlgorithmIdentifier */
};

/* Takes a reference to the key. s is all zero before, and after an error still wants quick_signer_free.
 * DBR_ERR_UNSUPPORTED (the key's type), DBR_ERR_CRYPTO. */
int quick_signer_init(struct quick_signer *s, EVP_PKEY *key);
void quick_signer_free(struct quick_signer *s);

/* The same bytes as sign_tbs() gives after its TBS: AlgorithmIdentifier, BIT STRING with the signature over n
 * bytes. The bytes may lie in out itself. DBR_ERR_CRYPTO: nothing was written. */
int quick_put_signature(struct quick_signer *s, const uint8_t *bytes, size_t n, struct dbr_derout *out);

#endif
