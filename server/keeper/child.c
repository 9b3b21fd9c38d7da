/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Birth and death of control and data.
 */
#include "keeper/keys.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *child_name(enum child_kind which)
{
    static const char *const names[] = {"control", "data", "fetch", "metrics", "signer"};
    return names[which];
}

/* ---- in the child ---- */

/* The boot struct with what lock_down() needs behind it. */
struct born {
    struct dbr_boot boot;
    enum rights_of who;
    struct rights_user user;
    bool background;
};

static int lock_down(const struct dbr_boot *boot)
{
    const struct born *b = (const struct born *)((const char *)boot - offsetof(struct born, boot));
    if (b->background)
        leave_terminal(boot->log.arg);
    /* the others have dropped before they made their threads */
    bool now = b->who == RIGHTS_CONTROL || b->who == RIGHTS_METRICS || b->who == RIGHTS_SIGNER;
    int err = !now ? 0 : rights_drop(b->who, &b->user, boot->ccd_fd, &boot->log);
    return err ? err : rights_filter(b->who, boot->ccd_fd, &boot->log);
}

static void put_mac(uint8_t out[6], uint64_t mac)
{
    dbr_put16(out, (uint16_t)(mac >> 32));
    dbr_put32(out + 2, (uint32_t)mac);
}

static void fill_common(const struct keeper *k, enum child_kind which, struct dbr_boot *b)
{
    *b = (struct dbr_boot){.argc = k->argc,
                           .argv = k->argv,
                           .log = k->log,
                           .n_workers = k->n_workers,
                           .client = k->client,
                           .single = k->single,
                           .multihome = k->config->multihome && !k->client,
                           .tap_offloads = k->tap.offload,
                           .tap_mtu = k->tap_mtu,
                           .restarted = k->child[which].was_ready,
                           .alive = k->child[which].alive,
                           .ipc_fetch = -1,
                           .ipc_metrics = -1,
                           .ipc_signer = -1,
                           .crl_state = {-1, -1},
                           .status_fd = -1,
                           .ccd_fd = -1,
                           .ctl_fd = -1,
                           .management_fd = -1,
                           .log_fd = -1,
                           .metrics_fd = -1,
                           .lock_down = lock_down};
    memcpy(b->tap_name, k->tap.name, sizeof b->tap_name);
    put_mac(b->tap_mac, k->tap_mac);
    put_mac(b->bridge_mac, k->bridged ? k->bridge.mac : 0);
    put_mac(b->gateway_mac, k->gateway_mac);
    for (unsigned i = 0; i < DBR_MAX_WORKERS; i++) {
        b->udp[1 + i] = b->ipc_control[i] = b->ipc_worker[i] = -1;
    }
    b->udp[0] = -1;
    for (unsigned i = 0; i < DBR_MAX_QUEUES; i++)
        b->tap[i] = -1;
    b->n_more = k->n_more;
    for (unsigned g = 0; g < k->n_more; g++)
        for (unsigned i = 0; i <= DBR_MAX_WORKERS; i++)
            b->more[g][i] = -1;
}

_Static_assert((int)DBR_MAX_QUEUES == (int)DBR_TAP_QUEUES_MAX, "a queue of the TAP each");

