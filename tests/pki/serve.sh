#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# drawbridge-ca serve against curl and openssl ocsp: caching headers, GET and POST, SHA-1 and SHA-256 ids, nonces,
# never "good" for what was not issued, bad requests of every kind, bounds (C54), revocation while it runs, its user.
. "$(dirname "$0")/lib.sh"
have curl || { skip "curl is not installed"; finish; }
cd "$WORK" || exit 2
PORT=$(free_port) URL=http://127.0.0.1:$PORT
lab_ca "$WORK/ca" --crl-url $URL/crl.der --ocsp-url $URL/ocsp
ca issue client alice --no-pass >/dev/null; ca issue client bob --no-pass >/dev/null; ca issue client held --no-pass >/dev/null
ca issue ocsp responder --no-pass >/dev/null; ca revoke bob --reason keyCompromise >/dev/null
cp ca/issued/bob.crt bob.crt
serve() { "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer responder "$@" 2>serve.log & SERVER=$!; PIDS="$PIDS $SERVER"; wait_port $PORT; }
serve || { fail "serve does not start" "$(cat serve.log)"; finish; }

# --- CRL ------------------------------------------------------------------------------------------------------------
check "crl.der" curl -sf -D h -o crl.der $URL/crl.der
cmp -s crl.der <(openssl crl -in ca/crl.pem -outform DER) && pass "crl.der is the CRL" || fail "crl.der is the CRL"
check "openssl verifies it" openssl crl -inform DER -in crl.der -CAfile ca/ca.crt -noout
for h in "Content-Type: application/pkix-crl" "ETag: \"" "Last-Modified: " "Cache-Control: public" "max-age=300"; do
    grep -qi "^.*$h" h && pass "header $h" || fail "header $h" "$(cat h)"
done
TAG=$(sed -n 's/^ETag: //Ip' h | tr -d '\r') DATE=$(sed -n 's/^Last-Modified: //Ip' h | tr -d '\r')
code() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
is() { [ "$(code "${@:3}")" = "$2" ] && pass "$1: $2" || fail "$1: $(code "${@:3}") instead of $2"; }
is "If-None-Match" 304 -H "If-None-Match: $TAG" $URL/crl.der
is "If-None-Match, another" 200 -H 'If-None-Match: "x"' $URL/crl.der
is "If-Modified-Since" 304 -H "If-Modified-Since: $DATE" $URL/crl.der
is "HEAD" 200 -I $URL/crl.der
is "crl.pem" 200 $URL/crl.pem
is "ca.crt" 200 $URL/ca.crt
is "the front page, as a browser asks" 200 -H 'Accept: text/html' -A Mozilla/5.0 --compressed $URL/
is "something else" 404 $URL/private/ca.key
is "a way up" 404 --path-as-is "$URL/../ca/private/ca.key"
is "PUT" 405 -X PUT -d x $URL/crl.der
is "DELETE" 405 -X DELETE $URL/crl.der

# --- OCSP -----------------------------------------------------------------------------------------------------------
ocsp() { openssl ocsp -issuer ca/ca.crt -CAfile ca/ca.crt -url $URL/ocsp "$@" 2>&1; }
says "alice is good" "alice.crt: good" ocsp -cert ca/issued/alice.crt
says "verified" "Response verify OK" ocsp -cert ca/issued/alice.crt
says "bob is revoked" "bob.crt: revoked" ocsp -cert bob.crt
says "with the reason" "keyCompromise" ocsp -cert bob.crt
says "SHA-256 ids" "alice.crt: good" ocsp -sha256 -cert ca/issued/alice.crt
says "both hashes, two certificates" "bob.crt: revoked" ocsp -cert ca/issued/alice.crt -sha256 -cert bob.crt
n=$(ocsp $(for i in $(seq 8); do echo "-cert ca/issued/alice.crt -cert bob.crt"; done) | grep -c "crt: good\|crt: revoked")
[ $n = 16 ] && pass "sixteen in one request, above 512 bytes" || fail "sixteen in one request: $n answers"
says "a nonce is passed over" "no nonce in response" ocsp -nonce -cert ca/issued/alice.crt
says "and openssl takes the answer" "Response verify OK" ocsp -nonce -cert ca/issued/alice.crt
says "no nonce" "alice.crt: good" ocsp -no_nonce -cert ca/issued/alice.crt
for s in 0x1 0x12345678 0x7fffffffffffffffffffffffffffffffffffffff 0xdeadbeef; do says "never issued: $s" ": unknown" ocsp -serial $s; done
for i in $(seq 20); do ocsp -serial 0x$(openssl rand -hex 15) | grep -q ": good" && fail "a random serial is good"; done; pass "no random serial is good"
lab_ca "$WORK/foreign"; DIR=$WORK/ca; "$CA" --dir foreign issue client eve --no-pass >/dev/null
out=$(openssl ocsp -issuer foreign/ca.crt -CAfile ca/ca.crt -url $URL/ocsp -cert foreign/issued/eve.crt 2>&1)
grep -q "unauthorized" <<<"$out" && pass "another issuer: unauthorized" || fail "another issuer" "$out"

openssl ocsp -issuer ca/ca.crt -cert ca/issued/alice.crt -no_nonce -reqout req.der 2>/dev/null
B64=$(base64 -w0 req.der | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')
check "GET" curl -sf -D h -o get.der "$URL/ocsp/$B64"
says "GET: good" "Response Verify OK\|Response verify OK" bash -c "openssl ocsp -respin get.der -issuer ca/ca.crt -cert ca/issued/alice.crt -CAfile ca/ca.crt 2>&1"
grep -qi "^content-type: application/ocsp-response" h && grep -qi "max-age" h && grep -qi "^ETag" h && pass "GET: headers" || fail "GET: headers" "$(cat h)"
check "GET, not encoded" curl -sf -o get2.der "$URL/ocsp/$(base64 -w0 req.der)"
cmp -s get.der get2.der && pass "the answer is kept" || fail "the answer is kept"
for how in "-0" "-0 -H Connection:keep-alive" "-H Connection:close" "-H Connection:close,x" "-H Connection:x"; do
    curl -s --max-time 20 $how -D h1 -o one.der "$URL/ocsp/$B64"
    cmp -s one.der get.der && [ "$(sed -n 's/^Content-Length: //Ip' h1 | tr -d '\r')" = "$(stat -c %s get.der)" ] &&
        diff <(grep -vi '^date\|^connection\|^cache\|^expires' h | sort) <(grep -vi '^date\|^connection\|^cache\|^expires' h1 | sort) >/dev/null &&
        pass "curl $how: the same answer and headers" || fail "curl $how: the same answer and headers" "$(cat h1)"
done
raw() { exec 7<>/dev/tcp/127.0.0.1/$PORT; printf "$1" >&7; timeout 20 cat <&7 >raw.out; status=$?; exec 7>&-; }
raw "GET /ocsp/$(base64 -w0 req.der) HTTP/1.0\r\n\r\n"
[ $status = 0 ] && grep -qi '^connection: close' raw.out && cmp -s <(tail -c $(stat -c %s get.der) raw.out) get.der &&
    pass "HTTP/1.0: answered and closed" || fail "HTTP/1.0: answered and closed" "$(head -c 400 raw.out)"
raw "HEAD /ocsp/$(base64 -w0 req.der) HTTP/1.0\r\n\r\n"
[ $status = 0 ] && [ "$(tail -c 4 raw.out | od -An -tx1 | tr -d ' ')" = 0d0a0d0a ] && pass "HEAD of HTTP/1.0: no body" || fail "HEAD of HTTP/1.0: no body" "$(head -c 400 raw.out)"
get="GET /ocsp/$(base64 -w0 req.der) HTTP/1.1\r\nHost: x\r\n"
raw "$get\r\n$get\r\n${get}Connection: close\r\n\r\n"
[ $status = 0 ] && [ "$(grep -ao 'HTTP/1.1 200' raw.out | wc -l)" = 3 ] && pass "three in one go, the last one closes" || fail "three in one go: $(grep -ao 'HTTP/1.1 200' raw.out | wc -l)"
post() { curl -s --max-time 10 -H 'Content-Type: application/ocsp-request' --data-binary "@$1" -o ans.der -w '%{http_code}' $URL/ocsp; }
ocsp_error() { [ "$(post "$2")" = 200 ] && [ "$(od -An -tx1 ans.der | tr -d ' \n')" = "30030a010$3" ] && pass "$1" || fail "$1" "$(od -An -tx1 ans.der | head -2)"; }
echo garbage > g; ocsp_error "garbage: malformed" g 1
: > e; ocsp_error "nothing: malformed" e 1
head -c 40 req.der > c; ocsp_error "cut: malformed" c 1
{ cat req.der; echo x; } > t; ocsp_error "bytes behind: malformed" t 1
head -c 20000 /dev/zero > b; [ "$(post b)" = 413 ] && pass "20 kB: 413" || fail "20 kB"
head -c 16000 /dev/urandom > r; ocsp_error "16 kB of noise: malformed" r 1
is "GET with odd base64" 400 "$URL/ocsp/abc"
is "GET with no base64" 400 "$URL/ocsp/****"
is "GET with nothing" 400 "$URL/ocsp/"
is "GET of 8 kB" 400 "$URL/ocsp/$(head -c 6144 /dev/zero | base64 -w0)"

# Requests with nonces of odd lengths and very many ids are written by a small program of ours.
if [ -x "$BUILD/tests/unit/certs/ocsp_requests" ]; then
    "$BUILD/tests/unit/certs/ocsp_requests" ca/ca.crt reqs || fail "ocsp_requests"
    for n in 1 16 128; do post reqs/nonce$n >/dev/null; openssl ocsp -respin ans.der -noverify -resp_text 2>/dev/null | grep -q "successful" && pass "nonce of $n" || fail "nonce of $n"; done
    for n in 0 129 4096; do ocsp_error "nonce of $n: malformed" reqs/nonce$n 1; done
    post reqs/nonce16 >/dev/null; cp ans.der first.der; post reqs/nonce128 >/dev/null
    cmp -s first.der ans.der && pass "one answer for all nonces" || fail "one answer for all nonces"
    openssl ocsp -respin ans.der -noverify -resp_text 2>/dev/null | grep -q "Nonce" && fail "there is a nonce" || pass "no nonce in the answer"
    ocsp_error "200 ids: malformed" reqs/ids 1
    ocsp_error "unknown critical extension: malformed" reqs/critical 1
    ocsp_error "unknown hash: unauthorized" reqs/hash 6
else
    skip "ocsp_requests is not built"
fi

# --- while it runs --------------------------------------------------------------------------------------------------
ca revoke alice >/dev/null
is_told() { ocsp -cert ca/issued/$1.crt | grep -q ": $2"; }
soon is_told alice revoked
says "revoked within seconds" ": revoked" ocsp -cert ca/issued/alice.crt
cmp -s <(curl -s $URL/crl.der) <(openssl crl -in ca/crl.pem -outform DER) && pass "the new CRL is served" || fail "the new CRL is served"
ca revoke held --reason certificateHold >/dev/null; soon is_told held revoked
says "on hold" certificateHold ocsp -cert ca/issued/held.crt
ca unhold held >/dev/null; soon is_told held good
says "no longer" "good" ocsp -cert ca/issued/held.crt
cp ca/crl.pem crl.good; echo broken > ca/crl.pem; soon grep -q "stays as it was" serve.log
cmp -s <(curl -s $URL/crl.der) <(openssl crl -in crl.good -outform DER) && pass "a broken CRL is not served, the old one stays" || fail "a broken CRL is not served"
grep -q "stays as it was" serve.log && pass "and it is said" || fail "and it is said" "$(cat serve.log)"
cp ca/index.txt index.good; sed -i 's/^V\(\t[^\t]*\)\t\(.*\/CN=held\)$/R\1\t200101093000Z\2/' ca/index.txt
soon is_told held revoked
says "and does not hold OCSP up" revoked ocsp -cert ca/issued/held.crt
cp index.good ca/index.txt; cp crl.good ca/crl.pem
soon is_told held good
cp -a ca later; "$CA" --dir later crl >/dev/null
mv ca/index.txt index.away; cat later/crl.pem > ca/crl.pem; sleep 1.5; mv index.away ca/index.txt # the same file: no news
is_later() { cmp -s <(curl -s $URL/crl.der) <(openssl crl -in later/crl.pem -outform DER); }
soon is_later && pass "what could not be read is tried again" || fail "what could not be read is tried again"

# --- bounds ---------------------------------------------------------------------------------------------------------
rss() { awk '/VmRSS/ { print $2 }' /proc/$SERVER/status; }
before=$(rss)
exec 8>&1
( for i in $(seq 300); do exec {fd}<>/dev/tcp/127.0.0.1/$PORT; printf 'POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n' >&$fd; done; sleep 3 ) 2>/dev/null &
loris=$!; PIDS="$PIDS $loris"
sleep 1
n=$(ls /proc/$SERVER/fd | wc -l); [ "$n" -lt 100 ] && pass "300 slow connections from one address: $n descriptors" || fail "300 slow connections: $n descriptors"
kill $loris 2>/dev/null; wait $loris 2>/dev/null
is_served() { [ "$(code $URL/crl.der)" = 200 ]; }
soon is_served
is "afterwards" 200 $URL/crl.der
for i in $(seq 300); do head -c 3000 /dev/urandom > r; post r >/dev/null; done
most=20000; grep -q '^DBR_SANITIZE:[A-Z]*=..*' "$BUILD/CMakeCache.txt" && most=200000 # a sanitizer keeps freed memory back
after=$(rss); [ $((after - before)) -lt $most ] && pass "memory: $before kB before, $after kB after" || fail "memory: $before kB before, $after kB after"
cp ca/index.txt index.good; seq 120000 | awk '{ printf "R\t491231235959Z\t200101000000Z\t70%08XAAAA\tunknown\t/CN=x\n", $1 }' >> ca/index.txt; ca crl >/dev/null
is_long() { [ "$(curl -s $URL/crl.pem | wc -c)" -gt 3000000 ]; }
soon is_long || fail "the long list is not served"; before=$(rss)
python3 - $PORT <<'EOF' &
import socket, sys, time
held = []
for i in range(50):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096) # or the kernel takes it all
    s.connect(("127.0.0.1", int(sys.argv[1])))
    s.send(b"GET /crl.pem HTTP/1.1\r\nHost: x\r\n\r\n")
    held.append(s)
time.sleep(60)
EOF
slow=$!; PIDS="$PIDS $slow"
sockets() { ls -l /proc/$SERVER/fd | grep -c socket:; }
are_there() { [ "$(sockets)" -gt 50 ]; } # the one that listens, and 50
soon are_there; sleep 1; n=$(sockets); after=$(rss) # they are let go after 10 s
[ "$n" -gt 50 ] && [ $((after - before)) -lt 60000 ] && pass "50 who do not read a long list: $before kB before, $after kB then" || fail "50 who do not read a long list, $n sockets: $before kB before, $after kB then"
cp index.good ca/index.txt; ca crl >/dev/null
is_short() { cmp -s <(curl -s $URL/crl.pem) ca/crl.pem; }
soon is_short && pass "a list that is still being fetched is replaced" || fail "a list that is still being fetched is replaced"
kill $slow 2>/dev/null; wait $slow 2>/dev/null
grep -qi "sanitizer\|runtime error" serve.log && fail "sanitizer" "$(cat serve.log)"
kill -TERM $SERVER; wait $SERVER; [ $? = 0 ] && pass "ends on SIGTERM" || fail "ends on SIGTERM"

# --- nonces ---------------------------------------------------------------------------------------------------------
serve --nonce || fail "serve --nonce" "$(cat serve.log)"
says "--nonce" "Response verify OK" ocsp -nonce -cert ca/issued/held.crt
ocsp -nonce -cert ca/issued/held.crt | grep -qi "no nonce" && fail "--nonce: it comes back" || pass "--nonce: it comes back"
if [ -x "$BUILD/tests/unit/certs/ocsp_requests" ]; then
    for n in 1 16 128; do
        post reqs/nonce$n >/dev/null
        openssl ocsp -respin ans.der -noverify -resp_text 2>/dev/null | grep -q "Nonce" && pass "--nonce: of $n" || fail "--nonce: of $n"
    done
    cp ans.der first.der; post reqs/nonce128 >/dev/null
    cmp -s first.der ans.der && fail "--nonce: a signature for each" || pass "--nonce: a signature for each"
fi
kill -TERM $SERVER; wait $SERVER

# --- its user -------------------------------------------------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$WORK"; chgrp nogroup ca ca/index.txt ca/drawbridge-ca.conf
    serve --user nobody || fail "serve --user" "$(cat serve.log)"
    [ "$(awk '/^Uid/ { print $2 $3 $4 }' /proc/$SERVER/status)" = "$(id -u nobody)$(id -u nobody)$(id -u nobody)" ] && pass "runs as nobody" || fail "runs as nobody" "$(cat serve.log)"
    [ "$(awk '/^Cap(Eff|Prm|Bnd|Amb)/ { print $2 }' /proc/$SERVER/status | sort -u)" = 0000000000000000 ] && pass "without a capability" || fail "without a capability" "$(grep Cap /proc/$SERVER/status)"
    [ "$(awk '/^NoNewPrivs/ { print $2 }' /proc/$SERVER/status)" = 1 ] && pass "no_new_privs" || fail "no_new_privs"
    says "and answers" "good" ocsp -cert ca/issued/held.crt
    ca revoke held >/dev/null; soon is_told held revoked
    says "and sees changes" "revoked" ocsp -cert ca/issued/held.crt
    kill -TERM $SERVER; wait $SERVER
    chgrp root ca/index.txt; chmod 600 ca/index.txt
    refuse "a user who may not read the index" "index.txt" timeout 20 "$CA" --dir ca serve --listen 127.0.0.1:$PORT --user nobody
else
    skip "not root: serve --user"
fi
chmod 640 ca/index.txt
# --- HTTPS ----------------------------------------------------------------------------------------------------------
ca issue server localhost --no-pass --san DNS:localhost,IP:127.0.0.1 >/dev/null
serve --tls-cert ca/issued/localhost.crt --tls-key ca/private/localhost.key || fail "HTTPS" "$(cat serve.log)"
check "HTTPS with a certificate of the CA" curl -sf --cacert ca/ca.crt -o /dev/null https://localhost:$PORT/crl.der --resolve localhost:$PORT:127.0.0.1
check "OCSP over HTTPS, HTTP/1.0" curl -sf -0 --cacert ca/ca.crt -o tls.der "https://localhost:$PORT/ocsp/$B64" --resolve localhost:$PORT:127.0.0.1
says "and what came is an answer" "OCSP Response Status: successful" openssl ocsp -respin tls.der -noverify -resp_text
kill -TERM $SERVER; wait $SERVER
refuse "a signer that is none" "OCSPSigning" timeout 20 "$CA" --dir ca serve --listen 127.0.0.1:$PORT --signer localhost
refuse "an address that is none" "ADDRESS:PORT\|no address" timeout 20 "$CA" --dir ca serve --listen nonsense
finish
