#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Full-size packets inside over a WAN that drops every IP fragment: UDP, ping with and without DF, IPv6 and TCP,
# both ways; on a path of 1,500 bytes with the default mssfix, on one of 1,400 with `mssfix 1392 mtu`, and on one of
# 1,400 that nobody was told of. The stock client fragments outside what it sends, so that with it only the way to the
# client can hold. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

LAN4=192.168.77.10
LAN6=fd77::10
C6=fd77::c1

ours() { [ "$1" = drawbridged ]; }
TELL= # "inner-df tell": our ends tell who sets DF
up() { # OVERRIDES... are for both ends
    local tell=$TELL
    lab_server_start ${tell:+"$tell"} "$@" || why "server does not start" || return
    ours "$LAB_CLIENT" || tell=
    lab_client_start c1 ${tell:+"$tell"} "$@" || why "client does not connect" || return
    lab_ping c1 $LAN4 || why "no ping" || return
    ip -n "$LAB_ID-c1" addr replace $C6/64 dev tap0 nodad
    lab_ping c1 $LAN6 || why "no ping by IPv6" || return
    C4=$(lab_tunnel_ip c1)
    forget
}
# What the ends have learnt about paths; and the fragments counted so far.
forget_route() {
    local n
    for n in c1 lan; do x "$n" ip route flush cache; x "$n" ip -6 route flush cache; done
}
forget() {
    forget_route
    DROPPED=$(dropped_ever)
}
dropped_ever() { x wan nft list ruleset | awk '/packets/ {for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1)} END {print n + 0}'; }
dropped() { echo $(($(dropped_ever) - DROPPED)); }
nothing_dropped() { [ "$(dropped)" = 0 ] || why "$1: $(dropped) outer fragments were made"; }

wan_mtu() {
    local n
    for n in gw c1; do
        ip -n "$LAB_ID-$n" link set wan0 mtu "$1" && ip -n "$LAB_ID-wan" link set "$n" mtu "$1" || return
    done
}

# echo SPACE ADDRESS: 1,500-byte echoes without DF, each a packet of its own.
echoes() { lab_echoes "$1" "$2" 4 0.1 --size 1472 | grep -q ' 0% packet loss'; }
# A DF ping fails at most once and learns the size that fits; then that size passes.
learns() { # SPACE ADDRESS
    local out mtu
    out=$(x "$1" ping -n -c 3 -i 0.2 -W 1 -M do -s 1472 "$2" 2>&1)
    mtu=$(x "$1" ip route get "$2" | grep -oE 'mtu [0-9]+' | cut -d' ' -f2)
    [ -n "$mtu" ] || why "no MTU learnt: $(printf '%s' "$out" | tr '\n' ';' | cut -c1-200)" || return
    x "$1" ping -n -q -c 2 -i 0.1 -W 1 -M do -s $((mtu - 28)) "$2" >/dev/null || why "MTU $mtu is told, but does not pass" || return
    LEARNT=$mtu
}
learns6() {
    local out mtu
    out=$(x "$1" ping -6 -n -c 3 -i 0.2 -W 1 -M do -s 1452 "$2" 2>&1)
    mtu=$(x "$1" ip -6 route get "$2" | grep -oE 'mtu [0-9]+' | cut -d' ' -f2)
    [ -n "$mtu" ] || why "no MTU learnt: $(printf '%s' "$out" | tr '\n' ';' | cut -c1-200)" || return
    x "$1" ping -6 -n -q -c 2 -i 0.1 -W 1 -M do -s $((mtu - 48)) "$2" >/dev/null || why "MTU $mtu is told, but does not pass"
}
# udp FROM TO ADDRESS: 1,472-byte payloads at 20 Mbit/s, none lost: cut by the sender's own kernel, which knows the
# path's MTU by now, and then without DF, cut by the tunnel.
udp() {
    lab_thrice udp_run "$@" || return
    x "$1" sysctl -qw net.ipv4.ip_no_pmtu_disc=1
    forget_route
    lab_thrice udp_run "$@"
    local status=$?
    x "$1" sysctl -qw net.ipv4.ip_no_pmtu_disc=0
    return $status
}
udp_run() {
    local json lost
    lab_iperf_server "$2" || why "no iperf3" || return
    json=$(lab_iperf "$1" "$3" -u -l 1472 -b 20M -t 1 2>/dev/null)
    lab_stop "$LAB_IPERF_PID"
    lost=$(printf '%s' "$json" | jq '.end.sum.lost_percent')
    awk "BEGIN {exit !(\"$lost\" != \"\" && \"$lost\" != \"null\" && ${lost/null/100} < 2)}" ||
        why "UDP $1 to $2: ${lost:-all} % lost $(printf '%s' "$json" | jq -r '.error // ""')"
}
tcp() { # FROM TO ADDRESS
    local rate
    lab_iperf_server "$2" || why "no iperf3" || return
    rate=$(lab_iperf "$1" "$3" -t 1 | lab_mbps)
    lab_stop "$LAB_IPERF_PID"
    T_NOTE+="${T_NOTE:+, }TCP to $2 $rate Mbit/s"
    awk "BEGIN {exit !(${rate:-0} > 20)}" || why "TCP $1 to $2: ${rate:-0} Mbit/s"
}

