# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client with a good certificate may not do on the LAN (C35 to C41, C44): rows of frames, each with a mark of its
own, sent through the tunnel and listened for on the LAN. `layer2-open-door` sends the same rows through a server
without guards (OpenVPN) and requires that the LAN hears them: the proof that silence is the guards' doing."""
import socket
import struct
import time

import lab
from base import case, connect, expect, fresh

LAN_HOST, CONCENTRATOR = "192.168.77.10", "192.168.77.1"
ALL_NODES6 = bytes.fromhex("ff020000000000000000000000000001")
LINK_LOCAL6 = bytes.fromhex("fe800000000000000000000000000066")
GATEWAY6 = bytes.fromhex("fd770000000000000000000000000001")
MULTICAST6 = bytes.fromhex("333300000001")


def mark(n):
    """What a row is known by. It adds nothing to a checksum, wherever it stands at an even place."""
    return b"row of a " + b"\0" * 7 + struct.pack("!HH", n, n ^ 0xFFFF)


MARK = mark(0)


def group(text):
    return bytes.fromhex(text.replace(":", ""))


# ------------------------------------------------------------------------------------------------ building frames

def checksum(data):
    data += b"\0" * (len(data) % 2)
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


def ip4(payload, protocol, source="192.168.77.66", target="255.255.255.255"):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(target))
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(sport, dport, payload):
    payload += b"\0" * (len(payload) % 2) + MARK
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def ip6(payload, following, source=LINK_LOCAL6, target=ALL_NODES6):
    return b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, len(payload), following, 255) + source + target + payload


def icmp6(kind, body, source=LINK_LOCAL6, target=ALL_NODES6):
    raw = struct.pack("!BBH", kind, 0, 0) + body + MARK
    pseudo = source + target + struct.pack("!II", len(raw), 58)
    return raw[:2] + struct.pack("!H", checksum(pseudo + raw)) + raw[4:]


def dhcp(kind, options=b""):
    """A BOOTP message of a server; the rest of its 236 fixed bytes is empty."""
    return (b"\x02\x01\x06\0" + bytes(232) + bytes.fromhex("63825363") + bytes([53, 1, kind]) + options + b"\xff")


def arp(operation, hardware, sender, target):
    return (b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + hardware + socket.inet_aton(sender) +
            bytes(6) + socket.inet_aton(target))


def llc(payload):
    return struct.pack("!H", len(payload)) + payload


def snap(oui, kind, payload=b""):
    return llc(b"\xaa\xaa\x03" + bytes.fromhex(oui) + bytes.fromhex(kind) + payload + bytes(38))


def router_advertisement():
    return icmp6(134, struct.pack("!BBHII", 64, 0, 1800, 0, 0) + struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) +
                 group("fd66:0000:0000:0000:0000:0000:0000:0000"))


# ------------------------------------------------------------------------------------------------ the rows

def sources(s, other, lan_mac, bridge_mac):
    """(name, frame): source addresses that are not this client's to use."""
    body = b"\x88\xb5" + bytes(46)
    yield "source: a LAN host", lab.BROADCAST + lan_mac + body
    yield "source: the bridge", lab.BROADCAST + bridge_mac + body
    yield "source: another client", lab.BROADCAST + other.mac + body
    yield "source: zero", lab.BROADCAST + bytes(6) + body
    yield "source: multicast", lab.BROADCAST + group("01:00:5e:00:00:01") + body
    yield "source: broadcast", lab.BROADCAST + lab.BROADCAST + body


def addresses(s, lan_mac):
    """(name, frame): who is where, told wrongly. The client's own Ethernet address is in every frame."""
    head = lab.BROADCAST + s.mac
    yield "ARP: answer for the concentrator", lan_mac + s.mac + arp(2, s.mac, CONCENTRATOR, LAN_HOST)
    yield "ARP: gratuitous for the concentrator", head + arp(1, s.mac, CONCENTRATOR, CONCENTRATOR)
    yield "ARP: a LAN host's hardware address", head + arp(2, lan_mac, "192.168.77.99", "192.168.77.99")
    yield "ARP: hardware address of nobody", head + arp(1, group("02:00:00:00:00:99"), s.ip(), LAN_HOST)
    yield "ARP: cut short", head + arp(1, s.mac, s.ip(), LAN_HOST)[:8]
    override = struct.pack("!I", 0x20000000) + GATEWAY6 + b"\x02\x01" + s.mac
    yield "ND: advert for the concentrator", MULTICAST6 + s.mac + ip6(icmp6(136, override), 58)


