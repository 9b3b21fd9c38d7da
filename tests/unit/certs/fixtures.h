/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Things to be hostile with: a DER writer that writes whatever it is told, keys, CA certificates, and CRLs
 * with one property turned at a time. One thread.
 */
#ifndef DBR_TEST_CERTS_FIXTURES_H
#define DBR_TEST_CERTS_FIXTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* --- DER
 * ------------------------------------------------------------------------------------------------------ */

enum { OUT_DEPTH = 16 };
struct out {
    uint8_t *p;
    size_t n, cap;
    size_t open[OUT_DEPTH];
    int depth;
};

void out_free(struct out *o);
void out_raw(struct out *o, const void *bytes, size_t n);
void out_begin(struct out *o, int tag);
void out_end(struct out *o);
void out_tlv(struct out *o, int tag, const void *body, size_t n);
void out_oid(struct out *o, int nid);
void out_gentime(struct out *o, int64_t unix_seconds);
/* One Extension; id is the last byte of 2.5.29.x. */
void out_extension(struct out *o, int id, bool critical, const void *value, size_t n);

/* --- keys and certificates
 * ------------------------------------------------------------------------------------ */

EVP_PKEY *make_key(const char *type); /* "P-256", "ed25519", "rsa" */

enum { CA_NO_CRLSIGN = 1, CA_NO_SKI = 2 };
/* A self-signed CA certificate, valid 2020 .. 2050. */
X509 *make_ca(EVP_PKEY *key, const char *cn, unsigned flags);
/* PEM or DER of it on the heap. */
uint8_t *cert_pem(X509 *cert, size_t *len);
uint8_t *cert_der(X509 *cert, size_t *len);

/* --- CRLs
 * ----------------------------------------------------------------------------------------------------- */

/* What a list shall be like; zero means the good way. */
struct crl_spec {
    EVP_PKEY *key;
    const char *digest; /* "SHA256" by default; NULL with Ed25519 */
    const char *cn;     /* issuer name */
    int64_t this_update, next_update;
    bool no_next, v1, two_algorithms, trailing, trailing_tbs, bad_bits, version_3;
    const char *number; /* hex magnitude; NULL: none */
    const uint8_t *akid;
    size_t akid_len;
    int extra_ext[4]; /* ids of 2.5.29.x added, negative = critical */
    size_t entries;   /* serials first_serial, +1, ... */
    uint64_t first_serial;
    bool descending;
    const uint8_t *odd_serial; /* one more entry with this INTEGER body */
    size_t odd_serial_len;
    int entry_ext; /* id of an extension in each entry, negative = critical; 21 = reason */
    int reason;
    bool double_reason;
};

uint8_t *make_crl(const struct crl_spec *s, size_t *len);
uint8_t *to_pem(const char *label, const uint8_t *der, size_t len, size_t *pem_len);

#endif
