/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See scene_win.h.
 */
#include "scene_win.h"

#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/keystore/keystore.h"
#include "client-win/tray/resource.h"
#include "client-win/tray/tray.h"

#include <shellapi.h>
#include <stdio.h>
#include <string.h>

static SRWLOCK lock = SRWLOCK_INIT;
static struct scene seen = {.has_taskbar = true};
static unsigned next_command;
static int next_button;
static volatile LONG service_here;

struct scene scene_look(void)
{
    AcquireSRWLockShared(&lock);
    struct scene copy = seen;
    ReleaseSRWLockShared(&lock);
    return copy;
}

void scene_taskbar(bool there)
{
    AcquireSRWLockExclusive(&lock);
    seen.has_taskbar = there;
    ReleaseSRWLockExclusive(&lock);
}

void scene_choose(unsigned command, int button)
{
    AcquireSRWLockExclusive(&lock);
    next_command = command;
    next_button = button;
    ReleaseSRWLockExclusive(&lock);
}

/* ---- in the place of Windows' functions: what the import tables of the tray's calls point to ---- */

static BOOL WINAPI notify_icon(DWORD what, NOTIFYICONDATAW *n)
{
    AcquireSRWLockExclusive(&lock);
    BOOL good = seen.has_taskbar;
    seen.added += good && what == NIM_ADD;
    seen.deleted += good && what == NIM_DELETE;
    if (good && n->uFlags & NIF_TIP)
        memcpy(seen.tip, n->szTip, sizeof seen.tip);
    if (good && n->uFlags & NIF_INFO) {
        memcpy(seen.title, n->szInfoTitle, sizeof seen.title);
        memcpy(seen.info, n->szInfo, sizeof seen.info);
        seen.told++;
    }
    ReleaseSRWLockExclusive(&lock);
    return good;
}

/* The clock is the test: it sends WM_TIMER. */
static UINT_PTR WINAPI set_timer(HWND window, UINT_PTR id, UINT ms, TIMERPROC call)
{
    (void)window;
    (void)call;
    AcquireSRWLockExclusive(&lock);
    seen.timers++;
    seen.timer_ms = ms;
    ReleaseSRWLockExclusive(&lock);
    return id;
}

static BOOL WINAPI track_menu(HMENU menu, UINT flags, int x, int y, int reserved, HWND window, const RECT *r)
{
    (void)menu;
    (void)flags;
    (void)x;
    (void)y;
    (void)reserved;
    (void)window;
    (void)r;
    AcquireSRWLockExclusive(&lock);
    seen.menus++;
    int chosen = (int)next_command;
    ReleaseSRWLockExclusive(&lock);
    return chosen;
}

static int WINAPI message_box(HWND owner, LPCWSTR text, LPCWSTR title, UINT kind)
{
    (void)owner;
    (void)title;
    (void)kind;
    AcquireSRWLockExclusive(&lock);
    seen.boxes++;
    lstrcpynW(seen.box, text, SCENE_TEXT);
    int button = next_button;
    ReleaseSRWLockExclusive(&lock);
    return button;
}

extern BOOL(WINAPI *__imp_Shell_NotifyIconW)(DWORD, NOTIFYICONDATAW *);
extern UINT_PTR(WINAPI *__imp_SetTimer)(HWND, UINT_PTR, UINT, TIMERPROC);
extern BOOL(WINAPI *__imp_TrackPopupMenu)(HMENU, UINT, int, int, int, HWND, const RECT *);
extern int(WINAPI *__imp_MessageBoxW)(HWND, LPCWSTR, LPCWSTR, UINT);
BOOL(WINAPI *__imp_Shell_NotifyIconW)(DWORD, NOTIFYICONDATAW *) = notify_icon;
UINT_PTR(WINAPI *__imp_SetTimer)(HWND, UINT_PTR, UINT, TIMERPROC) = set_timer;
BOOL(WINAPI *__imp_TrackPopupMenu)(HMENU, UINT, int, int, int, HWND, const RECT *) = track_menu;
int(WINAPI *__imp_MessageBoxW)(HWND, LPCWSTR, LPCWSTR, UINT) = message_box;

/* ---- in the place of other rooms' functions (--wrap) ---- */

int __wrap_dbr_pipe_client_open(struct dbr_pipe_client *c, char *why, size_t cap);
int __wrap_dbr_keystore_list(void (*each)(void *arg, const struct dbr_keystore_entry *entry), void *arg);
int __wrap_dbr_keystore_recover(char *why, size_t cap);

static const wchar_t *pipe_name(void)
{
    static wchar_t name[64];
    wsprintfW(name, L"\\\\.\\pipe\\DrawbridgeTray-%u", (unsigned)GetCurrentProcessId());
    return name;
}

