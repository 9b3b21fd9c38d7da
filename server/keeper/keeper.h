/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The keeper: the root process. It reads the configuration, opens everything that needs a right (UDP sockets,
 * TAP, bridge, files, listening sockets), starts control and data, keeps only a handful of capabilities, and
 * from then on supervises: restarts who died, hands over a changed CRL, mends TAP and bridge, keeps the
 * bridge's table, passes signals on, and at the end undoes the bridge. It reads no byte from the network. One
 * thread, one epoll loop.
 *
 *     main.c     arguments, --help, --check-config, daemon, then:
 *     open.c     keeper_open()  ... everything that the children inherit; keeper_close() undoes it
 *     lan.c      open_tap() ... ... TAP and bridge
 *     child.c    child_start()  ... fork, what the child keeps, its rights, its program
 *     loop.c     keeper_run()   ... events until the end
 *     mend.c     mend_*()       ... TAP and bridge when somebody else touched them
 *     neighbours.c neighbours_*() ... whose addresses no peer gets
 *     memory.c   memory_open()  ... the two files of the revocation memory
 *     figures.c  figures_send() ... what the processes use, for metrics
 *     reload.c   reload()       ... SIGHUP: everything that the configuration names, read again for control
 *     tap.c      tap_address()  ... client role: the address of the TAP, its DHCP lease, `up` and `down`
 *     routes.c   route_take()   ... client role: routes
 *     poolfile.c pool_file_take() ... who had which address of the pool
 *     keys.c     keys_send()    ... the files of the private key, opened for the signer
 *     hooks.c    hook_take()    ... scripts that control has run: queue, bound of time, result
 */
#ifndef DBR_KEEPER_KEEPER_H
#define DBR_KEEPER_KEEPER_H

#include "bridge/netlink.h"
#include "bridge/tap.h"
#include "bridge/vlan.h"
#include "conf/config.h"
#include "ipc/boot.h"
#include "ipc/messages.h"
#include "keeper/address.h"
#include "keeper/backoff.h"
#include "keeper/fdbset.h"
#include "keeper/lease.h"
#include "keeper/logsink.h"
#include "keeper/notify.h"
#include "keeper/passphrase.h"
#include "keeper/pulse.h"
#include "keeper/rights.h"
#include "keeper/sockets.h"
#include "keeper/trial.h"
#include "ipc/capath.h"
#include "keeper/folder.h"
#include "keeper/watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define S_NS  1000000000ull
#define MS_NS 1000000ull

enum { GUARDED_IPS = DBR_IPC_GUARDED_IPS, ROUTES_MAX = 160, ENV_MAX = 96 };

/* A route that control asked for. */
struct own_route {
    struct dbr_ipc_route said;
    struct if_route now; /* as the kernel has it */
    bool set;
};

/* Addresses of the gateway, the bridge and this host, which no peer may claim by ARP or ND. */
struct guarded_ips {
    uint32_t ip4[GUARDED_IPS];    /* host order, 0 = none */
    uint8_t ip6[GUARDED_IPS][16]; /* zeros = none */
};

/* What the children run; each returns the exit code of its process. data takes what it needs from the
 * configuration and frees it: there may be keys in it. */
struct keeper_programs {
    int (*control)(const struct dbr_boot *boot);
    int (*data)(const struct dbr_boot *boot, struct dbr_config *config, const struct guarded_ips *guarded);
    int (*fetch)(const struct dbr_boot *boot);   /* NULL: there is none */
    int (*metrics)(const struct dbr_boot *boot); /* likewise */
    int (*signer)(const struct dbr_boot *boot);  /* NULL: control has the private key */
};

enum child_kind { CHILD_CONTROL, CHILD_DATA, CHILD_FETCH, CHILD_METRICS, CHILD_SIGNER, CHILDREN };

