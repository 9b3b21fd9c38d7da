/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/messages.h"
#include "base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PEER_ID_MAX = 0xffffff,
    KEY_ID_MAX = 7,
    CIPHER_MAX = 32,
    DIGEST_MAX = 32,
    FRAMING_MAX = 4,
    OCSP_STATUS_MAX = 2
};

static int check_peer(const void *buf)
{
    const struct dbr_ipc_peer *m = buf;
    if (m->wire_peer_id > PEER_ID_MAX || m->framing > FRAMING_MAX || m->serial_len > DBR_IPC_SERIAL_MAX)
        return DBR_ERR_SHAPE;
    if (m->replay_window < DBR_IPC_REPLAY_MIN || m->replay_window > DBR_IPC_REPLAY_MAX ||
        !memchr(m->cn, 0, sizeof m->cn))
        return DBR_ERR_SHAPE;
    if (m->vlan > 4094)
        return DBR_ERR_SHAPE;
    if (m->max_l3 && m->max_l3 < DBR_IPC_MAX_L3_MIN)
        return DBR_ERR_SHAPE;
    if (m->fragment &&
        (m->fragment < DBR_IPC_FRAGMENT_MIN || !m->payload_max || m->payload_max > DBR_IPC_PAYLOAD_MAX))
        return DBR_ERR_SHAPE;
    return m->addr.family == 0 || m->addr.family == 4 || m->addr.family == 6 ? 0 : DBR_ERR_SHAPE;
}

static int check_key(const void *buf)
{
    const struct dbr_ipc_key *m = buf;
    if (m->cipher == 0 || m->cipher > CIPHER_MAX || m->key_id > KEY_ID_MAX || m->use_v2 > 1 ||
        m->digest > DIGEST_MAX)
        return DBR_ERR_SHAPE;
    return m->tx_peer_id <= PEER_ID_MAX ? 0 : DBR_ERR_SHAPE;
}

static int check_key_ref(const void *buf)
{
    const struct dbr_ipc_key_ref *m = buf;
    return m->key_id <= KEY_ID_MAX ? 0 : DBR_ERR_SHAPE;
}

static int check_del(const void *buf)
{
    const struct dbr_ipc_peer_del *m = buf;
    return m->reason <= DBR_DEL_SHUTDOWN ? 0 : DBR_ERR_SHAPE;
}

static int check_float(const void *buf)
{
    const struct dbr_ipc_float *m = buf;
    return m->addr.family == 4 || m->addr.family == 6 ? 0 : DBR_ERR_SHAPE;
}

static int check_learned(const void *buf)
{
    const struct dbr_ipc_learned *m = buf;
    return m->vlan < 4096 && m->what <= DBR_LEARNED_GONE && !(m->mac[0] & 1) ? 0 : DBR_ERR_SHAPE;
}

static int check_blob(const void *buf)
{
    const struct dbr_ipc_blob *m = buf;
    return m->n <= DBR_IPC_BLOB_MAX ? 0 : DBR_ERR_SHAPE;
}

static int check_datagram(const void *buf)
{
    const struct dbr_ipc_datagram *m = buf;
    if (m->addr.family != 4 && m->addr.family != 6)
        return DBR_ERR_SHAPE;
    return m->n <= DBR_IPC_DATAGRAM_MAX && m->head.len == offsetof(struct dbr_ipc_datagram, bytes) + m->n
               ? 0
               : DBR_ERR_SHAPE;
}

static int check_file(const void *buf)
{
    const struct dbr_ipc_file *m = buf;
    return m->what < DBR_FILES && m->missing <= 1 ? 0 : DBR_ERR_SHAPE;
}

static int check_tap_address(const void *buf)
{
    const struct dbr_ipc_tap_address *m = buf;
    return m->prefix6 <= 128 && m->dhcp <= 1 && m->up <= 1 && m->noexec <= 1 && m->full <= 1 ? 0
                                                                                             : DBR_ERR_SHAPE;
}

static int check_state(const void *buf)
{
    const struct dbr_ipc_state *m = buf;
    return m->what < DBR_STATES ? 0 : DBR_ERR_SHAPE;
}

