#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inner frames that no honest host sends (catalogue C34): short ones, header chains without end, lengths that lie, TCP
options that break off, frames far above the MTU.

odd_frames.py send DEV DST   sends each of them once from DEV to the MAC DST
odd_frames.py hear DEV SECS  listens on DEV; prints how many of them came, and how many came changed; 1 if any did
"""
import socket
import signal
import struct
import sys
import time

SRC = bytes.fromhex("02005e003401")
ETH_P_ALL = 3


def ip4(payload, proto=6, ihl=5, total=None):
    total = ihl * 4 + len(payload) if total is None else total
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, total & 0xFFFF, 7, 0, 64, proto, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
    return b"\x08\0" + head + payload


def ip6(payload, nxt, length=None):
    length = len(payload) if length is None else length
    return b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, length & 0xFFFF, nxt, 64) + b"\xfd" + bytes(31) + payload


def syn(options, offset=None):
    offset = 5 + len(options) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", 1000, 2000, 1, 0, (offset << 4) & 0xF0, 2, 512, 0, 0) + options


def bodies():
    yield from (bytes(n) for n in range(5))  # 12 + 0..4 bytes: shorter than a header to shorter than a tag
    yield from (b"\x81\0" + bytes(n) for n in range(5))
    yield from (ip4(b"", ihl=i) for i in (0, 4, 15))
    yield from (ip4(syn(b""), total=t) for t in (0, 19, 20, 39, 41, 65535))
    yield from (ip4(b"\0" * n) for n in (1, 13, 19))
    yield from (ip4(syn(o)) for o in (b"\2\0\0\0", b"\2\1\0\0", b"\2\3\0\0", b"\2\5\xff\xff", b"\1\1\1\2", b"\1\1\2\4",
                                      b"\x08\xff\0\0"))
    yield from (ip4(syn(b"\1" * 8, offset=o)) for o in (0, 4, 15))
    yield from (ip4(struct.pack("!HHHH", 1, 2, n, 0) + b"x" * 8, proto=17) for n in (0, 7, 65535))
    for nxt in (0, 43, 44, 51, 60, 135):
        one = bytes([nxt, 0]) + bytes(6)
        yield ip6(one * 200, nxt)  # a chain without end
        yield ip6(bytes([nxt, 255]) + bytes(6), nxt)  # longer than the packet
        yield ip6(b"", nxt)
    yield from (ip6(syn(b"\2\4\xff\xff"), 6, length=n) for n in (0, 3, 65535))
    yield from (b"\x88\xb6" + b"f" * n for n in (1500, 1501, 2000, 9000, 32000, 65000, 65507))


def frames(dst):
    return [dst + SRC + b for b in bodies()]


def send(dev, dst):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((dev, 0))
    sent = 0
    for f in frames(bytes.fromhex(dst.replace(":", ""))):
        try:
            sent += s.send(f) > 0
        except OSError:
            pass  # the kernel refuses those below 14 bytes
        time.sleep(0.002)
    print(sent, "sent")


def hear(dev, seconds):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((dev, 0))
    s.settimeout(0.2)
    known = {f[6:] for f in frames(bytes(6))}
    came = changed = 0
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    ended = []
    print("ready", flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end and not ended:
        try:
            f, where = s.recvfrom(70000)
        except TimeoutError:
            continue
        if where[2] == socket.PACKET_OUTGOING or f[6:12] != SRC or f[12:14] == b"\x80\x35":  # not one of them; the announcement of the address
            continue
        came += 1
        if not any(k.startswith(f[6:]) for k in known):  # the kernel's bridge cuts off what stands behind IP
            changed += 1
            print("changed:", len(f), f[:80].hex())
    print(came, "came,", changed, "changed")
    return changed > 0


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], sys.argv[3])
    else:
        sys.exit(hear(sys.argv[2], float(sys.argv[3])))
