/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rig.h"

#include "base/bytes.h"
#include "base/err.h"
#include "bridge/eth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int lock_nothing(const struct dbr_boot *boot)
{
    (void)boot;
    return 0;
}

static void log_line(void *arg, int level, const char *line)
{
    (void)arg, (void)level;
    if (getenv("RIG_VERBOSE"))
        fprintf(stderr, "[data] %s\n", line);
}

static int udp_socket(uint16_t *port, bool gro)
{
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t n = sizeof a;
    int on = 1, space = 4 << 20;
    assert_true(s >= 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&a, &n), 0);
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &space, sizeof space);
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
    if (gro)
        assert_int_equal(setsockopt(s, SOL_UDP, UDP_GRO, &on, sizeof on), 0);
    *port = ntohs(a.sin6_port);
    return s;
}

/* ours is for the test, theirs for the data process. */
static void pair(int *ours, int *theirs)
{
    int fd[2], space = 4 << 20;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
    for (int i = 0; i < 2; i++)
        setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &space, sizeof space);
    *ours = fd[0];
    *theirs = fd[1];
}

void rig_init(struct rig *r, unsigned workers)
{
    rig_init_lanes(r, workers, 1);
}

void rig_init_lanes(struct rig *r, unsigned workers, unsigned lanes)
{
    memset(r, 0, sizeof *r);
    r->boot.lanes = lanes;
    r->boot.n_workers = workers;
    r->boot.log = (struct dbr_log){.verb = 4, .sink = log_line};
    r->boot.tap_mtu = 1500;
    r->boot.lock_down = lock_nothing;
    r->boot.steer = r->steer;
    r->boot.n_steer = 4096;
    r->boot.udp[0] = -1;
    r->limits.client_to_client = true;
    for (unsigned i = 0; i < workers; i++) {
        r->boot.udp[1 + i] = udp_socket(&r->port[i], true);
        pair(&r->control[i], &r->boot.ipc_worker[i]);
    }
    for (unsigned i = 0; i < workers * lanes; i++)
        pair(&r->lan[i], &r->boot.tap[i]);
    pair(&r->keeper, &r->boot.ipc_keeper);
}

static void *data_thread(void *arg)
{
    struct rig *r = arg;
    r->code = dbr_data_main(&r->boot, &r->limits);
    return NULL;
}

void rig_start(struct rig *r)
{
    struct dbr_ipc_head ready;
    assert_int_equal(pthread_create(&r->thread, NULL, data_thread, r), 0);
    r->running = true;
    rig_hear_keeper(r, DBR_IPC_READY, &ready, sizeof ready);
}

void rig_close(struct rig *r)
{
    for (unsigned i = 0; i < r->boot.n_workers; i++) {
        close(r->boot.udp[1 + i]);
        close(r->boot.ipc_worker[i]);
        close(r->control[i]);
    }
    for (unsigned i = 0; i < r->boot.n_workers * r->boot.lanes; i++) {
        close(r->boot.tap[i]);
        close(r->lan[i]);
    }
    close(r->boot.ipc_keeper);
    if (r->keeper >= 0)
        close(r->keeper);
}

int rig_wait_end(struct rig *r)
{
    pthread_join(r->thread, NULL);
    r->running = false;
    rig_close(r);
    return r->code;
}

int rig_stop(struct rig *r)
{
    close(r->keeper);
    r->keeper = -1;
    return rig_wait_end(r);
}

/* ---- control ---- */

static void wait_readable(int fd, const char *what)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, RIG_WAIT_MS) != 1)
        fail_msg("nothing came: %s", what);
}

void rig_tell(struct rig *r, unsigned worker, const void *msg)
{
    int err;
    while ((err = dbr_ipc_send(r->control[worker], msg, -1)) == DBR_ERR_AGAIN) {
        struct pollfd p = {.fd = r->control[worker], .events = POLLOUT};
        poll(&p, 1, RIG_WAIT_MS);
    }
    assert_int_equal(err, 0);
}

static void hear(int fd, uint16_t type, void *out, size_t n)
{
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    char what[32];
    snprintf(what, sizeof what, "message %u", type);
    for (;;) {
        wait_readable(fd, what);
        assert_int_equal(dbr_ipc_recv(fd, msg, NULL), 0);
        const struct dbr_ipc_head *head = (void *)msg;
        if (head->type != type)
            continue;
        memcpy(out, msg, head->len < n ? head->len : n);
        return;
    }
}

void rig_hear(struct rig *r, unsigned worker, uint16_t type, void *out, size_t n)
{
    hear(r->control[worker], type, out, n);
}

void rig_hear_keeper(struct rig *r, uint16_t type, void *out, size_t n)
{
    hear(r->keeper, type, out, n);
}

unsigned rig_count(struct rig *r, unsigned worker, uint16_t type)
{
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    unsigned n = 0;
    while (dbr_ipc_recv(r->control[worker], msg, NULL) == 0)
        n += ((const struct dbr_ipc_head *)(void *)msg)->type == type;
    return n;
}

