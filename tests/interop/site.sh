#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A second site: the client role with a bridge of its own makes two LANs one. Options as in handshake.sh; the far end
# is drawbridged, the near end --server.
#
#      lan --- gw [server, br0: eth0 tap0] --- wan --- c1 [client, br1: eth1 tap0] --- far
#   .77.10                                                                          .77.20
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_CLIENT=drawbridged
MANY=300

kind() { [ "$LAB_SERVER" = drawbridged ] && echo "+port-kind site" || echo "+verb 4"; }
log() { echo "${LAB_CLI_LOG[c1]}"; }

up() {
    lab_server_start "server-bridge nogw" "$(kind)" "$@" || why "server does not start" || return
    lab_client_start c1 "+bridge br1 eth1" "+port-kind site" || why "client does not connect" || return
    lab_ping far 192.168.77.10 5 || why "no ping between the two LANs"
}

joins() {
    up || return
    lab_ping lan 192.168.77.20 || why "no ping the other way" || return
    lab_ping far fd77::10 || why "no IPv6 ping" || return
    local seen
    seen=$(x far ip -4 neigh show 192.168.77.10 dev eth0 | awk '{print $3}')
    [ "$seen" = "$(lab_mac lan eth0)" ] || why "the far host sees $seen, not the host's own MAC"
}

crosses() { heard_within 12 "$@"; }
vanishes() { ! heard_within 3 "$@"; }
heard_within() { # SECONDS FROM TO TEXT [options]
    local seconds=$1 from=$2 to=$3 text=$4
    shift 4
    lab_hear "$to" eth0 "$text" --text "$text" --seconds "$seconds"
    lab_send "$from" eth0 --text "$text" "$@"
    lab_heard "$text"
}

unknown_unicast() {
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN floods no unknown unicast"; return; }
    up || return
    crosses lan far u-there --dst 02:00:00:00:77:01 || why "unknown unicast does not reach the far LAN" || return
    crosses far lan u-back --dst 02:00:00:00:77:02 || why "unknown unicast does not reach the near LAN"
}

tags() {
    up || return
    crosses far lan v-there --vlan 42 || why "a tag does not cross" || return
    crosses lan far v-back --vlan 42 || why "a tag does not cross back"
}

# 300 hosts behind the far end; the near LAN reaches the last one by unicast, and the far bridge learns the near ones.
many() {
    local i last=02:00:00:00:01:2c
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN learns 256 addresses of a client"; return; }
    up || return
    x far $LAB_PYTHON -c "
import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for i in range(1, $MANY + 1):
    s.send(b'\\xff' * 6 + bytes([2, 0, 0, 0, i >> 8, i & 255]) + b'\\x88\\xb5' + b'hello' + bytes(50))
    time.sleep(0.002)
"
    lab_nap 0.5
    ip netns exec "$LAB_ID-far" ip link set eth0 promisc on
    crosses lan far many-last --dst $last || why "the last of $MANY hosts is not reached" || return
    i=$(x gw bridge fdb show dev tap0 | grep -c extern_learn)
    T_NOTE="$i addresses on the near bridge's TAP"
    [ "$i" -ge $MANY ] || why "$T_NOTE" || return
    x c1 bridge fdb show dev tap0 | grep -q "$(lab_mac lan eth0)" || why "the far bridge did not learn the near host"
}

dhcp_local() {
    up || return
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative \
        --dhcp-leasefile="$LAB_DIR/leases" --pid-file="$LAB_DIR/dnsmasq.pid"
    local server=$LAB_PID
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3 || why "no DHCP server" || return
    x far timeout 4 busybox udhcpc -i eth0 -f -q -n -t 2 -T 1 -s /bin/true >"$LAB_DIR/udhcpc.log" 2>&1
    local got=$?
    lab_stop "$server"
    [ $got != 0 ] || why "a host of the far LAN got a lease from the near one" || return
    ! grep -q DHCPDISCOVER "$LAB_DIR/dhcp.log" || why "the question crossed"
}

bpdu_local() {
    up || return
    vanishes far lan bpdu --dst 01:80:c2:00:00:00 || why "a BPDU crossed" || return
    vanishes lan far bpdu-back --dst 01:80:c2:00:00:00 || why "a BPDU crossed back"
}

undone() {
    up || return
    lab_client_stop c1
    ! x c1 ip link show br1 >/dev/null 2>&1 || why "br1 is still there" || return
    [ -z "$(x c1 ip -br link show master br1 2>/dev/null)" ] || why "eth1 is still enslaved"
}

lab_begin site
lab_pki && lab_office 1 || exit 1
lab_space far && lab_link far eth0 c1 eth1 || exit 1
lab_addr far eth0 192.168.77.20/24 fd77::20/64
x c1 sysctl -qw net.ipv6.conf.eth1.accept_ra=0
t_case two-lans-are-one joins
t_case unknown-unicast unknown_unicast
t_case vlan-tags tags
t_case three-hundred-hosts many
t_case dhcp-stays-local dhcp_local
t_case bpdu-stays-local bpdu_local
t_case bridge-undone undone
t_end
