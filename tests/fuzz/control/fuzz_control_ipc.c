/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages from workers and keeper, the way they come when the other process was taken over: any bytes, any
 * order, about peers that are there and that are not. Control stays in one piece.
 */
#include "check.h"
#include "base/bytes.h"

#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig *rig = ready_rig(&(struct rig_options){.gate = DBR_GATE_TLS_AUTH, .crl = true});
    struct dbr_reader r;
    dbr_reader_init(&r, data, size);
    for (int i = 0; i < 32 && dbr_reader_left(&r) && !rig->ctl->stop; i++) {
        uint64_t buf[DBR_IPC_MAX / 8] = {0};
        struct dbr_ipc_head *h = (void *)buf;
        uint8_t *body = (uint8_t *)buf + sizeof *h;
        uint8_t to = dbr_read8(&r);
        h->type = dbr_read8(&r) % (DBR_IPC_TYPES + 1);
        h->peer_id = dbr_read8(&r) & 3;
        h->len = (uint16_t)(sizeof *h + dbr_read16(&r) % (sizeof buf - sizeof *h));
        size_t n = dbr_read8(&r);
        for (size_t k = 0; k < n; k++)
            body[k] = dbr_read8(&r);
        bool keeper = to & 1;
        send(keeper ? rig->keeper : rig->worker[to >> 1 & 1], buf, h->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        rig_settle(rig);
        check(rig);
    }
    if (!rig->ctl->stop)
        rig_run(rig, 100);
    check(rig);
    return 0;
}
