/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What other programs give the tray: a path in a window message, and the rows of the check.
 */
#include "client-win/tray/handover.h"
#include "client-win/tray/words.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dbr_tray_view view = {.service = true};
    static char rows[DBR_TRAY_REPORT], report[DBR_TRAY_REPORT];
    dbr_utf16 path[DBR_HANDOVER_PATH];
    if (dbr_handover_path(data, size, path) == 0 && path[size / sizeof path[0] - 1] != 0)
        abort();
    size_t n = size < sizeof rows - 1 ? size : sizeof rows - 1;
    memcpy(rows, data, n);
    rows[n] = '\0';
    dbr_tray_report(&view, rows, report);
    if (memchr(report, '\0', sizeof report) == NULL)
        abort();
    return 0;
}
