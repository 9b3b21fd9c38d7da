/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * See handover.h.
 */
#include "client-win/tray/handover.h"

#include "base/err.h"

#include <string.h>

static bool has_drive(const dbr_utf16 *p, size_t units)
{
    bool letter = units > 3 && ((p[0] >= 'A' && p[0] <= 'Z') || (p[0] >= 'a' && p[0] <= 'z'));
    return letter && p[1] == ':' && p[2] == '\\';
}

int dbr_handover_path(const void *bytes, size_t n, dbr_utf16 out[DBR_HANDOVER_PATH])
{
    size_t units = n / sizeof out[0];
    out[0] = 0;
    if (bytes == NULL || n % sizeof out[0] != 0 || units < 2 || units > DBR_HANDOVER_PATH)
        return DBR_ERR_SHAPE;
    memcpy(out, bytes, n);
    bool good = has_drive(out, units) && out[units - 1] == 0;
    for (size_t i = 0; good && i + 1 < units; i++)
        good = out[i] >= ' ';
    if (!good)
        out[0] = 0;
    return good ? 0 : DBR_ERR_SHAPE;
}
