#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the Windows client is linked with, for Windows, from the source packages of this Debian (12 or 13):
# OpenSSL, lzo2, and cmocka for its tests; static, so that no DLL lies beside the program.
#   client-win/deps/build.sh [FOLDER]      FOLDER is build/win-deps; the prefix is FOLDER/prefix
# Needs the packages gcc-mingw-w64-x86-64-posix, cmake, ninja-build, make, perl, and no root. It fetches and builds
# only what is missing or changed: a source of another version, or another way to build it.
# 77 when the sources cannot be had, 1 when they do not build.
# What Debian signs is checked by apt: a list of sources of its own, in FOLDER; /etc/apt stays as it is.
set -u
export LC_ALL=C
TOP=$(cd "$(dirname "$0")/../.." && pwd)
DIR=${1:-$TOP/build/win-deps}
CROSS=x86_64-w64-mingw32
JOBS=${JOBS:-$(nproc)}

die() {
    echo "client-win/deps: $1" >&2
    exit "${2:-1}"
}

cannot_have() { die "$1" 77; }

need() {
    local tool
    for tool in $CROSS-gcc cmake ninja make perl apt-get tar; do
        command -v $tool >/dev/null || die "there is no $tool; sudo apt-get install gcc-mingw-w64-x86-64-posix cmake ninja-build make perl"
    done
}

# ------------------------------------------------------------------------------------------------ sources

apt_here() { # apt-get or apt-cache, and its words
    "$1" -q -o Dir::Etc::sourcelist="$DIR/apt/debian.sources" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$DIR/apt/lists" -o Dir::Cache="$DIR/apt/cache" -o APT::Sandbox::User= "${@:2}"
}

stanza() { # URI SUITES
    printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' "$1" "$2" \
        /usr/share/keyrings/debian-archive-keyring.gpg
}

version_of() { # PACKAGE: its newest version here, or nothing
    apt_here apt-cache showsrc "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -V | tail -n 1
}

list_sources() {
    local name
    name=$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}")
    [ -n "$name" ] || cannot_have "this is no Debian release; on another system build OpenSSL, lzo2 and cmocka by hand"
    mkdir -p "$DIR/apt/lists/partial" "$DIR/apt/cache/archives/partial" || exit 1
    {
        stanza http://deb.debian.org/debian "$name $name-updates"
        stanza http://deb.debian.org/debian-security "$name-security"
    } >"$DIR/apt/debian.sources"
    if apt_here apt-get update >"$DIR/apt/update.log" 2>&1 && ! grep -qE '^(Err|W: Failed)' "$DIR/apt/update.log"; then
        touch "$DIR/apt/updated"
    elif [ -z "$(version_of openssl)" ]; then
        cannot_have "Debian's list of source packages cannot be had: $(grep -E '^[EW]: ' "$DIR/apt/update.log" | head -n 1)"
    else
        echo "client-win/deps: Debian's list of source packages cannot be had; the last one is used"
    fi
}

# fetch PACKAGE: its newest upstream tar, unpacked into $DIR/src/PACKAGE
fetch() {
    local tar into=$DIR/src/$1
    rm -rf "$into" "$DIR/tar/$1"
    mkdir -p "$into" "$DIR/tar/$1" || exit 1
    (cd "$DIR/tar/$1" && apt_here apt-get source --download-only --tar-only "$1") >"$DIR/$1.log" 2>&1 ||
        cannot_have "the source of $1 cannot be had: $(grep '^E' "$DIR/$1.log" | head -n 1)"
    tar=$(find "$DIR/tar/$1" -name '*.orig.tar.*' ! -name '*.asc' | head -n 1)
    [ -n "$tar" ] && tar -xf "$tar" -C "$into" --strip-components=1 || die "the source of $1 does not unpack"
}

# ------------------------------------------------------------------------------------------------ builds

