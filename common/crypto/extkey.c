/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A key object is a counted EVP_PKEY with the public part, to which every question is handed on. There is no
 * export: so OpenSSL, which first looks for a signature algorithm elsewhere, ends up with ours.
 */
#include "crypto/extkey.h"
#include "crypto/lean.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <string.h>

#define OURS      "provider=dbr-extkey"
#define NOT_OURS  "provider=default"
#define RSA_NAMES "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define PSS_NAMES "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10"
#define EC_NAMES  "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define ED1_NAMES "ED25519:1.3.101.112"
#define ED2_NAMES "ED448:1.3.101.113"
#define PUBLIC    "dbr-public" /* parameter of import: the address of an EVP_PKEY */
#define FN(f)     ((void (*)(void))(f))

struct extkey {
    EVP_PKEY *pub;
};

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static bool ready;

/* ---- keys ---- */

static void *key_new(void *provider)
{
    (void)provider;
    return OPENSSL_zalloc(sizeof(struct extkey));
}

static void key_free(void *key)
{
    struct extkey *k = key;
    if (k)
        EVP_PKEY_free(k->pub);
    OPENSSL_free(k);
}

static int key_has(const void *key, int selection)
{
    (void)selection;
    return ((const struct extkey *)key)->pub != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    (void)selection;
    return EVP_PKEY_eq(((const struct extkey *)a)->pub, ((const struct extkey *)b)->pub) == 1;
}

static int key_get(void *key, OSSL_PARAM params[])
{
    const struct extkey *k = key;
    return k->pub && EVP_PKEY_get_params(k->pub, params);
}

static const OSSL_PARAM *key_gettable(void *provider)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                      OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                      OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
                                      OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
                                      OSSL_PARAM_END};
    (void)provider;
    return list;
}

/* Ours by its address; the public part of a certificate, which is compared with ours, by its numbers. */
static int import(struct extkey *k, const char *type, int selection, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PUBLIC);
    if (p && p->data_type == OSSL_PARAM_OCTET_STRING && p->data_size == sizeof k->pub) {
        memcpy(&k->pub, p->data, sizeof k->pub);
        return EVP_PKEY_up_ref(k->pub);
    }
    if (!(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY))
        return 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lean_ctx(), type, NOT_OURS);
    int ok = ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &k->pub, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int rsa_import(void *key, int selection, const OSSL_PARAM params[])
{
    return import(key, "RSA", selection, params);
}

static int pss_import(void *key, int selection, const OSSL_PARAM params[])
{
    return import(key, "RSA-PSS", selection, params);
}

static int ec_import(void *key, int selection, const OSSL_PARAM params[])
{
    return import(key, "EC", selection, params);
}

static int ed25519_import(void *key, int selection, const OSSL_PARAM params[])
{
    return import(key, "ED25519", selection, params);
}

static int ed448_import(void *key, int selection, const OSSL_PARAM params[])
{
    return import(key, "ED448", selection, params);
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_octet_string(PUBLIC, NULL, 0), OSSL_PARAM_END};
    (void)selection;
    return list;
}

static const char *rsa_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "RSA" : NULL;
}

static const char *ec_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

static const char *ed25519_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ED25519" : NULL;
}

static const char *ed448_operation(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ED448" : NULL;
}

#define KEY_FUNCTIONS(import_fn, operation_fn)                                                               \
    {                                                                                                        \
        {OSSL_FUNC_KEYMGMT_NEW, FN(key_new)}, {OSSL_FUNC_KEYMGMT_FREE, FN(key_free)},                        \
            {OSSL_FUNC_KEYMGMT_HAS, FN(key_has)}, {OSSL_FUNC_KEYMGMT_MATCH, FN(key_match)},                  \
            {OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get)},                                                     \
            {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable)},                                           \
            {OSSL_FUNC_KEYMGMT_IMPORT, FN(import_fn)},                                                       \
            {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_import_types)},                                          \
            {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(operation_fn)}, {0, NULL},                           \
    }
static const OSSL_DISPATCH rsa_keys[] = KEY_FUNCTIONS(rsa_import, rsa_operation);
static const OSSL_DISPATCH pss_keys[] = KEY_FUNCTIONS(pss_import, rsa_operation);
static const OSSL_DISPATCH ec_keys[] = KEY_FUNCTIONS(ec_import, ec_operation);
static const OSSL_DISPATCH ed25519_keys[] = KEY_FUNCTIONS(ed25519_import, ed25519_operation);
static const OSSL_DISPATCH ed448_keys[] = KEY_FUNCTIONS(ed448_import, ed448_operation);

/* As a certificate's key and TLS name them. */
static const char *const kinds[] = {"RSA", "EC", "ED25519", "ED448", "RSA-PSS"};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const char *kind_of(const EVP_PKEY *key)
{
    for (size_t i = 0; key && i < KINDS; i++)
        if (EVP_PKEY_is_a(key, kinds[i]))
            return kinds[i];
    return NULL;
}

/* ---- signatures ---- */

struct signing {
    const struct extkey *key; /* borrowed: who signs holds it */
    char digest[32];
    const char *kind;
    bool ec, pss;
    int salt_len;
};

