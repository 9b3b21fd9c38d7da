/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pki: %s failed\n", what);
    ERR_print_errors_fp(stderr);
    exit(99);
}

static char *to_pem(const struct pki_id *id, int key, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    if (key)
        PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL,
                                 NULL); /* none of a key that is only public */
    else
        must(PEM_write_bio_X509(bio, id->cert), "writing a certificate");
    *len = (size_t)BIO_get_mem_data(bio, &data);
    char *text = malloc(*len + 1);
    must(text != NULL, "malloc");
    if (*len)
        memcpy(text, data, *len);
    text[*len] = 0;
    BIO_free(bio);
    return text;
}

static void set_subject(X509_NAME *name, const char *subject)
{
    while (subject && *subject == '/') {
        char field[32], value[256];
        int n = 0;
        must(sscanf(subject, "/%31[^=]=%255[^/]%n", field, value, &n) == 2, "parsing a subject");
        must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (unsigned char *)value, -1, -1, 0),
             "a subject");
        subject += n;
    }
}

static void set_serial(X509 *cert, const struct pki_spec *s)
{
    static long running = 1000;
    BIGNUM *bn = NULL;
    if (s->serial_hex) {
        must(BN_hex2bn(&bn, s->serial_hex) > 0, "a serial");
        must(BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL, "a serial");
        BN_free(bn);
    } else {
        ASN1_INTEGER_set(X509_get_serialNumber(cert), s->serial ? s->serial : ++running);
    }
}

static void add_exts(X509 *cert, X509 *issuer, const struct pki_spec *s)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i + 1 < 12 && s->exts[i]; i += 2) {
        X509_EXTENSION *e = X509V3_EXT_nconf(NULL, &ctx, s->exts[i], s->exts[i + 1]);
        must(e && X509_add_ext(cert, e, -1), s->exts[i]);
        X509_EXTENSION_free(e);
    }
}

static EVP_PKEY *make_key(const struct pki_spec *s)
{
    if (s->key) {
        EVP_PKEY_up_ref(s->key);
        return s->key;
    }
    EVP_PKEY *key = s->rsa_bits ? EVP_RSA_gen((unsigned)s->rsa_bits) : EVP_EC_gen("P-256");
    must(key != NULL, "a key");
    return key;
}

struct pki_id *pki_make(const struct pki_spec *s, const struct pki_id *issuer)
{
    struct pki_id *id = calloc(1, sizeof *id);
    must(id != NULL, "calloc");
    id->key = make_key(s);
    X509 *c = id->cert = X509_new();
    must(c && X509_set_version(c, s->version == 1 ? X509_VERSION_1 : X509_VERSION_3), "a certificate");
    set_serial(c, s);
    X509_gmtime_adj(X509_getm_notBefore(c), s->from_s ? s->from_s : -3600);
    X509_gmtime_adj(X509_getm_notAfter(c), s->to_s ? s->to_s : 86400);
    set_subject(X509_get_subject_name(c), s->subject);
    X509_set_pubkey(c, id->key);
    add_exts(c, issuer ? issuer->cert : c, s);
    if (s->twist)
        s->twist(c);
    X509_set_issuer_name(c, X509_get_subject_name(issuer ? issuer->cert : c));
    const EVP_MD *md = EVP_get_digestbyname(s->digest ? s->digest : "SHA256");
    must(X509_sign(c, issuer ? issuer->key : id->key, md) > 0, "signing");
    if (s->spoil)
        s->spoil(c);
    id->pem = to_pem(id, 0, &id->pem_len);
    id->key_pem = to_pem(id, 1, &id->key_pem_len);
    return id;
}

void pki_free(struct pki_id *id)
{
    if (!id)
        return;
    X509_free(id->cert);
    EVP_PKEY_free(id->key);
    free(id->pem);
    free(id->key_pem);
    free(id);
}

static struct pki_id *named(const char *cn, const struct pki_id *issuer, const struct pki_spec *like)
{
    struct pki_spec s = *like;
    char subject[128];
    snprintf(subject, sizeof subject, "/O=Office/CN=%s", cn);
    s.subject = subject;
    return pki_make(&s, issuer);
}

struct pki_id *pki_root(const char *cn)
{
    return named(
        cn, NULL,
        &(struct pki_spec){.exts = {"basicConstraints", "critical,CA:TRUE", "keyUsage",
                                    "critical,keyCertSign,cRLSign", "subjectKeyIdentifier", "hash"}});
}

struct pki_id *pki_server(const char *cn, const struct pki_id *issuer)
{
    return named(cn, issuer,
                 &(struct pki_spec){.exts = {"basicConstraints", "CA:FALSE", "keyUsage", "digitalSignature",
                                             "extendedKeyUsage", "serverAuth"}});
}

struct pki_id *pki_client(const char *cn, const struct pki_id *issuer)
{
    return named(cn, issuer,
                 &(struct pki_spec){.exts = {"basicConstraints", "CA:FALSE", "keyUsage", "digitalSignature",
                                             "extendedKeyUsage", "clientAuth"}});
}

void pki_add_raw(X509 *cert, int nid, int asn1_type, const void *bytes, int n)
{
    X509_NAME_ENTRY *e = X509_NAME_ENTRY_create_by_NID(NULL, nid, asn1_type, bytes, n);
    must(e && X509_NAME_add_entry(X509_get_subject_name(cert), e, -1, 0), "a raw attribute");
    X509_NAME_ENTRY_free(e);
}
