/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The passphrase of an encrypted private key: asked for on the terminal, or through systemd-ask-password
 * where there is none, before the program goes to the background. Keeper only; it keeps the passphrase for a
 * restart of the signer, and the other children wipe it.
 */
#ifndef DBR_KEEPER_PASSPHRASE_H
#define DBR_KEEPER_PASSPHRASE_H

#include "base/log.h"
#include "conf/config.h"

#include <stddef.h>

enum { PASSPHRASE_MAX = 256 };

/* Asks when the configuration has an encrypted key, or `askpass` without a file; out (PASSPHRASE_MAX bytes)
 * is "" when there is nothing to ask for. 0, or DBR_ERR_CONFIG after a line on standard error. */
int passphrase_ask(const struct dbr_config *cfg, char *out, size_t cap);

/* Is a passphrase due for the private key? From the folder that its file name is relative to. */
bool passphrase_locks(const struct dbr_config *cfg);

/* True for a PEM text of an encrypted private key (PKCS#8, or the older form with Proc-Type). Pure. */
bool passphrase_needed(const char *pem);

#endif
