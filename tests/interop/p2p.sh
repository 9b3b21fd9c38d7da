#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two ends without push: `tls-server` without `mode server`, `tls-client` without `pull`. One peer, keys at once, what
# both can do (P2P NCP). Options as in handshake.sh; --full (or LAB_FULL=1) takes the longer cases too.
#
#      lan --- gw [server, br0: eth0 tap0] --- wan --- c1 [client, br1: eth1 tap0] --- far
#   .77.10                                                                          .77.20
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
[[ " ${LAB_REST[*]} " == *" --full "* ]] && LAB_FULL=1

# A stock server without clients says nothing more than this.
lab_served() { lab_log_has "$LAB_SRV_LOG" "Initialization Sequence Completed|link remote: " || lab_gone "$LAB_SRV_PID"; }

srv_log() { echo "$LAB_SRV_LOG"; }
log() { echo "${LAB_CLI_LOG[c1]}"; }

# Both ends with the address on the TAP itself.
server() { # OVERRIDES
    # The same MAC after a restart: the far end's neighbour cache is not what is tested.
    lab_server_start '!server-bridge' '!bridge' '!keepalive' tls-server 'dev tap9' 'lladdr 02:00:00:00:99:01' 'ifconfig 10.99.0.1 255.255.255.0' "$@"
    ! lab_gone "$LAB_SRV_PID" || why "the server does not start"
}
client() { lab_client_start c1 '!client' tls-client 'ifconfig 10.99.0.2 255.255.255.0' "$@" || why "the client does not connect"; }
both() { # OVERRIDES for both ends
    server "$@" && client "$@"
}
pings() { lab_ping c1 10.99.0.1 5 || why "no ping to the server's TAP" || return; lab_ping gw 10.99.0.2 || why "no ping to the client's TAP"; }

# The peer id that an end has derived, as its log shows it.
peer_id() { grep -ohE "DATA_v2=1, peer-id [0-9]+|cipher '.*', peer-id: [0-9]+" "$1" | head -n 1 | grep -oE "[0-9]+$"; }
uses() { # CIPHER
    lab_wait_log "$(log)" "cipher[ ='][ ']?$1|Cipher '$1'" 2 && lab_wait_log "$(srv_log)" "cipher[ ='][ ']?$1|Cipher '$1'" 2 || why "not $1"
}

addressed() {
    both '+reneg-sec 2' && pings && uses AES-256-GCM || return
    local a b
    a=$(peer_id "$(srv_log)") b=$(peer_id "$(log)")
    T_NOTE="peer id $a"
    [ -n "$a" ] && [ "$a" = "$b" ] && [ "$a" -gt 16 ] || why "peer ids $a and $b" || return
    ! lab_log_has "$(srv_log)" "PUSH_REPLY" && ! lab_log_has "$(log)" "PUSH_REPLY|PUSH_REQUEST" || why "options were pushed" || return
    lab_wait_log "$(log)" "soft reset" 4 || lab_log_has "$(srv_log)" "soft reset" || why "nobody renegotiated" || return
    lab_ping c1 10.99.0.1 || why "no ping after the renegotiation"
}

bridged() {
    local hook=$LAB_DIR/up-br1
    lab_server_start '!server-bridge' '!keepalive' tls-server
    ! lab_gone "$LAB_SRV_PID" || why "the server does not start" || return
    if [ "$LAB_CLIENT" = drawbridged ]; then
        lab_client_start c1 '!client' tls-client "+bridge br1 eth1" "+port-kind site"
    else
        printf '#!/bin/sh\nip link set "$1" master br1 up\n' >"$hook"
        chmod 755 "$hook"
        ip -n "$LAB_ID-c1" link add br1 type bridge stp_state 0 forward_delay 0 && ip -n "$LAB_ID-c1" link set eth1 master br1 &&
            ip -n "$LAB_ID-c1" link set br1 up || return
        lab_client_start c1 '!client' tls-client "+script-security 2" "+up $hook"
    fi || why "the client does not connect" || return
    bridged_pings
    local status=$?
    [ "$LAB_CLIENT" = drawbridged ] || ip -n "$LAB_ID-c1" link del br1
    return $status
}
bridged_pings() {
    lab_ping far 192.168.77.10 5 || why "no ping between the two LANs" || return
    lab_ping lan 192.168.77.20 || why "no ping the other way" || return
    [ "$(x far ip -4 neigh show 192.168.77.10 dev eth0 | awk '{print $3}')" = "$(lab_mac lan eth0)" ] || why "not the host's own MAC"
}

# Each end renegotiates by itself, under pings.
renegotiates() { # OVERRIDES
    both "+reneg-sec 2" "$@" && pings || return
    local lost
    lost=$(lab_echoes c1 10.99.0.1 90 0.05 | grep -oE '[0-9]+ received' | cut -d' ' -f1)
    T_NOTE="$lost of 90 pings"
    [ "$lost" = 90 ] || why "$T_NOTE" || return
    lab_log_has "$(log)" "soft reset" || lab_log_has "$(srv_log)" "soft reset" || why "nobody renegotiated"
}

