/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * When a peer sends datagram by datagram, a worker that sleeps as soon as it is done is woken for each of
 * them, and the wake-up costs more than the work. So after many short rounds in quick succession the worker
 * naps before it looks again, as a network card moderates its interrupts, and takes what has come meanwhile
 * as one batch. A few naps in a row that bring little end it. A frame that comes alone is never held: it
 * takes PACE_ROUNDS wake-ups in a row, each less than PACE_QUICK_NS after the last, to begin.
 *
 *   wake  1 datagram, 12 us later: wake 2, 15 us later: wake 1, ... PACE_ROUNDS times
 *   nap PACE_NAP_NS, wake 7; nap, wake 6; nap, wake 1 ... PACE_POOR times: sleep until there is something
 *
 * The other end of the scale is a client whose server is so near that the answer comes before the processor
 * has gone to sleep and been woken again: in the same machine, or in the next room. Where answers to lone
 * frames came within PACE_NEAR_NS lately, the worker
 *
 *   - yields before it takes a frame that comes after a quiet time, so that the program which sent it goes to
 *     sleep first. The kernel wakes on this processor only if nothing else waits for it, and a wake-up of
 *     another one takes longer than all the rest of the way;
 *   - looks for the answer for so long before it sleeps, and yields between two looks.
 *
 * Looking costs at most one part in PACE_SHARE of a core. A yield that took longer than PACE_NEAR_NS met a
 * program that does not sleep: for PACE_SHY_NS there is none, and when the next one meets it again soon, for
 * twice as long, up to PACE_SHY_MAX_NS; else whoever sends a frame a second would wait for that program each
 * time. A client whose server is farther away does none of this, unless frames of its own keep coming as soon
 * as answers would.
 *
 * Pure; owned by one worker.
 */
#ifndef DBR_DATA_PACE_H
#define DBR_DATA_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_NAP_NS = 100000,
    PACE_QUICK_NS = 50000, /* rounds less apart than this are in quick succession */
    PACE_ROUNDS = 16,      /* of them begin it */
    PACE_SHORT = 16,       /* datagrams and frames of a short round; a longer one is a batch already */
    PACE_WORTH = 3,        /* fewer after a nap are poor */
    PACE_POOR = 4,         /* such naps in a row end it */
};

enum {
    PACE_NEAR_NS = 500000,
    PACE_NEAR_MAX = 8, /* the last so many answers count ... */
    PACE_NEAR = 4,     /* ... and so many more near than far ones are needed */
    PACE_SHARE = 10,
    PACE_SAVED_NS = 5000000, /* looking may cost so much at once, when it has cost nothing for long */
    PACE_QUIET_NS = 200000,
    PACE_SHY_NS = 1000000000,
    PACE_SHY_AGAIN = 8, /* soon: so many times as long as the last shyness was, after its end */
};
#define PACE_SHY_MAX_NS 16000000000ULL

struct pace {
    uint64_t last_ns; /* when the last round that had something began */
    unsigned quick, poor;
    bool napping;
    unsigned near;      /* 0..PACE_NEAR_MAX: up with an answer that came soon, down with one that did not */
    uint64_t active_ns; /* when the last round that had something began, asleep after it or not */
    uint64_t saved_ns, saved_at_ns; /* what looking may cost, as of then */
    uint64_t shy_ns, shy_for_ns;    /* no yields until then; how long that was */
};

/* A round that began at now_ns is over and nothing is left; it had so many datagrams and frames. True if the
 * worker shall nap for PACE_NAP_NS before it looks again. */
bool pace_nap(struct pace *p, uint64_t now_ns, unsigned items);

/* A round that began at now_ns had something. */
void pace_active(struct pace *p, uint64_t now_ns);
/* Frames came at now_ns, and only from the LAN. True if the worker shall yield before it takes them. */
bool pace_courtesy(const struct pace *p, uint64_t now_ns);
/* A lone frame has been sent, and the worker is about to sleep at now_ns. True if it shall look for the
 * answer for PACE_NEAR_NS first, and yield between two looks. */
bool pace_look(struct pace *p, uint64_t now_ns);
/* Looking took so long. */
void pace_looked(struct pace *p, uint64_t took_ns);
/* A yield that took so long is over at now_ns. */
void pace_yielded(struct pace *p, uint64_t now_ns, uint64_t took_ns);
/* Something came waited_ns after the worker had nothing to do, whether it looked or slept. */
void pace_answered(struct pace *p, uint64_t waited_ns);

#endif
