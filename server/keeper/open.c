/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Everything that needs a right, opened in one order and closed in the reverse one.
 */
#include "keeper/keeper.h"
#include "base/err.h"
#include "ipc/rundir.h"
#include "keeper/keys.h"
#include "keeper/script.h"
#include "keeper/socks.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CTL_MODE = 0660 };

uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

void keeper_init(struct keeper *k, struct dbr_config *config, const struct keeper_programs *programs)
{
    memset(k, 0, sizeof *k);
    k->config = config;
    k->programs = programs;
    k->steer.map_fd = k->steer.prog_fd = -1;
    k->notify.fd = k->status_fd = k->ccd_fd = k->ctl_fd = k->management_fd = k->log_fd = k->socks_fd =
        k->asker_fd = k->epoll = k->signals = k->told_parent = -1;
    for (unsigned i = 0; i < DBR_TAP_QUEUES_MAX; i++)
        k->tap.fd[i] = -1;
    for (unsigned i = 0; i < DBR_MAX_WORKERS; i++)
        k->pair_control[i] = k->pair_data[i] = -1;
    k->trial.word = k->trial.pidfd = k->turn = -1;
    k->home_fd = k->pair_metrics[0] = k->pair_metrics[1] = k->metrics_fd = -1;
    k->pair_signer[0] = k->pair_signer[1] = -1;
    k->pair_fetch[0] = k->pair_fetch[1] = k->crl_state[0] = k->crl_state[1] = -1;
    for (unsigned i = 0; i < CHILDREN; i++)
        k->child[i].pidfd = k->child[i].ipc = -1;
    logsink_init(&k->sink);
    k->sink.timestamps = !config->suppress_timestamps;
    k->sink.machine = config->machine_readable_output;
    k->log = (struct dbr_log){.verb = config->verb, .sink = logsink_line, .arg = &k->sink};
}

int keeper_complain(struct keeper *k, enum dbr_directive which, int err, const char *reason)
{
    unsigned line;
    const char *file = dbr_config_where(k->config, which, &line);
    if (line)
        dbr_log(&k->log, DBR_LOG_FATAL, "%s:%u: %s: %s", file, line, dbr_directive_info(which)->keyword,
                reason);
    else
        dbr_log(&k->log, DBR_LOG_FATAL, "%s: %s", dbr_directive_info(which)->keyword, reason);
    return err;
}

int keeper_complain_errno(struct keeper *k, enum dbr_directive which, const char *what, const char *path)
{
    char text[512];
    snprintf(text, sizeof text, "cannot %s %s: %s", what, path, strerror(errno));
    return keeper_complain(k, which, DBR_ERR_IO, text);
}

/* ---- UDP ---- */

static unsigned count_workers(const struct dbr_config *c, bool single)
{
    long n = single ? 1 : c->workers ? c->workers : sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > DBR_MAX_WORKERS ? DBR_MAX_WORKERS : (unsigned)n;
}

/* A numeric address and a port, or any. */
static int bind_to(struct keeper *k, struct udp_group_config *u, const char *host, int port, int proto)
{
    if (host && addr_of_literal(&u->local, host, (uint16_t)port))
        return keeper_complain(k, DBR_D_local, DBR_ERR_CONFIG,
                               "not an address; give it in numbers, like 192.0.2.1");
    u->local.port = (uint16_t)port;
    if (!host && proto == DBR_CONF_PROTO_UDP4)
        u->local.family = 4;
    return 0;
}

/* Where a server listens: at its line `local` of this number, or everywhere. With several lines `*` by udp6
 * leaves IPv4 to another line. */
static int server_address(struct keeper *k, struct udp_group_config *u, size_t i)
{
    const struct dbr_config *c = k->config;
    static const struct dbr_conf_local everywhere = {.proto = -1};
    const struct dbr_conf_local *l = i < c->local.n ? &c->local.v[i] : &everywhere;
    bool any = !l->host || strcmp(l->host, "*") == 0;
    int proto = l->proto >= 0 ? l->proto : c->proto;
    u->v6only = c->bind.name && strcmp(c->bind.name, "ipv6only") == 0;
    if (any && proto == DBR_CONF_PROTO_UDP6 && c->local.n > 1)
        u->v6only = true;
    return bind_to(k, u, any ? NULL : l->host, l->port ? l->port : c->lport, proto);
}

