/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/aead.h"

#include "base/err.h"
#include "crypto/aead_backend.h"
#include "crypto/lib.h"

#include <openssl/crypto.h>

#include <string.h>
#include <strings.h>

/* Best first. */
static const struct dbr_aead_backend *const backends[] = {
#ifdef DBR_HAVE_IPSEC_MB
    &aead_ipsec_mb,
#endif
    &aead_openssl,
};
enum { N_BACKENDS = sizeof backends / sizeof backends[0] };

static const struct {
    const char *name;
    size_t key_len;
} ciphers[DBR_CIPHER_END] = {
    [DBR_CIPHER_NONE] = {"none", 0},
    [DBR_AES_128_GCM] = {"AES-128-GCM", 16},
    [DBR_AES_192_GCM] = {"AES-192-GCM", 24},
    [DBR_AES_256_GCM] = {"AES-256-GCM", 32},
    [DBR_CHACHA20_POLY1305] = {"CHACHA20-POLY1305", 32},
    [DBR_AES_128_CBC] = {"AES-128-CBC", 16},
    [DBR_AES_192_CBC] = {"AES-192-CBC", 24},
    [DBR_AES_256_CBC] = {"AES-256-CBC", 32},
};

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static bool usable[N_BACKENDS];

enum dbr_cipher dbr_cipher_by_name(const char *name, size_t n)
{
    for (int i = DBR_CIPHER_NONE + 1; i < DBR_CIPHER_END; i++)
        if (n == strlen(ciphers[i].name) && !strncasecmp(name, ciphers[i].name, n))
            return (enum dbr_cipher)i;
    return DBR_CIPHER_NONE;
}

const char *dbr_cipher_name(enum dbr_cipher cipher)
{
    return ciphers[cipher].name;
}

size_t dbr_cipher_key_len(enum dbr_cipher cipher)
{
    return ciphers[cipher].key_len;
}

/* One seal and one open with a key of zeros: everything lazy in the library has then happened. */
static bool try_cipher(const struct dbr_aead_backend *b, enum dbr_cipher cipher)
{
    static const uint8_t key[DBR_AEAD_KEY_MAX];
    uint8_t text[64] = {0}, tag[DBR_AEAD_TAG_LEN];
    struct dbr_aead_job job = {.text = text, .len = sizeof text, .aad = key, .aad_len = 8, .tag = tag};
    struct dbr_aead *seal = b->make(cipher, key, true), *open = b->make(cipher, key, false);
    bool good = seal && open;
    if (good) {
        b->seal(seal, &job, 1);
        good = b->open(open, &job, 1) == 1 && !memcmp(text, (uint8_t[64]){0}, sizeof text);
    }
    dbr_aead_free(seal);
    dbr_aead_free(open);
    return good;
}

static void warm_up(void)
{
    if (dbr_crypto_init())
        return;
    for (int i = 0; i < N_BACKENDS; i++) {
        usable[i] = backends[i]->start() && try_cipher(backends[i], DBR_AES_256_GCM);
        for (int c = DBR_CIPHER_NONE + 1; usable[i] && c < DBR_CIPHER_COUNT; c++)
            try_cipher(backends[i], (enum dbr_cipher)c);
    }
    cbc_warm_up();
}

int dbr_aead_warm_up(void)
{
    if (!CRYPTO_THREAD_run_once(&once, warm_up))
        return DBR_ERR_CRYPTO;
    return usable[N_BACKENDS - 1] ? 0 : DBR_ERR_CRYPTO;
}

const struct dbr_aead_backend *dbr_aead_backend_best(void)
{
    dbr_aead_warm_up();
    for (int i = 0; i < N_BACKENDS; i++)
        if (usable[i])
            return backends[i];
    return &aead_openssl;
}

const struct dbr_aead_backend *dbr_aead_backend_by_name(const char *name)
{
    dbr_aead_warm_up();
    for (int i = 0; i < N_BACKENDS; i++)
        if (usable[i] && !strcmp(backends[i]->name, name))
            return backends[i];
    return NULL;
}

const char *dbr_aead_backend_name(const struct dbr_aead_backend *backend)
{
    return backend->name;
}

int dbr_aead_new(struct dbr_aead **out, const struct dbr_aead_backend *backend, enum dbr_cipher cipher,
                 const uint8_t *key, bool seal)
{
    *out = NULL;
    if (cipher >= DBR_CIPHER_COUNT || !dbr_cipher_key_len(cipher))
        return DBR_ERR_UNSUPPORTED;
    if (dbr_aead_warm_up())
        return DBR_ERR_CRYPTO;
    *out = backend->make(cipher, key, seal);
    return *out ? 0 : DBR_ERR_NOMEM;
}

void dbr_aead_free(struct dbr_aead *aead)
{
    if (aead)
        aead->backend->drop(aead);
}

static void refuse_all(struct dbr_aead_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        jobs[i].err = DBR_ERR_STATE;
}

void dbr_aead_seal(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    if (aead->seal)
        aead->backend->seal(aead, jobs, n);
    else
        refuse_all(jobs, n);
}

size_t dbr_aead_open(struct dbr_aead *aead, struct dbr_aead_job *jobs, size_t n)
{
    if (!aead->seal)
        return aead->backend->open(aead, jobs, n);
    refuse_all(jobs, n);
    return 0;
}
