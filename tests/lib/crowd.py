#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A crowd before an HTTP server, for tests.

  crowd.py FROM PORT COUNT SECONDS   COUNT connections from the local address FROM to 127.0.0.1:PORT: a third says
                                     nothing, a third sends its request a byte a second, a third asks and reads nothing
Prints "ready" when all have tried; nobody hangs up before SECONDS are over.
"""
import socket
import sys
import time

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 4000


def connect(source, port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    s.bind((source, 0))
    s.settimeout(2)
    try:
        s.connect(("127.0.0.1", port))
    except OSError:
        s.close()
        return None
    s.setblocking(False)
    return s


def main():
    source, port, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    slow, others = [], []
    for i in range(count):
        s = connect(source, port)
        if s:
            (slow if i % 3 == 1 else others).append(s)
            if i % 3 == 2:
                s.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    print("ready", flush=True)
    for i in range(int(seconds)):
        for s in slow:
            try:
                s.send(REQUEST[i : i + 1])
            except OSError:
                pass
        time.sleep(1)


if __name__ == "__main__":
    main()
