/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What peers cost: a broadcast to N of them, and N that are idle but kept alive. Prints the CPU time of the
 * data process alone (this thread's own is taken off). One worker; all peers are at one socket that nobody
 * reads.
 *
 *   bench_data_peers [seconds idle]
 */
#include "rig.h"

#include "bridge/eth.h"

#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <cmocka.h>

enum { FRAME = 300, PING_S = 10 };

static double cpu_of_data(void)
{
    struct timespec all, mine;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mine);
    return (double)(all.tv_sec - mine.tv_sec) + (double)(all.tv_nsec - mine.tv_nsec) / 1e9;
}

static long resident_kb(void)
{
    char line[128];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmRSS: %ld", &kb);
    if (f)
        fclose(f);
    return kb;
}

static void install(struct rig *r, struct rig_peer *sink, uint32_t from, uint32_t to)
{
    for (uint32_t id = from; id < to; id++) {
        struct rig_peer p = *sink;
        p.id = id;
        memset(&p.slot, 0, sizeof p.slot);
        struct dbr_ipc_peer m = rig_peer_message(&p);
        m.ping_s = PING_S;
        m.timeout_s = 600;
        rig_tell(r, 0, &m);
        rig_key_install(r, &p, 0, true, (uint8_t)id);
        dbr_slot_fini(&p.slot);
        if (id % 64 == 0)
            rig_sync(r, 0);
    }
    rig_sync(r, 0);
}

static void broadcast(struct rig *r, uint32_t peers)
{
    uint8_t f[FRAME];
    unsigned n = peers < 1000 ? 20000 / peers : 20;
    rig_frame(f, BROADCAST, "02:00:00:00:00:99", sizeof f, 1);
    double before = cpu_of_data();
    for (unsigned i = 0; i < n; i++)
        rig_lan_write(r, 0, NULL, f, sizeof f);
    for (int left = 1; left > 0; ioctl(r->lan[0], SIOCOUTQ, &left))
        sched_yield();
    rig_sync(r, 0);
    double us = (cpu_of_data() - before) * 1e6;
    printf("broadcast to %5u peers: %9.1f us a frame, %6.3f us a copy\n", peers, us / n, us / n / peers);
}

static void idle(struct rig *r, uint32_t peers, int seconds)
{
    struct pollfd p = {.fd = r->keeper, .events = POLLIN};
    double before = cpu_of_data();
    while (poll(&p, 1, seconds * 1000) > 0 && p.revents & POLLIN) {
        uint8_t msg[DBR_IPC_MAX];
        if (dbr_ipc_recv(r->keeper, msg, NULL))
            break;
    }
    printf("idle %5u peers, ping %d: %.2f %% of a core\n", peers, PING_S,
           (cpu_of_data() - before) * 100 / seconds);
}

int main(int argc, char **argv)
{
    static const uint32_t steps[] = {1, 10, 100, 1000, 10000};
    static struct rig r;
    struct rig_peer sink;
    uint32_t have = 0;
    rig_init(&r, 1);
    r.limits.max_peers = 10000;
    rig_start(&r);
    rig_peer_open(&sink, 0);
    long kb = resident_kb();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        install(&r, &sink, have, steps[i]);
        have = steps[i];
        broadcast(&r, have);
    }
    printf("memory: %ld kB for %u peers, %.2f kB each\n", resident_kb() - kb, have,
           (double)(resident_kb() - kb) / have);
    idle(&r, have, argc > 1 ? atoi(argv[1]) : 5);
    rig_peer_close(&sink);
    return rig_stop(&r);
}
