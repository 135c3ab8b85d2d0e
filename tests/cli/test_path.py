#!/usr/bin/env python3
"""wgamma path: W along families of gauges. Theory 3.3 is the test: W falls with p and rises with k,
its ends are the trace and the operator gauge, and every interval meets that of a solve alone."""

import math

from harness import *


def refused(where, arguments, status, *words):
    done = run(["path", "x.npy", "y.npy", *arguments], where)
    err = text(done.stderr)
    check(done.returncode == status, arguments, "exit", done.returncode, err)
    check(err.count("\n") == 1 and not done.stdout, arguments, "says one line:", err)
    for word in words:
        check(word in err, arguments, "lacks", word, "in", err)


def along(where, family, *more, expected=0):
    return report(["path", "x.npy", "y.npy", "--gauges", family, *more], where, expected)


def check_order(results, *what):
    """Later ones are not above earlier ones: what is proved must not contradict it."""
    for first, second in zip(results, results[1:]):
        check(second["w2"]["lower"] <= first["w2"]["upper"], *what, second["gauge"])
        check(second["w"] < first["w"] * (1 + 1e-7), *what, first["w"], second["w"])


def check_alone(where, results, *what):
    for result in results:
        alone = report(["distance", "x.npy", "y.npy", "--gauge", result["gauge"]], where)
        check(alone["gauge"] == result["gauge"], result["gauge"], "is canonical")
        check(alone["w2"]["lower"] <= result["w2"]["upper"], *what, result["gauge"])
        check(result["w2"]["lower"] <= alone["w2"]["upper"], *what, result["gauge"])
        check(abs(result["w"] - alone["w"]) < 1e-6 * alone["w"], *what, result["gauge"])
    return results


def test_p(where):
    found = along(where, "p=1:inf")
    results = found["results"]
    check(found["family"] == "p" and found["asked"] == 9 == len(results), found["family"])
    check([r["gauge"] for r in results][::4] == ["trace", "frobenius", "operator"], results)
    inverse = [0 if r["parameter"] is None else 1 / r["parameter"] for r in results]
    check(all(abs(inverse[k] - (1 - k / 8)) < 1e-15 for k in range(9)), inverse)
    check(all(r["outcome"] == "certified" and r["w2"]["gap"] <= 1e-6 for r in results), results)
    check_order(results, "p=1:inf")
    check_alone(where, results, "p=1:inf")
    cold = sum(report(["distance", "x.npy", "y.npy", "--gauge", r["gauge"]], where)["oracle_calls"]
               for r in results)
    warm = sum(r["oracle_calls"] for r in results)
    check(warm < cold, "a warm start saves transport problems:", warm, cold)
    few = along(where, "p=2:8:3")["results"]
    check([r["parameter"] for r in few][::2] == [2, 8] and len(few) == 3, few)
    check(abs(few[1]["parameter"] - 3.2) < 1e-14, few[1]["parameter"])
    plane = report(["path", "u.npy", "v.npy", "--gauges", "p=0.5:1:3"], where)
    check_order(plane["results"], "p < 1 in the plane")
    local = along(where, "p=0.6:1:3", expected=1)
    check(local["outcome"] == "local", local["outcome"])
    check([r["outcome"] for r in local["results"]] == ["local", "local", "certified"], local)


def test_kyfan(where):
    found = along(where, "kyfan=1:4")
    numbers = [r["parameter"] for r in found["results"]]
    check(found["family"] == "k" and numbers == [1, 2, 3, 4], numbers)
    check_order(found["results"][::-1], "kyfan=1:4")
    check_alone(where, found["results"], "kyfan=1:4")
    ends = along(where, "operator;trace")["results"]
    for end, other in zip(ends, found["results"][::3]):
        check(abs(end["w"] - other["w"]) < 1e-6 * end["w"], end["gauge"], other["gauge"])


def test_list(where):
    gauges = "max:operator@2/1,trace@2/2; frobenius;kyfan:2"
    found = along(where, gauges)
    check(found["family"] == "gauge" and len(found["results"]) == 3, found)
    check(all(r["parameter"] is None for r in found["results"]), found)
    check_alone(where, found["results"], "list")


