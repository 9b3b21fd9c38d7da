/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The two spines. From the network:
 *
 *   worker_from_network   recvmmsg, UDP_GRO: messages of up to 64 datagrams
 *     sort_datagram    shape; by peer id, by address, to control, or to another worker's mailbox
 *       collect_datagram   slot by key id, replay window, into the run
 *     open_run         AEAD, a batch per key, in place
 *       take_payload     mark the id, float, join fragments, strip the framing, ping and OCC out
 *         from_peer        parse, guards, switch, MSS
 *           to_lan | to_peer | flood
 *   finish_batch   open_run; write the TAP; seal and send; ring the other workers
 *
 * From the LAN:
 *
 *   worker_from_lan  read a frame or a super frame with its header
 *     lan_frame        checksum, parse, switch
 *       to_peer | flood -> deliver -> seal_frame: cut and copied into send buffers; too long -> seal_long
 *   finish_batch   as above
 *
 * Frames for another worker's peer go through its mailbox and come out in worker_from_mailboxes() there.
 * Nothing is held for a batch: a batch is what was there.
 */
#include "data/worker.h"

#include "base/err.h"
#include "bridge/frag.h"
#include "bridge/tap.h"
#include "bridge/vnet.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define NS_PER_MS 1000000ULL

enum {
    TAP_DOWN_MS = 100,     /* how long a TAP that is down is left alone */
    ANNOUNCED_PER_S = 100, /* new addresses that the LAN is told of */
    TOO_LONG_PER_S = 1000, /* senders that are told so */
    LONE_BYTES = 2048,     /* a lane that had less is not bulk */
    HURRY_NS = 200000000,
};

/* A frame on its way through the switch. */
struct frame {
    uint8_t *bytes;
    size_t len;
    struct dbr_vnet vnet;
    uint32_t origin;  /* port */
    uint32_t classes; /* bridge/guard.h */
    uint16_t vlan;    /* only for ports of this VLAN; 0 = VLANs are not looked at */
    bool flooded;     /* others get it too: its sender is not answered */
};

/* ---- out: to the TAP ---- */

static void tell_main(struct worker *w, int verdict)
{
    uint64_t one = 1;
    atomic_store(&w->shared->verdict, verdict);
    if (write(w->shared->main_wake, &one, sizeof one) < 0)
        return; /* full: it has been rung already */
}

/* Reading or writing the TAP failed with `error`. Down is left alone for a while, gone is for keeper. */
static void tap_trouble(struct worker *w, int error)
{
    if (error == EINVAL || error == ENOBUFS || error == ENOMEM)
        return; /* one frame that the kernel does not take */
    w->ready &= ~(uint32_t)READY_LAN;
    w->tap_again_ns = w->now.ns + TAP_DOWN_MS * NS_PER_MS;
    if (error != EBADFD && error != ENODEV && error != EPIPE)
        return;
    w->tap_again_ns = WHEEL_NEVER;
    tell_main(w, DBR_DATA_TAP_GONE);
}

static void write_lan(struct worker *w)
{
    for (size_t i = 0; i < dbr_gro_count(w->lan); i++) {
        struct dbr_gro_item item = dbr_gro_item(w->lan, i);
        if (!w->tap_again_ns && writev(w->lanes[0], item.iov, (int)item.niov) >= 0)
            continue;
        w->drops_tap += item.frames;
        if (!w->tap_again_ns && errno != EAGAIN)
            tap_trouble(w, errno);
    }
    if (dbr_gro_count(w->lan) && !w->tap_again_ns) /* the answer is often there when writev() returns: look */
        w->ready |= (uint32_t)READY_LANE_0 << w->lane; /* before asking epoll, where the last one was */
    dbr_gro_clear(w->lan);
    w->expanded = 0;
    w->striding = NULL;
}

static void add_to_lan(struct worker *w, const uint8_t *bytes, size_t len, bool unsummed)
{
    int (*add)(struct dbr_gro *, const uint8_t *, size_t) = unsummed ? dbr_gro_add_unsummed : dbr_gro_add;
    int err = add(w->lan, bytes, len);
    if (err == DBR_ERR_LIMIT) {
        write_lan(w);
        err = add(w->lan, bytes, len);
    }
    if (err)
        w->drops_shape++;
}

/* Puts the tag of the VLAN on a frame for the TAP; false when it is not for the TAP. */
static bool tag_for_lan(struct worker *w, uint16_t vid, uint8_t **bytes, size_t *len)
{
    uint16_t tag = dbr_vlan_on_tap(&w->shared->sw.vlan, vid);
    return tag != DBR_VLAN_NONE && (!tag || !dbr_vlan_tag(bytes, len, tag));
}

/* A tag goes into the room that the datagram's header had; the frame is for nobody else then. Not inlined:
 * its locals have addresses, and a stack frame with a guard is not for those who have no VLANs. */
