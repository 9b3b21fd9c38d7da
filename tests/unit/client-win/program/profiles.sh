#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# profiles.sh DRAWBRIDGE.EXE: import, list, rename and remove of the program itself under Wine, with what drawbridge-ca
# exports. The CA's program is that of DBR_CA or build/release; without one the test is skipped.
exe=$1
top=$(cd "$(dirname "$0")/../../../.." && pwd)
ca=${DBR_CA:-$top/build/release/certs/drawbridge-ca}
[ -x "$ca" ] || { echo "skipped: there is no $ca (test.sh --only release makes it)"; exit 77; }
dir=$(mktemp -d)
name="bundle $$"
failed=0
trap 'run remove "$name" >/dev/null 2>&1; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
run() { "$top/tests/lib/wine.sh" "$exe" "$@" </dev/null; }
win() { echo "Z:$dir/$1" | tr / '\\'; }

# check STATUS WORDS ARGUMENTS...: exit status and what is said somewhere.
check() {
    want=$1 words=$2
    shift 2
    run "$@" >out 2>&1
    got=$?
    if [ $got -ne "$want" ] || ! grep -q -- "$words" out; then
        echo "FAILED: $*: exit $got, not $want, or it does not say '$words':"
        cat out
        failed=1
    fi
}

make_ca() {
    echo Open-Sesame-2026 >pass
    { "$ca" --dir ca init Lab --no-pass --remote "vpn.example.com 1194" && "$ca" --dir ca gate-key new &&
        "$ca" --dir ca issue client bob --key-pass-file pass && "$ca" --dir ca issue client alice --no-pass &&
        "$ca" --dir ca export bob --out bob.ovpn && "$ca" --dir ca export alice --out alice.ovpn; } >log 2>&1 || {
        cat log
        exit 1
    }
    sed -n '/<key>/,/<\/key>/{/key>/d;p}' alice.ovpn >alice.key
    { sed '/<key>/,/<\/key>/d' alice.ovpn && echo "key alice.key"; } >files.ovpn
    { sed '/<key>/,/<\/key>/d' bob.ovpn && echo "key alice.key"; } >wrong.ovpn
    echo 'client' >short.ovpn
}
run --version >/dev/null 2>&1
[ $? -eq 77 ] && { echo "skipped: there is no wine64 here"; exit 77; }
make_ca

check 0 'is in, encrypted by Windows' import "$(win bob.ovpn)" "$name"
check 0 "^$name .*encrypted" list
check 1 'add --replace' import "$(win bob.ovpn)" "$name"
check 0 'has no passphrase' import "$(win files.ovpn)" "$name" --replace --delete-source
[ ! -e files.ovpn ] && [ ! -e alice.key ] || { echo "FAILED: --delete-source left a file"; failed=1; }
check 0 'CN=bob' import "$(win bob.ovpn)" "$name" --replace
[ -e bob.ovpn ] || { echo "FAILED: the source went without --delete-source"; failed=1; }
check 1 'is not there' import "$(win wrong.ovpn)" "$name" --replace
sed -n '/<key>/,/<\/key>/{/key>/d;p}' alice.ovpn >alice.key
check 1 'key' import "$(win wrong.ovpn)" "$name" --replace
check 1 'remote' import "$(win short.ovpn)" "$name x"
check 1 'there is no such file' import "$(win none.ovpn)"
check 1 'name of a device' import "$(win alice.ovpn)" con
check 1 'another computer' import '\\server\share\a.ovpn'
check 2 'usage' import
check 0 'now called' rename "$name" "$name b"
check 1 'there is no profile' remove "$name"
check 0 'is removed' remove "$name b"
run list | grep -q "$name" && { echo "FAILED: it is still listed"; failed=1; }
[ $failed = 0 ] && echo "profiles.sh: all as it should be"
exit $failed
