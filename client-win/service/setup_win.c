/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Installing (Microsoft: "Service Configuration Programs", "CreateServiceW",
 * "SERVICE_REQUIRED_PRIVILEGES_INFO"). The path is quoted (CVE-2014-5455), and nobody but administrators may
 * change it or a folder above it.
 */
#include "client-win/service/setup_win.h"

#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/pipe/client_win.h"
#include "client-win/service/folders_win.h"

#include <stdio.h>
#include <string.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { STOP_MS = 20000, STEP_MS = 100, TEXT = 3 * DBR_WIN_PATH };

int dbr_setup_line(wchar_t *out, size_t cap)
{
    wchar_t program[DBR_WIN_PATH];
    out[0] = 0;
    int err = dbr_win_own_path(program, DBR_WIN_PATH);
    if (!err)
        err = dbr_utf16_add(out, cap, L"\"");
    if (!err)
        err = dbr_utf16_add(out, cap, program);
    return err ? err : dbr_utf16_add(out, cap, L"\" service");
}

static int fail(char *why, size_t cap, const char *what, DWORD e)
{
    char text[DBR_WIN_ERROR_TEXT];
    const char *way_out = e == ERROR_ACCESS_DENIED ? " Start this as an administrator." : "";
    snprintf(why, cap, "%s: %s.%s", what, dbr_win_error(e, text, sizeof text), way_out);
    return DBR_ERR_IO;
}

/* The program's place. */

static int check_program(bool protect, char *why, size_t cap)
{
    wchar_t program[DBR_WIN_PATH], folder[DBR_WIN_PATH], bad[DBR_WIN_PATH];
    char name[TEXT];
    if (dbr_win_own_path(program, DBR_WIN_PATH) != 0)
        return fail(why, cap, "The path of this program is too long", ERROR_FILENAME_EXCED_RANGE);
    if (dbr_path_is_safe(program, bad, DBR_WIN_PATH))
        return 0;
    wcscpy(folder, program);
    *wcsrchr(folder, L'\\') = 0;
    if (protect && dbr_folder_protect(folder) == 0 && dbr_folder_protect(program) == 0 &&
        dbr_path_is_safe(program, bad, DBR_WIN_PATH))
        return 0;
    if (dbr_utf8_from16(name, sizeof name, bad) != 0)
        name[0] = 0;
    snprintf(why, cap,
             "Other users can change %s. Put Drawbridge into C:\\Program Files\\Drawbridge and install it "
             "there.",
             name);
    return DBR_ERR_AUTH;
}

/* Folders. */

static const struct {
    const wchar_t *below;
    const wchar_t *rights;
} folders[] = {
    {NULL, DBR_FOLDER_READABLE},
    {L"profiles", DBR_FOLDER_READABLE},
    {L"log", DBR_FOLDER_CLOSED},
    {L"journal", DBR_FOLDER_CLOSED},
};

static int make_folders(char *why, size_t cap)
{
    for (size_t i = 0; i < N(folders); i++) {
        wchar_t path[DBR_WIN_PATH];
        char name[TEXT] = "";
        int err = dbr_win_data_path(path, DBR_WIN_PATH, folders[i].below);
        if (!err)
            err = dbr_folder_make(path, folders[i].rights);
        if (!err)
            continue;
        DWORD e = GetLastError();
        dbr_utf8_from16(name, sizeof name, path);
        if (err != DBR_ERR_AUTH)
            return fail(why, cap, name, e);
        snprintf(why, cap, "The folder %s was made by somebody else. Delete it, then install again.", name);
        return err;
    }
    return 0;
}

/* What the service is told about itself beyond its path. */

/* Only what it needs of LocalSystem's: to start an engine as the user. A double NUL ends the list. */
static wchar_t privileges[] =
    L"SeAssignPrimaryTokenPrivilege\0SeIncreaseQuotaPrivilege\0SeChangeNotifyPrivilege\0";
static wchar_t description[] = L"Connects this computer with a company network when a user asks for it.";
static SC_ACTION restarts[] = {
    {SC_ACTION_RESTART, 1000}, {SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 60000}};

static void configure(SC_HANDLE service, void (*say)(const char *line))
{
    SERVICE_DESCRIPTIONW about = {description};
    SERVICE_FAILURE_ACTIONSW failure = {
        .dwResetPeriod = 86400, .cActions = N(restarts), .lpsaActions = restarts};
    SERVICE_FAILURE_ACTIONS_FLAG also_errors = {TRUE};
    SERVICE_DELAYED_AUTO_START_INFO delayed = {TRUE};
    SERVICE_SID_INFO sid = {SERVICE_SID_TYPE_UNRESTRICTED};
    SERVICE_REQUIRED_PRIVILEGES_INFOW rights = {privileges};
    const struct {
        DWORD level;
        void *data;
        const char *name;
    } all[] = {
        {SERVICE_CONFIG_DESCRIPTION, &about, "description"},
        {SERVICE_CONFIG_FAILURE_ACTIONS, &failure, "restart after a failure"},
        {SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &also_errors, "restart after an error"},
        {SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed, "delayed start"},
        {SERVICE_CONFIG_SERVICE_SID_INFO, &sid, "SID of its own"},
        {SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &rights, "privileges"},
    };
    for (size_t i = 0; i < N(all); i++) {
        char line[128 + DBR_WIN_ERROR_TEXT], text[DBR_WIN_ERROR_TEXT];
        if (ChangeServiceConfig2W(service, all[i].level, all[i].data))
            continue;
        snprintf(line, sizeof line, "Not set, %s: %s.", all[i].name, dbr_win_last_error(text, sizeof text));
        say(line);
    }
}

