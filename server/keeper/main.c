/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridged: arguments and configuration, then either an answer on standard output or the keeper.
 */
#include "keeper/keeper.h"
#include "keeper/lease.h"
#include "keeper/login.h"
#include "keeper/wholefile.h"
#include "base/err.h"
#include "base/secret.h"
#include "control/control.h"
#include "data/data.h"
#include "fetch/fetch.h"
#include "metrics/metrics.h"
#include "signer/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_BAD = 1 };

/* ---- reading the configuration ---- */

static void say(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s%s\n", severity == DBR_CONF_WARNING ? "WARNING: " : "", line);
}

static int read_config(void *arg, const char *path, char **text, size_t *len)
{
    (void)arg;
    return whole_file(path, text, len);
}

/* ---- answers ---- */

static void print_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
}

static int show_version(void)
{
    puts("drawbridged " DBR_VERSION ", a layer-2 VPN concentrator that speaks the OpenVPN protocol\n"
         "License GPL-3.0-or-later. There is no warranty.");
    return 0;
}

static int show_help(void)
{
    puts("usage: drawbridged --config FILE [--DIRECTIVE [ARGUMENT ...]] ...\n"
         "       drawbridged FILE\n"
         "       drawbridged --config FILE --check-config | --show-config\n"
         "Every directive of the configuration file may stand on the command line with -- in front.\n");
    const char *group = "";
    for (int i = 0; i < DBR_D_COUNT; i++) {
        const struct dbr_directive_info *d = dbr_directive_info((enum dbr_directive)i);
        if (d->status != DBR_HONOUR)
            continue;
        if (strcmp(group, d->group) != 0)
            printf("%s%s:\n", *group ? "\n" : "", d->group);
        group = d->group;
        int n = printf("  --%s %s", d->keyword, d->args);
        printf("%*s%s%s%s%s\n", n < 38 ? 38 - n : 1, "", d->help, d->dflt ? " (" : "", d->dflt ? d->dflt : "",
               d->dflt ? ")" : "");
    }
    return 0;
}

/* ---- data's program ---- */

/* Takes what data may know out of the configuration and wipes the rest, keys among it. */
static int run_data(const struct dbr_boot *boot, struct dbr_config *config, const struct guarded_ips *guarded)
{
    struct dbr_data_limits limits = {.max_peers = boot->single ? 1 : (uint32_t)config->max_clients,
                                     .age_s = (uint32_t)config->stale_routes_check.n,
                                     .client_to_client = config->client_to_client,
                                     .vlan_accept = (uint16_t)lan_vlans(config),
                                     .vlan_pvid = (uint16_t)config->vlan_pvid,
                                     .loop_guard = config->loop_guard};
    if (config->aead_library == DBR_AEAD_LIBRARY_OPENSSL)
        limits.aead = "openssl";
    for (size_t i = 0; i < GUARDED_IPS && i < DBR_DATA_IPS_MAX; i++) {
        limits.guarded_ip4[i] = guarded->ip4[i];
        memcpy(limits.guarded_ip6[i], guarded->ip6[i], sizeof limits.guarded_ip6[i]);
    }
    dbr_config_free(config);
    return dbr_data_main(boot, &limits);
}

static const struct keeper_programs programs = {.control = dbr_control_main,
                                                .data = run_data,
                                                .fetch = dbr_fetch_main,
                                                .metrics = dbr_metrics_main,
                                                .signer = dbr_signer_main};

/* ---- into the background ---- */

static void null_stdin(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd > 0) {
        dup2(fd, 0);
        close(fd);
    }
}

/* The process that was called waits until the daemon serves or has failed, and ends with its code. Returns
 * the pipe's end in the daemon, or -1. */
static int into_background(void)
{
    int pipe_fd[2];
    char code = EXIT_BAD;
    if (pipe2(pipe_fd, O_CLOEXEC))
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(pipe_fd[1]);
        ssize_t n;
        do
            n = read(pipe_fd[0], &code, 1);
        while (n < 0 && errno == EINTR);
        _exit(n == 1 ? code : EXIT_BAD);
    }
    close(pipe_fd[0]);
    setsid();
    return pipe_fd[1];
}

/* ---- main ---- */

/* What the caller may have left to us and nobody here wants: descriptors, and where libraries look for code.
 */
