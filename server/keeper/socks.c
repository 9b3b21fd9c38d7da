/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/socks.h"
#include "base/err.h"
#include "base/secret.h"
#include "keeper/keeper.h"
#include "keeper/login.h"
#include "keeper/socks_msg.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REMOTES_MAX = 64, /* the configuration has no more */
    PATIENCE_S = 5,   /* for each step with the proxy */
    PAUSE_S = 2,      /* between two attempts, also to find a name */
    DATAGRAM = 65507,
    BATCH = 32,
    OUTER_MIN = 600, /* mssfix below that is left alone */
};

/* What the relay tells keeper: family 0: the association is gone; else it stands, and the proxy is there. */
struct told {
    uint8_t family, ip[16];
};

struct remote {
    char *host;
    uint16_t port;
    int local;            /* socket on the loopback */
    struct dbr_addr addr; /* while associated; family 0: not known (yet) */
    uint64_t look_ns;     /* not looked up before */
    uint8_t header[SOCKS_HEADER_MAX];
    size_t header_len;
    struct sockaddr_in from; /* who called here last */
    bool called;
};

struct relay {
    const struct dbr_log *log;
    const char *host, *port;
    char user[SOCKS_WORD_MAX + 1], pass[SOCKS_WORD_MAX + 1];
    struct remote remote[REMOTES_MAX];
    size_t n, last; /* last: which was called last */
    int tell, tcp, udp;
    uint64_t pause_ns; /* no attempt before */
};

static struct relay relay = {.tell = -1, .tcp = -1, .udp = -1}; /* keeper's, and the child's copy */

/* ---- the association ---- */

static void hang_up(struct relay *r, const char *why)
{
    const struct told gone = {0};
    bool stood = r->udp >= 0;
    if (r->tcp >= 0)
        close(r->tcp);
    if (r->udp >= 0)
        close(r->udp);
    r->tcp = r->udp = -1;
    r->pause_ns = monotonic_ns() + PAUSE_S * S_NS;
    dbr_log(r->log, DBR_LOG_WARN, "WARNING: SOCKS proxy %s port %s: %s", r->host, r->port, why);
    if (stood)
        (void)!send(r->tell, &gone, sizeof gone, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int dial_tcp(struct relay *r, struct dbr_addr *proxy)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_STREAM};
    int fd = -1, err = getaddrinfo(r->host, r->port, &hint, &list);
    if (err) {
        hang_up(r, gai_strerror(err));
        return DBR_ERR_NOTFOUND;
    }
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (!connect(fd, a->ai_addr, a->ai_addrlen) &&
            !dbr_addr_from_sockaddr(proxy, a->ai_addr, a->ai_addrlen))
            break;
        err = errno;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    if (fd < 0)
        hang_up(r, err == EINPROGRESS ? "does not answer" : strerror(err));
    r->tcp = fd;
    return fd < 0 ? DBR_ERR_IO : 0;
}

