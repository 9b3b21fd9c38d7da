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
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef F_GET_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#endif

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
    [RIGHTS_FETCH] = {"fetch", 0, true, true},
    [RIGHTS_METRICS] = {"metrics", 0, true, true},
    [RIGHTS_SIGNER] = {"signer", 0, true, true},
};

/* ---- the table: system calls ---- */

enum verdict {
    NO,      /* the process ends by SIGSYS */
    YES,     /* allowed */
    DENY,    /* EACCES: a library that looks for an optional file goes on without it */
    NO_EXEC, /* allowed unless the third argument asks for executable memory */
    OWN,     /* allowed if the first argument is our own pid: abort() */
    FLAGS,   /* fcntl: descriptor flags, and reading seals */
    SEAL,    /* fcntl: the same, and sealing */
    NAME,    /* prctl: names of threads and of memory only */
    BELOW,   /* openat: read only, relative to client-config-dir; else EACCES */
    READ,    /* openat: read only; Landlock says where */
    INET,    /* socket: TCP and UDP over IP; else EACCES */
    SOFT,    /* allowed, with executable memory EACCES: a resolver module that cannot be loaded is skipped */
    ASK,     /* ioctl: FIONREAD and FIONBIO */
    EMPTY,   /* newfstatat: of a descriptor (AT_EMPTY_PATH); else EACCES */
};

static const struct call {
    int nr;
    uint8_t control, data, fetch; /* enum verdict */
} calls[] = {
#define CALL(name, control, data, fetch)                                                                     \
    {                                                                                                        \
        SCMP_SYS(name), control, data, fetch                                                                 \
    }
    /* frames, datagrams and messages on inherited descriptors */
    CALL(read, YES, YES, YES),
    CALL(write, YES, YES, YES),
    CALL(readv, YES, YES, YES),
    CALL(writev, YES, YES, YES),
    CALL(recvfrom, YES, YES, YES),
    CALL(recvmsg, YES, YES, YES),
    CALL(recvmmsg, YES, YES, YES),
    CALL(sendto, YES, YES, YES),
    CALL(sendmsg, YES, YES, YES),
    CALL(sendmmsg, YES, YES, YES),
    CALL(close, YES, YES, YES),
    CALL(shutdown, YES, YES, YES),
    CALL(fcntl, FLAGS, FLAGS, SEAL),
    CALL(getsockopt, YES, YES, YES),
    CALL(getsockname, YES, YES, YES),
    CALL(epoll_wait, YES, YES, YES),
    CALL(epoll_pwait, YES, YES, YES),
    CALL(epoll_pwait2, YES, YES, YES),
    CALL(epoll_ctl, YES, YES, YES),
    CALL(poll, YES, YES, YES),
    CALL(ppoll, YES, YES, YES),
    CALL(timerfd_settime, YES, YES, YES),
    CALL(accept4, YES, NO, NO), /* drawbridge-ctl, management, metrics */
    CALL(getpeername, YES, NO, YES),
    CALL(setsockopt, YES, NO, YES),
    CALL(pread64, YES, NO, YES), /* passed files, the status file */
    CALL(pwrite64, YES, NO, YES),
    CALL(lseek, YES, NO, YES),
    CALL(ftruncate, YES, NO, YES),
    CALL(fstat, YES, DENY, YES), /* glibc from 2.39 on; before it newfstatat with an empty path */
    CALL(newfstatat, EMPTY, DENY, YES),
    CALL(statx, DENY, DENY, YES),
    CALL(openat, BELOW, DENY, READ),
    CALL(open, DENY, DENY, DENY),
    CALL(stat, DENY, DENY, YES),
    CALL(lstat, DENY, DENY, DENY),
    CALL(access, DENY, DENY, DENY),
    CALL(faccessat, DENY, DENY, DENY),
    CALL(faccessat2, DENY, DENY, DENY),
    CALL(readlink, DENY, DENY, DENY),
    CALL(readlinkat, DENY, DENY, DENY),
    CALL(socket, DENY, NO, INET), /* a name that is looked up after the lock fails softly */
    CALL(connect, DENY, NO, YES),
    /* time */
    CALL(clock_gettime, YES, YES, YES),
    CALL(clock_getres, YES, YES, YES),
    CALL(clock_nanosleep, YES, YES, YES),
    CALL(nanosleep, YES, YES, YES),
    CALL(gettimeofday, YES, YES, YES),
    CALL(time, YES, YES, YES),
    /* memory */
    CALL(mmap, NO_EXEC, NO_EXEC, SOFT),
    CALL(mprotect, NO_EXEC, NO_EXEC, SOFT),
    CALL(munmap, YES, YES, YES),
    CALL(mremap, YES, YES, YES),
    CALL(madvise, YES, YES, YES),
    CALL(brk, YES, YES, YES),
    /* threads, signals, the end */
    CALL(futex, YES, YES, YES),
    CALL(sched_yield, YES, YES, YES),
    CALL(sched_getaffinity, YES, YES, YES),
    CALL(getcpu, YES, YES, YES),
    CALL(membarrier, YES, YES, YES),
    CALL(rseq, YES, YES, YES),
    CALL(set_robust_list, YES, YES, YES),
    CALL(restart_syscall, YES, YES, YES), /* after SIGSTOP and SIGCONT */
    CALL(rt_sigreturn, YES, YES, YES),
    CALL(rt_sigprocmask, YES, YES, YES),
    CALL(rt_sigaction, YES, YES, YES),
    CALL(sigaltstack, YES, YES, YES),
    CALL(prctl, NAME, NAME, NAME),
    CALL(getpid, YES, YES, YES),
    CALL(gettid, YES, YES, YES),
    CALL(tgkill, OWN, OWN, OWN),
    CALL(exit, YES, YES, YES),
    CALL(exit_group, YES, YES, YES),
    /* what libraries ask */
    CALL(getrandom, YES, YES, YES),
    CALL(getrusage, YES, YES, YES),
    CALL(sysinfo, YES, YES, YES),
    CALL(uname, YES, YES, YES),
    CALL(getppid, YES, NO, NO),
    CALL(getuid, YES, NO, YES),
    CALL(geteuid, YES, NO, YES),
    CALL(getgid, YES, NO, YES),
    CALL(getegid, YES, NO, YES),
    /* memory files: images of lists, the CA's certificates */
    CALL(memfd_create, YES, NO, YES),
    CALL(fdatasync, NO, NO, YES), /* the memory of accepted lists */
    /* what the resolver and the HTTP client ask of a socket */
    CALL(ioctl, NO, NO, ASK),
    CALL(select, NO, NO, YES),
    CALL(pselect6, NO, NO, YES),
#undef CALL
};

