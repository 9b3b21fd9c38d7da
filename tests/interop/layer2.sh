#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The switch: broadcasts, tags, big frames, who hears whom, what stays off the LAN. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

up() {
    lab_server_start "$@" || why "server does not start" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

up_two() {
    up "$@" || return
    lab_client_start c2 || why "second client does not connect" || return
    lab_ping c2 192.168.77.10 || why "no ping for the second client"
}

# crosses FROM DEV TO DEV TEXT [send options...]: the frame is heard at the other side
crosses() {
    local from=$1 fd=$2 to=$3 td=$4 text=$5
    shift 5
    lab_hear "$to" "$td" "$text" --text "$text" --seconds 12
    lab_send "$from" "$fd" --text "$text" "$@"
    lab_heard "$text"
}

broadcast() {
    up || return
    crosses c1 tap0 lan eth0 b-from-laptop || why "the LAN did not hear the laptop" || return
    crosses lan eth0 c1 tap0 b-from-office || why "the laptop did not hear the LAN"
}

multicast() {
    up || return
    crosses c1 tap0 lan eth0 m-from-laptop --dst 01:00:5e:00:00:fb || why "the LAN did not hear it" || return
    crosses lan eth0 c1 tap0 m-from-office --dst 33:33:00:00:00:fb || why "the laptop did not hear it"
}

# Tags pass from and to a port of kind site; OpenVPN knows no kinds and passes them anyway.
site() { [ "$LAB_SERVER" = drawbridged ] && echo "port-kind site" || echo "verb 4"; }

# A frame of one 802.1Q tag passes with its tag, both ways.
tagged() {
    up "$(site)" || return
    crosses c1 tap0 lan eth0 v-from-laptop --vlan 42 || why "the LAN did not hear it" || return
    grep -q ' 42 0x' "$LAB_DIR/heard.v-from-laptop" || why "tag lost: $(tail -n 1 "$LAB_DIR/heard.v-from-laptop")" || return
    crosses lan eth0 c1 tap0 v-from-office --vlan 42 || why "the laptop did not hear it" || return
    grep -q ' 42 0x' "$LAB_DIR/heard.v-from-office" || why "tag lost: $(tail -n 1 "$LAB_DIR/heard.v-from-office")"
}

# A laptop's port carries no tags, so that nobody hops into another VLAN of the office.
tagged_laptop() {
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN passes tags from everybody"; return; }
    up || return
    vanishes c1 tap0 lan eth0 v-hop --vlan 42 || why "the LAN heard a laptop's tagged frame" || return
    vanishes c1 tap0 lan eth0 v-hop-double --vlan 1,42 || why "the LAN heard a laptop's double tag" || return
    vanishes lan eth0 c1 tap0 v-leak --vlan 42 || why "the laptop heard another VLAN of the office"
}

# 14-byte frames and full 1,514-byte frames (1,518 with a tag).
sizes() {
    up "$(site)" || return
    crosses c1 tap0 lan eth0 s-short --size 1 || why "a short frame is lost" || return
    crosses c1 tap0 lan eth0 s-full-up --size 1500 || why "a full frame up is lost" || return
    crosses lan eth0 c1 tap0 s-full-down --size 1500 || why "a full frame down is lost" || return
    crosses c1 tap0 lan eth0 s-tagged-up --size 1500 --vlan 7 || why "a full tagged frame up is lost" || return
    crosses lan eth0 c1 tap0 s-tagged-down --size 1500 --vlan 7 || why "a full tagged frame down is lost"
}

# A DF packet of the Ethernet's full size passes, as on the LAN.
big_ping() {
    up || return
    x c1 ping -n -q -c 3 -i 0.2 -s 1472 -M do 192.168.77.10 >/dev/null || why "1,500-byte packets with DF do not pass"
}

# mssfix: the connection's segments fit the outer path, whichever side opened it.
mss() {
    local m
    up || return
    lab_iperf_server lan || why "no iperf3" || return
    m=$(lab_iperf c1 192.168.77.10 -t 1 | jq '.start.tcp_mss_default')
    [ "${m:-9999}" -le 1420 ] && [ "$m" -ge 1200 ] || why "MSS $m from the laptop" || return
    lab_stop "$LAB_IPERF_PID"
    lab_iperf_server c1 || why "no iperf3" || return
    T_NOTE="MSS $m up"
    m=$(lab_iperf lan "$(lab_tunnel_ip c1)" -t 1 | jq '.start.tcp_mss_default')
    lab_stop "$LAB_IPERF_PID"
    [ "${m:-9999}" -le 1420 ] && [ "$m" -ge 1200 ] || why "MSS $m from the office" || return
    T_NOTE+=", $m down"
}

vanishes() { # as crosses, and nothing must be heard
    local from=$1 fd=$2 to=$3 td=$4 text=$5
    shift 5
    lab_hear "$to" "$td" "$text" --text "$text" --seconds 1
    lab_send "$from" "$fd" --text "$text" "$@"
    ! lab_heard "$text"
}

client_to_client() {
    up_two client-to-client || return
    lab_ping c1 "$(lab_tunnel_ip c2)" || why "no ping between clients" || return
    crosses c1 tap0 c2 tap0 cc-on || why "no broadcast between clients"
}

no_client_to_client() {
    up_two || return
    vanishes c1 tap0 c2 tap0 cc-off || why "a client heard another one" || return
    vanishes c1 tap0 c2 tap0 cc-off-unicast --dst "$(lab_mac c2 tap0)" || why "unicast passed between clients" || return
    crosses c1 tap0 lan eth0 cc-lan || why "the LAN no longer hears it"
}

# Unicast from one laptop to another is not shown to the LAN, and the other way round.
unicast_is_private() {
    up_two client-to-client || return
    lab_ping c1 "$(lab_tunnel_ip c2)" || why "no ping between clients" || return
    vanishes c1 tap0 lan eth0 u-between --dst "$(lab_mac c2 tap0)" || why "the LAN saw a frame between two laptops" || return
    vanishes lan eth0 c2 tap0 u-to-c1 --dst "$(lab_mac c1 tap0)" || why "a laptop saw another one's unicast"
}

# The concentrator's own unicast to a laptop does not go out to the LAN.
host_unicast() {
    up || return
    lab_ping gw "$(lab_tunnel_ip c1)" || why "no ping from the concentrator" || return
    lab_hear lan eth0 host --seconds 1 --count 1 --from "$(lab_mac gw br0)" --text hostping
    x gw ping -n -q -c 3 -i 0.1 -p "$(printf hostping | od -An -tx1 | tr -d " \n")" "$(lab_tunnel_ip c1)" >/dev/null || why "no ping" || return
    [ "$LAB_SERVER" = openvpn ] && { skipped "a bridge made by hand learns"; return; }
    ! lab_heard host || why "the LAN saw the concentrator's frames to a laptop"
}

# A laptop comes back without having said good-bye, with the same MAC: it is reached again at once.
comes_back() {
    local m=02:db:00:00:00:77
    lab_server_start || why "server does not start" || return
    lab_client_start c1 "lladdr $m" || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_client_stop c1 KILL
    lab_client_start c1 "lladdr $m" || why "client does not come back" || return
    lab_ping c1 192.168.77.10 2 || why "no ping after the return" || return
    lab_ping lan "$(lab_tunnel_ip c1)" 2 || why "the LAN does not find it"
}

many_pings() {
    local out
    up || return
    out=$(lab_echoes c1 192.168.77.10 500 0.002)
    T_NOTE=$(printf '%s' "$out" | tail -n 1)
    printf '%s' "$out" | grep -q ' 0% packet loss' || why "$(printf '%s' "$out" | grep loss)"
}

# Inner frames that nobody should send, both ways (C34): dropped, or passed as they are; nobody falls over them. The
# daemons' processes are the same as before, and the LAN is told nothing that was not sent.
odd_inner_frames() {
    local before p
    up || return
    x c1 ip link set tap0 mtu 65521 && x lan ip link set eth0 mtu 65521 || why "cannot raise the MTU" || return
    before=$(pids_of "$LAB_SRV_PID") p=$(pids_of "${LAB_CLI_PID[c1]}")
    : >"$LAB_DIR/odd.lan"
    lab_bg lan "$LAB_DIR/odd.lan" $LAB_PYTHON "$LAB_LIB/odd_frames.py" hear eth0 30
    local hearing=$LAB_PID
    lab_wait_log "$LAB_DIR/odd.lan" ready 3 || why "nobody hears" || return
    x c1 $LAB_PYTHON "$LAB_LIB/odd_frames.py" send tap0 "$(lab_mac lan eth0)" >"$LAB_DIR/odd.sent"
    x lan $LAB_PYTHON "$LAB_LIB/odd_frames.py" send eth0 "$(lab_mac c1 tap0)" >>"$LAB_DIR/odd.sent"
    lab_until 1 silent_for 0.5 # the last of them are under way
    x lan ip link set eth0 mtu 1500
    lab_stop "$hearing"
    sed -i 1d "$LAB_DIR/odd.lan"
    [ "$LAB_STATUS" = 0 ] || why "the LAN got a frame that was not sent: $(cat "$LAB_DIR/odd.lan")" || return
    T_NOTE="$(head -n 1 "$LAB_DIR/odd.sent"), $(cat "$LAB_DIR/odd.lan")"
    ! grep -q '^0 came' "$LAB_DIR/odd.lan" || why "none of them came: the test shows nothing" || return
    [ "$(pids_of "$LAB_SRV_PID")" = "$before" ] || why "a process of the server was lost" || return
    [ "$(pids_of "${LAB_CLI_PID[c1]}")" = "$p" ] || why "a process of the client was lost" || return
    lab_ping c1 192.168.77.10 || why "no ping any more"
}

silent_for() { # SECONDS: nothing comes to the LAN host's card
    local n f=/sys/class/net/eth0/statistics/rx_packets
    n=$(x lan cat $f)
    lab_nap "$1"
    [ "$(x lan cat $f)" = "$n" ]
}
pids_of() { echo "$1" $(cat /proc/"$1"/task/*/children); }

lab_begin layer2
lab_pki && lab_office 2 || exit 1
t_case broadcast-both-ways broadcast
t_case multicast-both-ways multicast
t_case vlan-tagged-frames tagged
t_case vlan-laptop-has-none tagged_laptop
t_case frame-sizes sizes
t_case full-size-packets big_ping
t_case C34-odd-inner-frames odd_inner_frames
t_case mssfix-both-ways mss
t_case client-to-client-on client_to_client
t_case client-to-client-off no_client_to_client
t_case unicast-stays-private unicast_is_private
t_case host-unicast-stays-off-the-lan host_unicast
t_case mac-moves-with-the-session comes_back
t_case five-hundred-pings many_pings
t_end