static bool say(const struct relay *r, const void *bytes, size_t n)
{
    return send(r->tcp, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool hear(const struct relay *r, void *bytes, size_t n)
{
    return recv(r->tcp, bytes, n, MSG_WAITALL) == (ssize_t)n;
}

/* NULL, or why not. */
static const char *log_in(const struct relay *r)
{
    uint8_t hello[4], choice[2], login[SOCKS_LOGIN_MAX];
    if (!say(r, hello, socks_methods(hello, *r->user)) || !hear(r, choice, 2))
        return "it does not answer as a SOCKS proxy does";
    int method = socks_method(choice, *r->user);
    if (method < 0)
        return method == DBR_ERR_AUTH ? "it wants another login; name a FILE with user name and password"
                                      : "it does not speak SOCKS version 5";
    if (!method)
        return NULL;
    size_t n = socks_login(login, r->user, r->pass);
    bool good = n && say(r, login, n) && hear(r, choice, 2) && choice[1] == 0;
    dbr_wipe(login, sizeof login);
    return good ? NULL : "user name or password is wrong";
}

static const char *ask_for_udp(const struct relay *r, struct dbr_addr *at)
{
    uint8_t request[SOCKS_ASSOCIATE_LEN], reply[SOCKS_REPLY_MAX], code = 0;
    size_t n = 0;
    socks_associate(request);
    if (!say(r, request, sizeof request))
        return "it does not answer";
    for (;;) {
        int end = socks_reply(reply, n, at, &code);
        if (end > 0)
            return NULL;
        if (end == DBR_ERR_AUTH)
            return socks_refusal(code);
        if (end != DBR_ERR_AGAIN || n == sizeof reply || !hear(r, reply + n, 1))
            return "its answer cannot be read";
        n++;
    }
}

/* OpenVPN's way too: names are resolved here, the proxy hears addresses. Only of who is called, and again
 * until it is found. */
static void resolve(struct relay *r, struct remote *m)
{
    char port[8];
    struct addrinfo *list = NULL, hint = {.ai_socktype = SOCK_DGRAM};
    if (m->addr.family || monotonic_ns() < m->look_ns)
        return;
    snprintf(port, sizeof port, "%u", m->port);
    m->look_ns = monotonic_ns() + PAUSE_S * S_NS;
    if (getaddrinfo(m->host, port, &hint, &list))
        dbr_log(r->log, DBR_LOG_ERROR, "RESOLVE: Cannot resolve host address: %s:%s", m->host, port);
    else if (!dbr_addr_from_sockaddr(&m->addr, list->ai_addr, list->ai_addrlen))
        m->header_len = socks_header(m->header, &m->addr);
    if (list)
        freeaddrinfo(list);
}

static void associate(struct relay *r)
{
    struct dbr_addr proxy, at;
    struct sockaddr_in6 sa;
    char text[DBR_ADDR_TEXT];
    if (monotonic_ns() < r->pause_ns || dial_tcp(r, &proxy))
        return;
    const char *why = log_in(r);
    if (!why)
        why = ask_for_udp(r, &at);
    if (why) {
        hang_up(r, why);
        return;
    }
    if (!at.family) { /* where it listens itself */
        uint16_t port = at.port;
        at = proxy;
        at.port = port;
    }
    size_t n = dbr_addr_to_sockaddr6(&at, (struct sockaddr *)&sa);
    r->udp = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (r->udp < 0 || connect(r->udp, (const struct sockaddr *)&sa, (socklen_t)n)) {
        hang_up(r, strerror(errno));
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        r->remote[i].addr.family = 0;
        r->remote[i].look_ns = 0;
    }
    struct told up = {.family = proxy.family};
    memcpy(up.ip, proxy.ip, sizeof up.ip);
    (void)!send(r->tell, &up, sizeof up, MSG_DONTWAIT | MSG_NOSIGNAL);
    dbr_log(r->log, DBR_LOG_NOTICE, "SOCKS proxy %s port %s: UDP goes through %s", r->host, r->port,
            dbr_addr_text(&at, text));
}

/* ---- datagrams ---- */

static void outward(struct relay *r, size_t i)
{
    struct remote *m = &r->remote[i];
    uint8_t text[SOCKS_HEADER_MAX + DATAGRAM];
    if (r->udp < 0)
        associate(r);
    if (r->udp >= 0)
        resolve(r, m);
    for (int count = 0; count < BATCH; count++) {
        socklen_t len = sizeof m->from;
        ssize_t n = recvfrom(m->local, text + SOCKS_HEADER_MAX, DATAGRAM, MSG_DONTWAIT,
                             (struct sockaddr *)&m->from, &len);
        if (n < 0)
            return;
        m->called = true;
        r->last = i;
        uint8_t *start = text + SOCKS_HEADER_MAX - m->header_len;
        if (r->udp < 0 || !m->addr.family)
            continue;
        memcpy(start, m->header, m->header_len);
        (void)!send(r->udp, start, m->header_len + (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

/* To whom called that remote; what a proxy names by a name, to who called last. */
static const struct remote *caller_of(const struct relay *r, const struct dbr_addr *from)
{
    for (size_t i = 0; i < r->n && from->family; i++)
        if (dbr_addr_equal(&r->remote[i].addr, from))
            return &r->remote[i];
    return from->family ? NULL : &r->remote[r->last];
}

static void inward(struct relay *r)
{
    uint8_t text[SOCKS_REPLY_MAX + DATAGRAM];
    for (int count = 0; count < BATCH; count++) {
        struct dbr_addr from;
        ssize_t n = recv(r->udp, text, sizeof text, MSG_DONTWAIT);
        if (n < 0)
            return;
        int at = socks_unwrap(text, (size_t)n, &from);
        const struct remote *m = at > 0 ? caller_of(r, &from) : NULL;
        if (m && m->called)
            (void)!sendto(m->local, text + at, (size_t)n - (size_t)at, MSG_DONTWAIT | MSG_NOSIGNAL,
                          (const struct sockaddr *)&m->from, sizeof m->from);
    }
}

/* ---- the process ---- */

static void turn(struct relay *r)
{
    struct pollfd p[REMOTES_MAX + 2];
    p[0] = (struct pollfd){.fd = r->tcp, .events = POLLIN};
    p[1] = (struct pollfd){.fd = r->udp, .events = POLLIN};
    for (size_t i = 0; i < r->n; i++)
        p[2 + i] = (struct pollfd){.fd = r->remote[i].local, .events = POLLIN};
    if (poll(p, (nfds_t)(2 + r->n), -1) < 0)
        return;
    if (p[1].revents)
        inward(r);
    for (size_t i = 0; i < r->n; i++)
        if (p[2 + i].revents)
            outward(r, i);
    if (p[0].revents && r->tcp >= 0) /* it has nothing to say any more but the end */
        hang_up(r, "it has ended the association");
}

static _Noreturn void live(struct keeper *k, struct relay *r)
{
    int keep[REMOTES_MAX + 6] = {0, 1, 2, k->sink.fd, k->sink.syslog, r->tell};
    size_t n = 6;
    struct addrinfo *list, hint = {.ai_socktype = SOCK_STREAM};
    for (size_t i = 0; i < r->n; i++)
        keep[n++] = r->remote[i].local;
    for (int s = 1; s < NSIG; s++)
        signal(s, s == SIGTERM || s == SIGINT || s == SIGHUP || s == SIGPIPE ? SIG_IGN : SIG_DFL);
    k->sink.copy = -1;
    close_all_but(keep, n);
    if (!getaddrinfo("localhost", "http", &hint, &list))
        freeaddrinfo(list); /* what it loads cannot be loaded later */
    dbr_wipe(k->passphrase, sizeof k->passphrase);
    dbr_wipe(&k->login, sizeof k->login);
    dbr_wipe(k->token_secret, sizeof k->token_secret);
    r->host = strdup(r->host);
    r->port = strdup(r->port);
    dbr_config_free(k->config); /* there may be keys in it */
    if (!r->host || !r->port)
        _exit(1);
    if (rights_drop(RIGHTS_FETCH, &k->user, -1, &k->log) || rights_filter(RIGHTS_FETCH, -1, &k->log))
        _exit(1);
    for (;;)
        turn(r);
}

static int start(struct keeper *k)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return DBR_ERR_IO;
    relay.log = &k->log;
    k->socks_pid = fork();
    if (k->socks_pid == 0) {
        relay.tell = pair[1];
        live(k, &relay);
    }
    close(pair[1]);
    k->socks_fd = pair[0];
    k->socks_ns = monotonic_ns();
    return k->socks_pid < 0 ? DBR_ERR_IO : poll_add(k, pair[0], EVENT_SOCKS);
}

/* ---- keeper ---- */

static int read_login(struct keeper *k, const char *file)
{
    static struct dbr_ipc_login login;
    char text[2 * sizeof relay.user];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return keeper_complain_errno(k, DBR_D_socks_proxy, "read", file);
    text[n] = 0;
    int err = login_parse(&login, text);
    snprintf(relay.user, sizeof relay.user, "%s", login.user);
    snprintf(relay.pass, sizeof relay.pass, "%s", login.pass);
    dbr_wipe(text, sizeof text);
    dbr_wipe(&login, sizeof login);
    if (!err && *relay.pass)
        return 0;
    return keeper_complain(k, DBR_D_socks_proxy, DBR_ERR_CONFIG,
                           "the file's first line is the user name, its second the password");
}

/* The remote is somewhere else; here is a port that leads there. */
static int take_remote(struct keeper *k, struct dbr_conf_remote *r)
{
    struct remote *m = &relay.remote[relay.n];
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    char *here = strdup("127.0.0.1");
    *m = (struct remote){.host = r->host, .port = (uint16_t)(r->port ? r->port : k->config->rport)};
    m->local = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (!here || m->local < 0 || bind(m->local, (const struct sockaddr *)&sa, n) ||
        getsockname(m->local, (struct sockaddr *)&sa, &n)) {
        free(here);
        return keeper_complain(k, DBR_D_socks_proxy, DBR_ERR_IO, "cannot open a port of the loopback");
    }
    relay.n++;
    r->host = here;
    r->port = ntohs(sa.sin_port);
    r->proto = DBR_CONF_PROTO_UDP4;
    return 0;
}

int socks_open(struct keeper *k)
{
    struct dbr_config *c = k->config;
    const struct dbr_conf_list *words = &c->socks_proxy;
    int err = 0;
    if (!words->n)
        return 0;
    relay.host = words->v[0];
    relay.port = words->n > 1 ? words->v[1] : "1080";
    if (words->n > 2)
        err = read_login(k, words->v[2]);
    for (size_t i = 0; !err && i < c->remote.n && i < REMOTES_MAX; i++)
        err = take_remote(k, &c->remote.v[i]);
    if (c->mssfix.size > OUTER_MIN)
        c->mssfix.size -= SOCKS_HEADER_MAX;
    return err ? err : start(k);
}

void socks_read(struct keeper *k)
{
    struct told t;
    ssize_t n = recv(k->socks_fd, &t, sizeof t, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == (ssize_t)sizeof t && (t.family == 4 || t.family == 6)) {
        k->socks_family = t.family;
        memcpy(k->socks_ip, t.ip, sizeof t.ip);
        routes_again(k);
    } else if (n == (ssize_t)sizeof t) {
        tell_control(k, DBR_STATE_RESTART);
    } else {
        bool at_once = monotonic_ns() - k->socks_ns < S_NS;
        socks_close(k);
        if (k->stopping)
            return;
        dbr_log(&k->log, DBR_LOG_ERROR, "the process of socks-proxy has ended; started again");
        if (at_once || start(k))
            keeper_stop(k, 1);
        tell_control(k, DBR_STATE_RESTART);
    }
}

void socks_close(struct keeper *k)
{
    if (k->socks_pid > 0) {
        kill(k->socks_pid, SIGKILL);
        waitpid(k->socks_pid, NULL, 0);
    }
    if (k->socks_fd >= 0)
        close(k->socks_fd);
    k->socks_pid = 0;
    k->socks_fd = -1;
}

bool socks_route(const struct keeper *k, struct dbr_ipc_route *r)
{
    if (!k->config->socks_proxy.n || r->what != DBR_ROUTE_AROUND || r->family != 4 || r->dst[0] != 127)
        return true;
    memset(r->dst, 0, sizeof r->dst);
    memcpy(r->dst, k->socks_ip, sizeof r->dst);
    r->family = k->socks_family;
    r->prefix = r->family == 6 ? 128 : 32;
    return r->family && r->dst[0] != 127;
}
