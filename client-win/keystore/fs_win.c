/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Files for the vault and for what is imported. Every file of the vault is opened without following a link,
 * so that the file that is looked at is the one that is read. Any thread; the lock is one per process.
 */
#include "client-win/keystore/system_win.h"

#include "client-win/base/utf.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINK_TOO = FILE_FLAG_OPEN_REPARSE_POINT,
    ALL_SHARE = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE
};

bool fs_wide(const char *path, wchar_t out[FS_WIDE])
{
    bool whole = path[0] && path[1] == ':' && path[2] == '\\';
    if (whole)
        memcpy(out, L"\\\\?\\", 4 * sizeof out[0]);
    size_t at = whole ? 4 : 0;
    return dbr_utf16_from8(out + at, FS_WIDE - at, path) == 0;
}

static int last_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND: return DBR_ERR_NOTFOUND;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return DBR_ERR_EXISTS;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION: return DBR_ERR_AGAIN;
    case ERROR_NOT_ENOUGH_MEMORY: return DBR_ERR_NOMEM;
    default: return DBR_ERR_IO;
    }
}

/* ---- folders ---- */

static HANDLE lock_file = INVALID_HANDLE_VALUE;

/* A file that only one process at a time can open; it goes when that process ends. */
static int fs_lock(void *arg, const char *root)
{
    char path[DBR_VAULT_PATH];
    wchar_t wide[FS_WIDE];
    (void)arg;
    snprintf(path, sizeof path, "%s\\.lock", root);
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    HANDLE h = CreateFileW(wide, GENERIC_WRITE | DELETE, 0, NULL, CREATE_ALWAYS,
                           FILE_ATTRIBUTE_HIDDEN | FILE_FLAG_DELETE_ON_CLOSE | LINK_TOO, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return GetLastError() == ERROR_ACCESS_DENIED ? DBR_ERR_AGAIN : last_error(); /* being deleted */
    lock_file = h;
    return 0;
}

static void fs_unlock(void *arg)
{
    (void)arg;
    CloseHandle(lock_file);
    lock_file = INVALID_HANDLE_VALUE;
}

/* The folders above are Windows' or ours; one that is there may not be a link. */
static int fs_make_dir(void *arg, const char *path)
{
    wchar_t wide[FS_WIDE];
    SECURITY_ATTRIBUTES own = {sizeof own, acl_owner_only(), FALSE};
    (void)arg;
    if (!own.lpSecurityDescriptor || !fs_wide(path, wide)) {
        LocalFree(own.lpSecurityDescriptor);
        return DBR_ERR_IO;
    }
    bool made = CreateDirectoryW(wide, &own);
    int err = made ? 0 : last_error();
    LocalFree(own.lpSecurityDescriptor);
    if (err != DBR_ERR_EXISTS)
        return err;
    return acl_make_private(wide);
}

/* EFS' own calls are given the plain path: for \\?\ nothing is promised there. */
static int fs_encrypt_dir(void *arg, const char *path)
{
    wchar_t wide[FS_WIDE];
    (void)arg;
    return dbr_utf16_from8(wide, FS_WIDE, path) ? DBR_ERR_SPACE : efs_encrypt_folder(wide);
}

static int fs_remove_dir(void *arg, const char *path)
{
    wchar_t wide[FS_WIDE];
    (void)arg;
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    return RemoveDirectoryW(wide) ? 0 : last_error();
}

static int fs_list(void *arg, const char *path, void (*each)(void *to, const char *name), void *to)
{
    char pattern[DBR_VAULT_PATH + 2], name[3 * MAX_PATH + 1];
    wchar_t wide[FS_WIDE];
    WIN32_FIND_DATAW found;
    (void)arg;
    snprintf(pattern, sizeof pattern, "%s\\*", path);
    if (!fs_wide(pattern, wide))
        return DBR_ERR_SPACE;
    HANDLE h = FindFirstFileW(wide, &found);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    do
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY &&
            !dbr_utf8_from16(name, sizeof name, found.cFileName))
            each(to, name);
    while (FindNextFileW(h, &found));
    int err = GetLastError() == ERROR_NO_MORE_FILES ? 0 : DBR_ERR_IO;
    FindClose(h);
    return err;
}

