/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ctl bridge check: asks this host itself, no daemon. One thread, no rights beyond reading.
 */
#ifndef DBR_CTL_BRIDGE_CHECK_H
#define DBR_CTL_BRIDGE_CHECK_H

/* words: `--config FILE`, or BRIDGE [INTERFACE ...]; n at least 1. Prints one line per finding. 0: nothing
 * but good news and warnings, 1: a problem, 2: could not look. */
int bridge_check(int n, char **words);

/* drawbridge-ctl bridge probe INTERFACE [IPV4]: does the LAN answer an address that is not the interface's
 * own? target NULL: its router is asked. 0: yes, 1: no, 2: could not look. Needs root. */
int bridge_probe(const char *name, const char *target);

/* drawbridge-ctl bridge confirm BRIDGE: tells the process that would put the bridge back
 * (server/keeper/trial.h) that this host is still reached. 0, or 1 when nothing waits for it. */
int bridge_confirm(const char *bridge);

#endif
