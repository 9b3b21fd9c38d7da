#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Scripts of the server: order, arguments, environment, refusals, hanging ones. Options as in handshake.sh; where
# OpenVPN means the same, --server openvpn passes too.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

# hook NAME [BODY]: a script that writes a line "NAME ARGS" and its environment, then does BODY.
hook() {
    cat >"$LAB_DIR/$1.sh" <<-SH
	#!/bin/bash
	echo "$1 \$*" >>$LAB_DIR/calls
	env | sort >$LAB_DIR/$1.env
	${2:-exit 0}
	SH
    chmod +x "$LAB_DIR/$1.sh"
    echo "$1 $LAB_DIR/$1.sh"
}

start() {
    : >"$LAB_DIR/calls"
    lab_server_start "script-security 2" "$@" || why "server does not start"
}

called() { grep -cE "$1" "$LAB_DIR/calls"; }
has() { grep -qxE "$2" "$LAB_DIR/$1.env" || why "$1 misses $2: $(grep -E "^${2%%=*}=" "$LAB_DIR/$1.env")"; }

order() {
    start "$(hook tls-verify)" "$(hook client-connect)" "$(hook client-disconnect)" "$(hook learn-address)" || return
    lab_client_start c1 "explicit-exit-notify 1" || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_until 5 grep -q learn-address "$LAB_DIR/calls" || why "no learn-address" || return
    lab_stop "${LAB_CLI_PID[c1]}" TERM
    LAB_CLI_PID[c1]=
    lab_until 10 grep -q client-disconnect "$LAB_DIR/calls" || why "no client-disconnect" || return
    local mac seen
    seen=$(grep -v 'learn-address delete' "$LAB_DIR/calls" | awk '{print $1}' | uniq | tr '\n' ' ')
    [ "$seen" = "tls-verify client-connect learn-address client-disconnect " ] || why "order: $seen" || return
    [ "$(called '^tls-verify 1 .*CN=Throw-away CA')" = 1 ] && [ "$(called '^tls-verify 0 .*CN=c1')" = 1 ] || why "tls-verify: $(grep tls-verify "$LAB_DIR/calls")" || return
    mac='[0-9a-f]{2}(:[0-9a-f]{2}){5}@0'
    grep -qE "^learn-address (add|update) $mac c1\$" "$LAB_DIR/calls" || why "$(grep learn "$LAB_DIR/calls")" || return
    has client-connect 'script_type=client-connect' && has client-connect 'common_name=c1' &&
        has client-connect 'trusted_ip=10\.9\.0\.11' && has client-connect 'trusted_port=[0-9]+' &&
        has client-connect 'dev=tap0' && has client-connect 'ifconfig_pool_remote_ip=192\.168\.77\.1[0-9]+' &&
        has client-connect 'time_unix=[0-9]+' && has client-connect 'IV_VER=2\..*' &&
        has client-connect 'tls_serial_0=[0-9]+' && has client-connect 'X509_0_CN=c1' || return
    has client-disconnect 'bytes_received=[1-9][0-9]*' && has client-disconnect 'time_duration=[0-9]+' || return
    ! lab_status_has c1 || lab_until 5 lab_status_lacks c1 || why "still listed"
}

# What the script writes counts as the client's file.
connect_writes() {
    start "$(hook client-connect 'echo "ifconfig-push 192.168.77.200 255.255.255.0" >"$1"; echo "push \"dhcp-option DNS 192.168.77.53\"" >>"$1"')" || return
    lab_client_start c1 || why "client does not connect" || return
    [ "$(lab_tunnel_ip c1)" = 192.168.77.200 ] || why "its address: $(lab_tunnel_ip c1)" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "dhcp-option DNS 192.168.77.53" || why "no pushed option" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

connect_refuses() {
    start "$(hook client-connect '[ $common_name != c1 ]')" "$(hook client-disconnect)" || return
    lab_client_spawn c1
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED" 8 || why "c1 was not refused" || return
    lab_client_start c2 || why "c2 was refused" || return
    [ "$LAB_SERVER" = openvpn ] && return # it runs client-disconnect all the same
    [ "$(called '^client-disconnect')" = 0 ] || why "client-disconnect ran for one who never came"
}

verify_refuses() {
    start "$(hook tls-verify 'case "$1 $2" in "0 "*CN=c1*) exit 1 ;; esac')" "$(hook client-connect)" || return
    lab_client_spawn c1
    lab_client_start c2 || why "c2 was refused" || return
    lab_nap 1
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" || why "c1 got in" || return
    [ "$(called '^client-connect')" = 1 ] || why "client-connect ran for the refused one"
}

# Ours only: a script that takes its time holds up its own client, nobody else; the others' frames flow.
slow_delays_nobody() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "OpenVPN stands still while a script runs"; return; }
    start "$(hook client-connect '[ $common_name = c1 ] || sleep 5')" || return
    lab_client_start c1 || why "c1 does not connect" || return
    lab_client_spawn c2
    lab_until 5 grep -q 'common_name=c2' "$LAB_DIR/client-connect.env" || why "no script for c2" || return
    local out
    out=$(lab_echoes c1 192.168.77.10 20 0.05) || why "no ping while a script runs: $out" || return
    printf '%s' "$out" | grep -q ' 0% packet loss' || why "$(printf '%s' "$out" | grep loss)" || return
    ! lab_log_has "${LAB_CLI_LOG[c2]}" "Initialization Sequence Completed" || why "c2 did not wait for its script" || return
    lab_client_wait c2 || why "c2 does not get in after its script"
}

