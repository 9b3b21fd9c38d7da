/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The files of the private key on their way to the signer: keeper opens them, and does not read them. What is
 * inline in the configuration goes by a memory file. keeper's one thread.
 */
#ifndef DBR_KEEPER_KEYS_H
#define DBR_KEEPER_KEYS_H

#include "conf/config.h"
#include "keeper/keeper.h"

/* Is there a private key of ours? Not without `key` or `pkcs12`, nor where a manager has it. */
bool keys_wanted(const struct dbr_config *c);

/* Opens all that the configuration names and sends it to the signer. 0, or an error after a logged line, and
 * nothing was sent. */
int keys_send(struct keeper *k, const struct dbr_config *c);

/* Overwrites what is inline and secret in the copy of a process that is not to have it. */
void keys_forget(struct dbr_config *c);

#endif
