#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every test of Drawbridge on Debian 12 or 13.
#   sudo ./test.sh [--quick | --full] [--only STAGE,...] [--out DIR]
# Installs the packages that are missing, builds the presets it needs into build/, and runs, in this order:
#   format    clang-format over all C files (Debian 12: version 14)
#   release   build of the programs with the hardened flags
#   asan      build of everything with ASan and UBSan, and its units, simulations and fuzz smoke (ctest)
#   tsan      build of the data process and its units with TSan
#   interop, hostile, revocation   stock OpenVPN as client (tests/interop), the attacker's cases (tests/hostile), the
#             death of certificates; side by side, on the release build
#   win       the Windows client, cross-built, its units and a tunnel under Wine, beside the next ones; skipped
#             as a whole where mingw-w64, Wine or Debian's source packages cannot be had
#   oldpeers, stock-ours, ours-ours   clients of earlier days and small paths; our client against stock and own server
#   live-asan, live-tsan  a choice of the namespace cases with the daemon under ASan+UBSan, under TSan; and beside them
#   pki       tests/pki/run.sh, and any other tests/*/run.sh there may be (not bench)
#   coverage  what share of the parsers' lines their tests run; below 95 % of a file is a failure
#   bench     a short look at the figures beside OpenVPN (nothing passes or fails here)
# --quick leaves out tsan, win, live-*, *-ours, bench and the slow namespace scripts. --full adds the presets debug and fuzz (clang,
# libFuzzer), mutations (each guard inverted once), the long hostile cases and the bench over all pairings: an hour and more. The logs are in build/test-logs.
# Ends with `N passed, N failed, N skipped` over all of it; status 0 only when nothing failed.
cd "$(dirname "$0")" || exit 1
case " $* " in *" --help "* | *" -h "*) sed -n '4,24s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || { echo "please run it as root (network namespaces): sudo $0 $*" >&2; exit 1; }
. tests/lib/packages.sh
MODE=default
ONLY=
OUT=$PWD/build/test-logs
while [ $# -gt 0 ]; do
    case $1 in
    --quick) MODE=quick; shift ;;
    --full) MODE=full; shift ;;
    --only) ONLY=$2; shift 2 ;;
    --out) OUT=$2; shift 2 ;;
    *) echo "unknown: $1 (try --help)" >&2; exit 1 ;;
    esac
