/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Numbered UDP frames as fast as the way takes them without a queue that overflows: what was lost, doubled or
 * overtaken, to the single frame. Both ends run on one host and share a file besides the tunnel: the receiver
 * writes into it how far it is, and the sender has at most --window frames under way beyond that. Frames that
 * the wire dropped are passed by with the next one that arrives.
 *
 *   lab_flow send ADDRESS PORT --file F --size BYTES --window N --seconds S [--turn 0|1]
 *       with --turn in every other second only: the end of OpenVPN does not read its TAP while its socket has
 * something, so that flows both ways at once starve one of them prints {"sent", "stalls"}; a stall is 200 ms
 * in which nothing arrived: what was under way is given up lab_flow hear PORT --file F --size BYTES prints
 * "ready", counts until SIGTERM, then one JSON line: received, doubles, late (a number lower than one that
 * came before), highest, strange (another length), socket_drops, bursts (gaps of 20 numbers and more)
 *
 * One thread each. flow.py is the same with an open loop and without this program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    NUMBER = 8,           /* bytes of a frame's number, in front */
    BATCH = 32,           /* frames of one message */
    BATCH_BYTES = 48000,  /* and not more than that */
    STALL_MS = 200,       /* nothing arrived for so long */
    GAP = 20,             /* a burst that is worth a line */
    BURSTS = 64,          /* of which so many are told */
    MEMORY = 1 << 20,     /* numbers back from the newest that can be told apart: late or twice */
    MESSAGES = 32,        /* of one recvmmsg */
    MESSAGE_BYTES = 65536 /* of one of them, joined by the kernel */
};

/* What both ends see. The counters wrap. */
struct shared {
    _Atomic uint32_t seen;    /* numbers passed by the receiver: the highest plus one */
    _Atomic uint32_t wake_at; /* the sender sleeps until so many are */
    _Atomic uint32_t asleep;
};

struct options {
    const char *file;
    size_t size;
    uint32_t window;
    double seconds;
    int turn; /* parity of the seconds in which it sends; -1: all */
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static int fail(const char *what)
{
    fprintf(stderr, "lab_flow: %s: %s\n", what, strerror(errno));
    return 1;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct shared *share(const char *file)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct shared)) < 0)
        return NULL;
    void *p = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

static int udp_socket(uint32_t address, uint16_t port, int (*attach)(int, const struct sockaddr *, socklen_t))
{
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 64 << 20;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = address};
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) ||
        setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) ||
        attach(s, (const struct sockaddr *)&a, sizeof a))
        return -1;
    return s;
}

/* ---- the sender ---- */

struct sender {
    int sock;
    struct shared *shared;
    uint64_t sent, stalls;
    uint32_t given_up; /* numbers below were passed by without the receiver */
    uint32_t passed;   /* what the receiver had passed when it was looked at */
    uint8_t batch[BATCH_BYTES + 2048];
};

/* How many frames may leave now. */
static uint32_t room(struct sender *s, uint32_t window)
{
    uint32_t seen = atomic_load(&s->shared->seen), sent = (uint32_t)s->sent;
    if ((int32_t)(s->given_up - seen) > 0)
        seen = s->given_up;
    s->passed = seen;
    uint32_t under_way = sent - seen;
    return under_way < window ? window - under_way : 0;
}

/* Sleeps until half of what is under way has arrived. */
static void wait_for_room(struct sender *s)
{
    struct shared *h = s->shared;
    uint32_t seen = atomic_load(&h->seen), wake_at = s->passed + ((uint32_t)s->sent - s->passed) / 2;
    const struct timespec most = {.tv_nsec = STALL_MS * 1000000L};
    atomic_store(&h->wake_at, wake_at);
    atomic_store(&h->asleep, 1);
    bool slept = false, in_time = true;
    for (; (int32_t)(wake_at - seen) > 0 && in_time && !stopped; seen = atomic_load(&h->seen)) {
        slept = true;
        in_time = syscall(SYS_futex, &h->seen, FUTEX_WAIT, seen, &most, NULL, 0) == 0 || errno != ETIMEDOUT ||
                  atomic_load(&h->seen) != seen;
    }
    atomic_store(&h->asleep, 0);
    if (slept && !in_time) {
        s->given_up = (uint32_t)s->sent;
        s->stalls++;
    }
}

