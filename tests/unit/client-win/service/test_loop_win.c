/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The real service on its real pipe, with engines that are this program started again, and what strangers do
 * to a pipe (catalogue C66). The TAP is a file, the network a counter. Not to be run where Drawbridge itself
 * is installed.
 */
#include "base/err.h"
#include "client-win/pipe/client_win.h"
#include "client-win/pipe/pipe_win.h"
#include "client-win/service/service_win.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

enum { PATIENCE_MS = 20000 };

/* The engine: what it does is the name of its profile. */

static HANDLE link_handle, tap_handle;
static char profile[DBR_PM_ID];

static bool io_done(HANDLE h, OVERLAPPED *o, BOOL at_once, DWORD *n)
{
    if (!at_once && GetLastError() != ERROR_IO_PENDING)
        return false;
    return GetOverlappedResult(h, o, n, TRUE);
}

static void engine_says(const struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    DWORD n = (DWORD)dbr_pm_encode(m, DBR_PM_ENGINE_TO_SERVICE, wire);
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    io_done(link_handle, &o, WriteFile(link_handle, wire, n, NULL, &o), &n);
    CloseHandle(o.hEvent);
}

static bool engine_hears(struct dbr_pm *m)
{
    uint8_t wire[DBR_PM_MAX];
    DWORD n = 0;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    bool good = io_done(link_handle, &o, ReadFile(link_handle, wire, sizeof wire, NULL, &o), &n);
    CloseHandle(o.hEvent);
    return good && dbr_pm_decode(m, DBR_PM_SERVICE_TO_ENGINE, wire, n, NULL) == 0;
}

static void engine_is(uint32_t state, const char *text)
{
    struct dbr_pm m = {DBR_PM_STATE, {{0}}};
    m.state.state = state;
    memcpy(m.state.profile, profile, sizeof m.state.profile);
    snprintf(m.state.text, sizeof m.state.text, "%s", text);
    engine_says(&m);
}

static int engine_nets(void)
{
    const struct dbr_pm mtu = {DBR_PM_NET_MTU, {.net_mtu = {1400}}}, apply = {DBR_PM_NET_APPLY, {{0}}};
    struct dbr_pm m;
    engine_says(&mtu);
    engine_says(&apply);
    bool done = engine_hears(&m) && m.type == DBR_PM_NET_DONE && m.net_done.error == 0;
    engine_is(done ? DBR_PM_CONNECTED : DBR_PM_FAILED, done ? "" : "no NET_DONE");
    return 0;
}

static int engine_asks(void)
{
    const struct dbr_pm ask = {DBR_PM_ASK, {.ask = {DBR_PM_ASK_LOGIN, 0, "Who?", ""}}};
    struct dbr_pm m;
    engine_says(&ask);
    bool right = engine_hears(&m) && m.type == DBR_PM_ANSWER && strcmp(m.answer.user, "zoe") == 0 &&
                 strcmp(m.answer.secret, "s3cret") == 0;
    engine_is(right ? DBR_PM_CONNECTED : DBR_PM_FAILED, "answered");
    return 0;
}

/* "handle-N": is N, which the test made inheritable, here as well? The TAP is. */
static int engine_looks(void)
{
    HANDLE stray = (HANDLE)(uintptr_t)strtoull(profile + 7, NULL, 10);
    DWORD n = 0;
    OVERLAPPED o = {0};
    SetEvent(stray);
    bool wrote = io_done(tap_handle, &o, WriteFile(tap_handle, "frame", 5, NULL, &o), &n) && n == 5;
    engine_is(wrote ? DBR_PM_CONNECTED : DBR_PM_FAILED, "looked");
    return 0;
}

static int engine_babbles(void)
{
    DWORD n;
    OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    io_done(link_handle, &o, WriteFile(link_handle, "babble", 6, NULL, &o), &n);
    return 0; /* and waits for STOP */
}

static int engine_crashes(void)
{
    ExitProcess(5);
}

static const struct {
    const char *name;
    int (*run)(void);
} engines[] = {
    {"net", engine_nets},       {"ask", engine_asks},      {"handle-", engine_looks},
    {"babble", engine_babbles}, {"crash", engine_crashes},
};

