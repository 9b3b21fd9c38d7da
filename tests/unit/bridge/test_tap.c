/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The TAP against the running kernel: queues, steering, offloads, and the kernel's own segmentation as a
 * second opinion on gso and gro.
 *
 *     test --writev--> tapA == br0 == tapB --read--> test
 */
#include "bridge/tap.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bridge/eth.h"
#include "bridge/gro.h"
#include "bridge/gso.h"
#include "bridge/netlink.h"
#include "frames.h"
#include "netns.h"
#include "test.h"

static struct dbr_why why;
static struct frame f;
static uint8_t buf[DBR_VNET_LEN + FRAME_CAP];

static struct dbr_tap open_tap(const char *name, unsigned queues, bool offload)
{
    struct dbr_tap t;
    struct dbr_tap_config c = {.name = name, .queues = queues, .offload = offload, .up = true};
    if (dbr_tap_open(&t, &c, &why) < 0)
        fail_msg("%s", why.text);
    return t;
}

/* Next frame of our own EtherType or with our flow's addresses within ten seconds; 0 = none. The kernel chats
 * too. */
static size_t read_ours(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 10000) > 0) {
        ssize_t n = read(fd, buf, sizeof buf);
        if (n > DBR_VNET_LEN + 14 && dbr_get48(buf + DBR_VNET_LEN + 6) == HOST_A)
            return (size_t)n;
    }
    return 0;
}

static void test_open_and_configure(void **state)
{
    (void)state;
    struct dbr_tap t;
    struct dbr_tap_config c = {.name = "dbr%d",
                               .queues = 3,
                               .mtu = 1400,
                               .mac = HOST_B,
                               .txqueuelen = 77,
                               .offload = true,
                               .up = true};
    assert_int_equal(dbr_tap_open(&t, &c, &why), 0);
    assert_string_equal(t.name, "dbr0");
    assert_int_equal(t.ifindex, if_nametoindex("dbr0"));
    assert_true(t.fd[0] >= 0 && t.fd[1] >= 0 && t.fd[2] >= 0 && t.fd[3] == -1);
    assert_true((t.offload & (DBR_TAP_CSUM | DBR_TAP_TSO4)) == (DBR_TAP_CSUM | DBR_TAP_TSO4));
    struct dbr_netlink *nl = dbr_netlink_open(&why);
    struct dbr_link link;
    assert_int_equal(dbr_link_get(nl, "dbr0", &link, &why), 0);
    assert_int_equal(link.mtu, 1400);
    assert_true(link.mac == HOST_B && link.up && link.is_tap && !link.is_bridge && !link.is_wireless);
    assert_int_equal(system("ip link show dbr0 | grep -q 'qlen 77'"), 0);
    dbr_tap_close(&t);
    assert_int_equal(dbr_link_get(nl, "dbr0", &link, &why), DBR_ERR_NOTFOUND);
    dbr_tap_close(&t);
    dbr_netlink_close(nl);
}

static void test_refused(void **state)
{
    (void)state;
    struct dbr_tap t;
    struct dbr_tap_config none = {.name = "tapx", .queues = 0}, many = {.name = "tapx", .queues = 65},
                          longer = {.name = "a-name-of-16-chr", .queues = 1},
                          other = {.name = "lo", .queues = 1},
                          tiny = {.name = "tapx", .queues = 1, .mtu = 70000};
    assert_int_equal(dbr_tap_open(&t, &none, &why), DBR_ERR_CONFIG);
    assert_int_equal(dbr_tap_open(&t, &many, &why), DBR_ERR_CONFIG);
    assert_int_equal(dbr_tap_open(&t, &longer, &why), DBR_ERR_CONFIG);
    why.text[0] = 0;
    assert_int_equal(dbr_tap_open(&t, &other, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "lo"));
    assert_int_equal(dbr_tap_open(&t, &tiny, &why), DBR_ERR_IO);
    assert_non_null(strstr(why.text, "MTU"));
    assert_int_equal(if_nametoindex("tapx"), 0); /* nothing is left behind */
}

static void test_offload_can_be_off(void **state)
{
    (void)state;
    struct dbr_tap t = open_tap("tapn", 1, false);
    assert_int_equal(t.offload, 0);
    dbr_tap_close(&t);
}

/* --- steering --- */

