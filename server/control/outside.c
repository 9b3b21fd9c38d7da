/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Where this room touches the world outside of messages: the clocks and the way of a datagram out. Apart from
 * everything else, so that a test or a fuzzer links its own in this file's place.
 */
#include "control/state.h"
#include "ipc/home.h"

#include <sys/socket.h>
#include <time.h>

#define SECOND_NS 1000000000ull

void control_clock(struct control *ctl)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    ctl->now.ns = (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
    clock_gettime(CLOCK_REALTIME, &t);
    ctl->now.unix_s = t.tv_sec;
}

int control_send(struct control *ctl, const struct dbr_addr *to, const uint8_t *dgram, size_t len)
{
    struct sockaddr_storage sa;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)dgram, .iov_len = len};
    _Alignas(struct cmsghdr) uint8_t home[DBR_HOME_SPACE];
    struct msghdr mh = {.msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1};
    mh.msg_controllen = dbr_home_write(to, home);
    mh.msg_control = mh.msg_controllen ? home : NULL;
    mh.msg_namelen = (socklen_t)dbr_addr_to_sockaddr6(to, (struct sockaddr *)&sa);
    return sendmsg(control_socket(ctl, to->via), &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? DBR_ERR_IO : 0;
}