static int engine_main(char **argv)
{
    struct dbr_pm m;
    tap_handle = (HANDLE)(uintptr_t)strtoull(argv[2], NULL, 10);
    link_handle = (HANDLE)(uintptr_t)strtoull(argv[3], NULL, 10);
    if (!engine_hears(&m) || m.type != DBR_PM_START)
        return 9;
    memcpy(profile, m.start.id, sizeof profile);
    for (size_t i = 0; i < N(engines); i++)
        if (strncmp(profile, engines[i].name, strlen(engines[i].name)) == 0)
            engines[i].run();
    while (engine_hears(&m))
        if (m.type == DBR_PM_STOP) {
            engine_is(DBR_PM_IDLE, "");
            return 0;
        }
    return 1;
}

/* The service, in a thread of the test. */

static struct dbr_service *service;
static HANDLE thread;
static wchar_t tap_path[MAX_PATH];
static volatile LONG recovered, opened, closed, nets;

static void fake_recover(void *arg, void (*note)(void *log, const char *line), void *log)
{
    (void)arg;
    (void)note;
    (void)log;
    InterlockedIncrement(&recovered);
}

static int fake_open(void *arg, HANDLE *tap, char *why, size_t cap)
{
    (void)arg;
    *tap = CreateFileW(tap_path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                       CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, NULL);
    snprintf(why, cap, "no file");
    InterlockedIncrement(&opened);
    return *tap == INVALID_HANDLE_VALUE ? DBR_ERR_IO : 0;
}

static uint32_t fake_net(void *arg, const struct dbr_pm *m, char *why, size_t cap)
{
    (void)arg;
    (void)m;
    (void)why;
    (void)cap;
    InterlockedIncrement(&nets);
    return 0;
}

static void fake_close(void *arg, void (*note)(void *log, const char *line), void *log)
{
    (void)arg;
    (void)note;
    (void)log;
    InterlockedIncrement(&closed);
}

static const struct dbr_service_parts parts = {NULL, fake_recover, fake_open, fake_net, fake_close};

static DWORD WINAPI serve(void *arg)
{
    (void)arg;
    dbr_service_serve(service);
    return 0;
}

static int start_service(void **state)
{
    static wchar_t program[DBR_WIN_PATH];
    wchar_t folder[MAX_PATH];
    char why[DBR_PM_TEXT];
    (void)state;
    GetTempPathW(MAX_PATH, folder);
    if (!GetTempFileNameW(folder, L"tap", 0, tap_path) || dbr_win_own_path(program, DBR_WIN_PATH) != 0)
        return -1;
    service =
        dbr_service_new(&(struct dbr_service_setup){&parts, DBR_PIPE_NAME, program, NULL}, why, sizeof why);
    thread = service ? CreateThread(NULL, 0, serve, NULL, 0, NULL) : NULL;
    if (!thread)
        fprintf(stderr, "%s\n", why);
    return thread ? 0 : -1;
}

static int stop_service(void **state)
{
    (void)state;
    dbr_service_stop(service);
    if (WaitForSingleObject(thread, PATIENCE_MS) != WAIT_OBJECT_0)
        return -1;
    CloseHandle(thread);
    dbr_service_free(service);
    DeleteFileW(tap_path);
    return 0;
}

/* Clients. */

static struct dbr_pipe_client client;

static void open_client(void)
{
    char why[DBR_PM_TEXT] = "";
    if (dbr_pipe_client_open(&client, why, sizeof why) != 0)
        fail_msg("%s", why);
}

static void next(struct dbr_pm *m)
{
    int err;
    while ((err = dbr_pipe_client_take(&client, m)) == DBR_ERR_AGAIN)
        if (WaitForSingleObject(client.event, PATIENCE_MS) != WAIT_OBJECT_0)
            fail_msg("nothing comes");
    assert_int_equal(err, 0);
}

static void expect_state(uint32_t state)
{
    struct dbr_pm m;
    next(&m);
    assert_string_equal(dbr_pm_name(m.type), "STATE");
    assert_string_equal(dbr_pm_state_name(m.state.state), dbr_pm_state_name(state));
}

static void say(uint16_t type, const char *id)
{
    struct dbr_pm m = {type, {{0}}};
    if (id)
        snprintf(m.connect.id, sizeof m.connect.id, "%s", id);
    assert_int_equal(dbr_pipe_client_send(&client, &m), 0);
}

static bool is_answered(void)
{
    struct dbr_pm m;
    char why[DBR_PM_TEXT] = "";
    int err = dbr_pipe_client_open(&client, why, sizeof why);
    if (err)
        return false;
    while ((err = dbr_pipe_client_take(&client, &m)) == DBR_ERR_AGAIN &&
           WaitForSingleObject(client.event, PATIENCE_MS) == WAIT_OBJECT_0)
        ;
    dbr_pipe_client_close(&client);
    return !err && m.type == DBR_PM_STATE;
}

