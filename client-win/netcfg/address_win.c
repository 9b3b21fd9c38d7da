/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Interface and addresses. The functions are those of Windows Vista and newer (Microsoft, "IP Helper"). What
 * they set lives until the next restart of the computer; only "static instead of DHCP" is kept by Windows,
 * for which netsh is the documented way.
 */
#include "client-win/netcfg/os_win.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAD_TURNS = 10, DAD_TURN_MS = 100 };

static DWORD get_iface(const struct net_os *os, uint8_t family, MIB_IPINTERFACE_ROW *row)
{
    memset(row, 0, sizeof *row);
    row->Family = family == 4 ? AF_INET : AF_INET6;
    row->InterfaceLuid = os->luid;
    return GetIpInterfaceEntry(row);
}

int look_iface(struct net_os *os, struct dbr_net_op *op)
{
    MIB_IPINTERFACE_ROW row;
    DWORD e = get_iface(os, op->family, &row);
    if (os_is_gone(e) && op->family == 6) {
        op->was = DBR_NET_PRESENT; /* no IPv6 on this adapter: nothing to do, an address will say so */
        return 0;
    }
    if (e != NO_ERROR)
        return os_fail(os, "IPv4 is switched off in the properties of the TAP adapter", e);
    op->old_metric = row.Metric;
    op->old_auto = row.UseAutomaticMetric;
    op->old_mtu = row.NlMtu;
    op->old_no_default = row.DisableDefaultRoutes;
    return 0;
}

static int set_iface(struct net_os *os, const struct dbr_net_op *op,
                     void (*change)(MIB_IPINTERFACE_ROW *row, const struct dbr_net_op *op), bool may_be_gone)
{
    MIB_IPINTERFACE_ROW row;
    DWORD e = get_iface(os, op->family, &row);
    if (e == NO_ERROR) {
        if (op->family == 4)
            row.SitePrefixLength = 0; /* what Get gives is refused by Set otherwise */
        change(&row, op);
        e = SetIpInterfaceEntry(&row);
    }
    return e == NO_ERROR || (may_be_gone && os_is_gone(e))
               ? 0
               : os_fail(os, "metric and MTU of the TAP adapter", e);
}

static void as_wanted(MIB_IPINTERFACE_ROW *row, const struct dbr_net_op *op)
{
    if (op->metric) {
        row->UseAutomaticMetric = FALSE;
        row->Metric = op->metric;
    }
    if (op->mtu)
        row->NlMtu = op->mtu;
    row->DisableDefaultRoutes = op->no_default;
}

static void as_before(MIB_IPINTERFACE_ROW *row, const struct dbr_net_op *op)
{
    row->UseAutomaticMetric = op->old_auto;
    if (!op->old_auto)
        row->Metric = op->old_metric;
    if (op->mtu)
        row->NlMtu = op->old_mtu;
    row->DisableDefaultRoutes = op->old_no_default;
}

int act_iface(struct net_os *os, const struct dbr_net_op *op)
{
    return set_iface(os, op, as_wanted, false);
}

int undo_iface(struct net_os *os, const struct dbr_net_op *op)
{
    return set_iface(os, op, as_before, true);
}

/* Flags of the TAP's IPv4 side, 0 where it is gone. */
static DWORD adapter_flags(const struct net_os *os)
{
    ULONG n = 64 * 1024, e = ERROR_BUFFER_OVERFLOW;
    IP_ADAPTER_ADDRESSES *all = NULL;
    DWORD flags = 0;
    for (int turn = 0; turn < 3 && e == ERROR_BUFFER_OVERFLOW; turn++) {
        free(all);
        all = malloc(n);
        if (!all)
            return 0;
        e = GetAdaptersAddresses(AF_UNSPEC,
                                 GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER,
                                 NULL, all, &n);
    }
    for (IP_ADAPTER_ADDRESSES *a = e == NO_ERROR ? all : NULL; a; a = a->Next)
        if (a->Luid.Value == os->luid.Value)
            flags = a->Flags;
    free(all);
    return flags;
}

static bool has_dhcp(const struct net_os *os)
{
    return adapter_flags(os) & IP_ADAPTER_DHCP_ENABLED;
}

static void address_row(const struct net_os *os, const struct dbr_net_op *op, MIB_UNICASTIPADDRESS_ROW *row)
{
    InitializeUnicastIpAddressEntry(row);
    row->InterfaceLuid = os->luid;
    os_sockaddr(op->family, op->dst.ip, &row->Address);
}

