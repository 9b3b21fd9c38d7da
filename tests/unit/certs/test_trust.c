/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The set of CRLs in force: verdicts for every policy and moment, rollback also after a restart (C52), swaps
 * under readers (C50).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "certs/trust.h"
#include "fixtures.h"

#define NOW 1800000000LL
enum { LIFE = 86400 };

static EVP_PKEY *keys[2];
static struct dbr_issuers *issuers[2];
static uint8_t name_ca[64], name_sub[64], name_ca_printable[64];
static size_t name_ca_len, name_sub_len, name_ca_printable_len;

static size_t name_der(const char *cn, int type, uint8_t out[64])
{
    X509_NAME *n = X509_NAME_new();
    uint8_t *p = out;
    X509_NAME_add_entry_by_txt(n, "CN", type, (const uint8_t *)cn, -1, -1, 0);
    int len = i2d_X509_NAME(n, &p);
    X509_NAME_free(n);
    return (size_t)len;
}

static int setup(void **state)
{
    static const char *names[] = {"ca", "sub"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t n;
        keys[i] = make_key("rsa");
        X509 *c = make_ca(keys[i], names[i], 0);
        uint8_t *der = cert_der(c, &n);
        assert_int_equal(dbr_issuers_parse(&issuers[i], der, n, NULL, 0), 0);
        free(der);
        X509_free(c);
    }
    name_ca_len = name_der("ca", MBSTRING_UTF8, name_ca);
    name_sub_len = name_der("sub", MBSTRING_UTF8, name_sub);
    name_ca_printable_len = name_der("CA", V_ASN1_PRINTABLESTRING, name_ca_printable);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_free(keys[i]);
        dbr_issuers_free(issuers[i]);
    }
    return 0;
}

/* A list of CA `which`: serials 5, 6, 7 revoked, valid NOW .. NOW + LIFE. */
static struct dbr_crl *list(int which, const char *number, int64_t at)
{
    struct crl_spec s = {.key = keys[which],
                         .cn = which ? "sub" : "ca",
                         .this_update = at,
                         .next_update = at + LIFE,
                         .number = number,
                         .entries = 3,
                         .first_serial = 5,
                         .entry_ext = 21,
                         .reason = 1};
    struct dbr_crl *c;
    char why[256] = "";
    size_t n;
    uint8_t *der = make_crl(&s, &n);
    int err = dbr_crl_parse(&c, issuers[which], der, n, at, why, sizeof why);
    if (err)
        fail_msg("%s", why);
    free(der);
    return c;
}

static int offer(struct dbr_trust *t, int which, const char *number, int64_t at)
{
    struct dbr_crl *c = list(which, number, at);
    int err = dbr_trust_accept(t, c, NULL, 0);
    dbr_crl_free(c);
    return err;
}

static void test_verdicts(void **state)
{
    static const struct {
        enum dbr_stale stale;
        int64_t grace, at;
        const char *serial;
        size_t len;
        enum dbr_verdict verdict;
    } cases[] = {
        {DBR_STALE_REFUSE, 0, NOW, "\4", 1, DBR_VERDICT_OK},
        {DBR_STALE_REFUSE, 0, NOW, "\5", 1, DBR_VERDICT_REVOKED},
        {DBR_STALE_REFUSE, 0, NOW, "\0\5", 2, DBR_VERDICT_REVOKED},
        {DBR_STALE_REFUSE, 0, NOW, "", 0, DBR_VERDICT_BAD_SERIAL},
        {DBR_STALE_REFUSE, 0, NOW, "\0", 1, DBR_VERDICT_BAD_SERIAL},
        {DBR_STALE_REFUSE, 0, NOW, "aaaaaaaaaaaaaaaaaaaaa", 21, DBR_VERDICT_BAD_SERIAL},
        {DBR_STALE_REFUSE, 0, NOW + LIFE - 1, "\4", 1, DBR_VERDICT_OK},
        {DBR_STALE_REFUSE, 0, NOW + LIFE, "\4", 1, DBR_VERDICT_STALE},
        {DBR_STALE_REFUSE, 0, NOW + LIFE, "\5", 1, DBR_VERDICT_REVOKED},
        {DBR_STALE_REFUSE, 0, NOW - DBR_CRL_SKEW_S, "\4", 1, DBR_VERDICT_OK},
        {DBR_STALE_REFUSE, 0, NOW - DBR_CRL_SKEW_S - 1, "\4", 1, DBR_VERDICT_NOT_YET},
        {DBR_STALE_REFUSE, 0, NOW - DBR_CRL_SKEW_S - 1, "\5", 1, DBR_VERDICT_REVOKED},
        {DBR_STALE_GRACE, 60, NOW + LIFE, "\4", 1, DBR_VERDICT_OK_STALE},
        {DBR_STALE_GRACE, 60, NOW + LIFE + 59, "\4", 1, DBR_VERDICT_OK_STALE},
        {DBR_STALE_GRACE, 60, NOW + LIFE + 60, "\4", 1, DBR_VERDICT_STALE},
        {DBR_STALE_GRACE, 60, NOW + LIFE + 1, "\6", 1, DBR_VERDICT_REVOKED},
        {DBR_STALE_GRACE, 60, NOW, "\4", 1, DBR_VERDICT_OK},
        {DBR_STALE_KEEP, 0, NOW + 100 * LIFE, "\4", 1, DBR_VERDICT_OK_STALE},
        {DBR_STALE_KEEP, 0, NOW + 100 * LIFE, "\7", 1, DBR_VERDICT_REVOKED},
    };
    struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0);
    (void)state;
    assert_int_equal(dbr_trust_check(t, name_ca, name_ca_len, "\4", 1, NOW, NULL), DBR_VERDICT_NO_CRL);
    assert_int_equal(offer(t, 0, "01", NOW), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dbr_trust_policy(t, cases[i].stale, cases[i].grace);
        enum dbr_verdict v =
            dbr_trust_check(t, name_ca, name_ca_len, cases[i].serial, cases[i].len, cases[i].at, NULL);
        if (v != cases[i].verdict)
            fail_msg("case %zu: %s", i, dbr_verdict_text(v));
    }
    dbr_trust_free(t);
}

