#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The death of a certificate: lists from file, URL and control socket, what is refused, OCSP, certificates that end;
# and SIGHUP, by which keys, certificates and settings change while sessions live.
# Options as in handshake.sh. The server is drawbridged; clients are LAB_CLIENT. Each case has certificates of its own
# CA folder copy, so that a revocation in one is unknown to the next.
. "$(dirname "$0")/../lib/lab.sh"
. "$(dirname "$0")/../lib/report.sh"
lab_args "$@"
[ "$LAB_SERVER" = drawbridged ] || { echo "0 passed, 0 failed, 0 skipped"; exit 0; }
CTL=${DBR_DAEMON%/keeper/drawbridged}/ctl/drawbridge-ctl
lab_begin revocation
lab_pki || exit 1
lab_office 3 || { echo "FAIL revocation no namespaces"; exit 1; }
SHARED_PKI=$LAB_PKI
OCSP_PID= WEB_PID=

# fresh NAME: an own copy of the CA, an empty state folder, a list that names nobody in force.
fresh() {
    CASE=$LAB_DIR/case-$1
    [ -n "$OCSP_PID" ] && lab_stop "$OCSP_PID" KILL
    [ -n "$WEB_PID" ] && lab_stop "$WEB_PID" KILL
    OCSP_PID= WEB_PID=
    mkdir -p "$CASE/state"
    cp -r "$SHARED_PKI" "$CASE/pki"
    LAB_PKI=$CASE/pki
    lab_ca_config >"$LAB_PKI/ca.cnf"
    CRL=$CASE/crl.pem
    list >/dev/null && cp "$LAB_PKI/list.pem" "$CRL"
    SOCK=$CASE/ctl.sock
}
# list [openssl ca options]: a new list of the case's CA in list.pem.
list() { openssl ca -batch -config "$LAB_PKI/ca.cnf" -gencrl -out "$LAB_PKI/list.pem" "$@" 2>>"$LAB_DIR/pki.log"; }
revoke() { lab_revoke "$1" >>"$LAB_DIR/pki.log" 2>&1 && list; }
put() { cp "$LAB_PKI/list.pem" "$CRL.new" && mv "$CRL.new" "$CRL"; }
ctl() { "$CTL" --socket "$SOCK" "$@"; }

serve() { # [OVERRIDES]: with crl-verify, a state folder and a control socket
    lab_server_start "crl-verify $CRL" "state-dir $CASE/state" "control-socket $SOCK" "$@" || why "server does not start"
}
join() {
    lab_client_start "$@" || why "$1 does not connect" || return
    lab_ping "$1" 192.168.77.10 || why "no ping from $1"
}
# How a client learns of it, and that it does not come back.
told() { # NAME REASON
    lab_wait_log "${LAB_CLI_LOG[$1]}" "AUTH_FAILED,$2" "${3:-5}" || why "$1 did not hear '$2'"
}
lives() { lab_ping "$1" 192.168.77.10 2 || why "$1 lost its tunnel"; }
refused_entry() { # NAME: a new connection fails
    lab_client_stop "$1"
    lab_client_spawn "$1"
    lab_nap 3
    ! lab_log_has "${LAB_CLI_LOG[$1]}" "Initialization Sequence Completed" || why "$1 came back"
}
logged() { lab_wait_log "$LAB_SRV_LOG" "$1" "${2:-5}" "${3:-1}" || why "the log lacks '$1'"; }

# The moment a file is on disk to the last echo that came back, in ms: CUT_MS.
cut_time() { # NAME COMMAND...
    local n=$1 t0 last
    shift
    (x "$n" ping -D -n -i 0.02 -w 4 192.168.77.10 >"$CASE/ping.log" 2>&1) &
    local p=$!
    lab_nap 1
    t0=$EPOCHREALTIME
    "$@" || return
    t1=$EPOCHREALTIME
    wait $p
    last=$(grep 'bytes from' "$CASE/ping.log" | tail -n 1 | sed 's/^\[\([0-9.]*\)\].*/\1/')
    CUT_MS=$(LC_ALL=C awk "BEGIN{printf \"%d\", ($last - ${t1/,/.}) * 1000}")
}

