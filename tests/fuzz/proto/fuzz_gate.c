/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Shape, gate and control packet. The first byte chooses the gate and whether the rest is a datagram as a
 * stranger sends it or the inner part of one that the harness seals with the right key.
 */
#include "fuzz.h"

#include "proto/gate.h"
#include "proto/wire.h"

static struct dbr_gate *gates[2][3]; /* ours, the peer's; none, tls-auth, tls-crypt */

static void make_gates(void)
{
    uint8_t key[256];
    fill_pattern(key, sizeof key, 7);
    for (int side = 0; side < 2 && !gates[1][2]; side++)
        for (int kind = 0; kind < 3; kind++)
            PROMISE(!dbr_gate_new(&gates[side][kind], (enum dbr_gate_kind)kind, key, side, "SHA1"));
}

static void control(const struct dbr_gated *g)
{
    struct dbr_control c;
    static uint8_t again[65536];
    if (dbr_control_parse(&c, g->first, g->sid, g->inner, g->inner_len))
        return;
    PROMISE(c.n_acks <= DBR_MAX_ACKS && c.payload_len <= DBR_MAX_CONTROL_PAYLOAD && c.sid);
    PROMISE(!c.payload_len ||
            (c.payload >= g->inner && c.payload + c.payload_len == g->inner + g->inner_len));
    PROMISE(dbr_control_write(&c, again, sizeof again) == (int)g->inner_len);
    PROMISE(!memcmp(again, g->inner, g->inner_len));
}

static void stranger(int kind, uint8_t *dgram, size_t len)
{
    struct dbr_gated g;
    if (dbr_wire_prefilter(dgram, len, dbr_gate_overhead(gates[0][kind])))
        return;
    PROMISE(len >= 14);
    if (!dbr_gate_open(gates[0][kind], dgram, len, &g))
        control(&g);
}

static void insider(int kind, const uint8_t *data, size_t size)
{
    static uint8_t dgram[65536];
    struct dbr_gated g;
    if (size < 2)
        return;
    int len = dbr_gate_seal(gates[1][kind], data[0], 0x0102030405060708, 1, 2, data + 1, size - 1, dgram,
                            sizeof dgram);
    PROMISE(len > 0);
    PROMISE(!dbr_gate_open(gates[0][kind], dgram, (size_t)len, &g));
    PROMISE(g.inner_len == size - 1 && !memcmp(g.inner, data + 1, size - 1));
    bool shaped = !dbr_wire_prefilter(dgram, (size_t)len, dbr_gate_overhead(gates[0][kind]));
    struct dbr_control c;
    PROMISE(shaped || dbr_opcode_has_wkc(dbr_opcode_of(data[0])) ||       /* its key would stand behind it */
            dbr_control_parse(&c, g.first, g.sid, g.inner, g.inner_len)); /* the first is no stricter */
    control(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_gates();
    if (size < 1 || size > 8000)
        return 0;
    if (data[0] & 4) {
        insider(data[0] % 3, data + 1, size - 1);
        return 0;
    }
    uint8_t *dgram = malloc(size);
    PROMISE(dgram);
    memcpy(dgram, data + 1, size - 1);
    stranger(data[0] % 3, dgram, size - 1);
    free(dgram);
    return 0;
}
