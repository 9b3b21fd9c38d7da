/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * PEM blocks (RFC 7468) out of a file in memory, by label. Internal to the room.
 */
#ifndef DBR_CERTS_PEM_H
#define DBR_CERTS_PEM_H

#include <stddef.h>
#include <stdint.h>

/* Calls block(arg, der, len) for each "-----BEGIN label-----" block, in order; der is borrowed for the call.
 * Text and blocks of other labels are skipped. Stops at the first error that block returns and returns it.
 * DBR_ERR_SHAPE: a block without its end or with bytes that are not base64. DBR_ERR_NOMEM. */
int dbr_pem_each(const void *text, size_t len, const char *label,
                 int (*block)(void *arg, const uint8_t *der, size_t len), void *arg);

#endif
