#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How the server scales: handshakes, storms, memory, idling and floods, under bench_fleet. Builds nothing.
#   scale.sh --build DIR | --daemon PATH --fleet PATH [--servers drawbridged,openvpn] [--only M,...] [--rounds N]
#            [--big N] [--perf DIR] [--out DIR]
#
# Measures (--only), each with a server of its own, bounded in time:
#   handshake  500 clients from addresses of their own, 100 in a second, then all at once: server CPU ms each, over
#              all its processes
#   storm      500 clients at once while 5 stock clients have UDP flows to the LAN host: what these lose, and when all
#              500 are in
#   memory     kB of anonymous memory of all server processes per session, at 1,000 and at --big (10,000) sessions
#   idle       CPU of the server's processes with --big sessions over 20 s, keepalive 10 60
#   flood      broadcast from the LAN to 1,000 peers: copies a second and CPU per copy; the copies are counted and
#              dropped at the far end of the server's link
# memory and idle at --big are for drawbridged only. --perf DIR records the server while handshake runs (perf).
# CPU is utime + stime. It probably holds what the kernel does in softirqs on a process's back, and the scheduler's sum
# (schedstat) probably does not; neither was established.
# All roles share this machine's cores. Results: OUT/scale.jsonl, OUT/scale.json (medians), a table on stdout.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/lab.sh"
SERVERS=drawbridged,openvpn
ONLY=handshake,storm,memory,idle,flood
ROUNDS=3
BIG=10000
OUT=
PERF=
FLEET=
args=()
while [ $# -gt 0 ]; do
    case $1 in
    --servers) SERVERS=$2; shift 2 ;;
    --only) ONLY=$2; shift 2 ;;
    --rounds) ROUNDS=$2; shift 2 ;;
    --big) BIG=$2; shift 2 ;;
    --out) OUT=$2; shift 2 ;;
    --perf) PERF=$2; shift 2 ;;
    --fleet) FLEET=$2; shift 2 ;;
    --build) FLEET=$2/tests/bench/bench_fleet; args+=("$1" "$2"); shift 2 ;;
    -h | --help) sed -n '3,22s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) args+=("$1"); shift ;;
    esac
