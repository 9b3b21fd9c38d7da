/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Which MAC addresses keeper has put onto the TAP port of the kernel's bridge, so that it can take them all
 * away again, and never puts more than a bound. An open-addressed set of (MAC, VLAN); owned by keeper's one
 * thread.
 */
#ifndef DBR_KEEPER_FDBSET_H
#define DBR_KEEPER_FDBSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FDBSET_MAX = 8192, FDBSET_SLOTS = 16384 };

struct fdbset {
    uint64_t slot[FDBSET_SLOTS]; /* 1 << 63 | vlan << 48 | mac48; 0 = empty */
    size_t n;
};

/* 0 when new; DBR_ERR_EXISTS; DBR_ERR_LIMIT when FDBSET_MAX are in. mac48 < 2^48, vlan < 4096. */
int fdbset_add(struct fdbset *s, uint64_t mac48, uint16_t vlan);
/* True if it was in. */
bool fdbset_del(struct fdbset *s, uint64_t mac48, uint16_t vlan);
bool fdbset_has(const struct fdbset *s, uint64_t mac48, uint16_t vlan);
/* Takes any one member out; false when empty. *at is the caller's cursor, 0 at the start. */
bool fdbset_pull(struct fdbset *s, size_t *at, uint64_t *mac48, uint16_t *vlan);

#endif
