/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sockets that keeper opens: the UDP group, and listening sockets for drawbridge-ctl, management and
 * metrics. All are IPv6 sockets, also those for IPv4 only (bound to an IPv4-mapped address), so that
 * everybody behind them sees one form of address. Keeper holds them for good.
 */
#ifndef DBR_KEEPER_SOCKETS_H
#define DBR_KEEPER_SOCKETS_H

#include "base/addr.h"
#include "bridge/why.h"
#include "ipc/boot.h"

#include <sys/types.h>

enum { UDP_BUFFER_DEFAULT = 4 << 20 };

struct udp_group_config {
    struct dbr_addr local; /* family 0: any address of both families; 4, 6 with zero address: any of that
                              family; port 0: the kernel's choice */
    unsigned n_workers;    /* 1..DBR_MAX_WORKERS */
    int rcvbuf, sndbuf;    /* bytes; 0 = UDP_BUFFER_DEFAULT */
    uint32_t mark;         /* 0 = none */
    const char *device;    /* NULL = any */
    bool v6only;           /* no IPv4 on an IPv6 wildcard */
    bool multihome;        /* say of each datagram which address of ours it was sent to */
};

struct udp_group {
    unsigned n;                  /* 1 + n_workers while open, else 0 */
    int fd[1 + DBR_MAX_WORKERS]; /* in bind order, which is the index that the steering program returns */
    uint16_t port;               /* bound, host order */
};

/* Opens and binds the whole group and attaches the steering program. The first socket is bound alone, so that
 * a port that any other program uses (even one that shares its ports) is refused. DBR_ERR_IO with the reason,
 * nothing left open. */
int udp_group_open(struct udp_group *g, const struct udp_group_config *config, struct dbr_why *why);
void udp_group_close(struct udp_group *g); /* callable twice */

/* Listening sockets, non-blocking, close-on-exec. A left-over socket file at path is replaced unless somebody
 * still listens there (DBR_ERR_EXISTS); type SOCK_STREAM or SOCK_SEQPACKET; the file gets owner uid, gid and
 * mode. A descriptor, or DBR_ERR_IO with the reason. */
int listen_unix(const char *path, int type, uid_t uid, gid_t gid, mode_t mode, struct dbr_why *why);
int listen_tcp(const char *host, uint16_t port, struct dbr_why *why); /* host: a literal address */

/* A literal address ("192.0.2.1", "2001:db8::1", "fe80::1%eth0") into *a with that port. DBR_ERR_SHAPE for
 * anything else. */
int addr_of_literal(struct dbr_addr *a, const char *text, uint16_t port);

/* A connection to who listens there, made within 5 s; non-blocking. uid, gid (NULL: any): whom it must be.
 * The descriptor, or DBR_ERR_IO with the reason and the way out in why. */
int call_unix(const char *path, const uid_t *uid, const gid_t *gid, struct dbr_why *why);
int call_tcp(const char *host, uint16_t port, struct dbr_why *why);

#endif