struct child {
    pid_t pid;  /* 0 = not running */
    int status; /* of the last one, as waitpid() gives it */
    int pidfd;  /* -1 = none */
    int ipc;    /* keeper's end of its pair; -1 = none */
    bool ready;
    bool was_ready; /* once: a later process is a restart */
    struct backoff backoff;
    _Atomic uint64_t *alive; /* DBR_MAX_WORKERS counters, shared with it */
    struct pulse pulse[DBR_MAX_WORKERS];
    uint64_t restart_ns; /* when to start it again; 0 = not due */
    uint32_t restarts;
    uint64_t cpu_ns; /* of those that have ended */
};

enum { LINK_EVENTS = DBR_LINK_LOST + 1 };

struct keeper {
    struct dbr_config *config;
    int argc; /* what it was read from; argv NULL: it cannot be read again */
    char *const *argv;
    int home_fd; /* the folder that its file names are relative to; -1 = none */
    const struct keeper_programs *programs;
    struct logsink sink;
    struct dbr_log log;
    struct notify notify;
    struct rights_user user;
    char passphrase[PASSPHRASE_MAX]; /* of the private key; "" = none */
    uint8_t token_secret[32];        /* for tokens that need not outlive us */
    struct dbr_ipc_login login;      /* client role: user name and password; user "" = none */
    char login_file[512];            /* what auth-user-pass names, from the root; "" = none */
    pid_t socks_pid;                 /* 0 = none */
    int socks_fd;
    uint64_t socks_ns;    /* when it was started */
    uint8_t socks_family; /* where the proxy is; 0 = not known */
    uint8_t socks_ip[16];
    pid_t asker; /* asks for more; 0 = none */
    int asker_fd;
    char run_dir[96]; /* the bridge's journal, the DHCP client's files */

    /* what the children inherit */
    unsigned n_workers;
    bool client, single; /* as in struct dbr_boot */
    struct udp_group udp;
    struct udp_group more[DBR_MAX_LOCALS - 1]; /* of the second `local` and those behind it */
    unsigned n_more;
    struct dbr_conf_binding bound; /* of udp; client role */
    struct dbr_tap tap;
    struct dbr_steer steer;
    unsigned lanes; /* queues of the TAP that each worker has */
    dbr_steer_slots *slots;
    uint32_t tap_mtu;
    uint64_t tap_mac;
    int pair_control[DBR_MAX_WORKERS], pair_data[DBR_MAX_WORKERS]; /* both ends of each; -1 = none */
    int pair_fetch[2];                                             /* control's and fetch's end; -1 = none */
    int pair_metrics[2];                                           /* control's and metrics' end; -1 = none */
    int pair_signer[2]; /* control's and the signer's end; -1 = none */
    int metrics_fd;     /* where metrics listens; -1 = not */
    int status_fd, ccd_fd, ctl_fd, management_fd;
    int log_fd;       /* where sink.copy arrives; -1 = there are no managers */
    int crl_state[2]; /* the revocation memory; -1 = none */
    bool wrote_pid;

    /* bridge */
    struct dbr_netlink *netlink;
    struct dbr_linkmon *linkmon;
    bool bridged;
    struct dbr_bridge_state bridge;
    uint64_t gateway_mac;
    struct guarded_ips guarded; /* as data was told, or is to be told at neighbours_ns */
    struct trial trial;         /* of the bridge, until it is confirmed */
    int turn;                   /* at the bridge, while it is raised first (turn.h); -1 = not held */
    struct fdbset fdb;
    uint64_t mended_ns[LINK_EVENTS]; /* when each kind of loss was mended; 0 = never */
    bool given_up[LINK_EVENTS];

    /* client role */
    struct if_address tap_v4, tap_v6; /* set by us */
    pid_t dhcp;                       /* 0 = none */
    struct lease lease;
    uint64_t lease_ns; /* when to look for the lease; 0 = nobody asks for one */
    struct own_route routes[ROUTES_MAX];
    size_t n_routes;
    bool dns_set, dns_ran;           /* by us; by dns-updown */
    struct dbr_ipc_dns dns_said;     /* control's last word */
    struct dbr_ipc_env env[ENV_MAX]; /* for scripts */
    size_t n_env;
    bool up_ran;                       /* then `down` is due; of a server also without `up` */
    struct dbr_ipc_tap_address up_for; /* what `up` was run for last */

