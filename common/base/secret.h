/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Handling of keys: wiping that the compiler keeps, and comparison in constant time. No memcmp on secrets.
 */
#ifndef DBR_BASE_SECRET_H
#define DBR_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites n bytes with zero; not removed by optimisation. */
void dbr_wipe(void *p, size_t n);

/* True if the n bytes at a and b are the same; the time does not depend on where they differ. */
bool dbr_secret_equal(const void *a, const void *b, size_t n);

#endif