/* ---- files ---- */

static int fs_create(void *arg, const char *path, void **file)
{
    wchar_t wide[FS_WIDE];
    SECURITY_ATTRIBUTES own = {sizeof own, acl_owner_only(), FALSE};
    (void)arg;
    *file = NULL;
    if (!own.lpSecurityDescriptor || !fs_wide(path, wide)) {
        LocalFree(own.lpSecurityDescriptor);
        return DBR_ERR_IO;
    }
    HANDLE h = CreateFileW(
        wide, GENERIC_WRITE, FILE_SHARE_READ, &own, CREATE_NEW,
        FILE_ATTRIBUTE_NORMAL | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED | FILE_FLAG_WRITE_THROUGH, NULL);
    int err = h == INVALID_HANDLE_VALUE ? last_error() : 0;
    LocalFree(own.lpSecurityDescriptor);
    if (!err)
        *file = h;
    return err;
}

static int fs_write(void *arg, void *file, const void *p, size_t n)
{
    DWORD done = 0;
    (void)arg;
    return WriteFile(file, p, (DWORD)n, &done, NULL) && done == n ? 0 : DBR_ERR_IO;
}

static int fs_close(void *arg, void *file, bool flush)
{
    (void)arg;
    int err = !flush || FlushFileBuffers(file) ? 0 : DBR_ERR_IO;
    return CloseHandle(file) ? err : DBR_ERR_IO;
}

static HANDLE open_to_look(const wchar_t *path, DWORD more)
{
    return CreateFileW(path, FILE_READ_ATTRIBUTES | READ_CONTROL | more, ALL_SHARE, NULL, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS | LINK_TOO, NULL);
}

static int fs_look(void *arg, const char *path, struct dbr_vault_look *out)
{
    wchar_t wide[FS_WIDE];
    BY_HANDLE_FILE_INFORMATION info;
    (void)arg;
    *out = (struct dbr_vault_look){0};
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    HANDLE h = open_to_look(wide, 0);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    bool good =
        GetFileInformationByHandle(h, &info) && !(info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT);
    if (good) {
        out->encrypted = info.dwFileAttributes & FILE_ATTRIBUTE_ENCRYPTED;
        out->private_ = acl_is_private(h);
    }
    CloseHandle(h);
    return good ? 0 : DBR_ERR_IO;
}

/* Bytes of an open file, 1 to max. */
static int read_handle(HANDLE h, size_t max, uint8_t **out, size_t *n)
{
    LARGE_INTEGER size;
    DWORD got = 0;
    *out = NULL;
    *n = 0;
    if (GetFileType(h) != FILE_TYPE_DISK || !GetFileSizeEx(h, &size))
        return DBR_ERR_IO;
    if (size.QuadPart <= 0 || (uint64_t)size.QuadPart > max)
        return DBR_ERR_LIMIT;
    uint8_t *p = malloc((size_t)size.QuadPart);
    if (!p)
        return DBR_ERR_NOMEM;
    if (!ReadFile(h, p, (DWORD)size.QuadPart, &got, NULL) || got != (DWORD)size.QuadPart) {
        dbr_wipe(p, (size_t)size.QuadPart);
        free(p);
        return DBR_ERR_IO;
    }
    *out = p;
    *n = got;
    return 0;
}

static int fs_read(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    wchar_t wide[FS_WIDE];
    (void)arg;
    *out = NULL;
    *n = 0;
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    HANDLE h = open_to_look(wide, GENERIC_READ);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    int err = read_handle(h, max, out, n);
    CloseHandle(h);
    return err;
}

