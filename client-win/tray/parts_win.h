/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The windows of the tray and its connection to the service; for this room. All of it belongs to the one
 * thread of the user interface.
 */
#ifndef DBR_TRAY_PARTS_WIN_H
#define DBR_TRAY_PARTS_WIN_H

#include "client-win/pipe/client_win.h"
#include "client-win/tray/words.h"

#include <windows.h>

enum {
    WM_TRAY_ICON = WM_APP + 1, /* from the icon */
    WM_TRAY_LINK,              /* the service has said something */
    WM_TRAY_IMPORT,            /* a path waits that another start has handed over */
    WM_TRAY_SHOW,              /* show the menu */
};
enum { WIDE_TEXT = DBR_TRAY_REPORT };

/* UTF-8 as what Windows takes; what is no UTF-8 or too long becomes "". Static memory of this thread, good
 * until the next call. */
const wchar_t *tray_wide(const char *text);

/* ---- link_win.c: the connection to the service, kept ---- */
struct link {
    struct dbr_pipe_client client;
    HWND window; /* gets WM_TRAY_LINK */
    HANDLE wait; /* the thread pool watches client.event */
    bool open;
    unsigned failures;
};
/* Tries to connect now. 0, or an error with a line in why. Call again after link_pause_ms(). */
int link_open(struct link *l, char *why, size_t cap);
void link_close(struct link *l);
/* Milliseconds until the next try: 1 s, doubling to 30 s. */
UINT link_pause_ms(const struct link *l);
/* The next message: 0, DBR_ERR_AGAIN (WM_TRAY_LINK comes when there is one), or another error: closed now. */
int link_take(struct link *l, struct dbr_pm *m);
/* 0, or an error: closed now. */
int link_send(struct link *l, const struct dbr_pm *m);

/* ---- ask_win.c: passphrase, login, challenge ---- */
struct ask {
    struct dbr_tray_question question;
    struct dbr_pm answer; /* kind and user are filled in before; wiped by who takes it */
    void (*done)(void *arg, struct ask *a, bool given); /* NULL: modal */
    void *arg;
    HWND window;
};
/* Opens the window for a->question; done() is called once, when it is closed by the user. NULL: no window. */
HWND ask_open(struct ask *a);
/* Closes it without calling done(). */
void ask_close(struct ask *a);
/* The same and waits for the end; true: a->answer is given. */
bool ask_modal(struct ask *a, HWND owner);

/* ---- text_win.c: a window with a text to read and to copy ---- */
HWND text_open(const wchar_t *title, const char *text);
/* Changes what it shows, and shows its end. */
void text_set(HWND window, const char *text);

/* ---- import_win.c ---- */
/* The whole conversation; path NULL: asks for a file. True when there is a new profile; id gets its name. */
bool import_run(HWND owner, const wchar_t *path, char id[DBR_PM_ID]);

/* ---- user_win.c: what lies outside of our windows ---- */
bool autostart_is_on(void);
/* 0 or an error with GetLastError(). */
int autostart_set(bool on);
/* What `drawbridge check` prints, "" if it does not run or is not ready within 15 s. */
void check_rows(char *out, size_t cap);
/* True if another tray of this user has taken over what was to be done. */
bool hand_over(const char *file);

#define TRAY_CLASS L"DrawbridgeTray"

#endif
