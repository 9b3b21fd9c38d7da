#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The signer: the private key is in its memory and in control's never, whatever it came in and after a reload; kinds of
# keys and both versions of TLS; its death. Options as in handshake.sh. The end under test is drawbridged: the server, or
# with stock servers the client.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
OURS=server
[ "$LAB_SERVER" = drawbridged ] || OURS=client

keeper() { if [ $OURS = server ]; then echo "$LAB_SRV_PID"; else echo "${LAB_CLI_PID[c1]}"; fi; }
log() { if [ $OURS = server ]; then echo "$LAB_SRV_LOG"; else echo "${LAB_CLI_LOG[c1]}"; fi; }
# process NAME: its pid, as the log has it last.
process() { sed -n "s/.*\b$1: process \([0-9]*\)$/\1/p" "$(log)" | tail -n 1; }
hunt() { $LAB_PYTHON "$LAB_LIB/keyhunt.py" "$@"; }

# alone KEY: the signer has this key, and no other process with our doing has a trace of it.
# A sanitizer maps terabytes: nobody searches them.
if ldd "$DBR_DAEMON" 2>/dev/null | grep -q libasan; then SANITIZED=1; else SANITIZED=; fi
alone() {
    [ -z "$SANITIZED" ] || return 0
    local p name trace
    hunt "$(process signer)" "$1" >/dev/null || why "the signer does not have $1: the search finds nothing" || return
    for name in control data; do
        p=$(process "$name")
        trace=$(hunt "$p" "$1")
        [ $? = 1 ] || why "$name ($p) has of $1: ${trace:-it cannot be told}" || return
    done
}

# both OVERRIDES: server and client come up; the overrides are for ours.
both() {
    if [ $OURS = server ]; then
        lab_server_start "verb 4" "$@" || why "server does not start" || return
        lab_client_start c1 "${FAR[@]}" || why "client does not connect" || return
    else
        lab_server_start "${FAR[@]}" || why "server does not start" || return
        lab_client_start c1 "verb 4" "$@" || why "client does not connect" || return
    fi
    lab_ping c1 192.168.77.10 || why "no ping"
}
own() { if [ $OURS = server ]; then echo server; else echo c1; fi; }
reload() {
    lab_signal "$(keeper)" HUP
    lab_wait_log "$(log)" "reload: done" 5 || why "no reload"
}
# issue NAME KIND: key and certificate for our end.
issue() {
    local ext=client_ext
    [ $OURS = server ] && ext=server_ext
    case $2 in
    rsa) openssl genrsa -out "$C/$1.key" 2048 ;;
    ec) openssl ecparam -name prime256v1 -genkey -noout -out "$C/$1.key" ;;
    pss) openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out "$C/$1.key" ;;
    *) openssl genpkey -algorithm "$2" -out "$C/$1.key" ;;
    esac 2>/dev/null &&
        openssl req -new -key "$C/$1.key" -subj "/CN=$(own)" -config "$LAB_PKI/ca.cnf" -out "$C/$1.csr" 2>/dev/null &&
        openssl x509 -req -in "$C/$1.csr" -CA "$LAB_PKI/ca.crt" -CAkey "$LAB_PKI/ca.key" -set_serial "$RANDOM$RANDOM" -days 30 \
            -extfile "$LAB_PKI/ca.cnf" -extensions $ext -out "$C/$1.crt" 2>/dev/null || why "no $2 certificate"
}

