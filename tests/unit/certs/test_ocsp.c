/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * OCSP on both sides. The client against answers with one property turned at a time (C55); the responder
 * against requests of every kind (C54); and the two against each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ocsp.h"
#include "fixtures.h"

#define NOW      1800000000LL
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static EVP_PKEY *ca_key, *other_key, *signer_key;
static X509 *ca, *other_ca;
static uint8_t *ca_der, *ca_pem;
static size_t ca_der_len, ca_pem_len;

/* --- certificates of signers
 * ---------------------------------------------------------------------------------- */

struct signer_spec {
    const char *extended, *usage; /* NULL: none */
    int64_t from, until;
    X509 *issuer; /* NULL: ca */
    EVP_PKEY *issuer_key;
    bool nocheck;
    int serial;
};

static struct signer_spec good_signer(void)
{
    return (struct signer_spec){
        "OCSPSigning", "digitalSignature", NOW - 1000, NOW + 100000, ca, ca_key, true, 77};
}

static void add_ext(X509 *c, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
}

static X509 *make_signer(const struct signer_spec *s)
{
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), s->serial);
    ASN1_TIME_set(X509_getm_notBefore(c), s->from);
    ASN1_TIME_set(X509_getm_notAfter(c), s->until);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8, (const uint8_t *)"signer", -1,
                               -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(s->issuer));
    X509_set_pubkey(c, signer_key);
    if (s->extended)
        add_ext(c, s->issuer, NID_ext_key_usage, s->extended);
    if (s->usage)
        add_ext(c, s->issuer, NID_key_usage, s->usage);
    if (s->nocheck)
        add_ext(c, s->issuer, NID_id_pkix_OCSP_noCheck, "");
    assert_true(X509_sign(c, s->issuer_key, EVP_sha256()) > 0);
    return c;
}

static int setup(void **state)
{
    (void)state;
    ca_key = make_key("P-256");
    other_key = make_key("P-256");
    signer_key = make_key("P-256");
    ca = make_ca(ca_key, "ca", 0);
    other_ca = make_ca(other_key, "ca", 0);
    ca_der = cert_der(ca, &ca_der_len);
    ca_pem = cert_pem(ca, &ca_pem_len);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(signer_key);
    X509_free(ca);
    X509_free(other_ca);
    free(ca_der);
    free(ca_pem);
    return 0;
}

/* --- hand-made answers
 * ---------------------------------------------------------------------------------------- */

struct answer_spec {
    struct signer_spec signer;
    bool by_ca;   /* signed by the CA's own key, without a certificate */
    bool no_cert; /* the signer's certificate is not in the answer */
    bool broken_signature, sha1;
    int status; /* of the response */
    int serial; /* what it is about */
    size_t hash_len;
    bool other_issuer;   /* hashes of another CA */
    int state;           /* 0 good, 1 revoked, 2 unknown */
    int reason;          /* -1: none */
    int64_t from, until; /* until 0: no nextUpdate */
    const uint8_t *nonce;
    size_t nonce_len;
    bool critical, trailing, by_name, then_revoked, then_good, no_null;
};

static struct answer_spec good_answer(void)
{
    return (struct answer_spec){.signer = good_signer(),
                                .serial = 5,
                                .hash_len = 32,
                                .reason = 1,
                                .from = NOW - 100,
                                .until = NOW + 3600};
}

