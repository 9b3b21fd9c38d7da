/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a child process is born with: descriptors that keeper opened and the configuration that keeper read.
 * Filled by keeper, borrowed by control_main() and data_main() for their whole life.
 */
#ifndef DBR_IPC_BOOT_H
#define DBR_IPC_BOOT_H

#include "base/log.h"
#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_MAX_WORKERS = 16 };

struct dbr_config;

/* Rights: called by the child when everything it needs is open and warm; drops ids, capabilities, sets
 * no_new_privs and the seccomp list of its process (server/keeper/rights.c). 0 or a negative error after a
 * logged line. */
struct dbr_boot {
    const struct dbr_config *config;
    struct dbr_log log;
    unsigned n_workers;
    bool client;                      /* role: false = server */
    int udp[1 + DBR_MAX_WORKERS];     /* [0] control, [1 + i] worker i; IPv6 dual-stack UDP, UDP_GRO set */
    int tap[DBR_MAX_WORKERS];         /* one queue per worker, non-blocking */
    int ipc_control[DBR_MAX_WORKERS]; /* control's ends of the pairs to the workers (control only, else -1) */
    int ipc_worker[DBR_MAX_WORKERS];  /* workers' ends (data only, else -1) */
    int ipc_keeper;                   /* this process's end of its pair with keeper */
    char tap_name[16];
    uint32_t tap_offloads;             /* TUN_F_* that the kernel accepted */
    uint32_t tap_mtu;                  /* largest layer-3 packet of a frame, bytes */
    uint8_t tap_mac[6], bridge_mac[6]; /* zero if none */
    uint8_t gateway_mac[6];            /* the LAN's gateway if known at start, else zero */
    uint32_t *steer;                   /* mmapped queue index array of the TAP steering program, or NULL */
    size_t n_steer;
    int (*lock_down)(const struct dbr_boot *boot); /* see above */
};

#endif
