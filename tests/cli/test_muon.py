#!/usr/bin/env python3
"""wgamma muon-step: archives in and out, the rules against a plain twin, the table, states that
resume to the byte, and what is refused without leaving anything behind.

Matrices here have orthogonal columns: directions are known, columns over their lengths."""

import math
import os

from harness import *

RATE, BETA = 0.1, 0.9
AXIS = [[0.0, 3.0], [-2.0, 0.0], [0.0, 4.0]]  # orthogonal columns of lengths 2 and 5
AXIS_POLAR = [[0.0, 0.6], [-1.0, 0.0], [0.0, 0.8]]


def shaped(numbers, shape, dtype="<f8"):
    return npy_header(f"'{dtype}'", shape) + struct.pack(
        f"<{len(numbers)}{CODES[dtype[1:]]}", *numbers)


def flat(rows):
    return [entry for row in rows for entry in row]


def close(found, expected, tolerance=1e-12):
    return len(found) == len(expected) and all(
        abs(a - b) <= tolerance for a, b in zip(found, expected))


def numbers(where, archive, name, dtype="<f8"):
    with zipfile.ZipFile(os.path.join(where, archive)) as opened:
        data = opened.read(name + ".npy")
    length = struct.unpack("<H", data[8:10])[0]
    check(f"'{dtype}'".encode() in data[10 : 10 + length], archive, name, data[10 : 10 + length])
    raw = data[10 + length :]
    width = int(dtype[2:])
    return list(struct.unpack(f"<{len(raw) // width}{CODES[dtype[1:]]}", raw))


def step(where, *options, params="p.npz", expected=0):
    return report(["muon-step", params, "g.npz", "--out", "n.npz", *options], where, expected)


def test_directions(where):
    """Rate, decay, scale, blocks and axes on a known direction; the momentum has no say in it."""
    start = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    npz(where, "p.npz", {"w": shaped(start, (3, 2))})
    npz(where, "g.npz", {"w": shaped(flat(AXIS), (3, 2))})
    for options, kept, factor in (
            ((), 1.0, math.sqrt(1.5)), (("--scale", "none"), 1.0, 1.0),
            (("--scale", "rms", "--weight-decay", "0.5"), 0.95, 0.2 * math.sqrt(3.0)),
            (("--scale", "none", "--no-nesterov", "--momentum", "0"), 1.0, 1.0)):
        step(where, "--rate", "0.1", *options)
        wanted = [kept * w - RATE * factor * u for w, u in zip(start, flat(AXIS_POLAR))]
        check(close(numbers(where, "n.npz", "w"), wanted), options)
    # trace: g over its Frobenius norm; with the dual norm, g as it is in the momentum.
    step(where, "--rate", "0.1", "--scale", "none", "--gauge", "trace")
    wanted = [w - RATE * g / math.sqrt(29.0) for w, g in zip(start, flat(AXIS))]
    check(close(numbers(where, "n.npz", "w"), wanted), "trace")
    step(where, "--rate", "0.1", "--scale", "none", "--gauge", "operator", "--dual-norm",
         "--momentum", "0")
    wanted = [w - RATE * 7.0 * u for w, u in zip(start, flat(AXIS_POLAR))]
    check(close(numbers(where, "n.npz", "w"), wanted), "dual norm")


def quintic(x):
    """Five steps on x (rows, no more of them than columns), as optimisers write them."""
    def times(a, b):
        return [[sum(p * q for p, q in zip(row, column)) for column in zip(*b)] for row in a]

    norm = math.sqrt(sum(entry * entry for row in x for entry in row))
    x = [[entry / norm for entry in row] for row in x]
    for _ in range(5):
        a = times(x, list(zip(*x)))
        b = [[-4.7750 * one + 2.0315 * two for one, two in zip(*rows)]
             for rows in zip(a, times(a, a))]
        x = [[3.4445 * one + two for one, two in zip(*rows)] for rows in zip(x, times(b, x))]
    return x


