#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The command line: help, wrong use, JSON, prompts on a terminal, what is asked and what is said.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
says "help" "usage: drawbridge-ca" "$CA" --help
for c in init import issue sign renew revoke unhold crl publish push list show export gate-key verify serve; do
    says "help of $c" "examples:" "$CA" $c --help
done
refuse "no command" "usage" "$CA"
refuse "an unknown command" "unknown command" "$CA" frobnicate
refuse "an unknown option" "unknown option" "$CA" list --frob
refuse "an option of another command" "does not take" "$CA" list --push
refuse "a value is missing" "missing" "$CA" list --dir
refuse "a switch with a value" "no value" "$CA" list --json=1
refuse "too many arguments" "usage" "$CA" list all of them
refuse "too few" "usage" "$CA" issue client
refuse "no folder" "no CA in" "$CA" --dir nowhere list
mkdir empty; refuse "an empty folder" "init" "$CA" --dir empty list
refuse "init without a name" "name" "$CA" --dir x init ""
refuse "init with a bad key type" "key-type" "$CA" --dir x init X --no-pass --key-type dsa
refuse "init with a bad subject" "subject" "$CA" --dir x init X --no-pass --subject nonsense
refuse "init with an unknown attribute" "bad subject" "$CA" --dir x init X --no-pass --subject /nonsense=1
[ ! -e x/ca.crt ] && pass "and nothing was made" || fail "and nothing was made"
lab_ca "$WORK/ca" --subject "/C=FR/O=Example SA" --serials sequential --key-type ed25519
refuse "init twice" "already" "$CA" --dir ca init Again --no-pass
says "the subject prefix" "C = FR, O = Example SA, CN = Test CA" openssl x509 -in ca/ca.crt -noout -subject -nameopt oneline
check "issue" ca issue client alice --no-pass --life 90d
says "its subject" "C = FR, O = Example SA, CN = alice" openssl x509 -in ca/issued/alice.crt -noout -subject -nameopt oneline
refuse "the name again" "valid certificate" ca issue client alice --no-pass
refuse "an unknown profile" "not one of" ca issue boss alice --no-pass
refuse "a root by issue" "not one of" ca issue ca alice --no-pass
for n in "" . .. ../x a/b "a b" -x ca gate "$(printf 'x%.0s' {1..65})"; do refuse "the name \"$n\"" "cannot be a name\|taken\|unknown option\|usage" ca issue client "$n" --no-pass; done
refuse "a bad life" "life" ca issue client bob --no-pass --life soon
refuse "a bad key type" "key type" ca issue client bob --no-pass --key-type dsa
for s in "DNS:" "x" "URI:http://x" "DNS:a,,DNS:b" "DNS:a,@s" "otherName:x" "IP:1.2.3"; do refuse "san $s" "san" ca issue server bob --no-pass --san "$s"; done
check "a good san" ca issue server vpn.example.com --no-pass --san DNS:vpn.example.com,IP:192.0.2.1,email:a@example.com
check "renew keeps them" ca renew vpn.example.com
for x in DNS:vpn.example.com "IP Address:192.0.2.1" email:a@example.com; do says "$x" "$x" openssl x509 -in ca/issued/vpn.example.com.crt -noout -ext subjectAltName; done
refuse "renew of nothing" "NAME, or --ca" ca renew
refuse "renew of a name and the CA" "NAME, or --ca" ca renew lyon --ca
refuse "renew --ca with another key" "new CA in a folder" ca renew --ca --new-key
refuse "renew of nobody" "no certificate" ca renew nobody

# --- a sub-CA's certificate, renewed above ---------------------------------------------------------------------------
top() { "$CA" --dir top "$@"; }
sub() { "$CA" --dir sub "$@"; }
"$CA" --dir top init Top --no-pass >/dev/null; top issue sub-ca office --no-pass >/dev/null
"$CA" --dir sub init office --cert top/issued/office.crt --key top/private/office.key --chain top/ca.crt --no-pass >/dev/null || fail "a sub-CA"
sub issue client dora --no-pass >/dev/null
refuse "renew --ca in a sub-CA says how" "renew --ca --cert" sub renew --ca
refuse "the certificate that is here" "here already" sub renew --ca --cert top/issued/office.crt
cp top/issued/office.crt first.crt
check "the CA above renews it" top renew office
refuse "--life is for the CA above" "not with --cert" sub renew --ca --cert top/issued/office.crt --life 1y
refuse "--cert without --ca" "go with --ca" sub renew dora --cert top/issued/office.crt
check "it takes the place" sub renew --ca --cert top/issued/office.crt
cmp -s sub/ca-old.crt first.crt && pass "the one before stays" || fail "the one before stays"
[ "$(openssl x509 -in sub/ca.crt -noout -serial)" = "$(openssl x509 -in top/issued/office.crt -noout -serial)" ] && pass "its serial" || fail "its serial"
check "what it has issued verifies" openssl verify -CAfile top/ca.crt -untrusted sub/ca.crt sub/issued/dora.crt
check "and so does its CRL" openssl crl -in sub/crl.pem -CAfile sub/ca.crt -noout
check "verify" sub verify

