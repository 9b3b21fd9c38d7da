#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Loops (C42): a client that is joined to the office's LAN by a wire as well, and two sites that are one LAN already. One
# broadcast circles for ever without the loop guard, at the clients' rate; with it the port is closed within a second or two,
# others go on, and it opens again when the loop is gone. Options as in handshake.sh; both ends are drawbridged.
#
#   lan (.77.10) --- switch -- gw [server, br0: eth0 tap0] -- wan --- c2 [laptop]
#                      |                                          |
#                      +------------ eth1 c1 [br1: eth1 tap0] ----+        and: far [br0] == eth1 of c1 and of c2
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_SERVER=drawbridged LAB_CLIENT=drawbridged

office() {
    local n
    lab_space switch && lab_space gw && lab_space lan && lab_space far || return
    for n in switch far; do
        ip -n "$LAB_ID-$n" link add br0 type bridge forward_delay 0 mcast_snooping 0 && ip -n "$LAB_ID-$n" link set br0 up || return
    done
    for n in lan gw; do lab_link $n eth0 switch $n && ip -n "$LAB_ID-switch" link set $n master br0 || return; done
    # A frame that the LAN host sends of itself while the loop is open teaches the office's own switch that the host is at
    # c1's wire, until it speaks again: nobody reaches it meanwhile, and that is not what is tested.
    x lan sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    lab_addr lan eth0 192.168.77.10/24 && lab_addr far br0 192.168.77.20/24
    x gw sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.default.accept_ra=0
    lab_wan 2 && lab_addr gw wan0 10.9.0.1/16 && lab_addr gw wan0 fd09::1/64 || return
    lab_link c1 eth1 switch c1 && lab_link c2 eth1 far c2 && lab_link c1 eth2 far c1 || return
    ip -n "$LAB_ID-switch" link set c1 master br0
    for n in c1 c2; do ip -n "$LAB_ID-far" link set $n master br0 || return; done
}

# each_is KIND: what the server holds its clients to be. A storm has 2,000 frames a second, not what the machine can do.
each_is() {
    mkdir -p "$LAB_DIR/ccd" && printf 'port-kind %s\nrate 1000000 1000000\n' "$1" >"$LAB_DIR/ccd/DEFAULT"
}

# circles FROM DEV [options]: do five broadcasts make hundreds of frames in two seconds?
circles() {
    local n f="/sys/class/net/$2/statistics/rx_packets"
    n=$(x "$1" cat "$f")
    lab_send "$1" "$2" --text round --count 5 --gap 0.1 "${@:3}"
    lab_nap 2
    n=$(($(x "$1" cat "$f") - n))
    T_NOTE+="${T_NOTE:+, }$n frames in 2 s"
    [ $n -ge 400 ]
}
HOST="--src 02:00:00:00:55:02" # of the far LAN

# arrives: a host that is new at the far site is heard in the office.
arrives() {
    lab_hear lan eth0 new --text new-host --seconds 2
    lab_send far br0 --src 02:00:00:00:55:01 --text new-host
    lab_heard new
}
closed() { lab_wait_log "$LAB_SRV_LOG" "WARNING: loop: our own frames come back" 4; }

c1_on_the_wire() { # [server options]: c1 joins the office by the tunnel and by its wire
    each_is laptop
    lab_server_start "client-config-dir $LAB_DIR/ccd" "$@" && lab_client_start c2 && lab_ping c2 192.168.77.10 || why "no ping" || return
    lab_client_start c1 "+bridge br1 eth1" "+port-kind site" || why "c1 does not connect"
}

office_open() {
    c1_on_the_wire "loop-guard off" || return
    circles lan eth0 || why "nothing circles without the guard: the next case would prove nothing" || return
    lab_log_has "$LAB_SRV_LOG" "loop:" && why "a loop was found with loop-guard off"
    return 0
}

office_guarded() {
    local t0 lost
    t0=$(lab_now_ms)
    c1_on_the_wire "control-socket $LAB_DIR/ctl" || return
    closed || why "the loop is not found" || return
    T_NOTE="closed $(($(lab_now_ms) - t0)) ms after the start"
    lost=$(lab_echoes c2 192.168.77.10 100 0.02 | awk '/packets transmitted/ {print $1 - $4}')
    T_NOTE+=", another client loses $lost of 100 pings"
    [ "$lost" -le 5 ] || why "$T_NOTE" || return
    ! circles lan eth0 || why "a broadcast circles although the port is closed" || return
    "${DBR_DAEMON%/keeper/*}/ctl/drawbridge-ctl" --socket "$LAB_DIR/ctl" status | grep -q '^ALARM: loop: the port of c1' || why "no line in the status" || return
    [ "$(grep -c "WARNING: loop" "$LAB_SRV_LOG")" = 1 ] || why "not one alarm but $(grep -c "WARNING: loop" "$LAB_SRV_LOG")"
}

two_sites() { # [server options]
    each_is site
    lab_server_start "client-config-dir $LAB_DIR/ccd" client-to-client "$@" || why "server does not start" || return
    lab_client_start c1 "+bridge br1 eth2" "+port-kind site" && lab_ping far 192.168.77.10 5 || why "the first site is not there" || return
    lab_client_start c2 "+bridge br1 eth1" "+port-kind site" || why "the second link does not connect"
}

sites_open() {
    two_sites "loop-guard off" || return
    circles far br0 $HOST || why "nothing circles without the guard: the next case would prove nothing"
}

sites_guarded() {
    two_sites || return
    closed || why "the loop is not found" || return
    [ "$(grep -c "WARNING: loop" "$LAB_SRV_LOG")" = 1 ] || why "both links were closed" || return
    ! circles far br0 $HOST || why "a broadcast circles although a port is closed" || return
    lab_ping far 192.168.77.10 5 || why "the link that is left does not work" || return
    ip -n "$LAB_ID-far" link set c1 down
    lab_until 16 arrives || why "the port stays closed although the loop is gone"
}

lab_begin loop
lab_pki && office || exit 1
t_case office-wire-without-guard office_open
t_case office-wire office_guarded
t_case two-sites-without-guard sites_open
t_case two-sites sites_guarded
t_end
