#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The concentrator's only LAN card carries the way its admin came by, and `bridge-takeover` moves all of it to the
# bridge: a TCP connection of the admin lives through the move and through its undoing; what is not confirmed is put
# back by itself, also when keeper is killed, at whatever step of the move. Options as in handshake.sh.
#
#   lan [the admin, .77.10] --- gw [eth0 .77.1, default route by .77.10] --- wan
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_SERVER=drawbridged
CTL=$(dirname "$DBR_DAEMON")/../ctl/drawbridge-ctl
STEPS="1 4 8 13 20 26" # test.sh --full takes every one
[[ " ${LAB_REST[*]} " == *" --full "* || -n ${RENEG_MINUTES:-} ]] && STEPS=$(seq 1 30)

# What must be as it was: links, addresses, routes and rules, without counters and lifetimes that run.
state() {
    { ip -n "$LAB_ID-gw" -o addr show dev eth0; ip -n "$LAB_ID-gw" -4 route show table all; ip -n "$LAB_ID-gw" -6 route show table all
      ip -n "$LAB_ID-gw" rule; ip -n "$LAB_ID-gw" -br link; } 2>/dev/null | grep -v tap0 | sed -E 's/ (valid|preferred)_lft [0-9]+sec//g; s/ expires [0-9]+sec//; s/ nodad//' | sort
}
is_back() { [ "$(state)" = "$BEFORE" ]; }
# A list that the kernel changes while it is read out has lines twice.
settled() {
    BEFORE=$(state)
    is_back
}

host() {
    local n=$LAB_ID-gw
    ip -n "$n" addr flush dev eth0
    ip -n "$n" link set eth0 up
    ip -n "$n" addr add 192.168.77.1/24 dev eth0
    ip -n "$n" addr add 192.168.77.2/24 dev eth0 label eth0:x
    ip -n "$n" addr add fd77::1/64 dev eth0 nodad
    ip -n "$n" route replace default via 192.168.77.10 dev eth0 metric 100
    ip -n "$n" route replace 10.7.0.0/16 via 192.168.77.10
    ip -n "$n" route replace 10.8.0.0/16 dev eth0 table 77
    ip -n "$n" -6 route replace fd99::/48 via fd77::10
    lab_ping lan 192.168.77.1 || why "the host is not reached" || return
    lab_until 3 settled || why "the host does not settle"
}

# admin: the connection that must live, a line each 5 ms; its longest pause is written when it ends.
admin() {
    : >"$LAB_DIR/echo" >"$LAB_DIR/admin"
    lab_bg gw "$LAB_DIR/echo" $LAB_PYTHON -c '
import socket
l = socket.create_server(("192.168.77.1", 2222)); print("ready", flush=True)
c, _ = l.accept()
while data := c.recv(4096): c.sendall(data)'
    lab_wait_log "$LAB_DIR/echo" ready 3
    lab_bg lan "$LAB_DIR/admin" $LAB_PYTHON -c '
import signal, socket, time
stop = []; signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
c = socket.create_connection(("192.168.77.1", 2222)); c.settimeout(20); print("ready", flush=True)
worst = 0
while not stop:
    t = time.monotonic(); c.sendall(b"x"); assert c.recv(1); worst = max(worst, time.monotonic() - t); time.sleep(0.005)
print(f"{worst * 1000:.0f}")'
    ADMIN=$LAB_PID
    lab_wait_log "$LAB_DIR/admin" ready 3
}

# admin_lives: WORST, the longest echo in ms; false when the connection broke.
admin_lives() {
    lab_stop "$ADMIN" TERM 25
    WORST=$(tail -n 1 "$LAB_DIR/admin")
    [[ $WORST =~ ^[0-9]+$ ]] || why "the admin's connection broke: $(tail -n 1 "$LAB_DIR/admin")"
}

takes_over() { # SECONDS
    host && admin || return
    lab_server_start bridge-takeover "bridge-confirm $1" "state-dir $LAB_DIR/state" || why "server does not start" || return
    ip -n "$LAB_ID-gw" -o addr show dev br0 | grep -q '192.168.77.2/24' || why "the addresses are not on the bridge"
}

confirmed() {
    mkdir -p "$LAB_DIR/state"
    takes_over 5 || return
    x gw "$CTL" bridge confirm br0 >/dev/null || why "drawbridge-ctl bridge confirm fails" || return
    x gw "$CTL" bridge confirm br0 2>/dev/null && { why "a second confirmation finds somebody"; return; }
    lab_nap 5.5
    ip -n "$LAB_ID-gw" -o addr show dev br0 | grep -q '192.168.77.1/24' || why "undone although confirmed" || return
    admin_lives || return
    T_NOTE="the admin's connection lives, longest echo $WORST ms"
    lab_server_stop && is_back || why "not as before after SIGTERM: $(diff <(echo "$BEFORE") <(state) | head -n 5)" || return
    # a later start needs no confirmation
    lab_server_start bridge-takeover "bridge-confirm 1" "state-dir $LAB_DIR/state" || why "server does not start again" || return
    lab_nap 1.6
    ip -n "$LAB_ID-gw" -o addr show dev br0 | grep -q '192.168.77.1/24' || why "the confirmation was forgotten"
}

