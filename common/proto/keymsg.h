/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The key method 2 message, first record inside TLS in each direction, and key derivation from it. Source:
 * openvpn-wire-protocol "key method 2", OpenVPN 2.6 ssl.c key_method_2_write/read, generate_key_expansion.
 * Pure.
 */
#ifndef DBR_PROTO_KEYMSG_H
#define DBR_PROTO_KEYMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_OPTIONS_MAX = 512, DBR_USERPASS_MAX = 512, DBR_PEER_INFO_MAX = 2048, DBR_KEYMSG_MAX = 4096 };

struct dbr_keymsg {
    uint8_t pre_master[48]; /* client only */
    uint8_t random1[32], random2[32];
    char options[DBR_OPTIONS_MAX];
    char username[DBR_USERPASS_MAX], password[DBR_USERPASS_MAX];
    char peer_info[DBR_PEER_INFO_MAX];
};

/* Writes the message of a client or server. Returns its length or DBR_ERR_SPACE. */
int dbr_keymsg_write(const struct dbr_keymsg *m, bool from_client, uint8_t *out, size_t cap);

/* Parses the message of a client (from_client) or server out of the plaintext collected so far. Returns the
 * bytes it took; DBR_ERR_AGAIN if more are needed; DBR_ERR_SHAPE for a wrong leading zero, key method,
 * length, missing NUL or embedded NUL. Username, password and peer info may be absent (end of record = end):
 * at_end says that no more comes in this record, so that what would be DBR_ERR_AGAIN is DBR_ERR_SHAPE. Limits
 * count the NUL. The leading zero, the method and each length are judged as soon as they are there; after an
 * error m is wiped. Bytes behind the peer info are not looked at. */
int dbr_keymsg_parse(struct dbr_keymsg *m, bool from_client, const uint8_t *in, size_t len, bool at_end);

/* TLS1-PRF key expansion of OpenVPN 2.4/2.5: 256 bytes of key material from both messages and session ids. 0,
 * or DBR_ERR_CRYPTO (then block is zero; a library in FIPS mode has no MD5). */
int dbr_keymsg_derive(const struct dbr_keymsg *client, const struct dbr_keymsg *server, uint64_t client_sid,
                      uint64_t server_sid, uint8_t block[256]);

#endif
