/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The life of keeper with stub children, in a network namespace of its own: birth with rights and
 * descriptors, restarts, files, signals, mending of TAP and bridge, the end. The stubs say in the log what
 * they see; the test reads the log. Needs root; skipped without.
 */
#include "base/err.h"
#include "base/secret.h"
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define MARK "MARK-of-the-private-key-that-data-must-not-have"

static char folder[64], log_path[96], crl_path[96];
static pid_t keeper_pid;

/* ---- stub children ---- */

static enum { GOOD, DIES_EARLY, FAILS_EARLY, DEAF, LEAVES, HANGS, ASKS } control_mood, data_mood;

static void ready(const struct dbr_boot *b)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_READY, sizeof m, 0);
    dbr_ipc_send(b->ipc_keeper, &m, -1);
}

static void say_state(const struct dbr_boot *b, uint32_t what, int32_t value)
{
    struct dbr_ipc_state m = {.head = dbr_ipc_head(DBR_IPC_STATE, sizeof m, 0), .what = what, .value = value};
    dbr_ipc_send(b->ipc_keeper, &m, -1);
}

static void stub_file(const struct dbr_boot *b, const struct dbr_ipc_file *m, int fd)
{
    char text[32] = "";
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    dbr_log(&b->log, 1, "stub control: crl %s", m->missing ? "missing" : text);
}

static void ask_for_login(const struct dbr_boot *b)
{
    struct dbr_ipc_hook m = {.id = 7, .hook = DBR_HOOK_USER_PASS};
    m.head = dbr_ipc_head(DBR_IPC_HOOK, offsetof(struct dbr_ipc_hook, text), 0);
    dbr_ipc_send(b->ipc_keeper, &m, -1);
}

static void wait_no_more(const struct dbr_boot *b)
{
    struct dbr_ipc_hook_done m = {.id = 7, .err = DBR_ERR_STATE};
    m.head = dbr_ipc_head(DBR_IPC_HOOK_DONE, offsetof(struct dbr_ipc_hook_done, text), 0);
    dbr_ipc_send(b->ipc_keeper, &m, -1);
}

/* Reads one message; false at the end of the pair. */
static bool stub_message(const struct dbr_boot *b)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    const struct dbr_ipc_state *state = (const void *)buf;
    const struct dbr_ipc_hook_done *done = (const void *)buf;
    int fd, err = dbr_ipc_recv(b->ipc_keeper, buf, &fd);
    if (err == DBR_ERR_NOTFOUND)
        return false;
    if (err)
        return true;
    if (head->type == DBR_IPC_FILE)
        stub_file(b, (const void *)buf, fd);
    if (fd >= 0)
        close(fd);
    if (head->type == DBR_IPC_HOOK_DONE)
        dbr_log(&b->log, 1, "stub control: hook %d", done->err);
    if (head->type != DBR_IPC_STATE)
        return true;
    if (control_mood == ASKS)
        wait_no_more(b);
    dbr_log(&b->log, 1, "stub control: state %u", state->what);
    if (state->what == DBR_STATE_SHUTDOWN && control_mood != DEAF)
        say_state(b, DBR_STATE_DONE, 0);
    return true;
}

static int stub_control(const struct dbr_boot *b)
{
    struct pollfd p = {.fd = b->ipc_keeper, .events = POLLIN};
    if (control_mood == FAILS_EARLY)
        return 1;
    if (control_mood == DIES_EARLY)
        abort();
    if (!strstr(b->config->key.text, MARK) || b->lock_down(b))
        return 1;
    dbr_log(&b->log, 1, "stub control: restarted %d", b->restarted);
    ready(b);
    if (control_mood == ASKS)
        ask_for_login(b);
    if (control_mood == LEAVES)
        say_state(b, DBR_STATE_DONE, 1);
    while (poll(&p, 1, -1) == 1)
        if (!stub_message(b))
            return 0;
    return 1;
}

