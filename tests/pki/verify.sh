#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# drawbridge-ca verify finds each thing that can be wrong; and what a command that died has reserved can be revoked.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
lab_ca "$WORK/base"
ca issue client alice --no-pass >/dev/null; ca issue client bob --no-pass >/dev/null; ca issue client carol --no-pass >/dev/null
ca revoke bob >/dev/null
A=$(serial_of base alice)
lab_ca "$WORK/other"; "$CA" --dir other issue client alice --no-pass >/dev/null
O=$(serial_of other alice)
DIR=$WORK/base; says "the base is whole" " 0 errors" ca verify

# broken NAME TEXT SCRIPT: SCRIPT breaks a copy in ./c, verify must say TEXT and fail.
broken() {
    rm -rf c; cp -a base c
    (cd c && eval "$3") || { fail "$1: cannot break it"; return; }
    refuse "$1" "$2" "$CA" --dir c verify
}
warned() {
    rm -rf c; cp -a base c
    (cd c && eval "$3") || { fail "$1: cannot break it"; return; }
    says "$1" "$2" "$CA" --dir c verify
}
broken "a certificate is missing" "missing or broken" "rm newcerts/$A.pem"
broken "a certificate is garbage" "missing or broken" "echo x > newcerts/$A.pem"
broken "another CA's certificate under that name" "not signed by this CA" "cp ../other/newcerts/$O.pem newcerts/$A.pem"
broken "another serial inside" "another serial" "cp ../other/newcerts/$O.pem newcerts/$A.pem"
broken "another subject in the index" "index.txt says" "sed -i 's,/CN=alice,/CN=mallory,' index.txt"
broken "another end in the index" "another time" "sed -i '/CN=alice/s/^V.............Z/V\t350101000000Z/' index.txt"
broken "a signed certificate in no line" "in no line of index.txt" "sed -i '/CN=alice/d' index.txt"
broken "a line twice" "twice" "grep CN=alice index.txt > x; cat x >> index.txt; rm x"
broken "issued/ has one that is unknown" "in no line" "cp ../other/issued/alice.crt issued/alice.crt"
broken "issued/ has garbage" "no certificate in it" "echo x > issued/alice.crt"
broken "the index was un-revoked by hand" "not revoked in index.txt but listed" "sed -i 's/^R\t\([^\t]*\)\t[^\t]*/V\t\1\t/' index.txt"
broken "the index was revoked by hand" "revoked in index.txt but not listed" "sed -i '/CN=alice/s/^V\t\([^\t]*\)\t/R\t\1\t200101000000Z/' index.txt"
broken "the CRL is another CA's" "issuer\|signature" "cp ../other/crl.pem crl.pem"
broken "the CRL is garbage" "no CRL" "echo x > crl.pem"
broken "crlnumber went back" "not above" "echo 01 > crlnumber"
broken "crlnumber is missing" "crlnumber" "rm crlnumber"
rm -rf c; cp -a base c; cp base/crl.pem old.pem; "$CA" --dir c revoke alice >/dev/null; cp old.pem c/crl.pem; refuse "an old CRL was put back" "not listed" "$CA" --dir c verify
broken "the next serial is in use" "in use" "sed -i 's/^serials random/serials sequential/' drawbridge-ca.conf; echo $A > serial"
broken "the serial file is missing" "serial" "sed -i 's/^serials random/serials sequential/' drawbridge-ca.conf; rm serial"
broken "a key that others can read" "read by others" "chmod 644 private/alice.key"
broken "a key behind a link" "link" "mv private/alice.key x; ln -s ../x private/alice.key"
rm -rf c; cp -a base c; cp other/private/ca.key c/private/ca.key; printf 'x-not-needed\n' > pw
refuse "the CA's key is another's" "not the key" "$CA" --dir c verify --pass-file pw
refuse "and nothing can be signed with it" "not the key" "$CA" --dir c crl
rm -rf c; cp -a base c; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c/ca.crt -subj /CN=x -addext basicConstraints=CA:FALSE 2>/dev/null
refuse "ca.crt is no CA's" "not a CA certificate" "$CA" --dir c verify
warned "a file of another name in newcerts" "not named by a serial" "cp newcerts/$A.pem newcerts/hello.pem"
warned "an unencrypted CA key" "not encrypted" true
rm -rf short; "$CA" --dir short init Short --no-pass --life 90d >/dev/null; says "a CA that ends soon" "within 180 days" "$CA" --dir short verify
if have faketime; then
    rm -rf c; cp -a base c
    says "an expired CRL" "has expired" faketime '+10 days' "$CA" --dir c verify
    refuse "an expired CA" "CA's certificate has expired" faketime '+11 years' "$CA" --dir c verify
    refuse "an expired CA issues nothing" "expired" faketime '+11 years' "$CA" --dir c issue client late --no-pass
    says "list --expiring" "alice" faketime '+800 days' "$CA" --dir c list --expiring 30d
else
    skip "faketime is not installed: an expired CRL, an expired CA"
fi

# A command that died between reserving and signing: its serial is known and can be revoked.
if have strace && strace -qq -o /dev/null true 2>/dev/null; then
    rm -rf c; cp -a base c
    (strace -qq -o /dev/null -e trace=renameat -e inject=renameat:signal=KILL:when=2 "$CA" --dir c issue client dave --no-pass; true) >/dev/null 2>&1
    S=$(ls c/reserved | sed 's/.tbs//')
    says "the reserved serial is told of" "$S was reserved" "$CA" --dir c verify
    says "it can be revoked" "1 certificate revoked" "$CA" --dir c revoke "$S"
    says "and is in the CRL" "$S" openssl crl -in c/crl.pem -noout -text
    grep -q "^R.*$S.*CN=dave" c/index.txt && pass "with the subject it would have had" || fail "with the subject it would have had" "$(cat c/index.txt)"
    [ -z "$(ls c/reserved)" ] && pass "no longer reserved" || fail "no longer reserved"
    check "verify" "$CA" --dir c verify
    check "dave himself can be issued" "$CA" --dir c issue client dave --no-pass
    rm -rf c; cp -a base c; echo garbage > c/reserved/4242.tbs
    refuse "a broken reservation" "4242" "$CA" --dir c revoke 4242
else
    skip "strace is not installed: reserved serials"
fi
finish
