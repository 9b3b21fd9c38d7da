/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The service under the service control manager, or in a console (Microsoft: "Service Programs",
 * "LPHANDLER_FUNCTION_EX", "Console Control Handlers"). Globals, because both systems call back without an
 * argument of ours: written before the service runs, taken away under the lock when it does no more.
 */
#include "client-win/pipe/client_win.h"
#include "client-win/pipe/pipe_win.h"
#include "client-win/service/service_win.h"

#include <stdio.h>

#include <wtsapi32.h>

enum { STOP_HINT_MS = 15000 };

static SRWLOCK lock = SRWLOCK_INIT;
static struct dbr_service *running; /* under lock */
static SERVICE_STATUS_HANDLE status_handle;
static int exit_code;

static void with_running(void (*what)(struct dbr_service *s))
{
    AcquireSRWLockShared(&lock);
    if (running)
        what(running);
    ReleaseSRWLockShared(&lock);
}

static void set_running(struct dbr_service *s)
{
    AcquireSRWLockExclusive(&lock);
    running = s;
    ReleaseSRWLockExclusive(&lock);
}

static void report(DWORD state, DWORD error)
{
    SERVICE_STATUS status = {
        .dwServiceType = SERVICE_WIN32_OWN_PROCESS,
        .dwCurrentState = state,
        .dwWin32ExitCode = error,
        .dwWaitHint = state == SERVICE_STOP_PENDING || state == SERVICE_START_PENDING ? STOP_HINT_MS : 0,
    };
    if (state == SERVICE_RUNNING)
        status.dwControlsAccepted = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN |
                                    SERVICE_ACCEPT_SESSIONCHANGE | SERVICE_ACCEPT_POWEREVENT;
    SetServiceStatus(status_handle, &status);
}

static void session_changed(DWORD event, const WTSSESSION_NOTIFICATION *what)
{
    AcquireSRWLockShared(&lock);
    if (running && event == WTS_SESSION_LOGOFF)
        dbr_service_session_over(running, what->dwSessionId);
    ReleaseSRWLockShared(&lock);
}

static DWORD WINAPI control(DWORD code, DWORD event, void *data, void *arg)
{
    (void)arg;
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        report(SERVICE_STOP_PENDING, NO_ERROR);
        with_running(dbr_service_stop);
        return NO_ERROR;
    case SERVICE_CONTROL_SESSIONCHANGE: session_changed(event, data); return NO_ERROR;
    case SERVICE_CONTROL_POWEREVENT:
        if (event == PBT_APMRESUMEAUTOMATIC)
            with_running(dbr_service_woke_up);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE: return NO_ERROR;
    default: return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

/* Serves until it is told to stop; 0, or 1 with a line printed. log: NULL for the console. */
static int serve(const wchar_t *log)
{
    wchar_t program[DBR_WIN_PATH];
    char why[DBR_PM_TEXT] = "The path of this program is too long.";
    struct dbr_service *s = NULL;
    if (dbr_win_own_path(program, DBR_WIN_PATH) == 0)
        s = dbr_service_new(
            &(struct dbr_service_setup){dbr_service_windows_parts(), DBR_PIPE_NAME, program, log}, why,
            sizeof why);
    if (!s) {
        dbr_complain("%s", why);
        return 1;
    }
    set_running(s);
    if (status_handle)
        report(SERVICE_RUNNING, NO_ERROR);
    dbr_service_serve(s);
    set_running(NULL);
    dbr_service_free(s);
    return 0;
}

static void WINAPI service_main(DWORD argc, LPWSTR *argv)
{
    wchar_t log[DBR_WIN_PATH];
    (void)argc;
    (void)argv;
    status_handle = RegisterServiceCtrlHandlerExW(DBR_SERVICE_NAME, control, NULL);
    if (!status_handle)
        return;
    report(SERVICE_START_PENDING, NO_ERROR);
    exit_code = dbr_win_data_path(log, DBR_WIN_PATH, L"log\\drawbridge.log") == 0 ? serve(log) : 1;
    report(SERVICE_STOPPED, exit_code ? ERROR_EXCEPTION_IN_SERVICE : NO_ERROR);
}

int dbr_service_main(void)
{
    wchar_t name[] = DBR_SERVICE_NAME;
    const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
    if (StartServiceCtrlDispatcherW(table))
        return exit_code;
    dbr_complain(
        "`drawbridge service` is started by Windows. To install it: drawbridge install. To try it here: "
        "drawbridge service --console.");
    return 1;
}

static BOOL WINAPI console_control(DWORD event)
{
    (void)event;
    with_running(dbr_service_stop);
    return TRUE;
}

int dbr_service_console(void)
{
    SetConsoleCtrlHandler(console_control, TRUE);
    return serve(NULL);
}