def test_quintic(where):
    """What training does with m = B m + g: the direction does not see its scale."""
    wanted, gradients = gauss(1, 3, 5), [gauss(k, 3, 5) for k in (2, 3, 4)]
    momentum = [[0.0] * 5] * 3
    npz(where, "n.npz", {"w": npy(wanted)})
    for g in gradients:
        os.replace(os.path.join(where, "n.npz"), os.path.join(where, "p.npz"))
        npz(where, "g.npz", {"w": npy(g)})
        step(where, "--state", "s", "--method", "muon", "--rate", "0.1", "--momentum", "0.9",
             "--weight-decay", "0.2")
        momentum = [[0.9 * m + e for m, e in zip(*rows)] for rows in zip(momentum, g)]
        ahead = [[e + 0.9 * m for m, e in zip(*rows)] for rows in zip(momentum, g)]
        wanted = [[0.98 * w - 0.1 * u for w, u in zip(*rows)]
                  for rows in zip(wanted, quintic(ahead))]
        check(close(numbers(where, "n.npz", "w"), flat(wanted)), "quintic")


def test_shapes(where):
    """One direction a block or a matrix; blocks of one row are divided by their lengths."""
    npz(where, "p.npz", {"w": shaped([0.0] * 6, (3, 2)), "s": shaped([0.0] * 12, (2, 3, 2))})
    npz(where, "g.npz", {"s": shaped(flat(AXIS) + [2 * g for g in flat(AXIS)], (2, 3, 2)),
                         "w": shaped([3.0, 4.0, 0.0, 2.0, -5.0, 12.0], (3, 2))})
    common = ("--rate", "1", "--scale", "none")
    step(where, *common, "--row-blocks", "w=3", "--axes", "s=brc")
    check(close(numbers(where, "n.npz", "w"), [-0.6, -0.8, 0, -1, 5 / 13, -12 / 13]), "rows")
    check(close(numbers(where, "n.npz", "s"), [-u for u in 2 * flat(AXIS_POLAR)]), "matrices")
    refused(where, "'w': axes 'rcc'", "--axes", "?=rcc,s=brc", status=2)  # the first that fits
    found = step(where, *common, "--row-blocks", "w=1+2", "--axes", "s=brc,*=rc")
    line = {p["name"]: p for p in found["parameters"]}
    check(line["w"]["row_blocks"] == 2 and line["s"]["matrices"] == 2, line)
    check(close(numbers(where, "n.npz", "w")[:2], [-0.6, -0.8]), "sizes")


def test_rules(where):
    """AdamW and SGD over three steps against the formulas; the table says who and why."""
    start, grads = [0.5, -1.0, 2.0], [[0.1, -2.0, 0.0], [0.3, 1.0, 0.0], [-0.2, 0.5, 0.0]]
    names = {"head.weight": (1, 3), "bias": (3,), "one": (3, 1), "two": (1, 3)}
    values = {name: list(start) for name in names}
    m, v, plain = [0.0] * 3, [0.0] * 3, [0.0] * 3
    npz(where, "n.npz", {name: shaped(start, shape) for name, shape in names.items()})
    for t, g in enumerate(grads, 1):
        os.replace(os.path.join(where, "n.npz"), os.path.join(where, "p.npz"))
        npz(where, "g.npz", {name: shaped(g, shape) for name, shape in names.items()})
        found = step(where, "--state", "s", "--momentum", "0.9", "--fallback-rate", "0.1",
                     "--fallback-decay", "0.5", "--sgd", "bi?s,ONE", "--beta2", "0.99",
                     "--epsilon", "1e-3")
        check(found["step"] == t, found)
        for k in range(3):
            m[k] = 0.9 * m[k] + 0.1 * g[k]
            v[k] = 0.99 * v[k] + 0.01 * g[k] ** 2
            plain[k] = BETA * plain[k] + (1 - BETA) * g[k]
            moved = m[k] / (1 - 0.9**t) / (math.sqrt(v[k] / (1 - 0.99**t)) + 1e-3)
            for name in names:
                change = moved
                if name in ("bias", "one"):
                    change = BETA * plain[k] + (1 - BETA) * g[k]
                values[name][k] = 0.95 * values[name][k] - 0.1 * change
        for name in names:
            check(close(numbers(where, "n.npz", name), values[name]), t, name)
    lines = {p["name"]: (p["rule"], p["reason"], p["pattern"]) for p in found["parameters"]}
    check(lines == {"head.weight": ("adamw", "name", "head.*"), "bias": ("sgd", "asked", None),
                    "one": ("sgd", "asked", None), "two": ("adamw", "shape", None)}, lines)