int look_address(struct net_os *os, struct dbr_net_op *op)
{
    MIB_UNICASTIPADDRESS_ROW row;
    if (op->family == 4 && has_dhcp(os)) {
        op->was = DBR_NET_BY_DHCP;
        return 0;
    }
    address_row(os, op, &row);
    DWORD e = GetUnicastIpAddressEntry(&row);
    if (e != NO_ERROR && !os_is_gone(e))
        return os_fail(os, "the addresses of the TAP adapter", e);
    op->was = e == NO_ERROR ? DBR_NET_PRESENT : DBR_NET_ABSENT;
    return 0;
}

static int set_static(struct net_os *os, const struct dbr_net_op *op)
{
    char line[160], ip[DBR_NET_TEXT], mask[DBR_NET_TEXT];
    struct dbr_net_ip m = {.family = 4, .prefix = op->dst.prefix, .ip = {255, 255, 255, 255}};
    dbr_net_mask(&m);
    snprintf(line, sizeof line, "interface ipv4 set address name=%lu source=static address=%s mask=%s",
             os_index(os), dbr_net_ip_text(4, op->dst.ip, ip), dbr_net_ip_text(4, m.ip, mask));
    return os_netsh(os, line);
}

/* Windows asks the network whether somebody else has the address. That may take longer than we wait: only a
 * quick yes is an error here; a late one Windows tells the user itself. */
static int watch_for_twin(struct net_os *os, const struct dbr_net_op *op)
{
    MIB_UNICASTIPADDRESS_ROW row;
    char ip[DBR_NET_TEXT];
    for (int turn = 0; turn < DAD_TURNS; turn++) {
        address_row(os, op, &row);
        if (GetUnicastIpAddressEntry(&row) != NO_ERROR || row.DadState == IpDadStatePreferred)
            return 0;
        if (row.DadState == IpDadStateDuplicate) {
            snprintf(os->why, sizeof os->why,
                     "another computer has the address %s, too; tell the server's administrator",
                     dbr_net_ip_text(op->family, op->dst.ip, ip));
            return DBR_ERR_EXISTS;
        }
        Sleep(DAD_TURN_MS);
    }
    return 0;
}

int act_address(struct net_os *os, const struct dbr_net_op *op)
{
    MIB_UNICASTIPADDRESS_ROW row;
    if (op->was == DBR_NET_BY_DHCP)
        return set_static(os, op);
    address_row(os, op, &row);
    row.OnLinkPrefixLength = op->dst.prefix;
    DWORD e = CreateUnicastIpAddressEntry(&row);
    if (e != NO_ERROR && e != ERROR_OBJECT_ALREADY_EXISTS)
        return os_fail(os, "the address of the tunnel", e);
    return watch_for_twin(os, op);
}

int undo_address(struct net_os *os, const struct dbr_net_op *op)
{
    MIB_UNICASTIPADDRESS_ROW row;
    if (op->was == DBR_NET_BY_DHCP) {
        char line[96];
        if (os_index(os) == 0 || has_dhcp(os))
            return 0;
        snprintf(line, sizeof line, "interface ipv4 set address name=%lu source=dhcp", os_index(os));
        return os_netsh(os, line);
    }
    address_row(os, op, &row);
    DWORD e = DeleteUnicastIpAddressEntry(&row);
    return e == NO_ERROR || os_is_gone(e) ? 0 : os_fail(os, "the address of the tunnel", e);
}

int look_dhcp(struct net_os *os, struct dbr_net_op *op)
{
    op->was = DBR_NET_ABSENT;
    if (has_dhcp(os))
        return 0;
    snprintf(os->why, sizeof os->why,
             "the TAP adapter has a fixed address, but the server wants DHCP: choose \"Obtain an IP address "
             "automatically\" in its properties, then connect again");
    return DBR_ERR_STATE;
}

static DWORD WINAPI renew(void *arg)
{
    IP_ADAPTER_INDEX_MAP *map = arg;
    IpRenewAddress(map); /* waits for the lease; whether there is one is seen by the address */
    free(map);
    return 0;
}

/* Windows' DHCP client begins when the media status goes up; after a reconnect, when it did not go down, it
 * has to be told. */
int act_dhcp(struct net_os *os, const struct dbr_net_op *op)
{
    (void)op;
    IP_ADAPTER_INDEX_MAP *map = calloc(1, sizeof *map);
    if (!map) {
        snprintf(os->why, sizeof os->why, "out of memory");
        return DBR_ERR_NOMEM;
    }
    map->Index = os_index(os);
    _snwprintf(map->Name, MAX_ADAPTER_NAME - 1, L"\\DEVICE\\TCPIP_%hs", os->guid);
    if (QueueUserWorkItem(renew, map, WT_EXECUTELONGFUNCTION))
        return 0;
    free(map);
    return os_fail(os, "DHCP", GetLastError());
}
