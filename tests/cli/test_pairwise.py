#!/usr/bin/env python3
"""wgamma pairwise: the same numbers as one by one, resumed after kills, and what is refused.

Why kills at random moments: a journal is right if nothing that was on the disk is lost or computed
again, wherever the process ended. The matrix of a run that was killed many times has to be that of
an uninterrupted one, byte by byte."""

import fcntl
import math
import pty
import random
import select
import signal
import time

from harness import *

PATIENCE = 120
NAMES = [f"c{k}.npy" for k in range(6)]
MATRICES = ("lower", "upper", "w", "gap", "outcome")


def put_clouds(where):
    for k, name in enumerate(NAMES):
        put(where, name, npy(gauss(k, 20 + k, 3, shift=0.2 * k)))


def stack_bytes(clouds):
    shape = (len(clouds), len(clouds[0]), len(clouds[0][0]))
    flat = [entry for cloud in clouds for row in cloud for entry in row]
    return npy_header("'<f8'", shape) + struct.pack(f"<{len(flat)}d", *flat)


def pairwise(where, arguments, expected=0):
    return report(["pairwise", *arguments], where, expected)


def refused(where, arguments, status, *words):
    done = run(["pairwise", *arguments], where)
    err = text(done.stderr)
    check(done.returncode == status, arguments, "exit", done.returncode, err)
    check(err.count("\n") == 1 and not done.stdout, arguments, "says one line:", err)
    for word in words:
        check(word in err, arguments, "lacks", word, "in", err)


# ---- the numbers ----


def test_one_by_one(where):
    found = pairwise(where, [*NAMES, "--gauge", "frobenius", "--out", "m.npz"])
    arrays = read_npz(os.path.join(where, "m.npz"))
    count = len(NAMES)
    check(sorted(arrays) == sorted(MATRICES), sorted(arrays))
    check(all(shape == (count, count) for shape, _ in arrays.values()), "shapes")
    for i in range(count):
        for j in range(count):
            values = {name: arrays[name][1][i * count + j] for name in MATRICES}
            check(values["w"] == found["w"][i][j], i, j, "JSON and npz agree")
            check(values["w"] == arrays["w"][1][j * count + i], i, j, "symmetric")
            if i == j:
                check(not any(values.values()), "the diagonal is zero:", values)
            if i >= j:
                continue
            alone = report(["distance", NAMES[i], NAMES[j], "--gauge", "frobenius"], where)
            check(alone["w2"]["lower"] == values["lower"] == found["w2"]["lower"][i][j], i, j)
            check(alone["w2"]["upper"] == values["upper"] == found["w2"]["upper"][i][j], i, j)
            check(alone["w2"]["gap"] == values["gap"] and values["outcome"] == 0, i, j)
    check(found["pairs"] == {"all": 15, "finished": 15, "resumed": 0}, found["pairs"])
    check(found["outcome"] == "certified" and 0 < found["largest_gap"] <= 1e-6, found["outcome"])
    check(found["files"] == NAMES and found["n"] == [20 + k for k in range(count)], found["n"])
    check(not os.path.exists(os.path.join(where, "m.npz.journal")), "the journal has served")


def test_threads(where):
    for threads in ("1", "2", "5"):
        found = pairwise(where, [*NAMES, "--threads", threads, "--out", f"t{threads}.npz"])
        check(found["workers"] == int(threads), threads, "workers", found["workers"])
    check(get(where, "t1.npz") == get(where, "t2.npz") == get(where, "t5.npz"), "--threads: bits")
    limited = pairwise(where, [*NAMES, "--threads", "5", "--memory-limit", "3M", "--out", "l.npz"])
    check(limited["workers"] < 5, "--memory-limit leaves", limited["workers"], "workers")
    check(get(where, "t1.npz") == get(where, "l.npz"), "--memory-limit: bits")


def test_stack(where):
    clouds = [gauss(20 + k, 9, 2) for k in range(4)]
    names = [f"s{k}.npy" for k in range(4)]
    for name, cloud in zip(names, clouds):
        put(where, name, npy(cloud))
    put(where, "stack.npy", stack_bytes(clouds))
    npz(where, "stack.npz", {"p": stack_bytes(clouds), "w": npy(weights(1, 9))})
    pairwise(where, [*names, "--out", "f.npz"])
    found = pairwise(where, ["--stack", "stack.npy", "--out", "s.npz"])
    check(found["stack"] == "stack.npy" and found["files"] == [], found["stack"])
    pairwise(where, ["--stack", "stack.npz", "--key", "p", "--out", "z.npz"])
    check(get(where, "f.npz") == get(where, "s.npz") == get(where, "z.npz"), "--stack: bits")