static bool is_text(const char *s, size_t cap)
{
    return memchr(s, 0, cap) != NULL;
}

static int check_fetch_set(const void *buf)
{
    const struct dbr_ipc_fetch_set *m = buf;
    return is_text(m->url, sizeof m->url) ? 0 : DBR_ERR_SHAPE;
}

static int check_crl_verify(const void *buf)
{
    const struct dbr_ipc_crl_verify *m = buf;
    return m->source < DBR_CRL_SOURCES && m->ticket < 1u << 31 ? 0 : DBR_ERR_SHAPE;
}

static int check_crl_image(const void *buf)
{
    const struct dbr_ipc_crl_image *m = buf;
    if (m->source >= DBR_CRL_SOURCES || m->err > 0 || m->n > DBR_IPC_LISTS_MAX || (!m->err && !m->n))
        return DBR_ERR_SHAPE;
    return is_text(m->why, sizeof m->why) ? 0 : DBR_ERR_SHAPE;
}

static int check_crl_taken(const void *buf)
{
    const struct dbr_ipc_crl_taken *m = buf;
    return m->taken <= 1 && m->n <= DBR_IPC_TEXT_MAX &&
                   m->head.len == offsetof(struct dbr_ipc_crl_taken, text) + m->n
               ? 0
               : DBR_ERR_SHAPE;
}

static int check_ocsp_ask(const void *buf)
{
    const struct dbr_ipc_ocsp_ask *m = buf;
    if (m->n == 0 || m->n > DBR_IPC_CERT_MAX || m->serial_len == 0 || m->serial_len > DBR_IPC_SERIAL_MAX ||
        !is_text(m->url, sizeof m->url))
        return DBR_ERR_SHAPE;
    return m->head.len == offsetof(struct dbr_ipc_ocsp_ask, issuer) + m->n ? 0 : DBR_ERR_SHAPE;
}

static int check_ocsp_answer(const void *buf)
{
    const struct dbr_ipc_ocsp_answer *m = buf;
    return m->err <= 0 && m->status <= OCSP_STATUS_MAX && is_text(m->why, sizeof m->why) ? 0 : DBR_ERR_SHAPE;
}

static int check_socket(const void *buf)
{
    const struct dbr_ipc_socket *m = buf;
    return m->index <= 1 ? 0 : DBR_ERR_SHAPE;
}

static int check_route(const void *buf)
{
    const struct dbr_ipc_route *m = buf;
    static const uint8_t longest[] = {[0] = 0, [4] = 32, [6] = 128};
    if (m->what >= DBR_ROUTES ||
        (m->family != 4 && m->family != 6 && (m->family || m->what != DBR_ROUTE_CLEAR)))
        return DBR_ERR_SHAPE;
    return m->prefix <= longest[m->family] ? 0 : DBR_ERR_SHAPE;
}

/* A name that no shell, linker or interpreter looks at, and a value on one line. */
static int check_env(const void *buf)
{
    const struct dbr_ipc_env *m = buf;
    if (!is_text(m->name, sizeof m->name) || !is_text(m->value, sizeof m->value))
        return DBR_ERR_SHAPE;
    if (*m->name && !dbr_ipc_env_name(m->name, strlen(m->name)))
        return DBR_ERR_SHAPE;
    for (const char *p = m->value; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            return DBR_ERR_SHAPE;
    return 0;
}

/* Domains become arguments of a program: no word of them may look like an option. */
static int check_dns(const void *buf)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._- ";
    const struct dbr_ipc_dns *m = buf;
    if (m->n > DBR_IPC_DNS_SERVERS || m->full > 1 || !is_text(m->domains, sizeof m->domains))
        return DBR_ERR_SHAPE;
    for (size_t i = 0; i < m->n; i++)
        if (m->server[i].family != 4 && m->server[i].family != 6)
            return DBR_ERR_SHAPE;
    if (m->domains[strspn(m->domains, letters)] || *m->domains == '-' || strstr(m->domains, " -"))
        return DBR_ERR_SHAPE;
    return 0;
}