static __attribute__((noinline)) void to_vlan(struct worker *w, const struct frame *f)
{
    uint8_t *bytes = f->bytes;
    size_t len = f->len;
    if (tag_for_lan(w, f->vlan, &bytes, &len))
        add_to_lan(w, bytes, len, f->vnet.flags & DBR_VNET_NEEDS_CSUM);
}

static void to_lan(struct worker *w, const struct frame *f)
{
    if (f->vlan)
        to_vlan(w, f);
    else
        add_to_lan(w, f->bytes, f->len, f->vnet.flags & DBR_VNET_NEEDS_CSUM);
}

void worker_to_lan(struct worker *w, uint8_t *bytes, size_t len, uint16_t vid)
{
    if (!tag_for_lan(w, vid, &bytes, &len) || w->tap_again_ns)
        return;
    memset(bytes - DBR_VNET_LEN, 0, DBR_VNET_LEN);
    if (write(w->lanes[0], bytes - DBR_VNET_LEN, DBR_VNET_LEN + len) < 0)
        w->drops_tap++;
}

/* ---- out: to peers ---- */

/* Notes when a key nears its limit. */
static void watch_limit(struct worker *w, struct peer *p, struct peer_key *k)
{
    if (k->at_limit || !dbr_slot_wants_rekey(&k->slot))
        return;
    k->at_limit = true;
    news_urgent(&w->news, p, TELL_KEYS);
}

static void to_peer(struct worker *w, uint32_t id, const struct frame *f);

/* Tells the sender of a frame, which was too long for p, so. */
static void answer_too_long(struct worker *w, const struct peer *p, const struct dbr_frag *c,
                            const struct frame *to)
{
    uint8_t buf[LAN_ROOM + DBR_FRAG_ANSWER_MAX] = {0};
    struct frame f = {.bytes = buf + LAN_ROOM, .origin = p->id, .vlan = to->vlan};
    struct dbr_eth_view v;
    if (!dbr_storm_allow(&w->too_long, TOO_LONG_PER_S, w->now.ns))
        return;
    int n = dbr_frag_answer(c, f.bytes, DBR_FRAG_ANSWER_MAX);
    if (n <= 0 || dbr_eth_parse(&v, f.bytes, (size_t)n))
        return;
    f.len = (size_t)n;
    f.classes = dbr_guard_classify(&v);
    if (to->origin != DBR_PORT_LAN)
        to_peer(w, to->origin, &f);
    else
        worker_to_lan(w, f.bytes, f.len, f.vlan);
}

_Static_assert((int)DBR_IPC_PAYLOAD_MAX <= (int)EXPAND_FRAME, "a payload of pieces has room");
_Static_assert((int)DBR_IPC_MAX_L3_MIN == (int)DBR_FRAG_MIN, "what control may say is what frag takes");

/* Sends p one frame that may be too long for it. */
static void seal_long(struct worker *w, struct peer *p, uint8_t *bytes, size_t n, const struct frame *f)
{
    struct dbr_frag c;
    enum dbr_frag_kind kind = dbr_frag_init(&c, bytes, n, p->max_l3);
    if (kind == DBR_FRAG_ANSWER && !p->tell_mtu && dbr_frag_cut_anyway(&c))
        kind = DBR_FRAG_CUT;
    if (kind == DBR_FRAG_ANSWER && !f->flooded) {
        answer_too_long(w, p, &c, f);
        return;
    }
    size_t cap = kind == DBR_FRAG_CUT ? dbr_frag_frame_len(&c) : n;
    size_t left = kind == DBR_FRAG_CUT ? dbr_frag_left(&c) : 1;
    for (; left; left--) {
        uint8_t *room = outbox_room(&w->out, p, cap);
        int len = (int)n;
        if (!room)
            break;
        if (kind == DBR_FRAG_CUT)
            len = dbr_frag_next(&c, room, cap);
        else
            memcpy(room, bytes, n);
        if (len <= 0)
            break;
        outbox_commit(&w->out, p, (size_t)len, false);
    }
    p->stats.drops_queue += left;
}

/* The same as the loop of seal_frame(), by way of a buffer. */
static void seal_long_frames(struct worker *w, struct peer *p, struct dbr_gso *g, const struct frame *f)
{
    bool whole = dbr_gso_count(g) == 1;
    for (int n; (n = dbr_gso_next(g, w->uncut, DBR_ETH_MAX)) > 0;) {
        if (whole)
            dbr_mss_clamp(w->uncut, (size_t)n, p->mss, false);
        seal_long(w, p, w->uncut, (size_t)n, f);
    }
}

/* Cuts the frame into send buffers of p. */
static void seal_frames(struct worker *w, struct peer *p, struct dbr_gso *g)
{
    size_t cap = dbr_gso_frame_len(g), left = dbr_gso_count(g);
    bool whole = left == 1, unsummed = p->framing == DBR_FRAMING_OFFLOAD && dbr_gso_leave_sums(g);
    for (; left; left--) {
        uint8_t *room = outbox_room(&w->out, p, cap);
        int n = room ? dbr_gso_next(g, room, cap) : 0;
        if (n <= 0)
            break;
        if (whole)
            dbr_mss_clamp(room, (size_t)n, p->mss, false);
        outbox_commit(&w->out, p, (size_t)n, unsummed);
    }
    p->stats.drops_queue += left;
}

