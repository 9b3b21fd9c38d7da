/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the configuration to a context, as a table of steps in the order OpenSSL needs them (the security
 * level before the certificates it judges). Each step names its input and the way out when it fails.
 */
#include "base/err.h"
#include "base/secret.h"
#include "crypto/extkey.h"
#include "crypto/keyfile.h"
#include "crypto/lean.h"
#include "crypto/tls_int.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* OpenVPN's default (ssl_openssl.c, tls_ctx_restrict_ciphers, v2.6): forward secrecy only. */
#define DEFAULT_CIPHERS "DEFAULT:!EXP:!LOW:!MEDIUM:!kDH:!kECDH:!DSS:!PSK:!SRP:!kRSA"

struct build {
    const struct dbr_tls_config *cfg;
    SSL_CTX *ctx;
    X509 *own;          /* our certificate, counted */
    uint8_t key_id[32]; /* of its key, where that is elsewhere */
    char *why;
    size_t cap;
};

#define WRONG_PAIR     "key: does not belong to the certificate of cert; give the two of one pair"
#define REFUSE(b, ...) say((b)->why, (b)->cap, DBR_ERR_CONFIG, __VA_ARGS__)

static int out_of_memory(struct build *b)
{
    return say(b->why, b->cap, DBR_ERR_NOMEM, "out of memory");
}

/* ---- protocol ---- */

#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION /* OpenSSL 3.2: a stranger's bytes are not unpacked */
#define NO_PACKED_CERTIFICATES (SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION)
#else
#define NO_PACKED_CERTIFICATES 0
#endif

