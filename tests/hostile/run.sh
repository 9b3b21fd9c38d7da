#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The hostile cases on the wire: a server, a healthy stock client with a ping through the tunnel, and an attacker who
# holds the gate key (cases.py). After each case the standing oracle: the healthy client kept its session and its ping,
# the same server processes live, descriptors did not grow, the log did not flood, no sanitizer spoke.
#   run.sh [--build DIR | --daemon PATH] [--server openvpn|drawbridged] [--full] [--only REGEX]
# With --server openvpn (the baseline) a case that fails is reported as skipped, with what OpenVPN did.
# --full takes the long versions: 70 s of C2, 10,000 half-open, 5 million rejects, 10,000 sessions at once, all floods of
# data packets, each with OpenVPN beside.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/lab.sh"
. "$here/../lib/report.sh"
lab_args "$@"
FLOOD=${LAB_FLOOD:-${DBR_DAEMON%/server/*}/tests/lib/lab_flood}
WATCH=8 REJECTS=200000 HALF_OPEN=2000 HALF_OPEN_TLS=500 BAD_DATA=20000 SESSIONS=300 MACS=20000 AMONG=20 SEEDS="1 2"
if [[ " ${LAB_REST[*]} " == *" --full "* ]]; then
    WATCH=70 REJECTS=5000000 HALF_OPEN=10000 HALF_OPEN_TLS=2000 BAD_DATA=1000000 SESSIONS=10000 MACS=1000000 AMONG=300 SEEDS="1 2 3 4 5 6 7 8"
fi
LAB_CLIENT=openvpn
tool() { # CASE [options]: from the attacker's machine
    x c2 $LAB_PYTHON "$here/cases.py" "$@" --pki "$LAB_PKI" --lan "$LAB_ID-lan" --offset $((OFFSET += 65536))
}

serve() { # [OVERRIDES]: server, healthy client, and what the oracle compares with
    lab_server_start "${NAMES[@]}" "max-clients 20000" "verb 3" "keepalive 10 120" "proto udp6" \
        "server-bridge 192.168.77.1 255.255.0.0 192.168.80.1 192.168.140.254" "$@" || why "server does not start" || return
    lab_client_start c1 "reneg-sec 0" "${HEALTHY[@]}" || why "the healthy client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping of the healthy client" || return
    PIDS=$($LAB_PYTHON "$LAB_LIB/proctree.py" pids "$LAB_SRV_PID")
    FDS=$($LAB_PYTHON "$LAB_LIB/proctree.py" fds "$LAB_SRV_PID")
    LINES_BEFORE=$(wc -l <"$LAB_SRV_LOG")
    ANON=$(lab_anon "$LAB_SRV_PID")
    : >"$LAB_DIR/healthy.log"
    lab_bg c1 "$LAB_DIR/healthy.log" ping -n -i 0.1 -D 192.168.77.10
    PING_PID=$LAB_PID
}

no_more_descriptors() { [ "$($LAB_PYTHON "$LAB_LIB/proctree.py" fds "$LAB_SRV_PID")" -le "$FDS" ]; } # one may just be writing the status

# oracle [ALLOWED_PING_LOSS_PERCENT [ALLOWED_LOG_LINES]]
oracle() {
    local sent lost lines
    # An echo that comes back has overtaken nobody: those before it are back, or lost.
    lab_ping c1 192.168.77.10 || why "the healthy client is dead" || return
    lab_stop "$PING_PID" INT
    # The last echo may be on its way when ping is told to stop, so one is always forgiven.
    read -r sent lost <<<"$(awk '/packets transmitted/ {print $1, $1 - $4}' "$LAB_DIR/healthy.log")"
    [ "$PIDS" = "$($LAB_PYTHON "$LAB_LIB/proctree.py" pids "$LAB_SRV_PID")" ] || why "the server's processes changed" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 2 && { why "the healthy client had to reconnect"; return; }
    lab_ping c1 192.168.77.10 || why "the healthy client is dead" || return
    [ "${lost:-99}" -le $((1 + ${sent:-0} * ${1:-0} / 100)) ] || why "the healthy client lost $lost of $sent pings" || return
    lab_until 1 no_more_descriptors || why "descriptors grew from $FDS to $($LAB_PYTHON "$LAB_LIB/proctree.py" fds "$LAB_SRV_PID")" || return
    lines=$(($(wc -l <"$LAB_SRV_LOG") - LINES_BEFORE))
    [ "$LAB_SERVER" = openvpn ] || [ "$lines" -le "${2:-60}" ] || why "$lines log lines" || return
    return 0
}

# attack LOG_LINES CASE [options]: one case, then the oracle
attack() {
    local lines=$1
    shift
    serve "${SERVER[@]}" || return
    T_NOTE=$(tool "$@" 2>&1 | tail -n 1; exit "${PIPESTATUS[0]}") || why "$T_NOTE" || return
    oracle 2 "$lines"
}

# hcase NAME ...: with the baseline, a failure is a note about OpenVPN.
hcase() {
    local name=$1
    if [ "$LAB_SERVER" = openvpn ]; then
        shift
        t_case "$name" baseline "$@"
    else
        t_case "$@"
    fi
}
baseline() {
    "$@"
    local status=$?
    [ $status = 0 ] || [ $status = 77 ] || skipped "OpenVPN: $T_WHY"
}

built() { # LINE: skipped unless this version takes the directive
    [ "$LAB_SERVER" = drawbridged ] || return 0
    lab_knows "$@" || skipped "$LAB_WHY"
}

# no_gate: the cases that matter without tls-auth
no_gate() {
    SERVER=('!tls-auth') HEALTHY=('!tls-auth')
    attack 60 "$@" --digest none
    local status=$?
    SERVER=() HEALTHY=()
    return $status
}

# C6: a real client connects within a second while a recorded reset is replayed (the median of three).
replay_while_connecting() { # SOURCE_SPACE RATE PORTS
    local ms p
    serve || return
    x "$1" $LAB_PYTHON "$here/cases.py" C6-replay --pki "$LAB_PKI" --seconds 9 --rate "$2" --ports "$3" \
        --offset $((OFFSET += 65536)) >"$LAB_DIR/replay.out" 2>&1 &
    p=$!
    LAB_PIDS+=("$p")
    lab_wait_log "$LAB_DIR/replay.out" flooding 3
    lab_nap 3.2
    lab_client_conf openvpn c3 "verb 3" >"$LAB_DIR/c3.conf"
    ms=$(x c3 $LAB_PYTHON "$LAB_LIB/connect_time.py" --count 3 --gap 0.1 -- openvpn --config "$LAB_DIR/c3.conf" | xargs)
    ! lab_gone "$p" || why "the replay had ended before" || return
    wait "$p"
    T_NOTE="connected in ${ms// /, } ms; $(tail -n 1 "$LAB_DIR/replay.out")"
    [[ $ms != *-* ]] || why "not connected in 15 s; $T_NOTE" || return
    ms=$(tr ' ' '\n' <<<"$ms" | sort -n | sed -n 2p)
    LC_ALL=C awk "BEGIN{exit !($ms <= 1000)}" || why "$T_NOTE" || return
    oracle 2 60
}

rejects() { # SIZE: memory flat within 64 kB, after two rounds that touch the pages of the fixed tables (1 MB of them)
    local a0 a1
    serve || return
    tool C7-rejects --size 200000 >/dev/null
    tool C7-rejects --size 200000 >/dev/null
    a0=$(lab_anon "$LAB_SRV_PID")
    T_NOTE=$(tool C7-rejects --size "$1" 2>&1 | tail -n 1; exit "${PIPESTATUS[0]}") || why "$T_NOTE" || return
    a1=$(lab_anon "$LAB_SRV_PID")
    T_NOTE+=", memory $a0 -> $a1 kB"
    [ $((a1 - a0)) -le 64 ] || why "$T_NOTE" || return
    oracle 10 200
}

half_open() { # SIZE KB_EACH [--hello]
    local a0 a1 a2
    serve "hand-window 12" || return
    a0=$(lab_anon "$LAB_SRV_PID")
    T_NOTE=$(tool C8-half-open --size "$1" "${@:3}" 2>&1 | tail -n 1; exit "${PIPESTATUS[0]}") || why "$T_NOTE" || return
    a1=$(lab_anon "$LAB_SRV_PID")
    T_NOTE+=": $(((a1 - a0) * 1000 / $1)) B each"
    [ $((a1 - a0)) -le $(($1 * $2)) ] || why "$T_NOTE" || return
    lab_nap 22
    a2=$(lab_anon "$LAB_SRV_PID")
    T_NOTE+=", 22 s later $((a2 - a0)) kB are left of $((a1 - a0))"
    [ $((a2 - a0)) -le $(((a1 - a0) / 5 + 1024)) ] || why "$T_NOTE" || return
    oracle 5 400
}

# flooded KIND TRAIN: a stranger sends data packets as fast as one core does (lab_flood), while the healthy client pings and
# another connects three times. FLOOD_MS: the median of the three; FLOOD_NOTE.
# The server's processes share one core, and the flood has another: what data takes of it, control has not.
apart() {
    local p
    THERE=()
    taskset -c 0 true 2>/dev/null && taskset -c 1 true 2>/dev/null || return 0
    for p in $(grep -oE "\b[0-9]+\b" <<<"$PIDS"); do
        taskset -acp 0 "$p" >/dev/null || why "cannot keep the server on one core" || return
    done
    THERE=(taskset -c 1)
}
connect_times() { # COUNT
    lab_client_conf openvpn c3 "verb 3" >"$LAB_DIR/c3.conf"
    x c3 $LAB_PYTHON "$LAB_LIB/connect_time.py" --count "$1" --gap 0.1 -- openvpn --config "$LAB_DIR/c3.conf" | xargs
}
flooded() {
    local quiet times p cpu0 t0 cpu
    serve || return
    apart || return
    quiet=$(connect_times 1)
    : >"$LAB_DIR/flood.out"
    lab_bg c2 "$LAB_DIR/flood.out" "${THERE[@]}" "$FLOOD" 10.9.0.1 $LAB_PORT --kind "$1" --train "$2" --seconds 30
    p=$LAB_PID
    lab_nap 0.5
    t0=$(lab_now_ms) cpu0=$(lab_cpu "$LAB_SRV_PID")
    times=$(connect_times 3)
    cpu=$(LC_ALL=C awk "BEGIN{printf \"%d\", ($(lab_cpu "$LAB_SRV_PID") - $cpu0) * 100000 / ($(lab_now_ms) - $t0)}")
    lab_stop "$p" || why "the flood does not end" || return
    FLOOD_MS=$(tr ' ' '\n' <<<"$times" | sed 's/^-$/15000/' | sort -n | sed -n '2{s/\..*//p}')
    FLOOD_NOTE="$(jq .pps "$LAB_DIR/flood.out") a second, connects in ${times// /, } ms (quiet $quiet), server $cpu % of a core"
}
pinged() { awk '/packets transmitted/ {print $1 - $4 " of " $1 " pings lost"}' "$LAB_DIR/healthy.log"; }
flood_tool() { [ -x "$FLOOD" ] || skipped "no lab_flood at $FLOOD: build the target, or --build DIR"; }
flood() { # KIND TRAIN
    flood_tool && flooded "$@" || return
    T_NOTE=$FLOOD_NOTE
    oracle 5 100 || return
    T_NOTE+=", $(pinged)"
    [[ $T_NOTE != *" -"* ]] && [ "$FLOOD_MS" -le 1000 ] || why "$T_NOTE"
}

