#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# New keys under load: a renegotiation every 5 s that both sides want to start, while numbered flows cross the tunnel both
# ways, and nftables in the middle drops 5 per cent of all datagrams and counts them by length. A frame of each flow has a
# length of its own, so that what the wire took of a flow is known exactly: a flow must miss that many, not one more, and
# none may overtake another.
#   reneg.sh [--minutes N] [--mbit N | --full-speed] [options of handshake.sh]
# Default: 12 s a case, as fast as the tunnel takes it (lab_flow: a bounded number of frames under way, so that no queue
# overflows); --minutes 10 --full-speed is the long one, --minutes 10 --mbit 60 the one at a fixed rate.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
MBIT=60 PACED= FAST=yes
FLOW=${LAB_FLOW:-${DBR_DAEMON%/server/*}/tests/lib/lab_flow}
RUN=$((${RENEG_MINUTES:-0} > 0 ? ${RENEG_MINUTES:-0} * 60 : 12)) # set by test.sh --full
set -- "${LAB_REST[@]}"
while [ $# -gt 0 ]; do
    case $1 in
    --minutes) RUN=$(LC_ALL=C awk "BEGIN{printf \"%d\", $2 * 60}"); shift 2 ;;
    --mbit) MBIT=$2 PACED=yes FAST=; shift 2 ;;
    --full-speed) FAST=yes PACED=; shift ;;
    *) shift ;;
    esac
done
LARGE=1372 SMALL=11 # payloads: 1,414 and 53 bytes of frame; no other frame of the laboratory has these lengths
flow() { x "$1" $LAB_PYTHON "$LAB_LIB/flow.py" "${@:2}"; }

# The IPv4 length of the datagram that carries a frame of a flow: IP, UDP, head and tag of AES-GCM, the byte of framing that
# two Drawbridges have, Ethernet, IP, UDP.
outer() { echo $(($1 + 28 + 24 + $(framing) + 42)); }
framing() { case $LAB_SERVER$LAB_CLIENT in *openvpn*) echo 0 ;; *) echo 1 ;; esac; }

# wire PER_CENT: drops that many of all datagrams, and counts those of each flow.
wire() {
    x wan nft -f - <<-NFT
	table bridge wire {
	  counter up_large {}
	  counter up_small {}
	  counter down_large {}
	  counter down_small {}
	  counter other {}
	  chain unlucky {
	    udp dport $LAB_PORT ip length $(outer $LARGE) counter name up_large drop
	    udp dport $LAB_PORT ip length $(outer $SMALL) counter name up_small drop
	    udp sport $LAB_PORT ip length $(outer $LARGE) counter name down_large drop
	    udp sport $LAB_PORT ip length $(outer $SMALL) counter name down_small drop
	    counter name other drop
	  }
	  chain forward {
	    type filter hook forward priority 0;
	    ether type ip ip protocol udp numgen random mod 100 < $1 jump unlucky
	  }
	}
	NFT
}
dropped() { x wan nft -j list counters table bridge wire | jq --arg n "$1" '[.nftables[].counter | select(.name == $n) | .packets] | add'; }

# No datagram of several segments may be dropped as one.
one_by_one() {
    local n
    for n in gw c1; do ip -n "$LAB_ID-$n" link set wan0 gso_max_segs 1 || return; done
}

up() { # SERVER'S RENEG CLIENT'S RENEG
    local s="reneg-sec $1 $1"
    lab_server_start "$s" "verb 4" "rcvbuf 4194304" || why "server does not start" || return
    lab_client_start c1 "reneg-sec $2" "rcvbuf 4194304" || why "client does not connect" || return
    lab_ping c1 192.168.77.10 && lab_ping c1 192.168.77.10 || why "no ping" || return
    ip -n "$LAB_ID-gw" link set tap0 txqueuelen 10000 && ip -n "$LAB_ID-c1" link set tap0 txqueuelen 10000
}

# What queues that were full took on the way, on a machine that was too busy: sockets of both ends, their TAPs.
queues() {
    local n all=0 i
    for n in gw c1; do
        i=$(x $n awk '/^Udp: [0-9]/ {print $6}' /proc/net/snmp)
        all=$((all + i + $(x $n cat /sys/class/net/tap0/statistics/tx_dropped /sys/class/net/tap0/statistics/rx_dropped | awk '{n += $1} END {print n}')))
        all=$((all + $(x $n tc -s -j qdisc show | jq '[.[].drops // 0] | add // 0')))
    done
    echo $all
}

# What the kernel's own queue between two interfaces may have taken; frames of no interest count there too.
backlog() {
    local n all=0
    for n in lan gw wan c1; do
        all=$((all + $(x $n sh -c 'cat /sys/class/net/*/statistics/rx_dropped' | awk '{n += $1} END {print n}')))
    done
    echo $all
}

begun() { grep -cE "TLS: soft reset" "$1"; }
ears() { # SPACE PORT NAME
    : >"$LAB_DIR/ears.$3"
    lab_bg "$1" "$LAB_DIR/ears.$3" $LAB_PYTHON "$LAB_LIB/flow.py" hear "$2"
    EARS[$3]=$LAB_PID
    lab_wait_log "$LAB_DIR/ears.$3" ready 3
}
heard() { tail -n 1 "$LAB_DIR/ears.$1" | jq "$2"; }

stalls() { jq -r 'select(.stalls > 0) | ", \(.stalls) stalls of 200 ms"' "$LAB_DIR/sent.$1"; }

# judge NAME: the flow's account against the wire's. EXTRA sums up what is missing beyond it.
judge() {
    local sent got wire late doubles socket
    sent=$(jq .sent "$LAB_DIR/sent.$1") got=$(heard "$1" .received) late=$(heard "$1" .late) doubles=$(heard "$1" .doubles)
    socket=$(heard "$1" .socket_drops) wire=$(dropped "$1")
    EXTRA=$((EXTRA + sent - got - socket - wire))
    T_NOTE+="; $1: $sent sent, $((sent - got)) missing, $wire by the wire, $late late, $doubles twice$(stalls "$1")"
    [ "$((sent - got - socket))" = "$wire" ] || BURSTS+=" $1 $(tail -n 1 "$LAB_DIR/ears.$1" | jq -c .bursts)"
    [ "$late" = 0 ] && [ "$doubles" = 0 ] || why "$T_NOTE"
}

# The four flows at a fixed rate, MBIT of them the large one up.
paced_ears() {
    ears lan 5001 up_large && ears lan 5002 up_small && ears c1 5003 down_small && ears c1 5004 down_large
}
paced_flows() { # CLIENT'S ADDRESS
    local pps=$((MBIT * 1000000 / 8 / (LARGE + 42)))
    flow c1 send 192.168.77.10 5001 --rate $pps --size $LARGE --seconds "$RUN" >"$LAB_DIR/sent.up_large" & PIDS+=($!)
    flow c1 send 192.168.77.10 5002 --rate 500 --size $SMALL --seconds "$RUN" >"$LAB_DIR/sent.up_small" & PIDS+=($!)
    flow lan send "$1" 5003 --rate 500 --size $SMALL --seconds "$RUN" >"$LAB_DIR/sent.down_small" & PIDS+=($!)
    flow lan send "$1" 5004 --rate $((pps / 4)) --size $LARGE --seconds "$RUN" >"$LAB_DIR/sent.down_large" & PIDS+=($!)
}

# The same as fast as the tunnel takes them. Under way are 640 frames at most: less than any queue of the way holds, the
# shortest of which is the kernel's between two interfaces (1,000).
fast_ear() { # SPACE PORT NAME SIZE
    : >"$LAB_DIR/ears.$3"
    lab_bg "$1" "$LAB_DIR/ears.$3" "$FLOW" hear "$2" --file "$LAB_DIR/flow.$3" --size "$4"
    EARS[$3]=$LAB_PID
    lab_wait_log "$LAB_DIR/ears.$3" ready 3
}
fast_ears() {
    rm -f "$LAB_DIR"/flow.*
    fast_ear lan 5001 up_large $LARGE && fast_ear lan 5002 up_small $SMALL &&
        fast_ear c1 5003 down_small $SMALL && fast_ear c1 5004 down_large $LARGE
}
# An end of OpenVPN does not read its TAP while its socket has something: there the ways take turns, a second each.
turn() { case $LAB_SERVER$LAB_CLIENT in *openvpn*) echo "--turn $1" ;; esac; }
fast_flow() { # SPACE ADDRESS PORT NAME SIZE WINDOW TURN
    x "$1" "$FLOW" send "$2" "$3" --file "$LAB_DIR/flow.$4" --size "$5" --window "$6" --seconds "$RUN" $(turn "$7") \
        >"$LAB_DIR/sent.$4" & PIDS+=($!)
}
fast_flows() { # CLIENT'S ADDRESS
    fast_flow c1 192.168.77.10 5001 up_large $LARGE 256 0
    fast_flow c1 192.168.77.10 5002 up_small $SMALL 64 0
    fast_flow lan "$1" 5003 down_small $SMALL 64 1
    fast_flow lan "$1" 5004 down_large $LARGE 256 1
}

