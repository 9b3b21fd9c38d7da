/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/keystore/vault.h"
#include "client-win/keystore/why.h"

#include "base/err.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

enum stage { LIVE, NEW, OLD, GONE };
static const char *const stages[] = {"", ".new", ".old", ".gone"};
static const char *const items[] = {"client.ovpn", "key.ovpn"};
static const enum dbr_seal seals[] = {DBR_SEAL_EFS, DBR_SEAL_DPAPI};
enum { ITEMS = 2, SEALS = 2 };

static const char *dir_of(const struct dbr_vault *v, const char *id, char out[DBR_VAULT_PATH])
{
    snprintf(out, DBR_VAULT_PATH, "%s\\%s", v->root, id);
    return out;
}

/* What is in hand: one text of one profile. */
struct spot {
    const struct dbr_vault *v;
    const char *id;
    enum dbr_vault_item item;
};

static const char *path_of(const struct spot *s, enum dbr_seal seal, enum stage stage,
                           char out[DBR_VAULT_PATH])
{
    snprintf(out, DBR_VAULT_PATH, "%s\\%s\\%s%s%s", s->v->root, s->id, items[s->item],
             seal == DBR_SEAL_DPAPI ? ".dpapi" : "", stages[stage]);
    return out;
}

static bool is_there(const struct spot *s, enum dbr_seal seal, enum stage stage)
{
    char path[DBR_VAULT_PATH];
    struct dbr_vault_look look;
    const struct dbr_vault_fs *fs = s->v->fs;
    return fs->look(fs->arg, path_of(s, seal, stage, path), &look) != DBR_ERR_NOTFOUND;
}

static int erase(const struct spot *s, enum dbr_seal seal, enum stage stage)
{
    char path[DBR_VAULT_PATH];
    const struct dbr_vault_fs *fs = s->v->fs;
    return is_there(s, seal, stage) ? fs->erase(fs->arg, path_of(s, seal, stage, path)) : 0;
}

static int move(const struct spot *s, enum dbr_seal seal, enum stage from, enum stage to)
{
    char a[DBR_VAULT_PATH], b[DBR_VAULT_PATH];
    const struct dbr_vault_fs *fs = s->v->fs;
    return fs->rename(fs->arg, path_of(s, seal, from, a), path_of(s, seal, to, b));
}

static enum dbr_seal find(const struct spot *s, enum stage stage)
{
    for (size_t i = 0; i < SEALS; i++)
        if (is_there(s, seals[i], stage))
            return seals[i];
    return DBR_SEAL_NONE;
}

void dbr_vault_wipe(char *text, size_t len)
{
    if (text)
        dbr_wipe(text, len);
    free(text);
}

/* ---- after a crash ---- */

/* The old text goes where the new one is whole, and comes back where it is not. */
static int mend_old(const struct spot *s, enum dbr_seal seal)
{
    if (!is_there(s, seal, OLD))
        return 0;
    return find(s, LIVE) ? erase(s, seal, OLD) : move(s, seal, OLD, LIVE);
}

static int mend_item(const struct spot *s)
{
    int err = 0;
    for (size_t i = 0; i < SEALS && !err; i++) {
        err = mend_old(s, seals[i]);
        if (!err)
            err = erase(s, seals[i], NEW);
        if (!err)
            err = erase(s, seals[i], GONE);
    }
    return err;
}

static void drop_empty_dir(const struct dbr_vault *v, const char *id)
{
    char path[DBR_VAULT_PATH];
    for (int item = 0; item < ITEMS; item++)
        if (find(&(struct spot){v, id, (enum dbr_vault_item)item}, LIVE))
            return;
    v->fs->remove_dir(v->fs->arg, dir_of(v, id, path)); /* one with something else in it stays */
}

static int mend(const struct dbr_vault *v, const char *id)
{
    int err = 0;
    for (int item = 0; item < ITEMS && !err; item++)
        err = mend_item(&(struct spot){v, id, (enum dbr_vault_item)item});
    if (!err)
        drop_empty_dir(v, id);
    return err;
}

/* Names are kept while folders change. */
struct names {
    char (*v)[DBR_PROFILE_ID];
    size_t n;
    bool nomem;
};