int __wrap_dbr_pipe_client_open(struct dbr_pipe_client *c, char *why, size_t cap)
{
    const struct dbr_pm hello = {DBR_PM_HELLO, {.hello = {DBR_PM_VERSION}}};
    DWORD mode = PIPE_READMODE_MESSAGE;
    memset(c, 0, sizeof *c);
    if (!service_here) {
        snprintf(why, cap, "The service is away.");
        return DBR_ERR_NOTFOUND;
    }
    c->pipe = CreateFileW(pipe_name(), GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                          FILE_FLAG_OVERLAPPED, NULL);
    c->event = CreateEventW(NULL, TRUE, TRUE, NULL);
    if (c->pipe != INVALID_HANDLE_VALUE && SetNamedPipeHandleState(c->pipe, &mode, NULL, NULL) &&
        dbr_pipe_client_send(c, &hello) == 0)
        return 0;
    snprintf(why, cap, "The test has no pipe.");
    return DBR_ERR_IO;
}

int __wrap_dbr_keystore_list(void (*each)(void *arg, const struct dbr_keystore_entry *entry), void *arg)
{
    struct dbr_keystore_entry office = {.id = "office"};
    each(arg, &office);
    return 0;
}

int __wrap_dbr_keystore_recover(char *why, size_t cap)
{
    snprintf(why, cap, "%s", "");
    return 0;
}

/* ---- a desktop of its own ---- */

/* Wine makes windows without a screen when it is told so before the desktop is there. */
static void tell_wine(void)
{
    static const wchar_t null_driver[] = L"null";
    if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL)
        RegSetKeyValueW(HKEY_CURRENT_USER, L"Software\\Wine\\Drivers", L"Graphics", REG_SZ, null_driver,
                        sizeof null_driver);
}

static bool has_windows(void)
{
    HWND w = CreateWindowExW(0, L"EDIT", L"", WS_POPUP, 0, 0, 0, 0, NULL, NULL, NULL, NULL);
    if (w != NULL)
        DestroyWindow(w);
    return w != NULL;
}

int scene_main(int argc, int (*run)(void))
{
    wchar_t self[DBR_WIN_PATH], command[] = L"test run", desktop[] = L"DrawbridgeTest";
    STARTUPINFOW s = {.cb = sizeof s,
                      .lpDesktop = desktop,
                      .dwFlags = STARTF_USESTDHANDLES,
                      .hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE),
                      .hStdError = GetStdHandle(STD_ERROR_HANDLE)};
    PROCESS_INFORMATION p;
    DWORD code = 1;
    if (argc > 1)
        return has_windows() ? run() : (puts("skipped: no windows can be made here"), 77);
    tell_wine();
    HDESK d = CreateDesktopW(desktop, NULL, NULL, 0, GENERIC_ALL, NULL);
    if (d == NULL || dbr_win_own_path(self, DBR_WIN_PATH) != 0 ||
        !CreateProcessW(self, command, NULL, NULL, TRUE, 0, NULL, NULL, &s, &p))
        return 1;
    WaitForSingleObject(p.hProcess, INFINITE);
    GetExitCodeProcess(p.hProcess, &code);
    CloseHandle(p.hThread);
    CloseHandle(p.hProcess);
    CloseDesktop(d);
    return (int)code;
}

/* ---- the tray ---- */

static HANDLE thread;

/* Wine gives a new thread the desktop of the process that started this one. */
static DWORD WINAPI run_tray(void *desktop)
{
    if (!SetThreadDesktop(desktop))
        return 98;
    return (DWORD)dbr_tray_run(NULL);
}

static bool has_timer(const void *arg)
{
    (void)arg;
    return scene_look().timers > 0;
}

HWND scene_start(void)
{
    thread = CreateThread(NULL, 0, run_tray, GetThreadDesktop(GetCurrentThreadId()), 0, NULL);
    return thread != NULL && scene_until(has_timer, NULL) ? FindWindowW(TRAY_CLASS, NULL) : NULL;
}

DWORD scene_end(void)
{
    DWORD code = 99;
    if (WaitForSingleObject(thread, SCENE_PATIENCE_MS) == WAIT_OBJECT_0)
        GetExitCodeThread(thread, &code);
    CloseHandle(thread);
    return code;
}

/* ---- the service ---- */

static HANDLE end = INVALID_HANDLE_VALUE;

/* The end of what was begun with o, within the time. */
static bool finish(OVERLAPPED *o, BOOL at_once, DWORD *n)
{
    bool begun = at_once || GetLastError() == ERROR_IO_PENDING || GetLastError() == ERROR_PIPE_CONNECTED;
    bool connected = !at_once && GetLastError() == ERROR_PIPE_CONNECTED;
    bool good = begun && (connected || WaitForSingleObject(o->hEvent, SCENE_PATIENCE_MS) == WAIT_OBJECT_0);
    if (begun && !good)
        CancelIoEx(end, o);
    if (begun && !connected)
        good = GetOverlappedResult(end, o, n, TRUE) && good;
    CloseHandle(o->hEvent);
    return good;
}

