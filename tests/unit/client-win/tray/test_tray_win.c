/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tray from its first start to the end of the session, on the stage of scene_win.h. The tests are scenes
 * of one run and build on each other: each leaves a connected service and no window.
 */
#include "scene_win.h"

#include "client-win/base/utf.h"
#include "client-win/tray/handover.h"
#include "client-win/tray/resource.h"

#include <shellapi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static HWND tray;

static bool tip_is(const void *text)
{
    return wcscmp(scene_look().tip, text) == 0;
}

static bool told_more(const void *than)
{
    return scene_look().told > *(const unsigned *)than;
}

static bool is_gone(const void *window)
{
    return !IsWindow((HWND)(uintptr_t)window);
}

static void assert_tip(const wchar_t *text)
{
    if (!scene_until(tip_is, text))
        fail_msg("tip \"%ls\", not \"%ls\"", scene_look().tip, text);
}

static void icon(UINT event)
{
    SendMessageW(tray, WM_TRAY_ICON, 0, (LPARAM)event);
}

static void choose(unsigned command, int button)
{
    scene_choose(command, button);
    icon(WM_CONTEXTMENU);
    scene_choose(DBR_TRAY_NONE, 0);
}

static void state(unsigned stage, const char *text)
{
    struct dbr_pm m = {DBR_PM_STATE, {.state = {.state = stage, .profile = "office"}}};
    snprintf(m.state.text, sizeof m.state.text, "%s", text);
    if (stage == DBR_PM_CONNECTED)
        strcpy(m.state.address, "192.0.2.7");
    assert_true(scene_says(&m));
}

static HWND ask(unsigned kind, bool echo, const char *text, const wchar_t *part)
{
    struct dbr_pm m = {DBR_PM_ASK, {.ask = {.kind = kind, .echo = echo}}};
    snprintf(m.ask.text, sizeof m.ask.text, "%s", text);
    assert_true(scene_says(&m));
    HWND window = scene_question(part);
    assert_non_null(window);
    return window;
}

static void assert_hears(unsigned type)
{
    struct dbr_pm m;
    assert_true(scene_hear(&m));
    assert_string_equal(dbr_pm_name(m.type), dbr_pm_name(type));
    dbr_pm_wipe(&m);
}

/* The next message is that answer, to the byte. */
static void assert_answer(unsigned kind, const char *user, const wchar_t *secret)
{
    struct dbr_pm m;
    char expected[DBR_PM_SECRET];
    assert_int_equal(dbr_utf8_from16(expected, sizeof expected, secret), 0);
    assert_true(scene_hear(&m));
    assert_int_equal(m.type, DBR_PM_ANSWER);
    assert_int_equal(m.answer.kind, kind);
    assert_string_equal(m.answer.user, user);
    assert_string_equal(m.answer.secret, expected);
    dbr_pm_wipe(&m);
}

static void press(HWND window, int button)
{
    SendMessageW(window, WM_COMMAND, (WPARAM)button, 0);
}

static void assert_wiped(const struct scene_field *f)
{
    assert_true(f->gone);
    assert_true(f->longest > 0);
    assert_true(f->overwritten);
    assert_int_equal(f->left, 0);
}

/* Not a constant, which would stand in the program's memory: letters, and some beyond ASCII and 16 bits. */
static void make_secret(wchar_t out[16])
{
    for (int i = 0; i < 10; i++)
        out[i] = (wchar_t)(L'k' - i);
    out[10] = 0xe4;
    out[11] = 0x20ac;
    out[12] = 0xd834;
    out[13] = 0xdd1e;
    out[14] = L' ';
    out[15] = 0;
}

static size_t copies_of(const wchar_t *secret)
{
    char utf8[64];
    assert_int_equal(dbr_utf8_from16(utf8, sizeof utf8, secret), 0);
    return scene_copies(utf8, strlen(utf8)) + scene_copies(secret, wcslen(secret) * sizeof *secret);
}

/* ---- scenes ---- */

