/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cost of guard and switch per frame: parse, classify, judge, learn, look up. Not run by ctest; build type
 * Release. Half of the frames come from the LAN and go to peers, half the other way, addresses in random
 * order.
 *
 *   bench_switch [frames per size]      prints nanoseconds per frame for 16 .. 8,192 addresses
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bridge/forward.h"
#include "frames.h"

enum { SIZES = 10, SMALLEST = 16, PORTS = 256, RUNS = 7, WORK = 16384 };

static uint64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Small, so that what is measured is the switch's memory and not the benchmark's. */
struct job {
    uint16_t lan, peer;
};

static struct job job[WORK];
static struct frame f;
static struct dbr_guard_policy policy[PORTS];
static struct dbr_storm storm[PORTS];

static uint64_t lan_mac(uint64_t i)
{
    return 0x020000000000U + i * 2 + 0x1000000;
}

static uint64_t peer_mac(uint64_t i)
{
    return 0x06a000000000U + i * 2;
}

/* n addresses, half on the LAN, half spread over the peers. */
static void prepare(struct dbr_switch *sw, uint32_t n)
{
    uint64_t rng = n;
    struct frame_spec s = {.version = 4, .proto = 6, .flags = 0x10};
    frame_build(&f, &s, NULL, 1000);
    for (uint32_t i = 0; i < n / 2; i++) {
        dbr_fdb_learn(sw->fdb, lan_mac(i), 0, DBR_PORT_LAN, 1, NULL);
        dbr_fdb_learn(sw->fdb, peer_mac(i), 0, i % PORTS, 1, NULL);
    }
    for (int w = 0; w < WORK; w++)
        job[w] = (struct job){.lan = (uint16_t)below(&rng, n / 2), .peer = (uint16_t)below(&rng, n / 2)};
}

/* One frame, up (from a peer to the LAN) or down. */
static bool forward_one(struct dbr_switch *sw, const struct job *j, bool up, struct dbr_tick now)
{
    struct dbr_eth_view v;
    uint32_t p = j->peer % PORTS;
    struct dbr_ingress peer = {.port = p, .policy = &policy[p], .storm = &storm[p]},
                       lan = {.port = DBR_PORT_LAN};
    dbr_mac_write(f.b, up ? lan_mac(j->lan) : peer_mac(j->peer));
    dbr_mac_write(f.b + 6, up ? peer_mac(j->peer) : lan_mac(j->lan));
    dbr_eth_parse(&v, f.b, f.n);
    struct dbr_route r = dbr_forward(sw, up ? &peer : &lan, &v, now);
    return r.to != DBR_TO_DROP;
}

static double run(struct dbr_switch *sw, uint64_t frames)
{
    struct dbr_tick now = {.ns = 2000000000, .s = 2};
    uint64_t start = nanoseconds(), lost = 0;
    for (uint64_t i = 0; i < frames; i++) {
        lost += !forward_one(sw, &job[i % WORK], i & 64, now);
    }
    if (lost) {
        fprintf(stderr, "%llu frames were dropped\n", (unsigned long long)lost);
        exit(1);
    }
    return (double)(nanoseconds() - start) / (double)frames;
}

int main(int argc, char **argv)
{
    uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    double best[SIZES];
    for (int p = 0; p < PORTS; p++)
        dbr_guard_policy_default(&policy[p], DBR_KIND_LAPTOP);
    for (int s = 0; s < SIZES; s++) {
        struct dbr_fdb_config c = {.macs = 8192, .ports = PORTS, .lan_macs = 8192, .key = {1, 2, 3}};
        struct dbr_switch sw;
        dbr_switch_init(&sw, dbr_fdb_new(&c));
        for (uint32_t p = 0; p < PORTS; p++)
            dbr_fdb_port_limit(sw.fdb, p, 8192);
        prepare(&sw, SMALLEST << s);
        best[s] = 1e9;
        for (int r = 0; r < RUNS; r++) {
            double ns = run(&sw, frames);
            best[s] = ns < best[s] ? ns : best[s];
        }
        printf("%6d addresses %6.1f ns per frame  %+5.1f %%\n", SMALLEST << s, best[s],
               (best[s] / best[0] - 1) * 100);
        dbr_fdb_free(sw.fdb);
    }
    return 0;
}