    int lock;            /* flags of mlockall(), 0: none */
    bool pool_file_bad;  /* the admin has been told that it cannot be written */
    struct hooks *hooks; /* scripts that wait or run; NULL: none yet */

    /* life */
    int epoll, signals;
    struct child child[CHILDREN];
    bool has_fetch, has_metrics, has_signer;
    struct watch crl, withdrawn;
    struct folder revoked;
    bool capath_seen; /* the stamps say something (capath.c) */
    uint64_t capath_stamp[DBR_CAPATH_KINDS];
    uint64_t crl_ns, watchdog_ns, pulse_ns; /* when each is due */
    uint64_t neighbours_ns;                 /* when to look at the addresses again; 0 = not */
    bool serving;                           /* everybody was ready once */
    bool stopping;                          /* no restarts any more */
    uint64_t stop_ns;                       /* when the next step of the end is due; 0 = none */
    int exit_code;
    bool background; /* standard error is the caller's terminal: leave it once we serve */
    int told_parent; /* pipe to the process that waits for `daemon`; -1 = none */
};

uint64_t monotonic_ns(void);

/* open.c */
void keeper_init(struct keeper *k, struct dbr_config *config, const struct keeper_programs *programs);
/* Opens log, TAP, bridge, sockets, files. 0, or a negative error after one logged line; close() is due in any
 * case. */
int keeper_open(struct keeper *k);
void keeper_watch_lists(struct keeper *k); /* the file or folder of crl-verify, from now on */
void keeper_close(struct keeper *k);
/* Client role: other sockets in the place of those that are there, bound as the call of this remote wants it.
 */
void new_port(struct keeper *k, int32_t remote);

/* One line for the admin: where the directive stands, what is wrong. Returns err, or DBR_ERR_IO for errno's.
 */
int keeper_complain(struct keeper *k, enum dbr_directive which, int err, const char *reason);
int keeper_complain_errno(struct keeper *k, enum dbr_directive which, const char *what, const char *path);

/* lan.c */
enum dbr_vlan_accept lan_vlans(const struct dbr_config *c); /* how the TAP carries VLANs */
int open_bridge(struct keeper *k); /* and netlink; errors as above, as of all of these */
/* A TAP in the place of one that was deleted, with the same name and MAC, in the bridge. */
int open_tap(struct keeper *k);
void close_tap(struct keeper *k);
void learn_on_tap(struct keeper *k); /* after it was put into the bridge */
int raise_bridge(struct keeper *k);  /* again: a first time is open_bridge() */
int watch_links(struct keeper *k);
int set_server_addresses(struct keeper *k); /* `ifconfig` of a server: for the bridge, or for the TAP alone */
void undo_bridge(struct keeper *k);

/* child.c */
int child_start(struct keeper *k, enum child_kind which);
/* Collects a child that has ended: logs how. */
void child_reap(struct keeper *k, enum child_kind which);
const char *child_name(enum child_kind which);
/* Closes every descriptor that is not among keep (n, sorted here; -1 counts for none). */
void close_all_but(int *keep, size_t n);
/* The priority (nice value) of the data process. */
int child_data_nice(const struct keeper *k);

/* memory.c */
const char *memory_dir(const struct dbr_config *c); /* where things are remembered; NULL = nowhere */
int memory_open(struct keeper *k); /* 0 also when there is no place for it, after a warning */

/* figures.c */
void figures_send(struct keeper *k, uint32_t ticket); /* to metrics: what the processes use */
/* The start of /proc/PID/FILE as a string, "" and false when it cannot be read. */
bool figures_proc(pid_t pid, const char *file, char *text, size_t cap);
uint64_t figures_cpu_ns(pid_t pid); /* CPU time of a process; 0: it is gone */

