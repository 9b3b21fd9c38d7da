/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One watched file (the CRL): looked at twice a second by keeper, handed to control as a descriptor when it
 * changed. A change is another inode, size, or time of change in nanoseconds; so is its appearance or
 * disappearance. Whether the content is any good is control's to judge: keeper reads no byte of it.
 */
#ifndef DBR_KEEPER_WATCH_H
#define DBR_KEEPER_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WATCH_PERIOD_MS = 500 };

struct watch {
    const char *path; /* borrowed; NULL = nothing is watched */
    bool seen;        /* looked at least once */
    bool there;
    dev_t dev;
    ino_t ino;
    off_t size;
    int64_t mtime_ns, ctime_ns;
};

enum watch_news { WATCH_SAME, WATCH_CHANGED, WATCH_GONE };

/* Looks at the file. WATCH_CHANGED: *fd is an open descriptor (caller closes): a regular file, read only.
 * WATCH_GONE: not there, not a regular file or not readable, errno says which (0: not a regular file); told
 * once. The first look always has news. */
enum watch_news watch_look(struct watch *w, int *fd);

/* Makes the next look report the file again (a new control process knows nothing). */
void watch_forget(struct watch *w);

#endif
