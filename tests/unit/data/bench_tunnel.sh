#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Measures the data process alone (fixed keys, no control channel) between network namespaces of its own:
#
#   cli  tap0 [client]  wan0 --veth-- wan0  gw  [server] tap0 -- br0 -- eth0 --veth-- eth0  lan
#   10.77.0.100         10.9.0.2   10.9.0.1                              10.77.0.10
#
#   sudo bench_tunnel.sh BUILD-DIR [seconds]      environment: WORKERS, CLIENTS (1..4), PLAIN, CLIENT_PLAIN, AEAD,
#                                                 PERF=file (record the server while TCP runs up), ONLY=up|down|udp|ping
# Prints Mbit/s, server and client CPU seconds per GB, UDP packets that reached the LAN host, ping.
set -u
build=$1 secs=${2:-4} id=bt$$ workers=${WORKERS:-1} clients=${CLIENTS:-1}
bin=$build/tests/unit/data/bench_data_tunnel
pids=()
cleanup() {
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
    sleep 0.2
    for p in "${pids[@]}"; do kill -9 "$p" 2>/dev/null; done
    for n in gw lan $(seq -f 'c%g' 0 $((clients - 1))); do ip netns del "$id-$n" 2>/dev/null; done
}
trap cleanup EXIT
in_ns() { local n=$1; shift; ip netns exec "$id-$n" "$@"; }
for n in gw lan $(seq -f 'c%g' 0 $((clients - 1))); do
    ip netns add "$id-$n"
    in_ns "$n" ip link set lo up
done
ip -n "$id-gw" link add eth0 type veth peer name eth0 netns "$id-lan"
ip -n "$id-gw" link add br0 type bridge
ip -n "$id-gw" link set eth0 master br0 up
ip -n "$id-gw" link set br0 up
ip -n "$id-lan" addr add 10.77.0.10/24 dev eth0
ip -n "$id-lan" link set eth0 up
addrs=()
for i in $(seq 0 $((clients - 1))); do
    ip -n "$id-gw" link add "wan$i" type veth peer name wan0 netns "$id-c$i"
    ip -n "$id-gw" addr add "10.9.$i.1/24" dev "wan$i"
    ip -n "$id-gw" link set "wan$i" up
    ip -n "$id-c$i" addr add "10.9.$i.2/24" dev wan0
    ip -n "$id-c$i" link set wan0 up
    addrs+=("10.9.$i.2")
done
ip netns exec "$id-gw" "$bin" server tap0 1194 "$workers" "$clients" "${addrs[@]}" 2>"/tmp/$id.server" &
pids+=($!); server=$!
sleep 0.3
ip -n "$id-gw" link set tap0 master br0
ip -n "$id-gw" link set tap0 type bridge_slave learning off
client=()
for i in $(seq 0 $((clients - 1))); do
    PLAIN=${CLIENT_PLAIN:-${PLAIN:-}}; [ -n "$PLAIN" ] && export PLAIN || unset PLAIN
    ip netns exec "$id-c$i" "$bin" client tap0 1194 "10.9.$i.1" "$i" 2>"/tmp/$id.client$i" &
    pids+=($!); client+=($!)
    sleep 0.2
    ip -n "$id-c$i" addr add "10.77.0.$((100 + i))/24" dev tap0
    in_ns "c$i" ping -c 1 -W 2 10.77.0.10 >/dev/null || echo "client $i has no LAN"
