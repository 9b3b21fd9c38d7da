/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The vault: texts with keys, each sealed by EFS or, where that is not there, by DPAPI. Pure: what touches
 * the disk is a table of functions, so that a test can stop it at each of them. One thread; a lock keeps
 * other processes of the user out while something changes.
 *
 *     ROOT\ID\client.ovpn             a text that EFS encrypts
 *     ROOT\ID\client.ovpn.dpapi       or a blob of DPAPI; the user and ID belong to it
 *     ROOT\ID\key.ovpn[.dpapi]        the user's key for a profile that an administrator placed
 *
 * How a text gets in. The names are the journal:
 *
 *     step                                    a crash behind it leaves          which the next start mends to
 *     1 folder made, marked encrypted         an empty folder                   nothing
 *     2 X.new made, seen to be encrypted      X.new, empty                      nothing, or the old text
 *     3 bytes written, flushed, read back     X.new                             nothing, or the old text
 *     4 X -> X.old                            X.old, X.new                      the old text
 *     5 X.new -> X                            X.old, X                          the new text
 *     6 X.old overwritten, deleted            X                                 the new text
 *
 * To remove: X -> X.gone, overwritten, deleted. No byte of a text is written to a file before the system has
 * said that this file is encrypted and that nobody else may read it.
 */
#ifndef DBR_KEYSTORE_VAULT_H
#define DBR_KEYSTORE_VAULT_H

#include "client-win/keystore/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_VAULT_ROOT = 600,   /* bytes of the root's path with its NUL */
    DBR_VAULT_PATH = 720,   /* of any path in it */
    DBR_VAULT_MAX = 8 << 20 /* bytes of a file */
};

enum dbr_seal {
    DBR_SEAL_NONE,
    DBR_SEAL_EFS,
    DBR_SEAL_DPAPI,
};

struct dbr_vault_look {
    bool encrypted; /* by EFS */
    bool private_;  /* nobody but the user, the system and administrators may read it */
};

/* What the vault needs of the system. Paths are UTF-8 with '\'; no link is followed. All give 0 or a negative
 * error. */
struct dbr_vault_fs {
    int (*lock)(void *arg, const char *root);
    void (*unlock)(void *arg);
    /* Makes the folder for the user alone; one that is there becomes the user's alone. */
    int (*make_dir)(void *arg, const char *path);
    /* What is made in the folder from now on is encrypted. DBR_ERR_UNSUPPORTED: not on this system or disk.
     */
    int (*encrypt_dir)(void *arg, const char *path);
    /* A new file for the user alone. DBR_ERR_EXISTS. */
    int (*create)(void *arg, const char *path, void **file);
    int (*write)(void *arg, void *file, const void *p, size_t n);
    int (*close)(void *arg, void *file, bool flush);                      /* closed in every case */
    int (*look)(void *arg, const char *path, struct dbr_vault_look *out); /* DBR_ERR_NOTFOUND */
    /* *out is malloc'ed, the caller wipes it. DBR_ERR_NOTFOUND, DBR_ERR_LIMIT. */
    int (*read)(void *arg, const char *path, size_t max, uint8_t **out, size_t *n);
    int (*rename)(void *arg, const char *from, const char *to); /* to is not there */
    int (*erase)(void *arg, const char *path);                  /* overwritten, flushed, deleted */
    int (*remove_dir)(void *arg, const char *path);             /* an empty one */
    int (*list)(void *arg, const char *path, void (*each)(void *to, const char *name), void *to);
    /* A blob that only this user can open, and only with the same name. *out as with read. */
    int (*seal)(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len);
    int (*unseal)(void *arg, const char *name, const void *p, size_t n, uint8_t **out, size_t *len);
    void *arg;
};

struct dbr_vault {
    const struct dbr_vault_fs *fs;
    char root[DBR_VAULT_ROOT]; /* its parent is there */
};

enum dbr_vault_item { DBR_VAULT_PROFILE, DBR_VAULT_KEY };

/* Mends what a crash or a lost disk left; at a program's start. 0, or an error of the system. */
int dbr_vault_recover(struct dbr_vault *v, char *why, size_t cap);

struct dbr_vault_put {
    const char *id; /* checked here */
    enum dbr_vault_item item;
    const char *text;
    size_t len;
    bool replace;    /* one of this name may be there */
    bool dpapi_only; /* do not ask for EFS */
};

/* Puts a text in; *seal: how. 0; DBR_ERR_EXISTS, DBR_ERR_CONFIG (id), DBR_ERR_IO ...: then what was there
 * before is whole, or will be after dbr_vault_recover(); why has a line. */
int dbr_vault_put(struct dbr_vault *v, const struct dbr_vault_put *what, enum dbr_seal *seal, char *why,
                  size_t cap);

/* A text, NUL-terminated, to be given to dbr_vault_wipe(). DBR_ERR_NOTFOUND; DBR_ERR_AUTH: it lies in the
 * clear, or others may read it; DBR_ERR_CRYPTO: DPAPI does not open it. */
int dbr_vault_get(const struct dbr_vault *v, const char *id, enum dbr_vault_item item, char **text,
                  size_t *len, char *why, size_t cap);
void dbr_vault_wipe(char *text, size_t len); /* wipes and frees; NULL is fine */

/* How a text is sealed; DBR_SEAL_NONE: there is none. Does not read it. */
enum dbr_seal dbr_vault_has(const struct dbr_vault *v, const char *id, enum dbr_vault_item item);

/* Removes profile and key of a name. DBR_ERR_NOTFOUND. */
int dbr_vault_remove(struct dbr_vault *v, const char *id, char *why, size_t cap);

/* Another name for a profile and its key. DBR_ERR_NOTFOUND, DBR_ERR_EXISTS. After an error or a crash both
 * may be there. */
int dbr_vault_rename(struct dbr_vault *v, const char *from, const char *to, char *why, size_t cap);

/* Calls each with every name in the vault, in no order. */
int dbr_vault_list(const struct dbr_vault *v, void (*each)(void *arg, const char *id), void *arg);

#endif
