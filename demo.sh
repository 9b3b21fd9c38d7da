#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A laptop with stock OpenVPN becomes a host of an office LAN, all of it inside network namespaces of this machine.
#   sudo ./demo.sh [--keep] [--build DIR | --daemon PATH]
# Installs what it needs (Debian 12 or 13), builds into build/release, makes a throw-away CA, starts an office, the concentrator
# and the laptop, shows what crosses the tunnel and takes everything down again. Your own interfaces and /etc are not
# touched. --keep leaves it running until you press Ctrl-C. --build and --daemon take a program that is already built.
here=$(cd "$(dirname "$0")" && pwd)
case " $* " in *" --help "* | *" -h "*) sed -n '4,9s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || { echo "please run it as root: sudo $0 $*" >&2; exit 1; }
. "$here/tests/lib/packages.sh"
. "$here/tests/lib/lab.sh"
KEEP=
BUILT=
for a in "$@"; do
    case $a in --keep) KEEP=1 ;; --build | --daemon) BUILT=1 ;; esac
done
lab_args "$@"
LAB_SERVER=drawbridged LAB_CLIENT=openvpn LAB_ID=office$$
FAILED=0

# ------------------------------------------------------------------------------------------------ talking

bold=$([ -t 1 ] && printf '\033[1m') plain=$([ -t 1 ] && printf '\033[0m')
step() { printf '%s%-11s%s' "$bold" "$1" "$plain"; }
shown() { # NAME STATUS TEXT
    if [ "$2" = 0 ]; then printf '  %-10s ok    %s\n' "$1" "$3"; else printf '  %-10s FAIL  %s\n' "$1" "$3"; FAILED=1; fi
}
die() {
    echo "$*"
    lab_tails
    exit 1
}

picture() {
    cat <<-'END'

	   office LAN 192.168.77.0/24                 the concentrator                   somewhere far away
	  +--------------------------+       +-------------------------------+       +----------------------+
	  | a host: DHCP server, web |-------| eth0 -- br0 -- tap0           |  UDP  | wan0         laptop  |
	  | page, 192.168.77.10      |       |               [drawbridged]---|=======|---[openvpn 2.6] tap0 |
	  +--------------------------+       +-------------------------------+ 1194  +----------------------+

	END
}

# ------------------------------------------------------------------------------------------------ building up

build() {
    local log=$LAB_DIR/build.log
    (cd "$here" && cmake --preset release && cmake --build --preset release --target drawbridged drawbridge-ca) >"$log" 2>&1 </dev/null && return 0
    tail -n 15 "$log"
    return 1
}

ca() { "$(dirname "$DBR_DAEMON")/../../certs/drawbridge-ca" --dir "$LAB_PKI" "$@"; }

# The CA's folder, with the names that the lab's configurations use beside its own.
office_keys() {
    export LAB_PKI=$LAB_DIR/ca
    {
        ca init "Throw-away CA" --no-pass && ca issue server office --no-pass &&
            ca issue client laptop --no-pass && ca gate-key new
    } >"$LAB_DIR/ca.log" 2>&1 || { cat "$LAB_DIR/ca.log"; return 1; }
    ln -s issued/office.crt "$LAB_PKI/server.crt" && ln -s private/office.key "$LAB_PKI/server.key" &&
        ln -s issued/laptop.crt "$LAB_PKI/c1.crt" && ln -s private/laptop.key "$LAB_PKI/c1.key" &&
        ln -s private/gate.key "$LAB_PKI/ta.key"
}

office_opens() {
    mkdir -p "$LAB_DIR/www"
    echo "Welcome to the office. You are on the LAN." >"$LAB_DIR/www/index.html"
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,1h --no-ping --dhcp-authoritative \
        --enable-ra --dhcp-range=fd77::,ra-only,64 \
        --dhcp-leasefile="$LAB_DIR/leases" --pid-file="$LAB_DIR/dnsmasq.pid"
    lab_bg lan "$LAB_DIR/www.log" $LAB_PYTHON -m http.server --bind 192.168.77.10 --directory "$LAB_DIR/www" 80
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3
}

laptop_config() {
    lab_client_conf openvpn c1 "verb 3" "script-security 2" "up $LAB_LIB/laptop-up.sh"
}

# ------------------------------------------------------------------------------------------------ what it shows

leased() { [ -n "$(lab_tunnel_ip c1)" ]; }

show_lease() {
    lab_until 15 leased
    shown lease $? "the laptop has $(lab_tunnel_ip c1) from the office's DHCP server, through the tunnel"
}

show_ping() {
    local times mac
    times=$(x c1 ping -n -q -c 50 -i 0.01 192.168.77.10 | tail -n 1 | sed 's/.*= //')
    shown ping $? "192.168.77.10 answers; min/avg/max/mdev $times"
    mac=$(x c1 ip -4 neigh show 192.168.77.10 dev tap0 | awk '{print $3}')
    [ "$mac" = "$(lab_mac lan eth0)" ]
    shown ARP $? "the laptop sees the host's own MAC $mac"
    mac=$(x lan ip -4 neigh show "$(lab_tunnel_ip c1)" dev eth0 | awk '{print $3}')
    [ "$mac" = "$(lab_mac c1 tap0)" ]
    shown ARP $? "the host sees the laptop's own MAC $mac"
}

