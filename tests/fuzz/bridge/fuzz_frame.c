/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Classifier, guards, switch and MSS clamp on the same frames. Input: one byte of flags, then frames, each as
 * port (1 byte), length (2 bytes, big endian) and bytes. The switch lives as long as the input.
 */
#include <stdlib.h>
#include <string.h>

#include "bridge/forward.h"
#include "bridge/mss.h"
#include "bridge/snoop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PORTS = 4, MACS = 32 };

#define REQUIRE(x)                                                                                           \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

struct world {
    struct dbr_fdb *fdb;
    struct dbr_switch sw;
    struct dbr_guard_policy policy[PORTS];
    struct dbr_storm storm[PORTS];
    struct dbr_tick now;
};

static void make_world(struct world *w, uint8_t flags)
{
    struct dbr_fdb_config c = {.macs = MACS, .ports = PORTS, .key = {7}};
    w->fdb = dbr_fdb_new(&c);
    REQUIRE(w->fdb);
    dbr_switch_init(&w->sw, w->fdb);
    w->sw.client_to_client = flags & 1;
    dbr_switch_guard_mac(&w->sw, 0x02000000fe01U, DBR_ROLE_GATEWAY);
    dbr_switch_guard_ip4(&w->sw, 0xc0a80101, true);
    for (uint32_t p = 0; p < PORTS; p++) {
        dbr_guard_policy_default(&w->policy[p], p & 1 ? DBR_KIND_SITE : DBR_KIND_LAPTOP);
        w->policy[p].mac_limit = 3 + p;
        w->policy[p].source_guard = flags >> 1 & 1;
        w->policy[p].pin4_set = w->policy[p].pin6_set = p == 2;
        dbr_fdb_port_limit(w->fdb, p, w->policy[p].mac_limit);
    }
}

/* What must hold for every decision. */
static void judge_route(struct world *w, uint32_t port, const struct dbr_eth_view *v,
                        const struct dbr_route *r)
{
    REQUIRE((r->to == DBR_TO_DROP) == (r->verdict != DBR_GUARD_PASS));
    REQUIRE(r->to != DBR_TO_PEER || (r->peer < PORTS && r->peer != port));
    REQUIRE(r->to != DBR_TO_LAN || port != DBR_PORT_LAN);
    REQUIRE(r->to == DBR_TO_DROP || (v->src && !(v->src & DBR_MAC_GROUP_BIT)));
    if (port == DBR_PORT_LAN)
        return;
    REQUIRE(r->to == DBR_TO_DROP || dbr_fdb_lookup(w->fdb, v->src, v->vid, NULL) == port);
    REQUIRE(r->to == DBR_TO_DROP || !(r->classes & w->policy[port].deny_in));
    REQUIRE(r->to == DBR_TO_DROP || v->src != 0x02000000fe01U);
    REQUIRE(dbr_fdb_port_count(w->fdb, port) <= w->policy[port].mac_limit);
}

/* The clamp changes at most the option and the checksum, and not twice. */
static void judge_clamp(const uint8_t *frame, size_t n)
{
    struct dbr_mss max = {.v4 = 1000, .v6 = 900};
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, frame, n);
    bool changed = dbr_mss_clamp(copy, n, max, false);
    size_t differ = 0;
    for (size_t i = 0; i < n; i++)
        differ += copy[i] != frame[i];
    REQUIRE(changed ? differ >= 1 && differ <= 4 : differ == 0);
    REQUIRE(!dbr_mss_clamp(copy, n, max, false));
    free(copy);
}

static void one_frame(struct world *w, uint8_t from, const uint8_t *data, size_t n)
{
    uint8_t *frame = malloc(n ? n : 1);
    struct dbr_eth_view v;
    memcpy(frame, data, n);
    judge_clamp(frame, n);
    if (dbr_eth_parse(&v, frame, n) == 0) {
        uint32_t port = from % (PORTS + 1) == PORTS ? DBR_PORT_LAN : from % (PORTS + 1);
        struct dbr_ingress in = {.port = port};
        if (port != DBR_PORT_LAN) {
            in.policy = &w->policy[port];
            in.storm = &w->storm[port];
        }
        struct dbr_route r = dbr_forward(&w->sw, &in, &v, w->now);
        judge_route(w, port, &v, &r);
        struct dbr_snoop s;
        REQUIRE(!dbr_snoop(&v, r.classes, &s) || (s.mac && (s.family == 4 || s.family == 6)));
    }
    free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = {.ns = 1000000000, .s = 1}};
    if (size < 1)
        return 0;
    make_world(&w, data[0]);
    for (size_t at = 1; at + 3 <= size;) {
        size_t n = dbr_get16(data + at + 1);
        uint8_t from = data[at];
        at += 3;
        n = n > size - at ? size - at : n;
        one_frame(&w, from, data + at, n);
        at += n;
        w.now.s += from >> 4; /* time passes, too */
        w.now.ns += (uint64_t)(from >> 4) * 1000000000U;
    }
    dbr_fdb_sweep(w.fdb, w.now.s + 1000, 300, 0, NULL, NULL);
    REQUIRE(dbr_fdb_count(w.fdb) == 0);
    dbr_fdb_free(w.fdb);
    return 0;
}
