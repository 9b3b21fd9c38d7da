# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers as they are in the field, on the management socket: each scenario sends exactly what that tool sends and
needs back what that tool needs.

    managers.py SCENARIO ADDRESS [PORT] [ARG]     ADDRESS is a path, or an address with PORT

Prints a note and ends with 0, or says what was wrong and ends with 1.
"""
import base64
import re
import socket
import subprocess
import sys
import tempfile
import time

GREETING = ">INFO:OpenVPN Management Interface Version 5 -- type 'help' for more info"
COLUMNS = ("Common Name,Real Address,Virtual Address,Virtual IPv6 Address,Bytes Received,Bytes Sent,Connected Since,"
           "Connected Since (time_t),Username,Client ID,Peer ID,Data Channel Cipher")


def need(good, what):
    if not good:
        sys.exit("needs: " + what)


class Manager:
    def __init__(self, address, port, password=None):
        if port:
            self.sock = socket.create_connection((address, port), 5)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(5)
            self.sock.connect(address)
        self.sock.settimeout(5)
        self.kept = b""
        self.news = []
        if password is not None:
            need(self.until(b"ENTER PASSWORD:") == b"", "the password prompt first")
            self.send(password)

    def until(self, mark):
        while mark not in self.kept:
            more = self.sock.recv(65536)
            need(more, "an answer, got the end after %r" % self.kept[-200:])
            self.kept += more
        text, self.kept = self.kept.split(mark, 1)
        return text

    def line(self):
        text = self.until(b"\r\n").decode()
        need("\n" not in text and "\r" not in text, "CRLF at the end of each line: %r" % text)
        return text

    def reply(self):
        """The next line that is not a notification."""
        while True:
            text = self.line()
            if not text.startswith(">"):
                return text
            self.news.append(text)

    def send(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def ask(self, text):
        self.send(text)
        return self.reply()

    def ask_all(self, text):
        """The lines before END."""
        self.send(text)
        lines = []
        while not lines or lines[-1] != "END":
            lines.append(self.reply())
        return lines[:-1]

    def wait(self, pattern, seconds=30):
        """A notification that matches, heard already or within these seconds."""
        end = time.monotonic() + seconds
        while True:
            for text in self.news:
                if re.match(pattern, text):
                    self.news = self.news[self.news.index(text) + 1:]
                    return text
            self.news = []
            need(time.monotonic() < end, "a line like " + pattern)
            self.sock.settimeout(max(0.1, end - time.monotonic()))
            try:
                self.news.append(self.line())
            except socket.timeout:
                sys.exit("needs: a line like " + pattern)
            finally:
                self.sock.settimeout(5)


def call(address, port):
    m = Manager(address, port)
    need(m.line() == GREETING, "the greeting")
    return m


def rows(lines, sep):
    need(any(x.startswith(sep.join(("HEADER", "CLIENT_LIST")) + sep) for x in lines), "a header of CLIENT_LIST")
    head = [x for x in lines if x.startswith("HEADER" + sep + "CLIENT_LIST")][0].split(sep)[2:]
    need(head == COLUMNS.split(","), "the columns of 2.6: %s" % head)
    found = [x.split(sep)[1:] for x in lines if x.startswith("CLIENT_LIST" + sep)]
    for row in found:
        need(len(row) == len(head), "as many columns as the header has: %s" % row)
    return [dict(zip(head, row)) for row in found]


def monitor(address, port, arg):
    """openvpn-monitor: version, state, load-stats, status 3, client-kill, quit."""
    m = call(address, port)
    lines = m.ask_all("version")
    words = lines[0].split()
    need(words[:2] == ["OpenVPN", "Version:"] and words[2] == "OpenVPN", lines[0])
    major, minor = (int(x) for x in words[3].split(".")[:2])
    need(major == 2 and minor >= 4, "a version of 2.4 or later: " + words[3])
    state = m.ask_all("state")[0].split(",")
    need(len(state) >= 8 and state[1] == "CONNECTED" and state[2] == "SUCCESS" and int(state[0]) > 1e9, str(state))
    stats = re.fullmatch(r"SUCCESS: nclients=(\d+),bytesin=(\d+),bytesout=(\d+)", m.ask("load-stats"))
    need(stats and stats[1] == "1" and int(stats[2]) > 0 and int(stats[3]) > 0, "figures of one client: %s" % (stats,))
    clients = rows(m.ask_all("status 3"), "\t")
    need([c["Common Name"] for c in clients] == ["c1"], "c1 in the list: %s" % clients)
    c = clients[0]
    need(int(c["Bytes Received"]) >= int(stats[2]) and abs(int(c["Connected Since (time_t)"]) - time.time()) < 120, str(c))
    need(re.fullmatch(r"10\.9\.0\.11:\d+", c["Real Address"]) and c["Virtual Address"].startswith("192.168.77."), str(c))
    need(m.ask("client-kill 99999") == "ERROR: client-kill command failed", "an error for a client that is not there")
    need(m.ask("client-kill " + c["Client ID"]) == "SUCCESS: client-kill command succeeded", "client-kill")
    m.send("quit")
    need(m.sock.recv(10) == b"", "the end after quit")


def firewall(address, port, arg):
    """pfSense, OPNsense, angristan: a connection per question; status 2, state, kill by address and by name."""
    def once(text):
        m = call(address, port)
        m.send(text)
        m.send("quit")
        answer = b""
        while True:
            more = m.sock.recv(65536)
            if not more:
                return (m.kept + answer).decode()
            answer += more
    answer = once("status 2").split("\r\n")
    need(answer[0].startswith("TITLE,") and answer[-2:] == ["END", ""], "a whole status 2")
    need("HEADER,ROUTING_TABLE,Virtual Address,Common Name,Real Address,Last Ref,Last Ref (time_t)" in answer, "routing")
    c = rows(answer, ",")[0]
    need(any(x.startswith("ROUTING_TABLE,") and "@0,c1," in x for x in answer), "the client's MAC in the routing table")
    need(once("kill 10.9.0.11:1") == "ERROR: client at address 10.9.0.11:1 not found\r\n", "no such address")
    text = once("kill " + c["Real Address"])
    need(text.split("\r\n")[0] == "SUCCESS: 1 client(s) at address %s killed" % c["Real Address"], "the answer first: " + text)
    need(once("kill nobody") == "ERROR: common name 'nobody' not found\r\n", "no such name")


def by_name(address, port, arg):
    m = call(address, port)
    m.sock.sendall(b"kill c1\n")
    m.sock.shutdown(socket.SHUT_WR)  # as nc and socat do at the end of their input
    need(m.reply() == "SUCCESS: common name 'c1' found, 1 client(s) killed", "kill CN")
    need(m.sock.recv(10) == b"", "the end after the last answer")


def news(address, port, arg):
    """Two managers at once hear of a client that comes, and of its bytes; one sets its own listening."""
    a, b = call(address, port), call(address, port)
    need(a.ask("log on") == "SUCCESS: real-time log notification set to ON", "log on")
    need(a.ask("bytecount 1") == "SUCCESS: bytecount interval changed", "bytecount")
    need(a.ask("state on all").startswith("SUCCESS: real-time state notification set to ON"), "state on")
    print("listening", flush=True)
    for m in (a, b):
        cid = m.wait(r">CLIENT:ESTABLISHED,\d+$", 40).split(",")[1]
        env = {}
        while True:
            text = m.news.pop(0) if m.news else m.line()
            if text == ">CLIENT:ENV,END":
                break
            if text.startswith(">CLIENT:ENV,"):
                name, _, value = text[len(">CLIENT:ENV,"):].partition("=")
                env[name] = value
        need(env.get("common_name") == "c1" and env.get("trusted_ip") == "10.9.0.11", str(env))
        need(env.get("ifconfig_pool_remote_ip", "").startswith("192.168.77.") and env.get("IV_VER"), str(env))
    a.wait(r">LOG:\d+,I,c1/10\.9\.0\.11:\d+ ")
    a.wait(r">BYTECOUNT_CLI:%s,[1-9]\d*,[1-9]\d*$" % cid, 40)
    need(b.ask("client-kill %s HALT" % cid) == "SUCCESS: client-kill command succeeded", "client-kill with HALT")
    a.wait(r">CLIENT:DISCONNECT,%s$" % cid)
    b.wait(r">CLIENT:DISCONNECT,%s$" % cid)
    need(not any(x.startswith(">LOG") for x in b.news), "no log lines for who did not ask")


def oauth2(address, port, arg):
    """openvpn-auth-oauth2 at its start: three lines of version, the last digit of the second at least 5."""
    m = Manager(address, port, "wrong")
    need(m.reply() == "ERROR: bad password", "a wrong password refused")
    need(m.until(b"ENTER PASSWORD:") == b"", "another try")
    m.send(arg)
    need(m.reply() == "SUCCESS: password is correct", "the right password taken")
    need(m.line() == GREETING, "the greeting")
    m.send("version")
    lines = [m.reply() for _ in range(3)]
    need(lines[0].startswith("OpenVPN Version: ") and re.fullmatch(r"Management Version: [5-9]", lines[1]) and lines[2] == "END",
         str(lines))
    need(m.ask("hold release") == "SUCCESS: hold release succeeded", "hold release")


def judge(address, port, arg):
    """openvpn-auth-oauth2 at work: c1 is sent to a web page first, c2 is refused."""
    m = call(address, port)
    print("listening", flush=True)
    for _ in range(2):
        cid, kid = m.wait(r">CLIENT:CONNECT,\d+,\d+$", 40).split(",")[1:]
        name = m.wait(r">CLIENT:ENV,common_name=").partition("=")[2]
        m.wait(r">CLIENT:ENV,END$")
        if name == "c2":
            need(m.ask('client-deny %s %s "not today" "try tomorrow"' % (cid, kid)) ==
                 "SUCCESS: client-deny command succeeded", "client-deny")
            continue
        need(m.ask('client-pending-auth %s %s "WEB_AUTH::https://login.example/1" 30' % (cid, kid)) ==
             "SUCCESS: client-pending-auth command succeeded", "client-pending-auth")
        time.sleep(0.5)
        m.send("client-auth %s %s" % (cid, kid))
        m.send('push "dhcp-option DOMAIN office.example"')
        m.send("END")
        need(m.reply() == "SUCCESS: client-auth command succeeded", "client-auth")
        m.wait(r">CLIENT:ESTABLISHED,%s$" % cid)


def silent(address, port, arg):
    """Eight that say nothing, one that reads nothing: the daemon goes on, and says so of the ninth."""
    crowd = [call(address, port) for _ in range(8)]
    ninth = Manager(address, port)
    need(ninth.line() == "ERROR: all places for managers are taken", "a word to the ninth")
    crowd[0].sock.setblocking(False)
    try:
        while True:
            crowd[0].sock.send(b"help\n" * 1000)
            time.sleep(0.01)
    except BlockingIOError:
        pass
    need(crowd[1].ask("pid").startswith("SUCCESS: pid="), "the others answered")


def gui(address, port, arg):
    """openvpn-gui on the client: hold, state, log, bytecount, passphrase, signal."""
    m = call(address, port)
    m.news.append(m.line())
    if arg:
        need(m.news.pop() == ">HOLD:Waiting for hold release:0", "the hold")
        need(m.line() == ">PASSWORD:Need 'Private Key' password", "the question for the passphrase")
        need(m.ask('password "Private Key" "%s"' % arg) ==
             "SUCCESS: 'Private Key' password entered, but not yet verified", "the passphrase taken")
    else:
        need(m.news.pop() == ">HOLD:Waiting for hold release:0", "the hold")
    for text in ("version 3", "state on", "log on all", "echo on all", "bytecount 1", "hold off", "hold release"):
        m.send(text)
    m.wait(r">STATE:\d+,CONNECTED,SUCCESS,192\.168\.77\.\d+,10\.9\.0\.1,1194,", 40)
    m.wait(r">BYTECOUNT:\d+,[1-9]\d*$", 40)
    need(m.ask("signal SIGHUX").startswith("ERROR: "), "an error for a signal that is none")
    m.send("signal SIGTERM")
    m.wait(r">STATE:\d+,EXITING,")


def login(address, port, arg):
    """A client's manager: whom to call, by which proxy, user name and password. ARG: USER PASSWORD [REMOTE-ANSWER]."""
    user, password, *remote = arg.split()
    m = call(address, port)
    m.wait(r">REMOTE:10\.9\.0\.1,\d+,udp$")
    need(m.ask("remote MOD no.such.host 1194").startswith("ERROR: remote: give an address"), "an address in numbers")
    need(m.ask("remote " + (" ".join(remote) or "ACCEPT")) == "SUCCESS: remote command succeeded", "the remote taken")
    m.wait(r">PROXY:1,UDP,10\.9\.0\.1$")
    need(m.ask("proxy HTTP 10.9.0.9 8080").startswith("ERROR: proxy: only NONE"), "no other proxy")
    need(m.ask("proxy NONE") == "SUCCESS: proxy command succeeded", "the proxy taken")
    m.wait(r">PASSWORD:Need 'Auth' username/password$")
    need(m.ask('username "Auth" %s' % user).startswith("SUCCESS: 'Auth' username"), "the name taken")
    need(m.ask('password "Auth" %s' % password).startswith("SUCCESS: 'Auth' password"), "the password taken")
    return m