# The root is renewed: what is above the sub-CA is replaced, with its own certificate or without.
chain() { sub export dora --no-gate --remote h | sed -n '/<ca>/,/<\/ca>/p' | grep -c "BEGIN CERTIFICATE"; }
newest() { cmp -s <(openssl x509 -in sub/chain.crt) <(openssl x509 -in top/ca.crt); }
top renew --ca >/dev/null; check "renew --ca --chain" sub renew --ca --chain top/ca.crt
newest && [ "$(chain)" = 2 ] && pass "the chain is the new root" || fail "the chain is the new root"
"$CA" --dir foreign init Top --no-pass >/dev/null; cp sub/chain.crt chain.was
refuse "a chain of the same name that did not sign" "did not sign" sub renew --ca --chain foreign/ca.crt
refuse "a chain that is a client's" "not of a CA" sub renew --ca --chain sub/issued/dora.crt
refuse "a chain that is a CRL" "no certificate in it" sub renew --ca --chain top/crl.pem
printf -- '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' > bad.crt; refuse "a chain that is garbage" "no certificate" sub renew --ca --chain bad.crt
refuse "--chain without --ca" "go with --ca" sub renew dora --chain top/ca.crt
cmp -s sub/chain.crt chain.was && pass "nothing was touched" || fail "nothing was touched"
cat top/ca.crt top/private/ca.key > with.key; check "a chain with more in its file" sub renew --ca --chain with.key
grep -q PRIVATE sub/chain.crt && fail "only certificates are taken" || pass "only certificates are taken"
top renew --ca >/dev/null; top renew office >/dev/null
refuse "certificate and a chain that does not fit: neither" "did not sign" sub renew --ca --cert top/issued/office.crt --chain foreign/ca.crt
newest && fail "neither" || pass "neither"
check "certificate and chain at once" sub renew --ca --cert top/issued/office.crt --chain top/ca.crt
newest && cmp -s <(openssl x509 -in sub/ca.crt) <(openssl x509 -in top/issued/office.crt) && pass "both are there" || fail "both are there"
sed -i '/^chain/d' sub/drawbridge-ca.conf; rm sub/chain.crt; [ "$(chain)" = 1 ] || fail "a sub-CA without a chain"
check "a first chain" sub renew --ca --chain top/ca.crt; [ "$(chain)" = 2 ] && grep -q "^chain chain.crt" sub/drawbridge-ca.conf && pass "is named in the settings" || fail "is named in the settings"
refuse "init with a chain that does not fit" "did not sign" "$CA" --dir sub2 init office --cert top/issued/office.crt --key top/private/office.key --chain foreign/ca.crt --no-pass
check "verify with the new chain" sub verify
echo 'Correct-Horse-7' > p12.pass; check "a PKCS#12 below it" sub export dora --p12 --p12-pass-file p12.pass --out dora.p12
n=$(openssl pkcs12 -in dora.p12 -passin file:p12.pass -nokeys -cacerts 2>/dev/null | grep -c "BEGIN CERTIFICATE")
[ "$n" = 2 ] && pass "holds the root as well" || fail "holds the root as well: $n"
top issue sub-ca other --no-pass >/dev/null; refuse "of another name" "another name" sub renew --ca --cert top/issued/other.crt
refuse "of a client" "not one of a CA" sub renew --ca --cert sub/issued/dora.crt
refuse "no certificate at all" "not one of a CA" sub renew --ca --cert sub/crl.pem
top renew office --new-key --no-pass >/dev/null; refuse "of another key" "not for this CA's key" sub renew --ca --cert top/issued/office.crt
openssl x509 -new -force_pubkey <(openssl pkey -in sub/private/ca.key -pubout) -CA top/ca.crt -CAkey top/private/ca.key -subj "$(openssl x509 -in sub/ca.crt -noout -subject -nameopt compat | sed 's/^subject=//; s,^\([^/]\),/\1,')" -days 9 -extfile <(printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\nsubjectKeyIdentifier=01:02:03\n') -out ski.crt 2>/dev/null
refuse "of another key identifier" "subjectKeyIdentifier" sub renew --ca --cert ski.crt
check "still whole" sub verify
refuse "show nobody" "no certificate" ca show nobody
says "show a name" "CN=alice" ca show alice
says "show a serial" "CN=alice" ca show 01
says "show the CA" "CN=Test CA" ca show
says "list" "alice .*valid" ca list
says "list: the profile of a client" "alice .*valid *client " ca list
says "list: of a server, in JSON" '"profile": *"server"' ca list --json
[ "$(ca list --expiring 100d | wc -l)" = 1 ] && pass "list --expiring" || fail "list --expiring"
refuse "list --expiring soon" "span" ca list --expiring soon
[ -z "$(ca list --revoked)" ] && pass "list --revoked, none" || fail "list --revoked, none"
ca revoke alice >/dev/null; [ "$(ca list --revoked | wc -l)" = 1 ] && pass "list --revoked" || fail "list --revoked"
says "crl --if-due: not due" "fresh enough" ca crl --if-due
sed -i 's/^crl-life.*/crl-life 1m/; s/^backdate.*/backdate 10m/' ca/drawbridge-ca.conf; ca crl >/dev/null
says "crl --if-due: due" "new CRL" ca crl --if-due
sed -i 's/^crl-life.*/crl-life 7d/; s/^backdate.*/backdate 5m/' ca/drawbridge-ca.conf; ca crl >/dev/null
began() { date -d "$(openssl crl -in ca/crl.pem -noout -lastupdate | cut -d= -f2)" +%s; }
t=$(began); sed -i 's/^backdate.*/backdate 2h/' ca/drawbridge-ca.conf; ca crl >/dev/null
[ "$(began)" -ge "$t" ] && pass "a CRL never begins before the last one" || fail "a CRL never begins before the last one"
sed -i 's/^backdate.*/backdate 5m/' ca/drawbridge-ca.conf
ca issue site lyon --no-pass >/dev/null
refuse "export without a gate key" "gate-key new" ca export lyon --remote h
refuse "export without a remote" "remote" ca export lyon --no-gate
says "export" "remote h 1194" ca export lyon --no-gate --remote "h 1194"
refuse "a remote with a line break" "remote" ca export lyon --no-gate --remote "h
script-security 3"
ca gate-key new >/dev/null; says "tls-auth" "key-direction 1" ca export lyon --remote h
says "tls-crypt" "<tls-crypt>" ca export lyon --remote h --tls-crypt
echo "client # mine" > t; says "template" "client # mine" ca export lyon --template t
says "a server's blocks" "key-direction 0" ca export vpn.example.com
ca export vpn.example.com | grep -q "^client" && fail "no client directives for a server" || pass "no client directives for a server"
says "gate-key show" "BEGIN OpenVPN Static key V1" ca gate-key show
refuse "gate-key what" "gate-key new" ca gate-key frob
refuse "gate-key v2 client before new" "gate-key v2 new" ca gate-key v2 client lyon
says "gate-key v2 new" "tls-crypt-v2" ca gate-key v2 new
refuse "gate-key v2 new again" "exist" ca gate-key v2 new
refuse "export without a key of its own" "gate-key v2 client lyon" ca export lyon --remote h --tls-crypt-v2
says "gate-key v2 client" "export lyon" ca gate-key v2 client lyon
refuse "gate-key v2 client again" "withdraw" ca gate-key v2 client lyon
says "tls-crypt-v2" "<tls-crypt-v2>" ca export lyon --remote h --tls-crypt-v2
says "a server's tls-crypt-v2" "tls-crypt-v2 server key" ca export vpn.example.com --tls-crypt-v2
says "gate-key v2 show" "bytes:  lyon" ca gate-key v2 show lyon
if have openvpn; then
    openvpn --genkey tls-crypt-v2-server foreign.key && openvpn --tls-crypt-v2 foreign.key --genkey tls-crypt-v2-client foreign-c.key
    says "gate-key v2 show of another CA's" "not wrapped by" ca gate-key v2 show foreign-c.key
fi
cp ca/private/gatev2-lyon.key lyon-was.key; id=$(ca gate-key v2 show lyon | sed -n 's/SHA256: //p')
says "gate-key v2 withdraw" "tls-crypt-v2-withdrawn" ca gate-key v2 withdraw lyon
grep -qx "$id lyon" ca/private/gatev2-withdrawn.list && [ ! -e ca/private/gatev2-lyon.key ] && pass "the list names it" || fail "the list names it"
refuse "gate-key v2 withdraw again" "no key of its own" ca gate-key v2 withdraw lyon
check "a new key after that" ca gate-key v2 client lyon
refuse "gate-key v2 what" "gate-key v2 new" ca gate-key v2 frob
refuse "a path as the name of a gate key" "cannot be a name" ca gate-key v2 client ../x
v2() { ca gate-key v2 "$@"; }
for n in gwen hugo; do ca issue client $n --no-pass >/dev/null; v2 client $n >/dev/null; done; id=$(v2 show gwen | sed -n 's/SHA256: //p')
cp ca/private/gatev2.key was.key; says "gate-key v2 rotate" "tls-auth-old" v2 rotate
cmp -s was.key ca/private/gatev2old.key && ! cmp -s was.key ca/private/gatev2.key && pass "the one before stays" || fail "the one before stays"
says "what the old one wrapped" "not wrapped by" v2 show gwen
check "is made anew" v2 client gwen; refuse "once" "has a key already" v2 client gwen
says "under the new one" "bytes:  gwen" v2 show gwen; id2=$(v2 show gwen | sed -n 's/SHA256: //p')
check "on hold" ca revoke gwen --reason certificateHold
[ -e ca/private/gatev2-gwen.key ] && pass "the gate key stays while on hold" || fail "the gate key stays while on hold"
ca unhold gwen >/dev/null; serial=$(awk -F'\t' '$6 ~ "CN=gwen$" { print $4 }' ca/index.txt); ca renew gwen >/dev/null
check "one certificate of two" ca revoke $serial; [ -e ca/private/gatev2-gwen.key ] && pass "and while another certificate is valid" || fail "and while another certificate is valid"
printf '%064d edited by hand' 7 > ca/private/gatev2-withdrawn.list
says "revoke withdraws the gate key" "gate key is withdrawn" ca revoke gwen
printf '%064d edited by hand\n%s gwen\n%s gwen\n' 7 $id2 $id | cmp -s - ca/private/gatev2-withdrawn.list && pass "both of her keys are on the list" || fail "both of her keys are on the list" "$(cat ca/private/gatev2-withdrawn.list)"
ls ca/private | grep -q gwen.key && [ ! -e ca/private/gatev2-gwen.key ] && [ ! -e ca/private/gatev2old-gwen.key ] && pass "and out of the folder" || fail "and out of the folder"
echo broken > ca/private/gatev2-hugo.key; out=$(ca revoke hugo 2>&1); [ $? = 1 ] && grep -q "hugo is NOT withdrawn" <<<"$out" && grep -q "1 certificate revoked" <<<"$out" && pass "a gate key that cannot be read holds no revocation up" || fail "a gate key that cannot be read holds no revocation up" "$out"
rm ca/private/gatev2-hugo.key
ca issue client ines --no-pass >/dev/null; v2 client ines >/dev/null; mv ca/private/gatev2-withdrawn.list was.list; ln -s ../../was.list ca/private/gatev2-withdrawn.list
refuse "a list that cannot be read" "is a link" v2 withdraw ines
out=$(ca revoke ines 2>&1); [ $? = 1 ] && grep -q "ines is NOT withdrawn" <<<"$out" && grep -q "1 certificate revoked" <<<"$out" && pass "nor does such a list" || fail "nor does such a list" "$out"
rm ca/private/gatev2-withdrawn.list; mv was.list ca/private/gatev2-withdrawn.list; check "when it can be read again" v2 withdraw ines
check "verify with these keys" ca verify
refuse "gate-key new --out" "show" ca gate-key new paris --out x
refuse "publish to nowhere" "cannot publish" ca publish "$WORK/nowhere"
refuse "publish, where to" "where to" ca publish
refuse "a folder that is not there" "make one with init" "$CA" --dir "$WORK/nowhere" list
refuse "an unknown reason is told the known ones" "certificateHold" ca revoke zoe --reason foo
says "show tells the alternative names" "names .*DNS:vpn.example.com" ca show vpn.example.com
typed() { # typed INPUT COMMAND...: the lines of INPUT are typed, one for each prompt
    local input=$1; shift
    printf '%b' "$input" | python3 "$HERE/typed.py" "$@"
}
if have python3; then # a person at a terminal, who is refused once
    out=$(typed 'short\nshort\nCorrect-Hor5e-ca\nCorrect-Hor5e-ca\n' "$CA" --dir prompted init Prompted)
    grep -q "A passphrase is at least 12" <<<"$out" && grep -q "too short" <<<"$out" && [ -f prompted/ca.crt ] && pass "a passphrase is asked for again" || fail "a passphrase is asked for again" "$out"
    grep -q "Correct-Hor5e" <<<"$out" && fail "and not shown" "$out" || pass "and not shown"
else
    skip "python3 is not installed"
fi
says "push without concentrators" "No concentrator" ca push
echo "nonsense here" >> ca/drawbridge-ca.conf; refuse "a bad configuration names its line" "line [0-9]*: unknown directive nonsense" ca list; sed -i '$d' ca/drawbridge-ca.conf
DRAWBRIDGE_CA=$WORK/ca says "\$DRAWBRIDGE_CA" "lyon" "$CA" list

refuse "a --wait that is no span" "takes a span" ca list --wait forever
# JSON that parses.
if have python3; then json() { python3 -m json.tool >/dev/null; }; elif have jq; then json() { jq . >/dev/null; }; else json() { cat >/dev/null; }; skip "no JSON parser"; fi
cp ca/index.txt index.was; printf 'V\t350101000000Z\t\t77\tunknown\t/CN=M\xfcller \xe2\x82\xac \xc3\n' >> ca/index.txt
[ "$(ca list --json | grep -ao 'M[^"]*' | head -1)" = 'M\u00fcller € \u00c3' ] && ca list --json | json && pass "JSON of what is no UTF-8" || fail "JSON of what is no UTF-8" "$(ca list --json | tail -c 200)"
cp index.was ca/index.txt
for c in "list --json" "list --revoked --json" "show --json" "show lyon --json" "verify --json" "crl --json" "issue client zoe --json --gen-pass" \
    "revoke zoe --json" "renew lyon --json" "push --json" "crl --if-due --json" "issue client held --no-pass --json" "revoke held --reason certificateHold --json" "unhold held --json"; do
    if "$CA" --dir ca $c 2>err | json 2>>err; then pass "JSON of $c"; else fail "JSON of $c" "$(cat err)"; fi
done
"$CA" --dir j init J --json --gen-pass | json && pass "JSON of init" || fail "JSON of init"
cp -a ca i; rm i/drawbridge-ca.conf; "$CA" --dir i import --json | json && pass "JSON of import" || fail "JSON of import"

# Prompts, on a terminal.
if have python3; then
    out=$(typed 'Correct-Horse-7\nCorrect-Horse-7\n' "$CA" --dir tty init Tty); [ -e tty/ca.crt ] && pass "init asks twice" || fail "init asks twice" "$out"
    grep -q "Correct" <<<"$out" && fail "nothing is echoed" "$out" || pass "nothing is echoed"
    out=$(typed 'Correct-Horse-7\n' "$CA" --dir tty issue client al --no-pass); grep -q "Passphrase of the CA" <<<"$out" && [ -e tty/issued/al.crt ] && pass "issue asks for the CA's" || fail "issue asks for the CA's" "$out"
    out=$(typed 'wrong\n' "$CA" --dir tty crl); grep -q "wrong passphrase" <<<"$out" && pass "a wrong one" || fail "a wrong one" "$out"
    out=$(typed 'Correct-Horse-7\nCorrect-Horse-8\n' "$CA" --dir tty2 init Tty); grep -q "not the same" <<<"$out" && [ ! -e tty2/ca.crt ] && pass "two that differ" || fail "two that differ" "$out"
    out=$(typed 'short\nshort\n' "$CA" --dir tty2 init Tty); grep -q "too short" <<<"$out" && [ ! -e tty2/ca.crt ] && pass "too short" || fail "too short" "$out"
else
    skip "python3 is not installed: prompts"
fi
finish
