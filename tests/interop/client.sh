#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The client role: routes, split and full tunnel, DHCP through the tunnel, colliding home LAN, several remotes, what
# a laptop does to its network, refusals, scripts, passphrase. Options as in handshake.sh; the client is drawbridged.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_CLIENT=drawbridged

log() { echo "${LAB_CLI_LOG[c1]}"; }
up() {
    local s=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do s+=("$1"); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    lab_client_start c1 "$@" || why "client does not connect" || return
}
routes() { x c1 ip -4 route | grep -qE "$1" || why "no route like $1: $(x c1 ip -4 route | tr '\n' ';')"; }
no_routes() { ! x c1 ip -4 route | grep -qE "$1" || why "route $1 is there"; }
soon_routes() { lab_until 3 routes "$1" || routes "$1"; }

# ---- routes

pushed_routes() {
    up 'push "route 10.50.0.0 255.255.0.0"' 'push "route 10.60.1.1 255.255.255.255 192.168.77.10 42"' \
        '+push "route 0.0.0.0 0.0.0.0"' -- "+route 10.70.0.0 255.255.255.0" || return
    soon_routes '10.50.0.0/16 via 192.168.77.1 dev tap0' && routes '10.60.1.1 via 192.168.77.10 dev tap0.*metric 42' &&
        soon_routes '10.70.0.0/24 via 192.168.77.1 dev tap0' || return
    no_routes '^default .*tap0|^0.0.0.0/1' || return
    lab_log_has "$(log)" "would take all traffic" || why "the route for everything is not told" || return
    lab_client_stop c1
    no_routes '10\.[567]0\.' || return
}

route_nopull() {
    up 'push "route 10.50.0.0 255.255.0.0"' 'push "redirect-gateway def1"' -- route-nopull "+route 10.70.0.0 255.255.255.0" || return
    soon_routes '10.70.0.0/24 via' && no_routes '10.50.0.0|^0.0.0.0/1'
}

full_tunnel() {
    ip -n "$LAB_ID-gw" route replace 10.9.0.11 dev wan0 src 10.8.0.1 # whoever called it
    full_tunnel_routed
    local status=$?
    ip -n "$LAB_ID-gw" route replace 10.9.0.11 dev wan0 src 10.9.0.1
    return $status
}
full_tunnel_routed() {
    up 'push "redirect-gateway def1"' -- "remote 10.8.0.1 $LAB_PORT" || return
    soon_routes '^0.0.0.0/1 via 192.168.77.1 dev tap0' && routes '^128.0.0.0/1 via 192.168.77.1 dev tap0' || return
    routes '^10.8.0.1 via 10.9.0.1 dev wan0' || return
    lab_ping c1 192.168.77.10 || why "no ping in the full tunnel" || return
    # another way out: the concentrator's own route follows it
    x c1 ip route replace default via 10.9.0.2 dev wan0
    lab_until 3 routes '^10.8.0.1 via 10.9.0.2 ' || why "the route to the concentrator did not follow" || return
    x c1 ip route replace default via 10.9.0.1 dev wan0
    lab_client_stop c1
    no_routes '^0.0.0.0/1|^128.0.0.0/1|^10.8.0.1 ' && routes '^default via 10.9.0.1'
}

# Who is on the same wire needs no way around.
full_tunnel_on_link() {
    up 'push "redirect-gateway def1"' -- || return
    soon_routes '^0.0.0.0/1 via 192.168.77.1 dev tap0' && no_routes '^10.9.0.1 ' || return
    lab_ping c1 192.168.77.10 || why "no ping in the full tunnel"
}

# ---- IPv6

