#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# C45: kill -9 at every system call of every command that changes a CA; then the next command. Each state must be the
# one before or the one after, no serial may ever come twice, and no repair command may be needed.
# Between two system calls the disk cannot change, so this is "killed at any instruction". strace counts the N-th call
# by name, so the loop runs over (name, N). DBR_PKI_FULL=1: all names and commands, and openssl ca beside it; else the
# calls that change something, for init, issue, revoke, renew and import.
. "$(dirname "$0")/lib.sh"
have strace || { skip "strace is not installed"; finish; }
strace -qq -o /dev/null true 2>/dev/null || { skip "strace may not trace here"; finish; }
cd "$WORK" || exit 2
QUIET=1
export ASAN_OPTIONS=detect_leaks=0 # which looks by ptrace, and strace is there
NAMES="write fsync rename renameat renameat2 unlinkat mkdir mkdirat symlinkat fchmod"
COMMANDS="init issue revoke renew renew_root import"
if [ -n "$DBR_PKI_FULL" ]; then
    NAMES="$NAMES openat close newfstatat pwrite64 ftruncate fchown fchmodat flock read getrandom"
    COMMANDS="init issue issue_counted sign revoke unhold crl renew renew_root rotate_ocsp gate import"
fi

lab_ca "$WORK/base"
{ ca issue client alice --no-pass && ca issue client bob --no-pass && ca issue ocsp responder --no-pass &&
  ca issue client held --no-pass && ca revoke held --reason certificateHold && ca gate-key new &&
  ca gate-key v2 new && ca gate-key v2 client alice; } >/dev/null || exit 2
cp -a base counted; sed -i 's/^serials random/serials sequential/' counted/drawbridge-ca.conf
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout carol.key -out carol.csr -subj /CN=carol 2>/dev/null
cp -a base old; rm old/drawbridge-ca.conf old/crlnumber old/.lock old/certs_by_serial # as openssl ca would have it
mkdir -p empty

# What each command starts from, does, and how "before" and "after" are told apart.
base_of() { case $1 in init) echo none ;; import) echo old ;; issue_counted) echo counted ;; *) echo base ;; esac; }
command_of() {
    case $1 in
    init) echo init New --no-pass ;;
    issue*) echo issue client carol --no-pass ;;
    sign) echo sign client carol.csr ;;
    revoke) echo revoke alice --reason superseded ;;
    unhold) echo unhold held ;;
    crl) echo crl ;;
    renew_root) echo renew --ca --life 20y ;;
    renew) echo renew alice --new-key --no-pass --revoke-old ;;
    rotate_ocsp) echo renew responder --new-key --no-pass ;;
    gate) echo gate-key rotate ;;
    import) echo import ;;
    esac
}
fits() { [ "$(openssl pkey -in w/private/$1.key -pubout 2>/dev/null)" = "$(openssl x509 -in w/issued/$1.crt -noout -pubkey)" ]; }
count() { awk -F'\t' -v s="$1" -v n="/CN=$2" '$1 == s && $6 == n' w/index.txt | wc -l; }
listed() { openssl crl -in w/crl.pem -noout -text | grep -c "Serial Number"; }
after() {
    case $1 in
    init) [ -f w/ca.crt ] && [ -f w/private/ca.key ] && [ -f w/crl.pem ] && [ -f w/index.txt ] && [ -f w/openssl.cnf ] ;;
    issue*) [ "$(count V carol)" = 1 ] && fits carol && openssl verify -CAfile w/ca.crt w/issued/carol.crt >/dev/null 2>&1 ;;
    sign) [ "$(count V carol)" = 1 ] && cmp -s w/issued/carol.crt "w/newcerts/$(serial_of w carol).pem" && [ -f w/reqs/carol.req ] ;;
    revoke) [ "$(count R alice)" = 1 ] && [ "$(listed)" = 2 ] && [ ! -e w/private/gatev2-alice.key ] &&
        grep -q " alice$" w/private/gatev2-withdrawn.list ;;
    unhold) [ "$(count V held)" = 1 ] && [ "$(listed)" = 0 ] ;;
    crl) ! cmp -s w/crl.pem base/crl.pem && ! cmp -s w/crlnumber base/crlnumber ;;
    renew_root) ! cmp -s w/ca.crt base/ca.crt && cmp -s w/ca-old.crt base/ca.crt && ! cmp -s w/crlnumber base/crlnumber &&
        openssl verify -CAfile w/ca.crt w/issued/alice.crt >/dev/null 2>&1 ;;
    renew) [ "$(count V alice)" = 1 ] && [ "$(count R alice)" = 1 ] && fits alice && [ "$(listed)" = 2 ] ;;
    rotate_ocsp) [ "$(count V responder)" = 2 ] && fits responder ;;
    gate) cmp -s w/private/gate-old.key base/private/gate.key && ! cmp -s w/private/gate.key base/private/gate.key ;;
    import) [ -f w/drawbridge-ca.conf ] && [ -f w/crlnumber ] ;;
    esac
}
# Every file but the lock, what died with its reservation, and the counter, which may skip a number.
tree() { (cd "$1" && find . -type f ! -name .lock ! -path './reserved/*' ! -name serial -exec sha256sum {} + | sort); }
before() {
    case $1 in
    init) [ ! -e w/ca.crt ] && [ ! -e w/index.txt ] && [ -z "$(ls w/private 2>/dev/null)" ] ;;
    *) [ "$(tree w)" = "$2" ] ;;
    esac
}
serials_twice() { cut -f4 w/index.txt 2>/dev/null | sort | uniq -d; }

