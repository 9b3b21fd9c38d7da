/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The UDP socket: several receives in flight, sends at once. Connected to the server, so that Windows chooses
 * the way at the moment of the call, and datagrams of others never reach us. SIO_UDP_CONNRESET is off: an
 * ICMP error of a server that restarts is no end. Source: Microsoft, "WSARecvFrom", "Winsock IOCTLs".
 */
#include "client-win/engine/port_win.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif

enum {
    RECEIVES = 16,
    DGRAM_MAX = 2048 * 8,
    DGRAM_ROOM = 65536, /* of any datagram: one that was cut off would complete, or not, as an error does */
    BUFFER_BYTES = 4 << 20,
    TRIES = 64,
};

struct receive {
    struct op op;
    struct sockaddr_storage from;
    INT from_len;
    DWORD flags;
    uint8_t bytes[DGRAM_ROOM];
};

struct udp {
    SOCKET sock;
    unsigned pending; /* receives that Windows has */
    bool closed, anyone;
    int family;
    struct dbr_addr to, own; /* own: our address on the way to it, port 0; family 0: there is no way */
    const struct udp_ops *ops;
    void *arg;
    struct receive in[RECEIVES];
};

static int to_sockaddr(const struct dbr_addr *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    in6->sin6_scope_id = a->scope;
    memcpy(&in6->sin6_addr, a->ip, 16);
    return sizeof *in6;
}

/* ---- receiving ---- */

static void received(struct op *op, DWORD error, DWORD n);

static void unref(struct udp *u)
{
    if (!--u->pending && u->closed)
        free(u);
}

static bool begin_receive(struct udp *u, struct receive *r)
{
    WSABUF buf = {.len = DGRAM_ROOM, .buf = (char *)r->bytes};
    memset(&r->op.over, 0, sizeof r->op.over);
    r->flags = 0;
    r->from_len = sizeof r->from;
    return !WSARecvFrom(u->sock, &buf, 1, NULL, &r->flags, (struct sockaddr *)&r->from, &r->from_len,
                        &r->op.over, NULL) ||
           WSAGetLastError() == WSA_IO_PENDING;
}

/* What routers report (a port that is closed, a way too long) comes out as an error, once each: the receive
 * goes on. A socket that cannot receive is given up: the server's silence will show. */
static void receive(struct udp *u, struct receive *r)
{
    u->pending++;
    for (int i = 0; i < TRIES; i++)
        if (begin_receive(u, r))
            return;
    u->pending--;
}

static void received(struct op *op, DWORD error, DWORD n)
{
    struct receive *r = (struct receive *)op;
    struct udp *u = op->owner;
    struct dbr_addr from;
    if (!u->closed && !error && n && n <= DGRAM_MAX &&
        !dbr_addr_from_sockaddr(&from, (struct sockaddr *)&r->from, (size_t)r->from_len))
        u->ops->datagram(u->arg, r->bytes, n, &from);
    if (!u->closed)
        receive(u, r);
    unref(u);
}

/* ---- life ---- */

/* Our address on the way to the server: 0 or an error. */
static int way_to(const struct dbr_addr *to, struct dbr_addr *own)
{
    struct sockaddr_storage sa;
    int len = to_sockaddr(to, &sa), own_len = sizeof sa;
    SOCKET s = socket(sa.ss_family, SOCK_DGRAM, IPPROTO_UDP);
    if (s == INVALID_SOCKET)
        return DBR_ERR_IO;
    int err = connect(s, (struct sockaddr *)&sa, len) || getsockname(s, (struct sockaddr *)&sa, &own_len) ||
              dbr_addr_from_sockaddr(own, (struct sockaddr *)&sa, (size_t)own_len);
    closesocket(s);
    own->port = 0;
    return err ? DBR_ERR_IO : 0;
}

bool udp_way_changed(struct udp *u)
{
    struct dbr_addr own;
    if (way_to(&u->to, &own))
        own = (struct dbr_addr){0};
    bool changed = !dbr_addr_equal(&own, &u->own);
    u->own = own;
    return changed;
}

static void set_options(SOCKET s, int rcvbuf, int sndbuf)
{
    BOOL off = FALSE;
    DWORD got;
    u_long nonblocking = 1;
    int in = rcvbuf > 0 ? rcvbuf : BUFFER_BYTES, out = sndbuf > 0 ? sndbuf : BUFFER_BYTES;
    WSAIoctl(s, SIO_UDP_CONNRESET, &off, sizeof off, NULL, 0, &got, NULL, NULL);
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, (const char *)&in, sizeof in);
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, (const char *)&out, sizeof out);
    ioctlsocket(s, FIONBIO, &nonblocking);
}

/* Bound to any port of ours; connected where only the server may answer. */
static DWORD bind_and_connect(struct udp *u)
{
    struct sockaddr_storage any = {.ss_family = (ADDRESS_FAMILY)(u->family == 4 ? AF_INET : AF_INET6)}, to;
    int len = to_sockaddr(&u->to, &to);
    if (bind(u->sock, (struct sockaddr *)&any, len))
        return (DWORD)WSAGetLastError();
    if (!u->anyone && connect(u->sock, (struct sockaddr *)&to, len))
        return (DWORD)WSAGetLastError();
    return 0;
}

struct udp *udp_open(HANDLE port, const struct dbr_addr *to, bool anyone, int rcvbuf, int sndbuf,
                     const struct udp_ops *ops, void *arg, DWORD *error)
{
    struct udp *u = calloc(1, sizeof *u);
    *error = ERROR_NOT_ENOUGH_MEMORY;
    if (!u)
        return NULL;
    *u = (struct udp){.anyone = anyone, .family = to->family, .to = *to, .ops = ops, .arg = arg};
    u->sock = WSASocketW(to->family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, IPPROTO_UDP, NULL, 0,
                         WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    *error = u->sock == INVALID_SOCKET ? (DWORD)WSAGetLastError() : 0;
    if (!*error) {
        set_options(u->sock, rcvbuf, sndbuf);
        *error = bind_and_connect(u);
    }
    if (!*error)
        *error = port_add(port, (HANDLE)u->sock);
    if (*error) {
        if (u->sock != INVALID_SOCKET)
            closesocket(u->sock);
        free(u);
        return NULL;
    }
    if (way_to(to, &u->own))
        u->own = (struct dbr_addr){0};
    for (size_t i = 0; i < RECEIVES; i++) {
        u->in[i].op = (struct op){.done = received, .owner = u};
        receive(u, &u->in[i]);
    }
    return u;
}

void udp_close(struct udp *u)
{
    if (!u)
        return;
    u->closed = true;
    u->pending++;
    closesocket(u->sock);
    unref(u);
}

/* What the buffer has no room for is dropped, as a network would. */
void udp_send(struct udp *u, const struct dbr_addr *to, const uint8_t *bytes, size_t len)
{
    struct sockaddr_storage sa;
    if (!u->anyone) {
        send(u->sock, (const char *)bytes, (int)len, 0);
        return;
    }
    int n = to_sockaddr(to, &sa);
    sendto(u->sock, (const char *)bytes, (int)len, 0, (struct sockaddr *)&sa, n);
}
