/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/quicksign.h"

#include <string.h>

#include <openssl/err.h>

#include "base/err.h"
#include "certs/der.h"
#include "certs/keys.h"
#include "certs/sign.h"

enum { SIGNATURE_MAX = 1024 };

/* The context of a signature over a digest; RSA's padding is PKCS #1 by OpenSSL's default. */
static bool prepare(struct quick_signer *s, const EVP_MD *digest)
{
    s->md = EVP_MD_fetch(NULL, EVP_MD_get0_name(digest), NULL);
    s->hash = EVP_MD_CTX_new();
    s->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
    return s->md && s->hash && s->ctx && EVP_PKEY_sign_init(s->ctx) == 1 &&
           EVP_PKEY_CTX_set_signature_md(s->ctx, s->md) == 1;
}

int quick_signer_init(struct quick_signer *s, EVP_PKEY *key)
{
    const EVP_MD *digest = dbr_key_digest(key);
    EVP_PKEY_up_ref(key);
    s->key = key;
    int err = put_algorithm(key, &s->algorithm);
    if (!err && !dbr_derout_ok(&s->algorithm))
        err = DBR_ERR_NOMEM;
    if (!err && digest && !prepare(s, digest))
        err = DBR_ERR_CRYPTO;
    ERR_clear_error();
    return err;
}

void quick_signer_free(struct quick_signer *s)
{
    EVP_PKEY_CTX_free(s->ctx);
    EVP_MD_CTX_free(s->hash);
    EVP_MD_free(s->md);
    EVP_PKEY_free(s->key);
    dbr_derout_free(&s->algorithm);
    memset(s, 0, sizeof *s);
}

static bool sign_digest(struct quick_signer *s, const uint8_t *bytes, size_t n, uint8_t *sig, size_t *len)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned md_len;
    return EVP_DigestInit_ex2(s->hash, s->md, NULL) == 1 && EVP_DigestUpdate(s->hash, bytes, n) == 1 &&
           EVP_DigestFinal_ex(s->hash, md, &md_len) == 1 && EVP_PKEY_sign(s->ctx, sig, len, md, md_len) == 1;
}

/* Keys without a digest sign the bytes themselves. */
static int put_whole(struct quick_signer *s, const uint8_t *bytes, size_t n, struct dbr_derout *out)
{
    struct dbr_derout sig = {0};
    int err = put_signature(s->key, bytes, n, &sig);
    if (!err) {
        dbr_derout_raw(out, s->algorithm.p, s->algorithm.n);
        dbr_derout_raw(out, sig.p, sig.n);
    }
    dbr_derout_free(&sig);
    return err;
}

int quick_put_signature(struct quick_signer *s, const uint8_t *bytes, size_t n, struct dbr_derout *out)
{
    uint8_t sig[SIGNATURE_MAX];
    size_t len = sizeof sig;
    if (!s->ctx)
        return put_whole(s, bytes, n, out);
    if (!sign_digest(s, bytes, n, sig, &len)) {
        ERR_clear_error();
        return DBR_ERR_CRYPTO;
    }
    dbr_derout_raw(out, s->algorithm.p, s->algorithm.n);
    dbr_derout_begin(out, DBR_DER_BITS);
    dbr_derout_raw(out, "\0", 1);
    dbr_derout_raw(out, sig, len);
    dbr_derout_end(out);
    return 0;
}
