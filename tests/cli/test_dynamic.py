"""Images, clouds and films of wgamma dynamic: files in, files out."""

import math
import os
import shutil
import struct
import zlib

from harness import ENVIRONMENT, check, get, put, report, run, run_all, scratch, text

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def image(rows, colours=0):
    """A PNG of 8-bit grey levels (colours 0) or of RGBA tuples (colours 6)."""
    flat = [b"\0" + bytes(v for p in row for v in (p if colours else (p,))) for row in rows]
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, colours, 0, 0, 0)
    return (PNG + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(flat))) +
            chunk(b"IEND", b""))


def spot(column, size=9):
    """Black ink in one column of white paper, in the lowest row but two."""
    return [[0 if (i, j) == (size - 3, column) else 255 for j in range(size)]
            for i in range(size)]


def test_images(where):
    put(where, "a.png", image(spot(2)))
    put(where, "b.png", image(spot(6)))
    found = report(["dynamic", "a.png", "b.png", "--gauge", "trace", "--steps", "4", "--out",
                    "p.npz", "--static", "--tol", "0.5"], where)
    check(found["shape"] == [9, 9], found["shape"])
    check(abs(found["w2_static"]["lower"] - 16) < 1e-4, "four cells to the right", found)
    # a column of text is an axis: the ink is at [2, 2], counted from the left and from below
    put(where, "t.csv", "\n".join(",".join("1" if (i, j) == (2, 2) else "0" for j in range(9))
                                  for i in range(9)) + "\n")
    same = report(["dynamic", "a.png", "t.csv", "--steps", "2", "--static", "--iterations", "1"],
                  where)
    check(same["w2_static"]["upper"] < 1e-9, same["w2_static"])
    # what is transparent is paper, whatever its colour; half ink weighs half
    clear = [[(0, 0, 0, 0), (0, 0, 0, 255)], [(255, 255, 255, 255), (0, 0, 0, 128)]]
    put(where, "c.png", image(clear, 6))
    put(where, "c.csv", "0,0\n128,255\n")
    same = report(["dynamic", "c.png", "c.csv", "--steps", "2", "--static", "--iterations", "1"],
                  where)
    check(same["w2_static"]["upper"] < 1e-6, same["w2_static"])


def refuse(arguments, where, status, words):
    done = run(["dynamic"] + arguments, where)
    said = text(done.stderr)
    check(done.returncode == status, arguments, done.returncode, said)
    check(words in said, words, said)


def test_bad_images(where):
    put(where, "a.png", image(spot(2)))
    put(where, "short.png", image(spot(2))[:40])
    put(where, "not.png", "1,2\n3,4\n")
    put(where, "white.png", image([[255] * 4] * 4))
    refuse(["a.png", "short.png"], where, 3, "short.png cannot be read as a PNG image")
    refuse(["not.png", "a.png"], where, 3, "not.png cannot be read as a PNG image")
    refuse(["a.png", "none.png"], where, 3, "none.png does not exist")
    refuse(["white.png", "white.png"], where, 3, "white.png")


def test_clouds(where):
    """Means are kept exactly, and so is W^2 of a translation but for the grid."""
    put(where, "x.csv", "0,0\n0.3,1\n1,0.2\n")
    put(where, "y.csv", "2,0\n2.3,1\n3,0.2\n")
    put(where, "w.txt", "0.2\n0.5\n0.3\n")
    found = report(["dynamic", "x.csv", "y.csv", "--bins", "24,12", "--gauge", "trace",
                    "--weights-a", "w.txt", "--weights-b", "w.txt", "--static", "--tol",
                    "0.5", "--steps", "8"], where)
    check(found["shape"] == [24, 12], found["shape"])
    check(math.isclose(found["spacing"][0], 3 / 21) and math.isclose(found["spacing"][1], 1 / 9),
          found["spacing"])
    # at least the squared distance of the means, 4, and at most that and a cell's spread
    check(4 - 1e-6 <= found["w2_static"]["upper"] < 4 + 0.05, found["w2_static"])


def test_bad_clouds(where):
    put(where, "x.csv", "0,0\n0.3,1\n1,0.2\n")
    put(where, "y.csv", "1\n2\n")
    put(where, "z.csv", "1,2,3,4\n")
    put(where, "w.txt", "0.2\n0.5\n")
    put(where, "v.txt", "0.2\n0.5\n0.4\n")
    refuse(["x.csv", "x.csv", "--bins", "3"], where, 2, "--bins 3: an axis has a whole number")
    refuse(["x.csv", "x.csv", "--bins", "8,8,8"], where, 2, "--bins has 3 numbers for 2 axes")
    refuse(["x.csv", "x.csv", "--bins", "8", "--spacing", "1"], where, 2, "leave --spacing out")
    refuse(["x.csv", "y.csv", "--bins", "8"], where, 3, "both need the same")
    refuse(["z.csv", "z.csv", "--bins", "8"], where, 3, "a grid has three axes at most")
    weighed = ["x.csv", "x.csv", "--bins", "8", "--weights-a"]
    refuse(weighed + ["w.txt"], where, 3, "one weight a point")
    refuse(weighed + ["v.txt"], where, 3, "sum to 1.1")
    refuse(["x.csv", "x.csv", "--weights-a", "w.txt"], where, 2, "which --bins N wants")


ENCODER = """#!/bin/sh
[ "$1" = -version ] && exit 0
for last; do :; done
cat > "${last#file:}"
"""


def film(arguments, where, expected, path):
    before = dict(ENVIRONMENT)
    ENVIRONMENT.update(PATH=path)
    done = run(["dynamic"] + arguments + ["--quiet", "--iterations", "20"], where)
    ENVIRONMENT.clear()
    ENVIRONMENT.update(before)
    check(done.returncode == expected, arguments, done.returncode, text(done.stderr))
    return done


def pictures(found):
    return [PNG + part for part in found.split(PNG)[1:]]


def test_films(where):
    put(where, "a.txt", "4 1 0 0 0\n")
    put(where, "b.txt", "0 0 0 1 4\n")
    put(where, "c.png", image(spot(2)))
    put(where, "d.png", image(spot(6)))
    os.mkdir(where + "/bin")
    put(where, "bin/ffmpeg", ENCODER)
    os.chmod(where + "/bin/ffmpeg", 0o755)
    path = where + "/bin:" + os.environ["PATH"]
    for pair, name in ((["a.txt", "b.txt"], "line.gif"), (["c.png", "d.png"], "plane.mp4")):
        film(pair + ["--animate", name], where, 1, path)
        found = pictures(get(where, name))
        check(len(found) == 150 and len(set(found)) == 150, name, len(found), len(set(found)))
        wide, high = struct.unpack(">II", found[0][16:24])
        check(wide % 2 == 0 and high % 2 == 0, "an encoder wants even sides", wide, high)
    done = film(["a.txt", "b.txt", "--animate", "g.avi"], where, 2, path)
    check(b".gif, .png, .apng or .mp4" in done.stderr, text(done.stderr))
    done = film(["a.txt", "b.txt", "--animate", "g.gif"], where, 3, where)
    check(b"needs the program ffmpeg" in done.stderr, text(done.stderr))
    if shutil.which("ffmpeg") is None:
        print("skipped: films by the true ffmpeg, which is not installed")
        return
    film(["c.png", "d.png", "--animate", "true.gif"], where, 1, os.environ["PATH"])
    check(get(where, "true.gif")[:6] == b"GIF89a", "a GIF")


def main():
    for test in (test_images, test_bad_images, test_clouds, test_bad_clouds, test_films):
        with scratch() as where:
            test(where)


run_all(main)
