#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The figures: measures the pairings side by side, interleaved in one run, and takes medians. Builds nothing.
#   run.sh [--build DIR | --daemon PATH] [--pairs P,...] [--only M,...] [--rounds N] [--seconds S] [--out DIR]
#
# Pairings (server-client): ours-ours ours-stock stock-ours stock-stock stock-tuned veth vxlan
#   ours = drawbridged, stock = Debian's OpenVPN with its defaults, stock-tuned = OpenVPN at both ends with fast-io,
#   4 MB buffers and a long queue, veth = the bare link of one hop, vxlan = the kernel's bridge without any crypto.
#   Pairings whose programs are missing are left out and said so.
# Measures:
#   tcp      Mbit/s up and down with 1 and 4 streams; CPU seconds of server and client per GB beside it
#   udp      64-byte UDP packets per second that reach the LAN host's socket (read by it or lost there)
#   ping     idle: median and 99th percentile, 20 ms apart; ping_quick: 5 ms apart
#   pingload the same while one TCP stream runs up
#   connect  ms from the client's start to its tunnel
#   storm    --storm N (200) stock clients at once, each from its own address: handshakes per second, server CPU each
#   memory   --sessions N (200) sessions: kB each (anonymous memory of all server processes), idle CPU, CPU a handshake
#   reneg    frames lost and out of order in a UDP flow at a quarter of the TCP speed while keys are renewed every 5 s
# --backend openssl: our ends seal with OpenSSL instead of the fastest library (directive aead-library).
# --congestion NAME: TCP's congestion control inside the tunnel (cubic, which Linux, Windows and macOS have by default). What
#   this machine has set may be another: BBR paces each stream by a timer of its own, up to 16,000 times a second.
# All roles share this machine's cores: Mbit/s is total CPU per byte; CPU s/GB of the server is the figure that noise
# does not blur. Differences below 15 % are noise. Results: OUT/results.json, OUT/table.md, OUT/*.svg (gnuplot).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/lab.sh"
PAIRS=ours-ours,ours-stock,stock-ours,stock-stock,veth,vxlan
ONLY=tcp,udp,ping,pingload,connect,storm,memory,reneg
ROUNDS=3
SECS=4
OUT=
STORM=200
SESSIONS=200
CIPHER=AES-256-GCM
BACKEND=auto
CONGESTION=cubic
args=()
while [ $# -gt 0 ]; do
    case $1 in
    --pairs) PAIRS=$2; shift 2 ;;
    --only) ONLY=$2; shift 2 ;;
    --rounds) ROUNDS=$2; shift 2 ;;
    --seconds) SECS=$2; shift 2 ;;
    --out) OUT=$2; shift 2 ;;
    --storm) STORM=$2; shift 2 ;;
    --sessions) SESSIONS=$2; shift 2 ;;
    --cipher) CIPHER=$2; shift 2 ;;
    --backend) BACKEND=$2; shift 2 ;;
    --congestion) CONGESTION=$2; shift 2 ;;
    -h | --help) sed -n '3,28s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) args+=("$1"); shift ;;
    esac
done
lab_args "${args[@]}"
OUT=${OUT:-$PWD/bench-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$OUT" || exit 1
: >"$OUT/raw.jsonl"

# emit MEASURE VALUE UNIT
emit() { printf '{"round":%d,"pair":"%s","measure":"%s","value":%s,"unit":"%s"}\n' "$ROUND" "$PAIR" "$1" "$2" "$3" >>"$OUT/raw.jsonl"; }
say() { echo "$*" >&2; }
calc() { LC_ALL=C awk "BEGIN{printf \"%.4f\", $*}"; }
wants() { [[ ,$ONLY, == *,$1,* ]]; }
tunnel() { [ "$PAIR" != veth ] && [ "$PAIR" != vxlan ]; }

# ------------------------------------------------------------------------------------------------- pairings

sides() { # sets LAB_SERVER and LAB_CLIENT; false with LAB_WHY when one of them cannot run
    LAB_SERVER=openvpn LAB_CLIENT=openvpn
    case $PAIR in ours-*) LAB_SERVER=drawbridged ;; esac
    case $PAIR in *-ours) LAB_CLIENT=drawbridged ;; esac
    lab_have "$LAB_SERVER" && lab_have "$LAB_CLIENT" || return 1
    [ "$LAB_CLIENT" = openvpn ] || lab_has_client
}

