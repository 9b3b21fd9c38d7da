/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/rights.h"
#include "base/err.h"
#include "keeper/landlock.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the table: processes ---- */

#define KEEPER_CAPS                                                                                          \
    (1ull << CAP_NET_ADMIN | 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SETPCAP | 1ull << CAP_KILL)

static const struct {
    const char *name;
    uint64_t caps; /* kept: effective, permitted and bounding */
    bool child;    /* own user, ends with keeper, Landlock */
    bool listed;   /* seccomp: what is not in `calls` kills; else what is in `never` is refused */
} rights[] = {
    [RIGHTS_KEEPER] = {"keeper", KEEPER_CAPS, false, false},
    [RIGHTS_KEEPER_CLIENT] = {"keeper", KEEPER_CAPS | 1ull << CAP_NET_RAW | 1ull << CAP_NET_BIND_SERVICE,
                              false, false},
    [RIGHTS_CONTROL] = {"control", 0, true, true},
    [RIGHTS_DATA] = {"data", 0, true, true},
};

/* ---- the table: system calls ---- */

enum verdict {
    NO,      /* the process ends by SIGSYS */
    YES,     /* allowed */
    DENY,    /* EACCES: a library that looks for an optional file goes on without it */
    NO_EXEC, /* allowed unless the third argument asks for executable memory */
    OWN,     /* allowed if the first argument is our own pid: abort() */
    FLAGS,   /* fcntl: descriptor flags only */
    NAME,    /* prctl: names of threads and of memory only */
    BELOW,   /* openat: read only, relative to client-config-dir; else EACCES */
    EMPTY,   /* newfstatat: of a descriptor (AT_EMPTY_PATH); else EACCES */
};

static const struct call {
    int nr;
    uint8_t control, data; /* enum verdict */
} calls[] = {
#define CALL(name, control, data)                                                                            \
    {                                                                                                        \
        SCMP_SYS(name), control, data                                                                        \
    }
    /* frames, datagrams and messages on inherited descriptors */
    CALL(read, YES, YES),
    CALL(write, YES, YES),
    CALL(readv, YES, YES),
    CALL(writev, YES, YES),
    CALL(recvfrom, YES, YES),
    CALL(recvmsg, YES, YES),
    CALL(recvmmsg, YES, YES),
    CALL(sendto, YES, YES),
    CALL(sendmsg, YES, YES),
    CALL(sendmmsg, YES, YES),
    CALL(close, YES, YES),
    CALL(shutdown, YES, YES),
    CALL(fcntl, FLAGS, FLAGS),
    CALL(getsockopt, YES, YES),
    CALL(getsockname, YES, YES),
    CALL(epoll_wait, YES, YES),
    CALL(epoll_pwait, YES, YES),
    CALL(epoll_pwait2, YES, YES),
    CALL(epoll_ctl, YES, YES),
    CALL(poll, YES, YES),
    CALL(ppoll, YES, YES),
    CALL(timerfd_settime, YES, YES),
    CALL(accept4, YES, NO), /* drawbridge-ctl, management, metrics */
    CALL(getpeername, YES, NO),
    CALL(setsockopt, YES, NO),
    CALL(pread64, YES, NO), /* passed files, the status file */
    CALL(pwrite64, YES, NO),
    CALL(lseek, YES, NO),
    CALL(ftruncate, YES, NO),
    CALL(fstat, YES, YES),
    CALL(newfstatat, EMPTY, DENY),
    CALL(statx, DENY, DENY),
    CALL(openat, BELOW, DENY),
    CALL(open, DENY, DENY),
    CALL(stat, DENY, DENY),
    CALL(lstat, DENY, DENY),
    CALL(access, DENY, DENY),
    CALL(faccessat, DENY, DENY),
    CALL(faccessat2, DENY, DENY),
    CALL(readlink, DENY, DENY),
    CALL(readlinkat, DENY, DENY),
    CALL(socket, DENY, NO), /* a name that is looked up after the lock fails softly */
    CALL(connect, DENY, NO),
    /* time */
    CALL(clock_gettime, YES, YES),
    CALL(clock_getres, YES, YES),
    CALL(clock_nanosleep, YES, YES),
    CALL(nanosleep, YES, YES),
    CALL(gettimeofday, YES, YES),
    CALL(time, YES, YES),
    /* memory */
    CALL(mmap, NO_EXEC, NO_EXEC),
    CALL(mprotect, NO_EXEC, NO_EXEC),
    CALL(munmap, YES, YES),
    CALL(mremap, YES, YES),
    CALL(madvise, YES, YES),
    CALL(brk, YES, YES),
    /* threads, signals, the end */
    CALL(futex, YES, YES),
    CALL(sched_yield, YES, YES),
    CALL(sched_getaffinity, YES, YES),
    CALL(getcpu, YES, YES),
    CALL(membarrier, YES, YES),
    CALL(rseq, YES, YES),
    CALL(set_robust_list, YES, YES),
    CALL(restart_syscall, YES, YES), /* after SIGSTOP and SIGCONT */
    CALL(rt_sigreturn, YES, YES),
    CALL(rt_sigprocmask, YES, YES),
    CALL(rt_sigaction, YES, YES),
    CALL(sigaltstack, YES, YES),
    CALL(prctl, NAME, NAME),
    CALL(getpid, YES, YES),
    CALL(gettid, YES, YES),
    CALL(tgkill, OWN, OWN),
    CALL(exit, YES, YES),
    CALL(exit_group, YES, YES),
    /* what libraries ask */
    CALL(getrandom, YES, YES),
    CALL(getrusage, YES, YES),
    CALL(sysinfo, YES, YES),
    CALL(uname, YES, YES),
    CALL(getppid, YES, NO),
    CALL(getuid, YES, NO),
    CALL(geteuid, YES, NO),
    CALL(getgid, YES, NO),
    CALL(getegid, YES, NO),
#undef CALL
};

