/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * AES-CBC with HMAC, the data channel of peers that know no AEAD cipher, behind the jobs of aead.h: encrypt,
 * then MAC. A struct dbr_aead made here is sealed, opened and freed by dbr_aead_seal(), dbr_aead_open() and
 * dbr_aead_free(); one key pair, one direction, one thread at a time. Source: openvpn-wire-protocol "CBC";
 * OpenVPN 2.6 crypto.c openvpn_encrypt_v1, openvpn_decrypt_v1.
 *
 *     | HMAC | IV 16 | packet id 4 | payload | PKCS#7 padding 1..16 |
 *            |       |<--------- encrypted, whole blocks ---------->|
 *            |<-------------- the HMAC is over this --------------->|
 *     job.tag                      job.text
 *
 * Sealing: job.text and job.len are the payload; the caller has written the packet id into the 4 bytes in
 * front of it, left 16 more in front of those for the IV and dbr_cbc_padding(len) bytes behind it. job.len
 * grows by the padding. Opening: job.len reaches from the payload to the end of the last block; it shrinks to
 * the payload, and the packet id then stands in front of it. aad and nonce are not looked at. Every failure
 * to open is DBR_ERR_AUTH, whatever it was: the padding is looked at behind a good HMAC only.
 */
#ifndef DBR_CRYPTO_CBC_H
#define DBR_CRYPTO_CBC_H

#include "crypto/aead.h"

enum { DBR_CBC_BLOCK = 16, DBR_CBC_IV_LEN = 16, DBR_CBC_ID_LEN = 4, DBR_CBC_MAC_MAX = 64 };

/* Digests of `auth` that HMAC is done with. */
enum dbr_digest {
    DBR_DIGEST_NONE,
    DBR_SHA1,
    DBR_SHA224,
    DBR_SHA256,
    DBR_SHA384,
    DBR_SHA512,
    DBR_MD5,
    DBR_RIPEMD160,
    DBR_SHA512_224,
    DBR_SHA512_256,
    DBR_SHA3_224,
    DBR_SHA3_256,
    DBR_SHA3_384,
    DBR_SHA3_512,
    DBR_BLAKE2B512,
    DBR_BLAKE2S256,
    DBR_DIGEST_COUNT
};

/* The digest of a NUL-terminated name as OpenVPN's auth writes it (case and one "RSA-" in front ignored), or
 * DBR_DIGEST_NONE for any other name, "none" and NULL. */
enum dbr_digest dbr_digest_by_name(const char *name);

/* Bytes of its HMAC and of its HMAC key, 0 for DBR_DIGEST_NONE or a number out of range. */
size_t dbr_digest_len(enum dbr_digest digest);

/* True for AES-128-CBC, AES-192-CBC and AES-256-CBC. */
static inline bool dbr_cipher_is_cbc(enum dbr_cipher cipher)
{
    return cipher >= DBR_CIPHER_COUNT && cipher < DBR_CIPHER_END;
}

/* Bytes of padding behind a payload of len bytes: 1..16. */
static inline size_t dbr_cbc_padding(size_t len)
{
    return DBR_CBC_BLOCK - (len + DBR_CBC_ID_LEN) % DBR_CBC_BLOCK;
}

/* Makes a CBC key (dbr_cipher_key_len() bytes) and an HMAC key (dbr_digest_len() bytes) ready for one
 * direction; both are copied. An object for sealing draws a key for its IVs: they are an encrypted counter,
 * so none is foreseen and none comes twice (NIST SP 800-38A, appendix C). 0, DBR_ERR_UNSUPPORTED (no CBC
 * cipher, no digest, or not in the library), DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_cbc_new(struct dbr_aead **out, enum dbr_cipher cipher, const uint8_t *key, enum dbr_digest digest,
                const uint8_t *hmac_key, bool seal);

#endif
