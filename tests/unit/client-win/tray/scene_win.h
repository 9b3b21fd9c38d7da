/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stage for the tray's windows: a desktop of its own, the tray in a thread, a service that is the test
 * itself at the other end of a pipe, and what stands in for the taskbar, timers, menus and message boxes.
 * The linker puts them there; the tray knows nothing of it. Everything is called by the test's one thread.
 */
#ifndef TEST_SCENE_WIN_H
#define TEST_SCENE_WIN_H

#include "client-win/tray/parts_win.h"

enum { SCENE_PATIENCE_MS = 20000, SCENE_TEXT = 2048 };

/* What the tray has shown last. Copied out by scene_look(). */
struct scene {
    bool has_taskbar; /* otherwise it takes no icons; scene_taskbar() */
    wchar_t tip[128], title[64], info[256];
    unsigned added, deleted, told; /* icons, notifications */
    unsigned timers, timer_ms;
    unsigned menus, boxes;
    wchar_t box[SCENE_TEXT];
};
struct scene scene_look(void);
void scene_taskbar(bool there);
/* What the next menus and message boxes are answered with. */
void scene_choose(unsigned command, int button);

/* Runs this program again on a desktop without a screen, as `run()`; the exit code of main. */
int scene_main(int argc, int (*run)(void));

/* Starts the tray; its window. */
HWND scene_start(void);
/* Waits until the tray has ended; what it returned. */
DWORD scene_end(void);

/* The service: here or away, for the next try. What it hears waits at most SCENE_PATIENCE_MS. */
void scene_service(bool here);
bool scene_greeted(void); /* a tray has come, and said HELLO and STATUS */
bool scene_hear(struct dbr_pm *m);
bool scene_says(const struct dbr_pm *m);
bool scene_says_bytes(const void *bytes, DWORD n);
void scene_hang_up(void);

/* Polls until is(arg), at most SCENE_PATIENCE_MS. */
bool scene_until(bool (*is)(const void *arg), const void *arg);
/* The window that asks, when its text holds `part`; NULL: none came. */
HWND scene_question(const wchar_t *part);

/* Watches the field for the secret of that window: what it held when it went, and whether it was overwritten
 * from end to end before. */
struct scene_field {
    size_t longest;         /* the longest text it was given by the test, in units */
    bool gone, overwritten; /* destroyed; by as many x */
    size_t left;            /* units that were in it then */
};
void scene_watch(HWND question, struct scene_field *field);

/* How often these bytes stand in the memory of this program's variables. */
size_t scene_copies(const void *bytes, size_t n);

#endif