/* The service serves: a good client gets an answer, as soon as those who have just gone count no more. */
static void still_serves(void)
{
    for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += 10) {
        if (is_answered())
            return;
        WaitForSingleObject(GetCurrentThread(), 10);
    }
    fail_msg("the service does not answer");
}

static void connect_as(const char *id)
{
    struct dbr_pm m;
    open_client();
    next(&m); /* of the connection before */
    say(DBR_PM_CONNECT, id);
    expect_state(DBR_PM_CONNECTING);
}

static void disconnect(void)
{
    say(DBR_PM_DISCONNECT, NULL);
    expect_state(DBR_PM_DISCONNECTING);
    expect_state(DBR_PM_IDLE); /* of the engine, */
    expect_state(DBR_PM_IDLE); /* of its end */
    dbr_pipe_client_close(&client);
}

static void a_connection(void **state)
{
    (void)state;
    LONG before = closed;
    assert_int_equal(recovered, 1);
    connect_as("net");
    expect_state(DBR_PM_CONNECTED);
    assert_int_equal(nets, 2);
    assert_int_equal(opened, before + 1);
    assert_int_equal(closed, before);
    disconnect();
    assert_int_equal(closed, before + 1);
}

static void a_question(void **state)
{
    (void)state;
    struct dbr_pm m, answer = {DBR_PM_ANSWER, {.answer = {DBR_PM_ASK_LOGIN, "zoe", "s3cret"}}};
    connect_as("ask");
    next(&m);
    assert_int_equal(m.type, DBR_PM_ASK);
    assert_string_equal(m.ask.text, "Who?");
    assert_int_equal(dbr_pipe_client_send(&client, &answer), 0);
    expect_state(DBR_PM_CONNECTED);
    disconnect();
}

static void engines_that_break(void **state)
{
    (void)state;
    static const char *const names[] = {"crash", "babble"};
    for (size_t i = 0; i < N(names); i++) {
        LONG before = closed;
        connect_as(names[i]);
        expect_state(DBR_PM_FAILED);
        assert_int_equal(closed, before + 1);
        dbr_pipe_client_close(&client);
    }
    still_serves();
}

static void only_its_handles(void **state)
{
    (void)state;
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    HANDLE stray = CreateEventW(&inherit, TRUE, FALSE, NULL);
    WIN32_FILE_ATTRIBUTE_DATA tap;
    char id[DBR_PM_ID];
    snprintf(id, sizeof id, "handle-%llu", (unsigned long long)(uintptr_t)stray);
    connect_as(id);
    expect_state(DBR_PM_CONNECTED);
    assert_true(GetFileAttributesExW(tap_path, GetFileExInfoStandard, &tap));
    assert_int_equal(tap.nFileSizeLow, 5);
    assert_int_equal(WaitForSingleObject(stray, 0), WAIT_TIMEOUT);
    disconnect();
    CloseHandle(stray);
}

static void a_window_that_closes_leaves_the_connection(void **state)
{
    (void)state;
    struct dbr_pm m;
    connect_as("net");
    expect_state(DBR_PM_CONNECTED);
    dbr_pipe_client_close(&client);
    open_client();
    next(&m);
    assert_int_equal(m.state.state, DBR_PM_CONNECTED);
    assert_string_equal(m.state.profile, "net");
    say(DBR_PM_CONNECT, "other");
    next(&m);
    assert_int_equal(m.type, DBR_PM_REFUSED);
    disconnect();
}

/* Strangers: raw handles. */

