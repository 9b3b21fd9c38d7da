/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/mss.h"
#include "bridge/mss.h"
#include "proto/wire.h"

enum { ETHERNET_AND_TAG = 18 };

void control_mss(enum control_mss how, int size, uint8_t family, uint16_t framing, uint16_t *v4, uint16_t *v6)
{
    static const uint8_t mode[] = {[CONTROL_MSS_UDP] = DBR_MSSFIX_PAYLOAD,
                                   [CONTROL_MSS_OUTER] = DBR_MSSFIX_MTU,
                                   [CONTROL_MSS_FIXED] = DBR_MSSFIX_FIXED};
    struct dbr_mssfix m = {.value = (uint16_t)size,
                           .mode = mode[how],
                           .outer_family = family,
                           .datagram = DBR_AEAD_HEADER_V2,
                           .inside = framing ? 1 : 0,
                           .extra = ETHERNET_AND_TAG};
    struct dbr_mss mss = dbr_mss_compute(&m);
    *v4 = mss.v4;
    *v6 = mss.v6;
}
