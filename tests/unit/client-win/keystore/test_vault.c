/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The vault on a disk in memory: each call fails once, and is once the last one before a crash. Behind each
 * of them: the old text or the new one, whole; nothing else lies about; no clear byte was ever written.
 */
#include "fake.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OLD_TEXT "client\n# the first one " SECRET "\n"
#define NEW_TEXT "client\n# the second one, longer " SECRET "\n"

static struct fake disk;
static struct dbr_vault vault;
static struct dbr_vault_fs fs;
static char why[512];

static int setup(void **state)
{
    (void)state;
    fake_init(&disk, &vault, &fs);
    why[0] = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(disk.clear_bytes, 0);
    assert_int_equal(disk.open_files, 0);
    assert_false(disk.locked);
    assert_int_equal(fake_leaks, 0);
    fake_free(&disk);
    return 0;
}

static int put_as(const char *id, enum dbr_vault_item item, const char *text, bool replace, bool dpapi)
{
    enum dbr_seal seal;
    struct dbr_vault_put what = {id, item, text, strlen(text), replace, dpapi};
    return dbr_vault_put(&vault, &what, &seal, why, sizeof why);
}

static int put(const char *id, const char *text)
{
    return put_as(id, DBR_VAULT_PROFILE, text, true, false);
}

/* The text of a profile, or NULL. */
static bool reads(const char *id, const char *want)
{
    char *text;
    size_t len;
    int err = dbr_vault_get(&vault, id, DBR_VAULT_PROFILE, &text, &len, why, sizeof why);
    bool same = want ? !err && len == strlen(want) && strcmp(text, want) == 0 : err == DBR_ERR_NOTFOUND;
    dbr_vault_wipe(text, len);
    return same;
}

static bool nothing_lies_about(void)
{
    return !fake_count(&disk, ".new") && !fake_count(&disk, ".old") && !fake_count(&disk, ".gone");
}

/* ---- what is sealed how ---- */

static void efs_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(dbr_vault_has(&vault, "office", DBR_VAULT_PROFILE), DBR_SEAL_EFS);
    assert_true(fake_find(&disk, FAKE_ROOT "\\office\\client.ovpn")->encrypted);
    assert_true(reads("office", OLD_TEXT));
    assert_true(nothing_lies_about());
}

static void dpapi_where_efs_is_not(void **state)
{
    (void)state;
    disk.no_efs = true;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(dbr_vault_has(&vault, "office", DBR_VAULT_PROFILE), DBR_SEAL_DPAPI);
    assert_non_null(fake_find(&disk, FAKE_ROOT "\\office\\client.ovpn.dpapi"));
    assert_true(reads("office", OLD_TEXT));
}

static void dpapi_where_efs_only_says_yes(void **state)
{
    (void)state;
    disk.efs_lies = true;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(dbr_vault_has(&vault, "office", DBR_VAULT_PROFILE), DBR_SEAL_DPAPI);
    assert_true(reads("office", OLD_TEXT));
}

static void dpapi_where_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(put_as("office", DBR_VAULT_PROFILE, OLD_TEXT, false, true), 0);
    assert_int_equal(dbr_vault_has(&vault, "office", DBR_VAULT_PROFILE), DBR_SEAL_DPAPI);
}

/* The folder is encrypted, and the file that is made in it is not: nothing may be written. */
static void file_that_is_not_encrypted(void **state)
{
    (void)state;
    disk.efs_forgets = true;
    assert_int_equal(put("office", OLD_TEXT), DBR_ERR_AUTH);
    assert_non_null(strstr(why, "did not encrypt"));
    assert_true(reads("office", NULL));
    assert_int_equal(fake_count(&disk, ""), 0);
}

static void other_error_of_efs(void **state)
{
    (void)state;
    disk.efs_breaks = true;
    assert_int_equal(put("office", OLD_TEXT), DBR_ERR_IO);
    assert_non_null(strstr(why, "--dpapi"));
    assert_int_equal(fake_count(&disk, ""), 0);
}

