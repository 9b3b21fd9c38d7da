/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Scripts that answer later, and what follows from a script that gets a client's answer: hooks.c alone, with
 * a pair of sockets in control's place. Scripts that the kernel does not let end, those of script.c too.
 */
#include "base/err.h"
#include "keeper/keeper.h"
#include "keeper/script.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ID = 7, PATIENCE_MS = 5000 };

static struct keeper k;
static struct dbr_config config;
static char folder[64], later[160];
static int control;
static uint64_t ahead_ns; /* of the real clock */

uint64_t __real_monotonic_ns(void);
uint64_t __wrap_monotonic_ns(void);
uint64_t __wrap_monotonic_ns(void)
{
    return __real_monotonic_ns() + ahead_ns;
}

static unsigned complaints; /* lines of level error */

static void count_lines(void *arg, int level, const char *line)
{
    (void)arg, (void)line;
    complaints += level <= DBR_LOG_ERROR;
}

static int set_up(void **state)
{
    int pair[2];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hooks-XXXXXX");
    if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return -1;
    memset(&k, 0, sizeof k);
    memset(&config, 0, sizeof config);
    k.config = &config;
    k.log = (struct dbr_log){.verb = 3, .sink = count_lines};
    k.child[CHILD_CONTROL].ipc = pair[0];
    control = pair[1];
    config.script_security = 2;
    config.hand_window = 60;
    config.reneg_sec = 3600;
    config.tmp_dir = folder;
    snprintf(later, sizeof later, "/bin/sh -c 'exit 2'");
    config.auth_user_pass_verify.command = later;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hooks_free(&k);
    close(control);
    close(k.child[CHILD_CONTROL].ipc);
    return rmdir(folder); /* nothing is left in it */
}

static void ask(enum dbr_hook hook, uint32_t id)
{
    struct dbr_ipc_hook m = {.id = id, .hook = hook};
    m.head = dbr_ipc_head(DBR_IPC_HOOK, offsetof(struct dbr_ipc_hook, text), 0);
    hook_take(&k, &m);
}

/* A script has ended: keeper's loop hears of it once. */
static void a_script_ends(void)
{
    siginfo_t si;
    assert_int_equal(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0);
    hooks_reap(&k);
}

/* The loop until control has an answer for ID, as keeper_run() goes it: it sleeps until hooks_deadline(). */
static int answered(void)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_hook_done *done = (const void *)buf;
    uint64_t end = monotonic_ns() + PATIENCE_MS * MS_NS;
    for (;;) {
        int fd, err = dbr_ipc_recv(control, buf, &fd);
        if (!err) {
            assert_int_equal(done->id, ID);
            return done->err;
        }
        uint64_t now = monotonic_ns(), at = hooks_deadline(&k);
        if (!at || at > end || now > end)
            fail_msg("control would wait for %d ms at least", PATIENCE_MS);
        poll(NULL, 0, at > now ? (int)((at - now) / MS_NS + 1) : 0);
        hooks_reap(&k);
    }
}

static int files_left(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void wait_for_verdict(void)
{
    ask(DBR_HOOK_USER_PASS, ID);
    a_script_ends();
    assert_int_equal(answered(), DBR_ERR_AGAIN);
    assert_int_equal(files_left(), 3);
}

/* The script that gets the answer says no: the client hears it at once, not when its time is over. */
static void answer_refused(void **state)
{
    static char no[] = "/bin/false";
    (void)state;
    config.client_crresponse = no;
    wait_for_verdict();
    ask(DBR_HOOK_CRRESPONSE, ID);
    a_script_ends();
    assert_int_equal(answered(), DBR_ERR_STATE);
    assert_int_equal(files_left(), 0);
}

/* It cannot be run at all: the client is refused likewise, and nobody waits on. */
static void answer_for_nobody(void **state)
{
    static char open_quote[] = "/bin/true 'x", lost[] = "/there/is/none";
    char *const commands[] = {open_quote, lost};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        config.client_crresponse = commands[i];
        wait_for_verdict();
        ask(DBR_HOOK_CRRESPONSE, ID);
        if (commands[i] == lost)
            a_script_ends();
        assert_int_not_equal(answered(), 0);
        assert_int_equal(files_left(), 0);
        assert_false(hooks_busy(&k));
    }
}

/* Logins that wait for their verdict, as many as there may be: other scripts have their places still, and one
 * more login is refused. */
static void crowd_of_logins(void **state)
{
    static char yes[] = "/bin/true";
    enum { LATER = 1024, ONE = 16 };
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_hook_done *done = (const void *)buf;
    (void)state;
    config.tls_verify = yes;
    for (uint32_t at = 0; at <= LATER; at += ONE) {
        const uint32_t n = at < LATER ? ONE : 1;
        for (uint32_t i = 0; i < n; i++)
            ask(DBR_HOOK_USER_PASS, ID + at + i);
        for (uint32_t i = 0; i < n; i++) {
            int fd;
            while (dbr_ipc_recv(control, buf, &fd))
                a_script_ends();
            assert_int_equal(done->err, at < LATER ? DBR_ERR_AGAIN : DBR_ERR_LIMIT);
        }
    }
    ask(DBR_HOOK_TLS_VERIFY, ID);
    a_script_ends();
    assert_int_equal(answered(), 0);
}

