/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The steering program of the UDP group: run in an interpreter over a table, then on real sockets of the
 * loopback.
 */
#include "keeper/steer.h"
#include "ipc/boot.h"
#include "keeper/sockets.h"
#include "base/bytes.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* Just the instructions that the program uses; -1 for any other, or when it runs off its end. */
static int run(const struct sock_filter *p, size_t n, const uint8_t *d, size_t len)
{
    uint32_t a = 0;
    for (size_t i = 0; i < n; i++) {
        switch (p[i].code) {
        case BPF_LD | BPF_B | BPF_ABS:
            if (p[i].k + 1 > len)
                return 0;
            a = d[p[i].k];
            break;
        case BPF_LD | BPF_W | BPF_ABS:
            if (p[i].k + 4 > len)
                return 0;
            a = dbr_get32(d + p[i].k);
            break;
        case BPF_ALU | BPF_RSH | BPF_K: a >>= p[i].k; break;
        case BPF_ALU | BPF_AND | BPF_K: a &= p[i].k; break;
        case BPF_ALU | BPF_MOD | BPF_K: a %= p[i].k; break;
        case BPF_ALU | BPF_ADD | BPF_K: a += p[i].k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: i += a == p[i].k ? p[i].jt : p[i].jf; break;
        case BPF_RET | BPF_K: return (int)p[i].k;
        case BPF_RET | BPF_A: return (int)a;
        default: return -1;
        }
    }
    return -1;
}

static int steer(unsigned n_workers, const void *d, size_t len)
{
    struct sock_filter p[UDP_STEER_LEN];
    udp_steer_write(p, n_workers);
    return run(p, UDP_STEER_LEN, d, len);
}

static const struct {
    const char *name;
    unsigned workers;
    uint8_t bytes[6];
    size_t len;
    int want;
} cases[] = {
    {"empty", 2, {0}, 0, 0},
    {"hard reset client v2", 2, {7 << 3}, 6, 0},
    {"hard reset client v3", 2, {10 << 3}, 6, 0},
    {"control v1", 2, {4 << 3, 0xff, 0xff, 0xff}, 6, 0},
    {"ack", 2, {5 << 3}, 6, 0},
    {"soft reset", 2, {3 << 3 | 7}, 6, 0},
    {"wkc", 2, {11 << 3}, 6, 0},
    {"opcode 0", 2, {0}, 6, 0},
    {"opcode 31", 2, {0xff, 0xff, 0xff, 0xff}, 6, 0},
    {"data v1", 2, {6 << 3}, 6, 1},
    {"data v1, one byte", 2, {6 << 3}, 1, 1},
    {"data v1, 16 workers", 16, {6 << 3 | 3, 0, 0, 5}, 6, 1},
    {"data v2 peer 0", 2, {9 << 3, 0, 0, 0}, 6, 1},
    {"data v2 peer 1", 2, {9 << 3, 0, 0, 1}, 6, 2},
    {"data v2 peer 1, key id 7", 2, {9 << 3 | 7, 0, 0, 1}, 6, 2},
    {"data v2 peer 256 of 3", 3, {9 << 3, 0, 1, 0}, 6, 1 + 256 % 3},
    {"data v2 peer 65536 of 3", 3, {9 << 3, 1, 0, 0}, 6, 1 + 65536 % 3},
    {"data v2 no peer id", 3, {9 << 3, 0xff, 0xff, 0xff}, 6, 1 + 0xffffff % 3},
    {"data v2, one worker", 1, {9 << 3, 0, 0, 77}, 6, 1},
    {"data v2 cut in the peer id", 2, {9 << 3, 0, 0, 1}, 3, 0},
    {"data v2 just whole", 2, {9 << 3, 0, 0, 1}, 4, 2},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int got = steer(cases[i].workers, cases[i].bytes, cases[i].len);
        if (got != cases[i].want)
            fail_msg("%s: socket %d, want %d", cases[i].name, got, cases[i].want);
    }
}

/* Whatever comes in, no index is beyond the group: the kernel would hash over all of it. */
static void never_beyond_the_group(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (unsigned n = 1; n <= DBR_MAX_WORKERS; n++) {
        for (int i = 0; i < 20000; i++) {
            uint8_t d[8];
            seed = seed * 1664525 + 1013904223;
            dbr_put32(d, seed);
            if (i & 1)
                d[0] = (uint8_t)(9 << 3 | (d[0] & 7));
            int got = steer(n, d, 4 + (seed >> 30));
            assert_in_range(got, 0, n);
        }
    }
}

/* Which socket of the group the datagram arrived at; -1 none within 10 s. */
static int arrived_at(const struct udp_group *g)
{
    struct pollfd p[1 + DBR_MAX_WORKERS];
    char buf[64];
    for (unsigned i = 0; i < g->n; i++)
        p[i] = (struct pollfd){.fd = g->fd[i], .events = POLLIN};
    if (poll(p, g->n, 10000) != 1)
        return -1;
    for (unsigned i = 0; i < g->n; i++)
        if (p[i].revents) {
            assert_true(recv(g->fd[i], buf, sizeof buf, MSG_DONTWAIT) >= 0);
            return (int)i;
        }
    return -1;
}

static void on_loopback(const char *local, int family, const struct sockaddr *to, socklen_t to_len,
                        uint16_t *port)
{
    struct udp_group g;
    struct dbr_why why = {""};
    struct udp_group_config c = {.n_workers = 3};
    if (local)
        assert_int_equal(addr_of_literal(&c.local, local, 0), 0);
    if (udp_group_open(&g, &c, &why))
        fail_msg("%s", why.text);
    assert_int_equal(g.n, 4);
    assert_int_not_equal(g.port, 0);
    *port = htons(g.port);
    int s = socket(family, SOCK_DGRAM, 0);
    for (unsigned id = 0; id < 12; id++) {
        uint8_t d[16] = {9 << 3, 0, 0, (uint8_t)id};
        assert_int_equal(sendto(s, d, sizeof d, 0, to, to_len), sizeof d);
        assert_int_equal(arrived_at(&g), 1 + id % 3);
        d[0] = 7 << 3;
        assert_int_equal(sendto(s, d, sizeof d, 0, to, to_len), sizeof d);
        assert_int_equal(arrived_at(&g), 0);
        d[0] = 6 << 3;
        assert_int_equal(sendto(s, d, sizeof d, 0, to, to_len), sizeof d);
        assert_int_equal(arrived_at(&g), 1);
        assert_int_equal(sendto(s, d, 0, 0, to, to_len), 0);
        assert_int_equal(arrived_at(&g), 0);
    }
    close(s);
    udp_group_close(&g);
    udp_group_close(&g);
}

static void sockets_v4(void **state)
{
    (void)state;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    on_loopback(NULL, AF_INET, (struct sockaddr *)&to, sizeof to, &to.sin_port);
    on_loopback("0.0.0.0", AF_INET, (struct sockaddr *)&to, sizeof to, &to.sin_port);
    on_loopback("127.0.0.1", AF_INET, (struct sockaddr *)&to, sizeof to, &to.sin_port);
}

static void sockets_v6(void **state)
{
    (void)state;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    on_loopback(NULL, AF_INET6, (struct sockaddr *)&to, sizeof to, &to.sin6_port);
    on_loopback("::1", AF_INET6, (struct sockaddr *)&to, sizeof to, &to.sin6_port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(never_beyond_the_group),
        cmocka_unit_test(sockets_v4),
        cmocka_unit_test(sockets_v6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
