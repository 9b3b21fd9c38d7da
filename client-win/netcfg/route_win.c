/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Routes (Microsoft, "CreateIpForwardEntry2 function"). They live until the next restart of the computer.
 */
#include "client-win/netcfg/os_win.h"

#include "base/err.h"

#include <stdio.h>
#include <string.h>

static void route_row(const struct dbr_net_op *op, MIB_IPFORWARD_ROW2 *row)
{
    InitializeIpForwardEntry(row);
    row->InterfaceLuid.Value = op->luid;
    os_sockaddr(op->family, op->dst.ip, &row->DestinationPrefix.Prefix);
    row->DestinationPrefix.PrefixLength = op->dst.prefix;
    os_sockaddr(op->family, op->via, &row->NextHop);
    row->Metric = op->metric;
    row->Protocol = (NL_ROUTE_PROTOCOL)MIB_IPPROTO_NETMGMT;
}

static void take_way(struct dbr_net_op *op, const MIB_IPFORWARD_ROW2 *row)
{
    op->luid = row->InterfaceLuid.Value;
    if (op->family == 4)
        memcpy(op->via, &row->NextHop.Ipv4.sin_addr, 4);
    else
        memcpy(op->via, &row->NextHop.Ipv6.sin6_addr, 16);
}

static void destination(const MIB_IPFORWARD_ROW2 *row, uint8_t family, struct dbr_net_ip *out)
{
    memset(out, 0, sizeof *out);
    out->family = family;
    out->prefix = row->DestinationPrefix.PrefixLength;
    if (family == 4)
        memcpy(out->ip, &row->DestinationPrefix.Prefix.Ipv4.sin_addr, 4);
    else
        memcpy(out->ip, &row->DestinationPrefix.Prefix.Ipv6.sin6_addr, 16);
}

static ULONG whole_metric(const MIB_IPFORWARD_ROW2 *row, uint8_t family)
{
    MIB_IPINTERFACE_ROW iface;
    memset(&iface, 0, sizeof iface);
    iface.Family = family == 4 ? AF_INET : AF_INET6;
    iface.InterfaceLuid = row->InterfaceLuid;
    if (GetIpInterfaceEntry(&iface) != NO_ERROR || !iface.Connected)
        return ULONG_MAX;
    return row->Metric + iface.Metric;
}

/* The best way to the address that is not the TAP: the longest prefix, then the lowest metric. */
static bool way_beside(const struct net_os *os, struct dbr_net_op *op)
{
    MIB_IPFORWARD_TABLE2 *table;
    int prefix = -1;
    ULONG metric = ULONG_MAX;
    if (GetIpForwardTable2(op->family == 4 ? AF_INET : AF_INET6, &table) != NO_ERROR)
        return false;
    for (ULONG i = 0; i < table->NumEntries; i++) {
        const MIB_IPFORWARD_ROW2 *row = &table->Table[i];
        struct dbr_net_ip dst;
        destination(row, op->family, &dst);
        if (row->InterfaceLuid.Value == os->luid.Value || !dbr_net_holds(&dst, op->family, op->dst.ip) ||
            dst.prefix < prefix)
            continue;
        ULONG m = whole_metric(row, op->family);
        if (m == ULONG_MAX || (dst.prefix == prefix && m >= metric))
            continue;
        prefix = dst.prefix;
        metric = m;
        take_way(op, row);
    }
    FreeMibTable(table);
    return prefix >= 0;
}

static bool find_way(const struct net_os *os, struct dbr_net_op *op)
{
    SOCKADDR_INET to, from;
    MIB_IPFORWARD_ROW2 best;
    os_sockaddr(op->family, op->dst.ip, &to);
    if (GetBestRoute2(NULL, 0, NULL, &to, 0, &best, &from) != NO_ERROR ||
        best.InterfaceLuid.Value == os->luid.Value)
        return way_beside(os, op);
    take_way(op, &best);
    return true;
}

int look_route(struct net_os *os, struct dbr_net_op *op)
{
    MIB_IPFORWARD_ROW2 row;
    char ip[DBR_NET_TEXT];
    if (op->luid == 0 && !find_way(os, op)) {
        snprintf(os->why, sizeof os->why,
                 "there is no way to %s: is this computer connected to the Internet?",
                 dbr_net_ip_text(op->family, op->dst.ip, ip));
        return DBR_ERR_NOTFOUND;
    }
    route_row(op, &row);
    DWORD e = GetIpForwardEntry2(&row);
    if (e != NO_ERROR && !os_is_gone(e))
        return os_fail(os, "the routes of this computer", e);
    op->was = e == NO_ERROR ? DBR_NET_PRESENT : DBR_NET_ABSENT;
    return 0;
}

int act_route(struct net_os *os, const struct dbr_net_op *op)
{
    MIB_IPFORWARD_ROW2 row;
    char what[96], net[DBR_NET_TEXT];
    route_row(op, &row);
    DWORD e = CreateIpForwardEntry2(&row);
    if (e == NO_ERROR || e == ERROR_OBJECT_ALREADY_EXISTS)
        return 0;
    snprintf(what, sizeof what, "the route to %s", dbr_net_text(&op->dst, net));
    return os_fail(os, what, e);
}

int undo_route(struct net_os *os, const struct dbr_net_op *op)
{
    MIB_IPFORWARD_ROW2 row;
    route_row(op, &row);
    DWORD e = op->luid ? DeleteIpForwardEntry2(&row) : NO_ERROR;
    return e == NO_ERROR || os_is_gone(e) ? 0 : os_fail(os, "a route of the tunnel", e);
}
