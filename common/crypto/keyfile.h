/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Inside this room only: a private key out of the forms it is kept in. Who calls owns what comes out. One
 * line in why when it fails: which input, what is wrong, the way out.
 */
#ifndef DBR_CRYPTO_KEYFILE_H
#define DBR_CRYPTO_KEYFILE_H

#include <openssl/x509.h>

#include <stddef.h>
#include <stdint.h>

/* Out of a PEM text; pass NULL: none is known. NULL after a line in why. */
EVP_PKEY *keyfile_pem(const char *text, size_t len, const char *pass, char *why, size_t cap);

/* Key, certificate and chain (NULL: none) of a PKCS#12 file in DER. 0 or DBR_ERR_CONFIG. */
int keyfile_p12(const uint8_t *der, size_t len, const char *pass, EVP_PKEY **key, X509 **cert,
                STACK_OF(X509) * *chain, char *why, size_t cap);

/* What identifies a key: SHA-256 of its SubjectPublicKeyInfo, of a key or as a certificate has it. 0 or
 * DBR_ERR_CRYPTO. */
int keyfile_id(EVP_PKEY *key, uint8_t id[32]);
int keyfile_cert_id(const X509 *cert, uint8_t id[32]);

#endif
