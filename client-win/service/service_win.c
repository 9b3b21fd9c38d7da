/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The loop: completions of pipes, the end of the engine, words of the control manager, and time, all on one
 * port.
 *
 * An engine is gone when its process has ended and its pipe is at its end: what it said last (why it failed)
 * is heard before its end is.
 */
#include "client-win/service/service_win.h"

#include "base/err.h"
#include "client-win/pipe/pipe_win.h"
#include "client-win/service/book.h"
#include "client-win/service/logfile_win.h"
#include "client-win/service/spawn_win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Completion keys beside DBR_PIPE_KEY. */
enum { KEY_ENGINE_ENDED = DBR_PIPE_KEY + 1, KEY_SESSION_OVER, KEY_WOKE_UP, KEY_STOP };

enum { LINE = 1024 };

struct engine {
    struct dbr_spawned spawned;
    struct dbr_pipe *link;
    HANDLE wait;
    DWORD round; /* which engine a late completion is about */
    bool alive;  /* the process */
};

struct dbr_service {
    struct dbr_service_setup setup;
    HANDLE port;
    struct dbr_pipe_listener *listener;
    struct dbr_book book;
    struct dbr_pipe *client[DBR_BOOK_CLIENTS];
    struct engine engine;
    struct dbr_logfile log;
    uint64_t lost_ns;        /* when the last line about a lost client was written */
    unsigned long lost_more; /* clients lost since, without one */
    bool stopping;
};

static void note(void *arg, const char *line)
{
    struct dbr_service *s = arg;
    if (s->setup.log)
        dbr_logfile_write(&s->log, line);
    else
        dbr_say("%s", line);
}

static void notef(struct dbr_service *s, const char *fmt, ...) DBR_PRINTF(2, 3);
static void notef(struct dbr_service *s, const char *fmt, ...)
{
    char line[LINE];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    note(s, line);
}

/* Clients. */

static size_t place_of(const struct dbr_service *s, const struct dbr_pipe *p)
{
    size_t i = 0;
    while (i < DBR_BOOK_CLIENTS && s->client[i] != p)
        i++;
    return i;
}

static void client_said(void *arg, struct dbr_pipe *p, struct dbr_pm *m)
{
    struct dbr_service *s = arg;
    size_t place = place_of(s, p);
    if (place < DBR_BOOK_CLIENTS)
        dbr_book_client_said(&s->book, place, m, dbr_win_now_ns());
}

/* A line a second at most: nobody pushes older ones out of the log this way. */
static void note_lost(struct dbr_service *s, const struct dbr_pipe *p, const char *why)
{
    uint64_t now = dbr_win_now_ns();
    if (s->lost_ns && now - s->lost_ns < UINT64_C(1000000000)) {
        s->lost_more++;
        return;
    }
    notef(s, "A client (process %lu) lost its pipe: %s (%lu others since the last such line)",
          dbr_pipe_peer_pid(p), why, s->lost_more);
    s->lost_ns = now;
    s->lost_more = 0;
}

static void client_closed(void *arg, struct dbr_pipe *p, const char *why)
{
    struct dbr_service *s = arg;
    size_t place = place_of(s, p);
    if (place < DBR_BOOK_CLIENTS) {
        s->client[place] = NULL;
        dbr_book_client_gone(&s->book, place);
    }
    if (strcmp(why, "the other end has gone") != 0)
        note_lost(s, p, why);
    if (s->listener)
        dbr_pipe_listen_again(s->listener);
}

static const struct dbr_pipe_events client_events = {client_said, client_closed};

static void client_came(void *arg, HANDLE handle)
{
    struct dbr_service *s = arg;
    struct dbr_pipe *p =
        dbr_pipe_new(s->port, handle, DBR_PM_CLIENT_TO_SERVICE, DBR_PM_SERVICE_TO_CLIENT, &client_events, s);
    if (!p) {
        dbr_pipe_listen_again(s->listener);
        return;
    }
    size_t place = dbr_book_client_came(&s->book, dbr_pipe_peer_session(p), dbr_win_now_ns());
    if (place == DBR_BOOK_CLIENTS) {
        dbr_pipe_close(p, "too many clients");
        return;
    }
    s->client[place] = p;
    dbr_pipe_start(p);
}

/* The book's steps. */

static int identify(void *arg, size_t place, char user[DBR_BOOK_USER])
{
    struct dbr_service *s = arg;
    return dbr_spawn_identify(dbr_pipe_handle(s->client[place]), user, DBR_BOOK_USER);
}

static void tell(void *arg, size_t place, const struct dbr_pm *m)
{
    struct dbr_service *s = arg;
    if (s->client[place])
        dbr_pipe_send(s->client[place], m);
}

