/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* "/path" or "@abstract"; the length of the address, or 0 when it is neither. */
static socklen_t address_of(const char *path, struct sockaddr_un *sun)
{
    size_t n = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof sun->sun_path)
        return 0;
    memset(sun, 0, sizeof *sun);
    sun->sun_family = AF_UNIX;
    memcpy(sun->sun_path, path, n);
    if (path[0] == '@')
        sun->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* WATCHDOG_PID, where set, must be ours. */
static uint64_t watchdog_of_environment(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    uint64_t us = strtoull(usec, NULL, 10);
    return us < 3600ull * 1000000 ? us * 1000 / 2 : 0;
}

void notify_open(struct notify *n)
{
    struct sockaddr_un sun;
    const char *path = getenv("NOTIFY_SOCKET");
    socklen_t len = path ? address_of(path, &sun) : 0;
    n->fd = -1;
    n->watchdog_ns = 0;
    if (len) {
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (n->fd >= 0 && connect(n->fd, (const struct sockaddr *)&sun, len))
            notify_close(n);
    }
    if (n->fd >= 0)
        n->watchdog_ns = watchdog_of_environment();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *n)
{
    if (n->fd >= 0)
        close(n->fd);
    n->fd = -1;
}

void notify_send(const struct notify *n, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (n->fd < 0)
        return;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (len > 0)
        (void)!send(n->fd, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
}
