/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The socket of drawbridge-ctl: one request per connection, a line of words (and, for crl-push, a
 * descriptor), answered with text until the end of file. Who may connect is a matter of the socket's mode,
 * which keeper sets; an answer that its reader does not take is cut off, never waited for.
 */
#include "control/revocation.h"
#include "control/state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUEST_MAX = 512,
    PART_MAX = 8192,
    LOOP_SHOWN_S = 12 /* as long as the port stays closed, and a report */
};

struct answer {
    int sock;
    char part[PART_MAX];
    size_t len;
    bool bad;
    uint32_t ticket; /* the answer comes later, with ctl_answer() */
};

static void flush_part(struct answer *a)
{
    if (a->len && !a->bad && send(a->sock, a->part, a->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        a->bad = true;
    a->len = 0;
}

static void say(struct answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct answer *a, const char *fmt, ...)
{
    va_list ap;
    if (a->len > PART_MAX - 1024)
        flush_part(a);
    va_start(ap, fmt);
    int n = vsnprintf(a->part + a->len, PART_MAX - a->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < PART_MAX - a->len)
        a->len += (size_t)n;
}

/* ---- the commands ---- */

static void status_row(struct answer *a, const struct client *c)
{
    char at[DBR_ADDR_TEXT], ip4[DBR_ADDR_TEXT], ip6[DBR_ADDR_TEXT];
    const struct admitted *m = c->adm;
    say(a, "%-24s %-28s %6u %-18s %10llu %10llu %5zu %-5s %-15s %s\n", m->cn, dbr_addr_text(&c->addr, at),
        c->peer_id, c->session ? dbr_cipher_name(dbr_session_cipher(c->session)) : "-",
        (unsigned long long)m->stats.rx_bytes, (unsigned long long)m->stats.tx_bytes, m->n_macs,
        c->in_data ? "up" : "going", seen_ip4(c, ip4), seen_ip6(c, ip6));
}

/* One line for each port that is closed because it leads back to us. */
static void say_loops(struct control *ctl, struct answer *a)
{
    char at[DBR_ADDR_TEXT];
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        const struct client *c = ctl->by_peer[i];
        int64_t ago = c && c->adm && c->adm->loop_s ? ctl->now.unix_s - c->adm->loop_s : LOOP_SHOWN_S;
        if (ago < LOOP_SHOWN_S)
            say(a,
                "ALARM: loop: the port of %s (%s) is closed: our own frames came back through it %lld s ago; "
                "it is "
                "joined to the LAN, or to another site, by a way of its own\n",
                c->adm->cn, dbr_addr_text(&c->addr, at), (long long)ago);
    }
}

static void cmd_status(struct control *ctl, struct answer *a, const char *arg, int fd)
{
    (void)arg;
    (void)fd;
    char line[512];
    say(a, "clients %u, half open %u\n", ctl->n_admitted, ctl->n_half_open);
    for (size_t i = 0; revocation_status(ctl, i, line, sizeof line); i++)
        say(a, "%s\n", line);
    say(a,
        "dropped: %llu malformed, %llu bad HMAC, %llu replayed, %llu recorded, %llu throttled, %llu no "
        "cookie\n",
        (unsigned long long)ctl->tally.shape, (unsigned long long)ctl->tally.auth,
        (unsigned long long)ctl->tally.replayed, (unsigned long long)ctl->tally.seen,
        (unsigned long long)ctl->tally.throttled, (unsigned long long)ctl->tally.cookie);
    say_loops(ctl, a);
    say(a, "%-24s %-28s %6s %-18s %10s %10s %5s %-5s %-15s %s\n", "name", "address", "peer", "cipher",
        "received", "sent", "macs", "state", "IPv4", "IPv6");
    for (uint32_t i = 0; i < ctl->max_clients; i++)
        if (ctl->by_peer[i] && ctl->by_peer[i]->adm)
            status_row(a, ctl->by_peer[i]);
    workers_ask_stats(ctl); /* fresh figures for the next question */
}

static void cmd_kick(struct control *ctl, struct answer *a, const char *arg, int fd)
{
    (void)fd;
    unsigned n = 0;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c || !c->adm || strcmp(c->adm->cn, arg) != 0)
            continue;
        client_kick(c, "AUTH_FAILED,Disconnected by the administrator", "kicked by the administrator");
        n++;
    }
    say(a,
        n ? "SUCCESS: common name '%s' found, %u client(s) killed\n"
          : "ERROR: common name '%s' not found (%u clients)\n",
        arg, n);
}

