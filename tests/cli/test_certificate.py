#!/usr/bin/env python3
"""A certificate holds, does not survive damage, and cannot be made to claim more than is true.

Tampering follows docs/user/certificate.md and computes the checksum again, so that only mathematics
is left to refuse it: exit 1, and the finding says which part falls short. Clouds from tiny to
n = 200; all kinds of gauge."""

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


def seal(raw, head, arrays):
    body = raw[: 16 + int.from_bytes(raw[8:16], "little")]
    for entry in head["arrays"]:
        entries = arrays[entry["name"]]
        body += struct.pack(f"<{len(entries)}{CODES[entry['dtype'][1:]]}", *entries)
    return body + struct.pack("<I", zlib.crc32(body))


# ---- ways to tamper: each changes the arrays; the words name the part in the finding ----


def heaviest(arrays):
    return max(range(len(arrays["mass"])), key=lambda k: arrays["mass"][k])


def more_mass(head, arrays):
    arrays["mass"][heaviest(arrays)] *= 1.01


def other_target(head, arrays):
    k = heaviest(arrays)
    arrays["col"][k] = (arrays["col"][k] + 1) % head["m"]


def other_source(head, arrays):
    k = heaviest(arrays)
    arrays["row"][k] = (arrays["row"][k] + 1) % head["n"]


def proof(arrays, name):
    """What proves the lower bound: the array of this name and, where there are cuts, theirs."""
    return [key for key in (name, f"cut_{name}") if key in arrays]


def larger_q(head, arrays):
    for key in proof(arrays, "q"):
        arrays[key] = [1.01 * entry for entry in arrays[key]]


def smaller_q(head, arrays):
    for key in proof(arrays, "q"):
        arrays[key] = [0.9 * entry for entry in arrays[key]]


def raised_g(head, arrays):
    for key in proof(arrays, "g"):
        for row in range(0, len(arrays[key]), head["m"]):
            arrays[key][row] += 10 * (arrays["claim"][1] + 1)


def lowered_g(head, arrays):
    for key in proof(arrays, "g"):
        arrays[key] = [entry - 0.01 * (arrays["claim"][1] + 1) for entry in arrays[key]]


def spread_points(head, arrays):
    arrays["x"] = [1.02 * entry for entry in arrays["x"]]


def moved_point(head, arrays):
    arrays["y"][0] += 0.5


def shifted_weights(head, arrays):
    part = 0.1 * arrays["a"][0]
    arrays["a"][0] -= part
    arrays["a"][-1] += part


def raised_lower(head, arrays):
    arrays["claim"][0] += 1e-9 * arrays["claim"][1]


def lowered_upper(head, arrays):
    arrays["claim"][1] *= 1 - 1e-9


PLAN = ["of the plan sums to", "displacements of the plan"]
POTENTIALS = ["potentials"]
TAMPERINGS = [
    (more_mass, PLAN),
    (other_target, PLAN),
    (other_source, PLAN),
    (larger_q, ["Q is outside", *POTENTIALS]),
    (smaller_q, POTENTIALS),
    (raised_g, POTENTIALS),
    (lowered_g, POTENTIALS),
    (spread_points, PLAN + POTENTIALS),
    (moved_point, PLAN + POTENTIALS),
    (shifted_weights, ["its weight is", *POTENTIALS]),
    (raised_lower, ["lower bound"]),
    (lowered_upper, ["upper bound"]),
]

# A tampered certificate whose data mean nothing is bad input: exit 3.
NONSENSE = [
    ("x", 0, float("nan")),
    ("a", 0, -0.5),
    ("a", 0, 7.0),
    ("mass", 0, -0.5),
    ("mass", 0, float("inf")),
    ("row", 0, 10**6),
    ("col", 0, -1),
    ("claim", 0, float("nan")),
    ("q", 0, float("nan")),
    ("f", 0, float("inf")),
]
CUT_NONSENSE = [
    ("cut_q", 0, float("nan")),
    ("cut_f", 0, float("inf")),
    ("cut_g", -1, float("nan")),
]


