/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A network namespace for the whole test program, which goes when the program ends.
 */
#ifndef TEST_BRIDGE_NETNS_H
#define TEST_BRIDGE_NETNS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SKIPPED = 77 }; /* what ctest counts as skipped */

/* Returns 0 in a fresh namespace with nothing but lo, or SKIPPED after saying why. */
static inline int enter_namespace(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        printf("skipped: needs root for a network namespace of its own\n");
        return SKIPPED;
    }
    if (access("/dev/net/tun", R_OK | W_OK) < 0) {
        printf("skipped: no /dev/net/tun\n");
        return SKIPPED;
    }
    if (system("command -v ip >/dev/null && ip link set lo up") != 0) {
        printf("skipped: no ip(8)\n");
        return SKIPPED;
    }
    return 0;
}

#endif