static HANDLE open_raw(void)
{
    for (int i = 0; i < 200; i++) {
        HANDLE h =
            CreateFileW(DBR_PIPE_NAME, FILE_READ_DATA | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE,
                        0, NULL, OPEN_EXISTING, SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        if (h != INVALID_HANDLE_VALUE)
            return h;
        WaitNamedPipeW(DBR_PIPE_NAME, 100);
    }
    fail_msg("the pipe does not open: %lu", GetLastError());
    return NULL;
}

/* True once the service has closed its end; what it said before is read away. */
static bool is_closed(HANDLE h)
{
    uint8_t room[DBR_PM_MAX];
    DWORD n;
    while (ReadFile(h, room, sizeof room, &n, NULL) || GetLastError() == ERROR_MORE_DATA)
        ;
    CloseHandle(h);
    return true;
}

static void messages_of_any_length(void **state)
{
    (void)state;
    static const DWORD lengths[] = {0, 1, 3, 4, 5, 7, 8, 9, 644, 2047, 2048, 2049, 4096, 65536, 1 << 20};
    uint8_t *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    for (size_t i = 0; i < N(lengths); i++) {
        DWORD n;
        HANDLE h = open_raw();
        memset(bytes, (int)i, 1 << 20);
        WriteFile(h, bytes, lengths[i], &n, NULL);
        assert_true(is_closed(h));
    }
    free(bytes);
    still_serves();
}

static void messages_out_of_shape(void **state)
{
    (void)state;
    static const uint8_t hello[] = {1, 0, 4, 0, 1, 0, 0, 0};
    uint32_t seed = 1;
    for (int i = 0; i < 200; i++) {
        uint8_t bytes[100];
        DWORD n;
        HANDLE h = open_raw();
        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
        bytes[1] = i % 2 ? 0 : bytes[1]; /* every second has a type that may exist */
        if (i % 4 > 1)
            WriteFile(h, hello, sizeof hello, &n, NULL);
        WriteFile(h, bytes, (DWORD)(i % (int)sizeof bytes), &n, NULL);
        assert_true(is_closed(h));
    }
    still_serves();
}

static void ten_thousand_who_come_and_go(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++)
        CloseHandle(open_raw());
    still_serves();
}

static void more_than_a_session_may(void **state)
{
    (void)state;
    HANDLE silent[64];
    size_t open = 0;
    for (size_t i = 0; i < N(silent); i++)
        silent[i] = open_raw();
    for (size_t i = 0; i < N(silent); i++) { /* those beyond the session's 16 have been let go */
        DWORD n = 0, left = 0;
        for (int k = 0; i >= 16 && k < 1000 && PeekNamedPipe(silent[i], NULL, 0, NULL, &n, &left); k++)
            SwitchToThread();
        open += PeekNamedPipe(silent[i], NULL, 0, NULL, &n, &left) != 0;
    }
    assert_int_equal(open, 16);
    for (size_t i = 0; i < N(silent); i++)
        CloseHandle(silent[i]);
    still_serves();
}

static void one_who_does_not_read(void **state)
{
    (void)state;
    static const uint8_t hello[] = {1, 0, 4, 0, 1, 0, 0, 0}, status[] = {5, 0, 0, 0};
    DWORD n;
    HANDLE h = open_raw();
    bool good = WriteFile(h, hello, sizeof hello, &n, NULL);
    for (int i = 0; i < 100000 && good; i++)
        good = WriteFile(h, status, sizeof status, &n, NULL);
    assert_false(good); /* it was cut off */
    CloseHandle(h);
    still_serves();
}

static void the_name_of_somebody_else(void **state)
{
    (void)state;
    char why[DBR_PM_TEXT];
    HANDLE a = CreateNamedPipeW(L"\\\\.\\pipe\\DrawbridgeSquat", PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                PIPE_TYPE_MESSAGE, 8, 4096, 4096, 0, NULL);
    struct dbr_service *second = dbr_service_new(
        &(struct dbr_service_setup){&parts, L"\\\\.\\pipe\\DrawbridgeSquat", L"x", NULL}, why, sizeof why);
    CloseHandle(a);
    if (second && GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version")) {
        dbr_service_stop(second);
        dbr_service_serve(second);
        dbr_service_free(second);
        InterlockedDecrement(&recovered);
        print_message("skipped: Wine does not know FILE_FLAG_FIRST_PIPE_INSTANCE; needs Windows\n");
        skip();
    }
    assert_null(second);
    assert_non_null(strstr(why, "another program"));
}

static void from_another_computer(void **state)
{
    (void)state;
    print_message("skipped: a remote open needs a second computer with Windows\n");
    skip();
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "engine") == 0)
        return engine_main(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection),
        cmocka_unit_test(a_question),
        cmocka_unit_test(engines_that_break),
        cmocka_unit_test(only_its_handles),
        cmocka_unit_test(a_window_that_closes_leaves_the_connection),
        cmocka_unit_test(messages_of_any_length),
        cmocka_unit_test(messages_out_of_shape),
        cmocka_unit_test(ten_thousand_who_come_and_go),
        cmocka_unit_test(more_than_a_session_may),
        cmocka_unit_test(one_who_does_not_read),
        cmocka_unit_test(the_name_of_somebody_else),
        cmocka_unit_test(from_another_computer),
    };
    return cmocka_run_group_tests(tests, start_service, stop_service);
}
