/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The data channel: key slots, and datagrams opened and sealed in place through jobs for the AEAD batch
 * interface. A slot belongs to one worker thread. Source: openvpn-wire-protocol "data channel"; OpenVPN 2.6
 * crypto.c, 2.7 crypto.c for the limits. AEAD ciphers:
 *
 *   P_DATA_V2  | op:5 kid:3 | peer id 3 | packet id 4 | tag 16 | ciphertext |   AAD = the first 8 bytes
 *   P_DATA_V1  | op:5 kid:3 | packet id 4 | tag 16 | ciphertext |               AAD = the packet id
 *   nonce = packet id 4 | implicit iv 8
 *
 * AES-CBC, for peers that have no AEAD cipher (crypto/cbc.h); nothing binds the header:
 *
 *   P_DATA_V2  | op:5 kid:3 | peer id 3 | HMAC | IV 16 | packet id 4, payload, padding: encrypted |
 *   P_DATA_V1  | op:5 kid:3 | HMAC | IV 16 | packet id 4, payload, padding: encrypted |
 */
#ifndef DBR_PROTO_DATA_H
#define DBR_PROTO_DATA_H

#include "crypto/aead.h"
#include "crypto/cbc.h"
#include "proto/replay.h"
#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_KEY_BLOCK_LEN = 256 };

#define DBR_LAST_PACKET_ID 0xffffff00u  /* at this id a key is used up */
#define DBR_REKEY_PACKETS  0x80000000u  /* at this one it is time for the next */
#define DBR_GCM_REKEY      (7ull << 33) /* packets + blocks: 7/8 of the 2^36 that OpenVPN 2.7 allows */

/* What the control side derives and the data side uses: two directions of key and implicit iv. */
struct dbr_data_keys {
    uint32_t cipher;  /* enum dbr_cipher */
    uint8_t key_id;   /* 0..7 */
    uint8_t use_v2;   /* send P_DATA_V2 with peer_id; else P_DATA_V1 */
    uint16_t digest;  /* enum dbr_digest: of the HMAC beside a CBC cipher; else not looked at */
    uint32_t peer_id; /* the id to write into what we send */
    uint8_t send_key[32], recv_key[32];
    uint8_t send_iv[8], recv_iv[8];
    uint8_t send_hmac[DBR_CBC_MAC_MAX],
        recv_hmac[DBR_CBC_MAC_MAX]; /* as long as the digest of them is used */
};

/* Cuts the 256 bytes of key material (TLS exporter or TLS1-PRF) into keys: key2 layout {cipher 64, hmac 64} x
 * 2; a server sends with key 1 and receives with key 0, a client the reverse; the implicit iv is the first 8
 * bytes of the hmac key of the same direction. digest and the other members are left as they are. */
void dbr_data_keys_cut(struct dbr_data_keys *k, const uint8_t block[DBR_KEY_BLOCK_LEN], bool server);

struct dbr_slot {
    struct dbr_aead *seal, *open;
    uint8_t send_iv[8], recv_iv[8];
    uint8_t header[4]; /* first byte and peer id of what we send */
    uint8_t key_id;
    bool use_v2, live, gcm, cbc;
    uint8_t mac_len;  /* CBC */
    uint8_t headroom; /* bytes in front of the payload in what we send */
    uint32_t next_id; /* packet id of the next datagram; 1 at first; stops before it wraps */
    uint64_t sealed_bytes, opened_bytes, sealed_packets, opened_packets;
    struct dbr_replay replay;
};

/* Makes a live slot of keys; replay_window in ids (64 for stock peers, brought into 64..8192). 0,
 * DBR_ERR_NOMEM, DBR_ERR_CRYPTO, or DBR_ERR_UNSUPPORTED for an unknown cipher, CBC without digest, a key id
 * above 7 or a peer id above 24 bits; after an error the slot is all zero. */
int dbr_slot_init(struct dbr_slot *s, const struct dbr_aead_backend *backend, const struct dbr_data_keys *k,
                  uint32_t replay_window);
void dbr_slot_fini(struct dbr_slot *s); /* wipes; callable twice */

/* Bytes in front of the plaintext in a datagram of this slot: 24 or 21 for AEAD, up to DBR_SLOT_HEADROOM. */
enum { DBR_SLOT_HEADROOM = DBR_DATA_V2_HEADER + DBR_CBC_MAC_MAX + DBR_CBC_IV_LEN + DBR_CBC_ID_LEN };
static inline size_t dbr_slot_headroom(const struct dbr_slot *s)
{
    return s->headroom;
}

/* Bytes that sealing adds behind a payload of len bytes: 0 for AEAD, at most DBR_CBC_BLOCK. */
static inline size_t dbr_slot_padding(const struct dbr_slot *s, size_t len)
{
    return s->cbc ? dbr_cbc_padding(len) : 0;
}

/* Prepares sealing of the len bytes at text, which have dbr_slot_headroom() bytes in front of them and
 * dbr_slot_padding() behind: writes the header with the next packet id and fills job. The datagram starts at
 * text - headroom and has headroom + job->len bytes once it is sealed. DBR_ERR_LIMIT
 * when the packet ids of this key are used up (0xffffff00 and above): drop and renegotiate, never reuse. */
int dbr_slot_seal_prepare(struct dbr_slot *s, uint8_t *text, uint32_t len, struct dbr_aead_job *job);

/* Prepares opening of a datagram, P_DATA_V1 or V2, whatever we send ourselves: checks opcode, key id, length
 * (at least one byte of ciphertext; whole blocks) and replay window, fills job (text = ciphertext in place)
 * and *id. The peer id is the caller's to look up; with AEAD it is authenticated. CBC encrypts the packet id:
 * *id is 0 then, and the window is asked by dbr_slot_opened. DBR_ERR_SHAPE, DBR_ERR_REPLAY. After a good open
 * call dbr_slot_opened, which fills in the *id of CBC and marks it: false if it was not fresh, as when
 * another datagram of the same batch had the same id (drop it).
 */
int dbr_slot_open_prepare(struct dbr_slot *s, uint8_t *dgram, uint32_t len, struct dbr_aead_job *job,
                          uint32_t *id);
bool dbr_slot_opened(struct dbr_slot *s, const struct dbr_aead_job *job, uint32_t *id);

/* True when it is time to renegotiate: half of the packet ids used in one direction, or with GCM packets +
 * blocks near q + s <= 2^36 (OpenVPN 2.7 crypto.c cipher_get_aead_limits). */
bool dbr_slot_wants_rekey(const struct dbr_slot *s);

/* The 16-byte payloads that are never handed to the bridge. */
extern const uint8_t dbr_ping_magic[16];
extern const uint8_t dbr_occ_magic[16];
enum dbr_occ {
    DBR_OCC_REQUEST = 0,
    DBR_OCC_REPLY,
    DBR_OCC_MTU_LOAD_REQUEST,
    DBR_OCC_MTU_LOAD,
    DBR_OCC_MTU_REQUEST,
    DBR_OCC_MTU_REPLY,
    DBR_OCC_EXIT
};
/* What a decrypted payload is: a ping is exactly 16 bytes, an OCC message begins with its magic. */
enum dbr_payload { DBR_PAYLOAD_FRAME, DBR_PAYLOAD_PING, DBR_PAYLOAD_OCC };
enum dbr_payload dbr_payload_kind(const uint8_t *p, size_t len);

#endif