static int stub_data(const struct dbr_boot *b, struct dbr_config *config, const struct guarded_ips *guarded)
{
    struct pollfd p = {.fd = b->ipc_keeper, .events = POLLIN};
    char c;
    (void)guarded;
    dbr_config_free(config);
    if (data_mood == DIES_EARLY)
        abort();
    if (b->lock_down(b))
        return 1;
    ready(b);
    struct dbr_ipc_learned m = {.head = dbr_ipc_head(DBR_IPC_FDB_ADD, sizeof m, 0),
                                .mac = {2, 0, 0, 0, 0, 0x77}};
    struct dbr_ipc_learned own = m; /* nobody's but the bridge's */
    memcpy(own.mac, b->bridge_mac, sizeof own.mac);
    if (!b->restarted) {
        dbr_ipc_send(b->ipc_keeper, &own, -1);
        dbr_ipc_send(b->ipc_keeper, &m, -1);
    }
    dbr_log(&b->log, 1, "stub data: restarted %d", b->restarted);
    if (data_mood == HANGS && !b->restarted)
        for (b->alive[1]++;;)
            ;
    while (poll(&p, 1, -1) == 1)
        if (recv(b->ipc_keeper, &c, 1, MSG_DONTWAIT) == 0)
            return 0;
    return 1;
}

static const struct keeper_programs stubs = {.control = stub_control, .data = stub_data};

/* ---- watching ---- */

/* The limits below are those of a machine with nothing else to do; a busy one gets so many times as much. */
enum { SLACK = 10 };

static char *log_text(void)
{
    static char text[1 << 16];
    int fd = open(log_path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = 0;
    if (fd >= 0)
        close(fd);
    return text;
}

static int count(const char *what)
{
    int n = 0;
    for (const char *p = log_text(); (p = strstr(p, what)); p++)
        n++;
    return n;
}

static void nap(void)
{
    const struct timespec t = {0, 5000000};
    nanosleep(&t, NULL);
}

/* Until the log holds `what` n times, at most ms. */
static void wait_log(const char *what, int n, int ms)
{
    uint64_t end = monotonic_ns() + SLACK * (uint64_t)ms * MS_NS;
    while (count(what) < n) {
        if (monotonic_ns() > end)
            fail_msg("no \"%s\" (%d) within %d ms:\n%s", what, n, ms, log_text());
        nap();
    }
}

/* The pid in the last line "NAME: process PID". */
static pid_t last_pid(const char *name)
{
    char key[32];
    const char *last = NULL;
    snprintf(key, sizeof key, "%s: process ", name);
    for (const char *p = log_text(); (p = strstr(p, key)); p++)
        last = p + strlen(key);
    assert_non_null(last);
    return (pid_t)strtol(last, NULL, 10);
}

static int run_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run_command(const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return system(text);
}

static bool until(int ms, const char *command)
{
    uint64_t end = monotonic_ns() + SLACK * (uint64_t)ms * MS_NS;
    while (run_command("%s", command)) {
        if (monotonic_ns() > end)
            return false;
        nap();
    }
    return true;
}

/* ---- the keeper under test ---- */

static void quiet(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    if (severity == DBR_CONF_ERROR)
        fprintf(stderr, "config: %s\n", line);
}

static const char config_text[] =
    "mode server\ntls-server\ndev tap0\nport 11940\nverb 4\nworkers 2\nuser nobody\n"
    "bridge brk kp0\nifconfig-pool 10.0.0.2 10.0.0.9 255.255.255.0\ncrl-verify crl.pem\nstatus status\n"
    "writepid pid\nclient-config-dir .\ncontrol-socket ctl\nauth SHA256\nca x\ncert x\n"
    "dh none\n<key>\n" MARK "\n</key>\n";

static int keeper_life(const char *extra)
{
    static struct keeper k;
    static struct dbr_config c;
    const struct dbr_conf_diag diag = {.say = quiet};
    char text[2048];
    snprintf(text, sizeof text, "%scd %s\nlog-append log\n%s", config_text, folder, extra);
    int err = dbr_config_init(&c) || dbr_config_parse(&c, "test", text, strlen(text), &diag) ||
              dbr_config_finish(&c, &diag);
    dbr_wipe(text, sizeof text); /* as the parser does with what it read from a file */
    if (err)
        return 99;
    keeper_init(&k, &c, &stubs);
    notify_open(&k.notify);
    int code = keeper_open(&k) ? 1 : keeper_run(&k);
    keeper_close(&k);
    dbr_config_free(&c);
    return code;
}

static void begin(const char *extra)
{
    unlink(log_path);
    fflush(NULL);
    keeper_pid = fork();
    if (keeper_pid == 0)
        exit(keeper_life(extra));
    assert_true(keeper_pid > 0);
}

static void begin_good(void)
{
    control_mood = data_mood = GOOD;
    begin("");
    wait_log("Initialization Sequence Completed", 1, 5000);
}

/* Exit code of the keeper, which must end within ms. */
static int end_within(int ms)
{
    int status;
    uint64_t end = monotonic_ns() + SLACK * (uint64_t)ms * MS_NS;
    while (waitpid(keeper_pid, &status, WNOHANG) != keeper_pid) {
        if (monotonic_ns() > end) {
            kill(keeper_pid, SIGKILL);
            waitpid(keeper_pid, &status, 0);
            fail_msg("keeper did not end within %d ms:\n%s", ms, log_text());
        }
        nap();
    }
    keeper_pid = 0;
    if (WIFSIGNALED(status))
        fail_msg("keeper was ended by signal %d:\n%s", WTERMSIG(status), log_text());
    return WEXITSTATUS(status);
}

static void end_good(void)
{
    kill(keeper_pid, SIGTERM);
    assert_int_equal(end_within(4000), 0);
    assert_int_not_equal(run_command("ip link show tap0 >/dev/null 2>&1"), 0);
    assert_int_not_equal(run_command("ip link show brk >/dev/null 2>&1"), 0);
    assert_int_not_equal(run_command("test -e %s/pid", folder), 0);
    assert_int_not_equal(run_command("test -e %s/ctl", folder), 0);
}

/* ---- cases ---- */

static bool memory_has(pid_t pid, const char *what)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int mem = open(path, O_RDONLY);
    bool found = false;
    assert_non_null(maps);
    assert_true(mem >= 0);
    while (!found && fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' || to - from > 64u << 20)
            continue;
        char *copy = malloc(to - from);
        ssize_t n = pread(mem, copy, to - from, (off_t)from);
        found = n > 0 && memmem(copy, (size_t)n, what, strlen(what));
        free(copy);
    }
    fclose(maps);
    close(mem);
    return found;
}

