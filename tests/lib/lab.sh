# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The laboratory: an office LAN, a concentrator and its clients in network namespaces whose names carry this
# shell's pid. Sourced by tests/interop, tests/hostile, tests/bench and demo.sh; owns everything it starts and takes
# it all down on exit. Nothing outside its own namespaces and its own folder under $TMPDIR is touched.
#
#      lan                      gw (the concentrator)                    wan                  c1, c2, ...
#   +--------+  veth   +-----------------------------------+  veth  +-----------+  veth  +------------------+
#   | eth0   |---------| eth0 -- br0 -- tap0 ... [server]  |--------| w0 bridge |--------| wan0   [client]  |
#   | .77.10 |         |                            wan0   |        |           |        | tap0 .77.100 ... |
#   +--------+         +-----------------------------------+        +-----------+        +------------------+
#     LAN 192.168.77.0/24, fd77::/64          WAN 10.9.0.0/16, fd09::/64: gw is .0.1, client N is .0.(10+N)
#
# With one client and LAB_DIRECT=1 the wan namespace is left out and gw and c1 share one veth (tests/bench).
#
# The program under test is a parameter of each side:
#   LAB_SERVER, LAB_CLIENT   openvpn | drawbridged
#   DBR_DAEMON               path of drawbridged (tests take it from --daemon PATH or --build DIR)
# drawbridged is given `bridge br0 eth0` and does the bridging itself; for openvpn the lab makes TAP and bridge.
#
# A configuration is a list of default directives; lab_server_start and lab_client_start take overrides: a line
# replaces all default lines of the same keyword, "!keyword" removes them, "+line" adds one beside them.

LAB_SERVER=${LAB_SERVER:-drawbridged}
LAB_CLIENT=${LAB_CLIENT:-openvpn}
LAB_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_PYTHON=/usr/bin/python3
LAB_PORT=1194
LAB_DIR=
LAB_ID=
LAB_PIDS=()
LAB_SPACES=()
LAB_SRV_PID=
LAB_SRV_LOG=
LAB_RUN=0
LAB_NAP=
declare -A LAB_CLI_PID LAB_CLI_LOG LAB_EAR

# ------------------------------------------------------------------------------------------------- arguments

# lab_args "$@": takes --server P, --client P, --daemon PATH, --build DIR, --only REGEX, --pki DIR; the rest is left
# in LAB_REST.
lab_args() {
    LAB_REST=()
    LAB_ONLY=${LAB_ONLY:-}
    while [ $# -gt 0 ]; do
        case $1 in
        --server) LAB_SERVER=$2; shift 2 ;;
        --client) LAB_CLIENT=$2; shift 2 ;;
        --daemon) DBR_DAEMON=$2; shift 2 ;;
        --build) DBR_DAEMON=$2/server/keeper/drawbridged; shift 2 ;;
        --only) LAB_ONLY=$2; shift 2 ;;
        --pki) LAB_PKI=$2; shift 2 ;;
        *) LAB_REST+=("$1"); shift ;;
        esac
    done
    : "${DBR_DAEMON:=$LAB_LIB/../../build/release/server/keeper/drawbridged}"
    export DBR_DAEMON LAB_SERVER LAB_CLIENT LAB_ONLY
    [ -n "${LAB_PKI:-}" ] && export LAB_PKI
    return 0
}

# lab_have PROGRAM: true when that kind of end can be run; else LAB_WHY says why not.
lab_have() {
    case $1 in
    openvpn) command -v openvpn >/dev/null && return 0; LAB_WHY="openvpn is not installed" ;;
    drawbridged) [ -x "$DBR_DAEMON" ] && return 0; LAB_WHY="no drawbridged at $DBR_DAEMON" ;;
    *) LAB_WHY="no such program: $1" ;;
    esac
    return 1
}

# lab_knows LINE...: true when drawbridged accepts these directives on top of a plain server configuration, so that
# a test of something not built in this version is skipped with drawbridged's own words (LAB_WHY).
lab_knows() {
    local f=$LAB_DIR/knows.conf out
    lab_server_conf drawbridged "$@" >"$f"
    out=$("$DBR_DAEMON" --config "$f" --check-config 2>&1) && return 0
    LAB_WHY="refused by this version: $(printf '%s' "$out" | tail -n 1 | cut -c1-160)"
    return 1
}