static void fill(const struct keeper *k, enum child_kind which, struct dbr_boot *b)
{
    fill_common(k, which, b);
    if (which == CHILD_CONTROL) {
        b->config = k->config;
        b->key_pass = *k->passphrase && !k->has_signer ? k->passphrase : NULL;
        b->key_locked = k->has_signer && passphrase_locks(k->config);
        b->token_secret = k->token_secret;
        b->login = *k->login.user ? &k->login : NULL;
        b->udp[0] = k->udp.fd[0];
        for (unsigned g = 0; g < k->n_more; g++)
            b->more[g][0] = k->more[g].fd[0];
        memcpy(b->ipc_control, k->pair_control, sizeof b->ipc_control);
        b->status_fd = k->status_fd;
        b->ccd_fd = k->ccd_fd;
        b->ctl_fd = k->ctl_fd;
        b->management_fd = k->management_fd;
        b->log_fd = k->log_fd;
        b->ipc_fetch = k->pair_fetch[0];
        b->ipc_metrics = k->pair_metrics[0];
        b->ipc_signer = k->pair_signer[0];
        memcpy(b->crl_state, k->crl_state, sizeof b->crl_state);
        return;
    }
    if (which == CHILD_FETCH) {
        b->ipc_fetch = k->pair_fetch[1];
        memcpy(b->crl_state, k->crl_state, sizeof b->crl_state);
        return;
    }
    if (which == CHILD_METRICS) {
        b->ipc_metrics = k->pair_metrics[1];
        b->metrics_fd = k->metrics_fd;
        return;
    }
    if (which == CHILD_SIGNER) {
        b->ipc_signer = k->pair_signer[1];
        b->key_pass = *k->passphrase ? k->passphrase : NULL;
        return;
    }
    for (unsigned i = 0; i < k->n_workers; i++) {
        b->udp[1 + i] = k->udp.fd[1 + i];
        for (unsigned g = 0; g < k->n_more; g++)
            b->more[g][1 + i] = k->more[g].fd[1 + i];
    }
    b->lanes = k->lanes;
    memcpy(b->tap, k->tap.fd, sizeof b->tap);
    memcpy(b->ipc_worker, k->pair_data, sizeof b->ipc_worker);
    b->steer = k->slots;
    b->n_steer = k->slots ? DBR_STEER_SLOTS : 0;
}

static int by_number(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void close_all_but(int *keep, size_t n)
{
    unsigned next = 0;
    qsort(keep, n, sizeof keep[0], by_number);
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < 0)
            continue;
        if ((unsigned)keep[i] > next)
            close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    close_range(next, ~0u, 0);
}

/* What a child does not have it cannot misuse. */
static void close_others(const struct keeper *k, const struct dbr_boot *b)
{
    const int single[] = {0,
                          1,
                          2,
                          k->sink.fd,
                          k->sink.syslog,
                          b->ipc_keeper,
                          b->status_fd,
                          b->ccd_fd,
                          b->ctl_fd,
                          b->management_fd,
                          b->log_fd,
                          k->sink.copy,
                          b->udp[0],
                          b->ipc_fetch,
                          b->crl_state[0],
                          b->crl_state[1],
                          b->ipc_metrics,
                          b->ipc_signer,
                          b->metrics_fd};
    int keep[sizeof single / sizeof single[0] + 3 * DBR_MAX_WORKERS + DBR_MAX_QUEUES +
             sizeof b->more / sizeof(int)];
    size_t n = sizeof single / sizeof single[0];
    memcpy(keep, single, sizeof single);
    for (unsigned g = 0; g < b->n_more; g++, n += 1 + DBR_MAX_WORKERS)
        memcpy(keep + n, b->more[g], sizeof b->more[g]);
    for (unsigned i = 0; i < DBR_MAX_WORKERS; i++) {
        keep[n++] = b->udp[1 + i];
        keep[n++] = b->ipc_control[i];
        keep[n++] = b->ipc_worker[i];
    }
    for (unsigned i = 0; i < DBR_MAX_QUEUES; i++)
        keep[n++] = b->tap[i];
    close_all_but(keep, n);
}

