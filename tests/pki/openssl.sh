#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The folder is what `openssl ca` understands, and what we make is what openssl accepts.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2

for type in P-256 P-384 ed25519 rsa:2048; do
    t=${type//:/}
    lab_ca "$WORK/$t" --key-type "$type" --crl-url http://pki.test/crl.der --ocsp-url http://pki.test/ocsp
    check "$type: issue server" ca issue server vpn.example.com --no-pass
    check "$type: issue client" ca issue client alice --no-pass
    check "$type: issue site" ca issue site lyon --no-pass
    check "$type: openssl verifies the server" openssl verify -x509_strict -purpose sslserver -CAfile $t/ca.crt $t/issued/vpn.example.com.crt
    check "$type: openssl verifies the client" openssl verify -x509_strict -purpose sslclient -CAfile $t/ca.crt $t/issued/alice.crt
    refuse "$type: a client is no server" purpose openssl verify -purpose sslserver -CAfile $t/ca.crt $t/issued/alice.crt
    check "$type: a site is a server" openssl verify -x509_strict -purpose sslserver -CAfile $t/ca.crt $t/issued/lyon.crt
    check "$type: a site is a client" openssl verify -x509_strict -purpose sslclient -CAfile $t/ca.crt $t/issued/lyon.crt
    check "$type: openssl verifies the CRL" openssl crl -in $t/crl.pem -noout -CAfile $t/ca.crt
    check "$type: verify" ca verify
done

DIR=$WORK/P-256
for type in rsa:3072 rsa:4096; do
    check "$type: issue" ca issue client "c${type#rsa:}" --no-pass --key-type $type
    says "$type: key" "${type#rsa:} bit" openssl pkey -in "$DIR/private/c${type#rsa:}.key" -noout -text
done
text() { openssl x509 -in "$1" -noout -text; }
says "ca: pathlen 1, critical" "CA:TRUE, pathlen:1" text $DIR/ca.crt
says "server: nsCertType" "SSL Server" text $DIR/issued/vpn.example.com.crt
says "server: CRL point" "URI:http://pki.test/crl.der" text $DIR/issued/vpn.example.com.crt
says "server: OCSP" "OCSP - URI:http://pki.test/ocsp" text $DIR/issued/vpn.example.com.crt
says "server: name in subjectAltName" "DNS:vpn.example.com" text $DIR/issued/vpn.example.com.crt
says "client: nsCertType" "SSL Client" text $DIR/issued/alice.crt
check "issue ocsp" ca issue ocsp responder --no-pass
says "ocsp: OCSPSigning" "OCSP Signing" text $DIR/issued/responder.crt
says "ocsp: nocheck" "OCSP No Check" text $DIR/issued/responder.crt

# Revocation as openssl sees it.
S=$(serial_of "$DIR" alice)
status() { (cd "$DIR" && openssl ca -config openssl.cnf -status "$1" 2>&1; true); } # its exit status is 1 always
says "openssl ca -status: valid" "$S=Valid (V)" status "$S"
cat $DIR/ca.crt $DIR/crl.pem > both.pem
check "crl_check: alice is good" openssl verify -crl_check -CAfile both.pem $DIR/issued/alice.crt
check "revoke alice" ca revoke alice --reason keyCompromise
says "openssl ca -status: revoked" "$S=Revoked (R)" status "$S"
refuse "crl_check with the old CRL plus the new: revoked" revoked openssl verify -crl_check -CAfile <(cat $DIR/ca.crt $DIR/crl.pem) $DIR/issued/alice.crt
says "reason in the CRL" "Key Compromise" openssl crl -in $DIR/crl.pem -noout -text
says "crlNumber went up" "crlNumber=0x02\|crlNumber=0x2\|crlNumber=02" openssl crl -in $DIR/crl.pem -noout -crlnumber
refuse "revoked twice" already ca revoke alice
refuse "renewing the revoked" revoked ca renew alice
check "the name can be issued again" ca issue client alice --no-pass
check "hold" ca revoke lyon --reason certificateHold
refuse "crl_check: on hold" revoked openssl verify -crl_check -CAfile <(cat $DIR/ca.crt $DIR/crl.pem) $DIR/issued/lyon.crt
check "unhold" ca unhold lyon
check "crl_check: hold lifted" openssl verify -crl_check -CAfile <(cat $DIR/ca.crt $DIR/crl.pem) $DIR/issued/lyon.crt
refuse "unhold twice" hold ca unhold lyon
refuse "revoke of nobody" "no certificate" ca revoke nobody
refuse "unknown reason" reason ca revoke lyon --reason because
check "verify" ca verify

# openssl ca works in our folder and we in what it leaves.
openssl req -newkey rsa:2048 -nodes -keyout d.key -out d.csr -subj /CN=dora 2>/dev/null
check "openssl ca signs in our folder" bash -c "cd '$DIR' && openssl ca -config openssl.cnf -batch -notext -in '$WORK/d.csr' -out '$WORK/d.crt'"
check "verify after openssl ca" ca verify
says "list knows it" dora ca list
check "we revoke it" ca revoke dora
refuse "crl_check: revoked" revoked openssl verify -crl_check -CAfile <(cat $DIR/ca.crt $DIR/crl.pem) d.crt
check "openssl ca -gencrl works" bash -c "cd '$DIR' && openssl ca -config openssl.cnf -gencrl -out crl.pem"
check "openssl ca -updatedb works" bash -c "cd '$DIR' && openssl ca -config openssl.cnf -updatedb"
check "verify after that" ca verify
check "and our next CRL" ca crl
check "verify again" ca verify

# Renewal.
K=$(openssl x509 -in $DIR/issued/vpn.example.com.crt -noout -pubkey)
check "renew keeps the key" ca renew vpn.example.com
[ "$K" = "$(openssl x509 -in $DIR/issued/vpn.example.com.crt -noout -pubkey)" ] && pass "same public key" || fail "same public key"
check "renew --new-key" ca renew vpn.example.com --new-key --no-pass --revoke-old
[ "$K" != "$(openssl x509 -in $DIR/issued/vpn.example.com.crt -noout -pubkey)" ] && pass "other public key" || fail "other public key"
says "the alternative name stayed" "DNS:vpn.example.com" text $DIR/issued/vpn.example.com.crt
[ "$(openssl pkey -in $DIR/private/vpn.example.com.key -pubout)" = "$(openssl x509 -in $DIR/issued/vpn.example.com.crt -noout -pubkey)" ] && pass "key fits" || fail "key fits"
says "the old one is superseded" superseded cat $DIR/index.txt
OLD=$DIR; lab_ca "$WORK/unique"; ca issue client lyon --no-pass >/dev/null
printf 'unique_subject = yes\n' > $DIR/index.txt.attr
refuse "unique_subject is kept" unique_subject ca renew lyon
check "with --revoke-old" ca renew lyon --revoke-old
says "openssl still reads the database" Valid status "$(serial_of $DIR lyon)"
DIR=$OLD

# A CA below the CA.
check "issue sub-ca" ca issue sub-ca branch --no-pass
check "init from it" "$CA" --dir "$WORK/branch" init Branch --no-pass --cert $DIR/issued/branch.crt --key $DIR/private/branch.key --chain $DIR/ca.crt
check "its client" "$CA" --dir "$WORK/branch" issue client zoe --no-pass
cat $DIR/ca.crt $DIR/crl.pem branch/crl.pem > roots.pem
check "chain of three with both CRLs" openssl verify -x509_strict -crl_check_all -CAfile roots.pem -untrusted branch/ca.crt branch/issued/zoe.crt
check "revoking below" "$CA" --dir "$WORK/branch" revoke zoe
refuse "is seen" revoked openssl verify -crl_check_all -CAfile <(cat $DIR/ca.crt $DIR/crl.pem branch/crl.pem) -untrusted branch/ca.crt branch/issued/zoe.crt
check "verify below" "$CA" --dir "$WORK/branch" verify

# Encrypted keys, PKCS#12, profiles.
printf '#aaaa11\n' > weak; printf 'Correct-Horse-7-Battery\n' > strong; printf 'Another-Horse-8-Battery\n' > p12pass
refuse "the weak passphrase under the strong policy" short ca issue client bob --key-pass-file weak
check "a strong one" ca issue client bob --key-pass-file strong
says "PBES2, AES-256, PBKDF2, SHA-256" "PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256" \
    bash -c "openssl pkcs8 -in $DIR/private/bob.key -passin file:strong -topk8 -v2 aes256 -passout pass:x -out /dev/null; openssl asn1parse -in $DIR/private/bob.key | tr -s ' \n' ' ' | grep -q 'PBES2.*PBKDF2.*0927C0.*hmacWithSHA256.*aes-256-cbc' && echo PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256"
check "openssl opens the key" openssl pkey -in $DIR/private/bob.key -passin file:strong -noout
check "gate key" ca gate-key new
check "export" ca export bob --remote "vpn.example.com 1194" --out bob.ovpn
refuse "export does not overwrite" exist ca export bob --remote "vpn.example.com 1194" --out bob.ovpn
[ "$(stat -c %a bob.ovpn)" = 600 ] && pass "mode 600" || fail "mode 600"
check "p12" ca export bob --p12 --key-pass-file strong --out bob.p12
check "openssl opens the p12" openssl pkcs12 -in bob.p12 -passin file:strong -noout
check "p12 with its own passphrase" ca export bob --p12 --key-pass-file strong --p12-pass-file p12pass --out bob2.p12
check "openssl opens it" openssl pkcs12 -in bob2.p12 -passin file:p12pass -noout
refuse "p12 with the wrong key passphrase" "passphrase" ca export bob --p12 --key-pass-file weak --out bob3.p12
refuse "export of the revoked" revoked bash -c "'$CA' --dir '$DIR' revoke bob >/dev/null; '$CA' --dir '$DIR' export bob --remote x"
"$CA" --dir "$WORK/seed" init Seed --pass-file strong --policy symbol+letters+digits >/dev/null 2>&1 && pass "a CA with an encrypted key" || fail "a CA with an encrypted key"
DIR=$WORK/seed
check "the original scheme as the policy" ca issue client bob --key-pass-file weak --pass-file strong
refuse "wrong passphrase of the CA" "wrong passphrase" ca issue client carl --no-pass --pass-file weak
check "passphrase from a descriptor" bash -c "'$CA' --dir '$DIR' crl --pass-fd 7 7<strong"
refuse "no terminal, no passphrase" terminal setsid -w "$CA" --dir "$DIR" crl
if have openvpn; then
    lab_ca "$WORK/ovpn"; ca issue client cl --no-pass >/dev/null; ca gate-key new >/dev/null
    ca export cl --remote "127.0.0.1 9" --out cl.ovpn >/dev/null
    says "openvpn reads the profile" "VERIFY\|TLS\|UDPv4 link\|Cannot ioctl TUNSETIFF\|Cannot open TUN\|TUN/TAP device" \
        bash -c "timeout 3 openvpn --config cl.ovpn --connect-timeout 1 --connect-retry-max 1 --dev null --ifconfig-noexec 2>&1; true"
    says "openvpn takes the gate key" "2048 bit\|Outgoing Control\|Initializ\|UDPv4 link" \
        bash -c "timeout 3 openvpn --config cl.ovpn --connect-retry-max 1 --dev null --verb 4 2>&1; true"
else
    skip "openvpn is not installed"
fi
finish
