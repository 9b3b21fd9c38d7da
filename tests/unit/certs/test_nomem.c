/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Our own n-th allocation fails, for each n, in every parser: an error and nothing else, nothing kept (the
 * sanitizer looks), and what was there before is as it was. The calls go through the test (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/cadb.h"
#include "certs/crl.h"
#include "certs/csr.h"
#include "certs/issuers.h"
#include "certs/ocsp.h"
#include "certs/pem.h"
#include "certs/trust.h"
#include "fixtures.h"

#define NOW 1800000000LL

/* ---- the allocator ---- */

static unsigned long calls, fail_at; /* 0: never */

void *__real_malloc(size_t n);
void *__real_calloc(size_t k, size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strndup(const char *s, size_t n);
EVP_ENCODE_CTX *__real_EVP_ENCODE_CTX_new(void);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t k, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strndup(const char *s, size_t n);
EVP_ENCODE_CTX *__wrap_EVP_ENCODE_CTX_new(void);

static bool now_it_fails(void)
{
    return ++calls == fail_at;
}

void *__wrap_malloc(size_t n)
{
    return now_it_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t k, size_t n)
{
    return now_it_fails() ? NULL : __real_calloc(k, n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return now_it_fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strndup(const char *s, size_t n)
{
    return now_it_fails() ? NULL : __real_strndup(s, n);
}

EVP_ENCODE_CTX *__wrap_EVP_ENCODE_CTX_new(void)
{
    return now_it_fails() ? NULL : __real_EVP_ENCODE_CTX_new();
}

/* ---- the cases ---- */

static EVP_PKEY *key;
static X509 *ca;
static uint8_t *ca_pem, *crl_der, *crl_pem, *signer_pem, request[512];
static size_t ca_len, crl_len, crl_pem_len, signer_len, request_len;
static struct dbr_issuers *issuers;
static struct dbr_crl *crls[DBR_CRL_MAX_LISTS];

#define LINES                                                                                                \
    "# c\nV\t270101000000Z\t\t01\tunknown\t/CN=a\nR\t270101000000Z\t260101000000Z\t02\tunknown\t/CN=b\n"

static int run_issuers(void)
{
    struct dbr_issuers *all = NULL;
    int err = dbr_issuers_parse(&all, ca_pem, ca_len, NULL, 0);
    dbr_issuers_free(all);
    return err;
}

static int run_crl(void)
{
    struct dbr_crl *lists[DBR_CRL_MAX_LISTS];
    size_t n = 0;
    int err = dbr_crl_parse_file(lists, &n, issuers, crl_pem, crl_pem_len, NOW, NULL, 0);
    for (size_t i = 0; i < n; i++)
        dbr_crl_free(lists[i]);
    return err;
}

static int run_trust(void)
{
    struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0);
    if (!t)
        return DBR_ERR_NOMEM;
    int err = dbr_trust_accept(t, crls[0], NULL, 0);
    char text[4096];
    int n = err ? err : dbr_trust_state_write(t, text, sizeof text);
    err = n < 0 ? n : dbr_trust_state_load(t, text, (size_t)n);
    dbr_trust_free(t);
    return err;
}

static int run_index(void)
{
    struct dbr_index *ix;
    struct dbr_serial s;
    size_t n;
    int err = dbr_index_parse(&ix, LINES, strlen(LINES), NULL, 0);
    if (err)
        return err;
    dbr_serial_parse(&s, "0A", 2);
    err = dbr_index_add(ix, &s, NOW, "unknown", "/CN=c");
    if (err)
        assert_int_equal(dbr_index_count(ix), 2);
    char *text = dbr_index_format(ix, &n);
    if (!text)
        err = DBR_ERR_NOMEM;
    free(text);
    dbr_index_free(ix);
    return err;
}

/* A look-up needs no memory; it is only slower without. */
static int run_index_often(void)
{
    struct dbr_index *ix;
    struct dbr_serial s;
    int err = dbr_index_parse(&ix, LINES, strlen(LINES), NULL, 0);
    if (err)
        return err;
    dbr_serial_parse(&s, "02", 2);
    for (int i = 0; i < 100; i++)
        assert_int_equal(dbr_index_find(ix, &s), 1);
    dbr_serial_parse(&s, "03", 2);
    assert_int_equal(dbr_index_find(ix, &s), -1);
    dbr_index_free(ix);
    return 0;
}

static int skip_block(void *arg, const uint8_t *der, size_t len)
{
    (void)arg, (void)der, (void)len;
    return 0;
}

static int run_pem(void)
{
    return dbr_pem_each(crl_pem, crl_pem_len, "X509 CRL", skip_block, NULL);
}

static int run_csr(void)
{
    struct dbr_csr csr;
    int err = dbr_csr_parse(&csr, request, request_len, NULL, 0);
    dbr_csr_free(&csr);
    return err;
}

static int run_responder(void)
{
    struct dbr_responder *r = NULL;
    struct dbr_index *ix = NULL;
    int err = dbr_responder_new(&r, ca_pem, ca_len, signer_pem, signer_len, key, 60, NULL, 0);
    if (!err)
        err = dbr_index_parse(&ix, LINES, strlen(LINES), NULL, 0);
    if (!err)
        err = dbr_responder_load(r, ix);
    dbr_index_free(ix);
    dbr_responder_free(r);
    return err;
}

static const struct {
    const char *name;
    int (*run)(void);
    unsigned forgiven; /* allocations that may be missing */
} cases[] = {
    {"issuers", run_issuers, 0}, {"crl", run_crl, 0},
    {"trust", run_trust, 0},     {"index", run_index, 0},
    {"pem", run_pem, 0},         {"index, many questions", run_index_often, 1},
    {"csr", run_csr, 0},         {"responder", run_responder, 0},
};

static void test_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned long n = 1, forgiven = 0;
        fail_at = 0;
        if (cases[i].run() != 0)
            fail_msg("%s fails with all the memory it wants", cases[i].name);
        for (;; n++) {
            calls = 0;
            fail_at = n;
            int err = cases[i].run();
            bool all = calls < n;
            fail_at = 0;
            if (all)
                break;
            forgiven += err == 0;
            if (err > 0)
                fail_msg("%s, allocation %lu: %d", cases[i].name, n, err);
        }
        if (n < 2 || forgiven != cases[i].forgiven)
            fail_msg("%s: %lu of %lu allocations were not missed", cases[i].name, forgiven, n - 1);
        assert_int_equal(cases[i].run(), 0);
    }
}

/* ---- fixtures ---- */

static void make_request(void)
{
    X509_REQ *req = X509_REQ_new();
    uint8_t *der = NULL;
    X509_REQ_set_pubkey(req, key);
    assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
    int n = i2d_X509_REQ(req, &der);
    assert_true(n > 0 && n <= (int)sizeof request);
    memcpy(request, der, (size_t)n);
    request_len = (size_t)n;
    OPENSSL_free(der);
    X509_REQ_free(req);
}

static void add_ext(X509 *c, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, ca, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(e);
    X509_add_ext(c, e, -1);
    X509_EXTENSION_free(e);
}

static void make_signer(void)
{
    X509 *c = X509_new();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 9);
    X509_set_issuer_name(c, X509_get_subject_name(ca));
    X509_set_subject_name(c, X509_get_subject_name(ca));
    ASN1_TIME_set(X509_getm_notBefore(c), NOW - 60);
    ASN1_TIME_set(X509_getm_notAfter(c), NOW + 3600);
    X509_set_pubkey(c, key);
    add_ext(c, NID_ext_key_usage, "OCSPSigning");
    add_ext(c, NID_id_pkix_OCSP_noCheck, "NULL");
    assert_true(X509_sign(c, key, EVP_sha256()) > 0);
    signer_pem = cert_pem(c, &signer_len);
    X509_free(c);
}

static int begin(void **state)
{
    (void)state;
    key = make_key("P-256");
    ca = make_ca(key, "Lab CA", 0);
    ca_pem = cert_pem(ca, &ca_len);
    make_signer();
    const struct crl_spec spec = {.key = key,
                                  .digest = "SHA256",
                                  .cn = "Lab CA",
                                  .this_update = NOW - 60,
                                  .next_update = NOW + 3600,
                                  .number = "07",
                                  .entries = 200,
                                  .first_serial = 0x1000};
    crl_der = make_crl(&spec, &crl_len);
    crl_pem = to_pem("X509 CRL", crl_der, crl_len, &crl_pem_len);
    make_request();
    assert_int_equal(dbr_issuers_parse(&issuers, ca_pem, ca_len, NULL, 0), 0);
    size_t n = 0;
    assert_int_equal(dbr_crl_parse_file(crls, &n, issuers, crl_der, crl_len, NOW, NULL, 0), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    dbr_crl_free(crls[0]);
    dbr_issuers_free(issuers);
    free(crl_der);
    free(crl_pem);
    free(ca_pem);
    free(signer_pem);
    X509_free(ca);
    EVP_PKEY_free(key);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each)};
    return cmocka_run_group_tests(tests, begin, end);
}
