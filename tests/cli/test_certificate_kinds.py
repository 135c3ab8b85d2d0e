#!/usr/bin/env python3
"""Certificates of Gaussians, barycentres, measures on the sphere, densities on a grid: they hold,
do not survive damage, and cannot be made to claim more than follows.

As test_certificate.py does for clouds: a tampered file gets its checksum right, so that only
mathematics is left to refuse it. Every array of every kind is changed."""

import math
import zlib

from harness import *


def load(raw):
    """Header and arrays of a certificate, as lists."""
    start = 16 + int.from_bytes(raw[8:16], "little")
    head = json.loads(raw[16:start])
    arrays = {}
    for entry in head["arrays"]:
        at = start + entry["offset"]
        kind = CODES[entry["dtype"][1:]]
        arrays[entry["name"]] = list(
            struct.unpack(f"<{entry['bytes'] // 8}{kind}", raw[at : at + entry["bytes"]]))
    return head, arrays


def seal(raw, arrays, head=None):
    """The file with these arrays and, if it is given, another header of the same length or less."""
    length = int.from_bytes(raw[8:16], "little")
    body = raw[:16] + (head or raw[16 : 16 + length].decode()).ljust(length).encode()
    for name, entries in arrays.items():
        kind = "q" if name in ("row", "col", "shape") else "d"
        body += struct.pack(f"<{len(entries)}{kind}", *entries)
    return body + struct.pack("<I", zlib.crc32(body))


# ---- ways to tamper with an array ----


def scaled(factor):
    return lambda entries: [factor * entry for entry in entries]


def moved(step):
    return lambda entries: [entries[0] + step, *entries[1:]]


def turned(entries):
    """The other way round."""
    return entries[::-1]


def reflected(d):
    """The first row of points looks the other way."""
    return lambda entries: [-entry for entry in entries[:d]] + entries[d:]


# What is done to an array has to cost more than the gap of a claim leaves.
GAUSSIAN = {"mean0": moved(0.5), "cov0": scaled(1.1), "mean1": moved(0.5), "cov1": scaled(0.9),
            "contraction": scaled(0.9), "q": scaled(0.9)}
BARYCENTRE = {"weights": turned, "means": moved(0.5), "covs": scaled(1.1), "mean": moved(0.5),
              "cov": scaled(1.2), "contractions": scaled(0.9), "q": scaled(0.9), "y": scaled(0.9)}
SPHERE = {"x": reflected(3), "a": scaled(1.1), "y": reflected(3), "b": scaled(0.9), "row": turned,
          "col": turned, "g0": scaled(0.8), "g1": scaled(0.8), "c": scaled(0.9), "q": scaled(0.9),
          "u": scaled(1.2)}
GRID = {"shape": turned, "spacing": scaled(1.2), "mass0": moved(0.5), "mass1": moved(0.5),
        "density": scaled(1.01), "momentum": scaled(1.05), "potential": scaled(0.9),
        "q": scaled(0.9)}


def covariance(seed, d):
    """A well-conditioned one."""
    a = gauss(seed, d, d)
    return [[sum(a[i][k] * a[j][k] for k in range(d)) + (i == j) for j in range(d)]
            for i in range(d)]


def unit(seed, n):
    rows = gauss(seed, n, 3)
    return [[c / math.sqrt(sum(v * v for v in row)) for c in row] for row in rows]


def bump(shape, middle, width):
    return [[math.exp(-sum((p - q) ** 2 for p, q in zip((i, j), middle)) / width)
             for j in range(shape[1])] for i in range(shape[0])]


def put_all(where, **arrays):
    for name, rows in arrays.items():
        put(where, f"{name}.npy", npy(rows))


def gaussian(where, gauge):
    put_all(where, m0=gauss(1, 1, 3)[0], s0=covariance(2, 3), m1=gauss(3, 1, 3)[0],
            s1=covariance(4, 3))
    return ["gaussian", "m0.npy", "s0.npy", "m1.npy", "s1.npy"], "w2", GAUSSIAN


def barycentre(where, gauge):
    files = []
    for k in range(3):
        put_all(where, **{f"m{k}": gauss(k, 1, 2)[0], f"s{k}": covariance(k + 10, 2)})
        files += [f"m{k}.npy", f"s{k}.npy"]
    put_all(where, w=[0.5, 0.2, 0.3])
    return ["barycentre", *files, "--weights", "w.npy"], "value", BARYCENTRE


def sphere(where, gauge):
    put_all(where, x=unit(1, 9), y=unit(2, 7), a=weights(3, 9), b=[1.3 * w for w in weights(4, 7)])
    return (["sphere", "x.npy", "y.npy", "--weights-a", "a.npy", "--weights-b", "b.npy"], "uw2",
            SPHERE)


def grid(where, gauge):
    put_all(where, p=bump((8, 6), (3, 2), 6), q=bump((8, 6), (4, 3), 8))
    return (["dynamic", "p.npy", "q.npy", "--steps", "4", "--tol", "1e-4", "--iterations", "1500"],
            "w2_grid", GRID)


# ---- what is tested of each ----


