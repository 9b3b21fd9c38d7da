/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A configuration that was read again while the program runs: what can change is taken over, what cannot is
 * named. Which is which is one table in reload.c. Pure; the caller's thread.
 */
#ifndef DBR_CONF_RELOAD_H
#define DBR_CONF_RELOAD_H

#include "conf/config.h"

/* Swaps every directive that may change from fresh into live (both finished); whoever frees fresh frees what
 * live had. report (may be NULL) hears of each that differs, taken or not; files and inline blocks are always
 * taken and not reported. revocation: whether crl-verify, crl-url and ocsp may change (there is a process for
 * them). DBR_ERR_NOMEM: nothing has changed. */
int dbr_config_take(struct dbr_config *live, struct dbr_config *fresh, bool revocation,
                    void (*report)(void *arg, const char *keyword, bool taken), void *arg);

/* The directives whose files a reload reads again. Calls each(arg, directive, path) for those that fresh
 * names by path, in the order of the table, until it returns something else than 0, which is returned. */
int dbr_config_files(const struct dbr_config *cfg,
                     int (*each)(void *arg, enum dbr_directive which, const char *path), void *arg);

#endif
