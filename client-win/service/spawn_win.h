/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Who is at the other end of the pipe, and an engine as him. Called by the service's thread only.
 */
#ifndef DBR_CW_SERVICE_SPAWN_WIN_H
#define DBR_CW_SERVICE_SPAWN_WIN_H

#include <windows.h>

#include <stdbool.h>
#include <stddef.h>

struct dbr_spawned {
    HANDLE process; /* signalled at its end */
    HANDLE job;     /* closing it ends the process */
};

/* The SID in text of the user at the other end of a pipe he has written to. 0, or DBR_ERR_AUTH: he lets
 * nobody see who he is, or is no user (a service account). Ends this process if Windows does not give it its
 * own rights back. */
int dbr_spawn_identify(HANDLE pipe, char *sid, size_t cap);

/* Starts `program` (absolute path) with "engine TAP PIPE" as the user at the other end of `pipe`, whose
 * process is `pid`. The child inherits `tap` and `link` and nothing else. 0, or DBR_ERR_AUTH, DBR_ERR_IO with
 * one line in why. */
int dbr_spawn_engine(const wchar_t *program, HANDLE pipe, DWORD pid, HANDLE tap, HANDLE link,
                     struct dbr_spawned *out, char *why, size_t cap);
/* Ends it now, if it runs. */
void dbr_spawn_kill(struct dbr_spawned *s);
void dbr_spawn_close(struct dbr_spawned *s); /* callable twice */

#endif
