/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The data process: frames between the peers' datagrams and the TAP. N worker threads, each with one UDP
 * socket of the group, one TAP queue, one pair to control, its peers, its keys and its counters. Keeper calls
 * dbr_data_main() in the process that it made for it; nothing else of this room crosses a process.
 */
#ifndef DBR_DATA_DATA_H
#define DBR_DATA_DATA_H

#include "ipc/boot.h"
#include "ipc/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_DATA_OK = 0,
    DBR_DATA_FAILED = 1,   /* could not start or go on; a line was logged */
    DBR_DATA_TAP_GONE = 3, /* the TAP was deleted: keeper builds a new one and starts data again */

    DBR_DATA_IPS_MAX = DBR_IPC_GUARDED_IPS,
};

/* What keeper takes from the configuration for data. Zeroed fields get the defaults named here. */
struct dbr_data_limits {
    uint32_t max_peers;    /* peer ids are 0..max_peers-1; default 1,024, at most 16,777,215 */
    uint32_t max_macs;     /* addresses in the switch, LAN and peers together; default 8,192 */
    uint32_t age_s;        /* a MAC not seen for so long is forgotten; default 300 */
    bool client_to_client; /* peers see each other's frames */
    uint16_t vlan_accept;  /* enum dbr_vlan_accept (bridge/vlan.h) */
    uint16_t vlan_pvid;    /* the TAP's own VLAN, 1..4094 where vlan_accept is on */
    bool loop_guard;       /* find ports that lead back, and close them (loopguard.c) */
    bool no_super_frames;  /* neither coalesce towards the TAP nor UDP_SEGMENT towards the network */
    const char *aead;      /* name of the AEAD back end (crypto/aead.h), NULL = the fastest */
    uint32_t guarded_ip4[DBR_DATA_IPS_MAX]; /* host order, 0 = none: addresses of the gateway, the bridge and
                                               this host that no peer may claim by ARP */
    uint8_t guarded_ip6[DBR_DATA_IPS_MAX][16]; /* the same by neighbour advertisements; zeros = none */
};

/* Runs the data process until keeper closes its end of boot->ipc_keeper (boot->lock_down is called, and
 * DBR_IPC_READY sent, when everything is allocated, warm and the threads exist). boot and limits are
 * borrowed. Returns the exit code of the process: DBR_DATA_*.
 *
 * System calls after lock_down: epoll_wait, epoll_ctl, recvmmsg, sendmmsg, sendmsg, recvmsg, read, write,
 * writev, close, poll, futex, brk/mmap/munmap/madvise (malloc of keys), clock_gettime, exit, exit_group. */
int dbr_data_main(const struct dbr_boot *boot, const struct dbr_data_limits *limits);

#endif
