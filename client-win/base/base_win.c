/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Errors, time, lines and paths, from Windows.
 */
#include "client-win/base/base.h"

#include "base/err.h"

#include <windows.h>

#include <knownfolders.h>
#include <shlobj.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Lines end with ". \r\n" in Windows' tables. */
static void trim(char *text)
{
    size_t n = strlen(text);
    while (n && strchr(" .\r\n\t", text[n - 1]))
        text[--n] = 0;
    for (char *p = text; *p; p++)
        if (*p == '\r' || *p == '\n')
            *p = ' ';
}

const char *dbr_win_error(unsigned long code, char *out, size_t cap)
{
    wchar_t wide[DBR_WIN_ERROR_TEXT] = L"";
    char text[3 * DBR_WIN_ERROR_TEXT] = "";
    static const DWORD languages[] = {MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), 0};
    for (size_t i = 0; i < 2 && !wide[0]; i++)
        FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code, languages[i],
                       wide, DBR_WIN_ERROR_TEXT, NULL);
    if (dbr_utf8_from16(text, sizeof text, wide) != 0 || !text[0])
        strcpy(text, "Windows reports an error");
    trim(text);
    char line[sizeof text + 32];
    snprintf(line, sizeof line, "%s (error %lu)", text, code);
    dbr_utf8_line(out, cap, line);
    return out;
}

const char *dbr_win_last_error(char *out, size_t cap)
{
    return dbr_win_error(GetLastError(), out, cap);
}

/* The performance counter goes on in standby (Microsoft, "Acquiring high-resolution time stamps"); seconds
 * and rest apart, so that nothing overflows. */
uint64_t dbr_win_now_ns(void)
{
    LARGE_INTEGER count, per_s;
    QueryPerformanceFrequency(&per_s);
    QueryPerformanceCounter(&count);
    uint64_t c = (uint64_t)count.QuadPart, f = (uint64_t)per_s.QuadPart;
    return c / f * UINT64_C(1000000000) + c % f * UINT64_C(1000000000) / f;
}

int64_t dbr_win_unix_s(void)
{
    FILETIME t;
    GetSystemTimeAsFileTime(&t);
    int64_t ticks = (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime); /* 100 ns since 1601 */
    return ticks / 10000000 - INT64_C(11644473600);
}

static void write_console(HANDLE to, const char *line)
{
    wchar_t wide[2048];
    DWORD written;
    if (dbr_utf16_from8(wide, sizeof wide / sizeof wide[0], line) == 0)
        WriteConsoleW(to, wide, (DWORD)wcslen(wide), &written, NULL);
}

static void write_line(DWORD which, const char *fmt, va_list ap)
{
    char line[2048], clean[2048 + 2];
    HANDLE to = GetStdHandle(which);
    DWORD mode, written;
    vsnprintf(line, sizeof line, fmt, ap);
    dbr_utf8_line(clean, sizeof clean - 2, line);
    strcat(clean, "\r\n");
    if (!to || to == INVALID_HANDLE_VALUE)
        return;
    if (GetConsoleMode(to, &mode))
        write_console(to, clean);
    else
        WriteFile(to, clean, (DWORD)strlen(clean), &written, NULL);
}

void dbr_say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    write_line(STD_OUTPUT_HANDLE, fmt, ap);
    va_end(ap);
}

void dbr_complain(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    write_line(STD_ERROR_HANDLE, fmt, ap);
    va_end(ap);
}

int dbr_win_own_path(dbr_utf16 *out, size_t cap)
{
    DWORD n = GetModuleFileNameW(NULL, out, (DWORD)cap);
    if (n && n < cap)
        return 0;
    out[0] = 0;
    return DBR_ERR_SPACE;
}

int dbr_utf16_add(dbr_utf16 *out, size_t cap, const dbr_utf16 *text)
{
    size_t have = wcslen(out), more = wcslen(text);
    if (more >= cap - have)
        return DBR_ERR_SPACE;
    memcpy(out + have, text, (more + 1) * sizeof *text);
    return 0;
}

int dbr_win_data_path(dbr_utf16 *out, size_t cap, const dbr_utf16 *below)
{
    PWSTR folder = NULL;
    out[0] = 0;
    if (SHGetKnownFolderPath(&FOLDERID_ProgramData, KF_FLAG_DONT_VERIFY, NULL, &folder) != S_OK) {
        CoTaskMemFree(folder);
        return DBR_ERR_IO;
    }
    int err = dbr_utf16_add(out, cap, folder);
    CoTaskMemFree(folder);
    if (!err)
        err = dbr_utf16_add(out, cap, L"\\Drawbridge");
    if (!err && below)
        err = dbr_utf16_add(out, cap, L"\\");
    if (!err && below)
        err = dbr_utf16_add(out, cap, below);
    return err;
}
