/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Is this text a profile that can connect? Read by the real parser as a client's configuration, then its keys
 * as TLS will read them. Pure; one thread.
 */
#ifndef DBR_KEYSTORE_CHECK_H
#define DBR_KEYSTORE_CHECK_H

#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Directives that this client does not do; the last row has DBR_D_COUNT. Refused at the import and again when
 * it connects; where text is NULL they are said once, and have no effect. */
struct dbr_check_row {
    enum dbr_directive which;
    const char *text; /* why, and the way out */
};
extern const struct dbr_check_row dbr_check_not_here[];

/* Who hears the parser's complaints, warnings and errors; as in struct dbr_conf_diag. */
struct dbr_check_say {
    void (*say)(void *arg, enum dbr_conf_severity severity, const char *line);
    void *arg;
};

/* Reads len bytes of the profile `file` into *cfg (free() is due in every case). 0, DBR_ERR_CONFIG after at
 * least one complaint (why: the first), DBR_ERR_NOMEM. Not the profile of a client, or one with
 * directives that this client does not do: errors, too. What names programs gets a warning: they never run.
 */
int dbr_check_profile(struct dbr_config *cfg, const char *file, const char *text, size_t len,
                      const struct dbr_check_say *say, char *why, size_t cap);

enum dbr_key_state {
    DBR_KEY_OPEN,     /* read without a passphrase */
    DBR_KEY_LOCKED,   /* a passphrase is needed, and none (or a wrong one) was given */
    DBR_KEY_UNLOCKED, /* read with the passphrase */
};

struct dbr_key_facts {
    enum dbr_key_state state;
    char subject[512]; /* of the certificate; "" where it is locked with the key */
    int64_t not_after; /* unix seconds; 0: not known */
};

/* Certificates and key of a profile that dbr_check_profile() liked: they can be read, belong together and are
 * valid at now_unix_s (0: any time). Without pass a locked key is no error: its certificate alone is looked
 * at, and of a PKCS#12 file nothing. 0, or DBR_ERR_AUTH (the passphrase is wrong), DBR_ERR_CONFIG,
 * DBR_ERR_CRYPTO, DBR_ERR_NOMEM with a line in why. */
int dbr_check_keys(const struct dbr_config *cfg, const char *pass, int64_t now_unix_s,
                   struct dbr_key_facts *facts, char *why, size_t cap);

/* True if the text has a private key or a password in it: a profile for all users may not. what gets the
 * directive, static. */
bool dbr_check_has_secret(const struct dbr_config *cfg, const char *text, size_t len, const char **what);

#endif
