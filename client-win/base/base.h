/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What every room of the Windows client needs from the system: the text of an error, the time, a line for the
 * user, our own path. No state but the console's; any thread. Only on Windows.
 */
#ifndef DBR_CW_BASE_BASE_H
#define DBR_CW_BASE_BASE_H

#include "base/format.h"
#include "client-win/base/utf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_WIN_PATH = 1024,      /* units or bytes of a path with its NUL: more than we ever make */
    DBR_WIN_ERROR_TEXT = 256, /* bytes */
};

/* "Access is denied (error 5)" of a code of GetLastError(), in English where Windows has it; one line.
 * Returns out. */
const char *dbr_win_error(unsigned long code, char *out, size_t cap);
/* The same of GetLastError() now. */
const char *dbr_win_last_error(char *out, size_t cap);

/* ns since some moment before this process; goes on while the computer sleeps (the performance counter,
 * Microsoft, "Acquiring high-resolution time stamps"). */
uint64_t dbr_win_now_ns(void);
int64_t dbr_win_unix_s(void);

/* One line, UTF-8, to the console (as what it shows there) or to the file that stands for it; no newline in
 * fmt. */
void dbr_say(const char *fmt, ...) DBR_PRINTF(1, 2);
/* The same to the error output: what is wrong, why, and the way out. */
void dbr_complain(const char *fmt, ...) DBR_PRINTF(1, 2);

/* The absolute path of this program, never shortened. 0 or DBR_ERR_SPACE. */
int dbr_win_own_path(dbr_utf16 *out, size_t cap);
/* %ProgramData%\Drawbridge, then \below where that is not NULL; asked from Windows, not from the environment.
 * 0, DBR_ERR_IO or DBR_ERR_SPACE. */
int dbr_win_data_path(dbr_utf16 *out, size_t cap, const dbr_utf16 *below);
/* Appends text to out (cap units). 0, or DBR_ERR_SPACE with out as it was. */
int dbr_utf16_add(dbr_utf16 *out, size_t cap, const dbr_utf16 *text);

#endif
