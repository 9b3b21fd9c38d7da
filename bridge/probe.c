/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Does the port that an interface hangs on pass frames of other addresses? Virtual switches often do not, and
 * then nobody hears the peers. An ARP probe (RFC 5227: sender 0.0.0.0, which no cache takes) asks for an
 * address of the LAN, once from the interface's own address and once from one that is nobody's. Only the
 * first answered: the virtual switch drops forged sources, or does not deliver what is for others.
 *
 *   | ff..ff | source | 0806 | 1 | 0800 | 6 4 | 1 | source | 0.0.0.0 | 0 | target |
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "bridge/eth.h"
#include "bridge/netlink.h"

enum { ARP_FRAME = 60, ARP_LEN = 28, HEAD = 14, TRIES = 3, TRY_MS = 300 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void write_question(uint8_t f[ARP_FRAME], uint64_t from, uint32_t target)
{
    static const uint8_t fixed[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};
    memset(f, 0, ARP_FRAME);
    memset(f, 0xff, 6);
    dbr_mac_write(f + 6, from);
    memcpy(f + 12, fixed, sizeof fixed);
    dbr_mac_write(f + HEAD + 8, from);
    dbr_put32(f + HEAD + 24, target);
}

static bool is_answer(const uint8_t *f, size_t n, uint64_t to, uint32_t target)
{
    return n >= HEAD + ARP_LEN && dbr_get48(f) == to && dbr_get16(f + 12) == 0x0806 &&
           dbr_get16(f + HEAD + 6) == 2 && dbr_get32(f + HEAD + 14) == target;
}

/* Until an answer came, for TRY_MS at most. */
static bool listen_for(int fd, uint64_t to, uint32_t target)
{
    uint8_t f[2048];
    uint64_t until = now_ms() + TRY_MS;
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
            return false;
        ssize_t n = recv(fd, f, sizeof f, MSG_DONTWAIT);
        if (n > 0 && is_answer(f, (size_t)n, to, target))
            return true;
    }
}

static int open_on(int ifindex)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(0x0806), .sll_ifindex = ifindex};
    struct packet_mreq all = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC}; /* ends with the socket */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0806));
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&at, sizeof at) ||
                    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool ask(int fd, uint64_t from, uint32_t target)
{
    uint8_t f[ARP_FRAME];
    write_question(f, from, target);
    for (int i = 0; i < TRIES; i++)
        if (send(fd, f, sizeof f, 0) == sizeof f && listen_for(fd, from, target))
            return true;
    return false;
}

int dbr_bridge_probe(const struct dbr_link *link, uint64_t foreign, uint32_t target, struct dbr_probe *out,
                     struct dbr_why *why)
{
    int fd = open_on(link->ifindex);
    if (fd < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot listen on %s: %s", link->name, strerror(errno));
    out->own = ask(fd, link->mac, target);
    out->foreign = ask(fd, foreign, target);
    close(fd);
    return 0;
}
