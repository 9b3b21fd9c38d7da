/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The files beside scripts. Those of a certificate (tls-export-cert), and the three by which a script that
 * checks passwords answers later, or says why not, under OpenVPN's names
 * (doc/man-sections/script-options.rst): auth_control_file, auth_failed_reason_file, auth_pending_file. They
 * lie in tmp-dir, belong to the script's user, mode 0600, and are gone when the verdict is in. There is never
 * a password in them. Owner: the job of the script; keeper's thread.
 */
#ifndef DBR_KEEPER_VERDICT_FILES_H
#define DBR_KEEPER_VERDICT_FILES_H

#include "keeper/keeper.h"

enum verdict_file { VERDICT_CONTROL, VERDICT_REASON, VERDICT_PENDING, VERDICT_FILES };

struct verdict_files {
    char path[VERDICT_FILES][256]; /* "" where there is none */
};

/* Makes them, empty. 0, or DBR_ERR_IO after a logged line; then there are none. */
int verdict_files_make(const struct keeper *k, struct verdict_files *f);
void verdict_files_remove(const struct keeper *k, struct verdict_files *f); /* callable twice */
/* In the script's process: their names into its environment. False: no memory. */
bool verdict_files_env(const struct verdict_files *f);
/* What one of them holds, cut to fit, with a NUL; its length, 0 also where it cannot be read. */
size_t verdict_file_read(const struct keeper *k, const struct verdict_files *f, enum verdict_file which,
                         char *out, size_t cap);

/* tls-export-cert: a certificate (n bytes of DER) as a PEM file in its folder; the path into path. 0, or
 * DBR_ERR_IO after a logged line. */
int cert_file_make(const struct keeper *k, const void *der, size_t n, char *path, size_t cap);
void cert_file_remove(const struct keeper *k, char *path);

/* What auth_pending_file says, "SECONDS\nMETHOD\nTEXT\n": the seconds, at least 1, and the rest in place; 0:
 * it is empty; DBR_ERR_SHAPE. */
int verdict_pending_parse(char *text, const char **method, const char **extra);

#endif
