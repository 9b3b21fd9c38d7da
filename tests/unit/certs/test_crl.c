/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * CRLs: a table of lists with one property turned at a time (C51), the rule of what is newer (C52), the
 * image, and a list of 1,000,000 entries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "certs/crl.h"
#include "fixtures.h"

#define NOW 1800000000LL

static EVP_PKEY *key, *other_key, *rsa;
static struct dbr_issuers *issuers, *no_crlsign, *rsa_issuer, *ed_issuer;
static EVP_PKEY *ed;

static struct dbr_issuers *issuer_of(EVP_PKEY *k, const char *cn, unsigned flags)
{
    struct dbr_issuers *i;
    char why[256] = "";
    size_t n;
    X509 *c = make_ca(k, cn, flags);
    uint8_t *pem = cert_pem(c, &n);
    int err = dbr_issuers_parse(&i, pem, n, why, sizeof why);
    if (err)
        fail_msg("%s", why);
    free(pem);
    X509_free(c);
    return i;
}

static int setup(void **state)
{
    (void)state;
    key = make_key("P-256");
    other_key = make_key("P-256");
    rsa = make_key("rsa");
    ed = make_key("ed25519");
    issuers = issuer_of(key, "ca", 0);
    no_crlsign = issuer_of(key, "ca", CA_NO_CRLSIGN);
    rsa_issuer = issuer_of(rsa, "ca", 0);
    ed_issuer = issuer_of(ed, "ca", 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dbr_issuers_free(issuers);
    dbr_issuers_free(no_crlsign);
    dbr_issuers_free(rsa_issuer);
    dbr_issuers_free(ed_issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);
    return 0;
}

static struct crl_spec good(void)
{
    return (struct crl_spec){
        .key = key, .cn = "ca", .this_update = NOW - 100, .next_update = NOW + 86400, .number = "0A"};
}

static int parse_with(const struct dbr_issuers *by, const struct crl_spec *s, struct dbr_crl **out, char *why)
{
    size_t n;
    uint8_t *der = make_crl(s, &n);
    int err = dbr_crl_parse(out, by, der, n, NOW, why, 256);
    free(der);
    return err;
}

static struct dbr_crl *must(const struct crl_spec *s)
{
    struct dbr_crl *c;
    char why[256] = "";
    int err = parse_with(issuers, s, &c, why);
    if (err)
        fail_msg("%s: %s", dbr_err_name(err), why);
    return c;
}

static void test_good(void **state)
{
    struct crl_spec s = good();
    struct dbr_crl_entry e;
    char text[256];
    size_t n;
    (void)state;
    s.entries = 300;
    s.first_serial = 0x7f; /* crosses one-byte and two-byte serials */
    s.descending = true;
    s.entry_ext = 21;
    s.reason = 6;
    struct dbr_crl *c = must(&s);
    assert_int_equal(dbr_crl_count(c), 300);
    assert_true(dbr_crl_lookup(c, "\x7f", 1, &e));
    assert_int_equal(e.reason, 6);
    assert_int_equal(e.date, NOW - 160);
    assert_true(dbr_crl_lookup(c, "\x00\x80", 2, NULL));
    assert_true(dbr_crl_lookup(c, "\x01\xaa", 2, NULL));
    assert_false(dbr_crl_lookup(c, "\x01\xab", 2, NULL));
    assert_false(dbr_crl_lookup(c, "\x7e", 1, NULL));
    assert_false(dbr_crl_lookup(c, "", 0, NULL));
    assert_false(dbr_crl_lookup(c, "aaaaaaaaaaaaaaaaaaaaa", 21, NULL));
    assert_memory_equal(dbr_crl_number(c, &n), "\x0a", 1);
    assert_int_equal(n, 1);
    assert_int_equal(dbr_crl_this_update(c), NOW - 100);
    assert_int_equal(dbr_crl_next_update(c), NOW + 86400);
    assert_non_null(strstr(dbr_crl_text(c, text, sizeof text), "crlNumber 0A, 300 revoked"));
    assert_int_equal(dbr_crl_life_percent(c, NOW - 100), 100);
    assert_int_equal(dbr_crl_life_percent(c, NOW - 1000), 100);
    assert_int_equal(dbr_crl_life_percent(c, NOW + 86400 - 43250), 50);
    assert_int_equal(dbr_crl_life_percent(c, NOW + 86400), 0);
    dbr_crl_free(c);
}

static uint8_t serial20[20] = {0x7f, 1, 2}, serial21[21] = {0, 0x80}, serial21_big[21] = {1};
static uint8_t akid_bad[20] = {1, 2, 3};

/* One row: what is turned, and the answer. */
struct turn {
    const char *what;
    int err;
    const char *says; /* part of the explanation */
    void (*turn)(struct crl_spec *s);
};

#define TURN(name, ...)                                                                                      \
    static void name(struct crl_spec *s)                                                                     \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }
