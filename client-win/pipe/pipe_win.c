/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Service ends of pipes (Microsoft: "Named Pipes", "I/O Completion Ports", "Named Pipe Security and Access
 * Rights").
 *
 * Life of an end: made -> reading, perhaps writing -> closing (both cancelled) -> when neither is under way:
 * `closed` is called, the handle is closed, all is freed; always from dbr_pipe_completed().
 */
#include "client-win/pipe/pipe_win.h"

#include "base/err.h"
#include "base/secret.h"

#include <bcrypt.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum job { ACCEPT, READ, WRITE, BYE };

/* What an OVERLAPPED belongs to. */
struct io {
    OVERLAPPED o; /* first: a completion names it */
    enum job job;
    bool under_way;
    void *owner;
};

struct item {
    size_t n;
    uint8_t bytes[DBR_PM_MAX];
};

struct dbr_pipe {
    HANDLE port, handle;
    enum dbr_pm_way in, out;
    struct dbr_pipe_events events;
    void *arg;
    const char *why; /* set: closing */
    struct io read, write, bye;
    uint8_t got[DBR_PM_MAX];
    struct item *queue[DBR_PIPE_QUEUE];
    size_t first, n;
    unsigned long pid, session;
};

static void io_init(struct io *io, enum job job, void *owner)
{
    memset(io, 0, sizeof *io);
    io->job = job;
    io->owner = owner;
}

static void free_item(struct item *i)
{
    dbr_wipe(i, sizeof *i);
    free(i);
}

struct dbr_pipe *dbr_pipe_new(HANDLE port, HANDLE handle, enum dbr_pm_way in, enum dbr_pm_way out,
                              const struct dbr_pipe_events *events, void *arg)
{
    struct dbr_pipe *p = calloc(1, sizeof *p);
    if (!p) {
        CloseHandle(handle);
        return NULL;
    }
    *p = (struct dbr_pipe){
        .port = port, .handle = handle, .in = in, .out = out, .events = *events, .arg = arg};
    io_init(&p->read, READ, p);
    io_init(&p->write, WRITE, p);
    io_init(&p->bye, BYE, p);
    GetNamedPipeClientProcessId(handle, &p->pid);
    GetNamedPipeClientSessionId(handle, &p->session);
    return p;
}

/* `closed` comes from the loop, never out of a call of the owner: a completion of our own brings it. */
void dbr_pipe_close(struct dbr_pipe *p, const char *why)
{
    if (p->why)
        return;
    p->why = why;
    CancelIoEx(p->handle, NULL);
    p->bye.under_way = true;
    if (!PostQueuedCompletionStatus(p->port, 0, DBR_PIPE_KEY, &p->bye.o))
        p->bye.under_way = false;
}

static void read_next(struct dbr_pipe *p)
{
    memset(&p->read.o, 0, sizeof p->read.o);
    p->read.under_way = true;
    if (ReadFile(p->handle, p->got, sizeof p->got, NULL, &p->read.o))
        return; /* its completion comes all the same */
    DWORD e = GetLastError();
    if (e == ERROR_IO_PENDING || e == ERROR_MORE_DATA)
        return;
    p->read.under_way = false;
    dbr_pipe_close(p, "the other end has gone");
}

static void write_next(struct dbr_pipe *p)
{
    if (p->why || p->write.under_way || !p->n)
        return;
    const struct item *i = p->queue[p->first];
    memset(&p->write.o, 0, sizeof p->write.o);
    p->write.under_way = true;
    if (WriteFile(p->handle, i->bytes, (DWORD)i->n, NULL, &p->write.o) || GetLastError() == ERROR_IO_PENDING)
        return;
    p->write.under_way = false;
    dbr_pipe_close(p, "the other end has gone");
}

void dbr_pipe_start(struct dbr_pipe *p)
{
    read_next(p);
}

int dbr_pipe_send(struct dbr_pipe *p, const struct dbr_pm *m)
{
    if (p->why)
        return DBR_ERR_IO;
    if (p->n == DBR_PIPE_QUEUE) {
        dbr_pipe_close(p, "the other end does not read");
        return DBR_ERR_LIMIT;
    }
    struct item *i = calloc(1, sizeof *i);
    if (!i)
        return DBR_ERR_NOMEM;
    i->n = dbr_pm_encode(m, p->out, i->bytes);
    if (!i->n) {
        free_item(i);
        return DBR_ERR_SHAPE;
    }
    p->queue[(p->first + p->n++) % DBR_PIPE_QUEUE] = i;
    write_next(p);
    return 0;
}

static void take_message(struct dbr_pipe *p, DWORD n)
{
    struct dbr_pm m;
    const char *why;
    int err = dbr_pm_decode(&m, p->in, p->got, n, &why);
    dbr_wipe(p->got, sizeof p->got);
    if (err) {
        dbr_pipe_close(p, why);
        return;
    }
    p->events.message(p->arg, p, &m);
    dbr_pm_wipe(&m);
    if (!p->why)
        read_next(p);
}

static void was_read(struct dbr_pipe *p, DWORD n, DWORD error)
{
    p->read.under_way = false;
    if (p->why)
        return;
    if (error == ERROR_MORE_DATA)
        dbr_pipe_close(p, "a message that is too long");
    else if (error)
        dbr_pipe_close(p, "the other end has gone");
    else
        take_message(p, n);
}

static void was_written(struct dbr_pipe *p, DWORD error)
{
    p->write.under_way = false;
    if (p->n) {
        free_item(p->queue[p->first]);
        p->first = (p->first + 1) % DBR_PIPE_QUEUE;
        p->n--;
    }
    if (error && !p->why)
        dbr_pipe_close(p, "the other end has gone");
    write_next(p);
}

static void free_when_over(struct dbr_pipe *p)
{
    if (!p->why || p->read.under_way || p->write.under_way || p->bye.under_way)
        return;
    p->events.closed(p->arg, p, p->why);
    CloseHandle(p->handle);
    for (; p->n; p->n--, p->first = (p->first + 1) % DBR_PIPE_QUEUE)
        free_item(p->queue[p->first]);
    dbr_wipe(p, sizeof *p);
    free(p);
}

unsigned long dbr_pipe_peer_pid(const struct dbr_pipe *p)
{
    return p->pid;
}

unsigned long dbr_pipe_peer_session(const struct dbr_pipe *p)
{
    return p->session;
}

HANDLE dbr_pipe_handle(const struct dbr_pipe *p)
{
    return p->handle;
}

/* The public pipe. Its DACL, from the left: nobody from the network (as does PIPE_REJECT_REMOTE_CLIENTS) nor
 * without a name; we ourselves and administrators everything; who sits at this computer reads and writes, but
 * makes no instance (0x12019b is FILE_GENERIC_READ | FILE_GENERIC_WRITE without FILE_CREATE_PIPE_INSTANCE,
 * which is FILE_APPEND_DATA). READ_CONTROL lets a client look whose pipe it is. */
#define PUBLIC_DACL  L"D:P(D;;GA;;;NU)(D;;GA;;;AN)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;%ls)(A;;0x12019b;;;IU)"
#define PRIVATE_DACL L"D:P(A;;GA;;;%ls)"

/* One instance waits at any time, even while DBR_PIPE_CLIENTS others are served: the name never becomes free
 * while we live, and nobody can take it. The first instance makes it, and fails where somebody else has it
 * (FILE_FLAG_FIRST_PIPE_INSTANCE, CVE-2024-4877). */
struct dbr_pipe_listener {
    HANDLE port, waiting;
    wchar_t name[128];
    void (*accepted)(void *arg, HANDLE handle);
    void *arg;
    struct io io;
    size_t served;
    bool named, ended;
};

/* The SID of this process's user as text; frees with LocalFree. */
static wchar_t *own_sid(void)
{
    uint8_t room[256];
    TOKEN_USER *user = (TOKEN_USER *)(void *)room;
    HANDLE token;
    DWORD n;
    wchar_t *text = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return NULL;
    if (!GetTokenInformation(token, TokenUser, room, sizeof room, &n) ||
        !ConvertSidToStringSidW(user->User.Sid, &text))
        text = NULL;
    CloseHandle(token);
    return text;
}

/* A security descriptor of one of the two texts; frees with LocalFree. */
static PSECURITY_DESCRIPTOR descriptor(const wchar_t *form)
{
    wchar_t *sid = own_sid(), text[512];
    PSECURITY_DESCRIPTOR sd = NULL;
    if (!sid)
        return NULL;
    swprintf(text, sizeof text / sizeof text[0], form, sid);
    LocalFree(sid);
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &sd, NULL) ? sd : NULL;
}

