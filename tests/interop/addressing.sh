#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Addresses: server-bridge in its three shapes, a client's own file, DHCP of the office through the tunnel, IPv6
# neighbour discovery. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

starts() { lab_server_start "$@" || why "server does not start"; }
client() { lab_client_start c1 "$@" || why "client does not connect"; }
pushed() { lab_log_has "${LAB_CLI_LOG[c1]}" "PUSH: Received control message: 'PUSH_REPLY.*$1" || why "push lacks '$1'"; }
address() { x c1 ip -4 -br addr show tap0 | grep -q " $1 " || why "tap0 has not $1: $(x c1 ip -4 -br addr show tap0)"; }

in_pool() { [[ $(lab_tunnel_ip "$1") =~ ^192\.168\.77\.1([0-4][0-9]|50)$ ]] || why "$1 has $(lab_tunnel_ip "$1"), not one of the pool"; }
differ() { [ "$(lab_tunnel_ip c1)" != "$(lab_tunnel_ip c2)" ] || why "both have $(lab_tunnel_ip c1)"; }

# Four arguments: a pool; each client gets an address of its own out of it.
four() {
    starts && client || return
    pushed 'route-gateway 192.168.77.1' && pushed 'ifconfig 192.168.77.1[0-9][0-9] 255.255.255.0' && in_pool c1 || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_client_start c2 || why "second client does not connect" || return
    in_pool c2 && differ || return
    lab_ping c2 192.168.77.10 || why "no ping for the second client"
}

dhcp_server() {
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative \
        --dhcp-leasefile="$LAB_DIR/leases" --pid-file="$LAB_DIR/dnsmasq.pid"
    DHCP_PID=$LAB_PID
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3
}

# dhcp_through SHAPE PUSHED_PATTERN
dhcp_through() {
    starts "$1" && client || return
    if [ -n "$2" ]; then pushed "$2" || return; fi
    ! lab_log_has "${LAB_CLI_LOG[c1]}" 'PUSH_REPLY.*,ifconfig ' || why "an address was pushed too" || return
    dhcp_server || why "no DHCP server" || return
    x c1 ip link set tap0 up
    x c1 timeout 15 busybox udhcpc -i tap0 -f -q -n -t 8 -T 1 -s "$LAB_LIB/udhcpc.script" >"$LAB_DIR/udhcpc.log" 2>&1
    lab_stop "$DHCP_PID"
    x c1 ip -4 -br addr show tap0 | grep -q ' 192.168.77.2[0-9][0-9]/24 ' || why "no lease: $(tail -n 1 "$LAB_DIR/udhcpc.log")" || return
    lab_ping c1 192.168.77.10 || why "no ping with the leased address" || return
    T_NOTE=$(x c1 ip -4 -br addr show tap0 | awk '{print $3}')
}

bare() { dhcp_through server-bridge 'route-gateway dhcp'; }

nogw() {
    dhcp_through "server-bridge nogw" '' || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" 'PUSH_REPLY.*route-gateway' || why "a gateway was pushed"
}

# `mode server` with an address of its own and no pool, as generators write it when the DHCP range is blank: nothing is
# pushed, the client has its own.
no_pool() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "a stock TAP in the bridge takes no address"; return; }
    starts '!server-bridge' 'mode server' tls-server 'ifconfig 192.168.77.2 255.255.255.0' && client '+ifconfig 192.168.77.60 255.255.255.0' || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" 'PUSH_REPLY.*,(ifconfig|route-gateway) ' || why "an address was pushed" || return
    address 192.168.77.60/24 || return
    x gw ip -4 -br addr show br0 | grep -q ' 192.168.77.2/24' || why "the bridge has not its address" || return
    lab_ping c1 192.168.77.10 && lab_ping c1 192.168.77.2 || why "no ping"
}

ccd() {
    mkdir -p "$LAB_DIR/ccd"
    echo 'ifconfig-push 192.168.77.77 255.255.255.0' >"$LAB_DIR/ccd/c1"
    starts "client-config-dir $LAB_DIR/ccd" && client || return
    address 192.168.77.77/24 || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_client_start c2 || why "a client without a file does not connect" || return
    in_pool c2
}

