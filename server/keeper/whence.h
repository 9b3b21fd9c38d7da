/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * On which processor did the last packet arrive? A filter on the TAP (client role) or on the workers' UDP
 * sockets (server) lets every packet pass and writes down where it ran, in an array that the data process has
 * mapped. A worker that has little to do follows its packets there (data/seat.h). Keeper's work; needs
 * CAP_BPF.
 */
#ifndef DBR_KEEPER_WHENCE_H
#define DBR_KEEPER_WHENCE_H

#include "bridge/tap.h"
#include "bridge/why.h"
#include "keeper/sockets.h"

#include <stdatomic.h>
#include <stdint.h>

struct whence {
    int map_fd, prog_fd;    /* -1 = none; the program of worker 0 */
    _Atomic uint64_t *cpus; /* [DBR_MAX_WORKERS], 1 + processor, 0 = none yet; NULL = none */
};

/* Makes the array and the first program. DBR_ERR_UNSUPPORTED: not here (reason in why); nobody follows then.
 */
int whence_open(struct whence *w, struct dbr_why *why);
void whence_close(struct whence *w); /* callable twice; a filter stays with its socket */

/* Puts filters on the TAP, for worker 0 (needs no capability: a TAP that was lost is made anew); or on a
 * group of sockets, for each worker. DBR_ERR_UNSUPPORTED as above. */
int whence_watch_tap(const struct whence *w, const struct dbr_tap *t, struct dbr_why *why);
int whence_watch_udp(const struct whence *w, const struct udp_group *g, struct dbr_why *why);

#endif