static void seal_frame(struct worker *w, struct peer *p, const struct frame *f)
{
    struct dbr_gso g;
    if (dbr_gso_init(&g, &f->vnet, f->bytes, f->len, p->mss)) {
        w->drops_shape++;
        return;
    }
    if (p->max_l3 && dbr_gso_frame_len(&g) > DBR_ETH_HEADER + (size_t)p->max_l3)
        seal_long_frames(w, p, &g, f);
    else
        seal_frames(w, p, &g);
    peer_active(p, f->len, w->now.ns);
    if (p->primary)
        watch_limit(w, p, p->primary);
}

/* A split tunnel: p gets what the LAN says about itself, but not as its way to everywhere. */
static void deliver_rewritten(struct worker *w, struct peer *p, const struct frame *f)
{
    uint8_t bytes[DBR_SPLIT_MAX];
    struct frame own = *f;
    if (f->len > sizeof bytes || f->vnet.gso_type != DBR_VNET_GSO_NONE) {
        p->stats.drops_guard++;
        return;
    }
    memcpy(bytes, f->bytes, f->len);
    own.bytes = bytes;
    if (dbr_split_frame(bytes, &own.len))
        seal_frame(w, p, &own);
    else
        p->stats.drops_guard++;
}

/* Hands the frame to a peer of this worker, if its port takes it. */
static void deliver(struct worker *w, struct peer *p, const struct frame *f)
{
    if (f->vlan != p->policy.pvid)
        return;
    if (p->closed_until_ns > w->now.ns) {
        p->stats.drops_guard++;
        return;
    }
    if (dbr_guard_out(&p->policy, f->classes, f->origin != DBR_PORT_LAN) != DBR_GUARD_PASS)
        return;
    if (!rate_allow(&p->down, f->len, w->now.ns)) {
        p->stats.drops_queue++;
        return;
    }
    if (f->classes & p->rewrites)
        deliver_rewritten(w, p, f);
    else
        seal_frame(w, p, f);
}

/* Room in the mailbox of worker `to`. */
static struct mail *write_mail(struct worker *w, unsigned to, enum mail_kind kind, size_t len)
{
    struct mail *mail = mailbox_write(&w->shared->workers[to]->inbound[w->index], (uint32_t)len);
    if (!mail) {
        w->drops_mail++;
        return NULL;
    }
    mail->kind = kind;
    w->mailed |= 1U << to;
    return mail;
}

static void mail_frame(struct worker *w, unsigned to, enum mail_kind kind, uint32_t peer,
                       const struct frame *f)
{
    struct mail *mail = write_mail(w, to, kind, f->len);
    if (!mail)
        return;
    mail->peer = peer;
    mail->origin = f->origin;
    mail->classes = f->classes;
    mail->vnet = f->vnet;
    mail->vlan = f->vlan;
    memcpy(mail->bytes, f->bytes, f->len);
}

static void to_peer(struct worker *w, uint32_t id, const struct frame *f)
{
    if (!peers_owns(&w->peers, id)) {
        mail_frame(w, id % w->shared->n_workers, MAIL_FRAME, id, f);
        return;
    }
    struct peer *p = peers_find(&w->peers, id);
    if (p)
        deliver(w, p, f);
}

static void flood_own(struct worker *w, const struct frame *f)
{
    struct frame copy = *f;
    copy.flooded = true;
    for (uint32_t i = 0; i < w->peers.n_live; i++)
        if (w->peers.live[i]->id != f->origin)
            deliver(w, w->peers.live[i], &copy);
}

static void flood_peers(struct worker *w, const struct frame *f)
{
    flood_own(w, f);
    for (unsigned i = 0; i < w->shared->n_workers; i++)
        if (i != w->index && atomic_load_explicit(&w->shared->workers[i]->n_live, memory_order_relaxed))
            mail_frame(w, i, MAIL_FLOOD, 0, f);
}

static void flood(struct worker *w, const struct frame *f, const struct dbr_route *r)
{
    if (r->flood_peers)
        flood_peers(w, f);
    if (r->flood_lan)
        to_lan(w, f); /* last: it may get a tag */
}

/* Shows the others their mail, and wakes those that sleep. */
static void ring_bells(struct worker *w)
{
    for (unsigned i = 0; w->mailed; i++, w->mailed >>= 1) {
        if (!(w->mailed & 1))
            continue;
        struct worker *other = w->shared->workers[i];
        mailbox_post(&other->inbound[w->index]);
        if (atomic_load(&other->asleep) && atomic_exchange(&other->asleep, false))
            worker_ring(other);
    }
}

