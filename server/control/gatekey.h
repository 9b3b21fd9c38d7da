/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * tls-crypt-v2 in control: opening the packets of clients that bring their gate key along, and the list of
 * keys that were withdrawn. One thread.
 */
#ifndef DBR_CONTROL_GATEKEY_H
#define DBR_CONTROL_GATEKEY_H

#include "control/state.h"

enum { GATE_ID_TEXT = 2 * DBR_WKC_ID_LEN + 1 };

/* A stranger with a key of his own, for the time of one packet; fini() wipes and frees. */
struct visitor {
    struct dbr_gate *gate;
    struct dbr_client_key key;
};

/* True for an opcode that carries a wrapped key. */
bool visitor_carries_key(const uint8_t *dgram, size_t len);
/* Unwraps his key, asks whether it still counts, and opens the packet with it. v is zeroed by the caller.
 * DBR_ERR_SHAPE, DBR_ERR_AUTH (wrapped by another server: the datagram is as it came), DBR_ERR_CERT
 * (withdrawn or too old), DBR_ERR_NOMEM. */
int visitor_open(struct control *ctl, struct realm *r, struct visitor *v, uint8_t *dgram, size_t len,
                 const struct dbr_addr *from, struct dbr_gated *g);
/* Gives gate and key to the session of c. 0 or DBR_ERR_NOMEM. */
int visitor_enter(struct visitor *v, struct client *c);
void visitor_fini(struct visitor *v);

const char *gate_id_text(const uint8_t id[DBR_WKC_ID_LEN], char out[GATE_ID_TEXT]);

/* Takes over a list; what is refused leaves the old one in force. Errors as dbr_withdrawn_parse. */
int withdrawn_take(struct control *ctl, const char *text, size_t len, char *why, size_t cap);
/* The key that this client came with is on the list. */
bool gate_key_withdrawn(const struct client *c);
/* Ends the live sessions whose key is on the list; how many. */
unsigned withdrawn_cut(struct control *ctl);
/* Keeper has seen the file change; fd is read from its beginning, not closed. */
void withdrawn_changed(struct control *ctl, bool missing, int fd);

#endif