# No file of the machine it runs on is read: no configuration, no module, no engine, no library of another;
# and the folders where they would be looked for cannot be made (NUL: is a device).
# Windows' own random numbers are those of BCryptGenRandom.
build_openssl() {
    ./Configure mingw64 --cross-compile-prefix=$CROSS- --prefix=/NUL: --libdir=lib '--openssldir=NUL:' \
        no-shared no-tests no-engine no-legacy no-autoload-config no-module no-dso no-capieng no-ui-console \
        no-comp no-cms no-ts no-srp no-gost no-sctp no-dtls no-cmp no-idea no-seed no-camellia no-aria \
        no-sm2 no-sm3 no-sm4 no-rc2 no-rc4 no-md4 no-mdc2 no-whirlpool no-ct no-ssl3 no-psk no-srtp \
        no-nextprotoneg no-ec2m -D_WIN32_WINNT=0x0A00 -DUSE_BCRYPTGENRANDOM -fstack-protector-strong &&
        make -j"$JOBS" build_generated libcrypto.a libssl.a &&
        cp libcrypto.a libssl.a "$DIR/prefix/lib/" && cp -r include/openssl "$DIR/prefix/include/"
}

with_cmake() {
    cmake -S . -B "$DIR/obj/$1" -G Ninja -DCMAKE_SYSTEM_NAME=Windows -DCMAKE_C_COMPILER=$CROSS-gcc \
        -DCMAKE_RC_COMPILER=$CROSS-windres -DCMAKE_BUILD_TYPE=Release -DCMAKE_POLICY_VERSION_MINIMUM=3.5 "${@:2}" &&
        cmake --build "$DIR/obj/$1" -j "$JOBS"
}

build_lzo2() {
    with_cmake lzo2 -DENABLE_STATIC=ON -DENABLE_SHARED=OFF --log-level=ERROR || return 1
    cp "$DIR/obj/lzo2/liblzo2.a" "$DIR/prefix/lib/" && cp -r include/lzo "$DIR/prefix/include/"
}

build_cmocka() {
    with_cmake cmocka -DWITH_STATIC_LIB=ON -DBUILD_SHARED_LIBS=OFF -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF || return 1
    cp "$(find "$DIR/obj/cmocka" -name 'libcmocka*.a' ! -name '*.dll.a' | head -n 1)" "$DIR/prefix/lib/libcmocka.a" &&
        cp include/cmocka.h "$DIR/prefix/include/"
}

# What the finished library says of itself: the version of its source and the way it was built.
wanted() { # PACKAGE
    printf '%s %s\n' "$(version_of "$1")" "$(declare -f "build_$1" with_cmake | sha256sum | cut -c1-16)"
}

make_one() { # PACKAGE
    local want
    want=$(wanted "$1")
    [ "${want%% *}" ] || cannot_have "Debian has no source package $1"
    [ "$(cat "$DIR/$1.done" 2>/dev/null)" = "$want" ] && return
    echo "client-win/deps: building $1 ${want%% *}"
    rm -rf "$DIR/$1.done" "$DIR/obj/$1"
    mkdir -p "$DIR/prefix/lib" "$DIR/prefix/include" "$DIR/obj" || exit 1
    fetch "$1"
    (cd "$DIR/src/$1" && "build_$1") >>"$DIR/$1.log" 2>&1 </dev/null || die "$1 does not build; see $DIR/$1.log"
    rm -rf "$DIR/src/$1" "$DIR/obj/$1"
    echo "$want" >"$DIR/$1.done"
}

[ $# -le 1 ] && [[ ${1:-} != -* ]] || { sed -n '4,12s/^# \{0,1\}//p' "$0"; [[ $* =~ ^(-h|--help)$ ]]; exit; }
need
mkdir -p "$DIR" && DIR=$(cd "$DIR" && pwd) || die "$DIR cannot be made"
# A day's list is new enough, and then there is nothing to ask anybody.
[ -n "$(find "$DIR/apt/updated" -mtime -1 2>/dev/null)" ] || list_sources
for package in openssl lzo2 cmocka; do make_one $package; done
echo "client-win/deps: all there, in $DIR/prefix"
