/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the tray shows in every state: look, tooltip, menu, notification, question, report. Names and texts of
 * others come out as they are, whatever they hold, and never longer than their field.
 */
#include "client-win/tray/words.h"

#include "client-win/base/utf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char ids[DBR_TRAY_PROFILES + 1][DBR_PM_ID] = {"home", "office"};

static struct dbr_tray_view view_of(unsigned state)
{
    struct dbr_tray_view v = {.service = true, .ids = ids, .n = 2};
    v.state.state = state;
    strcpy(v.state.profile, state == DBR_PM_IDLE ? "" : "office");
    return v;
}

static const struct {
    unsigned state;
    enum dbr_tray_look look;
    const char *tip, *end; /* NULL: nothing to end */
    bool may_connect;
} rows[] = {
    {DBR_PM_IDLE, DBR_LOOK_OFF, "Drawbridge: not connected", NULL, true},
    {DBR_PM_CONNECTING, DBR_LOOK_WORKING, "Drawbridge: calling office", "&Cancel", false},
    {DBR_PM_AUTHENTICATING, DBR_LOOK_WORKING, "Drawbridge: signing in to office", "&Cancel", false},
    {DBR_PM_ASKING, DBR_LOOK_WORKING, "Drawbridge: waits for your answer, office", "&Cancel", false},
    {DBR_PM_CONNECTED, DBR_LOOK_CONNECTED, "Drawbridge: connected to office", "&Disconnect", false},
    {DBR_PM_RECONNECTING, DBR_LOOK_WORKING, "Drawbridge: lost, calling again: office", "&Cancel", false},
    {DBR_PM_DISCONNECTING, DBR_LOOK_WORKING, "Drawbridge: ending office", NULL, false},
    {DBR_PM_FAILED, DBR_LOOK_TROUBLE, "Drawbridge: not connected, see What is wrong? office", NULL, true},
};

static const struct dbr_tray_item *find(const struct dbr_tray_item *items, size_t n, unsigned command)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].command == command)
            return &items[i];
    return NULL;
}

static void each_state_has_its_look_and_menu(void **state)
{
    (void)state;
    assert_int_equal(sizeof rows / sizeof rows[0], DBR_PM_STATES);
    for (size_t k = 0; k < DBR_PM_STATES; k++) {
        struct dbr_tray_view v = view_of(rows[k].state);
        struct dbr_tray_item items[DBR_TRAY_ITEMS];
        char tip[DBR_TRAY_TIP];
        dbr_tray_tip(&v, tip);
        assert_string_equal(tip, rows[k].tip);
        assert_int_equal(dbr_tray_look_of(&v), rows[k].look);
        size_t n = dbr_tray_menu(&v, items);
        const struct dbr_tray_item *end = find(items, n, DBR_TRAY_DISCONNECT);
        assert_int_equal(end != NULL, rows[k].end != NULL);
        if (end != NULL)
            assert_string_equal(end->text, rows[k].end);
        const struct dbr_tray_item *office = find(items, n, DBR_TRAY_CONNECT + 1);
        assert_int_equal(!office->greyed, rows[k].may_connect);
        assert_int_equal(office->checked, !rows[k].may_connect);
        assert_false(find(items, n, DBR_TRAY_CONNECT)->checked);
        for (unsigned c = DBR_TRAY_IMPORT; c <= DBR_TRAY_QUIT; c++)
            assert_false(find(items, n, c)->greyed);
    }
}

static void without_the_service_it_is_trouble(void **state)
{
    (void)state;
    for (unsigned s = 0; s < DBR_PM_STATES; s++) {
        struct dbr_tray_view v = view_of(s);
        struct dbr_tray_item items[DBR_TRAY_ITEMS];
        char report[DBR_TRAY_REPORT], tip[DBR_TRAY_TIP];
        v.service = false;
        strcpy(v.service_why, "It is not installed.");
        size_t n = dbr_tray_menu(&v, items);
        assert_int_equal(dbr_tray_look_of(&v), DBR_LOOK_TROUBLE);
        assert_true(find(items, n, DBR_TRAY_CONNECT)->greyed);
        assert_false(find(items, n, DBR_TRAY_CONNECT)->checked);
        assert_null(find(items, n, DBR_TRAY_DISCONNECT));
        dbr_tray_tip(&v, tip);
        assert_string_equal(tip, "Drawbridge: the service does not run");
        dbr_tray_report(&v, "", report);
        assert_non_null(strstr(report, "Restart the computer"));
        assert_non_null(strstr(report, "It is not installed."));
    }
}

