#!/usr/bin/env python3
"""Solves that end early, terminals and pipes, and outputs that cannot be finished.

An interrupted solve still has a certified interval: it is printed, with outcome and exit status 1.
Progress is for terminals only. Whatever happens to a run, no half-written file has a name that was
asked for."""

import math
import pty
import resource
import select
import signal
import time

from harness import *

# Far from done in the time the tests give it: hundreds of transport problems in dimension 30.
LONG = ["distance", "x.npy", "y.npy", "--gauge", "operator", "--tol", "1e-10", "--threads", "1"]
PATIENCE = 60  # seconds a stopped solve may take to come back, on a machine under load


def put_long_problem(where):
    put(where, "x.npy", npy(gauss(1, 2000, 30)))
    put(where, "y.npy", npy(gauss(2, 2000, 30, shift=0.3, scale=1.5)))


def put_small_problem(where):
    put(where, "x.npy", npy(gauss(3, 60, 2)))
    put(where, "y.npy", npy(gauss(4, 50, 2, shift=1)))


def listens(process, number):
    """Linux tells which signals a process catches; elsewhere half a second has to do."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
            caught = next(line for line in status if line.startswith("SigCgt:"))
    except (OSError, StopIteration):
        return True
    return int(caught.split()[1], 16) >> (number - 1) & 1


def let_run(process, number):
    """Half a second, and until the solve has begun on a machine under load."""
    time.sleep(0.5)
    deadline = time.monotonic() + PATIENCE
    while not listens(process, number) and time.monotonic() < deadline:
        time.sleep(0.05)


def check_interval(found, outcome, *what):
    w2 = found.get("w2", {})
    check(found.get("outcome") == outcome, *what, found.get("outcome"), "is not", outcome)
    check(0 <= w2.get("lower", -1) <= w2.get("upper", -1) and math.isfinite(w2["upper"]), *what, w2)
    check(found["w"] == math.sqrt(w2["upper"]) and 0 < w2["gap"] <= 1, *what, w2)


# ---- early ends ----


def test_signal(where, number, name):
    process = start([*LONG, "--json", "-", "--certificate", "c.wgc"], where,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    let_run(process, number)
    process.send_signal(number)
    before = time.monotonic()
    out, err = wait(process, patience=PATIENCE)
    check(process.returncode == 1, name, "exit", process.returncode, text(err))
    check(time.monotonic() - before < PATIENCE / 2, name, "comes back soon")
    check(not err, name, text(err))
    check_interval(json.loads(out), "stopped", name)
    judged = run(["verify", "c.wgc", "--quiet"], where)  # open: true, and wider than was asked
    check(judged.returncode == 1 and b"is open: both" in judged.stderr, name, text(judged.stderr))


def test_second_signal(where):
    """The first one asks; were the solve not to listen, the second would end it."""
    process = start(LONG, where, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    let_run(process, signal.SIGINT)
    for _ in range(20):
        process.send_signal(signal.SIGINT)
    wait(process, patience=PATIENCE)
    check(process.returncode in (-signal.SIGINT, 1), "two signals: exit", process.returncode)


def ignore_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_ignored_signal(where):
    """What was ignored before (nohup, a background job) stays ignored."""
    process = start([*LONG, "--time-limit", "1.5", "--json", "-"], where, stdout=subprocess.PIPE,
                    preexec_fn=ignore_interrupts)
    let_run(process, signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    out, _ = wait(process, patience=PATIENCE)
    check_interval(json.loads(out), "time-limit", "ignored SIGINT")


def test_limits(where):
    before = time.monotonic()
    found = report([*LONG, "--time-limit", "0.2"], where, expected=1)
    check_interval(found, "time-limit", "--time-limit")
    check(found["seconds"] < PATIENCE / 2, "--time-limit", found["seconds"])
    check(time.monotonic() - before < PATIENCE, "--time-limit", time.monotonic() - before)
    put(where, "small_x.npy", npy(gauss(5, 80, 4)))
    put(where, "small_y.npy", npy(gauss(6, 80, 4, shift=0.2, scale=1.5)))
    small = ["distance", "small_x.npy", "small_y.npy", "--gauge", "frobenius", "--tol", "1e-12"]
    for calls in (1, 3):
        found = report([*small, "--max-calls", str(calls)], where, expected=1)
        check_interval(found, "call-limit", "--max-calls", calls)
        check(found["oracle_calls"] <= calls, "--max-calls", calls, found["oracle_calls"])
    shown = run([*small, "--max-calls", "3"], where)
    check(shown.returncode == 1 and b"call-limit" in shown.stdout, text(shown.stdout))
    check(b"interval holds" in shown.stdout and not shown.stderr, text(shown.stdout))


# ---- terminals and pipes ----


def read_terminal(master, process):
    """All that comes to a terminal until the process ends."""
    seen = b""
    while True:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                return seen
            seen += piece
        elif process.poll() is not None:
            return seen


def on_terminal(arguments, where):
    """Standard error is a terminal, standard output a pipe."""
    master, slave = pty.openpty()
    process = start(arguments, where, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    seen = read_terminal(master, process)
    out, _ = wait(process, patience=PATIENCE)
    os.close(master)
    return process.returncode, text(out), text(seen)


def test_progress(where):
    status, out, seen = on_terminal([*LONG, "--time-limit", "2"], where)
    lines = [line for line in seen.split("\r\x1b[K") if line]
    check(status == 1 and "time-limit" in out, "on a terminal", status, out)
    check(len(lines) >= 2, "progress is shown:", repr(seen[:300]))
    check(all("calls" in line and len(line) < 80 and "\n" not in line for line in lines), lines[:3])
    check(seen.endswith("\r\x1b[K"), "the line is erased:", repr(seen[-80:]))
    status, out, seen = on_terminal([*LONG, "--time-limit", "1", "--quiet"], where)
    check((status, out, seen) == (1, "", ""), "--quiet on a terminal", status, out, seen)
    piped = run([*LONG, "--time-limit", "1"], where)
    check(not piped.stderr, "a pipe shows no progress:", text(piped.stderr))


# ---- outputs that cannot be finished ----

FILES = {"--plan": "p.npz", "--certificate": "c.wgc", "--plot": "f.pdf", "--json": "r.json",
         "--geodesic-out": "g.npz"}


def small_files(ignore):
    """No file beyond 100 bytes: writing fails (ignore), or kills the process half-way."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN if ignore else signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    return limit


