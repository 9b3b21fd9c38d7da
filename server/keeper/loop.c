/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of keeper: one epoll loop over signals, the children, their messages, and the links.
 * Everything that waits for a time is due at a point of the monotonic clock and looked at after each turn.
 *
 * The end has three steps: control is told and says goodbye to the peers (2 s), the children see their pair
 * with us close (1 s), who is left is killed.
 */
#include "keeper/capath.h"
#include "keeper/keeper.h"
#include "keeper/socks.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GOODBYE_S = 2, CLOSE_S = 1, MAX_EVENTS = 8, MESSAGES_PER_TURN = 256 };

int poll_add(struct keeper *k, int fd, uint32_t event)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = event};
    return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &e) ? DBR_ERR_IO : 0;
}

int loop_open(struct keeper *k)
{
    static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        sigaddset(&set, ours[i]);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    k->epoll = epoll_create1(EPOLL_CLOEXEC);
    k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (k->epoll >= 0 && k->signals >= 0 && !poll_add(k, k->signals, EVENT_SIGNAL))
        return 0;
    dbr_log(&k->log, DBR_LOG_FATAL, "cannot set up the event loop: %s", strerror(errno));
    return DBR_ERR_IO;
}

/* ---- start and end ---- */

void tell_control(struct keeper *k, enum dbr_state what)
{
    struct dbr_ipc_state m = {.head = dbr_ipc_head(DBR_IPC_STATE, sizeof m, 0), .what = what};
    if (k->child[CHILD_CONTROL].ipc >= 0)
        dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, -1);
}

/* Closing our end is the children's word to end. */
static void close_ipc(struct keeper *k)
{
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (k->child[i].ipc >= 0)
            close(k->child[i].ipc);
        k->child[i].ipc = -1;
    }
    k->stop_ns = monotonic_ns() + CLOSE_S * S_NS;
}

void keeper_stop(struct keeper *k, int exit_code)
{
    if (k->stopping)
        return;
    k->stopping = true;
    k->exit_code = exit_code;
    hooks_reap(k); /* they have less time from now on */
    notify_send(&k->notify, "STOPPING=1");
    k->stop_ns = monotonic_ns() + GOODBYE_S * S_NS;
    if (k->child[CHILD_CONTROL].ready)
        tell_control(k, DBR_STATE_SHUTDOWN);
    else
        close_ipc(k);
}

static bool all_ended(const struct keeper *k)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        if (k->child[i].pid)
            return false;
    return true;
}

static void next_step_of_the_end(struct keeper *k)
{
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (k->child[i].ipc < 0)
            continue;
        close_ipc(k);
        return;
    }
    for (unsigned i = 0; i < CHILDREN; i++)
        if (k->child[i].pid)
            kill(k->child[i].pid, SIGKILL);
    k->stop_ns = monotonic_ns() + CLOSE_S * S_NS;
}

void leave_terminal(struct logsink *s)
{
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    s->also_stderr = false;
}

static void parent_is_told(struct keeper *k, char code)
{
    if (k->told_parent < 0)
        return;
    (void)!write(k->told_parent, &code, 1);
    close(k->told_parent);
    k->told_parent = -1;
}

/* Everybody is ready: from here on a death is followed by a restart. */
static void now_serving(struct keeper *k)
{
    k->serving = true;
    if (!k->client)
        dbr_log(&k->log, DBR_LOG_NOTICE, "Initialization Sequence Completed");
    notify_send(&k->notify, "READY=1\nSTATUS=%s\nMAINPID=%d",
                k->client ? "Connecting" : "Initialization Sequence Completed", (int)getpid());
    if (k->background)
        leave_terminal(&k->sink);
    parent_is_told(k, 0);
}

/* ---- messages ---- */

