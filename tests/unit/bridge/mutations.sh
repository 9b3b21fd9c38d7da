#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Proof that the tests guard the guards of the switch: inverts or removes one condition of bridge/guard, bridge/forward,
# bridge/fdb, bridge/split, bridge/loop or bridge/vlan at a time, in a copy, and requires a unit test to turn red. A mutant
# that no test kills, or whose line is no longer there, fails the run. Usage: mutations.sh SOURCE_ROOT [CC]
set -u
root=${1:?usage: mutations.sh SOURCE_ROOT [CC]} cc=${2:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export work cc
export flags="-std=gnu17 -O1 -w -D_GNU_SOURCE -I$work/common -I$work -I$root/tests/unit/bridge"
export libs="-lcmocka -lpthread"

# module, then one sed expression; the tests of a module are tried in the order of tests_of
mutants() {
    cat <<'LIST'
guard s/block == 0x0180c200000 || /0 || /
guard s/ || block == 0x0180c200002)/)/
guard s/        if (dst == cisco_groups\[i\])/        if (false)/
guard s/    0x01000ccccccc, /    0, /
guard s/    0x01000ccccccd, /    0, /
guard s/n >= 2 && p\[0\] == 0x42 && p\[1\] == 0x42/false/
guard s/if (oui == 0x00000c)/if (oui != 0x00000c)/
guard s/return oui == 0 || oui == 0x0000f8 ?/return oui == 0x0000f8 ?/
guard s/return oui == 0 || oui == 0x0000f8 ?/return oui == 0 ?/
guard s/if (from == server || to == client)/if (from == server \&\& to == client)/
guard s/if (from == server || to == client)/if (to == client)/
guard s/if (from == server || to == client)/if (from == server)/
guard s/case 134: return DBR_CLASS_RA;/case 134: return 0;/
guard s/case 136: return DBR_CLASS_NA;/case 136: return 0;/
guard s/case 137: return DBR_CLASS_REDIRECT;/case 137: return 0;/
guard s/if (!in.version || in.later)/if (in.version)/
guard s/    if (in.cut)$/    if (false)/
guard s/return left < 4 ? DBR_CLASS_DHCP_SERVER/return left < 4 ? 0/
guard s/return left < 4 ? DBR_CLASS_DHCP6_SERVER/return left < 4 ? 0/
guard s/return left < 1 ? DBR_CLASS_RA :/return left < 1 ? 0 :/
guard s/left < 1 || p\[0\] == 5 ?/left < 1 ?/
guard s/classify_dhcp(p, 67, 68,/classify_dhcp(p, 69, 70,/
guard s/classify_dhcp(p, 547, 546,/classify_dhcp(p, 549, 548,/
guard s/    case DBR_ETHERTYPE_ARP: return DBR_CLASS_ARP;/    case DBR_ETHERTYPE_ARP: return 0;/
guard s/    case DBR_ETHERTYPE_LLDP: return DBR_CLASS_LINK_LOCAL;/    case DBR_ETHERTYPE_LLDP: return 0;/
guard s/if (v->multicast && is_link_local_group(v->dst))/if (false)/
guard s/if (v->stacked || v->vid == 4095)/if (v->vid == 4095)/
guard s/if (v->stacked || v->vid == 4095)/if (v->stacked)/
guard s/    if (v->tagged)$/    if (false)/
guard s/        if (denied & reasons\[i\].class)/        if (!(denied \& reasons[i].class))/
guard s/    NEVER = DBR_CLASS_LINK_LOCAL | DBR_CLASS_BAD_VLAN,/    NEVER = DBR_CLASS_BAD_VLAN,/
guard s/DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_RA | DBR_CLASS_REDIRECT/DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_REDIRECT/
guard s/DBR_CLASS_DHCP_SERVER | DBR_CLASS_DHCP6_SERVER | DBR_CLASS_RA | DBR_CLASS_REDIRECT/DBR_CLASS_DHCP6_SERVER | DBR_CLASS_RA | DBR_CLASS_REDIRECT/
guard s/DBR_CLASS_RA | DBR_CLASS_REDIRECT | DBR_CLASS_SNAP/DBR_CLASS_RA | DBR_CLASS_SNAP/
guard s/DBR_CLASS_REDIRECT | DBR_CLASS_SNAP/DBR_CLASS_REDIRECT/
guard s/p->deny_in = NEVER | ROGUE | DBR_CLASS_TAGGED;/p->deny_in = NEVER | ROGUE;/
guard s/p->deny_in = NEVER | LOCAL | ROGUE;/p->deny_in = NEVER | ROGUE;/
guard s/p->deny_out = NEVER | DBR_CLASS_TAGGED;/p->deny_out = NEVER;/
guard s/.storm_pps = DBR_STORM_PPS, .source_guard = 1/.storm_pps = DBR_STORM_PPS/
guard s/v->len - v->l3 < 28 || //
guard s/ || memcmp(arp, ethernet_ip4, 6) != 0)/)/
guard s/dbr_get48(arp + 8) != v->src/false/
guard s/dbr_get48(arp + 8) != v->src/dbr_get48(arp + 8) == v->src/
guard s/p->pin4_set && memcmp(arp + 14, p->pin4, 4) != 0/p->pin4_set \&\& memcmp(arp + 14, p->pin4, 4) == 0/
guard s/p->pin6_set && !is_pinned_ip6(p, v->frame + in.l4 + 8)/p->pin6_set \&\& is_pinned_ip6(p, v->frame + in.l4 + 8)/
guard s/if (in.end - in.l4 < 24)/if (false)/
guard s/if (from_peer && p->isolated)/if (false)/
guard s/    if (s->used + cost > room)/    if (false)/
guard s/    s->used += cost;//
guard s/s->used = s->used > passed ? s->used - passed : 0;/s->used = 0;/
forward s/if (!mac || mac > MAC_MASK || dbr_mac_is_group(mac))/if (false)/
forward s/        if (owner != DBR_PORT_LAN && owner != DBR_PORT_NONE)/        if (false)/
forward s/vid < DBR_VLAN_NONE; vid++/vid < 1; vid++/
forward s/if (sender && index_of_ip4(sw, sender) >= 0)/if (false)/
forward s/if (sender && index_of_ip4(sw, sender) >= 0)/if (index_of_ip4(sw, sender) < 0)/
forward s/return (high || low) && index_of_ip6(sw, high, low) >= 0;/return false;/
forward s/if (!v->src || dbr_mac_is_group(v->src))/if (dbr_mac_is_group(v->src))/
forward s/if (!v->src || dbr_mac_is_group(v->src))/if (!v->src)/
forward s/    enum dbr_guard g = dbr_guard_in(in->policy, v, classes);/    enum dbr_guard g = DBR_GUARD_PASS;/
forward s/\[DBR_ROLE_BRIDGE\] = DBR_GUARD_BRIDGE_MAC/[DBR_ROLE_BRIDGE] = DBR_GUARD_PASS/
forward s/\[DBR_ROLE_GATEWAY\] = DBR_GUARD_GATEWAY_MAC/[DBR_ROLE_GATEWAY] = DBR_GUARD_PASS/
forward s/owner == DBR_PORT_NONE || !in->policy->source_guard || !seen_within(seen_s, now_s, sw->age_s)/true/
forward s/!in->policy->source_guard || //
forward s/ || !seen_within(seen_s, now_s, sw->age_s))/)/
forward s/return owner == DBR_PORT_LAN ? DBR_GUARD_LAN_MAC : DBR_GUARD_PEER_MAC;/return owner == DBR_PORT_LAN ? DBR_GUARD_PASS : DBR_GUARD_PEER_MAC;/
forward s/return owner == DBR_PORT_LAN ? DBR_GUARD_LAN_MAC : DBR_GUARD_PEER_MAC;/return owner == DBR_PORT_LAN ? DBR_GUARD_LAN_MAC : DBR_GUARD_PASS;/
forward s/return role == DBR_ROLE_NONE && peer_speaks ?/return false ?/
forward s/return in->port == DBR_PORT_LAN ? DBR_GUARD_PASS : DBR_GUARD_MAC_LIMIT;/return DBR_GUARD_PASS;/
forward s/return !in->policy->isolated && /return /
forward s/if (!from_lan && in->storm && !dbr_storm_allow/if (!from_lan \&\& in->storm \&\& dbr_storm_allow/
forward s/if (!from_lan && in->storm && /if (false \&\& /
forward s/    if (port == in->port)$/    if (false)/
forward s/    if (!reaches_peers(sw, in))$/    if (false)/
forward s/    if (r.verdict == DBR_GUARD_PASS)$/    if (true)/
fdb s/if (port_is_full(use_of(f, port)))/if (false)/
fdb s/    return atomic_load_explicit(&u->count, memory_order_relaxed) >=/    return atomic_load_explicit(\&u->count, memory_order_relaxed) >/
fdb s/if (atomic_load_explicit(&f->count, memory_order_relaxed) >= f->macs)/if (false)/
fdb s/if (expect == THIS_OWNER && have != \*owner)/if (false)/
fdb s/if (expect == THIS_OWNER && have != \*owner)/if (have != *owner)/
fdb s/ || dbr_mac_is_group(mac) || vid > VID_MAX)/ || vid > VID_MAX)/
fdb s/ || vid > VID_MAX)/)/
fdb s/    return (uint64_t)vid << 48 | mac;/    return mac;/
fdb s/if (idle < 0 || (uint32_t)idle < age_s)/if ((uint32_t)idle < age_s)/
fdb s/if (idle < 0 || (uint32_t)idle < age_s)/if (false)/
fdb s/    count_port(f, e.port, -1);//
fdb s/    count_port(f, from, -1);//
fdb s/memory_order_relaxed) != port)$/memory_order_relaxed) == port)/
split s/{3, GONE}/{3, KEPT}/
split s/{6, GONE}/{6, KEPT}/
split s/{15, GONE}/{15, KEPT}/
split s/{119, GONE}/{119, KEPT}/
split s/{121, ROUTES}/{121, KEPT}/
split s/{121, ROUTES}/{121, GONE}/
split s/{249, ROUTES}/{249, KEPT}/
split s/if (p\[at\] > 32 || len > n - at)/if (len > n - at)/
split s/if (p\[at\] > 32 || len > n - at)/if (p[at] > 32)/
split s/if (p\[at\] <= HALF_OF_EVERYTHING)/if (p[at] < HALF_OF_EVERYTHING)/
split s/!seen_before(w, opt\[0\]) \&\& //
split s/if (n - at < 2 || p\[at + 1\] > n - at - 2)/if (n - at < 2)/
split s/(!(w.overload \& 1) || /(true || /
split s/(!(w.overload \& 2) || /(true || /
split s/code == DNS || code == DOMAINS/code == DNS/
split s/code == DNS || code == DOMAINS/code == DOMAINS/
split s/if (p\[0\] != ADVERTISE \&\& p\[0\] != REPLY)/if (p[0] != REPLY)/
split s/if (p\[0\] != ADVERTISE \&\& p\[0\] != REPLY)/if (false)/
split s/opt\[0\] == RDNSS || /false || /
split s/opt\[0\] == DNSSL || /false || /
split s/opt\[0\] == ROUTE \&\& /false \&\& /
split s/ \&\& opt\[2\] <= HALF_OF_EVERYTHING//
split s/ || p\[0\] != ADVERT)/)/
split s/    dbr_put16(p + LIFETIME, 0);//
split s/if (!len || len > \*n - at)/if (len > *n - at)/
split s/if (in->version == 4 \&\& !dbr_get16(check))/if (false)/
split s/in.fragment || //
split s/in.short_len || //
loop s/ || v->src != l->mac//
loop s/ || v->len < (size_t)v->l3 + BODY//
loop s/    if (dbr_get64(body + AT_TAG) != dbr_siphash(l->key, body, AT_TAG))/    if (false)/
loop s/dbr_siphash(l->key, body, AT_TAG))/dbr_siphash(l->key, body, AT_EGRESS))/
loop s/now_ns - sent_ns > FRESH_NS \&\& //
loop s/ \&\& sent_ns - now_ns > FRESH_NS//
loop s/egress == DBR_PORT_LAN || //
loop s/!site || //
loop s/egress <= port/egress < port/
loop s/egress <= port/egress >= port/
loop s/ \& 0xfcffffffffffU//
loop s/ | 0x020000000000U//
vlan s/ || pvid > DBR_VLAN_MAX)/)/
vlan s/    if (accept == DBR_VLAN_OFF || !pvid || /    if (accept == DBR_VLAN_OFF || /
vlan s/accept == DBR_VLAN_TAGGED ? 0 : pvid/pvid/
vlan s/c->native_only = accept == DBR_VLAN_UNTAGGED;/c->native_only = false;/
vlan s/accept == DBR_VLAN_TAGGED ? DBR_VLAN_NONE : pvid/pvid/
vlan s/accept == DBR_VLAN_UNTAGGED ? DBR_VLAN_NONE : 0/0/
vlan s/    p->deny_in = .*/    p->deny_in \&= ~(uint32_t)DBR_CLASS_TAGGED;/
vlan s/    p->deny_out = .*/    p->deny_out \&= ~(uint32_t)DBR_CLASS_TAGGED;/
vlan s/    if (vid == c->native)/    if (vid != c->native)/
vlan s/    return c->native_only ? DBR_VLAN_NONE : vid;/    return vid;/
vlan s/    if (tci \& ID)/    if (false)/
vlan s/tci | vid);/vid);/
vlan s/    if (\*len < DBR_ETH_HEADER || /    if (/
vlan s/ || vid > DBR_VLAN_MAX)$/)/
vlan s/len >= TAGGED_HEADER \&\& //
vlan s/(partial \&\& vnet->csum_start < TAGGED_HEADER)/false/
vlan s/        vnet->csum_start -= DBR_VLAN_TAG;/        ;/
vlan s/        vnet->hdr_len -= DBR_VLAN_TAG;/        ;/
forward s/v->vlan == DBR_VLAN_NONE ?/false ?/
guard s/v->vid ? DBR_CLASS_TAGGED | DBR_CLASS_VID : DBR_CLASS_TAGGED/DBR_CLASS_TAGGED/
gro s/if (!it->open || it->frames == DBR_GRO_PIECES || n <= it->head/if (it->frames == DBR_GRO_PIECES || n <= it->head/
gro s/if (!it->open || it->frames == DBR_GRO_PIECES || n <= it->head/if (!it->open || n <= it->head/
gro s/ || n > (size_t)it->head + it->segment ||/ ||/
gro s/ || n - it->l3 + it->payload > IP_MAX || / || /
gro s/ || !as_foreseen(&g->next, data))/)/
gro s/if (!next_id(first, &p, it->frames) || !next_seq(/if (!next_seq(/
gro s/ || !next_seq(first, &p, it->payload) || / || /
gro s/ || !first_good(g, it) ||$/ ||/
gro s/        !sound(it, g->next.pseudo, data, n, unsummed))/        false)/
gro s/    if (unsummed && s == NAMELESS)/    if (false)/
gro s/    g->last = NOBODY; .*//
gro s/x->mask\[it->l4 + TCP_FLAGS\] = (uint8_t)~TCP_PSH/x->mask[it->l4 + TCP_FLAGS] = 0/
vnet s/ || in.fragment || in.cut/ || in.cut/
vnet s/ || in.routing || in.end != n)/ || in.end != n)/
vnet s/ || in.routing || in.end != n)/ || in.routing)/
vnet s/ || n - in.l4 < (tcp ? (size_t)TCP_HEADER : (size_t)UDP_HEADER))/)/
vnet s/if ((!tcp \&\& in.proto != IPPROTO_NUM_UDP) || /if (/
gso s/g->unsummed = g->version \&\& !g->routing;/g->unsummed = g->version;/
gso s/g->unsummed = g->version \&\& !g->routing;/g->unsummed = !g->routing;/
gso s/    if (urgent < at)$/    if (urgent > at)/
gso s/switch (gso_type \& ~DBR_VNET_GSO_ECN)/switch (gso_type)/
gso s/        flags \&= (uint8_t)~TCP_CWR;/;/
gso s/check ? check : 0xffff/check/
gso s/ \& (TCP_SYN | TCP_RST))/ \& TCP_SYN)/
gso s/ \& (TCP_SYN | TCP_RST))/ \& TCP_RST)/
gro s/!in.routing \&\& p->head <= HEAD_MAX/!in.routing/
gro s/dbr_get16(udp + UDP_LENGTH) == left \&\& //
gro s/p->payload > it->segment || it->frames/it->frames/
gro s/p->head - p->l3 + it->payload + p->payload > IP_MAX/false/
gro s/return same(first, p->data, 0, p->l3) \&\& /return /
gro s/same_ip(first, p->data, p) \&\& //
gro s/ \&\& same_upper(first, p->data, p) \&\&$/ \&\&/
gro s/it->open = !push \&\& payload == it->segment/it->open = payload == it->segment/
gro s/it->open = !push \&\& payload == it->segment/it->open = !push/
gro s/~(TCP_PSH | TCP_ECE)/~(TCP_PSH | TCP_ECE | TCP_CWR)/
gro s/~(TCP_PSH | TCP_ECE)/~(TCP_PSH | TCP_ECE | TCP_FIN)/
gro s/~(TCP_PSH | TCP_ECE)/~(TCP_PSH | TCP_ECE | TCP_URG)/
gro s/        close_all(g);$/        ;/
LIST
}

