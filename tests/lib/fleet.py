#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once, each from an address of its own.

fleet.py --config FILE --count N [--program PATH] [--base 10.20.0.0] [--wait S] [--hold]

Starts N clients (their configuration plus `--local ADDRESS --lport PORT`), stamps every line they print and waits until
all are connected or the time is over. Prints one line of JSON: how many connected, how many at the first try, the
seconds from the start of the first process to each connection, and the seconds from each process's own start. With
--hold it then keeps them until its standard input ends. The processes are killed without a good-bye.

The namespace needs `ip route add local 10.20.0.0/16 dev lo`, the other side a route back.
"""
import argparse
import ipaddress
import json
import os
import selectors
import signal
import subprocess
import sys
import time

DONE = b"Initialization Sequence Completed"
AGAIN = (b"TLS key negotiation failed", b"TLS handshake failed", b"SIGUSR1", b"AUTH_FAILED", b"Inactivity timeout")


class Client:
    def __init__(self, command):
        self.start = time.monotonic()
        self.done = None
        self.again = 0
        self.tail = b""
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        os.set_blocking(self.process.stdout.fileno(), False)

    def feed(self, data):
        lines = (self.tail + data).split(b"\n")
        self.tail = lines.pop()
        for line in lines:
            if DONE in line and self.done is None:
                self.done = time.monotonic()
            elif self.done is None and any(mark in line for mark in AGAIN):
                self.again += 1


def pump(selector, seconds):
    """Reads what has come; true while at least one pipe is open."""
    for key, _ in selector.select(seconds):
        try:
            data = os.read(key.fd, 65536)
        except BlockingIOError:
            continue
        if data:
            key.data.feed(data)
        else:
            selector.unregister(key.fileobj)
    return bool(selector.get_map())


def launch(a, selector):
    base = ipaddress.ip_address(a.base) + 1
    clients = []
    for i in range(a.count):
        command = [a.program, "--config", a.config]
        if a.base != "none":
            command += ["--local", str(base + i), "--lport", str(20000 + i)]
        clients.append(Client(command))
        selector.register(clients[-1].process.stdout, selectors.EVENT_READ, clients[-1])
        pump(selector, 0)
    return clients


def report(clients):
    first = clients[0].start
    done = [c for c in clients if c.done]
    return {
        "clients": len(clients),
        "connected": len(done),
        "first_try": len([c for c in done if not c.again]),
        "at": sorted(round(c.done - first, 4) for c in done),
        "took": sorted(round(c.done - c.start, 4) for c in done),
    }


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--config", required=True)
    p.add_argument("--count", type=int, required=True)
    p.add_argument("--program", default="openvpn")
    p.add_argument("--base", default="10.20.0.0")
    p.add_argument("--wait", type=float, default=60)
    p.add_argument("--hold", action="store_true")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    selector = selectors.DefaultSelector()
    clients = []
    try:
        clients = launch(a, selector)
        end = time.monotonic() + a.wait
        while time.monotonic() < end and not all(c.done for c in clients):
            if not pump(selector, 0.2):
                break
        print(json.dumps(report(clients)), flush=True)
        if a.hold:
            selector.register(sys.stdin, selectors.EVENT_READ, Client.__new__(Client))
            hold(selector)
    finally:
        for c in clients:
            c.process.kill()
        for c in clients:
            c.process.wait()


def hold(selector):
    while True:
        for key, _ in selector.select(1):
            data = os.read(key.fd, 65536)
            if key.fileobj is sys.stdin and not data:
                return


if __name__ == "__main__":
    main()
