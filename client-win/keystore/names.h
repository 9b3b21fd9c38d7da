/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names: which texts may name a profile, and which files a profile may name. Pure; any thread. Paths are
 * UTF-8 with '\'; '/' is read as '\', as Windows does.
 */
#ifndef DBR_KEYSTORE_NAMES_H
#define DBR_KEYSTORE_NAMES_H

#include <stddef.h>

enum {
    DBR_PROFILE_ID = 64,   /* bytes of a profile's name with its NUL, as in a message CONNECT */
    DBR_SOURCE_PATH = 1024 /* bytes of a file's name with its NUL */
};

/* 0, or DBR_ERR_CONFIG with a line in why. A name is a folder's name: 1 to 48 letters and digits of ASCII,
 * '-', '_', '.' and spaces; it begins with a letter or digit, ends with neither dot nor space, and is no
 * device of Windows (CON, NUL, COM1 ..., with or without something behind a dot; "Naming Files, Paths, and
 * Namespaces"). */
int dbr_profile_id_check(const char *id, char *why, size_t cap);

/* The name a profile gets from its file: the last part of the path without .ovpn, .conf, .p12, .pfx or .pem,
 * what is not allowed as '-'. 0, or DBR_ERR_CONFIG when nothing of use is left. */
int dbr_profile_id_from(const char *path, char out[DBR_PROFILE_ID], char *why, size_t cap);

/* 0 for the name of a local file: C:\..., or (relative) below or beside the current folder. DBR_ERR_CONFIG
 * for one on another computer (to open it would tell that computer the user's password hash), a device, a
 * stream (FILE:NAME), C:FILE, \FILE, and what has control characters or wildcards. */
int dbr_source_check(const char *path, char *why, size_t cap);

/* The file that a profile (its path: file) names: relative to the folder of that profile. 0, or as
 * dbr_source_check. */
int dbr_source_join(const char *file, const char *name, char out[DBR_SOURCE_PATH], char *why, size_t cap);

#endif
