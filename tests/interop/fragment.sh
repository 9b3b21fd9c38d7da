#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `fragment` on both ends, over a WAN that drops every data datagram longer than it says, and every IP fragment: frames of
# 64 to 1,514 bytes both ways, with DF, then UDP and TCP; the same with AES-CBC and compression framing, where 5 % of
# the datagrams are lost on top. Where only one end has the line, ours does without. Options as in handshake.sh; --full
# (or LAB_FULL=1) takes the longer cases too.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
[[ " ${LAB_REST[*]} " == *" --full "* ]] && LAB_FULL=1

LAN4=192.168.77.10
ours() { [ "$1" = drawbridged ]; }

# path BYTES [LOSS]: what the WAN takes: IP packets of so many bytes that carry data (opcodes 6 and 9), no IP
# fragments; LOSS per cent of the data towards the client get lost.
path() {
    x wan nft delete table bridge path 2>/dev/null
    x wan nft -f - <<-NFT
	table bridge path {
	  chain forward {
	    type filter hook forward priority 0;
	    ether type ip ip frag-off & 0x3fff != 0 counter drop
	    udp sport $LAB_PORT @th,64,5 { 6, 9 } numgen random mod 100 < ${2:-0} drop
	    ether type ip udp length > $(($1 - 20)) @th,64,5 { 6, 9 } counter drop
	  }
	}
	NFT
}
dropped() { x wan nft list ruleset | awk '/packets/ {for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1)} END {print n + 0}'; }

up() { # OVERRIDES... are for both ends
    lab_server_start "$@" || why "server does not start" || return
    lab_client_start c1 "$@" || why "client does not connect" || return
    lab_ping c1 $LAN4 || why "no ping" || return
    C4=$(lab_tunnel_ip c1)
}

# sweep FROM TO: an echo of each size from the shortest frame to the longest.
sweep() {
    local n
    for n in 18 22 100 $(seq 150 174 1400) 1455 1471 1472; do
        x "$1" ping -n -q -c 1 -W 1 -M do -s "$n" "$2" >/dev/null || x "$1" ping -n -q -c 1 -W 1 -M do -s "$n" "$2" >/dev/null ||
            why "an echo of $n bytes does not pass from $1" || return
    done
}
# udp MOST ARGS...: at most so many per cent are lost towards the client.
udp() {
    local json lost
    lab_iperf_server c1 || why "no iperf3" || return
    json=$(lab_iperf lan "$C4" -u -l 1472 -b 4M -t 1 2>/dev/null)
    lab_stop "$LAB_IPERF_PID"
    lost=$(printf '%s' "$json" | jq '.end.sum.lost_percent')
    T_NOTE+="${T_NOTE:+, }UDP ${lost:0:4} % lost"
    awk "BEGIN {exit !(\"$lost\" != \"\" && \"$lost\" != \"null\" && ${lost/null/100} < $1)}" ||
        why "UDP: ${lost:-all} % lost $(printf '%s' "$json" | jq -r '.error // ""')"
}
tcp() { # FROM TO ADDRESS LEAST
    local rate
    lab_iperf_server "$2" || why "no iperf3" || return
    rate=$(lab_iperf "$1" "$3" -t 1 | lab_mbps)
    lab_stop "$LAB_IPERF_PID"
    T_NOTE+="${T_NOTE:+, }TCP to $2 $rate Mbit/s"
    awk "BEGIN {exit !(${rate:-0} > $4)}" || why "TCP $1 to $2: ${rate:-0} Mbit/s"
}

# What crosses is never longer than was said, by a byte; and it would have been.
frames() { # IP-BYTES OVERRIDES...
    path "$1" && shift || why "nftables" || return
    up "$@" || return
    sweep c1 $LAN4 && sweep lan "$C4" && lab_thrice udp 2 && lab_thrice tcp c1 lan $LAN4 "${LEAST:-5}" || return
    [ "$(dropped)" = 0 ] || why "$(dropped) datagrams were too long"
}

# Of three pieces one is lost for every seventh frame (14 %, of 340), and no other frame suffers.
lossy() {
    path "$1" 5 && shift || why "nftables" || return
    up "$@" || return
    lab_thrice udp 23 || return
    lab_ping c1 $LAN4 || why "no ping after the loss" || return
    [ "$(dropped)" = 0 ] || why "$(dropped) datagrams were too long"
}

# The other end does not have the line: ours sees that in its options, and sends whole payloads without the header.
one_sided() {
    local server=() client=("fragment 600")
    x wan nft delete table bridge path 2>/dev/null
    ours "$LAB_SERVER" && server=("fragment 600") client=()
    ours "$LAB_SERVER" || ours "$LAB_CLIENT" || { skipped "OpenVPN cannot do without"; return; }
    lab_server_start "${server[@]}" || why "server does not start" || return
    lab_client_start c1 "${client[@]}" || why "client does not connect" || return
    lab_ping c1 $LAN4 || why "no ping" || return
    x c1 ping -n -q -c 3 -i 0.2 -s 1472 $LAN4 >/dev/null || why "no full frame"
}

# The path of the first case is one that eats full frames: the test would see it.
without() {
    path 628 || why "nftables" || return
    up || return
    ! x c1 ping -n -q -c 2 -i 0.1 -W 1 -s 1472 -M do $LAN4 >/dev/null || why "a full frame passes without fragment" || return
    [ "$(dropped)" -gt 0 ] || why "nothing was dropped"
}

lab_begin fragment
command -v nft >/dev/null || { t_skip fragment "nft is not installed"; t_end; }
lab_pki && lab_office 1 || exit 1
# A train of datagrams crosses a veth as one packet: here each is to be seen.
for n in gw c1; do x "$n" ethtool -K wan0 tx-udp-segmentation off gso off gro off >/dev/null || exit 1; done
CBC=("data-ciphers AES-256-CBC" "cipher AES-256-CBC" "data-ciphers-fallback AES-256-CBC")
t_case fragment-600 frames 628 "fragment 600"
t_case fragment-mtu-cbc-lzo-loss lossy 700 "fragment 700 mtu" "${CBC[@]}" "comp-lzo no"
t_case one-sided one_sided
if [ -n "${LAB_FULL:-}" ]; then
    t_case without without
    t_case fragment-1400-mtu frames 1400 "fragment 1400 mtu"
    LEAST=0.1 t_case fragment-100 frames 128 "fragment 100"
    t_case fragment-mssfix-off frames 1228 "fragment 1200" "mssfix 0"
    t_case fragment-cbc frames 628 "fragment 600" "${CBC[@]}"
    t_case fragment-stub frames 628 "fragment 600" "compress stub"
fi
t_end
