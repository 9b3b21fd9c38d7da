/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A kept signer against OpenSSL's own verification: each key type, one signer for many signatures, bytes that
 * lie in the writer that grows under them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/err.h"
#include "certs/keys.h"
#include "certs/quicksign.h"
#include "certs/sign.h"

enum { MESSAGE = 300 }; /* above the writer's first 256 bytes: it must move while it holds the message */

/* AlgorithmIdentifier and BIT STRING, taken apart by OpenSSL; the signature must be of these bytes. */
static bool verifies(EVP_PKEY *key, const struct dbr_derout *o, size_t at, const uint8_t *bytes, size_t n)
{
    const uint8_t *p = o->p + at;
    X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)(o->n - at));
    ASN1_BIT_STRING *sig = d2i_ASN1_BIT_STRING(NULL, &p, (long)(o->p + o->n - p));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        a && sig && ctx && p == o->p + o->n &&
        EVP_DigestVerifyInit(ctx, NULL, dbr_key_digest(key), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig), bytes, n) == 1;
    EVP_MD_CTX_free(ctx);
    ASN1_BIT_STRING_free(sig);
    X509_ALGOR_free(a);
    return ok;
}

static bool same_algorithm(EVP_PKEY *key, const struct dbr_derout *o, size_t at)
{
    struct dbr_derout want = {0};
    bool same =
        put_algorithm(key, &want) == 0 && o->n - at > want.n && memcmp(o->p + at, want.p, want.n) == 0;
    dbr_derout_free(&want);
    return same;
}

static void sign_one(struct quick_signer *s, uint8_t fill)
{
    struct dbr_derout o = {0};
    uint8_t message[MESSAGE];
    memset(message, fill, sizeof message);
    dbr_derout_raw(&o, message, sizeof message);
    assert_int_equal(quick_put_signature(s, o.p, o.n, &o), 0);
    assert_true(dbr_derout_ok(&o));
    assert_memory_equal(o.p, message, sizeof message);
    assert_true(same_algorithm(s->key, &o, MESSAGE));
    assert_true(verifies(s->key, &o, MESSAGE, message, sizeof message));
    message[7] ^= 1;
    assert_false(verifies(s->key, &o, MESSAGE, message, sizeof message));
    dbr_derout_free(&o);
}

static void test_each_type(void **state)
{
    static const char *const types[] = {"rsa:2048", "P-256", "P-384", "ed25519"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct quick_signer s = {0};
        EVP_PKEY *key = dbr_key_generate(types[i]);
        assert_non_null(key);
        assert_int_equal(quick_signer_init(&s, key), 0);
        EVP_PKEY_free(key); /* the signer has its own reference */
        for (uint8_t k = 0; k < 3; k++)
            sign_one(&s, k);
        quick_signer_free(&s);
    }
}

/* A key without its private part: an error, and nothing is written; the next call says the same. */
static void test_public_only(void **state)
{
    static const char *const types[] = {"P-256", "ed25519"};
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct quick_signer s = {0};
        struct dbr_derout o = {0};
        EVP_PKEY *key = dbr_key_generate(types[i]);
        uint8_t *der = NULL;
        int n = i2d_PUBKEY(key, &der);
        const uint8_t *p = der;
        EVP_PKEY *half = d2i_PUBKEY(NULL, &p, n);
        assert_non_null(half);
        int err = quick_signer_init(&s, half);
        for (int k = 0; k < 2 && !err; k++) {
            assert_int_equal(quick_put_signature(&s, (const uint8_t *)"x", 1, &o), DBR_ERR_CRYPTO);
            assert_int_equal(o.n, 0);
        }
        quick_signer_free(&s);
        dbr_derout_free(&o);
        OPENSSL_free(der);
        EVP_PKEY_free(half);
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_type), cmocka_unit_test(test_public_only)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
