/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The four looks of Drawbridge as a drawing: a tower with its bridge up, half way, down, or an exclamation
 * mark. They differ by shape, so that nobody needs to tell red from green. Pure: shapes in, pixels and .ico
 * bytes out; the build runs it (makeico.c), the program carries the result as a resource.
 */
#ifndef DBR_TRAY_ICON_H
#define DBR_TRAY_ICON_H

#include <stddef.h>
#include <stdint.h>

enum dbr_tray_look { DBR_LOOK_OFF, DBR_LOOK_WORKING, DBR_LOOK_CONNECTED, DBR_LOOK_TROUBLE, DBR_LOOKS };

#define DBR_ICON_MAX 256u

/* Draws one look as size x size pixels (1 to DBR_ICON_MAX) of 4 bytes B, G, R, A (alpha not premultiplied),
 * top row first, into bgra, which has room for size * size * 4 bytes. */
void dbr_icon_draw(enum dbr_tray_look look, unsigned size, uint8_t *bgra);

/* The whole .ico file of one look: 16 to 256 pixels in eight sizes, 32 bit DIBs (Microsoft's page "Icons":
 * ICONDIR, ICONDIRENTRY, BITMAPINFOHEADER with double height, colours bottom row first, AND mask). Writes at
 * most cap bytes; returns the length, or 0 when cap is too small. */
size_t dbr_icon_file(enum dbr_tray_look look, uint8_t *out, size_t cap);

#endif
