/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Input: 1 byte of flags, 2 bytes MSS, the 10 bytes of a virtio_net_hdr, then the frame. What is cut must
 * come to an end, fit what was announced, and carry every payload byte once and in order.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "bridge/eth.h"
#include "bridge/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 3 };

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static void cut(struct dbr_gso *g, const uint8_t *frame, size_t n)
{
    size_t count = dbr_gso_count(g), most = dbr_gso_frame_len(g), got = 0, carried = 0;
    bool whole = g->version == 0;
    uint8_t *out = malloc(most); /* no byte more than announced */
    for (int len; (len = dbr_gso_next(g, out, most)) != 0; got++) {
        REQUIRE(len > 0);
        REQUIRE(got < count && (size_t)len <= most);
        if (whole) {
            REQUIRE((size_t)len == n);
            continue;
        }
        size_t part = (size_t)len - g->head;
        REQUIRE((size_t)len >= g->head && memcmp(out + g->head, frame + g->head + carried, part) == 0);
        REQUIRE(memcmp(out, frame, g->l3) == 0);
        carried += part;
    }
    REQUIRE(got == count && (whole || carried == g->payload));
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX + DBR_VNET_LEN)
        return 0;
    struct dbr_vnet v;
    struct dbr_gso g;
    struct dbr_mss max = {0, 0};
    if (data[0] & 1)
        max.v4 = max.v6 = dbr_get16(data + 1);
    dbr_vnet_parse(&v, data + PREFIX);
    size_t n = size - PREFIX - DBR_VNET_LEN;
    uint8_t *frame = malloc(n ? n : 1);
    memcpy(frame, data + PREFIX + DBR_VNET_LEN, n);
    if (dbr_gso_init(&g, &v, frame, n, max) == 0)
        cut(&g, frame, n);
    free(frame);
    return 0;
}