# Where `user` is given, scripts are that user's, as OpenVPN's are after its start.
as_user() {
    chmod 711 "$LAB_DIR"
    : >"$LAB_DIR/who"
    chmod 666 "$LAB_DIR/who"
    printf '#!/bin/sh\nid -un >%s/who\ngrep CapEff /proc/self/status >>%s/who\necho "push \\"route-metric 7\\"" >"$1"\n' "$LAB_DIR" "$LAB_DIR" >"$LAB_DIR/who.sh"
    chmod 755 "$LAB_DIR/who.sh"
    start "user nobody" "client-connect $LAB_DIR/who.sh" || return
    lab_client_start c1 || why "client does not connect" || return
    [ "$(head -n 1 "$LAB_DIR/who")" = nobody ] && grep -q 'CapEff:.0000000000000000' "$LAB_DIR/who" || why "it ran as $(tr '\n' ' ' <"$LAB_DIR/who")" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "route-metric 7" || why "what it wrote was not taken"
}

needs_security() {
    lab_server_start "script-security 1" "$(hook client-connect)"
    lab_until 5 lab_gone "$LAB_SRV_PID"
    LAB_SRV_PID=
    lab_log_has "$LAB_SRV_LOG" "script-security 2" || why "started although scripts are not allowed"
}

# The file's address is given, whoever is new is written into it, and it survives a daemon that is killed.
pool_persist() {
    echo c1,192.168.77.142 >"$LAB_DIR/pool"
    start "ifconfig-pool-persist $LAB_DIR/pool" || return
    lab_client_start c1 || why "client does not connect" || return
    [ "$(lab_tunnel_ip c1)" = 192.168.77.142 ] || why "c1 has $(lab_tunnel_ip c1)" || return
    [ "$LAB_SERVER" = openvpn ] && return # it writes after 600 s
    lab_client_start c2 || why "c2 does not connect" || return
    lab_until 4 grep -qx "c2,$(lab_tunnel_ip c2)" "$LAB_DIR/pool" || why "c2 is not in the file: $(cat "$LAB_DIR/pool")" || return
    grep -qx "c1,192.168.77.142" "$LAB_DIR/pool" || why "c1 is not in the file any more" || return
    [ "$(ls "$LAB_DIR"/pool*)" = "$LAB_DIR/pool" ] || why "left behind: $(ls "$LAB_DIR"/pool*)"
}

# down-pre, nice, mlock, machine-readable-output: seen from outside.
process() {
    start "$(hook up)" "$(hook down "ip link show tap0 >/dev/null && echo tap-is-there >>$LAB_DIR/calls")" down-pre "nice 5" mlock machine-readable-output || return
    local pid
    for pid in "$LAB_SRV_PID" $(pgrep -P "$LAB_SRV_PID"); do
        case $(awk '{print $19}' "/proc/$pid/stat") in
        5 | -5) ;; # data is ten above the others
        *) why "priority of a process: $(cat "/proc/$pid/stat")" || return ;;
        esac
        [ "$(awk '/^VmLck/ {print $2}' "/proc/$pid/status")" -gt 1000 ] || why "process $pid has its memory not locked" || return
    done
    grep -qE '^[0-9]{10}\.[0-9]{6} [0-9a-f]+ Initialization Sequence Completed' "$LAB_SRV_LOG" || why "$(tail -n 1 "$LAB_SRV_LOG")" || return
    lab_server_stop || why "the server did not end well" || return
    [ "$(awk '{print $1}' "$LAB_DIR/calls" | tr '\n' ' ')" = "up down tap-is-there " ] || why "calls: $(cat "$LAB_DIR/calls")"
}

# A client with tls-exit ends when its server is not who it should be.
tls_exit() {
    lab_has_client || { skipped "$LAB_WHY"; return; }
    local LAB_CLIENT=drawbridged
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 tls-exit "verify-x509-name somebody-else name"
    lab_until 8 lab_gone "${LAB_CLI_PID[c1]}" || why "the client goes on" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" tls-exit || why "$(tail -n 1 "${LAB_CLI_LOG[c1]}")"
}

# The client role: route-up when everything is set.
route_up() {
    lab_has_client || { skipped "$LAB_WHY"; return; }
    local LAB_CLIENT=drawbridged
    : >"$LAB_DIR/calls"
    lab_server_start || why "server does not start" || return
    lab_client_start c1 "script-security 2" "$(hook up)" "$(hook route-up)" || why "client does not connect" || return
    lab_until 5 grep -q route-up "$LAB_DIR/calls" || why "no route-up" || return
    [ "$(awk '{print $1}' "$LAB_DIR/calls" | tr '\n' ' ')" = "up route-up " ] || why "order: $(cat "$LAB_DIR/calls")" || return
    has route-up 'script_type=route-up' && has route-up 'dev=tap0'
}

lab_begin scripts
lab_pki && lab_office 2 || exit 1
t_case scripts-order order
t_case client-connect-writes connect_writes
t_case client-connect-refuses connect_refuses
t_case tls-verify-refuses verify_refuses
t_case scripts-slow slow_delays_nobody
t_case pool-persist pool_persist
if [ "$LAB_SERVER" = drawbridged ]; then
    t_case scripts-user as_user
    t_case scripts-security needs_security
    t_case process process
    t_case tls-exit tls_exit
    t_case route-up route_up
fi
t_end
