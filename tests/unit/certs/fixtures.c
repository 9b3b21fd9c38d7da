/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixtures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    exit(2);
}

void out_free(struct out *o)
{
    free(o->p);
    memset(o, 0, sizeof *o);
}

void out_raw(struct out *o, const void *bytes, size_t n)
{
    if (o->n + n > o->cap) {
        o->cap = (o->n + n) * 2 + 64;
        o->p = realloc(o->p, o->cap);
        need(o->p, "memory");
    }
    if (n)
        memcpy(o->p + o->n, bytes, n);
    o->n += n;
}

void out_begin(struct out *o, int tag)
{
    uint8_t t = (uint8_t)tag;
    out_raw(o, &t, 1);
    o->open[o->depth++] = o->n;
}

static size_t length_octets(size_t len, uint8_t b[5])
{
    size_t n = 0;
    if (len < 0x80) {
        b[0] = (uint8_t)len;
        return 1;
    }
    for (size_t v = len; v; v >>= 8)
        n++;
    b[0] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++)
        b[1 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
    return n + 1;
}

void out_end(struct out *o)
{
    uint8_t b[5];
    size_t at = o->open[--o->depth], len = o->n - at, n = length_octets(len, b);
    out_raw(o, b, n); /* makes room */
    memmove(o->p + at + n, o->p + at, len);
    memcpy(o->p + at, b, n);
}

void out_tlv(struct out *o, int tag, const void *body, size_t n)
{
    out_begin(o, tag);
    out_raw(o, body, n);
    out_end(o);
}

void out_oid(struct out *o, int nid)
{
    const ASN1_OBJECT *oid = OBJ_nid2obj(nid);
    out_tlv(o, 6, OBJ_get0_data(oid), OBJ_length(oid));
}

void out_gentime(struct out *o, int64_t unix_seconds)
{
    char text[32];
    time_t t = unix_seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm);
    out_tlv(o, 0x18, text, 15);
}

void out_extension(struct out *o, int id, bool critical, const void *value, size_t n)
{
    uint8_t oid[3] = {0x55, 0x1d, (uint8_t)id};
    out_begin(o, 0x30);
    out_tlv(o, 6, oid, 3);
    if (critical)
        out_tlv(o, 1, "\xff", 1);
    out_tlv(o, 4, value, n);
    out_end(o);
}

EVP_PKEY *make_key(const char *type)
{
    EVP_PKEY *k = strcmp(type, "rsa") == 0       ? EVP_RSA_gen(2048)
                  : strcmp(type, "ed25519") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                                 : EVP_EC_gen(type);
    need(k, "key");
    return k;
}

static void add_ext(X509 *c, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    need(e && X509_add_ext(c, e, -1), "extension");
    X509_EXTENSION_free(e);
}

X509 *make_ca(EVP_PKEY *key, const char *cn, unsigned flags)
{
    X509 *c = X509_new();
    need(c != NULL, "certificate");
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    ASN1_TIME_set(X509_getm_notBefore(c), 1577836800);
    ASN1_TIME_set(X509_getm_notAfter(c), 2524608000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    X509_set_pubkey(c, key);
    add_ext(c, NID_basic_constraints, "critical,CA:TRUE");
    add_ext(c, NID_key_usage,
            flags & CA_NO_CRLSIGN ? "critical,keyCertSign" : "critical,keyCertSign,cRLSign");
    if (!(flags & CA_NO_SKI))
        add_ext(c, NID_subject_key_identifier, "hash");
    bool ed = EVP_PKEY_is_a(key, "ED25519");
    need(X509_sign(c, key, ed ? NULL : EVP_sha256()) > 0, "signing");
    return c;
}

uint8_t *cert_der(X509 *cert, size_t *len)
{
    uint8_t *der = NULL;
    int n = i2d_X509(cert, &der);
    need(n > 0, "i2d");
    *len = (size_t)n;
    uint8_t *copy = malloc(*len);
    memcpy(copy, der, *len);
    OPENSSL_free(der);
    return copy;
}

uint8_t *to_pem(const char *label, const uint8_t *der, size_t len, size_t *pem_len)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    need(b && PEM_write_bio(b, label, "", der, (long)len), "PEM");
    long n = BIO_get_mem_data(b, &p);
    uint8_t *copy = malloc((size_t)n);
    memcpy(copy, p, (size_t)n);
    *pem_len = (size_t)n;
    BIO_free(b);
    return copy;
}

uint8_t *cert_pem(X509 *cert, size_t *len)
{
    size_t n;
    uint8_t *der = cert_der(cert, &n), *pem = to_pem("CERTIFICATE", der, n, len);
    free(der);
    return pem;
}

/* --- CRLs
 * ----------------------------------------------------------------------------------------------------- */

static void write_algorithm(struct out *o, const struct crl_spec *s)
{
    int nid = NID_ED25519, md = s->digest ? OBJ_txt2nid(s->digest) : NID_sha256;
    bool ed = EVP_PKEY_is_a(s->key, "ED25519");
    if (!ed)
        need(OBJ_find_sigid_by_algs(&nid, md, EVP_PKEY_get_base_id(s->key)), "algorithm");
    out_begin(o, 0x30);
    out_oid(o, nid);
    if (EVP_PKEY_is_a(s->key, "RSA"))
        out_tlv(o, 5, "", 0);
    out_end(o);
}

