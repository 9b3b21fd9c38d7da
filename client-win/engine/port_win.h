/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The completion port that everything of the engine's process goes through, and the operations on it. One
 * thread waits on it; others may only post. An operation that was begun must stay in memory until it is
 * completed, also after its handle was closed. Source: Microsoft, "I/O Completion Ports", "Synchronous and
 * asynchronous I/O".
 */
#ifndef DBR_CW_ENGINE_PORT_WIN_H
#define DBR_CW_ENGINE_PORT_WIN_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

/* One operation; `over` first, as its address is what comes back. done is called by the waiting thread. */
struct op {
    OVERLAPPED over;
    void (*done)(struct op *op, DWORD error, DWORD n);
    void *owner;
};

/* A handle or socket whose operations shall come to the port. 0 or an error of Windows. */
DWORD port_add(HANDLE port, HANDLE h);
/* Has op->done called by the waiting thread; from any thread. */
void port_post(HANDLE port, struct op *op);

/* ---- udp_win.c ---- */

struct udp;
struct udp_ops {
    void (*datagram)(void *arg, uint8_t *bytes, size_t len, const struct dbr_addr *from);
};

/* A socket from a port of its own, connected to `to` unless anyone may answer. NULL: *error has the reason.
 */
struct udp *udp_open(HANDLE port, const struct dbr_addr *to, bool anyone, int rcvbuf, int sndbuf,
                     const struct udp_ops *ops, void *arg, DWORD *error);
void udp_send(struct udp *u, const struct dbr_addr *to, const uint8_t *bytes, size_t len);
/* True if a call now would leave from another address of ours than when this was asked last, or at the
 * opening; no way at all is another one, too. */
bool udp_way_changed(struct udp *u);
void udp_close(struct udp *u); /* no datagram() after this; NULL is fine */

/* ---- resolve_win.c ---- */

enum { RESOLVE_ADDRS = 16 };
struct resolution {
    struct op op;
    char host[256], port[8];
    int family;
    unsigned ticket; /* the caller's */
    HANDLE completion;
    struct dbr_addr addrs[RESOLVE_ADDRS];
    size_t n;
};
/* getaddrinfo() in a thread of its own; done is called with a struct resolution, which is the callee's to
 * free. False: it cannot be begun. */
bool resolve_begin(HANDLE port, unsigned ticket, const char *host, uint16_t service, int family,
                   void (*done)(struct op *op, DWORD error, DWORD n), void *owner);

/* ---- change_win.c ---- */

/* Calls done whenever an address or a route of this computer has changed, from the waiting thread, until
 * change_end(). */
struct change;
struct change *change_begin(HANDLE port, void (*done)(struct op *op, DWORD error, DWORD n), void *owner);
void change_end(struct change *c);

#endif