void worker_ring(struct worker *w)
{
    uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0)
        return; /* full: it has been rung already */
}

/* ---- the switch ---- */

/* An address is at our port now: the switches of the LAN shall know at once, and not when its owner speaks to
 * everybody the next time. A RARP request, as hypervisors send for a machine that has moved: it has the
 * address as its source and changes nobody's ARP cache. */
static void announce(struct worker *w, const struct dbr_eth_view *v)
{
    enum { RARP = 0x8035, FRAME = 60 };
    uint8_t buf[LAN_ROOM + FRAME] = {0}, *p = buf + LAN_ROOM;
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 3}; /* Ethernet, IPv4, request reverse */
    if (!dbr_storm_allow(&w->announced, ANNOUNCED_PER_S, w->now.ns))
        return;
    memset(p, 0xff, 6);
    dbr_mac_write(p + 6, v->src);
    dbr_put16(p + 12, RARP);
    memcpy(p + 14, head, sizeof head);
    dbr_mac_write(p + 22, v->src);
    dbr_mac_write(p + 32, v->src);
    worker_to_lan(w, p, FRAME, v->vlan);
}

/* A source address is new at its port: the steering, the bridge and control want to know. */
static void learned(struct worker *w, const struct dbr_eth_view *v, const struct dbr_route *r, uint32_t port)
{
    bool moved = r->learned == DBR_LEARN_MOVED;
    if (port == DBR_PORT_LAN) {
        if (!moved)
            return;
        news_bridge(&w->news, v->src, v->vlan, r->moved_from, false);
        news_learned(&w->news, v->src, v->vlan, r->moved_from, DBR_LEARNED_GONE, w->now.ns);
        return;
    }
    if (w->shared->boot->steer)
        dbr_steer_set(w->shared->boot->steer, v->src, w->index);
    if (!moved || r->moved_from == DBR_PORT_LAN)
        news_bridge(&w->news, v->src, v->vlan, port, true);
    news_learned(&w->news, v->src, v->vlan, port, moved ? DBR_LEARNED_MOVED : DBR_LEARNED_NEW, w->now.ns);
    announce(w, v);
}

/* The few frames that are in a class: ARP, neighbour discovery, DHCP and the like. They are counted, and the
 * addresses that they show are for control to know: what a peer says of a MAC of its own, and what a DHCP
 * server of the LAN says of a peer's. */
static void look_closer(struct worker *w, const struct dbr_eth_view *v, const struct dbr_route *r,
                        uint32_t origin)
{
    struct dbr_snoop s;
    totals_classes(w, r->classes);
    bool lan = origin == DBR_PORT_LAN;
    uint32_t telling = lan ? DBR_CLASS_DHCP_SERVER : DBR_CLASS_ARP | DBR_CLASS_NA;
    if (r->to == DBR_TO_DROP || !dbr_snoop(v, r->classes & telling, &s))
        return;
    uint32_t at = dbr_fdb_lookup(w->shared->fdb, s.mac, s.vid, NULL);
    if (lan ? at != DBR_PORT_LAN && at != DBR_PORT_NONE : at == origin)
        news_seen(&w->news, &s, at, lan, w->now);
}

static void forward(struct worker *w, struct frame *f, const struct dbr_route *r)
{
    f->classes = r->classes;
    switch (r->to) {
    case DBR_TO_DROP: break;
    case DBR_TO_LAN: to_lan(w, f); break;
    case DBR_TO_PEER: to_peer(w, r->peer, f); break;
    case DBR_TO_FLOOD: flood(w, f, r); break;
    }
}

/* ---- in: from the network ---- */

/* Client role. Only the end of a second site judges what comes. */
static void from_uplink(struct worker *w, struct peer *p, struct frame *f, const struct dbr_eth_view *v)
{
    enum dbr_guard verdict =
        p->policy.deny_in ? dbr_guard_in(&p->policy, v, dbr_guard_classify(v)) : DBR_GUARD_PASS;
    if (verdict == DBR_GUARD_PASS)
        to_lan(w, f);
    else
        news_guard(&w->news, p, verdict, v->src, v->vid);
    w->striding = verdict == DBR_GUARD_PASS ? p : NULL;
}

/* The usual case of a download: the next piece of what p sent to the LAN just now, in this batch. Its
 * addresses and headers are those of the piece before, and so is what the switch and the guards say. */
static bool next_stride(struct worker *w, struct peer *p, const uint8_t *bytes, size_t len, bool unsummed)
{
    if (w->striding != p || p->up.bytes_per_s || !dbr_gro_extend(w->lan, bytes, len, unsummed))
        return false;
    w->routed[DBR_TO_LAN] += !p->uplink;
    peer_active(p, len, w->now.ns);
    return true;
}