static int open_group(struct keeper *k, struct udp_group *g, const struct dbr_conf_binding *call,
                      size_t local)
{
    const struct dbr_config *c = k->config;
    struct dbr_why why = {""};
    struct udp_group_config u = {.n_workers = k->n_workers,
                                 .rcvbuf = c->rcvbuf,
                                 .sndbuf = c->sndbuf,
                                 .mark = (uint32_t)c->mark,
                                 .device = c->bind_dev,
                                 .v6only = call && call->v6only,
                                 .multihome = c->multihome && !k->client};
    int err = call ? bind_to(k, &u, call->host, call->port, call->proto) : server_address(k, &u, local);
    if (err)
        return err;
    err = udp_group_open(g, &u, &why);
    return err ? keeper_complain(k, c->local.n ? DBR_D_local : DBR_D_port, err, why.text) : 0;
}

static int open_server_udp(struct keeper *k)
{
    const struct dbr_conf_locals *l = &k->config->local;
    if (l->n > DBR_MAX_LOCALS)
        return keeper_complain(k, DBR_D_local, DBR_ERR_LIMIT, "too many addresses: 8 at most");
    int err = open_group(k, &k->udp, NULL, 0);
    for (size_t i = 1; !err && i < l->n; i++) {
        err = open_group(k, &k->more[k->n_more], NULL, i);
        k->n_more += !err;
    }
    if (!err)
        dbr_log(&k->log, DBR_LOG_INFO, "UDP port %u, %u workers", (unsigned)k->udp.port, k->n_workers);
    for (size_t i = 0; !err && i < l->n; i++)
        dbr_log(&k->log, DBR_LOG_INFO, "UDP link local (bound): %s:%u", l->v[i].host,
                (unsigned)(i ? k->more[i - 1].port : k->udp.port));
    return err;
}

static int open_udp(struct keeper *k)
{
    if (!k->client)
        return open_server_udp(k);
    dbr_conf_binding(&k->bound, k->config, &k->config->remote.v[0]);
    return open_group(k, &k->udp, &k->bound, 0);
}

/* A port that was asked for by number and is held already is no other one. */
void new_port(struct keeper *k, int32_t remote)
{
    struct udp_group fresh = k->udp;
    struct dbr_conf_binding want;
    if (remote < 0 || (size_t)remote >= k->config->remote.n)
        return;
    dbr_conf_binding(&want, k->config, &k->config->remote.v[remote]);
    bool held = want.port && dbr_conf_binding_same(&want, &k->bound);
    if (!held && open_group(k, &fresh, &want, 0))
        return;
    for (unsigned i = 0; i < fresh.n; i++) {
        struct dbr_ipc_socket m = {.head = dbr_ipc_head(DBR_IPC_SOCKET, sizeof m, 0), .index = i};
        dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, fresh.fd[i]);
    }
    if (!held)
        udp_group_close(&k->udp);
    k->udp = fresh;
    k->bound = want;
}

static int open_pairs(struct keeper *k)
{
    for (unsigned i = 0; i < k->n_workers; i++) {
        int pair[2], room = 1 << 20;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
            dbr_log(&k->log, DBR_LOG_FATAL, "cannot make a socket pair: %s", strerror(errno));
            return DBR_ERR_IO;
        }
        k->pair_control[i] = pair[0];
        k->pair_data[i] = pair[1];
        for (int j = 0; j < 2; j++)
            setsockopt(pair[j], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    }
    return 0;
}

static int map_counters(struct keeper *k)
{
    const size_t n = DBR_MAX_WORKERS * sizeof *k->child[0].alive;
    for (unsigned i = 0; i < CHILDREN; i++) {
        void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) {
            dbr_log(&k->log, DBR_LOG_FATAL, "cannot map shared memory: %s", strerror(errno));
            return DBR_ERR_IO;
        }
        k->child[i].alive = p;
    }
    return 0;
}

