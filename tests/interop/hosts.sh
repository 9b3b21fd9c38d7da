#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What others do to the host of a concentrator (C61): the TAP, the bridge or a port goes away, the outer MTU falls, all
# under a ping each 20 ms; and `drawbridge-ctl bridge probe` on ports of virtual switches. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_SERVER=drawbridged
CTL=$(dirname "$DBR_DAEMON")/../ctl/drawbridge-ctl

# survives WORDS CMD...: CMD is done to gw under traffic; it is back within 2 s, and the log has the words.
survives() {
    local words=$1 t0 t1
    shift
    lab_server_start && lab_client_start c1 && lab_ping c1 192.168.77.10 || why "no ping at first" || return
    "$@" || why "cannot do it: $*" || return
    t0=$(lab_now_ms)
    lab_within 2 lab_log_has "$LAB_SRV_LOG" "$words" || why "not noticed within 2 s" || return
    T_NOTE="noticed after $(($(lab_now_ms) - t0)) ms"
    lab_within 6 lab_ping_once c1 192.168.77.10 || why "no ping 6 s later; $T_NOTE" || return
    t1=$(lab_now_ms)
    T_NOTE+=", ping after $((t1 - t0)) ms"
    ! lab_gone "$LAB_SRV_PID" || why "the server ended"
}
gw_ip() { ip -n "$LAB_ID-gw" "$@"; }

# Twice within the hour is somebody's will: one line says so, and nobody fights.
no_fight() {
    survives "WARNING: .*; mended" gw_ip link set tap0 nomaster || return
    gw_ip link set tap0 nomaster
    lab_wait_log "$LAB_SRV_LOG" "although it was mended" 2 || why "no line about the second time" || return
    lab_nap 0.5
    gw_ip -o link show master br0 | grep -q ' tap0' && { why "it fights"; return; }
    return 0
}

# The WAN's MTU falls to 1,300 in mid-traffic: full frames go on, in pieces.
outer_mtu() {
    lab_server_start && lab_client_start c1 && lab_ping c1 192.168.77.10 || why "no ping" || return
    : >"$LAB_DIR/flow"
    lab_bg c1 "$LAB_DIR/flow" $LAB_PYTHON "$LAB_LIB/flow.py" hear 5001
    local p=$LAB_PID q got
    lab_wait_log "$LAB_DIR/flow" ready 3
    x lan $LAB_PYTHON "$LAB_LIB/flow.py" send "$(lab_tunnel_ip c1)" 5001 --rate 200 --size 1400 --seconds 2 >/dev/null &
    q=$!
    LAB_PIDS+=("$q")
    lab_nap 0.7
    gw_ip link set wan0 mtu 1300
    wait "$q"
    lab_stop "$p"
    gw_ip link set wan0 mtu 1500
    got=$(tail -n 1 "$LAB_DIR/flow" | jq .received)
    T_NOTE="$got of 399 full frames arrive"
    [ "${got:-0}" -ge 390 ] || why "$T_NOTE"
}

probe() { # STATUS WORDS
    local out
    out=$(x gw "$CTL" bridge probe eth0 192.168.77.10 2>&1)
    local status=$?
    [ $status = "$1" ] && [[ $out == *"$2"* ]] || why "status $status: $out"
}

# port HOOK saddr|daddr MAC: the far end of the wire passes frames from, or to, this address and broadcasts only.
port() {
    x lan nft -f - <<-NFT 2>/dev/null
	table netdev port
	delete table netdev port
	table netdev port {
	  chain only {
	    type filter hook $1 device eth0 priority 0;
	    ether $2 != { $3, ff:ff:ff:ff:ff:ff } drop
	  }
	}
	NFT
}

# An open port; one that drops forged sources; one that delivers only what is for its card; a dead one.
probes() {
    local own
    own=$(lab_mac gw eth0)
    ip -n "$LAB_ID-gw" addr add 192.168.77.1/24 dev eth0 2>/dev/null
    probe 0 "peers will be heard" || return
    port ingress saddr "$own" || { skipped "nftables has no netdev family here"; return; }
    probe 1 "forged transmits" || return
    if port egress daddr "$own"; then
        probe 1 "forged transmits" || return
    else
        T_NOTE="no egress hook here: promiscuous mode not tried"
    fi
    x lan nft delete table netdev port
    ip -n "$LAB_ID-lan" link set eth0 down
    probe 2 "nobody answers"
    local status=$?
    ip -n "$LAB_ID-lan" link set eth0 up
    ip -n "$LAB_ID-gw" addr flush dev eth0
    return $status
}

lab_begin hosts
lab_pki && lab_office 1 || exit 1
t_case C61-tap-deleted survives "WARNING: .*; mended" gw_ip link del tap0
t_case C61-tap-down survives "WARNING: .*; mended" gw_ip link set tap0 down
t_case C61-tap-left-the-bridge no_fight
t_case C61-bridge-deleted survives "WARNING: .*; mended" gw_ip link del br0
t_case C61-port-left survives "WARNING: .*; mended" gw_ip link set eth0 nomaster
t_case C61-bridge-down survives "WARNING: .*; mended" gw_ip link set br0 down
t_case C61-outer-mtu-falls outer_mtu
t_case bridge-probe probes
t_end
