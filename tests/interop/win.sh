#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The Windows client under Wine against real servers: `drawbridge.exe engine` is started as the service starts it, with
# an imported profile, a pipe in the TAP's place and a pipe to a small program that plays the service (winside.exe). Its
# frames go by UDP of the loopback to a real TAP of the same namespace (tapwire).
#
#     win.sh --build LINUX_BUILD --win WINDOWS_BUILD [--only REGEX]
#
# Wine's prefix is made fresh in the run folder, as its server must live in the namespace: it makes the sockets.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
set -- "${LAB_REST[@]}"
win=$LAB_LIB/../../build/win
while [ $# -gt 1 ]; do
    [ "$1" = --win ] && win=$2
    shift
done
build=${DBR_DAEMON%/server/keeper/drawbridged}
top=$(cd "$LAB_LIB/../.." && pwd)
exe=${WIN_EXE:-$win/client-win/program/drawbridge.exe} winside=$win/tests/unit/client-win/engine/winside.exe
tapwire=$build/tests/unit/client-win/engine/tapwire
LAB_CLIENT=drawbridged
FRAMES=5555

lab_begin win
export WINEPREFIX=$LAB_DIR/wine
wine() { x c1 "$LAB_LIB/wine.sh" "$@"; }
trap 'wine --end 2>/dev/null; lab_end' EXIT

# ---- the client

out() { echo "${LAB_CLI_LOG[c1]}"; }
said() { lab_wait_log "$(out)" "$1" "${2:-5}" "${3:-1}" || why "the client does not say '$1': $(tail -n 3 "$(out)" | tr '\n' ';')"; }
tell() { echo "$*" >&"$WIN_IN"; }

# inline FILE TAG [KEY_LINE]
inline() { printf '<%s>\n' "$1"; cat "$2"; printf '</%s>\n' "$1"; }

# profile [OVERRIDES...]: the lab's client configuration, as one file with everything in it.
profile() {
    lab_client_conf drawbridged c1 "$@" | while read -r word file rest; do
        case $word in
        ca | cert | key) inline "$word" "$file" ;;
        tls-auth) echo "key-direction ${rest:-1}"; inline tls-auth "$file" ;;
        tls-crypt | tls-crypt-v2) inline "$word" "$file" ;;
        *) echo "$word${file:+ $file}${rest:+ $rest}" ;;
        esac
    done
}

# win_start [OVERRIDES...]: the client, not waited for.
win_start() {
    LAB_RUN=$((LAB_RUN + 1))
    LAB_CLI_LOG[c1]=$LAB_DIR/c1.$LAB_RUN.log
    profile "$@" >"$LAB_DIR/c1.$LAB_RUN.ovpn"
    : >"$(out)"
    lab_bg c1 "$LAB_DIR/tapwire.log" "$tapwire" tap0 $FRAMES
    WIN_TAPWIRE=$LAB_PID
    rm -f "$LAB_DIR/in"
    mkfifo "$LAB_DIR/in"
    ip netns exec "$LAB_ID-c1" "$LAB_LIB/wine.sh" "$winside" "Z:${exe//\//\\}" "Z:$LAB_DIR/c1.$LAB_RUN.ovpn" office $FRAMES \
        <"$LAB_DIR/in" >>"$(out)" 2>&1 &
    LAB_CLI_PID[c1]=$!
    LAB_PIDS+=("$!")
    exec {WIN_IN}>"$LAB_DIR/in"
    lab_until 2 x c1 ip link set tap0 up
}

# win_up [OVERRIDES...]: connected, with the address that was pushed.
win_up() {
    win_start "$@"
    said '^STATE CONNECTED' 15 || return
    win_address
}

win_address() {
    local a
    a=$(sed -n 's/^NET ADDRESS 4 //p' "$(out)" | tail -n 1)
    [ -z "$a" ] || x c1 ip addr replace "${a%$'\r'}" dev tap0
}

win_stop() {
    [ -n "${LAB_CLI_PID[c1]:-}" ] || return 0
    tell stop
    lab_until 5 lab_gone "${LAB_CLI_PID[c1]}"
    exec {WIN_IN}>&-
    lab_stop "${LAB_CLI_PID[c1]}"
    LAB_CLI_PID[c1]=
    lab_stop "$WIN_TAPWIRE"
    return 0
}

# ---- cases

with() { # SERVER_OVERRIDES -- CLIENT_OVERRIDES
    local s=()
    while [ $# -gt 0 ] && [ "$1" != -- ]; do s+=("$1"); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    win_up "$@"
}

ping_through() { lab_ping c1 192.168.77.10 5 || why "no ping to the LAN"; }

connects() {
    with -- || return
    ping_through || return
    win_stop
    said '^EXIT 0' 3
}

lab_pki || exit 1
lab_office 1 || exit 1
t0=$(lab_now_ms)
wine cmd /c exit >/dev/null 2>&1
t_note "wine prefix $(($(lab_now_ms) - t0)) ms"
t_case connects connects
t_end
