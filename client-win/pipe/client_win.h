/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The user's end of the pipe to the service: tray and console client. One thread; never blocks for longer
 * than the times that are said here.
 *
 * Whom it talks to is looked at before the first byte is written: where the service is installed, only the
 * process that the service control manager runs as that service, under LocalSystem; elsewhere only
 * `drawbridge service --console` of the same user (tests, debugging). A program that took the pipe's name
 * first hears nothing (CVE-2024-4877). And it may not act as us: the pipe is opened with
 * SECURITY_IDENTIFICATION, which lets the service see who we are; the token for the engine comes from our
 * process, not from the pipe (service/spawn_win.c).
 */
#ifndef DBR_CW_PIPE_CLIENT_WIN_H
#define DBR_CW_PIPE_CLIENT_WIN_H

#include "client-win/pipe/message.h"

#include <windows.h>

struct dbr_pipe_client {
    HANDLE pipe;
    HANDLE event; /* signalled: call dbr_pipe_client_take(); for MsgWaitForMultipleObjects */
    OVERLAPPED read;
    bool reading;
    uint8_t got[DBR_PM_MAX];
};

/* Opens the pipe (waits up to 2 s where all instances are busy), checks who serves it, says HELLO. 0, or with
 * a line for the user in why (cap bytes): DBR_ERR_NOTFOUND (the service does not run), DBR_ERR_AUTH (somebody
 * else has the name), DBR_ERR_IO. */
int dbr_pipe_client_open(struct dbr_pipe_client *c, char *why, size_t cap);
/* Callable twice, and on one that never opened but is zeroed. */
void dbr_pipe_client_close(struct dbr_pipe_client *c);

/* Writes m; waits up to 2 s. 0, DBR_ERR_SHAPE (no message of a client), DBR_ERR_IO. */
int dbr_pipe_client_send(struct dbr_pipe_client *c, const struct dbr_pm *m);
/* The next message: 0; DBR_ERR_AGAIN: none yet, wait for c->event; DBR_ERR_IO: the service has gone;
 * DBR_ERR_SHAPE: what came is none. Close after the last two. */
int dbr_pipe_client_take(struct dbr_pipe_client *c, struct dbr_pm *m);

/* The name of the service in the service control manager. */
#define DBR_SERVICE_NAME L"Drawbridge"

#endif