static void put_cert_id(struct out *o, const struct answer_spec *s)
{
    static const uint8_t sha1_oid[] = {0x2b, 0x0e, 0x03, 0x02, 0x1a};
    static const uint8_t sha256_oid[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
    const EVP_MD *md = s->hash_len == 20 ? EVP_sha1() : EVP_sha256();
    X509 *issuer = s->other_issuer ? other_ca : ca;
    uint8_t name[32], key[32], serial = (uint8_t)s->serial;
    X509_NAME_digest(X509_get_subject_name(issuer), md, name, NULL);
    X509_pubkey_digest(issuer, md, key, NULL);
    out_begin(o, 0x30);
    out_begin(o, 0x30);
    if (s->hash_len == 20)
        out_tlv(o, 6, sha1_oid, sizeof sha1_oid);
    else
        out_tlv(o, 6, sha256_oid, sizeof sha256_oid);
    if (!s->no_null)
        out_tlv(o, 5, "", 0);
    out_end(o);
    out_tlv(o, 4, name, s->hash_len);
    out_tlv(o, 4, key, s->hash_len);
    out_tlv(o, 2, &serial, 1);
    out_end(o);
}

static void put_state(struct out *o, const struct answer_spec *s, int how)
{
    uint8_t reason = (uint8_t)s->reason;
    if (how != 1) {
        out_tlv(o, how == 0 ? 0x80 : 0x82, "", 0);
        return;
    }
    out_begin(o, 0xa1);
    out_gentime(o, NOW - 5000);
    if (s->reason >= 0) {
        out_begin(o, 0xa0);
        out_tlv(o, 0x0a, &reason, 1);
        out_end(o);
    }
    out_end(o);
}

static void put_single(struct out *o, const struct answer_spec *s, int how)
{
    out_begin(o, 0x30);
    put_cert_id(o, s);
    put_state(o, s, how);
    out_gentime(o, s->from);
    if (s->until) {
        out_begin(o, 0xa0);
        out_gentime(o, s->until);
        out_end(o);
    }
    out_end(o);
}

static void put_extensions(struct out *o, const struct answer_spec *s)
{
    static const uint8_t nonce_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
    out_begin(o, 0xa1);
    out_begin(o, 0x30);
    if (s->nonce) {
        out_begin(o, 0x30);
        out_tlv(o, 6, nonce_oid, sizeof nonce_oid);
        out_begin(o, 4);
        out_tlv(o, 4, s->nonce, s->nonce_len);
        out_end(o);
        out_end(o);
    }
    if (s->critical)
        out_extension(o, 99, true, "\5\0", 2);
    out_end(o);
    out_end(o);
}

static void put_data(struct out *o, const struct answer_spec *s)
{
    out_begin(o, 0x30);
    if (s->by_name) {
        uint8_t *der = NULL;
        int n = i2d_X509_NAME(X509_get_subject_name(ca), &der);
        out_tlv(o, 0xa1, der, (size_t)n);
        OPENSSL_free(der);
    } else {
        out_begin(o, 0xa2);
        out_tlv(o, 4, "01234567890123456789", 20);
        out_end(o);
    }
    out_gentime(o, s->from);
    out_begin(o, 0x30);
    put_single(o, s, s->state);
    if (s->then_revoked || s->then_good)
        put_single(o, s, s->then_revoked ? 1 : 0);
    out_end(o);
    if (s->nonce || s->critical)
        put_extensions(o, s);
    if (s->trailing)
        out_tlv(o, 2, "\1", 1);
    out_end(o);
}

static void put_signature(struct out *o, const struct answer_spec *s, const uint8_t *data, size_t n)
{
    uint8_t sig[256];
    size_t len = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit(ctx, NULL, s->sha1 ? EVP_sha1() : EVP_sha256(), NULL, s->by_ca ? ca_key : signer_key);
    EVP_DigestSign(ctx, sig, &len, data, n);
    EVP_MD_CTX_free(ctx);
    out_begin(o, 0x30);
    out_oid(o, s->sha1 ? NID_ecdsa_with_SHA1 : NID_ecdsa_with_SHA256);
    out_end(o);
    sig[len - 1] ^= s->broken_signature;
    out_begin(o, 3);
    out_raw(o, "\0", 1);
    out_raw(o, sig, len);
    out_end(o);
}

static void put_basic(struct out *o, const struct answer_spec *s)
{
    struct out data = {0};
    put_data(&data, s);
    out_begin(o, 0x30);
    out_raw(o, data.p, data.n);
    put_signature(o, s, data.p, data.n);
    if (!s->by_ca && !s->no_cert) {
        X509 *c = make_signer(&s->signer);
        size_t n;
        uint8_t *der = cert_der(c, &n);
        out_begin(o, 0xa0);
        out_begin(o, 0x30);
        out_raw(o, der, n);
        out_end(o);
        out_end(o);
        free(der);
        X509_free(c);
    }
    out_end(o);
    out_free(&data);
}

static void make_answer(struct out *o, const struct answer_spec *s)
{
    static const uint8_t basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};
    uint8_t status = (uint8_t)s->status;
    out_begin(o, 0x30);
    out_tlv(o, 0x0a, &status, 1);
    if (status == 0) {
        out_begin(o, 0xa0);
        out_begin(o, 0x30);
        out_tlv(o, 6, basic, sizeof basic);
        out_begin(o, 4);
        put_basic(o, s);
        out_end(o);
        out_end(o);
        out_end(o);
    }
    out_end(o);
}

/* --- the client
 * ----------------------------------------------------------------------------------------------- */

static const uint8_t sent[16] = "the nonce sent", got_other[16] = "another nonce";

