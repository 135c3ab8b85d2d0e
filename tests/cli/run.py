#!/usr/bin/env python3
"""Runs every *.case beside this file: shell commands and the exact output they have.

    << NAME          a file of this name: the lines that follow, up to a line "."
    $ COMMAND        run by sh, wgamma is in PATH; then what it prints:
    text             a line on standard output
    ! text           a line on standard error
    = 3              the exit status; without this line it is 0
    # text           a comment

Only effort is normalised: T, M and N stand for times, memory and counts of calls, pivots and cuts.
`run.py WGAMMA --update` writes what is printed into the cases: look at the difference before you
believe it."""

import glob
import os
import re
import subprocess
import sys

import harness


def normalise(line):
    line = re.sub(r"^(time +)[0-9.]+ s$", r"\1T s", line)
    line = re.sub(r"^(memory +)[0-9.]+ \w+ at most$", r"\1M at most", line)
    line = re.sub(r"^(work +)\d+ (exact OT solve)s?, \d+ pivots?", r"\1N \2s, N pivots", line)
    line = re.sub(r"^(cuts +)\d+", r"\1N", line)
    line = re.sub(r"^(work +)\d+ steps?$", r"\1N steps", line)
    line = re.sub(r"^(work +)\d+ directions?, \d+ steps?$", r"\1N directions, N steps", line)
    return re.sub(r'^( *"(?:seconds|peak_bytes)": )[-+0-9.e]+', r"\1T", line)


def read_case(path):
    """A list of [kind, first line, lines that follow]."""
    steps, file = [], False
    for line in open(path, encoding="utf-8").read().split("\n"):
        if file:
            file = line != "."
            steps[-1][2].append(line)
        elif line.startswith("<< "):
            file = True
            steps.append(["file", line, []])
        elif line.startswith("$ "):
            steps.append(["command", line, []])
        elif line.startswith("#") or not steps or steps[-1][0] != "command":
            steps.append(["comment", line, []])
        else:
            steps[-1][2].append(line)
    return steps


def execute(command, where):
    directory = os.path.dirname(harness.WGAMMA)
    environment = dict(harness.ENVIRONMENT, PATH=directory + os.pathsep + os.environ["PATH"])
    done = subprocess.run(["sh", "-c", command], cwd=where, env=environment, input=b"",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    printed = [normalise(line) for line in harness.text(done.stdout).splitlines()]
    printed += ["! " + line for line in harness.text(done.stderr).splitlines()]
    return printed + ([f"= {done.returncode}"] if done.returncode else [])


def difference(expected, printed):
    for k in range(max(len(expected), len(printed))):
        wanted = expected[k] if k < len(expected) else "(nothing more)"
        found = printed[k] if k < len(printed) else "(nothing more)"
        if wanted != found:
            return f"\n  expected {wanted}\n  found    {found}"
    return ""


def run_case(path, update):
    steps = read_case(path)
    with harness.scratch() as where:
        for kind, first, lines in steps:
            if kind == "file":
                harness.put(where, first[3:], "\n".join(lines[:-1]) + "\n")
            if kind != "command":
                continue
            blank = [""] * next((k for k, x in enumerate(lines[::-1]) if x), len(lines))
            expected = lines[: len(lines) - len(blank)]
            printed = execute(first[2:], where)
            if update:
                lines[:] = printed + blank
            harness.check(update or printed == expected, os.path.basename(path) + ":", first,
                          difference(expected, printed))
    if update:
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join("\n".join([first, *lines]) for _, first, lines in steps))


def main():
    update = "--update" in sys.argv[2:]
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "*.case"))):
        run_case(path, update)


harness.run_all(main)
