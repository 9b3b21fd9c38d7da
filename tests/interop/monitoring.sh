#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What an admin sees: the numbers for Prometheus, and the addresses behind bridged clients. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
PORT=9176
PAGE=
CTL=

starts() { lab_server_start "metrics 127.0.0.1:$PORT" "$@" || why "server does not start"; }
client() { lab_client_start "$@" || why "$1 does not connect"; }

# scrape: the numbers into $PAGE, read by a strict parser, and by promtool where it is installed.
scrape() {
    local told from=${1:-gw}
    PAGE=$LAB_DIR/metrics.txt
    told=$(x "$from" curl -sS -m 5 -o "$PAGE" -D "$PAGE.head" -w '%{http_code}' "http://127.0.0.1:$PORT/metrics" 2>&1)
    [ "$told" = 200 ] || why "GET /metrics: $told" || return
    grep -qi '^content-type: text/plain; version=0.0.4' "$PAGE.head" || why "wrong content type" || return
    told=$($LAB_PYTHON "$LAB_LIB/prometheus.py" check "$PAGE") || why "bad text: $told" || return
    if command -v promtool >/dev/null; then
        told=$(promtool check metrics <"$PAGE" 2>&1) || why "promtool: $(echo "$told" | head -n 3)"
    fi
}

# number SERIES: its value in the last page
number() { $LAB_PYTHON "$LAB_LIB/prometheus.py" value "$PAGE" "drawbridge_$1"; }
is() { [ "$(number "$1")" = "$2" ] || why "$1 is $(number "$1"), not $2"; }
at_least() { [ "$(number "$1")" -ge "$2" ] 2>/dev/null || why "$1 is $(number "$1"), less than $2"; }
labels() { $LAB_PYTHON "$LAB_LIB/prometheus.py" labels "$PAGE" "drawbridge_$1"; }
becomes() { lab_until "$3" scraped_is "$1" "$2" || why "$1 does not become $2: $(number "$1")"; }
scraped_is() { lab_nap 0.3; scrape && is "$1" "$2"; }

figures() {
    local before
    starts && client c1 "+explicit-exit-notify 1" || return
    x c1 ping -n -q -c 5 -i 0.05 192.168.77.10 >/dev/null || why "no ping" || return
    lab_send c1 tap0 --dst 01:80:c2:00:00:00 --text bpdu
    lab_until 3 dropped_bpdu || why "${T_WHY:-no drop}" || return
    is clients 1 && is clients_max 1024 && is half_open_sessions 0 && is handshakes_begun_total 1 || return
    is handshakes_completed_total 1 && is 'handshakes_failed_total{reason="tls"}' 0 || return
    at_least 'data_bytes_total{direction="in"}' 500 && at_least 'data_frames_total{direction="out"}' 5 || return
    at_least 'frames_class_total{class="arp"}' 1 && at_least 'guard_drops_total{guard="link-local"}' 1 || return
    at_least 'client_bytes_total{common_name="c1",direction="out"}' 500 && is 'client_sessions{common_name="c1"}' 1 || return
    is 'client_macs{common_name="c1"}' 1 && is 'process_up{process="data"}' 1 || return
    labels client_info | grep -q "\"virtual_address\": \"$(lab_tunnel_ip c1)\"" || why "client_info: $(labels client_info)" || return
    T_NOTE=$($LAB_PYTHON "$LAB_LIB/prometheus.py" check "$PAGE")
    before=$(number 'data_bytes_total{direction="in"}')
    lab_client_stop c1 # no counter goes back when a client leaves
    becomes clients 0 3 || return
    at_least 'data_bytes_total{direction="in"}' "$before" && is handshakes_completed_total 1 || return
    lab_client_spawn c1 '!tls-auth'
    lab_until 3 knocked || why "no reject was counted"
}
dropped_bpdu() { scrape && at_least 'guard_drops_total{guard="link-local"}' 1; }
knocked() { scrape && is handshakes_begun_total 1 && at_least 'control_drops_total{reason="malformed"}' 1; }

