/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Installing (catalogue C68, and the squatted name of C66): this program registers itself as the service, is
 * run as it by the service control manager, brought up to date, and removed. Not to be run where Drawbridge
 * itself is installed.
 */
#include "base/err.h"
#include "client-win/pipe/client_win.h"
#include "client-win/pipe/pipe_win.h"
#include "client-win/service/folders_win.h"
#include "client-win/service/logfile_win.h"
#include "client-win/service/service_win.h"
#include "client-win/service/setup_win.h"

#include <sddl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool is_wine(void)
{
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
}

/* AU: everybody who has logged on; CO: whoever makes something. */
static const struct {
    const wchar_t *sddl;
    bool replaced, filled; /* safe from being replaced; and from being filled */
} rights[] = {
    {DBR_FOLDER_READABLE, true, true},
    {DBR_FOLDER_CLOSED, true, true},
    {L"O:SYD:(A;OICI;FA;;;SY)(A;;0x1200a9;;;BU)(A;OICIIO;GA;;;CO)", true, true}, /* C:\Program Files */
    {L"O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464D:(A;;FA;;;SY)", true, true},
    {L"O:BAD:(A;;FA;;;BA)(A;;0x4;;;AU)(A;OICIIO;SDGXGWGR;;;AU)", true, false}, /* C:\: folders may be made */
    {L"O:BAD:(A;;FA;;;BA)(A;;0x2;;;AU)", true, false},
    {L"O:BAD:(A;;FA;;;BA)(A;;GW;;;BU)", true, false},
    {L"O:BAD:(A;;FA;;;BA)(A;OICI;0x1301bf;;;AU)", false, false}, /* a folder made in C:\ */
    {L"O:BAD:(A;;FA;;;BA)(A;;SD;;;AU)", false, false},
    {L"O:BAD:(A;;FA;;;BA)(A;;WD;;;BU)", false, false},
    {L"O:BAD:(A;;FA;;;BA)(A;;WO;;;WD)", false, false},
    {L"O:BAD:(A;;FA;;;BA)(A;;0x40;;;BU)", false, false}, /* may delete what is in it */
    {L"O:BAD:(A;;FA;;;BA)(A;;GA;;;IU)", false, false},
    {L"O:BUD:(A;;FA;;;SY)", false, false},             /* its owner may change the rights */
    {L"O:BAD:(D;;FA;;;AU)(A;;FA;;;AU)", false, false}, /* what is denied counts for nothing */
    {L"O:BA", false, false},                           /* no list: everybody everything */
};

static void whose_folder_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(rights); i++) {
        PSECURITY_DESCRIPTOR sd = NULL;
        assert_true(
            ConvertStringSecurityDescriptorToSecurityDescriptorW(rights[i].sddl, SDDL_REVISION_1, &sd, NULL));
        if (dbr_rights_are_safe(sd, false) != rights[i].replaced ||
            dbr_rights_are_safe(sd, true) != rights[i].filled)
            fail_msg("case %u", (unsigned)i);
        LocalFree(sd);
    }
}

static void paths_that_are_none(void **state)
{
    (void)state;
    static const wchar_t *const bad[] = {
        L"",       L"C:",         L"drawbridge.exe",    L"\\\\server\\share\\x.exe",
        L"C:x\\y", L"\\x\\y.exe", L"C:\\not\\there.exe"};
    wchar_t which[DBR_WIN_PATH];
    for (size_t i = 0; i < N(bad); i++)
        assert_false(dbr_path_is_safe(bad[i], which, DBR_WIN_PATH));
}

static void never_protected(void **state)
{
    (void)state;
    static const wchar_t *const bad[] = {L"C:\\", L"C:\\Windows", L"C:\\windows\\system32", L"C:\\users",
                                         L"Z:x"};
    for (size_t i = 0; i < N(bad); i++)
        assert_int_equal(dbr_folder_protect(bad[i]), DBR_ERR_UNSUPPORTED);
}

static void say(const char *line)
{
    print_message("%s\n", line);
}

/* The registered path is quoted, and is this program. */
static void check_registration(void)
{
    uint64_t room[1024];
    QUERY_SERVICE_CONFIGW *config = (QUERY_SERVICE_CONFIGW *)(void *)room;
    wchar_t line[DBR_WIN_PATH + 16];
    DWORD need;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceW(manager, DBR_SERVICE_NAME, SERVICE_QUERY_CONFIG);
    assert_true(QueryServiceConfigW(service, config, sizeof room, &need));
    assert_int_equal(dbr_setup_line(line, N(line)), 0);
    assert_true(line[0] == L'"' && wcsstr(line, L".exe\" service") != NULL);
    assert_true(wcscmp(config->lpBinaryPathName, line) == 0);
    assert_int_equal(config->dwServiceType, SERVICE_WIN32_OWN_PROCESS);
    assert_int_equal(config->dwStartType, SERVICE_AUTO_START);
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
}

static int hello(char *why, size_t cap)
{
    struct dbr_pipe_client c;
    struct dbr_pm m;
    int err = dbr_pipe_client_open(&c, why, cap);
    if (err)
        return err;
    while ((err = dbr_pipe_client_take(&c, &m)) == DBR_ERR_AGAIN &&
           WaitForSingleObject(c.event, 10000) == WAIT_OBJECT_0)
        ;
    dbr_pipe_client_close(&c);
    return err ? err : m.type == DBR_PM_STATE ? 0 : DBR_ERR_SHAPE;
}

