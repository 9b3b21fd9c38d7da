/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Messages of SOCKS version 5 as far as a client needs them for UDP: methods, user name and password (RFC
 * 1929), UDP ASSOCIATE and the header of each datagram (RFC 1928, section 7). Pure.
 *
 *   datagram:  00 00 | fragment 00 | kind 1: IPv4, 4: IPv6 | address | port | payload
 */
#ifndef DBR_KEEPER_SOCKS_MSG_H
#define DBR_KEEPER_SOCKS_MSG_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOCKS_HEADER_MAX = 22, /* of a datagram: ours, with an IPv6 address */
    SOCKS_REPLY_MAX = 262, /* to a request, with a name */
    SOCKS_WORD_MAX = 255,  /* of a user name, of a password */
    SOCKS_LOGIN_MAX = 3 + 2 * SOCKS_WORD_MAX,
    SOCKS_ASSOCIATE_LEN = 10,
};

/* The methods that we can do, into out (4 bytes); the length. */
size_t socks_methods(uint8_t out[4], bool login);
/* The proxy's choice: 0: none is needed; 2: user name and password; DBR_ERR_AUTH: it takes none of ours;
 * DBR_ERR_SHAPE. */
int socks_method(const uint8_t in[2], bool login);
/* User name and password; the length, 0: one of them is empty or too long. */
size_t socks_login(uint8_t out[SOCKS_LOGIN_MAX], const char *user, const char *pass);
/* The request; we do not say from where we shall send. */
void socks_associate(uint8_t out[SOCKS_ASSOCIATE_LEN]);

/* The reply, n bytes of it so far. Its length with *at filled (family 0: a name, or nowhere: the proxy
 * itself); DBR_ERR_AGAIN: more is needed; DBR_ERR_AUTH: refused, *code says why; DBR_ERR_SHAPE. */
int socks_reply(const uint8_t *in, size_t n, struct dbr_addr *at, uint8_t *code);
const char *socks_refusal(uint8_t code); /* in words */

/* The header of datagrams to this address; its length. */
size_t socks_header(uint8_t out[SOCKS_HEADER_MAX], const struct dbr_addr *to);
/* A datagram from the proxy: where its payload begins, with *from filled (family 0: a name);
 * DBR_ERR_SHAPE: it has no whole header, or is a fragment. */
int socks_unwrap(const uint8_t *in, size_t n, struct dbr_addr *from);

#endif
