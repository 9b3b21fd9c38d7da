/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts that ask Windows: rights, DPAPI, files, and the vault on a real disk. What EFS does is seen only
 * where there is EFS.
 */
#include "client-win/keystore/keystore.h"
#include "client-win/keystore/system_win.h"

#include "base/err.h"
#include "client-win/base/utf.h"

#include <aclapi.h>
#include <sddl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROFILE "client\n# something secret\n"

static char home[300];
static struct dbr_vault vault;
static char why[1024];

static int setup(void **state)
{
    wchar_t temp[MAX_PATH], dir[MAX_PATH + 64];
    static unsigned nth;
    (void)state;
    GetTempPathW(MAX_PATH, temp);
    _snwprintf(dir, MAX_PATH + 64, L"%lskeystore-%lu-%lu", temp, GetCurrentProcessId(),
               GetTickCount() + nth++);
    assert_true(CreateDirectoryW(dir, NULL));
    assert_int_equal(dbr_utf8_from16(home, sizeof home, dir), 0);
    vault.fs = &fs_table;
    snprintf(vault.root, sizeof vault.root, "%s\\profiles", home);
    return 0;
}

static int teardown(void **state)
{
    wchar_t wide[FS_WIDE];
    (void)state;
    fs_table.remove_dir(NULL, vault.root);
    assert_true(fs_wide(home, wide));
    RemoveDirectoryW(wide);
    return 0;
}

static int put(const char *id, const char *text, enum dbr_seal *seal)
{
    struct dbr_vault_put what = {.id = id, .text = text, .len = strlen(text), .replace = true};
    return dbr_vault_put(&vault, &what, seal, why, sizeof why);
}

static void vault_on_a_disk(void **state)
{
    enum dbr_seal seal;
    char *text;
    size_t len;
    (void)state;
    int err = put("office", PROFILE, &seal);
    if (err)
        fail_msg("%d %s", err, why);
    assert_int_equal(put("office", PROFILE PROFILE, &seal), 0);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why), 0);
    assert_string_equal(text, PROFILE PROFILE);
    dbr_vault_wipe(text, len);
    assert_int_equal(dbr_vault_recover(&vault, why, sizeof why), 0);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), 0);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_NOTFOUND);
}

/* With EFS the file has the attribute; else the disk shows none of its words. */
static void nothing_in_the_clear(void **state)
{
    enum dbr_seal seal;
    char path[DBR_VAULT_PATH];
    struct dbr_vault_look look;
    uint8_t *p;
    size_t n;
    (void)state;
    assert_int_equal(put("office", PROFILE, &seal), 0);
    snprintf(path, sizeof path, "%s\\office\\client.ovpn%s", vault.root,
             seal == DBR_SEAL_DPAPI ? ".dpapi" : "");
    assert_int_equal(fs_table.look(NULL, path, &look), 0);
    assert_true(look.private_);
    assert_int_equal(look.encrypted, seal == DBR_SEAL_EFS);
    assert_int_equal(fs_table.read(NULL, path, 1 << 20, &p, &n), 0);
    for (size_t i = 0; seal == DBR_SEAL_DPAPI && i + 6 <= n; i++)
        assert_memory_not_equal(p + i, "secret", 6);
    dbr_vault_wipe((char *)p, n);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), 0);
}

static void efs(void **state)
{
    enum dbr_seal seal;
    (void)state;
    assert_int_equal(put("office", PROFILE, &seal), 0);
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), 0);
    if (seal == DBR_SEAL_EFS)
        return;
    print_message(
        "skipped: EncryptFileW encrypts nothing on this system, so that EFS cannot be seen at work\n");
    skip();
}

