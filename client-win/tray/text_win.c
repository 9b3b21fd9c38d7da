/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The window for the log and for "What is wrong?": read, select, copy. See parts_win.h.
 */
#include "parts_win.h"

#include "client-win/base/utf.h"
#include "client-win/tray/resource.h"

static void copy_all(HWND window)
{
    SendDlgItemMessageW(window, DBR_FIELD_TEXT, EM_SETSEL, 0, -1);
    SendDlgItemMessageW(window, DBR_FIELD_TEXT, WM_COPY, 0, 0);
}

static INT_PTR CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l)
{
    (void)l;
    if (message == WM_INITDIALOG) {
        SendDlgItemMessageW(window, DBR_FIELD_TEXT, EM_LIMITTEXT, 0, 0);
        SetFocus(GetDlgItem(window, IDCANCEL));
        return FALSE;
    }
    if (message != WM_COMMAND)
        return FALSE;
    if (LOWORD(w) == DBR_FIELD_COPY)
        copy_all(window);
    else if (LOWORD(w) == IDCANCEL || LOWORD(w) == IDOK)
        DestroyWindow(window);
    return TRUE;
}

void text_set(HWND window, const char *text)
{
    static wchar_t wide[1u << 17];
    if (dbr_utf16_from8(wide, sizeof wide / sizeof wide[0], text) != 0)
        return;
    HWND field = GetDlgItem(window, DBR_FIELD_TEXT);
    int n = 0;
    SetWindowTextW(field, wide);
    n = GetWindowTextLengthW(field);
    SendMessageW(field, EM_SETSEL, (WPARAM)n, n);
    SendMessageW(field, EM_SCROLLCARET, 0, 0);
}

HWND text_open(const wchar_t *title, const char *text)
{
    HWND window =
        CreateDialogParamW(GetModuleHandleW(NULL), MAKEINTRESOURCEW(DBR_DIALOG_TEXT), NULL, on_message, 0);
    if (window == NULL)
        return NULL;
    SetWindowTextW(window, title);
    text_set(window, text);
    ShowWindow(window, SW_SHOW);
    SetForegroundWindow(window);
    return window;
}
