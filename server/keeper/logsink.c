/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A pipe or terminal that we were given is shared with other programs, so that O_NONBLOCK on it would change
 * theirs. Opening it again through /proc/self/fd makes a description of our own. A socket cannot be opened
 * again, but MSG_DONTWAIT is per call.
 */
#include "keeper/logsink.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1200 };

static const struct sockaddr_un syslog_at = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};

static void take_fd(struct logsink *s, int fd)
{
    struct stat st;
    char path[32];
    s->is_socket = !fstat(fd, &st) && S_ISSOCK(st.st_mode);
    s->may_block = false;
    if (s->is_socket) {
        s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    s->fd = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0) {
        s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        s->may_block = true;
    }
}

void logsink_init(struct logsink *s)
{
    tzset(); /* the children cannot read /etc/localtime any more */
    memset(s, 0, sizeof *s);
    s->syslog = s->copy = -1;
    s->timestamps = true;
    take_fd(s, STDERR_FILENO);
    if (s->fd < 0)
        take_fd(s, STDOUT_FILENO);
}

int logsink_file(struct logsink *s, const char *path, enum logsink_mode mode)
{
    int how = mode == LOGSINK_TRUNCATE ? O_TRUNC : 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | how, 0600);
    if (fd < 0)
        return DBR_ERR_IO;
    logsink_fini(s);
    s->fd = fd;
    s->is_socket = s->may_block = false;
    return 0;
}

int logsink_syslog(struct logsink *s, const char *ident)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return DBR_ERR_IO;
    logsink_fini(s);
    s->syslog = fd;
    snprintf(s->ident, sizeof s->ident, "%s", ident);
    return 0;
}

void logsink_fini(struct logsink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->syslog >= 0)
        close(s->syslog);
    s->fd = s->syslog = -1;
}

/* "2026-11-21 20:58:09 ", or seconds and microseconds with the level for machines. */
static size_t stamp(const struct logsink *s, int level, char *out, size_t cap)
{
    struct timespec now;
    struct tm tm;
    if (!s->machine && !s->timestamps)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    if (s->machine)
        return (size_t)snprintf(out, cap, "%lld.%06ld %x ", (long long)now.tv_sec, now.tv_nsec / 1000,
                                (unsigned)level);
    return localtime_r(&now.tv_sec, &tm) ? strftime(out, cap, "%Y-%m-%d %H:%M:%S ", &tm) : 0;
}

/* RFC 3164 header for a local syslog: facility daemon (3), no host. */
static size_t syslog_head(const struct logsink *s, int level, char *out, size_t cap)
{
    struct timespec now;
    struct tm tm;
    char when[32] = "";
    int severity = level == DBR_LOG_FATAL ? 3 : level <= DBR_LOG_NOTICE ? 5 : level < DBR_LOG_DEBUG ? 6 : 7;
    clock_gettime(CLOCK_REALTIME, &now);
    if (localtime_r(&now.tv_sec, &tm))
        strftime(when, sizeof when, "%b %e %H:%M:%S", &tm);
    return (size_t)snprintf(out, cap, "<%d>%s %s[%d]: ", 3 << 3 | severity, when, s->ident, (int)getpid());
}

static bool put(const struct logsink *s, const char *bytes, size_t n)
{
    ssize_t done;
    if (s->syslog >= 0)
        done = sendto(s->syslog, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&syslog_at,
                      sizeof syslog_at);
    else if (s->is_socket)
        done = send(s->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (s->may_block && poll(&(struct pollfd){.fd = s->fd, .events = POLLOUT}, 1, 0) != 1)
        return false;
    else
        done = write(s->fd, bytes, n);
    return done == (ssize_t)n;
}

static bool put_line(const struct logsink *s, int level, const char *line)
{
    char out[LINE_MAX_BYTES];
    size_t n = s->syslog >= 0 ? syslog_head(s, level, out, 160) : stamp(s, level, out, 160);
    size_t len = strnlen(line, sizeof out - n - 1);
    memcpy(out + n, line, len);
    n += len;
    if (s->syslog < 0)
        out[n++] = '\n';
    return put(s, out, n);
}

/* For managers; what they do not take in time is not missed, as the log has it. */
static void copy_line(const struct logsink *s, int level, const char *line)
{
    char out[LINE_MAX_BYTES];
    size_t n = strnlen(line, sizeof out - 1);
    if (s->copy < 0 || level > DBR_LOG_INFO)
        return;
    out[0] = (char)level;
    memcpy(out + 1, line, n);
    (void)!send(s->copy, out, n + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void logsink_line(void *arg, int level, const char *line)
{
    struct logsink *s = arg;
    int saved = errno;
    if (s->also_stderr && level == DBR_LOG_FATAL)
        dprintf(STDERR_FILENO, "%s\n", line);
    copy_line(s, level, line);
    if (s->fd < 0 && s->syslog < 0)
        return;
    unsigned lost = atomic_exchange_explicit(&s->lost, 0, memory_order_relaxed);
    if (lost) {
        char text[80];
        snprintf(text, sizeof text, "WARNING: %u log lines were lost", lost);
        if (!put_line(s, DBR_LOG_WARN, text)) {
            atomic_fetch_add_explicit(&s->lost, lost + 1, memory_order_relaxed);
            errno = saved;
            return;
        }
    }
    if (!put_line(s, level, line))
        atomic_fetch_add_explicit(&s->lost, 1, memory_order_relaxed);
    errno = saved;
}
