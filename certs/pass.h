/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What a passphrase must be like. Policies are named rows of a table; none of them prints or keeps a
 * passphrase.
 */
#ifndef DBR_CERTS_PASS_H
#define DBR_CERTS_PASS_H

#include <stdbool.h>
#include <stddef.h>

enum { DBR_PASS_MAX = 256, DBR_PASS_TEXT = DBR_PASS_MAX + 1, DBR_PASS_GENERATED = 25 };

/* True if a policy has this name: "strong" (the default), "symbol+letters+digits" (the minimum), "none". */
bool dbr_pass_policy_known(const char *policy);

/* Judges n bytes of a passphrase for the key of `name`. 0, or DBR_ERR_CONFIG with what is missing. The
 * policies: "symbol+letters+digits"  7 characters or more, at least one symbol, one letter and one digit
 * ("#aaaa11"); "strong"                 12 or more of at least three kinds (lower, upper, digit, symbol), or
 * 20 or more of any; at least 6 different ones; the name not in it; "none"                   1 character or
 * more. */
int dbr_pass_check(const char *policy, const char *name, const char *pass, size_t n, char *why, size_t cap);

/* What a policy wants, in words for a person. */
const char *dbr_pass_policy_text(const char *policy);

/* A random passphrase of about 103 bits that meets every policy: groups of letters and digits that cannot be
 * mixed up, a final symbol. 0 or DBR_ERR_CRYPTO. */
int dbr_pass_generate(char out[DBR_PASS_GENERATED]);

#endif
