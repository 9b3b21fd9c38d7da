/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The folder of `crl-verify FOLDER dir`: looked at twice a second by keeper, its names handed to control as a
 * sealed memory file when they changed (ipc/revoked.h). No file in it is opened. One thread.
 */
#ifndef DBR_KEEPER_FOLDER_H
#define DBR_KEEPER_FOLDER_H

#include "keeper/watch.h"

struct folder {
    const char *path; /* borrowed; NULL = nothing is watched */
    bool seen, there;
    int64_t mtime_ns;
    uint64_t sum; /* of the names that were told */
};

/* As watch_look(): WATCH_CHANGED with *fd (caller closes), or WATCH_GONE, told once. now_ns: of the clock
 * that files are dated by: a folder that changed just now is looked at again, as its date is coarse. */
enum watch_news folder_look(struct folder *f, int64_t now_ns, int *fd);
void folder_forget(struct folder *f);

#endif
