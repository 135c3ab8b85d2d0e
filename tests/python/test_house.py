"""The package against the header: every structure, every function; imports; what is not there."""
import os
import pathlib
import re
import subprocess
import sys

import ctypes
import pytest
import wgamma
from wgamma import _library as lib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = re.sub(r'/\*.*?\*/', '', (ROOT / 'include' / 'wgamma.h').read_text(), flags=re.S)
KINDS = {'size_t': ctypes.c_size_t, 'int': ctypes.c_int, 'int64_t': ctypes.c_int64,
         'uint64_t': ctypes.c_uint64, 'double': ctypes.c_double}


def fields_of(body):
    """(name, ctypes kind) of a structure's declarations."""
    for declaration in filter(None, (d.strip() for d in body.split(';'))):
        words = declaration.replace('const ', '').split(None, 1)
        if words[0] == 'unsigned':
            words = words[1].split(None, 1)
        for field in words[1].split(','):
            field, _, length = field.strip().rstrip(']').partition('[')
            name = field.lstrip('* ')
            if words[0] == 'char' and length:
                yield name, ctypes.c_char * int(length)
            elif words[0] == 'char':
                yield name, ctypes.c_char_p
            elif '*' in field or words[0].endswith('_fn'):
                yield name, ctypes.c_void_p
            else:
                kind = KINDS.get(words[0]) or lib.STRUCTURES[words[0]]
                yield name, kind * int(length) if length else kind


def test_every_structure_is_the_header_s():
    for name, mirror in lib.STRUCTURES.items():
        body = re.search(r'typedef struct %s \{(.*?)\} %s;' % (name, name), HEADER, re.S)
        assert body, name
        wanted = list(fields_of(body.group(1)))
        assert [n for n, _ in mirror._fields_] == [n for n, _ in wanted], name
        for (field, found), (_, kind) in zip(mirror._fields_, wanted):
            assert ctypes.sizeof(found) == ctypes.sizeof(kind), (name, field)
            assert (found is ctypes.c_double) == (kind is ctypes.c_double), (name, field)


def test_every_function_is_bound_or_named():
    exported = set((ROOT / 'tests' / 'house' / 'exported.txt').read_text().split())
    bound = set(lib.FUNCTIONS) | set(lib.OTHERS)
    named = {n for n in exported if n in lib.UNBOUND}
    assert not bound & named
    assert exported == bound | named, exported ^ (bound | named)


def test_arguments_are_as_many_as_the_header_s():
    for name, letters in {**lib.FUNCTIONS, **{k: v[0] for k, v in lib.OTHERS.items()}}.items():
        declared = re.search(r'\b%s\((.*?)\);' % name, HEADER, re.S).group(1)
        count = 0 if declared.strip() == 'void' else declared.count(',') + 1
        assert len(letters) == count, name
        for letter, text in zip(letters, declared.split(',')):
            pointer = '*' in text or '_fn ' in text
            assert pointer == (letter in 'spP'), (name, text)
            if letter in 'ildu':
                kind = {'i': 'int ', 'l': 'int64_t ', 'd': 'double ', 'u': 'uint64_t '}[letter]
                assert text.strip().startswith(kind), (name, text)


def python(code, **variables):
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path), **variables}
    return subprocess.run([sys.executable, '-c', code], env=environment, text=True,
                          capture_output=True)


def test_import_is_quick_and_pulls_in_numpy_only():
    code = ('import sys, time, numpy, ctypes, json, zlib\nstart = time.perf_counter()\n'
            'import wgamma\nspent = time.perf_counter() - start\n'
            'heavy = [m for m in ("scipy", "matplotlib", "torch", "tqdm") if m in sys.modules]\n'
            'print(spent, heavy)')
    spent, heavy = min(python(code).stdout.split(None, 1) for _ in range(5))
    assert heavy.strip() == '[]'
    assert float(spent) < 0.05 * 4  # fifty milliseconds, on a machine that may be busy


def test_without_optional_packages():
    code = ('import sys\nfor name in ("scipy", "matplotlib", "tqdm", "torch"): sys.modules[name] = '
            'None\nimport wgamma\nr = wgamma.distance([[0.0], [1.0]], [[2.0], [3.0]], "trace", '
            'progress=True)\nassert isinstance(r.plan, wgamma.Plan) and r._repr_html_()\n'
            'print(r.plan.toarray((2, 2)).tolist())')
    found = python(code)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == '[[0.5, 0.0], [0.0, 0.5]]'


def test_a_missing_library_is_said():
    found = python('import wgamma', WGAMMA_LIBRARY='/nowhere/libwgamma.so')
    assert found.returncode and 'nowhere' in found.stderr


def test_everything_public_has_a_docstring():
    for name in wgamma.__all__:
        assert getattr(wgamma, name).__doc__, name


def test_the_examples_in_docstrings():
    import doctest
    for module in ('clouds', 'convexity', 'directions', 'dynamic', 'energies', 'flows', 'gauges',
                   'gaussians', 'barycentres', 'certificates', 'many', 'moments', 'muon', 'sphere'):
        __import__('wgamma.' + module)
        assert doctest.testmod(sys.modules['wgamma.' + module]).failed == 0


@pytest.mark.parametrize('page, least', [('user/python.md', 10), ('tutorial.md', 10),
                                         ('index.md', 3)])
def test_the_pages(page, least):
    import doctest
    failed, count = doctest.testfile(str(ROOT / 'docs' / page), module_relative=False)
    assert failed == 0 and count >= least