static void registered_run_repaired_removed(void **state)
{
    (void)state;
    char why[4096] = "";
    bool ours;
    for (int round = 0; round < 2; round++) { /* the second one repairs */
        if (dbr_setup_register(say, why, sizeof why) != 0)
            fail_msg("%s", why);
        check_registration();
        assert_true(dbr_setup_look(&ours) != 0);
        assert_true(ours);
        if (hello(why, sizeof why) != 0)
            fail_msg("%s", why);
    }
    if (dbr_setup_uninstall(why, sizeof why) != 0)
        fail_msg("%s", why);
    assert_int_equal(dbr_setup_look(&ours), 0);
    assert_false(ours);
    assert_int_equal(hello(why, sizeof why), DBR_ERR_NOTFOUND);
    assert_int_equal(dbr_setup_uninstall(why, sizeof why), 0); /* nothing to do */
}

/* Somebody else has the pipe: here this process, while the service is installed and stopped. */
static struct dbr_service *squatter;

static DWORD WINAPI squat(void *arg)
{
    (void)arg;
    dbr_service_serve(squatter);
    return 0;
}

static void nothing_recovered(void *arg, void (*note)(void *log, const char *line), void *log)
{
    (void)arg;
    (void)note;
    (void)log;
}

static void stop_registered(void)
{
    SERVICE_STATUS status = {0};
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = OpenServiceW(manager, DBR_SERVICE_NAME, SERVICE_STOP | SERVICE_QUERY_STATUS);
    assert_true(ControlService(service, SERVICE_CONTROL_STOP, &status));
    for (int i = 0; i < 1000 && status.dwCurrentState != SERVICE_STOPPED; i++) {
        SwitchToThread();
        WaitForSingleObject(GetCurrentThread(), 10);
        assert_true(QueryServiceStatus(service, &status));
    }
    assert_int_equal(status.dwCurrentState, SERVICE_STOPPED);
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
}

static void a_squatter_hears_nothing(void **state)
{
    (void)state;
    static const struct dbr_service_parts parts = {.recover = nothing_recovered};
    char why[4096] = "";
    assert_int_equal(dbr_setup_register(say, why, sizeof why), 0);
    stop_registered();
    squatter =
        dbr_service_new(&(struct dbr_service_setup){&parts, DBR_PIPE_NAME, L"x", NULL}, why, sizeof why);
    assert_non_null(squatter);
    HANDLE thread = CreateThread(NULL, 0, squat, NULL, 0, NULL);
    int with = hello(why, sizeof why);
    bool says_so = strstr(why, "pretends") != NULL;
    char other[4096] = "";
    int removed = dbr_setup_uninstall(other, sizeof other);
    int without = hello(other, sizeof other); /* the same process, where no service is installed: --console */
    dbr_service_stop(squatter);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    dbr_service_free(squatter);
    assert_int_equal(with, DBR_ERR_AUTH);
    assert_true(says_so);
    assert_int_equal(removed, 0);
    assert_int_equal(without, 0);
}

static void the_log_goes_round(void **state)
{
    (void)state;
    static const wchar_t *const names[] = {L"d.log", L"d.log.1", L"d.log.2", L"d.log.3", L"d.log.4"};
    wchar_t folder[MAX_PATH], path[MAX_PATH + 16];
    struct dbr_logfile log;
    char line[1000];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = 0;
    GetTempPathW(MAX_PATH, folder);
    for (size_t i = 0; i < N(names); i++) {
        swprintf(path, N(path), L"%ls%ls", folder, names[i]);
        DeleteFileW(path);
    }
    swprintf(path, N(path), L"%ls%ls", folder, names[0]);
    assert_int_equal(dbr_logfile_open(&log, path), 0);
    for (int i = 0; i < 5500; i++)
        dbr_logfile_write(&log, line);
    dbr_logfile_close(&log);
    for (size_t i = 0; i < N(names); i++) {
        WIN32_FILE_ATTRIBUTE_DATA a;
        swprintf(path, N(path), L"%ls%ls", folder, names[i]);
        bool there = GetFileAttributesExW(path, GetFileExInfoStandard, &a);
        assert_int_equal(there, i < 4);
        if (there)
            assert_true(a.nFileSizeLow <= DBR_LOGFILE_MAX && a.nFileSizeHigh == 0);
        DeleteFileW(path);
    }
}

static void rights_on_the_disk(void **state)
{
    (void)state;
    wchar_t folder[MAX_PATH];
    if (is_wine()) {
        print_message(
            "skipped: Wine keeps no owners of files (install refuses every place here); needs Windows\n");
        skip();
    }
    GetTempPathW(MAX_PATH, folder);
    wcscat(folder, L"drawbridge-rights");
    RemoveDirectoryW(folder);
    assert_int_equal(dbr_folder_make(folder, DBR_FOLDER_CLOSED), 0);
    assert_true(dbr_folder_is_safe(folder, true));
    RemoveDirectoryW(folder);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "service") == 0)
        return dbr_service_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_folder_it_is),       cmocka_unit_test(paths_that_are_none),
        cmocka_unit_test(never_protected),          cmocka_unit_test(registered_run_repaired_removed),
        cmocka_unit_test(a_squatter_hears_nothing), cmocka_unit_test(the_log_goes_round),
        cmocka_unit_test(rights_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
