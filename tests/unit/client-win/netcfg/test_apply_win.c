/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The backend over the IP Helper that is there: on an adapter that is not, so that nothing of this computer
 * is changed. What Wine does not have is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/err.h"
#include "client-win/base/base.h"
#include "client-win/netcfg/os_win.h"
#include "wish.h"

#include <stdio.h>

#define GUID_GONE "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"
enum { LUID_GONE = 0x7f123 };
#define HEAD "drawbridge-network 1\nadapter " GUID_GONE " 000000000007f123\n"

static void journal_path(wchar_t out[512], const wchar_t *end)
{
    assert_int_equal(dbr_win_data_path(out, 512, L"journal\\{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"), 0);
    assert_int_equal(dbr_utf16_add(out, 512, end), 0);
}

static void plant(const char *text)
{
    wchar_t path[512], folder[512];
    char why[DBR_NET_WHY];
    DWORD n;
    struct dbr_netcfg_job job = {.guid = GUID_GONE, .luid = LUID_GONE};
    dbr_netcfg_undo(&job, why); /* makes the folder */
    assert_int_equal(dbr_win_data_path(folder, 512, L"journal"), 0);
    assert_true(GetFileAttributesW(folder) & FILE_ATTRIBUTE_DIRECTORY);
    journal_path(path, L".txt");
    HANDLE f = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    assert_true(f != INVALID_HANDLE_VALUE);
    assert_true(WriteFile(f, text, (DWORD)strlen(text), &n, NULL));
    CloseHandle(f);
}

