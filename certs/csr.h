/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificate requests (PKCS#10, RFC 2986), which come from anybody. What is used of one is its public key,
 * and its commonName as a proposal; everything else it asks for is only looked at to refuse it with a reason.
 * One thread.
 */
#ifndef DBR_CERTS_CSR_H
#define DBR_CERTS_CSR_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "certs/profile.h"

struct dbr_csr {
    X509_REQ *req;
    EVP_PKEY *key; /* borrowed from req */
    char cn[65];   /* commonName, not yet judged; "" if there is none, or one too long */
    uint8_t *der;  /* the request as OpenSSL writes it */
    size_t der_len;
};

/* Parses PEM or DER up to DBR_CSR_MAX bytes, checks its self-signature, its key's kind and its names.
 * DBR_ERR_LIMIT, DBR_ERR_SHAPE, DBR_ERR_CERT (why says what). On success free with dbr_csr_free. */
int dbr_csr_parse(struct dbr_csr *csr, const uint8_t *bytes, size_t len, char *why, size_t cap);
void dbr_csr_free(struct dbr_csr *csr);

/* Does it ask for nothing that the profile does not give? san is what the admin gives (or NULL): alternative
 * names are accepted if they are among those. DBR_ERR_CERT. */
int dbr_csr_within(const struct dbr_csr *csr, const struct dbr_profile *profile, const char *san, char *why,
                   size_t cap);

#endif
