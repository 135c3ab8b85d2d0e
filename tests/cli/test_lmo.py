#!/usr/bin/env python3
"""Files of lmo and polar: types, kinds, places; what fails leaves nothing behind.

The velocity of a matrix with orthogonal columns is known: for `operator`, minus the sum of their
lengths times the columns, each divided by its length."""

import math
import os
import struct

from harness import *

N, D = 2000, 4
LENGTHS = [3.0, 2.0, 1.0, 0.5]


def matrix():
    """Columns of a Fourier basis, orthogonal up to rounding, of the lengths above."""
    scale = math.sqrt(2.0 / N)
    waves = [[math.cos(2 * math.pi * i / N), math.sin(2 * math.pi * i / N),
              math.cos(4 * math.pi * i / N), math.sin(4 * math.pi * i / N)] for i in range(N)]
    return [[scale * LENGTHS[j] * wave[j] for j in range(D)] for wave in waves]


def numbers(data, width):
    """The entries of an npy of floats, after checking its type."""
    length = struct.unpack("<H", data[8:10])[0]
    head = data[10 : 10 + length]
    check(b"'<f%d'" % width in head and b"(%d, %d)" % (N, D) in head, "header", head)
    count = N * D
    return struct.unpack(f"<{count}{'f' if width == 4 else 'd'}", data[10 + length :])


def close(found, expected, tolerance):
    return len(found) == len(expected) and all(
        abs(a - b) <= tolerance for a, b in zip(found, expected))


def test_types(where):
    rows = matrix()
    polar = [row[j] / LENGTHS[j] for row in rows for j in range(D)]
    expected = [-sum(LENGTHS) * entry for entry in polar]
    npz(where, "g.npz", {"g": npy(rows), "s": npy(rows, "<f4")})
    put(where, "g.csv", "\n".join(",".join(map(repr, row)) for row in rows))
    cases = [("g8.npy", npy(rows), 8), ("g4.npy", npy(rows, "<f4"), 4),
             ("f8.npy", npy(rows, "<f8", True), 8), ("f4.npy", npy(rows, "<f4", True), 4),
             ("b4.npy", npy(rows, ">f4"), 4)]
    for name, data, width in cases:
        put(where, name, data)
    sources = [([name], width) for name, data, width in cases]
    sources += [(["g.npz", "--key", "g"], 8), (["g.npz", "--key", "s"], 4), (["g.csv"], 8)]
    for source, width in sources:
        tolerance = 1e-6 if width == 4 else 1e-12
        found = report(["lmo", *source, "--out", "v.npy"], where)
        check(abs(found.get("dual_norm", 0) - sum(LENGTHS)) < tolerance, source, found)
        check(found.get("dtype") == f"float{8 * width}", source, found)
        check(close(numbers(get(where, "v.npy"), width), expected, 10 * tolerance), source)
        report(["polar", *source, "--out", "u.npy"], where)
        check(close(numbers(get(where, "u.npy"), width), polar, 10 * tolerance), source)
    done = run(["lmo", "-", "--out", "-"], where, stdin=get(where, "g8.npy"))
    check(done.returncode == 0 and close(numbers(done.stdout, 8), expected, 1e-11), "streams")


def test_memory(where):
    """A plain file is not loaded."""
    put(where, "g.npy", npy_header("'<f8'", (200000, 4)) +
        struct.pack("<800000d", *(math.sin(1.7 * k) for k in range(800000))))
    found = report(["lmo", "g.npy", "--out", "v.npy", "--threads", "1"], where)
    check(found.get("peak_bytes", 1e9) < 400000, "peak", found)
    check(found.get("dual_gap", 1) < 1e-12, found)


