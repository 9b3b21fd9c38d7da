/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Signing in two steps, so that the bytes can be made durable between them: first the to-be-signed part of a
 * certificate or CRL, then a signature over exactly those bytes. Internal to the room. One thread.
 */
#ifndef DBR_CERTS_SIGN_H
#define DBR_CERTS_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "certs/derout.h"
#include "certs/profile.h"
#include "certs/serial.h"

/* What a certificate shall say. */
struct cert_draft {
    const struct dbr_profile *profile;
    const X509_NAME *subject;
    EVP_PKEY *public_key;
    struct dbr_serial serial;
    int64_t not_before, not_after;  /* unix seconds */
    const char *san;                /* x509v3_config(5), or NULL */
    const char *crl_url, *ocsp_url; /* "" for none */
    X509 *issuer;                   /* NULL: self-signed by signer */
    EVP_PKEY *signer;
};

/* The TBSCertificate in DER, appended to an empty out. DBR_ERR_CRYPTO, DBR_ERR_UNSUPPORTED (the signer's key
 * type). */
int draft_tbs(const struct cert_draft *d, struct dbr_derout *out, char *why, size_t cap);

/* The TBSCertificate of an existing certificate with another serial and other dates (unix seconds), for this
 * signer. Errors as above. */
int redraft_tbs(X509 *old, const struct dbr_serial *serial, int64_t not_before, int64_t not_after,
                EVP_PKEY *signer, struct dbr_derout *out, char *why, size_t cap);

/* SEQUENCE { tbs, algorithm, signature } over n bytes of a TBS, appended to an empty out. */
int sign_tbs(EVP_PKEY *signer, const uint8_t *tbs, size_t n, struct dbr_derout *out, char *why, size_t cap);

/* AlgorithmIdentifier of signatures by this key. */
int put_algorithm(const EVP_PKEY *signer, struct dbr_derout *out);
/* BIT STRING with the signature over n bytes. */
int put_signature(EVP_PKEY *signer, const uint8_t *bytes, size_t n, struct dbr_derout *out);

/* The subject of a name: prefix in oneline form ("/C=FR/O=Example" or ""), then CN. NULL: an attribute that
 * OpenSSL does not know, or a value it does not take. */
X509_NAME *make_subject(const char *prefix, const char *cn);

#endif