compile() { # source object
    $cc $flags -c "$1" -o "$2"
}
export -f compile

# $1 number, $2 module, $3 expression: prints one line when something is wrong
try_mutant() {
    local dir=$work/m$1 module=$2 source=$work/bridge/$2.c killed= t
    mkdir "$dir"
    sed -e "$3" "$source" >"$dir/$module.c"
    if cmp -s "$source" "$dir/$module.c"; then
        echo "STALE    $module: $3"
    elif ! compile "$dir/$module.c" "$dir/$module.o" 2>/dev/null; then
        echo "BROKEN   $module: $3"
    else
        # The mutant comes before the archive that holds the good one.
        for t in $module $tests; do
            $cc "$dir/$module.o" "$work/test_$t.o" "$work/frames.o" "$work/room.a" $libs -o "$dir/test"
            timeout 20 "$dir/test" >/dev/null 2>&1 || { killed=yes; break; }
        done
        [ -n "$killed" ] || echo "SURVIVED $module: $3"
    fi
    rm -rf "$dir"
}
export -f try_mutant

cp -r "$root/common" "$root/bridge" "$work/" || exit 1
export tests="guard forward fdb split loop vlan gro gso vnet"
for f in common/base/{addr,err,secret,siphash,log} bridge/{eth,inet,csum,guard,forward,fdb,split,loop,vlan,vnet,gso,gro,mss}; do
    [ -f "$work/$f.c" ] && echo "$work/$f.c" "$work/$(basename $f).o"
