/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The gate: tls-auth (HMAC) or tls-crypt (AES-256-CTR + HMAC-SHA256), checked on every control packet before
 * anything else is looked at. Pure; one thread at a time (it owns MAC contexts). Source:
 * openvpn-wire-protocol, OpenVPN 2.6 ssl_pkt.c, tls_crypt.c.
 *
 *   tls-auth   | op | sid 8 | HMAC | replay id 4 | time 4 | inner |
 *              HMAC over replay id, time, op, sid, inner
 *   tls-crypt  | op | sid 8 | replay id 4 | time 4 | tag 32 | inner, encrypted |
 *              tag over op, sid, replay id, time, plain inner; its first 16 bytes are the counter block
 *
 * Key file ("OpenVPN Static key V1"): 256 bytes = {cipher 0, hmac 0, cipher 1, hmac 1} x 64. Direction 0
 * sends with hmac 0 and receives with hmac 1, direction 1 the reverse, none (-1) uses hmac 0 both ways.
 * tls-crypt: a server is direction 0, a client 1.
 */
#ifndef DBR_PROTO_GATE_H
#define DBR_PROTO_GATE_H

#include <stddef.h>
#include <stdint.h>

enum dbr_gate_kind { DBR_GATE_NONE, DBR_GATE_TLS_AUTH, DBR_GATE_TLS_CRYPT };
enum { DBR_STATIC_KEY_LEN = 256, DBR_GATE_MAX_OVERHEAD = 64 + 8, DBR_TLS_CRYPT_OVERHEAD = 32 + 8 };

struct dbr_gate;

/* A packet that passed the gate. inner points into the datagram (tls-crypt decrypts in place). */
struct dbr_gated {
    uint8_t first;                   /* opcode and key id */
    uint64_t sid;                    /* sender's session id */
    uint32_t replay_id, replay_time; /* 0 for DBR_GATE_NONE; time in unix seconds of the sender's clock */
    uint64_t mac_prefix; /* first 64 bits of the HMAC: names a recorded packet; 0 for DBR_GATE_NONE */
    uint8_t *inner;
    size_t inner_len;
};

/* Parses a static key file text (PEM-like "-----BEGIN OpenVPN Static key V1-----", hex lines) into key. len
 * bytes at text, no NUL needed. DBR_ERR_SHAPE with one clear reason and the way out in why (cap bytes, may be
 * 0) otherwise; key is then zero. */
int dbr_static_key_parse(uint8_t key[DBR_STATIC_KEY_LEN], const char *text, size_t len, char *why,
                         size_t cap);

/* digest: OpenVPN's `auth` name ("SHA1", "SHA256", ...), used by tls-auth only, else may be NULL. direction
 * -1, 0 or 1. The key is copied; NULL for DBR_GATE_NONE. DBR_ERR_UNSUPPORTED for a digest this OpenSSL has
 * not ("none" too), DBR_ERR_CONFIG for tls-crypt without direction, DBR_ERR_NOMEM, DBR_ERR_CRYPTO. */
int dbr_gate_new(struct dbr_gate **gate, enum dbr_gate_kind kind, const uint8_t *key, int direction,
                 const char *digest);
void dbr_gate_free(struct dbr_gate *gate);

enum dbr_gate_kind dbr_gate_kind_of(const struct dbr_gate *gate);
/* Bytes that the gate adds to op + sid + inner. */
size_t dbr_gate_overhead(const struct dbr_gate *gate);

/* Checks one datagram (control opcodes) and fills out. DBR_ERR_SHAPE if too short, DBR_ERR_AUTH if the MAC
 * does not match: then the bytes of dgram are as they were, and out must not be used. */
int dbr_gate_open(struct dbr_gate *gate, uint8_t *dgram, size_t len, struct dbr_gated *out);

/* Wraps inner into a whole datagram at out. Returns its length, DBR_ERR_SPACE or DBR_ERR_CRYPTO. inner must
 * not overlap out. */
int dbr_gate_seal(struct dbr_gate *gate, uint8_t first, uint64_t sid, uint32_t replay_id,
                  uint32_t replay_time, const uint8_t *inner, size_t inner_len, uint8_t *out, size_t cap);

#endif