done
ip netns exec "$id-lan" iperf3 -s -p 5201 >/dev/null & pids+=($!)
for i in $(seq 1 $((clients - 1))); do ip netns exec "$id-lan" iperf3 -s -p $((5201 + i)) >/dev/null & pids+=($!); done
sleep 0.3
cpu() { awk '{print $14 + $15}' "/proc/$1/stat"; }
tcp() { # name, iperf options: one stream set per client, all at once
    local name=$1 s0 c0 s1 c1 i out=() total; shift
    s0=$(cpu "$server") c0=$(cpu "${client[0]}")
    if [ -n "${PERF:-}" ] && [ "$name" = "${PERF_FOR:-up}" ]; then
        perf record -q -g -F 999 -p "$server" -o "$PERF" -- sleep "$((secs - 1))" >/dev/null 2>&1 & local perf=$!
    fi
    local jobs=()
    for i in $(seq 0 $((clients - 1))); do
        in_ns "c$i" iperf3 -c 10.77.0.10 -p $((5201 + i)) -t "$secs" -J "$@" >"/tmp/$id.out$i" & jobs+=($!)
    done
    wait "${jobs[@]}"
    [ -n "${perf:-}" ] && wait "$perf"
    s1=$(cpu "$server") c1=$(cpu "${client[0]}")
    python3 - "$name" "$s0" "$s1" "$c0" "$c1" $(for i in $(seq 0 $((clients - 1))); do echo "/tmp/$id.out$i"; done) <<'P'
import json, sys
name, s0, s1, c0, c1 = sys.argv[1], *map(int, sys.argv[2:6])
ends = [json.load(open(f))["end"] for f in sys.argv[6:]]
bytes_ = sum(e["sum_received"]["bytes"] for e in ends)
rate = sum(e["sum_received"]["bits_per_second"] for e in ends)
retr = sum(e["sum_sent"].get("retransmits", 0) for e in ends)
gb = bytes_ / 1e9
print(f"{name:8s} {rate / 1e6:8.0f} Mbit/s  server {(s1 - s0) / 100 / gb:5.2f} s/GB  client {(c1 - c0) / 100 / gb:5.2f} s/GB  retransmits {retr}")
P
}
want() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
want up && tcp up
want down && tcp down -R
want up4 && tcp up4 -P 4
want down4 && tcp down4 -P 4 -R
if want udp; then
    reached() { in_ns lan nstat -az UdpInDatagrams UdpRcvbufErrors 2>/dev/null | awk '/Udp/{s += $2} END{print s}'; }
    in_ns lan nstat -n; s0=$(cpu "$server") t0=$(date +%s%N)
    in_ns c0 iperf3 -c 10.77.0.10 -u -b 0 -l 64 -t "$secs" -J >"/tmp/$id.udp"
    s1=$(cpu "$server") t1=$(date +%s%N); n=$(reached)
    awk -v n="$n" -v ns=$((t1 - t0)) -v cpu=$((s1 - s0)) 'BEGIN{printf "udp64    %8.0f kpps reached  server %.2f us/packet\n", n / ns * 1e6, cpu * 1e4 / n}'
fi
pings() { # name, count, interval
    in_ns c0 ping -n -i "$3" -c "$2" 10.77.0.10 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n |
        awk -v name="$1" '{t[NR] = $1 * 1000} END{printf "ping     %s: median %.0f us, p99 %.0f us\n", name, t[int((NR + 1) / 2)], t[int(NR * .99)]}'
}
if want lost; then # where the frames of a fast UDP flow are lost
    in_ns c0 iperf3 -c 10.77.0.10 -u -b "${RATE:-2000M}" -l 1300 -t "$secs" -J >"/tmp/$id.udp"
    snmp() { in_ns "$1" awk -v f="$2" '$1 == "Udp:" && $2 ~ /^[0-9]/ {print $f}' /proc/net/snmp; }
    tap_dropped() { in_ns "$1" awk '$1 == "tap0:" {print $13}' /proc/net/dev; }
    echo "lost     of $(python3 -c "import json,sys; e=json.load(open(sys.argv[1]))['end']['sum']; print(e['packets'], 'sent, iperf3 misses', e['lost_packets'])" "/tmp/$id.udp"):" \
        "client TAP $(tap_dropped c0), server socket $(snmp gw 6), server TAP $(tap_dropped gw), LAN host's socket $(snmp lan 6)"
fi
want ping && pings idle 600 0.005
if want load; then
    in_ns c0 iperf3 -c 10.77.0.10 -t "$secs" >/dev/null & j=$!
    sleep 0.5
    pings load 200 0.01
    wait $j
fi
cat "/tmp/$id".server | grep -v "^data:"; rm -f "/tmp/$id".*