static void test_backs_off_while_there_is_no_service(void **unused)
{
    static const unsigned pauses_s[] = {1, 2, 4, 8, 16, 30, 30, 30};
    (void)unused;
    assert_tip(L"Drawbridge: the service does not run");
    for (size_t i = 0; i < N(pauses_s); i++) {
        assert_int_equal(scene_look().timer_ms, pauses_s[i] * 1000);
        assert_int_equal(scene_look().timers, i + 1);
        SendMessageW(tray, WM_TIMER, 1, 0);
    }
    scene_service(true);
    unsigned timers = scene_look().timers;
    SendMessageW(tray, WM_TIMER, 1, 0);
    assert_true(scene_greeted());
    assert_tip(L"Drawbridge: not connected");
    SendMessageW(tray, WM_TIMER, 1, 0); /* a timer that comes late opens nothing twice */
    assert_int_equal(scene_look().timers, timers);
}

static void test_one_click_connects_the_one_profile(void **unused)
{
    struct dbr_pm m;
    (void)unused;
    icon(NIN_SELECT);
    assert_true(scene_hear(&m));
    assert_int_equal(m.type, DBR_PM_CONNECT);
    assert_string_equal(m.connect.id, "office");
    assert_int_equal(scene_look().menus, 0);
    state(DBR_PM_CONNECTING, "");
    assert_tip(L"Drawbridge: calling office");
}

/* The click while it calls shows the menu, whose last entry stands beyond the profiles: nothing is said. */
static void test_no_second_call_while_one_is_under_way(void **unused)
{
    (void)unused;
    scene_choose(DBR_TRAY_CONNECT + 1, 0);
    icon(NIN_SELECT);
    assert_int_equal(scene_look().menus, 1);
    choose(DBR_TRAY_DISCONNECT, 0);
    assert_hears(DBR_PM_DISCONNECT);
}

static void test_passphrase_arrives_and_is_gone(void **unused)
{
    static char copy[64];
    wchar_t secret[16];
    struct scene_field field;
    (void)unused;
    make_secret(secret);
    state(DBR_PM_ASKING, "");
    HWND w = ask(DBR_PM_ASK_PASSPHRASE, false, "", L"passphrase of your key");
    scene_watch(w, &field);
    assert_int_not_equal(SendDlgItemMessageW(w, DBR_FIELD_SECRET, EM_GETPASSWORDCHAR, 0, 0), 0);
    assert_false(GetWindowLongPtrW(GetDlgItem(w, DBR_FIELD_USER), GWL_STYLE) & WS_VISIBLE);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, secret);
    press(w, IDOK);
    assert_false(IsWindow(w));
    assert_answer(DBR_PM_ASK_PASSPHRASE, "", secret);
    assert_wiped(&field);
    assert_int_equal(copies_of(secret), 0);
    dbr_utf8_from16(copy, sizeof copy, secret); /* that the search finds one */
    assert_int_equal(copies_of(secret), 1);
    SecureZeroMemory(copy, sizeof copy);
}

static void test_cancel_sends_no_answer(void **unused)
{
    wchar_t secret[16];
    struct scene_field field;
    (void)unused;
    make_secret(secret);
    HWND w = ask(DBR_PM_ASK_PASSPHRASE, false, "", L"That passphrase was not right");
    scene_watch(w, &field);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, secret);
    press(w, IDCANCEL);
    assert_false(IsWindow(w));
    assert_wiped(&field);
    assert_hears(DBR_PM_DISCONNECT);
    assert_int_equal(copies_of(secret), 0);
}

static void test_login_wants_a_name(void **unused)
{
    (void)unused;
    HWND w = ask(DBR_PM_ASK_LOGIN, false, "Who are you?", L"Who are you?");
    assert_true(GetWindowLongPtrW(GetDlgItem(w, DBR_FIELD_USER), GWL_STYLE) & WS_VISIBLE);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, L"first");
    press(w, IDOK);
    assert_true(IsWindow(w));
    SetDlgItemTextW(w, DBR_FIELD_USER, L"zo\xeb");
    SetDlgItemTextW(w, DBR_FIELD_SECRET, L"second");
    press(w, IDOK);
    assert_answer(DBR_PM_ASK_LOGIN, "zo\xc3\xab", L"second"); /* and it is the only one */
}

