/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HMAC for the tls-auth gate and the cookies, and the source of randomness. A struct dbr_mac holds one key
 * and one digest, for one thread; the key schedule is done once, so that a stranger's packet costs as little
 * as possible.
 */
#ifndef DBR_CRYPTO_MAC_H
#define DBR_CRYPTO_MAC_H

#include "crypto/parts.h"

#include <stddef.h>
#include <stdint.h>

#define DBR_MAC_MAX 64 /* bytes of the longest digest */

/* Bytes of the digest of that name as OpenVPN's `auth` has it (SHA1, SHA224, SHA256, SHA384, SHA512, MD5,
 * RIPEMD160, SHA3-256, BLAKE2b512, ...; case and one "RSA-" prefix ignored), or 0: not a digest here, or
 * "none". */
size_t dbr_digest_size(const char *digest);

struct dbr_mac;

/* HMAC with that digest and key (copied; tls-auth uses the first dbr_digest_size() bytes of a slot). 0,
 * DBR_ERR_UNSUPPORTED (unknown digest), DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_mac_new(struct dbr_mac **out, const char *digest, const uint8_t *key, size_t key_len);
void dbr_mac_free(struct dbr_mac *mac); /* wipes; NULL is fine */

/* Bytes of the result. */
size_t dbr_mac_size(const struct dbr_mac *mac);

/* The HMAC over the n parts one after the other; out has room for dbr_mac_size() bytes. 0 or DBR_ERR_CRYPTO
 * (then out is all zero and must not be compared with anything). Compare with dbr_secret_equal(). */
int dbr_mac_compute(struct dbr_mac *mac, const struct dbr_part *parts, size_t n, uint8_t *out);

/* n unpredictable bytes. 0, or DBR_ERR_CRYPTO: then nothing may go on. Any thread. */
int dbr_random(void *out, size_t n);

#endif
