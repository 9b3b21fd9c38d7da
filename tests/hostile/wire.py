# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenVPN wire in Python, from the protocol's description and independent of the C code: static key, tls-auth,
control packets, a whole client session (TLS over memory, key method 2, exporter or PRF keys, AES-GCM data) as an object
that takes datagrams and gives datagrams. Standard library only; AES-GCM comes from libcrypto through ctypes.

    op<<3|key id . session id 8 . HMAC n . replay id 4 . time 4 . ack count 1 . acks 4 each [. peer's sid 8] [. message id 4] . payload
                                  '---- the HMAC covers: replay id, time, op, session id, and all that follows the time
"""
import ctypes
import ctypes.util
import hashlib
import hmac
import os
import re
import ssl
import struct
import tempfile
import time

SOFT_RESET, CONTROL, ACK, DATA_V1, RESET_CLIENT, RESET_SERVER, DATA_V2 = 3, 4, 5, 6, 7, 8, 9
RESET_CLIENT_V3 = 10
PING = bytes.fromhex("2a187bf3641eb4cb07ed2d0a981fc748")
OCC = bytes.fromhex("287f346bd4ef7a812d56b8d3afc5459c")
OCC_REQUEST, OCC_REPLY, OCC_EXIT = 0, 1, 6


# ------------------------------------------------------------------------------------------------ outer layers

def static_key(path):
    """The 256 bytes of a static key file."""
    with open(path) as f:
        body = re.search(r"BEGIN OpenVPN Static key V1-+\s([0-9a-fA-F\s]+)-+END", f.read()).group(1)
    raw = bytes.fromhex("".join(body.split()))
    assert len(raw) == 256
    return raw


class Gate:
    """tls-auth of the client's side; direction is the client's (1 with a server of 0), None for one key both ways."""

    def __init__(self, key, digest="sha256", direction=1):
        self.digest = digest
        self.size = hashlib.new(digest).digest_size
        half = {None: (64, 64), 0: (64, 192), 1: (192, 64)}[direction]
        self.send_key = key[half[0]:half[0] + self.size]
        self.receive_key = key[half[1]:half[1] + self.size]
        self.replay_id = 0

    def mac(self, key, replay, op, sid, rest):
        return hmac.new(key, replay + op + sid + rest, self.digest).digest()

    def wrap(self, op, key_id, sid, rest, replay_id=None, stamp=None, key=None):
        """A datagram with a right HMAC. Without a replay id the next one is taken, as a client does."""
        if replay_id is None:
            self.replay_id += 1
            replay_id = self.replay_id
        replay = struct.pack("!II", replay_id & 0xFFFFFFFF, int(time.time()) if stamp is None else stamp)
        head = bytes([op << 3 & 0xFF | key_id])
        return head + sid + self.mac(key or self.send_key, replay, head, sid, rest) + replay + rest

    def unwrap(self, datagram):
        """(op, key id, sid, rest), or None when the HMAC is wrong or the packet too short."""
        n = self.size
        if len(datagram) < 9 + n + 8:
            return None
        head, sid, tag, replay, rest = (datagram[:1], datagram[1:9], datagram[9:9 + n], datagram[9 + n:17 + n],
                                        datagram[17 + n:])
        if not hmac.compare_digest(tag, self.mac(self.receive_key, replay, head, sid, rest)):
            return None
        return head[0] >> 3, head[0] & 7, sid, rest


class NoGate:
    """The control channel without tls-auth."""

    def wrap(self, op, key_id, sid, rest, **_):
        return bytes([op << 3 & 0xFF | key_id]) + sid + rest

    def unwrap(self, datagram):
        if len(datagram) < 10:
            return None
        return datagram[0] >> 3, datagram[0] & 7, datagram[1:9], datagram[9:]


def control_rest(op, acks=(), peer_sid=b"", message_id=0, payload=b""):
    """What follows the replay id and time."""
    rest = bytes([len(acks)]) + b"".join(struct.pack("!I", a) for a in acks)
    if acks:
        rest += peer_sid
    if op != ACK:
        rest += struct.pack("!I", message_id) + payload
    return rest


def control_parse(op, rest):
    """(acks, peer sid, message id or None, payload), or None when it is malformed."""
    try:
        n = rest[0]
        acks = struct.unpack("!%dI" % n, rest[1:1 + 4 * n])
        at = 1 + 4 * n
        peer = b""
        if n:
            peer, at = rest[at:at + 8], at + 8
        if op == ACK:
            return acks, peer, None, b""
        return acks, peer, struct.unpack("!I", rest[at:at + 4])[0], rest[at + 4:]
    except (struct.error, IndexError):
        return None


def reset(gate, sid=None, message_id=0, **fields):
    """A hard reset of a client; the session id is random unless given."""
    return gate.wrap(RESET_CLIENT, 0, sid or os.urandom(8), control_rest(RESET_CLIENT, message_id=message_id), **fields)


# ------------------------------------------------------------------------------------------------ keys

def hkdf_expand_label(secret, label, context, size, digest):
    info = struct.pack("!HB", size, 6 + len(label)) + b"tls13 " + label + bytes([len(context)]) + context
    out, block, i = b"", b"", 1
    while len(out) < size:
        block = hmac.new(secret, block + info + bytes([i]), digest).digest()
        out += block
        i += 1
    return out[:size]


def p_hash(digest, secret, seed, size):
    out, a = b"", seed
    while len(out) < size:
        a = hmac.new(secret, a, digest).digest()
        out += hmac.new(secret, a + seed, digest).digest()
    return out[:size]


def tls1_prf(secret, label, seed, size):
    """TLS 1.0's PRF of MD5 and SHA-1, which key derivation before exporter keys uses."""
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], label + seed, size)
    sha = p_hash("sha1", secret[-half:], label + seed, size)
    return bytes(a ^ b for a, b in zip(md5, sha))


