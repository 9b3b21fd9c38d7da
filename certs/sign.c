/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/der.h"
#include "certs/keys.h"
#include "certs/say.h"

/* --- algorithms and signatures
 * -------------------------------------------------------------------------------- */

static int signature_nid(const EVP_PKEY *signer)
{
    const EVP_MD *md = dbr_key_digest(signer);
    int nid = NID_undef;
    if (!md) /* Ed25519: the algorithm of the key is that of the signature */
        return EVP_PKEY_get_base_id(signer);
    if (!OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(md), EVP_PKEY_get_base_id(signer)))
        return NID_undef;
    return nid;
}

static bool set_algorithm(X509_ALGOR *a, const EVP_PKEY *signer)
{
    int nid = signature_nid(signer);
    bool rsa = EVP_PKEY_is_a(signer, "RSA");
    return nid != NID_undef && X509_ALGOR_set0(a, OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL);
}

int put_algorithm(const EVP_PKEY *signer, struct dbr_derout *out)
{
    X509_ALGOR *a = X509_ALGOR_new();
    uint8_t *der = NULL;
    int n = a && set_algorithm(a, signer) ? i2d_X509_ALGOR(a, &der) : -1;
    if (n > 0)
        dbr_derout_raw(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_ALGOR_free(a);
    return n > 0 ? 0 : DBR_ERR_UNSUPPORTED;
}

int put_signature(EVP_PKEY *signer, const uint8_t *bytes, size_t n, struct dbr_derout *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t sig[1024];
    size_t len = sizeof sig;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, dbr_key_digest(signer), NULL, signer) == 1 &&
              EVP_DigestSign(ctx, sig, &len, bytes, n) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return DBR_ERR_CRYPTO;
    dbr_derout_begin(out, DBR_DER_BITS);
    dbr_derout_raw(out, "\0", 1);
    dbr_derout_raw(out, sig, len);
    dbr_derout_end(out);
    return 0;
}

int sign_tbs(EVP_PKEY *signer, const uint8_t *tbs, size_t n, struct dbr_derout *out, char *why, size_t cap)
{
    dbr_derout_begin(out, DBR_DER_SEQ);
    dbr_derout_raw(out, tbs, n);
    int err = put_algorithm(signer, out);
    if (!err)
        err = put_signature(signer, tbs, n, out);
    dbr_derout_end(out);
    if (!err && !dbr_derout_ok(out))
        err = DBR_ERR_NOMEM;
    return err ? dbr_say(err, why, cap, "signing failed: %s", dbr_err_text(err)) : 0;
}

/* --- names
 * ---------------------------------------------------------------------------------------------------- */

static bool add_attribute(X509_NAME *name, const char *attribute, const char *value)
{
    return X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8, (const uint8_t *)value, -1, -1, 0) == 1;
}

