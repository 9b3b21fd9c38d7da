#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counted ICMP echoes (IPv4), where the single one counts.

echoes.py ADDRESS COUNT GAP [--size BYTES] [--df] [--wait SECONDS]

ping(8) leaves no more time to its last echoes than twice the longest round trip so far, and with -w none at all: what is
under way then is counted as lost. This waits for each of them (5 s after the last one was sent, if not told
otherwise), and ends as soon as all are there. Prints ping's last two lines; status 0 when one came back.
"""
import argparse
import os
import select
import socket
import struct
import time

IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2


def checksum(data):
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xFFFF) + (n >> 16)
    return ~n & 0xFFFF


def question(ident, seq, payload):
    head = struct.pack("!BBHHH", 8, 0, 0, ident, seq)
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


class Echoes:
    def __init__(self, a):
        self.a, self.ident = a, os.getpid() & 0xFFFF
        self.payload = bytes(a.size + a.size % 2)
        self.sent, self.took = {}, {}  # by sequence number
        self.s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO if a.df else IP_PMTUDISC_DONT)
        self.s.connect((a.address, 0))
        self.s.setblocking(False)

    def ask(self):
        seq = len(self.sent)
        self.sent[seq] = time.monotonic()
        try:
            self.s.send(question(self.ident, seq & 0xFFFF, self.payload))
        except OSError:
            pass  # too long for the path, or no way there: it is missing

    def hear(self, seconds):
        if not select.select([self.s], [], [], max(0, seconds))[0]:
            return
        try:
            raw = self.s.recv(65536)
        except OSError:
            return
        kind, _, _, ident, seq = struct.unpack("!BBHHH", raw[20:28])
        if kind == 0 and ident == self.ident and seq in self.sent and seq not in self.took:
            self.took[seq] = time.monotonic() - self.sent[seq]

    def run(self):
        begin = time.monotonic()
        while len(self.sent) < self.a.count:
            due = begin + len(self.sent) * self.a.gap
            if time.monotonic() >= due:
                self.ask()
            else:
                self.hear(due - time.monotonic())
        end = time.monotonic() + self.a.wait
        while len(self.took) < self.a.count and time.monotonic() < end:
            self.hear(end - time.monotonic())

    def report(self):
        n, back = len(self.sent), len(self.took)
        ms = sorted(t * 1000 for t in self.took.values())
        print("%d packets transmitted, %d received, %g%% packet loss" % (n, back, round((n - back) * 100 / n, 4)))
        if ms:
            print("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/0 ms" % (ms[0], sum(ms) / back, ms[-1]))
        return 0 if back else 1


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("address")
    p.add_argument("count", type=int)
    p.add_argument("gap", type=float)
    p.add_argument("--size", type=int, default=56)
    p.add_argument("--df", action="store_true")
    p.add_argument("--wait", type=float, default=5)
    a = p.parse_args()
    assert a.count <= 65536
    e = Echoes(a)
    e.run()
    return e.report()


if __name__ == "__main__":
    raise SystemExit(main())
