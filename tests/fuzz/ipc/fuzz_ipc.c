/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A process that was taken over writes into its pair: each input is one message. It goes through a real
 * socket with dbr_ipc_recv(), and what passes the check is read as its receiver would: every bound that
 * receivers rely on is asserted here.
 */
#include "base/err.h"
#include "ipc/messages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int pair[2] = {-1, -1};

static void must(int good)
{
    if (!good)
        abort();
}

static void read_peer(const struct dbr_ipc_peer *m)
{
    must(memchr(m->cn, 0, sizeof m->cn) != NULL);
    must(m->serial_len <= sizeof m->serial && m->wire_peer_id < 1u << 24);
    must(m->replay_window >= 64 && m->replay_window <= 8192);
    must(m->addr.family == 0 || m->addr.family == 4 || m->addr.family == 6);
}

static void read_learned(const struct dbr_ipc_learned *m)
{
    must(m->vlan < 4096 && !(m->mac[0] & 1));
}

static void read_datagram(const struct dbr_ipc_datagram *m, size_t len)
{
    must(m->n <= sizeof m->bytes && offsetof(struct dbr_ipc_datagram, bytes) + m->n == len);
    must(m->addr.family == 4 || m->addr.family == 6);
}

static void read_message(const void *buf)
{
    const struct dbr_ipc_head *head = buf;
    must(head->type > 0 && head->type < DBR_IPC_TYPES && head->peer_id < 1u << 24 &&
         head->len <= DBR_IPC_MAX);
    switch ((enum dbr_ipc_type)head->type) {
    case DBR_IPC_PEER_NEW:
    case DBR_IPC_PEER_SET:
    case DBR_IPC_PEER_BACK: read_peer(buf); break;
    case DBR_IPC_LEARNED:
    case DBR_IPC_FDB_ADD:
    case DBR_IPC_FDB_DEL: read_learned(buf); break;
    case DBR_IPC_DATAGRAM: read_datagram(buf, head->len); break;
    case DBR_IPC_KEY_NEW: must(((const struct dbr_ipc_key *)buf)->key_id < 8); break;
    case DBR_IPC_KEY_SWAP:
    case DBR_IPC_KEY_DEL:
    case DBR_IPC_KEY_LIMIT:
    case DBR_IPC_KEY_USED: must(((const struct dbr_ipc_key_ref *)buf)->key_id < 8); break;
    case DBR_IPC_SEND:
    case DBR_IPC_PAYLOAD: must(((const struct dbr_ipc_blob *)buf)->n <= DBR_IPC_BLOB_MAX); break;
    case DBR_IPC_STATE: must(((const struct dbr_ipc_state *)buf)->what < DBR_STATES); break;
    case DBR_IPC_TAP_ADDRESS: must(((const struct dbr_ipc_tap_address *)buf)->prefix6 <= 128); break;
    case DBR_IPC_CRL_IMAGE: must(((const struct dbr_ipc_crl_image *)buf)->n <= DBR_IPC_LISTS_MAX); break;
    case DBR_IPC_CRL_TAKEN: must(((const struct dbr_ipc_crl_taken *)buf)->n <= DBR_IPC_TEXT_MAX); break;
    case DBR_IPC_OCSP_ASK: must(((const struct dbr_ipc_ocsp_ask *)buf)->n <= DBR_IPC_CERT_MAX); break;
    case DBR_IPC_SEEN: must(((const struct dbr_ipc_seen *)buf)->vlan < 4096); break;
    case DBR_IPC_GUARD: must(((const struct dbr_ipc_guard *)buf)->reason < DBR_IPC_GUARDS); break;
    case DBR_IPC_METRICS_CLIENTS:
        must(((const struct dbr_ipc_metrics_clients *)buf)->n <= DBR_IPC_CLIENT_ROWS);
        break;
    case DBR_IPC_PROCESSES: must(((const struct dbr_ipc_processes *)buf)->n <= DBR_IPC_PROCESSES_MAX); break;
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t buf[DBR_IPC_MAX / 8];
    if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
        abort();
    if (size == 0 || size > 8192)
        return 0; /* an empty packet reads as the end of the pair */
    must(send(pair[0], data, size, 0) == (ssize_t)size);
    int err = dbr_ipc_recv(pair[1], buf, NULL);
    must(err == 0 || err == DBR_ERR_SHAPE);
    if (!err)
        read_message(buf);
    must(dbr_ipc_recv(pair[1], buf, NULL) == DBR_ERR_AGAIN);
    return 0;
}
