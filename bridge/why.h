/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reason of a failure as text for the admin: what failed, on which object, and the way out. Filled by the
 * functions of this room that talk to the kernel; the caller logs it once at the top.
 */
#ifndef DBR_BRIDGE_WHY_H
#define DBR_BRIDGE_WHY_H

enum { DBR_WHY_LEN = 256 };

struct dbr_why {
    char text[DBR_WHY_LEN]; /* NUL-terminated; "" as long as nothing failed */
};

/* Formats into why (NULL: nothing) and returns err, so that a failing function can end with
 * `return dbr_why(why, DBR_ERR_IO, "...")`. Cut to fit. */
int dbr_why(struct dbr_why *why, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