static void forget_caller(void)
{
    static const char *const names[] = {"OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "LD_PRELOAD",
                                        "LD_LIBRARY_PATH"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
    close_range(STDERR_FILENO + 1, ~0u, 0);
}

/* The file's name is made one from the root: it may be read again when we are elsewhere. */
static int first_login(const struct dbr_config *config, struct dbr_ipc_login *login, char *file, size_t cap)
{
    const char *name = config->auth_user_pass.path;
    char path[512], *whole = NULL;
    snprintf(path, sizeof path, "%s%s%s", name && *name != '/' && config->cd ? config->cd : "",
             name && *name != '/' && config->cd ? "/" : "", name ? name : "");
    if (name)
        whole = realpath(path, NULL);
    snprintf(file, cap, "%s", name ? whole ? whole : path : "");
    free(whole);
    return login_ask(config, name ? file : NULL, login);
}

static int serve(struct dbr_config *config, int argc, char *const *argv)
{
    static struct keeper k; /* static: the children's leak checks find what hangs on it */
    char passphrase[PASSPHRASE_MAX];
    if (passphrase_ask(config, passphrase, sizeof passphrase))
        return EXIT_BAD;
    static struct dbr_ipc_login login;
    char login_file[512] = "";
    if (login_wanted(config) && !login_by_managers(config) &&
        first_login(config, &login, login_file, sizeof login_file))
        return EXIT_BAD;
    int told_parent = config->daemon.on && !getenv("NOTIFY_SOCKET") ? into_background() : -1;
    keeper_init(&k, config, &programs);
    memcpy(k.passphrase, passphrase, sizeof passphrase);
    dbr_wipe(passphrase, sizeof passphrase);
    k.login = login;
    dbr_wipe(&login, sizeof login);
    memcpy(k.login_file, login_file, sizeof login_file);
    k.argc = argc;
    k.argv = argv;
    k.home_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    k.told_parent = told_parent;
    k.background = k.sink.also_stderr = told_parent >= 0;
    notify_open(&k.notify);
    umask(077);
    null_stdin();
    int code = keeper_open(&k) ? EXIT_BAD : keeper_run(&k);
    keeper_close(&k);
    dbr_wipe(k.passphrase, sizeof k.passphrase);
    dbr_wipe(&k.login, sizeof k.login);
    return code;
}

/* `--check-config FILE` and `--show-config FILE` read as `--config FILE --check-config`. */
static int read_arguments(struct dbr_config *config, int argc, char **argv, const struct dbr_conf_diag *diag)
{
    bool looks = argc == 3 && (!strcmp(argv[1], "--check-config") || !strcmp(argv[1], "--show-config"));
    if (!looks || argv[2][0] == '-')
        return dbr_config_args(config, argc - 1, argv + 1, diag);
    char word[] = "--config";
    char *const swapped[] = {word, argv[2], argv[1]};
    return dbr_config_args(config, 3, swapped, diag);
}

static void log_plainly(void *arg, int level, const char *line)
{
    (void)arg;
    fprintf(level <= DBR_LOG_ERROR ? stderr : stdout, "%s\n", line);
}

/* Keys, certificates and lists, relative to `cd` as at the start. */
static int check_files(const struct dbr_config *config)
{
    const struct dbr_log log = {.verb = config->verb, .sink = log_plainly};
    if (config->cd && chdir(config->cd)) {
        fprintf(stderr, "cd: %s: %s; name a folder that exists\n", config->cd, strerror(errno));
        return DBR_ERR_CONFIG;
    }
    return dbr_control_check(config, &log);
}

int main(int argc, char **argv)
{
    static struct dbr_config config;
    const struct dbr_conf_diag diag = {.say = say, .read = read_config};
    const char *lease_file = getenv(LEASE_VARIABLE);
    if (lease_file) /* keeper's DHCP client calls */
        return lease_main(lease_file, argc > 1 ? argv[1] : NULL);
    forget_caller();
    int err = dbr_config_init(&config);
    if (!err)
        err = read_arguments(&config, argc, argv, &diag);
    if (!err && config.version)
        return show_version();
    if (!err && (config.help || argc < 2))
        return show_help();
    if (!err)
        err = dbr_config_finish(&config, &diag);
    if (!err && config.show_config)
        dbr_config_show(&config, print_line, NULL);
    if (!err && config.check_config)
        err = check_files(&config);
    int code = err ? EXIT_BAD : 0;
    if (!err && !config.check_config && !config.show_config)
        code = serve(&config, argc - 1, argv + 1);
    dbr_config_free(&config);
    return code;
}
