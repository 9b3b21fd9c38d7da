/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fake.h"

#include "base/err.h"
#include "base/secret.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned fake_leaks;

static bool has_secret(const void *p, size_t n)
{
    static const char *const forms[] = {SECRET, SECRET_64};
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++)
        for (size_t i = 0, len = strlen(forms[f]); i + len <= n; i++)
            if (memcmp((const char *)p + i, forms[f], len) == 0)
                return true;
    return false;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
#ifdef _WIN32
    size_t n = p ? _msize(p) : 0;
#else
    size_t n = p ? malloc_usable_size(p) : 0;
#endif
    if (p && has_secret(p, n))
        fake_leaks++;
    __real_free(p);
}

/* True where this call has to fail; *half: do half of it first. */
static bool stops(struct fake *f, bool *half)
{
    unsigned call = f->calls++;
    *half = f->stop == FAKE_CRASHES && call == f->at;
    if (f->stop == FAKE_FAILS)
        return call == f->at;
    return f->stop == FAKE_CRASHES && call >= f->at;
}

struct fake_file *fake_find(struct fake *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->files[i].path, path) == 0)
            return &f->files[i];
    return NULL;
}

static struct fake_file *add(struct fake *f, const char *path, bool dir)
{
    struct fake_file *file = f->n < FAKE_FILES ? &f->files[f->n++] : NULL;
    if (!file)
        abort();
    *file = (struct fake_file){.dir = dir, .private_ = !f->no_rights};
    snprintf(file->path, sizeof file->path, "%s", path);
    return file;
}

static void drop(struct fake *f, struct fake_file *file)
{
    if (file->data)
        dbr_wipe(file->data, file->len); /* the disk's bytes, not the vault's */
    __real_free(file->data);
    *file = f->files[--f->n];
}

struct fake_file *fake_add(struct fake *f, const char *path, const char *text, bool encrypted, bool private_)
{
    struct fake_file *file = add(f, path, !text);
    file->encrypted = encrypted;
    file->private_ = private_;
    file->len = text ? strlen(text) : 0;
    file->data = malloc(file->len + 1);
    memcpy(file->data, text ? text : "", file->len);
    return file;
}

static struct fake_file *parent(struct fake *f, const char *path)
{
    char dir[DBR_VAULT_PATH];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '\\');
    if (slash)
        *slash = 0;
    return fake_find(f, dir);
}

/* ---- the table ---- */

static int do_lock(void *arg, const char *root)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half))
        return DBR_ERR_IO;
    if (!fake_find(f, root))
        return DBR_ERR_NOTFOUND;
    if (f->locked || f->others_lock)
        return DBR_ERR_AGAIN;
    f->locked = true;
    return 0;
}

static void do_unlock(void *arg)
{
    struct fake *f = arg;
    f->locked = false;
}

static int do_make_dir(void *arg, const char *path)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half) && !half)
        return DBR_ERR_IO;
    struct fake_file *file = fake_find(f, path);
    if (!file)
        file = add(f, path, true);
    file->private_ = !f->no_rights;
    return half ? DBR_ERR_IO : 0;
}

static int do_encrypt_dir(void *arg, const char *path)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half) || f->efs_breaks)
        return DBR_ERR_IO;
    if (f->no_efs)
        return DBR_ERR_UNSUPPORTED;
    fake_find(f, path)->encrypted = !f->efs_lies;
    return 0;
}

static int do_create(void *arg, const char *path, void **file)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half) && !half)
        return DBR_ERR_IO;
    if (fake_find(f, path))
        return DBR_ERR_EXISTS;
    struct fake_file *made = add(f, path, false), *dir = parent(f, path);
    made->encrypted = dir && dir->encrypted && !f->efs_forgets;
    *file = made;
    if (half)
        return DBR_ERR_IO;
    f->open_files++;
    return 0;
}

static int do_write(void *arg, void *file, const void *p, size_t n)
{
    struct fake *f = arg;
    struct fake_file *to = file;
    bool half;
    if (stops(f, &half) && !half)
        return DBR_ERR_IO;
    if (half)
        n = n * 3 / 4;
    if (has_secret(p, n) && !(to->encrypted && to->private_))
        f->clear_bytes++;
    to->data = malloc(n + 1);
    memcpy(to->data, p, n);
    to->len = n;
    if (f->rots)
        to->data[n / 2] ^= 1;
    return half ? DBR_ERR_IO : 0;
}

static int do_close(void *arg, void *file, bool flush)
{
    struct fake *f = arg;
    bool half;
    (void)file, (void)flush;
    f->open_files--;
    return stops(f, &half) ? DBR_ERR_IO : 0;
}

static int do_look(void *arg, const char *path, struct dbr_vault_look *out)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half))
        return DBR_ERR_IO;
    const struct fake_file *file = fake_find(f, path);
    if (!file)
        return DBR_ERR_NOTFOUND;
    *out = (struct dbr_vault_look){file->encrypted, file->private_};
    return 0;
}

