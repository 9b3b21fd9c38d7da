/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificates for the tests, made when they are needed, good and bad ones.
 */
#ifndef DBR_TESTS_PKI_H
#define DBR_TESTS_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stddef.h>
#include <stdint.h>

/* What a certificate is to be; zeroed fields have the defaults in brackets. */
struct pki_spec {
    const char *subject;    /* "/C=FR/O=Office/CN=alice" */
    long serial;            /* [a running number] */
    const char *serial_hex; /* instead, any length, "-" first for negative */
    long from_s, to_s;      /* validity from now [-3600, +86400] */
    const char *exts[12];   /* name and value in turns: "basicConstraints", "CA:TRUE", ... */
    const char *digest;     /* [SHA256] */
    int rsa_bits;           /* [0: a P-256 key] */
    int version;            /* [2: version 3] */
    EVP_PKEY *key;          /* [a new one]; a reference is taken */
    void (*twist)(X509 *);  /* [none] a last change before it is signed */
    void (*spoil)(X509 *);  /* [none] a change after it is signed */
};

struct pki_id {
    X509 *cert;
    EVP_PKEY *key;
    char *pem, *key_pem; /* NUL-terminated */
    size_t pem_len, key_pem_len;
};

/* Makes and signs; issuer NULL: self-signed. Ends the program on failure. */
struct pki_id *pki_make(const struct pki_spec *spec, const struct pki_id *issuer);
void pki_free(struct pki_id *id);

/* The usual ones. */
struct pki_id *pki_root(const char *cn);
struct pki_id *pki_server(const char *cn, const struct pki_id *issuer);
struct pki_id *pki_client(const char *cn, const struct pki_id *issuer);

/* Adds an attribute with raw bytes of any ASN.1 string type to the subject. */
void pki_add_raw(X509 *cert, int nid, int asn1_type, const void *bytes, int n);

#endif
