/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/signkey.h"
#include "base/err.h"
#include "crypto/keyfile.h"
#include "crypto/lean.h"
#include "crypto/lib.h"
#include "crypto/tls_scheme.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <string.h>

enum { GUARDED_BYTES = 128 * 1024, GUARDED_LEAST = 32 }; /* shared out in powers of two from that on */

struct dbr_signkey {
    EVP_PKEY *key;
    uint8_t id[DBR_KEY_ID_LEN];
    BIO *cert, *ca; /* PEM; NULL: none */
};

bool dbr_signkey_guard(void)
{
#ifdef DBR_SANITIZED
    return true; /* the leak checker does not look into that memory, and misses what it refers to */
#else
    return CRYPTO_secure_malloc_init(GUARDED_BYTES, GUARDED_LEAST) != 0;
#endif
}

/* ---- birth and death ---- */

static int add_pem(BIO **to, X509 *cert)
{
    if (!*to && !(*to = BIO_new(BIO_s_mem())))
        return DBR_ERR_NOMEM;
    return PEM_write_bio_X509(*to, cert) ? 0 : DBR_ERR_NOMEM;
}

/* Consumes cert and chain. */
static int keep_certs(struct dbr_signkey *k, X509 *cert, STACK_OF(X509) * chain)
{
    int err = cert ? add_pem(&k->cert, cert) : 0;
    for (int i = 0; !err && i < sk_X509_num(chain); i++) {
        X509 *c = sk_X509_value(chain, i);
        err = add_pem(X509_check_issued(c, c) == X509_V_OK ? &k->ca : &k->cert, c);
    }
    X509_free(cert);
    sk_X509_pop_free(chain, X509_free);
    return err;
}

static int read_p12(struct dbr_signkey *k, const struct dbr_signkey_config *c, EVP_PKEY **key, char *why,
                    size_t cap)
{
    X509 *cert;
    STACK_OF(X509) * chain;
    int err = keyfile_p12(c->pkcs12, c->pkcs12_len, c->pass, key, &cert, &chain, why, cap);
    if (!err && (!cert || !*key))
        err = say(why, cap, DBR_ERR_CONFIG, "pkcs12: it lacks the %s", cert ? "private key" : "certificate");
    int kept = keep_certs(k, cert, chain);
    return !err && kept ? say(why, cap, kept, "out of memory") : err;
}

static int read_key(struct dbr_signkey *k, const struct dbr_signkey_config *c, EVP_PKEY **key, char *why,
                    size_t cap)
{
    *key = NULL;
    if (c->pkcs12)
        return read_p12(k, c, key, why, cap);
    if (!c->key)
        return say(why, cap, DBR_ERR_CONFIG,
                   "key: missing; give the private key of cert (key FILE, or inline)");
    *key = keyfile_pem(c->key, c->key_len, c->pass, why, cap);
    return *key ? 0 : DBR_ERR_CONFIG;
}

int dbr_signkey_new(struct dbr_signkey **out, const struct dbr_signkey_config *config, char *why, size_t cap)
{
    EVP_PKEY *read = NULL;
    *out = NULL;
    if (dbr_crypto_init())
        return say(why, cap, DBR_ERR_CRYPTO, "OpenSSL does not start");
    ERR_clear_error();
    struct dbr_signkey *k = OPENSSL_zalloc(sizeof *k);
    int err = k ? read_key(k, config, &read, why, cap) : say(why, cap, DBR_ERR_NOMEM, "out of memory");
    if (!err && !(k->key = lean_key(read)))
        err = say(why, cap, DBR_ERR_CONFIG, "key: of a kind that TLS has no use for");
    if (!err && keyfile_id(read, k->id))
        err = say(why, cap, DBR_ERR_CRYPTO, "key: %s", library_reason());
    EVP_PKEY_free(read);
    ERR_clear_error();
    if (err)
        dbr_signkey_free(k);
    else
        *out = k;
    return err;
}

void dbr_signkey_free(struct dbr_signkey *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->key);
    BIO_free(k->cert);
    BIO_free(k->ca);
    OPENSSL_clear_free(k, sizeof *k);
}

/* ---- what is public ---- */

const uint8_t *dbr_signkey_id(const struct dbr_signkey *k)
{
    return k->id;
}

static const char *text_of(BIO *bio, size_t *len)
{
    char *text = NULL;
    long n = bio ? BIO_get_mem_data(bio, &text) : 0;
    *len = n > 0 ? (size_t)n : 0;
    return *len ? text : NULL;
}

const char *dbr_signkey_cert(const struct dbr_signkey *k, size_t *len)
{
    return text_of(k->cert, len);
}

const char *dbr_signkey_ca(const struct dbr_signkey *k, size_t *len)
{
    return text_of(k->ca, len);
}

/* ---- signatures ---- */

static bool suits(EVP_PKEY *key, const struct dbr_tls_scheme *s)
{
    return EVP_PKEY_is_a(key, s->kind) ||
           (s->pss && strcmp(s->kind, "RSA") == 0 && EVP_PKEY_is_a(key, "RSA-PSS"));
}

static int sign(EVP_MD_CTX *ctx, EVP_PKEY *key, const struct dbr_tls_scheme *s, const uint8_t *message,
                size_t n, uint8_t *sig, size_t *len)
{
    EVP_PKEY_CTX *how;
    if (EVP_DigestSignInit_ex(ctx, &how, s->digest, lean_ctx(), NULL, key, NULL) != 1)
        return DBR_ERR_CRYPTO;
    if (s->pss && (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) <= 0 ||
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) <= 0))
        return DBR_ERR_CRYPTO;
    return EVP_DigestSign(ctx, sig, len, message, n) == 1 ? 0 : DBR_ERR_CRYPTO;
}

int dbr_signkey_sign(struct dbr_signkey *k, uint16_t scheme, const uint8_t *message, size_t n, uint8_t *sig,
                     size_t *len)
{
    const struct dbr_tls_scheme *s = dbr_tls_scheme(scheme);
    if (!s || !suits(k->key, s))
        return DBR_ERR_NOTFOUND;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int err = ctx ? sign(ctx, k->key, s, message, n, sig, len) : DBR_ERR_NOMEM;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return err;
}
