/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "crypto/x509.h"

#include "base/err.h"
#include "crypto/lib.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* OpenVPN's flags (ssl_verify_openssl.c, x509_get_subject, v2.6), so that verify-x509-name subject and log
 * greps agree. */
#define SUBJECT_FLAGS                                                                                        \
    (XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_CTRL)

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static bool has_control(const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_control(s[i]))
            return true;
    return false;
}

/* Copies n bytes cut to cap, control characters as '_'. */
static void copy_text(char *out, size_t cap, const unsigned char *s, size_t n)
{
    if (!cap)
        return;
    n = n < cap ? n : cap - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = is_control(s[i]) ? '_' : (char)s[i];
    out[n] = 0;
}

/* Each attribute value must convert to UTF-8 and hold no control character; a NUL would let "office\0.evil"
 * pass as "office". */
static const char *name_defect(const X509_NAME *name)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        unsigned char *text = NULL;
        int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
        bool control = n > 0 && has_control(text, (size_t)n);
        OPENSSL_free(text);
        if (n < 0)
            return "the subject has an attribute that is no text";
        if (control)
            return "the subject has a NUL or control character";
    }
    return NULL;
}

/* The last commonName, as OpenVPN takes it; false if it does not fit whole. */
static bool copy_cn(char out[DBR_X509_CN_MAX + 1], const X509_NAME *name)
{
    int at = -1, last = -1;
    while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
        last = at;
    out[0] = 0;
    if (last < 0)
        return true;
    unsigned char *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    if (n > 0)
        copy_text(out, DBR_X509_CN_MAX + 1, text, (size_t)n);
    OPENSSL_free(text);
    return n >= 0 && n <= DBR_X509_CN_MAX;
}

const char *dbr_x509_name_text(const uint8_t *der, size_t n, char *out, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME *name = n <= LONG_MAX ? d2i_X509_NAME(NULL, &der, (long)n) : NULL;
    bool made = bio && name && X509_NAME_print_ex(bio, name, 0, SUBJECT_FLAGS) >= 0;
    char *text = NULL;
    long len = made ? BIO_get_mem_data(bio, &text) : 0;
    copy_text(out, cap, (const unsigned char *)(made ? text : "?"), made && len > 0 ? (size_t)len : !made);
    X509_NAME_free(name);
    BIO_free(bio);
    return out;
}

static const char *copy_subject(struct dbr_x509 *x)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool made = bio && X509_NAME_print_ex(bio, X509_get_subject_name(x->cert), 0, SUBJECT_FLAGS) >= 0;
    long n = made ? BIO_get_mem_data(bio, &text) : 0;
    copy_text(x->subject, sizeof x->subject, (const unsigned char *)text, (size_t)n);
    BIO_free(bio);
    if (!made)
        return "the subject cannot be read";
    return n < DBR_SUBJECT_MAX ? NULL : "the subject is longer than 511 bytes";
}

static const char *copy_names(struct dbr_x509 *x)
{
    const X509_NAME *subject = X509_get_subject_name(x->cert);
    const char *defect = copy_subject(x);
    bool cn_fits = copy_cn(x->cn, subject);
    copy_cn(x->issuer_cn, X509_get_issuer_name(x->cert));
    X509_NAME_get0_der(X509_get_issuer_name(x->cert), &x->issuer, &x->issuer_len);
    if (!defect)
        defect = name_defect(subject);
    if (!defect && !cn_fits && !x->is_ca)
        defect = "the common name is longer than 64 bytes";
    return defect;
}

static void hex_serial(struct dbr_x509 *x)
{
    for (size_t i = 0; i < x->serial_len; i++)
        snprintf(x->serial_hex + 3 * i, 4, i + 1 < x->serial_len ? "%02x:" : "%02x", x->serial[i]);
}

static const char *write_serial(struct dbr_x509 *x, const BIGNUM *bn)
{
    if (BN_num_bytes(bn) > DBR_X509_SERIAL_MAX)
        return "the serial number is longer than 20 bytes";
    x->serial_len = (uint8_t)BN_bn2bin(bn, x->serial);
    if (!x->serial_len)
        x->serial_len = 1; /* zero is one byte */
    hex_serial(x);
    char *dec = BN_bn2dec(bn);
    if (!dec)
        return "out of memory";
    snprintf(x->serial_dec, sizeof x->serial_dec, "%s", dec);
    OPENSSL_free(dec);
    if (x->is_ca || !(BN_is_zero(bn) || BN_is_negative(bn)))
        return NULL; /* old roots have serial 0 */
    return BN_is_zero(bn) ? "the serial number is zero" : "the serial number is negative";
}

static const char *copy_serial(struct dbr_x509 *x)
{
    BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x->cert), NULL);
    const char *defect = bn ? write_serial(x, bn) : "the serial number cannot be read";
    BN_free(bn);
    return defect;
}

/* Seconds since 1970 without the C library's time zones; false for a time that is none. */
static bool unix_time(const ASN1_TIME *t, int64_t *out)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days, seconds;
    bool ok = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t);
    *out = ok ? (int64_t)days * 86400 + seconds : 0;
    ASN1_TIME_free(epoch);
    return ok;
}

