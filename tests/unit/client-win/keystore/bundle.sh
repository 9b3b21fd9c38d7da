#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bundle.sh DRAWBRIDGE-CA CHECK: a CA, its clients' profiles in every form that `export` has, and CHECK (test_bundle)
# on each: imported without a word, and loaded again to the byte.
set -e
ca=$1 check=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pass=Open-Sesame-2026
echo "$pass" >pass
run() { "$ca" --dir ca "$@" >log 2>&1 || { cat log; exit 1; }; }
run init Lab --no-pass --remote "vpn.example.com 1194"
run gate-key new
run gate-key v2 new
run issue client alice --no-pass
run issue client bob --key-pass-file pass
run gate-key v2 client bob
run export alice --out auth.ovpn
run export alice --no-gate --out none.ovpn
run export bob --tls-crypt --out crypt.ovpn
run export bob --tls-crypt-v2 --out v2.ovpn
run export bob --p12 --key-pass-file pass --p12-pass-file pass --out bob.p12
"$check" auth.ovpn open
"$check" none.ovpn open
"$check" crypt.ovpn locked
"$check" crypt.ovpn unlocked "$pass"
"$check" v2.ovpn unlocked "$pass"
"$check" bob.p12 unlocked "$pass" none.ovpn
