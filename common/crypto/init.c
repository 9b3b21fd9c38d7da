/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/init.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/ssl.h>

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct fetched algorithms;
static int outcome = DBR_ERR_CRYPTO;

static void fetch_ciphers(struct fetched *f)
{
    static const char *const names[DBR_CIPHER_END] = {
        [DBR_AES_128_GCM] = "AES-128-GCM", [DBR_AES_192_GCM] = "AES-192-GCM",
        [DBR_AES_256_GCM] = "AES-256-GCM", [DBR_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
        [DBR_AES_128_CBC] = "AES-128-CBC", [DBR_AES_192_CBC] = "AES-192-CBC",
        [DBR_AES_256_CBC] = "AES-256-CBC",
    };
    for (int i = DBR_CIPHER_NONE + 1; i < DBR_CIPHER_END; i++)
        f->cipher[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
}

static void start(void)
{
    if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
        return;
    struct fetched *f = &algorithms;
    fetch_ciphers(f);
    f->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    f->tls1_prf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    f->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    f->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (f->cipher[DBR_AES_256_GCM] && f->hmac && f->tls1_prf && f->hkdf && f->sha256)
        outcome = 0;
    ERR_clear_error();
}

int dbr_crypto_init(void)
{
    return CRYPTO_THREAD_run_once(&once, start) ? outcome : DBR_ERR_CRYPTO;
}

const struct fetched *fetched(void)
{
    return &algorithms;
}

int say(char *why, size_t cap, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (cap)
        vsnprintf(why, cap, fmt, ap);
    va_end(ap);
    return err;
}

const char *library_reason(void)
{
    const char *text = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return text ? text : "unknown reason";
}

const char *utc_text(int64_t unix_s, char *out, size_t cap)
{
    time_t t = (time_t)unix_s;
    struct tm tm = {0};
    OPENSSL_gmtime(&t, &tm);
    strftime(out, cap, "%Y-%m-%d %H:%M:%S UTC", &tm);
    return out;
}
