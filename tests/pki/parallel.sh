#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# C48: many commands at once, some of them killed. All serials differ, everything signed is in the database, a dead or
# stopped lock holder does not stop the others for long. DBR_PKI_FULL=1: 1,000 issues, else 60.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
N=60
[ -z "$DBR_PKI_FULL" ] || N=1000
for kind in random sequential; do
    lab_ca "$WORK/$kind" --serials $kind
    killed=0 running=0
    { for i in $(seq $N); do
        "$CA" --dir $kind issue client c$i --no-pass --wait 300 >/dev/null 2>&1 &
        pid=$!
        if [ $((RANDOM % 4)) = 0 ]; then # one of four dies somewhere on its way
            killed=$((killed + 1))
            (sleep 0.0$((RANDOM % 10))$((RANDOM % 10)); kill -9 $pid) 2>/dev/null &
        fi
        running=$((running + 1))
        if [ $running -ge 50 ]; then wait; running=0; fi
    done
    wait; } 2>/dev/null # the shell tells of each one killed
    check "$kind: verify after $N issues, $killed of them shot at" ca verify
    lines=$(wc -l < $kind/index.txt) unique=$(cut -f4 $kind/index.txt | sort -u | wc -l) files=$(ls $kind/newcerts | wc -l)
    [ "$lines" = "$unique" ] && pass "$kind: $lines certificates, $unique different serials" || fail "$kind: $lines certificates, $unique different serials"
    [ "$lines" = "$files" ] && pass "$kind: as many files" || fail "$kind: $files files"
    [ "$lines" -ge $((N - killed)) ] && pass "$kind: nobody else was hurt" || fail "$kind: only $lines of $N, $killed killed"
    bad=0
    for i in $(seq $N); do
        if [ -e $kind/issued/c$i.crt ]; then
            s=$(openssl x509 -in $kind/issued/c$i.crt -noout -serial); s=${s#serial=}
            [ "$(awk -F'\t' -v s="$s" '($4 "") == (s "")' $kind/index.txt | wc -l)" = 1 ] && [ -s $kind/private/c$i.key ] || bad=$((bad + 1))
        fi
    done
    [ $bad = 0 ] && pass "$kind: each certificate has one line and one key" || fail "$kind: $bad without"
    check "$kind: the next command" ca issue client last --no-pass
done

# Revocations and issues at the same time.
DIR=$WORK/random
for i in $(seq 20); do
    "$CA" --dir "$DIR" issue client r$i --no-pass >/dev/null 2>&1 &
    "$CA" --dir "$DIR" crl >/dev/null 2>&1 &
    "$CA" --dir "$DIR" revoke c$i >/dev/null 2>&1 &
    "$CA" --dir "$DIR" list >/dev/null 2>&1 &
done
wait
check "mixed commands: verify" ca verify
[ "$(cut -f4 $DIR/index.txt | sort | uniq -d | wc -l)" = 0 ] && pass "mixed commands: no serial twice" || fail "mixed commands: no serial twice"

# Two who publish at once: nobody reads half a file, and neither of them fails.
mkdir web; check "publish" ca publish web
publish_often() { for _ in $(seq 40); do "$CA" --dir "$DIR" publish web >/dev/null || echo; done >"failed.$1" 2>&1; }
publish_often 1 & first=$!
publish_often 2 & second=$!
torn=0; while kill -0 $first 2>/dev/null || kill -0 $second 2>/dev/null; do cmp -s web/crl.pem "$DIR/crl.pem" || torn=$((torn + 1)); done
[ $torn = 0 ] && [ ! -s failed.1 ] && [ ! -s failed.2 ] && pass "two publish at once" || fail "two publish at once: $torn torn" "$(cat failed.1 failed.2)"

# A lock holder that is stopped: the others say so and give up when told to; when it dies they go on.
hold_lock() { exec 9<>"$DIR/.lock"; flock 9; kill -STOP "$BASHPID"; }
hold_lock &
holder=$!; PIDS="$PIDS $holder"
for i in $(seq 100); do [ "$(ps -o stat= -p $holder | cut -c1)" = T ] && break; sleep 0.05; done
refuse "the holder is stopped: told so after --wait" "locked by another" ca --wait 1s issue client late --no-pass
refuse "readers are told as well" "locked by another" ca --wait 1s list
{ (sleep 0.5; kill -9 $holder) &
check "the holder dies: the one who waits goes on" ca --wait 20s issue client late --no-pass
wait; } 2>/dev/null
check "verify" ca verify
finish