/* One click connects only where there is one profile and nothing goes on. */
static void one_profile_is_the_first_item(void **state)
{
    (void)state;
    for (size_t n_ids = 0; n_ids <= 2; n_ids++)
        for (unsigned s = 0; s < DBR_PM_STATES; s++) {
            struct dbr_tray_view v = view_of(s);
            struct dbr_tray_item items[DBR_TRAY_ITEMS];
            v.n = n_ids;
            size_t n = dbr_tray_menu(&v, items), firsts = 0;
            const struct dbr_tray_item *one = find(items, n, DBR_TRAY_CONNECT);
            assert_int_equal(one != NULL && one->first,
                             n_ids == 1 && (s == DBR_PM_IDLE || s == DBR_PM_FAILED));
            for (size_t i = 0; i < n; i++)
                firsts += items[i].first;
            assert_true(firsts <= 1 || n_ids == 0);
        }
}

static void names_are_no_formats_and_no_shortcuts(void **state)
{
    (void)state;
    static char strange[1][DBR_PM_ID] = {"%s%n & co"};
    struct dbr_tray_view v = view_of(DBR_PM_CONNECTED), idle = view_of(DBR_PM_IDLE);
    struct dbr_tray_item items[DBR_TRAY_ITEMS];
    struct dbr_tray_news news;
    char tip[DBR_TRAY_TIP];
    strcpy(v.state.profile, strange[0]);
    strcpy(v.state.address, "192.0.2.7");
    dbr_tray_tip(&v, tip);
    assert_string_equal(tip, "Drawbridge: connected to %s%n & co, 192.0.2.7");
    v.ids = idle.ids = strange;
    v.n = idle.n = 1;
    size_t n = dbr_tray_menu(&v, items);
    assert_string_equal(items[0].text, "Connected to %s%n && co, 192.0.2.7");
    assert_string_equal(find(items, n, DBR_TRAY_CONNECT)->text, "%s%n && co");
    n = dbr_tray_menu(&idle, items);
    assert_string_equal(find(items, n, DBR_TRAY_CONNECT)->text, "Connect %s%n && co");
    assert_true(dbr_tray_news_of(&idle, &v, &news));
    assert_string_equal(news.title, "Connected to %s%n & co");
}

static void steps_that_are_news(void **state)
{
    (void)state;
    static const struct {
        unsigned from, to;
        const char *title;
        bool bad;
    } steps[] = {
        {DBR_PM_AUTHENTICATING, DBR_PM_CONNECTED, "Connected to office", false},
        {DBR_PM_RECONNECTING, DBR_PM_CONNECTED, "Connected to office", false},
        {DBR_PM_CONNECTED, DBR_PM_RECONNECTING, "Connection lost: office", true},
        {DBR_PM_AUTHENTICATING, DBR_PM_FAILED, "Not connected: office", true},
        {DBR_PM_CONNECTED, DBR_PM_FAILED, "Not connected: office", true},
        {DBR_PM_CONNECTED, DBR_PM_CONNECTED, NULL, false},
        {DBR_PM_FAILED, DBR_PM_FAILED, NULL, false},
        {DBR_PM_IDLE, DBR_PM_CONNECTING, NULL, false},
        {DBR_PM_CONNECTING, DBR_PM_RECONNECTING, NULL, false},
        {DBR_PM_CONNECTED, DBR_PM_DISCONNECTING, NULL, false},
        {DBR_PM_DISCONNECTING, DBR_PM_IDLE, NULL, false},
    };
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        struct dbr_tray_view a = view_of(steps[k].from), b = view_of(steps[k].to);
        struct dbr_tray_news news;
        assert_int_equal(dbr_tray_news_of(&a, &b, &news), steps[k].title != NULL);
        if (steps[k].title == NULL)
            continue;
        assert_string_equal(news.title, steps[k].title);
        assert_int_equal(news.bad, steps[k].bad);
        assert_int_equal(news.text[strlen(news.text) - 1], '.');
    }
}

static void a_refusal_is_said_in_the_servers_words(void **state)
{
    (void)state;
    struct dbr_tray_view a = view_of(DBR_PM_AUTHENTICATING), b = view_of(DBR_PM_FAILED);
    struct dbr_tray_news news;
    strcpy(b.state.text, "Your certificate was revoked. Ask your administrator for a new one.");
    assert_true(dbr_tray_news_of(&a, &b, &news));
    assert_string_equal(news.text, b.state.text);
}

static void the_service_ends_in_the_middle(void **state)
{
    (void)state;
    for (unsigned s = 0; s < DBR_PM_STATES; s++) {
        struct dbr_tray_view a = view_of(s), b = view_of(DBR_PM_IDLE);
        struct dbr_tray_news news;
        b.service = false;
        assert_int_equal(dbr_tray_news_of(&a, &b, &news), s != DBR_PM_IDLE && s != DBR_PM_FAILED);
    }
}

