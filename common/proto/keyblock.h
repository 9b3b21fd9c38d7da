/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Key files as `openvpn --genkey` writes them: base64 between two lines.
 *
 *   -----BEGIN LABEL-----
 *   rGKzqdGN...
 *   -----END LABEL-----
 *
 * Private to the room. Pure.
 */
#ifndef DBR_PROTO_KEYBLOCK_H
#define DBR_PROTO_KEYBLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Decodes what lies between the first BEGIN line of this label in text (len bytes, no NUL needed) and its END
 * line into out; its length, or a negative error with what is wrong in *wrong. */
long keyblock_read(const char *text, size_t len, const char *label, uint8_t *out, size_t cap,
                   const char **wrong);

/* Writes the complaint about a key file into why (cap bytes, may be 0). DBR_ERR_SHAPE. */
int keyblock_refuse(char *why, size_t cap, const char *wrong, const char *label, const char *way_out);

#endif
