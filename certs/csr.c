/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "certs/csr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ca.h"
#include "certs/der.h"
#include "certs/pem.h"
#include "certs/say.h"

static int take_der(void *arg, const uint8_t *der, size_t len)
{
    struct dbr_csr *csr = arg;
    const uint8_t *p = der;
    if (csr->req)
        return DBR_ERR_LIMIT;
    csr->req = d2i_X509_REQ(NULL, &p, (long)len);
    return csr->req && p == der + len ? 0 : DBR_ERR_SHAPE;
}

static int read_request(struct dbr_csr *csr, const uint8_t *bytes, size_t len, char *why, size_t cap)
{
    int err;
    if (len > DBR_CSR_MAX)
        return dbr_say(DBR_ERR_LIMIT, why, cap, "a request of more than %d bytes", DBR_CSR_MAX);
    if (len && bytes[0] == DBR_DER_SEQ)
        err = take_der(csr, bytes, len);
    else
        err = dbr_pem_each(bytes, len, "CERTIFICATE REQUEST", take_der, csr);
    if (!err && !csr->req)
        err = dbr_pem_each(bytes, len, "NEW CERTIFICATE REQUEST", take_der, csr);
    ERR_clear_error();
    if (err == DBR_ERR_LIMIT)
        return dbr_say(err, why, cap, "more than one request in it");
    if (err || !csr->req)
        return dbr_say(DBR_ERR_SHAPE, why, cap, "not a certificate request");
    return 0;
}

/* The one commonName, if it is short enough; whether it can be a name is for the CA to say. */
static int take_cn(struct dbr_csr *csr, char *why, size_t cap)
{
    X509_NAME *name = X509_REQ_get_subject_name(csr->req);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        return 0;
    if (X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return dbr_say(DBR_ERR_CERT, why, cap, "it has two commonNames");
    uint8_t *utf8 = NULL;
    int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (n > 0 && n < (int)sizeof csr->cn && !memchr(utf8, 0, (size_t)n)) {
        memcpy(csr->cn, utf8, (size_t)n);
        csr->cn[n] = 0;
    }
    OPENSSL_free(utf8);
    ERR_clear_error();
    return 0;
}

static int check_key(struct dbr_csr *csr, char *why, size_t cap)
{
    csr->key = X509_REQ_get0_pubkey(csr->req);
    int err = 0;
    if (!csr->key || !dbr_key_type_of(csr->key))
        err = dbr_say(
            DBR_ERR_CERT, why, cap,
            "its key is of a kind we do not sign (RSA 2048, 3072 or 4096, P-256, P-384 and Ed25519 are)");
    else if (X509_REQ_verify(csr->req, csr->key) != 1)
        err = dbr_say(DBR_ERR_CERT, why, cap, "it is not signed with its own key");
    ERR_clear_error();
    return err;
}

int dbr_csr_parse(struct dbr_csr *csr, const uint8_t *bytes, size_t len, char *why, size_t cap)
{
    memset(csr, 0, sizeof *csr);
    int err = read_request(csr, bytes, len, why, cap);
    if (!err)
        err = check_key(csr, why, cap);
    if (!err)
        err = take_cn(csr, why, cap);
    if (!err) {
        uint8_t *der = NULL;
        int n = i2d_X509_REQ(csr->req, &der);
        csr->der = n > 0 ? malloc((size_t)n) : NULL;
        csr->der_len = n > 0 ? (size_t)n : 0;
        if (csr->der)
            memcpy(csr->der, der, csr->der_len);
        OPENSSL_free(der);
        err = csr->der ? 0 : dbr_say(DBR_ERR_NOMEM, why, cap, "out of memory");
    }
    if (err)
        dbr_csr_free(csr);
    return err;
}

void dbr_csr_free(struct dbr_csr *csr)
{
    X509_REQ_free(csr->req);
    free(csr->der);
    memset(csr, 0, sizeof *csr);
}

/* --- what it asks for
 * ----------------------------------------------------------------------------------------- */

struct asked {
    const struct dbr_profile *profile;
    const char *san;
    char *why;
    size_t cap;
};

/* The value of the same extension as the profile gives it, for comparison. */
static X509_EXTENSION *given(int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, NULL, NULL, NULL, NULL, 0);
    return value ? X509V3_EXT_conf_nid(NULL, &ctx, nid, value) : NULL;
}

static int asks_basic(const struct asked *a, X509_EXTENSION *e)
{
    BASIC_CONSTRAINTS *b = X509V3_EXT_d2i(e);
    bool ca = !b || b->ca;
    BASIC_CONSTRAINTS_free(b);
    if (ca && !strstr(a->profile->basic, "CA:TRUE"))
        return dbr_say(DBR_ERR_CERT, a->why, a->cap, "it asks to be a CA (basicConstraints)");
    return 0;
}