/* The longest that the pipe lets through, in characters of two bytes: cut between characters, everywhere. */
static void long_texts_are_cut(void **state)
{
    (void)state;
    struct dbr_tray_view a = view_of(DBR_PM_CONNECTING), b = view_of(DBR_PM_FAILED);
    static char rows_text[2 * DBR_TRAY_REPORT], report[DBR_TRAY_REPORT];
    struct dbr_tray_news news;
    char tip[DBR_TRAY_TIP];
    for (size_t i = 0; i + 2 < sizeof b.state.profile; i += 2)
        memcpy(b.state.profile + i, "\xc3\xa4", 2);
    for (size_t i = 0; i + 2 < sizeof b.state.text; i += 2)
        memcpy(b.state.text + i, "\xc3\xa4", 2);
    for (size_t i = 0; i + 20 < sizeof rows_text; i += 15)
        memcpy(rows_text + i, "MISS \xc3\xa4\xc3\xa4\xc3\xa4 de\r\n", 16);
    assert_true(dbr_tray_news_of(&a, &b, &news));
    dbr_tray_tip(&b, tip);
    dbr_tray_report(&b, rows_text, report);
    assert_true(dbr_utf8_is_line(tip, strlen(tip)));
    assert_true(dbr_utf8_is_line(news.title, strlen(news.title)));
    assert_true(dbr_utf8_is_line(news.text, strlen(news.text)));
    assert_true(strlen(report) < DBR_TRAY_REPORT && strlen(report) > DBR_TRAY_REPORT - 200);
}

static void questions(void **state)
{
    (void)state;
    struct dbr_pm_ask ask = {.kind = DBR_PM_ASK_PASSPHRASE};
    struct dbr_tray_question q;
    dbr_tray_question_of(&ask, "office", 1, &q);
    assert_string_equal(q.title, "Drawbridge: office");
    assert_string_equal(q.label, "&Passphrase:");
    assert_false(q.wants_user || q.echo);
    assert_null(strstr(q.text, "not right"));
    dbr_tray_question_of(&ask, "office", 2, &q);
    assert_non_null(strstr(q.text, "not right"));
    assert_non_null(strstr(q.text, "Second attempt"));
    dbr_tray_question_of(&ask, "office", 9, &q);
    assert_non_null(strstr(q.text, "Ask your administrator"));
    ask.kind = DBR_PM_ASK_LOGIN;
    dbr_tray_question_of(&ask, "office", 1, &q);
    assert_true(q.wants_user && !q.echo);
    ask = (struct dbr_pm_ask){.kind = DBR_PM_ASK_CHALLENGE, .echo = 1, .text = "%s: code?"};
    dbr_tray_question_of(&ask, "office", 1, &q);
    assert_true(!q.wants_user && q.echo);
    assert_string_equal(q.text, "%s: code?");
    ask.kind = UINT32_MAX;
    dbr_tray_question_of(&ask, "office", 1, &q);
    assert_string_equal(q.label, "&Answer:");
}

static void the_report_has_what_is_missing_first(void **state)
{
    (void)state;
    struct dbr_tray_view v = view_of(DBR_PM_FAILED);
    char report[DBR_TRAY_REPORT];
    dbr_tray_report(&v, "ok   Service: runs.\r\nMISS Driver: none. Install it.\nnoise\nok   ", report);
    const char *missing = strstr(report, "This is missing:\r\n  - Driver: none. Install it.\r\n");
    const char *good = strstr(report, "This is in order:\r\n  - Service: runs.\r\n");
    assert_true(missing != NULL && good != NULL && missing < good);
    assert_null(strstr(report, "noise"));
    dbr_tray_report(&v, "ok   Service: runs.\r\n", report);
    assert_null(strstr(report, "missing"));
    dbr_tray_report(&v, "", report);
    assert_non_null(strstr(report, "Install Drawbridge again."));
}

static void more_profiles_than_the_menu_holds(void **state)
{
    (void)state;
    struct dbr_tray_view v = view_of(DBR_PM_CONNECTED);
    struct dbr_tray_item items[DBR_TRAY_ITEMS];
    for (size_t i = 0; i <= DBR_TRAY_PROFILES; i++)
        snprintf(ids[i], DBR_PM_ID, "p%zu", i);
    v.n = DBR_TRAY_PROFILES + 1;
    size_t n = dbr_tray_menu(&v, items);
    assert_true(n <= DBR_TRAY_ITEMS);
    assert_null(find(items, n, DBR_TRAY_CONNECT + DBR_TRAY_PROFILES));
    assert_non_null(find(items, n, DBR_TRAY_QUIT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_has_its_look_and_menu),
        cmocka_unit_test(without_the_service_it_is_trouble),
        cmocka_unit_test(one_profile_is_the_first_item),
        cmocka_unit_test(names_are_no_formats_and_no_shortcuts),
        cmocka_unit_test(steps_that_are_news),
        cmocka_unit_test(a_refusal_is_said_in_the_servers_words),
        cmocka_unit_test(the_service_ends_in_the_middle),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(questions),
        cmocka_unit_test(the_report_has_what_is_missing_first),
        cmocka_unit_test(more_profiles_than_the_menu_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