# An address that a client's file has taken from a pool of two is not given to somebody else.
ccd_from_pool() {
    mkdir -p "$LAB_DIR/ccd2"
    echo 'ifconfig-push 192.168.77.100 255.255.255.0' >"$LAB_DIR/ccd2/c1"
    starts "client-config-dir $LAB_DIR/ccd2" "server-bridge 192.168.77.1 255.255.255.0 192.168.77.100 192.168.77.101" && client || return
    address 192.168.77.100/24 || return
    lab_client_start c2 || why "second client does not connect" || return
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN gives the address twice"; return; }
    ! x c2 ip -4 -br addr show tap0 | grep -q " 192.168.77.100/24 " || why "address given twice" || return
    lab_ping c1 192.168.77.10 && lab_ping c2 192.168.77.10 || why "no ping"
}

ccd_push() {
    mkdir -p "$LAB_DIR/ccd3"
    echo 'push "dhcp-option DOMAIN office.example"' >"$LAB_DIR/ccd3/c1"
    starts "client-config-dir $LAB_DIR/ccd3" 'push "dhcp-option DNS 192.168.77.10"' && client || return
    pushed 'dhcp-option DNS 192.168.77.10' && pushed 'dhcp-option DOMAIN office.example'
}

# A released address is given out again, and a returning client is served.
comes_back() {
    starts && client && in_pool c1 || return
    lab_client_stop c1 KILL
    client && in_pool c1 || return
    lab_ping c1 192.168.77.10 || why "no ping after the return"
}

neighbour_discovery() {
    local seen
    starts && client || return
    ip -n "$LAB_ID-c1" addr add fd77::101/64 dev tap0 nodad
    lab_ping c1 fd77::10 5 || why "no IPv6 ping" || return
    seen=$(x c1 ip -6 neigh show fd77::10 dev tap0 | awk '{print $3}')
    [ "$seen" = "$(lab_mac lan eth0)" ] || why "neighbour is $seen, not the LAN host's own MAC" || return
    lab_ping lan fd77::101 3 || why "no IPv6 ping from the LAN"
}

# The concentrator has an address for the bridge and one for each client; stock and own clients take it.
server_ipv6() {
    starts "server-ipv6 fd77:5::/64" && client && lab_client_start c2 || why "${T_WHY:-second client does not connect}" || return
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN puts the address on its TAP, which is bridged"; return; }
    lab_until 3 has_ip6 c1 && has_ip6 c2 || why "no address: $(x c1 ip -6 -br addr show tap0)" || return
    [ "$(ip6 c1)" != "$(ip6 c2)" ] || why "both have $(ip6 c1)" || return
    lab_ping c1 fd77:5::1 5 || why "no ping to the concentrator by IPv6"
}
ip6() { x "$1" ip -6 -br addr show tap0 | grep -oE 'fd77:5::1[0-9a-f]{3}/64'; }
has_ip6() { [ -n "$(ip6 "$1")" ]; }

arp() {
    local seen
    starts && client || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    seen=$(x c1 ip -4 neigh show 192.168.77.10 dev tap0 | awk '{print $3}')
    [ "$seen" = "$(lab_mac lan eth0)" ] || why "the client sees $seen, not the LAN host's own MAC" || return
    seen=$(x lan ip -4 neigh show "$(lab_tunnel_ip c1)" dev eth0 | awk '{print $3}')
    [ "$seen" = "$(lab_mac c1 tap0)" ] || why "the LAN host sees $seen, not the laptop's own MAC"
}

lab_begin addressing
lab_pki && lab_office 2 || exit 1
t_case server-bridge-four four
t_case server-bridge-bare-dhcp bare
t_case server-bridge-nogw-dhcp nogw
t_case mode-server-without-pool no_pool
t_case ccd-ifconfig-push ccd
t_case ccd-address-in-pool ccd_from_pool
t_case ccd-push ccd_push
t_case pool-returning-client comes_back
t_case arp-real-macs arp
t_case server-ipv6 server_ipv6
t_case ipv6-neighbour-discovery neighbour_discovery
t_end