static struct dbr_ocsp_question question(void)
{
    struct dbr_ocsp_question q = {.issuer = ca_der, .issuer_len = ca_der_len, .now = NOW, .max_age_s = 3600};
    dbr_serial_set(&q.serial, "\5", 1);
    return q;
}

struct turn {
    const char *what;
    int err; /* of dbr_ocsp_check */
    enum dbr_ocsp_status status;
    void (*turn)(struct answer_spec *a, struct dbr_ocsp_question *q);
};

#define TURN(name, ...)                                                                                      \
    static void name(struct answer_spec *a, struct dbr_ocsp_question *q)                                     \
    {                                                                                                        \
        (void)a;                                                                                             \
        (void)q;                                                                                             \
        __VA_ARGS__;                                                                                         \
    }
TURN(nothing, )
TURN(by_ca, a->by_ca = true)
TURN(by_name, a->by_ca = true; a->by_name = true)
TURN(sha1_id, a->hash_len = 20)
TURN(revoked, a->state = 1)
TURN(revoked_without_reason, a->state = 1; a->reason = -1)
TURN(unknown, a->state = 2)
TURN(good_and_revoked, a->then_revoked = true)
TURN(revoked_and_good, a->state = 1; a->then_good = true)
TURN(malformed_request, a->status = 1)
TURN(internal_error, a->status = 2)
TURN(try_later, a->status = 3)
TURN(sig_required, a->status = 5)
TURN(unauthorized, a->status = 6)
TURN(status_9, a->status = 9)
TURN(other_serial, a->serial = 6)
TURN(other_issuer, a->other_issuer = true)
TURN(expired, a->until = NOW - 1)
TURN(just_valid, a->until = NOW)
TURN(future, a->from = NOW + 301)
TURN(near_future, a->from = NOW + 300)
TURN(no_next, a->until = 0)
TURN(no_next_old, a->until = 0; a->from = NOW - 3601)
TURN(backwards, a->until = NOW + 10; a->from = NOW + 20)
TURN(nonce_ok, q->nonce = sent; q->nonce_len = 16; a->nonce = sent; a->nonce_len = 16;
     q->nonce_required = true)
TURN(nonce_other, q->nonce = sent; q->nonce_len = 16; a->nonce = got_other; a->nonce_len = 16)
TURN(nonce_short, q->nonce = sent; q->nonce_len = 16; a->nonce = sent; a->nonce_len = 15)
TURN(nonce_none, q->nonce = sent; q->nonce_len = 16)
TURN(nonce_none_required, q->nonce = sent; q->nonce_len = 16; q->nonce_required = true)
TURN(broken_signature, a->broken_signature = true)
TURN(sha1_signature, a->sha1 = true)
TURN(no_cert, a->no_cert = true)
TURN(no_eku, a->signer.extended = NULL)
TURN(other_eku, a->signer.extended = "serverAuth")
TURN(no_digital_signature, a->signer.usage = "keyEncipherment")
TURN(no_usage_at_all, a->signer.usage = NULL)
TURN(signer_expired, a->signer.until = NOW)
TURN(signer_future, a->signer.from = NOW + 301)
TURN(signer_of_other, a->signer.issuer_key = other_key)
TURN(critical, a->critical = true)
TURN(trailing, a->trailing = true)
TURN(broken_issuer, q->issuer_len -= 1)

