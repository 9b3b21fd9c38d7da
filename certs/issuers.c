/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/issuers.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/der.h"
#include "certs/pem.h"
#include "certs/say.h"

struct issuer {
    X509 *cert;
    uint8_t *name; /* subject, DER; OpenSSL's memory */
    int name_len;
    uint8_t key_id[32];
};

struct dbr_issuers {
    struct issuer v[DBR_CRL_MAX_ISSUERS];
    size_t n;
};

const uint8_t *dbr_issuer_name(const struct issuer *i, size_t *len)
{
    *len = (size_t)i->name_len;
    return i->name;
}

const uint8_t *dbr_issuer_key_id(const struct issuer *i)
{
    return i->key_id;
}

static int hash_key(const X509 *cert, uint8_t out[32])
{
    uint8_t *spki = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    int ok = n > 0 && EVP_Digest(spki, (size_t)n, out, NULL, EVP_sha256(), NULL);
    OPENSSL_free(spki);
    return ok ? 0 : DBR_ERR_CRYPTO;
}

static int add_cert(void *arg, const uint8_t *der, size_t len)
{
    struct dbr_issuers *all = arg;
    const uint8_t *p = der;
    if (all->n == DBR_CRL_MAX_ISSUERS)
        return DBR_ERR_LIMIT;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    if (!cert || p != der + len) {
        X509_free(cert);
        return DBR_ERR_SHAPE;
    }
    struct issuer *i = &all->v[all->n++];
    i->cert = cert;
    i->name_len = i2d_X509_NAME(X509_get_subject_name(cert), &i->name);
    X509_check_purpose(cert, -1, 0); /* fills the cached extensions now, so that readers never write */
    return i->name_len > 0 ? hash_key(cert, i->key_id) : DBR_ERR_NOMEM;
}

int dbr_issuers_parse(struct dbr_issuers **out, const void *bytes, size_t len, char *why, size_t cap)
{
    struct dbr_issuers *all = calloc(1, sizeof *all);
    *out = NULL;
    if (!all)
        return dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    int err = len > 0 && *(const uint8_t *)bytes == DBR_DER_SEQ
                  ? add_cert(all, bytes, len)
                  : dbr_pem_each(bytes, len, "CERTIFICATE", add_cert, all);
    if (!err && all->n == 0)
        err = DBR_ERR_SHAPE;
    if (err) {
        dbr_issuers_free(all);
        return dbr_say(err, why, cap, "no usable CA certificates: %s",
                       err == DBR_ERR_SHAPE ? "none found, or one is broken" : dbr_err_text(err));
    }
    *out = all;
    return 0;
}

void dbr_issuers_free(struct dbr_issuers *issuers)
{
    if (!issuers)
        return;
    for (size_t i = 0; i < issuers->n; i++) {
        X509_free(issuers->v[i].cert);
        OPENSSL_free(issuers->v[i].name);
    }
    free(issuers);
}

bool dbr_issuers_have_key(const struct dbr_issuers *issuers, const uint8_t key_id[32])
{
    for (size_t i = 0; i < issuers->n; i++)
        if (memcmp(issuers->v[i].key_id, key_id, 32) == 0)
            return true;
    return false;
}

/* MD5 and SHA-1 can be collided; a list signed so proves nothing. */
static bool weak_digest(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *oid;
    int md = NID_undef;
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    if (!OBJ_find_sigid_algs(OBJ_obj2nid(oid), &md, NULL))
        return false; /* not a signature algorithm at all: the verification refuses it */
    return md == NID_md5 || md == NID_sha1 || md == NID_md4 || md == NID_md2 || md == NID_md5_sha1;
}

/* ASN1_item_verify over the bytes as they came: ASN1_SEQUENCE is the item that holds raw DER, so that nothing
 * is decoded and encoded again. */
static bool signature_good(EVP_PKEY *key, const X509_ALGOR *algorithm, const struct issuer_signed *s)
{
    ASN1_STRING *tbs = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    ASN1_BIT_STRING *sig = ASN1_BIT_STRING_new();
    bool ok = key && tbs && sig && ASN1_STRING_set(tbs, s->tbs, (int)s->tbs_len) &&
              ASN1_STRING_set(sig, s->signature, (int)s->signature_len) &&
              ASN1_item_verify(ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm, sig, tbs, key) == 1;
    ASN1_STRING_free(tbs);
    ASN1_BIT_STRING_free(sig);
    return ok;
}

