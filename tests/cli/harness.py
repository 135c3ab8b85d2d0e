"""What the command-line tests share: running wgamma, writing its inputs, counting results.

Standard library only: the tests must run where there is no numpy. A script gets the path of wgamma
as its first argument, calls `check` for every fact, and runs by `run_all`."""

import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import traceback
import zipfile

WGAMMA = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "wgamma"
# One thread each: a small address space then suffices, and other tests keep their cores.
# A sanitizer build is told that fontconfig keeps what it has found.
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEAKS = os.path.join(TESTS, "leaks.txt")
ENVIRONMENT = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", LC_ALL="C",
                   LSAN_OPTIONS=f"suppressions={LEAKS}:print_suppressions=0")

_counts = {True: 0, False: 0}


def check(holds, *what):
    """Counts a fact; says which one does not hold."""
    _counts[bool(holds)] += 1
    if not holds:
        print("FAILED:", *what)
    return bool(holds)


def run_all(main):
    """Runs a script; its last line is "N passed, N failed" whatever happens."""
    try:
        main()
    except Exception:
        check(False, traceback.format_exc())
    print(f"{_counts[True]} passed, {_counts[False]} failed")
    sys.exit(1 if _counts[False] or not _counts[True] else 0)


# ---- running ----


def scratch():
    return tempfile.TemporaryDirectory(prefix="wgamma-test-")


def limit_memory(size):
    """For preexec_fn: most bytes of address space."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    return limit


def start(arguments, where, **more):
    return subprocess.Popen([WGAMMA, *arguments], cwd=where, env=ENVIRONMENT, **more)


def wait(process, stdin=None, patience=120):
    """What it prints; one that does not end is ended, and counts as a failure."""
    try:
        return process.communicate(stdin, timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        check(False, process.args, "does not end within", patience, "seconds")
        return process.communicate()


def run(arguments, where, stdin=b"", **more):
    """Runs wgamma in a directory to its end."""
    process = start(arguments, where, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE, **more)
    out, err = wait(process, stdin)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def text(data):
    return data.decode("utf-8", "replace")


def report(arguments, where, expected=0, stdin=b""):
    """The JSON that `--json -` prints; checks the exit status."""
    done = run([*arguments, "--json", "-"], where, stdin)
    check(done.returncode == expected, arguments, "exit", done.returncode, text(done.stderr))
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        check(False, arguments, "JSON:", error, text(done.stdout)[:200])
        return {}


# ---- files ----


def put(where, name, data):
    path = os.path.join(where, name)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path


def get(where, name):
    with open(os.path.join(where, name), "rb") as file:
        return file.read()


def npy_header(descr, shape, fortran=False, version=1):
    """A header padded to 64 bytes as numpy does; descr goes in as it is."""
    shape = "(" + "".join(f"{size}, " for size in shape) + ")"
    body = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    prefix = 10 if version == 1 else 12
    body += " " * (-(prefix + len(body) + 1) % 64) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(body))
    return b"\x93NUMPY" + bytes([version, 0]) + length + body.encode()


CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
         "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


def npy(rows, dtype="<f8", fortran=False, version=1):
    """rows: a list of lists, or a list of numbers for one dimension."""
    flat = not rows or not isinstance(rows[0], (list, tuple))
    shape = (len(rows),) if flat else (len(rows), len(rows[0]))
    if flat:
        entries = list(rows)
    elif fortran:
        entries = [row[k] for k in range(shape[1]) for row in rows]
    else:
        entries = [entry for row in rows for entry in row]
    kind = CODES[dtype[1:]]
    if kind not in "efd":
        entries = [int(entry) for entry in entries]
    order = "<" if dtype[0] == "|" else dtype[0]
    data = struct.pack(f"{order}{len(entries)}{kind}", *entries)
    return npy_header(f"'{dtype}'", shape, fortran, version) + data


def npz(where, name, members, deflate=False):
    """members: names (without .npy) to bytes."""
    path = os.path.join(where, name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as out:
        for member, data in members.items():
            out.writestr(member + ".npy", data)
    return path


def read_npy(data):
    """(shape, entries, or bytes for text) of little-endian C order data, as wgamma writes it."""
    length = struct.unpack("<H", data[8:10])[0]
    head = eval(data[10 : 10 + length], {"__builtins__": {}})  # a dict literal
    raw = data[10 + length :]
    if head["descr"].startswith("|S"):
        return head["shape"], raw
    count = len(raw) // 8
    return head["shape"], list(struct.unpack(f"<{count}{CODES[head['descr'][1:]]}", raw))


def read_npz(path):
    with zipfile.ZipFile(path) as archive:
        return {name[:-4]: read_npy(archive.read(name)) for name in archive.namelist()}


def gauss(seed, n, d, shift=0.0, scale=1.0):
    """A cloud of n points: the same for the same seed."""
    generator = random.Random(seed)
    return [[shift + scale * generator.gauss(0, 1) for _ in range(d)] for _ in range(n)]


def weights(seed, n):
    generator = random.Random(seed)
    raw = [generator.uniform(0.5, 1.5) for _ in range(n)]
    return [value / sum(raw) for value in raw]
