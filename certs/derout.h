/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A DER writer that grows: elements are opened and closed like brackets, the length is put in at the close.
 * Out of memory or nesting above DBR_DEROUT_DEPTH turns it bad for good; ask once at the end. One thread.
 */
#ifndef DBR_CERTS_DEROUT_H
#define DBR_CERTS_DEROUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_DEROUT_DEPTH = 24 };

struct dbr_derout {
    uint8_t *p;
    size_t n, cap;
    size_t open[DBR_DEROUT_DEPTH];
    int depth;
    bool bad;
};

/* Starts from all zero. free: gives the memory back, and all zero again. */
void dbr_derout_free(struct dbr_derout *o);
/* True when everything was written and every element is closed. */
bool dbr_derout_ok(const struct dbr_derout *o);

void dbr_derout_raw(struct dbr_derout *o, const void *bytes, size_t n);
void dbr_derout_begin(struct dbr_derout *o, int tag);
void dbr_derout_end(struct dbr_derout *o);
void dbr_derout_tlv(struct dbr_derout *o, int tag, const void *body, size_t n);
/* INTEGER from a magnitude (leading zeros are dropped, a sign byte is added where needed). */
void dbr_derout_unsigned(struct dbr_derout *o, const void *mag, size_t n);
/* GeneralizedTime "YYYYMMDDHHMMSSZ" of unix seconds (years 1..9999). */
void dbr_derout_gentime(struct dbr_derout *o, int64_t unix_seconds);
/* UTCTime up to 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
void dbr_derout_time(struct dbr_derout *o, int64_t unix_seconds);

#endif
