/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: name servers of the far LAN, told to what manages this machine's: systemd-resolved, or
 * resolvconf. They are taken back at the end; a file in the run folder tells a keeper that comes after a
 * crash that there is something to take back.
 *
 *   full tunnel    all names are asked there; where nobody names servers, those of the DHCP lease
 *   split tunnel   with systemd-resolved and domains: only names in these domains; else left out
 */
#include "keeper/keeper.h"
#include "keeper/script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 5, ARGS = 24, TEXT = 1024 };

/* ---- programs ---- */

static bool find_program(const char *name, char path[64])
{
    static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/sbin"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, 64, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static _Noreturn void become(const char *const *argv, int in)
{
    sigset_t none;
    int out = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    alarm(PATIENCE_S); /* it stays over execv() */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Runs argv with this text as its input; true when it ended well. */
static bool run(const char *const *argv, const char *text)
{
    int end[2], status = -1;
    if (pipe2(end, O_CLOEXEC))
        return false;
    bool written = write(end[1], text, strlen(text)) == (ssize_t)strlen(text); /* less than a pipe holds */
    close(end[1]);
    pid_t pid = written ? fork() : -1;
    if (pid == 0)
        become(argv, end[0]);
    close(end[0]);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- systemd-resolved ---- */

static size_t add_words(const char **argv, size_t n, char *words)
{
    char *rest = NULL;
    for (char *w = strtok_r(words, " ", &rest); w && n + 2 < ARGS; w = strtok_r(NULL, " ", &rest))
        argv[n++] = w;
    return n;
}

static bool resolved_is_there(char path[64])
{
    return access("/run/systemd/resolve", F_OK) == 0 && find_program("resolvectl", path);
}

static bool resolved_say(const char *path, const char *what, const char *dev, const char *words)
{
    char text[TEXT];
    const char *argv[ARGS] = {path, what, dev};
    snprintf(text, sizeof text, "%s", words);
    add_words(argv, 3, text);
    return run(argv, "");
}

static bool resolved_set(const char *path, const char *dev, const struct dbr_ipc_dns *m, const char *servers)
{
    char domains[sizeof m->domains + 4];
    snprintf(domains, sizeof domains, "%s%s", m->domains, m->full ? " ~." : "");
    return resolved_say(path, "dns", dev, servers) && resolved_say(path, "domain", dev, domains) &&
           resolved_say(path, "default-route", dev, m->full ? "yes" : "no");
}

/* ---- resolvconf ---- */

static bool resolvconf_set(const char *path, const char *dev, const struct dbr_ipc_dns *m)
{
    char entry[IFNAMSIZ + 16], text[TEXT], ip[INET6_ADDRSTRLEN];
    size_t n = 0;
    snprintf(entry, sizeof entry, "%s.drawbridge", dev);
    for (size_t i = 0; i < m->n; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n, "nameserver %s\n",
            inet_ntop(m->server[i].family == 6 ? AF_INET6 : AF_INET, m->server[i].ip, ip, sizeof ip));
    if (*m->domains)
        snprintf(text + n, sizeof text - n, "search %s\n", m->domains);
    return run((const char *const[]){path, "-a", entry, NULL}, text);
}

/* ---- dns-updown ---- */

static bool is_word(const char *text, const char *word)
{
    return text && strcmp(text, word) == 0;
}

/* The admin's own program; NULL: ours is what counts. */
static const char *own_program(const struct dbr_config *c)
{
    bool ours = !c->dns_updown || is_word(c->dns_updown, "force") || is_word(c->dns_updown, "disable");
    return ours || c->script_security < 2 ? NULL : c->dns_updown;
}

static void run_own(struct keeper *k, const char *type)
{
    struct script_about about = {.dev = k->tap.name,
                                 .mtu = k->tap_mtu,
                                 .context = "init",
                                 .more = k->env,
                                 .n_more = k->n_env,
                                 .alive = &k->notify};
    script_run_bare(own_program(k->config), type, &about, k->config, &k->log);
}

/* Where neither the configuration nor the server names one, a lease may, in a full tunnel. */
static void from_lease(const struct keeper *k, struct dbr_ipc_dns *m)
{
    for (size_t i = 0; i < k->lease.n_dns; i++) {
        m->server[m->n].family = 4;
        memcpy(m->server[m->n++].ip, k->lease.dns[i], 4);
    }
    if (!*m->domains)
        snprintf(m->domains, sizeof m->domains, "%s", k->lease.domain);
}

/* ---- both ---- */

static void marker(const struct keeper *k, char path[160])
{
    snprintf(path, 160, "%s/%s.dns", k->run_dir, k->tap.name);
}

static void mark(const struct keeper *k, bool on)
{
    char path[160];
    marker(k, path);
    int fd = on ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd >= 0)
        close(fd);
    if (!on)
        unlink(path);
}

static void take_back(struct keeper *k)
{
    char path[64], entry[IFNAMSIZ + 16];
    snprintf(entry, sizeof entry, "%s.drawbridge", k->tap.name);
    if (resolved_is_there(path))
        run((const char *const[]){path, "revert", k->tap.name, NULL}, "");
    else if (find_program("resolvconf", path))
        run((const char *const[]){path, "-d", entry, NULL}, "");
    mark(k, false);
    k->dns_set = false;
}

static void join_servers(const struct dbr_ipc_dns *m, char *out, size_t cap)
{
    char ip[INET6_ADDRSTRLEN];
    size_t n = 0;
    *out = 0;
    for (size_t i = 0; i < m->n && n < cap; i++)
        n += (size_t)snprintf(
            out + n, cap - n, "%s%s", i ? " " : "",
            inet_ntop(m->server[i].family == 6 ? AF_INET6 : AF_INET, m->server[i].ip, ip, sizeof ip));
}

static bool set(struct keeper *k, const struct dbr_ipc_dns *m, const char *servers)
{
    char path[64];
    if (resolved_is_there(path))
        return resolved_set(path, k->tap.name, m, servers);
    return m->full && find_program("resolvconf", path) && resolvconf_set(path, k->tap.name, m);
}

/* With an `up` script name servers are the admin's own business unless he says `dns-updown force`, and behind
 * a bridge they are nobody's here. */
static bool not_ours(const struct keeper *k)
{
    const struct dbr_config *c = k->config;
    bool by_up = c->up && c->script_security >= 2 && !is_word(c->dns_updown, "force");
    return k->bridged || by_up || is_word(c->dns_updown, "disable");
}

static void apply(struct keeper *k, const struct dbr_ipc_dns *m)
{
    char servers[TEXT], path[64];
    dns_forget(k);
    if (!m->n)
        return;
    if (own_program(k->config)) {
        run_own(k, "dns-up");
        k->dns_ran = true;
        return;
    }
    if (not_ours(k))
        return;
    join_servers(m, servers, sizeof servers);
    if (!m->full && !(*m->domains && resolved_is_there(path))) {
        dbr_log(&k->log, DBR_LOG_INFO,
                "name servers %s are left out: in a split tunnel they count with domains and "
                "systemd-resolved only",
                servers);
        return;
    }
    mark(k, true);
    k->dns_set = set(k, m, servers);
    if (k->dns_set)
        dbr_log(&k->log, DBR_LOG_INFO, "name servers %s%s%s", servers, *m->domains ? " for " : "",
                m->domains);
    else
        dbr_log(&k->log, DBR_LOG_WARN,
                "WARNING: name servers %s are not set: neither systemd-resolved nor resolvconf takes them; "
                "use an `up` "
                "script, or write them into /etc/resolv.conf",
                servers);
    if (!k->dns_set)
        mark(k, false);
}

void dns_again(struct keeper *k)
{
    struct dbr_ipc_dns m = k->dns_said;
    if (m.n || !m.full)
        return;
    from_lease(k, &m);
    apply(k, &m);
}

void dns_take(struct keeper *k, const struct dbr_ipc_dns *m)
{
    k->dns_said = *m;
    if (m->n || !m->full)
        apply(k, m);
    else
        dns_again(k);
}

void dns_forget(struct keeper *k)
{
    if (k->dns_set)
        take_back(k);
    if (k->dns_ran)
        run_own(k, "dns-down");
    k->dns_ran = false;
}

void dns_recover(struct keeper *k)
{
    char path[160];
    marker(k, path);
    if (!k->client || access(path, F_OK))
        return;
    dbr_log(&k->log, DBR_LOG_NOTICE, "name servers of a run that did not end well are taken back");
    take_back(k);
}
