#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Certificates in other ways than ca, cert and key: fingerprints, PKCS#12, folders of CAs and lists, other fields that
# name a client. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

print_of() { openssl x509 -noout -fingerprint -sha256 -in "$1" | sed 's/.*=//'; }
# self NAME: a certificate that signed itself.
self() {
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj "/CN=$1" -keyout "$C/$1.key" -out "$C/$1.crt" 2>/dev/null
}
join() {
    lab_client_start "$@" || why "$1 does not connect" || return
    lab_ping "$1" 192.168.77.10 || why "no ping from $1"
}
serve() { lab_server_start "$@" || why "server does not start"; }
stays_out() { # NAME OVERRIDES
    lab_client_spawn "$@"
    lab_nap 1.2
    ! lab_log_has "${LAB_CLI_LOG[$1]}" "Initialization Sequence Completed" || why "$1 got in"
}
logged() { lab_wait_log "$LAB_SRV_LOG" "$1" "${2:-3}" || why "the log lacks '$1'"; }
lists() { lab_until 5 lab_status_has "$1" || why "the server does not list $1"; }

# Nobody has a CA: both ends know each other by fingerprint.
fingerprints() {
    self office && self alice && self mallory || why "no certificates" || return
    serve '!ca' "cert $C/office.crt" "key $C/office.key" "peer-fingerprint $(print_of "$C/alice.crt")" || return
    local c=('!ca' "peer-fingerprint $(print_of "$C/office.crt")" '!remote-cert-tls')
    join c1 "${c[@]}" "cert $C/alice.crt" "key $C/alice.key" || return
    stays_out c2 "${c[@]}" "cert $C/mallory.crt" "key $C/mallory.key" && [ "$LAB_SERVER" = openvpn ] ||
        logged "not in peer-fingerprint"
}
wrong_server_print() {
    self office && self alice && self mallory || why "no certificates" || return
    serve '!ca' "cert $C/office.crt" "key $C/office.key" "peer-fingerprint $(print_of "$C/alice.crt")" || return
    stays_out c1 '!ca' "peer-fingerprint $(print_of "$C/mallory.crt")" '!remote-cert-tls' "cert $C/alice.crt" "key $C/alice.key"
}
# A block of fingerprints beside a CA; one that is taken out ends its live session at the next reload.
fingerprint_taken_out() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own"; return; }
    local f=$LAB_DIR/prints.conf
    with_prints() {
        lab_server_conf "$LAB_SERVER"
        echo "<peer-fingerprint>"
        local n
        for n in "$@"; do echo "# $n"; print_of "$LAB_PKI/$n.crt"; done
        echo "</peer-fingerprint>"
    }
    with_prints c1 c2 >"$f"
    lab_server_start "@$f" || why "server does not start" || return
    join c1 && join c2 || return
    with_prints c2 >"$LAB_DIR/server.$((LAB_RUN - 2)).conf"
    lab_signal "$LAB_SRV_PID" HUP
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED" 5 || why "c1 was not told" || return
    lab_ping c2 192.168.77.10 || why "c2 lost its tunnel" || return
    lab_client_stop c1
    stays_out c1
}
issuers_print() {
    serve "verify-hash $(print_of "$LAB_PKI/ca.crt") SHA256" && join c1 && lab_client_stop c1 || return
    lab_server_stop
    serve "verify-hash $(print_of "$LAB_PKI/c1.crt")" && stays_out c1
}

p12() { openssl pkcs12 -export -in "$LAB_PKI/$1.crt" -inkey "$LAB_PKI/$1.key" -certfile "$LAB_PKI/ca.crt" -out "$C/$1.p12" -passout "pass:$2"; }
pkcs12_both() {
    p12 server secret && p12 c1 other || why "no PKCS#12" || return
    echo secret >"$C/pass" && echo other >"$C/pass1"
    serve '!ca' '!cert' '!key' "pkcs12 $C/server.p12" "askpass $C/pass" || return
    join c1 '!ca' '!cert' '!key' "pkcs12 $C/c1.p12" "askpass $C/pass1"
}
pkcs12_inline() {
    p12 server secret || why "no PKCS#12" || return
    echo secret >"$C/pass"
    local f=$LAB_DIR/p12.conf
    { lab_server_conf "$LAB_SERVER" '!ca' '!cert' '!key' "askpass $C/pass"; echo "<pkcs12>"; base64 "$C/server.p12"; echo "</pkcs12>"; } >"$f"
    lab_server_start "@$f" || why "server does not start" || return
    join c1
}
pkcs12_wrong_pass() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own words"; return; }
    p12 server secret && echo wrong >"$C/pass"
    lab_server_start '!ca' '!cert' '!key' "pkcs12 $C/server.p12" "askpass $C/pass" && { why "it starts"; return; }
    logged "wrong pass phrase" || return
    LAB_SRV_PID= # it ended by itself, as it should
}