down() {
    echoes_down || return
    learns lan "$C4" && udp lan c1 "$C4" && lab_thrice tcp lan c1 "$C4" && learns6 lan $C6
}
# With a stock client the answers would not come back: what arrives at the client counts.
echoes_down() {
    ours "$LAB_CLIENT" || return 0
    lab_thrice echoes lan "$C4" || why "1,500-byte echoes from the office do not pass"
}
upward() {
    ours "$LAB_CLIENT" || { T_NOTE+="${T_NOTE:+, }up not asked of a stock client"; return 0; }
    lab_thrice echoes c1 $LAN4 || why "1,500-byte echoes from the laptop do not pass" || return
    learns c1 $LAN4 && udp c1 lan $LAN4 && lab_thrice tcp c1 lan $LAN4 && learns6 c1 $LAN6
}
both_ways() {
    ours "$LAB_SERVER" || { skipped "OpenVPN fragments outside"; return; }
    wan_mtu "$1" && shift || why "no such WAN" || return
    TELL="inner-df tell"
    up "$@" || return
    TELL=
    down && upward || return
    T_NOTE+=", MTU $LEARNT inside"
    nothing_dropped "towards and from the client"
}

# The path takes 1,400 bytes and nobody said so: the first long packets teach both ends what it takes.
learnt_by_itself() {
    ours "$LAB_SERVER" || { skipped "OpenVPN fragments outside"; return; }
    wan_mtu 1400 || why "no such WAN" || return
    TELL="inner-df tell"
    up || return
    TELL=
    x lan ping -n -q -c 8 -i 0.05 -W 1 -s 1472 -M dont "$C4" >/dev/null
    ! ours "$LAB_CLIENT" || x c1 ping -n -q -c 8 -i 0.05 -W 1 -s 1472 -M dont $LAN4 >/dev/null
    forget
    down && upward || return
    T_NOTE+=", MTU $LEARNT inside"
    nothing_dropped "towards and from the client"
}

# By default a DF packet of the Ethernet's full size (QUIC, a ping) crosses as it does on the LAN: cut inside.
df_crosses() {
    ours "$LAB_SERVER" && ours "$LAB_CLIENT" || { skipped "OpenVPN fragments outside"; return; }
    wan_mtu "$1" && shift || why "no such WAN" || return
    up "$@" || return
    lab_echoes c1 $LAN4 5 0.1 --size 1472 --df | grep -q ' 0% packet loss' || why "DF does not pass up" || return
    lab_echoes lan "$C4" 5 0.1 --size 1472 --df | grep -q ' 0% packet loss' || why "DF does not pass down" || return
    nothing_dropped "towards and from the client"
}

# Without it the path eats full-size packets: the test would see it.
off_fails() {
    ours "$LAB_SERVER" || { skipped "has no inner-mtu"; return; }
    wan_mtu 1500
    lab_server_start "inner-mtu off" || why "server does not start" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 $LAN4 || why "no ping" || return
    forget
    ! echoes lan "$(lab_tunnel_ip c1)" || why "outer fragments pass this WAN" || return
    [ "$(dropped)" -gt 0 ] || why "no outer fragment was seen"
}
# By number, lower than what mssfix leaves.
by_number() {
    ours "$LAB_SERVER" || { skipped "has no inner-mtu"; return; }
    wan_mtu 1500
    lab_server_start "inner-mtu 1300" "inner-df tell" || why "server does not start" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 $LAN4 || why "no ping" || return
    forget
    learns lan "$(lab_tunnel_ip c1)" || return
    [ "$LEARNT" = 1300 ] || why "MTU $LEARNT learnt"
}
# A laptop learns from the concentrator what another laptop's path takes.
between_laptops() {
    ours "$LAB_SERVER" || { skipped "has no inner-mtu"; return; }
    wan_mtu 1500
    lab_server_start "inner-mtu 1300" "inner-df tell" client-to-client || why "server does not start" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_client_start c2 || why "second client does not connect" || return
    lab_ping c1 $LAN4 && lab_ping c2 $LAN4 && lab_ping c1 "$(lab_tunnel_ip c2)" || why "no ping between laptops" || return
    forget
    x c1 ping -n -q -c 2 -i 0.1 -W 1 -M do -s 1350 "$(lab_tunnel_ip c2)" >/dev/null 2>&1
    x c1 ip route get "$(lab_tunnel_ip c2)" | grep -q 'mtu 1300' || why "no MTU learnt: $(x c1 ip route get "$(lab_tunnel_ip c2)" | tr '\n' ';')"
}

lab_begin pmtu
command -v nft >/dev/null || { t_skip pmtu "nft is not installed"; t_end; }
lab_pki && lab_office 2 || exit 1
x wan nft -f - <<'NFT' || exit 1
table bridge path {
    chain forward {
        type filter hook forward priority 0;
        ether type ip ip frag-off & 0x1fff != 0 counter drop
        ether type ip ip frag-off & 0x2000 != 0 counter drop
        ether type ip6 ip6 nexthdr 44 counter drop
    }
}
NFT
t_case no-fragments-wan-1500 both_ways 1500
t_case no-fragments-wan-1400 both_ways 1400 "mssfix 1392 mtu"
t_case learnt-wan-1400 learnt_by_itself
t_case df-wan-1500 df_crosses 1500
t_case df-wan-1400 df_crosses 1400 "mssfix 1392 mtu"
t_case inner-mtu-off off_fails
t_case inner-mtu-number by_number
t_case between-laptops between_laptops
t_end