static bool send_batch(struct sender *s, uint32_t n, size_t size)
{
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec iov = {.iov_base = s->batch, .iov_len = n * size};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    uint16_t segment = (uint16_t)size;
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t number = htobe64(s->sent + i);
        memcpy(s->batch + i * size, &number, NUMBER);
    }
    while (sendmsg(s->sock, &m, 0) < 0)
        if ((errno != EINTR && errno != ECONNREFUSED && errno != ENOBUFS) || stopped)
            return false;
    s->sent += n;
    return true;
}

static int run_sender(const char *address, uint16_t port, const struct options *o)
{
    static struct sender s;
    uint32_t most = (uint32_t)(BATCH_BYTES / o->size);
    s.sock = udp_socket(inet_addr(address), port, connect);
    s.shared = share(o->file);
    if (s.sock < 0 || !s.shared)
        return fail("sender");
    most = most < BATCH ? most : BATCH;
    const struct timespec nap = {.tv_nsec = 1000000};
    for (double end = now_s() + o->seconds, now; (now = now_s()) < end && !stopped;) {
        uint32_t n = room(&s, o->window);
        if (o->turn >= 0 && ((uint64_t)now & 1) != (unsigned)o->turn)
            nanosleep(&nap, NULL);
        else if (n == 0)
            wait_for_room(&s);
        else if (!send_batch(&s, n < most ? n : most, o->size))
            return fail("send");
    }
    printf("{\"sent\": %llu, \"stalls\": %llu}\n", (unsigned long long)s.sent, (unsigned long long)s.stalls);
    return 0;
}

/* ---- the receiver ---- */

struct burst {
    double at;
    uint64_t frames;
};

struct receiver {
    uint64_t received, doubles, late, strange, next;
    uint32_t socket_drops;
    unsigned n_bursts;
    struct burst bursts[BURSTS];
    uint8_t have[MEMORY / 8]; /* a bit a number, in a ring */
};

static void mark(struct receiver *r, uint64_t number, bool there)
{
    uint8_t bit = (uint8_t)(1U << (number & 7));
    uint8_t *at = &r->have[number % MEMORY / 8];
    *at = there ? *at | bit : *at & (uint8_t)~bit;
}

static bool marked(const struct receiver *r, uint64_t number)
{
    return r->have[number % MEMORY / 8] >> (number & 7) & 1;
}

/* Numbers between what was next and `number` have not come. */
static void skip_to(struct receiver *r, uint64_t number)
{
    if (number - r->next >= GAP && r->n_bursts < BURSTS) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        r->bursts[r->n_bursts++] =
            (struct burst){(double)t.tv_sec + (double)t.tv_nsec / 1e9, number - r->next};
    }
    for (; r->next < number; r->next++)
        mark(r, r->next, false);
}

static void take(struct receiver *r, const uint8_t *frame)
{
    uint64_t number;
    memcpy(&number, frame, NUMBER);
    number = be64toh(number);
    r->received++;
    if (number >= r->next) {
        skip_to(r, number);
        r->next = number + 1;
    } else if (r->next - number > MEMORY || !marked(r, number)) {
        r->late++;
    } else {
        r->doubles++;
    }
    mark(r, number, true);
}

/* One message: frames of `size` that the kernel joined, or one that is not ours. */
static void take_message(struct receiver *r, struct msghdr *m, const uint8_t *bytes, size_t len, size_t size)
{
    size_t segment = len;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        int v = 0;
        memcpy(&v, CMSG_DATA(c), sizeof v);
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
            segment = (size_t)v;
        else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL)
            r->socket_drops = (uint32_t)v;
    }
    if (segment != size || len % size) {
        r->strange++;
        return;
    }
    for (; len; len -= size, bytes += size)
        take(r, bytes);
}