def test_tampering(where, raw, title):
    for tamper, parts in TAMPERINGS:
        head, arrays = load(raw)
        if tamper is shifted_weights and head["n"] == 1:
            continue
        if tamper in (other_target, other_source, raised_g) and min(head["n"], head["m"]) == 1:
            continue
        tamper(head, arrays)
        put(where, "t.wgc", seal(raw, head, arrays))
        done = run(["verify", "t.wgc", "--json", "-"], where)
        said = text(done.stderr)
        what = (title, tamper.__name__, "exit", done.returncode, said)
        if not check(done.returncode == 1, *what):
            continue
        check(any(part in said for part in parts) and "t.wgc" in said, *what)
        check("less)" in said or "more)" in said, "by how much:", *what)
        verdict = json.loads(done.stdout)
        check(verdict["valid"] is False and verdict["outcome"] == "refused", *what)
        check(verdict["finding"] and verdict["finding"] in said, *what)
        check(verdict["rigorous"] is None, *what)
        done = run(["verify", "--rigorous", "t.wgc", "--json", "-"], where)
        said = text(done.stderr)
        what = (title, tamper.__name__, "rigorous: exit", done.returncode, said)
        verdict = json.loads(done.stdout)
        check(done.returncode == 1 and verdict["valid"] is False, *what)
        check("is claimed, only" in said and verdict["finding"] in said, *what)
        balls, ends = verdict["rigorous"], verdict["derived"]
        check(balls["lower"][0] == ends["lower"] and balls["upper"][1] == ends["upper"], *what)
        check(balls["bits"] >= 128 and verdict["seconds"] >= 0, *what)


def is_local(gauge, d):
    """Solved without a proof that no other coupling is better: the gap stays open."""
    return gauge == "schatten:0.5" and d > 2


def test_harmless(where, raw, title):
    """Potentials f are only a proposal: each is lowered until it is feasible, so raising one takes
    nothing away, and the claim still follows."""
    head, arrays = load(raw)
    arrays["f"][0] += 0.01 * (arrays["claim"][1] + 1)
    put(where, "t.wgc", seal(raw, head, arrays))
    for more in ([], ["--rigorous"]):
        done = run(["verify", *more, "t.wgc"], where)
        check(done.returncode == is_local(head["gauge"], head["d"]), title, "f raised: exit",
              done.returncode, text(done.stderr))
        check(b" is refused" not in done.stderr, title, text(done.stderr))
    put(where, "t.wgc", seal(raw, *load(raw)))
    check(get(where, "t.wgc") == raw, title, "sealed again, the bytes are the same")