def configuration(s):
    """(name, frame): answers that only servers and routers give."""
    head, head6 = lab.BROADCAST + s.mac, MULTICAST6 + s.mac
    classless = b"\x79\x08\x00\xc0\xa8\x4d\x42" + bytes(3)
    for name, kind, options in (("offer", 2, b""), ("ack", 5, b""), ("ack with option 121", 5, classless), ("nak", 6, b"")):
        yield f"DHCP {name}", head + ip4(udp(67, 68, dhcp(kind, options)), 17)
    yield "DHCP to a relay's port", head + ip4(udp(67, 67, dhcp(2)), 17)
    for name, kind in (("advertise", 2), ("reply", 7), ("reconfigure", 10)):
        yield f"DHCPv6 {name}", head6 + ip6(udp(547, 546, struct.pack("!I", kind << 24 | 1)), 17)
    ra = router_advertisement()
    options = b"\x3a\x00\x01\x04\0\0\0\0"  # what follows is ICMPv6; one padding option
    chained = b"\x3c" + options[1:] + options
    yield "RA", head6 + ip6(ra, 58)
    yield "RA behind a hop-by-hop header", head6 + ip6(options + ra, 0)
    yield "RA behind destination options", head6 + ip6(options + ra, 60)
    yield "RA behind both", head6 + ip6(chained + ra, 0)
    yield "RA in a first fragment", head6 + ip6(b"\x3a\x00" + struct.pack("!HI", 1, 7) + ra, 44)
    yield "RA: first fragment that ends before it", head6 + ip6(b"\x3c\x00" + struct.pack("!HI", 1, 7) + b"\x3a\x02\x01\x14" + MARK, 44)
    yield "ICMPv6 redirect", head6 + ip6(icmp6(137, bytes(4) + GATEWAY6 + GATEWAY6), 58)
    yield "ICMP redirect", head + ip4(b"\x05\x01\0\0" + socket.inet_aton("192.168.77.66") + bytes(28) + MARK, 1)


def link_protocols(s):
    """(name, frame): protocols between switches."""
    bpdu = llc(b"\x42\x42\x03" + bytes(35))
    bridges, cisco, pvst = group("01:80:c2:00:00:00"), group("01:00:0c:cc:cc:cc"), group("01:00:0c:cc:cc:cd")
    yield "BPDU: STP", bridges + s.mac + bpdu
    yield "BPDU: RSTP", bridges + s.mac + llc(b"\x42\x42\x03\0\0\x02\x02" + bytes(31))
    yield "BPDU: MST", bridges + s.mac + llc(b"\x42\x42\x03\0\0\x03\x02" + bytes(60))
    yield "BPDU to an address of its own", lab.BROADCAST + s.mac + bpdu
    yield "BPDU: provider bridge", group("01:80:c2:00:00:08") + s.mac + bpdu
    yield "PVST+", pvst + s.mac + snap("00000c", "010b")
    for name, kind in (("CDP", "2000"), ("VTP", "2003"), ("DTP", "2004"), ("UDLD", "0111"), ("PAgP", "0104")):
        yield name, cisco + s.mac + snap("00000c", kind)
    yield "CDP to an address of its own", lab.BROADCAST + s.mac + snap("00000c", "2000")
    yield "LLDP", group("01:80:c2:00:00:0e") + s.mac + b"\x88\xcc" + bytes(46)
    yield "LACP", group("01:80:c2:00:00:02") + s.mac + b"\x88\x09" + bytes(46)
    yield "EAPOL", group("01:80:c2:00:00:03") + s.mac + b"\x88\x8e" + bytes(46)
    yield "pause", group("01:80:c2:00:00:01") + s.mac + b"\x88\x08\0\x01\xff\xff" + bytes(42)
    yield "GVRP", group("01:80:c2:00:00:21") + s.mac + bpdu
    yield "SNAP around IPv4", lab.BROADCAST + s.mac + snap("000000", "0800")