# A file beside the others, renewed, and read again: neither key is in control, before and after.
file_and_reload() {
    issue live rsa && issue next rsa || return
    both "cert $C/live.crt" "key $C/live.key" && alone "$C/live.key" || return
    [ $OURS = server ] || return 0
    cp "$C/next.crt" "$C/live.crt"
    cp "$C/live.key" "$C/before.key"
    cp "$C/next.key" "$C/live.key"
    reload && lab_client_start c2 || why "c2 does not connect after the reload" || return
    lab_ping c1 192.168.77.10 || why "c1 lost its tunnel" || return
    alone "$C/next.key" || return
    [ -n "$SANITIZED" ] || ! hunt "$(process control)" "$C/before.key" || why "control has the key from before"
}
# The key in the configuration, and in the file of the certificate.
inline_and_reload() {
    issue live ec || return
    local f=$LAB_DIR/inline.conf
    cat "$C/live.key" >>"$C/live.crt"
    if [ $OURS = server ]; then
        { lab_server_conf "$LAB_SERVER" "verb 4" "cert $C/live.crt" '!key'; echo "<key>"; cat "$C/live.key"; echo "</key>"; } >"$f"
        lab_server_start "@$f" || why "server does not start" || return
        lab_client_start c1 || why "client does not connect" || return
        alone "$C/live.key" && reload && lab_client_start c2 || why "${T_WHY:-c2 does not connect after the reload}" || return
        local was
        was=$(process control)
        kill -KILL "$was" # the next one has a younger copy of keeper's memory
        lab_until 3 another control "$was" || why "no other control" || return
        lab_wait_log "$LAB_SRV_LOG" "control: process" 3 2 && lab_nap 0.5
    else
        both "cert $C/live.crt" "key $C/live.key" || return
    fi
    alone "$C/live.key"
}
# An encrypted key, and PKCS#12: the passphrase is the signer's.
encrypted() {
    issue live rsa || return
    openssl pkey -in "$C/live.key" -aes256 -passout pass:sesame -out "$C/locked.key" && echo sesame >"$C/pass"
    both "cert $C/live.crt" "key $C/locked.key" "askpass $C/pass" && alone "$C/live.key" || return
    [ $OURS = server ] || return 0
    reload && lab_client_start c2 || why "c2 does not connect after the reload" || return
    alone "$C/live.key"
}
pkcs12() {
    issue live rsa || return
    openssl pkcs12 -export -in "$C/live.crt" -inkey "$C/live.key" -certfile "$LAB_PKI/ca.crt" -out "$C/live.p12" -passout pass:sesame
    echo sesame >"$C/pass"
    both '!ca' '!cert' '!key' "pkcs12 $C/live.p12" "askpass $C/pass" && alone "$C/live.key"
}
kind() { # KIND VERSION
    issue live "$1" || return
    FAR=("tls-version-max $2" "tls-version-min 1.2")
    both "cert $C/live.crt" "key $C/live.key" "tls-version-max $2" && alone "$C/live.key"
}
wrong_pair() {
    [ $OURS = server ] || { skipped "the server's words"; return; }
    issue live rsa || return
    lab_server_start "key $C/live.key" && { why "it starts"; return; }
    lab_wait_log "$LAB_SRV_LOG" "does not belong to the certificate" 3 || why "no word about the pair" || return
    LAB_SRV_PID=
}
static_rsa() {
    [ $OURS = server ] || { skipped "the server's key"; return; }
    lab_server_start "tls-cipher AES256-GCM-SHA384" "tls-version-max 1.2" && { why "it starts"; return; }
    lab_wait_log "$LAB_SRV_LOG" "without forward secrecy" 3 || why "no word about the cipher" || return
    LAB_SRV_PID=
}
# It dies: back within a second, live sessions lose nothing, new ones get in.
killed() {
    local was p ms
    both || return
    was=$(process signer)
    x c1 ping -n -q -i 0.02 -c 100 192.168.77.10 >"$LAB_DIR/ping" 2>&1 &
    p=$!
    lab_nap 0.3
    ms=$(lab_now_ms)
    kill -KILL "$was"
    lab_until 3 another signer "$was" || why "no other signer" || return
    ms=$(($(lab_now_ms) - ms))
    wait "$p"
    grep -q ' 0% packet loss' "$LAB_DIR/ping" || why "frames were lost: $(grep loss "$LAB_DIR/ping")" || return
    [ "$ms" -le 1000 ] || why "back after $ms ms only" || return
    T_NOTE="back after $ms ms"
    if [ $OURS = server ]; then
        lab_client_start c2 || why "c2 does not connect to the new one" || return
    else
        lab_signal "$(keeper)" USR1
        lab_until 10 again || why "no second connection"
    fi
}
another() { [ -n "$(process "$1")" ] && [ "$(process "$1")" != "$2" ] && kill -0 "$(process "$1")"; }
again() { [ "$(grep -c "Initialization Sequence Completed" "$(log)")" -ge 2 ]; }
# While it is away a handshake waits for it, or fails with a word; it is not the end of anything.
stopped() {
    [ $OURS = server ] || { skipped "the server's clients"; return; }
    both || return
    kill -STOP "$(process signer)"
    lab_client_spawn c2
    lab_nap 0.5
    kill -KILL "$(process signer)"
    lab_wait_log "$LAB_SRV_LOG" "no signature for this handshake: the signer process has ended" 3 || why "no word about the handshake" || return
    lab_client_wait c2 15 || why "c2 does not get in by itself" || return
    lab_ping c1 192.168.77.10 || why "c1 lost its tunnel"
}
# A key that was renewed on the disk before the signer died: control reads the certificate, too.
renewed_behind() {
    [ $OURS = server ] || { skipped "the server's clients"; return; }
    issue live rsa && issue next rsa || return
    both "cert $C/live.crt" "key $C/live.key" || return
    cp "$C/next.crt" "$C/live.crt"
    cp "$C/next.key" "$C/live.key"
    kill -KILL "$(process signer)"
    lab_wait_log "$LAB_SRV_LOG" "reload: done" 5 || why "the certificate was not read again" || return
    lab_client_start c2 || why "c2 does not connect" || return
    alone "$C/next.key"
}

lab_begin signer
lab_pki && lab_office 2 || exit 1
[ "$LAB_SERVER" = drawbridged ] || [ "$LAB_CLIENT" = drawbridged ] || { echo "0 passed, 0 failed, 0 skipped"; exit 0; }
C=$LAB_DIR/keys
mkdir -p "$C"
FAR=()
# The whole of it with LAB_FULL=1 (test.sh --full) or --only.
short="signer-inline|signer-killed"
[ "$LAB_SERVER$LAB_CLIENT" = drawbridgedopenvpn ] || short="signer-killed"
LAB_ONLY=${LAB_ONLY:-${LAB_FULL:+.}}
LAB_ONLY=${LAB_ONLY:-$short}
t_case signer-file file_and_reload
t_case signer-inline inline_and_reload
t_case signer-encrypted encrypted
t_case signer-pkcs12 pkcs12
for v in 1.2 1.3; do
    for k in rsa ec ED25519 ED448 pss; do
        t_case "signer-kind-$k-$v" kind $k $v
    done
done
FAR=()
t_case signer-wrong-pair wrong_pair
t_case signer-static-rsa static_rsa
t_case signer-killed killed
t_case signer-stopped stopped
t_case signer-renewed renewed_behind
t_end