static void *signing_new(void *provider, const char *properties)
{
    (void)provider, (void)properties;
    return OPENSSL_zalloc(sizeof(struct signing));
}

static void signing_free(void *ctx)
{
    OPENSSL_free(ctx);
}

static int set_padding(struct signing *s, const OSSL_PARAM *p)
{
    int number = 0;
    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        number = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0       ? RSA_PKCS1_PSS_PADDING
                 : strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                        : 0;
    else if (!OSSL_PARAM_get_int(p, &number))
        return 0;
    s->pss = number == RSA_PKCS1_PSS_PADDING;
    return s->pss || number == RSA_PKCS1_PADDING;
}

/* TLS uses salts as long as the digest (RFC 8446, 4.2.3), and asks for no others. */
static int set_salt(struct signing *s, const OSSL_PARAM *p)
{
    s->salt_len = -1;
    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        return strcmp(p->data, OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST) == 0;
    return OSSL_PARAM_get_int(p, &s->salt_len) && s->salt_len >= RSA_PSS_SALTLEN_DIGEST;
}

static int signing_set(void *ctx, const OSSL_PARAM params[])
{
    struct signing *s = ctx;
    const OSSL_PARAM *p;
    if (!params)
        return 1;
    if ((p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE)) && !set_padding(s, p))
        return 0;
    return !(p = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN)) || set_salt(s, p);
}

static const OSSL_PARAM *signing_settable(void *ctx, void *provider)
{
    static const OSSL_PARAM list[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                      OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                      OSSL_PARAM_END};
    (void)ctx, (void)provider;
    return list;
}

static int signing_init(void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = ctx;
    if (key)
        s->key = key;
    s->kind = s->key ? kind_of(s->key->pub) : NULL;
    if (!s->kind)
        return 0;
    if (strcmp(s->kind, "RSA-PSS") == 0) {
        s->kind = "RSA";
        s->pss = true;
    }
    s->ec = strcmp(s->kind, "EC") == 0;
    s->salt_len = -1;
    digest = digest ? digest : "";
    const bool long_name = strncmp(digest, "SHA2-", 5) == 0;
    snprintf(s->digest, sizeof s->digest, "%s%s", long_name ? "SHA" : "", digest + (long_name ? 5 : 0));
    return signing_set(s, params);
}

static int sign(void *ctx, unsigned char *sig, size_t *len, size_t cap, const unsigned char *message,
                size_t n)
{
    const struct signing *s = ctx;
    const struct dbr_to_sign what = {.kind = s->kind,
                                     .ec = s->ec,
                                     .pss = s->pss,
                                     .digest = s->digest,
                                     .salt_len = s->salt_len,
                                     .key_bits = (unsigned)EVP_PKEY_get_bits(s->key->pub),
                                     .message = message,
                                     .n = n};
    if (!sig) {
        *len = (size_t)EVP_PKEY_get_size(s->key->pub);
        return 1;
    }
    *len = tls_ask_signature(&what, sig, cap);
    return *len > 0;
}

static const OSSL_DISPATCH signing_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FN(signing_new)},
    {OSSL_FUNC_SIGNATURE_FREECTX, FN(signing_free)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(signing_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(sign)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(signing_set)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(signing_settable)},
    {0, NULL},
};

/* ---- the provider ---- */

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = {
        {RSA_NAMES, OURS, rsa_keys, NULL},   {PSS_NAMES, OURS, pss_keys, NULL},
        {EC_NAMES, OURS, ec_keys, NULL},     {ED1_NAMES, OURS, ed25519_keys, NULL},
        {ED2_NAMES, OURS, ed448_keys, NULL}, {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM signatures[] = {{RSA_NAMES, OURS, signing_functions, NULL},
                                                {"ECDSA", OURS, signing_functions, NULL},
                                                {ED1_NAMES, OURS, signing_functions, NULL},
                                                {ED2_NAMES, OURS, signing_functions, NULL},
                                                {NULL, NULL, NULL, NULL}};
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static const OSSL_DISPATCH functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)}, {0, NULL}};

static int begin(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *from_core, const OSSL_DISPATCH **out,
                 void **data)
{
    (void)from_core;
    *out = functions;
    *data = (void *)(uintptr_t)core;
    return 1;
}

/* Nobody else gets our algorithms by chance. */
static void start(void)
{
    OSSL_LIB_CTX *ctx = lean_ctx();
    ready = ctx && EVP_set_default_properties(ctx, "?" NOT_OURS) == 1 &&
            OSSL_PROVIDER_add_builtin(ctx, "dbr-extkey", begin) && OSSL_PROVIDER_load(ctx, "dbr-extkey");
}

EVP_PKEY *extkey_new(X509 *cert)
{
    EVP_PKEY *pub = X509_get0_pubkey(cert), *key = NULL;
    const char *type = kind_of(pub);
    if (!type || !CRYPTO_THREAD_run_once(&once, start) || !ready)
        return NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(PUBLIC, &pub, sizeof pub),
                           OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lean_ctx(), type, OURS);
    if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}
