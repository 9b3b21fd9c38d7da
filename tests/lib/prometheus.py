#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader of the Prometheus text format 0.0.4, for tests.

  prometheus.py check FILE            status 1 and the first line that is wrong; else prints families and series
  prometheus.py value FILE SERIES     the value of one series, e.g. 'drawbridge_clients' or 'x{a="b",c="d"}'; the
                                      labels in any order, all of them; status 1 when there is no such series
  prometheus.py labels FILE NAME      the labels of each series of that name, a JSON object a line
What is checked: names, label syntax and escapes, UTF-8, numbers; HELP and TYPE once and before the samples of their
family; families in one piece; no series twice; counters end in _total and are not negative; ends with a newline.
"""
import json
import math
import re
import sys

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
VALUE = re.compile(r"[+-]?(\d+(\.\d+)?([eE][+-]?\d+)?|Inf)|NaN")
ESCAPES = {"\\": "\\", '"': '"', "n": "\n"}
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")


class Bad(Exception):
    pass


def quoted(line, at):
    """The text from behind an opening quote to the closing one, and the place behind that."""
    out = ""
    while True:
        if at >= len(line):
            raise Bad("no closing quote")
        c = line[at]
        if c == '"':
            return out, at + 1
        if c == "\\":
            at += 1
            if at >= len(line) or line[at] not in ESCAPES:
                raise Bad("unknown escape")
            c = ESCAPES[line[at]]
        out += c
        at += 1


def labels(line, at):
    out = {}
    while line[at : at + 1] != "}":
        m = LABEL.match(line, at)
        if not m or line[m.end() : m.end() + 2] != '="':
            raise Bad("label expected")
        if m.group() in out:
            raise Bad("label twice")
        out[m.group()], at = quoted(line, m.end() + 2)
        if line[at : at + 1] == ",":
            at += 1
        elif line[at : at + 1] != "}":
            raise Bad("comma or } expected")
    return out, at + 1


def sample(line):
    m = NAME.match(line)
    if not m:
        raise Bad("name expected")
    found, at = {}, m.end()
    if line[at : at + 1] == "{":
        found, at = labels(line, at + 1)
    v = VALUE.fullmatch(line[at + 1 :])
    if line[at : at + 1] != " " or not v:
        raise Bad("value expected")
    return m.group(), found, float(v.group())


class Page:
    def __init__(self, raw):
        self.series = {}
        self.helps, self.types, self.done = {}, {}, set()
        self.family = None
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as e:
            raise Bad(f"not UTF-8: {e}") from e
        if not text.endswith("\n"):
            raise Bad("no newline at the end")
        for n, line in enumerate(text[:-1].split("\n"), 1):
            try:
                self.take(line)
            except Bad as e:
                raise Bad(f"line {n}: {e}: {line}") from e

    def enter(self, family):
        if family == self.family:
            return
        if family in self.done:
            raise Bad("family in pieces")
        self.done.add(family)
        self.family = family

    def comment(self, line):
        m = re.fullmatch(r"# (HELP|TYPE) (\S+) (.*)", line)
        if not m or not NAME.fullmatch(m.group(2)):
            raise Bad("unknown comment")
        table = self.helps if m.group(1) == "HELP" else self.types
        if m.group(2) in table:
            raise Bad(f"{m.group(1)} twice")
        self.enter(m.group(2))
        table[m.group(2)] = m.group(3)
        if m.group(1) == "TYPE" and m.group(3) not in TYPES:
            raise Bad("unknown type")
        if m.group(1) == "HELP" and not m.group(3).strip():
            raise Bad("empty help")

    def take(self, line):
        if line.startswith("#"):
            return self.comment(line)
        name, found, value = sample(line)
        if name not in self.types or name not in self.helps:
            raise Bad("sample without TYPE and HELP before it")
        self.enter(name)
        if self.types[name] == "counter" and (not name.endswith("_total") or value < 0 or math.isnan(value)):
            raise Bad("not a counter")
        key = (name, tuple(sorted(found.items())))
        if key in self.series:
            raise Bad("series twice")
        self.series[key] = value


def main(argv):
    command, path = argv[1], argv[2]
    with open(path, "rb") as f:
        try:
            page = Page(f.read())
        except Bad as e:
            print(e)
            return 1
    if command == "check":
        print(f"{len(page.types)} families, {len(page.series)} series")
        return 0
    if command == "labels":
        for name, found in page.series:
            if name == argv[3]:
                print(json.dumps(dict(found)))
        return 0
    name, found, _ = sample(argv[3] + " 0")
    value = page.series.get((name, tuple(sorted(found.items()))))
    if value is None:
        print(f"no series {argv[3]}")
        return 1
    print(int(value) if value == int(value) else value)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
