#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# User names and passwords: our client against a stock server that asks for them by a script. File, inline block,
# prompt, second factor, challenge, tokens over renegotiations and reconnects, refusals. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
LAB_SERVER=openvpn
LAB_CLIENT=drawbridged

log() { echo "${LAB_CLI_LOG[c1]}"; }
said() { cut -d'|' -f1,2 "$LAB_DIR/said"; }
# The server's script: notes what it was told, lets in what LAB_DIR/good names; a password that begins with
# LAB_DIR/ask is answered by the challenge in LAB_DIR/reason.
verifier() {
    cat >"$LAB_DIR/verify" <<-HOOK
	#!/bin/sh
	user=\$(sed -n 1p "\$1"); pass=\$(sed -n 2p "\$1")
	echo "\$user|\$pass|\$session_state" >>"$LAB_DIR/said"
	grep -qxF "\$user|\$pass" "$LAB_DIR/good" && exit 0
	[ -s "$LAB_DIR/reason" ] && cat "$LAB_DIR/reason" >"\$auth_failed_reason_file"
	exit 1
	HOOK
    chmod 755 "$LAB_DIR/verify"
    rm -f "$LAB_DIR/said" "$LAB_DIR/reason"
    printf '%s\n' "$@" >"$LAB_DIR/good"
}
server() { lab_server_start "script-security 2" "auth-user-pass-verify $LAB_DIR/verify via-file" "$@" || why "server does not start"; }
secret() { printf '%s\n' "$@" >"$LAB_DIR/login"; }
client() { lab_client_start c1 "$@" || why "client does not connect: $(tail -n 1 "$(log)")"; }
ends() { lab_until "${2:-5}" lab_gone "${LAB_CLI_PID[c1]}" || why "the client is still there" || return; lab_log_has "$(log)" "$1" || why "no line like '$1'"; }
on_terminal() { # DONE PROMPT ANSWER ... -- OVERRIDES
    local done=$1 pairs=()
    shift
    while [ "$1" != -- ]; do pairs+=("$1"); shift; done
    shift
    lab_client_conf drawbridged c1 "$@" >"$LAB_DIR/tty.conf"
    x c1 $LAB_PYTHON "$LAB_LIB/terminal.py" "${pairs[@]}" -- "$done" "$DBR_DAEMON" --config "$LAB_DIR/tty.conf" >"$LAB_DIR/tty.log" 2>&1 ||
        why "$(tail -n 3 "$LAB_DIR/tty.log" | tr '\n' ';')"
}

