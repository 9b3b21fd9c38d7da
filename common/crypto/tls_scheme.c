/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/tls_scheme.h"
#include "base/bytes.h"

#include <string.h>

static const struct dbr_tls_scheme schemes[] = {
    {0x0804, "RSA", "SHA256", true},  {0x0805, "RSA", "SHA384", true},  {0x0806, "RSA", "SHA512", true},
    {0x0403, "EC", "SHA256", false},  {0x0503, "EC", "SHA384", false},  {0x0603, "EC", "SHA512", false},
    {0x0807, "ED25519", NULL, false}, {0x0808, "ED448", NULL, false},   {0x0401, "RSA", "SHA256", false},
    {0x0501, "RSA", "SHA384", false}, {0x0601, "RSA", "SHA512", false}, {0x0301, "RSA", "SHA224", false},
    {0x0303, "EC", "SHA224", false},  {0x0201, "RSA", "SHA1", false},   {0x0203, "EC", "SHA1", false},
};
enum { SCHEMES = sizeof schemes / sizeof schemes[0] };

const struct dbr_tls_scheme *dbr_tls_scheme(uint16_t number)
{
    for (size_t i = 0; i < SCHEMES; i++)
        if (schemes[i].number == number)
            return &schemes[i];
    return NULL;
}

static bool same_digest(const char *a, const char *b)
{
    return a && b && *b ? strcmp(a, b) == 0 : !a && (!b || !*b);
}

const struct dbr_tls_scheme *dbr_tls_scheme_find(const char *kind, const char *digest, bool pss)
{
    for (size_t i = 0; i < SCHEMES; i++)
        if (strcmp(schemes[i].kind, kind) == 0 && schemes[i].pss == pss &&
            same_digest(schemes[i].digest, digest))
            return &schemes[i];
    return NULL;
}

/* ---- shapes ---- */

enum {
    SPACES = 64,
    RANDOMS = 64, /* client's and server's, 32 bytes each */
    NAMED_CURVE = 3,
    POINT_MAX = 133, /* P-521, uncompressed */
    DH_MAX = 2048,   /* bytes of a number: 16384 bits */
    DH_NUMBERS = 3,  /* p, g, Ys */
};

/*  64 x 0x20 | "TLS 1.3, server CertificateVerify" | 0 | transcript hash  */
static bool is_certificate_verify(bool server, const uint8_t *m, size_t n)
{
    static const char *const contexts[] = {"TLS 1.3, client CertificateVerify",
                                           "TLS 1.3, server CertificateVerify"};
    const char *context = contexts[server];
    const size_t head = SPACES + strlen(context) + 1;
    if (n != head + 32 && n != head + 48) /* the hashes of the cipher suites: SHA-256, SHA-384 */
        return false;
    for (size_t i = 0; i < SPACES; i++)
        if (m[i] != 0x20)
            return false;
    return memcmp(m + SPACES, context, strlen(context) + 1) == 0;
}

/*  curve type 1 | curve 2 | length 1 | point  */
static bool is_ecdh(const uint8_t *m, size_t n)
{
    return n > 4 && m[0] == NAMED_CURVE && m[3] && m[3] <= POINT_MAX && n == 4u + m[3];
}

/*  3 x (length 2 | number)  */
static bool is_dh(const uint8_t *m, size_t n)
{
    size_t at = 0;
    for (int i = 0; i < DH_NUMBERS; i++) {
        size_t len = n - at >= 2 ? dbr_get16(m + at) : 0;
        if (!len || len > DH_MAX || n - at - 2 < len)
            return false;
        at += 2 + len;
    }
    return at == n;
}

static bool is_key_exchange(const uint8_t *m, size_t n)
{
    return n > RANDOMS && (is_ecdh(m + RANDOMS, n - RANDOMS) || is_dh(m + RANDOMS, n - RANDOMS));
}

/*  repeated: type 1 | length 3 | body  */
static bool is_transcript(const uint8_t *m, size_t n)
{
    enum { CLIENT_HELLO = 1, CLIENT_KEY_EXCHANGE = 16, HEAD = 4 };
    static const bool known[] = {
        [1] = true, [2] = true, [11] = true, [12] = true, [13] = true, [14] = true, [16] = true, [22] = true};
    uint8_t type = 0;
    for (size_t at = 0; at < n;) {
        if (n - at < HEAD || m[at] >= sizeof known || !known[m[at]] || (m[at] == CLIENT_HELLO) != (at == 0) ||
            type == CLIENT_KEY_EXCHANGE)
            return false;
        type = m[at];
        size_t len = (size_t)m[at + 1] << 16 | dbr_get16(m + at + 2);
        if (n - at - HEAD < len)
            return false;
        at += HEAD + len;
    }
    return type == CLIENT_KEY_EXCHANGE;
}

bool dbr_tls_to_sign(bool server, const uint8_t *message, size_t n)
{
    if (n > DBR_TLS_TO_SIGN_MAX)
        return false;
    return is_certificate_verify(server, message, n) ||
           (server ? is_key_exchange(message, n) : is_transcript(message, n));
}