static int check_ask(const void *buf)
{
    const struct dbr_ipc_ask *m = buf;
    if (m->what >= DBR_ASKS || m->echo > 1 || !is_text(m->text, sizeof m->text))
        return DBR_ERR_SHAPE;
    for (const char *p = m->text; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            return DBR_ERR_SHAPE;
    return 0;
}

static int check_login(const void *buf)
{
    const struct dbr_ipc_login *m = buf;
    return m->what < DBR_ASKS && m->err <= 0 && is_text(m->user, sizeof m->user) &&
                   is_text(m->pass, sizeof m->pass) && is_text(m->response, sizeof m->response)
               ? 0
               : DBR_ERR_SHAPE;
}

bool dbr_ipc_env_name(const char *name, size_t n)
{
    static const char *const heads[] = {"X509_", "IV_"}, tail[] = "_proxy"; /* http_proxy and its like */
    bool foreign = false;
    if (n >= sizeof tail - 1 && memcmp(name + n - (sizeof tail - 1), tail, sizeof tail - 1) == 0)
        return false;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        foreign = foreign || (n > strlen(heads[i]) && memcmp(name, heads[i], strlen(heads[i])) == 0);
    for (size_t i = 0; i < n; i++) {
        bool upper = name[i] >= 'A' && name[i] <= 'Z', digit = name[i] >= '0' && name[i] <= '9';
        if (!(name[i] >= 'a' && name[i] <= 'z') && name[i] != '_' && !(digit && i) && !(upper && foreign))
            return false;
    }
    return n;
}

/* Arguments, then variables: a line each. */
static int check_hook(const void *buf)
{
    const struct dbr_ipc_hook *m = buf;
    if (m->hook >= DBR_HOOKS || m->n_args > DBR_HOOK_ARGS_MAX || m->n > DBR_IPC_TEXT_MAX ||
        m->head.len != offsetof(struct dbr_ipc_hook, text) + m->n || m->n_file > m->n)
        return DBR_ERR_SHAPE;
    size_t lines = 0, n = m->n - m->n_file;
    if (n && m->text[n - 1] != '\n')
        return DBR_ERR_SHAPE;
    for (size_t at = 0; at < n; lines++) {
        const char *line = m->text + at, *end = memchr(line, '\n', n - at);
        size_t len = (size_t)(end - line);
        const char *equals = memchr(line, '=', len);
        for (size_t i = 0; i < len; i++)
            if ((uint8_t)line[i] < 0x20 || line[i] == 0x7f)
                return DBR_ERR_SHAPE;
        if (lines >= m->n_args && (!equals || !dbr_ipc_env_name(line, (size_t)(equals - line))))
            return DBR_ERR_SHAPE;
        at += len + 1;
    }
    return lines >= m->n_args ? 0 : DBR_ERR_SHAPE;
}

static int check_hook_done(const void *buf)
{
    const struct dbr_ipc_hook_done *m = buf;
    return m->err <= 0 && m->n <= DBR_IPC_TEXT_MAX &&
                   m->head.len == offsetof(struct dbr_ipc_hook_done, text) + m->n
               ? 0
               : DBR_ERR_SHAPE;
}

static int check_alarm(const void *buf)
{
    const struct dbr_ipc_alarm *m = buf;
    return is_text(m->why, sizeof m->why) ? 0 : DBR_ERR_SHAPE;
}

static int check_seen(const void *buf)
{
    const struct dbr_ipc_seen *m = buf;
    return m->vlan < 4096 && !(m->mac[0] & 1) && m->leased <= 1 && (m->family == 4 || m->family == 6)
               ? 0
               : DBR_ERR_SHAPE;
}

static int check_guard(const void *buf)
{
    const struct dbr_ipc_guard *m = buf;
    return m->reason < DBR_IPC_GUARDS ? 0 : DBR_ERR_SHAPE;
}

static int check_guarded(const void *buf)
{
    const struct dbr_ipc_guarded *m = buf;
    return m->gateway_mac[0] & 1 ? DBR_ERR_SHAPE : 0;
}

static int check_metrics_crl(const void *buf)
{
    const struct dbr_ipc_metrics_crl *m = buf;
    return is_text(m->issuer, sizeof m->issuer) ? 0 : DBR_ERR_SHAPE;
}

static int check_metrics_clients(const void *buf)
{
    const struct dbr_ipc_metrics_clients *m = buf;
    if (m->n == 0 || m->n > DBR_IPC_CLIENT_ROWS ||
        m->head.len != offsetof(struct dbr_ipc_metrics_clients, row) + m->n * sizeof m->row[0])
        return DBR_ERR_SHAPE;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct dbr_ipc_metrics_client *r = &m->row[i];
        if (!is_text(r->cn, sizeof r->cn) || !is_text(r->cipher, sizeof r->cipher) ||
            (r->addr.family != 4 && r->addr.family != 6))
            return DBR_ERR_SHAPE;
    }
    return 0;
}

