/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The keystore of the user who runs this process: profiles with their keys, encrypted by Windows for this
 * user alone. %LOCALAPPDATA%\Drawbridge\profiles is his, %ProgramData%\Drawbridge\profiles the
 * administrator's for all users. Text is UTF-8. Any thread, one at a time; other processes are kept out by a
 * lock.
 *
 *     char *text; size_t len; char why[512];
 *     if (dbr_keystore_load("office", &text, &len, why, sizeof why)) ... why is one line for the user
 *     ... dbr_config_parse(&cfg, "office", text, len, &diag) ...
 *     dbr_vault_wipe(text, len);
 */
#ifndef DBR_KEYSTORE_KEYSTORE_H
#define DBR_KEYSTORE_KEYSTORE_H

#include "client-win/keystore/profile.h"

/* dbr_profile_load() of this user's: a text ready for the parser, everything inline. */
int dbr_keystore_load(const char *id, char **text, size_t *len, char *why, size_t cap);

/* dbr_profile_import() of this user's; read, now_unix_s are filled in here. */
int dbr_keystore_import(const struct dbr_import *what, struct dbr_imported *out, char *why, size_t cap);

struct dbr_keystore_entry {
    char id[DBR_PROFILE_ID];
    enum dbr_seal seal; /* of the profile, or of the key for it; NONE: an administrator's without a key */
    bool machine;       /* an administrator placed it for all users */
    bool lacks_key;     /* and the user's key is still missing */
};
/* Calls each for every profile, the user's own first, each name once. 0 or an error of the system. */
int dbr_keystore_list(void (*each)(void *arg, const struct dbr_keystore_entry *entry), void *arg);

/* dbr_vault_remove() and dbr_vault_rename() of this user's. Of an administrator's profile only the user's key
 * goes. */
int dbr_keystore_remove(const char *id, char *why, size_t cap);
int dbr_keystore_rename(const char *from, const char *to, char *why, size_t cap);

/* Cleans up what a crash left: once at the start of tray, import and the like. */
int dbr_keystore_recover(char *why, size_t cap);

/* How a new profile would be sealed, and one line why: EFS, or DPAPI (Home edition, FAT, policy). Changes
 * nothing.
 */
enum dbr_seal dbr_keystore_state(char *why, size_t cap);

/* Overwrites and deletes a file that lies in the clear: one of dbr_imported.clear. On an SSD old blocks may
 * survive. 0 or an error with a line in why. */
int dbr_keystore_delete_clear(const char *path, char *why, size_t cap);

#endif