static void tell(struct shared *h, uint64_t next)
{
    uint32_t seen = (uint32_t)next;
    atomic_store(&h->seen, seen);
    if (atomic_load(&h->asleep) && (int32_t)(seen - atomic_load(&h->wake_at)) >= 0)
        syscall(SYS_futex, &h->seen, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void report(const struct receiver *r)
{
    printf("{\"received\": %llu, \"doubles\": %llu, \"late\": %llu, \"highest\": %lld, \"strange\": %llu, "
           "\"socket_drops\": %u, \"bursts\": [",
           (unsigned long long)r->received, (unsigned long long)r->doubles, (unsigned long long)r->late,
           (long long)r->next - 1, (unsigned long long)r->strange, r->socket_drops);
    for (unsigned i = 0; i < r->n_bursts; i++)
        printf("%s[%.3f, %llu]", i ? ", " : "", r->bursts[i].at, (unsigned long long)r->bursts[i].frames);
    printf("]}\n");
}

static int listen_on(uint16_t port)
{
    const struct timeval tenth = {.tv_usec =
                                      100000}; /* a signal between look and wait is not missed for longer */
    int s = udp_socket(htonl(INADDR_ANY), port, bind), on = 1;
    if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tenth, sizeof tenth) ||
        setsockopt(s, SOL_UDP, UDP_GRO, &on, sizeof on) ||
        setsockopt(s, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on))
        return -1;
    return s;
}

/* A batch; the first message is waited for. */
static int receive(int sock, struct mmsghdr *m, uint8_t *memory, size_t size, struct receiver *r)
{
    static char control[MESSAGES][128];
    static struct iovec iov[MESSAGES];
    for (unsigned i = 0; i < MESSAGES; i++) {
        iov[i] = (struct iovec){memory + (size_t)i * MESSAGE_BYTES, MESSAGE_BYTES};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
                                       .msg_iovlen = 1,
                                       .msg_control = control[i],
                                       .msg_controllen = sizeof control[i]};
    }
    int n = recvmmsg(sock, m, MESSAGES, MSG_WAITFORONE, NULL);
    for (int i = 0; i < n; i++)
        take_message(r, &m[i].msg_hdr, iov[i].iov_base, m[i].msg_len, size);
    return n;
}

static int run_receiver(uint16_t port, const struct options *o)
{
    static struct receiver r;
    static struct mmsghdr m[MESSAGES];
    uint8_t *memory = malloc((size_t)MESSAGES * MESSAGE_BYTES);
    struct shared *h = share(o->file);
    int sock = listen_on(port);
    if (!memory || !h || sock < 0)
        return fail("receiver");
    struct sigaction act = {.sa_handler = stop}; /* without SA_RESTART: it ends the wait */
    sigaction(SIGTERM, &act, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!stopped)
        if (receive(sock, m, memory, o->size, &r) > 0)
            tell(h, r.next);
    report(&r);
    free(memory);
    return 0;
}

/* ---- */

static int usage(void)
{
    fprintf(stderr, "usage: lab_flow send ADDRESS PORT | hear PORT  --file F --size BYTES [--window N "
                    "--seconds S --turn 0|1]\n");
    return 2;
}

static bool read_options(struct options *o, char **argv)
{
    for (; argv[0] && argv[1]; argv += 2) {
        if (strcmp(argv[0], "--file") == 0)
            o->file = argv[1];
        else if (strcmp(argv[0], "--size") == 0)
            o->size = strtoul(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--window") == 0)
            o->window = (uint32_t)strtoul(argv[1], NULL, 10);
        else if (strcmp(argv[0], "--seconds") == 0)
            o->seconds = strtod(argv[1], NULL);
        else if (strcmp(argv[0], "--turn") == 0)
            o->turn = atoi(argv[1]);
        else
            return false;
    }
    return !argv[0] && o->file && o->size >= NUMBER && o->size <= 2048 && o->window;
}

int main(int argc, char **argv)
{
    struct options o = {.window = 256, .seconds = 5, .turn = -1};
    bool sends = argc > 3 && strcmp(argv[1], "send") == 0, hears = argc > 2 && strcmp(argv[1], "hear") == 0;
    if ((!sends && !hears) || !read_options(&o, argv + (sends ? 4 : 3)))
        return usage();
    uint16_t port = (uint16_t)atoi(argv[sends ? 3 : 2]);
    return sends ? run_sender(argv[2], port, &o) : run_receiver(port, &o);
}