by_file() {
    verifier 'alice|open sesame'
    secret alice 'open sesame'
    server && client "+auth-user-pass $LAB_DIR/login" && lab_ping c1 192.168.77.10 || why "${T_WHY:-no ping}" || return
    ! grep -q sesame "$(log)" || why "the password is in the log"
}
inline() {
    verifier 'alice|inline secret'
    server && client "+<auth-user-pass>" "+alice" "+inline secret" "+</auth-user-pass>"
}
by_terminal() {
    verifier 'alice|typed'
    server && on_terminal "Initialization Sequence Completed" "Auth Username:" alice "Auth Password:" typed -- +auth-user-pass || return
    ! grep -q typed "$LAB_DIR/tty.log" || why "the password was shown"
}
name_in_file() {
    verifier 'alice|typed'
    secret alice
    server && on_terminal "Initialization Sequence Completed" "Auth Password:" typed -- "+auth-user-pass $LAB_DIR/login"
}
nobody() {
    lab_client_conf drawbridged c1 +auth-user-pass >"$LAB_DIR/nobody.conf"
    x c1 setsid "$DBR_DAEMON" --config "$LAB_DIR/nobody.conf" </dev/null >"$LAB_DIR/nobody.log" 2>&1 && why "it started" && return 1
    lab_log_has "$LAB_DIR/nobody.log" "nobody to ask.*auth-user-pass FILE" || why "$(tail -n 1 "$LAB_DIR/nobody.log")"
}
refused() {
    verifier 'alice|right'
    secret alice wrong
    server || return
    lab_client_spawn c1 "+auth-user-pass $LAB_DIR/login"
    ends 'AUTH: Received control message: AUTH_FAILED'
}
nointeract() {
    verifier 'alice|right'
    secret alice wrong
    server || return
    lab_client_spawn c1 "+auth-user-pass $LAB_DIR/login" "+auth-retry nointeract"
    lab_wait_log "$(log)" "AUTH_FAILED" 6 2 || why "not tried again" || return
    echo 'alice|wrong' >"$LAB_DIR/good"
    lab_client_wait c1 || why "does not connect once it is let in"
}
interact() {
    verifier 'alice|right'
    secret alice wrong
    server || return
    on_terminal "Initialization Sequence Completed" "Auth Username:" alice "Auth Password:" right -- "+auth-user-pass $LAB_DIR/login" "+auth-retry interact"
}
static_challenge() {
    verifier "alice|SCRV1:$(printf secret | base64):$(printf 123456 | base64)"
    secret alice secret
    server && on_terminal "Initialization Sequence Completed" "CHALLENGE: Code of the day" 123456 -- "+auth-user-pass $LAB_DIR/login" '+static-challenge "Code of the day" 1' || return
    grep -q 123456 "$LAB_DIR/tty.log" || why "the answer was not shown"
}
dynamic_challenge() {
    verifier 'alice|CRV1::state42::654321'
    printf 'CRV1:R,E:state42:%s:Token PIN' "$(printf alice | base64)" >"$LAB_DIR/reason"
    secret alice first
    server && on_terminal "Initialization Sequence Completed" "CHALLENGE: Token PIN" 654321 -- "+auth-user-pass $LAB_DIR/login" "+auth-retry interact" || return
    [ "$(said | head -n 1)" = 'alice|first' ] || why "said $(said | tr '\n' ';')"
}
challenge_unattended() {
    verifier 'alice|x'
    printf 'CRV1:R:state42:%s:Token PIN' "$(printf alice | base64)" >"$LAB_DIR/reason"
    secret alice first
    server || return
    lab_client_spawn c1 "+auth-user-pass $LAB_DIR/login" "+auth-retry nointeract"
    ends 'auth-retry interact'
}
# The password is said once; renegotiations and a new call have the token.
token() {
    verifier 'alice|secret'
    secret alice secret
    server "auth-gen-token 3600" "reneg-sec 4" "hand-window 2" && client "+auth-user-pass $LAB_DIR/login" "+auth-nocache" || return
    lab_wait_log "$LAB_SRV_LOG" "auth-token|username/auth-token" 8
    lab_wait_log "$LAB_SRV_LOG" "TLS: Username/auth-token authentication succeeded" 10 || why "no renegotiation by token" || return
    [ "$(wc -l <"$LAB_DIR/said")" = 1 ] || why "the password was said $(wc -l <"$LAB_DIR/said") times" || return
    ! lab_log_has "$(log)" SESS_ID || why "the token is in the log" || return
    lab_signal "${LAB_CLI_PID[c1]}" USR1
    lab_wait_log "$(log)" "Initialization Sequence Completed" 6 2 || why "does not come back" || return
    [ "$(wc -l <"$LAB_DIR/said")" = 1 ] || why "the password was said again"
}
# The server has forgotten its tokens: the password is said again.
token_dies() {
    verifier 'alice|secret'
    secret alice secret
    server "auth-gen-token 3600" && client "+auth-user-pass $LAB_DIR/login" || return
    lab_server_stop
    server "auth-gen-token 3600" || return
    lab_signal "${LAB_CLI_PID[c1]}" USR1
    lab_wait_log "$(log)" "token is not accepted any more" 15 || why "no refused token" || return
    lab_wait_log "$(log)" "Initialization Sequence Completed" 6 2 || why "does not come back with the password" || return
    [ "$(wc -l <"$LAB_DIR/said")" = 2 ] || why "the password was said $(wc -l <"$LAB_DIR/said") times"
}