file_swap() {
    fresh swap && serve && join c1 && join c2 || return
    revoke c1
    cut_time c1 put || return
    [ "$CUT_MS" -le 1000 ] || why "frames passed for $CUT_MS ms" || return
    T_NOTE="last frame $CUT_MS ms after the list was on disk"
    told c1 "Certificate revoked" && lives c2 && refused_entry c1
}

# Two others ping at 500 packets/s while a list comes that ends the first: they lose nothing.
bystanders() {
    fresh bystanders && serve && join c1 && join c2 && join c3 || return
    local n
    local p=()
    for n in c2 c3; do
        lab_echoes $n 192.168.77.10 2000 0.002 >"$CASE/$n.ping" 2>&1 &
        p+=($!)
    done
    lab_nap 1
    revoke c1 && put
    told c1 "Certificate revoked" || return
    ! lab_gone "${p[0]}" && ! lab_gone "${p[1]}" || why "the echoes had ended before" || return
    wait "${p[@]}"
    for n in c2 c3; do
        grep -q ' 0% packet loss' "$CASE/$n.ping" ||
            why "$n lost echoes: $(grep transmitted "$CASE/$n.ping")" || return
    done
    T_NOTE="$(awk '/transmitted/ {s += $1; r += $4} END {print r " of " s " echoes"}' "$CASE"/c?.ping)"
}

# A list of a million entries: frames and handshakes go on while it is verified, and it counts.
million() {
    fresh million && serve && join c1 && join c2 || return
    local i started n worst
    lab_echoes c1 192.168.77.10 4000 0.002 >"$CASE/ping" 2>&1 &
    local pinger=$!
    awk 'BEGIN {for (i = 0; i < 1000000; i++) printf "R\t350101000000Z\t260101000000Z\t%010X\tunknown\t/CN=x%d\n", 268435456 + 7 * i, i}' >>"$LAB_PKI/index.txt"
    revoke c2 || why "no list" || return
    put
    for i in 1 2 3; do
        started=$(lab_now_ms)
        lab_client_stop c3
        lab_client_start c3 || why "no handshake while the list is verified" || return
        n=$(($(lab_now_ms) - started))
        [ "$n" -lt 3000 ] || why "a handshake took $n ms" || return
    done
    told c2 "Certificate revoked" 20 || return
    logged "1000001 revoked|100000[0-9] revoked" || return
    wait "$pinger"
    grep -q ' 0% packet loss' "$CASE/ping" ||
        why "echoes were lost: $(grep transmitted "$CASE/ping")" || return
    worst=$(awk -F/ '/^rtt/ {print $6}' "$CASE/ping")
    T_NOTE="$(awk '/transmitted/ {print $4 " of " $1 " echoes"}' "$CASE/ping"), the longest $worst ms"
}

half_written() {
    fresh half && serve && join c1 || return
    revoke c1
    head -c 300 "$LAB_PKI/list.pem" >"$CRL"
    logged 'ALARM: CRL file .* refused' && lives c1 || return
    cat "$LAB_PKI/list.pem" >"$CRL"
    told c1 "Certificate revoked"
}

rollback() {
    fresh rollback && cp "$CRL" "$CASE/old.pem" && serve && join c1 || return
    list && put && logged 'CRL: loaded .*crlNumber' 5 2 || return
    cp "$CASE/old.pem" "$LAB_PKI/list.pem" && put
    logged 'ALARM: CRL file .* refused: .*(crlNumber|thisUpdate)' && lives c1 || return
    lab_all_stop
    ! serve || why "a rolled back list was believed after a restart" || return
    lab_log_has "$LAB_SRV_LOG" 'its crlNumber is below the last one accepted' || why "no reason in the log" || return
    list && put && serve && join c1
}

wrong_ca() {
    fresh wrong && serve && join c1 || return
    openssl ca -batch -config "$LAB_PKI/ca.cnf" -gencrl -cert "$LAB_PKI/stranger-ca.crt" -keyfile "$LAB_PKI/stranger-ca.key" \
        -out "$LAB_PKI/list.pem" 2>/dev/null && put || why "no foreign list made" || return
    logged 'ALARM: CRL file .* refused' && lives c1
}