not_confirmed() {
    rm -rf "$LAB_DIR/state"
    mkdir -p "$LAB_DIR/state"
    takes_over 3 || return
    lab_until 5 is_back || why "not put back: $(diff <(echo "$BEFORE") <(state) | head -n 5)" || return
    lab_until 5 lab_gone "$LAB_SRV_PID" || why "the server goes on without its bridge" || return
    wait "$LAB_SRV_PID"
    [ $? = 4 ] || why "it ended with another status than 4" || return
    LAB_SRV_PID=
    is_back || why "the server's end changed something" || return
    admin_lives || return
    T_NOTE="put back, longest echo of the admin $WORST ms"
}

# keeper is killed after the move; nobody starts it again.
killed() {
    takes_over 2 || return
    kill -KILL "$LAB_SRV_PID"
    wait "$LAB_SRV_PID" 2>/dev/null
    LAB_SRV_PID=
    lab_until 5 is_back || why "not put back: $(diff <(echo "$BEFORE") <(state) | head -n 5)" || return
    admin_lives || return
    T_NOTE="put back, longest echo of the admin $WORST ms"
}

# keeper is killed as it sends its nth netlink message.
killed_at_each_step() {
    local n tried=0
    command -v strace >/dev/null || { skipped "strace is not installed"; return; }
    host && admin || return
    lab_server_conf drawbridged bridge-takeover "bridge-confirm 2" "state-dir $LAB_DIR/state" >"$LAB_DIR/step.conf"
    for n in $STEPS; do
        : >"$LAB_DIR/step.log"
        lab_bg gw "$LAB_DIR/step.log" strace -o /dev/null -e trace=sendmsg -e inject=sendmsg:signal=KILL:when="$n" \
            "$DBR_DAEMON" --config "$LAB_DIR/step.conf"
        lab_until 10 lab_step_over "$LAB_PID" || why "step $n: neither killed nor serving" || return
        if lab_log_has "$LAB_DIR/step.log" "Initialization Sequence Completed"; then
            lab_drain_daemon
        else
            tried=$((tried + 1))
        fi
        lab_until 6 is_back || why "step $n: $(diff <(echo "$BEFORE") <(state) | head -n 6)" || return
    done
    admin_lives || return
    T_NOTE="killed at $tried steps, put back each time; longest echo of the admin $WORST ms"
    [ $tried -ge 6 ] || why "$T_NOTE"
}
# keeper is killed in the middle of the move, and the next one starts while the move is still being put back: what the
# watching process of the first one does then must not take away the journal of the second one.
killed_and_started_again() {
    command -v strace >/dev/null || { skipped "strace is not installed"; return; }
    host || return
    lab_server_conf drawbridged bridge-takeover "bridge-confirm 2" "state-dir $LAB_DIR/state" >"$LAB_DIR/step.conf"
    : >"$LAB_DIR/step.log"
    lab_bg gw "$LAB_DIR/step.log" strace -f -o /dev/null -e trace=unlink,sendmsg \
        -e inject=unlink:delay_enter=700000 -e inject=sendmsg:delay_enter=30000 "$DBR_DAEMON" --config "$LAB_DIR/step.conf"
    lab_until 10 x gw test -e /sys/class/net/br0 || why "no bridge" || return
    kill -KILL "$(pgrep -P "$LAB_PID" | head -n 1)"
    lab_until 6 is_back || why "not put back: $(diff <(echo "$BEFORE") <(state) | head -n 5)" || return
    lab_bg gw "$LAB_DIR/step.log" "$DBR_DAEMON" --config "$LAB_DIR/step.conf"
    lab_wait_log "$LAB_DIR/step.log" "Initialization Sequence Completed" 10 || why "the next one does not start" || return
    lab_nap 1 # the first one's watching process has ended
    lab_stop "$LAB_PID" KILL
    lab_until 6 is_back || why "the second one is not put back: $(diff <(echo "$BEFORE") <(state) | head -n 5)"
}
lab_step_over() { lab_gone "$1" || lab_log_has "$LAB_DIR/step.log" "Initialization Sequence Completed"; }
lab_drain_daemon() { # keeper is strace's child
    local p
    p=$(pgrep -P "$LAB_PID" | head -n 1)
    [ -n "$p" ] && kill -TERM "$p"
    lab_until 8 lab_gone "$LAB_PID"
}

lab_begin takeover
lab_pki && lab_office 1 || exit 1
lab_have drawbridged || { t_skip takeover "$LAB_WHY"; t_end; }
t_case takeover-confirmed confirmed
t_case takeover-not-confirmed not_confirmed
t_case takeover-keeper-killed killed
t_case takeover-killed-and-started-again killed_and_started_again
t_case takeover-killed-at-each-step killed_at_each_step
t_end