static void keep_name(void *arg, const char *name)
{
    struct names *names = arg;
    if (dbr_profile_id_check(name, NULL, 0))
        return;
    void *grown = realloc(names->v, (names->n + 1) * sizeof *names->v);
    if (!grown) {
        names->nomem = true;
        return;
    }
    names->v = grown;
    snprintf(names->v[names->n++], DBR_PROFILE_ID, "%s", name);
}

static int read_names(const struct dbr_vault *v, struct names *names)
{
    *names = (struct names){0};
    int err = v->fs->list(v->fs->arg, v->root, keep_name, names);
    if (err == DBR_ERR_NOTFOUND)
        return 0;
    return names->nomem ? DBR_ERR_NOMEM : err;
}

static int lock(const struct dbr_vault *v, char *why, size_t cap)
{
    int err = v->fs->lock(v->fs->arg, v->root);
    if (err == DBR_ERR_AGAIN)
        return keys_complain(err, why, cap,
                             "another program changes the profiles just now; try again in a moment");
    return err ? keys_complain(err, why, cap, "%s cannot be used: %s; look at its rights", v->root,
                               dbr_err_text(err))
               : 0;
}

int dbr_vault_recover(struct dbr_vault *v, char *why, size_t cap)
{
    struct names names;
    int err = lock(v, why, cap), worst = 0;
    if (err == DBR_ERR_NOTFOUND)
        return 0;
    if (err)
        return err;
    err = read_names(v, &names);
    for (size_t i = 0; i < names.n; i++) {
        int bad = mend(v, names.v[i]);
        if (bad && !worst)
            worst = keys_complain(bad, why, cap,
                                  "profile %s: what an interrupted import left cannot be cleaned up: %s",
                                  names.v[i], dbr_err_text(bad));
    }
    free(names.v);
    v->fs->unlock(v->fs->arg);
    return err ? keys_complain(err, why, cap, "the profiles cannot be listed: %s", dbr_err_text(err)) : worst;
}

/* ---- in ---- */

static int make_folder(const struct spot *s, char *why, size_t cap)
{
    char path[DBR_VAULT_PATH];
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->make_dir(fs->arg, s->v->root);
    if (!err)
        err = fs->make_dir(fs->arg, dir_of(s->v, s->id, path));
    return err ? keys_complain(err, why, cap,
                               "%s cannot be made: %s; look at its rights and the disk's space", path,
                               dbr_err_text(err))
               : 0;
}

/* EFS where it says that it is there and the folder shows it; else DPAPI. */
static int choose(const struct spot *s, bool dpapi_only, enum dbr_seal *seal, char *why, size_t cap)
{
    char path[DBR_VAULT_PATH];
    struct dbr_vault_look look = {0};
    const struct dbr_vault_fs *fs = s->v->fs;
    *seal = DBR_SEAL_DPAPI;
    if (dpapi_only)
        return 0;
    int err = fs->encrypt_dir(fs->arg, dir_of(s->v, s->id, path));
    if (err == DBR_ERR_UNSUPPORTED)
        return 0;
    if (!err)
        err = fs->look(fs->arg, path, &look);
    if (err)
        return keys_complain(
            err, why, cap, "Windows cannot encrypt %s: %s; ask your administrator, or import it with --dpapi",
            path, dbr_err_text(err));
    if (look.encrypted)
        *seal = DBR_SEAL_EFS;
    return 0;
}

/* Nothing is written before the empty file shows what protects it. */
static int check_protected(const struct spot *s, const char *path, enum dbr_seal seal, char *why, size_t cap)
{
    struct dbr_vault_look look = {0};
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->look(fs->arg, path, &look);
    if (err)
        return keys_complain(err, why, cap, "%s cannot be looked at: %s", path, dbr_err_text(err));
    if (!look.private_)
        return keys_complain(DBR_ERR_AUTH, why, cap,
                             "others may read what lies in %s; its disk must keep rights (NTFS)", s->v->root);
    if (seal == DBR_SEAL_EFS && !look.encrypted)
        return keys_complain(DBR_ERR_AUTH, why, cap,
                             "Windows did not encrypt %s; ask your administrator, or import it with --dpapi",
                             path);
    return 0;
}

