/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * AES-256 in counter mode (NIST SP 800-38A 6.5), which only tls-crypt uses: a key stream without
 * authentication, so the caller checks a MAC over the plaintext. A struct dbr_ctr holds one key, for one
 * thread at a time.
 */
#ifndef DBR_CRYPTO_CTR_H
#define DBR_CRYPTO_CTR_H

#include <stddef.h>
#include <stdint.h>

#define DBR_CTR_KEY_LEN 32
#define DBR_CTR_IV_LEN  16

struct dbr_ctr;

/* Makes a key ready; it is copied. 0, DBR_ERR_NOMEM or DBR_ERR_CRYPTO. */
int dbr_ctr_new(struct dbr_ctr **out, const uint8_t key[DBR_CTR_KEY_LEN]);
void dbr_ctr_free(struct dbr_ctr *ctr); /* wipes; NULL is fine */

/* Encrypts or decrypts len bytes in place (the same operation); iv is the first counter block, 128 bits big
 * endian. 0, or DBR_ERR_CRYPTO: then text is unspecified. */
int dbr_ctr_apply(struct dbr_ctr *ctr, const uint8_t iv[DBR_CTR_IV_LEN], uint8_t *text, size_t len);

#endif