def tags(s):
    """(name, frame): VLANs that a laptop's port does not carry."""
    head, body = lab.BROADCAST + s.mac, b"\x88\xb5" + bytes(46)
    for vid in (1, 42, 4094, 4095):
        yield f"802.1Q {vid}", head + struct.pack("!HH", 0x8100, vid) + body
    yield "802.1Q 0 with a priority", head + struct.pack("!HH", 0x8100, 0xE000) + body
    yield "802.1ad 42", head + struct.pack("!HH", 0x88A8, 42) + body
    yield "two tags", head + struct.pack("!HHHH", 0x8100, 1, 0x8100, 42) + body
    yield "QinQ", head + struct.pack("!HHHH", 0x88A8, 1, 0x8100, 42) + body
    yield "QinQ of old switches", head + struct.pack("!HHHH", 0x9100, 1, 0x8100, 42) + body


def innocent(s, lan_mac):
    """(name, frame): what must pass, or the rows above prove nothing."""
    head, head6 = lab.BROADCAST + s.mac, MULTICAST6 + s.mac
    yield "unicast", lan_mac + s.mac + b"\x88\xb5" + bytes(46)
    yield "broadcast", head + b"\x88\xb5" + bytes(46)
    yield "ARP question", head + arp(1, s.mac, s.ip(), LAN_HOST)
    yield "DHCP discover", head + ip4(udp(68, 67, b"\x01\x01\x06\0" + bytes(240)), 17, "0.0.0.0")
    yield "DHCPv6 solicit", head6 + ip6(udp(546, 547, struct.pack("!I", 1 << 24)), 17)
    yield "router solicitation", head6 + ip6(icmp6(133, bytes(4)), 58)
    yield "neighbour solicitation", head6 + ip6(icmp6(135, bytes(4) + GATEWAY6), 58)
    yield "ICMPv6 echo behind options", head6 + ip6(b"\x3a\x00\x01\x04\0\0\0\0" + icmp6(128, bytes(8)), 0)
    yield "mDNS", group("01:00:5e:00:00:fb") + s.mac + ip4(udp(5353, 5353, bytes(12)), 17, s.ip(), "224.0.0.251")
    yield "IPX in 802.3", head + llc(b"\xff\xff" + bytes(40))


# ------------------------------------------------------------------------------------------------ sending and hearing

def mac_of(w, s, target):
    """The Ethernet address that the LAN answers with for an IPv4 address."""
    for _ in range(5):
        w.send(s.seal(lab.arp_request(target, s.ip(), s.mac)))
        end = time.monotonic() + 0.5
        while time.monotonic() < end and (got := w.receive(end - time.monotonic())):
            frame = s.open(got[0])
            if frame and frame[12:14] == b"\x08\x06" and frame[28:32] == socket.inet_aton(target):
                return frame[6:12]
    return None


class Marks:
    """Sends rows, each with its mark, and tells which of them the LAN heard. The mark is inside an IP packet, since the
    kernel cuts off what stands behind one; else it is the end of the frame."""

    def __init__(self, a, w, s):
        self.w, self.s, self.ear = w, s, lab.Ear(a.lan, ethertype=3)
        self.names, self.got = [], set()

    def send(self, rows):
        for name, frame in rows:
            own = mark(len(self.names))
            self.w.send(self.s.seal(frame.replace(MARK, own) if MARK in frame else frame + own))
            self.names.append(name)
            time.sleep(0.004)  # far below the storm limit

    def listen(self, seconds):
        for frame in self.ear.frames(seconds):
            at = frame.rfind(MARK[:-4])
            if at >= 0:
                self.got.add(struct.unpack_from("!H", frame, at + len(MARK) - 4)[0])
        return {self.names[i] for i in self.got}

    def heard(self, wanted, patience=10.0):
        """The names of the rows that came: by when all that are wanted have come, and what follows within 0.7 s."""
        end = time.monotonic() + patience
        while not set(wanted) <= self.listen(0.2) and time.monotonic() < end:
            pass
        return self.listen(0.7)


def all_rows(w, s, other):
    lan, bridge = mac_of(w, s, LAN_HOST), mac_of(w, s, CONCENTRATOR)
    expect(lan and bridge, "the LAN host or the concentrator does not answer ARP")
    bad = [*sources(s, other, lan, bridge), *addresses(s, lan), *configuration(s), *link_protocols(s), *tags(s)]
    return bad, list(innocent(s, lan))


