#!/usr/bin/env python3
"""wgamma reproduce mmd, mlp: energies of the runs against values found by other means (the paper's
Euler runs of the network; an eighth-order flow of MMD), what the energy law says, and figures."""
import os

from harness import *

# At 0, 1/4, 1/2 and all of the horizon, two thousand Euler steps.
MLP = {"trace": [0.06997511754421509, 3.0303015545e-4, 9.1948362206e-5, 4.7370007093e-5],
       "operator": [0.06997511754421509, 5.4836839143e-5, 5.1757301860e-6, 1.6334850543e-6]}
MMD = {"trace": 0.00093496, "operator": 0.0006065459}  # resolved, at the end


def runs_of(name, where):
    found = report(["reproduce", name, "--out", "figures", "--threads", "1"], where)
    check(found.get("outcome") == "certified" and found["experiment"] == name, name, found)
    return {(run["gauge"], run["run"]): run for run in found["runs"]}


def test_mmd(where):
    runs = runs_of("mmd", where)
    for gauge, energy in MMD.items():
        published, resolved = runs[gauge, "published"], runs[gauge, "resolved"]
        check(abs(resolved["energies"][3] / energy - 1) < 1e-2, gauge, resolved["energies"])
        check(abs(resolved["energies"][0] - 4.645245291880404) < 1e-12, gauge, "start")
        check(resolved["resolved"] and resolved["identity_error"] < 1e-5, gauge, "law")
        check(not published["resolved"] and published["identity_error"] > 1e-3, gauge, "Euler")
        for ending in ("pdf", "png"):
            check(os.path.getsize(os.path.join(where, "figures", f"mmd_{gauge}.{ending}")) > 5000,
                  gauge, ending)
    for gauge in ("trace", "operator"):
        check(os.path.getsize(os.path.join(where, "figures", f"mmd_{gauge}_places.pdf")) > 2000,
              "places", gauge)
    check(os.path.getsize(os.path.join(where, "figures", "mmd_energy.pdf")) > 2000, "energies")


def test_mlp(where):
    runs = runs_of("mlp", where)
    for gauge, energies in MLP.items():
        for found, energy in zip(runs[gauge, "published"]["energies"], energies):
            check(abs(found / energy - 1) < 1e-3, gauge, found, energy)
        check(runs[gauge, "resolved"]["identity_error"] < 1e-5, gauge, "law")


def test_refusals(where):
    done = run(["reproduce", "mmd", "--data", "."], where)
    check(done.returncode == 3 and "mmd_x0.npy" in text(done.stderr), done)


def main():
    with scratch() as where:
        test_mmd(where)
        test_refusals(where)
        if "sanitize" not in WGAMMA:  # ten seconds become a minute there
            test_mlp(where)


if __name__ == "__main__":
    run_all(main)
