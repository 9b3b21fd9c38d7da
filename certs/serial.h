/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Serial numbers and crlNumbers: up to 20 bytes, big endian, positive (RFC 5280, 4.1.2.2). Plain values.
 */
#ifndef DBR_CERTS_SERIAL_H
#define DBR_CERTS_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/crl.h"

struct dbr_serial {
    uint8_t b[DBR_SERIAL_MAX]; /* right-aligned, leading zeros */
};

enum { DBR_SERIAL_TEXT = 2 * DBR_SERIAL_MAX + 1 };

/* From n bytes big endian (leading zeros ignored); false if it does not fit. */
bool dbr_serial_set(struct dbr_serial *s, const void *bytes, size_t n);
/* From hex, either case, as index.txt, serial and crlnumber have it; an optional final newline. False: empty,
 * odd characters, too long. An odd number of digits is taken as with a leading zero. */
bool dbr_serial_parse(struct dbr_serial *s, const char *hex, size_t n);
/* Upper-case hex with an even number of digits, as OpenSSL writes it ("00" for zero); returns out. */
const char *dbr_serial_text(const struct dbr_serial *s, char out[DBR_SERIAL_TEXT]);
/* Magnitude without leading zeros; zero has length 0. */
const uint8_t *dbr_serial_bytes(const struct dbr_serial *s, size_t *len);

bool dbr_serial_equal(const struct dbr_serial *a, const struct dbr_serial *b);
int dbr_serial_compare(const struct dbr_serial *a, const struct dbr_serial *b); /* as memcmp */
bool dbr_serial_zero(const struct dbr_serial *s);
/* Adds one; false (and unchanged) if the result would not be a positive 20-byte INTEGER. */
bool dbr_serial_next(struct dbr_serial *s);

#endif
