/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * x509-track: single fields of a certificate for scripts. As OpenVPN 2.6 ssl_verify_openssl.c
 * x509_setenv_track has it.
 */
#include "crypto/x509.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>

/* n bytes, cut to cap; control characters become '?'. */
static int put_text(char *out, size_t cap, const unsigned char *text, size_t n)
{
    size_t len = n < cap ? n : cap - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i]);
    out[len] = 0;
    return 0;
}

/* "AB:CD:..." over the DER form. */
static int fingerprint(const struct dbr_x509 *x, const EVP_MD *digest, char *out, size_t cap)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!digest || !X509_digest(x->cert, digest, bytes, &n) || 3 * (size_t)n > cap)
        return DBR_ERR_CRYPTO;
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 3 * i, cap - 3 * i, "%02X%s", bytes[i], i + 1 < n ? ":" : "");
    return 0;
}

/* The first attribute of that kind. */
static int attribute(const struct dbr_x509 *x, int nid, char *out, size_t cap)
{
    const X509_NAME *subject = X509_get_subject_name(x->cert);
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    if (at < 0)
        return DBR_ERR_NOTFOUND;
    unsigned char *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (n >= 0)
        put_text(out, cap, text, (size_t)n);
    OPENSSL_free(text);
    return n >= 0 ? 0 : DBR_ERR_SHAPE;
}

/* As `openssl x509 -text` prints it. */
static int extension(const struct dbr_x509 *x, int nid, char *out, size_t cap)
{
    int at = X509_get_ext_by_NID(x->cert, nid, -1);
    BIO *bio = at >= 0 ? BIO_new(BIO_s_mem()) : NULL;
    char *text;
    if (!bio)
        return DBR_ERR_NOTFOUND;
    bool good = X509V3_EXT_print(bio, X509_get_ext(x->cert, at), 0, 0) == 1;
    long n = BIO_get_mem_data(bio, &text);
    if (good && n >= 0)
        put_text(out, cap, (const unsigned char *)text, (size_t)n);
    BIO_free(bio);
    return good ? 0 : DBR_ERR_SHAPE;
}

int dbr_x509_field(const struct dbr_x509 *x, const char *field, char *out, size_t cap)
{
    int nid = OBJ_txt2nid(field), err;
    out[0] = 0;
    if (nid == NID_sha1 || nid == NID_sha256) {
        err = fingerprint(x, nid == NID_sha1 ? EVP_sha1() : EVP_sha256(), out, cap);
    } else {
        err = nid == NID_undef ? DBR_ERR_NOTFOUND : attribute(x, nid, out, cap);
        if (err == DBR_ERR_NOTFOUND && nid != NID_undef)
            err = extension(x, nid, out, cap);
    }
    ERR_clear_error();
    return err;
}

bool dbr_x509_field_known(const char *field)
{
    bool known = OBJ_txt2nid(field) != NID_undef;
    ERR_clear_error();
    return known &&
           field[strspn(field, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}
