#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Proof that the tests guard the guards of the data process: inverts or removes one condition at a time, in a copy, and
# requires one of the unit tests to turn red. A mutant that no test kills, or whose line is no longer there, fails the
# run. Usage: mutations.sh SOURCE_ROOT BUILD_ROOT [CC]   (about 3 minutes: the tests wait more than they work)
#
# BUILD_ROOT holds the archives of the rooms; only the mutated file is compiled.
set -u
root=${1:?usage: mutations.sh SOURCE_ROOT BUILD_ROOT [CC]} build=${2:?} cc=${3:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export root build work cc CMOCKA_TEST_ABORT=1 # the first red one is enough

# the test that is tried first, file, then one sed expression
mutants() {
    cat <<'LIST'
worker worker s~if (error != EBADFD \&\& error != ENODEV \&\& error != EPIPE)~if (true)~
worker worker s~if (k->at_limit || !dbr_slot_wants_rekey(&k->slot))~if (true)~
worker worker s~if (k->at_limit || !dbr_slot_wants_rekey(&k->slot))~if (k->at_limit)~
worker worker s~if (!dbr_storm_allow(&w->too_long, .*))~if (false)~
worker worker s~    if (to->origin != DBR_PORT_LAN)$~    if (false)~
worker worker s~kind == DBR_FRAG_ANSWER \&\& !p->tell_mtu \&\& ~kind == DBR_FRAG_ANSWER \&\& ~
worker worker s~kind == DBR_FRAG_ANSWER \&\& !p->tell_mtu \&\& dbr_frag_cut_anyway(&c)~false~
worker worker s~if (kind == DBR_FRAG_ANSWER \&\& !f->flooded) {~if (kind == DBR_FRAG_ANSWER) {~
worker worker s~            dbr_mss_clamp(room, (size_t)n, p->mss, false);~            ;~
worker worker s~    if (p->max_l3 \&\& dbr_gso_frame_len(&g) > .*~    if (false)~
worker worker s~if (f->len > sizeof bytes || f->vnet.gso_type != DBR_VNET_GSO_NONE) {~if (f->len > sizeof bytes) {~
worker worker s~if (f->len > sizeof bytes || f->vnet.gso_type != DBR_VNET_GSO_NONE) {~if (f->vnet.gso_type != DBR_VNET_GSO_NONE) {~
worker worker s~    if (dbr_split_frame(bytes, &own.len))~    if (true)~
worker worker s~    if (p->closed_until_ns > w->now.ns) {~    if (false) {~
worker worker s~    if (dbr_guard_out(&p->policy, .*~    if (false)~
worker worker s~    if (!rate_allow(&p->down, .*~    if (false) {~
worker worker s~    if (f->classes & p->rewrites)~    if (false)~
threads worker s~    if (!peers_owns(&w->peers, id)) {~    if (false) {~
worker worker s~        if (w->peers.live\[i\]->id != f->origin)~        if (true)~
worker worker s~    copy.flooded = true;~~
worker worker s~    if (r->flood_lan)~    if (true)~
worker worker s~if (!dbr_storm_allow(&w->announced, .*))~if (false)~
vlan worker s~    if (f->vlan != p->policy.pvid)~    if (false)~
worker worker s~        if (!moved)~        if (false)~
worker worker s~moved ? DBR_LEARNED_MOVED : DBR_LEARNED_NEW~DBR_LEARNED_NEW~
worker worker s~    if (r->to == DBR_TO_DROP || !dbr_snoop~    if (!dbr_snoop~
worker worker s~    if (lan ? at != DBR_PORT_LAN \&\& at != DBR_PORT_NONE : at == origin)~    if (true)~
worker worker s~    if (verdict == DBR_GUARD_PASS)~    if (true)~
worker worker s~p->policy.deny_in ? dbr_guard_in~false ? dbr_guard_in~
worker worker s~ || (mtu \&\& len > v.l3 + mtu) ||~ ||~
worker worker s~(v.ethertype == DBR_LOOP_ETHERTYPE || p->closed_until_ns)~(v.ethertype == DBR_LOOP_ETHERTYPE)~
worker worker s~    if (!rate_allow(&p->up, .*~    if (false) {~
worker worker s~    dbr_mss_clamp(bytes, len, p->mss, unsummed);~~
worker worker s~    if (p->uplink) {~    if (false) {~
vlan worker s~room = w->expand + w->expanded + DBR_VLAN_TAG;~room = w->expand + w->expanded;~
worker worker s~        w->expanded += DBR_VLAN_TAG + \*len;~~
worker worker s~(w->in.multihome || w->n_more) \&\& newest \&\& ~(w->in.multihome || w->n_more) \&\& ~
worker worker s~(w->in.multihome || w->n_more) \&\& newest~newest~
worker worker s~    if (p->fixed)~    if (false)~
worker worker s~    if (!newest)~    if (false)~
worker worker s~    if (!book_move(&w->shared->book, .*~    if (false)~
worker worker s~    news_float(&w->news, p, w->now.ns);~~
worker worker s~    if (!dbr_slot_opened(slot, .*~    if (dbr_slot_opened(slot, \&run->jobs[i], \&run->ids[i]), false) {~
worker worker s~    if (!follow(w, p, .*~    if (follow(w, p, \&run->dgrams[i].origin->addr, run->ids[i] == slot->replay.newest), false) {~
worker worker s~    if (stripped < 0) {~    if (false) {~
worker worker s~    p->rx_ns = p->stats.last_rx_ns = w->now.ns;~~
worker worker s~ \&\& (!p->primary || k->age > p->primary->age)) {~) {~
worker worker s~    if (p->timed_out \&\& p->timeout_reason == DBR_DEL_TIMEOUT) {~    if (false) {~
worker worker s~        if (!run->jobs\[i\].err)~        if (true)~
worker worker s~    if (good)~    if (true)~
worker worker s~        p = look_for_orders(w, p->id);~~
worker worker s~    if (w->looked_ns == w->now.ns)~    if (true)~
worker worker s~    if (run->n == RUN_MAX || run->key != k)~    if (run->n == RUN_MAX)~
worker worker s~    if (run->n == RUN_MAX || run->key != k)~    if (run->key != k)~
worker worker s~        p->stats.drops_replay += err == DBR_ERR_REPLAY;~~
worker worker s~id = p \&\& p->wire_id == id ? ~id = p ? ~
worker worker s~    if (w->shared->client || w->shared->boot->single) {~    if (w->shared->client) {~
worker worker s~    if (w->shared->client || w->shared->boot->single) {~    if (w->shared->boot->single) {~
worker worker s~        \[DBR_OP_DATA_V1\] = data_v1,~~
worker worker s~        \[DBR_OP_SOFT_RESET\] = control_packet,~~
worker worker s~        \[DBR_OP_CONTROL\] = control_packet,~~
worker worker s~        \[DBR_OP_ACK\] = control_packet,~~
worker worker s~        \[DBR_OP_RESET_CLIENT\] = control_packet,~~
worker worker s~        \[DBR_OP_RESET_SERVER\] = control_packet,~~
worker worker s~        \[DBR_OP_RESET_CLIENT_V3\] = control_packet,~~
worker worker s~        \[DBR_OP_CONTROL_WKC\] = control_packet,~~
worker worker s~(f.vnet.gso_type == DBR_VNET_GSO_NONE \&\& dbr_vnet_finish(&f.vnet, bytes, len))~false~
worker worker s~f.classes = up \&\& up->policy.deny_out ? dbr_guard_classify(&v) : 0;~f.classes = 0;~
worker worker s~    if (v.ethertype == DBR_LOOP_ETHERTYPE \&\& loopguard_takes(w, NULL, &v))~    if (false)~
threads worker s~        mailbox_release(box);~~
parts peers s~    if (!r->bytes_per_s)~    if (true)~
parts peers s~    if (r->tokens < bytes)~    if (false)~
parts peers s~    if (r->tokens > full)~    if (false)~
parts peers s~    r->tokens -= bytes;~~
guards peers s~    if (r->bytes_per_s != bits_per_s / 8)~    if (true)~
guards peers s~p->policy.source_guard = (m->flags & DBR_PEER_SOURCE_GUARD) != 0;~~
guards peers s~p->policy.isolated = (m->flags & DBR_PEER_ISOLATED) != 0;~~
guards peers s~p->fixed = (m->flags & DBR_PEER_FIXED) != 0;~~
guards peers s~    if (p->uplink \&\& !site)~    if (p->uplink)~
guards peers s~    if (p->uplink \&\& !site)~    if (false)~
guards peers s~        p->policy.mac_limit = m->mac_limit;~        ;~
guards peers s~        p->policy.storm_pps = m->storm_pps;~        ;~
limits peers s~    p->path_shrink = 0;~~
parts peers s~    p->gso_max = UINT32_MAX;~~
parts peers s~!peers_owns(t, id) || id / t->n_workers >= t->n_all~id / t->n_workers >= t->n_all~
parts peers s~!peers_owns(t, id) || id / t->n_workers >= t->n_all~!peers_owns(t, id)~
parts peers s~    t->live\[p->live_at\]->live_at = p->live_at;~~
parts peers s~    if (!p->live)$~    if (false)~
parts peers s~        t->uplink = NULL;~        ;~
guards peers s~    wipe_keys(p);~~
parts peers s~        t->live\[i\]->rx_ns += gap_ns;~~
parts peers s~        t->live\[i\]->active_ns += gap_ns;~~
guards peers s~if (k != p->primary \&\& (!oldest~if ((!oldest~
guards peers s~k->age < oldest->age~k->age > oldest->age~
guards peers s~    if (peer_key(p, m->key_id))~    if (false)~
guards peers s~    if (!p->primary)$~    if (true)~
guards peers s~    if (p->primary == k)~    if (false)~
parts peers s~p->told.ping_s \&\& p->primary ? ~p->told.ping_s ? ~
parts peers s~uint64_t end = p->timed_out ? WHEEL_NEVER : ~uint64_t end = ~
parts peers s~    if (p->timed_out || (!silent~    if ((!silent~
parts peers s~ || (!silent \&\& !idle))~ || !silent)~
parts peers s~ || (!silent \&\& !idle))~ || !idle)~
parts peers s~silent ? DBR_DEL_TIMEOUT : DBR_DEL_INACTIVE~DBR_DEL_TIMEOUT~
parts book s~    while (n < 2 \* peers)~    while (n < peers / 2)~
parts book s~ \&\& !dbr_addr_equal(&b->entries\[i\].addr, addr))~)~
parts book s~>= ((j - i) & b->mask)) {~< ((j - i) \& b->mask)) {~
parts book s~>= ((j - i) & b->mask)) {~> ((j - i) \& b->mask)) {~
parts book s~if (b->entries\[i\].peer == BOOK_NOBODY \&\& b->used == b->limit)~if (false)~
parts book s~    b->used--;~~
parts book s~    if (b->entries\[i\].peer == peer)~    if (true)~
parts book s~owner == BOOK_NOBODY || owner == peer~owner == BOOK_NOBODY~
parts book s~owner == BOOK_NOBODY || owner == peer~true~
parts book s~        remove_locked(b, from, peer);~~
parts book s~    if (!addr->family)~    if (false)~
limits pace s~    if (!items \&\& !p->napping)~    if (false)~
limits pace s~items < PACE_WORTH~items <= PACE_WORTH~
limits pace s~p->poor < PACE_POOR~p->poor <= PACE_POOR~
limits pace s~items < PACE_WORTH ? p->poor + 1 : 0~p->poor + 1~
limits pace s~items <= PACE_SHORT \&\& ~~
limits pace s~ \&\& gap < PACE_QUICK_NS~~
limits pace s~p->quick >= PACE_ROUNDS~p->quick > PACE_ROUNDS~
limits pace s~        p->poor = 0;$~        ;~
limits pace s~        p->quick = 0;$~        ;~
limits pace s~p->near >= PACE_NEAR \&\& ~~
limits pace s~ \&\& now_ns >= p->shy_ns~~
limits pace s~ \&\& now_ns - p->active_ns >= PACE_QUIET_NS~~
limits pace s~    if (p->saved_ns > PACE_SAVED_NS)~    if (false)~
limits pace s~ \&\& p->saved_ns >= PACE_NEAR_NS~~
limits pace s~took_ns < p->saved_ns ? took_ns : p->saved_ns~took_ns~
limits pace s~    if (took_ns > PACE_NEAR_NS)~    if (took_ns >= PACE_NEAR_NS)~
limits pace s~    p->shy_for_ns = again ? twice : PACE_SHY_NS;~    p->shy_for_ns = PACE_SHY_NS;~
limits pace s~    p->shy_for_ns = again ? twice : PACE_SHY_NS;~    p->shy_for_ns = p->shy_for_ns ? twice : PACE_SHY_NS;~
limits pace s~now_ns - p->shy_ns < PACE_SHY_AGAIN~now_ns - p->shy_ns <= PACE_SHY_AGAIN~
limits pace s~2 \* p->shy_for_ns < PACE_SHY_MAX_NS ? ~true ? ~
limits pace s~waited_ns > PACE_NEAR_NS~waited_ns >= PACE_NEAR_NS~
limits pace s~p->near < PACE_NEAR_MAX;~1;~
worker worker s~if (first \&\& ready \& READY_LANE_0)~if (false)~
worker worker s~r->frames - frames >= TAP_TURN_READS || ~~
worker worker s~    return r->frames - frames >= TAP_TURN_READS .*~    return false;~
worker worker s~(after ? after : ready)~ready~
parts outbox s~    if (!p->primary || !p->addr.family)~    if (!p->primary)~
parts outbox s~all > DBR_MAX_DATAGRAM ? NULL : ~~
parts outbox s~o->n_pieces + pieces > OUTBOX_PIECES || o->used~o->used~
parts outbox s~o->n_pieces + pieces > OUTBOX_PIECES || o->used + all > OUTBOX_BYTES~o->n_pieces + pieces > OUTBOX_PIECES~
parts outbox s~    if (o->blocked)$~    if (false)~
parts outbox s~    if (!o->segment_ok)~    if (false)~
parts outbox s~p->gso_max == UINT32_MAX || o->now_ns >= p->gso_until_ns~true~
parts outbox s~p->gso_max == UINT32_MAX || o->now_ns >= p->gso_until_ns~p->gso_max == UINT32_MAX~
parts outbox s~return t->segment <= longest \&\& ~return ~
parts outbox s~t->n < OUTBOX_TRAIN \&\& ~~
parts outbox s~t->last == t->segment \&\& ~~
parts outbox s~len <= t->segment \&\&$~true \&\&~
parts outbox s~t->bytes + len <= OUTBOX_TRAIN_BYTES~true~
parts outbox s~memcmp(&t->to, &p->to, sizeof t->to) == 0~true~
parts outbox s~ \&\& t->via == p->addr.via \&\&~ \&\&~
parts outbox s~memcmp(t->cmsg.space, p->home, p->home_len) == 0~true~
parts outbox s~p->addr.via <= o->n_more ? p->addr.via : 0~p->addr.via~
parts outbox s~if (t->n < 2 \&\& (t->segment~if (false \&\& (t->segment~
parts outbox s~(t->segment < PATH_PROBE || ~(~
parts outbox s~ || t->segment > longest))~))~
parts outbox s~    if (++p->out_count == OUTBOX_SEAL)~    if (false)~
parts outbox s~if (error != EINVAL \&\& error != EIO \&\& error != EMSGSIZE) {~if (false) {~
parts outbox s~    if (error == EMSGSIZE)~    if (false)~
parts outbox s~error == EMSGSIZE ? t->segment - 1 : 0~t->segment - 1~
parts outbox s~    send_singly(o, index);~~
parts outbox s~ \&\& o->trains\[o->n_sent + i\].via == o->trains\[o->n_sent\].via~~
parts outbox s~        if (errno == EAGAIN) {~        if (false) {~
parts outbox s~    o->n_sent = o->n_trains = o->n_iov = 0;~    o->n_sent = o->n_trains = 0;~
parts mailbox s~if (m->written + n - m->released_seen <= m->mask + 1)~if (true)~
parts mailbox s~    return m->written + n - m->released_seen <= m->mask + 1;~    return true;~
parts mailbox s~size > (m->mask + 1) / 2 || ~~
parts mailbox s~size > to_end ? to_end : 0~0~
parts mailbox s~        if (mail->kind != MAIL_GAP)~        if (true)~
parts mailbox s~    return m->read == atomic_load~    return m->read != atomic_load~
limits path s~(p->framing == DBR_FRAMING_NONE ? 0 : DBR_FRAMING_HEADROOM)~0~
limits path s~slot->cbc ? DBR_CBC_BLOCK : 0~0~
limits path s~return limit ? (uint16_t)left : 0;~return (uint16_t)left;~
limits path s~    if (by > 0 \&\& left < least)~    if (false)~
limits path s~    if (p->told_family \&\& p->addr.family)~    if (false)~
limits path s~    if (!p->primary)~    if (false)~
limits path s~ || mtu >= longest || ~ || ~
limits path s~ || longest - mtu <= p->path_shrink)~)~
limits path s~longest - mtu < most ? longest - mtu : most~longest - mtu~
limits path s~    if (!p->path_shrink || now_ns < p->path_until_ns)~    if (!p->path_shrink)~
worker loopguard s~p->policy.kind != DBR_KIND_SITE || ~~
worker loopguard s~    if (!w->shared->limits.loop_guard || w->shared->client)~    if (w->shared->client)~
worker loopguard s~p \&\& p->closed_until_ns > w->now.ns;~false;~
worker loopguard s~probe \&\& p \&\& dbr_loop_blames(egress, p->id, p->policy.kind == DBR_KIND_SITE)~probe \&\& p~
worker loopguard s~    return closed || probe;~    return closed;~
worker loopguard s~    return closed || probe;~    return probe;~
worker guarded s~        dbr_switch_guard_ip4(sw, m->ip4\[i\], true);~        ;~
worker guarded s~        dbr_switch_guard_ip6(sw, m->ip6\[i\], true);~        ;~
worker guarded s~    dbr_switch_guard_mac(sw, dbr_get48(m->gateway_mac), DBR_ROLE_GATEWAY);~~
worker guarded s~        if (!has_ip4(m, old->ip4\[i\]))~        if (true)~
worker guarded s~        if (!has_ip4(m, old->ip4\[i\]))~        if (false)~
worker guarded s~        if (!has_ip6(m, old->ip6\[i\]))~        if (true)~
worker guarded s~        if (!has_ip6(m, old->ip6\[i\]))~        if (false)~
worker guarded s~    if (memcmp(old->gateway_mac, m->gateway_mac, 6) != 0)~    if (false)~
LIST
}

# $1 number, $2 test, $3 file, $4 expression: prints one line when something is wrong
try_mutant() {
    local dir=$work/m$1 test=$2 file=$3 source=$root/server/data/$3.c killed= t
    mkdir "$dir"
    sed -e "$4" "$source" >"$dir/$file.c"
    if cmp -s "$source" "$dir/$file.c"; then
        echo "STALE    $file: $4"
    elif ! $cc $flags -c "$dir/$file.c" -o "$dir/$file.o" 2>/dev/null; then
        echo "BROKEN   $file: $4"
    else
        # The mutant comes before the archive that holds the good one.
        for t in $test $(printf '%s\n' $tests | grep -vx "$test"); do
            $cc "$dir/$file.o" "$work/test_$t.o" "$work/rig.o" "$work/inner.o" $archives $libs -o "$dir/test" 2>/dev/null ||
                echo "UNLINKED $file: $4"
            timeout 90 "$dir/test" >/dev/null 2>&1 || { killed=yes; break; }
        done
        [ -n "$killed" ] || echo "SURVIVED $test $file: $4"
    fi
    rm -rf "$dir"
}
export -f try_mutant

include=$(printf -- '-I%s ' "$build"/rooms/*)
export flags="-std=gnu17 -O0 -w -D_GNU_SOURCE -DRIG_QUICK -DDBR_VERSION=\"0\" $include -I$root/tests/unit/data $(pkg-config --cflags libcrypto)"
export archives="-Wl,--start-group $(find "$build/server/data" "$build/server/ipc" "$build/common" "$build/bridge" -name 'libdbr_*.a' | tr '\n' ' ') -Wl,--end-group"
export libs="$(pkg-config --libs libssl libcrypto) -llzo2 -lcmocka -lm -lpthread $(pkg-config --libs libnl-route-3.0 libnl-3.0 2>/dev/null)"

echo 'int main(void) { return 0; }' | $cc -xc - -lIPSec_MB -o "$work/has_mb" 2>/dev/null && libs+=" -lIPSec_MB"

export tests="guards limits parts threads vlan worker"
for f in rig inner test_guards test_limits test_parts test_threads test_vlan test_worker; do
    $cc $flags -c "$root/tests/unit/data/$f.c" -o "$work/$f.o" &
done
wait
for t in $tests; do # the tests must be green without a mutation
    $cc "$work/test_$t.o" "$work/rig.o" "$work/inner.o" $archives $libs -o "$work/green" || exit 1
    "$work/green" >"$work/out" 2>&1 || { tail -n 5 "$work/out"; echo "test_$t fails without a mutation"; exit 1; }
done

mutants | grep -E -- "${MUTANTS_ONLY:-.}" >"$work/list"
n=0
while read -r test file expression; do
    printf '%s\0%s\0%s\0%s\0' $((n += 1)) "$test" "$file" "$expression"
done <"$work/list" | xargs -0 -P "$((4 * $(nproc)))" -n 4 bash -c 'try_mutant "$0" "$1" "$2" "$3"' >"$work/wrong"
cat "$work/wrong"
echo "$(wc -l <"$work/list") mutants, $(wc -l <"$work/wrong") not killed"
[ ! -s "$work/wrong" ]
