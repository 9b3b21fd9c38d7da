/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The Linux side of tests/interop/win.sh: a TAP on one hand, frames in UDP datagrams of the loopback on the
 * other.
 *
 *     tapwire NAME PORT        makes the TAP, binds 127.0.0.1:PORT, answers whoever spoke last
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 16384 };

static int open_tap(const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
        perror("tap");
        exit(1);
    }
    return fd;
}

static int open_wire(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), big = 4 << 20;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    if (s < 0 || bind(s, (struct sockaddr *)&sa, sizeof sa)) {
        perror("wire");
        exit(1);
    }
    return s;
}

int main(int argc, char **argv)
{
    static uint8_t frame[FRAME_MAX];
    struct sockaddr_in peer = {0};
    socklen_t len;
    ssize_t n;
    if (argc != 3)
        return 2;
    struct pollfd p[2] = {{.fd = open_tap(argv[1]), .events = POLLIN},
                          {.fd = open_wire(atoi(argv[2])), .events = POLLIN}};
    while (poll(p, 2, -1) >= 0) {
        while ((n = read(p[0].fd, frame, sizeof frame)) > 0)
            if (peer.sin_port)
                sendto(p[1].fd, frame, (size_t)n, 0, (struct sockaddr *)&peer, sizeof peer);
        while (len = sizeof peer,
               (n = recvfrom(p[1].fd, frame, sizeof frame, 0, (struct sockaddr *)&peer, &len)) >= 0)
            if (n && write(p[0].fd, frame, (size_t)n) < 0)
                continue; /* the TAP is down */
    }
    return 0;
}
