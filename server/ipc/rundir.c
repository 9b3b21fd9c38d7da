/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/rundir.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_NETNS_COOKIE 1

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

void dbr_run_dir(char base[DBR_RUN_DIR_MAX], char out[DBR_RUN_DIR_MAX])
{
    const char *systemd = getenv("RUNTIME_DIRECTORY");
    uint64_t cookie = FIRST_NETNS_COOKIE;
    socklen_t n = sizeof cookie;
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s >= 0) {
        (void)getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &n);
        close(s);
    }
    snprintf(base, DBR_RUN_DIR_MAX - 32, "%s", systemd && *systemd == '/' ? systemd : "/run/drawbridge");
    if (cookie == FIRST_NETNS_COOKIE)
        snprintf(out, DBR_RUN_DIR_MAX, "%s", base);
    else
        snprintf(out, DBR_RUN_DIR_MAX, "%.63s/netns-%llu", base, (unsigned long long)cookie);
}

void dbr_confirm_path(char out[DBR_RUN_FILE_MAX], const char *run_dir, const char *bridge)
{
    snprintf(out, DBR_RUN_FILE_MAX, "%s/bridge-%s.confirm", run_dir, bridge);
}
