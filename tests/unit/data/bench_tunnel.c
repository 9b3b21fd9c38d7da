/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A tunnel without a control channel, to measure the data process alone: opens a TAP and its UDP sockets,
 * installs fixed keys (each run is for measuring only: they are in this file) and runs dbr_data_main() in the
 * server or the client role. bench_tunnel.sh builds the namespaces around it.
 *
 *   bench_data_tunnel server TAP PORT WORKERS PEERS ADDRESS...     ADDRESS i is peer i's (IPv4)
 *   bench_data_tunnel client TAP PORT ADDRESS PEER-ID              ADDRESS is the server's
 *   options by environment: PLAIN=1 no super frames at all, AEAD=openssl|ipsec-mb, MSS=n, ASTRAY=1 all frames
 * of the LAN come to the last worker and cross over by its mailboxes
 */
#include "base/bytes.h"
#include "base/err.h"
#include "bridge/tap.h"
#include "data/data.h"
#include "ipc/messages.h"
#include "proto/data.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int udp_socket(uint16_t port)
{
    int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, off = 0, space = 4 << 20;
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof space);
    setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &space, sizeof space);
    setsockopt(s, SOL_UDP, UDP_GRO, &on, sizeof on);
    if (bind(s, (struct sockaddr *)&a, sizeof a))
        die("bind");
    return s;
}

/* Peer id modulo workers; the group has no control socket here. */
static void steer_udp(int sock, unsigned workers)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog p = {.len = sizeof program / sizeof *program, .filter = program};
    if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &p, sizeof p))
        die("SO_ATTACH_REUSEPORT_CBPF");
}

static int lock_nothing(const struct dbr_boot *boot)
{
    (void)boot;
    return 0;
}

static void log_line(void *arg, int level, const char *line)
{
    (void)arg, (void)level;
    fprintf(stderr, "%s\n", line);
}

static void tell(int sock, const void *msg)
{
    if (dbr_ipc_send(sock, msg, -1))
        die("tell");
}

/* A peer and its key; the two ends have mirrored halves. */
static void install(int control, uint32_t id, uint32_t wire_id, const char *address, uint16_t port,
                    bool client)
{
    const char *mss = getenv("MSS");
    struct dbr_ipc_peer p = {.head = dbr_ipc_head(DBR_IPC_PEER_NEW, sizeof p, id),
                             .flags = client ? DBR_PEER_UPLINK : DBR_PEER_SOURCE_GUARD,
                             .wire_peer_id = wire_id,
                             .addr = {.family = 4, .port = port},
                             .ping_s = 10,
                             .timeout_s = 60,
                             .mss_v4 = (uint16_t)(mss ? atoi(mss) : 1368),
                             .mss_v6 = (uint16_t)(mss ? atoi(mss) : 1348),
                             .max_l3 = (uint16_t)((mss ? atoi(mss) : 1368) + 40),
                             .replay_window = 4096,
                             .cn = "bench"};
    struct dbr_ipc_key k = {.head = dbr_ipc_head(DBR_IPC_KEY_NEW, sizeof k, id),
                            .cipher = DBR_AES_256_GCM,
                            .use_v2 = 1,
                            .tx_peer_id = wire_id};
    inet_pton(AF_INET, address, p.addr.ip);
    memset(client ? k.send_key : k.recv_key, 0x11 + (int)wire_id, 32);
    memset(client ? k.recv_key : k.send_key, 0x22 + (int)wire_id, 32);
    tell(control, &p);
    tell(control, &k);
}

/* Reads and forgets what the workers say, until a signal ends the process. */
static void *drain(void *arg)
{
    _Alignas(16) uint8_t msg[DBR_IPC_MAX];
    int sock = *(int *)arg;
    while (read(sock, msg, sizeof msg) > 0)
        ;
    return NULL;
}

static int keeper_end;

static void on_term(int sig)
{
    (void)sig;
    shutdown(keeper_end, SHUT_RDWR);
}

static void open_tap(struct dbr_boot *boot, const char *name)
{
    static struct dbr_tap tap;
    static struct dbr_steer steer;
    struct dbr_why why = {{0}};
    struct dbr_tap_config config = {
        .name = name, .queues = boot->n_workers, .txqueuelen = 1000, .offload = !getenv("PLAIN"), .up = true};
    if (dbr_tap_open(&tap, &config, &why)) {
        fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    boot->tap_offloads = tap.offload;
    boot->tap_mtu = 1500;
    for (unsigned i = 0; i < boot->n_workers; i++)
        boot->tap[i] = tap.fd[i];
    if (boot->n_workers > 1 && (dbr_steer_open(&steer, 1, &why) || dbr_steer_attach(&steer, &tap, &why)))
        fprintf(stderr, "no TAP steering: %s\n", why.text);
    else if (boot->n_workers > 1)
        boot->steer = dbr_steer_map(steer.map_fd);
    if (boot->steer && getenv("ASTRAY")) {
        for (unsigned i = 0; i < DBR_STEER_SLOTS; i++)
            boot->steer[i] = boot->n_workers - 1;
        boot->steer = NULL; /* so that nobody corrects it */
    }
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    static struct dbr_boot boot;
    static int control[DBR_MAX_WORKERS];
    boot.client = strcmp(argv[1], "client") == 0;
    boot.n_workers = boot.client ? 1 : (unsigned)atoi(argv[4]);
    boot.log = (struct dbr_log){.verb = 4, .sink = log_line};
    boot.lock_down = lock_nothing;
    uint16_t port = (uint16_t)atoi(argv[3]);
    int fd[2];
    open_tap(&boot, argv[2]);
    for (unsigned i = 0; i < boot.n_workers; i++) {
        pthread_t t;
        boot.udp[1 + i] = udp_socket(port);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
            die("socketpair");
        control[i] = fd[0];
        boot.ipc_worker[i] = fd[1];
        pthread_create(&t, NULL, drain, &control[i]);
    }
    if (boot.n_workers > 1)
        steer_udp(boot.udp[1], boot.n_workers);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
        die("socketpair");
    keeper_end = fd[0];
    boot.ipc_keeper = fd[1];
    signal(SIGTERM, on_term);
    struct dbr_data_limits limits = {
        .client_to_client = true, .no_super_frames = getenv("PLAIN") != NULL, .aead = getenv("AEAD")};
    if (boot.client)
        install(control[0], 0, (uint32_t)atoi(argv[5]), argv[4], port, true);
    for (int i = 0; !boot.client && i < atoi(argv[5]); i++)
        install(control[(unsigned)i % boot.n_workers], (uint32_t)i, (uint32_t)i, argv[6 + i], port, false);
    return dbr_data_main(&boot, &limits);
}