static int descriptors_like(pid_t pid, const char *what)
{
    char command[128], out[16] = "";
    snprintf(command, sizeof command, "ls -l /proc/%d/fd | grep -c '%s'", (int)pid, what);
    FILE *p = popen(command, "r");
    assert_non_null(fgets(out, sizeof out, p));
    pclose(p);
    return atoi(out);
}

/* Each child has what is its own and nothing else; both have dropped. */
static void birth(void **state)
{
    (void)state;
    begin_good();
    pid_t control = last_pid("control"), data = last_pid("data");
    assert_int_equal(descriptors_like(data, "/dev/net/tun"), 2 * DBR_TAP_LANES_MAX);
    assert_int_equal(descriptors_like(control, "/dev/net/tun"), 0);
    assert_int_equal(descriptors_like(control, "/status"), 1);
    assert_int_equal(descriptors_like(data, "/status"), 0);
    assert_int_equal(descriptors_like(data, "socket:"), 2 + 2 + 1);        /* UDP, pairs, keeper */
    assert_int_equal(descriptors_like(control, "socket:"), 1 + 2 + 1 + 1); /* UDP, pairs, keeper, ctl */
    assert_int_equal(run_command("grep -q '^Uid:.65534.65534' /proc/%d/status", (int)control), 0);
    assert_int_equal(run_command("grep -q '^Uid:.65534.65534' /proc/%d/status", (int)data), 0);
    assert_int_equal(run_command("grep -q '^CapEff:.0*$' /proc/%d/status", (int)data), 0);
    assert_int_equal(run_command("grep -q '^CapEff:.00000000000011e0' /proc/%d/status", (int)keeper_pid), 0);
    assert_int_equal(run_command("grep -qx %d %s/pid", (int)keeper_pid, folder), 0);
    assert_true(memory_has(control, MARK));
#ifndef DBR_SANITIZED /* freed blocks are kept in quarantine there, wiped or not by whom */
    assert_false(memory_has(data, MARK));
#endif
    assert_true(until(1000, "bridge fdb show dev tap0 | grep -q '02:00:00:00:00:77 .*extern_learn'"));
    assert_int_equal(run_command("test $(bridge fdb show dev tap0 | grep -c extern_learn) = 1"), 0);
    assert_int_equal(run_command("ip link show dev kp0 | grep -q 'master brk'"), 0);
    end_good();
    assert_int_equal(run_command("ip link show dev kp0 | grep -q 'master'"), 256);
    assert_int_equal(count("stub control: state 0"), 1); /* DBR_STATE_SHUTDOWN */
}