gone_file() {
    fresh gone && serve && join c1 || return
    rm "$CRL"
    logged 'is gone or cannot be read' && lives c1 || return
    revoke c1 && put && told c1 "Certificate revoked"
}

expires() {
    fresh expires && list -crlsec 8 && put && serve && join c1 || return
    logged 'ALARM: less than 50 % of the CRL' 8 && logged 'ALARM: less than 25 % of the CRL' 8 &&
        logged 'ALARM: the CRL .* expired at .*drawbridge-ca crl' 8 || return
    lives c1 && refused_entry c2 || return # live sessions go on, nobody new enters
    lab_client_stop c2
    list && put && logged 'CRL: loaded' 5 2 && join c2
}

stale_keep() {
    fresh keep && list -crlsec 2 && put && serve "crl-stale keep" || return
    logged 'ALARM: the CRL .* expired at .*crl-stale keep' 8 && join c1
}

web() { # serves the case's folder www on the LAN
    mkdir -p "$CASE/www"
    lab_bg lan "$CASE/web.log" $LAB_PYTHON -u -m http.server 8080 --bind 192.168.77.10 --directory "$CASE/www"
    WEB_PID=$LAB_PID
    lab_wait_log "$CASE/web.log" "Serving HTTP" 15 || why "no web server"
}
# Dated a minute back, where a newer one is to follow: Last-Modified counts seconds.
hang_list() { openssl crl -in "$LAB_PKI/list.pem" -outform DER -out "$CASE/www/new" && touch -d "-${1:-0} seconds" "$CASE/www/new" && mv "$CASE/www/new" "$CASE/www/crl.der"; }

from_url() {
    fresh url && web && hang_list 60 || return
    lab_server_start "crl-url http://192.168.77.10:8080/crl.der 2" "state-dir $CASE/state" "control-socket $SOCK" || why "server does not start" || return
    logged 'CRL: loaded .*http://' 15 && join c1 && join c2 || return
    revoke c1 && hang_list
    told c1 "Certificate revoked" 6 && lives c2 || return
    # what did not change is not sent again (Last-Modified), nor after a restart
    logged 'has nothing newer \(304\)' 6 && unchanged_after_restart "$CASE/web.log" || return
    join c2 || return
    # the web server dies: nobody is locked out, not even by a restart; the revoked one stays out
    lab_stop "$WEB_PID"
    logged 'ALARM: crl-url: ' 8 && lives c2 || return
    lab_client_stop c1
    lab_client_stop c2
    lab_server_stop
    lab_server_start "crl-url http://192.168.77.10:8080/crl.der 2" "state-dir $CASE/state" || why "no start without the web server" || return
    join c2 && refused_entry c1
}

# The log of the web server shows no other answer than 304 from the moment the daemon starts anew.
unchanged_after_restart() { # LOG
    lab_all_stop
    : >"$1"
    lab_server_start "crl-url http://192.168.77.10:8080/crl.der 2" "state-dir $CASE/state" "control-socket $SOCK" || why "no restart" || return
    lab_wait_log "$1" 'GET /crl.der.* 304' 6 || why "the list was fetched whole after a restart" || return
    ! grep -q 'GET /crl.der.* 200' "$1" || why "the list was fetched whole after a restart"
}

# The web server by its name, which is looked up under fetch's list of system calls. The name server is the daemon's
# alone, in a mount namespace.
url_of_a_name() {
    local real=$DBR_DAEMON status
    fresh name && web && hang_list || return
    lab_bg lan "$CASE/dns.log" dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --user=root --bind-interfaces \
        --listen-address=192.168.77.10 --address=/crl.office.test/192.168.77.10 --pid-file="$CASE/dns.pid" --log-queries --log-facility=-
    lab_wait_log "$CASE/dns.log" "started" 15 || why "no name server" || return
    echo "nameserver 192.168.77.10" >"$CASE/resolv.conf"
    printf '#!/bin/sh\nexec unshare -m sh -c '\''mount --bind "%s" /etc/resolv.conf && exec "$0" "$@"'\'' "%s" "$@"\n' \
        "$CASE/resolv.conf" "$real" >"$CASE/with-names"
    chmod 755 "$CASE/with-names"
    DBR_DAEMON=$CASE/with-names
    lab_server_start "crl-url http://crl.office.test:8080/crl.der 2" "state-dir $CASE/state"
    status=$?
    DBR_DAEMON=$real
    [ $status = 0 ] || why "server does not start" || return
    logged 'CRL: loaded .*http://crl.office.test' 15 && grep -q 'query.A. crl.office.test' "$CASE/dns.log" || why "the name server was not asked"
}

