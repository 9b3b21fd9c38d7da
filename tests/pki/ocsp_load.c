/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Load for an HTTP server: one request over and over, from some threads, for some seconds.
 *     ocsp_load ADDRESS PORT PATH BODY-FILE SECONDS THREADS keep|close
 * Prints how many answers with status 200 came, how many failures, and answers a second. Each thread owns its
 * socket.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in server;
static char request[8192];
static size_t request_len;
static bool keep;
static atomic_bool stop;
static atomic_long good, bad;

static int dial(void)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval t = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Reads one answer; true if it is a whole one of status 200. */
static bool read_answer(int fd)
{
    char buf[16384];
    size_t n = 0;
    long want = -1;
    for (;;) {
        ssize_t r = read(fd, buf + n, sizeof buf - 1 - n);
        if (r <= 0)
            return want < 0 && n > 12 && memcmp(buf + 9, "200", 3) == 0; /* HTTP/1.0 without a length */
        n += (size_t)r;
        buf[n] = 0;
        char *end = strstr(buf, "\r\n\r\n"), *length = strcasestr(buf, "\nContent-Length:");
        if (end && length && length < end)
            want = (end + 4 - buf) + atol(length + 16);
        if (want >= 0 && (long)n >= want)
            return memcmp(buf + 9, "200", 3) == 0;
        if (n == sizeof buf - 1)
            return false;
    }
}

static void *run(void *arg)
{
    int fd = -1;
    (void)arg;
    while (!atomic_load(&stop)) {
        if (fd < 0)
            fd = dial();
        bool ok = fd >= 0 && write(fd, request, request_len) == (ssize_t)request_len && read_answer(fd);
        atomic_fetch_add(ok ? &good : &bad, 1);
        if (fd >= 0 && (!ok || !keep)) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    char body[4096];
    if (argc != 8)
        return 2;
    FILE *f = fopen(argv[4], "rb");
    size_t n = f ? fread(body, 1, sizeof body, f) : 0;
    if (f)
        fclose(f);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    keep = strcmp(argv[7], "keep") == 0;
    int head = snprintf(request, sizeof request,
                        "POST %s HTTP/1.%d\r\nHost: %s\r\nContent-Type: application/ocsp-request\r\n"
                        "Content-Length: %zu\r\n%s\r\n",
                        argv[3], keep ? 1 : 0, argv[1], n, keep ? "" : "Connection: close\r\n");
    memcpy(request + head, body, n);
    request_len = (size_t)head + n;
    int threads = atoi(argv[6]), seconds = atoi(argv[5]);
    pthread_t t[64];
    for (int i = 0; i < threads && i < 64; i++)
        pthread_create(&t[i], NULL, run, NULL);
    sleep((unsigned)seconds);
    atomic_store(&stop, true);
    for (int i = 0; i < threads && i < 64; i++)
        pthread_join(t[i], NULL);
    printf("answers %ld failures %ld rate %ld\n", atomic_load(&good), atomic_load(&bad),
           atomic_load(&good) / (seconds ? seconds : 1));
    return 0;
}
