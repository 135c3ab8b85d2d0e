#!/usr/bin/env python3
"""What wgamma gaussian writes: the coupling, the geodesic, JSON, and the Gaussians of clouds.

Everything is checked against the data with plain sums: no array library is needed for d = 2."""

import math
import os
import struct

from harness import *

M0, S0 = [1.0, -2.0], [[2.0, 0.5], [0.5, 1.0]]
M1, S1 = [0.0, 1.0], [[1.0, -0.25], [-0.25, 3.0]]
GAUGES = ["trace", "frobenius", "schatten:1.5", "operator", "kyfan:1", "max:trace@1,trace@1/2"]


def product(a, b):
    return [[sum(a[i][k] * b[k][j] for k in range(2)) for j in range(2)] for i in range(2)]


def turned(a):
    return [[a[j][i] for j in range(2)] for i in range(2)]


def near(a, b, tolerance=1e-9):
    return all(abs(x - y) < tolerance for x, y in zip(sum(a, []), sum(b, [])))


def matrix(entries, at=0):
    return [list(entries[at + 2 * i:at + 2 * i + 2]) for i in range(2)]


def bures():
    """Of S0 and S1: the trace of a root of a 2 x 2 product is a formula."""
    cross = product(S0, S1)
    det = (S0[0][0] * S0[1][1] - S0[0][1] ** 2) * (S1[0][0] * S1[1][1] - S1[0][1] ** 2)
    root = math.sqrt(cross[0][0] + cross[1][1] + 2 * math.sqrt(det))
    shift = sum((y - x) ** 2 for x, y in zip(M0, M1))
    return shift + S0[0][0] + S0[1][1] + S1[0][0] + S1[1][1] - 2 * root


def test_coupling(where):
    for gauge in GAUGES:
        found = report(["gaussian", "m0.npy", "s0.npy", "m1.npy", "s1.npy", "--gauge", gauge,
                        "--out", "k.npz"], where)
        if found.get("outcome") != "certified":
            check(False, gauge, found)
            continue
        check(found["w2"]["gap"] <= 1e-10 and found["command"] == "gaussian", gauge, "gap")
        check(found["clouds"] is None and found["ranks"] == [2, 2], gauge, "keys")
        members = read_npz(os.path.join(where, "k.npz"))
        k, q = matrix(members["K"][1]), matrix(members["Q"][1])
        check(tuple(members["w2"][1]) == (found["w2"]["lower"], found["w2"]["upper"]), gauge, "w2")
        check(near(matrix(members["cov1"][1]), S1, 1e-15), gauge, "the data come back")
        moment = [[(M1[i] - M0[i]) * (M1[j] - M0[j]) + S0[i][j] + S1[i][j] - k[i][j] - k[j][i]
                   for j in range(2)] for i in range(2)]
        dual = sum(q[i][j] * moment[i][j] for i in range(2) for j in range(2))
        check(abs(dual - found["w2"]["upper"]) < 1e-6, gauge, "Q is optimal for K", dual)
        check(("map" in members) == found["is_map"], gauge, "a map is there when it is one")
        if found["is_map"]:
            b = matrix(members["map"][1])
            check(near(product(product(b, S0), turned(b)), S1, 1e-7), gauge, "the map")
    found = report(["gaussian", "m0.npy", "s0.npy", "m1.npy", "s1.npy", "--gauge", "trace"], where)
    check(abs(found["w2"]["upper"] - bures()) < 1e-12, "Bures", found["w2"], bures())
    check(found["closed_form"] is True and found["steps"] == 0, "closed form")


def test_geodesic(where):
    run(["gaussian", "m0.npy", "s0.npy", "m1.npy", "s1.npy", "--geodesic", "0,0.5,1",
         "--geodesic-out", "g.npz", "--out", "k.npz", "--quiet"], where)
    curve = read_npz(os.path.join(where, "g.npz"))
    k = matrix(read_npz(os.path.join(where, "k.npz"))["K"][1])
    shape, covs = curve["cov"]
    middle = [[0.25 * (S0[i][j] + S1[i][j] + k[i][j] + k[j][i]) for j in range(2)]
              for i in range(2)]
    check(tuple(shape) == (3, 2, 2) and tuple(curve["mean"][0]) == (3, 2), "shapes")
    check(near(matrix(covs), S0, 1e-15) and near(matrix(covs, 8), S1, 1e-15), "ends")
    check(near(matrix(covs, 4), middle, 1e-14), "middle")
    check(list(curve["mean"][1][2:4]) == [0.5, -0.5], "mean")


def test_samples(where):
    x, y = gauss(1, 120, 2), gauss(2, 90, 2, shift=0.5, scale=2.0)
    put(where, "x.npy", npy(x))
    put(where, "y.npy", npy(y))
    found = report(["gaussian", "--from-samples", "x.npy", "y.npy", "--gauge", "frobenius"], where)
    clouds = report(["distance", "x.npy", "y.npy", "--gauge", "frobenius"], where)
    check(found["clouds"]["w2"]["upper"] == clouds["w2"]["upper"], "the clouds' own distance")
    check(found["w2"]["lower"] <= found["clouds"]["w2"]["upper"], "clouds are never nearer")
    check(found["w"] > 0.5 * found["clouds"]["w"], "nor much farther", found["w"])


