#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A laptop that speaks with the MAC address of a LAN host, for 4 s, while the office's router pings that host: with
# drawbridged the router loses nothing; OpenVPN, beside it in the same office, shows what the guard is worth. The office
# has a switch of its own, which learns as any switch does.
#
#   lan (.77.10) --+
#                  switch -- gw [server, br0: eth0 tap0] -- wan -- c1 [the laptop, tap0]
#   router (.77.3)-+
# Options as in handshake.sh (--server is not looked at: both are tried).
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

office() {
    local n
    lab_space switch && lab_space gw && ip -n "$LAB_ID-switch" link add br0 type bridge forward_delay 0 mcast_snooping 0 || return
    for n in lan router gw; do
        [ $n = gw ] || lab_space $n || return
        lab_link $n eth0 switch $n && ip -n "$LAB_ID-switch" link set $n master br0 || return
    done
    ip -n "$LAB_ID-switch" link set br0 up
    lab_addr lan eth0 192.168.77.10/24
    lab_addr router eth0 192.168.77.3/24
    x gw sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.default.accept_ra=0
    lab_wan 1 && lab_addr gw wan0 10.9.0.1/16
}

# thief FRAMES: the laptop speaks with the host's MAC, each 10 ms; waits until it does. THIEF_PID
thief() {
    local f=/sys/class/net/tap0/statistics/tx_packets before
    before=$(x c1 cat $f)
    lab_bg c1 "$LAB_DIR/thief" $LAB_PYTHON "$LAB_LIB/frames.py" send tap0 --src "$(lab_mac lan eth0)" --text thief --count "$1" --gap 0.01
    THIEF_PID=$LAB_PID
    lab_until 5 x c1 sh -c "[ \$(cat $f) -ge $((before + 5)) ]"
}

# speaks_as_lan_host SERVER: LOST and SENT of the router's pings while the laptop speaks with the host's MAC.
speaks_as_lan_host() {
    local out
    LAB_SERVER=$1
    lab_have "$1" || { skipped "$LAB_WHY"; return; }
    lab_server_start || why "$1 does not start" || return
    lab_client_start c1 || why "the laptop does not connect to $1" || return
    lab_ping c1 192.168.77.10 && lab_ping router 192.168.77.10 || why "no ping" || return
    thief 3000 || why "the laptop sends nothing" || return
    out=$(lab_echoes router 192.168.77.10 200 0.02 --wait $([ "$1" = openvpn ] && echo 1 || echo 5))
    ! lab_gone "$THIEF_PID" || why "the laptop was silent before the router was" || return
    lab_stop "$THIEF_PID"
    read -r SENT LOST <<<"$(printf '%s\n' "$out" | awk '/packets transmitted/ {print $1, $1 - $4}')"
    lab_ping c1 192.168.77.10 || why "the laptop is cut off by $1"
}

beside_openvpn() {
    speaks_as_lan_host openvpn || return
    [ "$LOST" -gt 0 ] || why "OpenVPN's office loses nothing either: the laptop's frames do not arrive" || return
    T_NOTE="OpenVPN's office loses $LOST of $SENT pings ($((LOST * 100 / SENT)) %)"
    lab_all_stop || why "OpenVPN did not end well" || return
    speaks_as_lan_host drawbridged || return
    T_NOTE+=", ours $LOST of $SENT"
    [ "$LOST" = 0 ] || why "$T_NOTE" || return
    lab_log_has "$LAB_SRV_LOG" "guard: dropped" || why "nothing in the log about it"
}

# The guard switched off loses what OpenVPN loses: it is the guard that holds.
guard_off() {
    LAB_SERVER=drawbridged
    lab_knows "source-guard off" || { skipped "$LAB_WHY"; return; }
    lab_server_start "source-guard off" && lab_client_start c1 && lab_ping c1 192.168.77.10 && lab_ping router 192.168.77.10 || why "no ping" || return
    thief 3000 || why "the laptop sends nothing" || return
    read -r SENT LOST <<<"$(lab_echoes router 192.168.77.10 50 0.02 --wait 0.5 | awk '/packets transmitted/ {print $1, $1 - $4}')"
    T_NOTE="$LOST of $SENT pings lost with source-guard off"
    [ "$LOST" -gt 0 ] || why "$T_NOTE"
}

# claim NAME TYPE HEX [SECONDS]: the laptop claims an address; does the office hear it?
claim() {
    lab_hear lan eth0 "$1" --bytes "$3" --seconds "${4:-8}"
    lab_send c1 tap0 --type "$2" --hex "$3"
    lab_heard "$1"
}
own_mac() { lab_mac c1 tap0 | tr -d :; }
arp_claim() { claim arp 0x0806 "0001080006040002$(own_mac)c0a84d05000000000000c0a84d0a" "$@"; } # "192.168.77.5 is at the laptop"
nd_claim() {                                                                                   # "fd77::5 is"
    claim nd 0x86dd "6000000000183afffe800000000000000000000000000066ff020000000000000000000000000001880000002$(printf %07d 0)fd770000000000000000000000000005" "$@"
}

no_claim() { ! "$1" 0.5; }

# An address that the concentrator's bridge gets while clients are connected is guarded (within a second, where the machine
# has time), and free again when it is gone.
late_address() {
    LAB_SERVER=drawbridged
    lab_server_start && lab_client_start c1 && lab_ping c1 192.168.77.10 || why "no ping" || return
    arp_claim && nd_claim || why "a claim of nobody's address does not arrive: nothing would be proved" || return
    lab_addr gw br0 192.168.77.5/24 fd77::5/64
    lab_nap 1
    lab_until 1 no_claim arp_claim || why "the address of the bridge can be claimed by ARP" || return
    lab_until 1 no_claim nd_claim || why "the address of the bridge can be claimed by ND" || return
    ip -n "$LAB_ID-gw" addr del 192.168.77.5/24 dev br0; ip -n "$LAB_ID-gw" addr del fd77::5/64 dev br0
    lab_nap 1
    lab_until 2 arp_claim 1 && lab_until 2 nd_claim 1 || why "an address that is given up stays guarded"
}

lab_begin hijack
lab_pki && office || exit 1
t_case speaks-as-a-lan-host beside_openvpn
t_case speaks-as-a-lan-host-guard-off guard_off
t_case address-after-the-start late_address
t_end
