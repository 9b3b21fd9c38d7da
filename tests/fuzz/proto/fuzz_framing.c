/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Compression framing. The first byte chooses it; the rest is stripped as a packet of a peer, and framed and
 * stripped again as one of ours.
 */
#include "fuzz.h"

#include "proto/framing.h"

enum { ROOM = 8, CAP = 1600 };

static void of_a_peer(enum dbr_framing f, const uint8_t *data, size_t size)
{
    uint8_t *packet = malloc(size ? size : 1), *scratch = malloc(CAP), *p = packet;
    size_t len = size;
    PROMISE(packet && scratch);
    memcpy(packet, data, size);
    int err = dbr_framing_strip(f, &p, &len, scratch, CAP);
    PROMISE(err == 0 || (err == DBR_FRAMING_UNSUMMED && f == DBR_FRAMING_OFFLOAD) || err == DBR_ERR_SHAPE ||
            err == DBR_ERR_UNSUPPORTED);
    bool expanded = p == scratch;
    PROMISE(err < 0 || (len > 0 && (expanded ? len <= CAP : p >= packet && p + len <= packet + size)));
    free(packet);
    free(scratch);
}

static void of_ours(enum dbr_framing f, const uint8_t *data, size_t size)
{
    uint8_t *buf = malloc(ROOM + size + DBR_FRAMING_TAILROOM), *p = buf + ROOM;
    size_t len = size;
    PROMISE(buf);
    memcpy(p, data, size);
    dbr_framing_add(f, &p, &len);
    PROMISE(p + DBR_FRAMING_HEADROOM >= buf + ROOM && len <= size + 2);
    int err = dbr_framing_strip(f, &p, &len, NULL, 0);
    PROMISE(err == (size ? 0 : DBR_ERR_SHAPE));
    PROMISE(err || (len == size && !memcmp(p, data, size)));
    free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum dbr_framing f = data[0] % (DBR_FRAMING_OFFLOAD + 1);
    of_a_peer(f, data + 1, size - 1);
    of_ours(f, data + 1, size - 1);
    return 0;
}
