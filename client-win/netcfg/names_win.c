/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Name servers and domain of the TAP, by SetInterfaceDnsSettings where iphlpapi.dll has it (Windows 10,
 * 2004), else by netsh, and by the registry for the domain (Microsoft, "TCP/IP and NBT configuration
 * parameters": the values NameServer, Domain and SearchList of an interface). What was there before is read
 * from the registry on all versions. Other adapters are not touched.
 */
#include "client-win/netcfg/os_win.h"

#include "base/err.h"
#include "client-win/base/utf.h"
#include "client-win/netcfg/lists.h"

#include <stdio.h>
#include <string.h>

/* Microsoft, "DNS_INTERFACE_SETTINGS structure (netioapi.h)", version 1. */
struct dns_settings {
    ULONG version;
    ULONG64 flags;
    wchar_t *domain, *name_server, *search_list;
    ULONG registration, register_adapter_name, llmnr, query_adapter_name;
    wchar_t *profile_name_server;
};
enum { DNS_IPV6 = 1, DNS_NAMESERVER = 2, DNS_SEARCHLIST = 4, DNS_DOMAIN = 0x20 };
typedef DWORD(WINAPI *set_dns_settings)(GUID adapter, const struct dns_settings *settings);

static set_dns_settings find_setter(void)
{
    HMODULE lib = GetModuleHandleW(L"iphlpapi.dll");
    FARPROC p = lib ? GetProcAddress(lib, "SetInterfaceDnsSettings") : NULL;
    set_dns_settings f = NULL;
    memcpy(&f, &p, sizeof f);
    return f;
}

static int open_key(const struct net_os *os, uint8_t family, REGSAM rights, HKEY *key)
{
    wchar_t path[160];
    _snwprintf(path, 160, L"SYSTEM\\CurrentControlSet\\Services\\%ls\\Parameters\\Interfaces\\%hs",
               family == 4 ? L"Tcpip" : L"Tcpip6", os->guid);
    path[159] = 0;
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, rights, key) == ERROR_SUCCESS ? 0 : DBR_ERR_NOTFOUND;
}

/* A text of the interface; empty where there is none. */
static void read_text(const struct net_os *os, uint8_t family, const wchar_t *name, char *out, size_t cap)
{
    wchar_t wide[DBR_NET_LIST];
    DWORD type = 0, n = sizeof wide - sizeof wide[0];
    HKEY key;
    out[0] = 0;
    if (open_key(os, family, KEY_QUERY_VALUE, &key) != 0)
        return;
    LSTATUS e = RegQueryValueExW(key, name, NULL, &type, (BYTE *)wide, &n);
    RegCloseKey(key);
    if (e != ERROR_SUCCESS || type != REG_SZ || n % sizeof wide[0])
        return;
    wide[n / sizeof wide[0]] = 0;
    if (dbr_utf8_from16(out, cap, wide) != 0)
        out[0] = 0;
}

static DWORD call_setter(struct net_os *os, set_dns_settings set, const struct dns_settings *s)
{
    GUID guid;
    DWORD e = ConvertInterfaceLuidToGuid(&os->luid, &guid);
    return e == NO_ERROR ? set(guid, s) : ERROR_NOT_FOUND;
}

int look_dns(struct net_os *os, struct dbr_net_op *op)
{
    char text[3 * DBR_NET_LIST];
    read_text(os, op->family, L"NameServer", text, sizeof text);
    dbr_net_keep_addresses(op->family, text, op->old_list);
    return 0;
}

static int netsh_dns(struct net_os *os, uint8_t family, const char *list)
{
    char line[DBR_NET_LIST + 160], one[DBR_NET_LIST];
    NET_IFINDEX index = os_index(os);
    if (!dbr_net_item(list, 0, one)) {
        snprintf(line, sizeof line, "interface ipv%u set dnsservers name=%lu source=dhcp", family, index);
        return os_netsh(os, line);
    }
    snprintf(line, sizeof line,
             "interface ipv%u set dnsservers name=%lu source=static address=%s register=none validate=no",
             family, index, one);
    int err = os_netsh(os, line);
    for (size_t i = 1; !err && dbr_net_item(list, i, one); i++) {
        snprintf(line, sizeof line,
                 "interface ipv%u add dnsservers name=%lu address=%s index=%zu validate=no", family, index,
                 one, i + 1);
        err = os_netsh(os, line);
    }
    return err;
}