static const struct turn turns[] = {
    {"good", 0, DBR_OCSP_GOOD, nothing},
    {"signed by the CA", 0, DBR_OCSP_GOOD, by_ca},
    {"responder by name", 0, DBR_OCSP_GOOD, by_name},
    {"SHA-1 id", 0, DBR_OCSP_GOOD, sha1_id},
    {"revoked", 0, DBR_OCSP_REVOKED, revoked},
    {"revoked without reason", 0, DBR_OCSP_REVOKED, revoked_without_reason},
    {"unknown", 0, DBR_OCSP_UNKNOWN, unknown},
    {"good and revoked", 0, DBR_OCSP_REVOKED, good_and_revoked},
    {"revoked and good", 0, DBR_OCSP_REVOKED, revoked_and_good},
    {"valid to the second", 0, DBR_OCSP_GOOD, just_valid},
    {"within the skew", 0, DBR_OCSP_GOOD, near_future},
    {"no nextUpdate, young", 0, DBR_OCSP_GOOD, no_next},
    {"nonce", 0, DBR_OCSP_GOOD, nonce_ok},
    {"nonce not sent back, not required", 0, DBR_OCSP_GOOD, nonce_none},
    {"signer without keyUsage", 0, DBR_OCSP_GOOD, no_usage_at_all},
    {"malformedRequest", DBR_ERR_STATE, DBR_OCSP_UNKNOWN, malformed_request},
    {"internalError", DBR_ERR_AGAIN, DBR_OCSP_UNKNOWN, internal_error},
    {"tryLater", DBR_ERR_AGAIN, DBR_OCSP_UNKNOWN, try_later},
    {"sigRequired", DBR_ERR_STATE, DBR_OCSP_UNKNOWN, sig_required},
    {"unauthorized", DBR_ERR_STATE, DBR_OCSP_UNKNOWN, unauthorized},
    {"status 9", DBR_ERR_STATE, DBR_OCSP_UNKNOWN, status_9},
    {"another serial", DBR_ERR_NOTFOUND, DBR_OCSP_UNKNOWN, other_serial},
    {"another issuer", DBR_ERR_NOTFOUND, DBR_OCSP_UNKNOWN, other_issuer},
    {"expired", DBR_ERR_TIMEOUT, DBR_OCSP_UNKNOWN, expired},
    {"future", DBR_ERR_TIMEOUT, DBR_OCSP_UNKNOWN, future},
    {"no nextUpdate, old", DBR_ERR_TIMEOUT, DBR_OCSP_UNKNOWN, no_next_old},
    {"nextUpdate before thisUpdate", DBR_ERR_TIMEOUT, DBR_OCSP_UNKNOWN, backwards},
    {"another nonce", DBR_ERR_REPLAY, DBR_OCSP_UNKNOWN, nonce_other},
    {"shorter nonce", DBR_ERR_REPLAY, DBR_OCSP_UNKNOWN, nonce_short},
    {"no nonce, required", DBR_ERR_REPLAY, DBR_OCSP_UNKNOWN, nonce_none_required},
    {"broken signature", DBR_ERR_AUTH, DBR_OCSP_UNKNOWN, broken_signature},
    {"SHA-1 signature", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, sha1_signature},
    {"no certificate of the signer", DBR_ERR_AUTH, DBR_OCSP_UNKNOWN, no_cert},
    {"signer without EKU", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, no_eku},
    {"signer for serverAuth", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, other_eku},
    {"signer may not sign", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, no_digital_signature},
    {"signer expired", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, signer_expired},
    {"signer not yet valid", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, signer_future},
    {"signer of another CA of the same name", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, signer_of_other},
    {"unknown critical extension", DBR_ERR_SHAPE, DBR_OCSP_UNKNOWN, critical},
    {"a field too many", DBR_ERR_SHAPE, DBR_OCSP_UNKNOWN, trailing},
    {"broken issuer", DBR_ERR_CERT, DBR_OCSP_UNKNOWN, broken_issuer},
};

static void test_turns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(turns); i++) {
        struct answer_spec a = good_answer();
        struct dbr_ocsp_question q = question();
        struct dbr_ocsp_verdict v;
        struct out o = {0};
        char why[256] = "";
        turns[i].turn(&a, &q);
        make_answer(&o, &a);
        int err = dbr_ocsp_check(&q, o.p, o.n, &v, why, sizeof why);
        if (err != turns[i].err || v.status != turns[i].status || (err && !*why))
            fail_msg("%s: %s, status %d \"%s\"", turns[i].what, dbr_err_name(err), v.status, why);
        out_free(&o);
    }
}

static void test_revocation_details(void **state)
{
    struct answer_spec a = good_answer();
    struct dbr_ocsp_question q = question();
    struct dbr_ocsp_verdict v;
    struct out o = {0};
    (void)state;
    a.state = 1;
    a.reason = 4;
    make_answer(&o, &a);
    assert_int_equal(dbr_ocsp_check(&q, o.p, o.n, &v, NULL, 0), 0);
    assert_int_equal(v.reason, 4);
    assert_int_equal(v.revoked_at, NOW - 5000);
    assert_int_equal(v.this_update, NOW - 100);
    assert_int_equal(v.next_update, NOW + 3600);
    out_free(&o);
}

