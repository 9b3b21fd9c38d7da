/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The bitmap is a ring of words, indexed by id / 64: marking an id clears nothing but the words that the
 * window moved into, so that the cost of one id is one word, whatever the window (RFC 6479).
 *
 *        word 2        word 3        word 4          size = 64, newest = 290:
 *   |..............|......xxxxxxxx|xx............|   the window x lies in two words; word 5 is
 *   128            192     227 256  290             cleared when the first id of it is marked
 */
#include "proto/replay.h"

#include <string.h>

enum { WORD_BITS = 64, SMALLEST = 64 };

static uint64_t bit_of(uint32_t id)
{
    return 1ull << (id % WORD_BITS);
}

void dbr_replay_init(struct dbr_replay *w, uint32_t size)
{
    memset(w, 0, sizeof *w);
    w->size = size < SMALLEST ? SMALLEST : size > DBR_REPLAY_MAX ? DBR_REPLAY_MAX : size;
}

bool dbr_replay_check(const struct dbr_replay *w, uint32_t id)
{
    if (id > w->newest)
        return true;
    if (id == 0 || w->newest - id >= w->size)
        return false;
    return !(w->bitmap[id / WORD_BITS % DBR_REPLAY_WORDS] & bit_of(id));
}

static void move_window(struct dbr_replay *w, uint32_t id)
{
    uint32_t steps = id / WORD_BITS - w->newest / WORD_BITS;
    if (steps >= DBR_REPLAY_WORDS)
        memset(w->bitmap, 0, sizeof w->bitmap);
    else
        for (uint32_t i = 0; i < steps; i++)
            w->bitmap[(id / WORD_BITS - i) % DBR_REPLAY_WORDS] = 0;
    w->newest = id;
}

void dbr_replay_mark(struct dbr_replay *w, uint32_t id)
{
    if (id > w->newest)
        move_window(w, id);
    else if (w->newest - id >= w->size)
        return; /* its place in the ring belongs to a newer id */
    w->bitmap[id / WORD_BITS % DBR_REPLAY_WORDS] |= bit_of(id);
}

static bool long_start(struct dbr_replay_long *w, uint32_t time, uint32_t id)
{
    w->time = time;
    w->newest = id;
    w->bitmap = 1;
    return true;
}

bool dbr_replay_long_accept(struct dbr_replay_long *w, uint32_t time, uint32_t id)
{
    if (id == 0)
        return false;
    if (w->newest == 0 || time > w->time)
        return long_start(w, time, id);
    if (time < w->time)
        return false;
    if (id > w->newest) {
        uint32_t by = id - w->newest;
        w->bitmap = (by < WORD_BITS ? w->bitmap << by : 0) | 1;
        w->newest = id;
        return true;
    }
    uint32_t age = w->newest - id;
    if (age >= WORD_BITS || w->bitmap >> age & 1)
        return false;
    w->bitmap |= 1ull << age;
    return true;
}
