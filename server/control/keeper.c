/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages to and from keeper. End of file on this pair means: end now.
 */
#include "control/calls.h"
#include "control/gatekey.h"
#include "control/revocation.h"
#include "control/state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_CHUNK = 65536, CRL_MAX = 96 << 20 };

void keeper_say(struct control *ctl, enum dbr_state what, int32_t value)
{
    struct dbr_ipc_state m = {.head = dbr_ipc_head(DBR_IPC_STATE, sizeof m, 0), .what = what, .value = value};
    dbr_ipc_send(ctl->boot->ipc_keeper, &m, -1);
}

void keeper_tell(struct control *ctl, const void *msg)
{
    dbr_ipc_send(ctl->boot->ipc_keeper, msg, -1);
}

uint8_t *control_read_all(int fd, size_t *len)
{
    uint8_t *data = NULL;
    size_t cap = 0;
    *len = 0;
    for (;;) {
        if (*len + READ_CHUNK > cap) {
            cap = cap ? cap * 2 : 2 * READ_CHUNK;
            uint8_t *more = cap <= CRL_MAX ? realloc(data, cap) : NULL;
            if (!more)
                break;
            data = more;
        }
        ssize_t n = pread(fd, data + *len, READ_CHUNK, (off_t)*len);
        if (n == 0)
            return data;
        if (n < 0)
            break;
        *len += (size_t)n;
    }
    free(data);
    return NULL;
}

static void take_file(struct control *ctl, const struct dbr_ipc_file *m, int fd)
{
    const char *name = ctl->cfg->crl_verify.path ? ctl->cfg->crl_verify.path
                       : ctl->cfg->capath        ? ctl->cfg->capath
                                                 : "crl-verify";
    if (m->missing || fd < 0) {
        dbr_log(ctl->log, DBR_LOG_WARN,
                "WARNING: CRL file %s is gone or cannot be read; the last accepted list stays in force",
                name);
        return;
    }
    if (revocation_verify(ctl, fd, DBR_CRL_FROM_FILE, NULL))
        return;
    size_t len;
    uint8_t *bytes = control_read_all(fd, &len);
    if (!bytes) {
        dbr_log(ctl->log, DBR_LOG_WARN, "WARNING: CRL file %s cannot be read; the old list stays in force",
                name);
        return;
    }
    if (!control_take_crl(ctl, bytes, len, name))
        clients_revoke(ctl);
    free(bytes);
}

/* What a client hears whose keys are gone: another Drawbridge, that we are there ([A]: come at once). */
static const char *come_back(const struct client *c)
{
    bool ours = dbr_session_framing(c->session) == DBR_FRAMING_OFFLOAD;
    return client_parting(c, ours ? "RESTART,[A]" : "RESTART");
}

/* Data was restarted and knows no key: who has called us is told to come back, a stock client does so after
 * its connect-retry, by default a second; whom we have called is called again at once. */
static void data_is_new(struct control *ctl)
{
    workers_forgive(ctl);
    ctl->metric[DBR_METRIC_DATA_NEW]++;
    for (uint32_t i = 0; i < ctl->max_clients; i++) {
        struct client *c = ctl->by_peer[i];
        if (!c)
            continue;
        c->in_data = false;
        if (!c->session) {
            client_free(c);
            continue;
        }
        if (ctl->calls) {
            calls_now(ctl, "data process restarted");
            continue;
        }
        dbr_session_close(c->session, come_back(c), "data process restarted", &ctl->now);
        client_settle(c);
    }
}

static void take_state(struct control *ctl, const struct dbr_ipc_state *m)
{
    switch ((enum dbr_state)m->what) {
    case DBR_STATE_SHUTDOWN:
        clients_shutdown(ctl, ctl->cfg->explicit_exit_notify > 1 ? "RESTART,[N]" : "RESTART");
        break;
    case DBR_STATE_STATUS:
        if (ctl->boot->status_fd >= 0)
            ctl->status_ns = ctl->now.ns;
        break;
    case DBR_STATE_RESTART:
        if (ctl->calls)
            calls_restart(ctl);
        break;
    case DBR_STATE_RELOAD:
        dbr_log(ctl->log, DBR_LOG_NOTICE, "reload: nothing to change while clients are up");
        break;
    case DBR_STATE_DATA_NEW: data_is_new(ctl); break;
    case DBR_STATE_FETCH_NEW: revocation_tell(ctl); break;
    case DBR_STATE_SIGNER_GONE: signer_gone(ctl); break;
    case DBR_STATE_SIGNER_NEW: signer_new(ctl); break;
    case DBR_STATE_DONE:
    case DBR_STATE_CONNECTED:
    case DBR_STATE_NEW_PORT:
    case DBR_STATE_SIGNAL:
    case DBR_STATES: break;
    }
}

/* Client role: the sockets of another port, ours and the worker's. Returns what is left to close, or -1. */
static int take_socket(struct control *ctl, const struct dbr_ipc_socket *m, int fd)
{
    if (!ctl->boot->client || fd < 0)
        return fd;
    if (m->index) {
        dbr_ipc_send(ctl->boot->ipc_control[0], m, fd);
        calls_have_port(ctl);
        return fd;
    }
    control_unwatch(ctl, ctl->udp);
    close(ctl->udp);
    ctl->udp = fd;
    control_watch(ctl, fd, SOCKET_EVENT);
    return -1;
}

void keeper_read(struct control *ctl)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    const struct dbr_ipc_head *head = (const void *)buf;
    int fd, err;
    while (!(err = dbr_ipc_recv(ctl->boot->ipc_keeper, buf, &fd))) {
        const struct dbr_ipc_file *file = (const void *)buf;
        if (head->type == DBR_IPC_FILE && file->what == DBR_FILE_BUNDLE && fd >= 0)
            fd = signer_reload(ctl, fd);
        else if (head->type == DBR_IPC_FILE && file->what == DBR_FILE_REVOKED)
            folder_changed(ctl, file->missing, fd);
        else if (head->type == DBR_IPC_FILE && file->what == DBR_FILE_WITHDRAWN)
            withdrawn_changed(ctl, file->missing, fd);
        else if (head->type == DBR_IPC_FILE)
            take_file(ctl, file, fd);
        else if (head->type == DBR_IPC_STATE)
            take_state(ctl, (const void *)buf);
        else if (head->type == DBR_IPC_HOOK_DONE)
            hook_done(ctl, (const void *)buf);
        else if (head->type == DBR_IPC_SOCKET)
            fd = take_socket(ctl, (const void *)buf, fd);
        else if (head->type == DBR_IPC_LOGIN && ctl->calls)
            calls_login_take(ctl, (const void *)buf);
        if (fd >= 0)
            close(fd);
    }
    if (err == DBR_ERR_NOTFOUND || err == DBR_ERR_IO)
        ctl->stop = true;
}
