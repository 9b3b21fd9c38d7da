#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw Ethernet frames for the tests (AF_PACKET, stdlib only).

frames.py send IF [--dst MAC] [--src MAC] [--type 0x88b5] [--vlan ID[,ID]] [--text TEXT] [--size N] [--count N]
               [--gap SECONDS] [--hex BYTES]
frames.py hear IF [--text TEXT] [--bytes HEX] [--type 0x....] [--from MAC] [--seconds S] [--count N]
    prints one line a frame: "src dst vlan|- type length"; ends with status 0 as soon as COUNT (1) frames that carry TEXT
    and HEX came in, with 1 when the time is over. Prints "ready" first, so that a script knows when to send.
frames.py numbers IF ...  as hear, but TEXT is followed by a decimal number: prints the numbers in the order of
    arrival when the time is over (loss, doubles and order of a numbered flow).

The kernel takes an outer 802.1Q tag off before a packet socket sees the frame and tells it beside the frame: hear puts
it back into its report.
"""
import argparse
import socket
import struct
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 16


def mac(text):
    return bytes(int(b, 16) for b in text.split(":"))


def show(raw):
    return ":".join("%02x" % b for b in raw)


def own_mac(interface):
    with open(f"/sys/class/net/{interface}/address") as f:
        return f.read().strip()


def build(dst, src, ethertype, payload, vlans=()):
    tags = b"".join(struct.pack("!HH", 0x8100, v) for v in vlans)
    return mac(dst) + mac(src) + tags + struct.pack("!H", ethertype) + payload


def packet_socket(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.bind((interface, ETH_P_ALL))
    return s


def receive(s, deadline):
    """(frame, vlan or None), or None when the time is over. Own outgoing frames are skipped."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        s.settimeout(left)
        try:
            frame, control, _, address = s.recvmsg(70000, 256)
        except (socket.timeout, BlockingIOError):
            return None
        if address[2] == socket.PACKET_OUTGOING:
            continue
        vlan = None
        for level, kind, data in control:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and len(data) >= 20:
                status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    vlan = tci & 0xFFF
        return frame, vlan


def send(a):
    s = packet_socket(a.interface)
    payload = bytes.fromhex(a.hex) if a.hex else a.text.encode()
    payload = payload.ljust(a.size, b"\0")
    vlans = [int(v, 0) for v in a.vlan.split(",")] if a.vlan else []
    for i in range(a.count):
        body = payload.replace(b"%d", b"%d" % i) if b"%d" in payload else payload
        s.send(build(a.dst, a.src or own_mac(a.interface), int(a.type, 0), body, vlans))
        if a.gap:
            time.sleep(a.gap)
    return 0


def wanted(a, frame):
    if a.text and a.text.encode() not in frame:
        return False
    if a.bytes and bytes.fromhex(a.bytes) not in frame:
        return False
    return not getattr(a, "from") or frame[6:12] == mac(getattr(a, "from"))


def heard(a):
    s = packet_socket(a.interface)
    print("ready", flush=True)
    deadline = time.monotonic() + a.seconds
    while True:
        got = receive(s, deadline)
        if got is None:
            return
        if wanted(a, got[0]):
            yield got


def hear(a):
    n = 0
    for frame, vlan in heard(a):
        kind = struct.unpack("!H", frame[12:14])[0]
        print(show(frame[6:12]), show(frame[:6]), "-" if vlan is None else vlan, "%#06x" % kind, len(frame), flush=True)
        n += 1
        if n >= a.count:
            return 0
    return 1


def numbers(a):
    mark = a.text.encode()
    for frame, _ in heard(a):
        tail = frame[frame.index(mark) + len(mark):]
        digits = bytes(b for b in tail[:len(tail.split(b"\0")[0])])
        print(digits.decode("ascii", "replace"))
    return 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("what", choices=["send", "hear", "numbers"])
    p.add_argument("interface")
    p.add_argument("--dst", default="ff:ff:ff:ff:ff:ff")
    p.add_argument("--src")
    p.add_argument("--type", default="0x88b5")
    p.add_argument("--vlan")
    p.add_argument("--text", default="")
    p.add_argument("--hex")
    p.add_argument("--bytes")
    p.add_argument("--size", type=int, default=46)
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--gap", type=float, default=0)
    p.add_argument("--from")
    p.add_argument("--seconds", type=float, default=3)
    a = p.parse_args()
    return {"send": send, "hear": hear, "numbers": numbers}[a.what](a)


if __name__ == "__main__":
    sys.exit(main())
