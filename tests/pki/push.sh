#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# publish and --push: the CRL reaches the web folder and every concentrator's command; one that fails or hangs neither
# stops the others nor undoes the revocation.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
mkdir web; lab_ca "$WORK/ca" --publish "$WORK/web"
ca issue client alice --no-pass >/dev/null; ca issue client bob --no-pass >/dev/null
refuse "--push where nobody is named" "nobody was told" ca crl --push
cat >> ca/drawbridge-ca.conf <<END
concentrator paris sh -c "cat > '$WORK/paris.der'"
concentrator lyon  sh -c "cat > '$WORK/lyon part.der'; echo noise"
END
der() { openssl crl -in ca/crl.pem -outform DER; }
says "revoke --push" "paris has the new CRL" ca revoke alice --push
cmp -s paris.der <(der) && cmp -s "lyon part.der" <(der) && pass "both got the CRL in DER" || fail "both got the CRL in DER"
cmp -s web/crl.pem ca/crl.pem && cmp -s web/crl.der <(der) && cmp -s web/ca.crt ca/ca.crt && pass "and it was published" || fail "and it was published" "$(ls web)"
[ "$(stat -c %a web/crl.der)" = 644 ] && pass "for a web server to read" || fail "for a web server to read"
cat >> ca/drawbridge-ca.conf <<END
concentrator broken false
concentrator missing /nonexistent/command
END
out=$(ca revoke bob --push); s=$?
[ $s = 1 ] && pass "a failing concentrator: status 1" || fail "a failing concentrator: status $s"
grep -q "paris has" <<<"$out" && grep -q "broken could NOT" <<<"$out" && grep -q "missing could NOT" <<<"$out" && pass "each is told of" || fail "each is told of" "$out"
says "the revocation stands" "bob .*revoked" ca list
cmp -s paris.der <(der) && pass "the others have it" || fail "the others have it"
out=$(ca push --json); python=$(printf '%s' "$out" | tr -d '\n'); case $python in '[{"concentrator":"paris","told":true}'*'"missing","told":false}]') pass "JSON" ;; *) fail "JSON" "$out" ;; esac
rm -rf web; out=$(ca crl 2>&1); s=$?
[ $s = 1 ] && grep -q "done in the CA, but" <<<"$out" && pass "a missing web folder is told" || fail "a missing web folder is told" "$out"
check "verify" ca verify

