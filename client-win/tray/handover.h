/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a second start hands to the tray that runs: the path of a file, as bytes in a window message that any
 * program of the user could send. Pure; any thread.
 */
#ifndef DBR_TRAY_HANDOVER_H
#define DBR_TRAY_HANDOVER_H

#include "client-win/base/utf.h"

enum {
    DBR_HANDOVER_PATH = 1024,         /* units with the NUL */
    DBR_HANDOVER_SHOW = 0x44425200,   /* COPYDATASTRUCT.dwData: show the menu; no bytes */
    DBR_HANDOVER_IMPORT = 0x44425201, /* a path */
};

/* Copies what came into out: n bytes that are a path with a drive ("C:\..."), UTF-16, its one NUL at the end.
 * 0, or DBR_ERR_SHAPE: nothing may be made of it. */
int dbr_handover_path(const void *bytes, size_t n, dbr_utf16 out[DBR_HANDOVER_PATH]);

#endif
