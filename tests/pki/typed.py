#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""typed.py COMMAND...: runs a command on a terminal of its own, as a person at a keyboard does: each line of standard
input is typed when the command asks, that is, when something new stands on the terminal and its echo is off; then
the end of input. Prints what the terminal showed; status 0 when the command ended by itself within 60 s."""
import os
import pty
import select
import signal
import sys
import termios
import time


def main():
    lines = sys.stdin.buffer.read().splitlines(keepends=True)
    pid, tty = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    said, seen, end = b"", 0, time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([tty], [], [], 0.02)[0]:
            try:
                chunk = os.read(tty, 65536)
            except OSError:
                break
            if not chunk:
                break
            said += chunk
        elif said[seen:].rstrip().endswith(b":") and not termios.tcgetattr(tty)[3] & termios.ECHO:
            seen = len(said)
            os.write(tty, lines.pop(0) if lines else b"\x04")
    else:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(said)
    return 0 if time.monotonic() < end else 1


if __name__ == "__main__":
    sys.exit(main())
