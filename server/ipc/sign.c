/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ipc/sign.h"
#include "base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

static const struct rule {
    uint32_t least, most; /* bytes behind the head */
    bool scheme, ticket, key, answer, ca;
} rules[DBR_SIGN_TYPES] = {
    [DBR_SIGN_ASK] = {1, DBR_SIGN_BYTES_MAX, .scheme = true, .ticket = true, .key = true},
    [DBR_SIGN_PASS] = {1, DBR_SIGN_PASS_MAX},
    [DBR_SIGN_WHO] = {0, 0},
    [DBR_SIGN_USE] = {0, 0, .ticket = true, .key = true},
    [DBR_SIGN_DONE] = {1, DBR_SIGN_SIGNATURE_MAX, .ticket = true, .answer = true},
    [DBR_SIGN_KEY] = {0, DBR_SIGN_BYTES_MAX, .key = true, .answer = true, .ca = true},
};

static bool is_zero(const uint8_t *p, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= p[i];
    return !any;
}

static bool head_is_good(const struct dbr_sign_head *h)
{
    if (!h->type || h->type >= DBR_SIGN_TYPES)
        return false;
    const struct rule *r = &rules[h->type];
    if ((h->scheme && !r->scheme) || (h->ticket && !r->ticket) || (h->n_ca && !r->ca) || h->n_ca > h->n ||
        (!r->key && !is_zero(h->key, sizeof h->key)))
        return false;
    if (h->err)
        return h->err < 0 && r->answer && !h->n;
    return h->n >= r->least && h->n <= r->most;
}

int dbr_sign_check(const void *buf, size_t n, struct dbr_sign_head *head, const uint8_t **bytes)
{
    if (n < sizeof *head)
        return DBR_ERR_SHAPE;
    memcpy(head, buf, sizeof *head);
    *bytes = (const uint8_t *)buf + sizeof *head;
    return head_is_good(head) && n - sizeof *head == head->n ? 0 : DBR_ERR_SHAPE;
}

int dbr_sign_send(int sock, const struct dbr_sign_head *head, const void *bytes)
{
    struct dbr_sign_head h = *head;
    struct iovec iov[2] = {{&h, sizeof h}, {(void *)(uintptr_t)bytes, head->n}};
    const struct msghdr m = {.msg_iov = iov, .msg_iovlen = head->n ? 2 : 1};
    if (sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    return errno == EAGAIN || errno == ENOBUFS ? DBR_ERR_AGAIN
           : errno == EMSGSIZE                 ? DBR_ERR_SPACE
                                               : DBR_ERR_IO;
}

int dbr_sign_recv(int sock, void *buf, struct dbr_sign_head *head, const uint8_t **bytes)
{
    ssize_t n = recv(sock, buf, DBR_SIGN_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? DBR_ERR_AGAIN : DBR_ERR_IO;
    if (n == 0)
        return DBR_ERR_NOTFOUND;
    return n > DBR_SIGN_MAX ? DBR_ERR_SHAPE : dbr_sign_check(buf, (size_t)n, head, bytes);
}