/* A frame that a peer sent, opened and stripped; unsummed: its checksum is left to us or to the kernel. */
static void from_peer(struct worker *w, struct peer *p, uint8_t *bytes, size_t len, bool unsummed)
{
    struct frame f = {.bytes = bytes, .len = len, .origin = p->id, .vlan = p->policy.pvid};
    struct dbr_eth_view v;
    uint32_t mtu = w->shared->boot->tap_mtu;
    p->stats.rx_frames++;
    if (next_stride(w, p, bytes, len, unsummed))
        return;
    w->striding = NULL;
    if (dbr_eth_parse(&v, bytes, len) || (mtu && len > v.l3 + mtu) ||
        (unsummed && dbr_vnet_unsummed(&f.vnet, bytes, len))) {
        news_guard(&w->news, p, DBR_GUARD_SHAPE, v.src, v.vid);
        return;
    }
    if ((v.ethertype == DBR_LOOP_ETHERTYPE || p->closed_until_ns) && loopguard_takes(w, p, &v))
        return;
    if (!rate_allow(&p->up, len, w->now.ns)) {
        p->stats.drops_queue++;
        return;
    }
    peer_active(p, len, w->now.ns);
    dbr_mss_clamp(bytes, len, p->mss, unsummed);
    if (p->uplink) {
        from_uplink(w, p, &f, &v);
        return;
    }
    struct dbr_ingress in = {.port = p->id, .policy = &p->policy, .storm = &p->storm};
    dbr_vlan_enter(&v, (struct dbr_vlan_port){.untagged = p->policy.pvid});
    struct dbr_route r = dbr_forward(&w->shared->sw, &in, &v, w->now);
    w->routed[r.to]++;
    if (r.learned != DBR_LEARN_NONE)
        learned(w, &v, &r, p->id);
    if (r.classes) {
        look_closer(w, &v, &r, p->id);
        dbr_vnet_finish(&f.vnet, bytes, len); /* who rewrites such a frame counts on a whole checksum */
    }
    if (r.to == DBR_TO_DROP)
        news_guard(&w->news, p, r.verdict, v.src, v.vlan);
    else
        forward(w, &f, &r);
    w->striding = r.to == DBR_TO_LAN && !r.classes && !f.vlan ? p : NULL; /* a tag is looked at each time */
}

/* Takes the header of fragments off; false when there is no payload yet, or never. What is put together lies
 * in w->expand: the frames before it are written first when there is no room for it, and for what LZO makes
 * of it. */
static bool join(struct worker *w, struct peer *p, uint8_t **text, size_t *len)
{
    if (w->expanded + 2 * (DBR_VLAN_TAG + EXPAND_FRAME) > EXPAND_BYTES)
        write_lan(w);
    uint8_t *room = w->expand + w->expanded + DBR_VLAN_TAG; /* room that to_lan() may want */
    int err = dbr_fragments_take(p->fragments, text, len, room, w->now.ns);
    if (err == DBR_ERR_SHAPE)
        news_guard(&w->news, p, DBR_GUARD_SHAPE, 0, 0);
    if (!err && *text == room)
        w->expanded += DBR_VLAN_TAG + *len;
    return !err;
}

/* Takes the framing off; room for what LZO expands comes from w->expand. */
static int strip(struct worker *w, struct peer *p, uint8_t **text, size_t *len)
{
    if (p->framing == DBR_FRAMING_NONE)
        return 0;
    if (w->expanded + DBR_VLAN_TAG + EXPAND_FRAME > EXPAND_BYTES)
        write_lan(w);
    uint8_t *scratch = w->expand + w->expanded + DBR_VLAN_TAG; /* room that to_lan() may want */
    int err = dbr_framing_strip(p->framing, text, len, scratch, EXPAND_FRAME);
    if (err >= 0 && *text == scratch)
        w->expanded += DBR_VLAN_TAG + *len;
    return err;
}

/* True if a valid datagram from there may be used. The peer moves there when the datagram is the newest so
 * far (a late or copied one never moves it back) and no other live peer has the address. */
static bool follow(struct worker *w, struct peer *p, const struct dbr_addr *from, bool newest)
{
    if (dbr_addr_equal(&p->addr, from)) {
        if ((w->in.multihome || w->n_more) && newest && !dbr_addr_same_home(&p->addr, from))
            peer_set_addr(p, from);
        return true;
    }
    if (p->fixed)
        return false;
    if (!newest)
        return true;
    if (!book_move(&w->shared->book, &p->addr, from, p->id))
        return false;
    peer_set_addr(p, from);
    news_float(&w->news, p, w->now.ns);
    return true;
}

