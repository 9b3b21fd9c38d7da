/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Import of a profile with message boxes: which file, is it wanted, the passphrase, what came of it, and
 * whether the unencrypted file may go. See parts_win.h.
 */
#include "parts_win.h"

#include "base/err.h"
#include "base/secret.h"
#include "client-win/base/base.h"
#include "client-win/keystore/keystore.h"

#include <commdlg.h>
#include <string.h>

enum { SAID = 1536, PATH = 4 * DBR_WIN_PATH };

struct talk {
    HWND owner;
    char said[SAID]; /* the parser's lines */
};

static void add(char *out, size_t cap, const char *text)
{
    size_t at = strlen(out), n = strlen(text);
    if (at + n < cap)
        memcpy(out + at, text, n + 1);
}

static int box(HWND owner, UINT kind, const char *text)
{
    return MessageBoxW(owner, tray_wide(text), L"Drawbridge", kind | MB_SETFOREGROUND);
}

static void on_line(void *arg, enum dbr_conf_severity severity, const char *line)
{
    struct talk *t = arg;
    (void)severity;
    char safe[DBR_PM_LINE];
    dbr_utf8_line(safe, sizeof safe, line);
    add(t->said, SAID, safe);
    add(t->said, SAID, "\r\n");
}

static int on_passphrase(void *arg, int attempt, char *pass, size_t cap)
{
    struct talk *t = arg;
    struct dbr_pm_ask wanted = {
        .kind = DBR_PM_ASK_PASSPHRASE,
        .text = "Type the passphrase of the key in this profile, so that Drawbridge can see "
                "whether all is in order. It is not stored. Cancel leaves that out."};
    struct ask a = {0};
    dbr_tray_question_of(&wanted, "import", (unsigned)attempt, &a.question);
    bool given = ask_modal(&a, t->owner);
    const char *secret = a.answer.answer.secret;
    given = given && strlen(secret) < cap;
    if (given)
        memcpy(pass, secret, strlen(secret) + 1);
    dbr_pm_wipe(&a.answer);
    return given ? 0 : DBR_ERR_AGAIN;
}

static bool choose_file(HWND owner, wchar_t path[DBR_WIN_PATH])
{
    OPENFILENAMEW o = {.lStructSize = sizeof o,
                       .hwndOwner = owner,
                       .lpstrFilter = L"VPN profiles (*.ovpn, *.conf)\0*.ovpn;*.conf\0All files\0*.*\0",
                       .lpstrFile = path,
                       .nMaxFile = DBR_WIN_PATH,
                       .lpstrTitle = L"Which profile? Choose the file that your administrator sent you",
                       .Flags = OFN_FILEMUSTEXIST | OFN_HIDEREADONLY | OFN_NOCHANGEDIR};
    path[0] = 0;
    return GetOpenFileNameW(&o);
}

static bool is_wanted(HWND owner, const char *path)
{
    char text[PATH + 256] = "Import this profile?\r\n\r\n";
    add(text, sizeof text, path);
    add(text, sizeof text,
        "\r\n\r\nDo so only if it comes from your administrator: it decides where your computer "
        "connects to. Windows keeps it encrypted for your account.");
    return box(owner, MB_OKCANCEL | MB_ICONQUESTION, text) == IDOK;
}

/* The files that lie in the clear, by name; after Yes they go. */
static void offer_cleaning(HWND owner, const struct dbr_imported *got)
{
    char text[2 * PATH] =
        "Your key is stored safely now. The file you imported is not encrypted: whoever copies it "
        "has your key. Delete it?\r\n\r\n";
    char why[DBR_PM_LINE] = "";
    for (size_t i = 0; i < got->n_clear; i++) {
        add(text, sizeof text, got->clear[i].path);
        add(text, sizeof text, "\r\n");
    }
    if (got->n_clear == 0 || box(owner, MB_YESNO | MB_ICONWARNING, text) != IDYES)
        return;
    for (size_t i = 0; i < got->n_clear; i++)
        if (dbr_keystore_delete_clear(got->clear[i].path, why, sizeof why) != 0)
            box(owner, MB_ICONWARNING, why);
}

static void report_success(struct talk *t, const struct dbr_imported *got)
{
    char text[SAID + 512] = "The profile \"";
    add(text, sizeof text, got->id);
    add(text, sizeof text, "\" is there. To connect, click the Drawbridge symbol beside the clock.");
    if (t->said[0] != '\0')
        add(text, sizeof text, "\r\n\r\nNotes for your administrator:\r\n");
    add(text, sizeof text, t->said);
    box(t->owner, MB_OK | MB_ICONINFORMATION, text);
    offer_cleaning(t->owner, got);
}

static void report_failure(struct talk *t, const char *why)
{
    char text[SAID + 2 * DBR_PM_LINE] = "The profile was not imported.\r\n\r\n";
    add(text, sizeof text, why);
    if (t->said[0] != '\0')
        add(text, sizeof text, "\r\n\r\n");
    add(text, sizeof text, t->said);
    add(text, sizeof text,
        "\r\n\r\nIf you do not know what to do, send this text to your administrator "
        "(Ctrl+C copies it).");
    box(t->owner, MB_OK | MB_ICONERROR, text);
}

static int import_one(struct talk *t, const char *path, bool replace, struct dbr_imported *got,
                      char why[DBR_PM_LINE])
{
    struct dbr_import what = {
        .path = path, .replace = replace, .say = on_line, .ask = on_passphrase, .arg = t};
    t->said[0] = '\0';
    return dbr_keystore_import(&what, got, why, DBR_PM_LINE);
}

bool import_run(HWND owner, const wchar_t *path, char id[DBR_PM_ID])
{
    static struct dbr_imported got; /* large */
    struct talk t = {.owner = owner};
    wchar_t chosen[DBR_WIN_PATH];
    char utf8[PATH], why[DBR_PM_LINE] = "";
    bool asked = path == NULL;
    if (asked && !choose_file(owner, chosen))
        return false;
    if (dbr_utf8_from16(utf8, sizeof utf8, asked ? chosen : path) != 0)
        return box(owner, MB_ICONERROR,
                   "The name of this file is no text. Give it another name, then import it."),
               false;
    if (!asked && !is_wanted(owner, utf8))
        return false;
    int err = import_one(&t, utf8, false, &got, why);
    if (err == DBR_ERR_EXISTS &&
        box(owner, MB_YESNO | MB_ICONQUESTION,
            "There is a profile of this name. Put the new one in its place?") == IDYES)
        err = import_one(&t, utf8, true, &got, why);
    else if (err == DBR_ERR_EXISTS)
        return false;
    if (err != 0)
        return report_failure(&t, why), false;
    id[0] = '\0';
    add(id, DBR_PM_ID, got.id);
    report_success(&t, &got);
    return true;
}
