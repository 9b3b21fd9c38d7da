# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients with a good certificate that do not play by the rules of a session: they take over in mid-speech, flood the
control channel, go on after the end, come in swarms with one certificate, never renegotiate (C16, C22 to C24, C27)."""
import os
import time

import lab
import wire
from base import case, connect, expect, fresh


def soft_reset(s, key_id, message_id=0):
    return s.gate.wrap(wire.SOFT_RESET, key_id, s.sid, wire.control_rest(wire.SOFT_RESET, message_id=message_id))


def chatter(s):
    """What a session may still have to say: an acknowledgement, a retransmission, a soft reset, data, nonsense in TLS."""
    s.to_ack = [s.expected - 1]
    return [*s.ack(), s.emit(wire.CONTROL, s.next_id - 1, b""), soft_reset(s, 1), s.seal(wire.PING),
            s.emit(wire.CONTROL, s.next_id, b"\x15\x03\x03\0\x13" + os.urandom(19))]


def sid_of(gate, datagram):
    """The sender's session id of a control packet with a right HMAC; None for data."""
    if datagram[0] >> 3 in (wire.DATA_V1, wire.DATA_V2):
        return None
    got = gate.unwrap(datagram)
    expect(got is not None, "a control packet with a wrong HMAC came")
    return got[2]


@case
def C16_takeover(a):
    """A session is replaced by the same certificate's next one while it has things queued: each datagram that comes
    belongs to the session of its address, the new one works, the old one is out of the data channel."""
    gate, rounds = lab.gate_of(a), a.size
    w, s = connect(a)
    for i in range(rounds):
        expect(lab.alive(w, s), f"round {i}: no traffic")
        nw, ns = lab.Wire(a.server, a.port, fresh(a)), wire.Session(gate, wire.Credentials(a.pki, a.cert))
        begin = time.monotonic()
        for d in ns.start(begin):
            nw.send(d)
        while ns.state not in ("up", "dead") and time.monotonic() - begin < 20:
            got = nw.receive(0.02)
            out = ns.feed(got[0], time.monotonic()) if got else ns.tick(time.monotonic())
            for d in chatter(s)[i % 5:] + out + chatter(s)[:i % 5]:
                (nw if d in out else w).send(d)
        expect(ns.state == "up", f"round {i}: the new session did not come up: {ns.state} {ns.why}")
        for old, _ in w.drain(0.05):
            sid = sid_of(gate, old)
            expect(sid in (None, s.peer_sid), f"round {i}: the old address got a packet of another session")
        expect(lab.alive(nw, ns), f"round {i}: no traffic in the new session")
        expect(not lab.alive(w, s, seconds=0.3), f"round {i}: the old session is still served")
        w.close()
        w, s = nw, ns
    return f"{rounds} take-overs"


@case
def C22_flood(a):
    """TLS records of one byte and unknown messages without end: the session is ended, or it is served on; its
    acknowledgements stay within what was sent."""
    w, s = connect(a)
    sent = back = 0
    begin = time.monotonic()
    s.unacked = {}
    while sent < a.size and s.state == "up":
        out = s.say("X", time.monotonic()) if sent % 2 else s.say("", time.monotonic())
        for d in out:
            w.send(d)
            sent += 1
        for got, _ in w.drain(0.0005):
            back += len(got)
            for d in s.feed(got, time.monotonic()):
                w.send(d)
        if sent % 8 == 7 and len(s.unacked) > 6:  # no more than the server's window
            got = w.receive(0.05)
            for d in s.feed(got[0], time.monotonic()) if got else s.tick(time.monotonic()):
                w.send(d)
            if got:
                back += len(got[0])
        if time.monotonic() - begin > a.seconds:
            break
    lives = s.state == "up" and lab.alive(w, s)
    expect(lives or s.state == "dead" or time.monotonic() - begin > 1, "the session hangs")
    return f"{sent} records in {time.monotonic() - begin:.1f} s, {back} bytes back; session {'goes on' if lives else 'ended'}"