done
mkdir -p "$OUT" && OUT=$(cd "$OUT" && pwd) || exit 1
rm -f "$OUT"/*
PASSED=0 FAILED=0 SKIPPED=0
TABLE=()
DAEMON=server/keeper/drawbridged
export LC_ALL=C
# shellcheck disable=SC2064
trap "trap - TERM INT; kill 0" TERM INT

wanted() {
    [ -z "$ONLY" ] || { [[ ,$ONLY, == *,$1,* ]] && return 0 || return 1; }
    case $MODE/$1 in
    quick/tsan | quick/win | quick/revocation | quick/oldpeers | quick/live-* | quick/bench | quick/*-ours) return 1 ;;
    full/revocation | full/oldpeers) return 1 ;; # part of interop there
    default/debug | default/fuzz | default/mutations | quick/debug | quick/fuzz | quick/mutations) return 1 ;;
    esac
}

# ------------------------------------------------------------------------------------------------ stages

# A stage is a function whose output goes to its log; its last line is its sum. Stages started with `spawn` run side by
# side and are collected in order.
declare -A SPAWNED STARTED
spawn() {
    local name=$1
    shift
    wanted "$name" || return 0
    STARTED[$name]=$SECONDS
    (
        trap - TERM INT
        "$@"
        echo "$SECONDS" >"$OUT/$name.end"
    ) >"$OUT/$name.log" 2>&1 </dev/null &
    SPAWNED[$name]=$!
}

collect() {
    local name=$1 last took p f s
    [ -n "${SPAWNED[$name]:-}" ] || return 0
    wait "${SPAWNED[$name]}"
    took=$(($(cat "$OUT/$name.end" 2>/dev/null || echo $SECONDS) - ${STARTED[$name]}))
    last=$(grep -oE '^([a-z-]+: )?[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$OUT/$name.log" | tail -n 1 | sed 's/^[a-z-]*: //')
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
    else
        p=0 f=1 s=0
        echo "FAIL $name ended without its closing line" >>"$OUT/$name.log"
    fi
    PASSED=$((PASSED + p)) FAILED=$((FAILED + f)) SKIPPED=$((SKIPPED + s))
    TABLE+=("$(printf '%-10s %7d %7d %7d %7d s' "$name" "$p" "$f" "$s" "$took")")
    printf '%-10s %d passed, %d failed, %d skipped (%d s)\n' "$name" "$p" "$f" "$s" "$took"
    [ "$f" = 0 ] && return 0
    grep -E '^FAIL|\(Failed\)|\*\*\*Timeout|error:|FAILED:' "$OUT/$name.log" | sort -u | head -n 20 | cut -c1-300 | sed 's/^/    /'
    echo "    ... $OUT/$name.log"
}

run() { spawn "$@"; collect "$1"; }

format() {
    local f bad=0 n=0
    if ! clang-format --version | grep -q ' version 14\.'; then # Debian 12's; others lay out some lines in another way
        echo "skip: the layout is that of clang-format 14, not of $(clang-format --version)"
        echo "0 passed, 0 failed, 1 skipped"
        return
    fi
    while IFS= read -r f; do
        n=$((n + 1))
        clang-format --dry-run -Werror "$f" || { bad=$((bad + 1)); echo "FAIL $f"; }
    done < <(find bridge certs client-win common server tests -name '*.[ch]')
    echo "$((n - bad)) files are as clang-format has them"
    [ $bad = 0 ] && echo "1 passed, 0 failed, 0 skipped" || echo "0 passed, 1 failed, 0 skipped"
}

# build PRESET [TARGETS]: all without targets
build() {
    local preset=$1
    shift
    cmake --preset "$preset" && cmake --build --preset "$preset" ${1:+--target "$@"}
}

programs() { grep -rhoE 'dbr_program\([a-z-]+' --include=CMakeLists.txt bridge certs server | sed 's/.*(//' | sort -u; }

release() {
    # shellcheck disable=SC2046
    build release $(programs) bench_fleet lab_flow lab_flood tapwire && echo "1 passed, 0 failed, 0 skipped" || echo "0 passed, 1 failed, 0 skipped"
}

# units PRESET [ctest options]: ctest, and its sum in our words
units() {
    local preset=$1 xml=$OUT/$1.xml t f s
    shift
    ctest --test-dir "build/$preset" -j "$(nproc)" --timeout 900 --output-on-failure --output-junit "$xml" "$@"
    read -r t f s < <(sed -n 's/.*tests="\([0-9]*\)".*/\1/p;s/.*failures="\([0-9]*\)".*/\1/p;s/.*skipped="\([0-9]*\)".*/\1/p' "$xml" | head -n 3 | xargs)
    echo "$((t - f - s)) passed, $f failed, $s skipped"
}

built_units() {
    local preset=$1
    shift
    build "$preset" || { echo "0 passed, 1 failed, 0 skipped"; return; }
    units "$preset" "$@"
}

tsan() {
    build tsan drawbridged tests/unit/data/all || { echo "0 passed, 1 failed, 0 skipped"; return; }
    # TSan wants its address space where it expects it.
    setarch -R ctest --test-dir build/tsan -N >/dev/null 2>&1 && local fixed="setarch -R"
    $fixed ctest --test-dir build/tsan -R '^test_data' -j "$(nproc)" --timeout 900 --output-on-failure --output-junit "$OUT/tsan.xml"
    read -r t f s < <(sed -n 's/.*tests="\([0-9]*\)".*/\1/p;s/.*failures="\([0-9]*\)".*/\1/p;s/.*skipped="\([0-9]*\)".*/\1/p' "$OUT/tsan.xml" | head -n 3 | xargs)
    echo "$((t - f - s)) passed, $f failed, $s skipped"
}

# add_up "P F S" OUTPUT: with the sum in the output's last line; one failure more where there is none
add_up() {
    printf '%s\n%s\n' "$1" "$(printf '%s\n' "$2" | tail -n 1)" |
        awk '/passed/ {p += $1; f += $3; s += $5; ok = 1} !/passed/ {p += $1; f += $2; s += $3} END {print p, f + !ok, s}'
}

skipped_whole() {
    echo "skip: $*"
    echo "0 passed, 0 failed, 1 skipped"
}

