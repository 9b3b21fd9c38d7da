/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/cbc.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/aead_backend.h"
#include "crypto/ctr.h"
#include "crypto/lib.h"
#include "crypto/mac.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    uint8_t len;
} digests[DBR_DIGEST_COUNT] = {
    [DBR_DIGEST_NONE] = {"", 0},
    [DBR_SHA1] = {"SHA1", 20},
    [DBR_SHA224] = {"SHA224", 28},
    [DBR_SHA256] = {"SHA256", 32},
    [DBR_SHA384] = {"SHA384", 48},
    [DBR_SHA512] = {"SHA512", 64},
    [DBR_MD5] = {"MD5", 16},
    [DBR_RIPEMD160] = {"RIPEMD160", 20},
    [DBR_SHA512_224] = {"SHA512-224", 28},
    [DBR_SHA512_256] = {"SHA512-256", 32},
    [DBR_SHA3_224] = {"SHA3-224", 28},
    [DBR_SHA3_256] = {"SHA3-256", 32},
    [DBR_SHA3_384] = {"SHA3-384", 48},
    [DBR_SHA3_512] = {"SHA3-512", 64},
    [DBR_BLAKE2B512] = {"BLAKE2b512", 64},
    [DBR_BLAKE2S256] = {"BLAKE2s256", 32},
};

enum dbr_digest dbr_digest_by_name(const char *name)
{
    if (name && !strncasecmp(name, "RSA-", 4))
        name += 4;
    for (int i = DBR_DIGEST_NONE + 1; name && i < DBR_DIGEST_COUNT; i++)
        if (!strcasecmp(digests[i].name, name))
            return (enum dbr_digest)i;
    return DBR_DIGEST_NONE;
}

size_t dbr_digest_len(enum dbr_digest digest)
{
    return (unsigned)digest < DBR_DIGEST_COUNT ? digests[digest].len : 0;
}

/* ---- objects ---- */

struct cbc {
    struct dbr_aead head;
    EVP_CIPHER_CTX *ctx;
    struct dbr_mac *mac;
    struct dbr_ctr *iv; /* for sealing */
    uint64_t sealed;    /* counted, encrypted with the key of iv: the IVs */
};

static void drop(struct dbr_aead *aead)
{
    struct cbc *c = (struct cbc *)aead;
    EVP_CIPHER_CTX_free(c->ctx); /* cleanses the key schedule */
    dbr_mac_free(c->mac);
    dbr_ctr_free(c->iv);
    OPENSSL_free(c);
}

static int draw_iv_key(struct cbc *c)
{
    uint8_t key[DBR_CTR_KEY_LEN];
    int err = dbr_random(key, sizeof key);
    if (!err)
        err = dbr_ctr_new(&c->iv, key);
    dbr_wipe(key, sizeof key);
    return err;
}

static int set_cipher(struct cbc *c, const EVP_CIPHER *evp, const uint8_t *key)
{
    c->ctx = EVP_CIPHER_CTX_new();
    if (!c->ctx)
        return DBR_ERR_NOMEM;
    bool good = EVP_CipherInit_ex2(c->ctx, evp, key, NULL, c->head.seal, NULL) &&
                EVP_CIPHER_CTX_set_padding(c->ctx, 0);
    return good ? 0 : DBR_ERR_CRYPTO;
}

static const struct dbr_aead_backend cbc_openssl;

int dbr_cbc_new(struct dbr_aead **out, enum dbr_cipher cipher, const uint8_t *key, enum dbr_digest digest,
                const uint8_t *hmac_key, bool seal)
{
    *out = NULL;
    if (!dbr_cipher_is_cbc(cipher) || !dbr_digest_len(digest))
        return DBR_ERR_UNSUPPORTED;
    if (dbr_crypto_init())
        return DBR_ERR_CRYPTO;
    const EVP_CIPHER *evp = fetched()->cipher[cipher];
    if (!evp)
        return DBR_ERR_UNSUPPORTED;
    struct cbc *c = OPENSSL_zalloc(sizeof *c);
    if (!c)
        return DBR_ERR_NOMEM;
    c->head = (struct dbr_aead){&cbc_openssl, cipher, seal};
    int err = dbr_mac_new(&c->mac, digests[digest].name, hmac_key, digests[digest].len);
    if (!err)
        err = set_cipher(c, evp, key);
    if (!err && seal)
        err = draw_iv_key(c);
    if (err) {
        drop(&c->head);
        ERR_clear_error();
        return err;
    }
    *out = &c->head;
    return 0;
}

/* ---- frames ---- */

/* Where the IV and the encrypted bytes of a job begin. */
static uint8_t *iv_of(const struct dbr_aead_job *j)
{
    return j->text - DBR_CBC_ID_LEN - DBR_CBC_IV_LEN;
}

