/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * index.txt, serial numbers, the configuration, passphrases and names: tables of good and bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "certs/cadb.h"
#include "certs/caconf.h"
#include "certs/pass.h"
#include "certs/say.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_serial_text(void **state)
{
    static const struct {
        const char *in;
        bool ok;
        const char *out;
    } cases[] = {
        {"00", true, "00"},
        {"0", true, "00"},
        {"1", true, "01"},
        {"01\n", true, "01"},
        {"01\r\n", true, "01"},
        {"0abC", true, "0ABC"},
        {"00000001000", true, "1000"},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", true, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {"1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", false, ""},
        {"", false, ""},
        {"\n", false, ""},
        {"0x1", false, ""},
        {"1 ", false, ""},
        {"-1", false, ""},
        {"G", false, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_serial s;
        char text[DBR_SERIAL_TEXT];
        bool ok = dbr_serial_parse(&s, cases[i].in, strlen(cases[i].in));
        if (ok != cases[i].ok || (ok && strcmp(dbr_serial_text(&s, text), cases[i].out) != 0))
            fail_msg("case %zu: %s", i, cases[i].in);
    }
}

static void test_serial_next(void **state)
{
    static const struct {
        const char *in, *out; /* out NULL: there is none */
    } cases[] = {
        {"00", "01"},
        {"FF", "0100"},
        {"0FFF", "1000"},
        {"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE", "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", NULL},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_serial s, old;
        char text[DBR_SERIAL_TEXT];
        assert_true(dbr_serial_parse(&s, cases[i].in, strlen(cases[i].in)));
        old = s;
        assert_int_equal(dbr_serial_next(&s), cases[i].out != NULL);
        if (cases[i].out)
            assert_string_equal(dbr_serial_text(&s, text), cases[i].out);
        else
            assert_true(dbr_serial_equal(&s, &old));
    }
}

static void test_serial_bytes(void **state)
{
    struct dbr_serial s;
    size_t n;
    (void)state;
    assert_true(dbr_serial_set(&s, "\0\0\1\2", 4));
    assert_memory_equal(dbr_serial_bytes(&s, &n), "\1\2", 2);
    assert_int_equal(n, 2);
    assert_false(dbr_serial_zero(&s));
    assert_true(dbr_serial_set(&s, "\0", 1));
    assert_true(dbr_serial_zero(&s));
    dbr_serial_bytes(&s, &n);
    assert_int_equal(n, 0);
    assert_false(dbr_serial_set(&s, "123456789012345678901", 21));
    assert_true(dbr_serial_set(&s, "\00012345678901234567890", 21));
}

#define V "V\t270101000000Z\t\t01\tunknown\t/CN=a\n"

static void test_index_lines(void **state)
{
    static const struct {
        const char *text;
        int err;
        size_t count;
    } cases[] = {
        {"", 0, 0},
        {V, 0, 1},
        {V V, 0, 2}, /* doubles are verify's business: openssl reads them as well */
        {"V\t270101000000Z\t\t01\tunknown\t/CN=a", 0, 1},
        {"V\t20550101000000Z\t\t01\tunknown\t/CN=a\n", 0, 1},
        {"V\t270101000000Z\t\t01\tunknown\t/CN=a\r\n", 0, 1},
        {"# hello\n" V "# more\n", 0, 1},
        {"E\t070101000000Z\t\t0A\tunknown\t/CN=a\n", 0, 1},
        {"R\t270101000000Z\t260101000000Z\t0A\tunknown\t/CN=a\n", 0, 1},
        {"R\t270101000000Z\t260101000000Z,keyCompromise\t0A\tunknown\t/CN=a\n", 0, 1},
        {"R\t270101000000Z\t260101000000Z,keytime,20260101000000Z\t0A\tunknown\t/CN=a\n", 0, 1},
        {"R\t270101000000Z\t260101000000Z,holdInstruction,1.2.3\t0A\tunknown\t/CN=a\n", 0, 1},
        {"\n", DBR_ERR_SHAPE, 0},
        {V "\n", DBR_ERR_SHAPE, 0},
        {"X\t270101000000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"\t270101000000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"VV\t270101000000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t2701010000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t271301000000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t270101000000Z\t\t0G\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t270101000000Z\t\t\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t270101000000Z\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"V\t270101000000Z\t\t01\tunknown\t/CN=a\tmore\n", DBR_ERR_SHAPE, 0},
        {"R\t270101000000Z\t\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"R\t270101000000Z\t260101000000Z,noReason\t01\tunknown\t/CN=a\n", DBR_ERR_SHAPE, 0},
        {"R\t270101000000Z\t260101000000Z,aReasonThatIsMuchLongerThanAnyThereIs\t01\tunknown\t/CN=a\n",
         DBR_ERR_SHAPE, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dbr_index *ix;
        char why[128] = "";
        int err = dbr_index_parse(&ix, cases[i].text, strlen(cases[i].text), why, sizeof why);
        if (err != cases[i].err || (!err && dbr_index_count(ix) != cases[i].count) ||
            (err && !strstr(why, "line")))
            fail_msg("case %zu: %d %s", i, err, why);
        dbr_index_free(ix);
    }
    struct dbr_index *ix;
    static const char with_nul[] = "V\t270101000000Z\t\t01\0unknown\t/CN=a\n";
    assert_int_equal(dbr_index_parse(&ix, with_nul, sizeof with_nul - 1, NULL, 0), DBR_ERR_SHAPE);
}

static struct dbr_index *parse(const char *text)
{
    struct dbr_index *ix;
    assert_int_equal(dbr_index_parse(&ix, text, strlen(text), NULL, 0), 0);
    return ix;
}

static void expect_text(const struct dbr_index *ix, const char *text)
{
    size_t n;
    char *out = dbr_index_format(ix, &n);
    assert_string_equal(out, text);
    assert_int_equal(n, strlen(text));
    free(out);
}

static void test_index_changes(void **state)
{
    struct dbr_index *ix = parse("# odd spelling stays\nV\t270101000000Z\t\t1a\tunknown\t/CN=a\\\tb\n" V);
    struct dbr_serial s;
    (void)state;
    assert_string_equal(dbr_index_at(ix, 0)->subject, "/CN=a\tb");
    dbr_serial_parse(&s, "01", 2);
    assert_int_equal(dbr_index_add(ix, &s, 0, "f", "/CN=x"), DBR_ERR_EXISTS);
    dbr_serial_parse(&s, "02", 2);
    assert_int_equal(dbr_index_add(ix, &s, 2524608000, "unknown", "/CN=x\ty"), 0);
    assert_int_equal(dbr_index_find(ix, &s), 2);
    expect_text(ix, "# odd spelling stays\nV\t270101000000Z\t\t1a\tunknown\t/CN=a\\\tb\n" V
                    "V\t20500101000000Z\t\t02\tunknown\t/CN=x\\\ty\n");
    assert_int_equal(dbr_index_revoke(ix, 1, 1796000000, 6), 0);
    assert_int_equal(dbr_index_revoke(ix, 1, 1796000001, 6), DBR_ERR_STATE);
    assert_int_equal(dbr_index_revoke(ix, 1, 1796000001, 1),
                     0); /* a hold becomes final, and keeps its date */
    assert_int_equal(dbr_index_at(ix, 1)->revoked_at, 1796000000);
    assert_int_equal(dbr_index_revoke(ix, 1, 1796000001, 4), DBR_ERR_STATE);
    assert_int_equal(dbr_index_unhold(ix, 1), DBR_ERR_STATE);
    assert_int_equal(dbr_index_unhold(ix, 0), DBR_ERR_STATE);
    assert_int_equal(dbr_index_revoke(ix, 0, 1796000000, 6), 0);
    assert_int_equal(dbr_index_unhold(ix, 0), 0);
    assert_int_equal(dbr_index_revoke(ix, 2, 1796000000, 0), 0);
    expect_text(ix, "# odd spelling stays\nV\t270101000000Z\t\t1A\tunknown\t/CN=a\\\tb\n"
                    "R\t270101000000Z\t261130005320Z,keyCompromise\t01\tunknown\t/CN=a\n"
                    "R\t20500101000000Z\t261130005320Z\t02\tunknown\t/CN=x\\\ty\n");
    dbr_index_free(ix);
}

static void test_line_ends_stay(void **state)
{
    static const char text[] = "#c\r\r\nV\t270101000000Z\t\t01\tunknown\t/CN=a\r\n";
    struct dbr_index *ix = parse(text);
    (void)state;
    assert_string_equal(dbr_index_at(ix, 0)->subject, "/CN=a");
    expect_text(ix, text);
    dbr_index_free(ix);
}

static void test_common_names(void **state)
{
    static const struct {
        const char *subject, *cn; /* cn NULL: none */
    } cases[] = {
        {"/CN=alice", "alice"},
        {"/C=FR/O=x/CN=alice", "alice"},
        {"/CN=alice/emailAddress=a@b", "alice"},
        {"/CN=alice/O=x", "alice"},
        {"/CN=first/CN=last", "last"},
        {"/CN=a/b", "a/b"},
        {"/CN=a/1.2.3=x", "a"},
        {"/O=x", NULL},
        {"", NULL},
        {"CN=alice", NULL},
        {"/CN=0123456789012345678901234567890123456789", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char cn[32];
        bool ok = dbr_subject_cn(cases[i].subject, cn, sizeof cn);
        if (ok != (cases[i].cn != NULL) || (ok && strcmp(cn, cases[i].cn) != 0))
            fail_msg("case %zu: %s", i, cases[i].subject);
    }
    struct dbr_index *ix =
        parse(V "V\t270101000000Z\t\t02\tunknown\t/CN=b\nV\t270101000000Z\t\t03\tunknown\t/CN=a\n");
    assert_int_equal(dbr_index_find_cn(ix, "a", 0), 0);
    assert_int_equal(dbr_index_find_cn(ix, "a", 1), 2);
    assert_int_equal(dbr_index_find_cn(ix, "a", 3), -1);
    assert_int_equal(dbr_index_find_cn(ix, "c", 0), -1);
    dbr_index_free(ix);
}

static void test_reasons(void **state)
{
    (void)state;
    assert_int_equal(dbr_reason_parse("keyCompromise"), 1);
    assert_int_equal(dbr_reason_parse("KEYCOMPROMISE"), 1);
    assert_int_equal(dbr_reason_parse("certificateHold"), 6);
    assert_int_equal(dbr_reason_parse("removeFromCRL"), -1);
    assert_int_equal(dbr_reason_parse(""), -1);
    for (int i = 0; i < 7; i++)
        assert_int_equal(dbr_reason_parse(dbr_reason_name(i)), i);
    assert_string_equal(dbr_reason_name(7), "unspecified");
    assert_string_equal(dbr_reason_name(-1), "unspecified");
}

/* --- configuration
 * -------------------------------------------------------------------------------------------- */

static void test_conf(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } cases[] = {
        {"", true},
        {"# only a comment\n\n   \n", true},
        {"key-type ed25519\n", true},
        {"key-type dsa\n", false},
        {"key-type\n", false},
        {"key-type P-256 P-384\n", false},
        {"unknown 1\n", false},
        {"serials sequential # with a comment\n", true},
        {"serials both\n", false},
        {"passphrase-policy symbol+letters+digits\n", true},
        {"passphrase-policy weak\n", false},
        {"subject \"/C=FR/O=My Company\"\n", true},
        {"subject /O=x/CN=y\n", false},
        {"subject x\n", false},
        {"crl-url http://pki.example.com/crl.der\n", true},
        {"crl-url ftp://pki.example.com/crl.der\n", false},
        {"crl-url http://\n", false},
        {"crl-url http://x/,URI:http://y\n", false},
        {"crl-url \"\"\n", true},
        {"crl-life 7d\n", true},
        {"crl-life 60\n", true},
        {"crl-life 7\n", false}, /* seconds */
        {"crl-life 0d\n", false},
        {"crl-life 7x\n", false},
        {"crl-life 7dd\n", false},
        {"crl-life d\n", false},
        {"crl-life 99999999999\n", false},
        {"crl-life 101y\n", false},
        {"life client 90d\n", true},
        {"life client 59s\n", false},
        {"life nobody 90d\n", false},
        {"life client\n", false},
        {"ca-key /etc/shadow\n", false},
        {"ca-key ../x\n", false},
        {"ca-key a/b/c\n", false},
        {"ca-key a/\n", false},
        {"ca-key \"\"\n", false},
        {"concentrator paris ssh x y\n", true},
        {"concentrator paris\n", false},
        {"concentrator paris 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24\n", true},
        {"concentrator paris 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25\n", false},
        {"remote \"open quote\n", false},
        {"remote a\"b\"\n", false},
        {"remote \"a\"b\n", false},
    };
    static struct dbr_ca_conf c; /* large */
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char why[300] = "";
        dbr_ca_conf_init(&c);
        int err = dbr_ca_conf_parse(&c, cases[i].text, strlen(cases[i].text), why, sizeof why);
        if ((err == 0) != cases[i].ok || (err && (err != DBR_ERR_CONFIG || !strstr(why, "line 1"))))
            fail_msg("case %zu: %s%s", i, cases[i].text, why);
    }
}

/* Each bound of the file's words: the longest that fits, and one byte more. */
static void test_conf_lengths(void **state)
{
    static const struct {
        const char *before;
        int most; /* bytes of the long word */
        const char *after;
    } cases[] = {
        {"concentrator ", 63, " x"},   /* a name */
        {"concentrator a ", 1023, ""}, /* all arguments, with their ends */
        {"concentrator a b ", 1021, ""}, {"remote ", 255, ""},
        {"publish /", 254, ""},          {"# ", 2045, ""}, /* a line */
    };
    static struct dbr_ca_conf c;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int more = 0; more < 2; more++) {
            char text[4096], word[2100], why[300];
            memset(word, 'x', sizeof word);
            int n = snprintf(text, sizeof text, "%s%.*s%s\n", cases[i].before, cases[i].most + more, word,
                             cases[i].after);
            dbr_ca_conf_init(&c);
            if (dbr_ca_conf_parse(&c, text, (size_t)n, why, sizeof why) != (more ? DBR_ERR_CONFIG : 0))
                fail_msg("case %zu, %d: %s", i, more, why);
        }
}

static void test_conf_values(void **state)
{
    static const char text[] =
        "crl-life 36h\nlife server 2w\nconcentrator \"new york\" ssh -T \"a b\" \"\"\n";
    static struct dbr_ca_conf c;
    size_t n;
    (void)state;
    dbr_ca_conf_init(&c);
    assert_int_equal(c.crl_life_s, 7 * 86400);
    assert_int_equal(c.life_s[DBR_PROFILE_CA], 3650LL * 86400);
    assert_int_equal(dbr_ca_conf_parse(&c, text, sizeof text - 1, NULL, 0), 0);
    assert_int_equal(c.crl_life_s, 36 * 3600);
    assert_int_equal(c.life_s[DBR_PROFILE_SERVER], 14 * 86400);
    assert_int_equal(c.n_concentrators, 1);
    assert_string_equal(c.concentrators[0].name, "new york");
    assert_int_equal(c.concentrators[0].argc, 4);
    assert_string_equal(c.concentrators[0].words + c.concentrators[0].at[2], "a b");
    assert_string_equal(c.concentrators[0].words + c.concentrators[0].at[3], "");
    char *out = dbr_ca_conf_write(&c, &n);
    assert_non_null(strstr(out, "concentrator \"new york\" ssh -T \"a b\" \"\"\n"));
    assert_non_null(strstr(out, "\nlife server 14d\n"));
    free(out);
    for (int i = 0; i < DBR_CA_CONCENTRATORS; i++)
        if (dbr_ca_conf_parse(&c, "concentrator a b", 16, NULL, 0) != 0)
            assert_int_equal(c.n_concentrators, DBR_CA_CONCENTRATORS);
    assert_int_equal(c.n_concentrators, DBR_CA_CONCENTRATORS);
    assert_int_equal(dbr_ca_conf_parse(&c, "concentrator a b", 16, NULL, 0), DBR_ERR_CONFIG);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool ok;
    } cases[] = {
        {"alice", true},
        {"vpn.example.com", true},
        {"a@b_c-d", true},
        {"9", true},
        {"", false},
        {".alice", false},
        {"-alice", false},
        {"a b", false},
        {"a/b", false},
        {"..", false},
        {"caf\xc3\xa9", false},
        {"ca", false},
        {"cakey", false},
        {"gate", false},
        {"gate-paris", false},
        {"a\nb", false},
        {"0123456789012345678901234567890123456789012345678901234567890123", true},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
    };
    char why[200];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((dbr_name_check(cases[i].name, why, sizeof why) == 0) != cases[i].ok)
            fail_msg("%s", cases[i].name);
}

/* --- passphrases
 * ---------------------------------------------------------------------------------------------- */

static void test_passphrases(void **state)
{
    static const struct {
        const char *policy, *pass;
        bool ok;
    } cases[] = {
        {"symbol+letters+digits", "#aaaa11", true},
        {"symbol+letters+digits", "#aaa11", false},
        {"symbol+letters+digits", "aaaaa11", false},
        {"symbol+letters+digits", "#aaaaaa", false},
        {"symbol+letters+digits", "#111111", false},
        {"strong", "#aaaa11", false},
        {"strong", "Correct-Hor5e", true},
        {"strong", "correct-horse", false},
        {"strong", "correcthorsebattery", false},
        {"strong", "correct horse battery", true},
        {"strong", "aaaaaaaaaaaaaaaaaaaaaaaa", false},
        {"strong", "Ab1Ab1Ab1Ab1Ab1", false},
        {"strong", "My-Alice-2026-x", false},
        {"strong", "My-aLiCe-2026-x", false},
        {"none", "x", true},
        {"none", "", false},
        {"none", "two\nlines", false},
        {"other", "Correct-Hor5e", false},
    };
    char why[200];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((dbr_pass_check(cases[i].policy, "alice", cases[i].pass, strlen(cases[i].pass), why,
                            sizeof why) == 0) != cases[i].ok)
            fail_msg("case %zu: %s under %s", i, cases[i].pass, cases[i].policy);
    char longest[DBR_PASS_MAX + 2];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(dbr_pass_check("none", "alice", longest, DBR_PASS_MAX, why, sizeof why), 0);
    assert_int_equal(dbr_pass_check("none", "alice", longest, DBR_PASS_MAX + 1, why, sizeof why),
                     DBR_ERR_CONFIG);
    assert_int_equal(dbr_pass_check("none", "alice", "a\0b", 3, why, sizeof why), DBR_ERR_CONFIG);
}

static void test_generated_passphrases(void **state)
{
    char a[DBR_PASS_GENERATED], b[DBR_PASS_GENERATED], why[200];
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(dbr_pass_generate(a), 0);
        assert_int_equal(strlen(a), DBR_PASS_GENERATED - 1);
        assert_int_equal(dbr_pass_check("strong", "alice", a, strlen(a), why, sizeof why), 0);
        assert_int_equal(dbr_pass_check("symbol+letters+digits", "alice", a, strlen(a), why, sizeof why), 0);
    }
    assert_int_equal(dbr_pass_generate(b), 0);
    assert_string_not_equal(a, b);
}

