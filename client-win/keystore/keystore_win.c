/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/keystore.h"
#include "client-win/keystore/system_win.h"
#include "client-win/keystore/why.h"

#include "client-win/base/utf.h"
#include "base/err.h"

#include <knownfolders.h>
#include <shlobj.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- folders ---- */

/* "<known folder>\Drawbridge", by what Windows knows and not by the environment. */
static int home_of(const KNOWNFOLDERID *id, char out[DBR_VAULT_ROOT])
{
    wchar_t *wide = NULL;
    char text[DBR_VAULT_ROOT];
    int err = SHGetKnownFolderPath(id, KF_FLAG_DEFAULT, NULL, &wide) == S_OK
                  ? dbr_utf8_from16(text, sizeof text - 32, wide)
                  : DBR_ERR_NOTFOUND;
    CoTaskMemFree(wide);
    if (!err)
        snprintf(out, DBR_VAULT_ROOT, "%.*s\\Drawbridge", DBR_VAULT_ROOT - 32, text);
    return err;
}

static int read_machine(void *arg, const char *id, char **text, size_t *len, char *why, size_t cap);

static int open_vault(struct dbr_profiles *p, char *why, size_t cap)
{
    char home[DBR_VAULT_ROOT];
    int err = home_of(&FOLDERID_LocalAppData, home);
    *p = (struct dbr_profiles){.vault.fs = &fs_table, .machine = read_machine};
    snprintf(p->vault.root, sizeof p->vault.root, "%.*s\\profiles", DBR_VAULT_ROOT - 10, home);
    return err ? keys_complain(err, why, cap,
                               "Windows does not say where your folder AppData\\Local is; sign in again")
               : 0;
}

/* The same, and the folder above the vault is there. */
static int open_to_change(struct dbr_profiles *p, char *why, size_t cap)
{
    char home[DBR_VAULT_ROOT];
    int err = open_vault(p, why, cap);
    if (err)
        return err;
    home_of(&FOLDERID_LocalAppData, home);
    err = fs_table.make_dir(NULL, home);
    return err ? keys_complain(err, why, cap, "%s cannot be made; look at its rights", home) : 0;
}

/* ---- profiles for all users ---- */

/* Each folder on the way is the administrators' alone: anybody may make folders in ProgramData. */
static int check_way(const char *home, const char *id)
{
    const char *const ends[] = {"", "\\profiles", "\\profiles\\"};
    char path[DBR_VAULT_PATH];
    uint8_t *none;
    size_t n;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s%s", home, ends[i], i == 2 ? id : "");
        int err = fs_read_admin(path, 0, &none, &n);
        if (err)
            return err;
    }
    return 0;
}

static int read_machine(void *arg, const char *id, char **text, size_t *len, char *why, size_t cap)
{
    char home[DBR_VAULT_ROOT], path[DBR_VAULT_PATH];
    struct dbr_vault_look look;
    uint8_t *p = NULL;
    (void)arg;
    *text = NULL;
    *len = 0;
    if (dbr_profile_id_check(id, why, cap) || home_of(&FOLDERID_ProgramData, home))
        return DBR_ERR_NOTFOUND;
    snprintf(path, sizeof path, "%s\\profiles\\%s\\client.ovpn", home, id);
    if (fs_table.look(NULL, path, &look) == DBR_ERR_NOTFOUND)
        return DBR_ERR_NOTFOUND;
    int err = check_way(home, id);
    if (!err)
        err = fs_read_admin(path, DBR_PROFILE_MAX, &p, len);
    if (err)
        return keys_complain(
            err, why, cap,
            err == DBR_ERR_AUTH
                ? "%s can be changed by others than administrators, so that it is not used: ask your "
                  "administrator to correct its rights"
                : "%s cannot be read: ask your administrator",
            path);
    *text = realloc(p, *len + 1); /* holds no key */
    if (!*text) {
        free(p);
        return DBR_ERR_NOMEM;
    }
    (*text)[*len] = 0;
    return 0;
}

/* ---- what the rest of the client calls ---- */

int dbr_keystore_load(const char *id, char **text, size_t *len, char *why, size_t cap)
{
    struct dbr_profiles p;
    int err = open_vault(&p, why, cap);
    *text = NULL;
    *len = 0;
    return err ? err : dbr_profile_load(&p, id, text, len, why, cap);
}