/* What somebody wrote there by hand is refused. */
static void clear_file_is_refused(void **state)
{
    enum dbr_seal seal;
    char path[DBR_VAULT_PATH], *text;
    void *file;
    size_t len;
    (void)state;
    assert_int_equal(put("office", PROFILE, &seal), 0);
    if (seal != DBR_SEAL_DPAPI) { /* there a new file would be encrypted at once */
        dbr_vault_remove(&vault, "office", why, sizeof why);
        skip();
    }
    snprintf(path, sizeof path, "%s\\office\\client.ovpn", vault.root);
    assert_int_equal(fs_table.create(NULL, path, &file), 0);
    assert_int_equal(fs_table.write(NULL, file, PROFILE, sizeof PROFILE - 1), 0);
    assert_int_equal(fs_table.close(NULL, file, true), 0);
    assert_int_equal(dbr_vault_get(&vault, "office", DBR_VAULT_PROFILE, &text, &len, why, sizeof why),
                     DBR_ERR_AUTH);
    assert_non_null(strstr(why, "in the clear"));
    assert_int_equal(dbr_vault_remove(&vault, "office", why, sizeof why), 0);
}

/* ---- DPAPI ---- */

static void dpapi(void **state)
{
    uint8_t *blob, *plain;
    size_t blob_len, len;
    (void)state;
    assert_int_equal(dpapi_seal(NULL, "office", PROFILE, sizeof PROFILE, &blob, &blob_len), 0);
    assert_true(blob_len > sizeof PROFILE);
    assert_int_equal(dpapi_unseal(NULL, "OFFICE", blob, blob_len, &plain, &len), 0);
    assert_int_equal(len, sizeof PROFILE);
    assert_memory_equal(plain, PROFILE, len);
    free(plain);
    assert_int_equal(dpapi_unseal(NULL, "office2", blob, blob_len, &plain, &len), DBR_ERR_CRYPTO);
    blob[blob_len - 1] ^= 1; /* Wine does not guard all of it */
    assert_int_equal(dpapi_unseal(NULL, "office", blob, blob_len, &plain, &len), DBR_ERR_CRYPTO);
    assert_int_equal(dpapi_unseal(NULL, "office", "x", 1, &plain, &len), DBR_ERR_CRYPTO);
    free(blob);
}

/* ---- rights ---- */

static HANDLE make_file(const char *sddl)
{
    char path[DBR_VAULT_PATH];
    wchar_t wide[FS_WIDE];
    SECURITY_ATTRIBUTES a = {sizeof a, NULL, FALSE};
    if (sddl)
        assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1,
                                                                         &a.lpSecurityDescriptor, NULL));
    else
        a.lpSecurityDescriptor = acl_owner_only();
    snprintf(path, sizeof path, "%s\\file", home);
    assert_true(fs_wide(path, wide));
    HANDLE h = CreateFileW(wide, GENERIC_READ | READ_CONTROL, FILE_SHARE_DELETE, &a, CREATE_NEW,
                           FILE_FLAG_DELETE_ON_CLOSE, NULL);
    LocalFree(a.lpSecurityDescriptor);
    assert_ptr_not_equal(h, INVALID_HANDLE_VALUE);
    return h;
}

/* Wine keeps of a list what Unix can express; what it did not keep cannot be judged. */
static bool is_kept(HANDLE h, const char *sddl)
{
    PSECURITY_DESCRIPTOR sd = NULL;
    char *text = NULL, want[8] = "";
    const char *sid = sddl ? strrchr(sddl, ';') : NULL;
    bool kept = false;
    if (!sddl)
        return true;
    if (sid)
        snprintf(want, sizeof want, "%.3s", sid);
    if (GetSecurityInfo(h, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &sd) == 0 &&
        ConvertSecurityDescriptorToStringSecurityDescriptorA(sd, SDDL_REVISION_1, DACL_SECURITY_INFORMATION,
                                                             &text, NULL))
        kept = strstr(text, sid ? want : sddl) != NULL;
    if (!kept)
        print_message("skipped: %s is kept here as %s\n", sddl, text ? text : "nothing");
    LocalFree(text);
    LocalFree(sd);
    return kept;
}

