/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client end (Microsoft: "Named Pipe Client", "Impersonation Levels", "Service Security and Access Rights").
 */
#include "client-win/pipe/client_win.h"

#include "base/err.h"
#include "base/secret.h"
#include "client-win/base/base.h"
#include "client-win/pipe/pipe_win.h"

#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 2000 };

/* Says what is wrong in why, and returns err. */
static int because(int err, char *why, size_t cap, const char *text)
{
    snprintf(why, cap, "%s", text);
    return err;
}

static HANDLE open_pipe(void)
{
    for (int tries = 0; tries < 2; tries++) {
        HANDLE h = CreateFileW(DBR_PIPE_NAME,
                               FILE_READ_DATA | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES |
                                   FILE_WRITE_DATA | READ_CONTROL | SYNCHRONIZE,
                               0, NULL, OPEN_EXISTING,
                               FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        if (h != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY)
            return h;
        WaitNamedPipeW(DBR_PIPE_NAME, PATIENCE_MS);
    }
    return INVALID_HANDLE_VALUE;
}

/* The service's process by the service control manager, which every user may ask. */
enum installed { NOT_INSTALLED, INSTALLED_SYSTEM, INSTALLED_OTHER };

static enum installed runs_as(SC_HANDLE service)
{
    uint64_t room[1024]; /* 8 KiB, the most that QueryServiceConfig gives */
    QUERY_SERVICE_CONFIGW *config = (QUERY_SERVICE_CONFIGW *)(void *)room;
    DWORD need;
    if (!QueryServiceConfigW(service, config, sizeof room, &need) || !config->lpServiceStartName)
        return INSTALLED_OTHER;
    return _wcsicmp(config->lpServiceStartName, L"LocalSystem") == 0 ? INSTALLED_SYSTEM : INSTALLED_OTHER;
}

static enum installed service_process(DWORD *pid)
{
    SERVICE_STATUS_PROCESS status = {0};
    DWORD need;
    enum installed is = NOT_INSTALLED;
    *pid = 0;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (!manager)
        return INSTALLED_OTHER; /* then nobody can be trusted */
    SC_HANDLE service = OpenServiceW(manager, DBR_SERVICE_NAME, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG);
    if (!service && GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST)
        is = INSTALLED_OTHER;
    if (service) {
        is = runs_as(service);
        if (QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status, sizeof status, &need))
            *pid = status.dwProcessId;
        CloseServiceHandle(service);
    }
    CloseServiceHandle(manager);
    return is;
}

static bool user_of(HANDLE process, uint8_t room[256])
{
    HANDLE token;
    DWORD n;
    if (!OpenProcessToken(process, TOKEN_QUERY, &token))
        return false;
    bool good = GetTokenInformation(token, TokenUser, room, 256, &n);
    CloseHandle(token);
    return good;
}

static bool is_same_user(DWORD pid)
{
    _Alignas(8) uint8_t theirs[256], mine[256];
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (!process)
        return false;
    bool same = user_of(process, theirs) && user_of(GetCurrentProcess(), mine) &&
                EqualSid(((TOKEN_USER *)(void *)theirs)->User.Sid, ((TOKEN_USER *)(void *)mine)->User.Sid);
    CloseHandle(process);
    return same;
}

static bool is_served_well(HANDLE pipe)
{
    DWORD server = 0, service = 0;
    if (!GetNamedPipeServerProcessId(pipe, &server) || !server)
        return false;
    switch (service_process(&service)) {
    case INSTALLED_SYSTEM: return server == service;
    case INSTALLED_OTHER: return false;
    case NOT_INSTALLED: return is_same_user(server);
    }
    return false;
}

static int hello(struct dbr_pipe_client *c, char *why, size_t cap)
{
    const struct dbr_pm m = {DBR_PM_HELLO, {.hello = {DBR_PM_VERSION}}};
    if (dbr_pipe_client_send(c, &m) == 0)
        return 0;
    dbr_pipe_client_close(c);
    return because(DBR_ERR_IO, why, cap,
                   "The Drawbridge service does not answer. Restart the computer, then try again.");
}

