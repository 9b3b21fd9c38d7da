/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/framing.h"

#include "base/err.h"

#include <lzo/lzo1x.h>

/* First bytes, OpenVPN's comp.h. */
enum {
    LZO_PACKED = 0x66,
    LZ4_PACKED = 0x69,
    PLAIN = 0xfa,
    PLAIN_SWAPPED = 0xfb,
    V2_ESCAPE = 0x50,
    V2_PLAIN = 0,
    V2_LZ4 = 1,
    V2_LZO = 2,
    V2_SNAPPY = 3,
    V2_PLAIN_OF_STOCK = 10, /* OpenVPN 2.4 to 2.7 escape with this number and drop it themselves */
    OFFLOAD_FRAME = 0,
    OFFLOAD_UNSUMMED = 1,
};

void dbr_framing_add(enum dbr_framing f, uint8_t **p, size_t *len)
{
    uint8_t *at = *p;
    if (!*len)
        return;
    switch (f) {
    case DBR_FRAMING_NONE: return;
    case DBR_FRAMING_COMP_LZO:
        *--at = PLAIN;
        *len += 1;
        break;
    case DBR_FRAMING_COMPRESS_SWAP:
        at[*len] = at[0];
        at[0] = PLAIN_SWAPPED;
        *len += 1;
        break;
    case DBR_FRAMING_STUB_V2:
        if (at[0] != V2_ESCAPE)
            return;
        *--at = V2_PLAIN;
        *--at = V2_ESCAPE;
        *len += 2;
        break;
    case DBR_FRAMING_OFFLOAD:
        *--at = OFFLOAD_FRAME;
        *len += 1;
        break;
    }
    *p = at;
}

void dbr_framing_unsummed(uint8_t *p)
{
    p[0] = OFFLOAD_UNSUMMED;
}

static int advance(uint8_t **p, size_t *len, size_t by)
{
    if (*len <= by)
        return DBR_ERR_SHAPE; /* nothing but framing */
    *p += by;
    *len -= by;
    return 0;
}

static int expand_lzo(uint8_t **p, size_t *len, uint8_t *scratch, size_t cap)
{
    lzo_uint out_len = cap;
    if (lzo1x_decompress_safe(*p + 1, *len - 1, scratch, &out_len, NULL) != LZO_E_OK || !out_len)
        return DBR_ERR_SHAPE;
    *p = scratch;
    *len = out_len;
    return 0;
}

static int strip_comp_lzo(uint8_t **p, size_t *len, uint8_t *scratch, size_t cap)
{
    switch ((*p)[0]) {
    case PLAIN: return advance(p, len, 1);
    case LZO_PACKED: return expand_lzo(p, len, scratch, cap);
    case LZ4_PACKED: return DBR_ERR_UNSUPPORTED;
    default: return DBR_ERR_SHAPE;
    }
}

static int strip_swapped(uint8_t **p, size_t *len)
{
    if ((*p)[0] == LZ4_PACKED)
        return DBR_ERR_UNSUPPORTED;
    if ((*p)[0] != PLAIN_SWAPPED || *len < 2)
        return DBR_ERR_SHAPE;
    *len -= 1;
    (*p)[0] = (*p)[*len];
    return 0;
}

static int strip_stub_v2(uint8_t **p, size_t *len)
{
    if ((*p)[0] != V2_ESCAPE)
        return 0;
    if (*len < 2)
        return DBR_ERR_SHAPE;
    switch ((*p)[1]) {
    case V2_PLAIN:
    case V2_PLAIN_OF_STOCK: return advance(p, len, 2);
    case V2_LZ4:
    case V2_LZO:
    case V2_SNAPPY: return DBR_ERR_UNSUPPORTED;
    default: return DBR_ERR_SHAPE;
    }
}

static int strip_offload(uint8_t **p, size_t *len)
{
    uint8_t kind = (*p)[0];
    if (kind > OFFLOAD_UNSUMMED)
        return DBR_ERR_SHAPE;
    int err = advance(p, len, 1);
    return err ? err : kind == OFFLOAD_UNSUMMED ? DBR_FRAMING_UNSUMMED : 0;
}

int dbr_framing_strip(enum dbr_framing f, uint8_t **p, size_t *len, uint8_t *scratch, size_t cap)
{
    if (!*len)
        return DBR_ERR_SHAPE;
    switch (f) {
    case DBR_FRAMING_NONE: return 0;
    case DBR_FRAMING_COMP_LZO: return strip_comp_lzo(p, len, scratch, cap);
    case DBR_FRAMING_COMPRESS_SWAP: return strip_swapped(p, len);
    case DBR_FRAMING_STUB_V2: return strip_stub_v2(p, len);
    case DBR_FRAMING_OFFLOAD: return strip_offload(p, len);
    }
    return DBR_ERR_SHAPE;
}