static bool stop(SC_HANDLE service)
{
    SERVICE_STATUS status;
    ControlService(service, SERVICE_CONTROL_STOP, &status);
    for (int ms = 0; ms < STOP_MS; ms += STEP_MS) {
        if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_STOPPED)
            return true;
        Sleep(STEP_MS);
    }
    return false;
}

static const DWORD wanted =
    SERVICE_CHANGE_CONFIG | SERVICE_QUERY_STATUS | SERVICE_START | SERVICE_STOP | DELETE;

/* The service with this program's path: new, or an older one stopped and changed. */
static SC_HANDLE make_service(SC_HANDLE manager, const wchar_t *line)
{
    SC_HANDLE service = OpenServiceW(manager, DBR_SERVICE_NAME, wanted);
    if (!service)
        return CreateServiceW(manager, DBR_SERVICE_NAME, L"Drawbridge", wanted, SERVICE_WIN32_OWN_PROCESS,
                              SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, line, NULL, NULL, NULL, NULL, NULL);
    stop(service);
    if (ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                             line, NULL, NULL, NULL, L"LocalSystem", NULL, L"Drawbridge"))
        return service;
    DWORD e = GetLastError();
    CloseServiceHandle(service);
    SetLastError(e);
    return NULL;
}

int dbr_setup_register(void (*say)(const char *line), char *why, size_t cap)
{
    wchar_t line[DBR_WIN_PATH + 16];
    int err = 0;
    if (dbr_setup_line(line, N(line)) != 0)
        return fail(why, cap, "The path of this program is too long", ERROR_FILENAME_EXCED_RANGE);
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    SC_HANDLE service = manager ? make_service(manager, line) : NULL;
    if (!service)
        err = fail(why, cap, "The service cannot be installed", GetLastError());
    if (service) {
        configure(service, say);
        if (!StartServiceW(service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
            err = fail(why, cap, "The service is installed, but does not start", GetLastError());
        CloseServiceHandle(service);
    }
    if (manager)
        CloseServiceHandle(manager);
    return err;
}

int dbr_setup_install(bool protect, void (*say)(const char *line), char *why, size_t cap)
{
    int err = check_program(protect, why, cap);
    if (!err)
        err = make_folders(why, cap);
    return err ? err : dbr_setup_register(say, why, cap);
}

/* What is in a folder of ours, files only, then the folder; a link is removed as a link. */
static void remove_folder(const wchar_t *below)
{
    wchar_t path[DBR_WIN_PATH], file[DBR_WIN_PATH];
    WIN32_FIND_DATAW found;
    if (dbr_win_data_path(path, DBR_WIN_PATH - 2, below) != 0)
        return;
    size_t n = wcslen(path);
    wcscat(path, L"\\*");
    HANDLE h = FindFirstFileW(path, &found);
    path[n] = 0;
    for (BOOL more = h != INVALID_HANDLE_VALUE; more; more = FindNextFileW(h, &found)) {
        wcscpy(file, path);
        if (dbr_utf16_add(file, DBR_WIN_PATH, L"\\") == 0 &&
            dbr_utf16_add(file, DBR_WIN_PATH, found.cFileName) == 0)
            DeleteFileW(file);
    }
    if (h != INVALID_HANDLE_VALUE)
        FindClose(h);
    RemoveDirectoryW(path);
}

int dbr_setup_uninstall(char *why, size_t cap)
{
    int err = 0;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, DBR_SERVICE_NAME, wanted) : NULL;
    DWORD e = GetLastError();
    if (!service && (!manager || e != ERROR_SERVICE_DOES_NOT_EXIST))
        err = fail(why, cap, "The service cannot be removed", e);
    if (service && !stop(service))
        err = fail(why, cap, "The service does not stop; restart the computer", ERROR_TIMEOUT);
    if (service && !err && !DeleteService(service) && GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE)
        err = fail(why, cap, "The service cannot be removed", GetLastError());
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    if (err)
        return err;
    remove_folder(L"log");
    remove_folder(L"journal");
    return 0;
}

DWORD dbr_setup_look(bool *this_program)
{
    uint64_t room[1024]; /* 8 KiB, the most that QueryServiceConfig gives */
    QUERY_SERVICE_CONFIGW *config = (QUERY_SERVICE_CONFIGW *)(void *)room;
    wchar_t line[DBR_WIN_PATH + 16];
    SERVICE_STATUS status = {0};
    DWORD need;
    *this_program = false;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service =
        manager ? OpenServiceW(manager, DBR_SERVICE_NAME, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG) : NULL;
    if (service && QueryServiceStatus(service, &status) &&
        QueryServiceConfigW(service, config, sizeof room, &need) && dbr_setup_line(line, N(line)) == 0)
        *this_program = _wcsicmp(config->lpBinaryPathName, line) == 0;
    if (service)
        CloseServiceHandle(service);
    if (manager)
        CloseServiceHandle(manager);
    return status.dwCurrentState;
}
