/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The reliability layer under TLS: numbered packets, acknowledgements, retransmission with back-off. One
 * object per key negotiation; sans-I/O, time in nanoseconds of a monotonic clock. Source:
 * openvpn-wire-protocol "reliability layer", OpenVPN 2.6 reliable.c (send window 6, receive window 12, early
 * resend after 3 later acks). Packets are copied in and out: no pointer handed out survives the next call
 * that changes the object.
 */
#ifndef DBR_PROTO_RELIABLE_H
#define DBR_PROTO_RELIABLE_H

#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DBR_SEND_WINDOW = 6, DBR_RECV_WINDOW = 12, DBR_RECENT_ACKS = 8 };

struct dbr_reliable_packet; /* heap, allocated when used */

struct dbr_reliable {
    struct dbr_reliable_packet *send[DBR_SEND_WINDOW];
    struct dbr_reliable_packet *recv[DBR_RECV_WINDOW];
    uint32_t next_send_id, next_recv_id;
    uint64_t initial_timeout_ns; /* tls-timeout */
    bool steady;                 /* waits do not grow: a caller whose network comes back is heard at once */
    uint32_t pending_acks[DBR_RECV_WINDOW]; /* received, not yet acknowledged */
    uint8_t n_pending;
    uint32_t recent_acks[DBR_RECENT_ACKS]; /* acknowledged lately: repeated on later packets */
    uint8_t n_recent;
    uint64_t rtt_ns; /* smoothed round trip; 0: not measured yet */
};

void dbr_reliable_init(struct dbr_reliable *r, uint64_t initial_timeout_ns);
void dbr_reliable_fini(struct dbr_reliable *r); /* callable twice */

/* --- sending --- */
bool dbr_reliable_can_send(const struct dbr_reliable *r);
/* Queues one packet (copied) for sending at now. DBR_ERR_AGAIN if the window is full, DBR_ERR_NOMEM. */
int dbr_reliable_send(struct dbr_reliable *r, uint8_t opcode, const uint8_t *payload, size_t len,
                      uint64_t now_ns);
/* The next packet due at now (first transmission or retransmission), oldest first; false if none. Its timer
 * is set anew: tls-timeout, or four measured round trips (200 ms at least) where that is less; doubled with
 * each try, at most 4 s or tls-timeout. payload is borrowed until the next call. */
bool dbr_reliable_due(struct dbr_reliable *r, uint64_t now_ns, uint8_t *opcode, uint32_t *id,
                      const uint8_t **payload, size_t *len);
/* Processes acknowledgements received; unknown ids are ignored. Packets that 3 later acks overtook become
 * due. */
void dbr_reliable_acked(struct dbr_reliable *r, const uint32_t *ids, size_t n, uint64_t now_ns);
bool dbr_reliable_all_acked(const struct dbr_reliable *r);

/* --- receiving --- */
/* Takes a packet (copied). 0: new and stored; DBR_ERR_REPLAY: seen before (it is acknowledged again);
 * DBR_ERR_LIMIT: beyond the window (neither stored nor acknowledged); DBR_ERR_NOMEM. */
int dbr_reliable_receive(struct dbr_reliable *r, uint8_t opcode, uint32_t id, const uint8_t *payload,
                         size_t len);
/* The next packet in order, or false. payload is borrowed until dbr_reliable_pop. */
bool dbr_reliable_peek(const struct dbr_reliable *r, uint8_t *opcode, const uint8_t **payload, size_t *len);
void dbr_reliable_pop(struct dbr_reliable *r);

/* --- acknowledgements to send --- */
bool dbr_reliable_acks_pending(const struct dbr_reliable *r);
/* Moves up to max pending ids to out and fills up with recent ones when fill is true; returns the number. */
size_t dbr_reliable_take_acks(struct dbr_reliable *r, uint32_t *out, size_t max, bool fill);

/* When dbr_reliable_due will next have something; UINT64_MAX if never. */
uint64_t dbr_reliable_deadline(const struct dbr_reliable *r);

#endif
