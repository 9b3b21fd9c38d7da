/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The private keys: the one in use; the one that was read last, which control has not said a word about; the
 * one before, for handshakes under way. Files come as descriptors and are read when somebody wants to know.
 * One thread owns it.
 */
#ifndef DBR_SIGNER_KEYRING_H
#define DBR_SIGNER_KEYRING_H

#include "base/log.h"
#include "crypto/signkey.h"
#include "ipc/messages.h"
#include "ipc/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYRING_FILE_MAX = 1 << 20 };

struct keyring_part {
    char *text; /* NUL-terminated; NULL: none */
    size_t len;
};

struct keyring {
    bool server;                      /* which end of TLS signs */
    const char *pass;                 /* that the admin was asked for; NULL: none. Borrowed */
    char told[DBR_SIGN_PASS_MAX + 1]; /* what a manager has said; "" = nothing */
    struct keyring_part part[DBR_KEYS_PARTS];
    char where[DBR_IPC_WHY_MAX]; /* of the key, for complaints */
    bool unread;                 /* there are parts that no key was made of */
    struct dbr_signkey *used, *latest, *old;
    uint64_t old_until_ns;
};

/* A part has come; borrows fd. False: it could not be read. */
bool keyring_take(struct keyring *r, const struct dbr_ipc_keys *m, int fd);

/* The key of the files that came last; reads them if need be. NULL after a logged line. */
const struct dbr_signkey *keyring_latest(struct keyring *r, const struct dbr_log *log);

/* control uses this key from now on; the one before counts for so many seconds more. */
void keyring_use(struct keyring *r, const uint8_t id[DBR_KEY_ID_LEN], uint32_t keep_s, uint64_t now_ns);
void keyring_expire(struct keyring *r, uint64_t now_ns);

/* Makes the signature that an ASK wants; *len is the room at sig, then its length. 0; DBR_ERR_SHAPE: TLS does
 * not sign this; DBR_ERR_NOTFOUND: no such key, or it does not sign so; DBR_ERR_CRYPTO. */
int keyring_sign(struct keyring *r, const struct dbr_sign_head *ask, const uint8_t *message, uint8_t *sig,
                 size_t *len);

void keyring_free(struct keyring *r); /* wipes; callable twice */

#endif
