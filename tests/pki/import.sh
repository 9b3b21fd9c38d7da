#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# CAs that others made are adopted in place, and their own tools go on working.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
EASY=
for e in "$(command -v easyrsa)" /usr/share/easy-rsa/easyrsa; do [ -x "$e" ] && EASY=$e && break; done

# --- openssl ca -----------------------------------------------------------------------------------------------------
DIR=$WORK/demoCA
mkdir -p demoCA/newcerts demoCA/private demoCA/certs && chmod 700 demoCA/private
: > demoCA/index.txt; echo 1000 > demoCA/serial
cat > o.cnf <<'END'
[ca]
default_ca = d
[d]
dir = demoCA
new_certs_dir = demoCA/newcerts
database = demoCA/index.txt
serial = demoCA/serial
certificate = demoCA/cacert.pem
private_key = demoCA/private/cakey.pem
default_md = sha256
default_days = 365
default_crl_days = 30
policy = p
x509_extensions = x
[p]
commonName = supplied
[x]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[req]
distinguished_name = dn
[dn]
[v3]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
END
openssl req -config o.cnf -x509 -newkey rsa:2048 -nodes -keyout demoCA/private/cakey.pem -out demoCA/cacert.pem -subj "/O=Seed/CN=Old CA" -days 3650 -extensions v3 2>/dev/null
chmod 600 demoCA/private/cakey.pem
for n in alice bob; do
    openssl req -config o.cnf -newkey rsa:2048 -nodes -keyout demoCA/private/$n.key -out $n.csr -subj "/CN=$n" 2>/dev/null
    openssl ca -config o.cnf -batch -in $n.csr -out demoCA/certs/$n.crt 2>/dev/null
done
openssl ca -config o.cnf -revoke demoCA/newcerts/1001.pem -crl_reason superseded 2>/dev/null
openssl ca -config o.cnf -gencrl -out demoCA/crl.pem 2>/dev/null
refuse "before import" "import" ca list
before=$(find demoCA -type f ! -name '*.conf' ! -name crlnumber ! -name .lock -exec sha256sum {} + | sort)
says "import of openssl ca" "openssl ca" ca import
[ "$before" = "$(find demoCA -type f ! -name '*.conf' ! -name crlnumber ! -name .lock -exec sha256sum {} + | sort)" ] && pass "nothing else was touched" || fail "nothing else was touched"
refuse "twice" already ca import
check "verify" ca verify
says "alice is valid" "alice .*valid" ca list
says "bob is revoked" "bob .*revoked" ca list
check "issue" ca issue client carol --no-pass
[ "$(serial_of demoCA carol)" = 1002 ] && pass "the serials go on" || fail "the serials go on: $(serial_of demoCA carol)"
check "openssl verifies" openssl verify -CAfile demoCA/cacert.pem demoCA/certs/carol.crt
check "crl" ca crl
cp -a demoCA renewed
check "renew --ca" "$CA" --dir renewed renew --ca
check "and what openssl ca has issued verifies" openssl verify -CAfile renewed/cacert.pem demoCA/certs/alice.crt
[ "$(openssl x509 -in renewed/cacert.pem -noout -serial)" != "$(openssl x509 -in demoCA/cacert.pem -noout -serial)" ] && pass "a new serial" || fail "a new serial"
rm -rf renewed
says "the revocation of before is in the CRL" 1001 openssl crl -in demoCA/crl.pem -noout -text
refuse "renew where subjects are unique" unique_subject ca renew alice
check "renew --revoke-old" ca renew alice --revoke-old
check "verify" ca verify
openssl req -config o.cnf -newkey rsa:2048 -nodes -keyout e.key -out e.csr -subj "/CN=erin" 2>/dev/null
check "openssl ca goes on" openssl ca -config o.cnf -batch -in e.csr -out e.crt
check "verify" ca verify
check "revoke what openssl made" ca revoke erin
refuse "is seen" revoked openssl verify -crl_check -CAfile <(cat demoCA/cacert.pem demoCA/crl.pem) e.crt
check "export" ca export carol --remote "h 1194" --no-gate --out carol.ovpn