/* No byte of an answer that is signed can be changed, none be cut off, none be added. */
static void test_each_byte_is_bound(void **state)
{
    struct answer_spec a = good_answer();
    struct dbr_ocsp_question q = question();
    struct dbr_ocsp_verdict v;
    struct out o = {0};
    (void)state;
    a.state = 1; /* so that "good" would be a lie */
    make_answer(&o, &a);
    for (size_t i = 0; i < o.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            o.p[i] ^= (uint8_t)(1 << bit);
            if (dbr_ocsp_check(&q, o.p, o.n, &v, NULL, 0) == 0 && v.status != DBR_OCSP_REVOKED)
                fail_msg("byte %zu bit %d", i, bit);
            o.p[i] ^= (uint8_t)(1 << bit);
        }
        assert_int_not_equal(dbr_ocsp_check(&q, o.p, i, &v, NULL, 0), 0);
    }
    out_raw(&o, "\0", 1);
    assert_int_equal(dbr_ocsp_check(&q, o.p, o.n, &v, NULL, 0), DBR_ERR_SHAPE);
    out_free(&o);
}

/* The signer's own serial in the CRL. */
static void test_revoked_signer(void **state)
{
    struct crl_spec s = {.key = ca_key,
                         .cn = "ca",
                         .this_update = NOW - 10,
                         .next_update = NOW + 1000,
                         .number = "01",
                         .entries = 1,
                         .first_serial = 77};
    struct dbr_trust *trust = dbr_trust_new(DBR_STALE_REFUSE, 0);
    struct dbr_issuers *issuers;
    struct dbr_crl *crl;
    size_t n;
    (void)state;
    uint8_t *der = make_crl(&s, &n);
    assert_int_equal(dbr_issuers_parse(&issuers, ca_pem, ca_pem_len, NULL, 0), 0);
    for (int listed = 0; listed < 2; listed++) {
        for (int nocheck = 0; nocheck < 2; nocheck++) {
            struct answer_spec a = good_answer();
            struct dbr_ocsp_question q = question();
            struct dbr_ocsp_verdict v;
            struct out o = {0};
            q.trust = trust;
            a.signer.nocheck = nocheck;
            make_answer(&o, &a);
            /* Without a CRL only nocheck helps; with one that lists it nothing does. */
            int want = listed || !nocheck ? DBR_ERR_CERT : 0;
            assert_int_equal(dbr_ocsp_check(&q, o.p, o.n, &v, NULL, 0), want);
            out_free(&o);
        }
        if (!listed) {
            assert_int_equal(dbr_crl_parse(&crl, issuers, der, n, NOW, NULL, 0), 0);
            assert_int_equal(dbr_trust_accept(trust, crl, NULL, 0), 0);
            dbr_crl_free(crl);
        }
    }
    free(der);
    dbr_issuers_free(issuers);
    dbr_trust_free(trust);
}

/* --- the responder
 * -------------------------------------------------------------------------------------------- */

static const char index_text[] = "V\t290101000000Z\t\t05\tunknown\t/CN=a\n"
                                 "R\t290101000000Z\t261101000000Z,keyCompromise\t06\tunknown\t/CN=b\n"
                                 "E\t200101000000Z\t\t07\tunknown\t/CN=c\n";

static struct dbr_responder *make_responder(const struct signer_spec *s, int *err)
{
    struct dbr_responder *r;
    struct dbr_index *ix;
    size_t n;
    X509 *c = make_signer(s);
    uint8_t *pem = cert_pem(c, &n);
    *err = dbr_responder_new(&r, ca_pem, ca_pem_len, pem, n, signer_key, 3600, NULL, 0);
    free(pem);
    X509_free(c);
    if (*err)
        return NULL;
    assert_int_equal(dbr_index_parse(&ix, index_text, strlen(index_text), NULL, 0), 0);
    assert_int_equal(dbr_responder_load(r, ix), 0);
    dbr_index_free(ix);
    return r;
}

static int ask(struct dbr_responder *r, int serial, size_t hash_len, const uint8_t *nonce, size_t nonce_len,
               int64_t now, struct dbr_ocsp_verdict *v, struct dbr_answer *a)
{
    uint8_t request[512];
    struct dbr_ocsp_question q = question();
    uint8_t b = (uint8_t)serial;
    dbr_serial_set(&q.serial, &b, 1);
    int n = dbr_ocsp_request_write(ca_der, ca_der_len, &q.serial, hash_len, nonce, nonce_len, request,
                                   sizeof request);
    assert_true(n > 0);
    dbr_responder_answer(r, request, (size_t)n, now, a);
    q.now = now;
    q.nonce = nonce;
    q.nonce_len = nonce_len;
    q.nonce_required = nonce_len > 0;
    return dbr_ocsp_check(&q, a->der, a->len, v, NULL, 0);
}