/* Fetch is there for whoever checks revocation. */
static int open_fetch(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    int room = 1 << 20;
    k->has_fetch = k->programs->fetch &&
                   (DBR_IS_SET(c, crl_verify) || DBR_IS_SET(c, crl_url) || c->capath || c->ocsp.on);
    if (!k->has_fetch)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->pair_fetch)) {
        dbr_log(&k->log, DBR_LOG_FATAL, "cannot make a socket pair: %s", strerror(errno));
        return DBR_ERR_IO;
    }
    for (int j = 0; j < 2; j++)
        setsockopt(k->pair_fetch[j], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return 0;
}

/* Metrics is there for whoever wants numbers. */
static int open_metrics(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct dbr_why why = {""};
    int room = 1 << 20,
        patience_ms = 5000; /* for a reader that takes nothing, once metrics has let go of it */
    k->has_metrics = k->programs->metrics && DBR_IS_SET(c, metrics);
    if (!k->has_metrics)
        return 0;
    k->metrics_fd = listen_tcp(c->metrics.host, (uint16_t)c->metrics.port, &why);
    if (k->metrics_fd < 0)
        return keeper_complain(k, DBR_D_metrics, DBR_ERR_IO, why.text);
    setsockopt(k->metrics_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->pair_metrics)) {
        dbr_log(&k->log, DBR_LOG_FATAL, "cannot make a socket pair: %s", strerror(errno));
        return DBR_ERR_IO;
    }
    for (int j = 0; j < 2; j++)
        setsockopt(k->pair_metrics[j], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return 0;
}

/* The signer is there for whoever has a private key. */
static int open_signer(struct keeper *k)
{
    int room = 1 << 20; /* a message of its is up to 96 kB */
    k->has_signer = k->programs->signer && keys_wanted(k->config);
    if (!k->has_signer)
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->pair_signer)) {
        dbr_log(&k->log, DBR_LOG_FATAL, "cannot make a socket pair: %s", strerror(errno));
        return DBR_ERR_IO;
    }
    for (int j = 0; j < 2; j++)
        setsockopt(k->pair_signer[j], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    return 0;
}

/* ---- files ---- */

/* `log` and `syslog` take effect before anything else is opened. Under systemd standard error is the journal.
 */
static int open_log(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    const char *ident = c->daemon.name ? c->daemon.name : c->syslog.name ? c->syslog.name : "drawbridged";
    if (c->log || c->log_append) {
        enum dbr_directive which = c->log ? DBR_D_log : DBR_D_log_append;
        const char *path = c->log ? c->log : c->log_append;
        if (logsink_file(&k->sink, path, c->log ? LOGSINK_TRUNCATE : LOGSINK_APPEND))
            return keeper_complain_errno(k, which, "open", path);
        return 0;
    }
    if (!c->syslog.on && !(c->daemon.on && k->notify.fd < 0))
        return 0;
    if (logsink_syslog(&k->sink, ident))
        return keeper_complain_errno(k, DBR_D_syslog, "open", "a syslog socket");
    return 0;
}

static int open_files(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct dbr_why why = {""};
    if (c->status.path) {
        k->status_fd = open(c->status.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
        if (k->status_fd < 0)
            return keeper_complain_errno(k, DBR_D_status, "open", c->status.path);
    }
    if (c->client_config_dir) {
        k->ccd_fd = open(c->client_config_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (k->ccd_fd < 0)
            return keeper_complain_errno(k, DBR_D_client_config_dir, "open", c->client_config_dir);
    }
    if (c->control_socket) {
        k->ctl_fd = listen_unix(c->control_socket, SOCK_SEQPACKET, 0, 0, CTL_MODE, &why);
        if (k->ctl_fd < 0)
            return keeper_complain(k, DBR_D_control_socket, DBR_ERR_IO, why.text);
    }
    return 0;
}

/* The way of other processes' lines to control, which tells managers. */
static int open_log_copy(struct keeper *k)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        dbr_log(&k->log, DBR_LOG_FATAL, "cannot make a socket pair: %s", strerror(errno));
        return DBR_ERR_IO;
    }
    k->log_fd = pair[0];
    k->sink.copy = pair[1];
    return 0;
}

/* management-client: the manager listens, and it is the only one. */
static int call_manager(struct keeper *k, const struct rights_user *owner)
{
    const struct dbr_config *c = k->config;
    const struct dbr_conf_management *m = &c->management;
    struct dbr_why why = {""};
    k->management_fd = m->port ? call_tcp(m->address, (uint16_t)m->port, &why)
                               : call_unix(m->address, c->management_client_user ? &owner->uid : NULL,
                                           c->management_client_group ? &owner->gid : NULL, &why);
    return k->management_fd < 0 ? keeper_complain(k, DBR_D_management_client, DBR_ERR_IO, why.text)
                                : open_log_copy(k);
}

