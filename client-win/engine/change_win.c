/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * News of the network: Windows calls from a thread of its own; the engine's thread hears of it through the
 * port, once for however many changes came meanwhile. Source: Microsoft, "NotifyUnicastIpAddressChange",
 * "NotifyIpInterfaceChange", "NotifyRouteChange2".
 */
#include "client-win/engine/port_win.h"

#include <iphlpapi.h>
#include <netioapi.h>
#include <stdlib.h>

struct change {
    struct op op;
    void (*done)(struct op *op, DWORD error, DWORD n);
    HANDLE port, address, link, route;
    volatile LONG told;
};

static void heard(struct op *op, DWORD error, DWORD n)
{
    struct change *c = (struct change *)op;
    InterlockedExchange(&c->told, 0);
    c->done(op, error, n);
}

static void tell(struct change *c)
{
    if (!InterlockedExchange(&c->told, 1))
        port_post(c->port, &c->op);
}

static void WINAPI address_changed(void *arg, PMIB_UNICASTIPADDRESS_ROW row, MIB_NOTIFICATION_TYPE type)
{
    (void)row;
    (void)type;
    tell(arg);
}

static void WINAPI interface_changed(void *arg, PMIB_IPINTERFACE_ROW row, MIB_NOTIFICATION_TYPE type)
{
    (void)row;
    if (type != MibParameterNotification)
        tell(arg);
}

static void WINAPI route_changed(void *arg, PMIB_IPFORWARD_ROW2 row, MIB_NOTIFICATION_TYPE type)
{
    (void)row;
    if (type != MibParameterNotification)
        tell(arg);
}

struct change *change_begin(HANDLE port, void (*done)(struct op *op, DWORD error, DWORD n), void *owner)
{
    struct change *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->op = (struct op){.done = heard, .owner = owner};
    c->done = done;
    c->port = port;
    NotifyUnicastIpAddressChange(AF_UNSPEC, address_changed, c, FALSE, &c->address);
    NotifyIpInterfaceChange(AF_UNSPEC, interface_changed, c, FALSE, &c->link);
    NotifyRouteChange2(AF_UNSPEC, route_changed, c, FALSE, &c->route);
    return c;
}

void change_end(struct change *c)
{
    if (!c)
        return;
    if (c->address)
        CancelMibChangeNotify2(c->address);
    if (c->link)
        CancelMibChangeNotify2(c->link);
    if (c->route)
        CancelMibChangeNotify2(c->route);
    free(c);
}