def test_weights(where):
    clouds, own = [gauss(30 + k, 8, 2) for k in range(3)], [weights(k, 8) for k in range(3)]
    put(where, "ws.npy", stack_bytes(clouds))
    put(where, "rows.npy", npy(own))
    put(where, "one.npy", npy(own[0]))
    for k in range(3):
        npz(where, f"w{k}.npz", {"p": npy(clouds[k]), "w": npy(own[k])})
    names = [f"w{k}.npz" for k in range(3)]
    pairwise(where, [*names, "--key", "p,w", "--out", "a.npz"])
    pairwise(where, ["--stack", "ws.npy", "--weights", "rows.npy", "--out", "b.npz"])
    pairwise(where, [*names, "--key", "p", "--weights", "rows.npy", "--out", "c.npz"])
    pairwise(where, ["--stack", "ws.npy", "--weights", "one.npy", "--out", "d.npz"])
    pairwise(where, ["--stack", "ws.npy", "--out", "e.npz"])
    check(get(where, "a.npz") == get(where, "b.npz") == get(where, "c.npz"), "weights: bits")
    files = [get(where, name) for name in ("a.npz", "d.npz", "e.npz")]
    check(len(set(files)) == 3, "weights matter")
    put(where, "x.npy", npy(clouds[0]))
    put(where, "y.npy", npy(clouds[2]))
    put(where, "b.npy", npy(own[2]))
    alone = report(["distance", "x.npy", "y.npy", "--a", "one.npy", "--b", "b.npy"], where)
    arrays = read_npz(os.path.join(where, "a.npz"))
    check(arrays["upper"][1][2] == alone["w2"]["upper"], "weights of each cloud")


# ---- killed and resumed ----


def lines_of(where, name):
    path = os.path.join(where, name)
    return get(where, name).split(b"\n")[1:-1] if os.path.exists(path) else []


