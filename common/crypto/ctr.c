/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/ctr.h"

#include "base/err.h"
#include "crypto/init.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <limits.h>

struct dbr_ctr {
    EVP_CIPHER_CTX *ctx; /* keyed; each use begins with an init with only the counter block */
};

static int set_key(struct dbr_ctr *c, const uint8_t *key)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
    c->ctx = EVP_CIPHER_CTX_new();
    int ok = cipher && c->ctx && EVP_EncryptInit_ex2(c->ctx, cipher, key, NULL, NULL);
    EVP_CIPHER_free(cipher);
    return ok ? 0 : DBR_ERR_CRYPTO;
}

int dbr_ctr_new(struct dbr_ctr **out, const uint8_t key[DBR_CTR_KEY_LEN])
{
    *out = NULL;
    if (dbr_crypto_init())
        return DBR_ERR_CRYPTO;
    struct dbr_ctr *c = OPENSSL_zalloc(sizeof *c);
    if (!c)
        return DBR_ERR_NOMEM;
    int err = set_key(c, key);
    if (err) {
        dbr_ctr_free(c);
        ERR_clear_error();
        return err;
    }
    *out = c;
    return 0;
}

void dbr_ctr_free(struct dbr_ctr *ctr)
{
    if (!ctr)
        return;
    EVP_CIPHER_CTX_free(ctr->ctx); /* cleanses the key schedule */
    OPENSSL_free(ctr);
}

int dbr_ctr_apply(struct dbr_ctr *ctr, const uint8_t iv[DBR_CTR_IV_LEN], uint8_t *text, size_t len)
{
    int n;
    if (len > INT_MAX || !EVP_EncryptInit_ex2(ctr->ctx, NULL, NULL, iv, NULL) ||
        (len && !EVP_EncryptUpdate(ctr->ctx, text, &n, text, (int)len))) {
        ERR_clear_error();
        return DBR_ERR_CRYPTO;
    }
    return 0;
}
