#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of this folder's targets. Usage: gen_seeds.py CORPUS_FOLDER"""
import base64
import hmac
import os
import struct
import sys


def pattern(n, seed):
    return bytes((i * i + 31 * i + seed) & 255 for i in range(n))


def put(target, name, data):
    folder = os.path.join(sys.argv[1], target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


KEY = pattern(256, 7)
SID = bytes(range(1, 9))
RESET = bytes.fromhex("0000000000")
CONTROL = bytes.fromhex("02 00000000 00000001 0102030405060708 00000002") + b"\x16\x03\x01\x00\x05hello"


def gate():
    put("fuzz_proto_gate", "none_reset", b"\x00\x38" + SID + RESET)
    put("fuzz_proto_gate", "none_control", b"\x00\x20" + SID + CONTROL)
    replay = struct.pack(">II", 1, 1700000000)
    head = b"\x38" + SID
    mac = hmac.new(KEY[128 + 64:128 + 84], replay + head + RESET, "sha1").digest()
    put("fuzz_proto_gate", "auth_reset", b"\x01" + head + mac + replay + RESET)
    put("fuzz_proto_gate", "crypt_bad", b"\x02" + head + replay + bytes(32) + RESET)
    for kind in range(3):
        choice = next(c for c in range(4, 256) if c & 4 and c % 3 == kind)
        for name, first, inner in (("reset", 0x38, RESET), ("control", 0x21, CONTROL),
                                   ("ack", 0x28, bytes.fromhex("01 00000000 0102030405060708")),
                                   ("soft", 0x19, RESET)):
            put("fuzz_proto_gate", "inner%d_%s" % (kind, name), bytes([choice, first]) + inner)


def reliable():
    put("fuzz_proto_reliable", "send", bytes([0] + [0, 0] * 8 + [1, 0] * 6 + [2, 1, 2, 3, 6, 99, 1, 0]))
    put("fuzz_proto_reliable", "receive", bytes([1] + [3, 5, 3, 6, 3, 4, 3, 4, 3, 15, 3, 16, 3, 0]
                                                + [4, 0] * 4 + [5, 0x84, 5, 8]))
    put("fuzz_proto_reliable", "wrap", bytes([3] + [0, 0, 1, 0, 2, 0] * 20 + [3, 4, 4, 0, 5, 0x88] * 20))
    put("fuzz_proto_reliable", "early", bytes([0] + [0, 0] * 6 + [1, 0] * 6 + [2, 1, 2, 2, 2, 3, 1, 0]))


def keymsg():
    def text(s):
        return struct.pack(">H", len(s) + 1) + s + b"\0" if s else b"\0\0"

    head = b"\0\0\0\0\2"
    tail = text(b"V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4,auth SHA1") + text(b"alice") + text(b"pw")
    info = text(b"IV_VER=2.6.14\nIV_PROTO=990\n")
    put("fuzz_proto_keymsg", "client", b"\1" + head + pattern(112, 1) + tail + info)
    put("fuzz_proto_keymsg", "client_no_info", b"\1" + head + pattern(112, 1) + tail)
    put("fuzz_proto_keymsg", "server", b"\0" + head + pattern(64, 1) + text(b"V4,dev-type tap") + b"\0\0\0\0\0\0")


def ctrlmsg():
    texts = {
        "push_request": "PUSH_REQUEST",
        "push_reply": "PUSH_REPLY,route-gateway 192.168.50.1,ping 10,ping-restart 60,"
                      "ifconfig 192.168.50.101 255.255.255.0,peer-id 1,cipher AES-256-GCM,"
                      "protocol-flags cc-exit tls-ekm dyn-tls-crypt,tun-mtu 1500",
        "auth_failed": "AUTH_FAILED,Certificate revoked",
        "restart": "RESTART,[N]",
        "info_pre": "INFO_PRE,WEB_AUTH::https://example.org/",
        "chunks": "ping 10,push-continuation 2\nroute 10.0.0.0 255.0.0.0,push-continuation 1\n",
        "options": "ping 10\nping-restart 60\n" + "route 10.1.0.0 255.255.0.0\n" * 60,
        "info26": "IV_VER=2.6.14\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"
                  "IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=990\nIV_LZO_STUB=1\n"
                  "IV_COMP_STUB=1\nIV_COMP_STUBv2=1\n",
        "occ24": "V4,dev-type tap,link-mtu 1602,tun-mtu 1532,proto UDPv4,comp-lzo,keydir 1,cipher AES-256-CBC,"
                 "auth SHA256,keysize 256,tls-auth,key-method 2,tls-client",
    }
    for name, text in texts.items():
        put("fuzz_proto_ctrlmsg", name, text.encode())


def data():
    put("fuzz_proto_data", "gcm", bytes([0] + [0, 101, 60] * 6 + [0, 100, 60, 0, 37, 60, 2, 101, 60, 1, 101, 60]))
    put("fuzz_proto_data", "chacha", bytes([6] + [0, 101, 60, 0, 165, 20, 0, 100, 20, 0, 37, 20, 0, 36, 20]))
    put("fuzz_proto_data", "edge", bytes([5, 4]) + struct.pack(">IB", 0xfffffeff, 60)
        + bytes([4]) + struct.pack(">IB", 0xffffff00, 60) + bytes([4]) + struct.pack(">IB", 0, 60))
    put("fuzz_proto_data", "raw", bytes([0, 8, 0]) + bytes([9 << 3 | 3, 0, 0, 5, 0, 0, 0, 1]) + bytes(40))


def framing():
    put("fuzz_proto_framing", "none", b"\0" + bytes(20))
    put("fuzz_proto_framing", "lzo_plain", b"\1\xfa" + bytes(20))
    put("fuzz_proto_framing", "lzo", b"\1\x66\x16hello\x11\0\0")
    put("fuzz_proto_framing", "swap", b"\2\xfb" + bytes(range(20)))
    put("fuzz_proto_framing", "stub_v2", b"\3\x50\0\x50" + bytes(20))
    put("fuzz_proto_framing", "stub_v2_stock", b"\3\x50\x0a\x50" + bytes(20))


def fragment():
    def head(kind, seq, piece, size=0):
        return struct.pack(">I", kind | seq << 2 | piece << 10 | size // 4 << 15)

    def taken(*payloads):
        return b"".join(bytes([len(p) // 4, len(p) % 4]) + p for p in payloads)

    first, last = head(1, 7, 0) + pattern(100, 1), head(2, 7, 1, 100) + pattern(60, 2)
    put("fuzz_proto_fragment", "whole", taken(head(0, 0, 0) + pattern(60, 3)))
    put("fuzz_proto_fragment", "two", taken(first, last))
    put("fuzz_proto_fragment", "last_first", taken(last, first))
    put("fuzz_proto_fragment", "twice", taken(first, first, last, last))
    put("fuzz_proto_fragment", "lie", taken(first, head(2, 7, 1, 96) + pattern(60, 2), head(1, 7, 2) + pattern(100, 1)))
    put("fuzz_proto_fragment", "test", taken(head(3, 7, 0) + pattern(20, 1)))
    put("fuzz_proto_fragment", "far", taken(first, head(1, 200, 0) + pattern(100, 1), last))
    put("fuzz_proto_fragment", "ours", bytes([0, 100, 7]) + pattern(900, 5))


def statickey():
    body = "".join(KEY[i:i + 16].hex() + "\n" for i in range(0, 256, 16))
    head, foot = "-----BEGIN OpenVPN Static key V1-----\n", "-----END OpenVPN Static key V1-----\n"
    put("fuzz_proto_statickey", "good", ("#\n# 2048 bit OpenVPN static key\n#\n" + head + body + foot).encode())
    put("fuzz_proto_statickey", "short", (head + body[33:] + foot).encode())
    put("fuzz_proto_statickey", "crlf", (head + body + foot).replace("\n", "\r\n").encode())


def wkc():
    def pem(kind, body):
        text = base64.b64encode(body).decode()
        lines = [text[i:i + 64] for i in range(0, len(text), 64)]
        return "-----BEGIN OpenVPN tls-crypt-v2 %s key-----\n%s\n-----END OpenVPN tls-crypt-v2 %s key-----\n" % (
            kind, "\n".join(lines), kind)

    wrapped = pattern(297, 3) + struct.pack(">H", 299)
    put("fuzz_proto_wkc", "stranger", b"\0" + pattern(54, 1) + wrapped)
    put("fuzz_proto_wkc", "time", b"\1\1" + struct.pack(">q", 1700000000))
    put("fuzz_proto_wkc", "user", b"\1\0alice")
    put("fuzz_proto_wkc", "server_file", b"\2" + pem("server", pattern(128, 5)).encode())
    put("fuzz_proto_wkc", "client_file", b"\2" + pem("client", KEY + wrapped).encode())
    put("fuzz_proto_wkc", "list", b"\3# gone\n" + pattern(32, 9).hex().encode() + b" alice\n\n"
        + ":".join("%02x" % b for b in pattern(32, 2)).encode())


def authtoken():
    body = pattern(12, 3) + struct.pack(">QQ", 1700000000 - 100, 1700000000 - 10)
    tag = hmac.new(bytes([1, 2, 3]) + bytes(29), b"bob" + body, "sha256").digest()
    text = base64.b64encode(pattern(128, 5)).decode()
    label = "OpenVPN auth-token server key"
    put("fuzz_proto_authtoken", "said", b"\0SESS_ID_AT_" + base64.b64encode(body + tag))
    put("fuzz_proto_authtoken", "file", b"\1" + ("-----BEGIN %s-----\n%s\n-----END %s-----\n" % (
        label, "\n".join(text[i:i + 64] for i in range(0, len(text), 64)), label)).encode())
    put("fuzz_proto_authtoken", "made", b"\2" + pattern(12, 4) + b"\x20\x03alice")


for make in (authtoken, gate, reliable, keymsg, ctrlmsg, data, framing, fragment, statickey, wkc):
    make()