static void test_good_verdicts_are_two(void **state)
{
    (void)state;
    for (int v = DBR_VERDICT_OK; v <= DBR_VERDICT_BAD_SERIAL; v++)
        assert_int_equal(!!dbr_verdict_good(v), v == DBR_VERDICT_OK || v == DBR_VERDICT_OK_STALE);
}

static void test_issuers_apart(void **state)
{
    struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0);
    struct dbr_crl_entry e = {0};
    struct dbr_crl *v[DBR_CRL_MAX_LISTS];
    int64_t next;
    (void)state;
    assert_int_equal(dbr_trust_life_percent(t, NOW, &next), 100);
    assert_int_equal(offer(t, 1, "01", NOW), 0);
    assert_int_equal(dbr_trust_check(t, name_ca, name_ca_len, "\5", 1, NOW, NULL), DBR_VERDICT_NO_CRL);
    assert_int_equal(dbr_trust_check(t, name_sub, name_sub_len, "\5", 1, NOW, &e), DBR_VERDICT_REVOKED);
    assert_int_equal(e.reason, 1);
    assert_int_equal(offer(t, 0, "01", NOW + LIFE / 2), 0);
    /* The same name in another string type and case (RFC 5280, 7.1). */
    assert_int_equal(
        dbr_trust_check(t, name_ca_printable, name_ca_printable_len, "\5", 1, NOW + LIFE / 2, NULL),
        DBR_VERDICT_REVOKED);
    assert_int_equal(dbr_trust_life_percent(t, NOW + LIFE / 2, &next), 50);
    assert_int_equal(next, NOW + LIFE);
    assert_int_equal(dbr_trust_lists(t, v), 2);
    dbr_crl_free(v[0]);
    dbr_crl_free(v[1]);
    assert_int_equal(dbr_trust_retain(t, issuers[0]), 0);
    assert_int_equal(dbr_trust_check(t, name_sub, name_sub_len, "\5", 1, NOW, NULL), DBR_VERDICT_NO_CRL);
    assert_int_equal(dbr_trust_check(t, name_ca, name_ca_len, "\5", 1, NOW, NULL), DBR_VERDICT_REVOKED);
    dbr_trust_free(t);
}

static void test_rollback(void **state)
{
    struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0), *u;
    char text[16384];
    (void)state;
    assert_int_equal(offer(t, 0, "0A", NOW), 0);
    assert_int_equal(offer(t, 0, "0A", NOW), DBR_ERR_EXISTS);
    assert_int_equal(offer(t, 0, "0A", NOW + 1), DBR_ERR_CERT);
    assert_int_equal(offer(t, 0, "09", NOW + 1), DBR_ERR_REPLAY);
    assert_int_equal(offer(t, 0, NULL, NOW + 1), DBR_ERR_REPLAY);
    assert_int_equal(offer(t, 0, "0B", NOW - 1), DBR_ERR_REPLAY);
    int n = dbr_trust_state_write(t, text, sizeof text);
    assert_true(n > 0);
    /* A restart: nothing is in force, the number is remembered, the same list may come back. */
    u = dbr_trust_new(DBR_STALE_REFUSE, 0);
    assert_int_equal(dbr_trust_state_load(u, text, (size_t)n), 0);
    assert_int_equal(offer(u, 0, "09", NOW + 1), DBR_ERR_REPLAY);
    assert_int_equal(offer(u, 0, "0A", NOW + 1), DBR_ERR_CERT);
    assert_int_equal(offer(u, 0, NULL, NOW + 1), DBR_ERR_REPLAY);
    assert_int_equal(offer(u, 0, "0B", NOW - 1), DBR_ERR_REPLAY);
    assert_int_equal(dbr_trust_check(u, name_ca, name_ca_len, "\4", 1, NOW, NULL), DBR_VERDICT_NO_CRL);
    assert_int_equal(offer(u, 1, "01", NOW), 0);
    assert_int_equal(offer(u, 0, "0A", NOW), 0);
    assert_int_equal(offer(u, 0, "0B", NOW), 0);
    dbr_trust_free(t);
    dbr_trust_free(u);
}