static void test_both_sides(void **state)
{
    static const struct {
        int serial;
        enum dbr_ocsp_status status;
    } cases[] = {{5, DBR_OCSP_GOOD},
                 {6, DBR_OCSP_REVOKED},
                 {7, DBR_OCSP_GOOD},
                 {8, DBR_OCSP_UNKNOWN},
                 {0x7f, DBR_OCSP_UNKNOWN}};
    int err;
    struct signer_spec s = good_signer();
    struct dbr_responder *r = make_responder(&s, &err);
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t hash = 20; hash <= 32; hash += 12)
            for (size_t nonce = 0; nonce <= 32; nonce += 16) {
                struct dbr_ocsp_verdict v;
                struct dbr_answer a;
                static const uint8_t n[32] = {1};
                assert_int_equal(ask(r, cases[i].serial, hash, n, nonce, NOW, &v, &a), 0);
                assert_int_equal(v.status, cases[i].status);
                assert_int_equal(a.cacheable, nonce == 0);
            }
    dbr_responder_free(r);
    dbr_responder_free(NULL);
}

static void test_kept_answers(void **state)
{
    int err;
    struct signer_spec s = good_signer();
    struct dbr_responder *r = make_responder(&s, &err);
    struct dbr_ocsp_verdict v;
    struct dbr_answer a, b;
    struct dbr_index *ix;
    (void)state;
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW, &v, &a), 0);
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW + 1800, &v, &b), 0);
    assert_int_equal(b.this_update, NOW); /* kept */
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW + 1801, &v, &b), 0);
    assert_int_equal(b.this_update, NOW + 1801); /* less than half was left */
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW, &v, &b), 0);
    assert_int_equal(b.this_update, NOW); /* the clock went back */
    assert_int_equal(ask(r, 5, 20, NULL, 0, NOW + 1, &v, &b), 0);
    assert_int_equal(b.this_update, NOW + 1); /* the other hash is another answer */
    /* A revocation is in force at once. */
    assert_int_equal(dbr_index_parse(&ix, index_text, strlen(index_text), NULL, 0), 0);
    dbr_index_revoke(ix, 0, NOW, 1);
    assert_int_equal(dbr_responder_load(r, ix), 0);
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW + 2, &v, &b), 0);
    assert_int_equal(v.status, DBR_OCSP_REVOKED);
    assert_int_equal(v.revoked_at, NOW);
    dbr_index_free(ix);
    /* No answer outlives its signer. */
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW + 99999, &v, &b), 0);
    assert_int_equal(b.next_update, NOW + 100000);
    assert_int_equal(ask(r, 5, 32, NULL, 0, NOW + 100000, &v, &b), DBR_ERR_AGAIN);
    dbr_responder_free(r);
}

/* Two lines of one serial, in either order and among others: the revocation counts. */
static void test_doubled_serial(void **state)
{
    static const char v[] = "V\t350101000000Z\t\t05\tunknown\t/CN=a\n",
                      x[] = "R\t350101000000Z\t261120093000Z\t05\tunknown\t/CN=a\n",
                      other[] = "V\t350101000000Z\t\t0%c\tunknown\t/CN=b\n";
    int err;
    struct signer_spec s = good_signer();
    struct dbr_responder *r = make_responder(&s, &err);
    (void)state;
    for (int i = 0; i < 8; i++) {
        char text[512];
        size_t n = (size_t)snprintf(text, sizeof text, "%s%s", i % 2 ? v : x, i % 2 ? x : v);
        for (int k = 0; k < i; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, other, "12346789"[k]);
        struct dbr_index *ix;
        struct dbr_ocsp_verdict verdict;
        struct dbr_answer a;
        assert_int_equal(dbr_index_parse(&ix, text, n, NULL, 0), 0);
        assert_int_equal(dbr_responder_load(r, ix), 0);
        dbr_index_free(ix);
        assert_int_equal(ask(r, 5, 32, NULL, 0, NOW, &verdict, &a), 0);
        assert_int_equal(verdict.status, DBR_OCSP_REVOKED);
        assert_int_equal(ask(r, 7, 32, NULL, 0, NOW, &verdict, &a), 0);
        assert_int_equal(verdict.status, i >= 6 ? DBR_OCSP_GOOD : DBR_OCSP_UNKNOWN);
    }
    dbr_responder_free(r);
}