static int check_processes(const void *buf)
{
    const struct dbr_ipc_processes *m = buf;
    if (m->n > DBR_IPC_PROCESSES_MAX)
        return DBR_ERR_SHAPE;
    for (uint32_t i = 0; i < m->n; i++)
        if (!is_text(m->row[i].name, sizeof m->row[i].name))
            return DBR_ERR_SHAPE;
    return 0;
}

static int check_keys(const void *buf)
{
    const struct dbr_ipc_keys *m = buf;
    return m->what < DBR_KEYS_PARTS && is_text(m->where, sizeof m->where) ? 0 : DBR_ERR_SHAPE;
}

_Static_assert(sizeof(struct dbr_ipc_metrics_clients) <= DBR_IPC_MAX, "a message fits the buffer");
_Static_assert(sizeof(struct dbr_ipc_metrics) <= DBR_IPC_MAX, "a message fits the buffer");

/* One row per message: how long it is at least and at most, and what else must hold. */
static const struct {
    size_t min, max;
    int (*check)(const void *buf);
} rules[DBR_IPC_TYPES] = {
#define ROW(type, of, fn) [DBR_IPC_##type] = {sizeof(struct dbr_ipc_##of), sizeof(struct dbr_ipc_##of), fn}
    ROW(PEER_NEW, peer, check_peer),
    ROW(PEER_SET, peer, check_peer),
    ROW(PEER_BACK, peer, check_peer),
    ROW(PEER_DEL, peer_del, check_del),
    ROW(TIMEOUT, peer_del, check_del),
    ROW(KEY_NEW, key, check_key),
    ROW(KEY_SWAP, key_ref, check_key_ref),
    ROW(KEY_DEL, key_ref, check_key_ref),
    ROW(KEY_LIMIT, key_ref, check_key_ref),
    ROW(KEY_USED, key_ref, check_key_ref),
    ROW(STATS_GET, head, NULL),
    ROW(STATS_END, head, NULL),
    ROW(PEERS_GET, head, NULL),
    ROW(STATS, stats, NULL),
    ROW(FLOAT, float, check_float),
    ROW(LEARNED, learned, check_learned),
    ROW(FDB_ADD, learned, check_learned),
    ROW(FDB_DEL, learned, check_learned),
    ROW(GUARD, guard, check_guard),
    ROW(SEND, blob, check_blob),
    ROW(PAYLOAD, blob, check_blob),
    ROW(READY, head, NULL),
    ROW(FILE, file, check_file),
    ROW(TAP_ADDRESS, tap_address, check_tap_address),
    ROW(STATE, state, check_state),
    ROW(FETCH_SET, fetch_set, check_fetch_set),
    ROW(CRL_VERIFY, crl_verify, check_crl_verify),
    ROW(CRL_IMAGE, crl_image, check_crl_image),
    ROW(OCSP_ANSWER, ocsp_answer, check_ocsp_answer),
    ROW(ALARM, alarm, check_alarm),
    ROW(SOCKET, socket, check_socket),
    ROW(ROUTE, route, check_route),
    ROW(ENV, env, check_env),
    ROW(DNS, dns, check_dns),
    ROW(ASK, ask, check_ask),
    ROW(LOGIN, login, check_login),
    ROW(WORKER, worker, NULL),
    ROW(SEEN, seen, check_seen),
    ROW(METRICS_GET, metrics_get, NULL),
    ROW(METRICS, metrics, NULL),
    ROW(METRICS_CRL, metrics_crl, check_metrics_crl),
    ROW(METRICS_END, metrics_get, NULL),
    ROW(PROCESSES, processes, check_processes),
    ROW(GUARDED, guarded, check_guarded),
    ROW(KEYS, keys, check_keys),
#undef ROW
    [DBR_IPC_HOOK] = {offsetof(struct dbr_ipc_hook, text), sizeof(struct dbr_ipc_hook), check_hook},
    [DBR_IPC_HOOK_DONE] = {offsetof(struct dbr_ipc_hook_done, text), sizeof(struct dbr_ipc_hook_done),
                           check_hook_done},
    [DBR_IPC_CRL_TAKEN] = {offsetof(struct dbr_ipc_crl_taken, text), sizeof(struct dbr_ipc_crl_taken),
                           check_crl_taken},
    [DBR_IPC_OCSP_ASK] = {offsetof(struct dbr_ipc_ocsp_ask, issuer), sizeof(struct dbr_ipc_ocsp_ask),
                          check_ocsp_ask},
    [DBR_IPC_METRICS_CLIENTS] = {offsetof(struct dbr_ipc_metrics_clients, row),
                                 sizeof(struct dbr_ipc_metrics_clients), check_metrics_clients},
    [DBR_IPC_DATAGRAM] = {offsetof(struct dbr_ipc_datagram, bytes), sizeof(struct dbr_ipc_datagram),
                          check_datagram},
};

