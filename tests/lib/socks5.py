# SPDX-License-Identifier: GPL-3.0-or-later
"""A SOCKS 5 proxy that does UDP ASSOCIATE and nothing else (RFC 1928, 1929).

    socks5.py ADDRESS PORT [USER PASSWORD]

Prints a line when it listens, one per association and one per refusal. SIGUSR1 ends all associations.
"""
import select
import signal
import socket
import struct
import sys

ADDRESS, PORT = sys.argv[1], int(sys.argv[2])
LOGIN = tuple(x.encode() for x in sys.argv[3:5])
associations = {}  # TCP socket -> (UDP socket towards the client, its address, UDP socket outwards)


def take(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError("the end")
        data += more
    return data


def greet(tcp):
    version, count = take(tcp, 2)
    methods = take(tcp, count)
    method = 2 if LOGIN else 0
    if version != 5 or method not in methods:
        tcp.sendall(b"\x05\xff")
        return False
    tcp.sendall(bytes((5, method)))
    if LOGIN:
        user = take(tcp, take(tcp, 2)[1])
        good = (user, take(tcp, take(tcp, 1)[0])) == LOGIN
        tcp.sendall(b"\x01" + (b"\0" if good else b"\1"))
        return good
    return True


def associate(tcp):
    tcp.settimeout(3)
    if not greet(tcp) or take(tcp, 10)[:2] != b"\x05\x03":
        print("refused", flush=True)
        tcp.close()
        return
    inner, outer = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    inner.bind((ADDRESS, 0))
    outer.bind((ADDRESS, 0))
    tcp.sendall(b"\x05\0\0\x01" + socket.inet_aton("0.0.0.0") + struct.pack(">H", inner.getsockname()[1]))
    associations[tcp] = [inner, None, outer]
    print("associated", flush=True)


def drop(tcp):
    for sock in (tcp, associations[tcp][0], associations[tcp][2]):
        sock.close()
    del associations[tcp]


def drop_all(*_):
    for tcp in list(associations):
        drop(tcp)


def pump(tcp, readable):
    inner, client, outer = associations[tcp]
    if inner in readable:
        data, associations[tcp][1] = inner.recvfrom(65536)
        if data[:4] == b"\0\0\0\x01":
            outer.sendto(data[10:], (socket.inet_ntoa(data[4:8]), struct.unpack(">H", data[8:10])[0]))
    if outer in readable and client:
        data, (host, port) = outer.recvfrom(65536)
        inner.sendto(b"\0\0\0\x01" + socket.inet_aton(host) + struct.pack(">H", port) + data, client)
    if tcp in readable and not tcp.recv(100):
        drop(tcp)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((ADDRESS, PORT))
listener.listen(5)
signal.signal(signal.SIGUSR1, drop_all)
print("listening", flush=True)
while True:
    every = [listener] + [s for tcp, (a, _, b) in associations.items() for s in (tcp, a, b)]
    try:
        ready = select.select(every, [], [], 5)[0]
        if listener in ready:
            associate(listener.accept()[0])
        for one in list(associations):
            pump(one, ready)
    except (OSError, ValueError):
        pass
