/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * drawbridge-ctl gate-list, see gate_list.c. One thread.
 */
#ifndef DBR_CTL_GATE_LIST_H
#define DBR_CTL_GATE_LIST_H

/* The list on standard input takes the place of the one at path. Returns the exit status; what is wrong is
 * said, and the old list stays. */
int gate_list_take(const char *path);

#endif