static void drop(void *arg, size_t place, const char *why)
{
    struct dbr_service *s = arg;
    if (s->client[place])
        dbr_pipe_close(s->client[place], why);
}

static void tell_engine(void *arg, const struct dbr_pm *m)
{
    struct dbr_service *s = arg;
    if (s->engine.link)
        dbr_pipe_send(s->engine.link, m);
}

static void kill_engine(void *arg, const char *why)
{
    struct dbr_service *s = arg;
    notef(s, "The engine is ended: %s", why);
    dbr_spawn_kill(&s->engine.spawned);
}

static uint32_t net(void *arg, const struct dbr_pm *m, char *why, size_t cap)
{
    struct dbr_service *s = arg;
    return s->setup.parts->net(s->setup.parts->arg, m, why, cap);
}

/* The engine. */

static void engine_is_gone(struct dbr_service *s)
{
    struct engine *e = &s->engine;
    if (e->alive || e->link || !e->spawned.process)
        return;
    char why[64];
    DWORD code = 0;
    GetExitCodeProcess(e->spawned.process, &code);
    snprintf(why, sizeof why, "ended (exit code %lu)", code);
    dbr_spawn_close(&e->spawned);
    s->setup.parts->close(s->setup.parts->arg, note, s);
    dbr_book_engine_gone(&s->book, why);
}

static void engine_said(void *arg, struct dbr_pipe *p, struct dbr_pm *m)
{
    struct dbr_service *s = arg;
    (void)p;
    dbr_book_engine_said(&s->book, m, dbr_win_now_ns());
}

/* An engine that has let go of its pipe, or says what is no message, has nothing more to do here. */
static void engine_closed(void *arg, struct dbr_pipe *p, const char *why)
{
    struct dbr_service *s = arg;
    (void)p;
    s->engine.link = NULL;
    if (s->engine.alive)
        kill_engine(s, why);
    engine_is_gone(s);
}

static const struct dbr_pipe_events engine_events = {engine_said, engine_closed};

static void CALLBACK process_ended(void *arg, BOOLEAN timed_out)
{
    struct dbr_service *s = arg;
    (void)timed_out;
    PostQueuedCompletionStatus(s->port, s->engine.round, KEY_ENGINE_ENDED, NULL);
}

static void engine_ended(struct dbr_service *s, DWORD round)
{
    if (round != s->engine.round || !s->engine.alive)
        return;
    s->engine.alive = false;
    UnregisterWaitEx(s->engine.wait, NULL);
    s->engine.wait = NULL;
    engine_is_gone(s);
}

/* tap and theirs are ours to close: the engine has its own by then. */
static int start_engine(struct dbr_service *s, size_t place, HANDLE tap, char *why, size_t cap)
{
    struct engine *e = &s->engine;
    HANDLE ours, theirs;
    char text[DBR_WIN_ERROR_TEXT];
    DWORD error = dbr_pipe_pair(s->port, &ours, &theirs);
    if (error) {
        snprintf(why, cap, "The connection cannot be started: %.150s.",
                 dbr_win_error(error, text, sizeof text));
        return DBR_ERR_IO;
    }
    int err = dbr_spawn_engine(s->setup.program, dbr_pipe_handle(s->client[place]),
                               dbr_pipe_peer_pid(s->client[place]), tap, theirs, &e->spawned, why, cap);
    CloseHandle(theirs);
    if (err) {
        CloseHandle(ours);
        return err;
    }
    e->link =
        dbr_pipe_new(s->port, ours, DBR_PM_ENGINE_TO_SERVICE, DBR_PM_SERVICE_TO_ENGINE, &engine_events, s);
    e->alive = true;
    e->round++;
    if (!e->link || !RegisterWaitForSingleObject(&e->wait, e->spawned.process, process_ended, s, INFINITE,
                                                 WT_EXECUTEONLYONCE)) {
        snprintf(why, cap, "There is not enough memory. Close some programs, then try again.");
        return DBR_ERR_NOMEM;
    }
    dbr_pipe_start(e->link);
    return 0;
}

static void take_back_engine(struct dbr_service *s)
{
    struct engine *e = &s->engine;
    e->alive = false;
    dbr_spawn_kill(&e->spawned);
    dbr_spawn_close(&e->spawned);
    if (e->link)
        dbr_pipe_close(e->link, "not started");
}

static int spawn(void *arg, size_t place, char *why, size_t cap)
{
    struct dbr_service *s = arg;
    const struct dbr_service_parts *parts = s->setup.parts;
    HANDLE tap = NULL;
    if (s->stopping || s->engine.spawned.process || s->engine.link) {
        snprintf(why, cap, "The last connection is just ending. Wait a moment, then try again.");
        return DBR_ERR_STATE;
    }
    int err = parts->open(parts->arg, &tap, why, cap);
    if (err)
        return err;
    err = start_engine(s, place, tap, why, cap);
    CloseHandle(tap);
    if (err) {
        take_back_engine(s);
        parts->close(parts->arg, note, s);
        notef(s, "No engine: %s", why);
    }
    return err;
}

