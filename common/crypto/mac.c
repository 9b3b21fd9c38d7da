/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/mac.h"

#include "base/err.h"
#include "base/secret.h"
#include "crypto/lib.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <limits.h>
#include <string.h>
#include <strings.h>

struct dbr_mac {
    EVP_MAC_CTX *ctx; /* keyed; each computation begins with an init without key */
    size_t size;
};

/* The library's digest of an OpenVPN name, counted, or NULL. OpenVPN also takes the signature names
 * ("RSA-SHA256"). */
static EVP_MD *fetch_digest(const char *name)
{
    if (!strncasecmp(name, "RSA-", 4))
        name += 4;
    if (dbr_crypto_init() || !*name)
        return NULL;
    EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
    ERR_clear_error();
    if (md && EVP_MD_get_size(md) > 0 && EVP_MD_get_size(md) <= DBR_MAC_MAX &&
        !(EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF))
        return md;
    EVP_MD_free(md);
    return NULL;
}

size_t dbr_digest_size(const char *digest)
{
    EVP_MD *md = fetch_digest(digest);
    size_t size = md ? (size_t)EVP_MD_get_size(md) : 0;
    EVP_MD_free(md);
    return size;
}

static int set_key(struct dbr_mac *m, const EVP_MD *md, const uint8_t *key, size_t key_len)
{
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_end(),
    };
    m->size = (size_t)EVP_MD_get_size(md);
    m->ctx = EVP_MAC_CTX_new(fetched()->hmac);
    if (!m->ctx)
        return DBR_ERR_NOMEM;
    return EVP_MAC_init(m->ctx, key_len ? key : (const uint8_t *)"", key_len, params) ? 0 : DBR_ERR_CRYPTO;
}

int dbr_mac_new(struct dbr_mac **out, const char *digest, const uint8_t *key, size_t key_len)
{
    *out = NULL;
    EVP_MD *md = fetch_digest(digest);
    if (!md)
        return DBR_ERR_UNSUPPORTED;
    struct dbr_mac *m = OPENSSL_zalloc(sizeof *m);
    int err = m ? set_key(m, md, key, key_len) : DBR_ERR_NOMEM;
    EVP_MD_free(md);
    if (err) {
        dbr_mac_free(m);
        ERR_clear_error();
        return err;
    }
    *out = m;
    return 0;
}

void dbr_mac_free(struct dbr_mac *mac)
{
    if (!mac)
        return;
    EVP_MAC_CTX_free(mac->ctx); /* cleanses the key */
    OPENSSL_free(mac);
}

size_t dbr_mac_size(const struct dbr_mac *mac)
{
    return mac->size;
}

int dbr_mac_compute(struct dbr_mac *mac, const struct dbr_part *parts, size_t n, uint8_t *out)
{
    bool ok = EVP_MAC_init(mac->ctx, NULL, 0, NULL);
    for (size_t i = 0; ok && i < n; i++)
        ok = !parts[i].len || EVP_MAC_update(mac->ctx, parts[i].data, parts[i].len);
    size_t len;
    if (ok && EVP_MAC_final(mac->ctx, out, &len, mac->size) && len == mac->size)
        return 0;
    memset(out, 0, mac->size);
    ERR_clear_error();
    return DBR_ERR_CRYPTO;
}

int dbr_random(void *out, size_t n)
{
    if (dbr_crypto_init() || n > INT_MAX || RAND_bytes(out, (int)n) != 1) {
        ERR_clear_error();
        return DBR_ERR_CRYPTO;
    }
    return 0;
}