@case
def C22_soft_resets(a):
    """Soft resets as fast as they leave, with every key id: the session is served on under its key, and the server
    begins no more than one renegotiation of them."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    begun = set()
    for i in range(a.size):
        w.send(soft_reset(s, i % 8, i % 3))
        if i % 50 == 49:
            for got, _ in w.drain(0.001):
                opened = s.gate.unwrap(got) if got[0] >> 3 == wire.SOFT_RESET else None
                if opened:
                    begun.add(opened[1])
    expect(len(begun) <= 1, f"the server began renegotiations with the key ids {sorted(begun)}")
    expect(lab.alive(w, s), "the session is not served any more")
    return f"{a.size} soft resets: {len(begun)} renegotiation begun, traffic goes on"


@case
def C23_goes_on(a):
    """A client that said good-bye keeps sending data, pings, soft resets and control packets: --seconds later nothing
    of it reaches the LAN, and nothing is answered."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    for d in s.say("EXIT", time.monotonic()):
        w.send(d)
    end = time.monotonic() + a.seconds
    while time.monotonic() < end:
        for d in chatter(s):
            w.send(d)
        w.drain(0.05)
    ear = lab.Ear(a.lan)
    w.drain(0.3)
    for i in range(20):
        w.send(s.seal(lab.test_frame("from the dead", s.mac)))
        for d in chatter(s):
            w.send(d)
    got = w.drain(1.0)
    expect("from the dead" not in ear.heard(0.3), "its frames still reach the LAN")
    expect(not got, f"{len(got)} datagrams came back")
    return f"{a.seconds:.0f} s after the good-bye: silence both ways"


@case
def C24_one_certificate(a):
    """--size clients with one certificate at once, then two that take the place from each other: the last is served,
    and nobody is answered in a storm."""
    gate, credentials = lab.gate_of(a), wire.Credentials(a.pki, a.cert)
    w = lab.Wire(a.server, a.port, many=True)
    sessions, begin = {}, time.monotonic()
    for i in range(a.size):
        source = fresh(a)
        s = sessions[source] = wire.Session(gate, credentials)
        s.retry = 3.0
        for d in s.start(begin):
            w.send(d, source)
    took, tick = {}, begin + 1
    while time.monotonic() - begin < a.wait and len(took) < a.size:
        got = w.receive(0.05)
        now = time.monotonic()
        if got and got[1] in sessions:
            s = sessions[got[1]]
            for d in s.feed(got[0], now):
                w.send(d, got[1])
            if s.state in ("up", "dead"):
                took.setdefault(got[1], now - begin)
        if now > tick:
            tick = now + 1
            for source, s in sessions.items():
                if source not in took:
                    for d in s.tick(now):
                        w.send(d, source)
    up = sum(1 for s in sessions.values() if s.state == "up")
    answers = len(w.drain(1.5))
    w.close()
    expect(up >= 1, "none of them got in")
    expect(answers <= 20 * a.size, f"{answers} datagrams to clients that were replaced")
    one, other = connect(a), None
    for i in range(4):
        other = connect(a)
        expect(lab.alive(*other), f"change {i}: the newer one is not served")
        expect(not lab.alive(*one, seconds=0.3), f"change {i}: the older one is served too")
        one = other
    return f"{up} of {a.size} came up one after the other, {answers} datagrams after that; 4 changes, the newer one served each time"


@case
def C27_never_renegotiates(a):
    """The server wants new keys and the client never answers: served until the end of the transition, then no more."""
    w, s = connect(a)
    expect(lab.alive(w, s), "no traffic at first")
    begin, last = time.monotonic(), 0.0
    while time.monotonic() - begin < a.seconds:
        if lab.alive(w, s, seconds=0.6):
            last = time.monotonic() - begin
    expect(last < a.seconds - 2, f"still served {last:.0f} s later")
    expect(last > 2, f"served for {last:.1f} s only")
    return f"served for {last:.1f} s, then no more"
