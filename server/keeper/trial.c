/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/trial.h"
#include "base/err.h"
#include "ipc/rundir.h"
#include "keeper/keeper.h"
#include "keeper/rights.h"
#include "keeper/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 200, KEPT_MAX = 1024, UNDONE = 3, UNDO_TRIES = 5, START_MS = 5000 };

static const char RAISED = 'r', NOTHING = 'n', READY = 'y';

/* ---- the memory of a confirmation ---- */

/* "br0 eth0=020000000001 ...": what was confirmed. */
static void describe(struct keeper *k, char out[KEPT_MAX])
{
    const struct dbr_config *c = k->config;
    size_t n = (size_t)snprintf(out, KEPT_MAX, "%s", c->bridge.name);
    for (size_t i = 0; i < c->bridge.ifs.n && n < KEPT_MAX; i++) {
        struct dbr_link link;
        unsigned long long mac = 0;
        if (!dbr_link_get(k->netlink, c->bridge.ifs.v[i], &link, NULL))
            mac = link.mac;
        n += (size_t)snprintf(out + n, KEPT_MAX - n, " %s=%012llx", c->bridge.ifs.v[i], mac);
    }
}

static void kept_path(const struct keeper *k, char out[DBR_RUN_FILE_MAX])
{
    const char *dir = memory_dir(k->config);
    snprintf(out, DBR_RUN_FILE_MAX, "%s/bridge-%s.confirmed", dir ? dir : k->run_dir, k->config->bridge.name);
}

static bool is_kept(const struct keeper *k, const char *want)
{
    char path[DBR_RUN_FILE_MAX], have[KEPT_MAX] = "";
    kept_path(k, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, have, sizeof have - 1);
    if (fd >= 0)
        close(fd);
    return n > 0 && strcmp(have, want) == 0;
}

static void keep(const char *path, const char *what)
{
    size_t n = strlen(what);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0 && write(fd, what, n) == (ssize_t)n && fsync(fd) == 0;
    if (!good)
        unlink(path);
    if (fd >= 0)
        close(fd);
}

/* ---- the watching process ---- */

struct watcher {
    const struct dbr_log *log;
    struct dbr_netlink *nl;
    _Atomic uint32_t *undoing;
    int word; /* from keeper; -1 = it has closed its end */
    int turn; /* keeper's and ours, until the bridge is raised; -1 = not held */
    bool raised;
    struct stat journal; /* the one that was written by this raise */
    uint64_t until_ns;
    const char *run_dir;
    char bridge[DBR_IF_NAME];
    char journal_path[DBR_RUN_FILE_MAX], request_path[DBR_RUN_FILE_MAX], kept_path[DBR_RUN_FILE_MAX];
    const char *what; /* to be remembered */
};

static void hear_keeper(struct watcher *w, int wait_ms)
{
    struct pollfd p = {.fd = w->word, .events = POLLIN};
    char c;
    if (poll(&p, 1, wait_ms) <= 0)
        return;
    ssize_t n = read(w->word, &c, 1);
    if (n == 1 && c == RAISED && stat(w->journal_path, &w->journal) == 0) {
        w->raised = true;
        turn_end(&w->turn);
    } else if (n == 1) {
        _exit(0); /* nothing was moved */
    } else {
        close(w->word);
        w->word = -1;
    }
}

/* Put back, or replaced by a later raise, which has a trial of its own. */
static bool journal_is_another(const struct watcher *w)
{
    struct stat st;
    return stat(w->journal_path, &st) || st.st_ino != w->journal.st_ino || st.st_dev != w->journal.st_dev ||
           st.st_ctim.tv_sec != w->journal.st_ctim.tv_sec || st.st_ctim.tv_nsec != w->journal.st_ctim.tv_nsec;
}

static void take_confirmation(const struct watcher *w)
{
    if (access(w->request_path, F_OK))
        return;
    keep(w->kept_path, w->what);
    unlink(w->request_path);
    dbr_log(w->log, DBR_LOG_NOTICE, "bridge %s is confirmed", w->bridge);
    _exit(0);
}

/* Before the bridge is raised we hold the turn, and the journal is our keeper's or not there; later another
 * keeper may have been quicker. */
static _Noreturn void put_back(struct watcher *w)
{
    struct dbr_why why = {""};
    if (w->raised)
        w->turn = turn_take(w->run_dir, TURN_PATIENCE_MS);
    if (w->raised && journal_is_another(w))
        _exit(0);
    atomic_store(w->undoing, 1);
    int err = dbr_bridge_undo(w->nl, w->run_dir, w->bridge, &why);
    for (int i = 1; i < UNDO_TRIES && err && err != DBR_ERR_NOTFOUND; i++) {
        poll(NULL, 0, LOOK_MS);
        err = dbr_bridge_undo(w->nl, w->run_dir, w->bridge, &why);
    }
    if (err && err != DBR_ERR_NOTFOUND)
        dbr_log(w->log, DBR_LOG_ERROR, "bridge %s could not be put back wholly: %s", w->bridge, why.text);
    else if (!err)
        dbr_log(
            w->log, DBR_LOG_ERROR,
            "bridge %s was not confirmed (`drawbridge-ctl bridge confirm %s`): addresses and routes are back "
            "where they were",
            w->bridge, w->bridge);
    _exit(UNDONE);
}

