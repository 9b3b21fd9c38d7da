/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The library context of TLS has what TLS needs, and no more; certificates and keys survive the way into it.
 */
#include "crypto/lean.h"

#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void count_one(OSSL_DECODER *d, void *arg)
{
    (void)d;
    ++*(int *)arg;
}

static int decoders(OSSL_LIB_CTX *lib)
{
    int n = 0;
    OSSL_DECODER_do_all_provided(lib, count_one, &n);
    return n;
}

static bool has_cipher(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_CIPHER *c = EVP_CIPHER_fetch(lib, name, NULL);
    EVP_CIPHER_free(c);
    return c;
}

static bool has_digest(OSSL_LIB_CTX *lib, const char *name)
{
    EVP_MD *m = EVP_MD_fetch(lib, name, NULL);
    EVP_MD_free(m);
    return m;
}

/* What makes it cheap: each of these would come back if the choice were not made. */
static void leaves_out_what_tls_does_not_use(void **state)
{
    (void)state;
    assert_in_range(decoders(lean_ctx()), 8, 16);
    assert_true(decoders(NULL) > 2 * decoders(lean_ctx()));
    assert_true(has_cipher(NULL, "AES-256-XTS"));
    assert_false(has_cipher(lean_ctx(), "AES-256-XTS"));
    assert_true(has_cipher(lean_ctx(), "AES-256-GCM"));
    assert_true(has_digest(NULL, "BLAKE2S-256"));
    assert_false(has_digest(lean_ctx(), "BLAKE2S-256"));
}

static void list_ciphers(OSSL_LIB_CTX *lib, const char *rule, char *out, size_t cap)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(lib, NULL, TLS_server_method());
    assert_non_null(ctx);
    SSL_CTX_set_security_level(ctx, 0);
    assert_int_equal(SSL_CTX_set_cipher_list(ctx, rule), 1);
    STACK_OF(SSL_CIPHER) *list = SSL_CTX_get_ciphers(ctx);
    *out = 0;
    for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
        size_t at = strlen(out);
        snprintf(out + at, cap - at, "%s ", SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i)));
    }
    SSL_CTX_free(ctx);
}

/* Every suite that tls-cipher can name is there, also those that need a rare cipher. */
static void has_every_suite(void **state)
{
    static const char *const rules[] = {"DEFAULT", "ALL:COMPLEMENTOFALL", "HIGH:CAMELLIA:ARIA"};
    char all[16384], ours[16384];
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        list_ciphers(NULL, rules[i], all, sizeof all);
        list_ciphers(lean_ctx(), rules[i], ours, sizeof ours);
        assert_true(strlen(all) > 100);
        assert_string_equal(ours, all);
    }
}

static bool has_group(OSSL_LIB_CTX *lib, const char *name)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(lib, NULL, TLS_server_method());
    assert_non_null(ctx);
    int known = SSL_CTX_set1_groups_list(ctx, name);
    SSL_CTX_free(ctx);
    return known == 1;
}

/* Every group that tls-groups can name with this OpenSSL. */
static void has_every_group(void **state)
{
    static const char *const names[] = {"X25519",         "X448",
                                        "P-256",          "P-384",
                                        "P-521",          "ffdhe2048",
                                        "ffdhe8192",      "brainpoolP256r1",
                                        "MLKEM512",       "MLKEM768",
                                        "MLKEM1024",      "SecP256r1MLKEM768",
                                        "X25519MLKEM768", "SecP384r1MLKEM1024"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (has_group(lean_ctx(), names[i]) != has_group(NULL, names[i]))
            fail_msg("%s", names[i]);
    assert_true(has_group(lean_ctx(), "X25519"));
    assert_int_equal(has_group(lean_ctx(), "X25519MLKEM768"), OPENSSL_VERSION_NUMBER >= 0x30500000L);
}

static EVP_PKEY *make_key(int kind)
{
    switch (kind) {
    case 0: return EVP_RSA_gen(2048);
    case 1: return EVP_EC_gen("P-256");
    case 2: return EVP_EC_gen("P-384");
    case 3: return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default: return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    }
}

static X509 *self_signed(EVP_PKEY *key, bool own_digest)
{
    X509 *x = X509_new();
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, own_digest ? NULL : EVP_sha256()) > 0);
    return x;
}

/* A CA may sign with any digest of the SHA families; MD5 and SHA-1 are for the old profiles to judge. */
static void knows_the_digests_of_signatures(void **state)
{
    static const char *const names[] = {"MD5",    "SHA1",     "SHA224",   "SHA256",   "SHA384",
                                        "SHA512", "SHA3-256", "SHA3-384", "SHA3-512", "MD5-SHA1"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(has_digest(lean_ctx(), names[i]));
}

/* Copies are the same to the byte, work together, and are judged with the context's own algorithms. */
static void carries_every_kind_of_key(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        EVP_PKEY *key = make_key(kind);
        X509 *cert = self_signed(key, kind >= 3);
        X509 *cert2 = lean_cert(cert);
        EVP_PKEY *key2 = lean_key(key);
        assert_non_null(cert2);
        assert_non_null(key2);
        assert_int_equal(X509_cmp(cert, cert2), 0);
        assert_int_equal(X509_check_private_key(cert2, key2), 1);
        assert_int_equal(X509_verify(cert2, X509_get0_pubkey(cert2)), 1);
        X509_free(cert);
        X509_free(cert2);
        EVP_PKEY_free(key);
        EVP_PKEY_free(key2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_what_tls_does_not_use),
        cmocka_unit_test(has_every_suite),
        cmocka_unit_test(has_every_group),
        cmocka_unit_test(knows_the_digests_of_signatures),
        cmocka_unit_test(carries_every_kind_of_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