static void disk_without_rights(void **state)
{
    (void)state;
    disk.no_rights = disk.no_efs = true;
    assert_int_equal(put("office", OLD_TEXT), DBR_ERR_AUTH);
    assert_non_null(strstr(why, "others may read"));
    assert_int_equal(fake_count(&disk, ""), 0);
}

static void disk_that_rots(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    disk.rots = true;
    assert_int_equal(put("office", NEW_TEXT), DBR_ERR_IO);
    assert_true(reads("office", OLD_TEXT));
    disk.no_efs = true;
    assert_int_equal(put("office", NEW_TEXT), DBR_ERR_IO);
    assert_true(reads("office", OLD_TEXT));
    assert_true(nothing_lies_about());
}

/* From EFS to DPAPI and back: one of them is there, the last. */
static void seal_changes(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, true, true), 0);
    assert_true(reads("office", NEW_TEXT));
    assert_int_equal(fake_count(&disk, ""), 1);
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_true(reads("office", OLD_TEXT));
    assert_int_equal(fake_count(&disk, ""), 1);
}

/* ---- what is refused ---- */

static void only_with_replace(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, false, false), DBR_ERR_EXISTS);
    assert_non_null(strstr(why, "--replace"));
    assert_true(reads("office", OLD_TEXT));
}

static void empty_and_too_long(void **state)
{
    (void)state;
    char *text = malloc(DBR_VAULT_MAX / 2 + 2);
    memset(text, '#', DBR_VAULT_MAX / 2 + 1);
    text[DBR_VAULT_MAX / 2 + 1] = 0;
    assert_int_equal(put("office", ""), DBR_ERR_LIMIT);
    assert_int_equal(put("office", text), DBR_ERR_LIMIT);
    free(text);
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {"..\\other", "con", "", "a/b", "x\\client.ovpn", "a:b"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *text;
        size_t len;
        assert_int_equal(put(bad[i], OLD_TEXT), DBR_ERR_CONFIG);
        assert_int_equal(dbr_vault_get(&vault, bad[i], DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                         DBR_ERR_CONFIG);
        assert_int_equal(dbr_vault_remove(&vault, bad[i], why, sizeof why), DBR_ERR_CONFIG);
        assert_int_equal(dbr_vault_rename(&vault, bad[i], "good", why, sizeof why), DBR_ERR_CONFIG);
        assert_int_equal(dbr_vault_rename(&vault, "good", bad[i], why, sizeof why), DBR_ERR_CONFIG);
        assert_int_equal(dbr_vault_has(&vault, bad[i], DBR_VAULT_PROFILE), DBR_SEAL_NONE);
    }
    assert_int_equal(disk.n, 0);
}

static void in_the_clear(void **state)
{
    char *text;
    size_t len;
    (void)state;
    fake_add(&disk, FAKE_ROOT "\\office\\client.ovpn", OLD_TEXT, false, true);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_AUTH);
    assert_null(text);
    assert_non_null(strstr(why, "in the clear"));
    assert_non_null(strstr(why, "import"));
}

static void others_may_read(void **state)
{
    char *text;
    size_t len;
    (void)state;
    fake_add(&disk, FAKE_ROOT "\\office\\client.ovpn", OLD_TEXT, true, false);
    fake_add(&disk, FAKE_ROOT "\\home\\client.ovpn.dpapi", "sealed for home:x", false, false);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_AUTH);
    assert_non_null(strstr(why, "other users"));
    assert_int_equal(dbr_vault_get(&vault, "home", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_AUTH);
}

/* A blob of one profile does not open as another's. */
static void blob_of_another(void **state)
{
    char *text;
    size_t len;
    (void)state;
    fake_add(&disk, FAKE_ROOT "\\office\\client.ovpn.dpapi", "sealed for home:x", false, true);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_CRYPTO);
    assert_non_null(strstr(why, "cannot be opened"));
}

