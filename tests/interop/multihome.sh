#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A concentrator with several addresses answers from the one that was called, or serves only some of them. Options as in
# handshake.sh. A stock client takes no answer from another address than it called, so it proves itself.
#
#   gw: wan0 10.9.0.1, fd09::1    other0 10.8.0.1, fd08::1 (another network, reached through wan0)
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

up() { # ADDRESS SERVER-OVERRIDES...
    local to=$1
    shift
    lab_server_start "$@" || why "server does not start" || return
    lab_client_start c1 "remote $to $LAB_PORT" || why "client does not connect to $to" || return
    lab_ping c1 192.168.77.10 || why "no ping over $to"
}

answers() { up "$1" multihome; }

# What makes the difference: without the directive the answers come from 10.9.0.1, and nobody takes them.
without() {
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 "remote 10.8.0.1 $LAB_PORT"
    lab_nap 2
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "TLS: Initial packet|VERIFY OK|Initialization Sequence Completed" || why "the kernel chose the right address: this test proves nothing"
}

# Bulk data: trains and GRO batches. The client's port changes meanwhile, as behind a NAT.
bulk() {
    up 10.8.0.1 multihome || return
    lab_iperf_server lan || why "no iperf3" || return
    local down
    down=$(lab_iperf c1 192.168.77.10 -R -t 1 | lab_mbps)
    lab_stop "$LAB_IPERF_PID"
    T_NOTE="$down Mbit/s down"
    [ "${down%.*}" -gt 5 ] || why "$T_NOTE" || return
    x gw nft -f - <<-NFT || why "no nft" || return
	table ip strays { chain out { type filter hook output priority 0; udp sport $LAB_PORT ip saddr != 10.8.0.1 counter; }; }
	NFT
    lab_ping c1 192.168.77.10 && x gw nft list table ip strays | grep -q "packets 0 " || why "some left from another address"
    local status=$?
    x gw nft delete table ip strays
    return $status
}

# Several `local` lines: both addresses are served, each answer leaves from its own socket; a third one is not.
locals() {
    lab_server_start "local 10.8.0.1 1300" "+local 10.9.0.1 $LAB_PORT" "+local fd09::1 1301 udp6" || why "server does not start" || return
    calls 10.8.0.1 1300 && calls 10.9.0.1 "$LAB_PORT" && calls fd09::1 1301 || return
    lab_client_spawn c1 "remote fd08::1 1301"
    lab_nap 1
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "TLS: Initial packet|VERIFY OK" || why "an address that is not named answers"
}
calls() { # ADDRESS PORT
    lab_client_start c1 "remote $1 $2" || why "client does not connect to $1:$2" || return
    lab_ping c1 192.168.77.10 || why "no ping over $1:$2" || return
    lab_client_stop c1
}
# `*` of each family by a line of its own; two clients by two sockets at once.
locals_any() {
    lab_server_start "local * 1300 udp4" "+local * $LAB_PORT udp6" || why "server does not start" || return
    lab_client_start c1 "remote 10.8.0.1 1300" +float || why "no client by the first socket" || return
    lab_client_start c2 "remote fd09::1 $LAB_PORT" || why "no client by the second socket" || return
    lab_ping c1 192.168.77.10 && lab_ping c2 192.168.77.10 || why "no ping to the LAN" || return
    lab_iperf_server lan || why "no iperf3" || return
    local one
    lab_iperf c1 192.168.77.10 -R -t 1 >"$LAB_DIR/one.json" &
    lab_echoes c2 192.168.77.10 40 0.02 >"$LAB_DIR/two.ping"
    wait $!
    one=$(lab_mbps <"$LAB_DIR/one.json")
    lab_stop "$LAB_IPERF_PID"
    T_NOTE="$one Mbit/s by the first"
    [ "${one%.*}" -gt 5 ] || why "$T_NOTE" || return
    grep -q " 0% packet loss" "$LAB_DIR/two.ping" || why "pings by the other socket are lost: $(tail -n 2 "$LAB_DIR/two.ping" | tr '\n' ' ')"
}

lab_begin multihome
lab_pki && lab_office 2 || exit 1
lab_link gw other0 gw other1 || exit 1
lab_addr gw other0 10.8.0.1/24 fd08::1/64
ip -n "$LAB_ID-c1" route add 10.8.0.0/24 via 10.9.0.1
ip -n "$LAB_ID-c1" -6 route add fd08::/64 via fd09::1
t_case multihome-without without
[ -z "${LAB_FULL:-}" ] || t_case multihome-ipv4 answers 10.8.0.1
t_case multihome-ipv6 answers fd08::1
t_case multihome-bulk bulk
t_case several-local locals
[ -z "${LAB_FULL:-}" ] || t_case several-local-any locals_any
t_end
