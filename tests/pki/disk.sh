#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# C46: no space, no inodes, a read-only folder, EIO and ENOSPC from every write, fsync and rename: a clean error and
# nothing changed, or (after the point of no return) the change whole. Power loss is in tests/unit/certs/test_powerloss.c.
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # which looks by ptrace, and strace is there
cd "$WORK" || exit 2
lab_ca "$WORK/base"
ca issue client alice --no-pass >/dev/null
tree() { (cd "$1" && find . -type f ! -name .lock ! -path './reserved/*' ! -name serial -exec sha256sum {} + | sort); }
TREE=$(tree base)

try_full() { # try_full NAME FOLDER: issue until it fails, then the CA must be whole
    local name=$1 dir=$2 i out s
    for i in $(seq 200); do
        out=$("$CA" --dir "$dir" issue client f$i --no-pass 2>&1); s=$?
        [ $s = 0 ] || break
    done
    [ $s = 1 ] && grep -qi "space\|inode\|cannot\|quota" <<<"$out" && pass "$name: a clean error after $((i - 1)) certificates" || fail "$name: status $s" "$out"
    check "$name: verify" "$CA" --dir "$dir" verify
    [ "$(wc -l < "$dir/index.txt")" = "$(ls "$dir/newcerts" | wc -l)" ] && pass "$name: as many lines as files" || fail "$name: as many lines as files"
    [ ! -e "$dir/issued/f$i.crt" ] && [ ! -e "$dir/private/f$i.key" ] && pass "$name: nothing of the failed one" || fail "$name: nothing of the failed one"
    [ -z "$(find "$dir" -name '.new.*' -o -name journal)" ] && pass "$name: nothing left over" || fail "$name: nothing left over"
}
if mkdir m && mount -t tmpfs -o size=160k tmpfs m 2>/dev/null; then
    MOUNTS="$MOUNTS $WORK/m"
    cp -a base m/ca 2>/dev/null; try_full "full disk" m/ca
    rm m/ca/newcerts/$(ls -t m/ca/newcerts | head -1) 2>/dev/null
    umount m
    mount -t tmpfs -o size=64k tmpfs m
    out=$("$CA" --dir m/new init New --no-pass --key-type rsa:2048 2>&1); s=$?
    if [ $s = 0 ]; then pass "init on 64 kB fits"; else
        [ $s = 1 ] && [ ! -e m/new/ca.crt ] && pass "init on 64 kB: refused, nothing made" || fail "init on 64 kB: status $s" "$out"
    fi
    umount m
    mount -t tmpfs -o size=4m,nr_inodes=40 tmpfs m; cp -a base m/ca; try_full "no inodes" m/ca; umount m
    mount -t tmpfs -o size=4m tmpfs m; cp -a base m/ca; mount -o remount,ro m
    refuse "read-only: issue" "read-only" "$CA" --dir m/ca issue client ro --no-pass
    check "read-only: list" "$CA" --dir m/ca list
    check "read-only: verify" "$CA" --dir m/ca verify
    umount m; MOUNTS=
else
    skip "no tmpfs can be mounted here"
fi

# Injected errors at every call of a kind.
if have strace && strace -qq -o /dev/null true 2>/dev/null; then
    QUIET=1
    for cmd in "issue client bob --no-pass" "revoke alice"; do
        strace -qq -f -o trace "$CA" --dir base list >/dev/null 2>&1
        rm -rf w; cp -a base w; strace -qq -f -o trace "$CA" --dir w $cmd >/dev/null
        BEFORE=0 AFTER=0
        for name in write fsync renameat openat fchmod unlinkat; do
            for e in EIO ENOSPC; do
                [ $name != openat ] || [ $e = ENOSPC ] || continue
                for n in $(seq "$(grep -c "^[0-9]* *$name(" trace)"); do
                    rm -rf w; cp -a base w
                    out=$(strace -qq -f -o /dev/null -e trace=$name -e inject=$name:error=$e:when=$n "$CA" --dir w $cmd 2>&1); s=$?
                    what="$cmd: $name #$n $e"
                    [ $s -le 127 ] || { fail "$what: status $s" "$out"; continue; }
                    v=$("$CA" --dir w verify 2>&1) || { fail "$what: verify" "$v"; continue; }
                    if [ "$(tree w)" = "$TREE" ]; then
                        BEFORE=$((BEFORE + 1))
                        [ $s != 0 ] && pass "$what" || fail "$what: said done, is not" "$out"
                    elif [ "$(wc -l < w/index.txt)" = 2 ] || grep -q ^R w/index.txt; then AFTER=$((AFTER + 1)); pass "$what"
                    else fail "$what: between" "$(diff <(echo "$TREE") <(tree w))"; fi
                done
            done
        done
        echo "        $cmd: $BEFORE left the state before, $AFTER the state after"
    done
else
    skip "strace is not installed"
fi
finish
