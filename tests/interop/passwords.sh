#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# User names and passwords at the server: stock clients that say them, scripts that check them, tokens, renegotiations.
# Options as in handshake.sh; where OpenVPN means the same, --server openvpn passes too.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

# verifier NAME|PASSWORD...: a script that lets these in. It notes what it was told; LAB_DIR/good is read each time.
verifier() {
    cat >"$LAB_DIR/verify" <<-'SH'
	#!/bin/bash
	dir=$(dirname "$0")
	[ -n "$1" ] && { username=$(sed -n 1p "$1"); password=$(sed -n 2p "$1"); stat -Lc %a "$1" >"$dir/mode"; }
	echo "$username|$password|$common_name|$session_state" >>"$dir/said"
	env | sort >"$dir/verify.env"
	grep -qxF "$username|$password" "$dir/good" && exit 0
	[ -f "$dir/reason" ] && cat "$dir/reason" >"$auth_failed_reason_file"
	exit 1
	SH
    chmod 755 "$LAB_DIR/verify"
    rm -f "$LAB_DIR"/said "$LAB_DIR"/reason "$LAB_DIR"/verify.env
    printf '%s\n' "$@" >"$LAB_DIR/good"
}
said() { cut -d'|' -f1-3 "$LAB_DIR/said"; }
times() { grep -c . "$LAB_DIR/said"; }
secret() { printf '%s\n' "$@" >"$LAB_DIR/login" && chmod 600 "$LAB_DIR/login"; }
server() { lab_server_start "script-security ${SECURITY:-2}" "auth-user-pass-verify $LAB_DIR/verify ${HOW:-via-file}" "$@" || why "server does not start: $(tail -n 1 "$LAB_SRV_LOG")"; }
client() { lab_client_start c1 "auth-user-pass $LAB_DIR/login" "$@" || why "client does not connect: $(tail -n 1 "${LAB_CLI_LOG[c1]}")"; }
spawn() { lab_client_spawn c1 "auth-user-pass $LAB_DIR/login" "$@"; }
refused() { # REGEX [SECONDS]: the client was told so, and never had a tunnel
    lab_wait_log "${LAB_CLI_LOG[c1]}" "$1" "${2:-8}" || why "c1 was not refused by '$1'" || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" || why "c1 got in"
}
hidden() { ! grep -qF "$1" "$LAB_SRV_LOG" || why "the password is in the server's log"; }

via_file() {
    verifier 'alice|open Sésame #1'
    secret alice 'open Sésame #1'
    server && client && lab_ping c1 192.168.77.10 || why "${T_WHY:-no ping}" || return
    [ "$(said)" = 'alice|open Sésame #1|c1' ] || why "the script was told $(said)" || return
    [ "$(cat "$LAB_DIR/mode")" = 600 ] || why "mode of the file: $(cat "$LAB_DIR/mode")" || return
    ! grep -q '^password=' "$LAB_DIR/verify.env" || why "the password is in the environment" || return
    [ "$LAB_SERVER" = openvpn ] || hidden "open S" || return
    lab_until 5 lab_status_has c1 || why "the certificate's name is not in the status"
}

via_env() {
    verifier 'bob|s3cret'
    secret bob s3cret
    SECURITY=3 HOW=via-env server && client && lab_ping c1 192.168.77.10 || why "${T_WHY:-no ping}" || return
    [ "$(said)" = 'bob|s3cret|c1' ] || why "the script was told $(said)" || return
    grep -qx 'script_type=user-pass-verify' "$LAB_DIR/verify.env" || why "$(grep script_type "$LAB_DIR/verify.env")"
}

# Without script-security 3 a password does not go into an environment.
env_needs_three() {
    verifier 'bob|s3cret'
    secret bob s3cret
    HOW=via-env server || return
    spawn
    refused AUTH_FAILED || return
    [ "$(said)" = 'bob||c1' ] || why "the script was told $(said)"
}

