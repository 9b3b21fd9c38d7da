/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keeper/capath.h"
#include "base/err.h"
#include "ipc/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A memory file with the lists of the folder, or a negative error. */
static int lists_of(const char *dir, bool *empty)
{
    char *text;
    size_t len;
    int err = dbr_capath_read(dir, DBR_CAPATH_LISTS, &text, &len);
    int fd = err ? err : memfd_create("capath", MFD_CLOEXEC);
    if (!err && fd < 0)
        fd = DBR_ERR_NOMEM;
    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET))) {
        close(fd);
        fd = DBR_ERR_IO;
    }
    *empty = len == 0;
    free(text);
    return fd;
}

/* True if control has them, or there is nothing to have, or they cannot be had until something changes. */
static bool pass_lists(struct keeper *k)
{
    struct dbr_ipc_file m = {.head = dbr_ipc_head(DBR_IPC_FILE, sizeof m, 0), .what = DBR_FILE_CRL};
    bool empty;
    int fd = lists_of(k->config->capath, &empty);
    if (fd < 0) {
        dbr_log(&k->log, DBR_LOG_ERROR,
                "ALARM: capath: the lists in %s cannot be read: %s; the last accepted ones stay in force",
                k->config->capath, fd == DBR_ERR_IO ? strerror(errno) : dbr_err_text(fd));
        return fd != DBR_ERR_NOMEM;
    }
    bool passed = empty || dbr_ipc_send(k->child[CHILD_CONTROL].ipc, &m, fd) == 0;
    close(fd);
    return passed;
}

void capath_forget(struct keeper *k)
{
    k->capath_seen = false;
}

bool capath_look(struct keeper *k)
{
    uint64_t stamp[DBR_CAPATH_KINDS];
    if (!k->config->capath || !k->child[CHILD_CONTROL].ready || dbr_capath_look(k->config->capath, stamp))
        return false;
    bool first = !k->capath_seen,
         lists = first || stamp[DBR_CAPATH_LISTS] != k->capath_stamp[DBR_CAPATH_LISTS];
    bool certs = !first && stamp[DBR_CAPATH_CERTS] != k->capath_stamp[DBR_CAPATH_CERTS];
    if (lists && !pass_lists(k))
        return false; /* control is busy: again at the next look */
    k->capath_seen = true;
    memcpy(k->capath_stamp, stamp, sizeof stamp);
    if (certs)
        dbr_log(&k->log, DBR_LOG_NOTICE, "capath: the certificates in %s have changed", k->config->capath);
    return certs;
}
