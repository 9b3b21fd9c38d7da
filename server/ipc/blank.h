/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Texts without the private keys in them, for processes that are not to have any: a file of certificates may
 * hold the key as well, and the configuration holds it inline. Pure.
 */
#ifndef DBR_IPC_BLANK_H
#define DBR_IPC_BLANK_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites with spaces, in place: every PEM block of a private key, and in a configuration what is between
 * the lines of <key> and of <pkcs12>. Line breaks stay, so that the lines keep their numbers. */
void dbr_blank_keys(char *text, size_t len, bool config);

#endif
