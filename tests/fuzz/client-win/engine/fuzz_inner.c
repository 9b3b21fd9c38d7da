/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a server sends through the tunnel of the Windows client once it is up, genuine but odd: payloads with
 * framing and pieces, frames from the TAP, datagrams of strangers. The session stands it all.
 */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static struct rig *rigs[2];

static struct rig *make(unsigned which)
{
    struct rig_options o = {.push = {"ifconfig 192.168.77.100 255.255.255.0", "compress stub-v2"}};
    if (which == 0)
        o.push[1] = NULL;
    struct rig *r = rig_new(&o, which + 1);
    REQUIRE(r->engine);
    rig_start(r);
    REQUIRE(rig_until(r, DBR_ENGINE_CONNECTED, 30));
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 1400)
        return 0;
    struct rig **slot = &rigs[data[0] & 1], *r;
    r = *slot ? *slot : (*slot = make(data[0] & 1));
    uint8_t copy[1400];
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 2) {
        rig_client_frame(r, copy, size - 1);
    } else if (data[0] & 4) {
        dbr_engine_feed(r->engine, copy, size - 1, &r->server_addr, &r->now);
    } else {
        rig_server_frame(r, copy, size - 1);
    }
    rig_run(r, 30);
    if (dbr_engine_state(r->engine) != DBR_ENGINE_CONNECTED) { /* an OCC message may say EXIT */
        rig_free(r);
        *slot = NULL;
    }
    return 0;
}
