/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service's log, %ProgramData%\Drawbridge\log\drawbridge.log: one line each with its time in UTC; at 1
 * MiB it becomes drawbridge.log.1, and what was .1 .2, of which three are kept. One thread.
 */
#ifndef DBR_CW_SERVICE_LOGFILE_WIN_H
#define DBR_CW_SERVICE_LOGFILE_WIN_H

#include "client-win/base/base.h"

#include <windows.h>

enum { DBR_LOGFILE_MAX = 1 << 20, DBR_LOGFILE_KEPT = 3 };

struct dbr_logfile {
    wchar_t path[DBR_WIN_PATH];
    HANDLE file;
    uint64_t size;
};

/* Opens path, or makes it. 0 or DBR_ERR_IO; then lines are dropped. */
int dbr_logfile_open(struct dbr_logfile *l, const wchar_t *path);
void dbr_logfile_close(struct dbr_logfile *l); /* callable twice */
/* One line, UTF-8 without a newline; anything else in it is made harmless. */
void dbr_logfile_write(struct dbr_logfile *l, const char *line);

#endif
