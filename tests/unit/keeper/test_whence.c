/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The filters that write down on which processor a packet arrived, against the running kernel.
 */
#include "base/err.h"
#include "bridge/tap.h"
#include "keeper/whence.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { SKIPPED = 77 };

static cpu_set_t allowed;

static void run_on(int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

/* Calls send() on each processor that there is, and looks what was written down for the worker. */
static void on_each(struct whence *w, unsigned worker, void (*send_one)(const void *), const void *arg)
{
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &allowed))
            continue;
        run_on(cpu);
        send_one(arg);
        assert_int_equal(w->cpus[worker], cpu + 1);
    }
    assert_int_equal(sched_setaffinity(0, sizeof allowed, &allowed), 0);
}

struct target {
    int sock;
    struct sockaddr_storage to;
    socklen_t len;
    uint8_t text[60];
    size_t n;
};

static void send_to_target(const void *arg)
{
    const struct target *t = arg;
    assert_int_equal(sendto(t->sock, t->text, t->n, 0, (const struct sockaddr *)&t->to, t->len),
                     (ssize_t)t->n);
}

static void datagrams(void **state)
{
    struct whence *w = *state;
    struct dbr_why why = {""};
    struct udp_group g;
    const struct udp_group_config c = {.n_workers = 2};
    char got[100];
    assert_int_equal(udp_group_open(&g, &c, &why), 0);
    if (whence_watch_udp(w, &g, &why))
        fail_msg("%s", why.text);
    struct target t = {
        .sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), .len = sizeof(struct sockaddr_in6), .n = 60};
    *(struct sockaddr_in6 *)&t.to = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(g.port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    for (unsigned worker = 0; worker < 2; worker++) {
        t.text[0] = 9 << 3; /* P_DATA_V2 of peer `worker` */
        t.text[3] = (uint8_t)worker;
        w->cpus[0] = w->cpus[1] = 0;
        on_each(w, worker, send_to_target, &t);
        assert_int_equal(w->cpus[!worker], 0);
        assert_int_equal(recv(g.fd[1 + worker], got, sizeof got, MSG_DONTWAIT), 60); /* it has passed whole */
    }
    close(t.sock);
    udp_group_close(&g);
}

static void frames(void **state)
{
    struct whence *w = *state;
    struct dbr_why why = {""};
    struct dbr_tap tap;
    const struct dbr_tap_config c = {.name = "dbrw%d", .queues = 2, .up = true};
    uint8_t got[200];
    ssize_t n;
    if (dbr_tap_open(&tap, &c, &why) || whence_watch_tap(w, &tap, &why))
        fail_msg("%s", why.text);
    struct target t = {
        .sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), .len = sizeof(struct sockaddr_ll), .n = 60};
    *(struct sockaddr_ll *)&t.to =
        (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = tap.ifindex, .sll_halen = 6};
    memset(t.text, 0x42, sizeof t.text);
    on_each(w, 0, send_to_target, &t);
    unsigned ours = 0;
    for (unsigned i = 0; i < 2; i++)
        while ((n = read(tap.fd[i], got, sizeof got)) > 0)
            ours += n == 10 + 60 && got[10] == 0x42;
    assert_int_equal(ours, CPU_COUNT(&allowed));
    close(t.sock);
    dbr_tap_close(&tap);
}

static int open_whence(void **state)
{
    static struct whence w;
    struct dbr_why why = {""};
    *state = &w;
    if (whence_open(&w, &why)) {
        printf("skipped: %s\n", why.text);
        exit(SKIPPED);
    }
    return 0;
}

static int close_whence(void **state)
{
    struct whence *w = *state;
    whence_close(w);
    whence_close(w);
    return w->cpus || w->map_fd != -1;
}

int main(void)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNET) || system("ip link set lo up")) {
        printf("skipped: needs root for a network namespace of its own\n");
        return SKIPPED;
    }
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams, open_whence, close_whence),
        cmocka_unit_test_setup_teardown(frames, open_whence, close_whence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
