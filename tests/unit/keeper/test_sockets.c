/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The sockets that keeper opens: what they are set to, and what is refused with which words.
 */
#include "base/err.h"
#include "keeper/sockets.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static int get_int(int fd, int level, int option)
{
    int v = -1;
    socklen_t n = sizeof v;
    assert_int_equal(getsockopt(fd, level, option, &v, &n), 0);
    return v;
}

static void options_are_set(void **state)
{
    (void)state;
    struct udp_group g;
    struct dbr_why why = {""};
    const struct udp_group_config c = {.n_workers = 2, .rcvbuf = 123456};
    if (udp_group_open(&g, &c, &why))
        fail_msg("%s", why.text);
    for (unsigned i = 0; i < g.n; i++) {
        assert_int_equal(get_int(g.fd[i], SOL_SOCKET, SO_REUSEPORT), 1);
        assert_int_equal(get_int(g.fd[i], IPPROTO_UDP, UDP_GRO), 1);
        assert_int_equal(get_int(g.fd[i], IPPROTO_IPV6, IPV6_V6ONLY), 0);
        assert_int_equal(get_int(g.fd[i], SOL_SOCKET, SO_RCVBUF), 2 * 123456);
        if (geteuid() == 0)
            assert_int_equal(get_int(g.fd[i], SOL_SOCKET, SO_SNDBUF), 2 * UDP_BUFFER_DEFAULT);
    }
    udp_group_close(&g);
    assert_int_equal(g.n, 0);
}

/* A port in use is refused also when its owner shares it, as a second daemon of ours would. */
static void port_in_use(void **state)
{
    (void)state;
    struct udp_group g, h;
    struct dbr_why why = {""};
    struct udp_group_config c = {.n_workers = 1};
    assert_int_equal(udp_group_open(&g, &c, &why), 0);
    c.local.port = g.port;
    assert_int_equal(udp_group_open(&h, &c, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "another program has this port"));
    assert_int_equal(h.n, 0);
    udp_group_close(&g);
    assert_int_equal(udp_group_open(&h, &c, &why), 0);
    udp_group_close(&h);
}

static void bad_address_and_device(void **state)
{
    (void)state;
    struct udp_group g;
    struct dbr_why why = {""};
    struct udp_group_config c = {.n_workers = 1};
    assert_int_equal(addr_of_literal(&c.local, "192.0.2.1", 0), 0);
    assert_int_equal(udp_group_open(&g, &c, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "192.0.2.1"));
    assert_non_null(strstr(why.text, "no interface has this address"));
    c = (struct udp_group_config){.n_workers = 1, .device = "no-such-dev"};
    assert_int_equal(udp_group_open(&g, &c, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "bind-dev"));
}

static void literals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err, family;
    } cases[] = {
        {"192.0.2.1", 0, 4},
        {"0.0.0.0", 0, 4},
        {"::", 0, 6},
        {"2001:db8::1", 0, 6},
        {"::ffff:192.0.2.1", 0, 4},
        {"host", DBR_ERR_SHAPE, 0},
        {"", DBR_ERR_SHAPE, 0},
        {"1.2.3.4.5", DBR_ERR_SHAPE, 0},
        {"::g", DBR_ERR_SHAPE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dbr_addr a = {0};
        int err = addr_of_literal(&a, cases[i].text, 1194);
        if (err != cases[i].err || (!err && (a.family != cases[i].family || a.port != 1194)))
            fail_msg("%s: %d, family %d", cases[i].text, err, a.family);
    }
}

static void unix_sockets(void **state)
{
    (void)state;
    char folder[] = "/tmp/dbr-sockets-XXXXXX", path[64];
    struct dbr_why why = {""};
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ctl", folder);
    int fd = listen_unix(path, SOCK_SEQPACKET, geteuid(), getegid(), 0660, &why);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    assert_int_equal(listen_unix(path, SOCK_SEQPACKET, geteuid(), getegid(), 0600, &why), DBR_ERR_EXISTS);
    close(fd); /* the file stays: the next start takes its place */
    fd = listen_unix(path, SOCK_STREAM, geteuid(), getegid(), 0600, &why);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    FILE *f = fopen(path, "w"); /* what is not a socket is never removed */
    assert_non_null(f);
    fclose(f);
    assert_int_equal(listen_unix(path, SOCK_STREAM, geteuid(), getegid(), 0600, &why), DBR_ERR_IO);
    assert_int_equal(stat(path, &st), 0);
    unlink(path);
    rmdir(folder);
    char lengthy[200];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[0] = '/';
    lengthy[sizeof lengthy - 1] = 0;
    assert_int_equal(listen_unix(lengthy, SOCK_STREAM, 0, 0, 0600, &why), DBR_ERR_IO);
}

static void tcp_sockets(void **state)
{
    (void)state;
    struct dbr_why why = {""};
    int fd = listen_tcp("127.0.0.1", 0, &why);
    assert_true(fd >= 0);
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    assert_int_equal(listen_tcp("127.0.0.1", ntohs(sa.sin6_port), &why), DBR_ERR_IO);
    assert_int_equal(listen_tcp("localhost", 0, &why), DBR_ERR_IO);
    close(fd);
}

/* management-client: who listens is called; whom he must be is checked; nobody there is an error. */
static void managers_are_called(void **state)
{
    (void)state;
    struct dbr_why why = {""};
    char path[] = "/tmp/drawbridge-call-XXXXXX", at[64];
    struct sockaddr_in6 sa;
    socklen_t n = sizeof sa;
    assert_non_null(mkdtemp(path));
    snprintf(at, sizeof at, "%s/m", path);
    assert_int_equal(call_unix(at, NULL, NULL, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "start it first"));
    int fd = listen_unix(at, SOCK_STREAM, geteuid(), getegid(), 0600, &why);
    uid_t me = geteuid(), other = me + 1;
    gid_t mine = getegid(), others = mine + 1;
    const struct {
        const uid_t *uid;
        const gid_t *gid;
        bool good;
    } whom[] = {{NULL, NULL, true},
                {&me, NULL, true},
                {&me, &mine, true},
                {&other, NULL, false},
                {&me, &others, false}};
    for (size_t i = 0; i < sizeof whom / sizeof whom[0]; i++) {
        int called = call_unix(at, whom[i].uid, whom[i].gid, &why);
        assert_int_equal(called >= 0, whom[i].good);
        if (called >= 0)
            close(called);
    }
    close(fd);
    unlink(at);
    rmdir(path);
    fd = listen_tcp("127.0.0.1", 0, &why);
    getsockname(fd, (struct sockaddr *)&sa, &n);
    int called = call_tcp("127.0.0.1", ntohs(sa.sin6_port), &why);
    assert_true(called >= 0);
    close(called);
    close(fd);
    assert_int_equal(call_tcp("127.0.0.1", ntohs(sa.sin6_port), &why), DBR_ERR_IO);
    assert_int_equal(call_tcp("localhost", 1, &why), DBR_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(managers_are_called),
        cmocka_unit_test(options_are_set),
        cmocka_unit_test(port_in_use),
        cmocka_unit_test(bad_address_and_device),
        cmocka_unit_test(literals),
        cmocka_unit_test(unix_sockets),
        cmocka_unit_test(tcp_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
