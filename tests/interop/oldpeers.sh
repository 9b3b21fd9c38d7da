#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Old peers: AES-CBC with HMAC, compression framing, P_DATA_V1, compat modes of the stock client, and clients of
# versions that no package has (oldpeer.py). Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

LAN=192.168.77.10

# flows: pings of several sizes, the largest frame included, from and to both sides
flows() {
    lab_ping c1 $LAN 5 || why "no ping through the tunnel" || return
    x c1 ping -n -q -c 3 -i 0.1 -W 1 -s 1472 -M do $LAN >/dev/null || why "1,500-byte packets do not pass" || return
    x c1 ping -n -q -c 3 -i 0.1 -W 1 -s 1 -p ff $LAN >/dev/null || why "short packets do not pass"
}

# fifties: both ends of a ping get MAC addresses 50:..., the byte of the stub-v2 escape
fifties() {
    x c1 ip link set tap0 address 50:00:00:0a:0b:0c && x lan ip link set eth0 address 50:0a:00:0a:0b:0d || return
    x c1 ip neigh flush dev tap0
    x lan ip neigh flush dev eth0
    # one MAC address a laptop is the default of the guard: let it learn the new one
    lab_ping c1 $LAN 5 || why "no ping between MAC addresses 50:..." || return
    x c1 ping -n -q -c 5 -i 0.05 -W 1 -s 1000 $LAN >/dev/null || why "loss between MAC addresses 50:..."
}

plain_mac() { x lan ip link set eth0 address "$LAN_MAC"; }

# connects SERVER_OVERRIDES -- CLIENT_OVERRIDES
connects() {
    local s=()
    while [ "$1" != -- ]; do s+=("$1"); shift; done
    shift
    lab_server_start "${s[@]}" || why "server does not start" || return
    lab_client_start c1 "$@" || why "client does not connect" || return
    flows
}

# The client's log tells the cipher it came to.
came_to() {
    lab_log_has "${LAB_CLI_LOG[c1]}" "(Outgoing )?Data Channel: (C|c)ipher '$1'" || why "not $1"
}

# cbc CIPHER DIGEST TLS
cbc() {
    connects "data-ciphers $1" "auth $2" -- "data-ciphers $1" "auth $2" "tls-version-max $3" || return
    came_to "$1"
}

# CBC where the client takes nothing else.
cbc_among_others() {
    connects "data-ciphers AES-256-GCM:AES-256-CBC" -- "data-ciphers AES-256-CBC" || return
    came_to AES-256-CBC
}

# With GCM on both sides nobody falls back to CBC.
gcm_first() {
    connects "data-ciphers AES-256-GCM:AES-256-CBC" -- "data-ciphers AES-256-CBC:AES-256-GCM" || return
    came_to AES-256-GCM
}

# New keys every few seconds while pings go.
cbc_renegotiates() {
    connects "data-ciphers AES-256-CBC" "reneg-sec 6" "hand-window 8" -- "data-ciphers AES-256-CBC" "reneg-sec 0" || return
    local lost
    lost=$(lab_echoes c1 $LAN 200 0.1 | grep -o '[0-9.]*% packet loss')
    [ "$lost" = "0% packet loss" ] || why "$lost over 20 s of renegotiations" || return
    [ "$(grep -c 'VERIFY OK: depth=0' "${LAB_CLI_LOG[c1]}")" -ge 3 ] || why "no renegotiation seen"
}

# A digest that only one side has: no frame passes, and the log says why.
digests_differ() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "our server's log line"; return; }
    lab_server_start "data-ciphers AES-256-CBC" "auth SHA512" '!tls-auth' || why "server does not start" || return
    lab_client_start c1 "data-ciphers AES-256-CBC" "auth SHA1" '!tls-auth' || why "client does not connect" || return
    lab_wait_log "$LAB_SRV_LOG" "'auth' is used inconsistently.*SHA512.*SHA1" 3 || why "the log does not say it" || return
    ! x c1 ping -n -q -c 2 -i 0.2 -W 1 $LAN >/dev/null || why "frames pass with different digests"
}