/* Datagram i of the run is genuine. */
static void take_payload(struct worker *w, struct run *run, unsigned i)
{
    struct peer *p = run->peer;
    struct dbr_slot *slot = &run->key->slot;
    uint8_t *text = run->jobs[i].text;
    size_t len = run->jobs[i].len;
    if (!dbr_slot_opened(slot, &run->jobs[i], &run->ids[i])) {
        p->stats.drops_replay++;
        return;
    }
    if (!follow(w, p, &run->dgrams[i].origin->addr, run->ids[i] == slot->replay.newest)) {
        p->stats.drops_auth++;
        return;
    }
    p->stats.rx_bytes += run->dgrams[i].len;
    p->rx_ns = p->stats.last_rx_ns = w->now.ns;
    if (p->fragments && !join(w, p, &text, &len))
        return;
    int stripped = strip(w, p, &text, &len);
    if (stripped < 0) {
        news_guard(&w->news, p, DBR_GUARD_SHAPE, 0, 0);
        return;
    }
    switch (dbr_payload_kind(text, len)) {
    case DBR_PAYLOAD_FRAME: from_peer(w, p, text, len, stripped == DBR_FRAMING_UNSUMMED); break;
    case DBR_PAYLOAD_PING: break;
    case DBR_PAYLOAD_OCC: news_occ(&w->news, p, text, len, w->now.ns); break;
    }
}

/* At least one datagram under the key was genuine: the peer lives, and it has the key. */
static void saw_life(struct worker *w, struct peer *p, struct peer_key *k)
{
    if (k != p->primary && !k->was_used && (!p->primary || k->age > p->primary->age)) {
        k->was_used = true;
        news_urgent(&w->news, p, TELL_KEYS);
    }
    watch_limit(w, p, k);
    if (p->timed_out && p->timeout_reason == DBR_DEL_TIMEOUT) {
        p->timed_out = false;
        worker_arm(w, p);
    }
}

/* Opens what the run holds and hands it on, in order. */
static void open_run(struct worker *w)
{
    struct run *run = &w->run;
    if (!run->n)
        return;
    size_t good = dbr_aead_open(run->key->slot.open, run->jobs, run->n);
    run->peer->stats.drops_auth += run->n - good;
    for (unsigned i = 0; i < run->n; i++)
        if (!run->jobs[i].err)
            take_payload(w, run, i);
    if (good)
        saw_life(w, run->peer, run->key);
    run->n = 0;
}

static void finish_batch(struct worker *w);

/* The peer may use a key as soon as it has control's last packet, which left after the order that brings us
 * the key: the order is there, but perhaps not yet read. One look a round, with nothing half done that an
 * order could take away. */
static struct peer *look_for_orders(struct worker *w, uint32_t id)
{
    if (w->looked_ns == w->now.ns)
        return peers_find(&w->peers, id);
    w->looked_ns = w->now.ns;
    finish_batch(w);
    orders_serve(w);
    return peers_find(&w->peers, id);
}

/* Adds a datagram of a peer of this worker to the run. */
static void collect_datagram(struct worker *w, struct peer *p, const struct dgram *d)
{
    struct run *run = &w->run;
    uint8_t key_id = dbr_key_id_of(d->bytes[0]);
    struct peer_key *k = peer_key(p, key_id);
    if (!k) {
        p = look_for_orders(w, p->id);
        k = p ? peer_key(p, key_id) : NULL;
    }
    if (!k) {
        if (p)
            p->stats.drops_auth++;
        else
            w->drops_unknown++;
        return;
    }
    if (run->n == RUN_MAX || run->key != k)
        open_run(w);
    run->peer = p;
    run->key = k;
    int err =
        dbr_slot_open_prepare(&k->slot, d->bytes, (uint32_t)d->len, &run->jobs[run->n], &run->ids[run->n]);
    if (err) {
        p->stats.drops_replay += err == DBR_ERR_REPLAY;
        p->stats.drops_auth += err != DBR_ERR_REPLAY;
        return;
    }
    run->dgrams[run->n++] = *d;
}

/* A data datagram of peer `id`, which may be another worker's. */
static void data_datagram(struct worker *w, uint32_t id, const struct dgram *d)
{
    if (id >= w->shared->limits.max_peers) {
        w->drops_unknown++;
        return;
    }
    if (!peers_owns(&w->peers, id)) {
        struct mail *mail = write_mail(w, id % w->shared->n_workers, MAIL_DATAGRAM, d->len);
        if (!mail)
            return;
        mail->peer = id;
        mail->addr = d->origin->addr;
        memcpy(mail->bytes, d->bytes, d->len);
        return;
    }
    struct peer *p = peers_find(&w->peers, id);
    if (p)
        collect_datagram(w, p, d);
    else
        w->drops_unknown++;
}

/* Where there is one peer only: the server that we call, or the far end of a server without `mode server`. */
static const struct peer *only_peer(const struct worker *w)
{
    return w->shared->client ? w->peers.uplink : peers_find(&w->peers, 0);
}

/* P_DATA_V2 names its peer. Where there is one only, the id is the one the server gave us, or that both ends
 * derived. */
static void data_v2(struct worker *w, const struct dgram *d)
{
    uint32_t id = d->len < DBR_DATA_V2_HEADER ? DBR_PEER_ID_NONE : dbr_get24(d->bytes + 1);
    if (w->shared->client || w->shared->boot->single) {
        const struct peer *p = only_peer(w);
        id = p && p->wire_id == id ? p->id : DBR_PEER_ID_NONE;
    }
    data_datagram(w, id, d);
}