/* Windows starts the service some time after the computer (delayed start), and users are faster. */
static const char *why_none(void)
{
    DWORD pid;
    return service_process(&pid) == NOT_INSTALLED
               ? "The Drawbridge service is not installed. Install Drawbridge again."
               : "The Drawbridge service does not run yet. Wait two minutes, then try again; if that does "
                 "not "
                 "help, restart the computer.";
}

int dbr_pipe_client_open(struct dbr_pipe_client *c, char *why, size_t cap)
{
    memset(c, 0, sizeof *c);
    c->pipe = open_pipe();
    if (c->pipe == INVALID_HANDLE_VALUE) {
        bool none = GetLastError() == ERROR_FILE_NOT_FOUND;
        c->pipe = NULL;
        return none
                   ? because(DBR_ERR_NOTFOUND, why, cap, why_none())
                   : because(DBR_ERR_IO, why, cap,
                             "The Drawbridge service cannot be reached. Close other Drawbridge windows, then "
                             "try again.");
    }
    DWORD mode = PIPE_READMODE_MESSAGE;
    c->event = CreateEventW(NULL, TRUE, TRUE, NULL);
    if (!is_served_well(c->pipe)) {
        dbr_pipe_client_close(c);
        return because(
            DBR_ERR_AUTH, why, cap,
            "Another program pretends to be the Drawbridge service. Nothing was sent to it. Tell your "
            "administrator.");
    }
    if (!c->event || !SetNamedPipeHandleState(c->pipe, &mode, NULL, NULL)) {
        dbr_pipe_client_close(c);
        return because(DBR_ERR_IO, why, cap, "Windows cannot open the pipe to the Drawbridge service.");
    }
    return hello(c, why, cap);
}

void dbr_pipe_client_close(struct dbr_pipe_client *c)
{
    DWORD n;
    if (c->reading) {
        CancelIoEx(c->pipe, &c->read);
        GetOverlappedResult(c->pipe, &c->read, &n, TRUE);
    }
    if (c->pipe)
        CloseHandle(c->pipe);
    if (c->event)
        CloseHandle(c->event);
    dbr_wipe(c, sizeof *c);
}

int dbr_pipe_client_send(struct dbr_pipe_client *c, const struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    DWORD sent = 0;
    size_t n = dbr_pm_encode(m, DBR_PM_CLIENT_TO_SERVICE, wire);
    if (!n)
        return DBR_ERR_SHAPE;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    bool good =
        o.hEvent && (WriteFile(c->pipe, wire, (DWORD)n, NULL, &o) || GetLastError() == ERROR_IO_PENDING);
    if (good) {
        if (WaitForSingleObject(o.hEvent, PATIENCE_MS) != WAIT_OBJECT_0)
            CancelIoEx(c->pipe, &o);
        good = GetOverlappedResult(c->pipe, &o, &sent, TRUE) && sent == n;
    }
    if (o.hEvent)
        CloseHandle(o.hEvent);
    dbr_wipe(wire, sizeof wire);
    return good ? 0 : DBR_ERR_IO;
}

static int begin_to_read(struct dbr_pipe_client *c)
{
    c->read = (OVERLAPPED){.hEvent = c->event};
    ResetEvent(c->event);
    if (!ReadFile(c->pipe, c->got, sizeof c->got, NULL, &c->read) && GetLastError() != ERROR_IO_PENDING)
        return DBR_ERR_IO;
    c->reading = true;
    return 0;
}

int dbr_pipe_client_take(struct dbr_pipe_client *c, struct dbr_pm *m)
{
    DWORD n;
    if (!c->reading && begin_to_read(c) != 0)
        return DBR_ERR_IO;
    if (!GetOverlappedResult(c->pipe, &c->read, &n, FALSE)) {
        if (GetLastError() == ERROR_IO_INCOMPLETE)
            return DBR_ERR_AGAIN;
        c->reading = false;
        return DBR_ERR_IO;
    }
    c->reading = false;
    ResetEvent(c->event);
    int err = dbr_pm_decode(m, DBR_PM_SERVICE_TO_CLIENT, c->got, n, NULL);
    /* The next read is under way before the caller waits for the event again. */
    int next = begin_to_read(c);
    if (next != 0)
        SetEvent(c->event); /* the call after this one says that it has gone */
    return err;
}
