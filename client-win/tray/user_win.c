/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Start with Windows, the rows of `drawbridge check`, and the tray that runs already. See parts_win.h.
 */
#include "parts_win.h"

#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/tray/handover.h"

#include <string.h>

static const wchar_t run_key[] = L"Software\\Microsoft\\Windows\\CurrentVersion\\Run";
static const wchar_t run_name[] = L"Drawbridge";

/* "\"C:\\Program Files\\Drawbridge\\drawbridgew.exe\"", this program. */
static int own_command(wchar_t *out, size_t cap)
{
    wchar_t path[DBR_WIN_PATH];
    out[0] = 0;
    int err = dbr_win_own_path(path, DBR_WIN_PATH);
    const wchar_t *parts[] = {L"\"", path, L"\""};
    for (size_t i = 0; err == 0 && i < sizeof parts / sizeof parts[0]; i++)
        err = dbr_utf16_add(out, cap, parts[i]);
    return err;
}

bool autostart_is_on(void)
{
    wchar_t is[DBR_WIN_PATH], ours[DBR_WIN_PATH];
    DWORD n = sizeof is;
    return own_command(ours, DBR_WIN_PATH) == 0 &&
           RegGetValueW(HKEY_CURRENT_USER, run_key, run_name, RRF_RT_REG_SZ, NULL, is, &n) == ERROR_SUCCESS &&
           lstrcmpiW(is, ours) == 0;
}

int autostart_set(bool on)
{
    wchar_t ours[DBR_WIN_PATH];
    if (own_command(ours, DBR_WIN_PATH) != 0)
        return DBR_ERR_SPACE;
    LSTATUS s = on ? RegSetKeyValueW(HKEY_CURRENT_USER, run_key, run_name, REG_SZ, ours,
                                     (DWORD)((wcslen(ours) + 1) * sizeof ours[0]))
                   : RegDeleteKeyValueW(HKEY_CURRENT_USER, run_key, run_name);
    SetLastError((DWORD)s);
    return s == ERROR_SUCCESS || (!on && s == ERROR_FILE_NOT_FOUND) ? 0 : DBR_ERR_IO;
}

enum { CHECK_MS = 15000 };

/* Waits for the end of the child, whose rows fit the pipe's buffer. */
static void read_rows(HANDLE process, HANDLE from, char *out, size_t cap)
{
    DWORD n = 0;
    if (WaitForSingleObject(process, CHECK_MS) != WAIT_OBJECT_0) {
        TerminateProcess(process, 1);
        return;
    }
    if (PeekNamedPipe(from, NULL, 0, NULL, &n, NULL) && n > 0 &&
        ReadFile(from, out, n < cap ? n : (DWORD)cap - 1, &n, NULL))
        out[n] = '\0';
}

/* The program with the commands, beside this one. */
static int console_program(wchar_t out[DBR_WIN_PATH])
{
    int err = dbr_win_own_path(out, DBR_WIN_PATH);
    wchar_t *name = err == 0 ? wcsrchr(out, L'\\') : NULL;
    if (name == NULL)
        return DBR_ERR_NOTFOUND;
    name[1] = 0;
    return dbr_utf16_add(out, DBR_WIN_PATH, L"drawbridge.exe");
}

static bool start_check(HANDLE output, PROCESS_INFORMATION *p)
{
    wchar_t program[DBR_WIN_PATH], command[] = L"drawbridge check";
    SIZE_T size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &size);
    LPPROC_THREAD_ATTRIBUTE_LIST list = HeapAlloc(GetProcessHeap(), 0, size);
    STARTUPINFOEXW s = {.StartupInfo = {.cb = sizeof s,
                                        .dwFlags = STARTF_USESTDHANDLES,
                                        .hStdOutput = output,
                                        .hStdError = output},
                        .lpAttributeList = list};
    bool good =
        list != NULL && console_program(program) == 0 && InitializeProcThreadAttributeList(list, 1, 0, &size);
    if (good) {
        good = UpdateProcThreadAttribute(list, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, &output, sizeof output,
                                         NULL, NULL) &&
               CreateProcessW(program, command, NULL, NULL, TRUE,
                              CREATE_NO_WINDOW | EXTENDED_STARTUPINFO_PRESENT, NULL, NULL, &s.StartupInfo, p);
        DeleteProcThreadAttributeList(list);
    }
    HeapFree(GetProcessHeap(), 0, list);
    return good;
}

void check_rows(char *out, size_t cap)
{
    HANDLE ours = NULL, theirs = NULL;
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    PROCESS_INFORMATION p = {0};
    out[0] = '\0';
    if (!CreatePipe(&ours, &theirs, &inherit, 32768))
        return;
    SetHandleInformation(ours, HANDLE_FLAG_INHERIT, 0);
    bool started = start_check(theirs, &p);
    CloseHandle(theirs);
    if (started) {
        read_rows(p.hProcess, ours, out, cap);
        CloseHandle(p.hThread);
        CloseHandle(p.hProcess);
    }
    CloseHandle(ours);
}

static COPYDATASTRUCT path_message(const char *file, wchar_t path[DBR_HANDOVER_PATH])
{
    wchar_t given[DBR_HANDOVER_PATH];
    COPYDATASTRUCT c = {DBR_HANDOVER_SHOW, 0, NULL};
    if (file == NULL || dbr_utf16_from8(given, DBR_HANDOVER_PATH, file) != 0)
        return c;
    DWORD n = GetFullPathNameW(given, DBR_HANDOVER_PATH, path, NULL);
    if (n > 0 && n < DBR_HANDOVER_PATH)
        c = (COPYDATASTRUCT){DBR_HANDOVER_IMPORT, (n + 1) * (DWORD)sizeof path[0], path};
    return c;
}

bool hand_over(const char *file)
{
    wchar_t path[DBR_HANDOVER_PATH];
    DWORD_PTR taken = 0;
    DWORD pid = 0;
    HWND other = FindWindowW(TRAY_CLASS, NULL);
    if (other == NULL)
        return false;
    COPYDATASTRUCT c = path_message(file, path);
    GetWindowThreadProcessId(other, &pid);
    AllowSetForegroundWindow(pid);
    SendMessageTimeoutW(other, WM_COPYDATA, 0, (LPARAM)&c, SMTO_ABORTIFHUNG, 5000, &taken);
    return true;
}
