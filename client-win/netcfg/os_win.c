/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/netcfg/os_win.h"

#include "base/err.h"
#include "client-win/base/base.h"

#include <stdio.h>
#include <string.h>

enum { NETSH_MS = 10000 };

int os_fail(struct net_os *os, const char *what, DWORD error)
{
    char text[DBR_WIN_ERROR_TEXT];
    snprintf(os->why, sizeof os->why, "%.120s: %.120s", what, dbr_win_error(error, text, sizeof text));
    return DBR_ERR_IO;
}

bool os_is_gone(DWORD error)
{
    return error == ERROR_NOT_FOUND || error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

void os_sockaddr(uint8_t family, const uint8_t ip[16], SOCKADDR_INET *out)
{
    memset(out, 0, sizeof *out);
    if (family == 4) {
        out->Ipv4.sin_family = AF_INET;
        memcpy(&out->Ipv4.sin_addr, ip, 4);
    } else {
        out->Ipv6.sin6_family = AF_INET6;
        memcpy(&out->Ipv6.sin6_addr, ip, 16);
    }
}

NET_IFINDEX os_index(const struct net_os *os)
{
    NET_IFINDEX index = 0;
    return ConvertInterfaceLuidToIndex(&os->luid, &index) == NO_ERROR ? index : 0;
}

static bool netsh_path(wchar_t *out, size_t cap)
{
    UINT n = GetSystemDirectoryW(out, (UINT)cap);
    return n != 0 && n < cap && dbr_utf16_add(out, cap, L"\\netsh.exe") == 0;
}

static int wait_for(struct net_os *os, HANDLE process)
{
    DWORD code = 1;
    if (WaitForSingleObject(process, NETSH_MS) != WAIT_OBJECT_0) {
        TerminateProcess(process, 1);
        snprintf(os->why, sizeof os->why, "netsh.exe did not end; restart the computer, then connect again");
        return DBR_ERR_TIMEOUT;
    }
    if (GetExitCodeProcess(process, &code) && code == 0)
        return 0;
    snprintf(os->why, sizeof os->why, "netsh.exe could not change the TAP adapter (code %lu)", code);
    return DBR_ERR_IO;
}

int os_netsh(struct net_os *os, const char *arguments)
{
    wchar_t path[MAX_PATH + 16], wide[DBR_NET_LIST + 256], line[MAX_PATH + DBR_NET_LIST + 300] = L"\"";
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION process;
    if (!netsh_path(path, MAX_PATH + 16) ||
        dbr_utf16_from8(wide, sizeof wide / sizeof wide[0], arguments) != 0)
        return os_fail(os, "netsh.exe", ERROR_INVALID_PARAMETER);
    size_t cap = sizeof line / sizeof line[0];
    if (dbr_utf16_add(line, cap, path) != 0 || dbr_utf16_add(line, cap, L"\" ") != 0 ||
        dbr_utf16_add(line, cap, wide) != 0)
        return os_fail(os, "netsh.exe", ERROR_INVALID_PARAMETER);
    if (!CreateProcessW(path, line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &start, &process))
        return os_fail(os, "netsh.exe does not start", GetLastError());
    CloseHandle(process.hThread);
    int err = wait_for(os, process.hProcess);
    CloseHandle(process.hProcess);
    return err;
}
