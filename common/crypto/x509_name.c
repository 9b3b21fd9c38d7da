/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * x509-username-field: another part of the certificate names its owner. As OpenVPN 2.6 ssl_verify_openssl.c
 * backend_x509_get_username has it.
 */
#include "crypto/x509.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Text of an attribute; it must fit whole and hold no control character, a NUL least of all. */
static bool take_text(char *out, size_t cap, const ASN1_STRING *value)
{
    unsigned char *text = NULL;
    int n = value ? ASN1_STRING_to_UTF8(&text, value) : -1;
    bool good = n > 0 && (size_t)n < cap;
    for (int i = 0; good && i < n; i++)
        good = text[i] >= 0x20 && text[i] != 0x7f;
    if (good) {
        memcpy(out, text, (size_t)n);
        out[n] = 0;
    }
    OPENSSL_free(text);
    return good;
}

/* The last attribute of that kind, as with the CN. */
static bool from_subject(const struct dbr_x509 *x, const char *field, char *out, size_t cap)
{
    const X509_NAME *subject = X509_get_subject_name(x->cert);
    int nid = OBJ_txt2nid(field), at = -1, last = -1;
    while (nid != NID_undef && (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0)
        last = at;
    return last >= 0 && take_text(out, cap, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}

/* The first mail address among the alternative names. */
static bool from_alternative(const struct dbr_x509 *x, int nid, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x->cert, nid, NULL, NULL);
    bool found = false;
    for (int i = 0; names && !found && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        found = name->type == GEN_EMAIL && take_text(out, cap, name->d.rfc822Name);
    }
    GENERAL_NAMES_free(names);
    return found;
}

static bool from_serial(const struct dbr_x509 *x, char *out, size_t cap)
{
    size_t n = 2 + 2 * (size_t)x->serial_len;
    if (n >= cap)
        return false;
    snprintf(out, cap, "0x");
    for (size_t i = 0; i < x->serial_len; i++)
        snprintf(out + 2 + 2 * i, cap - 2 - 2 * i, "%02X", x->serial[i]);
    return true;
}

static bool one_field(const struct dbr_x509 *x, const char *field, char *out, size_t cap)
{
    if (!strcmp(field, "ext:subjectAltName"))
        return from_alternative(x, NID_subject_alt_name, out, cap);
    if (!strcmp(field, "ext:issuerAltName"))
        return from_alternative(x, NID_issuer_alt_name, out, cap);
    if (!strcmp(field, "serialNumber"))
        return from_serial(x, out, cap);
    return from_subject(x, field, out, cap);
}

bool dbr_x509_name_field_known(const char *field)
{
    return !strcmp(field, "ext:subjectAltName") || !strcmp(field, "ext:issuerAltName") ||
           (strncmp(field, "ext:", 4) != 0 && OBJ_txt2nid(field) != NID_undef);
}

int dbr_x509_set_name(struct dbr_x509 *x, const char *const *fields, size_t n, char *why, size_t cap)
{
    char name[DBR_X509_CN_MAX + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && at + 1 < sizeof name)
            name[at++] = '_';
        bool found = one_field(x, fields[i], name + at, sizeof name - at);
        ERR_clear_error();
        if (!found) {
            x->cn[0] = 0;
            return say(why, cap, DBR_ERR_CERT, "no usable %s in it, which x509-username-field wants",
                       fields[i]);
        }
        at += strlen(name + at);
    }
    if (n)
        memcpy(x->cn, name, sizeof x->cn);
    return 0;
}