# The same with OpenVPN, for the figures.
flood_beside() { # KIND TRAIN
    local LAB_SERVER=openvpn
    flood_tool || return
    lab_have openvpn || { skipped "$LAB_WHY"; return; }
    flooded "$@" || return
    lab_nap 0.3
    lab_stop "$PING_PID" INT
    T_NOTE="OpenVPN: $FLOOD_NOTE, $(pinged)"
    lab_all_stop
    return 0
}

say_good_bye() { # the old form of exit notify
    serve || return
    T_NOTE=$(tool exit-old-form 2>&1 | tail -n 1; exit "${PIPESTATUS[0]}") || why "$T_NOTE" || return
    lab_until 8 lab_status_lacks c3 || why "still listed 8 s after the good-bye" || return
    oracle 2
}

many_sessions() { # SIZE: memory and idle CPU of established sessions
    local a0 a1 s0 p
    serve "keepalive 20 120" || return
    a0=$(lab_anon "$LAB_SRV_PID") s0=$(lab_cpu "$LAB_SRV_PID")
    x c2 $LAB_PYTHON "$here/cases.py" swarm --pki "$LAB_PKI" --size "$1" --seconds 12 --wait 400 \
        --offset $((OFFSET += 65536)) >"$LAB_DIR/swarm.out" 2>&1 &
    p=$!
    LAB_PIDS+=("$p")
    lab_wait_log "$LAB_DIR/swarm.out" holding 420 || why "$(tail -n 1 "$LAB_DIR/swarm.out")" || return
    T_NOTE="$(tail -n 1 "$LAB_DIR/swarm.out" | sed 's/holding //'), $(LC_ALL=C awk "BEGIN{printf \"%.2f\", ($(lab_cpu "$LAB_SRV_PID") - $s0) * 1000 / $1}") ms of server CPU each"
    lab_nap 1
    a1=$(lab_anon "$LAB_SRV_PID")
    T_NOTE+=", $(((a1 - a0) / $1)) kB each"
    s0=$(lab_cpu "$LAB_SRV_PID")
    lab_nap 8
    T_NOTE+=", idle $(LC_ALL=C awk "BEGIN{printf \"%.1f\", ($(lab_cpu "$LAB_SRV_PID") - $s0) / 8 * 100}") % of a core"
    wait "$p" || why "$(tail -n 1 "$LAB_DIR/swarm.out")" || return
    [ $(((a1 - a0) / $1)) -le 64 ] || why "$T_NOTE" || return
    oracle 5 $((20 * $1 + 100))
}

