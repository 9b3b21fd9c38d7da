#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for a private key in the memory of a process.

keyhunt.py PID KEY.pem   one line for each kind of trace that is there (RSA's primes and exponent, an elliptic curve's
                         number, lines of the file's text); status 0 when there is any, 1 when there is none, 2 when it
                         cannot be told. Numbers are looked for as they are written and as the library keeps them (words
                         from the lowest on: the bytes in reverse).
"""
import re
import subprocess
import sys

CHUNK = 16 << 20


def numbers(path):
    """Secret numbers of the key, name -> bytes, big endian."""
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    found = {}
    for name, body in re.findall(r"^(privateExponent|prime1|prime2|priv):\n((?: +[0-9a-f:]+\n)+)", text, re.M):
        found[name] = bytes.fromhex(re.sub(r"[^0-9a-f]", "", body)).lstrip(b"\0")
    return found


def needles(path):
    out = {}
    for name, value in numbers(path).items():
        out[name] = value
        out[name + " reversed"] = value[::-1]
    with open(path, "rb") as f:
        lines = [l.strip() for l in f if not l.startswith(b"-----") and len(l) > 40]
    # the first line of a PKCS#8 file is much the same for every key of its kind
    for i, line in enumerate(lines[1:-1] or lines, 2):
        out[f"line {i} of the file"] = line
    return out


def regions(pid):
    with open(f"/proc/{pid}/maps") as f:
        for line in f:
            span, rights = line.split()[:2]
            if rights[0] == "r" and "[vvar" not in line and "[vsyscall" not in line:
                yield [int(x, 16) for x in span.split("-")]


def hunt(pid, what):
    seen, looked = set(), 0
    longest = max(len(v) for v in what.values())
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end in regions(pid):
            at = start
            while at < end:
                try:
                    mem.seek(at)
                    data = mem.read(min(CHUNK, end - at))
                except (OSError, ValueError):
                    break
                looked += len(data)
                seen.update(n for n, v in what.items() if v in data)
                if len(data) <= longest or at + len(data) >= end:
                    break
                at += len(data) - longest
    return seen, looked


def main():
    what = needles(sys.argv[2])
    seen, looked = hunt(int(sys.argv[1]), what)
    if not looked or not what:
        print("nothing could be read", file=sys.stderr)
        return 2
    for name in sorted(seen):
        print(name)
    return 0 if seen else 1


if __name__ == "__main__":
    sys.exit(main())
