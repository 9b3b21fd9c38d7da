/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bridge/eth.h"

#include <stdio.h>

const char *dbr_mac_text(uint64_t mac, char out[DBR_MAC_TEXT])
{
    uint8_t b[6];
    dbr_mac_write(b, mac);
    snprintf(out, DBR_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int dbr_mac_parse(uint64_t *mac, const char *text)
{
    uint64_t value = 0;
    for (int i = 0; i < 6; i++) {
        if (i > 0 && *text != ':' && *text != '-')
            return DBR_ERR_SHAPE;
        text += i > 0;
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return DBR_ERR_SHAPE;
        value = value << 8 | (uint64_t)(high << 4 | low);
        text += 2;
    }
    if (*text)
        return DBR_ERR_SHAPE;
    *mac = value;
    return 0;
}