static uint8_t *blocks_of(const struct dbr_aead_job *j)
{
    return j->text - DBR_CBC_ID_LEN;
}

/* Encrypts or decrypts n bytes, whole blocks, in place. */
static bool crypt_blocks(EVP_CIPHER_CTX *ctx, const uint8_t *iv, uint8_t *blocks, size_t n)
{
    int out;
    return n <= INT_MAX && EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) &&
           EVP_CipherUpdate(ctx, blocks, &out, blocks, (int)n) && (size_t)out == n;
}

static int next_iv(struct cbc *c, uint8_t iv[DBR_CBC_IV_LEN])
{
    uint8_t counter[DBR_CTR_IV_LEN] = {0};
    dbr_put64(counter + 8, ++c->sealed);
    memset(iv, 0, DBR_CBC_IV_LEN);
    return dbr_ctr_apply(c->iv, counter, iv, DBR_CBC_IV_LEN);
}

static bool seal_one(struct cbc *c, struct dbr_aead_job *j)
{
    size_t pad = dbr_cbc_padding(j->len), n = DBR_CBC_ID_LEN + j->len + pad;
    if (next_iv(c, iv_of(j)))
        return false;
    memset(j->text + j->len, (int)pad, pad);
    struct dbr_part signed_part = {iv_of(j), DBR_CBC_IV_LEN + n};
    if (!crypt_blocks(c->ctx, iv_of(j), blocks_of(j), n) || dbr_mac_compute(c->mac, &signed_part, 1, j->tag))
        return false;
    j->len += (uint32_t)pad;
    return true;
}

static void seal(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jobs[i].err = seal_one((struct cbc *)aead, &jobs[i]) ? 0 : DBR_ERR_CRYPTO;
}

static bool is_genuine(struct cbc *c, const struct dbr_aead_job *j)
{
    uint8_t expected[DBR_CBC_MAC_MAX];
    struct dbr_part signed_part = {iv_of(j), DBR_CBC_IV_LEN + DBR_CBC_ID_LEN + (size_t)j->len};
    return !dbr_mac_compute(c->mac, &signed_part, 1, expected) &&
           dbr_secret_equal(expected, j->tag, dbr_mac_size(c->mac));
}

/* Takes the padding off n plain bytes of whole blocks; the bytes of the last block are all looked at. 0: it
 * is no padding. */
static size_t without_padding(const uint8_t *blocks, size_t n)
{
    uint8_t pad = blocks[n - 1], wrong = 0;
    for (size_t i = 0; i < DBR_CBC_BLOCK; i++)
        wrong |= (uint8_t)((i < pad) & (blocks[n - 1 - i] != pad));
    return wrong || !pad || pad > DBR_CBC_BLOCK ? 0 : n - pad;
}

static bool open_one(struct cbc *c, struct dbr_aead_job *j)
{
    size_t n = DBR_CBC_ID_LEN + (size_t)j->len;
    if (n % DBR_CBC_BLOCK || !is_genuine(c, j) || !crypt_blocks(c->ctx, iv_of(j), blocks_of(j), n))
        return false;
    n = without_padding(blocks_of(j), n);
    if (n <= DBR_CBC_ID_LEN)
        return false;
    j->len = (uint32_t)(n - DBR_CBC_ID_LEN);
    return true;
}

static size_t open(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        bool ok = open_one((struct cbc *)aead, &jobs[i]);
        jobs[i].err = ok ? 0 : DBR_ERR_AUTH;
        good += ok;
    }
    return good;
}

static const struct dbr_aead_backend cbc_openssl = {.name = "cbc", .drop = drop, .seal = seal, .open = open};

/* ---- start ---- */

/* A round with each digest, so that nothing is fetched, and no thread's generator begins, behind seccomp. */
void cbc_warm_up(void)
{
    static const uint8_t zero[DBR_CBC_MAC_MAX];
    for (int d = DBR_DIGEST_NONE + 1; d < DBR_DIGEST_COUNT; d++) {
        uint8_t buf[64] = {0}, tag[DBR_CBC_MAC_MAX];
        struct dbr_aead *sealing, *opening;
        struct dbr_aead_job job = {
            .text = buf + DBR_CBC_IV_LEN + DBR_CBC_ID_LEN, .len = DBR_CBC_BLOCK, .tag = tag};
        int err = dbr_cbc_new(&sealing, DBR_AES_256_CBC, zero, (enum dbr_digest)d, zero, true);
        err |= dbr_cbc_new(&opening, DBR_AES_256_CBC, zero, (enum dbr_digest)d, zero, false);
        if (!err) {
            dbr_aead_seal(sealing, &job, 1);
            dbr_aead_open(opening, &job, 1);
        }
        dbr_aead_free(sealing);
        dbr_aead_free(opening);
    }
}