static void data_dies(void **state)
{
    (void)state;
    begin_good();
    wait_log("stub control: crl one", 1, 1500);
    assert_true(until(1000, "bridge fdb show dev tap0 | grep -q extern_learn"));
    pid_t control = last_pid("control"), data = last_pid("data");
    kill(data, SIGSEGV);
    wait_log("stub data: restarted 1", 1, 1000);
    char what[64];
    snprintf(what, sizeof what, "stub control: state %d", DBR_STATE_DATA_NEW);
    wait_log(what, 1, 1000);
    assert_int_equal(count("data process was ended by signal 11"), 1);
    assert_true(until(1000, "! bridge fdb show dev tap0 | grep -q extern_learn"));
    kill(last_pid("data"), SIGKILL);
    wait_log("stub data: restarted 1", 2, 1000);
    assert_int_equal(last_pid("control"), control);
    assert_int_equal(count("Initialization Sequence Completed"), 1);
    end_good();
}

static void control_dies(void **state)
{
    (void)state;
    begin_good();
    wait_log("stub control: crl one", 1, 1500);
    pid_t data = last_pid("data");
    kill(last_pid("control"), SIGKILL);
    wait_log("stub control: restarted 1", 1, 1000);
    wait_log("stub control: crl one", 2, 1500); /* the new one knows nothing */
    assert_int_equal(last_pid("data"), data);
    char what[64];
    snprintf(what, sizeof what, "stub control: state %d", DBR_STATE_DATA_NEW);
    assert_int_equal(count(what), 0);
    end_good();
}

static void fails_at_start(void **state)
{
    (void)state;
    static const int moods[][2] = {{FAILS_EARLY, GOOD}, {DIES_EARLY, GOOD}, {GOOD, DIES_EARLY}};
    for (size_t i = 0; i < 3; i++) {
        control_mood = moods[i][0];
        data_mood = moods[i][1];
        begin("");
        assert_int_equal(end_within(4000), 1);
        assert_int_equal(count("is started again"), 0);
        assert_int_equal(count("Initialization Sequence Completed"), 0);
        assert_int_not_equal(run_command("ip link show brk >/dev/null 2>&1"), 0);
    }
    control_mood = data_mood = GOOD;
}

static void control_ends_all(void **state)
{
    (void)state;
    control_mood = LEAVES;
    begin("");
    assert_int_equal(end_within(4000), 1); /* the value of DBR_STATE_DONE */
    control_mood = GOOD;
}

static void nobody_listens(void **state)
{
    (void)state;
    control_mood = DEAF;
    begin("");
    wait_log("Initialization Sequence Completed", 1, 5000);
    kill(last_pid("data"), SIGSTOP);
    kill(keeper_pid, SIGTERM);
    kill(keeper_pid, SIGTERM);
    assert_int_equal(end_within(5000), 0);
    control_mood = GOOD;
}

/* No descriptor is free when a child is to be restarted: said, tried again, and mended when there is one. */
static void descriptors_run_out(void **state)
{
    (void)state;
    struct rlimit before;
    begin_good();
    pid_t data = last_pid("data");
    assert_int_equal(prlimit(keeper_pid, RLIMIT_NOFILE, NULL, &before), 0);
    const struct rlimit none = {0, before.rlim_max};
    assert_int_equal(prlimit(keeper_pid, RLIMIT_NOFILE, &none, NULL), 0);
    kill(data, SIGKILL);
    wait_log("cannot start data: Too many open files", 1, 2000);
    assert_int_equal(prlimit(keeper_pid, RLIMIT_NOFILE, &before, NULL), 0);
    wait_log("stub data: restarted 1", 1, 4000);
    end_good();
}

/* A worker in an endless loop is killed after 10 s, not before. */
static void data_hangs(void **state)
{
    (void)state;
    data_mood = HANGS;
    uint64_t from = monotonic_ns();
    begin("");
    wait_log("stub data: restarted 0", 1, 5000);
    wait_log("data process hangs (loop 1", 1, 13000);
    assert_true(monotonic_ns() - from >= 9 * S_NS);
    wait_log("stub data: restarted 1", 1, 1000);
    end_good();
}

