/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tray shows, made of what it knows: icon, tooltip, notification, menu, questions and "What is
 * wrong?". Pure: a view in, bounded UTF-8 texts out; no text of the network or of the user is ever a format.
 * One thread.
 */
#ifndef DBR_TRAY_WORDS_H
#define DBR_TRAY_WORDS_H

#include "client-win/pipe/message.h"
#include "client-win/tray/icon.h"

enum {
    DBR_TRAY_PROFILES = 32, /* shown in the menu; more are for `drawbridge connect` */
    DBR_TRAY_TIP = 128,     /* bytes, and what NOTIFYICONDATAW holds in units */
    DBR_TRAY_TITLE = 64,
    DBR_TRAY_NEWS = 256,
    DBR_TRAY_REPORT = 8192,
};

/* What the tray knows. Texts are one line each (dbr_utf8_is_line). */
struct dbr_tray_view {
    bool service;                  /* the service answers */
    char service_why[DBR_PM_TEXT]; /* otherwise: the line of dbr_pipe_client_open() */
    struct dbr_pm_state state;     /* the last that came */
    char (*ids)[DBR_PM_ID];        /* profiles, sorted; borrowed */
    size_t n;
    bool autostart;
};

enum dbr_tray_look dbr_tray_look_of(const struct dbr_tray_view *v);

/* The line beside the icon: "Drawbridge: connected to office". */
void dbr_tray_tip(const struct dbr_tray_view *v, char out[DBR_TRAY_TIP]);

struct dbr_tray_news {
    char title[DBR_TRAY_TITLE];
    char text[DBR_TRAY_NEWS]; /* ends with what to do, where there is something to do */
    bool bad;
};
/* Whether the step from one view to the next is worth a notification, and which: connected, lost, refused. */
bool dbr_tray_news_of(const struct dbr_tray_view *before, const struct dbr_tray_view *after,
                      struct dbr_tray_news *out);

enum dbr_tray_command {
    DBR_TRAY_NONE = 0,
    DBR_TRAY_DISCONNECT = 1,
    DBR_TRAY_IMPORT,
    DBR_TRAY_WRONG,
    DBR_TRAY_LOG,
    DBR_TRAY_AUTOSTART,
    DBR_TRAY_QUIT,
    DBR_TRAY_CONNECT = 100, /* + index of the profile */
};
struct dbr_tray_item {
    unsigned command; /* enum dbr_tray_command; NONE with a text: a line to read; without: a separator */
    bool checked, greyed, first; /* first: shown bold, what a double click does */
    char text[DBR_PM_ID + 64];   /* '&' is doubled where it comes from a name */
};
enum { DBR_TRAY_ITEMS = DBR_TRAY_PROFILES + 12 };
/* The menu, top to bottom; returns the number of items. */
size_t dbr_tray_menu(const struct dbr_tray_view *v, struct dbr_tray_item items[DBR_TRAY_ITEMS]);

struct dbr_tray_question {
    char title[DBR_TRAY_TITLE + DBR_PM_ID];
    char text[DBR_PM_LINE + 128]; /* which attempt failed, then what is wanted */
    const char *label;            /* of the field for the secret, with its '&' */
    bool wants_user, echo;
};
/* The window for a question of the server or the key. attempt: 1, 2, ... of this kind in this connection. */
void dbr_tray_question_of(const struct dbr_pm_ask *ask, const char *profile, unsigned attempt,
                          struct dbr_tray_question *out);

/* "What is wrong?": the last state in plain words, then what `drawbridge check` printed (rows of "ok   text"
 * and "MISS text", "" when it could not run), what is missing first. Lines end with \r\n. */
void dbr_tray_report(const struct dbr_tray_view *v, const char *rows, char out[DBR_TRAY_REPORT]);

#endif