routes6() { x c1 ip -6 route | grep -qE "$1" || why "no IPv6 route like $1: $(x c1 ip -6 route | tr '\n' ';')"; }
soon_routes6() { lab_until 3 routes6 "$1" || routes6 "$1"; }
no_routes6() { ! x c1 ip -6 route | grep -qE "$1" || why "IPv6 route $1 is there"; }
ipv6_pushed() {
    up 'push "ifconfig-ipv6 fd77::201/64 fd77::1"' '+push "route-ipv6 fd50::/32"' '+push "route-ipv6 fd60::/32 fd77::10 42"' \
        '+push "route-ipv6 ::/0"' -- "+route-ipv6 fd70::/32" || return
    soon_routes6 '^fd50::/32 via fd77::1 dev tap0' && soon_routes6 '^fd60::/32 via fd77::10 dev tap0.*metric 42' &&
        soon_routes6 '^fd70::/32 via fd77::1 dev tap0' || return
    no_routes6 '^default.*tap0|^::/0' || return
    lab_log_has "$(log)" "route-ipv6 ::/0 would take all traffic" || why "the route for everything is not told" || return
    x c1 ip -6 addr show dev tap0 | grep -q 'fd77::201/64' || why "no address" || return
    lab_ping c1 fd77::10 5 || why "no IPv6 ping" || return
    lab_client_stop c1
    no_routes6 '^fd[567]0:'
}
# The concentrator is called by IPv6, from behind a router, and everything of IPv6 goes through the tunnel.
ipv6_full() {
    up "proto udp6" 'push "ifconfig-ipv6 fd77::202/64 fd77::1"' '+push "redirect-gateway ipv6 !ipv4"' -- "remote fd08::1 $LAB_PORT" "proto udp6" || return
    soon_routes6 '^2000::/4 via fd77::1 dev tap0' && routes6 '^fd08::1 via fd09::1 dev wan0' || return
    no_routes '^0.0.0.0/1' || return
    lab_ping c1 fd77::10 5 || why "no IPv6 ping in the full tunnel" || return
    lab_client_stop c1
    no_routes6 '^2000::/4|^fd08::1 '
}
private_way() {
    up 'push "redirect-private def1"' -- "remote 10.8.0.1 $LAB_PORT" || return
    soon_routes '^10.8.0.1 via 10.9.0.1 dev wan0' && no_routes '^0.0.0.0/1'
}
far_away() { # CASE: c1 calls a concentrator behind a router
    ip -n "$LAB_ID-gw" route replace 10.9.0.11 dev wan0 src 10.8.0.1
    ip -n "$LAB_ID-gw" -6 route replace fd09::11 dev wan0 src fd08::1
    "$@"
    local status=$?
    ip -n "$LAB_ID-gw" -6 route del fd09::11 dev wan0
    ip -n "$LAB_ID-gw" route replace 10.9.0.11 dev wan0 src 10.9.0.1
    return $status
}
windows_words() {
    up 'push "block-outside-dns"' '+push "register-dns"' '+push "ip-win32 dynamic"' '+push "block-ipv6"' -- +block-outside-dns "+ip-win32 dynamic 0 3600" +register-dns || return
    [ "$(grep -c "block-outside-dns:.*has no effect" "$(log)")" -ge 1 ] || why "not told"
}

# ---- name servers: what is told to stand-ins for resolvconf and resolvectl, in a mount namespace of the client's

