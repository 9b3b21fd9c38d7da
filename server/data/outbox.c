/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "data/outbox.h"
#include "base/err.h"
#include "data/path.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#define SELDOM __attribute__((noinline)) /* beside the way of most frames, which shall not pay for it */

#define GSO_AGAIN_NS 60000000000ULL /* try long segments again after a minute: routes change */

int outbox_init(struct outbox *o, int sock, bool segment_ok)
{
    memset(o, 0, sizeof *o);
    o->sock = sock;
    o->segment_ok = segment_ok;
    o->arena = malloc(OUTBOX_BYTES);
    return o->arena ? 0 : DBR_ERR_NOMEM;
}

void outbox_fini(struct outbox *o)
{
    free(o->arena);
    o->arena = NULL;
}

void outbox_rewire(struct outbox *o, int sock)
{
    outbox_flush(o);
    for (unsigned i = o->n_sent; i < o->n_trains; i++)
        o->dropped += o->trains[i].n;
    o->n_sent = o->n_trains = o->n_iov = 0;
    o->used = 0;
    o->blocked = false;
    o->sock = sock;
}

/* ---- collecting ---- */

static size_t headroom(const struct peer *p)
{
    return dbr_slot_headroom(&p->primary->slot) + dbr_framing_headroom(p->framing);
}

/* The pending frame is to begin `head` bytes behind what is used; `all` bytes and so many pieces must be
 * free.
 */
static inline uint8_t *take_room(struct outbox *o, size_t head, size_t all, unsigned pieces)
{
    if (o->n_pieces + pieces > OUTBOX_PIECES || o->used + all > OUTBOX_BYTES)
        outbox_flush(o);
    if (o->blocked)
        return NULL;
    o->pending = o->arena + o->used + head;
    return o->pending;
}

/* Room for a payload that may be cut: for the headers of all its pieces. */
static SELDOM uint8_t *room_for_pieces(struct outbox *o, const struct peer *p, size_t cap)
{
    struct dbr_fragment_cut cut;
    size_t head = headroom(p) + DBR_FRAGMENT_HEADER;
    if (dbr_fragment_plan(&cut, cap + DBR_FRAMING_HEADROOM, p->piece))
        return NULL;
    return take_room(o, head, cut.n * (head + DBR_CBC_BLOCK) + cap + DBR_FRAMING_TAILROOM, cut.n);
}

uint8_t *outbox_room(struct outbox *o, struct peer *p, size_t cap)
{
    if (!p->primary || !p->addr.family)
        return NULL;
    if (p->piece)
        return room_for_pieces(o, p, cap);
    size_t head = headroom(p), all = head + cap + DBR_FRAMING_TAILROOM;
    all += p->primary->slot.cbc ? DBR_CBC_BLOCK : 0;
    return all > DBR_MAX_DATAGRAM ? NULL : take_room(o, head, all, 1);
}

/* ---- sealing and building trains ---- */

/* The longest segment that may go out in a train to p. */
static uint32_t longest_segment(const struct outbox *o, const struct peer *p)
{
    if (!o->segment_ok)
        return 0;
    return p->gso_max == UINT32_MAX || o->now_ns >= p->gso_until_ns ? UINT32_MAX : p->gso_max;
}

/* True if a datagram of len bytes may be coupled to the train; only the last one may be short. */
static bool fits_train(const struct out_train *t, uint32_t longest, size_t len)
{
    return t->segment <= longest && t->n < OUTBOX_TRAIN && t->last == t->segment && len <= t->segment &&
           t->bytes + len <= OUTBOX_TRAIN_BYTES;
}

static struct out_train *new_train(struct outbox *o, struct peer *p, uint32_t segment)
{
    struct out_train *t = &o->trains[o->n_trains];
    struct msghdr *mh = &o->msgs[o->n_trains++].msg_hdr;
    t->peer = p;
    t->segment = segment;
    t->n = t->bytes = 0;
    t->to = p->to;
    *mh = (struct msghdr){.msg_name = &t->to, .msg_namelen = sizeof t->to, .msg_iov = &o->iov[o->n_iov]};
    t->via = p->addr.via <= o->n_more ? p->addr.via : 0;
    t->home_len = p->home_len;
    if (p->home_len) {
        memcpy(t->cmsg.space, p->home, p->home_len);
        mh->msg_control = t->cmsg.space;
        mh->msg_controllen = p->home_len;
    }
    return t;
}

/* The train that p's next datagrams may be coupled to: the last one, if it is p's; else NULL. */
static struct out_train *open_train(struct outbox *o, const struct peer *p)
{
    struct out_train *t = o->n_trains > o->n_sent ? &o->trains[o->n_trains - 1] : NULL;
    bool same = t && t->peer == p && memcmp(&t->to, &p->to, sizeof t->to) == 0 && t->via == p->addr.via &&
                t->home_len == p->home_len && memcmp(t->cmsg.space, p->home, p->home_len) == 0;
    return same ? t : NULL;
}