static void test_memory_without_number(void **state)
{
    struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0), *u = dbr_trust_new(DBR_STALE_REFUSE, 0);
    char text[16384];
    (void)state;
    assert_int_equal(offer(t, 0, NULL, NOW), 0);
    int n = dbr_trust_state_write(t, text, sizeof text);
    assert_int_equal(dbr_trust_state_write(t, text, 20), DBR_ERR_SPACE);
    n = dbr_trust_state_write(t, text, sizeof text);
    assert_int_equal(dbr_trust_state_load(u, text, (size_t)n), 0);
    assert_int_equal(offer(u, 0, NULL, NOW - 1), DBR_ERR_REPLAY);
    assert_int_equal(offer(u, 0, NULL, NOW), 0);
    assert_int_equal(offer(u, 0, NULL, NOW + 1), 0);
    dbr_trust_free(t);
    dbr_trust_free(u);
}

static void test_state_text(void **state)
{
#define K "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
#define N "000000000000000000000000000000000000000A"
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"", 0},
        {K " " N " 1800000000 " K "\n", 0},
        {K " - 1800000000 " K "\n", 0},
        {K " " N " 1800000000 " K "\n" K " " N " 1800000001 " K "\n", 0},
        {K " " N " 1800000000 " K, DBR_ERR_SHAPE},
        {K " " N " 1800000000 " K " \n", DBR_ERR_SHAPE},
        {K " 0A 1800000000 " K "\n", DBR_ERR_SHAPE},
        {"00" K " " N " 1 " K "\n", DBR_ERR_SHAPE},
        {"0011 " N " 1 " K "\n", DBR_ERR_SHAPE},
        {K " " N " 1 0011\n", DBR_ERR_SHAPE},
        {K " " N " x " K "\n", DBR_ERR_SHAPE},
        {"\n", DBR_ERR_SHAPE},
        {"garbage\n", DBR_ERR_SHAPE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_trust *t = dbr_trust_new(DBR_STALE_REFUSE, 0);
        int err = dbr_trust_state_load(t, cases[i].text, strlen(cases[i].text));
        if (err != cases[i].err)
            fail_msg("case %zu: %s", i, dbr_err_name(err));
        dbr_trust_free(t);
    }
}

/* --- swaps under readers
 * -------------------------------------------------------------------------------------- */

struct readers {
    struct dbr_trust *trust;
    atomic_bool stop;
    atomic_int wrong;
};

static void *read_all_the_time(void *arg)
{
    struct readers *r = arg;
    while (!atomic_load(&r->stop)) {
        struct dbr_crl_entry e;
        if (dbr_trust_check(r->trust, name_ca, name_ca_len, "\5", 1, NOW, &e) != DBR_VERDICT_REVOKED ||
            dbr_trust_check(r->trust, name_ca, name_ca_len, "\4", 1, NOW, NULL) != DBR_VERDICT_OK)
            atomic_fetch_add(&r->wrong, 1);
    }
    return NULL;
}

static void test_swap_under_readers(void **state)
{
    struct readers r = {.trust = dbr_trust_new(DBR_STALE_REFUSE, 0)};
    struct dbr_crl *lists[100];
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 100; i++) {
        char number[8];
        snprintf(number, sizeof number, "%02X", i + 1);
        lists[i] = list(0, number, NOW);
    }
    assert_int_equal(dbr_trust_accept(r.trust, lists[0], NULL, 0), 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_all_the_time, &r);
    for (int i = 1; i < 100; i++)
        assert_int_equal(dbr_trust_accept(r.trust, lists[i], NULL, 0), 0);
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&r.wrong), 0);
    for (int i = 0; i < 100; i++)
        dbr_crl_free(lists[i]);
    dbr_trust_free(r.trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_good_verdicts_are_two),
        cmocka_unit_test(test_issuers_apart),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_memory_without_number),
        cmocka_unit_test(test_state_text),
        cmocka_unit_test(test_swap_under_readers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