static void cmd_crl_push(struct control *ctl, struct answer *a, const char *arg, int fd)
{
    (void)arg;
    if (!ctl->crl_wanted) {
        say(a, "ERROR: this concentrator checks no CRL; add crl-verify\n");
        return;
    }
    if (fd >= 0 && revocation_verify(ctl, fd, DBR_CRL_FROM_PUSH, &a->ticket))
        return;
    size_t len;
    uint8_t *bytes = fd >= 0 ? control_read_all(fd, &len) : NULL;
    if (!bytes) {
        say(a, "ERROR: no CRL came along\n");
        return;
    }
    int err = control_take_crl(ctl, bytes, len, "pushed CRL");
    free(bytes);
    if (err) {
        say(a, "ERROR: CRL refused (%s); the log has the reason\n", dbr_err_text(err));
        return;
    }
    unsigned n = clients_revoke(ctl);
    say(a, "SUCCESS: CRL accepted, %u session(s) ended\n", n);
}

static void cmd_help(struct control *ctl, struct answer *a, const char *arg, int fd)
{
    (void)ctl;
    (void)arg;
    (void)fd;
    say(a, "status | kick NAME | crl-push\n");
}

static const struct {
    const char *word;
    bool needs_arg;
    void (*run)(struct control *ctl, struct answer *a, const char *arg, int fd);
} commands[] = {
    {"status", false, cmd_status},
    {"kick", true, cmd_kick},
    {"crl-push", false, cmd_crl_push},
    {"help", false, cmd_help},
};

static void run(struct control *ctl, struct answer *a, char *request, int fd)
{
    char *arg = request + strcspn(request, " ");
    if (*arg)
        *arg++ = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].word, request) != 0)
            continue;
        if (commands[i].needs_arg && !*arg)
            say(a, "ERROR: %s needs an argument\n", request);
        else
            commands[i].run(ctl, a, arg, fd);
        return;
    }
    say(a, "ERROR: unknown command; try help\n");
}

/* ---- the socket ---- */

static int receive(int sock, char *text, size_t cap, int *fd)
{
    struct iovec iov = {.iov_base = text, .iov_len = cap - 1};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } cmsg;
    struct msghdr mh = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = cmsg.space,
                        .msg_controllen =
                            CMSG_LEN(sizeof(int))}; /* room for one: the kernel closes the others */
    *fd = -1;
    ssize_t n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? DBR_ERR_AGAIN : DBR_ERR_IO;
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    text[n] = 0;
    text[strcspn(text, "\r\n")] = 0;
    return 0;
}

static void hang_up(struct control *ctl, size_t i)
{
    close(ctl->ctl_socks[i]);
    ctl->ctl_socks[i] = -1;
    ctl->ctl_tickets[i] = 0;
}

/* Callers that stay and say nothing keep nobody out: when all places are taken the oldest goes. */
void ctl_accept(struct control *ctl)
{
    size_t i = 0;
    int sock = accept4(ctl->boot->ctl_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (sock < 0)
        return;
    while (i < MAX_CTL && ctl->ctl_socks[i] >= 0)
        i++;
    if (i == MAX_CTL) {
        i = ctl->ctl_oldest++ % MAX_CTL;
        hang_up(ctl, i);
    }
    ctl->ctl_socks[i] = sock;
    control_watch(ctl, sock, CTL_EVENT + (uint32_t)i);
}

void ctl_read(struct control *ctl, size_t i)
{
    char request[REQUEST_MAX];
    struct answer a = {.sock = ctl->ctl_socks[i]};
    int fd, err = receive(a.sock, request, sizeof request, &fd);
    if (err == DBR_ERR_AGAIN)
        return;
    if (ctl->ctl_tickets[i])
        err = DBR_ERR_STATE; /* it was to wait, or has gone */
    if (!err)
        run(ctl, &a, request, fd);
    flush_part(&a);
    if (fd >= 0)
        close(fd);
    ctl->ctl_tickets[i] = a.ticket;
    if (!a.ticket)
        hang_up(ctl, i);
}

void ctl_answer(struct control *ctl, uint32_t ticket, const char *text)
{
    for (size_t i = 0; ticket && i < MAX_CTL; i++) {
        if (ctl->ctl_socks[i] < 0 || ctl->ctl_tickets[i] != ticket)
            continue;
        struct answer a = {.sock = ctl->ctl_socks[i]};
        say(&a, "%s", text);
        flush_part(&a);
        hang_up(ctl, i);
    }
}