/* Who leaves the NULL of the hash algorithm out gets his CertID back, and nobody else does. */
static void test_kept_ids(void **state)
{
    int err;
    struct signer_spec s = good_signer();
    struct dbr_responder *r = make_responder(&s, &err);
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct answer_spec spec = good_answer();
        struct out request = {0}, id = {0};
        struct dbr_answer a;
        spec.no_null = i % 2;
        put_cert_id(&id, &spec);
        for (int k = 0; k < 4; k++)
            out_begin(&request, 0x30);
        out_raw(&request, id.p, id.n);
        for (int k = 0; k < 4; k++)
            out_end(&request);
        dbr_responder_answer(r, request.p, request.n, NOW, &a);
        assert_true(a.cacheable);
        assert_non_null(memmem(a.der, a.len, id.p, id.n));
        out_free(&request);
        out_free(&id);
    }
    dbr_responder_free(r);
}

static void test_signers_refused(void **state)
{
    struct signer_spec s = good_signer();
    int err;
    (void)state;
    s.extended = "clientAuth";
    assert_null(make_responder(&s, &err));
    assert_int_equal(err, DBR_ERR_CERT);
    s = good_signer();
    s.extended = NULL;
    assert_null(make_responder(&s, &err));
    s = good_signer();
    s.issuer_key = other_key;
    assert_null(make_responder(&s, &err));
    assert_int_equal(err, DBR_ERR_CERT);
    struct dbr_responder *r;
    assert_int_equal(
        dbr_responder_new(&r, ca_pem, ca_pem_len, (const uint8_t *)"x", 1, signer_key, 60, NULL, 0),
        DBR_ERR_SHAPE);
    size_t n;
    s = good_signer();
    X509 *c = make_signer(&s);
    uint8_t *pem = cert_pem(c, &n);
    assert_int_equal(dbr_responder_new(&r, ca_pem, ca_pem_len, pem, n, other_key, 60, NULL, 0), DBR_ERR_CERT);
    free(pem);
    X509_free(c);
}

/* The dates and the serial by which a new signer is judged. */
static void test_signer_told(void **state)
{
    struct signer_spec s = good_signer();
    struct dbr_ocsp_signer cert;
    struct dbr_serial serial;
    int err;
    struct dbr_responder *r = make_responder(&s, &err);
    (void)state;
    dbr_serial_set(&serial, "\115", 1);
    dbr_responder_signer(r, &cert);
    assert_int_equal(cert.from, NOW - 1000);
    assert_int_equal(cert.until, NOW + 100000);
    assert_true(dbr_serial_equal(&cert.serial, &serial));
    dbr_responder_free(r);
}

/* --- requests
 * ------------------------------------------------------------------------------------------------- */

static uint8_t plain[512];
static size_t plain_len;

static int status_of(struct dbr_responder *r, const uint8_t *p, size_t n)
{
    struct dbr_answer a;
    dbr_responder_answer(r, p, n, NOW, &a);
    assert_true(a.len >= 5 && a.der[0] == 0x30);
    return a.len == 5 ? a.der[4] : 0;
}

static void test_requests(void **state)
{
    struct signer_spec s = good_signer();
    struct dbr_serial serial;
    struct dbr_ocsp_request q;
    int err, successes = 0;
    struct dbr_responder *r = make_responder(&s, &err);
    static const uint8_t big[DBR_OCSP_MAX_REQUEST + 1];
    (void)state;
    dbr_serial_set(&serial, "\5", 1);
    plain_len = (size_t)dbr_ocsp_request_write(ca_der, ca_der_len, &serial, 20, NULL, 0, plain, sizeof plain);
    assert_int_equal(status_of(r, plain, plain_len), 0);
    for (size_t i = 0; i < plain_len; i++)
        assert_int_equal(status_of(r, plain, i), 1);
    assert_int_equal(status_of(r, big, sizeof big), 1);
    assert_int_equal(dbr_ocsp_request_parse(&q, big, sizeof big), DBR_ERR_LIMIT);
    /* Any changed byte: another serial, another issuer (unauthorized) or malformed; never a crash. */
    for (size_t i = 0; i < plain_len; i++) {
        plain[i] ^= 0x41;
        successes += status_of(r, plain, plain_len) == 0;
        plain[i] ^= 0x41;
    }
    assert_true(successes <= 3);
    uint8_t tiny[10], nonce[130] = {0};
    assert_int_equal(dbr_ocsp_request_write(ca_der, ca_der_len, &serial, 20, NULL, 0, tiny, sizeof tiny),
                     DBR_ERR_SPACE);
    assert_int_equal(dbr_ocsp_request_write(ca_der, ca_der_len, &serial, 24, NULL, 0, plain, sizeof plain),
                     DBR_ERR_SHAPE);
    assert_int_equal(dbr_ocsp_request_write(ca_der, 10, &serial, 20, NULL, 0, plain, sizeof plain),
                     DBR_ERR_SHAPE);
    assert_int_equal(dbr_ocsp_request_write(ca_der, ca_der_len, &serial, 20, nonce, 129, plain, sizeof plain),
                     DBR_ERR_SHAPE);
    dbr_responder_free(r);
}