def mixed(where, seed, archive, dtype="<f4"):
    shapes = {"qkv": (12, 4), "conv": (4, 3, 2, 2), "embed.weight": (10, 4), "bias": (5,), "t": ()}
    members = {}
    for k, (name, shape) in enumerate(shapes.items()):
        count = math.prod(shape)
        members[name] = shaped(flat(gauss(seed + k, count, 1)), shape, dtype)
    npz(where, archive, members)


def test_table(where):
    mixed(where, 1, "p.npz")
    mixed(where, 50, "g.npz", "<f8")  # becomes float32
    done = run(["muon-step", "p.npz", "g.npz", "--out", "n.npz", "--row-blocks", "q*=3"], where)
    lines = text(done.stdout).splitlines()
    check(lines[:8] == [
        "name          shape         type     rule    why",
        "qkv           (12, 4)       float32  matrix  12 x 4, in 3 x 1 blocks",
        "conv          (4, 3, 2, 2)  float32  matrix  4 x 12",
        "embed.weight  (10, 4)       float32  adamw   name fits *embed*",
        "bias          (5,)          float32  adamw   a vector",
        "t             ()            float32  adamw   a scalar",
        "gauge       operator",
        "method      auto"], text(done.stdout))
    check(lines[8] == "directions  4" and "step        1" in lines, lines)
    for name in ("qkv", "conv", "embed.weight", "bias", "t"):
        numbers(where, "n.npz", name, "<f4")
    found = step(where, "--check", "--method", "muon")
    check(0.6 < found["sigma_min"] < found["sigma_max"] < 1.25, found)
    found = step(where, "--check")
    check(abs(found["sigma_min"] - 1) < 1e-6 > found["orthogonality"], found)
    step(where, "--method", "newton-schulz", "--steps", "2", "--tol", "1e-6", expected=1)
    check(step(where, "--method", "newton-schulz", "--tol", "1e-3")["outcome"] == "solved", "tol")
    done = run(["muon-step", "p.npz", "g.npz", "--out", "-"], where)
    put(where, "stream.npz", done.stdout)
    step(where)
    check(done.stdout == get(where, "n.npz"), "stream")


def test_resume(where):
    """Four steps from state to state are the four steps from copies; a state is replaced whole."""
    mixed(where, 1, "p.npz")
    os.link(os.path.join(where, "p.npz"), os.path.join(where, "0.npz"))
    for k in range(4):
        mixed(where, 100 * k + 9, "g.npz")
        # Twice from the same state: to the byte the same parameters and the same new state.
        for copy in ("a", "b"):
            if k:
                put(where, "s" + copy, get(where, f"state{k}"))
            found = report(["muon-step", f"{k}.npz", "g.npz", "--out", f"{copy}.npz", "--state",
                            "s" + copy, "--threads", "1" if copy == "a" else "2"], where)
            check(found["step"] == k + 1, found)
        check(get(where, "a.npz") == get(where, "b.npz"), "parameters", k)
        check(get(where, "sa") == get(where, "sb"), "state", k)
        put(where, f"{k + 1}.npz", get(where, "a.npz"))
        put(where, f"state{k + 1}", get(where, "sa"))
    # What momentum remembers matters: without the state the step is another.
    report(["muon-step", "3.npz", "g.npz", "--out", "c.npz"], where)
    check(get(where, "c.npz") != get(where, "4.npz"), "memory")


def refused(where, words, *options, status=3, params="p.npz", grads="g.npz"):
    done = run(["muon-step", params, grads, "--out", "n.npz", *options], where)
    check(done.returncode == status and words in text(done.stderr), words, done.returncode,
          text(done.stderr))
    check(text(done.stderr).count("\n") == 1, text(done.stderr))