# drawbridge-ca as the web server: its ETag.
etag() {
    local ca=${DBR_DAEMON%/server/keeper/drawbridged}/certs/drawbridge-ca dir=$CASE/ca url=http://192.168.77.10:8082/crl.der
    fresh etag && dir=$CASE/ca || return
    "$ca" --dir "$dir" init "Tag CA" --no-pass >"$CASE/ca.log" 2>&1 || why "no CA" || return
    cat "$LAB_PKI/ca.crt" "$dir/ca.crt" >"$CASE/cas.crt"
    lab_bg lan "$CASE/serve.log" "$ca" --dir "$dir" serve --listen 192.168.77.10:8082
    WEB_PID=$LAB_PID
    lab_server_start "crl-url $url 2" "ca $CASE/cas.crt" "state-dir $CASE/state" || why "server does not start" || return
    logged "CRL: loaded .*$url" 10 && logged "$url has nothing newer \\(304\\)" 6 || return
    "$ca" --dir "$dir" crl >>"$CASE/ca.log" 2>&1 && logged "CRL: loaded .*$url" 6 2 || why "a new list was not seen" || return
    logged "$url has nothing newer" 6 2 || return
    lab_all_stop
    lab_server_start "crl-url $url 2" "ca $CASE/cas.crt" "state-dir $CASE/state" || why "no restart" || return
    logged "$url has nothing newer" 6 && ! lab_log_has "$LAB_SRV_LOG" 'bytes from http' || why "the list was fetched whole after a restart" || return
    # another list of CAs: what was accepted under the old one proves nothing
    lab_all_stop
    lab_server_start "crl-url $url 2" "ca $dir/ca.crt" "state-dir $CASE/state" || why "no restart" || return
    logged 'bytes from http' 6
}

hostile_web() {
    fresh hostile && list && put || return
    cat >"$CASE/hostile.py" <<'PY'
import socket, sys, threading, time
def serve(c):
    path = c.recv(4096).split(b" ")[1]
    try:
        if path == b"/redirect":
            c.sendall(b"HTTP/1.0 302 Found\r\nLocation: http://192.168.77.10:8081/other\r\n\r\n")
        elif path == b"/other":
            print("followed", flush=True)
        elif path == b"/endless":
            c.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            while True: c.sendall(bytes(1 << 20))
        elif path == b"/error":
            c.sendall(b"HTTP/1.0 500 Broken\r\n\r\n")
    except OSError as e: print("closed", path, flush=True)
    c.close()
s = socket.create_server(("192.168.77.10", 8081))
print("ready", flush=True)
while True: threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
PY
    lab_bg lan "$CASE/hostile.log" $LAB_PYTHON "$CASE/hostile.py"
    local p=$LAB_PID u
    lab_wait_log "$CASE/hostile.log" ready 5
    for u in redirect error endless; do
        serve "crl-url http://192.168.77.10:8081/$u 60" && logged "ALARM: crl-url: http://192.168.77.10:8081/$u: .*next attempt" 30 && join c1 || return
        lab_all_stop
    done
    lab_stop "$p"
    ! grep -q followed "$CASE/hostile.log" || why "a redirect was followed"
}