def test_outputs(where):
    found = along(where, "p=1:inf:5", "--out", "f.npz")
    arrays = read_npz(os.path.join(where, "f.npz"))
    check(sorted(arrays) == sorted(["gauges", "parameter", "lower", "upper", "gap", "w", "outcome",
                                    "oracle_calls", "seconds"]), sorted(arrays))
    check(all(shape == (5,) for shape, _ in arrays.values()), "shapes")
    for k, result in enumerate(found["results"]):
        for name in ("lower", "upper", "gap"):
            check(arrays[name][1][k] == result["w2"][name], name, k)
        check(arrays["w"][1][k] == math.sqrt(result["w2"]["upper"]) == result["w"], "w", k)
        check(arrays["oracle_calls"][1][k] == result["oracle_calls"], "oracle_calls", k)
        check(arrays["outcome"][1][k] == 0, "outcome", k)
    raw = arrays["gauges"][1]
    width = len(raw) // 5
    names = [raw[k * width : (k + 1) * width].rstrip(b"\0").decode() for k in range(5)]
    check(names == [r["gauge"] for r in found["results"]], names)
    check(arrays["parameter"][1][0] == 1 and math.isinf(arrays["parameter"][1][4]), "parameter")
    for name, magic in (("f.pdf", b"%PDF"), ("f.svg", b"<?xml"), ("f.png", b"\x89PNG")):
        done = run(["path", "x.npy", "y.npy", "--gauges", "kyfan=1:2", "--plot", name, "-q"], where)
        check(done.returncode == 0 and not done.stdout, name, text(done.stderr))
        check(get(where, name).startswith(magic) and len(get(where, name)) > 1000, name)


def test_limits(where):
    put(where, "lx.npy", npy(gauss(7, 1500, 20)))
    put(where, "ly.npy", npy(gauss(8, 1500, 20, shift=0.2)))
    arguments = ["path", "lx.npy", "ly.npy", "--gauges", "operator;trace;frobenius",
                 "--time-limit", "0.7", "--plot", "l.svg", "--out", "l.npz"]
    found = report(arguments, where, expected=1)
    check(found["outcome"] == "time-limit" and len(found["results"]) < 3, found)
    check(found["results"][-1]["outcome"] == "time-limit", found["results"][-1])
    check(found["results"][-1]["w2"]["lower"] <= found["results"][-1]["w2"]["upper"], found)
    arrays = read_npz(os.path.join(where, "l.npz"))
    check(arrays["outcome"][1][2] == -1 and math.isnan(arrays["w"][1][2]), arrays["outcome"])
    weak = along(where, "p=2:inf:3", "--tol", "1e-13", "--max-calls", "2", expected=1)
    check({r["outcome"] for r in weak["results"]} == {"call-limit"}, weak["results"])


def test_bad_families(where):
    refused(where, [], 2, "--gauges")
    for family in ("p=", "p=1", "p=1:", "p=2:1", "p=1:1", "p=0.4:1", "p=1:inf:1", "p=1:inf:1001",
                   "p=1:inf:3:4", "p=nan:2", "p=inf:inf", "kyfan=", "kyfan=0:2", "kyfan=2:1",
                   "kyfan=1:2:3", "kyfan=1:99999", "trace;;operator", "trace;", "oops", "q=1:2"):
        refused(where, ["--gauges", family], 2, "--gauges")
    refused(where, ["--gauges", "kyfan=1:9"], 3, "kyfan:5", "x.npy")
    refused(where, ["--gauges", "trace", "--plot", "x.txt"], 2, "x.txt")
    refused(where, ["--gauges", "trace", "--out", "x.npy"], 2, "x.npy")
    done = run(["path", "x.npy", "u.npy", "--gauges", "trace"], where)
    check(done.returncode == 3 and b"columns" in done.stderr, text(done.stderr))
    done = run(["path", "x.npy", "--gauges", "trace"], where)
    check(done.returncode == 2 and b"two clouds" in done.stderr, text(done.stderr))


def main():
    with scratch() as where:
        put(where, "x.npy", npy(gauss(1, 40, 4)))
        put(where, "y.npy", npy(gauss(2, 45, 4, shift=0.3, scale=1.4)))
        put(where, "u.npy", npy(gauss(3, 20, 2)))
        put(where, "v.npy", npy(gauss(4, 20, 2, shift=0.3, scale=1.4)))
        test_p(where)
        test_kyfan(where)
        test_list(where)
        test_outputs(where)
        test_limits(where)
        test_bad_families(where)


run_all(main)
