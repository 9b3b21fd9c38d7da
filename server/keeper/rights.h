/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What each process may do: one table of rights. keeper stays root with a handful of capabilities; control
 * and data become their own user with none, cannot gain any again, and end by SIGSYS at the first system call
 * that is not on their list.
 *
 * - keeper: user 0; NET_ADMIN, SETUID, SETGID, SETPCAP, KILL (client role: also NET_RAW and
 *   NET_BIND_SERVICE for the DHCP client that it starts); no ptrace, modules, mounts, BPF, ...
 * - control: no capability; memory, its descriptors, time, randomness; files only below client-config-dir
 * - data: no capability; memory, its descriptors, time; no file, no ioctl, no new socket
 * - fetch: no capability; memory, its descriptors, time, new TCP and UDP sockets; reads what a resolver needs
 * - metrics: no capability; memory, its descriptors, time, accepting on the one socket it was given; no file,
 * no new socket, no ioctl
 * - signer: no capability; memory, its descriptors, time, randomness; no file, no socket of any kind
 *
 * Two steps, since data makes its threads before the second: rights_drop() takes away identity and
 * capabilities of the calling thread's process and must run while it has one thread; rights_filter() puts the
 * seccomp list on all threads. Under sanitizers (DBR_SANITIZED) the list, Landlock and the dumpable flag are
 * left out: their run-times need more than any list gives.
 */
#ifndef DBR_KEEPER_RIGHTS_H
#define DBR_KEEPER_RIGHTS_H

#include "base/log.h"

#include <stdbool.h>
#include <sys/types.h>

enum rights_of {
    RIGHTS_KEEPER,
    RIGHTS_KEEPER_CLIENT,
    RIGHTS_CONTROL,
    RIGHTS_DATA,
    RIGHTS_FETCH,
    RIGHTS_METRICS,
    RIGHTS_SIGNER
};

struct rights_user {
    uid_t uid;
    gid_t gid;
};

/* The user and group by name (NULL: user `drawbridge`, else `nobody`; the user's own group). 0, or
 * DBR_ERR_NOTFOUND after a logged line; uid 0 is DBR_ERR_CONFIG. */
int rights_find_user(struct rights_user *u, const char *user, const char *group, const struct dbr_log *log);
/* Owner of a socket: 0 for whoever is not named. 0, or DBR_ERR_NOTFOUND after a logged line. */
int rights_find_owner(struct rights_user *u, const char *user, const char *group, const struct dbr_log *log);

/* Capabilities, bounding and ambient sets, user, groups, no_new_privs, no core, not dumpable, dies with its
 * parent (children), Landlock (children, best effort; dir_fd >= 0: reading below that folder stays allowed).
 * Verified by trying to get back. 0, or DBR_ERR_IO after a logged line: the caller must end. */
int rights_drop(enum rights_of who, const struct rights_user *u, int dir_fd, const struct dbr_log *log);

/* The seccomp list of this process, on all its threads. dir_fd as above. 0, or DBR_ERR_IO after a logged
 * line. */
int rights_filter(enum rights_of who, int dir_fd, const struct dbr_log *log);

#endif