# The frames of the switch: the concentrator has its LAN address from the beginning, so that it is guarded.
frames() { # LOG_LINES CASE [options]
    local status
    ip -n "$LAB_ID-gw" addr add 192.168.77.1/16 dev eth0
    ip -n "$LAB_ID-gw" addr add fd77::1/64 dev eth0 nodad
    attack "$@"
    status=$?
    lab_all_stop || status=1
    ip -n "$LAB_ID-gw" addr flush dev eth0
    return $status
}

# The negative proof: OpenVPN lets the same rows through.
open_door() {
    local LAB_SERVER=openvpn status
    lab_have openvpn || { skipped "$LAB_WHY"; return; }
    lab_server_start || why "OpenVPN does not start" || return
    T_NOTE=$(tool layer2-open-door 2>&1 | tail -n 1; exit "${PIPESTATUS[0]}")
    status=$?
    ip -n "$LAB_ID-lan" neigh flush all
    lab_all_stop
    [ $status = 0 ] || why "$T_NOTE"
}

many_macs() { # SIZE: and the kernel's own table stays small
    local n
    attack 300 C35-many-macs --size "$1" || return
    n=$(bridge -n "$LAB_ID-gw" fdb show dev tap0 2>/dev/null | wc -l)
    T_NOTE+=", $n entries of the kernel on the TAP"
    [ "$n" -le 64 ] || why "$T_NOTE"
}

