/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/script.h"
#include "base/err.h"
#include "keeper/lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 48, TEXT = 4096, PATIENCE_MS = 60000, KILLED_MS = 1000, DHCP_PATIENCE_MS = 500, NAP_MS = 10 };

/* ---- words ---- */

struct split {
    const char *in;
    char *out, *end;
};

static int put_char(struct split *s, char c)
{
    if (s->out >= s->end)
        return DBR_ERR_SPACE;
    *s->out++ = c;
    return 0;
}

/* One word; quotes may begin and end inside it, a backslash outside of '' takes the next character as it is.
 */
static int one_word(struct split *s)
{
    char quote = 0;
    int err = 0;
    for (; *s->in && !err && (quote || (*s->in != ' ' && *s->in != '\t')); s->in++) {
        if (quote ? *s->in == quote : *s->in == '"' || *s->in == '\'')
            quote = quote ? 0 : *s->in;
        else if (*s->in == '\\' && quote != '\'' && s->in[1])
            err = put_char(s, *++s->in);
        else
            err = put_char(s, *s->in);
    }
    if (!err && quote)
        err = DBR_ERR_SHAPE;
    return err ? err : put_char(s, 0);
}

int script_split(const char *text, char *buf, size_t n, char **words, size_t cap)
{
    struct split s = {.in = text, .out = buf, .end = buf + n};
    size_t count = 0;
    for (;;) {
        s.in += strspn(s.in, " \t");
        if (!*s.in)
            break;
        if (count + 1 >= cap)
            return DBR_ERR_SPACE;
        words[count++] = s.out;
        int err = one_word(&s);
        if (err)
            return err;
    }
    words[count] = NULL;
    return (int)count;
}

/* ---- running ---- */

void script_clean_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void put_env(const char *name, const char *value)
{
    if (setenv(name, value, 1))
        _exit(127);
}

static void put_broadcast(const struct script_about *a)
{
    struct in_addr ip, mask;
    char text[INET_ADDRSTRLEN];
    if (inet_pton(AF_INET, a->ip, &ip) != 1 || inet_pton(AF_INET, a->mask, &mask) != 1)
        return;
    ip.s_addr |= ~mask.s_addr;
    put_env("ifconfig_broadcast", inet_ntop(AF_INET, &ip, text, sizeof text));
}

void script_env(const char *type, const struct script_about *a, const struct dbr_config *cfg)
{
    char number[16];
    put_env("script_type", type);
    put_env("script_context", a->context);
    put_env("dev", a->dev);
    put_env("dev_type", "tap");
    snprintf(number, sizeof number, "%u", (unsigned)a->mtu);
    put_env("tun_mtu", number);
    put_env("link_mtu", "0");
    snprintf(number, sizeof number, "%d", cfg->verb);
    put_env("verb", number);
    if (a->ip[0]) {
        put_env("ifconfig_local", a->ip);
        put_env("ifconfig_netmask", a->mask);
        put_broadcast(a);
    }
    if (cfg->files.n)
        put_env("config", cfg->files.v[0]);
    for (size_t i = 0; i < a->n_more; i++)
        put_env(a->more[i].name, a->more[i].value);
    put_env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (size_t i = 0; i < cfg->setenv.n; i++) {
        char *pair = strdup(cfg->setenv.v[i]);
        char *value = pair ? strchr(pair, ' ') : NULL;
        if (value)
            *value++ = 0;
        if (pair && *pair)
            put_env(pair, value ? value : "");
        free(pair);
    }
}

/* keeper's loop stands still: its watchdog does not. */
static void say_alive(const struct notify *n, int waited_ms)
{
    const int every_ms = n ? (int)(n->watchdog_ns / 1000000 / NAP_MS * NAP_MS) : 0;
    if (every_ms && waited_ms % every_ms == 0)
        notify_send(n, "WATCHDOG=1");
}

