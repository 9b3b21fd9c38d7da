/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list, over a registry of our own in place of the computer's. What needs the driver is skipped without
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client-win/tapw/tapw.h"

#include <windows.h>
#include <stdio.h>
#include <string.h>

#define OURS  L"Software\\DrawbridgeTest"
#define CLASS L"{4D36E972-E325-11CE-BFC1-08002BE10318}"
#define GUID1 L"{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"
#define GUID2 L"{1F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}"

static HKEY top;

static void put(const wchar_t *path, const wchar_t *name, DWORD type, const void *data, DWORD n)
{
    HKEY key;
    assert_int_equal(RegCreateKeyExW(top, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL), 0);
    assert_int_equal(RegSetValueExW(key, name, 0, type, data, n), 0);
    RegCloseKey(key);
}

static void put_text(const wchar_t *path, const wchar_t *name, const wchar_t *text)
{
    put(path, name, REG_SZ, text, (DWORD)(2 * wcslen(text) + 2));
}

static int set_up(void **state)
{
    (void)state;
    RegDeleteTreeW(HKEY_CURRENT_USER, OURS);
    if (RegCreateKeyExW(HKEY_CURRENT_USER, OURS, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &top, NULL) != 0)
        return -1;
    return RegOverridePredefKey(HKEY_LOCAL_MACHINE, top) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    RegOverridePredefKey(HKEY_LOCAL_MACHINE, NULL);
    RegCloseKey(top);
    RegDeleteTreeW(HKEY_CURRENT_USER, OURS);
    return 0;
}

#define KEY(n) L"SYSTEM\\CurrentControlSet\\Control\\Class\\" CLASS L"\\" n

static void lists(void **state)
{
    (void)state;
    struct dbr_tapw_adapter a[8];
    assert_int_equal(dbr_tapw_list(a, 8), 0);
    put_text(KEY(L"0000"), L"ComponentId", L"pci\\ven_8086");
    put_text(KEY(L"0000"), L"NetCfgInstanceId", GUID2);
    put_text(KEY(L"0001"), L"ComponentId", L"tap0901");
    put_text(KEY(L"0001"), L"NetCfgInstanceId", GUID1);
    put_text(KEY(L"0002"), L"ComponentId", L"root\\tap0901");
    put_text(KEY(L"0002"), L"NetCfgInstanceId", GUID2);
    put_text(L"SYSTEM\\CurrentControlSet\\Control\\Network\\" CLASS L"\\" GUID1 L"\\Connection", L"Name",
             L"Conn\u00e9xion 2");
    /* what is not as it should be is passed over */
    put_text(KEY(L"0003"), L"ComponentId", L"tap0901");
    put_text(KEY(L"0004"), L"ComponentId", L"tap0901");
    put_text(KEY(L"0004"), L"NetCfgInstanceId", L"{..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\..\\}");
    put_text(KEY(L"0005"), L"ComponentId", L"tap0901");
    put(KEY(L"0005"), L"NetCfgInstanceId", REG_BINARY, GUID1, 78);
    put_text(KEY(L"0006"), L"ComponentId", L"tap0901");
    put(KEY(L"0006"), L"NetCfgInstanceId", REG_SZ, GUID1, 75);
    put_text(KEY(L"0007"), L"NetCfgInstanceId", GUID1);
    put(KEY(L"0008"), L"ComponentId", REG_DWORD, "\1\0\0\0", 4);
    wchar_t big[2048];
    for (size_t i = 0; i < 2048; i++)
        big[i] = L'a';
    put_text(KEY(L"0009"), L"ComponentId", L"tap0901");
    put(KEY(L"0009"), L"NetCfgInstanceId", REG_SZ, big, sizeof big);
    assert_int_equal(dbr_tapw_list(a, 8), 2);
    assert_string_equal(a[0].guid, "{0F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}");
    assert_string_equal(a[0].name, "Conn\xc3\xa9xion 2");
    assert_string_equal(a[1].guid, "{1F2C6A7D-9C1B-4E3A-8F60-1B2C3D4E5F60}");
    assert_string_equal(a[1].name, "");
    assert_int_equal(a[0].luid, 0);
    assert_int_equal(dbr_tapw_list(a, 1), 1);
    struct dbr_tapw t;
    char why[DBR_TAPW_WHY];
    assert_true(dbr_tapw_open(&t, why) < 0); /* listed, but not there any more */
    assert_null(t.handle);
    assert_non_null(strstr(why, "switched off"));
    assert_false(dbr_tapw_check(why));
}

static void opens(void **state)
{
    (void)state;
    struct dbr_tapw t, second;
    char why[DBR_TAPW_WHY];
    RegOverridePredefKey(HKEY_LOCAL_MACHINE, NULL);
    if (dbr_tapw_open(&t, why) != 0) {
        printf("skipped: %s\n", why);
        skip();
    }
    uint8_t mac[6];
    uint32_t mtu;
    assert_int_equal(dbr_tapw_mac(t.handle, mac), 0);
    assert_int_equal(mac[0] & 1, 0);
    assert_int_equal(dbr_tapw_mtu(t.handle, &mtu), 0);
    assert_in_range(mtu, 576, 1500);
    assert_int_equal(dbr_tapw_media(t.handle, true), 0);
    assert_int_equal(dbr_tapw_media(t.handle, false), 0);
    if (dbr_tapw_open(&second, why) == 0)
        assert_string_not_equal(second.adapter.guid, t.adapter.guid);
    dbr_tapw_close(&second);
    dbr_tapw_close(&t);
    dbr_tapw_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(lists, set_up, tear_down),
                                       cmocka_unit_test(opens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
