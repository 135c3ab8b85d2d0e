#!/usr/bin/env python3
"""wgamma flow: runs that are killed and resumed, files, figures, words, bad inputs.

A run that is killed at any moment and resumed from its last checkpoint ends with the same bytes as
one that was never disturbed."""

import os
import random
import shutil
import signal
import struct
import subprocess
import time

from harness import *

N, M = 150, 160


def put_problem(where):
    put(where, "x.npy", npy(gauss(1, N, 2)))
    put(where, "y.npy", npy(gauss(2, M, 2, shift=2, scale=0.7)))


def flow(*more, gauge="operator", end="20"):
    return ["flow", "mmd", "--kernel", "energy:0.05", "--target", "y.npy", "--start", "x.npy",
            "--gauge", gauge, "--time", end, "--threads", "1", *more]


# ---- killed and resumed ----


def resume_to_the_end(arguments, where, kills, generator):
    """Kills the run at random moments, with and without warning; returns how often it happened."""
    killed, attempts = 0, 0
    while True:
        attempts += 1
        if not check(attempts < 200, "the run does not end"):
            return killed
        again = ["--resume", "c.ck"] if os.path.exists(os.path.join(where, "c.ck")) else []
        process = start([*arguments, *again], where, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE)
        if killed < kills:
            time.sleep(generator.uniform(0.0, 0.1))
            process.send_signal(generator.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        _, err = wait(process)
        if process.returncode < 0:
            killed += 1
        elif process.returncode == 1 and killed < kills:
            killed += 1
        else:
            check(process.returncode == 0, "resumed run", process.returncode, text(err))
            return killed


def test_killed(where):
    put_problem(where)
    step = ["--method", "rk4", "--step", "0.0007", "--every", "200"]
    for more in (step, ["--tol", "1e-12", "--every", "7"]):
        arguments = flow(*more, "--quiet")
        done = run([*arguments, "--out", "whole.npz", "--log", "whole.csv"], where)
        check(done.returncode == 0, text(done.stderr))
        for name in ("c.ck", "run.npz", "run.csv"):
            if os.path.exists(os.path.join(where, name)):
                os.remove(os.path.join(where, name))
        arguments += ["--out", "run.npz", "--log", "run.csv", "--checkpoint", "c.ck",
                      "--checkpoint-every", "0.02"]
        killed = resume_to_the_end(arguments, where, 20 if more is step else 6, random.Random(4))
        check(killed >= (20 if more is step else 5), "only", killed, "runs were killed in time")
        check(get(where, "run.npz") == get(where, "whole.npz"), "trajectories differ", more)
        check(get(where, "run.csv") == get(where, "whole.csv"), "logs differ", more)
        check(not [name for name in os.listdir(where) if name.endswith(".tmp")] or killed,
              os.listdir(where))


def test_resume_further(where):
    """A finished run goes on; one of another problem is refused."""
    put_problem(where)
    report(flow("--checkpoint", "c.ck", end="2"), where)
    there = report(flow("--resume", "c.ck", end="4"), where)
    check(there["time"] == 4 and there["resolved"], there.get("time"))
    whole = report(flow("--times", "2,4", end="4"), where)
    check(whole["end_energy"] == there["end_energy"], "in two runs", whole["end_energy"])
    for more in (["--gauge", "trace"], ["--tol", "1e-4"], ["--kernel", "energy:0.06"]):
        arguments = flow("--resume", "c.ck")
        for name, value in zip(more[::2], more[1::2]):
            if name in arguments:
                arguments[arguments.index(name) + 1] = value
            else:
                arguments += [name, value]
        done = run(arguments, where)
        check(done.returncode == 3 and b"c.ck cannot be resumed" in done.stderr, more, done)
    put(where, "bad.ck", get(where, "c.ck")[:-9])
    done = run(flow("--resume", "bad.ck"), where)
    check(done.returncode == 3 and b"damaged" in done.stderr, done.stderr)
    done = run(flow("--resume", "x.npy"), where)
    check(done.returncode == 3 and b"no checkpoint" in done.stderr, done.stderr)


# ---- outputs ----


def test_outputs(where):
    put_problem(where)
    found = report(flow("--out", "r.npz", "--log", "r.npz.npz", "--plot", "f.png"), where)
    check(found["outcome"] == "certified" and found["identity_error"] < 1e-4, found)
    check(found["command"] == "flow" and found["gauge"] == "operator", found["command"])
    trail, log = read_npz(where + "/r.npz"), read_npz(where + "/r.npz.npz")
    places = trail["times"][0][0]
    check(trail["points"][0] == (places, N, 2) and trail["weights"][0] == (N,), trail["points"][0])
    check(trail["times"][1][0] == 0 and trail["times"][1][-1] == 20, trail["times"][1][-1])
    check(trail["energy"][1][-1] == found["end_energy"], "energy of the last place")
    check(log["time"][0] == (found["counts"]["steps"] + 1,), log["time"][0])
    check(log["spectrum"][0] == (found["counts"]["steps"] + 1, 2), log["spectrum"][0])
    energies = log["energy"][1]
    check(all(a > b for a, b in zip(energies, energies[1:])), "the energy falls")
    slope2, spectrum = log["slope2"][1], log["spectrum"][1]
    for k, value in enumerate(slope2):  # operator: N* = sum of the roots of the spectrum
        root = spectrum[2 * k] ** 0.5 + spectrum[2 * k + 1] ** 0.5
        check(abs(root * root - value) < 1e-12 * value, "N*^2 at", k, root * root, value)
    check(get(where, "f.png")[:8] == PNG, "a figure")
    report(flow("--log", "r.csv", end="1"), where)
    lines = text(get(where, "r.csv")).splitlines()
    check(lines[0].startswith("time,step,energy") and lines[0].endswith("spectrum2"), lines[0])
    check(all(line.count(",") == lines[0].count(",") for line in lines), "columns")


def test_snapshots(where):
    put_problem(where)
    report(flow("--times", "0,1,3", "--snapshots", "s.png"), where)
    check(get(where, "s.png")[:8] == PNG, "places")
    report(flow("--snapshots", "s.pdf"), where)
    check(get(where, "s.pdf")[:5] == b"%PDF-", "places")


PNG = b"\x89PNG\r\n\x1a\n"

# Stands in for ffmpeg: says in a file how it was called, and hands on what it is given.
ENCODER = """#!/bin/sh
printf '%s\\n' "$@" > "$FFMPEG_ARGUMENTS"
[ "$1" = -version ] && exit 0
[ -n "$FFMPEG_FAILS" ] && { echo broken >&2; exit 7; }
for last; do :; done
cat > "${last#file:}"
"""


def film(more, where, expected, path=None, **variables):
    """Runs with an encoder in the folder bin of `where`, or another PATH."""
    before = dict(ENVIRONMENT)
    ENVIRONMENT.update(variables, PATH=path or where + "/bin:" + os.environ["PATH"],
                       FFMPEG_ARGUMENTS=where + "/arguments")
    done = run(flow(*more, end="1"), where)
    ENVIRONMENT.clear()
    ENVIRONMENT.update(before)
    check(done.returncode == expected, more, done.returncode, text(done.stderr))
    return done


def test_films(where):
    """What the encoder is given and what becomes of what it makes; then a true one, if any."""
    put_problem(where)
    os.mkdir(where + "/bin")
    put(where, "bin/ffmpeg", ENCODER)
    os.chmod(where + "/bin/ffmpeg", 0o755)
    film(["--animate", "f.gif"], where, 0)
    check(get(where, "f.gif").count(PNG) == 150 and get(where, "f.gif")[:8] == PNG, "pictures")
    words = text(get(where, "arguments")).splitlines()
    check(words[words.index("-framerate") + 1] == "25" and "gif" in words, words)
    film(["--times", "0,0.5,1", "--animate", "f.mp4"], where, 0)
    check(get(where, "f.mp4").count(PNG) == 3, "a picture at each time")
    words = text(get(where, "arguments")).splitlines()
    check(words[words.index("-framerate") + 1] == "5" and "mp4" in words, words)
    done = film(["--animate", "f.mp4"], where, 3, FFMPEG_FAILS="1")
    check(b"f.mp4 was not written: ffmpeg failed (status 7)" in done.stderr, text(done.stderr))
    check(get(where, "f.mp4").count(PNG) == 3, "what was there is untouched")
    done = film(["--animate", "g.png"], where, 3, path=where)
    check(b"needs the program ffmpeg" in done.stderr and b"solve" not in done.stdout, done)
    done = film(["--animate", "g.avi"], where, 2)
    check(b".gif, .png, .apng or .mp4" in done.stderr, text(done.stderr))
    done = film(["--animate", "x.npy.gif", "--out", "x.npy.gif"], where, 2)
    check(b"both write" in done.stderr, text(done.stderr))
    check(sorted(name for name in os.listdir(where) if name[0] in "fg") == ["f.gif", "f.mp4"],
          os.listdir(where))
    if shutil.which("ffmpeg") is None:
        print("skipped: films by the true ffmpeg, which is not installed")
        return
    for name, start in (("a.gif", b"GIF89a"), ("a.png", PNG), ("a.mp4", None)):
        film(["--times", "0,0.2,0.5,1", "--animate", name], where, 0, path=os.environ["PATH"])
        found = get(where, name)
        check(len(found) > 2000, name, len(found))
        check(found[:len(start)] == start if start else found[4:8] == b"ftyp", name, found[:8])
    found = get(where, "a.png")
    chunk = found.index(b"acTL") + 4  # of an animated PNG: how many pictures, how often
    check(struct.unpack(">II", found[chunk:chunk + 8]) == (4, 0), "four pictures")


def test_places(where):
    put_problem(where)
    report(flow("--times", "0,1,2.5", "--out", "t.npz"), where, expected=0)
    check(read_npz(where + "/t.npz")["times"][1] == [0, 1, 2.5], "times")
    found = report(flow("--every", "5", "--out", "e.npz"), where)
    count = found["counts"]["steps"] // 5 + 1 + (found["counts"]["steps"] % 5 != 0)
    check(len(read_npz(where + "/e.npz")["times"][1]) == count, "every fifth", count)
    report(flow("--method", "euler", "--step", "0.01", "--out", "l.npz"), where)
    places = read_npz(where + "/l.npz")["times"][1]
    check(100 < len(places) <= 257 and places == sorted(places), "thinned", len(places))


def test_methods(where):
    put_problem(where)
    exact = report(flow("--tol", "1e-8", end="2"), where)["end_energy"]
    for method, step, near in (("euler", "0.002", 1e-2), ("rk4", "0.02", 1e-4),
                               ("dopri", "0.01", 1e-4), ("clip", "0.005", 2e-2),
                               ("events", "0.01", 1e-4), ("jko", "0.05", 1e-1)):
        found = report(flow("--method", method, "--step", step, end="2"), where)
        check(abs(found["end_energy"] - exact) < near * exact, method, found["end_energy"], exact)
        check(found["method"] == method and found["counts"]["uphill"] == 0, method)
    found = report(flow("--method", "momentum", "--inertia", "0.2", end="2"), where)
    check(found["lyapunov"] > found["end_energy"] and found["resolved"], found)
    capped = report(flow("--method", "euler", "--step", "0.1", "--cap", "0.01", end="2"), where)
    check(not capped["resolved"] and capped["outcome"] == "gap-open", capped["outcome"])
    check(capped["counts"]["clipped"] > 0 and capped["effective_time"] < 2, capped["counts"])
    check("capped" in capped["summary"] and "Not a resolved" in capped["summary"], capped)


def test_minibatches(where):
    """Stochastic steps go down, are said to be outside the theory, and resume to the bit."""
    put(where, "z.npy", npy(gauss(5, 400, 2)))
    put(where, "y.npy", npy(gauss(6, 400, 1)))
    put(where, "x.npy", npy(gauss(7, 40, 3)))
    arguments = ["flow", "network", "--data", "z.npy", "--labels", "y.npy", "--start", "x.npy",
                 "--gauge", "trace", "--method", "euler", "--step", "0.02", "--threads", "1"]
    batch = [*arguments, "--minibatch", "50", "--seed", "3"]
    whole = report([*batch, "--time", "2", "--out", "a.npz"], where)
    check(not whole["resolved"] and "minibatches" in whole["summary"], whole["summary"])
    exact = report([*arguments, "--time", "2"], where)
    check("whole_energy" not in exact, exact.keys())
    start, there = exact["start_energy"], whole["whole_energy"]
    check(whole["start_energy"] == start, "the start is that of all data")
    gone = (start - there) / (start - exact["end_energy"])
    check(0.7 < gone < 1.3, "minibatches go down as all data do", gone)
    report([*batch, "--time", "2", "--max-steps", "37", "--checkpoint", "c.ck"], where, expected=1)
    report([*batch, "--time", "2", "--resume", "c.ck", "--out", "b.npz"], where)
    check(get(where, "a.npz") == get(where, "b.npz"), "resumed minibatches differ")
    other = report([*arguments, "--minibatch", "50", "--seed", "4", "--time", "2"], where)
    check(other["end_energy"] != whole["end_energy"], "another seed")
    done = run([*arguments, "--minibatch", "60", "--seed", "3", "--time", "2", "--resume", "c.ck"],
               where)
    check(done.returncode == 3 and b"another --minibatch" in done.stderr, done.stderr)
    put_problem(where)
    for more in (["--minibatch", "5"], ["--minibatch", "5", "--method", "euler", "--step", "1"]):
        done = run(flow(*more), where)
        check(done.returncode == 2 and b"minibatches" in done.stderr, done)


# ---- ends, and what is refused ----


def test_limits(where):
    put_problem(where)
    found = report(flow("--max-steps", "5"), where, expected=1)
    check(found["outcome"] == "call-limit" and found["counts"]["steps"] <= 5, found["outcome"])
    found = report(flow("--method", "euler", "--step", "1e-6", "--time-limit", "0.2"), where,
                   expected=1)
    check(found["outcome"] == "time-limit", found["outcome"])
    done = run(flow("--memory-limit", "10K"), where)
    check(done.returncode == 4 and b"memory limit" in done.stderr, done)


def test_refused(where):
    put_problem(where)
    put(where, "w.npy", npy(weights(3, N - 1)))
    put(where, "z.npy", npy([0.0] + weights(3, N - 1)))
    put(where, "x3.npy", npy(gauss(1, 9, 3)))
    put(where, "nan.csv", "1,2\n3,nan\n")
    cases = [(["--method", "leap"], 2, b"--method leap is none of"),
             (["--method", "euler"], 2, b"step"), (["--every", "2", "--times", "1,2"], 2, b"keep"),
             (["--times", "2,1"], 2, b"--times 2,1"), (["--weights", "w.npy"], 3, b"weights"),
             (["--weights", "z.npy"], 3, b"a[0]"), (["--out", "x.npy"], 2, b"overwrite"),
             (["--out", "nowhere/r.npz"], 3, b"nowhere"), (["--plot", "f.gif"], 2, b".pdf"),
             (["--newton-steps", "4", "--method", "clip", "--step", "1"], 2, b"newton")]
    for more, status, word in cases:
        done = run(flow(*more), where)
        check(done.returncode == status and word in done.stderr, more, done.returncode,
              text(done.stderr))
    done = run(flow(gauge="kyfan:3"), where)
    check(done.returncode == 3 and b"does not fit x.npy" in done.stderr, text(done.stderr))
    for name, word in (("x3.npy", b"columns"), ("nan.csv", b"[1, 1]"), ("none.npy", b"none.npy")):
        arguments = flow()
        arguments[arguments.index("x.npy")] = name
        done = run(arguments, where)
        check(done.returncode == 3 and word in done.stderr, name, text(done.stderr))
    for arguments in (["flow"], ["flow", "mmd"], ["flow", "mmd", "--start", "x.npy"]):
        check(run(arguments, where).returncode == 2, arguments)


def main():
    for test in (test_killed, test_resume_further, test_outputs, test_snapshots, test_films,
                 test_places, test_methods, test_minibatches, test_limits, test_refused):
        with scratch() as where:
            test(where)


run_all(main)
