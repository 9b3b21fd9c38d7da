/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A strict DER reader (X.690) for the few structures we take apart ourselves because they are large or come
 * from strangers: CRLs, OCSP requests, time stamps. Definite, minimal lengths only; nothing is copied. Every
 * function works on the bounded cursor of base/bytes.h: an element that does not fit turns the cursor bad.
 */
#ifndef DBR_CERTS_DER_H
#define DBR_CERTS_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum dbr_der_tag {
    DBR_DER_BOOLEAN = 0x01,
    DBR_DER_INTEGER = 0x02,
    DBR_DER_BITS = 0x03,
    DBR_DER_OCTETS = 0x04,
    DBR_DER_OID = 0x06,
    DBR_DER_ENUM = 0x0a,
    DBR_DER_SEQ = 0x30,
    DBR_DER_UTCTIME = 0x17,
    DBR_DER_GENTIME = 0x18,
    DBR_DER_CTX0 = 0xa0, /* [0] constructed; [n] is DBR_DER_CTX0 + n */
};

/* One element: the whole (tag, length, body) and its body. */
struct dbr_der {
    const uint8_t *tlv;
    size_t tlv_len;
    const uint8_t *body;
    size_t len;
};

/* The tag of the next element, or -1 when the cursor is empty or bad. */
int dbr_der_peek(const struct dbr_reader *r);

/* Takes the next element, which must have this tag. False (and the cursor bad) when it is missing, has
 * another tag, has a length that is indefinite, not minimal, above 2^32 - 1, or leaves the buffer. */
bool dbr_der_take(struct dbr_reader *r, int tag, struct dbr_der *out);

/* The same, and opens a cursor over the body. */
bool dbr_der_enter(struct dbr_reader *r, int tag, struct dbr_reader *body);

/* True and takes it when the next element has this tag; false and the cursor untouched when it has another.
 */
bool dbr_der_optional(struct dbr_reader *r, int tag, struct dbr_der *out);

/* A non-negative INTEGER as big-endian magnitude without leading zeros (zero is one byte 0): pointer into the
 * buffer and length 1..max. False and bad: negative, not minimal, longer than max. */
bool dbr_der_unsigned(struct dbr_reader *r, size_t max, const uint8_t **mag, size_t *len);

/* UTCTime (1950..2049) or GeneralizedTime, both as "...SSZ" only (RFC 5280, 4.1.2.5), as unix seconds. */
bool dbr_der_time(struct dbr_reader *r, int64_t *unix_seconds);

/* True if the element's body is exactly the n bytes of this OID's encoding. */
bool dbr_der_is(const struct dbr_der *e, const void *bytes, size_t n);

/* Days since 1970-01-01 of a proleptic Gregorian date; and a date's validity (month 1..12, day of that
 * month). */
int64_t dbr_days_from_civil(int year, int month, int day);
bool dbr_date_valid(int year, int month, int day);

#endif
