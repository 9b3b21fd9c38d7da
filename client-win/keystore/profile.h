/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Profiles as the user sees them: a file comes in, checked and whole; a text goes out to the engine. What the
 * user has lies in the vault; what an administrator placed for all users lies outside of it, without a key,
 * and the user's key for it in the vault. Pure; one thread.
 */
#ifndef DBR_KEYSTORE_PROFILE_H
#define DBR_KEYSTORE_PROFILE_H

#include "client-win/keystore/check.h"
#include "client-win/keystore/inline.h"
#include "client-win/keystore/vault.h"

struct dbr_profiles {
    struct dbr_vault vault;
    /* The text of a profile for all users, which nobody but an administrator can have written; malloc'ed,
     * ends with a NUL. DBR_ERR_NOTFOUND, or another error with a line in why. */
    int (*machine)(void *arg, const char *id, char **text, size_t *len, char *why, size_t cap);
    void *arg;
};

/* What is to be imported, and what the caller lends. Borrowed for the call. */
struct dbr_import {
    const char *path;   /* of a .ovpn file, or of a key for a profile that an administrator placed */
    const char *id;     /* NULL: after the file; a key needs one */
    bool replace;       /* one of this name may be there */
    bool dpapi_only;    /* do not ask for EFS */
    int64_t now_unix_s; /* certificates are judged at */
    int (*read)(void *arg, const char *path, size_t max, uint8_t **out,
                size_t *n); /* as struct dbr_inline_io */
    void (*say)(void *arg, enum dbr_conf_severity severity, const char *line);
    /* Asks for the passphrase of the key, try is 1, 2, 3: 0 with a text in pass, or DBR_ERR_AGAIN: the user
     * would rather not say it now; then key and certificate are not compared. NULL: as that. */
    int (*ask)(void *arg, int try, char *pass, size_t cap);
    void *arg;
};

struct dbr_imported {
    char id[DBR_PROFILE_ID];
    enum dbr_seal seal;
    bool first; /* the vault was empty */
    bool key_only;
    struct dbr_key_facts key;
    struct {
        char path[DBR_SOURCE_PATH];
    } clear[DBR_PARTS_MAX + 1]; /* files that hold a key in the clear */
    size_t n_clear;
};

/* 0, or a negative error with a line in why; the parser's complaints went to say before. Nothing of what was
 * there before is lost then. */
int dbr_profile_import(struct dbr_profiles *p, const struct dbr_import *what, struct dbr_imported *out,
                       char *why, size_t cap);

/* The whole text of a profile, ready for the parser; to be given to dbr_vault_wipe(). 0, DBR_ERR_NOTFOUND
 * (also when the user's key is missing), DBR_ERR_AUTH (in the clear, or a profile for all users with a key in
 * it), DBR_ERR_CRYPTO ... with a line in why. */
int dbr_profile_load(const struct dbr_profiles *p, const char *id, char **text, size_t *len, char *why,
                     size_t cap);

#endif