# lab_has_client: true when drawbridged has the client role.
lab_has_client() {
    local f=$LAB_DIR/role.conf out
    lab_client_conf drawbridged c1 >"$f"
    out=$("$DBR_DAEMON" --config "$f" --check-config 2>&1) && return 0
    LAB_WHY="no client role yet: $(printf '%s' "$out" | tail -n 1 | cut -c1-160)"
    return 1
}

# ------------------------------------------------------------------------------------------------ life and death

# lab_begin NAME: the run folder, the namespace prefix and the trap that undoes both.
lab_begin() {
    [ "$(id -u)" = 0 ] || { echo "$0: needs root (network namespaces)" >&2; exit 1; }
    LAB_ID=${LAB_ID:-db$$}
    LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/drawbridge-$1.XXXXXX") || exit 1
    chmod 755 "$LAB_DIR"
    lab_nap 0
    trap lab_end EXIT
    trap 'exit 130' INT TERM HUP
}

# lab_end: ends own processes, deletes own namespaces, removes the run folder (kept when LAB_KEEP_DIR is set).
lab_end() {
    local p n status=$?
    trap - EXIT
    trap '' INT TERM HUP # a second signal must not leave half of it behind
    lab_nap 0.001 # ends the timer of one that a signal has interrupted: bash 5.2 would abort at the next $(...)
    for p in "${LAB_PIDS[@]}"; do lab_signal "$p" TERM; done
    for n in "${LAB_SPACES[@]}"; do lab_drain "$n"; done
    for p in "${LAB_PIDS[@]}"; do lab_signal "$p" KILL; done
    for n in "${LAB_SPACES[@]}"; do ip netns del "$LAB_ID-$n" 2>/dev/null; done
    if [ -n "${LAB_KEEP_DIR:-}" ]; then
        echo "logs kept in $LAB_DIR" >&2
    elif [ -n "$LAB_DIR" ]; then
        rm -rf "$LAB_DIR"
    fi
    exit "$status"
}

# lab_drain SPACE: whatever still lives in one of our own namespaces is asked to end, then made to (2 s).
lab_drain() {
    local i p pids
    for i in $(seq 40); do
        pids=$(ip netns pids "$LAB_ID-$1" 2>/dev/null)
        [ -z "$pids" ] && return 0
        for p in $pids; do
            if [ "$i" -lt 35 ]; then kill -TERM "$p" 2>/dev/null; else kill -KILL "$p" 2>/dev/null; fi
        done
        lab_nap 0.05
    done
}

# lab_nap SECONDS: a sleep without a process: of a pipe that nobody writes to. (One process substitution a nap did the
# same; when the numbers of processes came round, bash took a child for one of those that had been and waited for ever.)
lab_nap() {
    local f
    if [ -z "$LAB_NAP" ]; then
        f=$(mktemp -u "${TMPDIR:-/tmp}/drawbridge-nap.XXXXXX")
        mkfifo -m 600 "$f" && exec {LAB_NAP}<>"$f"
        rm -f "$f"
    fi
    read -r -t "$1" -u "$LAB_NAP" || true
}

# lab_now_ms: monotonic-enough milliseconds.
lab_now_ms() {
    local t=$EPOCHREALTIME
    t=${t/[.,]/}
    echo $((t / 1000))
}

# lab_until SECONDS CMD...: polls CMD every 20 ms; false when it never succeeded. The seconds are what an idle machine may
# need; a busy one gets LAB_SLACK times as many, since nothing is proved by its being late. lab_within takes them as they
# are: for what must not happen meanwhile, and for limits that are themselves what is tested.
LAB_SLACK=${LAB_SLACK:-4}
lab_until() {
    local seconds=$1 && shift
    lab_within "$LAB_SLACK*$seconds" "$@"
}
lab_within() {
    local end=$(($(lab_now_ms) + $(LC_ALL=C awk "BEGIN{printf \"%d\", ($1) * 1000}"))) && shift
    until "$@" >/dev/null 2>&1; do
        [ "$(lab_now_ms)" -ge $end ] && return 1
        lab_nap 0.02
    done
}