/* 300 letters of two bytes are more than a message holds: they are not cut, but not sent. */
static void test_what_is_too_long_is_not_sent(void **unused)
{
    wchar_t text[301];
    (void)unused;
    for (int i = 0; i < 300; i++)
        text[i] = 0xe4;
    text[300] = 0;
    HWND w = ask(DBR_PM_ASK_CHALLENGE, true, "Which code?", L"Which code?");
    assert_int_equal(SendDlgItemMessageW(w, DBR_FIELD_SECRET, EM_GETPASSWORDCHAR, 0, 0), 0);
    assert_int_equal(SendDlgItemMessageW(w, DBR_FIELD_SECRET, EM_GETLIMITTEXT, 0, 0), DBR_PM_SECRET - 1);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, text);
    press(w, IDOK);
    assert_true(IsWindow(w));
    text[255] = 0;
    SetDlgItemTextW(w, DBR_FIELD_SECRET, text);
    press(w, IDOK);
    assert_answer(DBR_PM_ASK_CHALLENGE, "", text);
}

static void test_connected_is_told_and_ends_a_question(void **unused)
{
    struct scene_field field;
    (void)unused;
    HWND w = ask(DBR_PM_ASK_CHALLENGE, false, "Too late?", L"Too late?");
    scene_watch(w, &field);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, L"half typed");
    unsigned told = scene_look().told;
    state(DBR_PM_CONNECTED, "");
    assert_tip(L"Drawbridge: connected to office, 192.0.2.7");
    assert_true(scene_until(told_more, &told));
    struct scene now = scene_look();
    assert_int_equal(wcscmp(now.title, L"Connected to office"), 0);
    assert_int_equal(now.told, told + 1);
    assert_false(IsWindow(w));
    assert_wiped(&field);
}

static bool box_more(const void *than)
{
    return scene_look().boxes > *(const unsigned *)than;
}

static void test_refusal_is_shown(void **unused)
{
    const struct dbr_pm m = {DBR_PM_REFUSED, {.refused = {"Another user is connected."}}};
    (void)unused;
    struct scene now = scene_look();
    assert_true(scene_says(&m));
    assert_true(scene_until(told_more, &now.told));
    assert_int_equal(wcscmp(scene_look().info, L"Another user is connected."), 0);
    assert_int_equal(scene_look().boxes, now.boxes);
}

/* Explorer has died: what would be a notification is a message box, and the icon comes back with Explorer. */
static void test_icon_comes_back_with_the_taskbar(void **unused)
{
    const struct dbr_pm m = {DBR_PM_REFUSED, {.refused = {"Nobody may connect."}}};
    (void)unused;
    struct scene now = scene_look();
    scene_taskbar(false);
    SendMessageW(tray, WM_SETTINGCHANGE, 0, 0);
    assert_true(scene_says(&m));
    assert_true(scene_until(box_more, &now.boxes));
    assert_int_equal(wcscmp(scene_look().box, L"Nobody may connect."), 0);
    scene_taskbar(true);
    SendMessageW(tray, RegisterWindowMessageW(L"TaskbarCreated"), 0, 0);
    assert_int_equal(scene_look().added, now.added + 1);
    SendMessageW(tray, WM_SETTINGCHANGE, 0, 0); /* changes it, adds no second one */
    assert_int_equal(scene_look().added, now.added + 1);
    SendMessageW(tray, RegisterWindowMessageW(L"TaskbarCreated"), 0, 0); /* Explorer was away unseen */
    assert_int_equal(scene_look().added, now.added + 2);
}

static void come_back(void)
{
    assert_tip(L"Drawbridge: the service does not run");
    assert_int_equal(scene_look().timer_ms, 1000);
    scene_service(true);
    SendMessageW(tray, WM_TIMER, 1, 0);
    assert_true(scene_greeted());
    assert_tip(L"Drawbridge: not connected");
}

static void test_service_that_dies_takes_its_question_along(void **unused)
{
    struct scene_field field;
    (void)unused;
    HWND w = ask(DBR_PM_ASK_PASSPHRASE, false, "Still there?", L"Still there?");
    scene_watch(w, &field);
    SetDlgItemTextW(w, DBR_FIELD_SECRET, L"half typed");
    unsigned told = scene_look().told;
    scene_hang_up();
    assert_true(scene_until(is_gone, w));
    assert_true(scene_until(told_more, &told));
    assert_int_equal(wcscmp(scene_look().title, L"Not connected any more"), 0);
    assert_wiped(&field);
    come_back();
}

