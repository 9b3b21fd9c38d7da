/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge_check.h"
#include "ipc/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 30, TRY_MS = 100 };

/* The watching process takes the request away when it has seen it. */
static bool is_taken(const char *path)
{
    for (int i = 0; i < TRIES; i++) {
        poll(NULL, 0, TRY_MS);
        if (access(path, F_OK) && errno == ENOENT)
            return true;
    }
    return false;
}

int bridge_confirm(const char *bridge)
{
    char base[DBR_RUN_DIR_MAX], run_dir[DBR_RUN_DIR_MAX], path[DBR_RUN_FILE_MAX];
    if (!*bridge || strchr(bridge, '/')) {
        fprintf(stderr, "drawbridge-ctl: \"%s\" is no bridge's name\n", bridge);
        return 1;
    }
    dbr_run_dir(base, run_dir);
    dbr_confirm_path(path, run_dir, bridge);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fprintf(stderr, "drawbridge-ctl: %s: %s; is drawbridged running, and are you root?\n", path,
                strerror(errno));
        return 1;
    }
    close(fd);
    if (is_taken(path)) {
        printf("bridge %s is confirmed\n", bridge);
        return 0;
    }
    unlink(path);
    fprintf(stderr,
            "drawbridge-ctl: bridge %s waits for no confirmation: it has one, or the move was undone\n",
            bridge);
    return 1;
}
