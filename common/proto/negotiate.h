/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the two sides agree on: IV_ variables of the peer info, data cipher (NCP), key derivation, compression
 * framing, and the options-consistency string. Tables and pure functions. Source: OpenVPN 2.6 ssl.h (IV_PROTO
 * bits), ssl_ncp.c, options.c options_string; interop facts for 2.4 to 2.7.
 */
#ifndef DBR_PROTO_NEGOTIATE_H
#define DBR_PROTO_NEGOTIATE_H

#include "crypto/aead.h"
#include "proto/framing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dbr_iv_proto {
    DBR_IV_DATA_V2 = 1 << 1,
    DBR_IV_REQUEST_PUSH = 1 << 2, /* server may push without a PUSH_REQUEST */
    DBR_IV_TLS_KEY_EXPORT = 1 << 3,
    DBR_IV_AUTH_PENDING_KW = 1 << 4,
    DBR_IV_NCP_P2P = 1 << 5,
    DBR_IV_DNS_OPTION = 1 << 6,
    DBR_IV_CC_EXIT_NOTIFY = 1 << 7,
    DBR_IV_AUTH_FAIL_TEMP = 1 << 8,
    DBR_IV_DYN_TLS_CRYPT = 1 << 9,
    DBR_IV_DATA_EPOCH = 1 << 10,
    DBR_IV_DNS_OPTION_V2 = 1 << 11,
    DBR_IV_PUSH_UPDATE = 1 << 12,
};

/* The peer info that matters to us, from lines "IV_PROTO=990\nIV_CIPHERS=...". Values are escaped for logs.
 */
struct dbr_peer_info {
    uint32_t iv_proto; /* bits above */
    uint32_t iv_mtu;   /* 0 if not said */
    bool has_ncp2, comp_stub, comp_stub_v2, has_lzo, offload;
    char ciphers[256]; /* IV_CIPHERS, or AES-256-GCM:AES-128-GCM for IV_NCP=2, or "" */
    char version[32], platform[16], gui[64];
    char sso[64]; /* IV_SSO, escaped: what it can ask its user, comma separated */
};
/* The first line of each name counts; a number that is none or above 2^31 - 1 is 0; lists too long are cut
 * between two names. Never fails: what is not understood is left out. */
void dbr_peer_info_parse(struct dbr_peer_info *info, const char *text);
/* Writes a client's own peer info lines (IV_VER, IV_PLAT, IV_TCPNL, IV_MTU, IV_NCP, IV_CIPHERS, IV_PROTO,
 * IV_COMP_STUB and its kin).
 * IV_MTU is left out for iv_mtu 0. Returns the length without the NUL, or DBR_ERR_SPACE. */
int dbr_peer_info_write(char *out, size_t cap, uint32_t iv_proto, uint32_t iv_mtu, const char *ciphers,
                        const char *platform);

/* The same of an end that takes no pushed options: IV_CIPHERS and IV_PROTO, no more (OpenVPN 2.6 ssl.c
 * push_peer_info). */
int dbr_peer_info_write_p2p(char *out, size_t cap, uint32_t iv_proto, const char *ciphers);

/* First cipher of ours (colon list, preference order) that the peer has: in its IV_CIPHERS, else its OCC
 * "cipher" if that is in our list (2.4 takes it although IV_NCP=2 does not say so), else fallback (may be
 * DBR_CIPHER_NONE), but not for a peer that named other ciphers: it would not take it. DBR_CIPHER_NONE if
 * nothing fits. */
enum dbr_cipher dbr_negotiate_cipher(const char *ours, const struct dbr_peer_info *info,
                                     const char *peer_options, enum dbr_cipher fallback);

/* The cipher of two ends that push nothing (OpenVPN 2.6 ssl_ncp.c get_p2p_ncp_cipher): the first of the
 * server's list that the client has; else the fallback, which both were given. A peer that names no list but
 * one cipher in its options string gets that one, if it is in our list or our fallback; else DBR_CIPHER_NONE.
 */
enum dbr_cipher dbr_negotiate_cipher_p2p(bool server, const char *ours, const struct dbr_peer_info *info,
                                         const char *peer_options, enum dbr_cipher fallback);

/* True if cipher (not NONE) is one of that colon list. */
bool dbr_cipher_in_list(const char *list, enum dbr_cipher cipher);

/* The framing a peer with these options needs, and the option to push for it ("compress stub-v2", "comp-lzo
 * no", "data-framing offload" or NULL). Rule: no ",comp-lzo" in its options string: offload for another
 * Drawbridge (IV_DBR_OFFLOAD), else none. IV_COMP_STUBv2: stub-v2. Else comp-lzo framing. */
enum dbr_framing dbr_negotiate_framing(const struct dbr_peer_info *info, const char *peer_options,
                                       const char **push);

/* The framing that a server's pushed "compress WORD" or "comp-lzo WORD" means; word may be "". LZ4 and the
 * words that only hint at an algorithm have a framing too: what comes compressed is dropped when it comes. */
enum dbr_framing dbr_framing_of_compress(const char *word);

/* The options-consistency string we send: echoes the peer's link-mtu, tun-mtu, proto, comp-lzo, cipher, auth
 * and keysize so that no client warns (a real mismatch of any of these shows by itself). peer is its string
 * ("" for a client that speaks first: then link-mtu is what OpenVPN computes of the same configuration).
 * dbr_occ_string returns the length without the NUL, or DBR_ERR_SPACE. */
struct dbr_occ_params {
    bool server, tls_auth;
    int direction; /* tls-auth key direction or -1 */
    uint32_t tun_mtu;
    const char *cipher, *auth; /* as configured for the string; NULL: not configured, none */
    bool proto_v6;
    bool framed;   /* we speak first, and our frames have compression framing */
    bool fragment; /* `fragment` is in force (not echoed: where only one end has it, nothing passes) */
};
int dbr_occ_string(const struct dbr_occ_params *p, const char *peer, char *out, size_t cap);
/* True when the peer cuts its payloads (proto/fragment.h): as its options string says; where it has none ("V0
 * UNDEF", of `disable-occ`), as we do. */
bool dbr_occ_fragments(const char *options, bool ours);
/* Value of one option in an options string ("dev-type" -> "tap", "" for a bare "comp-lzo") copied to out;
 * false if absent or too long for cap. */
bool dbr_occ_find(const char *options, const char *name, char *out, size_t cap);

#endif