# Small segments, so that no outer packet is cut: the MSS counts HMAC, IV and padding.
cbc_mss() {
    connects "data-ciphers AES-256-CBC" "auth SHA512" -- "data-ciphers AES-256-CBC" "auth SHA512" "mssfix 0" || return
    lab_iperf_server lan || why "no iperf3 server" || return
    local before after
    before=$(x gw nstat -asz IpFragCreates | awk '/IpFragCreates/ {print $2}')
    lab_iperf c1 $LAN -t 1 -R >/dev/null || why "no TCP through the tunnel" || return
    after=$(x gw nstat -asz IpFragCreates | awk '/IpFragCreates/ {print $2}')
    lab_stop "$LAB_IPERF_PID"
    [ "$after" = "$before" ] || why "$((after - before)) outer fragments"
}

stock_only() { [ "$LAB_CLIENT" = openvpn ] || skipped "an option of the stock client"; }

# compat VERSION LINES...: what the 2.6 client does for old servers
compat() {
    stock_only || return
    local v=$1
    shift
    connects "data-ciphers AES-256-GCM:AES-256-CBC" "data-ciphers-fallback AES-256-CBC" "auth SHA1" -- "compat-mode $v" '!data-ciphers' "auth SHA1" "$@"
}

tls12() { connects "data-ciphers AES-256-CBC" -- "data-ciphers AES-256-CBC" "tls-version-max 1.2" || return; came_to AES-256-CBC; }

# The client never hears of its peer id and so sends P_DATA_V1.
data_v1() {
    stock_only || return
    connects "data-ciphers $1" -- "data-ciphers $1" 'pull-filter ignore "peer-id"'
}

# framing CLIENT_LINES...: traffic with MAC addresses of all kinds in each. OpenVPN looks at what the client has only
# with `compress migrate`, and 2.6.14 then pushes stub-v2 without escaping anything itself: frames to 50:... are lost.
framing() {
    local more="mac-limit 4"
    [ "$LAB_SERVER" = openvpn ] && more="compress migrate"
    connects "data-ciphers AES-256-GCM:AES-256-CBC" "$more" -- "$@" || return
    [ "$LAB_SERVER" = openvpn ] || fifties
}

# both LINE: the same line on both sides and nothing pushed. Two OpenVPN drop each other's escapes.
both() {
    [ "$LAB_SERVER-$LAB_CLIENT" != drawbridged-openvpn ] || { skipped "our server tells each client what to do"; return; }
    local more=()
    [ "$LAB_SERVER" = drawbridged ] && more=("mac-limit 4")
    connects "$1" "${more[@]}" -- "$1" || return
    [ "$LAB_SERVER-$LAB_CLIENT" = openvpn-openvpn ] || fifties
}

framing_stock() {
    stock_only || return
    framing "$@"
}

# What the administrator pushes does not decide: a client without framing stays without.
pushed_by_admin() {
    [ "$LAB_SERVER" = drawbridged ] || { skipped "OpenVPN pushes it"; return; }
    connects 'push "compress lz4-v2"' 'push "comp-lzo yes"' "mac-limit 4" -- || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "PUSH_REPLY.*comp" || why "compression was pushed" || return
    fifties
}

# Our client at an OpenVPN server that compresses: what it sends is expanded.
packed_by_server() {
    [ "$LAB_SERVER-$LAB_CLIENT" = openvpn-drawbridged ] || { skipped "for a compressing server and our client"; return; }
    connects "comp-lzo yes" "allow-compression yes" -- "comp-lzo" || return
    x lan ping -n -q -c 5 -i 0.1 -W 1 -s 1400 -p 00 "$(lab_tunnel_ip c1)" >/dev/null || why "compressed frames are lost"
}

# old PROFILE [options of oldpeer.py...]
old() {
    [ "$LAB_SERVER-$LAB_CLIENT" = drawbridged-openvpn ] || { skipped "for our server"; return; }
    lab_server_start "data-ciphers AES-256-GCM:AES-128-GCM" "data-ciphers-fallback ${CIPHER:-AES-256-CBC}" \
        "auth ${AUTH:-SHA256}" "mac-limit 4" || why "server does not start" || return
    T_NOTE=$(x c1 timeout 60 $LAB_PYTHON "$HERE/oldpeer.py" --pki "$LAB_PKI" --lan "$LAB_ID-lan" \
        --auth "${AUTH:-SHA256}" --cipher "${CIPHER:-AES-256-CBC}" "$@" 2>&1) || why "$(printf '%s' "$T_NOTE" | tail -n 1)"
}

