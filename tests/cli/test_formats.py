#!/usr/bin/env python3
"""One pair of clouds in every spelling a file may have: the same interval each time.

The entries are small whole numbers, which every dtype holds exactly, so the bounds must be equal to
the bit; a second pair with fractions compares half, single and double precision."""

import math

from harness import *

# Zeros and ones, so that booleans can hold them too.
X = [[0, 0, 1], [1, 0, 0], [0, 1, 1], [1, 1, 0], [1, 1, 1]]
Y = [[0, 1, 0], [1, 0, 1], [0, 0, 0], [1, 1, 0]]
DTYPES = [order + kind for kind in CODES for order in "<>" if not kind.endswith("1")]
DTYPES += ["|" + kind for kind in CODES if kind.endswith("1")]


def lines(rows, separator, ending="\n", header=None):
    table = ([header] if header else []) + rows
    return "".join(separator.join(str(entry) for entry in row) + ending for row in table)


def interval(where, x, y, *more, stdin=b""):
    found = report(["distance", x, y, "--gauge", "schatten:2", *more], where, stdin=stdin)
    return found.get("w2", {}).get("lower"), found.get("w2", {}).get("upper")


def test_npy(where, expected):
    for dtype in DTYPES:
        for fortran in (False, True):
            for version in (1, 2, 3):
                put(where, "x.npy", npy(X, dtype, fortran, version))
                put(where, "y.npy", npy(Y, dtype, not fortran, version))
                found = interval(where, "x.npy", "y.npy")
                check(found == expected, dtype, "fortran", fortran, version, found, expected)


def test_npz(where, expected):
    for deflate in (False, True):
        npz(where, "one.npz", {"arr_0": npy(X)}, deflate)
        npz(where, "both.npz", {"x": npy(X), "y": npy(Y, ">f4", True)}, deflate)
        put(where, "y.csv", lines(Y, ","))
        check(interval(where, "one.npz", "y.csv") == expected, "npz of one member")
        check(interval(where, "both.npz", "both.npz", "--key", "x,y") == expected, "two keys")
        npz(where, "x.npz", {"p": npy(X), "w": npy([0.2] * 5)}, deflate)
        npz(where, "y.npz", {"p": npy(Y), "w": npy([0.25] * 4)}, deflate)
        check(interval(where, "x.npz", "y.npz", "--key", "p") == expected, "one key for both")
        weighted = ["--a", "x.npz", "--b", "y.npz", "--key", "p,p,w,w"]
        found = interval(where, "x.npz", "y.npz", *weighted)
        check(found[0] is not None and abs(found[1] - expected[1]) < 1e-12, "keys of weights")


def test_text(where, expected):
    put(where, "y.npy", npy(Y))
    spellings = {
        "comma.csv": lines(X, ","),
        "named.csv": lines(X, ",", header=["a", "b", "c"]),
        "quoted.csv": lines(X, ",", header=['"a, b"', '"c"', '"d"']),
        "semicolon.csv": lines(X, ";"),
        "tab.tsv": lines(X, "\t"),
        "named.tsv": lines(X, "\t", header=["u", "v", "w"]),
        "blank.txt": lines(X, " "),
        "blanks.txt": lines(X, "   "),
        "named.txt": lines(X, " ", header=["u", "v", "w"]),
        "windows.csv": lines(X, ",", "\r\n"),
        "mark.csv": "\ufeff" + lines(X, ",", header=["u", "v", "w"]),
        "comment.csv": "# three columns\n\n" + lines(X, ",") + "\n# end\n",
        "no_newline.csv": lines(X, ",").rstrip("\n"),
        "exponents.csv": lines([[f"{entry}.0e0" for entry in row] for row in X], ", "),
        "x.data": lines(X, ","),
    }
    for name, content in spellings.items():
        put(where, name, content.encode())
        found = interval(where, name, "y.npy")
        check(found == expected, name, found, expected)
        check(interval(where, "-", "y.npy", stdin=content.encode()) == expected, "stdin", name)