int dbr_keystore_import(const struct dbr_import *what, struct dbr_imported *out, char *why, size_t cap)
{
    struct dbr_profiles p;
    struct dbr_import full = *what;
    full.read = fs_read_source;
    full.now_unix_s = (int64_t)time(NULL);
    *out = (struct dbr_imported){0};
    int err = open_to_change(&p, why, cap);
    return err ? err : dbr_profile_import(&p, &full, out, why, cap);
}

int dbr_keystore_remove(const char *id, char *why, size_t cap)
{
    struct dbr_profiles p;
    int err = open_vault(&p, why, cap);
    return err ? err : dbr_vault_remove(&p.vault, id, why, cap);
}

int dbr_keystore_rename(const char *from, const char *to, char *why, size_t cap)
{
    struct dbr_profiles p;
    int err = open_vault(&p, why, cap);
    return err ? err : dbr_vault_rename(&p.vault, from, to, why, cap);
}

int dbr_keystore_recover(char *why, size_t cap)
{
    struct dbr_profiles p;
    int err = open_vault(&p, why, cap);
    return err ? err : dbr_vault_recover(&p.vault, why, cap);
}

struct lister {
    const struct dbr_vault *vault;
    void (*each)(void *arg, const struct dbr_keystore_entry *entry);
    void *arg;
};

static void list_own(void *arg, const char *id)
{
    const struct lister *l = arg;
    struct dbr_keystore_entry e = {.seal = dbr_vault_has(l->vault, id, DBR_VAULT_PROFILE)};
    snprintf(e.id, sizeof e.id, "%s", id);
    if (e.seal) /* a key alone is listed with its profile */
        l->each(l->arg, &e);
}

static void list_machine(void *arg, const char *name)
{
    const struct lister *l = arg;
    struct dbr_keystore_entry e = {.machine = true};
    char *text = NULL;
    size_t len = 0;
    if (dbr_profile_id_check(name, NULL, 0) || dbr_vault_has(l->vault, name, DBR_VAULT_PROFILE) ||
        read_machine(NULL, name, &text, &len, NULL, 0))
        return;
    dbr_vault_wipe(text, len);
    snprintf(e.id, sizeof e.id, "%s", name);
    e.seal = dbr_vault_has(l->vault, name, DBR_VAULT_KEY);
    e.lacks_key = !e.seal;
    l->each(l->arg, &e);
}

int dbr_keystore_list(void (*each)(void *arg, const struct dbr_keystore_entry *entry), void *arg)
{
    struct dbr_profiles p;
    char home[DBR_VAULT_ROOT], path[DBR_VAULT_PATH];
    int err = open_vault(&p, NULL, 0);
    struct lister l = {&p.vault, each, arg};
    if (!err)
        err = dbr_vault_list(&p.vault, list_own, &l);
    if (err || home_of(&FOLDERID_ProgramData, home))
        return err;
    snprintf(path, sizeof path, "%s\\profiles", home);
    err = fs_table.list(NULL, path, list_machine, &l);
    return err == DBR_ERR_NOTFOUND ? 0 : err;
}

enum dbr_seal dbr_keystore_state(char *why, size_t cap)
{
    wchar_t *wide = NULL;
    char reason[128] = "";
    bool efs = SHGetKnownFolderPath(&FOLDERID_LocalAppData, KF_FLAG_DEFAULT, NULL, &wide) == S_OK &&
               efs_is_there(wide, reason, sizeof reason);
    CoTaskMemFree(wide);
    if (efs)
        keys_complain(0, why, cap, "profiles are encrypted by EFS for your account");
    else
        keys_complain(0, why, cap, "profiles are encrypted by DPAPI for your account%s%s",
                      *reason ? ": " : "", reason);
    return efs ? DBR_SEAL_EFS : DBR_SEAL_DPAPI;
}

int dbr_keystore_delete_clear(const char *path, char *why, size_t cap)
{
    wchar_t wide[FS_WIDE], whole[FS_WIDE];
    char text[DBR_VAULT_PATH + DBR_SOURCE_PATH];
    int err = dbr_source_check(path, why, cap);
    if (err)
        return err;
    DWORD n = dbr_utf16_from8(wide, FS_WIDE, path) ? 0 : GetFullPathNameW(wide, FS_WIDE, whole, NULL);
    err = !n || n >= FS_WIDE || dbr_utf8_from16(text, sizeof text, whole) ? DBR_ERR_IO : fs_erase(NULL, text);
    return err ? keys_complain(err, why, cap, "%s cannot be deleted: %s; delete it yourself", path,
                               dbr_err_text(err))
               : 0;
}
