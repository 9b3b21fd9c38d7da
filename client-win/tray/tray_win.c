/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The symbol beside the clock: its hidden window, the icon, the menu, and what follows from the service's
 * messages. What is shown is decided in words.c. See tray.h.
 */
#include "client-win/tray/tray.h"

#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/keystore/keystore.h"
#include "client-win/tray/handover.h"
#include "client-win/tray/resource.h"
#include "parts_win.h"

#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

enum { ICON_ID = 1, TIMER_LINK = 1, LOG_BYTES = 64 * 1024, TAKE_AT_ONCE = 64 };

static struct {
    HWND window;
    UINT taskbar_created;
    bool icon_there, in_menu, importing;
    wchar_t handed[DBR_HANDOVER_PATH]; /* by another start, to be imported */
    HICON icon;
    struct dbr_tray_view view;
    char ids[DBR_TRAY_PROFILES][DBR_PM_ID];
    struct link link;
    struct ask ask;
    unsigned attempt, asked_kind;
    HWND log, report;
    char lines[LOG_BYTES];
} tray;

const wchar_t *tray_wide(const char *text)
{
    static wchar_t wide[WIDE_TEXT];
    if (dbr_utf16_from8(wide, WIDE_TEXT, text) != 0)
        wide[0] = 0;
    return wide;
}

/* ---- the icon ---- */

static HICON load_icon(enum dbr_tray_look look)
{
    UINT dpi = GetDpiForSystem();
    HWND bar = FindWindowW(L"Shell_TrayWnd", NULL);
    if (bar != NULL && GetDpiForWindow(bar) != 0)
        dpi = GetDpiForWindow(bar);
    return LoadImageW(GetModuleHandleW(NULL), MAKEINTRESOURCEW(DBR_ICON_LOOKS + (int)look), IMAGE_ICON,
                      GetSystemMetricsForDpi(SM_CXSMICON, dpi), GetSystemMetricsForDpi(SM_CYSMICON, dpi), 0);
}

static void copy_wide(wchar_t *out, size_t cap, const char *text)
{
    if (dbr_utf16_from8(out, cap, text) != 0)
        out[0] = 0;
}

static NOTIFYICONDATAW icon_data(UINT flags)
{
    NOTIFYICONDATAW n = {.cbSize = sizeof n, .hWnd = tray.window, .uID = ICON_ID, .uFlags = flags};
    n.uCallbackMessage = WM_TRAY_ICON;
    return n;
}

/* Adds the icon where there is a taskbar; without one it comes with TaskbarCreated. */
static void show_icon(void)
{
    char tip[DBR_TRAY_TIP];
    NOTIFYICONDATAW n = icon_data(NIF_MESSAGE | NIF_ICON | NIF_TIP | NIF_SHOWTIP);
    HICON old = tray.icon;
    n.hIcon = tray.icon = load_icon(dbr_tray_look_of(&tray.view));
    dbr_tray_tip(&tray.view, tip);
    copy_wide(n.szTip, sizeof n.szTip / sizeof n.szTip[0], tip);
    if (!tray.icon_there || !Shell_NotifyIconW(NIM_MODIFY, &n)) {
        tray.icon_there = Shell_NotifyIconW(NIM_ADD, &n);
        n.uVersion = NOTIFYICON_VERSION_4;
        if (tray.icon_there)
            Shell_NotifyIconW(NIM_SETVERSION, &n);
    }
    if (old != NULL)
        DestroyIcon(old);
}

static void notify(const struct dbr_tray_news *news)
{
    NOTIFYICONDATAW n = icon_data(NIF_INFO);
    copy_wide(n.szInfoTitle, sizeof n.szInfoTitle / sizeof n.szInfoTitle[0], news->title);
    copy_wide(n.szInfo, sizeof n.szInfo / sizeof n.szInfo[0], news->text);
    n.dwInfoFlags = (news->bad ? NIIF_WARNING : NIIF_INFO) | NIIF_RESPECT_QUIET_TIME;
    if (tray.icon_there)
        Shell_NotifyIconW(NIM_MODIFY, &n);
}

static void changed(const struct dbr_tray_view *before)
{
    struct dbr_tray_news news;
    show_icon();
    if (dbr_tray_news_of(before, &tray.view, &news))
        notify(&news);
}

/* ---- profiles ---- */