def test_weights(where, expected):
    put(where, "x.npy", npy(X))
    put(where, "y.npy", npy(Y))
    column, row = [[0.2]] * 5, [[0.2] * 5]
    shapes = {"flat.npy": npy([0.2] * 5), "column.npy": npy(column), "row.npy": npy(row),
              "column.txt": lines(column, " ").encode(), "row.csv": lines(row, ",").encode(),
              "single.npy": npy([0.2] * 5, ">f4")}
    for name, data in shapes.items():
        put(where, name, data)
        found = interval(where, "x.npy", "y.npy", "--a", name)
        check(abs(found[1] - expected[1]) < 1e-6, name, found, expected)


def test_precision(where):
    x, y = gauss(1, 12, 2), gauss(2, 9, 2, shift=1)
    put(where, "y.npy", npy(y))
    put(where, "x.npy", npy(x))
    expected = interval(where, "x.npy", "y.npy")
    put(where, "x.txt", lines([[repr(entry) for entry in row] for row in x], " "))
    check(interval(where, "x.txt", "y.npy") == expected, "seventeen digits are exact")
    for dtype, unit in (("<f2", 1e-3), (">f2", 1e-3), ("<f4", 1e-7), (">f4", 1e-7)):
        put(where, "narrow.npy", npy(x, dtype))
        found = interval(where, "narrow.npy", "y.npy")
        close = all(math.isclose(a, b, rel_tol=20 * unit + 2e-6) for a, b in zip(found, expected))
        check(close and found != expected, dtype, found, expected)


def test_line(where):
    """(n,) and (n, 1) are points on a line."""
    put(where, "flat.npy", npy([0.0, 3.0]))
    put(where, "column.npy", npy([[0.0], [3.0]]))
    put(where, "y.txt", "1\n4\n")
    for name in ("flat.npy", "column.npy"):
        found = interval(where, name, "y.txt")
        check(all(abs(bound - 1) < 1e-12 for bound in found), name, found)


def test_two_atoms(where):
    """W^2 = 2, sqrt 2 and 1 for p = 1, 2 and infinity; any p: 2^(1/p)."""
    put(where, "x.csv", "-1,0\n1,0\n")
    put(where, "y.csv", "0,-1\n0,1\n")
    values = {"trace": 2, "schatten:1": 2, "frobenius": math.sqrt(2), "schatten:2": math.sqrt(2),
              "schatten:4": 2**0.25, "operator": 1, "schatten:inf": 1, "kyfan:1": 1, "kyfan:2": 2,
              "sum:trace@1,trace@1": 2, "max:trace@1,trace@1": 1, "max:trace@1/2,trace@1": 1}
    for gauge, value in values.items():
        found = report(["distance", "x.csv", "y.csv", "--gauge", gauge], where)
        w2 = found["w2"]
        check(w2["lower"] <= value * (1 + 1e-15) and value <= w2["upper"] * (1 + 1e-15), gauge, w2)
        check(w2["upper"] - w2["lower"] < 1e-12, gauge, w2)
        check(abs(found["w"] - math.sqrt(value)) < 1e-12, gauge, found["w"])


