/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * CBC with HMAC against plain OpenSSL calls made here: both directions, every digest and cipher, every bit,
 * every kind of bad padding.
 */
#include "base/bytes.h"
#include "base/err.h"
#include "crypto/cbc.h"
#include "crypto/mac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmocka.h>

enum { FRONT = DBR_CBC_IV_LEN + DBR_CBC_ID_LEN, MOST = 200 };

static const char *const digest_names[DBR_DIGEST_COUNT] = {
    [DBR_SHA1] = "SHA1",           [DBR_SHA224] = "SHA224",         [DBR_SHA256] = "SHA256",
    [DBR_SHA384] = "SHA384",       [DBR_SHA512] = "SHA512",         [DBR_MD5] = "MD5",
    [DBR_RIPEMD160] = "RIPEMD160", [DBR_SHA512_224] = "SHA512-224", [DBR_SHA512_256] = "SHA512-256",
    [DBR_SHA3_224] = "SHA3-224",   [DBR_SHA3_256] = "SHA3-256",     [DBR_SHA3_384] = "SHA3-384",
    [DBR_SHA3_512] = "SHA3-512",   [DBR_BLAKE2B512] = "BLAKE2b512", [DBR_BLAKE2S256] = "BLAKE2s256",
};

/* A frame between guard bytes, with its tag. */
struct packet {
    uint8_t bytes[FRONT + MOST + 2 * DBR_CBC_BLOCK], tag[DBR_CBC_MAC_MAX];
    struct dbr_aead_job job;
};

static uint8_t key[32], hmac_key[DBR_CBC_MAC_MAX];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(3 * i + 1);
    for (size_t i = 0; i < sizeof hmac_key; i++)
        hmac_key[i] = (uint8_t)(7 * i + 2);
    return dbr_aead_warm_up();
}

static struct dbr_aead *make(enum dbr_cipher cipher, enum dbr_digest digest, bool seal)
{
    struct dbr_aead *a;
    assert_int_equal(dbr_cbc_new(&a, cipher, key, digest, hmac_key, seal), 0);
    return a;
}

static void fill(struct packet *p, uint32_t id, size_t len)
{
    memset(p, 0xee, sizeof *p);
    p->job = (struct dbr_aead_job){.text = p->bytes + FRONT, .len = (uint32_t)len, .tag = p->tag};
    dbr_put32(p->job.text - 4, id);
    for (size_t i = 0; i < len; i++)
        p->job.text[i] = (uint8_t)(i * i + 5);
}

static bool is_as_filled(const struct packet *p, uint32_t id, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p->job.text[i] != (uint8_t)(i * i + 5))
            return false;
    return p->job.len == len && dbr_get32(p->job.text - 4) == id;
}

/* ---- the same by OpenSSL alone ---- */

static const EVP_CIPHER *plain_cipher(enum dbr_cipher cipher)
{
    return cipher == DBR_AES_128_CBC   ? EVP_aes_128_cbc()
           : cipher == DBR_AES_192_CBC ? EVP_aes_192_cbc()
                                       : EVP_aes_256_cbc();
}

static size_t plain_mac(enum dbr_digest digest, const uint8_t *p, size_t n, uint8_t *out)
{
    unsigned len = 0;
    const EVP_MD *md = EVP_get_digestbyname(digest_names[digest]);
    assert_non_null(md);
    assert_non_null(HMAC(md, hmac_key, EVP_MD_get_size(md), p, n, out, &len));
    return len;
}