static void quiet_signals(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
    sigset_t none;
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Control tells managers its own lines itself. */
static void copy_to_managers(struct keeper *k, enum child_kind which)
{
    if (which != CHILD_CONTROL || k->sink.copy < 0)
        return;
    close(k->sink.copy);
    k->sink.copy = -1;
}

/* What of keeper's memory is not this child's. */
static void forget_secrets(struct keeper *k, enum child_kind which)
{
    if (which != CHILD_SIGNER && (which != CHILD_CONTROL || k->has_signer))
        dbr_wipe(k->passphrase, sizeof k->passphrase);
    if (which == CHILD_CONTROL && k->has_signer)
        keys_forget(k->config);
    if (which == CHILD_CONTROL)
        return;
    dbr_wipe(&k->login, sizeof k->login);
    dbr_wipe(k->token_secret, sizeof k->token_secret);
}

int child_data_nice(const struct keeper *k)
{
    enum { BEFORE_OTHERS = 10, HIGHEST = -20 };
    int nice = (int)k->config->nice - BEFORE_OTHERS;
    return nice < HIGHEST ? HIGHEST : nice;
}

/* Frames do not wait for a time slice of other programs of the host. */
static void prefer_frames(const struct keeper *k)
{
    if (setpriority(PRIO_PROCESS, 0, child_data_nice(k)))
        dbr_log(&k->log, DBR_LOG_VERBOSE,
                "data: no priority of %d: %s; LimitNICE of the systemd unit allows it", child_data_nice(k),
                strerror(errno));
}

static _Noreturn void live(struct keeper *k, enum child_kind which, int ipc)
{
    static const enum rights_of whose[] = {RIGHTS_CONTROL, RIGHTS_DATA, RIGHTS_FETCH, RIGHTS_METRICS,
                                           RIGHTS_SIGNER};
    struct born b = {.who = whose[which], .user = k->user, .background = k->background};
    fill(k, which, &b.boot);
    b.boot.ipc_keeper = ipc;
    quiet_signals();
    copy_to_managers(k, which);
    close_others(k, &b.boot);
    if (k->lock && mlockall(k->lock)) /* not inherited */
        dbr_log(&k->log, DBR_LOG_WARN, "WARNING: mlock: %s cannot lock its memory: %s", child_name(which),
                strerror(errno));
    forget_secrets(k, which);
    int code;
    if (which == CHILD_DATA) {
        prefer_frames(k);
        code = rights_drop(RIGHTS_DATA, &k->user, -1, &k->log)
                   ? 1
                   : k->programs->data(&b.boot, k->config, &k->guarded);
    } else if (which == CHILD_FETCH) {
        dbr_config_free(k->config); /* there may be keys in it */
        code = rights_drop(RIGHTS_FETCH, &k->user, -1, &k->log) ? 1 : k->programs->fetch(&b.boot);
    } else if (which == CHILD_METRICS) {
        dbr_config_free(k->config);
        code = k->programs->metrics(&b.boot);
    } else if (which == CHILD_SIGNER) {
        dbr_config_free(k->config); /* keeper sends what it needs */
        code = k->programs->signer(&b.boot);
    } else {
        code = k->programs->control(&b.boot);
    }
    exit(code);
}

/* ---- in keeper ---- */

/* What was queued for the dead process, or by it for nobody, would misinform the next one. */
static void drain(const int *ends, unsigned n)
{
    char one;
    for (unsigned i = 0; i < n; i++)
        while (recv(ends[i], &one, 1, MSG_DONTWAIT | MSG_TRUNC) > 0)
            ;
}

static void drain_for(struct keeper *k, enum child_kind which)
{
    if (!k->child[which].was_ready)
        return;
    /* Both times what travels towards the survivor stays: it is the truth of a moment ago and is read in
     * order. What the new control would get from the time before is in the workers' answers to
     * DBR_IPC_PEERS_GET. */
    if (which == CHILD_FETCH) {
        drain(&k->pair_fetch[1], 1);
        return;
    }
    if (which == CHILD_METRICS) {
        drain(&k->pair_metrics[1], 1);
        return;
    }
    if (which == CHILD_SIGNER) {
        drain(&k->pair_signer[1], 1);
        return;
    }
    drain(which == CHILD_DATA ? k->pair_data : k->pair_control, k->n_workers);
    if (which == CHILD_CONTROL && k->has_fetch)
        drain(&k->pair_fetch[0], 1);
    if (which == CHILD_CONTROL && k->has_metrics)
        drain(&k->pair_metrics[0], 1);
    if (which == CHILD_CONTROL && k->has_signer)
        drain(&k->pair_signer[0], 1);
}

static int watch_child(struct keeper *k, enum child_kind which, pid_t pid, int ipc)
{
    struct child *c = &k->child[which];
    c->pid = pid;
    c->ipc = ipc;
    c->ready = false;
    c->restart_ns = 0;
    memset(c->pulse, 0, sizeof c->pulse);
    c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    int err = c->pidfd < 0 ? DBR_ERR_IO : poll_add(k, c->pidfd, EVENT_PID + which);
    return err ? err : poll_add(k, ipc, EVENT_IPC + which);
}

/* A child that we cannot watch must not be. */
static void abandon(struct child *c, pid_t pid, int ipc)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    if (c->pidfd >= 0)
        close(c->pidfd);
    close(ipc);
    c->pid = 0;
    c->pidfd = c->ipc = -1;
}

