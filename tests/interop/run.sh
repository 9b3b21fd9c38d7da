#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# All namespace tests, for one or several pairings of server and client.
#   run.sh [--build DIR | --daemon PATH] [--pairs ours-stock,stock-ours,ours-ours,stock-stock] [--scripts a,b] [--only REGEX]
# ours = drawbridged, stock = Debian's OpenVPN. The default is ours-stock; the pairings with our client are added by
# themselves as soon as drawbridged has the client role. Ends with the sum: N passed, N failed, N skipped.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/lab.sh"
. "$here/../lib/report.sh"
PAIRS=
SCRIPTS="
    handshake
    gatekeys
    certificates
    signer
    addressing
    tunnel
    layer2
    vlan
    pmtu
    fragment
    lifecycle
    config
    oldpeers
    loss
    reneg
    hijack
    loop
    takeover
    hosts
    revocation
    push
    management
    scripts
    passwords
    p2p
    multihome
    monitoring
    calling
    client
    site
    login
"
args=()
while [ $# -gt 0 ]; do
    case $1 in
    --pairs) PAIRS=$2; shift 2 ;;
    --scripts) SCRIPTS=$2; shift 2 ;;
    *) args+=("$1"); shift ;;
    esac
done
lab_args "${args[@]}"
lab_begin interop
lab_pki || exit 1
side() { [ "$1" = ours ] && echo drawbridged || echo openvpn; }
if [ -z "$PAIRS" ]; then
    PAIRS=ours-stock
    [ -x "$DBR_DAEMON" ] && lab_has_client && PAIRS=ours-stock,stock-ours,ours-ours
fi
for pair in ${PAIRS//,/ }; do
    for script in ${SCRIPTS//,/ }; do
        # config.sh needs no peer; loss.sh's fleet is made of stock clients.
        case $pair/$script in ours-ours/gatekeys | ours-ours/certificates) continue ;; esac
        case $pair/$script in *-ours/loss | stock-*/hijack | *-ours/hijack | stock-*/loop | *-ours/loop | stock-*/takeover | *-ours/takeover | stock-*/hosts | *-ours/hosts | stock-*/config | stock-*/monitoring | *-ours/monitoring | *-ours/config | stock-*/management | *-ours/management | *-ours/scripts | *-stock/client | *-stock/site | *-stock/calling | ours-*/login | *-stock/login) continue ;; esac
        case $pair/$script in
        stock-*/revocation) t_skip "$script ($pair)" "it tests drawbridged as the server"; continue ;;
        stock-*/tunnel) t_skip "$script ($pair)" "\`tunnel\` is for drawbridged"; continue ;;
        stock-*/multihome) t_skip "$script ($pair)" "it tests drawbridged as the server"; continue ;;
        stock-*/push) t_skip "$script ($pair)" "crl-push is for drawbridged; ours-stock has OpenVPN beside it"; continue ;;
        *-ours/push) t_skip "$script ($pair)" "alice is a stock client with an exported profile"; continue ;;
        esac
        SECONDS=0
        echo "== $script ($pair)"
        env -u LAB_ID bash "$here/$script.sh" --server "$(side "${pair%-*}")" --client "$(side "${pair#*-}")" \
            --daemon "$DBR_DAEMON" --pki "$LAB_PKI" ${LAB_ONLY:+--only "$LAB_ONLY"} >"$LAB_DIR/out" 2>"$LAB_DIR/err"
        status=$?
        sed '$d' "$LAB_DIR/out"
        [ $status = 0 ] || cat "$LAB_DIR/err"
        last=$(tail -n 1 "$LAB_DIR/out")
        if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
            T_PASSED=$((T_PASSED + BASH_REMATCH[1]))
            T_FAILED=$((T_FAILED + BASH_REMATCH[2]))
            T_SKIPPED=$((T_SKIPPED + BASH_REMATCH[3]))
        else
            printf '%s\n' "$last"
            t_fail "$script ($pair)" "ended without its closing line (status $status)"
        fi
        echo "   $SECONDS s"
    done
done
t_end