# One kill: command, system call, N.
one() {
    local cmd=$1 name=$2 n=$3 base=$4 tree=$5 what="$1 killed at $2 #$3" out status
    rm -rf w
    [ "$base" = none ] || cp -a "$base" w
    # shellcheck disable=SC2046
    (strace -qq -f -o /dev/null -e trace="$name" -e inject="$name":signal=KILL:when="$n" \
        "$CA" --dir w $(command_of "$cmd"); true) >/dev/null 2>&1
    # The next command, whatever it is, must find a whole CA (or none yet).
    if [ "$cmd" = init ] || [ "$cmd" = import ]; then
        "$CA" --dir w $(command_of "$cmd") >out 2>&1; status=$?
        [ $status = 0 ] || grep -q "already" out || { fail "$what: next command" "$(cat out)"; return; }
        out=$("$CA" --dir w verify 2>&1) || { fail "$what: verify" "$out"; return; }
        after "$cmd" || { fail "$what: not complete" "$(ls -la w)"; return; }
    else
        out=$("$CA" --dir w verify 2>&1) || { fail "$what: verify" "$out"; return; }
        if after "$cmd"; then AFTER=$((AFTER + 1)); status=after
        elif before "$cmd" "$tree"; then BEFORE=$((BEFORE + 1)); status=before
        else fail "$what: neither before nor after" "$(diff <(echo "$tree") <(tree w))"; return; fi
        out=$("$CA" --dir w $(command_of "$cmd") 2>&1) || { [ $status = after ] && grep -q "already\|valid certificate\|not on hold\|known" <<<"$out"; } ||
            { fail "$what ($status): the command again" "$out"; return; }
        [ $status = after ] || after "$cmd" || { fail "$what: the command again did not do it"; return; }
        out=$("$CA" --dir w verify 2>&1) || { fail "$what: verify at the end" "$out"; return; }
    fi
    [ -z "$(serials_twice)" ] || { fail "$what: a serial twice" "$(serials_twice)"; return; }
    [ -z "$(find w -name '.new.*' -o -name '.journal*' -o -name journal -o -name .busy)" ] || { fail "$what: left over" "$(find w -name '.*')"; return; }
    pass "$what"
}

for cmd in $COMMANDS; do
    base=$(base_of "$cmd"); tree=; BEFORE=0 AFTER=0 POINTS=0
    [ "$base" = none ] || tree=$(tree "$base")
    rm -rf w; [ "$base" = none ] || cp -a "$base" w
    # shellcheck disable=SC2046
    strace -qq -f -o trace "$CA" --dir w $(command_of "$cmd") >/dev/null 2>&1 || { fail "$cmd does not run" "$(tail -3 trace)"; continue; }
    for name in $NAMES; do
        total=$(grep -c "^[0-9]* *$name(" trace)
        for n in $(seq "$total"); do one "$cmd" "$name" "$n" "$base" "$tree"; POINTS=$((POINTS + 1)); done
    done
    echo "        $cmd: $POINTS kill points, $BEFORE left the state before, $AFTER the state after"
done

# openssl ca in the same test, for comparison.
if [ -n "$DBR_PKI_FULL" ]; then
    bad=0 points=0
    rm -rf w; cp -a base w
    run="openssl ca -config openssl.cnf -batch -notext -in ../carol.csr -out issued/carol.crt"
    (cd w && strace -qq -f -o ../trace $run >/dev/null 2>&1)
    for name in $NAMES; do
        for n in $(seq "$(grep -c "^[0-9]* *$name(" trace)"); do
            rm -rf w; cp -a base w
            (cd w && strace -qq -f -o /dev/null -e trace=$name -e inject=$name:signal=KILL:when=$n $run; true) >/dev/null 2>&1
            points=$((points + 1))
            if [ ! -s w/serial ] || [ ! -f w/index.txt ] || { [ "$(count V carol)" = 0 ] && [ -s w/newcerts/01.pem ]; } ||
                { [ "$(count V carol)" = 1 ] && [ ! -s w/newcerts/01.pem ]; }; then bad=$((bad + 1)); fi
        done
    done
    echo "        openssl ca beside it: $points kill points, $bad bad states"
fi
finish
