# SPDX-License-Identifier: GPL-3.0-or-later
# Helpers of the PKI tests; sourced. Each script works in a folder of its own, prints a line for each check and ends
# with finish: "N passed, N failed" (and skipped), not zero if something failed.

BUILD=${1:-${BUILD:?usage: $0 BUILD_DIR}}
BUILD=$(cd "$BUILD" && pwd)
CA=$BUILD/certs/drawbridge-ca
[ -x "$CA" ] || { echo "no $CA"; exit 2; }
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/dbr-pki-XXXXXX")
PASSED=0 FAILED=0 SKIPPED=0
PIDS=
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:verify_asan_link_order=0} # faketime comes first
unset DRAWBRIDGE_CA OPENSSL_CONF

cleanup() {
    for p in $PIDS; do kill "$p" 2>/dev/null; done
    for m in $MOUNTS; do umount "$m" 2>/dev/null; done
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

pass() { PASSED=$((PASSED + 1)); [ -n "$QUIET" ] || echo "ok      $1"; }
fail() { FAILED=$((FAILED + 1)); echo "FAILED  $1"; [ -z "$2" ] || printf '%s\n' "$2" | sed 's/^/        /' | head -20; }
skip() { SKIPPED=$((SKIPPED + 1)); echo "skipped $1"; }

# check NAME COMMAND...: the command must succeed.
check() {
    local name=$1 out; shift
    if out=$("$@" 2>&1); then pass "$name"; else fail "$name" "$out"; fi
}
# refuse NAME TEXT COMMAND...: the command must fail, by itself (no signal), and say TEXT.
refuse() {
    local name=$1 text=$2 out status; shift 2
    out=$("$@" 2>&1); status=$?
    if [ $status -eq 0 ]; then fail "$name (it was accepted)" "$out"
    elif [ $status -gt 3 ]; then fail "$name (status $status)" "$out"
    elif printf '%s' "$out" | grep -qi -- "$text"; then pass "$name"
    else fail "$name (does not say: $text)" "$out"; fi
}
# says NAME TEXT COMMAND...: the command must succeed and say TEXT.
says() {
    local name=$1 text=$2 out; shift 2
    if out=$("$@" 2>&1) && printf '%s' "$out" | grep -q -- "$text"; then pass "$name"; else fail "$name" "$out"; fi
}
finish() {
    echo "$(basename "$0" .sh): $PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ $FAILED -eq 0 ]
    exit
}
have() { command -v "$1" >/dev/null 2>&1; }

ca() { "$CA" --dir "$DIR" "$@"; }
# A CA without passphrases in $DIR.
lab_ca() { DIR=$1; shift; "$CA" --dir "$DIR" init "Test CA" --no-pass "$@" >/dev/null || exit 2; }
serial_of() { awk -F'\t' -v n="/CN=$2" '$6 == n && $1 == "V" { s = $4 } END { print s }' "$1/index.txt"; }
free_port() { # a port that nobody listens on
    local p
    for p in $(shuf -i 10000-32000 -n 50); do
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
    done
}
soon() { # soon COMMAND...: until it succeeds (20 s)
    local i
    for i in $(seq 200); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}
wait_port() { # wait_port PORT: until somebody listens (30 s)
    local i
    for i in $(seq 600); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.05
    done
    return 1
}
MOUNTS=