/* Couples the datagram to the last iovec of the message when it follows in memory, else adds one. */
static void couple(struct outbox *o, struct out_train *t, uint8_t *dgram, size_t len)
{
    struct msghdr *mh = &o->msgs[t - o->trains].msg_hdr;
    struct iovec *last = mh->msg_iovlen ? &mh->msg_iov[mh->msg_iovlen - 1] : NULL;
    t->n++;
    t->bytes += (uint32_t)len;
    t->last = (uint32_t)len;
    if (last && (uint8_t *)last->iov_base + last->iov_len == dgram) {
        last->iov_len += len;
        return;
    }
    o->iov[o->n_iov++] = (struct iovec){.iov_base = dgram, .iov_len = len};
    mh->msg_iovlen++;
}

/* Tells the kernel to cut the message. A single long one is marked, too: the kernel then refuses it where it
 * does not fit the path, instead of making fragments that the path may drop. */
static void mark_segments(struct outbox *o, struct out_train *t, uint32_t longest)
{
    if (t->n < 2 && (t->segment < PATH_PROBE || t->segment > longest))
        return;
    struct msghdr *mh = &o->msgs[t - o->trains].msg_hdr;
    mh->msg_control = t->cmsg.space;
    mh->msg_controllen = t->home_len + CMSG_SPACE(sizeof(uint16_t));
    struct cmsghdr *c = (struct cmsghdr *)(void *)(t->cmsg.space + t->home_len);
    uint16_t segment = (uint16_t)t->segment;
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(c), &segment, sizeof segment);
}

/* Turns the n sealed jobs of p into messages. */
static void build_trains(struct outbox *o, struct peer *p, unsigned n, size_t head)
{
    uint32_t longest = longest_segment(o, p);
    struct out_train *t = open_train(o, p);
    for (unsigned i = 0; i < n; i++) {
        const struct dbr_aead_job *j = &o->jobs[i];
        size_t len = head + j->len;
        if (j->err)
            continue;
        if (!t || !fits_train(t, longest, len)) {
            if (t)
                mark_segments(o, t, longest);
            t = new_train(o, p, (uint32_t)len);
        }
        couple(o, t, j->text - head, len);
        p->stats.tx_bytes += len;
        p->stats.tx_frames++;
    }
    if (t)
        mark_segments(o, t, longest);
}

/* Seals what p has, at most OUTBOX_SEAL pieces. */
static void seal_peer(struct outbox *o, struct peer *p)
{
    struct dbr_slot *slot = &p->primary->slot;
    unsigned n = 0;
    for (uint32_t i = p->out_first; i; i = o->pieces[i - 1].next) {
        const struct out_piece *piece = &o->pieces[i - 1];
        if (dbr_slot_seal_prepare(slot, piece->text, piece->len, &o->jobs[n]) == 0)
            n++;
        else
            p->stats.drops_queue++;
    }
    p->out_first = p->out_last = p->out_count = 0;
    if (!n)
        return;
    dbr_aead_seal(slot->seal, o->jobs, n);
    build_trains(o, p, n, dbr_slot_headroom(slot));
    p->tx_ns = p->stats.last_tx_ns = o->now_ns;
}

/* The len bytes at text are one datagram. */
static inline void commit_datagram(struct outbox *o, struct peer *p, uint8_t *text, size_t len)
{
    o->used = (size_t)(text + len - o->arena) + dbr_slot_padding(&p->primary->slot, len);
    o->pieces[o->n_pieces] = (struct out_piece){.text = text, .len = (uint32_t)len};
    uint32_t index = ++o->n_pieces;
    if (p->out_first)
        o->pieces[p->out_last - 1].next = index;
    else {
        p->out_first = index;
        o->dirty[o->n_dirty++] = p;
    }
    p->out_last = index;
    if (++p->out_count == OUTBOX_SEAL)
        seal_peer(o, p);
}

/* The payload becomes pieces where it lies: from the last to the second they move up, so that each has room
 * for its headers in front.
 *
 *   | head | 0 | 1 | 2 |      ->      | head | 0 | head | 1 | head | 2 |
 */