static void one_at_a_time(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    disk.others_lock = true;
    assert_int_equal(put("office", NEW_TEXT), DBR_ERR_AGAIN);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), DBR_ERR_AGAIN);
    assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), DBR_ERR_AGAIN);
    assert_true(reads("office", OLD_TEXT));
    disk.others_lock = false;
}

/* ---- list, remove, rename ---- */

static void count(void *arg, const char *id)
{
    assert_true(strcmp(id, "office") == 0 || strcmp(id, "home") == 0);
    ++*(unsigned *)arg;
}

static void list_and_remove(void **state)
{
    unsigned n = 0;
    (void)state;
    assert_int_equal(dbr_vault_list(&vault, count, &n), 0);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
    assert_int_equal(n, 0);
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(put_as("home", DBR_VAULT_KEY, OLD_TEXT, false, true), 0);
    fake_add(&disk, FAKE_ROOT "\\..strange", NULL, false, true);
    assert_int_equal(dbr_vault_list(&vault, count, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), 0);
    assert_int_equal(dbr_vault_remove(&vault, "home", why, sizeof why), 0);
    assert_int_equal(dbr_vault_remove(&vault, "home", why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(fake_count(&disk, ""), 0);
    assert_null(fake_find(&disk, FAKE_ROOT "\\office"));
}

static void rename_keeps_both(void **state)
{
    (void)state;
    assert_int_equal(put("office", OLD_TEXT), 0);
    assert_int_equal(put_as("office", DBR_VAULT_KEY, NEW_TEXT, false, true), 0);
    assert_int_equal(put("home", NEW_TEXT), 0);
    assert_int_equal(dbr_vault_rename(&vault, "office", "home", why, sizeof why), DBR_ERR_EXISTS);
    assert_int_equal(dbr_vault_rename(&vault, "nowhere", "new", why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_vault_rename(&vault, "office", "branch", why, sizeof why), 0);
    assert_true(reads("branch", OLD_TEXT));
    assert_int_equal(dbr_vault_has(&vault, "branch", DBR_VAULT_KEY), DBR_SEAL_DPAPI);
    assert_true(reads("office", NULL));
    assert_null(fake_find(&disk, FAKE_ROOT "\\office"));
}

/* ---- stopped at each call ---- */

struct scene {
    const char *before; /* NULL: nothing was there */
    bool dpapi_before, dpapi, no_efs;
};

static void prepare(const struct scene *s)
{
    fake_free(&disk);
    fake_init(&disk, &vault, &fs);
    if (s->before)
        assert_int_equal(put_as("office", DBR_VAULT_PROFILE, s->before, true, s->dpapi_before), 0);
    disk.no_efs = s->no_efs;
    disk.calls = 0;
}

/* What is left after `rc`, and after the next start. */
static void check_left(const struct scene *s, enum fake_stop stop, unsigned at, int rc)
{
    bool now_new = reads("office", NEW_TEXT);
    fake_restart(&disk);
    bool before = reads("office", NEW_TEXT) || reads("office", s->before);
    assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
    bool is_new = reads("office", NEW_TEXT), is_old = reads("office", s->before);
    if (!before || (!is_new && !is_old) || (rc == 0 && !is_new))
        fail_msg("stop %d at call %u (rc %d): neither the old text nor the new one", (int)stop, at, rc);
    if (stop == FAKE_FAILS && rc == 0)
        assert_true(now_new);
    assert_true(nothing_lies_about());
    assert_int_equal(fake_count(&disk, ""), is_new || s->before ? 1 : 0);
    assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
    assert_int_equal(put("office", NEW_TEXT), 0); /* and the next import works */
    assert_true(reads("office", NEW_TEXT));
    assert_int_equal(disk.clear_bytes, 0);
    assert_int_equal(fake_leaks, 0);
}

static void stop_everywhere(const struct scene *s, enum fake_stop stop)
{
    prepare(s);
    assert_int_equal(put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, true, s->dpapi), 0);
    unsigned calls = disk.calls;
    assert_in_range(calls, 10, 200);
    for (unsigned at = 0; at < calls; at++) {
        prepare(s);
        disk.stop = stop;
        disk.at = at;
        int rc = put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, true, s->dpapi);
        check_left(s, stop, at, rc);
    }
}

static void put_stops_everywhere(void **state)
{
    static const struct scene scenes[] = {
        {NULL, false, false, false},    {OLD_TEXT, false, false, false}, {OLD_TEXT, true, false, false},
        {OLD_TEXT, false, true, false}, {OLD_TEXT, true, true, false},   {NULL, false, false, true},
        {OLD_TEXT, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        stop_everywhere(&scenes[i], FAKE_FAILS);
        stop_everywhere(&scenes[i], FAKE_CRASHES);
    }
}

/* Recovery itself may be stopped at each call, after a crash at each call. */
static void recovery_stops_everywhere(void **state)
{
    static const struct scene scene = {OLD_TEXT, false, true, false};
    (void)state;
    prepare(&scene);
    put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, true, true);
    unsigned calls = disk.calls;
    for (unsigned at = 0; at < calls; at++)
        for (unsigned again = 0; again < 40; again++) {
            prepare(&scene);
            disk.stop = FAKE_CRASHES;
            disk.at = at;
            put_as("office", DBR_VAULT_PROFILE, NEW_TEXT, true, true);
            fake_restart(&disk);
            disk.stop = FAKE_CRASHES;
            disk.at = again;
            dbr_vault_recover(&vault, why, sizeof why);
            check_left(&scene, FAKE_CRASHES, at, 1);
        }
}

/* Removed or whole, never half of it. */
static void remove_stops_everywhere(void **state)
{
    static const struct scene scene = {OLD_TEXT, false, false, false};
    (void)state;
    for (int stop = FAKE_FAILS; stop <= FAKE_CRASHES; stop++)
        for (unsigned at = 0; at < 80; at++) {
            prepare(&scene);
            disk.stop = (enum fake_stop)stop;
            disk.at = at;
            int rc = dbr_vault_remove(&vault, "office", why, sizeof why);
            fake_restart(&disk);
            assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
            bool gone = reads("office", NULL);
            assert_true(gone || reads("office", OLD_TEXT));
            if (rc == 0)
                assert_true(gone);
            assert_int_equal(fake_count(&disk, ""), gone ? 0 : 1);
        }
}

/* One of the names always has it. */
static void rename_stops_everywhere(void **state)
{
    static const struct scene scene = {OLD_TEXT, true, false, false};
    (void)state;
    for (int stop = FAKE_FAILS; stop <= FAKE_CRASHES; stop++)
        for (unsigned at = 0; at < 160; at++) {
            prepare(&scene);
            disk.stop = (enum fake_stop)stop;
            disk.at = at;
            int rc = dbr_vault_rename(&vault, "office", "branch", why, sizeof why);
            fake_restart(&disk);
            assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
            assert_true(reads("office", OLD_TEXT) || reads("branch", OLD_TEXT));
            if (rc == 0)
                assert_true(reads("branch", OLD_TEXT) && reads("office", NULL));
            assert_true(nothing_lies_about());
        }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(efs_where_it_is),
        T(dpapi_where_efs_is_not),
        T(dpapi_where_efs_only_says_yes),
        T(dpapi_where_it_is_asked_for),
        T(file_that_is_not_encrypted),
        T(other_error_of_efs),
        T(disk_without_rights),
        T(disk_that_rots),
        T(seal_changes),
        T(only_with_replace),
        T(empty_and_too_long),
        T(names_are_checked),
        T(in_the_clear),
        T(others_may_read),
        T(blob_of_another),
        T(one_at_a_time),
        T(list_and_remove),
        T(rename_keeps_both),
        T(put_stops_everywhere),
        T(recovery_stops_everywhere),
        T(remove_stops_everywhere),
        T(rename_stops_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
