/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * One line of explanation beside an error number: what, reason, way out. Internal to the room; any thread.
 */
#ifndef DBR_KEYSTORE_WHY_H
#define DBR_KEYSTORE_WHY_H

#include "base/format.h"

#include <stddef.h>

/* Formats into why (cap bytes, may be 0) and returns err, so that a refusal is one statement. Foreign bytes,
 * like the name of a file, are made safe for a line (base/utf.h). */
int keys_complain(int err, char *why, size_t cap, const char *fmt, ...) DBR_PRINTF(4, 5);

#endif
