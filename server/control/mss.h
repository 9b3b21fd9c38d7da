/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The MSS that fits through the tunnel, for the workers to clamp to. Apart from state.h because the bridge
 * room and the configuration use the same words for different things.
 */
#ifndef DBR_CONTROL_MSS_H
#define DBR_CONTROL_MSS_H

#include "crypto/aead.h"

#include <stdbool.h>
#include <stdint.h>

enum control_mss {
    CONTROL_MSS_UDP,   /* size = UDP payload */
    CONTROL_MSS_OUTER, /* size = outer IP packet */
    CONTROL_MSS_FIXED, /* size = inner IP packet */
};

/* What a payload is wrapped into. */
struct control_wrap {
    uint8_t family;   /* 4 or 6, of the outer path */
    bool fragment;    /* the header of proto/fragment.h */
    uint16_t framing; /* enum dbr_framing */
    enum dbr_cipher cipher;
    const char *auth; /* the digest's name, for CBC ciphers */
};

/* Writes the MSS for TCP over IPv4 and IPv6. */
void control_mss(enum control_mss how, int size, const struct control_wrap *w, uint16_t *v4, uint16_t *v6);

/* `fragment SIZE [mtu]`: the longest piece of a payload, without its header, as OpenVPN 2.6.14 has it (mss.c
 * frame_calculate_fragment); but never so short that a payload of payload_max bytes is too many pieces. */
uint16_t control_piece(bool mtu, int size, const struct control_wrap *w, uint16_t payload_max);

#endif