static void test_spans(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{86400, "1d"}, {3600, "1h"},          {90 * 60, "90m"},
                 {45, "45s"},   {365 * 86400, "365d"}, {0, "0d"}};
    char out[24];
    int64_t back;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(dbr_span_text(cases[i].seconds, out), cases[i].text);
        assert_true(dbr_span_parse(out, &back));
        assert_int_equal(back, cases[i].seconds);
    }
    assert_true(dbr_span_parse("2w", &back));
    assert_int_equal(back, 14 * 86400);
    assert_true(dbr_span_parse("1y", &back));
    assert_int_equal(back, 365 * 86400);
    assert_true(dbr_span_parse("77", &back));
    assert_int_equal(back, 77);
}

static void test_explanations(void **state)
{
    char why[16];
    (void)state;
    assert_int_equal(dbr_say(DBR_ERR_CERT, why, sizeof why, "a\nb\x1b%s", "cdefghijklmnopqrstuvw"),
                     DBR_ERR_CERT);
    assert_string_equal(why, "a?b?cdefghijklm");
    assert_int_equal(dbr_say(DBR_ERR_CERT, NULL, 0, "x"), DBR_ERR_CERT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial_text),   cmocka_unit_test(test_serial_next),
        cmocka_unit_test(test_serial_bytes),  cmocka_unit_test(test_index_lines),
        cmocka_unit_test(test_index_changes), cmocka_unit_test(test_line_ends_stay),
        cmocka_unit_test(test_common_names),  cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_conf),          cmocka_unit_test(test_conf_values),
        cmocka_unit_test(test_conf_lengths),  cmocka_unit_test(test_names),
        cmocka_unit_test(test_passphrases),   cmocka_unit_test(test_generated_passphrases),
        cmocka_unit_test(test_spans),         cmocka_unit_test(test_explanations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
