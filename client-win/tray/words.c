/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One table has a row for each state; everything that is shown is put together from it by copying. See
 * words.h.
 */
#include "client-win/tray/words.h"

#include "client-win/base/utf.h"

#include <string.h>

/* Appends text to out; what does not fit is cut between characters. */
static void add(char *out, size_t cap, const char *text)
{
    size_t at = strlen(out), n = strlen(text);
    if (n > cap - 1 - at)
        for (n = cap - 1 - at; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80;)
            n--;
    memcpy(out + at, text, n);
    out[at + n] = '\0';
}

static void join(char *out, size_t cap, const char *a, const char *b, const char *c)
{
    out[0] = '\0';
    add(out, cap, a);
    add(out, cap, b);
    add(out, cap, c);
}

/* profile: whether its name follows `tip`. end: menu entry that ends it, NULL where there is nothing to end.
 */
static const struct {
    enum dbr_tray_look look;
    const char *tip;
    bool profile;
    const char *end;
    const char *report;
} states[DBR_PM_STATES] = {
    [DBR_PM_IDLE] = {DBR_LOOK_OFF, "not connected", false, NULL,
                     "You are not connected. To connect, click the Drawbridge symbol and choose a profile."},
    [DBR_PM_CONNECTING] =
        {DBR_LOOK_WORKING, "calling ", true, "&Cancel",
         "The server has not answered yet. If this goes on: is the internet there? Open a web page "
         "to see. In a hotel, sign in to its network first."},
    [DBR_PM_AUTHENTICATING] = {DBR_LOOK_WORKING, "signing in to ", true, "&Cancel",
                               "The server has answered and looks who you are. Wait a moment."},
    [DBR_PM_ASKING] = {DBR_LOOK_WORKING, "waits for your answer, ", true, "&Cancel",
                       "Drawbridge has asked you something. Look for its window and answer."},
    [DBR_PM_CONNECTED] =
        {DBR_LOOK_CONNECTED, "connected to ", true, "&Disconnect",
         "You are connected. If you miss something all the same, tell your administrator what it is."},
    [DBR_PM_RECONNECTING] =
        {DBR_LOOK_WORKING, "lost, calling again: ", true, "&Cancel",
         "The connection was lost; Drawbridge calls again by itself. If this goes on: is the "
         "internet there? Open a web page to see."},
    [DBR_PM_DISCONNECTING] = {DBR_LOOK_WORKING, "ending ", true, NULL,
                              "The connection is being ended. Wait a moment."},
    [DBR_PM_FAILED] =
        {DBR_LOOK_TROUBLE, "not connected, see What is wrong? ", true, NULL,
         "The connection failed. Try again; if it fails again, send your administrator the text "
         "of this window."},
};

static const char no_service[] =
    "The Drawbridge service does not run. Restart the computer; if that does not help, "
    "install Drawbridge again.";

/* A number that message.c would not let pass counts as trouble. */
static unsigned state_of(const struct dbr_tray_view *v)
{
    return v->state.state < DBR_PM_STATES ? v->state.state : DBR_PM_FAILED;
}

enum dbr_tray_look dbr_tray_look_of(const struct dbr_tray_view *v)
{
    return v->service ? states[state_of(v)].look : DBR_LOOK_TROUBLE;
}

void dbr_tray_tip(const struct dbr_tray_view *v, char out[DBR_TRAY_TIP])
{
    unsigned s = state_of(v);
    join(out, DBR_TRAY_TIP, "Drawbridge: ", v->service ? states[s].tip : "the service does not run",
         v->service && states[s].profile ? v->state.profile : "");
    if (v->service && s == DBR_PM_CONNECTED && v->state.address[0] != '\0') {
        add(out, DBR_TRAY_TIP, ", ");
        add(out, DBR_TRAY_TIP, v->state.address);
    }
}

static void tell(struct dbr_tray_news *out, bool bad, const char *title, const char *name, const char *text)
{
    memset(out, 0, sizeof *out);
    out->bad = bad;
    join(out->title, sizeof out->title, title, name, "");
    add(out->text, sizeof out->text, text);
}

