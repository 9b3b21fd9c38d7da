/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/bpf.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf_call(int cmd, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, cmd, attr, sizeof *attr);
}

int dbr_bpf_load(const char *name, const struct bpf_insn *insns, unsigned n)
{
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
        .insns = (uintptr_t)insns,
        .insn_cnt = n,
        .license = (uintptr_t) "GPL",
    };
    snprintf(attr.prog_name, sizeof attr.prog_name, "%s", name);
    return bpf_call(BPF_PROG_LOAD, &attr);
}

int dbr_bpf_array(const char *name, unsigned n)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY,
        .key_size = 4,
        .value_size = sizeof(uint64_t),
        .max_entries = n,
        .map_flags = BPF_F_MMAPABLE,
    };
    snprintf(attr.map_name, sizeof attr.map_name, "%s", name);
    return bpf_call(BPF_MAP_CREATE, &attr);
}

_Atomic uint64_t *dbr_bpf_map_array(int fd, unsigned n)
{
    void *p = mmap(NULL, n * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p == MAP_FAILED ? NULL : p;
}

void dbr_bpf_unmap_array(_Atomic uint64_t *array, unsigned n)
{
    if (array)
        munmap(array, n * sizeof *array);
}
