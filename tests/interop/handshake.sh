#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Handshakes in namespaces: TLS versions, ciphers, digests, directions, certificates, CRL.
#   handshake.sh [--server openvpn|drawbridged] [--client ...] [--build DIR | --daemon PATH] [--only REGEX]
# A case passes when a ping crosses the tunnel (or, for a refusal, when the server says why and nothing is up).
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

# connects SERVER_OVERRIDES -- CLIENT_OVERRIDES
connects() {
    local s=() seen=
    while [ $# -gt 0 ]; do
        [ "$1" = -- ] && { seen=1; shift; break; }
        s+=("$1")
        shift
    done
    lab_server_start "${s[@]}" || why "server does not start" || return
    lab_client_start c1 "$@" || why "client does not connect" || return
    lab_ping c1 192.168.77.10 || why "no ping through the tunnel"
}

# negotiates CIPHER TLS_VERSION
negotiates() {
    connects "data-ciphers $1" "tls-version-min $2" -- "data-ciphers $1" "tls-version-min $2" "tls-version-max $2" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "Control Channel: TLSv$2" || why "not TLS $2" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "Outgoing Data Channel: Cipher '$1'" || why "not $1"
}

# The server's order decides, and a client with one cipher only is met.
prefers() {
    connects "data-ciphers CHACHA20-POLY1305:AES-256-GCM" -- "data-ciphers AES-256-GCM:CHACHA20-POLY1305" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "Outgoing Data Channel: Cipher 'CHACHA20-POLY1305'" || why "the client's order won"
}

no_common_cipher() {
    lab_server_start "data-ciphers AES-256-GCM" || why "server does not start" || return
    lab_client_spawn c1 "data-ciphers AES-128-GCM"
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED,Data channel cipher negotiation failed" 8 || why "no AUTH_FAILED with the reason"
}

gate() { # DIGEST SERVER_DIRECTION CLIENT_DIRECTION
    local a="tls-auth $LAB_PKI/ta.key"
    connects "auth $1" "$a${2:+ $2}" -- "auth $1" "$a${3:+ $3}"
}

key_direction() {
    connects "tls-auth $LAB_PKI/ta.key" "+key-direction 0" -- "tls-auth $LAB_PKI/ta.key" "+key-direction 1"
}

# All files inline, as most .ovpn files have them.
inline_blocks() {
    local f=$LAB_DIR/inline.conf b
    lab_server_conf "$LAB_SERVER" '!ca' '!cert' '!key' '!tls-auth' "key-direction 0" >"$f"
    for b in ca:ca.crt cert:server.crt key:server.key tls-auth:ta.key; do
        { echo "<${b%%:*}>"; cat "$LAB_PKI/${b#*:}"; echo "</${b%%:*}>"; } >>"$f"
    done
    connects "@$f" --
}

# The server says so, or a client that does not even start with what it has.
refusal_told() {
    lab_log_has "$LAB_SRV_LOG" "$1" || { lab_gone "${LAB_CLI_PID[c1]}" && lab_log_has "${LAB_CLI_LOG[c1]}" "$1"; }
}

# refused SERVER_LOG_PATTERN [SERVER_OVERRIDE] -- CLIENT_OVERRIDES: the server says why, and the tunnel is not up.
refused() {
    local pattern=$1 s=()
    shift
    while [ "$1" != -- ]; do s+=("$1"); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    lab_client_spawn c1 "$@"
    lab_until 8 refusal_told "$pattern" || why "the server's log does not say '$pattern'" || return
    lab_nap 0.3
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" || why "the client got in" || return
    ! lab_status_has '[a-z0-9]*' || why "the server lists it"
}

certificate() { refused "$1" '+verb 4' -- "cert $LAB_PKI/$2.crt" "key $LAB_PKI/$2.key"; }

# Our own client does not even start with an expired certificate; a stock one is refused by the server.
expired() {
    local own='certificate CN=late has expired'
    certificate "expired" late && return
    [ "$LAB_CLIENT" = drawbridged ] && lab_log_has "${LAB_CLI_LOG[c1]}" "$own" && T_WHY= && T_NOTE="refused by the client itself"
}

revoked() {
    refused "revoked" "crl-verify $LAB_PKI/crl.pem" -- "cert $LAB_PKI/gone.crt" "key $LAB_PKI/gone.key" || return
    [ "$LAB_SERVER" = openvpn ] && return 0 # 2.6.14 logs the alert but drops the session before it leaves
    lab_wait_log "${LAB_CLI_LOG[c1]}" "alert.*revoked|AUTH_FAILED" 5 || why "the client was not told"
}

crl_spares_others() {
    connects "crl-verify $LAB_PKI/crl.pem" -- || return
    lab_client_start c2 "cert $LAB_PKI/c2.crt" || why "a second good client does not connect"
}

# The same certificate is good under the list from before.
crl_before() { connects "crl-verify $LAB_PKI/crl0.pem" -- "cert $LAB_PKI/gone.crt" "key $LAB_PKI/gone.key"; }

wrong_gate_key() {
    lab_static_key "$LAB_DIR/other.key"
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 "tls-auth $LAB_DIR/other.key 1"
    lab_nap 2
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "TLS: Initial packet from" || why "the server answered a stranger" || return
    lab_client_start c2 || why "a good client does not connect beside it"
}

wrong_direction() {
    lab_server_start || why "server does not start" || return
    lab_client_spawn c1 "tls-auth $LAB_PKI/ta.key 0"
    lab_nap 2
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "TLS: Initial packet from" || why "the server answered the wrong direction"
}

outer_ipv6() {
    connects "proto udp6" -- "proto udp6" "remote fd09::1 $LAB_PORT"
}

outer_both() {
    connects "proto udp6" -- "proto udp6" "remote fd09::1 $LAB_PORT" || return
    lab_client_start c2 || why "an IPv4 client does not connect to the same server" || return
    lab_ping c2 192.168.77.10 || why "no ping for the IPv4 client"
}

lab_begin handshake
lab_pki && lab_office 2 || exit 1
for tls in 1.3 1.2; do
    for cipher in AES-256-GCM AES-128-GCM CHACHA20-POLY1305; do
        t_case "tls-$tls-$cipher" negotiates $cipher $tls
    done
done
t_case cipher-order prefers
t_case cipher-none-in-common no_common_cipher
for digest in SHA1 SHA224 SHA256 SHA384 SHA512 MD5 RIPEMD160 SHA3-256 BLAKE2b512; do
    openvpn --show-digests | grep -qi "^$digest " || continue
    t_case "digest-$digest" gate $digest 0 1
done
t_case direction-1-0 gate SHA256 1 0
t_case direction-none gate SHA256 '' ''
t_case direction-directive key_direction
t_case no-gate connects '!tls-auth' -- '!tls-auth'
t_case inline-blocks inline_blocks
t_case gate-wrong-key wrong_gate_key
t_case gate-wrong-direction wrong_direction
t_case cert-revoked revoked
t_case cert-crl-spares-others crl_spares_others
t_case cert-crl-from-before crl_before
t_case cert-expired expired
t_case cert-other-ca certificate "unable to get local issuer|self.signed|certificate signature|verify" stranger
t_case cert-server-as-client refused "key usage|purpose|KU|EKU" "remote-cert-tls client" -- \
    "cert $LAB_PKI/server.crt" "key $LAB_PKI/server.key"
t_case outer-ipv6 outer_ipv6
t_case outer-ipv6-and-ipv4 outer_both
t_end
