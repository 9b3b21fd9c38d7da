#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Coming and going: exit notify, limits, silence, the server's end, the bridge's restoration, renegotiation, float.
# Options as in handshake.sh. What drawbridged's own --check-config refuses in this version is skipped with its words.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

up() {
    lab_server_start "$@" || why "server does not start" || return
    lab_client_start c1 "${CLIENT[@]}" || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_until 4 lab_status_has c1 || why "the status file does not list the client"
}

built() { # LINE: skipped unless the server under test accepts this directive
    [ "$LAB_SERVER" = drawbridged ] || return 0
    lab_knows "$@" || skipped "$LAB_WHY"
}

leaves() {
    CLIENT=("explicit-exit-notify 1" "$@")
    up || { CLIENT=(); return 1; }
    CLIENT=()
    lab_stop "${LAB_CLI_PID[c1]}" TERM
    LAB_CLI_PID[c1]=
    lab_until 8 lab_status_lacks c1 || why "still listed 8 s after its good-bye" # OpenVPN waits 5 s
}

# The old form, on the data channel, comes from clients that do not know cc-exit: tests/hostile speaks it.
leaves_quietly() {
    up || return
    lab_stop "${LAB_CLI_PID[c1]}" KILL
    LAB_CLI_PID[c1]=
    lab_nap 1.5
    lab_status_has c1 || why "the server forgot a client that only fell silent"
}

max_clients() {
    up "max-clients 1" || return
    lab_client_spawn c2
    lab_nap 3
    ! lab_log_has "${LAB_CLI_LOG[c2]}" "Initialization Sequence Completed" || why "a second client got in" || return
    lab_ping c1 192.168.77.10 || why "the first client is disturbed" || return
    lab_client_stop c1
    lab_client_stop c2
}

# One certificate once: the newer connection takes over.
same_name() {
    up || return
    lab_client_start c2 "cert $LAB_PKI/c1.crt" "key $LAB_PKI/c1.key" || why "the second connection does not get in" || return
    lab_ping c2 192.168.77.10 || why "no ping for the second" || return
    lab_nap 1.2 # the status of the time after it
    lab_until 2 listed_once || why "listed $(grep -c '^c1,[0-9a-f]' "$LAB_DIR/server.status") times"
}
listed_once() { [ "$(grep -c '^c1,[0-9a-f]' "$LAB_DIR/server.status")" = 1 ]; }

duplicate_cn() {
    up duplicate-cn || return
    lab_client_start c2 "cert $LAB_PKI/c1.crt" "key $LAB_PKI/c1.key" || why "the second connection does not get in" || return
    lab_ping c1 192.168.77.10 && lab_ping c2 192.168.77.10 || why "one of the two is dead"
}

# keepalive 1 4: the server gives up after 8 s, the client after 4 s.
server_gives_up() {
    up "keepalive 1 4" || return
    lab_client_stop c1 KILL
    if [ "$LAB_SERVER" = openvpn ]; then # it writes its status when it wakes, up to 10 s later
        lab_wait_log "$LAB_SRV_LOG" 'Inactivity timeout' 12 || why "not given up after 12 s"
        return
    fi
    lab_until 12 lab_status_lacks c1 || why "still listed after 12 s"
}

client_gives_up() {
    up "keepalive 1 4" || return
    ip -n "$LAB_ID-wan" link set gw down
    lab_wait_log "${LAB_CLI_LOG[c1]}" 'Inactivity timeout \(--ping-restart\)' 8 || {
        ip -n "$LAB_ID-wan" link set gw up
        why "the client did not notice"
        return
    }
    ip -n "$LAB_ID-wan" link set gw up
    lab_wait_log "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 15 2 || why "the client does not come back" || return
    lab_ping c1 192.168.77.10 || why "no ping after the return"
}