def kill_until_done(where, arguments, out, generator):
    """Runs the command again and again, each killed after a random time; returns the kills.

    The kill may fall between the removal of the journal and the end of the process: then the
    answer is on the disk, whole, and a run after it starts anew."""
    journal, answer = out + ".journal", os.path.join(where, out)
    kills, before = 0, []
    while True:
        process = start(["pairwise", *arguments, "--json", "-"], where, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        try:
            process.wait(timeout=generator.uniform(0.02, 0.35) if kills < 12 else PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        out, err = wait(process)
        if process.returncode != -signal.SIGKILL:
            check(process.returncode == 0, "after", kills, "kills: exit", process.returncode,
                  text(err))
            resumed = json.loads(out)["pairs"]["resumed"]
            check(resumed == len(before), "resumes", resumed, "of", len(before))
            return kills
        kills += 1
        after = lines_of(where, journal)
        if before and not os.path.exists(os.path.join(where, journal)):
            whole = os.path.exists(answer) and get(where, out) == get(where, "whole.npz")
            check(whole, "the journal is gone before the answer is there")
            before = []
            continue
        check(after[: len(before)] == before, "what was on the disk stays")
        pairs = [tuple(line.split()[:2]) for line in after]
        check(len(set(pairs)) == len(pairs), "nothing is computed twice:", pairs)
        before = after


def test_kills(where):
    names = [f"k{k}.npy" for k in range(8)]
    for k, name in enumerate(names):
        put(where, name, npy(gauss(40 + k, 60, 4, shift=0.1 * k)))
    pairwise(where, [*names, "--threads", "2", "--out", "whole.npz"])
    generator = random.Random(7)
    for k in range(3):
        out = f"killed{k}.npz"
        kills = kill_until_done(where, [*names, "--threads", "2", "--out", out], out, generator)
        check(kills >= 2, "killed", kills, "times only")
        check(get(where, out) == get(where, "whole.npz"), "killed", kills, "times: bits")
        check(not os.path.exists(os.path.join(where, out + ".journal")), "the journal is gone")


def test_signal(where):
    """Ctrl-C ends it with what is done; the same command does the rest."""
    names = [f"l{k}.npy" for k in range(5)]
    for k, name in enumerate(names):
        put(where, name, npy(gauss(50 + k, 400, 8, shift=0.1 * k)))
    arguments = ["pairwise", *names, "--threads", "2", "--resume", "l.journal"]
    process = start([*arguments, "--json", "-"], where, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
    deadline = time.monotonic() + PATIENCE
    while not lines_of(where, "l.journal") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, err = wait(process)
    check(time.monotonic() - asked < PATIENCE / 4 and not err, "comes back soon", text(err))
    found = json.loads(out)
    finished = len(lines_of(where, "l.journal"))
    check(process.returncode == 1 and found["outcome"] == "stopped", process.returncode)
    check(0 < finished == found["pairs"]["finished"] < 10, finished, found["pairs"])
    unknown = sum(value is None for row in found["outcomes"] for value in row)
    stopped = sum(value == "stopped" for row in found["outcomes"] for value in row)
    check(unknown + stopped == 2 * (10 - finished), unknown, stopped, finished)
    limited = report([*arguments, "--time-limit", "0.05"], where, expected=1)
    check(limited["outcome"] == "time-limit" and limited["pairs"]["resumed"] == finished, limited)
    shown = run([*arguments, "--time-limit", "0.05"], where)
    check(b"missing" in shown.stdout and b"l.journal" in shown.stdout, text(shown.stdout))


# ---- the journal ----


def test_torn(where):
    """Cut at any byte, it is taken up; of a whole line nothing is lost."""
    arguments = [*NAMES[:3], "--resume", "j"]
    whole = pairwise(where, arguments)
    journal = get(where, "j")
    check(journal.count(b"\n") == 4, text(journal))
    for size in range(0, len(journal), 7):
        put(where, "j", journal[:size])
        found = pairwise(where, arguments)
        resumed = max(journal[:size].count(b"\n") - 1, 0)
        check(found["pairs"]["resumed"] == resumed, size, "resumes", found["pairs"])
        check(found["w2"] == whole["w2"], size, "changes the answer")
        check(len(lines_of(where, "j")) == 3, size, text(get(where, "j")))
    put(where, "j", journal + b"\0" * 40)
    check(pairwise(where, arguments)["pairs"]["resumed"] == 3, "zeros at the end")
    check(get(where, "j") == journal, "they are cut off:", get(where, "j"))


def spoil(journal, at):
    return journal[:at] + bytes([journal[at] ^ 1]) + journal[at + 1 :]


def test_foreign_journals(where):
    pairwise(where, [*NAMES[:3], "--resume", "own"])
    journal = get(where, "own")
    for arguments, words in (
        ([*NAMES[:4]], "number of clouds"), ([NAMES[0], NAMES[2], NAMES[1]], "points or weights"),
        ([*NAMES[:3], "--tol", "1e-5"], "--tol"), ([*NAMES[:3], "--gauge", "trace"], "--gauge")):
        refused(where, [*arguments, "--resume", "own"], 3, "own", words, "delete it")
        check(get(where, "own") == journal, arguments, "leaves the journal alone")
    second = journal.index(b"\n") + 5
    for name, data, word in (("text", b"dear diary\n", "not a journal"),
                             ("damaged", spoil(journal, second), "line 2 is damaged"),
                             ("headless", spoil(journal, 3), "damaged"),
                             ("short", b"x", "not a journal")):
        put(where, name, data)
        refused(where, [*NAMES[:3], "--resume", name], 3, name, word)
        check(get(where, name) == data, name, "is left alone")
    with open(os.path.join(where, "own"), "rb+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        refused(where, [*NAMES[:3], "--resume", "own"], 3, "own", "in use")
    os.mkfifo(os.path.join(where, "fifo"))
    refused(where, [*NAMES[:3], "--resume", "fifo"], 3, "fifo", "regular")


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))


def test_unwritable_journal(where):
    refused(where, [*NAMES, "--resume", "missing/j"], 3, "missing/j")
    refused(where, [*NAMES, "--resume", "-"], 2, "--resume")
    refused(where, [*NAMES, "--resume", "j", "--out", "j"], 2, "--resume")
    refused(where, [*NAMES, "--resume", NAMES[0]], 2, NAMES[0], "overwrite")
    os.mkdir(os.path.join(where, "dir.npz.journal"))
    refused(where, [*NAMES, "--out", "dir.npz"], 3, "dir.npz.journal")
    done = run(["pairwise", *NAMES, "--resume", "full"], where, preexec_fn=small_files)
    check(done.returncode == 3 and b"full cannot be written" in done.stderr, text(done.stderr))
    found = pairwise(where, [*NAMES, "--resume", "full"])
    check(found["pairs"]["finished"] == 15, "goes on when there is room:", found["pairs"])


# ---- inputs, outputs ----


def test_bad_inputs(where):
    put(where, "wide.npy", npy(gauss(1, 5, 4)))
    put(where, "nan.npy", npy([[0.0, 1.0, math.nan]]))
    put(where, "stack.npy", stack_bytes([gauss(k, 5, 3) for k in range(3)]))
    put(where, "single.npy", stack_bytes([gauss(1, 5, 3)]))
    put(where, "flat.npy", npy(gauss(1, 5, 3)))
    put(where, "bad.npy", stack_bytes([[[0.0], [1.0]], [[2.0], [math.inf]]]))
    put(where, "w.npy", npy([0.5, 0.6, 0.0, 0.0, 0.0]))
    put(where, "w3.npy", npy(weights(1, 3)))
    one = NAMES[0]
    refused(where, [], 2, "two clouds")
    refused(where, [one], 2, "two clouds", "1")
    refused(where, [one, NAMES[1], one], 2, one, "twice")
    refused(where, [one, ""], 2, "empty")
    refused(where, [one, "--stack", "stack.npy"], 2, "--stack", one)
    refused(where, [one, "wide.npy"], 3, "wide.npy", "(5, 4)", "columns")
    refused(where, [one, "nan.npy"], 3, "nan.npy", "[0, 2]")
    refused(where, [one, "none.npy"], 3, "none.npy")
    refused(where, [one, "stack.npy"], 3, "stack.npy", "--stack")
    refused(where, ["--stack", "flat.npy"], 3, "flat.npy", "(5, 3)", "three dimensions")
    refused(where, ["--stack", "single.npy"], 3, "single.npy", "two clouds")
    refused(where, ["--stack", "bad.npy"], 3, "bad.npy", "[1, 1, 0]")
    refused(where, ["--stack", "stack.npy", "--weights", "w.npy"], 3, "w.npy", "sum to 1.1")
    refused(where, ["--stack", "stack.npy", "--weights", "w3.npy"], 3, "w3.npy", "5 points")
    refused(where, ["--stack", "stack.npy", "--key", "p"], 2, "--key")
    refused(where, [*NAMES, "--key", "p,"], 2, "--key")
    refused(where, [*NAMES, "--key", "p,w"], 3, "--weights")
    refused(where, [*NAMES, "--gauge", "kyfan:4"], 3, "kyfan:4")
    refused(where, [*NAMES, "--gauge", "wide"], 2, "--gauge")
    refused(where, [*NAMES, "--plot", "m.txt"], 2, "m.txt")
    refused(where, [*NAMES, "--out", "missing/m.npz"], 3, "missing/m.npz")
    refused(where, [*NAMES, "--out", one], 2, one)
    refused(where, [*NAMES, "--memory-limit", "20K"], 4, "--memory-limit")


def test_figures(where):
    for name, magic in (("m.pdf", b"%PDF"), ("m.svg", b"<?xml"), ("m.png", b"\x89PNG")):
        done = run(["pairwise", *NAMES, "--plot", name, "--quiet"], where)
        check(done.returncode == 0 and not done.stdout, name, text(done.stderr))
        check(get(where, name).startswith(magic) and len(get(where, name)) > 1000, name)


def test_local(where):
    """p < 1 in three dimensions is never called certified."""
    found = pairwise(where, [*NAMES[:3], "--gauge", "schatten:0.6", "--resume", "p"], expected=1)
    check(found["outcome"] == "local", found["outcome"])
    again = pairwise(where, [*NAMES[:3], "--gauge", "schatten:0.6", "--resume", "p"], expected=1)
    check(again["outcome"] == "local" and again["pairs"]["resumed"] == 3, again["pairs"])


def test_progress(where):
    master, slave = pty.openpty()
    names = [f"l{k}.npy" for k in range(5)]
    process = start(["pairwise", *names, "--time-limit", "1", "--threads", "2"], where,
                    stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    seen = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:
                break
    wait(process)
    os.close(master)
    lines = [line for line in text(seen).split("\r\x1b[K") if line]
    check(len(lines) >= 2 and all(" of 10 pairs" in line for line in lines), lines[:3])
    check(seen.endswith(b"\r\x1b[K"), "the line is erased")


def main():
    with scratch() as where:
        put_clouds(where)
        test_one_by_one(where)
        test_threads(where)
        test_stack(where)
        test_weights(where)
        test_kills(where)
        test_signal(where)
        test_progress(where)
    with scratch() as where:
        put_clouds(where)
        test_torn(where)
        test_foreign_journals(where)
        test_unwritable_journal(where)
        test_bad_inputs(where)
        test_figures(where)
        test_local(where)


run_all(main)