/* Adds "/C=FR/O=Example"; writes into its copy. */
static bool add_prefix(X509_NAME *name, char *prefix)
{
    for (char *save = NULL, *p = strtok_r(prefix, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
        char *equals = strchr(p, '=');
        if (!equals)
            return false;
        *equals = 0;
        if (!add_attribute(name, p, equals + 1))
            return false;
    }
    return true;
}

X509_NAME *make_subject(const char *prefix, const char *cn)
{
    X509_NAME *name = X509_NAME_new();
    char *copy = strdup(prefix);
    bool ok = name && copy && add_prefix(name, copy) && add_attribute(name, "CN", cn);
    free(copy);
    ERR_clear_error();
    if (ok)
        return name;
    X509_NAME_free(name);
    return NULL;
}

/* --- certificates
 * --------------------------------------------------------------------------------------------- */

static bool add_extension(X509 *c, X509V3_CTX *ctx, int nid, const char *value)
{
    if (!value)
        return true;
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = e && X509_add_ext(c, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool add_points(X509 *c, X509V3_CTX *ctx, const struct cert_draft *d)
{
    char crl[600], ocsp[600];
    bool ok = true;
    snprintf(crl, sizeof crl, "URI:%s", d->crl_url);
    snprintf(ocsp, sizeof ocsp, "OCSP;URI:%s", d->ocsp_url);
    if (d->profile->points && *d->crl_url)
        ok = add_extension(c, ctx, NID_crl_distribution_points, crl);
    if (ok && d->profile->points && *d->ocsp_url)
        ok = add_extension(c, ctx, NID_info_access, ocsp);
    return ok;
}

static bool add_extensions(X509 *c, const struct cert_draft *d)
{
    X509V3_CTX ctx;
    const struct dbr_profile *p = d->profile;
    X509V3_set_ctx(&ctx, d->issuer ? d->issuer : c, c, NULL, NULL, 0);
    return add_extension(c, &ctx, NID_basic_constraints, p->basic) &&
           add_extension(c, &ctx, NID_key_usage, p->usage) &&
           add_extension(c, &ctx, NID_ext_key_usage, p->extended) &&
           add_extension(c, &ctx, NID_netscape_cert_type, p->ns_type) &&
           add_extension(c, &ctx, NID_subject_key_identifier, "hash") &&
           add_extension(c, &ctx, NID_authority_key_identifier, d->issuer ? "keyid" : NULL) &&
           add_extension(c, &ctx, NID_subject_alt_name, d->san) &&
           add_extension(c, &ctx, NID_id_pkix_OCSP_noCheck, p->no_check ? "" : NULL) &&
           add_points(c, &ctx, d);
}

static bool set_serial(X509 *c, const struct dbr_serial *serial)
{
    size_t n;
    const uint8_t *p = dbr_serial_bytes(serial, &n);
    BIGNUM *bn = BN_bin2bn(p, (int)n, NULL);
    bool ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c));
    BN_free(bn);
    return ok;
}

/* ASN1_TIME_set chooses UTCTime or GeneralizedTime as RFC 5280 wants it. */
static bool fill(X509 *c, const struct cert_draft *d)
{
    const X509_NAME *issuer = d->issuer ? X509_get_subject_name(d->issuer) : d->subject;
    return X509_set_version(c, X509_VERSION_3) && set_serial(c, &d->serial) &&
           X509_set_subject_name(c, d->subject) && X509_set_issuer_name(c, issuer) &&
           ASN1_TIME_set(X509_getm_notBefore(c), d->not_before) &&
           ASN1_TIME_set(X509_getm_notAfter(c), d->not_after) && X509_set_pubkey(c, d->public_key) &&
           add_extensions(c, d);
}

/* Appends the TBS of c; the algorithm inside is set by X509_sign() only, which would sign as well: so it is
 * set by hand. */
static int put_tbs(X509 *c, EVP_PKEY *signer, struct dbr_derout *out)
{
    uint8_t *der = NULL;
    if (!set_algorithm((X509_ALGOR *)(uintptr_t)X509_get0_tbs_sigalg(c), signer))
        return DBR_ERR_UNSUPPORTED;
    int n = i2d_re_X509_tbs(c, &der);
    if (n > 0)
        dbr_derout_raw(out, der, (size_t)n);
    OPENSSL_free(der);
    return n <= 0 ? DBR_ERR_CRYPTO : dbr_derout_ok(out) ? 0 : DBR_ERR_NOMEM;
}

int redraft_tbs(X509 *old, const struct dbr_serial *serial, int64_t not_before, int64_t not_after,
                EVP_PKEY *signer, struct dbr_derout *out, char *why, size_t cap)
{
    X509 *c = X509_dup(old);
    bool ok = c && set_serial(c, serial) && ASN1_TIME_set(X509_getm_notBefore(c), not_before) &&
              ASN1_TIME_set(X509_getm_notAfter(c), not_after);
    int err = ok ? put_tbs(c, signer, out) : DBR_ERR_CRYPTO;
    X509_free(c);
    ERR_clear_error();
    return err ? dbr_say(err, why, cap, "cannot make the certificate anew (%s)", dbr_err_text(err)) : 0;
}

int draft_tbs(const struct cert_draft *d, struct dbr_derout *out, char *why, size_t cap)
{
    X509 *c = X509_new();
    int err = c && fill(c, d) ? put_tbs(c, d->signer, out) : DBR_ERR_CRYPTO;
    X509_free(c);
    ERR_clear_error();
    return err ? dbr_say(err, why, cap, "cannot make the certificate (%s): check name, --san and URLs",
                         dbr_err_text(err))
               : 0;
}
