/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/whence.h"

#include "base/err.h"
#include "bridge/bpf.h"
#include "ipc/boot.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int not_here(struct dbr_why *why)
{
    return dbr_why(why, DBR_ERR_UNSUPPORTED, "cannot watch where packets come from: %s%s", strerror(errno),
                   errno == EPERM ? " (needs CAP_BPF)" : "");
}

/* cpus[index] = 1 + this processor; the packet passes whole. */
static int load_filter(int map_fd, unsigned index)
{
    const struct bpf_insn program[] = {
        CALL(BPF_FUNC_get_smp_processor_id),
        MOVE64(R7, R0),
        ADD64_IMM(R7, 1),
        ALU32_IMM(BPF_MOV, R0, index),
        STORE(BPF_W, R10, -4, R0),
        LOAD_MAP(R1, map_fd),
        MOVE64(R2, R10),
        ADD64_IMM(R2, -4),
        CALL(BPF_FUNC_map_lookup_elem),
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = R0, .imm = 0, .off = 1},
        STORE(BPF_DW, R0, 0, R7),
        ALU32_IMM(BPF_MOV, R0, -1),
        EXIT,
    };
    return dbr_bpf_load("dbr_whence", program, sizeof program / sizeof *program);
}

int whence_open(struct whence *w, struct dbr_why *why)
{
    w->map_fd = dbr_bpf_array("dbr_cpus", DBR_MAX_WORKERS);
    w->prog_fd = w->map_fd < 0 ? -1 : load_filter(w->map_fd, 0);
    w->cpus = w->prog_fd < 0 ? NULL : dbr_bpf_map_array(w->map_fd, DBR_MAX_WORKERS);
    if (w->cpus)
        return 0;
    int err = not_here(why);
    whence_close(w);
    return err;
}

void whence_close(struct whence *w)
{
    dbr_bpf_unmap_array(w->cpus, DBR_MAX_WORKERS);
    if (w->prog_fd >= 0)
        close(w->prog_fd);
    if (w->map_fd >= 0)
        close(w->map_fd);
    *w = (struct whence){.map_fd = -1, .prog_fd = -1};
}

int whence_watch_tap(const struct whence *w, const struct dbr_tap *t, struct dbr_why *why)
{
    int fd = w->prog_fd;
    return ioctl(t->fd[0], TUNSETFILTEREBPF, &fd) < 0 ? not_here(why) : 0;
}

int whence_watch_udp(const struct whence *w, const struct udp_group *g, struct dbr_why *why)
{
    int err = 0;
    for (unsigned i = 1; !err && i < g->n; i++) {
        int fd = load_filter(w->map_fd, i - 1);
        if (fd < 0 || setsockopt(g->fd[i], SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof fd))
            err = not_here(why);
        if (fd >= 0)
            close(fd);
    }
    return err;
}
