/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Client role: user name, password and what a server asks beyond them, for control, which has neither a
 * terminal nor the right to open files. The first time before the program goes to the background; later
 * questions are asked by a process of their own, so that keeper goes on serving. Keeper only.
 */
#ifndef DBR_KEEPER_LOGIN_H
#define DBR_KEEPER_LOGIN_H

#include "conf/config.h"
#include "ipc/messages.h"

#include <stdbool.h>

/* True when the configuration has `auth-user-pass`. */
bool login_wanted(const struct dbr_config *cfg);

/* True when managers are asked (management-query-passwords) and no file or block says it. */
bool login_by_managers(const struct dbr_config *cfg);

/* The text of an auth-user-pass file or block: the user name in its first line, the password, where there is
 * one, in its second. 0, or DBR_ERR_SHAPE for a line that is missing or too long. Pure. */
int login_parse(struct dbr_ipc_login *out, const char *text);

/* User name and password from block, file or prompt; an answer to `static-challenge` too. `file` stands for
 * what auth-user-pass names. 0, or DBR_ERR_CONFIG after a line on standard error. */
int login_ask(const struct dbr_config *cfg, const char *file, struct dbr_ipc_login *out);

#endif
