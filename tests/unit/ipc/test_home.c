/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The address of ours that was called: out of one control message and into another, among others that are
 * none of our business.
 */
#include "ipc/home.h"

#include <netinet/udp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t global[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, link_local[16] = {0xfe, 0x80, [15] = 2},
                     mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};

static size_t put(uint8_t *out, int level, int type, const void *data, size_t len)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)out;
    memset(out, 0, CMSG_SPACE(len));
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
    return CMSG_SPACE(len);
}

static void there_and_back(void **state)
{
    static const struct {
        const uint8_t *ip;
        uint32_t scope; /* that is kept: only a link-local address needs one */
    } rows[] = {{global, 0}, {link_local, 7}, {mapped, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        _Alignas(struct cmsghdr) uint8_t in[256], out[DBR_HOME_SPACE];
        struct in6_pktinfo info = {.ipi6_ifindex = 7}, back;
        struct dbr_addr a = {.family = 4, .port = 9};
        int gro = 1400;
        memcpy(&info.ipi6_addr, rows[i].ip, 16);
        size_t n = put(in, SOL_UDP, UDP_GRO, &gro, sizeof gro);
        n += put(in + n, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
        struct msghdr mh = {.msg_control = in, .msg_controllen = n};
        dbr_home_read(&a, &mh);
        assert_memory_equal(a.home, rows[i].ip, 16);
        assert_int_equal(a.home_scope, rows[i].scope);
        assert_int_equal(dbr_home_write(&a, out), DBR_HOME_SPACE);
        memcpy(&back, CMSG_DATA((struct cmsghdr *)(void *)out), sizeof back);
        assert_memory_equal(&back.ipi6_addr, rows[i].ip, 16);
        assert_int_equal(back.ipi6_ifindex, rows[i].scope);
    }
}

static void what_is_not_it(void **state)
{
    _Alignas(struct cmsghdr) uint8_t in[256], out[DBR_HOME_SPACE];
    struct in6_pktinfo info = {.ipi6_ifindex = 7};
    struct dbr_addr a = {.family = 4}, none = a;
    (void)state;
    memcpy(&info.ipi6_addr, global, 16);
    const struct {
        int level, type;
        size_t len;
    } rows[] = {{IPPROTO_IPV6, IPV6_TCLASS, sizeof info},
                {IPPROTO_IP, IPV6_PKTINFO, sizeof info},
                {IPPROTO_IPV6, IPV6_PKTINFO, sizeof info - 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = put(in, rows[i].level, rows[i].type, &info, rows[i].len);
        struct msghdr mh = {.msg_control = in, .msg_controllen = n};
        dbr_home_read(&a, &mh);
        assert_memory_equal(&a, &none, sizeof a);
    }
    struct msghdr nothing = {.msg_control = in, .msg_controllen = 0};
    dbr_home_read(&a, &nothing);
    assert_memory_equal(&a, &none, sizeof a);
    assert_int_equal(dbr_home_write(&a, out), 0);
}

/* Which end of ours is no part of who somebody is. */
static void the_same_peer(void **state)
{
    struct dbr_addr a = {.family = 4, .port = 9, .ip = {10}}, b = a;
    (void)state;
    assert_true(dbr_addr_equal(&a, &b) && dbr_addr_same_home(&a, &b));
    b.home[15] = 1;
    assert_true(dbr_addr_equal(&a, &b) && !dbr_addr_same_home(&a, &b));
    b = a;
    b.home_scope = 1;
    assert_true(dbr_addr_equal(&a, &b) && !dbr_addr_same_home(&a, &b));
    b = a;
    b.via = 1;
    assert_true(dbr_addr_equal(&a, &b) && !dbr_addr_same_home(&a, &b));
    b = a;
    b.ip[0] = 1;
    assert_true(!dbr_addr_equal(&a, &b) && dbr_addr_same_home(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_not_it),
        cmocka_unit_test(the_same_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
