#!/usr/bin/env python3
"""What wgamma barycentre writes: JSON and the .npz, against the distance of two Gaussians.

The barycentre of two with weights 1 - t, t lies on a geodesic: its value is t (1 - t) W^2."""

import os

from harness import *

M0, S0 = [1.0, -2.0], [[2.0, 0.5], [0.5, 1.0]]
M1, S1 = [0.0, 1.0], [[1.0, -0.25], [-0.25, 3.0]]
GAUGES = ["trace", "frobenius", "schatten:1.5", "operator", "kyfan:1", "max:trace@1,trace@1/2"]
FILES = ["m0.npy", "s0.npy", "m1.npy", "s1.npy"]
T = 0.25


def test_values(where):
    for gauge in GAUGES:
        found = report(["barycentre", *FILES, "--gauge", gauge, "--weights", "w.npy", "--tol",
                        "1e-8", "--out", "b.npz"], where)
        pair = report(["gaussian", *FILES, "--gauge", gauge], where)
        if found.get("outcome") != "certified":
            check(False, gauge, found)
            continue
        low, high = found["value"]["lower"], found["value"]["upper"]
        expected = T * (1 - T) * pair["w2"]["upper"]
        check(low <= expected * (1 + 1e-9) and expected * (1 - 1e-9) <= high, gauge, low, high)
        check(found["value"]["gap"] <= 1e-8 and found["command"] == "barycentre", gauge, "keys")
        check(found["count"] == 2 and found["d"] == 2 and found["weights"] == [1 - T, T], gauge)
        shares = (1 - T) * found["w2"][0]["upper"] + T * found["w2"][1]["upper"]
        check(abs(shares - high) <= 1e-12 * high, gauge, "the distances add up", shares)
        members = read_npz(os.path.join(where, "b.npz"))
        check(tuple(members["value"][1]) == (low, high), gauge, "bounds in the file")
        check(list(members["mean"][1]) == found["mean"], gauge, "mean")
        check(list(members["cov"][1]) == sum(found["cov"], []), gauge, "covariance")
        check(members["Q"][0] == members["Y"][0] == members["contractions"][0] == (2, 2, 2), gauge)


def main():
    with scratch() as where:
        for name, data in [("m0", M0), ("s0", S0), ("m1", M1), ("s1", S1), ("w", [1 - T, T])]:
            put(where, name + ".npy", npy(data))
        test_values(where)


if __name__ == "__main__":
    run_all(main)
