#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Windows client under Wine against real servers: `drawbridge.exe engine` is started as the service starts it, with
# an imported profile, a pipe in the TAP's place and a pipe to a small program that plays the service (winside.exe). Its
# frames go by UDP of the loopback to a real TAP of the same namespace (tapwire).
#
#     win.sh --build LINUX_BUILD --win WINDOWS_BUILD [--only REGEX]
#
# Wine's prefix is made fresh in the run folder, as its server must live in the namespace: it makes the sockets.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
set -- "${LAB_REST[@]}"
win=$LAB_LIB/../../build/win
while [ $# -gt 1 ]; do
    [ "$1" = --win ] && win=$2
    shift
done
build=${DBR_DAEMON%/server/keeper/drawbridged}
top=$(cd "$LAB_LIB/../.." && pwd)
exe=$win/client-win/program/drawbridge.exe winside=$win/tests/unit/client-win/engine/winside.exe
tapwire=$build/tests/unit/client-win/engine/tapwire
LAB_CLIENT=drawbridged
FRAMES=5555

trap '' PIPE # who has ended hears nothing
lab_begin win
export WINEPREFIX=$LAB_DIR/wine
wine() { x c1 "$LAB_LIB/wine.sh" "$@"; }
trap 'wine --end 2>/dev/null; lab_end' EXIT

# ---- the client

out() { echo "${LAB_CLI_LOG[c1]}"; }
said() { lab_wait_log "$(out)" "$1" "${2:-5}" "${3:-1}" || why "the client does not say '$1': $(tail -n 3 "$(out)" | tr '\n' ';')"; }
tell() { echo "$*" 2>/dev/null >&"$WIN_IN"; }

# inline FILE TAG [KEY_LINE]
inline() { printf '<%s>\n' "$1"; cat "$2"; printf '</%s>\n' "$1"; }

# profile [OVERRIDES...]: the lab's client configuration, as one file with everything in it.
profile() {
    lab_client_conf drawbridged c1 "$@" | while read -r word file rest; do
        case $word in
        ca | cert | key) inline "$word" "$file" ;;
        tls-auth) echo "key-direction ${rest:-1}"; inline tls-auth "$file" ;;
        tls-crypt | tls-crypt-v2) inline "$word" "$file" ;;
        *) echo "$word${file:+ $file}${rest:+ $rest}" ;;
        esac
    done
}

# win_start [OVERRIDES...]: the client, not waited for.
win_start() {
    LAB_RUN=$((LAB_RUN + 1))
    LAB_CLI_LOG[c1]=$LAB_DIR/c1.$LAB_RUN.log
    profile "$@" >"$LAB_DIR/c1.$LAB_RUN.ovpn"
    : >"$(out)"
    lab_bg c1 "$LAB_DIR/tapwire.log" "$tapwire" tap0 $FRAMES
    WIN_TAPWIRE=$LAB_PID
    rm -f "$LAB_DIR/in"
    mkfifo "$LAB_DIR/in"
    ip netns exec "$LAB_ID-c1" "$LAB_LIB/wine.sh" "$winside" "Z:${exe//\//\\}" "Z:$LAB_DIR/c1.$LAB_RUN.ovpn" office $FRAMES \
        <"$LAB_DIR/in" >>"$(out)" 2>&1 &
    LAB_CLI_PID[c1]=$!
    LAB_PIDS+=("$!")
    exec {WIN_IN}>"$LAB_DIR/in"
    lab_until 2 x c1 ip link set tap0 up
}

# win_up [OVERRIDES...]: connected, with the address that was pushed.
win_up() {
    win_start "$@"
    said '^STATE CONNECTED' 15 || return
    win_address
}

win_address() {
    local a
    a=$(sed -n 's/^NET ADDRESS 4 //p' "$(out)" | tail -n 1)
    [ -z "$a" ] || x c1 ip addr replace "${a%$'\r'}" dev tap0
}

win_stop() {
    [ -n "${LAB_CLI_PID[c1]:-}" ] || return 0
    tell stop
    lab_until 5 lab_gone "${LAB_CLI_PID[c1]}"
    exec {WIN_IN}>&-
    lab_stop "${LAB_CLI_PID[c1]}"
    LAB_CLI_PID[c1]=
    lab_stop "$WIN_TAPWIRE"
    return 0
}

# ---- cases

with() { # SERVER_OVERRIDES -- CLIENT_OVERRIDES
    local s=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do s+=("$1"); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    win_up "$@"
}

ping_through() { lab_ping c1 192.168.77.10 5 || why "no ping to the LAN"; }

connects() {
    with -- || return
    ping_through || return
    x c1 ping -n -q -c 3 -i 0.2 -s 1472 -M do -W 2 192.168.77.10 >/dev/null || why "long frames do not pass" || return
    [ "$(grep -c '^NET ADDRESS' "$(out)")" = 1 ] && said '^NET MTU 1500' 1 || return
    win_stop
    said '^EXIT 0' 3 && said '^NET_CLEAR' 1
}