static const char *copy_dates(struct dbr_x509 *x)
{
    bool ok = unix_time(X509_get0_notBefore(x->cert), &x->not_before);
    ok &= unix_time(X509_get0_notAfter(x->cert), &x->not_after);
    return ok ? NULL : "a date cannot be read";
}

static const char *copy_fingerprint(struct dbr_x509 *x)
{
    return X509_digest(x->cert, fetched()->sha256, x->sha256, NULL) ? NULL : "the fingerprint cannot be made";
}

static int fill(struct dbr_x509 *x, char *why, size_t cap)
{
    static const char *(*const steps[])(struct dbr_x509 *) = {copy_names, copy_serial, copy_dates,
                                                              copy_fingerprint};
    const char *defect = NULL;
    x->is_ca = X509_check_ca(x->cert) != 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const char *d = steps[i](x);
        defect = defect ? defect : d;
    }
    ERR_clear_error();
    return defect ? say(why, cap, DBR_ERR_CERT, "%s", defect) : 0;
}

int dbr_x509_from_cert(struct dbr_x509 *x, struct x509_st *cert, char *why, size_t cap)
{
    memset(x, 0, sizeof *x);
    if (dbr_crypto_init() || !X509_up_ref(cert))
        return say(why, cap, DBR_ERR_CRYPTO, "OpenSSL does not start");
    x->cert = cert;
    return fill(x, why, cap);
}

static int adopt(struct dbr_x509 *x, X509 *cert, char *why, size_t cap)
{
    if (!cert)
        return say(why, cap, DBR_ERR_SHAPE, "not a certificate: %s", library_reason());
    int err = dbr_x509_from_cert(x, cert, why, cap);
    X509_free(cert);
    return err;
}

int dbr_x509_from_der(struct dbr_x509 *x, const uint8_t *der, size_t len, char *why, size_t cap)
{
    memset(x, 0, sizeof *x);
    if (dbr_crypto_init() || len > LONG_MAX)
        return say(why, cap, DBR_ERR_CRYPTO, "OpenSSL does not start");
    ERR_clear_error();
    const uint8_t *end = der;
    X509 *cert = d2i_X509(NULL, &end, (long)len);
    if (cert && end != der + len) {
        X509_free(cert);
        return say(why, cap, DBR_ERR_SHAPE, "not a certificate: bytes after its end");
    }
    return adopt(x, cert, why, cap);
}

int dbr_x509_from_pem(struct dbr_x509 *x, const char *pem, size_t len, char *why, size_t cap)
{
    memset(x, 0, sizeof *x);
    if (dbr_crypto_init() || len > INT_MAX)
        return say(why, cap, DBR_ERR_CRYPTO, "OpenSSL does not start");
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return adopt(x, cert, why, cap);
}

int dbr_x509_copy(struct dbr_x509 *to, const struct dbr_x509 *from)
{
    *to = *from;
    if (from->cert && !X509_up_ref(from->cert)) {
        memset(to, 0, sizeof *to);
        return DBR_ERR_CRYPTO;
    }
    return 0;
}

void dbr_x509_fini(struct dbr_x509 *x)
{
    X509_free(x->cert);
    memset(x, 0, sizeof *x);
}

int dbr_x509_der(const struct dbr_x509 *x, uint8_t *out, size_t cap, size_t *len)
{
    int n = i2d_X509(x->cert, NULL);
    *len = n > 0 ? (size_t)n : 0;
    if (n <= 0)
        return DBR_ERR_CRYPTO;
    if (*len > cap)
        return DBR_ERR_SPACE;
    i2d_X509(x->cert, &out);
    return 0;
}

int dbr_x509_subject_field(const struct dbr_x509 *x, size_t i, char *name, size_t name_cap, char *value,
                           size_t value_cap)
{
    const X509_NAME *subject = X509_get_subject_name(x->cert);
    if (i >= (size_t)X509_NAME_entry_count(subject))
        return DBR_ERR_NOTFOUND;
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, (int)i);
    const ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
    int nid = OBJ_obj2nid(object);
    if (nid != NID_undef)
        snprintf(name, name_cap, "%s", OBJ_nid2sn(nid));
    else
        OBJ_obj2txt(name, (int)name_cap, object, 1);
    unsigned char *text = NULL;
    int n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    copy_text(value, value_cap, text, n > 0 ? (size_t)n : 0);
    OPENSSL_free(text);
    ERR_clear_error();
    return n >= 0 ? 0 : DBR_ERR_SHAPE;
}

const char *dbr_x509_key_text(const struct dbr_x509 *x, char *out, size_t cap)
{
    EVP_PKEY *key = X509_get0_pubkey(x->cert);
    key_text(key, out, cap);
    ERR_clear_error();
    return out;
}

void key_text(EVP_PKEY *key, char *out, size_t cap)
{
    char group[64] = "";
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    bool ec = key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
    if (type)
        snprintf(out, cap, "%d bits %s%s%s", EVP_PKEY_get_bits(key), type, ec ? ", curve " : "", group);
    else
        snprintf(out, cap, "unknown key");
}
