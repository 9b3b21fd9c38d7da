/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where the files of a running concentrator are, for keeper and for drawbridge-ctl: /run/drawbridge, or what
 * systemd made for it; a folder of its own per network namespace, since names of interfaces are theirs.
 */
#ifndef DBR_IPC_RUNDIR_H
#define DBR_IPC_RUNDIR_H

#include <stddef.h>

enum { DBR_RUN_DIR_MAX = 96, DBR_RUN_FILE_MAX = 512 };

/* The folder, which need not exist; base: its parent, which is itself in the first namespace. */
void dbr_run_dir(char base[DBR_RUN_DIR_MAX], char out[DBR_RUN_DIR_MAX]);

/* The file by which the move of a bridge is confirmed. */
void dbr_confirm_path(char out[DBR_RUN_FILE_MAX], const char *run_dir, const char *bridge);

#endif
