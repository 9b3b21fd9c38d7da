#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VLAN device for kernels without 8021q: vlandev.py LOWER VID NAME

Makes the TAP NAME and carries its frames over LOWER with an 802.1Q tag, until it is ended. Both sides have their
offloads (virtio_net_hdr), so that super frames with a tag are on the wire as a real VLAN device would send them. Prints
"ready" when frames pass.
"""
import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_VNET_HDR, PACKET_MR_PROMISC = 263, 1, 8, 15, 1
TP_STATUS_VLAN_VALID = 16
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 2, 0x1000, 0x4000
CSUM, TSO4, TSO6 = 1, 2, 4
VNET = struct.Struct("=BBHHHH")  # flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
NEEDS_CSUM = 1


def open_tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(fd, TUNSETOFFLOAD, CSUM | TSO4 | TSO6)
    return fd


def open_lower(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    s.bind((name, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                 struct.pack("IHH8s", socket.if_nametoindex(name), PACKET_MR_PROMISC, 0, b""))
    s.setblocking(False)
    return s


def down(tap, lower, tag):
    """What the TAP's owner sends: the tag goes on, and the header's offsets move."""
    for _ in range(64):
        try:
            raw = os.read(tap, 70000)
        except BlockingIOError:
            return
        flags, gso, hdr_len, size, start, offset = VNET.unpack_from(raw)
        if flags & NEEDS_CSUM:
            start += 4
        if hdr_len:
            hdr_len += 4
        try:
            lower.sendmsg([VNET.pack(flags, gso, hdr_len, size, start, offset), raw[10:22], tag, raw[22:]])
        except OSError:
            continue  # as a queue that is full, or a link that is down


def tag_of(control):
    for level, kind, data in control:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and len(data) >= 20:
            status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xFFF
    return 0


def up(tap, lower, vid):
    """What came with our tag, which the kernel has put beside the frame already."""
    for _ in range(64):
        try:
            raw, control, _, address = lower.recvmsg(70000, 256)
        except BlockingIOError:
            return
        if address[2] == socket.PACKET_OUTGOING or tag_of(control) != vid:
            continue
        try:
            os.write(tap, raw)
        except OSError:
            continue


def main():
    lower_name, vid, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    tap, lower = open_tap(name), open_lower(lower_name)
    os.system(f"ip link set {name} up")
    print("ready", flush=True)
    tag = struct.pack("!HH", 0x8100, vid)
    poll = select.poll()
    poll.register(tap, select.POLLIN)
    poll.register(lower, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == tap:
                down(tap, lower, tag)
            else:
                up(tap, lower, vid)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
