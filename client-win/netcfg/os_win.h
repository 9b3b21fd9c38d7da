/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the Windows backend share. For this room only; the thread that applies.
 */
#ifndef DBR_CW_NETCFG_OS_WIN_H
#define DBR_CW_NETCFG_OS_WIN_H

#include "client-win/netcfg/apply.h"
#include "client-win/netcfg/run.h"

#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
#include <iphlpapi.h>

/* One apply or undo. */
struct net_os {
    const char *guid;
    NET_LUID luid;
    const struct dbr_net_plan *plan; /* NULL: nothing is set up, only taken back */
    void **wall;
    wchar_t journal[512];
    char why[DBR_NET_WHY];
};

/* Writes "WHAT: Windows' text of error" into os->why; returns DBR_ERR_IO. */
int os_fail(struct net_os *os, const char *what, DWORD error);
/* True for the errors that mean that it is not there. */
bool os_is_gone(DWORD error);
void os_sockaddr(uint8_t family, const uint8_t ip[16], SOCKADDR_INET *out);

/* One function per kind of operation, as struct dbr_net_backend has them. */
int look_iface(struct net_os *os, struct dbr_net_op *op);
int act_iface(struct net_os *os, const struct dbr_net_op *op);
int undo_iface(struct net_os *os, const struct dbr_net_op *op);
int look_address(struct net_os *os, struct dbr_net_op *op);
int act_address(struct net_os *os, const struct dbr_net_op *op);
int undo_address(struct net_os *os, const struct dbr_net_op *op);
int look_dhcp(struct net_os *os, struct dbr_net_op *op);
int act_dhcp(struct net_os *os, const struct dbr_net_op *op);
int look_route(struct net_os *os, struct dbr_net_op *op);
int act_route(struct net_os *os, const struct dbr_net_op *op);
int undo_route(struct net_os *os, const struct dbr_net_op *op);
int look_dns(struct net_os *os, struct dbr_net_op *op);
int act_dns(struct net_os *os, const struct dbr_net_op *op);
int undo_dns(struct net_os *os, const struct dbr_net_op *op);
int look_search(struct net_os *os, struct dbr_net_op *op);
int act_search(struct net_os *os, const struct dbr_net_op *op);
int undo_search(struct net_os *os, const struct dbr_net_op *op);
int act_wall(struct net_os *os, const struct dbr_net_op *op);
int undo_wall(struct net_os *os, const struct dbr_net_op *op);

/* Runs %SystemRoot%\System32\netsh.exe with these arguments, which are made of numbers, checked addresses and
 * words of ours. 0, DBR_ERR_IO where netsh said no, DBR_ERR_TIMEOUT after ten seconds. */
int os_netsh(struct net_os *os, const char *arguments);
/* The interface's number now; 0: it is gone. */
NET_IFINDEX os_index(const struct net_os *os);

#endif