def test_json(where):
    """Every key of the document; threads and files change nothing."""
    put(where, "x.npy", npy(gauss(3, 40, 3)))
    put(where, "y.npy", npy(gauss(4, 30, 3, shift=1)))
    found = report(["distance", "x.npy", "y.npy", "--tol", "1e-4"], where)
    keys = {"command", "version", "gauge", "outcome", "seconds", "peak_bytes", "w2", "w",
            "oracle_calls", "x", "y", "n", "m", "d", "tol", "pivots", "threads", "plan_entries",
            "cuts", "dropped", "q_rank", "moment_eigenvalues", "q_eigenvalues"}
    check(set(found) == keys, set(found) ^ keys)
    check(found["command"] == "distance" and found["gauge"] == "operator", found)
    check((found["n"], found["m"], found["d"], found["tol"]) == (40, 30, 3, 1e-4), found)
    w2 = found["w2"]
    check(w2["gap"] == (w2["upper"] - w2["lower"]) / w2["upper"] <= 1e-4, w2)
    check(found["w"] == math.sqrt(w2["upper"]), found["w"])
    spectrum = found["moment_eigenvalues"]
    check(spectrum == sorted(spectrum, reverse=True) and len(spectrum) == 3, spectrum)
    check(math.isclose(spectrum[0], w2["upper"], rel_tol=1e-9), "gauge: the largest", spectrum)
    check(math.isclose(sum(found["q_eigenvalues"]), 1, rel_tol=1e-6), found["q_eigenvalues"])
    for more in (["--threads", "1"], ["--threads", "2"], ["--plan", "p.npz"], ["--quiet"]):
        again = report(["distance", "x.npy", "y.npy", "--tol", "1e-4", *more], where)
        check(again["w2"] == w2, more, again["w2"], w2)
    run(["distance", "x.npy", "y.npy", "--tol", "1e-4", "--json", "r.json", "--quiet"], where)
    check(json.loads(get(where, "r.json"))["w2"] == w2, "--json FILE")
    quiet = run(["distance", "x.npy", "y.npy", "--quiet"], where)
    check(not quiet.stdout and not quiet.stderr, "--quiet")


def test_common_json(where):
    """Every command begins its document with the same six keys."""
    put(where, "x.npy", npy(gauss(3, 10, 2)))
    put(where, "s.npy", npy([[2, 1], [1, 2.0]]))
    distance = ["distance", "x.npy", "x.npy", "--gauge", "trace", "--certificate", "c.wgc"]
    commands = [
        (distance, "trace", "certified"),
        (["verify", "c.wgc"], "trace", "certified"),
        (["gauge", "schatten:2", "--matrix", "s.npy"], "frobenius", "certified"),
        (["info", "x.npy"], None, None),
        (["info", "c.wgc"], "trace", None),
        (["demo", "--out", "demo-out"], None, "certified"),
    ]
    for arguments, gauge, outcome in commands:
        found = report(arguments, where)
        keys = ["command", "version", "gauge", "outcome", "seconds", "peak_bytes"]
        check(list(found)[:6] == keys, arguments, list(found))
        said = (found["command"], found["gauge"], found["outcome"])
        check(said == (arguments[0], gauge, outcome), arguments, said)
        check(found["seconds"] >= 0 and found["peak_bytes"] > 0, arguments, found["peak_bytes"])
    rows = found["results"]  # of the demo
    check(len(rows) == 8 and found["peak_bytes"] > 700 * 4 * 8, len(rows), found["peak_bytes"])
    for row in rows:
        keys = {"pair", "gauge", "outcome", "seconds", "w2", "w", "oracle_calls"}
        check(set(row) == keys and row["outcome"] == "certified", row)
        check(0 < row["w2"]["lower"] <= row["w2"]["upper"] and row["w2"]["gap"] <= 1e-6, row)
        check(row["w"] == math.sqrt(row["w2"]["upper"]), row)
    check(sum(row["seconds"] for row in rows) <= found["seconds"], "the whole demo")


