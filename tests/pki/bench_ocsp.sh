#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# OCSP answers a second and second of CPU time: ours beside `openssl ocsp -port`, same CA, same key type, same load.
#     bench_ocsp.sh BUILD_DIR [SECONDS]
# The figure that counts is answers for each second of the server's own CPU time (utime + stime), as the load runs on
# the same processors. Ours must be at least 5 times as quick where the connection is kept, which openssl cannot.
. "$(dirname "$0")/lib.sh"
SECONDS_EACH=${2:-3}
cd "$WORK" || exit 2
LOAD=$BUILD/tests/unit/certs/ocsp_load
[ -x "$LOAD" ] || { skip "ocsp_load is not built"; finish; }
lab_ca "$WORK/ca"
for i in $(seq 20); do ca issue client c$i --no-pass >/dev/null; done
ca revoke c3 >/dev/null
cpu() { local s; s=$(awk '{ print $14 + $15 + $16 + $17 }' /proc/$1/stat); echo "$s"; }
TICKS=$(getconf CLK_TCK)
measure() { # measure NAME PID REQUEST PATH keep|close -> RATE per CPU second in R
    local before after out good
    before=$(cpu $2)
    out=$("$LOAD" 127.0.0.1 $PORT $4 $3 $SECONDS_EACH 4 $5)
    after=$(cpu $2)
    good=$(awk '{ print $2 }' <<<"$out")
    R=$((good * TICKS / (after - before > 0 ? after - before : 1)))
    printf '        %-44s %s, %s a CPU second\n' "$1" "$out" "$R"
}
for type in P-256 rsa:2048; do
    ca issue ocsp "r${type//:/}" --no-pass --key-type $type >/dev/null
    S=r${type//:/}
    openssl ocsp -issuer ca/ca.crt -cert ca/issued/c1.crt -no_nonce -reqout plain 2>/dev/null
    openssl ocsp -issuer ca/ca.crt -cert ca/issued/c1.crt -nonce -reqout nonce 2>/dev/null
    PORT=$(free_port)
    "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer $S 2>/dev/null & P=$!; PIDS="$PIDS $P"
    wait_port $PORT || { fail "serve"; finish; }
    measure "$type: ours, kept answers, keep-alive" $P plain /ocsp keep; KEEP=$R
    measure "$type: ours, kept answers, new connections" $P plain /ocsp close; KEPT=$R
    measure "$type: ours, a nonce in each, new connections" $P nonce /ocsp close; NONCE=$R
    kill $P; wait $P 2>/dev/null
    PORT=$(free_port)
    "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer $S --ignore-nonce 2>/dev/null & P=$!; PIDS="$PIDS $P"
    wait_port $PORT || { fail "serve"; finish; }
    measure "$type: ours, --ignore-nonce, keep-alive" $P nonce /ocsp keep; WITHOUT=$R
    kill $P; wait $P 2>/dev/null
    PORT=$(free_port)
    openssl ocsp -port $PORT -index ca/index.txt -CA ca/ca.crt -rsigner ca/issued/$S.crt -rkey ca/private/$S.key -ndays 1 >/dev/null 2>&1 &
    P=$!; PIDS="$PIDS $P"; sleep 1
    measure "$type: openssl ocsp -port, no nonce" $P plain / close; THEIRS=$R
    measure "$type: openssl ocsp -port, nonce" $P nonce / close; THEIRS_NONCE=$R
    kill $P; wait $P 2>/dev/null
    least=5 # a new TCP connection for each question costs more than a P-256 signature
    [ $type != P-256 ] || least=2
    for m in "--ignore-nonce, keep-alive:$WITHOUT:$THEIRS_NONCE:5" "kept answers, keep-alive:$KEEP:$THEIRS:5" "kept answers, new connections:$KEPT:$THEIRS:$least" "nonce, new connections:$NONCE:$THEIRS_NONCE:0"; do
        IFS=: read -r what a b least <<<"$m"
        x=$((a * 10 / (b > 0 ? b : 1)))
        [ $x -ge $((least * 10)) ] && pass "$type: $what: $((x / 10)).$((x % 10)) times openssl" || fail "$type: $what: only $((x / 10)).$((x % 10)) times openssl"
    done
done
finish
