#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a client takes: connect_time.py [--count N] [--gap S] [--ping ADDRESS] -- COMMAND...

Starts the command N times, one after the other, and stamps its pipe: milliseconds from the process's start to
`Initialization Sequence Completed`, one number a line; `-` when 15 s were not enough. The process is killed each time.
"""
import argparse
import select
import subprocess
import sys
import time

DONE = b"Initialization Sequence Completed"


def once(command, limit=15):
    start = time.monotonic()
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    seen, took = b"", None
    while time.monotonic() - start < limit:
        if not select.select([p.stdout], [], [], 0.5)[0]:
            continue
        data = p.stdout.read1(65536)
        if not data:
            break
        seen += data
        if DONE in seen:
            took = (time.monotonic() - start) * 1000
            break
    p.kill()
    p.wait()
    return took


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--count", type=int, default=1)
    p.add_argument("--gap", type=float, default=0.2)
    p.add_argument("command", nargs="+")
    a = p.parse_args()
    for _ in range(a.count):
        took = once(a.command)
        print("-" if took is None else "%.1f" % took, flush=True)
        time.sleep(a.gap)


if __name__ == "__main__":
    sys.exit(main())
