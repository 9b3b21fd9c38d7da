#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program costs: sums over a process and everything below it (keeper, control, data, signer, fetch).

proctree.py cpu PID   CPU seconds, utime + stime of all threads, plus those of children already waited for
proctree.py rss PID   resident kB (shared pages counted in each process)
proctree.py pss PID   proportional kB (shared pages counted once)
proctree.py anon PID  resident anonymous kB (libraries do not count)
proctree.py fds PID   open descriptors
proctree.py pids PID  the pids, one a line, with their names
"""
import os
import sys

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        text = f.read()
    name = text[text.index("(") + 1:text.rindex(")")]
    return name, text[text.rindex(")") + 2:].split()


def tree(root):
    """The root and all its descendants that live now."""
    parents = {}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                parents.setdefault(int(stat(p)[1][1]), []).append(int(p))
            except (OSError, ValueError):
                pass
    found, queue = [], [root]
    while queue:
        p = queue.pop()
        if os.path.exists(f"/proc/{p}"):
            found.append(p)
            queue += parents.get(p, [])
    return found


def cpu(pid):
    f = stat(pid)[1]
    return sum(int(v) for v in f[11:15]) / TICK


def memory(pid, key):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(key + ":"))


WHAT = {
    "cpu": cpu,
    "rss": lambda p: memory(p, "Rss"),
    "pss": lambda p: memory(p, "Pss"),
    "anon": lambda p: memory(p, "Anonymous"),
    "fds": lambda p: len(os.listdir(f"/proc/{p}/fd")),
}


def total(what, root):
    value = 0
    for p in tree(root):
        try:
            value += WHAT[what](p)
        except (OSError, ValueError):
            pass
    return value


if __name__ == "__main__":
    what, root = sys.argv[1], int(sys.argv[2])
    if what == "pids":
        for p in tree(root):
            print(p, stat(p)[0])
    else:
        v = total(what, root)
        print("%.2f" % v if what == "cpu" else int(v))
