/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Names of ciphers and digests: what is served, what is served to old peers, what is refused for good.
 * Constant.
 */
#ifndef DBR_CONF_NAMES_H
#define DBR_CONF_NAMES_H

enum name_status {
    NAME_GOOD,
    NAME_OLD,     /* CBC: served, for peers that know no AEAD cipher */
    NAME_WEAK,    /* refused for good */
    NAME_NONE,    /* "none" */
    NAME_UNKNOWN, /* not in the table */
};

struct name {
    const char *name; /* as it is written in options and on the wire */
    enum name_status status;
};

/* Looks a name up, case ignored. Never NULL: an unknown one gives a row with NAME_UNKNOWN. */
const struct name *conf_cipher(const char *name);
const struct name *conf_digest(const char *name); /* one "RSA-" in front ignored */

#endif
