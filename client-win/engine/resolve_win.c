/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names into addresses, in a thread of their own: getaddrinfo() may take minutes where no server answers, and
 * the engine must hear STOP meanwhile. A thread that is still busy when the process ends goes with it.
 */
#include "client-win/engine/port_win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 4 };

static volatile LONG threads;

static void look_up(struct resolution *r)
{
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_DGRAM};
    hint.ai_family = r->family == 4 ? AF_INET : r->family == 6 ? AF_INET6 : AF_UNSPEC;
    if (getaddrinfo(r->host, r->port, &hint, &list))
        return;
    for (struct addrinfo *a = list; a && r->n < RESOLVE_ADDRS; a = a->ai_next)
        if (!dbr_addr_from_sockaddr(&r->addrs[r->n], a->ai_addr, a->ai_addrlen))
            r->n++;
    freeaddrinfo(list);
}

static DWORD WINAPI resolve_thread(void *arg)
{
    struct resolution *r = arg;
    look_up(r);
    InterlockedDecrement(&threads);
    port_post(r->completion, &r->op);
    return 0;
}

bool resolve_begin(HANDLE port, unsigned ticket, const char *host, uint16_t service, int family,
                   void (*done)(struct op *op, DWORD error, DWORD n), void *owner)
{
    struct resolution *r = threads < THREADS_MAX ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return false;
    r->op = (struct op){.done = done, .owner = owner};
    r->completion = port;
    r->family = family;
    r->ticket = ticket;
    snprintf(r->host, sizeof r->host, "%s", host);
    snprintf(r->port, sizeof r->port, "%u", service);
    InterlockedIncrement(&threads);
    HANDLE t = CreateThread(NULL, 0, resolve_thread, r, 0, NULL);
    if (!t) {
        InterlockedDecrement(&threads);
        free(r);
        return false;
    }
    CloseHandle(t);
    return true;
}