static void send_to_tap(int s, int ifindex, uint64_t dst)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6};
    frame_start(&f, dst, HOST_A, 0x88b5);
    frame_fill(&f, 0x55, 50);
    assert_int_equal(sendto(s, f.b, f.n, 0, (struct sockaddr *)&to, sizeof to), f.n);
}

static int queue_of_next(const struct dbr_tap *t)
{
    for (int tries = 0; tries < 2000; tries++) {
        for (unsigned i = 0; i < t->queues; i++) {
            ssize_t n;
            while ((n = read(t->fd[i], buf, sizeof buf)) > 0)
                if (n > DBR_VNET_LEN + 14 && dbr_get48(buf + DBR_VNET_LEN + 6) == HOST_A)
                    return (int)i;
        }
        struct pollfd p = {.fd = t->fd[0], .events = POLLIN};
        poll(&p, 1, 5);
    }
    return -1;
}

static void test_steering(void **state)
{
    (void)state;
    enum { QUEUES = 4 };
    struct dbr_steer s;
    if (dbr_steer_open(&s, 1, &why) < 0) {
        printf("skipped: %s\n", why.text);
        skip();
    }
    struct dbr_tap t = open_tap("taps", QUEUES, true);
    assert_int_equal(dbr_steer_attach(&s, &t, &why), 0);
    dbr_steer_slots *slots = dbr_steer_map(s.map_fd);
    assert_non_null(slots);
    int raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    uint64_t rng = 3;
    for (int i = 0; i < 200; i++) {
        uint64_t mac = noise(&rng) & 0xfeffffffffffU;
        unsigned queue = (unsigned)below(&rng, QUEUES);
        dbr_steer_set(slots, mac, queue);
        send_to_tap(raw, t.ifindex, mac);
        assert_int_equal(queue_of_next(&t), queue);
        /* Writing the other direction elsewhere must not move it, as the kernel's own choice would. */
        memset(buf, 0, DBR_VNET_LEN);
        frame_start(&f, HOST_A, mac, 0x88b5);
        frame_fill(&f, 0, 50);
        memcpy(buf + DBR_VNET_LEN, f.b, f.n);
        assert_int_equal(write(t.fd[(queue + 1) % QUEUES], buf, DBR_VNET_LEN + f.n), DBR_VNET_LEN + f.n);
        send_to_tap(raw, t.ifindex, mac);
        assert_int_equal(queue_of_next(&t), queue);
    }
    close(raw);
    dbr_steer_unmap(slots);
    dbr_steer_close(&s);
    dbr_steer_close(&s);
    dbr_tap_close(&t);
}

/* Sends what is in f, and returns the lane of the worker that is expected. */
static unsigned lane_of(int raw, const struct dbr_tap *t, unsigned worker, unsigned lanes)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = t->ifindex, .sll_halen = 6};
    assert_int_equal(sendto(raw, f.b, f.n, 0, (struct sockaddr *)&to, sizeof to), f.n);
    int queue = queue_of_next(t);
    assert_int_equal((unsigned)queue / lanes, worker);
    return (unsigned)queue % lanes;
}

/* A packet of `protocol` between hosts that `flow` numbers, ports from `port` on; `bits` are IPv4's fragment
 * field. */
static void flow_frame(bool ipv6, uint8_t protocol, uint32_t flow, uint32_t port, uint16_t bits)
{
    frame_start(&f, HOST_B, HOST_A, ipv6 ? ETH_P_IPV6 : ETH_P_IP);
    size_t ip = f.n;
    frame_fill(&f, 0, 100);
    uint8_t *p = f.b + ip, *ports = p + (ipv6 ? 40 : 20);
    p[0] = ipv6 ? 0x60 : 0x45;
    p[ipv6 ? 6 : 9] = protocol;
    if (!ipv6)
        dbr_put16(p + 6, bits);
    dbr_put32(p + (ipv6 ? 20 : 12), 0x0a000001 + flow);
    dbr_put32(p + (ipv6 ? 36 : 16), 0xc0a84d0a);
    dbr_put32(ports, port << 16 | 445);
}