static void is_ready(struct keeper *k, enum child_kind which)
{
    struct child *c = &k->child[which];
    c->ready = c->was_ready = true;
    bool all = k->child[CHILD_CONTROL].ready && k->child[CHILD_DATA].ready &&
               (k->child[CHILD_FETCH].ready || !k->has_fetch) &&
               (k->child[CHILD_METRICS].ready || !k->has_metrics) &&
               (k->child[CHILD_SIGNER].ready || !k->has_signer);
    if (!k->serving && !k->stopping && all)
        now_serving(k);
}

static void on_signal(struct keeper *k, int sig);

static void control_state(struct keeper *k, const struct dbr_ipc_state *m)
{
    if (m->what == DBR_STATE_DONE) {
        if (!k->stopping)
            k->exit_code = m->value ? 1 : 0;
        k->stopping = true;
        hooks_reap(k);
        close_ipc(k);
    } else if (m->what == DBR_STATE_CONNECTED) {
        notify_send(&k->notify, "STATUS=Connected");
        hook_own(k, DBR_HOOK_ROUTE_UP);
    } else if (m->what == DBR_STATE_NEW_PORT && k->client && !k->stopping) {
        new_port(k, m->value);
    } else if (m->what == DBR_STATE_SIGNAL && !k->stopping) {
        on_signal(k, m->value); /* what it does not know does nothing */
    }
}

static uint16_t vid_on_tap(const struct keeper *k, uint16_t vlan)
{
    struct dbr_vlan v;
    dbr_vlan_init(&v, lan_vlans(k->config), (uint16_t)k->config->vlan_pvid);
    return dbr_vlan_on_tap(&v, vlan);
}

/* False when the bridge does not take it. */
static bool fdb_put(struct keeper *k, uint64_t mac, uint16_t vid)
{
    if (fdbset_add(&k->fdb, mac, vid) || !dbr_bridge_fdb_add(k->netlink, k->tap.ifindex, mac, vid, NULL))
        return true;
    fdbset_del(&k->fdb, mac, vid);
    return false;
}

/* Bounded: more addresses than the set holds are only flooded by the kernel, as any unknown one. */
static void fdb_add(struct keeper *k, const struct dbr_ipc_learned *m)
{
    uint64_t mac = dbr_get48(m->mac);
    uint16_t vid = vid_on_tap(k, m->vlan);
    bool guarded = !mac || mac == k->bridge.mac || mac == k->gateway_mac; /* data would not ask for these */
    if (!k->bridged || guarded || vid == DBR_VLAN_NONE || fdb_put(k, mac, vid))
        return;
    if (vid && k->config->vlan_tagging)
        fdb_put(k, mac, 0); /* a bridge that filters no VLANs knows addresses without them */
}

static void fdb_del(struct keeper *k, const struct dbr_ipc_learned *m)
{
    uint64_t mac = dbr_get48(m->mac);
    uint16_t vid = vid_on_tap(k, m->vlan);
    if (k->config->vlan_tagging && vid != DBR_VLAN_NONE && !fdbset_has(&k->fdb, mac, vid))
        vid = 0;
    if (k->bridged && fdbset_del(&k->fdb, mac, vid))
        dbr_bridge_fdb_del(k->netlink, k->tap.ifindex, mac, vid, NULL);
}

static void from_control(struct keeper *k, const struct dbr_ipc_head *m, int fd)
{
    if (m->type == DBR_IPC_READY)
        is_ready(k, CHILD_CONTROL);
    else if (m->type == DBR_IPC_STATE)
        control_state(k, (const void *)m);
    else if (m->type == DBR_IPC_TAP_ADDRESS && k->client)
        tap_address(k, (const void *)m);
    else if (m->type == DBR_IPC_ROUTE && k->client)
        route_take(k, (const void *)m);
    else if (m->type == DBR_IPC_ENV && k->client)
        env_take(k, (const void *)m);
    else if (m->type == DBR_IPC_DNS && k->client)
        dns_take(k, (const void *)m);
    else if (m->type == DBR_IPC_ASK && k->client)
        login_take(k, (const void *)m);
    else if (m->type == DBR_IPC_HOOK)
        hook_take(k, (const void *)m);
    else if (m->type == DBR_IPC_HOOK_DONE)
        hook_drop(k, (const void *)m);
    else if (m->type == DBR_IPC_FILE && ((const struct dbr_ipc_file *)(const void *)m)->what == DBR_FILE_POOL)
        pool_file_take(k, fd);
    if (fd >= 0)
        close(fd);
}