static void test_what_is_no_message_ends_the_pipe(void **unused)
{
    struct dbr_pm m;
    (void)unused;
    assert_true(scene_says_bytes("\x10\0\1\0x", 5));
    assert_tip(L"Drawbridge: the service does not run");
    assert_false(scene_hear(&m));
    scene_hang_up();
    come_back();
}

static BOOL hand(ULONG_PTR what, const void *bytes, DWORD n)
{
    COPYDATASTRUCT c = {what, n, (void *)(uintptr_t)bytes};
    return (BOOL)SendMessageW(tray, WM_COPYDATA, 0, (LPARAM)&c);
}

static void test_another_start_hands_over(void **unused)
{
    static const wchar_t path[] = L"C:\\office.ovpn";
    (void)unused;
    struct scene now = scene_look();
    assert_false(hand(DBR_HANDOVER_IMPORT, path, sizeof path - sizeof *path)); /* without its NUL */
    assert_false(hand(DBR_HANDOVER_IMPORT + 1, path, sizeof path));
    SendMessageW(tray, WM_TRAY_IMPORT, 0, (LPARAM)path); /* a pointer is not looked at */
    assert_int_equal(scene_look().boxes, now.boxes);
    scene_choose(DBR_TRAY_NONE, IDCANCEL);
    assert_true(hand(DBR_HANDOVER_IMPORT, path, sizeof path));
    assert_true(scene_until(box_more, &now.boxes));
    assert_non_null(wcsstr(scene_look().box, path));
    assert_true(hand(DBR_HANDOVER_SHOW, NULL, 0));
    SendMessageW(tray, WM_NULL, 0, 0);
    SendMessageW(tray, WM_TRAY_SHOW, 0, 0);
    assert_true(scene_look().menus > now.menus);
    assert_int_equal(scene_look().boxes, now.boxes + 1); /* and after Cancel nothing was read */
}

static void test_end_of_session_disconnects(void **unused)
{
    (void)unused;
    state(DBR_PM_CONNECTED, "");
    assert_tip(L"Drawbridge: connected to office, 192.0.2.7");
    assert_true(SendMessageW(tray, WM_QUERYENDSESSION, 0, 0));
    SendMessageW(tray, WM_ENDSESSION, FALSE, 0); /* somebody has stopped it */
    state(DBR_PM_IDLE, "");
    assert_tip(L"Drawbridge: not connected");
    icon(NIN_SELECT);
    assert_hears(DBR_PM_CONNECT);
    SendMessageW(tray, WM_ENDSESSION, TRUE, 0);
    assert_hears(DBR_PM_DISCONNECT);
}

static void test_quit_asks_and_disconnects(void **unused)
{
    (void)unused;
    state(DBR_PM_CONNECTED, "");
    assert_tip(L"Drawbridge: connected to office, 192.0.2.7");
    choose(DBR_TRAY_QUIT, IDCANCEL);
    assert_true(IsWindow(tray));
    choose(DBR_TRAY_QUIT, IDOK);
    assert_hears(DBR_PM_DISCONNECT);
    assert_int_equal(scene_end(), 0);
    assert_false(IsWindow(tray));
    assert_int_equal(scene_look().deleted, 1);
    scene_hang_up();
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backs_off_while_there_is_no_service),
        cmocka_unit_test(test_one_click_connects_the_one_profile),
        cmocka_unit_test(test_no_second_call_while_one_is_under_way),
        cmocka_unit_test(test_passphrase_arrives_and_is_gone),
        cmocka_unit_test(test_cancel_sends_no_answer),
        cmocka_unit_test(test_login_wants_a_name),
        cmocka_unit_test(test_what_is_too_long_is_not_sent),
        cmocka_unit_test(test_connected_is_told_and_ends_a_question),
        cmocka_unit_test(test_refusal_is_shown),
        cmocka_unit_test(test_icon_comes_back_with_the_taskbar),
        cmocka_unit_test(test_service_that_dies_takes_its_question_along),
        cmocka_unit_test(test_what_is_no_message_ends_the_pipe),
        cmocka_unit_test(test_another_start_hands_over),
        cmocka_unit_test(test_end_of_session_disconnects),
        cmocka_unit_test(test_quit_asks_and_disconnects),
    };
    tray = scene_start();
    return tray == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    (void)argv;
    return scene_main(argc, run);
}