static void rights(void **state)
{
    static const struct {
        const char *sddl;
        bool is_private;
    } rows[] = {
        {NULL, true},
        {"D:P(A;;FA;;;WD)", false},
        {"D:P(A;;FR;;;WD)", false},
        {"D:P(A;;GR;;;BU)", false},
        {"D:P(A;;FR;;;AU)", false},
        {"D:P(A;;WD;;;WD)", false},
        {"D:P(A;;FA;;;SY)(A;;FA;;;BA)", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        HANDLE h = make_file(rows[i].sddl);
        bool is = acl_is_private(h), kept = is_kept(h, rows[i].sddl);
        CloseHandle(h);
        if (kept && is != rows[i].is_private)
            fail_msg("%s: %d", rows[i].sddl ? rows[i].sddl : "owner only", (int)is);
    }
}

/* Without a list everybody may do everything. */
static void no_list(void **state)
{
    (void)state;
    HANDLE h = make_file("D:NO_ACCESS_CONTROL");
    bool is = acl_is_private(h) || acl_is_of_admin(h), kept = is_kept(h, "D:NO_ACCESS_CONTROL");
    CloseHandle(h);
    if (!kept)
        skip();
    assert_false(is);
}

/* ---- files ---- */

static void lock(void **state)
{
    (void)state;
    assert_int_equal(fs_table.lock(NULL, vault.root), DBR_ERR_NOTFOUND);
    assert_int_equal(fs_table.make_dir(NULL, vault.root), 0);
    assert_int_equal(fs_table.make_dir(NULL, vault.root), 0); /* one that is there becomes private, too */
    struct dbr_vault_look look;
    assert_int_equal(fs_table.look(NULL, vault.root, &look), 0);
    assert_true(look.private_);
    assert_int_equal(fs_table.lock(NULL, vault.root), 0);
    char path[DBR_VAULT_PATH];
    wchar_t wide[FS_WIDE];
    snprintf(path, sizeof path, "%s\\.lock", vault.root);
    assert_true(fs_wide(path, wide));
    assert_ptr_equal(CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL), INVALID_HANDLE_VALUE);
    fs_table.unlock(NULL);
    assert_int_equal(fs_table.lock(NULL, vault.root), 0);
    fs_table.unlock(NULL);
}

static void sources(void **state)
{
    char path[DBR_VAULT_PATH];
    void *file;
    uint8_t *p;
    size_t n;
    (void)state;
    snprintf(path, sizeof path, "%s\\b\xc3\xbcro.ovpn", home);
    assert_int_equal(fs_table.create(NULL, path, &file), 0);
    assert_int_equal(fs_table.close(NULL, file, true), 0);
    assert_int_equal(fs_table.create(NULL, path, &file), DBR_ERR_EXISTS);
    assert_int_equal(fs_read_source(NULL, path, 100, &p, &n), DBR_ERR_LIMIT); /* empty */
    assert_int_equal(fs_erase(NULL, path), 0);
    assert_int_equal(fs_table.create(NULL, path, &file), 0);
    assert_int_equal(fs_table.write(NULL, file, PROFILE, sizeof PROFILE), 0);
    assert_int_equal(fs_table.close(NULL, file, true), 0);
    assert_int_equal(fs_read_source(NULL, path, sizeof PROFILE - 1, &p, &n), DBR_ERR_LIMIT);
    assert_int_equal(fs_read_source(NULL, path, sizeof PROFILE, &p, &n), 0);
    assert_int_equal(n, sizeof PROFILE);
    free(p);
    assert_int_not_equal(fs_read_source(NULL, home, 100, &p, &n), 0); /* a folder */
    assert_int_equal(dbr_keystore_delete_clear(path, why, sizeof why), 0);
    assert_int_equal(fs_read_source(NULL, path, 100, &p, &n), DBR_ERR_NOTFOUND);
    assert_int_equal(fs_erase(NULL, path), DBR_ERR_NOTFOUND);
    assert_int_not_equal(dbr_keystore_delete_clear(path, why, sizeof why), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(vault_on_a_disk),
        T(nothing_in_the_clear),
        T(efs),
        T(clear_file_is_refused),
        T(dpapi),
        T(rights),
        T(no_list),
        T(lock),
        T(sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