among() { # SIZE: and the server has seen as many certificates that it refused
    local n
    attack $((40 * $1 + 300)) C21-failing-among-good --size "$1" || return
    n=$(grep -c "VERIFY ERROR" "$LAB_SRV_LOG")
    T_NOTE+=", $n certificates refused"
    [ "$n" -ge "$1" ] || why "$T_NOTE"
}

alone() { # one certificate, one session
    NAMES=()
    attack "$@"
    local status=$?
    NAMES=(duplicate-cn)
    return $status
}

OFFSET=0
NAMES=(duplicate-cn)
SERVER=() HEALTHY=()
lab_begin hostile
lab_pki && lab_office 3 || exit 1
ip -n "$LAB_ID-lan" addr add 192.168.77.10/16 dev eth0 # the pool is a wide one
ip -n "$LAB_ID-c2" route add local 10.128.0.0/9 dev lo
ip -n "$LAB_ID-gw" route add 10.128.0.0/9 via 10.9.0.12
ip -n "$LAB_ID-c2" -6 route add local fdaa::/32 dev lo
ip -n "$LAB_ID-gw" -6 route add fdaa::/32 via fd09::12

hcase tool-itself attack 200 client
hcase C1-gate attack 60 C1-gate
hcase C2-one-reply attack 60 C2-one-reply --seconds $WATCH
hcase C2-one-reply-no-gate no_gate C2-one-reply --seconds 6
hcase C2-recorded-reset attack 60 C2-recorded
hcase C2-clock-of-1970 attack 60 C2-old-stamp
hcase C3-one-address attack 60 C3-one-address --size 3000
hcase C3-one-prefix-of-ipv6 attack 60 C3-one-prefix-v6 --size 3000
hcase C3-many-addresses attack 60 C3-many-addresses --size 5000
hcase C4-cookie attack 60 C4-cookie
hcase C4-cookie-no-gate no_gate C4-cookie
SERVER=("hand-window 10")
hcase C4-old-cookie attack 60 C4-old-cookie --seconds 10
SERVER=()
hcase C6-replay-200 replay_while_connecting c2 200 1
hcase C6-replay-200-same-address replay_while_connecting c3 200 1
hcase C6-replay-5000-many-ports replay_while_connecting c2 5000 100
hcase C7-rejects rejects $REJECTS
hcase C8-half-open half_open $HALF_OPEN 6
hcase C8-half-open-first-tls half_open $HALF_OPEN_TLS 64 --hello
hcase C13-message-id-1 attack 60 C13-message-id-1
hcase C13-message-id-1-connects attack 200 C13-message-id-1-connects
hcase C13-many-acks attack 200 C13-many-acks
prf() { built "compat-mode 2.4.0" || :; attack 200 client-prf; }
hcase C13-client-of-2.4 prf
for seed in $SEEDS; do
    hcase "C15-mutations-seed-$seed" attack 20000 C15-mutations --seed "$seed" --size 150