https_url() {
    fresh https && mkdir -p "$CASE/www" && hang_list || return
    cat >"$LAB_PKI/web.ext" <<-EXT
	basicConstraints = CA:FALSE
	keyUsage = critical,digitalSignature,keyEncipherment
	extendedKeyUsage = serverAuth
	subjectAltName = IP:192.168.77.10
	EXT
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=web -keyout "$LAB_PKI/web.key" -out "$LAB_PKI/web.csr" 2>/dev/null
    for ca in ca stranger-ca; do
        openssl x509 -req -in "$LAB_PKI/web.csr" -CA "$LAB_PKI/$ca.crt" -CAkey "$LAB_PKI/$ca.key" -set_serial 99 -days 3 \
            -extfile "$LAB_PKI/web.ext" -out "$LAB_PKI/web-$ca.crt" 2>/dev/null || why "no web certificate" || return
    done
    cat >"$CASE/https.py" <<'PY'
import http.server, ssl, sys
h = http.server.ThreadingHTTPServer(("192.168.77.10", int(sys.argv[1])), lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory=sys.argv[4]))
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain(sys.argv[2], sys.argv[3])
h.socket = c.wrap_socket(h.socket, server_side=True)
print("ready", flush=True); h.serve_forever()
PY
    lab_bg lan "$CASE/w1.log" $LAB_PYTHON "$CASE/https.py" 8443 "$LAB_PKI/web-ca.crt" "$LAB_PKI/web.key" "$CASE/www"
    lab_bg lan "$CASE/w2.log" $LAB_PYTHON "$CASE/https.py" 8444 "$LAB_PKI/web-stranger-ca.crt" "$LAB_PKI/web.key" "$CASE/www"
    lab_wait_log "$CASE/w1.log" ready 5 && lab_wait_log "$CASE/w2.log" ready 5 || why "no https server" || return
    lab_server_start "crl-url https://192.168.77.10:8444/crl.der 60" || why "server does not start" || return
    logged 'ALARM: crl-url: .*certificate verify failed' 15 || return
    lab_server_stop
    lab_server_start "crl-url https://192.168.77.10:8443/crl.der 60" || why "server does not start" || return
    logged 'CRL: loaded .*https://' 15 && join c1
}

pushed() {
    fresh push && cp "$CRL" "$CASE/old.pem" && serve && join c1 && join c2 || return
    revoke c1
    cut_time c1 ctl crl-push <"$LAB_PKI/list.pem" >"$CASE/push.out" || return
    [ "$CUT_MS" -le 1000 ] || why "frames passed for $CUT_MS ms" || return
    T_NOTE="last frame $CUT_MS ms after the push was answered"
    grep -q 'SUCCESS: CRL accepted, 1 session' "$CASE/push.out" || why "answer: $(cat "$CASE/push.out")" || return
    told c1 "Certificate revoked" && lives c2 || return
    ctl crl-push <"$CASE/old.pem" 2>&1 | grep -q 'ERROR: CRL refused' || why "an older list was taken" || return
    ctl crl-push </dev/null 2>&1 | grep -q 'ERROR: CRL refused' || why "nothing was taken as a list" || return
    ctl status | grep -q 'crl: crlNumber' || why "status says nothing of the list" || return
    # the file is still the old one: a restart does not bring c1 back, nor lock c2 out
    lab_all_stop
    serve && join c2 && refused_entry c1
}

kicked() {
    fresh kick && serve && join c1 && join c2 || return
    ctl kick c1 | grep -q 'SUCCESS' || why "kick did not answer" || return
    told c1 "Disconnected by the administrator" && lives c2
}

# A certificate that ends in so many seconds from when it is signed, which is last: a key may take its time.
brief_key() { lab_issue brief client_ext >>"$LAB_DIR/pki.log" 2>&1 || why "no certificate"; }
brief_joins() { # SECONDS
    openssl ca -batch -notext -config "$LAB_PKI/ca.cnf" -extensions client_ext -in "$LAB_PKI/brief.csr" -out "$LAB_PKI/brief.crt" \
        -enddate "$(date -u -d "+$1 seconds" +%y%m%d%H%M%SZ)" >>"$LAB_DIR/pki.log" 2>&1 || why "no short certificate" || return
    join c1 "cert $LAB_PKI/brief.crt" "key $LAB_PKI/brief.key"
}
ends() {
    fresh ends && brief_key && serve && join c2 && brief_joins 7 || return
    told c1 "Certificate expired" 12 && lives c2
}

# control is the child of keeper that has one thread.
control_pid() { sed -n 's/.*control: process //p' "$LAB_SRV_LOG" | tail -n 1 | grep .; }
# The same after control was killed: what data hands back ends with its certificate too, and others live on.
ends_without_control() {
    local control
    fresh ends2 && brief_key && serve && join c2 && brief_joins 9 || return
    control=$(control_pid) && kill -KILL "$control" || why "no control process" || return
    logged 'taken over from the data process' 5 2 && lives c1 || return
    logged 'certificate expired: session ended' 14 && lives c2 || return
    lab_no_ping c1 192.168.77.10 || why "frames of an ended certificate pass"
}

