/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "certs/pem.h"
#include "certs/say.h"

extern char **environ;

enum { PUSH_SECONDS = 10, PUSHES = 2 * DBR_CA_CONCENTRATORS };
enum { LOCK_STEP_MS = 10, LOCK_WAIT_MS = 30000 };

/* --- the CRL as it is on disk
 * --------------------------------------------------------------------------------- */

struct copy {
    uint8_t *der;
    size_t len;
};

static int keep_der(void *arg, const uint8_t *der, size_t len)
{
    struct copy *c = arg;
    if (c->der)
        return 0;
    c->der = malloc(len);
    if (!c->der)
        return DBR_ERR_NOMEM;
    memcpy(c->der, der, len);
    c->len = len;
    return 0;
}

int crl_der(const struct dbr_ca *ca, uint8_t **der, size_t *len, char *why, size_t cap)
{
    struct copy c = {0};
    uint8_t *pem;
    size_t n;
    int err = dbr_store_read(ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &pem, &n, why, cap);
    if (!err)
        err = dbr_pem_each(pem, n, "X509 CRL", keep_der, &c);
    free(pem);
    if (!err && !c.der)
        err = dbr_say(DBR_ERR_SHAPE, why, cap, DBR_CA_CRL ": no CRL in it");
    *der = c.der;
    *len = c.len;
    return err;
}

/* --- publishing
 * ----------------------------------------------------------------------------------------------- */

/* Never half a file under its name: written aside, synced, renamed, the folder synced. */
static int put_file(int dir, const char *name, const uint8_t *p, size_t n)
{
    char temp[64];
    snprintf(temp, sizeof temp, ".new.%s", name);
    unlinkat(dir, temp, 0);
    int fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return DBR_ERR_IO;
    bool ok = true;
    while (ok && n) {
        ssize_t r = write(fd, p, n);
        ok = r > 0 || (r < 0 && errno == EINTR);
        p += r > 0 ? r : 0;
        n -= r > 0 ? (size_t)r : 0;
    }
    ok = ok && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (ok && renameat(dir, temp, dir, name) == 0 && fsync(dir) == 0)
        return 0;
    int e = errno;
    unlinkat(dir, temp, 0);
    errno = e;
    return DBR_ERR_IO;
}

/* Two who publish at once would write into each other's files. Readers of the CA do not wait for each other,
 * so the folder itself is locked, where its file system can do that. */