/* Birth, loop, death. */

static const struct dbr_book_steps steps = {identify, tell, drop, spawn, tell_engine, kill_engine, net, note};

static const char *listen_error(DWORD error, char *text, size_t cap)
{
    if (error == ERROR_ACCESS_DENIED || error == ERROR_PIPE_BUSY)
        return "another program has the name of Drawbridge's pipe. End that program, then start the service "
               "again";
    return dbr_win_error(error, text, cap);
}

struct dbr_service *dbr_service_new(const struct dbr_service_setup *setup, char *why, size_t cap)
{
    char text[DBR_WIN_ERROR_TEXT];
    struct dbr_service *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(why, cap, "There is not enough memory.");
        return NULL;
    }
    s->setup = *setup;
    s->log.file = INVALID_HANDLE_VALUE;
    if (setup->log)
        dbr_logfile_open(&s->log, setup->log);
    dbr_book_init(&s->book, &steps, s);
    s->port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (s->port)
        s->listener = dbr_pipe_listen(s->port, setup->pipe, client_came, s);
    if (!s->listener) {
        snprintf(why, cap, "The service cannot listen: %.200s.",
                 listen_error(GetLastError(), text, sizeof text));
        note(s, why);
        if (s->port)
            CloseHandle(s->port);
        dbr_logfile_close(&s->log);
        free(s);
        return NULL;
    }
    setup->parts->recover(setup->parts->arg, note, s);
    note(s, "The service has started");
    return s;
}

static void handle(struct dbr_service *s, ULONG_PTR key, DWORD n, OVERLAPPED *o, DWORD error)
{
    switch (key) {
    case DBR_PIPE_KEY: dbr_pipe_completed(o, n, error); break;
    case KEY_ENGINE_ENDED: engine_ended(s, n); break;
    case KEY_SESSION_OVER: dbr_book_session_over(&s->book, n, dbr_win_now_ns()); break;
    case KEY_WOKE_UP: note(s, "The computer has woken up"); break;
    case KEY_STOP:
        s->stopping = true;
        dbr_book_stop(&s->book, dbr_win_now_ns());
        break;
    default: break;
    }
}

/* ms until `at`, rounded up; INFINITE for never. */
static DWORD until(uint64_t at)
{
    uint64_t now = dbr_win_now_ns();
    if (at == UINT64_MAX)
        return INFINITE;
    return at <= now ? 0 : (DWORD)((at - now) / 1000000 + 1);
}

static void turn(struct dbr_service *s, DWORD patience_ms)
{
    DWORD n = 0, error = 0;
    ULONG_PTR key = 0;
    OVERLAPPED *o = NULL;
    if (!GetQueuedCompletionStatus(s->port, &n, &key, &o, patience_ms)) {
        error = GetLastError();
        if (!o)
            return; /* nothing but time */
    }
    handle(s, key, n, o, error);
}

static bool has_engine(const struct dbr_service *s)
{
    return s->engine.spawned.process || s->engine.link;
}

/* Everybody's pipe closes; what is under way is waited for, as its memory is in Windows' hands. */
static void close_all(struct dbr_service *s)
{
    dbr_pipe_listen_end(s->listener);
    s->listener = NULL;
    for (size_t i = 0; i < DBR_BOOK_CLIENTS; i++)
        if (s->client[i])
            dbr_pipe_close(s->client[i], "the other end has gone");
    for (uint64_t by = dbr_win_now_ns() + UINT64_C(1000000000), left = 1; left && dbr_win_now_ns() < by;) {
        turn(s, 20);
        left = 0;
        for (size_t i = 0; i < DBR_BOOK_CLIENTS; i++)
            left += s->client[i] != NULL;
    }
}

void dbr_service_serve(struct dbr_service *s)
{
    while (!s->stopping || has_engine(s))
        turn(s, until(dbr_book_tick(&s->book, dbr_win_now_ns())));
    close_all(s);
    note(s, "The service has stopped");
}

void dbr_service_free(struct dbr_service *s)
{
    CloseHandle(s->port);
    dbr_logfile_close(&s->log);
    free(s);
}

void dbr_service_stop(struct dbr_service *s)
{
    PostQueuedCompletionStatus(s->port, 0, KEY_STOP, NULL);
}

void dbr_service_session_over(struct dbr_service *s, DWORD session)
{
    PostQueuedCompletionStatus(s->port, session, KEY_SESSION_OVER, NULL);
}

void dbr_service_woke_up(struct dbr_service *s)
{
    PostQueuedCompletionStatus(s->port, 0, KEY_WOKE_UP, NULL);
}