void rig_sync(struct rig *r, unsigned worker)
{
    struct dbr_ipc_head m = dbr_ipc_head(DBR_IPC_STATS_GET, sizeof m, 0);
    rig_tell(r, worker, &m);
    rig_hear(r, worker, DBR_IPC_STATS_END, &m, sizeof m);
}

/* ---- peers ---- */

void rig_peer_open(struct rig_peer *p, uint32_t id)
{
    memset(p, 0, sizeof *p);
    p->id = id;
    rig_peer_rebind(p);
}

void rig_peer_rebind(struct rig_peer *p)
{
    if (p->sock > 0)
        close(p->sock);
    p->addr = (struct dbr_addr){.family = 6, .ip = {[15] = 1}};
    p->sock = udp_socket(&p->addr.port, false);
}

void rig_peer_close(struct rig_peer *p)
{
    close(p->sock);
    dbr_slot_fini(&p->slot);
}

struct dbr_ipc_peer rig_peer_message(const struct rig_peer *p)
{
    return (struct dbr_ipc_peer){.head = dbr_ipc_head(DBR_IPC_PEER_NEW, sizeof(struct dbr_ipc_peer), p->id),
                                 .flags = DBR_PEER_SOURCE_GUARD,
                                 .wire_peer_id = p->id,
                                 .addr = p->addr,
                                 .replay_window = 64,
                                 .cn = "peer",
                                 .serial = {1, 2},
                                 .serial_len = 2};
}

void rig_key_install(struct rig *r, struct rig_peer *p, uint8_t key_id, bool v2, uint8_t seed)
{
    struct dbr_ipc_key m = {.head = dbr_ipc_head(DBR_IPC_KEY_NEW, sizeof m, p->id),
                            .cipher = DBR_AES_256_GCM,
                            .key_id = key_id,
                            .use_v2 = v2,
                            .tx_peer_id = p->id};
    for (unsigned i = 0; i < 32; i++) {
        m.send_key[i] = (uint8_t)(seed + i);
        m.recv_key[i] = (uint8_t)(seed + 64 + i);
        m.send_iv[i % 8] = (uint8_t)(seed + 7 * i);
        m.recv_iv[i % 8] = (uint8_t)(seed + 5 * i);
    }
    rig_tell(r, p->id % r->boot.n_workers, &m);
    struct dbr_data_keys mine = {.cipher = m.cipher, .key_id = key_id, .use_v2 = v2, .peer_id = p->id};
    memcpy(mine.send_key, m.recv_key, 32);
    memcpy(mine.recv_key, m.send_key, 32);
    memcpy(mine.send_iv, m.recv_iv, 8);
    memcpy(mine.recv_iv, m.send_iv, 8);
    dbr_slot_fini(&p->slot);
    assert_int_equal(dbr_slot_init(&p->slot, dbr_aead_backend_best(), &mine, 8192), 0);
}

void rig_peer_install(struct rig *r, struct rig_peer *p)
{
    struct dbr_ipc_peer m = rig_peer_message(p);
    rig_tell(r, p->id % r->boot.n_workers, &m);
    rig_key_install(r, p, 0, true, (uint8_t)(p->id * 3 + 1));
    rig_sync(r, p->id % r->boot.n_workers);
}

size_t rig_seal(struct rig_peer *p, const void *text, size_t len, uint8_t *out)
{
    struct dbr_aead_job job;
    size_t head = dbr_slot_headroom(&p->slot);
    memcpy(out + head, text, len);
    assert_int_equal(dbr_slot_seal_prepare(&p->slot, out + head, (uint32_t)len, &job), 0);
    dbr_aead_seal(p->slot.seal, &job, 1);
    assert_int_equal(job.err, 0);
    return head + job.len;
}

static struct sockaddr_in6 worker_address(const struct rig *r, unsigned worker)
{
    return (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(r->port[worker])};
}

void rig_send_raw(struct rig *r, struct rig_peer *p, unsigned worker, const void *dgram, size_t len)
{
    struct sockaddr_in6 to = worker_address(r, worker);
    assert_int_equal(sendto(p->sock, dgram, len, 0, (struct sockaddr *)&to, sizeof to), (ssize_t)len);
}

void rig_send_train(struct rig *r, struct rig_peer *p, unsigned worker, const void *bytes, size_t len,
                    uint16_t seg)
{
    struct sockaddr_in6 to = worker_address(r, worker);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    union {
        char space[CMSG_SPACE(sizeof seg)];
        struct cmsghdr align;
    } cmsg = {0};
    struct msghdr mh = {.msg_name = &to,
                        .msg_namelen = sizeof to,
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = cmsg.space,
                        .msg_controllen = sizeof cmsg.space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof seg);
    memcpy(CMSG_DATA(c), &seg, sizeof seg);
    assert_int_equal(sendmsg(p->sock, &mh, 0), (ssize_t)len);
}

