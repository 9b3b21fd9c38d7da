/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/sockets.h"
#include "base/err.h"
#include "keeper/steer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int addr_of_literal(struct dbr_addr *a, const char *text, uint16_t port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    if (getaddrinfo(text, NULL, &hints, &found))
        return DBR_ERR_SHAPE;
    int err = dbr_addr_from_sockaddr(a, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    a->port = port;
    return err;
}

static int set_int(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

/* The forced form passes net.core.[rw]mem_max, and needs CAP_NET_ADMIN. */
static void set_buffer(int fd, int forced, int plain, int bytes)
{
    if (set_int(fd, SOL_SOCKET, forced, bytes))
        (void)set_int(fd, SOL_SOCKET, plain, bytes);
}

/* Everything but the bind. Returns NULL, or what failed (errno). */
static const char *prepare(int fd, const struct udp_group_config *c)
{
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, c->rcvbuf ? c->rcvbuf : UDP_BUFFER_DEFAULT);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, c->sndbuf ? c->sndbuf : UDP_BUFFER_DEFAULT);
    if (set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, c->v6only))
        return "IPV6_V6ONLY";
    if (set_int(fd, IPPROTO_UDP, UDP_GRO, 1))
        return "UDP_GRO";
    if (c->multihome && set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1))
        return "multihome";
    if (c->mark && set_int(fd, SOL_SOCKET, SO_MARK, (int)c->mark))
        return "mark";
    if (c->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->device, (socklen_t)strlen(c->device)))
        return "bind-dev";
    return NULL;
}

/* The address to bind to: [::], [::ffff:0.0.0.0] for IPv4 only, or what was configured. */
static socklen_t bind_address(const struct udp_group_config *c, uint16_t port, struct sockaddr_in6 *out)
{
    struct dbr_addr a = c->local;
    a.port = port;
    if (a.family)
        return (socklen_t)dbr_addr_to_sockaddr6(&a, (struct sockaddr *)out);
    *out = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    return sizeof *out;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;
    return getsockname(fd, (struct sockaddr *)&sa, &n) ? 0 : ntohs(sa.sin6_port);
}

static int bind_failed(const struct udp_group_config *c, struct dbr_why *why)
{
    char text[DBR_ADDR_TEXT];
    int e = errno;
    const char *way_out = e == EADDRINUSE
                              ? "; another program has this port: stop it or choose another `port`"
                          : e == EADDRNOTAVAIL ? "; no interface has this address: correct `local`"
                                               : "";
    return dbr_why(why, DBR_ERR_IO, "cannot bind UDP %s port %u: %s%s",
                   c->local.family ? dbr_addr_ip_text(&c->local, text) : "[any]", (unsigned)c->local.port,
                   strerror(e), way_out);
}

/* The children of a keeper that was killed hold the port until the kernel has ended them too. */
static int bind_patiently(int fd, const struct sockaddr_in6 *sa, socklen_t n)
{
    enum { TRIES = 10, PAUSE_NS = 100000000 };
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (int i = 0; i < TRIES; i++) {
        if (!bind(fd, (const struct sockaddr *)sa, n))
            return 0;
        if (errno != EADDRINUSE)
            return -1;
        nanosleep(&pause, NULL);
    }
    errno = EADDRINUSE;
    return -1;
}

/* Socket i of the group. SO_REUSEPORT is set on the first one only after its bind: until then the kernel
 * refuses to share, and afterwards the others may join it. */