static void from_data(struct keeper *k, const struct dbr_ipc_head *m)
{
    if (m->type == DBR_IPC_READY)
        is_ready(k, CHILD_DATA);
    else if (m->type == DBR_IPC_FDB_ADD)
        fdb_add(k, (const void *)m);
    else if (m->type == DBR_IPC_FDB_DEL)
        fdb_del(k, (const void *)m);
}

static void read_messages(struct keeper *k, enum child_kind which)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    const struct dbr_ipc_metrics_get *asked = (const void *)buf;
    for (int i = 0; i < MESSAGES_PER_TURN && k->child[which].ipc >= 0; i++) {
        int fd = -1, err = dbr_ipc_recv(k->child[which].ipc, buf, which == CHILD_CONTROL ? &fd : NULL);
        if (err == DBR_ERR_SHAPE)
            continue;
        if (err == DBR_ERR_NOTFOUND) { /* its pidfd will tell; until then do not spin */
            close(k->child[which].ipc);
            k->child[which].ipc = -1;
        }
        if (err)
            return;
        if (which == CHILD_CONTROL)
            from_control(k, (const void *)buf, fd);
        else if (which == CHILD_DATA)
            from_data(k, (const void *)buf);
        else if (head->type == DBR_IPC_READY)
            is_ready(k, which);
        else if (which == CHILD_METRICS && head->type == DBR_IPC_METRICS_GET)
            figures_send(k, asked->ticket);
        if (head->type == DBR_IPC_HOOK)
            dbr_wipe(buf, head->len); /* there may be a password in it */
    }
}

/* ---- deaths ---- */

/* What the kernel's bridge was told for data's peers is void with it. */
void forget_addresses(struct keeper *k)
{
    uint64_t mac;
    uint16_t vlan;
    size_t at = 0;
    while (fdbset_pull(&k->fdb, &at, &mac, &vlan))
        dbr_bridge_fdb_del(k->netlink, k->tap.ifindex, mac, vlan, NULL);
}

static void child_ended(struct keeper *k, enum child_kind which)
{
    struct child *c = &k->child[which];
    if (!c->pid)
        return;
    read_messages(k, which); /* its last words */
    child_reap(k, which);
    if (c->pid)
        return;
    if (which == CHILD_DATA)
        forget_addresses(k);
    if (which == CHILD_SIGNER)
        tell_control(k, DBR_STATE_SIGNER_GONE);
    if (k->stopping) {
        if (which == CHILD_CONTROL) /* it cannot say goodbye any more */
            close_ipc(k);
        return;
    }
    if (!k->serving) {
        keeper_stop(k, 1);
        return;
    }
    uint64_t now = monotonic_ns(), wait = backoff_death(&c->backoff, now);
    c->restart_ns = now + wait + 1;
    dbr_log(&k->log, DBR_LOG_NOTICE, "%s is started again%s", child_name(which),
            wait ? " after a pause" : "");
}

/* ---- signals ---- */

static void on_signal(struct keeper *k, int sig)
{
    switch (sig) {
    case SIGTERM:
    case SIGINT:
        dbr_log(&k->log, DBR_LOG_NOTICE, "%s received, process exiting",
                sig == SIGTERM ? "SIGTERM" : "SIGINT");
        keeper_stop(k, 0);
        break;
    case SIGUSR1:
        if (k->client) {
            tell_control(k, DBR_STATE_RESTART);
            break;
        } /* fall through */
    case SIGHUP:
        if (k->argv)
            reload(k);
        else
            tell_control(k, DBR_STATE_RELOAD);
        break;
    case SIGUSR2: tell_control(k, DBR_STATE_STATUS); break;
    case SIGCHLD:
        hooks_reap(k);
        break; /* the children have their pidfd, a DHCP client is asked when needed */
    default: break;
    }
}