/* reload.c */
void reload(struct keeper *k);

/* loop.c */
int loop_open(struct keeper *k); /* epoll and signals; from here on signals wait for keeper_run() */
/* Serves until the end; the exit code of the program. */
int keeper_run(struct keeper *k);
void keeper_stop(struct keeper *k, int exit_code);
void tell_control(struct keeper *k, enum dbr_state what);
void forget_addresses(struct keeper *k); /* takes all FDB entries away */
void leave_terminal(
    struct logsink *s); /* standard output and error become what standard input is: /dev/null */
int poll_add(struct keeper *k, int fd, uint32_t event);
enum keeper_event {
    EVENT_SIGNAL,
    EVENT_LINKS,
    EVENT_ASKER,
    EVENT_SOCKS,
    EVENT_TRIAL,
    EVENT_IPC,
    EVENT_PID = EVENT_IPC + CHILDREN
};

/* mend.c */
void mend_read(struct keeper *k); /* the link monitor is readable */
bool mend_tap(struct keeper *k);  /* before data is started: false when there is no TAP to be had */

/* neighbours.c */
void neighbours_find(struct keeper *k); /* before a child is started */
void neighbours_tell(struct keeper *k); /* looks again, and tells data what is other than before */

/* tap.c */
void tap_address(struct keeper *k, const struct dbr_ipc_tap_address *m);
void tap_forget(struct keeper *k); /* takes addresses and routes away, ends the DHCP client */
int tap_or_bridge(const struct keeper *k);
/* An IPv4 address of this machine on an interface that is neither TAP, bridge nor loopback; its parts. */
struct ifaddrs;
bool is_ours(const struct keeper *k, const char *name); /* an interface: TAP or bridge */
bool is_elsewhere(const struct keeper *k, const struct ifaddrs *a);
const uint8_t *address_of(const struct ifaddrs *a);
uint8_t prefix_of_interface(const struct ifaddrs *a);
void lease_look(struct keeper *k); /* at lease_ns */
void env_take(struct keeper *k, const struct dbr_ipc_env *m);
void run_down(struct keeper *k);
void run_route_pre_down(struct keeper *k); /* before routes go */

/* dns.c */
void dns_take(struct keeper *k, const struct dbr_ipc_dns *m);
void dns_again(struct keeper *k); /* the lease names others */
void dns_forget(struct keeper *k);
void dns_recover(struct keeper *k); /* once the TAP has its name */

/* login.c */
void login_take(struct keeper *k, const struct dbr_ipc_ask *m); /* asks; a question that is open is dropped */
void login_read(struct keeper *k);                              /* there is an answer */
void login_end(struct keeper *k);

/* poolfile.c */
void pool_file_take(struct keeper *k, int fd); /* borrows fd */

/* hooks.c */
/* Every command of the configuration, and the folders of files for them: may it be run, and is it there? 0,
 * or an error after a line. */
int hooks_check(struct keeper *k);
void hook_take(struct keeper *k,
               const struct dbr_ipc_hook *m); /* consumes nothing; answers at once when full */
void hook_drop(struct keeper *k, const struct dbr_ipc_hook_done *m); /* nobody waits for it any more */
void hook_own(struct keeper *k, enum dbr_hook hook);                 /* keeper's own: nobody waits for it */
void hooks_reap(struct keeper *k);                                   /* SIGCHLD came, or a time is due */
uint64_t hooks_deadline(const struct keeper *k);                     /* 0: none */
void hooks_forget_control(struct keeper *k); /* it has died: its next one knows nothing of these */
bool hooks_busy(const struct keeper *k);
void hooks_free(struct keeper *k);

/* routes.c */
void route_take(struct keeper *k, const struct dbr_ipc_route *m);
void routes_again(struct keeper *k); /* after a change of address or lease */
void routes_forget(struct keeper *k);

#endif
