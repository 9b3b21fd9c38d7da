/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls-crypt-v2: a tls-crypt key for each client, which the server does not have to store. The client brings
 * its key along, wrapped (WKc) under a key that only the servers have, behind its hard reset and again behind
 * the packet that proves the cookie. Pure; one thread at a time (a struct dbr_wkc owns MAC contexts). Source:
 * OpenVPN 2.6 doc/tls-crypt-v2.txt, tls_crypt.c.
 *
 *   datagram  | packet behind a tls-crypt gate under Kc | WKc |
 *   WKc       | tag 32 | Kc 256, metadata 0..734: encrypted | length of all of WKc 2 |
 *             tag = HMAC-SHA256 over length, Kc, metadata; AES-256-CTR, its first 16 bytes are the counter
 * block metadata  | type 1 | ... |   type 0: user's own bytes, type 1: unix seconds 8 (drawbridge-ca: and a
 * name)
 *
 * Files: PEM. "OpenVPN tls-crypt-v2 server key" holds 128 bytes {cipher 64, HMAC 64}, of each the first 32
 * count; "OpenVPN tls-crypt-v2 client key" holds Kc and WKc.
 */
#ifndef DBR_PROTO_WKC_H
#define DBR_PROTO_WKC_H

#include "proto/gate.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DBR_WKC_SERVER_KEY_LEN = 128,
    DBR_WKC_MIN = 32 + DBR_STATIC_KEY_LEN + 2,
    DBR_WKC_MAX = 1024,
    DBR_WKC_METADATA_MAX = DBR_WKC_MAX - DBR_WKC_MIN,
    DBR_WKC_ID_LEN = 32,
    DBR_WKC_TYPE_USER = 0,
    DBR_WKC_TYPE_TIME = 1,
};

/* What a WKc holds. There is a key in it: wipe it. */
struct dbr_client_key {
    uint8_t key[DBR_STATIC_KEY_LEN];
    uint8_t id[DBR_WKC_ID_LEN];             /* SHA-256 of the WKc: names the key where it is withdrawn */
    uint8_t metadata[DBR_WKC_METADATA_MAX]; /* type and the rest */
    size_t metadata_len;
};

/* The same for a client: what its file holds. */
struct dbr_own_key {
    uint8_t key[DBR_STATIC_KEY_LEN];
    uint8_t wkc[DBR_WKC_MAX];
    size_t wkc_len;
};

struct dbr_wkc;

/* The key that wraps is copied. 0, DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_wkc_new(struct dbr_wkc **w, const uint8_t key[DBR_WKC_SERVER_KEY_LEN]);
void dbr_wkc_free(struct dbr_wkc *w); /* wipes; NULL is fine */

/* Bytes of the WKc at the end of a datagram by its length field, or 0 where that cannot be one: then the
 * datagram has none. At least a byte is left in front. */
size_t dbr_wkc_tail(const uint8_t *dgram, size_t len);

/* Unwraps. 0; DBR_ERR_SHAPE: length out of range or not what the length field says; DBR_ERR_AUTH: not wrapped
 * by this key; out is zero then. */
int dbr_wkc_open(struct dbr_wkc *w, const uint8_t *wkc, size_t len, struct dbr_client_key *out);

/* Wraps key and metadata (at most DBR_WKC_METADATA_MAX bytes, its type first) into out, which has room for
 * DBR_WKC_MAX bytes; returns the length, DBR_ERR_SPACE or DBR_ERR_CRYPTO. */
int dbr_wkc_seal(struct dbr_wkc *w, const uint8_t key[DBR_STATIC_KEY_LEN], const uint8_t *metadata, size_t n,
                 uint8_t out[DBR_WKC_MAX]);

/* SHA-256 of a WKc. 0 or DBR_ERR_CRYPTO. */
int dbr_wkc_id(const uint8_t *wkc, size_t len, uint8_t id[DBR_WKC_ID_LEN]);

/* When the key was made, unix seconds, or -1: its metadata has no time. */
int64_t dbr_client_key_made(const struct dbr_client_key *k);

/* The key files: len bytes of text, no NUL needed. 0, or DBR_ERR_SHAPE with a reason and the way out in why
 * (cap bytes, may be 0); the output is zero then. */
int dbr_wkc_server_key_parse(uint8_t key[DBR_WKC_SERVER_KEY_LEN], const char *text, size_t len, char *why,
                             size_t cap);
int dbr_own_key_parse(struct dbr_own_key *k, const char *text, size_t len, char *why, size_t cap);

enum { DBR_WKC_PEM_MAX = 2048 }; /* room for either file */

/* Writes the key files, NUL-terminated, into DBR_WKC_PEM_MAX bytes; their length. */
int dbr_wkc_server_key_write(const uint8_t key[DBR_WKC_SERVER_KEY_LEN], char *out, size_t cap);
int dbr_own_key_write(const struct dbr_own_key *k, char *out, size_t cap);

#endif
