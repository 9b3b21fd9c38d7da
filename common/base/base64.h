/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Base64 (RFC 4648 section 4) as PEM and inline blocks have it. Pure; any thread.
 */
#ifndef DBR_BASE_BASE64_H
#define DBR_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Decodes len characters into out; blanks and line ends anywhere are skipped. Returns the number of bytes,
 * DBR_ERR_SPACE if they are more than cap, or DBR_ERR_SHAPE: another character, padding in the middle, or an
 * end inside a group of four. */
long dbr_base64_decode(const char *text, size_t len, uint8_t *out, size_t cap);

/* Writes n bytes as lines of 64 characters, each ended with \n, and a NUL. Returns the length without the
 * NUL, or DBR_ERR_SPACE. */
long dbr_base64_encode(const uint8_t *bytes, size_t n, char *out, size_t cap);

#endif
