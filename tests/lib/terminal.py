#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""terminal.py PROMPT ANSWER [PROMPT ANSWER ...] [--] DONE PROGRAM [ARG...]

Runs a program on a terminal of its own, types each ANSWER when its PROMPT appears, in this order, waits until DONE
appears (15 s), ends it with SIGTERM and copies what it said to standard output. Status 0 if DONE appeared. Without "--"
there is one PROMPT."""
import os
import pty
import select
import signal
import sys
import time

words = sys.argv[1:]
at = words.index("--") if "--" in words[:20] else 2
pairs = [w.encode() for w in words[:at]]
rest = words[at + (words[at] == "--"):]
done = rest[0].encode()
pid, tty = pty.fork()
if pid == 0:
    os.execv(rest[1], rest[1:])
said, seen, end = b"", 0, time.monotonic() + 15
while time.monotonic() < end and done not in said:
    ready, _, _ = select.select([tty], [], [], 0.2)
    if not ready:
        continue
    try:
        chunk = os.read(tty, 65536)
    except OSError:
        break
    if not chunk:
        break
    said += chunk
    if pairs and pairs[0] in said[seen:]:
        seen = len(said)
        os.write(tty, pairs[1] + b"\n")
        pairs = pairs[2:]
try:
    os.kill(pid, signal.SIGTERM)
except ProcessLookupError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(said)
sys.exit(0 if done in said else 1)
