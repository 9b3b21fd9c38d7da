/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/loop.h"

#include <string.h>

#include "base/siphash.h"
#include "bridge/fdb.h"

/* The probe behind its Ethernet header: mark (8) | egress (4) | time, ns (8) | tag over these (8). */
enum { MARK = 8, AT_EGRESS = MARK, AT_TIME = 12, AT_TAG = 20, BODY = 28 };

static const uint64_t FRESH_NS = DBR_LOOP_FRESH_S * 1000000000ULL;

static const uint8_t mark[MARK] = {'D', 'B', 'R', 'L', 'O', 'O', 'P', 1};

void dbr_loop_init(struct dbr_loop *l, const uint8_t seed[DBR_LOOP_SEED])
{
    memcpy(l->key, seed, sizeof l->key);
    l->mac = dbr_get48(seed + sizeof l->key);
    l->mac = (l->mac & 0xfcffffffffffU) | 0x020000000000U; /* of one, and made here */
}

void dbr_loop_write(const struct dbr_loop *l, uint8_t frame[DBR_LOOP_FRAME], uint32_t egress, uint64_t now_ns)
{
    uint8_t *body = frame + DBR_ETH_HEADER;
    memset(frame, 0, DBR_LOOP_FRAME);
    dbr_mac_write(frame, DBR_MAC_BROADCAST);
    dbr_mac_write(frame + 6, l->mac);
    dbr_put16(frame + 12, DBR_LOOP_ETHERTYPE);
    memcpy(body, mark, MARK);
    dbr_put32(body + AT_EGRESS, egress);
    dbr_put64(body + AT_TIME, now_ns);
    dbr_put64(body + AT_TAG, dbr_siphash(l->key, body, AT_TAG));
}

bool dbr_loop_read(const struct dbr_loop *l, const struct dbr_eth_view *v, uint64_t now_ns, uint32_t *egress)
{
    const uint8_t *body = v->frame + v->l3;
    if (v->ethertype != DBR_LOOP_ETHERTYPE || v->src != l->mac || v->len < (size_t)v->l3 + BODY)
        return false;
    if (dbr_get64(body + AT_TAG) != dbr_siphash(l->key, body, AT_TAG))
        return false;
    /* Another thread may have sent it after this one has looked at the clock for its batch. */
    uint64_t sent_ns = dbr_get64(body + AT_TIME);
    if (now_ns - sent_ns > FRESH_NS && sent_ns - now_ns > FRESH_NS)
        return false;
    *egress = dbr_get32(body + AT_EGRESS);
    return true;
}

bool dbr_loop_blames(uint32_t egress, uint32_t port, bool site)
{
    return egress == DBR_PORT_LAN || !site || egress <= port;
}
