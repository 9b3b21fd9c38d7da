/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/wrap.h"
#include "bridge/mss.h"
#include "crypto/cbc.h"
#include "proto/fragment.h"
#include "proto/wire.h"

enum { ETHERNET_AND_TAG = 18, IP4_AND_TCP = 40 };

/* What stands around a payload of `extra` bytes more than the inner packet. */
static struct dbr_mss compute(enum dbr_fit how, int size, const struct dbr_wrap *w, int extra)
{
    static const uint8_t mode[] = {
        [DBR_FIT_UDP] = DBR_MSS_PAYLOAD, [DBR_FIT_OUTER] = DBR_MSS_MTU, [DBR_FIT_FIXED] = DBR_MSS_FIXED};
    bool cbc = dbr_cipher_is_cbc(w->cipher);
    size_t mac_and_iv = dbr_digest_len(dbr_digest_by_name(w->auth)) + DBR_CBC_IV_LEN;
    struct dbr_mss_fit m = {.value = (uint16_t)size,
                            .mode = mode[how],
                            .outer_family = w->family,
                            .datagram =
                                cbc ? (uint16_t)(DBR_DATA_V2_HEADER + mac_and_iv) : DBR_AEAD_HEADER_V2,
                            .inside = cbc ? DBR_CBC_ID_LEN : 0,
                            .block = cbc ? DBR_CBC_BLOCK : 0,
                            .extra = (uint16_t)(extra + (w->fragment ? DBR_FRAGMENT_HEADER : 0))};
    return dbr_mss_compute(&m);
}

void dbr_wrap_mss(enum dbr_fit how, int size, const struct dbr_wrap *w, uint16_t *v4, uint16_t *v6)
{
    struct dbr_mss mss = compute(how, size, w, ETHERNET_AND_TAG + (w->framing ? 1 : 0));
    *v4 = mss.v4;
    *v6 = mss.v6;
}

uint16_t dbr_wrap_piece(bool mtu, int size, const struct dbr_wrap *w, uint16_t payload_max)
{
    unsigned most = compute(mtu ? DBR_FIT_OUTER : DBR_FIT_UDP, size, w, 0).v4 + IP4_AND_TCP;
    unsigned least = (payload_max + DBR_FRAGMENT_PIECES - 1u) / DBR_FRAGMENT_PIECES;
    least += DBR_FRAGMENT_ROUND - 1;
    return (uint16_t)(most < least ? least : most);
}

static void fit_mss(struct dbr_limits *l, const struct dbr_config *cfg, const struct dbr_wrap *w)
{
    if (cfg->mssfix.kind == DBR_MSSFIX_OFF ||
        (cfg->mssfix.kind == DBR_MSSFIX_DEFAULT && cfg->tun_mtu != 1500))
        return;
    enum dbr_fit how = cfg->mssfix.kind == DBR_MSSFIX_UDP     ? DBR_FIT_UDP
                       : cfg->mssfix.kind == DBR_MSSFIX_FIXED ? DBR_FIT_FIXED
                                                              : DBR_FIT_OUTER;
    dbr_wrap_mss(how, cfg->mssfix.size, w, &l->mss_v4, &l->mss_v6);
}

static void fit_pieces(struct dbr_limits *l, const struct dbr_config *cfg, int tun_mtu,
                       const struct dbr_wrap *w)
{
    enum { AROUND = 32 }; /* Ethernet, tags, framing */
    int payload = tun_mtu + AROUND;
    if (!w->fragment)
        return;
    l->payload_max = (uint16_t)(payload < DBR_PAYLOAD_MAX ? payload : DBR_PAYLOAD_MAX);
    l->piece = dbr_wrap_piece(cfg->fragment.mtu, cfg->fragment.size, w, l->payload_max);
}

/* What the MSS leaves room for (any, where payloads are cut), or what was asked for. */
static void fit_packets(struct dbr_limits *l, const struct dbr_config *cfg)
{
    int size = cfg->inner_mtu;
    if (size == DBR_INNER_MTU_AUTO)
        size = l->mss_v4 && !l->piece ? l->mss_v4 + IP4_AND_TCP : 0;
    if (size && size < DBR_MAX_L3_MIN)
        size = DBR_MAX_L3_MIN;
    l->max_l3 = (uint16_t)(size > UINT16_MAX ? UINT16_MAX : size);
}

void dbr_limits_of(struct dbr_limits *l, const struct dbr_config *cfg, int tun_mtu, const struct dbr_wrap *w)
{
    *l = (struct dbr_limits){0};
    fit_mss(l, cfg, w);
    fit_pieces(l, cfg, tun_mtu, w);
    fit_packets(l, cfg);
}

enum dbr_framing dbr_framing_of(const struct dbr_config *cfg)
{
    static const enum dbr_framing of[] = {[DBR_COMP_NONE] = DBR_FRAMING_NONE,
                                          [DBR_COMP_LZO] = DBR_FRAMING_COMP_LZO,
                                          [DBR_COMP_STUB] = DBR_FRAMING_COMPRESS_SWAP,
                                          [DBR_COMP_STUB_V2] = DBR_FRAMING_STUB_V2,
                                          [DBR_COMP_MIGRATE] = DBR_FRAMING_NONE};
    return of[cfg->comp_lzo ? cfg->comp_lzo : cfg->compress];
}