done >"$work/jobs"
for t in $tests; do echo "$root/tests/unit/bridge/test_$t.c" "$work/test_$t.o"; done >>"$work/jobs"
echo "$root/tests/unit/bridge/frames.c" "$work/frames.o" >>"$work/jobs"
xargs -P "$(nproc)" -L 1 bash -c 'compile "$0" "$1"' <"$work/jobs" || exit 1
ar rcs "$work/room.a" $(awk '$2 !~ /test_|frames/ {print $2}' "$work/jobs")

for t in $tests; do # the tests must be green without a mutation
    $cc "$work/test_$t.o" "$work/frames.o" "$work/room.a" $libs -o "$work/green" || exit 1
    "$work/green" >/dev/null 2>&1 || { echo "test_$t fails without a mutation"; exit 1; }
done

mutants >"$work/list"
n=0
while read -r module expression; do
    printf '%s\0%s\0%s\0' $((n += 1)) "$module" "$expression"
done <"$work/list" | xargs -0 -P "$(nproc)" -n 3 bash -c 'try_mutant "$0" "$1" "$2"' >"$work/wrong"
cat "$work/wrong"
echo "$(wc -l <"$work/list") mutants, $(wc -l <"$work/wrong") not killed"
[ ! -s "$work/wrong" ]