class KeyLog:
    """The secrets of every TLS session of one context, read from the log that OpenSSL writes."""

    def __init__(self, context):
        self.file = tempfile.NamedTemporaryFile(prefix="keylog-")
        self.secrets, self.at = {}, 0
        context.keylog_filename = self.file.name

    def secret(self, kind, client_random):
        with open(self.file.name) as f:
            f.seek(self.at)
            for line in f:
                if line.endswith("\n"):
                    self.at += len(line)
                    name, random, value = line.split()[:3] if line.count(" ") >= 2 else ("", "", "")
                    if name in ("EXPORTER_SECRET", "CLIENT_RANDOM"):
                        self.secrets[name, random] = bytes.fromhex(value)
        return self.secrets[kind, client_random.hex()]


class Aead:
    """AES-GCM by libcrypto."""
    lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
    for name in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm", "EVP_aes_128_gcm"):
        getattr(lib, name).restype = ctypes.c_void_p
    GET_TAG, SET_TAG = 0x10, 0x11

    def __init__(self, cipher, key, implicit):
        self.kind = ctypes.c_void_p({"AES-256-GCM": self.lib.EVP_aes_256_gcm, "AES-128-GCM": self.lib.EVP_aes_128_gcm}[cipher]())
        self.key = key[:32 if "256" in cipher else 16]
        self.implicit = implicit
        self.ctx = ctypes.c_void_p(self.lib.EVP_CIPHER_CTX_new())

    def run(self, encrypt, packet_id, ad, data, tag=None):
        n, out = ctypes.c_int(0), ctypes.create_string_buffer(len(data) + 32)
        lib, ctx, iv = self.lib, self.ctx, struct.pack("!I", packet_id) + self.implicit
        lib.EVP_CipherInit_ex(ctx, self.kind, None, self.key, iv, int(encrypt))
        lib.EVP_CipherUpdate(ctx, None, ctypes.byref(n), ad, len(ad))
        lib.EVP_CipherUpdate(ctx, out, ctypes.byref(n), data, len(data))
        if encrypt:
            got = ctypes.create_string_buffer(16)
            lib.EVP_CipherFinal_ex(ctx, None, ctypes.byref(n))
            lib.EVP_CIPHER_CTX_ctrl(ctx, self.GET_TAG, 16, got)
            return out.raw[:len(data)], got.raw
        lib.EVP_CIPHER_CTX_ctrl(ctx, self.SET_TAG, 16, ctypes.create_string_buffer(tag, 16))
        end = ctypes.create_string_buffer(16)
        return out.raw[:len(data)] if lib.EVP_CipherFinal_ex(ctx, end, ctypes.byref(n)) == 1 else None


# ------------------------------------------------------------------------------------------------ a client session

class Credentials:
    """One TLS context (CA, certificate, key) for any number of sessions."""

    def __init__(self, pki, name="c1", minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_3):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname = False
        c.minimum_version, c.maximum_version = minimum, maximum
        c.load_verify_locations(f"{pki}/ca.crt")
        c.load_cert_chain(f"{pki}/{name}.crt", f"{pki}/{name}.key")
        self.context = c
        self.log = KeyLog(c)