static int write_bytes(const struct spot *s, enum dbr_seal seal, const void *p, size_t n, char *why,
                       size_t cap)
{
    char path[DBR_VAULT_PATH];
    void *file;
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->create(fs->arg, path_of(s, seal, NEW, path), &file);
    if (err)
        return keys_complain(err, why, cap, "%s cannot be made: %s", path, dbr_err_text(err));
    int unsafe = check_protected(s, path, seal, why, cap);
    if (!unsafe)
        err = fs->write(fs->arg, file, p, n);
    int closed = fs->close(fs->arg, file, !unsafe && !err);
    if (unsafe)
        return unsafe;
    if (err || closed)
        return keys_complain(err ? err : closed, why, cap, "%s cannot be written: %s; is the disk full?",
                             path, dbr_err_text(err ? err : closed));
    return check_protected(s, path, seal, why, cap);
}

static int open_bytes(const struct spot *s, enum dbr_seal seal, uint8_t **p, size_t *n)
{
    uint8_t *plain = NULL;
    size_t len = 0;
    const struct dbr_vault_fs *fs = s->v->fs;
    if (seal != DBR_SEAL_DPAPI)
        return 0;
    int err = fs->unseal(fs->arg, s->id, *p, *n, &plain, &len);
    if (err)
        return err;
    dbr_vault_wipe((char *)*p, *n);
    *p = plain;
    *n = len;
    return 0;
}

static int read_back(const struct spot *s, enum dbr_seal seal, const struct dbr_vault_put *what, char *why,
                     size_t cap)
{
    char path[DBR_VAULT_PATH];
    uint8_t *p = NULL;
    size_t n = 0;
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->read(fs->arg, path_of(s, seal, NEW, path), DBR_VAULT_MAX, &p, &n);
    if (!err)
        err = open_bytes(s, seal, &p, &n);
    if (!err && (n != what->len || !dbr_secret_equal(p, what->text, n)))
        err = DBR_ERR_IO;
    dbr_vault_wipe((char *)p, n);
    return err ? keys_complain(err, why, cap, "%s does not read as it was written: %s; is the disk sound?",
                               path, dbr_err_text(err))
               : 0;
}

static int write_new(const struct spot *s, enum dbr_seal seal, const struct dbr_vault_put *what, char *why,
                     size_t cap)
{
    uint8_t *blob = NULL;
    size_t len = 0;
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = 0;
    if (seal == DBR_SEAL_DPAPI)
        err = fs->seal(fs->arg, s->id, what->text, what->len, &blob, &len);
    if (err)
        return keys_complain(err, why, cap, "Windows cannot protect the profile (DPAPI): %s; sign in again",
                             dbr_err_text(err));
    err = write_bytes(s, seal, blob ? (const void *)blob : what->text, blob ? len : what->len, why, cap);
    dbr_vault_wipe((char *)blob, len);
    return err ? err : read_back(s, seal, what, why, cap);
}

/* Steps 4 to 6. Behind step 5 the new text counts, whatever becomes of the old one. */
static int commit(const struct spot *s, enum dbr_seal seal, char *why, size_t cap)
{
    enum dbr_seal old = find(s, LIVE);
    int err = old ? move(s, old, LIVE, OLD) : 0;
    if (!err)
        err = move(s, seal, NEW, LIVE);
    if (err)
        return keys_complain(err, why, cap, "profile %s cannot be put in its place: %s", s->id,
                             dbr_err_text(err));
    if (old)
        erase(s, old, OLD);
    return 0;
}

static int put_locked(const struct spot *s, const struct dbr_vault_put *what, enum dbr_seal *seal, char *why,
                      size_t cap)
{
    int err = mend_item(s);
    if (err)
        return keys_complain(err, why, cap,
                             "profile %s: what an interrupted import left cannot be cleaned up: %s", s->id,
                             dbr_err_text(err));
    if (!what->replace && find(s, LIVE))
        return keys_complain(DBR_ERR_EXISTS, why, cap,
                             "there is a profile %s already; choose another name, or add --replace", s->id);
    err = make_folder(s, why, cap);
    if (!err)
        err = choose(s, what->dpapi_only, seal, why, cap);
    if (!err)
        err = write_new(s, *seal, what, why, cap);
    if (!err)
        err = commit(s, *seal, why, cap);
    if (err)
        mend(s->v, s->id);
    return err;
}

