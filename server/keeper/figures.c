/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the processes use, for the metrics process: it asks, keeper looks into /proc, which nobody else may.
 */
#include "keeper/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t figures_cpu_ns(pid_t pid)
{
    struct timespec t;
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
        return 0;
    return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

bool figures_proc(pid_t pid, const char *file, char *text, size_t cap)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, cap - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* Resident memory, bytes (proc(5): the second number of statm, in pages). */
static uint64_t rss_of(pid_t pid)
{
    char text[128];
    const char *second = figures_proc(pid, "statm", text, sizeof text) ? strchr(text, ' ') : NULL;
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void add_row(struct dbr_ipc_processes *m, const char *name, pid_t pid, const struct child *c)
{
    m->row[m->n].up = pid > 0;
    m->row[m->n].restarts = c ? c->restarts : 0;
    m->row[m->n].cpu_ns = (c ? c->cpu_ns : 0) + (pid ? figures_cpu_ns(pid) : 0);
    m->row[m->n].rss = pid ? rss_of(pid) : 0;
    snprintf(m->row[m->n].name, sizeof m->row[m->n].name, "%s", name);
    m->n++;
}

_Static_assert(1 + (int)CHILDREN <= (int)DBR_IPC_PROCESSES_MAX, "the message has room for every process");

void figures_send(struct keeper *k, uint32_t ticket)
{
    struct dbr_ipc_processes m = {.head = dbr_ipc_head(DBR_IPC_PROCESSES, sizeof m, 0), .ticket = ticket};
    add_row(&m, "keeper", getpid(), NULL);
    for (unsigned i = 0; i < CHILDREN; i++)
        if (k->child[i].pid || k->child[i].was_ready)
            add_row(&m, child_name(i), k->child[i].pid, &k->child[i]);
    dbr_ipc_send(k->child[CHILD_METRICS].ipc, &m, -1);
}