class Session:
    """A client. start(), feed(datagram, now) and tick(now) return the datagrams to send. state goes
    reset, tls, keys, push, up; or dead, with the reason in `why`. Nothing here reads a socket or sleeps."""

    CHUNK = 1100

    def __init__(self, gate, credentials, proto=2 | 4 | 8 | 128, ciphers="AES-256-GCM", sid=None, info=""):
        self.gate, self.credentials = gate, credentials
        self.sid, self.peer_sid = sid or os.urandom(8), b""
        self.proto, self.ciphers, self.info = proto, ciphers, info
        self.state, self.why = "reset", ""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = credentials.context.wrap_bio(self.incoming, self.outgoing, server_side=False)
        self.next_id, self.unacked = 0, {}
        self.expected, self.early, self.to_ack = 0, {}, []
        self.client_random = self.server_random = b""
        self.plain, self.messages, self.push = b"", [], ""
        self.key_id, self.peer_id, self.send_pid = 0, 0xFFFFFF, 0
        self.sealer = self.opener = None
        self.secret = os.urandom(48), os.urandom(32), os.urandom(32)
        self.retry, self.ask_at = 1.0, 0.0
        self.mac = b"\x02\xdb" + os.urandom(4)  # the laptop behind this session

    # -- reliability

    def control(self, op, payload=b"", now=0.0):
        mid, self.next_id = self.next_id, self.next_id + 1
        self.unacked[mid] = [op, payload, now + self.retry]
        return self.emit(op, mid, payload)

    def emit(self, op, mid, payload):
        acks, self.to_ack = self.to_ack[:4], self.to_ack[4:]
        return self.gate.wrap(op, self.key_id, self.sid, control_rest(op, acks, self.peer_sid, mid, payload))

    def ack(self):
        out = []
        while self.to_ack:
            acks, self.to_ack = self.to_ack[:8], self.to_ack[8:]
            out.append(self.gate.wrap(ACK, self.key_id, self.sid, control_rest(ACK, acks, self.peer_sid)))
        return out

    def start(self, now=0.0):
        return [self.control(RESET_CLIENT, now=now)]

    def tick(self, now):
        out = []
        if self.state == "push" and now >= self.ask_at:
            # a client that expects the push by itself (IV_PROTO bit 2) asks too when it does not come
            if self.ask_at or not self.proto & 4:
                out += self.say("PUSH_REQUEST", now)
            self.ask_at = now + 1
        for mid, entry in self.unacked.items():
            if now >= entry[2]:
                entry[2] = now + self.retry
                out.append(self.emit(entry[0], mid, entry[1]))
        return out

    def feed(self, datagram, now=0.0):
        op = datagram[0] >> 3 if datagram else 0
        if op in (DATA_V1, DATA_V2):
            return []
        got = self.gate.unwrap(datagram)
        if got is None:
            return []
        op, _, sid, rest = got
        parsed = control_parse(op, rest)
        if parsed is None or (self.peer_sid and sid != self.peer_sid):
            return []
        acks, peer, mid, payload = parsed
        if peer and peer != self.sid:
            return []
        for a in acks:
            self.unacked.pop(a, None)
        if op == RESET_SERVER and not self.peer_sid:
            self.peer_sid, self.state = sid, "tls"
        if mid is not None:
            self.to_ack.append(mid)
            if mid >= self.expected:
                self.early[mid] = payload
        while self.expected in self.early:
            self.take(self.early.pop(self.expected))
            self.expected += 1
        return self.advance(now) + self.ack()

    # -- TLS and what runs inside

    def take(self, payload):
        if payload and not self.server_random and payload[0] == 22 and len(payload) >= 43:
            self.server_random = payload[11:43]
        if payload:
            self.incoming.write(payload)

    def advance(self, now):
        if self.state in ("reset", "dead"):
            return []
        try:
            self.step()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            self.state, self.why = "dead", str(e)
        return self.drain(now)

    def drain(self, now):
        out = []
        data = self.outgoing.read()
        if data and not self.client_random:
            self.client_random = data[11:43]
        for i in range(0, len(data), self.CHUNK):
            out.append(self.control(CONTROL, data[i:i + self.CHUNK], now))
        return out

    def step(self):
        if self.state == "tls":
            self.tls.do_handshake()
            self.tls.write(self.key_message())
            self.state = "keys"
        while True:
            data = self.tls.read(16384)
            if not data:
                self.state, self.why = "dead", "TLS closed"
                return
            self.plain += data
            self.digest()

    def key_message(self):
        def string(text):
            return struct.pack("!H", len(text) + 1) + text.encode() + b"\0"

        pre, r1, r2 = self.secret
        info = f"IV_VER=2.6.0\nIV_PLAT=linux\nIV_PROTO={self.proto}\nIV_CIPHERS={self.ciphers}\nIV_NCP=2\n{self.info}"
        options = "V4,dev-type tap,link-mtu 1581,tun-mtu 1532,proto UDPv4,auth SHA256,keysize 256,key-method 2,tls-client"
        return b"\0\0\0\0\x02" + pre + r1 + r2 + string(options) + struct.pack("!HH", 0, 0) + string(info)

    def digest(self):
        if self.state == "keys":
            if len(self.plain) < 71:
                return
            n = struct.unpack("!H", self.plain[69:71])[0]
            if len(self.plain) < 71 + n:
                return
            self.server_randoms = self.plain[5:37], self.plain[37:69]
            self.plain = self.plain[71 + n:]
            # the server's empty user name, password and peer info, when it sends them
            while len(self.plain) >= 2 and self.plain[:2] == b"\0\0":
                self.plain = self.plain[2:]
            self.state = "push"
        while b"\0" in self.plain:
            text, self.plain = self.plain.split(b"\0", 1)
            self.message(text.decode("latin-1"))

    def message(self, text):
        if not text:
            return
        self.messages.append(text)
        if text.startswith("PUSH_REPLY"):
            self.push += text
            if ",push-continuation 2" not in text:
                self.keys()
                self.state = "up"
        elif text.startswith("AUTH_FAILED"):
            self.state, self.why = "dead", text

    def say(self, text, now=0.0):
        """A control message; returns datagrams."""
        self.tls.write(text.encode() + b"\0")
        return self.drain(now)

    def option(self, name):
        m = re.search(r",%s ([^,]*)" % re.escape(name), self.push)
        return m.group(1) if m else None

    def ip(self):
        """The pushed address."""
        return (self.option("ifconfig") or "192.168.77.240").split()[0]

    def exported(self, label, size):
        version, cipher = self.tls.version(), self.tls.cipher()[0]
        if version == "TLSv1.3":
            digest = "sha384" if cipher.endswith("SHA384") else "sha256"
            secret = self.credentials.log.secret("EXPORTER_SECRET", self.client_random)
            empty = hashlib.new(digest).digest()
            derived = hkdf_expand_label(secret, label, empty, len(empty), digest)
            return hkdf_expand_label(derived, b"exporter", empty, size, digest)
        digest = "sha384" if "SHA384" in cipher else "sha256"
        master = self.credentials.log.secret("CLIENT_RANDOM", self.client_random)
        return p_hash(digest, master, label + self.client_random + self.server_random, size)

    def keys(self):
        if "tls-ekm" in self.push:
            block = self.exported(b"EXPORTER-OpenVPN-datakeys", 256)
        else:
            (pre, c1, c2), (s1, s2) = self.secret, self.server_randoms
            master = tls1_prf(pre, b"OpenVPN master secret", c1 + s1, 48)
            block = tls1_prf(master, b"OpenVPN key expansion", c2 + s2 + self.sid + self.peer_sid, 256)
        cipher = self.option("cipher") or "AES-256-GCM"
        self.sealer = Aead(cipher, block[0:64], block[64:72])
        self.opener = Aead(cipher, block[128:192], block[192:200])
        self.peer_id = int(self.option("peer-id") or 0xFFFFFF)

    # -- data

    def seal(self, payload, packet_id=None, key_id=None, peer_id=None):
        """A P_DATA_V2 datagram; without a packet id the next one is taken."""
        if packet_id is None:
            self.send_pid += 1
            packet_id = self.send_pid
        key_id = self.key_id if key_id is None else key_id
        peer_id = self.peer_id if peer_id is None else peer_id
        head = struct.pack("!II", (DATA_V2 << 3 | key_id) << 24 | peer_id, packet_id)
        data, tag = self.sealer.run(True, packet_id, head, payload)
        return head + tag + data

    def open(self, datagram):
        """The payload of a data packet, or None."""
        if len(datagram) < 24 or datagram[0] >> 3 != DATA_V2 or self.opener is None:
            return None
        packet_id = struct.unpack("!I", datagram[4:8])[0]
        return self.opener.run(False, packet_id, datagram[:8], datagram[24:], datagram[8:24])
