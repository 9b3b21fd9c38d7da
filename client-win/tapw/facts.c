/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client-win/tapw/facts.h"

#include "base/err.h"
#include "client-win/base/utf.h"

#include <string.h>

int tapw_text(uint32_t type, const uint8_t *data, size_t n, char *out, size_t cap)
{
    dbr_utf16 w[TAPW_VALUE / 2 + 1];
    out[0] = 0;
    if (type != TAPW_REG_SZ || n % 2)
        return DBR_ERR_SHAPE;
    if (n > TAPW_VALUE)
        return DBR_ERR_SPACE;
    for (size_t i = 0; i < n / 2; i++)
        w[i] = (dbr_utf16)(data[2 * i] | data[2 * i + 1] << 8);
    w[n / 2] = 0;
    int err = dbr_utf8_from16(out, cap, w);
    if (err == 0 && dbr_utf8_is_line(out, strlen(out)))
        return 0;
    out[0] = 0;
    return err ? err : DBR_ERR_SHAPE;
}

static bool same_word(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a >= 'A' && *a <= 'Z' ? *a | 0x20 : *a) != *b)
            return false;
    return *a == *b;
}

bool tapw_is_ours(const char *component)
{
    return same_word(component, "tap0901") || same_word(component, "root\\tap0901");
}

bool tapw_guid_is_good(const char *guid)
{
    static const char shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    for (size_t i = 0; i < sizeof shape; i++) {
        char c = guid[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
        if (shape[i] == 'x' ? !hex : c != shape[i])
            return false;
    }
    return true;
}

/* 9.21 is the first of tap-windows6 (NDIS 6); CVE-2024-1305 was mended in 9.27. */
enum tapw_age tapw_age(uint32_t major, uint32_t minor)
{
    if (major < 9 || (major == 9 && minor < 21))
        return TAPW_TOO_OLD;
    return major == 9 && minor < 27 ? TAPW_OLD : TAPW_GOOD;
}

const char *tapw_reason(const struct tapw_tally *t)
{
    if (t->adapters == 0)
        return "there is no TAP adapter: install the driver tap-windows6 (a part of the OpenVPN setup, "
               "openvpn.net/community-downloads), then connect again";
    if (t->busy)
        return "the TAP adapter is in use: end the other VPN program, or add another TAP adapter (start "
               "menu, "
               "TAP-Windows), then connect again";
    if (t->too_old)
        return "the driver of the TAP adapter is too old: install tap-windows6 9.27 or newer (a part of the "
               "OpenVPN setup, openvpn.net/community-downloads), then connect again";
    if (t->failed)
        return "the TAP adapter does not answer: restart the computer; if that does not help, install the "
               "driver "
               "tap-windows6 again";
    return "the TAP adapter is switched off: enable it under Network Connections (right-click, Enable), then "
           "connect again";
}