def test_outputs(where):
    """Plan and geodesic: shapes, marginals, displacements."""
    n, m, d = 30, 20, 2
    x, y, a = gauss(5, n, d), gauss(6, m, d), weights(7, n)
    put(where, "x.npy", npy(x))
    put(where, "y.npy", npy(y))
    put(where, "a.npy", npy(a))
    found = report(["distance", "x.npy", "y.npy", "--a", "a.npy", "--plan", "p.npz", "--geodesic",
                    "0,0.25,1", "--geodesic-out", "g.npz"], where)
    plan = read_npz(os.path.join(where, "p.npz"))
    check(set(plan) == {"row", "col", "format", "shape", "data"}, set(plan))
    check(plan["format"] == ((), b"coo") and plan["shape"] == ((2,), [n, m]), plan["format"])
    row, col, mass = plan["row"][1], plan["col"][1], plan["data"][1]
    check(len(row) == len(col) == len(mass) == found["plan_entries"], len(mass))
    check(sorted(zip(row, col)) == list(zip(row, col)), "sorted by row, then column")
    for i in range(n):
        total = math.fsum(mass[k] for k in range(len(mass)) if row[k] == i)
        check(abs(total - a[i]) < 1e-14, "row", i, total, a[i])
    for j in range(m):
        total = math.fsum(mass[k] for k in range(len(mass)) if col[k] == j)
        check(abs(total - 1 / m) < 1e-14, "column", j, total)
    geodesic = read_npz(os.path.join(where, "g.npz"))
    check(geodesic["t"] == ((3,), [0, 0.25, 1]), geodesic["t"])
    check(geodesic["masses"][1] == mass, "masses are the plan's")
    shape, points = geodesic["points"]
    check(shape == (3, len(mass), d), shape)
    for time, t in enumerate((0, 0.25, 1)):
        for k in range(len(mass)):
            at = points[(time * len(mass) + k) * d :][:d]
            wanted = [(1 - t) * x[row[k]][c] + t * y[col[k]][c] for c in range(d)]
            check(all(abs(p - q) < 1e-12 for p, q in zip(at, wanted)), "geodesic", t, k)


def test_projection(where):
    """Both clouds along the leading directions of Q; what they weigh."""
    n, m, d = 20, 15, 3
    x, y = gauss(10, n, d), gauss(11, m, d, shift=1)
    put(where, "x.npy", npy(x))
    put(where, "y.npy", npy(y))
    found = report(["distance", "x.npy", "y.npy", "--gauge", "frobenius", "--project", "2",
                    "--project-out", "p.npz"], where)
    arrays = read_npz(os.path.join(where, "p.npz"))
    check(set(arrays) == {"x", "y", "directions", "q_eigenvalues"}, set(arrays))
    check(arrays["q_eigenvalues"] == ((2,), found["q_eigenvalues"][:2]), arrays["q_eigenvalues"])
    shape, flat = arrays["directions"]
    rows = [flat[k * d :][:d] for k in range(2)]
    check(shape == (2, d), shape)
    for k in range(2):
        for l in range(2):
            product = math.fsum(p * q for p, q in zip(rows[k], rows[l]))
            check(abs(product - (k == l)) < 1e-12, "orthonormal", k, l, product)
    for name, points in (("x", x), ("y", y)):
        shape, flat = arrays[name]
        check(shape == (len(points), 2), shape)
        for i, point in enumerate(points):
            for k in range(2):
                wanted = math.fsum(p * q for p, q in zip(point, rows[k]))
                check(abs(flat[2 * i + k] - wanted) < 1e-12, name, i, k)


def test_gradients(where):
    """Against a difference; W^2 scales with the square, so x . grad_x + y . grad_y = 2 W^2."""
    x, y, a = gauss(12, 9, 2), gauss(13, 7, 2, shift=1), weights(14, 9)
    put(where, "y.npy", npy(y))
    put(where, "a.npy", npy(a))
    solve = ["distance", "x.npy", "y.npy", "--a", "a.npy", "--gauge", "frobenius", "--tol", "1e-10"]
    values = []
    for step in (1e-4, -1e-4, 0):
        put(where, "x.npy", npy([[x[0][0] + step, x[0][1]]] + x[1:]))
        values.append(report([*solve, "--gradients", "g.npz"], where)["w2"]["upper"])
    g = read_npz(os.path.join(where, "g.npz"))
    check(set(g) == {"grad_x", "grad_y", "grad_a", "grad_b", "points_unique", "weights_unique"},
          set(g))
    shapes = [g[name][0] for name in ("grad_x", "grad_y", "grad_a", "grad_b")]
    check(shapes == [(9, 2), (7, 2), (9,), (7,)], shapes)
    check(g["points_unique"][1] == [1] and g["weights_unique"][1] == [1], g["points_unique"])
    euler = sum(p * q for row, part in ((x, "grad_x"), (y, "grad_y"))
                for p, q in zip([c for point in row for c in point], g[part][1]))
    check(math.isclose(euler, 2 * values[2], rel_tol=1e-6), euler, values[2])
    difference = (values[0] - values[1]) / 2e-4
    check(abs(difference - g["grad_x"][1][0]) < 1e-4 * values[2], difference, g["grad_x"][1][0])
    check(abs(math.fsum(p * q for p, q in zip(a, g["grad_a"][1]))) < 1e-9, "centred")