static HANDLE make_instance(const wchar_t *name, const wchar_t *dacl, bool first, DWORD instances)
{
    SECURITY_ATTRIBUTES sa = {sizeof sa, descriptor(dacl), FALSE};
    if (!sa.lpSecurityDescriptor)
        return INVALID_HANDLE_VALUE;
    HANDLE h = CreateNamedPipeW(
        name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, instances,
        16 * DBR_PM_MAX, 4 * DBR_PM_MAX, 0, &sa);
    DWORD e = GetLastError();
    LocalFree(sa.lpSecurityDescriptor);
    SetLastError(e);
    return h;
}

static bool make_waiting(struct dbr_pipe_listener *l)
{
    if (l->waiting == INVALID_HANDLE_VALUE) {
        HANDLE h = make_instance(l->name, PUBLIC_DACL, !l->named, DBR_PIPE_CLIENTS + 1);
        if (h != INVALID_HANDLE_VALUE && !CreateIoCompletionPort(h, l->port, DBR_PIPE_KEY, 0)) {
            CloseHandle(h);
            h = INVALID_HANDLE_VALUE;
        }
        l->waiting = h;
    }
    l->named = l->named || l->waiting != INVALID_HANDLE_VALUE;
    return l->waiting != INVALID_HANDLE_VALUE;
}

