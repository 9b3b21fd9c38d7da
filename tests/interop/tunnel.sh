#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `tunnel split` and `tunnel full` of the concentrator: what the office's DHCP server, DHCPv6 server and router say,
# as clients that know nothing of it hear it. c1's file says `tunnel split`, c2 has none: it hears everything, which
# proves that something was there to be taken out. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

log() { echo "${LAB_CLI_LOG[$1]}"; }
pushed() { lab_log_has "$(log "$1")" "PUSH: Received control message: 'PUSH_REPLY.*$2" || why "$1: push lacks '$2'"; }
not_pushed() { ! lab_log_has "$(log "$1")" "PUSH: Received control message: 'PUSH_REPLY.*$2" || why "$1: '$2' was pushed"; }
file() { mkdir -p "$LAB_DIR/ccd" && printf '%s\n' "${@:2}" >"$LAB_DIR/ccd/$1"; }
route_of() { x "$1" ip "$2" route show; }

# Router, name servers, domain, search list, routes by 121 and 249, RA with router lifetime, RDNSS, DNSSL; DHCPv6.
office_router() {
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --interface=eth0 --user=root --no-resolv --no-hosts \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative --port=0 \
        --dhcp-option=3,192.168.77.10 --dhcp-option=6,192.168.77.10 --dhcp-option=15,office.example \
        --dhcp-option-force=119,office.example --dhcp-option-force=249,0.0.0.0/0,192.168.77.10 \
        --dhcp-option-force=121,10.50.0.0/16,192.168.77.10,0.0.0.0/0,192.168.77.10 \
        --enable-ra --ra-param=eth0,4,1800 --dhcp-range=fd77::200,fd77::2ff,slaac,64,10m \
        --dhcp-option=option6:dns-server,[fd77::53] --dhcp-option=option6:domain-search,office.example \
        --dhcp-leasefile="$LAB_DIR/leases" --pid-file="$LAB_DIR/dnsmasq.pid"
    ROUTER_PID=$LAB_PID
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3
}

# What the client's DHCP client is told, in LAB_DIR/NAME.lease.
lease() {
    cat >"$LAB_DIR/lease-$1" <<-SCRIPT
	#!/bin/sh
	[ "\$1" = bound ] && env | grep -E '^(ip|mask|router|dns|domain|search|staticroutes|msstaticroutes|opt[0-9]*)=' >"$LAB_DIR/$1.lease"
	exit 0
	SCRIPT
    chmod 755 "$LAB_DIR/lease-$1"
    rm -f "$LAB_DIR/$1.lease"
    x "$1" ip link set tap0 up
    x "$1" timeout 12 busybox udhcpc -i tap0 -f -q -n -t 8 -T 1 -O search -O staticroutes -O msstaticroutes \
        -s "$LAB_DIR/lease-$1" >"$LAB_DIR/udhcpc.log" 2>&1
    grep -q '^ip=192.168.77.2' "$LAB_DIR/$1.lease" 2>/dev/null || why "$1: no lease: $(tail -n 1 "$LAB_DIR/udhcpc.log")"
}
told() { grep -qE "$2" "$LAB_DIR/$1.lease" || why "$1's lease lacks $2: $(tr '\n' ' ' <"$LAB_DIR/$1.lease")"; }
not_told() { ! grep -qE "$2" "$LAB_DIR/$1.lease" || why "$1's lease has $2: $(tr '\n' ' ' <"$LAB_DIR/$1.lease")"; }

two() { # SERVER OVERRIDES: c1 with its file and c2 without, both without an address by push
    lab_server_start "server-bridge nogw" "client-config-dir $LAB_DIR/ccd" "$@" || why "server does not start" || return
    lab_client_start c1 && lab_client_start c2 || why "a client does not connect" || return
}
with_router() {
    office_router || why "no DHCP server" || return
    "$@"
    local status=$?
    lab_stop "$ROUTER_PID"
    return $status
}

# ---- DHCP

split_dhcp_leases() {
    lease c2 && told c2 '^router=192.168.77.10' && told c2 '^dns=192.168.77.10' && told c2 '^domain=office' &&
        told c2 '^staticroutes=.*0.0.0.0/0' || return
    lease c1 && told c1 '^mask=24' && told c1 '^staticroutes=10.50.0.0/16 192.168.77.10' || return
    not_told c1 '^router=' && not_told c1 '^dns=' && not_told c1 '^domain=' && not_told c1 '^search=' &&
        not_told c1 '0.0.0.0/0' && not_told c1 '^msstaticroutes='
}
split_dhcp() {
    file c1 'tunnel split'
    two && with_router split_dhcp_leases
}

# ---- router advertisements