TURN(nothing, (void)s)
TURN(wrong_key, s->key = other_key)
TURN(wrong_name, s->cn = "other ca")
TURN(two_algorithms, s->two_algorithms = true)
TURN(sha1, s->digest = "SHA1")
TURN(sha512, s->digest = "SHA512")
TURN(no_next, s->no_next = true)
TURN(next_is_this, s->next_update = s->this_update)
TURN(future, s->this_update = NOW + DBR_CRL_SKEW_S + 1)
TURN(near_future, s->this_update = NOW + DBR_CRL_SKEW_S)
TURN(expired, s->next_update = NOW - 50)
TURN(v1, s->v1 = true)
TURN(version_3, s->version_3 = true)
TURN(trailing, s->trailing = true)
TURN(trailing_tbs, s->trailing_tbs = true)
TURN(bad_bits, s->bad_bits = true)
TURN(delta, s->extra_ext[0] = -27)
TURN(delta_uncritical, s->extra_ext[0] = 27)
TURN(idp, s->extra_ext[0] = -28)
TURN(idp_uncritical, s->extra_ext[0] = 28)
TURN(unknown, s->extra_ext[0] = 99)
TURN(unknown_critical, s->extra_ext[0] = -99)
TURN(number_twice, s->extra_ext[0] = 20)
TURN(akid_other, s->akid = akid_bad; s->akid_len = 20)
TURN(long_number, s->number = "7F0102030405060708090A0B0C0D0E0F10111213")
TURN(longer_number, s->number = "7F0102030405060708090A0B0C0D0E0F1011121314")
TURN(no_number, s->number = NULL)
TURN(serial_20, s->odd_serial = serial20; s->odd_serial_len = 20)
TURN(serial_20_padded, s->odd_serial = serial21; s->odd_serial_len = 21)
TURN(serial_21, s->odd_serial = serial21_big; s->odd_serial_len = 21)
TURN(serial_negative, s->odd_serial = (const uint8_t *)"\x80"; s->odd_serial_len = 1)
TURN(serial_empty, s->odd_serial = (const uint8_t *)""; s->odd_serial_len = 0)
TURN(entry_critical, s->entries = 1; s->entry_ext = -99)
TURN(entry_unknown, s->entries = 1; s->entry_ext = 99)
TURN(entry_indirect, s->entries = 1; s->entry_ext = -29)
TURN(entry_indirect_uncritical, s->entries = 1; s->entry_ext = 29)
TURN(entry_remove, s->entries = 1; s->entry_ext = 21; s->reason = 8)
TURN(entry_reason_7, s->entries = 1; s->entry_ext = 21; s->reason = 7)
TURN(entry_reason_11, s->entries = 1; s->entry_ext = 21; s->reason = 11)
TURN(entry_reason_twice, s->entries = 1; s->entry_ext = 21; s->reason = 1; s->double_reason = true)
TURN(entry_reason_critical, s->entries = 1; s->entry_ext = -21; s->reason = 1)