# win: what the Windows client needs and the client, in time that nobody else wants; its units and its tunnel.
win() {
    local why out sum held
    [ "$(uname -m)" = x86_64 ] || { skipped_whole "Wine runs the client on x86_64 only"; return; }
    # shellcheck disable=SC2086
    why=$(packages_need "$OUT/apt-win.log" $PACKAGES_WIN) || { skipped_whole "the tools of the Windows client cannot be had: $why"; return; }
    chrt -i -p 0 $BASHPID
    client-win/deps/build.sh
    case $? in
    0) ;;
    77) skipped_whole "the libraries of the Windows client cannot be had"; return ;;
    *) echo "FAIL client-win/deps/build.sh"; echo "0 passed, 1 failed, 0 skipped"; return ;;
    esac
    export WINEPREFIX=$PWD/build/wine
    build win || { echo "0 passed, 1 failed, 0 skipped"; return; }
    chrt -o -p 0 $BASHPID # tests have limits, and are not for idle moments
    tests/lib/wine.sh --begin && tests/lib/wine.sh wineboot --init &&
        tests/lib/wine.sh reg add 'HKLM\System\CurrentControlSet\Control' /v ServicesPipeTimeout /t REG_DWORD /d 60000 /f &&
        tests/lib/wine.sh --end || { echo "0 passed, 1 failed, 0 skipped"; return; }
    # Wine's services are children of its first program, share its output, and end with its last one. This program stays,
    # or ctest would wait for the output of services that a test has started.
    exec {held}> >(exec tests/lib/wine.sh cmd >/dev/null 2>&1)
    tests/lib/wine.sh net start >/dev/null 2>&1
    out=$(units win)
    printf '%s\n' "$out"
    sum=$(add_up "0 0 0" "$out")
    # What a program of units leaves out, as Wine has no driver, EFS or sessions.
    out=$(tr -d '\r' <build/win/Testing/Temporary/LastTest.log | grep -aE '^skipped:|^ *[0-9]+ SKIPPED TEST')
    printf '%s\n' "$out"
    sum=$(add_up "$sum" "0 passed, 0 failed, $(awk '/ SKIPPED TEST/ {n += $1} END {print n + 0}' <<<"$out") skipped")
    exec {held}>&-
    tests/lib/wine.sh --end
    rm -rf "$WINEPREFIX" # most of a gigabyte
    out=$([ -x "build/release/$DAEMON" ] || { skipped_whole "no tunnel without build/release (--only release,win)"; exit; }
        env -u WINEPREFIX bash tests/interop/win.sh --build build/release --win build/win 2>&1)
    printf '%s\n' "$out"
    set -- $(add_up "$sum" "$out")
    echo "$1 passed, $2 failed, $3 skipped"
}

has_daemon() {
    [ -x "build/$1/$DAEMON" ] && return 0
    echo "FAIL build/$1/$DAEMON was not built"
    echo "0 passed, 1 failed, 0 skipped"
    return 1
}

interop() {
    has_daemon release || return
    case $MODE in
    quick) tests/interop/run.sh --build build/release --pairs "$1" --scripts handshake,addressing,layer2,config ;;
    full) LAB_FULL=1 RENEG_MINUTES=1 tests/interop/run.sh --build build/release --pairs "$1" ;;
    *) tests/interop/run.sh --build build/release --pairs "$1" --scripts "$2" ;;
    esac
}

hostile() {
    has_daemon release || return
    case $MODE in
    quick) tests/hostile/run.sh --build build/release --only 'tool|C1-|C2-|C4-cookie|C6-replay-200$|C15|C17|C3[023]' ;;
    full) tests/hostile/run.sh --build build/release --full ;;
    *) tests/hostile/run.sh --build build/release ;;
    esac
}

# live PRESET: a choice of namespace cases under a sanitizer; a report fails the case.
live() {
    local sum="0 0 0" out
    has_daemon "$1" || return
    for part in "interop/handshake.sh tls-1|SHA1|no-gate|cert-|inline|outer" "interop/layer2.sh broadcast|vlan|sizes|client-to|pings" \
        "interop/lifecycle.sh exit|same|sigterm|renegotiation-by-server|float" "hostile/run.sh tool|C1-|C4-cookie|C15|C16|C17|C28|C3[023]|C36-C41-frames|occ"; do
        out=$(bash "tests/${part%% *}" --build "build/$1" --only "${part#* }" 2>&1)
        printf '%s\n' "$out"
        sum=$(add_up "$sum" "$out")
    done
    set -- $sum
    echo "$1 passed, $2 failed, $3 skipped"
}

