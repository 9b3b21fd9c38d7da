#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The management interface of drawbridged as the tools of the field use it (tests/lib/managers.py). Options as in
# handshake.sh; only drawbridged is asked.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
SOCK=

served() { # DIRECTIVES...: a server with a management socket, and c1 on it
    SOCK=$LAB_DIR/management.sock
    lab_server_start "management $SOCK unix" "$@" || why "server does not start" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

# manager SCENARIO ADDRESS [PORT] [ARG]: why, where it fails.
manager() {
    local out
    out=$(x gw "$LAB_PYTHON" "$LAB_LIB/managers.py" "$@" 2>&1) || why "$1: $(printf '%s' "$out" | tail -n 1)"
}

comes_back() { # OLD COUNT
    lab_wait_log "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" 15 2 || why "the killed client does not come back"
}

monitors() {
    served && manager monitor "$SOCK" && comes_back || return
    [ "$(stat -c %a "$SOCK")" = 600 ] || why "the socket is open to others: $(stat -c %a "$SOCK")" || return
    lab_server_stop || why "the server did not end well" || return
    [ ! -e "$SOCK" ] || why "the socket file was left behind"
}

firewalls() { served && manager firewall "$SOCK" && comes_back; }
kills_by_name() { served && manager by_name "$SOCK" && comes_back; }

hears() {
    SOCK=$LAB_DIR/management.sock
    lab_server_start "management $SOCK unix" || why "server does not start" || return
    lab_bg gw "$LAB_DIR/news" "$LAB_PYTHON" "$LAB_LIB/managers.py" news "$SOCK"
    local pid=$LAB_PID
    lab_until 5 grep -q listening "$LAB_DIR/news" || why "$(tail -n 1 "$LAB_DIR/news")" || return
    lab_client_start c1 || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_until 20 lab_gone "$pid"
    wait "$pid" || why "$(tail -n 1 "$LAB_DIR/news")" || return
    lab_wait_log "${LAB_CLI_LOG[c1]}" 'Halt command was pushed' 5 || why "the client heard no HALT"
}

# TCP, a password, and nobody gets in before the hold is released.
asks_password() {
    echo secret-of-managers >"$LAB_DIR/pw"
    lab_server_start "management 127.0.0.1 7505 $LAB_DIR/pw" management-hold || why "server does not start" || return
    lab_client_spawn c1
    lab_nap 1.5
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "TLS: Initial packet" || why "the server answered before it was released" || return
    manager oauth2 127.0.0.1 7505 secret-of-managers || return
    lab_client_wait c1 || why "no connection after the release"
}

crowd() {
    served || return
    manager silent "$SOCK" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    manager by_name "$SOCK"
}

# A manager admits one and refuses the other; the stock client hears both.
judges() {
    SOCK=$LAB_DIR/management.sock
    lab_server_start "management $SOCK unix" management-client-auth || why "server does not start" || return
    lab_bg gw "$LAB_DIR/judge" "$LAB_PYTHON" "$LAB_LIB/managers.py" judge "$SOCK"
    local pid=$LAB_PID
    lab_until 5 grep -q listening "$LAB_DIR/judge" || why "$(tail -n 1 "$LAB_DIR/judge")" || return
    lab_client_start c1 || why "c1 does not connect: $(tail -n 1 "$LAB_DIR/judge")" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" 'login.example' || why "c1 was not told where to log in" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" 'DOMAIN office.example' || why "c1 was not pushed the manager's option" || return
    lab_client_spawn c2
    lab_wait_log "${LAB_CLI_LOG[c2]}" 'AUTH_FAILED,try tomorrow' 8 || why "c2 did not hear its refusal" || return
    lab_until 5 lab_gone "$pid"
    wait "$pid" || why "$(tail -n 1 "$LAB_DIR/judge")"
}

# The client role, as openvpn-gui drives it: hold, an encrypted key, states, byte counts, the end.
client_role() {
    lab_has_client || { skipped "$LAB_WHY"; return; }
    local LAB_CLIENT=drawbridged sock=$LAB_DIR/gui.sock pid
    openssl pkcs8 -topk8 -in "$LAB_PKI/c1.key" -out "$LAB_DIR/c1.enc" -passout 'pass:a b"c' 2>/dev/null
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 "management $sock unix" management-hold management-query-passwords "key $LAB_DIR/c1.enc"
    pid=${LAB_CLI_PID[c1]}
    lab_until 5 test -S "$sock" || why "no management socket" || return
    local signal # while it waits for the passphrase there is nothing that they could do, and nothing ends by them
    lab_wait_log "${LAB_CLI_LOG[c1]}" "waiting for a manager to give the passphrase" 5 || why "it does not wait" || return
    for signal in USR2 USR1 HUP; do lab_signal "$pid" $signal; lab_nap 0.2; done
    ! lab_gone "$pid" || why "ended by a signal while it waited: $(tail -n 1 "${LAB_CLI_LOG[c1]}")" || return
    manager gui "$sock" 0 'a b\"c' || return
    lab_until 5 lab_gone "$pid" || why "still there after signal SIGTERM"
}

# The daemon calls the manager, tells it what other processes log, and ends when it goes.
daemon_calls() {
    SOCK=$LAB_DIR/listens.sock
    lab_server_start "management $SOCK unix" management-client && why "it started without its manager" && return 1
    lab_log_has "$LAB_SRV_LOG" "cannot call the manager at $SOCK: .*; start it first" || why "$(tail -n 1 "$LAB_SRV_LOG")" || return
    lab_bg gw "$LAB_DIR/listens" "$LAB_PYTHON" "$LAB_LIB/managers.py" listening "$SOCK" 0 'taken out of the bridge; mended'
    local pid=$LAB_PID
    lab_until 5 grep -q listening "$LAB_DIR/listens" || why "no manager" || return
    lab_server_start "management $SOCK unix" management-client || why "server does not start: $(tail -n 1 "$LAB_SRV_LOG")" || return
    lab_until 5 grep -q ready "$LAB_DIR/listens" || why "$(tail -n 1 "$LAB_DIR/listens")" || return
    ip -n "$LAB_ID-gw" link set tap0 nomaster
    lab_until 12 lab_gone "$pid"
    wait "$pid" || why "$(tail -n 1 "$LAB_DIR/listens")" || return
    lab_until 5 lab_gone "$LAB_SRV_PID" || why "still there without its manager" || return
    [ -e "$SOCK" ] || why "it removed the manager's socket"
}

# The server's key is a manager's who is slow: another client comes and goes meanwhile, and frames flow.
server_waits() {
    local LAB_SERVER=drawbridged LAB_CLIENT=openvpn
    SOCK=$LAB_DIR/sign.sock
    rm -f "$SOCK" "$LAB_DIR/signer"
    lab_server_start "management $SOCK unix" "!key" "management-external-key pss pkcs1" "control-socket $LAB_DIR/ctl" || why "server does not start: $(tail -n 1 "$LAB_SRV_LOG")" || return
    lab_bg gw "$LAB_DIR/signer" "$LAB_PYTHON" "$LAB_LIB/managers.py" signer "$SOCK" 0 "$LAB_PKI/server.key none 2 RSA_PKCS1_PSS_PADDING.* 3"
    lab_client_spawn c1
    lab_client_spawn c2
    local i
    for i in 1 2 3 4 5; do
        x gw timeout 2 "${DBR_DAEMON%/keeper/*}/ctl/drawbridge-ctl" --socket "$LAB_DIR/ctl" status >/dev/null || why "control stands still while a manager signs" || return
        lab_nap 0.2
    done
    lab_client_wait c1 && lab_client_wait c2 || why "does not connect: $(tail -n 1 "$LAB_DIR/signer")" || return
    lab_ping c1 192.168.77.10 && lab_ping c2 192.168.77.10 || why "no ping"
}

# What the systemd unit leaves root of its rights is enough to give the socket to somebody.
unit_rights() {
    local LAB_SERVER=drawbridged caps who want
    caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$LAB_LIB/../../server/systemd/drawbridge@.service" | tr A-Z a-z | sed 's/cap_/+/g; s/ /,/g')
    printf '#!/bin/sh\nexec setpriv --bounding-set=-all,%s "%s" "$@"\n' "$caps" "$DBR_DAEMON" >"$LAB_DIR/unit"
    chmod 755 "$LAB_DIR/unit"
    local DBR_DAEMON=$LAB_DIR/unit group=$(id -gn nobody)
    for who in "user nobody 600 nobody:root" "group $group 660 root:$group"; do
        want=${who#* * }
        lab_server_start "management $LAB_DIR/unit.sock unix" "management-client-${who% * *}" || why "$(tail -n 1 "$LAB_SRV_LOG")" || return
        [ "$(stat -c '%a %U:%G' "$LAB_DIR/unit.sock")" = "$want" ] || why "$(stat -c '%a %U:%G' "$LAB_DIR/unit.sock") instead of $want" || return
        lab_server_stop || why "it does not end well" || return
    done
}

lab_begin management
LAB_SERVER=drawbridged
lab_pki && lab_office 2 || exit 1
t_case management-monitor monitors
t_case management-firewall firewalls
t_case management-kill-name kills_by_name
t_case management-news hears
t_case management-password-hold asks_password
t_case management-crowd crowd
t_case management-judge judges
t_case management-client client_role
t_case management-client-calls daemon_calls
t_case management-key-of-the-server server_waits
t_case management-rights-of-the-unit unit_rights
t_end