/* Who may use the socket: keeper's user, and who is named. */
static int open_management(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    const struct dbr_conf_management *m = &c->management;
    struct dbr_why why = {""};
    struct rights_user owner = {0};
    if (!m->address)
        return 0;
    if (rights_find_owner(&owner, c->management_client_user, c->management_client_group, &k->log))
        return DBR_ERR_CONFIG;
    if (c->management_client)
        return call_manager(k, &owner);
    k->management_fd = m->port ? listen_tcp(m->address, (uint16_t)m->port, &why)
                               : listen_unix(m->address, SOCK_STREAM, owner.uid, owner.gid,
                                             c->management_client_group ? 0660 : 0600, &why);
    if (k->management_fd < 0)
        return keeper_complain(k, DBR_D_management, DBR_ERR_IO, why.text);
    if (m->port && !m->password_file)
        dbr_log(&k->log, DBR_LOG_WARN,
                "WARNING: management on TCP without a password: whoever reaches %s port %d commands this "
                "daemon; name a password file, or a unix socket",
                m->address, m->port);
    return open_log_copy(k);
}

static int write_pid(struct keeper *k)
{
    const char *path = k->config->writepid;
    if (!path)
        return 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
    if (fd < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
        int err = keeper_complain_errno(k, DBR_D_writepid, "write", path);
        if (fd >= 0)
            close(fd);
        return err;
    }
    close(fd);
    k->wrote_pid = true;
    return 0;
}

static int run_up(struct keeper *k)
{
    const struct dbr_config *c = k->config;
    struct script_about about = {
        .dev = k->tap.name, .mtu = k->tap_mtu, .context = "init", .alive = &k->notify};
    k->up_ran = !k->client; /* there when the address is known */
    if (!c->up || k->client)
        return 0;
    return script_run(c->up, "up", &about, c, &k->log);
}

/* ---- all of it ---- */

static int make_token_secret(struct keeper *k)
{
    if (getrandom(k->token_secret, sizeof k->token_secret, 0) == (ssize_t)sizeof k->token_secret)
        return 0;
    dbr_log(&k->log, DBR_LOG_FATAL, "no random numbers: %s", strerror(errno));
    return DBR_ERR_IO;
}

static int run_dir_failed(struct keeper *k)
{
    dbr_log(&k->log, DBR_LOG_FATAL, "cannot make the folder %s: %s", k->run_dir, strerror(errno));
    return DBR_ERR_IO;
}

static int open_run_dir(struct keeper *k)
{
    char base[DBR_RUN_DIR_MAX];
    dbr_run_dir(base, k->run_dir);
    if (mkdir(base, 0755) && errno != EEXIST)
        return run_dir_failed(k);
    if (mkdir(k->run_dir, 0700) && errno != EEXIST)
        return run_dir_failed(k);
    return 0;
}

static int go_to_folder(struct keeper *k)
{
    if (k->config->cd && chdir(k->config->cd))
        return keeper_complain_errno(k, DBR_D_cd, "change to", k->config->cd);
    return 0;
}

/* Children inherit the priority and the limits; each locks its own memory, and data takes its own priority,
 * now and after each restart, when keeper's rights are gone (child.c). */
static int set_priority_and_locks(struct keeper *k)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    const rlim_t highest = (rlim_t)(20 - child_data_nice(k));
    const struct rlimit priority = {highest, highest};
    setrlimit(RLIMIT_NICE, &priority); /* refused: the unit's LimitNICE counts */
    if (k->config->nice && setpriority(PRIO_PROCESS, 0, k->config->nice))
        return keeper_complain_errno(k, DBR_D_nice, "set", "the priority");
    if (!k->config->mlock)
        return 0;
    k->lock = MCL_CURRENT | MCL_FUTURE;
    if (setrlimit(RLIMIT_MEMLOCK, &all)) {
        k->lock = MCL_CURRENT; /* what comes later would not be had at all */
        dbr_log(
            &k->log, DBR_LOG_WARN,
            "WARNING: mlock: only what is there at the start is locked: the limit of locked memory cannot be "
            "raised (LimitMEMLOCK=infinity in the systemd unit): %s",
            strerror(errno));
    }
    if (mlockall(k->lock))
        return keeper_complain_errno(k, DBR_D_mlock, "lock", "memory");
    return 0;
}

