/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What our small programs in the kernel are written with: instructions, arrays that a process has mapped,
 * loading (Linux; needs CAP_BPF). The programs are of the kind of a socket's filter: they see a packet and
 * return a number.
 */
#ifndef DBR_BRIDGE_BPF_H
#define DBR_BRIDGE_BPF_H

#include <linux/bpf.h>
#include <stdatomic.h>
#include <stdint.h>

enum { R0 = 0, R1 = 1, R2 = 2, R6 = 6, R7 = 7, R8 = 8, R9 = 9, R10 = 10 };

#define LOAD_ABS(size, off)                                                                                  \
    {                                                                                                        \
        .code = BPF_LD | BPF_ABS | (size), .imm = (off)                                                      \
    }
#define ALU32_IMM(op, dst, value)                                                                            \
    {                                                                                                        \
        .code = BPF_ALU | (op) | BPF_K, .dst_reg = (dst), .imm = (int)(value)                                \
    }
#define ALU32_REG(op, dst, src)                                                                              \
    {                                                                                                        \
        .code = BPF_ALU | (op) | BPF_X, .dst_reg = (dst), .src_reg = (src)                                   \
    }
#define MOVE64(dst, src)                                                                                     \
    {                                                                                                        \
        .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (dst), .src_reg = (src)                              \
    }
#define ADD64_IMM(dst, value)                                                                                \
    {                                                                                                        \
        .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (dst), .imm = (value)                                \
    }
#define STORE(size, base, offset, src)                                                                       \
    {                                                                                                        \
        .code = BPF_STX | BPF_MEM | (size), .dst_reg = (base), .off = (offset), .src_reg = (src)             \
    }
#define LOAD(size, dst, base)                                                                                \
    {                                                                                                        \
        .code = BPF_LDX | BPF_MEM | (size), .dst_reg = (dst), .src_reg = (base)                              \
    }
/* Two instructions. */
#define LOAD_MAP(dst, fd)                                                                                    \
    {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (dst), .src_reg = BPF_PSEUDO_MAP_FD, .imm = (fd)},        \
    {                                                                                                        \
        0                                                                                                    \
    }
#define EXIT                                                                                                 \
    {                                                                                                        \
        .code = BPF_JMP | BPF_EXIT                                                                           \
    }
#define CALL(helper)                                                                                         \
    {                                                                                                        \
        .code = BPF_JMP | BPF_CALL, .imm = (helper)                                                          \
    }

/* Loads a program of n instructions under a name of at most 15 characters. Its descriptor, or -1 and errno.
 */
int dbr_bpf_load(const char *name, const struct bpf_insn *insns, unsigned n);
/* Makes an array of n numbers of 64 bits. Its descriptor, or -1 and errno. */
int dbr_bpf_array(const char *name, unsigned n);
/* Maps it shared, for reading and writing. NULL on failure, errno has the cause. */
_Atomic uint64_t *dbr_bpf_map_array(int fd, unsigned n);
void dbr_bpf_unmap_array(_Atomic uint64_t *array, unsigned n); /* NULL is fine */

#endif
