#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the admin gets wrong: each mistake is one line with file, line, reason and way out, and exit status 1; and what
# drawbridged says about a good configuration. No network is needed. Options as in handshake.sh.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

check() { # OVERRIDES...: output in OUT, status in STATUS
    lab_server_conf drawbridged "$@" >"$LAB_DIR/check.conf"
    OUT=$("$DBR_DAEMON" --config "$LAB_DIR/check.conf" --check-config 2>&1 </dev/null)
    STATUS=$?
}

accepts() {
    check "$@"
    [ $STATUS = 0 ] || why "status $STATUS: $OUT"
}

warns() { # WORD OVERRIDES...: accepted with exactly one warning that names the word
    local w=$1
    shift
    check "$@"
    [ $STATUS = 0 ] || why "status $STATUS: $OUT" || return
    [ "$(printf '%s\n' "$OUT" | grep -ci -- "$w")" = 1 ] || why "warnings: $OUT"
}

# refuses PATTERN OVERRIDES...: status 1, one line, and it names the file, the line number of the directive and PATTERN.
refuses() {
    local pattern=$1 n
    shift
    check "$@"
    [ $STATUS = 1 ] || why "status $STATUS: $OUT" || return
    [ "$(printf '%s\n' "$OUT" | grep -c .)" = 1 ] || why "$(printf '%s\n' "$OUT" | grep -c .) lines: $OUT" || return
    printf '%s' "$OUT" | grep -qiE -- "$pattern" || why "no '$pattern' in: $OUT" || return
    n=$(grep -n -F -- "${1#+}" "$LAB_DIR/check.conf" | head -n 1 | cut -d: -f1)
    printf '%s' "$OUT" | grep -qE "check\.conf:$n\b|check\.conf[^0-9]{1,12}$n\b" || why "file and line $n missing in: $OUT"
}

# stops PATTERN OVERRIDES...: the same when the program is started for good (in gw, so that nothing else is touched).
stops() {
    local pattern=$1 out status
    shift
    lab_server_conf drawbridged "$@" >"$LAB_DIR/check.conf"
    out=$(x gw timeout 5 "$DBR_DAEMON" --config "$LAB_DIR/check.conf" 2>&1 </dev/null)
    status=$?
    [ $status = 1 ] || why "status $status: $(printf '%s' "$out" | tail -n 1)" || return
    printf '%s' "$out" | grep -qiE -- "$pattern" || why "no '$pattern' in: $out" || return
    [ -z "$(x gw ip -br link | grep -E 'br0|tap0')" ] || why "left a bridge or a TAP behind"
}

shows() {
    lab_server_conf drawbridged >"$LAB_DIR/check.conf"
    OUT=$("$DBR_DAEMON" --config "$LAB_DIR/check.conf" --show-config 2>&1) || why "status $?: $OUT" || return
    printf '%s\n' "$OUT" | grep -qE '^(server-bridge|bridge) ' || why "no server-bridge in: $OUT"
}

# Directives on the command line count as the file's do.
command_line() {
    lab_server_conf drawbridged '!auth' >"$LAB_DIR/check.conf"
    OUT=$("$DBR_DAEMON" --config "$LAB_DIR/check.conf" --auth SHA512 --show-config 2>&1) || why "status $?: $OUT" || return
    printf '%s\n' "$OUT" | grep -qE '^auth SHA512' || why "auth SHA512 is not shown"
}

odd_text() { # BOM, CRLF, comments, quotes, leading dashes
    local f=$LAB_DIR/odd.conf
    { printf '\xef\xbb\xbf# a comment\r\n; another\r\n'; lab_server_conf drawbridged '!verb' | sed 's/$/\r/'; printf -- '--verb "3" # end\r\n'; } >"$f"
    OUT=$("$DBR_DAEMON" --config "$f" --check-config 2>&1) || why "status $?: $OUT"
}

hostile_file() { # what a file may be: each ends with status 1 within 5 s
    local f=$LAB_DIR/hostile.conf kind status
    for kind in directory fifo missing nul long; do
        rm -rf "$f"
        case $kind in
        directory) mkdir "$f" ;;
        fifo) mkfifo "$f" ;;
        nul) printf 'dev tap0\nport 1194\0\nproto udp\n' >"$f" ;;
        long) head -c 3000000 /dev/zero | tr '\0' a >"$f" ;;
        esac
        timeout 5 "$DBR_DAEMON" --config "$f" --check-config >"$LAB_DIR/out" 2>&1 </dev/null
        status=$?
        [ $status = 1 ] || why "$kind: status $status: $(head -c 200 "$LAB_DIR/out")" || return
    done
}

lab_begin config
lab_pki && lab_office 1 || exit 1
LAB_CLIENT=openvpn
p=$LAB_PKI
t_case check-config-good accepts
t_case show-config shows
t_case directives-on-the-command-line command_line
t_case bom-crlf-quotes odd_text
t_case hostile-config-files hostile_file
for d in persist-key persist-tun fast-io "keysize 128" "hash-size 256 256" "mtu-disc yes"; do
    t_case "warns-${d%% *}" warns "${d%% *}" "$d"
done
t_case refuses-unknown refuses "unknown|unrecogni[sz]ed" "frobnicate 3"
t_case refuses-static-key refuses "secret" "secret $p/ta.key"
t_case refuses-no-replay refuses "no-replay" no-replay
t_case refuses-dev-tun refuses "tun" "dev tun0"
t_case refuses-plugin refuses "plugin" "plugin /usr/lib/x.so"
t_case refuses-blowfish refuses "64|BF-CBC" "data-ciphers BF-CBC"
t_case refuses-cert-not-required refuses "without a certificate" client-cert-not-required
t_case refuses-bad-port refuses "port" "port 70000"
t_case refuses-bad-digest refuses "SHA257|digest|auth" "auth SHA257"
t_case refuses-bad-bridge refuses "server-bridge" "server-bridge 192.168.77.1 255.255.255.0 192.168.77.150 192.168.77.100"
t_case refuses-server-and-bridge refuses "server-bridge|together" "server 10.8.0.0 255.255.255.0"
echo garbage >"$LAB_DIR/garbage"
t_case missing-ca stops "nothere" "ca $LAB_DIR/nothere"
t_case garbage-ca stops "ca|certificate" "ca $LAB_DIR/garbage"
t_case garbage-key stops "key" "key $LAB_DIR/garbage"
t_case foreign-key stops "key" "key $p/c1.key"
t_case garbage-gate-key stops "tls-auth" "tls-auth $LAB_DIR/garbage 0"
t_case missing-crl stops "crl" "crl-verify $LAB_DIR/nothere"
t_case garbage-crl stops "crl" "crl-verify $LAB_DIR/garbage"
t_case missing-interface stops "nosuch0" "bridge br0 nosuch0"
t_end