/* What keeper, and whatever it starts, has no business with. */
static const int never[] = {
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(quotactl),
    SCMP_SYS(setns),
};

/* ---- users ---- */

static const struct passwd *default_user(void)
{
    const struct passwd *pw = getpwnam("drawbridge");
    return pw ? pw : getpwnam("nobody");
}

int rights_find_user(struct rights_user *u, const char *user, const char *group, const struct dbr_log *log)
{
    const struct passwd *pw = user ? getpwnam(user) : default_user();
    if (!pw) {
        dbr_log(log, DBR_LOG_FATAL, "user %s does not exist; make it (useradd --system) or correct `user`",
                user ? user : "nobody");
        return DBR_ERR_NOTFOUND;
    }
    *u = (struct rights_user){pw->pw_uid, pw->pw_gid};
    const struct group *gr = group ? getgrnam(group) : NULL;
    if (group && !gr) {
        dbr_log(log, DBR_LOG_FATAL, "group %s does not exist; make it (groupadd --system) or correct `group`",
                group);
        return DBR_ERR_NOTFOUND;
    }
    if (gr)
        u->gid = gr->gr_gid;
    if (u->uid == 0) {
        dbr_log(log, DBR_LOG_FATAL, "user %s is root: name an unprivileged one, or leave `user` out", user);
        return DBR_ERR_CONFIG;
    }
    return 0;
}

/* ---- dropping ---- */

static int failed(const struct dbr_log *log, enum rights_of who, const char *what)
{
    dbr_log(log, DBR_LOG_FATAL, "%s: cannot give up rights: %s: %s", rights[who].name, what, strerror(errno));
    return DBR_ERR_IO;
}

static void no_core(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef DBR_SANITIZED
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* keeper: user 0 stays, all capabilities but those of its row go. */
static int keep_some(enum rights_of who)
{
    const capng_type_t sets = CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET;
    capng_clear(CAPNG_SELECT_ALL);
    for (unsigned c = 0; c <= CAP_LAST_CAP; c++)
        if (rights[who].caps >> c & 1 && capng_update(CAPNG_ADD, sets, c))
            return DBR_ERR_IO;
    return capng_apply(CAPNG_SELECT_ALL) ? DBR_ERR_IO : 0;
}

static int become(const struct rights_user *u)
{
    capng_clear(CAPNG_SELECT_ALL);
    return capng_change_id((int)u->uid, (int)u->gid,
                           CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT)
               ? DBR_ERR_IO
               : 0;
}

/* Exactly the capabilities of the row are left, in every set. */
static bool only_own_caps(uint64_t want)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_capget, &head, d))
        return false;
    uint64_t effective = (uint64_t)d[1].effective << 32 | d[0].effective;
    uint64_t permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted;
    if (effective & ~want || permitted & ~want || d[0].inheritable || d[1].inheritable)
        return false;
    for (int c = 0; c < 64 && prctl(PR_CAPBSET_READ, c) >= 0; c++)
        if (prctl(PR_CAPBSET_READ, c) == 1 && !(want >> c & 1))
            return false;
    return true;
}

static bool cannot_return(const struct rights_user *u)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) || getresgid(&rg, &eg, &sg) || getgroups(0, NULL) != 0)
        return false;
    if (r != u->uid || e != u->uid || s != u->uid || rg != u->gid || eg != u->gid || sg != u->gid)
        return false;
    return setuid(0) && seteuid(0) && setgid(0) && setresuid(0, 0, 0);
}

