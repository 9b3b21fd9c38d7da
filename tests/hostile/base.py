# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hostile cases share: the table of cases, expectations, fresh source addresses, a session that is up."""
import lab
import wire

CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


# A source address that was not used yet: each gets its own bucket in the server.
FRESH = iter(range(1, 1 << 21))


def fresh(a):
    return lab.address(a.base, next(FRESH) + a.offset)


def connect(a, w=None, name=None, seconds=20, **options):
    gate = lab.gate_of(a)
    w = w or lab.Wire(a.server, a.port, fresh(a))
    s = wire.Session(gate, wire.Credentials(a.pki, name or a.cert), **options)
    took = lab.drive(w, s, seconds)
    expect(took is not None and s.state == "up", f"no session: {s.state} {s.why}")
    return w, s