/* Who came before the call is there at once, which brings no completion: one of our own stands for it. */
static void wait_for_one(struct dbr_pipe_listener *l)
{
    if (l->ended || l->io.under_way || !make_waiting(l) || l->served >= DBR_PIPE_CLIENTS)
        return;
    memset(&l->io.o, 0, sizeof l->io.o);
    l->io.under_way = true;
    if (ConnectNamedPipe(l->waiting, &l->io.o) || GetLastError() == ERROR_IO_PENDING)
        return;
    DWORD e = GetLastError();
    if (e != ERROR_PIPE_CONNECTED)
        DisconnectNamedPipe(l->waiting); /* came and went: ERROR_NO_DATA; taken for one who says nothing */
    if (!PostQueuedCompletionStatus(l->port, 0, DBR_PIPE_KEY, &l->io.o))
        l->io.under_way = false;
}

static void was_accepted(struct dbr_pipe_listener *l, DWORD error)
{
    l->io.under_way = false;
    if (l->ended) {
        CloseHandle(l->waiting);
        free(l);
        return;
    }
    if (error) {
        DisconnectNamedPipe(l->waiting);
        wait_for_one(l);
        return;
    }
    HANDLE handle = l->waiting;
    l->waiting = INVALID_HANDLE_VALUE;
    l->served++;
    make_waiting(l);
    l->accepted(l->arg, handle);
    wait_for_one(l);
}

struct dbr_pipe_listener *dbr_pipe_listen(HANDLE port, const wchar_t *name,
                                          void (*accepted)(void *arg, HANDLE), void *arg)
{
    struct dbr_pipe_listener *l = calloc(1, sizeof *l);
    if (!l) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    l->port = port;
    l->waiting = INVALID_HANDLE_VALUE;
    l->accepted = accepted;
    l->arg = arg;
    wcsncpy(l->name, name, sizeof l->name / sizeof l->name[0] - 1);
    io_init(&l->io, ACCEPT, l);
    if (!make_waiting(l)) {
        free(l);
        return NULL;
    }
    wait_for_one(l);
    return l;
}

void dbr_pipe_listen_again(struct dbr_pipe_listener *l)
{
    if (l->served)
        l->served--;
    wait_for_one(l);
}

void dbr_pipe_listen_end(struct dbr_pipe_listener *l)
{
    l->ended = true;
    if (l->io.under_way && CancelIoEx(l->waiting, &l->io.o))
        return; /* its completion frees */
    if (l->io.under_way)
        return;
    if (l->waiting != INVALID_HANDLE_VALUE)
        CloseHandle(l->waiting);
    free(l);
}

void dbr_pipe_completed(OVERLAPPED *o, DWORD n, DWORD error)
{
    struct io *io = (struct io *)(void *)o;
    if (io->job == ACCEPT) {
        was_accepted(io->owner, error);
        return;
    }
    struct dbr_pipe *p = io->owner;
    switch (io->job) {
    case READ: was_read(p, n, error); break;
    case WRITE: was_written(p, error); break;
    case BYE: p->bye.under_way = false; break;
    case ACCEPT: break;
    }
    free_when_over(p);
}

/* The name is random and open for a moment to this user alone; max. one instance, and we are its only client.
 */
static HANDLE open_theirs(const wchar_t *name)
{
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    HANDLE h = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, &inherit, OPEN_EXISTING,
                           FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    DWORD mode = PIPE_READMODE_MESSAGE;
    if (h != INVALID_HANDLE_VALUE && !SetNamedPipeHandleState(h, &mode, NULL, NULL)) {
        CloseHandle(h);
        return INVALID_HANDLE_VALUE;
    }
    return h;
}

DWORD dbr_pipe_pair(HANDLE port, HANDLE *ours, HANDLE *theirs)
{
    uint64_t r[2];
    wchar_t name[96];
    if (BCryptGenRandom(NULL, (uint8_t *)r, sizeof r, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
        return ERROR_GEN_FAILURE;
    swprintf(name, sizeof name / sizeof name[0], L"%ls.%016I64x%016I64x", DBR_PIPE_NAME, r[0], r[1]);
    *ours = make_instance(name, PRIVATE_DACL, true, 1);
    if (*ours == INVALID_HANDLE_VALUE)
        return GetLastError();
    *theirs = open_theirs(name);
    if (*theirs != INVALID_HANDLE_VALUE && CreateIoCompletionPort(*ours, port, DBR_PIPE_KEY, 0))
        return 0;
    DWORD e = GetLastError();
    if (*theirs != INVALID_HANDLE_VALUE)
        CloseHandle(*theirs);
    CloseHandle(*ours);
    return e ? e : ERROR_GEN_FAILURE;
}