/* Bits of the request's keyUsage that the profile's value lacks. */
static int asks_usage(const struct asked *a, X509_EXTENSION *e)
{
    X509_EXTENSION *mine = given(NID_key_usage, a->profile->usage);
    ASN1_BIT_STRING *asked = X509V3_EXT_d2i(e), *have = mine ? X509V3_EXT_d2i(mine) : NULL;
    bool more = !asked || !have;
    /* Only keyCertSign (5) and cRLSign (6) could do harm; other bits are simply not given. */
    for (int i = 5; !more && i <= 6; i++)
        more = ASN1_BIT_STRING_get_bit(asked, i) && !ASN1_BIT_STRING_get_bit(have, i);
    ASN1_BIT_STRING_free(asked);
    ASN1_BIT_STRING_free(have);
    X509_EXTENSION_free(mine);
    return more ? dbr_say(DBR_ERR_CERT, a->why, a->cap, "it asks for a keyUsage of CAs") : 0;
}

static bool among(const EXTENDED_KEY_USAGE *have, const ASN1_OBJECT *oid)
{
    for (int i = 0; have && i < sk_ASN1_OBJECT_num(have); i++)
        if (OBJ_cmp(sk_ASN1_OBJECT_value(have, i), oid) == 0)
            return true;
    return false;
}

static int asks_extended(const struct asked *a, X509_EXTENSION *e)
{
    X509_EXTENSION *mine = given(NID_ext_key_usage, a->profile->extended);
    EXTENDED_KEY_USAGE *asked = X509V3_EXT_d2i(e), *have = mine ? X509V3_EXT_d2i(mine) : NULL;
    bool more = !asked;
    for (int i = 0; asked && i < sk_ASN1_OBJECT_num(asked); i++)
        more |= !among(have, sk_ASN1_OBJECT_value(asked, i));
    sk_ASN1_OBJECT_pop_free(asked, ASN1_OBJECT_free);
    sk_ASN1_OBJECT_pop_free(have, ASN1_OBJECT_free);
    X509_EXTENSION_free(mine);
    return more ? dbr_say(DBR_ERR_CERT, a->why, a->cap,
                          "it asks for an extendedKeyUsage that the profile %s does not have",
                          a->profile->name)
                : 0;
}

static bool name_given(const GENERAL_NAMES *have, GENERAL_NAME *asked)
{
    for (int i = 0; have && i < sk_GENERAL_NAME_num(have); i++)
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(have, i), asked) == 0)
            return true;
    return false;
}

static int asks_san(const struct asked *a, X509_EXTENSION *e)
{
    X509_EXTENSION *mine = given(NID_subject_alt_name, a->san);
    GENERAL_NAMES *asked = X509V3_EXT_d2i(e), *have = mine ? X509V3_EXT_d2i(mine) : NULL;
    bool more = !asked;
    for (int i = 0; asked && i < sk_GENERAL_NAME_num(asked); i++)
        more |= !name_given(have, sk_GENERAL_NAME_value(asked, i));
    GENERAL_NAMES_free(asked);
    GENERAL_NAMES_free(have);
    X509_EXTENSION_free(mine);
    return more ? dbr_say(DBR_ERR_CERT, a->why, a->cap,
                          "it asks for alternative names: give them with --san, or --ignore-requested")
                : 0;
}

static const struct {
    int nid;
    int (*look)(const struct asked *a, X509_EXTENSION *e);
} looks[] = {
    {NID_basic_constraints, asks_basic},
    {NID_key_usage, asks_usage},
    {NID_ext_key_usage, asks_extended},
    {NID_subject_alt_name, asks_san},
};

static int look_at(const struct asked *a, X509_EXTENSION *e)
{
    static const int harmless[] = {NID_subject_key_identifier, NID_netscape_cert_type, NID_netscape_comment};
    int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++)
        if (looks[i].nid == nid)
            return looks[i].look(a, e);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (harmless[i] == nid)
            return 0;
    return dbr_say(DBR_ERR_CERT, a->why, a->cap, "it asks for an extension that we do not give (%s)",
                   nid == NID_undef ? "unknown" : OBJ_nid2ln(nid));
}

int dbr_csr_within(const struct dbr_csr *csr, const struct dbr_profile *profile, const char *san, char *why,
                   size_t cap)
{
    struct asked a = {profile, san, why, cap};
    STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(csr->req);
    int err = 0;
    for (int i = 0; list && i < sk_X509_EXTENSION_num(list) && !err; i++)
        err = look_at(&a, sk_X509_EXTENSION_value(list, i));
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    ERR_clear_error();
    return err;
}
