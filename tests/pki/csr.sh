#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Hostile certificate requests (C49): nothing but the public key is taken over, and whoever asks for more is told.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
lab_ca "$WORK/ca"
ca issue client alice --no-pass >/dev/null
csr() { # csr FILE KEYTYPE SUBJECT [ADDEXT...]
    local out=$1 key=$2 subject=$3; shift 3
    local args=()
    for e in "$@"; do args+=(-addext "$e"); done
    openssl req -new -newkey $key -nodes -keyout "$out.key" -out "$out" -subj "$subject" "${args[@]}" 2>/dev/null || echo "no $out"
}
P256="ec -pkeyopt ec_paramgen_curve:P-256"
signed() { ca sign client "$@"; }

csr good "$P256" /CN=good
check "a good one" signed good
says "verifies" OK openssl verify -CAfile ca/ca.crt ca/issued/good.crt
csr rsa rsa:2048 /CN=rsa; check "RSA 2048" signed rsa
csr p384 "ec -pkeyopt ec_paramgen_curve:P-384" /CN=p384; check "P-384" signed p384
openssl genpkey -algorithm ed25519 -out ed.key 2>/dev/null; openssl req -new -key ed.key -out ed -subj /CN=ed; check "Ed25519" signed ed
openssl req -in good -outform DER -out der; refuse "the same key under another name" known signed der --name other
csr named "$P256" "/C=FR/O=Evil/CN=whoever"; check "the admin names it" signed named --name carol
says "and only the name counts" "^subject=CN = carol$" openssl x509 -in ca/issued/carol.crt -noout -subject -nameopt oneline
csr bc "$P256" /CN=cawish "basicConstraints=critical,CA:TRUE"; refuse "CA:TRUE" "to be a CA" signed bc
csr ku "$P256" /CN=kuwish "keyUsage=keyCertSign"; refuse "keyCertSign" keyUsage signed ku
csr ku2 "$P256" /CN=kuwish2 "keyUsage=cRLSign,digitalSignature"; refuse "cRLSign" keyUsage signed ku2
csr eku "$P256" /CN=ekuwish "extendedKeyUsage=serverAuth"; refuse "serverAuth for a client" extendedKeyUsage signed eku
csr eku2 "$P256" /CN=ekuwish2 "extendedKeyUsage=clientAuth,OCSPSigning"; refuse "OCSPSigning" extendedKeyUsage signed eku2
csr ekuok "$P256" /CN=ekuok "extendedKeyUsage=clientAuth" "basicConstraints=CA:FALSE" "keyUsage=digitalSignature"; check "what the profile gives anyway" signed ekuok
csr san "$P256" /CN=sanwish "subjectAltName=DNS:vpn.example.com"; refuse "an alternative name" san signed san
csr san2 "$P256" /CN=sanok "subjectAltName=DNS:laptop.example.com"; check "one that the admin gives" signed san2 --san DNS:laptop.example.com
csr san3 "$P256" /CN=sanmore "subjectAltName=DNS:laptop3.example.com,DNS:vpn.example.com"; refuse "one more than that" san signed san3 --san DNS:laptop3.example.com
csr ign "$P256" /CN=ignored "subjectAltName=DNS:vpn.example.com" "basicConstraints=CA:TRUE" "keyUsage=keyCertSign"
check "--ignore-requested" signed ign --ignore-requested
openssl x509 -in ca/issued/ignored.crt -noout -text | grep -q "CA:TRUE\|vpn.example\|Certificate Sign" && fail "gives nothing of it" || pass "gives nothing of it"
csr pol "$P256" /CN=polwish "certificatePolicies=1.2.3.4"; refuse "an extension we do not give" extension signed pol
csr unk "$P256" /CN=unk "1.2.3.4.5=critical,DER:0500"; refuse "an unknown critical one" extension signed unk
csr nc "$P256" /CN=ncwish "nameConstraints=permitted;DNS:x"; refuse "nameConstraints" extension signed nc
csr r1024 rsa:1024 /CN=small; refuse "RSA 1024" kind signed r1024
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out e3.key 2>/dev/null; openssl req -new -key e3.key -out e3 -subj /CN=e3; refuse "RSA with e = 3" kind signed e3
csr k1 "ec -pkeyopt ec_paramgen_curve:secp256k1" /CN=k1; refuse "secp256k1" kind signed k1
csr dup "$P256" /CN=alice; refuse "the name of somebody" "valid certificate" signed dup
csr two "$P256" "/CN=one/CN=two"; refuse "two common names" two signed two
csr path "$P256" "/CN=..\/..\/evil"; refuse "a path as the name" "cannot be a name" signed path
csr caname "$P256" "/CN=ca"; refuse "the name ca" "taken" signed caname
csr nocn "$P256" "/O=x"; refuse "no name" "cannot be a name" signed nocn
csr long "$P256" "/CN=$(printf 'x%.0s' {1..64})"; check "a name of 64" signed long
openssl req -new -key ca/private/ca.key -out cakey -subj /CN=thief; refuse "the CA's own key" known signed cakey
openssl req -new -key ca/private/alice.key -out akey -subj /CN=thief; refuse "alice's key" known signed akey
ca revoke good >/dev/null; csr again "$P256" /CN=good2; openssl req -new -key good.key -out again -subj /CN=good; refuse "the key of a revoked certificate" known signed again
# The signature: one byte of the key inside is changed.
csr sig "$P256" /CN=sig; openssl req -in sig -outform DER -out sig.der
n=$(stat -c %s sig.der); { head -c $((n - 5)) sig.der; printf '\x5a\x5a\x5a\x5a\x5a'; } > sig.bad
refuse "a broken signature" "own key\|not a certificate request" signed sig.bad
refuse "bytes behind it" "not a certificate request" signed <(cat sig.der; echo x)
refuse "two requests in a file" "more than one" signed <(cat sig rsa)
refuse "empty" "not a certificate request" signed /dev/null
refuse "text" "not a certificate request" signed <(echo hello)
head -c 10485760 /dev/zero > big; refuse "10 MB" long signed big
refuse "a missing file" "No such file" signed nothing
openssl req -new -key sig.key -subj /CN=md5 -md5 -out md5 2>/dev/null && { out=$(signed md5 2>&1); case $out in *serial*) pass "digest of the request does not matter: ours is SHA-256";; *) pass "MD5 refused";; esac; }
check "verify" ca verify
[ -z "$(find ca -name '.new.*' -o -name journal -o -name '*.tbs')" ] && pass "nothing left over" || fail "nothing left over"
finish
