/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A provider of our own (provider-base(7)) that hands out the default provider's algorithms, less those
 * that TLS has no use for. The default provider is loaded into a context that nobody else uses, since its
 * functions want its own data. There it has a namesake of ours, which hands out everything: from OpenSSL 3.4
 * on a random generator is told the provider that it is of, and asks that one for its cipher.
 *
 * An OpenSSL whose random generator does not start with that gets the whole provider, in a context of its
 * own.
 */
#include "crypto/lean.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NAME "lean"

enum { ALGORITHMS_MAX = 32, OPERATIONS = 6 };

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static struct {
    OSSL_LIB_CTX *inner, *outer;
    OSSL_PROVIDER *all;
    OSSL_ALGORITHM chosen[OPERATIONS][ALGORITHMS_MAX + 1]; /* as in `choices`; each ends with an empty one */
    bool ready;
} lean;

/* ---- which algorithms ---- */

static const char *const key_kinds[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA", NULL};
static const char *const keys[] = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA", "X25519", "X448", "DH",
                                   "DHX", "HMAC",
                                   /* from OpenSSL 3.5 on: groups that a quantum computer does not open */
                                   "ML-KEM-512", "ML-KEM-768", "ML-KEM-1024", "X25519MLKEM768",
                                   "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "X448MLKEM1024", NULL};
static const char *const ciphers[] = {"AES-128-GCM",
                                      "AES-256-GCM",
                                      "AES-128-CCM",
                                      "AES-256-CCM",
                                      "AES-128-CBC",
                                      "AES-256-CBC",
                                      "AES-128-CBC-HMAC-SHA1",
                                      "AES-256-CBC-HMAC-SHA1",
                                      "AES-128-CBC-HMAC-SHA256",
                                      "AES-256-CBC-HMAC-SHA256",
                                      "ChaCha20-Poly1305",
                                      "ARIA-128-GCM",
                                      "ARIA-256-GCM",
                                      "CAMELLIA-128-CBC",
                                      "CAMELLIA-256-CBC",
                                      NULL};

static const char *const digests[] = {"MD5",      "SHA1",     "MD5-SHA1", "SHA2-224", "SHA2-256", "SHA2-384",
                                      "SHA2-512", "SHA3-224", "SHA3-256", "SHA3-384", "SHA3-512", NULL};
static const char *const macs[] = {"HMAC", NULL};
static const char *const kdfs[] = {"TLS13-KDF", "TLS1-PRF", "HKDF", NULL};

/* The operations of which only some algorithms are handed out: by name, and by what must be among the
 * properties. */
static const struct {
    int operation;
    const char *const *names, *property[2];
} choices[OPERATIONS] = {
    {OSSL_OP_DECODER, key_kinds, {"=SubjectPublicKeyInfo", "=PrivateKeyInfo"}},
    {OSSL_OP_KEYMGMT, keys, {"", ""}},
    {OSSL_OP_CIPHER, ciphers, {"", ""}},
    {OSSL_OP_DIGEST, digests, {"", ""}},
    {OSSL_OP_MAC, macs, {"", ""}},
    {OSSL_OP_KDF, kdfs, {"", ""}},
};

/* True if `names` ("RSA:rsaEncryption:1.2.840.113549.1.1.1") begins with one of the list. */
static bool is_named(const char *names, const char *const *list)
{
    size_t n = strcspn(names, ":");
    for (; *list; list++)
        if (strlen(*list) == n && !strncmp(*list, names, n))
            return true;
    return false;
}

static bool choose(size_t i)
{
    int no_cache;
    size_t n = 0;
    const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(lean.all, choices[i].operation, &no_cache);
    for (; a && a->algorithm_names && n < ALGORITHMS_MAX; a++)
        if (is_named(a->algorithm_names, choices[i].names) &&
            (strstr(a->property_definition, choices[i].property[0]) ||
             strstr(a->property_definition, choices[i].property[1])))
            lean.chosen[i][n++] = *a;
    return n > 0;
}

static bool choose_all(void)
{
    bool ok = true;
    for (size_t i = 0; i < OPERATIONS; i++)
        ok &= choose(i);
    return ok;
}

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *data, int operation, int *no_cache)
{
    (void)data;
    *no_cache = 0;
    for (size_t i = 0; i < OPERATIONS; i++)
        if (operation == choices[i].operation)
            return lean.chosen[i];
    if (operation == OSSL_OP_ENCODER || operation == OSSL_OP_STORE)
        return NULL;
    return OSSL_PROVIDER_query_operation(lean.all, operation, no_cache);
}

