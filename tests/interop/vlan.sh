#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# VLANs per client: vlan-tagging, vlan-accept, vlan-pvid. Options as in handshake.sh. This kernel need not have VLAN
# devices: the LAN host's are made by tests/lib/vlandev.py, with offloads, so that super frames with a tag pass.
#
#   lan: eth0 .77.10 (no tag), v10 192.168.10.10 (tag 10), v20 192.168.20.10 (tag 20)
#   c1: vlan-pvid 10   c2: vlan-pvid 20   c3: none, the global one
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"

SERVER=(+vlan-tagging "!explicit-exit-notify") # nor do the clients wait for their good-bye

# clients NAME...: each with an address in the nets of both VLANs, and its pool's in the LAN's.
clients() {
    local c n
    for c in "$@"; do
        lab_client_start "$c" "!explicit-exit-notify" || why "$c does not connect" || return
        n=${c#c}
        lab_addr "$c" tap0 "192.168.10.$((100 + n))/24" "192.168.20.$((100 + n))/24" "192.168.77.$((220 + n))/24"
    done
}

up() {
    lab_server_start "${SERVER[@]}" client-to-client "$@" ||
        why "server does not start" || return
    clients c1 c2 c3
}

crosses() { # FROM DEV TO DEV TEXT [send options...]: the frame is heard at the other side
    local from=$1 fd=$2 to=$3 td=$4 text=$5
    shift 5
    lab_hear "$to" "$td" "$text" --text "$text" --seconds 12
    lab_send "$from" "$fd" --text "$text" "$@"
    lab_heard "$text"
}

# tag_is TEXT TAG: the frame of that text was heard with this tag (- is none)
tag_is() { grep -q " $2 0x" "$LAB_DIR/heard.$1"; }

# leaks TEXT FROM DEV [send options] -- SPACE/DEV...: true when one of these hears the frame, at one time
leaks() {
    local text=$1 from=$2 dev=$3 opts=() p heard=1
    shift 3
    while [ "$1" != -- ]; do opts+=("$1"); shift; done
    shift
    for p in "$@"; do lab_hear "${p%/*}" "${p#*/}" "$text-${p%/*}" --text "$text" --seconds 0.4; done
    lab_send "$from" "$dev" --text "$text" "${opts[@]}"
    for p in "$@"; do lab_heard "$text-${p%/*}" && { echo "$text reached $p"; heard=0; }; done
    return $heard
}

tcp() { # SPACE TARGET WORDS: both ways at full size, the figures into the note
    local m
    m=$(lab_iperf "$1" "$2" -t 1 | lab_mbps)
    T_NOTE+="${T_NOTE:+, }$3 $m up"
    [ "${m%.*}" -ge 1 ] || why "TCP $3 up: $m Mbit/s" || return
    m=$(lab_iperf "$1" "$2" -t 1 -R | lab_mbps)
    T_NOTE+=", $m down Mbit/s"
    [ "${m%.*}" -ge 1 ] || why "TCP $3 down: $m Mbit/s" || return
}

all() {
    local out
    up "+vlan-pvid 5" || return
    lab_ping c1 192.168.10.10 || why "c1 does not reach VLAN 10" || return
    lab_ping c2 192.168.20.10 || why "c2 does not reach VLAN 20" || return
    lab_ping c3 192.168.77.10 || why "c3 does not reach the LAN without tags" || return
    x c1 ping -n -q -c 3 -i 0.2 -s 1472 -M do 192.168.10.10 >/dev/null || why "no full-size ping in VLAN 10" || return
    ! x c1 ping -n -q -c 1 -W 0.3 192.168.20.10 >/dev/null || why "c1 reaches VLAN 20" || return
    ! x c1 ping -n -q -c 1 -W 0.3 192.168.77.10 >/dev/null || why "c1 reaches the LAN without tags" || return
    ! x c3 ping -n -q -c 1 -W 0.3 192.168.10.10 >/dev/null || why "c3 reaches VLAN 10" || return
    crosses c1 tap0 lan eth0 v-up10 && tag_is v-up10 10 || why "c1's broadcast has no tag 10" || return
    crosses c3 tap0 lan eth0 v-up5 && tag_is v-up5 - || why "c3's broadcast has a tag" || return
    crosses lan eth0 c2 tap0 v-down20 --vlan 20 && tag_is v-down20 - || why "c2 does not hear its VLAN without tag" || return
    crosses lan eth0 c3 tap0 v-down5 --vlan 5 || why "a tag with the global id is not the global VLAN" || return
    crosses lan eth0 c3 tap0 v-downprio --vlan 0x6000 || why "a priority tag does not pass" || return
    crosses c1 tap0 lan eth0 v-prio --vlan 0x6000 && tag_is v-prio 10 || why "a client's priority tag gets no id" || return
    out=$(leaks v-leak10 lan eth0 --vlan 10 -- c2/tap0 c3/tap0) && why "$out" && return 1
    out=$(leaks v-leak5 lan eth0 -- c1/tap0 c2/tap0) && why "$out" && return 1
    out=$(leaks v-between c1 tap0 -- c2/tap0 c3/tap0) && why "$out" && return 1
    out=$(leaks v-unicast c1 tap0 --dst "$(lab_mac c2 tap0)" -- c2/tap0) && why "$out" && return 1
    lab_iperf_server lan || why "no iperf3" || return
    tcp c1 192.168.10.10 "VLAN 10" && tcp c3 192.168.77.10 "no tag"
}

hopping() {
    local out v
    up || return
    lab_ping c1 192.168.10.10 || why "c1 does not reach VLAN 10" || return
    for v in 20 10 1,20 4095; do
        out=$(leaks "v-hop-${v/,/-}" c1 tap0 --vlan $v -- lan/eth0 c2/tap0) && why "tag $v: $out" && return 1
    done
    [ "$LAB_SERVER" = openvpn ] && { lab_ping c1 192.168.10.10 || why "no ping at the end"; return; } # it lets the next pass
    out=$(leaks v-hop-0-20 c1 tap0 --vlan 0,20 -- lan/eth0 c2/tap0) && why "tag 0 around 20: $out" && return 1
    out=$(leaks v-below lan eth0 --vlan 10,20 -- c1/tap0 c2/tap0) && why "two tags of the LAN: $out" && return 1
    lab_ping c1 192.168.10.10 || why "no ping at the end" || return
    lab_until 5 grep -q "$(lab_mac c1 tap0)@10" "$LAB_DIR/server.status" || why "the status has no VLAN"
}

within() {
    echo "vlan-pvid 10" >"$LAB_DIR/ccd/c2"
    lab_server_start "${SERVER[@]}" client-to-client || why "server does not start"
    clients c1 c2 && { lab_ping c1 192.168.10.102 || why "no ping between two clients of VLAN 10"; } &&
        { crosses c1 tap0 c2 tap0 v-same || why "no broadcast between two clients of VLAN 10"; }
    local status=$?
    echo "vlan-pvid 20" >"$LAB_DIR/ccd/c2"
    return $status
}

trunk() {
    local out
    up "+vlan-accept tagged" "+vlan-pvid 30" || return
    lab_ping c1 192.168.10.10 || why "c1 does not reach VLAN 10" || return
    crosses c3 tap0 lan eth0 t-up && tag_is t-up 30 || why "the global VLAN has no tag" || return
    out=$(leaks t-untagged lan eth0 -- c1/tap0 c2/tap0 c3/tap0) && why "$out" && return 1
    crosses lan eth0 c3 tap0 t-down --vlan 30 || why "c3 does not hear its VLAN"
}

access() {
    local out
    up "+vlan-accept untagged" "+vlan-pvid 20" || return
    lab_addr c2 tap0 192.168.77.50/24
    lab_ping c2 192.168.77.10 || why "c2 does not reach the LAN" || return
    out=$(leaks a-up c1 tap0 -- lan/eth0) && why "$out" && return 1
    out=$(leaks a-tagged lan eth0 --vlan 20 -- c2/tap0 c3/tap0) && why "$out" && return 1
    lab_ping c3 192.168.77.10 || why "c3 does not reach the LAN"
}

# The bridge's own table knows the clients' addresses: the concentrator's unicast does not go everywhere.
table() {
    [ "$LAB_SERVER" = openvpn ] && { skipped "a bridge made by hand learns"; return; }
    local m
    lab_server_start "${SERVER[@]}" || why "server does not start" || return
    lab_client_start c1 || why "c1 does not connect" || return
    lab_addr c1 tap0 192.168.10.101/24
    m=$(lab_mac c1 tap0)
    lab_ping c1 192.168.10.10 || why "c1 does not reach VLAN 10" || return
    lab_until 2 in_table "$m" || why "c1 is not in the bridge's table: $(x gw bridge fdb show dev tap0)" || return
    lab_client_stop c1
    lab_until 3 not_in_table "$m" || why "c1 is still in the bridge's table"
}
in_table() { x gw bridge fdb show dev tap0 | grep "$1" | grep -q extern_learn; }
not_in_table() { ! in_table "$1"; }

lab_begin vlan
lab_pki && lab_office 3 || exit 1
SERVER+=("+client-config-dir $LAB_DIR/ccd")
mkdir -p "$LAB_DIR/ccd"
chmod 755 "$LAB_DIR/ccd"
for v in 10 20; do
    lab_bg lan "$LAB_DIR/v$v.log" $LAB_PYTHON "$LAB_LIB/vlandev.py" eth0 $v v$v
    lab_wait_log "$LAB_DIR/v$v.log" ready 3 || exit 1
    lab_addr lan v$v 192.168.$v.10/24
done
echo "vlan-pvid 10" >"$LAB_DIR/ccd/c1"
echo "vlan-pvid 20" >"$LAB_DIR/ccd/c2"
t_case vlan-accept-all all
t_case vlan-hopping hopping
t_case vlan-bridge-table table
if [ -n "${LAB_FULL:-}" ]; then # by default tests/unit/data/test_vlan.c alone has these
    t_case vlan-client-to-client within
    t_case vlan-accept-tagged trunk
    t_case vlan-accept-untagged access
fi
t_end