def test_edges(where):
    put(where, "one.txt", "2\n")
    put(where, "four.txt", "4\n")
    put(where, "nine.txt", "9\n")
    found = report(["gaussian", "one.txt", "four.txt", "one.txt", "nine.txt"], where)
    check(abs(found["w2"]["upper"] - 1) < 1e-12, "one dimension", found["w2"])
    same = report(["gaussian", "m0.npy", "s0.npy", "m0.npy", "s0.npy"], where)
    check(same["w2"]["upper"] == 0 and same["outcome"] == "certified", "equal Gaussians", same)
    put(where, "nan.npy", npy([[1.0, 0.0], [0.0, float("nan")]]))
    refusals = [(["m0.npy", "nan.npy", "m1.npy", "s1.npy"], 3, "nan.npy"),
                (["m0.npy", "m1.npy", "m1.npy", "s1.npy"], 3, "m1.npy has shape"),
                (["one.txt", "four.txt", "m1.npy", "s1.npy"], 3, "same dimension"),
                (["m0.npy", "s0.npy", "m1.npy", "s1.npy", "--gauge", "cone"], 2, "--gauge"),
                (["m0.npy", "s0.npy", "m1.npy", "s1.npy", "--tol", "0"], 2, "--tol"),
                (["--from-samples", "m0.npy"], 2, "two clouds")]
    for arguments, status, words in refusals:
        done = run(["gaussian", *arguments], where)
        check(done.returncode == status and words in text(done.stderr), arguments, done)


def stack(shape, entries):
    return npy_header("'<f8'", shape) + struct.pack(f"<{len(entries)}d", *entries)


def test_batch(where):
    """Bounds of many are those of each alone; what does not fit is named."""
    count, m0, s0, m1, s1 = 5, [], [], [], []
    for k in range(count):
        m0 += M0
        s0 += sum(S0, [])
        m1 += [M1[0] + k, M1[1]]
        s1 += sum(S1, [])
    vectors, squares = (count, 2), (count, 2, 2)
    members = {"m0": stack(vectors, m0), "S0": stack(squares, s0), "m1": stack(vectors, m1),
               "S1": stack(squares, s1)}
    npz(where, "many.npz", members)
    for gauge in ("operator", "kyfan:1", "schatten:3"):
        found = report(["gaussian", "--batch", "many.npz", "--gauge", gauge, "--out", "bounds.npz"],
                       where)
        check(found["problems"] == found["certified"] == found["solved"] == count, gauge, found)
        check(found["outcome"] == "certified" and found["largest_gap"] <= 1e-10, gauge, found)
        bounds = read_npz(os.path.join(where, "bounds.npz"))
        for k in range(count):
            put(where, "m.npy", npy([M1[0] + k, M1[1]]))
            alone = report(["gaussian", "m0.npy", "s0.npy", "m.npy", "s1.npy", "--gauge", gauge],
                           where)["w2"]
            low, high = bounds["lower"][1][k], bounds["upper"][1][k]
            check(low <= alone["upper"] and high >= alone["lower"], gauge, k, low, high, alone)
            check(bounds["w"][1][k] == math.sqrt(high) and bounds["outcome"][1][k] == 0, gauge, k)
    wrong = list(s0)
    wrong[9] += 1.0
    npz(where, "short.npz", {name: members[name] for name in ("m0", "S0", "m1")})
    npz(where, "flat.npz", {**members, "S0": stack((count, 4), s0)})
    npz(where, "wrong.npz", {**members, "S0": stack(squares, wrong)})
    refusals = [(["--batch", "short.npz"], 3, "S1"),
                (["--batch", "flat.npz"], 3, "S0 has shape (5, 4)"),
                (["--batch", "wrong.npz"], 3, "wrong.npz: problem 2: cov0 is not symmetric"),
                (["--batch", "m0.npy"], 3, "is no .npz"),
                (["--batch", "many.npz", "m0.npy"], 2, "leave out"),
                (["--batch", "many.npz", "--plot", "x.pdf"], 2, "--plot"),
                (["--batch", "many.npz", "--gauge", "kyfan:3"], 3, "does not fit many.npz")]
    for arguments, status, words in refusals:
        done = run(["gaussian", *arguments], where)
        check(done.returncode == status and words in text(done.stderr), arguments, done)
    check(run(["gaussian", "--batch", "many.npz", "--gauge", "schatten:0.5", "--quiet"],
              where).returncode == 1, "below one the bounds are open")


def main():
    with scratch() as where:
        for name, data in [("m0", M0), ("s0", S0), ("m1", M1), ("s1", S1)]:
            put(where, name + ".npy", npy(data))
        test_coupling(where)
        test_geodesic(where)
        test_samples(where)
        test_edges(where)
        test_batch(where)


if __name__ == "__main__":
    run_all(main)