# crl-verify FOLDER dir: a file named like the serial number (decimal) appears, and the session ends.
folder() {
    fresh folder && mkdir -p "$CASE/revoked" || return
    local serial
    serial=$(openssl x509 -in "$LAB_PKI/c1.crt" -noout -serial | cut -d= -f2) && serial=$($LAB_PYTHON -c "print(int('$serial', 16))")
    lab_server_start "crl-verify $CASE/revoked dir" "control-socket $SOCK" || why "server does not start" || return
    join c1 && join c2 || return
    touch "$CASE/revoked/.$serial" "$CASE/revoked/1${serial}7" "$CASE/revoked/README"
    lab_nap 1.5 && lives c1 || why "another name ends it" || return
    cut_time c1 touch "$CASE/revoked/$serial" || return
    [ "$CUT_MS" -le 1000 ] || why "frames passed for $CUT_MS ms" || return
    T_NOTE="last frame $CUT_MS ms after the file appeared"
    told c1 "Certificate revoked" && lives c2 && refused_entry c1 || return
    lab_all_stop # and from the start on
    lab_server_start "crl-verify $CASE/revoked dir" "control-socket $SOCK" || why "server does not start" || return
    join c2 && refused_entry c1 || return
    rm -r "$CASE/revoked" && logged 'folder .* is gone or cannot be read; the serials known so far stay revoked' 5 && lives c2 && refused_entry c1 || return
    lab_all_stop
    ! lab_server_start "crl-verify $CASE/revoked dir" || why "it starts without the folder" || return
    mkdir "$CASE/revoked"
    lab_server_start "crl-verify $CASE/revoked dir" || why "an empty folder is no reason not to start" || return
    join c1
}

# Two CAs at once; each has its list; a revoked intermediate takes its clients with it.
two_cas() {
    fresh two || return
    cat "$LAB_PKI/ca.crt" "$LAB_PKI/stranger-ca.crt" >"$CASE/cas.crt"
    openssl ca -batch -config "$LAB_PKI/ca.cnf" -gencrl -cert "$LAB_PKI/stranger-ca.crt" -keyfile "$LAB_PKI/stranger-ca.key" \
        -out "$CASE/other.pem" 2>/dev/null
    cat "$LAB_PKI/list.pem" "$CASE/other.pem" >"$CRL"
    # both certificates bear the name c1
    serve "ca $CASE/cas.crt" duplicate-cn && join c1 && join c2 "cert $LAB_PKI/stranger.crt" "key $LAB_PKI/stranger.key" || return
    lives c1 || return
    revoke c1 && cat "$LAB_PKI/list.pem" "$CASE/other.pem" >"$CRL.new" && mv "$CRL.new" "$CRL"
    told c1 "Certificate revoked" && lives c2
}

intermediate() {
    fresh middle || return
    local d=$LAB_PKI
    printf '[sub_ext]\nbasicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign,cRLSign\n' >>"$d/ca.cnf"
    lab_issue sub sub_ext >>"$LAB_DIR/pki.log" 2>&1 || why "no intermediate" || return
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=deep -keyout "$d/deep.key" -out "$d/deep.csr" 2>/dev/null
    openssl x509 -req -in "$d/deep.csr" -CA "$d/sub.crt" -CAkey "$d/sub.key" -set_serial 5 -days 3 -extfile "$d/ca.cnf" \
        -extensions client_ext -out "$d/deep.crt" 2>/dev/null || why "no certificate under it" || return
    cat "$d/deep.crt" "$d/sub.crt" >"$d/deep-chain.crt"
    cat "$d/ca.crt" "$d/sub.crt" >"$CASE/cas.crt"
    list
    openssl ca -batch -config "$d/ca.cnf" -gencrl -cert "$d/sub.crt" -keyfile "$d/sub.key" -out "$CASE/sub.pem" 2>/dev/null
    cat "$d/list.pem" "$CASE/sub.pem" >"$CRL"
    serve "ca $CASE/cas.crt" && join c1 "cert $d/deep-chain.crt" "key $d/deep.key" && join c2 || return
    revoke sub && cat "$d/list.pem" "$CASE/sub.pem" >"$CRL.new" && mv "$CRL.new" "$CRL"
    told c1 "Certificate revoked" && lives c2
}