int dbr_vault_put(struct dbr_vault *v, const struct dbr_vault_put *what, enum dbr_seal *seal, char *why,
                  size_t cap)
{
    struct spot s = {v, what->id, what->item};
    int err = dbr_profile_id_check(what->id, why, cap);
    *seal = DBR_SEAL_NONE;
    if (!err && (!what->len || what->len > DBR_VAULT_MAX / 2))
        err = keys_complain(DBR_ERR_LIMIT, why, cap, "profile %s is empty or too long", what->id);
    if (!err)
        err = v->fs->make_dir(v->fs->arg, v->root)
                  ? keys_complain(DBR_ERR_IO, why, cap,
                                  "%s cannot be made; look at the rights of the folder above it", v->root)
                  : lock(v, why, cap);
    if (err)
        return err;
    err = put_locked(&s, what, seal, why, cap);
    v->fs->unlock(v->fs->arg);
    return err;
}

/* ---- out ---- */

static int refuse_open(const struct spot *s, const struct dbr_vault_look *look, char *why, size_t cap)
{
    return keys_complain(
        DBR_ERR_AUTH, why, cap,
        "profile %s %s: import it again (drawbridge import FILE \"%s\" --replace), or remove it "
        "(drawbridge remove \"%s\"); if others use this computer, ask your administrator for a new key",
        s->id, look->private_ ? "lies on the disk in the clear, not encrypted" : "may be read by other users",
        s->id, s->id);
}

static int read_sealed(const struct spot *s, enum dbr_seal seal, enum stage stage, uint8_t **p, size_t *n,
                       char *why, size_t cap)
{
    char path[DBR_VAULT_PATH];
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->read(fs->arg, path_of(s, seal, stage, path), DBR_VAULT_MAX, p, n);
    if (err)
        return keys_complain(
            err, why, cap,
            "profile %s cannot be read: %s; if your password was reset or Windows installed anew, its "
            "key is lost: ask your administrator for a new profile",
            s->id, dbr_err_text(err));
    if (open_bytes(s, seal, p, n))
        return keys_complain(
            DBR_ERR_CRYPTO, why, cap,
            "profile %s cannot be opened: another user or another computer protects it, or it is "
            "damaged; import it again, or ask your administrator for a new one",
            s->id);
    return 0;
}

static int get_at(const struct spot *s, enum dbr_seal seal, enum stage stage, char **text, size_t *len,
                  char *why, size_t cap)
{
    char path[DBR_VAULT_PATH];
    struct dbr_vault_look look = {0};
    uint8_t *p = NULL;
    size_t n = 0;
    const struct dbr_vault_fs *fs = s->v->fs;
    int err = fs->look(fs->arg, path_of(s, seal, stage, path), &look);
    if (err)
        return keys_complain(err, why, cap, "%s cannot be looked at: %s", path, dbr_err_text(err));
    if (!look.private_ || (seal == DBR_SEAL_EFS && !look.encrypted))
        return refuse_open(s, &look, why, cap);
    err = read_sealed(s, seal, stage, &p, &n, why, cap);
    *text = err ? NULL : malloc(n + 1);
    if (*text) {
        memcpy(*text, p, n);
        (*text)[n] = 0;
        *len = n;
    }
    dbr_vault_wipe((char *)p, n);
    return err || *text ? err : keys_complain(DBR_ERR_NOMEM, why, cap, "out of memory; close other programs");
}

/* Where step 5 is due, the old text counts. */
static enum dbr_seal find_any(const struct spot *s, enum stage *stage)
{
    enum dbr_seal seal = find(s, *stage = LIVE);
    return seal ? seal : find(s, *stage = OLD);
}

enum dbr_seal dbr_vault_has(const struct dbr_vault *v, const char *id, enum dbr_vault_item item)
{
    enum stage stage;
    if (dbr_profile_id_check(id, NULL, 0))
        return DBR_SEAL_NONE;
    return find_any(&(struct spot){v, id, item}, &stage);
}

