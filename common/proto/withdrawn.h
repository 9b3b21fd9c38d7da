/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The list of client keys (tls-crypt-v2) that a server does not answer any more. Text: in each line the
 * SHA-256 of a wrapped key in hex digits, colons between them or not, and behind a blank whatever helps
 * people; empty lines and lines that begin with # count for nothing. Sorted in memory: a look-up is a binary
 * search. Owned by whoever declared it; one thread.
 */
#ifndef DBR_PROTO_WITHDRAWN_H
#define DBR_PROTO_WITHDRAWN_H

#include "proto/wkc.h"

#include <stdbool.h>

struct dbr_withdrawn {
    uint8_t (*ids)[DBR_WKC_ID_LEN];
    size_t n;
};

/* Reads len bytes of text. 0; DBR_ERR_SHAPE with line and reason in why (cap bytes, may be 0): then the list
 * is empty; DBR_ERR_NOMEM. */
int dbr_withdrawn_parse(struct dbr_withdrawn *w, const char *text, size_t len, char *why, size_t cap);
void dbr_withdrawn_free(struct dbr_withdrawn *w); /* callable twice, and on a zeroed struct */
bool dbr_withdrawn_has(const struct dbr_withdrawn *w, const uint8_t id[DBR_WKC_ID_LEN]);

#endif
