/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Object identifiers and helpers that the three OCSP files share. Internal to the room.
 */
#ifndef DBR_CERTS_OCSP_PARTS_H
#define DBR_CERTS_OCSP_PARTS_H

#include <openssl/x509.h>

#include "certs/der.h"
#include "certs/derout.h"
#include "certs/ocsp.h"

static const uint8_t oid_ocsp_basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
static const uint8_t oid_ocsp_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};

/* responseStatus (RFC 6960, 4.2.1). */
enum { OCSP_OK = 0, OCSP_MALFORMED = 1, OCSP_INTERNAL = 2, OCSP_TRY_LATER = 3, OCSP_UNAUTHORIZED = 6 };

/* CertID; false when malformed. Unknown hashes give hash_len 0. */
bool take_cert_id(struct dbr_reader *r, struct dbr_ocsp_id *id);

/* Extensions (already inside their SEQUENCE): the nonce's bytes into *nonce (NULL if there is none). False:
 * malformed, doubled or empty nonce, or a critical extension that is not known. */
bool take_extensions(struct dbr_reader *list, const uint8_t **nonce, size_t *nonce_len);

/* One Extension with the nonce. */
void put_nonce(struct dbr_derout *o, const uint8_t *nonce, size_t n);

/* Name and key hash of an issuer, as CertID wants them; hash_len 20 or 32. */
bool issuer_hashes(X509 *issuer, size_t hash_len, uint8_t name_hash[32], uint8_t key_hash[32]);

#endif
