#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""terminal.py PROMPT ANSWER DONE PROGRAM [ARG...]

Runs a program on a terminal of its own, types ANSWER when PROMPT appears, waits until DONE appears (15 s), ends it with
SIGTERM and copies what it said to standard output. Status 0 if DONE appeared."""
import os
import pty
import select
import signal
import sys
import time

prompt, answer, done = (a.encode() for a in sys.argv[1:4])
pid, tty = pty.fork()
if pid == 0:
    os.execv(sys.argv[4], sys.argv[4:])
said, typed, end = b"", False, time.monotonic() + 15
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
    if prompt in said and not typed:
        os.write(tty, answer + b"\n")
        typed = True
try:
    os.kill(pid, signal.SIGTERM)
except ProcessLookupError:
    pass
os.waitpid(pid, 0)
sys.stdout.buffer.write(said)
sys.exit(0 if done in said else 1)
