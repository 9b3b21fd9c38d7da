#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes vectors.h: known answers for tests/unit/proto, made with Python's hmac and the cryptography package
and with a SipHash and a TLS 1.0 PRF of its own, so that no line of Drawbridge has a part in them.
Usage: gen_vectors.py > vectors.h"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


def pattern(n, seed):
    return bytes((i * i + 31 * i + seed) & 255 for i in range(n))


KEY = pattern(256, 7)
SID = bytes(range(1, 9))
INNER = bytes.fromhex("00" "00000000")
REPLAY = struct.pack(">II", 5, 0x60000000)


def slot(index, kind):
    at = 128 * index + (64 if kind == "hmac" else 0)
    return KEY[at:at + 64]


def c_bytes(b):
    text = b.hex()
    return "\n    ".join('"%s"' % text[i:i + 96] for i in range(0, len(text), 96)) or '""'


def tls_auth(digest, send_index, first):
    key = slot(send_index, "hmac")[:hashlib.new(digest).digest_size]
    head = bytes([first]) + SID
    mac = hmac.new(key, REPLAY + head + INNER, digest).digest()
    return head + mac + REPLAY + INNER


def tls_crypt(send_index, first):
    head = bytes([first]) + SID + REPLAY
    tag = hmac.new(slot(send_index, "hmac")[:32], head + INNER, "sha256").digest()
    enc = Cipher(algorithms.AES(slot(send_index, "cipher")[:32]), modes.CTR(tag[:16])).encryptor()
    return head + tag + enc.update(INNER) + enc.finalize()


def p_hash(digest, secret, seed, n):
    out, a = b"", seed
    while len(out) < n:
        a = hmac.new(secret, a, digest).digest()
        out += hmac.new(secret, a + seed, digest).digest()
    return out[:n]


def tls1_prf(secret, label, seed, n):
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], label + seed, n)
    sha1 = p_hash("sha1", secret[-half:], label + seed, n)
    return bytes(x ^ y for x, y in zip(md5, sha1))


def key_expansion():
    pre, c1, c2, s1, s2 = (pattern(48, 1), pattern(32, 2), pattern(32, 3), pattern(32, 4), pattern(32, 5))
    master = tls1_prf(pre, b"OpenVPN master secret", c1 + s1, 48)
    return tls1_prf(master, b"OpenVPN key expansion", c2 + s2 + SID + bytes(range(11, 19)), 256)


FRAME = pattern(60, 99)


def data_packet(name, server, v2, packet_id):
    """A datagram as the given side sends it, key id 3, peer id 0x0a0b0c."""
    block = pattern(256, 77)
    at = 128 if server else 0
    key_len = 16 if "128" in name else 24 if "192" in name else 32
    key, iv = block[at:at + key_len], block[at + 64:at + 72]
    pid = struct.pack(">I", packet_id)
    head = bytes([9 << 3 | 3]) + bytes([0x0a, 0x0b, 0x0c]) if v2 else bytes([6 << 3 | 3])
    aead = ChaCha20Poly1305(key) if name.startswith("CHACHA") else AESGCM(key)
    sealed = aead.encrypt(pid + iv, FRAME, head + pid if v2 else pid)
    return head + pid + sealed[-16:] + sealed[:-16]


def cbc_packet(name, digest, server, v2, packet_id, frame):
    """The same with AES-CBC and HMAC; the IV is any, here a pattern."""
    block = pattern(256, 77)
    at = 128 if server else 0
    key_len = int(name[4:7]) // 8
    iv = pattern(16, 5)
    plain = struct.pack(">I", packet_id) + frame
    pad = 16 - len(plain) % 16
    enc = Cipher(algorithms.AES(block[at:at + key_len]), modes.CBC(iv)).encryptor()
    ct = iv + enc.update(plain + bytes([pad]) * pad) + enc.finalize()
    mac_key = block[at + 64:at + 64 + hashlib.new(digest).digest_size]
    head = bytes([9 << 3 | 3]) + bytes([0x0a, 0x0b, 0x0c]) if v2 else bytes([6 << 3 | 3])
    return head + hmac.new(mac_key, ct, digest).digest() + ct


def siphash(key, data):
    mask = (1 << 64) - 1

    def rot(x, b):
        return ((x << b) | (x >> (64 - b))) & mask

    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rot(v[1], 13) ^ v[0]
            v[0] = rot(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rot(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rot(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rot(v[1], 17) ^ v[2]
            v[2] = rot(v[2], 32)

    tail = len(data) % 8
    padded = data + bytes(7 - tail) + bytes([len(data) & 255])
    for (m,) in struct.iter_unpack("<Q", padded):
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def cookie():
    """Client 192.0.2.7:1194 with session id SID in slot 56666666 (second 1700000000 of slots of 30 s)."""
    text = struct.pack(">QB16sIHQ", 1700000000 // 30, 4, bytes([192, 0, 2, 7]), 0, 1194,
                       int.from_bytes(SID, "big"))
    return siphash(pattern(16, 40), text)


def main():
    print("/* SPDX-License-Identifier: GPL-3.0-or-later\n *\n * Written by gen_vectors.py; hex.\n */")
    print("#ifndef DBR_TEST_PROTO_VECTORS_H\n#define DBR_TEST_PROTO_VECTORS_H\n")
    print("static const struct {\n    const char *digest;\n    int direction; /* of the sender */\n"
          "    const char *packet;\n} tls_auth_vectors[] = {")
    for digest in ("MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"):
        for direction in (-1, 0, 1):
            print('    {"%s", %d,\n    %s},' % (digest, direction, c_bytes(
                tls_auth(digest.lower(), direction == 1, 0x38))))
    print("};\n\nstatic const char *const tls_crypt_vectors[2] = {")
    for direction in (0, 1):
        print("    %s," % c_bytes(tls_crypt(direction, 0x38)))
    print("};\n\nstatic const char key_expansion_vector[] =\n    %s;" % c_bytes(key_expansion()))
    print("\nstatic const struct {\n    const char *cipher;\n    int server, v2;\n    const char *packet;\n"
          "} data_vectors[] = {")
    for name in ("AES-128-GCM", "AES-192-GCM", "AES-256-GCM", "CHACHA20-POLY1305"):
        for server in (0, 1):
            for v2 in (0, 1):
                print('    {"%s", %d, %d,\n    %s},' % (name, server, v2, c_bytes(
                    data_packet(name, server, v2, 1))))
    print("};\n\nstatic const struct {\n    const char *cipher, *digest;\n    int server, v2;\n"
          "    unsigned frame; /* its first bytes make the payload */\n    const char *packet;\n} cbc_vectors[] = {")
    for name, digest, server, v2, n in (
            ("AES-128-CBC", "SHA1", 0, 0, 60), ("AES-128-CBC", "SHA256", 1, 1, 59),
            ("AES-192-CBC", "SHA384", 0, 1, 12), ("AES-192-CBC", "MD5", 1, 0, 11),
            ("AES-256-CBC", "SHA1", 1, 1, 60), ("AES-256-CBC", "SHA224", 0, 1, 1),
            ("AES-256-CBC", "SHA256", 0, 1, 28), ("AES-256-CBC", "SHA512", 0, 0, 60),
            ("AES-256-CBC", "SHA512", 1, 1, 44)):
        print('    {"%s", "%s", %d, %d, %d,\n    %s},' % (name, digest, server, v2, n, c_bytes(
            cbc_packet(name, digest.lower(), server, v2, 1, FRAME[:n]))))
    print("};\n\n#define COOKIE_VECTOR 0x%016xu\n\n#endif" % cookie())


main()