static void read_signals(struct keeper *k)
{
    struct signalfd_siginfo si;
    while (read(k->signals, &si, sizeof si) == sizeof si)
        on_signal(k, (int)si.ssi_signo);
}

/* ---- times ---- */

static bool watches(const struct keeper *k)
{
    return k->crl.path || k->withdrawn.path || k->revoked.path || k->config->capath;
}

static void look_at(struct keeper *k, struct watch *w, enum dbr_file what)
{
    int fd;
    enum watch_news news = k->child[CHILD_CONTROL].ready ? watch_look(w, &fd) : WATCH_SAME;
    if (news == WATCH_SAME)
        return;
    struct dbr_ipc_file m = {
        .head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = what, .missing = news == WATCH_GONE};
    if (dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, fd))
        watch_forget(w); /* control is busy: again at the next look */
    if (fd >= 0)
        close(fd);
}

static void look_into(struct keeper *k, struct folder *f)
{
    struct timespec now;
    int fd;
    clock_gettime(CLOCK_REALTIME, &now);
    enum watch_news news = k->child[CHILD_CONTROL].ready
                               ? folder_look(f, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, &fd)
                               : WATCH_SAME;
    if (news == WATCH_SAME)
        return;
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0),
                             .what = DBR_FILE_REVOKED,
                             .missing = news == WATCH_GONE};
    if (dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, fd))
        folder_forget(f); /* control is busy: again at the next look */
    if (fd >= 0)
        close(fd);
}