# Nobody speaks: keepalive alone holds the session.
idle_stays() {
    up "keepalive 1 5" || return
    lab_nap 11
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Inactivity timeout" || why "an idle session timed out" || return
    lab_status_has c1 || why "the server dropped an idle client" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

sigterm_tells() {
    up "explicit-exit-notify 1" || return
    lab_server_stop || why "the server did not end well (status $LAB_STATUS)" || return
    lab_wait_log "${LAB_CLI_LOG[c1]}" 'server-pushed-connection-reset|Connection reset command was pushed|RESTART' 4 || why "the client was not told" || return
    lab_server_start || why "server does not start again" || return
    lab_wait_log "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 15 2 || why "the client does not come back"
}

links() { ip -n "$LAB_ID-gw" -br link | awk '{print $1}' | sed 's/@.*//' | sort | tr '\n' ' '; }

restores_bridge() {
    local before after
    before=$(links)
    ip -n "$LAB_ID-gw" addr add 192.168.77.5/24 dev eth0
    up || { ip -n "$LAB_ID-gw" addr flush dev eth0; return 1; }
    ip -n "$LAB_ID-gw" link show master br0 | grep -q ' tap0' || why "tap0 is not in br0" || return
    lab_server_stop || why "the server did not end well (status $LAB_STATUS)" || return
    after=$(links)
    [ "$LAB_SERVER" = openvpn ] && { ip -n "$LAB_ID-gw" addr flush dev eth0; skipped "OpenVPN leaves this to scripts"; return; }
    [ "$before" = "$after" ] || why "links before: $before after: $after" || return
    ip -n "$LAB_ID-gw" -br addr show dev eth0 | grep -q 192.168.77.5/24 || why "eth0 lost its address" || return
    ip -n "$LAB_ID-gw" addr flush dev eth0
}

# A bridge that was there before stays, with its ports, without our TAP.
keeps_foreign_bridge() {
    [ "$LAB_SERVER" = openvpn ] && { skipped "OpenVPN leaves this to scripts"; return; }
    ip -n "$LAB_ID-gw" link add br0 type bridge forward_delay 0
    ip -n "$LAB_ID-gw" link set eth0 master br0
    ip -n "$LAB_ID-gw" link set br0 up
    up "bridge br0" && lab_server_stop
    local status=$? ports
    ports=$(ip -n "$LAB_ID-gw" -br link show master br0 2>&1 | awk '{print $1}' | sed 's/@.*//' | tr '\n' ' ')
    ip -n "$LAB_ID-gw" link del br0
    [ $status = 0 ] || why "${T_WHY:-the server did not end well}" || return
    [ "$ports" = "eth0 " ] || why "ports of the admin's bridge afterwards: $ports"
}

# none_left PID...: true when none of them lives.
none_left() {
    local p
    for p in "$@"; do lab_gone "$p" || return 1; done
}

# The first process is killed: nothing of the program goes on behind its back, and a new one starts on what is left.
crash_leaves_lan() {
    local pids
    up || return
    mapfile -t pids <<<"$($LAB_PYTHON "$LAB_LIB/proctree.py" pids "$LAB_SRV_PID" | cut -d' ' -f1)"
    kill -KILL "$LAB_SRV_PID"
    wait "$LAB_SRV_PID" 2>/dev/null
    LAB_SRV_PID=
    lab_until 3 none_left "${pids[@]}" || why "orphans 3 s after the first process was killed" || return
    [ "$LAB_SERVER" = openvpn ] && lab_unbridge_by_hand
    lab_server_start || why "a new server does not start on what the killed one left" || return
    lab_client_stop c1
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

# The data process of an end is killed (C59) under a ping each 10 ms: there is a new one within a second, the bridge is
# untouched, the frames go on. Between two Drawbridges the client calls again at once, a stock client after its connect-retry.
data_process() { sed -n 's/.*\bdata: process \([0-9]*\)$/\1/p' "$1" | tail -n 1; }
another_than() { local p; p=$(data_process "$2"); [ -n "$p" ] && [ "$p" != "$1" ]; }
ports() { ip -n "$LAB_ID-gw" -d link show master br0; }
gap_ms() { awk -F'[][ ]' '/time=/ {if (last && $2 - last > gap) gap = $2 - last; last = $2} END {printf "%d", gap * 1000}' "$1"; }

data_killed() { # server|c1 SIGNAL MOST_MS OVERRIDES OF THE CLIENT...
    local end=$1 sig=$2 most=$3 log p before pings t gap
    shift 3
    CLIENT=("$@")
    up || { CLIENT=(); return 1; }
    CLIENT=()
    if [ "$end" = server ]; then log=$LAB_SRV_LOG; else log=${LAB_CLI_LOG[c1]}; fi
    p=$(data_process "$log")
    [ -n "$p" ] || { skipped "OpenVPN is one process"; return; }
    before=$(ports)
    lab_bg c1 "$LAB_DIR/pings" ping -n -D -i 0.01 -w 30 192.168.77.10
    pings=$LAB_PID
    lab_until 2 lab_log_has "$LAB_DIR/pings" time= 20 || why "no pings" || return
    t=$(lab_now_ms)
    kill -"$sig" "$p"
    lab_until 1 another_than "$p" "$log" || why "no new data process" || return
    t=$(($(lab_now_ms) - t))
    lab_wait_log "$log" "data process restarted" 2 || why "control was not told" || return
    lab_until 5 lab_ping_once c1 192.168.77.10 || why "no ping any more" || return
    lab_nap 0.3
    lab_stop "$pings" INT
    gap=$(gap_ms "$LAB_DIR/pings")
    rm -f "$LAB_DIR/pings"
    T_NOTE="new process after $t ms, $gap ms without an echo"
    [ "$gap" -lt "$most" ] || why "$T_NOTE" || return
    [ "$(ports)" = "$before" ] || why "the bridge changed: $(ports)"
}

# A renegotiation every 5 s under a ping each 10 ms: nothing is lost.
renegotiates() { # WHO
    local out n s=() c=()
    if [ "$1" = server ]; then s=("reneg-sec 5 5"); c=("reneg-sec 0"); else s=("reneg-sec 0"); c=("reneg-sec 5"); fi
    built "${s[0]}" || return
    CLIENT=("${c[@]}")
    up "${s[@]}" || { CLIENT=(); return 1; }
    CLIENT=()
    out=$(lab_echoes c1 192.168.77.10 750 0.01)
    n=$(grep -c 'Control Channel: TLS' "$LAB_SRV_LOG")
    T_NOTE="$(printf '%s' "$out" | grep loss)"
    [ "$n" -ge 2 ] || why "no renegotiation seen" || return
    printf '%s' "$out" | grep -q ' 0% packet loss' || why "$T_NOTE"
}

# The laptop's address changes under traffic: the session goes on.
floats() {
    built "float" || return
    up float || return
    ip -n "$LAB_ID-c1" addr add 10.9.0.111/16 dev wan0
    ip -n "$LAB_ID-c1" addr del 10.9.0.11/16 dev wan0
    ip -n "$LAB_ID-c1" addr add 10.9.0.111/16 dev wan0 2>/dev/null
    lab_ping c1 192.168.77.10 4
    local status=$?
    ip -n "$LAB_ID-c1" addr flush dev wan0 scope global
    lab_addr c1 wan0 10.9.0.11/16 fd09::11/64
    [ $status = 0 ] || why "no ping from the new address" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 2 && why "the session was made anew"
    return 0
}

tls_crypt() {
    built '!tls-auth' "tls-crypt $LAB_PKI/ta.key" || return
    CLIENT=('!tls-auth' "tls-crypt $LAB_PKI/ta.key")
    up '!tls-auth' "tls-crypt $LAB_PKI/ta.key"
    local status=$?
    CLIENT=()
    return $status
}

CLIENT=()
lab_begin lifecycle
lab_pki && lab_office 2 || exit 1
t_case exit-notify-control leaves
t_case silence-is-not-good-bye leaves_quietly
t_case max-clients max_clients
t_case same-certificate-takes-over same_name
t_case duplicate-cn duplicate_cn
t_case ping-restart-server server_gives_up
t_case ping-restart-client client_gives_up
t_case keepalive-holds-idle idle_stays
t_case sigterm-tells-clients sigterm_tells
t_case sigterm-restores-bridge restores_bridge
t_case sigterm-keeps-foreign-bridge keeps_foreign_bridge
t_case restart-after-kill crash_leaves_lan
retry=()
[ "$LAB_CLIENT" = openvpn ] || retry=("connect-retry 8 8")
t_case C59-data-killed data_killed server KILL 4000 "${retry[@]}"
t_case C59-data-crashes data_killed server SEGV 4000 "${retry[@]}"
t_case C59-data-killed-in-the-client data_killed c1 KILL 4000 "connect-retry 8 8"
t_case renegotiation-by-server renegotiates server
t_case renegotiation-by-client renegotiates client
t_case float floats
t_case tls-crypt tls_crypt
t_end
