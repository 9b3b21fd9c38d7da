#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that no package has any more, from 2.2 to 2.7 and one of MikroTik's kind, on the wire of tests/hostile:
TLS1-PRF keys, P_DATA_V1, AES-CBC with HMAC, the options strings and peer info of their time, compression framing.

oldpeer.py PROFILE --pki DIR --lan NAMESPACE [--auth SHA256] [--cipher AES-256-CBC] [--cert c1] [--port 1194]
           [--framing lzo|lzo-packed|stub-v2] [--tamper]
Connects, asks the LAN host by ARP through the tunnel and prints how it went; status 1 with the reason when it did not.
--lan: the LAN host's namespace, where an ear waits for frames that must not get through.
"""
import argparse
import ctypes
import hashlib
import hmac
import os
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hostile"))
import lab  # noqa: E402
import wire  # noqa: E402


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


class Cbc:
    """AES-CBC by libcrypto, HMAC by hashlib: HMAC | IV | enc(packet id | payload | PKCS#7)."""
    lib = ctypes.CDLL(wire.ctypes.util.find_library("crypto"))
    lib.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p

    def __init__(self, cipher, digest, key, hmac_key):
        bits = int(cipher[4:7])
        kind = getattr(self.lib, f"EVP_aes_{bits}_cbc")
        kind.restype = ctypes.c_void_p
        self.kind, self.key, self.digest = ctypes.c_void_p(kind()), key[:bits // 8], digest.lower()
        self.size = hashlib.new(self.digest).digest_size
        self.hmac_key = hmac_key[:self.size]
        self.ctx = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())

    def blocks(self, encrypt, iv, data):
        n, out = ctypes.c_int(0), ctypes.create_string_buffer(len(data) + 32)
        self.lib.EVP_CipherInit_ex(self.ctx, self.kind, None, self.key, iv, int(encrypt))
        self.lib.EVP_CIPHER_CTX_set_padding(self.ctx, 0)
        self.lib.EVP_CipherUpdate(self.ctx, out, ctypes.byref(n), data, len(data))
        return out.raw[:len(data)]

    def mac(self, data):
        return hmac.new(self.hmac_key, data, self.digest).digest()

    def seal(self, packet_id, payload):
        plain = struct.pack("!I", packet_id) + payload
        pad = 16 - len(plain) % 16
        iv = os.urandom(16)
        body = iv + self.blocks(True, iv, plain + bytes([pad]) * pad)
        return self.mac(body) + body

    def open(self, data):
        body = data[self.size:]
        if len(body) < 32 or len(body) % 16 or not hmac.compare_digest(self.mac(body), data[:self.size]):
            return None
        plain = self.blocks(False, body[:16], body[16:])
        return plain[4:-plain[-1]]


class V1Aead:
    """AES-GCM as P_DATA_V1 has it: the packet id alone is authenticated beside the frame."""

    def __init__(self, cipher, key, implicit):
        self.aead = wire.Aead(cipher, key, implicit)

    def seal(self, packet_id, payload):
        pid = struct.pack("!I", packet_id)
        data, tag = self.aead.run(True, packet_id, pid, payload)
        return pid + tag + data

    def open(self, data):
        return self.aead.run(False, struct.unpack("!I", data[:4])[0], data[:4], data[20:], data[4:20])


# name: peer info, options string without auth, IV_PROTO bits (for the base class), first message id
OPTIONS = "V4,dev-type tap,link-mtu 1602,tun-mtu 1532,proto UDPv4"
PROFILES = {
    "2.2": ("", OPTIONS, 0),
    "2.3": ("IV_VER=2.3.18\nIV_PLAT=win\nIV_PROTO=2\n", OPTIONS, 2),
    "2.4-ncp-disable": ("IV_VER=2.4.12\nIV_PLAT=win\nIV_PROTO=2\nIV_TCPNL=1\n", OPTIONS, 2),
    "2.4": ("IV_VER=2.4.12\nIV_PLAT=win\nIV_PROTO=2\nIV_NCP=2\nIV_LZ4=1\nIV_LZ4v2=1\nIV_LZO=1\nIV_COMP_STUB=1\n"
            "IV_COMP_STUBv2=1\nIV_TCPNL=1\n", OPTIONS, 2),
    "2.5": ("IV_VER=2.5.11\nIV_PLAT=linux\nIV_PROTO=6\nIV_NCP=2\nIV_CIPHERS=AES-256-GCM:AES-128-GCM\n"
            "IV_LZ4=1\nIV_LZ4v2=1\nIV_LZO=1\nIV_COMP_STUB=1\nIV_COMP_STUBv2=1\nIV_TCPNL=1\n", OPTIONS, 6),
    "2.7": ("IV_VER=2.7.0\nIV_PLAT=linux\nIV_TCPNL=1\nIV_MTU=1600\nIV_NCP=2\n"
            "IV_CIPHERS=AES-256-GCM:AES-128-GCM:CHACHA20-POLY1305\nIV_PROTO=8094\nIV_SSO=openurl,crtext\nID=00a1b2\n",
            "V4,dev-type tap,link-mtu 1573,tun-mtu 1500,proto UDPv4", 2 | 4 | 8 | 128),
    "mikrotik": ("", OPTIONS, 0),
}


class Old(wire.Session):
    def __init__(self, gate, credentials, a):
        info, options, proto = PROFILES[a.profile]
        super().__init__(gate, credentials, proto=proto)
        self.a, self.peer_info = a, info
        named = "cipher" in info.lower() or "IV_NCP" in info
        self.options = options + (",comp-lzo" if a.framing else "")
        self.options += ",keydir 1" + ("" if "2.7" in a.profile else f",cipher {a.cipher}")
        self.options += f",auth {a.auth},keysize {a.cipher[4:7]},tls-auth,key-method 2,tls-client"
        self.negotiates = named
        if a.profile == "mikrotik":
            self.next_id = 1

    def key_message(self):
        def string(text):
            return struct.pack("!H", len(text) + 1) + text.encode() + b"\0" if text else b"\0\0"

        pre, r1, r2 = self.secret
        tail = string(self.options)
        if self.peer_info:
            tail += b"\0\0\0\0" + string(self.peer_info)
        return b"\0\0\0\0\x02" + pre + r1 + r2 + tail

    def block(self):
        if "tls-ekm" in self.push:
            return self.exported(b"EXPORTER-OpenVPN-datakeys", 256)
        (pre, c1, c2), (s1, s2) = self.secret, self.server_randoms
        master = wire.tls1_prf(pre, b"OpenVPN master secret", c1 + s1, 48)
        return wire.tls1_prf(master, b"OpenVPN key expansion", c2 + s2 + self.sid + self.peer_sid, 256)

    def keys(self):
        cipher, k = self.option("cipher") or self.a.cipher, self.block()
        self.cipher, self.peer_id = cipher, int(self.option("peer-id") or 0xFFFFFF)
        self.v2 = self.option("peer-id") is not None
        if cipher.endswith("CBC"):
            self.sealer = Cbc(cipher, self.a.auth, k[:64], k[64:128])
            self.opener = Cbc(cipher, self.a.auth, k[128:192], k[192:])
        elif self.v2:
            self.sealer, self.opener = wire.Aead(cipher, k[:64], k[64:72]), wire.Aead(cipher, k[128:192], k[192:200])
        else:
            self.sealer, self.opener = V1Aead(cipher, k[:64], k[64:72]), V1Aead(cipher, k[128:192], k[192:200])

    # -- compression framing, as the client has it: pushed stub-v2 wins over its own comp-lzo

    def stub_v2(self):
        return ",compress stub-v2" in self.push or self.a.framing == "stub-v2"

    def framed(self, frame):
        if not self.a.framing:
            return frame
        if self.stub_v2():
            return b"\x50\x0a" + frame if frame[:1] == b"\x50" else frame  # as stock writes it
        if self.a.framing == "lzo-packed":  # one run of literals is a whole LZO1X stream
            return b"\x66" + bytes([17 + len(frame)]) + frame + b"\x11\0\0"
        return b"\xfa" + frame

    def unframed(self, frame):
        if not self.a.framing or frame is None:
            return frame
        if self.stub_v2():
            if frame[:1] != b"\x50":
                return frame
            expect(frame[1] == 0, f"escaped with {frame[1]:02x}")
            return frame[2:]
        expect(frame[0] == 0xfa, f"framing byte {frame[0]:02x}")
        return frame[1:]

    def seal(self, payload, raw=False):
        if not raw:
            payload = self.framed(payload)
        self.send_pid += 1
        return self.seal_id(self.send_pid, payload)

    def seal_id(self, packet_id, payload):
        first = (wire.DATA_V2 if self.v2 else wire.DATA_V1) << 3
        head = struct.pack("!I", first << 24 | self.peer_id) if self.v2 else bytes([first])
        if isinstance(self.sealer, wire.Aead):
            head += struct.pack("!I", packet_id)
            data, tag = self.sealer.run(True, packet_id, head, payload)
            return head + tag + data
        return head + self.sealer.seal(packet_id, payload)

    def open(self, datagram):
        op = datagram[0] >> 3
        if self.opener is None or op not in (wire.DATA_V1, wire.DATA_V2):
            return None
        if not self.v2:
            expect(op == wire.DATA_V1, "the server sends P_DATA_V2 to a client that does not know it")
        if isinstance(self.opener, wire.Aead):
            return self.unframed(super().open(datagram))
        return self.unframed(self.opener.open(datagram[4 if op == wire.DATA_V2 else 1:]))


def connect(a):
    versions = {"maximum": ssl.TLSVersion.TLSv1_2} if a.profile[:3] in ("2.2", "2.3", "2.4", "mik") else {}
    gate = wire.Gate(wire.static_key(f"{a.pki}/ta.key"), a.auth.lower(), 1)
    w = lab.Wire(a.server, a.port)
    s = Old(gate, wire.Credentials(a.pki, a.cert, **versions), a)
    took = lab.drive(w, s)
    expect(took is not None and s.state == "up", f"no session: {s.state} {s.why}")
    return w, s, took


def check_push(a, s):
    info = s.peer_info
    pushed = [name for name in ("dns", "push-update", "epoch") if f",{name}" in s.push or f" {name}" in s.push]
    expect(not pushed, f"pushed {pushed}")
    expect(s.v2 == ("IV_PROTO" in info), "peer-id pushed to a client without P_DATA_V2" if s.v2 else "no peer-id pushed")
    expect((s.option("cipher") is not None) == ("IV_NCP" in info or "IV_CIPHERS" in info), f"cipher: {s.push}")
    expect(("tls-ekm" in s.push) == bool(s.proto & 8), f"key derivation: {s.push}")
    expect(("protocol-flags" in s.push) == bool(s.proto & 128), f"protocol-flags: {s.push}")
    if a.framing:
        want = "compress stub-v2" if "STUBv2" in info else "comp-lzo no"
        expect(f",{want}" in s.push, f"{want} is not pushed: {s.push}")
    else:
        expect("comp" not in s.push, f"compression is pushed: {s.push}")


def check_fifties(a, w, s):
    """Frames that begin with the byte of the stub-v2 escape, both ways: this laptop's MAC is 50:..., and it speaks to
    one."""
    s.mac = b"\x50\x0a" + os.urandom(4)
    expect(lab.alive(w, s), "no ARP answer for a MAC address 50:...")
    ear = lab.Ear(a.lan)
    w.send(s.seal(lab.test_frame("fifty", s.mac, b"\x50" + bytes(5))))
    w.send(s.seal(lab.test_frame("the end", s.mac)))
    expect(ear.heard(0, until="the end") == ["fifty"], "a frame to a MAC address 50:... is lost")


def check_tampering(a, w, s):
    """A flipped bit in each part and a copy: nothing of it arrives, and the session goes on."""
    ear = lab.Ear(a.lan)
    good = s.seal(lab.test_frame("good", s.mac))
    head = 4 if s.v2 else 1
    for at in list(range(head, len(good), 7)) + [len(good) - 1]:
        bad = bytearray(good)
        bad[at] ^= 1 << at % 8
        w.send(bytes(bad))
    for n in (1, 15, 16, 17, 32, len(good) - head - 1):
        w.send(good[:-n])
    w.send(good + bytes(16))
    expect(not ear.heard(0.4), "a damaged frame arrived")
    w.send(good)
    w.send(good)
    w.send(s.seal(lab.test_frame("the end", s.mac)))
    expect(ear.heard(0, until="the end") == ["good"], "not the one genuine frame")
    w.send(s.seal_id(s.send_pid + 5000, s.framed(lab.test_frame("later", s.mac))))
    w.send(s.seal_id(s.send_pid + 10, s.framed(lab.test_frame("too-late", s.mac))))
    s.send_pid += 5000
    w.send(s.seal(lab.test_frame("the end", s.mac)))
    expect(ear.heard(0, until="the end") == ["later"], "an id older than the window passed")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("profile", choices=sorted(PROFILES))
    p.add_argument("--pki", required=True)
    p.add_argument("--lan", required=True)
    p.add_argument("--server", default="10.9.0.1")
    p.add_argument("--port", type=int, default=1194)
    p.add_argument("--cert", default="c1")
    p.add_argument("--auth", default="SHA256")
    p.add_argument("--cipher", default="AES-256-CBC")
    p.add_argument("--framing", choices=("lzo", "lzo-packed", "stub-v2"))
    p.add_argument("--tamper", action="store_true")
    a = p.parse_args()
    try:
        w, s, took = connect(a)
        check_push(a, s)
        expect(lab.alive(w, s), f"no ARP answer through the tunnel ({s.cipher}, {'V2' if s.v2 else 'V1'})")
        check_fifties(a, w, s)
        if a.tamper:
            check_tampering(a, w, s)
        expect(lab.alive(w, s), "the session is dead afterwards")
        keys = "exporter" if "tls-ekm" in s.push else "PRF"
        print(f"{s.cipher}, P_DATA_V{2 if s.v2 else 1}, {keys} keys, {took * 1000:.0f} ms")
        return 0
    except Failed as e:
        print(e)
        return 1


if __name__ == "__main__":
    sys.exit(main())