# named NAME SUBJECT [openssl options]: a client's certificate with other fields.
named() {
    openssl req -new -newkey rsa:2048 -nodes -subj "$2" -config "$LAB_PKI/ca.cnf" -keyout "$C/$1.key" -out "$C/$1.csr" 2>/dev/null &&
        openssl x509 -req -in "$C/$1.csr" -CA "$LAB_PKI/ca.crt" -CAkey "$LAB_PKI/ca.key" -set_serial 0x0a1b -days 30 \
            -extfile <(echo "extendedKeyUsage=clientAuth"; echo "keyUsage=digitalSignature"; echo "subjectAltName=email:al@example.org") \
            -out "$C/$1.crt" 2>/dev/null
}
username() { # FIELDS NAME
    named al "/CN=alice/emailAddress=alice@example.com/O=Office" || why "no certificate" || return
    serve "x509-username-field $1" && join c1 "cert $C/al.crt" "key $C/al.key" && lists "$2"
}
username_unknown() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own words"; return; }
    lab_server_start "x509-username-field nonsenseField" && { why "it starts"; return; }
    logged "nonsenseField: is no field" || return
    LAB_SRV_PID=
}
username_missing() {
    serve "x509-username-field emailAddress" && stays_out c1
}

# A folder as pfSense makes it: HASH.N and HASH.rN.
folder() { # CRL
    D=$C/folder
    mkdir -p "$D"
    H=$(openssl x509 -noout -subject_hash -in "$LAB_PKI/ca.crt")
    cp "$LAB_PKI/ca.crt" "$D/$H.0" && cp "$LAB_PKI/$1" "$D/$H.r0" && echo "not a certificate" >"$D/README"
}
folder_of_cas() {
    folder crl.pem && serve '!ca' "capath $D" && join c1 || return
    stays_out c2 "cert $LAB_PKI/gone.crt" "key $LAB_PKI/gone.key" || return
    [ "$LAB_SERVER" = openvpn ] || logged "revoked" || return
}
# The list in the folder changes in place: the live session ends; so does a CA come and go.
folder_changes() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "OpenVPN looks at new connections only"; return; }
    folder crl0.pem && serve '!ca' "capath $D" "state-dir $C/state" && join c1 "cert $LAB_PKI/gone.crt" "key $LAB_PKI/gone.key" || return
    stays_out c2 "cert $LAB_PKI/stranger.crt" "key $LAB_PKI/stranger.key" || return
    lab_client_stop c2
    cat "$LAB_PKI/crl.pem" >"$D/$H.r0"
    lab_wait_log "${LAB_CLI_LOG[c1]}" "AUTH_FAILED,Certificate revoked" 3 || why "c1 was not told" || return
    cp "$LAB_PKI/stranger-ca.crt" "$D/$(openssl x509 -noout -subject_hash -in "$LAB_PKI/stranger-ca.crt").0"
    logged "reload: done" && join c2 "cert $LAB_PKI/stranger.crt" "key $LAB_PKI/stranger.key"
}
folder_empty() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "drawbridged's own words"; return; }
    mkdir -p "$C/empty"
    lab_server_start '!ca' "capath $C/empty" && { why "it starts"; return; }
    logged "no certificate in it" || return
    LAB_SRV_PID=
}

weak_profile() {
    openssl req -new -newkey rsa:1024 -nodes -subj /CN=weak -config "$LAB_PKI/ca.cnf" -keyout "$C/weak.key" -out "$C/weak.csr" 2>/dev/null &&
        openssl x509 -req -in "$C/weak.csr" -CA "$LAB_PKI/ca.crt" -CAkey "$LAB_PKI/ca.key" -set_serial 77 -days 30 \
            -extfile "$LAB_PKI/ca.cnf" -extensions client_ext -out "$C/weak.crt" 2>/dev/null || why "no weak certificate" || return
    serve && stays_out c1 "cert $C/weak.crt" "key $C/weak.key" "+tls-cert-profile insecure" || return
    lab_client_stop c1
    lab_server_stop
    serve "tls-cert-profile legacy" && join c1 "cert $C/weak.crt" "key $C/weak.key" "+tls-cert-profile insecure"
}

lab_begin certificates
lab_pki && lab_office 2 || exit 1
C=$LAB_DIR/certs
mkdir -p "$C"
# The whole of it with LAB_FULL=1 (test.sh --full) or --only.
short="cert-fingerprint-taken-out|cert-pkcs12-inline|cert-folder-changes|cert-username-serial-joined"
[ "$LAB_SERVER" = openvpn ] && short="cert-fingerprints|cert-pkcs12$"
LAB_ONLY=${LAB_ONLY:-${LAB_FULL:+.}}
LAB_ONLY=${LAB_ONLY:-$short}
t_case cert-fingerprints fingerprints
t_case cert-wrong-fingerprint wrong_server_print
t_case cert-fingerprint-taken-out fingerprint_taken_out
t_case cert-verify-hash issuers_print
t_case cert-pkcs12 pkcs12_both
t_case cert-pkcs12-inline pkcs12_inline
t_case cert-pkcs12-wrong-pass pkcs12_wrong_pass
t_case cert-folder folder_of_cas
t_case cert-folder-changes folder_changes
t_case cert-folder-empty folder_empty
t_case cert-username-email username emailAddress alice@example.com
t_case cert-username-serial-joined username "CN serialNumber" alice_0x0A1B
t_case cert-username-alternative username ext:subjectAltName al@example.org
t_case cert-username-missing username_missing
t_case cert-username-unknown username_unknown
t_case cert-profile weak_profile
t_end