static void take_profile(void *arg, const struct dbr_keystore_entry *entry)
{
    (void)arg;
    if (tray.view.n < DBR_TRAY_PROFILES && dbr_pm_id_is_good(entry->id))
        memcpy(tray.ids[tray.view.n++], entry->id, strlen(entry->id) + 1);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void read_profiles(void)
{
    tray.view.ids = tray.ids;
    tray.view.n = 0;
    dbr_keystore_list(take_profile, NULL);
    qsort(tray.ids, tray.view.n, sizeof tray.ids[0], by_name);
}

/* ---- the service ---- */

static void lost_service(const char *why)
{
    struct dbr_tray_view before = tray.view;
    tray.view.service = false;
    memset(&tray.view.state, 0, sizeof tray.view.state);
    dbr_utf8_line(tray.view.service_why, sizeof tray.view.service_why, why);
    ask_close(&tray.ask);
    changed(&before);
    SetTimer(tray.window, TIMER_LINK, link_pause_ms(&tray.link), NULL);
}

static void connect_service(void)
{
    char why[DBR_PM_TEXT] = "";
    KillTimer(tray.window, TIMER_LINK);
    if (tray.link.open)
        return;
    if (link_open(&tray.link, why, sizeof why) != 0) {
        lost_service(why);
        return;
    }
    tray.view.service = true;
    tray.view.service_why[0] = '\0';
    show_icon();
    const struct dbr_pm status = {DBR_PM_STATUS, {{0}}};
    if (link_send(&tray.link, &status) != 0)
        lost_service("The Drawbridge service has stopped.");
}

static void tell_service(uint16_t type, const char *id)
{
    struct dbr_pm m = {type, {{0}}};
    if (id != NULL)
        memcpy(m.connect.id, id, strlen(id) + 1);
    if (link_send(&tray.link, &m) != 0)
        lost_service("The Drawbridge service has stopped.");
}

static void on_answer(void *arg, struct ask *a, bool given)
{
    (void)arg;
    if (given && link_send(&tray.link, &a->answer) != 0)
        lost_service("The Drawbridge service has stopped.");
    dbr_pm_wipe(&a->answer);
    if (!given)
        tell_service(DBR_PM_DISCONNECT, NULL);
}

static void take_ask(const struct dbr_pm_ask *wanted)
{
    ask_close(&tray.ask);
    tray.attempt = wanted->kind == tray.asked_kind ? tray.attempt + 1 : 1;
    tray.asked_kind = wanted->kind;
    memset(&tray.ask, 0, sizeof tray.ask);
    dbr_tray_question_of(wanted, tray.view.state.profile, tray.attempt, &tray.ask.question);
    tray.ask.done = on_answer;
    tray.ask.answer.type = DBR_PM_ANSWER;
    tray.ask.answer.answer.kind = wanted->kind;
    memcpy(tray.ask.answer.answer.user, wanted->user, sizeof wanted->user);
    if (ask_open(&tray.ask) == NULL)
        tell_service(DBR_PM_DISCONNECT, NULL);
}

static void take_state(const struct dbr_pm_state *state)
{
    struct dbr_tray_view before = tray.view;
    tray.view.state = *state;
    bool over =
        state->state == DBR_PM_IDLE || state->state == DBR_PM_FAILED || state->state == DBR_PM_CONNECTED;
    if (over || state->state == DBR_PM_DISCONNECTING) {
        tray.asked_kind = tray.attempt = 0;
        ask_close(&tray.ask);
    }
    changed(&before);
}

static void take_line(const char *line)
{
    size_t at = strlen(tray.lines), n = strlen(line) + 2;
    if (at + n >= LOG_BYTES) { /* the older half goes, up to the end of a line */
        const char *half = strchr(tray.lines + at / 2, '\n');
        half = half != NULL ? half + 1 : tray.lines + at;
        memmove(tray.lines, half, strlen(half) + 1);
        at = strlen(tray.lines);
    }
    memcpy(tray.lines + at, line, n - 2);
    memcpy(tray.lines + at + n - 2, "\r\n", 3);
    if (tray.log != NULL && IsWindow(tray.log))
        text_set(tray.log, tray.lines);
}

static void take_refused(const char *text)
{
    struct dbr_tray_news news = {.title = "Not possible now", .bad = true};
    dbr_utf8_line(news.text, sizeof news.text, text);
    take_line(text);
    notify(&news);
    if (!tray.icon_there)
        MessageBoxW(NULL, tray_wide(news.text), L"Drawbridge", MB_ICONWARNING);
}

static void take_messages(void)
{
    struct dbr_pm m;
    int err = 0;
    for (int i = 0; i < TAKE_AT_ONCE && (err = link_take(&tray.link, &m)) == 0; i++) {
        switch (m.type) {
        case DBR_PM_STATE: take_state(&m.state); break;
        case DBR_PM_ASK: take_ask(&m.ask); break;
        case DBR_PM_LOG: take_line(m.log.line); break;
        case DBR_PM_REFUSED: take_refused(m.refused.text); break;
        default: break;
        }
        dbr_pm_wipe(&m);
    }
    if (err == 0)
        PostMessageW(tray.window, WM_TRAY_LINK, 0, 0);
    else if (err != DBR_ERR_AGAIN && tray.view.service)
        lost_service("The Drawbridge service has stopped.");
}

/* ---- the menu ---- */

/* One at a time. path: as import_run(). */
static void import_file(const wchar_t *path)
{
    char id[DBR_PM_ID];
    if (tray.importing)
        return;
    tray.importing = true;
    if (import_run(NULL, path, id)) {
        read_profiles();
        show_icon();
    }
    tray.handed[0] = 0;
    tray.importing = false;
}

static void show_report(void)
{
    static char rows[DBR_TRAY_REPORT], text[DBR_TRAY_REPORT];
    HCURSOR old = SetCursor(LoadCursorW(NULL, IDC_WAIT));
    check_rows(rows, sizeof rows);
    SetCursor(old);
    dbr_tray_report(&tray.view, rows, text);
    if (tray.report != NULL && IsWindow(tray.report))
        DestroyWindow(tray.report);
    tray.report = text_open(L"Drawbridge: what is wrong?", text);
    SendDlgItemMessageW(tray.report, DBR_FIELD_TEXT, EM_SETSEL, 0, 0);
    SendDlgItemMessageW(tray.report, DBR_FIELD_TEXT, EM_SCROLLCARET, 0, 0);
}

static void show_log(void)
{
    if (tray.log == NULL || !IsWindow(tray.log))
        tray.log = text_open(L"Drawbridge: log", tray.lines[0] != '\0'
                                                     ? tray.lines
                                                     : "Nothing has happened since this symbol is here.\r\n");
    SetForegroundWindow(tray.log);
}

static void switch_autostart(void)
{
    char why[DBR_WIN_ERROR_TEXT];
    if (autostart_set(!autostart_is_on()) != 0)
        MessageBoxW(NULL, tray_wide(dbr_win_last_error(why, sizeof why)), L"Drawbridge: start with Windows",
                    MB_ICONWARNING);
}

static void quit(void)
{
    bool up = dbr_tray_look_of(&tray.view) == DBR_LOOK_CONNECTED;
    if (up && MessageBoxW(NULL, L"You are connected. Quit and disconnect?", L"Drawbridge",
                          MB_OKCANCEL | MB_ICONQUESTION | MB_SETFOREGROUND) != IDOK)
        return;
    if (tray.link.open)
        tell_service(DBR_PM_DISCONNECT, NULL);
    DestroyWindow(tray.window);
}

static void run_command(unsigned command)
{
    switch (command) {
    case DBR_TRAY_DISCONNECT: tell_service(DBR_PM_DISCONNECT, NULL); break;
    case DBR_TRAY_IMPORT: import_file(NULL); break;
    case DBR_TRAY_WRONG: show_report(); break;
    case DBR_TRAY_LOG: show_log(); break;
    case DBR_TRAY_AUTOSTART: switch_autostart(); break;
    case DBR_TRAY_QUIT: quit(); break;
    default:
        if (command >= DBR_TRAY_CONNECT && command - DBR_TRAY_CONNECT < tray.view.n)
            tell_service(DBR_PM_CONNECT, tray.ids[command - DBR_TRAY_CONNECT]);
    }
}

static void fill_menu(HMENU menu, const struct dbr_tray_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct dbr_tray_item *t = &items[i];
        UINT flags = t->text[0] == '\0' ? MF_SEPARATOR : MF_STRING;
        flags |= (t->checked ? MF_CHECKED : 0u) | (t->greyed ? MF_GRAYED : 0u);
        AppendMenuW(menu, flags, t->command, tray_wide(t->text));
        if (t->first)
            SetMenuDefaultItem(menu, (UINT)i, TRUE);
    }
}

