/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Requests on the socket of drawbridge-ctl: the first byte says how many descriptors come along, up to the
 * first NUL is the request, the rest is the file behind the descriptors. Each request is answered or refused
 * at once, its connection ends, its descriptors are closed.
 */
#include "check.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_request(int sock, const void *text, size_t len, int fd, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)text, len};
    union {
        char space[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } cmsg = {0};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n) {
        mh.msg_control = cmsg.space;
        mh.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (size_t i = 0; i < n; i++)
            memcpy(CMSG_DATA(c) + i * sizeof fd, &fd, sizeof fd);
    }
    sendmsg(sock, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int sv[2], fd = -1;
    char answer[65536];
    struct rig *rig = ready_rig(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    if (size < 2 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
        return 0;
    size_t n_fds = data[0] % 5;
    const uint8_t *nul = memchr(data + 1, 0, size - 1);
    size_t len = nul ? (size_t)(nul - data - 1) : size - 1;
    if (n_fds)
        fd = rig_file(nul ? nul + 1 : data, nul ? size - len - 2 : 0);
    send_request(sv[0], data + 1, len, fd, n_fds);
    if (fd >= 0)
        close(fd);
    rig->ctl->ctl_socks[0] = sv[1];
    ctl_read(rig->ctl, 0);
    must(rig->ctl->ctl_socks[0] == -1);
    while (recv(sv[0], answer, sizeof answer, MSG_DONTWAIT) > 0)
        ;
    close(sv[0]);
    int next = dup(0); /* nothing stays open behind it */
    must(next < 64);
    close(next);
    rig_settle(rig);
    check(rig);
    return 0;
}