bool dbr_tray_news_of(const struct dbr_tray_view *before, const struct dbr_tray_view *after,
                      struct dbr_tray_news *out)
{
    unsigned was = state_of(before), is = state_of(after);
    const char *name = after->state.profile;
    if (before->service && !after->service && was != DBR_PM_IDLE && was != DBR_PM_FAILED)
        return tell(out, true, "Not connected any more", "", no_service), true;
    if (!after->service || was == is)
        return false;
    if (is == DBR_PM_CONNECTED)
        return tell(out, false, "Connected to ", name, "You are in the office network now."), true;
    if (is == DBR_PM_RECONNECTING && was == DBR_PM_CONNECTED)
        return tell(
                   out, true, "Connection lost: ", name,
                   "Drawbridge calls again by itself. If it takes long, look whether the internet is there."),
               true;
    if (is == DBR_PM_FAILED)
        return tell(out, true, "Not connected: ", name,
                    after->state.text[0] ? after->state.text : states[DBR_PM_FAILED].report),
               true;
    return false;
}

/* A profile's name in a menu: '&' underlines the next letter unless it is doubled. */
static void add_name(char *out, size_t cap, const char *name)
{
    for (; *name != '\0'; name++) {
        char one[3] = {*name, *name == '&' ? '&' : '\0', '\0'};
        add(out, cap, one);
    }
}

static struct dbr_tray_item *put(struct dbr_tray_item *items, size_t *n, unsigned command, const char *text)
{
    struct dbr_tray_item *i = &items[(*n)++];
    memset(i, 0, sizeof *i);
    i->command = command;
    add(i->text, sizeof i->text, text);
    return i;
}

static bool is_busy(const struct dbr_tray_view *v)
{
    return v->service && states[state_of(v)].look != DBR_LOOK_OFF && state_of(v) != DBR_PM_FAILED;
}

static void put_profiles(const struct dbr_tray_view *v, struct dbr_tray_item *items, size_t *n)
{
    for (size_t k = 0; k < v->n && k < DBR_TRAY_PROFILES; k++) {
        bool this_one = is_busy(v) && strcmp(v->ids[k], v->state.profile) == 0;
        struct dbr_tray_item *i = put(items, n, DBR_TRAY_CONNECT + (unsigned)k, this_one ? "" : "Connect ");
        add_name(i->text, sizeof i->text, v->ids[k]);
        i->checked = this_one;
        i->greyed = !v->service || is_busy(v);
        i->first = !i->greyed && v->n == 1;
    }
    if (v->n == 0)
        put(items, n, DBR_TRAY_NONE, "No profile yet: import the file you were sent")->greyed = true;
}

size_t dbr_tray_menu(const struct dbr_tray_view *v, struct dbr_tray_item items[DBR_TRAY_ITEMS])
{
    size_t n = 0;
    char tip[DBR_TRAY_TIP];
    dbr_tray_tip(v, tip);
    struct dbr_tray_item *head = put(items, &n, DBR_TRAY_NONE, "");
    add_name(head->text, sizeof head->text, tip + sizeof "Drawbridge: " - 1);
    if (head->text[0] >= 'a' && head->text[0] <= 'z')
        head->text[0] = (char)(head->text[0] - 'a' + 'A');
    head->greyed = true;
    put(items, &n, DBR_TRAY_NONE, "");
    put_profiles(v, items, &n);
    if (v->service && states[state_of(v)].end != NULL)
        put(items, &n, DBR_TRAY_DISCONNECT, states[state_of(v)].end)->first = true;
    put(items, &n, DBR_TRAY_NONE, "");
    put(items, &n, DBR_TRAY_IMPORT, "&Import a profile...")->first = v->n == 0;
    put(items, &n, DBR_TRAY_WRONG, "&What is wrong?");
    put(items, &n, DBR_TRAY_LOG, "Show the &log");
    put(items, &n, DBR_TRAY_AUTOSTART, "&Start with Windows")->checked = v->autostart;
    put(items, &n, DBR_TRAY_NONE, "");
    put(items, &n, DBR_TRAY_QUIT, "&Quit");
    return n;
}