struct few {
    int nr;
    uint8_t verdict;
};

/* All that metrics may do: it reads what strangers write. */
static const struct few metrics_calls[] = {
    {SCMP_SYS(read), YES},         {SCMP_SYS(write), YES},
    {SCMP_SYS(writev), YES},       {SCMP_SYS(recvfrom), YES},
    {SCMP_SYS(recvmsg), YES},      {SCMP_SYS(sendto), YES},
    {SCMP_SYS(sendmsg), YES},      {SCMP_SYS(accept4), YES},
    {SCMP_SYS(shutdown), YES},     {SCMP_SYS(close), YES},
    {SCMP_SYS(fcntl), FLAGS},      {SCMP_SYS(setsockopt), YES},
    {SCMP_SYS(getsockopt), YES},   {SCMP_SYS(poll), YES},
    {SCMP_SYS(epoll_wait), YES},   {SCMP_SYS(epoll_pwait), YES},
    {SCMP_SYS(epoll_ctl), YES},    {SCMP_SYS(clock_gettime), YES},
    {SCMP_SYS(gettimeofday), YES}, {SCMP_SYS(time), YES},
    {SCMP_SYS(mmap), NO_EXEC},     {SCMP_SYS(mprotect), NO_EXEC},
    {SCMP_SYS(munmap), YES},       {SCMP_SYS(mremap), YES},
    {SCMP_SYS(madvise), YES},      {SCMP_SYS(brk), YES},
    {SCMP_SYS(futex), YES},        {SCMP_SYS(restart_syscall), YES},
    {SCMP_SYS(rt_sigreturn), YES}, {SCMP_SYS(rt_sigprocmask), YES},
    {SCMP_SYS(getpid), YES},       {SCMP_SYS(gettid), YES},
    {SCMP_SYS(tgkill), OWN},       {SCMP_SYS(fstat), YES},
    {SCMP_SYS(newfstatat), EMPTY}, {SCMP_SYS(openat), DENY},
    {SCMP_SYS(exit), YES},         {SCMP_SYS(exit_group), YES},
};

