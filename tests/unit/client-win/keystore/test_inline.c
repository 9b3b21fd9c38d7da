/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files into the text of a profile: what changes, what stays to the byte, what is refused.
 */
#include "fake.h"

#include "client-win/keystore/inline.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_NAME "C:\\vpn\\office.ovpn"

static const struct {
    const char *path, *content;
    size_t len; /* 0: of a text */
    int err;
} disk[] = {
    {"C:\\vpn\\ca.crt", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", 0, 0},
    {"C:\\vpn\\noeol.crt", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----", 0, 0},
    {"C:\\vpn\\bom.crt", "\xef\xbb\xbf-----BEGIN CERTIFICATE-----\n", 0, 0},
    {"C:\\vpn\\bob.key", "-----BEGIN PRIVATE KEY-----\n" SECRET "\n", 0, 0},
    {"C:\\vpn\\ta.key", "-----BEGIN OpenVPN Static key V1-----\n" SECRET "\n", 0, 0},
    {"C:\\vpn\\bob.p12", "\x30\x03\x02\x01\x05" SECRET, 0, 0},
    {"C:\\vpn\\login", "bob\n" SECRET "\n", 0, 0},
    {"C:\\vpn\\empty", "\xef\xbb\xbf", 0, 0},
    {"C:\\vpn\\der.crt", "\x30\x82\x01\x01\x05", 0, 0},
    {"C:\\vpn\\wide.crt", "\xff\xfe-\0-\0", 6, 0},
    {"C:\\vpn\\zero.crt", "-----BEGIN CERTIFICATE-----\0", 28, 0},
    {"C:\\vpn\\text.crt", "hello\n", 0, 0},
    {"C:\\vpn\\evil.crt", "-----BEGIN CERTIFICATE-----\n </ca>\nup evil.cmd\n<ca>\n", 0, 0},
    {"C:\\vpn\\evil.login", "bob\n" SECRET "\n\v</auth-user-pass>\nup evil.cmd\n", 0, 0},
    {"C:\\vpn\\big.crt", "", 0, DBR_ERR_LIMIT},
    {"C:\\vpn\\shut.crt", "", 0, DBR_ERR_IO},
    {"C:\\vpn\\far.crt", "", 0, DBR_ERR_UNSUPPORTED},
};

static unsigned notes;
static char why[1024];

static int read_file(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    (void)arg;
    for (size_t i = 0; i < sizeof disk / sizeof disk[0]; i++) {
        if (strcmp(disk[i].path, path) != 0)
            continue;
        if (disk[i].err)
            return disk[i].err;
        *n = disk[i].len ? disk[i].len : strlen(disk[i].content);
        assert_true(*n <= max);
        *out = malloc(*n);
        memcpy(*out, disk[i].content, *n);
        return 0;
    }
    return DBR_ERR_NOTFOUND;
}

static void note(void *arg, const char *line)
{
    (void)arg;
    assert_non_null(strstr(line, FILE_NAME ":"));
    notes++;
}

static const struct dbr_inline_io io = {read_file, note, NULL};

static int make(struct dbr_inlined *out, const char *text, size_t len)
{
    *why = 0;
    notes = 0;
    return dbr_inline(out, FILE_NAME, text, len, &io, why, sizeof why);
}

static void good_ones(void **state)
{
    static const struct {
        const char *in, *out;
        unsigned notes;
    } rows[] = {
        {"", "", 0},
        {"client\n", "client\n", 0},
        {"client", "client\n", 0},
        {"# ca ca.crt\n\n;key x\nclient\r\n\n# end", "# ca ca.crt\n\n;key x\nclient\r\n\n# end\n", 0},
        {"a\n# why\nca ca.crt # ours\nb\n",
         "a\n# why\n<ca>\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n</ca>\nb\n", 0},
        {"--ca \"ca.crt\"\r\n", "<ca>\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n</ca>\n",
         0},
        {"ca C:\\\\vpn\\\\noeol.crt",
         "<ca>\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n</ca>\n", 0},
        {"ca 'C:\\vpn\\bom.crt'", "<ca>\n-----BEGIN CERTIFICATE-----\n</ca>\n", 0},
        {"tls-auth ta.key 1\n",
         "tls-auth [inline] 1\n<tls-auth>\n-----BEGIN OpenVPN Static key V1-----\n" SECRET "\n</tls-auth>\n",
         0},
        {"tls-auth ta.key\nkey-direction 1",
         "<tls-auth>\n-----BEGIN OpenVPN Static key V1-----\n" SECRET "\n</tls-auth>\nkey-direction 1\n", 0},
        {"pkcs12 bob.p12", "<pkcs12>\nMAMCAQVkby1ub3QtbGVhay1tZQ==\n</pkcs12>\n", 0},
        {"auth-user-pass login\n", "<auth-user-pass>\nbob\n" SECRET "\n</auth-user-pass>\n", 0},
        {"auth-user-pass\n", "auth-user-pass\n", 0},
        {"ca [inline]\n<ca>\nkey bob.key\n</ca>\nkey [inline]\n",
         "ca [inline]\n<ca>\nkey bob.key\n</ca>\nkey [inline]\n", 0},
        {"<connection>\nremote a 1\nca ca.crt\n</connection>\n",
         "<connection>\nremote a 1\nca ca.crt\n</connection>\n", 0},
        {"askpass pass.txt\nclient\n", "# left out: askpass\nclient\n", 1},
        {"askpass\n", "askpass\n", 0},
        {"cd keys\nclient\n", "# left out: cd\nclient\n", 1},
        {"up \"C:\\\\x.cmd\"\n", "up \"C:\\\\x.cmd\"\n", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_inlined in;
        int err = make(&in, rows[i].in, strlen(rows[i].in));
        if (err || strcmp(in.text, rows[i].out) != 0 || in.len != strlen(in.text) || notes != rows[i].notes)
            fail_msg("%s: %d %s\n%s", rows[i].in, err, why, in.text);
        dbr_inlined_free(&in);
        dbr_inlined_free(&in);
    }
    assert_int_equal(fake_leaks, 0);
}

static void bad_ones(void **state)
{
    static const struct {
        const char *in, *says;
    } rows[] = {
        {"client\nca none.crt\n", ":2: ca: C:\\vpn\\none.crt is not there"},
        {"ca big.crt", "is empty or longer"},
        {"ca shut.crt", "cannot be read"},
        {"ca far.crt", "another computer"},
        {"ca empty", "is empty"},
        {"auth-user-pass empty", "is empty"},
        {"ca der.crt", "is in DER form"},
        {"ca wide.crt", "UTF-16"},
        {"ca zero.crt", "is no text"},
        {"ca text.crt", "no -----BEGIN"},
        {"ca evil.crt", "begins with '<'"},
        {"auth-user-pass evil.login", "begins with '<'"},
        {"pkcs12 ca.crt", "is no PKCS#12 file"},
        {"ca", "name of the file is missing"},
        {"tls-auth ta.key 2", "direction is 0 or 1"},
        {"ca \\\\\\\\server\\\\share\\\\ca.crt", "another computer"},
        {"ca '\\\\.\\C:'", "another computer or a device"},
        {"key keys/con", "is a device"},
        {"crl-verify crls dir", "crl-verify FILE"},
        {"capath certs", "capath: a folder"},
        {"config other.ovpn", "config: a profile is one file"},
        {"<ca>\nx\n", "never ends"},
        {"client \"x\n", "closing"},
        {"\xff\xfe"
         "c",
         "UTF-16"},
        {"\xfe\xff"
         "c",
         "UTF-16"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_inlined in;
        int err = make(&in, rows[i].in, strlen(rows[i].in));
        if (err != DBR_ERR_CONFIG || !strstr(why, rows[i].says) ||
            strncmp(why, FILE_NAME, strlen(FILE_NAME)) != 0)
            fail_msg("%s: %d %s", rows[i].in, err, why);
        dbr_inlined_free(&in);
    }
    struct dbr_inlined in;
    assert_int_equal(make(&in, "client\0x", 8), DBR_ERR_CONFIG);
    dbr_inlined_free(&in);
    assert_int_equal(fake_leaks, 0);
}

static void what_lies_in_the_clear(void **state)
{
    static const char text[] = "ca ca.crt\nkey bob.key\nauth-user-pass login\n";
    struct dbr_inlined in;
    (void)state;
    assert_int_equal(make(&in, text, sizeof text - 1), 0);
    assert_int_equal(in.n_parts, 3);
    assert_false(in.parts[0].secret);
    assert_true(in.parts[1].secret);
    assert_string_equal(in.parts[1].path, "C:\\vpn\\bob.key");
    assert_true(in.parts[2].secret);
    dbr_inlined_free(&in);
}

static void bounds(void **state)
{
    char *text = malloc(DBR_PROFILE_MAX + 1);
    struct dbr_inlined in;
    (void)state;
    memset(text, '\n', DBR_PROFILE_MAX + 1);
    assert_int_equal(make(&in, text, DBR_PROFILE_MAX - 1), 0);
    dbr_inlined_free(&in);
    assert_int_equal(make(&in, text, DBR_PROFILE_MAX), DBR_ERR_LIMIT);
    dbr_inlined_free(&in);
    size_t n = 0;
    for (int i = 0; i <= DBR_PARTS_MAX; i++)
        n += (size_t)sprintf(text + n, "ca ca.crt\n");
    assert_int_equal(make(&in, text, n - 10), 0);
    assert_int_equal(in.n_parts, DBR_PARTS_MAX);
    dbr_inlined_free(&in);
    assert_int_equal(make(&in, text, n), DBR_ERR_CONFIG);
    assert_non_null(strstr(why, "too many files"));
    dbr_inlined_free(&in);
    free(text);
}

static void keys(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } rows[] = {
        {"\x30\x03\x02\x01\x05", "<pkcs12>\nMAMCAQU=\n</pkcs12>\n"},
        {"-----BEGIN PRIVATE KEY-----\n" SECRET, "<key>\n-----BEGIN PRIVATE KEY-----\n" SECRET "\n</key>\n"},
        {"-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n",
         "<key>\n-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n</key>\n"
         "<cert>\n-----BEGIN RSA PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n</cert>\n"},
        {"-----BEGIN CERTIFICATE-----\n", NULL},
        {"-----BEGIN PRIVATE KEY-----\n</key>\nup evil.cmd\n", NULL},
        {"hello", NULL},
        {"0", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dbr_inlined in;
        int err =
            dbr_inline_key(&in, "bob.p12", (const uint8_t *)rows[i].in, strlen(rows[i].in), why, sizeof why);
        if (err != (rows[i].out ? 0 : DBR_ERR_CONFIG) || (!err && strcmp(in.text, rows[i].out) != 0))
            fail_msg("%zu: %d %s %s", i, err, why, in.text ? in.text : "");
        dbr_inlined_free(&in);
    }
    assert_int_equal(fake_leaks, 0);
}

/* What the text left when it grew is wiped. */
static void growth(void **state)
{
    char *text = malloc(100000);
    struct dbr_inlined in;
    (void)state;
    size_t n = (size_t)sprintf(text, "key bob.key\nclient\n");
    for (int i = 0; i < 9000; i++)
        n += (size_t)sprintf(text + n, "verb 3\n");
    assert_int_equal(make(&in, text, n), 0);
    assert_true(in.len > n);
    dbr_inlined_free(&in);
    free(text);
    assert_int_equal(fake_leaks, 0);
}

/* The watch over free() sees a secret that was not wiped. */
static void watch_works(void **state)
{
    char *volatile text = malloc(64); /* or the compiler writes nothing before it frees */
    (void)state;
    snprintf(text, 64, "%s", SECRET);
    free(text);
    assert_int_equal(fake_leaks, 1);
    fake_leaks = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_works), cmocka_unit_test(good_ones),
        cmocka_unit_test(bad_ones),    cmocka_unit_test(what_lies_in_the_clear),
        cmocka_unit_test(bounds),      cmocka_unit_test(growth),
        cmocka_unit_test(keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
