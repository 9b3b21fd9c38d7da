/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address of ours that a datagram was sent to, out of the kernel's control messages, and back into one
 * for the answer (`multihome`). One form for both families: IPV6_PKTINFO, IPv4 as mapped (ipv6(7); Linux
 * takes it for an IPv4 destination of an IPv6 socket too). Pure; any thread.
 */
#ifndef DBR_IPC_HOME_H
#define DBR_IPC_HOME_H

#include "base/addr.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { DBR_HOME_SPACE = CMSG_SPACE(sizeof(struct in6_pktinfo)) };

/* Fills in a->home from a received message; without such a control message it stays as it is. */
void dbr_home_read(struct dbr_addr *a, struct msghdr *mh);

/* Writes the control message that makes a datagram leave from a->home into DBR_HOME_SPACE bytes at out
 * (aligned for struct cmsghdr). The interface is left to the kernel's routes, but for a link-local address.
 * Returns DBR_HOME_SPACE; 0 when the address is not known: nothing was written. */
size_t dbr_home_write(const struct dbr_addr *a, void *out);

#endif