/* A keeper that dies in the middle of the move is put back at once; later, when the time is over. */
static _Noreturn void watch_over(struct watcher *w)
{
    while (!w->raised) {
        uint64_t now = monotonic_ns();
        if (w->word < 0 || now >= w->until_ns)
            put_back(w);
        hear_keeper(w, LOOK_MS);
    }
    for (;;) {
        take_confirmation(w);
        if (journal_is_another(w))
            _exit(0);
        if (monotonic_ns() >= w->until_ns)
            put_back(w);
        if (w->word >= 0)
            hear_keeper(w, LOOK_MS);
        else
            poll(NULL, 0, LOOK_MS);
    }
}

static bool prepare(struct keeper *k, struct watcher *w, int word)
{
    const char *name = k->config->bridge.name;
    struct dbr_why why = {""};
    w->log = &k->log;
    w->undoing = k->trial.undoing;
    w->word = word;
    w->run_dir = k->run_dir;
    w->until_ns = monotonic_ns() + (uint64_t)k->config->bridge_confirm * S_NS;
    snprintf(w->bridge, sizeof w->bridge, "%s", name);
    snprintf(w->journal_path, sizeof w->journal_path, "%s/bridge-%s.journal", k->run_dir, name);
    dbr_confirm_path(w->request_path, k->run_dir, name);
    kept_path(k, w->kept_path);
    unlink(w->request_path); /* of an earlier trial */
    w->nl = dbr_netlink_open(&why);
    if (!w->nl)
        dbr_log(w->log, DBR_LOG_ERROR, "bridge-confirm: %s", why.text);
    return w->nl;
}

/* In the child: a session of its own, nothing of keeper's but the log, keeper's rights. */
static _Noreturn void be_watcher(struct keeper *k, int word, const char *what)
{
    static struct watcher w;
    int keep[] = {0, 1, 2, k->sink.fd, k->sink.syslog, word, k->turn};
    w.what = what;
    w.turn = k->turn;
    setsid();
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    close_all_but(keep, sizeof keep / sizeof keep[0]);
    if (!prepare(k, &w, word))
        _exit(1);
    dbr_config_free(k->config);
    if (rights_drop(RIGHTS_KEEPER, NULL, -1, &k->log) || rights_filter(RIGHTS_KEEPER, -1, &k->log))
        _exit(1);
    (void)!write(word, &READY, 1);
    watch_over(&w);
}

/* ---- keeper's side ---- */

static int fail(struct keeper *k, const char *what)
{
    dbr_log(&k->log, DBR_LOG_FATAL, "bridge-confirm: cannot %s: %s", what, strerror(errno));
    trial_close(k);
    return DBR_ERR_IO;
}

/* Nothing is moved before somebody is there who would undo it. */
static bool is_ready(int word)
{
    struct pollfd p = {.fd = word, .events = POLLIN};
    char c;
    if (poll(&p, 1, START_MS) != 1) {
        errno = ETIMEDOUT;
        return false;
    }
    errno = ECHILD;
    return read(word, &c, 1) == 1 && c == READY;
}

int trial_arm(struct keeper *k)
{
    struct trial *t = &k->trial;
    int pair[2];
    char what[KEPT_MAX]; /* asked for here: our netlink socket is not for two */
    if (!k->config->bridge_takeover || !k->config->bridge_confirm)
        return 0;
    describe(k, what);
    if (is_kept(k, what))
        return 0;
    t->undoing = mmap(NULL, sizeof *t->undoing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t->undoing == MAP_FAILED) {
        t->undoing = NULL;
        return fail(k, "map memory");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return fail(k, "make a socket pair");
    pid_t pid = fork();
    if (!pid)
        be_watcher(k, pair[0], what);
    close(pair[0]);
    t->word = pair[1];
    if (pid < 0)
        return fail(k, "start the process that would undo the move");
    t->pid = pid;
    if (!is_ready(t->word))
        return fail(k, "start the process that would undo the move");
    t->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return t->pidfd < 0 || poll_add(k, t->pidfd, EVENT_TRIAL) ? fail(k, "watch over the trial") : 0;
}

void trial_raised(struct keeper *k, bool good)
{
    struct trial *t = &k->trial;
    bool moved = good && (k->bridge.addresses || k->bridge.routes);
    if (!t->pid)
        return;
    (void)!write(t->word, moved ? &RAISED : &NOTHING, 1);
    if (moved)
        dbr_log(&k->log, DBR_LOG_WARN,
                "WARNING: bridge %s took this host's addresses over: run `drawbridge-ctl bridge confirm %s` "
                "over a "
                "new connection within %d s, or the move is undone",
                k->bridge.name, k->bridge.name, (int)k->config->bridge_confirm);
}

bool trial_undoes(const struct keeper *k)
{
    return k->trial.undoing && atomic_load(k->trial.undoing);
}

void trial_ended(struct keeper *k)
{
    int status = 0;
    if (!k->trial.pid || waitpid(k->trial.pid, &status, WNOHANG) != k->trial.pid)
        return;
    k->trial.pid = 0;
    bool undone = trial_undoes(k) || (WIFEXITED(status) && WEXITSTATUS(status) == UNDONE);
    if (undone)
        keeper_stop(k, TRIAL_EXIT);
    else if (!WIFEXITED(status) || WEXITSTATUS(status))
        dbr_log(&k->log, DBR_LOG_ERROR, "bridge-confirm: the process that would undo the move is gone");
    trial_close(k);
}

void trial_close(struct keeper *k)
{
    struct trial *t = &k->trial;
    if (t->word >= 0)
        close(t->word);
    if (t->pidfd >= 0)
        close(t->pidfd);
    t->word = t->pidfd = -1;
}
