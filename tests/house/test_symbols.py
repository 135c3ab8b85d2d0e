"""The shared library exports the functions of include/wgamma.h and nothing else.

Three lists have to agree: the WG_API declarations of the header, what `nm` finds in the library,
and exported.txt, which makes every change of the interface visible in a diff.

    test_symbols.py build/libwgamma.so
"""
import pathlib
import re
import subprocess
import sys

import source

LISTED = pathlib.Path(__file__).with_name('exported.txt')
DECLARATION = re.compile(r'\bWG_API\b[^;{]*?\b(\w+)\s*\(')


def declared():
    header = source.without_comments((source.ROOT / 'include' / 'wgamma.h').read_text('utf-8'))
    return set(DECLARATION.findall(re.sub(r'#\s*define.*', '', header)))


def exported(library):
    lines = subprocess.run(['nm', '-D', '--defined-only', library], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    return {line.split()[-1] for line in lines if line.strip()}


def differences(left, left_name, right, right_name):
    return ([f'{name}: in {left_name}, not in {right_name}' for name in sorted(left - right)] +
            [f'{name}: in {right_name}, not in {left_name}' for name in sorted(right - left)])


def main():
    listed = set(LISTED.read_text('utf-8').split())
    header, library = declared(), exported(sys.argv[1])
    problems = differences(header, 'wgamma.h', library, 'the library')
    problems += differences(header, 'wgamma.h', listed, LISTED.name)
    if not header:
        problems.append('no declaration found in wgamma.h')
    return source.finish('symbols', problems)


if __name__ == '__main__':
    sys.exit(main())
