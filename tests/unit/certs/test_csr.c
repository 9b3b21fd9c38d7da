/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests from anybody (C49): what is read at all, and what each profile refuses to be asked for. And the
 * PEM blocks around them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/err.h"
#include "certs/ca.h"
#include "certs/csr.h"
#include "certs/pem.h"
#include "fixtures.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- requests ---- */

struct asked {
    int nid;
    const char *value;
};

struct spec {
    const char *key;   /* make_key */
    const char *cn[2]; /* NULL: none */
    struct asked ext[3];
    bool forged; /* signed by another key */
};

static void add_extensions(X509_REQ *req, const struct spec *s)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, NULL, NULL, req, NULL, 0);
    for (size_t i = 0; i < COUNT(s->ext) && s->ext[i].value; i++) {
        X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, s->ext[i].nid, s->ext[i].value);
        assert_non_null(e);
        sk_X509_EXTENSION_push(list, e);
    }
    if (sk_X509_EXTENSION_num(list))
        assert_int_equal(X509_REQ_add_extensions(req, list), 1);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* DER on the heap. */
static uint8_t *make_request(const struct spec *s, size_t *len)
{
    EVP_PKEY *key = make_key(s->key ? s->key : "P-256"), *other = make_key("P-256");
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_REQ_get_subject_name(req);
    uint8_t *der = NULL;
    for (size_t i = 0; i < COUNT(s->cn) && s->cn[i]; i++)
        X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, (const uint8_t *)s->cn[i], -1, -1, 0);
    X509_REQ_set_pubkey(req, key);
    add_extensions(req, s);
    bool ed = s->key && strcmp(s->key, "ed25519") == 0;
    assert_true(X509_REQ_sign(req, s->forged ? other : key, ed ? NULL : EVP_sha256()) > 0);
    int n = i2d_X509_REQ(req, &der);
    assert_true(n > 0);
    *len = (size_t)n;
    uint8_t *copy = malloc(*len + 1);
    memcpy(copy, der, *len);
    copy[*len] = 0;
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return copy;
}

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

