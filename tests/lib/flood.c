/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A stranger who sends data packets that nobody can open, as fast as one core does, for a bounded time.
 *
 *   lab_flood ADDRESS PORT --kind unknown|known|key|v1 [--seconds S] [--size BYTES] [--sources N] [--peer ID]
 *
 *   unknown  P_DATA_V2 with peer ids that nobody has       known  P_DATA_V2 of peer ID under key 0: a wrong
 * tag key      P_DATA_V2 of peer ID under a key it has not   v1     P_DATA_V1 from addresses of nobody
 *
 * Each datagram is a message of its own (no UDP_SEGMENT), from N ports in turn. Prints {"sent", "pps"}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SOURCES = 256, LONGEST = 1500, HEAD = 8, PEER_IDS = 1 << 24 };

/* One row per kind: first byte (opcode and key id), and whether the peer id is a stranger's. */
static const struct kind {
    const char *name;
    uint8_t first;
    bool has_id, others_id;
} kinds[] = {
    {"unknown", 9 << 3, true, true},
    {"known", 9 << 3, true, false},
    {"key", 9 << 3 | 7, true, false},
    {"v1", 6 << 3, false, false},
};

struct flood {
    const struct kind *kind;
    double seconds;
    size_t size;
    uint32_t sources, peer, number;
    uint64_t sent;
    int sock[SOURCES];
    uint8_t bytes[BATCH][LONGEST];
    struct iovec iov[BATCH];
    struct mmsghdr msgs[BATCH];
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static void put32(uint8_t *p, uint32_t v)
{
    v = htonl(v);
    memcpy(p, &v, sizeof v);
}

/* Peer ids of nobody: the upper half, all of them one after the other. */
static uint32_t next_id(const struct flood *f)
{
    return f->kind->others_id ? PEER_IDS / 2 + f->number % (PEER_IDS / 2) : f->peer;
}

static void write_datagram(struct flood *f, uint8_t *p)
{
    f->number++;
    if (f->kind->has_id) {
        put32(p, (uint32_t)f->kind->first << 24 | next_id(f));
        put32(p + 4, f->number);
    } else {
        p[0] = f->kind->first;
        put32(p + 1, f->number);
    }
}

static void prepare(struct flood *f)
{
    for (unsigned i = 0; i < BATCH; i++) {
        for (size_t k = HEAD; k < f->size; k++)
            f->bytes[i][k] = (uint8_t)rand();
        f->iov[i] = (struct iovec){f->bytes[i], f->size};
        f->msgs[i].msg_hdr = (struct msghdr){.msg_iov = &f->iov[i], .msg_iovlen = 1};
    }
}

static bool open_sources(struct flood *f, const char *address, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    for (uint32_t i = 0; i < f->sources; i++) {
        f->sock[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (f->sock[i] < 0 || connect(f->sock[i], (const struct sockaddr *)&to, sizeof to))
            return false;
    }
    return true;
}

static void run(struct flood *f)
{
    double end = now_s() + f->seconds;
    for (uint32_t turn = 0; now_s() < end; turn++) {
        for (unsigned i = 0; i < BATCH; i++)
            write_datagram(f, f->bytes[i]);
        int n = sendmmsg(f->sock[turn % f->sources], f->msgs, BATCH, 0);
        f->sent += n > 0 ? (uint64_t)n : 0;
    }
}

static bool read_options(struct flood *f, char **argv)
{
    for (; argv[0] && argv[1]; argv += 2) {
        if (strcmp(argv[0], "--kind") == 0)
            f->kind = kind_of(argv[1]);
        else if (strcmp(argv[0], "--seconds") == 0)
            f->seconds = strtod(argv[1], NULL);
        else if (strcmp(argv[0], "--size") == 0)
            f->size = strtoul(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--sources") == 0)
            f->sources = (uint32_t)strtoul(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--peer") == 0)
            f->peer = (uint32_t)strtoul(argv[1], NULL, 10);
        else
            return false;
    }
    return !argv[0] && f->kind && f->size >= HEAD && f->size <= LONGEST && f->sources &&
           f->sources <= SOURCES && f->seconds > 0 && f->seconds <= 60;
}

int main(int argc, char **argv)
{
    static struct flood f = {.seconds = 3, .size = 100, .sources = 16};
    if (argc < 5 || !read_options(&f, argv + 3)) {
        fprintf(stderr,
                "usage: lab_flood ADDRESS PORT --kind unknown|known|key|v1 [--seconds S] [--size BYTES] "
                "[--sources N] [--peer ID]\n");
        return 2;
    }
    if (!open_sources(&f, argv[1], (uint16_t)atoi(argv[2]))) {
        fprintf(stderr, "lab_flood: %s\n", strerror(errno));
        return 1;
    }
    prepare(&f);
    run(&f);
    printf("{\"sent\": %llu, \"pps\": %.0f}\n", (unsigned long long)f.sent, (double)f.sent / f.seconds);
    return 0;
}