# mutations: each guard of control, data and the switch is inverted once; the unit tests must turn red.
mutations() {
    local room killed left all=0 bad=0
    has_daemon release || return
    for room in control data bridge; do
        bash "tests/unit/$room/mutations.sh" "$PWD" $([ $room = bridge ] || echo "$PWD/build/release") >"$OUT/mutations.$room" 2>&1
        cat "$OUT/mutations.$room"
        read -r killed left < <(awk '/ mutants, / {n = $1 - $3; left = $3; ok = 1} END {print n + 0, ok ? left : 1}' "$OUT/mutations.$room")
        all=$((all + killed)) bad=$((bad + left))
    done
    echo "$all passed, $bad failed, 0 skipped"
}

script() { # DIR: another suite that brings its own run.sh BUILD_DIR
    bash "$1/run.sh" "$PWD/build/release"
}

bench() {
    has_daemon release || return
    if [ $MODE = full ]; then
        tests/bench/run.sh --build build/release --out "$OUT/bench" --rounds 3
    else
        tests/bench/run.sh --build build/release --out "$OUT/bench" --rounds 1 --seconds 2 --pairs ours-stock,stock-stock --only tcp,ping,connect,storm --storm 100
    fi
    echo "0 passed, 0 failed, 0 skipped"
}

# ------------------------------------------------------------------------------------------------ the run

# figures: what the reader wants to see beside the sums
figures() {
    local name
    for name in "$OUT"/interop.log "$OUT"/hostile.log; do
        [ -f "$name" ] && sed -nE 's/^ok (fleet-[^ ]*|C1-gate|C2-one-reply|C2-recorded-reset|C3-one-address|C6-[^ ]*|C7-rejects|C8-[^ ]*|sessions-[^ ]*|renegotiation-[^ ]*) \((.*)\)$/  \1: \2/p' "$name"
    done
    [ -f "$OUT/coverage.log" ] && sed -nE 's/^(certs|common|server)\/([^ ]*) +([0-9]+) +([0-9.]+) .*$/  lines of \1\/\2 run by its tests: \4 % of \3/p' "$OUT/coverage.log"
    [ -f "$OUT/bench/table.md" ] && grep -E '^\| (measure|tcp_(up|down) |cpu_server_(up|down) |connect|ping_median|storm)' "$OUT/bench/table.md" | sed 's/^/  /'
}

echo "packages: $(
    # shellcheck disable=SC2086
    packages_need "$OUT/apt.log" $PACKAGES_BUILD $PACKAGES_LAB $PACKAGES_TEST $([ $MODE = full ] && echo $PACKAGES_BENCH)
)" || exit 1
run format format
run release release
run asan built_units asan
run tsan tsan
spawn win win
spawn interop interop ours-stock "
    handshake
    addressing
    layer2
    lifecycle
    config
    loss
    hijack
    loop
    p2p
    multihome
"
spawn hostile hostile
spawn revocation interop ours-stock "
    revocation
    vlan
    push
    takeover
    hosts
    monitoring
"
collect interop
collect hostile
collect revocation
spawn oldpeers interop ours-stock "
    oldpeers
    pmtu
    fragment
    reneg
    tunnel
    management
    scripts
    passwords
"
spawn stock-ours interop stock-ours "
    handshake
    client
    p2p
    login
    calling
    fragment
"
spawn ours-ours interop ours-ours "
    layer2
    client
    site
    pmtu
    tunnel
    p2p
    passwords
"
collect oldpeers
collect stock-ours
collect ours-ours
collect win
others=()
for dir in tests/*/; do
    dir=${dir%/}
    case ${dir#tests/} in interop | hostile | bench) ;; *) [ -f "$dir/run.sh" ] && others+=("${dir#tests/}") ;; esac
done
spawn live-asan live asan
spawn live-tsan live tsan
for name in "${others[@]}"; do spawn "$name" script "tests/$name"; done
for name in live-asan live-tsan "${others[@]}"; do collect "$name"; done
run debug built_units debug
run fuzz built_units fuzz -L fuzz
run mutations mutations
run bench bench
echo
printf '%-10s %7s %7s %7s %7s\n' stage passed failed skipped time
printf '%s\n' "${TABLE[@]}"
echo
echo "figures"
figures
echo
echo "$SECONDS s in all; logs in $OUT"
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
[ "$FAILED" = 0 ]
