/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the registry and the driver say, judged. The registry is written by installers and by whoever is an
 * administrator: a value's type and length are what they are, not what they should be. Pure; any thread.
 */
#ifndef DBR_CW_TAPW_FACTS_H
#define DBR_CW_TAPW_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAPW_REG_SZ = 1, TAPW_VALUE = 512 }; /* type of a text; most bytes of a value that is looked at */

/* The text of a value of n bytes, little-endian UTF-16 with or without its NUL, as UTF-8. 0; DBR_ERR_SHAPE
 * for another type, half a unit, a unit without its pair, or a character that leaves the line; DBR_ERR_SPACE.
 * out is "" then. What stands behind a NUL is not looked at. */
int tapw_text(uint32_t type, const uint8_t *data, size_t n, char *out, size_t cap);

/* "tap0901" or "root\tap0901", in upper or lower case: the driver tap-windows6. */
bool tapw_is_ours(const char *component);

/* "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}": it becomes part of a device's name. */
bool tapw_guid_is_good(const char *guid);

enum tapw_age {
    TAPW_GOOD,
    TAPW_OLD,     /* works, but has CVE-2024-1305 */
    TAPW_TOO_OLD, /* not tap-windows6 */
};
enum tapw_age tapw_age(uint32_t major, uint32_t minor);

/* How the adapters were found; the reason why none could be opened, as one line with the way out. */
struct tapw_tally {
    unsigned adapters, gone, off, busy, too_old, failed;
};
const char *tapw_reason(const struct tapw_tally *t);

#endif
