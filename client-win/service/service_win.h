/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service: one thread, one completion port. It owns the pipe, the book, and at most one engine. It parses
 * no configuration and nothing from the network; what it does for an engine is open the TAP and change
 * addresses, routes and name servers of that TAP, and undo them when the engine has gone, however it went.
 */
#ifndef DBR_CW_SERVICE_SERVICE_WIN_H
#define DBR_CW_SERVICE_SERVICE_WIN_H

#include "client-win/base/base.h"
#include "client-win/pipe/message.h"

#include <windows.h>

/* The TAP and the network, as the service uses them; parts_win.c has Windows'. Errors come with a line for
 * the user. */
struct dbr_service_parts {
    void *arg;
    /* Undoes what a crash left behind. Called once, before anybody is served. note: lines for the log. */
    void (*recover)(void *arg, void (*note)(void *log, const char *line), void *log);
    /* A free TAP, overlapped. */
    int (*open)(void *arg, HANDLE *tap, char *why, size_t cap);
    /* One NET_* message for the TAP opened last; 0 or an error of Windows or of base/err.h as a positive
     * number. */
    uint32_t (*net)(void *arg, const struct dbr_pm *m, char *why, size_t cap);
    /* The engine has gone: undo all it had done. */
    void (*close)(void *arg, void (*note)(void *log, const char *line), void *log);
};

const struct dbr_service_parts *dbr_service_windows_parts(void);

/* Borrowed until dbr_service_free(). */
struct dbr_service_setup {
    const struct dbr_service_parts *parts;
    const wchar_t *pipe;    /* its name */
    const wchar_t *program; /* what an engine is started from; absolute */
    const wchar_t *log;     /* absolute path; NULL: to the console */
};

struct dbr_service;

/* Makes the pipe and recovers. NULL with one line in why. */
struct dbr_service *dbr_service_new(const struct dbr_service_setup *setup, char *why, size_t cap);
/* Serves until dbr_service_stop(); then ends the connection, waits for its engine, closes all pipes. */
void dbr_service_serve(struct dbr_service *s);
void dbr_service_free(struct dbr_service *s); /* after that */

/* From any thread, while it runs: */
void dbr_service_stop(struct dbr_service *s);
void dbr_service_session_over(struct dbr_service *s, DWORD session);
void dbr_service_woke_up(struct dbr_service *s);

/* `drawbridge service`: runs under the service control manager. `--console`: in this console, as this user,
 * until Ctrl-C; for him alone. Exit codes. */
int dbr_service_main(void);
int dbr_service_console(void);

#endif