void rig_send(struct rig *r, struct rig_peer *p, unsigned worker, const void *text, size_t len)
{
    uint8_t dgram[RIG_FRAME_MAX];
    rig_send_raw(r, p, worker, dgram, rig_seal(p, text, len, dgram));
}

size_t rig_receive_raw(struct rig_peer *p, uint8_t *out)
{
    wait_readable(p->sock, "a datagram for a peer");
    ssize_t n = recv(p->sock, out, RIG_FRAME_MAX, MSG_DONTWAIT);
    assert_true(n > 0);
    return (size_t)n;
}

size_t rig_receive(struct rig_peer *p, uint8_t *out)
{
    uint8_t dgram[RIG_FRAME_MAX];
    size_t n = rig_receive_raw(p, dgram);
    struct dbr_aead_job job;
    uint32_t id;
    assert_int_equal(dbr_slot_open_prepare(&p->slot, dgram, (uint32_t)n, &job, &id), 0);
    assert_int_equal(dbr_aead_open(p->slot.open, &job, 1), 1);
    assert_true(dbr_slot_opened(&p->slot, &job, &id));
    memcpy(out, job.text, job.len);
    return job.len;
}

static bool quiet(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

bool rig_quiet(struct rig_peer *p)
{
    return quiet(p->sock);
}

/* ---- the LAN ---- */

void rig_lan_write(struct rig *r, unsigned queue, const struct dbr_vnet *v, const void *frame, size_t len)
{
    uint8_t head[DBR_VNET_LEN] = {0};
    if (v)
        dbr_vnet_write(v, head);
    struct iovec iov[2] = {{.iov_base = head, .iov_len = sizeof head},
                           {.iov_base = (void *)(uintptr_t)frame, .iov_len = len}};
    struct msghdr mh = {.msg_iov = iov, .msg_iovlen = 2};
    ssize_t n;
    while ((n = sendmsg(r->lan[queue], &mh, MSG_NOSIGNAL)) < 0) {
        struct pollfd p = {.fd = r->lan[queue], .events = POLLOUT};
        assert_int_equal(poll(&p, 1, RIG_WAIT_MS), 1);
    }
    assert_int_equal(n, (ssize_t)(len + sizeof head));
}

/* Announcements of addresses that were learned are set aside. */
static bool is_announcement(struct rig *r, const uint8_t *frame, size_t n)
{
    bool tagged = n >= 16 && dbr_get16(frame + 12) == 0x8100;
    if (n < 60 || dbr_get16(frame + 12 + (tagged ? 4 : 0)) != 0x8035)
        return false;
    memcpy(r->announced, frame, sizeof r->announced);
    r->announcements++;
    return true;
}

size_t rig_lan_read(struct rig *r, unsigned queue, uint8_t *out)
{
    uint8_t buf[RIG_FRAME_MAX];
    ssize_t n;
    do {
        wait_readable(r->lan[queue], "a frame on the LAN");
        n = recv(r->lan[queue], buf, sizeof buf, 0);
        assert_true(n > DBR_VNET_LEN);
    } while (is_announcement(r, buf + DBR_VNET_LEN, (size_t)n - DBR_VNET_LEN));
    memcpy(r->vnet, buf, DBR_VNET_LEN);
    memcpy(out, buf + DBR_VNET_LEN, (size_t)n - DBR_VNET_LEN);
    return (size_t)n - DBR_VNET_LEN;
}

bool rig_lan_quiet(struct rig *r, unsigned queue)
{
    uint8_t buf[RIG_FRAME_MAX];
    ssize_t n;
    while ((n = recv(r->lan[queue], buf, sizeof buf, MSG_DONTWAIT | MSG_PEEK)) > DBR_VNET_LEN &&
           is_announcement(r, buf + DBR_VNET_LEN, (size_t)n - DBR_VNET_LEN))
        assert_int_equal(recv(r->lan[queue], buf, sizeof buf, MSG_DONTWAIT), n);
    return quiet(r->lan[queue]);
}

/* ---- frames ---- */

static void put_mac(uint8_t *out, const char *text)
{
    uint64_t mac;
    assert_int_equal(dbr_mac_parse(&mac, text), 0);
    dbr_mac_write(out, mac);
}

size_t rig_frame(uint8_t *out, const char *dst, const char *src, size_t len, uint32_t number)
{
    put_mac(out, dst);
    put_mac(out + 6, src);
    dbr_put16(out + 12, 0x88b5); /* IEEE local experimental */
    for (size_t i = 14; i < len; i++)
        out[i] = (uint8_t)(number + i);
    if (len >= 18)
        dbr_put32(out + 14, number);
    return len;
}

uint32_t rig_frame_number(const uint8_t *frame)
{
    return dbr_get32(frame + 14);
}