# The server lets it in later (exit status 2) and says meanwhile what it waits for.
deferred() { # PENDING (three lines); lets in when LAB_DIR/go is there
    cat >"$LAB_DIR/verify" <<-HOOK
	#!/bin/sh
	printf '$1\n' >"\$auth_pending_file"
	(n=0; while [ \$n -lt 150 ] && [ ! -e "$LAB_DIR/go" ]; do sleep 0.1; n=\$((n + 1)); done; echo 1 >"\$auth_control_file") >/dev/null 2>&1 &
	exit 2
	HOOK
    chmod 755 "$LAB_DIR/verify"
    rm -f "$LAB_DIR/go"
    secret alice secret
}
pending_browser() {
    deferred '60\nopenurl\nOPEN_URL:https://login.example/x?y'
    server "hand-window 5" "reneg-sec 30" || return
    lab_client_spawn c1 "+auth-user-pass $LAB_DIR/login" "+hand-window 2"
    lab_wait_log "$(log)" "wants a login in a browser; open https://login.example/x\?y" 5 || why "not told" || return
    lab_nap 5 # more than it would wait without a word
    : >"$LAB_DIR/go"
    lab_client_wait c1 || why "not let in: $(tail -n 1 "$(log)")"
}
pending_question() {
    deferred '60\ncrtext\nCR_TEXT:R,E:Code of the phone'
    printf '#!/bin/sh\n[ "$(base64 -d <"$1")" = 4711 ] && : >%s\n' "$LAB_DIR/go" >"$LAB_DIR/response"
    chmod 755 "$LAB_DIR/response"
    server "client-crresponse $LAB_DIR/response" && on_terminal "Initialization Sequence Completed" "Code of the phone " 4711 -- "+auth-user-pass $LAB_DIR/login"
}

# Managers say it all: whom to call, by no proxy, name and password; the answer to a challenge; the code of a phone.
asked() { # SCENARIO WORDS
    SOCK=$LAB_DIR/m.sock
    lab_client_spawn c1 "management $SOCK unix" management-query-passwords management-query-remote management-query-proxy +auth-user-pass "+auth-retry interact"
    lab_until 5 test -S "$SOCK" || why "no management socket: $(tail -n 1 "$(log)")" || return
    out=$(x c1 "$LAB_PYTHON" "$LAB_LIB/managers.py" "$1" "$SOCK" 0 "$2" 2>&1) || why "$1: $(tail -n 1 <<<"$out")" || return
    lab_client_wait c1 || why "does not connect: $(tail -n 1 "$(log)")"
}
by_manager() {
    verifier 'alice|sesame'
    server && asked login "alice sesame MOD 10.9.0.1 1194" || return
    ! grep -q sesame "$(log)" || why "the password is in the log"
}
manager_challenge() {
    verifier 'alice|CRV1::state42::654321'
    printf 'CRV1:R,E:state42:%s:Token PIN' "$(printf alice | base64)" >"$LAB_DIR/reason"
    server && asked challenge "alice first"
}
manager_response() {
    deferred '60\ncrtext\nCR_TEXT:R,E:Code of the phone'
    printf '#!/bin/sh\n[ "$(base64 -d <"$1")" = 4711 ] && : >%s\n' "$LAB_DIR/go" >"$LAB_DIR/response"
    chmod 755 "$LAB_DIR/response"
    server "client-crresponse $LAB_DIR/response" && asked response "alice secret"
}

