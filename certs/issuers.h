/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The CA certificates that may sign CRLs, with their names, key ids and public keys taken out once. Internal
 * to the room; a dbr_issuers never changes after birth and may be read from any thread.
 */
#ifndef DBR_CERTS_ISSUERS_H
#define DBR_CERTS_ISSUERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "certs/crl.h"

struct issuer;

/* The parts of a signed CRL; pointers into its DER, whole TLVs but for akid and signature (content only). */
struct issuer_signed {
    const uint8_t *name;
    size_t name_len;
    const uint8_t *akid; /* NULL: none */
    size_t akid_len;
    const uint8_t *tbs;
    size_t tbs_len;
    const uint8_t *algorithm;
    size_t algorithm_len;
    const uint8_t *signature;
    size_t signature_len;
};

/* Finds the issuer that signed it and verifies the signature; *by is borrowed from issuers. DBR_ERR_NOTFOUND:
 * no certificate of that name. DBR_ERR_AUTH: the signature is not by any of them. DBR_ERR_CERT: weak digest,
 * unknown algorithm, no cRLSign. */
int dbr_issuers_verify_crl(const struct dbr_issuers *issuers, const struct issuer_signed *s,
                           const struct issuer **by, char *why, size_t cap);

/* Bytes n that key signed: algorithm is a whole AlgorithmIdentifier in DER, signature the content of the BIT
 * STRING. DBR_ERR_SHAPE, DBR_ERR_CERT (MD5 or SHA-1), DBR_ERR_AUTH. */
int verify_signed(EVP_PKEY *key, const uint8_t *tbs, size_t tbs_len, const uint8_t *algorithm,
                  size_t algorithm_len, const uint8_t *signature, size_t signature_len, char *why,
                  size_t cap);

const uint8_t *dbr_issuer_name(const struct issuer *i, size_t *len);
const uint8_t *dbr_issuer_key_id(const struct issuer *i); /* SHA-256 of the SubjectPublicKeyInfo, 32 bytes */

/* True if one of them has this key (dbr_issuer_key_id). */
bool dbr_issuers_have_key(const struct dbr_issuers *issuers, const uint8_t key_id[32]);

/* SHA-256 of the public key that signed the list, 32 bytes. */
const uint8_t *dbr_crl_key_id(const struct dbr_crl *crl);

#endif