static const struct turn turns[] = {
    {"nothing", 0, "", nothing},
    {"sha512", 0, "", sha512},
    {"this update within the skew", 0, "", near_future},
    {"expired", 0, "", expired},
    {"version 1", 0, "", v1},
    {"unknown extension", 0, "", unknown},
    {"unknown entry extension", 0, "", entry_unknown},
    {"20-byte number", 0, "", long_number},
    {"no number", 0, "", no_number},
    {"20-byte serial", 0, "", serial_20},
    {"20-byte serial with sign byte", 0, "", serial_20_padded},
    {"reason critical", 0, "", entry_reason_critical},
    {"other key", DBR_ERR_AUTH, "signature", wrong_key},
    {"other issuer", DBR_ERR_NOTFOUND, "issuer", wrong_name},
    {"algorithms differ", DBR_ERR_CERT, "algorithm", two_algorithms},
    {"sha1", DBR_ERR_CERT, "SHA-1", sha1},
    {"no nextUpdate", DBR_ERR_CERT, "nextUpdate", no_next},
    {"next = this", DBR_ERR_CERT, "not after", next_is_this},
    {"future", DBR_ERR_CERT, "clocks", future},
    {"version 3", DBR_ERR_SHAPE, "head", version_3},
    {"byte behind", DBR_ERR_SHAPE, "behind", trailing},
    {"field behind", DBR_ERR_SHAPE, "TBSCertList", trailing_tbs},
    {"unused bits", DBR_ERR_SHAPE, "signature", bad_bits},
    {"delta", DBR_ERR_CERT, "delta", delta},
    {"delta not critical", DBR_ERR_CERT, "delta", delta_uncritical},
    {"idp", DBR_ERR_CERT, "issuingDistributionPoint", idp},
    {"idp not critical", DBR_ERR_CERT, "issuingDistributionPoint", idp_uncritical},
    {"unknown critical", DBR_ERR_CERT, "critical", unknown_critical},
    {"number twice", DBR_ERR_CERT, "twice", number_twice},
    {"akid of another key", DBR_ERR_AUTH, "signature", akid_other},
    {"21-byte number", DBR_ERR_SHAPE, "crlNumber", longer_number},
    {"21-byte serial", DBR_ERR_SHAPE, "serial", serial_21},
    {"negative serial", DBR_ERR_SHAPE, "serial", serial_negative},
    {"empty serial", DBR_ERR_SHAPE, "serial", serial_empty},
    {"entry: critical", DBR_ERR_CERT, "critical", entry_critical},
    {"entry: indirect", DBR_ERR_CERT, "indirect", entry_indirect},
    {"entry: indirect, not critical", DBR_ERR_CERT, "indirect", entry_indirect_uncritical},
    {"entry: removeFromCRL", DBR_ERR_CERT, "removeFromCRL", entry_remove},
    {"entry: reason 7", DBR_ERR_SHAPE, "reason", entry_reason_7},
    {"entry: reason 11", DBR_ERR_SHAPE, "reason", entry_reason_11},
    {"entry: reason twice", DBR_ERR_CERT, "two reason", entry_reason_twice},
};

static void test_turns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        struct crl_spec s = good();
        struct dbr_crl *c;
        char why[256] = "";
        turns[i].turn(&s);
        int err = parse_with(issuers, &s, &c, why);
        if (err != turns[i].err || (err && !strstr(why, turns[i].says)) || (c == NULL) != (err != 0))
            fail_msg("%s: %s \"%s\"", turns[i].what, dbr_err_name(err), why);
        dbr_crl_free(c);
    }
}

static void test_key_usage_and_types(void **state)
{
    struct crl_spec s = good();
    struct dbr_crl *c;
    char why[256];
    (void)state;
    assert_int_equal(parse_with(no_crlsign, &s, &c, why), DBR_ERR_CERT);
    assert_non_null(strstr(why, "cRLSign"));
    s.key = rsa;
    assert_int_equal(parse_with(rsa_issuer, &s, &c, why), 0);
    dbr_crl_free(c);
    s.key = ed;
    assert_int_equal(parse_with(ed_issuer, &s, &c, why), 0);
    dbr_crl_free(c);
    assert_int_equal(parse_with(issuers, &s, &c, why), DBR_ERR_AUTH);
}

/* Every single byte of a list, changed: refused, or (outside what is signed there is nothing) never accepted.
 */