static SELDOM void commit_pieces(struct outbox *o, struct peer *p, uint8_t *text, size_t len)
{
    const struct dbr_slot *slot = &p->primary->slot;
    struct dbr_fragment_cut cut;
    if (dbr_fragment_plan(&cut, len, p->piece)) {
        p->stats.drops_queue++;
        return;
    }
    size_t step = cut.size + DBR_FRAGMENT_HEADER, last = len - (cut.n - 1) * (size_t)cut.size;
    step += dbr_slot_padding(slot, step) + dbr_slot_headroom(slot);
    for (size_t i = cut.n - 1; i > 0; i--)
        memmove(text + i * step, text + i * cut.size, i + 1 == cut.n ? last : cut.size);
    p->sequence += cut.n > 1;
    for (uint32_t i = 0; i < cut.n; i++) {
        uint8_t *at = text + i * step - DBR_FRAGMENT_HEADER;
        dbr_fragment_header(at, &cut, p->sequence, i);
        commit_datagram(o, p, at, DBR_FRAGMENT_HEADER + (i + 1 == cut.n ? last : cut.size));
    }
}

void outbox_commit(struct outbox *o, struct peer *p, size_t len, bool unsummed)
{
    uint8_t *text = o->pending;
    dbr_framing_add(p->framing, &text, &len);
    if (unsummed)
        dbr_framing_unsummed(text);
    if (p->piece)
        commit_pieces(o, p, text, len);
    else
        commit_datagram(o, p, text, len);
}

/* ---- sending ---- */

static int socket_of(const struct outbox *o, const struct out_train *t)
{
    return t->via ? o->more[t->via - 1] : o->sock;
}

/* Sends the datagrams of a refused train one by one. */
static void send_singly(struct outbox *o, unsigned index)
{
    const struct out_train *t = &o->trains[index];
    const struct msghdr *mh = &o->msgs[index].msg_hdr;
    struct mmsghdr singles[OUTBOX_TRAIN];
    struct iovec iov[OUTBOX_TRAIN];
    unsigned n = 0;
    for (size_t i = 0; i < mh->msg_iovlen; i++) {
        size_t len;
        for (size_t at = 0; at < mh->msg_iov[i].iov_len; at += len, n++) {
            size_t left = mh->msg_iov[i].iov_len - at;
            len = left < t->segment ? left : t->segment;
            iov[n] = (struct iovec){.iov_base = (uint8_t *)mh->msg_iov[i].iov_base + at, .iov_len = len};
            singles[n].msg_hdr = (struct msghdr){.msg_name = mh->msg_name,
                                                 .msg_namelen = mh->msg_namelen,
                                                 .msg_iov = &iov[n],
                                                 .msg_iovlen = 1,
                                                 .msg_control = t->home_len ? mh->msg_control : NULL,
                                                 .msg_controllen = t->home_len};
        }
    }
    for (unsigned sent = 0; sent < n;) {
        int k = sendmmsg(socket_of(o, t), singles + sent, n - sent, MSG_DONTWAIT);
        if (k <= 0) {
            o->dropped++;
            k = 1;
        }
        sent += (unsigned)k;
    }
}

/* The kernel refused message `index`: what now. */
static void refused(struct outbox *o, unsigned index, int error)
{
    struct out_train *t = &o->trains[index];
    if (error != EINVAL && error != EIO && error != EMSGSIZE) {
        o->dropped += t->n;
        return;
    }
    if (error == EMSGSIZE)
        path_refused(t->peer, t->segment, o->now_ns);
    t->peer->gso_max = error == EMSGSIZE ? t->segment - 1 : 0;
    t->peer->gso_until_ns = o->now_ns + GSO_AGAIN_NS;
    send_singly(o, index);
}

/* How many of the next trains leave by the same socket. */
static unsigned same_socket(const struct outbox *o)
{
    unsigned n = o->n_trains - o->n_sent, i = 1;
    if (!o->n_more)
        return n;
    while (i < n && o->trains[o->n_sent + i].via == o->trains[o->n_sent].via)
        i++;
    return i;
}

/* Sends trains until none is left or a socket is full. */
static void send_trains(struct outbox *o)
{
    o->blocked = false;
    while (o->n_sent < o->n_trains) {
        const struct out_train *t = &o->trains[o->n_sent];
        int n = sendmmsg(socket_of(o, t), o->msgs + o->n_sent, same_socket(o), MSG_DONTWAIT);
        if (n > 0) {
            o->n_sent += (unsigned)n;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN) {
            o->blocked = true;
            o->blocked_via = t->via;
            return;
        }
        refused(o, o->n_sent++, errno);
    }
    o->n_sent = o->n_trains = o->n_iov = 0;
    o->used = 0;
}

void outbox_flush(struct outbox *o)
{
    for (unsigned i = 0; i < o->n_dirty; i++)
        seal_peer(o, o->dirty[i]);
    o->n_dirty = o->n_pieces = 0;
    if (o->n_trains)
        send_trains(o);
    else
        o->used = 0;
}
