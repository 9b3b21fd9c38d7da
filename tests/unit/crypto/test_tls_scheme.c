/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a TLS handshake signs and what it does not: each shape, and each field of it spoiled.
 */
#include "crypto/tls_scheme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERVER = 1, CLIENT = 2, HEAD13 = 64 + 34 };

static size_t verify13(uint8_t *m, const char *context, size_t hash)
{
    memset(m, 0x20, 64);
    memcpy(m + 64, context, strlen(context) + 1);
    memset(m + 64 + strlen(context) + 1, 0xab, hash);
    return 64 + strlen(context) + 1 + hash;
}
static size_t server13(uint8_t *m)
{
    return verify13(m, "TLS 1.3, server CertificateVerify", 32);
}
static size_t server13_sha384(uint8_t *m)
{
    return verify13(m, "TLS 1.3, server CertificateVerify", 48);
}
static size_t client13(uint8_t *m)
{
    return verify13(m, "TLS 1.3, client CertificateVerify", 32);
}
static size_t short_hash(uint8_t *m)
{
    return verify13(m, "TLS 1.3, server CertificateVerify", 31);
}
static size_t long_hash(uint8_t *m)
{
    return verify13(m, "TLS 1.3, server CertificateVerify", 49);
}
static size_t other_context(uint8_t *m)
{
    return verify13(m, "TLS 1.3, server certificateVerify", 32);
}
static size_t a_tab(uint8_t *m)
{
    size_t n = server13(m);
    m[63] = '\t';
    return n;
}
static size_t no_zero(uint8_t *m)
{
    size_t n = server13(m);
    m[HEAD13 - 1] = 1;
    return n;
}

static size_t ecdh(uint8_t *m, uint8_t type, uint8_t said, size_t point)
{
    memset(m, 0x11, 64);
    memcpy(m + 64, (const uint8_t[]){type, 0, 29, said}, 4);
    memset(m + 68, 0x22, point);
    return 68 + point;
}
static size_t x25519(uint8_t *m)
{
    return ecdh(m, 3, 32, 32);
}
static size_t p521(uint8_t *m)
{
    return ecdh(m, 3, 133, 133);
}
static size_t explicit_curve(uint8_t *m)
{
    return ecdh(m, 1, 32, 32);
}
static size_t point_and_more(uint8_t *m)
{
    return ecdh(m, 3, 32, 33);
}
static size_t point_cut(uint8_t *m)
{
    return ecdh(m, 3, 32, 31);
}
static size_t no_point(uint8_t *m)
{
    return ecdh(m, 3, 0, 0);
}
static size_t long_point(uint8_t *m)
{
    return ecdh(m, 3, 134, 134);
}

static size_t dh_of(uint8_t *m, int numbers, size_t len)
{
    size_t at = 64;
    memset(m, 0x11, 64);
    for (int i = 0; i < numbers; i++, at += 2 + len) {
        m[at] = (uint8_t)(len >> 8);
        m[at + 1] = (uint8_t)len;
        memset(m + at + 2, 0x33, len);
    }
    return at;
}
static size_t dh2048(uint8_t *m)
{
    return dh_of(m, 3, 256);
}
static size_t dh_two(uint8_t *m)
{
    return dh_of(m, 2, 256);
}
static size_t dh_four(uint8_t *m)
{
    return dh_of(m, 4, 256);
}
static size_t dh_empty(uint8_t *m)
{
    return dh_of(m, 3, 0);
}
static size_t dh_long(uint8_t *m)
{
    return dh_of(m, 3, 2049);
}
static size_t dh_cut(uint8_t *m)
{
    return dh_of(m, 3, 256) - 1;
}

/* Handshake messages of 5 bytes each. */
static size_t messages(uint8_t *m, const char *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(m + 9 * i, (const uint8_t[]){(uint8_t)types[i], 0, 0, 5, 1, 2, 3, 4, 5}, 9);
    return 9 * n;
}
#define MESSAGES(name, text)                                                                                 \
    static size_t name(uint8_t *m)                                                                           \
    {                                                                                                        \
        return messages(m, text, sizeof text - 1);                                                           \
    }
MESSAGES(transcript, "\x01\x02\x0b\x0c\x0d\x0e\x0b\x10")
MESSAGES(no_hello, "\x02\x0b\x0c\x0d\x0e\x0b\x10")
MESSAGES(two_hellos, "\x01\x02\x01\x0b\x10")
MESSAGES(no_end, "\x01\x02\x0b\x0c\x0d\x0e\x0b")
MESSAGES(behind_the_end, "\x01\x02\x0b\x10\x0b")
MESSAGES(twice_the_end, "\x01\x02\x0b\x10\x10")
MESSAGES(unknown_message, "\x01\x02\x17\x10")
MESSAGES(finished, "\x01\x02\x14\x10")
static size_t transcript_cut(uint8_t *m)
{
    return transcript(m) - 1;
}
static size_t transcript_and_more(uint8_t *m)
{
    size_t n = transcript(m);
    m[n] = 0;
    return n + 1;
}