static bool is_there(const wchar_t *end)
{
    wchar_t path[512];
    journal_path(path, end);
    return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

/* Wine 8 reads tables but has none of the functions that change something: calling them ends the program. */
static bool only_reads(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    bool wine = ntdll && GetProcAddress(ntdll, "wine_get_version");
    if (wine)
        printf("skipped: Wine's IP Helper changes nothing\n");
    return wine;
}

static int clean(void **state)
{
    (void)state;
    wchar_t path[512];
    journal_path(path, L".txt");
    DeleteFileW(path);
    journal_path(path, L".txt.bad");
    DeleteFileW(path);
    return 0;
}

static void nothing_left(void **state)
{
    (void)state;
    char why[DBR_NET_WHY];
    assert_int_equal(dbr_netcfg_recover(why), 0);
    assert_int_equal(dbr_netcfg_leftovers(), 0);
    struct dbr_netcfg_job job = {.guid = GUID_GONE, .luid = LUID_GONE};
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(dbr_netcfg_undo(&job, why), 0);
    strcpy(job.guid, "..\\..\\x");
    assert_true(dbr_netcfg_undo(&job, why) < 0);
}

/* The service crashed, and meanwhile the adapter was taken out: all of it is good. */
static void recover(const char *journal)
{
    char why[DBR_NET_WHY];
    plant(journal);
    assert_int_equal(dbr_netcfg_leftovers(), 1);
    int n = dbr_netcfg_recover(why);
    assert_string_equal(why, "");
    assert_int_equal(n, 1);
    assert_int_equal(dbr_netcfg_leftovers(), 0);
    assert_false(is_there(L".txt"));
}

static void recovers_names(void **state)
{
    (void)state;
    recover("");
    recover("drawbridge-netw");
    recover(HEAD);
    recover(HEAD "wall\nsearch office.example was -\ndns 4 192.0.2.1 was -\nrenew\ndns 6 2001:d");
}

static void recovers_all(void **state)
{
    (void)state;
    if (only_reads())
        skip();
    recover(HEAD
            "route 4 198.51.100.7/32 via 192.0.2.1 metric 0 on 000000000007f124 absent\n"
            "iface 4 metric 3 mtu 1400 closed was 25 auto 1500 open absent\naddress 4 192.0.2.9/24 dhcp\n"
            "address 6 2001:db8::9/64 absent\n"
            "route 4 10.0.0.0/8 via 0.0.0.0 metric 0 on 000000000007f123 absent\n");
}

static void puts_nonsense_aside(void **state)
{
    (void)state;
    static const char *const row[] = {
        "nonsense\n",
        HEAD "format c:\n",
        "drawbridge-network 1\nadapter {1F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60} 0006000001000000\nwall\n",
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char why[DBR_NET_WHY];
        plant(row[i]);
        assert_int_equal(dbr_netcfg_recover(why), DBR_ERR_SHAPE);
        assert_non_null(strstr(why, "put aside"));
        assert_false(is_there(L".txt"));
        assert_true(is_there(L".txt.bad"));
        assert_int_equal(dbr_netcfg_recover(why), 0);
    }
}

/* Files that an administrator's other programs could have made are not believed while he has all his rights:
 * the tests lay them down. They go on with the rights that he has otherwise. */
static bool lay_rights_down(void)
{
    TOKEN_ELEVATION_TYPE type = TokenElevationTypeDefault;
    TOKEN_LINKED_TOKEN less;
    DWORD n;
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool done = GetTokenInformation(token, TokenElevationType, &type, sizeof type, &n) &&
                type == TokenElevationTypeFull &&
                GetTokenInformation(token, TokenLinkedToken, &less, sizeof less, &n) &&
                ImpersonateLoggedOnUser(less.LinkedToken);
    CloseHandle(token);
    return done;
}

/* A journal, or a folder for it, that was made before it was ours. */
static void believes_no_stranger(void **state)
{
    (void)state;
    char why[DBR_NET_WHY];
    plant(HEAD "wall\n");
    RevertToSelf();
    bool full = lay_rights_down();
    RevertToSelf();
    int n = dbr_netcfg_recover(why);
    lay_rights_down();
    if (!full) {
        printf("skipped: this user has no more rights than his other programs\n");
        skip();
    }
    assert_int_equal(n, DBR_ERR_IO);
    assert_non_null(strstr(why, "is not ours"));
    assert_true(is_there(L".txt"));
}

/* A step fails on this computer: the error comes up, and no journal is left. */
static void apply_to_a_gone_adapter(void **state)
{
    (void)state;
    struct dbr_netcfg_job job = {.guid = GUID_GONE, .luid = LUID_GONE};
    struct dbr_netcfg n = {0};
    char why[DBR_NET_WHY];
    assert_int_equal(
        wish_all(&n, "address 192.0.2.9/24;route 10.0.0.0/8 192.0.2.1;dns 192.0.2.1;mtu 1400", why), 0);
    assert_true(dbr_netcfg_apply(&job, &n, why) < 0);
    assert_true(strlen(why) > 10);
    printf("as it should be, it fails: %s\n", why);
    assert_null(job.wall);
    assert_false(is_there(L".txt"));
}

static void refuses_a_bad_plan(void **state)
{
    (void)state;
    struct dbr_netcfg_job job = {.guid = GUID_GONE, .luid = LUID_GONE};
    struct dbr_netcfg n = {0};
    char why[DBR_NET_WHY];
    assert_int_equal(wish_all(&n, "address 192.0.2.9/24;route 0.0.0.0/0", why), 0);
    assert_int_equal(dbr_netcfg_apply(&job, &n, why), DBR_ERR_SHAPE);
    assert_false(is_there(L".txt"));
}

/* An address that one of this computer's routes leads to is found by that route's interface and gateway. */
static void finds_the_way(void **state)
{
    (void)state;
    MIB_IPFORWARD_TABLE2 *table;
    struct net_os os = {.luid.Value = LUID_GONE};
    struct dbr_net_op op = {.kind = DBR_NET_OP_ROUTE, .family = 4, .dst = {4, 32, {198, 51, 100, 7}}};
    bool has_default = false;
    if (GetIpForwardTable2(AF_INET, &table) != NO_ERROR) {
        printf("skipped: the table of routes cannot be read here\n");
        skip();
    }
    for (ULONG i = 0; i < table->NumEntries; i++)
        has_default = has_default || table->Table[i].DestinationPrefix.PrefixLength == 0;
    FreeMibTable(table);
    if (only_reads())
        skip();
    int err = look_route(&os, &op);
    if (!has_default) {
        assert_int_equal(err, DBR_ERR_NOTFOUND);
        assert_non_null(strstr(os.why, "connected to the Internet"));
        printf("skipped in part: this computer has no default route\n");
        skip();
    }
    assert_int_equal(err, 0);
    assert_int_not_equal(op.luid, 0);
    assert_int_not_equal(op.luid, LUID_GONE);
    assert_int_equal(op.was, DBR_NET_ABSENT);
}

static void netsh_says_no(void **state)
{
    (void)state;
    struct net_os os = {0};
    int err = os_netsh(&os, "interface ipv4 nonsense");
    if (err == 0) {
        printf("skipped: netsh.exe says yes to all here\n");
        skip();
    }
    assert_true(strlen(os.why) > 10);
}

int main(void)
{
    lay_rights_down();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_left, clean, clean),
        cmocka_unit_test_setup_teardown(recovers_names, clean, clean),
        cmocka_unit_test_setup_teardown(recovers_all, clean, clean),
        cmocka_unit_test_setup_teardown(puts_nonsense_aside, clean, clean),
        cmocka_unit_test_setup_teardown(believes_no_stranger, clean, clean),
        cmocka_unit_test_setup_teardown(apply_to_a_gone_adapter, clean, clean),
        cmocka_unit_test_setup_teardown(refuses_a_bad_plan, clean, clean),
        cmocka_unit_test(finds_the_way),
        cmocka_unit_test(netsh_says_no),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
