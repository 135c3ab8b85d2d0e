"""Reads every #include line of src/ and cli/ and fails on an arrow that the house does not have.

Folders stand in tiers and include lower tiers and themselves only. What a certificate rests on
must not share code with the solvers, so certify/ sees less than its tier would allow. A header that
is not its folder's own front page is private to the folder. Foreign libraries have one door each.

The test proves itself: it also runs on planted trees, each with one bad line, and every one of them
has to be found.
"""
import pathlib
import re
import sys
import tempfile

import source

TIERS = [
    ['base'],
    ['linalg'],
    ['gauge', 'measure'],
    ['ot', 'lmo', 'certify', 'cone'],
    ['spectral', 'gaussian'],
    ['dynamic', 'sphere', 'flow'],
    ['api'],
]
# Beside the tiers. The command reaches the base through the front page of io, never by itself. Of
# the tiers only api sees files: what computes has no business with them.
EXCEPTIONS = {
    'certify': {'base', 'linalg', 'gauge', 'measure'},
    'file': {'base'},
    'io': {'base', 'file'},
    'plot': {'base'},
    'cli': {'io', 'plot'},
}
ALSO = {'api': {'file'}}  # beside lower tiers
FRONT_PAGES = {'linalg': 'la.h'}  # elsewhere <folder>.h
PUBLIC = 'wgamma.h'
FOREIGN = {
    'cblas.h': {'linalg'},
    'lapacke.h': {'linalg'},
    'fftw3.h': {'dynamic'},
    'omp.h': {'base'},
    'arb.h': {'certify'},
    'arb_mat.h': {'certify'},
    'jansson.h': {'file', 'cli'},
    'zip.h': {'io'},
    'zlib.h': {'file', 'io'},
    'cairo.h': {'plot'},
    'cairo-pdf.h': {'plot'},
    'cairo-svg.h': {'plot'},
}
SYSTEM = set('''
assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h
setjmp.h signal.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h
stdnoreturn.h string.h strings.h tgmath.h threads.h time.h uchar.h wchar.h wctype.h
dirent.h fcntl.h getopt.h immintrin.h spawn.h sys/mman.h sys/resource.h sys/stat.h sys/time.h
sys/types.h sys/wait.h unistd.h
'''.split())

INCLUDE = re.compile(r'^\s*#\s*include\s*(\S+)', re.M)


def allowed_folders():
    allowed, below = dict(EXCEPTIONS), set()
    for tier in TIERS:
        for folder in tier:
            allowed.setdefault(folder, set(below) | ALSO.get(folder, set()))
        below |= set(tier)
    return allowed


ALLOWED = allowed_folders()


def fault_of(folder, target):
    """What is wrong with `target` ("..." or <...>) in a file of `folder`; None if nothing is."""
    name = target[1:-1]
    if target[0] == '<':
        if name in FOREIGN:
            doors = FOREIGN[name]
            return None if folder in doors else f'only {", ".join(sorted(doors))} may see it'
        return None if name in SYSTEM else 'it is not in the list of known headers'
    if target[0] != '"':
        return 'neither "..." nor <...>'
    parts = name.split('/')
    if name == PUBLIC or (folder == 'cli' and len(parts) == 1):
        return None
    if len(parts) != 2:
        return 'internal includes are written "folder/file.h"'
    if parts[0] == folder:
        return None
    if parts[0] not in ALLOWED.get(folder, set()):
        return f'{folder} does not stand above {parts[0]}'
    if parts[1] != FRONT_PAGES.get(parts[0], f'{parts[0]}.h'):
        return f'it is private to {parts[0]}'
    return None


def check_file(root, path):
    relative = path.relative_to(root)
    folder = 'cli' if relative.parts[0] == 'cli' else relative.parts[1]
    if folder not in ALLOWED:
        return [f'{relative}: the folder {folder} has no tier; give it one in {__file__}']
    problems = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        match = INCLUDE.match(line)
        fault = match and fault_of(folder, match.group(1))
        if fault:
            problems.append(f'{relative}:{number}: {line.strip()}: {fault}')
    return problems


def check(root):
    return [p for path in source.c_files(root, 'src', 'cli') for p in check_file(root, path)]


PLANTED = [
    ('src/base/a.c', '#include "linalg/la.h"'),
    ('src/base/a.c', '#include <cblas.h>'),
    ('src/gauge/a.c', '#include "measure/measure.h"'),
    ('src/ot/a.c', '#include "certify/certify.h"'),
    ('src/ot/a.h', '#  include "spectral/spectral.h"'),
    ('src/certify/a.c', '#include "ot/ot.h"'),
    ('src/certify/a.c', '#include "spectral/spectral.h"'),
    ('src/certify/a.c', '#include "io/io.h"'),
    ('src/spectral/a.c', '#include "ot/engine.h"'),
    ('src/spectral/a.c', '#include "api/api.h"'),
    ('src/spectral/a.c', '#include <lapacke.h>'),
    ('src/io/a.c', '#include "plot/plot.h"'),
    ('src/io/a.c', '#include <cairo.h>'),
    ('src/plot/a.c', '#include "linalg/la.h"'),
    ('src/api/a.c', '#include "io/io.h"'),
    ('src/api/a.c', '#include "file/parts.h"'),
    ('src/certify/a.c', '#include "file/file.h"'),
    ('src/spectral/a.c', '#include "file/file.h"'),
    ('src/file/a.c', '#include "io/io.h"'),
    ('src/io/a.c', '#include <jansson.h>'),
    ('src/api/a.c', '#include "state.h"'),
    ('src/api/a.c', '#include "../base/base.h"'),
    ('src/api/a.c', '#include <somewhere/else.h>'),
    ('src/novel/a.c', '#include "base/base.h"'),
    ('cli/a.c', '#include "base/base.h"'),
    ('cli/a.c', '#include "spectral/spectral.h"'),
    ('cli/a.c', '#include "io/parts.h"'),
]
FINE = [
    ('src/spectral/a.c', '#include "spectral/state.h"\n#include "ot/ot.h"\n#include <math.h>\n'),
    ('src/certify/a.c', '#include "linalg/la.h"\n/* #include "ot/ot.h" */\n'),
    ('cli/a.c', '#include "cli.h"\n#include "wgamma.h"\n#include <jansson.h>\n'),
]


def planted_problems(path, text):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text + '\n', encoding='utf-8')
        return len(check(root))


def main():
    problems = [f'a planted {line} in {path} is not found' for path, line in PLANTED
                if planted_problems(path, line) != 1]
    problems += [f'an honest {path} is refused' for path, text in FINE
                 if planted_problems(path, text) != 0]
    if not source.c_files(source.ROOT, 'src'):
        problems.append('no sources found')
    return source.finish('includes', problems + check(source.ROOT))


if __name__ == '__main__':
    sys.exit(main())