# ---------------------------------------------------------------------------------------------------- OCSP

responder() { # [openssl ocsp options]: the case's CA as an OCSP responder on the LAN
    lab_bg lan "$CASE/ocsp.log" openssl ocsp -index "$LAB_PKI/index.txt" -port 8888 -CA "$LAB_PKI/ca.crt" \
        -rsigner "$LAB_PKI/ocsp.crt" -rkey "$LAB_PKI/ocsp.key" -text "$@"
    OCSP_PID=$LAB_PID
    lab_until 5 x lan sh -c 'ss -ltn | grep -q :8888'
}
responder_cert() {
    printf '[ocsp_ext]\nbasicConstraints = CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = %s\nnoCheck = ignored\n' \
        "${1:-OCSPSigning}" >>"$LAB_PKI/ca.cnf"
    lab_issue ocsp ocsp_ext >>"$LAB_DIR/pki.log" 2>&1 || why "no responder certificate"
}
OCSP="ocsp http://192.168.77.10:8888/"

ocsp_good() {
    fresh ocsp-good && responder_cert && responder -nmin 5 || why "no responder" || return
    lab_server_start "$OCSP hard" || why "server does not start" || return
    join c1 && join c2
}

ocsp_revoked() {
    fresh ocsp-revoked && responder_cert && lab_revoke c1 >>"$LAB_DIR/pki.log" 2>&1 && responder -nmin 5 || why "no responder" || return
    lab_server_start "$OCSP soft" || why "server does not start" || return
    lab_client_spawn c1
    told c1 "Certificate revoked" 10 && join c2
}

ocsp_unknown() {
    fresh ocsp-unknown && responder_cert || return
    grep -v 'CN=c1$' "$LAB_PKI/index.txt" >"$LAB_PKI/less" && mv "$LAB_PKI/less" "$LAB_PKI/index.txt"
    responder -nmin 5 || why "no responder" || return
    lab_server_start "$OCSP soft" || why "server does not start" || return
    lab_client_spawn c1
    told c1 "Certificate unknown" 10
}

ocsp_dead() {
    fresh ocsp-dead || return
    lab_server_start "$OCSP soft" || why "server does not start" || return
    join c1 && logged 'WARNING: OCSP: no valid answer .*ocsp soft' || return
    lab_all_stop
    lab_server_start "$OCSP hard" || why "server does not start" || return
    lab_client_spawn c1
    told c1 "Certificate could not be checked" 10
}

# A responder whose certificate is not for that, and one whose answers have ended.
ocsp_liar() {
    fresh ocsp-liar && responder_cert clientAuth && responder -nmin 5 || why "no responder" || return
    lab_server_start "$OCSP hard" || why "server does not start" || return
    lab_client_spawn c1
    told c1 "Certificate could not be checked" 10 && logged 'OCSPSigning'
}

# Revoked while the session lives: noticed when the answer is asked for again, before it ends (1 minute).
ocsp_recheck() {
    fresh ocsp-recheck && responder_cert && responder -nmin 1 || why "no responder" || return
    lab_server_start "$OCSP hard" || why "server does not start" || return
    join c1 && join c2 || return
    lab_stop "$OCSP_PID" KILL
    lab_revoke c1 >>"$LAB_DIR/pki.log" 2>&1
    responder -nmin 1 || why "no responder" || return
    told c1 "Certificate revoked" 65 && lives c2
}

ocsp_cached() {
    fresh ocsp-cached && responder_cert && responder -nmin 5 || why "no responder" || return
    lab_server_start "$OCSP hard" || why "server does not start" || return
    join c1 || return
    lab_stop "$OCSP_PID" KILL
    lab_client_stop c1
    join c1 || why "a valid answer was not kept"
}

# ---------------------------------------------------------------------------------------------------- reload

