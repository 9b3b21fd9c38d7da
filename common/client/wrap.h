/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands around a frame in the tunnel, and what fits then: the MSS to clamp to, the longest piece of a
 * payload. Pure.
 */
#ifndef DBR_CLIENT_WRAP_H
#define DBR_CLIENT_WRAP_H

#include "conf/config.h"
#include "crypto/aead.h"
#include "proto/framing.h"

#include <stdbool.h>
#include <stdint.h>

enum dbr_fit {
    DBR_FIT_UDP,   /* size = UDP payload */
    DBR_FIT_OUTER, /* size = outer IP packet */
    DBR_FIT_FIXED, /* size = inner IP packet */
};

/* What a payload is wrapped into. */
struct dbr_wrap {
    uint8_t family;   /* 4 or 6, of the outer path */
    bool fragment;    /* the header of proto/fragment.h */
    uint16_t framing; /* enum dbr_framing */
    enum dbr_cipher cipher;
    const char *auth; /* the digest's name, for CBC ciphers */
};

/* Writes the MSS for TCP over IPv4 and IPv6. */
void dbr_wrap_mss(enum dbr_fit how, int size, const struct dbr_wrap *w, uint16_t *v4, uint16_t *v6);

/* `fragment SIZE [mtu]`: the longest piece of a payload, without its header, as OpenVPN 2.6.14 has it (mss.c
 * frame_calculate_fragment); but never so short that a payload of payload_max bytes is too many pieces. */
uint16_t dbr_wrap_piece(bool mtu, int size, const struct dbr_wrap *w, uint16_t payload_max);

enum { DBR_PAYLOAD_MAX = 16384, DBR_MAX_L3_MIN = 576 };

/* What a configuration and what is around a frame make of it; 0: no limit. */
struct dbr_limits {
    uint16_t mss_v4, mss_v6;     /* of TCP inside */
    uint16_t payload_max, piece; /* where `fragment` is in force: the longest payload, and piece of one */
    uint16_t max_l3;             /* the longest IP packet inside */
};
void dbr_limits_of(struct dbr_limits *l, const struct dbr_config *cfg, int tun_mtu, const struct dbr_wrap *w);

/* The framing that our own comp-lzo or compress line means (client role and p2p; else a server serves each
 * client with the framing it has). */
enum dbr_framing dbr_framing_of(const struct dbr_config *cfg);

#endif
