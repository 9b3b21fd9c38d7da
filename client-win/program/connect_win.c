/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * `drawbridge connect NAME`: what the tray does, in a console. Asks the service, prints what it says, asks
 * for what the server or the key wants, without showing it; Ctrl-C disconnects.
 */
#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/pipe/client_win.h"
#include "commands.h"
#include "terminal.h"

#include <windows.h>

#include <stdio.h>
#include <string.h>

static HANDLE interrupted; /* an event: Ctrl-C, or the window closes */

static BOOL WINAPI on_control(DWORD event)
{
    (void)event;
    SetEvent(interrupted);
    return TRUE;
}

/* What is asked of whom, by kind. */
static int answer(struct dbr_pipe_client *c, const struct dbr_pm_ask *ask)
{
    struct dbr_pm m = {DBR_PM_ANSWER, {.answer = {.kind = ask->kind}}};
    const char *text = ask->text[0] ? ask->text : "Passphrase: ";
    int err = 0;
    if (ask->text[0] && ask->kind == DBR_PM_ASK_LOGIN)
        dbr_say("%s", ask->text);
    memcpy(m.answer.user, ask->user, sizeof m.answer.user);
    if (ask->kind == DBR_PM_ASK_LOGIN && !ask->user[0])
        err = dbr_terminal_ask("User name: ", true, m.answer.user, sizeof m.answer.user);
    if (!err && ask->kind == DBR_PM_ASK_LOGIN)
        text = "Password: ";
    if (!err)
        err = dbr_terminal_ask(text, ask->echo, m.answer.secret, sizeof m.answer.secret);
    if (!err)
        err = dbr_pipe_client_send(c, &m);
    dbr_pm_wipe(&m);
    return err;
}

static const char *const words[DBR_PM_STATES] = {
    "Not connected.",
    "Calling the server ...",
    "The server is checking who you are ...",
    "",
    "Connected.",
    "The connection is lost; calling again ...",
    "Ending ...",
    "The connection is not possible.",
};

static void print_state(const struct dbr_pm_state *s)
{
    if (s->text[0])
        dbr_say("%s %s", words[s->state], s->text);
    else if (words[s->state][0])
        dbr_say("%s", words[s->state]);
}

enum { GO_ON = -1 };

/* One message: GO_ON, or the exit code. begun: our connection has been seen. */
static int take(struct dbr_pipe_client *c, const struct dbr_pm *m, const char *id, bool *begun)
{
    switch (m->type) {
    case DBR_PM_REFUSED: dbr_complain("%s", m->refused.text); return *begun ? GO_ON : 1;
    case DBR_PM_LOG:
        if (m->log.level <= 1)
            dbr_say("%s", m->log.line);
        return GO_ON;
    case DBR_PM_ASK:
        if (answer(c, &m->ask) == 0)
            return GO_ON;
        SetEvent(interrupted); /* nobody answers: as with Ctrl-C */
        return GO_ON;
    case DBR_PM_STATE:
        *begun = *begun || (strcmp(m->state.profile, id) == 0 && m->state.state != DBR_PM_IDLE &&
                            m->state.state != DBR_PM_FAILED);
        if (!*begun)
            return GO_ON; /* how it was before we asked */
        print_state(&m->state);
        return m->state.state == DBR_PM_IDLE ? 0 : m->state.state == DBR_PM_FAILED ? 1 : GO_ON;
    default: return GO_ON;
    }
}

static int talk(struct dbr_pipe_client *c, const char *id)
{
    const struct dbr_pm disconnect = {DBR_PM_DISCONNECT, {{0}}};
    HANDLE events[] = {c->event, interrupted};
    bool begun = false;
    for (int code = GO_ON; code == GO_ON;) {
        struct dbr_pm m;
        int err = dbr_pipe_client_take(c, &m);
        if (err == 0) {
            code = take(c, &m, id, &begun);
            dbr_pm_wipe(&m);
            if (code != GO_ON)
                return code;
        } else if (err != DBR_ERR_AGAIN) {
            dbr_complain("The Drawbridge service has stopped. Start the computer again if this goes on.");
            return 1;
        }
        DWORD which = err == 0 ? WAIT_TIMEOUT : WaitForMultipleObjects(2, events, FALSE, INFINITE);
        if (which == WAIT_OBJECT_0 + 1 ||
            (err == 0 && WaitForSingleObject(interrupted, 0) == WAIT_OBJECT_0)) {
            ResetEvent(interrupted);
            if (!begun || dbr_pipe_client_send(c, &disconnect) != 0)
                return 1;
        }
    }
    return 1;
}

int dbr_cmd_connect(int argc, char **argv)
{
    struct dbr_pipe_client c;
    char why[DBR_PM_TEXT];
    struct dbr_pm m = {DBR_PM_CONNECT, {{0}}};
    if (argc != 2 || !dbr_pm_id_is_good(argv[1])) {
        dbr_complain("Say which profile: drawbridge connect NAME. Their names: drawbridge list.");
        return 2;
    }
    memcpy(m.connect.id, argv[1], strlen(argv[1]));
    interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
    SetConsoleCtrlHandler(on_control, TRUE);
    if (dbr_pipe_client_open(&c, why, sizeof why) != 0) {
        dbr_complain("%s", why);
        return 1;
    }
    int code = dbr_pipe_client_send(&c, &m) == 0 ? talk(&c, argv[1]) : 1;
    dbr_pipe_client_close(&c);
    return code;
}
