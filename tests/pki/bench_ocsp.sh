#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# OCSP answers a second and second of CPU time: ours beside `openssl ocsp -port`, same CA, same key type, same load.
#     bench_ocsp.sh BUILD_DIR [ROUNDS]
# The figure that counts is answers for each second of the server's own CPU time (utime + stime), as the load runs on
# the same processors. All servers run at once and take turns, a second each; the median of the rounds counts. Ours must
# be at least 5 times as quick wherever it is not asked for a signature each (--nonce), also without a kept connection.
. "$(dirname "$0")/lib.sh"
ROUNDS=${2:-3}
cd "$WORK" || exit 2
# Servers and load share one processor: waking a client on another one would be booked on the server, and in a virtual
# machine that costs as much as the answer.
have taskset && taskset -pc $(($(nproc) - 1)) $$ >/dev/null
LOAD=$BUILD/tests/unit/certs/ocsp_load
[ -x "$LOAD" ] || { skip "ocsp_load is not built"; finish; }
lab_ca "$WORK/ca"
for i in $(seq 20); do ca issue client c$i --no-pass >/dev/null; done
ca revoke c3 >/dev/null
cpu() { awk "{ s += \$1 } END { printf \"%d\\n\", s / 1000 }" /proc/$1/task/*/schedstat; } # microseconds
turn() { # turn NAME PID PORT REQUEST PATH keep|close: a second of load, a line in NAME
    local before after good
    before=$(cpu $2)
    good=$("$LOAD" 127.0.0.1 $3 $5 $4 1 4 $6 | awk '{ print $2 }')
    after=$(cpu $2)
    echo $((good * 1000000 / (after - before > 0 ? after - before : 1))) >> "rates.$1"
}
median() { sort -n "rates.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
start() { # start COMMAND...: PID in P, when PORT listens
    "$@" >/dev/null 2>&1 & P=$!; PIDS="$PIDS $P"
    wait_port $PORT || { fail "$1 does not listen"; finish; }
}
# name : connection : request : server : openssl's line : at least so many times (0: a signature each, no bar)
ROWS="keep:keep:plain:ours:their_plain:5 new:close:plain:ours:their_plain:5 nonce_keep:keep:nonce:ours:their_nonce:5
nonce_new:close:nonce:ours:their_nonce:5 signed:keep:nonce:sign:their_nonce:0 signed_new:close:nonce:sign:their_nonce:0"
for type in P-256 rsa:2048; do
    S=r${type//:/}
    ca issue ocsp "$S" --no-pass --key-type $type >/dev/null
    openssl ocsp -issuer ca/ca.crt -cert ca/issued/c1.crt -no_nonce -reqout plain 2>/dev/null
    openssl ocsp -issuer ca/ca.crt -cert ca/issued/c1.crt -nonce -reqout nonce 2>/dev/null
    PORT=$(free_port); OURS=$PORT; start "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer $S; OURS_PID=$P
    PORT=$(free_port); SIGN=$PORT; start "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer $S --nonce; SIGN_PID=$P
    PORT=$(free_port)
    openssl ocsp -port $PORT -index ca/index.txt -CA ca/ca.crt -rsigner ca/issued/$S.crt -rkey ca/private/$S.key -ndays 1 >/dev/null 2>&1 &
    P=$!; PIDS="$PIDS $P"; THEIRS=$PORT THEIRS_PID=$P
    sleep 1 # it ends when somebody connects and says nothing, so it is not asked whether it listens
    rm -f rates.*
    for round in $(seq $ROUNDS); do
        turn their_plain $THEIRS_PID $THEIRS plain / close
        turn their_nonce $THEIRS_PID $THEIRS nonce / close
        for row in $ROWS; do
            IFS=: read -r name how what who against least <<<"$row"
            if [ $who = ours ]; then turn $name $OURS_PID $OURS $what /ocsp $how; else turn $name $SIGN_PID $SIGN $what /ocsp $how; fi
        done
    done
    kill $OURS_PID $SIGN_PID $THEIRS_PID; wait $OURS_PID $SIGN_PID $THEIRS_PID 2>/dev/null
    for row in $ROWS; do
        IFS=: read -r name how what who against least <<<"$row"
        a=$(median $name) b=$(median $against)
        x=$((a * 10 / (b > 0 ? b : 1)))
        line="$type, $what, $how, $who: $a a CPU second, openssl $b: $((x / 10)).$((x % 10)) times"
        [ $a -gt 0 ] && [ $b -gt 0 ] && [ $x -ge $((least * 10)) ] && pass "$line" || fail "$line, at least $least are wanted"
    done
done
finish