def test_claims(where, raw, arrays, title):
    """Either bound improved by 1e-9, far less than the gap where that is large."""
    lower, upper, _ = arrays["claim"]
    for words, claim in (("lower bound", [lower * (1 + 1e-9), upper]),
                         ("upper bound", [lower, upper * (1 - 1e-9)])):
        put(where, "t.wgc", seal(raw, {**arrays, "claim": [*claim, arrays["claim"][2]]}))
        done = run(["verify", "t.wgc"], where)
        check(done.returncode == 1 and words in text(done.stderr) and "t.wgc" in text(done.stderr),
              title, words, "exit", done.returncode, text(done.stderr))
    wide = {**arrays, "claim": [-1e300, 1e300, 1e-9]}
    put(where, "t.wgc", seal(raw, wide))
    done = run(["verify", "t.wgc"], where)
    check(done.returncode == 1 and "the gap between them is" in text(done.stderr), title,
          "a claim of all", done.returncode, text(done.stderr))


def test_arrays(where, raw, arrays, tampering, title):
    """Every array, changed, is refused by mathematics (exit 1) or as data without meaning (3)."""
    check(set(tampering) | {"claim"} == set(arrays), title, "arrays", sorted(arrays))
    for name, change in tampering.items():
        put(where, "t.wgc", seal(raw, {**arrays, name: change(arrays[name])}))
        done = run(["verify", "t.wgc", "--json", "-"], where)
        verdict = json.loads(done.stdout) if done.stdout else {}
        check(done.returncode in (1, 3) and not verdict.get("valid", False), title, name, "exit",
              done.returncode, verdict, text(done.stderr))
        check("t.wgc" in text(done.stderr), title, name, text(done.stderr))
        if name in ("row", "col", "shape"):
            continue
        for value in (float("nan"), float("inf")):
            put(where, "t.wgc", seal(raw, {**arrays, name: [value, *arrays[name][1:]]}))
            done = run(["verify", "t.wgc"], where)
            check(done.returncode == 3 and "t.wgc" in text(done.stderr), title, name, value, "exit",
                  done.returncode, text(done.stderr))
    for k in range(3):
        claim = list(arrays["claim"])
        claim[k] = float("nan")
        put(where, "t.wgc", seal(raw, {**arrays, "claim": claim}))
        done = run(["verify", "t.wgc"], where)
        check(done.returncode == 3 and "= nan is not a finite number" in text(done.stderr), title,
              "claim", k, done.returncode, text(done.stderr))


def test_damage(where, raw, head, arrays, title):
    generator = random.Random(len(raw))
    for at in sorted({0, 8, 16, len(raw) - 1} | {generator.randrange(len(raw)) for _ in range(8)}):
        damaged = bytearray(raw)
        damaged[at] ^= 4
        put(where, "t.wgc", bytes(damaged))
        check(run(["verify", "t.wgc"], where).returncode == 3, title, "byte", at)
    for piece in (raw[:100], raw[:-1], raw + b"\0"):
        put(where, "t.wgc", piece)
        check(run(["verify", "t.wgc"], where).returncode == 3, title, "of size", len(piece))
    plain = json.dumps(head, separators=(",", ":"))
    for old, new, words in (('"version":1', '"version":99', "version 1"),
                            (f'"kind":"{head["kind"]}"', '"kind":"cubes"', "does not know"),
                            (f'"kind":"{head["kind"]}"', '"kind":"clouds"', "is damaged"),
                            ("wgamma certificate", "certificate", "version 1")):
        put(where, "t.wgc", seal(raw, arrays, plain.replace(old, new)))
        done = run(["verify", "t.wgc"], where)
        check(done.returncode == 3 and words in text(done.stderr), title, new, text(done.stderr))


def certificate_of(where, make, gauge):
    """Writes one, verifies it, tampers with it."""
    title = f"{make.__name__} {gauge}"
    arguments, key, tampering = make(where, gauge)
    done = run([*arguments, "--gauge", gauge, "--certificate", "c.wgc", "--json", "-"], where)
    check(done.returncode == 0 or make is grid, title, "exit", done.returncode, text(done.stderr))
    solved = json.loads(done.stdout)
    closed = solved["outcome"] == "certified"
    verdict = report(["verify", "c.wgc"], where, 0 if closed else 1)
    check(verdict["valid"] is True and verdict["open"] is not closed, title, verdict)
    check(verdict["outcome"] == ("certified" if closed else "gap-open"), title, verdict)
    check(verdict["kind"] == make.__name__ and verdict["gauge"] == gauge, title, verdict)
    check(verdict["claimed"] == solved[key] and verdict["tol"] == solved["tol"], title, verdict)
    derived = verdict["derived"]
    check(solved[key]["lower"] <= derived["lower"] <= derived["upper"] <= solved[key]["upper"],
          title, derived)
    one = report(["verify", "c.wgc", "--threads", "1"], where, 0 if closed else 1)
    check(one["derived"] == derived, title, "one thread")
    raw = get(where, "c.wgc")
    head, arrays = load(raw)
    check(seal(raw, arrays) == raw, title, "sealed again, the bytes are the same")
    piped = run(["verify", "-", "--quiet"], where, stdin=raw)
    check(piped.returncode == (0 if closed else 1), title, "standard input")
    refused = run(["verify", "--rigorous", "c.wgc"], where)
    check(refused.returncode == 2 and "of clouds only" in text(refused.stderr), title, "--rigorous",
          refused.returncode, text(refused.stderr))
    test_claims(where, raw, arrays, title)
    test_arrays(where, raw, arrays, tampering, title)
    test_damage(where, raw, head, arrays, title)


def main():
    for make in (gaussian, barycentre, sphere, grid):
        for gauge in ("trace", "frobenius", "operator", "schatten:3"):
            with scratch() as where:
                certificate_of(where, make, gauge)


run_all(main)