static int drop_child(enum rights_of who, const struct rights_user *u, int dir_fd, const struct dbr_log *log)
{
    if (become(u))
        return failed(log, who, "user, group and capabilities");
    no_core(); /* the change of user has reset it */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL))
        return failed(log, who, "end with keeper");
    if (!cannot_return(u)) {
        errno = EPERM;
        return failed(log, who, "user 0 can be had again");
    }
    (void)dir_fd;
#ifndef DBR_SANITIZED
    landlock_restrict(who == RIGHTS_DATA ? LANDLOCK_READ_ALL : LANDLOCK_READ_BELOW, dir_fd);
#endif
    return 0;
}

int rights_drop(enum rights_of who, const struct rights_user *u, int dir_fd, const struct dbr_log *log)
{
    no_core();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failed(log, who, "no_new_privs");
    if (rights[who].child && drop_child(who, u, dir_fd, log))
        return DBR_ERR_IO;
    if (!rights[who].child && keep_some(who))
        return failed(log, who, "capabilities");
    if (!only_own_caps(rights[who].caps)) {
        errno = EPERM;
        return failed(log, who, "capabilities are left that should be gone");
    }
    return 0;
}

/* ---- filtering ---- */

/* In a development build DBR_SECCOMP=log lets pass what the list would kill for, and the kernel logs it. */
static uint32_t unlisted(void)
{
#ifndef NDEBUG
    const char *mode = getenv("DBR_SECCOMP");
    if (mode && !strcmp(mode, "log"))
        return SCMP_ACT_LOG;
#endif
    return SCMP_ACT_KILL_PROCESS;
}

static int add_values(scmp_filter_ctx f, int nr, unsigned arg, const int *v, size_t n)
{
    int err = 0;
    for (size_t i = 0; i < n && !err; i++)
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(arg, SCMP_CMP_EQ, (uint32_t)v[i]));
    return err;
}

static int add_below(scmp_filter_ctx f, int nr, int dir_fd)
{
    const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
    if (dir_fd < 0)
        return seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 0);
    int err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 2, SCMP_CMP32(0, SCMP_CMP_EQ, (uint32_t)dir_fd),
                               SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    return err ? err
               : seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 1,
                                  SCMP_CMP32(0, SCMP_CMP_NE, (uint32_t)dir_fd));
}

static int add_empty(scmp_filter_ctx f, int nr)
{
    const uint32_t flag = AT_EMPTY_PATH;
    int err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(3, SCMP_CMP_MASKED_EQ, flag, flag));
    return err ? err
               : seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 1,
                                  SCMP_CMP32(3, SCMP_CMP_MASKED_EQ, flag, 0));
}

static int add_call(scmp_filter_ctx f, int nr, enum verdict v, int dir_fd)
{
    static const int flags[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD};
    static const int names[] = {PR_SET_NAME, 0x53564d41 /* PR_SET_VMA */};
    switch (v) {
    case NO: return 0;
    case YES: return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
    case DENY: return seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 0);
    case NO_EXEC:
        return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    case OWN:
        return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(0, SCMP_CMP_EQ, (uint32_t)getpid()));
    case FLAGS: return add_values(f, nr, 1, flags, sizeof flags / sizeof flags[0]);
    case NAME: return add_values(f, nr, 0, names, sizeof names / sizeof names[0]);
    case BELOW: return add_below(f, nr, dir_fd);
    case EMPTY: return add_empty(f, nr);
    }
    return -EINVAL;
}

static int add_rows(scmp_filter_ctx f, enum rights_of who, int dir_fd)
{
    int err = 0;
    if (!rights[who].listed) {
        for (size_t i = 0; i < sizeof never / sizeof never[0] && !err; i++)
            err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), never[i], 0);
        return err;
    }
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && !err; i++)
        err = add_call(f, calls[i].nr, who == RIGHTS_DATA ? calls[i].data : calls[i].control, dir_fd);
    return err;
}

static int load(enum rights_of who, int dir_fd)
{
    scmp_filter_ctx f = seccomp_init(rights[who].listed ? unlisted() : SCMP_ACT_ALLOW);
    if (!f)
        return -ENOMEM;
    int err = add_rows(f, who, dir_fd);
    if (!err)
        err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1); /* all threads */
    if (!err)
        err = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* binary tree */
    if (!err)
        err = seccomp_load(f);
    seccomp_release(f);
    return err;
}

int rights_filter(enum rights_of who, int dir_fd, const struct dbr_log *log)
{
#ifdef DBR_SANITIZED
    (void)load;
    (void)who, (void)dir_fd, (void)log;
    return 0;
#else
    int err = load(who, dir_fd);
    if (!err)
        return 0;
    errno = -err;
    return failed(log, who, "seccomp");
#endif
}