static OVERLAPPED new_io(void)
{
    return (OVERLAPPED){.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
}

void scene_service(bool here)
{
    if (here && end == INVALID_HANDLE_VALUE)
        end = CreateNamedPipeW(pipe_name(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                               PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 65536, 65536, 0, NULL);
    InterlockedExchange(&service_here, here);
}

bool scene_greeted(void)
{
    struct dbr_pm m;
    DWORD n;
    OVERLAPPED o = new_io();
    return finish(&o, ConnectNamedPipe(end, &o), &n) && scene_hear(&m) && m.type == DBR_PM_HELLO &&
           scene_hear(&m) && m.type == DBR_PM_STATUS;
}

bool scene_hear(struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    DWORD n = 0;
    OVERLAPPED o = new_io();
    bool good = finish(&o, ReadFile(end, wire, sizeof wire, NULL, &o), &n) &&
                dbr_pm_decode(m, DBR_PM_CLIENT_TO_SERVICE, wire, n, NULL) == 0;
    SecureZeroMemory(wire, sizeof wire);
    return good;
}

bool scene_says_bytes(const void *bytes, DWORD n)
{
    DWORD sent = 0;
    OVERLAPPED o = new_io();
    return finish(&o, WriteFile(end, bytes, n, NULL, &o), &sent) && sent == n;
}

bool scene_says(const struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    size_t n = dbr_pm_encode(m, DBR_PM_SERVICE_TO_CLIENT, wire);
    return n > 0 && scene_says_bytes(wire, (DWORD)n);
}

void scene_hang_up(void)
{
    CloseHandle(end);
    end = INVALID_HANDLE_VALUE;
    scene_service(false);
}

/* ---- what is on the screen ---- */

bool scene_until(bool (*is)(const void *arg), const void *arg)
{
    ULONGLONG last = GetTickCount64() + SCENE_PATIENCE_MS;
    while (!is(arg)) {
        if (GetTickCount64() > last)
            return false;
        Sleep(1);
    }
    return true;
}

static HWND find_question(const wchar_t *part)
{
    wchar_t text[SCENE_TEXT];
    HWND w = FindWindowExW(NULL, NULL, L"#32770", L"Drawbridge: office");
    if (w == NULL || GetDlgItemTextW(w, DBR_FIELD_TEXT, text, SCENE_TEXT) == 0 ||
        !(GetWindowLongPtrW(w, GWL_STYLE) & WS_VISIBLE))
        return NULL;
    return wcsstr(text, part) != NULL ? w : NULL;
}

static bool is_asked(const void *part)
{
    return find_question(part) != NULL;
}

HWND scene_question(const wchar_t *part)
{
    return scene_until(is_asked, part) ? find_question(part) : NULL;
}

static WNDPROC before;
static struct scene_field *watched;

/* In the tray's thread, for each message to the field. */
static LRESULT CALLBACK watch(HWND w, UINT message, WPARAM a, LPARAM l)
{
    const wchar_t *text = message == WM_SETTEXT ? (const wchar_t *)l : NULL;
    if (text != NULL && wcslen(text) > 0) {
        bool filler = wcsspn(text, L"x") == wcslen(text);
        watched->overwritten = filler && wcslen(text) == watched->longest;
        if (!filler)
            watched->longest = wcslen(text);
    }
    if (message == WM_DESTROY) {
        watched->left = (size_t)CallWindowProcW(before, w, WM_GETTEXTLENGTH, 0, 0);
        watched->gone = true;
    }
    return CallWindowProcW(before, w, message, a, l);
}

void scene_watch(HWND question, struct scene_field *field)
{
    memset(field, 0, sizeof *field);
    watched = field;
    HWND w = GetDlgItem(question, DBR_FIELD_SECRET);
    before = (WNDPROC)GetWindowLongPtrW(w, GWLP_WNDPROC);
    SetWindowLongPtrW(w, GWLP_WNDPROC, (LONG_PTR)watch);
}

size_t scene_copies(const void *bytes, size_t n)
{
    const uint8_t *base = (const uint8_t *)GetModuleHandleW(NULL);
    const IMAGE_DOS_HEADER *dos = (const void *)base;
    const IMAGE_NT_HEADERS *nt = (const void *)(base + dos->e_lfanew);
    const IMAGE_SECTION_HEADER *s = IMAGE_FIRST_SECTION(nt);
    size_t found = 0;
    for (unsigned i = 0; i < nt->FileHeader.NumberOfSections; i++) {
        const uint8_t *p = base + s[i].VirtualAddress;
        if (!(s[i].Characteristics & IMAGE_SCN_MEM_WRITE))
            continue;
        for (size_t at = 0; at + n <= s[i].Misc.VirtualSize; at++)
            found += memcmp(p + at, bytes, n) == 0;
    }
    return found;
}