# lab_wait_log FILE REGEX SECONDS [COUNT]: until the log holds at least COUNT (1) matching lines.
lab_wait_log() {
    lab_until "$3" lab_log_has "$1" "$2" "${4:-1}"
}

lab_log_has() {
    [ "$(grep -cE -- "$2" "$1" 2>/dev/null || true)" -ge "${3:-1}" ] 2>/dev/null
}

# ---------------------------------------------------------------------------------------------------- topology

# x SPACE CMD...: a command inside one of our namespaces.
x() {
    local n=$1
    shift
    ip netns exec "$LAB_ID-$n" "$@"
}

# lab_bg SPACE LOG CMD...: a background process of ours; its pid in LAB_PID.
lab_bg() {
    local n=$1 log=$2
    shift 2
    ip netns exec "$LAB_ID-$n" "$@" >>"$log" 2>&1 </dev/null &
    LAB_PID=$!
    LAB_PIDS+=("$LAB_PID")
}

# lab_stop PID [SIGNAL [SECONDS]]: ends one process of ours; its exit status in LAB_STATUS. False when it had to be
# killed.
lab_stop() {
    local p=$1 good=0
    lab_signal "$p" "${2:-TERM}"
    lab_until "${3:-5}" lab_gone "$p" || { good=1; lab_signal "$p" KILL; }
    wait "$p" 2>/dev/null
    LAB_STATUS=$?
    return $good
}

# lab_signal PID SIGNAL: only to a live child of this shell, so that a number that was given to somebody else's
# process meanwhile is left alone.
lab_signal() {
    [ "$(cut -d' ' -f4 "/proc/$1/stat" 2>/dev/null)" = $$ ] && kill -"$2" "$1" 2>/dev/null
}

# A process that has ended but is not waited for yet is gone too.
lab_gone() {
    local s
    s=$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null) || return 0
    [ -z "$s" ] || [ "$s" = Z ]
}

lab_space() {
    ip netns add "$LAB_ID-$1" || return 1
    LAB_SPACES+=("$1")
    ip -n "$LAB_ID-$1" link set lo up
    x "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
}

# lab_link SPACE DEV SPACE DEV [MTU]
lab_link() {
    ip -n "$LAB_ID-$1" link add "$2" mtu "${5:-1500}" type veth peer name "$4" mtu "${5:-1500}" netns "$LAB_ID-$3" &&
        ip -n "$LAB_ID-$1" link set "$2" up && ip -n "$LAB_ID-$3" link set "$4" up
}

lab_addr() {
    local n=$1 d=$2
    shift 2
    for a in "$@"; do ip -n "$LAB_ID-$n" addr add "$a" dev "$d" $([[ $a == *:* ]] && echo nodad); done
}

# lab_office CLIENTS: the picture above.
lab_office() {
    local i n=${1:-1}
    lab_space lan && lab_space gw && lab_link lan eth0 gw eth0 || return 1
    lab_addr lan eth0 192.168.77.10/24 fd77::10/64
    # The LAN's card of the concentrator is for the bridge only: it takes no address and no route from the office.
    x gw sysctl -qw net.ipv6.conf.eth0.accept_ra=0 net.ipv6.conf.default.accept_ra=0
    if [ "$n" = 1 ] && [ -n "${LAB_DIRECT:-}" ]; then
        lab_space c1 && lab_link c1 wan0 gw wan0 || return 1
        lab_addr c1 wan0 10.9.0.11/16 fd09::11/64
    else
        lab_wan "$n" || return 1
    fi
    lab_addr gw wan0 10.9.0.1/16 fd09::1/64
}

lab_wan() {
    local i
    lab_space wan || return 1
    ip -n "$LAB_ID-wan" link add w0 type bridge forward_delay 0 mcast_snooping 0
    ip -n "$LAB_ID-wan" link set w0 up
    lab_link gw wan0 wan gw && ip -n "$LAB_ID-wan" link set gw master w0 || return 1
    for i in $(seq "$1"); do lab_client_space "c$i" "$i" || return 1; done
}

