#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The OCSP signer of drawbridge-ca serve while it runs: a renewed one takes over, with the same key or a new one, with
# rights dropped and with a passphrase from a descriptor; a bad one of each kind is refused with one line and the old one
# goes on; alarms at half and at a quarter of its life and at its end, and what they advise helps.
. "$(dirname "$0")/lib.sh"
have curl || { skip "curl is not installed"; finish; }
cd "$WORK" || exit 2

# serve FOLDER PORT LOG OPTIONS...: SERVER is its process.
serve() {
    local dir=$1 port=$2 log=$3; shift 3
    "$CA" --dir "$dir" serve --listen 127.0.0.1:$port --signer responder "$@" 2>>"$log" & SERVER=$!; PIDS="$PIDS $SERVER"
    wait_port $port || fail "serve does not start" "$(cat "$log")"
}
fast() { exec faketime -f '+0 x6' "$REAL" "$@"; } # in the background; faketime waits for its child
ask() { curl -s --max-time 10 -H 'Content-Type: application/ocsp-request' --data-binary "@$1" -o ans.der http://127.0.0.1:$2/ocsp; }
request() { openssl ocsp -issuer $1/ca.crt -cert $1/issued/alice.crt -no_nonce -reqout $1.req 2>/dev/null; }
signed_by() { # FOLDER PORT: the serial of the certificate that signed
    ask $1.req $2
    openssl ocsp -respin ans.der -noverify -resp_text 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}
serial() { openssl x509 -noout -serial -in "$1"; }
until_ok() { local i; for i in $(seq 200); do "$@" && return 0; sleep 0.1; done; return 1; }
signs() { [ "$(signed_by $1 $2)" = "$3" ]; }
good() { openssl ocsp -issuer $1/ca.crt -CAfile $1/ca.crt -url http://127.0.0.1:$2/ocsp -cert $1/issued/alice.crt 2>&1 | grep -q "alice.crt: good"; }
count() { grep -c -- "$1" "$2"; }
try_later() { ask $1.req $2; [ "$(od -An -tx1 ans.der | tr -d ' \n')" = 30030a0103 ]; }
# taken NAME FOLDER PORT: what is in the folder signs, and verifies.
taken() {
    until_ok signs $2 $3 "$(serial $2/issued/responder.crt)" && good $2 $3 && pass "$1" || fail "$1" "$(signed_by $2 $3) $(cat *.log)"
}

# --- a short life, from half of it to the end and on: a minute, in a sixth of it ---------------------------------------
if have faketime; then
    lab_ca "$WORK/short"; SHORT=$(free_port)
    echo "backdate 0s" >>short/drawbridge-ca.conf
    ca issue client alice --no-pass >/dev/null; request short
    check "a signer for a minute" ca issue ocsp responder --no-pass --life 1m
    REAL=$CA CA=fast
    serve short $SHORT short.log
    SHORT_PID=$(cat /proc/$SERVER/task/$SERVER/children) CA=$REAL
    PIDS="$PIDS $SHORT_PID"
else
    skip "faketime is not installed: alarms, expired and early certificates"
fi

# --- renewed while it runs --------------------------------------------------------------------------------------------
lab_ca "$WORK/ca"; PORT=$(free_port)
ca issue client alice --no-pass >/dev/null; ca issue ocsp responder --no-pass >/dev/null; request ca
serve ca $PORT ca.log; CA_PID=$SERVER
first=$(serial ca/issued/responder.crt)
signs ca $PORT "$first" && pass "the first one signs" || fail "the first one signs" "$(cat ca.log)"
check "renew" ca renew responder
taken "a renewed one signs, on an answer that was kept" ca $PORT
check "renew --new-key" ca renew responder --new-key --no-pass
taken "one with a new key signs" ca $PORT
n=$(count "is new, valid until" ca.log); [ $n = 2 ] && pass "each is said once" || fail "said $n times" "$(cat ca.log)"
kill -HUP $CA_PID; sleep 0.3; touch ca/issued/responder.crt ca/private/responder.key; sleep 1.2
[ "$(wc -l <ca.log)" = 3 ] && pass "the same pair is no news" || fail "the same pair is no news" "$(cat ca.log)"

# --- refused ----------------------------------------------------------------------------------------------------------
cp ca/issued/responder.crt good.crt; cp ca/private/responder.key good.key
put() { cp "$1" ca/$2.tmp && chmod 644 ca/$2.tmp && mv ca/$2.tmp ca/$2; }
said() { [ "$(count "$refusal" ca.log)" -gt $2 ] && tail -1 ca.log | grep -q "$refusal.*$1"; }
# bad NAME TEXT CERT KEY: in the place of the good ones ("" for the same), one after the other, as by hand.
bad() {
    local n; n=$(count "$refusal" ca.log)
    [ -z "$4" ] || put "$4" private/responder.key
    [ -z "$3" ] || put "$3" issued/responder.crt
    kill -HUP $CA_PID
    until_ok said "$2" $n && pass "$1: refused" || fail "$1: refused" "$(tail -3 ca.log)"
    signs ca $PORT "$(serial good.crt)" && good ca $PORT && pass "$1: the old one stays" || fail "$1: the old one stays"
    put good.key private/responder.key; put good.crt issued/responder.crt
    kill -HUP $CA_PID
}
refusal="is refused, the one before stays: "
cp -a ca side; DIR=$WORK/side
ca issue server other --no-pass >/dev/null; ca issue ocsp later --no-pass >/dev/null
lab_ca "$WORK/foreign"; ca issue ocsp responder --no-pass >/dev/null; DIR=$WORK/ca
echo "backdate 0s" >>side/drawbridge-ca.conf
printf -- '-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n' >rubbish.crt
head -c 120 good.key >cut.key
bad "another key" "does not fit" "" side/private/later.key
bad "a certificate of another key" "does not fit" side/issued/later.crt
bad "a server's certificate" "not for OCSPSigning" side/issued/other.crt side/private/other.key
bad "another CA's" "not issued by this CA" foreign/issued/responder.crt foreign/private/responder.key
bad "no certificate" "no certificate of" rubbish.crt
bad "half a key" "private key is broken" "" cut.key
if have faketime; then
    faketime -f -1h "$CA" --dir side issue ocsp brief --no-pass --life 1m >/dev/null
    bad "expired" "it expired at" side/issued/brief.crt side/private/brief.key
    faketime -f +1h "$CA" --dir side issue ocsp early --no-pass >/dev/null
    bad "not yet valid" "it is not valid before .*, and is taken then" side/issued/early.crt side/private/early.key
fi
cp ca/index.txt index.good
check "another one" ca issue ocsp gone --no-pass
cp ca/issued/gone.crt gone.crt; cp ca/private/gone.key gone.key
ca revoke gone >/dev/null
bad "revoked" "it is revoked" gone.crt gone.key
taken "afterwards" ca $PORT
check "revoking the one in use" ca revoke responder
until_ok grep -q "ALARM: the OCSP signer responder is revoked" ca.log && pass "is said" || fail "is said" "$(cat ca.log)"
cp ca/private/responder.key good.key
check "what the line advises" ca issue ocsp responder --no-pass
taken "helps" ca $PORT
grep -qi "sanitizer\|runtime error" ca.log && fail "sanitizer" "$(cat ca.log)"
kill -TERM $CA_PID; wait $CA_PID; [ $? = 0 ] && pass "ends on SIGTERM" || fail "ends on SIGTERM" "$(cat ca.log)"

# --- the end of the short one -----------------------------------------------------------------------------------------
if have faketime; then
    DIR=$WORK/short
    until_ok grep -q expired short.log
    for t in "less than 50 % of the life of the OCSP signer responder is left" "less than 25 %" "expired at .*answered tryLater"; do
        [ "$(count "ALARM: .*$t" short.log)" = 1 ] && pass "said once: $t" || fail "said once: $t" "$(cat short.log)"
    done
    try_later short $SHORT && pass "answers tryLater" || fail "answers tryLater"
    check "serves the CRL" curl -sf -o crl.der http://127.0.0.1:$SHORT/crl.der
    advice=$(sed -n 's/.*expired at.*run `drawbridge-ca \(.*\)`$/\1/p' short.log | head -1)
    [ -n "$advice" ] && faketime -f +1m "$CA" $advice --life 1d >advice.out 2>&1 && pass "the command of the line" || fail "the command of the line: $advice" "$(cat advice.out)"
    taken "helps at once" short $SHORT
    kill -KILL $SHORT_PID # at such a clock the end of libmicrohttpd takes its time
    grep -qi "sanitizer\|runtime error" short.log && fail "sanitizer" "$(cat short.log)"
fi

# --- a passphrase from a descriptor -----------------------------------------------------------------------------------
lab_ca "$WORK/pass"; P=$(free_port)
echo 'First-pass-phrase1' >p1; echo 'Other-pass-phrase2' >p2
ca issue client alice --no-pass >/dev/null; ca issue ocsp responder --key-pass-file p1 >/dev/null; request pass
serve pass $P pass.log --key-pass-fd 9 9<p1
check "renew, the key being encrypted" ca renew responder
taken "the key at hand serves" pass $P
check "a new key under the same passphrase" ca renew responder --new-key --key-pass-file p1
taken "is opened with it" pass $P
old=$(serial pass/issued/responder.crt)
check "a new key under another passphrase" ca renew responder --new-key --key-pass-file p2
until_ok grep -q "the passphrase of the start does not open it .*: restart" pass.log && signs pass $P "$old" && pass "is refused: restart" || fail "is refused: restart" "$(cat pass.log)"
kill -TERM $SERVER; wait $SERVER

# --- without rights ---------------------------------------------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
    lab_ca "$WORK/user"; U=$(free_port)
    ca issue client alice --no-pass >/dev/null; ca issue ocsp responder --no-pass >/dev/null; request user
    chmod 755 "$WORK"; chgrp nogroup user user/index.txt user/drawbridge-ca.conf
    serve user $U user.log --user nobody
    check "renew, as its user reads no key" ca renew responder
    taken "the key at hand serves its user" user $U
    old=$(serial user/issued/responder.crt)
    check "a new key that its user cannot read" ca renew responder --new-key --no-pass
    until_ok grep -q "private/responder.key.*: restart" user.log && signs user $U "$old" && pass "is refused: restart" || fail "is refused: restart" "$(cat user.log)"
    kill -TERM $SERVER; wait $SERVER
    serve user $U user.log --user nobody
    taken "a restart helps" user $U
    kill -TERM $SERVER; wait $SERVER
else
    skip "not root: serve --user"
fi
grep -qi "sanitizer\|runtime error" pass.log user.log && fail "sanitizer" "$(cat pass.log user.log)"
finish