static int find_user(struct keeper *k)
{
    dbr_log(&k->log, DBR_LOG_NOTICE, "drawbridged " DBR_VERSION);
    return rights_find_user(&k->user, k->config->user, k->config->group, &k->log);
}

void keeper_watch_lists(struct keeper *k)
{
    const struct dbr_conf_blob *list = &k->config->crl_verify;
    k->crl.path = list->dir ? NULL : list->path;
    k->revoked.path = list->dir ? list->path : NULL;
    watch_forget(&k->crl);
    folder_forget(&k->revoked);
}

int keeper_open(struct keeper *k)
{
    static int (*const steps[])(struct keeper *) = {
        go_to_folder,
        set_priority_and_locks,
        open_log,
        open_run_dir,
        find_user,
        hooks_check, /* who has mistyped a path is told before the LAN notices anything */
        open_files,
        loop_open,
        socks_open,
        open_udp,
        open_bridge,
        open_tap,
        set_server_addresses,
        watch_links,
        open_pairs,
        open_fetch,
        open_metrics,
        open_signer,
        memory_open,
        map_counters,
        open_management,
        make_token_secret,
        write_pid,
        run_up,
    };
    k->client = k->config->role == DBR_CONF_ROLE_CLIENT;
    k->single = k->client || k->config->p2p;
    k->n_workers = count_workers(k->config, k->single);
    int err = 0;
    for (size_t i = 0; !err && i < sizeof steps / sizeof steps[0]; i++)
        err = steps[i](k);
    if (!err)
        keeper_watch_lists(k);
    if (!err)
        k->withdrawn.path = k->config->tls_crypt_v2_withdrawn;
    return err;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void keeper_close(struct keeper *k)
{
    login_end(k);
    socks_close(k);
    run_route_pre_down(k);
    if (k->config->down_pre)
        run_down(k);
    tap_forget(k);
    undo_bridge(k);
    close_tap(k);
    if (!k->config->down_pre)
        run_down(k);
    if (k->slots)
        dbr_steer_unmap(k->slots);
    k->slots = NULL;
    dbr_steer_close(&k->steer);
    udp_group_close(&k->udp);
    while (k->n_more)
        udp_group_close(&k->more[--k->n_more]);
    for (unsigned i = 0; i < DBR_MAX_WORKERS; i++) {
        close_fd(&k->pair_control[i]);
        close_fd(&k->pair_data[i]);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (k->child[i].alive)
            munmap(k->child[i].alive, DBR_MAX_WORKERS * sizeof *k->child[i].alive);
        k->child[i].alive = NULL;
    }
    for (int i = 0; i < 2; i++) {
        close_fd(&k->pair_fetch[i]);
        close_fd(&k->pair_metrics[i]);
        close_fd(&k->pair_signer[i]);
        close_fd(&k->crl_state[i]);
    }
    if (k->ctl_fd >= 0)
        unlink(k->config->control_socket);
    if (k->wrote_pid)
        unlink(k->config->writepid);
    if (k->management_fd >= 0 && !k->config->management.port && !k->config->management_client)
        unlink(k->config->management.address);
    close_fd(&k->management_fd);
    close_fd(&k->log_fd);
    close_fd(&k->sink.copy);
    close_fd(&k->ctl_fd);
    close_fd(&k->metrics_fd);
    close_fd(&k->home_fd);
    close_fd(&k->status_fd);
    close_fd(&k->ccd_fd);
    close_fd(&k->signals);
    close_fd(&k->epoll);
    dbr_linkmon_close(k->linkmon);
    dbr_netlink_close(k->netlink);
    k->linkmon = NULL;
    k->netlink = NULL;
    if (strstr(k->run_dir, "/netns-"))
        rmdir(k->run_dir); /* stays where a journal is left in it */
    hooks_free(k);
    notify_close(&k->notify);
    logsink_fini(&k->sink);
}
