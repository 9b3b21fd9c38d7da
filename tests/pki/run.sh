#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# All tests of the PKI with the real programs: run.sh BUILD_DIR. DBR_PKI_FULL=1 runs the long forms of them and the
# benchmark. Prints the last line of each script and "pki: N passed, N failed" at the end.
BUILD=${1:?usage: $0 BUILD_DIR}
HERE=$(cd "$(dirname "$0")" && pwd)
SCRIPTS="cli openssl verify import csr files push serve signer parallel disk kill"
[ -z "$DBR_PKI_FULL" ] || SCRIPTS="$SCRIPTS bench_ocsp"
passed=0 failed=0 skipped=0
for s in $SCRIPTS; do
    start=$(date +%s)
    out=$(bash "$HERE/$s.sh" "$BUILD" 2>&1)
    status=$?
    line=$(tail -1 <<<"$out")
    grep -E '^(FAILED|skipped)|^        ' <<<"$out"
    echo "$line ($(($(date +%s) - start)) s)"
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[4]))
    else
        failed=$((failed + 1)) # it died on its way
        tail -20 <<<"$out"
    fi
    [ $status = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
done
echo "pki: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
