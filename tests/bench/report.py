#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns OUT/raw.jsonl of run.sh into results.json, table.md and SVG plots: medians over rounds, and ratios against
OpenVPN/OpenVPN of the same run."""
import argparse
import collections
import datetime
import json
import os
import shutil
import statistics
import subprocess

ORDER = ["ours-ours", "ours-stock", "stock-ours", "stock-stock", "stock-tuned", "vxlan", "veth"]
PLOTS = [  # file, title, axis, measures, logarithmic
    ("tcp", "TCP through the tunnel", "Mbit/s", ["tcp_up", "tcp_down", "tcp_up_4", "tcp_down_4"], True),
    ("cpu", "CPU of the server", "seconds per GB", ["cpu_server_up", "cpu_server_down"], False),
    ("udp", "64-byte UDP packets that reach the LAN", "thousands per second", ["udp64_reached"], True),
    ("ping", "Ping", "microseconds", ["ping_median", "ping_p99", "ping_load_median"], True),
    ("connect", "Connect time", "ms", ["connect"], False),
]


def text(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def machine(daemon):
    cpu = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": os.uname().release,
        "openvpn": text("openvpn", "--version").split("\n")[0][:40],
        "openssl": text("openssl", "version"),
        "drawbridged": text(daemon, "--version").split("\n")[0] if os.access(daemon, os.X_OK) else "not built",
        "load_average_at_end": os.getloadavg()[0],
    }


def load(path):
    values, units = collections.defaultdict(list), {}
    with open(path) as f:
        for line in f:
            r = json.loads(line)
            values[r["measure"], r["pair"]].append(r["value"])
            units[r["measure"]] = r["unit"]
    return values, units


def number(v):
    return "%.0f" % v if abs(v) >= 100 else "%.3g" % v


def table(values, units, pairs):
    rows = ["| measure | unit | " + " | ".join(pairs) + " |", "|---" * (len(pairs) + 2) + "|"]
    for m, unit in units.items():
        if m == "speed_probe":
            continue
        base = values.get((m, "stock-stock"))
        base = statistics.median(base) if base else None
        cells = []
        for p in pairs:
            v = values.get((m, p))
            cell = number(statistics.median(v)) if v else "-"
            if v and base and p != "stock-stock":
                cell += " (%.2fx)" % (statistics.median(v) / base)
            cells.append(cell)
        rows.append("| %s | %s | " % (m, unit) + " | ".join(cells) + " |")
    return "\n".join(rows)


def plot(out, plan, values, pairs):
    name, title, axis, measures, logarithmic = plan
    measures = [m for m in measures if any((m, p) in values for p in pairs)]
    shown = [p for p in pairs if any((m, p) in values for m in measures)]
    if not measures or not shown:
        return
    with open(os.path.join(out, name + ".dat"), "w") as f:
        f.write("pair " + " ".join(measures) + "\n")
        for p in shown:
            cells = [statistics.median(values[m, p]) if (m, p) in values else float("nan") for m in measures]
            f.write(p + " " + " ".join("%g" % c for c in cells) + "\n")
    script = "\n".join([
        f'set terminal svg size 800,420 font "sans,12" background "white"',
        f'set output "{out}/{name}.svg"',
        f'set title "{title}"',
        f'set ylabel "{axis}"',
        "set style data histogram",
        "set style fill solid 0.8",
        "set grid ytics",
        "set key outside top horizontal noenhanced",
        "set xtics noenhanced",
        "set logscale y" if logarithmic else "set yrange [0:*]",
        "plot " + ", ".join(
            f'"{out}/{name}.dat" using {i + 2}:xtic(1) title columnheader({i + 2})' for i in range(len(measures))),
    ])
    subprocess.run(["gnuplot"], input=script, text=True, check=False)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--daemon", default="")
    p.add_argument("--seconds")
    p.add_argument("--rounds")
    p.add_argument("--cipher")
    p.add_argument("--congestion")
    a = p.parse_args()
    values, units = load(os.path.join(a.out, "raw.jsonl"))
    seen = {pair for _, pair in values}
    pairs = [x for x in ORDER if x in seen]
    about = machine(a.daemon)
    probe = values.get(("speed_probe", "machine"), [])
    about.update(seconds=a.seconds, rounds=a.rounds, cipher=a.cipher, congestion=a.congestion,
                 speed_probe_mb_s=[round(v / 1000) for v in probe])
    result = {"machine": about, "measures": {}}
    for (m, pair), v in values.items():
        result["measures"].setdefault(m, {"unit": units[m]})[pair] = {
            "median": statistics.median(v), "min": min(v), "max": max(v), "n": len(v)}
    with open(os.path.join(a.out, "results.json"), "w") as f:
        json.dump(result, f, indent=1)
    head = "\n".join("- %s: %s" % i for i in about.items())
    body = head + "\n\nMedian of the rounds; in brackets the ratio to OpenVPN/OpenVPN (stock-stock).\n\n" + table(
        values, units, pairs) + "\n"
    with open(os.path.join(a.out, "table.md"), "w") as f:
        f.write(body)
    if shutil.which("gnuplot"):
        for plan in PLOTS:
            plot(a.out, plan, values, pairs)
    print(body)
    print("written: " + ", ".join(sorted(os.path.join(a.out, n) for n in os.listdir(a.out) if not n.endswith(".dat"))))


if __name__ == "__main__":
    main()