def test_unfinished(where):
    for option, name in FILES.items():
        more = ["--geodesic", "0,0.5,1"] if option == "--geodesic-out" else []
        arguments = ["distance", "x.npy", "y.npy", option, name, *more]
        for old in (None, b"what was there before"):
            for ignore in (True, False):
                if old is not None:
                    put(where, name, old)
                done = run(arguments, where, preexec_fn=small_files(ignore))
                there = get(where, name) if os.path.exists(os.path.join(where, name)) else None
                check(there == old, option, "leaves", there and there[:40])
                if ignore:
                    check(done.returncode == 3 and name.encode() in done.stderr, option, "exit",
                          done.returncode, text(done.stderr))
                    check(b"W^2" in done.stdout, option, "the answer is not lost")
                else:
                    check(done.returncode < 0, option, "is killed:", done.returncode)
        check(run(arguments, where).returncode == 0, option, "works without the limit")
        check(get(where, name) != b"what was there before", option, "is written")


def test_full_disk(where):
    for arguments in (["distance", "x.npy", "y.npy"], ["distance", "x.npy", "y.npy", "--json", "-"],
                      ["help"], ["version"]):
        with open("/dev/full", "wb") as full:
            process = start(arguments, where, stdout=full, stderr=subprocess.PIPE)
            _, err = wait(process, patience=PATIENCE)
        check(process.returncode == 3 and b"standard output" in err, arguments, text(err))


def main():
    with scratch() as where:
        put_long_problem(where)
        test_signal(where, signal.SIGINT, "SIGINT")
        test_signal(where, signal.SIGTERM, "SIGTERM")
        test_second_signal(where)
        test_ignored_signal(where)
        test_limits(where)
        test_progress(where)
    with scratch() as where:
        put_small_problem(where)
        test_unfinished(where)
    with scratch() as where:
        put_small_problem(where)
        test_full_disk(where)


run_all(main)
