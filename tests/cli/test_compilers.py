#!/usr/bin/env python3
"""The bits of both bounds do not depend on the compiler.

certify/ and what its bounds rest on (base, linalg, gauge, measure) count roundings, so a compiler
that fuses a multiplication and an addition would prove something else. They are compiled again by
Clang, with the flags of the build, and linked in front of the library of the build; then the
command has to say the same to the last bit. Compiled so that it may fuse, it has to say something
else somewhere, or the test would see nothing. Skipped, in words, where there is no Clang."""

import math
import shlex
import shutil

from harness import *

BUILD = os.path.dirname(WGAMMA)
FOLDERS = ("src/base/", "src/linalg/", "src/gauge/", "src/measure/", "src/certify/")
GAUGES = ("trace", "operator", "frobenius", "schatten:1.3", "schatten:7", "kyfan:2",
          "sum:operator@2,frobenius@1", "max:schatten:3@1/0.7,operator@2/1.3")


# ---- a second command ----


def commands():
    """Compile commands of the build, by source."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        return {entry["file"]: entry for entry in json.load(file)}


def compile_one(entry, clang, extra, where):
    """Starts Clang on one source; returns the process and the object."""
    words = shlex.split(entry["command"])
    while os.path.basename(words[0]) in ("ccache", "distcc"):
        words = words[1:]
    folder, name = entry["file"].split("/")[-2:]
    target = os.path.join(where, f"{folder}-{name[:-2]}.o")
    words[0] = clang
    words[words.index("-o") + 1] = target
    words += ["-w", *extra]
    process = subprocess.Popen(words, cwd=entry["directory"], stderr=subprocess.PIPE)
    return process, target


def compile_all(entries, clang, extra, where):
    objects, waiting, most = [], [], max(1, os.cpu_count() or 1)
    os.makedirs(where, exist_ok=True)
    for entry in entries:
        if len(waiting) == most:
            finish(waiting.pop(0))
        process, target = compile_one(entry, clang, extra, where)
        waiting.append(process)
        objects.append(target)
    for process in waiting:
        finish(process)
    return objects


def finish(process):
    _, err = process.communicate()
    check(process.returncode == 0, process.args[-8:], text(err)[-500:])


def link_line():
    """The words of the build that link the command."""
    done = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", "wgamma"], capture_output=True,
                          check=False)
    lines = [line for line in text(done.stdout).splitlines() if " -o wgamma " in line]
    return shlex.split(lines[-1].strip(": &")) if lines else []


def link(objects, clang, target):
    words = [word for word in link_line() if word not in ("&&", ":")]
    while os.path.basename(words[0]) in ("ccache", "distcc"):
        words = words[1:]
    words[0] = clang
    at = words.index("-o")
    words[at + 1] = target
    # Libraries of GCC's OpenMP stay out: Clang's answers to both names.
    words = [word for word in words if "libgomp" not in word]
    done = subprocess.run([*words[:at], *objects, *words[at:], "-fopenmp"], cwd=BUILD,
                          capture_output=True, check=False)
    return check(done.returncode == 0, "link:", text(done.stderr)[-800:])


# ---- what it says ----


def answers(program, where, arguments):
    done = subprocess.run([program, *arguments], cwd=where, env=ENVIRONMENT, capture_output=True,
                          timeout=120, check=False)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return done.returncode, text(done.stderr)
    for key in ("seconds", "peak_bytes", "version"):
        document.pop(key, None)
    return done.returncode, document


def put_inputs(where):
    generator = random.Random(11)
    for name, count in (("x", 23), ("y", 17)):
        scale = [1.0, 1e-3, 40.0]
        put(where, name + ".npy", npy([[generator.gauss(0, s) for s in scale]
                                       for _ in range(count)]))
        put(where, name + "w.npy", npy(weights(len(name) + count, count)))
    for name in ("s0", "s1", "s2"):
        factor = [[generator.gauss(0, 1) for _ in range(3)] for _ in range(4)]
        put(where, name + ".npy", npy([[sum(row[i] * row[j] for row in factor) for j in range(3)]
                                       for i in range(3)]))
        put(where, "m" + name[1:] + ".npy", npy([generator.gauss(0, 1) for _ in range(3)]))
    for name in ("a", "b"):
        rows = [[generator.gauss(0, 1) for _ in range(3)] for _ in range(6)]
        put(where, name + ".npy", npy([[x / math.hypot(*row) for x in row] for row in rows]))


def questions(gauge, number):
    """Command lines with bounds, and those that judge the certificates they leave."""
    file, claim = f"c{number}.wgc", ["--certificate"]
    clouds = ["x.npy", "y.npy", "--a", "xw.npy", "--b", "yw.npy"]
    yield ["distance", *clouds, "--gauge", gauge, *claim, file], file
    yield ["distance", *clouds, "--gauge", gauge, "--tol", "1e-3", *claim, "l" + file], "l" + file
    yield ["gaussian", "m0.npy", "s0.npy", "m1.npy", "s1.npy", "--gauge", gauge], "g" + file
    yield ["sphere", "a.npy", "b.npy", "--gauge", gauge], "s" + file
    yield ["barycentre", *(f"{k}{i}.npy" for i in range(3) for k in "ms"), "--gauge", gauge], \
        "b" + file


def has_certificate(arguments, where):
    return b"--certificate" in run([arguments[0], "--help"], where).stdout


def ask(program, where):
    """Everything that a program says about all questions, in order."""
    said = []
    for number, gauge in enumerate(GAUGES):
        for arguments, file in questions(gauge, number):
            if "--certificate" not in arguments and has_certificate(arguments, where):
                arguments = [*arguments, "--certificate", file]
            said.append((arguments, answers(program, where, [*arguments, "--json", "-"])))
            if "--certificate" not in arguments:
                continue
            for more in ([], ["--rigorous"]):
                words = ["verify", file, *more, "--json", "-"]
                said.append((words, answers(program, where, words)))
    return said


def is_counted(entry):
    return "wg_objects" in entry["command"] and any("/" + folder in entry["file"]
                                                    for folder in FOLDERS)


def can_fuse():
    """Flags with which Clang fuses on this machine."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return ["-mfma"] if " fma " in file.read() else None
    except OSError:
        return None