/* P_DATA_V1 is known by its address; looked up once per message. */
static void data_v1(struct worker *w, const struct dgram *d)
{
    struct origin *o = d->origin;
    if (!o->looked_up) {
        o->v1_peer = book_find(&w->shared->book, &o->addr);
        o->looked_up = true;
    }
    data_datagram(w, o->v1_peer, d);
}

static void control_packet(struct worker *w, const struct dgram *d)
{
    news_stray(&w->news, d, w->now.ns);
}

/* Whose is it? One row per opcode; others are nobody's. */
static void sort_datagram(struct worker *w, const struct dgram *d)
{
    static void (*const by_opcode[32])(struct worker *, const struct dgram *) = {
        [DBR_OP_DATA_V1] = data_v1,
        [DBR_OP_DATA_V2] = data_v2,
        [DBR_OP_SOFT_RESET] = control_packet,
        [DBR_OP_CONTROL] = control_packet,
        [DBR_OP_ACK] = control_packet,
        [DBR_OP_RESET_CLIENT] = control_packet,
        [DBR_OP_RESET_SERVER] = control_packet,
        [DBR_OP_RESET_CLIENT_V3] = control_packet,
        [DBR_OP_CONTROL_WKC] = control_packet,
    };
    void (*take)(struct worker *, const struct dgram *) = by_opcode[dbr_opcode_of(d->bytes[0])];
    if (take)
        take(w, d);
    else
        w->drops_shape++;
}

/* The end of every batch: everything that was collected leaves now. */
static void finish_batch(struct worker *w)
{
    open_run(w);
    write_lan(w);
    outbox_flush(&w->out);
    ring_bells(w);
}

/* True if the socket may hold more. */
static bool from_socket(struct worker *w, int sock, unsigned via)
{
    struct dgram d;
    bool more;
    w->in.via = (uint8_t)via;
    inbox_receive(&w->in, sock, &more);
    for (; inbox_next(&w->in, &d); w->items++)
        sort_datagram(w, &d);
    finish_batch(w);
    return more;
}

void worker_from_network(struct worker *w)
{
    bool more = from_socket(w, w->udp, 0);
    for (unsigned i = 0; i < w->n_more; i++)
        more |= from_socket(w, w->more[i], 1 + i);
    if (!more)
        w->ready &= ~(uint32_t)READY_NETWORK;
}

void worker_datagram(struct worker *w, struct dgram *d)
{
    if (d->len)
        sort_datagram(w, d);
    finish_batch(w);
}

/* ---- in: from the LAN ---- */

/* A frame of a class. The tag that named its VLAN stays here. */
static void special_lan_frame(struct worker *w, struct frame *f, const struct dbr_eth_view *v,
                              struct dbr_route *r)
{
    look_closer(w, v, r, DBR_PORT_LAN);
    if (!f->vlan || !(r->classes & DBR_CLASS_VID))
        return;
    r->classes &= ~(uint32_t)(DBR_CLASS_VID | DBR_CLASS_TAGGED);
    if (!dbr_vlan_untag(&f->bytes, &f->len, &f->vnet))
        return;
    r->to = DBR_TO_DROP;
    w->drops_shape++;
}

static void lan_frame(struct worker *w, uint8_t *bytes, size_t len)
{
    struct frame f = {.bytes = bytes, .len = len, .origin = DBR_PORT_LAN};
    struct dbr_eth_view v;
    dbr_vnet_parse(&f.vnet, bytes - DBR_VNET_LEN);
    if (dbr_vnet_check(&f.vnet, len) || dbr_eth_parse(&v, bytes, len) ||
        (f.vnet.gso_type == DBR_VNET_GSO_NONE && dbr_vnet_finish(&f.vnet, bytes, len))) {
        w->drops_shape++;
        return;
    }
    if (w->shared->client) {
        struct peer *up = w->peers.uplink;
        f.classes = up && up->policy.deny_out ? dbr_guard_classify(&v) : 0;
        if (up)
            deliver(w, up, &f);
        return;
    }
    if (v.ethertype == DBR_LOOP_ETHERTYPE && loopguard_takes(w, NULL, &v))
        return;
    struct dbr_ingress in = {.port = DBR_PORT_LAN};
    dbr_vlan_enter(&v, w->shared->sw.vlan.tap);
    f.vlan = v.vlan & w->shared->sw.vlan.mask;
    struct dbr_route r = dbr_forward(&w->shared->sw, &in, &v, w->now);
    w->routed[r.to]++;
    if (r.learned != DBR_LEARN_NONE)
        learned(w, &v, &r, DBR_PORT_LAN);
    if (r.classes)
        special_lan_frame(w, &f, &v, &r);
    forward(w, &f, &r);
}

/* What a round from the TAP may still take, and what it has met. */
struct lan_round {
    unsigned frames, most_frames;
    size_t bytes, most_bytes;
    bool lone, bulk; /* there was a lane with little, which has little; one with more than its turn */
};

