# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How every shell test reports: one line a case (`ok NAME`, `FAIL NAME reason`, `skip NAME reason`), figures as
# `note NAME text`, and a closing line `N passed, N failed, N skipped`. Sourced after lab.sh.

T_PASSED=0
T_FAILED=0
T_SKIPPED=0
T_WHY=

t_ok() { T_PASSED=$((T_PASSED + 1)); echo "ok $1${2:+ ($2)}"; }
t_fail() { T_FAILED=$((T_FAILED + 1)); echo "FAIL $1 ${2:-}"; }
t_skip() { T_SKIPPED=$((T_SKIPPED + 1)); echo "skip $1 ${2:-}"; }
t_note() { echo "note $*"; }

# why TEXT: sets the reason and fails, so that a check reads `cmd || why "no ping" || return`.
why() { T_WHY=$*; return 1; }
# skipped TEXT: the same for a case that cannot run.
skipped() { T_WHY=$*; return 77; }

# t_roles: 77 with a reason when one of the two ends cannot be run. The answer for the client role is remembered.
t_roles() {
    lab_have "$LAB_SERVER" && lab_have "$LAB_CLIENT" || { skipped "$LAB_WHY"; return; }
    [ "$LAB_CLIENT" = drawbridged ] || return 0
    if [ -z "${T_CLIENT_ROLE:-}" ]; then
        if lab_has_client; then T_CLIENT_ROLE=yes; else T_CLIENT_ROLE=$LAB_WHY; fi
    fi
    [ "$T_CLIENT_ROLE" = yes ] || skipped "$T_CLIENT_ROLE"
}

# t_case NAME FUNCTION [ARGS...]: runs one case; whatever it started is stopped, and a server that does not end with
# status 0 on SIGTERM or a sanitizer's report fails the case too.
t_case() {
    local name=$1 status
    shift
    [[ -z ${LAB_ONLY:-} || $name =~ $LAB_ONLY ]] || return 0
    T_WHY=
    T_NOTE=
    t_roles && "$@"
    status=$?
    if [ $status != 0 ] && [ $status != 77 ]; then lab_tails; fi
    if ! lab_all_stop && [ $status = 0 ]; then
        status=1
        T_WHY="the server did not end well on SIGTERM (status $LAB_STATUS)"
        lab_tails
    fi
    if ! lab_sanitized; then
        status=1
        T_WHY="sanitizer report: $(grep -hE 'Sanitizer|runtime error:' "$LAB_DIR"/*.log | head -n 1)"
        LAB_TAIL=60 lab_tails
        rm -f "$LAB_DIR"/*.log
    fi
    case $status in
    0) t_ok "$name" "$T_NOTE" ;;
    77) t_skip "$name" "$T_WHY" ;;
    *) t_fail "$name" "$T_WHY" ;;
    esac
}

# t_end: the closing line; the script's exit status.
t_end() {
    echo "$T_PASSED passed, $T_FAILED failed, $T_SKIPPED skipped"
    [ "$T_FAILED" = 0 ]
    exit
}