static void test_lanes(void **state)
{
    (void)state;
    enum { WORKERS = 2, LANES = 4, FLOWS = 300 };
    static const uint8_t not_flows[][2] = {{0, 1}, {0, 2}, {0, 47}, {1, 58}, {1, 0}, {1, 89}};
    struct dbr_steer s;
    if (dbr_steer_open(&s, LANES, &why) < 0) {
        printf("skipped: %s\n", why.text);
        skip();
    }
    struct dbr_tap t = open_tap("tapl", WORKERS * LANES, true);
    assert_int_equal(dbr_steer_attach(&s, &t, &why), 0);
    dbr_steer_slots *slots = dbr_steer_map(s.map_fd);
    int raw = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        dbr_steer_set(slots, HOST_B, worker);
        for (size_t i = 0; i < sizeof not_flows / sizeof *not_flows; i++) {
            flow_frame(not_flows[i][0], not_flows[i][1], 7, 7, 0);
            assert_int_equal(lane_of(raw, &t, worker, LANES), 0);
        }
        frame_start(&f, HOST_B, HOST_A, ETH_P_ARP);
        frame_fill(&f, 0x11, 46);
        assert_int_equal(lane_of(raw, &t, worker, LANES), 0);
        for (int ipv6 = 0; ipv6 < 2; ipv6++) {
            unsigned by_port[LANES] = {0}, by_host[LANES] = {0};
            for (unsigned i = 0; i < FLOWS; i++) {
                flow_frame(ipv6, IPPROTO_TCP, 1, 40000 + i, 0);
                unsigned lane = lane_of(raw, &t, worker, LANES);
                by_port[lane]++;
                f.b[f.n - 1] ^= 0xff; /* another packet of the same flow */
                assert_int_equal(lane_of(raw, &t, worker, LANES), lane);
                flow_frame(ipv6, IPPROTO_UDP, i, 40000, 0);
                by_host[lane_of(raw, &t, worker, LANES)]++;
            }
            assert_int_equal(by_port[0] + by_host[0], 0);
            for (unsigned l = 1; l < LANES; l++)
                assert_true(by_port[l] > FLOWS / 6 && by_host[l] > FLOWS / 6);
            flow_frame(ipv6, IPPROTO_UDP, 9, 1,
                       0); /* UDP: the ports do not count, nor whether it is a piece */
            unsigned lane = lane_of(raw, &t, worker, LANES);
            flow_frame(ipv6, IPPROTO_UDP, 9, 2, 0);
            assert_int_equal(lane_of(raw, &t, worker, LANES), lane);
            flow_frame(ipv6, ipv6 ? IPPROTO_FRAGMENT : IPPROTO_UDP, 9, 3, 0x2000);
            assert_int_equal(lane_of(raw, &t, worker, LANES), lane);
            flow_frame(ipv6, ipv6 ? IPPROTO_FRAGMENT : IPPROTO_UDP, 9, 4, 0x00b9);
            assert_int_equal(lane_of(raw, &t, worker, LANES), lane);
        }
        flow_frame(false, IPPROTO_TCP, 9, 1, 0x2000); /* pieces of TCP's stay together */
        unsigned lane = lane_of(raw, &t, worker, LANES);
        flow_frame(false, IPPROTO_TCP, 9, 2, 0x00b9);
        assert_int_equal(lane_of(raw, &t, worker, LANES), lane);
    }
    close(raw);
    dbr_steer_unmap(slots);
    dbr_steer_close(&s);
    dbr_tap_close(&t);
}

static void test_slots_are_spread(void **state)
{
    (void)state;
    static unsigned used[DBR_STEER_SLOTS];
    uint64_t rng = 5;
    unsigned most = 0;
    for (int i = 0; i < 4 * DBR_STEER_SLOTS;
         i++) { /* addresses as one vendor numbers them, and random ones */
        uint64_t mac = i % 2 ? 0x001a2b000000U + (uint64_t)i : noise(&rng) & 0xfeffffffffffU;
        unsigned n = ++used[dbr_steer_slot(mac)];
        most = n > most ? n : most;
    }
    assert_true(most < 20);
}

/* --- the kernel's opinion --- */

struct wire {
    struct dbr_netlink *nl;
    struct dbr_bridge_state bridge;
    struct dbr_tap a, b;
};

static void lay_wire(struct wire *w, bool offload_at_b)
{
    char dir[] = "/tmp/dbr-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct dbr_bridge_plan plan = {.bridge = "brt", .journal_dir = dir};
    w->nl = dbr_netlink_open(&why);
    assert_int_equal(dbr_bridge_raise(w->nl, &plan, &w->bridge, &why), 0);
    w->a = open_tap("tapA", 1, true);
    w->b = open_tap("tapB", 1, offload_at_b);
    assert_int_equal(dbr_bridge_attach(w->nl, w->bridge.ifindex, w->a.ifindex, &why), 0);
    assert_int_equal(dbr_bridge_attach(w->nl, w->bridge.ifindex, w->b.ifindex, &why), 0);
    assert_int_equal(dbr_bridge_undo(w->nl, dir, "nosuch", NULL), DBR_ERR_NOTFOUND);
    char cmd[64];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
}