hears_router() { # NAME: default route by tap0, an address of the LAN
    lab_until 12 has_address6 "$1" || why "$1: no address by RA" || return
    lab_nap 0.3
    route_of "$1" -6 | grep -q '^default .*dev tap0'
}
has_address6() { x "$1" ip -6 -br addr show dev tap0 scope global | grep -q 'fd77:'; }
ready_for_router() {
    x "$1" sysctl -qw net.ipv6.conf.tap0.accept_ra=2 net.ipv6.conf.tap0.autoconf=1
    x "$1" ip link set tap0 down && x "$1" ip link set tap0 up
}
split_advert_heard() {
    ready_for_router c1 && ready_for_router c2 || return
    lab_hear c1 tap0 rdnss --bytes 1903000000000258 --seconds 10 && lab_hear c2 tap0 rdnss2 --bytes 1903000000000258 --seconds 30 || return
    hears_router c2 || why "c2 has no default route: ${T_WHY:-} $(route_of c2 -6 | tr '\n' ';')" || return
    ! hears_router c1 || why "c1 has the office's default route" || return
    [ -z "$T_WHY" ] || return
    lab_heard rdnss2 || why "c2 heard of no name server by RA" || return
    ! lab_heard rdnss || why "c1 heard of a name server by RA"
}
split_advert() {
    file c1 'tunnel split'
    two && with_router split_advert_heard
}

# ---- push

split_push() {
    file c1 'tunnel split' 'push "dhcp-option DOMAIN own.example"'
    lab_server_start "client-config-dir $LAB_DIR/ccd" 'push "redirect-gateway def1"' '+push "dhcp-option DNS 192.168.77.10"' \
        '+push "route 10.60.0.0 255.255.0.0"' || why "server does not start" || return
    lab_client_start c1 && lab_client_start c2 "route-nopull" || why "a client does not connect" || return
    pushed c2 'redirect-gateway def1' && pushed c2 'dhcp-option DNS' || return
    not_pushed c1 'redirect-gateway' && not_pushed c1 'dhcp-option DNS' && pushed c1 'route 10.60.0.0' && pushed c1 'own.example' || return
    ! route_of c1 -4 | grep -q '^0.0.0.0/1' || why "c1 sends everything"
}

far() { ip -n "$LAB_ID-gw" route "$1" 10.9.0.11 dev wan0 src "$2"; }
# With an address of the pool the client is told the gateway; by DHCP it keeps its way to us, whatever the lease says.
full_pool() {
    file c1 'tunnel full'
    lab_server_start "client-config-dir $LAB_DIR/ccd" || why "server does not start" || return
    lab_client_start c1 "remote 10.8.0.1 $LAB_PORT" && lab_client_start c2 || why "a client does not connect" || return
    pushed c1 'redirect-gateway def1' && not_pushed c2 'redirect-gateway' || return
    lab_until 3 full_routes '^0.0.0.0/1 via 192.168.77.1 dev tap0' || full_routes '^0.0.0.0/1 via 192.168.77.1 dev tap0'
}
full_routes() {
    route_of c1 -4 | grep -qE "$1" && route_of c1 -4 | grep -q '^10.8.0.1 via 10.9.0.1 dev wan0' || why "$(route_of c1 -4 | tr '\n' ';')" || return
    lab_ping_once c1 192.168.77.10 || why "no ping"
}
full_dhcp() {
    file c1 'tunnel full'
    lab_server_start "server-bridge" "client-config-dir $LAB_DIR/ccd" || why "server does not start" || return
    lab_client_start c1 "remote 10.8.0.1 $LAB_PORT" || why "no connection" || return
    if [ "$LAB_CLIENT" = openvpn ]; then
        # What the DHCP client of a laptop does with an office's lease.
        ip -n "$LAB_ID-c1" link set tap0 up
        ip -n "$LAB_ID-c1" addr add 192.168.77.201/24 dev tap0
        ip -n "$LAB_ID-c1" route add 0.0.0.0/1 via 192.168.77.1 dev tap0
    fi
    lab_until 8 full_routes '^0.0.0.0/1 via 192.168.77.10? dev tap0' || full_routes '^0.0.0.0/1 via 192.168.77.10? dev tap0'
}
full_dhcp_with_router() { with_router full_dhcp; }
around() { # CASE: c1 calls a concentrator behind a router
    far replace 10.8.0.1
    "$@"
    local status=$?
    far replace 10.9.0.1
    return $status
}

reload_split() {
    file c1 '# nothing'
    two && with_router reload_split_leases
}
reload_split_leases() {
    lease c1 && told c1 '^router=' || return
    file c1 'tunnel split'
    lab_client_stop c1
    lab_client_start c1 || why "c1 does not come back" || return
    lease c1 && not_told c1 '^router='
}

lab_begin tunnel
lab_pki && lab_office 2 || exit 1
lab_addr gw lo 10.8.0.1/32
lab_addr gw wan0 10.9.0.2/16
ip -n "$LAB_ID-gw" route add 10.9.0.11 dev wan0 src 10.9.0.1
x c1 ip route add default via 10.9.0.1
x lan sysctl -qw net.ipv6.conf.all.forwarding=1 # who says in its neighbour advertisements that it is no router is none
[ "$LAB_CLIENT" = openvpn ] && t_case tunnel-split-dhcp split_dhcp
[ "$LAB_CLIENT" = openvpn ] && t_case tunnel-split-router-advert split_advert
t_case tunnel-split-push split_push
[ "$LAB_CLIENT" = openvpn ] && t_case tunnel-split-next-connection reload_split
t_case tunnel-full-pool around full_pool
t_case tunnel-full-dhcp around full_dhcp_with_router
t_end
