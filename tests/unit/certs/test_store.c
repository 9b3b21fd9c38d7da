/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder that changes as a whole: transactions, journals of a run that died at each step, links, locks.
 * Works in a folder of its own under $TMPDIR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "certs/store.h"

static char folder[256];
static char why[512];

static int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof folder, "%s/dbr-store-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder));
    umask(0);
    return 0;
}

static int teardown(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *at(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(at(name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void expect_file(const char *name, const char *text) /* NULL: not there */
{
    char buf[256] = "";
    FILE *f = fopen(at(name), "r");
    if (!text) {
        assert_null(f);
        return;
    }
    assert_non_null(f);
    buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
    fclose(f);
    assert_string_equal(buf, text);
}

static struct dbr_store *opened(enum dbr_store_mode mode)
{
    struct dbr_store *s;
    int err = dbr_store_open(&s, folder, mode, 0, why, sizeof why);
    if (err)
        fail_msg("%s", why);
    return s;
}

static int put(struct dbr_store *s, const char *path, const char *text, enum dbr_store_put how)
{
    return dbr_store_put(s, path, text, strlen(text), 0644, how, why, sizeof why);
}

static int commit(struct dbr_store *s)
{
    return dbr_store_commit(s, why, sizeof why);
}

static unsigned mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(stat(at(name), &st), 0);
    return st.st_mode & 07777;
}

static void test_transaction(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    (void)state;
    assert_int_equal(dbr_store_mkdir(s, "sub", 0755, why, sizeof why), 0);
    assert_int_equal(dbr_store_mkdir(s, "sub", 0755, why, sizeof why), 0);
    assert_int_equal(put(s, "a", "one", DBR_PUT_NEW), 0);
    assert_int_equal(put(s, "sub/b", "two", DBR_PUT_SECRET), 0);
    expect_file("a", NULL); /* not yet */
    assert_int_equal(commit(s), 0);
    expect_file("a", "one");
    expect_file("sub/b", "two");
    assert_int_equal(mode_of("a"), 0644);
    assert_int_equal(mode_of("sub/b"), 0600);
    expect_file("journal", NULL);
    expect_file(".busy", NULL);
    assert_int_equal(put(s, "a", "uno", DBR_PUT_REPLACE), 0);
    assert_int_equal(put(s, "a", "eins", DBR_PUT_REPLACE), 0); /* the later one counts */
    assert_int_equal(dbr_store_delete(s, "sub/b", why, sizeof why), 0);
    assert_int_equal(dbr_store_delete(s, "sub/never", why, sizeof why), 0);
    assert_int_equal(commit(s), 0);
    expect_file("a", "eins");
    expect_file("sub/b", NULL);
    assert_int_equal(commit(s), 0); /* nothing to do */
    dbr_store_close(s);
    dbr_store_close(NULL);
}

static void test_rollback(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    (void)state;
    write_file("a", "one");
    assert_int_equal(put(s, "a", "two", DBR_PUT_REPLACE), 0);
    assert_int_equal(put(s, "b", "two", DBR_PUT_NEW), 0);
    dbr_store_rollback(s);
    assert_int_equal(put(s, "c", "two", DBR_PUT_NEW), 0);
    dbr_store_close(s); /* undoes as well */
    expect_file("a", "one");
    expect_file("b", NULL);
    expect_file("c", NULL);
    expect_file(".new.a", NULL);
    expect_file(".new.b", NULL);
    expect_file(".new.c", NULL);
    expect_file(".busy", NULL);
}

static void test_new_and_replace(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    (void)state;
    write_file("a", "one");
    chmod(at("a"), 0604);
    assert_int_equal(put(s, "other", "x", DBR_PUT_NEW), 0);
    assert_int_equal(put(s, "a", "two", DBR_PUT_NEW), DBR_ERR_EXISTS);
    assert_int_equal(commit(s), 0); /* the whole transaction is gone */
    expect_file("other", NULL);
    assert_int_equal(put(s, "a", "two", DBR_PUT_SECRET), DBR_ERR_EXISTS);
    assert_int_equal(put(s, "a", "two", DBR_PUT_REPLACE), 0);
    assert_int_equal(commit(s), 0);
    assert_int_equal(mode_of("a"), 0604); /* kept */
    assert_int_equal(put(s, "a", "three", DBR_PUT_SECRET_REPLACE), 0);
    assert_int_equal(commit(s), 0);
    assert_int_equal(mode_of("a"), 0600);
    expect_file("a", "three");
    dbr_store_close(s);
}

static void test_links_are_refused(void **state)
{
    static const char *const names[] = {"symlink", "dangling", "hard", "fifo", "folder"};
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    uint8_t *p;
    size_t n;
    (void)state;
    write_file("victim", "precious");
    assert_int_equal(symlink("victim", at("symlink")), 0);
    assert_int_equal(symlink("nowhere", at("dangling")), 0);
    char victim[300];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    assert_int_equal(link(victim, at("hard")), 0);
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(mkdir(at("folder"), 0700), 0);
    for (size_t i = 0; i < 5; i++) {
        for (int how = DBR_PUT_NEW; how <= DBR_PUT_SECRET_REPLACE; how++)
            assert_int_equal(put(s, names[i], "evil", (enum dbr_store_put)how), DBR_ERR_SHAPE);
        assert_int_not_equal(dbr_store_read(s, names[i], 100, &p, &n, why, sizeof why), 0);
        assert_null(p);
        assert_true(dbr_store_exists(s, names[i]));
    }
    expect_file("victim", "precious");
    dbr_store_close(s);
}

static void test_paths_are_refused(void **state)
{
    static const char *const paths[] = {"",   "/etc/passwd", "../x",      "a/../b", "a/b/c", "a/",
                                        "..", ".",           "a\nput /x", "./a",    "x/.",   "x/.."};
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    uint8_t *p;
    size_t n;
    char longest[300];
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(put(s, paths[i], "x", DBR_PUT_NEW), DBR_ERR_SHAPE);
        assert_int_equal(dbr_store_delete(s, paths[i], why, sizeof why), DBR_ERR_SHAPE);
        assert_int_equal(dbr_store_read(s, paths[i], 10, &p, &n, why, sizeof why), DBR_ERR_SHAPE);
        assert_int_equal(dbr_store_write_now(s, paths[i], "x", 1, 0600, why, sizeof why), DBR_ERR_SHAPE);
    }
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(put(s, longest, "x", DBR_PUT_NEW), DBR_ERR_SHAPE);
    assert_int_equal(put(s, "missing/x", "x", DBR_PUT_NEW), DBR_ERR_NOTFOUND);
    dbr_store_close(s);
}

static void test_reading(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_READ);
    uint8_t *p;
    size_t n;
    (void)state;
    write_file("a", "hello");
    assert_int_equal(dbr_store_read(s, "a", 5, &p, &n, why, sizeof why), 0);
    assert_int_equal(n, 5);
    assert_string_equal((char *)p, "hello");
    free(p);
    assert_int_equal(dbr_store_read(s, "a", 4, &p, &n, why, sizeof why), DBR_ERR_LIMIT);
    assert_int_equal(dbr_store_read(s, "b", 4, &p, &n, why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_store_read(s, "sub/b", 4, &p, &n, why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_store_mode_of(s, "b"), 0);
    dbr_store_close(s);
    assert_int_equal(dbr_store_open(&s, at("nowhere"), DBR_STORE_READ, 0, why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_store_open(&s, at("a"), DBR_STORE_READ, 0, why, sizeof why), DBR_ERR_IO);
}

/* --- runs that died
 * ------------------------------------------------------------------------------------------- */

static void died_before_the_journal(void)
{
    write_file(".busy", "");
    write_file("a", "old");
    write_file(".new.a", "new");
    mkdir(at("sub"), 0700);
    write_file("sub/.new.k", "key");
    write_file(".journal.new", "drawbridge-ca journal 1\nput a\n");
}

static void test_died_before_the_journal(void **state)
{
    (void)state;
    for (int mode = DBR_STORE_READ; mode <= DBR_STORE_WRITE; mode++) {
        died_before_the_journal();
        dbr_store_close(opened((enum dbr_store_mode)mode));
        expect_file("a", "old");
        expect_file(".new.a", NULL);
        expect_file("sub/.new.k", NULL);
        expect_file(".journal.new", NULL);
        expect_file(".busy", NULL);
    }
}

static void test_died_after_the_journal(void **state)
{
    (void)state;
    for (int done = 0; done <= 3; done++) { /* how much of step 4 was done */
        for (int mode = DBR_STORE_READ; mode <= DBR_STORE_WRITE; mode++) {
            mkdir(at("sub"), 0700);
            write_file("journal", "drawbridge-ca journal 1\nput a\nput sub/k\ndel d\nend\n");
            write_file(".busy", "");
            write_file(done >= 1 ? "a" : ".new.a", "new");
            write_file(done >= 2 ? "sub/k" : "sub/.new.k", "key");
            if (done < 1)
                write_file("a", "old");
            if (done < 3)
                write_file("d", "x");
            dbr_store_close(opened((enum dbr_store_mode)mode));
            expect_file("a", "new");
            expect_file("sub/k", "key");
            expect_file("d", NULL);
            expect_file("journal", NULL);
            expect_file(".busy", NULL);
            unlink(at("sub/k"));
            unlink(at("a"));
        }
    }
}

static void test_foreign_journals(void **state)
{
    static const char *const texts[] = {
        "",
        "end\n",
        "drawbridge-ca journal 1\n",
        "drawbridge-ca journal 2\nput a\nend\n",
        "drawbridge-ca journal 1\nput a\n",
        "drawbridge-ca journal 1\nput a\nput ben",
        "drawbridge-ca journal 1\nput ../../etc/passwd\nend\n",
        "drawbridge-ca journal 1\nput /etc/passwd\nend\n",
        "drawbridge-ca journal 1\nmov a\nend\n",
        "drawbridge-ca journal 1\nput \nend\n",
        "drawbridge-ca journal 1\n\nend\n",
    };
    struct dbr_store *s;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file("journal", texts[i]);
        write_file(".new.a", "new");
        if (dbr_store_open(&s, folder, DBR_STORE_WRITE, 0, why, sizeof why) != DBR_ERR_SHAPE)
            fail_msg("case %zu", i);
        expect_file("a", NULL);
        expect_file("journal", texts[i]); /* left for a person to look at */
    }
    char many[DBR_STORE_CHANGES * 8 + 100] = "drawbridge-ca journal 1\n";
    for (int i = 0; i <= DBR_STORE_CHANGES; i++)
        strcat(many, "put a\n");
    write_file("journal", strcat(many, "end\n"));
    assert_int_equal(dbr_store_open(&s, folder, DBR_STORE_WRITE, 0, why, sizeof why), DBR_ERR_SHAPE);
}

/* --- the rest
 * ------------------------------------------------------------------------------------------------- */

static void test_locks(void **state)
{
    struct dbr_store *a = opened(DBR_STORE_WRITE), *b;
    (void)state;
    assert_int_equal(dbr_store_open(&b, folder, DBR_STORE_WRITE, 30, why, sizeof why), DBR_ERR_TIMEOUT);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_non_null(strstr(why, pid));
    assert_int_equal(dbr_store_open(&b, folder, DBR_STORE_READ, 0, why, sizeof why), DBR_ERR_TIMEOUT);
    dbr_store_close(a);
    a = opened(DBR_STORE_READ);
    b = opened(DBR_STORE_READ); /* readers together */
    struct dbr_store *c;
    assert_int_equal(dbr_store_open(&c, folder, DBR_STORE_WRITE, 0, why, sizeof why), DBR_ERR_TIMEOUT);
    dbr_store_close(a);
    dbr_store_close(b);
    dbr_store_close(opened(DBR_STORE_WRITE));
}

static void test_write_now(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    (void)state;
    assert_int_equal(dbr_store_write_now(s, "n", "one", 3, 0600, why, sizeof why), 0);
    expect_file("n", "one");
    assert_int_equal(dbr_store_write_now(s, "n", "two", 3, 0640, why, sizeof why), 0);
    expect_file("n", "two");
    assert_int_equal(mode_of("n"), 0640);
    assert_int_equal(dbr_store_write_now(s, "missing/n", "two", 3, 0640, why, sizeof why), DBR_ERR_NOTFOUND);
    dbr_store_rollback(s);
    expect_file("n", "two"); /* not part of any transaction */
    dbr_store_close(s);
}

static void test_too_many_changes(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    char name[16];
    (void)state;
    for (int i = 0; i < DBR_STORE_CHANGES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_int_equal(put(s, name, "x", DBR_PUT_NEW), 0);
    }
    assert_int_equal(put(s, "one-more", "x", DBR_PUT_NEW), DBR_ERR_LIMIT);
    assert_int_equal(commit(s), 0);
    expect_file("f0", NULL);
    dbr_store_close(s);
}

static int count_name(void *arg, const char *name)
{
    assert_true(name[0] != '.');
    return ++*(int *)arg == 3 ? -99 : 0;
}

static void test_each(void **state)
{
    struct dbr_store *s = opened(DBR_STORE_WRITE);
    int n = 0;
    (void)state;
    write_file("a", "");
    write_file("b", "");
    assert_int_equal(dbr_store_each(s, "", count_name, &n), 0);
    assert_int_equal(n, 2);
    n = 0;
    write_file("c", "");
    assert_int_equal(dbr_store_each(s, "", count_name, &n), -99);
    assert_int_equal(dbr_store_each(s, "nowhere", count_name, &n), DBR_ERR_NOTFOUND);
    dbr_store_close(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_transaction),
        T(test_rollback),
        T(test_new_and_replace),
        T(test_links_are_refused),
        T(test_paths_are_refused),
        T(test_reading),
        T(test_died_before_the_journal),
        T(test_died_after_the_journal),
        T(test_foreign_journals),
        T(test_locks),
        T(test_write_now),
        T(test_too_many_changes),
        T(test_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
