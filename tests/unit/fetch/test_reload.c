/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a reload takes and what it names, directive by directive.
 */
#include "conf/reload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BASE "dev tap\nserver-bridge\nca ca.crt\ncert s.crt\nkey s.key\ndh none\n"

static char said[1024];

static void note(void *arg, const char *keyword, bool taken)
{
    (void)arg;
    size_t at = strlen(said);
    snprintf(said + at, sizeof said - at, "%c%s ", taken ? '+' : '-', keyword);
}

static void load(struct dbr_config *c, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text, "%s%s", BASE, more);
    assert_int_equal(dbr_config_init(c), 0);
    assert_int_equal(dbr_config_parse(c, "test.conf", text, strlen(text), NULL), 0);
    assert_int_equal(dbr_config_finish(c, NULL), 0);
}

static void test_table(void **state)
{
    static const struct {
        const char *before, *after, *said;
        bool revocation;
    } cases[] = {
        {"", "", "", true},
        {"verb 3\n", "verb 3\n", "", true},
        {"verb 3\n", "verb 5\n", "+verb ", true},
        {"push \"ping 1\"\n", "push \"ping 2\"\n", "+push ", true},
        {"port 1194\n", "port 1195\n", "-port ", true},
        {"max-clients 5\n", "max-clients 6\n", "-max-clients ", true},
        {"", "mac-limit 3\n", "+mac-limit ", true},
        {"mac-limit 3\n", "", "+mac-limit ", true},
        {"crl-stale refuse\n", "crl-stale keep\n", "+crl-stale ", true},
        {"", "crl-url http://a/b\n", "+crl-url ", true},
        {"", "crl-url http://a/b\n", "-crl-url ", false},
        {"tls-auth a 0\n", "tls-auth b 0\ntls-auth-old a\n", "+tls-auth +tls-auth-old ", true},
        {"reneg-sec 10\n", "reneg-sec 20\n", "+reneg-sec ", true},
        {"data-ciphers AES-256-GCM\n", "data-ciphers AES-128-GCM\n", "-data-ciphers ", true},
    };
    (void)state;
    static struct dbr_config live, fresh;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        load(&live, cases[i].before);
        load(&fresh, cases[i].after);
        said[0] = 0;
        assert_int_equal(dbr_config_take(&live, &fresh, cases[i].revocation, note, NULL), 0);
        for (const char *p = cases[i].said; *p; p = strchr(p, ' ') + 1) {
            char one[64];
            snprintf(one, sizeof one, "%.*s ", (int)strcspn(p, " "), p);
            if (!strstr(said, one))
                fail_msg("case %zu: \"%s\" does not say %s", i, said, one);
        }
        if (!*cases[i].said)
            assert_string_equal(said, "");
        dbr_config_free(&live);
        dbr_config_free(&fresh);
    }
}

static void test_values(void **state)
{
    static struct dbr_config live, fresh;
    (void)state;
    load(&live, "verb 3\nport 1194\nkeepalive 10 60\nreneg-sec 100\n");
    load(&fresh, "verb 6\nport 7\nkeepalive 5 20\nreneg-sec 200\ntls-auth-old old.key\ntls-auth new.key 0\n");
    int min = fresh.reneg_sec_min;
    assert_int_equal(dbr_config_take(&live, &fresh, true, NULL, NULL), 0);
    dbr_config_free(&fresh);
    assert_int_equal(live.verb, 6);
    assert_int_equal(live.port, 1194);
    assert_int_equal(live.ping, 5);
    assert_int_equal(live.ping_restart, 40);
    assert_int_equal(live.reneg_sec, 200);
    assert_int_equal(live.reneg_sec_min, min);
    assert_string_equal(live.tls_auth.path, "new.key");
    assert_true(DBR_IS_SET(&live, tls_auth_old));
    dbr_config_free(&live);
}

static char files[512];

static int list(void *arg, enum dbr_directive which, const char *path)
{
    size_t at = strlen(files);
    snprintf(files + at, sizeof files - at, "%s=%s ", dbr_directive_info(which)->keyword, path);
    return strcmp(path, arg) == 0 ? DBR_ERR_IO : 0;
}

static void test_files(void **state)
{
    static struct dbr_config c;
    char none[] = "none", cert[] = "s.crt";
    (void)state;
    load(&c, "tls-auth ta.key 0\n");
    files[0] = 0;
    assert_int_equal(dbr_config_files(&c, list, none), 0);
    assert_string_equal(files, "ca=ca.crt cert=s.crt key=s.key tls-auth=ta.key ");
    files[0] = 0;
    assert_int_equal(dbr_config_files(&c, list, cert), DBR_ERR_IO);
    assert_string_equal(files, "ca=ca.crt cert=s.crt ");
    dbr_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