# Four megabytes each way: what arrives is what was sent.
tcp() {
    with -- || return
    ping_through || return
    head -c 4000000 /dev/urandom >"$LAB_DIR/bytes"
    transfer c1 lan 192.168.77.10 up && transfer lan c1 "$(lab_tunnel_ip c1)" down
}

# transfer FROM TO ADDRESS WAY
transfer() {
    rm -f "$LAB_DIR/got"
    lab_bg "$2" "$LAB_DIR/tcp.log" timeout 30 $LAB_PYTHON -c '
import socket, sys
s = socket.create_server(("", 7000)); c = s.accept()[0]; out = open(sys.argv[1], "wb")
while b := c.recv(65536): out.write(b)' "$LAB_DIR/got"
    local receiver=$LAB_PID
    lab_until 3 x "$2" sh -c "ss -tln | grep -q :7000"
    x "$1" timeout 30 $LAB_PYTHON -c '
import socket, sys
c = socket.create_connection((sys.argv[1], 7000), 10); c.sendall(open(sys.argv[2], "rb").read())' "$3" "$LAB_DIR/bytes"
    lab_until 5 lab_gone "$receiver"
    cmp "$LAB_DIR/bytes" "$LAB_DIR/got" || why "4 MB $4: not what was sent"
}

# The LAN's own DHCP serves the client, through the tunnel.
dhcp() {
    command -v udhcpc >/dev/null && command -v dnsmasq >/dev/null || { skipped "udhcpc or dnsmasq is not installed"; return; }
    with 'server-bridge' -- || return
    said '^NET_DHCP' 1 || return
    lab_bg lan "$LAB_DIR/dhcpd.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative \
        --dhcp-leasefile="$LAB_DIR/leases"
    local d=$LAB_PID got
    x c1 udhcpc -i tap0 -n -q -t 10 -T 1 -s /bin/true >"$LAB_DIR/udhcpc.log" 2>&1
    got=$?
    lab_stop "$d"
    [ $got = 0 ] || why "no lease: $(tail -n 2 "$LAB_DIR/udhcpc.log" | tr '\n' ';')"
}

# Keys change under a ping, at the client's wish; nothing is lost that a second try does not bring.
renegotiation() {
    with 'reneg-sec 0' -- 'reneg-sec 4' || return
    ping_through || return
    x c1 ping -n -q -c 90 -i 0.1 -W 2 192.168.77.10 >"$LAB_DIR/ping.log"
    said 'Data Channel|VERIFY OK: depth=0' 5 3 || return
    grep -qE ' (0|1)(\.[0-9]+)?% packet loss' "$LAB_DIR/ping.log" || why "$(tail -n 2 "$LAB_DIR/ping.log" | tr '\n' ';')" || return
    [ "$(grep -c '^STATE CONNECTED' "$(out)")" = 1 ] || why "it connected again"
}

# A list that names the client ends its session, and the user reads why.
revocation() {
    cp "$LAB_PKI/crl0.pem" "$LAB_DIR/live.pem"
    with "crl-verify $LAB_DIR/live.pem" -- "cert $LAB_PKI/gone.crt" "key $LAB_PKI/gone.key" || return
    ping_through || return
    cp "$LAB_PKI/crl.pem" "$LAB_DIR/live.new" && mv "$LAB_DIR/live.new" "$LAB_DIR/live.pem"
    said '^STATE FAILED .*revoked' 5 && lab_no_ping c1 192.168.77.10 && said '^EXIT 1' 3
}

passphrase() {
    openssl pkcs8 -topk8 -v2 aes256 -in "$LAB_PKI/c1.key" -out "$LAB_DIR/locked.key" -passout pass:sesame || return
    lab_server_start || why "server does not start" || return
    win_start "key $LAB_DIR/locked.key"
    said '^ASK 1 Passphrase' 10 || return
    tell answer 1 - barley
    said '^ASK 1 .*does not open' 5 || return
    tell answer 1 - sesame
    said '^STATE CONNECTED' 10 && win_address && ping_through
}

# The server is killed and comes back.
server_restarts() {
    with 'keepalive 1 4' -- || return
    ping_through || return
    lab_stop "$LAB_SRV_PID" KILL
    LAB_SRV_PID=
    said '^STATE RECONNECTING' 10 || return
    lab_server_start 'keepalive 1 4' || why "server does not start again" || return
    said '^STATE CONNECTED' 20 2 && ping_through
}