static void write_crl(const char *text)
{
    char other[128];
    snprintf(other, sizeof other, "%s.new", crl_path);
    FILE *f = fopen(other, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(rename(other, crl_path), 0);
}

static void crl_changes(void **state)
{
    (void)state;
    begin_good();
    wait_log("stub control: crl one", 1, 1500);
    write_crl("two");
    wait_log("stub control: crl two", 1, 1000);
    unlink(crl_path);
    wait_log("stub control: crl missing", 1, 1000);
    write_crl("one");
    wait_log("stub control: crl one", 2, 1000);
    assert_int_equal(count("stub control: crl"), 4);
    end_good();
}

static void signals_are_passed_on(void **state)
{
    (void)state;
    static const struct {
        int sig;
        enum dbr_state what;
        int times; /* that control heard it, in all */
    } cases[] = {
        {SIGHUP, DBR_STATE_RELOAD, 1}, {SIGUSR1, DBR_STATE_RELOAD, 2}, {SIGUSR2, DBR_STATE_STATUS, 1}};
    begin_good();
    for (size_t i = 0; i < 3; i++) {
        char what[64];
        snprintf(what, sizeof what, "stub control: state %d", cases[i].what);
        kill(keeper_pid, cases[i].sig);
        wait_log(what, cases[i].times, 1000);
    }
    end_good();
}

/* Children must not outlive a keeper that was killed. */
static void keeper_is_killed(void **state)
{
    (void)state;
    begin_good();
    pid_t control = last_pid("control"), data = last_pid("data");
    int status;
    kill(keeper_pid, SIGKILL);
    assert_int_equal(waitpid(keeper_pid, &status, 0), keeper_pid);
    uint64_t end = monotonic_ns() + SLACK * S_NS;
    while ((!kill(control, 0) || !kill(data, 0)) && monotonic_ns() < end)
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    assert_true(kill(control, 0) && errno == ESRCH);
    assert_true(kill(data, 0) && errno == ESRCH);
    begin_good(); /* and the next one takes over what was left */
    end_good();
}

static void port_is_taken(void **state)
{
    (void)state;
    struct udp_group g;
    struct dbr_why why = {""};
    struct udp_group_config c = {.n_workers = 1, .local.port = 11940};
    assert_int_equal(udp_group_open(&g, &c, &why), 0);
    begin("");
    int code = end_within(4000);
    udp_group_close(&g);
    assert_int_equal(code, 1);
    assert_int_equal(count("test:4: port: cannot bind UDP [any] port 11940"), 1);
    assert_int_equal(count("\n"), 2); /* the program's name and one line, not a flood */
}

static void bad_configuration(void **state)
{
    (void)state;
    static const struct {
        const char *extra, *want;
        bool before; /* the bridge is touched */
    } cases[] = {
        {"user no-such-user\n", "user no-such-user does not exist", true},
        {"local 192.0.2.77\n", "no interface has this address"},
        {"local example.org\n", "not an address"},
        {"bridge brk no-such-if\n", "no-such-if"},
        {"client-config-dir /no/such/dir\n", "/no/such/dir", true},
        {"status /no/such/dir/status\n", "/no/such/dir/status", true},
        {"script-security 2\nup /bin/false\n", "up script /bin/false failed with status 1"},
        {"script-security 2\ndown /no/such/script\n", "down: cannot run /no/such/script: No such file", true},
        {"script-security 2\nclient-connect /dev/null\n", "client-connect: cannot run /dev/null: Permission",
         true},
        {"script-security 2\nlearn-address \"/bin/true 'x\"\n", "learn-address: cannot split it into words",
         true},
        {"script-security 2\nauth-user-pass-verify /bin/true via-file\ntmp-dir /no/such/dir\n",
         "tmp-dir: cannot open /no/such/dir", true},
        {"script-security 2\ntls-verify /bin/true\ntls-export-cert /no/such/dir\n",
         "tls-export-cert: cannot open /no/such/dir", true},
        {"cd /no/such/dir\n", "/no/such/dir"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].extra);
        assert_int_equal(end_within(4000), 1);
        if (i + 1 < sizeof cases / sizeof cases[0] && !count(cases[i].want))
            fail_msg("%s: no \"%s\" in:\n%s", cases[i].extra, cases[i].want, log_text());
        if (cases[i].before && count("bridge brk: "))
            fail_msg("%s: the bridge was raised for it", cases[i].extra);
        assert_int_not_equal(run_command("ip link show tap0 >/dev/null 2>&1"), 0);
        assert_int_not_equal(run_command("ip link show brk >/dev/null 2>&1"), 0);
    }
}

