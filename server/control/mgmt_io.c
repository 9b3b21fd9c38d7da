/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sockets of the managers. Keeper listens; here they are accepted, read, written and closed, none of
 * which ever waits. Whatever was to be said in a turn of the loop leaves at its end.
 */
#include "control/mgmt_io.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
enum { PASSWORD_MAX = 256, KEY_MAX = 65536, LOG_LINE = 1280, LOG_BATCH = 64 };

/* ---- start ---- */

static int complain(struct control *ctl, const char *reason)
{
    unsigned line;
    const char *file = dbr_config_where(ctl->cfg, DBR_D_management, &line);
    dbr_log(ctl->log, DBR_LOG_FATAL, "%s:%u: management: %s: %s", file, line,
            ctl->cfg->management.password_file, reason);
    return DBR_ERR_CONFIG;
}

/* The digest of the file's first line. */
static int read_password(struct control *ctl, uint8_t hash[32])
{
    char text[PASSWORD_MAX];
    int fd = open(ctl->cfg->management.password_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return complain(ctl, strerror(errno));
    text[n] = 0;
    struct dbr_part part = {text, strcspn(text, "\r\n")};
    int err = part.len ? dbr_sha256(&part, 1, hash)
                       : complain(ctl, "its first line is empty; write the password there");
    dbr_wipe(text, sizeof text);
    return err;
}

/* Lines of control, to the log and to the managers; one about a manager does not come back here. */
static void tap_log(void *arg, int level, const char *line)
{
    struct control *ctl = arg;
    struct management *g = ctl->management;
    ctl->boot->log.sink(ctl->boot->log.arg, level, line);
    if (g->logging)
        return;
    g->logging = true;
    mgmt_log(g->mgmt, ctl->now.unix_s, level, line);
    g->logging = false;
}

int management_load(struct control *ctl)
{
    uint8_t hash[32];
    const bool asks = ctl->cfg->management.password_file;
    if (ctl->boot->management_fd < 0)
        return 0;
    int err = asks ? read_password(ctl, hash) : 0;
    if (err)
        return err;
    struct management *g = ctl->management = calloc(1, sizeof *g);
    if (g)
        g->mgmt = management_make(ctl, asks ? hash : NULL);
    dbr_wipe(hash, sizeof hash);
    if (!g || !g->mgmt)
        return DBR_ERR_NOMEM;
    for (int i = 0; i < MGMT_SEATS; i++)
        g->sock[i] = -1;
    if (ctl->cfg->management_client) /* keeper has called; a descriptor of our own can be closed */
        g->sock[mgmt_seat(g->mgmt, ctl->now.ns)] = fcntl(ctl->boot->management_fd, F_DUPFD_CLOEXEC, 3);
    ctl->own_log.sink = tap_log;
    ctl->own_log.arg = ctl;
    return 0;
}

static uint32_t wanted_events(const struct management *g, int seat)
{
    size_t n;
    mgmt_output(g->mgmt, seat, &n);
    return (mgmt_room(g->mgmt, seat) ? EPOLLIN : 0u) | (n ? EPOLLOUT : 0u);
}

/* The kernel is told only what has changed. */
static void watch_seat(struct control *ctl, int seat, int how)
{
    struct management *g = ctl->management;
    struct epoll_event e = {.events = wanted_events(g, seat), .data.u32 = MGMT_EVENT + (uint32_t)seat};
    if (!g->watching || (how == EPOLL_CTL_MOD && e.events == g->watched[seat]))
        return;
    g->watched[seat] = e.events;
    epoll_ctl(ctl->epoll, how, g->sock[seat], &e);
}

int management_watch(struct control *ctl)
{
    struct management *g = ctl->management;
    if (!g)
        return 0;
    g->watching = true;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (g->sock[i] >= 0)
            watch_seat(ctl, i, EPOLL_CTL_ADD);
    int err = ctl->boot->log_fd >= 0 ? control_watch(ctl, ctl->boot->log_fd, LOG_EVENT) : 0;
    if (err || ctl->cfg->management_client)
        return err;
    return control_watch(ctl, ctl->boot->management_fd, MGMT_LISTEN_EVENT);
}

void management_free(struct control *ctl)
{
    struct management *g = ctl->management;
    if (!g)
        return;
    ctl->own_log.sink = ctl->boot->log.sink;
    ctl->own_log.arg = ctl->boot->log.arg;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (g->sock[i] >= 0)
            close(g->sock[i]);
    mgmt_free(g->mgmt);
    management_sign_free(g);
    dbr_wipe(g, sizeof *g);
    free(g);
    ctl->management = NULL;
}

/* ---- managers ---- */

/* Of other processes, so that no byte of theirs is taken for an end of line. */
void management_log_read(struct control *ctl)
{
    struct management *g = ctl->management;
    char text[LOG_LINE];
    ssize_t n;
    for (int i = 0; i < LOG_BATCH && (n = recv(ctl->boot->log_fd, text, sizeof text - 1, MSG_DONTWAIT)) > 0;
         i++) {
        text[n] = 0;
        for (ssize_t at = 1; at < n; at++)
            if ((unsigned char)text[at] < ' ')
                text[at] = ' ';
        if (g && n > 1)
            mgmt_log(g->mgmt, ctl->now.unix_s, (unsigned char)text[0], text + 1);
    }
}

static void hang_up(struct control *ctl, int seat, const char *why)
{
    struct management *g = ctl->management;
    if (*why)
        dbr_log(ctl->log, DBR_LOG_NOTICE, "MANAGEMENT: client %d is dropped: %s", seat, why);
    else
        dbr_log(ctl->log, DBR_LOG_INFO, "MANAGEMENT: Client disconnected");
    if (ctl->cfg->management_client)
        shutdown(g->sock[seat], SHUT_RDWR); /* keeper has it too */
    close(g->sock[seat]);
    g->sock[seat] = -1;
    mgmt_leave(g->mgmt, seat);
    if (!ctl->cfg->management_client || ctl->shutdown_ns)
        return;
    dbr_log(ctl->log, DBR_LOG_NOTICE, "MANAGEMENT: the manager has gone (management-client): exiting");
    keeper_say(ctl, DBR_STATE_SIGNAL, SIGTERM);
}

static void flush_seat(struct control *ctl, int seat)
{
    struct management *g = ctl->management;
    for (;;) {
        size_t n;
        const char *bytes = mgmt_output(g->mgmt, seat, &n);
        ssize_t done = n ? send(g->sock[seat], bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
        if (done < 0 && errno != EAGAIN && errno != EINTR) {
            hang_up(ctl, seat, "");
            return;
        }
        if (done <= 0)
            return;
        mgmt_sent(g->mgmt, seat, (size_t)done, ctl->now.ns); /* may run what waited, which says more */
    }
}

static void see_off(struct control *ctl, int seat)
{
    struct management *g = ctl->management;
    bool at_once;
    size_t left;
    const char *why = mgmt_gone(g->mgmt, seat, &at_once);
    mgmt_output(g->mgmt, seat, &left);
    if (why && (at_once || !left))
        hang_up(ctl, seat, why);
}

static int find_seat(struct control *ctl)
{
    struct management *g = ctl->management;
    int seat = mgmt_seat(g->mgmt, ctl->now.ns);
    if (seat >= 0)
        return seat;
    for (int i = 0; i < MGMT_SEATS; i++)
        if (g->sock[i] >= 0)
            see_off(ctl, i);
    return mgmt_seat(g->mgmt, ctl->now.ns);
}

void management_accept(struct control *ctl)
{
    static const char full[] = "ERROR: all places for managers are taken\r\n";
    struct management *g = ctl->management;
    int sock = accept4(ctl->boot->management_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (sock < 0)
        return;
    int seat = find_seat(ctl);
    if (seat < 0) {
        (void)send(sock, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(sock);
        return;
    }
    g->sock[seat] = sock;
    watch_seat(ctl, seat, EPOLL_CTL_ADD);
    dbr_log(ctl->log, DBR_LOG_INFO, "MANAGEMENT: Client connected");
}

void management_read(struct control *ctl, int seat, uint32_t events)
{
    struct management *g = ctl->management;
    char bytes[MGMT_LINE_MAX];
    if (!g || g->sock[seat] < 0)
        return;
    size_t room = mgmt_room(g->mgmt, seat);
    ssize_t n =
        room ? recv(g->sock[seat], bytes, room < sizeof bytes ? room : sizeof bytes, MSG_DONTWAIT) : -1;
    bool again = n < 0 && room && (errno == EAGAIN || errno == EINTR);
    if (n > 0)
        mgmt_feed(g->mgmt, seat, bytes, (size_t)n, ctl->now.ns);
    else if (n == 0)
        mgmt_ended(g->mgmt, seat, ctl->now.ns);
    else if ((room && !again) || (!room && events & (EPOLLHUP | EPOLLERR)))
        hang_up(ctl, seat, "");
    dbr_wipe(bytes, sizeof bytes);
}

/* Who has something to say or to hear is seen to, in any order; nobody is waited for. */
void management_turn(struct control *ctl)
{
    struct management *g = ctl->management;
    if (!g)
        return;
    mgmt_tick(g->mgmt, ctl->now.ns);
    for (int i = 0; i < MGMT_SEATS; i++) {
        if (g->sock[i] >= 0)
            flush_seat(ctl, i);
        if (g->sock[i] >= 0)
            see_off(ctl, i);
        if (g->sock[i] >= 0)
            watch_seat(ctl, i, EPOLL_CTL_MOD);
    }
}

uint64_t management_deadline(const struct control *ctl)
{
    return ctl->management ? mgmt_deadline(ctl->management->mgmt) : UINT64_MAX;
}

/* ---- the passphrase of the private key ---- */

const char *management_key_pass(const struct control *ctl)
{
    const struct management *g = ctl->real ? ctl->real->management : ctl->management;
    return g && g->has_key_pass ? g->key_pass : NULL;
}

static bool is_encrypted(const struct control *ctl)
{
    if (signer_there(ctl))
        return ctl->boot->key_locked;
    const struct dbr_conf_blob *key = ctl->cfg->pkcs12.path ? &ctl->cfg->pkcs12 : &ctl->cfg->key;
    char *text = key->text ? NULL : calloc(1, KEY_MAX);
    int fd = text && key->path ? open(key->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, text, KEY_MAX - 1);
    const char *pem = key->text ? key->text : n > 0 ? text : "";
    bool yes = strstr(pem, "BEGIN ENCRYPTED PRIVATE KEY") || strstr(pem, "Proc-Type: 4,ENCRYPTED") ||
               (key == &ctl->cfg->pkcs12 && *pem);
    if (fd >= 0)
        close(fd);
    if (text)
        dbr_wipe(text, KEY_MAX);
    free(text);
    return yes;
}

/* Of what keeper says before we serve only the end counts: a signal of the admin's finds nothing to do yet.
 */
static bool keeper_ends(struct control *ctl)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_state *m = (const void *)buf;
    int fd, err;
    do {
        err = dbr_ipc_recv(ctl->boot->ipc_keeper, buf, &fd);
        if (fd >= 0)
            close(fd);
        if (!err && m->head.type == DBR_IPC_STATE && m->what == DBR_STATE_SHUTDOWN)
            return true;
    } while (!err || err == DBR_ERR_SHAPE);
    return err != DBR_ERR_AGAIN;
}

/* One turn while nothing but managers is served. False: it is the end. */
static bool wait_turn(struct control *ctl)
{
    struct management *g = ctl->management;
    struct pollfd p[2 + MGMT_SEATS] = {
        {.fd = ctl->boot->ipc_keeper, .events = POLLIN},
        {.fd = ctl->cfg->management_client ? -1 : ctl->boot->management_fd, .events = POLLIN}};
    for (int i = 0; i < MGMT_SEATS; i++) {
        uint32_t events = g->sock[i] >= 0 ? wanted_events(g, i) : 0;
        p[2 + i] = (struct pollfd){
            .fd = g->sock[i],
            .events = (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0))};
    }
    if (poll(p, 2 + MGMT_SEATS, 1000) < 0 && errno != EINTR)
        return false;
    control_clock(ctl);
    if (p[1].revents)
        management_accept(ctl);
    for (int i = 0; i < MGMT_SEATS; i++)
        if (p[2 + i].revents)
            management_read(ctl, i, p[2 + i].revents & (POLLHUP | POLLERR) ? EPOLLHUP : EPOLLIN);
    management_turn(ctl);
    return !p[0].revents || !keeper_ends(ctl);
}

static int ask_certificate(struct control *ctl)
{
    struct management *g = ctl->management;
    const char *hint = ctl->cfg->management_external_cert;
    if (!g || !hint)
        return 0;
    dbr_log(ctl->log, DBR_LOG_NOTICE, "MANAGEMENT: waiting for a manager to give the certificate");
    mgmt_ask(g->mgmt, MGMT_ASK_CERTIFICATE, "%s", hint);
    while (!g->cert)
        if (!wait_turn(ctl))
            return DBR_ERR_STATE;
    return 0;
}

static int ask_passphrase(struct control *ctl)
{
    struct management *g = ctl->management;
    if (!g || !ctl->cfg->management_query_passwords || ctl->cfg->askpass.name || !is_encrypted(ctl))
        return 0;
    dbr_log(ctl->log, DBR_LOG_NOTICE,
            "MANAGEMENT: waiting for a manager to give the passphrase of the private key");
    mgmt_want_password(g->mgmt, "Private Key");
    while (!g->has_key_pass)
        if (!wait_turn(ctl))
            return DBR_ERR_STATE;
    mgmt_want_password(g->mgmt, NULL);
    return 0;
}

int management_ask(struct control *ctl)
{
    int err = ask_certificate(ctl);
    return err ? err : ask_passphrase(ctl);
}
