#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# From where our client calls, one <connection> block and the next: own port and address, the server's port, and a
# server that answers from another address than was called. Options as in handshake.sh; the client is drawbridged.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_CLIENT=drawbridged

log() { echo "${LAB_CLI_LOG[c1]}"; }

# calls BLOCKS [OVERRIDES...]: a client whose remotes are these blocks, and nothing else.
calls() {
    local blocks=$1 f=$LAB_DIR/blocks.conf
    shift
    lab_client_conf drawbridged c1 '!remote' "$@" >"$f"
    printf '%b' "$blocks" >>"$f"
    LAB_RUN=$((LAB_RUN + 1))
    LAB_CLI_LOG[c1]=$LAB_DIR/blocks.$LAB_RUN.log
    : >"$(log)"
    lab_bg c1 "$(log)" "$DBR_DAEMON" --config "$f"
    LAB_CLI_PID[c1]=$LAB_PID
}
seen_as() { lab_log_has "$LAB_SRV_LOG" "$1" || why "the server does not see $1: $(grep -o 'Initial packet from [^,]*' "$LAB_SRV_LOG" | tail -n 1)"; }

DEAD='<connection>\nremote 10.9.0.77 1194\nconnect-timeout 1\n</connection>\n'

# The first block takes any port; the second one a port and an address of its own, and the server's port by rport.
own_port() {
    lab_server_start "port 1200" || why "server does not start" || return
    calls "$DEAD<connection>\nremote 10.9.0.1\nrport 1200\nlport 5555\nlocal 10.9.0.44\n</connection>\n"
    lab_client_wait c1 || why "client does not connect" || return
    seen_as '\[AF_INET\]10\.9\.0\.44:5555' || return
    [ "$LAB_SERVER" = drawbridged ] || return 0 # OpenVPN 2.6 does not push to a port that it knows
    # the same port again after a restart, for it is the one that was asked for
    lab_signal "${LAB_CLI_PID[c1]}" USR1
    lab_wait_log "$(log)" "Initialization Sequence Completed" 8 2 || why "not connected again"
}
# What the file says for all; a block that says nobind takes any.
any_port() {
    lab_server_start || why "server does not start" || return
    calls "$DEAD<connection>\nremote 10.9.0.1 $LAB_PORT\nnobind\n</connection>\n" '!nobind' "+lport 5556"
    lab_client_wait c1 || why "client does not connect" || return
    ! lab_log_has "$LAB_SRV_LOG" 'from \[AF_INET\]10\.9\.0\.11:5556' || why "nobind took the port of the file"
}

# The server answers from 10.9.0.1 although 10.8.0.1 was called.
floats() {
    lab_server_start || why "server does not start" || return
    calls "<connection>\nremote 10.8.0.1 $LAB_PORT\nfloat\n</connection>\n"
    lab_client_wait c1 || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}
does_not_float() {
    lab_server_start || why "server does not start" || return
    calls "<connection>\nremote 10.8.0.1 $LAB_PORT\n</connection>\n"
    lab_nap 2
    ! lab_log_has "$(log)" "VERIFY OK|Initialization Sequence Completed" || why "an answer from elsewhere was taken"
}

lab_begin calling
lab_pki && lab_office 1 || exit 1
lab_link gw other0 gw other1 || exit 1
lab_addr gw other0 10.8.0.1/24
lab_addr c1 wan0 10.9.0.44/16
ip -n "$LAB_ID-c1" route add 10.8.0.0/24 via 10.9.0.1
t_case connection-own-port own_port
t_case connection-nobind any_port
t_case connection-float floats
t_case connection-without-float does_not_float
t_end