def challenge(address, port, arg):
    """The same, and the server asks for a token (CRV1); its answer is packed here."""
    m = login(address, port, arg)
    text = m.wait(r">PASSWORD:Verification Failed: 'Auth' \['CRV1:R,E:state42:.*:Token PIN'\]$", 40)
    need("YWxpY2U=" in text, "the name in the challenge: " + text)
    for answer in ("remote ACCEPT", "proxy NONE"):
        m.wait(">%s:" % answer.split()[0].upper(), 40)
        need(m.ask(answer).startswith("SUCCESS"), answer)
    m.wait(r">PASSWORD:Need 'Auth' username/password$")
    m.ask("username Auth alice")
    need(m.ask('password Auth "CRV1::state42::654321"').startswith("SUCCESS"), "the answer taken")


def response(address, port, arg):
    """CR_TEXT while the server waits, answered by cr-response."""
    m = login(address, port, arg)
    m.wait(r">INFOMSG:CR_TEXT:R,E:Code of the phone$", 40)
    need(m.ask("cr-response NDcxMQ==") == "SUCCESS: cr-response command succeeded", "the response taken")


def listening(address, port, arg):
    """management-client: the daemon calls us; lines of all its processes; it ends when we go. ARG: a word that another
    process than control logs."""
    s = socket.socket(socket.AF_UNIX)
    s.bind(address)
    s.listen(1)
    print("listening", flush=True)
    s.settimeout(30)
    m = Manager.__new__(Manager)
    m.sock, _ = s.accept()
    m.sock.settimeout(5)
    m.kept, m.news = b"", []
    need(m.line() == GREETING, "the greeting")
    need(m.ask("log on") == "SUCCESS: real-time log notification set to ON", "the log")
    if arg:
        print("ready", flush=True)
        m.wait(r">LOG:\d+,[A-Z],.*" + arg, 10)
    need(m.ask("pid").startswith("SUCCESS: pid="), "the pid")


