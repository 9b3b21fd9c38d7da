#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The day alice leaves: `drawbridge-ca revoke alice --push` to the last frame of her live session, end to end, with a
# CA of drawbridge-ca, a stock client with its exported profile, and 100 others under traffic who lose nothing. Then
# the same CRL and the same certificates under stock OpenVPN, which asks again at a renegotiation only.
#
#   lan: pinged by alice every 10 ms          gw: [server]          c1: alice     c2: the fleet, 100 members
#        <-- 1,000 frames/s of the fleet, all counted here             (tests/bench/fleet.c), each from an
#        --> 1,000 frames/s to its members in turn, counted there      address of its own in 10.20.0.0/16
#
# Options as in handshake.sh. The server is drawbridged and the client is stock OpenVPN; other pairings are skipped.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
BUILD=${DBR_DAEMON%/server/keeper/drawbridged}
CTL=$BUILD/server/ctl/drawbridge-ctl
CA_TOOL=$BUILD/certs/drawbridge-ca
FLEET=$BUILD/tests/bench/bench_fleet
MEMBERS=100
RATE=1000      # frames a second, each way
LIMIT_MS=1000  # command to last echo
STOCK_S=35     # no longer than this for the stock server

leave() { # REASON: nothing here can run
    t_skip push "$1"
    t_end
}
[ "$LAB_SERVER" = drawbridged ] || leave "--push is for drawbridged; stock OpenVPN is measured beside it"
[ "$LAB_CLIENT" = openvpn ] || leave "alice is a stock client here"
for f in "$DBR_DAEMON" "$CTL" "$CA_TOOL" "$FLEET"; do [ -x "$f" ] || leave "no ${f##*/} at $f"; done
lab_have openvpn || leave "$LAB_WHY"

# ------------------------------------------------------------------------------------------------- the CA

ca() { "$CA_TOOL" --dir "$LAB_PKI" "$@" >>"$LAB_DIR/ca.log" 2>&1; }
authority() {
    local i
    LAB_PKI=$LAB_DIR/ca
    SOCK=$LAB_DIR/ctl.sock
    ca init "Push Lab" --no-pass && ca issue server vpn --no-pass && ca issue client alice --no-pass &&
        ca gate-key new && ca export alice --remote "10.9.0.1 $LAB_PORT" --out "$LAB_DIR/alice.ovpn" || return 1
    PAIRS=()
    for i in 1 2 3 4; do
        ca issue client "fleet$i" --no-pass || return 1
        PAIRS+=(--cert "$LAB_PKI/issued/fleet$i.crt" --key "$LAB_PKI/private/fleet$i.key")
    done
    # The servers' list is a copy: only the push can tell the first of them.
    ca crl && cp "$LAB_PKI/crl.pem" "$LAB_DIR/crl.pem" || return 1
    echo "concentrator gw ip netns exec $LAB_ID-gw $CTL --socket $SOCK crl-push" >>"$LAB_PKI/drawbridge-ca.conf"
}

# ------------------------------------------------------------------------------------------------- the ends

# Profiles name no digest, so that both ends have the default of the protocol.
serve() { # [OVERRIDES...]
    lab_server_start "cert $LAB_PKI/issued/vpn.crt" "key $LAB_PKI/private/vpn.key" \
        "tls-auth $LAB_PKI/private/gate.key 0" "!auth" "crl-verify $LAB_DIR/crl.pem" duplicate-cn "verb 3" \
        "server-bridge 192.168.77.1 255.255.255.0 192.168.77.11 192.168.77.250" "$@" || why "server does not start"
}

alice_calls() {
    LAB_RUN=$((LAB_RUN + 1))
    LAB_CLI_LOG[c1]=$LAB_DIR/alice.$LAB_RUN.log
    : >"${LAB_CLI_LOG[c1]}"
    lab_bg c1 "${LAB_CLI_LOG[c1]}" openvpn --config "$LAB_DIR/alice.ovpn"
    LAB_CLI_PID[c1]=$LAB_PID
}

