/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A message in pieces, so that nobody must copy them together before hashing.
 */
#ifndef DBR_CRYPTO_PARTS_H
#define DBR_CRYPTO_PARTS_H

#include <stddef.h>

/* len bytes at data, borrowed; data may be NULL when len is 0. */
struct dbr_part {
    const void *data;
    size_t len;
};

#endif
