/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Key derivation: the TLS 1.0 PRF of key method 2, the labelled expansion of HKDF, SHA-256. Pure functions;
 * each returns 0, or DBR_ERR_CRYPTO with the output wiped.
 */
#ifndef DBR_CRYPTO_KDF_H
#define DBR_CRYPTO_KDF_H

#include "crypto/parts.h"

#include <stddef.h>
#include <stdint.h>

#define DBR_SHA256_LEN 32

/* PRF of TLS 1.0 and 1.1 (RFC 2246 section 5, MD5 xor SHA-1) over the label (text, without its NUL) and the n
 * seed parts one after the other. OpenVPN: "OpenVPN master secret" over both first randoms, then "OpenVPN key
 * expansion" over both second randoms and both session ids, 256 bytes. out_len 1..16384. */
int dbr_tls1_prf(const uint8_t *secret, size_t secret_len, const char *label, const struct dbr_part *seed,
                 size_t n, uint8_t *out, size_t out_len);

/* HKDF-Expand-Label with SHA-256 (RFC 8446 section 7.1), with the label's prefix as a parameter: "tls13 "
 * there, "ovpn " in OpenVPN's epoch data format. prefix + label at most 249 bytes, context at most 255,
 * out_len 1..8160. DBR_ERR_LIMIT outside these. */
int dbr_hkdf_expand_label(const uint8_t *secret, size_t secret_len, const char *prefix, const char *label,
                          const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len);

/* SHA-256 over the n parts one after the other. */
int dbr_sha256(const struct dbr_part *parts, size_t n, uint8_t out[DBR_SHA256_LEN]);

#endif
