/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * socks-proxy: a process of its own between the client's sockets and a SOCKS proxy, with fetch's user and
 * system calls, so that neither control nor data knows of it. Each remote becomes a port of this host's
 * loopback; what is sent there leaves through the proxy (UDP ASSOCIATE) with a header, and comes back
 * without.
 *
 *     control, data --UDP--> 127.0.0.1:port  [relay]  --UDP with header--> proxy --UDP--> server
 *                                               +------TCP, held open----> proxy
 *
 * When the proxy ends the TCP connection the association is gone: keeper is told, and the client calls anew.
 */
#ifndef DBR_KEEPER_SOCKS_H
#define DBR_KEEPER_SOCKS_H

#include <stdbool.h>

struct keeper;
struct dbr_ipc_route;

/* Ports, the remotes of the configuration changed to them, the process. 0 also where there is no proxy;
 * errors after a line. */
int socks_open(struct keeper *k);
void socks_read(struct keeper *k); /* the process says something, or has ended */
void socks_close(struct keeper *k);
/* A route around the tunnel to the loopback is one to the proxy. False: it is not known where that is. */
bool socks_route(const struct keeper *k, struct dbr_ipc_route *r);

#endif
