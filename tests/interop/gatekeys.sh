#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tls-crypt-v2: a gate key for each client, with keys that OpenVPN has made; keys that are withdrawn, too old, or
# another server's; what a revocation does to them. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
BUILD=${DBR_DAEMON%/server/keeper/drawbridged}
CTL=$BUILD/server/ctl/drawbridge-ctl
CA_TOOL=$BUILD/certs/drawbridge-ca

keys() {
    K=$LAB_DIR/keys
    mkdir -p "$K"
    openvpn --genkey tls-crypt-v2-server "$K/server.key" && openvpn --genkey tls-crypt-v2-server "$K/other.key" &&
        client_key server c1 && client_key server c2 && client_key other stranger &&
        client_key server named "$(printf alice | base64)"
}
client_key() { openvpn --tls-crypt-v2 "$K/$1.key" --genkey tls-crypt-v2-client "$K/$2.key" ${3:+"$3"}; }
# The SHA-256 of the wrapped key: behind the 256 bytes of the key itself.
id_of() { grep -v -e ----- "$1" | base64 -d | tail -c +257 | sha256sum | cut -d' ' -f1; }

serve() { lab_server_start '!tls-auth' "tls-crypt-v2 $K/server.key" "$@" || why "server does not start"; }
# join NAME KEY [OVERRIDES]
join() {
    local n=$1 key=$2
    shift 2
    lab_client_start "$n" '!tls-auth' "tls-crypt-v2 $K/$key.key" "$@" || why "$n does not connect" || return
    lab_ping "$n" 192.168.77.10 || why "no ping from $n"
}
# silent NAME OVERRIDES: the server sends nothing back.
silent() {
    local n=$1
    shift
    lab_client_spawn "$n" '!tls-auth' "$@"
    lab_nap 1.5
    ! lab_log_has "${LAB_CLI_LOG[$n]}" "TLS: Initial packet from" || why "the server answered $n"
}
logged() { lab_wait_log "$LAB_SRV_LOG" "$1" "${2:-3}" || why "the log lacks '$1'"; }

both_clients() { serve && join c1 c1 && join c2 c2; }
user_metadata() { serve && join c1 named; }

# The dynamic key of renegotiations is mixed with the client's own.
renegotiates() {
    serve "reneg-sec 2 2" "hand-window 10" "tran-window 10" || return
    join c1 c1 "reneg-sec 2" "hand-window 10" "tran-window 10" || return
    lab_wait_log "${LAB_CLI_LOG[c1]}" "Outgoing Data Channel: Cipher" 12 3 || why "no second renegotiation" || return
    lab_ping c1 192.168.77.10 || why "no ping under the third key"
}

inline() {
    local f=$LAB_DIR/inline.conf
    { lab_server_conf "$LAB_SERVER" '!tls-auth' && echo "<tls-crypt-v2>" && cat "$K/server.key" && echo "</tls-crypt-v2>"; } >"$f"
    lab_server_start "@$f" || why "server does not start" || return
    join c1 c1
}

beside_tls_auth() {
    lab_server_start "+tls-crypt-v2 $K/server.key" || why "server does not start" || return
    join c1 c1 || return
    lab_client_start c2 || why "the client with the common key does not connect"
}

another_server() { serve && silent c1 "tls-crypt-v2 $K/stranger.key" && join c2 c2; }
other_gate() {
    serve && silent c1 "tls-auth $LAB_PKI/ta.key 1" && lab_client_stop c1 && silent c1 "tls-crypt $LAB_PKI/ta.key" && join c2 c2
}

too_old() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "OpenVPN has it from 2.7 on"; return; }
    serve "tls-crypt-v2-max-age 1" && silent c1 "tls-crypt-v2 $K/named.key" && logged "without a time" && join c2 c2
}

withdrawn() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own"; return; }
    echo "# nobody yet" >"$K/withdrawn"
    serve "tls-crypt-v2-withdrawn $K/withdrawn" && join c1 c1 && join c2 c2 || return
    echo "$(id_of "$K/c1.key") c1" >"$K/withdrawn.new" && mv "$K/withdrawn.new" "$K/withdrawn"
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED,Gate key withdrawn" 3 || why "c1 was not told" || return
    lab_client_stop c1
    silent c1 "tls-crypt-v2 $K/c1.key" && logged "is withdrawn" || return
    lab_ping c2 192.168.77.10 || why "c2 lost its tunnel" || return
    echo rubbish >"$K/withdrawn.new" && mv "$K/withdrawn.new" "$K/withdrawn"
    logged "ALARM: tls-crypt-v2-withdrawn" || return
    lab_client_stop c1
    silent c1 "tls-crypt-v2 $K/c1.key" || return
    lab_client_stop c1
    : >"$K/withdrawn"
    logged "0 keys withdrawn; 0 live" && join c1 c1
}

