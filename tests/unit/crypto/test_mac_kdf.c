/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * HMAC and key derivation against published vectors, and the PRF against one built from its definition.
 */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/kdf.h"
#include "crypto/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

/* RFC 2202 and RFC 4231, case 2: key "Jefe", "what do ya want for nothing?". */
static const struct {
    const char *digest;
    size_t size;
    const char *want; /* NULL: size only */
} digests[] = {
    {"MD5", 16, "750c783e6ab0b503eaa86e310a5db738"},
    {"SHA1", 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {"SHA224", 28, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"},
    {"SHA256", 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"sha256", 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"RSA-SHA256", 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"SHA384", 48,
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
    {"SHA512", 64,
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a"
     "34d4a6"
     "b4b636e070a38bce737"},
    {"RIPEMD160", 20, NULL},
    {"SHA3-256", 32, NULL},
    {"SHA3-512", 64, NULL},
    {"BLAKE2b512", 64, NULL},
    {"BLAKE2s256", 32, NULL},
    {"none", 0, NULL},
    {"", 0, NULL},
    {"SHA257", 0, NULL},
    {"SHAKE256", 0, NULL}, /* no fixed size: no HMAC */
};

static void check_hmac(const char *digest, size_t size, const char *want)
{
    static const char message[] = "what do ya want for nothing?";
    struct dbr_part whole = {message, 28},
                    pieces[] = {{message, 5}, {NULL, 0}, {message + 5, 1}, {message + 6, 22}};
    uint8_t expect[64], got[DBR_MAC_MAX], again[DBR_MAC_MAX];
    struct dbr_mac *m;
    assert_int_equal(dbr_mac_new(&m, digest, (const uint8_t *)"Jefe", 4), 0);
    assert_int_equal(dbr_mac_size(m), size);
    assert_int_equal(dbr_mac_compute(m, &whole, 1, got), 0);
    if (want) {
        unhex(expect, want);
        assert_memory_equal(got, expect, size);
    }
    assert_int_equal(dbr_mac_compute(m, pieces, 4, again), 0);
    assert_memory_equal(got, again, size);
    pieces[2].len = 0; /* one byte less is another message */
    assert_int_equal(dbr_mac_compute(m, pieces, 4, again), 0);
    assert_false(dbr_secret_equal(got, again, size));
    dbr_mac_free(m);
}

static void hmac_of_each_digest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        struct dbr_mac *m;
        assert_int_equal(dbr_digest_size(digests[i].digest), digests[i].size);
        if (digests[i].size) {
            check_hmac(digests[i].digest, digests[i].size, digests[i].want);
        } else {
            assert_int_equal(dbr_mac_new(&m, digests[i].digest, NULL, 0), DBR_ERR_UNSUPPORTED);
            assert_null(m);
        }
    }
    dbr_mac_free(NULL);
}

static void each_key_bit_counts(void **state)
{
    (void)state;
    uint8_t key[20] = "key of twenty bytes", a[DBR_MAC_MAX], b[DBR_MAC_MAX];
    struct dbr_part part = {"hard reset", 10};
    struct dbr_mac *m;
    assert_int_equal(dbr_mac_new(&m, "SHA1", key, 20), 0);
    assert_int_equal(dbr_mac_compute(m, &part, 1, a), 0);
    dbr_mac_free(m);
    for (size_t bit = 0; bit < 160; bit++) {
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(dbr_mac_new(&m, "SHA1", key, 20), 0);
        assert_int_equal(dbr_mac_compute(m, &part, 1, b), 0);
        assert_false(dbr_secret_equal(a, b, 20));
        dbr_mac_free(m);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void prf_vector(void **state)
{
    (void)state;
    uint8_t secret[48], client[32], server[32], want[48], got[48];
    unhex(secret,
          "bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0");
    unhex(client, "e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693");
    unhex(server, "135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2");
    unhex(want,
          "2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62");
    struct dbr_part seed[] = {{client, 32}, {server, 32}};
    assert_int_equal(dbr_tls1_prf(secret, 48, "master secret", seed, 2, got, 48), 0);
    assert_memory_equal(got, want, 48);
    seed[1].len = 31;
    assert_int_equal(dbr_tls1_prf(secret, 48, "master secret", seed, 2, got, 48), 0);
    assert_memory_not_equal(got, want, 48);
}

/* P_hash of RFC 2246 section 5: A(0) = seed, A(i) = HMAC(A(i-1)), out = HMAC(A(1) + seed) + HMAC(A(2) + seed)
 * + ... */
static void xor_p_hash(const char *digest, const uint8_t *secret, size_t n, struct dbr_part seed,
                       uint8_t *out, size_t len)
{
    struct dbr_mac *m;
    uint8_t a[DBR_MAC_MAX], block[DBR_MAC_MAX];
    assert_int_equal(dbr_mac_new(&m, digest, secret, n), 0);
    size_t size = dbr_mac_size(m);
    assert_int_equal(dbr_mac_compute(m, &seed, 1, a), 0);
    for (size_t at = 0; at < len; at += size) {
        struct dbr_part both[] = {{a, size}, seed}, alone = {a, size};
        assert_int_equal(dbr_mac_compute(m, both, 2, block), 0);
        for (size_t i = 0; i < size && at + i < len; i++)
            out[at + i] ^= block[i];
        assert_int_equal(dbr_mac_compute(m, &alone, 1, a), 0);
    }
    dbr_mac_free(m);
}

static void prf_as_openvpn_uses_it(void **state)
{
    (void)state;
    static const char label[] = "OpenVPN key expansion";
    uint8_t master[48], randoms[64], sids[16], seed[256], want[256] = {0}, got[256];
    memset(master, 0x11, sizeof master);
    memset(randoms, 0x22, sizeof randoms);
    memset(sids, 0x33, sizeof sids);
    size_t n = strlen(label);
    memcpy(seed, label, n);
    memcpy(seed + n, randoms, 64);
    memcpy(seed + n + 64, sids, 16);
    struct dbr_part whole = {seed, n + 80};
    xor_p_hash("MD5", master, 24, whole, want, 256);
    xor_p_hash("SHA1", master + 24, 24, whole, want, 256);
    struct dbr_part parts[] = {{randoms, 32}, {randoms + 32, 32}, {sids, 8}, {sids + 8, 8}};
    assert_int_equal(dbr_tls1_prf(master, 48, label, parts, 4, got, 256), 0);
    assert_memory_equal(got, want, 256);
}

static void prf_limits(void **state)
{
    (void)state;
    uint8_t out[16], big[1024] = {0};
    struct dbr_part seed = {big, 1024 - 5}, too_long = {big, 1024 - 4};
    assert_int_equal(dbr_tls1_prf(big, 48, "label", &seed, 1, out, 16), 0);
    assert_int_equal(dbr_tls1_prf(big, 48, "label", &too_long, 1, out, 16), DBR_ERR_LIMIT);
    assert_int_equal(dbr_tls1_prf(big, 48, "label", &seed, 1, out, 0), DBR_ERR_LIMIT);
    assert_int_equal(dbr_tls1_prf(big, 48, "label", &seed, 1, out, 16385), DBR_ERR_LIMIT);
}

/* RFC 8448 section 3: "derived" from the early secret. */
static void expand_label_vector(void **state)
{
    (void)state;
    uint8_t secret[32], context[32], want[32], got[32];
    unhex(secret, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    unhex(want, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    assert_int_equal(dbr_sha256(NULL, 0, context), 0);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", "derived", context, 32, got, 32), 0);
    assert_memory_equal(got, want, 32);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "ovpn ", "derived", context, 32, got, 32), 0);
    assert_memory_not_equal(got, want, 32);
}

/* The same expansion written with the HMAC: T(1) = HMAC(secret, info + 0x01). */
static void expand_label_with_openvpns_prefix(void **state)
{
    (void)state;
    uint8_t secret[32], want[DBR_MAC_MAX], got[16];
    memset(secret, 7, sizeof secret);
    struct dbr_part parts[] = {{"\x00\x10\x0e"
                                "ovpn unit test"
                                "\x00\x01",
                                3 + 14 + 2}};
    struct dbr_mac *m;
    assert_int_equal(dbr_mac_new(&m, "SHA256", secret, 32), 0);
    assert_int_equal(dbr_mac_compute(m, parts, 1, want), 0);
    dbr_mac_free(m);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "ovpn ", "unit test", NULL, 0, got, 16), 0);
    assert_memory_equal(got, want, 16);
}

static void expand_label_limits(void **state)
{
    (void)state;
    char label[256];
    uint8_t secret[32] = {0}, out[32], context[256] = {0};
    memset(label, 'x', sizeof label);
    label[243] = 0; /* 6 + 243 = 249 */
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", label, context, 255, out, 32), 0);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", label, context, 256, out, 32),
                     DBR_ERR_LIMIT);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", "x", context, 0, out, 0), DBR_ERR_LIMIT);
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", "x", context, 0, out, 8161), DBR_ERR_LIMIT);
    label[243] = 'x';
    label[244] = 0;
    assert_int_equal(dbr_hkdf_expand_label(secret, 32, "tls13 ", label, context, 255, out, 32),
                     DBR_ERR_LIMIT);
}

static void sha256_vector(void **state)
{
    (void)state;
    uint8_t want[32], got[32];
    struct dbr_part parts[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
    unhex(want, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(dbr_sha256(parts, 3, got), 0);
    assert_memory_equal(got, want, 32);
}

static void random_differs(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(dbr_random(a, 32), 0);
    assert_int_equal(dbr_random(b, 32), 0);
    assert_memory_not_equal(a, b, 32);
    assert_int_equal(dbr_random(a, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hmac_of_each_digest),
        cmocka_unit_test(each_key_bit_counts),
        cmocka_unit_test(prf_vector),
        cmocka_unit_test(prf_as_openvpn_uses_it),
        cmocka_unit_test(prf_limits),
        cmocka_unit_test(expand_label_vector),
        cmocka_unit_test(expand_label_with_openvpns_prefix),
        cmocka_unit_test(expand_label_limits),
        cmocka_unit_test(sha256_vector),
        cmocka_unit_test(random_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