PADDINGS = {"RSA_PKCS1_PADDING": "pkcs1", "RSA_PKCS1_PSS_PADDING": "pss"}


def make_signature(key, data, algorithm):
    """What the algorithm's name says, done by openssl pkeyutl."""
    words = algorithm.split(",")
    options = dict(w.split("=") for w in words[1:])
    args = ["openssl", "pkeyutl", "-sign", "-inkey", key]
    if words[0] == "RSA_NO_PADDING":
        args = ["openssl", "rsautl", "-sign", "-raw", "-inkey", key]  # pkeyutl takes no more than a digest
    elif words[0] in PADDINGS:
        args += ["-pkeyopt", "rsa_padding_mode:" + PADDINGS[words[0]]]
    if words[0] == "RSA_PKCS1_PSS_PADDING":
        args += ["-pkeyopt", "rsa_pss_saltlen:" + options["saltlen"]]
    if options.get("data") == "message":
        args += ["-rawin", "-digest", options["hashalg"]]
    elif "hashalg" in options:
        args += ["-pkeyopt", "digest:" + options["hashalg"]]
    # -rawin wants a file with a size
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        return subprocess.run(args + ["-in", f.name], check=True, capture_output=True).stdout


def signer(address, port, arg):
    """management-external-key and -cert: ARG is KEY CERT-or-none HOW-OFTEN ALGORITHM [delay]. The certificate by its
    hint, then signatures, each of this algorithm."""
    key, cert, times, expected, *delay = arg.split()
    m = call(address, port)
    need(m.ask("version 3").startswith("SUCCESS"), "the version")
    if cert != "none":
        need(m.wait(r">NEED-CERTIFICATE:.*") == ">NEED-CERTIFICATE:store:alice", "the hint")
        with open(cert) as f:
            for text in ["certificate"] + f.read().splitlines():
                m.send(text)
        need(m.ask("END") == "SUCCESS: certificate command succeeded", "the certificate taken")
    print("ready", flush=True)
    for _ in range(int(times)):
        data, _, algorithm = m.wait(r">PK_SIGN:", 20)[len(">PK_SIGN:"):].partition(",")
        need(re.fullmatch(expected, algorithm), "%s, not %s" % (expected, algorithm))
        time.sleep(float(delay[0]) if delay else 0)
        text = base64.b64encode(make_signature(key, base64.b64decode(data), algorithm)).decode()
        for at in ["pk-sig"] + [text[i:i + 64] for i in range(0, len(text), 64)]:
            m.send(at)
        need(m.ask("END") == "SUCCESS: pk-sig command succeeded", "the signature taken")
    print("done", flush=True)
    m.until(b"no end")


if __name__ == "__main__":
    where, tcp = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
    {f.__name__: f for f in (monitor, firewall, by_name, news, oauth2, judge, silent, gui, login, challenge, response, listening, signer)}[sys.argv[1]](
        where, tcp, sys.argv[4] if len(sys.argv) > 4 else None)