static int set_dns(struct net_os *os, uint8_t family, const char *list)
{
    wchar_t wide[DBR_NET_LIST];
    set_dns_settings set = find_setter();
    if (!set)
        return netsh_dns(os, family, list);
    dbr_utf16_from8(wide, DBR_NET_LIST, list);
    struct dns_settings s = {.version = 1, .name_server = wide};
    s.flags = DNS_NAMESERVER | (family == 6 ? DNS_IPV6 : 0);
    DWORD e = call_setter(os, set, &s);
    return e == NO_ERROR ? 0 : os_fail(os, "the name servers of the tunnel", e);
}

int act_dns(struct net_os *os, const struct dbr_net_op *op)
{
    return set_dns(os, op->family, op->list);
}

int undo_dns(struct net_os *os, const struct dbr_net_op *op)
{
    char now[DBR_NET_LIST], text[3 * DBR_NET_LIST];
    if (os_index(os) == 0)
        return 0;
    read_text(os, op->family, L"NameServer", text, sizeof text);
    dbr_net_keep_addresses(op->family, text, now);
    return strcmp(now, op->old_list) == 0 ? 0 : set_dns(os, op->family, op->old_list);
}

int look_search(struct net_os *os, struct dbr_net_op *op)
{
    char text[3 * DBR_NET_LIST];
    read_text(os, 4, L"Domain", text, sizeof text);
    dbr_net_keep_domains(text, op->old_list);
    return 0;
}

static int write_text(struct net_os *os, const wchar_t *name, const wchar_t *text)
{
    HKEY key;
    if (open_key(os, 4, KEY_SET_VALUE, &key) != 0)
        return os_fail(os, "the domain of the tunnel", ERROR_FILE_NOT_FOUND);
    LSTATUS e = RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)text,
                               (DWORD)((wcslen(text) + 1) * sizeof text[0]));
    RegCloseKey(key);
    return e == ERROR_SUCCESS ? 0 : os_fail(os, "the domain of the tunnel", (DWORD)e);
}

/* search NULL: the adapter's own list stays. The registry alone is read by the DNS client when the name
 * servers are set, which follows. */
static int set_search(struct net_os *os, const char *domain, const char *search)
{
    wchar_t d[DBR_NET_LIST], l[DBR_NET_LIST] = L"";
    set_dns_settings set = find_setter();
    dbr_utf16_from8(d, DBR_NET_LIST, domain);
    if (search)
        dbr_utf16_from8(l, DBR_NET_LIST, search);
    if (!set)
        return write_text(os, L"Domain", d);
    struct dns_settings s = {.version = 1, .flags = DNS_DOMAIN, .domain = d, .search_list = l};
    if (search)
        s.flags |= DNS_SEARCHLIST;
    DWORD e = call_setter(os, set, &s);
    return e == NO_ERROR ? 0 : os_fail(os, "the domain of the tunnel", e);
}

int act_search(struct net_os *os, const struct dbr_net_op *op)
{
    char first[DBR_NET_LIST] = "", list[3 * DBR_NET_LIST];
    dbr_net_item(op->list, 0, first);
    read_text(os, 4, L"SearchList", list, sizeof list);
    bool several = strchr(op->list, ',') != NULL;
    return set_search(os, first, several && !list[0] ? op->list : NULL);
}

/* The list goes only when it is ours, as a whole: no part of a list that somebody else wrote is cut out. */
int undo_search(struct net_os *os, const struct dbr_net_op *op)
{
    char list[3 * DBR_NET_LIST], domain[3 * DBR_NET_LIST];
    if (os_index(os) == 0)
        return 0;
    read_text(os, 4, L"SearchList", list, sizeof list);
    read_text(os, 4, L"Domain", domain, sizeof domain);
    bool ours = list[0] && strcmp(list, op->list) == 0;
    if (!ours && strcmp(domain, op->old_list) == 0)
        return 0;
    return set_search(os, op->old_list, ours ? "" : NULL);
}