/* Encrypts n bytes in place with these very blocks (no padding of its own) and signs them. */
static void plain_seal(struct packet *p, enum dbr_cipher cipher, enum dbr_digest digest, size_t n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *iv = p->bytes, *at = p->bytes + DBR_CBC_IV_LEN;
    int len;
    memset(iv, 0x5a, DBR_CBC_IV_LEN);
    assert_int_equal(EVP_EncryptInit_ex(ctx, plain_cipher(cipher), NULL, key, iv), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    assert_int_equal(EVP_EncryptUpdate(ctx, at, &len, at, (int)n), 1);
    assert_int_equal(len, n);
    EVP_CIPHER_CTX_free(ctx);
    plain_mac(digest, iv, DBR_CBC_IV_LEN + n, p->tag);
    p->job.len = (uint32_t)(n - DBR_CBC_ID_LEN);
}

static size_t plain_open(const struct packet *p, enum dbr_cipher cipher, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n, rest;
    assert_int_equal(EVP_DecryptInit_ex(ctx, plain_cipher(cipher), NULL, key, p->bytes), 1);
    assert_int_equal(
        EVP_DecryptUpdate(ctx, out, &n, p->bytes + DBR_CBC_IV_LEN, (int)(DBR_CBC_ID_LEN + p->job.len)), 1);
    assert_int_equal(EVP_DecryptFinal_ex(ctx, out + n, &rest), 1);
    EVP_CIPHER_CTX_free(ctx);
    return (size_t)(n + rest);
}

/* ---- tests ---- */

static void what_we_seal(void **state)
{
    (void)state;
    for (int c = DBR_AES_128_CBC; c <= DBR_AES_256_CBC; c++)
        for (int d = DBR_SHA1; d < DBR_DIGEST_COUNT; d++) {
            struct dbr_aead *seal = make((enum dbr_cipher)c, (enum dbr_digest)d, true);
            for (size_t len = 1; len <= 40; len++) {
                struct packet p, want;
                uint8_t out[MOST], mac[DBR_CBC_MAC_MAX];
                size_t pad = dbr_cbc_padding(len);
                assert_true(pad >= 1 && pad <= 16 && (4 + len + pad) % 16 == 0);
                fill(&p, 0x01020304, len);
                fill(&want, 0x01020304, len);
                dbr_aead_seal(seal, &p.job, 1);
                assert_int_equal(p.job.err, 0);
                assert_int_equal(p.job.len, len + pad);
                assert_int_equal(plain_open(&p, (enum dbr_cipher)c, out), 4 + len);
                assert_memory_equal(out, want.bytes + DBR_CBC_IV_LEN, 4 + len);
                size_t n = plain_mac((enum dbr_digest)d, p.bytes, FRONT + len + pad, mac);
                assert_int_equal(n, dbr_digest_len((enum dbr_digest)d));
                assert_memory_equal(p.tag, mac, n);
                assert_int_equal(p.bytes[FRONT + len + pad], 0xee); /* nothing behind is touched */
                assert_true(n == DBR_CBC_MAC_MAX || p.tag[n] == 0xee);
            }
            dbr_aead_free(seal);
        }
}

static void what_openssl_seals(void **state)
{
    (void)state;
    for (int c = DBR_AES_128_CBC; c <= DBR_AES_256_CBC; c++)
        for (int d = DBR_SHA1; d < DBR_DIGEST_COUNT; d++) {
            struct dbr_aead *open = make((enum dbr_cipher)c, (enum dbr_digest)d, false);
            for (size_t len = 1; len <= 40; len++) {
                struct packet p;
                size_t pad = dbr_cbc_padding(len);
                fill(&p, 77, len);
                memset(p.job.text + len, (int)pad, pad);
                plain_seal(&p, (enum dbr_cipher)c, (enum dbr_digest)d, 4 + len + pad);
                assert_int_equal(dbr_aead_open(open, &p.job, 1), 1);
                assert_int_equal(p.job.err, 0);
                assert_true(is_as_filled(&p, 77, len));
            }
            dbr_aead_free(open);
        }
}

static int verdict(struct dbr_aead *open, const struct packet *p)
{
    struct packet copy = *p;
    copy.job.text = copy.bytes + FRONT;
    copy.job.tag = copy.tag;
    dbr_aead_open(open, &copy.job, 1);
    return copy.job.err;
}

static void every_bit_counts(void **state)
{
    (void)state;
    static const enum dbr_digest some[] = {DBR_MD5, DBR_SHA1, DBR_SHA256, DBR_SHA512};
    for (size_t d = 0; d < 4; d++) {
        struct dbr_aead *seal = make(DBR_AES_256_CBC, some[d], true);
        struct dbr_aead *open = make(DBR_AES_256_CBC, some[d], false);
        struct packet p;
        fill(&p, 9, 60);
        dbr_aead_seal(seal, &p.job, 1);
        assert_int_equal(verdict(open, &p), 0);
        size_t n = FRONT + p.job.len;
        for (size_t bit = 0; bit < 8 * n; bit++) {
            p.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(verdict(open, &p), DBR_ERR_AUTH);
            p.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t bit = 0; bit < 8 * dbr_digest_len(some[d]); bit++) {
            p.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(verdict(open, &p), DBR_ERR_AUTH);
            p.tag[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (uint32_t len = 0; len < 100; len++) {
            struct packet cut = p;
            cut.job.len = len;
            assert_int_equal(verdict(open, &cut), len == p.job.len ? 0 : DBR_ERR_AUTH);
        }
        dbr_aead_free(seal);
        dbr_aead_free(open);
    }
}

/* Behind a good HMAC: bad padding, no payload and padding alone give the answer of a bad HMAC. */
static void padding_must_be_right(void **state)
{
    struct dbr_aead *open = make(DBR_AES_128_CBC, DBR_SHA1, false);
    struct packet p;
    (void)state;
    for (unsigned last = 0; last < 256; last++) {
        fill(&p, 5, 44); /* three blocks, no room for padding: the last bytes are the payload's */
        memset(p.job.text, 0x40, 44);
        p.job.text[43] = (uint8_t)last;
        plain_seal(&p, DBR_AES_128_CBC, DBR_SHA1, 48);
        assert_int_equal(verdict(open, &p), last == 1 ? 0 : DBR_ERR_AUTH);
    }
    for (size_t pad = 1; pad <= 32; pad++)
        for (size_t wrong = 0; wrong <= pad; wrong++) {
            fill(&p, 5, 44);
            memset(p.job.text, 0x40, 44);
            memset(p.job.text + 44 - pad, (int)pad, pad);
            if (wrong)
                p.job.text[44 - wrong] ^= 0x80;
            plain_seal(&p, DBR_AES_128_CBC, DBR_SHA1, 48);
            assert_int_equal(verdict(open, &p), !wrong && pad <= 16 ? 0 : DBR_ERR_AUTH);
        }
    fill(&p, 5, 12);
    memset(p.job.text, 12, 12); /* an id and no payload */
    plain_seal(&p, DBR_AES_128_CBC, DBR_SHA1, 16);
    assert_int_equal(verdict(open, &p), DBR_ERR_AUTH);
    fill(&p, 5, 12);
    memset(p.bytes + DBR_CBC_IV_LEN, 16, 16); /* not even an id */
    plain_seal(&p, DBR_AES_128_CBC, DBR_SHA1, 16);
    assert_int_equal(verdict(open, &p), DBR_ERR_AUTH);
    dbr_aead_free(open);
}

static void batches_and_directions(void **state)
{
    struct dbr_aead *seal = make(DBR_AES_256_CBC, DBR_SHA256, true);
    struct dbr_aead *open = make(DBR_AES_256_CBC, DBR_SHA256, false);
    static struct packet p[5];
    struct dbr_aead_job jobs[5];
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        fill(&p[i], i, 10 * i + 1);
        jobs[i] = p[i].job;
    }
    dbr_aead_seal(open, jobs, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(jobs[i].err, DBR_ERR_STATE);
    dbr_aead_seal(seal, jobs, 5);
    p[3].tag[0] ^= 1;
    assert_int_equal(dbr_aead_open(open, jobs, 5), 4);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(jobs[i].err, i == 3 ? DBR_ERR_AUTH : 0);
        p[i].job = jobs[i];
        assert_true(i == 3 || is_as_filled(&p[i], i, 10 * i + 1));
    }
    assert_int_equal(dbr_aead_open(seal, jobs, 5), 0);
    dbr_aead_free(seal);
    dbr_aead_free(open);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, DBR_CBC_IV_LEN);
}

static void ivs_never_come_twice(void **state)
{
    enum { N = 4000 };
    static uint8_t ivs[N][DBR_CBC_IV_LEN];
    struct dbr_aead *a = make(DBR_AES_256_CBC, DBR_SHA1, true), *b = make(DBR_AES_256_CBC, DBR_SHA1, true);
    unsigned ones = 0;
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct packet p;
        fill(&p, 1, 20);
        dbr_aead_seal(i % 2 ? a : b, &p.job, 1);
        memcpy(ivs[i], p.bytes, DBR_CBC_IV_LEN);
        for (size_t k = 0; k < DBR_CBC_IV_LEN; k++)
            ones += (unsigned)__builtin_popcount(p.bytes[k]);
    }
    qsort(ivs, N, DBR_CBC_IV_LEN, by_bytes);
    for (size_t i = 1; i < N; i++)
        assert_memory_not_equal(ivs[i - 1], ivs[i], DBR_CBC_IV_LEN);
    assert_in_range(ones, N * 64 * 98 / 100, N * 64 * 102 / 100); /* half of 128 bits each */
    dbr_aead_free(a);
    dbr_aead_free(b);
}

