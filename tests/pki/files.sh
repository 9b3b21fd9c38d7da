#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Key files (C47): mode 0600 whatever the umask, encrypted as promised, no links followed, nothing overwritten.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 2
umask 000
lab_ca "$WORK/ca"
check "issue under umask 000" ca issue client alice --no-pass
for f in ca/private/ca.key ca/private/alice.key; do
    [ "$(stat -c %a $f)" = 600 ] && pass "$f is 0600" || fail "$f is $(stat -c %a $f)"
done
for d in ca/private ca/reserved; do [ "$(stat -c %a $d)" = 700 ] && pass "$d is 0700" || fail "$d is $(stat -c %a $d)"; done
[ -z "$(find ca -perm /022 ! -type l)" ] && pass "nothing can be written by others" || fail "nothing can be written by others" "$(find ca -perm /022)"

plant() { # plant KIND TARGET
    rm -f "$2"
    case $1 in
    symlink) ln -s "$WORK/elsewhere" "$2" ;;
    dangling) ln -s "$WORK/nowhere" "$2" ;;
    hardlink) echo x > "$WORK/victim"; ln "$WORK/victim" "$2" ;;
    fifo) mkfifo "$2" ;;
    file) echo mine > "$2" ;;
    folder) mkdir -p "$2" ;;
    esac
}
echo precious > elsewhere
for kind in symlink dangling hardlink fifo file folder; do
    plant $kind ca/private/eve.key
    refuse "$kind at the key's place" "refused\|exists already\|link" timeout 10 "$CA" --dir ca issue client eve --no-pass
    rm -rf ca/private/eve.key
    plant $kind ca/issued/eve.crt
    if [ $kind != file ]; then refuse "$kind at the certificate's place" "refused\|link" timeout 10 "$CA" --dir ca issue client eve --no-pass; fi
    rm -rf ca/issued/eve.crt
done
[ "$(cat elsewhere)" = precious ] && [ ! -e nowhere ] && pass "nothing was written through a link" || fail "nothing was written through a link"
for f in index.txt crlnumber crl.pem; do
    cp -a ca l; mv l/$f l/real; ln -s real l/$f
    refuse "$f is a link" "link" timeout 10 "$CA" --dir l revoke alice
    rm l/$f; mkfifo l/$f
    refuse "$f is a FIFO" "refused\|no ordinary" timeout 10 "$CA" --dir l revoke alice
    rm -rf l
done
check "after all that" ca issue client eve --no-pass
check "verify" ca verify
for m in 640 604 666; do
    chmod $m ca/private/eve.key; refuse "verify sees mode $m" "read by others" ca verify; chmod 600 ca/private/eve.key
done

# Encryption.
printf 'Correct-Horse-7-Battery\n' > pw
check "a CA with a passphrase" "$CA" --dir enc init Enc --pass-file pw
head -1 enc/private/ca.key | grep -q "BEGIN ENCRYPTED PRIVATE KEY" && pass "the CA's key is encrypted" || fail "the CA's key is encrypted"
"$CA" --dir enc issue client a --pass-file pw --key-pass-file pw >/dev/null
for k in ca a; do
    s=$(openssl asn1parse -in enc/private/$k.key 2>/dev/null)
    grep -q PBES2 <<<"$s" && grep -q hmacWithSHA256 <<<"$s" && grep -q aes-256-cbc <<<"$s" && grep -q 0927C0 <<<"$s" &&
        pass "$k.key: PBES2, PBKDF2, 600,000 rounds, HMAC-SHA256, AES-256" || fail "$k.key: encryption" "$s"
done
openssl rand -hex 8 > pw2; openssl pkey -in enc/private/a.key -passin file:pw -des3 -traditional -passout file:pw2 -out enc/private/old.key 2>/dev/null
chmod 600 enc/private/old.key; says "verify warns of a weak one" "weak" "$CA" --dir enc verify
grep -rq "Correct-Horse" enc && fail "the passphrase is nowhere" || pass "the passphrase is nowhere"
ps=$(strace -f -e trace=execve "$CA" --dir enc issue client b --pass-file pw --key-pass-file pw 2>&1 | grep -c Correct-Horse)
[ "$ps" = 0 ] && pass "nor in any argument" || fail "nor in any argument"

# Files that leave the CA.
ca gate-key new >/dev/null
n=$(grep -v '^[#-]' ca/private/gate.key | tr -d '\n' | wc -c); [ "$n" = 512 ] && pass "gate key: 2048 bits" || fail "gate key: $n digits"
grep -q "BEGIN OpenVPN Static key V1" ca/private/gate.key && pass "gate key: OpenVPN's format" || fail "gate key: format"
refuse "gate key: not overwritten" exist ca gate-key new
old=$(sha256sum < ca/private/gate.key); check "gate key: rotate" ca gate-key rotate
[ "$old" = "$(sha256sum < ca/private/gate-old.key)" ] && [ "$old" != "$(sha256sum < ca/private/gate.key)" ] && pass "the old one is beside it" || fail "the old one is beside it"
check "gate key of one concentrator" ca gate-key new paris
for n in old paris-old; do refuse "gate key: $n is where rotate keeps the one before" "under -old" ca gate-key new $n; done
refuse "a path as its name" "cannot be a name" ca gate-key new ../paris
ln -s "$WORK/elsewhere" out.ovpn; refuse "export through a link" "" ca export alice --remote h --out out.ovpn
[ "$(cat elsewhere)" = precious ] && pass "and the target is whole" || fail "and the target is whole"
if have openvpn; then check "openvpn reads the gate key" openvpn --show-tls --tls-auth ca/private/gate.key; fi

# Broken folders: an error that names the file, never a crash.
for f in index.txt crlnumber ca.crt private/ca.key drawbridge-ca.conf crl.pem; do
    for what in empty garbage missing; do
        cp -a ca b
        case $what in empty) : > b/$f ;; garbage) head -c 300 /dev/urandom > b/$f ;; missing) rm b/$f ;; esac
        out=$(timeout 10 "$CA" --dir b revoke eve 2>&1); s=$?
        [ $s -le 2 ] && pass "$f $what: status $s" || fail "$f $what: status $s" "$out"
        rm -rf b
    done
done
: > ca/journal; refuse "a journal that is not ours" journal ca list; rm ca/journal
finish