static int open_member(struct udp_group *g, const struct udp_group_config *c, struct dbr_why *why)
{
    struct sockaddr_in6 sa;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot open a UDP socket: %s%s", strerror(errno),
                       errno == EAFNOSUPPORT
                           ? "; this kernel has IPv6 switched off, which the sockets need also for "
                             "IPv4: boot without ipv6.disable=1"
                           : "");
    g->fd[g->n++] = fd;
    const char *failed = prepare(fd, c);
    if (!failed && g->n > 1 && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        failed = "SO_REUSEPORT";
    if (failed)
        return dbr_why(why, DBR_ERR_IO, "cannot set %s on a UDP socket: %s", failed, strerror(errno));
    socklen_t n = bind_address(c, g->n > 1 ? g->port : c->local.port, &sa);
    if (bind_patiently(fd, &sa, n))
        return bind_failed(c, why);
    g->port = port_of(fd);
    if (g->n == 1 && set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return dbr_why(why, DBR_ERR_IO, "cannot set SO_REUSEPORT: %s", strerror(errno));
    return 0;
}

int udp_group_open(struct udp_group *g, const struct udp_group_config *c, struct dbr_why *why)
{
    struct sock_filter code[UDP_STEER_LEN];
    struct sock_fprog program = {.len = UDP_STEER_LEN, .filter = code};
    int err = 0;
    g->n = 0;
    for (unsigned i = 0; i <= c->n_workers && !err; i++)
        err = open_member(g, c, why);
    udp_steer_write(code, c->n_workers);
    if (!err && setsockopt(g->fd[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program))
        err = dbr_why(why, DBR_ERR_IO, "cannot attach the steering program to the UDP sockets: %s",
                      strerror(errno));
    if (err)
        udp_group_close(g);
    return err;
}

void udp_group_close(struct udp_group *g)
{
    while (g->n)
        close(g->fd[--g->n]);
}

/* True if a program accepts connections at that path. */
static bool somebody_listens(const struct sockaddr_un *sun, int type)
{
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool yes = !connect(fd, (const struct sockaddr *)sun, sizeof *sun) || errno == EAGAIN;
    close(fd);
    return yes;
}

int listen_unix(const char *path, int type, uid_t uid, gid_t gid, mode_t mode, struct dbr_why *why)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof sun.sun_path)
        return dbr_why(why, DBR_ERR_IO, "socket path %s is longer than %zu bytes", path,
                       sizeof sun.sun_path - 1);
    memcpy(sun.sun_path, path, strlen(path));
    if (!lstat(path, &st) && S_ISSOCK(st.st_mode)) {
        if (somebody_listens(&sun, type))
            return dbr_why(why, DBR_ERR_EXISTS,
                           "another program listens on %s: stop it or choose another path", path);
        unlink(path);
    }
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    int bad = fd < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof sun);
    umask(mask);
    /* in this order: whom it is given to may change its mode, root without CAP_FOWNER no more */
    if (!bad && !chmod(path, mode) && !lchown(path, uid, gid) && !listen(fd, 16))
        return fd;
    int e = errno;
    if (fd >= 0)
        close(fd);
    return dbr_why(why, DBR_ERR_IO, "cannot listen on %s: %s", path, strerror(e));
}

int listen_tcp(const char *host, uint16_t port, struct dbr_why *why)
{
    struct sockaddr_in6 sa;
    struct dbr_addr a;
    if (addr_of_literal(&a, host, port))
        return dbr_why(why, DBR_ERR_IO, "%s is not an address: give it in numbers", host);
    socklen_t n = (socklen_t)dbr_addr_to_sockaddr6(&a, (struct sockaddr *)&sa);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
        !set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, a.family == 6) &&
        !bind(fd, (const struct sockaddr *)&sa, n) && !listen(fd, 16))
        return fd;
    int e = errno;
    if (fd >= 0)
        close(fd);
    return dbr_why(why, DBR_ERR_IO, "cannot listen on TCP %s port %u: %s", host, (unsigned)port, strerror(e));
}

/* ---- calling ---- */

enum { CALL_PATIENCE_S = 5 };

/* Connects fd, not longer than that; takes it over. */
static int call(int fd, const void *sa, socklen_t n, const char *whom, struct dbr_why *why)
{
    const struct timeval patience = {.tv_sec = CALL_PATIENCE_S};
    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) &&
        !connect(fd, sa, n) && !fcntl(fd, F_SETFL, O_NONBLOCK))
        return fd;
    int e = errno == EINPROGRESS ? ETIMEDOUT : errno;
    if (fd >= 0)
        close(fd);
    return dbr_why(why, DBR_ERR_IO, "cannot call the manager at %s: %s; start it first", whom, strerror(e));
}

int call_unix(const char *path, const uid_t *uid, const gid_t *gid, struct dbr_why *why)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct ucred who;
    socklen_t n = sizeof who;
    if (strlen(path) >= sizeof sun.sun_path)
        return dbr_why(why, DBR_ERR_IO, "socket path %s is longer than %zu bytes", path,
                       sizeof sun.sun_path - 1);
    memcpy(sun.sun_path, path, strlen(path));
    int fd = call(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &sun, sizeof sun, path, why);
    if (fd < 0)
        return fd;
    if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) && (!uid || who.uid == *uid) &&
        (!gid || who.gid == *gid))
        return fd;
    close(fd);
    return dbr_why(why, DBR_ERR_IO,
                   "who listens on %s is not of management-client-user or management-client-group", path);
}

int call_tcp(const char *host, uint16_t port, struct dbr_why *why)
{
    struct sockaddr_in6 sa;
    struct dbr_addr a;
    if (addr_of_literal(&a, host, port))
        return dbr_why(why, DBR_ERR_IO, "%s is not an address: give it in numbers", host);
    socklen_t n = (socklen_t)dbr_addr_to_sockaddr6(&a, (struct sockaddr *)&sa);
    return call(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), &sa, n, host, why);
}
