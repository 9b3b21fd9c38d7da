/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compression framing of the data channel: we never send a compressed packet, but old clients put one framing
 * byte on every packet. Source: OpenVPN 2.6 comp.h. Pure; hot path; any thread. comp-lzo   0xFA not
 * compressed | 0x66 LZO         at the head compress   0xFB not compressed, swapped           head byte moved
 * to the end, 0xFB at the head stub-v2    nothing, or 0x50 0x00 in front when the payload itself starts with
 * 0x50
 */
#ifndef DBR_PROTO_FRAMING_H
#define DBR_PROTO_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum dbr_framing { DBR_FRAMING_NONE, DBR_FRAMING_COMP_LZO, DBR_FRAMING_COMPRESS_SWAP, DBR_FRAMING_STUB_V2 };
enum { DBR_FRAMING_HEADROOM = 2, DBR_FRAMING_TAILROOM = 1 };

/* Adds the framing in place: *p may move back by up to 2 bytes, *len grows by up to 2; one byte behind the
 * payload must be writable. */
void dbr_framing_add(enum dbr_framing f, uint8_t **p, size_t *len);

/* Strips it. 0; DBR_ERR_SHAPE for an empty or unknown framing byte; DBR_ERR_UNSUPPORTED for a compressed
 * packet whose algorithm is not built. LZO packets are expanded into scratch (cap bytes) and *p then points
 * there. */
int dbr_framing_strip(enum dbr_framing f, uint8_t **p, size_t *len, uint8_t *scratch, size_t cap);

#endif