static void write_name(struct out *o, const char *cn)
{
    X509_NAME *n = X509_NAME_new();
    uint8_t *der = NULL;
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0);
    int len = i2d_X509_NAME(n, &der);
    out_raw(o, der, (size_t)len);
    OPENSSL_free(der);
    X509_NAME_free(n);
}

static void write_entry_ext(struct out *o, const struct crl_spec *s)
{
    uint8_t reason[3] = {0x0a, 1, (uint8_t)s->reason};
    int id = abs(s->entry_ext);
    if (!id)
        return;
    out_begin(o, 0x30);
    for (int i = 0; i < 1 + s->double_reason; i++)
        out_extension(o, id, s->entry_ext < 0, id == 21 ? reason : (const uint8_t *)"\4\1x", 3);
    out_end(o);
}

static void write_entry(struct out *o, const struct crl_spec *s, const uint8_t *serial, size_t n)
{
    out_begin(o, 0x30);
    out_tlv(o, 2, serial, n);
    out_gentime(o, s->this_update - 60);
    write_entry_ext(o, s);
    out_end(o);
}

static void write_entries(struct out *o, const struct crl_spec *s)
{
    out_begin(o, 0x30);
    for (size_t i = 0; i < s->entries; i++) {
        uint64_t v = s->first_serial + (s->descending ? s->entries - 1 - i : i);
        uint8_t b[9] = {0};
        for (int k = 0; k < 8; k++)
            b[8 - k] = (uint8_t)(v >> 8 * k);
        size_t skip = 0;
        while (skip < 8 && b[skip] == 0 && !(b[skip + 1] & 0x80))
            skip++;
        write_entry(o, s, b + skip, 9 - skip);
    }
    if (s->odd_serial)
        write_entry(o, s, s->odd_serial, s->odd_serial_len);
    out_end(o);
}

static void write_number(struct out *o, const char *hex)
{
    struct out v = {0};
    long n;
    uint8_t *mag = OPENSSL_hexstr2buf(hex, &n);
    need(mag, "number");
    out_begin(&v, 2);
    if (mag[0] & 0x80)
        out_raw(&v, "\0", 1);
    out_raw(&v, mag, (size_t)n);
    out_end(&v);
    out_extension(o, 20, false, v.p, v.n);
    OPENSSL_free(mag);
    out_free(&v);
}

static void write_akid(struct out *o, const struct crl_spec *s)
{
    struct out v = {0};
    out_begin(&v, 0x30);
    out_tlv(&v, 0x80, s->akid, s->akid_len);
    out_end(&v);
    out_extension(o, 35, false, v.p, v.n);
    out_free(&v);
}

static void write_list_extensions(struct out *o, const struct crl_spec *s)
{
    out_begin(o, 0xa0);
    out_begin(o, 0x30);
    if (s->number)
        write_number(o, s->number);
    if (s->akid)
        write_akid(o, s);
    for (int i = 0; i < 4 && s->extra_ext[i]; i++)
        out_extension(o, abs(s->extra_ext[i]), s->extra_ext[i] < 0, "\2\1\1", 3);
    out_end(o);
    out_end(o);
}

static void write_tbs(struct out *o, const struct crl_spec *s)
{
    out_begin(o, 0x30);
    if (!s->v1)
        out_tlv(o, 2, s->version_3 ? "\2" : "\1", 1);
    write_algorithm(o, s);
    write_name(o, s->cn);
    out_gentime(o, s->this_update);
    if (!s->no_next)
        out_gentime(o, s->next_update);
    if (s->entries || s->odd_serial)
        write_entries(o, s);
    if (!s->v1)
        write_list_extensions(o, s);
    if (s->trailing_tbs)
        out_tlv(o, 2, "\1", 1);
    out_end(o);
}

static void write_signature(struct out *o, const struct crl_spec *s, const uint8_t *tbs, size_t n)
{
    bool ed = EVP_PKEY_is_a(s->key, "ED25519");
    uint8_t sig[1024];
    size_t len = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    need(EVP_DigestSignInit_ex(ctx, NULL,
                               ed          ? NULL
                               : s->digest ? s->digest
                                           : "SHA256",
                               NULL, NULL, s->key, NULL) &&
             EVP_DigestSign(ctx, sig, &len, tbs, n),
         "signature");
    EVP_MD_CTX_free(ctx);
    out_begin(o, 3);
    out_raw(o, s->bad_bits ? "\1" : "\0", 1);
    out_raw(o, sig, len);
    out_end(o);
}

uint8_t *make_crl(const struct crl_spec *s, size_t *len)
{
    struct out tbs = {0}, o = {0};
    struct crl_spec other = *s;
    other.digest = "SHA512";
    write_tbs(&tbs, s);
    out_begin(&o, 0x30);
    out_raw(&o, tbs.p, tbs.n);
    write_algorithm(&o, s->two_algorithms ? &other : s);
    write_signature(&o, s->two_algorithms ? &other : s, tbs.p, tbs.n);
    out_end(&o);
    if (s->trailing)
        out_raw(&o, "\0", 1);
    out_free(&tbs);
    *len = o.n;
    return o.p;
}
