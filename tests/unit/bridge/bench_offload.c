/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Cost of cutting and coalescing per frame of 1,448 payload bytes. Not run by ctest; build type Release.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bridge/gro.h"
#include "bridge/gso.h"
#include "frames.h"

enum { PAYLOAD = 1448, SEGMENTS = 44, ROUNDS = 5000, RUNS = 7, SLOT = 2048, ACKS = 44 };

static struct frame super;
static uint8_t cut[SEGMENTS][SLOT];
static size_t cut_len[SEGMENTS];

static double nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const struct frame_spec flow = {.version = 4,
                                       .proto = 6,
                                       .dst = HOST_B,
                                       .src = HOST_A,
                                       .flags = 0x10,
                                       .sport = 4000,
                                       .dport = 80,
                                       .tcp_options = 12,
                                       .dont_fragment = true};

static double bench_gso(void)
{
    struct dbr_vnet v = {.flags = DBR_VNET_NEEDS_CSUM,
                         .gso_type = DBR_VNET_GSO_TCPV4,
                         .gso_size = PAYLOAD,
                         .csum_start = 34,
                         .csum_offset = 16};
    double start = nanoseconds();
    for (int r = 0; r < ROUNDS; r++) {
        struct dbr_gso g;
        if (dbr_gso_init(&g, &v, super.b, super.n, (struct dbr_mss){1460, 1440}) < 0)
            exit(1);
        int n;
        for (int i = 0; (n = dbr_gso_next(&g, cut[i], SLOT)) > 0; i++)
            cut_len[i] = (size_t)n;
    }
    return (nanoseconds() - start) / (ROUNDS * SEGMENTS);
}

static double bench_gro(struct dbr_gro *gro)
{
    double start = nanoseconds();
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < SEGMENTS; i++)
            dbr_gro_add(gro, cut[i], cut_len[i]);
        if (dbr_gro_count(gro) != 1 || dbr_gro_item(gro, 0).frames != SEGMENTS)
            exit(1);
        dbr_gro_clear(gro);
    }
    return (nanoseconds() - start) / (ROUNDS * SEGMENTS);
}

/* Pure ACKs, which are never merged: what the other direction costs. */
static double bench_acks(struct dbr_gro *gro)
{
    static struct frame ack;
    frame_build(&ack, &flow, NULL, 0);
    double start = nanoseconds();
    size_t bytes = 0;
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < ACKS; i++)
            dbr_gro_add(gro, ack.b, ack.n);
        for (size_t i = 0; i < dbr_gro_count(gro); i++)
            bytes += dbr_gro_item(gro, i).len;
        dbr_gro_clear(gro);
    }
    if (!bytes)
        exit(1);
    return (nanoseconds() - start) / (ROUNDS * ACKS);
}

int main(void)
{
    struct dbr_gro *gro = dbr_gro_new(256, DBR_GRO_TCP4);
    double best[3] = {1e9, 1e9, 1e9};
    frame_build(&super, &flow, NULL, (size_t)PAYLOAD * SEGMENTS);
    for (int r = 0; r < RUNS; r++) {
        double now[3] = {bench_gso(), bench_gro(gro), bench_acks(gro)};
        for (int i = 0; i < 3; i++)
            best[i] = now[i] < best[i] ? now[i] : best[i];
    }
    printf("gso %.0f ns per segment, gro %.0f ns per merged frame, %.0f ns per lone ACK\n", best[0], best[1],
           best[2]);
    dbr_gro_free(gro);
    return 0;
}
