/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Landlock, best effort: a fence of the calling thread (and those it makes later) against the file system,
 * TCP, and signals and abstract sockets of others, as far as the running kernel knows them. Descriptors that
 * are open keep what they can do.
 */
#ifndef DBR_KEEPER_LANDLOCK_H
#define DBR_KEEPER_LANDLOCK_H

enum landlock_scope {
    LANDLOCK_READ_ALL,   /* reading stays as the user's rights have it, nothing can be written or made */
    LANDLOCK_RESOLVER,   /* reading what a resolver reads; TCP connections out, no listening */
    LANDLOCK_READ_BELOW, /* reading below dir_fd only (-1: nothing at all) */
};

/* Needs no_new_privs. Returns the Landlock ABI in force, 0 when the kernel has none or refused. */
int landlock_restrict(enum landlock_scope scope, int dir_fd);

#endif