static void scripts_run(void **state)
{
    (void)state;
    char extra[512];
    control_mood = data_mood = GOOD;
    snprintf(extra, sizeof extra,
             "script-security 2\nup \"/bin/sh -c 'echo $script_type $dev $0 $* >>%s/script' a\"\ndown "
             "\"/bin/sh -c "
             "'echo $script_type $dev >>%s/script'\"\n",
             folder, folder);
    begin(extra);
    wait_log("Initialization Sequence Completed", 1, 5000);
    end_good();
    assert_int_equal(
        run_command("printf 'up tap0 a tap0 1500 0 init\\ndown tap0\\n' | cmp -s - %s/script", folder), 0);
    assert_int_equal(run_command("rm %s/script", folder), 0);
}

/* Files of a verdict that nobody waits for any more are not looked at until its time is over. */
static void login_given_up(void **state)
{
    char extra[256], left[96], answer[64];
    (void)state;
    control_mood = ASKS;
    data_mood = GOOD;
    assert_int_equal(
        run_command("cd %s && chmod 711 . && mkdir -m 777 -p tmp && printf '#!/bin/sh\nexit 2\n' >later "
                    "&& chmod 755 later",
                    folder),
        0);
    snprintf(extra, sizeof extra,
             "script-security 2\nauth-user-pass-verify %s/later via-file\ntmp-dir %s/tmp\n", folder, folder);
    begin(extra);
    snprintf(answer, sizeof answer, "stub control: hook %d", DBR_ERR_AGAIN);
    wait_log(answer, 1, 5000);
    snprintf(left, sizeof left, "test $(ls %s/tmp | wc -l) = 3", folder);
    assert_int_equal(run_command("%s", left), 0);
    kill(keeper_pid, SIGUSR2);
    snprintf(left, sizeof left, "test -z \"$(ls %s/tmp)\"", folder);
    assert_true(until(3000, left));
    assert_int_equal(count("stub control: hook "), 1);
    end_good();
}

static void systemd_is_told(void **state)
{
    (void)state;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    char got[256] = "";
    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/notify", folder);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&sun, sizeof sun), 0);
    setenv("NOTIFY_SOCKET", sun.sun_path, 1);
    setenv("WATCHDOG_USEC", "200000", 1);
    begin_good();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    bool ready_seen = false, alive = false;
    struct pollfd p = {.fd = s, .events = POLLIN};
    while (!(ready_seen && alive) && poll(&p, 1, 2000 * SLACK) == 1) {
        ssize_t n = recv(s, got, sizeof got - 1, 0);
        got[n > 0 ? n : 0] = 0;
        ready_seen |= strncmp(got, "READY=1\n", 8) == 0;
        alive |= strcmp(got, "WATCHDOG=1") == 0;
    }
    assert_true(ready_seen && alive);
    end_good();
    close(s);
    unlink(sun.sun_path);
}

/* What failed before `up` needs no `down`; what has come further does. */
static void down_follows_up(void **state)
{
    (void)state;
    static const char scripts[] = "script-security 2\nup /bin/true\ndown \"/bin/sh -c 'touch ran'\"\n";
    char extra[512];
    snprintf(extra, sizeof extra, "%slearn-address /bin/true\nwritepid /nonexistent/pid\n", scripts);
    begin(extra);
    assert_int_equal(end_within(4000), 1);
    assert_int_not_equal(run_command("test -e %s/ran", folder), 0);
    control_mood = data_mood = GOOD;
    begin(scripts);
    wait_log("Initialization Sequence Completed", 1, 5000);
    end_good();
    assert_int_equal(run_command("rm %s/ran", folder), 0);
}

/* ---- mending ---- */

static void lost_and_mended(const char *loss, const char *whole)
{
    control_mood = data_mood = GOOD;
    begin("ifconfig 10.0.0.1 255.255.255.0\n");
    wait_log("Initialization Sequence Completed", 1, 5000);
    assert_int_equal(run_command("%s", loss), 0);
    if (!until(1500, whole))
        fail_msg("not mended after %s:\n%s", loss, log_text());
    wait_log("; mended", 1, 1000);
    wait_log("stub data: restarted", 1, 1000);
    end_good();
}