wrong_password() {
    verifier 'alice|right'
    secret alice wrong
    server || return
    spawn
    refused AUTH_FAILED || return
    lab_status_lacks c1 || why "it is in the status" || return
    hidden wrong
}

no_password() {
    verifier 'alice|right'
    server || return
    lab_client_spawn c1
    lab_until 8 lab_log_has "$LAB_SRV_LOG" "TLS Auth Error|TLS Error: Auth Username/Password" || why "no line about it" || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" || why "c1 got in" || return
    [ ! -f "$LAB_DIR/said" ] || why "the script was asked"
}

optional() {
    verifier '|'
    HOW=via-env SECURITY=3 server auth-user-pass-optional || return
    lab_client_start c1 || why "a client without a password does not get in" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

# The user name is the client's name: its file, its address, its place in the status.
as_common_name() {
    verifier 'carol|x' 'dave|x'
    secret carol x
    mkdir -p "$LAB_DIR/ccd"
    echo "ifconfig-push 192.168.77.201 255.255.255.0" >"$LAB_DIR/ccd/carol"
    echo "ifconfig-push 192.168.77.202 255.255.255.0" >"$LAB_DIR/ccd/c1"
    server username-as-common-name "client-config-dir $LAB_DIR/ccd" "status-version 2" && client || return
    [ "$(lab_tunnel_ip c1)" = 192.168.77.201 ] || why "its address: $(lab_tunnel_ip c1)" || return
    lab_until 5 grep -q '^CLIENT_LIST,carol,.*,carol,' "$LAB_DIR/server.status" || why "$(grep ^CLIENT_LIST "$LAB_DIR/server.status")" || return
    [ "$(said)" = 'carol|x|c1' ] || why "the script was told $(said)" || return
    secret dave x # another user by the same certificate is another client
    lab_client_start c2 "auth-user-pass $LAB_DIR/login" "cert $LAB_PKI/c1.crt" "key $LAB_PKI/c1.key" || why "dave does not get in" || return
    lab_nap 1
    lab_ping c1 192.168.77.10 || why "carol was thrown out by dave"
}

# A renegotiation asks again. While the script thinks, frames flow; when it says no, they end.
reauth() {
    local out
    verifier 'alice|x'
    secret alice x
    server && client "reneg-sec 2" || return
    [ "$LAB_SERVER" = openvpn ] || sed -i '2a sleep 0.3' "$LAB_DIR/verify" # that one stands still while a script runs
    lab_nap 1
    out=$(lab_echoes c1 192.168.77.10 40 0.05)
    lab_until 4 eval '[ $(times) -ge 2 ]' || why "the script was not asked again: $(times)" || return
    printf '%s' "$out" | grep -q ' 0% packet loss' || why "$(printf '%s' "$out" | grep loss)" || return
    : >"$LAB_DIR/good"
    lab_wait_log "${LAB_CLI_LOG[c1]}" AUTH_FAILED 8 || why "it was not told" || return
    ! x c1 ping -n -q -c 1 -W 1 192.168.77.10 >/dev/null 2>&1 || why "frames still flow"
}

log() { echo "${LAB_CLI_LOG[c1]}"; }

# The password is said once; then tokens, at renegotiations and after a reconnect. They outlive the server.
token() {
    openvpn --genkey auth-token "$LAB_DIR/token.key"
    verifier 'alice|once'
    secret alice once
    server "auth-gen-token 0 120" "auth-gen-token-secret $LAB_DIR/token.key" && client "reneg-sec 2" || return
    lab_log_has "$(log)" 'PUSH: Received .*,auth-token' || why "no token was pushed" || return
    : >"$LAB_DIR/good"
    # OpenVPN sends the new one when its loop wakes for something else
    lab_wait_log "$(log)" 'PUSH: Received' 8 2 || [ "$LAB_SERVER" = openvpn ] || why "no new token at the renegotiation: $(tail -n 2 "$(log)")" || return
    lab_ping c1 192.168.77.10 || why "no ping behind a renegotiation by token" || return
    [ "$(times)" = 1 ] || why "the script was asked again: $(said | tr '\n' ' ')" || return
    [ "$LAB_SERVER" = openvpn ] || ! grep -q SESS_ID_AT_ "$LAB_SRV_LOG" || why "a token is in the server's log" || return
    lab_server_stop || why "the server did not end well" || return
    server "auth-gen-token 0 120" "auth-gen-token-secret $LAB_DIR/token.key" || return
    lab_signal "${LAB_CLI_PID[c1]}" USR1
    lab_wait_log "$(log)" "Initialization Sequence Completed" 10 2 || why "its token does not count at a new server: $(tail -n 1 "$(log)")" || return
    [ "$(times)" = 1 ] || why "the script was asked again"
}

# Another server's tokens, and tokens whose time is over.
token_forged() {
    verifier 'alice|once'
    secret alice once
    server "auth-gen-token" && client || return
    lab_server_stop || why "the server did not end well" || return
    : >"$LAB_DIR/good"
    server "auth-gen-token" || return # with a secret of its own
    lab_signal "${LAB_CLI_PID[c1]}" USR1
    lab_wait_log "$(log)" "AUTH_FAILED" 10 || why "it was not told" || return
    lab_wait_log "$LAB_SRV_LOG" "Username/auth-token authentication failed" 2 || why "no line about it" || return
    ! lab_log_has "$(log)" "Initialization Sequence Completed" 2 || why "a foreign token lets in"
}

token_expires() {
    verifier 'alice|once'
    secret alice once
    server "auth-gen-token 1 120" && client "reneg-sec 4" || return
    : >"$LAB_DIR/good"
    lab_wait_log "$(log)" "AUTH_FAILED,SESSION:" 10 || why "it was not told: $(tail -n 1 "$(log)")" || return
    ! x c1 ping -n -q -c 1 -W 1 192.168.77.10 >/dev/null 2>&1 || why "frames still flow"
}

# external-auth: the script hears of each token what it is worth, and decides.
token_external() {
    verifier 'alice|once'
    secret alice once
    sed -i '/^grep/i [ "$session_state" = Authenticated ] && exit 0' "$LAB_DIR/verify"
    server "auth-gen-token 0 120 external-auth" && client "reneg-sec 4" || return
    : >"$LAB_DIR/good"
    lab_until 8 eval '[ $(times) -ge 2 ]' || why "the script was not asked again" || return
    [ "$(cut -d'|' -f4 "$LAB_DIR/said" | head -n 2 | tr '\n' ' ')" = "Initial Authenticated " ] || why "states: $(cut -d'|' -f4 "$LAB_DIR/said" | tr '\n' ' ')" || return
    grep -qE '^session_id=[A-Za-z0-9+/]{16}$' "$LAB_DIR/verify.env" || why "no session_id" || return
    lab_ping c1 192.168.77.10 || why "no ping"
}

# later BODY: a script that answers later: BODY runs behind it, with the names of its files in the environment.
later() {
    printf '#!/bin/bash\n( exec >/dev/null 2>&1; %s ) &\n%s\nexit 2\n' "$1" "${2:-}" >"$LAB_DIR/verify"
    chmod 755 "$LAB_DIR/verify"
    rm -f "$LAB_DIR/said"
}
# OpenVPN keeps the files for as long as the key.
nothing_left() { [ "$LAB_SERVER" = openvpn ] && return 0; lab_until 2 eval '[ -z "$(ls -A "$LAB_DIR/tmp")" ]' || why "left behind: $(ls "$LAB_DIR/tmp")"; }

deferred() {
    secret alice x
    mkdir -p "$LAB_DIR/tmp"
    later 'sleep 1; echo -n 1 >$auth_control_file'
    chmod 1777 "$LAB_DIR/tmp"
    server "tmp-dir $LAB_DIR/tmp" "user nobody" persist-key && spawn || return
    lab_until 5 eval '[ -n "$(ls "$LAB_DIR/tmp")" ]' || why "no files for its answer" || return
    [ "$(stat -c '%a %U' "$LAB_DIR"/tmp/* | sort -u)" = "600 nobody" ] || why "modes: $(stat -c '%a %U' "$LAB_DIR"/tmp/*)" || return
    ! lab_log_has "$(log)" "Initialization Sequence Completed" || why "it got in before the answer" || return
    lab_client_wait c1 || why "it does not get in: $(tail -n 1 "$(log)")" || return
    lab_ping c1 192.168.77.10 || why "no ping" || return
    nothing_left || return
    later 'echo -n "come back tomorrow" >$auth_failed_reason_file; echo -n 0 >$auth_control_file'
    lab_client_stop c1
    spawn
    refused 'AUTH_FAILED,come back tomorrow' && nothing_left
}

# Who never answers refuses, when hand-window is over.
deferred_never() {
    secret alice x
    mkdir -p "$LAB_DIR/tmp"
    later 'sleep 60'
    server "tmp-dir $LAB_DIR/tmp" "hand-window 4" || return
    spawn "hand-window 30"
    refused AUTH_FAILED 10 && nothing_left
}

# A question for the user, shown by a manager at the client; a second script gets the answer.
question() {
    [ "$LAB_CLIENT" = openvpn ] || { skipped "needs a stock client's management"; return; }
    secret alice x
    mkdir -p "$LAB_DIR/tmp"
    later ':' "printf '20\ncrtext\nCR_TEXT:R,E:How much?\n' >\$auth_pending_file"
    cat >"$LAB_DIR/cr" <<-'SH'
	#!/bin/bash
	[ "$(base64 -d "$1")" = 42 ] && echo -n 1 >$auth_control_file || echo -n 0 >$auth_control_file
	SH
    chmod 755 "$LAB_DIR/cr"
    server "tmp-dir $LAB_DIR/tmp" "client-crresponse $LAB_DIR/cr" || return
    local answer
    for answer in NDI= NDM=; do
        spawn "management $LAB_DIR/mgmt unix" "setenv IV_SSO crtext" "push-peer-info"
        lab_wait_log "$(log)" "CR_TEXT:R,E:How much" 8 || why "no question: $(tail -n 1 "$(log)")" || return
        printf 'cr-response %s\nquit\n' "$answer" | x c1 $LAB_PYTHON -c "import socket,sys,time
s=socket.socket(socket.AF_UNIX);s.connect('$LAB_DIR/mgmt');s.sendall(sys.stdin.buffer.read());time.sleep(.3)" || why "no manager" || return
        if [ $answer = NDI= ]; then
            lab_client_wait c1 || why "it does not get in: $(tail -n 1 "$(log)")" || return
            lab_client_stop c1
        else
            refused AUTH_FAILED || return
        fi
    done
    nothing_left
}

# A reason for the user.
reason() {
    verifier 'alice|x'
    secret alice y
    echo "try again, Alice" >"$LAB_DIR/reason"
    server || return
    spawn
    refused 'AUTH_FAILED,try again, Alice'
}

# What scripts are told of certificates, and of the gate keys that clients bring.
certificates() {
    cat >"$LAB_DIR/cert.sh" <<-'SH'
	#!/bin/bash
	dir=$(dirname "$0")
	env | sort >"$dir/cert$1.env"
	openssl x509 -in "$peer_cert" -noout -subject -nameopt oneline >"$dir/cert$1.subject" && stat -c '%a %n' "$peer_cert" >"$dir/cert$1.file"
	SH
    chmod 755 "$LAB_DIR/cert.sh"
    mkdir -p "$LAB_DIR/certs"
    lab_server_start "script-security 2" "tls-verify $LAB_DIR/cert.sh" "tls-export-cert $LAB_DIR/certs" "+x509-track CN" "+x509-track +SHA256" "+x509-track extendedKeyUsage" "+x509-track O" || why "server does not start: $(tail -n 1 "$LAB_SRV_LOG")" || return
    lab_client_start c1 || why "client does not connect" || return
    grep -q 'CN = c1$' "$LAB_DIR/cert0.subject" && grep -q 'Throw-away CA' "$LAB_DIR/cert1.subject" || why "$(cat "$LAB_DIR"/cert?.subject)" || return
    grep -q "^600 $LAB_DIR/certs/" "$LAB_DIR/cert0.file" || why "$(cat "$LAB_DIR/cert0.file")" || return
    [ -z "$(ls -A "$LAB_DIR/certs")" ] || why "left behind: $(ls "$LAB_DIR/certs")" || return
    local f=$LAB_DIR/cert0.env print
    print=$(openssl x509 -in "$LAB_PKI/c1.crt" -noout -fingerprint -sha256 | cut -d= -f2)
    grep -qx 'X509_0_CN=c1' "$f" && grep -qx 'X509_0_extendedKeyUsage=TLS Web Client Authentication' "$f" &&
        grep -qx "X509_0_SHA256=$print" "$f" && grep -q '^X509_1_SHA256=' "$f" || why "$(grep ^X509 "$f" | tr '\n' ' ')" || return
    ! grep -qE '^X509_(1_CN|0_O)=' "$f" || why "not asked for: $(grep ^X509 "$f")"
}

gate_key() {
    local k=$LAB_DIR/gate
    openvpn --genkey tls-crypt-v2-server "$k.srv" && openvpn --tls-crypt-v2 "$k.srv" --genkey tls-crypt-v2-client "$k.good" "$(echo -n alice | base64)" &&
        openvpn --tls-crypt-v2 "$k.srv" --genkey tls-crypt-v2-client "$k.bad" "$(echo -n mallory | base64)" || why "no keys" || return
    printf '#!/bin/bash\necho "$metadata_type $(cat "$metadata_file")" >>%s/meta\n[ "$(cat "$metadata_file")" = alice ]\n' "$LAB_DIR" >"$LAB_DIR/gate.sh"
    chmod 755 "$LAB_DIR/gate.sh"
    lab_server_start "script-security 2" "!tls-auth" "+tls-crypt-v2 $k.srv" "tls-crypt-v2-verify $LAB_DIR/gate.sh" || why "server does not start" || return
    lab_client_start c1 "!tls-auth" "+tls-crypt-v2 $k.good" || why "the good key does not enter" || return
    lab_client_spawn c2 "!tls-auth" "+tls-crypt-v2 $k.bad"
    lab_until 8 grep -q mallory "$LAB_DIR/meta" || why "the script was not asked about the other one" || return
    lab_nap 1
    ! lab_log_has "${LAB_CLI_LOG[c2]}" "Initialization Sequence Completed" || why "the other key enters" || return
    [ "$(sort -u "$LAB_DIR/meta" | tr '\n' ,)" = "0 alice,0 mallory," ] || why "metadata: $(cat "$LAB_DIR/meta")"
}

lab_begin passwords
lab_pki && lab_office 2 || exit 1
# The whole of it with LAB_FULL=1 (test.sh --full) or --only.
LAB_ONLY=${LAB_ONLY:-${LAB_FULL:+.}}
: "${LAB_ONLY:=^(password-(file|reauth)|token)$}"
t_case password-file via_file
t_case password-env via_env
t_case password-env-security env_needs_three
t_case password-wrong wrong_password
t_case password-reason reason
t_case password-none no_password
t_case password-optional optional
t_case username-as-common-name as_common_name
t_case password-reauth reauth
t_case password-deferred deferred
t_case password-deferred-never deferred_never
t_case password-question question
t_case script-certificates certificates
t_case script-gate-key gate_key
t_case token token
t_case token-forged token_forged
t_case token-expires token_expires
t_case token-external token_external
t_end