# Neighbours are told beforehand: nothing but the two flows and alice's echoes is on the LAN, so that frames can be
# counted to the last one.
alice_joins() {
    alice_calls
    lab_client_wait c1 || why "alice does not connect" || return
    ip -n "$LAB_ID-c1" neigh replace 192.168.77.10 lladdr "$(lab_mac lan eth0)" dev tap0 nud permanent
    ip -n "$LAB_ID-lan" neigh replace "$(lab_tunnel_ip c1)" lladdr "$(lab_mac c1 tap0)" dev eth0 nud permanent
    lab_ping c1 192.168.77.10 || why "no ping of alice"
}

alice_pings() { # for at most that many SECONDS
    lab_bg c1 "$LAB_DIR/echoes" ping -D -n -i 0.01 -w "$1" 192.168.77.10
    PING_PID=$LAB_PID
    lab_until 3 still_heard || why "no echoes"
}
echoes_asked() { x lan awk '$1 == "Icmp:" && $10 ~ /^[0-9]/ {print $10}' /proc/net/snmp; }
still_heard() { # echo requests reach the LAN
    local n
    n=$(echoes_asked)
    lab_nap 0.2
    [ "$(echoes_asked)" -gt "$n" ]
}
silence() { ! still_heard && ! still_heard && ! still_heard; }

# LAST_MS: from the given $EPOCHREALTIME to the last echo. False when the echoes had ended before it, by which it would
# measure nothing.
last_echo() { # SINCE
    lab_stop "$PING_PID" INT
    LAST_MS=$(sed -n 's/^\[\([0-9.]*\)\] .*bytes from.*/\1/p' "$LAB_DIR/echoes" | tail -n 1 |
        LC_ALL=C awk -v t="${1/,/.}" '{printf "%d", ($1 - t) * 1000}')
    rm -f "$LAB_DIR/echoes"
    [ -n "$LAST_MS" ] && [ "$LAST_MS" -ge -50 ] || why "no echoes when the clock began (last: ${LAST_MS:-none} ms)"
}

# ------------------------------------------------------------------------------------------------- the others

others_join() {
    x lan nft -f - <<-NFT
	table netdev load {
	    counter got { }
	    chain in { type filter hook ingress device eth0 priority 0; ether type 0x88b6 counter name got; }
	}
	NFT
    : >"$LAB_DIR/fleet.json"
    lab_bg c2 "$LAB_DIR/fleet.err" sh -c "exec \"\$0\" \"\$@\" >'$LAB_DIR/fleet.json'" "$FLEET" --server 10.9.0.1 \
        --port "$LAB_PORT" --base 10.20.0.0 --ca "$LAB_PKI/ca.crt" "${PAIRS[@]}" --tls-auth "$LAB_PKI/private/gate.key" \
        --auth SHA1 --ciphers AES-256-GCM --count "$MEMBERS" --rate 100 --wait 15 --hold 120 --frames "$RATE" \
        --frame-len 200 --to "$(lab_mac lan eth0)"
    FLEET_PID=$LAB_PID
    lab_until 20 test -s "$LAB_DIR/fleet.json"
    [ "$(head -n 1 "$LAB_DIR/fleet.json" | jq .connected)" = "$MEMBERS" ] ||
        why "fleet: $(cat "$LAB_DIR/fleet.json" "$LAB_DIR/fleet.err")" || return
    lab_nap 0.5 # each has sent, so that the bridge knows its address
    lab_bg lan "$LAB_DIR/sent" $LAB_PYTHON -c "$SENDER" "$MEMBERS" "$RATE"
    SENDER_PID=$LAB_PID
}
# Frames to the members in turn until SIGTERM; then says how many.
SENDER='
import signal, socket, sys, time
members, rate, n, go = int(sys.argv[1]), int(sys.argv[2]), 0, [True]
signal.signal(signal.SIGTERM, lambda *a: go.clear())
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
own, start = s.getsockname()[4], time.monotonic()
while go:
    while n < (time.monotonic() - start) * rate:
        s.send(b"\x02\0" + (n % members + 1).to_bytes(4, "big") + own + b"\x88\xb5" + bytes(186))
        n += 1
    time.sleep(0.002)
print(n)'

