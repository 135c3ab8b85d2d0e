#!/usr/bin/env python3
"""Every bad input ends with the right exit status and a sentence that helps.

One table: files to make, arguments, exit status (2 usage, 3 input, 4 memory), and what the message
has to name: the file or option, and the entry where there is one. For each case: nothing on
standard output, one line on standard error that names a remedy, no file left behind. All runs have
little address space, so that a header which lies about its size cannot be believed by accident."""

import io
import os
import re
import struct
import zipfile

from harness import *

GOOD = npy([[0, 0], [1, 0], [0, 1.0]])
THREE = "0.25 0.25 0.5"
NAN, INF = float("nan"), float("inf")
LITTLE_MEMORY = 1 << 30

REMEDY = re.compile(
    r"see wgamma|\b(use|give|choose|remove|replace|write|save|copy|divide|leave|name|unpack|check|"
    r"raise|rescale|change|add|keep|reshape|need|needs|needed|one of|must|should|reads|"
    r"are numbers|points are|multiply|"
    r"weights are|is defined on|it has|make|compute|ask)\b")


def raw(descr, shape, data=b"", **more):
    """An npy file whose header says what it likes."""
    return npy_header(descr, shape, **more) + data


def zipped(members, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def doubles(count):
    return struct.pack(f"<{count}d", *range(count))


# Each case of a bad X: name of the file, its bytes, what the message names beside the file.
BAD_POINTS = [
    # npy: size
    ("cut_magic.npy", b"\x93NUM", ["truncated"]),
    ("cut_header.npy", GOOD[:40], ["truncated"]),
    ("cut_data.npy", GOOD[:-1], ["truncated", "(3, 2)"]),
    ("no_data.npy", GOOD[:128], ["truncated"]),
    ("long.npy", GOOD + b"\0", ["bytes after"]),
    ("doubled.npy", GOOD + GOOD, ["bytes after"]),
    # npy: headers that lie
    ("lie_more.npy", raw("'<f8'", (4, 2), doubles(6)), ["(4, 2)"]),
    ("lie_fewer.npy", raw("'<f8'", (2, 2), doubles(6)), ["(2, 2)"]),
    ("lie_width.npy", raw("'<f4'", (3, 2), doubles(6)), ["<f4"]),
    ("absurd.npy", raw("'<f8'", (1 << 40, 2), doubles(6)), ["1099511627776"]),
    ("overflow.npy", raw("'<f8'", (1 << 62, 1 << 62), doubles(6)), ["4611686018427387904"]),
    ("beyond.npy", raw("'<f8'", (1 << 70, 2), doubles(6)), ["2^63"]),
    ("negative.npy", raw("'<f8'", (-3, 2), doubles(6)), ["shape"]),
    ("no_tuple.npy", GOOD.replace(b"(3, 2, )", b"[3, 2, ]"), ["tuple"]),
    ("no_dict.npy", GOOD.replace(b"{'descr'", b" 'descr'"), ["dict"]),
    ("no_key.npy", GOOD.replace(b"'descr'", b"'descx'"), ["key"]),
    ("no_order.npy", GOOD.replace(b"False", b"Maybe"), ["fortran_order"]),
    ("text_after.npy", GOOD[:126] + b"x" + GOOD[127:], ["dict"]),
    ("version9.npy", b"\x93NUMPY\x09\0" + GOOD[8:], ["version 9.0"]),
    ("long_header.npy", b"\x93NUMPY\x02\0\xff\xff\xff\xff" + GOOD[12:], ["truncated"]),
    # npy: types
    ("object.npy", raw("'|O'", (3, 2), doubles(6)), ["|O", "objects"]),
    ("complex.npy", raw("'<c16'", (3, 1), doubles(6)), ["<c16", "complex"]),
    ("complex64.npy", raw("'<c8'", (3, 2), doubles(6)), ["<c8", "complex"]),
    ("text_type.npy", raw("'<U4'", (3, 1), doubles(6)), ["<U4", "text"]),
    ("dates.npy", raw("'<M8[D]'", (3, 2), doubles(6)), ["M8", "dates"]),
    ("structured.npy", raw("[('x', '<f8'), ('y', '<f8')]", (3,), doubles(6)), ["structured"]),
    ("long_double.npy", raw("'<f16'", (3, 1), doubles(6)), ["<f16"]),
    # npy: shapes and entries
    ("scalar.npy", raw("'<f8'", (), doubles(1)), ["shape ()"]),
    ("cube.npy", raw("'<f8'", (3, 1, 2), doubles(6)), ["(3, 1, 2)"]),
    ("empty_array.npy", raw("'<f8'", (0, 2)), ["(0, 2)"]),
    ("no_columns.npy", raw("'<f8'", (3, 0)), ["(3, 0)"]),
    ("nan.npy", npy([[0, 0], [1, NAN], [2, 2]]), ["entry [1, 1]", "nan"]),
    ("inf.npy", npy([[0, 0], [1, 1], [INF, 2]]), ["entry [2, 0]", "inf"]),
    ("minus_inf.npy", npy([[0, -INF], [1, 1]], "<f4"), ["entry [0, 1]", "-inf"]),
    ("half_nan.npy", npy([[0, NAN], [1, 1]], "<f2"), ["entry [0, 1]", "nan"]),
    ("wide.npy", npy([[0, 0], [1e200, 0], [0, 1e200]]), ["range of double"]),
    ("subnormal.npy", npy([[5e-324, 0], [0, 1e308]]), ["range of double"]),
    # text
    ("empty.csv", b"", ["empty"]),
    ("blank.csv", b"\n  \n\n", ["no numbers"]),
    ("comments.csv", b"# a cloud\n# of nothing\n", ["no numbers"]),
    ("only_header.csv", b"x,y\n", ["header"]),
    ("ragged.csv", b"0,0\n1,2\n3\n", ["line 3", "1 field"]),
    ("ragged_wide.txt", b"0 0\n1 2 3\n", ["line 2", "3 fields"]),
    ("nan.csv", b"0,0\n1,nan\n", ["entry [1, 1]", "nan"]),
    ("nan_first.csv", b"nan,nan\n1,2\n3,4\n", ["entry [0, 0]", "nan"]),
    ("nan_capital.csv", b"NaN,0\n1,2\n", ["entry [0, 0]", "nan"]),
    ("inf.csv", b"0,0\ninf,1\n", ["entry [1, 0]", "inf"]),
    ("missing.csv", b"0,0\nNA,1\n", ["entry [1, 0]", "nan"]),
    ("hole.csv", b"0,0\n,1\n", ["line 2", "column 1", "is empty"]),
    ("word.csv", b"0,0\n1,one\n", ["line 2", "column 2", "'one'"]),
    ("second_header.csv", b"x,y\n0,0\nx,y\n", ["line 3", "'x'"]),
    ("hex.csv", b"0,0\n0x10,1\n", ["line 2", "hexadecimal"]),
    ("huge.csv", b"0,0\n1e999,1\n", ["line 2", "1e999"]),
    ("comma.csv", b"0;0\n1,5;1\n", ["line 2", "decimal point"]),
    ("binary.csv", b"0,0\n\0\1\2\n", ["byte 4"]),
    ("utf16.csv", "0,0\n1,1\n".encode("utf-16"), ["UTF-16"]),
    # containers
    ("broken.npz", zipped({"x.npy": GOOD})[:-9], ["zip"]),
    ("start.npz", b"PK\3\4 and no more", ["zip"]),
    ("crc.npz", zipped({"x.npy": GOOD}).replace(doubles(1), b"\1" * 8, 1), []),
    ("nothing.npz", zipped({}), ["no members"]),
    ("two.npz", zipped({"u.npy": GOOD, "v.npy": GOOD}), ["2 members", "u, v"]),
    ("bad_member.npz", zipped({"x.npy": GOOD[:-1]}), ["truncated"]),
    ("gzip.npy", b"\x1f\x8b\x08\0" + b"\0" * 40, ["gzip", "gunzip"]),
    ("cloud.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 40, ["HDF5"]),
    ("cloud.pkl", b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]\x94.", ["pickle"]),
    ("cloud.wgc", b"WGCERT1\n" + b"\0" * 40, ["certificate"]),
]

# Weights of three points, given as --a.
BAD_WEIGHTS = [
    ("negative.txt", b"0.5\n0.75\n-0.25\n", ["entry [2]", "-0.25", "negative"]),
    ("negative.npy", npy([0.5, -3e-9, 0.5 + 3e-9]), ["entry [1]", "-3e-09", "negative"]),
    ("zeros.txt", b"0\n0\n0\n", ["sum to zero"]),
    ("few.txt", b"0.5\n0.5\n", ["2 weights", "3 points"]),
    ("many.txt", b"0.25\n0.25\n0.25\n0.25\n", ["4 weights", "3 points"]),
    ("sum.txt", b"1\n1\n1\n", ["sum to 3", "one"]),
    ("nearly.npy", npy([0.25, 0.25, 0.500003]), ["sum to 1.000003"]),
    ("nan.txt", b"0.5\nnan\n0.5\n", ["entry [1, 0]", "nan"]),
    ("inf.npy", npy([0.5, INF, 0.5]), ["entry [1]", "inf"]),
    ("matrix.npy", npy([[0.25, 0.25], [0.25, 0.25]]), ["(2, 2)"]),
    ("scalar.npy", raw("'<f8'", (), doubles(1)), ["shape ()"]),
    ("none.txt", b"", ["empty"]),
    ("complex.npy", raw("'<c16'", (3,), doubles(6)), ["complex"]),
]

# Gauges that make no sense (2), and gauges that do not fit two columns (3).
BAD_GAUGES = [
    (2, ["nuclear", "", "Operator", "schatten", "schatten:", "schatten:0.4", "schatten:-1",
         "schatten:nan", "schatten:two", "kyfan", "kyfan:0", "kyfan:-1", "kyfan:1.5", "sum:",
         "sum:trace", "sum:trace@0,trace@2", "sum:trace@1,", "sum:sum:trace@1,trace@1",
         "sum:trace@1/2,trace@1", "max:trace@1/0,trace@1", "max:trace@1/-1,trace@1",
         "max:trace@1/nan,trace@1", "max:trace@1/inf,trace@1", "max:trace@1/,trace@1",
         "max:max:trace@1/1,trace@1", "trace@2", "trace ", "kyfan:99999999999"]),
    (3, ["kyfan:3", "sum:trace@1", "sum:trace@2,trace@1", "max:trace@3/2",
         "sum:kyfan:2@1,trace@1"]),
]

BAD_VALUES = [
    ("--tol", ["abc", "0", "-1", "nan", "inf", "", "1e-6x", " 1e-6", "0x1p-3", "1e999", "1,5"]),
    ("--time-limit", ["0", "-1", "soon", "nan", ""]),
    ("--max-calls", ["0", "-3", "1.5", "many", "99999999999999999999"]),
    ("--memory-limit", ["0", "-1", "1T", "K", "1.5G", "9999999999G", ""]),
    ("--threads", ["-1", "two", "1.5", "1025", ""]),
    ("--seed", ["-1", "1.5", "x", "18446744073709551616"]),
    ("--gauge", ["--tol"]),
    ("--json", ["", "--quiet"]),
    ("--plan", [""]),
    ("--key", [",", "a,,b", "a,b,c,d,e"]),
]

# Whole command lines: files, arguments, exit status, what is named.
X_AND_Y = {"x.npy": GOOD, "y.npy": GOOD}
MATRICES = {"nan.npy": npy([[1, NAN], [NAN, 1]]), "tilted.npy": npy([[2, 1], [0, 1.0]]),
            "below.npy": npy([[1, 0], [0, -2.0]]), "unit.npy": npy([[1, 0], [0, 1.0]])}
D = ["distance", "x.npy", "y.npy"]
COMMAND_LINES = [
    ([], 2, ["command is missing"]),
    (["distanc"], 2, ["distanc", "distance?"]),
    (["--bogus"], 2, ["--bogus"]),
    (["help", "bogus"], 2, ["bogus"]),
    (["version", "x"], 2, ["x"]),
    (["distance"], 2, ["X and Y"]),
    (["distance", "x.npy"], 2, ["got 1"]),
    (["distance", "x.npy", ""], 2, ["Y", "empty"]),
    (D + ["z.npy"], 2, ["got 3"]),
    (D + ["--bogus"], 2, ["--bogus"]),
    (D + ["--bogus=3"], 2, ["--bogus"]),
    (D + ["-z"], 2, ["-z"]),
    (D + ["--quiet=yes"], 2, ["--quiet"]),
    (D + ["--tol"], 2, ["--tol", "value"]),
    (D + ["--tol", "1e-3", "--tol", "1e-6"], 2, ["--tol", "twice"]),
    (D + ["--out", "p.npz"], 2, ["--out"]),
    (["distance", "-", "-"], 2, ["standard input"]),
    (["distance", "-", "y.npy", "--a", "-"], 2, ["standard input"]),
    (["distance", "-", "y.npy"], 3, ["standard input", "empty"]),
    (["distance", "nowhere.npy", "y.npy"], 3, ["nowhere.npy"]),
    (["distance", ".", "y.npy"], 3, [".", "directory"]),
    (["distance", "/dev/zero", "y.npy"], 3, ["/dev/zero", "device"]),
    (D + ["--a", "nowhere.txt"], 3, ["nowhere.txt"]),
    (D + ["--key", "x"], 2, ["--key", ".npz"]),
    (D + ["--geodesic", "0,1"], 2, ["--geodesic-out"]),
    (D + ["--geodesic-out", "g.npz"], 2, ["--geodesic "]),
    (D + ["--geodesic", "0,nan", "--geodesic-out", "g.npz"], 2, ["--geodesic", "'nan'"]),
    (D + ["--geodesic", "0,inf", "--geodesic-out", "g.npz"], 2, ["--geodesic", "'inf'"]),
    (D + ["--geodesic", "0,,1", "--geodesic-out", "g.npz"], 2, ["--geodesic", "''"]),
    (D + ["--geodesic", "0,1,", "--geodesic-out", "g.npz"], 2, ["--geodesic", "''"]),
    (D + ["--geodesic", "start", "--geodesic-out", "g.npz"], 2, ["--geodesic", "'start'"]),
    (D + ["--project", "1"], 2, ["--project-out"]),
    (D + ["--project-out", "p.npz"], 2, ["--project K"]),
    (D + ["--project", "0", "--project-out", "p.npz"], 2, ["--project"]),
    (D + ["--project", "99", "--project-out", "p.npz"], 3, ["--project 99", "x.npy"]),
    (D + ["--project", "1", "--project-out", "nowhere/p.npz"], 3, ["nowhere/p.npz"]),
    (D + ["--gradients", "nowhere/g.npz"], 3, ["nowhere/g.npz"]),
    (D + ["--gradients", "g.npz", "--gauge", "schatten:0.5"], 3, ["--gradients", "p < 1"]),
    (D + ["--plan", "o.npz", "--gradients", "o.npz"], 2, ["--plan", "--gradients", "o.npz"]),
    (D + ["--plot", "f.gif"], 2, ["f.gif", ".pdf"]),
    (D + ["--plot", "f"], 2, ["f", ".pdf"]),
    (D + ["--plot", "-"], 2, [".pdf"]),
    (D + ["--plan", "o.npz", "--certificate", "o.npz"], 2, ["--plan", "--certificate", "o.npz"]),
    (D + ["--plan", "-", "--json", "-"], 2, ["--plan", "--json"]),
    (D + ["--plan", "x.npy"], 2, ["--plan", "x.npy", "overwrite"]),
    (D + ["--certificate", "./y.npy"], 2, ["--certificate", "y.npy", "overwrite"]),
    (D + ["--plan", "nowhere/p.npz"], 3, ["nowhere/p.npz"]),
    (D + ["--plan", "."], 3, ["directory"]),
    (D + ["--plan", "p/"], 3, ["p/"]),
    (D + ["--plan", "x.npy/p.npz"], 3, ["x.npy/p.npz"]),
    (D + ["--plan", "n" * 5000], 3, ["n" * 100]),
    (D + ["--certificate", "nowhere/c.wgc"], 3, ["nowhere/c.wgc"]),
    (D + ["--plot", "nowhere/f.pdf"], 3, ["nowhere/f.pdf"]),
    (D + ["--json", "nowhere/r.json"], 3, ["nowhere/r.json"]),
    (D + ["--geodesic", "0", "--geodesic-out", "nowhere/g.npz"], 3, ["nowhere/g.npz"]),
    (D + ["--memory-limit", "1"], 4, ["--memory-limit"]),
    (D + ["--memory-limit", "4K"], 4, ["--memory-limit"]),
    (["verify"], 2, ["CERTIFICATE"]),
    (["verify", "x.npy", "y.npy"], 2, ["got 2"]),
    (["verify", "x.npy"], 3, ["x.npy", "certificate"]),
    (["verify", "nowhere.wgc"], 3, ["nowhere.wgc"]),
    (["verify", "."], 3, ["directory"]),
    (["verify", "x.npy", "--threads", "x"], 2, ["--threads"]),
    (["verify", "x.npy", "--bogus"], 2, ["--bogus"]),
    (["verify", "x.npy", "--json", "nowhere/v.json"], 3, ["nowhere/v.json"]),
    (["info"], 2, ["FILE"]),
    (["info", "nowhere.npy"], 3, ["nowhere.npy"]),
    (["info", "."], 3, ["directory"]),
    (["info", "x.npy", "--key", "k"], 3, ["x.npy", "k"]),
    (["info", "x.npy", "--bogus"], 2, ["--bogus"]),
    (["gauge"], 2, ["gauge"]),
    (["gauge", "operator"], 2, ["--matrix"]),
    (["gauge", "operator", "--matrix", "x.npy"], 3, ["x.npy", "(3, 2)", "square"]),
    (["gauge", "bogus", "--matrix", "x.npy"], 2, ["bogus"]),
    (["gauge", "operator", "--matrix", "nowhere.npy"], 3, ["nowhere.npy"]),
    (["demo", "--bogus"], 2, ["--bogus"]),
    (["demo", "extra"], 2, ["extra"]),
    (["gauge", "operator", "--matrix", "nan.npy"], 3, ["nan.npy", "entry [0, 1]", "nan"]),
    (["gauge", "operator", "--matrix", "tilted.npy"], 3, ["tilted.npy", "[1, 0]", "symmetric"]),
    (["gauge", "operator", "--matrix", "below.npy"], 3, ["below.npy", "semidefinite", "-2"]),
    (["gauge", "kyfan:3", "--matrix", "unit.npy"], 3, ["unit.npy", "kyfan:3", "k <= 2"]),
    (["gauge", "operator", "--matrix", ""], 2, ["--matrix", "''"]),
    (["gauge", "operator", "--matrix", "unit.npy", "--matrix", "x.npy"], 2, ["--matrix", "twice"]),
    (["demo", "--threads", "-1"], 2, ["--threads"]),
    (["demo", "--threads", "1025"], 2, ["--threads", "'1025'"]),
    (["demo", "--out", ""], 2, ["--out", "''"]),
]

# Pairs that do not go together.
PAIRS = [
    ({"x.npy": GOOD, "y.npy": npy([[1, 2, 3]])}, ["x.npy", "(3, 2)", "y.npy", "(1, 3)", "columns"]),
    ({"x.npy": GOOD, "y.npy": npy([1, 2, 3.0])}, ["x.npy", "(3, 2)", "y.npy", "(3,)", "columns"]),
]


def cases():
    """(title, files, arguments, exit status, what is named)"""
    for name, data, named in BAD_POINTS:
        files = {name: data, "y.npy": GOOD}
        yield f"X {name}", files, ["distance", name, "y.npy"], 3, [name, *named]
    for name in ("nan.csv", "ragged.csv", "object.npy", "cut_data.npy"):
        data = next(data for other, data, _ in BAD_POINTS if other == name)
        yield f"Y {name}", {"x.npy": GOOD, name: data}, ["distance", "x.npy", name], 3, [name]
    for name, data, named in BAD_WEIGHTS:
        for option in ("--a", "--b"):
            files = {"p.npy": GOOD, "q.npy": GOOD, name: data}
            arguments = ["distance", "p.npy", "q.npy", option, name]
            yield f"{option} {name}", files, arguments, 3, [name, *named]
    for status, gauges in BAD_GAUGES:
        for gauge in gauges:
            named = ["--gauge"] + ([gauge] if status == 3 else [])
            yield f"gauge {gauge}", X_AND_Y, D + ["--gauge", gauge], status, named
    for option, values in BAD_VALUES:
        for value in values:
            yield f"{option} '{value}'", X_AND_Y, D + [option, value], 2, [option, f"'{value}'"]
    for arguments, status, named in COMMAND_LINES:
        files = dict(X_AND_Y, **MATRICES) if arguments[:1] == ["gauge"] else X_AND_Y
        yield " ".join(arguments)[:60], files, arguments, status, named
    for files, named in PAIRS:
        yield "pair", files, D, 3, named
    two = {"xy.npz": zipped({"u.npy": GOOD, "v.npy": GOOD}), "y.npy": GOOD}
    yield "key", two, ["distance", "xy.npz", "y.npy", "--key", "w"], 3, ["xy.npz", "'w'", "u, v"]


def outputs_of(arguments):
    """Adds outputs that must not appear, where the case asks for none itself."""
    asks = any(word.startswith("--") and word[2:6] in ("plan", "cert", "plot", "geod", "json")
               for word in arguments)
    if asks or arguments[:1] != ["distance"] or arguments[-1:] == ["--tol"]:
        return arguments
    return arguments + ["--plan", "out.npz", "--certificate", "out.wgc", "--json", "out.json"]


def try_case(case, limit):
    title, files, arguments, status, named = case
    with scratch() as where:
        for name, data in files.items():
            put(where, name, data)
        done = run(outputs_of(arguments), where, preexec_fn=limit)
        said = text(done.stderr)
        check(done.returncode == status, title, "exit", done.returncode, "expected", status, said)
        check(said.startswith("wgamma") and said.count("\n") == 1, title, "is one line:", said)
        for word in named:
            check(word in said, title, "names", word, "in", said)
        check(REMEDY.search(said), title, "has a remedy:", said)
        check(not done.stdout, title, "prints nothing:", text(done.stdout)[:80])
        check(sorted(os.listdir(where)) == sorted(files), title, "leaves", os.listdir(where))
        for name, data in files.items():
            check(get(where, name) == data, title, "leaves", name, "alone")


def main():
    limit = limit_memory(LITTLE_MEMORY)
    with scratch() as where:  # sanitizers reserve terabytes of address space
        if run(["version"], where, preexec_fn=limit).returncode != 0:
            limit = None
    count = 0
    for case in cases():
        try_case(case, limit)
        count += 1
    check(count >= 70, "only", count, "cases")
    print(count, "cases")


run_all(main)