static size_t nothing(uint8_t *m)
{
    (void)m;
    return 0;
}
static size_t digest(uint8_t *m)
{
    memset(m, 0x5a, 32);
    return 32;
}
static size_t digest_info(uint8_t *m)
{
    static const uint8_t prefix[] = {0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1,
                                     0x65, 3,    4,    2,    1, 5, 0,    4,    32};
    memcpy(m, prefix, sizeof prefix);
    memset(m + sizeof prefix, 0x5a, 32);
    return sizeof prefix + 32;
}
/* The beginning of what a CA signs. */
static size_t certificate(uint8_t *m)
{
    memset(m, 0x41, 600);
    memcpy(m, (const uint8_t[]){0x30, 0x82, 2, 0x54, 0xa0, 3, 2, 1, 2}, 9);
    return 600;
}
static size_t e_mail(uint8_t *m)
{
    memset(m, ' ', 200);
    memcpy(m + 64, "Content-Type: text/plain", 24);
    return 200;
}
static size_t too_long(uint8_t *m)
{
    messages(m, "\x01\x10", 2);
    const size_t n = DBR_TLS_TO_SIGN_MAX + 1;
    m[1] = (uint8_t)((n - 13) >> 16);
    m[2] = (uint8_t)((n - 13) >> 8);
    m[3] = (uint8_t)(n - 13);
    memcpy(m + n - 9, (const uint8_t[]){16, 0, 0, 5}, 4);
    return n;
}
static size_t longest(uint8_t *m)
{
    messages(m, "\x01\x10", 2);
    const size_t n = DBR_TLS_TO_SIGN_MAX;
    m[1] = (uint8_t)((n - 13) >> 16);
    m[2] = (uint8_t)((n - 13) >> 8);
    m[3] = (uint8_t)(n - 13);
    memcpy(m + n - 9, (const uint8_t[]){16, 0, 0, 5}, 4);
    return n;
}

#define CASE(fn, who)                                                                                        \
    {                                                                                                        \
#fn, fn, who                                                                                         \
    }
static const struct {
    const char *name;
    size_t (*make)(uint8_t *m);
    int who; /* who signs it */
} cases[] = {
    CASE(server13, SERVER),
    CASE(server13_sha384, SERVER),
    CASE(client13, CLIENT),
    CASE(short_hash, 0),
    CASE(long_hash, 0),
    CASE(other_context, 0),
    CASE(a_tab, 0),
    CASE(no_zero, 0),
    CASE(x25519, SERVER),
    CASE(p521, SERVER),
    CASE(explicit_curve, 0),
    CASE(point_and_more, 0),
    CASE(point_cut, 0),
    CASE(no_point, 0),
    CASE(long_point, 0),
    CASE(dh2048, SERVER),
    CASE(dh_two, 0),
    CASE(dh_four, 0),
    CASE(dh_empty, 0),
    CASE(dh_long, 0),
    CASE(dh_cut, 0),
    CASE(transcript, CLIENT),
    CASE(no_hello, 0),
    CASE(two_hellos, 0),
    CASE(no_end, 0),
    CASE(behind_the_end, 0),
    CASE(twice_the_end, 0),
    CASE(unknown_message, 0),
    CASE(finished, 0),
    CASE(transcript_cut, 0),
    CASE(transcript_and_more, 0),
    CASE(nothing, 0),
    CASE(digest, 0),
    CASE(digest_info, 0),
    CASE(certificate, 0),
    CASE(e_mail, 0),
    CASE(too_long, 0),
    CASE(longest, CLIENT),
};

static void each_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t *room = calloc(1, DBR_TLS_TO_SIGN_MAX + 64);
        size_t n = cases[i].make(room);
        uint8_t *m = malloc(n ? n : 1); /* exactly so long: the sanitizer sees a step too far */
        memcpy(m, room, n);
        if (dbr_tls_to_sign(true, m, n) != (cases[i].who == SERVER))
            fail_msg("%s as a server", cases[i].name);
        if (dbr_tls_to_sign(false, m, n) != (cases[i].who == CLIENT))
            fail_msg("%s as a client", cases[i].name);
        free(m);
        free(room);
    }
}

static void schemes(void **state)
{
    (void)state;
    assert_int_equal(dbr_tls_scheme_find("RSA", "SHA256", true)->number, 0x0804);
    assert_int_equal(dbr_tls_scheme_find("RSA", "SHA256", false)->number, 0x0401);
    assert_int_equal(dbr_tls_scheme_find("EC", "SHA384", false)->number, 0x0503);
    assert_int_equal(dbr_tls_scheme_find("ED25519", "", false)->number, 0x0807);
    assert_null(dbr_tls_scheme_find("ED25519", "SHA256", false));
    assert_null(dbr_tls_scheme_find("RSA", "MD5", false));
    assert_null(dbr_tls_scheme_find("RSA", "", false));
    assert_null(dbr_tls_scheme_find("RSA", "SHA1", true));
    assert_null(dbr_tls_scheme_find("DSA", "SHA256", false));
    for (unsigned i = 0; i <= 0xffff; i++) {
        const struct dbr_tls_scheme *s = dbr_tls_scheme((uint16_t)i);
        if (s)
            assert_ptr_equal(dbr_tls_scheme_find(s->kind, s->digest, s->pss), s);
    }
    assert_null(dbr_tls_scheme(0));
    assert_null(dbr_tls_scheme(0x0101)); /* MD5 */
    assert_null(dbr_tls_scheme(0x0402)); /* DSA */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_shape), cmocka_unit_test(schemes)};
    return cmocka_run_group_tests_name("scheme", tests, NULL, NULL);
}
