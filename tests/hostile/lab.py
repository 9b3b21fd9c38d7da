# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets for wire.py: many source addresses from one socket, a session driven to its end, frames made and heard."""
import os
import select
import socket
import struct
import time

import wire

IP_PKTINFO, IPV6_PKTINFO, IPV6_RECVPKTINFO = 8, 50, 49


class Wire:
    """One UDP socket towards the server. With many=True it may send from any address of the namespace and tells which
    one an answer came to."""

    def __init__(self, server, port, source=None, many=False):
        self.family = socket.AF_INET6 if ":" in server else socket.AF_INET
        self.server = (server, port)
        self.s = socket.socket(self.family, socket.SOCK_DGRAM)
        for option in (33, 32):  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
            self.s.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
        if many and self.family == socket.AF_INET6:
            self.s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND: a local route alone is not enough for IPv6
        if many:
            self.s.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) if self.family == socket.AF_INET6 else
                                (socket.IPPROTO_IP, IP_PKTINFO, 1)))
        self.s.bind((source or ("::" if self.family == socket.AF_INET6 else "0.0.0.0"), 0))
        self.s.setblocking(False)

    def send(self, datagram, source=None):
        control = []
        if source:
            raw = socket.inet_pton(self.family, source)
            if self.family == socket.AF_INET6:
                control = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, raw + struct.pack("=I", 0))]
            else:
                control = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=I", 0) + raw + raw)]
        for _ in range(200):
            try:
                self.s.sendmsg([datagram], control, 0, self.server)
                return
            except BlockingIOError:
                select.select([], [self.s], [], 0.05)
            except (ConnectionRefusedError, OSError) as e:
                if e.errno in (90,):  # EMSGSIZE: larger than any UDP datagram
                    return
                if e.errno not in (105, 111):
                    raise
        raise OSError("the socket does not take datagrams")

    def receive(self, seconds):
        """(datagram, local address or None) or None."""
        end = time.monotonic() + seconds
        while True:
            try:
                data, control, _, _ = self.s.recvmsg(65536, 256)
            except BlockingIOError:
                left = end - time.monotonic()
                if left <= 0 or not select.select([self.s], [], [], left)[0]:
                    return None
                continue
            except ConnectionRefusedError:
                continue
            for level, kind, raw in control:
                if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                    return data, socket.inet_ntop(socket.AF_INET, raw[8:12])
                if (level, kind) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
                    return data, socket.inet_ntop(socket.AF_INET6, raw[:16])
            return data, None

    def drain(self, seconds=0.0):
        """All datagrams that come within so many seconds."""
        out, end = [], time.monotonic() + seconds
        while True:
            got = self.receive(max(0, end - time.monotonic()))
            if got is None:
                return out
            out.append(got)

    def close(self):
        self.s.close()


def drive(w, session, seconds=20, until=("up", "dead")):
    """Runs a session on a wire until it is up or dead; the seconds it took, or None."""
    for d in session.start(time.monotonic()):
        w.send(d)
    return go_on(w, session, seconds, until)


def go_on(w, session, seconds, until=("up", "dead")):
    """The same for a session that was started before."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if session.state in until:
            return time.monotonic() - begin
        got = w.receive(0.1)
        now = time.monotonic()
        for d in (session.feed(got[0], now) if got else []) + session.tick(now):
            w.send(d)
    return None


def address(base, i):
    return socket.inet_ntoa(struct.pack("!I", struct.unpack("!I", socket.inet_aton(base))[0] + i))


# ------------------------------------------------------------------------------------------------ frames

BROADCAST = b"\xff" * 6


def arp_request(target, own, mac):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(own) + bytes(6) + socket.inet_aton(target)
    return BROADCAST + mac + b"\x08\x06" + body + bytes(18)


def test_frame(text, mac, destination=BROADCAST):
    return destination + mac + b"\x88\xb5" + text.encode().ljust(46, b"\0")


def alive(w, session, target="192.168.77.10", seconds=8.0, **seal):
    """An ARP question to the LAN host through the tunnel; true when its answer came back on this wire. What came before
    the question is no answer to it."""
    for datagram, _ in w.drain():
        for d in session.feed(datagram, time.monotonic()):
            w.send(d)
    end = time.monotonic() + seconds
    ask = 0.0
    while time.monotonic() < end:
        if time.monotonic() >= ask:
            w.send(session.seal(arp_request(target, session.ip(), session.mac), **seal))
            ask = time.monotonic() + 0.5
        got = w.receive(0.1)
        if got is None:
            continue
        frame = session.open(got[0])
        if frame and frame[:6] == session.mac and frame[12:14] == b"\x08\x06" and frame[28:32] == socket.inet_aton(target):
            return True
        for d in session.feed(got[0], time.monotonic()):
            w.send(d)
    return False


class Ear:
    """Hears test frames on a LAN interface (run inside the LAN host's namespace by `setns`, the socket stays there)."""

    def __init__(self, namespace, interface="eth0", ethertype=0x88b5):
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        other = os.open(f"/var/run/netns/{namespace}", os.O_RDONLY)
        setns(other)
        try:
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
            self.s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
            self.s.bind((interface, ethertype))
        finally:
            setns(own)
            os.close(own)
            os.close(other)

    def heard(self, seconds, until=None, patience=10.0):
        """The texts of the test frames that came within so many seconds, in order; or until this text came, which is not
        among them then: what was sent before it has come by then, or will not come."""
        out, end = [], time.monotonic() + (patience if until else seconds)
        while True:
            left = end - time.monotonic()
            if not select.select([self.s], [], [], max(0, left))[0]:
                return out
            text = self.s.recv(2048)[14:].split(b"\0")[0]
            if until and text == until.encode():
                return out
            if not text.startswith(b"DBRLOOP"):  # the concentrator's own probes
                out.append(text.decode("latin-1"))

    def frames(self, seconds):
        """All frames that come within so many seconds, whatever they carry; own outgoing ones are left out."""
        end = time.monotonic() + seconds
        while select.select([self.s], [], [], max(0, end - time.monotonic()))[0]:
            frame, address = self.s.recvfrom(2048)
            if address[2] != socket.PACKET_OUTGOING:
                yield frame
            if time.monotonic() > end + 2:
                return


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def gate_of(a, **other):
    """The gate the command line asks for."""
    if a.digest == "none":
        return wire.NoGate()
    return wire.Gate(wire.static_key(f"{a.pki}/ta.key"), other.get("digest", a.digest), other.get("direction", 1))
