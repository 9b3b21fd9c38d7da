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
    static const uint8_t mode[] = {[DBR_FIT_UDP] = DBR_MSSFIX_PAYLOAD,
                                   [DBR_FIT_OUTER] = DBR_MSSFIX_MTU,
                                   [DBR_FIT_FIXED] = DBR_MSSFIX_FIXED};
    bool cbc = dbr_cipher_is_cbc(w->cipher);
    size_t mac_and_iv = dbr_digest_len(dbr_digest_by_name(w->auth)) + DBR_CBC_IV_LEN;
    struct dbr_mssfix m = {.value = (uint16_t)size,
                           .mode = mode[how],
                           .outer_family = w->family,
                           .datagram = cbc ? (uint16_t)(DBR_DATA_V2_HEADER + mac_and_iv) : DBR_AEAD_HEADER_V2,
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
