/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The MSS that fits through the tunnel, for the workers to clamp to. Apart from state.h because the bridge
 * room and the configuration use the same words for different things.
 */
#ifndef DBR_CONTROL_MSS_H
#define DBR_CONTROL_MSS_H

#include "crypto/aead.h"

#include <stdint.h>

enum control_mss {
    CONTROL_MSS_UDP,   /* size = UDP payload */
    CONTROL_MSS_OUTER, /* size = outer IP packet */
    CONTROL_MSS_FIXED, /* size = inner IP packet */
};

/* family: 4 or 6, of the outer path; framing: enum dbr_framing; auth: the digest's name, for CBC ciphers.
 * Writes the MSS for TCP over IPv4 and IPv6. */
void control_mss(enum control_mss how, int size, uint8_t family, uint16_t framing, enum dbr_cipher cipher,
                 const char *auth, uint16_t *v4, uint16_t *v6);

#endif