/* All that the signer may do: two pairs of sockets, descriptors that keeper passes, and its memory. */
static const struct few signer_calls[] = {
    {SCMP_SYS(recvfrom), YES},       {SCMP_SYS(recvmsg), YES},         {SCMP_SYS(sendto), YES},
    {SCMP_SYS(sendmsg), YES},        {SCMP_SYS(write), YES},           {SCMP_SYS(writev), YES},
    {SCMP_SYS(pread64), YES},        {SCMP_SYS(close), YES},           {SCMP_SYS(poll), YES},
    {SCMP_SYS(clock_gettime), YES},  {SCMP_SYS(gettimeofday), YES},    {SCMP_SYS(time), YES},
    {SCMP_SYS(mmap), NO_EXEC},       {SCMP_SYS(mprotect), NO_EXEC},    {SCMP_SYS(munmap), YES},
    {SCMP_SYS(mremap), YES},         {SCMP_SYS(madvise), YES},         {SCMP_SYS(brk), YES},
    {SCMP_SYS(futex), YES},          {SCMP_SYS(restart_syscall), YES}, {SCMP_SYS(rt_sigreturn), YES},
    {SCMP_SYS(rt_sigprocmask), YES}, {SCMP_SYS(getpid), YES},          {SCMP_SYS(gettid), YES},
    {SCMP_SYS(tgkill), OWN},         {SCMP_SYS(getrandom), YES},       {SCMP_SYS(fstat), YES},
    {SCMP_SYS(newfstatat), EMPTY},   {SCMP_SYS(openat), DENY},         {SCMP_SYS(prctl), NAME},
    {SCMP_SYS(exit), YES},           {SCMP_SYS(exit_group), YES},
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

int rights_find_owner(struct rights_user *u, const char *user, const char *group, const struct dbr_log *log)
{
    const struct passwd *pw = user ? getpwnam(user) : NULL;
    const struct group *gr = group ? getgrnam(group) : NULL;
    if ((user && !pw) || (group && !gr)) {
        dbr_log(log, DBR_LOG_FATAL, "%s %s does not exist; correct the name", user && !pw ? "user" : "group",
                user && !pw ? user : group);
        return DBR_ERR_NOTFOUND;
    }
    *u = (struct rights_user){pw ? pw->pw_uid : 0, gr ? gr->gr_gid : 0};
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

#ifndef DBR_SANITIZED
static enum landlock_scope landlock_of(enum rights_of who)
{
    return who == RIGHTS_DATA    ? LANDLOCK_READ_ALL
           : who == RIGHTS_FETCH ? LANDLOCK_RESOLVER
                                 : LANDLOCK_READ_BELOW;
}
#endif

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
    landlock_restrict(landlock_of(who), dir_fd);
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

static int add_read(scmp_filter_ctx f, int nr)
{
    const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
    return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
}

static int add_inet(scmp_filter_ctx f, int nr)
{
    static const int others[] = {AF_UNSPEC, AF_UNIX, AF_NETLINK};
    const uint32_t kind = 0xf; /* the type without SOCK_NONBLOCK and SOCK_CLOEXEC */
    static const int families[] = {AF_INET, AF_INET6};
    int err = 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0] && !err; i++) {
        const uint32_t family = (uint32_t)families[i];
        err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 2, SCMP_CMP32(0, SCMP_CMP_EQ, family),
                               SCMP_CMP32(1, SCMP_CMP_MASKED_EQ, kind, SOCK_STREAM));
        if (!err)
            err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 2, SCMP_CMP32(0, SCMP_CMP_EQ, family),
                                   SCMP_CMP32(1, SCMP_CMP_MASKED_EQ, kind, SOCK_DGRAM));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0] && !err; i++)
        err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 1,
                               SCMP_CMP32(0, SCMP_CMP_EQ, (uint32_t)others[i]));
    return err;
}

static int add_soft(scmp_filter_ctx f, int nr)
{
    int err = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return err ? err
               : seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 1,
                                  SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
}

static uint8_t verdict_for(const struct call *c, enum rights_of who)
{
    return who == RIGHTS_DATA ? c->data : who == RIGHTS_FETCH ? c->fetch : c->control;
}

static int add_call(scmp_filter_ctx f, int nr, enum verdict v, int dir_fd)
{
    static const int flags[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_GET_SEALS, F_ADD_SEALS};
    enum { WITHOUT_SEALING = sizeof flags / sizeof flags[0] - 1 };
    static const int asks[] = {FIONREAD, FIONBIO};
    static const int names[] = {PR_SET_NAME, 0x53564d41 /* PR_SET_VMA */};
    switch (v) {
    case NO: return 0;
    case YES: return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
    case DENY: return seccomp_rule_add(f, SCMP_ACT_ERRNO(EACCES), nr, 0);
    case NO_EXEC:
        return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    case OWN:
        return seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 1, SCMP_CMP32(0, SCMP_CMP_EQ, (uint32_t)getpid()));
    case FLAGS: return add_values(f, nr, 1, flags, WITHOUT_SEALING);
    case SEAL: return add_values(f, nr, 1, flags, sizeof flags / sizeof flags[0]);
    case NAME: return add_values(f, nr, 0, names, sizeof names / sizeof names[0]);
    case BELOW: return add_below(f, nr, dir_fd);
    case READ: return add_read(f, nr);
    case INET: return add_inet(f, nr);
    case SOFT: return add_soft(f, nr);
    case ASK: return add_values(f, nr, 1, asks, sizeof asks / sizeof asks[0]);
    case EMPTY: return add_empty(f, nr);
    }
    return -EINVAL;
}

static int add_few(scmp_filter_ctx f, const struct few *list, size_t n, int dir_fd)
{
    int err = 0;
    for (size_t i = 0; i < n && !err; i++)
        err = add_call(f, list[i].nr, (enum verdict)list[i].verdict, dir_fd);
    return err;
}

static int add_rows(scmp_filter_ctx f, enum rights_of who, int dir_fd)
{
    int err = 0;
    if (!rights[who].listed) {
        for (size_t i = 0; i < sizeof never / sizeof never[0] && !err; i++)
            err = seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), never[i], 0);
        return err;
    }
    if (who == RIGHTS_METRICS)
        return add_few(f, metrics_calls, sizeof metrics_calls / sizeof metrics_calls[0], dir_fd);
    if (who == RIGHTS_SIGNER)
        return add_few(f, signer_calls, sizeof signer_calls / sizeof signer_calls[0], dir_fd);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && !err; i++)
        err = add_call(f, calls[i].nr, verdict_for(&calls[i], who), dir_fd);
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
