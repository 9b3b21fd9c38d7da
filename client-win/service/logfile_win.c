/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The log on disk. A link in its place is not followed: only administrators can write to the folder, but a
 * log is written by LocalSystem.
 */
#include "client-win/service/logfile_win.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

static int open_file(struct dbr_logfile *l)
{
    LARGE_INTEGER size;
    l->file = CreateFileW(l->path, FILE_APPEND_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE,
                          FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_ALWAYS,
                          FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (l->file == INVALID_HANDLE_VALUE || !GetFileSizeEx(l->file, &size))
        return DBR_ERR_IO;
    l->size = (uint64_t)size.QuadPart;
    return 0;
}

int dbr_logfile_open(struct dbr_logfile *l, const wchar_t *path)
{
    l->file = INVALID_HANDLE_VALUE;
    l->path[0] = 0;
    if (dbr_utf16_add(l->path, DBR_WIN_PATH - 4, path) != 0)
        return DBR_ERR_IO;
    return open_file(l);
}

void dbr_logfile_close(struct dbr_logfile *l)
{
    if (l->file && l->file != INVALID_HANDLE_VALUE)
        CloseHandle(l->file);
    l->file = INVALID_HANDLE_VALUE;
}

static void numbered(const struct dbr_logfile *l, int n, wchar_t out[DBR_WIN_PATH])
{
    const wchar_t suffix[] = {L'.', (wchar_t)(L'0' + n), 0};
    wcscpy(out, l->path);
    if (n)
        wcscat(out, suffix);
}

static void rotate(struct dbr_logfile *l)
{
    wchar_t from[DBR_WIN_PATH], to[DBR_WIN_PATH];
    dbr_logfile_close(l);
    for (int n = DBR_LOGFILE_KEPT; n > 0; n--) {
        numbered(l, n - 1, from);
        numbered(l, n, to);
        MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING);
    }
    open_file(l);
}

void dbr_logfile_write(struct dbr_logfile *l, const char *line)
{
    SYSTEMTIME t;
    char clean[1024], text[1100];
    DWORD written;
    if (l->file == INVALID_HANDLE_VALUE)
        return;
    GetSystemTime(&t);
    dbr_utf8_line(clean, sizeof clean, line);
    int n = snprintf(text, sizeof text, "%04u-%02u-%02u %02u:%02u:%02uZ %s\r\n", t.wYear, t.wMonth, t.wDay,
                     t.wHour, t.wMinute, t.wSecond, clean);
    if (n <= 0 || (size_t)n >= sizeof text)
        return;
    if (l->size + (size_t)n > DBR_LOGFILE_MAX)
        rotate(l);
    if (l->file != INVALID_HANDLE_VALUE && WriteFile(l->file, text, (DWORD)n, &written, NULL))
        l->size += written;
}
