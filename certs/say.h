/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One line of explanation next to an error number: what happened, and what helps. Internal to the room.
 */
#ifndef DBR_CERTS_SAY_H
#define DBR_CERTS_SAY_H

#include <stddef.h>

/* Formats into why (cap bytes, may be 0) and returns err, so that a refusal is one statement:
 * return dbr_say(DBR_ERR_CERT, why, cap, "..."). Bytes outside printable ASCII become '?'. */
int dbr_say(int err, char *why, size_t cap, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "2026-11-21 10:00:00 UTC" of unix seconds; returns out. */
const char *dbr_time_text(long long unix_seconds, char out[40]);

/* Upper-case hex of n bytes (at least one digit pair; cut to fit cap >= 1); returns out. */
const char *dbr_hex_text(const void *bytes, size_t n, char *out, size_t cap);

#endif
