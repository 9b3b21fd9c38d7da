/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The table of rights, tried from inside: each case runs in a child that drops and locks itself as control or
 * data would, and then does one thing that must work, must be refused, or must be its end. Needs root;
 * skipped without, and under sanitizers, where no list is loaded.
 */
#include "base/err.h"
#include "keeper/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int dir_fd = -1;

/* Each returns 0 when all went as expected; the process may also end by a signal. */
static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}
static int stat_file(void)
{
    struct stat st;
    return stat("/etc/passwd", &st) < 0 && errno == EACCES ? 0 : 1;
}
static int stat_fd(void)
{
    struct stat st;
    return fstat(0, &st) ? 1 : 0;
}
/* The same question as two versions of glibc put it, whichever this one is. */
static int stat_fd_by_number(void)
{
    struct stat st;
    return syscall(SYS_fstat, 0, &st) ? 1 : 0;
}
static int stat_fd_by_empty_path(void)
{
    struct stat st;
    return syscall(SYS_newfstatat, 0, "", &st, AT_EMPTY_PATH) ? 1 : 0;
}
static int below_dir(void)
{
    int fd = openat(dir_fd, "alice", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char c;
    return fd >= 0 && read(fd, &c, 1) == 1 && c == 'x' ? 0 : 1;
}
static int below_dir_up(void)
{
    return openat(dir_fd, "../../etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}
static int below_dir_absolute(void)
{
    return openat(dir_fd, "/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1;
}
static int below_dir_write(void)
{
    return openat(dir_fd, "alice", O_WRONLY) < 0 ? 0 : 1;
}
static int new_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0) < 0 && errno == EACCES ? 0 : 1;
}
static int device_ioctl(void)
{
    int n;
    return ioctl(0, FIONREAD, &n);
}
static int run_program(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}
static int make_process(void)
{
    return fork() == 0 ? 0 : 1;
}
static int become_root(void)
{
    return setuid(0) ? 0 : 1;
}
static int exec_memory(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}
static int exec_map(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}
static int kill_other(void)
{
    return kill(getppid(), 0);
}
static int trace_other(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int own_abort(void)
{
    abort();
}
static int allocate(void)
{
    for (int i = 0; i < 200; i++) {
        char *p = malloc(1 << (i % 22));
        if (!p)
            return 1;
        memset(p, 1, 1 << (i % 22));
        free(p);
    }
    return 0;
}
static int use_pair(void)
{
    char c = 1;
    return send(3, &c, 1, 0) == 1 && recv(4, &c, 1, 0) == 1 ? 0 : 1;
}
static int get_random(void)
{
    char b[16];
    return syscall(SYS_getrandom, b, sizeof b, 0) == sizeof b ? 0 : 1;
}
static int write_status(void)
{
    char t[] = "status";
    return pwrite(5, t, sizeof t, 0) == sizeof t && ftruncate(5, sizeof t) == 0 ? 0 : 1;
}
static int name_thread(void)
{
    return prctl(PR_SET_NAME, "x", 0, 0, 0);
}
static int undump(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/* The list must hold for a thread that was there before it. */
static int go[2];
static void *open_socket_later(void *arg)
{
    char c;
    (void)arg;
    if (read(go[0], &c, 1) == 1)
        socket(AF_INET, SOCK_DGRAM, 0);
    return NULL;
}
static int thread_socket(void)
{
    char c = 1;
    if (write(go[1], &c, 1) != 1)
        return 1;
    for (;;)
        syscall(SYS_sched_yield);
}

enum { ENDS = -SIGSYS, ABORTS = -SIGABRT };

static const struct {
    const char *name;
    int (*what)(void);
    /* 0: works (or is refused softly, as the function checks); ENDS: killed */
    int control, data, metrics, signer;
} cases[] = {
    {"open a file", open_file, 0, 0, 0, 0},
    {"stat a file", stat_file, 0, 0, 0, 0},
    {"stat a descriptor", stat_fd, 0, 1, 0, 0},
    {"stat a descriptor (fstat)", stat_fd_by_number, 0, 1, 0, 0},
    {"stat a descriptor (newfstatat)", stat_fd_by_empty_path, 0, 1, 0, 0},
    {"client file", below_dir, 0, 1, 1, 1},
    {"client file with ..", below_dir_up, 0, 0, 0, 0},
    {"client file with /", below_dir_absolute, 0, 0, 0, 0},
    {"write a client file", below_dir_write, ENDS, 0, 0, 0},
    {"new socket", new_socket, 0, ENDS, ENDS, ENDS},
    {"ioctl", device_ioctl, ENDS, ENDS, ENDS, ENDS},
    {"exec", run_program, ENDS, ENDS, ENDS, ENDS},
    {"fork", make_process, ENDS, ENDS, ENDS, ENDS},
    {"setuid 0", become_root, ENDS, ENDS, ENDS, ENDS},
    {"mprotect exec", exec_memory, ENDS, ENDS, ENDS, ENDS},
    {"mmap exec", exec_map, ENDS, ENDS, ENDS, ENDS},
    {"kill", kill_other, ENDS, ENDS, ENDS, ENDS},
    {"ptrace", trace_other, ENDS, ENDS, ENDS, ENDS},
    {"dumpable", undump, ENDS, ENDS, ENDS, ENDS},
    {"socket in an older thread", thread_socket, 77, ENDS, ENDS, ENDS},
    {"abort", own_abort, ABORTS, ABORTS, ABORTS, ABORTS},
    {"malloc", allocate, 0, 0, 0, 0},
    {"send and receive", use_pair, 0, 0, 0, 0},
    {"getrandom", get_random, 0, 0, ENDS, 0},
    {"status file", write_status, 0, ENDS, ENDS, ENDS},
    {"thread name", name_thread, 0, 0, ENDS, 0},
};

static void prepare_descriptors(void)
{
    int pair[2], status = open("/dev/null", O_RDWR);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) || pipe(go))
        _exit(90);
    char path[] = "/tmp/dbr-status-XXXXXX";
    int file = mkstemp(path);
    unlink(path);
    dup2(status, 0);
    dup2(pair[0], 43);
    dup2(pair[1], 44);
    dup2(file, 45);
    dup2(43, 3);
    dup2(44, 4);
    dup2(45, 5);
}

/* Exit status of a child that ran the case, or minus the signal that ended it. */
static int try_case(enum rights_of who, int (*what)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        const struct rights_user u = {65534, 65534};
        pthread_t t;
        int keep_dir = fcntl(dir_fd, F_DUPFD, 50);
        dir_fd = keep_dir;
        prepare_descriptors();
        if (rights_drop(who, &u, who == RIGHTS_CONTROL ? dir_fd : -1, NULL))
            _exit(91);
        if (what == thread_socket &&
            (who == RIGHTS_CONTROL || pthread_create(&t, NULL, open_socket_later, NULL)))
            _exit(77);
        if (rights_filter(who, who == RIGHTS_CONTROL ? dir_fd : -1, NULL))
            _exit(92);
        _exit(what());
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void each_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int control = try_case(RIGHTS_CONTROL, cases[i].what), data = try_case(RIGHTS_DATA, cases[i].what);
        if (control != cases[i].control)
            fail_msg("control: %s: %d, want %d", cases[i].name, control, cases[i].control);
        int metrics = try_case(RIGHTS_METRICS, cases[i].what);
        if (metrics != cases[i].metrics)
            fail_msg("metrics: %s: %d, want %d", cases[i].name, metrics, cases[i].metrics);
        int signer = try_case(RIGHTS_SIGNER, cases[i].what);
        if (signer != cases[i].signer)
            fail_msg("signer: %s: %d, want %d", cases[i].name, signer, cases[i].signer);
        if (data != cases[i].data)
            fail_msg("data: %s: %d, want %d", cases[i].name, data, cases[i].data);
    }
}

static unsigned long long status_hex(const char *key)
{
    char line[256];
    unsigned long long v = ~0ull;
    FILE *f = fopen("/proc/self/status", "r");
    if (!f)
        return v;
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            v = strtoull(line + strlen(key) + 1, NULL, 16);
    fclose(f);
    return v;
}

/* What the kernel says about a process after the drop (before the list, so that it can look). */
static int look_at_myself(enum rights_of who, unsigned long long caps)
{
    const struct rights_user u = {65534, 65534};
    FILE *status = fopen("/proc/self/status", "r");
    if (!status || rights_drop(who, &u, -1, NULL))
        return 1;
    static const char *const sets[] = {"CapPrm", "CapEff", "CapBnd"};
    for (size_t i = 0; i < 3 && (who == RIGHTS_KEEPER || who == RIGHTS_DATA); i++)
        if (status_hex(sets[i]) != caps)
            return 2;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 3;
#ifndef DBR_SANITIZED
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return 4;
#endif
    int sig = 0;
    if (who == RIGHTS_KEEPER)
        return getuid() == 0 ? 0 : 5;
    if (prctl(PR_GET_PDEATHSIG, &sig) || sig != SIGKILL)
        return 6;
    return getuid() == 65534 && getegid() == 65534 && getgroups(0, NULL) == 0 ? 0 : 7;
}

static void sets_are_empty(void **state)
{
    (void)state;
    static const struct {
        enum rights_of who;
        unsigned long long caps;
    } want[] = {{RIGHTS_KEEPER, 1 << 12 | 1 << 7 | 1 << 6 | 1 << 8 | 1 << 5},
                {RIGHTS_CONTROL, 0},
                {RIGHTS_DATA, 0},
                {RIGHTS_METRICS, 0},
                {RIGHTS_SIGNER, 0}};
    for (size_t i = 0; i < 5; i++) {
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            _exit(look_at_myself(want[i].who, want[i].caps));
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* keeper with its few capabilities must still be able to make a child of another user. */
static int keeper_forks(void)
{
    const struct rights_user u = {65534, 65534};
    int status;
    if (rights_drop(RIGHTS_KEEPER, NULL, -1, NULL) || rights_filter(RIGHTS_KEEPER, -1, NULL))
        return 1;
#ifndef DBR_SANITIZED
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 || errno != EPERM)
        return 2;
    if (syscall(SYS_bpf, 0, NULL, 0) == 0 || errno != EPERM)
        return 3;
#endif
    pid_t pid = fork();
    if (pid == 0)
        _exit(rights_drop(RIGHTS_DATA, &u, -1, NULL) || rights_filter(RIGHTS_DATA, -1, NULL) ? 1 : 0);
    return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 4;
}

static void keeper_can_restart(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(keeper_forks());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A drop that cannot be done must be told, not passed over: without CAP_SETUID there is no other user to
 * become. */
static int drop_without_setuid(void)
{
    const struct rights_user u = {65534, 65534}, v = {65533, 65533};
    return rights_drop(RIGHTS_DATA, &u, -1, NULL) == 0 && rights_drop(RIGHTS_DATA, &v, -1, NULL) != 0 ? 0 : 1;
}

static void failed_drop_is_told(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(drop_without_setuid());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static char said[256];
static void remember(void *arg, int level, const char *line)
{
    (void)arg, (void)level;
    snprintf(said, sizeof said, "%s", line);
}

static void users(void **state)
{
    (void)state;
    const struct dbr_log log = {.verb = 1, .sink = remember};
    struct rights_user u;
    assert_int_equal(rights_find_user(&u, NULL, NULL, &log), 0);
    assert_int_not_equal(u.uid, 0);
    assert_int_equal(rights_find_user(&u, "nobody", "nogroup", &log), 0);
    assert_int_equal(rights_find_user(&u, "no-such-user", NULL, &log), DBR_ERR_NOTFOUND);
    assert_non_null(strstr(said, "no-such-user"));
    assert_int_equal(rights_find_user(&u, "nobody", "no-such-group", &log), DBR_ERR_NOTFOUND);
    assert_non_null(strstr(said, "no-such-group"));
    assert_int_equal(rights_find_user(&u, "root", NULL, &log), DBR_ERR_CONFIG);
}

static int make_client_file(void **state)
{
    (void)state;
    static char folder[] = "/tmp/dbr-rights-XXXXXX";
    char path[64];
    if (!mkdtemp(folder))
        return -1;
    chmod(folder, 0755);
    snprintf(path, sizeof path, "%s/alice", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd))
        return -1;
    *state = folder;
    dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0;
}

static int drop_client_file(void **state)
{
    char path[64];
    snprintf(path, sizeof path, "%s/alice", (const char *)*state);
    unlink(path);
    return rmdir(*state);
}

int main(void)
{
    const struct CMUnitTest user_tests[] = {cmocka_unit_test(users)};
    int bad = cmocka_run_group_tests_name("users", user_tests, NULL, NULL);
    if (geteuid() != 0) {
        puts("skip rights: needs root to drop anything");
        return bad;
    }
    const struct CMUnitTest drop_tests[] = {cmocka_unit_test(sets_are_empty),
                                            cmocka_unit_test(keeper_can_restart),
                                            cmocka_unit_test(failed_drop_is_told)};
    bad += cmocka_run_group_tests_name("drop", drop_tests, NULL, NULL);
    const struct CMUnitTest list_tests[] = {cmocka_unit_test(each_right)};
#ifdef DBR_SANITIZED
    puts("skip lists: none is loaded under sanitizers");
    (void)list_tests, (void)make_client_file, (void)drop_client_file;
#else
    bad += cmocka_run_group_tests_name("lists", list_tests, make_client_file, drop_client_file);
#endif
    return bad;
}