others_lost_nothing() {
    local sent got end
    lab_stop "$SENDER_PID"
    lab_nap 1 # what is under way
    lab_stop "$FLEET_PID" TERM 10
    lab_nap 1
    sent=$(cat "$LAB_DIR/sent")
    [[ $sent =~ ^[0-9]+$ ]] || why "sender: $sent" || return
    end=$(sed -n 2p "$LAB_DIR/fleet.json")
    got=$(x lan nft -j list counter netdev load got | jq '.nftables[] | select(.counter).counter.packets')
    OTHERS="$(jq -r --argjson sent "$sent" --argjson got "$got" \
        '"\(.alive) others: \($got) of \(.frames_out) frames from them, \(.frames_in) of \($sent) to them"' <<<"$end")"
    jq -e --argjson sent "$sent" --argjson got "$got" --argjson n "$MEMBERS" '.alive == $n and .lost == 0 and
        .bad_in == 0 and .send_errors == 0 and .frames_out == $got and .frames_in == $sent and
        $sent >= 5 * $n and $got >= 5 * $n' <<<"$end" >/dev/null || why "$OTHERS: $end"
}

# ------------------------------------------------------------------------------------------------- the cases

ctl() { "$CTL" --socket "$SOCK" "$@"; }
alice_is_in() { ctl status | grep -q alice; }

pushed() {
    mkdir -p "$LAB_DIR/state"
    serve "state-dir $LAB_DIR/state" "control-socket $SOCK" && alice_joins && others_join && alice_pings 30 || return
    alice_is_in || why "status does not name alice while she is in" || return
    lab_nap 0.5
    local t0=$EPOCHREALTIME t1
    ca revoke alice --reason cessationOfOperation --push || why "revoke --push failed: $(tail -n 3 "$LAB_DIR/ca.log")" || return
    t1=$EPOCHREALTIME
    lab_until 5 lab_gone "${LAB_CLI_PID[c1]}" || why "alice's client did not end" || return
    lab_log_has "${LAB_CLI_LOG[c1]}" "AUTH_FAILED,Certificate revoked" || why "alice was not told" || return
    lab_until 5 silence || why "alice's frames still come" || return
    last_echo "$t0" || return
    [ "$LAST_MS" -le "$LIMIT_MS" ] || why "frames passed for $LAST_MS ms" || return
    ! alice_is_in || why "status still names alice" || return
    alice_refused && others_lost_nothing || return
    T_NOTE="last echo $LAST_MS ms after the command began, which took $(((${t1/[.,]/} - ${t0/[.,]/}) / 1000)) ms; $OTHERS"
    OURS_MS=$LAST_MS
}

alice_refused() {
    lab_client_stop c1
    alice_calls
    lab_wait_log "${LAB_CLI_LOG[c1]}" "fatal SSL alert: certificate revoked" 5 || why "alice's new attempt was not refused" || return
    ! lab_log_has "${LAB_CLI_LOG[c1]}" "Initialization Sequence Completed" || why "alice came back"
}

# The same list put where OpenVPN reads it. It does so when a TLS handshake asks; hers is the next renegotiation, and
# the key before it lives on for the transition window. Both are an hour by default.
stock() {
    [ -n "${OURS_MS:-}" ] || skipped "there is no list of the first case" || return
    serve "reneg-sec 10" "tran-window 10" "hand-window 10" && alice_joins && alice_pings 60 || return
    cp "$LAB_PKI/crl.pem" "$LAB_DIR/crl.new"
    local t0=$EPOCHREALTIME over=
    mv "$LAB_DIR/crl.new" "$LAB_DIR/crl.pem"
    lab_within "$STOCK_S" silence || over="more than "
    last_echo "$t0" || return
    T_NOTE="last echo $over$LAST_MS ms after the list was on disk, reneg-sec 10, tran-window 10; drawbridged: $OURS_MS ms"
}

lab_begin push
authority || { cat "$LAB_DIR/ca.log" >&2; echo "FAIL push no CA"; exit 1; }
lab_office 2 || { echo "FAIL push no namespaces"; exit 1; }
# A quiet LAN: no IPv6 and no bridge that talk of themselves (the kernel's bridge reports the group of all snoopers).
for n in lan gw c1; do
    x $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
        net.ipv4.igmp_link_local_mcast_reports=0
done
ip -n "$LAB_ID-c2" route add local 10.20.0.0/16 dev lo
ip -n "$LAB_ID-gw" route add 10.20.0.0/16 via 10.9.0.12
t_case "revoke_push_with_${MEMBERS}_others" pushed
LAB_SERVER=openvpn
t_case "stock_openvpn_beside_it" stock
t_end