def test_damage(where, raw, title):
    generator = random.Random(len(raw))
    places = {0, 8, 16, len(raw) // 2, len(raw) - 1}
    places |= {generator.randrange(len(raw)) for _ in range(10)}
    for at in sorted(places):
        for bit in (1, 128):
            damaged = bytearray(raw)
            damaged[at] ^= bit
            put(where, "t.wgc", bytes(damaged))
            done = run(["verify", "t.wgc"], where)
            check(done.returncode == 3 and b"t.wgc" in done.stderr and not done.stdout, title,
                  "byte", at, "exit", done.returncode, text(done.stderr))
    for cut in (0, 5, 20, len(raw) // 2, len(raw) - 1):
        put(where, "t.wgc", raw[:cut])
        check(run(["verify", "t.wgc"], where).returncode == 3, title, "cut at", cut)
    put(where, "t.wgc", raw + b"\0")
    check(run(["verify", "t.wgc"], where).returncode == 3, title, "a byte left over")


def test_nonsense(where, raw, title):
    for name, index, value in NONSENSE + CUT_NONSENSE:
        head, arrays = load(raw)
        if name not in arrays:
            continue
        arrays[name][index] = value
        put(where, "t.wgc", seal(raw, head, arrays))
        done = run(["verify", "t.wgc"], where)
        check(done.returncode == 3 and "t.wgc" in text(done.stderr), title, name, value, "exit",
              done.returncode, text(done.stderr))


def certificate_of(where, n, m, d, gauge, weighted, tol):
    """Writes one and verifies it; its bytes."""
    put(where, "x.npy", npy(gauss(n, n, d)))
    put(where, "y.npy", npy(gauss(m + 1000, m, d, shift=0.7, scale=1.3)))
    arguments = ["distance", "x.npy", "y.npy", "--gauge", gauge, "--tol", tol, "--certificate",
                 "c.wgc"]
    if weighted:
        put(where, "a.npy", npy(weights(n, n)))
        put(where, "b.npy", npy(weights(m + 1, m)))
        arguments += ["--a", "a.npy", "--b", "b.npy"]
    done = run([*arguments, "--json", "-"], where)
    title = f"{gauge} n={n} m={m} d={d}"
    local = is_local(gauge, d)
    check(done.returncode == (1 if local else 0), title, "exit", done.returncode, text(done.stderr))
    solved = json.loads(done.stdout)
    check(solved["outcome"] == ("local" if local else "certified"), title, solved["outcome"])
    verdict = report(["verify", "c.wgc"], where, 1 if local else 0)
    check(verdict["valid"] is True and verdict["open"] is local, title, verdict)
    check(verdict["outcome"] == ("gap-open" if local else "certified"), title, verdict)
    check(verdict["tol"] == float(tol), title, verdict)
    check(verdict["claimed"] == solved["w2"], title, verdict["claimed"], solved["w2"])
    derived = verdict["derived"]
    check(solved["w2"]["lower"] <= derived["lower"] <= derived["upper"] <= solved["w2"]["upper"],
          title, derived)
    check(verdict["gauge"] == gauge and (verdict["finding"] == "") is not local, title, verdict)
    planar_root = gauge == "schatten:0.5" and d == 2
    check((verdict["cuts"] > 0) == planar_root == (solved["cuts"] > 0), title, verdict)
    shown = run(["verify", "c.wgc"], where)
    check((b"open: both" if local else b"valid: both") in shown.stdout, title, text(shown.stdout))
    check((shown.stderr == b"") is not local, title, text(shown.stderr))
    quiet = run(["verify", "c.wgc", "--quiet"], where)
    check(quiet.returncode == local and not quiet.stdout, title, "--quiet")
    check((b"is open: " in quiet.stderr) is local, title, text(quiet.stderr))
    return get(where, "c.wgc"), title


CASES = [
    (1, 1, 2, "operator", False, "1e-6"),
    (2, 3, 1, "trace", True, "1e-6"),
    (4, 4, 2, "operator", False, "1e-6"),
    (9, 12, 3, "frobenius", True, "1e-6"),
    (20, 15, 3, "kyfan:2", True, "1e-4"),
    (25, 25, 4, "sum:operator@2,trace@2", False, "1e-4"),
    (30, 20, 3, "max:operator@2,trace@1/2", True, "1e-4"),
    (15, 15, 3, "schatten:0.5", False, "1e-6"),
    (15, 12, 2, "schatten:0.5", True, "1e-6"),
    (60, 80, 5, "schatten:3", True, "1e-4"),
    (200, 200, 3, "operator", False, "1e-4"),
    (200, 150, 3, "trace", True, "1e-6"),
]


def main():
    for n, m, d, gauge, weighted, tol in CASES:
        with scratch() as where:
            raw, title = certificate_of(where, n, m, d, gauge, weighted, tol)
            test_tampering(where, raw, title)
            test_harmless(where, raw, title)
            test_damage(where, raw, title)
            test_nonsense(where, raw, title)


run_all(main)