int verify_signed(EVP_PKEY *key, const uint8_t *tbs, size_t tbs_len, const uint8_t *algorithm,
                  size_t algorithm_len, const uint8_t *signature, size_t signature_len, char *why, size_t cap)
{
    struct issuer_signed s = {
        .tbs = tbs, .tbs_len = tbs_len, .signature = signature, .signature_len = signature_len};
    const uint8_t *p = algorithm;
    X509_ALGOR *a = d2i_X509_ALGOR(NULL, &p, (long)algorithm_len);
    int err = 0;
    if (!a || p != algorithm + algorithm_len)
        err = dbr_say(DBR_ERR_SHAPE, why, cap, "malformed signature algorithm");
    else if (weak_digest(a))
        err = dbr_say(DBR_ERR_CERT, why, cap, "signed with MD5 or SHA-1");
    else if (!signature_good(key, a, &s))
        err = dbr_say(DBR_ERR_AUTH, why, cap, "the signature is wrong");
    X509_ALGOR_free(a);
    ERR_clear_error();
    return err;
}

static bool may_sign_crls(X509 *cert)
{
    return X509_check_ca(cert) > 0 && (X509_get_key_usage(cert) & KU_CRL_SIGN);
}

static bool akid_fits(const X509 *cert, const struct issuer_signed *s)
{
    const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id((X509 *)(uintptr_t)cert);
    if (!s->akid || !ski)
        return true;
    return (size_t)ASN1_STRING_length(ski) == s->akid_len &&
           memcmp(ASN1_STRING_get0_data(ski), s->akid, s->akid_len) == 0;
}

/* Tries every certificate that bears the name; the errors rank: weak algorithm and usage are told only when a
 * signature would have been good otherwise. */
static int try_issuers(const struct dbr_issuers *issuers, const X509_NAME *name, const X509_ALGOR *algorithm,
                       const struct issuer_signed *s, const struct issuer **by, char *why, size_t cap)
{
    int err = dbr_say(DBR_ERR_NOTFOUND, why, cap, "its issuer is none of the %zu configured CAs", issuers->n);
    for (size_t i = 0; i < issuers->n; i++) {
        const struct issuer *c = &issuers->v[i];
        if (X509_NAME_cmp(name, X509_get_subject_name(c->cert)) != 0)
            continue;
        if (!akid_fits(c->cert, s) || !signature_good(X509_get0_pubkey(c->cert), algorithm, s)) {
            if (err == DBR_ERR_NOTFOUND)
                err =
                    dbr_say(DBR_ERR_AUTH, why, cap, "its signature is not by the configured CA of that name");
            continue;
        }
        if (!may_sign_crls(c->cert)) {
            err = dbr_say(DBR_ERR_CERT, why, cap, "the CA certificate has no cRLSign key usage");
            continue;
        }
        *by = c;
        return dbr_say(0, why, cap, "%s", "");
    }
    return err;
}

int dbr_issuers_verify_crl(const struct dbr_issuers *issuers, const struct issuer_signed *s,
                           const struct issuer **by, char *why, size_t cap)
{
    const uint8_t *p = s->name, *q = s->algorithm;
    X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)s->name_len);
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &q, (long)s->algorithm_len);
    int err;
    *by = NULL;
    if (!name || !algorithm || p != s->name + s->name_len || q != s->algorithm + s->algorithm_len)
        err = dbr_say(DBR_ERR_SHAPE, why, cap, "not a CRL in DER: malformed issuer name or algorithm");
    else if (weak_digest(algorithm))
        err = dbr_say(DBR_ERR_CERT, why, cap, "signed with MD5 or SHA-1: make a new one with SHA-256");
    else
        err = try_issuers(issuers, name, algorithm, s, by, why, cap);
    X509_NAME_free(name);
    X509_ALGOR_free(algorithm);
    ERR_clear_error();
    return err;
}