static int do_read(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half))
        return DBR_ERR_IO;
    const struct fake_file *file = fake_find(f, path);
    if (!file)
        return DBR_ERR_NOTFOUND;
    if (file->len > max)
        return DBR_ERR_LIMIT;
    *out = malloc(file->len + 1);
    memcpy(*out, file->data ? file->data : (const uint8_t *)"", file->len);
    *n = file->len;
    return 0;
}

static int do_rename(void *arg, const char *from, const char *to)
{
    struct fake *f = arg;
    bool half;
    if (stops(f, &half))
        return DBR_ERR_IO;
    struct fake_file *file = fake_find(f, from);
    if (!file)
        return DBR_ERR_NOTFOUND;
    if (fake_find(f, to))
        return DBR_ERR_EXISTS;
    snprintf(file->path, sizeof file->path, "%s", to);
    return 0;
}

static int do_erase(void *arg, const char *path)
{
    struct fake *f = arg;
    bool half, stop = stops(f, &half);
    struct fake_file *file = fake_find(f, path);
    if (stop && !half)
        return DBR_ERR_IO;
    if (!file)
        return DBR_ERR_NOTFOUND;
    if (half) { /* overwritten, not yet deleted */
        memset(file->data ? file->data : (uint8_t *)"", 0, file->data ? file->len : 0);
        return DBR_ERR_IO;
    }
    drop(f, file);
    return 0;
}

static int do_remove_dir(void *arg, const char *path)
{
    struct fake *f = arg;
    bool half;
    size_t n = strlen(path);
    if (stops(f, &half))
        return DBR_ERR_IO;
    struct fake_file *dir = fake_find(f, path);
    if (!dir)
        return DBR_ERR_NOTFOUND;
    for (size_t i = 0; i < f->n; i++)
        if (strncmp(f->files[i].path, path, n) == 0 && f->files[i].path[n] == '\\')
            return DBR_ERR_IO;
    drop(f, dir);
    return 0;
}

static int do_list(void *arg, const char *path, void (*each)(void *to, const char *name), void *to)
{
    struct fake *f = arg;
    bool half;
    size_t n = strlen(path);
    if (stops(f, &half))
        return DBR_ERR_IO;
    if (!fake_find(f, path))
        return DBR_ERR_NOTFOUND;
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].dir && strncmp(f->files[i].path, path, n) == 0 && f->files[i].path[n] == '\\')
            each(to, f->files[i].path + n + 1);
    return 0;
}

/* "sealed for NAME:" and the bytes turned over. */
static int do_seal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len)
{
    struct fake *f = arg;
    bool half;
    char head[100];
    if (stops(f, &half))
        return DBR_ERR_IO;
    size_t h = (size_t)snprintf(head, sizeof head, "sealed for %s:", name);
    *out = malloc(h + n + 1);
    memcpy(*out, head, h);
    for (size_t i = 0; i < n; i++)
        (*out)[h + i] = (uint8_t) ~((const uint8_t *)p)[i];
    *len = h + n;
    return 0;
}

static int do_unseal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len)
{
    struct fake *f = arg;
    bool half;
    char head[100];
    if (stops(f, &half))
        return DBR_ERR_IO;
    size_t h = (size_t)snprintf(head, sizeof head, "sealed for %s:", name);
    if (n < h || memcmp(p, head, h) != 0)
        return DBR_ERR_CRYPTO;
    *len = n - h;
    *out = malloc(*len + 1);
    for (size_t i = 0; i < *len; i++)
        (*out)[i] = (uint8_t) ~((const uint8_t *)p)[h + i];
    return 0;
}

/* ---- birth and death ---- */

void fake_init(struct fake *f, struct dbr_vault *v, struct dbr_vault_fs *fs)
{
    *f = (struct fake){0};
    *fs = (struct dbr_vault_fs){
        .lock = do_lock,
        .unlock = do_unlock,
        .make_dir = do_make_dir,
        .encrypt_dir = do_encrypt_dir,
        .create = do_create,
        .write = do_write,
        .close = do_close,
        .look = do_look,
        .read = do_read,
        .rename = do_rename,
        .erase = do_erase,
        .remove_dir = do_remove_dir,
        .list = do_list,
        .seal = do_seal,
        .unseal = do_unseal,
        .arg = f,
    };
    v->fs = fs;
    snprintf(v->root, sizeof v->root, "%s", FAKE_ROOT);
    fake_leaks = 0;
}

void fake_free(struct fake *f)
{
    while (f->n)
        drop(f, &f->files[0]);
}

void fake_restart(struct fake *f)
{
    f->stop = FAKE_RUNS;
    f->calls = 0;
    f->locked = false;
    f->open_files = 0;
}

unsigned fake_count(const struct fake *f, const char *end)
{
    unsigned found = 0;
    size_t e = strlen(end);
    for (size_t i = 0; i < f->n; i++) {
        size_t n = strlen(f->files[i].path);
        found += !f->files[i].dir && n >= e && strcmp(f->files[i].path + n - e, end) == 0;
    }
    return found;
}