static void test_names_and_keys(void **state)
{
    static const struct {
        struct spec s;
        int err;
        const char *cn, *why;
    } cases[] = {
        {{.cn = {"alice"}}, 0, "alice", ""},
        {{.cn = {0}}, 0, "", ""},
        {{.cn = {LONG64}}, 0, LONG64, ""},
        {{.cn = {"caf\xc3\xa9"}}, 0, "caf\xc3\xa9", ""},
        {{.cn = {"alice", "root"}}, DBR_ERR_CERT, NULL, "two commonNames"},
        {{.cn = {"alice"}, .forged = true}, DBR_ERR_CERT, NULL, "not signed with its own key"},
        {{.key = "rsa", .cn = {"alice"}}, 0, "alice", ""},
        {{.key = "ed25519", .cn = {"alice"}}, 0, "alice", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_csr csr;
        char why[200] = "";
        size_t n;
        uint8_t *der = make_request(&cases[i].s, &n);
        int err = dbr_csr_parse(&csr, der, n, why, sizeof why);
        if (err != cases[i].err || !strstr(why, cases[i].why) || (!err && strcmp(csr.cn, cases[i].cn) != 0))
            fail_msg("case %zu: %d \"%s\"", i, err, why);
        if (!err) {
            assert_int_equal(csr.der_len, n);
            assert_memory_equal(csr.der, der, n);
        }
        dbr_csr_free(&csr);
        free(der);
    }
}

static void expect_read(const void *bytes, size_t n, int err, const char *says)
{
    struct dbr_csr csr;
    char why[200] = "";
    int got = dbr_csr_parse(&csr, bytes, n, why, sizeof why);
    if (got != err || !strstr(why, says))
        fail_msg("%d \"%s\", not %d \"%s\"", got, why, err, says);
    dbr_csr_free(&csr);
}

/* What a file may be: DER, PEM with either label, and nothing else. */
static void test_files(void **state)
{
    const struct spec s = {.cn = {"alice"}};
    size_t n, pn, on;
    uint8_t *der = make_request(&s, &n);
    uint8_t *pem = to_pem("CERTIFICATE REQUEST", der, n, &pn),
            *old = to_pem("NEW CERTIFICATE REQUEST", der, n, &on);
    uint8_t *two = malloc(2 * pn), *long_one = calloc(1, DBR_CSR_MAX + 1);
    (void)state;
    expect_read(pem, pn, 0, "");
    expect_read(old, on, 0, "");
    memcpy(two, pem, pn);
    memcpy(two + pn, pem, pn);
    expect_read(two, 2 * pn, DBR_ERR_LIMIT, "more than one request");
    memcpy(long_one, pem, pn);
    expect_read(long_one, DBR_CSR_MAX + 1, DBR_ERR_LIMIT, "more than");
    expect_read(long_one, DBR_CSR_MAX, 0, "");
    expect_read(der, n + 1, DBR_ERR_SHAPE, "not a certificate request");
    for (size_t cut = 0; cut < n; cut += 1 + n / 50)
        expect_read(der, cut, DBR_ERR_SHAPE, "not a certificate request");
    expect_read("-----BEGIN CERTIFICATE REQUEST-----\n", 36, DBR_ERR_SHAPE, "not a certificate request");
    expect_read("", 0, DBR_ERR_SHAPE, "not a certificate request");
    free(der);
    free(pem);
    free(old);
    free(two);
    free(long_one);
}

/* A key that we do not sign. */
static void test_odd_key(void **state)
{
    size_t n;
    const struct spec s = {.key = "secp256k1", .cn = {"alice"}};
    uint8_t *der = make_request(&s, &n);
    (void)state;
    expect_read(der, n, DBR_ERR_CERT, "its key is of a kind we do not sign");
    free(der);
}

static void test_asks(void **state)
{
#define CLIENT DBR_PROFILE_CLIENT
#define SERVER DBR_PROFILE_SERVER
    static const struct {
        struct asked ext[3];
        enum dbr_profile_id profile;
        const char *san, *why; /* why "": it may */
    } cases[] = {
        {{{0}}, CLIENT, NULL, ""},
        {{{NID_basic_constraints, "CA:FALSE"}}, CLIENT, NULL, ""},
        {{{NID_basic_constraints, "CA:TRUE"}}, CLIENT, NULL, "asks to be a CA"},
        {{{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"}}, DBR_PROFILE_OCSP, NULL, "asks to be a CA"},
        {{{NID_basic_constraints, "CA:TRUE"}}, DBR_PROFILE_SUB_CA, NULL, ""},
        {{{NID_key_usage, "digitalSignature,keyEncipherment"}}, CLIENT, NULL, ""},
        {{{NID_key_usage, "keyCertSign"}}, CLIENT, NULL, "keyUsage of CAs"},
        {{{NID_key_usage, "digitalSignature,cRLSign"}}, SERVER, NULL, "keyUsage of CAs"},
        {{{NID_key_usage, "keyCertSign,cRLSign"}}, DBR_PROFILE_SUB_CA, NULL, ""},
        {{{NID_ext_key_usage, "clientAuth"}}, CLIENT, NULL, ""},
        {{{NID_ext_key_usage, "serverAuth"}}, CLIENT, NULL, "extendedKeyUsage"},
        {{{NID_ext_key_usage, "clientAuth"}}, SERVER, NULL, "extendedKeyUsage"},
        {{{NID_ext_key_usage, "clientAuth,serverAuth"}}, DBR_PROFILE_SITE, NULL, ""},
        {{{NID_ext_key_usage, "clientAuth,OCSPSigning"}}, DBR_PROFILE_SITE, NULL, "extendedKeyUsage"},
        {{{NID_ext_key_usage, "clientAuth"}}, DBR_PROFILE_SUB_CA, NULL, "extendedKeyUsage"},
        {{{NID_subject_alt_name, "DNS:a.example"}}, SERVER, NULL, "alternative names"},
        {{{NID_subject_alt_name, "DNS:a.example"}}, SERVER, "DNS:a.example,DNS:b.example", ""},
        {{{NID_subject_alt_name, "DNS:a.example,DNS:c.example"}},
         SERVER,
         "DNS:a.example",
         "alternative names"},
        {{{NID_subject_alt_name, "IP:192.0.2.1"}}, SERVER, "IP:192.0.2.1", ""},
        {{{NID_subject_alt_name, "IP:192.0.2.1"}}, SERVER, "DNS:192.0.2.1", "alternative names"},
        {{{NID_netscape_comment, "hello"}}, CLIENT, NULL, ""},
        {{{NID_netscape_cert_type, "server"}}, CLIENT, NULL, ""},
        {{{NID_name_constraints, "permitted;DNS:a"}},
         CLIENT,
         NULL,
         "an extension that we do not give (X509v3 Name"},
        {{{NID_basic_constraints, "CA:FALSE"}, {NID_crl_distribution_points, "URI:http://x/"}},
         CLIENT,
         NULL,
         "an extension that we do not give"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spec s = {.cn = {"alice"}};
        struct dbr_csr csr;
        char why[200] = "";
        size_t n;
        memcpy(s.ext, cases[i].ext, sizeof s.ext);
        uint8_t *der = make_request(&s, &n);
        assert_int_equal(dbr_csr_parse(&csr, der, n, why, sizeof why), 0);
        int err = dbr_csr_within(&csr, dbr_profile(cases[i].profile), cases[i].san, why, sizeof why);
        if (err != (*cases[i].why ? DBR_ERR_CERT : 0) || !strstr(why, cases[i].why))
            fail_msg("case %zu: %d \"%s\"", i, err, why);
        dbr_csr_free(&csr);
        free(der);
    }
}

/* An extension whose bytes are not what its name promises is refused as if it asked for everything. */
static void test_asks_nonsense(void **state)
{
    static const int nids[] = {NID_basic_constraints, NID_key_usage, NID_ext_key_usage, NID_subject_alt_name};
    (void)state;
    for (size_t i = 0; i < COUNT(nids); i++) {
        struct spec s = {.cn = {"alice"}, .ext = {{nids[i], "DER:0500"}}};
        struct dbr_csr csr;
        char why[200] = "";
        size_t n;
        uint8_t *der = make_request(&s, &n);
        assert_int_equal(dbr_csr_parse(&csr, der, n, why, sizeof why), 0);
        assert_int_equal(dbr_csr_within(&csr, dbr_profile(CLIENT), "DNS:a", why, sizeof why), DBR_ERR_CERT);
        dbr_csr_free(&csr);
        free(der);
    }
}

/* ---- PEM ---- */

struct seen {
    unsigned n;
    size_t bytes;
    int answer;
};

static int see(void *arg, const uint8_t *der, size_t len)
{
    struct seen *s = arg;
    assert_true(der && len);
    s->n++;
    s->bytes += len;
    return s->answer;
}

static void test_pem(void **state)
{
#define BEGIN "-----BEGIN X-----"
#define END   "-----END X-----"
    static const struct {
        const char *text;
        int answer, err;
        unsigned n;
        size_t bytes;
    } cases[] = {
        {"", 0, 0, 0, 0},
        {"text without a block\n", 0, 0, 0, 0},
        {BEGIN "\nAAEC\n" END "\n", 0, 0, 1, 3},
        {BEGIN "\r\nAAECAw==\r\n" END, 0, 0, 1, 4},
        {"before " BEGIN "\nAAEC\n" END " between " BEGIN "\nAA==\n" END " after", 0, 0, 2, 4},
        {"-----BEGIN Y-----\n!\n-----END Y-----\n" BEGIN "\nAAEC\n" END, 0, 0, 1, 3},
        {BEGIN "\nAAEC\n", 0, DBR_ERR_SHAPE, 0, 0},
        {BEGIN "\nAAEC\n-----END Y-----\n", 0, DBR_ERR_SHAPE, 0, 0},
        {BEGIN "\n" END, 0, DBR_ERR_SHAPE, 0, 0},
        {BEGIN "\n!!!!\n" END, 0, DBR_ERR_SHAPE, 0, 0},
        {BEGIN "\nAAE\n" END, 0, DBR_ERR_SHAPE, 0, 0},
        {BEGIN "\nAAEC\n" END BEGIN "\n!\n" END, 0, DBR_ERR_SHAPE, 1, 3},
        {BEGIN "\nAAEC\n" END BEGIN "\nAAEC\n" END, DBR_ERR_LIMIT, DBR_ERR_LIMIT, 1, 3},
        {BEGIN "\n" BEGIN "\nAAEC\n" END, 0, DBR_ERR_SHAPE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen s = {.answer = cases[i].answer};
        int err = dbr_pem_each(cases[i].text, strlen(cases[i].text), "X", see, &s);
        if (err != cases[i].err || s.n != cases[i].n || s.bytes != cases[i].bytes)
            fail_msg("case %zu: %d, %u blocks, %zu bytes", i, err, s.n, s.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_keys), cmocka_unit_test(test_files),
        cmocka_unit_test(test_odd_key),        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_asks_nonsense),  cmocka_unit_test(test_pem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