/* Whoever is refused by a script cannot fill the log by it; a script that fails is complained of. */
static void refusals_are_no_errors(void **state)
{
    static char no[] = "/bin/false", lost[] = "/there/is/none", dies[] = "/bin/sh -c 'kill -9 $$'";
    static const struct {
        enum dbr_hook hook;
        char *command;
        unsigned lines;
    } rows[] = {
        {DBR_HOOK_TLS_VERIFY, no, 0},     {DBR_HOOK_TLS_VERIFY, lost, 1},     {DBR_HOOK_TLS_VERIFY, dies, 1},
        {DBR_HOOK_CLIENT_CONNECT, no, 0}, {DBR_HOOK_CLIENT_CONNECT, lost, 1}, {DBR_HOOK_GATE_KEY, no, 0},
        {DBR_HOOK_USER_PASS, no, 0},      {DBR_HOOK_LEARN_ADDRESS, no, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        config.tls_verify = config.client_connect = config.tls_crypt_v2_verify = config.learn_address =
            config.auth_user_pass_verify.command = rows[i].command;
        complaints = 0;
        ask(rows[i].hook, ID);
        a_script_ends();
        assert_int_not_equal(answered(), 0);
        if (complaints != rows[i].lines)
            fail_msg("row %zu: %u lines", i, complaints);
    }
}

/* ---- a script that cannot be ended ---- */

static pid_t only_child(void)
{
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (!f || !fgets(text, sizeof text, f))
        text[0] = 0;
    if (f)
        fclose(f);
    return (pid_t)strtol(text, NULL, 10);
}

/* The dead whom somebody traces are nobody else's to collect until he has: as if the kernel held them. */
static pid_t hold(pid_t whom)
{
    int end[2];
    char c = 0;
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        c = ptrace(PTRACE_SEIZE, whom, NULL, NULL) ? 'n' : 'y';
        (void)!write(end[1], &c, 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(end[0], &c, 1), 1);
    close(end[0]);
    close(end[1]);
    if (c == 'y')
        return pid;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return 0;
}

/* Keeper goes on, with whom it can, and ends without it. */
static void cannot_be_ended(void **state)
{
    static char sleeps[] = "/bin/sleep 60", no[] = "/bin/false";
    (void)state;
    config.auth_user_pass_verify.command = sleeps;
    ask(DBR_HOOK_USER_PASS, ID);
    pid_t script = only_child(), holder = hold(script);
    if (!holder) {
        kill(script, SIGKILL);
        puts("skip cannot_be_ended: may not trace");
        skip();
    }
    alarm(5);
    ahead_ns += 21 * S_NS;
    hooks_reap(&k);
    assert_true(hooks_busy(&k));
    assert_true(hooks_deadline(&k) > monotonic_ns()); /* the loop does not spin meanwhile */
    config.auth_user_pass_verify.command = no;
    ask(DBR_HOOK_USER_PASS, ID);
    siginfo_t si;
    do
        assert_int_equal(waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), 0);
    while (si.si_pid == script);
    assert_int_equal(answered(), DBR_ERR_STATE);
    k.stopping = true;
    hooks_reap(&k);
    ahead_ns += 6 * S_NS;
    hooks_reap(&k);
    assert_false(hooks_busy(&k));
    alarm(0);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    waitpid(script, NULL, 0);
}

/* ---- up and down, for which keeper's loop stands still ---- */

static bool take_hold; /* of the script, at the first nap */
static pid_t holder, held;

int __wrap_nanosleep(const struct timespec *nap, struct timespec *left);
int __wrap_nanosleep(const struct timespec *nap, struct timespec *left)
{
    (void)nap, (void)left;
    if (take_hold)
        holder = hold(held = only_child());
    take_hold = false;
    return 0;
}

/* The watchdog of systemd hears of us all that time. */
static void up_takes_long(void **state)
{
    char got[32];
    int pair[2], told = 0;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    const struct notify n = {.fd = pair[0], .watchdog_ns = 15 * S_NS};
    const struct script_about about = {.dev = "tap0", .context = "init", .alive = &n};
    assert_int_equal(script_run("/bin/sh -c 'exec sleep 100'", "up", &about, &config, &k.log), DBR_ERR_IO);
    while (recv(pair[1], got, sizeof got, MSG_DONTWAIT) == (ssize_t)strlen("WATCHDOG=1"))
        told++;
    assert_true(told >= 60 / 15);
    while (waitpid(-1, NULL, 0) > 0) /* killed, and perhaps not waited for: no time passes here */
        ;
    close(pair[0]);
    close(pair[1]);
}

static void up_cannot_be_ended(void **state)
{
    const struct script_about about = {.dev = "tap0", .context = "init"};
    (void)state;
    take_hold = true;
    alarm(5);
    assert_int_equal(script_run("/bin/sh -c 'exec sleep 100'", "up", &about, &config, &k.log), DBR_ERR_IO);
    alarm(0);
    if (!holder) {
        puts("skip up_cannot_be_ended: may not trace");
        skip();
    }
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    waitpid(held, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answer_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answer_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_are_no_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(crowd_of_logins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cannot_be_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(up_takes_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(up_cannot_be_ended, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
