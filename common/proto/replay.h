/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sliding replay windows. Data packets use 32-bit ids that start at 1; control packets behind the gate use
 * (time, id). check does not change the window; mark does, after authentication only. Source: RFC 6479
 * (bitmap window), OpenVPN 2.6 packet_id.c (64 ids by default: an id is too old when newest - id >= size).
 * Not locked: the owner's thread.
 */
#ifndef DBR_PROTO_REPLAY_H
#define DBR_PROTO_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { DBR_REPLAY_WORDS = 130, DBR_REPLAY_MAX = 8192 }; /* window up to 8,192 ids; one spare word each side */

struct dbr_replay {
    uint32_t size;   /* window in ids, 64..8192 */
    uint32_t newest; /* 0 = nothing yet */
    uint64_t bitmap[DBR_REPLAY_WORDS];
};

void dbr_replay_init(struct dbr_replay *w, uint32_t size);
/* True if id is fresh: not 0, not marked, newest - id < size. */
bool dbr_replay_check(const struct dbr_replay *w, uint32_t id);
void dbr_replay_mark(struct dbr_replay *w, uint32_t id);

/* The long form of the control channel: (unix seconds of the sender, id). Newer time starts a new window;
 * older time is refused. Window 64. */
struct dbr_replay_long {
    uint32_t time, newest;
    uint64_t bitmap;
};
bool dbr_replay_long_accept(struct dbr_replay_long *w, uint32_t time, uint32_t id); /* checks and marks */

#endif