/* 'R', 'S', 'T', ... of a process; '?' when it cannot be read. */
static char state_of(pid_t pid)
{
    char text[128];
    const char *name_end = figures_proc(pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    return name_end && name_end[1] ? name_end[2] : '?';
}

/* A process that somebody has stopped is left alone: it goes on where it was. */
static void feel_pulse(struct keeper *k, enum child_kind which, uint64_t now)
{
    struct child *c = &k->child[which];
    char state = state_of(c->pid);
    for (unsigned i = 0; i < k->n_workers; i++) {
        if (state == 'T' || state == 't')
            pulse_excuse(&c->pulse[i], now);
        else if (pulse_stands(&c->pulse[i], atomic_load_explicit(&c->alive[i], memory_order_relaxed), now)) {
            dbr_log(&k->log, DBR_LOG_ERROR, "%s process hangs (loop %u stands still for %d s): killed",
                    child_name(which), i, PULSE_PATIENCE_S);
            kill(c->pid, SIGKILL);
            return;
        }
    }
}

static void feel_pulses(struct keeper *k, uint64_t now)
{
    for (unsigned i = 0; i < CHILDREN; i++)
        if (k->child[i].ready)
            feel_pulse(k, i, now);
    k->pulse_ns = now + PULSE_PERIOD_S * S_NS;
}

static void start_due(struct keeper *k, uint64_t now)
{
    for (unsigned i = 0; i < CHILDREN && !k->stopping; i++) {
        struct child *c = &k->child[i];
        if (c->pid || !c->restart_ns || now < c->restart_ns)
            continue;
        if (i != CHILD_DATA && i != CHILD_METRICS && i != CHILD_SIGNER)
            watch_forget(&k->crl); /* both know nothing of the list any more */
        if (i == CHILD_CONTROL) {
            watch_forget(&k->withdrawn);
            folder_forget(&k->revoked);
        }
        capath_forget(k);
        if (child_start(k, i) && !c->pid)
            c->restart_ns = now + backoff_death(&c->backoff, now) + S_NS;
    }
}

static void run_due(struct keeper *k)
{
    uint64_t now = monotonic_ns(), hooks = hooks_deadline(k);
    if (hooks && now >= hooks)
        hooks_reap(k);
    if (k->stopping) {
        if (now >= k->stop_ns)
            next_step_of_the_end(k);
        return;
    }
    start_due(k, now);
    if (now >= k->pulse_ns)
        feel_pulses(k, now);
    if (k->lease_ns && now >= k->lease_ns)
        lease_look(k);
    if (k->neighbours_ns && now >= k->neighbours_ns)
        neighbours_tell(k);
    if (watches(k) && now >= k->crl_ns) {
        look_at(k, &k->crl, DBR_FILE_CRL);
        look_at(k, &k->withdrawn, DBR_FILE_WITHDRAWN);
        look_into(k, &k->revoked);
        if (capath_look(k))
            reload(k);
        k->crl_ns = now + WATCH_PERIOD_MS * MS_NS;
    }
    if (k->notify.watchdog_ns && now >= k->watchdog_ns) {
        notify_send(&k->notify, "WATCHDOG=1");
        k->watchdog_ns = now + k->notify.watchdog_ns;
    }
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return b && b < a ? b : a;
}

static int wait_ms(const struct keeper *k)
{
    uint64_t at = UINT64_MAX, now = monotonic_ns();
    if (k->stopping) {
        at = k->stop_ns;
    } else {
        at = k->pulse_ns;
        at = earlier(at, watches(k) ? k->crl_ns + 1 : 0);
        at = earlier(at, k->lease_ns);
        at = earlier(at, k->neighbours_ns);
        at = earlier(at, k->notify.watchdog_ns ? k->watchdog_ns + 1 : 0);
        for (unsigned i = 0; i < CHILDREN; i++)
            at = earlier(at, k->child[i].pid ? 0 : k->child[i].restart_ns);
    }
    at = earlier(at, hooks_deadline(k));
    if (at == UINT64_MAX)
        return -1;
    uint64_t ms = at <= now ? 0 : (at - now + MS_NS - 1) / MS_NS;
    return ms > 60000 ? 60000 : (int)ms;
}

/* ---- the loop ---- */

static void dispatch(struct keeper *k, uint32_t event)
{
    if (event == EVENT_SIGNAL)
        read_signals(k);
    else if (event == EVENT_LINKS)
        mend_read(k);
    else if (event == EVENT_ASKER)
        login_read(k);
    else if (event == EVENT_SOCKS)
        socks_read(k);
    else if (event == EVENT_TRIAL)
        trial_ended(k);
    else if (event >= EVENT_PID)
        child_ended(k, event - EVENT_PID);
    else
        read_messages(k, event - EVENT_IPC);
}

static int start_all(struct keeper *k)
{
    dns_recover(k);
    int err = child_start(k, CHILD_DATA);
    if (!err && k->has_fetch)
        err = child_start(k, CHILD_FETCH);
    if (!err && k->has_signer)
        err = child_start(k, CHILD_SIGNER);
    if (!err)
        err = child_start(k, CHILD_CONTROL);
    if (k->config->auth_nocache)
        dbr_wipe(&k->login, sizeof k->login);
    if (!err && k->has_metrics)
        err = child_start(k, CHILD_METRICS);
    if (!err)
        err = rights_drop(k->client ? RIGHTS_KEEPER_CLIENT : RIGHTS_KEEPER, NULL, -1, &k->log);
    if (!err)
        err = rights_filter(k->client ? RIGHTS_KEEPER_CLIENT : RIGHTS_KEEPER, -1, &k->log);
    return err;
}

int keeper_run(struct keeper *k)
{
    struct epoll_event events[MAX_EVENTS];
    if (start_all(k))
        keeper_stop(k, 1);
    while (!k->stopping || !all_ended(k) || hooks_busy(k)) {
        int n = epoll_wait(k->epoll, events, MAX_EVENTS, wait_ms(k));
        for (int i = 0; i < n; i++)
            dispatch(k, events[i].data.u32);
        run_due(k);
    }
    parent_is_told(k, (char)k->exit_code);
    return k->exit_code;
}