done
lab_args "${args[@]}"
: "${FLEET:=$here/../../build/release/tests/bench/bench_fleet}"
[ -x "$FLEET" ] || { echo "skipped: no bench_fleet at $FLEET (build it, or --build DIR)" >&2; exit 77; }
OUT=${OUT:-$PWD/scale-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$OUT" || exit 1
: >"$OUT/scale.jsonl"
ROUND=1
FAILED=0

# emit MEASURE VALUE UNIT
emit() { printf '{"round":%d,"server":"%s","measure":"%s","value":%s,"unit":"%s"}\n' "$ROUND" "$LAB_SERVER" "$1" "$2" "$3" >>"$OUT/scale.jsonl"; }
say() { echo "$*" >&2; }
calc() { LC_ALL=C awk "BEGIN{printf \"%.4f\", $*}"; }
wants() { [[ ,$ONLY, == *,$1,* ]]; }
ours() { [ "$LAB_SERVER" = drawbridged ]; }
field() { printf '%s' "$FLEET_IN" | jq ".$1"; }

# ------------------------------------------------------------------------------------------------- server and fleet

# server_up [OVERRIDES]: room for everybody; OpenVPN's one limit of new clients for all is out of the way.
server_up() {
    local open=()
    ours || open=("connect-freq-initial 100000 10")
    lab_server_start "verb 3" "data-ciphers AES-256-GCM" "keepalive 10 60" duplicate-cn "max-clients 12000" \
        "server-bridge 192.168.77.1 255.255.0.0 192.168.80.1 192.168.140.254" "!status" "${open[@]}" "$@" && return 0
    say "  $LAB_SERVER does not come up:"
    lab_tails
    FAILED=1
    return 1
}

# Certificates of 64 names over one key; each is used by many members (duplicate-cn).
fleet_pki() {
    local i
    [ -f "$LAB_PKI/fleet64.crt" ] || for i in $(seq 64); do
        openssl x509 -req -in "$LAB_PKI/c1.csr" -subj "/CN=fleet$i" -CA "$LAB_PKI/ca.crt" -CAkey "$LAB_PKI/ca.key" \
            -set_serial "$((5000 + i))" -days 30 -extfile "$LAB_PKI/ca.cnf" -extensions client_ext \
            -out "$LAB_PKI/fleet$i.crt" 2>>"$LAB_DIR/pki.log" || return 1
    done
    for i in $(seq 64); do PAIRS+=(--cert "$LAB_PKI/fleet$i.crt" --key "$LAB_PKI/c1.key"); done
}

# fleet_start COUNT WAIT [bench_fleet options]: its first report in FLEET_IN; false when not all are in.
fleet_start() {
    local n=$1 wait=$2
    shift 2
    : >"$LAB_DIR/fleet.json"
    ip netns exec "$LAB_ID-c6" "$FLEET" --server 10.9.0.1 --port $LAB_PORT --base 10.20.0.0 --ca "$LAB_PKI/ca.crt" \
        "${PAIRS[@]}" --tls-auth "$LAB_PKI/ta.key" --auth SHA256 --ciphers AES-256-GCM \
        --count "$n" --wait "$wait" --hold 600 "$@" >"$LAB_DIR/fleet.json" 2>"$LAB_DIR/fleet.err" </dev/null &
    FLEET_PID=$!
    LAB_PIDS+=("$FLEET_PID")
    lab_until "$((wait + 10))" test -s "$LAB_DIR/fleet.json"
    FLEET_IN=$(head -n 1 "$LAB_DIR/fleet.json")
    [ -n "$FLEET_IN" ] && [ "$(field connected)" = "$n" ] && return 0
    say "  fleet: ${FLEET_IN:-$(tail -n 3 "$LAB_DIR/fleet.err")}"
    FAILED=1
    return 1
}

# fleet_end: its second report in FLEET_OUT.
fleet_end() {
    lab_stop "$FLEET_PID" TERM 20
    FLEET_OUT=$(sed -n 2p "$LAB_DIR/fleet.json")
    say "  fleet at the end: $FLEET_OUT"
}

# ------------------------------------------------------------------------------------------------- measures

measure_handshake() {
    local t
    server_up || return
    if [ -n "$PERF" ]; then
        mkdir -p "$PERF"
        t=$($LAB_PYTHON "$LAB_LIB/proctree.py" pids "$LAB_SRV_PID" | cut -d' ' -f1 | paste -sd,)
        perf record -q -F 999 --call-graph dwarf,16384 -o "$PERF/$LAB_SERVER.data" -p "$t" -- sleep 6 2>/dev/null &
        LAB_PIDS+=($!)
        lab_nap 0.5
    fi
    t=$(lab_cpu "$LAB_SRV_PID")
    fleet_start 500 30 --rate 100 || { fleet_end; lab_all_stop; return; }
    lab_nap 0.2
    emit handshake_cpu "$(calc "($(lab_cpu "$LAB_SRV_PID") - $t) * 1e3 / $(field connected)")" ms
    emit handshake_median "$(field handshake_ms_median)" ms
    emit handshake_p99 "$(field handshake_ms_p99)" ms
    [ -n "$PERF" ] && lab_nap 2
    fleet_end
    lab_all_stop
    server_up || return
    t=$(lab_cpu "$LAB_SRV_PID")
    fleet_start 500 40 || { fleet_end; lab_all_stop; return; }
    lab_nap 0.2
    emit handshake_cpu_at_once "$(calc "($(lab_cpu "$LAB_SRV_PID") - $t) * 1e3 / $(field connected)")" ms
    emit handshake_rate_at_once "$(field handshakes_per_s)" /s
    fleet_end
    lab_all_stop
}

# Each of five stock clients sends 2 Mbit/s of UDP and 50 pings a second to the LAN host. Loss is by iperf3's own
# sequence numbers and by ping's.
established_begin() {
    local i
    for i in 1 2 3 4 5; do
        x "c$i" timeout 60 ping -n -q -i 0.02 -c "$1" -W 1 192.168.77.10 >"$LAB_DIR/ping.$i" 2>&1 &
        PING_PIDS+=($!)
        x "c$i" timeout 60 iperf3 -J -c 192.168.77.10 -p $((5200 + i)) -u -b 2M -l 1200 -t "$(($1 / 50))" >"$LAB_DIR/udp.$i" 2>&1 &
        PING_PIDS+=($!)
    done
    LAB_PIDS+=("${PING_PIDS[@]}")
}

established_end() { # LOST_PING, LOST_UDP in percent
    local p
    for p in "${PING_PIDS[@]}"; do wait "$p"; done
    PING_PIDS=()
    LOST_PING=$(sed -n 's/.* \([0-9.]*\)% packet loss.*/\1/p' "$LAB_DIR"/ping.[1-5] | awk '{s += $1} END {printf "%.3f", s / NR}')
    LOST_UDP=$(jq -s 'map(.end.sum.lost_percent) | add / length' "$LAB_DIR"/udp.[1-5])
    RTT=$(sed -n 's/^rtt.* = [0-9.]*\/\([0-9.]*\)\/.*/\1/p' "$LAB_DIR"/ping.[1-5] | awk '{s += $1} END {printf "%.3f", s / NR}')
}

overflows() { x gw awk '$1 == "Udp:" && $6 ~ /^[0-9]/ {print $6}' /proc/net/snmp; }

measure_storm() {
    local i dropped
    PING_PIDS=()
    server_up || return
    for i in 1 2 3 4 5; do
        lab_client_start "c$i" "verb 3" "data-ciphers AES-256-GCM" || { say "  c$i does not connect"; lab_tails; FAILED=1; lab_all_stop; return; }
        lab_bg lan "$LAB_DIR/iperf3.log" iperf3 -s -p $((5200 + i))
    done
    for i in 1 2 3 4 5; do lab_ping "c$i" 192.168.77.10 || { say "  c$i does not reach the LAN"; FAILED=1; }; done
    established_begin 200
    established_end
    emit storm_before_lost_ping "$LOST_PING" %
    emit storm_before_lost_udp "$LOST_UDP" %
    emit storm_before_rtt "$RTT" ms
    established_begin 250
    lab_nap 1
    dropped=$(overflows)
    fleet_start 500 40
    emit storm_all_in "$(field all_connected_s)" s
    emit storm_connected "$(field connected)" clients
    emit storm_handshakes "$(field handshakes_per_s)" /s
    emit storm_p99 "$(field handshake_ms_p99)" ms
    established_end
    emit storm_lost_ping "$LOST_PING" %
    emit storm_lost_udp "$LOST_UDP" %
    emit storm_rtt "$RTT" ms
    emit storm_dropped "$(($(overflows) - dropped))" datagrams
    fleet_end
    lab_all_stop
}

# memory_at COUNT RATE WAIT
memory_at() {
    local m0
    m0=$(lab_anon "$LAB_SRV_PID")
    fleet_start "$1" "$3" --rate "$2" || return 1
    lab_nap 1
    emit "memory_session_$1" "$(calc "($(lab_anon "$LAB_SRV_PID") - $m0) / $1")" kB
    emit "memory_base" "$m0" kB
}

measure_memory() {
    server_up || return
    memory_at 1000 250 60
    [ -n "${SCALE_PAUSE:-}" ] && { say "  server $LAB_SRV_PID is paused for $SCALE_PAUSE s"; lab_nap "$SCALE_PAUSE"; }
    fleet_end
    lab_all_stop
}

measure_idle() {
    local t
    ours && [ "$ROUND" = 1 ] || return 0
    server_up || return
    if memory_at "$BIG" 300 180; then
        lab_nap 3
        t=$(lab_cpu "$LAB_SRV_PID")
        lab_nap 20
        emit "idle_cpu_$BIG" "$(calc "($(lab_cpu "$LAB_SRV_PID") - $t) * 5")" "%-of-a-core"
    fi
    fleet_end
    printf '%s' "$FLEET_OUT" | jq -e '.lost == 0' >/dev/null || FAILED=1
    lab_all_stop
}

# copies: datagrams of the server that reached the far end of its link.
# What several segments share is one header: 20 + 8 bytes for IP and UDP, 24 of the data channel beside 192 of the frame.
copies() {
    x wan nft -j list counter netdev flood copies |
        jq '.nftables[] | select(.counter).counter | (.bytes - 28 * .packets) / 216 | floor'
}

measure_flood() {
    local t c d
    server_up || return
    fleet_start 1000 60 --rate 250 --deaf || { fleet_end; lab_all_stop; return; }
    lab_nap 1
    x wan nft -f - <<-NFT
	table netdev flood {
	    counter copies { }
	    chain in { type filter hook ingress device gw priority 0; udp sport $LAB_PORT counter name copies drop; }
	}
	NFT
    for d in 20 2000; do # frames a second: what a LAN's chatter is, and more than can be copied
        c=$(copies) t=$(lab_cpu "$LAB_SRV_PID")
        x lan timeout 10 $LAB_PYTHON - "$d" <<-'PY'
	import socket, sys, time
	rate, n = int(sys.argv[1]), 0
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
	start = time.monotonic()
	while (t := time.monotonic() - start) < 4:
	    while n < t * rate:
	        s.sendto(bytes(150), ("255.255.255.255", 9))
	        n += 1
	    time.sleep(0.001)
	PY
        lab_nap 0.3
        c=$(($(copies) - c)) t=$(calc "$(lab_cpu "$LAB_SRV_PID") - $t")
        emit "flood_${d}_frames" "$(calc "$c / 1000 / 4")" frames/s
        emit "flood_${d}_cpu" "$(calc "$t * 1e6 / ($c + 1)")" us/copy
    done
    x wan nft delete table netdev flood
    fleet_end
    lab_all_stop
}

# ------------------------------------------------------------------------------------------------- the run

table() {
    jq -s 'group_by([.server, .measure]) | map({server: .[0].server, measure: .[0].measure, unit: .[0].unit, n: length,
        median: (map(.value) | sort | .[length / 2 | floor]), min: (map(.value) | min), max: (map(.value) | max)})' \
        "$OUT/scale.jsonl" >"$OUT/scale.json"
    jq -r '["server", "measure", "median", "min", "max", "unit", "n"], (.[] | [.server, .measure, .median, .min, .max, .unit, .n])
        | @tsv' "$OUT/scale.json" | column -t -s $'\t'
}

lab_begin scale
PAIRS=()
lab_pki && fleet_pki && lab_office 6 || exit 1
x lan ip addr replace 192.168.77.10/16 dev eth0 # clients' addresses lie outside of a /24
ip -n "$LAB_ID-c6" route add local 10.20.0.0/16 dev lo
ip -n "$LAB_ID-gw" route add 10.20.0.0/16 via 10.9.0.16
x c6 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.core.rmem_max=67108864 2>/dev/null
for ROUND in $(seq "$ROUNDS"); do
    for m in handshake storm memory idle flood; do
        wants $m || continue
        for LAB_SERVER in ${SERVERS//,/ }; do
            lab_have "$LAB_SERVER" || { say "left out: $LAB_SERVER ($LAB_WHY)"; continue; }
            say "round $ROUND/$ROUNDS: $m, $LAB_SERVER"
            "measure_$m"
            rm -f "$LAB_DIR"/server.*.log
        done
    done
done
table
exit $FAILED