done
hcase C17-resets-on-a-live-session attack 300 C17-resets
float() { built float || return; attack 300 C28-float; }
hcase C28-float float
hcase C30-replay-window attack 200 C30-replay-window --size 4096
SERVER=("replay-window 64")
hcase C30-replay-window-of-64 attack 200 C30-replay-window --size 64
SERVER=("replay-window 65536") # OpenVPN takes as much
hcase C30-replay-window-largest attack 200 C30-replay-window --size 8192
SERVER=()
hcase C32-bad-data attack 200 C32-bad-data --size $BAD_DATA
hcase C33-stranger-data attack 300 C33-stranger-data
hcase C16-takeover alone 3000 C16-takeover --size 6
hcase C21-failing-among-good among $AMONG
hcase C22-records attack 300 C22-flood --size 3000 --seconds 6
hcase C22-soft-resets attack 300 C22-soft-resets --size 4000
hcase C23-goes-on-after-the-end attack 300 C23-goes-on --seconds 2
hcase C24-one-certificate alone 3000 C24-one-certificate --size 60 --wait 15
SERVER=("reneg-sec 2 2" "hand-window 2" "tran-window 4")
hcase C27-never-renegotiates attack 300 C27-never-renegotiates --seconds 9
SERVER=()
hcase C35-many-macs many_macs $MACS
hcase C36-C41-frames frames 600 C36-C41-frames
t_case C36-C41-open-door open_door
hcase C44-storm attack 300 C44-storm --size 20000 --rate 1000
FLOODS="unknown:1 known:64"
[ "$WATCH" = 70 ] && FLOODS="unknown:1 unknown:64 known:1 known:64 key:1 key:64 v1:1 v1:64"
for kind in $FLOODS; do
    hcase "flood-${kind/:/-}" flood "${kind%:*}" "${kind#*:}"
    [ "$WATCH" != 70 ] || t_case "flood-${kind/:/-}-openvpn" flood_beside "${kind%:*}" "${kind#*:}"
done
hcase exit-notify-old-form say_good_bye
hcase occ-request attack 200 occ-and-ping
hcase sessions-$SESSIONS many_sessions $SESSIONS
t_end
