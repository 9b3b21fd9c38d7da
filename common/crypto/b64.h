/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Base64 (RFC 4648 section 4) of short texts, as login dialogues of the control channel have them. Pure.
 */
#ifndef DBR_CRYPTO_B64_H
#define DBR_CRYPTO_B64_H

#include <stddef.h>

/* Writes n bytes as base64 with its padding and a NUL to out. Its length, or DBR_ERR_SPACE. */
int dbr_b64_encode(const void *bytes, size_t n, char *out, size_t cap);

/* Decodes n characters into a text with a NUL. Its length; DBR_ERR_SHAPE for what is not base64 or decodes to
 * a text with a NUL inside; DBR_ERR_SPACE. */
int dbr_b64_decode(const char *text, size_t n, char *out, size_t cap);

#endif
