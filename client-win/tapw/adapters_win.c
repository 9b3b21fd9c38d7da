/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The registry's list of network adapters: one key per driver instance, 0000, 0001, ... (Microsoft, "Registry
 * Trees and Keys for Devices and Drivers").
 */
#include "client-win/tapw/tapw.h"

#include "base/err.h"
#include "client-win/base/utf.h"
#include "client-win/tapw/facts.h"

#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#include <iphlpapi.h>
#include <stdio.h>
#include <string.h>

#define NET_CLASS L"{4D36E972-E325-11CE-BFC1-08002BE10318}"

static int value_text(HKEY key, const wchar_t *name, char *out, size_t cap)
{
    uint8_t data[TAPW_VALUE];
    DWORD type = 0, n = sizeof data;
    out[0] = 0;
    if (RegQueryValueExW(key, name, NULL, &type, data, &n) != ERROR_SUCCESS)
        return DBR_ERR_NOTFOUND;
    return tapw_text(type, data, n, out, cap);
}

static void find_name(struct dbr_tapw_adapter *a)
{
    wchar_t path[160], guid[DBR_TAPW_GUID];
    HKEY key;
    if (dbr_utf16_from8(guid, DBR_TAPW_GUID, a->guid) != 0)
        return;
    _snwprintf(path, 160, L"SYSTEM\\CurrentControlSet\\Control\\Network\\" NET_CLASS L"\\%ls\\Connection",
               guid);
    path[159] = 0;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
        return;
    value_text(key, L"Name", a->name, sizeof a->name);
    RegCloseKey(key);
}

static void find_interface(struct dbr_tapw_adapter *a)
{
    GUID guid;
    NET_LUID luid;
    NET_IFINDEX index = 0;
    unsigned d[8];
    unsigned long d1;
    unsigned d2, d3;
    if (sscanf(a->guid, "{%8lx-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}", &d1, &d2, &d3, &d[0], &d[1], &d[2], &d[3],
               &d[4], &d[5], &d[6], &d[7]) != 11)
        return;
    guid.Data1 = d1;
    guid.Data2 = (unsigned short)d2;
    guid.Data3 = (unsigned short)d3;
    for (size_t i = 0; i < 8; i++)
        guid.Data4[i] = (unsigned char)d[i];
    if (ConvertInterfaceGuidToLuid(&guid, &luid) != NO_ERROR)
        return;
    a->luid = luid.Value;
    if (ConvertInterfaceLuidToIndex(&luid, &index) == NO_ERROR)
        a->index = index;
}

/* True if the key is one of our driver's adapters; a is filled then. */
static bool read_adapter(HKEY all, const wchar_t *name, struct dbr_tapw_adapter *a)
{
    char component[64];
    HKEY key;
    memset(a, 0, sizeof *a);
    if (RegOpenKeyExW(all, name, 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
        return false; /* "Properties" is closed to everybody but the system */
    bool ours =
        value_text(key, L"ComponentId", component, sizeof component) == 0 && tapw_is_ours(component) &&
        value_text(key, L"NetCfgInstanceId", a->guid, sizeof a->guid) == 0 && tapw_guid_is_good(a->guid);
    RegCloseKey(key);
    if (!ours)
        return false;
    find_name(a);
    find_interface(a);
    return true;
}

int dbr_tapw_list(struct dbr_tapw_adapter *out, size_t cap)
{
    HKEY all;
    size_t n = 0;
    LONG err = RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Control\\Class\\" NET_CLASS, 0,
                             KEY_ENUMERATE_SUB_KEYS, &all);
    if (err == ERROR_FILE_NOT_FOUND)
        return 0;
    if (err != ERROR_SUCCESS)
        return DBR_ERR_IO;
    for (DWORD i = 0; n < cap; i++) {
        wchar_t name[256];
        DWORD len = 256;
        err = RegEnumKeyExW(all, i, name, &len, NULL, NULL, NULL, NULL);
        if (err == ERROR_NO_MORE_ITEMS)
            break;
        if (err == ERROR_SUCCESS && read_adapter(all, name, &out[n]))
            n++;
        else if (err != ERROR_SUCCESS && err != ERROR_MORE_DATA)
            break;
    }
    RegCloseKey(all);
    return (int)n;
}
