/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A stranger who sends data packets that nobody can open, as fast as one core does, for a bounded time.
 *
 *   lab_flood ADDRESS PORT --kind unknown|known|key|v1 [--seconds S] [--size BYTES] [--sources N] [--peer ID]
 * [--train N]
 *
 *   unknown  P_DATA_V2 with peer ids that nobody has       known  P_DATA_V2 of peer ID under key 0: a wrong
 * tag key      P_DATA_V2 of peer ID under a key it has not   v1     P_DATA_V1 from addresses of nobody
 *
 * Each datagram is a message of its own, or trains of N are one (UDP_SEGMENT), as a card joins them (GRO):
 * the server reads a train at once. From N ports in turn. It ends after S seconds, or with SIGTERM, and
 * prints {"sent", "pps"}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
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

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

struct flood {
    const struct kind *kind;
    double seconds;
    size_t size;
    uint32_t sources, peer, number, train;
    uint64_t sent;
    int sock[SOURCES];
    uint8_t bytes[BATCH * LONGEST]; /* one behind the other, `size` each */
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
    for (size_t k = 0; k < BATCH * f->size; k++)
        f->bytes[k] = (uint8_t)rand();
    for (unsigned i = 0; i < BATCH / f->train; i++) {
        f->iov[i] = (struct iovec){f->bytes + i * f->train * f->size, f->train * f->size};
        f->msgs[i].msg_hdr = (struct msghdr){.msg_iov = &f->iov[i], .msg_iovlen = 1};
    }
}

static bool open_sources(struct flood *f, const char *address, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(address)};
    int segment = f->train > 1 ? (int)f->size : 0;
    for (uint32_t i = 0; i < f->sources; i++) {
        f->sock[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (f->sock[i] < 0 || setsockopt(f->sock[i], SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) ||
            connect(f->sock[i], (const struct sockaddr *)&to, sizeof to))
            return false;
    }
    return true;
}

/* Returns how many seconds it took. */
static double run(struct flood *f)
{
    double begin = now_s();
    for (uint32_t turn = 0; !stopped && now_s() - begin < f->seconds; turn++) {
        for (unsigned i = 0; i < BATCH; i++)
            write_datagram(f, f->bytes + i * f->size);
        int n = sendmmsg(f->sock[turn % f->sources], f->msgs, BATCH / f->train, 0);
        f->sent += n > 0 ? (uint64_t)n * f->train : 0;
    }
    return now_s() - begin;
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
        else if (strcmp(argv[0], "--train") == 0)
            f->train = (uint32_t)strtoul(argv[1], NULL, 10);
        else
            return false;
    }
    return !argv[0] && f->train && BATCH % f->train == 0 && f->train * f->size <= 65000 && f->kind &&
           f->size >= HEAD && f->size <= LONGEST && f->sources && f->sources <= SOURCES && f->seconds > 0 &&
           f->seconds <= 60;
}

int main(int argc, char **argv)
{
    static struct flood f = {.seconds = 3, .size = 100, .sources = 16, .train = 1};
    if (argc < 5 || !read_options(&f, argv + 3)) {
        fprintf(stderr,
                "usage: lab_flood ADDRESS PORT --kind unknown|known|key|v1 [--seconds S] [--size BYTES] "
                "[--sources N] [--peer ID] [--train N]\n");
        return 2;
    }
    if (!open_sources(&f, argv[1], (uint16_t)atoi(argv[2]))) {
        fprintf(stderr, "lab_flood: %s\n", strerror(errno));
        return 1;
    }
    prepare(&f);
    signal(SIGTERM, stop);
    double took = run(&f);
    printf("{\"sent\": %llu, \"pps\": %.0f}\n", (unsigned long long)f.sent, (double)f.sent / took);
    return 0;
}
