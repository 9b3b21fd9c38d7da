/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What somebody else, who has our private key, is asked to sign: the bytes, and the name of what he is to do
 * with them, as OpenVPN's management interface has it (management-notes.txt, pk-sig). How far the bytes are
 * prepared depends on what he can do. Pure but for the salt.
 */
#ifndef DBR_CRYPTO_SIGN_REQUEST_H
#define DBR_CRYPTO_SIGN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The words of management-external-key. */
enum dbr_signer {
    DBR_SIGNER_NOPADDING = 1 << 0, /* the bare RSA operation */
    DBR_SIGNER_PKCS1 = 1 << 1,     /* RSASSA-PKCS1-v1_5 over a DigestInfo */
    DBR_SIGNER_PSS = 1 << 2,       /* RSASSA-PSS over a digest */
    DBR_SIGNER_DIGEST = 1 << 3,    /* he makes the digest too */
};

enum { DBR_SIGN_DATA_MAX = 1024, DBR_SIGN_ALGORITHM_MAX = 96, DBR_SIGNATURE_MAX = 1024 };

struct dbr_sign_request {
    char algorithm[DBR_SIGN_ALGORITHM_MAX];
    uint8_t data[DBR_SIGN_DATA_MAX];
    size_t n;
};

struct dbr_to_sign {
    const char *kind;       /* of key: "RSA", "EC", "ED25519", "ED448" */
    bool ec, pss;           /* else RSASSA-PKCS1-v1_5 */
    const char *digest;     /* "SHA256" ... "SHA512", "SHA1"; "" where the algorithm has its own */
    int salt_len;           /* of PSS, bytes; -1: as long as the digest */
    unsigned key_bits;      /* of an RSA key */
    const uint8_t *message; /* what the digest is made of */
    size_t n;
};

/* What to ask a signer who can do this (enum dbr_signer, some of them; none: PKCS1). 0; DBR_ERR_NOTFOUND: he
 * cannot do it; DBR_ERR_SPACE: the key is too long or too short; DBR_ERR_CRYPTO. */
int dbr_sign_request(struct dbr_sign_request *out, const struct dbr_to_sign *what, unsigned signer);

#endif