def two_sessions(a):
    w, s = connect(a)
    ow, other = connect(a, name="c2" if a.cert != "c2" else "c3")
    expect(lab.alive(w, s) and lab.alive(ow, other), "no traffic at first")
    return w, s, ow, other


@case
def C36_C41_frames(a):
    """No forbidden row reaches the LAN, every innocent one does; LAN host, bridge and the other client are still found."""
    w, s, ow, other = two_sessions(a)
    bad, good = all_rows(w, s, other)
    marks = Marks(a, w, s)
    marks.send(good)
    marks.send(bad)
    marks.send([("the end", good[0][1])])
    heard = marks.heard([name for name, _ in good] + ["the end"])
    through = [name for name, _ in bad if name in heard]
    lost = [name for name, _ in good if name not in heard]
    expect(not through, f"{len(through)} of {len(bad)} reached the LAN: {', '.join(through)[:300]}")
    expect(not lost, f"innocent frames were dropped: {', '.join(lost)[:300]}")
    expect(lab.alive(w, s), "the client that tried is dead")
    expect(lab.alive(ow, other), "the other client lost its address")
    return f"{len(bad)} forbidden rows: 0 on the LAN; {len(good)} innocent ones: all"


# What the kernel's own bridge keeps on the link whoever asks, so that a server without guards does not pass it either.
KERNEL_KEEPS = {"LACP", "EAPOL", "pause", "LLDP", "BPDU: provider bridge", "source: zero", "source: multicast",
                "source: broadcast"}


@case
def layer2_open_door(a):
    """The same rows through a server without guards: the LAN hears what the kernel's bridge forwards."""
    w, s, _, other = two_sessions(a)
    bad, _ = all_rows(w, s, other)
    marks = Marks(a, w, s)
    # The rows that steal addresses come last: they cut this client off.
    first = {name for name, _ in sources(s, other, bytes(6), bytes(6))}
    marks.send([row for row in bad if row[0] not in first])
    marks.send([row for row in bad if row[0] in first])
    heard = marks.heard({name for name, _ in bad} - KERNEL_KEEPS)
    silent = [name for name, _ in bad if name not in heard]
    expect(set(silent) <= KERNEL_KEEPS, f"not heard through an open door, so that they prove nothing: {', '.join(silent)[:300]}")
    return f"{len(bad) - len(silent)} of {len(bad)} rows reach the LAN; the kernel's bridge keeps {', '.join(silent)}"


@case
def C35_many_macs(a):
    """--size source addresses from one client: a handful is let in, the LAN host's own traffic goes on."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    lan = mac_of(w, s, LAN_HOST)
    ear = lab.Ear(a.lan, ethertype=0x88b6)
    for i in range(a.size):
        w.send(s.seal(lan + b"\x02\x35" + struct.pack("!I", i) + b"\x88\xb6" + bytes(46)))
        if i % 200 == 199:
            time.sleep(0.002)
    heard = {frame[6:12] for frame in ear.frames(1.5)}
    expect(0 < len(heard) <= 8, f"frames of {len(heard)} source addresses reached the LAN")
    expect(lab.alive(w, s), "the client's first address is no longer served")
    return f"{a.size} source addresses: {len(heard)} were let in"


@case
def C44_storm(a):
    """--size broadcasts as fast as they leave: about the limit reaches the LAN, unicast goes on meanwhile."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    ear = lab.Ear(a.lan, ethertype=0x88b6)
    begin = time.monotonic()
    for i in range(a.size):
        w.send(s.seal(lab.BROADCAST + s.mac + b"\x88\xb6" + bytes(46)))
        if i % 100 == 99:
            time.sleep(0.001)
    took = time.monotonic() - begin
    heard = sum(1 for _ in ear.frames(0.5))
    limit = a.rate * (took + 0.7)
    expect(0 < heard <= limit, f"{heard} of {a.size} broadcasts in {took:.1f} s reached the LAN; {limit:.0f} are allowed")
    expect(lab.alive(w, s), "the client is cut off")
    return f"{a.size} broadcasts in {took:.1f} s: {heard} reached the LAN"