stand_ins() { # PROGRAM [resolved]: LAB_DIR/told gets a line for each call, with its input
    mkdir -p "$LAB_DIR/tools"
    rm -f "$LAB_DIR"/tools/* "$LAB_DIR/told"
    printf '#!/bin/sh\necho "$@ | $(tr "\\n" ";")" >>%s\n' "$LAB_DIR/told" >"$LAB_DIR/tools/$1"
    cat >"$LAB_DIR/with-tools" <<-WRAP
	#!/bin/sh
	exec unshare -m sh -c 'mount --bind "$LAB_DIR/tools" /usr/local/sbin; for d in /usr/bin /usr/sbin; do for f in resolvectl resolvconf; do [ -e \$d/\$f ] && mount --bind /dev/null \$d/\$f; done; done
	[ -d /run/systemd ] || { mkdir -p "$LAB_DIR/run/systemd" && mount --bind "$LAB_DIR/run" /run; }; mount -t tmpfs none /run/systemd; [ -n "${2:-}" ] && mkdir /run/systemd/resolve; exec "\$0" "\$@"' "$DBR_DAEMON" "\$@"
	WRAP
    chmod 755 "$LAB_DIR/tools/$1" "$LAB_DIR/with-tools"
}
told() { grep -qxF -- "$1" "$LAB_DIR/told" 2>/dev/null || why "not told '$1': $(tr '\n' '/' <"$LAB_DIR/told" 2>&1)"; }
soon_told() { lab_until 3 told "$1" || told "$1"; }
dns_up() { # PUSHES -- OVERRIDES, with the stand-ins
    local s=() real=$DBR_DAEMON
    while [ "$1" != -- ]; do s+=("+push \"$1\""); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    DBR_DAEMON=$LAB_DIR/with-tools
    lab_client_start c1 "$@"
    local status=$?
    DBR_DAEMON=$real
    [ $status = 0 ] || why "client does not connect"
}
OFFICE_DNS=("dhcp-option DNS 192.168.77.10" "dhcp-option DOMAIN office.example")
dns_resolvconf() {
    stand_ins resolvconf
    dns_up "${OFFICE_DNS[@]}" "redirect-gateway def1" -- || return
    soon_told '-a tap0.drawbridge | nameserver 192.168.77.10;search office.example;' || return
    lab_client_stop c1
    told '-d tap0.drawbridge | '
}
dns_resolved() {
    stand_ins resolvectl resolved
    dns_up "dns server 0 address 192.168.77.10 fd77::10" "dns search-domains office.example" "redirect-gateway def1" -- || return
    soon_told 'default-route tap0 yes | ' && told 'dns tap0 192.168.77.10 fd77::10 | ' && told 'domain tap0 office.example ~. | ' || return
    lab_client_stop c1
    told 'revert tap0 | '
}
dns_split() {
    stand_ins resolvectl resolved
    dns_up "${OFFICE_DNS[@]}" -- || return
    soon_told 'default-route tap0 no | ' && told 'domain tap0 office.example | '
}
dns_split_resolvconf() {
    stand_ins resolvconf
    dns_up "${OFFICE_DNS[@]}" -- || return
    lab_wait_log "$(log)" "name servers 192.168.77.10 are left out" 3 || why "not said" || return
    [ ! -e "$LAB_DIR/told" ] || why "told: $(cat "$LAB_DIR/told")"
}
dns_nobody() {
    stand_ins nothing
    dns_up "${OFFICE_DNS[@]}" "redirect-gateway def1" -- || return
    lab_wait_log "$(log)" "name servers 192.168.77.10 are not set: neither systemd-resolved nor resolvconf" 3 || why "not said"
}
# Killed, it cannot take anything back; the next one does.
dns_crash() {
    stand_ins resolvconf
    dns_up "${OFFICE_DNS[@]}" "redirect-gateway def1" -- || return
    soon_told '-a tap0.drawbridge | nameserver 192.168.77.10;search office.example;' || return
    lab_client_stop c1 KILL
    ! told '-d tap0.drawbridge | ' || why "who took it back?" || return
    T_WHY=
    lab_server_stop
    dns_up "echo nothing" -- || return
    soon_told '-d tap0.drawbridge | '
}

# The admin's own programs: in order, with what OpenVPN gives them.
hooks() {
    local h
    for h in ipchange up route-up dns route-pre-down down; do
        printf '#!/bin/sh\nexport PATH=/usr/bin:/bin\necho "$script_type $*" >>%s\nenv >%s.$script_type\n' "$LAB_DIR/calls" "$LAB_DIR/env" >"$LAB_DIR/$h"
        chmod 755 "$LAB_DIR/$h"
    done
    rm -f "$LAB_DIR/calls"
    up '+push "dns server 0 address 192.168.77.10:53 [fd77::10]:5353"' '+push "dns server 0 resolve-domains office.example"' \
        '+push "dns search-domains a.example b.example"' '+push "route 10.50.0.0 255.255.0.0"' -- "+script-security 2" \
        "+ipchange $LAB_DIR/ipchange" "+up $LAB_DIR/up" "+route-up $LAB_DIR/route-up" "+dns-updown $LAB_DIR/dns" \
        "+route-pre-down $LAB_DIR/route-pre-down" "+down $LAB_DIR/down" || return
    lab_until 3 grep -q route-up "$LAB_DIR/calls" && lab_until 3 grep -q dns-up "$LAB_DIR/calls" || why "calls: $(tr '\n' ';' <"$LAB_DIR/calls")" || return
    lab_client_stop c1
    [ "$(grep -cE '^(ipchange 10\.9\.0\.1 1194|up tap0 1500 0 192.*init|dns-up |route-up |route-pre-down tap0 1500 0 192.*init|dns-down |down tap0 1500 0 192.* init)$' "$LAB_DIR/calls")" = 7 ] || why "calls: $(tr '\n' ';' <"$LAB_DIR/calls")" || return
    [ "$(grep -E '^(route-pre-down|dns-down|down)' "$LAB_DIR/calls" | cut -d' ' -f1 | tr '\n' ' ')" = "route-pre-down dns-down down " ] || why "order: $(tr '\n' ';' <"$LAB_DIR/calls")" || return
    for h in dev=tap0 dns_server_1_address_1=192.168.77.10 dns_server_1_port_1=53 dns_server_1_address_2=fd77::10 dns_server_1_port_2=5353 \
        dns_server_1_resolve_domain_1=office.example dns_search_domain_1=a.example dns_search_domain_2=b.example; do
        grep -qxF "$h" "$LAB_DIR/env.dns-up" || why "dns-up misses $h" || return
    done
    grep -qx 'trusted_ip=10.9.0.1' "$LAB_DIR/env.ipchange" || why "ipchange misses trusted_ip"
}

# ---- DHCP

dhcp_server() {
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative \
        --dhcp-option=3,192.168.77.10 --dhcp-option=6,192.168.77.10 --dhcp-leasefile="$LAB_DIR/leases" \
        --pid-file="$LAB_DIR/dnsmasq.pid"
    DHCP_PID=$LAB_PID
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3
}
leased() { lab_wait_log "$(log)" 'tap0 has address 192\.168\.77\.2[0-9][0-9]/24' 15 || why "no lease"; }
dhcp() { # OVERRIDE
    dhcp_server || why "no DHCP server" || return
    up server-bridge -- "$@" && leased
    local status=$?
    [ $status = 0 ] && { lab_ping c1 192.168.77.10 || why "no ping with the lease"; status=$?; }
    return $status
}
dhcp_split() {
    dhcp
    local status=$?
    lab_stop "$DHCP_PID"
    [ $status = 0 ] || return
    routes '^default via 10.9.0.1 dev wan0' && no_routes 'via 192.168.77.10' || return
    lab_client_stop c1
    x c1 ip -4 -br addr show tap0 2>/dev/null | grep -q 192.168 && { why "the address stayed"; return; }
    return 0
}
# In a full tunnel the lease's name servers count, where nobody names others.
dhcp_full() {
    local real=$DBR_DAEMON
    stand_ins resolvconf
    dhcp_server || why "no DHCP server" || return
    lab_server_start server-bridge || why "server does not start" || return
    DBR_DAEMON=$LAB_DIR/with-tools
    lab_client_start c1 "+redirect-gateway def1" && leased
    local status=$?
    DBR_DAEMON=$real
    lab_stop "$DHCP_PID"
    [ $status = 0 ] || why "no lease" || return
    soon_routes '^0.0.0.0/1 via 192.168.77.10 dev tap0' && soon_told '-a tap0.drawbridge | nameserver 192.168.77.10;'
}

# ---- where it is called from

home_is_office() {
    x c1 ip addr add 192.168.77.23/24 dev home0
    up -- && lab_wait_log "$(log)" "have the same addresses" 3
    local status=$?
    x c1 ip -4 route | grep '192.168.77.0/24' >"$LAB_DIR/home"
    x c1 ip addr flush dev home0
    [ $status = 0 ] || why "not told: ${T_WHY:-}" || return
    grep -q 'dev home0' "$LAB_DIR/home" && ! grep -q 'dev tap0' "$LAB_DIR/home" || why "the home network lost its route: $(cat "$LAB_DIR/home")" || return
    [ "$(grep -c 'have the same addresses' "$(log)")" = 1 ] || why "told more than once"
}
# The laptop is carried there while it is connected, and away again.
home_becomes_office() {
    up -- || return
    x c1 ip addr add 192.168.77.23/24 dev home0
    lab_wait_log "$(log)" "have the same addresses" 5
    local status=$?
    lab_until 2 no_routes '192.168.77.0/24 dev tap0'
    x c1 ip -4 route | grep '192.168.77.0/24' >"$LAB_DIR/home"
    x c1 ip addr flush dev home0
    [ $status = 0 ] || why "not told" || return
    ! grep -q 'dev tap0' "$LAB_DIR/home" || why "the home network shares its route: $(cat "$LAB_DIR/home")" || return
    [ "$(grep -c 'have the same addresses' "$(log)")" = 1 ] || why "told more than once" || return
    lab_until 5 routes '192.168.77.0/24 dev tap0' || why "the office's route did not come back" || return
    lab_ping c1 192.168.77.10 5 || why "no ping afterwards"
}
home_is_elsewhere() {
    x c1 ip addr add 192.168.78.23/24 dev home0
    up -- && lab_ping c1 192.168.77.10
    local status=$?
    x c1 ip addr flush dev home0
    [ $status = 0 ] && ! lab_log_has "$(log)" "have the same addresses" || why "warned without a reason"
}

# ---- calling

next_remote() {
    up -- "remote 10.9.0.77 1194" "+remote 10.9.0.1 $LAB_PORT" "+server-poll-timeout 2" || return
    lab_log_has "$(log)" "no answer from this server" || why "the first remote was not tried"
}
connection_blocks() {
    local f=$LAB_DIR/blocks.conf
    lab_client_conf drawbridged c1 '!remote' >"$f"
    printf '<connection>\nremote 10.9.0.77 1194\nconnect-timeout 1\n</connection>\n<connection>\nremote 10.9.0.1 %s\n</connection>\n' "$LAB_PORT" >>"$f"
    lab_server_start || why "server does not start" || return
    LAB_CLI_LOG[c1]=$LAB_DIR/blocks.log
    : >"$LAB_DIR/blocks.log"
    lab_bg c1 "$LAB_DIR/blocks.log" "$DBR_DAEMON" --config "$f"
    LAB_CLI_PID[c1]=$LAB_PID
    lab_client_wait c1 || why "client does not connect"
}
gives_up() {
    lab_client_spawn c1 "connect-retry-max 2" "+server-poll-timeout 1" "connect-retry 1 1"
    lab_until 8 lab_gone "${LAB_CLI_PID[c1]}" || why "still trying" || return
    lab_log_has "$(log)" "connect-retry-max \(2\) times unsuccessful" || why "does not say why"
}
unknown_name() {
    lab_client_spawn c1 "remote no-such-host.invalid 1194" "resolv-retry 0"
    lab_until 20 lab_gone "${LAB_CLI_PID[c1]}" || why "still there" || return
    lab_log_has "$(log)" "Cannot resolve host address: no-such-host.invalid" || why "does not say what"
}
name_waits() {
    lab_client_spawn c1 "remote no-such-host.invalid 1194" "resolv-retry infinite"
    lab_wait_log "$(log)" "Cannot resolve host address" 15 || why "does not say what" || return
    lab_nap 1
    ! lab_gone "${LAB_CLI_PID[c1]}" || why "it gave up" || return
    lab_stop "${LAB_CLI_PID[c1]}" TERM 3 || why "does not end while it resolves"
}

# ---- refusals

refuses() { # PATTERN OVERRIDES: the client itself refuses the server
    local pattern=$1
    shift
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 "$@"
    lab_wait_log "$(log)" "$pattern" 6 || why "no line like '$pattern'" || return
    lab_nap 0.3
    ! lab_log_has "$(log)" "Initialization Sequence Completed" || why "it connected"
}
name_good() { up -- "+verify-x509-name server name"; }

# ---- a laptop's life. keepalive 10 60 on purpose: what comes back sooner did not wait for it.

# The machine stops for 8 s and the server forgets it meanwhile; the old session would stand for a minute here.
woken() {
    local t
    up "keepalive 1 2" -- '+pull-filter ignore ping-restart' || return
    lab_until 4 lab_status_has c1 || why "not listed" || return
    signal_tree STOP
    lab_wait_log "$LAB_SRV_LOG" "Inactivity timeout" 12
    local forgotten=$?
    signal_tree CONT
    t=$(lab_now_ms)
    [ $forgotten = 0 ] || why "the server did not forget it" || return
    first_echo || why "no ping 10 s after waking" || return
    T_NOTE="$(($(lab_now_ms) - t)) ms after waking, session forgotten by the server"
    [ $(($(lab_now_ms) - t)) -lt 3000 ] || why "$T_NOTE"
}
first_echo() { x c1 ping -n -q -i 0.05 -c 1 -w 10 192.168.77.10 >/dev/null; } # waits for it, not for those before it
signal_tree() {
    local p
    for p in $($LAB_PYTHON "$LAB_LIB/proctree.py" pids "${LAB_CLI_PID[c1]}" | cut -d' ' -f1); do kill -"$1" "$p"; done
}

# Nothing passes for 90 s; then it does.
unplugged() { # SECONDS
    local t
    up "keepalive 1 4" -- || return
    x c1 nft 'add table inet off; add chain inet off out { type filter hook output priority 0; }; add rule inet off out oifname "wan0" drop'
    lab_nap "$1"
    x c1 nft delete table inet off
    t=$(lab_now_ms)
    first_echo || why "no ping 10 s after the wire came back" || return
    T_NOTE="$(($(lab_now_ms) - t)) ms after $1 s without a wire"
    [ $(($(lab_now_ms) - t)) -lt 3000 ] || why "$T_NOTE"
}

# Another network with another address while the server has forgotten us: asked, not waited for.
roamed() {
    local t
    up -- || return
    lab_server_stop && lab_server_start || why "server does not start again" || return
    lab_log_has "$(log)" "Initialization Sequence Completed" 2 && { skipped "the server said good-bye"; return; }
    t=$(lab_now_ms)
    ip -n "$LAB_ID-c1" addr add 10.9.0.111/16 dev wan0
    lab_wait_log "$(log)" "Initialization Sequence Completed" 4 2 || why "not called again in 4 s" || return
    T_NOTE="$(($(lab_now_ms) - t)) ms after the new address"
    ip -n "$LAB_ID-c1" addr del 10.9.0.111/16 dev wan0
    lab_ping c1 192.168.77.10 || why "no ping"
}
# A new address while all is well changes nothing.
roamed_well() {
    up -- || return
    ip -n "$LAB_ID-c1" addr add 10.9.0.112/16 dev wan0
    lab_wait_log "$(log)" "the server is there" 3
    local status=$?
    ip -n "$LAB_ID-c1" addr del 10.9.0.112/16 dev wan0
    [ $status = 0 ] || why "not asked, or no answer" || return
    lab_nap 2
    ! lab_log_has "$(log)" "Initialization Sequence Completed" 2 || why "called anew without need"
}

# ---- scripts, passphrase

scripts() {
    cat >"$LAB_DIR/hook" <<-HOOK
	#!/bin/sh
	echo "\$script_type \$# \$1 \$2 \$3 \$4 \$5 \$6 | \$ifconfig_local \$ifconfig_broadcast \$route_vpn_gateway \$trusted_ip \$foreign_option_1 \$common_name" >>"$LAB_DIR/hooked"
	HOOK
    chmod 755 "$LAB_DIR/hook"
    rm -f "$LAB_DIR/hooked"
    up 'push "dhcp-option DNS 192.168.77.10"' -- "+script-security 2" "+up $LAB_DIR/hook" "+down $LAB_DIR/hook" || return
    lab_until 3 test -s "$LAB_DIR/hooked" || why "up did not run" || return
    lab_client_stop c1
    grep -qE '^up 6 tap0 1500 0 192\.168\.77\.1[0-9][0-9] 255\.255\.255\.0 init \| 192\.168\.77\.1[0-9][0-9] 192\.168\.77\.255 192\.168\.77\.1 10\.9\.0\.1 dhcp-option DNS 192\.168\.77\.10 server$' \
        "$LAB_DIR/hooked" || why "up: $(head -n 1 "$LAB_DIR/hooked")" || return
    grep -qE '^down 6 tap0 1500 0 192\.168\.77\.1[0-9][0-9] 255\.255\.255\.0 init ' "$LAB_DIR/hooked" || why "down: $(tail -n 1 "$LAB_DIR/hooked")"
}

encrypted_key() { openssl pkey -in "$LAB_PKI/c1.key" -aes256 -passout pass:open-sesame -out "$LAB_DIR/c1.enc.key"; }
askpass_file() {
    encrypted_key
    echo open-sesame >"$LAB_DIR/pass"
    up -- "key $LAB_DIR/c1.enc.key" "+askpass $LAB_DIR/pass"
}
askpass_nobody() {
    encrypted_key
    lab_client_conf drawbridged c1 "key $LAB_DIR/c1.enc.key" >"$LAB_DIR/enc.conf"
    x c1 setsid "$DBR_DAEMON" --config "$LAB_DIR/enc.conf" </dev/null >"$LAB_DIR/enc.log" 2>&1 && why "it started" && return 1
    lab_log_has "$LAB_DIR/enc.log" "nobody to ask" || why "$(tail -n 1 "$LAB_DIR/enc.log")"
}
askpass_terminal() { # PASSPHRASE
    encrypted_key
    lab_server_start || why "server does not start" || return
    lab_client_conf drawbridged c1 "key $LAB_DIR/c1.enc.key" >"$LAB_DIR/tty.conf"
    x c1 $LAB_PYTHON "$LAB_LIB/terminal.py" "Enter Private Key Password:" "$1" "Initialization Sequence Completed" \
        "$DBR_DAEMON" --config "$LAB_DIR/tty.conf" >"$LAB_DIR/tty.log" 2>&1
}
terminal_good() { askpass_terminal open-sesame || why "$(tail -n 2 "$LAB_DIR/tty.log" | tr '\n' ';')" || return; ! grep -q open-sesame "$LAB_DIR/tty.log" || why "the passphrase was shown"; }
terminal_bad() { ! askpass_terminal wrong || why "connected with a wrong passphrase"; }

lab_begin client
lab_pki && lab_office 1 || exit 1
lab_link c1 home0 c1 home1
# The concentrator is also behind a router: 10.8.0.1, by 10.9.0.1 or 10.9.0.2.
lab_addr gw lo 10.8.0.1/32 fd08::1/128
lab_addr gw wan0 10.9.0.2/16
ip -n "$LAB_ID-gw" route add 10.9.0.11 dev wan0 src 10.9.0.1
x c1 ip route add default via 10.9.0.1
x c1 ip -6 route add default via fd09::1
t_case route-pushed pushed_routes
t_case route-nopull route_nopull
t_case full-tunnel full_tunnel
t_case full-tunnel-on-link full_tunnel_on_link
t_case ipv6-pushed ipv6_pushed
t_case ipv6-full-tunnel far_away ipv6_full
t_case redirect-private far_away private_way
t_case windows-directives windows_words
t_case dns-resolvconf dns_resolvconf
t_case dns-systemd-resolved dns_resolved
t_case dns-split-systemd-resolved dns_split
t_case dns-split-resolvconf dns_split_resolvconf
t_case dns-nobody-to-tell dns_nobody
t_case dns-taken-back-after-a-crash dns_crash
t_case hooks hooks
t_case dhcp-split dhcp_split
t_case dhcp-full dhcp_full
t_case home-lan-is-office-lan home_is_office
t_case home-lan-becomes-office-lan home_becomes_office
t_case home-lan-is-another home_is_elsewhere
t_case remote-next next_remote
t_case remote-connection-blocks connection_blocks
t_case connect-retry-max gives_up
t_case resolv-retry-0 unknown_name
t_case resolv-retry-infinite name_waits
t_case remote-cert-tls refuses 'VERIFY (KU|EKU) ERROR|key usage|Certificate does not have' "remote-cert-tls client"
t_case verify-x509-name-wrong refuses "VERIFY X509NAME ERROR|x509-name|name" "+verify-x509-name other name"
t_case verify-x509-name-good name_good
t_case woken-after-stop woken
t_case unplugged-90s unplugged 90
t_case network-change-dead-session roamed
t_case network-change-live-session roamed_well
t_case scripts scripts
t_case askpass-file askpass_file
t_case askpass-nobody askpass_nobody
t_case askpass-terminal terminal_good
t_case askpass-terminal-wrong terminal_bad
t_end
