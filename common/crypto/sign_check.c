/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is this the signature that was asked for? Of somebody who answers late, or whose program has another key,
 * it is not, and the handshake that got it would be lost.
 */
#include "crypto/sign_request.h"
#include "base/err.h"
#include "crypto/lean.h"
#include "crypto/tls_int.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <string.h>

static int set_rsa(EVP_PKEY_CTX *ctx, const struct dbr_to_sign *w)
{
    const int salt = w->salt_len < 0 ? RSA_PSS_SALTLEN_DIGEST : w->salt_len;
    int ok = EVP_PKEY_CTX_set_rsa_padding(ctx, w->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
    return ok == 1 && w->pss ? EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) : ok;
}

static bool is_good(EVP_PKEY *pub, const struct dbr_to_sign *w, const uint8_t *sig, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key;
    bool ok = ctx && pub && EVP_DigestVerifyInit_ex(ctx, &key, w->digest, lean_ctx(), NULL, pub, NULL) == 1 &&
              (w->ec || set_rsa(key, w) == 1) && EVP_DigestVerify(ctx, sig, n, w->message, w->n) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

int dbr_tls_check_signature(const struct dbr_tls *tls, const struct dbr_sign_request *r, const uint8_t *sig,
                            size_t n)
{
    const struct tls_signing *s = tls->signing;
    if (!dbr_tls_wants_signature(tls) || s->request.n != r->n ||
        memcmp(s->request.data, r->data, r->n) != 0 || strcmp(s->request.algorithm, r->algorithm) != 0)
        return DBR_ERR_STATE;
    return is_good(X509_get0_pubkey(SSL_get_certificate(tls->ssl)), s->to_sign, sig, n) ? 0 : DBR_ERR_AUTH;
}
