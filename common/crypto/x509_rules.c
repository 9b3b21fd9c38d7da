/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "crypto/lib.h"
#include "crypto/x509.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <string.h>

/* What each role asks of the two extensions. */
static const struct role {
    const char *name;
    int eku_nid;
    int ns_bit; /* of nsCertType */
} roles[] = {
    [DBR_X509_ROLE_ANY] = {"any", NID_undef, -1},
    [DBR_X509_ROLE_CLIENT] = {"client", NID_client_auth, 0},
    [DBR_X509_ROLE_SERVER] = {"server", NID_server_auth, 1},
};

/* The first eight bits of keyUsage as a number, or -1 without the extension. */
static int key_usage(const struct dbr_x509 *x)
{
    ASN1_BIT_STRING *ku = X509_get_ext_d2i(x->cert, NID_key_usage, NULL, NULL);
    if (!ku)
        return -1;
    int mask = 0;
    for (int i = 0; i < 8; i++)
        mask |= ASN1_BIT_STRING_get_bit(ku, i) ? 0x80 >> i : 0;
    ASN1_BIT_STRING_free(ku);
    return mask;
}

static bool same_oid(const ASN1_OBJECT *oid, const char *want)
{
    char text[128];
    for (int dotted = 0; dotted <= 1; dotted++)
        if (OBJ_obj2txt(text, sizeof text, oid, dotted) > 0 && !strcmp(text, want))
            return true;
    int nid = OBJ_obj2nid(oid);
    return nid != NID_undef && !strcmp(OBJ_nid2sn(nid), want);
}

static bool has_eku(const struct dbr_x509 *x, const char *want)
{
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x->cert, NID_ext_key_usage, NULL, NULL);
    bool found = false;
    for (int i = 0; !found && i < sk_ASN1_OBJECT_num(eku); i++)
        found = same_oid(sk_ASN1_OBJECT_value(eku, i), want);
    EXTENDED_KEY_USAGE_free(eku);
    return found;
}

int dbr_x509_check_ku(const struct dbr_x509 *x, const unsigned *masks, size_t n, char *why, size_t cap)
{
    if (!n)
        return 0;
    int ku = key_usage(x);
    if (ku < 0)
        return say(why, cap, DBR_ERR_CERT, "certificate does not have key usage extension");
    for (size_t i = 0; i < n; i++)
        if (masks[i] == DBR_X509_KU_ANY || (masks[i] && ((unsigned)ku & masks[i]) == masks[i]))
            return 0;
    return say(why, cap, DBR_ERR_CERT, "certificate has key usage %04x, which remote-cert-ku does not list",
               (unsigned)ku);
}

int dbr_x509_check_eku(const struct dbr_x509 *x, const char *oid, char *why, size_t cap)
{
    if (!oid || has_eku(x, oid))
        return 0;
    return say(why, cap, DBR_ERR_CERT, "certificate does not have extended key usage %s", oid);
}

int dbr_x509_check_tls_role(const struct dbr_x509 *x, enum dbr_x509_role role, char *why, size_t cap)
{
    static const unsigned any = DBR_X509_KU_ANY;
    if (role == DBR_X509_ROLE_ANY)
        return 0;
    int err = dbr_x509_check_ku(x, &any, 1, why, cap);
    return err ? err : dbr_x509_check_eku(x, OBJ_nid2ln(roles[role].eku_nid), why, cap);
}

int dbr_x509_check_ns_type(const struct dbr_x509 *x, enum dbr_x509_role role, char *why, size_t cap)
{
    if (role == DBR_X509_ROLE_ANY)
        return 0;
    ASN1_BIT_STRING *ns = X509_get_ext_d2i(x->cert, NID_netscape_cert_type, NULL, NULL);
    bool ok =
        ns ? ASN1_BIT_STRING_get_bit(ns, roles[role].ns_bit) : has_eku(x, OBJ_nid2ln(roles[role].eku_nid));
    ASN1_BIT_STRING_free(ns);
    return ok ? 0 : say(why, cap, DBR_ERR_CERT, "certificate has not nsCertType %s", roles[role].name);
}

/* O="x, CN=bob" reads the same as O=x and CN=bob: a subject line that could be meant to look like another is
 * good for no comparison. */
static bool is_ambiguous(const struct dbr_x509 *x)
{
    char name[64], value[DBR_SUBJECT_MAX];
    int err;
    for (size_t i = 0; !(err = dbr_x509_subject_field(x, i, name, sizeof name, value, sizeof value)); i++) {
        const char *comma = strstr(value, ", "), *plus = strstr(value, " + ");
        if ((comma && strchr(comma, '=')) || (plus && strchr(plus, '=')))
            return true;
    }
    return err != DBR_ERR_NOTFOUND; /* one that cannot be read is not known to be plain */
}

static bool name_matches(const struct dbr_x509 *x, enum dbr_x509_name_rule rule, const char *want)
{
    switch (rule) {
    case DBR_NAME_NONE: return true;
    case DBR_NAME_SUBJECT: return !strcmp(x->subject, want) && !is_ambiguous(x);
    case DBR_NAME_CN: return *want && !strcmp(x->cn, want);
    case DBR_NAME_CN_PREFIX: return *want && !strncmp(x->cn, want, strlen(want));
    }
    return false;
}

int dbr_x509_check_name(const struct dbr_x509 *x, enum dbr_x509_name_rule rule, const char *want, char *why,
                        size_t cap)
{
    if (name_matches(x, rule, want))
        return 0;
    return say(why, cap, DBR_ERR_CERT, "VERIFY X509NAME ERROR: %s, must be %s", x->subject, want);
}

int dbr_x509_check_rules(const struct dbr_x509 *x, const struct dbr_x509_rules *r, char *why, size_t cap)
{
    int err = dbr_x509_check_tls_role(x, r->remote_cert_tls, why, cap);
    if (!err)
        err = dbr_x509_check_ku(x, r->ku, r->n_ku, why, cap);
    if (!err)
        err = dbr_x509_check_eku(x, r->eku, why, cap);
    if (!err)
        err = dbr_x509_check_ns_type(x, r->ns_cert_type, why, cap);
    if (!err)
        err = dbr_x509_check_name(x, r->name_rule, r->name, why, cap);
    ERR_clear_error();
    return err;
}