change() { sed -i "$1" "$LAB_DIR/server.$LAB_RUN_SERVER.conf"; }
hup() { lab_signal "$LAB_SRV_PID" HUP; }
start_for_reload() {
    serve "$@" || return
    LAB_RUN_SERVER=$LAB_RUN
}

reload_takes() {
    fresh reload && start_for_reload 'push "setenv-safe a 1"' && join c1 || return
    change 's/setenv-safe a 1/setenv-safe b 2/; s/^verb .*/verb 5/; s/^max-clients.*//; $a max-clients 7' && hup
    logged 'reload: done' && logged 'reload: push has changed' && logged 'reload: max-clients cannot change' || return
    lives c1 && join c2 || return
    lab_log_has "$LAB_SRV_LOG" "SENT CONTROL .c2.*setenv-safe b 2" || why "the new push list is not used"
}

# One bad file: nothing changes, and one line says which.
reload_bad_file() {
    fresh reload-bad && start_for_reload && join c1 || return
    cp "$LAB_PKI/server.crt" "$CASE/good.crt"
    echo garbage >"$LAB_PKI/server.crt" && hup
    logged 'cert: .*server.crt|cert: ' && logged 'reload: given up' && lives c1 && join c2 || return
    mv "$LAB_PKI/server.crt" "$CASE/bad.crt" && hup
    logged 'cert: cannot read .*No such file.*nothing was changed' && lives c1 || return
    change 's/^auth .*/nonsense here/' && hup && logged 'nonsense' && logged 'reload: given up' 5 3 && lives c1 || return
    # a file that is shorter than it says, as one that somebody writes right now
    change 's#^nonsense here#config /sys/kernel/fscaps#' && hup && logged 'fscaps cannot be read' && logged 'reload: given up' 5 4 && lives c1
}

# Gate keys are rotated: the old one still lets in, then not any more; sessions live through both.
reload_gate() {
    fresh reload-gate && lab_static_key "$CASE/new.key" && start_for_reload && join c1 || return
    cp "$LAB_PKI/ta.key" "$CASE/old.key"
    change "s#^tls-auth .*#tls-auth $CASE/new.key 0#; \$a tls-auth-old $CASE/old.key" && hup && logged 'reload: done' || return
    lives c1 && join c2 && join c3 "tls-auth $CASE/new.key 1" || return
    lab_client_stop c2
    change '/^tls-auth-old/d' && hup && logged 'reload: done' 5 2 || return
    lives c1 && lives c3 && refused_entry c2
}

# The CA is rolled over: first both, then the new one alone.
reload_ca() {
    fresh reload-ca && cat "$LAB_PKI/ca.crt" >"$CASE/cas.crt" || return
    lab_server_start "ca $CASE/cas.crt" duplicate-cn || why "server does not start" || return
    join c1 || return
    cat "$LAB_PKI/ca.crt" "$LAB_PKI/stranger-ca.crt" >"$CASE/cas.crt" && hup && logged 'reload: done' || return
    lives c1 && join c2 "cert $LAB_PKI/stranger.crt" "key $LAB_PKI/stranger.key"
}

t_case crl_file_swap file_swap
t_case crl_others_lose_nothing bystanders
t_case crl_million million
t_case crl_half_written half_written
t_case crl_rollback rollback
t_case crl_wrong_ca wrong_ca
t_case crl_file_gone gone_file
t_case crl_expires expires
t_case crl_stale_keep stale_keep
t_case crl_url from_url
t_case crl_url_name url_of_a_name
t_case crl_url_etag etag
t_case crl_url_hostile hostile_web
t_case crl_url_https https_url
t_case crl_push pushed
t_case crl_folder folder
t_case kick kicked
t_case certificate_ends ends
t_case certificate_ends_after_restart ends_without_control
t_case two_cas two_cas
t_case intermediate_revoked intermediate
t_case ocsp_good ocsp_good
t_case ocsp_revoked ocsp_revoked
t_case ocsp_unknown ocsp_unknown
t_case ocsp_dead ocsp_dead
t_case ocsp_liar ocsp_liar
t_case ocsp_cached ocsp_cached
t_case ocsp_recheck ocsp_recheck
t_case reload_takes reload_takes
t_case reload_bad_file reload_bad_file
t_case reload_gate_key reload_gate
t_case reload_ca reload_ca
t_end
