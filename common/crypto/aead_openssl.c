/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The AEAD back end on OpenSSL's EVP. One context per key keeps the key schedule; a frame costs one init with
 * only the nonce, two updates and a final. The tag moves through a prepared parameter: EVP_CIPHER_CTX_ctrl()
 * builds one from text at each call and costs 20 ns (GCM) to 150 ns (ChaCha20) more per frame on OpenSSL 3.0.
 */
#include "crypto/aead_backend.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct openssl_aead {
    struct dbr_aead head;
    EVP_CIPHER_CTX *ctx;
};

static bool start(void)
{
    return true;
}

static void drop(struct dbr_aead *aead)
{
    struct openssl_aead *a = (struct openssl_aead *)aead;
    EVP_CIPHER_CTX_free(a->ctx); /* cleanses the key schedule */
    OPENSSL_free(a);
}

static struct dbr_aead *make(enum dbr_cipher cipher, const uint8_t *key, bool seal)
{
    const EVP_CIPHER *evp = fetched()->cipher[cipher];
    struct openssl_aead *a = evp ? OPENSSL_zalloc(sizeof *a) : NULL;
    if (!a)
        return NULL;
    a->head = (struct dbr_aead){&aead_openssl, cipher, seal};
    a->ctx = EVP_CIPHER_CTX_new();
    if (a->ctx && EVP_CipherInit_ex2(a->ctx, evp, key, NULL, seal, NULL))
        return &a->head;
    drop(&a->head);
    return NULL;
}

static OSSL_PARAM tag_param(uint8_t *tag)
{
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, DBR_AEAD_TAG_LEN);
}

static bool update(EVP_CIPHER_CTX *ctx, const struct dbr_aead_job *j)
{
    int n;
    if (j->aad_len && !EVP_CipherUpdate(ctx, NULL, &n, j->aad, (int)j->aad_len))
        return false;
    return !j->len || EVP_CipherUpdate(ctx, j->text, &n, j->text, (int)j->len);
}

static bool seal_one(EVP_CIPHER_CTX *ctx, const struct dbr_aead_job *j)
{
    OSSL_PARAM params[2] = {tag_param(j->tag), OSSL_PARAM_construct_end()};
    uint8_t rest[16];
    int n;
    return EVP_EncryptInit_ex2(ctx, NULL, NULL, j->nonce, NULL) && update(ctx, j) &&
           EVP_EncryptFinal_ex(ctx, rest, &n) && EVP_CIPHER_CTX_get_params(ctx, params);
}

static bool open_one(EVP_CIPHER_CTX *ctx, const struct dbr_aead_job *j)
{
    OSSL_PARAM params[2] = {tag_param(j->tag), OSSL_PARAM_construct_end()};
    uint8_t rest[16];
    int n;
    return EVP_DecryptInit_ex2(ctx, NULL, NULL, j->nonce, NULL) && EVP_CIPHER_CTX_set_params(ctx, params) &&
           update(ctx, j) && EVP_DecryptFinal_ex(ctx, rest, &n) > 0;
}

static void seal(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    EVP_CIPHER_CTX *ctx = ((struct openssl_aead *)aead)->ctx;
    for (size_t i = 0; i < n; i++)
        jobs[i].err = seal_one(ctx, &jobs[i]) ? 0 : DBR_ERR_CRYPTO;
}

static size_t open(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    EVP_CIPHER_CTX *ctx = ((struct openssl_aead *)aead)->ctx;
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        bool ok = open_one(ctx, &jobs[i]);
        jobs[i].err = ok ? 0 : DBR_ERR_AUTH;
        good += ok;
    }
    return good;
}

const struct dbr_aead_backend aead_openssl = {"openssl", start, make, drop, seal, open};