int dbr_vault_get(const struct dbr_vault *v, const char *id, enum dbr_vault_item item, char **text,
                  size_t *len, char *why, size_t cap)
{
    struct spot s = {v, id, item};
    enum stage stage;
    *text = NULL;
    *len = 0;
    int err = dbr_profile_id_check(id, why, cap);
    if (err)
        return err;
    enum dbr_seal seal = find_any(&s, &stage);
    if (!seal)
        return keys_complain(
            DBR_ERR_NOTFOUND, why, cap,
            "there is no profile %s; drawbridge list shows them, drawbridge import FILE brings one", id);
    return get_at(&s, seal, stage, text, len, why, cap);
}

/* ---- away ---- */

static int remove_item(const struct spot *s, enum stage stage, bool *found)
{
    for (size_t i = 0; i < SEALS; i++) {
        if (!is_there(s, seals[i], stage))
            continue;
        int err = move(s, seals[i], stage, GONE);
        if (err)
            return err;
        *found = true;
    }
    return 0;
}

static int remove_locked(const struct dbr_vault *v, const char *id, char *why, size_t cap)
{
    bool found = false;
    int err = mend(v, id);
    for (int item = 0; item < ITEMS && !err; item++)
        err = remove_item(&(struct spot){v, id, (enum dbr_vault_item)item}, LIVE, &found);
    if (!err)
        err = mend(v, id);
    if (err)
        return keys_complain(err, why, cap,
                             "profile %s cannot be removed: %s; disconnect it first, then try again", id,
                             dbr_err_text(err));
    return found ? 0
                 : keys_complain(DBR_ERR_NOTFOUND, why, cap,
                                 "there is no profile %s; drawbridge list shows them", id);
}

int dbr_vault_remove(struct dbr_vault *v, const char *id, char *why, size_t cap)
{
    int err = dbr_profile_id_check(id, why, cap);
    if (!err)
        err = lock(v, why, cap);
    if (err)
        return err == DBR_ERR_NOTFOUND
                   ? keys_complain(err, why, cap, "there is no profile %s; drawbridge list shows them", id)
                   : err;
    err = remove_locked(v, id, why, cap);
    v->fs->unlock(v->fs->arg);
    return err;
}

static int copy_item(struct dbr_vault *v, const char *from, const char *to, enum dbr_vault_item item,
                     char *why, size_t cap)
{
    struct dbr_vault_put put = {.id = to, .item = item};
    char *text;
    enum dbr_seal seal = dbr_vault_has(v, from, item);
    if (!seal)
        return 0;
    int err = dbr_vault_get(v, from, item, &text, &put.len, why, cap);
    put.text = text;
    put.dpapi_only = seal == DBR_SEAL_DPAPI;
    if (!err)
        err = dbr_vault_put(v, &put, &seal, why, cap);
    dbr_vault_wipe(text, put.len);
    return err;
}

int dbr_vault_rename(struct dbr_vault *v, const char *from, const char *to, char *why, size_t cap)
{
    int err = dbr_profile_id_check(from, why, cap);
    if (!err)
        err = dbr_profile_id_check(to, why, cap);
    if (err)
        return err;
    if (!dbr_vault_has(v, from, DBR_VAULT_PROFILE) && !dbr_vault_has(v, from, DBR_VAULT_KEY))
        return keys_complain(DBR_ERR_NOTFOUND, why, cap, "there is no profile %s; drawbridge list shows them",
                             from);
    if (dbr_vault_has(v, to, DBR_VAULT_PROFILE) || dbr_vault_has(v, to, DBR_VAULT_KEY))
        return keys_complain(DBR_ERR_EXISTS, why, cap, "there is a profile %s already; choose another name",
                             to);
    for (int item = 0; item < ITEMS && !err; item++)
        err = copy_item(v, from, to, (enum dbr_vault_item)item, why, cap);
    return err ? err : dbr_vault_remove(v, from, why, cap);
}

int dbr_vault_list(const struct dbr_vault *v, void (*each)(void *arg, const char *id), void *arg)
{
    struct names names;
    int err = read_names(v, &names);
    for (size_t i = 0; i < names.n && !err; i++)
        if (dbr_vault_has(v, names.v[i], DBR_VAULT_PROFILE) || dbr_vault_has(v, names.v[i], DBR_VAULT_KEY))
            each(arg, names.v[i]);
    free(names.v);
    return err;
}