static void tap_taken_out(void **state)
{
    (void)state;
    lost_and_mended("ip link set tap0 nomaster", "ip link show tap0 | grep -q 'master brk'");
}

static void tap_set_down(void **state)
{
    (void)state;
    lost_and_mended("ip link set tap0 down", "ip link show tap0 | grep -q '[<,]UP[,>]'");
}

static void bridge_set_down(void **state)
{
    (void)state;
    lost_and_mended("ip link set brk down", "ip link show brk | grep -q '[<,]UP[,>]'");
}

static void bridge_deleted(void **state)
{
    (void)state;
    lost_and_mended("ip link del brk",
                    "ip link show tap0 | grep -q 'master brk' && ip link show kp0 | grep -q 'master brk' && "
                    "ip addr show brk | grep -q 10.0.0.1/24");
}

static void port_taken_out(void **state)
{
    (void)state;
    lost_and_mended("ip link set kp0 nomaster", "ip link show kp0 | grep -q 'master brk'");
}

static void tap_deleted(void **state)
{
    (void)state;
    lost_and_mended("ip link del tap0", "ip link show tap0 | grep -q 'master brk'");
}

/* The second time it is somebody's will: told, not fought. */
static void mended_only_once(void **state)
{
    (void)state;
    begin_good();
    assert_int_equal(run_command("ip link set tap0 nomaster"), 0);
    assert_true(until(1500, "ip link show tap0 | grep -q 'master brk'"));
    wait_log("; mended", 1, 1000);
    assert_int_equal(run_command("ip link set tap0 nomaster"), 0);
    wait_log("again, although it was mended", 1, 1500);
    assert_int_not_equal(run_command("ip link show tap0 | grep -q 'master brk'"), 0);
    assert_int_equal(count("; mended"), 1);
    end_good();
}

static void tap_deleted_twice(void **state)
{
    (void)state;
    begin_good();
    assert_int_equal(run_command("ip link del tap0"), 0);
    wait_log("stub data: restarted 1", 1, 1500);
    assert_int_equal(run_command("ip link del tap0"), 0);
    assert_int_equal(end_within(4000), 1);
    assert_int_equal(count("again, although it was mended"), 1);
}

/* ---- lab ---- */

static int lab_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/dbr-life-XXXXXX");
    if (!mkdtemp(folder) || chmod(folder, 0755))
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    snprintf(crl_path, sizeof crl_path, "%s/crl.pem", folder);
    if (unshare(CLONE_NEWNET) || run_command("ip link set lo up"))
        return -1;
    if (run_command("ip link add kp0 type veth peer name kp1 && ip link set kp0 up && ip link set kp1 up"))
        return -1;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setenv("RUNTIME_DIRECTORY", folder, 1);
    write_crl("one");
    return 0;
}

static int lab_down(void **state)
{
    (void)state;
    return run_command("rm -rf %s", folder);
}

static int after(void **state)
{
    (void)state;
    if (getenv("LIFE_LOG"))
        fprintf(stderr, "%s", log_text());
    if (keeper_pid > 0) {
        kill(keeper_pid, SIGKILL);
        waitpid(keeper_pid, NULL, 0);
    }
    keeper_pid = 0;
    control_mood = data_mood = GOOD;
    while (waitpid(-1, NULL, 0) > 0) /* its children, which are ours then, let go of the port */
        ;
    return 0;
}

#define CASE(f) cmocka_unit_test_teardown(f, after)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(birth),
        CASE(data_dies),
        CASE(control_dies),
        CASE(fails_at_start),
        CASE(control_ends_all),
        CASE(nobody_listens),
        CASE(data_hangs),
        CASE(descriptors_run_out),
        CASE(crl_changes),
        CASE(port_is_taken),
        CASE(signals_are_passed_on),
        CASE(bad_configuration),
        CASE(keeper_is_killed),
        CASE(scripts_run),
        CASE(login_given_up),
        CASE(systemd_is_told),
        CASE(tap_taken_out),
        CASE(tap_set_down),
        CASE(bridge_set_down),
        CASE(bridge_deleted),
        CASE(port_taken_out),
        CASE(tap_deleted),
        CASE(down_follows_up),
        CASE(mended_only_once),
        CASE(tap_deleted_twice),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    if (geteuid() != 0) {
        puts("skip life: needs root for a network namespace and a TAP");
        return 0;
    }
    return cmocka_run_group_tests(tests, lab_up, lab_down);
}
