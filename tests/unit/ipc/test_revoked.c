/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * crl-verify FOLDER dir: which names count, and as which serial.
 */
#include "base/err.h"
#include "ipc/revoked.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define LARGEST "1461501637330902918203684832716283019655932542975" /* 2^160 - 1 */

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        uint8_t serial[20];
        uint8_t len;
        bool has;
    } cases[] = {
        {"4096\n", 1, {0x10, 0x00}, 2, true},
        {"4096", 1, {0x10, 0x00}, 2, true},
        {"4096\n", 1, {0x00, 0x10, 0x00}, 3, true},
        {"4096\n", 1, {0x10, 0x01}, 2, false},
        {"4096\n", 1, {0x10}, 1, false},
        {"1\n4096\n255\n", 3, {0xff}, 1, true},
        {"1\n4096\n255\n", 3, {1}, 1, true},
        {"1\n4096\n255\n", 3, {2}, 1, false},
        {"0\n", 1, {0}, 1, true},
        {"0004096\n", 1, {0x10, 0x00}, 2, true},
        {LARGEST "\n",
         1,
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
         20,
         true},
        {"1461501637330902918203684832716283019655932542976\n", 0, {0}, 1, false}, /* one more */
        {"10000000000000000000000000000000000000000000000000\n", 0, {0}, 1, false},
        {"", 0, {0}, 1, false},
        {"\n\n", 0, {0}, 1, false},
        {"12a\n-1\n 1\n+1\n1 \n0x10\n", 0, {1}, 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dbr_revoked r;
        assert_int_equal(dbr_revoked_parse(&r, cases[i].text, strlen(cases[i].text)), 0);
        if (r.n != cases[i].n || dbr_revoked_has(&r, cases[i].serial, cases[i].len) != cases[i].has)
            fail_msg("case %zu: %zu numbers", i, r.n);
        dbr_revoked_free(&r);
    }
}

static void put(const char *folder, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_folder(void **state)
{
    static const char *const names[] = {"4096", "17", ".17", "17.pem", "crl.pem", LARGEST "0"};
    char folder[] = "/tmp/dbr-revoked-XXXXXX", path[300], *text = NULL;
    struct dbr_revoked r;
    size_t len;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(dbr_revoked_list(folder, &text, &len), 0);
    assert_int_equal(len, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put(folder, names[i]);
    assert_int_equal(dbr_revoked_list(folder, &text, &len), 0);
    assert_int_equal(dbr_revoked_parse(&r, text, len), 0);
    assert_int_equal(r.n, 2);
    assert_true(dbr_revoked_has(&r, (const uint8_t *)"\x11", 1));
    assert_true(dbr_revoked_has(&r, (const uint8_t *)"\x10\x00", 2));
    dbr_revoked_free(&r);
    free(text);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    assert_int_equal(dbr_revoked_list(folder, &text, &len), DBR_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