# backend PROGRAM: only ours has a choice.
backend() { [ "$1" = openvpn ] || [ "$BACKEND" = auto ] || echo "aead-library $BACKEND"; }
tuning() { [ "$PAIR" != stock-tuned ] || printf '%s\n' fast-io "sndbuf 4000000" "rcvbuf 4000000" "txqueuelen 1000"; }
# OpenVPN's limit of new clients is one for all of them (100 in 10 s); without this the storm would measure that.
opening() { [ "$LAB_SERVER" != openvpn ] || echo "connect-freq-initial 100000 10"; }

# server_up [OVERRIDES]: the wide pool serves every measure.
server_up() {
    local t
    mapfile -t t < <(tuning; opening; backend "$LAB_SERVER")
    lab_server_start "verb 3" "data-ciphers $CIPHER" "keepalive 30 120" duplicate-cn "max-clients 20000" "reneg-sec 0" \
        "server-bridge 192.168.77.1 255.255.0.0 192.168.80.1 192.168.140.254" "${t[@]}" "$@"
}

client_up() {
    local t
    mapfile -t t < <(tuning; backend "$LAB_CLIENT")
    lab_client_start c1 "verb 3" "data-ciphers $CIPHER" "reneg-sec 0" "${t[@]}" "$@" &&
        ip -n "$LAB_ID-c1" addr add 192.168.77.200/24 dev tap0 && lab_ping c1 192.168.77.10
}

vxlan_up() {
    local g=$LAB_ID-gw c=$LAB_ID-c1
    ip -n "$g" link add br0 type bridge forward_delay 0 mcast_snooping 0 &&
        ip -n "$g" link add vx0 type vxlan id 7 remote 10.9.0.11 local 10.9.0.1 dstport 4789 dev wan0 &&
        ip -n "$c" link add vx0 type vxlan id 7 remote 10.9.0.1 local 10.9.0.11 dstport 4789 dev wan0 &&
        ip -n "$g" link set vx0 master br0 && ip -n "$g" link set eth0 master br0 &&
        ip -n "$g" link set vx0 up && ip -n "$g" link set br0 up &&
        ip -n "$c" addr add 192.168.77.200/24 dev vx0 && ip -n "$c" link set vx0 up && lab_ping c1 192.168.77.10
}

pair_up() {
    TARGET=192.168.77.10
    FAR=lan
    case $PAIR in
    veth) TARGET=10.9.0.1 FAR=gw ;;
    vxlan) vxlan_up || return 1 ;;
    *) server_up "$@" && client_up || return 1 ;;
    esac
    lab_iperf_server "$FAR"
}