# speed: frames a second and Mbit/s of Ethernet frames of all flows that arrived, for the note.
speed() {
    local name got=0 large=0 n
    for name in up_large up_small down_small down_large; do
        n=$(heard $name .received) got=$((got + n))
        [ ${name#*_} = small ] || large=$((large + n))
    done
    echo "$((got / RUN)) frames/s, $(((large * (LARGE + 42) + (got - large) * (SMALL + 42)) * 8 / RUN / 1000000)) Mbit/s"
}

# cores: how many there are, and seconds that all of them had nothing to do since the machine came up.
cores() { awk -v hz="$(getconf CLK_TCK)" '/^cpu[0-9]/ {n++; idle += $5 + $6} END {printf "%d %.2f", n, idle / hz}' /proc/stat; }
busy() { # CORES IDLE_BEFORE CORES IDLE_NOW: how much of all cores was used, by whomever
    LC_ALL=C awk "BEGIN{printf \"%d %% of %d cores\", 100 - ($4 - $2) * 100 / $1 / $RUN, $1}"
}

# renegotiates KIND PER_CENT SERVER'S CLIENT'S: four flows, paced or fast, for RUN seconds.
renegotiates() {
    local PIDS=() kind=$1 ip name by_server by_client full behind used
    shift
    up "$2" "$3" || return
    one_by_one || why "cannot turn segmentation off" || return
    ip=$(lab_tunnel_ip c1)
    "${kind}_ears" || why "no listener" || return
    lab_ping c1 192.168.77.10
    wire "$1" || why "nftables" || return
    full=$(queues) behind=$(backlog)
    used=$(cores)
    "${kind}_flows" "$ip"
    LAB_PIDS+=("${PIDS[@]}")
    wait "${PIDS[@]}"
    used=$(busy $used $(cores))
    lab_nap 0.5
    for name in "${!EARS[@]}"; do lab_stop "${EARS[$name]}" TERM 10; done
    by_server=$(begun "$LAB_SRV_LOG") by_client=$(begun "${LAB_CLI_LOG[c1]}")
    T_NOTE="$RUN s, $(speed), $used, begun by the server $by_server, by the client $by_client, $(dropped other) other datagrams dropped"
    local status=0
    EXTRA=0 BURSTS=
    for name in up_large up_small down_small down_large; do judge "$name" || { status=1; break; }; done
    x wan nft delete table bridge wire
    full=$(($(queues) - full)) behind=$(($(backlog) - behind))
    [ "$full" = 0 ] || T_NOTE+="; $full dropped by full queues of this machine"
    [ $status = 0 ] || return
    [ "$EXTRA" -ge "$full" ] && [ "$EXTRA" -le $((full + behind)) ] ||
        why "$T_NOTE; backlog $behind; $EXTRA lost beyond the wire, bursts:$BURSTS" || return
    [ $((by_server + by_client)) -ge $((RUN / 8)) ] || why "too few renegotiations: $T_NOTE" || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 2 || why "the session was made anew: $T_NOTE"
}

# full_speed: as much TCP as the machine takes, up, and numbered frames both ways beside it, while the server wants new
# keys every 3 s. A frame that is missing must have met a full queue; none overtakes another.
full_speed() {
    local ip full behind name pids=() got n mbps
    up 3 0 || return
    ip=$(lab_tunnel_ip c1)
    ears lan 5002 up_small && ears c1 5003 down_small && lab_iperf_server lan || why "no listener" || return
    lab_ping c1 192.168.77.10
    full=$(queues) behind=$(backlog)
    flow c1 send 192.168.77.10 5002 --rate 2000 --size $SMALL --seconds "$RUN" >"$LAB_DIR/sent.up_small" & pids+=($!)
    flow lan send "$ip" 5003 --rate 2000 --size $SMALL --seconds "$RUN" >"$LAB_DIR/sent.down_small" & pids+=($!)
    LAB_PIDS+=("${pids[@]}")
    lab_iperf c1 192.168.77.10 -t "$RUN" >"$LAB_DIR/tcp.json"
    wait "${pids[@]}"
    lab_nap 0.5
    for name in up_small down_small; do lab_stop "${EARS[$name]}" TERM 10; done
    lab_stop "$LAB_IPERF_PID"
    full=$(($(queues) - full)) behind=$(($(backlog) - behind)) n=$(begun "$LAB_SRV_LOG")
    mbps=$(lab_mbps <"$LAB_DIR/tcp.json")
    T_NOTE="$RUN s, $n renegotiations, $mbps Mbit/s, $(jq .end.sum_sent.retransmits "$LAB_DIR/tcp.json") segments sent again, full queues took $full"
    EXTRA=0
    for name in up_small down_small; do
        got=$(heard $name .received)
        EXTRA=$((EXTRA + $(jq .sent "$LAB_DIR/sent.$name") - got - $(heard $name .socket_drops)))
        T_NOTE+="; $name: $(($(jq .sent "$LAB_DIR/sent.$name") - got)) of $((got)) missing, $(heard $name .late) late"
        [ "$(heard $name .late)" = 0 ] && [ "$(heard $name .doubles)" = 0 ] || why "$T_NOTE" || return
    done
    [ "$n" -ge $((RUN / 5)) ] || why "too few renegotiations: $T_NOTE" || return
    [ "$EXTRA" -le $((full + behind)) ] || why "$T_NOTE; $EXTRA lost beyond what queues took"
}

declare -A EARS
lab_begin reneg
lab_pki && lab_office 1 || exit 1
full_speed_and_loss() {
    [ -x "$FLOW" ] || { skipped "no lab_flow at $FLOW: build the target, or --build DIR"; return; }
    renegotiates fast 5 5 5
}
[ -n "${RENEG_MINUTES:-}" ] || [ ! -x "$FLOW" ] && PACED=yes
[ -z "$PACED" ] || t_case both-sides-5-per-cent-loss renegotiates paced 5 5 5
[ -z "$FAST" ] || t_case both-sides-5-per-cent-loss-full-speed full_speed_and_loss
[ "$RUN" -gt 60 ] || t_case full-speed-no-loss full_speed
t_end
