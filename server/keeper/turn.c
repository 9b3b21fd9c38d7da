/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The lock is on the folder itself: there is no file to be left behind, and the kernel ends it with its
 * holders.
 */
#include "keeper/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/file.h>
#include <unistd.h>

enum { NAP_MS = 20 };

int turn_take(const char *run_dir, int patience_ms)
{
    int fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool mine = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB);
    for (int waited = 0; fd >= 0 && !mine && waited < patience_ms; waited += NAP_MS) {
        poll(NULL, 0, NAP_MS);
        mine = !flock(fd, LOCK_EX | LOCK_NB);
    }
    if (mine || fd < 0)
        return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

void turn_end(int *turn)
{
    if (*turn >= 0)
        close(*turn);
    *turn = -1;
}