static const struct {
    const char *label, *wrong, *want;
} kinds[] = {
    [0] = {"&Answer:", "", "Answer, please."},
    [DBR_PM_ASK_PASSPHRASE] =
        {"&Passphrase:", "That passphrase was not right. Capitals matter. ",
         "Type the passphrase of your key. It came with your profile, or you chose it."},
    [DBR_PM_ASK_LOGIN] = {"&Password:", "The server did not take that name and password. ",
                          "Type your user name and password."},
    [DBR_PM_ASK_CHALLENGE] = {"&Answer:", "The server did not take that answer. ",
                              "The server asks for an answer."},
};

static const char *attempt_text(unsigned attempt)
{
    static const char *const texts[] = {"", "", "Second attempt. ", "Third attempt. ", "Fourth attempt. "};
    return attempt < 5 ? texts[attempt] : "Not right either. Ask your administrator for help. ";
}

void dbr_tray_question_of(const struct dbr_pm_ask *ask, const char *profile, unsigned attempt,
                          struct dbr_tray_question *out)
{
    unsigned k = ask->kind <= DBR_PM_ASK_CHALLENGE ? ask->kind : 0;
    memset(out, 0, sizeof *out);
    join(out->title, sizeof out->title, "Drawbridge: ", profile, "");
    if (attempt > 1)
        join(out->text, sizeof out->text, kinds[k].wrong, attempt_text(attempt), "\r\n");
    add(out->text, sizeof out->text, ask->text[0] ? ask->text : kinds[k].want);
    out->label = kinds[k].label;
    out->wants_user = k == DBR_PM_ASK_LOGIN;
    out->echo = ask->echo != 0;
}

/* Appends the rows that begin with mark, without it, one a line behind `bullet`; returns their number. */
static size_t add_rows(char out[DBR_TRAY_REPORT], const char *rows, const char *mark, const char *bullet)
{
    size_t found = 0, m = strlen(mark);
    while (*rows != '\0') {
        size_t n = strcspn(rows, "\r\n");
        if (n > m && strncmp(rows, mark, m) == 0) {
            char line[DBR_PM_LINE + 1] = "";
            size_t keep = n - m < DBR_PM_LINE ? n - m : DBR_PM_LINE;
            memcpy(line, rows + m, keep);
            add(out, DBR_TRAY_REPORT, bullet);
            add(out, DBR_TRAY_REPORT, line);
            add(out, DBR_TRAY_REPORT, "\r\n");
            found++;
        }
        rows += n;
        rows += strspn(rows, "\r\n");
    }
    return found;
}

void dbr_tray_report(const struct dbr_tray_view *v, const char *rows, char out[DBR_TRAY_REPORT])
{
    out[0] = '\0';
    add(out, DBR_TRAY_REPORT, v->service ? states[state_of(v)].report : no_service);
    add(out, DBR_TRAY_REPORT, "\r\n");
    const char *said = v->service ? v->state.text : v->service_why;
    if (said[0] != '\0') {
        join(out + strlen(out), DBR_TRAY_REPORT - strlen(out), "\r\nWhat was said last: ", said, "\r\n");
    }
    char *head = out + strlen(out);
    add(out, DBR_TRAY_REPORT, "\r\nThis is missing:\r\n");
    if (add_rows(out, rows, "MISS ", "  - ") == 0)
        *head = '\0';
    head = out + strlen(out);
    add(out, DBR_TRAY_REPORT, "\r\nThis is in order:\r\n");
    if (add_rows(out, rows, "ok   ", "  - ") == 0)
        *head = '\0';
    if (rows[0] == '\0')
        add(out, DBR_TRAY_REPORT,
            "\r\nThe computer itself could not be checked. Install Drawbridge again.\r\n");
}
