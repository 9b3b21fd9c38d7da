/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The window that asks for a passphrase, a login or an answer. What was typed is wiped from our memory and
 * overwritten in the field; a password field is not read out by screen readers and shows a hint when Caps
 * Lock is on (both are Windows' own). See parts_win.h.
 */
#include "parts_win.h"

#include "base/secret.h"
#include "client-win/base/utf.h"
#include "client-win/tray/resource.h"

#include <string.h>

/* Moves what lies below `from` (client coordinates) down by `by` pixels, and lets the window grow. */
static void stretch(HWND window, int from, int by)
{
    RECT r;
    for (HWND c = GetWindow(window, GW_CHILD); c != NULL; c = GetWindow(c, GW_HWNDNEXT)) {
        GetWindowRect(c, &r);
        MapWindowPoints(NULL, window, (POINT *)&r, 2);
        if (r.top >= from)
            SetWindowPos(c, NULL, r.left, r.top + by, 0, 0, SWP_NOSIZE | SWP_NOZORDER);
    }
    GetWindowRect(window, &r);
    SetWindowPos(window, NULL, r.left, r.top - by / 2, r.right - r.left, r.bottom - r.top + by, SWP_NOZORDER);
}

/* Makes the text's field as high as its text needs. */
static void fit_text(HWND window, const wchar_t *text)
{
    HWND field = GetDlgItem(window, DBR_FIELD_TEXT);
    RECT r, needed;
    GetClientRect(field, &r);
    needed = r;
    HDC dc = GetDC(field);
    HGDIOBJ old = SelectObject(dc, (HGDIOBJ)SendMessageW(field, WM_GETFONT, 0, 0));
    DrawTextW(dc, text, -1, &needed, DT_CALCRECT | DT_WORDBREAK | DT_NOPREFIX);
    SelectObject(dc, old);
    ReleaseDC(field, dc);
    int by = (int)(needed.bottom - r.bottom);
    if (by <= 0)
        return;
    MapWindowPoints(field, window, (POINT *)&r, 2);
    SetWindowPos(field, NULL, 0, 0, r.right - r.left, needed.bottom, SWP_NOMOVE | SWP_NOZORDER);
    stretch(window, r.bottom, by);
}

/* Without a user name its row closes. */
static void drop_user(HWND window)
{
    RECT user, secret;
    GetWindowRect(GetDlgItem(window, DBR_FIELD_USER), &user);
    GetWindowRect(GetDlgItem(window, DBR_FIELD_SECRET), &secret);
    int by = (int)(secret.top - user.top);
    MapWindowPoints(NULL, window, (POINT *)&user, 2);
    ShowWindow(GetDlgItem(window, DBR_FIELD_USER), SW_HIDE);
    ShowWindow(GetDlgItem(window, DBR_LABEL_USER), SW_HIDE);
    stretch(window, (int)user.bottom, -by);
}

static void begin(HWND window, struct ask *a)
{
    SetWindowLongPtrW(window, GWLP_USERDATA, (LONG_PTR)a);
    SetWindowTextW(window, tray_wide(a->question.title));
    SetDlgItemTextW(window, DBR_LABEL_SECRET, tray_wide(a->question.label));
    SetDlgItemTextW(window, DBR_FIELD_USER, tray_wide(a->answer.answer.user));
    if (a->question.echo)
        SendDlgItemMessageW(window, DBR_FIELD_SECRET, EM_SETPASSWORDCHAR, 0, 0);
    SendDlgItemMessageW(window, DBR_FIELD_USER, EM_LIMITTEXT, DBR_PM_USER - 1, 0);
    SendDlgItemMessageW(window, DBR_FIELD_SECRET, EM_LIMITTEXT, DBR_PM_SECRET - 1, 0);
    if (!a->question.wants_user)
        drop_user(window);
    SetDlgItemTextW(window, DBR_FIELD_TEXT, tray_wide(a->question.text));
    fit_text(window, tray_wide(a->question.text));
    bool user_first = a->question.wants_user && a->answer.answer.user[0] == '\0';
    SetFocus(GetDlgItem(window, user_first ? DBR_FIELD_USER : DBR_FIELD_SECRET));
}

/* Overwrites what the field holds, as long as it was, before it lets go of it. */
static void clear_secret(HWND window)
{
    wchar_t filler[DBR_PM_SECRET];
    HWND field = GetDlgItem(window, DBR_FIELD_SECRET);
    size_t n = (size_t)GetWindowTextLengthW(field);
    n = n < DBR_PM_SECRET ? n : DBR_PM_SECRET - 1;
    for (size_t i = 0; i < n; i++)
        filler[i] = L'x';
    filler[n] = 0;
    SetWindowTextW(field, filler);
    SetWindowTextW(field, L"");
    SendMessageW(field, EM_EMPTYUNDOBUFFER, 0, 0);
}

static bool read_field(HWND window, int id, char *out, size_t cap)
{
    wchar_t text[DBR_PM_SECRET];
    memset(out, 0, cap);
    GetDlgItemTextW(window, id, text, DBR_PM_SECRET);
    int err = dbr_utf8_from16(out, cap, text);
    dbr_wipe(text, sizeof text);
    return err == 0;
}

static void end(HWND window, struct ask *a, bool given)
{
    clear_secret(window);
    a->window = NULL;
    if (a->done == NULL) {
        EndDialog(window, given);
        return;
    }
    SetWindowLongPtrW(window, GWLP_USERDATA, 0);
    DestroyWindow(window);
    a->done(a->arg, a, given);
}

static void accept(HWND window, struct ask *a)
{
    struct dbr_pm_answer *to = &a->answer.answer;
    bool good = read_field(window, DBR_FIELD_SECRET, to->secret, sizeof to->secret);
    if (a->question.wants_user)
        good = read_field(window, DBR_FIELD_USER, to->user, sizeof to->user) && good;
    if (good && (!a->question.wants_user || to->user[0] != '\0')) {
        end(window, a, true);
        return;
    }
    dbr_wipe(to->secret, sizeof to->secret);
    MessageBeep(MB_ICONWARNING);
    SetFocus(GetDlgItem(window, good ? DBR_FIELD_USER : DBR_FIELD_SECRET));
}

static INT_PTR CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l)
{
    struct ask *a = (struct ask *)GetWindowLongPtrW(window, GWLP_USERDATA);
    if (message == WM_INITDIALOG) {
        begin(window, (struct ask *)l);
        return FALSE; /* the focus is set */
    }
    if (message != WM_COMMAND || a == NULL || (LOWORD(w) != IDOK && LOWORD(w) != IDCANCEL))
        return FALSE;
    if (LOWORD(w) == IDOK)
        accept(window, a);
    else
        end(window, a, false);
    return TRUE;
}

HWND ask_open(struct ask *a)
{
    a->window = CreateDialogParamW(GetModuleHandleW(NULL), MAKEINTRESOURCEW(DBR_DIALOG_ASK), NULL, on_message,
                                   (LPARAM)a);
    if (a->window != NULL) {
        ShowWindow(a->window, SW_SHOW);
        SetForegroundWindow(a->window);
    }
    return a->window;
}

void ask_close(struct ask *a)
{
    if (a->window == NULL)
        return;
    clear_secret(a->window);
    SetWindowLongPtrW(a->window, GWLP_USERDATA, 0);
    DestroyWindow(a->window);
    a->window = NULL;
}

bool ask_modal(struct ask *a, HWND owner)
{
    a->done = NULL;
    return DialogBoxParamW(GetModuleHandleW(NULL), MAKEINTRESOURCEW(DBR_DIALOG_ASK), owner, on_message,
                           (LPARAM)a) == TRUE;
}
