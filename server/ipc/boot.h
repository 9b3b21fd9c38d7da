/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a child process is born with: descriptors that keeper opened and the configuration that keeper read.
 * Filled by keeper, borrowed by dbr_control_main() and dbr_data_main() for their whole life.
 *
 * What a child may rely on:
 *  - End of file on ipc_keeper means "end now": return 0. Keeper waits 1 s and then kills.
 *  - SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 and SIGPIPE are ignored in the children; keeper tells them
 * what they need to know in messages. SIGCHLD and all others are at their defaults.
 *  - The pairs between control and data outlive both: keeper holds both ends of each, so that neither side
 * sees an end of file when the other dies. When data was restarted, control gets DBR_STATE_DATA_NEW from
 * keeper (every peer and key in data is gone); when control was restarted (boot->restarted), it asks each
 * worker with DBR_IPC_PEERS_GET. Before the new process starts, keeper empties what was queued for or by the
 * dead one, as far as it would misinform: control -> data after the death of data, data -> control after that
 * of control. No message is delivered twice, so a key is never installed twice. Either side must bear
 * messages about a peer that it does not know.
 *  - The pair between control and fetch lives as long. When fetch was restarted, control gets
 * DBR_STATE_FETCH_NEW and tells it everything again; when control was restarted, it does so by itself.
 *  - Who hangs is killed and restarted: each loop raises its counter in boot->alive at every turn, and turns
 * at least every 2 s. A counter that has moved once and then stands still for 10 s means a hang.
 *  - A return or death before DBR_IPC_READY at the first start ends the whole program with status 1 (the
 * child has logged the reason); later it is restarted.
 */
#ifndef DBR_IPC_BOOT_H
#define DBR_IPC_BOOT_H

#include "base/log.h"
#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_MAX_WORKERS = 16, DBR_MAX_LOCALS = 8, DBR_MAX_QUEUES = 64 };

struct dbr_config;

/* Rights: called by the child when everything it needs is open and warm; drops ids, capabilities, sets
 * no_new_privs and the seccomp list of its process (server/keeper/rights.c). 0 or a negative error after a
 * logged line. */
struct dbr_boot {
    const struct dbr_config *config;
    int argc; /* of what it was read from: a reload reads it again */
    char *const *argv;
    struct dbr_log log;
    unsigned n_workers;
    bool client; /* role: false = server */
    bool single; /* there is one peer at a time: client role, or `tls-server` without `mode server` */
    int udp[1 + DBR_MAX_WORKERS]; /* [0] control, [1 + i] worker i; IPv6 dual-stack UDP, UDP_GRO set */
    unsigned n_more;              /* groups beside udp: one for each further `local` */
    int more[DBR_MAX_LOCALS - 1][1 + DBR_MAX_WORKERS]; /* as udp; dbr_addr.via is 1 + index */
    unsigned lanes;                   /* queues of the TAP that each worker has (bridge/tap.h); 0 means 1 */
    int tap[DBR_MAX_QUEUES];          /* [i * lanes + l] is lane l of worker i, non-blocking */
    int ipc_control[DBR_MAX_WORKERS]; /* control's ends of the pairs to the workers (control only, else -1) */
    int ipc_worker[DBR_MAX_WORKERS];  /* workers' ends (data only, else -1) */
    int ipc_keeper;                   /* this process's end of its pair with keeper */
    int ipc_fetch;                    /* control's or fetch's end of their pair; -1: there is no fetch */
    bool multihome;                   /* answers leave from the address that was called */
    int ipc_metrics;                  /* control's or metrics' end of theirs; -1: nobody asks for numbers */
    char tap_name[16];
    uint32_t tap_offloads;             /* TUN_F_* that the kernel accepted */
    uint32_t tap_mtu;                  /* largest layer-3 packet of a frame, bytes */
    uint8_t tap_mac[6], bridge_mac[6]; /* zero if none */
    uint8_t gateway_mac[6];            /* the LAN's gateway if known at start, else zero */
    _Atomic uint64_t *steer;           /* mmapped slots of the TAP steering program (bridge/tap.h), or NULL */
    size_t n_steer;
    bool restarted;          /* this process replaces one that died */
    _Atomic uint64_t *alive; /* see above: control has [0], worker i of data has [i]; shared with keeper */
    /* control only, -1 where the configuration asks for none; all made by keeper, so that control needs no
     * right to open anything */
    const char *key_pass; /* passphrase of the private key that the admin was asked for; NULL: none. The
                             signer's, where there is one */
    const uint8_t *token_secret; /* 32 random bytes for auth-gen-token without auth-gen-token-secret, the same
                                    in every process of control; NULL: none */
    const struct dbr_ipc_login *login; /* client role: what the admin was asked for; NULL: none, ask keeper */
    int status_fd;                     /* status file, read-write: pwrite, then ftruncate */
    int crl_state[2];  /* the two places of the revocation memory, ipc/crlstate.h; also fetch's */
    int ccd_fd;        /* client-config-dir: openat(ccd_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) */
    int ctl_fd;        /* listening AF_UNIX SOCK_SEQPACKET socket of drawbridge-ctl */
    int management_fd; /* listening management socket (TCP or AF_UNIX stream) */
    int log_fd;        /* lines of the other processes, for managers: a byte of level, then the text */
    int metrics_fd;    /* metrics only: listening TCP socket */
    int ipc_signer;    /* control's or the signer's end of their pair; 0 or less: there is no signer */
    bool key_locked;   /* control: the private key needs a passphrase */
    int (*lock_down)(const struct dbr_boot *boot); /* see above */
};

#endif