def test_weights(where):
    rows = gauss(5, 30, 3)
    shares = weights(6, 30)
    put(where, "g.npy", npy(rows))
    put(where, "w.npy", npy(shares))
    npz(where, "both.npz", {"g": npy(rows), "w": npy(shares)})
    one = report(["lmo", "g.npy", "--weights", "w.npy", "--out", "v.npy", "--check"], where)
    report(["lmo", "both.npz", "--weights", "both.npz", "--key", "g,w", "--out", "w2.npy"], where)
    check(get(where, "v.npy") == get(where, "w2.npy"), "members")
    velocity = read_npy(get(where, "v.npy"))[1]
    product = sum(shares[k // 3] * rows[k // 3][k % 3] * velocity[k] for k in range(90))
    check(abs(product / one["dual_norm"] ** 2 + 1) < 1e-12, "identity", product, one)
    check(one["norm_error"] < 1e-12, one)


def test_check(where):
    """A direction is judged by the definitions: that of another gauge, or a longer one, is none."""
    gauges = ("operator", "frobenius", "kyfan:2", "sum:trace@1,operator@2", "schatten:0.7")
    put(where, "g.npy", npy(gauss(8, 12, 3)))
    put(where, "w.npy", npy(weights(9, 12)))
    for more in ([], ["--weights", "w.npy"]):
        for k, gauge in enumerate(gauges):
            asked = ["lmo", "g.npy", "--gauge", gauge, "--out", f"v{k}.npy", "--check", *more]
            found = report(asked, where)
            check(found["passed"] is True and found["dual_error"] < 1e-12, gauge, found)
        for k, gauge in enumerate(gauges):
            for j in range(len(gauges)):
                found = report(["lmo", "g.npy", "--gauge", gauge, "--verify", f"v{j}.npy", *more],
                               where, expected=int(j != k))
                check(found["passed"] is (j == k), gauge, gauges[j], found)
                check(found["outcome"] == ("solved" if j == k else "refused"), gauge, found)
    scale = [1.0001 * entry for entry in read_npy(get(where, "v0.npy"))[1]]
    put(where, "long.npy", npy([scale[k : k + 3] for k in range(0, 36, 3)]))
    done = run(["lmo", "g.npy", "--verify", "long.npy", "--weights", "w.npy"], where)
    check(done.returncode == 1 and b"V is not the direction" in done.stdout, text(done.stdout))
    for arguments, status, words in (
        (["--verify", "v0.npy", "--out", "n.npy"], 2, "leave out --out"),
        (["--verify", "w.npy"], 3, "both must agree"), (["--verify", "none.npy"], 3, "none.npy")):
        done = run(["lmo", "g.npy", *arguments], where)
        check(done.returncode == status and words in text(done.stderr), text(done.stderr))


def test_batch(where):
    """Three axes are many matrices; a (c, -s; s, c) has a = 1 in its polar factor."""
    count, angles = 40, [0.3 * k for k in range(40)]
    turns = [entry for a in angles
             for entry in (math.cos(a), -math.sin(a), math.sin(a), math.cos(a))]
    sizes = [2.0 ** (k // 4 % 9 - 4) * turn for k, turn in enumerate(turns)]
    for dtype, code, tolerance in (("<f8", "d", 1e-13), ("<f4", "f", 1e-6)):
        data = struct.pack(f"<{4 * count}{code}", *sizes)
        put(where, "g.npy", npy_header(f"'{dtype}'", (count, 2, 2)) + data)
        for options, near in (((), tolerance), (("--method", "newton-schulz"), tolerance),
                              (("--tol", "1e-5"), 1e-5)):
            found = report(["polar", "g.npy", "--out", "u.npy", *options], where)
            check(found["shape"] == [count, 2, 2] and found["rank"] == 2, found)
            check(abs(found["sigma_min"] - 1) < near > found["orthogonality"], found)
            head, raw = get(where, "u.npy")[:128], get(where, "u.npy")[128:]
            check(f"'{dtype}'".encode() in head and b"(40, 2, 2)" in head, head)
            check(close(struct.unpack(f"<{4 * count}{code}", raw), turns, near), options)
    check(found["method"] == "polar-express", found)
    done = run(["polar", "g.npy", "--out", "u.npy", "--method", "muon"], where)
    check(text(done.stdout).splitlines()[:2] ==
          ["matrices    40 of 2 x 2, float32", "method      muon, 5 steps"], text(done.stdout))
    # The other order of axes in the file, and as a member.
    swapped = struct.pack("<8d", *(sizes[k] for k in (0, 4, 2, 6, 1, 5, 3, 7)))
    npz(where, "g.npz", {"g": npy_header("'<f8'", (2, 2, 2), True) + swapped})
    report(["polar", "g.npz", "--out", "u.npy"], where)
    check(close(struct.unpack("<8d", get(where, "u.npy")[128:]), turns[:8], 1e-13), "order")
    put(where, "bad.npy", npy_header("'<f8'", (2, 1, 2)) +
        struct.pack("<4d", 1.0, 2.0, 3.0, float("inf")))
    done = run(["polar", "bad.npy", "--out", "n.npy"], where)
    check(done.returncode == 3 and "g[1][0, 1] = inf" in text(done.stderr), text(done.stderr))
    put(where, "none.npy", npy_header("'<f8'", (0, 2, 2)))
    for command, name in (("lmo", "g.npy"), ("polar", "none.npy")):
        done = run([command, name, "--out", "n.npy"], where)
        check(done.returncode == 3 and not os.path.exists(os.path.join(where, "n.npy")), command)


def test_nothing_left(where):
    put(where, "bad.npy", npy([[1.0, 2.0], [float("nan"), 1.0]]))
    put(where, "keep.npy", b"what was there")
    put(where, "short.npy", npy(gauss(1, 9, 2))[:-8])
    for command in ("lmo", "polar"):
        for name, words in (("bad.npy", "[1, 0] = nan"), ("short.npy", "truncated")):
            done = run([command, name, "--out", "keep.npy"], where)
            check(done.returncode == 3 and words in text(done.stderr), command, text(done.stderr))
        check(get(where, "keep.npy") == b"what was there", "kept")
    check(sorted(os.listdir(where)) == ["bad.npy", "keep.npy", "short.npy"], os.listdir(where))


def main():
    for test in (test_types, test_memory, test_weights, test_check, test_batch, test_nothing_left):
        with scratch() as where:
            test(where)


run_all(main)
