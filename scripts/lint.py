#!/usr/bin/env python3
"""All static checks: formatting, clang-tidy, manual pages, scripts. Exit status 1 if one complains.

    lint.py BUILD          a configured build tree (for its compile_commands.json)
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# The functions that the model describes are defined in base/, which therefore does without it.
MODEL = [f'--extra-arg={flag}' for flag in (
    f'-I{ROOT}/include', f'-I{ROOT}/src', f'-include{ROOT}/scripts/analyzer_model.h')]


def files(endings, *folders):
    found = (path for folder in folders for path in (ROOT / folder).rglob('*'))
    return sorted(path for path in found if path.suffix in endings and path.is_file())


def run(command):
    """What a command prints when it complains; "" when it is content."""
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout or f'{command[0]}: status {done.returncode}\n' if done.returncode else ''


def openmp_header(build):
    """omp.h belongs to the compiler that builds; clang-tidy is shown that one header of it."""
    done = subprocess.run(['cc', '-print-file-name=include/omp.h'], text=True,
                          stdout=subprocess.PIPE)
    header = pathlib.Path(done.stdout.strip())
    folder = pathlib.Path(build).resolve() / 'lint-headers'
    folder.mkdir(exist_ok=True)
    if header.is_absolute() and not (folder / 'omp.h').exists():
        (folder / 'omp.h').symlink_to(header)
    return f'--extra-arg=-idirafter{folder}'


def format_check():
    sources = files({'.c', '.h'}, 'src', 'cli', 'include', 'tests', 'examples', 'scripts')
    return run(['clang-format', '--dry-run', '-Werror', *map(str, sources)])


def tidy_check(build):
    sources = files({'.c'}, 'src', 'cli', 'examples')
    common = ['clang-tidy', '--quiet', '-p', build, openmp_header(build)]

    def check(path):
        plain = path.parent.name in ('base', 'examples')
        return run([*common, *([] if plain else MODEL), str(path)])

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return ''.join(pool.map(check, sources))


def page_check():
    return ''.join(run(['mandoc', '-T', 'lint', '-W', 'warning', str(page)])
                   for page in files({'.1'}, 'docs'))


def script_check():
    complaints = ''
    for path in files({'.py'}, 'scripts', 'tests', 'bench'):
        try:
            compile(path.read_bytes(), str(path), 'exec')
        except (SyntaxError, ValueError) as fault:
            complaints += f'{path}: {fault}\n'
    shell = files({'.sh', '.bash'}, 'scripts', 'tests', 'cli', 'docs') + [ROOT / '.ci' / 'run']
    return complaints + ''.join(run(['bash', '-n', str(path)]) for path in shell)


def main():
    checks = [('format', format_check), ('tidy', lambda: tidy_check(sys.argv[1])),
              ('manual pages', page_check), ('scripts', script_check)]
    failed = 0
    for name, check in checks:
        complaint = check()
        failed += bool(complaint)
        print(complaint + f'lint: {name}: {"complains" if complaint else "clean"}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