show_web() {
    local page
    page=$(x c1 timeout 5 busybox wget -q -O - http://192.168.77.10/)
    shown web $? "http://192.168.77.10/ says: $page"
}

show_tcp() {
    local up down
    lab_iperf_server lan && up=$(lab_iperf c1 192.168.77.10 -t 2 | lab_mbps) && down=$(lab_iperf c1 192.168.77.10 -t 2 -R | lab_mbps)
    shown TCP $? "laptop to office $up Mbit/s, office to laptop $down Mbit/s (all on this machine's $(nproc) cores)"
}

show_broadcast() { # FROM DEV TO DEV TEXT
    lab_hear "$3" "$4" "$5" --text "$5" --seconds 3
    lab_send "$1" "$2" --text "$5"
    lab_heard "$5"
    shown broadcast $? "$5"
}

global_v6() { x c1 ip -6 -br addr show tap0 scope global | grep -q 'fd77:'; }

show_ipv6() {
    lab_until 10 global_v6
    shown IPv6 $? "the laptop has $(x c1 ip -6 -br addr show tap0 scope global | awk '{print $3}') by the office's router advertisement"
    lab_ping c1 fd77::10 5 && [ "$(x c1 ip -6 neigh show fd77::10 dev tap0 | awk '{print $3}')" = "$(lab_mac lan eth0)" ]
    shown IPv6 $? "neighbour discovery finds fd77::10 at the host's own MAC; ping answers"
}

show_revocation() {
    local pings=$LAB_DIR/revoked.pings begin last
    lab_bg c1 "$pings" ping -n -D -i 0.02 -w 3 192.168.77.10
    lab_nap 0.5
    begin=$(lab_now_ms)
    ca revoke laptop >"$LAB_DIR/revoke.log" 2>&1
    lab_nap 2
    last=$(awk '/bytes from/ {t = substr($1, 2, 17) * 1000} END {printf "%.0f", t}' "$pings")
    [ "$last" -gt $((begin - 400)) ] && [ $((last - begin)) -le 1000 ]
    shown revoked $? "drawbridge-ca revoke laptop: its last frame crossed $((last - begin)) ms after the command began"
    grep -q "AUTH_FAILED,Certificate revoked" "$LAB_DIR"/c1.*.log
    shown revoked $? "the laptop was told: AUTH_FAILED,Certificate revoked"
}

instructions() {
    cat <<-END

	It is all still running. In another terminal, as root:
	  ip netns exec $LAB_ID-c1  bash      the laptop        (try: ping 192.168.77.10; busybox wget -qO- http://192.168.77.10/)
	  ip netns exec $LAB_ID-lan bash      the office host   (try: ping $(lab_tunnel_ip c1); ip neigh)
	  ip netns exec $LAB_ID-gw  bash      the concentrator  (try: bridge link; bridge fdb show br br0)
	  $LAB_DIR/server.$SRV_RUN.conf, *.log       configurations and logs
	  $LAB_LIB/laptop-up.sh      the laptop's up script
	Press Ctrl-C here to take it down.
	END
    while :; do lab_nap 3600; done
}

# ------------------------------------------------------------------------------------------------ the demo

lab_begin demo
SECONDS=0
echo "${bold}Drawbridge: a laptop with stock OpenVPN becomes a host of the office LAN${plain}"
picture
step packages
# shellcheck disable=SC2086
packages_need "$LAB_DIR/apt.log" $PACKAGES_BUILD $PACKAGES_LAB || exit 1
step build
if [ -n "$BUILT" ]; then lab_have drawbridged || die "$LAB_WHY"; else
    DBR_DAEMON=$here/build/release/server/keeper/drawbridged
    build || exit 1
fi
echo "$("$DBR_DAEMON" --version 2>/dev/null | head -n 1)  ($SECONDS s so far)"
step keys
office_keys || exit 1
echo "drawbridge-ca has made a throw-away CA, two certificates and a gate key (tls-auth) in $LAB_PKI"
step office
lab_office 1 && office_opens || die "the office does not open"
echo "a host with DHCP server and web page"
step server
lab_server_start server-bridge "verb 3" "crl-verify $LAB_PKI/crl.pem" || die "drawbridged does not start"
SRV_RUN=$LAB_RUN
echo "drawbridged has made br0 of eth0 and its TAP:"
sed "s|$LAB_PKI/||; s|$LAB_DIR/||; s/^/               /" "$LAB_DIR/server.$SRV_RUN.conf"
step laptop
begin=$(lab_now_ms)
lab_client_spawn c1 "verb 3" "script-security 2" "up $LAB_LIB/laptop-up.sh"
lab_client_wait c1 || die "the laptop does not connect"
echo "$(openvpn --version | awk 'NR == 1 {print $1, $2}') connected after $(($(lab_now_ms) - begin)) ms; its up script asks for an address:"
sed -n '/^ip link/,$s/^/               /p' "$LAB_LIB/laptop-up.sh"
echo
show_lease
show_ping
show_web
show_tcp
show_broadcast c1 tap0 lan eth0 hello-office-from-the-laptop
show_broadcast lan eth0 c1 tap0 hello-laptop-from-the-office
show_ipv6
[ -n "$KEEP" ] && instructions
show_revocation
echo
lab_client_stop c1
lab_server_stop
[ "$(ip -n "$LAB_ID-gw" -br link | awk '{sub(/@.*/, "", $1); print $1}' | sort | xargs)" = "eth0 lo wan0" ]
shown goodbye $? "the concentrator has put its bridge away and left eth0 as it was"
echo
if [ "$FAILED" = 0 ]; then echo "All shown in $SECONDS s."; else
    echo "Something above failed; run again with LAB_KEEP_DIR=1 to keep the logs."
    exit 1
fi