static size_t make_items(struct dbr_tray_item items[DBR_TRAY_ITEMS])
{
    if (!tray.link.open)
        connect_service();
    read_profiles();
    tray.view.autostart = autostart_is_on();
    return dbr_tray_menu(&tray.view, items);
}

/* At the mouse, or at the icon where the keyboard was used. */
static void show_menu(void)
{
    struct dbr_tray_item items[DBR_TRAY_ITEMS];
    POINT at;
    HMENU menu = CreatePopupMenu();
    if (menu == NULL || tray.in_menu)
        return;
    tray.in_menu = true;
    fill_menu(menu, items, make_items(items));
    GetCursorPos(&at);
    SetForegroundWindow(
        tray.window); /* or the menu stays when one clicks beside it (Microsoft, "TrackPopupMenu") */
    unsigned command = (unsigned)TrackPopupMenu(menu, TPM_RETURNCMD | TPM_NONOTIFY | TPM_RIGHTBUTTON, at.x,
                                                at.y, 0, tray.window, NULL);
    PostMessageW(tray.window, WM_NULL, 0, 0);
    DestroyMenu(menu);
    tray.in_menu = false;
    run_command(command);
}

/* One click: connects where there is one profile and nothing goes on, else shows the menu. */
static void click(void)
{
    struct dbr_tray_item items[DBR_TRAY_ITEMS];
    size_t n = make_items(items);
    for (size_t i = 0; i < n; i++)
        if (items[i].first && items[i].command >= DBR_TRAY_CONNECT) {
            run_command(items[i].command);
            return;
        }
    if (tray.ask.window != NULL)
        SetForegroundWindow(tray.ask.window);
    else
        show_menu();
}