def test_structure(where):
    """A plan that is no map, an operator Q that is not the only one; p < 1 knows less."""
    put(where, "x.csv", "-1,0\n1,0\n")
    put(where, "y.csv", "0,-1\n0,1\n")
    for gauge, q in (("operator", False), ("frobenius", True)):
        found = report(["distance", "x.csv", "y.csv", "--gauge", gauge, "--structure"], where)
        found = found["structure"]
        check(found["x"] == {"is_map": False, "split_points": 2, "split_mass": 0.5}, found)
        check(found["unique"]["plan"] is True and found["unique"]["q"] is q, found)
        check(len(found["blocks"]) == 1 and found["blocks"][0]["q_rank"] == 2, found)
    found = report(["distance", "x.csv", "y.csv", "--gauge", "max:trace@1,trace@1/2",
                    "--structure"], where)["structure"]
    check([block["active"] for block in found["blocks"]] == [True, False], found["blocks"])
    check(math.isclose(found["blocks"][1]["value"], 0.25), found["blocks"])
    found = report(["distance", "x.csv", "y.csv", "--gauge", "schatten:0.5", "--structure"],
                   where)["structure"]
    check(found["unique"]["plan"] is None and found["unique"]["q_radius"] is None, found)
    check("structure" not in report(["distance", "x.csv", "y.csv"], where), "only when asked")


def test_geodesic_speed(where):
    """W between two times of a geodesic is the share of the way (theory 3.5)."""
    put(where, "x.npy", npy(gauss(8, 15, 2)))
    put(where, "y.npy", npy(gauss(9, 15, 2, shift=2)))
    for gauge in ("trace", "frobenius", "operator"):
        whole = report(["distance", "x.npy", "y.npy", "--gauge", gauge, "--geodesic", "0.25,0.75",
                        "--geodesic-out", "g.npz"], where)
        shape, points = read_npz(os.path.join(where, "g.npz"))["points"]
        masses = read_npz(os.path.join(where, "g.npz"))["masses"][1]
        entries = [points[k : k + 2] for k in range(0, len(points), 2)]
        put(where, "s.npy", npy(entries[: shape[1]]))
        put(where, "t.npy", npy(entries[shape[1] :]))
        put(where, "w.npy", npy(masses))
        part = report(["distance", "s.npy", "t.npy", "--a", "w.npy", "--b", "w.npy", "--gauge",
                       gauge], where)
        check(math.isclose(part["w"], 0.5 * whole["w"], rel_tol=2e-6), gauge, part["w"], whole["w"])


def main():
    with scratch() as where:
        put(where, "x.npy", npy(X))
        put(where, "y.npy", npy(Y))
        expected = interval(where, "x.npy", "y.npy")
        check(None not in expected and 0 < expected[0] <= expected[1], expected)
        test_npy(where, expected)
        test_npz(where, expected)
        test_text(where, expected)
        test_weights(where, expected)
    for test in (test_precision, test_line, test_two_atoms, test_json, test_common_json,
                 test_outputs, test_projection, test_gradients, test_structure,
                 test_geodesic_speed):
        with scratch() as where:
            test(where)


run_all(main)