static const OSSL_PARAM *gettable(void *data)
{
    (void)data;
    return OSSL_PROVIDER_gettable_params(lean.all);
}

static int get(void *data, OSSL_PARAM params[])
{
    (void)data;
    return OSSL_PROVIDER_get_params(lean.all, params);
}

static int capabilities(void *data, const char *name, OSSL_CALLBACK *take, void *arg)
{
    (void)data;
    return OSSL_PROVIDER_get_capabilities(lean.all, name, take, arg);
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get},
    {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities},
    {0, NULL},
};

static int begin(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *from_core, const OSSL_DISPATCH **out,
                 void **data)
{
    (void)core, (void)from_core;
    *out = functions;
    *data = OSSL_PROVIDER_get0_provider_ctx(lean.all);
    return 1;
}

static const OSSL_ALGORITHM *query_all(void *data, int operation, int *no_cache)
{
    (void)data;
    return OSSL_PROVIDER_query_operation(lean.all, operation, no_cache);
}

static const OSSL_DISPATCH namesake[] = {
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_all},
    {0, NULL},
};

static int begin_namesake(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *from_core,
                          const OSSL_DISPATCH **out, void **data)
{
    int answer = begin(core, from_core, out, data);
    *out = namesake;
    return answer;
}

/* What did not work with OpenSSL 3.4, and what TLS begins with. */
static bool gives_random(OSSL_LIB_CTX *ctx)
{
    uint8_t byte;
    return RAND_bytes_ex(ctx, &byte, sizeof byte, 0) == 1;
}

static bool load(OSSL_LIB_CTX *ctx, OSSL_provider_init_fn *how)
{
    return OSSL_PROVIDER_add_builtin(ctx, NAME, how) && OSSL_PROVIDER_load(ctx, NAME);
}

static void start(void)
{
    lean.inner = OSSL_LIB_CTX_new();
    lean.outer = OSSL_LIB_CTX_new();
    lean.all = lean.inner && lean.outer ? OSSL_PROVIDER_load(lean.inner, "default") : NULL;
    if (!lean.all)
        return;
    bool ok = choose_all() && load(lean.inner, begin_namesake) && load(lean.outer, begin) &&
              gives_random(lean.outer);
    if (!ok && (lean.outer = OSSL_LIB_CTX_new()))
        OSSL_PROVIDER_load(lean.outer, "default");
    lean.ready = ok || (lean.outer && gives_random(lean.outer));
    ERR_clear_error();
}

OSSL_LIB_CTX *lean_ctx(void)
{
    return CRYPTO_THREAD_run_once(&once, start) && lean.ready ? lean.outer : NULL;
}

/* ---- copies ---- */

X509 *lean_cert(X509 *cert)
{
    uint8_t *der = NULL;
    int n = i2d_X509_AUX(cert, &der);
    const uint8_t *p = der;
    X509 *copy = n > 0 ? X509_new_ex(lean_ctx(), NULL) : NULL;
    if (copy)
        copy = d2i_X509_AUX(&copy, &p, n); /* frees it when it fails */
    OPENSSL_free(der);
    return copy;
}

EVP_PKEY *lean_key(EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    EVP_PKEY *copy = info ? EVP_PKCS82PKEY_ex(info, lean_ctx(), NULL) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return copy;
}
