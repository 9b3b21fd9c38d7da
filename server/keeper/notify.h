/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * systemd's notification protocol (sd_notify(3)) spoken directly: one datagram per message to $NOTIFY_SOCKET.
 * Without that variable every call does nothing. Keeper only.
 */
#ifndef DBR_KEEPER_NOTIFY_H
#define DBR_KEEPER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
    int fd;               /* connected AF_UNIX datagram socket, -1 = not under systemd */
    uint64_t watchdog_ns; /* send WATCHDOG=1 at least so often; half of what systemd allows; 0 = not wanted */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment. Never fails. */
void notify_open(struct notify *n);
void notify_close(struct notify *n);
/* Sends "READY=1\nSTATUS=...": one formatted message, never blocks, loss is ignored. */
void notify_send(const struct notify *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
