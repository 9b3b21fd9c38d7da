/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compression framing of the data channel: we never send a compressed packet, but old clients put one framing
 * byte on every packet. Source: OpenVPN 2.6 comp.h, compstub.c. Pure; hot path; any thread.
 *
 *   comp-lzo   0xFA not compressed | 0x66 LZO                        at the head
 *   compress   0xFB not compressed; the head byte moves to the end   at the head, swapped
 *   stub-v2    nothing, or 0x50 0x00 in front when the payload itself starts with 0x50 (a MAC address 50:...)
 *   offload    0x00 a frame | 0x01 a frame whose TCP or UDP checksum is left out   at the head
 *
 * Offload is our own, between two Drawbridges that agreed on it (IV_DBR_OFFLOAD): what the far kernel left to
 * the network card is left to the near one, and the AEAD watches over the bytes in between.
 *
 * OpenVPN 2.4 to 2.7 write that escape as 0x50 0x0A (comp.c compv2_escape_data_ifneeded takes the wrong
 * constant) and drop it when they read it: we send 0x50 0x00, which they take, and take both.
 */
#ifndef DBR_PROTO_FRAMING_H
#define DBR_PROTO_FRAMING_H

#include <stddef.h>
#include <stdint.h>

enum dbr_framing {
    DBR_FRAMING_NONE,
    DBR_FRAMING_COMP_LZO,
    DBR_FRAMING_COMPRESS_SWAP,
    DBR_FRAMING_STUB_V2,
    DBR_FRAMING_OFFLOAD
};
enum { DBR_FRAMING_HEADROOM = 2, DBR_FRAMING_TAILROOM = 1 };
enum { DBR_FRAMING_UNSUMMED = 1 }; /* the frame's TCP or UDP checksum is left out */

/* Bytes that framing may put in front of a payload, 0..DBR_FRAMING_HEADROOM. Only the escape of stub-v2 does
 * not always take them. */
static inline size_t dbr_framing_headroom(enum dbr_framing f)
{
    static const uint8_t bytes[] = {[DBR_FRAMING_NONE] = 0,
                                    [DBR_FRAMING_COMP_LZO] = 1,
                                    [DBR_FRAMING_COMPRESS_SWAP] = 0,
                                    [DBR_FRAMING_STUB_V2] = 2,
                                    [DBR_FRAMING_OFFLOAD] = 1};
    return bytes[f];
}

/* Adds the framing in place: *p may move back by up to DBR_FRAMING_HEADROOM bytes, *len grows by up to 2;
 * DBR_FRAMING_TAILROOM bytes behind the payload must be writable. An empty payload stays as it is. */
void dbr_framing_add(enum dbr_framing f, uint8_t **p, size_t *len);

/* Says of what dbr_framing_add(DBR_FRAMING_OFFLOAD) made that the checksum is left out; p as it returned it.
 */
void dbr_framing_unsummed(uint8_t *p);

/* Strips it. 0 or, under DBR_FRAMING_OFFLOAD only, DBR_FRAMING_UNSUMMED; DBR_ERR_SHAPE for an empty packet,
 * an unknown framing byte, nothing behind the framing, or LZO bytes that do not expand into cap;
 * DBR_ERR_UNSUPPORTED for a compressed packet whose algorithm is not built (LZ4, Snappy, LZO in the v2 form).
 * LZO packets are expanded into scratch (cap bytes, elsewhere) and *p then points there. */
int dbr_framing_strip(enum dbr_framing f, uint8_t **p, size_t *len, uint8_t *scratch, size_t cap);

#endif
