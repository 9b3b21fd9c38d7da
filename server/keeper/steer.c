/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/steer.h"

#include <string.h>

/* OpenVPN's opcodes in the upper five bits of the first byte. */
enum { OP_DATA_V1 = 6, OP_DATA_V2 = 9 };

void udp_steer_write(struct sock_filter out[UDP_STEER_LEN], unsigned n_workers)
{
    const struct sock_filter program[UDP_STEER_LEN] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),  /* opcode and key id */
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3), /* opcode */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OP_DATA_V2, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OP_DATA_V1, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 1),          /* first worker */
        BPF_STMT(BPF_RET | BPF_K, 0),          /* control */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* opcode, key id and 24 bits of peer id */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, n_workers),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    memcpy(out, program, sizeof program);
}
