#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Line coverage of the parsers of certificates, lists, answers, requests and databases: run.sh [BUILD_DIR]
# Builds them with gcc --coverage beside BUILD_DIR, runs their unit tests and the fuzz targets' seeds with some mutations,
# and prints a line for each file. Below LEAST per cent of a file's lines is a failure. What the tests themselves find is
# judged where they run without instruments; here a test that fails only counts for less.
BUILD=${1:-build/release}
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
OUT=$(mkdir -p "$(dirname "$BUILD")" && cd "$(dirname "$BUILD")" && pwd)/coverage
LEAST=95
MUTATIONS=1000
UNITS="certs/test_certs_der certs/test_certs_cadb certs/test_certs_crl certs/test_certs_trust certs/test_certs_ocsp
    certs/test_certs_csr certs/test_certs_nomem fetch/test_fetch_parts crypto/test_x509"
FUZZ="certs/fuzz_certs_crl certs/fuzz_certs_ocsp_request certs/fuzz_certs_ocsp_answer certs/fuzz_certs_csr
    certs/fuzz_certs_index certs/fuzz_certs_conf fetch/fuzz_fetch_head crypto/fuzz_x509"
# room's target : file | what it reads
PARSERS="certs:dbr_certs:crl.c|CRL
certs:dbr_certs:issuers.c|CA certificates
certs:dbr_certs:trust.c|lists in force, their memory on disk
certs:dbr_certs:ocsp.c|OCSP request
certs:dbr_certs:ocsp_answer.c|OCSP: from request to answer
certs:dbr_certs:ocsp_check.c|OCSP response
certs:dbr_certs:csr.c|CSR
certs:dbr_certs:cadb.c|index.txt
certs:dbr_certs:serial.c|serial numbers
certs:dbr_certs:pem.c|PEM
certs:dbr_certs:der.c|DER
certs:dbr_certs:caconf.c|drawbridge-ca.conf
common/crypto:dbr_crypto:x509.c|X.509
common/crypto:dbr_crypto:x509_rules.c|X.509: purpose and name rules
server/fetch:dbr_fetch:tag.c|HTTP response header"

command -v gcov >/dev/null && command -v gcc >/dev/null || { echo "skipped coverage: gcc and gcov are not installed"; echo "0 passed, 0 failed, 1 skipped"; exit 0; }
# DBR_SANITIZED: no limits of time while everything is counted
if ! cmake -S "$SOURCE" -B "$OUT" -G Ninja -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS="-O0 --coverage -DDBR_SANITIZED=1" >"$OUT.log" 2>&1 ||
    ! ninja -C "$OUT" $(basename -a $UNITS $FUZZ) >>"$OUT.log" 2>&1; then
    tail -n 20 "$OUT.log"
    echo "FAIL coverage: no build"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi
find "$OUT" -name '*.gcda' -delete
cd "$OUT" || exit 1
for t in $UNITS; do "tests/unit/$t" >>"$OUT.log" 2>&1 || echo "note: ${t#*/} failed here"; done
for f in $FUZZ; do "tests/fuzz/$f" $MUTATIONS "$SOURCE/tests/fuzz/corpus/${f#*/}" >>"$OUT.log" 2>&1 || echo "note: ${f#*/} failed here"; done

passed=0 failed=0
printf '%-32s %7s %7s  %s\n' file lines percent reads
while IFS='|' read -r where what; do
    IFS=: read -r dir target file <<<"$where"
    # File '.../crl.c' / Lines executed:98.09% of 367
    read -r percent lines < <(gcov -n -o "$dir/CMakeFiles/$target.dir" "$dir/CMakeFiles/$target.dir/$file.gcda" 2>/dev/null |
        grep -A 1 "^File '.*/$dir/$file'" | sed -n 's/^Lines executed:\([0-9.]*\)% of \([0-9]*\)$/\1 \2/p')
    printf '%-32s %7s %7s  %s\n' "$dir/$file" "${lines:--}" "${percent:-none}" "$what"
    if awk "BEGIN {exit !(${percent:-0} >= $LEAST)}"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL coverage of $dir/$file: ${percent:-none} %, less than $LEAST"
    fi
done <<<"$PARSERS"
echo "coverage: $passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
