/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder of `capath`: which names count, what is read, what makes its number change.
 */
#include "base/err.h"
#include "ipc/capath.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void drop(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(remove(path), 0);
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/capathXXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void names(void **state)
{
    static const struct {
        const char *name;
        int kind;
    } cases[] = {
        {"0123abcd.0", DBR_CAPATH_CERTS},
        {"0123abcd.12", DBR_CAPATH_CERTS},
        {"0123abcd.r0", DBR_CAPATH_LISTS},
        {"0123abcd.r12", DBR_CAPATH_LISTS},
        {"0123abcd", -1},
        {"0123abcd.", -1},
        {"0123abcd.r", -1},
        {"0123abc.0", -1},
        {"0123abcde.0", -1},
        {"0123ABCD.0", -1},
        {"0123abcd.0x", -1},
        {"0123abcd.0.0", -1},
        {"0123abcd.rr0", -1},
        {"0123abcd-0", -1},
        {"ca.crt", -1},
        {".", -1},
        {"..", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (dbr_capath_kind_of(cases[i].name) != cases[i].kind)
            fail_msg("%s", cases[i].name);
}

static void reads_both_kinds(void **state)
{
    char *text;
    size_t len;
    (void)state;
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_CERTS, &text, &len), 0);
    assert_true(len == 0 && *text == 0);
    free(text);
    put("0123abcd.0", "one");
    put("0123abcd.r0", "list\n");
    put("README", "nothing");
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_CERTS, &text, &len), 0);
    assert_string_equal(text, "one\n");
    assert_int_equal(len, 4);
    free(text);
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_LISTS, &text, &len), 0);
    assert_string_equal(text, "list\n\n");
    free(text);
    put("ffff0000.1", "two");
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_CERTS, &text, &len), 0);
    assert_true(len == 8 && strstr(text, "one\n") && strstr(text, "two\n"));
    free(text);
    drop("0123abcd.0");
    drop("0123abcd.r0");
    drop("ffff0000.1");
    drop("README");
    assert_int_equal(dbr_capath_read("/nonexistent", DBR_CAPATH_CERTS, &text, &len), DBR_ERR_IO);
    assert_null(text);
}

/* No sum of files is larger than the limit, whichever is read first. */
static void limit(void **state)
{
    char *text, path[128];
    size_t len;
    (void)state;
    put("0123abcd.r1", "list\n");
    put("0123abcd.r0", "");
    snprintf(path, sizeof path, "%s/0123abcd.r0", dir);
    assert_int_equal(truncate(path, DBR_CAPATH_MAX), 0);
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_LISTS, &text, &len), DBR_ERR_LIMIT);
    assert_null(text);
    drop("0123abcd.r0");
    drop("0123abcd.r1");
}

/* A folder or a FIFO with such a name is passed over, and blocks nobody. */
static void odd_files(void **state)
{
    char *text, path[128];
    size_t len;
    (void)state;
    snprintf(path, sizeof path, "%s/0123abcd.0", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/0123abcd.1", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(dbr_capath_read(dir, DBR_CAPATH_CERTS, &text, &len), 0);
    assert_int_equal(len, 0);
    free(text);
    drop("0123abcd.0");
    drop("0123abcd.1");
}

static void looks(void **state)
{
    uint64_t was[DBR_CAPATH_KINDS], is[DBR_CAPATH_KINDS];
    (void)state;
    assert_int_equal(dbr_capath_look("/nonexistent", is), DBR_ERR_IO);
    put("0123abcd.0", "one");
    put("0123abcd.r0", "list");
    assert_int_equal(dbr_capath_look(dir, was), 0);
    put("README", "nothing");
    assert_int_equal(dbr_capath_look(dir, is), 0);
    assert_memory_equal(was, is, sizeof is);
    put("0123abcd.r0", "list two"); /* another size, in place */
    assert_int_equal(dbr_capath_look(dir, is), 0);
    assert_true(is[DBR_CAPATH_CERTS] == was[DBR_CAPATH_CERTS] &&
                is[DBR_CAPATH_LISTS] != was[DBR_CAPATH_LISTS]);
    put("0123abcd.1", "two");
    assert_int_equal(dbr_capath_look(dir, is), 0);
    assert_true(is[DBR_CAPATH_CERTS] != was[DBR_CAPATH_CERTS]);
    drop("0123abcd.1");
    assert_int_equal(dbr_capath_look(dir, is), 0);
    assert_true(is[DBR_CAPATH_CERTS] == was[DBR_CAPATH_CERTS]);
    drop("0123abcd.0");
    drop("0123abcd.r0");
    drop("README");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(reads_both_kinds),
        cmocka_unit_test(limit), cmocka_unit_test(odd_files),
        cmocka_unit_test(looks),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