/* Requests with one property turned, written by hand. */
struct request_spec {
    int ids;
    const char *version; /* body of [0] */
    long nonce;          /* length; -1: none */
    bool bare_nonce, two_nonces, single_extension, single_critical, name, signature;
};

static void put_nonce(struct out *o, const struct request_spec *s)
{
    static const uint8_t oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02}, zeros[130];
    out_begin(o, 0x30);
    out_tlv(o, 6, oid, sizeof oid);
    if (s->bare_nonce) {
        out_tlv(o, 4, zeros, (size_t)s->nonce);
    } else {
        out_begin(o, 4);
        out_tlv(o, 4, zeros, (size_t)s->nonce);
        out_end(o);
    }
    out_end(o);
}

static void make_request(struct out *o, const struct request_spec *s)
{
    struct answer_spec id = good_answer();
    out_begin(o, 0x30);
    out_begin(o, 0x30);
    if (s->version)
        out_tlv(o, 0xa0, s->version, 3);
    if (s->name)
        out_tlv(o, 0xa1, "\x82\1x", 3);
    out_begin(o, 0x30);
    for (int i = 0; i < s->ids; i++) {
        out_begin(o, 0x30);
        put_cert_id(o, &id);
        if (s->single_extension) {
            out_begin(o, 0xa0);
            out_begin(o, 0x30);
            out_extension(o, 99, s->single_critical, "\5\0", 2);
            out_end(o);
            out_end(o);
        }
        out_end(o);
    }
    out_end(o);
    if (s->nonce >= 0) {
        out_begin(o, 0xa2);
        out_begin(o, 0x30);
        for (int i = 0; i < 1 + s->two_nonces; i++)
            put_nonce(o, s);
        out_end(o);
        out_end(o);
    }
    out_end(o);
    if (s->signature)
        out_tlv(o, 0xa0, "anything", 8);
    out_end(o);
}

static void test_request_turns(void **state)
{
    static const struct {
        struct request_spec s;
        int err;
    } cases[] = {
        {{.ids = 1, .nonce = -1}, 0},
        {{.ids = 16, .nonce = -1}, 0},
        {{.ids = 17, .nonce = -1}, DBR_ERR_LIMIT},
        {{.ids = 0, .nonce = -1}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = -1, .version = "\2\1\0"}, 0},
        {{.ids = 1, .nonce = -1, .version = "\2\1\1"}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = 1}, 0},
        {{.ids = 1, .nonce = 128}, 0},
        {{.ids = 1, .nonce = 129}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = 0}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = 8, .bare_nonce = true}, 0},
        {{.ids = 1, .nonce = 0, .bare_nonce = true}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = 130, .bare_nonce = true}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = 8, .two_nonces = true}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = -1, .single_extension = true}, 0},
        {{.ids = 1, .nonce = -1, .single_extension = true, .single_critical = true}, DBR_ERR_SHAPE},
        {{.ids = 1, .nonce = -1, .name = true}, 0},
        {{.ids = 1, .nonce = -1, .signature = true}, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct out o = {0};
        struct dbr_ocsp_request q;
        make_request(&o, &cases[i].s);
        int err = dbr_ocsp_request_parse(&q, o.p, o.n);
        if (err != cases[i].err ||
            (!err && (q.n != (size_t)cases[i].s.ids ||
                      q.nonce_len != (size_t)(cases[i].s.nonce < 0 ? 0 : cases[i].s.nonce))))
            fail_msg("case %zu: %s", i, dbr_err_name(err));
        out_free(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_revocation_details),
        cmocka_unit_test(test_each_byte_is_bound),
        cmocka_unit_test(test_revoked_signer),
        cmocka_unit_test(test_both_sides),
        cmocka_unit_test(test_kept_answers),
        cmocka_unit_test(test_kept_ids),
        cmocka_unit_test(test_doubled_serial),
        cmocka_unit_test(test_signers_refused),
        cmocka_unit_test(test_signer_told),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_request_turns),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
