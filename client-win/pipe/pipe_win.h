/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service's ends of its pipes, on one completion port and one thread: the public pipe with its instances,
 * and one private pipe to an engine. An end reads one message at a time, decodes and checks it before anybody
 * sees it, and queues what it sends; whoever does not read, or says what is no message, loses the pipe and
 * nothing else happens.
 *
 * Owner: the service's loop. It takes completions from the port and gives those with key DBR_PIPE_KEY to
 * dbr_pipe_completed().
 */
#ifndef DBR_CW_PIPE_PIPE_WIN_H
#define DBR_CW_PIPE_PIPE_WIN_H

#include "client-win/pipe/message.h"

#include <windows.h>

/* The name that clients know. */
#define DBR_PIPE_NAME L"\\\\.\\pipe\\Drawbridge"

enum {
    DBR_PIPE_KEY = 1,      /* completion key of all that is here */
    DBR_PIPE_CLIENTS = 64, /* at a time */
    DBR_PIPE_QUEUE = 64,   /* messages that wait for one who does not read */
};

struct dbr_pipe;

/* What an end tells its owner. message: m is wiped after the call. closed: last call for this end, never from
 * within dbr_pipe_send() or dbr_pipe_close(); why is a static text. */
struct dbr_pipe_events {
    void (*message)(void *arg, struct dbr_pipe *p, struct dbr_pm *m);
    void (*closed)(void *arg, struct dbr_pipe *p, const char *why);
};

/* An end of a pipe that the listener or dbr_pipe_pair() made, so that it is on the port already. Consumes
 * `handle`, also on failure (NULL). `in` is the way of what is read, `out` of what is sent. */
struct dbr_pipe *dbr_pipe_new(HANDLE port, HANDLE handle, enum dbr_pm_way in, enum dbr_pm_way out,
                              const struct dbr_pipe_events *events, void *arg);
/* Begins to read. Call once. */
void dbr_pipe_start(struct dbr_pipe *p);

/* Queues a copy of m. 0; DBR_ERR_SHAPE for what is no message of this way; DBR_ERR_LIMIT when the queue is
 * full, and the end closes. */
int dbr_pipe_send(struct dbr_pipe *p, const struct dbr_pm *m);
/* Ends it: what is queued behind a write that is under way is dropped; `closed` follows from the loop. */
void dbr_pipe_close(struct dbr_pipe *p, const char *why);
/* The process at the other end of the public pipe, and its session; 0 if that is not known. */
unsigned long dbr_pipe_peer_pid(const struct dbr_pipe *p);
unsigned long dbr_pipe_peer_session(const struct dbr_pipe *p);
/* The handle, borrowed, to impersonate who is at the other end. */
HANDLE dbr_pipe_handle(const struct dbr_pipe *p);

/* The public pipe, listening at once; NULL with GetLastError(), ERROR_ACCESS_DENIED where the name is
 * somebody else's. accepted: consumes the handle of a connected instance; what it makes of it calls
 * dbr_pipe_listen_again() at its end.
 */
struct dbr_pipe_listener;
struct dbr_pipe_listener *dbr_pipe_listen(HANDLE port, const wchar_t *name,
                                          void (*accepted)(void *arg, HANDLE), void *arg);
void dbr_pipe_listen_end(struct dbr_pipe_listener *l); /* from the loop's thread, before the port closes */
/* One of those accepted has ended: listens again if that had stopped at DBR_PIPE_CLIENTS. */
void dbr_pipe_listen_again(struct dbr_pipe_listener *l);

/* One completion with DBR_PIPE_KEY: its OVERLAPPED, bytes, and 0 or the error. */
void dbr_pipe_completed(OVERLAPPED *o, DWORD n, DWORD error);

/* A pipe of two ends between this process and a child: `ours` on the port, for dbr_pipe_new(), `theirs`
 * inheritable, message mode, overlapped; nobody else may open it. 0, or the error of Windows. */
DWORD dbr_pipe_pair(HANDLE port, HANDLE *ours, HANDLE *theirs);

#endif