/* True when it has ended, or cannot be waited for: *status is -1 then. */
static bool ends_within(pid_t pid, int patience_ms, int *status, const struct notify *alive)
{
    const struct timespec nap = {0, NAP_MS * 1000000l};
    for (int waited = 0; waited < patience_ms; waited += NAP_MS) {
        pid_t p = waitpid(pid, status, WNOHANG);
        if (p < 0)
            *status = -1;
        if (p)
            return true;
        say_alive(alive, waited);
        nanosleep(&nap, NULL);
    }
    return false;
}

/* Status as waitpid() gives it; killed when it takes longer. -1: it is not known. */
static int wait_for(pid_t pid, int patience_ms, const struct notify *alive)
{
    int status = -1;
    if (ends_within(pid, patience_ms, &status, alive))
        return status;
    kill(pid, SIGKILL); /* where the kernel holds it that may last */
    return ends_within(pid, KILLED_MS, &status, alive) ? status : -1;
}

void script_say_failed(const struct dbr_log *log, const char *type, const char *command, int status)
{
    if (WIFEXITED(status))
        dbr_log(log, DBR_LOG_ERROR, "%s script %s failed with status %d%s", type, command,
                WEXITSTATUS(status),
                WEXITSTATUS(status) == 127 ? "; it could not be run: check its path and mode" : "");
    else if (WIFSIGNALED(status))
        dbr_log(log, DBR_LOG_ERROR, "%s script %s was ended by signal %d", type, command, WTERMSIG(status));
    else
        dbr_log(log, DBR_LOG_ERROR, "%s script %s: how it ended is not known", type, command);
}

/* DEV MTU 0 IP MASK CONTEXT behind n words. */
static void add_usual(char **words, int n, const struct script_about *about, const char *mtu)
{
    const char *const more[] = {about->dev, mtu, "0", about->ip, about->mask, about->context, NULL};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        words[(size_t)n + i] = (char *)(uintptr_t)more[i];
}

static int run(const char *command, const char *type, const struct script_about *about,
               const struct dbr_config *cfg, const struct dbr_log *log, bool usual)
{
    char buf[TEXT], mtu[16], *words[WORDS];
    int n = script_split(command, buf, sizeof buf, words, WORDS - 6);
    if (n <= 0) {
        dbr_log(log, DBR_LOG_ERROR, "%s script: cannot split `%s` into words: check its quotes", type,
                command);
        return DBR_ERR_IO;
    }
    snprintf(mtu, sizeof mtu, "%u", (unsigned)about->mtu);
    if (usual)
        add_usual(words, n, about, mtu);
    pid_t pid = fork();
    if (pid == 0) {
        script_clean_signals();
        script_env(type, about, cfg);
        execv(words[0], words);
        _exit(127);
    }
    int status = pid < 0 ? -1 : wait_for(pid, PATIENCE_MS, about->alive);
    if (status == 0)
        return 0;
    script_say_failed(log, type, command, status);
    return DBR_ERR_IO;
}

int script_run(const char *command, const char *type, const struct script_about *about,
               const struct dbr_config *cfg, const struct dbr_log *log)
{
    return run(command, type, about, cfg, log, true);
}

int script_run_bare(const char *command, const char *type, const struct script_about *about,
                    const struct dbr_config *cfg, const struct dbr_log *log)
{
    return run(command, type, about, cfg, log, false);
}

/* ---- DHCP client ---- */

enum { DHCP_WORDS = 24, DHCP_FILES = 4, LEASE_FILE = 3, PATH_LEN = 160 };

/* In the foreground. %i the interface, %0 to %2 a file of ours, %s this program as its script, %e the
 * variable that tells the script where to write. */
static const char *const dhcp_clients[][DHCP_WORDS] = {
    {"/sbin/dhclient", "-4", "-d", "-q", "-cf", "%0", "-lf", "%1", "-pf", "%2", "-sf", "%s", "-e", "%e", "%i",
     NULL},
    {"/sbin/udhcpc", "-f", "-R", "-S", "-t", "5", "-T", "1", "-A", "3", "-s", "%s", "-i", "%i", NULL},
    {"/sbin/dhcpcd", "-4", "-B", "-q", "--nogateway", "-c", "%s", "-e", "%e", "%i", NULL},
};
static const char dhclient_conf[] = "request subnet-mask, broadcast-address, routers, interface-mtu,\n"
                                    " domain-name-servers, domain-name;\n"
                                    "initial-interval 1; backoff-cutoff 3; retry 3; timeout 30;\n";