# The client role has the same numbers; its one row is the server's.
calling() {
    local LAB_CLIENT=drawbridged
    lab_server_start || why "server does not start" || return
    client c1 "metrics 127.0.0.1:$PORT" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    scrape c1 || return
    is clients 1 && is handshakes_completed_total 1 && at_least 'client_bytes_total{common_name="server",direction="out"}' 100
}

answer_of() { x gw curl -sS -m 5 -o "$LAB_DIR/answer" -w '%{http_code}' "$@" 2>/dev/null; }

# Only GET, only two paths; what is no HTTP is shut out and nobody else notices.
refusals() {
    local c
    starts || return
    c=$(answer_of "http://127.0.0.1:$PORT/") && [ "$c" = 200 ] && grep -q /metrics "$LAB_DIR/answer" || why "GET /: $c" || return
    for c in /metrics/ /metrics.txt /../etc/passwd //metrics /%2e%2e/metrics; do
        [ "$(answer_of --path-as-is "http://127.0.0.1:$PORT$c")" = 404 ] || why "$c is not refused" || return
    done
    for c in POST PUT DELETE OPTIONS TRACE NONSENSE; do
        [ "$(answer_of -X $c "http://127.0.0.1:$PORT/metrics")" = 405 ] || why "$c is not refused" || return
    done
    [ "$(answer_of --data-binary "@$DBR_DAEMON" "http://127.0.0.1:$PORT/metrics")" != 200 ] || why "an upload is taken" || return
    head -c 100000 /dev/urandom | x gw timeout 2 curl -s -m 2 "telnet://127.0.0.1:$PORT" >/dev/null 2>&1
    [ "$(answer_of -H "X: $(printf '%20000s' a)" "http://127.0.0.1:$PORT/metrics")" = 431 ] || why "20 kB of header are taken" || return
    scrape
}

# Those who say nothing, little, or read nothing keep nobody else out, and are gone after five seconds. crowd_comes lets
# them come, crowd_gone waits for the end.
crowd_comes() {
    lab_bg gw "$LAB_DIR/crowd" $LAB_PYTHON "$LAB_LIB/crowd.py" 127.0.0.2 $PORT 40 90
    CROWD_PID=$LAB_PID CROWD_MS=$(lab_now_ms)
    lab_wait_log "$LAB_DIR/crowd" ready 8 || why "no crowd: $(cat "$LAB_DIR/crowd")" || return
    [ "$(held)" -gt 3 ] || why "no crowd: $(held)" || return
    scrape
}
crowd_gone() {
    lab_within 45 nobody_held || why "$(held) connections are held" || return
    CROWD_MS=$(($(lab_now_ms) - CROWD_MS))
    lab_stop "$CROWD_PID" KILL
    return 0
}
# held: connections that a process holds
held() { x gw ss -tnpH "sport = :$PORT" | grep -c users:; }
nobody_held() { [ "$(held)" = 0 ]; }

# process NAME: the pid of the last process of that name, by the server's log
process() { grep -oE "\\b$1: process [0-9]+" "$LAB_SRV_LOG" | tail -n 1 | grep -oE '[0-9]+$'; }

# The process that reads HTTP has nothing: no user 0, no capability, no key, no way to another socket.
apart() {
    local p
    starts && client c1 && scrape || return
    p=$(process metrics)
    [ -n "$p" ] || why "no such process" || return
    if nm -D "$DBR_DAEMON" 2>/dev/null | grep -q __asan_init; then skipped "sanitizers switch the lists off"; return; fi
    grep -q '^Uid:.[^0]' "/proc/$p/status" || why "it is root" || return
    grep -qE '^CapEff:\s+0+$' "/proc/$p/status" && grep -qE '^NoNewPrivs:\s+1$' "/proc/$p/status" || why "it has rights" || return
    ! grep -q microhttpd "/proc/$LAB_SRV_PID/maps" || why "keeper has the HTTP library" || return
    kill -9 "$p"
    becomes 'process_restarts_total{process="metrics"}' 1 5 || return
    lab_ping c1 192.168.77.10 || why "the tunnel noticed" || return
    p=$(process control) # the numbers are there again when others have died, and say so
    [ -n "$p" ] || why "no control" || return
    kill -9 "$p"
    becomes 'process_restarts_total{process="control"}' 1 5 || return
    becomes clients 1 5 || return
    T_NOTE="control $(number 'process_cpu_seconds_total{process="control"}') s"
}

# crl_of MINUTES_AGO MINUTES_LEFT
crl_of() {
    openssl ca -batch -config "$LAB_PKI/ca.cnf" -gencrl -crl_lastupdate "$(date -u -d "-$1 min" +%Y%m%d%H%M%SZ)" \
        -crl_nextupdate "$(date -u -d "+$2 min" +%Y%m%d%H%M%SZ)" -out "$LAB_DIR/crl.new" 2>/dev/null && mv "$LAB_DIR/crl.new" "$LAB_DIR/crl.pem"
}

# odd_client: certificate and key of a name with quotes, backslashes, commas and braces
odd_client() {
    local cn='x"} 1\ny,{z\"'
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=${cn//\\/\\\\}" -config "$LAB_PKI/ca.cnf" \
        -keyout "$LAB_DIR/odd.key" -out "$LAB_DIR/odd.csr" 2>/dev/null &&
        openssl x509 -req -in "$LAB_DIR/odd.csr" -CA "$LAB_PKI/ca.crt" -CAkey "$LAB_PKI/ca.key" -set_serial 4711 -days 30 \
            -extfile "$LAB_PKI/ca.cnf" -extensions client_ext -out "$LAB_DIR/odd.crt" 2>/dev/null
}

# Beside a crowd of slow readers: each step of the alarms shows when the list's life shrinks, and goes out with a fresh list.
crl() {
    local i='issuer="CN=Throw-away CA"'
    odd_client && crl_of 10 90 || why "no certificate or list" || return
    starts "crl-verify $LAB_DIR/crl.pem" && client c1 "cert $LAB_DIR/odd.crt" "key $LAB_DIR/odd.key" && scrape || return
    labels client_info | grep -qF '"common_name": "x\"} 1\\x5cny,{z' || why "$(labels client_info)" || return
    crowd_comes || return
    is crl_checked 1 && is crl_lists 1 && is "crl_alarm{$i,level=\"50\"}" 0 && is "crl_entries{$i}" 1 || return
    at_least "crl_expires_in_seconds{$i}" 5300 && at_least "crl_age_seconds{$i}" 590 || return
    crl_of 8 6 && becomes "crl_alarm{$i,level=\"50\"}" 1 4 && is "crl_alarm{$i,level=\"25\"}" 0 || return
    crl_of 7 1 && becomes "crl_alarm{$i,level=\"25\"}" 1 4 && is "crl_alarm{$i,level=\"0\"}" 0 || return
    crl_of 5 500 && becomes "crl_alarm{$i,level=\"50\"}" 0 4 && is crl_accepted_total 4 && is crl_refused_total 0 || return
    echo nonsense >"$LAB_DIR/crl.pem"
    becomes crl_refused_total 1 4 && is crl_accepted_total 4 || return
    T_NOTE="crlNumber $(number "crl_number{$i}")"
    crowd_gone || return
    T_NOTE+=", crowd gone within $CROWD_MS ms"
}

# ------------------------------------------------------------------------------------------- addresses (openvpn#709)

dhcp_server() {
    lab_bg lan "$LAB_DIR/dhcp.log" dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=eth0 --user=root \
        --dhcp-range=192.168.77.200,192.168.77.240,255.255.255.0,10m --no-ping --dhcp-authoritative \
        --dhcp-leasefile="$LAB_DIR/leases" --pid-file="$LAB_DIR/dnsmasq.pid"
    DHCP_PID=$LAB_PID
    lab_wait_log "$LAB_DIR/dhcp.log" "DHCP, IP range" 3
}

lease() {
    x "$1" ip link set tap0 up
    x "$1" timeout 15 busybox udhcpc -i tap0 -f -q -n -t 8 -T 1 -s "$LAB_LIB/udhcpc.script" >"$LAB_DIR/udhcpc.log" 2>&1
    [ -n "$(lab_tunnel_ip "$1")" ] || why "no lease for $1"
}

# shown NAME: Virtual Address and Virtual IPv6 Address of the status file's version 2 or 3
shown() { tr '\t' , <"$LAB_DIR/server.status" | grep "^CLIENT_LIST,$1," | cut -d, -f4,5; }
shown_is() { [ "$(shown "$1")" = "$2" ]; }
shows() { lab_until 4 shown_is "$1" "$2" || why "status shows '$(shown "$1")' for $1, not '$2'"; }
# columns: every row has as many columns as its header (kumina's exporter refuses the file otherwise)
columns() {
    local bad
    bad=$(tr '\t' , <"$LAB_DIR/server.status" | awk -F, '$1 == "HEADER" {n[$2] = NF - 1} $1 in n && NF != n[$1]')
    [ -z "$bad" ] || why "columns: $bad"
}

# claim NAME ADDRESS: a gratuitous ARP from NAME's own MAC
claim() {
    local mac ip
    mac=$(lab_mac "$1" tap0 | tr -d :)
    ip=$(printf '%02x' ${2//./ })
    lab_send "$1" tap0 --type 0x0806 --hex "0001080006040001${mac}${ip}000000000000${ip}"
}

dhcp_seen() {
    starts "server-bridge" "status-version 2" && client c1 && client c2 && dhcp_server || why "no DHCP server" || return
    lease c1 && lease c2 || return
    lab_stop "$DHCP_PID"
    shows c1 "$(lab_tunnel_ip c1)," && shows c2 "$(lab_tunnel_ip c2)," && columns || return
    [ "$(lab_tunnel_ip c1)" != "$(lab_tunnel_ip c2)" ] || why "both have one address" || return
    ip -n "$LAB_ID-c1" addr add fd77::101/64 dev tap0 nodad
    x lan ip neigh flush all
    lab_ping lan fd77::101 3 || why "no IPv6 ping" || return
    shows c1 "$(lab_tunnel_ip c1),fd77::101" && columns || return
    # Another laptop says that it has c1's address, then the gateway's: neither is believed.
    claim c2 "$(lab_tunnel_ip c1)"
    claim c2 192.168.77.1
    lab_nap 1.5
    shows c2 "$(lab_tunnel_ip c2)," && shows c1 "$(lab_tunnel_ip c1),fd77::101" || return
    scrape && labels client_info | grep -q "\"virtual_address\": \"$(lab_tunnel_ip c1)\", \"virtual_ipv6_address\": \"fd77::101\"" ||
        why "client_info: $(labels client_info)" || return
    T_NOTE="$(shown c1) $(shown c2)"
}

# Addresses set by hand are seen by ARP; the second who claims one that is shown is not shown with it.
arp_seen() {
    starts "server-bridge" "status-version 3" && client c1 && client c2 || return
    for n in c1 c2; do x "$n" ip link set tap0 up; done
    lab_addr c1 tap0 192.168.77.61/24
    lab_ping c1 192.168.77.10 || why "no ping" || return
    shows c1 192.168.77.61, || return
    claim c2 192.168.77.61
    lab_nap 1.5
    shows c2 , && shows c1 192.168.77.61, || return
    lab_addr c2 tap0 192.168.77.62/24
    lab_ping c2 192.168.77.10 || why "no ping from c2" || return
    shows c2 192.168.77.62,
}

lab_begin monitoring
lab_pki && lab_office 2 || exit 1
if [ "$LAB_SERVER" = openvpn ]; then
    t_skip monitoring "OpenVPN has no metrics"
else
    t_case metrics-figures figures
    t_case metrics-client-role calling
    t_case metrics-refusals refusals
    t_case metrics-apart apart
    t_case metrics-crl-alarms-crowd crl
    t_case seen-dhcp dhcp_seen
    t_case seen-arp arp_seen
fi
t_end
