#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbered UDP flows (stdlib only): what of a flow was lost, doubled or overtaken, to the single frame.

flow.py send ADDRESS PORT --rate PPS --size BYTES --seconds S
    sends datagrams of BYTES (8 at least), each with its number; prints {"sent": N} at the end.
flow.py hear PORT [--seconds S]
    prints "ready", counts until SIGTERM or S; then one JSON line: received, doubles, late (a number lower than one that
    came before), highest, socket_drops (what this receiver's own socket could not take), and bursts, the gaps of 20
    numbers and more with the time of day, for a look into the logs.
"""
import argparse
import json
import select
import signal
import socket
import struct
import sys
import time

SO_RCVBUFFORCE, SO_SNDBUFFORCE, SO_RXQ_OVFL = 33, 32, 40
BURST = 20
NUMBER = struct.Struct("!Q")


def send(a):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 4 << 20)
    s.connect((a.address, a.port))
    fill = bytes(max(0, a.size - NUMBER.size))
    n, begin = 0, time.monotonic()
    end = begin + a.seconds
    while (now := time.monotonic()) < end:
        due = int((now - begin) * a.rate)
        due = min(due, n + 64)  # after a pause of this process: a burst that no queue overflows on
        while n < due:
            try:
                s.send(NUMBER.pack(n) + fill)
            except ConnectionRefusedError:
                continue
            n += 1
        time.sleep(0.001)
    print(json.dumps({"sent": n}), flush=True)


class Ears:
    """One flow's account. Numbers rise by one; what was skipped is missing until it comes late."""

    def __init__(self):
        self.received = self.doubles = self.late = self.socket_drops = 0
        self.next, self.missing, self.bursts = 0, set(), []

    def take(self, number):
        self.received += 1
        if number == self.next:
            self.next += 1
        elif number > self.next:
            self.missing.update(range(self.next, number))
            if number - self.next >= BURST:
                self.bursts.append([time.strftime("%H:%M:%S") + f"{time.time() % 1:.3f}"[1:], number - self.next])
            self.next = number + 1
        elif number in self.missing:
            self.missing.discard(number)
            self.late += 1
        else:
            self.doubles += 1

    def report(self):
        return {"received": self.received, "doubles": self.doubles, "late": self.late, "highest": self.next - 1,
                "socket_drops": self.socket_drops, "bursts": self.bursts}


def hear(a):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
    s.bind(("0.0.0.0", a.port))
    s.setblocking(False)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    print("ready", flush=True)
    ears, end = Ears(), time.monotonic() + a.seconds
    while not stop and time.monotonic() < end:
        if not select.select([s], [], [], 0.1)[0]:
            continue
        try:
            while True:
                data, control, _, _ = s.recvmsg(2048, 64)
                for _, kind, raw in control:
                    if kind == SO_RXQ_OVFL:
                        ears.socket_drops = struct.unpack("=I", raw[:4])[0]
                ears.take(NUMBER.unpack_from(data)[0])
        except BlockingIOError:
            time.sleep(0.002)  # a few at a time costs less than one by one
    print(json.dumps(ears.report()), flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = p.add_subparsers(required=True)
    q = sub.add_parser("send")
    q.add_argument("address")
    q.add_argument("port", type=int)
    q.add_argument("--rate", type=float, default=1000)
    q.add_argument("--size", type=int, default=8)
    q.add_argument("--seconds", type=float, default=5)
    q.set_defaults(run=send)
    q = sub.add_parser("hear")
    q.add_argument("port", type=int)
    q.add_argument("--seconds", type=float, default=1e9)
    q.set_defaults(run=hear)
    a = p.parse_args()
    a.run(a)


if __name__ == "__main__":
    sys.exit(main())