cbc() { both 'data-ciphers AES-256-CBC' && pings && uses AES-256-CBC; }
fallback() {
    server 'data-ciphers AES-128-GCM' '+data-ciphers-fallback AES-256-CBC' &&
        client 'data-ciphers CHACHA20-POLY1305' '+data-ciphers-fallback AES-256-CBC' && pings && uses AES-256-CBC
}
# `cipher` alone is the fallback, as it was before data-ciphers.
cipher_line() {
    server 'data-ciphers AES-128-GCM' '+cipher AES-256-CBC' &&
        client 'data-ciphers CHACHA20-POLY1305' '+cipher AES-256-CBC' && pings && uses AES-256-CBC
}
servers_order() {
    server 'data-ciphers CHACHA20-POLY1305:AES-128-GCM' && client 'data-ciphers AES-128-GCM:CHACHA20-POLY1305' && pings &&
        uses CHACHA20-POLY1305
}
nothing_common() {
    server 'data-ciphers AES-128-GCM' && lab_client_spawn c1 '!client' tls-client 'data-ciphers CHACHA20-POLY1305' || return
    lab_wait_log "$(log)" "OPTIONS ERROR: no data cipher|failed to negotiate cipher" 5 || why "does not say why" || return
    lab_no_ping c1 10.99.0.1 || why "frames cross"
}

# The server is stopped without a word and comes back.
ping_restart() {
    both '+ping 1' '+ping-restart 2' && pings || return
    lab_stop "$LAB_SRV_PID" KILL
    ip -n "$LAB_ID-gw" link del tap9 2>/dev/null
    [ "$LAB_SERVER" = drawbridged ] || lab_unbridge_by_hand
    server '+ping 1' '+ping-restart 2' || return
    lab_until 8 lab_ping_once c1 10.99.0.1 || why "no ping again" || return
    lab_log_has "$(log)" "Inactivity timeout" || why "it was not ping-restart"
}

# ping-exit alone: the program ends, and well.
ping_exit() {
    [ "$LAB_CLIENT" = drawbridged ] || { skipped "it is our client's"; return; }
    server && client '+ping 1' '+ping-exit 2' && pings || return
    lab_stop "$LAB_SRV_PID" KILL
    LAB_SRV_PID=
    [ "$LAB_SERVER" = drawbridged ] || lab_unbridge_by_hand
    lab_until 6 lab_gone "${LAB_CLI_PID[c1]}" || why "it is still there" || return
    lab_stop "${LAB_CLI_PID[c1]}"
    T_NOTE="status $LAB_STATUS"
    [ "$LAB_STATUS" = 0 ] && lab_log_has "$(log)" "ping-exit" || why "$T_NOTE"
}

# The server says good-bye: its peer comes back by itself, long before any ping-restart.
goodbye() {
    both '+ping-restart 60' && pings || return
    lab_server_stop || why "the server did not end well" || return
    server '+ping-restart 60' || return
    lab_until 8 lab_ping_once c1 10.99.0.1 || why "no ping again" || return
    ! lab_gone "${LAB_CLI_PID[c1]}" || why "the client has ended"
}

# `remote` at the server: nobody else is answered. (No nobind: a stock server compares the port too.)
named_caller() {
    server "+remote 10.9.0.11 $LAB_PORT" && client '!nobind' "+lport $LAB_PORT" && pings
}
other_caller() {
    server "+remote 10.9.0.99 $LAB_PORT" && lab_client_spawn c1 '!client' tls-client '!nobind' "+lport $LAB_PORT" || return
    lab_nap 1.5
    ! lab_log_has "$(log)" "Initialization Sequence Completed|TLS: Initial packet" || why "it was answered"
}

# A client that does not pull, at a server for many: P_DATA_V1 and the PRF, since the peer id of its packets says nothing.
static_client_of_many() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "OpenVPN 2.6 and such a client use different keys"; return; }
    lab_server_start 'server-bridge nogw' || why "the server does not start" || return
    client 'ifconfig 192.168.77.150 255.255.255.0' || return
    lab_ping c1 192.168.77.10 5 || why "no ping to the LAN"
}
# A client that waits for options that never come hears why.
puller() {
    [ "$LAB_CLIENT" = drawbridged ] || { skipped "it is drawbridged that says so"; return; }
    server && lab_client_spawn c1 || return
    lab_wait_log "$(log)" "pushes no options.*tls-client" 5 || why "does not say why"
}

lab_begin p2p
lab_pki && lab_office 1 || exit 1
lab_space far && lab_link far eth0 c1 eth1 || exit 1
lab_addr far eth0 192.168.77.20/24 fd77::20/64
x c1 sysctl -qw net.ipv6.conf.eth1.accept_ra=0
t_case address-on-the-tap addressed
t_case two-lans-are-one bridged
t_case cipher-fallback fallback
t_case static-client-of-many static_client_of_many
if [ -n "${LAB_FULL:-}" ]; then
    t_case renegotiation renegotiates
    t_case cipher-cbc cbc
    t_case cipher-line cipher_line
    t_case cipher-order-of-the-server servers_order
    t_case cipher-none-in-common nothing_common
    t_case ping-restart ping_restart
    t_case ping-exit ping_exit
    [ "$LAB_SERVER" = openvpn ] || t_case server-says-goodbye goodbye
    t_case remote-named named_caller
    t_case remote-other other_caller
    t_case client-that-pulls puller
fi
t_end