# The day c1 leaves, with a gate key of its own: `drawbridge-ca revoke --push` and both lists, to a live concentrator.
ca() { "$CA_TOOL" --dir "$A" "$@" >>"$LAB_DIR/ca.log" 2>&1; }
authority() {
    local n
    A=$LAB_DIR/ca LIST=$LAB_DIR/withdrawn.list SOCK=$LAB_DIR/ctl.sock
    mkdir -p "$LAB_DIR/state"
    ca init "Gate Lab" --no-pass && ca issue server vpn --no-pass && ca gate-key v2 new || return
    for n in c1 c2 c3; do ca issue client $n --no-pass && ca gate-key v2 client $n || return; done
    ca crl && cp "$A/crl.pem" "$LAB_DIR/crl.pem" && echo "# nobody yet" >"$LIST" && cp "$A/private/gatev2-c1.key" "$K/left.key" || return
    cat >>"$A/drawbridge-ca.conf" <<-END
	concentrator gw ip netns exec $LAB_ID-gw $CTL --socket $SOCK crl-push
	gate-list gw $CTL gate-list $LIST
	END
}
of_ca() { OF_CA=("ca $A/ca.crt" "cert $A/issued/$1.crt" "key $A/private/$1.key" '!tls-auth' "tls-crypt-v2 $2"); }
listed() { grep -cv '^#' "$LIST"; }
alone() { # c1 knocks under the key that left, and hears nothing
    of_ca c1 "$K/left.key"
    lab_client_stop c1
    silent c1 "${OF_CA[@]}"
}

revoked_by_the_ca() {
    local n
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own"; return; }
    for n in "$CTL" "$CA_TOOL"; do [ -x "$n" ] || { skipped "no ${n##*/}"; return; }; done
    authority || why "no CA: $(tail -n 3 "$LAB_DIR/ca.log")" || return
    of_ca vpn "$A/private/gatev2.key"
    lab_server_start "${OF_CA[@]}" "crl-verify $LAB_DIR/crl.pem" "tls-crypt-v2-withdrawn $LIST" "control-socket $SOCK" \
        "state-dir $LAB_DIR/state" || why "server does not start" || return
    for n in c1 c2; do
        of_ca $n "$A/private/gatev2-$n.key"
        lab_client_start $n "${OF_CA[@]}" && lab_ping $n 192.168.77.10 || why "$n does not connect" || return
    done
    : >"$LAB_DIR/c2.ping"
    lab_bg c2 "$LAB_DIR/c2.ping" ping -n -q -i 0.02 -c 150 192.168.77.10
    n=$LAB_PID
    lab_nap 0.5
    ca revoke c1 --reason cessationOfOperation --push || why "revoke --push failed: $(tail -n 3 "$LAB_DIR/ca.log")" || return
    grep -q "^$(id_of "$K/left.key") c1$" "$LIST" || why "c1 is not on the concentrator's list: $(cat "$LIST")" || return
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED" 3 || why "c1 was not told" || return
    logged "1 keys withdrawn" && alone && logged "is withdrawn" || return
    lab_until 5 lab_gone "$n"
    grep -q " 150 received" "$LAB_DIR/c2.ping" || why "c2 lost pings: $(cat "$LAB_DIR/c2.ping")" || return
    only_grows
}

only_grows() {
    local out
    cp "$LIST" "$LAB_DIR/before"
    ! out=$(echo "# nobody" | "$CTL" gate-list "$LIST" 2>&1) || why "a shorter list was taken" || return
    [[ $out == *"lacks 1 of the keys"* ]] || why "of a shorter list: $out" || return
    cmp -s "$LIST" "$LAB_DIR/before" || why "a shorter list is in its place" || return
    ca gate-key v2 withdraw c3 && ca push && [ "$(listed)" = 2 ] || why "a longer one was not taken: $(cat "$LIST")" || return
    logged "2 keys withdrawn" && alone && lab_ping c2 192.168.77.10
}

lab_begin gatekeys
lab_pki && lab_office 2 && keys >/dev/null || exit 1
# The whole of it with LAB_FULL=1 (test.sh --full) or --only.
if [ "$LAB_SERVER" = openvpn ]; then short=v2-two-clients; else short="v2-two-clients|v2-renegotiation|v2-withdrawn|v2-revoked-by-the-ca"; fi
LAB_ONLY=${LAB_ONLY:-${LAB_FULL:+.}}
LAB_ONLY=${LAB_ONLY:-$short}
t_case v2-two-clients both_clients
t_case v2-user-metadata user_metadata
t_case v2-renegotiation renegotiates
t_case v2-inline inline
t_case v2-beside-tls-auth beside_tls_auth
t_case v2-key-of-another-server another_server
t_case v2-clients-with-another-gate other_gate
t_case v2-too-old too_old
t_case v2-withdrawn withdrawn
t_case v2-revoked-by-the-ca revoked_by_the_ca
t_end
