/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The signatures of TLS 1.2 and 1.3: their numbers (RFC 8446, 4.2.3; in TLS 1.2 those of ECDSA stand for any
 * curve), and what the bytes look like over which they are made. A signer that looks at both can be asked for
 * nothing but a handshake. Pure.
 */
#ifndef DBR_CRYPTO_TLS_SCHEME_H
#define DBR_CRYPTO_TLS_SCHEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dbr_tls_scheme {
    uint16_t number;
    const char *kind;   /* of key: "RSA" (also one for PSS only), "EC", "ED25519", "ED448" */
    const char *digest; /* NULL: the algorithm has its own */
    bool pss;           /* RSASSA-PSS with a salt as long as the digest; else RSASSA-PKCS1-v1_5 */
};

/* NULL: none of this number, or none that does this. */
const struct dbr_tls_scheme *dbr_tls_scheme(uint16_t number);
const struct dbr_tls_scheme *dbr_tls_scheme_find(const char *kind, const char *digest, bool pss);

/* The longest message: the transcript that a client signs in TLS 1.2 (RFC 5246, 7.4.8). */
enum { DBR_TLS_TO_SIGN_MAX = 96 * 1024 };

/* True if these n bytes are what this end signs in a handshake, whole and to the last byte: the content of a
 * CertificateVerify of TLS 1.3 (RFC 8446, 4.4.3), a server's key exchange of TLS 1.2 behind the two randoms
 * (RFC 5246, 7.4.3; RFC 8422, 5.4), or a client's handshake messages of TLS 1.2 up to its key exchange. */
bool dbr_tls_to_sign(bool server, const uint8_t *message, size_t n);

#endif
