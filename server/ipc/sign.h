/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What control and the signer say to each other, over a SOCK_SEQPACKET pair: a fixed head and bytes behind
 * it. Same host, same build: host byte order, no versioning. Both sides check every message wholly.
 *
 *     control                          signer
 *        | PASS (where a manager has said it), WHO -->     | reads the files that keeper has sent it
 *        | <-- KEY: id, certificates                       |
 *        | USE: id -->                                     | other keys end after their time
 *        | ASK: ticket, id, scheme, message -->            | looks at the message
 *        | <-- DONE: ticket, signature                     |
 */
#ifndef DBR_IPC_SIGN_H
#define DBR_IPC_SIGN_H

#include <stddef.h>
#include <stdint.h>

enum dbr_sign_type {
    DBR_SIGN_ASK = 1, /* scheme, ticket, key, a message: answered by DONE */
    DBR_SIGN_PASS,    /* the passphrase that a manager has said, without a NUL */
    DBR_SIGN_WHO,     /* which key is there? Answered by KEY */
    DBR_SIGN_USE,     /* key; ticket is for how many seconds the one before may still be asked for */
    DBR_SIGN_DONE,    /* ticket, err, a signature */
    DBR_SIGN_KEY,     /* err, key; PEM of the certificates that came with it, the last n_ca bytes roots */
    DBR_SIGN_TYPES
};

enum {
    DBR_SIGN_KEY_ID = 32,
    DBR_SIGN_PASS_MAX = 512,
    DBR_SIGN_SIGNATURE_MAX = 2048,
    DBR_SIGN_BYTES_MAX = 96 * 1024 /* a message, or certificates */
};

struct dbr_sign_head {
    uint16_t type;   /* enum dbr_sign_type */
    uint16_t scheme; /* of TLS, crypto/tls_scheme.h */
    uint32_t ticket;
    int32_t err;   /* 0, or negative (base/err.h); then there are no bytes */
    uint32_t n;    /* bytes behind the head */
    uint32_t n_ca; /* of these */
    uint8_t key[DBR_SIGN_KEY_ID];
};

enum { DBR_SIGN_MAX = sizeof(struct dbr_sign_head) + DBR_SIGN_BYTES_MAX };

/* Checks a message of n bytes: type, length, and that nothing is said that is not this type's. The head is
 * copied out; *bytes is what is behind it. 0 or DBR_ERR_SHAPE. */
int dbr_sign_check(const void *buf, size_t n, struct dbr_sign_head *head, const uint8_t **bytes);

/* Sends a head and its bytes without blocking. 0, DBR_ERR_AGAIN, DBR_ERR_SPACE (never fits) or DBR_ERR_IO. */
int dbr_sign_send(int sock, const struct dbr_sign_head *head, const void *bytes);

/* Receives one into buf (DBR_SIGN_MAX bytes) without blocking. 0, DBR_ERR_AGAIN, DBR_ERR_SHAPE (dropped),
 * DBR_ERR_NOTFOUND (the other side is gone), DBR_ERR_IO. */
int dbr_sign_recv(int sock, void *buf, struct dbr_sign_head *head, const uint8_t **bytes);

#endif
