/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The AEAD back end on OpenSSL. One context per key keeps the key schedule; a frame costs one init with only
 * the nonce, two updates, a final, and the tag through a prepared parameter.
 *
 * The functions of the provider are called as EVP calls them (provider-cipher(7)), but directly: at each
 * nonce EVP 3.0 asks for its length by way of a parameter's name, which is a sixth of a frame's whole cost.
 */
#include "crypto/aead_backend.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <string.h>

/* What a provider has for one cipher. */
struct cipher {
    void *provctx;
    OSSL_FUNC_cipher_newctx_fn *new_ctx;
    OSSL_FUNC_cipher_freectx_fn *free_ctx;
    OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
    OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
    OSSL_FUNC_cipher_update_fn *update;
    OSSL_FUNC_cipher_final_fn *final;
    OSSL_FUNC_cipher_get_ctx_params_fn *get_params;
    OSSL_FUNC_cipher_set_ctx_params_fn *set_params;
};

struct openssl_aead {
    struct dbr_aead head;
    struct cipher f;
    void *ctx;
};

static bool start(void)
{
    return true;
}

/* ---- a key ---- */

static bool take_functions(struct cipher *f, const OSSL_DISPATCH *d)
{
    for (; d->function_id; d++)
        switch (d->function_id) {
        case OSSL_FUNC_CIPHER_NEWCTX: f->new_ctx = OSSL_FUNC_cipher_newctx(d); break;
        case OSSL_FUNC_CIPHER_FREECTX: f->free_ctx = OSSL_FUNC_cipher_freectx(d); break;
        case OSSL_FUNC_CIPHER_ENCRYPT_INIT: f->encrypt_init = OSSL_FUNC_cipher_encrypt_init(d); break;
        case OSSL_FUNC_CIPHER_DECRYPT_INIT: f->decrypt_init = OSSL_FUNC_cipher_decrypt_init(d); break;
        case OSSL_FUNC_CIPHER_UPDATE: f->update = OSSL_FUNC_cipher_update(d); break;
        case OSSL_FUNC_CIPHER_FINAL: f->final = OSSL_FUNC_cipher_final(d); break;
        case OSSL_FUNC_CIPHER_GET_CTX_PARAMS: f->get_params = OSSL_FUNC_cipher_get_ctx_params(d); break;
        case OSSL_FUNC_CIPHER_SET_CTX_PARAMS: f->set_params = OSSL_FUNC_cipher_set_ctx_params(d); break;
        }
    return f->new_ctx && f->free_ctx && f->encrypt_init && f->decrypt_init && f->update && f->final &&
           f->get_params && f->set_params;
}

/* True if names ("AES-256-GCM:id-aes256-GCM:2.16.840.1.101.3.4.1.46") begin with one of evp's. */
static bool is_of(const char *names, const EVP_CIPHER *evp)
{
    char first[64] = "";
    size_t n = strcspn(names, ":");
    if (n >= sizeof first)
        return false;
    memcpy(first, names, n);
    return EVP_CIPHER_is_a(evp, first);
}

/* The functions that evp stands for: those of its provider. */
static bool find_functions(struct cipher *f, const EVP_CIPHER *evp)
{
    const OSSL_PROVIDER *provider = EVP_CIPHER_get0_provider(evp);
    int no_cache;
    const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(provider, OSSL_OP_CIPHER, &no_cache);
    f->provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    while (a && a->algorithm_names && !is_of(a->algorithm_names, evp))
        a++;
    return a && a->algorithm_names && take_functions(f, a->implementation);
}

static void drop(struct dbr_aead *aead)
{
    struct openssl_aead *a = (struct openssl_aead *)aead;
    if (a->ctx)
        a->f.free_ctx(a->ctx); /* cleanses the key schedule */
    OPENSSL_free(a);
}

static struct dbr_aead *make(enum dbr_cipher cipher, const uint8_t *key, bool seal)
{
    const EVP_CIPHER *evp = fetched()->cipher[cipher];
    struct openssl_aead *a = evp ? OPENSSL_zalloc(sizeof *a) : NULL;
    if (!a)
        return NULL;
    a->head = (struct dbr_aead){&aead_openssl, cipher, seal};
    if (find_functions(&a->f, evp) && (a->ctx = a->f.new_ctx(a->f.provctx)) &&
        (seal ? a->f.encrypt_init : a->f.decrypt_init)(a->ctx, key, (size_t)EVP_CIPHER_get_key_length(evp),
                                                       NULL, 0, NULL))
        return &a->head;
    drop(&a->head);
    return NULL;
}

/* ---- a frame ---- */

static OSSL_PARAM tag_param(uint8_t *tag)
{
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, DBR_AEAD_TAG_LEN);
}

static bool update(const struct openssl_aead *a, const struct dbr_aead_job *j)
{
    size_t n;
    if (j->aad_len && !a->f.update(a->ctx, NULL, &n, j->aad_len, j->aad, j->aad_len))
        return false;
    return !j->len || a->f.update(a->ctx, j->text, &n, j->len, j->text, j->len);
}

static bool seal_one(const struct openssl_aead *a, const struct dbr_aead_job *j)
{
    OSSL_PARAM params[2] = {tag_param(j->tag), OSSL_PARAM_construct_end()};
    uint8_t rest[16];
    size_t n;
    return a->f.encrypt_init(a->ctx, NULL, 0, j->nonce, DBR_AEAD_NONCE_LEN, NULL) && update(a, j) &&
           a->f.final(a->ctx, rest, &n, sizeof rest) && a->f.get_params(a->ctx, params);
}

static bool open_one(const struct openssl_aead *a, const struct dbr_aead_job *j)
{
    OSSL_PARAM params[2] = {tag_param(j->tag), OSSL_PARAM_construct_end()};
    uint8_t rest[16];
    size_t n;
    return a->f.decrypt_init(a->ctx, NULL, 0, j->nonce, DBR_AEAD_NONCE_LEN, NULL) &&
           a->f.set_params(a->ctx, params) && update(a, j) && a->f.final(a->ctx, rest, &n, sizeof rest) > 0;
}

static void seal(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    const struct openssl_aead *a = (struct openssl_aead *)aead;
    for (size_t i = 0; i < n; i++)
        jobs[i].err = seal_one(a, &jobs[i]) ? 0 : DBR_ERR_CRYPTO;
}

static size_t open(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    const struct openssl_aead *a = (struct openssl_aead *)aead;
    size_t good = 0;
    for (size_t i = 0; i < n; i++) {
        bool ok = open_one(a, &jobs[i]);
        jobs[i].err = ok ? 0 : DBR_ERR_AUTH;
        good += ok;
    }
    return good;
}

const struct dbr_aead_backend aead_openssl = {"openssl", start, make, drop, seal, open};
