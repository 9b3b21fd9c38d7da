/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The relay of socks-proxy as a process, between the test as client and the test as proxy: what it does not
 * keep in memory, datagrams of any length, and a name that is found later. Needs root, as it drops its
 * rights; skipped without.
 */
#include "base/err.h"
#include "keeper/keeper.h"
#include "keeper/socks.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MARK "MARK-of-the-private-key-that-the-relay-must-not-have"

enum { PATIENCE_MS = 5000, HEADER = 10, LONG = 40000 };

static struct keeper k;
static struct dbr_config config;
static int listener, proxy_udp, proxy_tcp, client;
static _Atomic bool *lost; /* names are not found */

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hint,
                       struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hint,
                       struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hint, struct addrinfo **out)
{
    if (strcmp(host, "vpn.example") != 0)
        return __real_getaddrinfo(host, port, hint, out);
    return *lost ? EAI_AGAIN : __real_getaddrinfo("192.0.2.7", port, hint, out);
}

static void quiet(void *arg, int level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static void complain(void *arg, enum dbr_conf_severity severity, const char *line)
{
    (void)arg;
    if (severity == DBR_CONF_ERROR)
        fprintf(stderr, "%s\n", line);
}

static uint16_t bind_here(int fd)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    return ntohs(sa.sin_port);
}

static void begin(void)
{
    const struct dbr_conf_diag diag = {.say = complain};
    static char text[1024];
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int n = snprintf(
        text, sizeof text,
        "client\ndev tap\nremote vpn.example 1194\nca x\ncert x\nsocks-proxy 127.0.0.1 %u\n<key>\n" MARK
        "\n</key>\n",
        bind_here(listener));
    assert_int_equal(listen(listener, 4), 0);
    memset(&k, 0, sizeof k);
    assert_int_equal(dbr_config_init(&config), 0);
    assert_int_equal(
        dbr_config_parse(&config, "test", text, (size_t)n, &diag) || dbr_config_finish(&config, &diag), 0);
    memset(text, 0, sizeof text);
    keeper_init(&k, &config, NULL);
    k.log = (struct dbr_log){.verb = 3, .sink = quiet};
    k.epoll = epoll_create1(EPOLL_CLOEXEC);
    k.user = (struct rights_user){.uid = 65534, .gid = 65534};
    proxy_tcp = -1;
    proxy_udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *lost = false;
    assert_int_equal(socks_open(&k), 0);
}

static int end(void **state)
{
    const int fds[] = {listener, proxy_udp, proxy_tcp, client, k.epoll};
    (void)state;
    socks_close(&k);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    dbr_config_free(&config);
    return 0;
}

static void wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, PATIENCE_MS) != 1)
        fail_msg("nothing within %d ms", PATIENCE_MS);
}

/* As the client's sockets do: to the port of the first remote. */
static void call(const void *bytes, size_t n)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)config.remote.v[0].port)};
    assert_int_equal(sendto(client, bytes, n, 0, (struct sockaddr *)&sa, sizeof sa), (ssize_t)n);
}

/* As a proxy that takes everybody and listens for datagrams at a port of its own. */
static void associate(void)
{
    uint8_t in[16], reply[10] = {5, 0, 0, 1, 127, 0, 0, 1};
    uint16_t port = bind_here(proxy_udp);
    reply[8] = (uint8_t)(port >> 8);
    reply[9] = (uint8_t)port;
    wait_for(listener);
    proxy_tcp = accept(listener, NULL, NULL);
    assert_int_equal(recv(proxy_tcp, in, 3, MSG_WAITALL), 3);
    assert_int_equal(send(proxy_tcp, "\5\0", 2, 0), 2);
    assert_int_equal(recv(proxy_tcp, in, 10, MSG_WAITALL), 10);
    assert_int_equal(send(proxy_tcp, reply, sizeof reply, 0), (ssize_t)sizeof reply);
}

/* A datagram of that length comes out whole, with its header, and so does one in the other direction. */
static void passes(const uint8_t *bytes, size_t n)
{
    static uint8_t got[1 << 16];
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    wait_for(proxy_udp);
    assert_int_equal(recvfrom(proxy_udp, got, sizeof got, 0, (struct sockaddr *)&from, &len),
                     (ssize_t)(n + HEADER));
    assert_memory_equal(got, "\0\0\0\1\xc0\0\2\7\4\xaa", HEADER);
    assert_memory_equal(got + HEADER, bytes, n);
    assert_int_equal(sendto(proxy_udp, got, n + HEADER, 0, (struct sockaddr *)&from, len),
                     (ssize_t)(n + HEADER));
    wait_for(client);
    assert_int_equal(recv(client, got, sizeof got, 0), (ssize_t)n);
    assert_memory_equal(got, bytes, n);
}

static bool memory_has(pid_t pid, const char *what)
{
    char path[64], line[256], mode[8];
    unsigned long from, to;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    assert_non_null(maps);
    assert_true(mem >= 0);
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' || to - from > 64u << 20)
            continue;
        char *copy = malloc(to - from);
        ssize_t n = pread(mem, copy, to - from, (off_t)from);
        found = n > 0 && memmem(copy, (size_t)n, what, strlen(what));
        free(copy);
    }
    fclose(maps);
    close(mem);
    return found;
}

static void long_and_short(void **state)
{
    static uint8_t bytes[LONG];
    (void)state;
    begin();
    memset(bytes, 0x5a, sizeof bytes);
    call(bytes, 100);
    associate();
    passes(bytes, 100);
    call(bytes, LONG);
    passes(bytes, LONG);
    bool kept = memory_has(k.socks_pid, MARK);
#ifdef DBR_SANITIZED
    kept = false; /* freed blocks are kept in quarantine there, wiped or not by whom */
#endif
    assert_false(kept);
}

/* The resolver is not there yet when the proxy is: the name is looked up again. */
static void found_later(void **state)
{
    (void)state;
    begin();
    *lost = true;
    call("one", 3);
    associate();
    struct pollfd p = {.fd = proxy_udp, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 200), 0);
    *lost = false;
    uint64_t last = monotonic_ns() + 8 * S_NS;
    do
        call("two", 3);
    while (poll(&p, 1, 100) == 0 && monotonic_ns() < last);
    passes((const uint8_t *)"two", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(long_and_short, end),
        cmocka_unit_test_teardown(found_later, end),
    };
    if (geteuid() != 0) {
        puts("skip relay: needs root to drop its rights");
        return 0;
    }
    lost = mmap(NULL, sizeof *lost, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return lost == MAP_FAILED || cmocka_run_group_tests(tests, NULL, NULL);
}
