#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hostile cases, as seen from the attacker's machine. run.sh starts the server and a healthy client beside it, calls

    cases.py CASE --pki DIR --server ADDRESS [--port N] [--digest sha256|none] [--lan NAMESPACE] [--size N] ...

inside the attacker's namespace and looks at the server afterwards. Prints one line and ends with 0 (good) or 1. The
case numbers are those of the catalogue in docs; each case begins and ends with a positive control, so that silence is
never the tool's own mistake.
"""
import argparse
import os
import random
import socket
import ssl
import struct
import sys
import time

import lab
import layer2  # noqa: F401: its cases are in the table too
import stubborn  # noqa: F401
import wire
from base import CASES, Failed, case, connect, expect, fresh

IP_UDP = 28  # bytes of headers on every IPv4 datagram


def answered(a, w, gate, tries=3, **fields):
    """The server's session id for a good hard reset from a fresh address, sent again as a client does; None when it is
    silent."""
    sid = os.urandom(8)
    for _ in range(tries):
        w.send(wire.reset(gate, sid, **fields))
        got = answer(w, gate, sid, 1.5)
        if got is not None:
            return got
    return None


def answer(w, gate, sid, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = w.receive(end - time.monotonic())
        if got is None:
            return None
        parsed = parse_answer(gate, got[0])
        if parsed and parsed[1] == sid:
            return parsed[0]
    return None


def parse_answer(gate, datagram):
    """(server's sid, client's sid, acks) of a HARD_RESET_SERVER, or None."""
    got = gate.unwrap(datagram)
    if got is None or got[0] != wire.RESET_SERVER:
        return None
    body = wire.control_parse(got[0], got[3])
    return body and (got[2], body[1], body[0])


def some(w, seconds=6.0, more=0.3):
    """What comes once the server has found time, and shortly after."""
    first = w.receive(seconds)
    return [first, *w.drain(more)] if first else []


def good_start(a, gate):
    w = lab.Wire(a.server, a.port, fresh(a))
    try:
        return answered(a, w, gate) is not None
    finally:
        w.close()


def hello(a):
    """The bytes of a TLS ClientHello."""
    s = wire.Credentials(a.pki).context
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        s.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


# ------------------------------------------------------------------------------------------------ C1: the gate

def flips(datagram):
    for i in range(len(datagram) * 8):
        b = bytearray(datagram)
        b[i // 8] ^= 1 << i % 8
        yield "bit %d" % i, bytes(b)


def shapes(gate):
    """Packets whose HMAC is right and whose shape is wrong, or that belong to no session."""
    def sid():
        return os.urandom(8)

    rest = wire.control_rest(wire.RESET_CLIENT)
    for op in range(32):
        for kid in range(8):
            if (op, kid) != (wire.RESET_CLIENT, 0):
                yield f"op {op} key {kid}", gate.wrap(op, kid, sid(), rest)
    for n in range(len(rest)):
        yield f"rest of {n}", gate.wrap(wire.RESET_CLIENT, 0, sid(), rest[:n])
    for n in (1, 2, 4, 5, 8, 9, 63, 64, 127, 128, 200, 254, 255):
        yield f"{n} acks missing", gate.wrap(wire.RESET_CLIENT, 0, sid(), bytes([n]) + bytes(4))
        yield f"{n} acks in an ACK missing", gate.wrap(wire.ACK, 0, sid(), bytes([n]))
        yield f"{n} acks, one short", gate.wrap(wire.CONTROL, 0, sid(), bytes([n]) + bytes(4 * n + 8 + 3))
    yield "sid 0", gate.wrap(wire.RESET_CLIENT, 0, bytes(8), rest)
    for op in (wire.CONTROL, wire.ACK, wire.SOFT_RESET):
        for i in range(60):
            body = wire.control_rest(op, [i % 4], os.urandom(8), i % 5, os.urandom(i * 7))
            yield f"op {op} of no session", gate.wrap(op, i % 8, sid(), body)
    for n in (2000, 9000, 30000, 65000):
        yield f"reset of {n}", gate.wrap(wire.RESET_CLIENT, 0, sid(), rest + os.urandom(n))


def strangers(a, gate):
    """Packets whose HMAC is wrong."""
    rng = random.Random(1)
    good = wire.reset(gate)
    third = gate.wrap(wire.CONTROL, 0, os.urandom(8), wire.control_rest(wire.CONTROL, [0], os.urandom(8), 1, os.urandom(40)))
    yield from flips(good)
    yield from flips(third)
    for n in range(len(good)):
        yield f"truncated to {n}", good[:n]
    key = wire.static_key(f"{a.pki}/ta.key")
    for digest in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        if digest != a.digest:
            yield f"digest {digest}", wire.reset(wire.Gate(key, digest))
    for direction in (None, 0):
        yield f"direction {direction}", wire.reset(wire.Gate(key, a.digest, direction))
    yield "server's key", wire.reset(gate, key=gate.receive_key)
    for i in range(50):
        yield "random key", wire.reset(wire.Gate(os.urandom(256), a.digest))
    for fill in (0, 255):
        yield f"HMAC of {fill}", good[:9] + bytes([fill]) * gate.size + good[9 + gate.size:]
    yield "no gate", wire.reset(wire.NoGate())
    yield "tls-crypt's shape", bytes([wire.RESET_CLIENT << 3]) + os.urandom(53)
    for peer in range(40):
        for n in (4, 8, 23, 24, 25, 60, 1400):
            yield "data", struct.pack("!I", wire.DATA_V2 << 27 | peer) + rng.randbytes(n - 4)
    for n in list(range(0, 120)) + [1400, 1472, 1500, 4000, 9000, 65507]:
        yield f"random of {n}", rng.randbytes(n)
        yield f"v1 data of {n}", bytes([wire.DATA_V1 << 3]) + rng.randbytes(max(0, n - 1))
        yield f"WKC of {n}", bytes([11 << 3]) + rng.randbytes(max(0, n - 1))
    for _ in range(500):
        yield "random", rng.randbytes(rng.randrange(1, 1473))


@case
def C1_gate(a):
    """Every row gets 0 bytes back; and so does all of it together."""
    gate = lab.gate_of(a)
    expect(good_start(a, gate), "the server does not answer a good reset before the table")
    rows = list(strangers(a, gate)) + list(shapes(gate))
    w, told = lab.Wire(a.server, a.port, fresh(a)), []
    for i in range(0, len(rows), 40):
        for _, datagram in rows[i:i + 40]:
            w.send(datagram)
        if w.drain(0.004):
            told.append(name_of_reply(a, gate, rows[i:i + 40]))
    if w.drain(1.0):
        told.append("late")
    w.close()
    expect(not told, f"{len(told)} batches were answered: {'; '.join(told)[:300]}")
    expect(good_start(a, gate), "the server does not answer a good reset after the table")
    return f"{len(rows)} rows, 0 bytes back"


def name_of_reply(a, gate, rows):
    """Which rows of a batch it was, each tried alone from a fresh address."""
    names = []
    for name, datagram in rows:
        w = lab.Wire(a.server, a.port, fresh(a))
        w.send(datagram)
        got = w.receive(0.1)
        if got:
            names.append(f"'{name}' got {len(got[0])} bytes of op {got[0][0] >> 3}")
        w.close()
    return ", ".join(names) or "not seen again"


@case
def C2_one_reply(a):
    """One good reset from an address that never speaks again: one datagram, not much larger, and no second one."""
    gate = lab.gate_of(a)
    w, sid = lab.Wire(a.server, a.port, fresh(a)), os.urandom(8)
    ask = wire.reset(gate, sid)
    w.send(ask)
    got = w.drain(a.seconds)
    expect(len(got) == 1, f"{len(got)} datagrams came back in {a.seconds:.0f} s")
    parsed = parse_answer(gate, got[0][0])
    expect(parsed and parsed[1] == sid and parsed[2] == (0,), "the answer is not a HARD_RESET_SERVER that acknowledges 0")
    ratio = (len(got[0][0]) + IP_UDP) / (len(ask) + IP_UDP)
    limit = 1.25 if a.digest != "none" else 1.30  # 14 bytes ask, 26 answer: nothing to save there
    expect(ratio <= limit, f"amplification {ratio:.3f}")
    return f"{len(ask)} -> {len(got[0][0])} bytes, amplification {ratio:.3f} with IP and UDP headers, 1 datagram in {a.seconds:.0f} s"


@case
def C2_recorded(a):
    """A recorded reset is answered once; a genuine retransmission (new replay id) is answered again."""
    gate = lab.gate_of(a)
    w, sid = lab.Wire(a.server, a.port, fresh(a)), os.urandom(8)
    record = wire.reset(gate, sid)
    w.send(record)
    expect(len(some(w)) == 1, "a first reset is not answered")
    for _ in range(20):
        w.send(record)
    n = len(w.drain(0.7))
    expect(n == 0, f"{n} of 20 copies were answered")
    other = lab.Wire(a.server, a.port, fresh(a))
    other.send(record)
    expect(not other.drain(0.5), "a copy from another address was answered")
    w.send(wire.reset(gate, sid))
    expect(len(some(w)) == 1, "a retransmission with a new replay id was not answered")
    return "20 copies and one from elsewhere: 0 answers; the genuine retransmission: 1"


@case
def C2_old_stamp(a):
    """A client without a clock (1970) is answered."""
    gate = lab.gate_of(a)
    w = lab.Wire(a.server, a.port, fresh(a))
    expect(answered(a, w, gate, stamp=0) is not None, "a reset stamped 1970 was not answered")
    return "answered"


@case
def C3_one_address(a):
    """Many good resets from one address: the bytes to it are bounded, another address is answered at once."""
    gate = lab.gate_of(a)
    victim = fresh(a)
    socks = [lab.Wire(a.server, a.port, victim) for _ in range(50)]
    sent = back = 0
    begin = time.monotonic()
    while sent < a.size:
        for w in socks:
            w.send(wire.reset(gate))
            sent += 1
        back += sum(len(w.drain()) for w in socks)
    other = good_start(a, gate)
    took = time.monotonic() - begin
    time.sleep(0.5)
    back += sum(len(w.drain()) for w in socks)
    for w in socks:
        w.close()
    windows = 1 + int(took // 10) + 1
    expect(back <= 100 * windows, f"{back} answers to {sent} resets in {took:.1f} s")
    expect(back > 0, "no answer at all")
    expect(other, "another address was not answered meanwhile")
    return f"{sent} resets in {took:.1f} s: {back} answers; another address answered at once"


@case
def C3_one_prefix_v6(a):
    """The same over the addresses of one /64."""
    gate = lab.gate_of(a)
    w = lab.Wire(a.server6, a.port, many=True)
    sent = back = 0
    begin = time.monotonic()
    while sent < a.size:
        for _ in range(40):
            w.send(wire.reset(gate), f"fdaa::{sent + 1:x}")
            sent += 1
        back += len(w.drain())
    other = []
    for _ in range(5):
        if not other:
            w.send(wire.reset(gate), "fdaa:0:0:1::1")
        got = w.drain(0.7)
        other += [g for g in got if g[1] == "fdaa:0:0:1::1"]
        back += sum(1 for g in got if g[1] != "fdaa:0:0:1::1")
        if other:
            break
    took = time.monotonic() - begin
    windows = 1 + int(took // 10) + 1
    expect(0 < back <= 100 * windows, f"{back} answers to {sent} resets of one /64 in {took:.1f} s")
    expect(other, "another /64 was not answered meanwhile")
    return f"{sent} resets from {sent} addresses of one /64: {back} answers; another /64 answered"


@case
def C3_many_addresses(a):
    """Many addresses, one reset each: one answer each at most."""
    gate = lab.gate_of(a)
    w, back = lab.Wire(a.server, a.port, many=True), {}
    for i in range(a.size):
        w.send(wire.reset(gate), fresh(a))
        if i % 50 == 49:
            for _, local in w.drain():
                back[local] = back.get(local, 0) + 1
    for _, local in w.drain(1.0):
        back[local] = back.get(local, 0) + 1
    expect(max(back.values(), default=0) <= 1, "an address got several answers")
    return f"{a.size} addresses: {len(back)} answered, once each"


# ------------------------------------------------------------------------------------------------ C4: the cookie

def third(gate, sid, cookie, payload, acks=(0,), message_id=1, op=wire.CONTROL, **fields):
    return gate.wrap(op, 0, sid, wire.control_rest(op, list(acks), cookie, message_id, payload), **fields)


@case
def C4_cookie(a):
    """The third packet with a cookie that is not ours, of another address, port or session id: no session."""
    gate, tls = lab.gate_of(a), hello(a)
    rows = []  # (name, socket)

    def started():
        for _ in range(3):
            w, sid = lab.Wire(a.server, a.port, fresh(a)), os.urandom(8)
            w.send(wire.reset(gate, sid))
            cookie = answer(w, gate, sid, 2.0)
            if cookie:
                break
        return w, sid, cookie

    def row(name, w, datagram):
        w.drain()
        w.send(datagram)
        rows.append((name, w))

    for bit in range(64):
        w, sid, cookie = started()
        expect(cookie, "a good reset was not answered")
        forged = bytearray(cookie)
        forged[bit // 8] ^= 1 << bit % 8
        row(f"bit {bit}", w, third(gate, sid, bytes(forged), tls))
    for i in range(32):
        w = lab.Wire(a.server, a.port, fresh(a))
        row("random cookie", w, third(gate, os.urandom(8), os.urandom(8), tls))
        w = lab.Wire(a.server, a.port, fresh(a))
        row("random cookie in an ACK", w, third(gate, os.urandom(8), os.urandom(8), b"", op=wire.ACK))
    for i in range(8):
        w, sid, cookie = started()
        row("other address", lab.Wire(a.server, a.port, fresh(a)), third(gate, sid, cookie, tls))
        row("other port", lab.Wire(a.server, a.port, w.s.getsockname()[0]), third(gate, sid, cookie, tls))
        row("other session id", w, third(gate, os.urandom(8), cookie, tls))
        row("session id with one bit", started()[0], third(gate, bytes([sid[0] ^ 1]) + sid[1:], cookie, tls))
    for fields in ({"message_id": 0}, {"message_id": 2}, {"message_id": 3}, {"message_id": 100}, {"message_id": 0xFFFFFFFF}, {"acks": (2,)}, {"acks": (7,)},
                   {"acks": ()}, {"acks": (0xFFFFFFFF,)}):
        w, sid, cookie = started()
        row(f"third packet with {fields}", w, third(gate, sid, cookie, tls, **fields))
    time.sleep(0.5)
    told = [f"{name}: {len(got)}" for name, w in rows if (got := w.drain())]
    for _, w in rows:
        w.close()
    w, sid, cookie = started()
    w.send(third(gate, sid, cookie, tls))
    good = some(w)
    expect(not told, f"answered: {', '.join(told)[:300]}")
    expect(good, "the right cookie was not answered: the table proves nothing")
    return f"{len(rows)} forged third packets: 0 answers; the right one: {len(good)} datagrams"


@case
def C4_old_cookie(a):
    """A cookie of three slots ago is no longer good (the server's hand-window is given by --seconds)."""
    gate, tls = lab.gate_of(a), hello(a)
    w, sid = lab.Wire(a.server, a.port, fresh(a)), os.urandom(8)
    w.send(wire.reset(gate, sid))
    cookie = answer(w, gate, sid, 6)
    expect(cookie, "a good reset was not answered")
    time.sleep(a.seconds * 2 + 1)
    w.drain()
    w.send(third(gate, sid, cookie, tls))
    expect(not w.drain(1.0), "a cookie of four slots ago was accepted")
    return f"silent after {a.seconds * 2 + 1:.0f} s"


# ------------------------------------------------------------------------------------------------ C6 to C8: floods

@case
def C6_replay(a):
    """One recorded reset for so many seconds at --rate; from --ports many ports."""
    gate = lab.gate_of(a)
    socks = [lab.Wire(a.server, a.port, a.source) for _ in range(a.ports)]
    record, sent, back = wire.reset(gate), 0, 0
    begin = time.monotonic()
    print("flooding", flush=True)
    while (now := time.monotonic() - begin) < a.seconds:
        while sent < now * a.rate:
            socks[sent % len(socks)].send(record)
            sent += 1
        back += sum(len(w.drain()) for w in (socks if len(socks) < 20 else []))
        time.sleep(0.002)
    back += sum(len(w.drain()) for w in socks)
    return f"{sent} copies at {sent / a.seconds:.0f}/s, {back} answers"


@case
def C7_rejects(a):
    """A great number of rejects of each kind of C1."""
    gate = lab.gate_of(a)
    rows = [d for _, d in strangers(a, gate)] + [d for _, d in shapes(gate)]
    rows = [d for d in rows if len(d) <= 1500]
    w, sent, back = lab.Wire(a.server, a.port, fresh(a)), 0, 0
    while sent < a.size:
        for d in rows:
            w.send(d)
        sent += len(rows)
        back += len(w.drain())
    back += len(w.drain(0.5))
    expect(back == 0, f"{back} answers")
    expect(good_start(a, gate), "the server does not answer a good reset afterwards")
    return f"{sent} rejects"


@case
def C8_half_open(a):
    """Sessions that prove their address and then say nothing more; with --hello after a first piece of TLS."""
    gate = lab.gate_of(a)
    tls = hello(a)[:400] if a.hello else b""
    w, waiting, proved = lab.Wire(a.server, a.port, many=True), {}, 0

    def serve(seconds):
        nonlocal proved
        for datagram, local in w.drain(seconds):
            parsed = parse_answer(gate, datagram)
            if parsed and waiting.pop(local, None) == parsed[1]:
                if tls:
                    w.send(third(gate, parsed[1], parsed[0], tls), local)
                else:
                    w.send(third(gate, parsed[1], parsed[0], b"", op=wire.ACK), local)
                proved += 1

    for i in range(a.size):
        source, sid = fresh(a), os.urandom(8)
        waiting[source] = sid
        w.send(wire.reset(gate, sid), source)
        if i % 20 == 19:
            serve(0.002)
    serve(1.5)
    for source, sid in list(waiting.items()):  # those that were lost on the way
        w.send(wire.reset(gate, sid), source)
    serve(1.5)
    expect(proved >= a.size * 0.99, f"only {proved} of {a.size} cookies came")
    return f"{proved} proved cookies, then silence"


# ------------------------------------------------------------------------------------------------ sessions

@case
def C13_message_id_1(a):
    """A reset whose message id is 1 (MikroTik) is answered."""
    gate = lab.gate_of(a)
    w, sid = lab.Wire(a.server, a.port, fresh(a)), os.urandom(8)
    w.send(wire.reset(gate, sid, message_id=1))
    got = w.receive(6)
    parsed = got and parse_answer(gate, got[0])
    expect(parsed and parsed[1] == sid, "no answer")
    return f"answered, acknowledges {parsed[2][0]}"


@case
def C13_message_id_1_connects(a):
    """The same client goes on: its control packets are numbered 2, 3, ..."""
    w = lab.Wire(a.server, a.port, fresh(a))
    s = wire.Session(lab.gate_of(a), wire.Credentials(a.pki, a.cert))
    s.next_id = 1
    took = lab.drive(w, s)
    expect(took is not None and s.state == "up", f"no session: {s.state} {s.why}")
    return f"connected in {took * 1000:.0f} ms"


@case
def C13_many_acks(a):
    """A client that repeats many acknowledgements in each packet connects."""
    class Repeating(wire.Session):
        seen = ()

        def emit(self, op, mid, payload):
            self.seen = (list(dict.fromkeys(self.to_ack + list(self.seen))))[:8]
            self.to_ack = []
            return self.gate.wrap(op, self.key_id, self.sid, wire.control_rest(op, self.seen, self.peer_sid, mid, payload))

    w = lab.Wire(a.server, a.port, fresh(a))
    s = Repeating(lab.gate_of(a), wire.Credentials(a.pki, a.cert))
    took = lab.drive(w, s)
    expect(took is not None and s.state == "up", f"no session: {s.state} {s.why}")
    return f"connected in {took * 1000:.0f} ms with up to {len(s.seen)} acks in a packet"


@case
def client(a):
    """This tool's own client connects and an ARP question is answered by the LAN host: what the other cases stand on."""
    notes = []
    for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
        w = lab.Wire(a.server, a.port, fresh(a))
        s = wire.Session(lab.gate_of(a), wire.Credentials(a.pki, a.cert, maximum=version))
        took = lab.drive(w, s)
        expect(took is not None and s.state == "up", f"{version.name}: no session: {s.state} {s.why}")
        expect(lab.alive(w, s), f"{version.name}: no ARP answer through the tunnel")
        notes.append(f"{s.tls.version()} {took * 1000:.0f} ms")
        w.close()
    return ", ".join(notes)


@case
def client_prf(a):
    """A 2.4 client: no exporter keys, asks for its push."""
    w, s = connect(a, proto=2)
    expect("tls-ekm" not in s.push, "exporter keys for a client that cannot")
    expect(lab.alive(w, s), "no ARP answer through the tunnel")
    return "connected with PRF keys"


@case
def C15_mutations(a):
    """Sequences of control packets with a right HMAC and wrong fields, in every state of a session."""
    rng = random.Random(a.seed)
    gate, credentials = lab.gate_of(a), wire.Credentials(a.pki, a.cert)
    sent = 0
    for _ in range(a.size):
        w = lab.Wire(a.server, a.port, fresh(a))
        s = wire.Session(gate, credentials)
        stop = rng.choice(("reset", "tls", "keys", "push", "up"))
        begin = time.monotonic()
        for d in s.start(begin):
            w.send(d)
        while s.state != stop and s.state not in ("dead", "up") and time.monotonic() - begin < 1:
            got = w.receive(0.05)
            out = s.feed(got[0], time.monotonic()) if got else []
            for d in out:
                w.send(d if rng.random() > 0.1 else mangle(rng, gate, s, d))
                sent += 1
        for _ in range(20):
            w.send(mangle(rng, gate, s, None))
            sent += 1
        w.drain(0.005)
        w.close()
    return f"seed {a.seed}: {a.size} sessions, {sent} packets"


def mangle(rng, gate, s, datagram):
    """A control or data packet of this session with one thing wrong."""
    op = rng.choice((wire.CONTROL, wire.CONTROL, wire.ACK, wire.SOFT_RESET, wire.RESET_CLIENT, wire.RESET_SERVER,
                     wire.DATA_V1, wire.DATA_V2, rng.randrange(32)))
    if datagram is not None and rng.random() < 0.3:
        return datagram[:rng.randrange(len(datagram))]
    acks = [rng.choice((0, 1, s.next_id, 0xFFFFFFFF, rng.getrandbits(32))) for _ in range(rng.choice((0, 1, 4, 8, 9, 60)))]
    peer = rng.choice((s.peer_sid, s.sid, os.urandom(8), bytes(8)))
    mid = rng.choice((0, s.next_id, s.next_id + rng.randrange(16), 0xFFFFFFFF, rng.getrandbits(32)))
    payload = rng.randbytes(rng.choice((0, 1, 5, 40, 500, 1200, 1400)))
    if rng.random() < 0.3:
        payload = b"\x16\x03\x01" + struct.pack("!H", rng.choice((0, 1, 0x4000, 0xFFFF))) + payload
    rest = wire.control_rest(op, acks, peer, mid, payload)
    if rng.random() < 0.3:
        rest = bytes([rng.randrange(256)]) + rest[1:]
    if rng.random() < 0.2:
        rest = rest[:rng.randrange(len(rest) + 1)]
    sid = s.sid if rng.random() < 0.8 else os.urandom(8)
    return gate.wrap(op, rng.choice((0, 0, 0, 1, 7)), sid, rest)


@case
def C17_resets(a):
    """Hard resets from an established client's own address and port: recorded, forged, genuine but never finished; then
    a real reconnect, which takes over only when it has authenticated."""
    w = lab.Wire(a.server, a.port, fresh(a))
    gate = lab.gate_of(a)
    s = wire.Session(gate, wire.Credentials(a.pki, a.cert))
    record = s.start()
    w.send(record[0])
    s.start = lambda now=0.0: []
    expect(lab.drive(w, s) is not None and s.state == "up", f"no session: {s.state} {s.why}")
    expect(lab.alive(w, s), "no traffic at first")
    for _ in range(10):
        w.send(record[0])
    expect(lab.alive(w, s), "a recorded reset ended the session")
    forged = bytearray(wire.reset(gate))
    forged[20] ^= 1
    w.send(bytes(forged))
    expect(lab.alive(w, s), "a forged reset ended the session")
    for _ in range(3):
        w.send(wire.reset(gate))
        expect(lab.alive(w, s), "a reset that was never finished ended the session")
    sid = os.urandom(8)
    w.send(wire.reset(gate, sid))
    cookie = answer(w, gate, sid, 1.0)
    if cookie:
        w.send(third(gate, sid, cookie, hello(a)))
    expect(lab.alive(w, s), "half a handshake ended the session")
    new = wire.Session(gate, wire.Credentials(a.pki, a.cert))
    took = lab.drive(w, new)
    expect(took is not None and new.state == "up", f"the real reconnect failed: {new.state} {new.why}")
    expect(lab.alive(w, new), "no traffic in the new session")
    return f"session unharmed; the real reconnect took {took * 1000:.0f} ms"


@case
def C28_float(a):
    """The client's port and address change under traffic; copies from elsewhere move nothing."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    for _ in range(5):
        w = lab.Wire(a.server, a.port, w.s.getsockname()[0])
        expect(lab.alive(w, s), "no traffic from a new port")
    w = lab.Wire(a.server, a.port, fresh(a))
    expect(lab.alive(w, s), "no traffic from a new address")
    copy = s.seal(lab.arp_request("192.168.77.10", s.ip(), s.mac))
    w.send(copy)
    w.drain(0.3)
    thief = lab.Wire(a.server, a.port, fresh(a))
    for _ in range(20):
        thief.send(copy)
        forged = bytearray(s.seal(lab.arp_request("192.168.77.10", s.ip(), s.mac)))
        forged[-1] ^= 1
        thief.send(bytes(forged))
    w.send(s.seal(wire.PING))
    stolen = [d for d, _ in thief.drain(0.7)]
    expect(not stolen, f"{len(stolen)} datagrams went to the thief")
    expect(lab.alive(w, s), "the session was moved by copies")
    return "5 ports and another address followed; 40 copies and forgeries moved nothing"


@case
def C30_replay_window(a):
    """The exact table of accepted and refused packet ids around the edge of the window (--size ids)."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    ear = lab.Ear(a.lan)
    size = a.size
    base = s.send_pid + size + 1000
    late = sorted({*range(1, 64), *range(64, size, 61), size - 1})
    wanted, refused = [], []

    def put(packet_id, good):
        text = f"id {packet_id} {len(wanted) + len(refused)}"
        w.send(s.seal(lab.test_frame(text, s.mac), packet_id=packet_id))
        (wanted if good else refused).append(text)
        time.sleep(0.001)

    put(base, True)
    put(base, False)                      # a copy
    for back in late:                     # late, inside the window
        put(base - back, True)
    for back in late:                     # and once more
        put(base - back, False)
    for more in (0, 1, 2, 36, 436):       # behind the window
        put(base - size - more, False)
    put(0, False)
    put(base + 1, True)
    put(base + 1 - size, False)           # the edge moved by one
    far = base + size + 5000
    put(far, True)                        # a jump forgets the old window
    put(base + 2, False)
    put(far + 1 - size, True)
    put(far - size, False)
    put(far, False)
    w.send(s.seal(lab.test_frame("the end", s.mac), packet_id=far + 1))
    heard = ear.heard(0, until="the end")
    twice = sorted({t for t in heard if heard.count(t) > 1})
    lost = [t for t in wanted if t not in heard]
    wrong = [t for t in refused if t in heard]
    expect(not twice, f"delivered twice: {twice[:5]}")
    expect(not wrong, f"accepted: {wrong[:8]} (base {base})")
    expect(not lost, f"refused: {lost[:8]} (base {base})")
    return f"{len(wanted)} accepted, {len(refused)} refused, exactly as listed"


@case
def C32_bad_data(a):
    """Data packets cut, with flipped tag, ciphertext or header, of a dead key id, of another peer id: none arrives."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    ear = lab.Ear(a.lan)
    n = 0
    good = s.seal(lab.test_frame("bad", s.mac))
    rows = [good[:i] for i in range(len(good))]
    for _, flipped in flips(good):
        rows.append(flipped)
    rows += [s.seal(lab.test_frame("bad", s.mac), key_id=k) for k in range(1, 8)]
    rows += [s.seal(lab.test_frame("bad", s.mac), peer_id=p) for p in range(64) if p != s.peer_id]
    rows += [s.seal(lab.test_frame("bad", s.mac), peer_id=p) for p in (0xFFFFFE, 0x800000)]
    rows += [s.seal(b""), s.seal(b"\0"), s.seal(b"\0" * 13)]
    while n < a.size:
        for d in rows:
            w.send(d)
        n += len(rows)
    heard = []
    for i in range(5):  # its queue may be full of the bad ones still
        w.send(s.seal(lab.test_frame("good one", s.mac)))
        heard += ear.heard(1.0)
        if "good one" in heard:
            break
    expect("bad" not in heard, f"{heard.count('bad')} bad frames were delivered")
    expect("good one" in heard, "the good frames after them are lost")
    expect(lab.alive(w, s), "no traffic afterwards")
    return f"{n} bad packets: 0 delivered; the good one after them was"


@case
def C21_failing_among_good(a):
    """--size handshakes with certificates of a stranger's CA, and as many good ones between them: each good one comes up,
    and the first, which has stood from the beginning, is not disturbed (errors of one TLS session told to another)."""
    first, s = connect(a)
    for i in range(a.size):
        w, bad = lab.Wire(a.server, a.port, fresh(a)), wire.Session(lab.gate_of(a), wire.Credentials(a.pki, "stranger"))
        lab.drive(w, bad, until=("keys", "up", "dead"))  # its certificate has left
        lab.go_on(w, bad, 0.3)
        expect(bad.state != "up", f"round {i}: a stranger's certificate came up")
        other, good = connect(a)
        expect(lab.alive(other, good), f"round {i}: the good session is not served")
        expect(lab.alive(first, s), f"round {i}: the first session is not served any more")
    return f"{a.size} bad and {a.size} good handshakes in turn"


@case
def C33_stranger_data(a):
    """Valid-looking data with an established peer's id, from elsewhere and in every state of a new handshake."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    gate, credentials = lab.gate_of(a), wire.Credentials(a.pki, a.cert)
    for stop in ("reset", "tls", "keys"):
        other = lab.Wire(a.server, a.port, fresh(a))
        half = wire.Session(gate, credentials)
        for d in half.start():
            other.send(d)
        end = time.monotonic() + 0.5
        while half.state != stop and time.monotonic() < end:
            got = other.receive(0.05)
            for d in half.feed(got[0], time.monotonic()) if got else []:
                other.send(d)
        for peer in [s.peer_id] + list(range(16)):
            other.send(struct.pack("!II", wire.DATA_V2 << 27 | peer, 5000 + peer) + os.urandom(80))
        mine = struct.pack("!I", wire.DATA_V2 << 27 | s.peer_id)
        stolen = [d for d, _ in other.drain(0.2) if d[0] >> 3 == wire.DATA_V2 and d[1:4] == mine[1:4]]
        expect(not stolen, f"state {stop}: {len(stolen)} data packets went to a stranger")
        expect(lab.alive(w, s), f"state {stop}: the session was moved")
    return "no float, no session change"


@case
def exit_old_form(a):
    """The good-bye of old clients: an OCC packet on the data channel."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    for _ in range(3):
        w.send(s.seal(wire.OCC + bytes([wire.OCC_EXIT])))
        time.sleep(0.05)
    return "said good-bye"


@case
def occ_and_ping(a):
    """An OCC request is answered; neither it nor a ping reaches the LAN."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    w.drain(0.1)
    w.send(s.seal(wire.OCC + bytes([wire.OCC_REQUEST])))
    reply = [p for d, _ in some(w, more=0.5) if (p := s.open(d)) and p.startswith(wire.OCC + bytes([wire.OCC_REPLY]))]
    expect(reply, "no OCC reply")
    expect(b"dev-type tap" in reply[0], f"odd OCC reply {reply[0][16:60]}")
    return "answered"


@case
def swarm(a):
    """--size sessions at once from this one process, each from its own address; held for --seconds under keepalive.
    Prints how many connected and the time it took, then `holding`."""
    gate, credentials = lab.gate_of(a), wire.Credentials(a.pki, a.cert)
    w = lab.Wire(a.server, a.port, many=True)
    sessions, started, up = {}, 0, set()
    begin = time.monotonic()
    next_tick = begin + 0.5
    first_up = None
    while time.monotonic() - begin < a.wait and len(up) < a.size:
        now = time.monotonic()
        busy = sum(1 for i in sessions if i not in up)
        while started < a.size and busy < a.parallel:
            source = fresh(a)
            s = sessions[source] = wire.Session(gate, credentials)
            s.retry = 3.0
            for d in s.start(now):
                w.send(d, source)
            started, busy = started + 1, busy + 1
        for datagram, local in w.drain(0.001):
            s = sessions.get(local)
            if s is None:
                continue
            for d in s.feed(datagram, time.monotonic()):
                w.send(d, local)
            if s.state == "up" and local not in up:
                up.add(local)
                s.tls = s.incoming = s.outgoing = None  # a session that is up needs only its keys
                s.feed = lambda *_: []
        if now >= next_tick:
            next_tick = now + 0.5
            for local, s in sessions.items():
                if local not in up:
                    for d in s.tick(now):
                        w.send(d, local)
    took = time.monotonic() - begin
    print(f"holding {len(up)} of {a.size} after {took:.1f} s", flush=True)
    end, every = time.monotonic() + a.seconds, 8.0
    order = sorted(up)
    while time.monotonic() < end and order:  # keepalive, spread over the interval
        for local in order:
            w.send(sessions[local].seal(wire.PING), local)
            w.drain(every / len(order))
            if time.monotonic() >= end:
                break
    expect(len(up) >= a.size * 0.99, f"only {len(up)} of {a.size} are up")
    return f"{len(up)} sessions in {took:.1f} s"


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("case", choices=sorted(CASES))
    p.add_argument("--pki", required=True)
    p.add_argument("--server", default="10.9.0.1")
    p.add_argument("--server6", default="fd09::1")
    p.add_argument("--port", type=int, default=1194)
    p.add_argument("--digest", default="sha256")
    p.add_argument("--cert", default="c3")
    p.add_argument("--lan", default="")
    p.add_argument("--base", default="10.128.0.0")
    p.add_argument("--offset", type=int, default=0)
    p.add_argument("--source")
    p.add_argument("--size", type=int, default=1000)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--wait", type=float, default=120)
    p.add_argument("--rate", type=float, default=200)
    p.add_argument("--ports", type=int, default=1)
    p.add_argument("--parallel", type=int, default=50)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--hello", action="store_true")
    a = p.parse_args()
    try:
        print(CASES[a.case](a))
        return 0
    except Failed as e:
        print(e)
        return 1


if __name__ == "__main__":
    sys.exit(main())