# signs ARGUMENTS-OF-THE-MANAGER OVERRIDES...: c1's key is a manager's.
signs() {
    local arg=$1
    shift
    SOCK=$LAB_DIR/sign.sock
    rm -f "$SOCK" "$LAB_DIR/signer"
    lab_server_start "reneg-sec 4" || why "server does not start" || return
    lab_client_spawn c1 "management $SOCK unix" "!key" "$@"
    lab_until 5 test -S "$SOCK" || why "no socket: $(tail -n 1 "${LAB_CLI_LOG[c1]}")" || return
    lab_bg c1 "$LAB_DIR/signer" "$LAB_PYTHON" "$LAB_LIB/managers.py" signer "$SOCK" 0 "$arg"
    lab_client_wait c1 || why "does not connect: $(tail -n 1 "$LAB_DIR/signer"), $(tail -n 1 "${LAB_CLI_LOG[c1]}")" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    lab_until 10 grep -q done "$LAB_DIR/signer" || why "$(tail -n 1 "$LAB_DIR/signer")"
}
signs_tls12() { signs "$LAB_PKI/c1.key none 1 RSA_PKCS1_PADDING" management-external-key; }
signs_raw() { signs "$LAB_PKI/c1.key none 1 RSA_NO_PADDING" "management-external-key nopadding"; }
# TLS 1.3, the certificate from the manager too, and a renegotiation that is signed as well.
signs_pss() { signs "$LAB_PKI/c1.key $LAB_PKI/c1.crt 2 RSA_PKCS1_PSS_PADDING,hashalg=SHA[0-9]+,saltlen=digest" "!cert" "management-external-key pss" "management-external-cert store:alice"; }
# Through a SOCKS proxy on c2's machine, against the stock server; the association ends, and c1 calls again.
proxied() { # PROXY-LOGIN CLIENT-DIRECTIVE
    lab_bg c2 "$LAB_DIR/socks" "$LAB_PYTHON" "$LAB_LIB/socks5.py" 10.9.0.12 1080 $1
    PROXY=$LAB_PID
    lab_until 5 grep -q listening "$LAB_DIR/socks" || why "no proxy: $(tail -n 1 "$LAB_DIR/socks")" || return
    lab_server_start || why "server does not start" || return
    lab_client_start c1 "$2" || why "does not connect: $(grep SOCKS "$(log)" | tail -n 1)" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    grep -q '10\.9\.0\.12:[0-9]* \[c1\] Peer Connection Initiated' "$LAB_SRV_LOG" || why "not called from the proxy" || return
    ! grep -q '10\.9\.0\.11:' "$LAB_SRV_LOG" || why "called directly too"
}
socks() {
    proxied "" "socks-proxy 10.9.0.12"
    local status=$?
    if [ $status = 0 ]; then
        lab_echoes c1 192.168.77.10 20 0.02 --size 1400 | grep -q ' 0% packet loss' || why "long packets are lost"
        status=$?
    fi
    if [ $status = 0 ]; then
        lab_signal "$PROXY" USR1
        lab_wait_log "$(log)" "it has ended the association" 3 && lab_wait_log "$(log)" "Initialization Sequence Completed" 10 2 && lab_ping c1 192.168.77.10 || why "does not come back"
        status=$?
    fi
    if [ $status = 0 ]; then # the relay is killed: the oldest child of keeper
        kill -KILL "$(pgrep -o -P "$(pgrep -o -f "^$DBR_DAEMON --config $LAB_DIR/c1\.")")"
        lab_wait_log "$(log)" "process of socks-proxy has ended; started again" 3 && lab_wait_log "$(log)" "Initialization Sequence Completed" 10 3 && lab_ping c1 192.168.77.10 || why "does not come back when the relay was killed"
        status=$?
    fi
    lab_stop "$PROXY" KILL
    return $status
}
socks_login() { # first with a wrong password
    printf 'bob\nsecret of bob\n' >"$LAB_DIR/proxy-login"
    lab_bg c2 "$LAB_DIR/socks" "$LAB_PYTHON" "$LAB_LIB/socks5.py" 10.9.0.12 1080 bob secret
    local proxy=$LAB_PID
    lab_until 5 grep -q listening "$LAB_DIR/socks" || why "no proxy" || return
    lab_client_spawn c1 "socks-proxy 10.9.0.12 1080 $LAB_DIR/proxy-login"
    lab_wait_log "$(log)" "SOCKS proxy 10.9.0.12 port 1080: user name or password is wrong" 5
    local status=$?
    lab_stop "$proxy" KILL
    lab_client_stop c1
    [ $status = 0 ] || why "not told: $(grep SOCKS "$(log)")" || return
    printf 'bob\nsecret\n' >"$LAB_DIR/proxy-login"
    proxied "bob secret" "socks-proxy 10.9.0.12 1080 $LAB_DIR/proxy-login"
    status=$?
    lab_stop "$PROXY" KILL
    return $status
}

lab_begin login
lab_pki && lab_office 2 || exit 1
t_case login-file by_file
t_case login-inline inline
t_case login-terminal by_terminal
t_case login-name-in-file name_in_file
t_case login-nobody-to-ask nobody
t_case login-refused refused
t_case login-auth-retry-nointeract nointeract
t_case login-auth-retry-interact interact
t_case login-static-challenge static_challenge
t_case login-dynamic-challenge dynamic_challenge
t_case login-challenge-unattended challenge_unattended
t_case login-pending-browser pending_browser
t_case login-pending-question pending_question
t_case login-manager by_manager
t_case login-manager-challenge manager_challenge
t_case login-manager-response manager_response
t_case login-key-of-a-manager-tls12 signs_tls12
t_case login-key-of-a-manager-nopadding signs_raw
t_case login-key-and-certificate-of-a-manager signs_pss
t_case socks-proxy socks
t_case socks-proxy-login socks_login
t_case login-token token
t_case login-token-dies token_dies
t_end