static int set_options(struct build *b)
{
    SSL_CTX_set_options(b->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_DH_USE |
                                    SSL_OP_SINGLE_ECDH_USE | NO_PACKED_CERTIFICATES);
    SSL_CTX_set_mode(b->ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(b->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(b->ctx, 0);
    SSL_CTX_set_max_early_data(b->ctx, 0);
    SSL_CTX_set_read_ahead(b->ctx, 0);
    SSL_CTX_set_max_cert_list(b->ctx, CERT_LIST_MAX);
    SSL_CTX_set_dh_auto(b->ctx, 1);
    return 0;
}

static int version_number(int version)
{
    return version == 12 ? TLS1_2_VERSION : version == 13 ? TLS1_3_VERSION : -1;
}

static int set_versions(struct build *b)
{
    int min = b->cfg->version_min ? b->cfg->version_min : 12,
        max = b->cfg->version_max ? b->cfg->version_max : 13;
    if (version_number(min) < 0 || version_number(max) < 0 || min > max)
        return REFUSE(b, "tls-version-min and tls-version-max: only 1.2 and 1.3, in this order");
    SSL_CTX_set_min_proto_version(b->ctx, version_number(min));
    SSL_CTX_set_max_proto_version(b->ctx, version_number(max));
    return 0;
}

static int set_profile(struct build *b)
{
    static const char *const profiles[] = {"insecure", "legacy", "preferred", "suiteb"}; /* level 0..3 */
    const char *want = b->cfg->cert_profile ? b->cfg->cert_profile : "preferred";
    for (int level = 0; level < 4; level++)
        if (!strcmp(profiles[level], want)) {
            SSL_CTX_set_security_level(b->ctx, level);
            return 0;
        }
    return REFUSE(b, "tls-cert-profile: \"%s\" is none of insecure, legacy, preferred, suiteb", want);
}

/* Appends OpenSSL's name of one entry, which may be IANA's name with dashes ("TLS-ECDHE-RSA-WITH-...") as
 * OpenVPN has it. */
static bool add_cipher(char *list, size_t cap, const char *name, size_t n)
{
    char iana[128];
    size_t at = strlen(list);
    if (n >= sizeof iana || at + n + 2 > cap)
        return false;
    for (size_t i = 0; i < n; i++)
        iana[i] = name[i] == '-' ? '_' : name[i];
    iana[n] = 0;
    const char *ours = OPENSSL_cipher_name(iana);
    if (!strcmp(ours, "(NONE)"))
        snprintf(list + at, cap - at, "%s%.*s", at ? ":" : "", (int)n, name);
    else
        snprintf(list + at, cap - at, "%s%s", at ? ":" : "", ours);
    return true;
}

static int set_tls12_ciphers(struct build *b)
{
    char list[4096] = "";
    if (!b->cfg->cipher_list)
        return SSL_CTX_set_cipher_list(b->ctx, DEFAULT_CIPHERS)
                   ? 0
                   : REFUSE(b, "tls-cipher: %s", library_reason());
    for (const char *p = b->cfg->cipher_list; *p; p += strspn(p, ":")) {
        size_t n = strcspn(p, ":");
        if (!add_cipher(list, sizeof list, p, n))
            return REFUSE(b, "tls-cipher: the list is too long");
        p += n;
    }
    if (b->cfg->server && (b->cfg->ask || b->cfg->sign)) /* who has the key signs, and decrypts nothing */
        add_cipher(list, sizeof list, "!kRSA", 5);
    if (!SSL_CTX_set_cipher_list(b->ctx, list))
        return REFUSE(b,
                      "tls-cipher: no cipher of \"%s\" is known, or only such without forward secrecy; see "
                      "openssl ciphers -v",
                      b->cfg->cipher_list);
    return 0;
}

static int set_ciphers(struct build *b)
{
    if (b->cfg->ciphersuites && !SSL_CTX_set_ciphersuites(b->ctx, b->cfg->ciphersuites))
        return REFUSE(b, "tls-ciphersuites: \"%s\" is no list of TLS 1.3 suites; for TLS 1.2 use tls-cipher",
                      b->cfg->ciphersuites);
    return set_tls12_ciphers(b);
}

static int set_groups(struct build *b)
{
    if (b->cfg->groups && !SSL_CTX_set1_groups_list(b->ctx, b->cfg->groups))
        return REFUSE(b, "tls-groups: a group of \"%s\" is not known; see openssl ecparam -list_curves",
                      b->cfg->groups);
    return 0;
}

/* ---- PEM ---- */

/* A copy for TLS's own library context, which owns nothing of the certificate it replaces. */
static X509 *for_tls(X509 *cert)
{
    X509 *copy = lean_cert(cert);
    X509_free(cert);
    return copy;
}

/* Hands each certificate of a PEM text to take (which owns it); 0 or an error with its line in why. */
static int each_cert(struct build *b, const char *input, const char *pem, size_t len,
                     int (*take)(struct build *, X509 *, int nth), int *count)
{
    BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
    X509 *cert;
    int err = bio ? 0 : out_of_memory(b);
    *count = 0;
    while (!err && (cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)))
        err = (cert = for_tls(cert)) ? take(b, cert, (*count)++) : out_of_memory(b);
    unsigned long last = ERR_peek_last_error();
    if (!err && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        err = REFUSE(b, "%s: certificate %d in it is damaged (%s): copy it again, whole", input, *count + 1,
                     library_reason());
    ERR_clear_error();
    BIO_free(bio);
    return err;
}

/* ---- trusted roots ---- */

static int trust(struct build *b, X509 *cert, int nth)
{
    (void)nth;
    bool ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(b->ctx), cert);
    if (ok && b->cfg->server)
        ok = SSL_CTX_add_client_CA(b->ctx, cert);
    X509_free(cert);
    return ok ? 0 : out_of_memory(b);
}

static int load_ca(struct build *b)
{
    const struct dbr_tls_config *c = b->cfg;
    int n = 0, err = c->ca ? each_cert(b, "ca", c->ca, c->ca_len, trust, &n) : 0;
    if (err)
        return err;
    if (c->ca && !n)
        return REFUSE(b, "ca: no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)");
    if (c->capath && !X509_STORE_load_path(SSL_CTX_get_cert_store(b->ctx), c->capath))
        return REFUSE(b, "capath: %s cannot be used: %s", c->capath, library_reason());
    if (!c->ca && !c->capath && !c->pkcs12 && !c->fingerprint)
        return REFUSE(b, "ca: missing; say which CA's certificates are accepted (ca FILE, or inline)");
    return 0;
}

/* ---- own certificate and key ---- */

/* A reason of the library about our own certificate, with the way out where there is one. */
static int refuse_own(struct build *b)
{
    int reason = ERR_GET_REASON(ERR_peek_error());
    if (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_MD_TOO_WEAK ||
        reason == SSL_R_CA_KEY_TOO_SMALL)
        return REFUSE(b, "cert: too weak (%s): issue it again, or set tls-cert-profile legacy or insecure",
                      library_reason());
    return REFUSE(b, "cert: OpenSSL refuses it: %s", library_reason());
}

static int use_own(struct build *b, X509 *cert)
{
    if (!SSL_CTX_use_certificate(b->ctx, cert)) {
        X509_free(cert);
        return refuse_own(b);
    }
    b->own = cert;
    return 0;
}

static int add_to_chain(struct build *b, X509 *cert, int nth)
{
    (void)nth;
    if (SSL_CTX_add0_chain_cert(b->ctx, cert))
        return 0;
    X509_free(cert);
    return refuse_own(b);
}

static int take_own(struct build *b, X509 *cert, int nth)
{
    return nth == 0 ? use_own(b, cert) : add_to_chain(b, cert, nth);
}

static int load_cert(struct build *b)
{
    const struct dbr_tls_config *c = b->cfg;
    int n = 0, err;
    if (c->pkcs12)
        return 0;
    if (!c->cert)
        return REFUSE(b, "cert: missing; give our certificate (cert FILE, or inline)");
    if ((err = each_cert(b, "cert", c->cert, c->cert_len, take_own, &n)))
        return err;
    return n ? 0 : REFUSE(b, "cert: no certificate in it; it must be PEM (-----BEGIN CERTIFICATE-----)");
}

static int load_extra(struct build *b)
{
    int n = 0;
    if (!b->cfg->extra_certs)
        return 0;
    return each_cert(b, "extra-certs", b->cfg->extra_certs, b->cfg->extra_certs_len, add_to_chain, &n);
}

static int use_key(struct build *b, EVP_PKEY *read)
{
    EVP_PKEY *key = lean_key(read);
    int err = 0;
    if (!key || X509_check_private_key(b->own, key) != 1)
        err = REFUSE(b, WRONG_PAIR);
    else if (!SSL_CTX_use_PrivateKey(b->ctx, key))
        err = REFUSE(b, "key: OpenSSL refuses it: %s", library_reason());
    EVP_PKEY_free(key);
    return err;
}

/* Without RSA-PSS there is no TLS 1.3 for an RSA key, and in TLS 1.2 PKCS#1 alone may be chosen. */
static int without_pss(struct build *b)
{
    SSL_CTX_set_max_proto_version(b->ctx, TLS1_2_VERSION);
    if (SSL_CTX_set1_sigalgs_list(b->ctx, "RSA+SHA256:RSA+SHA384:RSA+SHA512:ECDSA+SHA256:ECDSA+SHA384:"
                                          "ECDSA+SHA512"))
        return 0;
    return REFUSE(b, "management-external-key: %s", library_reason());
}

/* Managers' words are for these (management-notes.txt). */
static bool managers_can(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC");
}

/* The key is elsewhere: what the certificate says of it is all there is. */
static int use_signer(struct build *b)
{
    const bool managers = b->cfg->sign;
    EVP_PKEY *key = extkey_new(b->own);
    int err = 0;
    if (!key || (managers && !managers_can(key)))
        err = REFUSE(b, managers ? "cert: management-external-key is for RSA and elliptic curve keys only"
                                 : "cert: its key is of a kind that TLS has no use for");
    else if (!SSL_CTX_use_PrivateKey(b->ctx, key))
        err = REFUSE(b, "key: OpenSSL refuses it: %s", library_reason());
    else if (managers && EVP_PKEY_is_a(key, "RSA") &&
             !(b->cfg->signer & (DBR_SIGNER_PSS | DBR_SIGNER_NOPADDING)))
        err = without_pss(b);
    EVP_PKEY_free(key);
    SSL_CTX_set_mode(b->ctx, SSL_MODE_ASYNC);
    return err;
}

/* The key that is elsewhere must be the one of our certificate. */
static int check_key_id(struct build *b)
{
    if (keyfile_cert_id(b->own, b->key_id))
        return REFUSE(b, "cert: %s", library_reason());
    if (b->cfg->key_id && memcmp(b->cfg->key_id, b->key_id, sizeof b->key_id) != 0)
        return REFUSE(b, WRONG_PAIR);
    return 0;
}

static int load_key(struct build *b)
{
    const struct dbr_tls_config *c = b->cfg;
    int err = c->ask ? check_key_id(b) : 0;
    if (err || (c->pkcs12 && !c->ask))
        return err;
    if (c->sign || c->ask)
        return use_signer(b);
    if (!c->key)
        return REFUSE(b, "key: missing; give the private key of cert (key FILE, or inline)");
    EVP_PKEY *key = keyfile_pem(c->key, c->key_len, c->key_pass, b->why, b->cap);
    err = key ? use_key(b, key) : DBR_ERR_CONFIG;
    EVP_PKEY_free(key);
    return err;
}

/* ---- PKCS#12: certificate, key and, where ca is absent, the roots in one ---- */

static int use_p12_chain(struct build *b, STACK_OF(X509) * chain)
{
    int err = 0;
    while (!err && sk_X509_num(chain) > 0) {
        X509 *cert = for_tls(sk_X509_shift(chain));
        if (!cert)
            return out_of_memory(b);
        bool root = X509_check_issued(cert, cert) == X509_V_OK;
        if (root && !b->cfg->ca && !b->cfg->capath)
            err = trust(b, cert, 0);
        else if (root)
            X509_free(cert);
        else
            err = add_to_chain(b, cert, 1);
    }
    return err;
}

/* Consumes cert. */
static int use_p12_parts(struct build *b, EVP_PKEY *key, X509 *cert, STACK_OF(X509) * chain)
{
    if (!cert || !key) {
        X509_free(cert);
        return REFUSE(b, "pkcs12: it lacks the %s", cert ? "private key" : "certificate");
    }
    cert = for_tls(cert);
    int err = cert ? use_own(b, cert) : out_of_memory(b);
    if (!err)
        err = use_key(b, key);
    return err ? err : use_p12_chain(b, chain);
}

static int load_p12(struct build *b)
{
    const struct dbr_tls_config *c = b->cfg;
    EVP_PKEY *key;
    X509 *cert;
    STACK_OF(X509) * chain;
    if (!c->pkcs12)
        return 0;
    int err = keyfile_p12(c->pkcs12, c->pkcs12_len, c->key_pass, &key, &cert, &chain, b->why, b->cap);
    if (!err)
        err = use_p12_parts(b, key, cert, chain);
    sk_X509_pop_free(chain, X509_free);
    EVP_PKEY_free(key);
    return err;
}

/* ---- the last looks ---- */

static int check_dates(struct build *b)
{
    struct dbr_x509 x;
    char date[32] = "?";
    int64_t now = b->cfg->now;
    int err = 0;
    dbr_x509_from_cert(&x, b->own, NULL, 0);
    if (now && now > x.not_after) {
        err = REFUSE(b, "cert: our certificate %s has expired on %s: issue a new one", x.subject,
                     utc_text(x.not_after, date, sizeof date));
    } else if (now && now < x.not_before) {
        err = REFUSE(b, "cert: our certificate %s is valid from %s only: is the clock right?", x.subject,
                     utc_text(x.not_before, date, sizeof date));
    }
    dbr_x509_fini(&x);
    return err;
}

/* What goes to the peer behind our certificate: OpenSSL by itself looks for it, and checks every signature,
 * in each handshake, and sends the root, too, unless there is a list, be it empty. When the root is our
 * issuer, there is nothing to choose, and the list stays empty. Intermediates among the `ca` are chosen anew
 * each time: one of them may run out, and another of its name go on. */
static int find_chain(struct build *b)
{
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(b->ctx, &chain);
    if (chain)
        return 0; /* from cert, extra-certs or pkcs12 */
    SSL_CTX_build_cert_chain(b->ctx, SSL_BUILD_CHAIN_FLAG_NO_ROOT | SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR);
    ERR_clear_error(); /* an issuer that is not there is no error of ours */
    SSL_CTX_get0_chain_certs(b->ctx, &chain);
    if (chain && sk_X509_num(chain) > 0)
        SSL_CTX_clear_chain_certs(b->ctx);
    return 0;
}

static int set_verify(struct build *b)
{
    SSL_CTX_set_verify(b->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(b->ctx, CHAIN_MAX);
    SSL_CTX_set_cert_verify_callback(b->ctx, tls_verify_chain, NULL);
    SSL_CTX_set_info_callback(b->ctx, tls_on_info);
    SSL_CTX_set_msg_callback(b->ctx, tls_on_message);
    return 0;
}

static int (*const steps[])(struct build *) = {
    set_options, set_versions, set_profile, set_ciphers, set_groups, load_ca,    load_p12,
    load_cert,   load_extra,   load_key,    check_dates, find_chain, set_verify,
};

static int keep_fields(struct dbr_tls_ctx *c, const struct dbr_tls_config *cfg)
{
    c->name_fields = OPENSSL_zalloc((cfg->n_name_fields + 1) * sizeof *c->name_fields);
    for (size_t i = 0; c->name_fields && i < cfg->n_name_fields; i++, c->n_name_fields++)
        if (!(c->name_fields[i] = OPENSSL_strdup(cfg->name_fields[i])))
            return DBR_ERR_NOMEM;
    return c->name_fields ? 0 : DBR_ERR_NOMEM;
}

static void drop(struct dbr_tls_ctx *c)
{
    for (size_t i = 0; i < c->n_name_fields; i++)
        OPENSSL_free((void *)c->name_fields[i]);
    OPENSSL_free(c->name_fields);
    OPENSSL_free(c);
}

static int keep(struct dbr_tls_ctx **out, const struct build *b)
{
    struct dbr_tls_ctx *c = OPENSSL_zalloc(sizeof *c);
    if (!c)
        return DBR_ERR_NOMEM;
    if (keep_fields(c, b->cfg)) {
        drop(c);
        return DBR_ERR_NOMEM;
    }
    atomic_init(&c->refs, 1);
    c->server = b->cfg->server;
    c->fingerprint = b->cfg->fingerprint;
    c->verify = b->cfg->verify;
    c->sign = b->cfg->sign;
    c->ask = b->cfg->ask;
    memcpy(c->key_id, b->key_id, sizeof c->key_id);
    c->signer = b->cfg->signer;
    c->arg = b->cfg->arg;
    c->ssl_ctx = b->ctx;
    dbr_x509_from_cert(&c->cert, b->own, NULL, 0);
    *out = c;
    return 0;
}

int dbr_tls_ctx_new(struct dbr_tls_ctx **out, const struct dbr_tls_config *config, char *why, size_t cap)
{
    *out = NULL;
    if (dbr_crypto_init())
        return say(why, cap, DBR_ERR_CRYPTO, "OpenSSL does not start");
    ERR_clear_error();
    struct build b = {.cfg = config, .why = why, .cap = cap};
    if (lean_ctx())
        b.ctx = SSL_CTX_new_ex(lean_ctx(), NULL, config->server ? TLS_server_method() : TLS_client_method());
    int err = b.ctx ? 0 : out_of_memory(&b);
    for (size_t i = 0; !err && i < sizeof steps / sizeof steps[0]; i++)
        err = steps[i](&b);
    if (!err && (err = keep(out, &b)))
        out_of_memory(&b);
    X509_free(b.own);
    if (err)
        SSL_CTX_free(b.ctx);
    ERR_clear_error();
    return err;
}

struct dbr_tls_ctx *dbr_tls_ctx_get(struct dbr_tls_ctx *ctx)
{
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void dbr_tls_ctx_put(struct dbr_tls_ctx *ctx)
{
    if (!ctx || atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(ctx->ssl_ctx);
    dbr_x509_fini(&ctx->cert);
    drop(ctx);
}

const struct dbr_x509 *dbr_tls_ctx_cert(const struct dbr_tls_ctx *ctx)
{
    return &ctx->cert;
}

const uint8_t *dbr_tls_ctx_key_id(const struct dbr_tls_ctx *ctx)
{
    return ctx->key_id;
}