# A client whose only cipher nobody offers is told so.
old_refused() {
    [ "$LAB_SERVER-$LAB_CLIENT" = drawbridged-openvpn ] || { skipped "for our server"; return; }
    lab_server_start "data-ciphers AES-256-GCM" || why "server does not start" || return
    local said
    said=$(x c1 timeout 30 $LAB_PYTHON "$HERE/oldpeer.py" --pki "$LAB_PKI" --lan "$LAB_ID-lan" 2.3 2>&1)
    [[ $said == *"no shared cipher"* ]] || why "not told: $said"
}

# One that cannot make its keys by the exporter, where that is wanted.
old_exporter() {
    [ "$LAB_SERVER-$LAB_CLIENT" = drawbridged-openvpn ] || { skipped "for our server"; return; }
    lab_server_start "data-ciphers AES-256-GCM" force-tls-key-material-export || why "server does not start" || return
    local said
    said=$(x c1 timeout 30 $LAB_PYTHON "$HERE/oldpeer.py" --pki "$LAB_PKI" --lan "$LAB_ID-lan" 2.5 2>&1)
    [[ $said == *"Keying Material Exporters"* ]] || why "not told: $said" || return
    lab_client_start c1 || why "a client that can does not get in"
}

HERE=$(cd "$(dirname "$0")" && pwd)
lab_begin oldpeers
lab_pki && lab_office 1 || exit 1
LAN_MAC=$(lab_mac lan eth0)
run() { t_case "$@"; plain_mac; }

for digest in SHA1 SHA256 SHA512; do
    run "cbc-256-$digest" cbc AES-256-CBC $digest 1.3
done
run cbc-192-SHA384 cbc AES-192-CBC SHA384 1.3
run cbc-128-SHA1 cbc AES-128-CBC SHA1 1.2
run cbc-128-MD5 cbc AES-128-CBC MD5 1.2
run cbc-among-others cbc_among_others
run cbc-not-where-gcm-is gcm_first
run cbc-tls-1.2 tls12
run cbc-renegotiates cbc_renegotiates
run cbc-digests-differ digests_differ
run cbc-mss cbc_mss
run compat-2.4-cbc compat 2.4.0 "cipher AES-256-CBC"
run compat-2.4-gcm compat 2.4.0
run compat-2.3-cbc compat 2.3.0 "cipher AES-256-CBC"
run compat-2.3-fallback compat 2.3.0 "cipher AES-256-CBC" "data-ciphers-fallback AES-256-CBC"
run data-v1-gcm data_v1 AES-256-GCM
run data-v1-cbc data_v1 AES-256-CBC
run framing-none framing
run framing-comp-lzo framing comp-lzo
run framing-comp-lzo-no framing "comp-lzo no"
run framing-comp-lzo-yes framing_stock "comp-lzo yes" "allow-compression yes"
run framing-compress framing compress
run framing-compress-lzo framing_stock "compress lzo" "allow-compression yes"
run framing-compress-lz4 framing_stock "compress lz4" "allow-compression asym"
run framing-compress-lz4-v2 framing_stock "compress lz4-v2" "allow-compression asym"
run framing-compress-lz4-v2-yes framing_stock "compress lz4-v2" "allow-compression yes"
run framing-compress-stub-v2 framing "compress stub-v2"
run framing-compress-migrate framing "compress migrate"
run framing-cbc-comp-lzo framing "comp-lzo no" "data-ciphers AES-256-CBC"
run framing-both-comp-lzo both "comp-lzo no"
run framing-both-compress both "compress"
run framing-both-stub-v2 both "compress stub-v2"
run framing-pushed-by-admin pushed_by_admin
run framing-packed-by-server packed_by_server
run old-2.2 old 2.2 --tamper
run old-2.3 old 2.3 --tamper
AUTH=SHA1 CIPHER=AES-128-CBC run old-2.3-sha1-128 old 2.3
AUTH=SHA512 run old-2.4-ncp-disable old 2.4-ncp-disable --tamper
run old-2.4 old 2.4
run old-2.5 old 2.5
run old-2.7 old 2.7
run old-mikrotik old mikrotik
CIPHER=AES-256-GCM run old-2.2-gcm-v1 old 2.2 --tamper
run old-2.2-comp-lzo old 2.2 --framing lzo
run old-2.3-lzo-packed old 2.3 --framing lzo-packed
run old-2.4-comp-lzo old 2.4 --framing lzo
run old-2.5-comp-lzo old 2.5 --framing lzo
run old-refused old_refused
run old-no-exporter old_exporter
t_end
