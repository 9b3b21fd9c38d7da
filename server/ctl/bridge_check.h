/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ctl bridge check: asks this host itself, no daemon. One thread, no rights beyond reading.
 */
#ifndef DBR_CTL_BRIDGE_CHECK_H
#define DBR_CTL_BRIDGE_CHECK_H

/* words: `--config FILE`, or BRIDGE [INTERFACE ...]; n at least 1. Prints one line per finding. 0: nothing
 * but good news and warnings, 1: a problem, 2: could not look. */
int bridge_check(int n, char **words);

#endif
