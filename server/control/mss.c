/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mss.h"
#include "bridge/mss.h"
#include "crypto/cbc.h"
#include "proto/wire.h"

enum { ETHERNET_AND_TAG = 18 };

void control_mss(enum control_mss how, int size, uint8_t family, uint16_t framing, enum dbr_cipher cipher,
                 const char *auth, uint16_t *v4, uint16_t *v6)
{
    bool cbc = dbr_cipher_is_cbc(cipher);
    size_t mac_and_iv = dbr_digest_len(dbr_digest_by_name(auth)) + DBR_CBC_IV_LEN;
    static const uint8_t mode[] = {[CONTROL_MSS_UDP] = DBR_MSSFIX_PAYLOAD,
                                   [CONTROL_MSS_OUTER] = DBR_MSSFIX_MTU,
                                   [CONTROL_MSS_FIXED] = DBR_MSSFIX_FIXED};
    struct dbr_mssfix m = {.value = (uint16_t)size,
                           .mode = mode[how],
                           .outer_family = family,
                           .datagram = cbc ? (uint16_t)(DBR_DATA_V2_HEADER + mac_and_iv) : DBR_AEAD_HEADER_V2,
                           .inside = (uint16_t)((framing ? 1 : 0) + (cbc ? DBR_CBC_ID_LEN : 0)),
                           .block = cbc ? DBR_CBC_BLOCK : 0,
                           .extra = ETHERNET_AND_TAG};
    struct dbr_mss mss = dbr_mss_compute(&m);
    *v4 = mss.v4;
    *v6 = mss.v6;
}