static int fs_rename(void *arg, const char *from, const char *to)
{
    wchar_t a[FS_WIDE], b[FS_WIDE];
    (void)arg;
    if (!fs_wide(from, a) || !fs_wide(to, b))
        return DBR_ERR_SPACE;
    return MoveFileExW(a, b, MOVEFILE_WRITE_THROUGH) ? 0 : last_error();
}

static int overwrite(HANDLE h)
{
    static const uint8_t zeros[4096];
    LARGE_INTEGER size;
    if (!GetFileSizeEx(h, &size))
        return DBR_ERR_IO;
    for (int64_t left = size.QuadPart; left > 0; left -= (int64_t)sizeof zeros) {
        DWORD n = left < (int64_t)sizeof zeros ? (DWORD)left : (DWORD)sizeof zeros, done;
        if (!WriteFile(h, zeros, n, &done, NULL))
            return DBR_ERR_IO;
    }
    return FlushFileBuffers(h) ? 0 : DBR_ERR_IO;
}

int fs_erase(void *arg, const char *path)
{
    wchar_t wide[FS_WIDE];
    (void)arg;
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    HANDLE h =
        CreateFileW(wide, GENERIC_WRITE, 0, NULL, OPEN_EXISTING, LINK_TOO | FILE_FLAG_WRITE_THROUGH, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    int err = overwrite(h);
    CloseHandle(h);
    return DeleteFileW(wide) ? err : last_error();
}

const struct dbr_vault_fs fs_table = {
    .lock = fs_lock,
    .unlock = fs_unlock,
    .make_dir = fs_make_dir,
    .encrypt_dir = fs_encrypt_dir,
    .create = fs_create,
    .write = fs_write,
    .close = fs_close,
    .look = fs_look,
    .read = fs_read,
    .rename = fs_rename,
    .erase = fs_erase,
    .remove_dir = fs_remove_dir,
    .list = fs_list,
    .seal = dpapi_seal,
    .unseal = dpapi_unseal,
};

/* ---- what is imported ---- */

/* Where a link in the path led: a drive of this computer, or another one. */
static bool is_local(HANDLE h)
{
    wchar_t path[FS_WIDE], root[] = L"X:\\";
    DWORD n = GetFinalPathNameByHandleW(h, path, FS_WIDE, FILE_NAME_NORMALIZED | VOLUME_NAME_DOS);
    if (n < 7 || n >= FS_WIDE || wcsncmp(path, L"\\\\?\\", 4) != 0 || path[5] != L':')
        return false;
    root[0] = path[4];
    return GetDriveTypeW(root) != DRIVE_REMOTE;
}

int fs_read_source(void *arg, const char *path, size_t max, uint8_t **out, size_t *n)
{
    wchar_t wide[FS_WIDE];
    (void)arg;
    *out = NULL;
    *n = 0;
    if (dbr_utf16_from8(wide, FS_WIDE, path))
        return DBR_ERR_IO;
    HANDLE h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                           SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    int err = is_local(h) ? read_handle(h, max, out, n) : DBR_ERR_UNSUPPORTED;
    CloseHandle(h);
    return err;
}

int fs_read_admin(const char *path, size_t max, uint8_t **out, size_t *n)
{
    wchar_t wide[FS_WIDE];
    BY_HANDLE_FILE_INFORMATION info;
    *out = NULL;
    *n = 0;
    if (!fs_wide(path, wide))
        return DBR_ERR_SPACE;
    HANDLE h = open_to_look(wide, GENERIC_READ);
    if (h == INVALID_HANDLE_VALUE)
        return last_error();
    bool good = GetFileInformationByHandle(h, &info) &&
                !(info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) && acl_is_of_admin(h);
    int err = !good                                              ? DBR_ERR_AUTH
              : info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? 0
                                                                 : read_handle(h, max, out, n);
    CloseHandle(h);
    return err;
}