mkdir empty; refuse "no CA there" "no pki folder" "$CA" --dir empty import
cp -a demoCA broken; rm broken/drawbridge-ca.conf; printf 'V\tgarbage\n' >> broken/index.txt
refuse "a broken database" "line [0-9]" "$CA" --dir broken import

# --- easy-rsa -------------------------------------------------------------------------------------------------------
if [ -z "$EASY" ]; then
    skip "easy-rsa is not installed"
    finish
fi
export EASYRSA_BATCH=1 EASYRSA_PKI=$WORK/pki EASYRSA_KEY_SIZE=2048
easy() { "$EASY" "$@" 2>&1; }
{ easy init-pki && EASYRSA_REQ_CN="Easy CA" easy build-ca nopass && easy build-server-full srv nopass &&
  easy build-client-full alice nopass && easy build-client-full bob nopass && easy revoke bob && easy gen-crl; } > easy.log ||
    { skip "easy-rsa does not run here: $(tail -1 easy.log)"; finish; }
DIR=$WORK/pki
says "import of easy-rsa" easy-rsa ca import
check "verify" ca verify
says "alice is valid" "alice .*valid" ca list
says "bob is revoked" "bob .*revoked" ca list
check "crl" ca crl
says "bob is in the CRL" "$(awk -F'\t' '$1=="R"{print $4}' pki/index.txt)" openssl crl -in pki/crl.pem -noout -text
check "issue" ca issue client carol --no-pass
check "renew" ca renew alice
check "openssl verifies" openssl verify -crl_check -CAfile <(cat pki/ca.crt pki/crl.pem) pki/issued/carol.crt
check "easy-rsa shows ours" easy show-cert carol
check "easy-rsa issues" easy build-client-full dave nopass
check "verify" ca verify
check "easy-rsa revokes ours" easy revoke carol
check "verify" bash -c "'$CA' --dir '$DIR' crl && '$CA' --dir '$DIR' verify"
check "we revoke theirs" ca revoke dave
check "easy-rsa makes its CRL" easy gen-crl
refuse "crl_check: dave" revoked openssl verify -crl_check -CAfile <(cat pki/ca.crt pki/crl.pem) pki/issued/dave.crt
check "our next CRL" ca crl
check "verify" ca verify

# easy-rsa names the issuer's serial in what it issues: a root with another one would not fit.
openssl x509 -in pki/issued/srv.crt -noout -ext authorityKeyIdentifier | grep -q "serial:" && pass "easy-rsa names the serial" || fail "easy-rsa names the serial"
before=$(openssl x509 -in pki/ca.crt -noout -serial)
check "renew --ca" ca renew --ca --life 20y
[ "$(openssl x509 -in pki/ca.crt -noout -serial)" = "$before" ] && pass "the serial stays" || fail "the serial stays"
openssl x509 -in pki/ca.crt -noout -checkend $((15 * 365 * 86400)) >/dev/null && pass "for 20 years" || fail "for 20 years"
for c in srv alice; do check "easy-rsa's $c verifies under the new root" openssl verify -CAfile pki/ca.crt pki/issued/$c.crt; done
check "verify" ca verify

# easy-rsa on a folder of ours.
lab_ca "$WORK/ours" --key-type rsa:2048
cp /usr/share/easy-rsa/openssl-easyrsa.cnf ours/ 2>/dev/null || cp pki/openssl-easyrsa.cnf ours/
export EASYRSA_PKI=$WORK/ours
check "ours: issue" ca issue client alice --no-pass
check "ours: easy-rsa shows it" easy show-cert alice
check "ours: easy-rsa makes a CRL" easy gen-crl
check "ours: easy-rsa issues" easy build-client-full zoe nopass
check "ours: verify" bash -c "'$CA' --dir '$DIR' crl && '$CA' --dir '$DIR' verify"
says "ours: zoe" "zoe .*valid" ca list
finish