int dbr_ipc_check(const void *buf, size_t n)
{
    const struct dbr_ipc_head *head = buf;
    if (n < sizeof *head || head->type == 0 || head->type >= DBR_IPC_TYPES || head->len != n)
        return DBR_ERR_SHAPE;
    if (!rules[head->type].min || n < rules[head->type].min || n > rules[head->type].max ||
        head->peer_id > PEER_ID_MAX)
        return DBR_ERR_SHAPE;
    return rules[head->type].check ? rules[head->type].check(buf) : 0;
}

ssize_t dbr_ipc_send_bytes(int sock, const void *bytes, size_t n, int fd_pass, int flags)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } cmsg = {0};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd_pass >= 0) {
        mh.msg_control = cmsg.space;
        mh.msg_controllen = sizeof cmsg.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd_pass, sizeof fd_pass);
    }
    return sendmsg(sock, &mh, flags | MSG_NOSIGNAL);
}

int dbr_ipc_send(int sock, const void *msg, int fd_pass)
{
    const struct dbr_ipc_head *head = msg;
    ssize_t sent = dbr_ipc_send_bytes(sock, msg, head->len, fd_pass, MSG_DONTWAIT);
    if (sent == (ssize_t)head->len)
        return 0;
    return sent < 0 && (errno == EAGAIN || errno == ENOBUFS) ? DBR_ERR_AGAIN : DBR_ERR_IO;
}

/* Keeps the first passed descriptor in *keep (-1 if none), closes the others. */
static void take_descriptors(struct msghdr *mh, int *keep)
{
    *keep = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (*keep < 0)
                *keep = fd;
            else
                close(fd);
        }
    }
}

int dbr_ipc_recv(int sock, void *buf, int *fd_pass)
{
    struct iovec iov = {.iov_base = buf, .iov_len = DBR_IPC_MAX};
    union {
        char space[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } cmsg;
    struct msghdr mh = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = cmsg.space, .msg_controllen = sizeof cmsg.space};
    if (fd_pass)
        *fd_pass = -1;
    ssize_t n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? DBR_ERR_AGAIN : DBR_ERR_IO;
    int passed;
    take_descriptors(&mh, &passed); /* an empty message may bring some, too */
    int err = n == 0                     ? DBR_ERR_NOTFOUND
              : mh.msg_flags & MSG_TRUNC ? DBR_ERR_SHAPE
                                         : dbr_ipc_check(buf, (size_t)n);
    if (passed >= 0 && (err || !fd_pass))
        close(passed);
    else if (fd_pass)
        *fd_pass = passed;
    return err;
}
