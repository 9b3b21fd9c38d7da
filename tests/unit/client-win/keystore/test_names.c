/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which texts name a profile, and which a file.
 */
#include "client-win/keystore/names.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char why[512];

static void ids(void **state)
{
    static const struct {
        const char *id;
        bool good;
    } rows[] = {
        {"office", true},
        {"Office Paris-2_b.old", true},
        {"0", true},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh", true},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi", false},
        {"", false},
        {" office", false},
        {".office", false},
        {"-office", false},
        {"_office", false},
        {"office.", false},
        {"office ", false},
        {"..", false},
        {"a\\b", false},
        {"a/b", false},
        {"a:b", false},
        {"a\"b", false},
        {"a*b", false},
        {"a\nb", false},
        {"b\xc3\xbcro", false},
        {"con", false},
        {"CON", false},
        {"nul.txt", false},
        {"Aux .b", false},
        {"com1", false},
        {"COM0", false},
        {"lpt9.ovpn", false},
        {"com", true},
        {"com10", true},
        {"console", true},
        {"nulls", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = dbr_profile_id_check(rows[i].id, why, sizeof why);
        if (err != (rows[i].good ? 0 : DBR_ERR_CONFIG))
            fail_msg("'%s': %d", rows[i].id, err);
    }
}

static void ids_from_files(void **state)
{
    static const struct {
        const char *path, *id;
    } rows[] = {
        {"C:\\Users\\bob\\Downloads\\office.ovpn", "office"},
        {"C:/x/Office Paris.OVPN", "Office Paris"},
        {"bob.p12", "bob"},
        {"bob.tar.pem", "bob.tar"},
        {"C:x.ovpn", "x"},
        {"office", "office"},
        {"b\xc3\xbcro (2).ovpn", "b--ro -2"},
        {"._a.ovpn", "a"},
        {"a. .ovpn", "a"},
        {"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijklm.ovpn",
         "abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh"},
        {".ovpn", "ovpn"},
        {"()().ovpn", NULL},
        {"nul.ovpn", NULL},
        {"C:\\x\\", NULL},
    };
    char id[DBR_PROFILE_ID];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = dbr_profile_id_from(rows[i].path, id, why, sizeof why);
        if (err != (rows[i].id ? 0 : DBR_ERR_CONFIG) || (!err && strcmp(id, rows[i].id) != 0))
            fail_msg("%s: %d, '%s'", rows[i].path, err, id);
    }
}

static void files(void **state)
{
    static const struct {
        const char *name, *path; /* NULL: refused */
    } rows[] = {
        {"ca.crt", "C:\\vpn\\ca.crt"},
        {"keys/bob key.pem", "C:\\vpn\\keys\\bob key.pem"},
        {"..\\ca.crt", "C:\\vpn\\..\\ca.crt"},
        {"D:\\keys\\ca.crt", "D:\\keys\\ca.crt"},
        {"d:/keys/ca.crt", "d:\\keys\\ca.crt"},
        {"b\xc3\xbcro.pem", "C:\\vpn\\b\xc3\xbcro.pem"},
        {"", NULL},
        {"\\\\server\\share\\ca.crt", NULL},
        {"//server/share/ca.crt", NULL},
        {"\\/server\\ca.crt", NULL},
        {"\\\\?\\C:\\ca.crt", NULL},
        {"\\\\.\\C:", NULL},
        {"\\??\\C:\\ca.crt", NULL},
        {"\\ca.crt", NULL},
        {"/ca.crt", NULL},
        {"C:ca.crt", NULL},
        {"C:", NULL},
        {"ca.crt:stream", NULL},
        {"C:\\ca.crt:stream", NULL},
        {"C:\\x:\\ca.crt", NULL},
        {"keys\\con", NULL},
        {"nul.crt\\x", NULL},
        {"C:\\com1.pem", NULL},
        {"com\xc2\xb9", NULL},
        {"CONIN$", NULL},
        {"ca?.crt", NULL},
        {"ca*.crt", NULL},
        {"ca|x", NULL},
        {"ca\nx", NULL},
        {"ca\x7fx", NULL},
    };
    char path[DBR_SOURCE_PATH];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int err = dbr_source_join("C:\\vpn\\office.ovpn", rows[i].name, path, why, sizeof why);
        if (err != (rows[i].path ? 0 : DBR_ERR_CONFIG) || (!err && strcmp(path, rows[i].path) != 0))
            fail_msg("%s: %d, %s", rows[i].name, err, path);
        if (err)
            assert_true(*why);
    }
    assert_int_equal(dbr_source_join("office.ovpn", "ca.crt", path, why, sizeof why), 0);
    assert_string_equal(path, "ca.crt");
}

static void long_names(void **state)
{
    char name[DBR_SOURCE_PATH + 1], path[DBR_SOURCE_PATH];
    (void)state;
    memset(name, 'a', sizeof name);
    name[DBR_SOURCE_PATH] = 0;
    assert_int_equal(dbr_source_check(name, why, sizeof why), DBR_ERR_CONFIG);
    name[DBR_SOURCE_PATH - 1] = 0;
    assert_int_equal(dbr_source_check(name, why, sizeof why), 0);
    assert_int_equal(dbr_source_join("x.ovpn", name, path, why, sizeof why), 0);
    assert_int_equal(dbr_source_join("C:\\x.ovpn", name, path, why, sizeof why), DBR_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids),
        cmocka_unit_test(ids_from_files),
        cmocka_unit_test(files),
        cmocka_unit_test(long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