/* The first of a round is lane 0, if it has something: mostly little, and it is what others wait for.
 * Then they take turns. */
static unsigned next_lane(struct worker *w, bool first)
{
    uint32_t ready = w->ready & READY_LAN, after = ready & ~(((uint32_t)READY_LANE_0 << (w->lane + 1)) - 1);
    if (first && ready & READY_LANE_0)
        return 0;
    return (unsigned)__builtin_ctz((after ? after : ready) / READY_LANE_0);
}

/* So much is enough of a lane that had its turn when the round was at `frames` and `bytes`. */
static bool turn_is_over(const struct lan_round *r, unsigned frames, size_t bytes)
{
    return r->frames - frames >= TAP_TURN_READS || r->bytes - bytes >= TAP_TURN_BYTES;
}

/* When the last round had one frame only, the first of this one leaves before the next is asked for: a lone
 * frame does not wait for the read that finds the queue empty. */
static void lane_turn(struct worker *w, struct lan_round *r, unsigned lane)
{
    const uint32_t bit = (uint32_t)READY_LANE_0 << lane;
    const unsigned frames = r->frames;
    const size_t bytes = r->bytes;
    w->lane = lane;
    while (!turn_is_over(r, frames, bytes) && r->frames < r->most_frames && !w->out.blocked) {
        if (r->frames == 1 && w->lan_was_lone)
            finish_batch(w);
        ssize_t n = read(w->lanes[lane], w->tap_buf, TAP_BUF);
        if (n <= 0) {
            if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                w->ready &= ~bit;
            } else {
                tap_trouble(w, n == 0 ? EBADFD : errno);
                r->most_frames = r->frames; /* the end of this round */
            }
            break;
        }
        r->frames++;
        r->bytes += (size_t)n;
        if (n > DBR_VNET_LEN)
            lan_frame(w, w->tap_buf + DBR_VNET_LEN, (size_t)n - DBR_VNET_LEN);
    }
    bool bulk = turn_is_over(r, frames, bytes), was_bulk = w->now.ns - w->bulk_ns[lane] < HURRY_NS;
    bool lone = !(w->ready & bit) && r->frames > frames && r->bytes - bytes < LONE_BYTES;
    w->bulk_ns[lane] = bulk ? w->now.ns : w->bulk_ns[lane];
    r->lone |= lone && !was_bulk;
    r->bulk |= bulk;
    if (lone && w->ready & READY_LAN)
        finish_batch(w); /* not after the bulk of the others */
}

/* Where lone frames share the way with bulk transfers, rounds are short for a while. That is so for both
 * ends, and for the answers: what a lone frame waits for are the rounds that others are in. */
void worker_from_lan(struct worker *w)
{
    struct lan_round r = {.most_frames = TAP_READS,
                          .most_bytes = w->now.ns < w->hurry_ns ? TAP_TURN_BYTES : TAP_ROUND_BYTES};
    while (w->ready & READY_LAN && r.bytes < r.most_bytes && r.frames < r.most_frames && !w->out.blocked)
        lane_turn(w, &r, next_lane(w, !r.frames));
    if (r.bulk && r.lone)
        w->hurry_ns = w->now.ns + HURRY_NS;
    w->lan_was_lone = r.frames <= 1;
    w->lone_sent = r.frames == 1 && r.bytes < LONE_BYTES;
    w->items += r.frames;
    finish_batch(w);
}

/* ---- in: from the other workers ---- */

static void take_mail(struct worker *w, struct mail *mail, struct origin *origin)
{
    struct frame f = {.bytes = mail->bytes,
                      .len = mail->len,
                      .vnet = mail->vnet,
                      .origin = mail->origin,
                      .classes = mail->classes,
                      .vlan = mail->vlan};
    struct dgram d = {.bytes = mail->bytes, .len = mail->len, .origin = origin};
    struct peer *p = peers_find(&w->peers, mail->peer);
    origin->addr = mail->addr;
    switch ((enum mail_kind)mail->kind) {
    case MAIL_GAP: break;
    case MAIL_DATAGRAM:
        if (p)
            collect_datagram(w, p, &d);
        break;
    case MAIL_FRAME:
        if (p)
            deliver(w, p, &f);
        break;
    case MAIL_FLOOD: flood_own(w, &f); break;
    }
}

/* The mail is worked on where it lies, so it is given back only when the batch is finished. */
void worker_from_mailboxes(struct worker *w)
{
    for (unsigned from = 0; from < w->shared->n_workers; from++) {
        struct mailbox *box = &w->inbound[from];
        struct mail *mail;
        unsigned n = 0;
        for (; from != w->index && n < MAILS_PER_ROUND && (mail = mailbox_read(box)); n++)
            take_mail(w, mail, &w->mail_origins[n]);
        if (!n)
            continue;
        finish_batch(w);
        mailbox_release(box);
    }
}
