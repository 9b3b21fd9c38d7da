/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of the keystore that ask Windows: rights, encryption, files. Internal to the room; any thread.
 */
#ifndef DBR_KEYSTORE_SYSTEM_WIN_H
#define DBR_KEYSTORE_SYSTEM_WIN_H

#include "client-win/keystore/vault.h"

#include <windows.h>

/* ---- acl_win.c ---- */

/* A security descriptor that gives the user of this process everything and nobody else anything, without
 * inheritance from above; what is made in a folder gets the same. LocalFree() is due. NULL: GetLastError().
 */
PSECURITY_DESCRIPTOR acl_owner_only(void);

/* Puts that on a folder that is there and no link. 0 or DBR_ERR_IO. */
int acl_make_private(const wchar_t *path);

/* True if only the user, the system and administrators may read what the handle is (READ_CONTROL). */
bool acl_is_private(HANDLE file);

/* True if it belongs to the system or administrators and only they may change it. */
bool acl_is_of_admin(HANDLE file);

/* ---- efs_win.c ---- */

/* Marks a folder as encrypted. 0; DBR_ERR_UNSUPPORTED: this edition, disk or policy has no EFS; DBR_ERR_IO.
 */
int efs_encrypt_folder(const wchar_t *path);

/* Would it work there? One line in why. */
bool efs_is_there(const wchar_t *path, char *why, size_t cap);

/* ---- dpapi_win.c: as in struct dbr_vault_fs ---- */

int dpapi_seal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len);
int dpapi_unseal(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len);

/* ---- fs_win.c ---- */

extern const struct dbr_vault_fs fs_table;

/* A path for the W calls; those of the keystore are absolute and shorter than MAX_PATH asks for thanks to
 * \\?\. False: it does not fit or is no UTF-8. */
enum { FS_WIDE = 1200 };
bool fs_wide(const char *path, wchar_t out[FS_WIDE]);

/* Reads a whole file of a local disk, 1 to max bytes: no folder, no device. Errors as struct dbr_inline_io.
 */
int fs_read_source(void *arg, const char *path, size_t max, uint8_t **out, size_t *n);

/* The same of a file that only administrators can change, and that is no link; of such a folder 0 and
 * nothing. DBR_ERR_AUTH: others may change it. */
int fs_read_admin(const char *path, size_t max, uint8_t **out, size_t *n);

/* Overwrites, flushes, deletes. 0, DBR_ERR_NOTFOUND, DBR_ERR_IO. */
int fs_erase(void *arg, const char *path);

#endif
