/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "terminal.h"

#include "base/err.h"
#include "base/secret.h"
#include "client-win/base/utf.h"

#include <windows.h>

enum { LINE = 600 };

static void show(HANDLE out, const char *text)
{
    wchar_t wide[LINE];
    DWORD done;
    if (!dbr_utf16_from8(wide, LINE, text))
        WriteConsoleW(out, wide, (DWORD)wcslen(wide), &done, NULL);
}

static int read_line(HANDLE in, char *out, size_t cap)
{
    wchar_t wide[LINE];
    DWORD n = 0;
    int err = DBR_ERR_IO;
    if (ReadConsoleW(in, wide, LINE - 1, &n, NULL) && n) {
        bool whole = wide[n - 1] == L'\n';
        while (n && (wide[n - 1] == L'\n' || wide[n - 1] == L'\r'))
            n--;
        wide[n] = 0;
        err = whole ? dbr_utf8_from16(out, cap, wide) : DBR_ERR_SPACE;
        if (wide[0] == 0x1a) /* Ctrl-Z */
            err = DBR_ERR_IO;
    }
    dbr_wipe(wide, sizeof wide);
    return err;
}

static HANDLE open_console(const wchar_t *name)
{
    return CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                       OPEN_EXISTING, 0, NULL);
}

int dbr_terminal_ask(const char *question, bool echo, char *out, size_t cap)
{
    HANDLE in = open_console(L"CONIN$"), shown = open_console(L"CONOUT$");
    DWORD mode = 0;
    int err = DBR_ERR_UNSUPPORTED;
    if (in != INVALID_HANDLE_VALUE && shown != INVALID_HANDLE_VALUE && GetConsoleMode(in, &mode)) {
        DWORD want = ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT | (echo ? ENABLE_ECHO_INPUT : 0);
        show(shown, question);
        SetConsoleMode(in, want);
        err = read_line(in, out, cap);
        SetConsoleMode(in, mode);
        if (!echo)
            show(shown, "\r\n");
    }
    if (in != INVALID_HANDLE_VALUE)
        CloseHandle(in);
    if (shown != INVALID_HANDLE_VALUE)
        CloseHandle(shown);
    return err;
}