static void take_wire(struct wire *w)
{
    dbr_tap_close(&w->a);
    dbr_tap_close(&w->b);
    assert_int_equal(system("ip link del brt"), 0);
    dbr_netlink_close(w->nl);
}

static struct frame_spec a_flow(uint8_t version, uint8_t proto, bool tagged)
{
    return (struct frame_spec){.version = version,
                               .proto = proto,
                               .tagged = tagged,
                               .vid = 5,
                               .dst = HOST_B,
                               .src = HOST_A,
                               .sport = 4000,
                               .dport = 80,
                               .flags = 0x10,
                               .window = 9,
                               .tcp_options = 12,
                               .seq = 0xfffff000,
                               .id = 0xfffe,
                               .host = 3};
}

/* Six frames of a flow, coalesced, across the kernel, and cut again by the kernel (B takes no super frames)
 * or by us. */
static void cross(struct wire *w, uint8_t version, uint8_t proto, bool tagged)
{
    enum { FRAMES = 6 };
    static struct frame in[FRAMES];
    struct dbr_gro *gro = dbr_gro_new(FRAMES, DBR_GRO_TCP4 | DBR_GRO_TCP6 | DBR_GRO_UDP4 | DBR_GRO_UDP6);
    struct frame_spec s = a_flow(version, proto, tagged);
    for (int i = 0; i < FRAMES; i++) {
        size_t n = i == FRAMES - 1 ? 321 : 1200;
        s.flags = i == FRAMES - 1 ? 0x18 : 0x10;
        frame_build(&in[i], &s, NULL, n);
        assert_int_equal(dbr_gro_add(gro, in[i].b, in[i].n), 0);
        s.seq += (uint32_t)n;
        s.id++;
    }
    assert_int_equal(dbr_gro_count(gro), 1);
    struct dbr_gro_item item = dbr_gro_item(gro, 0);
    ssize_t put = writev(w->a.fd[0], item.iov, (int)item.niov);
    if (put != (ssize_t)item.len)
        fail_msg("IPv%d/%d tagged %d: kernel refuses the super frame: %s", version, proto, tagged,
                 strerror(errno));
    static uint8_t out[2048];
    for (int got = 0; got < FRAMES;) {
        size_t n = read_ours(w->b.fd[0]);
        if (!n)
            fail_msg("IPv%d/%d tagged %d: frame %d is missing", version, proto, tagged, got);
        struct dbr_vnet v;
        struct dbr_gso g;
        dbr_vnet_parse(&v, buf);
        assert_int_equal(dbr_gso_init(&g, &v, buf + DBR_VNET_LEN, n - DBR_VNET_LEN, (struct dbr_mss){0, 0}),
                         0);
        for (int len; (len = dbr_gso_next(&g, out, sizeof out)) > 0; got++)
            if ((size_t)len != in[got].n || memcmp(out, in[got].b, in[got].n) != 0)
                fail_msg("IPv%d/%d tagged %d: frame %d differs", version, proto, tagged, got);
    }
    dbr_gro_free(gro);
}

static void cross_all(bool offload_at_b)
{
    struct wire w;
    lay_wire(&w, offload_at_b);
    for (uint8_t version = 4; version <= 6; version += 2)
        for (int tagged = 0; tagged < 2; tagged++) {
            cross(&w, version, 6, tagged);
            if (w.a.offload & DBR_TAP_USO4)
                cross(&w, version, 17, tagged);
        }
    take_wire(&w);
}

static void test_the_kernel_cuts_as_we_do(void **state)
{
    (void)state;
    cross_all(false);
}

static void test_super_frames_cross_the_bridge(void **state)
{
    (void)state;
    cross_all(true);
}

int main(void)
{
    int skipped = enter_namespace();
    if (skipped)
        return skipped;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_configure),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_offload_can_be_off),
        cmocka_unit_test(test_steering),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_slots_are_spread),
        cmocka_unit_test(test_the_kernel_cuts_as_we_do),
        cmocka_unit_test(test_super_frames_cross_the_bridge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
