/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca_cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "certs/pem.h"
#include "certs/say.h"

extern char **environ;

enum { PUSH_SECONDS = 10 };

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
    if (!err && ((dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
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

/* One running command. */
struct push {
    pid_t pid;
    int in; /* its standard input, non-blocking; -1 when all is written */
    size_t written;
    bool done, good;
};

static bool start(struct push *p, const struct dbr_concentrator *k)
{
    char *argv[DBR_CA_ARGV + 1] = {NULL};
    int pipe_fd[2];
    posix_spawn_file_actions_t actions;
    for (int i = 0; i < k->argc; i++)
        argv[i] = (char *)(uintptr_t)(k->words + k->at[i]);
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

static void feed(struct push *p, const uint8_t *der, size_t len)
{
    ssize_t r = write(p->in, der + p->written, len - p->written);
    p->written += r > 0 ? (size_t)r : 0;
    if (p->written == len || (r < 0 && errno != EAGAIN && errno != EINTR)) {
        close(p->in);
        p->in = -1;
    }
}

static void reap(struct push *p, size_t len)
{
    int status;
    if (p->done || waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    p->done = true;
    p->good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && p->written == len;
}

/* One round of waiting: at most 20 ms, or until some command takes more bytes. */
static bool wait_round(struct push *v, size_t n, const uint8_t *der, size_t len)
{
    struct pollfd fds[DBR_CA_CONCENTRATORS];
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
            feed(&v[i], der, len);
        reap(&v[i], len);
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

static void report(const struct dbr_concentrator *k, const struct push *p, struct json *j)
{
    if (j) {
        json_begin(j, NULL, '{');
        json_text(j, "concentrator", k->name);
        json_bool(j, "told", p->good);
        json_end(j, '}');
    } else {
        printf("%s %s\n", k->name,
               p->good ? "has the new CRL" : "could NOT be told: it will fetch the CRL on its timer");
    }
}

int push_crl(const struct dbr_ca *ca, struct json *j)
{
    struct push v[DBR_CA_CONCENTRATORS] = {0};
    size_t n = ca->conf.n_concentrators, len;
    uint8_t *der;
    char why[WHY];
    int failed = 0;
    if (crl_der(ca, &der, &len, why, sizeof why) != 0) {
        fprintf(stderr, "drawbridge-ca: %s\n", why);
        return (int)n;
    }
    for (size_t i = 0; i < n; i++) {
        v[i].in = -1;
        v[i].done = !start(&v[i], &ca->conf.concentrators[i]);
    }
    for (time_t end = time(NULL) + PUSH_SECONDS; time(NULL) < end && wait_round(v, n, der, len);)
        ;
    for (size_t i = 0; i < n; i++) {
        give_up(&v[i]);
        report(&ca->conf.concentrators[i], &v[i], j);
        failed += !v[i].good;
    }
    free(der);
    return failed;
}