def test_state_refused(where):
    mixed(where, 1, "p.npz")
    mixed(where, 2, "g.npz")
    step(where, "--state", "s")
    whole = get(where, "s")
    put(where, "n.npz", b"kept")
    for data, words in ((whole[:-8], "truncated"), (whole + bytes(8), "truncated"),
                        (whole[:100] + b"?" + whole[101:], "checksum"), (b"WGMUON2\n", "version"),
                        (b"", "empty"), (whole[:9], "truncated")):
        put(where, "bad", data)
        refused(where, words, "--state", "bad")
        check(get(where, "bad") == data, "state untouched", words)
    refused(where, "moved by another rule", "--state", "s", "--adamw", "qkv")
    npz(where, "q.npz", {"w": shaped([1.0] * 6, (3, 2))})
    refused(where, "parameters", "--state", "s", params="q.npz", grads="q.npz")
    check(get(where, "s") == whole and get(where, "n.npz") == b"kept", "untouched")
    refused(where, "a file, not a stream", "--state", "-", status=2)
    refused(where, "overwrite the input", "--state", "g.npz", status=2)


def test_refused(where):
    good = {"w": shaped([1.0] * 6, (3, 2)), "b": shaped([1.0] * 2, (2,))}
    nan = shaped([1, 1, 1, float("nan"), 1, 1], (3, 2))
    npz(where, "p.npz", good)
    npz(where, "g.npz", good)
    npz(where, "few.npz", {"w": good["w"]})
    npz(where, "many.npz", dict(good, extra=good["b"]))
    npz(where, "shape.npz", dict(good, w=shaped([1.0] * 6, (2, 3))))
    npz(where, "nan.npz", dict(good, w=nan))
    npz(where, "none.npz", {"w": shaped([], (0, 2))})
    npz(where, "lines.npz", {"w\nb": good["w"]})
    npz(where, "huge.npz", {"w": shaped([1e300] * 6, (3, 2))})
    npz(where, "small.npz", {"w": shaped([1.0] * 6, (3, 2), "<f4")})
    put(where, "plain.npy", good["w"])
    before = sorted(os.listdir(where))
    refused(where, "few.npz has no 'b', which p.npz has", grads="few.npz")
    refused(where, "many.npz has 'extra', which p.npz has not", grads="many.npz")
    refused(where, "'w' has shape (2, 3), its parameter has (3, 2)", grads="shape.npz")
    refused(where, "nan.npz[w]: entry [1, 1] is nan", grads="nan.npz")
    refused(where, "nan.npz[w]: entry [1, 1] is nan", params="nan.npz")
    refused(where, "control characters", params="lines.npz", grads="lines.npz")
    refused(where, "plain.npy is not an .npz archive", params="plain.npy")
    refused(where, "the gradient of 'w': entry [0, 0] = inf", params="small.npz",
            grads="huge.npz")
    refused(where, "shape[0] = 0", params="none.npz", grads="none.npz", status=2)
    refused(where, "kyfan:3", "--gauge", "kyfan:3")
    for words, *options in (
            ("--adamw: 'x*' fits no parameter", "--adamw", "w,x*"),
            ("two of --matrix, --adamw and --sgd fit 'w'", "--adamw", "w", "--sgd", "*"),
            ("--axes: 'w' is not PATTERN=VALUE", "--axes", "w"),
            ("'w': axes 'rcx' are not 2 letters", "--axes", "w=rcx"),
            ("'w=2+x' is not PATTERN=COUNT", "--row-blocks", "w=2+x"),
            ("'w': its 3 rows cannot be cut into 2 equal blocks", "--row-blocks", "w=2"),
            ("'w=1+0' is not PATTERN=COUNT", "--column-blocks", "w=1+0"),
            ("'w': the blocks of its 3 rows add up to 2", "--row-blocks", "w=1+1"),
            ("'b' has less than two axes", "--matrix", "b"),
            ("polynomial methods make polar factors", "--gauge", "trace", "--method", "muon")):
        refused(where, words, *options, status=2)
    check(sorted(os.listdir(where)) == before, sorted(os.listdir(where)))


def main():
    for test in (test_directions, test_quintic, test_shapes, test_rules, test_table, test_resume,
                 test_state_refused, test_refused):
        with scratch() as where:
            test(where)


run_all(main)
