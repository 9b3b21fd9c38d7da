/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The database of a CA as `openssl ca` and easy-rsa keep it: index.txt, one certificate a line, six fields
 * between tabs (a tab inside a field is written as backslash and tab):
 *
 *     V  271121100000Z                                 1A  unknown  /CN=alice
 *     R  271121100000Z  261120093000Z,keyCompromise    1B  unknown  /CN=bob
 *
 * status V valid, R revoked, E expired; not after; revocation date and reason; serial; file; subject. Lines
 * that are not touched are written back byte for byte. One thread; the object owns its text.
 */
#ifndef DBR_CERTS_CADB_H
#define DBR_CERTS_CADB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "certs/serial.h"

enum { DBR_INDEX_MAX = 256 << 20 }; /* bytes of an index.txt */

/* One line. The strings belong to the index. */
struct dbr_index_entry {
    char status;        /* 'V', 'R', 'E' */
    int64_t expires;    /* unix seconds */
    int64_t revoked_at; /* 0 if not revoked */
    int reason;         /* RFC 5280, 5.3.1 */
    struct dbr_serial serial;
    const char *file;    /* "unknown" */
    const char *subject; /* "/C=FR/CN=alice" (X509_NAME_oneline) */
};

struct dbr_index;

/* Parses index.txt (may be empty). DBR_ERR_SHAPE: why names the line. */
int dbr_index_parse(struct dbr_index **out, const void *text, size_t len, char *why, size_t cap);
void dbr_index_free(struct dbr_index *ix); /* NULL is good */

size_t dbr_index_count(const struct dbr_index *ix);
const struct dbr_index_entry *dbr_index_at(const struct dbr_index *ix,
                                           size_t i); /* i < count, in file order */

/* The first entry with this serial, or -1. The first few questions scan, the later ones search. */
long dbr_index_find(struct dbr_index *ix, const struct dbr_serial *serial);
/* The first entry from `from` on whose commonName is this one, or -1. */
long dbr_index_find_cn(const struct dbr_index *ix, const char *cn, size_t from);
/* The commonName inside a subject in oneline form (the last one), copied to out; false if there is none. */
bool dbr_subject_cn(const char *subject, char *out, size_t cap);

/* Adds a valid certificate. DBR_ERR_EXISTS: the serial is there. DBR_ERR_NOMEM. */
int dbr_index_add(struct dbr_index *ix, const struct dbr_serial *serial, int64_t expires, const char *file,
                  const char *subject);
/* V or E becomes R; DBR_ERR_STATE if it is R already (a hold may become final: other reason than 6). */
int dbr_index_revoke(struct dbr_index *ix, size_t i, int64_t when, int reason);
/* A hold is lifted; DBR_ERR_STATE if the entry is not on hold. */
int dbr_index_unhold(struct dbr_index *ix, size_t i);

/* The whole file, on the heap. NULL: out of memory. */
char *dbr_index_format(const struct dbr_index *ix, size_t *len);

/* Reasons by their name in index.txt (either case): the seven that `openssl ca` knows. -1 if unknown. */
int dbr_reason_parse(const char *name);
const char *dbr_reason_name(int reason); /* "unspecified" for those without a name */

/* "261121100000Z", or with a four-digit year from 2050 on (RFC 5280, 4.1.2.5). Returns out. */
enum { DBR_INDEX_TIME = 80 };
const char *dbr_index_time(int64_t unix_seconds, char out[DBR_INDEX_TIME]);

#endif
