/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/kdf.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/lib.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

enum { PRF_SEED_MAX = 1024, PRF_OUT_MAX = 16384, EXPAND_OUT_MAX = 255 * DBR_SHA256_LEN };

/* An octet string parameter; one of no bytes still needs a pointer. */
static OSSL_PARAM bytes_param(const char *name, const void *data, size_t len)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(len ? data : ""), len);
}

static OSSL_PARAM text_param(const char *name, const char *text)
{
    return OSSL_PARAM_construct_utf8_string(name, (char *)text, 0);
}

static int derive(EVP_KDF *kdf, const OSSL_PARAM *params, uint8_t *out, size_t out_len)
{
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int ok = ctx ? EVP_KDF_derive(ctx, out, out_len, params) : 0;
    EVP_KDF_CTX_free(ctx);
    if (ok > 0)
        return 0;
    dbr_wipe(out, out_len);
    ERR_clear_error();
    return DBR_ERR_CRYPTO;
}

int dbr_tls1_prf(const uint8_t *secret, size_t secret_len, const char *label, const struct dbr_part *seed,
                 size_t n, uint8_t *out, size_t out_len)
{
    uint8_t text[PRF_SEED_MAX];
    struct dbr_writer w;
    dbr_writer_init(&w, text, sizeof text);
    dbr_write_bytes(&w, label, strlen(label));
    for (size_t i = 0; i < n; i++)
        dbr_write_bytes(&w, seed[i].data, seed[i].len);
    if (!dbr_writer_ok(&w) || !out_len || out_len > PRF_OUT_MAX)
        return DBR_ERR_LIMIT;
    if (dbr_crypto_init())
        return DBR_ERR_CRYPTO;
    OSSL_PARAM params[] = {
        text_param(OSSL_KDF_PARAM_DIGEST, "MD5-SHA1"),
        bytes_param(OSSL_KDF_PARAM_SECRET, secret, secret_len),
        bytes_param(OSSL_KDF_PARAM_SEED, text, dbr_writer_len(&w)),
        OSSL_PARAM_construct_end(),
    };
    int err = derive(fetched()->tls1_prf, params, out, out_len);
    dbr_wipe(text, sizeof text);
    return err;
}

/* struct { uint16 length; opaque label<7..255>; opaque context<0..255>; } HkdfLabel */
static bool write_hkdf_label(struct dbr_writer *w, size_t out_len, const char *prefix, const char *label,
                             const uint8_t *context, size_t context_len)
{
    size_t prefix_len = strlen(prefix), label_len = strlen(label);
    if (prefix_len > 249 || label_len > 249 - prefix_len || context_len > 255)
        return false;
    dbr_write16(w, (uint16_t)out_len);
    dbr_write8(w, (uint8_t)(prefix_len + label_len));
    dbr_write_bytes(w, prefix, prefix_len);
    dbr_write_bytes(w, label, label_len);
    dbr_write8(w, (uint8_t)context_len);
    dbr_write_bytes(w, context, context_len);
    return dbr_writer_ok(w);
}

int dbr_hkdf_expand_label(const uint8_t *secret, size_t secret_len, const char *prefix, const char *label,
                          const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len)
{
    uint8_t info[512];
    struct dbr_writer w;
    dbr_writer_init(&w, info, sizeof info);
    if (!out_len || out_len > EXPAND_OUT_MAX ||
        !write_hkdf_label(&w, out_len, prefix, label, context, context_len))
        return DBR_ERR_LIMIT;
    if (dbr_crypto_init())
        return DBR_ERR_CRYPTO;
    OSSL_PARAM params[] = {
        text_param(OSSL_KDF_PARAM_MODE, "EXPAND_ONLY"),
        text_param(OSSL_KDF_PARAM_DIGEST, "SHA256"),
        bytes_param(OSSL_KDF_PARAM_KEY, secret, secret_len),
        bytes_param(OSSL_KDF_PARAM_INFO, info, dbr_writer_len(&w)),
        OSSL_PARAM_construct_end(),
    };
    return derive(fetched()->hkdf, params, out, out_len);
}

int dbr_sha256(const struct dbr_part *parts, size_t n, uint8_t out[DBR_SHA256_LEN])
{
    EVP_MD_CTX *ctx = dbr_crypto_init() ? NULL : EVP_MD_CTX_new();
    bool ok = ctx && EVP_DigestInit_ex2(ctx, fetched()->sha256, NULL);
    for (size_t i = 0; ok && i < n; i++)
        ok = !parts[i].len || EVP_DigestUpdate(ctx, parts[i].data, parts[i].len);
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL);
    EVP_MD_CTX_free(ctx);
    if (ok)
        return 0;
    dbr_wipe(out, DBR_SHA256_LEN);
    ERR_clear_error();
    return DBR_ERR_CRYPTO;
}