static bool lock_folder(int dir)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
    for (int waited = 0; flock(dir, LOCK_EX | LOCK_NB) != 0; waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return true;
        if (waited >= LOCK_WAIT_MS)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

int publish_to(const struct dbr_ca *ca, const char *folder, char *why, size_t cap)
{
    uint8_t *pem = NULL, *cert = NULL, *der = NULL;
    size_t pem_len, cert_len, der_len;
    int dir = -1;
    int err = dbr_store_read(ca->store, DBR_CA_CRL, DBR_CRL_MAX_BYTES, &pem, &pem_len, why, cap);
    if (!err)
        err = dbr_store_read(ca->store, ca->conf.ca_cert, DBR_CERT_MAX, &cert, &cert_len, why, cap);
    if (!err)
        err = crl_der(ca, &der, &der_len, why, cap);
    if (!err && ((dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || !lock_folder(dir) ||
                 put_file(dir, "crl.pem", pem, pem_len) || put_file(dir, "crl.der", der, der_len) ||
                 put_file(dir, "ca.crt", cert, cert_len)))
        err = dbr_say(DBR_ERR_IO, why, cap, "cannot publish to %s: %s", folder, strerror(errno));
    if (dir >= 0)
        close(dir);
    free(pem);
    free(cert);
    free(der);
    return err;
}

/* --- pushing
 * -------------------------------------------------------------------------------------------------- */

/* What is handed over. */
struct goods {
    uint8_t *p;
    size_t n;
    const char *there, *not_there; /* what is said afterwards */
    const char *json;              /* NULL: the CRL, which needs no word */
};

/* One running command. */
struct push {
    const struct dbr_concentrator *to;
    const struct goods *goods;
    pid_t pid;
    int in; /* its standard input, non-blocking; -1 when all is written */
    size_t written;
    bool done, good;
};

static bool start(struct push *p)
{
    char *argv[DBR_CA_ARGV + 1] = {NULL};
    int pipe_fd[2];
    posix_spawn_file_actions_t actions;
    for (int i = 0; i < p->to->argc; i++)
        argv[i] = (char *)(uintptr_t)(p->to->words + p->to->at[i]);
    if (pipe2(pipe_fd, O_CLOEXEC) != 0)
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fd[0], 0);
    posix_spawn_file_actions_adddup2(&actions, 2, 1); /* what it says is for people, not for our JSON */
    bool ok = posix_spawnp(&p->pid, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fd[0]);
    p->in = pipe_fd[1];
    if (!ok || fcntl(p->in, F_SETFL, O_NONBLOCK) != 0) {
        close(p->in);
        p->in = -1;
        return false;
    }
    return true;
}

static void feed(struct push *p)
{
    const struct goods *g = p->goods;
    ssize_t r = write(p->in, g->p + p->written, g->n - p->written);
    p->written += r > 0 ? (size_t)r : 0;
    if (p->written == g->n || (r < 0 && errno != EAGAIN && errno != EINTR)) {
        close(p->in);
        p->in = -1;
    }
}

static void reap(struct push *p)
{
    int status;
    if (p->done || waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    p->done = true;
    p->good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && p->written == p->goods->n;
}

/* One round of waiting: at most 20 ms, or until some command takes more bytes. */
static bool wait_round(struct push *v, size_t n)
{
    struct pollfd fds[PUSHES];
    bool open_work = false;
    for (size_t i = 0; i < n; i++) {
        fds[i] = (struct pollfd){.fd = v[i].in, .events = POLLOUT}; /* -1 is skipped */
        open_work |= !v[i].done;
    }
    if (!open_work)
        return false;
    poll(fds, n, 20);
    for (size_t i = 0; i < n; i++) {
        if (v[i].in >= 0 && fds[i].revents)
            feed(&v[i]);
        reap(&v[i]);
    }
    return true;
}

static void give_up(struct push *p)
{
    if (p->in >= 0)
        close(p->in);
    if (!p->done && p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
    }
}

static void report(const struct push *p, struct json *j)
{
    if (j) {
        json_begin(j, NULL, '{');
        json_text(j, "concentrator", p->to->name);
        json_bool(j, "told", p->good);
        if (p->goods->json)
            json_text(j, "what", p->goods->json);
        json_end(j, '}');
    } else {
        printf("%s %s\n", p->to->name, p->good ? p->goods->there : p->goods->not_there);
    }
}

static size_t add_pushes(struct push *v, const struct dbr_concentrator *to, size_t n, const struct goods *g)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = (struct push){.to = &to[i], .goods = g, .in = -1};
        v[i].done = !start(&v[i]);
    }
    return n;
}

/* Returns how many failed. */
static int wait_for_all(struct push *v, size_t n, struct json *j)
{
    int failed = 0;
    for (time_t end = time(NULL) + PUSH_SECONDS; time(NULL) < end && wait_round(v, n);)
        ;
    for (size_t i = 0; i < n; i++) {
        give_up(&v[i]);
        report(&v[i], j);
        failed += !v[i].good;
    }
    return failed;
}

/* Where the list of withdrawn gate keys is to go; nowhere when nobody's was ever withdrawn. */
static int read_gate_list(const struct dbr_ca *ca, struct goods *g, char *why, size_t cap)
{
    int err = ca->conf.n_gate_lists ? gate_list(ca, &g->p, &g->n, why, cap) : DBR_ERR_NOTFOUND;
    return err == DBR_ERR_NOTFOUND ? 0 : err;
}

int push_crl(const struct dbr_ca *ca, struct json *j)
{
    struct push v[PUSHES];
    struct goods crl = {.there = "has the new CRL",
                        .not_there = "could NOT be told: it will fetch the CRL on its timer"};
    struct goods list = {.there = "has the list of withdrawn gate keys",
                         .not_there = "could NOT be given the list of withdrawn gate keys: push again",
                         .json = "gate-list"};
    size_t n = 0;
    char why[WHY];
    int failed = 0;
    if (crl_der(ca, &crl.p, &crl.n, why, sizeof why) != 0) {
        fprintf(stderr, "drawbridge-ca: %s\n", why);
        failed = (int)ca->conf.n_concentrators;
    } else {
        n = add_pushes(v, ca->conf.concentrators, ca->conf.n_concentrators, &crl);
    }
    if (read_gate_list(ca, &list, why, sizeof why) != 0) {
        fprintf(stderr, "drawbridge-ca: %s\n", why);
        failed += (int)ca->conf.n_gate_lists;
    } else if (list.p) {
        n += add_pushes(v + n, ca->conf.gate_lists, ca->conf.n_gate_lists, &list);
    }
    failed += wait_for_all(v, n, j);
    free(crl.p);
    free(list.p);
    return failed;
}