pair_down() {
    [ -n "${LAB_IPERF_PID:-}" ] && lab_stop "$LAB_IPERF_PID"
    LAB_IPERF_PID=
    case $PAIR in
    veth) ;;
    vxlan)
        ip -n "$LAB_ID-gw" link del vx0 2>/dev/null
        ip -n "$LAB_ID-gw" link del br0 2>/dev/null
        ip -n "$LAB_ID-c1" link del vx0 2>/dev/null
        ;;
    *) lab_all_stop ;;
    esac
    rm -f "$LAB_DIR"/*.log
}

# ------------------------------------------------------------------------------------------------- measures

cpu_server() { if tunnel; then lab_cpu "$LAB_SRV_PID"; else echo 0; fi; }
cpu_client() { if tunnel; then lab_cpu "${LAB_CLI_PID[c1]}"; else echo 0; fi; }

# tcp_run NAME [iperf3 options]
tcp_run() {
    local name=$1 s0 c0 out gb
    shift
    s0=$(cpu_server) c0=$(cpu_client)
    out=$(lab_iperf c1 "$TARGET" -t "$SECS" "$@") || { say "  iperf3 failed: $(printf '%s' "$out" | jq -r .error)"; return; }
    emit "tcp_$name" "$(printf '%s' "$out" | lab_mbps)" Mbit/s
    tunnel || return 0
    gb=$(printf '%s' "$out" | jq '.end.sum_received.bytes / 1e9')
    emit "cpu_server_$name" "$(calc "($(cpu_server) - $s0) / $gb")" s/GB
    emit "cpu_client_$name" "$(calc "($(cpu_client) - $c0) / $gb")" s/GB
    emit "retransmits_$name" "$(printf '%s' "$out" | jq '.end.sum_sent.retransmits // 0')" segments
}

measure_tcp() {
    tcp_run up
    tcp_run down -R
    tcp_run up_4 -P 4
    tcp_run down_4 -R -P 4
}

udp_arrived() { x "$FAR" awk '$1 == "Udp:" && $2 ~ /^[0-9]/ {print $2 + $6}' /proc/net/snmp; }

measure_udp() {
    local a s out d
    a=$(udp_arrived) s=$(cpu_server)
    out=$(lab_iperf c1 "$TARGET" -u -b 0 -l 64 -t "$SECS") || return
    lab_nap 0.3
    d=$(($(udp_arrived) - a))
    emit udp64_reached "$(calc "$d / $SECS / 1000")" kpps
    emit udp64_sent "$(printf '%s' "$out" | jq ".end.sum.packets / $SECS / 1000")" kpps
    tunnel && emit udp64_server_cpu "$(calc "($(cpu_server) - $s) * 1e6 / ($d + 1)")" us/packet
    return 0
}

# pings NAME COUNT GAP: into a file, since whoever read a pipe would be woken by each answer. With gaps of less than 10 ms
# ping does not sleep between two, and keeps one of the cores for itself.
pings() {
    local n
    x c1 ping -n -c "$2" -i "$3" -W 2 "$TARGET" >"$LAB_DIR/pings"
    sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$LAB_DIR/pings" | sort -n >"$LAB_DIR/rtt"
    n=$(wc -l <"$LAB_DIR/rtt")
    [ "$n" -gt 0 ] || return
    emit "$1_median" "$(calc "$(sed -n "$(((n + 1) / 2))p" "$LAB_DIR/rtt") * 1000")" us
    emit "$1_p99" "$(calc "$(sed -n "$(((n * 99 + 99) / 100))p" "$LAB_DIR/rtt") * 1000")" us
}

measure_ping() {
    pings ping 200 0.02
    pings ping_quick 400 0.005
}

measure_pingload() {
    lab_bg c1 "$LAB_DIR/load.log" iperf3 -c "$TARGET" -t 60
    local p=$LAB_PID
    lab_nap 0.7
    pings ping_load 300 0.01
    lab_stop "$p"
    lab_nap 0.3
}

measure_connect() {
    tunnel || return 0
    local ms
    lab_client_stop c1
    lab_client_conf "$LAB_CLIENT" c1 "verb 3" "data-ciphers $CIPHER" >"$LAB_DIR/connect.conf"
    for ms in $(x c1 $LAB_PYTHON "$LAB_LIB/connect_time.py" --count 7 -- "$(lab_program "$LAB_CLIENT")" --config "$LAB_DIR/connect.conf"); do
        [ "$ms" = - ] && ms=15000
        emit connect "$ms" ms
    done
}

# fleet N: that many stock clients from addresses of their own; the report in FLEET, held until fleet_end.
fleet_start() {
    lab_client_conf openvpn c1 "dev null" "+dev-type null" "+ifconfig-noexec" "+route-noexec" '!nobind' "verb 3" "data-ciphers $CIPHER" >"$LAB_DIR/fleet.conf"
    rm -f "$LAB_DIR/fleet.json" "$LAB_DIR/fleet.in"
    mkfifo "$LAB_DIR/fleet.in"
    ip netns exec "$LAB_ID-c1" $LAB_PYTHON "$LAB_LIB/fleet.py" --config "$LAB_DIR/fleet.conf" --count "$1" --wait 120 --hold \
        <"$LAB_DIR/fleet.in" >"$LAB_DIR/fleet.json" 2>"$LAB_DIR/fleet.err" &
    FLEET_PID=$!
    LAB_PIDS+=("$FLEET_PID")
    exec {FLEET_FD}>"$LAB_DIR/fleet.in"
    lab_until 150 test -s "$LAB_DIR/fleet.json"
    FLEET=$(cat "$LAB_DIR/fleet.json")
}

fleet_end() {
    exec {FLEET_FD}>&-
    wait "$FLEET_PID"
}

measure_storm() {
    [ "$LAB_CLIENT" = openvpn ] && [ "$PAIR" != stock-tuned ] && tunnel || return 0
    local s0
    lab_client_stop c1
    s0=$(cpu_server)
    fleet_start "$STORM"
    emit storm_connected "$(printf '%s' "$FLEET" | jq .connected)" clients
    emit storm_rate "$(printf '%s' "$FLEET" | jq '.connected / (.at[-1] // 1)')" /s
    emit storm_server_cpu "$(calc "($(cpu_server) - $s0) * 1000 / $STORM")" ms/handshake
    fleet_end
}

measure_memory() {
    [ "$LAB_CLIENT" = openvpn ] && [ "$PAIR" != stock-tuned ] && tunnel || return 0
    local m0 s0
    pair_down
    server_up && lab_iperf_server lan || return
    m0=$(lab_anon "$LAB_SRV_PID")
    fleet_start "$SESSIONS"
    lab_nap 1
    emit memory_session "$(calc "($(lab_anon "$LAB_SRV_PID") - $m0) / $SESSIONS")" kB
    emit memory_base "$m0" kB
    s0=$(cpu_server)
    lab_nap 5
    emit idle_cpu "$(calc "($(cpu_server) - $s0) * 20")" "%-of-a-core"
    fleet_end
}

# flow_lost RATE: a UDP flow of 1,200-byte frames for 16 s; lost are those that never reached the LAN host's socket.
flow_lost() {
    local a
    a=$(udp_arrived)
    FLOW=$(lab_iperf c1 "$TARGET" -u -b "${1}M" -l 1200 -t 16) || return 1
    lab_nap 0.3
    LOST=$(printf '%s' "$FLOW" | jq ".end.sum.packets as \$n | ((\$n - ($(udp_arrived) - $a)) / \$n * 100)")
}

# The flow runs at a quarter of what one TCP stream reached just before, in a session whose keys last 5 s; beside it the
# same flow in a session that keeps its keys, because a busy machine loses frames by itself.
measure_reneg() {
    tunnel || return 0
    local rate
    rate=$(lab_iperf c1 "$TARGET" -t 2 | lab_mbps) || return
    rate=$(LC_ALL=C awk "BEGIN{r = $rate / 4; printf \"%d\", (r > 600 ? 600 : r)}")
    flow_lost "$rate" || return
    emit reneg_off_lost "$LOST" "%-of-frames"
    pair_down
    pair_up "reneg-sec 5 5" || return
    flow_lost "$rate" || return
    emit reneg_rate "$rate" Mbit/s
    emit reneg_lost "$LOST" "%-of-frames"
    emit reneg_out_of_order "$(printf '%s' "$FLOW" | jq '[.end.streams[].udp.out_of_order] | add')" frames
    emit reneg_seen "$(grep -cE 'Control Channel: TLS|soft reset' "$LAB_SRV_LOG")" handshakes
}

# ------------------------------------------------------------------------------------------------- the run

# TCP's congestion control in the namespaces. Not by iperf3 -C: that sets it on a connected socket, and one that began with
# BBR, where the machine has that as its default, goes on with BBR's timers under every other name. A namespace takes only
# what the machine allows everybody, so it is allowed for that moment.
use_congestion() (
    key=net.ipv4.tcp_allowed_congestion_control
    allowed=$(sysctl -n $key) || exit
    trap 'sysctl -qw "$key=$allowed"' EXIT
    case " $allowed " in *" $CONGESTION "*) ;; *) sysctl -qw "$key=$allowed $CONGESTION" || exit ;; esac
    for n in c1 gw lan; do x "$n" sysctl -qw "net.ipv4.tcp_congestion_control=$CONGESTION" || exit; done
)

probe() { openssl speed -seconds 1 -bytes 1400 -evp aes-256-gcm 2>/dev/null | awk '/^AES-256-GCM/ {print $2 + 0}'; }

lab_begin bench
LAB_DIRECT=1
lab_pki && lab_office 1 || exit 1
use_congestion || exit 1
ip -n "$LAB_ID-c1" route add local 10.20.0.0/16 dev lo
ip -n "$LAB_ID-gw" route add 10.20.0.0/16 via 10.9.0.11
usable=
for PAIR in ${PAIRS//,/ }; do
    if sides; then usable+=" $PAIR"; else say "left out: $PAIR ($LAB_WHY)"; fi
done
for ROUND in $(seq "$ROUNDS"); do
    PAIR=machine
    emit speed_probe "$(probe)" kB/s
    for PAIR in $usable; do
        sides
        say "round $ROUND/$ROUNDS: $PAIR"
        if pair_up; then
            # reneg, memory and connect replace the running pair, so they come last.
            for m in ping tcp udp pingload reneg storm connect memory; do
                wants $m && { say "  $m"; "measure_$m"; }
            done
        else
            say "  does not come up:"
            lab_tails
        fi
        pair_down
    done
done
$LAB_PYTHON "$here/report.py" "$OUT" --daemon "$DBR_DAEMON" --seconds "$SECS" --rounds "$ROUNDS" --cipher "$CIPHER" --congestion "$CONGESTION"