/* ---- the window ---- */

/* The path stays here, not in a message: any program of the user could post one with a pointer in it. */
static LRESULT take_handover(const COPYDATASTRUCT *c)
{
    if (c->dwData == DBR_HANDOVER_SHOW)
        return PostMessageW(tray.window, WM_TRAY_SHOW, 0, 0);
    if (c->dwData != DBR_HANDOVER_IMPORT || tray.importing ||
        dbr_handover_path(c->lpData, c->cbData, tray.handed) != 0)
        return FALSE;
    return PostMessageW(tray.window, WM_TRAY_IMPORT, 0, 0);
}

static void on_icon(UINT event)
{
    if (event == NIN_SELECT || event == NIN_KEYSELECT)
        click();
    else if (event == WM_CONTEXTMENU)
        show_menu();
    else if (event == NIN_BALLOONUSERCLICK)
        show_report();
}

static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l)
{
    if (message == tray.taskbar_created && message != 0) {
        tray.icon_there = false; /* Explorer is new, the taskbar empty */
        show_icon();
        return 0;
    }
    switch (message) {
    case WM_TRAY_ICON: on_icon(LOWORD(l)); return 0;
    case WM_TRAY_LINK: take_messages(); return 0;
    case WM_TRAY_SHOW: show_menu(); return 0;
    case WM_TRAY_IMPORT:
        if (tray.handed[0] != 0)
            import_file(tray.handed);
        return 0;
    case WM_COPYDATA: return take_handover((const COPYDATASTRUCT *)l);
    case WM_TIMER: connect_service(); return 0;
    case WM_DPICHANGED:
    case WM_DISPLAYCHANGE:
    case WM_SETTINGCHANGE: show_icon(); return 0;
    case WM_QUERYENDSESSION: return TRUE;
    case WM_ENDSESSION:
        if (w && tray.link.open)
            tell_service(DBR_PM_DISCONNECT, NULL);
        return 0;
    case WM_DESTROY: PostQuitMessage(0); return 0;
    default: return DefWindowProcW(window, message, w, l);
    }
}

static bool make_window(void)
{
    WNDCLASSEXW c = {.cbSize = sizeof c,
                     .lpfnWndProc = on_message,
                     .hInstance = GetModuleHandleW(NULL),
                     .lpszClassName = TRAY_CLASS};
    tray.taskbar_created = RegisterWindowMessageW(L"TaskbarCreated");
    if (!RegisterClassExW(&c))
        return false;
    /* No message-only window: those get neither TaskbarCreated nor the end of the session. */
    tray.window = CreateWindowExW(WS_EX_TOOLWINDOW, TRAY_CLASS, L"Drawbridge", WS_POPUP, 0, 0, 0, 0, NULL,
                                  NULL, c.hInstance, NULL);
    tray.link.window = tray.window;
    return tray.window != NULL;
}

static bool is_for_dialog(MSG *m)
{
    HWND windows[] = {tray.ask.window, tray.log, tray.report};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        if (windows[i] != NULL && IsWindow(windows[i]) && IsDialogMessageW(windows[i], m))
            return true;
    return false;
}

static void import_first(const char *file)
{
    wchar_t given[DBR_HANDOVER_PATH], path[DBR_HANDOVER_PATH];
    if (file == NULL || dbr_utf16_from8(given, DBR_HANDOVER_PATH, file) != 0)
        return;
    DWORD n = GetFullPathNameW(given, DBR_HANDOVER_PATH, path, NULL);
    if (n > 0 && n < DBR_HANDOVER_PATH)
        import_file(path);
}

int dbr_tray_run(const char *file)
{
    MSG m;
    char why[DBR_PM_LINE];
    HANDLE only = CreateMutexW(NULL, FALSE, L"Local\\DrawbridgeTray");
    if (GetLastError() == ERROR_ALREADY_EXISTS && hand_over(file))
        return 0;
    if (!make_window())
        return 1;
    dbr_keystore_recover(why, sizeof why);
    read_profiles();
    connect_service();
    import_first(file);
    while (GetMessageW(&m, NULL, 0, 0) > 0)
        if (!is_for_dialog(&m)) {
            TranslateMessage(&m);
            DispatchMessageW(&m);
        }
    NOTIFYICONDATAW n = icon_data(0);
    Shell_NotifyIconW(NIM_DELETE, &n);
    link_close(&tray.link);
    CloseHandle(only);
    return 0;
}