static void test_each_byte_is_bound(void **state)
{
    struct crl_spec s = good();
    struct dbr_crl *c;
    size_t n, accepted = 0;
    (void)state;
    s.key = rsa; /* an ECDSA signature can be written in two ways */
    s.entries = 2;
    uint8_t *der = make_crl(&s, &n);
    for (size_t i = 0; i < n; i++) {
        der[i] ^= 1;
        if (dbr_crl_parse(&c, rsa_issuer, der, n, NOW, NULL, 0) == 0) {
            accepted++;
            dbr_crl_free(c);
        }
        der[i] ^= 1;
    }
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(dbr_crl_parse(&c, rsa_issuer, der, i, NOW, NULL, 0), 0);
    free(der);
    assert_int_equal(accepted, 0);
}

static void test_newer(void **state)
{
    static const struct {
        const char *old, *fresh;
        int shift; /* of thisUpdate */
        int err;
        size_t entries; /* more in the fresh one */
    } cases[] = {
        {"0A", "0B", 1, 0},
        {"0A", "0B", 0, 0},
        {"FF", "0100", 1, 0},
        {"0A", "7F0102030405060708090A0B0C0D0E0F10111213", 1, 0},
        {"0A", "09", 1, DBR_ERR_REPLAY},
        {"0100", "FF", 1, DBR_ERR_REPLAY},
        {"0A", "0A", 1, DBR_ERR_CERT},
        {"0A", "0A", 0, DBR_ERR_EXISTS},
        {"0A", NULL, 1, DBR_ERR_REPLAY},
        {"0A", "0B", -1, DBR_ERR_REPLAY},
        {NULL, "01", 0, 0},
        {NULL, "01", -1, DBR_ERR_REPLAY},
        {NULL, NULL, 1, 0},
        {NULL, NULL, 0, DBR_ERR_EXISTS},
        {NULL, NULL, -1, DBR_ERR_REPLAY},
        {NULL, NULL, 0, DBR_ERR_REPLAY, 1},
        {"0A", "0A", 0, DBR_ERR_CERT, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crl_spec a = good(), b = good();
        char why[256] = "";
        a.key = b.key = rsa; /* the same bytes give the same signature */
        a.number = cases[i].old;
        b.number = cases[i].fresh;
        b.this_update += cases[i].shift;
        b.entries = cases[i].entries;
        struct dbr_crl *x, *y;
        assert_int_equal(parse_with(rsa_issuer, &a, &x, why), 0);
        assert_int_equal(parse_with(rsa_issuer, &b, &y, why), 0);
        int err = dbr_crl_newer(x, y, why, sizeof why);
        if (err != cases[i].err)
            fail_msg("case %zu: %s %s", i, dbr_err_name(err), why);
        dbr_crl_free(x);
        dbr_crl_free(y);
    }
}

static void test_files(void **state)
{
    struct crl_spec s = good();
    struct dbr_crl *v[DBR_CRL_MAX_LISTS];
    char why[256], big[64] = "";
    size_t n, pn, count;
    (void)state;
    uint8_t *der = make_crl(&s, &n), *pem = to_pem("X509 CRL", der, n, &pn), *twice = malloc(20 * pn + 1);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, der, n, NOW, why, sizeof why), 0);
    assert_int_equal(count, 1);
    dbr_crl_free(v[0]);
    for (size_t i = 0; i < 20; i++)
        memcpy(twice + i * pn, pem, pn);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, twice, 2 * pn, NOW, why, sizeof why), 0);
    assert_int_equal(count, 2);
    dbr_crl_free(v[0]);
    dbr_crl_free(v[1]);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, twice, 17 * pn, NOW, why, sizeof why),
                     DBR_ERR_LIMIT);
    assert_int_equal(count, 0);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, twice, 2 * pn - 9, NOW, why, sizeof why),
                     DBR_ERR_SHAPE);
    assert_int_equal(count, 0);
    assert_non_null(strstr(why, "PEM"));
    twice[pn + 60] = '!';
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, twice, 2 * pn, NOW, why, sizeof why),
                     DBR_ERR_SHAPE);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, "", 0, NOW, why, sizeof why), DBR_ERR_SHAPE);
    assert_int_equal(dbr_crl_parse_file(v, &count, issuers, "<html>404", 9, NOW, why, sizeof why),
                     DBR_ERR_SHAPE);
    assert_non_null(strstr(why, "no CRL"));
    assert_int_equal(
        dbr_crl_parse_file(v, &count, issuers, big, DBR_CRL_MAX_BYTES + 1u, NOW, why, sizeof why),
        DBR_ERR_LIMIT);
    free(der);
    free(pem);
    free(twice);
}

