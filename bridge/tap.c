/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "bridge/bpf.h"
#include "bridge/eth.h"
#include "bridge/vnet.h"

/* Linux 6.2 has these; the headers here may be older than the kernel. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* --- the device --- */

static void mark_closed(struct dbr_tap *t)
{
    *t = (struct dbr_tap){0};
    for (int i = 0; i < DBR_TAP_QUEUES_MAX; i++)
        t->fd[i] = -1;
}

void dbr_tap_close(struct dbr_tap *t)
{
    for (int i = 0; i < DBR_TAP_QUEUES_MAX; i++)
        if (t->queues && t->fd[i] >= 0)
            close(t->fd[i]);
    mark_closed(t);
}

static int open_queue(struct dbr_tap *t, unsigned i, struct dbr_why *why)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE};
    int header = DBR_VNET_LEN;
    t->fd[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (t->fd[i] < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot open /dev/net/tun: %s (is the tun module loaded?)",
                       strerror(errno));
    memcpy(ifr.ifr_name, t->name, sizeof ifr.ifr_name);
    if (ioctl(t->fd[i], TUNSETIFF, &ifr) < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot open queue %u of TAP %s: %s%s", i, t->name, strerror(errno),
                       errno == EINVAL ? " (an interface of this name exists that is no multi-queue TAP)"
                                       : "");
    memcpy(t->name, ifr.ifr_name, sizeof t->name);
    if (ioctl(t->fd[i], TUNSETVNETHDRSZ, &header) < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot set the header size of TAP %s: %s", t->name, strerror(errno));
    return 0;
}

/* From best to least. The kernel takes a set wholly or not at all; USO must be asked for in both families. */
static const uint32_t offload_sets[] = {
    DBR_TAP_CSUM | DBR_TAP_TSO4 | DBR_TAP_TSO6 | DBR_TAP_ECN | DBR_TAP_USO4 | DBR_TAP_USO6,
    DBR_TAP_CSUM | DBR_TAP_TSO4 | DBR_TAP_TSO6 | DBR_TAP_ECN,
    DBR_TAP_CSUM | DBR_TAP_TSO4 | DBR_TAP_TSO6,
    DBR_TAP_CSUM,
    0,
};

static const struct {
    uint32_t ours, kernels;
} offload_bits[] = {
    {DBR_TAP_CSUM, TUN_F_CSUM},   {DBR_TAP_TSO4, TUN_F_TSO4}, {DBR_TAP_TSO6, TUN_F_TSO6},
    {DBR_TAP_ECN, TUN_F_TSO_ECN}, {DBR_TAP_USO4, TUN_F_USO4}, {DBR_TAP_USO6, TUN_F_USO6},
};

static unsigned long kernel_bits(uint32_t set)
{
    unsigned long k = 0;
    for (size_t i = 0; i < sizeof offload_bits / sizeof *offload_bits; i++)
        if (set & offload_bits[i].ours)
            k |= offload_bits[i].kernels;
    return k;
}

static int set_offload(struct dbr_tap *t, bool wanted, struct dbr_why *why)
{
    size_t n = sizeof offload_sets / sizeof *offload_sets;
    for (size_t i = wanted ? 0 : n - 1; i < n; i++) {
        if (ioctl(t->fd[0], TUNSETOFFLOAD, kernel_bits(offload_sets[i])) < 0)
            continue;
        t->offload = offload_sets[i];
        return 0;
    }
    return dbr_why(why, DBR_ERR_IO, "cannot set the offloads of TAP %s: %s", t->name, strerror(errno));
}

static int link_ioctl(int s, const char *what, unsigned long request, struct ifreq *ifr, struct dbr_why *why)
{
    if (ioctl(s, request, ifr) < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot set the %s of TAP %s: %s", what, ifr->ifr_name,
                       strerror(errno));
    return 0;
}

static int set_link(int s, struct dbr_tap *t, const struct dbr_tap_config *c, struct dbr_why *why)
{
    struct ifreq ifr = {0};
    int err = 0;
    memcpy(ifr.ifr_name, t->name, sizeof ifr.ifr_name);
    if (c->mac) {
        ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        dbr_mac_write((uint8_t *)ifr.ifr_hwaddr.sa_data, c->mac);
        err = link_ioctl(s, "MAC address", SIOCSIFHWADDR, &ifr, why);
    }
    if (!err && c->mtu) {
        ifr.ifr_mtu = (int)c->mtu;
        err = link_ioctl(s, "MTU", SIOCSIFMTU, &ifr, why);
    }
    if (!err && c->txqueuelen) {
        ifr.ifr_qlen = (int)c->txqueuelen;
        err = link_ioctl(s, "queue length", SIOCSIFTXQLEN, &ifr, why);
    }
    if (!err && c->up) {
        ioctl(s, SIOCGIFFLAGS, &ifr);
        ifr.ifr_flags |= IFF_UP;
        err = link_ioctl(s, "state", SIOCSIFFLAGS, &ifr, why);
    }
    return err;
}

static int configure(struct dbr_tap *t, const struct dbr_tap_config *c, struct dbr_why *why)
{
    int err = set_offload(t, c->offload, why);
    if (err)
        return err;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return dbr_why(why, DBR_ERR_IO, "cannot open a socket: %s", strerror(errno));
    err = set_link(s, t, c, why);
    close(s);
    t->ifindex = (int)if_nametoindex(t->name);
    return err;
}

int dbr_tap_open(struct dbr_tap *t, const struct dbr_tap_config *c, struct dbr_why *why)
{
    mark_closed(t);
    if (c->queues < 1 || c->queues > DBR_TAP_QUEUES_MAX || strlen(c->name) >= DBR_TAP_NAME)
        return dbr_why(why, DBR_ERR_CONFIG, "TAP %s: 1 to %d queues and a name of at most %d characters",
                       c->name, DBR_TAP_QUEUES_MAX, DBR_TAP_NAME - 1);
    memcpy(t->name, c->name, strlen(c->name));
    t->queues = c->queues;
    int err = 0;
    for (unsigned i = 0; !err && i < c->queues; i++)
        err = open_queue(t, i, why);
    if (!err)
        err = configure(t, c, why);
    if (err)
        dbr_tap_close(t);
    return err;
}

/* --- the steering program --- */

enum { SLOT_SHIFT = 20 };
enum label { ADDRESSES4 = 1, IS_IPV6, ADDRESSES6, MIX, LANE_0, END, N_LABELS };
enum { LABEL_CODE = 0xff, PROGRAM_MAX = 80 }; /* no instruction has this code */
enum { MIX_A = 0x9e3779b1, MIX_B = 0x85ebca77 };
enum {
    IPV4 = 0x0800,
    IPV6 = 0x86dd,
    TCP = 6,
    UDP = 17,
    IPV6_FRAGMENT = 44,
    NO_OPTIONS = 0x45,
    FRAGMENTED = 0x3fff
};

/* Jumps name a label; assemble() puts the distance in its place. */
#define JUMP(op, value, label)                                                                               \
    {                                                                                                        \
        .code = BPF_JMP | (op) | BPF_K, .dst_reg = R0, .imm = (value), .off = (label)                        \
    }
#define LABEL(label)                                                                                         \
    {                                                                                                        \
        .code = LABEL_CODE, .off = (label)                                                                   \
    }
static bool is_jump(const struct bpf_insn *i)
{
    return BPF_CLASS(i->code) == BPF_JMP && i->code != (BPF_JMP | BPF_CALL) &&
           i->code != (BPF_JMP | BPF_EXIT);
}

/* Copies a program without its labels. Returns the number of instructions. */
static unsigned assemble(struct bpf_insn *out, const struct bpf_insn *in, size_t n_in)
{
    int at[N_LABELS] = {0}, n = 0;
    for (size_t i = 0; i < n_in; i++)
        if (in[i].code == LABEL_CODE)
            at[in[i].off] = n;
        else
            out[n++] = in[i];
    for (int i = 0; i < n; i++)
        if (is_jump(&out[i]))
            out[i].off = (int16_t)(at[out[i].off] - i - 1);
    return (unsigned)n;
}

/* dbr_steer_slot() of the destination MAC, then the array, in r9: the worker's first queue. Then the flow:
 * TCP ports, if any, in r8, and the lower words of both addresses. LOAD_ABS takes the frame in r6, gives host
 * order in r0, and ends the program with 0 for a frame that is too short; the kernel takes the result modulo
 * its queues. */
static int load_program(int map_fd, unsigned lanes)
{
    const int flow_lanes = lanes > 1 ? (int)lanes - 1 : 1, first_flow_lane = lanes > 1;
    const struct bpf_insn program[] = {
        MOVE64(R6, R1),
        LOAD_ABS(BPF_W, 0),
        ALU32_REG(BPF_MOV, R7, R0),
        ALU32_IMM(BPF_MUL, R7, MIX_A),
        ALU32_REG(BPF_MOV, R8, R7),
        ALU32_IMM(BPF_RSH, R8, 15),
        ALU32_REG(BPF_XOR, R7, R8),
        LOAD_ABS(BPF_H, 4),
        ALU32_REG(BPF_ADD, R7, R0),
        ALU32_IMM(BPF_MUL, R7, MIX_B),
        ALU32_IMM(BPF_RSH, R7, SLOT_SHIFT),
        STORE(BPF_W, R10, -4, R7),
        LOAD_MAP(R1, map_fd),
        MOVE64(R2, R10),
        ADD64_IMM(R2, -4),
        CALL(BPF_FUNC_map_lookup_elem),
        JUMP(BPF_JEQ, 0, END),
        LOAD(BPF_DW, R9, R0),
        ALU32_IMM(BPF_MUL, R9, lanes),
        ALU32_IMM(BPF_MOV, R8, 0),
        LOAD_ABS(BPF_H, 12),
        JUMP(BPF_JEQ, IPV6, IS_IPV6),
        JUMP(BPF_JNE, IPV4, LANE_0),
        LOAD_ABS(BPF_B, 23),
        JUMP(BPF_JEQ, UDP, ADDRESSES4),
        JUMP(BPF_JNE, TCP, LANE_0),
        LOAD_ABS(BPF_B, 14),
        JUMP(BPF_JNE, NO_OPTIONS, ADDRESSES4),
        LOAD_ABS(BPF_H, 20),
        ALU32_IMM(BPF_AND, R0, FRAGMENTED),
        JUMP(BPF_JNE, 0, ADDRESSES4),
        LOAD_ABS(BPF_W, 34),
        ALU32_REG(BPF_MOV, R8, R0),
        LABEL(ADDRESSES4),
        LOAD_ABS(BPF_W, 26),
        ALU32_REG(BPF_MOV, R7, R0),
        LOAD_ABS(BPF_W, 30),
        JUMP(BPF_JA, 0, MIX),
        LABEL(IS_IPV6),
        LOAD_ABS(BPF_B, 20),
        JUMP(BPF_JEQ, UDP, ADDRESSES6),
        JUMP(BPF_JEQ, IPV6_FRAGMENT, ADDRESSES6),
        JUMP(BPF_JNE, TCP, LANE_0),
        LOAD_ABS(BPF_W, 54),
        ALU32_REG(BPF_MOV, R8, R0),
        LABEL(ADDRESSES6),
        LOAD_ABS(BPF_W, 34),
        ALU32_REG(BPF_MOV, R7, R0),
        LOAD_ABS(BPF_W, 50),
        LABEL(MIX),
        ALU32_IMM(BPF_MUL, R7, MIX_A),
        ALU32_REG(BPF_ADD, R7, R8),
        ALU32_IMM(BPF_MUL, R7, MIX_B),
        ALU32_REG(BPF_MOV, R8, R7),
        ALU32_IMM(BPF_RSH, R8, 15),
        ALU32_REG(BPF_XOR, R7, R8),
        ALU32_REG(BPF_ADD, R7, R0),
        ALU32_IMM(BPF_MUL, R7, MIX_A),
        ALU32_IMM(BPF_RSH, R7, 16),
        ALU32_IMM(BPF_MOD, R7, flow_lanes),
        ALU32_REG(BPF_ADD, R9, R7),
        ALU32_IMM(BPF_ADD, R9, first_flow_lane),
        LABEL(LANE_0),
        MOVE64(R0, R9),
        LABEL(END),
        EXIT,
    };
    struct bpf_insn insns[PROGRAM_MAX];
    _Static_assert(sizeof program <= sizeof insns, "room for the program");
    return dbr_bpf_load("dbr_steer", insns, assemble(insns, program, sizeof program / sizeof *program));
}

int dbr_steer_open(struct dbr_steer *s, unsigned lanes, struct dbr_why *why)
{
    s->prog_fd = -1;
    s->map_fd = dbr_bpf_array("dbr_slots", DBR_STEER_SLOTS);
    if (s->map_fd >= 0)
        s->prog_fd = load_program(s->map_fd, lanes);
    if (s->prog_fd >= 0)
        return 0;
    int cause = errno;
    dbr_steer_close(s);
    return dbr_why(why, DBR_ERR_UNSUPPORTED, "cannot load the TAP steering program: %s%s", strerror(cause),
                   cause == EPERM ? " (needs CAP_BPF)" : "");
}

int dbr_steer_attach(const struct dbr_steer *s, const struct dbr_tap *t, struct dbr_why *why)
{
    int fd = s->prog_fd;
    if (ioctl(t->fd[0], TUNSETSTEERINGEBPF, &fd) < 0)
        return dbr_why(why, DBR_ERR_UNSUPPORTED, "cannot attach the steering program to TAP %s: %s", t->name,
                       strerror(errno));
    return 0;
}

void dbr_steer_close(struct dbr_steer *s)
{
    if (s->prog_fd >= 0)
        close(s->prog_fd);
    if (s->map_fd >= 0)
        close(s->map_fd);
    s->prog_fd = s->map_fd = -1;
}

dbr_steer_slots *dbr_steer_map(int map_fd)
{
    return dbr_bpf_map_array(map_fd, DBR_STEER_SLOTS);
}

void dbr_steer_unmap(dbr_steer_slots *slots)
{
    dbr_bpf_unmap_array(slots, DBR_STEER_SLOTS);
}