/* At the first start a key that cannot be opened is the end; later there is somebody who says so. */
static int signer_started(struct keeper *k)
{
    const bool again = k->child[CHILD_SIGNER].was_ready;
    int err = keys_send(k, k->config);
    if (again)
        tell_control(k, DBR_STATE_SIGNER_NEW);
    return again ? 0 : err;
}

int child_start(struct keeper *k, enum child_kind which)
{
    int pair[2];
    if (which == CHILD_DATA && !mend_tap(k))
        return DBR_ERR_IO;
    drain_for(k, which);
    if (which == CHILD_CONTROL)
        hooks_forget_control(k);
    if (which == CHILD_CONTROL && k->child[which].was_ready && k->has_signer)
        keys_send(k, k->config); /* control reads the certificate again: the key is of the same moment */
    if (which == CHILD_DATA)
        neighbours_find(k);
    for (unsigned i = 0; i < DBR_MAX_WORKERS; i++)
        atomic_store_explicit(&k->child[which].alive[i], 0, memory_order_relaxed);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot start %s: %s", child_name(which), strerror(errno));
        return DBR_ERR_IO;
    }
    int room = 1 << 20; /* many scripts may be asked for at once */
    for (int j = 0; which == CHILD_CONTROL && j < 2; j++)
        setsockopt(pair[j], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    k->child[which].restarts += k->child[which].was_ready;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        live(k, which, pair[1]);
    close(pair[1]);
    int err = pid < 0 ? DBR_ERR_IO : watch_child(k, which, pid, pair[0]);
    if (err) {
        dbr_log(&k->log, DBR_LOG_ERROR, "cannot start %s: %s", child_name(which), strerror(errno));
        abandon(&k->child[which], pid, pair[0]);
        return err;
    }
    dbr_log(&k->log, DBR_LOG_VERBOSE, "%s: process %d", child_name(which), (int)pid);
    if (which == CHILD_DATA && k->child[which].was_ready)
        tell_control(k, DBR_STATE_DATA_NEW);
    if (which == CHILD_FETCH && k->child[which].was_ready)
        tell_control(k, DBR_STATE_FETCH_NEW);
    return which == CHILD_SIGNER ? signer_started(k) : 0;
}

static void say_end(struct keeper *k, enum child_kind which, int status)
{
    /* Whoever cannot start has said why; at the end it is what we asked for. */
    int level = k->stopping || (!k->serving && WIFEXITED(status)) ? DBR_LOG_VERBOSE : DBR_LOG_ERROR;
    if (WIFSIGNALED(status))
        dbr_log(&k->log, level, "%s process was ended by signal %d (%s)%s", child_name(which),
                WTERMSIG(status), strsignal(WTERMSIG(status)),
                WTERMSIG(status) == SIGSYS ? ": a system call that is not on its list; see the kernel's log"
                                           : "");
    else if (WEXITSTATUS(status) || !k->stopping)
        dbr_log(&k->log, level, "%s process ended with status %d", child_name(which), WEXITSTATUS(status));
}

void child_reap(struct keeper *k, enum child_kind which)
{
    struct child *c = &k->child[which];
    int status = 0;
    uint64_t cpu_ns = c->pid ? figures_cpu_ns(c->pid) : 0;
    if (!c->pid || waitpid(c->pid, &status, WNOHANG) != c->pid)
        return;
    c->status = status;
    c->cpu_ns += cpu_ns;
    say_end(k, which, status);
    close(c->pidfd);
    if (c->ipc >= 0)
        close(c->ipc);
    c->pid = 0;
    c->pidfd = c->ipc = -1;
    c->ready = false;
}
