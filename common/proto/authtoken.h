/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The tokens of auth-gen-token: what a client says in place of its password from its second key message on.
 * The server keeps nothing of them; who has the secret can check them. Pure; one thread at a time (the
 * caller's MAC).
 *
 *   "SESS_ID_AT_" base64 of | session id 12 | first 8 | made 8 | tag 32 |
 *
 * first and made are unix seconds, big endian: when this client's first token was made, and this one. The tag
 * is HMAC-SHA256 over the user name and what stands in front of it. The secret's file is PEM, "OpenVPN
 * auth-token server key", 128 bytes of which the 32 from the middle on count (`openvpn --genkey auth-token`).
 *
 * Source: OpenVPN 2.6 auth_token.c.
 */
#ifndef DBR_PROTO_AUTHTOKEN_H
#define DBR_PROTO_AUTHTOKEN_H

#include "crypto/mac.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DBR_TOKEN_SID_LEN = 12,
    DBR_TOKEN_SID_TEXT = 17, /* base64 and a NUL */
    DBR_TOKEN_SECRET_LEN = 32,
    DBR_TOKEN_TEXT = 11 + 80 + 1,
};

struct dbr_token {
    uint8_t sid[DBR_TOKEN_SID_LEN];
    uint64_t first_s, made_s; /* unix */
};

enum dbr_token_verdict {
    DBR_TOKEN_INVALID, /* not one of ours, or another user's */
    DBR_TOKEN_GOOD,
    DBR_TOKEN_EXPIRED,
};

/* The password of a key message is meant as a token. */
bool dbr_token_is(const char *password);

/* Reads the secret's file: len bytes of text. 0, or DBR_ERR_SHAPE with a reason and the way out in why (cap
 * bytes, may be 0); secret is zero then. */
int dbr_token_secret_parse(uint8_t secret[DBR_TOKEN_SECRET_LEN], const char *text, size_t len, char *why,
                           size_t cap);

/* Checks text as a token of this user. mac: HMAC-SHA256 with the secret. Good ones are not older than two
 * times renewal_s, and not longer than lifetime_s (0: any time) behind the first one of their session; t is
 * zero unless it is one of ours. */
enum dbr_token_verdict dbr_token_check(struct dbr_mac *mac, const char *user, const char *text,
                                       int64_t unix_s, uint32_t lifetime_s, uint32_t renewal_s,
                                       struct dbr_token *t);

/* Writes t as a token of this user. 0 or DBR_ERR_CRYPTO, with an empty text. */
int dbr_token_write(struct dbr_mac *mac, const char *user, const struct dbr_token *t,
                    char out[DBR_TOKEN_TEXT]);

/* The session id as scripts hear it. */
void dbr_token_sid_text(const struct dbr_token *t, char out[DBR_TOKEN_SID_TEXT]);

#endif