# The laptop is in another network all of a sudden; the server hears of it, or it calls again.
roams() {
    with 'keepalive 1 4' -- || return
    ping_through || return
    x c1 ip addr del 10.9.0.11/16 dev wan0 && x c1 ip addr add 10.9.0.31/16 dev wan0
    lab_until 12 lab_ping_once c1 192.168.77.10
    local status=$?
    x c1 ip addr del 10.9.0.31/16 dev wan0 && x c1 ip addr add 10.9.0.11/16 dev wan0
    [ $status = 0 ] || why "no ping after the address has changed"
}

over_ipv6() {
    with -- "remote fd09::1 $LAB_PORT" || return
    ping_through && said 'UDPv6 link remote' 1
}

# Whoever is called does not answer, or has no name: the user may have enough at once.
stops_at_once() {
    local remote
    for remote in "10.9.77.77 $LAB_PORT" "no.such.name.example $LAB_PORT"; do
        win_start "remote $remote"
        said '^STATE CONNECTING' 10 || return
        tell stop
        lab_within 4 grep -q '^EXIT 0' "$(out)" || why "it does not stop while it calls $remote" || return
        win_stop
    done
}

# A server that asks for a password: the wrong one is asked for again.
login() {
    printf '#!/bin/sh\n[ "$username $password" = "alice right" ]\n' >"$LAB_DIR/check.sh"
    chmod 755 "$LAB_DIR/check.sh"
    lab_server_start 'script-security 3' "auth-user-pass-verify $LAB_DIR/check.sh via-env" || why "server does not start" || return
    win_start auth-user-pass
    said '^ASK 2 User name' 10 || return
    tell answer 2 alice wrong
    said '^ASK 2 .*did not accept' 10 || return
    tell answer 2 alice right
    said '^STATE CONNECTED' 10 && win_address && ping_through
}

gates() {
    openvpn --genkey tls-crypt-v2-server "$LAB_DIR/v2s.key" >/dev/null 2>&1 &&
        openvpn --tls-crypt-v2 "$LAB_DIR/v2s.key" --genkey tls-crypt-v2-client "$LAB_DIR/v2c.key" >/dev/null 2>&1 || { skipped "no openvpn to make the keys"; return; }
    with '!tls-auth' "+tls-crypt-v2 $LAB_DIR/v2s.key" -- '!tls-auth' "+tls-crypt-v2 $LAB_DIR/v2c.key" || return
    ping_through
}

# Against the stock server: its push, its ciphers, its framing.
stock() {
    lab_have openvpn || { skipped "$LAB_WHY"; return; }
    LAB_SERVER=openvpn
    with "$@"
    local status=$?
    [ $status != 0 ] || { ping_through && x c1 ping -n -q -c 3 -i 0.2 -s 1472 -W 2 192.168.77.10 >/dev/null || why "no ping to the LAN"; }
    status=$?
    win_stop
    lab_server_stop
    lab_unbridge_by_hand
    LAB_SERVER=drawbridged
    return $status
}

# Figures, for those who ask: win.sh --only throughput
throughput() {
    [ -n "${LAB_ONLY:-}" ] || { skipped "only when asked for (--only throughput)"; return; }
    with -- || return
    ping_through || return
    lab_bg lan "$LAB_DIR/iperf.log" iperf3 -s -1
    lab_nap 0.5
    T_NOTE="up $(x c1 iperf3 -c 192.168.77.10 -t 5 -f m | awk '/receiver/{print $7, $8}')"
    lab_bg lan "$LAB_DIR/iperf.log" iperf3 -s -1
    lab_nap 0.5
    T_NOTE+=", down $(x c1 iperf3 -c 192.168.77.10 -R -t 5 -f m | awk '/receiver/{print $7, $8}')"
}

# The lab's own way to end a client is a signal; this one is asked.
lab_client_stop() { win_stop; }

lab_pki || exit 1
lab_office 1 || exit 1
t0=$(lab_now_ms)
wine --begin && wine cmd /c exit >/dev/null 2>&1
t_note "wine prefix $(($(lab_now_ms) - t0)) ms"
t_case connects connects
t_case tcp-both-ways tcp
t_case dhcp-through-the-tunnel dhcp
t_case renegotiation renegotiation
t_case revocation-cuts revocation
t_case passphrase-asked-again passphrase
t_case server-restarts server_restarts
t_case login-asked-again login
t_case roams roams
t_case over-ipv6 over_ipv6
t_case stops-at-once stops_at_once
t_case tls-crypt-v2 gates
t_case stock-server stock --
t_case stock-server-cbc stock 'data-ciphers AES-256-CBC' -- 'data-ciphers AES-256-CBC'
t_case stock-server-fragment-stub stock 'fragment 1000' 'mssfix 1000' '+push "compress stub-v2"' '+compress stub-v2' -- 'fragment 1000' 'mssfix 1000' '+compress stub-v2'
t_case throughput throughput
t_end
