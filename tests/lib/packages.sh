# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What demo.sh and test.sh need from Debian 12 or 13, and the one function that installs what is missing.

PACKAGES_BUILD="gcc libc6-dev cmake ninja-build pkg-config libssl-dev libnl-3-dev libcap-ng-dev libseccomp-dev
    liblzo2-dev libmicrohttpd-dev"
[ "$(uname -m)" = x86_64 ] && PACKAGES_BUILD+=" libipsec-mb-dev"
PACKAGES_LAB="openvpn openssl iproute2 iputils-ping iperf3 dnsmasq-base busybox procps python3 jq nftables"
PACKAGES_TEST="libcmocka-dev clang libclang-rt-dev clang-format strace curl easy-rsa ethtool udhcpc"
PACKAGES_BENCH="gnuplot-nox"
PACKAGES_WIN="gcc-mingw-w64-x86-64-posix wine64 make perl nsis" # the Windows client, its setup, its tests

# packages_missing NAMES...: those that are not installed.
packages_missing() {
    local p
    for p in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s ' "$p"
    done
}

# packages_need LOG NAMES...: installs what is missing; says what, and fails with apt's last words.
packages_need() {
    local log=$1 missing
    shift
    command -v dpkg-query >/dev/null || { echo "not a Debian system: install by hand: $*"; return 1; }
    missing=$(packages_missing "$@")
    [ -z "$missing" ] && { echo "all there"; return 0; }
    echo "installing: $missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null && return 0
    tail -n 5 "$log"
    return 1
}
