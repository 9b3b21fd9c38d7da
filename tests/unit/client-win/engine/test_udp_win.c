/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The engine's UDP socket on the loopback: datagrams longer than any that the protocol has leave it able to
 * receive, however many there are, and it may be closed then.
 */
#include "client-win/engine/port_win.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { TOO_LONG = 40000, MANY = 40, TURN_MS = 20000 };

static SOCKET far_end;
static HANDLE port;
static unsigned got, longest;

static void on_datagram(void *arg, uint8_t *bytes, size_t len, const struct dbr_addr *from)
{
    (void)arg;
    (void)bytes;
    (void)from;
    got++;
    longest = len > longest ? (unsigned)len : longest;
}

static const struct udp_ops ops = {.datagram = on_datagram};

static struct udp *open_to_far_end(bool anyone)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    int n = sizeof sa;
    DWORD error;
    struct dbr_addr to;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    far_end = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(far_end, (struct sockaddr *)&sa, n), 0);
    assert_int_equal(getsockname(far_end, (struct sockaddr *)&sa, &n), 0);
    assert_int_equal(dbr_addr_from_sockaddr(&to, (struct sockaddr *)&sa, (size_t)n), 0);
    struct udp *u = udp_open(port, &to, anyone, 0, 0, &ops, NULL, &error);
    assert_non_null(u);
    udp_send(u, &to, (const uint8_t *)"x", 1);
    return u;
}

/* Serves what completes until so many datagrams have come, or nothing does for TURN_MS. */
static void serve(unsigned until)
{
    OVERLAPPED *over;
    DWORD n;
    ULONG_PTR key;
    while (got < until) {
        over = NULL;
        BOOL good = GetQueuedCompletionStatus(port, &n, &key, &over, TURN_MS);
        if (!over)
            return;
        struct op *op = (struct op *)over;
        op->done(op, good ? 0 : GetLastError(), n);
    }
}

static void long_datagrams_cost_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[TOO_LONG];
    for (int anyone = 0; anyone < 2; anyone++) {
        struct sockaddr_in client;
        int n = sizeof client;
        struct udp *u = open_to_far_end(anyone);
        got = longest = 0;
        assert_int_equal(recvfrom(far_end, (char *)bytes, 1, 0, (struct sockaddr *)&client, &n), 1);
        for (unsigned i = 0; i < MANY; i++) /* more than there are receives */
            sendto(far_end, (const char *)bytes, TOO_LONG, 0, (struct sockaddr *)&client, n);
        sendto(far_end, (const char *)bytes, 100, 0, (struct sockaddr *)&client, n);
        serve(1);
        assert_int_equal(got, 1);
        assert_int_equal(longest, 100);
        udp_close(u);
        closesocket(far_end);
    }
}

int main(void)
{
    WSADATA wsa;
    const struct CMUnitTest tests[] = {cmocka_unit_test(long_datagrams_cost_nothing)};
    if (WSAStartup(MAKEWORD(2, 2), &wsa))
        return 1;
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