struct dhcp_paths {
    char file[DHCP_FILES][PATH_LEN];
};

static void name_files(struct dhcp_paths *p, const char *dev, const char *folder)
{
    static const char *const ends[DHCP_FILES] = {"conf", "leases", "pid", "lease"};
    for (size_t i = 0; i < DHCP_FILES; i++)
        snprintf(p->file[i], PATH_LEN, "%s/dhclient-%s.%s", folder, dev, ends[i]);
}

static int write_conf(const struct dhcp_paths *p)
{
    int fd = open(p->file[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ssize_t n = fd < 0 ? -1 : write(fd, dhclient_conf, sizeof dhclient_conf - 1);
    if (fd >= 0)
        close(fd);
    return n == sizeof dhclient_conf - 1 ? 0 : DBR_ERR_IO;
}

/* Path of a client, in /sbin or /usr/sbin; NULL when it is in neither. */
static const char *installed(const char *path, char *buf, size_t n)
{
    if (access(path, X_OK) == 0)
        return path;
    snprintf(buf, n, "/usr%s", path);
    return access(buf, X_OK) == 0 ? buf : NULL;
}

void dhcp_lease_file(char *out, size_t cap, const char *dev, const char *folder)
{
    struct dhcp_paths p;
    name_files(&p, dev, folder);
    snprintf(out, cap, "%s", p.file[LEASE_FILE]);
}

static const char *fill_in(const char *word, const char *dev, const struct dhcp_paths *p, const char *self,
                           const char *variable)
{
    if (word[0] != '%')
        return word;
    switch (word[1]) {
    case 'i': return dev;
    case 's': return self;
    case 'e': return variable;
    default: return p->file[word[1] - '0'];
    }
}

static void run_dhcp(const char *path, const char *const *words, const char *dev, const struct dhcp_paths *p)
{
    const char *argv[DHCP_WORDS] = {path};
    char self[PATH_LEN] = "", variable[PATH_LEN + sizeof LEASE_VARIABLE];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        _exit(127);
    put_env(LEASE_VARIABLE, p->file[LEASE_FILE]);
    snprintf(variable, sizeof variable, "%s=%s", LEASE_VARIABLE, p->file[LEASE_FILE]);
    for (size_t i = 1; words[i]; i++)
        argv[i] = fill_in(words[i], dev, p, self, variable);
    script_clean_signals();
    execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

pid_t dhcp_start(const char *dev, const char *folder, const struct dbr_log *log)
{
    struct dhcp_paths p;
    char buf[64];
    name_files(&p, dev, folder);
    unlink(p.file[LEASE_FILE]);
    for (size_t i = 0; i < sizeof dhcp_clients / sizeof dhcp_clients[0]; i++) {
        const char *path = installed(dhcp_clients[i][0], buf, sizeof buf);
        if (!path)
            continue;
        pid_t pid = write_conf(&p) ? -1 : fork();
        if (pid == 0)
            run_dhcp(path, dhcp_clients[i], dev, &p);
        if (pid < 0)
            dbr_log(log, DBR_LOG_ERROR, "cannot start %s: %s", path, strerror(errno));
        else
            dbr_log(log, DBR_LOG_INFO, "DHCP: %s started on %s", path, dev);
        return pid > 0 ? pid : DBR_ERR_IO;
    }
    dbr_log(log, DBR_LOG_ERROR,
            "the server wants %s to get its address by DHCP, but none of dhclient, udhcpc, dhcpcd is "
            "installed; install "
            "one, or set the address in an `up` script",
            dev);
    return DBR_ERR_NOTFOUND;
}

void dhcp_stop(pid_t pid, const char *dev, const char *folder)
{
    struct dhcp_paths p;
    name_files(&p, dev, folder);
    kill(pid, SIGTERM);
    wait_for(pid, DHCP_PATIENCE_MS, NULL);
    for (size_t i = 0; i < DHCP_FILES; i++)
        unlink(p.file[i]);
}
