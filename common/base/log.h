/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Logging through a sink that the program owns, so that the core itself does no I/O. Levels are OpenVPN's
 * `verb` numbers. A line never contains bytes a peer chose without dbr_log_escape() (CVE-2024-5594).
 */
#ifndef DBR_BASE_LOG_H
#define DBR_BASE_LOG_H

#include "base/format.h"

#include <stdarg.h>
#include <stddef.h>

enum dbr_log_level {
    DBR_LOG_FATAL = 0,  /* always shown; the process ends */
    DBR_LOG_ERROR = 1,  /* always shown */
    DBR_LOG_WARN = 1,   /* prefix the text with "WARNING: " */
    DBR_LOG_NOTICE = 1, /* the lines that tools grep for */
    DBR_LOG_INFO = 3,
    DBR_LOG_VERBOSE = 4,
    DBR_LOG_DEBUG = 7,
};

struct dbr_log {
    int verb;                                             /* messages above it are not formatted */
    void (*sink)(void *arg, int level, const char *line); /* one line, no newline; borrowed for the call */
    void *arg;
};

/* Formats one line (cut at 1,023 bytes) and hands it to the sink if level <= verb. log may be NULL: nothing.
 */
void dbr_log(const struct dbr_log *log, int level, const char *fmt, ...) DBR_PRINTF(3, 4);
void dbr_vlog(const struct dbr_log *log, int level, const char *fmt, va_list ap);

/* Copies n peer-chosen bytes to out (cap >= 1) with every byte outside 0x20..0x7e and the backslash written
 * as \xNN; cut to fit and NUL-terminated. Returns out. */
const char *dbr_log_escape(char *out, size_t cap, const void *bytes, size_t n);

#endif
