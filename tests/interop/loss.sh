#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Handshakes over a bad wire: LAB_LOSS (20) per cent of the datagrams are dropped in each direction by nftables while
# LAB_FLEET (100) stock clients connect, each from an address of its own. At least 97 of 100 must be connected at the
# first try. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_LOSS=${LAB_LOSS:-20}
LAB_FLEET=${LAB_FLEET:-100}

lossy() {
    x wan nft -f - <<-NFT
	table bridge lossy {
	  chain forward {
	    type filter hook forward priority 0;
	    udp dport $LAB_PORT numgen random mod 100 < $1 counter drop
	    udp sport $LAB_PORT numgen random mod 100 < $1 counter drop
	  }
	}
	NFT
}

fleet() { # LOSS
    local out
    lab_server_start duplicate-cn "server-bridge 192.168.77.1 255.255.255.0 192.168.77.11 192.168.77.250" "verb 3" || why "server does not start" || return
    lab_client_conf openvpn c1 "dev null" "+dev-type null" "+ifconfig-noexec" "+route-noexec" '!nobind' "verb 3" >"$LAB_DIR/fleet.conf"
    [ "$1" = 0 ] || lossy "$1" || why "nftables" || return
    out=$(x c1 $LAB_PYTHON "$LAB_LIB/fleet.py" --config "$LAB_DIR/fleet.conf" --count "$LAB_FLEET" --wait 70)
    x wan nft delete table bridge lossy 2>/dev/null
    T_NOTE=$(printf '%s' "$out" | jq -r '"\(.first_try) of \(.clients) at the first try, \(.connected) at all, median \(.took[(.took|length)/2|floor]) s, last \(.at[-1]) s"')
    [ "$(printf '%s' "$out" | jq '(.first_try * 100) >= (.clients * 97)')" = true ] || why "$T_NOTE"
}

lab_begin loss
lab_pki && lab_office 2 || exit 1
ip -n "$LAB_ID-c1" route add local 10.20.0.0/16 dev lo
ip -n "$LAB_ID-gw" route add 10.20.0.0/16 via 10.9.0.11
t_case "fleet-of-$LAB_FLEET-no-loss" fleet 0
t_case "fleet-of-$LAB_FLEET-$LAB_LOSS-per-cent-loss" fleet "$LAB_LOSS"
t_end