# lab_client_space NAME N: one more client on the WAN, address .0.(10+N).
lab_client_space() {
    lab_space "$1" && lab_link "$1" wan0 wan "$1" && ip -n "$LAB_ID-wan" link set "$1" master w0 || return 1
    lab_addr "$1" wan0 "10.9.0.$((10 + $2))/16" "fd09::$((10 + $2))/64"
}

# lab_bridge_by_hand: what an OpenVPN admin scripts before the server starts.
lab_bridge_by_hand() {
    local n=$LAB_ID-gw
    ip -n "$n" link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
        ip -n "$n" tuntap add dev tap0 mode tap && ip -n "$n" link set eth0 master br0 &&
        ip -n "$n" link set tap0 master br0 && ip -n "$n" link set tap0 up && ip -n "$n" link set br0 up
}

lab_unbridge_by_hand() {
    ip -n "$LAB_ID-gw" tuntap del dev tap0 mode tap 2>/dev/null
    ip -n "$LAB_ID-gw" link del br0 2>/dev/null
}

# --------------------------------------------------------------------------------------------- throw-away PKI

# lab_pki: LAB_PKI with ca, server, c1..c3 (good), gone (revoked), late (expired), stranger (another CA), crl.pem
# (names gone), crl0.pem (names nobody) and ta.key. RSA-2048 throughout. Made once and shared when LAB_PKI is set.
lab_pki() {
    LAB_PKI=${LAB_PKI:-$LAB_DIR/pki}
    export LAB_PKI
    [ -f "$LAB_PKI/done" ] && return 0
    mkdir -p "$LAB_PKI/new"
    : >"$LAB_PKI/index.txt"
    echo 1000 >"$LAB_PKI/serial"
    echo 01 >"$LAB_PKI/crlnumber"
    lab_ca_config >"$LAB_PKI/ca.cnf"
    {
        lab_self_signed ca "Throw-away CA" && lab_self_signed stranger-ca "Another CA" &&
            lab_issue server server_ext && lab_issue c1 client_ext && lab_issue c2 client_ext &&
            lab_issue c3 client_ext && lab_issue gone client_ext &&
            lab_issue late client_ext -startdate 200101000000Z -enddate 200201000000Z &&
            lab_crl crl0.pem && lab_revoke gone && lab_crl crl.pem && lab_stranger && lab_static_key "$LAB_PKI/ta.key"
    } >"$LAB_DIR/pki.log" 2>&1 || { cat "$LAB_DIR/pki.log" >&2; return 1; }
    chmod 600 "$LAB_PKI"/*.key
    : >"$LAB_PKI/done"
}

lab_ca_config() {
    cat <<-CNF
	[ca]
	default_ca = me
	[me]
	dir = $LAB_PKI
	database = \$dir/index.txt
	new_certs_dir = \$dir/new
	serial = \$dir/serial
	crlnumber = \$dir/crlnumber
	certificate = \$dir/ca.crt
	private_key = \$dir/ca.key
	default_md = sha256
	default_days = 30
	default_crl_days = 30
	policy = any
	unique_subject = no
	[any]
	commonName = supplied
	[req]
	distinguished_name = dn
	[dn]
	[ca_ext]
	basicConstraints = critical,CA:TRUE
	keyUsage = critical,keyCertSign,cRLSign
	subjectKeyIdentifier = hash
	[server_ext]
	basicConstraints = CA:FALSE
	keyUsage = critical,digitalSignature,keyEncipherment
	extendedKeyUsage = serverAuth
	nsCertType = server
	[client_ext]
	basicConstraints = CA:FALSE
	keyUsage = critical,digitalSignature
	extendedKeyUsage = clientAuth
	nsCertType = client
	CNF
}

lab_self_signed() {
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 30 -subj "/CN=$2" -config "$LAB_PKI/ca.cnf" \
        -extensions ca_ext -keyout "$LAB_PKI/$1.key" -out "$LAB_PKI/$1.crt"
}

# lab_issue NAME EXTENSIONS [openssl ca options...]
lab_issue() {
    local n=$1 e=$2
    shift 2
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$n" -config "$LAB_PKI/ca.cnf" -keyout "$LAB_PKI/$n.key" \
        -out "$LAB_PKI/$n.csr" &&
        openssl ca -batch -notext -config "$LAB_PKI/ca.cnf" -extensions "$e" -in "$LAB_PKI/$n.csr" \
            -out "$LAB_PKI/$n.crt" "$@"
}

lab_stranger() {
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=c1" -config "$LAB_PKI/ca.cnf" \
        -keyout "$LAB_PKI/stranger.key" -out "$LAB_PKI/stranger.csr" &&
        openssl x509 -req -in "$LAB_PKI/stranger.csr" -CA "$LAB_PKI/stranger-ca.crt" \
            -CAkey "$LAB_PKI/stranger-ca.key" -set_serial 7 -days 30 -extfile "$LAB_PKI/ca.cnf" \
            -extensions client_ext -out "$LAB_PKI/stranger.crt"
}

lab_revoke() { openssl ca -batch -config "$LAB_PKI/ca.cnf" -revoke "$LAB_PKI/$1.crt"; }
lab_crl() { openssl ca -batch -config "$LAB_PKI/ca.cnf" -gencrl -out "$LAB_PKI/$1"; }

# lab_static_key FILE: 2048 random bits in the static key file format.
lab_static_key() {
    {
        echo '-----BEGIN OpenVPN Static key V1-----'
        openssl rand -hex 256 | fold -w 32
        echo '-----END OpenVPN Static key V1-----'
    } >"$1"
}

# ---------------------------------------------------------------------------------------------- configurations

lab_server_defaults() {
    cat <<-CONF
	dev tap0
	proto udp
	port $LAB_PORT
	ca $LAB_PKI/ca.crt
	cert $LAB_PKI/server.crt
	key $LAB_PKI/server.key
	dh none
	tls-auth $LAB_PKI/ta.key 0
	auth SHA256
	data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
	server-bridge 192.168.77.1 255.255.255.0 192.168.77.100 192.168.77.150
	keepalive 10 60
	status $LAB_DIR/server.status 1
	verb 4
	CONF
    [ "$1" = drawbridged ] && echo "bridge br0 eth0"
    return 0
}

lab_client_defaults() {
    local c=$2
    case $c in c[123]) ;; *) c=c1 ;; esac
    cat <<-CONF
	client
	dev tap0
	proto udp
	remote 10.9.0.1 $LAB_PORT
	nobind
	ca $LAB_PKI/ca.crt
	cert $LAB_PKI/$c.crt
	key $LAB_PKI/$c.key
	tls-auth $LAB_PKI/ta.key 1
	auth SHA256
	data-ciphers AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305
	remote-cert-tls server
	connect-retry 1 2
	verb 4
	CONF
}

# lab_merge OVERRIDES...: defaults on stdin, the configuration on stdout.
lab_merge() {
    local line o key drop=" "
    for o in "$@"; do
        case $o in
        +*) ;;
        !*) drop+="${o#!} " ;;
        *) drop+="${o%% *} " ;;
        esac
    done
    while IFS= read -r line; do
        key=${line%% *}
        case $drop in *" $key "*) ;; *) printf '%s\n' "$line" ;; esac
    done
    for o in "$@"; do
        case $o in !*) ;; *) printf '%s\n' "${o#+}" ;; esac
    done
}

lab_server_conf() {
    local p=$1
    shift
    lab_server_defaults "$p" | lab_merge "$@"
}

lab_client_conf() {
    local p=$1 n=$2
    shift 2
    lab_client_defaults "$p" "$n" | lab_merge "$@"
}

lab_program() {
    if [ "$1" = drawbridged ]; then echo "$DBR_DAEMON"; else command -v openvpn; fi
}

# ------------------------------------------------------------------------------------------------ server, client

# lab_server_start [OVERRIDES... | @FILE]: starts LAB_SERVER in gw, with the defaults and overrides or with a whole
# file, and waits until it serves. LAB_SRV_PID, LAB_SRV_LOG.
lab_server_start() {
    LAB_RUN=$((LAB_RUN + 1))
    LAB_SRV_LOG=$LAB_DIR/server.$LAB_RUN.log
    case ${1:-} in
    @*) cp "${1#@}" "$LAB_DIR/server.$LAB_RUN.conf" ;;
    *) lab_server_conf "$LAB_SERVER" "$@" >"$LAB_DIR/server.$LAB_RUN.conf" ;;
    esac
    rm -f "$LAB_DIR/server.status"
    : >"$LAB_SRV_LOG"
    [ "$LAB_SERVER" = openvpn ] && { lab_bridge_by_hand || return 1; }
    lab_bg gw "$LAB_SRV_LOG" "$(lab_program "$LAB_SERVER")" --config "$LAB_DIR/server.$LAB_RUN.conf"
    LAB_SRV_PID=$LAB_PID
    lab_until 10 lab_served || return 1
    ip -n "$LAB_ID-gw" addr replace 192.168.77.1/24 dev br0 2>/dev/null
    ip -n "$LAB_ID-gw" addr replace fd77::1/64 dev br0 nodad 2>/dev/null
    lab_log_has "$LAB_SRV_LOG" "Initialization Sequence Completed"
}

lab_served() {
    lab_log_has "$LAB_SRV_LOG" "Initialization Sequence Completed" || lab_gone "$LAB_SRV_PID"
}

# lab_server_stop: SIGTERM; false when it hung, or ended with another status than 0.
lab_server_stop() {
    local good=0
    [ -n "$LAB_SRV_PID" ] || return 0
    lab_stop "$LAB_SRV_PID" || good=1
    [ "$LAB_STATUS" = 0 ] || good=1
    LAB_SRV_PID=
    [ "$LAB_SERVER" = openvpn ] && lab_unbridge_by_hand
    return $good
}

# lab_client_spawn NAME [OVERRIDES...]: starts LAB_CLIENT in that namespace; waits for nothing.
lab_client_spawn() {
    local n=$1
    shift
    LAB_RUN=$((LAB_RUN + 1))
    LAB_CLI_LOG[$n]=$LAB_DIR/$n.$LAB_RUN.log
    lab_client_conf "$LAB_CLIENT" "$n" "$@" >"$LAB_DIR/$n.$LAB_RUN.conf"
    : >"${LAB_CLI_LOG[$n]}"
    lab_bg "$n" "${LAB_CLI_LOG[$n]}" "$(lab_program "$LAB_CLIENT")" --config "$LAB_DIR/$n.$LAB_RUN.conf"
    LAB_CLI_PID[$n]=$LAB_PID
}

# lab_client_start NAME [OVERRIDES...]: starts a client and waits until it is connected (LAB_PATIENCE, 10 s, and the slack).
lab_client_start() {
    lab_client_spawn "$@"
    lab_client_wait "$1"
}

lab_client_wait() {
    lab_until "${LAB_PATIENCE:-10}" lab_client_settled "$1"
    lab_log_has "${LAB_CLI_LOG[$1]}" "Initialization Sequence Completed"
}

lab_client_settled() {
    lab_log_has "${LAB_CLI_LOG[$1]}" "Initialization Sequence Completed" || lab_gone "${LAB_CLI_PID[$1]}"
}

lab_client_stop() {
    [ -n "${LAB_CLI_PID[$1]:-}" ] || return 0
    lab_stop "${LAB_CLI_PID[$1]}" "${2:-TERM}"
    LAB_CLI_PID[$1]=
    ip -n "$LAB_ID-$1" link del tap0 2>/dev/null
    return 0
}

# lab_all_stop: clients, then the server; false when the server did not end well.
lab_all_stop() {
    local n
    for n in "${!LAB_CLI_PID[@]}"; do lab_client_stop "$n"; done
    LAB_CLI_LOG=()
    lab_server_stop
}

# lab_sanitized: true when no log of this run holds a sanitizer's report.
lab_sanitized() {
    ! grep -qE 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$LAB_DIR"/*.log
}

# ------------------------------------------------------------------------------------------------- measurements

# lab_ping SPACE ADDRESS [SECONDS]: true when one echo came back in time.
lab_ping() { lab_until "${3:-3}" lab_ping_once "$1" "$2"; }
# lab_no_ping SPACE ADDRESS [SECONDS]: true when none came back.
lab_no_ping() { ! lab_within "${3:-1}" lab_ping_once "$1" "$2"; }
lab_ping_once() { x "$1" ping -n -q -c 1 -W 1 "$2"; }
# lab_echoes SPACE ADDRESS COUNT GAP [--size BYTES] [--df] [--wait SECONDS]: where each one counts (echoes.py says why); ping's last lines.
lab_echoes() {
    local n=$1
    shift
    x "$n" $LAB_PYTHON "$LAB_LIB/echoes.py" "$@"
}

# lab_cpu PID: CPU seconds of a process and all below it (keeper, control, data, ...).
lab_cpu() { $LAB_PYTHON "$LAB_LIB/proctree.py" cpu "$1"; }
# lab_rss PID, lab_pss PID: kB of the same.
lab_rss() { $LAB_PYTHON "$LAB_LIB/proctree.py" rss "$1"; }
lab_pss() { $LAB_PYTHON "$LAB_LIB/proctree.py" pss "$1"; }
# lab_anon PID: kB of anonymous memory of the same: what sessions cost, untouched by who else maps the libraries.
lab_anon() { $LAB_PYTHON "$LAB_LIB/proctree.py" anon "$1"; }

# lab_iperf_server SPACE: an iperf3 server on the LAN side; waits until it listens.
lab_iperf_server() {
    : >"$LAB_DIR/iperf3-$1.log" # an earlier one listened too
    lab_bg "$1" "$LAB_DIR/iperf3-$1.log" iperf3 -s --forceflush
    LAB_IPERF_PID=$LAB_PID
    lab_wait_log "$LAB_DIR/iperf3-$1.log" "Server listening" 5
}

# lab_iperf SPACE TARGET [iperf3 options...]: one run, JSON on stdout. A server that is not done with the run before
# refuses the next one: that is asked again.
lab_iperf() {
    local n=$1 t=$2 i out status
    shift 2
    for i in $(seq 20); do
        out=$(x "$n" timeout 60 iperf3 -J -c "$t" "$@")
        status=$?
        [[ $out == *"server is busy"* ]] || break
        lab_nap 0.2
    done
    printf '%s\n' "$out"
    return $status
}

# lab_thrice CMD...: a measurement that a busy machine may spoil: true when one of three was good.
lab_thrice() {
    local i
    for i in 1 2 3; do
        "$@" && { T_WHY=; return 0; }
    done
    return 1
}

# lab_mbps: iperf3 JSON on stdin, received Mbit/s on stdout.
lab_mbps() {
    $LAB_PYTHON -c 'import json,sys
e=json.load(sys.stdin)["end"]
print("%.1f" % ((e.get("sum_received") or e["sum"])["bits_per_second"]/1e6))'
}

# lab_status_has NAME: the server's status file (version 1) lists a client of that name.
lab_status_has() { grep -q "^$1,[0-9a-f]" "$LAB_DIR/server.status" 2>/dev/null; }
lab_status_lacks() { [ -s "$LAB_DIR/server.status" ] && ! lab_status_has "$1"; }

# lab_tunnel_ip SPACE: the IPv4 address of tap0, without its prefix length.
lab_tunnel_ip() { x "$1" ip -4 -br addr show tap0 | awk '{sub(/\/.*/, "", $3); print $3}'; }

# lab_mac SPACE DEV
lab_mac() { x "$1" cat "/sys/class/net/$2/address"; }

# lab_hear SPACE DEV NAME [frames.py options...]: listens in the background; lab_heard NAME waits for its verdict.
lab_hear() {
    local n=$1 d=$2 f=$LAB_DIR/heard.$3
    shift 3
    rm -f "$f"
    lab_bg "$n" "$f" $LAB_PYTHON "$LAB_LIB/frames.py" hear "$d" "$@"
    LAB_EAR[${f##*.}]=$LAB_PID
    lab_wait_log "$f" ready 3
}
lab_heard() {
    local p=${LAB_EAR[$1]}
    wait "$p"
}
lab_send() {
    local n=$1 d=$2
    shift 2
    x "$n" $LAB_PYTHON "$LAB_LIB/frames.py" send "$d" "$@"
}

# lab_tails: the ends of this run's logs, for a failure's report.
lab_tails() {
    local f
    for f in "$LAB_SRV_LOG" "${LAB_CLI_LOG[@]}"; do
        [ -s "$f" ] || continue
        echo "      --- ${f##*/}" >&2
        tail -n "${LAB_TAIL:-12}" "$f" | cut -c1-200 | sed 's/^/      /' >&2
    done
}
