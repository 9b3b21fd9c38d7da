/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OCSP (RFC 6960 in the profile of RFC 5019): requests are made and taken apart, answers are made by a
 * responder with a delegated key and judged by whoever asked. No clock, no socket: bytes in, bytes out.
 *
 *     responder:  request -> dbr_responder_answer -> answer     (statuses from index.txt; signed answers are
 * kept) client:     dbr_ocsp_request_write -> request ... answer -> dbr_ocsp_check -> verdict
 *
 * One thread for each object.
 */
#ifndef DBR_CERTS_OCSP_H
#define DBR_CERTS_OCSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/cadb.h"
#include "certs/keys.h"
#include "certs/serial.h"
#include "certs/trust.h"

enum {
    DBR_OCSP_MAX_REQUEST = 16384, /* bytes of a request */
    DBR_OCSP_MAX_ANSWER = 65536,
    DBR_OCSP_MAX_IDS = 16,    /* certificates asked for in one request */
    DBR_OCSP_MAX_NONCE = 128, /* RFC 9654, 2.1 */
};

/* --- requests
 * ------------------------------------------------------------------------------------------------- */

/* One certificate that is asked for: hashes of its issuer's name and key, and its serial. */
struct dbr_ocsp_id {
    size_t hash_len; /* 20 SHA-1, 32 SHA-256, 0 anything else */
    uint8_t name_hash[32], key_hash[32];
    struct dbr_serial serial;
    const uint8_t *der; /* the CertID in the request */
    size_t der_len;
};

struct dbr_ocsp_request {
    struct dbr_ocsp_id ids[DBR_OCSP_MAX_IDS];
    size_t n;
    const uint8_t *nonce; /* 1..DBR_OCSP_MAX_NONCE bytes, or NULL */
    size_t nonce_len;
};

/* Pointers go into the bytes. DBR_ERR_SHAPE: malformed, also: no id, a nonce of 0 or more than 128 bytes, an
 * unknown critical extension. DBR_ERR_LIMIT: too long, too many ids. */
int dbr_ocsp_request_parse(struct dbr_ocsp_request *r, const void *bytes, size_t len);

/* A request for one serial of an issuer (certificate in DER), with SHA-256 or SHA-1 (hash_len 32 or 20) ids,
 * and a nonce (n bytes, 0 for none). Returns its length, or DBR_ERR_SPACE, DBR_ERR_SHAPE (issuer). */
int dbr_ocsp_request_write(const uint8_t *issuer_der, size_t issuer_len, const struct dbr_serial *serial,
                           size_t hash_len, const uint8_t *nonce, size_t n, uint8_t *out, size_t cap);

/* --- the responder
 * -------------------------------------------------------------------------------------------- */

struct dbr_responder;

/* ca and signer: certificates in PEM; key: the signer's. The signer must have been issued by the CA for
 * OCSPSigning. life_s: how long an answer is valid. DBR_ERR_CERT, DBR_ERR_SHAPE, DBR_ERR_NOMEM. */
int dbr_responder_new(struct dbr_responder **out, const uint8_t *ca, size_t ca_len, const uint8_t *signer,
                      size_t signer_len, EVP_PKEY *key, int64_t life_s, char *why, size_t cap);
void dbr_responder_free(struct dbr_responder *r); /* NULL is good */

/* The certificate that signs: its dates (unix seconds) and its serial. */
struct dbr_ocsp_signer {
    int64_t from, until;
    struct dbr_serial serial;
};
void dbr_responder_signer(const struct dbr_responder *r, struct dbr_ocsp_signer *out);

/* Nonces are passed over and kept answers serve everybody (RFC 5019, 4; RFC 9654, 2.1 leaves it to the
 * responder): no signature for each question. Whoever insists on his nonce does without us; an answer may be
 * replayed for its life, as kept ones always may. */
void dbr_responder_ignore_nonces(struct dbr_responder *r);

/* Takes over the statuses of an index; kept answers are forgotten. DBR_ERR_NOMEM: the old ones stay. */
int dbr_responder_load(struct dbr_responder *r, const struct dbr_index *ix);

/* Who may keep an answer, and for how long. */
struct dbr_answer {
    const uint8_t *der; /* the responder's memory, until its next call */
    size_t len;
    bool cacheable;                   /* one id, no nonce, successful */
    uint64_t tag;                     /* of its bytes, if cacheable: the same bytes, the same tag */
    int64_t this_update, next_update; /* if cacheable */
};

/* The answer to the bytes of a request, always one: an error status for what cannot be answered. A serial
 * that is in no line of the index is "unknown", never "good". now: unix seconds. */
void dbr_responder_answer(struct dbr_responder *r, const void *request, size_t len, int64_t now,
                          struct dbr_answer *out);

/* --- the client
 * ----------------------------------------------------------------------------------------------- */

enum dbr_ocsp_status { DBR_OCSP_GOOD, DBR_OCSP_REVOKED, DBR_OCSP_UNKNOWN };

struct dbr_ocsp_verdict {
    enum dbr_ocsp_status status;
    int reason; /* of a revocation, RFC 5280, 5.3.1 */
    int64_t revoked_at, this_update, next_update;
};

struct dbr_ocsp_question {
    const uint8_t *issuer; /* certificate in DER */
    size_t issuer_len;
    struct dbr_serial serial;
    const uint8_t *nonce; /* the one sent, or NULL */
    size_t nonce_len;
    bool nonce_required;     /* an answer without it is refused; one with another always is */
    int64_t now;             /* unix seconds */
    int64_t max_age_s;       /* for answers without nextUpdate */
    struct dbr_trust *trust; /* may be NULL: then a delegated signer without nocheck is not looked up */
};

/* Judges an answer: successful, basic, exactly our CertID, thisUpdate..nextUpdate (five minutes of clock
 * difference), the nonce, a signature by the issuer or by a certificate of it for OCSPSigning that is valid
 * now and not revoked. 0 and a verdict, or: DBR_ERR_SHAPE; DBR_ERR_AGAIN (tryLater, internalError);
 * DBR_ERR_STATE (other error status); DBR_ERR_NOTFOUND (no answer for this certificate); DBR_ERR_TIMEOUT
 * (expired, or not yet valid); DBR_ERR_REPLAY (nonce); DBR_ERR_AUTH (signature); DBR_ERR_CERT (signer). Only
 * GOOD lets a peer in. */
int dbr_ocsp_check(const struct dbr_ocsp_question *q, const void *answer, size_t len,
                   struct dbr_ocsp_verdict *out, char *why, size_t cap);

#endif