# The list of withdrawn gate keys goes along, where there is one.
mkdir web; sed -i '/^concentrator/d' ca/drawbridge-ca.conf
CTL=$BUILD/server/ctl/drawbridge-ctl; LIST="cat > '$WORK/list'"; [ -x "$CTL" ] && LIST="exec '$CTL' gate-list '$WORK/list'"
echo "concentrator paris sh -c \"cat > '$WORK/paris.der'\"" >> ca/drawbridge-ca.conf
echo "gate-list paris sh -c \"$LIST\"" >> ca/drawbridge-ca.conf
for n in carl dina; do ca issue client $n --no-pass; done >/dev/null
says "nobody's gate key was withdrawn" "paris has the new CRL" ca crl --push; [ ! -e list ] && pass "no list" || fail "no list"
ca gate-key v2 new >/dev/null; for n in carl dina; do ca gate-key v2 client $n >/dev/null; done
out=$(ca revoke carl --push); s=$?
[ $s = 0 ] && grep -q "paris has the new CRL" <<<"$out" && grep -q "paris has the list of withdrawn" <<<"$out" && cmp -s list ca/private/gatev2-withdrawn.list && cmp -s paris.der <(der) && pass "revoke --push brings CRL and list" || fail "revoke --push brings CRL and list" "$out"
out=$(ca push --json | tr -d '\n'); [ "$out" = '[{"concentrator":"paris","told":true},{"concentrator":"paris","told":true,"what":"gate-list"}]' ] && pass "JSON of both" || fail "JSON of both" "$out"
if [ -x "$CTL" ]; then
    ca revoke dina >/dev/null; cp list was; L=ca/private/gatev2-withdrawn.list
    refuse "a list that lacks a key" "lacks 1 of the keys" bash -c "tail -n 1 $L | '$CTL' gate-list list"
    refuse "a cut list" "less than 64" bash -c "head -c 30 $L | '$CTL' gate-list list"
    refuse "an empty list" "lacks 1" bash -c "'$CTL' gate-list list < /dev/null"
    refuse "a list of 17 MB" "longer than 16 MiB" bash -c "head -c 17000000 /dev/zero | tr '\\0' '#' | '$CTL' gate-list list"
    refuse "a folder that is not there" "No such file" bash -c "'$CTL' gate-list nowhere/list < $L"
    refuse "no file" usage "$CTL" gate-list
    cmp -s list was && [ ! -e list.new ] && pass "the one before stays" || fail "the one before stays"
    says "the whole list" "2 keys withdrawn" bash -c "'$CTL' gate-list list < $L"; cmp -s list $L && pass "is in its place" || fail "is in its place"
    if have strace && strace -qq -o /dev/null true 2>/dev/null; then
        strace -qq -e trace=rename,renameat,renameat2,fsync -o calls "$CTL" gate-list list < $L >/dev/null
        grep -A1 "^rename" calls | tail -n 1 | grep -q "^fsync" && pass "its folder is synced" || fail "its folder is synced" "$(cat calls)"
    else
        skip "strace may not trace here: is the folder synced"
    fi
    # Two at once: the second one waits, and sees what the first one has put there.
    { exec 9< .; flock 9; "$CTL" gate-list list < $L > second 2>&1 9<&- & second=$!; sleep 0.5
      { cat $L; printf '%064d\n' 7; } > more; cp more list; exec 9<&-; }
    wait $second; [ $? = 1 ] && grep -q "lacks 1 of the keys" second && cmp -s list more && pass "lists that come at once wait for each other" || fail "lists that come at once wait for each other" "$(cat second)"
    cp $L list; echo broken > list; refuse "a present list that cannot be read" "list: line 1" bash -c "'$CTL' gate-list list < $L"
    out=$(ca push); [ $? = 1 ] && grep -q "could NOT be given" <<<"$out" && pass "and it is said" || fail "and it is said" "$out"
else
    skip "drawbridge-ctl is not built: gate-list"
fi
rm -rf web

# A large CRL through a slow reader; and one that hangs does not hold the others up.
mkdir web; sed -i '/^concentrator/d; /^gate-list/d' ca/drawbridge-ca.conf
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "R\t350101000000Z\t200101093000Z\t4%031X\tunknown\t/CN=x%d\n", i, i }' >> ca/index.txt
cat >> ca/drawbridge-ca.conf <<END
concentrator slow sh -c "sleep 1; wc -c > '$WORK/slow'"
concentrator deaf sh -c "exec <&-; exit 0"
END
out=$(ca crl --push); grep -q "slow has" <<<"$out" && [ "$(tr -d ' ' < slow)" = "$(der | wc -c)" ] && pass "20,000 entries, a slow reader" || fail "20,000 entries, a slow reader" "$out"
grep -q "deaf could NOT" <<<"$out" && pass "one that does not read is not told" || fail "one that does not read is not told" "$out"
sed -i '/^concentrator/d' ca/drawbridge-ca.conf
printf 'concentrator hang sleep 60\nconcentrator quick sh -c "cat > %s/quick"\n' "$WORK" >> ca/drawbridge-ca.conf
t=$(date +%s); out=$(ca push); t=$(($(date +%s) - t))
grep -q "hang could NOT" <<<"$out" && grep -q "quick has" <<<"$out" && [ $t -le 15 ] && pass "one that hangs is given up after $t s" || fail "one that hangs ($t s)" "$out"
finish