def test_bits(clang):
    entries = [entry for entry in commands().values() if is_counted(entry)]
    check(len(entries) >= 30, len(entries), "sources")
    check(all("-ffp-contract=off" in entry["command"] for entry in entries), "the flag is said")
    with scratch() as where:
        program = os.path.join(where, "wgamma-clang")
        if not link(compile_all(entries, clang, [], os.path.join(where, "off")), clang, program):
            return
        put_inputs(where)
        ours, theirs = ask(WGAMMA, where), ask(program, where)
        for (arguments, here), (_, there) in zip(ours, theirs):
            check(here == there, arguments, here, there)
        solved = sum(here[0] == 0 for _, here in ours)
        check(solved > len(ours) // 2, solved, "of", len(ours), "are answered")
        if can_fuse():
            more = ["-ffp-contract=fast", *can_fuse()]
            link(compile_all(entries, clang, more, os.path.join(where, "on")), clang, program)
            check(ask(program, where) != ours, "fused operations are not seen")


def main():
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        cache = file.read()
    clang = shutil.which("clang") or shutil.which("clang-14")
    sanitized = "WG_SANITIZE:BOOL=ON" in cache
    works = clang and subprocess.run([clang, "-fopenmp", "-x", "c", "-", "-o", os.devnull],
                                     input=b"int main(void) { return 0; }", capture_output=True,
                                     check=False).returncode == 0
    if sanitized or not works or not shutil.which("ninja") or not link_line():
        check(True)
        print("skipped: needs clang with OpenMP (scripts/setup.sh fuzz installs it) and a build by "
              "ninja without sanitizers")
        return
    test_bits(clang)


run_all(main)