static void names_and_refusals(void **state)
{
    struct dbr_aead *a;
    (void)state;
    for (int d = DBR_SHA1; d < DBR_DIGEST_COUNT; d++) {
        char name[40] = "rsa-";
        assert_int_equal(dbr_digest_by_name(digest_names[d]), d);
        assert_int_equal(dbr_digest_by_name(strcat(name, digest_names[d])), d);
        assert_int_equal(dbr_digest_len((enum dbr_digest)d), dbr_digest_size(digest_names[d]));
    }
    assert_int_equal(dbr_digest_by_name("none"), DBR_DIGEST_NONE);
    assert_int_equal(dbr_digest_by_name(""), DBR_DIGEST_NONE);
    assert_int_equal(dbr_digest_by_name("RSA-"), DBR_DIGEST_NONE);
    assert_int_equal(dbr_digest_by_name("SHA2"), DBR_DIGEST_NONE);
    assert_int_equal(dbr_digest_by_name(NULL), DBR_DIGEST_NONE);
    assert_int_equal(dbr_digest_len(DBR_DIGEST_NONE), 0);
    assert_int_equal(dbr_digest_len(DBR_DIGEST_COUNT), 0);
    for (int c = DBR_CIPHER_NONE; c <= DBR_CIPHER_END; c++) {
        bool cbc = c == DBR_AES_128_CBC || c == DBR_AES_192_CBC || c == DBR_AES_256_CBC;
        assert_int_equal(dbr_cipher_is_cbc((enum dbr_cipher)c), cbc);
        int err = dbr_cbc_new(&a, (enum dbr_cipher)c, key, DBR_SHA1, hmac_key, true);
        assert_int_equal(err, cbc ? 0 : DBR_ERR_UNSUPPORTED);
        dbr_aead_free(a);
        if (!cbc)
            continue;
        assert_int_equal(dbr_aead_new(&a, dbr_aead_backend_best(), (enum dbr_cipher)c, key, true),
                         DBR_ERR_UNSUPPORTED);
        assert_int_equal(dbr_cbc_new(&a, (enum dbr_cipher)c, key, DBR_DIGEST_NONE, hmac_key, true),
                         DBR_ERR_UNSUPPORTED);
        assert_int_equal(dbr_cbc_new(&a, (enum dbr_cipher)c, key, DBR_DIGEST_COUNT, hmac_key, true),
                         DBR_ERR_UNSUPPORTED);
        assert_null(a);
        const char *name = dbr_cipher_name((enum dbr_cipher)c);
        assert_int_equal(dbr_cipher_by_name(name, strlen(name)), c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_seal),           cmocka_unit_test(what_openssl_seals),
        cmocka_unit_test(every_bit_counts),       cmocka_unit_test(padding_must_be_right),
        cmocka_unit_test(batches_and_directions), cmocka_unit_test(ivs_never_come_twice),
        cmocka_unit_test(names_and_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
