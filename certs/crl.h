/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Certificate revocation lists: parsed and wholly verified before anything uses them, then held as one flat
 * image of sorted serials. Nothing here reads a clock or a file, and no X509_STORE is ever touched: a CRL of
 * a million entries is verified in one process, its image handed to another through a sealed memfd, and
 * looked up there by binary search.
 *
 *     image:  | head | issuer name (DER) | serial[count], 20 bytes each, ascending | date+reason[count], 8
 * bytes |
 *
 * A struct dbr_crl never changes after birth and is counted (dbr_crl_ref, dbr_crl_free; the count is atomic),
 * so it may be used from any thread. What the verification covers (RFC 5280, section 5 and 6.3): signature
 * with the issuer's key (SHA-1 and MD5 refused), issuer name, authorityKeyIdentifier, keyCertSign/cRLSign of
 * the issuer, thisUpdate (five minutes of clock difference are allowed), nextUpdate present and later, inner
 * and outer algorithm the same, extensions (unknown critical, delta, any issuingDistributionPoint,
 * duplicates: refused), entries (bad serials, unknown critical extensions, certificateIssuer, removeFromCRL:
 * refused), nothing behind it. An expired list is still accepted here: what it means is the policy of
 * certs/trust.h.
 */
#ifndef DBR_CERTS_CRL_H
#define DBR_CERTS_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_SERIAL_MAX = 20,          /* bytes of a serial number or crlNumber (RFC 5280, 4.1.2.2 and 5.2.3) */
    DBR_CRL_MAX_BYTES = 96 << 20, /* longest file accepted, PEM or DER */
    DBR_CRL_MAX_ENTRIES = 2000000,
    DBR_CRL_MAX_LISTS = 16,   /* CRLs in one PEM file: one for each CA of the chain */
    DBR_CRL_MAX_ISSUERS = 64, /* CA certificates that may sign them */
    DBR_CRL_SKEW_S = 300,     /* how far thisUpdate may lie in the future */
};

/* The CA certificates that may have signed a CRL. */
struct dbr_issuers;

/* Parses a PEM bundle (other PEM blocks are skipped) or one DER certificate; the bytes are copied. why (cap
 * >= 1) receives one line on failure, here and in all functions below. Errors: DBR_ERR_SHAPE (no certificate,
 * garbage), DBR_ERR_LIMIT (more than DBR_CRL_MAX_ISSUERS), DBR_ERR_NOMEM. Free with dbr_issuers_free (NULL is
 * good). */
int dbr_issuers_parse(struct dbr_issuers **out, const void *bytes, size_t len, char *why, size_t cap);
void dbr_issuers_free(struct dbr_issuers *issuers);

struct dbr_crl;

/* A verdict on one serial. Reasons are the numbers of RFC 5280, 5.3.1 (0 unspecified, 1 keyCompromise, ...).
 */
struct dbr_crl_entry {
    int reason;
    int64_t date; /* unix seconds of the revocation */
};

/* Parses and verifies one CRL in DER. now is unix seconds. Errors: DBR_ERR_SHAPE (not DER, trailing bytes),
 * DBR_ERR_CERT (understood but refused: why says what and what helps), DBR_ERR_LIMIT (bytes, entries),
 * DBR_ERR_NOTFOUND (signed by none of the issuers' names), DBR_ERR_AUTH (signature), DBR_ERR_NOMEM. */
int dbr_crl_parse(struct dbr_crl **out, const struct dbr_issuers *issuers, const void *der, size_t len,
                  int64_t now, char *why, size_t cap);

/* The same for a file: one DER CRL, or PEM with 1..DBR_CRL_MAX_LISTS CRLs. All or nothing: *count lists in
 * out, or an error and none. Free each with dbr_crl_free. */
int dbr_crl_parse_file(struct dbr_crl *out[DBR_CRL_MAX_LISTS], size_t *count,
                       const struct dbr_issuers *issuers, const void *bytes, size_t len, int64_t now,
                       char *why, size_t cap);

/* One more reference; one less (the last frees; NULL is good). */
struct dbr_crl *dbr_crl_ref(struct dbr_crl *crl);
void dbr_crl_free(struct dbr_crl *crl);

/* True if the serial (big-endian magnitude, leading zeros ignored) is listed; entry (may be NULL) is filled.
 * O(log n), below 2 microseconds in 1,000,000. Serials longer than 20 bytes are never listed. */
bool dbr_crl_lookup(const struct dbr_crl *crl, const void *serial, size_t len, struct dbr_crl_entry *entry);

/* May `fresh` replace `old`? 0 yes. DBR_ERR_EXISTS: it is the same list (nothing to do). DBR_ERR_REPLAY:
 * crlNumber or thisUpdate went back, or the number is missing though the old list had one. DBR_ERR_CERT: same
 * number, other content. Without numbers on both (easy-rsa) thisUpdate must be later. */
int dbr_crl_newer(const struct dbr_crl *old, const struct dbr_crl *fresh, char *why, size_t cap);

int64_t dbr_crl_this_update(const struct dbr_crl *crl); /* unix seconds */
int64_t dbr_crl_next_update(const struct dbr_crl *crl);
size_t dbr_crl_count(const struct dbr_crl *crl);
/* The i-th revoked serial (i < count), ascending, as 20 bytes big endian with leading zeros. */
const uint8_t *dbr_crl_serial(const struct dbr_crl *crl, size_t i, struct dbr_crl_entry *entry);
/* crlNumber as magnitude of *len bytes (NULL and 0 if the list has none). */
const uint8_t *dbr_crl_number(const struct dbr_crl *crl, size_t *len);
/* Issuer name in DER, as the issuer's certificate writes its subject. */
const uint8_t *dbr_crl_issuer(const struct dbr_crl *crl, size_t *len);
/* SHA-256 of the signed DER. */
const uint8_t *dbr_crl_digest(const struct dbr_crl *crl);
/* Remaining life in percent of (nextUpdate - thisUpdate), 0 when expired, at most 100. */
int dbr_crl_life_percent(const struct dbr_crl *crl, int64_t now);
/* "crlNumber 1A, 3 revoked, valid until 2026-11-21 10:00:00 UTC" for logs; returns out. */
const char *dbr_crl_text(const struct dbr_crl *crl, char *out, size_t cap);

/* The image, for a memfd to another process of this machine (host byte order), and a list over such an image,
 * which must stay mapped and unchanged (sealed with F_SEAL_WRITE) until the last reference is gone; release
 * (may be NULL) is called then with its arg. Every length and the order of the serials are checked:
 * DBR_ERR_SHAPE. The signature is not in the image: take images only from the process that verified them. */
const uint8_t *dbr_crl_image(const struct dbr_crl *crl, size_t *len);
int dbr_crl_from_image(struct dbr_crl **out, const void *image, size_t len, void (*release)(void *arg),
                       void *arg);

#endif