static void test_image(void **state)
{
    struct crl_spec s = good();
    size_t n;
    (void)state;
    s.entries = 5;
    s.first_serial = 100;
    struct dbr_crl *c = must(&s), *d;
    const uint8_t *image = dbr_crl_image(c, &n);
    uint8_t *copy = malloc(n);
    memcpy(copy, image, n);
    assert_int_equal(dbr_crl_from_image(&d, copy, n, NULL, NULL), 0);
    assert_true(dbr_crl_lookup(d, "\x68", 1, NULL));
    assert_false(dbr_crl_lookup(d, "\x69", 1, NULL));
    assert_int_equal(dbr_crl_newer(c, d, NULL, 0), DBR_ERR_EXISTS);
    dbr_crl_free(d);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(dbr_crl_from_image(&d, copy, i, NULL, NULL), DBR_ERR_SHAPE);
    /* Swap two serials: a list out of order would hide a revoked one. */
    for (size_t i = 0; i + 40 <= n; i++)
        if (memcmp(copy + i, dbr_crl_serial(c, 0, NULL), 40) == 0)
            copy[i + 19] = 102;
    assert_int_equal(dbr_crl_from_image(&d, copy, n, NULL, NULL), DBR_ERR_SHAPE);
    free(copy);
    dbr_crl_free(c);
}

/* Of this thread's work, whatever else runs. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_million(void **state)
{
    struct crl_spec s = good();
    size_t n, hits = 0, rounds = 400000;
    uint32_t seed = 1;
    (void)state;
    s.entries = 1000000;
    s.first_serial = 0x1000000000ull;
    uint8_t *der = make_crl(&s, &n);
    double t0 = seconds();
    struct dbr_crl *c;
    assert_int_equal(dbr_crl_parse(&c, issuers, der, n, NOW, NULL, 0), 0);
    double t1 = seconds();
    for (size_t i = 0; i < rounds; i++) {
        uint8_t b[5] = {0x10};
        seed = seed * 1664525 + 1013904223;
        uint32_t v = (uint32_t)((uint64_t)seed * 2000000 >> 32);
        b[1] = (uint8_t)(v >> 24), b[2] = (uint8_t)(v >> 16), b[3] = (uint8_t)(v >> 8), b[4] = (uint8_t)v;
        hits += dbr_crl_lookup(c, b, 5, NULL) == (v < 1000000);
    }
    double per = (seconds() - t1) / (double)rounds;
    print_message("1,000,000 entries: %zu bytes of DER verified in %.2f s, %.0f ns a lookup\n", n, t1 - t0,
                  per * 1e9);
    assert_int_equal(hits, rounds);
#ifndef DBR_SANITIZED
    assert_true(per < 2e-6);
#endif
    dbr_crl_free(c);
    free(der);
}

static void test_issuers(void **state)
{
    struct dbr_issuers *i;
    char why[256];
    size_t n, one;
    (void)state;
    X509 *c = make_ca(key, "ca", 0);
    uint8_t *der = cert_der(c, &n), *pem = cert_pem(c, &one), *many = malloc(65 * one);
    assert_int_equal(dbr_issuers_parse(&i, der, n, why, sizeof why), 0);
    dbr_issuers_free(i);
    assert_int_equal(dbr_issuers_parse(&i, der, n - 1, why, sizeof why), DBR_ERR_SHAPE);
    assert_int_equal(dbr_issuers_parse(&i, "", 0, why, sizeof why), DBR_ERR_SHAPE);
    for (size_t k = 0; k < 65; k++)
        memcpy(many + k * one, pem, one);
    assert_int_equal(dbr_issuers_parse(&i, many, 64 * one, why, sizeof why), 0);
    dbr_issuers_free(i);
    assert_int_equal(dbr_issuers_parse(&i, many, 65 * one, why, sizeof why), DBR_ERR_LIMIT);
    free(der);
    free(pem);
    free(many);
    X509_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_key_usage_and_types),
        cmocka_unit_test(test_each_byte_is_bound),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_million),
        cmocka_unit_test(test_issuers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
